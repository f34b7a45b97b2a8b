/*
 * columns_sql.c - the columns of a source by the part they play
 *
 * A column is the one that an option names, else the first of the usual names that the source has, else, where the part allows it, the
 * first column that is left and fit.  Rows of a table whose columns stand at known places are read from their tuples without taking
 * them apart: a matrix of a million costs is read so.
 */
#include "core/compat.h"

#include <limits.h>
#include <math.h>

#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/pg_am.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "storage/bufmgr.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "core/error.h"
#include "core/pages.h"
#include "core/roles.h"
#include "core/source.h"
#include "route/columns_sql.h"

#define TASK_ROWS 8192			/* of a table, that a thread reads at once */
#define AHEAD 16				/* rows that are fetched beforehand */

typedef struct Reading
{
	EcmlCtx    *ctx;
	const char *argument;
	RouteColumn *columns;
	int			ncolumns;
	int			last;			/* number of the last column that is used, and 1 */
	TupleDesc	placed_for;
	bool		placed;
	int			n;
	int			room;
} Reading;

char *
route_argument(FunctionCallInfo fcinfo, int number, const char *what)
{
	if (PG_ARGISNULL(number))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the argument \"%s\" must not be NULL", what),
				 errdetail("It is NULL."),
				 errhint("Give the name of a table or view, or a query.")));
	return text_to_cstring(PG_GETARG_TEXT_PP(number));
}

/* ---- which columns */

static bool
is_fit(const EcmlSource *source, int number, RouteKind kind)
{
	EcmlConvert convert;
	EcmlConvert element_convert;
	EcmlKind	found;
	Oid			element;

	if (kind != ROUTE_NUMBER)
		return true;
	return ecml_bind_plan(TupleDescAttr(source->desc, number)->atttypid, &convert, &found, &element, &element_convert) &&
		convert != ECML_FROM_ARRAY && found == ECML_NUMBER;
}

static int
find_placed(const EcmlSource *source, const RouteColumn *columns, int ncolumns, const RouteColumn *column)
{
	for (int i = 0; i < source->desc->natts; i++)
	{
		bool		taken = false;

		for (int c = 0; c < ncolumns; c++)
			taken |= columns[c].number == i;
		if (!taken && is_fit(source, i, column->kind))
			return i;
	}
	return -1;
}

static void
missing_column(const EcmlSource *source, const char *argument, const RouteColumn *column)
{
	const char **names = palloc((source->desc->natts + 1) * sizeof(char *));

	for (int i = 0; i < source->desc->natts; i++)
		names[i] = NameStr(TupleDescAttr(source->desc, i)->attname);
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("the %s source has no column that is known as the %s", argument, column->what),
			 errdetail("Its columns are: %s.", ecml_error_list(names, source->desc->natts)),
			 errhint("Call the column \"%s\", or name it with the option \"%s\".", column->usual[0], column->what)));
}

static void
find_columns(Reading *reading, const EcmlSource *source)
{
	for (int c = 0; c < reading->ncolumns; c++)
		reading->columns[c].number = -1;
	for (int c = 0; c < reading->ncolumns; c++)
	{
		RouteColumn *column = &reading->columns[c];
		bool		taken = false;

		column->number = ecml_role_find(source, column->given, column->what, column->usual);
		/* one column plays one part, unless options say so */
		for (int d = 0; d < c && column->given == NULL; d++)
			taken |= reading->columns[d].number == column->number;
		if (taken)
			column->number = -1;
	}
	for (int c = 0; c < reading->ncolumns; c++)
	{
		RouteColumn *column = &reading->columns[c];

		if (column->number < 0 && column->placed)
			column->number = find_placed(source, reading->columns, reading->ncolumns, column);
		if (column->number < 0 && column->needed)
			missing_column(source, reading->argument, column);
		if (column->number < 0)
			continue;
		reading->last = Max(reading->last, column->number + 1);
		column->input.number = column->number;
		column->input.name = pstrdup(NameStr(TupleDescAttr(source->desc, column->number)->attname));
		column->input.type = TupleDescAttr(source->desc, column->number)->atttypid;
		if (column->kind != ROUTE_NUMBER)
		{
			ecml_key_column(&column->key, column->input.type, CurrentMemoryContext);
			continue;
		}
		if (!ecml_bind_plan(column->input.type, &column->input.convert, &column->input.kind, &column->input.element_type,
							&column->input.element_convert) || column->input.convert == ECML_FROM_ARRAY ||
			(column->input.kind != ECML_NUMBER && column->input.kind != ECML_BOOLEAN))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("column \"%s\" of the %s source must be a number", column->input.name, reading->argument),
					 errdetail("Its type is %s.", format_type_be(column->input.type)),
					 errhint("Cast it to a number in the source, or name another column with the option \"%s\".", column->what)));
	}
}

