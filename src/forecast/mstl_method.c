/*
 * mstl_method.c - the method mstl: seasons of several lengths by MSTL (Bandara, Hyndman and Bergmeir 2021), the rest by another method
 *
 * The values less the seasons are forecast by exponential smoothing or ARIMA without seasons; each season goes on as its last
 * cycle was (Hyndman and Athanasopoulos, Forecasting: principles and practice, 6.8).  Logarithms where the season's size follows the
 * level: chosen when they make it steadier.  An error of the season itself is added to the intervals: what the cycle before
 * the last one differed from it.  A decomposition takes part of the noise for season, so that the rest looks steadier than its
 * forecasts are: the standard deviation is scaled to the errors of forecasts from ORIGINS earlier ends of the series.
 *
 * Parameters kept: the method, its form and parameters, transform and periods.  Values are decomposed again for each forecast:
 * rounds * inner * n * windows.
 */
#include "mstl_method.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "num/stl.h"

#define HEAD (6 + FORECAST_MAX_SEASONS)	/* method, form, parameters, logs, number of periods, periods, scale of errors */
#define SCALE (HEAD - 1)
#define ORIGINS 3
#define MOST_SCALE 5.0

static const MstlOptions defaults = MSTL_DEFAULTS;

static const MstlOptions *
options_of(const void *const *options)
{
	const void *given = options ? options[forecast_method_mstl.id] : NULL;

	return given ? given : &defaults;
}

static const ForecastMethod *
remainder_method(const MstlOptions *options)
{
	const ForecastMethod *method = options->remainder > 0 ? forecast_method_by_id(options->remainder) : NULL;

	if (method == NULL)
		method = forecast_method_by_name("ets");
	return method ? method : &forecast_method_arima;
}

static EcmlMstl
plan(const int *periods, int nperiods, bool robust)
{
	EcmlMstl	mstl = {.nperiods = nperiods,.stl = ECML_STL_DEFAULTS};

	if (robust)
		mstl.stl = (EcmlStl) ECML_STL_ROBUST;
	else
		mstl.stl.inner = 2;
	/* fitting each tenth point of a window is what makes a year of hours possible */
	mstl.stl.seasonal_jump = mstl.stl.trend_jump = mstl.stl.low_pass_jump = 0;
	for (int i = 0; i < nperiods; i++)
		mstl.periods[i] = periods[i];
	return mstl;
}

static ForecastShape
remainder_shape(const ForecastShape *shape)
{
	ForecastShape inner = *shape;

	inner.nperiods = 0;
	inner.period = 1;
	return inner;
}

static size_t
mstl_memory(const ForecastShape *shape)
{
	const MstlOptions *options = options_of(shape->options);
	ForecastShape inner = remainder_shape(shape);
	size_t		n = shape->n;
	size_t		scratch = 0;

	/* with the longest for each period: never less */
	for (int k = 1; k <= shape->nperiods; k++)
	{
		int			periods[FORECAST_MAX_SEASONS];
		EcmlMstl	mstl;

		for (int i = 0; i < k; i++)
			periods[i] = 2 + i;
		periods[k - 1] = shape->period < shape->n / 2 ? shape->period : shape->n / 2;
		if (periods[k - 1] < 2 + k - 1)
			continue;
		mstl = plan(periods, k, options->robust);
		if (!ecml_mstl_check(&mstl, n))
		{
			size_t		needed = ecml_mstl_scratch(&mstl, n);

			scratch = needed > scratch ? needed : scratch;
		}
	}
	return FORECAST_BYTES(double, scratch) + 2 * FORECAST_BYTES(double, n * (shape->nperiods + 4)) + 3 * FORECAST_BYTES(double, shape->horizon) +
		remainder_method(options)->memory(&inner) + 16 * ECML_ALIGN;
}

