/*
 * test_kmeans.c - k-means against naive code and scikit-learn; the same bits on all ways; damage and lack of memory
 */
#include "cluster/kmeans_internal.h"
#include "host.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- data */

/* Rows by a formula that test/data/kmeans/sklearn.txt shares: exact in float; shift apart in three groups. */
static double *
rows(EcmlCtx *ctx, size_t n, int d, double shift)
{
	double	   *x = ECML_NEW(ctx, double, n * d);

	for (size_t i = 0; i < n; i++)
		for (int j = 0; j < d; j++)
		{
			uint32_t	h = (uint32_t) ((i + 1) * (j + 3) * UINT64_C(2654435761));

			x[i * d + j] = ((h >> 16) & 1023) / 64.0 + shift * (i % 3) * (j + 1);
		}
	return x;
}

/* Normal rows around groups centers; rounded to float, so that float and double code see the same. */
static double *
mixture(EcmlCtx *ctx, uint64_t seed, size_t n, int d, int groups, double spread)
{
	EcmlRng		rng;
	double	   *x = ECML_NEW(ctx, double, n * d);
	double	   *center = ECML_NEW(ctx, double, (size_t) groups * d);

	ecml_rng_seed(&rng, seed);
	for (int i = 0; i < groups * d; i++)
		center[i] = spread * ecml_rng_normal(&rng);
	for (size_t i = 0; i < n; i++)
	{
		size_t		g = ecml_rng_below(&rng, groups);

		for (int j = 0; j < d; j++)
			x[i * d + j] = (float) (center[g * d + j] + ecml_rng_normal(&rng));
	}
	return x;
}

/* Data that yield 1 to 3 blocks at a time, in a buffer that the next fetch overwrites */
typedef struct Spilled
{
	EcmlData	data;
	EcmlData   *source;
	float	   *buffer[3];
	double	   *weight[3];
	uint64_t	count;
} Spilled;

static size_t
spilled_fetch(EcmlCtx *ctx, EcmlData *data, size_t first_block, EcmlBlock *blocks, size_t max)
{
	Spilled    *s = (Spilled *) data;
	size_t		n = 1 + s->count++ * 7 % 3;

	n = n < max ? n : max;
	n = n < data->nblocks - first_block ? n : data->nblocks - first_block;
	for (size_t i = 0; i < 3; i++)
		memset(s->buffer[i], 0xFF, (size_t) data->columns * ECML_BLOCK_ROWS * sizeof(float));	/* NaN */
	for (size_t i = 0; i < n; i++)
	{
		EcmlBlock	block;

		ecml_data_fetch(ctx, s->source, first_block + i, &block, 1);
		blocks[i] = block;
		memcpy(s->buffer[i], block.x, (size_t) data->columns * block.stride * sizeof(float));
		blocks[i].x = s->buffer[i];
		if (block.w)
		{
			memcpy(s->weight[i], block.w, block.rows * sizeof(double));
			blocks[i].w = s->weight[i];
		}
	}
	return n;
}

static EcmlData *
spilled(EcmlCtx *ctx, EcmlData *source)
{
	Spilled    *s = ECML_NEW0(ctx, Spilled, 1);

	s->data = *source;
	s->data.resident = false;
	s->data.fetch = spilled_fetch;
	s->source = source;
	for (int i = 0; i < 3; i++)
	{
		s->buffer[i] = ECML_NEW(ctx, float, (size_t) source->columns * ECML_BLOCK_ROWS);
		s->weight[i] = ECML_NEW(ctx, double, ECML_BLOCK_ROWS);
	}
	return &s->data;
}

/* Fit; false when it failed: test_host tells. */
static bool
fit(EcmlCtx *ctx, EcmlData *data, const KmeansParams *params, KmeansModel **model)
{
	*model = NULL;
	if (TRY(ctx))
	{
		*model = kmeans_fit(ctx, data, params);
		return true;
	}
	return false;
}

static bool
same_model(const KmeansModel *a, const KmeansModel *b)
{
	return a->k == b->k && a->columns == b->columns && a->iterations == b->iterations && a->converged == b->converged &&
		memcmp(&a->inertia, &b->inertia, sizeof(double)) == 0 &&
		memcmp(a->sizes, b->sizes, a->k * sizeof(double)) == 0 &&
		memcmp(a->centroids, b->centroids, (size_t) a->k * a->columns * sizeof(double)) == 0;
}

/* ---------------------------------------------------------------- naive references */

static int
naive_nearest(const double *x, const double *centroids, int k, int d, double *distance2)
{
	int			nearest = 0;

	*distance2 = INFINITY;
	for (int c = 0; c < k; c++)
	{
		double		s = 0;

		for (int j = 0; j < d; j++)
			s += (x[j] - centroids[c * d + j]) * (x[j] - centroids[c * d + j]);
		if (s < *distance2)
		{
			*distance2 = s;
			nearest = c;
		}
	}
	return nearest;
}

