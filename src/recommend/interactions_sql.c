/*
 * interactions_sql.c - a source of interactions, and an item table, as numbers for the kernels
 *
 * Columns are found by option, else by their usual names, else by position (user, item, value, time).  Users and items get
 * numbers in the order in which they come (core/keys.h).
 *
 * Where the source is nothing but columns of a whole plain table, that stand at known places of its tuples, and users and items are
 * integers, threads take them from the pages; all other sources are run.
 */
#include "core/compat.h"

#include <float.h>
#include <math.h>

#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/pg_am.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "storage/bufmgr.h"
#include "utils/memutils.h"

#include "core/bind.h"
#include "core/error.h"
#include "core/guc.h"
#include "core/pages.h"
#include "core/roles.h"
#include "recommend/recommend_sql.h"

static const char *const usual_users[] = {"user_id", "customer_id", "user", "customer", "household_id", "visitor_id", "client_id",
"session_id", NULL};
static const char *const usual_baskets[] = {"basket_id", "order_id", "transaction_id", "invoice_no", "basket", "invoice", NULL};
static const char *const usual_items[] = {"item_id", "product_id", "item", "product", "article_id", "stock_code", "sku", NULL};
static const char *const usual_values[] = {"value", "quantity", "rating", "weight", "count", "units", "score", NULL};
static const char *const usual_times[] = {"time", "at", "ordered_at", "created_at", "timestamp", "invoice_date",
"transaction_timestamp", "date", NULL};

/* ---- the source */

static const char *
column_name(const EcmlSource *source, int column)
{
	return NameStr(TupleDescAttr(source->desc, column)->attname);
}

static EcmlKind
kind_of(const EcmlSource *source, int column)
{
	EcmlConvert convert;
	EcmlConvert element_convert;
	EcmlKind	kind;
	Oid			element;

	if (!ecml_bind_plan(TupleDescAttr(source->desc, column)->atttypid, &convert, &kind, &element, &element_convert) ||
		convert == ECML_FROM_ARRAY)
		return ECML_CATEGORY;
	return kind;
}

static bool
is_taken(int column, const int *taken, int ntaken)
{
	for (int i = 0; i < ntaken; i++)
		if (taken[i] == column)
			return true;
	return false;
}

/* By option or usual name; -1: none, or it plays another part already. */
static int
find_named(const EcmlSource *source, const char *given, const char *what, const char *const *usual, const int *taken, int ntaken)
{
	int			column = ecml_role_find(source, given, what, usual);

	return given == NULL && is_taken(column, taken, ntaken) ? -1 : column;
}

/* The same, or by position: a column that is free and of the kind. */
static int
find_column(const EcmlSource *source, const char *given, const char *what, const char *const *usual, int position,
			EcmlKind kind, const int *taken, int ntaken)
{
	int			column = find_named(source, given, what, usual, taken, ntaken);

	if (column >= 0)
		return column;
	return position < source->desc->natts && !is_taken(position, taken, ntaken) && kind_of(source, position) == kind ?
		position : -1;
}

/* The first column that plays no part; -1: none. */
static int
find_free(const EcmlSource *source, const int *taken, int ntaken)
{
	for (int i = 0; i < source->desc->natts; i++)
		if (!is_taken(i, taken, ntaken))
			return i;
	return -1;
}

static EcmlInput *
make_input(MemoryContext context, const EcmlSource *source, int column, const char *what, EcmlKind kind)
{
	EcmlInput  *input = MemoryContextAllocZero(context, sizeof(EcmlInput));

	ecml_role_check(source, column, what, kind);
	input->name = MemoryContextStrdup(context, column_name(source, column));
	input->number = column;
	input->type = TupleDescAttr(source->desc, column)->atttypid;
	(void) ecml_bind_plan(input->type, &input->convert, &input->kind, &input->element_type, &input->element_convert);
	return input;
}

/* Columns that give keys. */
enum
{
	USER,
	ITEM,
	GROUP,
	KEYS
};

