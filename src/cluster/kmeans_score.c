/*
 * kmeans_score.c - labels, inertia, sizes and silhouette of a clustering
 *
 * Labels are those of double precision, as kmeans_assign gives them: the float kernel finds the nearest centroid and the
 * second one, and where the two are closer than rounding can tell, the row is looked at again in double.  The squared
 * distances are then summed in double.  Cost: rows * k * columns, at the speed of the float kernel.
 *
 * The silhouette (Rousseeuw 1987) of a row is (b - a) / max(a, b), with a its mean distance to the other rows of its
 * cluster, b the least mean distance to the rows of another one, and 0 when it is alone in its cluster.  Cost:
 * sample * sample * columns.
 */
#include "kmeans_internal.h"

#include <math.h>
#include <string.h>

#define SLICE 64				/* columns that a task sums, when labels are found apart */
#define FUSED_WORK 4096

typedef struct Score
{
	const KmeansKernels *kernels;
	KmeansPass *pass;			/* width: sizes [k], inertia [slices] */
	int			k;
	int			columns;
	size_t		pad;
	size_t		slices;
	const double *centroids;	/* [k][pad] */
	const float *rounded;		/* [k][columns] */
	double		slack;			/* how far rounding moved a centroid, at most */
	size_t		chunk;			/* rows of a labelling task; 0: labels and sums in one task */
	int32_t    *batch_label;	/* [capacity][ECML_BLOCK_ROWS], unless chunk is 0 */
	KmeansScratch *scratch;
	double	  **x;				/* [workers][columns] */
} Score;

int
kmeans_nearest_exact(const double *centroids, int k, int columns, size_t pad, const double *x, double *distance2)
{
	double		least = INFINITY;
	int			nearest = 0;

	for (int c = 0; c < k; c++)
	{
		const double *centroid = centroids + c * pad;
		double		s = 0;

		for (int j = 0; j < columns; j++)
			s += (x[j] - centroid[j]) * (x[j] - centroid[j]);
		if (s < least)
		{
			least = s;
			nearest = c;
		}
	}
	if (distance2)
		*distance2 = least;
	return nearest;
}

static void
label_rows(Score *score, const EcmlBlock *block, int offset, int n, int worker, int32_t *label)
{
	KmeansScratch *s = &score->scratch[worker];
	const float *x = ECML_BLOCK_F4(block, 0) + offset;
	double		relative = (score->columns + 16) * KMEANS_UNIT;
	double	   *row = score->x[worker];

	score->kernels->nearest(x, block->stride, n, score->columns, score->rounded, score->k, s->tile, label, s->best, s->second);
	for (int i = 0; i < n; i++)
	{
		/* squares first: most rows are far from any doubt */
		if (s->best[i] * 1.5f < s->second[i] && s->second[i] < 1e37f && score->slack * score->slack < 1e-4 * s->second[i])
			continue;
		if (sqrt(s->best[i]) * (1 + relative) + score->slack < sqrt(s->second[i]) * (1 - relative) - score->slack)
			continue;
		for (int j = 0; j < score->columns; j++)
			row[j] = x[(size_t) j * block->stride + i];
		label[i] = kmeans_nearest_exact(score->centroids, score->k, score->columns, score->pad, row, NULL);
	}
}

/* Add the columns of one slice of a block; the sizes with the first slice. */
static void
score_block(Score *score, const EcmlBlock *block, const int32_t *label, size_t slice, double *slot)
{
	int			from = (int) (slice * SLICE);
	int			n = score->columns - from < SLICE ? score->columns - from : SLICE;

	slot[score->k + slice] += score->kernels->inertia(ECML_BLOCK_F4(block, from), block->stride, block->rows, n, label,
													  block->w, score->centroids + from, score->pad);
	if (slice > 0)
		return;
	if (block->w)
		for (int i = 0; i < block->rows; i++)
			slot[label[i]] += block->w[i];
	else
		for (int i = 0; i < block->rows; i++)
			slot[label[i]] += 1.0;
}

static void
fused_task(void *arg, size_t slot, int worker)
{
	Score	   *score = arg;
	int32_t    *label = score->scratch[worker].label;
	size_t		from;
	size_t		to;

	kmeans_pass_range(score->pass, slot, &from, &to);
	for (size_t b = from; b < to; b++)
	{
		const EcmlBlock *block = &score->pass->batch[b];

		label_rows(score, block, 0, block->rows, worker, label);
		for (size_t slice = 0; slice < score->slices; slice++)
			score_block(score, block, label, slice, score->pass->slot[slot]);
	}
}

