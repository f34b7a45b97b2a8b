/*
 * arima_css.c - estimation of an ARIMA model by conditional least squares (Box and Jenkins 1970, 7.1)
 *
 * Values and innovations before the first one count as 0, so that an innovation is a product of short filters on the values,
 * and its derivative by a coefficient is the innovations themselves through the inverse of one of them, some lags before:
 * Levenberg and Marquardt's method needs four filters a step, and the products of their lagged outputs.  The likelihood of
 * what is found is the exact one, so that models of different orders can be compared.  A search through the orders is some
 * thirty times as fast as with exact estimates; whoever wants those starts from these.
 *
 * Cost of an iteration: n * (4 (p + q + P + Q) + k^2 / 2), k coefficients.
 */
#include "arima.h"

#include <math.h>
#include <string.h>

#define MAX_ITER 25
#define MAX_U 3.0				/* tanh 0.995: nearer to the unit circle only the exact likelihood tells anything */
#define TOLERANCE 1e-3			/* of the log likelihood */
#define MOST_K (ARIMA_MAX_COEFFICIENTS + 1)
#define PARTS 4					/* phi, theta, Phi, Theta */

/* A derivative: a filtered series, some values before, with a sign. */
typedef struct Column
{
	const double *values;
	int			lag;
} Column;

/* x [n] becomes x_t - sum c_i x_(t - i lag), i = 1 .. count, of what it was */
static void
filter_forward(double *x, int n, const double *c, int count, int lag)
{
	if (count == 1)
	{
		for (int t = n - 1; t >= lag; t--)
			x[t] -= c[0] * x[t - lag];
		return;
	}
	for (int t = n - 1; t >= lag; t--)
		for (int i = 1; i <= count && i * lag <= t; i++)
			x[t] -= c[i - 1] * x[t - i * lag];
}

/* x becomes the series that filter_forward would have made x of */
static void
filter_inverse(double *x, int n, const double *c, int count, int lag)
{
	if (count == 1)
	{
		for (int t = lag; t < n; t++)
			x[t] += c[0] * x[t - lag];
		return;
	}
	if (count == 2)
	{
		int			middle = 2 * lag < n ? 2 * lag : n;

		for (int t = lag; t < middle; t++)
			x[t] += c[0] * x[t - lag];
		for (int t = middle; t < n; t++)
			x[t] += c[1] * x[t - 2 * lag] + c[0] * x[t - lag];
		return;
	}
	for (int t = lag; t < n; t++)
		for (int i = 1; i <= count && i * lag <= t; i++)
			x[t] += c[i - 1] * x[t - i * lag];
}

ECML_CLONES static double
product(const double *restrict a, const double *restrict b, int n)
{
	double		sum = 0;

#pragma omp simd reduction(+:sum)
	for (int i = 0; i < n; i++)
		sum += a[i] * b[i];
	return sum;
}

/* The four parts of the model: how many, which lag, and their coefficients as of 1 - c B ...: theta's sign is turned. */
typedef struct Parts
{
	int			count[PARTS];
	int			lag[PARTS];
	double		c[PARTS][ARIMA_MAX_ORDER];
} Parts;

static void
parts_of(const ArimaOrder *order, const double *coefficients, Parts *parts)
{
	const int	counts[PARTS] = {order->p, order->q, order->P, order->Q};

	for (int k = 0; k < PARTS; k++)
	{
		parts->count[k] = counts[k];
		parts->lag[k] = k < 2 ? 1 : order->s;
		for (int i = 0; i < counts[k]; i++)
			parts->c[k][i] = k % 2 ? -*coefficients++ : *coefficients++;
	}
}

static void
innovations_of(const Parts *parts, double *e, int n)
{
	filter_forward(e, n, parts->c[0], parts->count[0], parts->lag[0]);
	filter_forward(e, n, parts->c[2], parts->count[2], parts->lag[2]);
	filter_inverse(e, n, parts->c[1], parts->count[1], parts->lag[1]);
	filter_inverse(e, n, parts->c[3], parts->count[3], parts->lag[3]);
}

