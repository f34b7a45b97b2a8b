/*
 * items_sql.c - the item table at query time: filters, boosts, and a user's present rows
 *
 * The filter is the caller's own SQL, one expression on the item table's columns.  It is parsed alone, and must be one boolean
 * expression and nothing else; the statement around it runs with the caller's rights, row security applies, and while it runs the
 * transaction is read-only.  Only items that could be listed are asked for, by their key.
 *
 * Statements are kept prepared for the session, by their text, role and search path; PostgreSQL plans them anew when what they
 * refer to changes.
 */
#include "core/compat.h"

#include <math.h>

#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "parser/parser.h"
#include "utils/array.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "core/bind.h"
#include "core/catalog.h"
#include "recommend/recommend_sql.h"

#define KEPT_STATEMENTS 64
#define LASTING 0.9				/* what a filter let through counts so much less with each time that it is asked */

typedef struct Statement
{
	char	   *key;			/* what it was made for */
	SPIPlanPtr	plan;
	bool		integers;		/* ids go in and out as int8, not as texts */
	int			running;		/* calls of it that have not ended: functions of a filter may recommend, too */
	uint64		used;
	double		asked;			/* items asked for by their keys, lately */
	double		passed;			/* of them */
} Statement;

static Statement statements[KEPT_STATEMENTS];
static uint64 uses = 0;

static char *
statement_key(const char *kind, const char *const *parts, int n)
{
	StringInfoData key;

	initStringInfo(&key);
	appendStringInfo(&key, "%s %u %s", kind, GetUserId(), namespace_search_path);
	for (int i = 0; i < n; i++)
		appendStringInfo(&key, "\x01%s", parts[i] ? parts[i] : "\x02");
	return key.data;
}

static Statement *
find_statement(const char *key)
{
	for (int i = 0; i < KEPT_STATEMENTS; i++)
		if (statements[i].key && strcmp(statements[i].key, key) == 0)
		{
			statements[i].used = ++uses;
			return &statements[i];
		}
	return NULL;
}

static Statement *
keep_statement(const char *key, SPIPlanPtr plan, bool integers)
{
	int			oldest = -1;
	char	   *copy = MemoryContextStrdup(TopMemoryContext, key);

	if (SPI_keepplan(plan) != 0)
		elog(ERROR, "a statement could not be kept");
	for (int i = 0; i < KEPT_STATEMENTS; i++)
		if (statements[i].running == 0 && (oldest < 0 || statements[i].used < statements[oldest].used))
			oldest = i;
	if (oldest < 0)
		ereport(ERROR,
				(errcode(ERRCODE_STATEMENT_TOO_COMPLEX),
				 errmsg("too many filters run within each other"),
				 errdetail("There are %d.", KEPT_STATEMENTS),
				 errhint("A function of a filter should not ask for recommendations with a filter.")));
	if (statements[oldest].key)
	{
		SPI_freeplan(statements[oldest].plan);
		pfree(statements[oldest].key);
	}
	statements[oldest] = (Statement) {copy, plan, integers, 0, ++uses, 1, 1};
	return &statements[oldest];
}

/* Run with one argument, read-only: results as SPI leaves them. */
static void
run(Statement *statement, Datum argument, bool isnull)
{
	Datum		values[] = {argument};
	bool		read_only = XactReadOnly;
	int			result = 0;

	XactReadOnly = true;
	statement->running++;
	PG_TRY();
	{
		result = SPI_execute_plan(statement->plan, values, isnull ? "n" : " ", true, 0);
	}
	PG_FINALLY();
	{
		XactReadOnly = read_only;
		statement->running--;
	}
	PG_END_TRY();
	if (result != SPI_OK_SELECT)
		elog(ERROR, "a query on items could not be run: %s", SPI_result_code_string(result));
}