static double
naive_inertia(const double *x, const double *w, size_t n, int d, const double *centroids, int k)
{
	double		sum = 0;

	for (size_t i = 0; i < n; i++)
	{
		double		distance2;

		naive_nearest(x + i * d, centroids, k, d, &distance2);
		sum += (w ? w[i] : 1) * distance2;
	}
	return sum;
}

/* Lloyd in double until nothing changes; the iterations.  No cluster may become empty. */
static int
naive_lloyd(EcmlCtx *ctx, const double *x, size_t n, int d, double *centroids, int k, int max_iter)
{
	double	   *sum = ECML_NEW(ctx, double, (size_t) k * d);
	double	   *size = ECML_NEW(ctx, double, k);
	int			iteration = 0;
	bool		changed = true;

	while (changed && iteration < max_iter)
	{
		memset(sum, 0, (size_t) k * d * sizeof(double));
		memset(size, 0, k * sizeof(double));
		for (size_t i = 0; i < n; i++)
		{
			double		distance2;
			int			c = naive_nearest(x + i * d, centroids, k, d, &distance2);

			size[c]++;
			for (int j = 0; j < d; j++)
				sum[c * d + j] += x[i * d + j];
		}
		changed = false;
		for (int c = 0; c < k; c++)
			for (int j = 0; j < d; j++)
			{
				changed |= fabs(sum[c * d + j] / size[c] - centroids[c * d + j]) > 1e-12;
				centroids[c * d + j] = sum[c * d + j] / size[c];
			}
		iteration++;
	}
	return iteration;
}

static double
naive_silhouette(EcmlCtx *ctx, const double *x, size_t n, int d, const double *centroids, int k)
{
	int		   *label = ECML_NEW(ctx, int, n);
	double		total = 0;

	for (size_t i = 0; i < n; i++)
	{
		double		distance2;

		label[i] = naive_nearest(x + i * d, centroids, k, d, &distance2);
	}
	for (size_t i = 0; i < n; i++)
	{
		double		a = 0;
		double		b = INFINITY;

		for (int c = 0; c < k; c++)
		{
			double		sum = 0;
			int			count = 0;

			for (size_t o = 0; o < n; o++)
			{
				double		s = 0;

				if (label[o] != c || o == i)
					continue;
				for (int j = 0; j < d; j++)
					s += (x[i * d + j] - x[o * d + j]) * (x[i * d + j] - x[o * d + j]);
				sum += sqrt(s);
				count++;
			}
			if (c == label[i])
				a = count > 0 ? sum / count : -1;
			else if (count > 0 && sum / count < b)
				b = sum / count;
		}
		total += a < 0 ? 0 : (b - a) / (a > b ? a : b);
	}
	return total / n;
}

/* ---------------------------------------------------------------- kernels */

