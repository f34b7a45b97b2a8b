/*
 * runner.h - a method on many series at once
 */
#ifndef ECML_FORECAST_RUNNER_H
#define ECML_FORECAST_RUNNER_H

#include "forecast/forecast.h"

/* One series: what to do, and what came of it. */
typedef struct ForecastTask
{
	const ForecastMethod *method;
	ForecastInput in;
	bool		fitted;			/* fit is given: only forecast */
	bool		fit_only;
	ForecastFit fit;			/* params are made by the runner unless given */
	ForecastResult result;		/* arrays are the caller's */
	ForecastStatus status;
	const char *note;			/* of the fit or the forecast; or why it failed */
} ForecastTask;

/*
 * Run all tasks on the threads of ctx; memory of parameters stays with ctx.  Series that are beyond the method's reach have a
 * status and a note; nothing fails but for want of memory.
 */
extern void forecast_run(EcmlCtx *ctx, ForecastTask *tasks, size_t n);

/* A sentence without full stop on what is wrong. */
extern const char *forecast_status_text(ForecastStatus status);

#endif							/* ECML_FORECAST_RUNNER_H */
