/*
 * reconcile.c - forecasts of a tree of series that are to add up
 *
 * With a diagonal matrix of variances the least squares problem lies on the tree: each subtree is, as far as the rest is
 * concerned, one observation of its sum, with a mean and a variance that follow from those of its children (going up); going
 * down, what the sum has to give is shared out by variance.  So OLS and WLS cost a pass up and one down, for any number of
 * series.  MinT with a full covariance W takes the constraints U'y = 0 (one for each node with children):
 *     y = f - W U (U' W U)^-1 U' f,   W = lambda D + (1 - lambda) E E' / t
 * where E are the errors; W itself is never made: only U'E and E (U'E)', t numbers each.
 *
 * Cost of MinT, with a nodes that have children: a^3 / 3 + n a t; of its shrinkage n^2 t / 2, on at most a thousand series.
 */
#include "forecast/reconcile.h"

#include <math.h>
#include <string.h>

#define SHRINKAGE_SERIES 1000

void
reconcile_bottom_up(const ReconcileTree *tree, double *values, int width)
{
	for (int i = 1; i < tree->n; i++)
		memset(values + (size_t) tree->parent[i] * width, 0, width * sizeof(double));
	/* a parent stands before its children, so that each is whole when it is added */
	for (int i = tree->n - 1; i > 0; i--)
		for (int h = 0; h < width; h++)
			values[(size_t) tree->parent[i] * width + h] += values[(size_t) i * width + h];
}

void
reconcile_weighted(const ReconcileTree *tree, const double *variance, double *values, int width, double *scratch)
{
	const int	n = tree->n;
	double	   *mean = scratch;
	double	   *spread = scratch + n;	/* variance of the subtree's sum */
	double	   *below = scratch + 2 * n;	/* sum of the children's spreads; 0: a leaf */
	double	   *sum = scratch + 3 * (size_t) n;	/* of the children's means */

	for (int h = 0; h < width; h++)
	{
		memset(below, 0, n * sizeof(double));
		memset(mean, 0, n * sizeof(double));
		/* mean holds the sum of the children's means until the node is reached */
		for (int i = n - 1; i >= 0; i--)
		{
			double		own = values[(size_t) i * width + h];

			if (below[i] == 0)
			{
				mean[i] = own;
				spread[i] = variance[i];
			}
			else
			{
				spread[i] = 1 / (1 / variance[i] + 1 / below[i]);
				mean[i] = spread[i] * (own / variance[i] + mean[i] / below[i]);
			}
			if (i > 0)
			{
				below[tree->parent[i]] += spread[i];
				mean[tree->parent[i]] += mean[i];
			}
		}
		/* down: what is left between a node's value and its children's means goes to them by spread */
		values[h] = mean[0];
		memset(below, 0, n * sizeof(double));
		for (int i = 1; i < n; i++)
			below[tree->parent[i]] += spread[i];
		memset(sum, 0, n * sizeof(double));
		for (int i = 1; i < n; i++)
			sum[tree->parent[i]] += mean[i];
		for (int i = 1; i < n; i++)
		{
			int			up = tree->parent[i];

			values[(size_t) i * width + h] = mean[i] + spread[i] / below[up] * (values[(size_t) up * width + h] - sum[up]);
		}
	}
}

/* Share of the diagonal: sum of variances of correlations over sum of their squares. */
static double
shrink(EcmlCtx *ctx, const double *z, int n, int t)
{
	int			every = n > SHRINKAGE_SERIES ? (n + SHRINKAGE_SERIES - 1) / SHRINKAGE_SERIES : 1;
	double		variances = 0;
	double		squares = 0;

	for (int i = 0; i < n; i += every)
	{
		ecml_poll(ctx, 0, 0);
		for (int j = 0; j < i; j += every)
		{
			const double *a = z + (size_t) i * t;
			const double *b = z + (size_t) j * t;
			double		sum = 0;
			double		square = 0;
			double		r;

			for (int k = 0; k < t; k++)
			{
				double		w = a[k] * b[k];

				sum += w;
				square += w * w;
			}
			r = sum / t;
			variances += (square / t - r * r) * t / ((double) (t - 1) * (t - 1));
			squares += r * r;
		}
	}
	if (!(squares > 0))
		return 1;
	return fmin(fmax(variances / squares, 0), 1);
}

