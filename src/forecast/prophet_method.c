/*
 * prophet_method.c - prophet as a forecasting method: times, holidays and regressors of a series become its columns
 *
 * A series without a clock has whole-number times; its seasons are then those that the series brings, in periods.  A period
 * that is longer than a day has a holiday when the day lies in it: then it counts as often as days of it do.
 */
#include "prophet_method.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "forecast/holidays.h"
#include "num/calendar.h"

#define UNIX_DAYS 10957			/* from 1970-01-01 to 2000-01-01 */
#define OWN_ORDER 10			/* pairs of sines of a season without a clock, at most */

static const ProphetOptions defaults = PROPHET_OPTION_DEFAULTS;

const ProphetOptions *
prophet_options_of(const void *const *options)
{
	const void *given = options ? options[forecast_method_prophet.id] : NULL;

	return given ? given : &defaults;
}

static int
holiday_columns(const ProphetOptions *options)
{
	int			columns = 0;

	for (int i = 0; i < options->n_holidays; i++)
		columns += options->holidays[i].upper_window - options->holidays[i].lower_window + 1;
	return columns;
}

/* The parameters with room for the seasons of a series without a clock. */
static void
with_own_seasons(const ProphetOptions *options, int nperiods, const double *lengths, ProphetParams *params,
				 ProphetSeason *seasons)
{
	*params = options->params;
	params->yearly = params->weekly = params->daily = 0;
	if (options->params.n_seasons > 0)
		memcpy(seasons, options->params.seasons, options->params.n_seasons * sizeof(ProphetSeason));
	params->seasons = seasons;
	for (int i = 0; i < nperiods && params->n_seasons < PROPHET_MAX_SEASONS; i++)
		seasons[params->n_seasons++] = (ProphetSeason) {
			lengths[i],
			/* as many as its values tell apart */
			lengths[i] / 2 < OWN_ORDER ? (int) fmax(1, floor(lengths[i] / 2)) : OWN_ORDER,
			options->params.seasonality_prior_scale, options->params.multiplicative
		};
}

static size_t
prophet_memory(const ForecastShape *shape)
{
	const ProphetOptions *options = prophet_options_of(shape->options);
	ProphetSeason seasons[PROPHET_MAX_SEASONS];
	ProphetParams params;
	double		lengths[FORECAST_MAX_SEASONS] = {100, 100, 100, 100};
	int			columns = shape->nx + holiday_columns(options);
	size_t		total = (size_t) shape->n + shape->horizon;
	size_t		own;
	size_t		clock = prophet_work(&options->params, shape->n, shape->horizon, columns);

	with_own_seasons(options, shape->nperiods, lengths, &params, seasons);
	own = prophet_work(&params, shape->n, shape->horizon, columns);
	return (own > clock ? own : clock) + 4 * FORECAST_BYTES(double, total) + FORECAST_BYTES(ProphetColumn, columns) +
		FORECAST_BYTES(double, total * holiday_columns(options)) + 4 * ECML_ALIGN;
}

static int
prophet_max_params(const ForecastShape *shape)
{
	const ProphetOptions *options = prophet_options_of(shape->options);
	ProphetSeason seasons[PROPHET_MAX_SEASONS];
	ProphetParams params;
	double		lengths[FORECAST_MAX_SEASONS] = {100, 100, 100, 100};
	int			columns = shape->nx + holiday_columns(options);
	int			clock = prophet_state_size(&options->params, columns);
	int			own;

	with_own_seasons(options, shape->nperiods, lengths, &params, seasons);
	own = prophet_state_size(&params, columns);
	return own > clock ? own : clock;
}

/* Days of a holiday at an offset, into x [total]: how many lie in each period. */
static void
mark_days(const ForecastInput *in, const double *t, int total, const ProphetHoliday *holiday, int offset, double *x)
{
	double		step = in->step / ECML_DAY_US;
	int64_t		first = (int64_t) floor(t[0]) - UNIX_DAYS;
	int64_t		last = (int64_t) floor(t[total - 1] + step) - UNIX_DAYS;
	int64_t		year;
	int64_t		last_year;
	int			month;
	int			day;
	int			n = holiday->n_days;
	int			at = 0;

	memset(x, 0, total * sizeof(double));
	ecml_calendar_date(first, &year, &month, &day);
	ecml_calendar_date(last, &last_year, &month, &day);
	year--;
	if (holiday->rule >= 0)
		n = (int) (last_year + 2 - year);
	for (int i = 0; i < n; i++)
	{
		int64_t		when = (holiday->rule >= 0 ? holidays_day(holiday->rule, (int) (year + i)) : holiday->days[i]) + offset;
		double		from = (double) (when + UNIX_DAYS);

		if (step <= 1.5)
		{
			/* every time on that day */
			while (at < total && t[at] < from)
				at++;
			for (int k = at; k < total && t[k] < from + 1; k++)
				x[k] = 1;
		}
		else
		{
			/* the period that begins at or before it */
			while (at + 1 < total && t[at + 1] <= from)
				at++;
			if (t[at] <= from && from < t[at] + step * 1.1 && (at + 1 < total || from < t[at] + step))
				x[at] += 1;
		}
	}
}

