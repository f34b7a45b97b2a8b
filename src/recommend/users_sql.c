/*
 * users_sql.c - the users of a recommender, in the tables ecml.factor and ecml.neighbor
 *
 * There may be millions of them, so that they cannot be in the model's value: a row each, with the items that the user took, their
 * weights and the user's factors, under (model_id, user_id).  model_id is that of a version, so that versions stand side by side,
 * and what a snapshot finds belongs to the version that it found in ecml.model.
 *
 * Rows are written as COPY writes them, many to a page and call, with their index entries, in about the order of the index; rows are read by an index scan of the
 * catalog's kind: no plan, no privilege on the tables.  Who may use a model is decided where it is found.
 */
#include "core/compat.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "core/bulk.h"
#include "core/catalog.h"
#include "num/sort.h"
#include "recommend/recommend_sql.h"

#define MAX_ID 1000

enum
{
	FACTOR_MODEL = 1,
	FACTOR_USER,
	FACTOR_NUMBER,
	FACTOR_ITEMS,
	FACTOR_VALUES,
	FACTOR_FACTORS
};

enum
{
	NEIGHBOR_MODEL = 1,
	NEIGHBOR_NUMBER,
	NEIGHBOR_USER,
	NEIGHBOR_ITEMS,
	NEIGHBOR_VALUES,
	NEIGHBOR_NEIGHBORS,
	NEIGHBOR_SIMILARITIES
};

/* ---- writing */

/*
 * Users in about the order of the index, [n]: it then grows at its end, which costs a fraction of entries all over it.  By six bytes
 * behind what all ids begin with; those that are the same in them come as they are.
 */
static int *
index_order(EcmlCtx *ctx, char *const *ids, int n)
{
	int		   *order = ECML_NEW(ctx, int, (size_t) n + 1);
	double	   *pairs = ECML_NEW(ctx, double, 2 * (size_t) n + 2);
	size_t		common = n > 0 ? strlen(ids[0]) : 0;

	for (int u = 1; u < n; u++)
	{
		size_t		same = 0;

		while (same < common && ids[u][same] == ids[0][same])
			same++;
		common = same;
	}
	for (int u = 0; u < n; u++)
	{
		const unsigned char *at = (const unsigned char *) ids[u] + common;
		uint64		key = 0;

		for (int i = 0; i < 6; i++)
		{
			key = key << 8 | *at;
			at += *at != '\0';
		}
		pairs[2 * (size_t) u] = key;
		pairs[2 * (size_t) u + 1] = u;
	}
	ecml_sort_f8_pairs(ctx, pairs, n);
	for (int i = 0; i < n; i++)
		order[i] = (int) pairs[2 * (size_t) i + 1];
	ecml_free(ctx, pairs);
	return order;
}

/* An id that an index entry has no room for would fail there, with an error of the index's own. */
static void
check_id(const char *id)
{
	size_t		length = strlen(id);

	if (length > MAX_ID)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the id of a user is too long"),
				 errdetail("It has %zu bytes, and begins with \"%s\".", length, pnstrdup(id, pg_mbcliplen(id, length, 40))),
				 errhint("Ids of users may have %d bytes; use a shorter key, or md5 of it.", MAX_ID)));
}

void
rec_users_store(EcmlCtx *ctx, const RecModel *model, const RecFit *fit, char *const *ids, int64 model_id)
{
	const RecMatrix *history = fit->history;
	int		   *order = index_order(ctx, ids, history->rows);
	EcmlBulk   *bulk;

	for (int u = 0; u < history->rows; u++)
		check_id(ids[u]);
	bulk = ecml_bulk_begin("factor");
	for (int i = 0; i < history->rows; i++)
	{
		int			u = order[i];
		size_t		at = history->start[u];
		int			n = (int) (history->start[u + 1] - at);
		Datum		values[6];
		bool		nulls[6] = {false};

		values[FACTOR_MODEL - 1] = Int64GetDatum(model_id);
		values[FACTOR_USER - 1] = ecml_bulk_text(bulk->rows, ids[u]);
		values[FACTOR_NUMBER - 1] = Int32GetDatum(u);
		values[FACTOR_ITEMS - 1] = ecml_bulk_array(bulk->rows, history->column + at, n, INT4OID);
		values[FACTOR_VALUES - 1] = ecml_bulk_array(bulk->rows, history->value + at, n, FLOAT4OID);
		nulls[FACTOR_FACTORS - 1] = fit->user == NULL;
		values[FACTOR_FACTORS - 1] = fit->user == NULL ? (Datum) 0 :
			ecml_bulk_array(bulk->rows, fit->user + (size_t) u * model->factors->stride, model->factors->dimension, FLOAT4OID);
		ecml_bulk_add(bulk, values, nulls);
	}
	ecml_bulk_end(bulk);
	if (fit->users == NULL)
		return;
	bulk = ecml_bulk_begin("neighbor");
	for (int u = 0; u < history->rows; u++)
	{
		size_t		at = history->start[u];
		int			n = (int) (history->start[u + 1] - at);
		size_t		first = fit->users->start[u];
		int			count = (int) (fit->users->start[u + 1] - first);
		Datum		values[7];
		bool		nulls[7] = {false};

		values[NEIGHBOR_MODEL - 1] = Int64GetDatum(model_id);
		values[NEIGHBOR_NUMBER - 1] = Int32GetDatum(u);
		values[NEIGHBOR_USER - 1] = ecml_bulk_text(bulk->rows, ids[u]);
		values[NEIGHBOR_ITEMS - 1] = ecml_bulk_array(bulk->rows, history->column + at, n, INT4OID);
		values[NEIGHBOR_VALUES - 1] = ecml_bulk_array(bulk->rows, history->value + at, n, FLOAT4OID);
		values[NEIGHBOR_NEIGHBORS - 1] = ecml_bulk_array(bulk->rows, fit->users->other + first, count, INT4OID);
		values[NEIGHBOR_SIMILARITIES - 1] = ecml_bulk_array(bulk->rows, fit->users->similarity + first, count, FLOAT4OID);
		ecml_bulk_add(bulk, values, nulls);
	}
	ecml_bulk_end(bulk);
}

