/*
 * series.c - a source read as time series: columns, the query, rows kept by series
 *
 * A query of our own around the source, run with the caller's rights, gives its rows, which are sorted by series, time and value, so
 * that nothing depends on how the source is scanned: in memory (series_sort.c), or by the query where they are too many.  They are
 * packed, a few thousand of a series in one value, into a tuplestore
 * that spills beyond a quarter of ecml.work_mem; meanwhile each series' times are looked at (num/times.c).  When all have been
 * seen, the frequency of each is settled: its own where it is regular, else the one that most of the regular ones have, else
 * the one that all times together show.  From then on series are read back one by one (series_grid.c).
 *
 * Cost: a sort of the rows, 16 bytes a row kept, some 100 bytes a series.
 */
#include "core/compat.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "pgtime.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "core/bind.h"
#include "core/error.h"
#include "core/guc.h"
#include "core/json.h"
#include "core/series_internal.h"

static const char *const aggregates[] = {"sum", "mean", "min", "max", "last", "count", NULL};
static const char *const fills[] = {"auto", "missing", "zero", "interpolate", NULL};
static const char *const ends[] = {"auto", "own", "common", NULL};
static const char *const partials[] = {"auto", "keep", "drop", NULL};

const EcmlOption ecml_series_options[] = {
	ECML_OPT_TEXT(EcmlSeriesOptions, ds, "ds"),
	ECML_OPT_TEXT(EcmlSeriesOptions, y, "y"),
	ECML_OPT_TEXT(EcmlSeriesOptions, series, "series"),
	ECML_OPT_TEXT(EcmlSeriesOptions, frequency, "frequency"),
	ECML_OPT_NUMBERS(EcmlSeriesOptions, season, "season", 0, 100000),
	ECML_OPT_ENUM(EcmlSeriesOptions, aggregate, "aggregate", aggregates),
	ECML_OPT_ENUM(EcmlSeriesOptions, fill, "fill", fills),
	ECML_OPT_ENUM(EcmlSeriesOptions, end, "end", ends),
	ECML_OPT_ENUM(EcmlSeriesOptions, partial, "partial", partials),
	ECML_OPT_TEXT(EcmlSeriesOptions, time_zone, "time_zone"),
	ECML_OPT_LIST(EcmlSeriesOptions, regressors, "regressors"),
	ECML_OPT_END
};

/* ---- columns */

typedef struct Columns
{
	int			ds;
	int			y;				/* -1: none, rows are counted */
	int			nseries;
	int		   *series;
	int			nx;
	int		   *x;
} Columns;

static EcmlKind
kind_of(const EcmlSource *source, int column, bool *integer)
{
	Oid			type = TupleDescAttr(source->desc, column)->atttypid;
	EcmlConvert convert;
	EcmlConvert element_convert;
	EcmlKind	kind;
	Oid			element;

	*integer = type == INT2OID || type == INT4OID || type == INT8OID;
	if (!ecml_bind_plan(type, &convert, &kind, &element, &element_convert) || convert == ECML_FROM_ARRAY)
		return ECML_CATEGORY;
	if (type != DATEOID && type != TIMESTAMPOID && type != TIMESTAMPTZOID && kind == ECML_TIME)
		return ECML_CATEGORY;
	return kind;
}

static bool
taken(const Columns *columns, int column)
{
	if (column == columns->ds || column == columns->y)
		return true;
	for (int i = 0; i < columns->nseries; i++)
		if (columns->series[i] == column)
			return true;
	for (int i = 0; i < columns->nx; i++)
		if (columns->x[i] == column)
			return true;
	return false;
}

static const char *
column_name(const EcmlSource *source, int column)
{
	return NameStr(TupleDescAttr(source->desc, column)->attname);
}

/* The only candidate; -1 for none; several are an error that names them. */
static int
only(const EcmlSource *source, const int *candidates, int n, const char *what, const char *argument)
{
	const char **names = palloc((n + 1) * sizeof(char *));

	if (n <= 1)
		return n == 1 ? candidates[0] : -1;
	for (int i = 0; i < n; i++)
		names[i] = column_name(source, candidates[i]);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("several columns could be the %s", what),
			 errdetail("Candidates are: %s.", ecml_error_list(names, n)),
			 /* the first one is a key more often than not */
			 errhint("Name one of them, as in %s => '%s'.", argument, names[n - 1])));
}

