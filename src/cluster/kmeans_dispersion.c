/*
 * kmeans_dispersion.c - how separate clusters are: Davies-Bouldin and Calinski-Harabasz
 *
 * With m_c the mean of the rows of cluster c and m that of all rows,
 *     Davies and Bouldin: the mean over clusters of max over d of (s_c + s_d) / |m_c - m_d|, s_c the mean distance to m_c;
 *     Calinski and Harabasz: (sum n_c |m_c - m|^2 / (k - 1)) / (sum |x - m_c|^2 / (n - k)).
 * Clusters without rows do not count.  Two passes over the rows, then k * k * columns for the pairs of means.
 */
#include "kmeans_internal.h"

#include <math.h>

typedef struct Dispersion
{
	int			k;
	int			columns;
	double	   *mean;			/* [k][columns]; in the first pass sums */
	double	   *weight;			/* [k] */
	double	   *distance;		/* [k] sum of the distances to the mean */
	double	   *row;			/* [ECML_BLOCK_ROWS] squared distances of a block */
	double		within;
} Dispersion;

static void
sum_means(void *arg, const EcmlBlock *block, const int32_t *label)
{
	Dispersion *d = arg;

	for (int i = 0; i < block->rows; i++)
		d->weight[label[i]] += block->w ? block->w[i] : 1;
	for (int j = 0; j < d->columns; j++)
	{
		const float *x = ECML_BLOCK_F4(block, j);

		for (int i = 0; i < block->rows; i++)
			d->mean[(size_t) label[i] * d->columns + j] += block->w ? block->w[i] * x[i] : x[i];
	}
}

static void
sum_distances(void *arg, const EcmlBlock *block, const int32_t *label)
{
	Dispersion *d = arg;

	for (int i = 0; i < block->rows; i++)
		d->row[i] = 0;
	for (int j = 0; j < d->columns; j++)
	{
		const float *x = ECML_BLOCK_F4(block, j);

		for (int i = 0; i < block->rows; i++)
		{
			double		t = x[i] - d->mean[(size_t) label[i] * d->columns + j];

			d->row[i] += t * t;
		}
	}
	for (int i = 0; i < block->rows; i++)
	{
		double		w = block->w ? block->w[i] : 1;

		d->distance[label[i]] += w * sqrt(d->row[i]);
		d->within += w * d->row[i];
	}
}

static double
distance2(const double *a, const double *b, int columns)
{
	double		sum = 0;

	for (int j = 0; j < columns; j++)
		sum += (a[j] - b[j]) * (a[j] - b[j]);
	return sum;
}

/* As scikit-learn: means that coincide have no quotient. */
static double
davies_bouldin(EcmlCtx *ctx, const Dispersion *d, int met)
{
	double		total = 0;

	for (int a = 0; a < d->k; a++)
	{
		double		most = 0;

		ecml_poll(ctx, 0, 0);
		for (int b = 0; b < d->k && d->weight[a] > 0; b++)
		{
			double		apart;

			if (a == b || d->weight[b] == 0)
				continue;
			apart = sqrt(distance2(d->mean + (size_t) a * d->columns, d->mean + (size_t) b * d->columns, d->columns));
			if (apart > 0)
				most = fmax(most, (d->distance[a] + d->distance[b]) / apart);
		}
		total += most;
	}
	return total / met;
}

KmeansDispersion
kmeans_dispersion(EcmlCtx *ctx, EcmlData *data, const KmeansModel *model)
{
	KmeansDispersion result = {NAN, NAN};
	Dispersion	d = {.k = model->k,.columns = model->columns};
	double	   *center = ECML_NEW0(ctx, double, d.columns);
	double		total = 0;
	double		between = 0;
	int			met = 0;

	d.mean = ecml_zalloc_array(ctx, d.k, d.columns * sizeof(double));
	d.weight = ECML_NEW0(ctx, double, d.k);
	d.distance = ECML_NEW0(ctx, double, d.k);
	d.row = ECML_NEW(ctx, double, ECML_BLOCK_ROWS);
	kmeans_visit(ctx, data, model, sum_means, &d);
	for (int c = 0; c < d.k; c++)
	{
		double	   *mean = d.mean + (size_t) c * d.columns;

		if (d.weight[c] == 0)
			continue;
		met++;
		total += d.weight[c];
		for (int j = 0; j < d.columns; j++)
		{
			center[j] += mean[j];
			mean[j] /= d.weight[c];
		}
	}
	if (met >= 2)
	{
		for (int j = 0; j < d.columns; j++)
			center[j] /= total;
		kmeans_visit(ctx, data, model, sum_distances, &d);
		for (int c = 0; c < d.k; c++)
			if (d.weight[c] > 0)
			{
				between += d.weight[c] * distance2(d.mean + (size_t) c * d.columns, center, d.columns);
				d.distance[c] /= d.weight[c];
			}
		if (met <= KMEANS_PAIRWISE)
			result.davies_bouldin = davies_bouldin(ctx, &d, met);
		/* no spread within: scikit-learn says 1 */
		result.calinski_harabasz = d.within == 0 ? 1 : between / (met - 1) / (d.within / (total - met));
	}
	ecml_free(ctx, d.row);
	ecml_free(ctx, d.distance);
	ecml_free(ctx, d.weight);
	ecml_free(ctx, d.mean);
	ecml_free(ctx, center);
	return result;
}
