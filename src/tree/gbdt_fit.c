/*
 * gbdt_fit.c - boosting: rounds of gradients, trees, scores, and the choice of the best round
 *
 * Gradients are rounded to integers at random, up or down in proportion (Shi et al. 2022), which leaves sums unbiased; the random
 * bits of a row come from its number and the tree's.  They only choose the splits: values of leaves come from sums of the
 * gradients as they are, in double, block by block.
 *
 * Memory a row: a byte a column (two, if that fits), 4 for the gradient, 2 for the order, 8 a score and 8 for the target.
 */
#include "gbdt_internal.h"

#include <math.h>
#include <string.h>

#include "num/metrics.h"

/* blocks whose sums are kept at once */
#define SUMS_BLOCKS 64

/* points of the learning curve that a model keeps; where nothing validates, how often the loss is taken */
#define CURVE_KEPT 100
#define CURVE_TAKEN 10

/* huber: rows that its delta is taken from */
#define DELTA_SAMPLE 65536

/* rows of a leaf that its renewal looks at, at most */
#define RENEW_ROWS ((size_t) 1 << 20)

/* ---------------------------------------------------------------- rows of a tree */

/* Put the rows of a block that the tree grows from first. */
static void
order_task(void *arg, size_t b, int worker)
{
	GbdtFit		   *fit = arg;
	const GbdtParams *params = &fit->params;
	GbdtGrower *grower = fit->grower;
	uint16_t   *order = grower->order + b * TREE_BLOCK;
	uint16_t   *others = grower->spare[worker];
	const uint8_t *flags = fit->flags ? fit->flags + b * TREE_BLOCK : NULL;
	int			rows = tree_block_rows(fit->bins, b);
	size_t		left = fit->available[b + 1] - fit->available[b];
	size_t		wanted = left;
	EcmlRng		source = {.seed = fit->draw_seed};
	EcmlRng		rng = ecml_rng_stream(&source, b);
	int			in = 0;
	int			out = 0;

	if (fit->draw > 0)
		wanted = (size_t) (fit->available[b + 1] * params->subsample + 0.5) - (size_t) (fit->available[b] * params->subsample + 0.5);
	if (wanted == (size_t) rows)
	{
		for (int i = 0; i < rows; i++)
			order[i] = (uint16_t) i;
		grower->grown[b] = rows;
		return;
	}
	for (int i = 0; i < rows; i++)
	{
		bool		drawn = (flags == NULL || flags[i] == 0) && (wanted == left || ecml_rng_below(&rng, left) < wanted);

		if (flags == NULL || flags[i] == 0)
		{
			left--;
			wanted -= drawn;
		}
		order[in] = (uint16_t) i;
		others[out] = (uint16_t) i;
		in += drawn;
		out += !drawn;
	}
	memcpy(order + in, others, out * sizeof(uint16_t));
	grower->grown[b] = in;
}

/* ---------------------------------------------------------------- gradients */

static void
most_task(void *arg, size_t b, int worker)
{
	GbdtFit		   *fit = arg;
	int			rows = tree_block_rows(fit->bins, b);
	double		g[GBDT_CHUNK];
	double		h[GBDT_CHUNK];
	double		most_g = 0;
	double		most_h = 0;

	(void) worker;
	for (int i = 0; i < rows; i += GBDT_CHUNK)
	{
		int			n = rows - i < GBDT_CHUNK ? rows - i : GBDT_CHUNK;

		gbdt_loss_gradients(&fit->loss, fit->output, b * TREE_BLOCK + i, NULL, n, g, h);
		for (int k = 0; k < n; k++)
		{
			most_g = fmax(most_g, fabs(g[k]));
			most_h = fmax(most_h, h[k]);
		}
	}
	fit->most[2 * b] = most_g;
	fit->most[2 * b + 1] = most_h;
}

/* Random bits of a row: the finaliser of MurmurHash3. */
static inline __attribute__((always_inline)) uint32_t
row_bits(uint32_t row, uint32_t key)
{
	uint32_t	x = row * UINT32_C(0x9E3779B1) ^ key;

	x ^= x >> 16;
	x *= UINT32_C(0x85EBCA6B);
	x ^= x >> 13;
	x *= UINT32_C(0xC2B2AE35);
	return x ^ x >> 16;
}

