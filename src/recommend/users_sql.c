/*
 * users_sql.c - the users of a recommender, in the tables ecml.factor and ecml.neighbor
 *
 * There may be millions of them, so that they cannot be in the model's value.  A row of ecml.factor has as many users as a page
 * holds, in the order of their ids: the items that each took, their weights and the user's factors, as arrays of all of them one
 * after the other.  Rows are found by (model_id, first_user): a user is in the last row that begins at or before the id.  A row a
 * user would cost ten times the time to write, and twice the space.  model_id is that of a version, so that versions stand side by
 * side, and what a snapshot finds belongs to the version that it found in ecml.model.  ecml.neighbor (user_knn) has a row a user.
 *
 * Rows are written as COPY writes them, many to a call, with their index entries, in the order of the index; rows are read by an
 * index scan of the catalog's kind: no plan, no privilege on the tables.  Who may use a model is decided where it is found.
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
#define ROW_BYTES 8100			/* of the columns of a row: it fills a page, and nothing of it is moved elsewhere (toast_tuple_target) */
#define ROW_OVERHEAD (sizeof(int64) + 6 * ARR_OVERHEAD_NONULLS(1) + MAXIMUM_ALIGNOF)

enum
{
	FACTOR_MODEL = 1,
	FACTOR_FIRST,
	FACTOR_USERS,
	FACTOR_NUMBERS,
	FACTOR_ENDS,
	FACTOR_ITEMS,
	FACTOR_VALUES,
	FACTOR_FACTORS,
	FACTOR_COLUMNS = FACTOR_FACTORS
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

static int
compare_ids(const void *a, const void *b, void *arg)
{
	char	   *const *ids = arg;

	return strcmp(ids[*(const int *) a], ids[*(const int *) b]);
}

/* Users in the order of their ids by bytes, [n]: by six bytes behind what all ids begin with, and in whole where those are the same. */
static int *
id_order(EcmlCtx *ctx, char *const *ids, int n)
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
	for (int first = 0, end; first < n; first = end)
	{
		for (end = first + 1; end < n && pairs[2 * (size_t) end] == pairs[2 * (size_t) first];)
			end++;
		if (end > first + 1)
			qsort_arg(order + first, end - first, sizeof(int), compare_ids, (void *) ids);
	}
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

/* What is written, and in which order. */
typedef struct Writing
{
	const RecFit *fit;
	char	   *const *ids;
	const int  *order;
	int			dimension;		/* of factors; 0: none */
	EcmlBulk   *bulk;
	int64		model_id;
} Writing;

static inline size_t
id_bytes(const char *id)
{
	return INTALIGN(VARHDRSZ + strlen(id));
}

static inline int
history_length(const RecMatrix *history, int u)
{
	return (int) Min(history->start[u + 1] - history->start[u], INT_MAX);
}

static size_t
user_bytes(const Writing *w, int u)
{
	return id_bytes(w->ids[u]) + 2 * sizeof(int32) + (size_t) history_length(w->fit->history, u) * 8 + w->dimension * sizeof(float);
}

/* Ids as an array of texts. */
static Datum
id_array(const Writing *w, const int *users, int n)
{
	size_t		size = ARR_OVERHEAD_NONULLS(1);
	ArrayType  *array;
	char	   *to;

	for (int i = 0; i < n; i++)
		size += id_bytes(w->ids[users[i]]);
	array = MemoryContextAllocZero(w->bulk->rows, size);
	SET_VARSIZE(array, size);
	array->ndim = 1;
	array->elemtype = TEXTOID;
	ARR_DIMS(array)[0] = n;
	ARR_LBOUND(array)[0] = 1;
	to = ARR_DATA_PTR(array);
	for (int i = 0; i < n; i++)
	{
		const char *id = w->ids[users[i]];
		size_t		length = strlen(id);

		SET_VARSIZE(to, VARHDRSZ + length);
		memcpy(VARDATA(to), id, length);
		to += INTALIGN(VARHDRSZ + length);
	}
	return PointerGetDatum(array);
}

/* A row of some users. */
static void
store_row(const Writing *w, const int *users, int n)
{
	const RecMatrix *history = w->fit->history;
	MemoryContext context = w->bulk->rows;
	int32	   *ends;
	int32	   *numbers;
	int32	   *items;
	float	   *weights;
	float	   *factors;
	int			entries = 0;
	Datum		values[FACTOR_COLUMNS];
	bool		nulls[FACTOR_COLUMNS] = {false};

	values[FACTOR_MODEL - 1] = Int64GetDatum(w->model_id);
	values[FACTOR_FIRST - 1] = ecml_bulk_text(context, w->ids[users[0]]);
	values[FACTOR_USERS - 1] = id_array(w, users, n);
	values[FACTOR_NUMBERS - 1] = ecml_bulk_array_room(context, n, INT4OID, (void **) &numbers);
	values[FACTOR_ENDS - 1] = ecml_bulk_array_room(context, n, INT4OID, (void **) &ends);
	for (int i = 0; i < n; i++)
	{
		numbers[i] = users[i];
		ends[i] = entries += history_length(history, users[i]);
	}
	values[FACTOR_ITEMS - 1] = ecml_bulk_array_room(context, entries, INT4OID, (void **) &items);
	values[FACTOR_VALUES - 1] = ecml_bulk_array_room(context, entries, FLOAT4OID, (void **) &weights);
	for (int i = 0, at = 0; i < n; at = ends[i++])
	{
		memcpy(items + at, history->column + history->start[users[i]], (ends[i] - at) * sizeof(int32));
		memcpy(weights + at, history->value + history->start[users[i]], (ends[i] - at) * sizeof(float));
	}
	nulls[FACTOR_FACTORS - 1] = w->dimension == 0;
	values[FACTOR_FACTORS - 1] = (Datum) 0;
	if (w->dimension > 0)
	{
		values[FACTOR_FACTORS - 1] = ecml_bulk_array_room(context, n * w->dimension, FLOAT4OID, (void **) &factors);
		for (int i = 0; i < n; i++)
			memcpy(factors + (size_t) i * w->dimension, w->fit->user + (size_t) users[i] * w->fit->model->factors->stride,
				   w->dimension * sizeof(float));
	}
	ecml_bulk_add(w->bulk, values, nulls);
}

void
rec_users_store(EcmlCtx *ctx, const RecModel *model, const RecFit *fit, char *const *ids, int64 model_id)
{
	const RecMatrix *history = fit->history;
	Writing		w = {fit, ids, id_order(ctx, ids, history->rows)};
	EcmlBulk   *bulk;

	for (int u = 0; u < history->rows; u++)
		check_id(ids[u]);
	w.dimension = fit->user ? model->factors->dimension : 0;
	w.model_id = model_id;
	w.bulk = ecml_bulk_begin("factor");
	for (int first = 0, n; first < history->rows; first += n)
	{
		size_t		bytes = ROW_OVERHEAD + id_bytes(ids[w.order[first]]) + user_bytes(&w, w.order[first]);

		for (n = 1; first + n < history->rows; n++)
		{
			bytes += user_bytes(&w, w.order[first + n]);
			if (bytes > ROW_BYTES)
				break;
		}
		store_row(&w, w.order + first, n);
	}
	ecml_bulk_end(w.bulk);
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

static void
check_items(const int32_t *items, int n, const RecModel *model)
{
	for (int i = 0; i < n; i++)
		if (items[i] < 0 || items[i] >= model->items || (i > 0 && items[i] <= items[i - 1]))
			damaged("an item that is not the model's");
}

/* Items and values of a row of ecml.neighbor, their numbers checked. */
static void
read_history(HeapTuple tuple, TupleDesc desc, int items_column, const RecModel *model, int *n, int32_t **items, float **values)
{
	bool		isnull;
	int			nvalues;
	int32_t    *from;

	from = array_values(heap_getattr(tuple, items_column, desc, &isnull), n);
	*items = palloc((*n + 1) * sizeof(int32_t));
	memcpy(*items, from, *n * sizeof(int32_t));
	check_items(*items, *n, model);
	from = array_values(heap_getattr(tuple, items_column + 1, desc, &isnull), &nvalues);
	if (nvalues != *n)
		damaged("items and values of different number");
	*values = palloc((*n + 1) * sizeof(float));
	memcpy(*values, from, *n * sizeof(float));
}

/* A row of ecml.factor: the arrays of its users. */
typedef struct Row
{
	int			n;
	const int32_t *numbers;		/* [n] */
	const int32_t *ends;		/* [n] of the items */
	const int32_t *items;		/* [ends[n - 1]] */
	const float *values;
	const float *factors;		/* [n][dimension], or NULL */
	const char *at;				/* ids that are left: a text of the array */
	const char *end;
} Row;

/* Take a row apart; what it points to is the tuple's, or palloc'd. */
static void
open_row(HeapTuple tuple, TupleDesc desc, const RecModel *model, Row *row)
{
	Datum		values[FACTOR_COLUMNS];
	bool		nulls[FACTOR_COLUMNS];
	int			counts[4];
	ArrayType  *users;

	if (desc->natts != FACTOR_COLUMNS)
		damaged("other columns than those of this version");
	heap_deform_tuple(tuple, desc, values, nulls);
	users = DatumGetArrayTypeP(values[FACTOR_USERS - 1]);
	row->numbers = array_values(values[FACTOR_NUMBERS - 1], &counts[0]);
	row->ends = array_values(values[FACTOR_ENDS - 1], &counts[1]);
	row->items = array_values(values[FACTOR_ITEMS - 1], &counts[2]);
	row->values = array_values(values[FACTOR_VALUES - 1], &counts[3]);
	row->n = counts[0];
	if (ARR_NDIM(users) != 1 || ARR_HASNULL(users) || ARR_ELEMTYPE(users) != TEXTOID || ARR_DIMS(users)[0] != row->n ||
		counts[1] != row->n || counts[2] != counts[3])
		damaged("arrays of different length");
	for (int i = 0; i < row->n; i++)
		if (row->ends[i] < (i > 0 ? row->ends[i - 1] : 0) || row->ends[i] > counts[2])
			damaged("items that are not there");
	row->at = ARR_DATA_PTR(users);
	row->end = (const char *) users + ARR_SIZE(users);
	row->factors = NULL;
	if (!nulls[FACTOR_FACTORS - 1] && model->factors)
	{
		int			n;

		row->factors = array_values(values[FACTOR_FACTORS - 1], &n);
		if (n != (int64) row->n * model->factors->dimension)
			damaged("another number of factors than the model");
	}
}

/* The next of its ids, not terminated. */
static const char *
next_id(Row *row, int *length)
{
	const char *at = row->at;

	/* a value of one, and as much as it says */
	if (row->end - at < VARHDRSZ || VARATT_IS_EXTERNAL(at) || VARATT_IS_COMPRESSED(at) ||
		(ptrdiff_t) VARSIZE_ANY(at) > row->end - at)
		damaged("an id that is none");
	*length = VARSIZE_ANY_EXHDR(at);
	row->at = (const char *) INTALIGN(at + VARSIZE_ANY(at));
	return VARDATA_ANY(at);
}

/* What is known of its i-th user; palloc'd. */
static void
read_user(const Row *row, int i, const RecModel *model, RecUserRow *user)
{
	int			first = i > 0 ? row->ends[i - 1] : 0;

	user->found = true;
	user->number = row->numbers[i];
	user->n = row->ends[i] - first;
	user->items = palloc((user->n + 1) * sizeof(int32_t));
	memcpy(user->items, row->items + first, user->n * sizeof(int32_t));
	check_items(user->items, user->n, model);
	user->values = palloc((user->n + 1) * sizeof(float));
	memcpy(user->values, row->values + first, user->n * sizeof(float));
	user->factors = NULL;
	if (row->factors)
	{
		const RecFactors *f = model->factors;

		user->factors = rec_aligned(f->stride * sizeof(float));
		memset(user->factors, 0, f->stride * sizeof(float));
		memcpy(user->factors, row->factors + (size_t) i * f->dimension, f->dimension * sizeof(float));
	}
}

/* The rows of a model in ecml.factor, in the order of the index: all, or (user_id) those that begin at or before an id. */
struct RecUserScan
{
	const RecModel *model;
	Relation	table;
	Relation	index;
	SysScanDesc scan;
	MemoryContext context;		/* of the row at hand */
	Row			row;
	int			next;			/* of its users */
};

static void
begin_scan(RecUserScan *scan, const RecModel *model, int64 model_id, const char *user_id)
{
	ScanKeyData keys[2];

	scan->model = model;
	scan->table = table_open(ecml_catalog_relation("factor"), AccessShareLock);
	scan->index = index_open(ecml_catalog_relation("factor_pkey"), AccessShareLock);
	ScanKeyInit(&keys[0], FACTOR_MODEL, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(model_id));
	if (user_id)
	{
		ScanKeyInit(&keys[1], FACTOR_FIRST, BTLessEqualStrategyNumber, F_TEXT_LE, CStringGetTextDatum(user_id));
		keys[1].sk_collation = C_COLLATION_OID;
	}
	scan->scan = systable_beginscan_ordered(scan->table, scan->index, GetActiveSnapshot(), user_id ? 2 : 1, keys);
}

static void
end_scan(RecUserScan *scan)
{
	systable_endscan_ordered(scan->scan);
	index_close(scan->index, AccessShareLock);
	table_close(scan->table, AccessShareLock);
}

void
rec_user_find(const RecModel *model, int64 model_id, const char *user_id, RecUserRow *user)
{
	RecUserScan scan = {0};
	HeapTuple	tuple;
	int			wanted = strlen(user_id);

	memset(user, 0, sizeof(*user));
	begin_scan(&scan, model, model_id, user_id);
	tuple = systable_getnext_ordered(scan.scan, BackwardScanDirection);
	if (HeapTupleIsValid(tuple))
	{
		open_row(tuple, RelationGetDescr(scan.table), model, &scan.row);
		for (int i = 0; i < scan.row.n && !user->found; i++)
		{
			int			length;
			const char *id = next_id(&scan.row, &length);

			if (length == wanted && memcmp(id, user_id, length) == 0)
				read_user(&scan.row, i, model, user);
		}
	}
	end_scan(&scan);
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

RecUserScan *
rec_users_begin(const RecModel *model, int64 model_id)
{
	RecUserScan *scan = palloc0(sizeof(RecUserScan));

	begin_scan(scan, model, model_id, NULL);
	scan->context = AllocSetContextCreate(CurrentMemoryContext, "ecml users", ALLOCSET_DEFAULT_SIZES);
	return scan;
}

bool
rec_users_next(RecUserScan *scan, char **user_id, RecUserRow *user)
{
	const char *id;
	int			length;

	while (scan->next == scan->row.n)
	{
		HeapTuple	tuple = systable_getnext_ordered(scan->scan, ForwardScanDirection);
		MemoryContext old;

		if (!HeapTupleIsValid(tuple))
			return false;
		MemoryContextReset(scan->context);
		old = MemoryContextSwitchTo(scan->context);
		open_row(tuple, RelationGetDescr(scan->table), scan->model, &scan->row);
		MemoryContextSwitchTo(old);
		scan->next = 0;
	}
	id = next_id(&scan->row, &length);
	*user_id = pnstrdup(id, length);
	read_user(&scan->row, scan->next++, scan->model, user);
	return true;
}

void
rec_users_end(RecUserScan *scan)
{
	end_scan(scan);
	MemoryContextDelete(scan->context);
}
