/*
 * load_csv_table_sql.c - values of a CSV's fields, and the table that takes them
 *
 * A new table is made by CREATE TABLE, with the caller's rights, and filled as COPY fills one: a thousand rows at a time
 * through the table access method.  Where more hangs on the table (one that was there, or that an event trigger added
 * something to) the rows are kept in a tuplestore and inserted by one INSERT, so that defaults, constraints, triggers, row
 * security, partitions and rules hold as they do for anybody.
 *
 * Types that csv_types.h does not read are read by their input functions.  What these reject they reject by an error, which
 * is caught in a subtransaction; it stays open over many values, for one a value would take longer than the value, and is
 * over before rows are written.
 */
#include "core/compat.h"

#include "access/heapam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/queryenvironment.h"
#include "utils/rel.h"
#include "utils/resowner.h"
#include "utils/tuplestore.h"
#include "utils/varlena.h"

#include "core/error.h"
#include "prep/load_csv_sql.h"

#define BATCH_ROWS 1000
#define BATCH_BYTES (256 * 1024)
#define BATCH_VALUES 10000		/* of input functions in one subtransaction */

struct CsvTarget
{
	int			ncolumns;
	CsvGuard   *guard;
	MemoryContext batch;		/* values of the rows that are not yet written */

	/* rows go straight into a new table */
	Relation	relation;		/* NULL: they go through the store */
	BulkInsertState bulk;
	TupleTableSlot *slots[BATCH_ROWS];
	int			nslots;
	Size		reserved;		/* by batch while it was empty */

	/* or into a store, and from there by INSERT */
	Tuplestorestate *store;
	TupleDesc	desc;
	Datum	   *values;
	bool	   *nulls;
	char	   *insert;
};

/* ------------------------------------------------------------------------------------------------ names */

void
csv_name_resolve(CsvName *name, const char *given, bool temporary, const char *what)
{
	RangeVar   *range;
	List	   *parts;
	Oid			namespace;

	if (given[strspn(given, " \t\r\n")] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the %s is empty", what),
				 errdetail("It holds nothing but white space."),
				 errhint("Give the name of a table, with a schema or without.")));
	if (!SplitIdentifierString(pstrdup(given), '.', &parts))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the %s is no name of a table", what),
				 errdetail("It is: %s", given),
				 errhint("Give a name, or schema.name; quote with double quotes what is not in lower case.")));
	range = makeRangeVarFromNameList(ecml_qualified_name_list(given));
	if (range->catalogname)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the %s has too many parts", what),
				 errdetail("It is: %s", given),
				 errhint("Give the name of a table, with a schema or without.")));
	range->relpersistence = temporary ? RELPERSISTENCE_TEMP : RELPERSISTENCE_PERMANENT;
	name->name = range->relname;
	namespace = RangeVarGetCreationNamespace(range);
	/* a temporary table in a schema that is none of temporary ones is refused by CREATE TABLE */
	if (temporary && (range->schemaname == NULL || strcmp(range->schemaname, "pg_temp") == 0))
		name->schema = NULL;
	else
		name->schema = get_namespace_name(namespace);
	name->quoted = quote_qualified_identifier(name->schema, name->name);
	name->oid = get_relname_relid(range->relname, namespace);
}

/* ------------------------------------------------------------------------------------------------ tables */

static void
execute(const char *command, int expected)
{
	int			result;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	result = SPI_execute(command, false, 0);
	if (result != expected)
		elog(ERROR, "\"%s\" failed: %s", command, SPI_result_code_string(result));
	SPI_finish();
}

/* Does nothing hang on a table but its columns, and are these the given ones? */
static bool
is_plain(Relation relation, const CsvTargetColumn *columns, int ncolumns)
{
	TupleDesc	desc = RelationGetDescr(relation);

	if (relation->rd_rel->relkind != RELKIND_RELATION || relation->rd_rel->relhasindex || relation->rd_rel->relhasrules ||
		relation->rd_rel->relhastriggers || relation->rd_rel->relrowsecurity || relation->rd_rel->relispartition ||
		desc->constr != NULL || desc->natts != ncolumns)
		return false;
	for (int i = 0; i < ncolumns; i++)
		if (TupleDescAttr(desc, i)->attisdropped || TupleDescAttr(desc, i)->atttypid != columns[i].type ||
			/* the input function of a domain checks it; a table's constraint on one would stand in desc->constr */
			strcmp(NameStr(TupleDescAttr(desc, i)->attname), columns[i].name) != 0)
			return false;
	return true;
}

