/*
 * kmeans_iterate.c - Lloyd's iterations (Lloyd 1982), with Hamerly's bounds (2010) where they pay
 *
 * Each iteration gives every row to its nearest centroid and moves every centroid to the mean of its rows.  For large k two
 * bounds are kept for each row, on the distance to its own centroid and to the next one; as long as the first is below the
 * second, the row need not be looked at.  The bounds are wide enough for all rounding, ties included, so that the labels are
 * the same with and without them.  The sums are made anew in each iteration, never updated by what changed: rounding
 * cannot build up, and the result is the same bits on either way.
 *
 * Cost of an iteration: rows * k * columns multiplications at most, with bounds a fraction of it after the first few
 * iterations.  Memory: 12 bytes a row for the bounds, given up when they do not fit the budget.
 *
 * A cluster that loses all its rows gets the row that is farthest from its centroid (the next such cluster the second
 * farthest, ...), as scikit-learn does; equal distances: the lower row number.
 */
#include "kmeans_internal.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* below this many multiplications a row, bounds cost more than they save */
#define BOUNDS_WORK 96

/* up to this many, a group of blocks is one task; above, labels are found in smaller tasks */
#define FUSED_WORK 4096

/* sums [k][pad] up to this size are kept four times in a task */
#define COPIES_SIZE 512

#define SLICE 64				/* columns summed by a task, when labels and sums are apart; a multiple of 8 */

typedef struct Step
{
	const KmeansKernels *kernels;
	int			k;
	int			columns;
	size_t		pad;
	const float *centroids;		/* [k][columns] */
	KmeansPass *pass;			/* width: sums [k][pad], then sizes [k] */
	KmeansScratch *scratch;		/* [workers] */
	int			pack;			/* rows that scratch.packed holds */
	bool		copies;
	size_t		chunk;			/* rows a labelling task takes, a divisor of ECML_BLOCK_ROWS; fused: all of them */
	int32_t    *batch_label;	/* [capacity][ECML_BLOCK_ROWS], when neither fused nor bounded */
	/* bounds, [nblocks][ECML_BLOCK_ROWS]; NULL without them */
	int32_t    *label;
	float	   *upper;
	float	   *lower;
	bool		fresh;			/* they hold nothing yet */
	float	   *move;			/* [k] how far each centroid moved, rounded up */
	int			mover;			/* the one that moved most */
	float		most;
	float		second;			/* how far any other one moved */
} Step;

/* Distances from their squares, with all rounding of theirs and of later sums on the safe side. */
static void
set_bounds(const Step *step, float best, float second, float *upper, float *lower)
{
	/* summing a squared distance rounds it by (columns + 3) units at most, so its root by half of that */
	float		slack = (float) ((step->columns + 16) * KMEANS_UNIT);
	float		l = sqrtf(second) * (1.0f - slack) - 1e-18f;

	*upper = sqrtf(best) * (1.0f + slack) + 1e-18f;
	*lower = l < 1.8e19f ? l : 1.8e19f;
}

/* Label rows offset .. offset+n-1 of block number b (in the data); where the labels are is returned, [n]. */
static const int32_t *
label_rows(Step *step, size_t b, const EcmlBlock *block, int offset, int n, KmeansScratch *s, int32_t *label)
{
	const KmeansKernels *kernels = step->kernels;
	const float *x = ECML_BLOCK_F4(block, 0) + offset;
	size_t		base = b * ECML_BLOCK_ROWS + offset;
	float	   *upper;
	float	   *lower;
	int			found;

	if (step->upper == NULL)
	{
		kernels->nearest(x, block->stride, n, step->columns, step->centroids, step->k, s->tile, label, s->best, NULL);
		return label;
	}
	label = step->label + base;
	upper = step->upper + base;
	lower = step->lower + base;
	if (step->fresh)
	{
		kernels->nearest(x, block->stride, n, step->columns, step->centroids, step->k, s->tile, label, s->best, s->second);
		for (int i = 0; i < n; i++)
			set_bounds(step, s->best[i], s->second[i], &upper[i], &lower[i]);
		return label;
	}
	found = kernels->filter(n, label, upper, lower, step->move, step->mover, step->most, step->second, s->list);
	for (int from = 0; from < found; from += step->pack)
	{
		const int32_t *list = s->list + from;
		int			m = found - from < step->pack ? found - from : step->pack;
		int			rounded = (m + 15) / 16 * 16;

		for (int j = 0; j < step->columns; j++)
		{
			const float *column = x + (size_t) j * block->stride;
			float	   *packed = s->packed + (size_t) j * step->pack;

			for (int i = 0; i < m; i++)
				packed[i] = column[list[i]];
			for (int i = m; i < rounded; i++)
				packed[i] = 0;
		}
		kernels->nearest(s->packed, step->pack, m, step->columns, step->centroids, step->k, s->tile,
						 s->label, s->best, s->second);
		for (int i = 0; i < m; i++)
		{
			label[list[i]] = s->label[i];
			set_bounds(step, s->best[i], s->second[i], &upper[list[i]], &lower[list[i]]);
		}
	}
	return label;
}

