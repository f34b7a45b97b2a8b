/*
 * catalog.c - the tables of schema ecml
 *
 * Versions of a name are made one after the other: who stores one holds an advisory lock on the name until the end of the
 * transaction.  The lock is taken after training, so that two trainings run side by side; readers take no lock, and see the
 * version before until the new one is committed.
 */
#include "core/compat.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "executor/spi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "core/catalog.h"
#include "core/error.h"

/* Columns of ecml.model, in the order of sql/05_core.sql. */
enum
{
	COLUMN_MODEL_ID = 1,
	COLUMN_NAME,
	COLUMN_VERSION,
	COLUMN_ACTIVE,
	COLUMN_ALGORITHM,
	COLUMN_TASK,
	COLUMN_OWNER,
	COLUMN_SOURCE,
	COLUMN_TARGET,
	COLUMN_FEATURES,
	COLUMN_OPTIONS,
	COLUMN_METRICS,
	COLUMN_ROWS,
	COLUMN_SKIPPED,
	COLUMN_SEED,
	COLUMN_SECONDS,
	COLUMN_CREATED_AT,
	COLUMN_BODY
};

Oid
ecml_catalog_relation(const char *name)
{
	Oid			namespace = get_namespace_oid("ecml", true);
	Oid			oid = OidIsValid(namespace) ? get_relname_relid(name, namespace) : InvalidOid;

	if (!OidIsValid(oid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("the table ecml.%s is missing", name),
				 errdetail("The extension is not in this database."),
				 errhint("Run CREATE EXTENSION ecml in this database.")));
	return oid;
}

void
ecml_catalog_check_name(const char *name)
{
	int			length = strlen(name);

	if (length == 0 || length > ECML_NAME_LIMIT)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid model name"),
				 length == 0 ? errdetail("The name is empty.") : errdetail("The name has %d bytes.", length),
				 errhint("A model's name has 1 to %d bytes.", ECML_NAME_LIMIT)));
}

/* A role's name, also when it was dropped. */
static const char *
role_name(Oid role)
{
	const char *name = GetUserNameFromId(role, true);

	return name ? name : "unknown";
}

static bool
is_owner(Oid owner)
{
	return has_privs_of_role(GetUserId(), owner);
}

bool
ecml_catalog_granted(const char *grants, const char *index, ScanKey key)
{
	Relation	table = table_open(ecml_catalog_relation(grants), AccessShareLock);
	SysScanDesc scan = systable_beginscan(table, ecml_catalog_relation(index), true, GetActiveSnapshot(), 1, key);
	HeapTuple	tuple;
	bool		granted = false;

	while (!granted && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		bool		isnull;
		Oid			role = DatumGetObjectId(heap_getattr(tuple, 2, RelationGetDescr(table), &isnull));

		granted = !OidIsValid(role) || has_privs_of_role(GetUserId(), role);
	}
	systable_endscan(scan);
	table_close(table, AccessShareLock);
	return granted;
}

static bool
is_granted(const char *name)
{
	ScanKeyData key;

	ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_TEXTEQ, CStringGetTextDatum(name));
	key.sk_collation = DEFAULT_COLLATION_OID;
	return ecml_catalog_granted("model_grant", "model_grant_pkey", &key);
}

static void
fill_entry(EcmlCatalogEntry *entry, HeapTuple tuple, Relation table)
{
	TupleDesc	desc = RelationGetDescr(table);
	text	   *name;
	bool		isnull;

	entry->model_id = DatumGetInt64(heap_getattr(tuple, COLUMN_MODEL_ID, desc, &isnull));
	entry->version = DatumGetInt32(heap_getattr(tuple, COLUMN_VERSION, desc, &isnull));
	entry->owner = DatumGetObjectId(heap_getattr(tuple, COLUMN_OWNER, desc, &isnull));
	name = DatumGetTextPP(heap_getattr(tuple, COLUMN_NAME, desc, &isnull));
	entry->lineage = hash_bytes((const unsigned char *) VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name));
	entry->xmin = HeapTupleHeaderGetRawXmin(tuple->t_data);
	entry->tid = tuple->t_self;
	entry->storage = table->rd_rel->relfilenode;
}

