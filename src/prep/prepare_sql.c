/*
 * prepare_sql.c - ecml_prepare: a view that turns raw columns into what a model can use, with the learnt constants
 * in it
 *
 * The order of the steps: rows are left out (dropna); columns are imputed, clipped, taken the logarithm of, binned or
 * scaled; then encoded.  prepare_options_sql.c reads what is asked, prepare_learn_sql.c learns and writes the
 * expressions, this file puts the view together.  Reading runs with the caller's rights and only reads; so does
 * CREATE VIEW with the caller's.
 */
#include "core/compat.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "commands/comment.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "tcop/utility.h"
#include "utils/guc.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/varlena.h"

#include "core/error.h"
#include "core/json.h"
#include "core/result.h"
#include "prep/prepare_sql.h"

#define MAX_COLUMNS 1600		/* of a table or view, in all versions */
#define MARK "Made by ecml_prepare "	/* how the comment of what was made here begins */

/* ------------------------------------------------------------------------------------------------ source */

static PrepClass
class_of(Oid type)
{
	char		category;
	bool		preferred;

	type = getBaseType(type);
	switch (type)
	{
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case FLOAT4OID:
		case FLOAT8OID:
		case NUMERICOID:
			return PREP_NUMBER;
		case BOOLOID:
			return PREP_BOOLEAN;
		case DATEOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			return PREP_TIME;
	}
	get_type_category_preferred(type, &category, &preferred);
	return category == TYPCATEGORY_STRING || type_is_enum(type) ? PREP_TEXT : PREP_OTHER;
}

static void
read_columns(Prep *prep)
{
	const TupleDesc desc = prep->source->desc;

	prep->n = desc->natts;
	prep->columns = palloc0((prep->n + 1) * sizeof(PrepColumn));
	for (int i = 0; i < prep->n; i++)
	{
		PrepColumn *column = &prep->columns[i];

		column->name = pstrdup(NameStr(TupleDescAttr(desc, i)->attname));
		column->type = TupleDescAttr(desc, i)->atttypid;
		column->class = class_of(column->type);
		column->expression = psprintf("s.%s", quote_identifier(column->name));
		column->expression_type = column->type;
		column->lowest = NAN;
		for (int j = 0; j < i; j++)
			if (strcmp(prep->columns[j].name, column->name) == 0)
				ereport(ERROR,
						(errcode(ERRCODE_DUPLICATE_COLUMN),
						 errmsg("the source has two columns \"%s\"", column->name),
						 errdetail("Columns are known by their names."),
						 errhint("Give them different names with AS.")));
	}
}

static char *
make_where(const Prep *prep)
{
	StringInfoData where;

	initStringInfo(&where);
	for (int i = 0; i < prep->n; i++)
		if (prep_has(&prep->columns[i], STEP_DROPNA))
			appendStringInfo(&where, "%s s.%s IS NOT NULL", where.len > 0 ? " AND" : " WHERE",
							 quote_identifier(prep->columns[i].name));
	return where.data;
}

/* ------------------------------------------------------------------------------------------------ destination */

typedef struct Destination
{
	char	   *name;			/* qualified and quoted */
	char	   *created;		/* as CREATE has it: without schema where none was given, for a view of a temporary table is temporary */
	RangeVar   *range;
	Oid			schema;
	Oid			existing;		/* to replace, or InvalidOid */
} Destination;

static void
find_destination(Destination *destination, const Prep *prep, const char *text)
{
	List	   *names;
	RangeVar   *range;
	char	   *comment;
	char		kind;

	if (!SplitIdentifierString(pstrdup(text), '.', &names) || list_length(names) < 1 || list_length(names) > 2)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the destination is no name of a view"),
				 errdetail("It is: %s", text),
				 errhint("Give a name, or schema.name; quote with double quotes what is not in lower case.")));
	range = destination->range = makeRangeVarFromNameList(ecml_qualified_name_list(text));
	destination->schema = RangeVarGetCreationNamespace(range);
	destination->name = quote_qualified_identifier(get_namespace_name(destination->schema), range->relname);
	destination->created = range->schemaname ? destination->name : pstrdup(quote_identifier(range->relname));
	destination->existing = get_relname_relid(range->relname, destination->schema);
	if (!ecml_source_is_query(prep->source_text) && strcmp(ecml_source_from(prep->source_text), destination->name) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the destination is the source"),
				 errdetail("Both are %s.", destination->name),
				 errhint("Choose another name for the destination.")));
	if (!OidIsValid(destination->existing))
		return;
	if (!prep->replace)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_TABLE),
				 errmsg("relation \"%s\" already exists", text),
				 errdetail("Nothing was replaced."),
				 errhint("Choose another name, or give the option \"replace\": true for what ecml_prepare made.")));
	kind = get_rel_relkind(destination->existing);
	comment = GetComment(destination->existing, RelationRelationId, 0);
	if ((kind != RELKIND_VIEW && kind != RELKIND_RELATION) || comment == NULL || strncmp(comment, MARK,
		strlen(MARK)) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" was not made by ecml_prepare", text),
				 errdetail("Its comment does not begin with \"%s\".", MARK),
				 errhint("Choose another name, or drop it first.")));
}