static int
mstl_max_params(const ForecastShape *shape)
{
	ForecastShape inner = remainder_shape(shape);

	return HEAD + remainder_method(options_of(shape->options))->max_params(&inner);
}

/* Values with gaps filled: from one season before, else by a line. */
static bool
complete(const ForecastInput *in, bool logs, int period, double *y)
{
	int			last = -1;

	for (int t = 0; t < in->n; t++)
		y[t] = logs ? log(in->y[t]) : in->y[t];
	for (int t = 0; t < in->n; t++)
		if (isnan(y[t]) && period > 0 && t >= period && !isnan(y[t - period]))
			y[t] = y[t - period];
	for (int t = in->n - 1; t >= 0; t--)
		if (isnan(y[t]) && period > 0 && t + period < in->n && !isnan(y[t + period]))
			y[t] = y[t + period];
	for (int t = 0; t < in->n; t++)
	{
		if (isnan(y[t]))
			continue;
		for (int i = last + 1; i < t; i++)
			y[i] = last < 0 ? y[t] : y[last] + (y[t] - y[last]) * (i - last) / (t - last);
		last = t;
	}
	for (int i = last + 1; i < in->n && last >= 0; i++)
		y[i] = y[last];
	return last >= 0;
}

/* Periods of which there are two cycles, and that are no near double of one before. */
static int
usable(const ForecastInput *in, int *periods)
{
	int			k = 0;

	for (int i = 0; i < in->nperiods; i++)
		if (in->periods[i] >= 2 && 2 * in->periods[i] < in->n && (k == 0 || in->periods[i] > periods[k - 1]))
			periods[k++] = in->periods[i];
	return k;
}

static bool
decompose(const ForecastInput *in, ForecastArena *arena, const int *periods, int k, bool robust, bool logs, double *y,
		  double *seasons, double *trend)
{
	EcmlMstl	mstl = plan(periods, k, robust);
	size_t		mark = arena->used;
	double	   *scratch;

	if (!complete(in, logs, k > 0 ? periods[k - 1] : 0, y))
		return false;
	if (k == 0)
		return true;
	scratch = FORECAST_TAKE(arena, double, ecml_mstl_scratch(&mstl, in->n));
	if (!scratch || ecml_mstl_check(&mstl, in->n))
		return false;
	ecml_mstl(&mstl, y, in->n, seasons, trend, NULL, scratch);
	arena->used = mark;
	return true;
}

/*
 * Do seasons grow with the level?  The correlation, over whole cycles of the longest season, of the logarithms of their spread and of
 * their mean: near 1 they do.
 */
static bool
grows(const double *y, int n, int period)
{
	double		x[2] = {0};
	double		xx[3] = {0};
	int			cycles = 0;
	double		slope;

	for (int t = 0; t < n; t++)
		if (!(y[t] > 0))
			return false;
	for (int end = n; end >= period; end -= period, cycles++)
	{
		double		mean = 0;
		double		sd = 0;

		for (int t = end - period; t < end; t++)
			mean += y[t] / period;
		for (int t = end - period; t < end; t++)
			sd += (y[t] - mean) * (y[t] - mean) / period;
		if (!(sd > 0))
			return false;
		sd = 0.5 * log(sd);
		mean = log(mean);
		x[0] += mean;
		x[1] += sd;
		xx[0] += mean * mean;
		xx[1] += mean * sd;
		xx[2] += sd * sd;
	}
	if (cycles < 3)
		return false;
	xx[0] -= x[0] * x[0] / cycles;
	xx[1] -= x[0] * x[1] / cycles;
	xx[2] -= x[1] * x[1] / cycles;
	slope = xx[0] > 0 ? xx[1] / xx[0] : 0;
	return slope > 0.5 && xx[1] * xx[1] > 0.25 * xx[0] * xx[2];
}

/* The input of the method for the remainder. */
static ForecastInput
remainder_input(const ForecastInput *in, const double *y)
{
	ForecastInput inner = *in;

	inner.y = y;
	inner.nperiods = 0;
	inner.nonnegative = false;
	inner.cap = inner.floor = NAN;
	return inner;
}