bool
ecml_catalog_find(const char *name, EcmlCatalogEntry *entry)
{
	Relation	table = table_open(ecml_catalog_relation("model"), AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	bool		found;

	/* the index of active versions has one entry a name */
	ScanKeyInit(&key, COLUMN_NAME, BTEqualStrategyNumber, F_TEXTEQ, CStringGetTextDatum(name));
	key.sk_collation = DEFAULT_COLLATION_OID;
	scan = systable_beginscan(table, ecml_catalog_relation("model_active_key"), true, GetActiveSnapshot(), 1, &key);
	tuple = systable_getnext(scan);
	found = HeapTupleIsValid(tuple);
	if (found)
		fill_entry(entry, tuple, table);
	systable_endscan(scan);
	table_close(table, AccessShareLock);
	return found;
}

/* Names of the models that the user may use. */
static int
usable_names(const char **names, int max)
{
	Relation	table = table_open(ecml_catalog_relation("model"), AccessShareLock);
	SysScanDesc scan = systable_beginscan(table, ecml_catalog_relation("model_active_key"), true, GetActiveSnapshot(), 0, NULL);
	HeapTuple	tuple;
	int			n = 0;

	while (n < max && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		EcmlCatalogEntry entry;
		bool		isnull;
		char	   *name = TextDatumGetCString(heap_getattr(tuple, COLUMN_NAME, RelationGetDescr(table), &isnull));

		fill_entry(&entry, tuple, table);
		if (is_owner(entry.owner) || is_granted(name))
			names[n++] = name;
	}
	systable_endscan(scan);
	table_close(table, AccessShareLock);
	return n;
}

/* The versions of a name, as a list for a message; NULL: there are none. */
static char *
versions_of(const char *name)
{
	Relation	table = table_open(ecml_catalog_relation("model"), AccessShareLock);
	StringInfoData list;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	int			n = 0;

	initStringInfo(&list);
	ScanKeyInit(&key, COLUMN_NAME, BTEqualStrategyNumber, F_TEXTEQ, CStringGetTextDatum(name));
	key.sk_collation = DEFAULT_COLLATION_OID;
	scan = systable_beginscan(table, ecml_catalog_relation("model_name_version_key"), true, GetActiveSnapshot(), 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		bool		isnull;

		if (n++ < 20)
			appendStringInfo(&list, "%s%d", n > 1 ? ", " : "",
							 DatumGetInt32(heap_getattr(tuple, COLUMN_VERSION, RelationGetDescr(table), &isnull)));
	}
	systable_endscan(scan);
	table_close(table, AccessShareLock);
	if (n > 20)
		appendStringInfoString(&list, ", ...");
	return n > 0 ? list.data : NULL;
}

static void
missing_model(const char *name)
{
	const char *names[1000];
	const char *nearest = ecml_error_nearest(name, names, usable_names(names, lengthof(names)));

	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("model \"%s\" does not exist", name),
			 errdetail("No active model of this name is in the catalog."),
			 nearest ? errhint("Perhaps you mean \"%s\".", nearest) :
			 errhint("The view ecml.models lists the models that you may use.")));
}

static void
missing_version(const char *name, int version)
{
	char	   *versions = versions_of(name);

	if (versions == NULL)
		missing_model(name);
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("model \"%s\" has no version %d", name, version),
			 errdetail("Its versions are: %s.", versions),
			 errhint("The view ecml.models lists the models that you may use.")));
}

void
ecml_catalog_get(const char *name, EcmlCatalogEntry *entry)
{
	if (!ecml_catalog_find(name, entry))
		missing_model(name);
	if (!is_owner(entry->owner) && !is_granted(name))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for model \"%s\"", name),
				 errdetail("It belongs to role \"%s\".", role_name(entry->owner)),
				 errhint("Its owner can run: SELECT ecml_grant('%s', '%s').", name, role_name(GetUserId()))));
}

bool
ecml_catalog_newest(const char *index, EcmlCatalogEntry *entry, char *name)
{
	Relation	table = table_open(ecml_catalog_relation("model"), AccessShareLock);
	Relation	by_time = index_open(ecml_catalog_relation(index), AccessShareLock);
	SysScanDesc scan = systable_beginscan_ordered(table, by_time, GetActiveSnapshot(), 0, NULL);
	HeapTuple	tuple;
	bool		found = false;

	while (!found && HeapTupleIsValid(tuple = systable_getnext_ordered(scan, BackwardScanDirection)))
	{
		bool		isnull;
		text	   *text_name = DatumGetTextPP(heap_getattr(tuple, COLUMN_NAME, RelationGetDescr(table), &isnull));

		text_to_cstring_buffer(text_name, name, ECML_NAME_LIMIT + 1);
		fill_entry(entry, tuple, table);
		found = is_owner(entry->owner) || is_granted(name);
	}
	systable_endscan_ordered(scan);
	index_close(by_time, AccessShareLock);
	table_close(table, AccessShareLock);
	return found;
}

