/*
 * test_forest.c - decision trees and random forests: splits against all that are possible, promises of the options, out-of-bag
 * errors, the same bits on all ways; damage, lack of memory, cancel
 */
#include "tree/forest.h"
#include "host.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FEATURES 5

static const int categories[FEATURES] = {0, 0, 0, 5, 3};

typedef struct Table
{
	size_t		n;
	double	   *x;				/* [n][FEATURES] */
	double	   *y;
	double	   *w;
} Table;

/* Small integers, some missing, two categories; y a number or a class that depends on some of them. */
static Table
table(EcmlCtx *ctx, size_t n, int classes, uint64_t seed)
{
	Table		t = {.n = n};
	EcmlRng		rng;

	ecml_rng_seed(&rng, seed);
	t.x = ECML_NEW(ctx, double, n * FEATURES);
	t.y = ECML_NEW(ctx, double, n);
	t.w = ECML_NEW(ctx, double, n);
	for (size_t i = 0; i < n; i++)
	{
		double	   *x = t.x + i * FEATURES;
		double		v;

		for (int j = 0; j < FEATURES; j++)
		{
			x[j] = (double) ecml_rng_below(&rng, categories[j] > 0 ? categories[j] : j == 2 ? 100 : 6);
			if (ecml_rng_below(&rng, 10) == 0)
				x[j] = NAN;
		}
		v = (isnan(x[0]) ? 4 : x[0]) + (x[3] == 1 || x[3] == 4 ? 3 : 0) + (x[2] > 50 ? 2 : 0) + 2 * ecml_rng_double(&rng);
		t.y[i] = classes == 0 ? floor(v) : classes == 2 ? v > 5 : v < 4 ? 0 : v < 6 ? 1 : 2;
		t.w[i] = 1 + (double) ecml_rng_below(&rng, 3);
	}
	return t;
}

static ForestModel *
fit(EcmlCtx *ctx, const Table *t, bool weighted, int classes, const double *class_weight, const ForestParams *params)
{
	EcmlData   *data = ecml_data_from_rows(ctx, ECML_F4, t->n, FEATURES, t->x, t->y, weighted ? t->w : NULL);
	ForestTask	task = {.params = params,.features = FEATURES,.categories = categories,.classes = classes,.class_weight = class_weight};

	return forest_fit(ctx, data, &task);
}

static int
count_leaves(const ForestModel *model)
{
	return (int) (model->forest->first[model->forest->ntrees] + model->forest->ntrees) / 2;
}

/* ---------------------------------------------------------------- all splits there are */

static int
by_target(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return x < y ? -1 : x > y;
}

/* The value up to which half of the weight lies, pairs [n][2] sorted; the middle to the next one where exactly half does. */
static double
naive_median(double *pairs, size_t n)
{
	double		total = 0;
	double		upto = 0;

	qsort(pairs, n, 2 * sizeof(double), by_target);
	for (size_t i = 0; i < n; i++)
		total += pairs[2 * i + 1];
	for (size_t i = 0; i < n; i++)
	{
		upto += pairs[2 * i + 1];
		if (upto == total / 2 && i + 1 < n)
			return (pairs[2 * i] + pairs[2 * i + 2]) / 2;
		if (upto > total / 2)
			return pairs[2 * i];
	}
	return pairs[2 * n - 2];
}

