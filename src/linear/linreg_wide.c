/*
 * linreg_wide.c - the fit from a triangle: many terms, double precision
 *
 * The columns asked for are taken out of R and made a triangle again (unless they are all of it, in order), dependent ones
 * removed, and what is left is solved by back substitution; the row of the intercept holds the means, the rows below it the
 * centred problem.  The inverse of R gives the covariance.
 *
 * Cost: up to k^3 operations to make k columns a triangle again, k^3 / 3 each for the inverse and the
 * covariance; ridge 5 k^3 more.
 * Memory: three matrices [k][k], and the packed covariance.
 */
#include <math.h>
#include <string.h>

#include "linreg_internal.h"
#include "num/blas.h"
#include "num/qr.h"

#define ROWS 512				/* of R that are made a triangle at once */

/* The triangle of (1?, selected terms, y): k columns, k apart; 0 below the diagonal. */
static double *
triangle(EcmlCtx *ctx, const LinregState *state, bool intercept, const int *select, int n, int k)
{
	size_t		m = (size_t) state->terms + 2;
	double	   *t = ECML_NEW(ctx, double, (size_t) k * k);
	double	   *b;
	size_t	   *from;			/* [k] the columns' numbers in R */
	bool		all = intercept && n == state->terms;

	for (int j = 0; all && j < n; j++)
		all = select[j] == j;
	/* a hundred megabytes are not filled in a moment */
	for (int c = 0; c < k; c++)
	{
		if (all)
			memcpy(t + (size_t) c * k, state->r + (size_t) c * m, (size_t) k * sizeof(double));
		else
			memset(t + (size_t) c * k, 0, (size_t) k * sizeof(double));
		if (c % 64 == 0)
			ecml_poll(ctx, 0, 0);
	}
	if (all)
		return t;
	from = ECML_NEW(ctx, size_t, k);
	for (int c = 0; c < k; c++)
	{
		int			j = c - (intercept ? 1 : 0);

		from[c] = j < 0 ? 0 : j == n ? m - 1 : 1 + (size_t) select[j];
	}
	/* rows from `first` on have nothing in R's columns before it */
	b = ECML_NEW(ctx, double, (size_t) k * ROWS);
	for (size_t first = 0; first < m; first += ROWS)
	{
		size_t		rows = m - first < ROWS ? m - first : ROWS;
		int			skip = 0;

		while (skip < k - 1 && from[skip] < first)
			skip++;
		for (int c = skip; c < k; c++)
			memcpy(b + (size_t) c * ROWS, state->r + from[c] * m + first, rows * sizeof(double));
		ecml_qr_stack(ctx, t + (size_t) skip * (k + 1), k - skip, k, b + (size_t) skip * ROWS, (int) rows, ROWS);
	}
	ecml_free(ctx, from);
	ecml_free(ctx, b);
	return t;
}

/* covariance and std_errors (without sigma) from the upper triangle c [n][n], for the model's coefficients at[0 .. n-1] */
static void
fill_covariance(EcmlCtx *ctx, const double *c, int n, const int *at, LinregModel *model)
{
	int			size = 1 + model->terms;

	for (int j = 0; j < n; j++)
	{
		for (int i = 0; i <= j; i++)
			model->covariance[linreg_packed(size, at[i], at[j])] = c[(size_t) j * n + i];
		model->std_errors[at[j]] = sqrt(c[(size_t) j * n + j]);
		if (j % 64 == 0)
			ecml_poll(ctx, j, n);
	}
}

