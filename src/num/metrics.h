/*
 * metrics.h - how good predictions are: scores of two classes, labels of several, numbers
 *
 * Definitions are scikit-learn's, and so are the numbers, to 1e-9 and better (test/data/metrics).  What is not defined (a
 * ROC curve of one class, a precision without a positive prediction) is NaN, never an error.
 *
 * Scores are kept as two lists, those of the negative and those of the positive rows: 8 bytes a row, 16 with weights.  All
 * is computed from the sorted lists, so that it does not depend on the order in which the rows came (weighted sums: to the
 * last bit or two).
 */
#ifndef ECML_METRICS_H
#define ECML_METRICS_H

#include <math.h>

#include "bytes.h"
#include "ctx.h"
#include "dd.h"
#include "quantile.h"

/* ---------------------------------------------------------------- two classes, a score a row (metrics_scores.c) */

typedef struct EcmlScoreList
{
	size_t		n;
	size_t		capacity;
	double	   *v;				/* [n] scores; weighted: [n][2] scores and weights; owned by the ctx of the adding calls */
} EcmlScoreList;

typedef struct EcmlScores
{
	bool		weighted;
	bool		probabilities;	/* all scores are in [0, 1] */
	bool		sorted;
	EcmlScoreList of[2];		/* of the negative, of the positive rows */
} EcmlScores;

extern void ecml_scores_init(EcmlScores *s, bool weighted);

/*
 * Add a row, positive or not.  A score that is not finite, or a weight that is negative or not finite: ECML_DATA_EXCEPTION.
 * A row of weight 0 counts for nothing; weight is not looked at unless weighted.
 */
extern void ecml_scores_add(EcmlCtx *ctx, EcmlScores *s, bool positive, double score, double weight);

/* Add those of other, which must be weighted or not alike. */
extern void ecml_scores_merge(EcmlCtx *ctx, EcmlScores *s, const EcmlScores *other);

/* Exchange the classes. */
extern void ecml_scores_swap(EcmlScores *s);

/* Sort both lists, unless they are; all functions below need it.  Polls; memory for a list again. */
extern void ecml_scores_sort(EcmlCtx *ctx, EcmlScores *s);

extern void ecml_scores_free(EcmlCtx *ctx, EcmlScores *s);
extern void ecml_scores_write(EcmlWriter *w, const EcmlScores *s);
extern void ecml_scores_read(EcmlReader *r, EcmlScores *s);	/* checks everything */

typedef struct EcmlBinaryMetrics
{
	double		rows;			/* sum of weights, here and in all counts */
	double		positives;
	double		prevalence;		/* positives / rows */

	/* of the order of the scores */
	double		roc_auc;		/* ties count half; NaN: one class only */
	double		pr_auc;			/* average precision: sum of (R_n - R_(n-1)) P_n over distinct scores; NaN: no positives */
	double		gini;			/* 2 roc_auc - 1 */
	double		ks;				/* greatest distance of the classes' distributions of scores */
	double		ks_threshold;	/* the highest score at which it is reached */
	double		best_f1;		/* over all thresholds */
	double		best_f1_threshold;	/* the highest one that has it */

	/* of probabilities; NaN when a score is outside [0, 1] */
	double		log_loss;		/* probabilities cut to [2^-52, 1 - 2^-52] */
	double		brier;
	double		ece;			/* expected calibration error: 10 uniform bins */

	/* of the prediction score >= threshold */
	double		threshold;
	double		tp;
	double		fp;
	double		tn;
	double		fn;
	double		accuracy;
	double		balanced_accuracy;	/* mean recall of the classes that have rows */
	double		precision;
	double		recall;
	double		specificity;
	double		f1;
	double		mcc;			/* Matthews; 0 when a margin of the table is empty */
} EcmlBinaryMetrics;

extern void ecml_scores_metrics(EcmlCtx *ctx, const EcmlScores *s, double threshold, EcmlBinaryMetrics *out);

typedef struct EcmlConfusion
{
	double		tp;
	double		fp;
	double		tn;
	double		fn;
} EcmlConfusion;

extern EcmlConfusion ecml_scores_confusion(EcmlCtx *ctx, const EcmlScores *s, double threshold);

typedef struct EcmlBestThreshold
{
	double		threshold;		/* infinity: predict nothing positive */
	double		cost;
	EcmlConfusion confusion;	/* of score >= threshold */
} EcmlBestThreshold;

/* The threshold of the least fp * cost_fp + fn * cost_fn; among equals the highest. */
extern EcmlBestThreshold ecml_scores_best_threshold(EcmlCtx *ctx, const EcmlScores *s, double cost_fp, double cost_fn);

/* ---------------------------------------------------------------- curves and bins (metrics_curves.c); owned by ctx */

typedef struct EcmlCurvePoint
{
	double		threshold;		/* predicted positive: score >= threshold */
	double		x;				/* ROC: false positive rate; PR: recall */
	double		y;				/* ROC: true positive rate; PR: precision */
} EcmlCurvePoint;

/*
 * Points by falling threshold, from an infinite one on.  drop: leave out what lies on a straight line of the ROC curve, or
 * between changes of recall, as scikit-learn's drop_intermediate.  A rate of a class without rows is NaN.
 */
extern EcmlCurvePoint *ecml_scores_roc(EcmlCtx *ctx, const EcmlScores *s, bool drop, size_t *n);
extern EcmlCurvePoint *ecml_scores_pr(EcmlCtx *ctx, const EcmlScores *s, bool drop, size_t *n);

