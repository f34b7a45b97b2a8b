/*
 * prophet_fit.c - the MAP estimate of the trend, the seasons and the regressors
 *
 * Minus the log posterior, in scaled values (priors as in Taylor and Letham 2018 and the Stan program that goes with it):
 *     n/2 log v + SSE / 2v + 2 v + sum_i theta_i^2 / 2 s_i^2 + sum_j |delta_j| / tau,          v the variance of the noise.
 *
 * Given v and a linear model this is a least-squares problem with ridge and lasso terms, which is solved exactly: the ridge
 * unknowns are eliminated by Cholesky, and the lasso in the changes that is left (their Schur complement) goes by the
 * feature-sign search (Lee, Battle, Raina and Ng, NIPS 2006), which moves from one set of signs to the next.  Given the unknowns v
 * has a closed form.  So
 *   - an additive model needs its Gram matrix once, then alternates between the two without touching the rows again;
 *   - multiplicative effects and logistic growth are linearised where they stand (Gauss-Newton), with a step that is halved
 *     until the posterior rises.
 * Products of trend columns max(0, t - s) with others are suffix sums, gathered by segment: no such column is ever made.
 *
 * Against L-BFGS on all unknowns, which Prophet runs, this finds the mode itself, its zeros included, in some tens of
 * solves of order 50.  Cost: rows (features^2 / 2 + 2 features) once, or for each Gauss-Newton step; (2 + features + changes)^3
 * / 3 for each solve.
 */
#include "prophet_internal.h"

#include <float.h>
#include <math.h>
#include <string.h>

#define MAX_ALTERNATIONS 100
#define MAX_STEPS 50
#define MAX_HALVINGS 12
#define TOLERANCE 1e-9			/* relative, of the objective */
#define LEAST_VARIANCE 1e-12	/* a perfect fit has no mode: here it stops */
#define RATE_VARIANCE 25.0		/* of the priors of k and m: N(0, 5^2) */
#define TILE 512

ECML_CLONES static double
dot(const double *a, const double *b, int n)
{
	double		sum[8] = {0};
	int			i = 0;

	for (; i + 8 <= n; i += 8)
		for (int l = 0; l < 8; l++)
			sum[l] += a[i + l] * b[i + l];
	for (; i < n; i++)
		sum[0] += a[i] * b[i];
	return ((sum[0] + sum[1]) + (sum[2] + sum[3])) + ((sum[4] + sum[5]) + (sum[6] + sum[7]));
}

ECML_CLONES static void
axpy(double *y, double a, const double *x, int n)
{
	for (int i = 0; i < n; i++)
		y[i] += a * x[i];
}

/* gram [n][ld] += x' x for the columns x [n] of length count, a stride apart; the lower triangle */
ECML_CLONES static void
add_products(double *gram, size_t ld, const double *const *x, int n, int count)
{
	for (int i = 0; i < n; i++)
	{
		int			j = 0;

		for (; j + 4 <= i + 1; j += 4)
		{
			double		s[4][8] = {{0}};
			const double *a = x[i];
			const double *b0 = x[j];
			const double *b1 = x[j + 1];
			const double *b2 = x[j + 2];
			const double *b3 = x[j + 3];
			int			r = 0;

			for (; r + 8 <= count; r += 8)
				for (int l = 0; l < 8; l++)
				{
					s[0][l] += a[r + l] * b0[r + l];
					s[1][l] += a[r + l] * b1[r + l];
					s[2][l] += a[r + l] * b2[r + l];
					s[3][l] += a[r + l] * b3[r + l];
				}
			for (; r < count; r++)
			{
				s[0][0] += a[r] * b0[r];
				s[1][0] += a[r] * b1[r];
				s[2][0] += a[r] * b2[r];
				s[3][0] += a[r] * b3[r];
			}
			for (int q = 0; q < 4; q++)
				gram[i * ld + j + q] += ((s[q][0] + s[q][1]) + (s[q][2] + s[q][3])) + ((s[q][4] + s[q][5]) + (s[q][6] + s[q][7]));
		}
		for (; j <= i; j++)
		{
			double		s[8] = {0};
			int			r = 0;

			for (; r + 8 <= count; r += 8)
				for (int l = 0; l < 8; l++)
					s[l] += x[i][r + l] * x[j][r + l];
			for (; r < count; r++)
				s[0] += x[i][r] * x[j][r];
			gram[i * ld + j] += ((s[0] + s[1]) + (s[2] + s[3])) + ((s[4] + s[5]) + (s[6] + s[7]));
		}
	}
}

