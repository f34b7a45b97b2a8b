/*
 * test_gbdt_bytes.c - boosting: the same bits on any number of threads and in any budget; bytes, damaged and not; failures, edges
 */
#include "gbdt_cases.h"

#include <string.h>

/* ---------------------------------------------------------------- the same bits, bytes, failures */

static void
bytes_of(EcmlCtx *ctx, const GbdtModel *model, EcmlWriter *w)
{
	ecml_writer_init(w, ctx);
	gbdt_write(w, model);
}

static void
test_same(int objective, int classes, bool weighted, double subsample)
{
	EcmlCtx    *own = test_ctx(1, 1);
	size_t		rows = 70000;
	double	   *y = ECML_NEW(own, double, rows);
	double	   *w = ECML_NEW(own, double, rows);
	double	   *x = make_rows(own, rows, y, classes, 51);
	GbdtParams	params = defaults;
	GbdtTask	task = task_of(&params, WIDTH, classes);
	EcmlData   *data;
	EcmlWriter	first;
	bool		same = true;

	for (size_t i = 0; i < rows; i++)
		w[i] = 1 + i % 5;
	task.categories = kinds;
	params.objective = objective;
	params.n_trees = 6;
	params.subsample = subsample;
	params.colsample_node = 0.7;
	params.validation_fraction = 0.1;
	data = ecml_data_from_rows(own, ECML_F4, rows, WIDTH, x, y, weighted ? w : NULL);
	for (int variant = 0; variant < 3; variant++)
	{
		EcmlCtx    *ctx = test_ctx(variant == 0 ? 1 : 4, 77);
		GbdtModel  *model;
		EcmlWriter	writer;

		if (variant == 2)
			ctx->budget = (size_t) 11 << 20;
		if (!fits(ctx, data, &task, &model))
		{
			ok(false, "variant %d: %s (%s)", variant, test_host(ctx)->message, ctx->detail);
			same = false;
			test_ctx_free(ctx);
			continue;
		}
		bytes_of(variant == 0 ? own : ctx, model, variant == 0 ? &first : &writer);
		if (variant > 0)
			same &= writer.size == first.size && memcmp(writer.data, first.data, first.size) == 0;
		test_ctx_free(ctx);
	}
	ok(same, "%s%s%s: the same bytes on 1 and 4 threads, and in a small budget", gbdt_objective_name(objective),
	   weighted ? ", weighted" : "", subsample < 1 ? ", sampled" : "");
	test_ctx_free(own);
}

/* Can a model of three classes be read from these bytes? */
static bool
reads(EcmlCtx *ctx, const uint8_t *bytes, size_t size, const double *x)
{
	EcmlReader	r;
	double		p[3];

	if (!TRY(ctx))
		return false;
	ecml_reader_init(&r, ctx, bytes, size);
	gbdt_probabilities(gbdt_read(&r, WIDTH, kinds, 3), x, p);
	return true;
}

/* Histograms that do not fit are summed up again. */
static void
test_evicted(void)
{
	enum
	{
		ROWS = 3000, COLUMNS = 300
	};
	EcmlCtx    *own = test_ctx(1, 3);
	double	   *x = ECML_NEW(own, double, ROWS * COLUMNS);
	double	   *y = ECML_NEW(own, double, ROWS);
	GbdtParams	params = defaults;
	GbdtTask	task = task_of(&params, COLUMNS, 2);
	EcmlData   *data;
	EcmlRng		rng;
	size_t		peaks[3];
	EcmlWriter	writers[3];
	GbdtModel  *model;

	ecml_rng_seed(&rng, 1);
	for (int i = 0; i < ROWS; i++)
	{
		for (int j = 0; j < COLUMNS; j++)
			x[i * COLUMNS + j] = (float) ecml_rng_normal(&rng);
		y[i] = x[i * COLUMNS] + fabs(x[i * COLUMNS + 1]) + ecml_rng_normal(&rng) > 1;
	}
	data = ecml_data_from_rows(own, ECML_F4, ROWS, COLUMNS, x, y, NULL);
	params.n_trees = 3;
	for (int variant = 0; variant < 3; variant++)
	{
		EcmlCtx    *ctx = test_ctx(variant == 1 ? 3 : 1, 3);

		ctx->budget = variant == 2 ? peaks[0] / 2 : 0;
		if (fits(ctx, data, &task, &model))
			bytes_of(own, model, &writers[variant]);
		else
			writers[variant].size = 0;
		peaks[variant] = ctx->peak;
		test_ctx_free(ctx);
	}
	ok(writers[1].size == writers[0].size && memcmp(writers[1].data, writers[0].data, writers[0].size) == 0,
	   "few rows of many columns: the same bytes on 1 and 3 threads");
	ok(writers[2].size == writers[0].size && memcmp(writers[2].data, writers[0].data, writers[0].size) == 0,
	   "the same bytes in %.1f instead of %.1f MB", peaks[2] / 1e6, peaks[0] / 1e6);
	test_ctx_free(own);
}

