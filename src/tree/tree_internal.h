/*
 * tree_internal.h - what the files of the common forest share
 */
#ifndef ECML_TREE_INTERNAL_H
#define ECML_TREE_INTERNAL_H

#include "tree/tree_forest.h"

#include <math.h>

#if defined(__GNUC__)
#define TREE_INLINE static inline __attribute__((always_inline))
#else
#define TREE_INLINE static inline
#endif

/* The code of a category value, or categories where it is missing or was not seen in training. */
TREE_INLINE uint32_t
tree_code(double x, int categories)
{
	return x >= 0 && x < categories ? (uint32_t) x : (uint32_t) categories;
}

/* Does x go left at this split? */
TREE_INLINE bool
tree_goes_left(const TreeForest *forest, const TreeNode *node, const double *x)
{
	double		value = x[node->feature];

	if (node->words < 0)
		return isnan(value) ? node->missing_left : value <= node->threshold;
	else
	{
		int			categories = forest->categories[node->feature];
		uint32_t	code = tree_code(value, categories);

		return code == (uint32_t) categories ? node->missing_left : forest->words[node->words + code / 32] >> (code % 32) & 1;
	}
}

TREE_INLINE const TreeNode *
tree_root(const TreeForest *forest, int tree)
{
	return forest->nodes + forest->first[tree];
}

/* The output that a tree of single-number leaves speaks for, and its place among those that do. */
#define TREE_OUTPUT(forest, tree) ((forest)->leaf_outputs == 1 ? (tree) % (forest)->outputs : 0)
#define TREE_PLACE(forest, tree) ((forest)->leaf_outputs == 1 ? (tree) / (forest)->outputs : (tree))

/* The sum of the lanes, in the order that tree_forest.h promises. */
TREE_INLINE double
tree_sum_lanes(const double *lane)
{
	return ((lane[0] + lane[4]) + (lane[2] + lane[6])) + ((lane[1] + lane[5]) + (lane[3] + lane[7]));
}

/* Deepest leaf of a tree: splits from its root. */
extern int	tree_depth(const TreeForest *forest, int tree);

/* Bytes of growing rooms: at least need elements of size bytes in *memory. */
extern void *tree_room(EcmlCtx *ctx, void *memory, size_t *room, size_t used, size_t need, size_t size);

/* The distinct thresholds of each feature's splits, ascending. */
typedef struct TreeCuts
{
	size_t	   *first;			/* [features + 1] where they begin in cuts; a feature has room for one each split */
	int		   *count;			/* [features] distinct ones; 0 of categories */
	double	   *cuts;
} TreeCuts;

extern TreeCuts *tree_cuts_create(EcmlCtx *ctx, const TreeForest *forest);
extern void tree_cuts_free(EcmlCtx *ctx, TreeCuts *cuts);

/* The number of a threshold among those of its feature. */
TREE_INLINE int
tree_cut_number(const double *cuts, int count, double threshold)
{
	int			low = 0;

	while (count > 1)
	{
		int			half = count / 2;

		/* without a branch, which would be guessed wrong every other time */
		low += half & -(int) (cuts[low + half - 1] < threshold);
		count -= half;
	}
	return low;
}

/* tree_scorer.c */
extern void tree_scorer_create(EcmlCtx *ctx, TreeForest *forest);

/* tree_shap.c */
extern TreeShap *tree_shap_create(EcmlCtx *ctx, const TreeForest *forest);

#endif							/* ECML_TREE_INTERNAL_H */