/* ---- rows */

static bool
is_fixed_key(const RouteColumn *column)
{
	return column->key.type == INT4OID || column->key.type == INT8OID || column->key.type == INT2OID;
}

/* Do all columns stand at known places of such tuples? */
static void
place_columns(Reading *reading, TupleDesc desc)
{
	int		   *offsets = ecml_bind_offsets(desc);

	reading->placed_for = desc;
	reading->placed = desc->natts >= reading->last;
	for (int c = 0; c < reading->ncolumns && reading->placed; c++)
	{
		RouteColumn *column = &reading->columns[c];

		if (column->number < 0)
			continue;
		column->offset = offsets[column->number];
		reading->placed &= column->offset >= 0 &&
			(column->kind == ROUTE_NUMBER ? ecml_bind_is_fixed(column->input.convert) : is_fixed_key(column));
	}
	pfree(offsets);
}

/* Room for so many rows. */
static void
make_room(Reading *reading, double rows)
{
	if (rows <= reading->room)
		return;
	if (rows > INT_MAX / 4)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the %s source has too many rows", reading->argument),
				 errdetail("There are more than %d.", reading->n),
				 errhint("Leave out pairs that will not be used.")));
	reading->room = (int) rows;
	for (int c = 0; c < reading->ncolumns; c++)
	{
		RouteColumn *column = &reading->columns[c];

		if (column->number < 0)
			continue;
		if (column->kind == ROUTE_NUMBER)
			column->numbers = ecml_resize_array(reading->ctx, column->numbers, reading->room, sizeof(double));
		else
			column->codes = ecml_resize_array(reading->ctx, column->codes, reading->room, sizeof(int));
	}
}

static void
null_key(const Reading *reading, const RouteColumn *column)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_EXCEPTION),
			 errmsg("column \"%s\" of the %s source is NULL", column->input.name, reading->argument),
			 errdetail("It is so in row %d.", reading->n + 1),
			 errhint("Each row must tell its %s; leave out other rows.", column->what)));
}

static void
not_a_number(const Reading *reading, const RouteColumn *column)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_EXCEPTION),
			 errmsg("column \"%s\" of the %s source is NaN", column->input.name, reading->argument),
			 errdetail("It is so in row %d.", reading->n + 1),
			 errhint("Give a number, or NULL where none is known.")));
}

static void
read_placed(Reading *reading, const char *data)
{
	int			row = reading->n;

	for (int c = 0; c < reading->ncolumns; c++)
	{
		RouteColumn *column = &reading->columns[c];
		const char *at = data + column->offset;

		if (column->number < 0)
			continue;
		if (column->kind == ROUTE_NUMBER)
		{
			double		value = column->input.convert == ECML_FROM_FLOAT8 ? *(const double *) at :
				ecml_bind_fixed(column->input.convert, at);

			if (isnan(value))
				not_a_number(reading, column);
			column->numbers[row] = value;
		}
		else if (column->key.type == INT4OID)
			column->codes[row] = ecml_keys_integer(column->keys, *(const int32 *) at, !column->known);
		else
			column->codes[row] = ecml_keys_number(column->keys, &column->key, column->key.type == INT2OID ?
												  Int16GetDatum(*(const int16 *) at) : Int64GetDatum(*(const int64 *) at),
												  !column->known);
	}
}

static void
read_slot(Reading *reading, TupleTableSlot *slot)
{
	int			row = reading->n;

	slot_getsomeattrs(slot, reading->last);
	for (int c = 0; c < reading->ncolumns; c++)
	{
		RouteColumn *column = &reading->columns[c];
		bool		isnull = column->number >= 0 && slot->tts_isnull[column->number];
		Datum		value = column->number >= 0 ? slot->tts_values[column->number] : (Datum) 0;

		if (column->number < 0)
			continue;
		if (column->kind == ROUTE_NUMBER)
		{
			column->numbers[row] = isnull ? NAN : ecml_bind_number(&column->input, value);
			if (!isnull && isnan(column->numbers[row]))
				not_a_number(reading, column);
		}
		else if (!isnull)
			column->codes[row] = ecml_keys_number(column->keys, &column->key, value, !column->known);
		else if (column->kind == ROUTE_KEY)
			null_key(reading, column);
		else
			column->codes[row] = -1;
	}
}

