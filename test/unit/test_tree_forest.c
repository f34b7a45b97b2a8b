/*
 * test_tree_forest.c - the common forest: scoring against the naive walk, bytes, explanations against all subsets and two
 * packages, rules, importance
 */
#include "host.h"
#include "tree_cases.h"

#include <stdio.h>
#include <stdlib.h>

#include "tree/tree_scorer.h"

static const struct
{
	const char *name;
	Shape		shape;
}			shapes[] = {
	{"all top", {20, 0, 0, 1, 1, 100, 31, 0, 254}},
	{"all top, categories", {14, 8, 40, 1, 1, 60, 31, 0, 254}},
	{"tops and walk", {20, 0, 0, 1, 1, 50, 300, 0, 254}},
	{"isolation trees", {4, 0, 0, 1, 1, 100, 200, 8, 0}},
	{"walk, categories", {6, 4, 100, 1, 1, 70, 200, 12, 30}},
	{"wide categories", {3, 2, 700, 1, 1, 40, 40, 0, 30}},
	{"three outputs", {10, 2, 5, 3, 1, 90, 31, 0, 100}},
	{"three outputs, deep", {10, 2, 5, 3, 1, 31, 90, 0, 100}},
	{"vectors", {10, 3, 33, 4, 4, 30, 31, 0, 100}},
	{"vectors, deep", {10, 3, 33, 4, 4, 30, 150, 0, 100}},
	{"one tree", {5, 1, 3, 1, 1, 1, 20, 0, 0}},
	{"few trees, many features", {500, 100, 3, 1, 1, 5, 20, 0, 0}},
	{"stumps", {3, 1, 3, 1, 1, 200, 2, 0, 0}},
	{"only leaves", {3, 0, 0, 1, 1, 20, 1, 0, 0}},
	{"no tree", {3, 0, 0, 2, 1, 0, 1, 0, 0}},
	{"one feature", {1, 0, 0, 1, 1, 40, 60, 0, 0}},
	{"too many trees for tops", {2, 0, 0, 1, 1, 3000, 8, 0, 64}},
};

#define NSHAPES ((int) (sizeof(shapes) / sizeof(shapes[0])))

/* ---------------------------------------------------------------- scoring */

static void
test_scoring(void)
{
	for (int s = 0; s < NSHAPES; s++)
	{
		EcmlCtx    *ctx = test_ctx(4, 1);
		const Shape *shape = &shapes[s].shape;
		TreeForest *forest = random_forest(ctx, shape, 100 + s);
		int			n = 700;
		double	   *x = ECML_NEW(ctx, double, (size_t) n * shape->features);
		double	   *want = ECML_NEW(ctx, double, (size_t) n * shape->outputs);
		double	   *got = ECML_NEW(ctx, double, (size_t) n * shape->outputs);
		EcmlRng		rng;
		int			bad = 0;

		ecml_rng_seed(&rng, s);
		for (int i = 0; i < n; i++)
		{
			double	   *row = x + (size_t) i * shape->features;

			random_row(forest, shape, &rng, i % 2 ? 0.2 : 0, row);
			if (i % 50 == 7)
				row[i % shape->features] = i % 100 == 7 ? INFINITY : -INFINITY;
			if (i % 50 == 9)
				row[i % shape->features] = i % 100 == 9 ? 1e300 : -1e300;
			naive_predict(forest, row, want + (size_t) i * shape->outputs);
			tree_forest_predict(forest, row, got + (size_t) i * shape->outputs);
			bad += memcmp(got + (size_t) i * shape->outputs, want + (size_t) i * shape->outputs,
						  sizeof(double) * shape->outputs) != 0;
		}
		ok(bad == 0, "%s: row by row as the naive walk, to the bit (%d differ)", shapes[s].name, bad);
		for (int threads = 1; threads <= 4; threads += 3)
		{
			size_t		used = ctx->used;

			ctx->threads = threads;
			memset(got, 0, sizeof(double) * n * shape->outputs);
			tree_forest_predict_rows(ctx, forest, n, x, got);
			ok(memcmp(got, want, sizeof(double) * n * shape->outputs) == 0, "%s: many rows at once, %d threads", shapes[s].name,
			   threads);
			ok(ctx->used == used, "%s: which leave no memory behind", shapes[s].name);
		}
		test_ctx_free(ctx);
	}
}

