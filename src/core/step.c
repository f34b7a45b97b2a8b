/*
 * step.c - training by aggregates over the source: what an algorithm's steps have in common
 *
 * The source is looked at twice before the first step: to count its rows, and for the moments of its columns over the rows that
 * have all values.  With them the steps work on columns of mean 0 and deviation 1, so that Newton's equations stay well
 * conditioned wherever the values lie.
 *
 * Each query is one that postgres_fdw can send away as a whole: aggregates of plain types over one table, with a condition of
 * built-in operators.  Queries are run by core/source.c, with the caller's rights, and only read.
 */
#include "core/compat.h"

#include <math.h>

#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "core/guc.h"
#include "core/step.h"

void
ecml_step_run(EcmlStepSource *source, const char *expressions, const char *more, EcmlRowFunction row, void *arg)
{
	for (int i = 0; i < source->nshards; i++)
	{
		MemoryContext own = AllocSetContextCreate(CurrentMemoryContext, "ecml step", ALLOCSET_DEFAULT_SIZES);
		MemoryContext old = MemoryContextSwitchTo(own);
		EcmlSource	query;

		ecml_poll(source->ctx, 0, 0);
		ecml_source_open(&query, psprintf("SELECT %s FROM %s AS s%s%s %s", expressions, source->shards[i],
										  source->complete[0] ? " WHERE " : "", source->complete, more));
		ecml_source_run(&query, row, arg);
		MemoryContextSwitchTo(old);
		MemoryContextDelete(own);
	}
}

static void
append_number(StringInfo text, double value)
{
	appendStringInfo(text, "'%.17g'::pg_catalog.float8", value);
}

char *
ecml_step_features(const EcmlStepSource *source, const double *shift, const double *scale)
{
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfoString(&text, "ARRAY[");
	for (int j = 0; j < source->n; j++)
	{
		if (j > 0)
			appendStringInfoString(&text, ", ");
		if (shift == NULL)
		{
			appendStringInfoString(&text, source->columns[j]);
			continue;
		}
		appendStringInfo(&text, "(%s - ", source->columns[j]);
		append_number(&text, shift[j]);
		appendStringInfoString(&text, ") * ");
		append_number(&text, scale[j]);
	}
	appendStringInfoString(&text, "]");
	return text.data;
}

char *
ecml_step_numbers(const double *values, int n)
{
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfoString(&text, "'{");
	for (int i = 0; i < n; i++)
		appendStringInfo(&text, "%s%.17g", i > 0 ? "," : "", values[i]);
	appendStringInfoString(&text, "}'::pg_catalog.float8[]");
	return text.data;
}

/* ---- where the rows are */

/* May the caller read the leaves of a table by themselves, and are those all that the table says? */
static bool
may_divide(Oid table, List *members)
{
	ListCell   *cell;

	foreach(cell, members)
	{
		Oid			member = lfirst_oid(cell);
		Relation	relation = table_open(member, NoLock);
		bool		plain = !relation->rd_rel->relrowsecurity &&
			(relation->rd_rel->relkind == RELKIND_RELATION || relation->rd_rel->relkind == RELKIND_FOREIGN_TABLE ||
			 relation->rd_rel->relkind == RELKIND_PARTITIONED_TABLE) &&
			pg_class_aclcheck(member, GetUserId(), ACL_SELECT) == ACLCHECK_OK;

		table_close(relation, NoLock);
		if (!plain)
			return false;
	}
	return true;
}

