/*
 * fit_step.c - one batch through the network and back
 *
 * Batch normalisation: Ioffe and Szegedy (2015).  With x' = (x - mean) / deviation over the n numbers of a channel,
 *   dx = gamma / deviation (dy - sum dy / n - x' sum (dy x') / n),
 * which is dy p + x q + r by channel.  The statistics for prediction follow the batches' with the layer's momentum, but in the
 * first steps with less, so that short trainings end with their own, not with those they began with.
 */
#include "fit_internal.h"

#include <math.h>
#include <string.h>

#include "ops.h"

#define TASK_WORK 4e8			/* of a task, some 10 ms */

enum							/* of Batch.normal, in channels */
{
	N_MEAN, N_INVERSE, N_SCALE, N_SHIFT, N_P, N_Q, N_R
};

/* Pictures from .. to, whose outputs begin at place. */
typedef struct Part
{
	size_t		from;
	size_t		n;
	size_t		place;
	int			group;
	int			worker;
} Part;

static inline float *
output(const Fit *fit, int node, const Part *part)
{
	return fit->y[node] + part->place * fit->net->nodes[node].values;
}

static inline float *
gradient(const Fit *fit, int node, const Part *part)
{
	return fit->g[node] + part->place * fit->net->nodes[node].values;
}

static inline float *
scratch_of(const Fit *fit, int worker)
{
	return fit->scratch + worker * fit->per_worker;
}

/* ---- pictures */

static void
floats_of(const Fit *fit, const uint8_t *bytes, float *out)
{
	const PixelsInput *input = fit->input;
	const size_t channels = fit->net->nodes[0].channels;
	const size_t n = fit->net->nodes[0].values;

	if (!fit->rows->floats)
	{
		pixels_input_floats(input, bytes, false, out);
		return;
	}
	memcpy(out, bytes, n * sizeof(float));
	for (size_t i = 0; i < n; i++)
	{
		size_t		c = i % channels < 3 ? i % channels : 2;

		out[i] = (out[i] * input->scale - input->mean[c]) / input->std[c];
	}
}

static bool
is_changing(const PixelsChange *change)
{
	return change->moves || change->colors || change->erase[2] > change->erase[0];
}

/* Picture i of the batch, changed at random in training. */
static void
picture(const Fit *fit, size_t i, int worker, float *out)
{
	const NetNode *in = &fit->net->nodes[0];
	const uint8_t *bytes = fit->staged + i * fit->row_bytes;

	if (fit->training && !fit->rows->floats)
	{
		EcmlRng		rng = ecml_rng_stream(&fit->changes, i);
		PixelsChange change;

		memset(&change, 0, sizeof(change));
		pixels_augment_draw(&fit->params->augment, in->width, in->height, in->channels, &rng, &change);
		if (is_changing(&change))
		{
			uint8_t    *changed = (uint8_t *) (scratch_of(fit, worker) + fit->at_mixed +
											   (fit->params->mixup > 0 ? in->values : 0));

			pixels_change(&change, in->width, in->height, in->channels, bytes, changed);
			bytes = changed;
		}
	}
	floats_of(fit, bytes, out);
}

static inline size_t
partner_of(const Fit *fit, size_t i)
{
	return (i + fit->partner) % fit->images;
}

static void
op_input(const Fit *fit, const Part *part)
{
	const size_t values = fit->net->nodes[0].values;
	float	   *out = output(fit, 0, part);

	for (size_t k = 0; k < part->n; k++, out += values)
	{
		size_t		i = part->from + k;

		picture(fit, i, part->worker, out);
		if (fit->training && fit->lambda < 1 && partner_of(fit, i) != i)
		{
			float	   *other = scratch_of(fit, part->worker) + fit->at_mixed;
			float		lambda = (float) fit->lambda;

			picture(fit, partner_of(fit, i), part->worker, other);
			for (size_t v = 0; v < values; v++)
				out[v] = lambda * out[v] + (1 - lambda) * other[v];
		}
	}
}

/* ---- loss */

