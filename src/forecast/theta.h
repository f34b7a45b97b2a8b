/*
 * theta.h - options of the Theta method
 */
#ifndef ECML_FORECAST_THETA_H
#define ECML_FORECAST_THETA_H

#include "forecast/forecast.h"

typedef enum ThetaModel
{
	THETA_AUTO,					/* the one with the least squared error */
	THETA_STANDARD,				/* theta = 2 */
	THETA_OPTIMISED,
	THETA_DYNAMIC_STANDARD,
	THETA_DYNAMIC_OPTIMISED
} ThetaModel;

typedef enum ThetaSeason
{
	THETA_SEASON_AUTO,			/* multiplicative where values allow it */
	THETA_SEASON_NONE,
	THETA_SEASON_ADDITIVE,
	THETA_SEASON_MULTIPLICATIVE
} ThetaSeason;

typedef struct ThetaOptions
{
	int			model;
	int			season;
} ThetaOptions;

#define THETA_DEFAULTS {.model = THETA_AUTO}

#endif							/* ECML_FORECAST_THETA_H */
