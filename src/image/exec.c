/*
 * exec.c - one node at a time, forward and backward; whole networks with memory that is used again
 *
 * A runner gives each node's output a place in one piece of memory and takes it again when the last reader is done (first fit), so
 * that a deep network needs little more than its two or three largest layers.
 *
 * Many pictures go through the layers a few at a time, so that what is between layers stays in cache; but where a dense layer has
 * more weights than that, the pictures wait before it, and its weights are read once for all of them.
 */
#include "exec.h"

#include <math.h>
#include <string.h>

#include "ops.h"

#define SHARED_WORK 2e7			/* of one node, from which on threads pay */
#define SHARED_PIXELS 256
#define WIDE (1 << 18)			/* weights of a dense layer before which pictures wait for each other */
#define TOGETHER 112			/* so many pictures: a multiple of every tile's rows that matters */
#define EARLY (64 * 1024)		/* numbers of the pictures that go through the layers before it at a time */
#define TASK_WORK 4e9			/* of a task at most */
#define DENSE_PARTS 8			/* of a dense layer with many weights, for one picture */
#define DENSE_SHARED (1 << 20)	/* so many */

static bool
is_conv(const NetNode *node)
{
	return node->kind == NET_CONV2D || (node->kind == NET_DENSE && node->height * node->width > 1);
}

static size_t
scratch_of(const Network *net, int i, const GemmKernel *g)
{
	const NetNode *node = &net->nodes[i];
	ConvShape	shape;
	size_t		n = 0;

	if (is_conv(node))
	{
		shape = conv_shape(node, &net->nodes[node->inputs[0]]);
		n = conv_scratch(&shape, g);
	}
	else if (node->kind == NET_BATCH_NORMALIZATION)
		n = 4 * (size_t) node->channels;
	else if (node->kind == NET_DENSE && node->nweights >= DENSE_SHARED)
		n = (size_t) DENSE_PARTS * node->units;
	return n;
}

size_t
exec_bytes(const Network *net, bool backward)
{
	const GemmKernel *g = gemm_kernel();
	size_t		total = 0;

	for (int i = 1; i < net->n; i++)
		if (is_conv(&net->nodes[i]))
		{
			ConvShape	shape = conv_shape(&net->nodes[i], &net->nodes[net->nodes[i].inputs[0]]);

			total += conv_forward_packed(&shape, g) + (backward ? conv_backward_packed(&shape, g) : 0);
		}
	return total * sizeof(float);
}

Exec *
exec_create(EcmlCtx *ctx, const Network *net, bool backward)
{
	Exec	   *exec = ECML_NEW0(ctx, Exec, 1);

	exec->net = net;
	exec->g = gemm_kernel();
	exec->nodes = ECML_NEW0(ctx, ExecNode, net->n);
	exec->bytes = exec_bytes(net, backward);
	for (int i = 1; i < net->n; i++)
	{
		ExecNode   *e = &exec->nodes[i];
		size_t		scratch = scratch_of(net, i, exec->g);
		size_t		n;

		if (scratch > exec->scratch)
			exec->scratch = scratch;
		if (!is_conv(&net->nodes[i]))
			continue;
		e->conv = true;
		e->shape = conv_shape(&net->nodes[i], &net->nodes[net->nodes[i].inputs[0]]);
		n = conv_forward_packed(&e->shape, exec->g);
		if (n > 0)
			e->forward = ECML_NEW(ctx, float, n);
		n = backward ? conv_backward_packed(&e->shape, exec->g) : 0;
		if (n > 0)
			e->backward = ECML_NEW(ctx, float, n);
		exec_pack(exec, i);
		ecml_poll(ctx, 0, 0);
	}
	exec->scratch += NET_SLACK;
	return exec;
}

void
exec_pack(const Exec *exec, int i)
{
	const ExecNode *e = &exec->nodes[i];
	const float *weights = exec->net->weights + exec->net->nodes[i].weights;

	if (e->forward)
		conv_pack_forward(&e->shape, exec->g, weights, e->forward);
	if (e->backward)
		conv_pack_backward(&e->shape, exec->g, weights, e->backward);
}