/* U'x = 0 says that sums hold: a column of U for each node with children, 1 there and -1 at each child. */
typedef struct Mint
{
	EcmlCtx    *ctx;
	const ReconcileTree *tree;
	int			t;				/* errors of each node */
	int			a;				/* nodes with children */
	int		   *row;			/* [n] column of U of a node with children, or -1 */
	double	   *scale;			/* [n] root mean square of the errors */
	const double *e;			/* [n][t] errors over their scale */
	double		lambda;			/* share of the diagonal in the covariances W */
	double	   *ue;				/* [a][t] U'E */
	double	   *m;				/* [a][a] U'WU, then its Cholesky factor */
} Mint;

static void
number_sums(Mint *mint)
{
	const ReconcileTree *tree = mint->tree;

	mint->row = ECML_NEW(mint->ctx, int, tree->n);
	for (int i = 0; i < tree->n; i++)
		mint->row[i] = -1;
	for (int i = 1; i < tree->n; i++)
		mint->row[tree->parent[i]] = 0;
	for (int i = 0; i < tree->n; i++)
		if (mint->row[i] == 0)
			mint->row[i] = mint->a++;
}

/* Errors over their root mean square; a missing one tells nothing.  False: some node has too few. */
static bool
scale_errors(Mint *mint, double *errors)
{
	const int	n = mint->tree->n;
	const int	t = mint->t;
	double		least = INFINITY;
	bool		good = true;

	mint->scale = ECML_NEW(mint->ctx, double, n);
	for (int i = 0; i < n; i++)
	{
		double	   *e = errors + (size_t) i * t;
		double		sum = 0;
		int			count = 0;

		for (int k = 0; k < t; k++)
		{
			if (isnan(e[k]))
				e[k] = 0;
			else
				count++;
			sum += e[k] * e[k];
		}
		mint->scale[i] = count > 2 && sum > 0 ? sqrt(sum / count) : NAN;
		if (mint->scale[i] < least)
			least = mint->scale[i];
		good &= count > 2;
	}
	if (!good || !isfinite(least))
		return false;
	/* a series without errors is one with small ones */
	for (int i = 0; i < n; i++)
	{
		if (isnan(mint->scale[i]))
			mint->scale[i] = 1e-3 * least;
		for (int k = 0; k < t; k++)
			errors[(size_t) i * t + k] /= mint->scale[i];
	}
	mint->e = errors;
	return true;
}

/* U'E, and U'WU of the shrunk covariances: (1 - lambda) of the errors' products, lambda of their diagonal. */
static void
covariances_of_sums(Mint *mint)
{
	const ReconcileTree *tree = mint->tree;
	const int  *row = mint->row;
	const int	a = mint->a;
	const int	t = mint->t;
	double	   *ue = mint->ue = ECML_NEW0(mint->ctx, double, (size_t) a * t);
	double	   *m = mint->m = ECML_NEW0(mint->ctx, double, (size_t) a * a);

	for (int i = 0; i < tree->n; i++)
	{
		const double *e = mint->e + (size_t) i * t;

		for (int k = 0; k < t && row[i] >= 0; k++)
			ue[(size_t) row[i] * t + k] += mint->scale[i] * e[k];
		for (int k = 0; k < t && i > 0; k++)
			ue[(size_t) row[tree->parent[i]] * t + k] -= mint->scale[i] * e[k];
	}
	for (int i = 0; i < a; i++)
	{
		ecml_poll(mint->ctx, 0, 0);
		for (int j = 0; j <= i; j++)
		{
			double		sum = 0;

			for (int k = 0; k < t; k++)
				sum += ue[(size_t) i * t + k] * ue[(size_t) j * t + k];
			m[(size_t) i * a + j] = (1 - mint->lambda) * sum / t;
		}
	}
	for (int i = 0; i < tree->n; i++)
	{
		double		d = (mint->lambda + 1e-8) * mint->scale[i] * mint->scale[i];
		int			own = row[i];
		int			up = i > 0 ? row[tree->parent[i]] : -1;

		if (own >= 0)
			m[(size_t) own * a + own] += d;
		if (up >= 0)
			m[(size_t) up * a + up] += d;
		if (own >= 0 && up >= 0)
			m[(size_t) (own > up ? own : up) * a + (own > up ? up : own)] -= d;
	}
}

