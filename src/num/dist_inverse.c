/*
 * dist_inverse.c - inverses of the normal, gamma and beta distributions
 *
 * Halley's method on ln(tail) - ln(wanted), for the smaller of the two tails, in the coordinate w of dist_tail.h.  There
 * ln(tail) is concave and, far out, straight: Newton's step lands on the near side of the root wherever it starts and
 * then climbs to it without passing it, so that no bracket is needed, and a good start only saves steps.
 * Starts: Wilson and Hilferty (1931) for gamma; Abramowitz and Stegun 26.2.23 for the normal and 26.5.22 for beta.
 *
 * Cost: a few evaluations of the tail, 4 to 11 microseconds.
 */
#include "dist_tail.h"

#include <float.h>
#include <math.h>

#define MAX_STEPS 300
#define W_LIMIT (0.67L * LDBL_MAX_EXP)	/* e^W_LIMIT and its inverse are still long doubles */
#define CLOSE 1e-7L				/* a Halley step from here errs by its cube */

/*
 * The step in w, given g = ln(tail) - ln(wanted), the ratio tail / density, and the slope of ln(density).
 * For the lower tail (ln tail)' = 1 / ratio and (ln tail)'' = (slope - 1 / ratio) / ratio; the upper one is its mirror.
 */
static long double
step(DistTail tail, bool lower, long double wanted, long double slope, bool *finished)
{
	long double held;
	long double value;
	long double g;
	long double rate;			/* density / tail */
	long double newton;
	long double halley;

	if (tail.lower == lower)
	{
		g = tail.log_density + logl(tail.ratio) - logl(wanted);
		rate = 1 / tail.ratio;
	}
	else
	{
		held = expl(tail.log_density) * tail.ratio;
		value = fmaxl(1 - held, LDBL_EPSILON);
		g = logl(value / wanted);
		rate = expl(tail.log_density) / value;
	}
	if (!lower)
		slope = -slope;
	newton = -g / rate;
	halley = 1 + newton * (slope - rate) / 2;
	*finished = fabsl(g) <= CLOSE;
	/* only near the root, where the curvature is known to be the root's own */
	if (fabsl(g) < 2 && halley > 0.5L && halley < 2)
		newton /= halley;
	return lower ? newton : -newton;
}

static long double
clamp(long double w)
{
	return fminl(fmaxl(w, -W_LIMIT), W_LIMIT);
}

/* Add the step; true at the end: close enough, stuck at a limit, or not moving any more. */
static bool
advance(long double *w, long double change, bool finished)
{
	/* gamma's ln Q is -e^w far out, where Newton's steps back are of length 1: do not run far ahead */
	long double cap = 1 + fabsl(*w);
	long double next = clamp(*w + fminl(fmaxl(change, -cap), cap));
	bool		still = next == *w;

	*w = next;
	return finished || still;
}

/* tail probability below 1/2 to a normal deviate > 0, with error below 4.5e-4 */
static long double
rough_normal(long double tail)
{
	long double t = sqrtl(-2 * logl(tail));

	return t - (2.515517L + t * (0.802853L + t * 0.010328L)) / (1 + t * (1.432788L + t * (0.189269L + t * 0.001308L)));
}

long double
dist_normal_inverse(long double p, long double q)
{
	const long double sqrt_half = 0.707106781186547524400844L;
	const long double sqrt_2pi = 2.50662827463100050241577L;
	long double tail = fminl(p, q);
	long double z;

	if (tail > 0.3L)
	{
		/* the centre: what counts is p - 1/2 = erf(z / sqrt 2) / 2, to full relative accuracy */
		long double centre = p < q ? 0.5L - p : 0.5L - q;

		z = centre * sqrt_2pi;
		for (int i = 0; i < 3; i++)
		{
			long double newton = (centre - erfl(z * sqrt_half) / 2) * sqrt_2pi * expl(z * z / 2);

			z += newton / (1 - newton * z / 2);
		}
	}
	else
	{
		z = rough_normal(tail);
		for (int i = 0; i < 2; i++)
		{
			long double upper = erfcl(z * sqrt_half) / 2;
			long double rate = expl(-z * z / 2) / sqrt_2pi / upper;
			long double newton = logl(upper / tail) / rate;

			/* (ln upper)'' / (ln upper)' = rate - z, negated twice */
			z += newton / (1 + newton * (rate - z) / 2);
		}
	}
	return p < q ? -z : z;
}