/* ---- the model's curve */

/* z, trend, factor and added of rows first .. last - 1 */
void
prophet_curve(ProphetDesign *d, const double *theta, int first, int last)
{
	const double *beta = theta + 2;
	const double *delta = theta + d->smooth;
	double		slope = theta[0];
	double		offset = theta[1];
	int			j = 0;
	int			count = last - first;

	for (int i = first; i < last; i++)
	{
		if (i > first && d->t[i] < d->t[i - 1])
		{
			j = 0;
			slope = theta[0];
			offset = theta[1];
		}
		for (; j < d->changes && d->s[j] <= d->t[i]; j++)
		{
			slope += delta[j];
			offset -= delta[j] * d->s[j];
		}
		d->z[i] = slope * d->t[i] + offset;
		d->factor[i] = 1;
		d->added[i] = 0;
	}
	if (d->cap)
		for (int i = first; i < last; i++)
			d->trend[i] = d->cap[i] / (1 + exp(-d->z[i]));
	else
		memcpy(d->trend + first, d->z + first, count * sizeof(double));
	for (int f = 0; f < d->features; f++)
	{
		double	   *to = d->multiplicative[f] ? d->factor : d->added;
		const double *x = d->x + (size_t) f * d->total;

		if (beta[f] == 0)
			continue;
		if (d->sparse[f] && first == 0 && last == d->rows)
			for (int i = 0; i < d->sparse_rows[f]; i++)
				to[d->sparse[f][i]] += beta[f] * x[d->sparse[f][i]];
		else
			axpy(to + first, beta[f], x + first, count);
	}
}

static double
squared_error(ProphetDesign *d)
{
	for (int i = 0; i < d->rows; i++)
		d->residual[i] = d->y[i] - (d->trend[i] * d->factor[i] + d->added[i]);
	return dot(d->residual, d->residual, d->rows);
}

/* The variance at the mode, given the squared errors: 4 v^2 + n v - SSE = 0. */
static double
best_variance(int n, double sse)
{
	return fmax(2 * sse / (n + sqrt((double) n * n + 16 * sse)), LEAST_VARIANCE);
}

static double
penalty(const ProphetDesign *d, const double *theta)
{
	double		m = d->cap && theta[0] != 0 ? -theta[1] / theta[0] : theta[1];
	double		sum = (theta[0] * theta[0] + m * m) / (2 * RATE_VARIANCE);
	double		changes = 0;

	for (int f = 0; f < d->features; f++)
		sum += theta[2 + f] * theta[2 + f] / (2 * d->prior[f] * d->prior[f]);
	for (int j = 0; j < d->changes; j++)
		changes += fabs(theta[d->smooth + j]);
	return sum + changes / d->params->changepoint_prior_scale;
}

static double
objective(const ProphetDesign *d, const double *theta, double sse, double *variance)
{
	*variance = best_variance(d->rows, sse);
	return 0.5 * d->rows * log(*variance) + sse / (2 * *variance) + 2 * *variance + penalty(d, theta);
}

/* ---- normal equations */

/* Sums over rows from each changepoint on, of x times the weights: into the columns of k, c and the changes. */
static void
trend_products(const ProphetDesign *d, const double *x, const int *sparse, int sparse_rows, double *k, double *c,
			   double *changes)
{
	double		sum = 0;
	double		sum_t = 0;
	int			at = sparse_rows;

	for (int g = d->changes; g >= 0; g--)
	{
		int			from = d->segment[g];
		int			count = d->segment[g + 1] - from;

		if (sparse)
			for (; at > 0 && sparse[at - 1] >= from; at--)
			{
				sum += d->weight[sparse[at - 1]] * x[sparse[at - 1]];
				sum_t += d->weight_t[sparse[at - 1]] * x[sparse[at - 1]];
			}
		else
		{
			sum += dot(d->weight + from, x + from, count);
			sum_t += dot(d->weight_t + from, x + from, count);
		}
		if (g > 0)
			changes[g - 1] = sum_t - d->s[g - 1] * sum;
	}
	*k = d->params->growth == PROPHET_FLAT ? 0 : sum_t;
	*c = sum;
}

