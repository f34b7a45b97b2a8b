/*
 * test_dispersion.c - Davies-Bouldin and Calinski-Harabasz of k-means against scikit-learn
 */
#include "cluster/kmeans.h"
#include "metrics_cases.h"

#define TOLERANCE 1e-12

static KmeansModel
model_of(const Case *c)
{
	const List *centroids = find_list(c, "centroids");
	int			columns = (int) find_list(c, "columns")->v[0];

	return (KmeansModel) {.k = centroids->n / columns,.columns = columns,.centroids = centroids->v};
}

static void
against_sklearn(int threads)
{
	FILE	   *file = open_cases("clusters.tsv");
	EcmlCtx    *ctx = test_ctx(threads, 1);
	Case		c;
	int			cases = 0;

	for (; next_case(ctx, file, &c); cases++)
	{
		KmeansModel model = model_of(&c);
		const List *x = find_list(&c, "x");
		EcmlData   *data = ecml_data_from_rows(ctx, ECML_F4, x->n / model.columns, model.columns, x->v, NULL, NULL);
		size_t		used = ctx->used;
		KmeansDispersion d = kmeans_dispersion(ctx, data, &model);

		check_value(&c, "davies_bouldin", d.davies_bouldin, TOLERANCE);
		check_value(&c, "calinski_harabasz", d.calinski_harabasz, TOLERANCE);
		ok(ctx->used == used, "%s: all memory is given back", c.name);
	}
	ok(cases == 5, "%d cases on %d threads", cases, threads);
	if (file)
		fclose(file);
	test_ctx_free(ctx);
}

#define ROWS 20000
#define COLUMNS 3

/* The same bits at any number of threads; weights count as rows do. */
static KmeansDispersion
of_many(int threads, int weights)
{
	static double x[ROWS * COLUMNS];
	static double w[ROWS];
	EcmlCtx    *ctx = test_ctx(threads, 1);
	EcmlRng		rng;
	double		centroids[4 * COLUMNS] = {0, 0, 0, 4, 0, 0, 0, 4, 0, 0, 0, 4};
	KmeansModel model = {.k = 4,.columns = COLUMNS,.centroids = centroids};
	int			n = weights == 2 ? ROWS : ROWS / 2;
	EcmlData   *data;
	KmeansDispersion result;

	ecml_rng_seed(&rng, 7);
	for (int i = 0; i < ROWS / 2; i++)
	{
		int			c = (int) ecml_rng_below(&rng, 4);

		for (int j = 0; j < COLUMNS; j++)
			x[i * COLUMNS + j] = x[(i + ROWS / 2) * COLUMNS + j] = (float) (centroids[c * COLUMNS + j] + ecml_rng_normal(&rng));
		w[i] = 2;
	}
	data = ecml_data_from_rows(ctx, ECML_F4, n, COLUMNS, x, NULL, weights == 1 ? w : NULL);
	result = kmeans_dispersion(ctx, data, &model);
	test_ctx_free(ctx);
	return result;
}

static void
threads_and_weights(void)
{
	KmeansDispersion one = of_many(1, 1);
	KmeansDispersion four = of_many(4, 1);
	KmeansDispersion twice = of_many(1, 2);

	ok(memcmp(&one, &four, sizeof(one)) == 0, "1 and 4 threads give the same bits");
	ok(near(one.davies_bouldin, twice.davies_bouldin, TOLERANCE) && near(one.calinski_harabasz, twice.calinski_harabasz, TOLERANCE),
	   "a weight of 2 is a row twice");
	ok(one.davies_bouldin > 0.3 && one.davies_bouldin < 2 && one.calinski_harabasz > 1000, "values are of the size they should be");
}

/* 0: it failed as it should; 1: it went through; 2: another failure */
static int
until(bool cancel, long k)
{
	EcmlCtx    *ctx = test_ctx(2, 1);
	double		x[60];
	double		centroids[] = {0, 0, 30, 30};
	KmeansModel model = {.k = 2,.columns = 2,.centroids = centroids};
	EcmlData   *data;
	volatile int result = 1;

	for (int i = 0; i < 60; i++)
		x[i] = i;
	data = ecml_data_from_rows(ctx, ECML_F4, 30, 2, x, NULL, NULL);
	if (cancel)
		test_host(ctx)->cancel_after = k;
	else
		test_host(ctx)->fail_after = k;
	if (TRY(ctx))
		(void) kmeans_dispersion(ctx, data, &model);
	else
		result = (cancel ? test_host(ctx)->cancelled : test_host(ctx)->status == ECML_OUT_OF_MEMORY) ? 0 : 2;
	test_ctx_free(ctx);
	return result;
}

static void
failures(void)
{
	for (int cancel = 0; cancel < 2; cancel++)
	{
		long		k = 0;
		int			result;

		while ((result = until(cancel, k)) == 0)
			k++;
		ok(result == 1 && k > 3, "%ld %s fail, one at a time", k, cancel ? "polls" : "allocations");
	}
}

int
main(void)
{
	against_sklearn(1);
	against_sklearn(4);
	threads_and_weights();
	failures();
	return done();
}
