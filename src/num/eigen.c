/*
 * eigen.c - symmetric eigenproblem: Householder tridiagonalisation, then QL iterations with implicit shifts
 *
 * Golub and Van Loan, Matrix Computations, 8.3; the shift is Wilkinson's.  Vectors are kept as rows, so that each rotation
 * combines two contiguous rows.
 */
#include "eigen.h"

#include <float.h>
#include <math.h>
#include <string.h>

#define MAX_SWEEPS 100			/* of one eigenvalue; two are usual */

/* y[i] += f * x[i] */
ECML_CLONES static void
add_to(double *restrict y, const double *restrict x, double f, int n)
{
#pragma omp simd
	for (int i = 0; i < n; i++)
		y[i] += f * x[i];
}

ECML_CLONES static double
dot(const double *restrict x, const double *restrict y, int n)
{
	double		sum = 0;

#pragma omp simd reduction(+:sum)
	for (int i = 0; i < n; i++)
		sum += x[i] * y[i];
	return sum;
}

/* Row a and the next one b: (a, b) becomes (c a - s b, s a + c b). */
ECML_CLONES static void
rotate(double *restrict a, double *restrict b, double c, double s, int n)
{
#pragma omp simd
	for (int i = 0; i < n; i++)
	{
		double		x = a[i];
		double		y = b[i];

		a[i] = c * x - s * y;
		b[i] = s * x + c * y;
	}
}

/*
 * a = Q T Q': diagonal d [n] and what stands beside it e [n] (e[i] between i and i + 1) of T; row k of a keeps the reflection's
 * vector from k + 1 on, beta[k] = 2 / its square.  p [n] scratch.
 */
static void
tridiagonalize(EcmlCtx *ctx, double *a, int n, double *d, double *e, double *beta, double *p)
{
	for (int k = 0; k < n; k++)
	{
		double	   *v = a + (size_t) k * n;
		int			m = n - k - 1;	/* rows and columns behind */
		double		norm;
		double		half;

		ecml_poll(ctx, 0, 0);
		d[k] = v[k];
		e[k] = 0;
		beta[k] = 0;
		if (m == 0)
			return;
		v += k + 1;
		norm = sqrt(dot(v, v, m));
		if (m == 1 || norm == 0)
		{
			e[k] = v[0];
			continue;
		}
		e[k] = v[0] > 0 ? -norm : norm;
		v[0] -= e[k];
		beta[k] = 2 / dot(v, v, m);
		for (int i = 0; i < m; i++)
			p[i] = beta[k] * dot(a + (size_t) (k + 1 + i) * n + k + 1, v, m);
		half = beta[k] / 2 * dot(p, v, m);
		add_to(p, v, -half, m);
		for (int i = 0; i < m; i++)
		{
			double	   *row = a + (size_t) (k + 1 + i) * n + k + 1;

			if (i % 64 == 63)
				ecml_poll(ctx, 0, 0);
			add_to(row, p, -v[i], m);
			add_to(row, v, -p[i], m);
		}
	}
}

/* Q' from the reflections in a: a becomes it. */
static void
accumulate(EcmlCtx *ctx, double *a, int n, const double *beta)
{
	double	   *q = ECML_NEW0(ctx, double, (size_t) n * n);

	for (int i = 0; i < n; i++)
		q[(size_t) i * n + i] = 1;
	/* Q' = H[n-3] ... H[0]: from the right, each on rows that differ from those of the identity */
	for (int k = n - 2; k >= 0; k--)
	{
		const double *v = a + (size_t) k * n + k + 1;
		int			m = n - k - 1;

		ecml_poll(ctx, 0, 0);
		if (beta[k] == 0)
			continue;
		for (int i = k + 1; i < n; i++)
		{
			double	   *row = q + (size_t) i * n + k + 1;

			add_to(row, v, -beta[k] * dot(row, v, m), m);
			if (i % 256 == 255)
				ecml_poll(ctx, 0, 0);
		}
	}
	memcpy(a, q, (size_t) n * n * sizeof(double));
	ecml_free(ctx, q);
}

void
ecml_eigen_symmetric(EcmlCtx *ctx, double *a, int n, double *values)
{
	double	   *e = ECML_NEW0(ctx, double, n + 1);
	double	   *beta = ECML_NEW0(ctx, double, n + 1);
	double	   *p = ECML_NEW0(ctx, double, n + 1);
	double	   *d = values;

	tridiagonalize(ctx, a, n, d, e, beta, p);
	accumulate(ctx, a, n, beta);
	for (int l = 0; l < n; l++)
	{
		int			sweeps = 0;

		for (;;)
		{
			int			m = l;
			double		g;
			double		c = 1;
			double		s = 1;
			double		shift = 0;
			int			i;

			while (m < n - 1 && fabs(e[m]) > DBL_EPSILON * (fabs(d[m]) + fabs(d[m + 1])) && fabs(e[m]) > DBL_MIN)
				m++;
			if (m == l)
				break;
			if (sweeps++ == MAX_SWEEPS)
				ecml_fail(ctx, ECML_INTERNAL, "an eigenvalue was not found in %d sweeps", MAX_SWEEPS);
			g = (d[l + 1] - d[l]) / (2 * e[l]);
			g = d[m] - d[l] + e[l] / (g + copysign(hypot(g, 1), g));
			for (i = m - 1; i >= l; i--)
			{
				double		f = s * e[i];
				double		b = c * e[i];
				double		r = hypot(f, g);

				if ((i & 63) == 0)
					ecml_poll(ctx, 0, 0);
				e[i + 1] = r;
				if (r == 0)
				{
					d[i + 1] -= shift;
					e[m] = 0;
					break;
				}
				s = f / r;
				c = g / r;
				g = d[i + 1] - shift;
				r = (d[i] - g) * s + 2 * c * b;
				shift = s * r;
				d[i + 1] = g + shift;
				g = c * r - b;
				rotate(a + (size_t) i * n, a + (size_t) (i + 1) * n, c, s, n);
			}
			if (i >= l)
				continue;
			d[l] -= shift;
			e[l] = g;
			e[m] = 0;
		}
	}
	/* ascending */
	for (int i = 0; i < n - 1; i++)
	{
		int			least = i;

		for (int j = i + 1; j < n; j++)
			if (d[j] < d[least])
				least = j;
		if (least != i)
		{
			double		t = d[i];

			d[i] = d[least];
			d[least] = t;
			rotate(a + (size_t) i * n, a + (size_t) least * n, 0, 1, n);
		}
	}
	ecml_free(ctx, e);
	ecml_free(ctx, beta);
	ecml_free(ctx, p);
}
