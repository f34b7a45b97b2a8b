/*
 * moments.h - count, mean and variance of one column in one pass, mergeable
 *
 * Sums of x and x*x in double-double by error-free transformations (TwoSum, TwoProduct with fma): adding a value costs
 * about 10 ns, merging is addition, and the variance keeps about 32 - log10(n) - 2 log10(mean / deviation) digits, at most
 * 15; where that is none, it is 0.  It is infinity where values above 1e154 overflow it, and never NaN for that.
 */
#ifndef ECML_MOMENTS_H
#define ECML_MOMENTS_H

#include <stdint.h>

typedef struct EcmlMoments
{
	int64_t		n;
	double		sum_hi;			/* of x */
	double		sum_lo;
	double		square_hi;		/* of x * x */
	double		square_lo;
} EcmlMoments;

extern void ecml_moments_add(EcmlMoments *m, double x);	/* x finite */
extern void ecml_moments_add_block(EcmlMoments *m, const double *x, int n); /* all finite; 1 ns each, other low bits */
/* The value hi + lo, |lo| at most half a unit in the last place of hi: a decimal that is no double. */
extern void ecml_moments_add_pair(EcmlMoments *m, double hi, double lo);
extern void ecml_moments_merge(EcmlMoments *m, const EcmlMoments *other);
extern double ecml_moments_mean(const EcmlMoments *m);	/* NaN without values */
/* The mean as an unevaluated sum, for differences of means: hi is ecml_moments_mean, lo what rounding took from it. */
extern void ecml_moments_mean_pair(const EcmlMoments *m, double *hi, double *lo);
extern double ecml_moments_variance(const EcmlMoments *m);	/* by n - 1; NaN for fewer than two values */
extern double ecml_moments_sd(const EcmlMoments *m);

#endif							/* ECML_MOMENTS_H */