/* The leaves of a partitioned table; any other source is one shard. */
static void
find_shards(EcmlStepSource *source, const char *text)
{
	char	   *from = ecml_source_from(text);
	List	   *members = NIL;
	ListCell   *cell;
	Oid			oid;

	source->shards = palloc(sizeof(char *));
	source->shards[0] = from;
	source->nshards = 1;
	if (ecml_source_is_query(text))
		return;
	oid = RangeVarGetRelid(makeRangeVarFromNameList(ecml_qualified_name_list(from)), AccessShareLock, true);
	if (!OidIsValid(oid) || get_rel_relkind(oid) != RELKIND_PARTITIONED_TABLE)
		return;
	members = find_all_inheritors(oid, AccessShareLock, NULL);
	if (!may_divide(oid, members))
		return;
	source->shards = palloc((list_length(members) + 1) * sizeof(char *));
	source->nshards = 0;
	foreach(cell, members)
	{
		Oid			member = lfirst_oid(cell);

		if (get_rel_relkind(member) != RELKIND_PARTITIONED_TABLE)
			source->shards[source->nshards++] =
				quote_qualified_identifier(get_namespace_name(get_rel_namespace(member)), get_rel_name(member));
	}
}

/* ---- columns as expressions */

static char *
number_expression(const EcmlInput *input, const char *what)
{
	const char *name = quote_identifier(input->name);

	switch (input->kind)
	{
		case ECML_NUMBER:
			if (input->convert == ECML_FROM_FLOAT8)
				return psprintf("s.%s", name);
			if (input->convert != ECML_FROM_ARRAY && input->convert != ECML_FROM_CSTRING)
				return psprintf("s.%s::pg_catalog.float8", name);
			break;
		case ECML_BOOLEAN:
			return psprintf("s.%s::pg_catalog.int4::pg_catalog.float8", name);
		default:
			break;
	}
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("%s \"%s\" cannot be used step by step", what, input->name),
			 errdetail("Its type is %s; steps take numbers and booleans.", format_type_be(input->type)),
			 errhint("Make numbers of it in a view (ecml_prepare writes one), leave it out, or leave out \"strategy\".")));
	return NULL;
}

static void
add_condition(StringInfo text, const char *name)
{
	appendStringInfo(text, "%ss.%s IS NOT NULL", text->len > 0 ? " AND " : "", quote_identifier(name));
}

static void
write_expressions(EcmlStepSource *source, const EcmlColumns *columns)
{
	const EcmlBinder *binder = columns->binder;
	StringInfoData complete;

	source->n = binder->ninputs;
	source->names = palloc((source->n + 1) * sizeof(char *));
	source->columns = palloc((source->n + 1) * sizeof(char *));
	initStringInfo(&complete);
	for (int i = 0; i < binder->ninputs; i++)
	{
		source->names[i] = binder->inputs[i].name;
		source->columns[i] = number_expression(&binder->inputs[i], "column");
		add_condition(&complete, binder->inputs[i].name);
	}
	if (columns->target)
	{
		add_condition(&complete, columns->target->name);
		if (columns->target->use == ECML_TARGET_NUMBER)
			source->target = number_expression(&columns->target->input, "target column");
	}
	source->complete = complete.data;
}

/* ---- rows and moments */

static void
take_count(void *arg, TupleTableSlot *slot)
{
	*(double *) arg += DatumGetInt64(slot->tts_values[0]);
}

static double
count_rows(EcmlStepSource *source)
{
	char	   *complete = source->complete;
	double		rows = 0;

	source->complete = "";
	ecml_step_run(source, "pg_catalog.count(*)", "", take_count, &rows);
	source->complete = complete;
	return rows;
}

