/*
 * source.c - the rows of a source
 *
 * Read-only is kept in three ways: only a query can be given, its parse tree must not change data (a WITH that does is
 * found there), and while it runs the transaction is read-only, so that functions in it cannot write either.
 *
 * Unless the order of the rows cannot matter, the plan is not parallel and scans are not synchronised: the same table gives the
 * same row order, and with it the same model.
 */
#include "core/compat.h"

#include <ctype.h>

#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "executor/executor.h"
#include "nodes/makefuncs.h"
#include "nodes/parsenodes.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_node.h"
#include "parser/parser.h"
#include "parser/parsetree.h"
#include "tcop/dest.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/plancache.h"
#include "utils/syscache.h"
#include "utils/varlena.h"

#include "core/error.h"
#include "core/json.h"
#include "core/source.h"

/* Where the text begins, after white space and comments. */
static const char *
skip_comments(const char *text)
{
	for (;;)
	{
		while (isspace((unsigned char) *text))
			text++;
		if (text[0] == '-' && text[1] == '-')
			text += strcspn(text, "\n");
		else if (text[0] == '/' && text[1] == '*')
		{
			const char *end = strstr(text + 2, "*/");

			text = end ? end + 2 : text + strlen(text);
		}
		else
			return text;
	}
}

bool
ecml_source_is_query(const char *text)
{
	static const char *const words[] = {"select", "with", "values", "table"};

	text = skip_comments(text);
	if (*text == '(')
		return true;
	for (int i = 0; i < (int) lengthof(words); i++)
	{
		size_t		length = strlen(words[i]);
		char		next = text[0] && pg_strncasecmp(text, words[i], length) == 0 ? text[length] : '\0';

		/* a name may begin with such a word, or be one */
		if (next != '\0' && next != '_' && next != '.' && next != '$' && !IS_HIGHBIT_SET(next) &&
			!isalnum((unsigned char) next))
			return true;
	}
	return false;
}

/* The visible relation whose name is nearest, for a hint; NULL: none is near. */
static const char *
nearest_relation(const char *name)
{
	const char *nearest = NULL;

	/* names only, as the catalogs show them to everybody */
	SPI_connect();
	if (SPI_execute("SELECT relname FROM pg_catalog.pg_class WHERE relkind OPERATOR(pg_catalog.=) "
					"ANY (ARRAY['r', 'v', 'm', 'f', 'p']::pg_catalog.\"char\"[]) "
					"AND pg_catalog.pg_table_is_visible(oid) AND relnamespace OPERATOR(pg_catalog.<>) "
					"'pg_catalog'::pg_catalog.regnamespace", true, 10000) == SPI_OK_SELECT)
	{
		const char **names = palloc((SPI_processed + 1) * sizeof(char *));

		for (uint64 i = 0; i < SPI_processed; i++)
			names[i] = SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1);
		nearest = ecml_error_nearest(name, names, (int) SPI_processed);
		if (nearest)
		{
			char	   *copy = SPI_palloc(strlen(nearest) + 1);

			strcpy(copy, nearest);
			nearest = copy;
		}
	}
	SPI_finish();
	return nearest;
}

/* "schema"."name" of a relation's name, or an error. */
static char *
qualify(const char *text)
{
	List	   *names;
	RangeVar   *range;
	Oid			oid;

	if (text[strspn(text, " \t\r\n")] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the source is empty"),
				 errdetail("It holds nothing but white space."),
				 errhint("Give the name of a table or view, or a query that begins with SELECT, WITH, VALUES or TABLE.")));
	if (!SplitIdentifierString(pstrdup(text), '.', &names) || names == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the source is neither a name nor a query"),
				 errdetail("It is: %s", text),
				 errhint("A source is the name of a table or view, or a query that begins with SELECT, WITH, VALUES or TABLE.")));
	names = ecml_qualified_name_list(text);
	range = makeRangeVarFromNameList(names);
	oid = RangeVarGetRelid(range, NoLock, true);
	if (!OidIsValid(oid))
	{
		const char *nearest = nearest_relation(range->relname);

		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("relation \"%s\" does not exist", text),
				 errdetail("No relation of this name is visible in the search path, or in the schema given."),
				 errhint("%sA source is the name of a table or view, or a query that begins with SELECT, WITH, VALUES or TABLE.",
						 ecml_error_perhaps(nearest))));
	}
	switch (get_rel_relkind(oid))
	{
		case RELKIND_RELATION:
		case RELKIND_VIEW:
		case RELKIND_MATVIEW:
		case RELKIND_FOREIGN_TABLE:
		case RELKIND_PARTITIONED_TABLE:
			break;
		default:
			ereport(ERROR,
					(errcode(ERRCODE_WRONG_OBJECT_TYPE),
					 errmsg("\"%s\" is not a table or view", text),
					 errdetail("It is another kind of relation."),
					 errhint("A source is the name of a table or view, or a query.")));
	}
	return quote_qualified_identifier(get_namespace_name(get_rel_namespace(oid)), get_rel_name(oid));
}