static void
label_task(void *arg, size_t i, int worker)
{
	Score	   *score = arg;
	size_t		per = ECML_BLOCK_ROWS / score->chunk;
	int			offset = (int) (i % per * score->chunk);
	const EcmlBlock *block = &score->pass->batch[i / per];
	int			n = block->rows - offset < (int) score->chunk ? block->rows - offset : (int) score->chunk;

	if (n > 0)
		label_rows(score, block, offset, n, worker, score->batch_label + i / per * ECML_BLOCK_ROWS + offset);
}

static void
sum_task(void *arg, size_t i, int worker)
{
	Score	   *score = arg;
	size_t		slot = i / score->slices;
	size_t		from;
	size_t		to;

	(void) worker;
	kmeans_pass_range(score->pass, slot, &from, &to);
	for (size_t b = from; b < to; b++)
		score_block(score, &score->pass->batch[b], score->batch_label + b * ECML_BLOCK_ROWS, i % score->slices,
					score->pass->slot[slot]);
}

static void
score_batch(EcmlCtx *ctx, KmeansPass *pass, void *arg)
{
	Score	   *score = arg;

	if (score->chunk == 0)
	{
		ecml_parallel_for(ctx, kmeans_pass_slots(pass), fused_task, score);
		return;
	}
	ecml_parallel_for(ctx, pass->got * (ECML_BLOCK_ROWS / score->chunk), label_task, score);
	ecml_parallel_for(ctx, kmeans_pass_slots(pass) * score->slices, sum_task, score);
}

double *
kmeans_padded(EcmlCtx *ctx, const KmeansModel *model)
{
	size_t		pad = KMEANS_PAD(model->columns);
	double	   *centroids = ecml_zalloc_array(ctx, model->k, pad * sizeof(double));

	for (size_t c = 0; c < (size_t) model->k; c++)
		memcpy(centroids + c * pad, model->centroids + c * model->columns, model->columns * sizeof(double));
	return centroids;
}

/* Make ready for labelling; apart: into labels of the batch, whatever the work is. */
static void
open_score(EcmlCtx *ctx, Score *score, KmeansPass *pass, EcmlData *data, const double *centroids, int k, bool apart)
{
	int			columns = data->columns;
	size_t		work = (size_t) k * columns;
	int			workers = ecml_workers(ctx, SIZE_MAX);
	float	   *rounded = ECML_NEW(ctx, float, work);
	double		largest = 0;

	*score = (Score) {.kernels = kmeans_kernels(),.k = k,.columns = columns,.pad = KMEANS_PAD(columns),
	.slices = (columns + SLICE - 1) / SLICE,.centroids = centroids,.rounded = rounded,.pass = pass};
	kmeans_to_float(centroids, k, columns, rounded);
	for (int c = 0; c < k; c++)
	{
		double		norm2 = 0;

		for (int j = 0; j < columns; j++)
			norm2 += centroids[c * score->pad + j] * centroids[c * score->pad + j];
		largest = norm2 > largest ? norm2 : largest;
	}
	score->slack = sqrt(largest) * 2 * KMEANS_UNIT + 1e-18;
	kmeans_pass_open(ctx, pass, data, k <= 4096 ? 4 : (size_t) (k + 1023) / 1024, apart ? 0 : k + score->slices);
	score->scratch = kmeans_scratch(ctx, workers, columns, 0, 0);
	score->x = ECML_NEW(ctx, double *, workers);
	for (int i = 0; i < workers; i++)
		score->x[i] = ECML_NEW(ctx, double, columns);
	if (apart || work > FUSED_WORK)
	{
		for (score->chunk = ECML_BLOCK_ROWS; score->chunk > KMEANS_TILE && score->chunk * work > (size_t) 1 << 24;)
			score->chunk /= 2;
		score->batch_label = ECML_NEW(ctx, int32_t, pass->capacity * ECML_BLOCK_ROWS);
	}
}

static void
close_score(EcmlCtx *ctx, Score *score)
{
	int			workers = ecml_workers(ctx, SIZE_MAX);

	ecml_free(ctx, score->batch_label);
	for (int i = 0; i < workers; i++)
		ecml_free(ctx, score->x[i]);
	ecml_free(ctx, score->x);
	kmeans_scratch_free(ctx, score->scratch, workers);
	kmeans_pass_close(ctx, score->pass);
	ecml_free(ctx, (void *) score->rounded);
}

