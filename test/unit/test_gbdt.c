/*
 * test_gbdt.c - boosting against a naive version, against LightGBM's predictions, against derivatives; constraints, sampling,
 * early stopping, ranking; determinism, failures, bytes
 */
#include "host.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tree/gbdt_internal.h"

#define REFERENCE "test/data/gbdt/lightgbm.txt"

static const GbdtParams defaults = GBDT_DEFAULTS;

static GbdtTask
task_of(const GbdtParams *params, int features, int classes)
{
	return (GbdtTask) {.params = params,.features = features,.classes = classes,.validation = -1,.group = -1};
}

/* Does the fit come to its end? */
static bool
fits(EcmlCtx *ctx, EcmlData *data, const GbdtTask *task, GbdtModel **model)
{
	if (!TRY(ctx))
		return false;
	*model = gbdt_fit(ctx, data, task);
	return true;
}

/* Rows whose target depends on the first columns; some values missing; column 4 is a category of 9. */
#define WIDTH 6

static const int kinds[WIDTH] = {[4] = 9};

static double *
make_rows(EcmlCtx *ctx, size_t rows, double *y, int classes, uint64_t seed)
{
	double	   *x = ECML_NEW(ctx, double, rows * WIDTH);
	EcmlRng		rng;

	ecml_rng_seed(&rng, seed);
	for (size_t i = 0; i < rows; i++)
	{
		double	   *v = x + i * WIDTH;
		double		score;

		for (int j = 0; j < 4; j++)
			v[j] = (float) ecml_rng_normal(&rng);
		v[4] = (double) ecml_rng_below(&rng, 9);
		v[5] = (double) ecml_rng_below(&rng, 4);
		if (ecml_rng_double(&rng) < 0.2)
			v[2] = NAN;
		score = v[0] + fabs(v[1]) + (isnan(v[2]) ? 1 : -v[2]) + ((int) v[4] % 3 == 1 ? 1.5 : 0);
		if (classes == 0)
			y[i] = (float) (score + 0.5 * ecml_rng_normal(&rng));
		else
		{
			score += ecml_rng_normal(&rng);
			y[i] = score < 1 ? 0 : classes == 2 || score < 2.5 ? 1 : 2;
		}
	}
	return x;
}

/* ---------------------------------------------------------------- a naive version */

/* Squared error, numbers only: each node tries all places between values of its own rows' columns. */
typedef struct Naive
{
	const double *x;			/* [rows][columns] */
	int			columns;
	double	   *score;
	const double *y;
	size_t		rows;
	int		   *leaf;			/* [rows] */
} Naive;

typedef struct NaiveSplit
{
	double		gain;
	int			column;
	double		cut;
	bool		missing_left;
} NaiveSplit;

static int
compare_numbers(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return (x > y) - (x < y);
}

static bool
naive_left(const NaiveSplit *split, double x)
{
	return isnan(x) ? split->missing_left : x <= split->cut;
}

static NaiveSplit
naive_best(const Naive *naive, int leaf, const double *const *values, const int *nvalues, const GbdtParams *params)
{
	NaiveSplit	best = {.gain = 0,.column = -1};
	double		g = 0;
	double		n = 0;

	for (size_t i = 0; i < naive->rows; i++)
		if (naive->leaf[i] == leaf)
		{
			g += naive->score[i] - naive->y[i];
			n++;
		}
	for (int j = 0; j < naive->columns; j++)
		for (int way = 0; way < 2; way++)
			for (int k = 0; k < nvalues[j]; k++)
			{
				NaiveSplit	split = {.column = j,.cut = k + 1 < nvalues[j] ? (values[j][k] + values[j][k + 1]) / 2 : DBL_MAX,
				.missing_left = way == 1};
				double		gl = 0;
				double		nl = 0;

				for (size_t i = 0; i < naive->rows; i++)
					if (naive->leaf[i] == leaf && naive_left(&split, naive->x[i * naive->columns + j]))
					{
						gl += naive->score[i] - naive->y[i];
						nl++;
					}
				if (nl < params->min_child_samples || n - nl < params->min_child_samples)
					continue;
				split.gain = gl * gl / (nl + params->l2) + (g - gl) * (g - gl) / (n - nl + params->l2) - g * g / (n + params->l2);
				if (split.gain > best.gain + 1e-6)
					best = split;
			}
	return best;
}