ECML_CLONES static void
quantise(int n, uint32_t first, uint32_t key, const double *restrict g, const double *restrict h, double scale_g, double scale_h,
		 bool constant, uint32_t *restrict gh)
{
	if (constant)
	{
		/* 31 bits of gradient; rounding up or down matters little */
#pragma omp simd
		for (int i = 0; i < n; i++)
		{
			uint32_t	bits = row_bits(first + i, key);
			int32_t		q = (int32_t) (g[i] * scale_g + (bits & 0xffff) * 0x1p-16 + 0x1p30) - (1 << 30);

			gh[i] = (uint32_t) q << 1 | 1;
		}
	}
	else
	{
#pragma omp simd
		for (int i = 0; i < n; i++)
		{
			uint32_t	bits = row_bits(first + i, key);
			int32_t		q = (int32_t) (g[i] * scale_g + (bits & 0xffff) * 0x1p-16 + 0x1p17) - (1 << 17);
			uint32_t	p = (uint32_t) (int32_t) (h[i] * scale_h + (bits >> 16) * 0x1p-16);

			gh[i] = (uint32_t) q << GBDT_HBITS | p;
		}
	}
}

static void
gradient_task(void *arg, size_t b, int worker)
{
	GbdtFit		   *fit = arg;
	int			rows = tree_block_rows(fit->bins, b);
	double		g[GBDT_CHUNK];
	double		h[GBDT_CHUNK];

	(void) worker;
	for (int i = 0; i < rows; i += GBDT_CHUNK)
	{
		int			n = rows - i < GBDT_CHUNK ? rows - i : GBDT_CHUNK;
		size_t		first = b * TREE_BLOCK + i;

		gbdt_loss_gradients(&fit->loss, fit->output, first, NULL, n, g, h);
		quantise(n, (uint32_t) first, fit->key, g, h, fit->scale_g, fit->scale_h, fit->loss.constant, fit->gh + first);
	}
}

static void
norm_task(void *arg, size_t b, int worker)
{
	GbdtFit		   *fit = arg;

	(void) worker;
	gbdt_loss_norms(&fit->loss, b * TREE_BLOCK, tree_block_rows(fit->bins, b));
}

/* On threads, unless there is next to nothing to do. */
static void
for_blocks(GbdtFit *fit, EcmlTask task)
{
	if (fit->bins->nblocks > 1)
		ecml_parallel_for(fit->ctx, fit->bins->nblocks, task, fit);
	else
		task(fit, 0, 0);
}

/* Quantised gradients of the tree. */
static void
take_gradients(GbdtFit *fit)
{
	GbdtQuantum *quantum = &fit->grower->quantum;
	uint64_t	state = fit->ctx->rng.seed ^ (fit->tree * UINT64_C(0x9E3779B97F4A7C15));
	double		most_g;
	double		most_h;

	gbdt_loss_bounds(&fit->loss, &most_g, &most_h);
	if (most_g == 0)
	{
		for_blocks(fit, most_task);
		most_h = 0;
		for (size_t b = 0; b < fit->bins->nblocks; b++)
		{
			most_g = fmax(most_g, fit->most[2 * b]);
			most_h = fmax(most_h, fit->most[2 * b + 1]);
		}
	}
	most_g = fmax(most_g, 1e-300);
	most_h = fmax(most_h, 1e-300);
	if (!(most_g < 1e300 && most_h < 1e300))
	{
		ecml_detail(fit->ctx, "After %d trees, gradients are up to %g.", fit->loss.params->n_trees, most_g);
		ecml_hint(fit->ctx, "Scale the target, or lower the learning rate.");
		ecml_fail(fit->ctx, ECML_DATA_EXCEPTION, "boosting diverged");
	}
	fit->scale_g = (fit->loss.constant ? 0x1p30 - 2 : 0x1p17 - 2) / most_g;
	fit->scale_h = ((1 << GBDT_HBITS) - 2) / most_h;
	fit->key = (uint32_t) ecml_splitmix64(&state);
	quantum->hbits = fit->loss.constant ? 1 : GBDT_HBITS;
	quantum->low = quantum->hbits + 16;
	quantum->g = 1 / fit->scale_g;
	quantum->h = fit->loss.constant ? 1 : 1 / fit->scale_h;
	for_blocks(fit, gradient_task);
}