static void
read_row(void *arg, TupleTableSlot *slot)
{
	Reading    *reading = arg;
	const char *data;

	if (reading->n == reading->room)
		make_room(reading, 2.0 * reading->room);
	if (reading->placed_for != slot->tts_tupleDescriptor)
		place_columns(reading, slot->tts_tupleDescriptor);
	data = reading->placed ? ecml_bind_tuple(slot, reading->last) : NULL;
	if (data)
		read_placed(reading, data);
	else
		read_slot(reading, slot);
	reading->n++;
	if (reading->n % 16384 == 0)
		ecml_poll(reading->ctx, 0, 0);
}

/* ---- a plain table, page by page */

/* What the tasks of a batch read. */
typedef struct Batch
{
	Reading    *reading;
	const EcmlPages *pages;
	int64	  **raw;			/* [ncolumns] keys of the batch's rows */
	bool		odd;			/* some row has a NULL or a NaN; only becomes true */
} Batch;

static inline int64
raw_key(Oid type, const char *at)
{
	return type == INT4OID ? *(const int32 *) at : type == INT8OID ? *(const int64 *) at : *(const int16 *) at;
}

static void
read_task(void *arg, size_t number, int worker)
{
	Batch	   *batch = arg;
	const Reading *reading = batch->reading;
	size_t		end = Min((number + 1) * TASK_ROWS, batch->pages->nrows);

	for (size_t row = number * TASK_ROWS; row < end; row++)
	{
		HeapTupleHeader tuple = batch->pages->tuples[row];
		const char *data = (const char *) tuple + tuple->t_hoff;

		/* rows lie backwards in a page */
		if (row + AHEAD < end)
			__builtin_prefetch(batch->pages->tuples[row + AHEAD]);
		if ((tuple->t_infomask & HEAP_HASNULL) || HeapTupleHeaderGetNatts(tuple) < reading->last)
		{
			batch->odd = true;
			return;
		}
		for (int c = 0; c < reading->ncolumns; c++)
		{
			const RouteColumn *column = &reading->columns[c];
			const char *at = data + column->offset;

			if (column->number < 0)
				continue;
			if (column->kind == ROUTE_NUMBER)
			{
				double		value = column->input.convert == ECML_FROM_FLOAT8 ? *(const double *) at :
					ecml_bind_fixed(column->input.convert, at);

				if (isnan(value))
					batch->odd = true;
				column->numbers[reading->n + row] = value;
			}
			else
				batch->raw[c][row] = raw_key(column->key.type, at);
		}
	}
}

/* The batch's rows by the leader, who finds what is wrong with them. */
static void
read_odd(Reading *reading, EcmlPages *pages, TupleTableSlot *slot)
{
	size_t		row = 0;

	for (int i = 0; i < pages->npages; i++)
		for (int k = 0; k < pages->pages[i].rows; k++, row++)
		{
			HeapTupleData tuple = {.t_tableOid = RelationGetRelid(pages->relation),.t_data = pages->tuples[row]};

			tuple.t_len = ItemIdGetLength(PageGetItemId(BufferGetPage(pages->pages[i].buffer), pages->items[row]));
			ItemPointerSet(&tuple.t_self, BufferGetBlockNumber(pages->pages[i].buffer), pages->items[row]);
			ExecStoreBufferHeapTuple(&tuple, slot, pages->pages[i].buffer);
			read_slot(reading, slot);
			reading->n++;
			ExecClearTuple(slot);
		}
}

static void
number_keys(Reading *reading, const Batch *batch)
{
	size_t		nrows = batch->pages->nrows;

	for (int c = 0; c < reading->ncolumns; c++)
	{
		RouteColumn *column = &reading->columns[c];
		const int64 *raw = batch->raw[c];
		int		   *codes = column->codes + reading->n;

		if (column->number < 0 || column->kind == ROUTE_NUMBER)
			continue;
		if (column->key.type == INT8OID)
			for (size_t row = 0; row < nrows; row++)
				codes[row] = ecml_keys_number(column->keys, &column->key, Int64GetDatum(raw[row]), !column->known);
		else
			ecml_keys_integers(column->keys, raw, nrows, !column->known, codes);
	}
	reading->n += nrows;
}

