/*
 * bandit_store_sql.c - the tables ecml.bandit, bandit_state, bandit_event, bandit_grant
 *
 * Whoever chooses or rewards appends a row to ecml.bandit_event and changes nothing else, so that nobody waits for anybody.  What the
 * events say is folded into one row an arm (ecml.bandit_state) by a session that needs the state and finds many events: under a
 * lock that it only tries to take and holds until its transaction ends, it deletes the events that a fresh snapshot sees and
 * changes the state, in one transaction.  Any snapshot sees an event either as a row or in the state: counts are exact.  A session
 * that does not get the lock adds the events up for itself.
 *
 * With snapshots of a whole transaction (repeatable read, serializable), in a read-only transaction and on a standby nothing is
 * folded.  Rows are read by index scans and written without a plan, as the catalog's are; no privilege on the tables is needed.
 */
#include "pricing/bandit_sql.h"

#include <math.h>

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "commands/sequence.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "core/catalog.h"
#include "core/error.h"
#include "core/json.h"
#include "pricing/demand_sql.h"

/* Columns, in the order of sql/48_bandit.sql. */
enum
{
	BANDIT_ID = 1,
	BANDIT_NAME,
	BANDIT_OWNER,
	BANDIT_ARMS,
	BANDIT_OPTIONS,
	BANDIT_CREATED
};

enum
{
	STATE_BANDIT = 1,
	STATE_ARM,
	STATE_CHOICES,
	STATE_REWARDS,
	STATE_TOTAL,
	STATE_TRIES,
	STATE_N,
	STATE_SUM,
	STATE_SQUARES,
	STATE_CLOCK,
	STATE_GRAM,
	STATE_MOMENT
};

enum
{
	EVENT_BANDIT = 1,
	EVENT_ID,
	EVENT_ARM,
	EVENT_REWARD,
	EVENT_CONTEXT,
	EVENT_AT
};

/* ---- options */

static const char *const policies[] = {"thompson", "thompson_gaussian", "ucb1", "epsilon_greedy", "linucb", "linear_thompson", NULL};
static const char *const unrewarded[] = {"ignore", "zero", NULL};

static const EcmlOption bandit_options[] = {
	ECML_OPT_ENUM(BanditOptions, policy, "policy", policies),
	ECML_OPT_ALIAS_ENUM(BanditOptions, policy, "algorithm", policies),
	ECML_OPT_ALIAS_ENUM(BanditOptions, policy, "method", policies),
	ECML_OPT_FLOAT(BanditOptions, params.prior_success, "prior_success", 1e-6, 1e9),
	ECML_OPT_FLOAT(BanditOptions, params.prior_failure, "prior_failure", 1e-6, 1e9),
	ECML_OPT_FLOAT(BanditOptions, params.exploration, "exploration", 0, 1e9),
	ECML_OPT_FLOAT(BanditOptions, params.scale, "scale", 0, 1e300),
	ECML_OPT_FLOAT(BanditOptions, params.epsilon, "epsilon", 0, 1),
	ECML_OPT_FLOAT(BanditOptions, params.epsilon_decay, "epsilon_decay", 0, 1e9),
	ECML_OPT_FLOAT(BanditOptions, params.ridge, "ridge", 1e-9, 1e9),
	ECML_OPT_FLOAT(BanditOptions, decay, "decay", 0.5, 1),
	ECML_OPT_SPAN(BanditOptions, half_life, "half_life"),
	ECML_OPT_ENUM(BanditOptions, unrewarded, "unrewarded", unrewarded),
	ECML_OPT_LIST(BanditOptions, features, "features"),
	ECML_OPT_INT(BanditOptions, dimension, "dimension", 1, BANDIT_MAX_FEATURES),
	ECML_OPT_BOOL(BanditOptions, record_choices, "record_choices"),
	ECML_OPT_INT64(BanditOptions, seed, "seed", 0, 9007199254740992.0),
	ECML_OPT_END
};