/* ---------------------------------------------------------------- leaves */

static inline __attribute__((always_inline)) double
sum_of(const double *restrict v, int n)
{
	double		sum = 0;

#pragma omp simd reduction(+:sum)
	for (int i = 0; i < n; i++)
		sum += v[i];
	return sum;
}

ECML_CLONES static void
add_sums(const double *g, const double *h, int n, double *out)
{
	out[0] += sum_of(g, n);
	out[1] += sum_of(h, n);
}

static void
sums_task(void *arg, size_t i, int worker)
{
	GbdtFit		   *fit = arg;
	GbdtGrower *grower = fit->grower;
	size_t		b = fit->first_block + i;
	double	   *sums = fit->sums + i * 3 * grower->nleaves;
	double		g[GBDT_CHUNK];
	double		h[GBDT_CHUNK];

	(void) worker;
	memset(sums, 0, 3 * grower->nleaves * sizeof(double));
	for (int l = 0; l < grower->nleaves; l++)
	{
		const uint16_t *rows = grower->order + b * TREE_BLOCK + grower->leaves[l].begin[b];
		int			count = grower->leaves[l].count[b];

		for (int k = 0; k < count; k += GBDT_CHUNK)
		{
			int			n = count - k < GBDT_CHUNK ? count - k : GBDT_CHUNK;

			gbdt_loss_gradients(&fit->loss, fit->output, b * TREE_BLOCK, rows + k, n, g, h);
			add_sums(g, h, n, sums + 3 * l);
		}
		if (fit->loss.w)
			for (int k = 0; k < count; k++)
				sums[3 * l + 2] += fit->loss.w[b * TREE_BLOCK + rows[k]];
		else
			sums[3 * l + 2] = count;
	}
}

static void
residual_task(void *arg, size_t l, int worker)
{
	GbdtFit		   *fit = arg;
	GbdtGrower *grower = fit->grower;
	GbdtLeaf   *leaf = &grower->leaves[l];
	const GbdtLoss *loss = &fit->loss;
	int			width = loss->w ? 2 : 1;
	size_t		step = (leaf->rows + RENEW_ROWS - 1) / RENEW_ROWS;
	double	   *v = fit->residuals + width * fit->residual_of[l];
	size_t		n = 0;
	size_t		wait = 0;

	(void) worker;
	for (size_t b = 0; b < fit->bins->nblocks; b++)
	{
		const uint16_t *rows = grower->order + b * TREE_BLOCK + leaf->begin[b];

		for (int k = 0; k < leaf->count[b]; k++)
		{
			size_t		at = b * TREE_BLOCK + rows[k];

			if (wait-- > 0)
				continue;
			wait = step - 1;
			v[width * n] = loss->y[at] - loss->score[at];
			if (loss->w)
				v[width * n + 1] = loss->w[at];
			n++;
		}
	}
	leaf->value = gbdt_quantile(v, n, loss->w != NULL, fit->level);
}

/* Values of the leaves, from the gradients as they are. */
static void
value_leaves(GbdtFit *fit)
{
	GbdtGrower *grower = fit->grower;
	size_t		nblocks = fit->bins->nblocks;
	int			nleaves = grower->nleaves;

	for (int l = 0; l < nleaves; l++)
		grower->leaves[l].g = grower->leaves[l].h = grower->leaves[l].w = 0;
	for (size_t b = 0; b < nblocks; b += SUMS_BLOCKS)
	{
		size_t		n = nblocks - b < SUMS_BLOCKS ? nblocks - b : SUMS_BLOCKS;

		fit->first_block = b;
		if (n > 1)
			ecml_parallel_for(fit->ctx, n, sums_task, fit);
		else
			sums_task(fit, 0, 0);
		for (size_t i = 0; i < n; i++)
			for (int l = 0; l < nleaves; l++)
			{
				const double *sums = fit->sums + (i * nleaves + l) * 3;

				grower->leaves[l].g += sums[0];
				grower->leaves[l].h += sums[1];
				grower->leaves[l].w += sums[2];
			}
	}
	if (!isnan(fit->level))
	{
		size_t		at = 0;

		for (int l = 0; l < nleaves; l++)
		{
			fit->residual_of[l] = at;
			at += grower->leaves[l].rows;
		}
		ecml_parallel_for(fit->ctx, nleaves, residual_task, fit);
	}
	for (int l = 0; l < nleaves; l++)
	{
		GbdtLeaf   *leaf = &grower->leaves[l];

		leaf->value = isnan(fit->level) ? gbdt_leaf_value(&fit->params, leaf->l2, leaf->g, leaf->h, leaf->low, leaf->high) :
			fmin(fmax(leaf->value, leaf->low), leaf->high);
		leaf->value *= fit->params.learning_rate;
	}
}

