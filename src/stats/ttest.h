/*
 * ttest.h - Student's and Welch's t-tests from mergeable one-pass moments
 *
 * Moments are sums of x and x*x in double-double (num/moments.h): they merge by addition, and give the mean and the
 * standard deviation to 14 digits and more also where a column's mean is ten million times its deviation.
 */
#ifndef ECML_TTEST_H
#define ECML_TTEST_H

#include "num/ctx.h"
#include "num/moments.h"

typedef enum TtestAlternative
{
	TTEST_TWO_SIDED,
	TTEST_LESS,					/* the first mean is less than the second */
	TTEST_GREATER
} TtestAlternative;

typedef struct TtestParams
{
	bool		equal_var;		/* pooled variance (Student); default false: Welch */
	int			alternative;	/* TtestAlternative */
	double		level;			/* of the interval, in (0, 1), default 0.95 */
	double		mu;				/* hypothetical difference (or mean, one sample), default 0 */
} TtestParams;

#define TTEST_DEFAULTS {.equal_var = false, .alternative = TTEST_TWO_SIDED, .level = 0.95, .mu = 0}

/*
 * A value is NaN where it is not defined: too few values, or no variance and no difference either.  No variance and
 * a difference: the statistic is infinite, p is 0 (or 1 on the other side).
 */
typedef struct TtestResult
{
	double		statistic;
	double		df;
	double		p_value;
	double		mean_a;
	double		mean_b;			/* NaN for one sample */
	double		difference;		/* mean_a - mean_b; one sample and paired: the mean (of the differences) less mu */
	double		ci_low;			/* of mean_a - mean_b; one sample and paired: of the mean itself, mu not taken off;
								 * one-sided alternatives: one end infinite */
	double		ci_high;
	double		effect_size;	/* Cohen's d: difference by the pooled standard deviation; paired and one sample: by the
								 * standard deviation */
} TtestResult;

extern const char *ttest_check(const TtestParams *params);
extern TtestResult ttest_two_samples(const EcmlMoments *a, const EcmlMoments *b, const TtestParams *params);
extern TtestResult ttest_one_sample(const EcmlMoments *x, const TtestParams *params);	/* also paired: of the differences */

#endif							/* ECML_TTEST_H */
