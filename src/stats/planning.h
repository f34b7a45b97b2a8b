/*
 * planning.h - how many units an experiment needs: power, sample size, least detectable effect
 *
 * Means: the t-test of two groups of the same deviation, by the noncentral t.  Proportions: the z-test, whose variance is
 * pooled under the hypothesis and not under the alternative.  Several groups: the F-test of means.
 * Pure functions; NaN where nothing solves the question.
 */
#ifndef ECML_PLANNING_H
#define ECML_PLANNING_H

typedef enum PlanMetric
{
	PLAN_MEAN,
	PLAN_PROPORTION
} PlanMetric;

typedef enum PlanAlternative
{
	PLAN_TWO_SIDED,
	PLAN_LESS,					/* the treatment lowers the metric: effects are below 0 */
	PLAN_GREATER
} PlanAlternative;

typedef struct PlanParams
{
	int			metric;			/* PlanMetric */
	int			alternative;	/* PlanAlternative */
	double		alpha;
	double		power;
	double		sd;				/* MEAN: of a unit */
	double		baseline;		/* PROPORTION: rate of the control */
	double		ratio;			/* units of the treatment for each of the control */
} PlanParams;

#define PLAN_DEFAULTS {.metric = PLAN_MEAN, .alternative = PLAN_TWO_SIDED, .alpha = 0.05, .power = 0.8, .sd = 1, \
	.baseline = -1, .ratio = 1}

/* The probability to find the effect (treatment less control) with n units in the control. */
extern double plan_power(double effect, double n, const PlanParams *params);

/* The least n, not rounded, with the power wanted; NaN: no n up to 1e12 has it. */
extern double plan_sample_size(double effect, const PlanParams *params);

/* The least effect above 0 (below 0 for PLAN_LESS) with the power wanted; NaN: none has it. */
extern double plan_effect(double n, const PlanParams *params);

#endif							/* ECML_PLANNING_H */
