/*
 * forest_internal.h - what the files of decision trees and random forests share
 */
#ifndef ECML_FOREST_INTERNAL_H
#define ECML_FOREST_INTERNAL_H

#include "tree/forest.h"
#include "tree/tree_bins.h"
#include "tree/tree_internal.h"

#define FOREST_BINS 256

/* Training rows of all trees: a byte a value, column by column. */
typedef struct ForestData
{
	const TreeBins *bins;
	size_t		rows;
	int			columns;
	uint8_t   **column;			/* [columns][rows] */
	const double *y;			/* [rows] */
	const double *w;			/* [rows] or NULL */
	int			classes;		/* 0: a number */
	int			width;			/* numbers that sum up rows: classes, or 2: weight, weight times target */
	bool		counts;			/* classes without weights of rows: sums are counts */
	double	   *class_weight;	/* [classes] */
	int			criterion;
	int			features_tried;
	double		min_leaf;		/* rows, of those drawn */
	double		min_split;
	size_t		drawn;			/* rows for a tree */
	const ForestParams *params;
} ForestData;

/* A row that a tree has drawn. */
typedef struct ForestCount		/* classes without weights of rows */
{
	uint32_t	row;
	uint16_t	times;
	uint16_t	class;
} ForestCount;

typedef struct ForestRow
{
	uint32_t	row;
	uint32_t	times;
	double		y;
} ForestRow;

/* The bins of a column that a node's rows are in, with their sums. */
typedef struct ForestCells
{
	int			n;
	uint8_t		bin[FOREST_BINS];	/* ascending */
	double		rows[FOREST_BINS];
	double	   *sum;			/* [n][width] */
} ForestCells;

typedef struct ForestSplit
{
	double		gain;			/* decrease of the node's weighted impurity; < 0: there is none */
	int			column;
	int			cut;			/* number: bins up to it go left; -1: a category */
	bool		missing_left;
	uint64_t	left[FOREST_BINS / 64]; /* category: bins that go left */
} ForestSplit;

/* A place to split at. */
typedef struct ForestPlace
{
	double		worth;			/* of both sides */
	int			cell;			/* cells before it go left */
	bool		missing_left;
	bool		found;
} ForestPlace;

typedef struct ForestMedians ForestMedians;

/* A node under way. */
typedef struct ForestNode
{
	int			node;			/* its number in the tree */
	int			depth;
	uint32_t	from;			/* its rows in the order of the tree */
	uint32_t	to;
	ForestSplit split;			/* best first: the one found */
} ForestNode;

typedef enum ForestPhase
{
	FOREST_IDLE,
	FOREST_DRAW,				/* rows are drawn */
	FOREST_GATHER,				/* and put together */
	FOREST_GROW,
	FOREST_ROOM,				/* the leader must give room */
	FOREST_PRUNE,
	FOREST_DONE
} ForestPhase;

/* A tree under way: what a task does on it is bounded, and goes on with the next call. */
typedef struct ForestGrower
{
	const ForestData *data;
	EcmlRng		rng;
	ForestPhase phase;
	size_t		at;				/* row, while gathering */
	size_t		left;			/* rows still to be drawn */

	uint16_t   *times;			/* [rows] how often a row was drawn */
	size_t		n;				/* rows of the tree */
	void	   *rows;			/* [n] ForestCount or ForestRow, those of a node side by side */
	void	   *spare;			/* [n] */
	double		drawn_weight;	/* sum of weights, with those of classes */

	/* the tree */
	int			nnodes;
	int			room;			/* for nodes */
	TreeNode   *nodes;
								/* until it is appended, words is the column of a split */
	int32_t    *cut;			/* [nodes] number: bins up to it go left; a category: -1 - number of its set */
	double	   *value;			/* [nodes] of a leaf */
	double	   *risk;			/* [nodes] weighted impurity, where trees are pruned; else NULL */
	int			nsets;
	int			room_sets;
	uint64_t   *sets;			/* [nsets][4] bins that go left */
	int			nvectors;
	float	   *vectors;		/* [vectors][classes] of more than two classes; of leaves, or where any node may become one of all nodes */
	bool		all_vectors;

	/* nodes to be looked at; a stack */
	int			nwaiting;
	ForestNode *waiting;		/* [TREE_MAX_DEPTH + 2] */
	/* looked at, not split yet (best first); a heap by gain */
	int			nopen;
	ForestNode *open;			/* [max_leaves] */
	int			leaves;

	/* the node at hand */
	bool		busy;
	ForestNode	node;
	int			visited;		/* features */
	bool		varies;			/* one of them had more than one bin */
	int		   *features;		/* [columns] in an order that changes */
	double	   *total;			/* [width] */
	double		total_rows;
	ForestSplit best;

	/* scratch */
	uint64_t   *packed;			/* [FOREST_BINS] two classes, counted */
	uint32_t   *count;			/* [FOREST_BINS][classes] more of them, counted */
	double	   *sums;			/* [FOREST_BINS][1 + width] else: rows, sums */
	ForestCells cells;
	double	   *before;			/* [width] */
	double	   *after;			/* [width] */
	double	   *with;			/* [width] */
	ForestMedians *medians;		/* absolute error; else NULL */

	/* rows that it has not seen, if they are asked for; else NULL */
	size_t		nunseen;
	uint32_t   *unseen;			/* [rows] those of a node side by side, as rows are */
	uint32_t   *unseen_spare;	/* [rows] */
	uint32_t   *unseen_from;	/* [nodes] where a node's begin and end in unseen */
	uint32_t   *unseen_to;
} ForestGrower;

/* ---------------------------------------------------------------- forest_split.c */

/* Look for a better split than grower->best on a column, for grower->node; false: all rows are in one bin. */
extern bool forest_split_column(ForestGrower *grower, int column);

/* Weighted impurity of sums [width]: total weight times impurity. */
extern double forest_impurity(const ForestData *data, const double *sums);

/* ---------------------------------------------------------------- forest_absolute.c */

extern ForestMedians *forest_medians_create(EcmlCtx *ctx, const ForestData *data);

/* With grower->node summed up: its median becomes its value.  varies: its targets are not all the same. */
extern void forest_absolute_node(ForestGrower *grower, bool varies);

/* The sum of distances of the node's targets from their median. */
extern double forest_absolute_deviation(const ForestGrower *grower);

/* Go through cells order [n] of the column from left to right; missing: a cell beside them, tried on both sides, or -1. */
extern void forest_absolute_search(ForestGrower *grower, int column, const uint8_t *order, int n, int missing, ForestPlace *best);

/* ---------------------------------------------------------------- forest_grow.c */

extern ForestGrower *forest_grower_create(EcmlCtx *ctx, const ForestData *data);

/* Begin with tree number tree. */
extern void forest_grower_start(EcmlCtx *ctx, ForestGrower *grower, int tree);

/* Go on for a few milliseconds.  Called in tasks. */
extern void forest_grower_work(ForestGrower *grower);

/* Room for more nodes, by the leader, when phase is FOREST_ROOM. */
extern void forest_grower_enlarge(EcmlCtx *ctx, ForestGrower *grower);

/* Add the finished tree to a forest. */
extern void forest_grower_append(EcmlCtx *ctx, const ForestGrower *grower, TreeForest *forest);

#endif							/* ECML_FOREST_INTERNAL_H */
