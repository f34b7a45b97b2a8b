/*
 * series.h - a source read as time series
 *
 *     reader = ecml_series_open(source, ds, y, series, &options, horizon);
 *     while (ecml_series_next(reader, ctx, &one)) ...
 *     ecml_series_close(reader);
 *
 * Columns are found by name (ds, y) or as the only one of their type; rows are sorted, those of a period put together, gaps
 * filled as the options say; frequency and seasons are told from times and values.  What is wrong with one series is told in
 * its problem, and is no error.
 */
#ifndef ECML_SERIES_H
#define ECML_SERIES_H

#include "postgres.h"

#include "core/options.h"
#include "num/calendar.h"
#include "num/ctx.h"

#define ECML_MAX_SEASONS 4
#define ECML_SERIES_LIMIT 5000000	/* periods of one series */

typedef enum EcmlSeriesAggregate
{
	ECML_SERIES_SUM,
	ECML_SERIES_MEAN,
	ECML_SERIES_MIN,
	ECML_SERIES_MAX,
	ECML_SERIES_LAST,
	ECML_SERIES_COUNT
} EcmlSeriesAggregate;

typedef enum EcmlSeriesFill
{
	ECML_FILL_AUTO,				/* zero for counts of events that leave periods out, else missing; see doc/forecast.md */
	ECML_FILL_MISSING,
	ECML_FILL_ZERO,
	ECML_FILL_INTERPOLATE
} EcmlSeriesFill;

typedef enum EcmlSeriesEnd
{
	ECML_END_AUTO,				/* common when gaps are filled with zero, else own */
	ECML_END_OWN,				/* with its own last row */
	ECML_END_COMMON				/* with the last row of all series */
} EcmlSeriesEnd;

typedef enum EcmlSeriesPartial
{
	ECML_PARTIAL_AUTO,			/* a last period that rows cover in part only is left out; so is such a first one */
	ECML_PARTIAL_KEEP,
	ECML_PARTIAL_DROP			/* the last period is left out */
} EcmlSeriesPartial;

/* Options, with ECML_SERIES_DEFAULTS before parsing ecml_series_options. */
typedef struct EcmlSeriesOptions
{
	char	   *ds;				/* columns; the arguments of the same names win */
	char	   *y;
	char	   *series;			/* one column, or several with commas: names are joined by / */
	char	   *frequency;		/* NULL: detected */
	EcmlNumberList season;			/* n < 0: by frequency and values; empty, or 0 or 1: none */
	int			aggregate;
	int			fill;
	int			end;
	int			partial;
	char	   *time_zone;		/* of timestamptz; NULL: the session's */
	Jsonb	   *regressors;		/* names of columns */
	/* no option: the period that a series is to be read by, NULL for what its times show */
	const EcmlPeriod *(*period_of) (void *arg, const char *name);
	void	   *period_arg;
} EcmlSeriesOptions;

#define ECML_SERIES_DEFAULTS {.season = {.n = -1}}

extern const EcmlOption ecml_series_options[];

/* The greatest value, by its magnitude, whose square is a number; and what is wrong with a series that has a greater one. */
#define ECML_SERIES_MOST 1e150
#define ECML_SERIES_TOO_LARGE "it has a value beyond 1e150, whose square overflows: take other units in the source"

typedef struct EcmlSeries
{
	char	   *name;			/* NULL: the name is NULL, or there is one series only */
	int64		number;			/* 0, 1, ... in the order of names (by their bytes; NULL last) */
	const char *problem;		/* NULL, or why it cannot be used: a sentence without full stop; n may be 0 then */
	int			n;				/* periods from its first value to its last */
	double	   *y;				/* [n] NaN: missing; the first and the last are not */
	EcmlPeriod	period;
	int64		first;			/* number of the period of y[0]; ecml_series_at gives moments */
	int			nseasons;
	double		season[ECML_MAX_SEASONS];	/* in periods, ascending, > 1; whole ones where the season is told by the values */
	int			nx;
	double	   *x;				/* [nx][n + horizon] regressors; NaN: not known */
	int64		rows;			/* rows with a time; duplicates those beyond one a period */
	int64		duplicates;
	int64		gaps;			/* periods without rows */
	EcmlSeriesFill filled;		/* how they were filled */
} EcmlSeries;

typedef struct EcmlSeriesReader EcmlSeriesReader;

/*
 * Read all rows.  SPI must not be connected (it is for the time of the call).  Errors: no such column, an ambiguous one (the
 * candidates are named), a type that does not fit, an unknown frequency.
 */
extern EcmlSeriesReader *ecml_series_open(const char *source, const char *ds, const char *y, const char *series,
										  const EcmlSeriesOptions *options, int horizon);

/* The next series, its arrays owned by ctx; false: there are no more. */
extern bool ecml_series_next(EcmlSeriesReader *reader, EcmlCtx *ctx, EcmlSeries *series);

/* From the first series again. */
extern void ecml_series_rewind(EcmlSeriesReader *reader);
extern void ecml_series_close(EcmlSeriesReader *reader);

extern int64 ecml_series_count(const EcmlSeriesReader *reader);
extern int64 ecml_series_rows(const EcmlSeriesReader *reader);	/* with a time */
extern int64 ecml_series_skipped(const EcmlSeriesReader *reader);	/* time NULL or infinite */
extern bool ecml_series_has_clock(const EcmlSeriesReader *reader);	/* moments are times, no whole numbers */
extern int	ecml_series_regressors(const EcmlSeriesReader *reader);
extern int	ecml_series_path_columns(const EcmlSeriesReader *reader);	/* columns that make a name */
extern const char *ecml_series_column_name(const EcmlSeriesReader *reader, char which);	/* 'd' ds, 'y' y */

/* The moment that stands for period i of a series (i may be n or more): microseconds of the local clock, or a number. */
extern int64 ecml_series_at(const EcmlSeries *series, int64 i);

/* Set a timestamp column of a result from a moment; NULL without a clock. */
extern void ecml_series_set_at(const EcmlSeriesReader *reader, Datum *values, bool *nulls, int column, int64 at);

#endif							/* ECML_SERIES_H */
