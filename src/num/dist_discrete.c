/*
 * dist_discrete.c - the binomial and Poisson distributions
 *
 * Their tails are those of beta and gamma; their quantiles are found by bracketing and bisection over whole numbers,
 * with the very tails that the functions return, so that quantile(cdf(k)) is k as long as cdf(k) differs from its
 * neighbours.  Cost of a quantile: some 2 log2(standard deviation) tails.
 */
#include "dist.h"

#include <math.h>

#include "dist_tail.h"

/* ------------------------------------------------------------------------------------------------ search */

typedef double (*Tail) (double k, double n, double p);	/* Poisson: n is the mean, p is not used */

/* Is k at or beyond the quantile? */
static bool
reached(Tail tail, bool lower, double bound, double k, double n, double p)
{
	double		value = tail(k, n, p);

	return lower ? value >= bound : value <= bound;
}

/* The least whole k in 0 .. last that has been reached, searched outwards from a guess; last itself has. */
static double
search(Tail tail, bool lower, double bound, double n, double p, double guess, double width, double last)
{
	double		low = -1;		/* not reached */
	double		high = last;	/* reached */
	double		k = fmin(fmax(floor(guess), 0), last);
	double		stride = fmax(floor(width), 1);

	if (reached(tail, lower, bound, k, n, p))
	{
		high = k;
		while (high - stride > low)
		{
			if (!reached(tail, lower, bound, high - stride, n, p))
			{
				low = high - stride;
				break;
			}
			high -= stride;
			stride *= 2;
		}
	}
	else
	{
		low = k;
		while (low + stride < high)
		{
			if (reached(tail, lower, bound, low + stride, n, p))
			{
				high = low + stride;
				break;
			}
			low += stride;
			stride *= 2;
		}
	}
	while (high - low > 1)
	{
		double		middle = floor(low + (high - low) / 2);

		/* beyond 2^53 not every whole number is a double */
		if (middle <= low || middle >= high)
			break;
		if (reached(tail, lower, bound, middle, n, p))
			high = middle;
		else
			low = middle;
	}
	return high;
}

/* mean + z standard deviations with the first correction for skewness (Cornish and Fisher) */
static double
guess(double mean, double sd, double skewness, double bound, bool lower)
{
	double		z = lower ? ecml_normal_quantile(bound) : ecml_normal_isf(bound);

	return mean + sd * (z + skewness * (z * z - 1) / 6);
}

/* ------------------------------------------------------------------------------------------------ binomial */

static bool
binomial_right(double n, double p)
{
	return n >= 0 && isfinite(n) && n == floor(n) && p >= 0 && p <= 1;
}

double
ecml_binomial_pdf(double k, double n, double p)
{
	long double others = 1 - (long double) p;

	if (isnan(k) || !binomial_right(n, p))
		return NAN;
	if (k < 0 || k > n || k != floor(k))
		return 0;
	if (p == 0 || p == 1)
		return k == (p == 0 ? 0 : n) ? 1 : 0;
	if (k == 0)
		return (double) expl(n * log1pl(-(long double) p));
	if (k == n)
		return (double) expl(n * logl(p));
	/* n / (k (n - k)) times the beta density in w, whose constant is Gamma(n) / (Gamma(k) Gamma(n - k)) */
	return (double) (expl(dist_log_beta_density(k, n - (long double) k, p, others)) * n / k / (n - (long double) k));
}

static double
binomial_tail(double k, double n, double p, bool lower)
{
	if (isnan(k) || !binomial_right(n, p))
		return NAN;
	k = floor(k);
	if (k < 0 || k >= n)
		return (k < 0) == lower ? 0 : 1;
	if (p == 0 || p == 1)
		return (p == 1) == lower ? 0 : 1;
	/* P(X > k) = I_p(k + 1, n - k) */
	return (double) dist_tail_value(dist_beta_tail(k + 1.0L, n - (long double) k, p, 1 - (long double) p), !lower);
}

double
ecml_binomial_cdf(double k, double n, double p)
{
	return binomial_tail(k, n, p, true);
}

double
ecml_binomial_sf(double k, double n, double p)
{
	return binomial_tail(k, n, p, false);
}

static double
binomial_inverse(double bound, double n, double p, bool lower)
{
	double		sd = sqrt(n * p * (1 - p));

	if (!(bound >= 0 && bound <= 1) || !binomial_right(n, p))
		return NAN;
	if (bound == (lower ? 0 : 1))
		return 0;
	if (sd == 0)
		return p < 0.5 ? 0 : n;
	return search(lower ? ecml_binomial_cdf : ecml_binomial_sf, lower, bound, n, p,
				  bound == (lower ? 1 : 0) ? n : guess(n * p, sd, (1 - 2 * p) / sd, bound, lower), sd / 16, n);
}

double
ecml_binomial_quantile(double prob, double n, double p)
{
	return binomial_inverse(prob, n, p, true);
}

double
ecml_binomial_isf(double q, double n, double p)
{
	return binomial_inverse(q, n, p, false);
}

/* ------------------------------------------------------------------------------------------------ Poisson */

static bool
poisson_right(double mean)
{
	return mean >= 0 && isfinite(mean);
}

double
ecml_poisson_pdf(double k, double mean)
{
	if (isnan(k) || !poisson_right(mean))
		return NAN;
	if (k < 0 || isinf(k) || k != floor(k))
		return 0;
	if (mean == 0)
		return k == 0 ? 1 : 0;
	if (k == 0)
		return (double) expl(-(long double) mean);
	return (double) (expl(dist_log_gamma_density(k, mean)) / k);
}

static double
poisson_tail(double k, double mean, bool lower)
{
	if (isnan(k) || !poisson_right(mean))
		return NAN;
	if (k < 0)
		return lower ? 0 : 1;
	if (mean == 0 || isinf(k))
		return lower ? 1 : 0;
	/* P(X > k) = P(gamma(k + 1) <= mean) */
	return (double) dist_tail_value(dist_gamma_tail(floor(k) + 1.0L, mean), !lower);
}

double
ecml_poisson_cdf(double k, double mean)
{
	return poisson_tail(k, mean, true);
}

double
ecml_poisson_sf(double k, double mean)
{
	return poisson_tail(k, mean, false);
}

static double
poisson_cdf_of(double k, double mean, double unused)
{
	(void) unused;
	return poisson_tail(k, mean, true);
}

static double
poisson_sf_of(double k, double mean, double unused)
{
	(void) unused;
	return poisson_tail(k, mean, false);
}

static double
poisson_inverse(double bound, double mean, bool lower)
{
	double		sd = sqrt(mean);

	if (!(bound >= 0 && bound <= 1) || !poisson_right(mean))
		return NAN;
	if (bound == (lower ? 0 : 1) || mean == 0)
		return 0;
	if (bound == (lower ? 1 : 0))
		return INFINITY;
	return search(lower ? poisson_cdf_of : poisson_sf_of, lower, bound, mean, 0,
				  guess(mean, sd, 1 / sd, bound, lower), sd / 16, 0x1p60 + 4 * mean);
}

double
ecml_poisson_quantile(double prob, double mean)
{
	return poisson_inverse(prob, mean, true);
}

double
ecml_poisson_isf(double q, double mean)
{
	return poisson_inverse(q, mean, false);
}