Datum
ecml_catalog_stored(const EcmlCatalogEntry *entry)
{
	Relation	table = table_open(ecml_catalog_relation("model"), AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	Datum		body;
	bool		isnull;

	ScanKeyInit(&key, COLUMN_MODEL_ID, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(entry->model_id));
	scan = systable_beginscan(table, ecml_catalog_relation("model_pkey"), true, GetActiveSnapshot(), 1, &key);
	tuple = systable_getnext(scan);
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "model " INT64_FORMAT " vanished from the snapshot", entry->model_id);
	body = datumCopy(heap_getattr(tuple, COLUMN_BODY, RelationGetDescr(table), &isnull), false, -1);
	systable_endscan(scan);
	table_close(table, AccessShareLock);
	return body;
}

struct varlena *
ecml_catalog_body(const EcmlCatalogEntry *entry)
{
	return PG_DETOAST_DATUM(ecml_catalog_stored(entry));
}

bool
ecml_catalog_serves(const EcmlCatalogEntry *entry)
{
	Relation	table = table_open(ecml_catalog_relation("model"), AccessShareLock);
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	bool		serves;
	bool		isnull;

	ScanKeyInit(&key, COLUMN_MODEL_ID, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(entry->model_id));
	scan = systable_beginscan(table, ecml_catalog_relation("model_pkey"), true, snapshot, 1, &key);
	tuple = systable_getnext(scan);
	serves = HeapTupleIsValid(tuple) && HeapTupleHeaderGetRawXmin(tuple->t_data) == entry->xmin &&
		ItemPointerEquals(&tuple->t_self, (ItemPointer) &entry->tid) && table->rd_rel->relfilenode == entry->storage &&
		DatumGetBool(heap_getattr(tuple, COLUMN_ACTIVE, RelationGetDescr(table), &isnull));
	systable_endscan(scan);
	UnregisterSnapshot(snapshot);
	table_close(table, AccessShareLock);
	return serves;
}

/* Any version of the name, active or not; false: none. */
static bool
find_any(const char *name, Oid *owner)
{
	Relation	table = table_open(ecml_catalog_relation("model"), AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	bool		found;
	bool		isnull;

	ScanKeyInit(&key, COLUMN_NAME, BTEqualStrategyNumber, F_TEXTEQ, CStringGetTextDatum(name));
	key.sk_collation = DEFAULT_COLLATION_OID;
	scan = systable_beginscan(table, ecml_catalog_relation("model_name_version_key"), true, GetActiveSnapshot(), 1, &key);
	tuple = systable_getnext(scan);
	found = HeapTupleIsValid(tuple);
	if (found)
		*owner = DatumGetObjectId(heap_getattr(tuple, COLUMN_OWNER, RelationGetDescr(table), &isnull));
	systable_endscan(scan);
	table_close(table, AccessShareLock);
	return found;
}

static void
not_owner(const char *name, Oid owner)
{
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("must be owner of model \"%s\"", name),
			 errdetail("It belongs to role \"%s\".", role_name(owner)),
			 errhint("Choose another name, or ask its owner.")));
}

void
ecml_catalog_check_owner(const char *name, bool missing_ok)
{
	Oid			owner;

	if (!find_any(name, &owner))
	{
		if (!missing_ok)
			missing_model(name);
	}
	else if (!is_owner(owner))
		not_owner(name, owner);
}

/*
 * One statement on the catalog tables, as their owner.  The names in it are qualified, and only the owner can have put
 * triggers on the tables.
 */