/* Is it one expression, that can stand in parentheses?  The error names the option. */
static void
check_expression(const char *what, const char *text)
{
	List	   *parsed = raw_parser(psprintf("SELECT (%s\n)", text), RAW_PARSE_DEFAULT);
	const SelectStmt *statement = NULL;

	if (list_length(parsed) == 1 && IsA(linitial_node(RawStmt, parsed)->stmt, SelectStmt))
		statement = (const SelectStmt *) linitial_node(RawStmt, parsed)->stmt;
	if (statement == NULL || statement->op != SETOP_NONE || list_length(statement->targetList) != 1 ||
		statement->fromClause || statement->whereClause || statement->groupClause || statement->havingClause ||
		statement->windowClause || statement->sortClause || statement->limitCount || statement->limitOffset ||
		statement->lockingClause || statement->withClause || statement->intoClause || statement->distinctClause ||
		statement->valuesLists || ((ResTarget *) linitial(statement->targetList))->name != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the option \"%s\" must be one SQL expression", what),
				 errdetail("It is: %s", text),
				 errhint("Give an expression on the item table's columns, as in \"stock > 0 AND category = 'shoes'\".")));
}

/* A type as a cast wants it: "character" would be one character. */
static char *
type_name(Oid type)
{
	return format_type_extended(type, -1, FORMAT_TYPE_TYPEMOD_GIVEN | FORMAT_TYPE_FORCE_QUALIFY);
}

/* The statement for some items ($1: their ids) or for all. */
static Statement *
make_statement(const RecItemQuery *query, bool all, const char *kept_as)
{
	EcmlSource	source;
	int			column;
	Oid			type;
	Oid			arguments[] = {TEXTARRAYOID};
	StringInfoData text;
	const char *key;
	SPIPlanPtr	plan;
	bool		integers;

	if (query->filter)
		check_expression("filter", query->filter);
	if (query->boost)
		check_expression("boost", query->boost);
	ecml_source_open(&source, query->items);
	column = ecml_source_column(&source, query->key, "item key");
	type = getBaseType(TupleDescAttr(source.desc, column)->atttypid);
	/* most keys are integers, which need no texts on the way */
	integers = type == INT2OID || type == INT4OID || type == INT8OID;
	if (integers)
		arguments[0] = INT8ARRAYOID;
	key = psprintf("i.%s", quote_identifier(query->key));
	initStringInfo(&text);
	appendStringInfo(&text, "SELECT %s::pg_catalog.%s, ", key, integers ? "int8" : "text");
	if (query->boost)
		appendStringInfo(&text, "(%s\n)::pg_catalog.float8", query->boost);
	else
		appendStringInfoString(&text, "1::pg_catalog.float8");
	appendStringInfo(&text, " FROM %s AS i WHERE ", ecml_source_from(query->items));
	if (all)
		appendStringInfoString(&text, "$1 IS NULL");
	else if (integers)
		appendStringInfo(&text, "%s OPERATOR(pg_catalog.=) ANY ($1)", key);
	else
		appendStringInfo(&text, "%s OPERATOR(pg_catalog.=) ANY ($1::pg_catalog.text[]::%s[])", key,
						 type_name(type));
	if (query->filter)
		appendStringInfo(&text, " AND (%s\n)", query->filter);
	/* one plan for all calls: planning costs more than the query.  That it only reads is checked as for any source */
	plan = SPI_prepare_cursor(text.data, 1, arguments, CURSOR_OPT_GENERIC_PLAN);
	if (plan == NULL)
		elog(ERROR, "a query on items could not be prepared: %s", SPI_result_code_string(SPI_result));
	ecml_source_check_reads_only(plan);
	return keep_statement(kept_as, plan, integers);
}