static void
test_kernels(const KmeansKernels *kernels, int number, int n, int d, int k)
{
	EcmlCtx    *ctx = test_ctx(1, 1);
	double	   *x = mixture(ctx, 10 + d, n, d, 5, 3);
	double	   *c = mixture(ctx, 20 + d, k, d, 5, 3);
	double	   *w = ECML_NEW(ctx, double, n);
	EcmlData   *data = ecml_data_from_rows(ctx, ECML_F4, n, d, x, NULL, NULL);
	EcmlBlock	block;
	size_t		pad = KMEANS_PAD(d);
	float	   *cf = ECML_NEW(ctx, float, (size_t) k * d);
	double	   *cp = ECML_NEW0(ctx, double, k * pad);
	float	   *tile = ECML_NEW(ctx, float, (size_t) d * KMEANS_TILE);
	int32_t    *label = ECML_NEW(ctx, int32_t, ECML_BLOCK_ROWS);
	float	   *best = ECML_NEW(ctx, float, ECML_BLOCK_ROWS);
	float	   *second = ECML_NEW(ctx, float, ECML_BLOCK_ROWS);
	float	   *closer = ECML_NEW(ctx, float, 5 * ECML_BLOCK_ROWS);
	double	   *sums = ECML_NEW0(ctx, double, 4 * k * pad);
	double	   *want = ECML_NEW0(ctx, double, k * pad);
	double		error = 0;
	double		inertia = 0;
	double		s1 = 0;
	double		s2 = 0;
	double		n1 = 0;
	double		n2 = 0;
	double		sum = 0;
	int			wrong = 0;
	int			points = k < 5 ? k : 5;

	ecml_data_fetch(ctx, data, 0, &block, 1);
	for (int i = 0; i < n; i++)
		w[i] = 1 + i % 4;
	for (int i = 0; i < k * d; i++)
	{
		cf[i] = (float) c[i];
		cp[i / d * pad + i % d] = c[i];
	}
	kernels->nearest(block.x, block.stride, n, d, cf, k, tile, label, best, second);
	for (int i = 0; i < n; i++)
	{
		double		least = INFINITY;
		double		next = INFINITY;
		double		own = 0;

		for (int q = 0; q < k; q++)
		{
			double		s = 0;

			for (int j = 0; j < d; j++)
				s += (x[i * d + j] - c[q * d + j]) * (x[i * d + j] - c[q * d + j]);
			next = fmin(next, fmax(s, least));
			least = fmin(least, s);
			if (q == label[i])
				own = s;
		}
		wrong += own > least * (1 + 1e-5) || label[i] < 0 || label[i] >= k;
		error = fmax(error, fabs(best[i] - least) / least);
		if (k > 1)
			error = fmax(error, fabs(second[i] - next) / next);
		else
			wrong += !isinf(second[i]);
		inertia += w[i] * own;
		for (int j = 0; j < d; j++)
			want[label[i] * pad + j] += w[i] * x[i * d + j];
		n1 += w[i] * (x[i * d] - x[0]);
		n2 += w[i] * (x[i * d] - x[0]) * (x[i * d] - x[0]);
		sum += w[i] * best[i];
	}
	ok(wrong == 0 && error < 1e-5, "kernels %d, %d x %d, k = %d: nearest and second nearest (error %g)", number, n, d, k, error);

	/* without the second, the same bits */
	{
		int32_t    *label2 = ECML_NEW(ctx, int32_t, ECML_BLOCK_ROWS);
		float	   *best2 = ECML_NEW(ctx, float, ECML_BLOCK_ROWS);

		kernels->nearest(block.x, block.stride, n, d, cf, k, tile, label2, best2, NULL);
		ok(memcmp(label, label2, n * sizeof(int32_t)) == 0 && memcmp(best, best2, n * sizeof(float)) == 0,
		   "kernels %d: the same without the second nearest", number);
	}
	kernels->add(block.x, block.stride, n, 0, d, label, w, sums, pad, k * pad);
	error = 0;
	for (size_t i = 0; i < k * pad; i++)
		error = fmax(error, fabs(sums[i] + sums[k * pad + i] + sums[2 * k * pad + i] + sums[3 * k * pad + i] - want[i]));
	ok(error < 1e-8, "kernels %d: weighted sums (error %g)", number, error);
	close_to(kernels->inertia(block.x, block.stride, n, d, label, w, cp, pad), inertia, 1e-12, "kernels %d: inertia", number);
	kernels->moments(block.x, w, n, (float) x[0], &s1, &s2);
	ok(fabs(s1 - n1) < 1e-9 && fabs(s2 - n2) < 1e-8, "kernels %d: moments", number);
	close_to(kernels->sum(best, w, n), sum, 1e-13, "kernels %d: sum", number);

	/* closer, from infinity: the distances that nearest saw */
	for (int i = 0; i < ECML_BLOCK_ROWS; i++)
		second[i] = INFINITY;
	kernels->closer(block.x, block.stride, n, d, cf, points, tile, second, closer, ECML_BLOCK_ROWS);
	wrong = 0;
	for (int i = 0; i < n; i++)
		if (label[i] < points)
			wrong += closer[label[i] * ECML_BLOCK_ROWS + i] != best[i];
	ok(wrong == 0, "kernels %d: a distance has the same bits wherever it is computed", number);
	test_ctx_free(ctx);
}

/* The filter of one instruction set against the portable one */
static void
test_filter(const KmeansKernels *kernels, int number)
{
	enum
	{
		N = 1003, K = 9
	};
	static float upper[2][N];
	static float lower[2][N];
	static int32_t label[N];
	static int32_t list[2][N + 16];
	float		move[K];
	EcmlRng		rng;
	int			found[2];

	ecml_rng_seed(&rng, 5);
	for (int c = 0; c < K; c++)
		move[c] = (float) ecml_rng_double(&rng);
	for (int i = 0; i < N; i++)
	{
		label[i] = (int32_t) ecml_rng_below(&rng, K);
		upper[0][i] = upper[1][i] = (float) (3 * ecml_rng_double(&rng));
		lower[0][i] = lower[1][i] = (float) (5 * ecml_rng_double(&rng));
	}
	upper[0][7] = upper[1][7] = INFINITY;
	for (int v = 0; v < 2; v++)
		found[v] = (v ? kernels : kmeans_kernels_number(0))->filter(N, label, upper[v], lower[v], move, 3, 1.5f, 0.9f, list[v]);
	ok(found[0] == found[1] && found[0] > 100 && found[0] < N - 100 &&
	   memcmp(list[0], list[1], found[0] * sizeof(int32_t)) == 0 && memcmp(upper[0], upper[1], sizeof(upper[0])) == 0 &&
	   memcmp(lower[0], lower[1], sizeof(lower[0])) == 0, "kernels %d: filter lists %d of %d rows", number, found[0], N);
}

