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
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "catalog/partition.h"
#include "commands/trigger.h"
#include "common/hashfn.h"
#include "executor/spi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
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
	char	   *path;			/* the search_path of the source */
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

	if (ecml_catalog_execute("SELECT m.model_id, m.owner::pg_catalog.oid, m.source, l.relation, l.key, l.fields, l.category, l.path "
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
	follower->path = SPI_getvalue(tuple, desc, 8);
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
	nest = NewGUCNestLevel();
	GetUserIdAndSecContext(&user, &security);
	SetUserIdAndSecContext(follower->owner, security | SECURITY_LOCAL_USERID_CHANGE | SECURITY_RESTRICTED_OPERATION);
	/* names in the source mean what they meant to its owner, not functions and tables of whoever changes a row */
	(void) set_config_option("search_path", psprintf(follower->path[0] ? "%s, pg_temp" : "%spg_temp", follower->path), PGC_USERSET,
							 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	appendStringInfo(&query, " FROM %s AS s WHERE s.%s = $1 LIMIT 1", ecml_source_from(follower->source),
					 quote_identifier(follower->key));
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

/* The table is empty: none of the documents is there any more. */
static void
forget_all(const Follower *follower)
{
	Oid			types[] = {INT8OID};
	Datum		values[] = {Int64GetDatum(follower->model_id)};

	ecml_catalog_execute("INSERT INTO ecml.search_change (model_id, id) SELECT $1, d.id FROM ecml.search_document d "
						 "WHERE d.model_id OPERATOR(pg_catalog.=) $1 UNION SELECT $1, c.id FROM ecml.search_change c "
						 "WHERE c.model_id OPERATOR(pg_catalog.=) $1", 1, types, values, NULL);
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

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_AFTER(trigger->tg_event) || trigger->tg_trigger->tgnargs != 1 ||
		!(TRIGGER_FIRED_FOR_ROW(trigger->tg_event) || TRIGGER_FIRED_BY_TRUNCATE(trigger->tg_event)))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("ecml.search_follow is a trigger after changes of rows"),
				 errdetail("It is called in another way."),
				 errhint("Build the index with the option \"live\", which makes the trigger.")));
	if (TRIGGER_FIRED_BY_TRUNCATE(trigger->tg_event))
	{
		SPI_connect();
		if (find_follower(trigger->tg_trigger->tgargs[0], RelationGetRelid(trigger->tg_relation), &follower))
			forget_all(&follower);
		SPI_finish();
		return PointerGetDatum(NULL);
	}
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

/* ---- building */

static char *
table_name(Oid table)
{
	return quote_qualified_identifier(get_namespace_name(get_rel_namespace(table)), get_rel_name(table));
}

void
search_live_begin(SearchParts *parts, const char *source)
{
	Oid			types[] = {TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTARRAYOID, TEXTOID, TEXTOID};
	Datum		values[7];
	Datum		seen;
	bool		isnull;
	MemoryContext context = GetMemoryChunkContext(parts);
	MemoryContext old;

	/* what is committed later would not be seen when the changes are handed on */
	if (IsolationUsesXactSnapshot())
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("a live index is built in transactions of the level read committed"),
				 errdetail("This one has one snapshot for all its statements, and would miss what others change meanwhile."),
				 errhint("Build it in a transaction of its own.")));
	values[0] = CStringGetTextDatum(parts->model);
	values[1] = CStringGetTextDatum(source);
	values[2] = CStringGetTextDatum(table_name(parts->table));
	values[3] = CStringGetTextDatum(parts->key);
	values[4] = PointerGetDatum(parts->fields);
	values[5] = parts->category ? CStringGetTextDatum(parts->category) : (Datum) 0;
	values[6] = CStringGetTextDatum(namespace_search_path);
	if (ecml_catalog_execute("SELECT m.model_id, ARRAY(SELECT c.change FROM ecml.search_change c WHERE c.model_id OPERATOR(pg_catalog.=) "
							 "m.model_id) FROM ecml.model m JOIN ecml.search_live l ON l.model_id OPERATOR(pg_catalog.=) m.model_id "
							 "WHERE m.name OPERATOR(pg_catalog.=) $1 AND m.active AND m.source OPERATOR(pg_catalog.=) $2 AND "
							 "l.relation OPERATOR(pg_catalog.=) $3 AND l.key OPERATOR(pg_catalog.=) $4 AND l.fields "
							 "OPERATOR(pg_catalog.=) $5 AND l.category IS NOT DISTINCT FROM $6 AND l.path OPERATOR(pg_catalog.=) $7", 7,
							 types, values, parts->category ? "       " : "     n ") == 0)
	{
		/* as CREATE INDEX: who changes the table waits */
		LockRelationOid(parts->table, ShareRowExclusiveLock);
		return;
	}
	parts->followed = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	seen = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &isnull);
	old = MemoryContextSwitchTo(context);
	parts->seen = PointerGetDatum(DatumGetArrayTypePCopy(seen));
	MemoryContextSwitchTo(old);
}

