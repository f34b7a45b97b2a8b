/*
 * croston.h - options of the methods for intermittent demand
 */
#ifndef ECML_FORECAST_CROSTON_H
#define ECML_FORECAST_CROSTON_H

#include "forecast/forecast.h"

typedef struct CrostonOptions
{
	double		alpha;			/* smoothing of sizes and intervals */
	double		alpha_probability;	/* TSB: of the probability of demand */
	bool		optimise;		/* croston, sba: alpha of sizes and of intervals each by least squares in [0.1, 0.3] */
} CrostonOptions;

#define CROSTON_DEFAULTS {.alpha = 0.1, .alpha_probability = 0.1}

#endif							/* ECML_FORECAST_CROSTON_H */
