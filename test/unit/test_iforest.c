/*
 * test_iforest.c - isolation forest: against the formula and a naive walk, weights, missing values, edges; and the random sample
 * that it learns from
 */
#include "iforest_cases.h"

#include <stdlib.h>
#include <string.h>

#include "num/reservoir.h"

/* ---------------------------------------------------------------- the sample */

static void
test_reservoir(void)
{
	EcmlCtx    *ctx = test_ctx(1, 1);
	EcmlRng		rng;
	EcmlReservoir *all;
	int			taken[2][1000] = {{0}};
	double		sum = 0;
	double		light = 0;

	ecml_rng_seed(&rng, 7);
	all = ecml_reservoir_create(ctx, 1, 100, &rng);
	for (int i = 0; i < 60; i++)
		*ecml_reservoir_offer(ctx, all, 2) = i;
	ok(all->n == 60 && isinf(all->next) && ecml_reservoir_weight(all, 3) == 2, "fewer rows than the sample holds: all, with their weights");
	test_ctx_free(ctx);
	for (int round = 0; round < 4000; round++)
	{
		/* half of them with equal weights that are not told, half plain */
		int			plain = round % 2;
		EcmlRng		stream = ecml_rng_stream(&rng, round);
		EcmlReservoir *sample;
		size_t	   *order;
		bool		ascending = true;

		ctx = test_ctx(1, 1);
		sample = ecml_reservoir_create(ctx, 1, 50, &stream);
		sample->plain = plain;
		for (int i = 0; i < 1000; i++)
		{
			double	   *row = ecml_reservoir_offer(ctx, sample, 1);

			if (row)
				*row = i;
		}
		order = ecml_reservoir_order(ctx, sample);
		for (size_t i = 0; i < sample->n; i++)
		{
			taken[plain][(int) sample->rows[order[i]]]++;
			ascending &= i == 0 || sample->rows[order[i]] > sample->rows[order[i - 1]];
		}
		if (round < 2)
			ok(sample->n == 50 && ascending && ecml_reservoir_weight(sample, 0) >= 1, "a sample of its size, in the order of the stream%s",
			   plain ? ", plain" : "");
		test_ctx_free(ctx);
	}
	/* each row 100 times of 2000, variance 95 */
	for (int plain = 0; plain < 2; plain++)
	{
		double		chi2 = 0;

		for (int i = 0; i < 1000; i++)
			chi2 += (taken[plain][i] - 100.0) * (taken[plain][i] - 100.0) / 95;
		ok(chi2 > 850 && chi2 < 1150, "every row is as likely as another%s (chi-square %.0f of 999)", plain ? ", plain" : "", chi2);
	}
	ctx = test_ctx(1, 1);
	for (int round = 0; round < 2000; round++)
	{
		EcmlRng		stream = ecml_rng_stream(&rng, 10000 + round);
		EcmlReservoir *sample = ecml_reservoir_create(ctx, 1, 50, &stream);

		for (int i = 0; i < 1000; i++)
		{
			double	   *row = ecml_reservoir_offer(ctx, sample, i % 10 == 0 ? 30 : 1);

			if (row)
				*row = i;
		}
		for (size_t i = 0; i < sample->n; i++)
		{
			sum += ecml_reservoir_weight(sample, i) / 2000;
			light += (int) sample->rows[i] % 10 == 0 ? 0 : ecml_reservoir_weight(sample, i) / 2000;
		}
	}
	close_to(sum, 3900, 0.01, "weights of the sample add up to those of the stream");
	close_to(light, 900, 0.03, "of light rows, too");
	test_ctx_free(ctx);
}

/* ---------------------------------------------------------------- the formula */

/* The score by walking the nodes, as the paper has it. */
static double
naive_score(const IforestModel *model, const double *x)
{
	const TreeForest *forest = model->forest;
	double		sum = 0;

	for (int t = 0; t < forest->ntrees; t++)
	{
		const TreeNode *root = forest->nodes + forest->first[t];
		const TreeNode *node = root;
		int			depth = 0;

		for (; node->feature != TREE_LEAF; depth++)
		{
			double		v = x[node->feature];
			bool		left = isnan(v) ? node->missing_left : v <= node->threshold;

			if (node->words >= 0)
				left = v >= 0 && v < forest->categories[node->feature] ?
					forest->words[node->words + (int) v / 32] >> (int) v % 32 & 1 : node->missing_left;
			node = root + node->left + !left;
		}
		/* cover is the number of rows that ended here */
		sum += depth;
		if (node->cover > 2)
			sum += 2 * (log((double) node->cover - 1) + 0.57721566490153286) - 2 * ((double) node->cover - 1) / node->cover;
		else if (node->cover == 2)
			sum += 1;
	}
	return exp2(-sum / forest->ntrees / model->normalizer);
}