static void
test_naive(void)
{
	enum
	{
		ROWS = 400, COLUMNS = 3
	};
	EcmlCtx    *ctx = test_ctx(2, 1);
	double	   *x = ECML_NEW(ctx, double, ROWS * COLUMNS);
	double	   *y = ECML_NEW(ctx, double, ROWS);
	int		   *leaf = ECML_NEW0(ctx, int, ROWS);
	double	   *score = ECML_NEW0(ctx, double, ROWS);
	Naive		naive = {.x = x,.columns = COLUMNS,.score = score,.y = y,.rows = ROWS,.leaf = leaf};
	double	   *values[COLUMNS];
	int			nvalues[COLUMNS];
	GbdtParams	params = defaults;
	GbdtTask	task = task_of(&params, COLUMNS, 0);
	GbdtModel  *model;
	EcmlRng		rng;
	double		mean = 0;
	double		worst = 0;

	ecml_rng_seed(&rng, 11);
	for (int i = 0; i < ROWS; i++)
	{
		x[i * COLUMNS] = (double) ecml_rng_below(&rng, 40);
		x[i * COLUMNS + 1] = (double) ecml_rng_below(&rng, 25) / 8;
		x[i * COLUMNS + 2] = ecml_rng_double(&rng) < 0.3 ? NAN : (double) ecml_rng_below(&rng, 10);
		y[i] = sin(x[i * COLUMNS] / 6) + x[i * COLUMNS + 1] * (isnan(x[i * COLUMNS + 2]) ? 2 : 1) + 0.3 * ecml_rng_normal(&rng);
		mean += y[i] / ROWS;
	}
	params.n_trees = 6;
	params.max_leaves = 7;
	params.min_child_samples = 12;
	params.l2 = 1;
	params.learning_rate = 0.4;
	model = gbdt_fit(ctx, ecml_data_from_rows(ctx, ECML_F4, ROWS, COLUMNS, x, y, NULL), &task);

	for (int j = 0; j < COLUMNS; j++)
	{
		int			n = 0;

		values[j] = ECML_NEW(ctx, double, ROWS);
		nvalues[j] = 0;
		for (int i = 0; i < ROWS; i++)
			if (!isnan(x[i * COLUMNS + j]))
				values[j][n++] = x[i * COLUMNS + j];
		qsort(values[j], n, sizeof(double), compare_numbers);
		for (int i = 0; i < n; i++)
			if (i == 0 || values[j][i] != values[j][i - 1])
				values[j][nvalues[j]++] = values[j][i];
	}
	for (int i = 0; i < ROWS; i++)
		score[i] = mean;
	for (int t = 0; t < params.n_trees; t++)
	{
		NaiveSplit	splits[7];
		int			nleaves = 1;
		double		g[7] = {0};
		double		n[7] = {0};

		memset(leaf, 0, ROWS * sizeof(int));
		splits[0] = naive_best(&naive, 0, (const double *const *) values, nvalues, &params);
		while (nleaves < params.max_leaves)
		{
			int			at = 0;

			for (int l = 1; l < nleaves; l++)
				if (splits[l].gain > splits[at].gain)
					at = l;
			if (splits[at].column < 0)
				break;
			for (int i = 0; i < ROWS; i++)
				if (leaf[i] == at && !naive_left(&splits[at], x[i * COLUMNS + splits[at].column]))
					leaf[i] = nleaves;
			splits[at] = naive_best(&naive, at, (const double *const *) values, nvalues, &params);
			splits[nleaves] = naive_best(&naive, nleaves, (const double *const *) values, nvalues, &params);
			nleaves++;
		}
		for (int i = 0; i < ROWS; i++)
		{
			g[leaf[i]] += score[i] - y[i];
			n[leaf[i]]++;
		}
		for (int i = 0; i < ROWS; i++)
			score[i] -= params.learning_rate * g[leaf[i]] / (n[leaf[i]] + params.l2);
	}
	for (int i = 0; i < ROWS; i++)
		worst = fmax(worst, fabs(gbdt_predict(model, x + i * COLUMNS) - score[i]));
	ok(worst < 1e-10, "trees are those of the naive version (worst difference %.2g)", worst);
	test_ctx_free(ctx);
}