/* Which way is taken is the scorer's choice, but each is taken by some shape. */
static void
test_ways(void)
{
	bool		seen[4] = {false};

	for (int s = 0; s < NSHAPES; s++)
	{
		EcmlCtx    *ctx = test_ctx(1, 1);
		TreeForest *forest = random_forest(ctx, &shapes[s].shape, 100 + s);
		const TreeScorer *scorer = forest->scorer;

		seen[!scorer->ranked ? 0 : scorer->way_value ? 1 : scorer->table ? 2 : 3] = true;
		test_ctx_free(ctx);
	}
	ok(seen[0] && seen[1] && seen[2] && seen[3], "nodes, tops alone, tops and steps, and steps alone are tested");
}

/* ---------------------------------------------------------------- bytes */

static void
test_bytes(void)
{
	for (int s = 0; s < NSHAPES; s++)
	{
		EcmlCtx    *ctx = test_ctx(1, 1);
		Shape		shape = shapes[s].shape;
		TreeForest *forest;
		TreeForest *back;
		EcmlWriter	w;
		EcmlWriter	again;
		EcmlReader	r;
		EcmlRng		rng;
		double	   *x = ECML_NEW(ctx, double, shape.features);
		double		out[2][8];
		bool		same = true;

		forest = random_forest(ctx, &shape, 100 + s);
		ecml_writer_init(&w, ctx);
		tree_forest_write(&w, forest);
		ecml_reader_init(&r, ctx, w.data, w.size);
		back = tree_forest_read(&r, forest->features, forest->categories);
		ecml_read_end(&r);
		ecml_writer_init(&again, ctx);
		tree_forest_write(&again, back);
		ok(again.size == w.size && memcmp(again.data, w.data, w.size) == 0, "%s: written again, the same bytes", shapes[s].name);
		ok(forest->first[forest->ntrees] == back->first[back->ntrees] &&
		   (forest->ntrees == 0 || memcmp(forest->nodes, back->nodes, sizeof(TreeNode) * forest->first[forest->ntrees]) == 0),
		   "%s: the same nodes", shapes[s].name);
		ecml_rng_seed(&rng, s);
		for (int i = 0; i < 50; i++)
		{
			random_row(forest, &shape, &rng, 0.1, x);
			tree_forest_predict(forest, x, out[0]);
			tree_forest_predict(back, x, out[1]);
			same = same && memcmp(out[0], out[1], sizeof(double) * shape.outputs) == 0;
		}
		ok(same, "%s: the same predictions", shapes[s].name);
		test_ctx_free(ctx);
	}
}

/* Whatever is changed or cut off: it is refused, or read as a forest that predicts, explains and tells its rules. */
static void
count_rules(void *arg, const TreeRule *rule)
{
	*(int *) arg += rule->nconditions >= 0;
}

/* Read bytes and use what they make; false: they are refused. */
static bool
reads(EcmlCtx *ctx, const TreeForest *forest, const Shape *shape, EcmlRng *rng, const uint8_t *bytes, size_t size)
{
	EcmlReader	r;
	TreeForest *back;
	double		x[64];
	double		phi[64];
	double		out[64];
	double		base;
	int			rules = 0;

	if (!TRY(ctx))
		return false;
	ecml_reader_init(&r, ctx, bytes, size);
	back = tree_forest_read(&r, forest->features, forest->categories);
	ecml_read_end(&r);
	for (int i = 0; i < 20; i++)
	{
		random_row(forest, shape, rng, 0.1, x);
		if (back->outputs <= 64)
			tree_forest_predict(back, x, out);
		tree_forest_shap(back, x, 0, &base, phi);
	}
	tree_forest_importance(back, phi, NULL, NULL);
	for (int t = 0; t < back->ntrees; t++)
		tree_forest_rules(ctx, back, t, false, count_rules, &rules);
	return true;
}