static float
weight_of(const Fit *fit, int label)
{
	return fit->training && fit->rows->class_weight ? fit->rows->class_weight[label] : 1;
}

/* The loss of a class's probability is bounded: 1e-7 as Keras has it. */
static double
log_of(float p)
{
	return log(p > 1e-7f ? (double) p : 1e-7);
}

static void
loss_of_classes(const Fit *fit, size_t i, const float *y, float *dy)
{
	const int	nclasses = fit->rows->nclasses;
	const bool	one = fit->net->nodes[fit->net->n - 1].values == 1;
	const int	label = fit->rows->label[fit->order[i]];
	const double smooth = fit->training ? fit->params->label_smoothing : 0;
	double		own = 1;
	int			other = label;
	float		weight = weight_of(fit, label);
	double		loss = 0;
	int			best = 0;

	if (fit->training && fit->lambda < 1)
	{
		own = fit->lambda;
		other = fit->rows->label[fit->order[partner_of(fit, i)]];
		weight = (float) (own * weight + (1 - own) * weight_of(fit, other));
	}
	if (one)
	{
		double		target = (own * label + (1 - own) * other) * (1 - smooth) + smooth / 2;

		loss = -target * log_of(y[0]) - (1 - target) * log_of(1 - y[0]);
		best = y[0] >= 0.5f;
		if (dy)
			dy[0] = (float) ((y[0] - target) * weight / fit->images);
	}
	else
		for (int c = 0; c < nclasses; c++)
		{
			double		target = ((c == label) * own + (c == other) * (1 - own)) * (1 - smooth) + smooth / nclasses;

			if (target > 0)
				loss -= target * log_of(y[c]);
			if (y[c] > y[best])
				best = c;
			if (dy)
				dy[c] = (float) ((y[c] - target) * weight / fit->images);
		}
	fit->loss[i] = loss * weight;
	fit->right[i] = best == (own >= 0.5 ? label : other);
}

static void
op_loss(const Fit *fit, const Part *part)
{
	const Network *net = fit->net;
	const NetNode *last = &net->nodes[net->n - 1];
	const float *y = output(fit, net->n - 1, part);
	float	   *dy = fit->training ? gradient(fit, net->n - 1, part) : NULL;

	for (size_t k = 0; k < part->n; k++, y += last->values)
	{
		size_t		i = part->from + k;
		float	   *slope = dy ? dy + k * last->values : NULL;

		if (fit->rows->nclasses > 0)
			loss_of_classes(fit, i, y, slope);
		else
		{
			float		target = fit->rows->y[fit->order[i]];
			float		away;

			if (fit->training && fit->lambda < 1)
				target = (float) (fit->lambda * target + (1 - fit->lambda) * fit->rows->y[fit->order[partner_of(fit, i)]]);
			away = y[0] - target;
			fit->loss[i] = (double) away * away;
			fit->right[i] = 0;
			if (slope)
				slope[0] = 2 * away / fit->images;
		}
	}
	if (dy && fit->rows->nclasses == 0 && last->activation != NET_LINEAR)
		op_activate_backward(last->activation, last->a, last->b, output(fit, last->inputs[0], part),
							 output(fit, net->n - 1, part), dy, part->n, 1);
}

/* ---- operations of a chain */

static void
op_dropout(const Fit *fit, int node, const Part *part, bool back)
{
	const NetNode *n = &fit->net->nodes[node];

	for (size_t k = 0; k < part->n; k++)
	{
		EcmlRng		rng = ecml_rng_stream(&fit->drops, ((uint64_t) node << 32) + part->from + k);

		if (back)
			op_drop(gradient(fit, node, part) + k * n->values, n->rate, &rng,
					gradient(fit, n->inputs[0], part) + k * n->values, n->values, fit->adds[fit->slot[node]]);
		else
			op_drop(output(fit, n->inputs[0], part) + k * n->values, n->rate, &rng, output(fit, node, part) + k * n->values,
					n->values, false);
	}
}