double
kmeans_inertia(EcmlCtx *ctx, EcmlData *data, const double *centroids, int k, double *sizes)
{
	Score		score;
	KmeansPass	pass;
	double		inertia = 0;
	double	   *total;

	open_score(ctx, &score, &pass, data, centroids, k, false);
	total = ECML_NEW(ctx, double, pass.width);
	kmeans_pass_run(ctx, &pass, score_batch, &score, total);
	for (size_t slice = 0; slice < score.slices; slice++)
		inertia += total[k + slice];
	if (sizes)
		memcpy(sizes, total, k * sizeof(double));
	ecml_free(ctx, total);
	close_score(ctx, &score);
	return inertia;
}

typedef struct Visit
{
	Score		score;
	KmeansVisit visit;
	void	   *arg;
} Visit;

static void
visit_batch(EcmlCtx *ctx, KmeansPass *pass, void *arg)
{
	Visit	   *v = arg;

	ecml_parallel_for(ctx, pass->got * (ECML_BLOCK_ROWS / v->score.chunk), label_task, &v->score);
	for (size_t b = 0; b < pass->got; b++)
	{
		v->visit(v->arg, &pass->batch[b], v->score.batch_label + b * ECML_BLOCK_ROWS);
		ecml_poll(ctx, 0, 0);
	}
}

void
kmeans_visit(EcmlCtx *ctx, EcmlData *data, const KmeansModel *model, KmeansVisit visit, void *arg)
{
	Visit		v = {.visit = visit,.arg = arg};
	double	   *centroids = kmeans_padded(ctx, model);
	KmeansPass	pass;

	open_score(ctx, &v.score, &pass, data, centroids, model->k, true);
	kmeans_pass_run(ctx, &pass, visit_batch, &v, NULL);
	close_score(ctx, &v.score);
	ecml_free(ctx, centroids);
}

double
kmeans_score(EcmlCtx *ctx, EcmlData *data, const KmeansModel *model, double *sizes)
{
	double	   *centroids = kmeans_padded(ctx, model);
	double		inertia = kmeans_inertia(ctx, data, centroids, model->k, sizes);

	ecml_free(ctx, centroids);
	return inertia;
}

/* ---------------------------------------------------------------- silhouette */

#define SILHOUETTE_ROWS 8		/* rows that a task takes */
#define SILHOUETTE_TILE 1024	/* rows they are compared with at once */

typedef struct Silhouette
{
	const KmeansModel *model;
	EcmlData   *sample;
	const EcmlBlock *blocks;	/* [nblocks] of the sample */
	size_t		n;
	int32_t    *label;			/* [n] */
	float	   *x;				/* [columns][n], the rows sorted by cluster */
	size_t	   *start;			/* [k + 1] the first row of each cluster */
	double	  **row;			/* [workers][columns] */
	float	  **distance;		/* [workers][SILHOUETTE_TILE] */
	double	  **sum;			/* [workers][k] */
	double	   *value;			/* [n] */
} Silhouette;

static void
silhouette_label_task(void *arg, size_t b, int worker)
{
	Silhouette *s = arg;
	const EcmlBlock *block = &s->blocks[b];

	for (int i = 0; i < block->rows; i++)
	{
		for (int j = 0; j < s->model->columns; j++)
			s->row[worker][j] = ECML_BLOCK_F4(block, j)[i];
		s->label[block->first + i] = kmeans_assign(s->model, s->row[worker], NULL);
	}
}

/* distance[i] = distance of row at to row from + i, i < n; x [columns][stride] */
ECML_CLONES static void
distances(const float *x, size_t stride, int columns, size_t at, size_t from, int n, float *distance)
{
	for (int i = 0; i < n; i++)
		distance[i] = 0;
	for (int j = 0; j < columns; j++)
	{
		const float *column = x + j * stride + from;
		float		own = x[j * stride + at];

		for (int i = 0; i < n; i++)
		{
			float		t = column[i] - own;

			distance[i] += t * t;
		}
	}
	for (int i = 0; i < n; i++)
		distance[i] = sqrtf(distance[i]);
}