static ForecastStatus mstl_forecast(const ForecastInput *in, const ForecastFit *fit, ForecastArena *arena, ForecastResult *result);

/* Root mean square of errors in standard deviations, of forecasts from earlier ends with the same parameters. */
static double
error_scale(const ForecastInput *in, const ForecastFit *fit, ForecastArena *arena, double *mean, double *sd)
{
	size_t		mark = arena->used;
	int			longest = 0;
	int			horizon = in->horizon;
	double		sum = 0;
	int			count = 0;

	for (int i = 0; i < (int) fit->params[4]; i++)
		longest = (int) fit->params[5 + i];
	if (horizon > in->n / 8)
		horizon = in->n / 8;
	for (int origin = 1; origin <= ORIGINS && in->nx == 0 && horizon > 0; origin++)
	{
		ForecastInput part = *in;
		ForecastResult result = {.mean = mean,.sd = sd};

		part.n = in->n - origin * horizon;
		part.horizon = horizon;
		part.nlevels = 0;
		if (part.n <= 2 * longest || part.n < 12 || isnan(in->y[part.n - 1]) || forecast_cancelled(in))
			break;
		arena->used = mark;
		if (mstl_forecast(&part, fit, arena, &result) != FORECAST_OK)
			continue;
		for (int h = 0; h < horizon; h++)
		{
			double		error = (in->y[part.n + h] - mean[h]) / sd[h];

			if (isfinite(error))
			{
				sum += fmin(error * error, 100);
				count++;
			}
		}
	}
	return count > 0 ? fmin(fmax(sqrt(sum / count), 1), MOST_SCALE) : 1;
}

static ForecastStatus
mstl_fit(const ForecastInput *in, ForecastArena *arena, ForecastFit *fit)
{
	const MstlOptions *options = options_of(in->options);
	const ForecastMethod *method = remainder_method(options);
	int			periods[FORECAST_MAX_SEASONS] = {0};
	int			k = usable(in, periods);
	double	   *seasons = FORECAST_TAKE(arena, double, (size_t) in->n * in->nperiods);
	double	   *trend = FORECAST_TAKE(arena, double, in->n);
	double	   *y = FORECAST_TAKE(arena, double, in->n);
	bool		logs = options->transform == 2;
	double	   *mean = FORECAST_TAKE(arena, double, in->horizon);
	double	   *sd = FORECAST_TAKE(arena, double, in->horizon);
	size_t		mark = arena->used;
	ForecastInput inner;
	ForecastFit rest = {.params = fit->params + HEAD};
	ForecastStatus status;
	int			used;

	if (!mean || !sd)
		return FORECAST_NO_MEMORY;
	if (!seasons || !trend || !y)
		return FORECAST_NO_MEMORY;
	for (int t = 0; t < in->n; t++)
	{
		if (isinf(in->y[t]))
			return FORECAST_NOT_FINITE;
		if (logs && in->y[t] <= 0)
		{
			fit->note = "logarithms need values above 0";
			return FORECAST_NOT_SUITED;
		}
	}
	if (options->transform == 0 && k > 0)
	{
		if (!complete(in, false, periods[k - 1], y))
			return FORECAST_TOO_SHORT;
		logs = grows(y, in->n, periods[0]);
	}
	if (!decompose(in, arena, periods, k, options->robust, logs, y, seasons, trend))
		return in->n < 2 ? FORECAST_TOO_SHORT : FORECAST_NO_MEMORY;
	if (forecast_cancelled(in))
		return FORECAST_CANCELLED;
	for (int i = 0; i < k; i++)
		for (int t = 0; t < in->n; t++)
			y[t] -= seasons[(size_t) i * in->n + t];
	inner = remainder_input(in, y);
	if ((status = method->fit(&inner, arena, &rest)) != FORECAST_OK)
	{
		fit->note = rest.note;
		return status;
	}
	fit->params[0] = method->id;
	fit->params[1] = rest.form;
	fit->params[2] = rest.nparams;
	fit->params[3] = logs;
	fit->params[4] = k;
	for (int i = 0; i < FORECAST_MAX_SEASONS; i++)
		fit->params[5 + i] = i < k ? periods[i] : 0;
	fit->form = 0;
	fit->nparams = HEAD + rest.nparams;
	fit->log_likelihood = NAN;
	fit->aicc = NAN;
	used = snprintf(fit->label, sizeof(fit->label), "MSTL(%s", logs ? "log; " : "");
	for (int i = 0; i < k; i++)
		used += snprintf(fit->label + used, sizeof(fit->label) - used, "%s%d", i > 0 ? ", " : "", periods[i]);
	snprintf(fit->label + used, sizeof(fit->label) - used, ") + %.50s", rest.label);
	fit->params[SCALE] = 1;
	arena->used = mark;
	fit->params[SCALE] = error_scale(in, fit, arena, mean, sd);
	return forecast_cancelled(in) ? FORECAST_CANCELLED : FORECAST_OK;
}