/* ---- reading */

void *
rec_aligned(size_t size)
{
	return (void *) TYPEALIGN(ECML_ALIGN, palloc(size + ECML_ALIGN));
}

static void
damaged(const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("the users of a recommender are damaged"),
			 errdetail("A row has %s.", what),
			 errhint("Train the model again.")));
}

/* The values of an array of 4-byte elements, checked for its shape; palloc'd or in the tuple's copy. */
static void *
array_values(Datum datum, int *n)
{
	ArrayType  *array = DatumGetArrayTypeP(datum);

	*n = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	if (ARR_HASNULL(array) || ARR_NDIM(array) > 1)
		damaged("an array with NULLs or of several dimensions");
	return ARR_DATA_PTR(array);
}

/* Items and values of a row, their numbers checked. */
static void
read_history(HeapTuple tuple, TupleDesc desc, int items_column, const RecModel *model, int *n, int32_t **items, float **values)
{
	bool		isnull;
	int			nvalues;
	int32_t    *from;

	from = array_values(heap_getattr(tuple, items_column, desc, &isnull), n);
	*items = palloc((*n + 1) * sizeof(int32_t));
	memcpy(*items, from, *n * sizeof(int32_t));
	for (int i = 0; i < *n; i++)
		if ((*items)[i] < 0 || (*items)[i] >= model->items || (i > 0 && (*items)[i] <= (*items)[i - 1]))
			damaged("an item that is not the model's");
	from = array_values(heap_getattr(tuple, items_column + 1, desc, &isnull), &nvalues);
	if (nvalues != *n)
		damaged("items and values of different number");
	*values = palloc((*n + 1) * sizeof(float));
	memcpy(*values, from, *n * sizeof(float));
}

static void
read_factor(HeapTuple tuple, TupleDesc desc, const RecModel *model, RecUserRow *row)
{
	bool		isnull;
	Datum		datum;

	row->found = true;
	row->number = DatumGetInt32(heap_getattr(tuple, FACTOR_NUMBER, desc, &isnull));
	read_history(tuple, desc, FACTOR_ITEMS, model, &row->n, &row->items, &row->values);
	row->factors = NULL;
	datum = heap_getattr(tuple, FACTOR_FACTORS, desc, &isnull);
	if (!isnull && model->factors)
	{
		int			n;
		void	   *from = array_values(datum, &n);

		if (n != model->factors->dimension)
			damaged("another number of factors than the model");
		row->factors = rec_aligned(model->factors->stride * sizeof(float));
		memset(row->factors, 0, model->factors->stride * sizeof(float));
		memcpy(row->factors, from, n * sizeof(float));
	}
}

void
rec_user_find(const RecModel *model, int64 model_id, const char *user_id, RecUserRow *row)
{
	Relation	table = table_open(ecml_catalog_relation("factor"), AccessShareLock);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tuple;

	memset(row, 0, sizeof(*row));
	ScanKeyInit(&keys[0], FACTOR_MODEL, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(model_id));
	ScanKeyInit(&keys[1], FACTOR_USER, BTEqualStrategyNumber, F_TEXTEQ, CStringGetTextDatum(user_id));
	keys[1].sk_collation = C_COLLATION_OID;
	scan = systable_beginscan(table, ecml_catalog_relation("factor_pkey"), true, GetActiveSnapshot(), 2, keys);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
		read_factor(tuple, RelationGetDescr(table), model, row);
	systable_endscan(scan);
	table_close(table, AccessShareLock);
}

/* The row of a user's number; the scan is left open with it. */
static HeapTuple
find_neighbor(Relation table, int64 model_id, int number, SysScanDesc *scan)
{
	ScanKeyData keys[2];

	ScanKeyInit(&keys[0], NEIGHBOR_MODEL, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(model_id));
	ScanKeyInit(&keys[1], NEIGHBOR_NUMBER, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(number));
	*scan = systable_beginscan(table, ecml_catalog_relation("neighbor_pkey"), true, GetActiveSnapshot(), 2, keys);
	return systable_getnext(*scan);
}