/* Weighted impurity of the rows that are marked. */
static double
impurity(const Table *t, const bool *in, bool side, bool weighted, int classes, int criterion)
{
	double		sum[3] = {0};
	double		total = 0;
	double		v = 0;
	double		mean;

	for (size_t i = 0; i < t->n; i++)
		if (in[i] == side)
		{
			double		w = weighted ? t->w[i] : 1;

			total += w;
			if (classes > 0)
				sum[(int) t->y[i]] += w;
			else
				sum[0] += w * t->y[i];
		}
	if (total == 0)
		return NAN;
	mean = sum[0] / total;
	if (criterion == FOREST_ABSOLUTE_ERROR)
	{
		double	   *pairs = malloc(2 * t->n * sizeof(double));
		size_t		n = 0;

		for (size_t i = 0; i < t->n; i++)
			if (in[i] == side)
			{
				pairs[2 * n] = t->y[i];
				pairs[2 * n++ + 1] = weighted ? t->w[i] : 1;
			}
		mean = naive_median(pairs, n);
		for (size_t i = 0; i < n; i++)
			v += pairs[2 * i + 1] * fabs(pairs[2 * i] - mean);
		free(pairs);
		return v;
	}
	if (classes > 0)
	{
		for (int k = 0; k < classes; k++)
		{
			double		p = sum[k] / total;

			v += criterion == FOREST_GINI ? p * (1 - p) : p > 0 ? -p * log2(p) : 0;
		}
		return total * v;
	}
	for (size_t i = 0; i < t->n; i++)
		if (in[i] == side)
		{
			double		w = weighted ? t->w[i] : 1;

			if (criterion == FOREST_POISSON)
				v += w * ((t->y[i] > 0 ? t->y[i] * log(t->y[i] / mean) : 0) - t->y[i] + mean);
			else
				v += w * (t->y[i] - mean) * (t->y[i] - mean);
		}
	return mean > 0 || criterion != FOREST_POISSON ? v : NAN;
}

static void
consider(const Table *t, const bool *in, bool weighted, int classes, int criterion, double *best)
{
	double		left = impurity(t, in, true, weighted, classes, criterion);
	double		right = impurity(t, in, false, weighted, classes, criterion);

	/* NaN: a side is empty, or has no deviance */
	if (left + right < *best)
		*best = left + right;
}

/* The least impurity that one split leaves. */
static double
best_split(EcmlCtx *ctx, const Table *t, bool weighted, int classes, int criterion)
{
	bool	   *in = ECML_NEW(ctx, bool, t->n);
	double		best = INFINITY;

	for (int j = 0; j < FEATURES; j++)
		for (int missing = 0; missing < 2; missing++)
			for (int cut = 0; cut < (categories[j] > 0 ? 1 << categories[j] : 101); cut++)
			{
				for (size_t i = 0; i < t->n; i++)
				{
					double		v = t->x[i * FEATURES + j];

					in[i] = isnan(v) ? missing : categories[j] > 0 ? cut >> (int) v & 1 : v <= cut;
				}
				consider(t, in, weighted, classes, criterion, &best);
			}
	return best;
}

static void
test_splits(void)
{
	static const struct
	{
		int			classes;
		int			criterion;
	}			cases[] = {{2, FOREST_GINI}, {2, FOREST_ENTROPY}, {0, FOREST_SQUARED_ERROR}, {0, FOREST_POISSON}, {0, FOREST_ABSOLUTE_ERROR}};

	for (int c = 0; c < 5; c++)
		for (int weighted = 0; weighted < 2; weighted++)
		{
			double		off = 0;

			for (int round = 0; round < 12; round++)
			{
				EcmlCtx    *ctx = test_ctx(1, 1);
				Table		t = table(ctx, 30 + 40 * round, cases[c].classes, 100 * c + round);
				ForestParams params = FOREST_TREE_DEFAULTS;
				ForestModel *model;
				bool	   *all = ECML_NEW0(ctx, bool, t.n);
				double		whole;
				double		weight = 0;
				double		got;

				/* the order of categories by their means need not be the best one for medians */
				for (size_t i = 0; i < t.n && cases[c].criterion == FOREST_ABSOLUTE_ERROR; i++)
				{
					t.x[i * FEATURES + 3] = t.x[i * FEATURES + 4] = 0;
					t.y[i] += 1e6;
				}
				params.criterion = cases[c].criterion;
				params.max_depth = 1;
				params.min_samples_leaf = 1;
				model = fit(ctx, &t, weighted, cases[c].classes, NULL, &params);
				whole = impurity(&t, all, false, weighted, cases[c].classes, cases[c].criterion);
				for (size_t i = 0; i < t.n; i++)
					weight += weighted ? t.w[i] : 1;
				got = whole - model->forest->nodes[0].gain * weight;
				off = fmax(off, fabs(got - best_split(ctx, &t, weighted, cases[c].classes, cases[c].criterion)) / whole);
				test_ctx_free(ctx);
			}
			ok(off < 1e-5, "%s%s: the split is the best of all (%g)", forest_criterion_name(cases[c].criterion),
			   weighted ? ", weighted" : "", off);
		}
}

