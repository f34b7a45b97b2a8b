/*
 * blocks.h - training data as a kernel sees it: an iterator over blocks of rows, column by column
 *
 * A block holds ECML_BLOCK_ROWS rows (the last one fewer); inside a block the columns are contiguous, so that a loop over
 * the rows of a column is one vector loop.  Whether the blocks lie in memory, in a spill file, or are expanded from
 * category codes when asked for is the business of whoever made the EcmlData; the kernel always loops
 *
 *     for (size_t b = 0; b < data->nblocks; b += got)
 *     {
 *         got = ecml_data_fetch(ctx, data, b, blocks, ECML_FETCH);
 *         ... ecml_parallel_for over blocks[0 .. got-1] ...
 *     }
 *
 * Blocks fetched are valid until the next fetch, and not written to by a kernel unless they are yielded.  How many come at once depends on
 * memory: nothing a kernel computes may depend on it (reduce in block order).
 */
#ifndef ECML_BLOCKS_H
#define ECML_BLOCKS_H

#include "ctx.h"

#define ECML_BLOCK_ROWS 4096
#define ECML_FETCH 64			/* blocks asked for at once, at most */

typedef enum EcmlElement
{
	ECML_F4,					/* float */
	ECML_F8						/* double */
} EcmlElement;

typedef struct EcmlBlock
{
	size_t		first;			/* number of the block's first row in the data */
	int			rows;			/* 1 .. ECML_BLOCK_ROWS */
	int			stride;			/* elements from one column to the next, a multiple of 16 */
	const void *x;				/* [columns][stride] of float or double, ECML_ALIGN aligned; NaN: missing */
	const double *y;			/* [rows] target: value, or class code; NULL without one */
	const double *w;			/* [rows] weight > 0; NULL: all 1 */
} EcmlBlock;

/* Moments of a column, each row once. */
typedef struct EcmlColumnMoments
{
	double		mean;
	double		square;			/* sum of squared deviations */
	double		low;
	double		high;
} EcmlColumnMoments;

typedef struct EcmlData EcmlData;
struct EcmlData
{
	EcmlElement element;		/* of x */
	int			columns;
	size_t		rows;
	size_t		nblocks;		/* ceil(rows / ECML_BLOCK_ROWS) */
	bool		resident;		/* blocks lie in memory: fetched ones stay valid, fetching costs nothing */
	bool		has_y;
	bool		has_w;
	const EcmlColumnMoments *moments; /* [columns], where whoever made the data has them; else NULL */
	const double *origin;		/* [columns] what was subtracted before a value became an element; NULL: nothing was */
	size_t		(*fetch) (EcmlCtx *ctx, EcmlData *data, size_t first_block, EcmlBlock *blocks, size_t max);
	void		(*discard) (EcmlCtx *ctx, EcmlData *data, size_t block);	/* NULL: all rows are needed again */
};

/* Nobody needs the rows after the kernel, and they lie in memory: it may write over x of the blocks. */
static inline bool
ecml_data_yielded(const EcmlData *data)
{
	return data->resident && data->discard;
}

/* Fetch up to max blocks from first_block on; at least 1, at most what is left.  Polls.  Leader only. */
static inline size_t
ecml_data_fetch(EcmlCtx *ctx, EcmlData *data, size_t first_block, EcmlBlock *blocks, size_t max)
{
	return data->fetch(ctx, data, first_block, blocks, max);
}

/* The kernel does not need the block any more, nor will it fetch it again: its memory may go. */
static inline void
ecml_data_discard(EcmlCtx *ctx, EcmlData *data, size_t block)
{
	if (data->discard)
		data->discard(ctx, data, block);
}

#define ECML_BLOCK_F4(block, column) ((const float *) (block)->x + (size_t) (column) * (block)->stride)
#define ECML_BLOCK_F8(block, column) ((const double *) (block)->x + (size_t) (column) * (block)->stride)

/*
 * The sum of the squares of n numbers, in any order: a quick look at a row.  Not above x * x: no number is NaN, or beyond x.
 */
extern double ecml_sum_squares(const double *v, int n);

/* An EcmlData over arrays in memory, row by row as C programs have them; copies.  y, w may be NULL.  For tests. */
extern EcmlData *ecml_data_from_rows(EcmlCtx *ctx, EcmlElement element, size_t rows, int columns,
									 const double *x, const double *y, const double *w);

#endif							/* ECML_BLOCKS_H */
