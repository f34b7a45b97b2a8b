/*
 * model_sql.h - stored forecasting models: what is kept of each series, and what is done with them
 */
#ifndef ECML_FORECAST_MODEL_SQL_H
#define ECML_FORECAST_MODEL_SQL_H

#include "postgres.h"

#include "core/algorithm.h"
#include "core/catalog.h"
#include "core/series.h"
#include "forecast/forecast.h"
#include "forecast/forecast_sql.h"
#include "forecast/prophet_method.h"

/* Periods after the last value that regressors are kept of, unless the training says how many. */
#define FORECAST_USUAL_AHEAD 1000

typedef struct ForecastStored
{
	char	   *name;			/* NULL: NULL */
	char	   *problem;		/* NULL: none */
	EcmlPeriod	period;
	int64		first;			/* number of the first value's period */
	int			n;
	double	   *y;				/* [n] NaN: missing */
	int			ahead;			/* periods after the last value that regressors are known of */
	double	   *x;				/* [nx][n + ahead] regressors; NaN: not known */
	bool		zeros;			/* gaps are zeros */
	int			nseasons;
	double		season[ECML_MAX_SEASONS];
	int			method;			/* id; 0: it could not be fitted */
	int			form;
	int			nparams;
	double	   *params;
	char	   *label;
} ForecastStored;

typedef struct ForecastModel
{
	bool		clock;
	char	   *ds;				/* names of the columns that it was trained on */
	char	   *y;
	char	   *series;			/* "": one series */
	int			nx;				/* regressors; their names are an option */
	int			nholidays;		/* of prophet, as they were at the training: whoever forecasts runs no query of the owner's */
	ProphetHoliday *holidays;	/* [nholidays] */
	int			n;
	ForecastStored *stored;		/* [n] in the order of names, NULL last */
} ForecastModel;

/* The model of that name, which must forecast; its fitted part is a ForecastModel. */
extern struct EcmlModel *forecast_model_open(const char *name, EcmlCatalogEntry *entry);

/* The options that the model was trained with, as a setup. */
extern void forecast_model_setup(ForecastSetup *setup, const struct EcmlModel *model);

/* Options of the series' reading, with the columns of the training. */
extern EcmlSeriesOptions forecast_model_columns(const ForecastSetup *setup, const ForecastModel *fitted);

/* What is stored of a series, as a series whose regressors reach horizon periods ahead, NaN where they are not known. */
extern void forecast_model_series(EcmlCtx *ctx, const ForecastModel *fitted, const ForecastStored *stored, int horizon,
								  EcmlSeries *series);

/* A task that forecasts from what is stored; method NULL: it cannot, series->problem says why. */
extern void forecast_model_task(EcmlCtx *ctx, const ForecastSetup *setup, const ForecastStored *stored, EcmlSeries *series,
								ForecastTask *task);

/* Regressors of another width: [nx][from] to [nx][to], NaN where there are none. */
extern double *forecast_regressors(EcmlCtx *ctx, const double *x, int nx, int from, int to);

/* Periods after the last of n values that any regressor is known of: x [nx][n + ahead]. */
extern int	forecast_known_ahead(const double *x, int nx, int n, int ahead);

/* Keep a series with what was fitted to it. ahead: periods after its last value in series->x. */
extern void forecast_model_keep(MemoryContext context, ForecastStored *stored, const EcmlSeries *series, int ahead,
								const ForecastTask *task);
extern char *forecast_model_metrics(const ForecastModel *model);

/* What a series is validated for when the training does not say. */
extern int	forecast_usual_horizon(const EcmlSeries *series);

/* ecml_evaluate: forecasts of the rows of a source that come after those of the model. */
extern void forecast_model_evaluate(const struct EcmlModel *model, int64 model_id, const char *source, Jsonb *options,
									EcmlJson *json);

/* Options of a forecast of a model. */
typedef struct ForecastModelOptions
{
	EcmlNumberList level;
	double		floor;
	double		cap;
	Jsonb	   *only;			/* names of series */
} ForecastModelOptions;

extern const EcmlOption forecast_model_options[];
extern void forecast_model_parse(ForecastSetup *setup, const struct EcmlModel *model, const char *what, Jsonb *options,
								 ForecastModelOptions *given);

/* Is a series among those of option only? */
extern bool forecast_model_wants(const ForecastModelOptions *given, const char *name);

#endif							/* ECML_FORECAST_MODEL_SQL_H */