static long double
rough_gamma(long double a, long double p, long double q)
{
	long double log_gamma;
	long double far;

	if (a > 0.5L)
	{
		long double tail = fminl(p, q);
		long double z = tail < 0.5L ? rough_normal(tail) : 0;
		long double root;

		if (p < q)
			z = -z;
		root = 1 - 1 / (9 * a) + z / (3 * sqrtl(a));
		if (root > 0.1L)
			return logl(a) + 3 * logl(root);
	}
	log_gamma = a * logl(a) - a - dist_log_gamma_density(a, a);
	far = -logl(q) - log_gamma;
	/* Q = x^(a-1) e^-x / Gamma(a) as x -> infinity; P = x^a / Gamma(a + 1) as x -> 0 */
	if (q < p && far > 2)
		return logl(far + (a - 1) * logl(far));
	return (logl(p) + logl(a) + log_gamma) / a;
}

long double
dist_gamma_inverse(long double a, long double p, long double q)
{
	bool		lower = p < q;
	long double w = clamp(rough_gamma(a, p, q));

	for (int i = 0; i < MAX_STEPS; i++)
	{
		long double x = expl(w);
		bool		finished;
		long double change = step(dist_gamma_tail(a, x), lower, lower ? p : q, a - x, &finished);

		if (advance(&w, change, finished))
			break;
	}
	return w;
}

/* ln x for the lower tail x^a / (a B(a, b)) that beta has as x -> 0 */
static long double
rough_power(long double a, long double b, long double p)
{
	long double n = a + b;

	/* density at the mean: a ln(a/n) + b ln(b/n) - ln B */
	return (logl(p) + logl(a) - dist_log_beta_density(a, b, a / n, b / n) + b * logl(b / n)) / a + logl(a / n);
}

static long double
rough_beta(long double a, long double b, long double p, long double q)
{
	long double tail = fminl(p, q);

	if (a >= 1 && b >= 1)
	{
		long double z = tail < 0.5L ? rough_normal(tail) : 0;
		long double one_a = 1 / (2 * a - 1);
		long double one_b = 1 / (2 * b - 1);
		long double h = 2 / (one_a + one_b);
		long double lambda;

		if (p > q)
			z = -z;
		lambda = (z * z - 3) / 6;
		return logl(a / b)
			- 2 * (z * sqrtl(h + lambda) / h - (one_b - one_a) * (lambda + 5.0L / 6 - 2 / (3 * h)));
	}
	if (a < 1 && b > 1)
	{
		/* nearly gamma: -ln y times b + (a - 1) / 2 */
		long double u = expl(dist_gamma_inverse(a, p, q)) / (b + (a - 1) / 2);

		return u > 40 ? u : logl(expm1l(u));
	}
	if (b < 1 && a > 1)
		return -rough_beta(b, a, q, p);
	return p < q ? rough_power(a, b, p) : -rough_power(b, a, q);
}

/* From a start near the root. */
long double
dist_beta_inverse_from(long double a, long double b, long double p, long double q, long double w)
{
	bool		lower = p < q;

	w = clamp(w);
	for (int i = 0; i < MAX_STEPS; i++)
	{
		long double x = 1 / (1 + expl(-w));
		long double y = 1 / (1 + expl(w));
		bool		finished;
		long double change = step(dist_beta_tail(a, b, x, y), lower, lower ? p : q, a * y - b * x, &finished);

		if (advance(&w, change, finished))
			break;
	}
	return w;
}

long double
dist_beta_inverse(long double a, long double b, long double p, long double q)
{
	return dist_beta_inverse_from(a, b, p, q, rough_beta(a, b, p, q));
}
