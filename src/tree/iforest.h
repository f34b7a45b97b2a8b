/*
 * iforest.h - isolation forest, axis-parallel and extended
 *
 * Rows that few random splits set apart are anomalies (Liu, Ting and Zhou 2008).  Each tree is grown from sample_size rows drawn at
 * random, by splitting on a random column at a random place, to a depth of log2(sample_size).  With c(n) the mean path of an
 * unsuccessful search in a tree of n rows, and h(x) the depth at which x ends in a tree, plus c of the rows that end there:
 *
 *     score(x) = 2 ^ (-mean of h(x) over the trees / c(sample_size))
 *
 * in (0, 1): about 0.5 for rows like the others, near 1 for those that are easily set apart.
 *
 * extension_level above 0 splits by random planes through so many columns and one (Hariri, Kind and Brunner 2019), each column in
 * units of its deviation.
 */
#ifndef ECML_IFOREST_H
#define ECML_IFOREST_H

#include "num/blocks.h"
#include "num/bytes.h"
#include "tree/tree_forest.h"

#define IFOREST_MAX_TREES 100000
#define IFOREST_MAX_SAMPLE 1000000
#define IFOREST_MAX_DEPTH 64

typedef struct IforestParams
{
	int			n_trees;
	int			sample_size;	/* rows a tree */
	double		max_features;	/* up to 1: share of the columns that a tree may split on; 2 and more: their number */
	double		contamination;	/* share of the rows that are taken for anomalies; 0: those of a score above 0.5 */
	int			extension_level;
	int			max_depth;		/* 0: log2(sample_size), rounded up */
} IforestParams;

#define IFOREST_DEFAULTS {.n_trees = 100, .sample_size = 256, .max_features = 1}

typedef struct IforestTask
{
	const IforestParams *params;
	const int  *categories;		/* [columns] number of categories, 0: a number; NULL: all are numbers */
} IforestTask;

typedef struct IforestOblique IforestOblique;
typedef struct IforestScorer IforestScorer;

typedef struct IforestModel
{
	int			columns;
	int			n_trees;
	int			sample_size;	/* rows a tree was grown from: no more than there were */
	double		normalizer;		/* c(sample_size) */
	double		threshold;		/* a score above it is an anomaly's */
	uint64_t	rows;			/* that trees were drawn from */
	double		share;			/* of them above the threshold */
	TreeForest *forest;			/* the one, */
	IforestScorer *scorer;		/* derived from it, or NULL: the forest's own serves; or */
	IforestOblique *oblique;	/* the other; outputs are mean path lengths */
} IforestModel;

/* NULL, or what is wrong. */
extern const char *iforest_check(const IforestParams *params);

/* How many rows are enough for all trees together. */
extern int64_t iforest_sample_rows(const IforestParams *params);

/* data: ECML_F8, native; weights are heeded. */
extern IforestModel *iforest_fit(EcmlCtx *ctx, EcmlData *data, const IforestTask *task);

/* c(n): the mean path of an unsuccessful search among n. */
extern double iforest_average_path(double n);

extern double iforest_path(const IforestModel *model, const double *x);	/* the mean of h(x) */
extern double iforest_score(const IforestModel *model, const double *x);
extern void iforest_scores(EcmlCtx *ctx, const IforestModel *model, size_t rows, const double *x, double *scores);

/*
 * What each column adds, c [columns], to *base: *base + their sum = log2 of the score.  Axis-parallel: Shapley values.  Extended:
 * what each split on the way adds is shared by its columns as they take part in the row's distance from the plane.
 */
extern void iforest_contributions(const IforestModel *model, const double *x, double *base, double *c);

/* How unevenly the splits on each column part the rows, importance [columns], in all 1 (0 without any split). */
extern void iforest_importance(const IforestModel *model, double *importance);

extern void iforest_write(EcmlWriter *w, const IforestModel *model);
extern IforestModel *iforest_read(EcmlReader *r, int columns, const int *categories);

#endif							/* ECML_IFOREST_H */