static void
score_task(void *arg, size_t b, int worker)
{
	GbdtFit		   *fit = arg;
	GbdtGrower *grower = fit->grower;
	double	   *score = fit->loss.score + fit->output * fit->loss.rows + b * TREE_BLOCK;
	const uint16_t *order = grower->order + b * TREE_BLOCK;
	int			rows = tree_block_rows(fit->bins, b);

	(void) worker;
	for (int l = 0; l < grower->nleaves; l++)
	{
		const uint16_t *mine = order + grower->leaves[l].begin[b];
		double		value = grower->leaves[l].value;

		for (int k = 0; k < grower->leaves[l].count[b]; k++)
			score[mine[k]] += value;
	}
	for (int k = grower->grown[b]; k < rows; k++)
		score[order[k]] += grower->leaves[gbdt_walk(grower, b, order[k])].value;
}

/* ---------------------------------------------------------------- metrics */

static void
metric_task(void *arg, size_t b, int worker)
{
	GbdtFit		   *fit = arg;
	double	   *sums = fit->metric_sums + 4 * b;
	int			rows = tree_block_rows(fit->bins, b);
	double		values[GBDT_CHUNK];

	(void) worker;
	memset(sums, 0, 4 * sizeof(double));
	for (int i = 0; i < rows; i += GBDT_CHUNK)
	{
		int			n = rows - i < GBDT_CHUNK ? rows - i : GBDT_CHUNK;
		size_t		first = b * TREE_BLOCK + i;

		gbdt_loss_values(&fit->loss, fit->metric, first, n, values);
		for (int k = 0; k < n; k++)
		{
			double		w = fit->loss.w ? fit->loss.w[first + k] : 1;
			int			part = fit->flags && fit->flags[first + k] ? 2 : 0;

			sums[part] += w * values[k];
			sums[part + 1] += w;
		}
	}
}

/* ROC AUC or average precision of the rows with a flag. */
static double
curve_metric(GbdtFit *fit, int flag)
{
	EcmlCtx    *ctx = fit->ctx;
	EcmlScores	scores;
	EcmlBinaryMetrics result;

	ecml_scores_init(&scores, fit->loss.w != NULL);
	for (size_t i = 0; i < fit->loss.rows; i++)
	{
		if ((fit->flags ? fit->flags[i] : 0) == flag)
			ecml_scores_add(ctx, &scores, fit->loss.y[i] > 0, fit->loss.score[i], fit->loss.w ? fit->loss.w[i] : 1);
		if (i % 16384 == 16383)
			ecml_poll(ctx, 0, 0);
	}
	ecml_scores_sort(ctx, &scores);
	ecml_scores_metrics(ctx, &scores, 0, &result);
	ecml_scores_free(ctx, &scores);
	return fit->metric == GBDT_METRIC_ROC_AUC ? result.roc_auc : result.pr_auc;
}

/* The metric of the rows that train and of those that validate. */
static void
take_metrics(GbdtFit *fit, double *train, double *validation)
{
	double		sums[4] = {0};
	bool		root = fit->metric == GBDT_METRIC_RMSE || (fit->metric == GBDT_METRIC_LOSS && fit->loss.objective == GBDT_SQUARED_ERROR);

	*validation = NAN;
	if (fit->metric == GBDT_METRIC_ROC_AUC || fit->metric == GBDT_METRIC_PR_AUC)
	{
		*train = curve_metric(fit, 0);
		if (fit->flags)
			*validation = curve_metric(fit, 1);
		return;
	}
	if (fit->rank)
	{
		*train = gbdt_rank_ndcg(fit->ctx, fit->rank, &fit->loss, fit->flags, 0);
		if (fit->flags)
			*validation = gbdt_rank_ndcg(fit->ctx, fit->rank, &fit->loss, fit->flags, 1);
		return;
	}
	for_blocks(fit, metric_task);
	for (size_t b = 0; b < fit->bins->nblocks; b++)
		for (int k = 0; k < 4; k++)
			sums[k] += fit->metric_sums[4 * b + k];
	*train = sums[0] / sums[1];
	*validation = sums[3] > 0 ? sums[2] / sums[3] : NAN;
	if (root)
	{
		*train = sqrt(*train);
		*validation = sqrt(*validation);
	}
}

