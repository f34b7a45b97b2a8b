/*
 * linreg.h - linear regression in one pass: least squares, ridge, lasso, elastic net
 *
 * The state keeps no rows.  Up to LINREG_GRAM_TERMS terms it is the matrix of cross products of (1, x, y) in
 * double-double; past that the triangle R of a blocked QR factorisation.  States of disjoint rows merge.
 * Terms are numbered 0 .. terms-1; the constant and the target are the state's own business.
 */
#ifndef ECML_LINREG_H
#define ECML_LINREG_H

#include "num/blocks.h"
#include "num/bytes.h"

#define LINREG_GRAM_TERMS 64
#define LINREG_MAX_TERMS 4000

/*
 * What is minimised over the coefficients b (the intercept is not penalised; with weights each square counts w times, and n
 * is the sum of the weights):
 *     alpha = 0                ||y - Xb||^2
 *     alpha > 0, l1_ratio = 0  ||y - Xb||^2 + alpha ||b||^2                                       (scikit-learn's Ridge)
 *     alpha > 0, l1_ratio > 0  ||y - Xb||^2 / (2n) + alpha l1_ratio ||b||_1
 *                              + alpha (1 - l1_ratio) / 2 ||b||^2               (scikit-learn's Lasso and ElasticNet)
 */
typedef struct LinregParams
{
	bool		intercept;		/* default true */
	double		alpha;			/* strength of the penalty, >= 0; default 0: least squares; see below */
	double		l1_ratio;		/* 0: ridge, 1: lasso, between: elastic net; default 0 */
	double		level;			/* of the confidence intervals, default 0.95 */
	int			max_iter;		/* of coordinate descent, default 10000 */
	double		tolerance;		/* of coordinate descent: duality gap relative to the target's sum of squares, default 1e-10 */
} LinregParams;

#define LINREG_DEFAULTS {.intercept = true, .alpha = 0, .l1_ratio = 0, .level = 0.95, .max_iter = 10000, .tolerance = 1e-10}

typedef struct LinregState LinregState;

typedef struct LinregModel
{
	int			terms;			/* the intercept not counted */
	bool		intercept;
	bool	   *aliased;		/* [terms] true: left out, a linear combination of terms before it (or constant) */
	double	   *coefficients;	/* [1 + terms], the intercept first (0 without one); 0 for an aliased term */
	double	   *means;			/* [terms] of the terms in training */
	double	   *std_errors;		/* [1 + terms]; NaN where not defined (aliased, penalised by L1, no degrees of freedom) */
	double	   *covariance;		/* packed upper triangle of the unscaled (X'X)^-1, (1 + terms) (2 + terms) / 2, row by row;
								 * ridge: (X'X + aI)^-1 X'X (X'X + aI)^-1; rows of aliased terms are 0; NULL when L1 is used */
	double		n;				/* rows */
	double		df;				/* residual degrees of freedom: rows less the rank; ridge: less the trace of the hat matrix */
	double		sigma;			/* residual standard deviation; NaN without degrees of freedom */
	double		r2;				/* about the mean, without an intercept about 0; NaN for a constant target */
	double		adj_r2;
	double		f_statistic;	/* infinite for a perfect fit; NaN where not defined, and with a penalty */
	double		f_df1;
	double		f_p_value;
	double		log_likelihood;
	double		aic;			/* with the variance counted as a parameter, as R's AIC(lm) */
	double		bic;
	double		rss;
	int			rank;			/* the intercept counted; with L1 the coefficients that are not 0 */
	int			iterations;		/* of coordinate descent; 0 without L1 */
	bool		converged;		/* false: coordinate descent stopped at max_iter */
} LinregModel;

extern const char *linreg_check(const LinregParams *params);

extern LinregState *linreg_new(EcmlCtx *ctx, int terms);
extern int	linreg_terms(const LinregState *state);
extern double linreg_rows(const LinregState *state);

/* From now on there are more terms; in all rows so far the new ones were 0. */
extern void linreg_grow(EcmlCtx *ctx, LinregState *state, int terms);

/*
 * Add rows: an ECML_F8 block of linreg_terms columns, with y, w or NULL; no NaN.  Rows of weight 0 do not count.  Fails with
 * ECML_DATA_EXCEPTION on a negative weight, and on values whose squares overflow (above about 1e150).
 */
extern void linreg_absorb(EcmlCtx *ctx, LinregState *state, const EcmlBlock *block);

/* Add the rows of another state; its term i is our term map[i] (NULL: the same numbers). source is only read. */
extern void linreg_merge(EcmlCtx *ctx, LinregState *state, const LinregState *source, const int *map);

/* Sum of a term over all rows, by weight; term -1: the sum of the weights. */
extern double linreg_sum(const LinregState *state, int term);

/* Its variance, by weight (divided by the sum of the weights). */
extern double linreg_variance(const LinregState *state, int term);

/* In every row so far, add factor times the term from to the term to. */
extern void linreg_add_term(EcmlCtx *ctx, LinregState *state, int to, int from, double factor);

extern void linreg_state_write(EcmlWriter *w, const LinregState *state);
extern LinregState *linreg_state_read(EcmlReader *r);
extern LinregState *linreg_state_copy(EcmlCtx *ctx, const LinregState *state);
extern size_t linreg_state_size(const LinregState *state);	/* bytes that linreg_state_write will write, exactly */

/*
 * Fit on the terms select[0 .. n-1], in that order (term i of the model is select[i] of the state).  The state is only
 * read.  No rows: ECML_DATA_EXCEPTION.
 */
extern LinregModel *linreg_fit(EcmlCtx *ctx, const LinregState *state, const LinregParams *params,
							   const int *select, int n);

/* Prediction for x [terms]. */
extern double linreg_predict(const LinregModel *model, const double *x);

/* What each term adds, c [terms], to base, the prediction at the means of training: the two make the prediction. */
extern void linreg_contributions(const LinregModel *model, const double *x, double *base, double *c);

/* Half widths at x of the intervals for the mean and for a new observation; NaN where not defined. */
extern void linreg_interval(const LinregModel *model, const double *x, double level, double *mean, double *observation);

extern void linreg_write(EcmlWriter *w, const LinregModel *model);
extern LinregModel *linreg_read(EcmlReader *r, int terms);

#endif							/* ECML_LINREG_H */