void
bandit_options_parse(Jsonb *jsonb, BanditOptions *options)
{
	EcmlOptionSet set = {bandit_options, options};

	*options = (BanditOptions) {.params = BANDIT_DEFAULTS,.decay = 1,.record_choices = true,.seed = -1};
	ecml_options_parse("ecml_bandit_create", jsonb, &set, 1);
	options->params.policy = options->policy;
	options->params.unrewarded_zero = options->unrewarded == 1;
	if (options->decay < 1 && options->half_life > 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a bandit has decay or half_life, not both"),
				 errdetail("decay is %g, half_life %g seconds.", options->decay, options->half_life),
				 errhint("decay is a factor for each reward, half_life a time.")));
	if (options->params.unrewarded_zero && (!options->record_choices || bandit_is_contextual(options->policy)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("choices without reward cannot count as 0 here"),
				 options->record_choices ? errdetail("Policies with a context learn from rewards with their contexts.") :
				 errdetail("Choices are not recorded."),
				 errhint("Reward each choice, if need be with 0.")));
	options->params.decay = options->half_life > 0 ? M_LN2 / options->half_life : options->decay < 1 ? -log(options->decay) : 0;
}

/* ---- the bandit by its name */

static bool
is_granted(int64 bandit_id)
{
	ScanKeyData key;

	ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(bandit_id));
	return ecml_catalog_granted("bandit_grant", "bandit_grant_pkey", &key);
}

static Bandit *
find(const char *name)
{
	Relation	table = table_open(ecml_catalog_relation("bandit"), AccessShareLock);
	TupleDesc	desc = RelationGetDescr(table);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	Bandit	   *bandit = NULL;

	ScanKeyInit(&key, BANDIT_NAME, BTEqualStrategyNumber, F_TEXTEQ, CStringGetTextDatum(name));
	key.sk_collation = DEFAULT_COLLATION_OID;
	scan = systable_beginscan(table, ecml_catalog_relation("bandit_name_key"), true, GetActiveSnapshot(), 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
	{
		bool		isnull;
		Datum	   *names;
		bool	   *nulls;

		bandit = palloc0(sizeof(Bandit));
		bandit->name = pstrdup(name);
		bandit->tid = tuple->t_self;
		bandit->bandit_id = DatumGetInt64(heap_getattr(tuple, BANDIT_ID, desc, &isnull));
		bandit->owner = DatumGetObjectId(heap_getattr(tuple, BANDIT_OWNER, desc, &isnull));
		deconstruct_array(DatumGetArrayTypePCopy(heap_getattr(tuple, BANDIT_ARMS, desc, &isnull)), TEXTOID, -1, false, TYPALIGN_INT,
						  &names, &nulls, &bandit->narms);
		bandit->names = palloc((bandit->narms + 1) * sizeof(char *));
		for (int a = 0; a < bandit->narms; a++)
			bandit->names[a] = nulls[a] ? pstrdup("") : TextDatumGetCString(names[a]);
		bandit_options_parse(DatumGetJsonbPCopy(heap_getattr(tuple, BANDIT_OPTIONS, desc, &isnull)), &bandit->options);
		bandit->features = ecml_json_list(bandit->options.features, &bandit->nfeatures);
		if (bandit_is_contextual(bandit->options.policy))
			bandit->d = bandit->features ? bandit->nfeatures + 1 : bandit->options.dimension > 0 ? bandit->options.dimension + 1 : 0;
	}
	systable_endscan(scan);
	table_close(table, AccessShareLock);
	return bandit;
}

static void
missing(const char *name)
{
	Relation	table = table_open(ecml_catalog_relation("bandit"), AccessShareLock);
	SysScanDesc scan = systable_beginscan(table, InvalidOid, false, GetActiveSnapshot(), 0, NULL);
	const char *names[1000];
	const char *nearest;
	HeapTuple	tuple;
	int			n = 0;

	while (n < (int) lengthof(names) && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		bool		isnull;
		TupleDesc	desc = RelationGetDescr(table);

		if (has_privs_of_role(GetUserId(), DatumGetObjectId(heap_getattr(tuple, BANDIT_OWNER, desc, &isnull))) ||
			is_granted(DatumGetInt64(heap_getattr(tuple, BANDIT_ID, desc, &isnull))))
			names[n++] = TextDatumGetCString(heap_getattr(tuple, BANDIT_NAME, desc, &isnull));
	}
	systable_endscan(scan);
	table_close(table, AccessShareLock);
	nearest = ecml_error_nearest(name, names, n);
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("bandit \"%s\" does not exist", name),
			 errdetail("No bandit of this name is in the catalog."),
			 nearest ? errhint("Perhaps you mean \"%s\".", nearest) :
			 errhint("Make one with ecml_bandit_create; the view ecml.bandits lists those that you may use.")));
}

