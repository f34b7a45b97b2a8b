/*
 * mahalanobis_fit.c - from rows to location, covariance and threshold
 *
 * Robust: the raw estimate of FastMCD (mahalanobis_mcd.c), scaled to be consistent for normal rows (Croux and Haesbroeck 1999);
 * rows within the 0.975 quantile of chi-square of it make the final mean and covariance, scaled for what that cuts off
 * (Rousseeuw and Van Driessen 1999).  Columns in which one value is that of most rows (dummies of categories, say) have no
 * part in the search; their moments are those of the rows that the others leave, and no smaller than those of all rows.
 *
 * The covariance is taken apart as D R D, D the deviations; R's eigenvectors give the inverse square root, tell which columns
 * depend on each other, and how many dimensions there are.  An eigenvalue of 0 gets the ridge, so that a row which breaks a
 * relation that held in all rows (a total that is not the sum of its parts, a category never seen) is far away.
 *
 * Values are worked with less their median, in units of the median absolute deviation of a sample, so that the outliers
 * sought do not spoil the arithmetic.
 *
 * Cost: classical n p^2 / 2 multiplications for the covariance and n p^2 for the distances; robust about ten times that, and the
 * starts, 500 times 2 steps on 300 rows.  Memory: 17 bytes a row.
 */
#include "anomaly/mahalanobis_internal.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "num/dist.h"
#include "num/eigen.h"
#include "num/select.h"

#define QUANTILE 0.975			/* of the reweighting */
#define RIDGE 1e-6
#define UNITS 1500				/* rows from which units are taken */

const char *
mahalanobis_check(const MahalanobisParams *params)
{
	if (params->support_fraction != 0 && (params->support_fraction < 0.5 || params->support_fraction > 1))
		return "support_fraction must lie between 0.5 and 1";
	if (params->level <= 0 || params->level >= 1)
		return "level must lie between 0 and 1";
	if (params->contamination < 0 || params->contamination > 0.5)
		return "contamination must lie between 0 and 0.5";
	return NULL;
}

/* ---- sampling ---- */

static int
compare(const void *a, const void *b)
{
	size_t		x = *(const size_t *) a;
	size_t		y = *(const size_t *) b;

	return (x > y) - (x < y);
}

MdSample
md_sample(EcmlCtx *ctx, EcmlData *data, size_t rows)
{
	MdSample	sample = {.rows = data->rows < rows ? data->rows : rows};
	size_t	   *number = ECML_NEW(ctx, size_t, sample.rows);
	EcmlBlock  *blocks = ECML_NEW(ctx, EcmlBlock, ECML_FETCH);
	size_t		at = 0;
	size_t		different = 0;

	/* numbers drawn at random, sorted; what came twice is drawn again */
	if (sample.rows == data->rows)
		for (size_t i = 0; i < sample.rows; i++)
			number[i] = i;
	else
		while (different < sample.rows)
		{
			size_t		kept = 0;

			for (size_t i = different; i < sample.rows; i++)
				number[i] = ecml_rng_below(&ctx->rng, data->rows);
			qsort(number, sample.rows, sizeof(size_t), compare);
			for (size_t i = 0; i < sample.rows; i++)
				if (kept == 0 || number[kept - 1] != number[i])
					number[kept++] = number[i];
			different = kept;
		}
	sample.x = ECML_NEW(ctx, double, sample.rows * data->columns);
	sample.w = data->has_w ? ECML_NEW(ctx, double, sample.rows) : NULL;
	for (size_t b = 0, got; b < data->nblocks && at < sample.rows; b += got)
	{
		/* blocks without a row of the sample need not be fetched */
		b = number[at] / ECML_BLOCK_ROWS;
		got = ecml_data_fetch(ctx, data, b, blocks, ECML_FETCH);
		for (size_t k = 0; k < got; k++)
			for (; at < sample.rows && number[at] < blocks[k].first + blocks[k].rows; at++)
			{
				size_t		i = number[at] - blocks[k].first;

				for (int j = 0; j < data->columns; j++)
					sample.x[at * data->columns + j] = ECML_BLOCK_F8(&blocks[k], j)[i];
				if (sample.w)
					sample.w[at] = blocks[k].w[i];
			}
	}
	ecml_free(ctx, number);
	ecml_free(ctx, blocks);
	/* in random order: groups are cut from it */
	for (size_t i = sample.rows; i > 1; i--)
	{
		size_t		other = ecml_rng_below(&ctx->rng, i);

		for (int j = 0; j < data->columns; j++)
		{
			double		t = sample.x[(i - 1) * data->columns + j];

			sample.x[(i - 1) * data->columns + j] = sample.x[other * data->columns + j];
			sample.x[other * data->columns + j] = t;
		}
		if (sample.w)
		{
			double		t = sample.w[i - 1];

			sample.w[i - 1] = sample.w[other];
			sample.w[other] = t;
		}
	}
	return sample;
}