/* ---------------------------------------------------------------- boosting */

/* Huber's delta: the alpha quantile of the absolute residuals, of a sample. */
static void
set_delta(GbdtFit *fit)
{
	GbdtLoss   *loss = &fit->loss;
	size_t		step = (loss->rows + DELTA_SAMPLE - 1) / DELTA_SAMPLE;
	double	   *v;
	size_t		n = 0;

	if (loss->objective != GBDT_HUBER)
		return;
	loss->delta = loss->params->huber_delta;
	if (loss->delta > 0)
		return;
	v = ECML_NEW(fit->ctx, double, loss->rows / step + 1);
	for (size_t i = 0; i < loss->rows; i += step)
		v[n++] = fabs(loss->y[i] - loss->score[i]);
	loss->delta = fmax(gbdt_quantile(v, n, false, loss->params->alpha), 1e-300);
	ecml_free(fit->ctx, v);
}

static void
begin_round(GbdtFit *fit, int round)
{
	const GbdtParams *params = &fit->params;
	uint64_t	state;

	set_delta(fit);
	if (fit->loss.norm)
		for_blocks(fit, norm_task);
	if (fit->rank)
		gbdt_rank_gradients(fit->ctx, fit->rank, &fit->loss);
	fit->draw = params->subsample < 1 && params->subsample_freq > 0 ? 1 + round / params->subsample_freq : 0;
	state = fit->ctx->rng.seed ^ UINT64_C(0x5851F42D4C957F2D) * (fit->draw + 1);
	fit->draw_seed = ecml_splitmix64(&state);
}

/* Grow the tree of an output, and add it to forest and scores; false: it has no split. */
static bool
grow_tree(GbdtFit *fit, TreeForest *forest, int output)
{
	Tree		tree;

	fit->output = output;
	for_blocks(fit, order_task);
	take_gradients(fit);
	fit->grower->rng = ecml_rng_stream(&fit->ctx->rng, 1000 + fit->tree);
	gbdt_grow(fit->grower);
	value_leaves(fit);
	gbdt_finish_tree(fit->grower, &tree);
	tree_forest_append(fit->ctx, forest, &tree);
	for_blocks(fit, score_task);
	fit->tree++;
	fit->grower->done = fit->tree;
	return tree.nnodes > 1;
}

static void
add_point(EcmlCtx *ctx, GbdtModel *model, int *room, int round, double train, double validation)
{
	if (model->ncurve == *room)
	{
		*room = *room ? 2 * *room : 64;
		model->curve_round = ecml_resize_array(ctx, model->curve_round, *room, sizeof(int));
		model->curve_train = ecml_resize_array(ctx, model->curve_train, *room, sizeof(double));
		model->curve_validation = ecml_resize_array(ctx, model->curve_validation, *room, sizeof(double));
	}
	model->curve_round[model->ncurve] = round;
	model->curve_train[model->ncurve] = train;
	model->curve_validation[model->ncurve++] = validation;
}

/* Keep some points only: every so many, the best, the last. */
static void
thin_curve(GbdtModel *model)
{
	int			step = (model->ncurve + CURVE_KEPT - 1) / CURVE_KEPT;
	int			n = 0;

	for (int i = 0; i < model->ncurve; i++)
		if (i % step == step - 1 || model->curve_round[i] == model->rounds || i == model->ncurve - 1)
		{
			model->curve_round[n] = model->curve_round[i];
			model->curve_train[n] = model->curve_train[i];
			model->curve_validation[n++] = model->curve_validation[i];
		}
	model->ncurve = n;
}

