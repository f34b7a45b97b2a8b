/*
 * setup_sql.h - options of forecasting in SQL, and series made ready for methods
 */
#ifndef ECML_FORECAST_SETUP_SQL_H
#define ECML_FORECAST_SETUP_SQL_H

#include "postgres.h"

#include "core/host.h"
#include "core/options.h"
#include "core/series.h"
#include "forecast/auto.h"
#include "forecast/croston.h"
#include "forecast/arima.h"
#include "forecast/ets.h"
#include "forecast/mstl_method.h"
#include "forecast/prophet_sql.h"
#include "forecast/runner.h"
#include "forecast/theta.h"

#define FORECAST_MAX_HORIZON 100000

typedef enum ForecastReconcile
{
	FORECAST_RECONCILE_NONE,
	FORECAST_RECONCILE_BOTTOM_UP,
	FORECAST_RECONCILE_OLS,
	FORECAST_RECONCILE_WLS,		/* by numbers of bottom series */
	FORECAST_RECONCILE_MINT		/* by shrunk covariances of one-step errors */
} ForecastReconcile;

/* Options as they come. */
typedef struct ForecastOptions
{
	char	   *method;
	EcmlNumberList level;
	double		floor;
	double		cap;
	int64		seed;
	int			reconcile;
	char	   *model;			/* ETS's notation */
	int			damped;
	int			criterion;
	int			theta;
	int			decomposition;
	double		alpha;
	double		alpha_probability;
	bool		optimise;
	Jsonb	   *candidates;		/* of auto: names of methods */
	bool		combine;		/* may auto combine? */
	int			folds;
	EcmlNumberList order;		/* ARIMA: p, d, q; n < 0: chosen */
	EcmlNumberList seasonal_order;	/* P, D, Q */
	bool		box_cox;
	bool		robust;			/* MSTL */
} ForecastOptions;

/* Options understood. */
typedef struct ForecastSetup
{
	EcmlSeriesOptions series;
	ForecastOptions given;
	const ForecastMethod *method;
	int			horizon;
	int			nlevels;
	double		levels[FORECAST_MAX_LEVELS];	/* ascending */
	int			shown;			/* the level of yhat_lower and yhat_upper */
	uint64		seed;
	EtsOptions	ets;
	ThetaOptions theta;
	CrostonOptions croston;
	AutoOptions automatic;
	ArimaOptions arima;
	MstlOptions mstl;
	ProphetSqlOptions prophet;
	const void *by_method[FORECAST_MAX_METHODS];
} ForecastSetup;

/* Lists of options to be parsed into a setup, which has the defaults. */
#define FORECAST_SETS 3
extern const ForecastSetup forecast_setup_defaults;
extern void forecast_setup_sets(ForecastSetup *setup, EcmlOptionSet *sets);

/* Understand what was parsed.  SPI must not be connected. */
extern void forecast_setup_finish(ForecastSetup *setup);

/* Other levels: 0.95 or 95; the first one is shown. */
extern void forecast_setup_levels(ForecastSetup *setup, const EcmlNumberList *level);

/* Both, for a function (what) with an extra set of options or NULL. */
extern void forecast_setup(ForecastSetup *setup, const char *what, Jsonb *options, const EcmlOptionSet *extra);
extern void forecast_check_horizon(int64 horizon);

/* Set another method, by name as in the option: an error when there is none. */
extern void forecast_setup_method(ForecastSetup *setup, const char *name);

/*
 * Fill a task from a series: input, and arrays for the result.  False: the series cannot be used (its problem says why, or it
 * has fewer than two values).
 */
extern bool forecast_task_init(EcmlCtx *ctx, const ForecastSetup *setup, EcmlSeries *series, ForecastTask *task);

/* floor and cap on a result. */
extern void forecast_clip(const ForecastSetup *setup, ForecastTask *task);

/* Series at a time: bounded in number and in values. */
#define FORECAST_BLOCK 256
#define FORECAST_BLOCK_VALUES 4000000

typedef struct ForecastBlock
{
	int			n;
	EcmlSeries	series[FORECAST_BLOCK];
	ForecastTask tasks[FORECAST_BLOCK];	/* those without problem; method NULL: none */
} ForecastBlock;

/* Read the next series, as many as go into a block, and make tasks of them; false: there are no more. */
extern bool forecast_block_read(EcmlSeriesReader *reader, EcmlCtx *ctx, const ForecastSetup *setup, ForecastBlock *block);

/* Run the tasks of a block, and cut at floor and cap; setup NULL: they are fits only. */
extern void forecast_block_run(EcmlCtx *ctx, const ForecastSetup *setup, ForecastBlock *block);

#endif							/* ECML_FORECAST_SETUP_SQL_H */