/* Row i adds its weight to copy i % 4 of the sizes. */
static void
add_sizes(const int32_t *label, const double *w, int n, double *sizes, size_t copy)
{
	double	   *size1 = sizes + copy;
	double	   *size2 = size1 + copy;
	double	   *size3 = size2 + copy;
	int			i = 0;

	if (w == NULL)
		for (; i + 4 <= n; i += 4)
		{
			sizes[label[i]] += 1.0;
			size1[label[i + 1]] += 1.0;
			size2[label[i + 2]] += 1.0;
			size3[label[i + 3]] += 1.0;
		}
	for (; i < n; i++)
		sizes[(i & 3) * copy + label[i]] += w ? w[i] : 1.0;
}

/* Add a block's columns from .. to-1 to a slot; the sizes with column 0. */
static void
add_block(Step *step, const EcmlBlock *block, const int32_t *label, int from, int to, KmeansScratch *s, double *slot)
{
	size_t		sums = step->k * step->pad;
	const float *x = ECML_BLOCK_F4(block, 0);

	if (!step->copies)
	{
		step->kernels->add(x, block->stride, block->rows, from, to, label, block->w, slot, step->pad, 0);
		if (from == 0)
			add_sizes(label, block->w, block->rows, slot + sums, 0);
		return;
	}
	memset(s->sums, 0, 4 * (sums + step->k) * sizeof(double));
	step->kernels->add(x, block->stride, block->rows, from, to, label, block->w, s->sums, step->pad, sums);
	add_sizes(label, block->w, block->rows, s->sums + 4 * sums, step->k);
	for (size_t i = 0; i < sums; i++)
		slot[i] += (s->sums[i] + s->sums[sums + i]) + (s->sums[2 * sums + i] + s->sums[3 * sums + i]);
	for (size_t c = 0, k = step->k; c < k; c++)
	{
		const double *size = s->sums + 4 * sums + c;

		slot[sums + c] += (size[0] + size[k]) + (size[2 * k] + size[3 * k]);
	}
}

/* task: one group of blocks, labels and sums */
static void
fused_task(void *arg, size_t slot, int worker)
{
	Step	   *step = arg;
	KmeansPass *pass = step->pass;
	KmeansScratch *s = &step->scratch[worker];
	size_t		from;
	size_t		to;

	kmeans_pass_range(pass, slot, &from, &to);
	for (size_t b = from; b < to; b++)
	{
		const EcmlBlock *block = &pass->batch[b];
		const int32_t *label = label_rows(step, pass->first + b, block, 0, block->rows, s, s->label);

		add_block(step, block, label, 0, step->columns, s, pass->slot[slot]);
	}
}

/* task: labels of one chunk of rows */
static void
label_task(void *arg, size_t i, int worker)
{
	Step	   *step = arg;
	KmeansPass *pass = step->pass;
	size_t		b = i / (ECML_BLOCK_ROWS / step->chunk);
	int			offset = (int) (i % (ECML_BLOCK_ROWS / step->chunk) * step->chunk);
	const EcmlBlock *block = &pass->batch[b];
	int			n = block->rows - offset < (int) step->chunk ? block->rows - offset : (int) step->chunk;

	if (n > 0)
		label_rows(step, pass->first + b, block, offset, n, &step->scratch[worker],
				   step->upper ? NULL : step->batch_label + b * ECML_BLOCK_ROWS + offset);
}

/* task: sums of one slice of the columns, over one group of blocks */
static void
add_task(void *arg, size_t i, int worker)
{
	Step	   *step = arg;
	KmeansPass *pass = step->pass;
	size_t		slices = (step->columns + SLICE - 1) / SLICE;
	size_t		slot = i / slices;
	int			column = (int) (i % slices * SLICE);
	int			end = column + SLICE < step->columns ? column + SLICE : step->columns;
	size_t		from;
	size_t		to;

	kmeans_pass_range(pass, slot, &from, &to);
	for (size_t b = from; b < to; b++)
		add_block(step, &pass->batch[b],
				  step->upper ? step->label + (pass->first + b) * ECML_BLOCK_ROWS : step->batch_label + b * ECML_BLOCK_ROWS,
				  column, end, &step->scratch[worker], pass->slot[slot]);
}

