/*
 * gbdt.h - gradient boosted trees on histograms (Friedman 2001; Chen and Guestrin 2016; Ke et al. 2017)
 *
 * Rows are ECML_F4 blocks of native features (EcmlData.origin), NaN: missing, a category as its code; y is a number, or a class
 * 0 .. classes - 1.  Further columns behind the features may tell which rows validate and to which group a row belongs.
 *
 * Prediction: scores, one an output (softmax: one a class), are sums of trees; the objective's link makes values or
 * probabilities of them.
 */
#ifndef ECML_GBDT_H
#define ECML_GBDT_H

#include "tree/tree_forest.h"

#define GBDT_MAX_LEAVES 32768
#define GBDT_MAX_CLASSES 1000
#define GBDT_MAX_TREES 1000000

typedef enum GbdtObjective		/* on disk: append only */
{
	GBDT_AUTO,					/* by the target: squared error, logistic, softmax */
	GBDT_SQUARED_ERROR,
	GBDT_ABSOLUTE_ERROR,
	GBDT_HUBER,
	GBDT_QUANTILE,
	GBDT_POISSON,				/* link: log */
	GBDT_GAMMA,					/* link: log */
	GBDT_TWEEDIE,				/* link: log */
	GBDT_LOGISTIC,
	GBDT_SOFTMAX,
	GBDT_LAMBDARANK
} GbdtObjective;

typedef enum GbdtMetric
{
	GBDT_METRIC_LOSS,			/* the mean loss of the objective; of ranking NDCG */
	GBDT_METRIC_ROC_AUC,		/* two classes */
	GBDT_METRIC_PR_AUC,
	GBDT_METRIC_ERROR,			/* share of rows whose class is not the most probable one */
	GBDT_METRIC_RMSE,			/* of the value, not the score */
	GBDT_METRIC_MAE,
	GBDT_METRIC_NDCG
} GbdtMetric;

typedef struct GbdtParams
{
	int			objective;		/* GbdtObjective */
	int			n_trees;		/* boosting rounds; a round of softmax grows a tree for each class */
	double		learning_rate;
	int			max_leaves;		/* 2 .. GBDT_MAX_LEAVES */
	int			max_depth;		/* splits above a leaf; 0 or less: no bound but that of the forest */
	int			min_child_samples;	/* rows of a leaf, exactly */
	double		min_child_weight;	/* sum of hessians of a leaf */
	double		l1;
	double		l2;
	double		min_gain;		/* a split must gain more */
	double		max_delta_step; /* bound of a leaf's value before the learning rate; 0: none */
	int			max_bins;		/* 2 .. TREE_MAX_BINS */
	double		subsample;		/* share of the rows that a tree is grown from */
	int			subsample_freq; /* trees until rows are drawn anew; 0: never draw */
	double		colsample_tree; /* share of the columns that a tree may use */
	double		colsample_node; /* share of those that a split may use */
	double		cat_smooth;
	double		cat_l2;
	int			max_cat_threshold;	/* categories on the lesser side of a split, at most */
	int			max_cat_to_onehot;	/* columns of up to so many categories are split one against the rest */
	int			min_data_per_group; /* rows of categories between two places tried for a split */
	double		alpha;			/* quantile: the level; huber: the share of residuals that count squared, unless delta */
	double		huber_delta;	/* > 0: residuals beyond it count linearly; 0: by alpha */
	double		variance_power; /* of tweedie, 1 .. 2 */
	double		scale_pos_weight;	/* weight of the rows of the second class */
	bool		balanced;		/* class weights rows / (classes * rows of the class) */
	double		validation_fraction;	/* share of the rows, drawn by the seed; 0: none */
	int			early_stopping_rounds;	/* 0: never; needs rows that validate */
	int			metric;			/* GbdtMetric, of the validation rows */
	int			ndcg_at;		/* NDCG of so many places */
	int			truncation;		/* lambdarank: pairs with one of so many places on top */
} GbdtParams;

#define GBDT_DEFAULTS {.n_trees = 100, .learning_rate = 0.1, .max_leaves = 31, .min_child_samples = 20, .min_child_weight = 1e-3, \
	.max_bins = 255, .subsample = 1, .subsample_freq = 1, .colsample_tree = 1, .colsample_node = 1, .cat_smooth = 10, .cat_l2 = 10, \
	.max_cat_threshold = 32, .max_cat_to_onehot = 4, .min_data_per_group = 100, .alpha = 0.9, .variance_power = 1.5, \
	.scale_pos_weight = 1, .early_stopping_rounds = 20, .ndcg_at = 10, .truncation = 30}

/* What beside the options a fit is told. */
typedef struct GbdtTask
{
	const GbdtParams *params;
	int			features;		/* the first columns of the data */
	const int  *categories;		/* [features] number of categories, 0: a number; NULL: all numbers */
	int			classes;		/* of y; 0: a number */
	const double *class_weight; /* [classes] > 0, or NULL; instead of balanced */
	const int8_t *monotone;		/* [features] 1: the prediction must not fall as the feature rises, -1: must not rise, 0; or NULL */
	int			validation;		/* column of the data: not 0: the row validates; -1: none */
	int			group;			/* column of the data: number of the row's group (ranking); -1: none */
} GbdtTask;

typedef struct GbdtModel
{
	int			objective;		/* GbdtObjective, never auto */
	int			classes;		/* 0: a number */
	TreeForest *forest;			/* outputs: 1; softmax: classes */

	/* of the training */
	int			rounds;			/* that are kept */
	int			grown;			/* rounds that were grown */
	int			metric;			/* GbdtMetric */
	double		rows;			/* that trees were grown from */
	double		validation_rows;
	double		train_metric;	/* of the rounds that are kept; NaN: not known */
	double		validation_metric;	/* of the best round; NaN without such rows */
	int			ncurve;			/* points of the learning curve */
	int		   *curve_round;	/* [ncurve] 1 ... */
	double	   *curve_train;	/* [ncurve] NaN: not taken */
	double	   *curve_validation;	/* [ncurve] NaN without such rows */
	int			constant_columns;
} GbdtModel;

/* NULL, or what is wrong with the parameters beyond single ranges. */
extern const char *gbdt_check(const GbdtParams *params);

/*
 * Fit; the result is owned by ctx.  Same seed of the ctx, same rows in the same order: same bits, at any thread count.  A target
 * that the objective cannot take (negative counts, one class only): ECML_DATA_EXCEPTION.
 */
extern GbdtModel *gbdt_fit(EcmlCtx *ctx, EcmlData *data, const GbdtTask *task);

/* From scores [outputs] to: a value (numbers, ranking), or probabilities [classes]. */
extern void gbdt_link(const GbdtModel *model, const double *scores, double *out);

/* The value; of two classes the probability of the second.  x [features]. */
extern double gbdt_predict(const GbdtModel *model, const double *x);
extern void gbdt_probabilities(const GbdtModel *model, const double *x, double *p);

/* The same of n rows, row i from x + i * stride on: out [n], of classes [n][classes].  On the threads of ctx. */
extern void gbdt_predict_rows(EcmlCtx *ctx, const GbdtModel *model, const double *x, size_t stride, size_t n, double *out);

/* Greater is better? */
extern bool gbdt_metric_rises(int metric);

extern const char *gbdt_objective_name(int objective);
extern const char *gbdt_metric_name(int objective, int metric);

extern void gbdt_write(EcmlWriter *w, const GbdtModel *model);
extern GbdtModel *gbdt_read(EcmlReader *r, int features, const int *categories, int classes);

#endif							/* ECML_GBDT_H */