static void
not_one(int statements)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("the source must be one query"),
			 errdetail("It holds %d statements.", statements),
			 errhint("Give a single query that begins with SELECT, WITH, VALUES or TABLE.")));
}

char *
ecml_source_from(const char *text)
{
	List	   *statements;
	RawStmt    *statement;
	int			length;

	if (!ecml_source_is_query(text))
		return qualify(text);
	/* the parser knows where the query ends: before a semicolon, and comments after it */
	statements = raw_parser(text, RAW_PARSE_DEFAULT);
	if (list_length(statements) != 1)
		not_one(list_length(statements));
	statement = linitial_node(RawStmt, statements);
	text += statement->stmt_location;
	length = statement->stmt_len > 0 ? statement->stmt_len : (int) strlen(text);
	return psprintf("(%.*s\n)", length, text);
}

/* Does a query, or one inside it, lock or change rows? */
static bool
touches_rows(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
	{
		Query	   *query = (Query *) node;

		return query->commandType != CMD_SELECT || query->rowMarks != NIL ||
			query_tree_walker(query, touches_rows, context, 0);
	}
	return expression_tree_walker(node, touches_rows, context);
}

/* Can the query only read? */
void
ecml_source_check_reads_only(SPIPlanPtr plan)
{
	List	   *sources = SPI_plan_get_plan_sources(plan);
	CachedPlanSource *source;
	Query	   *query;

	if (list_length(sources) != 1)
		not_one(list_length(sources));
	source = linitial(sources);
	query = list_length(source->query_list) == 1 ? linitial_node(Query, source->query_list) : NULL;
	if (query == NULL || source->resultDesc == NULL || touches_rows((Node *) query, NULL))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the source must only read"),
				 errdetail("It would change or lock rows."),
				 errhint("Give a query without INSERT, UPDATE, DELETE, MERGE, INTO and FOR UPDATE.")));
}

static void
prepare(EcmlSource *source, int options)
{
	CachedPlanSource *plan_source;
	MemoryContext caller = CurrentMemoryContext;

	source->plan = SPI_prepare_cursor(source->query, 0, NULL, options);
	if (source->plan == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the source cannot be run"),
				 errdetail("%s", SPI_result_code_string(SPI_result)),
				 errhint("Give a query that begins with SELECT, WITH, VALUES or TABLE.")));
	ecml_source_check_reads_only(source->plan);
	/* SPI leaves its own context behind, which ends with SPI_finish */
	MemoryContextSwitchTo(caller);
	plan_source = linitial(SPI_plan_get_plan_sources(source->plan));
	source->desc = CreateTupleDescCopy(plan_source->resultDesc);
	source->lazy = false;
}

void
ecml_source_open(EcmlSource *source, const char *text)
{
	if (ecml_source_is_query(text))
		source->query = pstrdup(text);
	else
		source->query = psprintf("SELECT * FROM %s", qualify(text));
	prepare(source, 0);
}

void
ecml_source_open_parallel(EcmlSource *source, const char *query)
{
	source->query = pstrdup(query);
	prepare(source, CURSOR_OPT_PARALLEL_OK);
}

typedef struct Receiver
{
	DestReceiver receiver;		/* must be first */
	EcmlRowFunction row;
	void	   *arg;
	MemoryContext per_row;
	bool		lazy;
} Receiver;

static bool
receive(TupleTableSlot *slot, DestReceiver *self)
{
	Receiver   *receiver = (Receiver *) self;
	MemoryContext old = MemoryContextSwitchTo(receiver->per_row);

	if (!receiver->lazy)
		slot_getallattrs(slot);
	receiver->row(receiver->arg, slot);
	MemoryContextSwitchTo(old);
	/* conversions may leave garbage; resetting an unused context costs next to nothing */
	MemoryContextReset(receiver->per_row);
	return true;
}

static void
begin_receive(DestReceiver *self, int operation, TupleDesc desc)
{
}

static void
end_receive(DestReceiver *self)
{
}