Bandit *
bandit_find(const char *name, bool owner)
{
	Bandit	   *bandit = find(name);
	const char *role;

	if (bandit == NULL)
		missing(name);
	if (has_privs_of_role(GetUserId(), bandit->owner) || (!owner && is_granted(bandit->bandit_id)))
		return bandit;
	role = GetUserNameFromId(bandit->owner, true);
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 owner ? errmsg("must be owner of bandit \"%s\"", name) : errmsg("permission denied for bandit \"%s\"", name),
			 errdetail("It belongs to role \"%s\".", role ? role : "unknown"),
			 owner ? errhint("Choose another name, or ask its owner.") :
			 errhint("Its owner can run: SELECT ecml_bandit_grant('%s', '%s').", name, GetUserNameFromId(GetUserId(), false))));
	return NULL;
}

/* ---- writing */

static int64
next_value(const char *sequence)
{
	return nextval_internal(ecml_catalog_relation(sequence), false);
}

static void
insert_row(const char *name, Datum *values, bool *nulls)
{
	Relation	table = table_open(ecml_catalog_relation(name), RowExclusiveLock);
	HeapTuple	tuple = heap_form_tuple(RelationGetDescr(table), values, nulls);

	CatalogTupleInsert(table, tuple);
	heap_freetuple(tuple);
	table_close(table, NoLock);
}

/* All rows of a bandit in a table whose index begins with the bandit's number. */
static void
delete_rows(const char *name, const char *index, int column, int64 bandit_id, Oid role)
{
	Relation	table = table_open(ecml_catalog_relation(name), RowExclusiveLock);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&keys[0], column, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(bandit_id));
	ScanKeyInit(&keys[1], 2, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(role));
	scan = systable_beginscan(table, ecml_catalog_relation(index), true, GetActiveSnapshot(), role == InvalidOid ? 1 : 2, keys);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		CHECK_FOR_INTERRUPTS();
		simple_heap_delete(table, &tuple->t_self);
	}
	systable_endscan(scan);
	table_close(table, NoLock);
}

/* Whoever folds or drops holds it until its transaction ends; SQL cannot ask for a lock of this kind (3). */
static bool
lock_bandit(int64 bandit_id, bool wait)
{
	LOCKTAG		tag;

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, ecml_catalog_relation("bandit"), (uint32) bandit_id, 3);
	return LockAcquire(&tag, ExclusiveLock, false, !wait) != LOCKACQUIRE_NOT_AVAIL;
}

void
bandit_create(const char *name, Datum arms, Jsonb *options)
{
	Datum		values[6];
	bool		nulls[6] = {false};

	if (find(name) != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("bandit \"%s\" already exists", name),
				 errdetail("What it has learnt would be lost."),
				 errhint("Drop it with ecml_bandit_drop, or choose another name.")));
	values[BANDIT_ID - 1] = Int64GetDatum(next_value("bandit_bandit_id_seq"));
	values[BANDIT_NAME - 1] = CStringGetTextDatum(name);
	values[BANDIT_OWNER - 1] = ObjectIdGetDatum(GetUserId());
	values[BANDIT_ARMS - 1] = arms;
	values[BANDIT_OPTIONS - 1] = JsonbPGetDatum(options);
	values[BANDIT_CREATED - 1] = TimestampTzGetDatum(GetCurrentTimestamp());
	insert_row("bandit", values, nulls);
}

