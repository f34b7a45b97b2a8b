/*
 * gbdt_internal.h - what the files of gradient boosting share
 */
#ifndef ECML_GBDT_INTERNAL_H
#define ECML_GBDT_INTERNAL_H

#include "tree/gbdt.h"
#include "tree/tree_bins.h"

/*
 * Gradient and hessian of a row, as integers in 32 bits: the gradient in the upper ones, the hessian in the lower hbits.  A
 * histogram adds them up in 64 bits, the hessian's sum in the lower ones, for up to 2^16 rows; then they are moved to two sums
 * of 64 bits each.
 */
typedef struct GbdtQuantum
{
	int			hbits;			/* 1: each hessian is 1 */
	int			low;			/* bits of the hessian's sum: hbits + 16 */
	double		g;				/* gradient of 1 */
	double		h;				/* hessian of 1 */
} GbdtQuantum;

#define GBDT_FLUSH 65536		/* rows that a packed histogram takes */
#define GBDT_HBITS 14

typedef struct GbdtSum
{
	int64_t		g;
	int64_t		h;
} GbdtSum;

/* ---------------------------------------------------------------- histograms and partitions (gbdt_hist.c) */

/* A histogram under way, of one worker; zero between two of them. */
typedef struct GbdtPartial
{
	int64_t    *packed;			/* [columns][256] */
	GbdtSum    *wide;			/* [bins.total] */
	int			filled;			/* rows in packed */
	bool		flushed;		/* wide is not zero */
} GbdtPartial;

/*
 * Add rows (numbers in block b) to the packed histogram of the columns from .. from + n - 1 (n at most GBDT_TILE); gh [rows of the
 * block], or NULL: count rows.  GBDT_AHEAD more numbers behind rows may be read.
 */
#define GBDT_TILE 20
#define GBDT_AHEAD 16

extern void gbdt_hist_rows(const TreeBins *bins, size_t b, const uint16_t *rows, int nrows, const uint32_t *gh,
						   const GbdtQuantum *quantum, int from, int n, int64_t *packed);

/* Move packed sums of the columns to sums (set: instead of adding), and make them zero. */
extern void gbdt_hist_widen(const TreeBins *bins, int from, int n, int low, bool set, int64_t *packed, GbdtSum *sums);

/* Rows (numbers in block b) whose bin of the column goes come first, both parts in their order; how many.  spare [n]. */
extern int	gbdt_partition(const TreeBins *bins, size_t b, int column, const uint8_t *goes, uint16_t *rows, int n, uint16_t *spare);

/* ---------------------------------------------------------------- splits (gbdt_split.c) */

typedef struct GbdtSplit
{
	double		gain;			/* above that of the leaf; <= 0: there is none */
	int			column;
	int			bin;			/* number: bins up to this one go left; category: -1 */
	bool		missing_left;
	bool		sorted;			/* category, several against several: leaves are shrunk by cat_l2 more */
	int			nleft;			/* category: bins that go left */
	uint8_t		left[256];
	GbdtSum		sum;			/* of the left side */
	double		rows;			/* of the left side, as far as the histogram tells */
} GbdtSplit;

/* A leaf as the search sees it. */
typedef struct GbdtLeafView
{
	GbdtSum		sum;
	double		rows;
	double		low;			/* bounds of the value (monotone constraints); -infinity, infinity */
	double		high;
	double		l2;
	const GbdtSum *hist;		/* [bins.total] */
	const GbdtSum *count;		/* h: rows, exactly; or NULL: hessians tell how many there are */
} GbdtLeafView;

typedef struct GbdtSearch
{
	const TreeBins *bins;
	const GbdtParams *params;
	const int8_t *monotone;		/* [bins.columns] or NULL */
	const bool *use;			/* [bins.columns] columns that may be used; NULL: all */
	GbdtQuantum quantum;
} GbdtSearch;

/* The best split on a column, if better than *best (equal: the column before stays). */
extern void gbdt_split_column(const GbdtSearch *search, const GbdtLeafView *leaf, int column, GbdtSplit *best);

/* Value of a leaf with these sums, before the learning rate. */
extern double gbdt_leaf_value(const GbdtParams *params, double l2, double g, double h, double low, double high);

/* ---------------------------------------------------------------- a tree (gbdt_grow.c) */