/* A trigger, with the caller's rights: whose table it is not cannot have it followed. */
static void
make_trigger(const SearchParts *parts, const char *prefix, const char *events)
{
	char	   *name = psprintf("%s%s", prefix, parts->model);
	char	   *command = psprintf("CREATE OR REPLACE TRIGGER %s AFTER %s EXECUTE FUNCTION ecml.search_follow(%s)",
								   quote_identifier(pnstrdup(name, pg_mbcliplen(name, strlen(name), NAMEDATALEN - 1))), events,
								   quote_literal_cstr(parts->model));

	if (SPI_execute(command, false, 0) < 0)
		elog(ERROR, "could not create the trigger of a search index");
}

void
search_live_finish(const SearchParts *parts, int64 model_id)
{
	char	   *table = table_name(parts->table);
	Oid			types[] = {INT8OID, TEXTOID, TEXTOID, TEXTARRAYOID, TEXTOID, TEXTOID};
	Datum		values[6];

	values[0] = Int64GetDatum(model_id);
	values[1] = CStringGetTextDatum(table);
	values[2] = CStringGetTextDatum(parts->key);
	values[3] = PointerGetDatum(parts->fields);
	values[4] = parts->category ? CStringGetTextDatum(parts->category) : (Datum) 0;
	values[5] = CStringGetTextDatum(namespace_search_path);
	ecml_catalog_execute("INSERT INTO ecml.search_live (model_id, relation, key, fields, category, path) VALUES ($1, $2, $3, $4, $5, $6)", 6,
						 types, values, parts->category ? "      " : "    n ");
	make_trigger(parts, "ecml_search_", psprintf("INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW", table));
	make_trigger(parts, "ecml_search_truncate_", psprintf("TRUNCATE ON %s FOR EACH STATEMENT", table));
	if (parts->followed)
	{
		/*
		 * Making the triggers has waited for those who were changing the table, and lets nobody else.  Versions that somebody else has
		 * built meanwhile have changes, too.
		 */
		Oid			carried[] = {INT8OID, INT8OID, INT8ARRAYOID, TEXTOID, TEXTOID, TEXTARRAYOID};
		Datum		which[] = {Int64GetDatum(model_id), Int64GetDatum(parts->followed), parts->seen, CStringGetTextDatum(parts->model),
		values[1], values[3]};

		ecml_catalog_execute("INSERT INTO ecml.search_change (model_id, id, fields, category) SELECT $1, c.id, c.fields, c.category "
							 "FROM ecml.search_change c JOIN ecml.model m ON m.model_id OPERATOR(pg_catalog.=) c.model_id "
							 "JOIN ecml.search_live l ON l.model_id OPERATOR(pg_catalog.=) c.model_id "
							 "WHERE m.name OPERATOR(pg_catalog.=) $4 AND c.model_id OPERATOR(pg_catalog.>=) $2 AND c.model_id "
							 "OPERATOR(pg_catalog.<>) $1 AND c.change OPERATOR(pg_catalog.<>) ALL ($3) AND l.relation "
							 "OPERATOR(pg_catalog.=) $5 AND l.fields OPERATOR(pg_catalog.=) $6 ORDER BY c.change", 6, carried, which, NULL);
	}
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
