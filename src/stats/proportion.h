/*
 * proportion.h - tests of proportions: z-test of two, exact binomial and score test of one, Fisher's exact test
 *
 * Pure functions of counts: no state, no errors; what is not defined is NaN.
 */
#ifndef ECML_PROPORTION_H
#define ECML_PROPORTION_H

#include <stdbool.h>

typedef enum ProportionAlternative
{
	PROPORTION_TWO_SIDED,
	PROPORTION_LESS,			/* the first is below the second (or the given one) */
	PROPORTION_GREATER
} ProportionAlternative;

typedef enum ProportionInterval
{
	PROPORTION_NEWCOMBE,		/* of two: Newcombe 1998, method 10; of one: Wilson 1927 */
	PROPORTION_WALD,
	PROPORTION_AGRESTI_CAFFO,	/* of two: Agresti & Caffo 2000; of one: Agresti & Coull 1998 */
	PROPORTION_EXACT			/* of one: Clopper & Pearson 1934; of two: none */
} ProportionInterval;

typedef struct ProportionParams
{
	int			alternative;	/* ProportionAlternative */
	int			interval;		/* ProportionInterval */
	bool		pooled;			/* variance under the hypothesis that both are the same */
	bool		exact;			/* of one: the binomial test in place of the score test */
	double		level;
} ProportionParams;

#define PROPORTION_DEFAULTS {.alternative = PROPORTION_TWO_SIDED, .interval = PROPORTION_NEWCOMBE, .pooled = true, .level = 0.95}

typedef struct ProportionResult
{
	double		statistic;		/* z; NaN for exact tests */
	double		p_value;
	double		rate_a;
	double		rate_b;
	double		difference;		/* rate_a - rate_b, or rate_a - the given rate */
	double		std_error;		/* that the statistic rests on */
	double		ci_low;			/* of two: of the difference; of one: of the rate */
	double		ci_high;
	double		lift;			/* of two: rate_b / rate_a - 1, with the interval of Katz et al. 1978 */
	double		lift_low;
	double		lift_high;
} ProportionResult;

/* x successes among n; 0 <= x <= n */
extern ProportionResult proportion_two(double xa, double na, double xb, double nb, const ProportionParams *params);
extern ProportionResult proportion_one(double x, double n, double rate, const ProportionParams *params);

typedef struct FisherResult
{
	double		odds_ratio;		/* of the sample: a d / (b c) */
	double		estimate;		/* conditional maximum likelihood */
	double		ci_low;			/* of the conditional odds ratio */
	double		ci_high;
	double		p_value;
} FisherResult;

/*
 * Sample ratio mismatch: chi-square of the sizes of n groups against weights [n] (NULL: all the same) that need not sum up to 1.
 * expected [n]: sizes as the weights have them, or NULL.
 */
typedef struct SrmResult
{
	double		statistic;
	double		p_value;
} SrmResult;

extern SrmResult proportion_srm(const double *counts, const double *weights, int n, double *expected);

/* The table a b / c d with its margins given. */
extern FisherResult fisher_exact(double a, double b, double c, double d, int alternative, double level);

#endif							/* ECML_PROPORTION_H */
