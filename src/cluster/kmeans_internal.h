/*
 * kmeans_internal.h - what the parts of k-means share: kernels of the inner loops, passes over the data, seeding
 *
 * Everything here rests on one rule: what is computed depends on the data, the parameters and the seed alone.  Sums are
 * kept per group of blocks, a group being cut at a multiple of per_group of the absolute block number, and added up in the
 * order of the groups.  How many blocks a fetch brings, how many threads there are and which memory is left decide only
 * how long it takes.
 */
#ifndef ECML_KMEANS_INTERNAL_H
#define ECML_KMEANS_INTERNAL_H

#include "cluster/kmeans.h"

/* doubles from one centroid to the next: the columns, rounded up to a vector of eight; the rest is zero */
#define KMEANS_PAD(columns) (((size_t) (columns) + 7) / 8 * 8)

/* rows a kernel works on at once, at most; a packed tile is [columns][KMEANS_TILE] */
#define KMEANS_TILE 32

/* Rounding error of a float: half a unit in the last place, relative. */
#define KMEANS_UNIT 0x1p-24

/*
 * The inner loops, compiled for each instruction set (kmeans_kernels.c).  x is column by column, [columns][stride]; row
 * counts need not be multiples of anything, but a column can be read, and a result written, up to the next multiple of 16.
 */
typedef struct KmeansKernels
{
	/*
	 * Number and squared distance of the nearest of centroids [k][columns], and the squared distance of the second nearest
	 * (infinite for k = 1; not asked for when second is NULL).  tile: scratch [columns][KMEANS_TILE].
	 */
	void		(*nearest) (const float *x, size_t stride, int rows, int columns, const float *centroids, int k,
							float *tile, int32_t *label, float *best, float *second);

	/* result[n][i] = min(closest[i], squared distance of row i to point n), n < points; result is [points][result_stride] */
	void		(*closer) (const float *x, size_t stride, int rows, int columns, const float *point, int points,
						   float *tile, const float *closest, float *result, size_t result_stride);

	/* sums[label of i][column] += w * x for columns from .. to-1 (from a multiple of 8); row i adds to copy i % 4 of sums */
	void		(*add) (const float *x, size_t stride, int rows, int from, int to, const int32_t *label, const double *w,
						double *sums, size_t pad, size_t copy);

	/* weighted sum of the squared distances to the row's own centroid, of [k][pad] */
	double		(*inertia) (const float *x, size_t stride, int rows, int columns, const int32_t *label, const double *w,
							const double *centroids, size_t pad);

	/* sum of w * v, w NULL: all 1 */
	double		(*sum) (const float *v, const double *w, int n);

	/* *s1 += sum of w * (v - pivot), *s2 += sum of w * (v - pivot)^2 */
	void		(*moments) (const float *v, const double *w, int n, float pivot, double *s1, double *s2);

	/*
	 * Loosen the bounds by how far the centroids moved, and list the rows whose nearest centroid may have changed; their
	 * number.  move [k]; the lower bound moves by most, or by second for the rows of the centroid that moved most.
	 */
	int			(*filter) (int rows, const int32_t *label, float *upper, float *lower, const float *move, int mover,
						   float most, float second, int32_t *list);
} KmeansKernels;

extern const KmeansKernels *kmeans_kernels(void);	/* for this processor */
extern const KmeansKernels *kmeans_kernels_number(int i);	/* 0: portable; NULL: this processor has none of that number */

/*
 * A pass over the data: batch() is called with a run of blocks and adds to one slot of width doubles for each group that
 * the run touches; finished slots are added to total in the order of the groups.
 */
typedef struct KmeansPass
{
	/* of the data */
	EcmlData   *data;
	EcmlBlock  *blocks;			/* [nblocks] when all of them are known, else [capacity] */
	bool		all;
	size_t		capacity;		/* blocks in a batch, at most */
	size_t		per_group;		/* blocks in a group */
	/* of the sums */
	size_t		width;
	size_t		nslots;
	double	  **slot;			/* [nslots] -> [width] */
	/* of the batch at hand */
	EcmlBlock  *batch;			/* [got] */
	size_t		first;			/* number of its first block */
	size_t		got;
} KmeansPass;

