/*
 * auto.h - options of the automatic choice
 */
#ifndef ECML_FORECAST_AUTO_H
#define ECML_FORECAST_AUTO_H

#include "forecast/forecast.h"

#define AUTO_MAX 12				/* candidates */

typedef struct AutoOptions
{
	int			ncandidates;	/* 0: by the features of the series */
	int			candidates[AUTO_MAX];	/* ids of methods */
	bool		single;			/* choose one, do not combine */
	int			folds;			/* most origins of validation; 0: by the length of the series */
} AutoOptions;

#define AUTO_DEFAULTS {.ncandidates = 0}

#endif							/* ECML_FORECAST_AUTO_H */
