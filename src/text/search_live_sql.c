/*
 * search_live_sql.c - search indexes that follow a table: the trigger, and what has changed since the index was built
 *
 * The trigger writes down, for each row that changes, the id and what the source now gives for it; it runs the source as the owner of
 * the index, as ecml_retrain does, whoever changes the table.  Searches read these rows under their snapshot, so that a transaction
 * finds what it has written itself, and others find it when it is committed.  ecml_retrain makes an index of all that, with no changes.
 */
#include "core/compat.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "catalog/partition.h"
#include "commands/trigger.h"
#include "common/hashfn.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "core/catalog.h"
#include "core/source.h"
#include "text/search_sql.h"

/* ---- the trigger */

typedef struct Follower
{
	int64		model_id;
	Oid			owner;
	char	   *source;
	char	   *key;			/* name of the column, of source and table */
	int			nfields;
	Datum	   *fields;			/* names */
	char	   *category;		/* NULL: none */
} Follower;

/* The index that follows this table under the name; false: none does, any more. */
static bool
find_follower(const char *name, Oid table, Follower *follower)
{
	Oid			types[] = {TEXTOID};
	Datum		values[] = {CStringGetTextDatum(name)};
	bool		followed = false;
	HeapTuple	tuple;
	TupleDesc	desc;
	bool		isnull;
	bool	   *nulls;
	Datum		names;

	if (ecml_catalog_execute("SELECT m.model_id, m.owner::pg_catalog.oid, m.source, l.relation, l.key, l.fields, l.category "
							 "FROM ecml.model m JOIN ecml.search_live l ON l.model_id OPERATOR(pg_catalog.=) m.model_id "
							 "WHERE m.name OPERATOR(pg_catalog.=) $1 AND m.active", 1, types, values, NULL) != 1)
		return false;
	tuple = SPI_tuptable->vals[0];
	desc = SPI_tuptable->tupdesc;
	/* a trigger that somebody else has put on a table of his own may not change the index; a partition is its table */
	for (Oid oid = table; OidIsValid(oid) && !followed; oid = get_rel_relispartition(oid) ? get_partition_parent(oid, true) : InvalidOid)
		followed = strcmp(SPI_getvalue(tuple, desc, 4),
						  quote_qualified_identifier(get_namespace_name(get_rel_namespace(oid)), get_rel_name(oid))) == 0;
	if (!followed)
		return false;
	follower->model_id = DatumGetInt64(SPI_getbinval(tuple, desc, 1, &isnull));
	follower->owner = DatumGetObjectId(SPI_getbinval(tuple, desc, 2, &isnull));
	follower->source = SPI_getvalue(tuple, desc, 3);
	follower->key = SPI_getvalue(tuple, desc, 5);
	names = SPI_getbinval(tuple, desc, 6, &isnull);
	deconstruct_array(DatumGetArrayTypePCopy(names), TEXTOID, -1, false, TYPALIGN_INT, &follower->fields, &nulls, &follower->nfields);
	follower->category = SPI_getvalue(tuple, desc, 7);
	return true;
}

static void
write_change(const Follower *follower, const char *id, Datum fields, bool present, const char *category)
{
	Oid			types[] = {INT8OID, TEXTOID, TEXTARRAYOID, TEXTOID};
	Datum		values[] = {Int64GetDatum(follower->model_id), CStringGetTextDatum(id), fields,
	category ? CStringGetTextDatum(category) : (Datum) 0};
	char		nulls[] = {' ', ' ', present ? ' ' : 'n', category ? ' ' : 'n', '\0'};

	ecml_catalog_execute("INSERT INTO ecml.search_change (model_id, id, fields, category) VALUES ($1, $2, $3, $4)", 4, types, values,
						 nulls);
}

/* What the source gives now for a key, written down. */
static void
change(const Follower *follower, Datum key, Oid type, const char *id)
{
	const char *columns[SEARCH_MAX_FIELDS];
	StringInfoData query;
	Oid			user;
	int			security;
	int			nest;
	int			rc;
	Datum		fields = (Datum) 0;
	char	   *category = NULL;
	bool		present = false;

	initStringInfo(&query);
	appendStringInfoString(&query, "SELECT ARRAY[");
	for (int f = 0; f < follower->nfields && f < SEARCH_MAX_FIELDS; f++)
	{
		columns[f] = quote_identifier(TextDatumGetCString(follower->fields[f]));
		appendStringInfo(&query, "%ss.%s::pg_catalog.text", f > 0 ? ", " : "", columns[f]);
	}
	appendStringInfo(&query, "], ");
	if (follower->category)
		appendStringInfo(&query, "s.%s::pg_catalog.text", quote_identifier(follower->category));
	else
		appendStringInfoString(&query, "NULL::pg_catalog.text");
	appendStringInfo(&query, " FROM %s AS s WHERE s.%s = $1 LIMIT 1", ecml_source_from(follower->source), quote_identifier(follower->key));
	nest = NewGUCNestLevel();
	GetUserIdAndSecContext(&user, &security);
	SetUserIdAndSecContext(follower->owner, security | SECURITY_LOCAL_USERID_CHANGE | SECURITY_RESTRICTED_OPERATION);
	rc = SPI_execute_with_args(query.data, 1, &type, &key, NULL, false, 1);
	AtEOXact_GUC(false, nest);
	SetUserIdAndSecContext(user, security);
	if (rc != SPI_OK_SELECT)
		elog(ERROR, "the source of a search index gave no rows: %s", SPI_result_code_string(rc));
	if (SPI_processed > 0)
	{
		bool		isnull;

		present = true;
		fields = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
		category = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2);
	}
	write_change(follower, id, fields, present, category);
}

