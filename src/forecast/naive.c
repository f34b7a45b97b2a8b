/*
 * naive.c - the methods that others are measured by: last value, last season, line through the ends, mean
 *
 * Errors of h steps have the variances that Hyndman and Athanasopoulos (Forecasting: principles and practice, 5.5) give for
 * random walks without and with drift, seasonal random walks and constant means, sigma taken from the residuals.  A difference
 * across a gap of k periods counts as k steps.  Cost: one pass.
 */
#include "forecast/forecast.h"

#include <math.h>
#include <stdio.h>

static size_t
naive_memory(const ForecastShape *shape)
{
	return FORECAST_BYTES(double, shape->horizon) + FORECAST_BYTES(double, shape->period);
}

static int
no_params(const ForecastShape *shape)
{
	return 1;
}

static ForecastStatus
fit_nothing(ForecastFit *fit, const char *label)
{
	fit->form = 0;
	fit->nparams = 0;
	fit->log_likelihood = NAN;
	fit->aicc = NAN;
	snprintf(fit->label, sizeof(fit->label), "%s", label);
	return FORECAST_OK;
}

/* Number of values, the first and the last of them. */
static int
count_values(const ForecastInput *in, int *first, int *last)
{
	int			n = 0;

	*first = *last = -1;
	for (int t = 0; t < in->n; t++)
		if (!isnan(in->y[t]))
		{
			if (n++ == 0)
				*first = t;
			*last = t;
		}
	return n;
}

static ForecastStatus
finish(const ForecastInput *in, const double *sd, ForecastResult *result)
{
	for (int h = 0; h < in->horizon; h++)
		if (!isfinite(result->mean[h]))
			return FORECAST_NOT_FINITE;
	if (result->sd)
		for (int h = 0; h < in->horizon; h++)
			result->sd[h] = sd[h];
	forecast_normal_intervals(in, result->mean, sd, result);
	return FORECAST_OK;
}

/* ---- naive, and with drift */

/* slope is that of the line through the first and the last value, or 0 */
static ForecastStatus
walk(const ForecastInput *in, bool with_drift, ForecastArena *arena, ForecastResult *result)
{
	double	   *sd = FORECAST_TAKE(arena, double, in->horizon);
	int			first;
	int			last;
	int			n = count_values(in, &first, &last);
	double		slope;
	double		squares = 0;
	double		before;
	double		sigma;

	if (n < (with_drift ? 2 : 1))
		return FORECAST_TOO_SHORT;
	if (sd == NULL)
		return FORECAST_NO_MEMORY;
	slope = with_drift ? (in->y[last] - in->y[first]) / (last - first) : 0;
	before = in->y[first];
	for (int t = first + 1, gap = 1; t <= last; t++, gap++)
	{
		double		error = in->y[t] - before - slope * gap;

		if (isnan(in->y[t]))
			continue;
		squares += error * error / gap;
		before = in->y[t];
		gap = 0;
	}
	if (result->fitted)
	{
		before = NAN;
		for (int t = 0; t < in->n; t++)
		{
			result->fitted[t] = before + slope;
			before = isnan(in->y[t]) ? result->fitted[t] : in->y[t];
		}
	}
	sigma = n > 1 + with_drift ? sqrt(squares / (n - 1 - with_drift)) : NAN;
	for (int h = 0; h < in->horizon; h++)
	{
		result->mean[h] = in->y[last] + slope * (in->n - 1 - last + h + 1);
		sd[h] = sigma * sqrt((h + 1) * (with_drift ? 1 + (h + 1.0) / (last - first) : 1));
	}
	return finish(in, sd, result);
}

static ForecastStatus
naive_fit(const ForecastInput *in, ForecastArena *arena, ForecastFit *fit)
{
	return fit_nothing(fit, "naive");
}

static ForecastStatus
naive_forecast(const ForecastInput *in, const ForecastFit *fit, ForecastArena *arena, ForecastResult *result)
{
	return walk(in, false, arena, result);
}

static ForecastStatus
drift_fit(const ForecastInput *in, ForecastArena *arena, ForecastFit *fit)
{
	return fit_nothing(fit, "drift");
}

