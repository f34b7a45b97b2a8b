/*
 * tree_scorer.h - what is derived from a forest to score it fast (tree_scorer.c), and walked through (tree_walk.c)
 *
 * Ranks.  Of each feature that splits, the distinct thresholds of the whole forest are sorted; a number x becomes its rank, how
 * many of them are below x, so that x <= threshold number c is rank <= c.  A category's rank is its code.
 *
 * Tops.  Of each tree the splits that most rows come by, at most TREE_TOP_SPLITS, make its top, with at most 32 ways out, numbered
 * from left to right.  A split that is answered "right" closes the ways out to its left; the first one left open is where the
 * row leaves (Lucchese et al. 2015, QuickScorer).  Which ones a feature closes depends on its rank alone, so for each feature
 * and rank there is a row of the open ways of all trees: a row of data is scored by AND over its features.  Small trees are
 * all top: no node is visited at all.
 *
 * Walk.  What lies below the tops is walked in nodes of 8 bytes, TREE_TOGETHER trees at a time, without branches.
 */
#ifndef ECML_TREE_SCORER_H
#define ECML_TREE_SCORER_H

#include "tree/tree_internal.h"

#define TREE_TOP_SPLITS 31
#define TREE_WAYS 32			/* out of a top */
#define TREE_TOGETHER 8
#define TREE_STRIDE 16			/* trees in a vector of ways */

typedef struct TreeColumn
{
	int			feature;
	int			categories;		/* 0: a number */
	int			ncuts;			/* distinct thresholds */
	int			npivots;		/* of them each 16th, from the 16th on */
	const double *cuts;			/* [ncuts, to a multiple of 16] ascending, then infinity */
	const double *pivots;		/* [npivots, to a multiple of 16] likewise */
	const uint16_t *row_of;		/* [ncuts + 1] row of the tables of a rank; NULL: the rank is the row */
	size_t		first_row;		/* in the table */
	uint32_t	rows;			/* the last one is for missing values; 0: no top splits on it */
} TreeColumn;

/*
 * A node that is walked: from the lowest bit on, 28 bits: how far behind it its left child stands (0: a leaf), 16 bits: its slot
 * among the ranks, 20 bits: its cut; of a category: the number of its first word with TREE_BY_CATEGORY set.
 */
typedef uint64_t TreeStep;

#define TREE_STEP_BITS 28
#define TREE_SLOT_BITS 16
#define TREE_STEP_NODE(step) ((uint32_t) (step) & ((UINT32_C(1) << TREE_STEP_BITS) - 1))
#define TREE_STEP_SLOT(step) ((uint32_t) ((step) >> TREE_STEP_BITS) & ((UINT32_C(1) << TREE_SLOT_BITS) - 1))
#define TREE_STEP_CUT(step) ((uint32_t) ((step) >> (TREE_STEP_BITS + TREE_SLOT_BITS)))
#define TREE_BY_CATEGORY (UINT32_C(1) << 19)
#define TREE_RANK_MISSING (TREE_BY_CATEGORY - 1)	/* above every cut */
#define TREE_CUT_LEAF (TREE_BY_CATEGORY - 1)	/* not below any rank */

struct TreeScorer
{
	bool		ranked;			/* false: nothing is derived, nodes are walked as they are */

	int			ncolumns;
	TreeColumn *columns;		/* [ncolumns] features that split */

	/* tops; NULL table: none */
	int			ntops;			/* columns with rows */
	int			stride;			/* trees, to a multiple of TREE_STRIDE */
	uint32_t   *table;			/* [rows][stride] */
	double	   *way_value;		/* [ntrees][TREE_WAYS] where all trees are all top; else NULL */
	uint32_t   *way_node;		/* [ntrees][TREE_WAYS] number in the forest of the node behind a way; NULL with way_value */

	/* walk */
	TreeStep   *steps;			/* [nodes]; NULL: no tree is walked */
	const uint32_t *words;		/* of categories, a bit more than those of the forest: of what is missing */
	bool		by_category;	/* some walked split is on a category */
	int			nwalked;
	int		   *walked;			/* [nwalked] trees that are walked, the deepest first, to a multiple of TREE_TOGETHER by repeating */
	double	   *leaf_value;		/* [nodes]; NULL: leaves have vectors */
	uint32_t   *leaf_vector;	/* [nodes]; NULL: leaves have numbers */

	struct TreeScratch *scratch;	/* of tree_forest_predict; threads have their own */
};

/* The present row of data. */
typedef struct TreeScratch
{
	uint32_t   *ranks;			/* [2 * ncolumns], for splits that send missing values right, left */
	const uint32_t **open;		/* [ntops] rows of the table */
	uint32_t   *ways;			/* [stride] */
	uint32_t   *at;				/* [ntrees] number in the forest of the node where it is */
	double	   *lanes;			/* [TREE_LANES][outputs], where leaves have vectors */
} TreeScratch;

extern TreeScratch *tree_scratch_create(EcmlCtx *ctx, const TreeForest *forest);

/* tree_walk.c */
extern void tree_scorer_predict(const TreeForest *forest, TreeScratch *scratch, const double *x, double *out);

#endif							/* ECML_TREE_SCORER_H */