static void
test_damage(void)
{
	static const int some[] = {1, 4, 6, 8, 9, 10, 13};
	int			refused = 0;
	int			read = 0;
	bool		bounded = true;

	for (int s = 0; s < (int) (sizeof(some) / sizeof(some[0])); s++)
	{
		EcmlCtx    *ctx = test_ctx(1, 1);
		Shape		shape = shapes[some[s]].shape;
		TreeForest *forest;
		EcmlWriter	w;
		EcmlRng		rng;

		shape.trees = shape.trees < 6 ? shape.trees : 6;
		shape.features = shape.features < 20 ? shape.features : 20;
		shape.leaves = shape.leaves < 12 ? shape.leaves : 12;
		forest = random_forest(ctx, &shape, 100 + s);
		ecml_writer_init(&w, ctx);
		tree_forest_write(&w, forest);
		ecml_rng_seed(&rng, 77);
		for (int round = 0; round < 1000; round++)
		{
			EcmlCtx    *inner = test_ctx(1, 1);
			uint8_t    *bytes = malloc(w.size);
			size_t		size = w.size;

			memcpy(bytes, w.data, w.size);
			if (round % 3 == 0)
				size = ecml_rng_below(&rng, w.size);
			else
				for (int i = 0; i < 1 + round % 4; i++)
					bytes[ecml_rng_below(&rng, round % 2 ? w.size : 60 < w.size ? 60 : w.size)] = (uint8_t) ecml_rng_next(&rng);
			if (reads(inner, forest, &shape, &rng, bytes, size))
				read++;
			else
				refused += test_host(inner)->status == ECML_CORRUPTED;
			bounded = bounded && inner->peak < 40 * w.size + 200000;
			test_ctx_free(inner);
			free(bytes);
		}
		test_ctx_free(ctx);
	}
	ok(refused + read == 1000 * 7 && refused > 1000 && read > 300, "damaged bytes are refused (%d), or still a forest (%d)",
	   refused, read);
	ok(bounded, "and take no more memory than a multiple of their size");
}

/* Grow, write, read; false: it failed. */
static bool
makes(EcmlCtx *ctx, const Shape *shape)
{
	TreeForest *forest;
	EcmlWriter	w;
	EcmlReader	r;

	if (!TRY(ctx))
		return false;
	forest = random_forest(ctx, shape, 5);
	ecml_writer_init(&w, ctx);
	tree_forest_write(&w, forest);
	ecml_reader_init(&r, ctx, w.data, w.size);
	tree_forest_read(&r, forest->features, forest->categories);
	return true;
}

static void
test_memory(void)
{
	static const int some[] = {1, 4, 9};
	bool		clean = true;

	for (int s = 0; s < 3; s++)
	{
		Shape		shape = shapes[some[s]].shape;
		bool		done = false;

		shape.trees = 10;
		for (int after = 0; !done && after < 2000; after++)
		{
			EcmlCtx    *ctx = test_ctx(1, 1);

			test_host(ctx)->fail_after = after;
			done = makes(ctx, &shape);
			clean = clean && (done || test_host(ctx)->status == ECML_OUT_OF_MEMORY);
			test_ctx_free(ctx);
		}
		clean = clean && done;
	}
	ok(clean, "each allocation that fails is told of");
}

/* ---------------------------------------------------------------- explanation */

