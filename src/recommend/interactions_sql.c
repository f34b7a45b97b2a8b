/*
 * interactions_sql.c - a source of interactions, and an item table, as numbers for the kernels
 *
 * Columns are found by option, else by their usual names, else by position (user, item, value, time).  Users and items get
 * numbers in the order in which they come: integers by a table of hashes of their own, all other types by their text form.
 */
#include "core/compat.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "mb/pg_wchar.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "core/bind.h"
#include "core/error.h"
#include "core/guc.h"
#include "core/roles.h"
#include "num/hash.h"
#include "recommend/recommend_sql.h"

static const char *const usual_users[] = {"user_id", "customer_id", "user", "customer", "household_id", "visitor_id", "client_id",
"session_id", NULL};
static const char *const usual_baskets[] = {"basket_id", "order_id", "transaction_id", "invoice_no", "basket", "invoice", NULL};
static const char *const usual_items[] = {"item_id", "product_id", "item", "product", "article_id", "stock_code", "sku", NULL};
static const char *const usual_values[] = {"value", "quantity", "rating", "weight", "count", "units", "score", NULL};
static const char *const usual_times[] = {"time", "at", "ordered_at", "created_at", "timestamp", "invoice_date",
"transaction_timestamp", "date", NULL};

/* ---- numbers of ids */

void
rec_ids_init(RecIds *ids, MemoryContext context, Oid type)
{
	Oid			output;
	bool		varlena;

	memset(ids, 0, sizeof(*ids));
	ids->context = context;
	ids->type = getBaseType(type);
	ids->integer = ids->type == INT2OID || ids->type == INT4OID || ids->type == INT8OID;
	getTypeOutputInfo(ids->type, &output, &varlena);
	fmgr_info_cxt(output, &ids->output, context);
	if (!ids->integer)
	{
		ids->dict = ecml_dict_create(context);
		return;
	}
	ids->capacity = 512;
	ids->nslots = 1024;
	ids->keys = MemoryContextAlloc(context, ids->capacity * sizeof(int64));
	ids->slots = MemoryContextAllocZero(context, ids->nslots * sizeof(int32));
}

/* Room for a key in the direct table, as long as it stays small beside the keys themselves. */
static bool
has_direct(RecIds *ids, int64 key)
{
	int64		most = Max(65536, (int64) ids->n * 16);
	int64		n;

	if (key < 0 || key >= most)
		return false;
	if (key < ids->ndirect)
		return true;
	n = Max(key + 1, Min(most, 2 * ids->ndirect));
	ids->direct = ids->direct ? repalloc_huge(ids->direct, n * sizeof(int32)) :
		MemoryContextAllocExtended(ids->context, n * sizeof(int32), MCXT_ALLOC_HUGE);
	memset(ids->direct + ids->ndirect, 0, (n - ids->ndirect) * sizeof(int32));
	ids->ndirect = n;
	return true;
}