/* ---------------------------------------------------------------- LightGBM */

static void
test_reference(void)
{
	EcmlCtx    *ctx = test_ctx(2, 1);
	FILE	   *file = fopen(REFERENCE, "r");
	int			rows;
	int			columns;
	double	   *x;
	double	   *targets[6];
	char		name[64];
	int			outputs;

	if (file == NULL || fscanf(file, "%*[^\n] data %d %d", &rows, &columns) != 2)
	{
		ok(false, "%s can be read", REFERENCE);
		return;
	}
	x = ECML_NEW(ctx, double, (size_t) rows * columns);
	for (int k = 0; k < 6; k++)
		targets[k] = ECML_NEW(ctx, double, rows);
	for (int i = 0; i < rows; i++)
	{
		for (int j = 0; j < columns; j++)
			if (fscanf(file, "%lf", &x[i * columns + j]) != 1)
				abort();
		for (int k = 0; k < 6; k++)
			if (fscanf(file, "%lf", &targets[k][i]) != 1)
				abort();
	}
	while (fscanf(file, " case %63s %d", name, &outputs) == 2)
	{
		GbdtParams	params = defaults;
		GbdtTask	task = task_of(&params, columns, 0);
		int			categories[6] = {0};
		double	   *y = targets[0];
		bool		weighted = strstr(name, "weights") != NULL;
		EcmlData   *data;
		GbdtModel  *model;
		double		worst = 0;
		double		low = INFINITY;
		double		high = -INFINITY;

		bool		heavy = weighted || strcmp(name, "tweedie") == 0 || strcmp(name, "gamma") == 0 ||
			strncmp(name, "logistic_", 9) == 0;

		params.n_trees = strncmp(name, "squared", 7) == 0 && !weighted ? 20 : 8;
		params.max_leaves = 9;
		params.learning_rate = 0.2;
		params.min_child_samples = heavy ? 1 : 8;
		params.min_child_weight = heavy ? 8 : 1e-3;
		params.min_data_per_group = 20;
		if (strstr(name, "l1_l2"))
		{
			params.l1 = 2;
			params.l2 = 5;
			params.min_gain = 0.5;
		}
		if (strstr(name, "depth"))
			params.max_depth = 3;
		if (strstr(name, "one_hot"))
			params.max_cat_to_onehot = 20;
		if (strstr(name, "positive"))
			params.scale_pos_weight = 3;
		if (strstr(name, "category") || strstr(name, "one_hot"))
			categories[5] = 12;
		if (strncmp(name, "logistic", 8) == 0)
		{
			y = targets[1];
			task.classes = 2;
		}
		else if (strcmp(name, "softmax") == 0)
		{
			y = targets[2];
			task.classes = 3;
		}
		else if (strcmp(name, "gamma") == 0)
		{
			y = targets[4];
			params.objective = GBDT_GAMMA;
		}
		else if (strcmp(name, "poisson") == 0 || strcmp(name, "tweedie") == 0)
		{
			y = targets[3];
			params.objective = *name == 'p' ? GBDT_POISSON : GBDT_TWEEDIE;
			params.variance_power = 1.3;
		}
		task.categories = categories;
		data = ecml_data_from_rows(ctx, ECML_F4, rows, columns, x, y, weighted ? targets[5] : NULL);
		model = gbdt_fit(ctx, data, &task);
		for (int i = 0; i < rows; i += 5)
		{
			double		p[3];

			if (task.classes > 0)
				gbdt_probabilities(model, x + i * columns, p);
			else
				p[0] = gbdt_predict(model, x + i * columns);
			for (int k = 0; k < outputs; k++)
			{
				double		want;

				if (fscanf(file, "%lf", &want) != 1)
					abort();
				worst = fmax(worst, fabs(want - (task.classes == 2 ? p[1] : p[k])));
				low = fmin(low, want);
				high = fmax(high, want);
			}
		}
		ok(worst < 2e-5 * (high - low), "%s: LightGBM's predictions (worst difference %.2g of %.3g)", name, worst, high - low);
	}
	fclose(file);
	test_ctx_free(ctx);
}