/* ---- forward */

void
exec_activate(const Exec *exec, int i, float *y, size_t images)
{
	const NetNode *node = &exec->net->nodes[i];

	op_activate(node->activation, node->a, node->b, y, images * node->height * node->width, node->channels);
}

typedef struct After
{
	const NetNode *node;
} After;

static void
activate_rows(void *arg, float *y, size_t n)
{
	const NetNode *node = ((After *) arg)->node;

	op_activate(node->activation, node->a, node->b, y, n, node->channels);
}

/* the numbers of a batch normalisation in prediction: y = x scale + shift; scratch [4][channels] */
static void
normal_numbers(const Network *net, const NetNode *node, float *scale, float *shift)
{
	const float *gamma = net->weights + node->weights;
	const size_t c = node->channels;

	for (size_t k = 0; k < c; k++)
	{
		scale[k] = gamma[k] / sqrtf(gamma[3 * c + k] + node->epsilon);
		shift[k] = gamma[c + k] - gamma[2 * c + k] * scale[k];
	}
}

static void
shapes_of(const Network *net, const NetNode *node, const NetNode **shapes)
{
	for (int k = 0; k < node->ninputs; k++)
		shapes[k] = &net->nodes[node->inputs[k]];
}

static void
conv_rows(const Exec *exec, int i, const float *x, float *y, size_t from, size_t to, bool linear, float *scratch)
{
	const Network *net = exec->net;
	const NetNode *node = &net->nodes[i];
	const ExecNode *e = &exec->nodes[i];
	After		after = {node};

	conv_forward(&e->shape, exec->g, x, net->weights + node->weights, e->forward,
				 node->bias ? net->weights + node->bias_at : NULL, y, from, to, scratch,
				 linear || node->activation == NET_LINEAR ? NULL : activate_rows, &after);
}

/*
 * One picture through rows from .. to of a dense layer's weights, added to y: bound by reading them, so rows of inputs that are 0,
 * as rectifiers leave many, are not read.
 */
ECML_CLONES static void
dense_rows(const float *x, const float *w, float *y, size_t from, size_t to, size_t units)
{
	while (from < to)
	{
		const float *row[4];
		float		v[4];
		int			n = 0;

		for (; from < to && n < 4; from++)
			if (x[from] != 0)
			{
				row[n] = w + from * units;
				v[n++] = x[from];
			}
		if (n == 4)
		{
#pragma omp simd
			for (size_t u = 0; u < units; u++)
				y[u] += v[0] * row[0][u] + v[1] * row[1][u] + v[2] * row[2][u] + v[3] * row[3][u];
		}
		else
			for (int k = 0; k < n; k++)
				for (size_t u = 0; u < units; u++)
					y[u] += v[k] * row[k][u];
	}
}

/* What y begins with. */
static void
dense_bias(const Network *net, const NetNode *node, float *y)
{
	if (node->bias)
		memcpy(y, net->weights + node->bias_at, node->units * sizeof(float));
	else
		memset(y, 0, node->units * sizeof(float));
}