/* What a tree says when the features in set are known. */
static double
conditional(const TreeForest *forest, const TreeNode *root, const TreeNode *node, const double *x, unsigned set, int output)
{
	const TreeNode *left = root + node->left;
	double		cover;

	if (node->feature == TREE_LEAF)
		return forest->leaf_outputs > 1 ? forest->vectors[(size_t) node->left * forest->outputs + output] : node->threshold;
	if (set >> node->feature & 1)
	{
		double		v = x[node->feature];
		int			c = forest->categories[node->feature];
		bool		goes;

		if (c > 0)
			goes = v >= 0 && v < c ? forest->words[node->words + (int) v / 32] >> ((int) v % 32) & 1 : node->missing_left;
		else
			goes = isnan(v) ? node->missing_left : v <= node->threshold;
		return conditional(forest, root, left + !goes, x, set, output);
	}
	cover = (double) left[0].cover + left[1].cover;
	return left[0].cover / cover * conditional(forest, root, left, x, set, output) +
		left[1].cover / cover * conditional(forest, root, left + 1, x, set, output);
}

/* Shapley's values from all subsets. */
static void
brute_force(const TreeForest *forest, const double *x, int output, double *base, double *phi)
{
	int			m = forest->features;
	double	   *v = calloc((size_t) 1 << m, sizeof(double));

	for (unsigned set = 0; set < 1u << m; set++)
	{
		v[set] = forest->base[output];
		for (int t = 0; t < forest->ntrees; t++)
			if (forest->leaf_outputs > 1 || t % forest->outputs == output)
				v[set] += forest->scale *
					conditional(forest, forest->nodes + forest->first[t], forest->nodes + forest->first[t], x, set, output);
	}
	*base = v[0];
	for (int j = 0; j < m; j++)
	{
		phi[j] = 0;
		for (unsigned set = 0; set < 1u << m; set++)
			if (!(set >> j & 1))
			{
				int			size = __builtin_popcount(set);

				phi[j] += (v[set | 1u << j] - v[set]) * exp(lgamma(size + 1) + lgamma(m - size) - lgamma(m + 1));
			}
	}
	free(v);
}

static void
test_subsets(void)
{
	static const Shape small[] = {
		{6, 0, 0, 1, 1, 3, 40, 0, 20},
		{8, 3, 5, 1, 1, 4, 60, 0, 20},
		{5, 2, 40, 3, 1, 6, 30, 0, 20},
		{7, 2, 4, 3, 3, 3, 50, 0, 0},
		{1, 0, 0, 1, 1, 3, 30, 0, 0},
		{9, 0, 0, 1, 1, 2, 2, 0, 0},
		{3, 0, 0, 1, 1, 2, 1, 0, 0},
	};

	for (int s = 0; s < 7; s++)
	{
		EcmlCtx    *ctx = test_ctx(1, 1);
		TreeForest *forest = random_forest(ctx, &small[s], 300 + s);
		EcmlRng		rng;
		double		worst = 0;
		double		off = 0;

		ecml_rng_seed(&rng, s);
		for (int i = 0; i < 30; i++)
		{
			double		x[16];
			double		phi[2][16];
			double		base[2];
			double		out[8];
			int			k = i % small[s].outputs;
			double		sum;

			random_row(forest, &small[s], &rng, i % 2 * 0.2, x);
			tree_forest_shap(forest, x, k, &base[0], phi[0]);
			brute_force(forest, x, k, &base[1], phi[1]);
			tree_forest_predict(forest, x, out);
			sum = base[0];
			for (int j = 0; j < small[s].features; j++)
			{
				worst = fmax(worst, fabs(phi[0][j] - phi[1][j]));
				sum += phi[0][j];
			}
			worst = fmax(worst, fabs(base[0] - base[1]));
			off = fmax(off, fabs(sum - out[k]));
		}
		ok(worst < 1e-12, "contributions are those of all subsets, forest %d (%g)", s, worst);
		ok(off < 1e-12, "and sum to the prediction (%g)", off);
		test_ctx_free(ctx);
	}
}

static bool
appends(EcmlCtx *ctx, TreeForest *forest, const Tree *tree)
{
	if (!TRY(ctx))
		return false;
	tree_forest_append(ctx, forest, tree);
	return true;
}