/* ---------------------------------------------------------------- objectives */

static void
test_derivatives(void)
{
	EcmlCtx    *ctx = test_ctx(1, 1);

	for (int objective = GBDT_SQUARED_ERROR; objective <= GBDT_SOFTMAX; objective++)
	{
		GbdtParams	params = defaults;
		double		score[6];
		double		y[2] = {objective == GBDT_SOFTMAX ? 2 : 1, 0};
		double		norm[2];
		GbdtLoss	loss = {.params = &params,.objective = objective,.rows = 2,.y = y,.score = score,.norm = norm,.max_w = 1,.delta = 0.7};
		double		worst = 0;
		double		worst_h = 0;

		loss.outputs = loss.classes = objective == GBDT_SOFTMAX ? 3 : 1;
		if (objective == GBDT_GAMMA)
			y[1] = 0.2;
		if (objective != GBDT_SOFTMAX)
			loss.norm = NULL;
		for (int trial = 0; trial < 40; trial++)
			for (int row = 0; row < 2; row++)
				for (int k = 0; k < loss.outputs; k++)
				{
					double		step = 1e-5;
					double		g[2];
					double		h[2];
					double		values[2];
					double		up;
					double		middle;
					double		down;
					/* deviances are twice, squared error is not halved */
					double		half = objective == GBDT_SQUARED_ERROR || objective == GBDT_POISSON || objective == GBDT_GAMMA ||
						objective == GBDT_TWEEDIE ? 0.5 : 1;
					double		keep;

					for (int i = 0; i < 6; i++)
						score[i] = 0.13 + 0.21 * ((trial * 7 + i * 5) % 19 - 9);
					if (objective == GBDT_SOFTMAX)
						gbdt_loss_norms(&loss, 0, 2);
					gbdt_loss_gradients(&loss, k, 0, NULL, 2, g, h);
					keep = score[k * 2 + row];
					gbdt_loss_values(&loss, GBDT_METRIC_LOSS, 0, 2, values);
					middle = values[row];
					score[k * 2 + row] = keep + step;
					gbdt_loss_values(&loss, GBDT_METRIC_LOSS, 0, 2, values);
					up = values[row];
					score[k * 2 + row] = keep - step;
					gbdt_loss_values(&loss, GBDT_METRIC_LOSS, 0, 2, values);
					down = values[row];
					worst = fmax(worst, fabs(half * (up - down) / (2 * step) - g[row]));
					if (objective == GBDT_POISSON)
						worst_h = fmax(worst_h, fabs(h[row] / (g[row] + y[row]) - exp(0.7)));
					else if (objective == GBDT_SOFTMAX)
						worst_h = fmax(worst_h, fabs((up - 2 * middle + down) / (step * step) - h[row] * 2 / 3));
					else if (objective == GBDT_GAMMA || objective == GBDT_TWEEDIE || objective == GBDT_LOGISTIC)
						worst_h = fmax(worst_h, fabs(half * (up - 2 * middle + down) / (step * step) - h[row]));
				}
		ok(worst < 1e-6 && worst_h < 1e-3, "%s: gradients are the loss's derivatives (%.2g, %.2g)", gbdt_objective_name(objective), worst,
		   worst_h);
	}
	test_ctx_free(ctx);
}