void
exec_forward(const Exec *exec, int i, const float *const *in, float *y, size_t images, bool linear, float *scratch)
{
	const Network *net = exec->net;
	const NetNode *node = &net->nodes[i];
	const NetNode *shapes[NET_MAX_INPUTS];
	const size_t places = (size_t) node->height * node->width;

	shapes_of(net, node, shapes);
	if (exec->nodes[i].conv)
	{
		conv_rows(exec, i, in[0], y, 0, images * places, linear, scratch);
		return;
	}
	switch (node->kind)
	{
		case NET_DENSE:
			if (images == 1)
			{
				dense_bias(net, node, y);
				dense_rows(in[0], net->weights + node->weights, y, 0, shapes[0]->channels, node->units);
				break;
			}
			gemm_plain(exec->g, images, shapes[0]->channels, in[0], shapes[0]->channels, net->weights + node->weights,
					   node->units, y, node->units, 0, node->units, node->bias ? net->weights + node->bias_at : NULL, false);
			break;
		case NET_BATCH_NORMALIZATION:
			normal_numbers(net, node, scratch, scratch + node->channels);
			op_scale(in[0], scratch, scratch + node->channels, y, images * places, node->channels);
			break;
		case NET_MAX_POOLING2D:
		case NET_AVERAGE_POOLING2D:
			op_pool(node, shapes[0], in[0], y, images);
			break;
		case NET_GLOBAL_MAX_POOLING2D:
		case NET_GLOBAL_AVERAGE_POOLING2D:
			op_global_pool(node, shapes[0], in[0], y, images);
			break;
		case NET_ADD:
		case NET_MULTIPLY:
			op_combine(node, shapes, in, y, images);
			break;
		case NET_CONCATENATE:
			op_concatenate(node, shapes, in, y, images);
			break;
		default:
			if (y != in[0])
				memcpy(y, in[0], images * node->values * sizeof(float));
			break;
	}
	if (!linear && node->activation != NET_LINEAR)
		exec_activate(exec, i, y, images);
}

/* ---- backward */

static void
dense_backward(const Exec *exec, const NetNode *node, const NetNode *in, const float *x, const float *dy, float *dx, bool add,
			   float *dweights, size_t images)
{
	const Network *net = exec->net;
	const size_t k = in->channels;
	const size_t units = node->units;
	const float *w = net->weights + node->weights;

	if (dweights)
	{
		gemm_transposed(exec->g, k, units, images, x, k, dy, units, dweights + node->weights, units, true);
		for (size_t i = 0; node->bias && i < images; i++)
			op_add(dy + i * units, dweights + node->bias_at, units);
	}
	if (dx == NULL)
		return;
	/* rows of w with dy: few units, or the trainer would do it for all pictures at once */
	for (size_t i = 0; i < images; i++)
		for (size_t row = 0; row < k; row++)
		{
			float		sum = 0;

#pragma omp simd reduction(+:sum)
			for (size_t u = 0; u < units; u++)
				sum += w[row * units + u] * dy[i * units + u];
			dx[i * k + row] = add ? dx[i * k + row] + sum : sum;
		}
}

/* with the statistics of training, which stay */
static void
normal_backward(const Exec *exec, const NetNode *node, const float *x, const float *dy, float *dx, bool add, float *dweights,
				size_t images, float *scratch)
{
	const size_t c = node->channels;
	const size_t rows = images * node->height * node->width;
	float	   *zero = scratch + 2 * c;

	normal_numbers(exec->net, node, scratch, scratch + c);
	if (dweights)
	{
		const float *gamma = exec->net->weights + node->weights;
		float	   *dgamma = dweights + node->weights;

		for (size_t k = 0; k < c; k++)
			zero[k] = 1 / sqrtf(gamma[3 * c + k] + node->epsilon);
		for (size_t r = 0; r < rows; r++)
			for (size_t k = 0; k < c; k++)
			{
				dgamma[k] += dy[r * c + k] * (x[r * c + k] - gamma[2 * c + k]) * zero[k];
				dgamma[c + k] += dy[r * c + k];
			}
	}
	memset(zero, 0, c * sizeof(float));
	if (dx)
		op_spread(x, dy, scratch, zero, zero, dx, rows, c, add);
}

