/*
 * iforest_internal.h - what the files of the isolation forest share
 */
#ifndef ECML_IFOREST_INTERNAL_H
#define ECML_IFOREST_INTERNAL_H

#include <math.h>
#include <string.h>

#include "iforest.h"

/* The rows that trees are drawn from; they stay in memory. */
typedef struct IforestRows
{
	size_t		n;
	int			columns;
	const EcmlBlock *blocks;
	const int  *categories;		/* [columns]; NULL: all are numbers */
	const double *scale;		/* [columns] 1 / deviation, 0 of a constant column; extended only */
	double	   *upto;			/* [n] weight of the rows up to each, itself included; NULL: all weigh the same */
} IforestRows;

static inline double
iforest_value(const IforestRows *rows, size_t row, int column)
{
	return ECML_BLOCK_F8(&rows->blocks[row / ECML_BLOCK_ROWS], column)[row % ECML_BLOCK_ROWS];
}

static inline int
iforest_categories(const IforestRows *rows, int column)
{
	return rows->categories ? rows->categories[column] : 0;
}

/* 64 bits that say nothing of what they are made of. */
static inline uint64_t
iforest_mix(uint64_t a, uint64_t b)
{
	uint64_t	state = a ^ (b + UINT64_C(0x9E3779B97F4A7C15)) * UINT64_C(0xBF58476D1CE4E5B9);

	return ecml_splitmix64(&state);
}

/* A thread's own memory. */
typedef struct IforestScratch
{
	uint32_t   *rows;			/* [sample_size] of the tree, its nodes side by side */
	uint32_t   *all;			/* [n] numbers of all rows, in any order; drawing leaves them so */
	double	   *used;			/* [n] weight of a row that was drawn; 0 between trees */
	int		   *columns;		/* [columns] of the tree; those that are constant in a node, and below it, first */
	struct IforestOpen *open;	/* nodes that wait */
	double	   *sums;			/* [sample_size] extended: distances from the plane */
} IforestScratch;

/* A node that is to be split, or not. */
typedef struct IforestOpen
{
	int			node;
	int			from;			/* its rows */
	int			to;
	int			depth;
	int			constant;		/* how many columns are known to be */
} IforestOpen;

typedef struct IforestShape
{
	int			sample_size;
	int			depth;			/* splits from the root to a leaf, at most */
	int			tree_columns;	/* that a tree may split on */
	int			active;			/* columns of a plane */
	int			most_nodes;		/* of a tree */
} IforestShape;

/* Draw the rows and the columns of a tree. */
extern void iforest_draw(const IforestRows *rows, const IforestShape *shape, EcmlRng *rng, IforestScratch *scratch);

/* Move the rows of a node for which left says so to its front; how many. */
static inline int
iforest_swap(uint32_t *rows, int i, int j)
{
	uint32_t	row = rows[i];

	rows[i] = rows[j];
	rows[j] = row;
	return i + 1;
}

/* Grow an axis-parallel tree.  seeds [nodes]: of splits on categories, whose words are not made yet.  The number of nodes. */
extern int	iforest_grow(const IforestRows *rows, const IforestShape *shape, EcmlRng *rng, IforestScratch *scratch, TreeNode *nodes,
						 uint64_t *seeds);

/* Does a category go left? */
static inline bool
iforest_category_left(uint64_t seed, int code)
{
	return iforest_mix(seed, (uint64_t) code) >> 63;
}

/* ---- scoring (iforest_scorer.c) */

/* Can this processor do it? */
extern bool iforest_scorer_possible(void);

/* For a forest that is ready.  NULL: not for this one, or not on this processor. */
extern IforestScorer *iforest_scorer_create(EcmlCtx *ctx, const TreeForest *forest);

/* Sum of the path lengths, before base and scale.  scratch [iforest_scorer_scratch]; NULL: its own, one caller at a time. */
extern double iforest_scorer_sum(const IforestScorer *scorer, const double *x, uint32_t *scratch);
extern size_t iforest_scorer_scratch(const IforestScorer *scorer);

/* ---- extended */

typedef struct ObliqueNode
{
	double		offset;			/* split: a row goes left when its sum is not above it; leaf: depth and c */
	int32_t		left;			/* number of the left child in its tree, the right one is left + 1; 0: a leaf */
	int32_t		terms;			/* of the plane */
	size_t		first;			/* its first term, in the tree; in a forest: in the forest */
	double		expected;		/* mean of the leaves below, by cover */
	float		cover;
} ObliqueNode;

/* What a column adds to the sum: weight times the value; of a category times a number that it has here. */
typedef struct ObliqueTerm
{
	int32_t		column;
	double		weight;
	double		fill;			/* value in place of one that is missing: the mean of the node's */
	double		center;			/* where the plane was laid through: what the weight is multiplied with is counted from there */
} ObliqueTerm;

struct IforestOblique
{
	int			columns;
	int		   *categories;		/* [columns] */
	uint64_t	seed;			/* of the categories' numbers */
	int			ntrees;
	size_t	   *first;			/* [ntrees + 1] */
	ObliqueNode *nodes;			/* [first[ntrees]] */
	size_t		nterms;
	ObliqueTerm *terms;			/* [nterms] */
	size_t		room[2];		/* for nodes, terms; while it grows */
};

/* The number of a category in a term: uniform, mean 0, deviation 1. */
static inline double
iforest_category_number(uint64_t seed, size_t term, int code)
{
	uint64_t	bits = iforest_mix(iforest_mix(seed, term), (uint64_t) code);

	return ((double) (bits >> 11) * 0x1.0p-53 - 0.5) * 3.4641016151377544;
}

extern IforestOblique *iforest_oblique_create(EcmlCtx *ctx, const IforestRows *rows, int ntrees, uint64_t seed);

/* Grow a tree; the number of its nodes, and of its terms.  tree: its number. */
extern int	iforest_oblique_grow(const IforestRows *rows, const IforestShape *shape, EcmlRng *rng, IforestScratch *scratch,
								 uint64_t seed, int tree, ObliqueNode *nodes, ObliqueTerm *terms, size_t *nterms);
extern void iforest_oblique_append(EcmlCtx *ctx, IforestOblique *forest, const ObliqueNode *nodes, int nnodes,
								   const ObliqueTerm *terms, size_t nterms);

/* All trees are there: what nodes expect. */
extern void iforest_oblique_ready(IforestOblique *forest);

extern double iforest_oblique_path(const IforestOblique *forest, const double *x);
extern void iforest_oblique_contributions(const IforestOblique *forest, const double *x, double *base, double *c);
extern void iforest_oblique_importance(const IforestOblique *forest, double *importance);
extern void iforest_oblique_write(EcmlWriter *w, const IforestOblique *forest);
extern IforestOblique *iforest_oblique_read(EcmlReader *r, int columns, const int *categories);

/* How unevenly a split parts its rows: cover times (ln 2 - entropy of the parts). */
static inline double
iforest_unevenness(double left, double right)
{
	double		p = left / (left + right);
	double		entropy = (p > 0 ? -p * log(p) : 0) + (p < 1 ? -(1 - p) * log(1 - p) : 0);
	double		gain = (left + right) * (0.69314718055994531 - entropy);

	return gain > 0 ? gain : 0;
}

#endif							/* ECML_IFOREST_INTERNAL_H */