static void
test_formula(void)
{
	/* sklearn.ensemble._iforest._average_path_length, scikit-learn 1.9.1 */
	static const double reference[][2] = {{1, 0}, {2, 1}, {3, 1.207392357589623}, {5, 2.327020052042847}, {256, 10.244770920119917},
	{1000, 12.969940887100174}};
	EcmlCtx    *ctx = test_ctx(1, 3);
	double	   *x = normal_rows(ctx, 1, 2000, 4);
	IforestParams params = IFOREST_DEFAULTS;
	IforestModel *model;
	double		worst = 0;

	for (int i = 0; i < 6; i++)
		close_to(iforest_average_path(reference[i][0]), reference[i][1], 1e-14, "c(%.0f)", reference[i][0]);
	model = fit(ctx, 2000, 4, x, NULL, &params, NULL);
	for (int i = 0; i < 2000; i++)
		worst = fmax(worst, fabs(iforest_score(model, x + 4 * i) - naive_score(model, x + 4 * i)));
	ok(worst < 1e-13, "scores are the formula's, trees walked node by node (%.1e)", worst);

	/* two rows by hand: either tree sets them apart at once, both paths are 1, and c(2) = 1 */
	params.n_trees = 2;
	model = fit(ctx, 2, 1, (double[]) {0, 1}, NULL, &params, NULL);
	close_to(iforest_score(model, (double[]) {0}), 0.5, 1e-15, "two rows: 2 ^ -1");
	test_ctx_free(ctx);
}

/*
 * A small forest by hand: rows 0, 1, 2, 10; tree 1 splits at 5, then 1.5, then 0.5; tree 2 at 1.5, then its sides.
 * h(0) = 3, 2; h(2) = 2, 2; h(10) = 1, 2; c(4) = 2 (ln 3 + 0.5772...) - 1.5.
 */
static void
test_by_hand(void)
{
	EcmlCtx    *ctx = test_ctx(1, 3);
	TreeNode	first[] = {{5, 0, 1, -1, 0, 4, 0}, {1.5, 0, 3, -1, 0, 3, 0}, {1, -1, 0, -1, 0, 1, 0}, {0.5, 0, 5, -1, 0, 2, 0},
	{2, -1, 0, -1, 0, 1, 0}, {3, -1, 0, -1, 0, 1, 0}, {3, -1, 0, -1, 0, 1, 0}};
	TreeNode	second[] = {{1.5, 0, 1, -1, 0, 4, 0}, {0.5, 0, 3, -1, 0, 2, 0}, {5, 0, 5, -1, 0, 2, 0}, {2, -1, 0, -1, 0, 1, 0},
	{2, -1, 0, -1, 0, 1, 0}, {2, -1, 0, -1, 0, 1, 0}, {2, -1, 0, -1, 0, 1, 0}};
	IforestModel model = {.columns = 1,.n_trees = 2,.sample_size = 4,.normalizer = iforest_average_path(4)};
	double		c4 = 2 * (log(3) + 0.57721566490153286) - 1.5;
	double		base;
	double		phi;

	model.forest = tree_forest_create(ctx, 1, (int[]) {0}, 1, 1);
	model.forest->scale = 0.5;
	tree_forest_append(ctx, model.forest, &(Tree) {.nnodes = 7,.nodes = first});
	tree_forest_append(ctx, model.forest, &(Tree) {.nnodes = 7,.nodes = second});
	tree_forest_ready(ctx, model.forest);
	for (int with = 0; with < 2; with++)
	{
		if (with)
			model.scorer = iforest_scorer_create(ctx, model.forest);
		close_to(iforest_score(&model, (double[]) {0}), exp2(-2.5 / c4), 1e-15, "0, by hand");
		close_to(iforest_score(&model, (double[]) {2}), exp2(-2 / c4), 1e-15, "2, by hand");
		close_to(iforest_score(&model, (double[]) {10}), exp2(-1.5 / c4), 1e-15, "10, by hand");
	}
	/* one column: it has all that is above the mean path, (1 + 2 + 3 + 3) / 8 + 2 / 2 */
	iforest_contributions(&model, (double[]) {10}, &base, &phi);
	close_to(base, -(9.0 / 8 + 1) / c4, 1e-14, "base, by hand");
	close_to(base + phi, -1.5 / c4, 1e-14, "contribution, by hand");
	test_ctx_free(ctx);
}

/* ---------------------------------------------------------------- scorer */