/* ---- units ---- */

/* Median and units of each column; majority: more than half of the rows have one value. */
static void
measure(EcmlCtx *ctx, EcmlData *data, double *center, double *unit, bool *majority)
{
	MdSample	sample = md_sample(ctx, data, UNITS);
	double	   *v = ECML_NEW(ctx, double, sample.rows);

	for (int j = 0; j < data->columns; j++)
	{
		double		deviation;

		if (j % 64 == 63)
			ecml_poll(ctx, 0, 0);
		for (size_t i = 0; i < sample.rows; i++)
			v[i] = sample.x[i * data->columns + j];
		/* one that occurs, so that a constant column is exactly 0 */
		center[j] = ecml_select_f8(v, sample.rows, sample.rows / 2);
		for (size_t i = 0; i < sample.rows; i++)
			v[i] = fabs(sample.x[i * data->columns + j] - center[j]);
		deviation = ecml_select_f8(v, sample.rows, sample.rows / 2) * 1.4826;
		majority[j] = !(deviation > 0);
		unit[j] = deviation > 0 ? 1 / deviation : 1;
		/* tiny numbers, whose inverse is none */
		if (!isfinite(unit[j]))
			unit[j] = 1;
	}
	ecml_free(ctx, v);
	ecml_free(ctx, sample.x);
	ecml_free(ctx, sample.w);
}

/* How much larger the covariance of normal rows is than that of the share alpha nearest to the centre. */
static double
consistency(int p, double alpha)
{
	return alpha >= 1 ? 1 : alpha / ecml_chi2_cdf(ecml_chi2_quantile(alpha, p), p + 2);
}

/* ---- the root of the covariance ---- */

/*
 * From mean and covariance of the columns (in units) the model's location, scale, root, df, log_det; marks what is tangled.
 */
static void
take_root(EcmlCtx *ctx, MahalanobisModel *model, const MdEstimate *e, const double *center, const double *unit, double ridge)
{
	int			p = model->terms;
	int		   *used = ECML_NEW(ctx, int, p + 1);
	int			q = 0;
	double	   *r;
	double	   *values = ECML_NEW(ctx, double, p + 1);
	double		added;
	bool		singular = false;

	for (int j = 0; j < p; j++)
	{
		double		deviation = sqrt(e->s[(size_t) j * p + j]);

		model->location[j] = center[j] + e->mean[j] / unit[j];
		model->scale[j] = model->states[j] == MAHALANOBIS_CONSTANT ? 0 : deviation / unit[j];
		if (model->scale[j] > 0)
			used[q++] = j;
	}
	r = ECML_NEW(ctx, double, (size_t) q * q + 1);
	for (int i = 0; i < q; i++)
		for (int j = 0; j < q; j++)
			r[(size_t) i * q + j] = i == j ? 1 : e->s[(size_t) used[i] * p + used[j]] /
				sqrt(e->s[(size_t) used[i] * p + used[i]]) / sqrt(e->s[(size_t) used[j] * p + used[j]]);
	ecml_eigen_symmetric(ctx, r, q, values);
	for (int k = 0; k < q; k++)
		singular = singular || values[k] <= MD_SINGULAR * q;
	added = ridge >= 0 ? ridge : singular ? RIDGE : 0;
	model->ridge = added;
	model->df = 0;
	model->log_det = 0;
	for (int k = 0; k < q; k++)
	{
		const double *vector = r + (size_t) k * q;
		double		most = 0;

		for (int j = 0; j < q; j++)
			most = fmax(most, fabs(vector[j]));
		if (values[k] <= MD_SINGULAR * q)
		{
			for (int j = 0; j < q; j++)
				if (fabs(vector[j]) > 1e-3 * most)
					model->states[used[j]] = MAHALANOBIS_TANGLED;
			values[k] = 0;
		}
		else
		{
			model->df++;
			model->log_det += log(values[k]);
		}
	}
	for (int j = 0; j < q; j++)
		model->log_det += 2 * log(model->scale[used[j]]);
	memset(model->root, 0, (size_t) p * p * sizeof(double));
	for (int k = 0; k < q; k++)
	{
		const double *vector = r + (size_t) k * q;
		double		value = values[k] + added;
		double		f = value > 0 ? 1 / sqrt(value) : 0;

		ecml_poll(ctx, 0, 0);
		for (int i = 0; i < q; i++)
		{
			double	   *row = model->root + (size_t) used[i] * p;
			double		g = f * vector[i];

			for (int j = 0; j <= i; j++)
				row[used[j]] += g * vector[j];
		}
	}
	for (int i = 0; i < p; i++)
		for (int j = 0; j < i; j++)
			model->root[(size_t) j * p + i] = model->root[(size_t) i * p + j];
	ecml_free(ctx, used);
	ecml_free(ctx, r);
	ecml_free(ctx, values);
}

