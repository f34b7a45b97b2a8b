/*
 * collect.c - the columns of a source that a training uses
 */
#include "core/compat.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "optimizer/cost.h"
#include "utils/array.h"

#include "core/collect.h"
#include "core/onepass.h"
#include "core/tablescan.h"

EcmlInput *
ecml_number_column(MemoryContext context, const EcmlSource *source, const char *name, const char *what)
{
	int			number = ecml_source_column(source, name, what);
	Oid			type = TupleDescAttr(source->desc, number)->atttypid;
	EcmlInput  *input = MemoryContextAllocZero(context, sizeof(EcmlInput));

	input->name = MemoryContextStrdup(context, name);
	input->number = number;
	input->type = type;
	if (!ecml_bind_plan(type, &input->convert, &input->kind, &input->element_type, &input->element_convert) ||
		input->convert == ECML_FROM_ARRAY || (input->kind != ECML_NUMBER && input->kind != ECML_BOOLEAN))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s column \"%s\" must be a number", what, name),
				 errdetail("Its type is %s.", format_type_be(type)),
				 errhint("Cast it to a number in the source, or name another column.")));
	return input;
}

static void
add_feature(EcmlColumns *columns, const EcmlSource *source, int number)
{
	const char *name = NameStr(TupleDescAttr(source->desc, number)->attname);

	for (int k = 0; k < columns->nfeatures; k++)
		if (strcmp(columns->features[k], name) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("feature \"%s\" is there twice", name),
					 errdetail("Features are known by their names."),
					 errhint("Name each column once; give columns of a query different names with AS.")));
	columns->features[columns->nfeatures++] = pstrdup(name);
	ecml_binder_add(columns->binder, name, number, TupleDescAttr(source->desc, number)->atttypid);
}

/* The features that are named. */
static void
add_named(EcmlColumns *columns, const EcmlSource *source, const EcmlTraining *training, ArrayType *features)
{
	Datum	   *names;
	bool	   *nulls;
	int			n;

	deconstruct_array(features, TEXTOID, -1, false, TYPALIGN_INT, &names, &nulls, &n);
	if (n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the list of features is empty"),
				 errdetail("It holds no name."),
				 errhint("Name columns of the source, or give NULL for all but the target.")));
	columns->features = palloc(n * sizeof(char *));
	for (int i = 0; i < n; i++)
	{
		char	   *name;
		int			number;

		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("a feature's name is NULL"),
					 errdetail("It is number %d of the list.", i + 1),
					 errhint("Name columns of the source.")));
		name = TextDatumGetCString(names[i]);
		number = ecml_source_column(source, name, "feature");
		for (int e = 0; e < training->nextras; e++)
			if (strcmp(ecml_training_extra(training, e), name) == 0)
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("column \"%s\" is both the %s and a feature", name, training->extras[e]->option),
						 errdetail("What only the training knows cannot be learnt from."),
						 errhint("Take it out of the features.")));
		if (columns->target && columns->target->input.number == number)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("column \"%s\" is both target and feature", name),
					 errdetail("A model that is told its target learns nothing else."),
					 errhint("Take it out of the features.")));
		add_feature(columns, source, number);
	}
}

static bool
is_among(int number, const int *numbers, int n)
{
	for (int i = 0; i < n; i++)
		if (numbers[i] == number)
			return true;
	return false;
}

void
ecml_columns_choose(EcmlColumns *columns, MemoryContext context, const EcmlSource *source,
					const EcmlTraining *training, const char *target, ArrayType *features)
{
	MemoryContext old = MemoryContextSwitchTo(context);
	int			extras[ECML_MAX_EXTRAS];

	memset(columns, 0, sizeof(*columns));
	columns->binder = ecml_binder_create(context, true);
	columns->target = ecml_target_column(context, training->algorithm, training->target, source, target, training->common.event);
	if (training->common.sample_weight)
		columns->weight = ecml_number_column(context, source, training->common.sample_weight, "weight");
	for (int e = 0; e < training->nextras; e++)
		extras[e] = ecml_source_column(source, ecml_training_extra(training, e), training->extras[e]->option);
	if (features)
		add_named(columns, source, training, features);
	else
	{
		columns->features = palloc((source->desc->natts + 1) * sizeof(char *));
		for (int i = 0; i < source->desc->natts; i++)
			if (!TupleDescAttr(source->desc, i)->attisdropped &&
				!(columns->target && columns->target->input.number == i) &&
				!(columns->target && columns->target->has_event && columns->target->event.number == i) &&
				!(columns->weight && columns->weight->number == i) && !is_among(i, extras, training->nextras))
				add_feature(columns, source, i);
	}
	if (columns->nfeatures == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("there are no features to learn from"),
				 errdetail("The source has no column beside target and weight."),
				 errhint("Give a source with more columns.")));
	for (int e = 0; e < training->nextras; e++)
		ecml_binder_add_extra(columns->binder, ecml_training_extra(training, e), extras[e],
							  TupleDescAttr(source->desc, extras[e])->atttypid, training->extras[e]->kind,
							  training->extras[e]->option);
	ecml_binder_lay_out(columns->binder);
	columns->last = columns->weight ? columns->weight->number + 1 : 0;
	if (columns->target)
		columns->last = Max(columns->last, columns->target->input.number + 1);
	if (columns->target && columns->target->has_event)
		columns->last = Max(columns->last, columns->target->event.number + 1);
	for (int i = 0; i < columns->binder->ninputs; i++)
		columns->last = Max(columns->last, columns->binder->inputs[i].number + 1);
	MemoryContextSwitchTo(old);
}