/* Innovations at u and this constant, into e [n]; gives their squares. */
static double
squares_at(const ArimaData *data, const double *u, double constant, double level, Parts *parts, double *e)
{
	const double *y = data->w->columns;
	double		coefficients[ARIMA_MAX_COEFFICIENTS];
	double		sum;

	arima_to_coefficients(&data->order, u, coefficients);
	parts_of(&data->order, coefficients, parts);
	for (int t = 0; t < data->rows; t++)
		e[t] = y[t] - constant * level;
	innovations_of(parts, e, data->rows);
	sum = product(e, e, data->rows);
	return isfinite(sum) ? sum : INFINITY;
}

/*
 * Normal equations by the free numbers, the constant last: h [k][k], g [k].
 */
static void
equations(const ArimaData *data, const double *u, double level, const Parts *parts, const double *e, double (*h)[MOST_K], double *g)
{
	const int	n = data->rows;
	double	   *scratch = data->w->css + n;
	Column		columns[MOST_K];
	double		jacobian[ARIMA_MAX_COEFFICIENTS][ARIMA_MAX_COEFFICIENTS];
	double		at[ARIMA_MAX_COEFFICIENTS];
	double		moved[ARIMA_MAX_COEFFICIENTS];
	double		raw[MOST_K][MOST_K];
	double		half[MOST_K][MOST_K];
	double		raw_g[MOST_K];
	int			k = 0;
	int			coefficients;

	for (int part = 0; part < PARTS; part++)
	{
		double	   *values = scratch + (size_t) part * n;

		if (parts->count[part] == 0)
			continue;
		memcpy(values, e, n * sizeof(double));
		filter_inverse(values, n, parts->c[part], parts->count[part], parts->lag[part]);
		for (int i = 1; i <= parts->count[part]; i++)
			columns[k++] = (Column) {values, i * parts->lag[part]};
	}
	coefficients = k;
	if (data->order.constant)
	{
		double	   *values = scratch + (size_t) PARTS * n;

		for (int t = 0; t < n; t++)
			values[t] = level;
		innovations_of(parts, values, n);
		columns[k++] = (Column) {values, 0};
	}
	/* the derivatives by phi, theta, Phi, Theta and the constant are all minus these */
	for (int a = 0; a < k; a++)
	{
		int			la = columns[a].lag < n ? columns[a].lag : n;

		raw_g[a] = -product(columns[a].values, e + la, n - la);
		for (int b = 0; b <= a; b++)
		{
			int			lb = columns[b].lag < n ? columns[b].lag : n;
			int			from = la > lb ? la : lb;

			raw[a][b] = raw[b][a] = product(columns[a].values + (from - la), columns[b].values + (from - lb), n - from);
		}
	}
	/* to the free numbers */
	arima_to_coefficients(&data->order, u, at);
	memcpy(moved, u, coefficients * sizeof(double));
	for (int i = 0; i < coefficients; i++)
	{
		double		to[ARIMA_MAX_COEFFICIENTS];

		moved[i] += 1e-6;
		arima_to_coefficients(&data->order, moved, to);
		moved[i] = u[i];
		for (int j = 0; j < coefficients; j++)
			jacobian[j][i] = (to[j] - at[j]) / 1e-6;
	}
	for (int a = 0; a < k; a++)
		for (int i = 0; i < k; i++)
		{
			half[a][i] = i < coefficients ? 0 : raw[a][i];
			for (int j = 0; j < coefficients && i < coefficients; j++)
				half[a][i] += raw[a][j] * jacobian[j][i];
		}
	for (int i = 0; i < k; i++)
	{
		g[i] = i < coefficients ? 0 : raw_g[i];
		for (int j = 0; j < coefficients && i < coefficients; j++)
			g[i] += jacobian[j][i] * raw_g[j];
		for (int l = 0; l < k; l++)
		{
			h[i][l] = i < coefficients ? 0 : half[i][l];
			for (int j = 0; j < coefficients && i < coefficients; j++)
				h[i][l] += jacobian[j][i] * half[j][l];
		}
	}
}

