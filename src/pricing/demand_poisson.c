/*
 * demand_poisson.c - the demand curve of a product as a Poisson regression: mean units = exp(a + x b)
 *
 * Rows that sold nothing count, which logarithms leave out.  Newton's method (iteratively reweighted least squares, Nelder and
 * Wedderburn 1972), halved where the likelihood does not rise.  Standard errors have Pearson's dispersion, or are robust (HC1 of the
 * scores): the estimate needs the mean to be right, not the variance (Gourieroux, Monfort and Trognon 1984).
 * Cost: some ten passes over the rows, terms^2 each.
 */
#include <math.h>
#include <string.h>

#include "pricing/demand.h"

#define STEPS 60

size_t
demand_poisson_scratch(int n)
{
	size_t		m = (size_t) n + 1;

	return 3 * m * m + 4 * m;
}

/* a [m][m] becomes its inverse; false: it is not positive definite.  l: scratch [m][m]. */
static bool
invert(double *a, int m, double *l)
{
	for (int i = 0; i < m; i++)
		for (int j = 0; j <= i; j++)
		{
			double		sum = a[i * m + j];

			for (int t = 0; t < j; t++)
				sum -= l[i * m + t] * l[j * m + t];
			if (i == j && !(sum > 1e-14 * a[i * m + i]))
				return false;
			l[i * m + j] = i == j ? sqrt(sum) : sum / l[j * m + j];
		}
	for (int c = 0; c < m; c++)
	{
		double	   *x = a + (size_t) c * m;

		/* row c of the symmetric inverse: L L' x = e_c */
		for (int i = 0; i < m; i++)
		{
			x[i] = i == c;
			for (int t = 0; t < i; t++)
				x[i] -= l[i * m + t] * x[t];
			x[i] /= l[i * m + i];
		}
		for (int i = m - 1; i >= 0; i--)
		{
			for (int t = i + 1; t < m; t++)
				x[i] -= l[t * m + i] * x[t];
			x[i] /= l[i * m + i];
		}
	}
	return true;
}

static double
eta_of(const double *row, const int *list, int n, const double *b)
{
	double		eta = b[n];

	for (int j = 0; j < n; j++)
		eta += b[j] * row[list[j]];
	return eta;
}

/* The logarithm of the likelihood, but for what depends on the units alone. */
static double
likelihood(EcmlCtx *ctx, const double *c, int rows, int columns, double mean_units, const int *list, int n, const double *b)
{
	double		sum = 0;

	for (int i = 0; i < rows; i++)
	{
		const double *row = c + (size_t) i * columns;
		double		eta = eta_of(row, list, n, b);

		demand_attend(ctx, i);
		sum += (row[columns - 1] + mean_units) * eta - exp(eta);
	}
	return sum;
}