void
exec_backward(const Exec *exec, int i, const float *const *in, const float *y, float *dy, bool linear, float *const *dx,
			  const bool *add, float *dweights, size_t images, float *scratch)
{
	const Network *net = exec->net;
	const NetNode *node = &net->nodes[i];
	const ExecNode *e = &exec->nodes[i];
	const NetNode *shapes[NET_MAX_INPUTS];
	const size_t places = (size_t) node->height * node->width;

	shapes_of(net, node, shapes);
	if (!linear && node->activation != NET_LINEAR)
		op_activate_backward(node->activation, node->a, node->b, in[0], y, dy, images * places, node->channels);
	if (e->conv)
	{
		if (dweights)
			conv_backward_weights(&e->shape, exec->g, in[0], dy, dweights + node->weights,
								  node->bias ? dweights + node->bias_at : NULL, images, scratch);
		if (dx[0])
			conv_backward_data(&e->shape, exec->g, dy, net->weights + node->weights, e->backward, dx[0], images, add[0], scratch);
		return;
	}
	switch (node->kind)
	{
		case NET_DENSE:
			dense_backward(exec, node, shapes[0], in[0], dy, dx[0], add[0], dweights, images);
			break;
		case NET_BATCH_NORMALIZATION:
			normal_backward(exec, node, in[0], dy, dx[0], add[0], dweights, images, scratch);
			break;
		case NET_MAX_POOLING2D:
		case NET_AVERAGE_POOLING2D:
			if (dx[0])
				op_pool_backward(node, shapes[0], in[0], y, dy, dx[0], images, add[0]);
			break;
		case NET_GLOBAL_MAX_POOLING2D:
		case NET_GLOBAL_AVERAGE_POOLING2D:
			if (dx[0])
				op_global_pool_backward(node, shapes[0], in[0], y, dy, dx[0], images, add[0]);
			break;
		case NET_ADD:
		case NET_MULTIPLY:
			for (int k = 0; k < node->ninputs; k++)
				if (dx[k])
					op_combine_backward(node, shapes, in, k, dy, dx[k], images, add[k]);
			break;
		case NET_CONCATENATE:
			for (int k = 0; k < node->ninputs; k++)
				if (dx[k])
					op_concatenate_backward(node, shapes, k, dy, dx[k], images, add[k]);
			break;
		default:
			if (dx[0] && add[0])
				op_add(dy, dx[0], images * node->values);
			else if (dx[0] && dx[0] != dy)
				memcpy(dx[0], dy, images * node->values * sizeof(float));
			break;
	}
}

/* ---- whole networks */

/* is the output the input as it is? */
static bool
passes(const NetNode *node)
{
	return (node->kind == NET_FLATTEN || node->kind == NET_RESHAPE || node->kind == NET_DROPOUT) &&
		node->activation == NET_LINEAR;
}


/* A dense layer with many weights, such that what is behind it reads nothing from before it but what it reads; 0: none. */
static int
find_cut(const Network *net, const int *owner, int keep)
{
	for (int i = 2; i < net->n; i++)
	{
		const NetNode *node = &net->nodes[i];
		int			input = owner[node->inputs[0]];
		bool		alone = input > 0 && (keep < 0 || owner[keep] >= i || owner[keep] == input || owner[keep] == 0);

		if (node->kind != NET_DENSE || node->values != (size_t) node->units || node->nweights < WIDE)
			continue;
		for (int k = i + 1; alone && k < net->n; k++)
			for (int in = 0; in < net->nodes[k].ninputs; in++)
			{
				int			from = owner[net->nodes[k].inputs[in]];

				alone &= from >= i || from == input || from == 0;
			}
		return alone ? i : 0;
	}
	return 0;
}