/* Leaves say what their rows are. */
static void
test_leaves(void)
{
	for (int classes = 0; classes <= 3; classes++)
		for (int weighted = 0; weighted < 2 && classes != 1; weighted++)
		{
			EcmlCtx    *ctx = test_ctx(1, 1);
			Table		t = table(ctx, 3000, classes, 5);
			ForestParams params = FOREST_TREE_DEFAULTS;
			ForestModel *model = fit(ctx, &t, weighted, classes, NULL, &params);
			const TreeForest *forest = model->forest;
			size_t		nnodes = forest->first[1];
			double	   *sum = ECML_NEW0(ctx, double, nnodes * 4);
			int		   *rows = ECML_NEW0(ctx, int, nnodes);
			double		off = 0;
			int			least = 1000000;

			for (size_t i = 0; i < t.n; i++)
			{
				int			leaf = tree_forest_leaf(forest, 0, t.x + i * FEATURES);
				double		w = weighted ? t.w[i] : 1;

				rows[leaf]++;
				sum[leaf * 4 + 3] += w;
				if (classes > 0)
					sum[leaf * 4 + (int) t.y[i]] += w;
				else
					sum[leaf * 4] += w * t.y[i];
			}
			for (size_t i = 0; i < nnodes; i++)
			{
				const TreeNode *node = &forest->nodes[i];
				double	   *s = sum + i * 4;

				if (node->feature != TREE_LEAF)
					continue;
				least = rows[i] < least ? rows[i] : least;
				off = fmax(off, fabs(node->cover - s[3]));
				if (classes > 2)
					for (int k = 0; k < 3; k++)
						off = fmax(off, fabs(forest->vectors[(size_t) node->left * 3 + k] - s[k] / s[3]));
				else
					off = fmax(off, fabs(node->threshold - s[classes == 2] / s[3]));
			}
			ok(off < 1e-6 && least >= 10, "%d classes%s: leaves have the shares, means and weights of their rows (%g, %d rows at least)",
			   classes, weighted ? ", weighted" : "", off, least);
			test_ctx_free(ctx);
		}
}

/* With the absolute error, leaves say the medians of their rows; of more rows than groups, splits are almost the best. */
static void
test_medians(void)
{
	for (int weighted = 0; weighted < 2; weighted++)
	{
		EcmlCtx    *ctx = test_ctx(1, 1);
		Table		t = table(ctx, 9000, 0, 8);
		ForestParams params = FOREST_TREE_DEFAULTS;
		double	   *pairs = ECML_NEW(ctx, double, 2 * t.n);
		bool	   *all = ECML_NEW0(ctx, bool, t.n);
		ForestModel *model;
		EcmlRng		rng;
		double		off = 0;
		double		whole;
		double		weight = 0;
		double		lost = 0;

		ecml_rng_seed(&rng, 4);
		for (size_t i = 0; i < t.n; i++)
		{
			t.x[i * FEATURES + 3] = t.x[i * FEATURES + 4] = NAN;
			t.y[i] += ecml_rng_normal(&rng);
			if (i % 50 == 0)
				t.y[i] *= 100;
			weight += weighted ? t.w[i] : 1;
		}
		params.criterion = FOREST_ABSOLUTE_ERROR;
		model = fit(ctx, &t, weighted, 0, NULL, &params);
		for (size_t leaf = 0; leaf < model->forest->first[1]; leaf++)
		{
			size_t		n = 0;

			if (model->forest->nodes[leaf].feature != TREE_LEAF)
				continue;
			for (size_t i = 0; i < t.n; i++)
				if (tree_forest_leaf(model->forest, 0, t.x + i * FEATURES) == (int) leaf)
				{
					pairs[2 * n] = t.y[i];
					pairs[2 * n++ + 1] = weighted ? t.w[i] : 1;
				}
			/* a leaf is a float */
			off = fmax(off, fabs(model->forest->nodes[leaf].threshold - (float) naive_median(pairs, n)));
		}
		ok(off == 0 && count_leaves(model) > 20, "absolute error%s: leaves have the medians of their rows (%g, %d leaves)",
		   weighted ? ", weighted" : "", off, count_leaves(model));
		params.min_samples_leaf = 1;
		params.max_depth = 1;
		model = fit(ctx, &t, weighted, 0, NULL, &params);
		whole = impurity(&t, all, false, weighted, 0, FOREST_ABSOLUTE_ERROR);
		for (size_t i = 0; i < t.n; i++)
			all[i] = tree_forest_leaf(model->forest, 0, t.x + i * FEATURES) == 1;
		lost = whole - impurity(&t, all, true, weighted, 0, FOREST_ABSOLUTE_ERROR) - impurity(&t, all, false, weighted, 0, FOREST_ABSOLUTE_ERROR);
		close_to(model->forest->nodes[0].gain * weight, lost, 1e-3, "absolute error%s: gain of a split of 9,000 rows", weighted ? ", weighted" : "");
		test_ctx_free(ctx);
	}
}