/* gram (lower triangle) and right of the model linearised at theta, for which the curve and residuals stand; false: cancelled */
static bool
normal_equations(ProphetDesign *d, const double *theta)
{
	int			p = d->p;
	int			n = d->rows;
	int			smooth = d->smooth;
	double	   *gram = d->gram;
	bool		flat = d->params->growth == PROPHET_FLAT;
	double		tail[3] = {0};
	const double *tile[64];

	memset(gram, 0, (size_t) p * p * sizeof(double));
	for (int i = 0; i < n; i++)
	{
		double		w = d->factor[i];

		if (d->cap)
			w *= d->trend[i] * (1 - d->trend[i] / d->cap[i]);
		d->weight[i] = w;
		d->weight_t[i] = w * d->t[i];
	}
	for (int f = 0; f < d->features; f++)
	{
		const double *x = d->x + (size_t) f * d->total;
		double	   *to = d->scaled + (size_t) f * n;
		double	   *row = gram + (size_t) (2 + f) * p;
		double		k;
		double		c;

		if (prophet_cancelled(d))
			return false;
		if (d->multiplicative[f])
			for (int i = 0; i < n; i++)
				to[i] = x[i] * d->trend[i];
		else
			memcpy(to, x, n * sizeof(double));
		/* the part of the changes stands below the diagonal, in their rows */
		trend_products(d, to, d->sparse[f], d->sparse_rows[f], &k, &c, d->lasso);
		row[0] = k;
		row[1] = c;
		for (int j = 0; j < d->changes; j++)
			gram[(size_t) (smooth + j) * p + 2 + f] = d->lasso[j];
		d->right[2 + f] = 0;
		if (d->sparse[f])
			for (int i = 0; i < d->sparse_rows[f]; i++)
				d->right[2 + f] += to[d->sparse[f][i]] * d->residual[d->sparse[f][i]];
		else
			d->right[2 + f] = dot(to, d->residual, n);
	}
	trend_products(d, d->residual, NULL, 0, &d->right[0], &d->right[1], d->right + smooth);

	/* features with features: runs of dense ones in tiles of rows, sparse ones entry by entry */
	for (int f = 0; f < d->features;)
	{
		int			run = 0;

		if (d->sparse[f])
		{
			double	   *row = gram + (size_t) (2 + f) * p;
			const double *a = d->scaled + (size_t) f * n;

			for (int g = 0; g <= f; g++)
			{
				const double *b = d->scaled + (size_t) g * n;
				double		sum = 0;

				for (int i = 0; i < d->sparse_rows[f]; i++)
					sum += a[d->sparse[f][i]] * b[d->sparse[f][i]];
				row[2 + g] = sum;
			}
			f++;
			continue;
		}
		while (run < 64 && f + run < d->features && !d->sparse[f + run])
			run++;
		for (int from = 0; from < n; from += TILE)
		{
			int			count = n - from < TILE ? n - from : TILE;

			if (from / TILE % 64 == 63 && prophet_cancelled(d))
				return false;
			for (int g = 0; g < run; g++)
				tile[g] = d->scaled + (size_t) (f + g) * n + from;
			add_products(gram + (size_t) (2 + f) * p + 2 + f, p, tile, run, count);
		}
		for (int g = 0; g < f; g++)
		{
			if (prophet_cancelled(d))
				return false;
			for (int h = 0; h < run; h++)
			{
				double	   *to = gram + (size_t) (2 + f + h) * p + 2 + g;

				if (d->sparse[g])
				{
					const double *a = d->scaled + (size_t) g * n;
					const double *b = d->scaled + (size_t) (f + h) * n;

					for (int i = 0; i < d->sparse_rows[g]; i++)
						*to += a[d->sparse[g][i]] * b[d->sparse[g][i]];
				}
				else
					*to = dot(d->scaled + (size_t) g * n, d->scaled + (size_t) (f + h) * n, n);
			}
		}
		f += run;
	}

	/* trend with trend */
	for (int g = d->changes; g >= 0; g--)
	{
		int			from = d->segment[g];
		int			count = d->segment[g + 1] - from;

		tail[0] += dot(d->weight + from, d->weight + from, count);
		tail[1] += dot(d->weight + from, d->weight_t + from, count);
		tail[2] += dot(d->weight_t + from, d->weight_t + from, count);
		if (g > 0)
		{
			double	   *row = gram + (size_t) (smooth + g - 1) * p;
			double		s = d->s[g - 1];

			row[0] = tail[2] - s * tail[1];
			row[1] = tail[1] - s * tail[0];
			for (int h = 0; h < g; h++)
				row[smooth + h] = tail[2] - (s + d->s[h]) * tail[1] + s * d->s[h] * tail[0];
		}
	}
	gram[0] = flat ? 0 : tail[2];
	gram[p] = flat ? 0 : tail[1];
	gram[p + 1] = tail[0];

	/* from the residual to the target: what the linear model has to meet is residual + J theta */
	for (int i = 0; i < p; i++)
	{
		double		sum = 0;

		for (int j = 0; j < p; j++)
			sum += gram[i >= j ? (size_t) i * p + j : (size_t) j * p + i] * theta[j];
		d->right[i] += sum;
	}
	return true;
}

