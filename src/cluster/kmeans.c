/*
 * kmeans.c - k-means clustering: parameters, the starts of a fit, the model
 *
 * A start chooses centroids among a sample of the rows (kmeans_seed.c), iterates on the sample when there is much more
 * data than that, then on all rows (kmeans_iterate.c), and is scored in double (kmeans_score.c); the best start is kept.
 * Iterations on the sample cost a fraction of those on the data, and leave few to be done there.
 *
 * Cost: iterations * rows * k * columns at most.  Memory beside the data: the sample (see sample_rows), 12 bytes a row for
 * bounds if they fit, k * columns doubles a few times.
 */
#include "kmeans_internal.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAX_CLUSTERS 65536

/* iterate on the sample first if the data have at least so many times its rows */
#define SAMPLE_FIRST 4

const char *
kmeans_check(const KmeansParams *params)
{
	if (params->k < 1 || params->k > MAX_CLUSTERS)
		return "The number of clusters must be between 1 and 65536.";
	if (params->n_init < 1)
		return "The number of starts must be at least 1.";
	if (params->max_iter < 1)
		return "The number of iterations must be at least 1.";
	if (!(params->tolerance >= 0) || isinf(params->tolerance))
		return "The tolerance must be zero or a positive number.";
	if (params->init != KMEANS_INIT_PLUSPLUS && params->init != KMEANS_INIT_RANDOM)
		return "The initialization must be k-means++ or random.";
	return NULL;
}

/*
 * Each thread has scratch of its own: in a small budget fewer of them, which changes no result.  Gives what that of all may take,
 * whatever their number is.
 */
static size_t
limit_threads(EcmlCtx *ctx, int k, int columns)
{
	size_t		each = kmeans_scratch_bytes(k, columns);
	size_t		most = ctx->budget / 32;

	if (ctx->budget == 0)
		return 0;
	if (most > 64 * each)
		most = 64 * each;
	while (ctx->threads > 1 && ctx->threads * each > most)
		ctx->threads--;
	return most > each ? most : each;
}

/*
 * 2^17 rows, fewer of many columns (64 MB), but always some for each cluster.  Where the budget is too small for that and what
 * seeding takes beside it, a sample that fits: then, and only then, the result depends on the budget.
 */
static size_t
sample_rows(const EcmlCtx *ctx, size_t all, const KmeansParams *params, int columns, size_t scratch)
{
	size_t		rows = (size_t) 1 << 17;
	size_t		least = 8 * (size_t) params->k;
	double		centroids = 3.0 * params->k * (KMEANS_PAD(columns) + 1) * sizeof(double);

	if (rows > ((size_t) 1 << 24) / columns)
		rows = ((size_t) 1 << 24) / columns;
	if (least < 1024)
		least = 1024;
	if (rows > all)
		rows = all;
	while (rows > least && !ecml_fits(ctx, (size_t) (kmeans_sample_bytes(rows, params, columns, scratch) + centroids)))
		rows /= 2;
	return rows < least ? least : rows;
}

typedef struct Order
{
	double		size;
	const double *centroid;		/* [columns] */
	int			columns;
	int			number;
} Order;

static int
compare_order(const void *a, const void *b)
{
	const Order *x = a;
	const Order *y = b;

	if (x->size != y->size)
		return x->size > y->size ? -1 : 1;
	for (int j = 0; j < x->columns; j++)
		if (x->centroid[j] != y->centroid[j])
			return x->centroid[j] < y->centroid[j] ? -1 : 1;
	return x->number < y->number ? -1 : 1;
}

/* The model of centroids [k][pad] and their sizes, sorted. */
static KmeansModel *
make_model(EcmlCtx *ctx, int k, int columns, const double *centroids, const double *sizes)
{
	size_t		pad = KMEANS_PAD(columns);
	KmeansModel *model = ECML_NEW0(ctx, KmeansModel, 1);
	Order	   *order = ECML_NEW(ctx, Order, k);

	model->k = k;
	model->columns = columns;
	model->centroids = ecml_alloc_array(ctx, k, columns * sizeof(double));
	model->sizes = ECML_NEW(ctx, double, k);
	for (int c = 0; c < k; c++)
		order[c] = (Order) {.size = sizes[c],.centroid = centroids + c * pad,.columns = columns,.number = c};
	qsort(order, k, sizeof(Order), compare_order);
	for (int c = 0; c < k; c++)
	{
		memcpy(model->centroids + (size_t) c * columns, order[c].centroid, columns * sizeof(double));
		model->sizes[c] = order[c].size;
	}
	ecml_free(ctx, order);
	return model;
}