static void
run_op(const Fit *fit, const Op *op, const Part *part)
{
	const Network *net = fit->net;
	const int	i = op->node;
	const NetNode *node = &net->nodes[i];
	const size_t rows = part->n * node->height * node->width;
	const size_t c = node->channels;
	const Batch *b = &fit->normals[i];
	float	   *scratch = scratch_of(fit, part->worker);
	const float *in[NET_MAX_INPUTS];
	float	   *dx[NET_MAX_INPUTS];

	for (int k = 0; k < node->ninputs; k++)
	{
		in[k] = output(fit, node->inputs[k], part);
		dx[k] = fit->up[node->inputs[k]] && fit->training ? gradient(fit, node->inputs[k], part) : NULL;
	}
	switch (op->kind)
	{
		case OP_INPUT:
			op_input(fit, part);
			break;
		case OP_FORWARD:
			if (node->kind == NET_DROPOUT && fit->training && node->rate > 0)
			{
				op_dropout(fit, i, part, false);
				exec_activate(fit->exec, i, output(fit, i, part), part->n);
			}
			else if (fit->y[i] != fit->y[node->inputs[0]])
				exec_forward(fit->exec, i, in, output(fit, i, part), part->n, false, scratch);
			break;
		case OP_MOMENTS:
			op_moments(in[0], net->weights + node->weights + 2 * c, rows, c, b->sums + part->group * 4 * c,
					   b->sums + part->group * 4 * c + c);
			break;
		case OP_NORMALIZE:
			op_scale(in[0], b->normal + N_SCALE * c, b->normal + N_SHIFT * c, output(fit, i, part), rows, c);
			/* fall through */
		case OP_ACTIVATE:
			if (node->activation != NET_LINEAR)
				exec_activate(fit->exec, i, output(fit, i, part), part->n);
			break;
		case OP_LOSS:
			op_loss(fit, part);
			break;
		case OP_ACTIVATE_BACK:
		case OP_SLOPES:
			/* of the last node the loss has done it */
			if (node->activation != NET_LINEAR && i != net->n - 1)
				op_activate_backward(node->activation, node->a, node->b, NULL, output(fit, i, part), gradient(fit, i, part), rows, c);
			if (op->kind == OP_SLOPES)
				op_slopes(in[0], gradient(fit, i, part), b->normal + N_MEAN * c, rows, c, b->sums + part->group * 4 * c + 2 * c,
						  b->sums + part->group * 4 * c + 3 * c);
			break;
		case OP_SPREAD:
			op_spread(in[0], gradient(fit, i, part), b->normal + N_P * c, b->normal + N_Q * c, b->normal + N_R * c, dx[0], rows, c,
					  fit->adds[fit->slot[i]]);
			break;
		case OP_BACKWARD:
			if (node->kind == NET_DROPOUT && node->rate > 0)
			{
				if (node->activation != NET_LINEAR && i != net->n - 1)
					op_activate_backward(node->activation, node->a, node->b, NULL, output(fit, i, part), gradient(fit, i, part),
										 rows, c);
				if (dx[0])
					op_dropout(fit, i, part, true);
			}
			else if (fit->y[i] != fit->y[node->inputs[0]])
				exec_backward(fit->exec, i, in, output(fit, i, part), gradient(fit, i, part), i == net->n - 1, dx,
							  fit->adds + fit->slot[i],
							  fit->grouped_at[i] == SIZE_MAX ? NULL :
							  fit->grouped + part->group * fit->ngrouped + fit->grouped_at[i] - node->weights,
							  part->n, scratch);
			break;
	}
}

