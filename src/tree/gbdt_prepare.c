/*
 * gbdt_prepare.c - before the first tree: objective, weights, the rows that validate
 *
 * Rows that validate are told by a column, or drawn by the seed: of each class its share, of ranked rows whole groups.
 */
#include "gbdt_internal.h"

#include <math.h>
#include <string.h>

/* ---------------------------------------------------------------- what to train on */

void
gbdt_fit_visit(void *arg, const EcmlBlock *block)
{
	GbdtFit		   *fit = arg;

	if (fit->task->validation >= 0)
	{
		const float *x = ECML_BLOCK_F4(block, fit->task->validation);

		for (int i = 0; i < block->rows; i++)
			fit->flags[block->first + i] = x[i] != 0;
	}
	if (fit->task->group >= 0)
	{
		const float *x = ECML_BLOCK_F4(block, fit->task->group);

		for (int i = 0; i < block->rows; i++)
			fit->group[block->first + i] = (uint32_t) x[i];
	}
}

/* Multiply the weights by those of the classes. */
static void
weigh_classes(GbdtFit *fit)
{
	EcmlCtx    *ctx = fit->ctx;
	TreeBins   *bins = fit->bins;
	const GbdtParams *params = &fit->params;
	int			classes = fit->task->classes;
	double	   *weights;
	double		total = 0;
	bool		any = false;

	if (classes == 0)
		return;
	weights = ECML_NEW0(ctx, double, classes);
	if (fit->task->class_weight)
		memcpy(weights, fit->task->class_weight, classes * sizeof(double));
	else if (params->balanced)
	{
		for (size_t i = 0; i < bins->rows; i++)
			weights[(int) bins->y[i]] += bins->w ? bins->w[i] : 1;
		for (int k = 0; k < classes; k++)
			total += weights[k];
		for (int k = 0; k < classes; k++)
			weights[k] = weights[k] > 0 ? total / (classes * weights[k]) : 1;
	}
	else
		for (int k = 0; k < classes; k++)
			weights[k] = 1;
	if (classes == 2)
		weights[1] *= params->scale_pos_weight;
	for (int k = 0; k < classes; k++)
		any |= weights[k] != 1;
	if (any)
	{
		if (bins->w == NULL)
		{
			bins->w = ECML_NEW(ctx, double, bins->rows);
			for (size_t i = 0; i < bins->rows; i++)
				bins->w[i] = 1;
		}
		for (size_t i = 0; i < bins->rows; i++)
			bins->w[i] *= weights[(int) bins->y[i]];
	}
	ecml_free(ctx, weights);
}

/* Draw the rows that validate: of each class its share, or whole groups. */
static void
draw_validation(GbdtFit *fit)
{
	EcmlCtx    *ctx = fit->ctx;
	TreeBins   *bins = fit->bins;
	EcmlRng		rng = ecml_rng_stream(&ctx->rng, 102);
	int			classes = fit->task->classes > 0 ? fit->task->classes : 1;
	size_t	   *left;
	size_t	   *wanted;

	fit->flags = ECML_NEW0(ctx, uint8_t, bins->rows);
	if (fit->rank)
	{
		gbdt_rank_draw(ctx, fit->rank, fit->params.validation_fraction, &rng, fit->flags);
		return;
	}
	left = ECML_NEW0(ctx, size_t, classes);
	wanted = ECML_NEW0(ctx, size_t, classes);
	for (size_t i = 0; i < bins->rows; i++)
		left[classes > 1 ? (int) bins->y[i] : 0]++;
	for (int k = 0; k < classes; k++)
		wanted[k] = (size_t) (fit->params.validation_fraction * left[k] + 0.5);
	for (size_t i = 0; i < bins->rows; i++)
	{
		int			k = classes > 1 ? (int) bins->y[i] : 0;

		if (ecml_rng_below(&rng, left[k]--) < wanted[k])
		{
			wanted[k]--;
			fit->flags[i] = 1;
		}
		if (i % 65536 == 65535)
			ecml_poll(ctx, 0, 0);
	}
	ecml_free(ctx, left);
	ecml_free(ctx, wanted);
}

static void
count_validation(GbdtFit *fit)
{
	TreeBins   *bins = fit->bins;
	size_t		n = 0;

	fit->available = ECML_NEW0(fit->ctx, size_t, bins->nblocks + 1);
	for (size_t b = 0; b < bins->nblocks; b++)
	{
		int			rows = tree_block_rows(bins, b);
		size_t		here = 0;

		for (int i = 0; fit->flags && i < rows; i++)
			here += fit->flags[b * TREE_BLOCK + i];
		n += here;
		fit->available[b + 1] = fit->available[b] + rows - here;
	}
	fit->validation_rows = n;
	if (n == 0)
	{
		ecml_free(fit->ctx, fit->flags);
		fit->flags = NULL;
	}
	if (n == bins->rows)
	{
		ecml_detail(fit->ctx, "All %zu rows validate.", n);
		ecml_hint(fit->ctx, "Mark fewer of them.");
		ecml_fail(fit->ctx, ECML_DATA_EXCEPTION, "no rows are left to train on");
	}
	if (fit->rank && fit->flags && !gbdt_rank_agrees(fit->rank, fit->flags))
	{
		ecml_hint(fit->ctx, "Mark all rows of a group alike.");
		ecml_fail(fit->ctx, ECML_DATA_EXCEPTION, "some rows of a group validate, and some do not");
	}
}

