/*
 * tree_bins.h - training rows for tree growers: a byte a value
 *
 * Numbers are cut at quantiles of a deterministic sample of the rows; where a column has no more different values than bins,
 * each has its own.  Categories get bins by frequency, those too rare share the last one.  NaN (a missing number, a missing
 * category) has a bin of its own behind the others.  Columns with one value only are not kept.
 *
 * Rows lie in blocks of TREE_BLOCK, each with its bins row by row (histograms read all columns of a row) and, where memory
 * allows, column by column as well (partitions read one column of many rows).
 *
 * Cost: two passes over the rows, about 30 ns a row of 20 columns on two cores.  Memory: a byte a value, two with the columns.
 */
#ifndef ECML_TREE_BINS_H
#define ECML_TREE_BINS_H

#include "num/blocks.h"

#define TREE_BLOCK (4 * ECML_BLOCK_ROWS)	/* rows of a block: their numbers in it fit 16 bits */
#define TREE_MAX_BINS 255		/* of values; with the one of missing values a byte is full */
#define TREE_NO_BIN (-1)

typedef struct TreeBinColumn
{
	int			feature;		/* its number in the data */
	int			values;			/* bins of values, 1 .. TREE_MAX_BINS */
	int			missing;		/* the bin of NaN, equal to values; TREE_NO_BIN: no row has NaN */
	int			bins;			/* values, and one more with missing; at least 2 */
	int			categories;		/* 0: a number */
	const double *upper;		/* number: [values - 1] ascending, x <= upper[b] is in a bin up to b; in the units of the values */
	const uint8_t *bin_of;		/* category: [categories] */
	bool		grouped;		/* category: the last bin of values holds more than one, too rare to be told apart */
} TreeBinColumn;

typedef struct TreeBins
{
	size_t		rows;
	int			features;
	int			columns;		/* that are kept; may be 0 */
	TreeBinColumn *column;			/* [columns] ascending by feature */
	int			total;			/* sum of bins over the columns */
	int		   *first;			/* [columns + 1] sums of bins of the columns before: where a column's bins begin in a histogram */
	size_t		nblocks;		/* ceil(rows / TREE_BLOCK) */
	uint8_t   **row;			/* [nblocks] [rows of the block][columns] */
	uint8_t   **col;			/* [nblocks] [columns][tree_block_stride]; NULL: not asked for, or did not fit the budget */
	double	   *y;				/* [rows]; NULL without a target */
	double	   *w;				/* [rows]; NULL: all 1 */
} TreeBins;

typedef struct TreeBinsParams
{
	int			features;		/* the first columns of the data; what stands behind them is not binned */
	const int  *categories;		/* [features] number of categories, 0: a number; NULL: all numbers */
	int			max_bins;		/* 2 .. TREE_MAX_BINS */
	size_t		sample;			/* rows that cuts are taken from */
	int			min_in_bin;		/* rows of the sample that a bin of a number has at least, where a column has more values than bins */
	bool		columns;		/* make col as well, if it fits the budget (and leaves as much again free) */
	void		(*visit) (void *arg, const EcmlBlock *block);	/* each block before it is given back, in order, by the leader; or NULL */
	void	   *arg;
} TreeBinsParams;

#define TREE_BINS_DEFAULTS {.max_bins = TREE_MAX_BINS, .sample = 200000, .min_in_bin = 3, .columns = true}

/*
 * Bin the rows of data (ECML_F4; NaN: missing).  Blocks are given back (EcmlData.discard) as they are done with.  The cuts and
 * bins are the same at any thread count and budget.
 */
extern TreeBins *tree_bins_make(EcmlCtx *ctx, EcmlData *data, const TreeBinsParams *params);
extern void tree_bins_free(EcmlCtx *ctx, TreeBins *bins);

static inline int
tree_block_rows(const TreeBins *bins, size_t b)
{
	size_t		left = bins->rows - b * TREE_BLOCK;

	return left < TREE_BLOCK ? (int) left : TREE_BLOCK;
}

/* bytes from one column of a block to the next */
static inline size_t
tree_block_stride(const TreeBins *bins, size_t b)
{
	return ((size_t) tree_block_rows(bins, b) + ECML_ALIGN - 1) / ECML_ALIGN * ECML_ALIGN;
}

/*
 * For TreeNode.words of a split on a category: bit c set where goes[bin] of category c is true.  words [TREE_WORDS(categories)],
 * zeroed before.
 */
extern void tree_bins_words(const TreeBinColumn *column, const bool *goes, uint32_t *words);

#endif							/* ECML_TREE_BINS_H */