static void
enlarge_slots(RecIds *ids)
{
	ids->nslots *= 2;
	pfree(ids->slots);
	ids->slots = MemoryContextAllocExtended(ids->context, ids->nslots * sizeof(int32), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (int i = 0; i < ids->n; i++)
	{
		uint32		at = (uint32) ecml_hash_u64((uint64) ids->keys[i], 3) & (ids->nslots - 1);

		while (ids->slots[at])
			at = (at + 1) & (ids->nslots - 1);
		ids->slots[at] = i + 1;
	}
}

static int
add_hashed(RecIds *ids, int64 key)
{
	uint32		at = (uint32) ecml_hash_u64((uint64) key, 3) & (ids->nslots - 1);

	for (; ids->slots[at]; at = (at + 1) & (ids->nslots - 1))
		if (ids->keys[ids->slots[at] - 1] == key)
			return ids->slots[at] - 1;
	if (ids->n == ids->capacity)
	{
		ids->capacity *= 2;
		ids->keys = repalloc_huge(ids->keys, ids->capacity * sizeof(int64));
	}
	ids->keys[ids->n] = key;
	ids->slots[at] = ++ids->n;
	if ((uint32) ids->n * 2 > ids->nslots)
		enlarge_slots(ids);
	return ids->n - 1;
}

static inline int
add_integer(RecIds *ids, int64 key)
{
	if (key >= 0 && key < ids->ndirect && ids->direct[key])
		return ids->last = ids->direct[key] - 1;
	ids->last = add_hashed(ids, key);
	if (has_direct(ids, key))
		ids->direct[key] = ids->last + 1;
	return ids->last;
}

int
rec_ids_add_text(RecIds *ids, const char *text)
{
	if (ids->integer)
		return add_integer(ids, DatumGetInt64(DirectFunctionCall1(int8in, CStringGetDatum(text))));
	ids->n = Max(ids->n, ecml_dict_add(ids->dict, text, strlen(text)) + 1);
	return ecml_dict_find(ids->dict, text, strlen(text));
}

int
rec_ids_add(RecIds *ids, Datum value)
{
	int			code;

	switch (ids->type)
	{
		case INT2OID:
			return add_integer(ids, DatumGetInt16(value));
		case INT4OID:
			return add_integer(ids, DatumGetInt32(value));
		case INT8OID:
			return add_integer(ids, DatumGetInt64(value));
		case TEXTOID:
		case VARCHAROID:
			{
				struct varlena *bytes = PG_DETOAST_DATUM_PACKED(value);

				if (ids->n > 0 && ids->dict->entries[ids->last].length == VARSIZE_ANY_EXHDR(bytes) &&
					memcmp(ids->dict->entries[ids->last].key, VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes)) == 0)
					return ids->last;
				code = ecml_dict_add(ids->dict, VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes));
				break;
			}
		default:
			{
				char	   *text = OutputFunctionCall(&ids->output, value);

				code = ecml_dict_add(ids->dict, text, strlen(text));
			}
	}
	ids->n = Max(ids->n, code + 1);
	return ids->last = code;
}

char **
rec_ids_texts(const RecIds *ids, MemoryContext context)
{
	MemoryContext old = MemoryContextSwitchTo(context);
	char	  **texts = MemoryContextAllocHuge(context, ((size_t) ids->n + 1) * sizeof(char *));

	for (int i = 0; i < ids->n; i++)
	{
		if (ids->integer)
		{
			char		text[32];

			pg_lltoa(ids->keys[i], text);
			texts[i] = pstrdup(text);
		}
		else
			texts[i] = ids->dict->entries[i].key;
	}
	MemoryContextSwitchTo(old);
	return texts;
}

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