static void
test_quantiles(void)
{
	EcmlRng		rng;
	double		worst = 0;
	double		worst_weighted = 0;

	ecml_rng_seed(&rng, 2);
	for (int trial = 0; trial < 2000; trial++)
	{
		size_t		n = 1 + ecml_rng_below(&rng, 40);
		double		v[80];
		double		sorted[40];
		double		level = trial % 7 == 0 ? 0.5 : ecml_rng_double(&rng);
		double		at = level * (n - 1);
		double		want;
		double		got;
		double		total = 0;
		double		sum = 0;
		int			k = 0;

		for (size_t i = 0; i < n; i++)
			v[i] = sorted[i] = trial % 3 ? (double) ecml_rng_below(&rng, 9) : ecml_rng_double(&rng);
		qsort(sorted, n, sizeof(double), compare_numbers);
		want = sorted[(int) at] + (at > floor(at) ? (at - floor(at)) * (sorted[(int) at + 1] - sorted[(int) at]) : 0);
		got = gbdt_quantile(v, n, false, level);
		worst = fmax(worst, fabs(got - want));
		/* weighted: the first value at which the weights before and of it exceed their share */
		for (size_t i = 0; i < n; i++)
		{
			v[2 * i] = sorted[n - 1 - i];
			v[2 * i + 1] = 1 + (n - 1 - i) % 4;
			total += v[2 * i + 1];
		}
		while (sum + 1 + k % 4 <= level * total && k < (int) n - 1)
			sum += 1 + k++ % 4;
		worst_weighted = fmax(worst_weighted, fabs(gbdt_quantile(v, n, true, level) - sorted[k]));
	}
	ok(worst < 1e-12 && worst_weighted == 0, "quantiles are those of sorted numbers (%.2g, weighted %.2g)", worst, worst_weighted);
}

/* Share of rows below the prediction, or the metric of a fit. */
static void
test_objectives(void)
{
	EcmlCtx    *ctx = test_ctx(2, 1);
	size_t		rows = 6000;
	double	   *y = ECML_NEW(ctx, double, rows);
	double	   *w = ECML_NEW(ctx, double, rows);
	double	   *x = make_rows(ctx, rows, y, 0, 5);
	EcmlData   *data = ecml_data_from_rows(ctx, ECML_F4, rows, WIDTH, x, y, NULL);
	GbdtParams	params = defaults;
	GbdtTask	task = task_of(&params, WIDTH, 0);
	GbdtModel  *model;
	double		below = 0;
	double		squared;

	task.categories = kinds;
	model = gbdt_fit(ctx, data, &task);
	squared = model->train_metric;
	ok(squared < 0.5 && model->objective == GBDT_SQUARED_ERROR, "squared error: RMSE %.3f", squared);
	params.objective = GBDT_QUANTILE;
	params.alpha = 0.8;
	model = gbdt_fit(ctx, data, &task);
	for (size_t i = 0; i < rows; i++)
		below += y[i] < gbdt_predict(model, x + i * WIDTH);
	ok(fabs(below / rows - 0.8) < 0.02, "quantile 0.8: %.3f of the rows are below", below / rows);
	params.objective = GBDT_ABSOLUTE_ERROR;
	model = gbdt_fit(ctx, data, &task);
	ok(model->train_metric < 0.42, "absolute error: MAE %.3f", model->train_metric);

	/* one target in a hundred is nonsense */
	for (size_t i = 0; i < rows; i++)
		w[i] = i % 100 == 0 ? y[i] + 1e4 : y[i];
	data = ecml_data_from_rows(ctx, ECML_F4, rows, WIDTH, x, w, NULL);
	for (int objective = GBDT_ABSOLUTE_ERROR; objective <= GBDT_HUBER; objective++)
	{
		double		sum = 0;

		params.objective = objective;
		params.alpha = 0.9;
		model = gbdt_fit(ctx, data, &task);
		for (size_t i = 0; i < rows; i++)
			sum += pow(gbdt_predict(model, x + i * WIDTH) - y[i], 2);
		ok(sqrt(sum / rows) < 0.9, "%s does not care for outliers: RMSE %.3f of the others", gbdt_objective_name(objective),
		   sqrt(sum / rows));
	}
	test_ctx_free(ctx);
}