typedef void (*KmeansBatch) (EcmlCtx *ctx, KmeansPass *pass, void *arg);

/* Release with kmeans_pass_close; width may be 0. */
extern void kmeans_pass_open(EcmlCtx *ctx, KmeansPass *pass, EcmlData *data, size_t per_group, size_t width);
extern void kmeans_pass_run(EcmlCtx *ctx, KmeansPass *pass, KmeansBatch batch, void *arg, double *total);
extern void kmeans_pass_close(EcmlCtx *ctx, KmeansPass *pass);

/* Slots that the batch at hand touches, and the blocks (numbers within the batch) of each. */
extern size_t kmeans_pass_slots(const KmeansPass *pass);
extern void kmeans_pass_range(const KmeansPass *pass, size_t slot, size_t *from, size_t *to);

/* Scratch of a worker, for the kernels */
typedef struct KmeansScratch
{
	float	   *tile;			/* [columns][KMEANS_TILE] */
	float	   *packed;			/* [columns][pack] rows picked out of a block */
	int32_t    *label;			/* [ECML_BLOCK_ROWS], and so on */
	int32_t    *list;
	float	   *best;
	float	   *second;
	double	   *sums;			/* [4][k][pad], or NULL */
} KmeansScratch;

extern KmeansScratch *kmeans_scratch(EcmlCtx *ctx, int workers, int columns, int pack, size_t sums);
extern void kmeans_scratch_free(EcmlCtx *ctx, KmeansScratch *scratch, int workers);

/* kmeans_iterate.c: what iterations take: scratch of a worker, and the least beside it */
extern size_t kmeans_scratch_bytes(int k, int columns);
extern double kmeans_iterate_bytes(int k, int columns);

/* Float copies, [k][columns], of centroids [k][pad]. */
extern void kmeans_to_float(const double *centroids, int k, int columns, float *result);

/*
 * kmeans_seed.c: a sample of the rows as data of its own (all of them, when there are no more than wanted), and the mean
 * variance of the columns of all rows
 */
extern EcmlData *kmeans_sample(EcmlCtx *ctx, EcmlData *data, size_t wanted, EcmlRng rng);
extern void kmeans_sample_free(EcmlCtx *ctx, EcmlData *sample);

/* What a sample of so many rows takes, and what comes beside it, with so much scratch of all threads. */
extern double kmeans_sample_bytes(size_t rows, const KmeansParams *params, int columns, size_t scratch);
extern double kmeans_mean_variance(EcmlCtx *ctx, EcmlData *data);

/* Choose the first centroids [k][pad] among the rows of the sample; data: where to look when it has too few distinct ones. */
extern void kmeans_seed(EcmlCtx *ctx, EcmlData *data, EcmlData *sample, const KmeansParams *params, EcmlRng *rng,
						double *centroids);

/*
 * kmeans_iterate.c: Lloyd's iterations from the given centroids [k][pad] on, in place; they stop when the squared shift is
 * at most threshold, or nothing changes.
 */
extern void kmeans_iterate(EcmlCtx *ctx, EcmlData *data, int k, int max_iter, double threshold, double *centroids,
						   int *iterations, bool *converged);

/* The nearest of centroids [k][pad] in double; ties: the lowest number */
extern int	kmeans_nearest_exact(const double *centroids, int k, int columns, size_t pad, const double *x,
								 double *distance2);

/* kmeans_score.c: inertia and sizes [k] (unless NULL) under centroids [k][pad] */
extern double kmeans_inertia(EcmlCtx *ctx, EcmlData *data, const double *centroids, int k, double *sizes);

/* Centroids [k][pad] of a model, owned by the caller. */
extern double *kmeans_padded(EcmlCtx *ctx, const KmeansModel *model);

/* All rows with their labels under a model, a block at a time, in order. */
typedef void (*KmeansVisit) (void *arg, const EcmlBlock *block, const int32_t *label);

extern void kmeans_visit(EcmlCtx *ctx, EcmlData *data, const KmeansModel *model, KmeansVisit visit, void *arg);

#endif							/* ECML_KMEANS_INTERNAL_H */
