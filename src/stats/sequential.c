/*
 * sequential.c - always-valid inference and group-sequential boundaries: see sequential.h
 *
 * Always valid: with a normal mixture of deviation tau over the true difference, the likelihood ratio to no difference of an
 * estimate d with variance V is sqrt(V / (V + tau^2)) exp(tau^2 d^2 / (2 V (V + tau^2))) (Robbins 1970; Johari, Koomen,
 * Pekelis, Walsh 2017).  Without a difference it is a martingale of mean 1, so that it ever exceeds 1 / alpha with a
 * probability of at most alpha, however often one looks.  The intervals are where the ratio stays below 1 / alpha.
 */
#include "stats/sequential.h"

#include <math.h>

#include "num/dist.h"

AlwaysValid
sequential_always_valid(double difference, double std_error, double tau, double level)
{
	AlwaysValid r = {NAN, NAN, NAN, NAN};
	double		v = std_error * std_error;
	double		t = tau * tau;
	double		half;

	if (isnan(difference) || !(std_error >= 0) || !(tau > 0))
		return r;
	if (std_error == 0)
	{
		r.ratio = difference == 0 ? 0 : INFINITY;
		r.p_value = difference == 0 ? 1 : 0;
		r.ci_low = r.ci_high = difference;
		return r;
	}
	r.ratio = sqrt(v / (v + t)) * exp(t * difference * difference / (2 * v * (v + t)));
	/* not as 1 / ratio: that may have overflowed */
	r.p_value = fmin(1, sqrt((v + t) / v) * exp(-t * difference * difference / (2 * v * (v + t))));
	half = sqrt(v * (v + t) / t * (log((v + t) / v) - 2 * log1p(-level)));
	r.ci_low = difference - half;
	r.ci_high = difference + half;
	return r;
}

/* How much of alpha may be spent at a fraction of the information. */
static double
spend(double fraction, double alpha, const SequentialParams *params)
{
	switch (params->spending)
	{
		case SPEND_POCOCK:
			return alpha * log1p((M_E - 1) * fraction);
		case SPEND_POWER:
			return alpha * pow(fraction, params->rho);
		default:
			return 2 * ecml_normal_sf(ecml_normal_isf(alpha / 2) / sqrt(fraction));
	}
}

/* Simpson's weight of point i among n (odd), of width h. */
static double
simpson(int i, int n, double h)
{
	return (i == 0 || i == n - 1 ? 1 : i % 2 ? 4 : 2) * h / 3;
}

/* The probability that the next score, of variance step, lies beyond x upwards, from the density on a grid from low on. */
static double
beyond(double x, const double *density, int n, double low, double h, double step)
{
	double		sum = 0;

	for (int i = 0; i < n; i++)
		sum += simpson(i, n, h) * density[i] * ecml_normal_sf((x - (low + i * h)) / sqrt(step));
	return sum;
}

void
sequential_boundaries(const double *fractions, int n, const SequentialParams *params, SequentialLook *looks, double *scratch)
{
	/* a side at a time: two-sided ones are symmetric */
	double		alpha = params->two_sided ? params->alpha / 2 : params->alpha;
	double	   *density = scratch;
	double	   *next = scratch + SEQUENTIAL_GRID;
	double		low = 0;
	double		h = 0;
	double		spent = 0;

	for (int k = 0; k < n; k++)
	{
		double		t = fractions[k];
		double		root = sqrt(t);
		double		step = k == 0 ? t : t - fractions[k - 1];
		double		total = spend(t, alpha, params);
		double		target = total - spent;
		double		a = -10;
		double		b = 40;
		double		bottom;
		double		top;

		/* the boundary of the score: beyond it lies what may be spent now */
		for (int round = 0; round < 100 && b - a > 1e-13; round++)
		{
			double		z = (a + b) / 2;
			double		p = k == 0 ? ecml_normal_sf(z) : beyond(z * root, density, SEQUENTIAL_GRID, low, h, step);

			if (p > target)
				a = z;
			else
				b = z;
		}
		looks[k].boundary = (a + b) / 2;
		looks[k].spent = params->two_sided ? 2 * total : total;
		spent = total;
		if (k == n - 1)
			break;
		/* what goes on: the density between the boundaries, at most 9 deviations wide */
		top = fmin(looks[k].boundary, 9) * root;
		bottom = params->two_sided ? -top : -9 * root;
		for (int i = 0; i < SEQUENTIAL_GRID; i++)
		{
			double		x = bottom + i * (top - bottom) / (SEQUENTIAL_GRID - 1);
			double		sum = 0;

			if (k == 0)
				sum = ecml_normal_pdf(x / root) / root;
			else
				for (int j = 0; j < SEQUENTIAL_GRID; j++)
				{
					double		z = (x - (low + j * h)) / sqrt(step);

					sum += simpson(j, SEQUENTIAL_GRID, h) * density[j] * exp(-z * z / 2);
				}
			next[i] = k == 0 ? sum : sum / sqrt(2 * M_PI * step);
		}
		{
			double	   *other = density;

			density = next;
			next = other;
		}
		low = bottom;
		h = (top - bottom) / (SEQUENTIAL_GRID - 1);
	}
}