/* ---------------------------------------------------------------- the loss */

/* The objective that the target asks for, or what does not go together. */
static int
choose_objective(EcmlCtx *ctx, const GbdtTask *task)
{
	int			objective = task->params->objective;
	int			classes = task->classes;

	if (objective == GBDT_AUTO || (objective == GBDT_LOGISTIC && classes > 2))
		return classes == 0 ? GBDT_SQUARED_ERROR : classes == 2 ? GBDT_LOGISTIC : GBDT_SOFTMAX;
	if ((objective == GBDT_LOGISTIC || objective == GBDT_SOFTMAX) != (classes > 0))
		ecml_fail(ctx, ECML_INTERNAL, "the target does not fit the objective");
	return objective;
}

static int
choose_metric(EcmlCtx *ctx, int metric, int objective)
{
	bool		classes = objective == GBDT_LOGISTIC || objective == GBDT_SOFTMAX;
	bool		fits = metric == GBDT_METRIC_LOSS ||
		(metric == GBDT_METRIC_ROC_AUC || metric == GBDT_METRIC_PR_AUC ? objective == GBDT_LOGISTIC :
		 metric == GBDT_METRIC_ERROR ? classes :
		 metric == GBDT_METRIC_NDCG ? objective == GBDT_LAMBDARANK : !classes && objective != GBDT_LAMBDARANK);

	if (!fits)
	{
		ecml_detail(ctx, "The metric is %s, the objective %s.", gbdt_metric_name(objective, metric), gbdt_objective_name(objective));
		ecml_hint(ctx, "Leave the metric out: then it is the objective's own loss.");
		ecml_fail(ctx, ECML_INVALID_PARAMETER, "the metric does not fit the objective");
	}
	return metric;
}

void
gbdt_fit_prepare(GbdtFit *fit)
{
	EcmlCtx    *ctx = fit->ctx;
	GbdtLoss   *loss = &fit->loss;
	TreeBins   *bins = fit->bins;

	loss->params = &fit->params;
	loss->objective = choose_objective(ctx, fit->task);
	loss->classes = fit->task->classes;
	loss->outputs = loss->objective == GBDT_SOFTMAX ? loss->classes : 1;
	loss->rows = bins->rows;
	loss->y = bins->y;
	gbdt_loss_check_target(ctx, loss);
	weigh_classes(fit);
	loss->w = bins->w;
	loss->max_w = 1;
	if (loss->w)
	{
		loss->max_w = 0;
		for (size_t i = 0; i < bins->rows; i++)
			loss->max_w = fmax(loss->max_w, loss->w[i]);
	}
	loss->constant = loss->w == NULL && (loss->objective == GBDT_SQUARED_ERROR || loss->objective == GBDT_ABSOLUTE_ERROR ||
										 loss->objective == GBDT_HUBER || loss->objective == GBDT_QUANTILE);
	fit->metric = choose_metric(ctx, fit->params.metric, loss->objective);
	if (loss->objective == GBDT_LAMBDARANK)
	{
		if (fit->group == NULL)
		{
			ecml_hint(ctx, "Name the column that tells which rows are ranked among each other in the option \"group\".");
			ecml_fail(ctx, ECML_INVALID_PARAMETER, "the objective \"lambdarank\" needs groups");
		}
		loss->g = ECML_NEW(ctx, double, bins->rows);
		loss->h = ECML_NEW(ctx, double, bins->rows);
		fit->rank = gbdt_rank_create(ctx, loss, fit->group, bins->rows);
	}
	if (fit->task->validation < 0 && fit->params.validation_fraction > 0)
		draw_validation(fit);
	count_validation(fit);
	gbdt_loss_base(ctx, loss, fit->flags, fit->base);
	loss->score = ecml_alloc_array(ctx, bins->rows, loss->outputs * sizeof(double));
	for (int k = 0; k < loss->outputs; k++)
		for (size_t i = 0; i < bins->rows; i++)
		{
			loss->score[k * bins->rows + i] = fit->base[k];
			if (i % 65536 == 65535)
				ecml_poll(ctx, 0, 0);
		}
	if (loss->objective == GBDT_SOFTMAX)
		loss->norm = ECML_NEW(ctx, double, bins->rows);
}
