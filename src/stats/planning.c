/*
 * planning.c - power, sample size, least detectable effect: see planning.h
 *
 * Power rises with n and with the size of the effect, so that both are found by bisection, of logarithms for n.
 * Cohen, Statistical Power Analysis for the Behavioral Sciences, 1988; for proportions Fleiss, Levin, Paik, Statistical
 * Methods for Rates and Proportions, 2003, without the correction for continuity.
 */
#include "stats/planning.h"

#include <math.h>
#include <stdbool.h>

#include "num/dist.h"

#define MOST 1e12				/* units */
#define ROUNDS 200
#define FAR 100				/* deviations: beyond any critical value of alpha >= 1e-300 */

static double
power_of_means(double effect, double n, const PlanParams *p)
{
	double		m = n * p->ratio;
	double		df = n + m - 2;
	double		delta = effect / (p->sd * sqrt(1 / n + 1 / m));
	double		critical;

	if (!(df > 0))
		return NAN;
	if (fabs(delta) > FAR && df > FAR)
		/* certain, either way: the mixture's weights would be too many */
		return p->alternative == PLAN_TWO_SIDED || (delta > 0) == (p->alternative == PLAN_GREATER);
	switch (p->alternative)
	{
		case PLAN_GREATER:
			return ecml_t_noncentral_sf(ecml_t_isf(p->alpha, df), df, delta);
		case PLAN_LESS:
			return ecml_t_noncentral_cdf(-ecml_t_isf(p->alpha, df), df, delta);
		default:
			critical = ecml_t_isf(p->alpha / 2, df);
			return ecml_t_noncentral_sf(critical, df, delta) + ecml_t_noncentral_cdf(-critical, df, delta);
	}
}

static double
power_of_proportions(double effect, double n, const PlanParams *p)
{
	double		a = p->baseline;
	double		b = a + effect;
	double		pooled = (a + p->ratio * b) / (1 + p->ratio);
	double		under_null = sqrt(pooled * (1 - pooled) * (1 + 1 / p->ratio));
	double		under_effect = sqrt(a * (1 - a) + b * (1 - b) / p->ratio);
	double		shift = effect * sqrt(n);
	double		z;

	if (b < 0 || b > 1)
		return NAN;
	switch (p->alternative)
	{
		case PLAN_GREATER:
			return ecml_normal_sf((ecml_normal_isf(p->alpha) * under_null - shift) / under_effect);
		case PLAN_LESS:
			return ecml_normal_cdf((-ecml_normal_isf(p->alpha) * under_null - shift) / under_effect);
		default:
			z = ecml_normal_isf(p->alpha / 2) * under_null;
			return ecml_normal_sf((z - shift) / under_effect) + ecml_normal_cdf((-z - shift) / under_effect);
	}
}

double
plan_power(double effect, double n, const PlanParams *params)
{
	return params->metric == PLAN_MEAN ? power_of_means(effect, n, params) : power_of_proportions(effect, n, params);
}

double
plan_sample_size(double effect, const PlanParams *params)
{
	double		low = log(fmax(2, 2 / params->ratio) / 2 + 1e-9);
	double		high = log(MOST);

	/* with fewer than 3 units in all there is no variance to speak of */
	if (params->metric == PLAN_MEAN)
		low = log(2 / (1 + params->ratio) * (1 + 1e-9));
	if (!(plan_power(effect, exp(high), params) >= params->power))
		return NAN;
	if (plan_power(effect, exp(low), params) >= params->power)
		return exp(low);
	for (int round = 0; round < ROUNDS && high - low > 1e-14; round++)
	{
		double		middle = (low + high) / 2;

		if (plan_power(effect, exp(middle), params) >= params->power)
			high = middle;
		else
			low = middle;
	}
	return exp(high);
}

double
plan_effect(double n, const PlanParams *params)
{
	double		sign = params->alternative == PLAN_LESS ? -1 : 1;
	double		low = 0;
	double		high = params->sd;

	if (params->metric == PLAN_PROPORTION)
		high = sign < 0 ? params->baseline : 1 - params->baseline;
	else
		while (high < params->sd * 1e9 && !(plan_power(sign * high, n, params) >= params->power))
			high *= 2;
	if (!(plan_power(sign * high, n, params) >= params->power))
		return NAN;
	for (int round = 0; round < ROUNDS && high - low > 1e-14 * high; round++)
	{
		double		middle = (low + high) / 2;

		if (plan_power(sign * middle, n, params) >= params->power)
			high = middle;
		else
			low = middle;
	}
	return sign * high;
}