/* Numbers and similarities of a user's neighbours; 0: none. */
static int
read_neighbors(Relation table, int64 model_id, int number, int32_t **neighbors, float **similarities)
{
	SysScanDesc scan;
	HeapTuple	tuple = find_neighbor(table, model_id, number, &scan);
	int			n = 0;

	if (HeapTupleIsValid(tuple))
	{
		bool		isnull;
		int			count;
		void	   *from = array_values(heap_getattr(tuple, NEIGHBOR_NEIGHBORS, RelationGetDescr(table), &isnull), &n);

		*neighbors = palloc((n + 1) * sizeof(int32_t));
		memcpy(*neighbors, from, n * sizeof(int32_t));
		from = array_values(heap_getattr(tuple, NEIGHBOR_SIMILARITIES, RelationGetDescr(table), &isnull), &count);
		if (count != n)
			damaged("neighbours and similarities of different number");
		*similarities = palloc((n + 1) * sizeof(float));
		memcpy(*similarities, from, n * sizeof(float));
	}
	systable_endscan(scan);
	return n;
}

void
rec_user_neighbors(const RecModel *model, int64 model_id, int number, RecUser *user)
{
	Relation	table = table_open(ecml_catalog_relation("neighbor"), AccessShareLock);
	int32_t    *neighbors;
	float	   *similarities;
	int			n = read_neighbors(table, model_id, number, &neighbors, &similarities);
	int			capacity = 64;
	int32_t    *candidates = palloc(capacity * sizeof(int32_t));
	float	   *scores = palloc(capacity * sizeof(float));
	int		   *ends = palloc((n + 1) * sizeof(int));

	user->ncandidates = 0;
	for (int i = 0; i < n; i++)
	{
		SysScanDesc scan;
		HeapTuple	tuple = find_neighbor(table, model_id, neighbors[i], &scan);

		if (HeapTupleIsValid(tuple))
		{
			int			count;
			int32_t    *items;
			float	   *values;

			read_history(tuple, RelationGetDescr(table), NEIGHBOR_ITEMS, model, &count, &items, &values);
			while (user->ncandidates + count > capacity)
			{
				capacity *= 2;
				candidates = repalloc_huge(candidates, capacity * sizeof(int32_t));
				scores = repalloc_huge(scores, capacity * sizeof(float));
			}
			for (int j = 0; j < count; j++)
			{
				candidates[user->ncandidates] = items[j];
				scores[user->ncandidates++] = similarities[i] * values[j];
			}
			pfree(items);
			pfree(values);
		}
		systable_endscan(scan);
		ends[i] = user->ncandidates;
	}
	user->nneighbors = n;
	user->neighbor_end = ends;
	user->candidates = candidates;
	user->candidate_scores = scores;
	table_close(table, AccessShareLock);
}

int
rec_users_similar(int64 model_id, int number, char ***user_ids, float **similarities)
{
	Relation	table = table_open(ecml_catalog_relation("neighbor"), AccessShareLock);
	int32_t    *neighbors;
	int			n = read_neighbors(table, model_id, number, &neighbors, similarities);
	int			found = 0;

	*user_ids = palloc((n + 1) * sizeof(char *));
	for (int i = 0; i < n; i++)
	{
		SysScanDesc scan;
		HeapTuple	tuple = find_neighbor(table, model_id, neighbors[i], &scan);
		bool		isnull;

		if (HeapTupleIsValid(tuple))
		{
			(*similarities)[found] = (*similarities)[i];
			(*user_ids)[found++] = TextDatumGetCString(heap_getattr(tuple, NEIGHBOR_USER, RelationGetDescr(table), &isnull));
		}
		systable_endscan(scan);
	}
	table_close(table, AccessShareLock);
	return found;
}

struct RecUserScan
{
	const RecModel *model;
	Relation	table;
	Relation	index;
	SysScanDesc scan;
};

RecUserScan *
rec_users_begin(const RecModel *model, int64 model_id)
{
	RecUserScan *scan = palloc0(sizeof(RecUserScan));
	ScanKeyData key;

	scan->model = model;
	scan->table = table_open(ecml_catalog_relation("factor"), AccessShareLock);
	scan->index = index_open(ecml_catalog_relation("factor_pkey"), AccessShareLock);
	ScanKeyInit(&key, FACTOR_MODEL, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(model_id));
	scan->scan = systable_beginscan_ordered(scan->table, scan->index, GetActiveSnapshot(), 1, &key);
	return scan;
}

bool
rec_users_next(RecUserScan *scan, char **user_id, RecUserRow *row)
{
	HeapTuple	tuple = systable_getnext_ordered(scan->scan, ForwardScanDirection);
	bool		isnull;

	if (!HeapTupleIsValid(tuple))
		return false;
	*user_id = TextDatumGetCString(heap_getattr(tuple, FACTOR_USER, RelationGetDescr(scan->table), &isnull));
	read_factor(tuple, RelationGetDescr(scan->table), scan->model, row);
	return true;
}

void
rec_users_end(RecUserScan *scan)
{
	systable_endscan_ordered(scan->scan);
	index_close(scan->index, AccessShareLock);
	table_close(scan->table, AccessShareLock);
}