static void
test_bytes(void)
{
	EcmlCtx    *ctx = test_ctx(1, 1);
	double	   *y = ECML_NEW(ctx, double, 800);
	double	   *x = make_rows(ctx, 800, y, 3, 61);
	GbdtParams	params = defaults;
	GbdtTask	task = task_of(&params, WIDTH, 3);
	GbdtModel  *model;
	GbdtModel  *read;
	EcmlWriter	w;
	EcmlWriter	again;
	EcmlReader	r;
	double		worst = 0;
	int			survived = 0;
	int			refused = 0;
	double	   *block;

	task.categories = kinds;
	params.n_trees = 4;
	params.max_leaves = 5;
	params.validation_fraction = 0.2;
	model = gbdt_fit(ctx, ecml_data_from_rows(ctx, ECML_F4, 800, WIDTH, x, y, NULL), &task);
	bytes_of(ctx, model, &w);
	ecml_reader_init(&r, ctx, w.data, w.size);
	read = gbdt_read(&r, WIDTH, kinds, 3);
	ecml_read_end(&r);
	bytes_of(ctx, read, &again);
	ok(again.size == w.size && memcmp(again.data, w.data, w.size) == 0, "%zu bytes come back", w.size);
	block = ECML_NEW(ctx, double, 800 * 3);
	gbdt_predict_rows(ctx, read, x, WIDTH, 800, block);
	for (int i = 0; i < 800; i++)
	{
		double		p[3];

		gbdt_probabilities(model, x + i * WIDTH, p);
		for (int k = 0; k < 3; k++)
			worst = fmax(worst, fabs(p[k] - block[i * 3 + k]));
	}
	ok(worst == 0, "with the same predictions, row by row and in blocks");
	for (size_t at = 0; at < w.size; at++)
		for (int bit = 0; bit < 8; bit += 3)
		{
			EcmlCtx    *other = test_ctx(1, 1);
			uint8_t    *copy = ecml_alloc(other, w.size);

			memcpy(copy, w.data, w.size);
			copy[at] ^= 1 << bit;
			if (reads(other, copy, w.size - (bit == 6 ? at % 7 : 0), x))
				survived++;
			else
				refused += test_host(other)->status == ECML_CORRUPTED;
			test_ctx_free(other);
		}
	ok(survived > 0 && refused > 100, "damaged bytes: %d are read as another model, %d refused", survived, refused);
	test_ctx_free(ctx);
}

static void
test_failures(void)
{
	EcmlCtx    *own = test_ctx(1, 1);
	double	   *y = ECML_NEW(own, double, 9000);
	double	   *x = make_rows(own, 9000, y, 2, 71);
	EcmlData   *data = ecml_data_from_rows(own, ECML_F4, 9000, WIDTH, x, y, NULL);
	GbdtParams	params = defaults;
	GbdtTask	task = task_of(&params, WIDTH, 2);
	GbdtModel  *model;
	bool		done_once = false;
	long		failed = 0;
	long		tries = 0;
	size_t		before;
	size_t		left;

	task.categories = kinds;
	params.n_trees = 2;
	params.max_leaves = 6;
	params.validation_fraction = 0.2;
	before = own->used;
	gbdt_fit(own, data, &task);
	left = own->used - before;
	ok(left < 200000, "a fit keeps nothing but its model (%zu bytes)", left);
	for (long after = 0; !done_once; after += 1 + after / 60, tries++)
	{
		EcmlCtx    *ctx = test_ctx(2, 1);

		test_host(ctx)->fail_after = after;
		done_once = fits(ctx, data, &task, &model);
		failed += !done_once && test_host(ctx)->status == ECML_OUT_OF_MEMORY;
		test_ctx_free(ctx);
	}
	ok(failed == tries - 1 && tries > 40, "out of memory at each of %ld places", failed);
	done_once = false;
	failed = tries = 0;
	for (long after = 0; !done_once; after += 1 + after / 60, tries++)
	{
		EcmlCtx    *ctx = test_ctx(2, 1);

		test_host(ctx)->cancel_after = after;
		done_once = fits(ctx, data, &task, &model);
		failed += !done_once && test_host(ctx)->cancelled;
		test_ctx_free(ctx);
	}
	ok(failed == tries - 1 && tries > 10, "cancelled at each of %ld polls", failed);
	test_ctx_free(own);
}

/* ---------------------------------------------------------------- edges */