/* Rows are collected, to be inserted into the columns by name. */
static void
begin_store(CsvTarget *target, const CsvName *name, const CsvTargetColumn *columns)
{
	StringInfoData insert;

	target->desc = CreateTemplateTupleDesc(target->ncolumns);
	initStringInfo(&insert);
	appendStringInfo(&insert, "INSERT INTO %s (", name->quoted);
	for (int i = 0; i < target->ncolumns; i++)
	{
		TupleDescInitEntry(target->desc, i + 1, columns[i].name, columns[i].type, columns[i].typmod, 0);
		TupleDescInitEntryCollation(target->desc, i + 1, get_typcollation(columns[i].type));
		appendStringInfo(&insert, "%s%s", i > 0 ? ", " : "", quote_identifier(columns[i].name));
	}
	appendStringInfoString(&insert, ") SELECT * FROM ecml_csv_rows");
	target->insert = insert.data;
	target->values = palloc(target->ncolumns * sizeof(Datum));
	target->nulls = palloc(target->ncolumns * sizeof(bool));
	target->store = tuplestore_begin_heap(false, false, work_mem);
}

static CsvTarget *
make_target(int ncolumns, CsvGuard *guard)
{
	CsvTarget  *target = palloc0(sizeof(CsvTarget));

	target->ncolumns = ncolumns;
	target->guard = guard;
	/* its first block, which a reset keeps, is meant to hold a batch */
	target->batch = AllocSetContextCreate(CurrentMemoryContext, "ecml csv rows", BATCH_BYTES, BATCH_BYTES, 8 * 1024 * 1024);
	target->reserved = MemoryContextMemAllocated(target->batch, false);
	return target;
}

CsvTarget *
csv_target_create(const CsvName *name, const char *kind, const CsvTargetColumn *columns, int ncolumns,
				  CsvGuard *guard)
{
	CsvTarget  *target = make_target(ncolumns, guard);
	StringInfoData create;
	CsvName		made = *name;
	RangeVar   *range;

	initStringInfo(&create);
	appendStringInfo(&create, "CREATE %sTABLE %s (", kind, name->quoted);
	for (int i = 0; i < ncolumns; i++)
		appendStringInfo(&create, "%s%s %s", i > 0 ? ", " : "", quote_identifier(columns[i].name),
						 format_type_extended(columns[i].type, columns[i].typmod,
											  FORMAT_TYPE_TYPEMOD_GIVEN | FORMAT_TYPE_FORCE_QUALIFY));
	appendStringInfoChar(&create, ')');
	execute(create.data, SPI_OK_UTILITY);

	range = makeRangeVar(name->schema ? name->schema : "pg_temp", name->name, -1);
	made.oid = RangeVarGetRelid(range, NoLock, false);
	target->relation = table_open(made.oid, RowExclusiveLock);
	if (!is_plain(target->relation, columns, ncolumns))
	{
		table_close(target->relation, NoLock);
		target->relation = NULL;
		begin_store(target, name, columns);
		return target;
	}
	target->bulk = GetBulkInsertState();
	for (int i = 0; i < BATCH_ROWS; i++)
		target->slots[i] = NULL;
	return target;
}

CsvTarget *
csv_target_append(const CsvName *name, const CsvTargetColumn *columns, int ncolumns, CsvGuard *guard)
{
	CsvTarget  *target = make_target(ncolumns, guard);

	begin_store(target, name, columns);
	return target;
}

void
csv_target_row(CsvTarget *target, Datum **values, bool **nulls)
{
	TupleTableSlot *slot;

	if (target->relation == NULL)
	{
		*values = target->values;
		*nulls = target->nulls;
		return;
	}
	slot = target->slots[target->nslots];
	if (slot == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(GetMemoryChunkContext(target));

		/* it belongs to the transaction, not to a subtransaction that may be open */
		csv_guard_close(target->guard);
		slot = target->slots[target->nslots] = table_slot_create(target->relation, NULL);
		MemoryContextSwitchTo(old);
	}
	ExecClearTuple(slot);
	*values = slot->tts_values;
	*nulls = slot->tts_isnull;
}

MemoryContext
csv_target_memory(CsvTarget *target)
{
	return target->batch;
}

static void
write_batch(CsvTarget *target)
{
	MemoryContext old = MemoryContextSwitchTo(target->batch);

	csv_guard_close(target->guard);
	CHECK_FOR_INTERRUPTS();
	if (target->nslots > 0)
		table_multi_insert(target->relation, target->slots, target->nslots, GetCurrentCommandId(true),
						   TABLE_INSERT_SKIP_FSM, target->bulk);
	for (int i = 0; i < target->nslots; i++)
		ExecClearTuple(target->slots[i]);
	target->nslots = 0;
	MemoryContextSwitchTo(old);
	MemoryContextReset(target->batch);
}

void
csv_target_add(CsvTarget *target)
{
	if (target->relation == NULL)
	{
		tuplestore_putvalues(target->store, target->desc, target->values, target->nulls);
		MemoryContextReset(target->batch);
		return;
	}
	ExecStoreVirtualTuple(target->slots[target->nslots++]);
	if (target->nslots == BATCH_ROWS ||
		MemoryContextMemAllocated(target->batch, false) > target->reserved)
		write_batch(target);
}

