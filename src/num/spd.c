/*
 * spd.c - blocked right-looking Cholesky factorisation in double, with columns left out
 *
 * Cost: n^3 / 3 flops, at the speed of dgemm for n in the hundreds and more; no work is without a poll for longer than a
 * strip of STRIP columns takes.
 */
#include "spd.h"

#include <math.h>
#include <string.h>

#include "blas.h"

#define PANEL 64
#define STRIP 256

/* The diagonal block: [n][ld], n <= PANEL. */
static int
factor_block(double *a, int n, size_t ld, const double *floor, bool *drop)
{
	int			rank = 0;

	for (int j = 0; j < n; j++)
	{
		double	   *column = a + (size_t) j * ld;
		double		pivot = column[j];

		for (int i = 0; i < j; i++)
		{
			const double *other = a + (size_t) i * ld;

			column[i] = drop[i] ? 0 : (column[i] - cblas_ddot(i, other, 1, column, 1)) / other[i];
			pivot -= column[i] * column[i];
		}
		/* not "<=": a pivot that is not a number is dropped too */
		drop[j] = !(pivot > floor[j] && pivot > 0);
		if (drop[j])
			memset(column, 0, j * sizeof(double));
		column[j] = drop[j] ? 1 : sqrt(pivot);
		rank += !drop[j];
	}
	return rank;
}

int
ecml_spd_factor(EcmlCtx *ctx, double *a, int n, size_t ld, const double *floor, bool *drop)
{
	int			rank = 0;

	for (int k = 0; k < n; k += PANEL)
	{
		int			m = n - k < PANEL ? n - k : PANEL;
		double	   *block = a + (size_t) k * ld + k;

		rank += factor_block(block, m, ld, floor + k, drop + k);
		for (int j = 0; j < m; j++)
			if (drop[k + j])
				memset(a + (size_t) (k + j) * ld, 0, k * sizeof(double));
		for (int j = k + m; j < n; j += STRIP)
		{
			int			columns = n - j < STRIP ? n - j : STRIP;
			double	   *strip = a + (size_t) j * ld + k;

			ecml_poll(ctx, 0, 0);
			cblas_dtrsm(CblasColMajor, CblasLeft, CblasUpper, CblasTrans, CblasNonUnit, m, columns, 1, block, (int) ld,
						strip, (int) ld);
			for (int i = 0; i < m; i++)
				if (drop[k + i])
					for (int c = 0; c < columns; c++)
						strip[(size_t) c * ld + i] = 0;
		}
		for (int j = k + m; j < n; j += STRIP)
		{
			int			columns = n - j < STRIP ? n - j : STRIP;
			int			above = j - (k + m);
			double	   *strip = a + (size_t) j * ld;

			ecml_poll(ctx, 0, 0);
			if (above > 0)
				cblas_dgemm(CblasColMajor, CblasTrans, CblasNoTrans, above, columns, m, -1, a + (size_t) (k + m) * ld + k,
							(int) ld, strip + k, (int) ld, 1, strip + k + m, (int) ld);
			cblas_dsyrk(CblasColMajor, CblasUpper, CblasTrans, columns, m, -1, strip + k, (int) ld, 1, strip + j, (int) ld);
		}
	}
	return rank;
}

void
ecml_spd_forward(const double *r, int n, size_t ld, const bool *drop, double *b)
{
	for (int j = 0; j < n; j++)
		if (drop[j])
			b[j] = 0;
	if (n > 0)
		cblas_dtrsv(CblasColMajor, CblasUpper, CblasTrans, CblasNonUnit, n, r, (int) ld, b, 1);
}

void
ecml_spd_solve(const double *r, int n, size_t ld, const bool *drop, double *b)
{
	ecml_spd_forward(r, n, ld, drop, b);
	if (n > 0)
		cblas_dtrsv(CblasColMajor, CblasUpper, CblasNoTrans, CblasNonUnit, n, r, (int) ld, b, 1);
}