typedef struct GbdtLeaf
{
	int			node;			/* its number in the tree */
	int			depth;
	size_t		rows;
	uint16_t   *begin;			/* [nblocks] where its rows begin in the order of a block */
	uint16_t   *count;			/* [nblocks] */
	GbdtSum		sum;
	double		low;
	double		high;
	double		l2;				/* of its value: with cat_l2, where it comes from such a split */
	GbdtSum    *hist;			/* [bins.total], or NULL: not needed any more */
	GbdtSplit	best;
	/* of the finished tree */
	double		g;				/* exact sums of its rows */
	double		h;
	double		w;				/* weight */
	double		value;			/* with the learning rate */
} GbdtLeaf;

typedef struct GbdtGrower
{
	EcmlCtx    *ctx;
	const TreeBins *bins;
	const GbdtParams *params;
	const int8_t *monotone;		/* [bins.columns] or NULL */
	int			workers;
	GbdtPartial *partial;		/* [workers] */
	uint16_t  **spare;			/* [workers] [TREE_BLOCK] */
	uint16_t   *order;			/* [rows + GBDT_AHEAD] block by block: rows that the tree grows from, leaf by leaf; then the others */
	int		   *grown;			/* [nblocks] how many rows of the block the tree grows from */
	const uint32_t *gh;			/* [rows] */
	GbdtQuantum quantum;
	EcmlRng		rng;			/* of the tree: columns */
	bool	   *tree_columns;	/* [columns] that the tree may use, or NULL */

	/* the tree */
	int			nleaves;
	GbdtLeaf   *leaves;			/* [max_leaves] */
	int			nnodes;
	TreeNode   *nodes;			/* [2 * max_leaves - 1] */
	int		   *split_of;		/* [2 * max_leaves - 1] number of a node's split in splits */
	int			nsplits;
	GbdtSplit  *splits;			/* [max_leaves - 1] */
	uint32_t   *words;			/* of its splits on categories */
	size_t		nwords;
	size_t		words_room;
	struct GbdtJob *job;
	double		done;			/* progress: trees grown before, and in all */
	double		total;
} GbdtGrower;

extern GbdtGrower *gbdt_grower_create(EcmlCtx *ctx, const TreeBins *bins, const GbdtParams *params, const int8_t *monotone);

extern void gbdt_grower_free(GbdtGrower *grower);

/* Grow a tree from order, grown and gh.  leaves[0 .. nleaves-1] then tell which rows fell where. */
extern void gbdt_grow(GbdtGrower *grower);

/* The leaf that row i of block b falls in. */
extern int	gbdt_walk(const GbdtGrower *grower, size_t b, int i);

/* Thresholds, words, values and covers, from the leaves' values and weights: the tree is ready to be appended. */
extern void gbdt_finish_tree(GbdtGrower *grower, Tree *tree);

/* ---------------------------------------------------------------- objectives (gbdt_loss.c) */

typedef struct GbdtRank GbdtRank;

typedef struct GbdtLoss
{
	const GbdtParams *params;
	int			objective;
	int			outputs;
	int			classes;
	size_t		rows;
	const double *y;			/* [rows] */
	const double *w;			/* [rows] with the weights of classes; NULL: all 1 */
	double		max_w;
	double	   *score;			/* [outputs][rows] */
	double	   *norm;			/* [rows] softmax: log of the sum of exp of the scores when the round began; else NULL */
	double		delta;			/* huber, of the round */
	bool		constant;		/* every hessian is 1 */
	double	   *g;				/* [rows] lambdarank: gradients and hessians of the round; else NULL */
	double	   *h;
} GbdtLoss;

#define GBDT_CHUNK 512			/* rows that are computed at once */

/*
 * Gradients and hessians of n (at most GBDT_CHUNK) rows, times their weights: rows first + rows[i], or, where rows is NULL,
 * first + i.
 */
extern void gbdt_loss_gradients(const GbdtLoss *loss, int output, size_t first, const uint16_t *rows, int n, double *g, double *h);

/* The greatest gradient and hessian that can be, or 0: it depends on the scores. */
extern void gbdt_loss_bounds(const GbdtLoss *loss, double *g, double *h);

/* The norms of rows first .. first + n - 1. */
extern void gbdt_loss_norms(const GbdtLoss *loss, size_t first, int n);