typedef struct Reading
{
	EcmlCtx    *ctx;
	RecInput   *input;
	int			key[KEYS];		/* -1: none */
	EcmlKeyColumn column[KEYS];
	EcmlKeys   *keys[KEYS];
	EcmlInput  *value;			/* NULL: 1 */
	EcmlInput  *time;

	/* of a plain table */
	Oid			relation;
	int		   *numbers;		/* [columns] which of the table's they are */
	int			key_offset[KEYS];
	int			value_offset;
	int			time_offset;
	int			last;			/* number of the last of its columns that is used, and 1 */
} Reading;

#define MAX_VALUE 1e30			/* of which sums of many stay in single precision */

static void
read_row(void *arg, TupleTableSlot *slot)
{
	Reading    *reading = arg;
	RecInput   *input = reading->input;
	const Datum *values = slot->tts_values;
	const bool *nulls = slot->tts_isnull;
	int			number[KEYS] = {0};
	double		value = 1;
	double		time = 0;

	if (nulls[reading->key[USER]] || nulls[reading->key[ITEM]] || (reading->value && nulls[reading->value->number]) ||
		(reading->time && nulls[reading->time->number]))
	{
		input->skipped++;
		return;
	}
	if (reading->value)
		value = ecml_bind_number(reading->value, values[reading->value->number]);
	if (reading->time)
		time = ecml_bind_number(reading->time, values[reading->time->number]);
	if (!(fabs(value) <= MAX_VALUE))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("column \"%s\" holds a value that cannot be used", reading->value->name),
				 errdetail("It is %g.", value),
				 errhint("Filter such rows out of the source.")));
	if (!isfinite(time))
	{
		input->skipped++;
		return;
	}
	for (int k = 0; k < KEYS; k++)
		if (reading->key[k] >= 0)
			number[k] = nulls[reading->key[k]] ? -1 :
				ecml_keys_number(reading->keys[k], &reading->column[k], values[reading->key[k]], true);
	rec_rows_add(reading->ctx, &input->rows, number[USER], number[ITEM], value, time, number[GROUP]);
	if (input->rows.n % 65536 == 0)
		ecml_poll(reading->ctx, input->rows.n, 0);
}

/* ---- a plain table, page by page: threads take values from tuples, and the numbers of keys that are known */

#define TASK_ROWS 4096
#define TILE_ROWS 128			/* that are read column by column */

typedef struct Batch
{
	Reading    *reading;
	const EcmlPages *pages;
	int64	   *raw[KEYS];		/* [rows of the batch] keys */
	bool		odd;			/* some row is for the leader to judge; only becomes true */
	bool		news;			/* some key has no number yet; only becomes true */
} Batch;

static bool
is_integer(Oid type)
{
	return type == INT2OID || type == INT4OID || type == INT8OID;
}

/* The keys of n tuples. */
static void
raw_keys(Oid type, const char *const *data, int offset, int n, int64 *raw)
{
	if (type == INT4OID)
		for (int i = 0; i < n; i++)
			raw[i] = *(const int32 *) (data[i] + offset);
	else if (type == INT8OID)
		for (int i = 0; i < n; i++)
			raw[i] = *(const int64 *) (data[i] + offset);
	else
		for (int i = 0; i < n; i++)
			raw[i] = *(const int16 *) (data[i] + offset);
}

/* Their values; false: one cannot be used. */
static bool
fixed_values(EcmlConvert convert, const char *const *data, int offset, int n, double *values, double most)
{
	bool		good = true;

	if (convert == ECML_FROM_INT4)
		for (int i = 0; i < n; i++)
			values[i] = *(const int32 *) (data[i] + offset);
	else
		for (int i = 0; i < n; i++)
			values[i] = ecml_bind_fixed(convert, data[i] + offset);
	for (int i = 0; i < n; i++)
		good &= fabs(values[i]) <= most;
	return good;
}

static inline int32_t *
numbers_of(RecRows *rows, int k)
{
	return k == USER ? rows->user : k == ITEM ? rows->item : rows->group;
}

