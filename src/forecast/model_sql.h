/*
 * model_sql.h - stored forecasting models: what is kept of each series
 */
#ifndef ECML_FORECAST_MODEL_SQL_H
#define ECML_FORECAST_MODEL_SQL_H

#include "postgres.h"

#include "core/series.h"
#include "forecast/forecast.h"

typedef struct ForecastStored
{
	char	   *name;			/* NULL: NULL */
	char	   *problem;		/* NULL: none */
	EcmlPeriod	period;
	int64		first;			/* number of the first value's period */
	int			n;
	double	   *y;				/* [n] NaN: missing */
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
	int			n;
	ForecastStored *stored;		/* [n] in the order of names, NULL last */
} ForecastModel;

#endif							/* ECML_FORECAST_MODEL_SQL_H */
