/*
 * test_gbdt.c - how boosting grows: against a naive version, against LightGBM's predictions; weights, constraints, validation and
 * early stopping, sampling
 */
#include "gbdt_cases.h"

#include <float.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REFERENCE "test/data/gbdt/lightgbm.txt"

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

/* ---------------------------------------------------------------- what is promised */

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

int
main(void)
{
	test_naive();
	test_reference();
	test_weights();
	test_promises();
	test_validation();
	test_sampling();
	return done();
}
