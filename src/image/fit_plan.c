/*
 * fit_plan.c - what a training needs, before it begins: stages, buffers, memory
 *
 * All memory is counted first, and refused at once with the amount, not when the first epoch has run.
 */
#include "fit_internal.h"

#include <string.h>

#include "ops.h"

#define CACHED (96 * 1024)		/* floats of the largest output of a chunk */
#define CHUNK 16
#define CHAIN_WORK 1.5e9		/* of one picture, at most: some 30 ms, so that a cancel is seen */

typedef struct Builder
{
	Fit		   *fit;
	StageList  *list;
	double		work;
	size_t		widest;			/* output of the open chain */
	int			first;
} Builder;

static bool
is_wide(const NetNode *node)
{
	return node->kind == NET_DENSE && node->values == (size_t) node->units && node->nweights >= WIDE_WEIGHTS;
}

static void
close_chain(Builder *b)
{
	Stage	   *stage;
	size_t		chunk;

	if (b->first == b->list->nops)
		return;
	stage = &b->list->stages[b->list->n++];
	stage->kind = STAGE_CHAIN;
	stage->node = 0;
	stage->first = b->first;
	stage->nops = b->list->nops - b->first;
	stage->work = b->work;
	chunk = CACHED / (b->widest > 0 ? b->widest : 1);
	stage->chunk = (int) (chunk < 1 ? 1 : chunk > CHUNK ? CHUNK : chunk);
	b->first = b->list->nops;
	b->work = 0;
	b->widest = 0;
}

static void
add_op(Builder *b, OpKind kind, int node, double work)
{
	size_t		values = b->fit->net->nodes[node].values;

	if (b->work + work > CHAIN_WORK)
		close_chain(b);
	b->list->ops[b->list->nops].kind = kind;
	b->list->ops[b->list->nops++].node = node;
	b->work += work;
	if (values > b->widest)
		b->widest = values;
}

static void
add_stage(Builder *b, StageKind kind, int node)
{
	Stage	   *stage;

	close_chain(b);
	stage = &b->list->stages[b->list->n++];
	memset(stage, 0, sizeof(*stage));
	stage->kind = kind;
	stage->node = node;
}

static void
init_list(EcmlCtx *ctx, StageList *list, int n)
{
	list->n = list->nops = 0;
	list->stages = ECML_NEW0(ctx, Stage, (size_t) 10 * n + 8);
	list->ops = ECML_NEW0(ctx, Op, (size_t) 6 * n + 8);
}

/* does it use the batch's statistics? */
static bool
is_normal(const Fit *fit, int i)
{
	return fit->net->nodes[i].kind == NET_BATCH_NORMALIZATION && !fit->net->nodes[i].frozen;
}

static void
build_forward(Builder *b, bool training)
{
	const Network *net = b->fit->net;

	add_op(b, OP_INPUT, 0, (double) net->nodes[0].values);
	for (int i = 1; i < net->n; i++)
	{
		const NetNode *node = &net->nodes[i];

		if (training && is_normal(b->fit, i))
		{
			add_op(b, OP_MOMENTS, i, node->work);
			add_stage(b, STAGE_MEAN, i);
			add_op(b, OP_NORMALIZE, i, node->work);
		}
		else if (is_wide(node))
		{
			add_stage(b, STAGE_DENSE, i);
			if (node->activation != NET_LINEAR)
				add_op(b, OP_ACTIVATE, i, (double) node->values);
		}
		else
			add_op(b, OP_FORWARD, i, node->work);
	}
	add_op(b, OP_LOSS, net->n - 1, (double) net->nodes[net->n - 1].values);
}