/* ---------------------------------------------------------------- iterations and fits */

static double
reference(FILE *f)
{
	char		line[256];

	while (fgets(line, sizeof(line), f))
		if (line[0] != '#')
			return atof(line);
	return NAN;
}

/* Iterate from rows 0 .. k-1 of x, with the last `away` centroids far off; the inertia. */
static double
iterate_from(EcmlCtx *ctx, EcmlData *data, const double *x, int k, int away, int max_iter, int *iterations)
{
	int			d = data->columns;
	size_t		pad = KMEANS_PAD(d);
	double	   *centroids = ECML_NEW0(ctx, double, k * pad);
	bool		converged;

	for (int c = 0; c < k; c++)
		for (int j = 0; j < d; j++)
			centroids[c * pad + j] = c < k - away ? x[c * d + j] : 1000.0 * (c - (k - away) + 1);
	kmeans_iterate(ctx, data, k, max_iter, 0, centroids, iterations, &converged);
	return kmeans_inertia(ctx, data, centroids, k, NULL);
}

static void
test_against_sklearn(void)
{
	EcmlCtx    *ctx = test_ctx(2, 1);
	FILE	   *f = fopen("test/data/kmeans/sklearn.txt", "r");
	double	   *x = rows(ctx, 3000, 4, 0);
	EcmlData   *data = ecml_data_from_rows(ctx, ECML_F4, 3000, 4, x, NULL, NULL);
	int			iterations;

	if (f == NULL)
	{
		skip("test/data/kmeans/sklearn.txt is not there");
		test_ctx_free(ctx);
		return;
	}
	close_to(iterate_from(ctx, data, x, 6, 0, 300, &iterations), reference(f), 1e-9, "scikit-learn: inertia");
	ok(iterations > 5, "scikit-learn: %d iterations", iterations);
	close_to(iterate_from(ctx, data, x, 6, 0, 3, &iterations), reference(f), 1e-9, "scikit-learn: after 3 iterations");
	close_to(iterate_from(ctx, data, x, 6, 2, 1, &iterations), reference(f), 1e-9, "scikit-learn: two empty clusters");
	close_to(iterate_from(ctx, data, x, 6, 2, 300, &iterations), reference(f), 1e-9, "scikit-learn: and converged");
	{
		double	   *y = rows(ctx, 500, 3, 6);
		EcmlData   *small = ecml_data_from_rows(ctx, ECML_F4, 500, 3, y, NULL, NULL);
		double		centroids[9] = {0};
		double		sizes[3] = {0};
		KmeansModel model = {.k = 3,.columns = 3,.centroids = centroids,.sizes = sizes};
		double		got;

		for (int i = 0; i < 500; i++)
			sizes[i % 3]++;
		for (int i = 0; i < 500; i++)
			for (int j = 0; j < 3; j++)
				centroids[i % 3 * 3 + j] += y[i * 3 + j] / sizes[i % 3];
		got = kmeans_silhouette(ctx, small, &model, 10000);
		close_to(got, reference(f), 1e-6, "scikit-learn: silhouette");
		close_to(got, naive_silhouette(ctx, y, 500, 3, centroids, 3), 1e-6, "naive: silhouette");
		got = kmeans_silhouette(ctx, small, &model, 300);
		ok(fabs(got - naive_silhouette(ctx, y, 500, 3, centroids, 3)) < 0.05, "silhouette of a sample is near");
		model.k = 1;
		ok(isnan(kmeans_silhouette(ctx, small, &model, 500)), "silhouette of one cluster is NaN");
	}
	fclose(f);
	test_ctx_free(ctx);
}