void
csv_target_finish(CsvTarget *target)
{
	csv_guard_close(target->guard);
	if (target->relation)
	{
		write_batch(target);
		FreeBulkInsertState(target->bulk);
		table_finish_bulk_insert(target->relation, TABLE_INSERT_SKIP_FSM);
		for (int i = 0; i < BATCH_ROWS && target->slots[i]; i++)
			ExecDropSingleTupleTableSlot(target->slots[i]);
		table_close(target->relation, NoLock);
		CommandCounterIncrement();
	}
	else
	{
		EphemeralNamedRelationData rows = {
			.md = {
				.name = "ecml_csv_rows",
				.tupdesc = target->desc,
				.enrtype = ENR_NAMED_TUPLESTORE,
				.enrtuples = tuplestore_tuple_count(target->store)
			},
			.reldata = target->store
		};

		if (SPI_connect() != SPI_OK_CONNECT || SPI_register_relation(&rows) != SPI_OK_REL_REGISTER)
			elog(ERROR, "the rows could not be shown to SPI");
		if (SPI_execute(target->insert, false, 0) != SPI_OK_INSERT)
			elog(ERROR, "\"%s\" failed: %s", target->insert, SPI_result_code_string(SPI_result));
		SPI_finish();
		tuplestore_end(target->store);
	}
	MemoryContextDelete(target->batch);
}

/* ------------------------------------------------------------------------------------------------ values */

void
csv_column_plan(CsvTargetColumn *column, bool declared, int dayfirst)
{
	Oid			input;
	char		category;
	bool		preferred;

	column->by_input = declared;
	column->order = csv_order(&column->looked, dayfirst);
	switch (column->type)
	{
		case BOOLOID:
			column->reading = CSV_TYPE_BOOLEAN;
			break;
		case INT2OID:
		case INT4OID:
			column->reading = CSV_TYPE_INTEGER;
			break;
		case INT8OID:
			column->reading = CSV_TYPE_BIGINT;
			break;
		case NUMERICOID:
			column->by_input = true;	/* more digits than fit 64 bits */
			column->reading = CSV_TYPE_NUMERIC;
			break;
		case FLOAT4OID:
		case FLOAT8OID:
			column->reading = CSV_TYPE_DOUBLE;
			break;
		case DATEOID:
			column->reading = CSV_TYPE_DATE;
			break;
		case TIMESTAMPOID:
			column->reading = CSV_TYPE_TIMESTAMP;
			break;
		case TIMESTAMPTZOID:
			column->reading = CSV_TYPE_TIMESTAMPTZ;
			break;
		case TIMEOID:
			column->reading = CSV_TYPE_TIME;
			break;
		case UUIDOID:
			column->reading = CSV_TYPE_UUID;
			break;
		default:
			column->by_input = column->type != TEXTOID;
			column->reading = CSV_TYPE_TEXT;
	}
	/* timestamp(0) rounds */
	if (column->typmod >= 0 && column->reading >= CSV_TYPE_DATE)
		column->reading = CSV_TYPE_TEXT;
	get_type_category_preferred(getBaseType(column->type), &category, &preferred);
	column->string = category == TYPCATEGORY_STRING;
	getTypeInputInfo(column->type, &input, &column->input_param);
	fmgr_info(input, &column->input);
}

static void
open_guard(CsvGuard *guard)
{
	MemoryContext context = CurrentMemoryContext;

	if (guard->open)
		return;
	guard->owner = CurrentResourceOwner;
	guard->values = 0;
	BeginInternalSubTransaction(NULL);
	guard->open = true;
	MemoryContextSwitchTo(context);
}

void
csv_guard_close(CsvGuard *guard)
{
	MemoryContext context = CurrentMemoryContext;

	if (!guard->open)
		return;
	guard->open = false;
	ReleaseCurrentSubTransaction();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = guard->owner;
}

bool
csv_input_function(CsvGuard *guard, CsvTargetColumn *column, char *value, Datum *result, char **reason)
{
	MemoryContext context = CurrentMemoryContext;
	volatile bool fine = true;

	open_guard(guard);
	PG_TRY();
	{
		*result = InputFunctionCall(&column->input, value, column->input_param, column->typmod);
	}
	PG_CATCH();
	{
		ErrorData  *error;
		int			class;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		class = ERRCODE_TO_CATEGORY(error->sqlerrcode);
		/* a cancel and the end of the session are nobody's value; nor are troubles of the system */
		if (class == ERRCODE_OPERATOR_INTERVENTION || class == ERRCODE_INSUFFICIENT_RESOURCES ||
			class == ERRCODE_INTERNAL_ERROR || class == ERRCODE_SYSTEM_ERROR)
			PG_RE_THROW();
		FlushErrorState();
		guard->open = false;
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = guard->owner;
		*reason = error->message;
		fine = false;
	}
	PG_END_TRY();
	if (fine && ++guard->values >= BATCH_VALUES)
		csv_guard_close(guard);
	return fine;
}