/* A column of exactly that name, apart from case. */
static int
named(const EcmlSource *source, const Columns *columns, const char *name)
{
	for (int i = 0; i < source->desc->natts; i++)
		if (!taken(columns, i) && pg_strcasecmp(column_name(source, i), name) == 0)
			return i;
	return -1;
}

static void
find_series(const EcmlSource *source, const char *given, Columns *columns)
{
	char	   *rest = given ? pstrdup(given) : NULL;
	bool		whole = false;

	columns->nseries = 0;
	columns->series = palloc((source->desc->natts + 1) * sizeof(int));
	/* the name of one column may have a comma in it */
	for (int i = 0; given && i < source->desc->natts; i++)
		whole |= strcmp(column_name(source, i), given) == 0;
	while (rest)
	{
		char	   *comma = whole ? NULL : strchr(rest, ',');
		char	   *name = rest;
		int			column;

		rest = comma ? comma + 1 : NULL;
		if (comma)
			*comma = '\0';
		while (!whole && (*name == ' ' || *name == '\t'))
			name++;
		while (!whole && *name && (name[strlen(name) - 1] == ' ' || name[strlen(name) - 1] == '\t'))
			name[strlen(name) - 1] = '\0';
		column = ecml_source_column(source, name, "series");
		if (taken(columns, column))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("column \"%s\" has two parts to play", name),
					 errdetail("It is named as series and as something else."),
					 errhint("Name each column once.")));
		columns->series[columns->nseries++] = column;
	}
}

static void
find_regressors(const EcmlSource *source, Jsonb *given, Columns *columns)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	value;

	columns->nx = 0;
	columns->x = palloc((source->desc->natts + 1) * sizeof(int));
	if (given == NULL)
		return;
	iterator = JsonbIteratorInit(&given->root);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		int			column;
		bool		integer;

		if (token != WJB_ELEM)
			continue;
		column = ecml_source_column(source, pnstrdup(value.val.string.val, value.val.string.len), "regressor");
		if (kind_of(source, column, &integer) != ECML_NUMBER && TupleDescAttr(source->desc, column)->atttypid != BOOLOID)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("column \"%s\" cannot be a regressor", column_name(source, column)),
					 errdetail("Its type is %s.", format_type_be(TupleDescAttr(source->desc, column)->atttypid)),
					 errhint("It must be a number or a boolean.")));
		if (taken(columns, column))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("column \"%s\" has two parts to play", column_name(source, column)),
					 errdetail("It is named as regressor and as something else."),
					 errhint("Name each column once.")));
		columns->x[columns->nx++] = column;
	}
}

static void
find_ds(const EcmlSource *source, const char *given, Columns *columns)
{
	static const char *const usual[] = {"ds", "t", "time", "period", "date", "day", "week", "month", "quarter", "year", "step",
	"index", "idx", NULL};
	int		   *candidates = palloc((source->desc->natts + 1) * sizeof(int));
	int			n = 0;
	bool		integer;

	if (given)
		columns->ds = ecml_source_column(source, given, "ds");
	else
		columns->ds = named(source, columns, "ds");
	if (columns->ds < 0)
	{
		for (int i = 0; i < source->desc->natts; i++)
			if (!taken(columns, i) && kind_of(source, i, &integer) == ECML_TIME)
				candidates[n++] = i;
		columns->ds = only(source, candidates, n, "time", "ds");
	}
	for (int u = 0; columns->ds < 0 && usual[u]; u++)
	{
		int			column = named(source, columns, usual[u]);

		if (column >= 0 && kind_of(source, column, &integer) == ECML_NUMBER && integer)
			columns->ds = column;
	}
	if (columns->ds < 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("the source has no column that could be the time"),
				 errdetail("None is a date or a timestamp, or an integer called ds, t, time, period or the like."),
				 errhint("Name the column, as in ds => 'ordered_at'; it must be a date, a timestamp or an integer.")));
	if (kind_of(source, columns->ds, &integer) != ECML_TIME && !integer)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("column \"%s\" cannot be the time", column_name(source, columns->ds)),
				 errdetail("Its type is %s.", format_type_be(TupleDescAttr(source->desc, columns->ds)->atttypid)),
				 errhint("It must be a date, a timestamp or an integer.")));
}

