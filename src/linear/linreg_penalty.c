/*
 * linreg_penalty.c - lasso and elastic net on the cross products: coordinate descent
 *
 * Friedman, Hastie and Tibshirani, "Regularization paths for generalized linear models via coordinate descent" (2010), in
 * its covariance form: a step costs O(1), a step that changes a coefficient O(k).  It stops by the duality gap, which bounds
 * how far the objective is from its minimum.
 *
 * Correlated terms make it slow, so now and then it takes a step of the feature-sign search (Lee, Battle, Raina and Ng,
 * 2006): the problem with the present signs is a linear system; go from here towards its solution, up to the first
 * coefficient that reaches 0, leave that one out, and again, until the solution has the signs it was solved for.  The
 * objective falls all the way.  When the gap satisfies there, it is the minimum, to rounding.
 *
 * Cost: a sweep k^2 at most; a linear system a^3 / 6 for a coefficients other than 0, tried up to POLISH of them.
 */
#include <math.h>
#include <string.h>

#include "linreg_internal.h"

#define POLISH 512				/* coefficients */
#define POLL_WORK 1000000		/* multiplications between polls */

typedef struct Descent
{
	const LinregDescent *p;
	double	   *b;				/* [k] */
	double	   *g;				/* [k] q - Q b: products of the terms and the residual */
	double		work;			/* multiplications since the last poll */
} Descent;

static void
poll_work(EcmlCtx *ctx, Descent *d, double work)
{
	d->work += work;
	if (d->work < POLL_WORK)
		return;
	d->work = 0;
	ecml_poll(ctx, 0, 0);
}

/* g anew, from b */
static void
refresh(EcmlCtx *ctx, Descent *d)
{
	int			k = d->p->k;

	memcpy(d->g, d->p->q, (size_t) k * sizeof(double));
	for (int j = 0; j < k; j++)
	{
		const double *column = d->p->gram + (size_t) j * k;
		double		b = d->b[j];

		if (b == 0)
			continue;
		for (int i = 0; i < k; i++)
			d->g[i] -= b * column[i];
		poll_work(ctx, d, k);
	}
}

/*
 * The duality gap.  The quadratic penalty is taken for rows of its own, so that the problem is a lasso; the dual point is the
 * residual, shrunk until every term's product with it is within that term's penalty.
 */
static double
duality_gap(const Descent *d)
{
	const LinregDescent *p = d->p;
	double		qb = 0;
	double		bg = 0;
	double		penalty = 0;
	double		ridge = 0;
	double		shrink = 1;
	double		squares;

	for (int j = 0; j < p->k; j++)
	{
		double		product;

		if (!(p->gram[(size_t) j * p->k + j] > 0))
			continue;
		product = fabs(d->g[j] - p->l2[j] * d->b[j]);
		qb += p->q[j] * d->b[j];
		bg += d->b[j] * d->g[j];
		penalty += p->l1[j] * fabs(d->b[j]);
		ridge += p->l2[j] * d->b[j] * d->b[j];
		if (product * shrink > p->l1[j])
			shrink = p->l1[j] / product;
	}
	squares = fmax(p->yy - qb - bg, 0) + ridge;
	return squares / 2 + penalty - (shrink * (p->yy - qb) - shrink * shrink * squares / 2);
}

/* One round over the coefficients. */
static void
sweep(EcmlCtx *ctx, Descent *d)
{
	const LinregDescent *p = d->p;
	int			k = p->k;

	for (int j = 0; j < k; j++)
	{
		const double *column = p->gram + (size_t) j * k;
		double		old = d->b[j];
		double		z = d->g[j] + column[j] * old;
		double		b = 0;
		double		step;

		if (!(column[j] > 0))
			continue;
		if (z > p->l1[j])
			b = (z - p->l1[j]) / (column[j] + p->l2[j]);
		else if (z < -p->l1[j])
			b = (z + p->l1[j]) / (column[j] + p->l2[j]);
		step = b - old;
		if (step == 0)
			continue;
		d->b[j] = b;
		for (int i = 0; i < k; i++)
			d->g[i] -= step * column[i];
		poll_work(ctx, d, k);
	}
	poll_work(ctx, d, k);
}