/* ---------------------------------------------------------------- options */

static void
test_options(void)
{
	EcmlCtx    *ctx = test_ctx(2, 1);
	Table		t = table(ctx, 4000, 2, 9);
	ForestParams full = FOREST_TREE_DEFAULTS;
	ForestParams params;
	ForestModel *model;
	ForestModel *other;
	double		weight[2] = {1, 3};
	double	   *w = t.w;
	int			leaves;
	EcmlWriter	a;
	EcmlWriter	b;

	full.max_depth = 0;
	full.min_samples_leaf = 1;
	leaves = count_leaves(fit(ctx, &t, false, 2, NULL, &full));
	params = full;
	params.max_leaves = 7;
	model = fit(ctx, &t, false, 2, NULL, &params);
	ok(count_leaves(model) == 7 && leaves > 100, "max_leaves: 7 of %d", leaves);
	params.max_leaves = 1000000;
	ok(count_leaves(fit(ctx, &t, false, 2, NULL, &params)) == leaves, "best first comes to the same leaves when all are allowed");
	params = full;
	params.ccp_alpha = 1;
	ok(count_leaves(fit(ctx, &t, false, 2, NULL, &params)) == 1, "ccp_alpha 1: one leaf");
	params.ccp_alpha = 0.002;
	model = fit(ctx, &t, false, 2, NULL, &params);
	params.ccp_alpha = 0.01;
	other = fit(ctx, &t, false, 2, NULL, &params);
	ok(count_leaves(model) < leaves && count_leaves(other) < count_leaves(model) && count_leaves(other) > 1,
	   "ccp_alpha: %d, %d, %d leaves", leaves, count_leaves(model), count_leaves(other));
	params = full;
	params.min_impurity_decrease = 0.005;
	model = fit(ctx, &t, false, 2, NULL, &params);
	leaves = 0;
	for (size_t i = 0; i < model->forest->first[1]; i++)
		leaves += model->forest->nodes[i].feature != TREE_LEAF && model->forest->nodes[i].gain < 0.005f;
	ok(leaves == 0 && count_leaves(model) > 1, "min_impurity_decrease is kept to");
	params = full;
	params.min_samples_leaf = 0.1;
	model = fit(ctx, &t, false, 2, NULL, &params);
	leaves = 0;
	for (size_t i = 0; i < model->forest->first[1]; i++)
		leaves += model->forest->nodes[i].cover < 400;
	ok(leaves == 0 && count_leaves(model) > 2, "min_samples_leaf as a share");

	/* a class's weight is a weight of each of its rows */
	t.w = ECML_NEW(ctx, double, t.n);
	for (size_t i = 0; i < t.n; i++)
		t.w[i] = t.y[i] == 1 ? 3 : 1;
	params = (ForestParams) FOREST_TREE_DEFAULTS;
	model = fit(ctx, &t, false, 2, weight, &params);
	other = fit(ctx, &t, true, 2, NULL, &params);
	leaves = model->forest->first[1] == other->forest->first[1];
	for (size_t i = 0; leaves && i < model->forest->first[1]; i++)
		leaves = model->forest->nodes[i].feature == other->forest->nodes[i].feature &&
			fabs(model->forest->nodes[i].threshold - other->forest->nodes[i].threshold) < 1e-6;
	ok(leaves, "class weights are weights of rows");
	t.w = w;

	/* weights of 1 change nothing */
	for (size_t i = 0; i < t.n; i++)
		t.w[i] = 1;
	params = (ForestParams) FOREST_DEFAULTS;
	params.n_trees = 5;
	ecml_writer_init(&a, ctx);
	ecml_writer_init(&b, ctx);
	tree_forest_write(&a, fit(ctx, &t, false, 2, NULL, &params)->forest);
	tree_forest_write(&b, fit(ctx, &t, true, 2, NULL, &params)->forest);
	ok(a.size == b.size && memcmp(a.data, b.data, a.size) == 0, "weights of 1 change nothing");
	test_ctx_free(ctx);
}