static void
build_backward(Builder *b)
{
	const Network *net = b->fit->net;

	for (int i = net->n - 1; i > 0; i--)
	{
		const NetNode *node = &net->nodes[i];

		if (!b->fit->up[i])
			continue;
		if (is_normal(b->fit, i))
		{
			add_op(b, OP_SLOPES, i, node->work);
			add_stage(b, STAGE_SLOPE, i);
			if (b->fit->up[node->inputs[0]])
				add_op(b, OP_SPREAD, i, node->work);
		}
		else if (is_wide(node))
		{
			/* of the last node the gradient before the activation is there at once */
			if (node->activation != NET_LINEAR && i != net->n - 1)
				add_op(b, OP_ACTIVATE_BACK, i, (double) node->values);
			add_stage(b, STAGE_DENSE_BACK, i);
		}
		else
			add_op(b, OP_BACKWARD, i, 2 * node->work);
	}
	close_chain(b);
}

/* is the output the input as it is, so that it can lie in the same place? */
static bool
passes(const Fit *fit, int i, const int *readers)
{
	const NetNode *node = &fit->net->nodes[i];

	return (node->kind == NET_FLATTEN || node->kind == NET_RESHAPE) && node->activation == NET_LINEAR && i != fit->net->n - 1 &&
		node->inputs[0] != 0 && readers[node->inputs[0]] == 1;
}

static void
find_gradients(Fit *fit)
{
	const Network *net = fit->net;
	bool	   *given = ECML_NEW0(fit->ctx, bool, net->n);
	size_t		slots = 0;

	for (int i = 1; i < net->n; i++)
	{
		const NetNode *node = &net->nodes[i];

		fit->trained[i] = node->nweights > 0 && !node->frozen;
		fit->up[i] = fit->trained[i];
		for (int k = 0; k < node->ninputs; k++)
			fit->up[i] |= fit->up[node->inputs[k]];
		fit->slot[i] = slots;
		slots += node->ninputs;
	}
	fit->adds = ECML_NEW0(fit->ctx, bool, slots + 1);
	for (int i = net->n - 1; i > 0; i--)
		for (int k = 0; fit->up[i] && k < net->nodes[i].ninputs; k++)
		{
			fit->adds[fit->slot[i] + k] = given[net->nodes[i].inputs[k]];
			given[net->nodes[i].inputs[k]] = true;
		}
	ecml_free(fit->ctx, given);
}

/* Places of gradients; how many groups. */
static void
find_groups(Fit *fit)
{
	const Network *net = fit->net;

	for (int i = 1; i < net->n; i++)
	{
		fit->grouped_at[i] = SIZE_MAX;
		if (!fit->trained[i] || is_wide(&net->nodes[i]) || net->nodes[i].kind == NET_BATCH_NORMALIZATION)
			continue;
		fit->grouped_at[i] = fit->ngrouped;
		fit->ngrouped += net->nodes[i].nweights;
	}
	fit->groups = fit->ngrouped <= 256 * 1024 ? MAX_GROUPS : fit->ngrouped <= 2 * 1024 * 1024 ? 8 : 4;
	if ((size_t) fit->groups > fit->batch)
		fit->groups = (int) fit->batch;
}

static size_t
slots_of(const Fit *fit)
{
	return fit->local ? (size_t) fit->workers * fit->chunk : fit->batch;
}

/* All that is allocated by allocate(), and the optimizer. */
static double
memory_of(const Fit *fit, const int *readers, bool momentum)
{
	const Network *net = fit->net;
	double		floats = 0;

	for (int i = 0; i < net->n; i++)
	{
		if (i > 0 && passes(fit, i, readers))
			continue;
		floats += (double) slots_of(fit) * net->nodes[i].values * (fit->up[i] ? 2 : 1) + 2 * NET_SLACK;
		if (i > 0 && fit->trained[i] && fit->grouped_at[i] == SIZE_MAX)
			floats += net->nodes[i].nweights;
		if (i > 0 && is_normal(fit, i))
			floats += net->nodes[i].channels * (7 + 8.0 * fit->groups);
	}
	floats += (double) fit->groups * fit->ngrouped + (double) fit->workers * fit->per_worker;
	floats += (double) net->nweights * ((momentum ? 1 : 0) + (fit->params->optimizer == CNN_SGD ? 0 : 1) +
										(fit->params->clip_norm > 0 ? 1 : 0) + (fit->params->patience > 0 ? 1 : 0));
	return 4 * floats + (double) fit->batch * fit->row_bytes + (double) exec_bytes(net, true);
}

