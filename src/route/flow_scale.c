/*
 * flow_scale.c - costs and quantities as whole numbers
 *
 * Pivots and shortest paths compare sums of costs.  With whole numbers below 2^53, kept in doubles, all sums are exact: no
 * tolerance decides, and methods end for certain.  Decimals (12.34) become whole by a power of ten.  Other numbers are rounded to a
 * multiple of a power of two, some 12 digits below the greatest; the plan is optimal for costs rounded so.
 */
#include <math.h>

#include "route/flow.h"

#define MAX_DECIMALS 9
#define CHUNK 4096

ECML_CLONES
double
flow_greatest(const double *values, size_t n)
{
	double		max = 0;

#pragma omp simd reduction(max:max)
	for (size_t i = 0; i < n; i++)
	{
		double		x = fabs(values[i]);

		max = x < HUGE_VAL && x > max ? x : max;
	}
	return max;
}

ECML_CLONES
void
flow_round(double *values, size_t n, double scale)
{
#pragma omp simd
	for (size_t i = 0; i < n; i++)
		values[i] = rint(values[i] * scale);
}

/* How many of the values are no decimals of so many digits?  Dividing the whole number gives such a decimal back. */
ECML_CLONES
static int
count_odd(const double *values, size_t n, double scale)
{
	int			odd = 0;

#pragma omp simd reduction(+:odd)
	for (size_t i = 0; i < n; i++)
		odd += fabs(values[i]) <= 0x1p1000 && rint(values[i] * scale) / scale != values[i];
	return odd;
}

double
flow_scale(const double *values, size_t n, double max, double limit)
{
	double		scale = 1;
	int			exponent;

	for (int k = 0; k <= MAX_DECIMALS && max * scale <= limit; k++, scale *= 10)
	{
		size_t		i = 0;

		while (i < n && count_odd(values + i, n - i < CHUNK ? n - i : CHUNK, scale) == 0)
			i += CHUNK;
		if (i >= n)
			return scale;
	}
	if (max == 0)
		return 1;
	(void) frexp(limit / max, &exponent);
	return ldexp(1, exponent - 1);
}
