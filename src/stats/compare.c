/*
 * compare.c - a variant of an experiment against the control: see compare.h
 */
#include "stats/compare.h"

#include <math.h>

#include "num/dist.h"

/*
 * A group's sums about the means that the stratum has: deviations of y (of a ratio: of the linearised unit) from its mean, of the
 * covariate from the stratum's.
 */
typedef struct Centred
{
	double		n;
	double		shift;			/* mean of the covariate's deviations; 0 for units that have none */
	double		xx;				/* sums of squares and products about the group's means */
	double		yy;
	double		xy;
} Centred;

/* Sum of products of the covariate and y about the means: pairs of the units that have a covariate, the mean of y over all. */
static double
products(const Bivariate *pairs, double off, double mean)
{
	double		m = (double) pairs->x.n;

	return (m > 1 ? (m - 1) * bivariate_covariance(pairs) : 0) + m * off * (ecml_moments_mean(&pairs->y) - mean);
}

static Centred
centre(const CompareSums *sums, double middle, bool ratio)
{
	const Bivariate *pairs = &sums->covariate;
	double		n = (double) sums->metric.y.n;
	double		m = (double) pairs->x.n;
	double		mean_y = ecml_moments_mean(&sums->metric.y);
	double		mean_x = ratio ? ecml_moments_mean(&sums->metric.x) : 1;
	Centred		c = {.n = n,.yy = (n - 1) * ecml_moments_variance(&sums->metric.y)};
	double		off;

	if (ratio)
		c.yy = (n - 1) * n * ratio_variance(&sums->metric, mean_y / mean_x);
	if (m < 1)
		return c;
	off = ecml_moments_mean(&pairs->x) - middle;
	c.shift = m * off / n;
	c.xx = (m > 1 ? (m - 1) * ecml_moments_variance(&pairs->x) : 0) + m * off * off - n * c.shift * c.shift;
	c.xy = products(pairs, off, mean_y);
	if (ratio)
		c.xy = (c.xy - mean_y / mean_x * products(&sums->denominator, off, mean_x)) / mean_x;
	return c;
}

/* The mean of the covariate over both groups. */
static double
covariate_mean(const CompareSums *a, const CompareSums *b)
{
	double		na = (double) a->covariate.x.n;
	double		nb = (double) b->covariate.x.n;
	double		sum = (na > 0 ? na * ecml_moments_mean(&a->covariate.x) : 0) +
		(nb > 0 ? nb * ecml_moments_mean(&b->covariate.x) : 0);

	return na + nb > 0 ? sum / (na + nb) : 0;
}

static bool
counts(const CompareSums *control, const CompareSums *variant)
{
	return control->metric.y.n >= 2 && variant->metric.y.n >= 2;
}

static double
pooled_theta(const CompareSums *control, const CompareSums *variant, int n, bool ratio)
{
	double		xx = 0;
	double		xy = 0;

	for (int s = 0; s < n; s++)
	{
		double		middle = covariate_mean(&control[s], &variant[s]);
		Centred		c = centre(&control[s], middle, ratio);
		Centred		v = centre(&variant[s], middle, ratio);

		if (!counts(&control[s], &variant[s]))
			continue;
		xx += c.xx + v.xx;
		xy += c.xy + v.xy;
	}
	return xx > 0 ? xy / xx : 0;
}

/* An estimate of a group within a stratum, and its variance. */
typedef struct Estimate
{
	double		value;
	double		variance;
	double		raw;			/* variance without the covariate */
} Estimate;

static Estimate
estimate(const CompareSums *sums, const CompareParams *params, double theta, double middle)
{
	const Bivariate *metric = &sums->metric;
	double		n = (double) metric->y.n;
	Estimate	e;

	if (params->ratio)
	{
		e.value = ecml_moments_mean(&metric->y) / ecml_moments_mean(&metric->x);
		e.raw = ratio_variance(metric, e.value);
	}
	else
	{
		e.value = ecml_moments_mean(&metric->y);
		e.raw = ecml_moments_variance(&metric->y) / n;
	}
	e.variance = e.raw;
	if (params->covariate)
	{
		Centred		c = centre(sums, middle, params->ratio);

		e.value -= theta * c.shift;
		e.variance = fmax(0, c.yy - 2 * theta * c.xy + theta * theta * c.xx) / (n - 1) / n;
	}
	return e;
}

