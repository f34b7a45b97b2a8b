/*
 * search_store_sql.c - what of a search index stands in tables: postings by page, documents; pages kept in the session
 *
 * Pages hold many short lists, or one long list; a page that fits one of PostgreSQL's stays in it, a longer one goes to the side table
 * uncompressed.  A page of a version never changes, so that a session may keep what it has read: as many as ecml.cache_size allows.
 */
#include "core/compat.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/fmgroids.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/tuplestore.h"

#include "core/bulk.h"
#include "core/catalog.h"
#include "core/guc.h"
#include "text/search_sql.h"

/* ---- writing */

void
search_store(const EcmlModel *model, void *given, int64 model_id)
{
	SearchParts *parts = given;
	EcmlBulk   *bulk = ecml_bulk_begin("search_page");
	TupleTableSlot *slot;
	int32		number = 0;

	for (int i = 0; i < parts->npages; i++)
	{
		Datum		values[3];
		bool		nulls[3] = {false};
		bytea	   *bytes = MemoryContextAllocHuge(bulk->rows, parts->sizes[i] + VARHDRSZ);

		SET_VARSIZE(bytes, parts->sizes[i] + VARHDRSZ);
		memcpy(VARDATA(bytes), parts->pages[i], parts->sizes[i]);
		values[0] = Int64GetDatum(model_id);
		values[1] = Int32GetDatum(i);
		values[2] = PointerGetDatum(bytes);
		ecml_bulk_add(bulk, values, nulls);
	}
	ecml_bulk_end(bulk);

	bulk = ecml_bulk_begin("search_document");
	slot = MakeSingleTupleTableSlot(parts->desc, &TTSOpsMinimalTuple);
	while (tuplestore_gettupleslot(parts->documents, true, false, slot))
	{
		Datum		values[4];
		bool		nulls[4] = {false};
		struct varlena *id;
		struct varlena *fields;

		slot_getallattrs(slot);
		id = (struct varlena *) DatumGetPointer(slot->tts_values[0]);
		fields = (struct varlena *) DatumGetPointer(slot->tts_values[1]);
		values[0] = Int64GetDatum(model_id);
		values[1] = Int32GetDatum(number++);
		values[2] = PointerGetDatum(memcpy(MemoryContextAlloc(bulk->rows, VARSIZE_ANY(id)), id, VARSIZE_ANY(id)));
		values[3] = PointerGetDatum(memcpy(MemoryContextAlloc(bulk->rows, VARSIZE_ANY(fields)), fields, VARSIZE_ANY(fields)));
		ecml_bulk_add(bulk, values, nulls);
	}
	ecml_bulk_end(bulk);
	ExecDropSingleTupleTableSlot(slot);
	tuplestore_end(parts->documents);
	if (parts->live)
		search_live_finish(parts, model_id);
}

/* ---- pages */

typedef struct PageKey
{
	int64		model_id;
	Oid			storage;		/* the table's file: the extension may be made anew, and count from 1 */
	uint32		page;
} PageKey;

typedef struct PageEntry
{
	PageKey		key;
	uint8_t    *bytes;			/* with padding behind them; NULL: not read yet */
	size_t		size;
} PageEntry;

static MemoryContext page_context = NULL;
static HTAB *pages = NULL;
static size_t page_bytes = 0;

void
search_pages_trim(void)
{
	if (page_context && page_bytes > (size_t) ecml_guc_cache_size * 1024)
	{
		MemoryContextDelete(page_context);
		page_context = NULL;
		pages = NULL;
		page_bytes = 0;
	}
	if (pages == NULL)
	{
		HASHCTL		control = {.keysize = sizeof(PageKey),.entrysize = sizeof(PageEntry)};

		page_context = AllocSetContextCreate(TopMemoryContext, "ecml search pages", ALLOCSET_DEFAULT_SIZES);
		control.hcxt = page_context;
		pages = hash_create("ecml search pages", 256, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
}

static void
damaged(const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("a search index is damaged"),
			 errdetail("It has %s.", what),
			 errhint("Build it again: ecml_retrain(name).")));
}