static void
find_y(const EcmlSource *source, const char *given, const EcmlSeriesOptions *options, Columns *columns)
{
	int		   *candidates = palloc((source->desc->natts + 1) * sizeof(int));
	int			n = 0;
	bool		integer;

	if (given)
		columns->y = ecml_source_column(source, given, "y");
	else if (options->aggregate == ECML_SERIES_COUNT)
		return;
	else
		columns->y = named(source, columns, "y");
	if (columns->y < 0)
	{
		for (int i = 0; i < source->desc->natts; i++)
			if (!taken(columns, i) && kind_of(source, i, &integer) == ECML_NUMBER &&
				TupleDescAttr(source->desc, i)->atttypid != BOOLOID)
				candidates[n++] = i;
		columns->y = only(source, candidates, n, "value", "y");
	}
	if (columns->y < 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("the source has no column that could be the value"),
				 errdetail("None is a number, beside those that have another part to play."),
				 errhint("Name the column, as in y => 'quantity'; or count rows with the option \"aggregate\": \"count\".")));
	if (columns->y == columns->ds || kind_of(source, columns->y, &integer) != ECML_NUMBER)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("column \"%s\" cannot be the value", column_name(source, columns->y)),
				 columns->y == columns->ds ? errdetail("It is the time.") :
				 errdetail("Its type is %s.", format_type_be(TupleDescAttr(source->desc, columns->y)->atttypid)),
				 errhint("It must be a number.")));
}

/* ---- the query */

static const char *
quoted(const EcmlSource *source, int column)
{
	return psprintf("s.%s", quote_identifier(column_name(source, column)));
}

/*
 * moment (timestamp or int8), value float8, is it the second of two equal hours (when clocks are set back) boolean,
 * regressors float8 ..., series text; sorted by series, moment and the rest, unless it ends after unsorted bytes.
 */
static char *
make_query(EcmlSeriesReader *reader, const EcmlSource *source, const char *from, const Columns *columns, int *unsorted)
{
	Oid			type = TupleDescAttr(source->desc, columns->ds)->atttypid;
	const char *at = quoted(source, columns->ds);
	const char *zone = quote_literal_cstr(reader->options.time_zone ? reader->options.time_zone :
										  pg_get_timezone_name(session_timezone));
	StringInfoData query;

	initStringInfo(&query);
	appendStringInfoString(&query, "SELECT ");
	reader->clock = type == DATEOID || type == TIMESTAMPOID || type == TIMESTAMPTZOID;
	reader->folds = type == TIMESTAMPTZOID;
	if (!reader->clock)
		appendStringInfo(&query, "%s::pg_catalog.int8 AS b", at);
	else if (type == TIMESTAMPTZOID)
		appendStringInfo(&query, "pg_catalog.timezone(%s::pg_catalog.text, %s) AS b", zone, at);
	else
		appendStringInfo(&query, "%s::pg_catalog.timestamp AS b", at);
	if (columns->y >= 0)
		appendStringInfo(&query, ", %s::pg_catalog.float8 AS c", quoted(source, columns->y));
	else
		appendStringInfoString(&query, ", 1::pg_catalog.float8 AS c");
	if (reader->folds)
		appendStringInfo(&query, ", pg_catalog.timezone(%s::pg_catalog.text, pg_catalog.timezone(%s::pg_catalog.text, %s)) "
						 "OPERATOR(pg_catalog.<>) %s AS d", zone, zone, at, at);
	else
		appendStringInfoString(&query, ", false AS d");
	for (int i = 0; i < columns->nx; i++)
		appendStringInfo(&query, ", %s::%s AS x%d", quoted(source, columns->x[i]),
						 TupleDescAttr(source->desc, columns->x[i])->atttypid == BOOLOID ?
						 "pg_catalog.int4::pg_catalog.float8" : "pg_catalog.float8", i);
	if (columns->nseries == 0)
		appendStringInfoString(&query, ", NULL::pg_catalog.text AS a");
	else if (columns->nseries == 1)
		appendStringInfo(&query, ", %s::pg_catalog.text COLLATE pg_catalog.\"C\" AS a", quoted(source, columns->series[0]));
	else
	{
		appendStringInfoString(&query, ", pg_catalog.concat(");
		for (int i = 0; i < columns->nseries; i++)
			appendStringInfo(&query, "%s%s", i > 0 ? ", '/', " : "", quoted(source, columns->series[i]));
		appendStringInfoString(&query, ") COLLATE pg_catalog.\"C\" AS a");
	}
	appendStringInfo(&query, " FROM %s AS s WHERE %s IS NOT NULL", from, at);
	*unsorted = query.len;
	appendStringInfoString(&query, " ORDER BY ");
	if (columns->nseries > 0)
		appendStringInfo(&query, "%d, ", 4 + columns->nx);
	appendStringInfo(&query, "1, 2%s", reader->folds ? ", 3" : "");
	for (int i = 0; i < columns->nx; i++)
		appendStringInfo(&query, ", %d", 4 + i);
	return query.data;
}