static bool
refuses(const GbdtParams *params, size_t rows, int columns, const double *x, const double *y, int classes, const char *message)
{
	EcmlCtx    *ctx = test_ctx(1, 1);
	GbdtTask	task = task_of(params, columns, classes);
	GbdtModel  *model;
	bool		refused = !fits(ctx, ecml_data_from_rows(ctx, ECML_F4, rows, columns, x, y, NULL), &task, &model) &&
		strstr(test_host(ctx)->message, message) != NULL;

	test_ctx_free(ctx);
	return refused;
}

static void
test_edges(void)
{
	EcmlCtx    *ctx = test_ctx(3, 1);
	GbdtParams	params = defaults;
	GbdtTask	task = task_of(&params, 2, 0);
	double		x[8] = {1, 2, 3, 4, 5, 6, 7, 8};
	double		y[4] = {1, 1, 1, 1};
	double		steps[4] = {0, 0, 5, 5};
	double		negative[4] = {-1, 2, 3, 1};
	GbdtModel  *model;
	int			columns = 2000;
	double	   *wide = ECML_NEW(ctx, double, (size_t) 500 * columns);
	double	   *target = ECML_NEW(ctx, double, 500);
	EcmlRng		rng;

	ecml_rng_seed(&rng, 1);
	ok(refuses(&params, 0, 2, x, y, 0, "no rows"), "no rows");
	ok(refuses(&params, 4, 2, x, y, 2, "one class"), "one class");
	params.objective = GBDT_POISSON;
	ok(refuses(&params, 4, 2, x, negative, 0, "must be 0 or more"), "negative counts");
	params.objective = GBDT_GAMMA;
	ok(refuses(&params, 4, 2, x, steps, 0, "above 0"), "gamma of 0");
	params.objective = GBDT_LAMBDARANK;
	ok(refuses(&params, 4, 2, x, y, 0, "needs groups"), "ranking without groups");
	params.objective = GBDT_AUTO;
	params.metric = GBDT_METRIC_ROC_AUC;
	ok(refuses(&params, 4, 2, x, y, 0, "metric"), "a metric of classes for numbers");
	params.metric = GBDT_METRIC_LOSS;

	model = gbdt_fit(ctx, ecml_data_from_rows(ctx, ECML_F4, 1, 2, x, y, NULL), &task);
	ok(gbdt_predict(model, x) == 1 && model->forest->ntrees == 0, "one row: its target");
	model = gbdt_fit(ctx, ecml_data_from_rows(ctx, ECML_F4, 4, 2, x, y, NULL), &task);
	ok(gbdt_predict(model, x) == 1, "a constant target");
	params.min_child_samples = 1;
	params.learning_rate = 1;
	model = gbdt_fit(ctx, ecml_data_from_rows(ctx, ECML_F4, 4, 2, x, steps, NULL), &task);
	ok(gbdt_predict(model, x) == 0 && gbdt_predict(model, x + 6) == 5, "four rows, two steps");
	x[0] = x[2] = x[4] = x[6] = NAN;
	x[1] = x[3] = x[5] = x[7] = 3;
	model = gbdt_fit(ctx, ecml_data_from_rows(ctx, ECML_F4, 4, 2, x, steps, NULL), &task);
	ok(gbdt_predict(model, x) == 2.5 && model->constant_columns == 2, "columns without information");
	x[4] = x[6] = 8;
	model = gbdt_fit(ctx, ecml_data_from_rows(ctx, ECML_F4, 4, 2, x, steps, NULL), &task);
	ok(gbdt_predict(model, x) == 0 && gbdt_predict(model, x + 6) == 5, "missing or not is all there is to know");

	for (int i = 0; i < 500; i++)
	{
		for (int j = 0; j < columns; j++)
			wide[(size_t) i * columns + j] = (float) ecml_rng_normal(&rng);
		target[i] = wide[(size_t) i * columns + 1234] > 0;
	}
	params = defaults;
	params.n_trees = 5;
	task.features = columns;
	task.classes = 2;
	model = gbdt_fit(ctx, ecml_data_from_rows(ctx, ECML_F4, 500, columns, wide, target, NULL), &task);
	ok(model->forest->nodes[0].feature == 1234, "the right one of 2000 columns");
	ok(gbdt_check(&params) == NULL, "defaults are allowed");
	params.max_leaves = 1;
	ok(gbdt_check(&params) != NULL, "one leaf is not");
	test_ctx_free(ctx);
}

int
main(void)
{
	test_same(GBDT_LOGISTIC, 2, false, 1);
	test_same(GBDT_SQUARED_ERROR, 0, false, 0.6);
	test_same(GBDT_QUANTILE, 0, true, 1);
	test_same(GBDT_SOFTMAX, 3, true, 0.8);
	test_evicted();
	test_bytes();
	test_failures();
	test_edges();
	return done();
}