static void
test_against_naive(size_t n, int d, int k)
{
	EcmlCtx    *ctx = test_ctx(2, 3);
	double	   *x = mixture(ctx, n + d, n, d, k, 4);
	EcmlData   *data = ecml_data_from_rows(ctx, ECML_F4, n, d, x, NULL, NULL);
	size_t		pad = KMEANS_PAD(d);
	double	   *naive = ECML_NEW(ctx, double, (size_t) k * d);
	double	   *centroids = ECML_NEW0(ctx, double, k * pad);
	KmeansParams params = KMEANS_DEFAULTS;
	KmeansModel *model;
	double		error = 0;
	double	   *sizes = ECML_NEW(ctx, double, k);
	double		before;
	int			iterations;
	int			naive_iterations;
	bool		converged;

	/* from the same rows, spread over the data */
	for (int c = 0; c < k; c++)
		for (int j = 0; j < d; j++)
			centroids[c * pad + j] = naive[c * d + j] = x[c * (n / k) * d + j];
	kmeans_iterate(ctx, data, k, 300, 0, centroids, &iterations, &converged);
	naive_iterations = naive_lloyd(ctx, x, n, d, naive, k, 300);
	for (int c = 0; c < k; c++)
		for (int j = 0; j < d; j++)
			error = fmax(error, fabs(centroids[c * pad + j] - naive[c * d + j]));
	ok(converged && abs(iterations - naive_iterations) <= 1 && error < 1e-9,
	   "%zu x %d, k = %d: naive Lloyd (%d iterations, %d naive; error %g)", n, d, k, iterations, naive_iterations, error);

	params.k = k;
	params.tolerance = 0;
	model = kmeans_fit(ctx, data, &params);
	close_to(model->inertia, naive_inertia(x, NULL, n, d, model->centroids, k), 1e-12, "inertia");
	ok(model->inertia <= naive_inertia(x, NULL, n, d, naive, k) * 1.02, "seeding is as good as chance");
	memcpy(naive, model->centroids, (size_t) k * d * sizeof(double));
	before = model->inertia;
	naive_lloyd(ctx, x, n, d, naive, k, 1);
	close_to(naive_inertia(x, NULL, n, d, naive, k), before, 1e-9, "with tolerance 0, one more iteration changes nothing");
	close_to(kmeans_score(ctx, data, model, sizes), model->inertia, 1e-14, "score");
	ok(memcmp(sizes, model->sizes, k * sizeof(double)) == 0, "score: sizes");
	memset(sizes, 0, k * sizeof(double));
	for (size_t i = 0; i < n; i++)
		sizes[kmeans_assign(model, x + i * d, NULL)]++;
	ok(memcmp(sizes, model->sizes, k * sizeof(double)) == 0, "assign: sizes");
	for (int c = 1; c < k; c++)
		if (sizes[c] > sizes[c - 1])
			error = INFINITY;
	ok(error < 1, "the largest cluster comes first");
	test_ctx_free(ctx);
}

/* Threads, residence and budget change no bit. */
static void
test_same_bits(size_t n, int d, int k, int groups, bool weighted, int init, int max_iter)
{
	EcmlCtx    *own = test_ctx(1, 1);
	double	   *x = mixture(own, 77 + k, n, d, groups, 2);
	double	   *w = NULL;
	EcmlData   *data;
	KmeansParams params = KMEANS_DEFAULTS;
	KmeansModel *want;
	EcmlCtx    *first = test_ctx(1, 42);
	static const int threads[] = {1, 2, 5};
	int			frugal = 0;
	int			refused = 0;
	int			differs = 0;

	if (weighted)
	{
		w = ECML_NEW(own, double, n);
		for (size_t i = 0; i < n; i++)
			w[i] = 0.25 + i % 7;
	}
	data = ecml_data_from_rows(own, ECML_F4, n, d, x, NULL, w);
	params.k = k;
	params.n_init = init == KMEANS_INIT_RANDOM || weighted ? 1 : 2;
	params.max_iter = max_iter;
	params.init = init;
	want = kmeans_fit(first, data, &params);
	for (int t = 0; t < 3; t++)
		for (int away = 0; away < 2; away++)
		{
			EcmlCtx    *ctx = test_ctx(threads[t], 42);
			KmeansModel *model = kmeans_fit(ctx, away ? spilled(ctx, data) : data, &params);

			ok(same_model(model, want), "%zu x %d, k = %d%s: same bits with %d threads, %s", n, d, k,
			   weighted ? ", weights" : "", threads[t], away ? "from a file" : "in memory");
			test_ctx_free(ctx);
		}
	/* from where bounds are left out first (they ask for a margin) to where nothing goes */
	for (double share = 2.0; share > 0.1 && !weighted; share -= 0.3)
	{
		EcmlCtx    *ctx = test_ctx(1, 42);
		KmeansModel *model;

		ctx->budget = (size_t) (first->peak * share);
		if (!fit(ctx, data, &params, &model))
			refused += test_host(ctx)->status == ECML_LIMIT_EXCEEDED;
		else
		{
			/* where the sample had to be smaller, the clusters are as good, not the same */
			frugal++;
			differs += share > 1 ? !same_model(model, want) : model->inertia > 1.05 * want->inertia;
		}
		differs += ctx->peak > ctx->budget;
		test_ctx_free(ctx);
	}
	if (!weighted)
		ok(frugal > 3 && frugal + refused == 7 && differs == 0,
		   "same bits where the sample fits, as good where it does not: %d budgets, %d too small", frugal, refused);
	test_ctx_free(first);
	test_ctx_free(own);
}