uint64
ecml_catalog_execute(const char *command, int nargs, Oid *types, Datum *values, const char *nulls)
{
	Relation	table = table_open(ecml_catalog_relation("model"), AccessShareLock);
	Oid			owner = table->rd_rel->relowner;
	Oid			user;
	int			context;
	int			result;
	MemoryContext caller = CurrentMemoryContext;

	table_close(table, AccessShareLock);
	GetUserIdAndSecContext(&user, &context);
	SetUserIdAndSecContext(owner, context | SECURITY_LOCAL_USERID_CHANGE);
	result = SPI_execute_with_args(command, nargs, types, values, nulls, false, 0);
	SetUserIdAndSecContext(user, context);
	/* SPI leaves its own context behind, which ends with SPI_finish */
	MemoryContextSwitchTo(caller);
	if (result < 0)
		elog(ERROR, "catalog statement failed: %s", SPI_result_code_string(result));
	return SPI_processed;
}

/* Hold the name until the transaction ends: as an advisory lock of a kind (3) that SQL cannot ask for. */
static void
lock_name(const char *name)
{
	LOCKTAG		tag;

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, ecml_catalog_relation("model"), hash_bytes((const unsigned char *) name, strlen(name)), 3);
	(void) LockAcquire(&tag, ExclusiveLock, false, false);
}

/* Owner and highest version of a name, as of now; false: there is none. */
static bool
latest(const char *name, Oid *owner, int *version)
{
	Oid			types[] = {TEXTOID};
	Datum		values[] = {CStringGetTextDatum(name)};
	bool		isnull;

	if (ecml_catalog_execute("SELECT owner::pg_catalog.oid, version FROM ecml.model WHERE name OPERATOR(pg_catalog.=) $1 "
				"ORDER BY version DESC LIMIT 1", 1, types, values, NULL) == 0)
		return false;
	*owner = DatumGetObjectId(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	*version = DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &isnull));
	return true;
}

static Jsonb *
feature_array(EcmlModel *model)
{
	EcmlJson   *json = ecml_json_object();
	Jsonb	   *object;

	ecml_json_open_array(json, "features");
	for (int j = 0; j < model->schema->nfeatures; j++)
	{
		const EcmlFeature *feature = &model->schema->features[j];

		ecml_json_open_object(json, NULL);
		ecml_json_string(json, "name", feature->name);
		ecml_json_string(json, "kind", ecml_kind_name(feature->kind));
		if (feature->kind == ECML_CATEGORY)
			ecml_json_int(json, "categories", feature->ncategories);
		if (feature->element > 0)
			ecml_json_string(json, "column", ecml_feature_column(feature));
		ecml_json_close_object(json);
	}
	ecml_json_close_array(json);
	object = ecml_json_finish(json);
	return DatumGetJsonbP(DirectFunctionCall2(jsonb_object_field, JsonbPGetDatum(object),
											  CStringGetTextDatum("features")));
}

int
ecml_catalog_insert(const char *name, EcmlModel *model, struct varlena *body, const EcmlProvenance *provenance,
					int64 *model_id)
{
	Oid			types[] = {TEXTOID, INT4OID, TEXTOID, TEXTOID, OIDOID, TEXTOID, TEXTOID, JSONBOID, JSONBOID, JSONBOID,
	INT8OID, INT8OID, INT8OID, FLOAT8OID, BYTEAOID};
	Datum		values[lengthof(types)];
	char		nulls[lengthof(types) + 1];
	Oid			owner = GetUserId();
	int			version = 0;

	memset(nulls, ' ', lengthof(types));
	nulls[lengthof(types)] = '\0';
	SPI_connect();
	lock_name(name);
	if (latest(name, &owner, &version) && !is_owner(owner))
		not_owner(name, owner);
	version++;
	values[0] = CStringGetTextDatum(name);
	ecml_catalog_execute("UPDATE ecml.model SET active = false WHERE name OPERATOR(pg_catalog.=) $1 AND active", 1, types, values, NULL);
	values[1] = Int32GetDatum(version);
	values[2] = CStringGetTextDatum(model->algorithm->name);
	values[3] = CStringGetTextDatum(ecml_task_name(model->task));
	values[4] = ObjectIdGetDatum(owner);
	values[5] = provenance->source ? CStringGetTextDatum(provenance->source) : (Datum) 0;
	nulls[5] = provenance->source ? ' ' : 'n';
	values[6] = provenance->target ? CStringGetTextDatum(provenance->target) : (Datum) 0;
	nulls[6] = provenance->target ? ' ' : 'n';
	values[7] = JsonbPGetDatum(feature_array(model));
	values[8] = JsonbPGetDatum(provenance->options ? provenance->options : ecml_json_parse("{}"));
	values[9] = JsonbPGetDatum(ecml_json_parse(model->metrics));
	values[10] = Int64GetDatum(model->rows);
	values[11] = Int64GetDatum(model->skipped);
	values[12] = Int64GetDatum(model->seed);
	values[13] = Float8GetDatum(provenance->seconds);
	values[14] = PointerGetDatum(body);
	/* the body's own type, wherever the extension's functions stand */
	{
		Relation	table = table_open(ecml_catalog_relation("model"), AccessShareLock);

		types[14] = TupleDescAttr(RelationGetDescr(table), COLUMN_BODY - 1)->atttypid;
		table_close(table, AccessShareLock);
	}
	ecml_catalog_execute("INSERT INTO ecml.model (name, version, active, algorithm, task, owner, source, target, features, options, "
			"metrics, rows, skipped, seed, seconds, created_at, body) "
			"VALUES ($1, $2, true, $3, $4, $5::pg_catalog.regrole, $6, $7, $8, $9, $10, $11, $12, $13, $14, "
			"pg_catalog.clock_timestamp(), $15) RETURNING model_id", lengthof(types), types, values, nulls);
	if (model_id)
	{
		bool		isnull;

		*model_id = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	}
	SPI_finish();
	return version;
}