void
bandit_drop(const char *name)
{
	Bandit	   *bandit = bandit_find(name, true);
	Relation	table;

	(void) lock_bandit(bandit->bandit_id, true);
	/* somebody may have dropped it, or folded events, meanwhile */
	PushActiveSnapshot(GetTransactionSnapshot());
	bandit = bandit_find(name, true);
	delete_rows("bandit_event", "bandit_event_pkey", EVENT_BANDIT, bandit->bandit_id, InvalidOid);
	delete_rows("bandit_state", "bandit_state_pkey", STATE_BANDIT, bandit->bandit_id, InvalidOid);
	delete_rows("bandit_grant", "bandit_grant_pkey", 1, bandit->bandit_id, InvalidOid);
	table = table_open(ecml_catalog_relation("bandit"), RowExclusiveLock);
	simple_heap_delete(table, &bandit->tid);
	table_close(table, NoLock);
	PopActiveSnapshot();
	CommandCounterIncrement();
}

void
bandit_add_arm(const char *name, const char *arm)
{
	Bandit	   *bandit = bandit_find(name, true);
	Relation	table;
	TupleDesc	desc;
	HeapTuple	tuple;
	HeapTuple	changed;
	Datum		values[6];
	bool		nulls[6] = {false};
	bool		replace[6] = {false};
	Datum	   *names;
	ScanKeyData key;
	SysScanDesc scan;

	(void) lock_bandit(bandit->bandit_id, true);
	PushActiveSnapshot(GetTransactionSnapshot());
	bandit = bandit_find(name, true);
	for (int a = 0; a < bandit->narms; a++)
		if (strcmp(bandit->names[a], arm) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_DUPLICATE_OBJECT),
					 errmsg("bandit \"%s\" has the arm \"%s\" already", name, arm),
					 errdetail("It is arm %d of %d.", a + 1, bandit->narms),
					 errhint("Choose another name.")));
	if (bandit->narms >= BANDIT_MAX_ARMS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a bandit has 1 to %d arms", BANDIT_MAX_ARMS),
				 errdetail("It has %d.", bandit->narms),
				 errhint("Create another bandit.")));
	names = palloc((bandit->narms + 1) * sizeof(Datum));
	for (int a = 0; a < bandit->narms; a++)
		names[a] = CStringGetTextDatum(bandit->names[a]);
	names[bandit->narms] = CStringGetTextDatum(arm);
	values[BANDIT_ARMS - 1] = PointerGetDatum(construct_array(names, bandit->narms + 1, TEXTOID, -1, false, TYPALIGN_INT));
	replace[BANDIT_ARMS - 1] = true;
	table = table_open(ecml_catalog_relation("bandit"), RowExclusiveLock);
	desc = RelationGetDescr(table);
	ScanKeyInit(&key, BANDIT_ID, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(bandit->bandit_id));
	scan = systable_beginscan(table, ecml_catalog_relation("bandit_pkey"), true, GetActiveSnapshot(), 1, &key);
	tuple = systable_getnext(scan);
	changed = heap_modify_tuple(tuple, desc, values, nulls, replace);
	CatalogTupleUpdate(table, &changed->t_self, changed);
	systable_endscan(scan);
	table_close(table, NoLock);
	PopActiveSnapshot();
	CommandCounterIncrement();
}

void
bandit_grant(const char *name, const char *role, bool grant)
{
	Bandit	   *bandit = bandit_find(name, true);
	bool		everybody = strcmp(role, "public") == 0;
	Oid			oid = everybody ? InvalidOid : get_role_oid(role, true);
	Relation	table;
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tuple;

	if (!everybody && !OidIsValid(oid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("role \"%s\" does not exist", role),
				 errdetail("No role has this name."),
				 errhint("Give the name of a role, without quotes of SQL, or public for everybody.")));
	(void) lock_bandit(bandit->bandit_id, true);
	PushActiveSnapshot(GetTransactionSnapshot());
	bandit = bandit_find(name, true);
	table = table_open(ecml_catalog_relation("bandit_grant"), RowExclusiveLock);
	ScanKeyInit(&keys[0], 1, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(bandit->bandit_id));
	ScanKeyInit(&keys[1], 2, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(oid));
	scan = systable_beginscan(table, ecml_catalog_relation("bandit_grant_pkey"), true, GetActiveSnapshot(), 2, keys);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple) && !grant)
		simple_heap_delete(table, &tuple->t_self);
	else if (!HeapTupleIsValid(tuple) && grant)
	{
		Datum		values[2] = {Int64GetDatum(bandit->bandit_id), ObjectIdGetDatum(oid)};
		bool		nulls[2] = {false};

		insert_row("bandit_grant", values, nulls);
	}
	systable_endscan(scan);
	table_close(table, NoLock);
	PopActiveSnapshot();
	CommandCounterIncrement();
}