typedef struct Prepared
{
	ProphetParams params;
	ProphetSeason seasons[PROPHET_MAX_SEASONS];
	ProphetInput in;
} Prepared;

/* Rows from first on. */
static ForecastStatus
prepare(const ForecastInput *in, int first, ForecastArena *arena, Prepared *p)
{
	const ProphetOptions *options = prophet_options_of(in->options);
	int			total = in->n + in->horizon - first;
	int			days = in->at ? holiday_columns(options) : 0;
	int			columns = in->nx + days;
	double	   *t = FORECAST_TAKE(arena, double, total);
	double	   *cap = FORECAST_TAKE(arena, double, total);
	double	   *floors = FORECAST_TAKE(arena, double, total);
	ProphetColumn *column = FORECAST_TAKE(arena, ProphetColumn, columns);
	double	   *marks = FORECAST_TAKE(arena, double, (size_t) total * days);
	bool		logistic = options->params.growth == PROPHET_LOGISTIC;

	if (!t || !cap || !floors || !column || !marks)
		return FORECAST_NO_MEMORY;
	p->params = options->params;
	if (!in->at)
		with_own_seasons(options, in->nperiods, in->season, &p->params, p->seasons);
	for (int i = 0; i < total; i++)
	{
		t[i] = in->at ? (double) in->at[first + i] / ECML_DAY_US + UNIX_DAYS : first + i;
		cap[i] = in->cap;
		floors[i] = isnan(in->floor) ? 0 : in->floor;
	}
	for (int i = 0; i < in->nx; i++)
		column[i] = (ProphetColumn) {
			.values = in->x + (size_t) i * (in->n + in->horizon) + first,.prior_scale = options->regressor_prior_scale,
			.multiplicative = options->regressors_multiplicative,.standardize = options->standardize
		};
	for (int h = 0, c = in->nx; c < columns; h++)
		for (int offset = options->holidays[h].lower_window; offset <= options->holidays[h].upper_window; offset++, c++)
		{
			double	   *x = marks + (size_t) total * (c - in->nx);

			mark_days(in, t, total, &options->holidays[h], offset, x);
			column[c] = (ProphetColumn) {
				.values = x,.prior_scale = options->holidays[h].prior_scale,
				.multiplicative = options->holidays_multiplicative,.holiday = true
			};
		}
	p->in = (ProphetInput) {
		.n = in->n - first,.horizon = in->horizon,.t = t,.y = in->y + first,.cap = logistic ? cap : NULL,
		.floor = logistic ? floors : NULL,.columns = column,.n_columns = columns,.levels = in->levels,
		.n_levels = in->nlevels,.cancel = in->cancel,.cancel_arg = in->cancel_arg
	};
	ecml_rng_seed(&p->in.rng, in->seed);
	return FORECAST_OK;
}

static ForecastStatus
run(const ForecastInput *in, const Prepared *p, ForecastArena *arena, ProphetOutput *out, const char **note)
{
	char	   *memory = arena->base + arena->used;
	ProphetStatus status = prophet_run(&p->params, &p->in, memory, arena->size - arena->used, out);

	switch (status)
	{
		case PROPHET_OK:
			return FORECAST_OK;
		case PROPHET_NO_MEMORY:
			return FORECAST_NO_MEMORY;
		case PROPHET_CANCELLED:
			return FORECAST_CANCELLED;
		case PROPHET_DAMAGED:
			return FORECAST_DAMAGED;
		case PROPHET_NOT_FINITE:
			if (in->nx > 0)
			{
				*note = "a regressor is missing within the series or in the future";
				return FORECAST_NOT_SUITED;
			}
			*note = prophet_status_text(status);
			return FORECAST_NOT_FINITE;
		case PROPHET_TOO_FEW:
			return FORECAST_TOO_SHORT;
		default:
			*note = prophet_status_text(status);
			return FORECAST_NOT_SUITED;
	}
}