/* Deep trees on many features, and a chain as deep as may be. */
static void
test_deep(void)
{
	EcmlCtx    *ctx = test_ctx(1, 1);
	Shape		shape = {60, 0, 0, 1, 1, 20, 400, 0, 0};
	TreeForest *forest = random_forest(ctx, &shape, 9);
	double		x[2048];
	double		phi[2048];
	double		base;
	double		out;
	double		off = 0;
	EcmlRng		rng;

	ecml_rng_seed(&rng, 4);
	for (int i = 0; i < 40; i++)
	{
		double		sum;

		random_row(forest, &shape, &rng, 0.1, x);
		tree_forest_predict(forest, x, &out);
		tree_forest_shap(forest, x, 0, &base, phi);
		sum = base;
		for (int j = 0; j < shape.features; j++)
			sum += phi[j];
		off = fmax(off, fabs(sum - out));
	}
	ok(off < 1e-11, "deep trees: contributions sum to the prediction (%g)", off);

	{
		int			depth = TREE_MAX_DEPTH;
		TreeNode   *nodes = ECML_NEW0(ctx, TreeNode, 2 * depth + 1);
		Tree		tree = {.nnodes = 2 * depth + 1,.nodes = nodes};
		double		sum;

		forest = tree_forest_create(ctx, depth, NULL, 1, 1);
		for (int d = 0; d < depth; d++)
		{
			nodes[2 * d] = (TreeNode) {.threshold = 0.5,.feature = d,.left = 2 * d + 1,.words = -1,.cover = (float) (depth + 1 - d)};
			/* the left child is the leaf, the right one goes on */
			nodes[2 * d + 1] = (TreeNode) {.threshold = d,.feature = TREE_LEAF,.words = -1,.cover = 1};
		}
		nodes[2 * depth] = (TreeNode) {.threshold = depth,.feature = TREE_LEAF,.words = -1,.cover = 1};
		tree_forest_append(ctx, forest, &tree);
		tree_forest_ready(ctx, forest);
		for (int j = 0; j < depth; j++)
			x[j] = 1;
		tree_forest_predict(forest, x, &out);
		tree_forest_shap(forest, x, 0, &base, phi);
		sum = base;
		for (int j = 0; j < depth; j++)
			sum += phi[j];
		close_to(base, depth / 2.0, 1e-12, "a chain of %d splits: base", depth);
		close_to(sum, out, 1e-9, "a chain of %d splits: sum", depth);
		nodes[2 * depth] = (TreeNode) {.threshold = 0.5,.feature = 0,.left = 2 * depth + 1,.words = -1,.cover = 1};
		ok(!appends(ctx, forest, &tree) && test_host(ctx)->status == ECML_INTERNAL, "a tree without its last nodes is refused");
	}
	test_ctx_free(ctx);
}

/* ---------------------------------------------------------------- other packages */

static double
number(FILE *file)
{
	char		word[64];

	return fscanf(file, "%63s", word) == 1 ? strtod(word, NULL) : NAN;
}

static void
stored_tree(EcmlCtx *ctx, FILE *file, TreeForest *forest)
{
	int			n;
	TreeNode   *nodes;
	uint32_t   *words;
	float	   *vectors;
	Tree		tree = {0};

	if (fscanf(file, " tree %d", &n) != 1)
		abort();
	nodes = ECML_NEW0(ctx, TreeNode, n);
	words = ECML_NEW0(ctx, uint32_t, n);
	vectors = ECML_NEW0(ctx, float, (size_t) n * forest->outputs);
	tree = (Tree) {.nnodes = n,.nodes = nodes,.words = words,.vectors = vectors};
	for (int i = 0; i < n; i++)
	{
		char		categories[256];

		nodes[i].feature = (int) number(file);
		nodes[i].threshold = number(file);
		nodes[i].left = (int) number(file);
		nodes[i].missing_left = (uint32_t) number(file);
		nodes[i].cover = (float) number(file);
		nodes[i].words = -1;
		if (fscanf(file, "%255s", categories) != 1)
			abort();
		if (categories[0] != '-')
		{
			nodes[i].words = (int) tree.nwords;
			for (char *c = categories; c != NULL; c = strchr(c, ',') ? strchr(c, ',') + 1 : NULL)
				words[tree.nwords] |= 1u << atoi(c);
			tree.nwords++;
		}
		if (nodes[i].feature == TREE_LEAF)
		{
			if (forest->leaf_outputs == 1)
				nodes[i].threshold = number(file);
			else
			{
				for (int k = 0; k < forest->outputs; k++)
					vectors[(size_t) tree.nvectors * forest->outputs + k] = (float) number(file);
				nodes[i].left = tree.nvectors++;
			}
		}
	}
	tree_forest_append(ctx, forest, &tree);
}