/* ---------------------------------------------------------------- rows that trees have not seen */

static void
test_oob(void)
{
	EcmlCtx    *ctx = test_ctx(2, 1);
	Table		t = table(ctx, 4000, 2, 21);
	Table		fresh = table(ctx, 4000, 2, 22);
	ForestParams params = FOREST_DEFAULTS;
	ForestModel *model;
	double		right = 0;
	double		off = 0;
	EcmlRng		rng;

	model = fit(ctx, &t, false, 2, NULL, &params);
	for (size_t i = 0; i < fresh.n; i++)
		right += (forest_predict(model, fresh.x + i * FEATURES) > 0.5) == (fresh.y[i] == 1);
	ok(model->oob_rows == 4000 && fabs(model->oob_accuracy - right / fresh.n) < 0.02,
	   "the out-of-bag accuracy (%.3f) is that of other rows (%.3f)", model->oob_accuracy, right / fresh.n);
	ok(model->oob_roc_auc > 0.9 && model->oob_log_loss < 0.5, "ROC AUC %.3f, log loss %.3f", model->oob_roc_auc, model->oob_log_loss);

	/* of noise nothing can be known */
	ecml_rng_seed(&rng, 3);
	for (size_t i = 0; i < t.n; i++)
		t.y[i] = (double) ecml_rng_below(&rng, 2);
	params.min_samples_leaf = 1;
	model = fit(ctx, &t, false, 2, NULL, &params);
	ok(fabs(model->oob_roc_auc - 0.5) < 0.05, "of noise it is 0.5 (%.3f)", model->oob_roc_auc);

	t = table(ctx, 4000, 0, 31);
	fresh = table(ctx, 4000, 0, 32);
	model = fit(ctx, &t, false, 0, NULL, &params);
	for (size_t i = 0; i < fresh.n; i++)
	{
		double		e = forest_predict(model, fresh.x + i * FEATURES) - fresh.y[i];

		off += e * e;
	}
	off = sqrt(off / fresh.n);
	ok(fabs(model->oob_rmse / off - 1) < 0.05 && model->oob_r2 > 0.5, "numbers: RMSE %.3f, of other rows %.3f; R2 %.3f", model->oob_rmse,
	   off, model->oob_r2);
	params.bootstrap = false;
	params.n_trees = 10;
	ok(fit(ctx, &t, false, 0, NULL, &params)->oob_rows == 0, "without a draw all rows are seen");
	params.max_samples = 0.5;
	params.n_trees = 40;
	ok(fit(ctx, &t, false, 0, NULL, &params)->oob_rows == 4000, "half of them drawn without replacement");
	test_ctx_free(ctx);
}

/* ---------------------------------------------------------------- how far to grow */