/* The numbers of an array without NULLs; NULL: it has some, or several dimensions. */
static double *
numbers(Datum datum, int *n)
{
	ArrayType  *array = DatumGetArrayTypeP(datum);

	*n = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	if (ARR_HASNULL(array) || ARR_NDIM(array) > 1 || ARR_ELEMTYPE(array) != FLOAT8OID)
		return NULL;
	return (double *) ARR_DATA_PTR(array);
}

static Datum
array_of(const double *x, int n)
{
	Datum	   *elements = palloc((n + 1) * sizeof(Datum));

	for (int i = 0; i < n; i++)
		elements[i] = Float8GetDatum(x[i]);
	return PointerGetDatum(construct_array(elements, n, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

int64
bandit_append(const Bandit *bandit, int arm, double reward, const double *x, int n)
{
	Datum		values[6];
	bool		nulls[6] = {false};
	int64		event = next_value("bandit_event_event_id_seq");

	values[EVENT_BANDIT - 1] = Int64GetDatum(bandit->bandit_id);
	values[EVENT_ID - 1] = Int64GetDatum(event);
	values[EVENT_ARM - 1] = Int32GetDatum(arm);
	nulls[EVENT_REWARD - 1] = isnan(reward);
	values[EVENT_REWARD - 1] = Float8GetDatum(reward);
	nulls[EVENT_CONTEXT - 1] = x == NULL;
	values[EVENT_CONTEXT - 1] = x ? array_of(x, n) : (Datum) 0;
	values[EVENT_AT - 1] = TimestampTzGetDatum(GetCurrentTimestamp());
	insert_row("bandit_event", values, nulls);
	return event;
}

/* ---- reading */

static void
reserve(Bandit *bandit, BanditArm *arm)
{
	if (arm->d > 0 || bandit->d == 0)
		return;
	arm->d = bandit->d;
	arm->gram = palloc0((Size) arm->d * arm->d * sizeof(double));
	arm->moment = palloc0(arm->d * sizeof(double));
}

static void
load_state(Bandit *bandit)
{
	Relation	table = table_open(ecml_catalog_relation("bandit_state"), AccessShareLock);
	TupleDesc	desc = RelationGetDescr(table);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key, STATE_BANDIT, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(bandit->bandit_id));
	scan = systable_beginscan(table, ecml_catalog_relation("bandit_state_pkey"), true, GetActiveSnapshot(), 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		bool		isnull;
		int			number = DatumGetInt32(heap_getattr(tuple, STATE_ARM, desc, &isnull));
		BanditArm  *arm;
		Datum		gram;
		bool		has_gram;

		if (number < 0 || number >= bandit->narms)
			continue;
		arm = &bandit->arms[number];
		bandit->stored[number] = true;
		bandit->places[number] = tuple->t_self;
		arm->choices = DatumGetInt64(heap_getattr(tuple, STATE_CHOICES, desc, &isnull));
		arm->rewards = DatumGetInt64(heap_getattr(tuple, STATE_REWARDS, desc, &isnull));
		arm->total = DatumGetFloat8(heap_getattr(tuple, STATE_TOTAL, desc, &isnull));
		arm->tries = DatumGetFloat8(heap_getattr(tuple, STATE_TRIES, desc, &isnull));
		arm->n = DatumGetFloat8(heap_getattr(tuple, STATE_N, desc, &isnull));
		arm->sum = DatumGetFloat8(heap_getattr(tuple, STATE_SUM, desc, &isnull));
		arm->squares = DatumGetFloat8(heap_getattr(tuple, STATE_SQUARES, desc, &isnull));
		arm->clock = DatumGetFloat8(heap_getattr(tuple, STATE_CLOCK, desc, &isnull));
		gram = heap_getattr(tuple, STATE_GRAM, desc, &has_gram);
		has_gram = !has_gram;
		if (has_gram)
		{
			int			size;
			int			d;
			double	   *from = numbers(gram, &size);
			double	   *moment = numbers(heap_getattr(tuple, STATE_MOMENT, desc, &isnull), &d);

			if (from == NULL || moment == NULL || size != d * d || (bandit->d > 0 && d != bandit->d) || d < 1 ||
				d > BANDIT_MAX_FEATURES + 1)
				ereport(ERROR,
						(errcode(ERRCODE_DATA_CORRUPTED),
						 errmsg("the state of a bandit is damaged"),
						 errdetail("An arm has %d sums of products and %d sums.", size, d),
						 errhint("Drop the bandit and create it again.")));
			bandit->d = d;
			reserve(bandit, arm);
			memcpy(arm->gram, from, (Size) size * sizeof(double));
			memcpy(arm->moment, moment, d * sizeof(double));
		}
	}
	systable_endscan(scan);
	table_close(table, AccessShareLock);
}

static void
load_events(Bandit *bandit)
{
	Relation	table = table_open(ecml_catalog_relation("bandit_event"), AccessShareLock);
	Relation	index = index_open(ecml_catalog_relation("bandit_event_pkey"), AccessShareLock);
	TupleDesc	desc = RelationGetDescr(table);
	const BanditParams *params = &bandit->options.params;
	bool		contextual = bandit_is_contextual(params->policy);
	int			room = 128;
	double		x[BANDIT_MAX_FEATURES + 1];
	MemoryContext rows = AllocSetContextCreate(CurrentMemoryContext, "ecml bandit events", ALLOCSET_SMALL_SIZES);
	MemoryContext caller = CurrentMemoryContext;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	bandit->event_places = palloc(room * sizeof(ItemPointerData));
	ScanKeyInit(&key, EVENT_BANDIT, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(bandit->bandit_id));
	scan = systable_beginscan_ordered(table, index, GetActiveSnapshot(), 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext_ordered(scan, ForwardScanDirection)))
	{
		bool		isnull;
		int			number = DatumGetInt32(heap_getattr(tuple, EVENT_ARM, desc, &isnull));
		double		at = DatumGetTimestampTz(heap_getattr(tuple, EVENT_AT, desc, &isnull)) / 1e6;
		bool		is_choice;
		double		reward = DatumGetFloat8(heap_getattr(tuple, EVENT_REWARD, desc, &is_choice));
		double		clock;

		CHECK_FOR_INTERRUPTS();
		/* of an arm that this snapshot does not know: it stays for those who do */
		if (number < 0 || number >= bandit->narms)
			continue;
		if (bandit->events == room)
		{
			room *= 2;
			bandit->event_places = repalloc_huge(bandit->event_places, (Size) room * sizeof(ItemPointerData));
		}
		bandit->event_places[bandit->events++] = tuple->t_self;
		bandit->touched[number] = true;
		if (bandit->options.half_life > 0)
			clock = at;
		else if (params->unrewarded_zero ? is_choice : !is_choice)
			clock = ++bandit->clock;
		else
			clock = bandit->clock;
		if (is_choice)
			bandit_chosen(params, &bandit->arms[number], clock);
		else
		{
			Datum		context = heap_getattr(tuple, EVENT_CONTEXT, desc, &isnull);
			int			n = 0;
			double	   *from = NULL;

			if (contextual && !isnull)
			{
				MemoryContextSwitchTo(rows);
				from = numbers(context, &n);
				MemoryContextSwitchTo(caller);
			}
			if (from && n <= BANDIT_MAX_FEATURES && (bandit->d == 0 || n == bandit->d - 1))
			{
				bandit->d = n + 1;
				reserve(bandit, &bandit->arms[number]);
				x[0] = 1;
				memcpy(x + 1, from, n * sizeof(double));
				bandit_rewarded(params, &bandit->arms[number], clock, reward, x);
			}
			else
				bandit_rewarded(params, &bandit->arms[number], clock, reward, NULL);
			MemoryContextReset(rows);
		}
	}
	systable_endscan_ordered(scan);
	index_close(index, AccessShareLock);
	table_close(table, AccessShareLock);
	MemoryContextDelete(rows);
}

void
bandit_load(Bandit *bandit)
{
	const BanditParams *params = &bandit->options.params;

	bandit->arms = palloc0(bandit->narms * sizeof(BanditArm));
	bandit->stored = palloc0(bandit->narms * sizeof(bool));
	bandit->touched = palloc0(bandit->narms * sizeof(bool));
	bandit->places = palloc0(bandit->narms * sizeof(ItemPointerData));
	bandit->events = 0;
	load_state(bandit);
	/* without a half-life the clock counts what brings news */
	bandit->clock = 0;
	for (int a = 0; a < bandit->narms; a++)
		bandit->clock += params->unrewarded_zero ? bandit->arms[a].choices : bandit->arms[a].rewards;
	load_events(bandit);
	if (bandit->options.half_life > 0)
		bandit->clock = GetCurrentTimestamp() / 1e6;
}

/* ---- folding */

static void
store_state(const Bandit *bandit)
{
	Relation	table = table_open(ecml_catalog_relation("bandit_state"), RowExclusiveLock);

	for (int a = 0; a < bandit->narms; a++)
	{
		const BanditArm *arm = &bandit->arms[a];
		Datum		values[12];
		bool		nulls[12] = {false};
		HeapTuple	tuple;

		if (!bandit->touched[a])
			continue;
		values[STATE_BANDIT - 1] = Int64GetDatum(bandit->bandit_id);
		values[STATE_ARM - 1] = Int32GetDatum(a);
		values[STATE_CHOICES - 1] = Int64GetDatum(arm->choices);
		values[STATE_REWARDS - 1] = Int64GetDatum(arm->rewards);
		values[STATE_TOTAL - 1] = Float8GetDatum(arm->total);
		values[STATE_TRIES - 1] = Float8GetDatum(arm->tries);
		values[STATE_N - 1] = Float8GetDatum(arm->n);
		values[STATE_SUM - 1] = Float8GetDatum(arm->sum);
		values[STATE_SQUARES - 1] = Float8GetDatum(arm->squares);
		values[STATE_CLOCK - 1] = Float8GetDatum(arm->clock);
		nulls[STATE_GRAM - 1] = nulls[STATE_MOMENT - 1] = arm->d == 0;
		values[STATE_GRAM - 1] = arm->d ? array_of(arm->gram, arm->d * arm->d) : (Datum) 0;
		values[STATE_MOMENT - 1] = arm->d ? array_of(arm->moment, arm->d) : (Datum) 0;
		tuple = heap_form_tuple(RelationGetDescr(table), values, nulls);
		if (bandit->stored[a])
		{
			ItemPointerData place = bandit->places[a];

			CatalogTupleUpdate(table, &place, tuple);
		}
		else
			CatalogTupleInsert(table, tuple);
	}
	table_close(table, NoLock);
}

bool
bandit_fold(Bandit *bandit)
{
	Relation	table;
	Bandit	   *again;

	if (XactReadOnly || IsolationUsesXactSnapshot() || IsInParallelMode() || RecoveryInProgress())
		return false;
	if (!lock_bandit(bandit->bandit_id, false))
		return false;
	/* what the one before did is committed: it held the lock until then */
	CommandCounterIncrement();
	PushActiveSnapshot(GetTransactionSnapshot());
	again = find(bandit->name);
	if (again == NULL || again->bandit_id != bandit->bandit_id || again->narms != bandit->narms)
	{
		/* dropped meanwhile: nothing is to come after it; or it has other arms: the next one folds */
		PopActiveSnapshot();
		return false;
	}
	bandit_load(bandit);
	if (bandit->events > 0)
	{
		table = table_open(ecml_catalog_relation("bandit_event"), RowExclusiveLock);
		for (int i = 0; i < bandit->events; i++)
		{
			CHECK_FOR_INTERRUPTS();
			simple_heap_delete(table, &bandit->event_places[i]);
		}
		table_close(table, NoLock);
		store_state(bandit);
		CommandCounterIncrement();
	}
	PopActiveSnapshot();
	return true;
}