/* ---- rows */

static void
flush(EcmlSeriesReader *reader)
{
	Datum		values[2];
	bool		nulls[2];

	if (reader->kept == 0)
		return;
	SET_VARSIZE(reader->chunk, VARHDRSZ + reader->kept * reader->stride * sizeof(double));
	values[0] = Int64GetDatum(reader->count - 1);
	nulls[0] = false;
	values[1] = PointerGetDatum(reader->chunk);
	nulls[1] = false;
	tuplestore_putvalues(reader->store, reader->desc, values, nulls);
	reader->kept = 0;
}

/* What the times of the series that ends here have shown. */
static void
end_series(EcmlSeriesReader *reader)
{
	EcmlSeriesHead *head;

	if (reader->count == 0)
		return;
	flush(reader);
	head = &reader->heads[reader->count - 1];
	head->rows = reader->times.rows;
	head->period = ecml_times_period(&reader->times, &head->regular);
	/* what a period of two moments would be is anyone's guess */
	head->regular &= reader->times.ngaps >= 3;
	if (head->regular)
		ecml_times_anchor(&reader->times, &head->period);
	head->moments = reader->times.n;
	head->first = reader->times.first;
	head->last = reader->times.last;
}

static void
begin_series(EcmlSeriesReader *reader, const char *name, int length)
{
	EcmlSeriesHead *head;

	end_series(reader);
	if (reader->count == reader->capacity)
	{
		reader->capacity = Max(1024, 2 * reader->capacity);
		if (reader->heads == NULL)
			reader->heads = MemoryContextAllocHuge(reader->context, reader->capacity * sizeof(EcmlSeriesHead));
		else
			reader->heads = repalloc_huge(reader->heads, reader->capacity * sizeof(EcmlSeriesHead));
		if (reader->capacity * sizeof(EcmlSeriesHead) > (size_t) ecml_guc_work_mem * 1024)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("there are too many series"),
					 errdetail("There are more than " INT64_FORMAT ".", reader->count),
					 errhint("Raise the setting ecml.work_mem, or give fewer series.")));
	}
	head = &reader->heads[reader->count++];
	memset(head, 0, sizeof(*head));
	if (name)
	{
		head->name = MemoryContextAlloc(reader->context, length + 1);
		memcpy(head->name, name, length);
		head->name[length] = '\0';
		head->length = length;
	}
	ecml_times_init(&reader->times, !reader->clock);
	ecml_times_restart(&reader->all);
}

static bool
same_name(const EcmlSeriesReader *reader, const char *name, int length)
{
	const EcmlSeriesHead *head;

	if (reader->count == 0)
		return false;
	head = &reader->heads[reader->count - 1];
	if (head->name == NULL || name == NULL)
		return head->name == NULL && name == NULL;
	return head->length == length && memcmp(head->name, name, length) == 0;
}

bool
ecml_series_decode(const EcmlSeriesReader *reader, TupleTableSlot *slot, double *row, const char **name, int *length)
{
	int64		at = DatumGetInt64(slot->tts_values[0]);

	*name = NULL;
	*length = 0;
	if (slot->tts_isnull[0] || (reader->clock && TIMESTAMP_NOT_FINITE(at)))
		return false;
	if (!slot->tts_isnull[3 + reader->nx])
	{
		text	   *t = DatumGetTextPP(slot->tts_values[3 + reader->nx]);

		*name = VARDATA_ANY(t);
		*length = VARSIZE_ANY_EXHDR(t);
	}
	memcpy(row, &at, sizeof(at));
	row[1] = slot->tts_isnull[1] ? NAN : DatumGetFloat8(slot->tts_values[1]);
	for (int i = 0; i < reader->nx; i++)
		row[2 + i] = slot->tts_isnull[3 + i] ? NAN : DatumGetFloat8(slot->tts_values[3 + i]);
	if (reader->folds)
		row[2 + reader->nx] = !slot->tts_isnull[2] && DatumGetBool(slot->tts_values[2]);
	return true;
}