/* RMSE on rows of the other half. */
static double
error_of(const ForestModel *model, const Table *t, size_t from)
{
	double		sum = 0;

	for (size_t i = from; i < t->n; i++)
	{
		double		e = forest_predict(model, t->x + i * FEATURES) - t->y[i];

		sum += e * e;
	}
	return sqrt(sum / (double) (t->n - from));
}

static void
test_growing(void)
{
	EcmlCtx    *ctx = test_ctx(2, 1);
	Table		t = table(ctx, 1600, 0, 41);
	Table		half = t;
	ForestParams params = FOREST_DEFAULTS;
	ForestParams fixed = FOREST_DEFAULTS;
	ForestModel *model;
	double		error;
	double		error5;

	half.n = 800;
	fixed.min_samples_leaf = FOREST_LEAF;
	params.n_trees = fixed.n_trees = 30;
	/* what the columns say, exactly */
	for (size_t i = 0; i < t.n; i++)
	{
		double	   *x = t.x + i * FEATURES;

		t.y[i] = (isnan(x[0]) ? 4 : x[0]) * (isnan(x[1]) ? 2 : x[1]) + (x[3] == 1 ? 10 : 0);
	}
	model = fit(ctx, &half, false, 0, NULL, &params);
	error = error_of(model, &t, 800);
	error5 = error_of(fit(ctx, &half, false, 0, NULL, &fixed), &t, 800);
	ok(model->min_leaf == 1 && model->features_tried == FEATURES && error < 0.5 * error5,
	   "a target without noise: a row a leaf, all columns (RMSE of other rows %.3f, by fives %.3f)", error, error5);
	for (size_t i = 0; i < t.n; i++)
		t.y[i] = t.y[i] > 8;
	model = fit(ctx, &half, false, 2, NULL, &params);
	ok(model->min_leaf == 1 && model->oob_rows == 800, "classes without noise: a row a leaf");
	/* noise alone */
	for (size_t i = 0; i < t.n; i++)
		t.y[i] = t.w[i];
	model = fit(ctx, &half, false, 0, NULL, &params);
	ok(model->min_leaf == FOREST_LEAF && model->features_tried == 1, "of noise: as few as may be");
	params.min_samples_leaf = 2;
	ok(fit(ctx, &half, false, 0, NULL, &params)->min_leaf == 2, "nothing is tried where it is told");
	params.min_samples_leaf = 0;
	params.n_trees = 20;
	ok(fit(ctx, &half, false, 0, NULL, &params)->min_leaf == FOREST_LEAF, "nor of few trees");
	test_ctx_free(ctx);
}

/* ---------------------------------------------------------------- the same on all ways, and bytes */

static void
test_bits(void)
{
	for (int classes = 0; classes <= 3; classes++)
		for (int variant = 0; variant < (classes == 0 ? 7 : 5) && classes != 1; variant++)
		{
			EcmlWriter	w[2];
			EcmlCtx    *ctx[2];

			for (int i = 0; i < 2; i++)
			{
				ForestParams params = FOREST_DEFAULTS;
				Table		t;

				ctx[i] = test_ctx(i == 0 ? 1 : 4, 1);
				params.n_trees = 7;
				params.min_samples_leaf = 1;
				if (variant == 4)
				{
					params.n_trees = 22;
					params.min_samples_leaf = 0;	/* by trial */
				}
				if (variant >= 5)
					params.criterion = FOREST_ABSOLUTE_ERROR;
				if (variant == 2)
					params.max_leaves = 40;
				if (variant == 3)
					params.ccp_alpha = 0.001;
				t = table(ctx[i], 6000, classes, 77);
				ecml_writer_init(&w[i], ctx[i]);
				forest_write(&w[i], fit(ctx[i], &t, variant == 1 || variant == 6, classes, NULL, &params));
			}
			ok(w[0].size == w[1].size && memcmp(w[0].data, w[1].data, w[0].size) == 0,
			   "%d classes, variant %d: the same bits at 1 and 4 threads (%zu bytes)", classes, variant, w[0].size);
			test_ctx_free(ctx[0]);
			test_ctx_free(ctx[1]);
		}
}