/* ---- what makes the anomalies ---- */

#define BLAMED 10000			/* rows looked at, about */

/* The mean contributions to the distance of rows above the threshold. */
static void
blame(MdCloud *cloud, MahalanobisModel *model)
{
	EcmlCtx    *ctx = cloud->ctx;
	EcmlData   *data = cloud->data;
	EcmlBlock  *blocks = ECML_NEW(ctx, EcmlBlock, ECML_FETCH);
	double	   *x = ECML_NEW(ctx, double, model->terms + 1);
	double	   *c = ECML_NEW(ctx, double, model->terms + 1);
	size_t		above = 0;
	size_t		step;
	size_t		number = 0;
	double		total = 0;

	for (size_t i = 0; i < cloud->n; i++)
		above += cloud->distance[i] > model->threshold;
	step = 1 + above / BLAMED;
	for (size_t b = 0, got; b < data->nblocks && above > 0; b += got)
	{
		got = ecml_data_fetch(ctx, data, b, blocks, ECML_FETCH);
		for (size_t k = 0; k < got; k++)
		{
			const double *distance = cloud->distance + blocks[k].first;

			ecml_poll(ctx, 0, 0);
			for (int i = 0; i < blocks[k].rows; i++)
			{
				double		w;

				if (!(distance[i] > model->threshold) || number++ % step != 0)
					continue;
				w = blocks[k].w ? blocks[k].w[i] : 1;
				total += w;
				for (int j = 0; j < model->terms; j++)
					x[j] = ECML_BLOCK_F8(&blocks[k], j)[i];
				mahalanobis_contributions(model, x, c);
				for (int j = 0; j < model->terms; j++)
					model->blame[j] += w * c[j];
				if (model->terms > 256)
					ecml_poll(ctx, 0, 0);
			}
		}
	}
	for (int j = 0; j < model->terms; j++)
		model->blame[j] = total > 0 ? fmin(model->blame[j] / total, DBL_MAX) : 0;
	ecml_free(ctx, blocks);
	ecml_free(ctx, x);
	ecml_free(ctx, c);
}

/* ---- the fit ---- */

/*
 * Leaves in cloud->keep the rows that the robust estimate calls normal, and in e their moments; false: there is no such
 * estimate, and nothing is set.  majority [p] may get more columns.
 */
static bool
robust_moments(EcmlCtx *ctx, EcmlData *data, const MahalanobisParams *params, const double *center, const double *unit,
			   const bool *few, bool *majority, MdCloud *cloud, MdEstimate *e, MahalanobisModel *model)
{
	int			p = data->columns;
	int		   *columns = ECML_NEW(ctx, int, p + 1);
	int			q = 0;
	int			n_starts = params->n_starts;
	double		share;
	MdCloud		part = *cloud;
	MdEstimate *raw;
	double		factor;
	bool		good;

	for (int j = 0; j < p; j++)
		if (!majority[j])
			columns[q++] = j;
	if (q == 0 || data->rows < (size_t) q + 2)
	{
		ecml_free(ctx, columns);
		return false;
	}
	/* the same rows and scratch memory, fewer columns */
	part.p = q;
	part.columns = columns;
	raw = md_estimate_create(ctx, q);
	share = params->support_fraction > 0 ? floor(params->support_fraction * data->rows) : ceil(0.5 * (data->rows + q + 1.0));
	share = share > data->rows ? 1 : share / data->rows;
	if (n_starts == 0)
		n_starts = q <= 30 ? 500 : q <= 60 ? 100 : q <= 150 ? 30 : 10;
	q = md_fast_mcd(&part, share, n_starts, columns, majority, raw);
	good = q > 0;
	if (good)
	{
		factor = consistency(q, share);
		model->determinant = share * part.total;
		md_distances(&part, raw->mean, raw->inverse, true);
		md_keep_below(&part, ecml_chi2_isf(1 - QUANTILE, q) * factor);
		model->support = md_moments(cloud, false, e);
		good = model->support > 0;
		factor = sqrt(consistency(q, QUANTILE));
		for (int i = 0; good && i < p; i++)
			for (int j = 0; j < p; j++)
				e->s[(size_t) i * p + j] *= (few[i] ? 1 : factor) * (few[j] ? 1 : factor);
	}
	md_estimate_free(ctx, raw);
	ecml_free(ctx, columns);
	return good;
}