void
ecml_source_run(EcmlSource *source, EcmlRowFunction row, void *arg)
{
	Receiver	receiver = {
		.receiver = {
			.receiveSlot = receive,
			.rStartup = begin_receive,
			.rShutdown = end_receive,
			.rDestroy = end_receive,
			.mydest = DestNone
		},
		.row = row,
		.arg = arg,
		.lazy = source->lazy,
		.per_row = AllocSetContextCreate(CurrentMemoryContext, "ecml source row", ALLOCSET_DEFAULT_SIZES)
	};
	SPIExecuteOptions options = {0};
	MemoryContext caller = CurrentMemoryContext;
	bool		read_only = XactReadOnly;
	int			nest = NewGUCNestLevel();
	int			result;

	(void) set_config_option("synchronize_seqscans", "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	options.read_only = true;
	options.dest = &receiver.receiver;
	XactReadOnly = true;
	PG_TRY();
	{
		result = SPI_execute_plan_extended(source->plan, &options);
	}
	PG_FINALLY();
	{
		XactReadOnly = read_only;
	}
	PG_END_TRY();
	AtEOXact_GUC(true, nest);
	if (result < 0)
		elog(ERROR, "source could not be run: %s", SPI_result_code_string(result));
	/* SPI leaves its own context behind: what the caller makes next would end with SPI_finish */
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(receiver.per_row);
}

/* Does the statement give columns of a relation, of all its rows?  numbers [columns of the statement]: which, from 0 on. */
static bool
scans_table(const PlannedStmt *statement, Oid *relation, double *rows, int *numbers)
{
	const Plan *plan = statement->planTree;
	const RangeTblEntry *entry;
	Index		scanned;
	int			number = 0;
	ListCell   *cell;

	if (!IsA(plan, SeqScan) || plan->qual != NIL || plan->initPlan != NIL || statement->subplans != NIL ||
		statement->rowMarks != NIL)
		return false;
	scanned = ((const Scan *) plan)->scanrelid;
	entry = rt_fetch(scanned, statement->rtable);
	if (entry->rtekind != RTE_RELATION || (entry->relkind != RELKIND_RELATION && entry->relkind != RELKIND_MATVIEW))
		return false;
	foreach(cell, plan->targetlist)
	{
		const TargetEntry *column = lfirst_node(TargetEntry, cell);
		const Var  *var = (const Var *) column->expr;

		if (column->resjunk || !IsA(var, Var) || var->varno != scanned || var->varattno <= 0)
			return false;
		numbers[number++] = var->varattno - 1;
	}
	*relation = entry->relid;
	*rows = plan->plan_rows;
	return true;
}

/* The source's plan, to be released; NULL: it has none of its own. */
static CachedPlan *
get_plan(EcmlSource *source)
{
	bool		read_only = XactReadOnly;
	CachedPlan *plan = NULL;

	XactReadOnly = true;		/* planning may run functions */
	PG_TRY();
	{
		plan = SPI_plan_get_cached_plan(source->plan);
	}
	PG_FINALLY();
	{
		XactReadOnly = read_only;
	}
	PG_END_TRY();
	return plan;
}

bool
ecml_source_is_scan(EcmlSource *source, Oid *relation, double *rows, int *numbers)
{
	CachedPlan *plan = get_plan(source);
	PlannedStmt *statement;
	bool		result;

	if (plan == NULL)
		return false;
	statement = linitial_node(PlannedStmt, plan->stmt_list);
	result = scans_table(statement, relation, rows, numbers);
	if (result)
		(void) ecml_check_rights(statement);
	ReleaseCachedPlan(plan, NULL);
	return result;
}

bool
ecml_source_is_parallel(EcmlSource *source, double *rows)
{
	CachedPlan *plan = get_plan(source);
	const PlannedStmt *statement;
	bool		result;

	*rows = 0;
	if (plan == NULL)
		return false;
	statement = linitial_node(PlannedStmt, plan->stmt_list);
	*rows = statement->planTree->plan_rows;
	result = statement->parallelModeNeeded;
	ReleaseCachedPlan(plan, NULL);
	return result;
}

bool
ecml_source_is_table(EcmlSource *source, Oid *relation, double *rows)
{
	int		   *numbers = palloc((source->desc->natts + 1) * sizeof(int));
	bool		result = ecml_source_is_scan(source, relation, rows, numbers);

	for (int i = 0; result && i < source->desc->natts; i++)
		result = numbers[i] == i;
	pfree(numbers);
	return result;
}

int
ecml_source_column(const EcmlSource *source, const char *name, const char *what)
{
	const char **names = palloc((source->desc->natts + 1) * sizeof(char *));
	const char *nearest;

	for (int i = 0; i < source->desc->natts; i++)
	{
		names[i] = NameStr(TupleDescAttr(source->desc, i)->attname);
		if (strcmp(names[i], name) == 0)
			return i;
	}
	nearest = ecml_error_nearest(name, names, source->desc->natts);
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("%s column \"%s\" does not exist in the source", what, name),
			 errdetail("Its columns are: %s.", ecml_error_list(names, source->desc->natts)),
			 nearest ? errhint("Perhaps you mean \"%s\".", nearest) :
			 errhint("Name a column of the source.")));
	return -1;
}

Form_pg_attribute
ecml_source_key(const EcmlSource *source)
{
	if (source->desc->natts == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the source has no columns"),
				 errdetail("Its first column is the key of its rows."),
				 errhint("Give a table, or a query such as SELECT product_id, title FROM products.")));
	return TupleDescAttr(source->desc, 0);
}

int *
ecml_source_columns(const EcmlSource *source, Jsonb *list, const char *what, int *n)
{
	char	  **names = ecml_json_list(list, n);
	int		   *columns = palloc((*n + 1) * sizeof(int));

	for (int i = 0; i < *n; i++)
		columns[i] = ecml_source_column(source, names[i], what);
	return columns;
}

char *
ecml_source_argument(FunctionCallInfo fcinfo, int argument)
{
	if (PG_ARGISNULL(argument))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the source must not be NULL"),
				 errdetail("It is NULL."),
				 errhint("Give the name of a table or view, or a query.")));
	return text_to_cstring(PG_GETARG_TEXT_PP(argument));
}