/* Ids as an array of int8, without those that are none and so cannot be keys. */
static Datum
integer_ids(const RecModel *model, const RecBest *wanted, int n)
{
	Datum	   *values = palloc((n + 1) * sizeof(Datum));
	int			count = 0;

	for (int i = 0; i < n; i++)
	{
		const char *id = rec_text(&model->ids, wanted[i].item);
		char	   *end;
		long long	value;

		errno = 0;
		value = strtoll(id, &end, 10);
		if (*end == '\0' && end != id && errno == 0)
			values[count++] = Int64GetDatum((int64) value);
	}
	return PointerGetDatum(construct_array(values, count, INT8OID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

static Datum
text_ids(const RecModel *model, const RecBest *wanted, int n)
{
	Datum	   *values = palloc((n + 1) * sizeof(Datum));

	for (int i = 0; i < n; i++)
		values[i] = CStringGetTextDatum(rec_text(&model->ids, wanted[i].item));
	return PointerGetDatum(construct_array(values, n, TEXTOID, -1, false, TYPALIGN_INT));
}

/* The item of an id in a result. */
static int
find_item(const RecModel *model, Datum id, bool integer)
{
	char		number[32];
	text	   *packed;

	if (integer)
		return rec_model_find(model, number, pg_lltoa(DatumGetInt64(id), number));
	packed = DatumGetTextPP(id);
	return rec_model_find(model, VARDATA_ANY(packed), VARSIZE_ANY_EXHDR(packed));
}

static char *
query_key(const RecItemQuery *query, bool all)
{
	const char *parts[] = {query->items, query->key, query->filter, query->boost};

	return statement_key(all ? "all" : "some", parts, lengthof(parts));
}

double
rec_items_passing(const RecItemQuery *query)
{
	const Statement *statement = find_statement(query_key(query, false));

	return statement ? statement->passed / statement->asked : 1;
}

void
rec_items_ask(const RecItemQuery *query, const RecBest *wanted, int n, uint8_t *allowed, float *boost)
{
	char	   *key = query_key(query, wanted == NULL);
	Statement  *statement = find_statement(key);
	bool		integers;

	if (statement == NULL)
		statement = make_statement(query, wanted == NULL, key);
	integers = statement->integers;
	run(statement, wanted == NULL ? (Datum) 0 : integers ? integer_ids(query->model, wanted, n) :
		text_ids(query->model, wanted, n), wanted == NULL);
	if (wanted)
	{
		statement->asked = LASTING * statement->asked + n;
		statement->passed = LASTING * statement->passed + Min(SPI_processed, (uint64) n);
	}
	for (uint64 r = 0; r < SPI_processed; r++)
	{
		HeapTuple	tuple = SPI_tuptable->vals[r];
		bool		isnull;
		Datum		id = SPI_getbinval(tuple, SPI_tuptable->tupdesc, 1, &isnull);
		int			item = isnull ? -1 : find_item(query->model, id, integers);

		if (item < 0)
			continue;
		allowed[item] = 1;
		if (query->boost)
		{
			double		value = DatumGetFloat8(SPI_getbinval(tuple, SPI_tuptable->tupdesc, 2, &isnull));

			value = isnull ? 1 : value;
			if (!isfinite(value) || value < 0)
				ereport(ERROR,
						(errcode(ERRCODE_DATA_EXCEPTION),
						 errmsg("a boost must be a number of at least 0"),
						 errdetail("Of item \"%s\" it is %g.", rec_text(&query->model->ids, item), value),
						 errhint("Scores are multiplied by it; 0 leaves the item out.")));
			boost[item] = (float) value;
		}
	}
	SPI_freetuptable(SPI_tuptable);
}

/* ---- the present rows of a user */

static SPIPlanPtr
make_present(const RecModel *model, const char *source_text)
{
	EcmlSource	source;
	Oid			arguments[] = {TEXTOID};
	int			column;
	StringInfoData text;
	SPIPlanPtr	plan;

	ecml_source_open(&source, source_text);
	column = ecml_source_column(&source, model->user_column, "user");
	(void) ecml_source_column(&source, model->item_column, "item");
	initStringInfo(&text);
	appendStringInfo(&text, "SELECT s.%s::pg_catalog.text", quote_identifier(model->item_column));
	if (model->value_column[0])
		appendStringInfo(&text, ", s.%s::pg_catalog.float8", quote_identifier(model->value_column));
	else
		appendStringInfoString(&text, ", 1::pg_catalog.float8");
	if (model->time_column[0] && model->half_life > 0)
		appendStringInfo(&text, ", extract(epoch FROM s.%s)::pg_catalog.float8 - 946684800", quote_identifier(model->time_column));
	else
		appendStringInfoString(&text, ", NULL::pg_catalog.float8");
	appendStringInfo(&text, " FROM %s AS s WHERE s.%s OPERATOR(pg_catalog.=) $1::%s", ecml_source_from(source_text),
					 quote_identifier(model->user_column),
					 type_name(getBaseType(TupleDescAttr(source.desc, column)->atttypid)));
	plan = SPI_prepare_cursor(text.data, 1, arguments, CURSOR_OPT_GENERIC_PLAN);
	if (plan == NULL)
		elog(ERROR, "a query on interactions could not be prepared: %s", SPI_result_code_string(SPI_result));
	ecml_source_check_reads_only(plan);
	return plan;
}

void
rec_items_present(const RecModel *model, int64 model_id, const char *model_name, const char *user_id, RecUserRow *row)
{
	char		number[32];
	const char *parts[] = {number};
	char	   *key;
	Statement  *statement;
	double	   *sums;
	int		   *counts;
	int			n = 0;

	pg_lltoa(model_id, number);
	key = statement_key("present", parts, 1);
	statement = find_statement(key);
	if (statement == NULL)
	{
		char	   *algorithm;
		EcmlProvenance provenance;
		Oid			owner;

		ecml_catalog_provenance(model_name, &algorithm, &provenance, &owner);
		if (provenance.source == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("model \"%s\" was not trained from a source", model_name),
					 errdetail("It was stored by ecml_save, so that there are no rows to read again."),
					 errhint("Leave the option \"fresh\" out.")));
		statement = keep_statement(key, make_present(model, provenance.source), false);
	}
	run(statement, CStringGetTextDatum(user_id), false);
	sums = MemoryContextAllocExtended(CurrentMemoryContext, ((size_t) model->items + 1) * sizeof(double),
									  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	counts = MemoryContextAllocExtended(CurrentMemoryContext, ((size_t) model->items + 1) * sizeof(int),
										MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (uint64 r = 0; r < SPI_processed; r++)
	{
		HeapTuple	tuple = SPI_tuptable->vals[r];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		bool		isnull;
		Datum		id = SPI_getbinval(tuple, desc, 1, &isnull);
		int			item;
		double		value;

		if (isnull)
			continue;
		item = find_item(model, id, false);
		value = DatumGetFloat8(SPI_getbinval(tuple, desc, 2, &isnull));
		if (item < 0 || isnull || !isfinite(value))
			continue;
		if (model->half_life > 0)
		{
			double		at = DatumGetFloat8(SPI_getbinval(tuple, desc, 3, &isnull));

			if (!isnull && isfinite(at))
				value *= exp2(Min(at - model->last, 100 * model->half_life) / model->half_life);
		}
		sums[item] += value;
		n += counts[item]++ == 0;
	}
	SPI_freetuptable(SPI_tuptable);
	row->found = true;
	row->items = palloc((n + 1) * sizeof(int32_t));
	row->values = palloc((n + 1) * sizeof(float));
	row->n = 0;
	row->factors = NULL;
	for (int i = 0; n > 0 && i < model->items; i++)
		if (counts[i] > 0 && (model->ratings || sums[i] > 0))
		{
			row->items[row->n] = i;
			row->values[row->n++] = (float) (model->ratings ? sums[i] / counts[i] : sums[i]);
		}
	rec_weigh_user(model, row->n, row->items, row->values);
}