/* Some rows of the batch, at most TILE_ROWS; false: one is for the leader. */
static bool
read_tile(Batch *batch, size_t first, int n)
{
	const Reading *reading = batch->reading;
	RecRows    *rows = &reading->input->rows;
	const char *data[TILE_ROWS];
	double		values[TILE_ROWS];

	for (int i = 0; i < n; i++)
	{
		HeapTupleHeader tuple = batch->pages->tuples[first + i];

		if ((tuple->t_infomask & HEAP_HASNULL) || HeapTupleHeaderGetNatts(tuple) < reading->last)
			return false;
		data[i] = (const char *) tuple + tuple->t_hoff;
	}
	for (int k = 0; k < KEYS; k++)
		if (reading->key[k] >= 0)
			raw_keys(reading->column[k].type, data, reading->key_offset[k], n, batch->raw[k] + first);
	if (reading->value && !fixed_values(reading->value->convert, data, reading->value_offset, n, values, MAX_VALUE))
		return false;
	for (int i = 0; i < n; i++)
		rows->value[rows->n + first + i] = reading->value ? (float) values[i] : 1;
	return reading->time == NULL ||
		fixed_values(reading->time->convert, data, reading->time_offset, n, rows->time + rows->n + first, DBL_MAX);
}

static void
read_task(void *arg, size_t task, int worker)
{
	Batch	   *batch = arg;
	const Reading *reading = batch->reading;
	RecRows    *rows = &reading->input->rows;
	size_t		first = task * TASK_ROWS;
	size_t		end = Min(first + TASK_ROWS, batch->pages->nrows);

	for (size_t row = first; row < end; row += TILE_ROWS)
		if (!read_tile(batch, row, (int) Min(TILE_ROWS, end - row)))
		{
			batch->odd = true;
			return;
		}
	for (int k = 0; k < KEYS; k++)
		if (reading->key[k] >= 0 &&
			!ecml_keys_find_all(reading->keys[k], batch->raw[k] + first, end - first, numbers_of(rows, k) + rows->n + first))
			batch->news = true;
}

/* The rows of the batch by the leader, one by one. */
static void
read_odd(Reading *reading, EcmlPages *pages, TupleTableSlot *slot, TupleTableSlot *projected)
{
	size_t		row = 0;

	for (int i = 0; i < pages->npages; i++)
		for (int k = 0; k < pages->pages[i].rows; k++, row++)
		{
			HeapTupleData tuple = {.t_tableOid = RelationGetRelid(pages->relation),.t_data = pages->tuples[row]};

			tuple.t_len = ItemIdGetLength(PageGetItemId(BufferGetPage(pages->pages[i].buffer), pages->items[row]));
			ItemPointerSet(&tuple.t_self, BufferGetBlockNumber(pages->pages[i].buffer), pages->items[row]);
			ExecStoreBufferHeapTuple(&tuple, slot, pages->pages[i].buffer);
			slot_getsomeattrs(slot, reading->last);
			for (int c = 0; c < projected->tts_tupleDescriptor->natts; c++)
				if (reading->numbers[c] < reading->last)
				{
					projected->tts_values[c] = slot->tts_values[reading->numbers[c]];
					projected->tts_isnull[c] = slot->tts_isnull[reading->numbers[c]];
				}
			read_row(reading, projected);
			ExecClearTuple(slot);
		}
}

/* Keys that are met for the first time get their numbers in the order of the rows. */
static void
number_new(Batch *batch)
{
	Reading    *reading = batch->reading;
	RecRows    *rows = &reading->input->rows;

	for (int k = 0; k < KEYS && batch->news; k++)
		if (reading->key[k] >= 0)
			for (size_t row = 0; row < batch->pages->nrows; row++)
				if (numbers_of(rows, k)[rows->n + row] < 0)
					numbers_of(rows, k)[rows->n + row] =
						ecml_keys_number(reading->keys[k], &reading->column[k], Int64GetDatum(batch->raw[k][row]), true);
	rows->n += batch->pages->nrows;
}