void
demand_poisson(EcmlCtx *ctx, const DemandData *data, DemandFit *fit, const double *c, int columns, double mean_units,
			   const int *list, int n, double *scratch)
{
	int			m = n + 1;
	int			k = data->nterms;
	double	   *h = scratch;	/* [m][m] information, then its inverse */
	double	   *l = h + m * m;
	double	   *meat = l + m * m;
	double	   *b = meat + m * m;	/* [m] the constant last */
	double	   *next = b + m;
	double	   *g = next + m;
	double	   *z = g + m;
	double		value;
	double		pearson = 0;
	double		deviance = 0;
	double		null = 0;

	memset(fit->precision, 0, (size_t) k * k * sizeof(double));
	memset(fit->moment, 0, k * sizeof(double));
	if (!(mean_units > 0))
	{
		fit->status = DEMAND_NOTHING_SOLD;
		return;
	}
	memset(b, 0, m * sizeof(double));
	b[n] = log(mean_units);
	value = likelihood(ctx, c, fit->n, columns, mean_units, list, n, b);
	for (int step = 0;; step++)
	{
		double		most = 0;
		double		scale = 1;
		double		better = -INFINITY;

		memset(h, 0, (size_t) m * m * sizeof(double));
		memset(meat, 0, (size_t) m * m * sizeof(double));
		memset(g, 0, m * sizeof(double));
		pearson = 0;
		for (int i = 0; i < fit->n; i++)
		{
			const double *row = c + (size_t) i * columns;
			double		mu = exp(eta_of(row, list, n, b));
			double		e = row[columns - 1] + mean_units - mu;

			demand_attend(ctx, i);
			for (int j = 0; j < n; j++)
				z[j] = row[list[j]];
			z[n] = 1;
			pearson += e * e / mu;
			for (int j = 0; j < m; j++)
			{
				g[j] += e * z[j];
				for (int t = 0; t <= j; t++)
				{
					h[j * m + t] += mu * z[j] * z[t];
					meat[j * m + t] += e * e * z[j] * z[t];
				}
			}
		}
		for (int j = 0; j < m; j++)
			for (int t = 0; t < j; t++)
			{
				h[t * m + j] = h[j * m + t];
				meat[t * m + j] = meat[j * m + t];
			}
		/* what these rows tell of the terms, the constant being free: for pooling */
		for (int j = 0; j < n; j++)
			for (int t = 0; t < n; t++)
				fit->precision[list[j] * k + list[t]] = h[j * m + t] - h[j * m + n] * h[t * m + n] / h[n * m + n];
		if (!invert(h, m, l))
		{
			/* one price sells, the others nothing: the likelihood has no top */
			fit->status = DEMAND_TOO_FEW;
			memset(fit->precision, 0, (size_t) k * k * sizeof(double));
			return;
		}
		for (int j = 0; j < m; j++)
		{
			z[j] = 0;
			for (int t = 0; t < m; t++)
				z[j] += h[j * m + t] * g[t];
			most = fmax(most, fabs(z[j]) / (1 + fabs(b[j])));
		}
		if (most < 1e-12 || step == STEPS)
			break;
		for (int halving = 0; halving < 40; halving++, scale /= 2)
		{
			for (int j = 0; j < m; j++)
				next[j] = b[j] + scale * z[j];
			better = likelihood(ctx, c, fit->n, columns, mean_units, list, n, next);
			if (better >= value)
				break;
		}
		/* rounding lets no step improve: it is the top */
		if (!(better >= value))
			break;
		value = better;
		memcpy(b, next, m * sizeof(double));
	}
	for (int j = 0; j < n; j++)
		if (fabs(b[j]) > 50 && fit->precision[list[j] * k + list[j]] < 1e-6 * fit->n)
		{
			fit->status = DEMAND_TOO_FEW;
			memset(fit->precision, 0, (size_t) k * k * sizeof(double));
			return;
		}
	fit->mean_y = b[n];
	for (int i = 0; i < fit->n; i++)
	{
		const double *row = c + (size_t) i * columns;
		double		y = row[columns - 1] + mean_units;
		double		mu = exp(eta_of(row, list, n, b));

		demand_attend(ctx, i);
		deviance += (y > 1e-12 ? y * log(y / mu) : 0) - (y - mu);
		null += (y > 1e-12 ? y * log(y / mean_units) : 0) - (y - mean_units);
	}
	fit->r2 = null > 0 ? 1 - deviance / null : NAN;
	for (int j = 0; j < n; j++)
	{
		fit->b[list[j]] = fit->own_b[list[j]] = b[j];
		for (int t = 0; t < n; t++)
			fit->moment[list[j]] += fit->precision[list[j] * k + list[t]] * b[t];
	}
	fit->df = fit->n - n - 1;
	if (!(fit->df > 0))
	{
		fit->status = DEMAND_TOO_FEW;
		return;
	}
	fit->s2 = pearson / fit->df;
	fit->interval_df = fit->df;
	fit->level_sd = sqrt(fit->s2 * h[n * m + n]);
	for (int j = 0; j < n; j++)
		for (int t = 0; t < n; t++)
		{
			double		v = fit->s2 * h[j * m + t];

			if (data->errors == DEMAND_ROBUST)
			{
				v = 0;
				for (int p = 0; p < m; p++)
					for (int q = 0; q < m; q++)
						v += h[j * m + p] * meat[p * m + q] * h[q * m + t];
				v *= fit->n / fit->df;
			}
			fit->v[list[j] * k + list[t]] = v;
		}
	for (int j = 0; j < n; j++)
		fit->own_se[list[j]] = sqrt(fit->v[list[j] * k + list[j]]);
}
