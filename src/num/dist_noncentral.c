/*
 * dist_noncentral.c - noncentral t and F: what the power of tests rests on
 *
 * Mixtures of beta tails with Poisson weights (Lenth 1989, AS 243, for t; the definition, for F), summed from the heaviest
 * weight outwards, so that nothing underflows at large noncentrality.  A tail is summed as a tail.  Some 12 sqrt(weight)
 * terms of a few microseconds each.
 */
#include <math.h>
#include <stdbool.h>

#include "dist.h"

#define TINY 1e-18				/* of the sum: terms below it, past the heaviest one, end it */
#define MAX_STEPS 100000

/* The Poisson weight of j at mean lambda. */
static double
poisson_weight(double j, double lambda)
{
	return lambda == 0 ? j == 0 : ecml_poisson_pdf(j, lambda);
}

/* exp(-lambda) lambda^(j + 1/2) / Gamma(j + 3/2): the weight of the odd terms of t, but for the sign. */
static double
half_weight(double j, double lambda)
{
	if (lambda == 0)
		return 0;
	/* as the density of a gamma of shape j + 3/2 */
	return ecml_gamma_pdf(lambda, j + 1.5, 1);
}

static double
t_terms(double j, double x, double half_df, double lambda, double sign, bool upper)
{
	double		(*tail) (double x, double a, double b) = upper ? ecml_beta_sf : ecml_beta_cdf;

	return 0.5 * (poisson_weight(j, lambda) * tail(x, j + 0.5, half_df) + sign * half_weight(j, lambda) * tail(x, j + 1, half_df));
}

/* A tail of the noncentral t at t >= 0: without the mass below 0 for the lower one. */
static double
t_mixture(double t, double df, double delta, bool upper)
{
	double		lambda = delta * delta / 2;
	double		x = t * t / (t * t + df);
	double		sign = delta < 0 ? -1 : 1;
	double		middle = floor(lambda);
	double		sum = t_terms(middle, x, df / 2, lambda, sign, upper);

	for (double j = middle - 1; j >= 0 && middle - j < MAX_STEPS; j--)
	{
		double		term = t_terms(j, x, df / 2, lambda, sign, upper);

		sum += term;
		if (fabs(term) < TINY * fabs(sum) && poisson_weight(j, lambda) < TINY)
			break;
	}
	for (double j = middle + 1; j - middle < MAX_STEPS; j++)
	{
		double		term = t_terms(j, x, df / 2, lambda, sign, upper);

		sum += term;
		if (fabs(term) <= TINY * fabs(sum) && poisson_weight(j, lambda) < TINY)
			break;
	}
	return sum;
}

double
ecml_t_noncentral_sf(double t, double df, double delta)
{
	double		tail;

	if (isnan(t) || isnan(delta) || !isfinite(delta) || !(df > 0))
		return NAN;
	if (isinf(df))
		return ecml_normal_sf(t - delta);
	if (isinf(t))
		return t > 0 ? 0 : 1;
	if (t < 0)
		/* 1 - cdf, and the cdf is the mixture of the mirrored upper tail */
		tail = 1 - t_mixture(-t, df, -delta, true);
	else
		tail = t_mixture(t, df, delta, true);
	return fmin(1, fmax(0, tail));
}

double
ecml_t_noncentral_cdf(double t, double df, double delta)
{
	return ecml_t_noncentral_sf(-t, df, -delta);
}

double
ecml_f_noncentral_sf(double f, double df1, double df2, double lambda)
{
	double		half = lambda / 2;
	double		middle = floor(half);
	double		sum = 0;
	double		x;

	if (isnan(f) || !(df1 > 0) || !(df2 > 0) || !(lambda >= 0) || !isfinite(df1 + df2 + lambda))
		return NAN;
	if (f <= 0)
		return 1;
	x = df1 * f / (df1 * f + df2);
	for (double j = middle; j >= 0 && middle - j < MAX_STEPS; j--)
	{
		double		weight = poisson_weight(j, half);

		sum += weight * ecml_beta_sf(x, df1 / 2 + j, df2 / 2);
		if (weight < TINY)
			break;
	}
	for (double j = middle + 1; j - middle < MAX_STEPS; j++)
	{
		double		weight = poisson_weight(j, half);

		sum += weight * ecml_beta_sf(x, df1 / 2 + j, df2 / 2);
		if (weight < TINY)
			break;
	}
	return fmin(1, sum);
}