static void
test_packages(void)
{
	FILE	   *file = fopen("test/data/tree/shap.txt", "r");
	char		line[1024];
	char		name[64];
	int			features;
	int			outputs;
	int			leaf_outputs;
	int			trees;
	double		scale;
	int			forests = 0;

	if (file == NULL || fgets(line, sizeof(line), file) == NULL)
	{
		ok(false, "test/data/tree/shap.txt is there");
		return;
	}
	while (fscanf(file, " forest %63s %d %d %d %d %lf", name, &features, &outputs, &leaf_outputs, &trees, &scale) == 6)
	{
		EcmlCtx    *ctx = test_ctx(1, 1);
		double		base[8];
		int			categories[16];
		TreeForest *forest;
		int			rows;
		double		off = 0;
		double		worst = 0;

		for (int k = 0; k < outputs; k++)
			base[k] = number(file);
		for (int j = 0; j < features; j++)
			categories[j] = (int) number(file);
		forest = tree_forest_create(ctx, features, categories, outputs, leaf_outputs);
		memcpy(forest->base, base, sizeof(double) * outputs);
		forest->scale = scale;
		for (int t = 0; t < trees; t++)
			stored_tree(ctx, file, forest);
		tree_forest_ready(ctx, forest);
		if (fscanf(file, " rows %d", &rows) != 1)
			abort();
		for (int i = 0; i < rows; i++)
		{
			double		x[16];
			double		phi[16];
			double		out[8];
			double		expected;

			for (int j = 0; j < features; j++)
				x[j] = number(file);
			tree_forest_predict(forest, x, out);
			for (int k = 0; k < outputs; k++)
			{
				off = fmax(off, fabs(out[k] - number(file)));
				tree_forest_shap(forest, x, k, &expected, phi);
				worst = fmax(worst, fabs(expected - number(file)));
				for (int j = 0; j < features; j++)
					worst = fmax(worst, fabs(phi[j] - number(file)));
			}
		}
		/* scikit-learn's leaves are doubles, ours floats */
		ok(off < (leaf_outputs > 1 ? 1e-7 : 1e-13), "%s: predictions (%g)", name, off);
		ok(worst < (leaf_outputs > 1 ? 1e-7 : 1e-12), "%s: contributions (%g)", name, worst);
		forests++;
		test_ctx_free(ctx);
	}
	ok(forests == 3, "three stored forests");
	fclose(file);
}

/* ---------------------------------------------------------------- rules, importance, growing */

typedef struct Match
{
	const TreeForest *forest;
	const double *x;
	int			leaf;			/* the node whose rule holds for x */
	int			matches;
	int			wrong;			/* nodes whose rule and path disagree */
	double		share;
} Match;

static void
match_rule(void *arg, const TreeRule *rule)
{
	Match	   *match = arg;
	bool		holds = true;

	for (int i = 0; i < rule->nconditions; i++)
	{
		const TreeCondition *c = &rule->conditions[i];
		double		v = match->x[c->feature];
		int			categories = match->forest->categories[c->feature];

		if (categories > 0 ? !(v >= 0 && v < categories) : isnan(v))
			holds = holds && c->missing;
		else if (categories > 0)
			holds = holds && (c->allowed[(int) v / 32] >> ((int) v % 32) & 1);
		else
			holds = holds && v > c->low && v <= c->high;
	}
	if (rule->leaf)
	{
		match->share += rule->share;
		match->matches += holds;
		if (holds)
			match->leaf = rule->node;
	}
}

