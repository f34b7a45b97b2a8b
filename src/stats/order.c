/*
 * order.c - statistics of sorted values: see order.h
 */
#include "stats/order.h"

#include <math.h>

#include "num/dist.h"
#include "num/sort.h"

/* c[0] + c[1] x + ... */
static double
polynomial(const double *c, int n, double x)
{
	double		sum = 0;

	for (int i = n - 1; i >= 0; i--)
		sum = sum * x + c[i];
	return sum;
}

/* Weights a [n / 2] of the upper half; the lower half has them with the other sign. */
static void
shapiro_weights(double *a, size_t n)
{
	static const double c1[] = {0, 0.221157, -0.147981, -2.07119, 4.434685, -2.706056};
	static const double c2[] = {0, 0.042981, -0.293762, -1.752461, 5.682633, -3.582633};
	size_t		half = n / 2;
	size_t		given = n > 5 ? 2 : 1;
	double		root = 1 / sqrt((double) n);
	double		squares = 0;
	double		scale;

	if (n == 3)
	{
		a[0] = sqrt(0.5);
		return;
	}
	for (size_t i = 0; i < half; i++)
	{
		a[i] = ecml_normal_isf(((double) i + 0.625) / ((double) n + 0.25));
		squares += 2 * a[i] * a[i];
	}
	/* the outermost by polynomials in 1 / sqrt(n), the others as the scores of normals are */
	scale = squares - 2 * a[0] * a[0] - (given == 2 ? 2 * a[1] * a[1] : 0);
	a[0] = polynomial(c1, 6, root) + a[0] / sqrt(squares);
	if (given == 2)
		a[1] = polynomial(c2, 6, root) + a[1] / sqrt(squares);
	scale = sqrt(scale / (1 - 2 * a[0] * a[0] - (given == 2 ? 2 * a[1] * a[1] : 0)));
	for (size_t i = given; i < half; i++)
		a[i] /= scale;
}

static double
shapiro_p(double rest, size_t n)
{
	static const double c3[] = {0.544, -0.39978, 0.025054, -6.714e-4};
	static const double c4[] = {1.3822, -0.77857, 0.062767, -0.0020322};
	static const double c5[] = {-1.5861, -0.31082, -0.083751, 0.0038915};
	static const double c6[] = {-0.4803, -0.082676, 0.0030302};
	double		y;
	double		size = (double) n;
	double		lg = log(size);

	if (n == 3)
		return fmax(0, 1.90985931710274 * (asin(sqrt(1 - rest)) - 1.04719755119660));	/* 6 / pi, asin(sqrt(3/4)) */
	if (rest <= 0)
		return 1;
	y = log(rest);
	if (n <= 11)
	{
		double		bound = -2.273 + 0.459 * size;

		if (y >= bound)
			return 0;
		return ecml_normal_sf((-log(bound - y) - polynomial(c3, 4, size)) / exp(polynomial(c4, 4, size)));
	}
	return ecml_normal_sf((y - polynomial(c5, 4, lg)) / exp(polynomial(c6, 3, lg)));
}

ShapiroResult
order_shapiro(EcmlCtx *ctx, double *x, size_t n)
{
	ShapiroResult r = {NAN, NAN};
	double	   *a;
	double		middle;
	double		mean = 0;
	double		sax = 0;
	double		ssa = 0;
	double		ssx = 0;

	if (n < 3)
		return r;
	ecml_sort_f8(ctx, x, n);
	if (x[0] == x[n - 1])
		return r;
	a = ECML_NEW(ctx, double, n / 2);
	shapiro_weights(a, n);
	middle = x[n / 2];
	for (size_t i = 0; i < n; i++)
		mean += (x[i] - middle) / (double) n;
	for (size_t i = 0; i < n; i++)
	{
		size_t		mirror = n - 1 - i;
		double		weight = i < n / 2 ? -a[i] : mirror < n / 2 ? a[mirror] : 0;
		double		off = x[i] - middle - mean;

		sax += weight * off;
		ssa += weight * weight;
		ssx += off * off;
	}
	ecml_free(ctx, a);
	{
		/* 1 - W as a product, for W near 1 */
		double		both = sqrt(ssa * ssx);
		double		rest = fmax(0, (both - sax) * (both + sax) / (ssa * ssx));

		r.statistic = 1 - rest;
		r.p_value = shapiro_p(rest, n);
	}
	return r;
}

double
order_quantile(EcmlCtx *ctx, double *x, size_t n, double p, double *quantile)
{
	double		at = p * ((double) n - 1);
	double		alpha = p * ((double) n + 1);
	double		beta = (1 - p) * ((double) n + 1);
	double		reach = 12 * sqrt((double) n * p * (1 - p)) + 12;
	size_t		below;
	size_t		first;
	size_t		last;
	double		before;
	double		sum = 0;
	double		square = 0;

	*quantile = NAN;
	if (n < 1)
		return NAN;
	ecml_sort_f8(ctx, x, n);
	below = (size_t) at;
	*quantile = x[below] + (at > (double) below ? (at - (double) below) * (x[below + 1] - x[below]) : 0);
	if (n < 2)
		return NAN;
	/* beyond 12 deviations the beta holds nothing */
	first = at > reach ? (size_t) (at - reach) : 0;
	last = at + reach + 1 < (double) n ? (size_t) (at + reach + 1) : n;
	before = ecml_beta_cdf((double) first / (double) n, alpha, beta);
	for (size_t i = first; i < last; i++)
	{
		double		upto = ecml_beta_cdf((double) (i + 1) / (double) n, alpha, beta);
		double		off = x[i] - *quantile;

		if (i % 256 == 0)
			ecml_poll(ctx, 0, 0);
		sum += (upto - before) * off;
		square += (upto - before) * off * off;
		before = upto;
	}
	return sqrt(fmax(0, square - sum * sum));
}
