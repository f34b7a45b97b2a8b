/*
 * compare.h - a variant of an experiment against the control, from sums: means and ratios, strata, CUPED, always-valid p-values
 *
 * Everything comes from sums that merge, so that a report costs one pass over the rows whatever it shows.  What is not defined
 * is NaN.
 */
#ifndef ECML_COMPARE_H
#define ECML_COMPARE_H

#include "stats/groups.h"
#include "stats/sequential.h"

/* What a stratum of a variant leaves behind. */
typedef struct CompareSums
{
	Bivariate	metric;			/* y the metric (or a ratio's numerator), x the ratio's denominator, 0 of a mean */
	Bivariate	covariate;		/* x the covariate, y the metric: of the rows that have both */
	Bivariate	denominator;	/* of a ratio: x the covariate, y the ratio's denominator, of the same rows */
} CompareSums;

typedef struct CompareParams
{
	bool		ratio;			/* of sums, by the delta method */
	bool		covariate;		/* CUPED */
	int			alternative;	/* TtestAlternative, of variant less control */
	double		level;
	double		tau;			/* of the mixture; 0: a tenth of a unit's deviation */
} CompareParams;

typedef struct CompareResult
{
	double		n_control;
	double		n_variant;
	double		control;		/* mean or ratio over all strata, not adjusted */
	double		variant;
	EstimateResult effect;		/* difference: variant less control, adjusted by strata and covariate */
	double		reduction;		/* of the variance of the difference, by the covariate; NaN without one */
	AlwaysValid always;			/* not defined (NaN) without a standard error */
} CompareResult;

/*
 * The sums of both in strata [n] (n = 1: none).  Strata count by their share of the units of both; one with fewer than two
 * units on a side is left out (post-stratification: Miratrix, Sekhon, Yu 2013).  CUPED (Deng, Xu, Kohavi, Walker 2013): theta
 * pooled within strata and groups; a unit without the covariate counts as one at its stratum's mean.  Of a ratio R what the
 * covariate explains is the linearised unit (y - R x) / mean(x), R and the mean those of the unit's group.
 */
extern CompareResult compare_variants(const CompareSums *control, const CompareSums *variant, int n, const CompareParams *params);

#endif							/* ECML_COMPARE_H */
