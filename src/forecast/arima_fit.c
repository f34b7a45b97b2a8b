/*
 * arima_fit.c - estimation of an ARIMA model of given orders by exact maximum likelihood
 *
 * Differences first; missing values become pulses to estimate, so that differences do not spread them.  The polynomials'
 * coefficients are free numbers under arima_to_coefficients; the variance, the constant and the regressors' coefficients are
 * profiled out (arima_filter.c), so that the search is over p + q + P + Q numbers: BFGS (Broyden, Fletcher, Goldfarb, Shanno
 * 1970), gradients by differences, forward ones at first and central ones at the end.
 */
#include "arima.h"

#include <math.h>
#include <string.h>

#define MAX_ITER 60
#define MAX_TRIALS 20
#define FORWARD_STEP 1e-6
#define CENTRAL_STEP 1e-4
#define TOLERANCE 1e-10			/* of the mean log likelihood */

void
arima_layout(ArimaWork *w, Work *work, int n, int period, int nx)
{
	int			s = period > ARIMA_MAX_PERIOD ? 1 : period;

	memset(w, 0, sizeof(*w));
	w->n = n;
	w->max_r = ARIMA_MAX_ORDER + ARIMA_MAX_SEASONAL * (s > 1 ? s : 0) + 1;
	w->max_columns = 2 + (n / 2 < ARIMA_MAX_GAPS ? n / 2 : ARIMA_MAX_GAPS) + nx;
	w->poly.phi = WORK_TAKE(work, double, w->max_r + 1);
	w->poly.theta = WORK_TAKE(work, double, w->max_r + 1);
	w->steps = WORK_TAKE(work, double, (size_t) w->max_r * w->max_r);
	w->gamma = WORK_TAKE(work, double, 2 * w->max_r + 4);
	w->gamma_x = WORK_TAKE(work, double, 4 * w->max_r + 4);
	w->psi = WORK_TAKE(work, double, 2 * w->max_r + 4);
	w->gain = WORK_TAKE(work, double, w->max_r);
	w->change = WORK_TAKE(work, double, (size_t) w->max_r + n + 2);
	w->state = WORK_TAKE(work, double, (size_t) w->max_columns * (n + w->max_r + 1));
	w->innovation = WORK_TAKE(work, double, (size_t) w->max_columns * n);
	w->columns = WORK_TAKE(work, double, (size_t) w->max_columns * n);
	w->raw = WORK_TAKE(work, double, (size_t) w->max_columns * n);
	w->scale = WORK_TAKE(work, double, n);
	w->gram = WORK_TAKE(work, double, (size_t) w->max_columns * w->max_columns);
	w->beta = WORK_TAKE(work, double, w->max_columns);
	w->gaps = WORK_TAKE(work, int, ARIMA_MAX_GAPS);
	w->space = WORK_TAKE(work, double, 2 * (size_t) n + 2 * w->max_r);
	w->css = WORK_TAKE(work, double, 6 * (size_t) n);
}

/* x [n] becomes its differences of this lag; gives their number */
static int
difference(double *x, int n, int lag)
{
	for (int t = 0; t + lag < n; t++)
		x[t] = x[t + lag] - x[t];
	return n > lag ? n - lag : 0;
}

/* Missing values of raw y are interpolated; those that get a pulse are listed. */
static void
fill_gaps(ArimaData *data, double *y)
{
	ArimaWork  *w = data->w;
	int			n = data->n;
	int			last = -1;
	int			missing = 0;
	int			most = w->max_columns - 2 - data->nx;
	int			taken = 0;

	for (int t = 0; t < n; t++)
		missing += isnan(y[t]);
	data->gaps = 0;
	for (int t = 0; t < n; t++)
	{
		int			next = t;

		if (!isnan(y[t]))
		{
			last = t;
			continue;
		}
		while (next < n && isnan(y[next]))
			next++;
		/* spread over the series where there are too many */
		for (int i = t; i < next; i++, taken++)
		{
			if (data->gaps < most && (int64_t) taken * most / missing >= data->gaps)
				w->gaps[data->gaps++] = i;
			if (last >= 0 && next < n)
				y[i] = y[last] + (y[next] - y[last]) * (i - last) / (next - last);
			else
				y[i] = last >= 0 ? y[last] : next < n ? y[next] : 0;
		}
		t = next - 1;
	}
}

