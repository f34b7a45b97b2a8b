/*
 * rng.c - random variates that need more than a line
 */
#include "rng.h"

#include <math.h>

double
ecml_rng_normal(EcmlRng *rng)
{
	double		u;
	double		v;
	double		s;

	/* Marsaglia's polar method; the second variate is dropped, so that the generator is all there is of state */
	do
	{
		u = 2.0 * ecml_rng_double(rng) - 1.0;
		v = 2.0 * ecml_rng_double(rng) - 1.0;
		s = u * u + v * v;
	} while (s >= 1.0 || s == 0.0);
	return u * sqrt(-2.0 * log(s) / s);
}