static void
boost(GbdtFit *fit, GbdtModel *model)
{
	const GbdtParams *params = &fit->params;
	EcmlCtx    *ctx = fit->ctx;
	TreeForest *forest = model->forest;
	bool		sampled = params->subsample < 1 || params->colsample_tree < 1 || params->colsample_node < 1;
	int			best = 0;
	double		best_metric = NAN;
	int			every = (params->n_trees + CURVE_TAKEN - 1) / CURVE_TAKEN;
	int			room = 0;
	int			round;

	for (round = 0; round < params->n_trees; round++)
	{
		bool		grown = false;
		double		train;
		double		validation;

		begin_round(fit, round);
		for (int k = 0; k < fit->loss.outputs; k++)
			grown |= grow_tree(fit, forest, k);
		if (!grown && !sampled)
		{
			tree_forest_truncate(forest, round * fit->loss.outputs);
			break;
		}
		if (!fit->flags && (round + 1) % every != 0 && round + 1 < params->n_trees)
			continue;
		take_metrics(fit, &train, &validation);
		add_point(ctx, model, &room, round + 1, train, validation);
		model->train_metric = train;
		if (fit->flags == NULL)
			continue;
		if (isnan(best_metric) || (gbdt_metric_rises(fit->metric) ? validation > best_metric : validation < best_metric))
		{
			best = round + 1;
			best_metric = validation;
		}
		if (params->early_stopping_rounds > 0 && round + 1 - best >= params->early_stopping_rounds)
		{
			round++;
			break;
		}
	}
	model->grown = round;
	model->rounds = round;
	model->validation_metric = NAN;
	if (fit->flags && params->early_stopping_rounds > 0 && best > 0 && best < round)
	{
		model->rounds = best;
		tree_forest_truncate(forest, best * fit->loss.outputs);
	}
	for (int i = 0; i < model->ncurve; i++)
		if (model->curve_round[i] == model->rounds)
		{
			model->train_metric = model->curve_train[i];
			model->validation_metric = model->curve_validation[i];
		}
	if (model->ncurve == 0 || model->curve_round[model->ncurve - 1] < model->rounds)
		take_metrics(fit, &model->train_metric, &model->validation_metric);
	if (model->ncurve > 0)
		thin_curve(model);
}

const char *
gbdt_check(const GbdtParams *params)
{
	if (params->n_trees < 1 || params->n_trees > GBDT_MAX_TREES)
		return "The number of trees must be between 1 and 1000000.";
	if (params->max_leaves < 2 || params->max_leaves > GBDT_MAX_LEAVES)
		return "The number of leaves must be between 2 and 32768.";
	if (params->max_bins < 2 || params->max_bins > TREE_MAX_BINS)
		return "The number of bins must be between 2 and 255.";
	if (!(params->learning_rate > 0) || isinf(params->learning_rate))
		return "The learning rate must be above 0.";
	if (params->min_child_samples < 1)
		return "A leaf needs at least 1 row.";
	if (!(params->subsample > 0 && params->subsample <= 1))
		return "\"subsample\" must be above 0 and at most 1.";
	if (!(params->colsample_tree > 0 && params->colsample_tree <= 1) || !(params->colsample_node > 0 && params->colsample_node <= 1))
		return "\"colsample_bytree\" and \"colsample_bynode\" must be above 0 and at most 1.";
	if (!(params->validation_fraction >= 0 && params->validation_fraction < 1))
		return "\"validation_fraction\" must be at least 0 and below 1.";
	if (!(params->alpha > 0 && params->alpha < 1))
		return "\"alpha\" must be above 0 and below 1.";
	if (!(params->variance_power > 1 && params->variance_power < 2))
		return "\"variance_power\" must be above 1 and below 2; 1 is the objective poisson, 2 is gamma.";
	if (!(params->scale_pos_weight > 0) || isinf(params->scale_pos_weight))
		return "\"scale_pos_weight\" must be above 0.";
	return NULL;
}

/* All but the model. */
static void
free_fit(GbdtFit *fit)
{
	EcmlCtx    *ctx = fit->ctx;

	ecml_free(ctx, (void *) fit->grower->monotone);
	gbdt_grower_free(fit->grower);
	if (fit->rank)
		gbdt_rank_free(ctx, fit->rank);
	tree_bins_free(ctx, fit->bins);
	ecml_free(ctx, fit->loss.score);
	ecml_free(ctx, fit->loss.norm);
	ecml_free(ctx, fit->loss.g);
	ecml_free(ctx, fit->loss.h);
	ecml_free(ctx, fit->flags);
	ecml_free(ctx, fit->group);
	ecml_free(ctx, fit->available);
	ecml_free(ctx, fit->gh);
	ecml_free(ctx, fit->most);
	ecml_free(ctx, fit->sums);
	ecml_free(ctx, fit->residuals);
	ecml_free(ctx, fit->residual_of);
	ecml_free(ctx, fit->metric_sums);
	ecml_free(ctx, fit);
}