/* The columns for these differences; y [n] may have missing values. */
void
arima_prepare(ArimaData *data, const double *y, const ArimaOrder *order)
{
	ArimaWork  *w = data->w;
	int			n = data->n;
	int			c = 1;

	data->order = *order;
	memcpy(w->raw, y, n * sizeof(double));
	fill_gaps(data, w->raw);
	for (int g = 0; g < data->gaps; g++, c++)
	{
		memset(w->raw + (size_t) c * w->n, 0, n * sizeof(double));
		w->raw[(size_t) c * w->n + w->gaps[g]] = 1;
	}
	for (int x = 0; x < data->nx; x++, c++)
		memcpy(w->raw + (size_t) c * w->n, data->in->x + (size_t) x * (data->in->n + data->in->horizon), n * sizeof(double));
	data->columns = c + 1;
	data->rows = n;
	for (int i = 0; i < c; i++)
	{
		double	   *to = w->columns + (size_t) i * w->n;
		int			rows = n;

		memcpy(to, w->raw + (size_t) i * w->n, n * sizeof(double));
		for (int k = 0; k < order->D; k++)
			rows = difference(to, rows, order->s);
		for (int k = 0; k < order->d; k++)
			rows = difference(to, rows, 1);
		data->rows = rows;
	}
	for (int t = 0; t < data->rows; t++)
		w->columns[(size_t) c * w->n + t] = order->D > 0 ? pow(order->s, order->D) : 1;
}

/* Minus the mean log likelihood at u. */
static double
value_at(ArimaData *data, const double *u)
{
	double		coefficients[ARIMA_MAX_COEFFICIENTS];
	double		sigma2;
	double		likelihood;

	arima_to_coefficients(&data->order, u, coefficients);
	arima_expand(&data->order, coefficients, &data->w->poly);
	likelihood = arima_profile(data, &sigma2);
	return isfinite(likelihood) ? -likelihood / data->rows : INFINITY;
}

static void
gradient_at(ArimaData *data, double *u, int n, double value, bool central, double *gradient)
{
	for (int i = 0; i < n; i++)
	{
		double		kept = u[i];
		double		step = central ? CENTRAL_STEP : FORWARD_STEP;
		double		above;

		u[i] = kept + step;
		above = value_at(data, u);
		if (central)
		{
			u[i] = kept - step;
			gradient[i] = (above - value_at(data, u)) / (2 * step);
		}
		else
			gradient[i] = (above - value) / step;
		if (!isfinite(gradient[i]))
			gradient[i] = 0;
		u[i] = kept;
	}
}