static double
silhouette_of(Silhouette *s, size_t at, int worker)
{
	int			k = s->model->k;
	double	   *sum = s->sum[worker];
	float	   *distance = s->distance[worker];
	int			own = 0;
	double		a;
	double		b = INFINITY;

	for (int c = 0; c < k; c++)
	{
		double		total = 0;

		if (at >= s->start[c] && at < s->start[c + 1])
			own = c;
		for (size_t from = s->start[c]; from < s->start[c + 1]; from += SILHOUETTE_TILE)
		{
			size_t		left = s->start[c + 1] - from;
			int			n = left < SILHOUETTE_TILE ? (int) left : SILHOUETTE_TILE;

			distances(s->x, s->n, s->model->columns, at, from, n, distance);
			for (int i = 0; i < n; i++)
				total += distance[i];
		}
		sum[c] = total;
	}
	if (s->start[own + 1] - s->start[own] < 2)
		return 0;
	a = sum[own] / (s->start[own + 1] - s->start[own] - 1);
	for (int c = 0; c < k; c++)
		if (c != own && s->start[c + 1] > s->start[c])
			b = fmin(b, sum[c] / (s->start[c + 1] - s->start[c]));
	return a == b ? 0 : (b - a) / fmax(a, b);
}

static void
silhouette_task(void *arg, size_t i, int worker)
{
	Silhouette *s = arg;

	for (size_t at = i * SILHOUETTE_ROWS; at < (i + 1) * SILHOUETTE_ROWS && at < s->n; at++)
		s->value[at] = silhouette_of(s, at, worker);
}

double
kmeans_silhouette(EcmlCtx *ctx, EcmlData *data, const KmeansModel *model, size_t sample)
{
	int			k = model->k;
	int			columns = model->columns;
	int			workers = ecml_workers(ctx, SIZE_MAX);
	Silhouette	s = {.model = model};
	EcmlBlock  *blocks;
	size_t	   *next;
	int			met = 0;
	double		total = 0;

	if (data->rows == 0 || sample == 0)
		return NAN;
	s.sample = kmeans_sample(ctx, data, sample, ecml_rng_stream(&ctx->rng, 2));
	s.n = s.sample->rows;
	blocks = ECML_NEW(ctx, EcmlBlock, s.sample->nblocks);
	ecml_data_fetch(ctx, s.sample, 0, blocks, s.sample->nblocks);
	s.blocks = blocks;
	s.label = ECML_NEW(ctx, int32_t, s.n);
	s.x = ecml_alloc_array(ctx, s.n, columns * sizeof(float));
	s.start = ECML_NEW0(ctx, size_t, k + 1);
	s.value = ECML_NEW(ctx, double, s.n);
	s.row = ECML_NEW(ctx, double *, workers);
	s.distance = ECML_NEW(ctx, float *, workers);
	s.sum = ECML_NEW(ctx, double *, workers);
	for (int i = 0; i < workers; i++)
	{
		s.row[i] = ECML_NEW(ctx, double, columns);
		s.distance[i] = ECML_NEW(ctx, float, SILHOUETTE_TILE);
		s.sum[i] = ECML_NEW(ctx, double, k);
	}
	ecml_parallel_for(ctx, s.sample->nblocks, silhouette_label_task, &s);

	/* sort by cluster */
	for (size_t i = 0; i < s.n; i++)
		s.start[s.label[i] + 1]++;
	for (int c = 0; c < k; c++)
	{
		met += s.start[c + 1] > 0;
		s.start[c + 1] += s.start[c];
	}
	next = ECML_NEW(ctx, size_t, k);
	memcpy(next, s.start, k * sizeof(size_t));
	for (size_t i = 0; i < s.n; i++)
	{
		const EcmlBlock *block = &blocks[i / ECML_BLOCK_ROWS];
		size_t		to = next[s.label[i]]++;

		for (int j = 0; j < columns; j++)
			s.x[j * s.n + to] = ECML_BLOCK_F4(block, j)[i % ECML_BLOCK_ROWS];
		if (i % 1024 == 0)
			ecml_poll(ctx, 0, 0);
	}
	if (met >= 2)
	{
		ecml_parallel_for(ctx, (s.n + SILHOUETTE_ROWS - 1) / SILHOUETTE_ROWS, silhouette_task, &s);
		for (size_t i = 0; i < s.n; i++)
			total += s.value[i];
	}
	for (int i = 0; i < workers; i++)
	{
		ecml_free(ctx, s.row[i]);
		ecml_free(ctx, s.distance[i]);
		ecml_free(ctx, s.sum[i]);
	}
	ecml_free(ctx, next);
	ecml_free(ctx, s.sum);
	ecml_free(ctx, s.distance);
	ecml_free(ctx, s.row);
	ecml_free(ctx, s.value);
	ecml_free(ctx, s.start);
	ecml_free(ctx, s.x);
	ecml_free(ctx, s.label);
	ecml_free(ctx, blocks);
	kmeans_sample_free(ctx, s.sample);
	return met >= 2 ? total / s.n : NAN;
}