bool
ecml_number_read(const EcmlInput *input, TupleTableSlot *slot, const char *what, double *result)
{
	if (slot->tts_isnull[input->number])
		return false;
	*result = ecml_bind_number(input, slot->tts_values[input->number]);
	if (!isfinite(*result))
		ecml_target_not_finite(what, input->name, *result);
	return true;
}

/* Where a column stands that is a number; false: not in the same place in all tuples. */
static bool
place_number(const EcmlInput *input, const int *offsets, int *offset)
{
	*offset = offsets[input->number];
	return *offset >= 0 && ecml_bind_is_fixed(input->convert);
}

bool
ecml_columns_place(EcmlColumns *columns, TupleDesc desc)
{
	const EcmlTarget *target = columns->target;
	int		   *offsets = ecml_bind_offsets(desc);

	columns->placed_for = desc;
	ecml_binder_place(columns->binder, offsets);
	columns->placed = columns->binder->runs != NULL &&
		(target == NULL || place_number(&target->input, offsets, &columns->target_offset)) &&
		(target == NULL || !target->has_event || place_number(&target->event, offsets, &columns->event_offset)) &&
		(columns->weight == NULL || place_number(columns->weight, offsets, &columns->weight_offset));
	pfree(offsets);
	return columns->placed;
}

/* Read a row from a tuple as it is; false: that cannot be done, or a value is not finite. */
static bool
read_tuple(EcmlColumns *columns, TupleTableSlot *slot, EcmlRow *row)
{
	EcmlTarget *target = columns->target;
	const char *data;

	if (columns->placed_for != slot->tts_tupleDescriptor)
		(void) ecml_columns_place(columns, slot->tts_tupleDescriptor);
	data = columns->placed ? ecml_bind_tuple(slot, columns->last) : NULL;
	if (data == NULL)
		return false;
	if (target)
		row->y = ecml_target_value(target, ecml_bind_fixed(target->input.convert, data + columns->target_offset),
								   target->has_event ?
								   ecml_bind_fixed(target->event.convert, data + columns->event_offset) : 1);
	if (columns->weight)
		row->w = ecml_bind_fixed(columns->weight->convert, data + columns->weight_offset);
	row->usable = true;
	return isfinite(row->w) && ecml_bind_data(columns->binder, data);
}

EcmlRow
ecml_columns_read(EcmlColumns *columns, TupleTableSlot *slot)
{
	EcmlRow		row = {.has_y = true,.has_w = true,.w = 1};

	if (read_tuple(columns, slot, &row))
		return row;
	slot_getsomeattrs(slot, columns->last);
	if (columns->target)
		row.has_y = ecml_target_read(columns->target, slot->tts_values, slot->tts_isnull, &row.y);
	if (columns->weight)
		row.has_w = ecml_number_read(columns->weight, slot, "weight", &row.w);
	row.usable = ecml_bind_row(columns->binder, slot->tts_values, slot->tts_isnull);
	return row;
}

typedef struct Collection
{
	EcmlColumns *columns;
	EcmlTrainer *trainer;
} Collection;

static void
collect_row(void *arg, TupleTableSlot *slot)
{
	Collection *collection = arg;
	EcmlTrainer *trainer = collection->trainer;
	EcmlRow		row = ecml_columns_read(collection->columns, slot);

	ecml_trainer_row(trainer, row.usable, row.has_y, row.y, row.has_w, row.w);
	if (((trainer->rows + trainer->skipped) & 4095) == 0)
		ecml_poll(&trainer->ctx, (double) (trainer->rows + trainer->skipped), 0);
}

/* Arguments of an aggregate beside the features: names, options, target, weight; and PostgreSQL's limit is FUNC_MAX_ARGS. */
#define MAX_PARALLEL_FEATURES (FUNC_MAX_ARGS - 5)