static void
execute(const char *command)
{
	int			result = SPI_execute(command, false, 0);

	if (result < 0)
		elog(ERROR, "statement failed: %s: %s", SPI_result_code_string(result), command);
}

static char *
qualified_name(Oid relation)
{
	return quote_qualified_identifier(get_namespace_name(get_rel_namespace(relation)), get_rel_name(relation));
}

/* Can CREATE OR REPLACE VIEW do it: are its columns the first ones of the new query? */
static bool
replaceable(Oid relation, const char *query)
{
	EcmlSource	old;
	EcmlSource	new;

	ecml_source_open(&old, psprintf("SELECT * FROM %s", qualified_name(relation)));
	ecml_source_open(&new, query);
	if (old.desc->natts > new.desc->natts)
		return false;
	for (int i = 0; i < old.desc->natts; i++)
	{
		Form_pg_attribute a = TupleDescAttr(old.desc, i);
		Form_pg_attribute b = TupleDescAttr(new.desc, i);

		if (strcmp(NameStr(a->attname), NameStr(b->attname)) != 0 || a->atttypid != b->atttypid ||
			a->atttypmod != b->atttypmod || a->attcollation != b->attcollation)
			return false;
	}
	return true;
}

static void
make_relation(const Prep *prep, Destination *destination, const char *query, const char *options)
{
	const char *kind = prep->materialize ? "TABLE" : "VIEW";
	bool		replace = false;

	if (OidIsValid(destination->existing))
	{
		bool		was_view = get_rel_relkind(destination->existing) == RELKIND_VIEW;

		/* keeps the rights on a view, and views upon it */
		replace = was_view && !prep->materialize && replaceable(destination->existing, query);
		if (!replace)
			execute(psprintf("DROP %s %s", was_view ? "VIEW" : "TABLE", destination->name));
	}
	execute(psprintf("CREATE %s%s %s AS %s", replace ? "OR REPLACE " : "", kind, replace ? destination->name : destination->created,
					 query));
	if (!OidIsValid(get_relname_relid(destination->range->relname, destination->schema)))
		destination->name = qualified_name(RangeVarGetRelid(destination->range, NoLock, false));
	execute(psprintf("COMMENT ON %s %s IS %s", kind, destination->name,
					 quote_literal_cstr(psprintf(MARK "from %s with %s", prep->source_text, options))));
	/* planned once, so that a view upon itself is found now */
	execute(psprintf("SELECT FROM %s LIMIT 0", destination->name));
}

/* ------------------------------------------------------------------------------------------------ columns of the result */

typedef struct Output
{
	StringInfoData select;
	HTAB	   *names;
	int			n;
} Output;

typedef struct OutputName
{
	char		name[NAMEDATALEN];	/* key */
	const char *source;			/* the column that it comes from */
} OutputName;

/* Names are cut to what PostgreSQL allows, and numbered where that makes two of them equal. */
static void
add_output(Output *output, const char *source, const char *name, const char *expression)
{
	OutputName *entry;
	char		key[NAMEDATALEN] = {0};
	bool		found;
	bool		cut = strlen(name) >= NAMEDATALEN;

	memcpy(key, name, cut ? pg_mbcliplen(name, strlen(name), NAMEDATALEN - 1) : (int) strlen(name));
	entry = hash_search(output->names, key, HASH_ENTER, &found);
	for (int number = 2; found && cut; number++)
	{
		char	   *suffix = psprintf("_%d", number);
		int			room = NAMEDATALEN - 1 - strlen(suffix);

		memset(key, 0, sizeof(key));
		memcpy(key, name, pg_mbcliplen(name, strlen(name), room));
		strcat(key, suffix);
		entry = hash_search(output->names, key, HASH_ENTER, &found);
	}
	if (found)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_COLUMN),
				 errmsg("there would be two columns \"%s\"", key),
				 errdetail("One is made from \"%s\", the other from \"%s\".", entry->source, source),
				 errhint("Rename one of them in a source that is a query.")));
	entry->source = source;
	if (++output->n > MAX_COLUMNS)
		ereport(ERROR,
				(errcode(ERRCODE_TOO_MANY_COLUMNS),
				 errmsg("the destination would have more than %d columns", MAX_COLUMNS),
				 errdetail("\"%s\" has no place any more.", key),
				 errhint("Keep the most frequent categories with the option \"top_k\", or use \"ordinal\" or \"target_encode\".")));
	appendStringInfo(&output->select, "%s %s AS %s", output->n > 1 ? "," : "SELECT", expression, quote_identifier(key));
}