void
ecml_catalog_provenance(const char *name, char **algorithm, EcmlProvenance *provenance, Oid *owner)
{
	EcmlCatalogEntry entry;
	Oid			types[] = {INT8OID};
	Datum		values[1];
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext old;
	HeapTuple	tuple;
	TupleDesc	desc;
	Datum	   *names;
	int			n;

	ecml_catalog_get(name, &entry);
	*owner = entry.owner;
	SPI_connect();
	values[0] = Int64GetDatum(entry.model_id);
	ecml_catalog_execute("SELECT algorithm, source, target, options, "
			"ARRAY(SELECT c FROM pg_catalog.jsonb_array_elements(features) WITH ORDINALITY AS e (f, i), "
			"LATERAL (SELECT coalesce(f OPERATOR(pg_catalog.->>) 'column', f OPERATOR(pg_catalog.->>) 'name')) AS n (c) "
			"GROUP BY c ORDER BY pg_catalog.min(i)) "
			"FROM ecml.model WHERE model_id OPERATOR(pg_catalog.=) $1", 1, types, values, NULL);
	if (SPI_processed != 1)
		missing_model(name);	/* dropped meanwhile */
	tuple = SPI_tuptable->vals[0];
	desc = SPI_tuptable->tupdesc;
	old = MemoryContextSwitchTo(caller);
	memset(provenance, 0, sizeof(*provenance));
	*algorithm = SPI_getvalue(tuple, desc, 1) ? pstrdup(SPI_getvalue(tuple, desc, 1)) : NULL;
	provenance->source = SPI_getvalue(tuple, desc, 2) ? pstrdup(SPI_getvalue(tuple, desc, 2)) : NULL;
	provenance->target = SPI_getvalue(tuple, desc, 3) ? pstrdup(SPI_getvalue(tuple, desc, 3)) : NULL;
	provenance->options = ecml_json_parse(SPI_getvalue(tuple, desc, 4));
	{
		bool		isnull;
		ArrayType  *array = DatumGetArrayTypePCopy(SPI_getbinval(tuple, desc, 5, &isnull));
		const char **features;

		deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &names, NULL, &n);
		features = palloc((n + 1) * sizeof(char *));
		for (int i = 0; i < n; i++)
			features[i] = TextDatumGetCString(names[i]);
		provenance->features = features;
		provenance->nfeatures = n;
	}
	MemoryContextSwitchTo(old);
	SPI_finish();
}

/* The name, locked, owned by this user. */
static void
lock_owned(const char *name)
{
	Oid			owner;
	int			version;

	lock_name(name);
	if (!latest(name, &owner, &version))
		missing_model(name);
	if (!is_owner(owner))
		not_owner(name, owner);
}

