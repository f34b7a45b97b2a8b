/*
 * series_internal.h - what series.c (rows), series_sort.c (their order) and series_grid.c (series) share
 */
#ifndef ECML_SERIES_INTERNAL_H
#define ECML_SERIES_INTERNAL_H

#include "postgres.h"
#include "executor/tuptable.h"
#include "utils/tuplestore.h"

#include "core/series.h"
#include "core/source.h"

/* What is kept of a series beside its rows. */
typedef struct EcmlSeriesHead
{
	char	   *name;			/* NULL: NULL */
	int			length;
	bool		regular;		/* it has a period of its own, with its anchor */
	EcmlPeriod	period;
	int64		rows;
	int64		moments;		/* different times */
	int64		first;			/* moments of its first and last row; those of the future, where there are regressors, left out */
	int64		last;
} EcmlSeriesHead;

struct EcmlSeriesReader
{
	MemoryContext context;
	EcmlSeriesOptions options;
	int			horizon;
	bool		clock;
	bool		folds;			/* times come from timestamptz: rows tell which of two equal hours is the second */
	int			nx;
	int			path_columns;
	const char *ds_name;
	const char *y_name;

	/* rows: moment (8 bytes of an int64), value, regressors, fold; [chunk_rows][stride] in chunk, and so in the store */
	int			stride;
	int			chunk_rows;
	struct varlena *chunk;
	double	   *row;			/* [stride] scratch */
	int			kept;			/* rows in chunk */
	Tuplestorestate *store;		/* number of the series, rows */
	TupleDesc	desc;
	TupleTableSlot *slot;		/* the next one, if have */
	bool		have;

	EcmlSeriesHead *heads;		/* [count] */
	int64		count;
	int64		capacity;
	int64		next;			/* series to be read */
	EcmlTimes	times;			/* of the series that is read in */
	EcmlTimes	all;
	EcmlPeriod	period;			/* of series without one of their own */
	bool		frequency_given;
	bool		events;			/* rows come at odd times, and are put together by period */
	EcmlSeriesFill fill;		/* settled */
	bool		common_end;
	int64		rows;
	int64		skipped;
	int64		earliest;
	int64		latest;
	double		least;			/* value; INFINITY: none */
	bool		whole;			/* all values are whole numbers */
};

/* A row of the query: row [stride], and the series' name (NULL: NULL), which is the slot's; false: it has no time. */
extern bool ecml_series_decode(const EcmlSeriesReader *reader, TupleTableSlot *slot, double *row, const char **name, int *length);

/* Take a row in; rows come sorted by series, time and the rest. */
extern void ecml_series_add(EcmlSeriesReader *reader, const char *name, int length, const double *row);

/* Run the query, sort its rows in memory, take them in; false: they are too many, and none was taken. */
extern bool ecml_series_sort(EcmlSeriesReader *reader, EcmlSource *query);

/* Settle what gaps mean, and where series end, once all rows have been seen. */
extern void ecml_series_settle(EcmlSeriesReader *reader);

#endif							/* ECML_SERIES_INTERNAL_H */