static void
test_rules(void)
{
	for (int s = 0; s < NSHAPES; s++)
	{
		EcmlCtx    *ctx = test_ctx(1, 1);
		Shape		shape = shapes[s].shape;
		TreeForest *forest;
		EcmlRng		rng;
		int			wrong = 0;
		double		share = 0;
		int			told = 0;

		shape.trees = shape.trees < 3 ? shape.trees : 3;
		forest = random_forest(ctx, &shape, 100 + s);
		ecml_rng_seed(&rng, s);
		for (int i = 0; i < 20; i++)
		{
			double		x[512];

			random_row(forest, &shape, &rng, 0.2, x);
			for (int t = 0; t < forest->ntrees; t++)
			{
				Match		match = {.forest = forest,.x = x};

				tree_forest_rules(ctx, forest, t, i % 2, match_rule, &match);
				wrong += match.matches != 1 || match.leaf != tree_forest_leaf(forest, t, x);
				share = fmax(share, fabs(match.share - 1));
				told++;
			}
		}
		ok(wrong == 0 && share < 1e-5, "%s: each row meets one leaf's rule, that of its leaf (%d times)", shapes[s].name, told);
		test_ctx_free(ctx);
	}
}

/* The mean of the root is the base of the explanation. */
static void
root_value(void *arg, const TreeRule *rule)
{
	if (rule->node == 0)
		*(double *) arg = rule->value[0];
}

static void
test_growing(void)
{
	EcmlCtx    *ctx = test_ctx(1, 1);
	Shape		shape = {6, 2, 40, 3, 3, 9, 20, 0, 0};
	TreeForest *all = random_forest(ctx, &shape, 1);
	TreeForest *first;
	double		gain[6];
	double		splits[6];
	double		cover[6];
	double		want[3][6] = {{0}};
	double		phi[6];
	double		x[6] = {0};
	double		mean;
	double		base;
	EcmlWriter	w[2];

	for (size_t i = 0; i < all->first[9]; i++)
		if (all->nodes[i].feature >= 0)
		{
			want[0][all->nodes[i].feature] += all->nodes[i].gain;
			want[1][all->nodes[i].feature] += 1;
			want[2][all->nodes[i].feature] += all->nodes[i].cover;
		}
	tree_forest_importance(all, gain, splits, cover);
	ok(memcmp(gain, want[0], sizeof(gain)) == 0 && memcmp(splits, want[1], sizeof(gain)) == 0 &&
	   memcmp(cover, want[2], sizeof(gain)) == 0, "importance: gain, splits, cover");

	shape.trees = 4;
	first = random_forest(ctx, &shape, 1);
	tree_forest_truncate(all, 4);
	all->scale = first->scale;
	ecml_writer_init(&w[0], ctx);
	ecml_writer_init(&w[1], ctx);
	tree_forest_write(&w[0], all);
	tree_forest_write(&w[1], first);
	ok(w[0].size == w[1].size && memcmp(w[0].data, w[1].data, w[0].size) == 0, "cut to its first trees");
	ok(all->nwords == first->nwords && all->nvectors == first->nvectors, "with their words and vectors");
	tree_forest_truncate(all, 0);
	ok(all->nwords == 0 && all->nvectors == 0 && all->first[all->ntrees] == 0, "cut to nothing");

	shape = (Shape) {4, 0, 0, 1, 1, 1, 20, 0, 0};
	all = random_forest(ctx, &shape, 8);
	tree_forest_rules(ctx, all, 0, false, root_value, &mean);
	tree_forest_shap(all, x, 0, &base, phi);
	close_to(all->base[0] + mean, base, 1e-12, "the root's value is the mean of its leaves");
	test_ctx_free(ctx);
}

int
main(void)
{
	test_scoring();
	test_ways();
	test_bytes();
	test_damage();
	test_memory();
	test_subsets();
	test_deep();
	test_packages();
	test_rules();
	test_growing();
	return done();
}