void
ecml_catalog_activate(const char *name, int version)
{
	Oid			types[] = {TEXTOID, INT4OID};
	Datum		values[] = {CStringGetTextDatum(name), Int32GetDatum(version)};

	SPI_connect();
	lock_owned(name);
	ecml_catalog_execute("UPDATE ecml.model SET active = false WHERE name OPERATOR(pg_catalog.=) $1 AND active "
			"AND version OPERATOR(pg_catalog.<>) $2", 2, types, values, NULL);
	if (ecml_catalog_execute("UPDATE ecml.model SET active = true WHERE name OPERATOR(pg_catalog.=) $1 "
				"AND version OPERATOR(pg_catalog.=) $2", 2, types, values, NULL) == 0)
		missing_version(name, version);
	SPI_finish();
}

void
ecml_catalog_drop(const char *name, int version)
{
	Oid			types[] = {TEXTOID, INT4OID};
	Datum		values[] = {CStringGetTextDatum(name), Int32GetDatum(version)};
	bool		all = version == 0;

	SPI_connect();
	lock_owned(name);
	if (!all)
	{
		if (ecml_catalog_execute("DELETE FROM ecml.model WHERE name OPERATOR(pg_catalog.=) $1 AND version OPERATOR(pg_catalog.=) $2",
					2, types, values, NULL) == 0)
			missing_version(name, version);
		/* the newest that is left serves, when the active one went */
		ecml_catalog_execute("UPDATE ecml.model SET active = true WHERE name OPERATOR(pg_catalog.=) $1 AND version OPERATOR(pg_catalog.=) "
				"(SELECT pg_catalog.max(version) FROM ecml.model WHERE name OPERATOR(pg_catalog.=) $1) AND NOT EXISTS "
				"(SELECT FROM ecml.model WHERE name OPERATOR(pg_catalog.=) $1 AND active)", 1, types, values, NULL);
		all = ecml_catalog_execute("SELECT FROM ecml.model WHERE name OPERATOR(pg_catalog.=) $1", 1, types, values, NULL) == 0;
	}
	else
		ecml_catalog_execute("DELETE FROM ecml.model WHERE name OPERATOR(pg_catalog.=) $1", 1, types, values, NULL);
	if (all)
		ecml_catalog_execute("DELETE FROM ecml.model_grant WHERE name OPERATOR(pg_catalog.=) $1", 1, types, values, NULL);
	SPI_finish();
}

void
ecml_catalog_rename(const char *name, const char *new_name)
{
	Oid			types[] = {TEXTOID, TEXTOID};
	Datum		values[] = {CStringGetTextDatum(name), CStringGetTextDatum(new_name)};
	Oid			owner;
	int			version;

	ecml_catalog_check_name(new_name);
	SPI_connect();
	lock_owned(name);
	lock_name(new_name);
	if (latest(new_name, &owner, &version))
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("model \"%s\" already exists", new_name),
				 errdetail("It has %d versions.", version),
				 errhint("Drop it with ecml_drop_model, or choose another name.")));
	ecml_catalog_execute("UPDATE ecml.model SET name = $2 WHERE name OPERATOR(pg_catalog.=) $1", 2, types, values, NULL);
	ecml_catalog_execute("UPDATE ecml.model_grant SET name = $2 WHERE name OPERATOR(pg_catalog.=) $1", 2, types, values, NULL);
	SPI_finish();
}

void
ecml_catalog_grant(const char *name, const char *role, bool grant)
{
	Oid			types[] = {TEXTOID, OIDOID};
	Datum		values[2];
	bool		everybody = strcmp(role, "public") == 0;
	Oid			oid = everybody ? InvalidOid : get_role_oid(role, true);

	if (!everybody && !OidIsValid(oid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("role \"%s\" does not exist", role),
				 errdetail("No role has this name."),
				 errhint("Give the name of a role, without quotes of SQL, or public for everybody.")));
	values[0] = CStringGetTextDatum(name);
	values[1] = ObjectIdGetDatum(oid);
	SPI_connect();
	lock_owned(name);
	if (grant)
		ecml_catalog_execute("INSERT INTO ecml.model_grant (name, role) VALUES ($1, $2::pg_catalog.regrole) ON CONFLICT DO NOTHING",
				2, types, values, NULL);
	else
		ecml_catalog_execute("DELETE FROM ecml.model_grant WHERE name OPERATOR(pg_catalog.=) $1 "
				"AND role::pg_catalog.oid OPERATOR(pg_catalog.=) $2", 2, types, values, NULL);
	SPI_finish();
}
