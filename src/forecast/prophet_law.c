/*
 * prophet_law.c - the law of a forecast's error: changes of a linear trend to come, and noise
 *
 * Changes come as a Poisson process of rate r, each Laplace distributed of scale b, and grow with the time left: at time T after the
 * last observation the trend is off by D = sum_i d_i (T - s_i), s_i within (0, T).  A Laplace variable has the characteristic
 * function 1 / (1 + b^2 w^2); so D, a compound Poisson variable with uniform times, has
 *     exp(-r (T - int_0^T dv / (1 + b^2 w^2 v^2))) = exp(-r T (1 - atan(b w T) / (b w T))),
 * and the noise multiplies it by exp(-sigma^2 w^2 / 2).  The sum is symmetric, and its cdf by Gil-Pelaez (Biometrika 1951)
 *     F(x) = 1/2 + 1/pi int_0^inf sin(w x) / w psi(w) dw,
 * by the midpoint rule: with the step h it is off by the probabilities beyond 2 pi / h - x and its multiples (Bohmann 1961),
 * which Chernoff's bound keeps below a small part of the tail asked for; the sum ends where the noise has damped psi.  Ten to fifty terms
 * do, more where the noise is small beside the changes.  The lump at 0 where no change comes, of the probability exp(-r T), is the
 * noise's normal law; only the rest, whose density is smooth without it, is summed.
 *
 * Cost: an atan and two exp a term, and two products of complex numbers a term and step of Newton.
 */
#include "prophet_internal.h"

#include <math.h>

#include "num/dist.h"

#define MARGIN 10.0				/* what is neglected is e^-MARGIN of the tail asked for, or less */

/* A point beyond which lies less than e^-exponent. */
static double
reach(double events, double longest, double sigma, double exponent)
{
	static const double shares[] = {0.05, 0.1, 0.2, 0.3, 0.45, 0.6, 0.75, 0.87, 0.95};
	double		normal = sqrt(2 * exponent) / sigma;
	double		best = INFINITY;

	for (int i = -1; i < (int) (sizeof(shares) / sizeof(shares[0])); i++)
	{
		double		s = i < 0 ? normal : shares[i] / longest;
		double		share = s * longest;
		double		grown;

		if (!(share < 0.96))
			continue;
		grown = share > 1e-4 ? atanh(share) / share - 1 : share * share / 3;
		best = fmin(best, (events * grown + 0.5 * sigma * sigma * s * s + exponent) / s);
	}
	return best;
}

void
prophet_law(ProphetLaw *law, double rate, double size, double time, double sigma, double tail)
{
	double		events = time > 0 ? rate * time : 0;
	double		longest = time > 0 ? size * time : 0;
	double		exponent = MARGIN - log(fmax(tail, 1e-12));
	double		end;

	law->reach = reach(events, longest, sigma, exponent);
	law->step = M_PI / law->reach;
	end = sqrt(2 * exponent) / law->step;	/* over sigma, the number of terms */
	law->lump = exp(-events);
	law->sigma = sigma;
	/* with next to no noise there is no end of terms: a little more than there is */
	sigma = fmax(sigma, end / PROPHET_LAW_NODES);
	law->n = (int) (end / sigma) + 1;
	if (law->n > PROPHET_LAW_NODES)
		law->n = PROPHET_LAW_NODES;
	for (int k = 0; k < law->n; k++)
	{
		double		w = (k + 0.5) * law->step;
		double		a = w * longest;
		double		share = a > 1e-4 ? atan(a) / a : 1 - a * a / 3;

		law->weight[k] = (exp(-events * (1 - share)) - law->lump) * exp(-0.5 * sigma * sigma * w * w) / (M_PI * (k + 0.5));
	}
}

/* The cdf less one half, and the density, at x. */
static double
cdf(const ProphetLaw *law, double x, double *density)
{
	double		angle = law->step * x;
	double		turn[2] = {cos(angle), sin(angle)};
	double		at[2] = {cos(0.5 * angle), sin(0.5 * angle)};
	double		sum = 0;
	double		slope = 0;

	for (int k = 0; k < law->n; k++)
	{
		double		next = at[0] * turn[0] - at[1] * turn[1];

		sum += law->weight[k] * at[1];
		slope += law->weight[k] * (k + 0.5) * at[0];
		at[1] = at[0] * turn[1] + at[1] * turn[0];
		at[0] = next;
	}
	*density = slope * law->step + law->lump * ecml_normal_pdf(x / law->sigma) / law->sigma;
	return sum + law->lump * (0.5 - ecml_normal_sf(x / law->sigma));
}

double
prophet_law_quantile(const ProphetLaw *law, double p, double guess)
{
	double		low = 0;
	double		high = law->reach;
	double		x = guess > low && guess < high ? guess : 0.25 * high;

	for (int i = 0; i < 60 && high - low > 1e-9 * high; i++)
	{
		double		density;
		double		off = cdf(law, x, &density) + 0.5 - p;
		double		next;

		if (off < 0)
			low = x;
		else
			high = x;
		next = x - off / density;
		if (!(next > low && next < high))
			next = 0.5 * (low + high);
		else if (fabs(next - x) <= 1e-5 * x)
			return next;
		x = next;
	}
	return x;
}