/* ---- the lasso of the changes */

/* x [m] becomes the solution of a x = b, a [m][m] symmetric positive definite, destroyed (the lower triangle) */
static bool
solve_small(double *a, double *x, int m)
{
	for (int i = 0; i < m; i++)
	{
		for (int j = 0; j <= i; j++)
		{
			double		sum = a[i * m + j] - dot(a + i * m, a + j * m, j);

			if (j < i)
				a[i * m + j] = sum / a[j * m + j];
			else if (sum > 0)
				a[i * m + i] = sqrt(sum);
			else
				return false;
		}
		x[i] = (x[i] - dot(a + i * m, x, i)) / a[i * m + i];
	}
	for (int i = m - 1; i >= 0; i--)
	{
		x[i] /= a[i * m + i];
		for (int k = 0; k < i; k++)
			x[k] -= a[i * m + k] * x[i];
	}
	return true;
}

/* minimises x' S x / 2 - b' x + lambda |x|_1 over x [m], from the x given on; S [m][m] symmetric */
static void
lasso(ProphetDesign *d, const double *S, const double *b, double lambda, int m, double *x)
{
	double	   *target = d->lasso + m;
	double	   *gradient = d->lasso + 2 * m;
	int			active = 0;

	for (int j = 0; j < m; j++)
		if (x[j] != 0)
		{
			d->sign[active] = x[j] > 0 ? 1 : -1;
			d->set[active++] = j;
		}
	for (int round = 0; round < 10 * m + 20; round++)
	{
		int			most = -1;
		double		excess = 0;

		/* down to the minimum for these signs, or until one turns */
		while (active > 0)
		{
			double		step = 1;
			int			turned = -1;

			for (int i = 0; i < active; i++)
			{
				for (int j = 0; j <= i; j++)
					d->active[i * active + j] = S[d->set[i] * m + d->set[j]];
				target[i] = b[d->set[i]] - lambda * d->sign[i];
			}
			if (!solve_small(d->active, target, active))
			{
				/* the newest depends on the others */
				x[d->set[--active]] = 0;
				continue;
			}
			for (int i = 0; i < active; i++)
				if (target[i] * d->sign[i] <= 0)
				{
					double		at = x[d->set[i]];
					double		t = at == 0 ? 0 : at / (at - target[i]);

					if (t < step || turned < 0)
					{
						step = t;
						turned = i;
					}
				}
			for (int i = 0; i < active; i++)
				x[d->set[i]] += step * (target[i] - x[d->set[i]]);
			if (turned < 0)
				break;
			x[d->set[turned]] = 0;
			active--;
			for (int i = turned; i < active; i++)
			{
				d->set[i] = d->set[i + 1];
				d->sign[i] = d->sign[i + 1];
			}
		}
		for (int j = 0; j < m; j++)
		{
			gradient[j] = -b[j];
			for (int i = 0; i < active; i++)
				gradient[j] += S[j * m + d->set[i]] * x[d->set[i]];
			if (x[j] == 0 && fabs(gradient[j]) - lambda > excess)
			{
				excess = fabs(gradient[j]) - lambda;
				most = j;
			}
		}
		if (most < 0 || excess <= 1e-9 * lambda)
			return;
		d->set[active] = most;
		d->sign[active++] = gradient[most] < 0 ? 1 : -1;
	}
}