static void
allocate(Fit *fit, const int *readers, bool momentum)
{
	EcmlCtx    *ctx = fit->ctx;
	const Network *net = fit->net;
	size_t		slots = slots_of(fit);
	size_t		packed = 0;

	for (int i = 0; i < net->n; i++)
	{
		const NetNode *node = &net->nodes[i];

		if (i > 0 && passes(fit, i, readers))
		{
			fit->y[i] = fit->y[node->inputs[0]];
			fit->g[i] = fit->g[node->inputs[0]];
			continue;
		}
		fit->y[i] = ECML_NEW0(ctx, float, slots * node->values + NET_SLACK);
		if (fit->up[i])
			fit->g[i] = ECML_NEW0(ctx, float, slots * node->values + NET_SLACK);
		if (i > 0 && fit->trained[i] && fit->grouped_at[i] == SIZE_MAX)
			fit->direct[i] = ECML_NEW0(ctx, float, node->nweights + NET_SLACK);
		if (i > 0 && is_normal(fit, i))
		{
			fit->normals[i].normal = ECML_NEW0(ctx, float, (size_t) 7 * node->channels + NET_SLACK);
			fit->normals[i].sums = ECML_NEW0(ctx, double, (size_t) 4 * node->channels * fit->groups);
		}
		if (i > 0 && is_wide(node))
		{
			size_t		n = gemm_packed_size(fit->exec->g, node->units, fit->batch);

			packed = n > packed ? n : packed;
		}
	}
	fit->grouped = ECML_NEW0(ctx, float, fit->groups * fit->ngrouped + NET_SLACK);
	fit->scratch = ECML_NEW0(ctx, float, fit->workers * fit->per_worker + NET_SLACK);
	fit->packed = packed > 0 ? ECML_NEW0(ctx, float, packed) : NULL;
	fit->staged = ECML_NEW(ctx, uint8_t, fit->batch * fit->row_bytes + NET_SLACK);
	fit->order = ECML_NEW(ctx, uint32_t, fit->batch);
	fit->loss = ECML_NEW0(ctx, double, fit->batch);
	fit->right = ECML_NEW0(ctx, uint8_t, fit->batch);
	if (momentum)
		fit->first = ECML_NEW0(ctx, float, net->nweights + 1);
	if (fit->params->optimizer != CNN_SGD)
		fit->second = ECML_NEW0(ctx, float, net->nweights + 1);
	if (fit->params->clip_norm > 0)
		fit->shared = ECML_NEW0(ctx, float, net->nweights + 1);
}

static bool
is_changed(const PixelsAugment *a)
{
	return a->flip || a->flip_vertical || a->shift > 0 || a->rotate > 0 || a->zoom > 0 || a->crop > 0 || a->brightness > 0 ||
		a->contrast > 0 || a->saturation > 0 || a->hue > 0 || a->erase > 0;
}