typedef struct EcmlLiftBin
{
	double		rows;
	double		positives;		/* rows with equal scores share their positives evenly among the bins they fall in */
	double		rate;			/* positives / rows */
	double		lift;			/* rate / rate of all rows */
	double		gain;			/* share of all positives in this bin and those before it */
	double		cumulative_lift;	/* of this bin and those before it together */
	double		min_score;
	double		max_score;
} EcmlLiftBin;

/*
 * Rows by falling score, cut in bins of equal size (the first ones one row larger, as SQL's ntile; weighted: of equal
 * weight); fewer bins when there are fewer rows.
 */
extern EcmlLiftBin *ecml_scores_lift(EcmlCtx *ctx, const EcmlScores *s, int bins, int *n);

typedef enum EcmlBinning
{
	ECML_BINS_UNIFORM,			/* of [0, 1] */
	ECML_BINS_QUANTILE			/* of about as many rows each */
} EcmlBinning;

typedef struct EcmlCalibrationBin
{
	double		low;			/* scores above low (the first bin: and low itself) up to high */
	double		high;
	double		rows;
	double		mean_score;		/* predicted */
	double		rate;			/* observed: share of the positives */
} EcmlCalibrationBin;

/* The bins that have rows.  A score outside [0, 1]: ECML_DATA_EXCEPTION. */
extern EcmlCalibrationBin *ecml_scores_calibration(EcmlCtx *ctx, const EcmlScores *s, int bins, EcmlBinning binning, int *n);

/* Expected calibration error: mean of |mean_score - rate| over the bins, by rows. */
extern double ecml_calibration_error(const EcmlCalibrationBin *bins, int n);

/* ---------------------------------------------------------------- labels of any number of classes (metrics_labels.c) */

typedef struct EcmlLabelMetrics
{
	double		rows;
	double		accuracy;
	double		balanced_accuracy;	/* mean recall of the classes that have rows */
	double		macro_precision;	/* means over the classes met, in rows or predictions; 0 where one has none */
	double		macro_recall;
	double		macro_f1;
	double		weighted_precision; /* means by the rows of the class */
	double		weighted_recall;
	double		weighted_f1;
	double		mcc;			/* Matthews for any number of classes (Gorodkin 2004); 0 when not defined */
} EcmlLabelMetrics;

typedef struct EcmlClassMetrics
{
	double		rows;			/* of this class */
	double		predicted;
	double		precision;		/* NaN: never predicted */
	double		recall;			/* NaN: no rows */
	double		f1;
} EcmlClassMetrics;

/* confusion [k][k]: weight of the rows of class i that were predicted as j; per_class [k] or NULL. */
extern void ecml_label_metrics(const double *confusion, int k, EcmlLabelMetrics *out, EcmlClassMetrics *per_class);

/* What a row adds to the log loss, p the probability of its class. */
static inline double
ecml_log_loss(double p)
{
	return -log(fmin(fmax(p, 0x1p-52), 1 - 0x1p-52));
}

/* Is the class among the two most probable?  Ties: the later class comes first, as in scikit-learn. */
extern bool ecml_in_top2(const double *p, int k, int class);

/*
 * Matthews' coefficient from a covariance and the products of both sides' margins; 0 when one is empty.  Under one root, so that
 * perfect predictions have exactly 1.
 */
static inline double
ecml_matthews(double covariance, double actual, double predicted)
{
	double		spread = actual * predicted;

	if (!(actual > 0 && predicted > 0))
		return 0;
	spread = spread > 0 && isfinite(spread) ? sqrt(spread) : sqrt(actual) * sqrt(predicted);
	/* rounding must not take it beyond 1 */
	return fmax(-1, fmin(1, covariance / spread));
}

/* ---------------------------------------------------------------- numbers (metrics_numbers.c) */

/* Sums in double-double: merging is addition, and order does not matter to 1e-15. */
typedef struct EcmlNumbers
{
	int64_t		rows;
	EcmlDd		weight;
	EcmlDd		error;			/* predicted - actual */
	EcmlDd		absolute;
	EcmlDd		squared;
	EcmlDd		percentage;		/* |error / actual|, of the rows with actual not 0 */
	EcmlDd		percentage_weight;
	EcmlDd		symmetric;		/* 2 |error| / (|actual| + |predicted|), 0 when both are 0 */
	EcmlDd		actual;
	EcmlDd		actual_squared;
	double		max_error;
	EcmlQuantiles sizes;		/* |error|, as long as all weights are 1 */
	bool		weighted;
} EcmlNumbers;

typedef struct EcmlNumberMetrics
{
	double		rmse;
	double		mae;
	double		median_absolute_error;	/* exact up to 4,096 rows, then of a sketch; NaN: rows have weights */
	double		bias;			/* mean of predicted - actual */
	double		mape;			/* NaN: all actual values are 0 */
	double		smape;			/* 0 .. 2 */
	double		r2;				/* NaN: actual values are constant */
	double		explained_variance; /* 1 - variance of the errors / variance of the actual values */
	double		max_error;
} EcmlNumberMetrics;

/* Start with all zeros.  A value that is not finite, or a weight that is negative or not finite: ECML_DATA_EXCEPTION. */
extern void ecml_numbers_add(EcmlCtx *ctx, EcmlNumbers *s, double actual, double predicted, double weight);
extern void ecml_numbers_merge(EcmlCtx *ctx, EcmlNumbers *s, const EcmlNumbers *other);
extern EcmlNumberMetrics ecml_numbers_metrics(EcmlCtx *ctx, const EcmlNumbers *s);
extern void ecml_numbers_write(EcmlWriter *w, const EcmlNumbers *s);
extern void ecml_numbers_read(EcmlReader *r, EcmlNumbers *s);	/* checks everything */

#endif							/* ECML_METRICS_H */