void
ecml_series_add(EcmlSeriesReader *reader, const char *name, int length, const double *row)
{
	int64		at;
	double		y = row[1];

	memcpy(&at, row, sizeof(at));
	if (!same_name(reader, name, length))
		begin_series(reader, name, length);
	else if (reader->kept == reader->chunk_rows)
		flush(reader);
	memcpy((double *) VARDATA(reader->chunk) + (size_t) reader->kept++ * reader->stride, row, reader->stride * sizeof(double));
	reader->rows++;
	if (reader->nx > 0 && isnan(y))
		return;					/* a row of the future, which tells of regressors only */
	ecml_times_add(&reader->times, &reader->all, at);
	reader->earliest = Min(reader->earliest, at);
	reader->latest = Max(reader->latest, at);
	if (isfinite(y))
	{
		reader->least = Min(reader->least, y);
		reader->whole &= y == rint(y);
	}
}

/* A row of the sorted query. */
static void
take_row(void *arg, TupleTableSlot *slot)
{
	EcmlSeriesReader *reader = arg;
	const char *name;
	int			length;

	if (ecml_series_decode(reader, slot, reader->row, &name, &length))
		ecml_series_add(reader, name, length, reader->row);
	else
		reader->skipped++;
}

/* The frequency that most of the regular series have, by their rows; NONE when there is none. */
static EcmlPeriod
majority(const EcmlSeriesReader *reader)
{
	struct
	{
		EcmlPeriod	period;
		int64		weight;
	}			seen[32];
	int			n = 0;
	int			best = 0;
	EcmlPeriod	none = {0};

	for (int64 i = 0; i < reader->count; i++)
	{
		const EcmlSeriesHead *head = &reader->heads[i];
		int			k = 0;

		if (!head->regular)
			continue;
		while (k < n && (seen[k].period.unit != head->period.unit || seen[k].period.count != head->period.count))
			k++;
		if (k == lengthof(seen))
			continue;
		if (k == n)
		{
			seen[n].period = head->period;
			seen[n++].weight = 0;
		}
		seen[k].weight += head->moments;
		if (seen[k].weight > seen[best].weight)
			best = k;
	}
	return n > 0 ? seen[best].period : none;
}

/* The frequency of series that have none of their own. */
static void
settle_frequency(EcmlSeriesReader *reader)
{
	EcmlPeriod	period;
	bool		regular;

	if (reader->options.frequency)
	{
		if (!ecml_period_parse(reader->options.frequency, &period))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("unknown frequency \"%s\"", reader->options.frequency),
					 errdetail("It is neither a unit of time nor a number of them."),
					 errhint("It must be like hour, day, business day, week, month, quarter, year, \"15 minutes\" or \"2 weeks\"; "
							 "or a number, for whole-number periods.")));
		if ((period.unit == ECML_PERIOD_NUMBER) == reader->clock)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("frequency \"%s\" does not suit the time column", reader->options.frequency),
					 reader->clock ? errdetail("The column has dates or timestamps.") : errdetail("The column has integers."),
					 reader->clock ? errhint("Give a unit of time, such as day.") : errhint("Give a number, such as 1.")));
		reader->frequency_given = true;
	}
	else
	{
		period = majority(reader);
		if (period.unit == ECML_PERIOD_NONE)
			period = ecml_times_period(&reader->all, &regular);
		if (period.unit == ECML_PERIOD_NONE)
		{
			/* no series has two moments: nothing can be forecast, but something must be said */
			period.unit = reader->clock ? ECML_PERIOD_DAY : ECML_PERIOD_NUMBER;
			period.count = 1;
		}
	}
	ecml_times_anchor(&reader->all, &period);
	reader->period = period;
}