/* Least squares.  t: [k][k] triangle, the target last. */
static void
fit_least_squares(EcmlCtx *ctx, const LinregState *state, const LinregParams *params, double *t, int k, LinregModel *model)
{
	int			fixed = params->intercept ? 1 : 0;
	double	   *y = t + (size_t) (k - 1) * k;
	bool	   *drop = ECML_NEW(ctx, bool, k);
	int		   *at = ECML_NEW(ctx, int, k);
	double	   *kept = t;		/* [rank][k] the kept columns, moved together */
	double	   *u;
	double	   *c;
	double		target = cblas_dnrm2(k, y, 1);
	double		deviation = cblas_dnrm2(k - fixed, y + fixed, 1);
	double		rest;
	int			rank;

	if (deviation <= LINREG_QR_EXACT * target)
	{
		memset(y + fixed, 0, (size_t) (k - fixed) * sizeof(double));
		deviation = 0;
	}
	rank = ecml_qr_reduce(ctx, t, k, k, fixed, 1, LINREG_QR_OWN, LINREG_QR_WHOLE, drop);
	rest = cblas_dnrm2(k - rank, y + rank, 1);
	if (rest <= LINREG_QR_EXACT * target)
		rest = 0;
	rank = 0;
	for (int j = 0; j < k - 1; j++)
	{
		if (j >= fixed)
			model->aliased[j - fixed] = drop[j];
		if (drop[j])
			continue;
		if (rank < j)
			memcpy(kept + (size_t) rank * k, t + (size_t) j * k, (size_t) k * sizeof(double));
		at[rank++] = j + 1 - fixed;
	}
	model->rank = rank;
	cblas_dtrsv(CblasColMajor, CblasUpper, CblasNoTrans, CblasNonUnit, rank, kept, k, y, 1);
	for (int i = 0; i < rank; i++)
		model->coefficients[at[i]] = y[i];
	u = ECML_NEW(ctx, double, (size_t) rank * rank);
	c = ECML_NEW(ctx, double, (size_t) rank * rank);
	ecml_qr_invert(ctx, kept, rank, k, u);
	ecml_qr_outer(ctx, u, rank, true, c);
	fill_covariance(ctx, c, rank, at, model);
	ecml_free(ctx, c);
	ecml_free(ctx, u);
	linreg_finish(state, params, model, rest * rest, deviation * deviation, rank);
}

/* Terms that do not vary are left out of a penalised fit: their columns become 0. */
static void
clear_constants(double *t, int k, int fixed, LinregModel *model)
{
	double	   *y = t + (size_t) (k - 1) * k;

	for (int j = fixed; j < k - 1; j++)
	{
		double	   *column = t + (size_t) j * k;

		model->aliased[j - fixed] = cblas_dnrm2(k - fixed, column + fixed, 1) <= LINREG_QR_WHOLE * cblas_dnrm2(k, column, 1);
		if (model->aliased[j - fixed])
			memset(column, 0, (size_t) k * sizeof(double));
	}
	if (cblas_dnrm2(k - fixed, y + fixed, 1) <= LINREG_QR_EXACT * cblas_dnrm2(k, y, 1))
		memset(y + fixed, 0, (size_t) (k - fixed) * sizeof(double));
}

/* The residual sum of squares of b [k - 1] */
static double
residual(EcmlCtx *ctx, const double *t, int k, const double *b)
{
	double	   *rest = ECML_NEW(ctx, double, k);
	double		norm;

	memcpy(rest, t + (size_t) (k - 1) * k, (size_t) k * sizeof(double));
	cblas_dgemv(CblasColMajor, CblasNoTrans, k, k - 1, -1.0, t, k, b, 1, 1.0, rest, 1);
	norm = cblas_dnrm2(k, rest, 1);
	ecml_free(ctx, rest);
	if (norm <= LINREG_QR_EXACT * cblas_dnrm2(k, t + (size_t) (k - 1) * k, 1))
		norm = 0;
	return norm * norm;
}

/* Ridge: the root of alpha times the unit matrix goes under the triangle. */
static void
fit_ridge(EcmlCtx *ctx, const LinregState *state, const LinregParams *params, const double *t, int k, LinregModel *model)
{
	int			fixed = params->intercept ? 1 : 0;
	int			n = k - 1;		/* coefficients */
	int			terms = n - fixed;
	double	   *a = ECML_NEW(ctx, double, (size_t) k * k);
	double	   *under = ECML_NEW0(ctx, double, (size_t) terms * k);
	double	   *b = ECML_NEW(ctx, double, k);
	double	   *u = ECML_NEW(ctx, double, (size_t) n * n);
	double	   *hat = ECML_NEW(ctx, double, (size_t) n * n);	/* R U: its norm is the trace of the hat matrix */
	int		   *at = ECML_NEW(ctx, int, k);
	double		deviation = cblas_dnrm2(k - fixed, t + (size_t) n * k + fixed, 1);
	double		rss;
	double		trace = 0;

	memcpy(a, t, (size_t) k * k * sizeof(double));
	for (int j = 0; j < terms; j++)
		under[(size_t) (j + fixed) * terms + j] = sqrt(params->alpha);
	ecml_qr_stack(ctx, a, k, k, under, terms, terms);
	memcpy(b, a + (size_t) n * k, (size_t) k * sizeof(double));
	cblas_dtrsv(CblasColMajor, CblasUpper, CblasNoTrans, CblasNonUnit, n, a, k, b, 1);
	rss = residual(ctx, t, k, b);
	model->rank = fixed;
	for (int j = 0; j < n; j++)
	{
		at[j] = j + 1 - fixed;
		model->coefficients[at[j]] = b[j];
		model->rank += j >= fixed && !model->aliased[j - fixed];
	}
	ecml_qr_invert(ctx, a, n, k, u);
	ecml_qr_product(ctx, false, false, n, n, n, t, k, u, n, hat, n);
	for (int j = 0; j < n; j++)
		trace += cblas_ddot(n, hat + (size_t) j * n, 1, hat + (size_t) j * n, 1);
	/* (A'A)^-1 R'R (A'A)^-1 = (U hat') (U hat')' */
	ecml_qr_product(ctx, false, true, n, n, n, u, n, hat, n, a, n);
	ecml_qr_outer(ctx, a, n, false, hat);
	fill_covariance(ctx, hat, n, at, model);
	linreg_finish(state, params, model, rss, deviation * deviation, trace);
	ecml_free(ctx, at);
	ecml_free(ctx, hat);
	ecml_free(ctx, u);
	ecml_free(ctx, b);
	ecml_free(ctx, under);
	ecml_free(ctx, a);
}