/* A date in the zone of the preparation, whatever that of the session that reads it. */
static char *
local_time(const Prep *prep, const PrepColumn *column)
{
	if (getBaseType(column->type) != TIMESTAMPTZOID)
		return column->expression;
	return psprintf("pg_catalog.timezone(%s, %s)", quote_literal_cstr(prep->time_zone), column->expression);
}

static void
add_date_parts(Output *output, const Prep *prep, const PrepColumn *column)
{
	const char *time = local_time(prep, column);

	for (int part = 0; part < PREP_DATE_PARTS; part++)
	{
		const char *name = prep_date_parts[part];

		if (!(column->parts >> part & 1))
			continue;
		add_output(output, column->name, psprintf("%s_%s", column->name, name), strcmp(name, "is_weekend") == 0 ?
				   psprintf("(pg_catalog.date_part('isodow', %s) OPERATOR(pg_catalog.>=) '6'::pg_catalog.float8)::pg_catalog.int4", time) :
				   psprintf("pg_catalog.date_part('%s', %s)", name, time));
	}
}

/* The category as pandas writes it into a name. */
static const char *
category_name(const PrepColumn *column, const char *category)
{
	Oid			type = getBaseType(column->expression_type);

	if (type == BOOLOID)
		return strcmp(category, "true") == 0 ? "True" : "False";
	if ((type == FLOAT8OID || type == FLOAT4OID) && strspn(category, "-0123456789") == strlen(category))
		return psprintf("%s.0", category);
	return category;
}

static void
add_one_hot(Output *output, const Prep *prep, const PrepColumn *column)
{
	Oid			type = getBaseType(column->expression_type);
	const char *equal = prep_equal(type);

	for (int c = prep->drop_first ? 1 : 0; c < column->ncategories; c++)
	{
		const char *is = psprintf("(%s %s %s)::pg_catalog.int4", column->expression, equal,
								  prep_literal(column->categories[c], type));

		add_output(output, column->name, psprintf("%s_%s", column->name, category_name(column, column->categories[c])),
				   prep_has(column, STEP_IMPUTE) ? is : psprintf("COALESCE(%s, 0)", is));
	}
}

static void
add_columns(Output *output, const Prep *prep)
{
	for (int i = 0; i < prep->n; i++)
	{
		const PrepColumn *column = &prep->columns[i];

		if (prep_has(column, STEP_DROP))
			continue;
		if (prep_has(column, STEP_DATE_PARTS))
			add_date_parts(output, prep, column);
		else if (!prep_has(column, STEP_ONE_HOT))
			add_output(output, column->name, column->name, column->expression);
		if (column->was_missing && (column->was_missing_given || column->missing > 0))
			add_output(output, column->name, psprintf("%s_was_missing", column->name),
					   psprintf("(s.%s IS NULL)::pg_catalog.int4", quote_identifier(column->name)));
	}
	/* as pandas does: after all others, in the order of the list */
	for (int i = 0; i < prep->none_hot; i++)
		add_one_hot(output, prep, &prep->columns[prep->one_hot[i]]);
	if (output->n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the destination would have no columns"),
				 errdetail("All columns of the source are dropped, or have no category."),
				 errhint("Drop fewer columns.")));
}

/* ------------------------------------------------------------------------------------------------ counts */

typedef struct Counts
{
	Prep	   *prep;
	int64		all;
	int64		kept;
} Counts;

static void
take_counts(void *arg, TupleTableSlot *slot)
{
	Counts	   *counts = arg;
	int			k = 2;

	counts->all = DatumGetInt64(slot->tts_values[0]);
	counts->kept = DatumGetInt64(slot->tts_values[1]);
	for (int i = 0; i < counts->prep->n; i++)
		if (counts->prep->columns[i].was_missing)
			counts->prep->columns[i].missing = counts->kept - DatumGetInt64(slot->tts_values[k++]);
}