KmeansModel *
kmeans_fit(EcmlCtx *ctx, EcmlData *data, const KmeansParams *params)
{
	int			k = params->k;
	int			columns = data->columns;
	size_t		pad = KMEANS_PAD(columns);
	const char *wrong = kmeans_check(params);
	EcmlData   *sample;
	double	   *centroids;		/* [k][pad] */
	double	   *best;
	double	   *sizes;
	double	   *best_sizes;
	double		best_inertia = INFINITY;
	int			iterations = 0;
	bool		converged = false;
	double		threshold = 0;
	size_t		scratch;
	EcmlBlock	block;
	KmeansModel *model;

	if (wrong)
		ecml_fail(ctx, ECML_INVALID_PARAMETER, "%s", wrong);
	if (data->rows == 0 || columns < 1)
	{
		ecml_detail(ctx, "Rows: %zu; columns: %d.", data->rows, columns);
		ecml_hint(ctx, "Train on a source that has rows whose features are not null.");
		ecml_fail(ctx, ECML_DATA_EXCEPTION, "no rows to cluster");
	}
	if (data->element != ECML_F4)
		ecml_fail(ctx, ECML_INTERNAL, "k-means needs data in single precision");
	/* what reading from a file takes is in use before it is seen what is left */
	(void) ecml_data_fetch(ctx, data, 0, &block, 1);
	scratch = limit_threads(ctx, k, columns);
	sample = kmeans_sample(ctx, data, sample_rows(ctx, data->rows, params, columns, scratch), ecml_rng_stream(&ctx->rng, 1));
	if (params->tolerance > 0)
		threshold = params->tolerance * kmeans_mean_variance(ctx, data);
	centroids = ecml_alloc_array(ctx, k, pad * sizeof(double));
	best = ecml_alloc_array(ctx, k, pad * sizeof(double));
	sizes = ECML_NEW(ctx, double, k);
	best_sizes = ECML_NEW(ctx, double, k);
	for (int start = 0; start < params->n_init; start++)
	{
		EcmlRng		rng = ecml_rng_stream(&ctx->rng, 16 + (uint64_t) start);
		int			n;
		bool		stopped;
		double		inertia;

		ecml_progress(ctx, (double) start / params->n_init, (double) start / params->n_init);
		kmeans_seed(ctx, data, sample, params, &rng, centroids);
		if (data->rows >= SAMPLE_FIRST * sample->rows)
			kmeans_iterate(ctx, sample, k, params->max_iter, threshold, centroids, &n, &stopped);
		ecml_progress(ctx, (double) start / params->n_init, (double) (start + 1) / params->n_init);
		kmeans_iterate(ctx, data, k, params->max_iter, threshold, centroids, &n, &stopped);
		inertia = kmeans_inertia(ctx, data, centroids, k, sizes);
		if (inertia < best_inertia || start == 0)
		{
			double	   *swap = best;

			best = centroids;
			centroids = swap;
			swap = best_sizes;
			best_sizes = sizes;
			sizes = swap;
			best_inertia = inertia;
			iterations = n;
			converged = stopped;
		}
	}
	ecml_progress(ctx, 0, 1);
	model = make_model(ctx, k, columns, best, best_sizes);
	model->inertia = best_inertia;
	model->iterations = iterations;
	model->converged = converged;
	ecml_free(ctx, best_sizes);
	ecml_free(ctx, sizes);
	ecml_free(ctx, best);
	ecml_free(ctx, centroids);
	kmeans_sample_free(ctx, sample);
	return model;
}

int
kmeans_assign(const KmeansModel *model, const double *x, double *distance2)
{
	return kmeans_nearest_exact(model->centroids, model->k, model->columns, model->columns, x, distance2);
}

void
kmeans_write(EcmlWriter *w, const KmeansModel *model)
{
	ecml_write_u32(w, (uint32_t) model->k);
	ecml_write_u32(w, (uint32_t) model->columns);
	ecml_write_u32(w, (uint32_t) model->iterations);
	ecml_write_u8(w, model->converged);
	ecml_write_f8(w, model->inertia);
	ecml_write_f8s(w, model->sizes, model->k);
	ecml_write_f8s(w, model->centroids, (size_t) model->k * model->columns);
}

KmeansModel *
kmeans_read(EcmlReader *r, int columns)
{
	KmeansModel *model = ECML_NEW0(r->ctx, KmeansModel, 1);

	model->k = (int) ecml_read_u32_in(r, 1, MAX_CLUSTERS);
	model->columns = (int) ecml_read_u32_in(r, 1, INT_MAX);
	if (model->columns != columns)
		ecml_read_corrupted(r, "the centroids have another number of columns than the model has features");
	model->iterations = (int) ecml_read_u32_in(r, 0, INT_MAX);
	model->converged = ecml_read_bool(r);
	model->inertia = ecml_read_finite(r);
	if (model->inertia < 0)
		ecml_read_corrupted(r, "the inertia is negative");
	model->sizes = ecml_read_finite_f8s(r, model->k);
	for (int c = 0; c < model->k; c++)
		if (model->sizes[c] < 0)
			ecml_read_corrupted(r, "the size of a cluster is negative");
	model->centroids = ecml_read_finite_f8s(r, (size_t) model->k * model->columns);
	ecml_read_end(r);
	return model;
}