/* Merge the moments of a shard: rows, then of each column mean, variance, least, greatest. */
static void
take_moments(void *arg, TupleTableSlot *slot)
{
	EcmlStepSource *source = arg;
	double		before = source->rows;
	double		n = DatumGetFloat8(slot->tts_values[0]);
	ArrayType  *array;
	const double *values;

	if (n == 0)
		return;
	array = DatumGetArrayTypeP(slot->tts_values[1]);
	if (ARR_HASNULL(array) || ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array)) != 4 * source->n)
		elog(ERROR, "a shard gave moments of a wrong shape");
	values = (const double *) ARR_DATA_PTR(array);
	source->rows += n;
	for (int j = 0; j < source->n; j++, values += 4)
	{
		EcmlColumnMoments *m = &source->moments[j];
		double		apart = values[0] - m->mean;

		for (int k = 0; k < 4; k++)
			if (!isfinite(values[k]))
				ereport(ERROR,
						(errcode(ERRCODE_DATA_EXCEPTION),
						 errmsg("column \"%s\" holds a value that is not finite, or too large", source->names[j]),
						 errdetail("Its mean, variance, least and greatest value are %g, %g, %g, %g.", values[0], values[1],
								   values[2], values[3]),
						 errhint("Filter such rows out, or turn the values into NULL, for example with nullif().")));
		m->square += values[1] * n + apart * apart * (before / source->rows * n);
		m->mean += apart * (n / source->rows);
		m->low = before > 0 ? Min(m->low, values[2]) : values[2];
		m->high = before > 0 ? Max(m->high, values[3]) : values[3];
	}
}

static void
measure(EcmlStepSource *source)
{
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfoString(&text, "pg_catalog.count(*)::pg_catalog.float8, ARRAY[");
	for (int j = 0; j < source->n; j++)
		appendStringInfo(&text, "%spg_catalog.avg(%s), pg_catalog.var_pop(%s), pg_catalog.min(%s), pg_catalog.max(%s)",
						 j > 0 ? ", " : "", source->columns[j], source->columns[j], source->columns[j], source->columns[j]);
	appendStringInfoString(&text, "]");
	source->moments = palloc0((source->n + 1) * sizeof(EcmlColumnMoments));
	ecml_step_run(source, text.data, "", take_moments, source);
}

/* ---- classes */

typedef struct Classes
{
	EcmlTarget	target;			/* a copy that reads the first column of a result */
	double		rows[3];		/* by code */
} Classes;

static void
take_class(void *arg, TupleTableSlot *slot)
{
	Classes    *classes = arg;
	double		y;

	if (ecml_target_read(&classes->target, slot->tts_values, slot->tts_isnull, &y) && y < 3)
		classes->rows[(int) y] += DatumGetInt64(slot->tts_values[1]);
}

/* Two classes, with what tells the second one from the first. */
static void
find_classes(EcmlStepSource *source, const EcmlColumns *columns, EcmlSchema *schema)
{
	const char *name = quote_identifier(columns->target->name);
	const EcmlInput *input = &columns->target->input;
	Classes    *classes = palloc0(sizeof(Classes));
	int		   *recode;

	classes->target = *columns->target;
	classes->target.input.number = 0;
	/* more than two are an error, so that three of a shard are enough to know */
	ecml_step_run(source, psprintf("s.%s, pg_catalog.count(*)", name), psprintf("GROUP BY s.%s LIMIT 3", name), take_class, classes);
	recode = palloc((classes->target.labels->n + 1) * sizeof(int));
	schema->classes = ecml_target_classes(&classes->target, classes->rows, 3, &schema->nclasses, recode);
	if (schema->nclasses != 2 || classes->target.labels->n > (input->kind == ECML_BOOLEAN ? 2 : 3))
		ereport(ERROR,
				(errcode(schema->nclasses < 2 ? ERRCODE_DATA_EXCEPTION : ERRCODE_FEATURE_NOT_SUPPORTED),
				 schema->nclasses < 2 ? errmsg("the target \"%s\" has one class only", columns->target->name) :
				 errmsg("the target \"%s\" has more than two classes", columns->target->name),
				 errdetail("Training step by step takes two."),
				 errhint(schema->nclasses < 2 ? "Give rows of at least two classes." : "Leave out \"strategy\".")));
	for (int code = 0; code < classes->target.labels->n; code++)
		if (recode[code] == 1)
			source->ones = classes->rows[code];
	if (input->kind == ECML_BOOLEAN)
		source->target = psprintf("s.%s::pg_catalog.int4::pg_catalog.float8", name);
	else
		source->target = psprintf("(s.%s = %s::%s)::pg_catalog.int4::pg_catalog.float8", name,
								  quote_literal_cstr(schema->classes[1]), format_type_be_qualified(input->type));
}

