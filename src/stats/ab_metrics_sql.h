/*
 * ab_metrics_sql.h - the metrics of an experiment: which columns of a source they are, and what of them a query adds up
 */
#ifndef ECML_AB_METRICS_SQL_H
#define ECML_AB_METRICS_SQL_H

#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/jsonb.h"

#include "core/source.h"

typedef enum MetricType
{
	METRIC_MEAN,				/* of rows */
	METRIC_SUM,					/* of a unit: its mean over the units */
	METRIC_RATIO
} MetricType;

typedef struct Metric
{
	const char *name;
	int			type;			/* MetricType */
	int			column;
	int			denominator;	/* RATIO; else -1 */
	int			covariate;		/* -1: none */
} Metric;

/* A source with its metrics. */
typedef struct AbSource
{
	EcmlSource	source;
	const char *from;			/* as it stands in FROM */
	const char *schema;			/* of the extension, quoted */
	int			unit;			/* column of what was shared out; -1: rows */
	Metric	   *metrics;
	int			nmetrics;
} AbSource;

/* Open it (SPI must be connected), with the unit that an option names (NULL: rows). */
extern void ab_open(AbSource *ab, FunctionCallInfo fcinfo, const char *source, const char *unit);

/* The metrics of an option (a list of names, or an object); NULL: all numbers but taken [ntaken] and what is named like a key. */
extern void ab_find_metrics(AbSource *ab, Jsonb *given, const int *taken, int ntaken);

extern const char *ab_column_name(const AbSource *ab, int column);

/* Is it a ratio of sums? A mean of rows is one where the units are others. */
extern bool ab_is_ratio(const AbSource *ab, const Metric *metric);

/* A column as float8 in a query around the source. */
extern const char *ab_number_sql(const AbSource *ab, int column);

/* The columns y<i>, of ratios x<i>, and of the covariate c<i>, of a query that groups by the unit. */
extern void ab_add_unit_columns(const AbSource *ab, const Metric *metric, int i, StringInfo sql);

#endif							/* ECML_AB_METRICS_SQL_H */
