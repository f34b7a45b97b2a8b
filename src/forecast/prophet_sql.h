/*
 * prophet_sql.h - options of prophet from jsonb
 */
#ifndef ECML_PROPHET_SQL_H
#define ECML_PROPHET_SQL_H

#include "postgres.h"

#include "core/options.h"
#include "forecast/prophet_method.h"

/* As parsed; PROPHET_SQL_DEFAULTS before. */
typedef struct ProphetSqlOptions
{
	ProphetOptions method;
	int			growth;
	int			mode;
	int			orders[3];
	double		holidays_prior_scale;
	Jsonb	   *holidays;		/* names of built-in ones; "shopping": the usual set */
	char	   *holiday_table;	/* source: ds, holiday, and if there lower_window, upper_window, prior_scale */
	Jsonb	   *seasons;		/* {"name": [period in days, order]} */
} ProphetSqlOptions;

#define PROPHET_SQL_DEFAULTS {.method = PROPHET_OPTION_DEFAULTS,.orders = {PROPHET_AUTO, PROPHET_AUTO, PROPHET_AUTO},.holidays_prior_scale = 10}

extern const EcmlOption prophet_sql_options[];

/* After parsing: options of the method, checked, palloc'd; SPI must not be connected. */
extern const ProphetOptions *prophet_sql_finish(ProphetSqlOptions *given);

#endif							/* ECML_PROPHET_SQL_H */