PG_FUNCTION_INFO_V1(ecml_search_follow);

/* ecml.search_follow(): the trigger; its argument is the name of the index */
Datum
ecml_search_follow(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	Follower	follower;
	TupleDesc	desc;
	HeapTuple	tuples[2];
	char	   *ids[2] = {NULL};
	Datum		keys[2];
	int			column;
	int			n = 0;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_FOR_ROW(trigger->tg_event) || !TRIGGER_FIRED_AFTER(trigger->tg_event) ||
		trigger->tg_trigger->tgnargs != 1)
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("ecml.search_follow is a trigger after changes of rows"),
				 errdetail("It is called in another way."),
				 errhint("Build the index with the option \"live\", which makes the trigger.")));
	tuples[n++] = trigger->tg_trigtuple;
	if (TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
		tuples[n++] = trigger->tg_newtuple;
	SPI_connect();
	if (!find_follower(trigger->tg_trigger->tgargs[0], RelationGetRelid(trigger->tg_relation), &follower))
	{
		SPI_finish();
		return PointerGetDatum(NULL);
	}
	desc = RelationGetDescr(trigger->tg_relation);
	column = SPI_fnumber(desc, follower.key);
	if (column <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" is gone", follower.key),
				 errdetail("The search index \"%s\" knows its documents by it.", trigger->tg_trigger->tgargs[0]),
				 errhint("Build the index again, or drop the trigger \"%s\".", trigger->tg_trigger->tgname)));
	for (int i = 0; i < n; i++)
	{
		bool		isnull;

		keys[i] = SPI_getbinval(tuples[i], desc, column, &isnull);
		if (!isnull)
			ids[i] = SPI_getvalue(tuples[i], desc, column);
	}
	for (int i = 0; i < n; i++)
		if (ids[i] && !(i == 1 && ids[0] && strcmp(ids[0], ids[1]) == 0))
			change(&follower, keys[i], TupleDescAttr(desc, column - 1)->atttypid, ids[i]);
	SPI_finish();
	return PointerGetDatum(NULL);
}

/* ---- reading */

int
search_changes(int64 model_id, int fields, SearchChange **changes)
{
	Relation	table = table_open(ecml_catalog_relation("search_change"), AccessShareLock);
	Relation	index = index_open(ecml_catalog_relation("search_change_pkey"), AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	int			n = 0;
	int			capacity = 0;
	HTAB	   *known = NULL;

	*changes = NULL;
	ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(model_id));
	scan = systable_beginscan_ordered(table, index, GetActiveSnapshot(), 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext_ordered(scan, ForwardScanDirection)))
	{
		TupleDesc	desc = RelationGetDescr(table);
		bool		isnull;
		char	   *id = TextDatumGetCString(heap_getattr(tuple, 3, desc, &isnull));
		Datum		value;
		SearchChange *change = NULL;
		uint64		hash = hash_bytes_extended((unsigned char *) id, strlen(id), 0);
		struct ByHash
		{
			uint64		hash;
			int			at;
		}		   *entry;
		bool		found;

		if (known == NULL)
		{
			HASHCTL		control = {.keysize = sizeof(uint64),.entrysize = sizeof(struct ByHash),.hcxt = CurrentMemoryContext};

			known = hash_create("ecml changes", 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
		}
		/* of the same hash and another id: the next hash */
		for (;; hash++)
		{
			entry = hash_search(known, &hash, HASH_ENTER, &found);
			if (!found || strcmp((*changes)[entry->at].id, id) == 0)
				break;
		}
		if (!found)
		{
			if (n == capacity)
			{
				capacity = capacity * 2 + 64;
				*changes = *changes ? repalloc_huge(*changes, capacity * sizeof(SearchChange)) :
					palloc(capacity * sizeof(SearchChange));
			}
			entry->at = n++;
			change = &(*changes)[entry->at];
			memset(change, 0, sizeof(*change));
			change->id = id;
			change->known = search_find(model_id, id, &change->number);
			change->fields = palloc(fields * sizeof(text *));
		}
		change = &(*changes)[entry->at];
		value = heap_getattr(tuple, 4, desc, &isnull);
		change->present = !isnull;
		for (int f = 0; f < fields; f++)
			change->fields[f] = NULL;
		if (!isnull)
		{
			Datum	   *values;
			bool	   *nulls;
			int			count;

			deconstruct_array(DatumGetArrayTypePCopy(value), TEXTOID, -1, false, TYPALIGN_INT, &values, &nulls, &count);
			for (int f = 0; f < fields && f < count; f++)
				change->fields[f] = nulls[f] ? NULL : DatumGetTextPP(values[f]);
		}
		value = heap_getattr(tuple, 5, desc, &isnull);
		change->category = isnull ? NULL : TextDatumGetCString(value);
	}
	systable_endscan_ordered(scan);
	index_close(index, AccessShareLock);
	table_close(table, AccessShareLock);
	return n;
}