static void
step_batch(EcmlCtx *ctx, KmeansPass *pass, void *arg)
{
	Step	   *step = arg;

	if (step->chunk == 0)
	{
		ecml_parallel_for(ctx, kmeans_pass_slots(pass), fused_task, step);
		return;
	}
	ecml_parallel_for(ctx, pass->got * (ECML_BLOCK_ROWS / step->chunk), label_task, step);
	ecml_parallel_for(ctx, kmeans_pass_slots(pass) * ((step->columns + SLICE - 1) / SLICE), add_task, step);
}

/* ---------------------------------------------------------------- empty clusters */

/* A row that an empty cluster may get */
typedef struct Far
{
	float		distance2;
	int32_t		label;
	size_t		row;
	double		w;
	float	   *x;				/* [columns] */
} Far;

typedef struct Farthest
{
	Step	   *step;
	size_t		chunk;
	int32_t    *label;			/* [capacity][ECML_BLOCK_ROWS] */
	float	   *best;			/* the same */
	Far		   *heap;			/* [wanted], the nearest of them on top */
	size_t		n;
	size_t		wanted;
} Farthest;

/* Is a to be preferred: farther, then the lower row? */
static bool
farther(const Far *a, const Far *b)
{
	return a->distance2 > b->distance2 || (a->distance2 == b->distance2 && a->row < b->row);
}

static void
sift_down(Far *heap, size_t n, size_t i)
{
	for (size_t child = 2 * i + 1; child < n; i = child, child = 2 * i + 1)
	{
		Far			swap = heap[i];

		if (child + 1 < n && farther(&heap[child], &heap[child + 1]))
			child++;
		if (!farther(&heap[i], &heap[child]))
			return;
		heap[i] = heap[child];
		heap[child] = swap;
	}
}

static void
farthest_task(void *arg, size_t i, int worker)
{
	Farthest   *farthest = arg;
	Step	   *step = farthest->step;
	size_t		per = ECML_BLOCK_ROWS / farthest->chunk;
	int			offset = (int) (i % per * farthest->chunk);
	const EcmlBlock *block = &step->pass->batch[i / per];
	int			n = block->rows - offset < (int) farthest->chunk ? block->rows - offset : (int) farthest->chunk;
	size_t		at = i / per * ECML_BLOCK_ROWS + offset;

	if (n > 0)
		step->kernels->nearest(ECML_BLOCK_F4(block, 0) + offset, block->stride, n, step->columns, step->centroids, step->k,
							   step->scratch[worker].tile, farthest->label + at, farthest->best + at, NULL);
}

static void
farthest_batch(EcmlCtx *ctx, KmeansPass *pass, void *arg)
{
	Farthest   *farthest = arg;

	ecml_parallel_for(ctx, pass->got * (ECML_BLOCK_ROWS / farthest->chunk), farthest_task, farthest);
	for (size_t b = 0; b < pass->got; b++)
	{
		const EcmlBlock *block = &pass->batch[b];

		ecml_poll(ctx, 0, 0);
		for (int i = 0; i < block->rows; i++)
		{
			Far			far = {
				.distance2 = farthest->best[b * ECML_BLOCK_ROWS + i],
				.label = farthest->label[b * ECML_BLOCK_ROWS + i],
				.row = block->first + i,
				.w = block->w ? block->w[i] : 1.0
			};

			if (far.distance2 == 0 || (farthest->n == farthest->wanted && !farther(&far, &farthest->heap[0])))
				continue;
			if (farthest->n < farthest->wanted)
			{
				Far		   *heap = farthest->heap;
				size_t		at = farthest->n++;

				far.x = heap[at].x;
				for (; at > 0 && farther(&heap[(at - 1) / 2], &far); at = (at - 1) / 2)
					heap[at] = heap[(at - 1) / 2];
				heap[at] = far;
			}
			else
			{
				far.x = farthest->heap[0].x;
				farthest->heap[0] = far;
				sift_down(farthest->heap, farthest->n, 0);
			}
			for (int j = 0; j < farthest->step->columns; j++)
				far.x[j] = ECML_BLOCK_F4(block, j)[i];
		}
	}
}

