/*
 * arrivals.c - Poisson regression of units on the price, which also takes periods without a sale
 *
 * Newton's method on a concave likelihood, halved where a step does not improve.  Variance beyond Poisson makes a negative binomial:
 * its size by moments, sum m^2 / sum ((y - m)^2 - m).  Cost: rows * about ten steps.
 */
#include "pricing/arrivals.h"

#include <math.h>

#define STEPS 100

double
arrivals_mean(const Arrivals *r, double price)
{
	return exp(fmin(r->a + r->b * ((r->logarithm ? log(price) : price) - r->centre), 700));
}

static double
likelihood(const Arrivals *r, const double *price, const double *units, size_t n)
{
	double		sum = 0;

	for (size_t i = 0; i < n; i++)
	{
		double		eta = r->a + r->b * ((r->logarithm ? log(price[i]) : price[i]) - r->centre);

		sum += units[i] * eta - exp(eta);
	}
	return sum;
}

Arrivals
arrivals_fit(EcmlCtx *ctx, const double *price, const double *units, size_t n, bool logarithm)
{
	Arrivals	r = {.logarithm = logarithm,.size = INFINITY};
	double		total = 0;
	double		spread = 0;
	double		squares = 0;
	double		excess = 0;

	for (size_t i = 0; i < n; i++)
	{
		r.centre += (logarithm ? log(price[i]) : price[i]) / n;
		total += units[i];
	}
	for (size_t i = 0; i < n; i++)
		spread += fabs((logarithm ? log(price[i]) : price[i]) - r.centre);
	if (n < 2 || !(total > 0) || !(spread > 1e-9 * n * fmax(fabs(r.centre), 1e-9)))
		return r;
	r.a = log(total / n);
	r.value = likelihood(&r, price, units, n);
	for (int step = 0; step < STEPS; step++)
	{
		double		g[2] = {0, 0};
		double		h[3] = {0, 0, 0};
		double		det;
		double		da;
		double		db;
		double		scale = 1;
		Arrivals	next = r;

		ecml_poll(ctx, step, STEPS);
		for (size_t i = 0; i < n; i++)
		{
			double		x = (logarithm ? log(price[i]) : price[i]) - r.centre;
			double		m = exp(r.a + r.b * x);

			g[0] += units[i] - m;
			g[1] += (units[i] - m) * x;
			h[0] += m;
			h[1] += m * x;
			h[2] += m * x * x;
		}
		det = h[0] * h[2] - h[1] * h[1];
		if (!(det > 0))
			break;
		da = (h[2] * g[0] - h[1] * g[1]) / det;
		db = (h[0] * g[1] - h[1] * g[0]) / det;
		for (int halving = 0; halving < 40; halving++)
		{
			next.a = r.a + scale * da;
			next.b = r.b + scale * db;
			next.value = likelihood(&next, price, units, n);
			if (next.value >= r.value)
				break;
			scale /= 2;
		}
		if (!(next.value >= r.value))
			break;
		r = next;
		if (fabs(da) < 1e-12 * (1 + fabs(r.a)) && fabs(db) < 1e-12 * (1 + fabs(r.b)))
			break;
	}
	for (size_t i = 0; i < n; i++)
	{
		double		m = arrivals_mean(&r, price[i]);

		squares += m * m;
		excess += (units[i] - m) * (units[i] - m) - m;
	}
	/* what chance alone makes of the excess of Poisson numbers is not variance */
	if (excess > 2 * sqrt(2 * squares) && n > 10)
		r.size = squares / excess;
	r.ok = true;
	return r;
}