static void
read_relation(Reading *reading, Relation relation, TupleDesc desc, double expected)
{
	RecRows    *rows = &reading->input->rows;
	BlockNumber blocks = RelationGetNumberOfBlocks(relation);
	TupleTableSlot *slot = table_slot_create(relation, NULL);
	TupleTableSlot *projected = MakeSingleTupleTableSlot(desc, &TTSOpsVirtual);
	EcmlPages	pages;
	Batch		batch = {.reading = reading,.pages = &pages};

	ecml_pages_begin(&pages, relation);
	for (int k = 0; k < KEYS; k++)
		if (reading->key[k] >= 0)
			batch.raw[k] = palloc(pages.most * MaxHeapTuplesPerPage * sizeof(int64));
	/* what the planner expects, and a little more, saves copying */
	rec_rows_room(reading->ctx, rows, (size_t) (Min(expected, 1e8) * 1.02) + 1024);
	for (BlockNumber next = 0; next < blocks;)
	{
		while (next < blocks && pages.npages < pages.most)
			ecml_pages_read(&pages, next++);
		rec_rows_room(reading->ctx, rows, pages.nrows);
		batch.odd = false;
		batch.news = false;
		ecml_parallel_for(reading->ctx, (pages.nrows + TASK_ROWS - 1) / TASK_ROWS, read_task, &batch);
		if (batch.odd)
			read_odd(reading, &pages, slot, projected);
		else
			number_new(&batch);
		ecml_pages_release(&pages);
		ecml_poll(reading->ctx, rows->n, 0);
	}
	ecml_pages_end(&pages);
	ExecDropSingleTupleTableSlot(projected);
	ExecDropSingleTupleTableSlot(slot);
}

/* Do all columns that count stand at known places of the table's tuples? */
static bool
place_columns(Reading *reading, TupleDesc desc)
{
	int		   *offsets = ecml_bind_offsets(desc);
	const EcmlInput *inputs[] = {reading->value, reading->time};
	int		   *places[] = {&reading->value_offset, &reading->time_offset};
	bool		placed = true;

	reading->last = 0;
	for (int k = 0; k < KEYS; k++)
		if (reading->key[k] >= 0)
		{
			int			number = reading->numbers[reading->key[k]];

			reading->key_offset[k] = offsets[number];
			reading->last = Max(reading->last, number + 1);
			placed &= offsets[number] >= 0 && is_integer(reading->column[k].type);
		}
	for (int i = 0; i < 2; i++)
		if (inputs[i])
		{
			int			number = reading->numbers[inputs[i]->number];

			*places[i] = offsets[number];
			reading->last = Max(reading->last, number + 1);
			placed &= offsets[number] >= 0 && ecml_bind_is_fixed(inputs[i]->convert);
		}
	pfree(offsets);
	return placed;
}

/* Columns of a whole plain table, at known places?  Then it has been read. */
static bool
read_plain_table(Reading *reading, EcmlSource *source)
{
	Relation	relation;
	double		expected;
	bool		suits;

	reading->numbers = palloc((source->desc->natts + 1) * sizeof(int));
	if (!ecml_source_is_scan(source, &reading->relation, &expected, reading->numbers))
		return false;
	relation = table_open(reading->relation, AccessShareLock);
	suits = relation->rd_rel->relam == HEAP_TABLE_AM_OID && ecml_pages_suit(relation, RelationGetNumberOfBlocks(relation)) &&
		place_columns(reading, RelationGetDescr(relation));
	if (suits)
		read_relation(reading, relation, source->desc, expected);
	table_close(relation, AccessShareLock);
	return suits;
}

/* ---- any source */