/* (h + lambda diag) step = -g; false: not positive definite */
static bool
solve(double (*h)[MOST_K], const double *g, int k, double lambda, double *step)
{
	double		c[MOST_K][MOST_K];

	for (int i = 0; i < k; i++)
		for (int j = 0; j <= i; j++)
		{
			double		sum = i == j ? h[i][i] * (1 + lambda) + 1e-300 : h[i][j];

			for (int l = 0; l < j; l++)
				sum -= c[i][l] * c[j][l];
			if (i == j && !(sum > 0))
				return false;
			c[i][j] = i == j ? sqrt(sum) : sum / c[j][j];
		}
	for (int i = 0; i < k; i++)
	{
		step[i] = -g[i];
		for (int l = 0; l < i; l++)
			step[i] -= c[i][l] * step[l];
		step[i] /= c[i][i];
	}
	for (int i = k - 1; i >= 0; i--)
	{
		for (int l = i + 1; l < k; l++)
			step[i] -= c[l][i] * step[l];
		step[i] /= c[i][i];
	}
	return true;
}

/*
 * The model of data->order by least squares, from start (free numbers; NULL: near 0) on, with its exact likelihood.  No
 * regressors; missing values are as they were interpolated.  False: cancelled, or the model has no likelihood there.
 */
bool
arima_approximate(ArimaData *data, ArimaFit *fit, const double *start)
{
	const ArimaOrder *order = &data->order;
	const int	n = data->rows;
	const int	coefficients = order->p + order->q + order->P + order->Q;
	const int	k = coefficients + order->constant;
	const double level = data->w->columns[(size_t) (data->columns - 1) * data->w->n];
	double	   *e = data->w->css;
	double		h[MOST_K][MOST_K];
	double		g[MOST_K];
	double		next[ARIMA_MAX_COEFFICIENTS];
	double		constant = 0;
	double		lambda = 0.3;
	double		value;
	Parts		parts;

	fit->order = *order;
	memset(fit->u, 0, sizeof(fit->u));
	if (forecast_cancelled(data->in) || n < 2)
		return false;
	for (int i = 0; i < coefficients; i++)
		/* autoregressive and moving parts that are the same would cancel out */
		fit->u[i] = start ? fmin(fmax(start[i], -MAX_U), MAX_U) : i < order->p ? 0.2 : i < order->p + order->q ? 0.02 : i < coefficients - order->Q ? 0.1 : 0.2;
	for (int t = 0; t < n && order->constant; t++)
		constant += data->w->columns[t] / n / level;
	value = squares_at(data, fit->u, constant, level, &parts, e);
	for (int iter = 0; iter < MAX_ITER && k > 0 && isfinite(value); iter++)
	{
		double		before = value;
		bool		better = false;

		equations(data, fit->u, level, &parts, e, h, g);
		while (!better && lambda < 1e8)
		{
			double		step[MOST_K];
			double		longest = 0;
			double		moved = constant;
			double		now = INFINITY;

			if (solve(h, g, k, lambda, step))
			{
				double		share;

				for (int i = 0; i < coefficients; i++)
					longest = fmax(longest, fabs(step[i]));
				share = longest > 1 ? 1 / longest : 1;
				for (int i = 0; i < coefficients; i++)
					next[i] = fmin(fmax(fit->u[i] + share * step[i], -MAX_U), MAX_U);
				if (order->constant)
					moved += share * step[coefficients];
				now = squares_at(data, next, moved, level, &parts, e);
			}
			better = now < value;
			lambda = better ? fmax(lambda * 0.2, 1e-9) : lambda * 10;
			if (better)
			{
				value = now;
				constant = moved;
				memcpy(fit->u, next, coefficients * sizeof(double));
			}
		}
		if (!better || (before - value) * n < 2 * TOLERANCE * value)
			break;
	}
	return arima_judge(data, fit);
}