/* A weight of 2 is as the row twice; a class's weight as that of its rows. */
static void
test_weights(void)
{
	EcmlCtx    *ctx = test_ctx(2, 1);
	size_t		rows = 1500;
	double	   *y = ECML_NEW(ctx, double, 2 * rows);
	double	   *w = ECML_NEW(ctx, double, rows);
	double	   *x = make_rows(ctx, 2 * rows, y, 2, 9);
	double		class_weight[2] = {1, 2};
	GbdtParams	params = defaults;
	GbdtTask	task = task_of(&params, WIDTH, 2);
	GbdtModel  *a;
	GbdtModel  *b;
	double		worst = 0;
	double		worst_class = 0;

	params.n_trees = 10;
	params.min_child_samples = 1;
	params.min_child_weight = 5;
	params.max_leaves = 6;
	for (size_t i = 0; i < rows; i++)
	{
		w[i] = y[i] > 0 ? 2 : 1;
		for (int j = 0; j < WIDTH; j++)
			x[i * WIDTH + j] = floor(4 * x[i * WIDTH + j]);	/* few values: the same bins */
	}
	a = gbdt_fit(ctx, ecml_data_from_rows(ctx, ECML_F4, rows, WIDTH, x, y, w), &task);
	task.class_weight = class_weight;
	b = gbdt_fit(ctx, ecml_data_from_rows(ctx, ECML_F4, rows, WIDTH, x, y, NULL), &task);
	task.class_weight = NULL;
	for (size_t i = 0; i < rows; i++)
		worst_class = fmax(worst_class, fabs(gbdt_predict(a, x + i * WIDTH) - gbdt_predict(b, x + i * WIDTH)));
	{
		size_t		n = rows;

		for (size_t i = 0; i < rows; i++)
			if (y[i] > 0)
			{
				memcpy(x + n * WIDTH, x + i * WIDTH, WIDTH * sizeof(double));
				y[n++] = 1;
			}
		b = gbdt_fit(ctx, ecml_data_from_rows(ctx, ECML_F4, n, WIDTH, x, y, NULL), &task);
	}
	for (size_t i = 0; i < rows; i++)
		worst = fmax(worst, fabs(gbdt_predict(a, x + i * WIDTH) - gbdt_predict(b, x + i * WIDTH)));
	ok(worst_class < 1e-12, "weights of classes are weights of their rows (%.2g)", worst_class);
	/* random rounding falls otherwise */
	ok(worst < 0.02, "a weight of 2 is the row twice (%.2g)", worst);
	test_ctx_free(ctx);
}

/* ---------------------------------------------------------------- what options promise */

static void
test_promises(void)
{
	EcmlCtx    *ctx = test_ctx(2, 1);
	size_t		rows = 40000;
	double	   *y = ECML_NEW(ctx, double, rows);
	double	   *x = make_rows(ctx, rows, y, 2, 21);
	int8_t		monotone[WIDTH] = {1, 0, -1, 0, 0, 0};
	GbdtParams	params = defaults;
	GbdtTask	task = task_of(&params, WIDTH, 2);
	EcmlData   *data = ecml_data_from_rows(ctx, ECML_F4, rows, WIDTH, x, y, NULL);
	GbdtModel  *model;
	size_t		least = rows;
	int			falls = 0;
	int			rises = 0;
	int			deepest = 0;
	double		worst = 0;

	task.categories = kinds;
	params.n_trees = 20;
	params.min_child_samples = 300;
	params.max_leaves = 60;
	params.max_depth = 7;
	params.min_child_weight = 0;
	/* hessians differ from row to row here: counts by hessians alone would fall short */
	params.learning_rate = 0.6;
	model = gbdt_fit(ctx, data, &task);
	for (int t = 0; t < model->forest->ntrees; t++)
	{
		const TreeNode *nodes = model->forest->nodes + model->forest->first[t];
		int			nnodes = (int) (model->forest->first[t + 1] - model->forest->first[t]);
		int			depth[200] = {0};

		for (int k = 0; k < nnodes; k++)
			if (nodes[k].feature == TREE_LEAF)
				least = fmin(least, nodes[k].cover);
			else
			{
				depth[nodes[k].left] = depth[nodes[k].left + 1] = depth[k] + 1;
				deepest = depth[k] + 1 > deepest ? depth[k] + 1 : deepest;
				if (nodes[k].cover != nodes[nodes[k].left].cover + nodes[nodes[k].left + 1].cover)
					worst = 1;
			}
	}
	ok(least >= 300, "no leaf has fewer rows than min_child_samples (%zu)", least);
	ok(deepest <= 7 && deepest > 4, "no tree is deeper than max_depth (%d)", deepest);
	ok(worst == 0, "covers add up");
	for (size_t i = 0; i < 200; i++)
	{
		double		base;
		double		phi[WIDTH];
		double		score;

		tree_forest_predict(model->forest, x + i * WIDTH, &score);
		tree_forest_shap(model->forest, x + i * WIDTH, 0, &base, phi);
		for (int j = 0; j < WIDTH; j++)
			base += phi[j];
		worst = fmax(worst, fabs(base - score));
	}
	ok(worst < 1e-9, "contributions add up to the score (%.2g)", worst);

	params = defaults;
	params.n_trees = 40;
	task.monotone = monotone;
	model = gbdt_fit(ctx, data, &task);
	for (size_t i = 0; i < 300; i++)
		for (int j = 0; j <= 2; j += 2)
		{
			double		before = NAN;
			double		row[WIDTH];

			memcpy(row, x + i * WIDTH, sizeof(row));
			for (int k = -30; k <= 30; k++)
			{
				double		p;

				row[j] = k / 10.0;
				p = gbdt_predict(model, row);
				if (j == 0)
					falls += p < before;
				else
					rises += p > before;
				before = p;
			}
		}
	ok(falls == 0 && rises == 0, "monotone constraints hold (%d, %d do not)", falls, rises);
	ok(model->train_metric < 0.48, "and the model learns (log loss %.3f)", model->train_metric);
	test_ctx_free(ctx);
}

