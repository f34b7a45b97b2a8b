/*
 * kmeans_step.c - k-means a step at a time: sums at given centroids, which merge, and Lloyd's step from them
 *
 * For rows that cannot come to one place: each place sums up its own, the sums are added, and the new centroids go out again.
 * Cost: 3 k columns flops a row.  A row of two nearest centroids goes to the first.
 */
#include "kmeans.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

KmeansStep *
kmeans_step_new(EcmlCtx *ctx, const double *centroids, int k, int columns)
{
	KmeansStep *step = ECML_NEW0(ctx, KmeansStep, 1);
	size_t		size = (size_t) k * columns;

	step->k = k;
	step->columns = columns;
	step->centroids = ECML_NEW0(ctx, double, size);
	if (centroids)
		memcpy(step->centroids, centroids, size * sizeof(double));
	step->sizes = ECML_NEW0(ctx, double, k);
	step->sums = ECML_NEW0(ctx, double, size);
	return step;
}

/* The squared distance of x from a centroid. */
ECML_CLONES static double
distance(const double *x, const double *centroid, int n)
{
	double		sum = 0;

#pragma omp simd reduction(+:sum)
	for (int j = 0; j < n; j++)
		sum += (x[j] - centroid[j]) * (x[j] - centroid[j]);
	return sum;
}

void
kmeans_step_add(KmeansStep *step, const double *x)
{
	double		least = INFINITY;
	int			nearest = 0;
	const double *centroid;
	double	   *sum;

	for (int c = 0; c < step->k; c++)
	{
		double		d = distance(x, step->centroids + (size_t) c * step->columns, step->columns);

		if (d < least)
		{
			least = d;
			nearest = c;
		}
	}
	centroid = step->centroids + (size_t) nearest * step->columns;
	sum = step->sums + (size_t) nearest * step->columns;
	step->rows++;
	step->inertia += least;
	step->sizes[nearest]++;
	for (int j = 0; j < step->columns; j++)
		sum[j] += x[j] - centroid[j];
}

void
kmeans_step_merge(KmeansStep *step, const KmeansStep *other)
{
	size_t		size = (size_t) step->k * step->columns;

	step->rows += other->rows;
	step->inertia += other->inertia;
	for (int c = 0; c < step->k; c++)
		step->sizes[c] += other->sizes[c];
	for (size_t i = 0; i < size; i++)
		step->sums[i] += other->sums[i];
}

void
kmeans_step_write(EcmlWriter *w, const KmeansStep *step)
{
	size_t		size = (size_t) step->k * step->columns;

	ecml_write_u32(w, (uint32_t) step->k);
	ecml_write_u32(w, (uint32_t) step->columns);
	ecml_write_f8(w, step->rows);
	ecml_write_f8(w, step->inertia);
	ecml_write_f8s(w, step->sizes, step->k);
	ecml_write_f8s(w, step->centroids, size);
	ecml_write_f8s(w, step->sums, size);
}

KmeansStep *
kmeans_step_read(EcmlReader *r)
{
	int			k = (int) ecml_read_u32_in(r, 1, 65536);
	int			columns = (int) ecml_read_u32_in(r, 1, 100000);
	size_t		size = (size_t) k * columns;
	KmeansStep *step;

	/* before anything of that size is made */
	if (size > KMEANS_STEP_VALUES || ecml_read_left(r) != (2 + (size_t) k + 2 * size) * sizeof(double))
		ecml_read_corrupted(r, "its length is not that of its centroids");
	step = kmeans_step_new(r->ctx, NULL, k, columns);
	step->rows = ecml_read_finite(r);
	step->inertia = ecml_read_finite(r);
	memcpy(step->sizes, ecml_read_finite_f8s(r, k), k * sizeof(double));
	memcpy(step->centroids, ecml_read_finite_f8s(r, size), size * sizeof(double));
	memcpy(step->sums, ecml_read_finite_f8s(r, size), size * sizeof(double));
	return step;
}

double
kmeans_step_next(const KmeansStep *step, double *next)
{
	double		shift = 0;

	for (int c = 0; c < step->k; c++)
		for (int j = 0; j < step->columns; j++)
		{
			size_t		i = (size_t) c * step->columns + j;
			double		move = step->sizes[c] > 0 ? step->sums[i] / step->sizes[c] : 0;

			next[i] = step->centroids[i] + move;
			shift += move * move;
		}
	return shift;
}

typedef struct Place
{
	double		size;
	double		first;			/* coordinate */
	int			number;
} Place;

/* The largest first; of as large ones by the first coordinate. */
static int
compare_places(const void *a, const void *b)
{
	const Place *x = a;
	const Place *y = b;

	if (x->size != y->size)
		return x->size > y->size ? -1 : 1;
	return x->first < y->first ? -1 : x->first > y->first ? 1 : x->number - y->number;
}

KmeansModel *
kmeans_step_fit(EcmlCtx *ctx, const KmeansParams *params, const double *centroids, int columns, double variance,
				void (*sums) (void *arg, KmeansStep *step), void *arg)
{
	int			k = params->k;
	size_t		size = (size_t) k * columns;
	KmeansModel *model = ECML_NEW0(ctx, KmeansModel, 1);
	double	   *next = ECML_NEW(ctx, double, size);
	Place	   *places = ECML_NEW(ctx, Place, k);
	KmeansStep *step;

	memcpy(next, centroids, size * sizeof(double));
	for (;;)
	{
		double		shift;

		step = kmeans_step_new(ctx, next, k, columns);
		sums(arg, step);
		/* the last sums are those of the centroids that stay */
		if (model->converged || model->iterations >= params->max_iter)
			break;
		model->iterations++;
		shift = kmeans_step_next(step, next);
		model->converged = shift <= params->tolerance * variance;
		ecml_free(ctx, step->centroids);
		ecml_free(ctx, step->sums);
		ecml_free(ctx, step->sizes);
		ecml_free(ctx, step);
	}
	for (int c = 0; c < k; c++)
		places[c] = (Place) {step->sizes[c], step->centroids[(size_t) c * columns], c};
	qsort(places, k, sizeof(Place), compare_places);
	model->k = k;
	model->columns = columns;
	model->centroids = ECML_NEW(ctx, double, size);
	model->sizes = ECML_NEW(ctx, double, k);
	model->inertia = step->inertia;
	for (int c = 0; c < k; c++)
	{
		model->sizes[c] = places[c].size;
		memcpy(model->centroids + (size_t) c * columns, step->centroids + (size_t) places[c].number * columns,
			   columns * sizeof(double));
	}
	ecml_free(ctx, next);
	ecml_free(ctx, places);
	return model;
}
