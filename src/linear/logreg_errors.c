/*
 * logreg_errors.c - standard errors: inverse information, ridge, sandwich
 *
 * With the Hessian A (of loss and penalty) = R'R, the information H (of the loss alone), and M the sum of the outer products of
 * the rows' gradients, the variance of u'theta is
 *     no penalty      u' A^-1 u
 *     L2              u' A^-1 H A^-1 u: of the estimate, which is biased, and says nothing of the bias
 *     robust          u' A^-1 M A^-1 u (Huber 1967, White 1980: HC0)
 * u is 1 / deviation for a coefficient; an intercept is theta_0 - sum of mean / deviation theta.
 */
#include "logreg_internal.h"

#include <math.h>
#include <string.h>

#include "num/blas.h"
#include "num/qr.h"
#include "num/spd.h"

/* Both triangles from the upper one. */
static void
mirror(EcmlCtx *ctx, double *a, int n)
{
	for (int i = 0; i < n; i++)
	{
		for (int j = 0; j < i; j++)
			a[(size_t) j * n + i] = a[(size_t) i * n + j];
		ecml_poll(ctx, 0, 0);
	}
}

/* t' M t for M = H: A less the penalty. */
static double
without_penalty(const LogregProblem *p, const double *t, double whole)
{
	double		sum = 0;

	for (int i = 0; i < p->total; i++)
		whole -= p->l2[i] * t[i] * t[i];
	for (int v = 0; p->anchor > 0 && v < p->vectors; v++)
		sum += t[(size_t) v * p->size];
	return whole - p->anchor * sum * sum;
}

/* What makes the intercept of a vector. */
static void
intercept_of(const LogregProblem *p, int v, double *u)
{
	memset(u, 0, p->total * sizeof(double));
	u += (size_t) v * p->size;
	u[0] = 1;
	for (int j = 0; j < p->used; j++)
		u[1 + j] = -p->mean[p->column[j]] / p->deviation[p->column[j]];
}

/* sums->matrix: R, which is destroyed. */
void
logreg_errors(const LogregProblem *p, const double *theta, LogregSums *sums, const bool *dropped, double *errors)
{
	EcmlCtx    *ctx = p->ctx;
	int			n = p->total;
	int			base = p->size - p->used;
	bool		robust = p->params->robust != LOGREG_CLASSIC;
	bool		ridge = p->params->penalty != LOGREG_NONE;
	double	   *r = sums->matrix;
	double	   *inverse = ECML_NEW(ctx, double, (size_t) n * n);
	double	   *variance = ECML_NEW(ctx, double, n);
	double	   *u = ECML_NEW(ctx, double, n);
	double	   *start = ECML_NEW0(ctx, double, p->vectors);	/* of the intercepts */
	double	   *meat = NULL;
	double		scale = 1;

	ecml_qr_invert(ctx, r, n, n, inverse);
	if (!robust && !ridge)
	{
		memset(variance, 0, n * sizeof(double));
		for (int j = 0; j < n; j++)
			for (int i = 0; i <= j; i++)
				variance[i] += inverse[(size_t) j * n + i] * inverse[(size_t) j * n + i];
		for (int v = 0; base && v < p->vectors; v++)
		{
			intercept_of(p, v, u);
			ecml_spd_forward(r, n, n, dropped, u);
			start[v] = cblas_ddot(n, u, 1, u, 1);
		}
	}
	else
	{
		double	   *a = r;		/* A^-1, in the place of R */
		double	   *product = NULL;	/* M A^-1 */

		ecml_qr_outer(ctx, inverse, n, true, a);
		mirror(ctx, a, n);
		if (robust)
		{
			LogregSums	again = {.gradient = u,.matrix = inverse};

			logreg_pass(p, theta, LOGREG_MEAT, 1, &again);
			meat = inverse;
			mirror(ctx, meat, n);
			product = ECML_NEW(ctx, double, (size_t) n * n);
			ecml_qr_product(ctx, false, false, n, n, n, meat, n, a, n, product, n);
			scale = p->params->robust == LOGREG_HC1 ? p->n / (p->n - n) : 1;
		}
		for (int i = 0; i < n; i++)
		{
			const double *t = a + (size_t) i * n;

			variance[i] = robust ? scale * cblas_ddot(n, t, 1, product + (size_t) i * n, 1) : without_penalty(p, t, t[i]);
			if (i % 16 == 0)
				ecml_poll(ctx, 0, 0);
		}
		for (int v = 0; base && v < p->vectors; v++)
		{
			double	   *t = ECML_NEW(ctx, double, 2 * (size_t) n);

			intercept_of(p, v, u);
			cblas_dgemv(CblasColMajor, CblasNoTrans, n, n, 1, a, n, u, 1, 0, t, 1);
			if (robust)
			{
				cblas_dgemv(CblasColMajor, CblasNoTrans, n, n, 1, meat, n, t, 1, 0, t + n, 1);
				start[v] = scale * cblas_ddot(n, t, 1, t + n, 1);
			}
			else
				start[v] = without_penalty(p, t, cblas_ddot(n, u, 1, t, 1));
			ecml_free(ctx, t);
		}
		ecml_free(ctx, product);
	}
	for (int v = 0; v < p->vectors; v++)
	{
		double	   *e = errors + (size_t) v * (1 + p->terms);

		if (base)
			e[0] = sqrt(fmax(start[v], 0));
		for (int j = 0; j < p->used; j++)
		{
			int			i = v * p->size + base + j;

			e[1 + p->column[j]] = sqrt(fmax(variance[i], 0)) / p->deviation[p->column[j]];
		}
	}
	ecml_free(ctx, inverse);
}