static void
read_relation(Reading *reading, Relation relation, double expected)
{
	BlockNumber blocks = RelationGetNumberOfBlocks(relation);
	TupleTableSlot *slot = table_slot_create(relation, NULL);
	EcmlPages	pages;
	Batch		batch = {.reading = reading,.pages = &pages,.raw = palloc0(reading->ncolumns * sizeof(int64 *))};

	ecml_pages_begin(&pages, relation);
	for (int c = 0; c < reading->ncolumns; c++)
		if (reading->columns[c].number >= 0 && reading->columns[c].kind != ROUTE_NUMBER)
			batch.raw[c] = palloc(pages.most * MaxHeapTuplesPerPage * sizeof(int64));
	/* what the planner expects, and a little more, saves copying */
	make_room(reading, expected * 1.02 + 1024);
	for (BlockNumber next = 0; next < blocks;)
	{
		while (next < blocks && pages.npages < pages.most)
			ecml_pages_read(&pages, next++);
		if (reading->n + pages.nrows > (size_t) reading->room)
			make_room(reading, Max((double) reading->n + pages.nrows, 1.5 * reading->room));
		batch.odd = false;
		if (pages.nrows > 2 * TASK_ROWS)
			ecml_parallel_for(reading->ctx, (pages.nrows + TASK_ROWS - 1) / TASK_ROWS, read_task, &batch);
		else
			for (size_t task = 0; task * TASK_ROWS < pages.nrows; task++)
				read_task(&batch, task, 0);
		if (batch.odd)
			read_odd(reading, &pages, slot);
		else
			number_keys(reading, &batch);
		ecml_pages_release(&pages);
		ecml_poll(reading->ctx, 0, 0);
	}
	ecml_pages_end(&pages);
	ExecDropSingleTupleTableSlot(slot);
}

/* A whole plain table whose columns stand at known places?  Then it has been read. */
static bool
read_plain_table(Reading *reading, EcmlSource *source)
{
	Relation	relation;
	double		expected;
	Oid			oid;
	bool		suits;

	if (!ecml_source_is_table(source, &oid, &expected))
		return false;
	relation = table_open(oid, AccessShareLock);
	suits = RelationGetNumberOfAttributes(relation) == source->desc->natts && relation->rd_rel->relam == HEAP_TABLE_AM_OID &&
		ecml_pages_suit(relation, RelationGetNumberOfBlocks(relation));
	if (suits)
		place_columns(reading, RelationGetDescr(relation));
	suits = suits && reading->placed;
	if (suits)
		read_relation(reading, relation, Min(expected, 1e8));
	table_close(relation, AccessShareLock);
	return suits;
}

int
route_read(EcmlCtx *ctx, const char *text, const char *argument, RouteColumn *columns, int ncolumns)
{
	Reading		reading = {.ctx = ctx,.argument = argument,.columns = columns,.ncolumns = ncolumns};
	EcmlSource	source;

	ecml_source_open(&source, text);
	source.lazy = true;
	find_columns(&reading, &source);
	make_room(&reading, 1024);
	if (!read_plain_table(&reading, &source))
		ecml_source_run(&source, read_row, &reading);
	return reading.n;
}

/* ---- checks */

void
route_bad_number(const char *argument, const char *what, const char *key, double value, const char *wanted)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_EXCEPTION),
			 errmsg("%s of \"%s\" in the %s source cannot be used", what, key, argument),
			 isnan(value) ? errdetail("It is NULL.") : errdetail("It is %g.", value),
			 errhint("It must be %s.", wanted)));
	pg_unreachable();
}

void
route_check_numbers(const char *argument, RouteColumn *column, int n, double low, bool finite, double usual,
					const RouteColumn *key)
{
	if (column->numbers == NULL)
		return;
	for (int i = 0; i < n; i++)
	{
		double		value = column->numbers[i];

		if (isnan(value) && !isnan(usual))
			column->numbers[i] = usual;
		else if (!(value >= low) || (finite && isinf(value)))
			route_bad_number(argument, column->what, ecml_keys_name(key->keys, key->codes[i]), value,
							 low == -INFINITY ? (finite ? "finite" : "a number") :
							 psprintf(finite ? "at least %g and finite" : "at least %g", low));
	}
}

void
route_check_unique(EcmlCtx *ctx, const char *argument, const RouteColumn *key, int n)
{
	int		   *row_of = ECML_NEW0(ctx, int, key->keys->n + 1);

	for (int i = 0; i < n; i++)
	{
		int			code = key->codes[i];

		if (code < 0)
			continue;
		if (row_of[code])
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("%s \"%s\" stands twice in the %s source", key->what, ecml_keys_name(key->keys, code), argument),
					 errdetail("It does so in rows %d and %d.", row_of[code], i + 1),
					 errhint("Give each %s one row.", key->what)));
		row_of[code] = i + 1;
	}
	ecml_free(ctx, row_of);
}
