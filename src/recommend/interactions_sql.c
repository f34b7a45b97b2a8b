/*
 * interactions_sql.c - a source of interactions, and an item table, as numbers for the kernels
 *
 * Columns are found by option, else by their usual names, else by position (user, item, value, time).  Users and items get
 * numbers in the order in which they come.  Rows are read by core/parts.h.
 */
#include "core/compat.h"

#include <float.h>
#include <math.h>

#include "utils/memutils.h"

#include "core/error.h"
#include "core/parts.h"
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
	return position < source->desc->natts && !is_taken(position, taken, ntaken) && ecml_role_kind(source, position) == kind ?
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

/* Parts that columns play. */
enum
{
	USER,
	ITEM,
	VALUE,
	TIME,
	GROUP,
	PARTS
};

#define MAX_VALUE 1e30			/* of which sums of many stay in single precision */

/* Rows of no finite moment are left out. */
static bool
judge_row(void *arg, size_t row)
{
	const EcmlPart *parts = arg;
	const EcmlPart *value = &parts[VALUE];

	if (value->number >= 0 && !(fabs(value->value) <= MAX_VALUE))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("column \"%s\" holds a value that cannot be used", value->input.name),
				 errdetail("It is %g.", value->value),
				 errhint("Filter such rows out of the source.")));
	return parts[TIME].number < 0 || isfinite(parts[TIME].value);
}

/* words: usual names of the user's column; valued: a column of values is looked for. */
static RecInput *
read_source(EcmlCtx *ctx, MemoryContext context, const char *text, const RecommendOptions *options, const char *what,
			const char *const *words, bool valued, bool timed)
{
	RecInput   *input = MemoryContextAllocZero(context, sizeof(RecInput));
	EcmlSource	source;
	EcmlPart	parts[PARTS];
	int			taken[4] = {-1, -1, -1, -1};
	int			column;
	size_t		n;
	size_t		skipped;

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
	column = valued ? find_column(&source, options->value, "value", usual_values, 2, ECML_NUMBER, taken, 2) : -1;
	taken[2] = column;
	if (column >= 0)
	{
		ecml_role_check(&source, column, "value", ECML_NUMBER);
		input->value_column = MemoryContextStrdup(context, column_name(&source, column));
	}
	column = timed ? find_column(&source, options->time, "time", usual_times, 3, ECML_TIME, taken, 3) : -1;
	for (int i = 0; timed && column < 0 && i < source.desc->natts; i++)
		if (i != taken[0] && i != taken[1] && ecml_role_kind(&source, i) == ECML_TIME)
			column = i;
	if (column >= 0 && options->time)
		ecml_role_check(&source, column, "time", ECML_TIME);
	if (column >= 0 && ecml_role_kind(&source, column) == ECML_TIME)
	{
		taken[3] = column;
		input->time_column = MemoryContextStrdup(context, column_name(&source, column));
	}
	column = options->group ? ecml_source_column(&source, options->group, "group") : -1;
	input->has_group = column >= 0;
	input->user_column = MemoryContextStrdup(context, column_name(&source, taken[0]));
	input->item_column = MemoryContextStrdup(context, column_name(&source, taken[1]));
	input->users = ecml_keys_create(context);
	input->items = ecml_keys_create(context);
	input->groups = input->has_group ? ecml_keys_create(context) : NULL;
	parts[USER] = (EcmlPart) {.kind = ECML_PART_KEY,.needed = true,.number = taken[0],.keys = input->users};
	parts[ITEM] = (EcmlPart) {.kind = ECML_PART_KEY,.needed = true,.number = taken[1],.keys = input->items};
	parts[VALUE] = (EcmlPart) {.kind = ECML_PART_NUMBER,.number = taken[2],.needed = true,.most = MAX_VALUE,
	.single = true};
	parts[TIME] = (EcmlPart) {.kind = ECML_PART_NUMBER,.number = taken[3],.needed = true,.most = DBL_MAX};
	parts[GROUP] = (EcmlPart) {.kind = ECML_PART_KEY,.number = column,.keys = input->groups};
	n = ecml_parts_read(ctx, &source, parts, PARTS, judge_row, parts, &skipped);
	input->skipped = skipped;
	rec_rows_take(ctx, &input->rows, n, parts[USER].codes, parts[ITEM].codes, parts[VALUE].singles, parts[TIME].numbers,
				  parts[GROUP].codes);
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