/* ---- all of it */

static void
check_options(const EcmlTraining *training)
{
	const EcmlStepTraining *step = training->algorithm->step;
	const char *refused = step->refuse ? step->refuse(training->params) : NULL;

	if (refused == NULL && training->common.missing == ECML_MISSING_IMPUTE)
		refused = "missing";
	if (refused == NULL && training->common.sample_weight)
		refused = "sample_weight";
	if (refused == NULL && training->common.calibration != ECML_CALIBRATION_NONE)
		refused = "calibration";
	if (refused)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("the option \"%s\" does not go with the strategy \"step\"", refused),
				 errdetail("%s would need its rows in one place for it.", training->algorithm->name),
				 errhint("Leave out one of them.")));
}

/* Add the counts of a shard: values of each column, then of the target. */
static void
take_values(void *arg, TupleTableSlot *slot)
{
	double	   *values = arg;

	for (int i = 0; i < slot->tts_tupleDescriptor->natts; i++)
		values[i] += DatumGetInt64(slot->tts_values[i]);
}

/* No row is complete: one column may be what makes all of them useless. */
static void
no_rows(EcmlStepSource *source, const EcmlColumns *columns, double all)
{
	const char *empty = NULL;
	int			n = source->n + (columns->target ? 1 : 0);
	double	   *values = palloc0((n + 1) * sizeof(double));
	StringInfoData text;

	initStringInfo(&text);
	for (int i = 0; i < n; i++)
		appendStringInfo(&text, "%spg_catalog.count(s.%s)", i > 0 ? ", " : "",
						 quote_identifier(i < source->n ? source->names[i] : columns->target->name));
	source->complete = "";
	if (all > 0)
		ecml_step_run(source, text.data, "", take_values, values);
	for (int i = 0; i < n && all > 0 && empty == NULL; i++)
		if (values[i] == 0)
			empty = i < source->n ? source->names[i] : columns->target->name;
	ereport(ERROR,
			(errcode(ERRCODE_DATA_EXCEPTION),
			 errmsg("there are no rows to learn from"),
			 empty ? errdetail("Column \"%s\" is NULL in all rows: %.0f.", empty, all) :
			 all > 0 ? errdetail("Rows left out because a value or the target is NULL: %.0f.", all) :
			 errdetail("The source gave no row."),
			 empty && strcmp(empty, columns->target ? columns->target->name : "") == 0 ?
			 errhint("Give rows whose target is known.") :
			 empty ? errhint("Leave the column out.") :
			 errhint("Look at what the source gives.")));
}

static EcmlSchema *
make_schema(const EcmlStepSource *source, const EcmlColumns *columns)
{
	const EcmlTraining *training = source->training;
	EcmlSchema *schema = palloc0(sizeof(EcmlSchema));

	schema->missing = training->common.missing;
	schema->target = columns->target ? columns->target->name : pstrdup("");
	schema->event = pstrdup("");
	schema->nfeatures = source->n;
	schema->features = palloc0((source->n + 1) * sizeof(EcmlFeature));
	for (int j = 0; j < source->n; j++)
	{
		schema->features[j].name = columns->binder->inputs[j].name;
		schema->features[j].kind = columns->binder->inputs[j].kind;
		schema->features[j].fill = NAN;
	}
	ecml_schema_layout(schema);
	if (training->algorithm->standardize == NULL)
		return schema;
	schema->shift = palloc0((source->n + 1) * sizeof(double));
	schema->scale = palloc0((source->n + 1) * sizeof(double));
	for (int j = 0; j < source->n; j++)
	{
		double		variance = source->moments[j].square / source->rows;

		schema->shift[j] = source->moments[j].mean;
		schema->scale[j] = variance > 0 && training->algorithm->standardize(training->params) ? 1 / sqrt(variance) : 1;
	}
	schema->plain = false;
	return schema;
}

