/*
 * special.c - ln Gamma, digamma, Gauss-Legendre nodes
 */
#include "special.h"

#include <math.h>

double
ecml_log_gamma(double x)
{
	int			sign;

	return lgamma_r(x, &sign);	/* lgamma itself writes a global */
}

/* Up by the recurrence psi(x) = psi(x + 1) - 1/x to where Stirling's series has all digits. */
double
ecml_digamma(double x)
{
	/* B(2k) / 2k */
	static const double series[] = {1.0 / 12, -1.0 / 120, 1.0 / 252, -1.0 / 240, 1.0 / 132, -691.0 / 32760, 1.0 / 12,
	-3617.0 / 8160};
	double		shift = 0;
	double		square;
	double		sum = 0;

	if (!(x > 0))
		return NAN;
	for (; x < 10; x++)
		shift += 1 / x;
	square = 1 / (x * x);
	for (int k = 7; k >= 0; k--)
		sum = (sum + series[k]) * square;
	return log(x) - 0.5 / x - sum - shift;
}

/* Roots of Legendre's polynomial by Newton's method from Tricomi's approximation. */
void
ecml_gauss_legendre(int n, double *nodes, double *weights)
{
	for (int i = 0; i < (n + 1) / 2; i++)
	{
		double		x = cos(M_PI * (i + 0.75) / (n + 0.5));
		double		slope = 1;

		for (int round = 0; round < 10; round++)
		{
			double		before = 1;
			double		value = x;
			double		step;

			for (int k = 2; k <= n; k++)
			{
				double		next = ((2 * k - 1) * x * value - (k - 1) * before) / k;

				before = value;
				value = next;
			}
			slope = n * (x * value - before) / (x * x - 1);
			step = value / slope;
			x -= step;
			if (fabs(step) < 1e-16)
				break;
		}
		nodes[i] = 0.5 * (1 - x);
		nodes[n - 1 - i] = 0.5 * (1 + x);
		weights[i] = weights[n - 1 - i] = 1 / ((1 - x * x) * slope * slope);
	}
}