static ForecastStatus
drift_forecast(const ForecastInput *in, const ForecastFit *fit, ForecastArena *arena, ForecastResult *result)
{
	return walk(in, true, arena, result);
}

/* ---- seasonal naive */

static ForecastStatus
seasonal_naive_fit(const ForecastInput *in, ForecastArena *arena, ForecastFit *fit)
{
	return fit_nothing(fit, "seasonal naive");
}

/* With the longest season that the series has twice, else the shortest that it has once, else 1. */
static int
main_period(const ForecastInput *in)
{
	int			period = 1;

	for (int i = 0; i < in->nperiods; i++)
		if (in->n >= 2 * in->periods[i] || (i == 0 && in->n > in->periods[i]))
			period = in->periods[i];
	return period;
}

static ForecastStatus
seasonal_naive_forecast(const ForecastInput *in, const ForecastFit *fit, ForecastArena *arena, ForecastResult *result)
{
	int			m = main_period(in);
	double	   *sd = FORECAST_TAKE(arena, double, in->horizon);
	double	   *latest = FORECAST_TAKE(arena, double, m);	/* value of each season's last occurrence */
	double		squares = 0;
	int			n = 0;
	double		mean = 0;
	int			values = 0;

	if (sd == NULL || latest == NULL)
		return FORECAST_NO_MEMORY;
	for (int i = 0; i < m; i++)
		latest[i] = NAN;
	for (int t = 0; t < in->n; t++)
	{
		double		before = latest[t % m];

		if (result->fitted)
			result->fitted[t] = before;
		if (isnan(in->y[t]))
			continue;
		if (!isnan(before))
		{
			squares += (in->y[t] - before) * (in->y[t] - before);
			n++;
		}
		latest[t % m] = in->y[t];
		mean += (in->y[t] - mean) / ++values;
	}
	if (values == 0)
		return FORECAST_TOO_SHORT;
	for (int h = 0; h < in->horizon; h++)
	{
		double		value = latest[(in->n + h) % m];

		/* a season that was never seen has the mean */
		result->mean[h] = isnan(value) ? mean : value;
		sd[h] = n > 0 ? sqrt(squares / n * (h / m + 1)) : NAN;
	}
	return finish(in, sd, result);
}

/* ---- mean */

static ForecastStatus
mean_fit(const ForecastInput *in, ForecastArena *arena, ForecastFit *fit)
{
	return fit_nothing(fit, "mean");
}

static ForecastStatus
mean_forecast(const ForecastInput *in, const ForecastFit *fit, ForecastArena *arena, ForecastResult *result)
{
	double	   *sd = FORECAST_TAKE(arena, double, in->horizon);
	double		mean = 0;
	double		squares = 0;
	int			n = 0;

	if (sd == NULL)
		return FORECAST_NO_MEMORY;
	for (int t = 0; t < in->n; t++)
	{
		double		step = in->y[t] - mean;

		if (result->fitted)
			result->fitted[t] = n > 0 ? mean : NAN;
		if (isnan(in->y[t]))
			continue;
		mean += step / ++n;
		squares += step * (in->y[t] - mean);
	}
	if (n == 0)
		return FORECAST_TOO_SHORT;
	for (int h = 0; h < in->horizon; h++)
	{
		result->mean[h] = mean;
		sd[h] = n > 1 ? sqrt(squares / (n - 1) * (1 + 1.0 / n)) : NAN;
	}
	return finish(in, sd, result);
}

const ForecastMethod forecast_method_naive = {
	.id = 1,.name = "naive",.memory = naive_memory,.max_params = no_params,.fit = naive_fit,.forecast = naive_forecast
};
const ForecastMethod forecast_method_seasonal_naive = {
	.id = 2,.name = "seasonal_naive",.memory = naive_memory,.max_params = no_params,.fit = seasonal_naive_fit,
	.forecast = seasonal_naive_forecast
};
const ForecastMethod forecast_method_drift = {
	.id = 3,.name = "drift",.memory = naive_memory,.max_params = no_params,.fit = drift_fit,.forecast = drift_forecast
};
const ForecastMethod forecast_method_mean = {
	.id = 4,.name = "mean",.memory = naive_memory,.max_params = no_params,.fit = mean_fit,.forecast = mean_forecast
};