/* Solve a x = rhs in place for a positive definite a [n][n] (destroyed); false when it is not, or nearly not. */
static bool
solve(EcmlCtx *ctx, Descent *d, double *a, int n, double *rhs)
{
	for (int i = 0; i < n; i++)
	{
		double	   *row = a + (size_t) i * n;
		double		floor = 1e-13 * row[i];

		for (int j = 0; j <= i; j++)
		{
			const double *other = a + (size_t) j * n;
			double		sum = row[j];

			for (int l = 0; l < j; l++)
				sum -= row[l] * other[l];
			if (j < i)
				row[j] = sum / other[j];
			else if (!(sum > floor))
				return false;
			else
				row[i] = sqrt(sum);
		}
		for (int l = 0; l < i; l++)
			rhs[i] -= row[l] * rhs[l];
		rhs[i] /= row[i];
		poll_work(ctx, d, (double) i * i / 2);
	}
	for (int i = n - 1; i >= 0; i--)
	{
		rhs[i] /= a[(size_t) i * n + i];
		for (int l = 0; l < i; l++)
			rhs[l] -= a[(size_t) i * n + l] * rhs[i];
	}
	return true;
}

/* The coefficients other than 0: their numbers in at; how many there are. */
static int
active(const Descent *d, int *at)
{
	int			n = 0;

	for (int j = 0; j < d->p->k; j++)
		if (d->b[j] != 0)
			at[n++] = j;
	return n;
}

/* x [n]: the minimum when the signs of the coefficients at[0 .. n-1] stay and the others are 0; false: it is not defined */
static bool
solve_signs(EcmlCtx *ctx, Descent *d, const int *at, int n, double *a, double *x)
{
	const LinregDescent *p = d->p;

	for (int i = 0; i < n; i++)
	{
		for (int j = 0; j <= i; j++)
			a[(size_t) i * n + j] = p->gram[(size_t) at[i] * p->k + at[j]];
		a[(size_t) i * n + i] += p->l2[at[i]];
		x[i] = p->q[at[i]] - copysign(p->l1[at[i]], d->b[at[i]]);
	}
	if (!solve(ctx, d, a, n, x))
		return false;
	for (int i = 0; i < n; i++)
		if (!isfinite(x[i]))
			return false;
	return true;
}

/* From b towards x; at the first coefficient that would change its sign it stops and sets that one to 0.  Did it arrive? */
static bool
step_towards(Descent *d, const int *at, int n, const double *x)
{
	double		part = 1;
	int			first = -1;

	for (int i = 0; i < n; i++)
	{
		double		b = d->b[at[i]];

		if ((x[i] > 0) != (b > 0) || x[i] == 0)
		{
			double		here = b / (b - x[i]);

			if (first < 0 || here < part)
			{
				part = here;
				first = i;
			}
		}
	}
	for (int i = 0; i < n; i++)
		d->b[at[i]] = first < 0 ? x[i] : i == first ? 0 : d->b[at[i]] + part * (x[i] - d->b[at[i]]);
	return first < 0;
}

static void
polish(EcmlCtx *ctx, Descent *d)
{
	int		   *at = ECML_NEW(ctx, int, d->p->k);
	int			n = active(d, at);

	if (n > 0 && n <= POLISH)
	{
		double	   *a = ECML_NEW(ctx, double, (size_t) n * n);
		double	   *x = ECML_NEW(ctx, double, n);

		while (n > 0 && solve_signs(ctx, d, at, n, a, x) && !step_towards(d, at, n, x))
			n = active(d, at);
		refresh(ctx, d);
		ecml_free(ctx, x);
		ecml_free(ctx, a);
	}
	ecml_free(ctx, at);
}

bool
linreg_descend(EcmlCtx *ctx, const LinregDescent *problem, double *b, int *iterations)
{
	Descent		d = {.p = problem,.b = b};
	double		enough = problem->tolerance * problem->yy;
	bool		converged = false;
	int			next_polish = 1;
	int			sweeps = 0;

	d.g = ECML_NEW(ctx, double, problem->k);
	refresh(ctx, &d);
	while (!converged && sweeps < problem->max_iter)
	{
		sweep(ctx, &d);
		sweeps++;
		converged = duality_gap(&d) <= enough;
		if (converged || sweeps >= next_polish)
		{
			/* ever more rarely, because it costs more than a sweep */
			next_polish = sweeps + 1 + sweeps / 4;
			polish(ctx, &d);
			converged = duality_gap(&d) <= enough;
		}
	}
	ecml_free(ctx, d.g);
	*iterations = sweeps;
	return converged;
}