bool
ecml_columns_any_order(const EcmlColumns *columns, const EcmlOnePass *one_pass)
{
	const EcmlBinder *binder = columns->binder;

	if (binder->ninputs > one_pass->parallel_terms)
		return false;
	for (int i = 0; i < binder->ninputs; i++)
		if (binder->inputs[i].kind == ECML_CATEGORY || binder->inputs[i].convert == ECML_FROM_ARRAY)
			return false;
	return true;
}

/*
 * May the aggregate of a one-pass algorithm read the source in parallel?  Only where the order of rows does not show in the
 * result, and names tell the columns.
 */
static bool
can_aggregate(const EcmlTraining *training, const EcmlSource *source, const EcmlColumns *columns)
{
	const EcmlOnePass *one_pass = training->algorithm->one_pass;

	if (one_pass == NULL || training->common.progress || max_parallel_workers_per_gather == 0 ||
		columns->binder->ninputs > MAX_PARALLEL_FEATURES || !ecml_columns_any_order(columns, one_pass))
		return false;
	for (int i = 0; i < source->desc->natts; i++)
		for (int j = 0; j < i; j++)
			if (strcmp(NameStr(TupleDescAttr(source->desc, i)->attname),
					   NameStr(TupleDescAttr(source->desc, j)->attname)) == 0)
				return false;
	return true;
}

typedef struct Aggregation
{
	const EcmlOnePass *one_pass;
	MemoryContext context;
	EcmlTrainer *trainer;		/* of the result; NULL: there was no row */
} Aggregation;

static void
take_state(void *arg, TupleTableSlot *slot)
{
	Aggregation *aggregation = arg;

	if (!slot->tts_isnull[0])
		aggregation->trainer = ecml_state_from_datum(slot->tts_values[0], aggregation->one_pass->state_type,
													 aggregation->context)->content;
}

/* The rows of the source in the algorithm's aggregate: PostgreSQL reads and aggregates with all its workers. */
static EcmlTrainer *
aggregate_source(MemoryContext context, const EcmlTraining *training, const char *source_text, const char *target,
				 const EcmlColumns *columns)
{
	Aggregation aggregation = {.one_pass = training->algorithm->one_pass,.context = context};
	EcmlSource	query;
	StringInfoData names;
	StringInfoData arguments;
	StringInfoData text;

	initStringInfo(&names);
	initStringInfo(&arguments);
	initStringInfo(&text);
	appendStringInfo(&names, "ARRAY[%s", quote_literal_cstr(target));
	appendStringInfo(&arguments, "s.%s", quote_identifier(target));
	for (int i = 0; i < columns->nfeatures + (columns->weight ? 1 : 0); i++)
	{
		/* the weight is an argument that the option names */
		const char *name = i < columns->nfeatures ? columns->features[i] : columns->weight->name;

		appendStringInfo(&names, ", %s", quote_literal_cstr(name));
		appendStringInfo(&arguments, ", s.%s", quote_identifier(name));
	}
	appendStringInfo(&text, "SELECT %s(%s]::pg_catalog.text[], %s::pg_catalog.jsonb, %s) FROM %s AS s",
					 training->algorithm->one_pass->aggregate, names.data,
					 quote_literal_cstr(training->given ? ecml_json_text(training->given) : "{}"), arguments.data,
					 ecml_source_from(source_text));
	ecml_source_open_parallel(&query, text.data);
	ecml_source_run(&query, take_state, &aggregation);
	if (aggregation.trainer)
		aggregation.trainer->target = columns->target;
	return aggregation.trainer;
}

EcmlTrainer *
ecml_collect(MemoryContext context, const EcmlTraining *training, const char *source_text, const char *target,
			 ArrayType *features, EcmlColumns *columns)
{
	EcmlSource	source;
	Collection	collection = {.columns = columns};
	bool		plain;

	ecml_source_open(&source, source_text);
	source.lazy = true;
	ecml_columns_choose(columns, context, &source, training, target, features);
	collection.trainer = ecml_tablescan(context, training, &source, columns, target, &plain);
	if (collection.trainer)
		return collection.trainer;
	if (!plain && can_aggregate(training, &source, columns))
	{
		MemoryContext old = MemoryContextSwitchTo(context);

		collection.trainer = aggregate_source(context, training, source_text, target, columns);
		MemoryContextSwitchTo(old);
		if (collection.trainer)
			return collection.trainer;
	}
	collection.trainer = ecml_trainer_create(context, training, columns->binder, columns->target, columns->weight != NULL);
	collection.trainer->profiled = true;
	ecml_source_run(&source, collect_row, &collection);
	return collection.trainer;
}