/* The bounds, alone: with and without, at every number of iterations */
static void
test_bounds(void)
{
	EcmlCtx    *own = test_ctx(1, 1);
	size_t		n = 12000;
	int			d = 6;
	int			k = 40;
	double	   *x = mixture(own, 5, n, d, 10, 1);
	EcmlData   *data;
	size_t		pad = KMEANS_PAD(d);
	double	   *start = ECML_NEW0(own, double, k * pad);
	int			differs = 0;
	size_t		with = 0;
	size_t		without = 0;

	/* a coarse grid: many ties */
	for (size_t i = 0; i < n * d; i++)
		x[i] = rint(x[i] * 2) / 2;
	data = ecml_data_from_rows(own, ECML_F4, n, d, x, NULL, NULL);
	for (int c = 0; c < k; c++)
		memcpy(start + c * pad, x + (size_t) c * 300 * d, d * sizeof(double));
	for (int max_iter = 1; max_iter <= 40; max_iter = 2 * max_iter + 1)
	{
		double	   *result[2];
		EcmlCtx    *ctx[2];

		for (int v = 0; v < 2; v++)
		{
			int			iterations;
			bool		converged;

			ctx[v] = test_ctx(2, 1);
			/* too little for bounds */
			ctx[v]->budget = v ? (size_t) 1 << 20 : 0;
			result[v] = ECML_NEW(ctx[v], double, k * pad);
			memcpy(result[v], start, k * pad * sizeof(double));
			kmeans_iterate(ctx[v], data, k, max_iter, 0, result[v], &iterations, &converged);
		}
		with = ctx[0]->peak;
		without = ctx[1]->peak;
		differs += memcmp(result[0], result[1], k * pad * sizeof(double)) != 0;
		test_ctx_free(ctx[0]);
		test_ctx_free(ctx[1]);
	}
	ok(differs == 0 && with >= without + 12 * n, "bounds change no bit, ties included (%zu and %zu bytes)", with, without);
	test_ctx_free(own);
}

static void
test_weights(void)
{
	EcmlCtx    *ctx = test_ctx(2, 9);
	size_t		n = 3000;
	int			d = 3;
	double	   *x = mixture(ctx, 31, n, d, 4, 20);
	double	   *w = ECML_NEW(ctx, double, n);
	double	   *copies = ECML_NEW(ctx, double, 3 * n * d);
	size_t		m = 0;
	KmeansParams params = KMEANS_DEFAULTS;
	KmeansModel *a;
	KmeansModel *b;
	double		error = 0;
	double		sizes[4];

	for (size_t i = 0; i < n; i++)
	{
		w[i] = 1 + i % 3;
		for (int r = 0; r < w[i]; r++, m++)
			memcpy(copies + m * d, x + i * d, d * sizeof(double));
	}
	params.k = 4;
	params.tolerance = 0;
	a = kmeans_fit(ctx, ecml_data_from_rows(ctx, ECML_F4, n, d, x, NULL, w), &params);
	b = kmeans_fit(ctx, ecml_data_from_rows(ctx, ECML_F4, m, d, copies, NULL, NULL), &params);
	for (int i = 0; i < params.k * d; i++)
		error = fmax(error, fabs(a->centroids[i] - b->centroids[i]));
	ok(error < 1e-10 && memcmp(a->sizes, b->sizes, sizeof(sizes)) == 0, "weights are rows repeated (error %g)", error);
	close_to(a->inertia, b->inertia, 1e-12, "weights: inertia");
	close_to(a->inertia, naive_inertia(x, w, n, d, a->centroids, 4), 1e-12, "weights: naive inertia");
	test_ctx_free(ctx);
}

/* ---------------------------------------------------------------- corners */

static void
refused(EcmlData *data, EcmlCtx *ctx, int k, EcmlStatus status, const char *message, const char *detail, const char *what)
{
	KmeansParams params = KMEANS_DEFAULTS;
	KmeansModel *model;

	params.k = k;
	ok(!fit(ctx, data, &params, &model) && test_host(ctx)->status == status &&
	   strcmp(test_host(ctx)->message, message) == 0 && strstr(ctx->detail, detail) != NULL && ctx->hint[0] != '\0',
	   "%s: %s (%s)", what, test_host(ctx)->message, ctx->detail);
}

