/*
 * test_steps.c - sums of k-means and logistic regression a step at a time, against naive code and the fits of collected rows;
 * merged parts, damaged bytes, lack of memory, cancel
 */
#include "host.h"

#include <math.h>
#include <string.h>

#include "cluster/kmeans.h"
#include "linear/logreg.h"

#define ROWS 3000
#define COLUMNS 3
#define K 4

static double x[ROWS][COLUMNS];
static double y[ROWS];

static void
make_rows(void)
{
	EcmlRng		rng;

	ecml_rng_seed(&rng, 7);
	for (int i = 0; i < ROWS; i++)
	{
		double		margin = -0.5;

		for (int j = 0; j < COLUMNS; j++)
		{
			x[i][j] = 10.0 * ((i >> j) & 1) + ecml_rng_double(&rng);
			margin += (j - 1) * 0.1 * x[i][j];
		}
		y[i] = ecml_rng_double(&rng) < 1 / (1 + exp(-margin));
	}
}

/* ---- k-means */

static void
kmeans_sums(void *arg, KmeansStep *step)
{
	ecml_poll(arg, 0, 0);
	for (int i = 0; i < ROWS; i++)
		kmeans_step_add(step, x[i]);
}

static void
one_step(void)
{
	EcmlCtx    *ctx = test_ctx(1, 1);
	KmeansStep *whole = kmeans_step_new(ctx, x[0], K, COLUMNS);
	KmeansStep *parts[2] = {kmeans_step_new(ctx, x[0], K, COLUMNS), kmeans_step_new(ctx, x[0], K, COLUMNS)};
	double		inertia = 0;
	double		sizes[K] = {0};
	double		sums[K][COLUMNS] = {{0}};
	double		next[K * COLUMNS];
	double		apart = 0;
	EcmlWriter	w;
	EcmlReader	r;
	KmeansStep *again;
	volatile int wrong = 0;

	kmeans_sums(ctx, whole);
	for (int i = 0; i < ROWS; i++)
	{
		int			nearest = 0;
		double		least = INFINITY;

		kmeans_step_add(parts[i % 2], x[i]);
		for (int c = 0; c < K; c++)
		{
			double		d = 0;

			for (int j = 0; j < COLUMNS; j++)
				d += (x[i][j] - x[c][j]) * (x[i][j] - x[c][j]);
			if (d < least)
			{
				least = d;
				nearest = c;
			}
		}
		inertia += least;
		sizes[nearest]++;
		for (int j = 0; j < COLUMNS; j++)
			sums[nearest][j] += x[i][j];
	}
	(void) kmeans_step_next(whole, next);
	for (int c = 0; c < K; c++)
		for (int j = 0; j < COLUMNS; j++)
			apart = fmax(apart, fabs(next[c * COLUMNS + j] - sums[c][j] / sizes[c]));
	close_to(whole->inertia, inertia, 1e-12, "inertia is that of naive code");
	ok(memcmp(whole->sizes, sizes, sizeof(sizes)) == 0 && whole->rows == ROWS, "sizes are");
	ok(apart < 1e-12, "so are the next centroids");
	kmeans_step_merge(parts[0], parts[1]);
	ok(fabs(parts[0]->inertia - inertia) < 1e-9 * inertia && memcmp(parts[0]->sizes, sizes, sizeof(sizes)) == 0, "two parts make the whole");
	ecml_writer_init(&w, ctx);
	kmeans_step_write(&w, whole);
	ecml_reader_init(&r, ctx, w.data, w.size);
	again = kmeans_step_read(&r);
	ecml_read_end(&r);
	ok(again->k == K && again->inertia == whole->inertia &&
	   memcmp(again->sums, whole->sums, K * COLUMNS * sizeof(double)) == 0, "bytes read as written");
	for (volatile size_t n = 0; n < w.size; n++)
	{
		ecml_reader_init(&r, ctx, w.data, n);
		if (TRY(ctx))
		{
			(void) kmeans_step_read(&r);
			wrong++;
		}
		else
			wrong += test_host(ctx)->status != ECML_CORRUPTED;
	}
	for (volatile size_t i = 0; i < 8 * 8; i++)
	{
		/* its shape: what it says must fit its length */
		((unsigned char *) w.data)[i / 8] ^= 1 << i % 8;
		ecml_reader_init(&r, ctx, w.data, w.size);
		if (TRY(ctx))
		{
			(void) kmeans_step_read(&r);
			wrong++;
		}
		((unsigned char *) w.data)[i / 8] ^= 1 << i % 8;
	}
	ok(wrong == 0, "cut short anywhere, another shape: damaged");
	test_ctx_free(ctx);
}

static void
kmeans_fits(void)
{
	EcmlCtx    *ctx = test_ctx(1, 1);
	KmeansParams params = KMEANS_DEFAULTS;
	KmeansModel *model;
	KmeansModel *collected;

	params.k = 8;
	params.tolerance = 0;
	collected = kmeans_fit(ctx, ecml_data_from_rows(ctx, ECML_F4, ROWS, COLUMNS, x[0], NULL, NULL), &params);
	model = kmeans_step_fit(ctx, &params, x[0], COLUMNS, 1, kmeans_sums, ctx);
	ok(fabs(model->inertia / collected->inertia - 1) < 1e-4, "the minimum of collected rows: %g, %g",
	   model->inertia, collected->inertia);
	params.max_iter = 1;
	model = kmeans_step_fit(ctx, &params, x[0], COLUMNS, 1, kmeans_sums, ctx);
	ok(!model->converged && model->iterations == 1, "one iteration is one");
	ok(model->sizes[0] >= model->sizes[1] && model->sizes[6] >= model->sizes[7], "the largest cluster is the first");
	test_ctx_free(ctx);
}