static void
test_validation(void)
{
	EcmlCtx    *ctx = test_ctx(2, 1);
	size_t		rows = 5000;
	double	   *y = ECML_NEW(ctx, double, rows);
	double	   *plain = make_rows(ctx, rows, y, 2, 31);
	double	   *x = ECML_NEW(ctx, double, rows * (WIDTH + 1));
	GbdtParams	params = defaults;
	GbdtTask	task = task_of(&params, WIDTH, 2);
	GbdtModel  *model;
	EcmlData   *data;
	double		loss = 0;
	double		n = 0;
	double		best = INFINITY;

	for (size_t i = 0; i < rows; i++)
	{
		memcpy(x + i * (WIDTH + 1), plain + i * WIDTH, WIDTH * sizeof(double));
		x[i * (WIDTH + 1) + WIDTH] = i % 4 == 0;
	}
	data = ecml_data_from_rows(ctx, ECML_F4, rows, WIDTH + 1, x, y, NULL);
	params.n_trees = 500;
	params.learning_rate = 0.3;
	params.early_stopping_rounds = 10;
	task.validation = WIDTH;
	model = gbdt_fit(ctx, data, &task);
	ok(model->validation_rows == rows / 4 && model->rows == rows - rows / 4, "rows of the column validate");
	ok(model->grown == model->rounds + 10 && model->forest->ntrees == model->rounds && model->rounds < 200,
	   "stopped after %d rounds, %d are kept", model->grown, model->rounds);
	for (size_t i = 0; i < rows; i += 4)
	{
		double		p = gbdt_predict(model, plain + i * WIDTH);

		loss -= y[i] > 0 ? log(p) : log(1 - p);
		n++;
	}
	close_to(model->validation_metric, loss / n, 1e-9, "the metric is that of the rounds that are kept");
	for (int i = 0; i < model->ncurve; i++)
		best = fmin(best, model->curve_validation[i]);
	ok(best == model->validation_metric, "which is the best of the curve");

	task.validation = -1;
	params.validation_fraction = 0.2;
	for (int metric = GBDT_METRIC_LOSS; metric <= GBDT_METRIC_ERROR; metric++)
	{
		params.metric = metric;
		model = gbdt_fit(ctx, data, &task);
		ok(model->validation_rows == 1000 && model->rounds > 3 && isfinite(model->validation_metric), "a fraction, %s %.3f: %d rounds",
		   gbdt_metric_name(model->objective, metric), model->validation_metric, model->rounds);
	}
	params.early_stopping_rounds = 0;
	params.n_trees = 15;
	model = gbdt_fit(ctx, data, &task);
	ok(model->rounds == 15 && model->ncurve == 15, "without early stopping all rounds are kept");
	test_ctx_free(ctx);
}