/* What a fit has written, or not. */
static const ForecastMethod *
read_params(const ForecastInput *in, const ForecastFit *fit, int *periods, int *k, bool *logs, ForecastFit *rest)
{
	const double *p = fit->params;
	const ForecastMethod *method;

	if (fit->form != 0 || fit->nparams < HEAD)
		return NULL;
	for (int i = 0; i < fit->nparams; i++)
		if (!isfinite(p[i]))
			return NULL;
	if (!(p[0] >= 1 && p[0] < FORECAST_MAX_METHODS) || !(fabs(p[1]) < 1e9) || p[2] != fit->nparams - HEAD ||
		!(p[3] == 0 || p[3] == 1) || !(p[4] >= 0 && p[4] <= in->nperiods))
		return NULL;
	method = forecast_method_by_id((int) p[0]);
	if (method != remainder_method(options_of(in->options)))
		return NULL;
	*k = (int) p[4];
	*logs = p[3] == 1;
	for (int i = 0; i < *k; i++)
	{
		if (!(p[SCALE] > 0 && p[SCALE] <= MOST_SCALE))
			return NULL;
		if (!(p[5 + i] >= 2 && 2 * p[5 + i] < in->n && (i == 0 || p[5 + i] > periods[i - 1])))
			return NULL;
		periods[i] = (int) p[5 + i];
	}
	rest->form = (int) p[1];
	rest->nparams = (int) p[2];
	rest->params = fit->params + HEAD;
	return method;
}

ForecastStatus
mstl_parts(const ForecastInput *in, const ForecastFit *fit, ForecastArena *arena, double *seasons, double *trend, int *periods,
		   int *nperiods, bool *logs)
{
	ForecastFit rest;
	double	   *y = FORECAST_TAKE(arena, double, in->n);

	if (!y)
		return FORECAST_NO_MEMORY;
	if (!read_params(in, fit, periods, nperiods, logs, &rest))
		return FORECAST_DAMAGED;
	if (!decompose(in, arena, periods, *nperiods, options_of(in->options)->robust, *logs, y, seasons, trend))
		return FORECAST_NO_MEMORY;
	if (*nperiods == 0)
		memcpy(trend, y, in->n * sizeof(double));
	return FORECAST_OK;
}

