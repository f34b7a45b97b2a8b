/*
 * qr.c - blocked Householder QR of a triangle over a block of rows, in the compact WY form
 *
 * The reflector of column j is I - tau v v' with v = (e_j, v_j): above, it touches row j of R alone, so that only the part
 * below is stored, in place of the block's column.  A panel of columns is factorised recursively (Elmroth and Gustavson,
 * 2000): halves, then the block that joins their T factors; the product of its reflectors is I - V T V' (Schreiber and Van
 * Loan, 1989), which goes over the columns to the right as two matrix products.
 *
 * Cost: 2 rows m^2 operations for a block of rows x m, nearly all in dgemm.
 */
#include "qr.h"

#include <math.h>
#include <string.h>

#include "blas.h"

#define PANEL 64				/* columns */
#define LEAF 8					/* columns of a panel that are done one by one */
#define STRIPE 256				/* columns updated between polls */

typedef struct Stack
{
	double	   *r;				/* [m][m] */
	size_t		ldr;
	double	   *b;				/* [m][rows] */
	size_t		ldb;
	int			rows;
	double	   *w;				/* [STRIPE][PANEL] */
} Stack;

/* Columns from .. from+n-1 of R over B, times (I - V T V')' for the `width` reflectors from column v0 on. */
static void
apply(const Stack *s, int v0, int width, const double *t, int from, int n)
{
	const double *v = s->b + v0 * s->ldb;
	double	   *b = s->b + from * s->ldb;
	double	   *r = s->r + from * s->ldr + v0;

	for (int c = 0; c < n; c++)
		memcpy(s->w + (size_t) c * width, r + c * s->ldr, (size_t) width * sizeof(double));
	cblas_dgemm(CblasColMajor, CblasTrans, CblasNoTrans, width, n, s->rows, 1.0, v, (int) s->ldb, b, (int) s->ldb,
				1.0, s->w, width);
	cblas_dtrmm(CblasColMajor, CblasLeft, CblasUpper, CblasTrans, CblasNonUnit, width, n, 1.0, t, PANEL, s->w, width);
	for (int c = 0; c < n; c++)
		for (int i = 0; i < width; i++)
			r[c * s->ldr + i] -= s->w[(size_t) c * width + i];
	cblas_dgemm(CblasColMajor, CblasNoTrans, CblasNoTrans, s->rows, n, width, -1.0, v, (int) s->ldb, s->w, width,
				1.0, b, (int) s->ldb);
}

/* One reflector: the block's column j becomes v_j; returns tau. */
static double
reflect(const Stack *s, int j)
{
	double	   *x = s->b + j * s->ldb;
	double	   *diagonal = s->r + j * s->ldr + j;
	double		norm = cblas_dnrm2(s->rows, x, 1);
	double		alpha = *diagonal;
	double		beta;

	if (norm == 0)
		return 0;
	beta = alpha > 0 ? -hypot(alpha, norm) : hypot(alpha, norm);
	if (fabs(alpha - beta) < 1e-290)
	{
		/* its inverse could overflow: scale in two steps */
		cblas_dscal(s->rows, 0x1p600, x, 1);
		cblas_dscal(s->rows, 1 / ((alpha - beta) * 0x1p600), x, 1);
	}
	else
		cblas_dscal(s->rows, 1 / (alpha - beta), x, 1);
	*diagonal = beta;
	return (beta - alpha) / beta;
}

/* Factorise columns j0 .. j0+width-1; t: their T factor, upper, PANEL apart. */
static void
factor(const Stack *s, int j0, int width, double *t)
{
	if (width > LEAF)
	{
		int			left = width / 2;
		int			right = width - left;
		double	   *t12 = t + (size_t) left * PANEL;	/* [right][left] */
		double	   *t22 = t12 + left;

		factor(s, j0, left, t);
		apply(s, j0, left, t, j0 + left, right);
		factor(s, j0 + left, right, t22);
		cblas_dgemm(CblasColMajor, CblasTrans, CblasNoTrans, left, right, s->rows, -1.0, s->b + j0 * s->ldb, (int) s->ldb,
					s->b + (j0 + left) * s->ldb, (int) s->ldb, 0.0, t12, PANEL);
		cblas_dtrmm(CblasColMajor, CblasLeft, CblasUpper, CblasNoTrans, CblasNonUnit, left, right, 1.0, t, PANEL,
					t12, PANEL);
		cblas_dtrmm(CblasColMajor, CblasRight, CblasUpper, CblasNoTrans, CblasNonUnit, left, right, 1.0, t22, PANEL,
					t12, PANEL);
		return;
	}
	for (int c = 0; c < width; c++)
	{
		int			j = j0 + c;
		int			after = width - c - 1;
		const double *v = s->b + j * s->ldb;
		double		tau = reflect(s, j);
		double		w[LEAF];

		if (after > 0)
		{
			double	   *next = s->b + (j + 1) * s->ldb;

			cblas_dgemv(CblasColMajor, CblasTrans, s->rows, after, tau, next, (int) s->ldb, v, 1, 0.0, w, 1);
			for (int i = 0; i < after; i++)
			{
				double	   *above = s->r + (j + 1 + i) * s->ldr + j;

				w[i] += tau * *above;
				*above -= w[i];
			}
			cblas_dger(CblasColMajor, s->rows, after, -1.0, v, 1, w, 1, next, (int) s->ldb);
		}
		/* column c of T: -tau T (V'v), and tau */
		if (c > 0)
		{
			double	   *tc = t + (size_t) c * PANEL;

			cblas_dgemv(CblasColMajor, CblasTrans, s->rows, c, -tau, s->b + j0 * s->ldb, (int) s->ldb, v, 1, 0.0, tc, 1);
			for (int i = 0; i < c; i++)
			{
				double		sum = 0;

				for (int l = i; l < c; l++)
					sum += t[(size_t) l * PANEL + i] * tc[l];
				tc[i] = sum;
			}
		}
		t[(size_t) c * PANEL + c] = tau;
	}
}