/* By option, usual name, or position; -1: none. */
static int
find_column(const EcmlSource *source, const char *given, const char *what, const char *const *usual, int position,
			EcmlKind kind, const int *taken, int ntaken)
{
	int			column = ecml_role_find(source, given, what, usual);
	bool		free_to_take = true;

	for (int i = 0; i < ntaken && !given; i++)
		if (taken[i] == column)
			column = -1;
	if (column >= 0)
		return column;
	if (position >= source->desc->natts)
		return -1;
	for (int i = 0; i < ntaken; i++)
		free_to_take &= taken[i] != position;
	return free_to_take && (kind == ECML_CATEGORY || kind_of(source, position) == kind) ? position : -1;
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

double
rec_moment(const EcmlInput *input, Datum value)
{
	return ecml_bind_number(input, value);
}

typedef struct Reading
{
	EcmlCtx    *ctx;
	RecInput   *input;
	int			user;
	int			item;
	int			group;			/* -1: none */
	EcmlInput  *value;			/* NULL: 1 */
	EcmlInput  *time;
} Reading;

static void
read_row(void *arg, TupleTableSlot *slot)
{
	Reading    *reading = arg;
	RecInput   *input = reading->input;
	const Datum *values = slot->tts_values;
	const bool *nulls = slot->tts_isnull;
	double		value = 1;
	double		time = 0;

	if (nulls[reading->user] || nulls[reading->item] || (reading->value && nulls[reading->value->number]) ||
		(reading->time && nulls[reading->time->number]))
	{
		input->skipped++;
		return;
	}
	if (reading->value)
		value = ecml_bind_number(reading->value, values[reading->value->number]);
	if (reading->time)
		time = ecml_bind_number(reading->time, values[reading->time->number]);
	if (!isfinite(value) || fabs(value) > 1e30)
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
	rec_rows_add(reading->ctx, &input->rows, rec_ids_add(&input->users, values[reading->user]),
				 rec_ids_add(&input->items, values[reading->item]), value, time,
				 reading->group < 0 ? 0 : nulls[reading->group] ? -1 : rec_ids_add(&input->groups, values[reading->group]));
	if (input->rows.n % 65536 == 0)
		ecml_poll(reading->ctx, input->rows.n, 0);
}

/* words: usual names of the user's column; valued: a column of values is looked for. */
static RecInput *
read_source(EcmlCtx *ctx, MemoryContext context, const char *text, const RecommendOptions *options, const char *what,
			const char *const *words, bool valued, bool timed)
{
	RecInput   *input = MemoryContextAllocZero(context, sizeof(RecInput));
	EcmlSource	source;
	Reading		reading = {ctx, input, -1, -1, -1, NULL, NULL};
	int			taken[4];
	int			column;

	ecml_source_open(&source, text);
	if (source.desc->natts < 2 && !(options->user && options->item))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the source has no columns for user and item"),
				 errdetail("It has %d columns.", source.desc->natts),
				 errhint("Its columns are user, item, and as you like value and time; options \"user\", \"item\", \"value\" and \"time\" name them.")));
	/* positions count from the left only where no name is known */
	taken[0] = find_column(&source, options->user, what, words, 0, ECML_CATEGORY, taken, 0);
	taken[1] = find_column(&source, options->item, "item", usual_items, taken[0] == 1 ? 0 : 1, ECML_CATEGORY, taken, 1);
	if (taken[0] == taken[1] || taken[1] < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("one column cannot be user and item"),
				 errdetail("It is \"%s\".", column_name(&source, taken[0])),
				 errhint("Name two columns with the options \"user\" and \"item\".")));
	reading.user = taken[0];
	reading.item = taken[1];
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
	if (options->group)
		reading.group = ecml_source_column(&source, options->group, "group");
	input->has_group = reading.group >= 0;
	input->user_column = MemoryContextStrdup(context, column_name(&source, reading.user));
	input->item_column = MemoryContextStrdup(context, column_name(&source, reading.item));
	rec_ids_init(&input->users, context, TupleDescAttr(source.desc, reading.user)->atttypid);
	rec_ids_init(&input->items, context, TupleDescAttr(source.desc, reading.item)->atttypid);
	if (input->has_group)
		rec_ids_init(&input->groups, context, TupleDescAttr(source.desc, reading.group)->atttypid);
	rec_rows_init(ctx, &input->rows, reading.time != NULL, input->has_group);
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
			input->rows.group[i] = rec_ids_add_text(&input->groups, input->groups.integer ? "0" : "");
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
	RecIds		keys;			/* where the key's type is another than the items': by text */
	bool		same_type;
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
	item = content->same_type ? rec_ids_add(&content->input->items, values[content->key]) :
		rec_ids_add_text(&content->input->items, OutputFunctionCall(&content->keys.output, values[content->key]));
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
	Oid			type;

	*key_column = NULL;
	if (options->items == NULL)
		return NULL;
	ecml_source_open(&source, options->items);
	content.key = ecml_source_column(&source, options->item_key ? options->item_key : input->item_column, "item key");
	*key_column = MemoryContextStrdup(context, column_name(&source, content.key));
	type = getBaseType(TupleDescAttr(source.desc, content.key)->atttypid);
	rec_ids_init(&content.keys, context, type);
	content.same_type = type == input->items.type || (content.keys.integer && input->items.integer);
	if (content.same_type)
		input->items.type = type;
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
	return rec_terms_finish(ctx, content.terms, input->items.n);
}