/* m becomes its lower Cholesky factor; false: it is not positive definite. */
static bool
factorise(Mint *mint)
{
	const int	a = mint->a;
	double	   *m = mint->m;

	for (int i = 0; i < a; i++)
	{
		ecml_poll(mint->ctx, 0, 0);
		for (int j = 0; j <= i; j++)
		{
			double		sum = m[(size_t) i * a + j];

			for (int k = 0; k < j; k++)
				sum -= m[(size_t) i * a + k] * m[(size_t) j * a + k];
			if (i == j && !(sum > 0))
				return false;
			m[(size_t) i * a + j] = i == j ? sqrt(sum) : sum / m[(size_t) j * a + j];
		}
	}
	return true;
}

/* Values of a period [n], width apart, less W U (U'WU)^-1 U' of them; x [a] and back [t] are scratch. */
static void
project(const Mint *mint, double *values, int width, double *x, double *back)
{
	const ReconcileTree *tree = mint->tree;
	const int  *row = mint->row;
	const double *m = mint->m;
	const int	a = mint->a;
	const int	t = mint->t;

	memset(x, 0, a * sizeof(double));
	for (int i = 0; i < tree->n; i++)
	{
		if (row[i] >= 0)
			x[row[i]] += values[(size_t) i * width];
		if (i > 0)
			x[row[tree->parent[i]]] -= values[(size_t) i * width];
	}
	for (int i = 0; i < a; i++)
	{
		for (int k = 0; k < i; k++)
			x[i] -= m[(size_t) i * a + k] * x[k];
		x[i] /= m[(size_t) i * a + i];
	}
	for (int i = a - 1; i >= 0; i--)
	{
		for (int k = i + 1; k < a; k++)
			x[i] -= m[(size_t) k * a + i] * x[k];
		x[i] /= m[(size_t) i * a + i];
	}
	/* W U x = lambda D U x + (1 - lambda) E (E'U x) / t */
	memset(back, 0, t * sizeof(double));
	for (int i = 0; i < a; i++)
		for (int k = 0; k < t; k++)
			back[k] += mint->ue[(size_t) i * t + k] * x[i];
	for (int i = 0; i < tree->n; i++)
	{
		const double *e = mint->e + (size_t) i * t;
		double		scale = mint->scale[i];
		double		ux = (row[i] >= 0 ? x[row[i]] : 0) - (i > 0 ? x[row[tree->parent[i]]] : 0);
		double		sum = 0;

		for (int k = 0; k < t; k++)
			sum += e[k] * back[k];
		values[(size_t) i * width] -= (mint->lambda + 1e-8) * scale * scale * ux + (1 - mint->lambda) * scale * sum / t;
	}
}

bool
reconcile_mint(EcmlCtx *ctx, const ReconcileTree *tree, double *errors, int t, double *values, int width, double *shrinkage)
{
	Mint		mint = {.ctx = ctx,.tree = tree,.t = t};
	double	   *x;
	double	   *back;

	number_sums(&mint);
	if (!scale_errors(&mint, errors) || t < 3 || mint.a == 0)
		return false;
	*shrinkage = mint.lambda = shrink(ctx, errors, tree->n, t);
	covariances_of_sums(&mint);
	if (!factorise(&mint))
		return false;
	x = ECML_NEW(ctx, double, mint.a);
	back = ECML_NEW(ctx, double, t);
	for (int h = 0; h < width; h++)
	{
		ecml_poll(ctx, 0, 0);
		project(&mint, values + h, width, x, back);
	}
	/* what rounding left */
	reconcile_bottom_up(tree, values, width);
	return true;
}