static ForecastStatus
prophet_method_fit(const ForecastInput *in, ForecastArena *arena, ForecastFit *fit)
{
	static const char *const growths[] = {"linear", "logistic", "flat"};
	static const char *const names[] = {"yearly", "weekly", "daily"};
	Prepared	p;
	ForecastInput observed = *in;
	ProphetOutput out = {.state = fit->params};
	ForecastStatus status;
	int			used;

	/* regressors of the future may not be known yet; where rows of the past lie in in->x stays as it is */
	if (in->nx == 0)
	{
		observed.horizon = 0;
		status = prepare(&observed, 0, arena, &p);
	}
	else
	{
		status = prepare(in, 0, arena, &p);
		p.in.horizon = 0;
	}
	if (status != FORECAST_OK || (status = run(in, &p, arena, &out, &fit->note)) != FORECAST_OK)
		return status;
	fit->form = p.params.growth;
	fit->nparams = out.n_state;
	fit->log_likelihood = NAN;
	fit->aicc = NAN;
	used = snprintf(fit->label, sizeof(fit->label), "prophet(%s, %d changepoints", growths[p.params.growth], out.n_changepoints);
	for (int i = 0; i < 3; i++)
		if (out.orders[i] > 0)
			used += snprintf(fit->label + used, sizeof(fit->label) - used, ", %s", names[i]);
	snprintf(fit->label + used, sizeof(fit->label) - used, ")");
	for (int i = 0; i < fit->nparams; i++)
		if (!isfinite(fit->params[i]))
			return FORECAST_NOT_FINITE;
	return FORECAST_OK;
}

/* Parts of rows from first on. */
static ForecastStatus
parts_from(const ForecastInput *in, int first, const ForecastFit *fit, ForecastArena *arena, ProphetOutput *out, const char **note)
{
	Prepared	p;
	ForecastStatus status = prepare(in, first, arena, &p);

	if (status != FORECAST_OK)
		return status;
	if (fit->form != (int) p.params.growth || fit->nparams < 1)
		return FORECAST_DAMAGED;
	p.in.state = fit->params;
	p.in.n_state = fit->nparams;
	return run(in, &p, arena, out, note);
}

ForecastStatus
prophet_parts(const ForecastInput *in, const ForecastFit *fit, ForecastArena *arena, ProphetOutput *out, const char **note)
{
	return parts_from(in, 0, fit, arena, out, note);
}

static ForecastStatus
prophet_method_forecast(const ForecastInput *in, const ForecastFit *fit, ForecastArena *arena, ForecastResult *result)
{
	/* the past is made again only for those who ask for it */
	int			first = result->fitted ? 0 : in->n;
	double	   *yhat = FORECAST_TAKE(arena, double, in->n - first + in->horizon);
	const double *ahead = yhat + in->n - first;
	ProphetOutput out = {.yhat = yhat,.lower = result->lower,.upper = result->upper,.sd = result->sd};
	ForecastStatus status;

	if (!yhat)
		return FORECAST_NO_MEMORY;
	status = parts_from(in, first, fit, arena, &out, &result->note);
	if (status != FORECAST_OK)
		return status;
	for (int h = 0; h < in->horizon; h++)
		if (!isfinite(ahead[h]))
			return FORECAST_NOT_FINITE;
	if (result->mean)
		memcpy(result->mean, ahead, in->horizon * sizeof(double));
	if (result->fitted)
		memcpy(result->fitted, yhat, in->n * sizeof(double));
	return FORECAST_OK;
}

const char *
prophet_options_check(const ProphetOptions *options)
{
	const char *wrong = prophet_check(&options->params);

	if (wrong)
		return wrong;
	for (int i = 0; i < options->n_holidays; i++)
	{
		const ProphetHoliday *h = &options->holidays[i];

		if (h->lower_window > 0 || h->upper_window < 0 || h->lower_window < -PROPHET_HOLIDAY_DAYS ||
			h->upper_window >= h->lower_window + PROPHET_HOLIDAY_DAYS)
			return "the windows of a holiday reach from at most 0 to at least 0, over fewer than 64 days";
		if (!(h->prior_scale > 0 && isfinite(h->prior_scale)))
			return "the prior scale of a holiday must be above 0";
	}
	if (!(options->regressor_prior_scale > 0 && isfinite(options->regressor_prior_scale)))
		return "the prior scale of regressors must be above 0";
	return NULL;
}

const ForecastMethod forecast_method_prophet = {
	.id = 13,
	.name = "prophet",
	.memory = prophet_memory,
	.max_params = prophet_max_params,
	.fit = prophet_method_fit,
	.forecast = prophet_method_forecast
};
