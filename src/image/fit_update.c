/*
 * fit_update.c - from gradients to weights
 *
 * Adam: Kingma and Ba (2015), in the form that Keras has; AdamW: Loshchilov and Hutter (2019).  Weights are updated in blocks, by
 * tasks, each of which first adds the gradients of the groups in their order.
 */
#include "fit_internal.h"

#include <math.h>
#include <string.h>

typedef struct Block
{
	int			node;
	size_t		from;			/* within the node's weights */
	size_t		n;
} Block;

/* how many of a node's weights are trained: of a batch normalisation gamma and beta */
static size_t
trained_weights(const NetNode *node)
{
	return node->kind == NET_BATCH_NORMALIZATION ? 2 * (size_t) node->channels : node->nweights;
}

static size_t
count_blocks(const Fit *fit)
{
	size_t		n = 0;

	for (int i = 1; i < fit->net->n; i++)
		if (fit->trained[i])
			n += (trained_weights(&fit->net->nodes[i]) + UPDATE_BLOCK - 1) / UPDATE_BLOCK;
	return n;
}

/* the block of that number */
static Block
block_of(const Fit *fit, size_t number)
{
	Block		block = {0, 0, 0};

	for (int i = 1; i < fit->net->n; i++)
	{
		size_t		n;

		if (!fit->trained[i])
			continue;
		n = (trained_weights(&fit->net->nodes[i]) + UPDATE_BLOCK - 1) / UPDATE_BLOCK;
		if (number < n)
		{
			size_t		left;

			block.node = i;
			block.from = number * UPDATE_BLOCK;
			left = trained_weights(&fit->net->nodes[i]) - block.from;
			block.n = left < UPDATE_BLOCK ? left : UPDATE_BLOCK;
			break;
		}
		number -= n;
	}
	return block;
}

/* the gradient of a block, in sum or where it lies */
ECML_CLONES static const float *
gradient_of(const Fit *fit, const Block *block, float *sum)
{
	const float *from;

	if (fit->grouped_at[block->node] == SIZE_MAX)
		return fit->direct[block->node] + block->from;
	from = fit->grouped + fit->grouped_at[block->node] + block->from;
	memcpy(sum, from, block->n * sizeof(float));
	for (int g = 1; g < fit->groups; g++)
	{
		from += fit->ngrouped;
#pragma omp simd
		for (size_t i = 0; i < block->n; i++)
			sum[i] += from[i];
	}
	return sum;
}

ECML_CLONES static void
adam(const CnnParams *p, float rate, float decay, float clip, const float *g, float *w, float *m, float *v, size_t n)
{
	const float b1 = (float) (1 - p->beta1);
	const float b2 = (float) (1 - p->beta2);
	const float epsilon = (float) p->epsilon;

#pragma omp simd
	for (size_t i = 0; i < n; i++)
	{
		float		slope = g[i] * clip;

		m[i] += (slope - m[i]) * b1;
		v[i] += (slope * slope - v[i]) * b2;
		w[i] = w[i] - decay * w[i] - rate * m[i] / (sqrtf(v[i]) + epsilon);
	}
}

ECML_CLONES static void
descend(const CnnParams *p, float rate, float decay, float clip, const float *g, float *w, float *m, size_t n)
{
	const float momentum = (float) p->momentum;
	const float ahead = p->nesterov ? momentum : 0;

	if (m == NULL)
	{
#pragma omp simd
		for (size_t i = 0; i < n; i++)
			w[i] = w[i] - decay * w[i] - rate * clip * g[i];
	}
	else if (p->nesterov)
	{
#pragma omp simd
		for (size_t i = 0; i < n; i++)
		{
			float		slope = rate * clip * g[i];

			m[i] = momentum * m[i] - slope;
			w[i] = w[i] - decay * w[i] + ahead * m[i] - slope;
		}
	}
	else
	{
#pragma omp simd
		for (size_t i = 0; i < n; i++)
		{
			m[i] = momentum * m[i] - rate * clip * g[i];
			w[i] = w[i] - decay * w[i] + m[i];
		}
	}
}

static void
update_task(void *arg, size_t number, int worker)
{
	const Fit  *fit = arg;
	const CnnParams *p = fit->params;
	Block		block = block_of(fit, number);
	const NetNode *node = &fit->net->nodes[block.node];
	size_t		at = node->weights + block.from;
	float		sum[UPDATE_BLOCK];
	const float *g = fit->shared ? fit->shared + at : gradient_of(fit, &block, sum);
	float	   *w = fit->net->weights + at;
	float		decay = 0;

	/* kernels decay, biases and scales do not; a block may hold the end of the one and the other */
	if (p->weight_decay > 0 && node->kind != NET_BATCH_NORMALIZATION && at < node->bias_at)
		decay = (float) (p->weight_decay * fit->rate);
	for (size_t from = 0; from < block.n;)
	{
		size_t		to = decay > 0 && at + block.n > node->bias_at && from == 0 ? node->bias_at - at : block.n;
		float		own = at + from < node->bias_at ? decay : 0;

		if (p->optimizer == CNN_SGD)
			descend(p, (float) fit->rate, own, fit->clip, g + from, w + from, fit->first ? fit->first + at + from : NULL, to - from);
		else
		{
			double		t = (double) fit->step + 1;
			double		rate = fit->rate * sqrt(1 - pow(p->beta2, t)) / (1 - pow(p->beta1, t));

			adam(p, (float) rate, own, fit->clip, g + from, w + from, fit->first + at + from, fit->second + at + from, to - from);
		}
		from = to;
	}
}

typedef struct Sum
{
	const Fit  *fit;
	float	   *into;
} Sum;

static void
sum_task(void *arg, size_t number, int worker)
{
	const Sum  *sum = arg;
	Block		block = block_of(sum->fit, number);
	float		own[UPDATE_BLOCK];
	const float *g = gradient_of(sum->fit, &block, own);

	memcpy(sum->into + sum->fit->net->nodes[block.node].weights + block.from, g, block.n * sizeof(float));
}

void
fit_sum_gradients(Fit *fit, float *into)
{
	Sum			sum = {fit, into};

	ecml_parallel_for(fit->ctx, count_blocks(fit), sum_task, &sum);
}

static void
pack_task(void *arg, size_t i, int worker)
{
	const Fit  *fit = arg;

	if (fit->trained[i])
		exec_pack(fit->exec, (int) i);
}

void
fit_update(Fit *fit)
{
	fit->clip = 1;
	if (fit->shared)
	{
		double		square = 0;
		double		norm;

		fit_sum_gradients(fit, fit->shared);
		for (size_t i = 0; i < fit->net->nweights; i++)
			square += (double) fit->shared[i] * fit->shared[i];
		norm = sqrt(square);
		if (norm > fit->params->clip_norm)
			fit->clip = (float) (fit->params->clip_norm / norm);
	}
	ecml_parallel_for(fit->ctx, count_blocks(fit), update_task, fit);
	if (fit->ngrouped > 64 * 1024)
		ecml_parallel_for(fit->ctx, fit->net->n, pack_task, fit);
	else
		for (int i = 1; i < fit->net->n; i++)
			pack_task(fit, i, 0);
}