static bool
reads(EcmlCtx *ctx, const uint8_t *bytes, size_t size, int classes)
{
	EcmlReader	r;
	ForestModel *model;
	double		x[FEATURES] = {1, 2, NAN, 3, -1};
	double		p[3];

	if (!TRY(ctx))
		return false;
	ecml_reader_init(&r, ctx, bytes, size);
	model = forest_read(&r, FEATURES, categories, classes);
	ecml_read_end(&r);
	if (classes > 0)
		forest_probabilities(model, x, p);
	else
		forest_predict(model, x);
	return true;
}

static void
test_damage(void)
{
	int			refused = 0;
	int			read = 0;

	for (int classes = 0; classes <= 3; classes++)
	{
		EcmlCtx    *ctx = test_ctx(1, 1);
		Table		t = table(ctx, 500, classes == 1 ? 0 : classes, 3);
		ForestParams params = FOREST_DEFAULTS;
		EcmlWriter	w;
		EcmlRng		rng;

		params.n_trees = 4;
		params.max_depth = 5;
		ecml_writer_init(&w, ctx);
		forest_write(&w, fit(ctx, &t, false, classes == 1 ? 0 : classes, NULL, &params));
		ecml_rng_seed(&rng, 7);
		for (int round = 0; round < 1500; round++)
		{
			EcmlCtx    *inner = test_ctx(1, 1);
			uint8_t    *bytes = malloc(w.size);
			size_t		size = round % 3 == 0 ? ecml_rng_below(&rng, w.size) : w.size;

			memcpy(bytes, w.data, w.size);
			if (round % 3 != 0)
				bytes[ecml_rng_below(&rng, w.size)] = (uint8_t) ecml_rng_next(&rng);
			if (reads(inner, bytes, size, classes == 1 ? 0 : classes))
				read++;
			else
				refused += test_host(inner)->status == ECML_CORRUPTED;
			test_ctx_free(inner);
			free(bytes);
		}
		test_ctx_free(ctx);
	}
	ok(refused + read == 6000 && refused > 2000, "damaged bytes are refused (%d), or a model (%d)", refused, read);
}

static bool
fits(EcmlCtx *ctx, int classes, int criterion)
{
	ForestParams params = FOREST_DEFAULTS;
	Table		t;
	EcmlWriter	w;

	if (!TRY(ctx))
		return false;
	params.n_trees = 4;
	params.min_samples_leaf = 1;
	params.criterion = criterion;
	t = table(ctx, 600, classes, 7);
	ecml_writer_init(&w, ctx);
	forest_write(&w, fit(ctx, &t, false, classes, NULL, &params));
	return true;
}

static void
test_failures(void)
{
	bool		clean = true;
	bool		done = false;
	int			cancelled = 0;

	for (int after = 0; !done && after < 3000; after++)
	{
		EcmlCtx    *ctx = test_ctx(2, 1);

		test_host(ctx)->fail_after = after;
		done = fits(ctx, after % 3 == 0 ? 3 : 0, after % 3 == 1 ? FOREST_ABSOLUTE_ERROR : FOREST_AUTO);
		clean = clean && (done || test_host(ctx)->status == ECML_OUT_OF_MEMORY);
		test_ctx_free(ctx);
	}
	ok(clean && done, "each allocation that fails is told of");
	done = false;
	for (int after = 0; !done && after < 1000; after++)
	{
		EcmlCtx    *ctx = test_ctx(2, 1);

		test_host(ctx)->cancel_after = after;
		done = fits(ctx, 2, FOREST_AUTO);
		cancelled += !done && test_host(ctx)->cancelled;
		test_ctx_free(ctx);
	}
	ok(done && cancelled > 4, "a cancel is heard at every poll (%d)", cancelled);
}

/* ---------------------------------------------------------------- edges */

static const char *
refusal(EcmlCtx *ctx, const Table *t, int classes, const ForestParams *params)
{
	if (TRY(ctx))
	{
		fit(ctx, t, false, classes, NULL, params);
		return "";
	}
	return test_host(ctx)->message;
}

