/*
 * bfgs.c - quasi-Newton minimisation with the inverse Hessian kept in full (Broyden, Fletcher, Goldfarb, Shanno 1970)
 *
 * For objectives whose evaluation is what costs: a step is n^2.  The line search brackets and bisects until Wolfe's weak
 * conditions hold, which keeps the matrix positive definite; no step moves a variable by more than MAX_STEP.  Polls at every
 * evaluation.
 */
#include "bfgs.h"

#include <math.h>
#include <string.h>

#define MAX_STEP 4.0
#define DECREASE 1e-4
#define CURVATURE 0.9
#define MAX_TRIALS 60

static double
product(const double *a, const double *b, int n)
{
	double		sum = 0;

	for (int i = 0; i < n; i++)
		sum += a[i] * b[i];
	return sum;
}

static double
largest(const double *a, int n)
{
	double		most = 0;

	for (int i = 0; i < n; i++)
		most = fmax(most, fabs(a[i]));
	return most;
}

/* h <- (I - s y' / sy) h (I - y s' / sy) + s s' / sy */
static void
update(double *h, const double *s, const double *y, int n)
{
	double		hy[ECML_BFGS_MAX];
	double		sy = product(s, y, n);
	double		factor;

	for (int i = 0; i < n; i++)
		hy[i] = product(h + i * n, y, n);
	factor = (1 + product(y, hy, n) / sy) / sy;
	for (int i = 0; i < n; i++)
		for (int j = 0; j < n; j++)
			h[i * n + j] += factor * s[i] * s[j] - (hy[i] * s[j] + s[i] * hy[j]) / sy;
}

EcmlBfgsResult
ecml_bfgs(EcmlCtx *ctx, int n, double *x, EcmlObjective objective, void *arg, double tolerance, int max_iter)
{
	EcmlBfgsResult result = {0};
	double		g[ECML_BFGS_MAX];
	double		next[ECML_BFGS_MAX];
	double		next_g[ECML_BFGS_MAX];
	double		d[ECML_BFGS_MAX];
	double		y[ECML_BFGS_MAX];
	double		h[ECML_BFGS_MAX * ECML_BFGS_MAX];
	bool		fresh = true;	/* h is the identity */

	result.value = objective(arg, x, g);
	while (isfinite(result.value) && !(result.converged = largest(g, n) <= tolerance) && result.iterations < max_iter)
	{
		double		low = 0;
		double		high = INFINITY;
		double		t = 1;
		double		slope;
		double		value = NAN;
		bool		found = false;

		if (fresh)
			for (int i = 0; i < n * n; i++)
				h[i] = i % (n + 1) == 0;
		for (int i = 0; i < n; i++)
			d[i] = -product(h + i * n, g, n);
		slope = product(d, g, n);
		t = fmin(1, (fresh ? 1 : MAX_STEP) / largest(d, n));
		for (int trial = 0; trial < MAX_TRIALS && !found; trial++)
		{
			ecml_poll(ctx, 0, 0);
			for (int i = 0; i < n; i++)
				next[i] = x[i] + t * d[i];
			value = objective(arg, next, next_g);
			if (!(value <= result.value + DECREASE * t * slope))	/* also NaN */
				high = t;
			else if (product(next_g, d, n) < CURVATURE * slope && t * largest(d, n) < MAX_STEP)
				low = t;
			else
				found = true;
			if (!found)
				t = isinf(high) ? fmin(2 * low, MAX_STEP / largest(d, n)) : 0.5 * (low + high);
		}
		if (!found)
		{
			/* a steepest descent may still find a way; if that was it, rounding is all that is left */
			if (!fresh)
			{
				fresh = true;
				continue;
			}
			result.converged = largest(g, n) <= sqrt(tolerance);
			break;
		}
		for (int i = 0; i < n; i++)
		{
			d[i] *= t;
			y[i] = next_g[i] - g[i];
		}
		if (fresh && product(d, y, n) > 0)
		{
			/* a first scale, as Nocedal and Wright have it */
			for (int i = 0; i < n; i++)
				h[i * n + i] = product(d, y, n) / product(y, y, n);
		}
		fresh = false;
		if (product(d, y, n) > 0)
			update(h, d, y, n);
		memcpy(x, next, n * sizeof(double));
		memcpy(g, next_g, n * sizeof(double));
		result.value = value;
		result.iterations++;
	}
	return result;
}