GbdtModel *
gbdt_fit(EcmlCtx *ctx, EcmlData *data, const GbdtTask *task)
{
	GbdtFit		   *fit = ECML_NEW0(ctx, GbdtFit, 1);
	GbdtModel  *model = ECML_NEW0(ctx, GbdtModel, 1);
	TreeBinsParams binning = TREE_BINS_DEFAULTS;
	const char *wrong = gbdt_check(task->params);
	int8_t	   *monotone = NULL;
	TreeBins   *bins;
	TreeForest *forest;

	if (wrong)
		ecml_fail(ctx, ECML_INVALID_PARAMETER, "%s", wrong);
	if (data->rows == 0 || task->features < 1)
	{
		ecml_detail(ctx, "Rows: %zu; features: %d.", data->rows, task->features);
		ecml_hint(ctx, "Train on a source that has rows whose target is not null.");
		ecml_fail(ctx, ECML_DATA_EXCEPTION, "no rows to train on");
	}
	if (data->element != ECML_F4 || !data->has_y)
		ecml_fail(ctx, ECML_INTERNAL, "boosting needs data in single precision, and a target");
	if (task->classes > GBDT_MAX_CLASSES)
	{
		ecml_detail(ctx, "The target has %d classes.", task->classes);
		ecml_fail(ctx, ECML_LIMIT_EXCEEDED, "boosting takes up to %d classes", GBDT_MAX_CLASSES);
	}
	fit->ctx = ctx;
	fit->task = task;
	fit->params = *task->params;
	if (task->validation >= 0)
		fit->flags = ECML_NEW0(ctx, uint8_t, data->rows);
	if (task->group >= 0)
		fit->group = ECML_NEW0(ctx, uint32_t, data->rows);
	binning.features = task->features;
	binning.categories = task->categories;
	binning.max_bins = fit->params.max_bins;
	binning.visit = gbdt_fit_visit;
	binning.arg = fit;
	fit->bins = bins = tree_bins_make(ctx, data, &binning);
	gbdt_fit_prepare(fit);
	fit->level = gbdt_loss_renewal(&fit->loss);
	if (task->monotone)
	{
		monotone = ECML_NEW0(ctx, int8_t, bins->columns + 1);
		for (int j = 0; j < bins->columns; j++)
			monotone[j] = task->monotone[bins->column[j].feature];
	}
	fit->grower = gbdt_grower_create(ctx, bins, &fit->params, monotone);
	fit->grower->total = (double) fit->params.n_trees * fit->loss.outputs;
	fit->gh = ECML_NEW(ctx, uint32_t, bins->rows);
	fit->grower->gh = fit->gh;
	fit->most = ECML_NEW0(ctx, double, 2 * bins->nblocks);
	fit->metric_sums = ECML_NEW0(ctx, double, 4 * bins->nblocks);
	fit->sums = ecml_alloc_array(ctx, (bins->nblocks < SUMS_BLOCKS ? bins->nblocks : SUMS_BLOCKS) * 3 * sizeof(double),
								 fit->params.max_leaves);
	if (!isnan(fit->level))
	{
		fit->residuals = ECML_NEW(ctx, double, bins->rows * (fit->loss.w ? 2 : 1));
		fit->residual_of = ECML_NEW(ctx, size_t, fit->params.max_leaves + 1);
	}

	forest = tree_forest_create(ctx, task->features, task->categories, fit->loss.outputs, 1);
	memcpy(forest->base, fit->base, fit->loss.outputs * sizeof(double));
	model->forest = forest;
	model->objective = fit->loss.objective;
	model->classes = task->classes;
	model->metric = fit->metric;
	model->rows = bins->rows - fit->validation_rows;
	model->validation_rows = fit->validation_rows;
	model->constant_columns = task->features - bins->columns;
	boost(fit, model);
	free_fit(fit);
	tree_forest_ready(ctx, forest);
	return model;
}