static void
test_edges(void)
{
	EcmlCtx    *ctx = test_ctx(2, 1);
	Table		t = table(ctx, 100, 0, 1);
	ForestParams params = FOREST_DEFAULTS;
	ForestModel *model;

	t.n = 1;
	model = fit(ctx, &t, false, 0, NULL, &params);
	ok(forest_predict(model, t.x) == t.y[0], "one row");
	t.n = 0;
	ok(strcmp(refusal(ctx, &t, 0, &params), "no rows to train on") == 0, "no row is refused");
	t.n = 100;
	ok(strcmp(refusal(ctx, &t, 1, &params), "the target has one class only") == 0, "one class is refused");
	params.criterion = FOREST_POISSON;
	t.y[3] = -1;
	ok(strcmp(refusal(ctx, &t, 0, &params), "the target is negative") == 0, "a negative count is refused");
	for (int i = 0; i < 100; i++)
		t.y[i] = 0;
	ok(strcmp(refusal(ctx, &t, 0, &params), "the target is constant") == 0, "counts of 0 are refused");
	params.criterion = FOREST_AUTO;
	for (int i = 0; i < 100; i++)
		t.y[i] = 7;
	model = fit(ctx, &t, false, 0, NULL, &params);
	ok(forest_predict(model, t.x) == 7 && count_leaves(model) == params.n_trees, "a constant target: leaves alone");
	for (int i = 0; i < 100 * FEATURES; i++)
		t.x[i] = NAN;
	for (int i = 0; i < 100; i++)
		t.y[i] = i;
	model = fit(ctx, &t, false, 0, NULL, &params);
	ok(count_leaves(model) == params.n_trees, "all values missing: leaves alone");
	test_ctx_free(ctx);
}

/* Many columns, one of which tells; and many classes. */
static void
test_wide(void)
{
	EcmlCtx    *ctx = test_ctx(2, 1);
	int			d = 2000;
	int			n = 600;
	double	   *x = ECML_NEW(ctx, double, (size_t) n * d);
	double	   *y = ECML_NEW(ctx, double, n);
	double	   *share = ECML_NEW(ctx, double, d);
	double		p[300];
	ForestParams params = FOREST_DEFAULTS;
	ForestTask	task = {.params = &params,.features = d,.classes = 2};
	ForestModel *model;
	EcmlRng		rng;
	int			right = 0;

	ecml_rng_seed(&rng, 1);
	for (int i = 0; i < n; i++)
	{
		for (int j = 0; j < d; j++)
			x[(size_t) i * d + j] = (float) ecml_rng_double(&rng);
		y[i] = x[(size_t) i * d + 1234] > 0.5;
	}
	params.n_trees = 20;
	params.max_features = FOREST_FEATURES_ALL;
	model = forest_fit(ctx, ecml_data_from_rows(ctx, ECML_F4, n, d, x, y, NULL), &task);
	forest_importance(model, share);
	ok(share[1234] > 0.95 && model->features_tried == d, "2,000 columns: the one that tells is found (%.3f)", share[1234]);

	task.features = 3;
	task.classes = 300;
	for (int i = 0; i < n; i++)
	{
		y[i] = i % 300;
		for (int j = 0; j < 3; j++)
			x[i * 3 + j] = j == 0 ? i % 300 : ecml_rng_double(&rng);
	}
	params.min_samples_leaf = 1;
	params.n_trees = 10;
	model = forest_fit(ctx, ecml_data_from_rows(ctx, ECML_F4, n, 3, x, y, NULL), &task);
	for (int i = 0; i < n; i++)
	{
		forest_probabilities(model, x + i * 3, p);
		for (int k = 0; k < 300; k++)
			if (p[k] > p[(int) y[i]])
			{
				right--;
				break;
			}
		right++;
	}
	ok(right > 0.9 * n, "300 classes (%d of %d rows are right)", right, n);
	test_ctx_free(ctx);
}

int
main(void)
{
	test_splits();
	test_leaves();
	test_medians();
	test_options();
	test_oob();
	test_growing();
	test_bits();
	test_damage();
	test_failures();
	test_edges();
	test_wide();
	return done();
}