/* What the validation's metric sums up over rows, without weights, n at most GBDT_CHUNK. */
extern void gbdt_loss_values(const GbdtLoss *loss, int metric, size_t first, int n, double *values);

/* Scores that training begins with, [outputs], from the rows that flags (NULL: all) has 0 for. */
extern void gbdt_loss_base(EcmlCtx *ctx, const GbdtLoss *loss, const uint8_t *flags, double *base);

/* Is the target one that the objective can take?  Else ECML_DATA_EXCEPTION. */
extern void gbdt_loss_check_target(EcmlCtx *ctx, const GbdtLoss *loss);

/* Do leaves get a quantile of their residuals instead of a Newton step?  Its level, or NaN. */
extern double gbdt_loss_renewal(const GbdtLoss *loss);

/* From scores to values or probabilities; both [outputs], but of logistic out [1] is the second class's. */
extern void gbdt_objective_link(int objective, int outputs, const double *scores, double *out);

/* The quantile of n numbers, in another order then; weighted: v [n][2], by the second of each. */
extern double gbdt_quantile(double *v, size_t n, bool weighted, double level);

/* ---------------------------------------------------------------- ranking (gbdt_rank.c) */

/* Groups of rows; flags as above, for whole groups. */
extern GbdtRank *gbdt_rank_create(EcmlCtx *ctx, const GbdtLoss *loss, const uint32_t *group, size_t rows);

extern void gbdt_rank_free(EcmlCtx *ctx, GbdtRank *rank);

/* Draw groups that validate: about a share of them. */
extern void gbdt_rank_draw(EcmlCtx *ctx, const GbdtRank *rank, double share, EcmlRng *rng, uint8_t *flags);

/* Are the flags of each group's rows the same? */
extern bool gbdt_rank_agrees(const GbdtRank *rank, const uint8_t *flags);

/* Gradients and hessians of all rows, to loss->g and loss->h. */
extern void gbdt_rank_gradients(EcmlCtx *ctx, GbdtRank *rank, const GbdtLoss *loss);

/* Mean NDCG of the groups whose rows have this flag. */
extern double gbdt_rank_ndcg(EcmlCtx *ctx, GbdtRank *rank, const GbdtLoss *loss, const uint8_t *flags, int flag);

/* ---------------------------------------------------------------- a fit (gbdt_fit.c) and what comes before it (gbdt_prepare.c) */

typedef struct GbdtFit
{
	EcmlCtx    *ctx;
	const GbdtTask *task;
	GbdtParams	params;
	TreeBins   *bins;
	GbdtLoss	loss;
	GbdtGrower *grower;
	GbdtRank   *rank;
	uint8_t    *flags;			/* [rows] 1: the row validates; NULL: none does */
	uint32_t   *group;			/* [rows] or NULL */
	double		validation_rows;
	double		base[GBDT_MAX_CLASSES];

	/* of the tree under way */
	int			output;
	uint64_t	tree;			/* its number */
	uint64_t	draw;			/* number of the draw of rows */
	uint64_t	draw_seed;
	size_t	   *available;		/* [nblocks + 1] rows that do not validate in the blocks before */
	uint32_t   *gh;				/* [rows] */
	uint32_t	key;			/* of the random bits */
	double		scale_g;
	double		scale_h;
	double	   *most;			/* [nblocks][2] greatest gradient and hessian */
	size_t		first_block;	/* of the blocks that are summed up */
	double	   *sums;			/* [SUMS_BLOCKS][max_leaves][3] g, h, weight */
	double	   *residuals;		/* [rows][1 or 2] renewal */
	size_t	   *residual_of;	/* [max_leaves + 1] */
	double		level;			/* of the renewal; NaN: none */

	/* metrics of blocks: [nblocks][4] sum and weight of rows that train, that validate */
	double	   *metric_sums;
	int			metric;
} GbdtFit;

/* Keep what a block tells of validation and groups; arg: a GbdtFit.  For TreeBinsParams.visit. */
extern void gbdt_fit_visit(void *arg, const EcmlBlock *block);

/* With bins made: the objective, weights, the rows that validate, first scores. */
extern void gbdt_fit_prepare(GbdtFit *fit);

#endif							/* ECML_GBDT_INTERNAL_H */