static ForecastStatus
mstl_forecast(const ForecastInput *in, const ForecastFit *fit, ForecastArena *arena, ForecastResult *result)
{
	int			periods[FORECAST_MAX_SEASONS];
	int			k;
	bool		logs;
	ForecastFit rest = {.log_likelihood = NAN};
	const ForecastMethod *method = read_params(in, fit, periods, &k, &logs, &rest);
	double	   *seasons = FORECAST_TAKE(arena, double, (size_t) in->n * in->nperiods);
	double	   *trend = FORECAST_TAKE(arena, double, in->n);
	double	   *y = FORECAST_TAKE(arena, double, in->n);
	double	   *sd = FORECAST_TAKE(arena, double, in->horizon);
	ForecastInput inner;
	ForecastResult part = *result;
	ForecastStatus status;

	double		scale;

	if (!method)
		return FORECAST_DAMAGED;
	if (!seasons || !trend || !y || !sd)
		return FORECAST_NO_MEMORY;
	scale = fit->params[SCALE];
	for (int t = 0; t < in->n; t++)
		if (logs && in->y[t] <= 0)
		{
			result->note = "logarithms need values above 0";
			return FORECAST_NOT_SUITED;
		}
	if (!decompose(in, arena, periods, k, options_of(in->options)->robust, logs, y, seasons, trend))
		return FORECAST_NO_MEMORY;
	for (int i = 0; i < k; i++)
		for (int t = 0; t < in->n; t++)
			y[t] -= seasons[(size_t) i * in->n + t];
	inner = remainder_input(in, y);
	if (!part.sd)
		part.sd = sd;
	if ((status = method->forecast(&inner, &rest, arena, &part)) != FORECAST_OK)
	{
		result->note = part.note;
		return status;
	}
	for (int h = 0; h < in->horizon; h++)
	{
		double		season = 0;
		double		variance = 0;

		for (int i = 0; i < k; i++)
		{
			const double *s = seasons + (size_t) i * in->n;
			int			at = in->n - periods[i] + h % periods[i];

			season += s[at];
			variance += (s[at] - s[at - periods[i]]) * (s[at] - s[at - periods[i]]) * (1 + h / periods[i]);
		}
		for (int l = 0; l < in->nlevels; l++)
		{
			size_t		cell = (size_t) l * in->horizon + h;
			/* as far as the remainder's error is known, the season's own change adds to it */
			double		wider = scale * (part.sd[h] > 0 ? sqrt(1 + variance / (part.sd[h] * part.sd[h])) : 1);
			double		mean = result->mean ? result->mean[h] : NAN;

			if (result->lower)
				result->lower[cell] = (isnan(mean) ? result->lower[cell] : mean + (result->lower[cell] - mean) * wider) + season;
			if (result->upper)
				result->upper[cell] = (isnan(mean) ? result->upper[cell] : mean + (result->upper[cell] - mean) * wider) + season;
		}
		part.sd[h] = scale * sqrt(part.sd[h] * part.sd[h] + variance);
		if (result->mean)
			result->mean[h] += season;
	}
	if (result->fitted)
		for (int t = 0; t < in->n; t++)
			for (int i = 0; i < k; i++)
				result->fitted[t] += seasons[(size_t) i * in->n + t];
	if (!logs)
		return FORECAST_OK;
	for (int h = 0; h < in->horizon; h++)
	{
		if (result->sd && result->mean)
			result->sd[h] = exp(result->mean[h]) * sqrt(expm1(part.sd[h] * part.sd[h]));
		for (int l = 0; l < in->nlevels; l++)
		{
			size_t		cell = (size_t) l * in->horizon + h;

			if (result->lower)
				result->lower[cell] = exp(result->lower[cell]);
			if (result->upper)
				result->upper[cell] = exp(result->upper[cell]);
		}
		if (result->mean)
			result->mean[h] = exp(result->mean[h]);
	}
	if (result->fitted)
		for (int t = 0; t < in->n; t++)
			result->fitted[t] = exp(result->fitted[t]);
	return FORECAST_OK;
}

const ForecastMethod forecast_method_mstl = {
	.id = 15,
	.name = "mstl",
	.memory = mstl_memory,
	.max_params = mstl_max_params,
	.fit = mstl_fit,
	.forecast = mstl_forecast
};
