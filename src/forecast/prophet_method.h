/*
 * prophet_method.h - prophet as a forecasting method: its options, holidays among them, and the parts of a forecast
 */
#ifndef ECML_PROPHET_METHOD_H
#define ECML_PROPHET_METHOD_H

#include "forecast/forecast.h"
#include "forecast/prophet.h"

#define PROPHET_HOLIDAY_DAYS 64	/* days that one holiday may span */

typedef struct ProphetHoliday
{
	const char *name;
	int			rule;			/* number of a built-in one (holidays.h), of every year; -1: days */
	const int64_t *days;		/* [n_days] since 2000-01-01, ascending */
	int			n_days;
	int			lower_window;	/* <= 0: days before that count, each with an effect of its own */
	int			upper_window;	/* >= 0 */
	double		prior_scale;
} ProphetHoliday;

typedef struct ProphetOptions
{
	ProphetParams params;
	const ProphetHoliday *holidays; /* [n_holidays] */
	int			n_holidays;
	bool		holidays_multiplicative;
	double		regressor_prior_scale;
	bool		regressors_multiplicative;
	bool		standardize;	/* regressors */
} ProphetOptions;

#define PROPHET_OPTION_DEFAULTS {.params = PROPHET_DEFAULTS,.regressor_prior_scale = 10,.standardize = true}

/* NULL, or what is wrong with the options. */
extern const char *prophet_options_check(const ProphetOptions *options);

/*
 * The parts of a series' forecast: out has the places of what is wanted (columns are the regressors' in->x, then the days of
 * holidays).  The arena as for forecast.
 */
extern ForecastStatus prophet_parts(const ForecastInput *in, const ForecastFit *fit, ForecastArena *arena, ProphetOutput *out,
									const char **note);

/* The options in force for these. */
extern const ProphetOptions *prophet_options_of(const void *const *options);

#endif							/* ECML_PROPHET_METHOD_H */
