/*
 * mstl_method.h - several seasons: decomposition, and another method for what they leave
 */
#ifndef ECML_MSTL_METHOD_H
#define ECML_MSTL_METHOD_H

#include "forecast/forecast.h"

typedef struct MstlOptions
{
	int			remainder;		/* id of the method that forecasts trend and remainder; 0: ets where there is one, else arima */
	bool		robust;			/* outliers do not bend the seasons */
	int			transform;		/* 0: chosen, 1: none, 2: logarithm (seasons multiply) */
} MstlOptions;

#define MSTL_DEFAULTS {0}

/* seasons [nperiods][n], trend [n] of the values (NaN: interpolated), which are logarithms when logs says so. */
extern ForecastStatus mstl_parts(const ForecastInput *in, const ForecastFit *fit, ForecastArena *arena, double *seasons,
								 double *trend, int *periods, int *nperiods, bool *logs);

#endif							/* ECML_MSTL_METHOD_H */
