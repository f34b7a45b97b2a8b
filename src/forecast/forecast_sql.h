/*
 * forecast_sql.h - what the SQL functions of forecasting share
 */
#ifndef ECML_FORECAST_SQL_H
#define ECML_FORECAST_SQL_H

#include "postgres.h"

#include "fmgr.h"

#include "core/result.h"
#include "forecast/setup_sql.h"

/* Memory of a block of series. */
typedef struct ForecastContext
{
	MemoryContext context;
	EcmlCtx		ctx;
	EcmlServerHost host;
} ForecastContext;

extern void forecast_context_init(ForecastContext *c);
extern void forecast_context_reset(ForecastContext *c);

/* The rows of a series: forecasts, or NULLs with the reason.  clock: its moments are times. */
extern void forecast_emit(EcmlRows *rows, bool clock, const ForecastSetup *setup,
						  const EcmlSeries *series, const ForecastTask *task);

/* Forecasts of all series, made to add up along their paths. */
extern void forecast_reconciled(EcmlRows *rows, EcmlSeriesReader *reader, const ForecastSetup *setup);

/* Is it no query and no relation, but a model's name? */
extern bool forecast_is_model(const char *name);

/* Forecasts of a stored model; columns: ds, y and series as they are named beside it, or NULL. */
extern void forecast_from_model(EcmlRows *rows, const char *name, int horizon, char *const *columns, Jsonb *options);

#endif							/* ECML_FORECAST_SQL_H */