Fit *
fit_create(EcmlCtx *ctx, Network *given, const PixelsInput *input, const CnnRows *rows, const CnnParams *params)
{
	Fit		   *fit = ECML_NEW0(ctx, Fit, 1);
	Network    *net = net_join(ctx, given);
	Builder		b = {fit, &fit->train, 0, 0, 0};
	int		   *readers = ECML_NEW0(ctx, int, net->n);
	bool		momentum = params->optimizer != CNN_SGD || params->momentum > 0;
	size_t		scratch;
	double		needed;

	fit->ctx = ctx;
	fit->net = net;
	fit->input = input;
	fit->rows = rows;
	fit->params = params;
	fit->batch = (size_t) params->batch_size < rows->n ? (size_t) params->batch_size : rows->n;
	fit->row_bytes = net->nodes[0].values * (rows->floats ? sizeof(float) : 1);
	fit->up = ECML_NEW0(ctx, bool, net->n);
	fit->trained = ECML_NEW0(ctx, bool, net->n);
	fit->slot = ECML_NEW0(ctx, size_t, net->n);
	fit->y = ECML_NEW0(ctx, float *, net->n);
	fit->g = ECML_NEW0(ctx, float *, net->n);
	fit->normals = ECML_NEW0(ctx, Batch, net->n);
	fit->grouped_at = ECML_NEW0(ctx, size_t, net->n);
	fit->direct = ECML_NEW0(ctx, float *, net->n);
	for (int i = 1; i < net->n; i++)
		for (int k = 0; k < net->nodes[i].ninputs; k++)
			readers[net->nodes[i].inputs[k]]++;
	find_gradients(fit);
	if (!fit->up[net->n - 1])
	{
		ecml_detail(ctx, "All layers with weights are frozen.");
		ecml_hint(ctx, "Leave at least the last dense layer to be trained.");
		ecml_fail(ctx, ECML_INVALID_PARAMETER, "there is nothing to train");
	}
	find_groups(fit);
	init_list(ctx, &fit->train, net->n);
	init_list(ctx, &fit->test, net->n);
	build_forward(&b, true);
	build_backward(&b);
	b.list = &fit->test;
	b.first = 0;
	build_forward(&b, false);
	close_chain(&b);
	fit->local = fit->train.n == 1 && fit->test.n == 1;
	fit->chunk = 1;
	for (int s = 0; s < fit->train.n; s++)
		if (fit->train.stages[s].chunk > fit->chunk)
			fit->chunk = fit->train.stages[s].chunk;
	for (int s = 0; s < fit->test.n; s++)
	{
		/* tests fill the same buffers */
		if (fit->local)
			fit->test.stages[s].chunk = fit->chunk;
	}
	fit->workers = ecml_workers(ctx, MAX_GROUPS);
	if (ecml_workers(ctx, 1 << 16) > fit->workers)
		fit->workers = ecml_workers(ctx, 1 << 16);

	/* scratch memory of a worker: of kernels, or a dense layer's product; then of pictures that are changed */
	fit->exec = exec_create(ctx, net, true);
	scratch = fit->exec->scratch;
	for (int i = 1; i < net->n; i++)
		if (is_wide(&net->nodes[i]) && scratch < (size_t) DENSE_ROWS * fit->batch)
			scratch = (size_t) DENSE_ROWS * fit->batch;
	fit->at_mixed = scratch + NET_SLACK;
	fit->per_worker = fit->at_mixed + (params->mixup > 0 ? net->nodes[0].values : 0) +
		(is_changed(&params->augment) ? net->nodes[0].values / 4 + 1 : 0) + NET_SLACK;
	fit->per_worker = (fit->per_worker + 15) / 16 * 16;

	needed = memory_of(fit, readers, momentum);
	if (ctx->budget > 0 && needed > (double) ctx->budget - (double) ctx->used + (double) fit->exec->bytes)
	{
		double		have = (double) ctx->budget - (double) ctx->used;

		ecml_detail(ctx, "Batches of %zu pictures need %.0f MB; %.0f MB are left of %.0f MB.", fit->batch, needed / 1e6,
					have > 0 ? have / 1e6 : 0, ctx->budget / 1e6);
		ecml_hint(ctx, "Raise the setting ecml.work_mem, or use a smaller \"batch_size\", smaller pictures, or strides or pooling earlier in the network.");
		ecml_fail(ctx, ECML_LIMIT_EXCEEDED, "the training does not fit into memory");
	}
	allocate(fit, readers, momentum);
	ecml_free(ctx, readers);
	return fit;
}