/* What a feature contributes, one deviation from its mean. */
static double *
importance(const EcmlStepSource *source, const EcmlModel *model)
{
	double	   *result = palloc0((source->n + 1) * sizeof(double));
	double	   *x = palloc((source->n + 1) * sizeof(double));
	double	   *low = palloc((source->n + 1) * sizeof(double));
	double	   *high = palloc((source->n + 1) * sizeof(double));
	double		base;

	for (int j = 0; j < source->n; j++)
		x[j] = source->moments[j].mean;
	model->algorithm->contributions(model->fitted, model->schema, x, model->schema->nclasses == 2, &base, low);
	for (int j = 0; j < source->n; j++)
		x[j] += sqrt(source->moments[j].square / source->rows);
	model->algorithm->contributions(model->fitted, model->schema, x, model->schema->nclasses == 2, &base, high);
	for (int j = 0; j < source->n; j++)
		result[j] = fabs(high[j] - low[j]);
	return result;
}

EcmlModel *
ecml_step_train(MemoryContext context, const EcmlTraining *training, const char *source_text, const char *target,
				ArrayType *features, EcmlColumns *columns)
{
	const EcmlAlgorithm *algorithm = training->algorithm;
	MemoryContext old = MemoryContextSwitchTo(context);
	EcmlStepSource source = {.context = context,.training = training};
	EcmlModel  *model;
	EcmlJson   *json;
	EcmlSource	opened;
	EcmlCtx		ctx;
	EcmlServerHost host;
	double		all;

	check_options(training);
	ecml_host_init(&ctx, &host, context, (size_t) ecml_guc_work_mem * 1024, training->common.seed);
	source.ctx = &ctx;
	ecml_source_open(&opened, source_text);
	ecml_columns_choose(columns, context, &opened, training, target, features);
	find_shards(&source, source_text);
	write_expressions(&source, columns);
	all = count_rows(&source);
	measure(&source);
	source.skipped = Max(all - source.rows, 0);
	if (source.skipped > 0 && training->common.missing == ECML_MISSING_ERROR)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("rows hold NULL"),
				 errdetail("There are %.0f of %.0f; the option \"missing\" is \"error\".", source.skipped, all),
				 errhint("Filter such rows out, or set \"missing\" to \"skip\".")));
	if (source.rows == 0)
		no_rows(&source, columns, all);
	model = ecml_model_begin(context, training);
	model->schema = make_schema(&source, columns);
	if (columns->target && columns->target->use == ECML_TARGET_CLASS)
		find_classes(&source, columns, model->schema);
	model->task = ecml_model_task(algorithm, model->schema);
	model->rows = source.rows;
	model->skipped = source.skipped;
	model->fitted = algorithm->step->fit(&ctx, &source, model->schema, training->params);
	if (algorithm->contributions)
		model->importance = importance(&source, model);
	json = ecml_json_object();
	algorithm->metrics(model->fitted, model->schema, json);
	model->metrics = ecml_json_finish_text(json);
	MemoryContextSwitchTo(old);
	return model;
}

void
ecml_step_check_finite(const double *values, int n, const char *what)
{
	for (int i = 0; i < n; i++)
		if (!isfinite(values[i]))
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("%s that is not finite", what),
					 errdetail("Number %d is %g.", i + 1, values[i]),
					 errhint("Filter such rows out, or turn the values into NULL.")));
}

void
ecml_step_check_row(const double *x, int n, int before)
{
	if (n != before)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("rows have different numbers of features"),
				 errdetail("One has %d, one before it %d.", n, before),
				 errhint("Give arrays of one length.")));
	ecml_step_check_finite(x, n, "a row has a feature");
}
