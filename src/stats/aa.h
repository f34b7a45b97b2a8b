/*
 * aa.h - the A/A check: does a test hold its level on these very data? Units are shared out anew many times, and nothing is done
 *
 * Each split assigns every unit by a hash of its key, and each metric is tested as a report would test it (Welch's test of the
 * units' means, or the delta method for ratios of their sums).  As the two groups differ by chance alone, the share of p-values
 * below alpha must be about alpha, and the p-values uniform (Kohavi, Tang, Xu 2020, chapter 19).
 */
#ifndef ECML_AA_H
#define ECML_AA_H

#include <stdbool.h>
#include <stdint.h>

#include "num/ctx.h"

#define AA_LEVEL 0.999			/* a check that holds fails once in a thousand */

typedef struct AaMetric
{
	const double *y;			/* [units] value, or sum over the unit's rows; NaN: the unit is left out */
	const double *x;			/* [units] denominator, or number of rows; NULL: a mean of units */
	const double *squares;		/* [units] sum of squares over the unit's rows; NULL: no test of single rows */
} AaMetric;

typedef struct AaResult
{
	double		units;			/* with the metric */
	double		splits;			/* that had a p-value */
	double		rate;			/* share of p-values of at most alpha; NaN: there were none */
	double		row_rate;		/* the same of a test that takes rows for independent; NaN without squares */
	double		ks_p;			/* are the p-values uniform? Kolmogorov-Smirnov; NaN: too few values to be continuous */
	double		low;			/* where rate lies with probability AA_LEVEL, if the test holds its level */
	double		high;
	bool		holds;
} AaResult;

/* hash [units]; results [nmetrics].  Cost: splits * units * nmetrics * 2 ns. */
extern void aa_check(EcmlCtx *ctx, const uint64_t *hash, size_t units, const AaMetric *metrics, int nmetrics, int splits, double alpha,
					 uint64_t seed, AaResult *results);

#endif							/* ECML_AA_H */