MahalanobisModel *
mahalanobis_fit(EcmlCtx *ctx, EcmlData *data, const MahalanobisParams *params)
{
	int			p = data->columns;
	MahalanobisModel *model = ECML_NEW0(ctx, MahalanobisModel, 1);
	double	   *center = ECML_NEW0(ctx, double, p + 1);
	double	   *unit = ECML_NEW0(ctx, double, p + 1);
	bool	   *majority = ECML_NEW0(ctx, bool, p + 1);
	int		   *columns = ECML_NEW(ctx, int, p + 1);
	bool	   *few = ECML_NEW0(ctx, bool, p + 1);	/* one value holds in most rows */
	MdCloud    *cloud;
	MdEstimate *e;

	if (data->rows < 2)
	{
		ecml_detail(ctx, "There are %zu rows that can be used.", data->rows);
		ecml_hint(ctx, "Give at least two rows, better five times as many as columns.");
		ecml_fail(ctx, ECML_DATA_EXCEPTION, "too few rows for a covariance");
	}
	if (p > MAHALANOBIS_TERMS)
	{
		ecml_detail(ctx, "There are %d columns, categories counted as one each.", p);
		ecml_fail(ctx, ECML_LIMIT_EXCEEDED, "more than %d columns", MAHALANOBIS_TERMS);
	}
	model->terms = p;
	model->location = ECML_NEW0(ctx, double, p + 1);
	model->scale = ECML_NEW0(ctx, double, p + 1);
	model->root = ECML_NEW0(ctx, double, (size_t) p * p + 1);
	model->states = ECML_NEW0(ctx, uint8_t, p + 1);
	model->blame = ECML_NEW0(ctx, double, p + 1);

	for (int j = 0; j < p; j++)
		columns[j] = j;
	measure(ctx, data, center, unit, few);
	cloud = md_cloud_create(ctx, data, p, columns, center, unit);
	e = md_estimate_create(ctx, p);

	/* all rows: what is constant, and the units of columns that have none yet */
	model->rows = model->support = model->determinant = md_moments(cloud, true, e);
	for (int j = 0; j < p; j++)
	{
		double		variance = e->s[(size_t) j * p + j];

		majority[j] = few[j];
		if (!(variance > 0))
		{
			model->states[j] = MAHALANOBIS_CONSTANT;
			majority[j] = true;
		}
		else if (few[j])
			unit[j] /= sqrt(variance);
	}
	if (params->robust)
		model->robust = robust_moments(ctx, data, params, center, unit, few, majority, cloud, e, model);
	if (!model->robust)
		model->support = model->determinant = md_moments(cloud, true, e);
	for (int j = 0; j < p && model->robust; j++)
	{
		double	   *own = &e->s[(size_t) j * p + j];

		if (majority[j] && model->states[j] != MAHALANOBIS_CONSTANT)
			model->states[j] = MAHALANOBIS_MAJORITY;
		/* rows left out must not make a rare value impossible: over all rows the variance is 1, as units were taken from it */
		if (few[j] && model->states[j] != MAHALANOBIS_CONSTANT)
			*own = fmax(*own, 1);
	}
	take_root(ctx, model, e, center, unit, params->ridge);

	/* distances of all rows of training, as predictions are made */
	{
		double	   *mean = ECML_NEW0(ctx, double, p + 1);
		double		above = 0;

		for (int j = 0; j < p; j++)
		{
			center[j] = model->location[j];
			unit[j] = model->scale[j] > 0 ? 1 / model->scale[j] : 0;
		}
		md_distances(cloud, mean, model->root, false);
		if (params->contamination > 0)
			model->threshold = fmin(md_quantile(cloud, 1 - params->contamination), DBL_MAX);
		else
			model->threshold = model->df > 0 ? ecml_chi2_quantile(params->level, model->df) : 0;
		for (size_t i = 0; i < cloud->n; i++)
			if (cloud->distance[i] > model->threshold)
				above += cloud->w ? cloud->w[i] : 1;
		model->anomalies = above;
		blame(cloud, model);
		ecml_free(ctx, mean);
	}
	md_estimate_free(ctx, e);
	md_cloud_free(cloud);
	ecml_free(ctx, center);
	ecml_free(ctx, unit);
	ecml_free(ctx, majority);
	ecml_free(ctx, columns);
	ecml_free(ctx, few);
	return model;
}
