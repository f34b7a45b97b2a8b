/*
 * bulk.c - many rows for a table of the extension
 *
 * They are written as COPY writes them, many to a page and call, with their index entries.
 */
#include "core/compat.h"

#include "access/heapam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "core/bulk.h"
#include "core/catalog.h"

EcmlBulk *
ecml_bulk_begin(const char *name)
{
	EcmlBulk   *bulk = palloc0(sizeof(EcmlBulk));

	bulk->table = table_open(ecml_catalog_relation(name), RowExclusiveLock);
	bulk->estate = CreateExecutorState();
	bulk->info = makeNode(ResultRelInfo);
	InitResultRelInfo(bulk->info, bulk->table, 1, NULL, 0);
	ExecOpenIndices(bulk->info, false);
	bulk->state = GetBulkInsertState();
	for (int i = 0; i < ECML_BULK_ROWS; i++)
		bulk->slots[i] = table_slot_create(bulk->table, NULL);
	bulk->rows = AllocSetContextCreate(CurrentMemoryContext, "ecml bulk rows", ALLOCSET_DEFAULT_SIZES);
	return bulk;
}

static void
flush(EcmlBulk *bulk)
{
	MemoryContext old;

	if (bulk->n == 0)
		return;
	CHECK_FOR_INTERRUPTS();
	old = MemoryContextSwitchTo(GetPerTupleMemoryContext(bulk->estate));
	table_multi_insert(bulk->table, bulk->slots, bulk->n, GetCurrentCommandId(true), 0, bulk->state);
	for (int i = 0; i < bulk->n; i++)
	{
		if (bulk->info->ri_NumIndices > 0)
			(void) ecml_insert_index_tuples(bulk->info, bulk->slots[i], bulk->estate);
		ExecClearTuple(bulk->slots[i]);
	}
	MemoryContextSwitchTo(old);
	ResetPerTupleExprContext(bulk->estate);
	MemoryContextReset(bulk->rows);
	bulk->n = 0;
}

void
ecml_bulk_add(EcmlBulk *bulk, const Datum *values, const bool *nulls)
{
	TupleTableSlot *slot = bulk->slots[bulk->n++];
	int			natts = slot->tts_tupleDescriptor->natts;

	memcpy(slot->tts_values, values, natts * sizeof(Datum));
	memcpy(slot->tts_isnull, nulls, natts * sizeof(bool));
	ExecStoreVirtualTuple(slot);
	if (bulk->n == ECML_BULK_ROWS)
		flush(bulk);
}

void
ecml_bulk_end(EcmlBulk *bulk)
{
	flush(bulk);
	for (int i = 0; i < ECML_BULK_ROWS; i++)
		ExecDropSingleTupleTableSlot(bulk->slots[i]);
	FreeBulkInsertState(bulk->state);
	ExecCloseIndices(bulk->info);
	table_finish_bulk_insert(bulk->table, 0);
	FreeExecutorState(bulk->estate);
	table_close(bulk->table, NoLock);
	MemoryContextDelete(bulk->rows);
	pfree(bulk);
}

Datum
ecml_bulk_array_room(MemoryContext context, int n, Oid type, void **values)
{
	size_t		size = n > 0 ? ARR_OVERHEAD_NONULLS(1) + (size_t) n * 4 : sizeof(ArrayType);
	ArrayType  *array;

	if (size > MaxAllocSize)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a user has too many items"),
				 errdetail("There are %d.", n),
				 errhint("Leave such users out of the source.")));
	array = MemoryContextAlloc(context, size);
	memset(array, 0, n > 0 ? ARR_OVERHEAD_NONULLS(1) : size);
	SET_VARSIZE(array, size);
	array->elemtype = type;
	*values = (char *) array + size;	/* of none, its end */
	if (n > 0)
	{
		array->ndim = 1;
		ARR_DIMS(array)[0] = n;
		ARR_LBOUND(array)[0] = 1;
		*values = ARR_DATA_PTR(array);
	}
	return PointerGetDatum(array);
}

Datum
ecml_bulk_array(MemoryContext context, const void *values, int n, Oid type)
{
	void	   *room;
	Datum		array = ecml_bulk_array_room(context, n, type, &room);

	memcpy(room, values, (size_t) n * 4);
	return array;
}

Datum
ecml_bulk_text(MemoryContext context, const char *string)
{
	size_t		length = strlen(string);
	text	   *result = MemoryContextAlloc(context, length + VARHDRSZ);

	SET_VARSIZE(result, length + VARHDRSZ);
	memcpy(VARDATA(result), string, length);
	return PointerGetDatum(result);
}