/* Rows, rows that stay, and the NULLs in them of columns that may say where they were. */
static Counts
count_rows(Prep *prep)
{
	Counts		counts = {.prep = prep};
	const char *filter = prep->where[0] ? psprintf(" FILTER (%s)", prep->where + 1) : "";
	StringInfoData query;
	EcmlSource	source;

	initStringInfo(&query);
	appendStringInfo(&query, "SELECT pg_catalog.count(*), pg_catalog.count(*)%s", filter);
	for (int i = 0; i < prep->n; i++)
		if (prep->columns[i].was_missing)
			appendStringInfo(&query, ", pg_catalog.count(s.%s)%s", quote_identifier(prep->columns[i].name), filter);
	appendStringInfo(&query, " FROM %s", prep->from);
	ecml_source_open_parallel(&source, query.data);
	ecml_source_run(&source, take_counts, &counts);
	return counts;
}

/* ------------------------------------------------------------------------------------------------ ecml_prepare */

static char *
text_argument(FunctionCallInfo fcinfo, int argument, const char *what)
{
	if (PG_ARGISNULL(argument))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the %s must not be NULL", what),
				 errdetail("It is NULL."),
				 errhint("Call it as in ecml_prepare('customers', 'customers_prepared', '{\"impute\": \"median\"}').")));
	return text_to_cstring(PG_GETARG_TEXT_PP(argument));
}

PG_FUNCTION_INFO_V1(ecml_prepare);

/* ecml_prepare(source text, destination text, options jsonb): (destination, kind, rows, dropped, columns, learnt) */
Datum
ecml_prepare(PG_FUNCTION_ARGS)
{
	char	   *source_text = text_argument(fcinfo, 0, "source");
	char	   *destination_text = text_argument(fcinfo, 1, "destination");
	Jsonb	   *options = PG_ARGISNULL(2) ? NULL : PG_GETARG_JSONB_P(2);
	MemoryContext caller = CurrentMemoryContext;
	EcmlSource	source;
	Prep		prep = {.source = &source,.source_text = source_text};
	Destination destination;
	Output		output = {.n = 0};
	HASHCTL		control = {.keysize = NAMEDATALEN,.entrysize = sizeof(OutputName)};
	Counts		counts;
	EcmlJson   *learnt = ecml_json_object();
	Datum		values[6];
	bool		nulls[6] = {false};
	int			nest;

	PreventCommandIfReadOnly("ecml_prepare()");
	prep.schema = pstrdup(quote_identifier(get_namespace_name(get_func_namespace(fcinfo->flinfo->fn_oid))));
	SPI_connect();
	/* what is read as text here must read the same anywhere */
	nest = NewGUCNestLevel();
	(void) set_config_option("extra_float_digits", "3", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	(void) set_config_option("datestyle", "ISO", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	(void) set_config_option("intervalstyle", "postgres", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);

	ecml_source_open(&source, source_text);
	read_columns(&prep);
	prep_parse_options(&prep, options);
	find_destination(&destination, &prep, destination_text);
	prep.from = psprintf("%s AS s", ecml_source_from(source_text));
	prep.where = make_where(&prep);
	counts = count_rows(&prep);
	prep_learn(&prep);

	output.names = hash_create("ecml_prepare columns", 256, &control, HASH_ELEM | HASH_STRINGS);
	initStringInfo(&output.select);
	add_columns(&output, &prep);
	appendStringInfo(&output.select, " FROM %s%s", prep.from, prep.where);
	make_relation(&prep, &destination, output.select.data, options ? ecml_json_text(options) : "{}");
	AtEOXact_GUC(true, nest);

	for (int i = 0; i < prep.n; i++)
		if (prep.columns[i].learnt)
			ecml_json_jsonb(learnt, prep.columns[i].name, ecml_json_finish(prep.columns[i].learnt));
	MemoryContextSwitchTo(caller);
	values[0] = CStringGetTextDatum(destination.name);
	values[1] = CStringGetTextDatum(prep.materialize ? "table" : "view");
	values[2] = Int64GetDatum(counts.kept);
	values[3] = Int64GetDatum(counts.all - counts.kept);
	values[4] = Int32GetDatum(output.n);
	values[5] = JsonbPGetDatum(ecml_json_finish(learnt));
	SPI_finish();
	PG_RETURN_DATUM(ecml_composite(ecml_composite_desc(fcinfo), values, nulls));
}