static void
test_corners(void)
{
	EcmlCtx    *ctx = test_ctx(2, 4);
	KmeansParams params = KMEANS_DEFAULTS;
	KmeansModel *model;
	double	   *x = ECML_NEW0(ctx, double, 600000);
	EcmlData   *data;
	double		sum = 0;

	/* 3 distinct rows, -0 among them, in 5,000 */
	for (int i = 0; i < 5000; i++)
	{
		x[2 * i] = i % 3;
		x[2 * i + 1] = i % 2 ? 0.0 : -0.0;
	}
	data = ecml_data_from_rows(ctx, ECML_F4, 5000, 2, x, NULL, NULL);
	refused(data, ctx, 4, ECML_DATA_EXCEPTION, "fewer distinct rows than clusters",
			"Distinct rows: 3; clusters: 4.", "too few distinct rows");
	ok(fit(ctx, data, &(KmeansParams) {.k = 3,.n_init = 1,.max_iter = 10,.tolerance = 0}, &model) && model->inertia == 0 &&
	   model->sizes[2] == 1666, "as many clusters as distinct rows: inertia 0");
	refused(ecml_data_from_rows(ctx, ECML_F4, 0, 2, x, NULL, NULL), ctx, 2, ECML_DATA_EXCEPTION, "no rows to cluster",
			"Rows: 0", "no rows");
	refused(ecml_data_from_rows(ctx, ECML_F4, 5, 2, x, NULL, NULL), ctx, 6, ECML_DATA_EXCEPTION,
			"fewer distinct rows than clusters", "Distinct rows: 3; clusters: 6", "fewer rows than clusters");

	/* 200,000 equal rows and 20 others at the end, which the sample may miss */
	memset(x, 0, 600000 * sizeof(double));
	for (int i = 0; i < 20; i++)
		x[3 * (199980 + i)] = i + 1;
	data = ecml_data_from_rows(ctx, ECML_F4, 200000, 3, x, NULL, NULL);
	params.k = 21;
	params.n_init = 1;
	ok(fit(ctx, data, &params, &model) && model->inertia == 0 && model->sizes[0] == 199980 && model->sizes[20] == 1,
	   "rare rows are found, also beside the sample");
	refused(data, ctx, 22, ECML_DATA_EXCEPTION, "fewer distinct rows than clusters", "Distinct rows: 21; clusters: 22",
			"distinct rows are counted among all rows");

	/* k = 1: the mean */
	for (int i = 0; i < 3000; i++)
	{
		x[i] = i % 100 / 4.0;
		sum += i % 3 == 0 ? x[i] : 0;
	}
	data = ecml_data_from_rows(ctx, ECML_F4, 1000, 3, x, NULL, NULL);
	params.k = 1;
	ok(fit(ctx, data, &params, &model) && fabs(model->centroids[0] - sum / 1000) < 1e-12 && model->sizes[0] == 1000 &&
	   model->converged, "k = 1 is the mean");

	/* a constant column */
	for (int i = 0; i < 1000; i++)
		x[3 * i + 1] = 0.1f;
	params.k = 5;
	ok(fit(ctx, ecml_data_from_rows(ctx, ECML_F4, 1000, 3, x, NULL, NULL), &params, &model) &&
	   fabs(model->centroids[1] - 0.1f) < 1e-14 && fabs(model->centroids[13] - 0.1f) < 1e-14, "a constant column");

	/* 2,000 columns, 2 columns, a cluster a row */
	{
		double	   *wide = mixture(ctx, 8, 100, 2000, 3, 2);

		params.k = 3;
		ok(fit(ctx, ecml_data_from_rows(ctx, ECML_F4, 100, 2000, wide, NULL, NULL), &params, &model), "2,000 columns");
		close_to(model->inertia, naive_inertia(wide, NULL, 100, 2000, model->centroids, 3), 1e-12, "2,000 columns: inertia");
	}
	{
		double	   *many = mixture(ctx, 9, 700, 2, 1, 1);

		params.k = 700;
		ok(fit(ctx, ecml_data_from_rows(ctx, ECML_F4, 700, 2, many, NULL, NULL), &params, &model) && model->inertia == 0 &&
		   model->sizes[0] == 1 && model->sizes[699] == 1, "a cluster for each row");
		params.k = 65537;
		ok(!fit(ctx, data, &params, &model) && test_host(ctx)->status == ECML_INVALID_PARAMETER, "65537 clusters are refused");
	}
	params = (KmeansParams) KMEANS_DEFAULTS;
	ok(kmeans_check(&params) == NULL, "defaults are right");
	params.tolerance = NAN;
	ok(kmeans_check(&params) != NULL, "tolerance NaN is refused");
	params = (KmeansParams) KMEANS_DEFAULTS;
	params.n_init = 0;
	ok(kmeans_check(&params) != NULL, "no start is refused");
	test_ctx_free(ctx);
}

/* Cancel and lack of memory, anywhere */
static void
test_interruptions(void)
{
	EcmlCtx    *own = test_ctx(1, 1);
	double	   *x = mixture(own, 3, 4500, 4, 6, 2);
	EcmlData   *data = ecml_data_from_rows(own, ECML_F4, 4500, 4, x, NULL, NULL);
	EcmlCtx    *whole = test_ctx(3, 6);
	KmeansParams params = KMEANS_DEFAULTS;
	KmeansModel *model;
	KmeansModel *again;
	EcmlRng		rng;
	int			cancelled = 0;
	int			failed = 0;
	int			tries = 0;
	long		polls;
	size_t		left;

	params.n_init = 1;
	params.max_iter = 15;
	ok(fit(whole, data, &params, &model), "a fit");
	polls = test_host(whole)->polls;
	left = whole->used;
	kmeans_fit(whole, data, &params);
	ok(whole->used - left == left && left < 10000, "a fit keeps nothing but its model (%zu bytes)", left);
	ecml_rng_seed(&rng, 1);
	for (int i = 0; i < 20; i++)
	{
		EcmlCtx    *ctx = test_ctx(3, 6);

		test_host(ctx)->cancel_after = (long) ecml_rng_below(&rng, polls);
		cancelled += !fit(ctx, i % 2 ? spilled(ctx, data) : data, &params, &again) && test_host(ctx)->cancelled;
		test_ctx_free(ctx);
	}
	ok(cancelled > 16, "cancelled %d of 20 times, among %ld polls", cancelled, polls);
	for (long after = 0; after < 4000; after = after * 3 / 2 + 1, tries++)
	{
		EcmlCtx    *ctx = test_ctx(3, 6);

		test_host(ctx)->fail_after = after;
		if (!fit(ctx, data, &params, &again))
			failed += test_host(ctx)->status == ECML_OUT_OF_MEMORY;
		else
			failed += same_model(again, model);
		test_ctx_free(ctx);
	}
	ok(failed == tries, "out of memory at %d places", tries);
	test_ctx_free(whole);
	test_ctx_free(own);
}