void
ecml_qr_stack(EcmlCtx *ctx, double *r, int m, size_t ldr, double *b, int rows, size_t ldb)
{
	Stack		s = {.r = r,.ldr = ldr,.b = b,.ldb = ldb,.rows = rows};
	double	   *t;

	if (m == 0 || rows == 0)
		return;
	t = ECML_NEW0(ctx, double, PANEL * PANEL);
	s.w = ECML_NEW(ctx, double, STRIPE * PANEL);
	for (int j = 0; j < m; j += PANEL)
	{
		int			width = m - j < PANEL ? m - j : PANEL;

		factor(&s, j, width, t);
		for (int from = j + width; from < m; from += STRIPE)
		{
			apply(&s, j, width, t, from, m - from < STRIPE ? m - from : STRIPE);
			ecml_poll(ctx, 0, 0);
		}
	}
	ecml_free(ctx, s.w);
	ecml_free(ctx, t);
}

/* Rows top .. bottom of column j, and of the columns after it, by the reflector that leaves only row top of column j. */
static void
chase(double *r, int k, size_t ldr, int j, int top, int bottom)
{
	int			n = bottom - top + 1;
	double	   *x = r + j * ldr + top;
	double		norm = cblas_dnrm2(n - 1, x + 1, 1);
	double		alpha = x[0];
	double		beta;
	double		tau;

	if (norm == 0)
		return;
	beta = alpha > 0 ? -hypot(alpha, norm) : hypot(alpha, norm);
	tau = (beta - alpha) / beta;
	cblas_dscal(n - 1, 1 / (alpha - beta), x + 1, 1);
	for (int c = j + 1; c < k; c++)
	{
		double	   *y = r + c * ldr + top;
		double		w = tau * (y[0] + cblas_ddot(n - 1, x + 1, 1, y + 1, 1));

		y[0] -= w;
		cblas_daxpy(n - 1, -w, x + 1, 1, y + 1, 1);
	}
	x[0] = beta;
	memset(x + 1, 0, (size_t) (n - 1) * sizeof(double));
}

int
ecml_qr_reduce(EcmlCtx *ctx, double *r, int k, size_t ldr, int fixed, int extra, double own, double whole, bool *drop)
{
	int			rank = 0;

	for (int j = 0; j < k - extra; j++)
	{
		double	   *column = r + j * ldr;
		double		left = cblas_dnrm2(j - rank + 1, column + rank, 1);
		double		from_fixed = j >= fixed ? cblas_dnrm2(j - fixed + 1, column + fixed, 1) : left;
		double		norm = cblas_dnrm2(j + 1, column, 1);

		if (j < fixed)
			drop[j] = !(left > 0);
		else
			drop[j] = !(left > own * from_fixed && left > whole * norm && left > 0);
		if (j % 64 == 0)
			ecml_poll(ctx, j, k);
		if (drop[j])
			continue;
		if (rank < j)
		{
			chase(r, k, ldr, j, rank, j);
			ecml_poll(ctx, j, k);
		}
		rank++;
	}
	return rank;
}

void
ecml_qr_invert(EcmlCtx *ctx, const double *r, int n, size_t ldr, double *u)
{
	for (int j = 0; j < n; j += PANEL)
	{
		int			width = n - j < PANEL ? n - j : PANEL;

		memset(u + (size_t) j * n, 0, (size_t) width * n * sizeof(double));
		for (int c = j; c < j + width; c++)
			u[(size_t) c * n + c] = 1;
		/* the columns of the unit matrix are 0 below row j + width, and stay so */
		cblas_dtrsm(CblasColMajor, CblasLeft, CblasUpper, CblasNoTrans, CblasNonUnit, j + width, width, 1.0, r, (int) ldr,
					u + (size_t) j * n, n);
		ecml_poll(ctx, j, n);
	}
}

void
ecml_qr_product(EcmlCtx *ctx, bool trans_a, bool trans_b, int m, int n, int k, const double *a, size_t lda,
				const double *b, size_t ldb, double *c, size_t ldc)
{
	for (int j = 0; j < n; j += PANEL)
	{
		int			width = n - j < PANEL ? n - j : PANEL;

		cblas_dgemm(CblasColMajor, trans_a ? CblasTrans : CblasNoTrans, trans_b ? CblasTrans : CblasNoTrans,
					m, width, k, 1.0, a, (int) lda, trans_b ? b + j : b + j * ldb, (int) ldb, 0.0, c + j * ldc, (int) ldc);
		ecml_poll(ctx, j, n);
	}
}

void
ecml_qr_outer(EcmlCtx *ctx, const double *u, int n, bool triangular, double *c)
{
	for (int j = 0; j < n; j += PANEL)
	{
		int			width = n - j < PANEL ? n - j : PANEL;
		int			first = triangular ? j : 0;	/* before it, rows j on are 0 */
		const double *from = u + (size_t) first * n;

		cblas_dgemm(CblasColMajor, CblasNoTrans, CblasTrans, j + width, width, n - first, 1.0, from, n, from + j, n,
					0.0, c + (size_t) j * n, n);
		ecml_poll(ctx, j, n);
	}
}