/* A group's pictures in this round. */
static void
chain_task(void *arg, size_t group, int worker)
{
	const Fit  *fit = arg;
	const Stage *stage = fit->stage;
	size_t		from = group * fit->images / fit->groups + fit->from;
	size_t		end = (group + 1) * fit->images / fit->groups;
	size_t		to = end < from + fit->span ? end : from + fit->span;

	if (fit->training && stage == fit->list->stages && fit->from == 0)
		memset(fit->grouped + group * fit->ngrouped, 0, fit->ngrouped * sizeof(float));
	for (size_t at = from; at < to; at += stage->chunk)
	{
		Part		part = {at, to - at < (size_t) stage->chunk ? to - at : (size_t) stage->chunk,
		fit->local ? (size_t) worker * fit->chunk : at, (int) group, worker};

		for (int k = 0; k < stage->nops; k++)
			run_op(fit, &fit->list->ops[stage->first + k], &part);
	}
}

static void
run_chain(Fit *fit, const Stage *stage)
{
	size_t		longest = (fit->images + fit->groups - 1) / fit->groups;
	double		fitting = TASK_WORK / (stage->work + 1);

	fit->stage = stage;
	fit->span = fitting < stage->chunk ? stage->chunk : fitting > longest ? longest : (size_t) fitting;
	if (fit->span > longest)
		fit->span = longest;
	for (fit->from = 0; fit->from < longest; fit->from += fit->span)
		ecml_parallel_for(fit->ctx, fit->groups, chain_task, fit);
}

/* ---- batch normalisation, by the leader */

static void
run_mean(Fit *fit, int i)
{
	const NetNode *node = &fit->net->nodes[i];
	const size_t c = node->channels;
	const double n = (double) fit->images * node->height * node->width;
	float	   *gamma = fit->net->weights + node->weights;
	Batch	   *b = &fit->normals[i];
	double		momentum = (1.0 + fit->step) / (10.0 + fit->step);

	if (momentum > node->momentum)
		momentum = node->momentum;
	for (size_t k = 0; k < c; k++)
	{
		double		sum = 0;
		double		square = 0;
		double		mean;
		double		away;
		double		variance;
		float	   *old = gamma + 2 * c + k;

		for (int g = 0; g < fit->groups; g++)
		{
			sum += b->sums[g * 4 * c + k];
			square += b->sums[g * 4 * c + c + k];
		}
		mean = sum / n;
		away = mean - *old;
		variance = square / n - away * away;
		if (variance < 0)
			variance = 0;
		b->normal[N_MEAN * c + k] = (float) mean;
		b->normal[N_INVERSE * c + k] = (float) (1 / sqrt(variance + node->epsilon));
		b->normal[N_SCALE * c + k] = gamma[k] * b->normal[N_INVERSE * c + k];
		b->normal[N_SHIFT * c + k] = gamma[c + k] - (float) mean * b->normal[N_SCALE * c + k];
		if (fit->gradient_only)
			continue;
		*old = (float) (momentum * *old + (1 - momentum) * mean);
		gamma[3 * c + k] = (float) (momentum * gamma[3 * c + k] + (1 - momentum) * variance);
	}
}

static void
run_slope(Fit *fit, int i)
{
	const NetNode *node = &fit->net->nodes[i];
	const size_t c = node->channels;
	const double n = (double) fit->images * node->height * node->width;
	const float *gamma = fit->net->weights + node->weights;
	Batch	   *b = &fit->normals[i];

	for (size_t k = 0; k < c; k++)
	{
		double		sum = 0;
		double		product = 0;
		double		inverse = b->normal[N_INVERSE * c + k];
		double		p = gamma[k] * inverse;
		double		q;

		for (int g = 0; g < fit->groups; g++)
		{
			sum += b->sums[g * 4 * c + 2 * c + k];
			product += b->sums[g * 4 * c + 3 * c + k];
		}
		q = -p * inverse * inverse * product / n;
		b->normal[N_P * c + k] = (float) p;
		b->normal[N_Q * c + k] = (float) q;
		b->normal[N_R * c + k] = (float) (-p * sum / n - q * b->normal[N_MEAN * c + k]);
		if (fit->direct[i])
		{
			fit->direct[i][k] = (float) (product * inverse);
			fit->direct[i][c + k] = (float) sum;
		}
	}
}

/* ---- dense layers of the whole batch */