/* Lasso and elastic net: the rows below the intercept's are the centred problem. */
static void
fit_l1(EcmlCtx *ctx, const LinregState *state, const LinregParams *params, const double *t, int k, LinregModel *model)
{
	int			fixed = params->intercept ? 1 : 0;
	int			n = k - 1 - fixed;
	const double *x = t + (size_t) fixed * k + fixed;	/* [n][k - fixed] */
	const double *y = t + (size_t) (k - 1) * k + fixed;
	double	   *gram = ECML_NEW(ctx, double, (size_t) n * n);
	double	   *q = ECML_NEW0(ctx, double, n);
	double	   *l1 = ECML_NEW(ctx, double, n);
	double	   *l2 = ECML_NEW(ctx, double, n);
	double	   *b = ECML_NEW0(ctx, double, k);	/* the intercept first, if there is one */
	double		weight = state->r[0] * state->r[0];
	double		deviation = cblas_dnrm2(k - fixed, y, 1);
	LinregDescent problem = {.k = n,.gram = gram,.q = q,.yy = deviation * deviation,.l1 = l1,.l2 = l2,
		.max_iter = params->max_iter,.tolerance = params->tolerance};

	ecml_qr_product(ctx, true, false, n, n, n, x, k, x, k, gram, n);
	if (n > 0)
		cblas_dgemv(CblasColMajor, CblasTrans, n, n, 1.0, x, k, y, 1, 0.0, q, 1);
	for (int j = 0; j < n; j++)
	{
		l1[j] = weight * params->alpha * params->l1_ratio;
		l2[j] = weight * params->alpha * (1 - params->l1_ratio);
	}
	model->converged = linreg_descend(ctx, &problem, b + fixed, &model->iterations);
	model->rank = fixed;
	for (int j = 0; j < n; j++)
		model->rank += b[fixed + j] != 0;
	if (fixed)
	{
		double		sum = t[(size_t) (k - 1) * k];

		for (int j = 0; j < n; j++)
			sum -= t[(size_t) (1 + j) * k] * b[1 + j];
		b[0] = sum / t[0];
	}
	memcpy(model->coefficients + 1 - fixed, b, (size_t) (n + fixed) * sizeof(double));
	linreg_finish(state, params, model, residual(ctx, t, k, b), deviation * deviation, model->rank);
}

void
linreg_fit_triangle(EcmlCtx *ctx, const LinregState *state, const LinregParams *params, const int *select,
					LinregModel *model)
{
	int			fixed = params->intercept ? 1 : 0;
	int			k = model->terms + fixed + 1;
	double	   *t;

	if (!(fabs(state->r[0]) > 0))
		ecml_fail(ctx, ECML_DATA_EXCEPTION, "the weights of a linear regression add up to nothing");
	t = triangle(ctx, state, params->intercept, select, model->terms, k);
	if (params->alpha == 0)
		fit_least_squares(ctx, state, params, t, k, model);
	else
	{
		clear_constants(t, k, fixed, model);
		if (model->covariance)
			fit_ridge(ctx, state, params, t, k, model);
		else
			fit_l1(ctx, state, params, t, k, model);
	}
	ecml_free(ctx, t);
}