/* d->next: the mode of the linearised model for this variance; theta: where it was linearised, and the start of the lasso */
static bool
solve(ProphetDesign *d, const double *theta, double variance)
{
	int			p = d->p;
	int			smooth = d->smooth;
	int			m = d->changes;
	double	   *h = d->h;
	double	   *rhs = d->rhs;
	double		precision = 1 / variance;

	for (int i = 0; i < p; i++)
	{
		for (int j = 0; j <= i; j++)
			h[(size_t) i * p + j] = d->gram[(size_t) i * p + j] * precision;
		rhs[i] = d->right[i] * precision;
	}
	h[0] += 1 / RATE_VARIANCE;
	if (!d->cap)
		h[p + 1] += 1 / RATE_VARIANCE;
	else if (fabs(theta[0]) > 1e-8)
	{
		/* the prior is one of m = -c / k, linearised: m0 + slope (theta - theta0) */
		double		k = theta[0];
		double		slope[2] = {theta[1] / (k * k), -1 / k};
		double		rest = -theta[1] / k - slope[0] * theta[0] - slope[1] * theta[1];

		h[0] += slope[0] * slope[0] / RATE_VARIANCE;
		h[p] += slope[0] * slope[1] / RATE_VARIANCE;
		h[p + 1] += slope[1] * slope[1] / RATE_VARIANCE;
		rhs[0] -= rest * slope[0] / RATE_VARIANCE;
		rhs[1] -= rest * slope[1] / RATE_VARIANCE;
	}
	h[p + 1] += 1e-10 * precision;
	for (int f = 0; f < d->features; f++)
		h[(size_t) (2 + f) * p + 2 + f] += 1 / (d->prior[f] * d->prior[f]);

	/* Cholesky of the smooth ones; what it leaves of the changes is their Schur complement */
	for (int i = 0; i < p; i++)
	{
		double	   *row = h + (size_t) i * p;
		int			end = i < smooth ? i : smooth;

		for (int j = 0; j < end; j++)
			row[j] = (row[j] - dot(row, h + (size_t) j * p, j)) / h[(size_t) j * p + j];
		rhs[i] -= dot(row, rhs, end);
		if (i < smooth)
		{
			double		pivot = row[i] - dot(row, row, i);

			if (!(pivot > 0))
				return false;
			row[i] = sqrt(pivot);
			rhs[i] /= row[i];
		}
		else
			for (int j = smooth; j <= i; j++)
			{
				double		left = row[j] - dot(row, h + (size_t) j * p, smooth);

				/* columns that are the same but for rounding */
				if (j == i)
					left += 1e-12 * row[j];
				d->schur[(i - smooth) * m + j - smooth] = left;
				d->schur[(j - smooth) * m + i - smooth] = left;
			}
	}
	memcpy(d->next + smooth, theta + smooth, m * sizeof(double));
	lasso(d, d->schur, rhs + smooth, 1 / d->params->changepoint_prior_scale, m, d->next + smooth);
	memcpy(d->next, rhs, smooth * sizeof(double));
	for (int j = 0; j < m; j++)
		if (d->next[smooth + j] != 0)
			axpy(d->next, -d->next[smooth + j], h + (size_t) (smooth + j) * p, smooth);
	for (int i = smooth - 1; i >= 0; i--)
	{
		d->next[i] /= h[(size_t) i * p + i];
		axpy(d->next, -d->next[i], h + (size_t) i * p, i);
	}
	for (int i = 0; i < p; i++)
		if (!isfinite(d->next[i]))
			return false;
	return true;
}

/* ---- the two ways */

/* The squared error of d->next by the normal equations of a linear model. */
static double
linear_error(const ProphetDesign *d, double square)
{
	double		sse = square;

	for (int i = 0; i < d->p; i++)
	{
		const double *row = d->gram + (size_t) i * d->p;

		sse += d->next[i] * (2 * dot(row, d->next, i) + row[i] * d->next[i] - 2 * d->right[i]);
	}
	/* rounding, when almost nothing is left */
	return sse > 1e-13 * square ? sse : 1e-13 * square;
}