static void
dense_task(void *arg, size_t i, int worker)
{
	const Fit  *fit = arg;
	const NetNode *node = &fit->net->nodes[fit->stage->node];
	const size_t k = fit->net->nodes[node->inputs[0]].channels;
	const size_t nr = fit->exec->g->nr;
	const size_t units = node->units;
	const float *w = fit->net->weights;

	gemm_plain(fit->exec->g, fit->images, k, fit->y[node->inputs[0]], k, w + node->weights, units, fit->y[fit->stage->node], units,
			   i * nr, (i + 1) * nr < units ? (i + 1) * nr : units, node->bias ? w + node->bias_at : NULL, false);
}

static void
dense_back_task(void *arg, size_t i, int worker)
{
	const Fit  *fit = arg;
	const int	number = fit->stage->node;
	const NetNode *node = &fit->net->nodes[number];
	const size_t k = fit->net->nodes[node->inputs[0]].channels;
	const size_t units = node->units;
	const size_t row = i * DENSE_ROWS;
	const size_t rows = k - row < DENSE_ROWS ? k - row : DENSE_ROWS;
	const size_t images = fit->images;
	const GemmKernel *g = fit->exec->g;

	if (fit->trained[number])
		gemm_transposed(g, rows, units, images, fit->y[node->inputs[0]] + row, k, fit->g[number], units,
						fit->direct[number] + row * units, units, false);
	if (fit->up[node->inputs[0]])
	{
		float	   *product = scratch_of(fit, worker);
		float	   *dx = fit->g[node->inputs[0]] + row;
		const bool	add = fit->adds[fit->slot[number]];

		gemm_packed(g, rows, images, units, fit->net->weights + node->weights + row * units, units, fit->packed, product, images,
					NULL, false);
		for (size_t image = 0; image < images; image++, dx += k)
			for (size_t r = 0; r < rows; r++)
				dx[r] = add ? dx[r] + product[r * images + image] : product[r * images + image];
	}
}

static void
run_dense_back(Fit *fit, int i)
{
	const NetNode *node = &fit->net->nodes[i];
	const size_t k = fit->net->nodes[node->inputs[0]].channels;
	const size_t units = node->units;

	if (fit->up[node->inputs[0]])
		gemm_pack(fit->exec->g, units, fit->images, fit->g[i], 1, units, fit->packed);
	if (fit->trained[i] && node->bias)
	{
		float	   *bias = fit->direct[i] + (node->bias_at - node->weights);

		memset(bias, 0, units * sizeof(float));
		for (size_t image = 0; image < fit->images; image++)
			op_add(fit->g[i] + image * units, bias, units);
	}
	ecml_parallel_for(fit->ctx, (k + DENSE_ROWS - 1) / DENSE_ROWS, dense_back_task, fit);
}

/* ---- a step */

void
fit_run(Fit *fit, size_t images, bool training)
{
	const StageList *list = training ? &fit->train : &fit->test;

	fit->images = images;
	fit->training = training;
	fit->list = list;
	fit->rows->fetch(fit->rows->arg, fit->order, images, fit->staged);
	for (int i = 1; training && i < fit->net->n; i++)
		if (fit->normals[i].sums)
			memset(fit->normals[i].sums, 0, sizeof(double) * 4 * fit->net->nodes[i].channels * fit->groups);
	for (int s = 0; s < list->n; s++)
	{
		const Stage *stage = &list->stages[s];

		fit->stage = stage;
		switch (stage->kind)
		{
			case STAGE_CHAIN:
				run_chain(fit, stage);
				break;
			case STAGE_MEAN:
				run_mean(fit, stage->node);
				break;
			case STAGE_SLOPE:
				run_slope(fit, stage->node);
				break;
			case STAGE_DENSE:
				ecml_parallel_for(fit->ctx, (fit->net->nodes[stage->node].units + fit->exec->g->nr - 1) / fit->exec->g->nr,
								  dense_task, fit);
				break;
			case STAGE_DENSE_BACK:
				run_dense_back(fit, stage->node);
				break;
		}
	}
}
