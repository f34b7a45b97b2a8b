/*
 * linreg_internal.h - what the files of linreg share
 */
#ifndef ECML_LINREG_INTERNAL_H
#define ECML_LINREG_INTERNAL_H

#include "linreg.h"
#include "num/dd.h"

/*
 * When a term counts as a combination of the terms before it: what they leave of it is at most OWN times its deviation (its
 * norm about the mean, or about 0 without an intercept), or at most WHOLE times its norm.  The first is what numbers of 53
 * bits can still tell from dependence; the second is their rounding.  Squares, in the Gram matrix.
 */
#define LINREG_GRAM_OWN 1e-20
#define LINREG_GRAM_WHOLE 1e-28
#define LINREG_QR_OWN 1e-11
#define LINREG_QR_WHOLE 1e-12
#define LINREG_QR_EXACT 1e-13	/* a residual (target deviation) up to this times the target's norm is 0 */

typedef enum LinregKind
{
	LINREG_EMPTY,				/* no rows yet: nothing is allocated */
	LINREG_GRAM,
	LINREG_TRIANGLE
} LinregKind;

struct LinregState
{
	LinregKind	kind;
	int			terms;
	double		rows;			/* of weight > 0 */
	EcmlDd		log_weights;	/* sum of the logarithms of the weights */
	EcmlDd	   *gram;			/* LINREG_GRAM: ECML_GRAM_SIZE(terms + 1), of 1, y, x_0, x_1, .. */
	double	   *r;				/* LINREG_TRIANGLE: [terms + 2][terms + 2] column-major, of 1, x_0, x_1, .., y; 0 below */
};

/* Place of (i, j), i <= j, in the packed upper triangle of n rows. */
static inline size_t
linreg_packed(int n, int i, int j)
{
	return (size_t) i * (2 * (size_t) n - (size_t) i - 1) / 2 + (size_t) j;
}

/* The two fits; they fill coefficients, aliased, rank, covariance, std_errors (without sigma), and call linreg_finish. */
extern void linreg_fit_gram(EcmlCtx *ctx, const LinregState *state, const LinregParams *params, const int *select,
							LinregModel *model);
extern void linreg_fit_triangle(EcmlCtx *ctx, const LinregState *state, const LinregParams *params, const int *select,
								LinregModel *model);

/*
 * The statistics that follow from the residual sum of squares, the target's sum of squares (about its mean with an
 * intercept), and the number of parameters (effective ones with a penalty).
 */
extern void linreg_finish(const LinregState *state, const LinregParams *params, LinregModel *model,
						  double rss, double tss, double parameters);

/*
 * Coordinate descent: b [k] minimises  b'Qb / 2 - q'b + sum l1_j |b_j| + l2_j b_j^2 / 2.
 * gram: Q [k][k]; q [k]; yy: the target's sum of squares; l1 > 0, l2 >= 0 [k].  A term with Q_jj = 0 gets 0.
 */
typedef struct LinregDescent
{
	int			k;
	const double *gram;
	const double *q;
	double		yy;
	const double *l1;
	const double *l2;
	int			max_iter;
	double		tolerance;		/* duality gap relative to yy */
} LinregDescent;

/* Returns whether it converged. */
extern bool linreg_descend(EcmlCtx *ctx, const LinregDescent *problem, double *b, int *iterations);

#endif							/* ECML_LINREG_INTERNAL_H */