static void
test_scorer(int d, int n_trees, bool missing)
{
	EcmlCtx    *ctx = test_ctx(1, 5);
	double	   *x = normal_rows(ctx, d, 3000, d);
	IforestParams params = IFOREST_DEFAULTS;
	IforestModel *model;
	EcmlRng		rng;
	int			bad = 0;

	ecml_rng_seed(&rng, 3);
	for (int i = 0; missing && i < 3000 * d; i++)
		if (ecml_rng_below(&rng, 4) == 0)
			x[i] = NAN;
	params.n_trees = n_trees;
	model = fit(ctx, 3000, d, x, NULL, &params, NULL);
	if (model->scorer == NULL)
		skip("no scorer of this kind on this processor");
	else
	{
		for (int i = 0; i < 3000; i++)
		{
			double		a = iforest_path(model, x + (size_t) i * d);
			double		b;

			tree_forest_predict(model->forest, x + (size_t) i * d, &b);
			bad += memcmp(&a, &b, sizeof(a)) != 0;
		}
		ok(bad == 0, "the scorer gives the forest's bits: %d columns, %d trees%s (%d differ)", d, n_trees, missing ? ", NULLs" : "", bad);
	}
	test_ctx_free(ctx);
}

/* The bytes of a fit. */
/* ---------------------------------------------------------------- what it finds */

static void
test_finds(int extension)
{
	EcmlCtx    *ctx = test_ctx(2, 4);
	int			d = 3;
	double	   *x = normal_rows(ctx, 2, 1000, d);
	IforestParams params = IFOREST_DEFAULTS;
	IforestModel *model;
	double		base;
	double		c[3];
	double		worst = 0;
	double		normal = iforest_score(fit(ctx, 1000, d, x, NULL, &params, NULL), (double[]) {0, 0, 0});
	int			above = 0;

	params.extension_level = extension;
	params.contamination = 0.1;
	for (int j = 0; j < d; j++)
		x[j] = 6 + j;
	model = fit(ctx, 1000, d, x, NULL, &params, NULL);
	ok(iforest_score(model, x) > 0.65 && iforest_score(model, (double[]) {0, 0, 0}) < 0.47 && normal < 0.47,
	   "a row far away scores high, one in the middle low: level %d (%.2f, %.2f)", extension, iforest_score(model, x),
	   iforest_score(model, (double[]) {0, 0, 0}));
	for (int i = 0; i < 1000; i++)
	{
		double		sum;

		iforest_contributions(model, x + i * d, &base, c);
		sum = base + c[0] + c[1] + c[2];
		worst = fmax(worst, fabs(sum - log2(iforest_score(model, x + i * d))));
		above += iforest_score(model, x + i * d) > model->threshold;
	}
	ok(worst < 1e-9, "contributions add up to log2 of the score: level %d (%.1e)", extension, worst);
	ok(above <= 100 && above >= 95 && model->share == above / 1000.0, "the threshold leaves the share asked for: level %d (%d)", extension, above);
	iforest_contributions(model, (double[]) {0, 0, 9}, &base, c);
	ok(c[2] > 0 && c[2] > c[0] + 0.05 && c[2] > c[1] + 0.05, "the column that is unusual has the blame: level %d", extension);
	iforest_importance(model, c);
	close_to(c[0] + c[1] + c[2], 1, 1e-6, "importance adds up: level %d", extension);
	test_ctx_free(ctx);
}

static void
test_native(int extension)
{
	EcmlCtx    *ctx = test_ctx(2, 4);
	double	   *x = ECML_NEW(ctx, double, 1000 * 2);
	int			categories[2] = {5, 0};
	IforestParams params = IFOREST_DEFAULTS;
	IforestModel *model;
	EcmlRng		rng;

	ecml_rng_seed(&rng, 8);
	params.extension_level = extension;
	for (int i = 0; i < 1000; i++)
	{
		x[2 * i] = i < 5 ? 4 : (double) ecml_rng_below(&rng, 4);
		x[2 * i + 1] = ecml_rng_normal(&rng);
	}
	model = fit(ctx, 1000, 2, x, NULL, &params, categories);
	if (extension == 0)
		ok(iforest_score(model, (double[]) {4, 0}) > iforest_score(model, (double[]) {1, 0}) + 0.03, "a rare category scores higher: level %d",
		   extension);
	ok(iforest_score(model, (double[]) {-1, 0}) > 0 && iforest_score(model, (double[]) {NAN, NAN}) > 0,
	   "categories that are not known, and NULLs, have scores: level %d", extension);
	for (int i = 0; i < 1000; i++)
		x[2 * i + 1] = i < 10 ? NAN : 3;
	if (extension == 0)
	{
		model = fit(ctx, 1000, 2, x, NULL, &params, categories);
		ok(iforest_score(model, (double[]) {1, NAN}) > iforest_score(model, (double[]) {1, 3}) + 0.05,
		   "NULL where all others have one value stands out");
	}
	test_ctx_free(ctx);
}