/* The mean or ratio of a variant over all its strata. */
static double
overall(const CompareSums *sums, int n, bool ratio, double *units, double *variance)
{
	Bivariate	all = {0};

	for (int s = 0; s < n; s++)
		bivariate_merge(&all, &sums[s].metric);
	*units = (double) all.y.n;
	*variance = ecml_moments_variance(&all.y);
	return ratio ? ecml_moments_mean(&all.y) / ecml_moments_mean(&all.x) : ecml_moments_mean(&all.y);
}

/* The effect from estimates of all strata, weighted by their units. */
static void
add_up(const CompareSums *control, const CompareSums *variant, int n, const CompareParams *params, CompareResult *r)
{
	EstimateResult *effect = &r->effect;
	double		theta = params->covariate ? pooled_theta(control, variant, n, params->ratio) : 0;
	double		units = 0;
	double		raw = 0;
	double		variances = 0;
	double		spread = 0;		/* Satterthwaite's: sum of variance^2 / (n - 1) */
	double		reach;

	for (int s = 0; s < n; s++)
		if (counts(&control[s], &variant[s]))
			units += (double) (control[s].metric.y.n + variant[s].metric.y.n);
	if (units == 0)
		return;
	effect->estimate_a = effect->estimate_b = 0;
	for (int s = 0; s < n; s++)
	{
		const CompareSums *sides[2] = {&variant[s], &control[s]};
		double		middle = covariate_mean(&control[s], &variant[s]);
		double		weight;

		if (!counts(&control[s], &variant[s]))
			continue;
		weight = (double) (control[s].metric.y.n + variant[s].metric.y.n) / units;
		for (int side = 0; side < 2; side++)
		{
			Estimate	e = estimate(sides[side], params, theta, middle);
			double		v = weight * weight * e.variance;

			*(side == 0 ? &effect->estimate_a : &effect->estimate_b) += weight * e.value;
			variances += v;
			raw += weight * weight * e.raw;
			spread += v * v / ((double) sides[side]->metric.y.n - 1);
		}
	}
	estimate_conclude(effect, variances, variances > 0 ? variances * variances / spread : 1,
					  &(TtestParams) {.alternative = params->alternative,.level = params->level});
	reach = raw > 0 ? 1 - variances / raw : NAN;
	r->reduction = params->covariate ? reach : NAN;
}

CompareResult
compare_variants(const CompareSums *control, const CompareSums *variant, int n, const CompareParams *params)
{
	static const EstimateResult none = {NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN};
	CompareResult r = {.effect = none,.reduction = NAN,.always = {NAN, NAN, NAN, NAN}};
	double		var_control;
	double		var_variant;
	double		tau = params->tau;

	r.control = overall(control, n, params->ratio, &r.n_control, &var_control);
	r.variant = overall(variant, n, params->ratio, &r.n_variant, &var_variant);
	add_up(control, variant, n, params, &r);
	if (isnan(r.effect.std_error))
		return r;
	if (tau == 0)
	{
		/* a tenth of a unit's deviation, whatever adjusts the estimate: of a ratio the deviation that its error implies */
		double		unit = params->ratio ? r.effect.std_error * r.effect.std_error * r.n_control * r.n_variant /
			(r.n_control + r.n_variant) : (r.n_control * var_control + r.n_variant * var_variant) / (r.n_control + r.n_variant);

		tau = unit > 0 ? 0.1 * sqrt(unit) : 1;
	}
	r.always = sequential_always_valid(r.effect.difference, r.effect.std_error, tau, params->level);
	return r;
}