/* Places for outputs: first fit among those that are not read any more. */
static void
find_places(EcmlCtx *ctx, Runner *runner, const Network *net)
{
	int		   *last = ECML_NEW(ctx, int, net->n);	/* of an owner: its last reader */
	int		   *owner = ECML_NEW(ctx, int, net->n);	/* whose place a node's output has */
	size_t	   *end = ECML_NEW(ctx, size_t, net->n);
	int			input;

	for (int i = 0; i < net->n; i++)
	{
		owner[i] = i > 0 && passes(&net->nodes[i]) ? owner[net->nodes[i].inputs[0]] : i;
		last[i] = i;
		for (int k = 0; k < net->nodes[i].ninputs; k++)
			last[owner[net->nodes[i].inputs[k]]] = i;
	}
	last[owner[net->n - 1]] = net->n;
	if (runner->keep >= 0)
		last[owner[runner->keep]] = net->n;
	runner->cut = find_cut(net, owner, runner->keep);
	input = runner->cut > 0 ? owner[net->nodes[runner->cut].inputs[0]] : 0;
	for (int i = 1; i < runner->cut; i++)
		runner->early[i] = owner[i] != input && owner[i] != 0;
	/* written for the pictures one after the other, while others are still at work before it */
	if (input > 0)
		last[input] = last[input] > runner->cut ? last[input] : runner->cut;
	for (int i = 1; i < net->n; i++)
	{
		size_t		from = 0;
		size_t	   *room = runner->early[i] ? &runner->early_room : &runner->room;
		bool		moved = true;

		ecml_poll(ctx, 0, 0);
		if (owner[i] != i)
		{
			runner->at[i] = runner->at[owner[i]];
			continue;
		}
		/* the lowest place that touches no living output */
		while (moved)
		{
			moved = false;
			for (int k = 1; k < i; k++)
				if (owner[k] == k && runner->early[k] == runner->early[i] && last[k] >= i &&
					runner->at[k] < from + net->nodes[i].values && from < end[k])
				{
					from = end[k];
					moved = true;
				}
		}
		runner->at[i] = from;
		end[i] = from + net->nodes[i].values;
		if (end[i] > *room)
			*room = end[i];
	}
	runner->few = EARLY / (runner->early_room + 1);
	runner->few = runner->few < 1 ? 1 : runner->few > 16 ? 16 : runner->few;
	/* the input stands elsewhere */
	for (int i = 0; i < net->n; i++)
		if (owner[i] == 0)
			runner->at[i] = SIZE_MAX;
	ecml_free(ctx, end);
	ecml_free(ctx, owner);
	ecml_free(ctx, last);
}

Runner *
runner_create(EcmlCtx *ctx, const Network *net, int keep)
{
	Runner	   *runner = ECML_NEW0(ctx, Runner, 1);

	runner->exec = exec_create(ctx, net, false);
	runner->at = ECML_NEW0(ctx, size_t, net->n);
	runner->early = ECML_NEW0(ctx, bool, net->n);
	runner->keep = keep;
	find_places(ctx, runner, net);
	return runner;
}

size_t
runner_batch(const Runner *runner)
{
	const Network *net = runner->exec->net;
	double		work = 1;
	double		most;

	if (runner->cut == 0)
		return runner->room > 16384 ? 1 : runner->room > 4096 ? 4 : 16;
	for (int i = 1; i < net->n; i++)
		work += net->nodes[i].work;
	most = TASK_WORK / work;
	return most < 1 ? 1 : most > TOGETHER ? TOGETHER : (size_t) most;
}

/* between scratch memory and outputs there is slack, as behind them */
size_t
runner_floats(const Runner *runner, size_t images)
{
	return runner->exec->scratch + runner->early_room * runner->few + runner->room * images + NET_SLACK;
}

/* The outputs of a node, of the pictures from the first of those at hand on. */
static inline float *
place_of(const Runner *runner, int node, size_t images, size_t first, float *memory, const float *x)
{
	const NetNode *n = &runner->exec->net->nodes[node];

	if (runner->at[node] == SIZE_MAX)
		return (float *) x + first * n->values;
	memory += runner->exec->scratch;
	if (runner->early[node])
		return memory + runner->at[node] * runner->few;
	return memory + runner->early_room * runner->few + runner->at[node] * images + first * n->values;
}

typedef struct Share
{
	const Runner *runner;
	int			node;
	const float *x;
	float	   *y;
	size_t		pixels;
	size_t		part;			/* of a task: whole rows */
	float	   *scratch;		/* of all workers */
} Share;

static void
share_task(void *arg, size_t i, int worker)
{
	const Share *share = arg;
	size_t		from = i * share->part;
	size_t		to = from + share->part < share->pixels ? from + share->part : share->pixels;

	conv_rows(share->runner->exec, share->node, share->x, share->y, from, to, false,
			  share->scratch + worker * share->runner->exec->scratch);
}

typedef struct Parts
{
	const Network *net;
	const NetNode *node;
	const float *x;
	float	   *sums;			/* [DENSE_PARTS][units] */
} Parts;

