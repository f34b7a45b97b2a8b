/*
 * order.h - statistics of sorted values: Shapiro and Wilk's test of normality, quantiles with their standard errors
 *
 * Values are sorted in place.  What is not defined is NaN.
 */
#ifndef ECML_ORDER_H
#define ECML_ORDER_H

#include "num/ctx.h"

typedef struct ShapiroResult
{
	double		statistic;		/* W, in (0, 1] */
	double		p_value;		/* small: not normal */
} ShapiroResult;

/*
 * Shapiro & Wilk 1965 by Royston's approximations (1995, Applied Statistics algorithm R94), made for 3 to 5000 values; with more
 * p is an extrapolation.  n log n.
 */
extern ShapiroResult order_shapiro(EcmlCtx *ctx, double *x, size_t n);

/*
 * The quantile at p, between order statistics as percentile_cont has it, and its standard error (returned) by Maritz and Jarrett
 * 1978: the deviation of the order statistic, whose distribution is a beta over the sample.  NaN with fewer than two values.
 */
extern double order_quantile(EcmlCtx *ctx, double *x, size_t n, double p, double *quantile);

#endif							/* ECML_ORDER_H */