/* u becomes the minimum; false: cancelled, or there is no likelihood at the start */
static bool
minimise(ArimaData *data, double *u, int n, double *result)
{
	double		h[ARIMA_MAX_COEFFICIENTS][ARIMA_MAX_COEFFICIENTS];
	double		g[ARIMA_MAX_COEFFICIENTS];
	double		next[ARIMA_MAX_COEFFICIENTS];
	double		next_g[ARIMA_MAX_COEFFICIENTS];
	double		value = value_at(data, u);
	bool		central = false;
	bool		fresh = true;

	*result = value;
	if (!isfinite(value))
		return false;
	if (n > 0)
		gradient_at(data, u, n, value, false, g);
	for (int iteration = 0; n > 0 && iteration < MAX_ITER; iteration++)
	{
		double		d[ARIMA_MAX_COEFFICIENTS];
		double		slope = 0;
		double		longest = 0;
		double		t = 1;
		double		tried = INFINITY;
		double		sy = 0;
		double		yy = 0;
		bool		found = false;

		if (forecast_cancelled(data->in))
			return false;
		for (int i = 0; i < n; i++)
		{
			if (fresh)
				for (int j = 0; j < n; j++)
					h[i][j] = i == j;
		}
		for (int i = 0; i < n; i++)
		{
			d[i] = 0;
			for (int j = 0; j < n; j++)
				d[i] -= h[i][j] * g[j];
			slope += d[i] * g[i];
			longest = fmax(longest, fabs(d[i]));
		}
		/* steps of free numbers beyond 1 are leaps */
		if (longest > 0)
			t = fmin(1, 1 / longest);
		if (slope < 0)
			for (int trial = 0; trial < MAX_TRIALS && !found; trial++)
			{
				for (int i = 0; i < n; i++)
					next[i] = u[i] + t * d[i];
				tried = value_at(data, next);
				found = tried <= value + 1e-4 * t * slope;
				if (!found)
				{
					double		parabola = isfinite(tried) ? -slope * t * t / (2 * (tried - value - slope * t)) : 0;

					t = fmax(fmin(parabola, 0.5 * t), 0.1 * t);
				}
			}
		if (!found || value - tried <= TOLERANCE)
		{
			if (found && tried < value)
			{
				memcpy(u, next, n * sizeof(double));
				value = tried;
			}
			if (central)
				break;
			/* the last part by better gradients */
			central = true;
			fresh = !found;
			gradient_at(data, u, n, value, true, g);
			continue;
		}
		gradient_at(data, next, n, tried, central, next_g);
		for (int i = 0; i < n; i++)
		{
			d[i] = next[i] - u[i];
			sy += d[i] * (next_g[i] - g[i]);
			yy += (next_g[i] - g[i]) * (next_g[i] - g[i]);
		}
		if (sy > 1e-12 * sqrt(yy))
		{
			double		hy[ARIMA_MAX_COEFFICIENTS];
			double		yhy = 0;

			if (fresh)
				for (int i = 0; i < n; i++)
					h[i][i] = sy / yy;
			fresh = false;
			for (int i = 0; i < n; i++)
			{
				hy[i] = 0;
				for (int j = 0; j < n; j++)
					hy[i] += h[i][j] * (next_g[j] - g[j]);
				yhy += hy[i] * (next_g[i] - g[i]);
			}
			for (int i = 0; i < n; i++)
				for (int j = 0; j < n; j++)
					h[i][j] += (1 + yhy / sy) * d[i] * d[j] / sy - (hy[i] * d[j] + d[i] * hy[j]) / sy;
		}
		memcpy(u, next, n * sizeof(double));
		memcpy(g, next_g, n * sizeof(double));
		value = tried;
	}
	*result = value;
	return true;
}

/* Coefficients, variance, likelihood and AICc (infinite where it is not defined) of the free numbers in fit; false: there is no likelihood. */
bool
arima_judge(ArimaData *data, ArimaFit *fit)
{
	const ArimaOrder *order = &data->order;
	int			k = order->p + order->q + order->P + order->Q + order->constant + data->nx + 1;
	int			effective = data->rows - data->gaps;

	fit->aicc = INFINITY;
	arima_to_coefficients(order, fit->u, fit->coefficients);
	arima_expand(order, fit->coefficients, &data->w->poly);
	fit->log_likelihood = arima_profile(data, &fit->sigma2);
	if (!isfinite(fit->log_likelihood))
		return false;
	if (effective - k - 1 > 0)
		fit->aicc = -2 * fit->log_likelihood + 2.0 * k + 2.0 * k * (k + 1) / (effective - k - 1);
	return true;
}

/* The model of data->order at its maximum, from start (free numbers; NULL: 0.1) on. */
bool
arima_estimate(ArimaData *data, ArimaFit *fit, const double *start)
{
	const ArimaOrder *order = &data->order;
	int			n = order->p + order->q + order->P + order->Q;
	double		value;

	fit->order = *order;
	memset(fit->u, 0, sizeof(fit->u));
	if (start)
		memcpy(fit->u, start, n * sizeof(double));
	else
		for (int i = 0; i < n; i++)
			fit->u[i] = 0.1;
	fit->aicc = INFINITY;
	fit->log_likelihood = NAN;
	fit->sigma2 = NAN;
	return data->rows - data->gaps >= 2 && minimise(data, fit->u, n, &value) && arima_judge(data, fit);
}
