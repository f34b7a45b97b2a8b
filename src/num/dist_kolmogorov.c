/*
 * dist_kolmogorov.c - the limit distribution of sqrt(n) times Kolmogorov's statistic
 *
 * Two series of the same theta function (Kolmogorov 1933; Smirnov 1948): one is short above 1, the other below it.
 */
#include <math.h>

#include "dist.h"

#define SPLIT 1.0				/* where both need four terms for all digits */

/* 1 - 2 sum (-1)^(k-1) exp(-2 k^2 x^2), as that sum */
static double
upper_series(double x)
{
	double		sum = 0;

	for (int k = 5; k >= 1; k--)
		sum += (k % 2 ? 1 : -1) * exp(-2.0 * k * k * x * x);
	return 2 * sum;
}

/* sqrt(2 pi) / x sum exp(-(2k - 1)^2 pi^2 / (8 x^2)) */
static double
lower_series(double x)
{
	double		sum = 0;

	for (int k = 4; k >= 1; k--)
		sum += exp(-(2.0 * k - 1) * (2.0 * k - 1) * M_PI * M_PI / (8 * x * x));
	return sqrt(2 * M_PI) / x * sum;
}

double
ecml_kolmogorov_cdf(double x)
{
	if (isnan(x))
		return NAN;
	if (x <= 0)
		return 0;
	return x < SPLIT ? lower_series(x) : 1 - upper_series(x);
}

double
ecml_kolmogorov_sf(double x)
{
	if (isnan(x))
		return NAN;
	if (x <= 0)
		return 1;
	return x < SPLIT ? 1 - lower_series(x) : upper_series(x);
}