/* words: usual names of the user's column; valued: a column of values is looked for. */
static RecInput *
read_source(EcmlCtx *ctx, MemoryContext context, const char *text, const RecommendOptions *options, const char *what,
			const char *const *words, bool valued, bool timed)
{
	RecInput   *input = MemoryContextAllocZero(context, sizeof(RecInput));
	EcmlSource	source;
	Reading		reading = {.ctx = ctx,.input = input};
	EcmlKeys  **keys[KEYS] = {&input->users, &input->items, &input->groups};
	int			taken[4] = {-1, -1, -1, -1};
	int			column;

	ecml_source_open(&source, text);
	if (source.desc->natts < 2 && !(options->user && options->item))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the source has no columns for user and item"),
				 errdetail("It has %d columns.", source.desc->natts),
				 errhint("Its columns are user, item, and as you like value and time; options \"user\", \"item\", \"value\" and \"time\" name them.")));
	/* whose name is not known is the first column that is left */
	taken[0] = find_named(&source, options->user, what, words, taken, 0);
	taken[1] = find_named(&source, options->item, "item", usual_items, taken, 1);
	if (taken[0] < 0)
		taken[0] = find_free(&source, taken, 2);
	if (taken[1] < 0)
		taken[1] = find_free(&source, taken, 2);
	if (taken[0] == taken[1] || taken[1] < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("one column cannot be user and item"),
				 errdetail("It is \"%s\".", column_name(&source, taken[0])),
				 errhint("Name two columns with the options \"user\" and \"item\".")));
	reading.key[USER] = taken[0];
	reading.key[ITEM] = taken[1];
	column = valued ? find_column(&source, options->value, "value", usual_values, 2, ECML_NUMBER, taken, 2) : -1;
	taken[2] = column;
	if (column >= 0)
	{
		reading.value = make_input(context, &source, column, "value", ECML_NUMBER);
		input->value_column = reading.value->name;
	}
	column = timed ? find_column(&source, options->time, "time", usual_times, 3, ECML_TIME, taken, 3) : -1;
	for (int i = 0; timed && column < 0 && i < source.desc->natts; i++)
		if (i != taken[0] && i != taken[1] && kind_of(&source, i) == ECML_TIME)
			column = i;
	if (column >= 0 && (options->time || kind_of(&source, column) == ECML_TIME))
	{
		reading.time = make_input(context, &source, column, "time", ECML_TIME);
		input->time_column = reading.time->name;
	}
	reading.key[GROUP] = options->group ? ecml_source_column(&source, options->group, "group") : -1;
	input->has_group = reading.key[GROUP] >= 0;
	input->user_column = MemoryContextStrdup(context, column_name(&source, taken[0]));
	input->item_column = MemoryContextStrdup(context, column_name(&source, taken[1]));
	for (int k = 0; k < KEYS; k++)
		if (reading.key[k] >= 0)
		{
			*keys[k] = reading.keys[k] = ecml_keys_create(context);
			ecml_key_column(&reading.column[k], TupleDescAttr(source.desc, reading.key[k])->atttypid, context);
		}
	rec_rows_init(ctx, &input->rows, reading.time != NULL, input->has_group);
	if (!read_plain_table(&reading, &source))
		ecml_source_run(&source, read_row, &reading);
	if (input->rows.n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("there are no interactions to learn from"),
				 errdetail("Rows left out because user, item, value or time is NULL: " INT64_FORMAT ".", input->skipped),
				 errhint("Look at what the source gives.")));
	/* rows without a group belong to none: the first of the groups stands for them all */
	for (size_t i = 0; input->has_group && i < input->rows.n; i++)
		if (input->rows.group[i] < 0)
			input->rows.group[i] = ecml_keys_text(input->groups, "", 0, true);
	return input;
}

RecInput *
rec_input_read(EcmlCtx *ctx, MemoryContext context, const char *source, const RecommendOptions *options)
{
	return read_source(ctx, context, source, options, "user", usual_users, true, true);
}

RecInput *
rec_baskets_read(EcmlCtx *ctx, MemoryContext context, const char *source, const RecommendOptions *options, bool sequential)
{
	RecInput   *input = read_source(ctx, context, source, options, sequential ? "customer" : "basket",
									sequential ? usual_users : usual_baskets, false, sequential);

	if (sequential && input->rows.time == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("the source has no column that is known as the time"),
				 errdetail("None of its columns is a date or a timestamp."),
				 errhint("Name the column with the option \"time\"; what follows what is told by it.")));
	return input;
}