/* ---------------------------------------------------------------- bytes */

/* Read; true when the bytes were refused as corrupted or gave a model that works. */
static bool
read_safely(const uint8_t *bytes, size_t size, bool *accepted)
{
	EcmlCtx    *ctx = test_ctx(1, 1);
	bool		safe;

	*accepted = false;
	if (TRY(ctx))
	{
		EcmlReader	r;
		KmeansModel *model;
		double		x[3] = {1, 2, 3};
		int			label;

		ecml_reader_init(&r, ctx, bytes, size);
		model = kmeans_read(&r, 3);
		label = kmeans_assign(model, x, NULL);
		*accepted = true;
		safe = label >= 0 && label < model->k && model->sizes[label] >= 0;
	}
	else
		safe = test_host(ctx)->status == ECML_CORRUPTED;
	safe = safe && ctx->peak < 4 * size + 4096;
	test_ctx_free(ctx);
	return safe;
}

static void
test_bytes(void)
{
	EcmlCtx    *ctx = test_ctx(1, 2);
	double	   *x = mixture(ctx, 3, 500, 3, 4, 5);
	KmeansParams params = KMEANS_DEFAULTS;
	KmeansModel *model = kmeans_fit(ctx, ecml_data_from_rows(ctx, ECML_F4, 500, 3, x, NULL, NULL), &params);
	EcmlWriter	w;
	EcmlReader	r;
	EcmlRng		rng;
	bool		accepted;
	int			bad = 0;
	int			taken = 0;

	ecml_writer_init(&w, ctx);
	kmeans_write(&w, model);
	ecml_reader_init(&r, ctx, w.data, w.size);
	ok(same_model(kmeans_read(&r, 3), model), "a model is read as it was written");
	for (size_t size = 0; size < w.size; size++)
	{
		uint8_t    *part = malloc(size + 1);

		memcpy(part, w.data, size);
		bad += !read_safely(part, size, &accepted) || accepted;
		free(part);
	}
	ok(bad == 0, "every truncation is refused");
	ecml_rng_seed(&rng, 3);
	for (int i = 0; i < 20000; i++)
	{
		size_t		bit = ecml_rng_below(&rng, w.size * 8);

		w.data[bit / 8] ^= (uint8_t) (1 << bit % 8);
		bad += !read_safely(w.data, w.size, &accepted);
		taken += accepted;
		w.data[bit / 8] ^= (uint8_t) (1 << bit % 8);
	}
	ok(bad == 0 && taken > 1000 && taken < 20000, "20,000 flipped bits: safe (%d still a model)", taken);
	if (TRY(ctx))
	{
		ecml_reader_init(&r, ctx, w.data, w.size);
		kmeans_read(&r, 4);
		ok(false, "another number of columns");
	}
	else
		ok(test_host(ctx)->status == ECML_CORRUPTED, "another number of columns is refused");
	test_ctx_free(ctx);
}

int
main(void)
{
	for (int i = 0; i < 3; i++)
	{
		const KmeansKernels *kernels = kmeans_kernels_number(i);

		if (kernels == NULL)
			continue;
		test_kernels(kernels, i, 1000, 8, 8);
		test_kernels(kernels, i, 37, 1, 1);
		test_kernels(kernels, i, 333, 3, 6);
		test_kernels(kernels, i, 500, 29, 23);
		test_filter(kernels, i);
	}
	test_against_sklearn();
	test_against_naive(5000, 2, 3);
	test_against_naive(6000, 8, 20);
	test_same_bits(9000, 5, 7, 7, false, KMEANS_INIT_PLUSPLUS, 6);
	test_same_bits(9000, 3, 20, 6, true, KMEANS_INIT_PLUSPLUS, 4);
	test_same_bits(4500, 17, 250, 20, false, KMEANS_INIT_RANDOM, 3);
	test_bounds();
	test_weights();
	test_corners();
	test_interruptions();
	test_bytes();
	return done();
}
