/*
 * tree_forest.h - the common forest of gbdt, decision_tree, random_forest and iforest: layout, bytes, scoring, explanation, rules
 *
 * Whoever grows trees hands each finished one to tree_forest_append, says tree_forest_ready once, and has everything else from
 * here.  A row is x [features] of double: a number as it is, a category as its code (0 .. categories - 1; anything else: not
 * seen in training), NaN where it is missing.
 *
 * Prediction: out[k] = base[k] + scale * (the sum of what the trees of output k say).  The sum is taken in TREE_LANES partial
 * sums, so that its bits do not depend on how the trees were walked: of the trees that speak for an output, in their order, the
 * i-th one adds to lane i % TREE_LANES; the lanes are added as ((0+4)+(2+6))+((1+5)+(3+7)).
 */
#ifndef ECML_TREE_FOREST_H
#define ECML_TREE_FOREST_H

#include "num/blocks.h"
#include "num/bytes.h"

#define TREE_LEAF (-1)
#define TREE_LANES 8
#define TREE_MAX_DEPTH 1024		/* splits from the root to a leaf; whoever grows deeper trees must stop there */
#define TREE_MAX_NODES (1 << 30)	/* of a forest */
#define TREE_MAX_OUTPUTS 65536

/* words of 32 bits that a split on a feature of so many categories takes */
#define TREE_WORDS(categories) (((categories) + 31) / 32)

typedef struct TreeNode
{
	double		threshold;		/* split on a number: x <= threshold goes left; leaf: its value, where leaves have one number */
	int32_t		feature;		/* >= 0: a split; TREE_LEAF: a leaf */
	int32_t		left;			/* split: number of the left child in its tree, the right one is left + 1; leaf: number of its
								 * vector, where leaves have vectors (else 0) */
	int32_t		words;			/* split on a category: number of its first word, bit c % 32 of word c / 32 set: category c goes
								 * left; -1: a split on a number, or a leaf */
	uint32_t	missing_left;	/* 1: NaN, and a category not seen in training, goes left; 0: right */
	float		cover;			/* > 0: weight of the training rows that came by */
	float		gain;			/* of the split, >= 0; 0 of a leaf */
} TreeNode;

/* A finished tree as its grower has it.  nodes[0] is the root; children have larger numbers than their parent. */
typedef struct Tree
{
	int			nnodes;			/* 1, or splits and leaves */
	const TreeNode *nodes;
	size_t		nwords;
	const uint32_t *words;		/* what nodes[].words counts in; NULL without categories */
	int			nvectors;
	const float *vectors;		/* [nvectors][outputs], where leaves have vectors; else NULL */
} Tree;

typedef struct TreeScorer TreeScorer;
typedef struct TreeShap TreeShap;

typedef struct TreeForest
{
	int			features;
	int		   *categories;		/* [features] number of categories; 0: a number */
	int			outputs;		/* numbers a prediction; >= 1 */
	int			leaf_outputs;	/* 1: tree t speaks for output t % outputs, leaves have one number (boosting, isolation);
								 * outputs: leaves have vectors, every tree speaks for all (random forest of classes).  With one
								 * output it is 1. */
	double		scale;			/* 1; of a mean: 1 / ntrees, set by the grower before tree_forest_ready */
	double	   *base;			/* [outputs], zeros until the grower sets them */

	int			ntrees;
	size_t	   *first;			/* [ntrees + 1] number of each tree's root in nodes */
	TreeNode   *nodes;			/* [first[ntrees]] in the order of tree_forest_append; left counts from the tree's root, words and
								 * vectors from the forest's first */
	size_t		nwords;
	uint32_t   *words;
	size_t		nvectors;
	float	   *vectors;		/* [nvectors][outputs] */

	size_t		room[4];		/* for trees, nodes, words, vectors */
	bool		slow;			/* rows are scored elsewhere: tree_forest_ready need not make that quick; the same bits */
	TreeScorer *scorer;			/* by tree_forest_ready */
	TreeShap   *shap;			/* likewise */
} TreeForest;

/* An empty forest, owned by ctx.  categories [features] is copied. */
extern TreeForest *tree_forest_create(EcmlCtx *ctx, int features, const int *categories, int outputs, int leaf_outputs);

/*
 * Add a tree: copied, its nodes renumbered breadth-first, its words and vectors put behind those that are there.  Too many
 * nodes: ECML_LIMIT_EXCEEDED.  A tree that is none (a node with two parents, too deep): ECML_INTERNAL.
 */
extern void tree_forest_append(EcmlCtx *ctx, TreeForest *forest, const Tree *tree);

/* Forget all trees but the first ntrees (early stopping). */
extern void tree_forest_truncate(TreeForest *forest, int ntrees);

/* No more trees come: derive what scoring and explaining need.  tree_forest_read does it by itself. */
extern void tree_forest_ready(EcmlCtx *ctx, TreeForest *forest);

/*
 * out [outputs] for x [features].  The first uses memory of the forest's own: one caller at a time.  The second takes many
 * rows, x [rows][features], out [rows][outputs], on the threads of ctx; the same bits.
 */
extern void tree_forest_predict(const TreeForest *forest, const double *x, double *out);
extern void tree_forest_predict_rows(EcmlCtx *ctx, const TreeForest *forest, size_t rows, const double *x, double *out);

/* Number in its tree of the leaf that x falls into. */
extern int	tree_forest_leaf(const TreeForest *forest, int tree, const double *x);

/*
 * What each feature adds, phi [features], to *base for one output, so that *base + sum of phi = out[output]: path-dependent
 * TreeSHAP (Lundberg et al. 2018), exact.  One caller at a time.
 */
extern void tree_forest_shap(const TreeForest *forest, const double *x, int output, double *base, double *phi);

/* By feature, each [features] or NULL: sum of gains, number of splits, cover of the rows that came by its splits. */
extern void tree_forest_importance(const TreeForest *forest, double *gain, double *splits, double *cover);

/* Which rows come to a node, feature by feature. */
typedef struct TreeCondition
{
	int			feature;
	double		low;			/* a number: low < x <= high; -infinity, infinity: no bound */
	double		high;
	const uint32_t *allowed;	/* [TREE_WORDS(categories)] a category: bit set: it comes here; NULL: a number */
	bool		missing;		/* so does NaN, or a category not seen in training */
} TreeCondition;

typedef struct TreeRule
{
	int			tree;
	int			node;			/* number in its tree */
	bool		leaf;
	int			depth;			/* splits above it */
	double		cover;
	double		share;			/* of the root's cover */
	const double *value;		/* [leaf_outputs] of a leaf: as it adds to the prediction, before scale; of a split: the mean of the
								 * leaves below it, by cover */
	int			nconditions;
	const TreeCondition *conditions;	/* in the order in which the path meets the features */
} TreeRule;

/* Visit the nodes of a tree (all of them, or its leaves) from left to right.  visit may leave by a long jump. */
typedef void (*TreeVisit) (void *arg, const TreeRule *rule);
extern void tree_forest_rules(EcmlCtx *ctx, const TreeForest *forest, int tree, bool leaves_only, TreeVisit visit, void *arg);

extern void tree_forest_write(EcmlWriter *w, const TreeForest *forest);

/* Checks everything, and that the columns are these; the forest is ready, by the second not yet. */
extern TreeForest *tree_forest_read(EcmlReader *r, int features, const int *categories);
extern TreeForest *tree_forest_read_nodes(EcmlReader *r, int features, const int *categories);

#endif							/* ECML_TREE_FOREST_H */