/* Give each empty cluster a row of its own: total is what the pass summed, and is changed. */
static void
relocate(EcmlCtx *ctx, Step *step, size_t empty, double *total)
{
	double	   *size = total + step->k * step->pad;
	Farthest	farthest = {.step = step,.wanted = empty + step->k};
	KmeansPass *sums_pass = step->pass;
	KmeansPass	pass;
	float	   *x;
	int			cluster = 0;

	kmeans_pass_open(ctx, &pass, sums_pass->data, 1, 0);
	step->pass = &pass;
	farthest.chunk = step->chunk > 0 ? step->chunk : ECML_BLOCK_ROWS;
	farthest.label = ECML_NEW(ctx, int32_t, pass.capacity * ECML_BLOCK_ROWS);
	farthest.best = ECML_NEW(ctx, float, pass.capacity * ECML_BLOCK_ROWS);
	farthest.heap = ECML_NEW(ctx, Far, farthest.wanted);
	x = ecml_alloc_array(ctx, farthest.wanted, step->columns * sizeof(float));
	for (size_t i = 0; i < farthest.wanted; i++)
		farthest.heap[i].x = x + i * step->columns;
	kmeans_pass_run(ctx, &pass, farthest_batch, &farthest, NULL);

	/* heap sort: the farthest first */
	for (size_t n = farthest.n; n > 1; n--)
	{
		Far			swap = farthest.heap[0];

		farthest.heap[0] = farthest.heap[n - 1];
		farthest.heap[n - 1] = swap;
		sift_down(farthest.heap, n - 1, 0);
	}
	for (size_t i = 0; i < farthest.n; i++)
	{
		const Far  *far = &farthest.heap[i];
		double	   *old = total + far->label * step->pad;
		double	   *new;

		while (cluster < step->k && size[cluster] > 0)
			cluster++;
		if (cluster == step->k)
			break;
		/* the last row of a cluster stays there */
		if (size[far->label] <= far->w * (1 + 1e-9))
			continue;
		new = total + cluster * step->pad;
		for (int j = 0; j < step->columns; j++)
		{
			old[j] -= far->w * far->x[j];
			new[j] = far->w * far->x[j];
		}
		size[far->label] -= far->w;
		size[cluster] = far->w;
	}
	ecml_free(ctx, x);
	ecml_free(ctx, farthest.heap);
	ecml_free(ctx, farthest.best);
	ecml_free(ctx, farthest.label);
	kmeans_pass_close(ctx, &pass);
	step->pass = sums_pass;
}

/* ---------------------------------------------------------------- the iterations */

/* Move the centroids to the means of their rows; the squared shift.  A cluster without rows stays. */
static double
move_centroids(const Step *step, const double *total, double *centroids)
{
	const double *size = total + step->k * step->pad;
	double		shift = 0;

	for (int c = 0; c < step->k; c++)
	{
		double	   *centroid = centroids + c * step->pad;

		if (size[c] <= 0)
			continue;
		for (int j = 0; j < step->columns; j++)
		{
			double		mean = total[c * step->pad + j] / size[c];

			shift += (mean - centroid[j]) * (mean - centroid[j]);
			centroid[j] = mean;
		}
	}
	return shift;
}

/* How far the float centroids moved, for the bounds; whether they moved at all. */
static bool
measure_moves(Step *step, const float *before, const float *after)
{
	bool		moved = false;

	step->mover = 0;
	step->most = step->second = 0;
	for (int c = 0; c < step->k; c++)
	{
		double		square = 0;
		float		move;

		for (int j = 0; j < step->columns; j++)
		{
			double		t = (double) after[(size_t) c * step->columns + j] - before[(size_t) c * step->columns + j];

			square += t * t;
		}
		moved |= square > 0;
		move = (float) (sqrt(square) * (1 + 1e-6));
		step->move[c] = move;
		if (move > step->most)
		{
			step->second = step->most;
			step->most = move;
			step->mover = c;
		}
		else if (move > step->second)
			step->second = move;
	}
	return moved;
}

/* Rows for a task of about half a millisecond: a power of two, so that it divides a block. */
static size_t
chunk_rows(size_t work)
{
	size_t		chunk = ECML_BLOCK_ROWS;

	while (chunk > KMEANS_TILE && chunk * work > (size_t) 1 << 24)
		chunk /= 2;
	return chunk;
}

