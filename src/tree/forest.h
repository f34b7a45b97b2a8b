/*
 * forest.h - decision trees (Breiman et al. 1984) and random forests (Breiman 2001), of classes and of numbers
 *
 * Rows are ECML_F4 blocks of native features (EcmlData.origin), NaN: missing, a category as its code; y is a number, or a class
 * 0 .. classes - 1.  A decision tree is a forest of one tree without bootstrap.
 *
 * Prediction: the mean over the trees of what their leaves say: a value, or the shares of the classes.
 */
#ifndef ECML_FOREST_H
#define ECML_FOREST_H

#include "tree/tree_forest.h"

#define FOREST_MAX_TREES 100000
#define FOREST_MAX_CLASSES 1000
#define FOREST_MAX_LEAVES 100000000

typedef enum ForestCriterion	/* on disk: append only */
{
	FOREST_AUTO,				/* gini, or squared error */
	FOREST_GINI,
	FOREST_ENTROPY,
	FOREST_SQUARED_ERROR,
	FOREST_POISSON,				/* half the deviance; the target is at least 0 */
	FOREST_ABSOLUTE_ERROR		/* from the median, which a leaf says */
} ForestCriterion;

typedef enum ForestFeatures		/* tried at a split */
{
	FOREST_FEATURES_AUTO,		/* a tree: all; a forest of classes: sqrt; of numbers: a third */
	FOREST_FEATURES_SQRT,
	FOREST_FEATURES_LOG2,
	FOREST_FEATURES_THIRD,
	FOREST_FEATURES_ALL
} ForestFeatures;

typedef struct ForestParams
{
	int			criterion;		/* ForestCriterion */
	int			n_trees;
	int			max_depth;		/* splits above a leaf; 0: no bound but that of the forest */
	double		min_samples_leaf;	/* rows that a leaf has at least; below 1: a share of the rows of training; 0: by trial */
	double		min_samples_split;	/* likewise, of a node that is split */
	int			max_leaves;		/* then the best splits come first; 0: no bound */
	double		min_impurity_decrease;	/* that a split must bring, weighed by the node's share of the rows */
	int			max_features;	/* ForestFeatures; -1: features_number */
	double		features_number;	/* features tried at a split; below 1: a share */
	bool		bootstrap;		/* rows of a tree are drawn with replacement; else, if fewer than all, without */
	double		max_samples;	/* rows that are drawn for a tree: 0: as many as there are; below 1: a share */
	bool		balanced;		/* class weights rows / (classes * rows of the class) */
	double		ccp_alpha;		/* cost of a leaf: prune what decreases the impurity less */
	int			max_bins;		/* 2 .. 255 */
	bool		oob;			/* predict rows by the trees that have not seen them */
} ForestParams;

/* Without min_samples_leaf: 5 rows, where a trial (few rows, enough trees) does not say otherwise. */
#define FOREST_LEAF 5
#define FOREST_TRIAL_ROWS 20000
#define FOREST_TRIAL_OUTPUTS 500000 /* rows times classes: deep trees have a vector of the classes in each of many leaves */

#define FOREST_DEFAULTS {.n_trees = 100, .min_samples_split = 2, .bootstrap = true, .max_bins = 255, .oob = true}
#define FOREST_TREE_DEFAULTS {.n_trees = 1, .max_depth = 6, .min_samples_leaf = 10, .min_samples_split = 2, .max_bins = 255}

/* What beside the options a fit is told. */
typedef struct ForestTask
{
	const ForestParams *params;
	int			features;		/* columns of the data */
	const int  *categories;		/* [features] number of categories, 0: a number; NULL: all numbers */
	int			classes;		/* of y; 0: a number */
	const double *class_weight; /* [classes] > 0, or NULL; instead of balanced */
} ForestTask;

typedef struct ForestModel
{
	int			criterion;		/* never auto */
	int			classes;		/* 0: a number */
	TreeForest *forest;			/* outputs 1 (a value; two classes: the share of the second), or a vector of the classes */

	/* of the training */
	double		rows;
	int			features_tried; /* at a split */
	double		min_leaf;		/* rows of a leaf, at least */
	double		oob_rows;		/* that some tree has not seen; 0: there are none, and what follows is NaN */
	double		oob_accuracy;
	double		oob_log_loss;
	double		oob_roc_auc;	/* two classes */
	double		oob_r2;
	double		oob_rmse;
} ForestModel;

/* NULL, or what is wrong with the parameters beyond single ranges. */
extern const char *forest_check(const ForestParams *params);

/* Fit; the result is owned by ctx.  Same seed of the ctx, same rows in the same order: same bits, at any thread count. */
extern ForestModel *forest_fit(EcmlCtx *ctx, EcmlData *data, const ForestTask *task);

/* The value; of two classes the probability of the second.  x [features]. */
extern double forest_predict(const ForestModel *model, const double *x);
extern void forest_probabilities(const ForestModel *model, const double *x, double *p);

/* The same for many rows: out [rows], of classes [rows][classes]. */
extern void forest_predict_rows(EcmlCtx *ctx, const ForestModel *model, size_t rows, const double *x, double *out);

/* Share of each feature [features] in the decrease of impurity by all splits. */
extern void forest_importance(const ForestModel *model, double *importance);

extern const char *forest_criterion_name(int criterion);

extern void forest_write(EcmlWriter *w, const ForestModel *model);
extern ForestModel *forest_read(EcmlReader *r, int features, const int *categories, int classes);

#endif							/* ECML_FOREST_H */