/* ---- the item table */

typedef struct Content
{
	EcmlCtx    *ctx;
	RecInput   *input;
	RecTerms   *terms;
	EcmlKeyColumn key_column;
	int			key;
	int			n;
	EcmlInput **columns;		/* [n] */
} Content;

static void
read_item(void *arg, TupleTableSlot *slot)
{
	Content    *content = arg;
	const Datum *values = slot->tts_values;
	int			item;

	if (slot->tts_isnull[content->key])
		return;
	item = ecml_keys_number(content->input->items, &content->key_column, values[content->key], true);
	rec_terms_begin(content->ctx, content->terms, item);
	for (int c = 0; c < content->n; c++)
	{
		EcmlInput  *input = content->columns[c];

		if (slot->tts_isnull[input->number])
			continue;
		if (input->kind == ECML_CATEGORY)
		{
			int			length;
			const char *label = ecml_bind_label(input, values[input->number], &length);

			if (input->convert == ECML_FROM_ENUM)
				rec_terms_category(content->ctx, content->terms, c, label, length);
			else
				rec_terms_text(content->ctx, content->terms, c, label, length);
		}
		else if (input->kind == ECML_BOOLEAN)
			rec_terms_category(content->ctx, content->terms, c, DatumGetBool(values[input->number]) ? "t" : "f", 1);
		else
			rec_terms_number(content->ctx, content->terms, c, ecml_bind_number(input, values[input->number]));
	}
	if (item % 1024 == 0)
		ecml_poll(content->ctx, 0, 0);
}

static bool
is_listed(Jsonb *list, const char *name)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	value;

	if (list == NULL)
		return true;
	iterator = JsonbIteratorInit(&list->root);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
		if (token == WJB_ELEM && value.val.string.len == (int) strlen(name) &&
			memcmp(value.val.string.val, name, value.val.string.len) == 0)
			return true;
	return false;
}

/* Each name of the list must be a column. */
static void
check_list(const EcmlSource *source, Jsonb *list)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	value;

	if (list == NULL)
		return;
	iterator = JsonbIteratorInit(&list->root);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
		if (token == WJB_ELEM)
			(void) ecml_source_column(source, pnstrdup(value.val.string.val, value.val.string.len), "item");
}

RecMatrix *
rec_input_content(EcmlCtx *ctx, MemoryContext context, RecInput *input, const RecommendOptions *options, char **key_column)
{
	EcmlSource	source;
	Content		content = {ctx, input};

	*key_column = NULL;
	if (options->items == NULL)
		return NULL;
	ecml_source_open(&source, options->items);
	content.key = ecml_source_column(&source, options->item_key ? options->item_key : input->item_column, "item key");
	*key_column = MemoryContextStrdup(context, column_name(&source, content.key));
	ecml_key_column(&content.key_column, TupleDescAttr(source.desc, content.key)->atttypid, context);
	check_list(&source, options->item_columns);
	content.columns = palloc((source.desc->natts + 1) * sizeof(EcmlInput *));
	for (int i = 0; i < source.desc->natts; i++)
	{
		EcmlInput  *column;

		if (i == content.key || !is_listed(options->item_columns, column_name(&source, i)))
			continue;
		column = MemoryContextAllocZero(context, sizeof(EcmlInput));
		column->name = MemoryContextStrdup(context, column_name(&source, i));
		column->number = i;
		column->type = TupleDescAttr(source.desc, i)->atttypid;
		if (ecml_bind_plan(column->type, &column->convert, &column->kind, &column->element_type, &column->element_convert) &&
			column->convert != ECML_FROM_ARRAY && content.n < 64)
			content.columns[content.n++] = column;
	}
	content.terms = rec_terms_create(ctx);
	ecml_source_run(&source, read_item, &content);
	return rec_terms_finish(ctx, content.terms, input->items->n);
}