/* Rows whose columns are packed at once. */
static int
pack_rows(int columns)
{
	int			rows = 1024;

	while (rows > KMEANS_TILE && (size_t) rows * columns > 32768)
		rows /= 2;
	return rows;
}

/* Blocks whose sums are added up before others are added to them. */
static size_t
group_blocks(int k)
{
	return k <= 4096 ? 4 : (size_t) (k + 1023) / 1024;
}

size_t
kmeans_scratch_bytes(int k, int columns)
{
	size_t		sums = KMEANS_PAD(columns) * k <= COPIES_SIZE ? 4 * (KMEANS_PAD(columns) * k + k) : 0;

	return ((size_t) columns * (KMEANS_TILE + pack_rows(columns)) + 4 * ECML_BLOCK_ROWS + 16) * sizeof(float) + sums * sizeof(double);
}

double
kmeans_iterate_bytes(int k, int columns)
{
	/* a slot of sums and the total, centroids twice; labels of a group; labels and distances of a block, to fill empty clusters */
	return 2.0 * k * (KMEANS_PAD(columns) + 1) * sizeof(double) + k * (2.0 * columns + 1) * sizeof(float) +
		((size_t) k * columns > FUSED_WORK ? (double) group_blocks(k) * ECML_BLOCK_ROWS * sizeof(int32_t) : 0) +
		ECML_BLOCK_ROWS * 2.0 * sizeof(float);
}

void
kmeans_iterate(EcmlCtx *ctx, EcmlData *data, int k, int max_iter, double threshold, double *centroids,
			   int *iterations, bool *converged)
{
	int			columns = data->columns;
	size_t		work = (size_t) k * columns;
	size_t		rows = data->nblocks * ECML_BLOCK_ROWS;
	int			workers = ecml_workers(ctx, SIZE_MAX);
	Step		step = {.kernels = kmeans_kernels(),.k = k,.columns = columns,.pad = KMEANS_PAD(columns),.fresh = true};
	KmeansPass	pass;
	double	   *total;
	float	   *current;
	float	   *next;

	kmeans_pass_open(ctx, &pass, data, group_blocks(k), k * step.pad + k);
	step.pass = &pass;
	step.copies = k * step.pad <= COPIES_SIZE;
	step.chunk = work <= FUSED_WORK ? 0 : chunk_rows(work);
	step.pack = pack_rows(columns);
	total = ECML_NEW(ctx, double, pass.width);
	current = ECML_NEW(ctx, float, work);
	next = ECML_NEW(ctx, float, work);
	step.move = ECML_NEW(ctx, float, k);
	step.scratch = kmeans_scratch(ctx, workers, columns, step.pack, step.copies ? 4 * (k * step.pad + k) : 0);
	if (step.chunk > 0)
		step.batch_label = ECML_NEW(ctx, int32_t, pass.capacity * ECML_BLOCK_ROWS);
	/* leave as much again for what else the fit needs */
	if (k > 1 && work >= BOUNDS_WORK && ecml_fits(ctx, rows * 12 + ((size_t) 1 << 20)))
	{
		step.label = ECML_NEW(ctx, int32_t, rows);
		step.upper = ECML_NEW(ctx, float, rows);
		step.lower = ECML_NEW(ctx, float, rows);
	}
	*converged = false;
	*iterations = 0;
	kmeans_to_float(centroids, k, columns, current);
	while (*iterations < max_iter && !*converged)
	{
		float	   *swap = current;
		size_t		empty = 0;
		double		shift;

		step.centroids = current;
		kmeans_pass_run(ctx, &pass, step_batch, &step, total);
		step.fresh = false;
		for (int c = 0; c < k; c++)
			empty += total[k * step.pad + c] == 0;
		if (empty > 0)
			relocate(ctx, &step, empty, total);
		shift = move_centroids(&step, total, centroids);
		kmeans_to_float(centroids, k, columns, next);
		*converged = !measure_moves(&step, current, next) || shift <= threshold;
		current = next;
		next = swap;
		++*iterations;
		ecml_poll(ctx, *iterations, max_iter);
	}
	ecml_free(ctx, step.lower);
	ecml_free(ctx, step.upper);
	ecml_free(ctx, step.label);
	ecml_free(ctx, step.batch_label);
	kmeans_scratch_free(ctx, step.scratch, workers);
	ecml_free(ctx, step.move);
	ecml_free(ctx, next);
	ecml_free(ctx, current);
	ecml_free(ctx, total);
	kmeans_pass_close(ctx, &pass);
}
