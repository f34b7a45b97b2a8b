/*
 * groups.h - tests from sums that merge: analysis of variance, CUPED, ratios of sums, Pearson's correlation, contingency tables
 *
 * Sums are kept in double-double, so that states merge by addition.  What is not defined is NaN.
 */
#ifndef ECML_GROUPS_H
#define ECML_GROUPS_H

#include <stddef.h>

#include "num/dd.h"
#include "num/moments.h"
#include "stats/ttest.h"

typedef struct AnovaResult
{
	double		statistic;		/* F */
	double		df_between;
	double		df_within;
	double		p_value;
	double		ss_between;
	double		ss_within;
	double		eta_squared;
	double		omega_squared;
} AnovaResult;

/* One factor of k groups; welch: Welch's test 1951, for variances that differ. */
extern AnovaResult anova_one_way(const EcmlMoments *groups, int k, bool welch);

/* One pair of groups after an analysis of variance: a difference of means, corrected for all pairs. */
typedef struct PairResult
{
	double		difference;		/* mean of a less mean of b */
	double		std_error;
	double		statistic;		/* studentized range */
	double		df;
	double		p_value;
	double		ci_low;			/* the intervals of all pairs hold at once */
	double		ci_high;
} PairResult;

/*
 * Groups a < b of k [k]; n of a group at least 2, else NaN.  Tukey and Kramer: one variance, pooled over all groups (HSD);
 * unequal: Games and Howell 1976, each group its own.
 */
typedef struct PairReach
{
	double		df;
	double		quantile;		/* of the studentized range */
} PairReach;

/* reach: begin with {0}; keeps the quantile for pairs with the same degrees of freedom. */
extern PairResult pair_difference(const EcmlMoments *groups, int k, int a, int b, bool unequal, double level, PairReach *reach);

/* Sums of pairs (x, y) of a group. */
typedef struct Bivariate
{
	EcmlMoments x;
	EcmlMoments y;
	EcmlDd		xy;				/* sum of products */
} Bivariate;

extern void bivariate_add(Bivariate *b, double x, double y);
extern void bivariate_add_pairs(Bivariate *b, EcmlDd x, EcmlDd y);	/* decimals that are no doubles */
extern void bivariate_merge(Bivariate *b, const Bivariate *other);
extern double bivariate_covariance(const Bivariate *b);	/* by n - 1 */

typedef struct PearsonResult
{
	double		statistic;		/* r */
	double		p_value;
	double		ci_low;			/* Fisher's z */
	double		ci_high;
} PearsonResult;

extern PearsonResult pearson_correlation(const Bivariate *b, int alternative, double level);

/* A difference of two estimates, their variances known up to n - 1 degrees of freedom each (Welch, Satterthwaite). */
typedef struct EstimateResult
{
	double		estimate_a;
	double		estimate_b;
	double		difference;		/* a - b */
	double		std_error;
	double		statistic;
	double		df;
	double		p_value;
	double		ci_low;
	double		ci_high;
} EstimateResult;

/* Fill the rest in: estimates, the variance of their difference and its degrees of freedom are known. */
extern void estimate_conclude(EstimateResult *r, double variance, double df, const TtestParams *params);

/* The variance of the ratio of the sums, by the delta method; at least 0. */
extern double ratio_variance(const Bivariate *b, double ratio);

/* Ratio of sums, y by x, in each group, by the delta method (as in Deng, Knoblich, Lu 2018). */
extern EstimateResult ratio_difference(const Bivariate *a, const Bivariate *b, const TtestParams *params);

typedef struct CupedResult
{
	EstimateResult adjusted;	/* of the adjusted means */
	TtestResult raw;			/* Welch's t-test without adjustment */
	double		theta;
	double		reduction;		/* of the variance of the difference: 1 - adjusted / raw */
	double		correlation;	/* of value and covariate, within groups */
} CupedResult;

/*
 * Deng, Xu, Kohavi, Walker 2013: y less theta times the covariate's deviation from its mean over both groups; theta from the
 * pooled covariance within groups.
 */
extern CupedResult cuped_difference(const Bivariate *a, const Bivariate *b, const TtestParams *params);

typedef struct TableResult
{
	double		statistic;
	double		df;
	double		p_value;
	double		n;
	double		cramers_v;
	double		least_expected;
	bool		corrected;		/* Yates */
} TableResult;

/*
 * counts [rows][columns]; lines without any count are left out; correction: Yates's, of tables of two by two; likelihood_ratio:
 * the G-test.  margins [rows + columns] is scratch.
 */
extern TableResult table_chi2(const double *counts, int rows, int columns, bool correction, bool likelihood_ratio,
							  double *margins);

#endif							/* ECML_GROUPS_H */