/* Rows that are repeated, and rows with weights: about the same scores. */
static void
test_weights(void)
{
	EcmlCtx    *ctx = test_ctx(2, 4);
	double	   *x = normal_rows(ctx, 5, 900, 2);
	double	   *w = ECML_NEW(ctx, double, 900);
	double	   *repeated;
	IforestParams params = IFOREST_DEFAULTS;
	IforestModel *a;
	IforestModel *b;
	IforestModel *c;
	size_t		n = 0;
	double		far[] = {4, 4};

	params.n_trees = 400;
	/* a cluster far away: light rows make it an anomaly, heavy ones do not */
	for (int i = 0; i < 900; i++)
	{
		w[i] = i < 30 ? 20 : 1;
		for (int j = 0; i < 30 && j < 2; j++)
			x[2 * i + j] = 4 + x[2 * i + j] / 10;
	}
	repeated = ECML_NEW(ctx, double, 2 * (870 + 600));
	for (int i = 0; i < 900; i++)
		for (int k = 0; k < w[i]; k++, n++)
			memcpy(repeated + 2 * n, x + 2 * i, 2 * sizeof(double));
	a = fit(ctx, n, 2, repeated, NULL, &params, NULL);
	b = fit(ctx, 900, 2, x, w, &params, NULL);
	c = fit(ctx, 900, 2, x, NULL, &params, NULL);
	ok(fabs(iforest_score(a, far) - iforest_score(b, far)) < 0.015 && iforest_score(c, far) > iforest_score(b, far) + 0.05,
	   "weights are repetitions (%.3f, %.3f; without %.3f)", iforest_score(a, far), iforest_score(b, far), iforest_score(c, far));
	test_ctx_free(ctx);
}

static void
test_edges(void)
{
	EcmlCtx    *ctx = test_ctx(2, 4);
	IforestParams params = IFOREST_DEFAULTS;
	double	   *x = ECML_NEW(ctx, double, 3 * 500);
	double	   *wide = normal_rows(ctx, 3, 300, 2000);
	IforestModel *model;

	for (int e = 0; e < 3; e++)
	{
		params.extension_level = e == 0 ? 0 : e == 1 ? 1 : 2;
		close_to(iforest_score(fit(ctx, 1, 3, (double[]) {1, 2, 3}, NULL, &params, NULL), (double[]) {1, 2, 3}), 0.5, 1e-15,
				 "one row: level %d", e);
		for (int i = 0; i < 1500; i++)
			x[i] = 7;
		close_to(iforest_score(fit(ctx, 500, 3, x, NULL, &params, NULL), x), 0.5, 1e-14, "duplicates only: level %d", e);
		for (int i = 0; i < 500; i++)
		{
			x[3 * i] = i % 100;
			x[3 * i + 1] = NAN;
		}
		model = fit(ctx, 500, 3, x, NULL, &params, NULL);
		ok(iforest_score(model, x) > 0.4 && iforest_score(model, x) < 1, "a column that is NULL, and a constant one: level %d", e);
	}
	params.extension_level = 3;
	if (TRY(ctx))
	{
		(void) fit(ctx, 500, 3, x, NULL, &params, NULL);
		ok(false, "too many columns for a plane");
	}
	else
		ok(test_host(ctx)->status == ECML_INVALID_PARAMETER, "a level that is not below the columns is refused: %s", test_host(ctx)->message);
	params = (IforestParams) IFOREST_DEFAULTS;
	wide[17] = 50;
	model = fit(ctx, 300, 2000, wide, NULL, &params, NULL);
	ok(iforest_score(model, wide) > 0.4 && iforest_score(model, wide) < 1, "2,000 columns");
	params.max_features = 10;
	params.sample_size = 1000;
	params.max_depth = 20;
	model = fit(ctx, 300, 2000, wide, NULL, &params, NULL);
	ok(model->sample_size == 300 && iforest_score(model, wide) > 0, "fewer rows than the sample wants; deep trees");
	params.max_features = 1.5;
	ok(iforest_check(&params) != NULL, "half a column is refused");
	test_ctx_free(ctx);
}

int
main(void)
{
	test_reservoir();
	test_formula();
	test_by_hand();
	test_scorer(1, 100, false);
	test_scorer(4, 100, false);
	test_scorer(4, 37, true);
	test_scorer(20, 100, true);
	test_scorer(40, 16, true);
	for (int extension = 0; extension < 3; extension++)
		test_finds(extension);
	test_native(0);
	test_native(1);
	test_weights();
	test_edges();
	return done();
}