static int
fit_linear(ProphetDesign *d)
{
	double		square = dot(d->y, d->y, d->rows);
	double		last = INFINITY;
	int			iterations = 0;

	memset(d->theta, 0, d->p * sizeof(double));
	memcpy(d->residual, d->y, d->rows * sizeof(double));
	for (int i = 0; i < d->rows; i++)
		d->factor[i] = 1;
	d->variance = 1;
	if (!normal_equations(d, d->theta))
		return 0;
	while (iterations < MAX_ALTERNATIONS && !prophet_cancelled(d) && solve(d, d->theta, d->variance))
	{
		double		value = objective(d, d->next, linear_error(d, square), &d->variance);

		iterations++;
		memcpy(d->theta, d->next, d->p * sizeof(double));
		if (fabs(last - value) <= TOLERANCE * (1 + fabs(value)))
			break;
		last = value;
	}
	return iterations;
}

/* Prophet's start: a curve through the first and the last observation. */
static void
start(ProphetDesign *d)
{
	double		first = d->y[0];
	double		last = d->y[d->rows - 1];

	memset(d->theta, 0, d->p * sizeof(double));
	if (d->params->growth == PROPHET_FLAT)
	{
		for (int i = 0; i < d->rows; i++)
			d->theta[1] += d->y[i] / d->rows;
	}
	else if (d->params->growth == PROPHET_LINEAR)
	{
		d->theta[0] = last - first;
		d->theta[1] = first;
	}
	else
	{
		double		r0 = d->cap[0] / fmin(fmax(first, 0.01 * d->cap[0]), 0.99 * d->cap[0]);
		double		r1 = d->cap[d->rows - 1] / fmin(fmax(last, 0.01 * d->cap[d->rows - 1]), 0.99 * d->cap[d->rows - 1]);

		if (fabs(r0 - r1) <= 0.01)
			r0 *= 1.05;
		d->theta[0] = log(r0 - 1) - log(r1 - 1);
		d->theta[1] = -log(r0 - 1);
	}
}

static int
fit_nonlinear(ProphetDesign *d)
{
	double		value;
	double		variance;
	int			iterations = 0;

	start(d);
	prophet_curve(d, d->theta, 0, d->rows);
	value = objective(d, d->theta, squared_error(d), &d->variance);
	while (iterations < MAX_STEPS)
	{
		double	   *next = d->next;
		double		tried = INFINITY;
		double		step = 1;
		bool		better = false;

		if (!normal_equations(d, d->theta) || !solve(d, d->theta, d->variance))
			break;
		iterations++;
		for (int halving = 0; halving <= MAX_HALVINGS && !better; halving++)
		{
			/* next moves back towards theta */
			if (halving > 0)
			{
				for (int i = 0; i < d->p; i++)
					next[i] = d->theta[i] + 0.5 * (next[i] - d->theta[i]);
				step *= 0.5;
			}
			prophet_curve(d, next, 0, d->rows);
			tried = objective(d, next, squared_error(d), &variance);
			better = tried < value;
		}
		if (!better)
		{
			prophet_curve(d, d->theta, 0, d->rows);
			squared_error(d);
			break;
		}
		memcpy(d->theta, next, d->p * sizeof(double));
		d->variance = variance;
		if (value - tried <= TOLERANCE * (1 + fabs(value)) && step == 1)
		{
			value = tried;
			break;
		}
		value = tried;
	}
	return iterations;
}

void
prophet_fit(ProphetDesign *d, ProphetOutput *out)
{
	bool		constant = true;

	for (int i = 1; i < d->rows && constant; i++)
		constant = d->y[i] == d->y[0];
	if (constant && !d->cap)
	{
		memset(d->theta, 0, d->p * sizeof(double));
		d->theta[1] = d->y[0];
		d->variance = 0;
		prophet_curve(d, d->theta, 0, d->total);
		return;
	}
	out->iterations = d->cap || d->any_multiplicative ? fit_nonlinear(d) : fit_linear(d);
	prophet_curve(d, d->theta, 0, d->total);
	{
		double		sse = squared_error(d);

		out->objective = objective(d, d->theta, sse, &d->variance);
	}
}