const uint8_t *
search_page(const SearchIndex *index, int64 model_id, uint32_t page)
{
	Relation	table = table_open(ecml_catalog_relation("search_page"), AccessShareLock);
	PageKey		key;
	PageEntry  *entry;
	bool		found;

	memset(&key, 0, sizeof(key));
	key.model_id = model_id;
	key.storage = table->rd_rel->relfilenode;
	key.page = page;
	entry = hash_search(pages, &key, HASH_ENTER, &found);
	if (!found)
		entry->bytes = NULL;
	if (entry->bytes == NULL)
	{
		ScanKeyData keys[2];
		SysScanDesc scan;
		HeapTuple	tuple;
		struct varlena *value;
		uint8_t    *bytes;
		bool		isnull;
		size_t		size;

		ScanKeyInit(&keys[0], 1, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(model_id));
		ScanKeyInit(&keys[1], 2, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum((int32) page));
		scan = systable_beginscan(table, ecml_catalog_relation("search_page_pkey"), true, GetActiveSnapshot(), 2, keys);
		tuple = systable_getnext(scan);
		if (!HeapTupleIsValid(tuple))
			damaged("lost a page");
		value = PG_DETOAST_DATUM_PACKED(heap_getattr(tuple, 3, RelationGetDescr(table), &isnull));
		size = VARSIZE_ANY_EXHDR(value);
		bytes = MemoryContextAllocHuge(page_context, size + SEARCH_PADDING);
		memcpy(bytes, VARDATA_ANY(value), size);
		memset(bytes + size, 0, SEARCH_PADDING);
		if (!search_check_page(index, page, bytes, size))
			damaged("a page that is none");
		entry->bytes = bytes;
		entry->size = size;
		page_bytes += size;
		systable_endscan(scan);
	}
	table_close(table, AccessShareLock);
	return entry->bytes;
}

/* ---- documents */

bool
search_fetch(int64 model_id, uint32_t document, int fields, char **id, text **texts)
{
	Relation	table = table_open(ecml_catalog_relation("search_document"), AccessShareLock);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tuple;
	bool		found;

	ScanKeyInit(&keys[0], SEARCH_DOCUMENT_MODEL, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(model_id));
	ScanKeyInit(&keys[1], SEARCH_DOCUMENT_NUMBER, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum((int32) document));
	scan = systable_beginscan(table, ecml_catalog_relation("search_document_pkey"), true, GetActiveSnapshot(), 2, keys);
	tuple = systable_getnext(scan);
	found = HeapTupleIsValid(tuple);
	if (found)
	{
		bool		isnull;
		Datum	   *values;
		bool	   *nulls;
		int			n;

		*id = TextDatumGetCString(heap_getattr(tuple, SEARCH_DOCUMENT_ID, RelationGetDescr(table), &isnull));
		deconstruct_array(DatumGetArrayTypePCopy(heap_getattr(tuple, SEARCH_DOCUMENT_FIELDS, RelationGetDescr(table), &isnull)),
						  TEXTOID, -1, false, TYPALIGN_INT, &values, &nulls, &n);
		for (int f = 0; f < fields; f++)
			texts[f] = f < n && !nulls[f] ? DatumGetTextPP(values[f]) : NULL;
	}
	systable_endscan(scan);
	table_close(table, AccessShareLock);
	return found;
}

bool
search_find(int64 model_id, const char *id, uint32_t *document)
{
	Relation	table = table_open(ecml_catalog_relation("search_document"), AccessShareLock);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tuple;
	bool		found;

	ScanKeyInit(&keys[0], SEARCH_DOCUMENT_MODEL, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(model_id));
	ScanKeyInit(&keys[1], SEARCH_DOCUMENT_ID, BTEqualStrategyNumber, F_TEXTEQ, CStringGetTextDatum(id));
	keys[1].sk_collation = C_COLLATION_OID;
	scan = systable_beginscan(table, ecml_catalog_relation("search_document_id"), true, GetActiveSnapshot(), 2, keys);
	tuple = systable_getnext(scan);
	found = HeapTupleIsValid(tuple);
	if (found)
	{
		bool		isnull;

		*document = DatumGetInt32(heap_getattr(tuple, SEARCH_DOCUMENT_NUMBER, RelationGetDescr(table), &isnull));
	}
	systable_endscan(scan);
	table_close(table, AccessShareLock);
	return found;
}