static void
part_task(void *arg, size_t i, int worker)
{
	const Parts *parts = arg;
	const NetNode *node = parts->node;
	const size_t k = parts->net->nodes[node->inputs[0]].channels;
	float	   *y = parts->sums + i * node->units;

	memset(y, 0, node->units * sizeof(float));
	dense_rows(parts->x, parts->net->weights + node->weights, y, i * k / DENSE_PARTS, (i + 1) * k / DENSE_PARTS, node->units);
}

/* The same sums, whether threads share them or not. */
static void
run_parts(const Exec *exec, EcmlCtx *ctx, int i, const float *x, float *y, float *scratch)
{
	const NetNode *node = &exec->net->nodes[i];
	Parts		parts = {exec->net, node, x, scratch};

	if (ctx && ctx->threads > 1)
		ecml_parallel_for(ctx, DENSE_PARTS, part_task, &parts);
	else
		for (size_t k = 0; k < DENSE_PARTS; k++)
			part_task(&parts, k, 0);
	dense_bias(exec->net, node, y);
	for (int k = 0; k < DENSE_PARTS; k++)
		op_add(scratch + (size_t) k * node->units, y, node->units);
	exec_activate(exec, i, y, 1);
}

/* Nodes from .. to for pictures first .. first + n of images; ctx: of one picture, by the leader. */
static void
run_nodes(const Runner *runner, EcmlCtx *ctx, const float *x, size_t images, size_t first, size_t n, int from, int to, float *memory,
		  float **scratches)
{
	const Exec *exec = runner->exec;
	const Network *net = exec->net;

	for (int i = from; i < to; i++)
	{
		const NetNode *node = &net->nodes[i];
		const float *in[NET_MAX_INPUTS];
		float	   *y = place_of(runner, i, images, first, memory, x);

		if (passes(node))
			continue;
		for (int k = 0; k < node->ninputs; k++)
			in[k] = place_of(runner, node->inputs[k], images, first, memory, x);
		if (ctx && ctx->threads > 1 && exec->nodes[i].conv && node->work >= SHARED_WORK &&
			(size_t) node->height * node->width >= 2 * SHARED_PIXELS)
		{
			/* an even number, as squares of winograd.c need not be made twice then */
			size_t		rows = ((SHARED_PIXELS + node->width - 1) / node->width + 1) / 2 * 2;
			Share		share = {runner, i, in[0], y, (size_t) node->height * node->width, rows * node->width};

			if (*scratches == NULL)
				*scratches = ECML_NEW(ctx, float, exec->scratch * ctx->threads);
			share.scratch = *scratches;
			ecml_parallel_for(ctx, (node->height + rows - 1) / rows, share_task, &share);
			continue;
		}
		if (n == 1 && !exec->nodes[i].conv && node->kind == NET_DENSE && node->nweights >= DENSE_SHARED)
			run_parts(exec, ctx, i, in[0], y, memory);
		else
			exec_forward(exec, i, in, y, n, false, memory);
		if (ctx)
			ecml_poll(ctx, 0, 0);
	}
}

static const float *
run(const Runner *runner, EcmlCtx *ctx, const float *x, size_t images, float *memory)
{
	const int	n = runner->exec->net->n;
	float	   *scratches = NULL;

	for (size_t first = 0; runner->cut > 0 && first < images; first += runner->few)
		run_nodes(runner, ctx, x, images, first, images - first < runner->few ? images - first : runner->few, 1, runner->cut, memory,
				  &scratches);
	run_nodes(runner, ctx, x, images, 0, images, runner->cut > 0 ? runner->cut : 1, n, memory, &scratches);
	if (scratches)
		ecml_free(ctx, scratches);
	return place_of(runner, n - 1, images, 0, memory, x);
}

const float *
runner_run(const Runner *runner, const float *x, size_t images, float *memory)
{
	return run(runner, NULL, x, images, memory);
}

const float *
runner_run_one(const Runner *runner, EcmlCtx *ctx, const float *x, float *memory)
{
	return run(runner, ctx, x, 1, memory);
}

const float *
runner_kept(const Runner *runner, size_t images, const float *memory, const float *x)
{
	return place_of(runner, runner->keep, images, 0, (float *) memory, x);
}