EcmlSeriesReader *
ecml_series_open(const char *source_text, const char *ds, const char *y, const char *series,
				 const EcmlSeriesOptions *options, int horizon)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "ecml series", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	EcmlSeriesReader *reader = palloc0(sizeof(EcmlSeriesReader));
	Columns		columns = {.ds = -1,.y = -1};
	EcmlSource	source;
	EcmlSource	query;
	int			nest = NewGUCNestLevel();
	char		memory[32];
	char	   *text;
	int			unsorted;
	MemoryContext spi;

	reader->context = context;
	reader->options = *options;
	reader->horizon = horizon;
	reader->earliest = PG_INT64_MAX;
	reader->latest = PG_INT64_MIN;
	reader->least = INFINITY;
	reader->whole = true;
	if (options->time_zone && pg_tzset(options->time_zone) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("time zone \"%s\" not recognized", options->time_zone),
				 errdetail("It is the value of option \"time_zone\"."),
				 errhint("Give a name of pg_timezone_names, such as Europe/Berlin.")));
	reader->desc = CreateTemplateTupleDesc(2);
	TupleDescInitEntry(reader->desc, 1, "series", INT8OID, -1, 0);
	TupleDescInitEntry(reader->desc, 2, "rows", BYTEAOID, -1, 0);
	reader->store = tuplestore_begin_heap(false, false, Max(work_mem, ecml_guc_work_mem / 4));
	SPI_connect();
	ecml_source_open(&source, source_text);
	find_series(&source, series ? series : options->series, &columns);
	find_regressors(&source, options->regressors, &columns);
	find_ds(&source, ds ? ds : options->ds, &columns);
	find_y(&source, y ? y : options->y, options, &columns);
	reader->nx = columns.nx;
	reader->path_columns = columns.nseries;
	reader->ds_name = MemoryContextStrdup(context, column_name(&source, columns.ds));
	reader->y_name = columns.y >= 0 ? MemoryContextStrdup(context, column_name(&source, columns.y)) : "count";
	/* the sort may use what ecml may use */
	snprintf(memory, sizeof(memory), "%d", Max(work_mem, Min(ecml_guc_work_mem / 4, 1024 * 1024)));
	(void) set_config_option("work_mem", memory, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	text = make_query(reader, &source, ecml_source_from(source_text), &columns, &unsorted);
	reader->stride = 2 + reader->nx + reader->folds;
	reader->chunk_rows = Max(64, 8192 / reader->stride);
	reader->chunk = MemoryContextAlloc(context, VARHDRSZ + reader->chunk_rows * reader->stride * sizeof(double));
	reader->row = MemoryContextAlloc(context, reader->stride * sizeof(double));
	ecml_times_init(&reader->all, !reader->clock);
	ecml_source_open_parallel(&query, pnstrdup(text, unsorted));
	spi = MemoryContextSwitchTo(context);
	if (!ecml_series_sort(reader, &query))
	{
		MemoryContextSwitchTo(spi);
		ecml_source_open_parallel(&query, text);
		MemoryContextSwitchTo(context);
		ecml_source_run(&query, take_row, reader);
	}
	MemoryContextSwitchTo(spi);
	end_series(reader);
	SPI_finish();
	AtEOXact_GUC(true, nest);
	settle_frequency(reader);
	ecml_series_settle(reader);
	reader->slot = MakeSingleTupleTableSlot(reader->desc, &TTSOpsMinimalTuple);
	ecml_series_rewind(reader);
	MemoryContextSwitchTo(old);
	return reader;
}

void
ecml_series_rewind(EcmlSeriesReader *reader)
{
	tuplestore_rescan(reader->store);
	reader->next = 0;
	reader->have = tuplestore_gettupleslot(reader->store, true, false, reader->slot);
}

void
ecml_series_close(EcmlSeriesReader *reader)
{
	ExecDropSingleTupleTableSlot(reader->slot);
	tuplestore_end(reader->store);
	MemoryContextDelete(reader->context);
}

int64
ecml_series_count(const EcmlSeriesReader *reader)
{
	return reader->count;
}

int64
ecml_series_rows(const EcmlSeriesReader *reader)
{
	return reader->rows;
}

int64
ecml_series_skipped(const EcmlSeriesReader *reader)
{
	return reader->skipped;
}

bool
ecml_series_has_clock(const EcmlSeriesReader *reader)
{
	return reader->clock;
}

int
ecml_series_regressors(const EcmlSeriesReader *reader)
{
	return reader->nx;
}

int
ecml_series_path_columns(const EcmlSeriesReader *reader)
{
	return reader->path_columns;
}

const char *
ecml_series_column_name(const EcmlSeriesReader *reader, char which)
{
	return which == 'd' ? reader->ds_name : reader->y_name;
}

int64
ecml_series_at(const EcmlSeries *series, int64 i)
{
	return ecml_period_time(&series->period, series->first + i);
}

void
ecml_series_set_at(const EcmlSeriesReader *reader, Datum *values, bool *nulls, int column, int64 at)
{
	nulls[column] = !reader->clock || !IS_VALID_TIMESTAMP(at);
	values[column] = TimestampGetDatum(at);
}