/* ---- logistic regression */

typedef struct Centred
{
	EcmlCtx    *ctx;
	double		mean[COLUMNS];
	double		deviation[COLUMNS];
	double		low[COLUMNS];
	double		high[COLUMNS];
	double		ones;
} Centred;

static void
logreg_sums(void *arg, LogregStep *step)
{
	const Centred *centred = arg;

	ecml_poll(centred->ctx, 0, 0);
	for (int i = 0; i < ROWS; i++)
	{
		double		z[COLUMNS];

		for (int j = 0; j < COLUMNS; j++)
			z[j] = (x[i][j] - centred->mean[j]) / centred->deviation[j];
		logreg_step_add(step, y[i] != 0, z);
	}
}

static void
measure(Centred *centred)
{
	for (int j = 0; j < COLUMNS; j++)
	{
		double		sum = 0;

		centred->mean[j] = 0;
		centred->low[j] = INFINITY;
		centred->high[j] = -INFINITY;
		for (int i = 0; i < ROWS; i++)
		{
			centred->mean[j] += x[i][j] / ROWS;
			centred->low[j] = fmin(centred->low[j], x[i][j]);
			centred->high[j] = fmax(centred->high[j], x[i][j]);
		}
		for (int i = 0; i < ROWS; i++)
			sum += (x[i][j] - centred->mean[j]) * (x[i][j] - centred->mean[j]);
		centred->deviation[j] = sqrt(sum / ROWS);
	}
	centred->ones = 0;
	for (int i = 0; i < ROWS; i++)
		centred->ones += y[i];
}

static LogregModel *
fit(EcmlCtx *ctx, Centred *centred)
{
	LogregSteps steps = {.terms = COLUMNS,.mean = centred->mean,.deviation = centred->deviation,.low = centred->low,
		.high = centred->high,.rows = ROWS,.ones = centred->ones,.max_iter = 100,.tolerance = 3e-8,.sums = logreg_sums,
	.arg = centred};

	centred->ctx = ctx;
	return logreg_step_fit(ctx, &steps);
}

static void
logreg_fits(void)
{
	EcmlCtx    *ctx = test_ctx(1, 1);
	LogregParams params = LOGREG_DEFAULTS;
	LogregTask	task = {.params = &params,.classes = 2,.offset = -1};
	LogregModel *collected = logreg_fit(ctx, ecml_data_from_rows(ctx, ECML_F8, ROWS, COLUMNS, x[0], y, NULL), &task);
	LogregModel *model;
	Centred		centred;
	double		apart = 0;

	measure(&centred);
	model = fit(ctx, &centred);
	for (int i = 0; i <= COLUMNS; i++)
		apart = fmax(apart, fmax(fabs(model->coefficients[i] / collected->coefficients[i] - 1),
								 fabs(model->std_errors[i] / collected->std_errors[i] - 1)));
	ok(model->converged && apart < 1e-8, "coefficients and errors of collected rows: %g", apart);
	close_to(model->log_likelihood, collected->log_likelihood, 1e-13, "log likelihood");
	close_to(model->null_log_likelihood, collected->null_log_likelihood, 1e-13, "of the intercept alone");
	ok(model->accuracy == collected->accuracy && model->parameters == COLUMNS + 1, "accuracy, parameters");
	for (int i = 0; i < ROWS; i++)
		y[i] = x[i][0] > 5;
	measure(&centred);
	model = fit(ctx, &centred);
	ok(!model->converged && model->separated[0] && !model->separated[2] && isnan(model->std_errors[1]), "separation is told");
	test_ctx_free(ctx);
}

static void
failures(void)
{
	Centred		centred;
	volatile long allocations = 0;
	volatile long polls = 0;
	volatile bool ended = false;
	volatile int wrong = 0;

	make_rows();
	measure(&centred);
	for (; !ended && allocations < 10000; allocations++)
	{
		EcmlCtx    *ctx = test_ctx(1, 1);

		test_host(ctx)->fail_after = allocations;
		if (TRY(ctx))
		{
			KmeansParams params = KMEANS_DEFAULTS;

			params.k = K;
			(void) fit(ctx, &centred);
			(void) kmeans_step_fit(ctx, &params, x[0], COLUMNS, 1, kmeans_sums, ctx);
			ended = true;
		}
		else
			wrong += test_host(ctx)->status != ECML_OUT_OF_MEMORY;
		test_ctx_free(ctx);
	}
	for (ended = false; !ended && polls < 10000; polls++)
	{
		EcmlCtx    *ctx = test_ctx(1, 1);

		test_host(ctx)->cancel_after = polls;
		if (TRY(ctx))
		{
			(void) fit(ctx, &centred);
			ended = true;
		}
		else
			wrong += !test_host(ctx)->cancelled;
		test_ctx_free(ctx);
	}
	ok(wrong == 0 && allocations > 10 && polls > 2, "every allocation fails in turn (%ld), a cancel at every poll (%ld)",
	   (long) allocations, (long) polls);
}

int
main(void)
{
	make_rows();
	one_step();
	kmeans_fits();
	logreg_fits();
	failures();
	return done();
}