static void
test_sampling(void)
{
	EcmlCtx    *ctx = test_ctx(2, 1);
	size_t		rows = 20000;
	double	   *y = ECML_NEW(ctx, double, rows);
	double	   *x = make_rows(ctx, rows, y, 2, 41);
	EcmlData   *data = ecml_data_from_rows(ctx, ECML_F4, rows, WIDTH, x, y, NULL);
	GbdtParams	params = defaults;
	GbdtTask	task = task_of(&params, WIDTH, 2);
	GbdtModel  *model;
	double		all;
	double		cover;

	params.n_trees = 30;
	model = gbdt_fit(ctx, data, &task);
	all = model->train_metric;
	params.subsample = 0.3;
	model = gbdt_fit(ctx, data, &task);
	cover = model->forest->nodes[0].cover;
	ok(cover == 6000, "a share of the rows (%g)", cover);
	ok(fabs(model->train_metric - all) < 0.03 && model->train_metric != all, "learns about as well (%.3f, %.3f)", model->train_metric,
	   all);
	params.subsample = 1;
	params.colsample_tree = 0.34;
	model = gbdt_fit(ctx, data, &task);
	{
		int			most = 0;

		for (int t = 0; t < model->forest->ntrees; t++)
		{
			unsigned	used = 0;

			for (size_t k = model->forest->first[t]; k < model->forest->first[t + 1]; k++)
				if (model->forest->nodes[k].feature >= 0)
					used |= 1u << model->forest->nodes[k].feature;
			most = __builtin_popcount(used) > most ? __builtin_popcount(used) : most;
		}
		ok(most == 2, "a tree uses its share of the columns (%d)", most);
	}
	params.colsample_tree = 1;
	params.colsample_node = 0.5;
	model = gbdt_fit(ctx, data, &task);
	ok(model->train_metric < 0.5, "columns by node (%.3f)", model->train_metric);
	test_ctx_free(ctx);
}

static void
test_ranking(void)
{
	EcmlCtx    *ctx = test_ctx(2, 1);
	size_t		rows = 6000;
	double	   *x = ECML_NEW(ctx, double, rows * 4);
	double	   *y = ECML_NEW(ctx, double, rows);
	GbdtParams	params = defaults;
	GbdtTask	task = task_of(&params, 3, 0);
	GbdtModel  *model;
	EcmlData   *data;
	EcmlRng		rng;

	ecml_rng_seed(&rng, 5);
	for (size_t i = 0; i < rows; i++)
	{
		double		v;

		for (int j = 0; j < 3; j++)
			x[i * 4 + j] = ecml_rng_normal(&rng);
		x[i * 4 + 3] = (double) (i * 7919 % 300);	/* groups are scattered */
		/* the level of a group says nothing */
		v = x[i * 4] + 0.5 * fabs(x[i * 4 + 1]) + 0.5 * ecml_rng_normal(&rng);
		y[i] = v < 0.3 ? 0 : v < 1.2 ? 1 : v < 2 ? 2 : 3;
	}
	data = ecml_data_from_rows(ctx, ECML_F4, rows, 4, x, y, NULL);
	params.objective = GBDT_LAMBDARANK;
	params.n_trees = 60;
	params.validation_fraction = 0.25;
	task.group = 3;
	model = gbdt_fit(ctx, data, &task);
	ok(model->validation_rows == 1500, "whole groups validate (%g rows)", model->validation_rows);
	ok(model->curve_validation[0] > 0.6 && model->validation_metric > 0.85, "NDCG of other groups: %.3f after one tree, %.3f after %d",
	   model->curve_validation[0], model->validation_metric, model->rounds);
	test_ctx_free(ctx);
}

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
	test_naive();
	test_reference();
	test_derivatives();
	test_quantiles();
	test_objectives();
	test_weights();
	test_promises();
	test_validation();
	test_sampling();
	test_ranking();
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
