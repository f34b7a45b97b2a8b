/*
 * cnn_similar_sql.c - pictures like one: embeddings kept beside a model's version, and those nearest to a picture's
 *
 * ecml_image_index takes the embeddings of all pictures of a source and keeps them in ecml.embedding, blocks of some thousand numbers;
 * ecml.image_index remembers where they come from.  Both refer to the version and go with it.  The next version of the name, which
 * sees pictures in its own way, indexes the same source again when it is trained.  A session keeps the vectors that it has read last, as
 * far as ecml.cache_size goes.
 */
#include "image/cnn_sql.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "core/bulk.h"
#include "core/catalog.h"
#include "core/guc.h"
#include "core/result.h"
#include "image/cnn_serve_sql.h"
#include "image/similar.h"

#define BLOCK_NUMBERS 16384		/* of vectors in a row of the table: 64 kB */
#define MOST_DIMENSIONS (1 << 22)

/* Columns of ecml.image_index and ecml.embedding, in the order of sql/86_cnn.sql. */
enum
{
	INDEX_MODEL_ID = 1,
	INDEX_SOURCE,
	INDEX_KEY,
	INDEX_PICTURE,
	INDEX_DAMAGED,
	INDEX_PICTURES,
	INDEX_SKIPPED,
	INDEX_DIMENSIONS,
	INDEX_SECONDS
};

enum
{
	EMBEDDING_MODEL_ID = 1,
	EMBEDDING_BLOCK,
	EMBEDDING_IDS,
	EMBEDDING_VECTORS
};

/* ---- making an index */

typedef struct Blocks
{
	EcmlBulk   *bulk;
	const CnnKeyed *keyed;
	int64		model_id;
	size_t		dimensions;
	int			per_block;
	int			n;				/* vectors in the open block */
	int32		number;
	Datum	   *ids;			/* [per_block] */
	float	   *vectors;		/* [per_block][dimensions] */
} Blocks;

static void
write_block(Blocks *b)
{
	Datum		values[4];
	bool		nulls[4] = {false};
	MemoryContext old = MemoryContextSwitchTo(b->bulk->rows);

	values[0] = Int64GetDatum(b->model_id);
	values[1] = Int32GetDatum(b->number++);
	values[2] = PointerGetDatum(construct_array(b->ids, b->n, TEXTOID, -1, false, TYPALIGN_INT));
	values[3] = ecml_bulk_array(b->bulk->rows, b->vectors, (int) (b->n * b->dimensions), FLOAT4OID);
	MemoryContextSwitchTo(old);
	ecml_bulk_add(b->bulk, values, nulls);
	for (int i = 0; i < b->n; i++)
		pfree(DatumGetPointer(b->ids[i]));
	b->n = 0;
}

static void
add_vector(void *arg, size_t i, const void *result)
{
	Blocks	   *b = arg;

	b->ids[b->n] = CStringGetTextDatum(cnn_keyed_key(b->keyed, i));
	memcpy(b->vectors + b->n * b->dimensions, result, b->dimensions * sizeof(float));
	if (++b->n == b->per_block)
		write_block(b);
}

static void
forget_index(int64 model_id)
{
	Oid			types[] = {INT8OID};
	Datum		values[] = {Int64GetDatum(model_id)};

	/* two who index the same version do it one after the other, and nobody drops it meanwhile */
	if (ecml_catalog_execute("SELECT FROM ecml.model WHERE model_id OPERATOR(pg_catalog.=) $1 FOR NO KEY UPDATE", 1, types, values,
							 NULL) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("the model was dropped meanwhile"),
				 errdetail("Its number was " INT64_FORMAT ".", model_id),
				 errhint("The view ecml.models lists the models that you may use.")));
	ecml_catalog_execute("DELETE FROM ecml.image_index WHERE model_id OPERATOR(pg_catalog.=) $1", 1, types, values, NULL);
	ecml_catalog_execute("DELETE FROM ecml.embedding WHERE model_id OPERATOR(pg_catalog.=) $1", 1, types, values, NULL);
}

typedef struct Made
{
	int64		pictures;
	int64		skipped;
	int			dimensions;
	double		seconds;
} Made;

/* The source's pictures as embeddings of a model that is prepared to serve; what was there before is gone.  SPI is connected. */
static Made
make_index(EcmlCtx *ctx, MemoryContext context, const CnnModel *fitted, int nclasses, int64 model_id, const CnnIndexed *about)
{
	CnnReading *reading;
	CnnKeyed   *keyed;
	Blocks		b = {.model_id = model_id,.dimensions = cnn_embedding_size(fitted)};
	Made		made;
	instr_time	began;
	instr_time	took;
	const char *picture;
	const char *key;

	INSTR_TIME_SET_CURRENT(began);
	if (b.dimensions > MOST_DIMENSIONS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the embeddings are too large"),
				 errdetail("They have %zu numbers each; the limit is %d.", b.dimensions, MOST_DIMENSIONS),
				 errhint("Give the network a pooling, or a smaller dense layer, before its last layer.")));
	reading = cnn_reading_for(ctx, fitted, about->source, about->picture, about->key, about->damaged);
	keyed = cnn_keyed_open(reading, context, about->key, true);
	cnn_keyed_run(keyed);
	MemoryContextSwitchTo(context);
	picture = pstrdup(NameStr(TupleDescAttr(reading->source.desc, reading->column)->attname));
	key = pstrdup(NameStr(TupleDescAttr(reading->source.desc, keyed->key)->attname));

	forget_index(model_id);
	MemoryContextSwitchTo(context);
	b.keyed = keyed;
	b.per_block = Max(1, BLOCK_NUMBERS / (int) b.dimensions);
	b.ids = palloc(b.per_block * sizeof(Datum));
	b.vectors = ECML_NEW(ctx, float, b.per_block * b.dimensions);
	b.bulk = ecml_bulk_begin("embedding");
	cnn_many(ctx, fitted, nclasses, reading->store, true, add_vector, &b);
	if (b.n > 0)
		write_block(&b);
	ecml_bulk_end(b.bulk);
	cnn_store_close(reading->store);
	made.pictures = (int64) cnn_store_rows(reading->store);
	made.skipped = reading->skipped + cnn_store_damaged(reading->store);
	made.dimensions = (int) b.dimensions;
	INSTR_TIME_SET_CURRENT(took);
	INSTR_TIME_SUBTRACT(took, began);
	made.seconds = INSTR_TIME_GET_DOUBLE(took);
	{
		Oid			types[] = {INT8OID, TEXTOID, TEXTOID, TEXTOID, BOOLOID, INT8OID, INT8OID, INT4OID, FLOAT8OID};
		Datum		values[] = {Int64GetDatum(model_id), CStringGetTextDatum(about->source), CStringGetTextDatum(key),
			CStringGetTextDatum(picture), BoolGetDatum(about->damaged == CNN_DAMAGED_SKIP), Int64GetDatum(made.pictures),
		Int64GetDatum(made.skipped), Int32GetDatum(made.dimensions), Float8GetDatum(made.seconds)};

		ecml_catalog_execute("INSERT INTO ecml.image_index (model_id, source, key, picture, damaged, pictures, skipped, dimensions, seconds) "
							 "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)", lengthof(types), types, values, NULL);
	}
	MemoryContextSwitchTo(context);
	return made;
}

typedef struct IndexOptions
{
	char	   *id;
	char	   *image;
	int			damaged;
} IndexOptions;

static const char *const damaged_names[] = {"error", "skip", NULL};	/* as CnnDamaged */

static const EcmlOption index_options[] = {
	ECML_OPT_TEXT(IndexOptions, id, "id"),
	ECML_OPT_TEXT(IndexOptions, image, "image"),
	ECML_OPT_ENUM(IndexOptions, damaged, "damaged", damaged_names),
	ECML_OPT_END
};

static const CnnModel *
network_of(const EcmlModel *model, const char *name, const char *function)
{
	if (strcmp(model->algorithm->name, "cnn") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s needs a network of pictures", function),
				 errdetail("The algorithm of \"%s\" is %s.", name, model->algorithm->name),
				 errhint("Train one with ecml_train(model, 'cnn', source, target), or import one with ecml_import_onnx.")));
	return model->fitted;
}

PG_FUNCTION_INFO_V1(ecml_image_index);

/* ecml_image_index(model text, source text, options jsonb): ecml_training; source NULL: drop the index */
Datum
ecml_image_index(PG_FUNCTION_ARGS)
{
	IndexOptions o = {0};
	EcmlOptionSet set = {index_options, &o};
	CnnIndexed	about = {0};
	MemoryContext caller;
	MemoryContext context;
	EcmlCatalogEntry entry;
	EcmlModel  *model;
	const CnnModel *fitted;
	EcmlCtx    *ctx;
	EcmlServerHost *host;
	EcmlJson   *json;
	char	   *name;
	Made		made = {0};
	Datum		values[7];
	bool		nulls[7] = {false};

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	PreventCommandIfReadOnly("ecml_image_index()");
	name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	ecml_options_parse("ecml_image_index", PG_ARGISNULL(2) ? NULL : PG_GETARG_JSONB_P(2), &set, 1);
	ecml_catalog_check_owner(name, false);
	ecml_catalog_get(name, &entry);
	context = AllocSetContextCreate(CurrentMemoryContext, "ecml picture index", ALLOCSET_DEFAULT_SIZES);
	caller = MemoryContextSwitchTo(context);
	model = ecml_model_read(ecml_catalog_body(&entry), context);
	fitted = network_of(model, name, "ecml_image_index");
	SPI_connect();
	MemoryContextSwitchTo(context);
	if (PG_ARGISNULL(1))
		forget_index(entry.model_id);
	else
	{
		about.source = text_to_cstring(PG_GETARG_TEXT_PP(1));
		about.key = o.id;
		about.picture = o.image;
		about.damaged = (CnnDamaged) o.damaged;
		ctx = palloc(sizeof(EcmlCtx));
		host = palloc(sizeof(EcmlServerHost));
		ecml_host_init(ctx, host, context, (size_t) ecml_guc_work_mem * 1024, 0);
		made = make_index(ctx, context, fitted, model->schema->nclasses, entry.model_id, &about);
	}
	SPI_finish();
	MemoryContextSwitchTo(caller);
	json = ecml_json_object();
	if (PG_ARGISNULL(1))
		ecml_json_bool(json, "dropped", true);
	else
	{
		ecml_json_int(json, "dimensions", made.dimensions);
		ecml_json_number(json, "images_per_second", rint(made.pictures / Max(made.seconds, 1e-9) * 10) / 10);
	}
	values[0] = CStringGetTextDatum(name);
	values[1] = Int32GetDatum(entry.version);
	values[2] = CStringGetTextDatum(model->algorithm->name);
	values[3] = Int64GetDatum(made.pictures);
	values[4] = Int64GetDatum(made.skipped);
	values[5] = Float8GetDatum(made.seconds);
	values[6] = JsonbPGetDatum(ecml_json_finish(json));
	MemoryContextDelete(context);
	PG_RETURN_DATUM(ecml_composite(ecml_composite_desc(fcinfo), values, nulls));
}

/* ---- the index of the next version */

/* The source is the owner's, and is run with the owner's rights, whoever trains: as ecml_retrain does. */
typedef struct AsOwner
{
	Oid			user;
	int			security;
	int			nest;
} AsOwner;

static AsOwner
become_owner(Oid owner)
{
	AsOwner		before;

	before.nest = NewGUCNestLevel();
	GetUserIdAndSecContext(&before.user, &before.security);
	if (owner != before.user)
		SetUserIdAndSecContext(owner, before.security | SECURITY_LOCAL_USERID_CHANGE | SECURITY_RESTRICTED_OPERATION);
	return before;
}

static void
become_again(const AsOwner *before)
{
	AtEOXact_GUC(false, before->nest);
	SetUserIdAndSecContext(before->user, before->security);
}

static void
tell_whose(void *arg)
{
	const CnnIndexed *indexed = arg;

	errcontext("the pictures that ecml_similar_images('%s', ...) looks at, which are indexed again for a new version; ecml_image_index('%s', NULL) drops that index",
			   indexed->model, indexed->model);
}

CnnIndexed *
cnn_index_before(const char *model, CnnSource kind)
{
	EcmlCatalogEntry entry;
	MemoryContext context = CurrentMemoryContext;
	MemoryContext old;
	Oid			types[] = {INT8OID};
	Datum		values[1];
	CnnIndexed *indexed;
	CnnReading	reading = {0};
	ErrorContextCallback callback;
	AsOwner		before;

	if (!ecml_catalog_find(model, &entry))
		return NULL;
	values[0] = Int64GetDatum(entry.model_id);
	if (ecml_catalog_execute("SELECT source, key, picture, damaged FROM ecml.image_index WHERE model_id OPERATOR(pg_catalog.=) $1", 1, types,
							 values, NULL) == 0)
		return NULL;
	old = MemoryContextSwitchTo(context);
	indexed = palloc0(sizeof(CnnIndexed));
	indexed->model = pstrdup(model);
	indexed->source = pstrdup(SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1));
	indexed->key = pstrdup(SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2));
	indexed->picture = pstrdup(SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 3));
	indexed->damaged = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 4)[0] == 't' ? CNN_DAMAGED_SKIP : CNN_DAMAGED_ERROR;
	indexed->owner = entry.owner;
	/* what cannot be read any more is told now, not after the training */
	callback.callback = tell_whose;
	callback.arg = indexed;
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	before = become_owner(entry.owner);
	ecml_source_open(&reading.source, indexed->source);
	cnn_reading_column(&reading, indexed->picture, indexed->key, kind == CNN_BYTES);
	cnn_reading_check_kind(&reading, kind);
	(void) ecml_source_column(&reading.source, indexed->key, "key");
	become_again(&before);
	error_context_stack = callback.previous;
	MemoryContextSwitchTo(old);
	return indexed;
}

void
cnn_index_again(const EcmlModel *model, void *arg, int64 model_id)
{
	CnnIndexed *indexed = arg;
	MemoryContext context;
	MemoryContext old;
	EcmlCtx    *ctx;
	EcmlServerHost *host;
	CnnModel	fitted;
	ErrorContextCallback callback;
	AsOwner		before;

	if (indexed == NULL)
		return;
	context = AllocSetContextCreate(CurrentMemoryContext, "ecml picture index", ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(context);
	ctx = palloc(sizeof(EcmlCtx));
	host = palloc(sizeof(EcmlServerHost));
	ecml_host_init(ctx, host, context, (size_t) ecml_guc_work_mem * 1024, 0);
	fitted = *(const CnnModel *) model->fitted;
	cnn_prepare(ctx, &fitted);
	callback.callback = tell_whose;
	callback.arg = indexed;
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	before = become_owner(indexed->owner);
	(void) make_index(ctx, context, &fitted, model->schema->nclasses, model_id, indexed);
	become_again(&before);
	error_context_stack = callback.previous;
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

/* ---- the nearest */

/* What ecml.image_index has of a version. */
typedef struct IndexEntry
{
	int64		model_id;
	TransactionId xmin;			/* with the row's place: which index it is */
	ItemPointerData tid;
	Oid			storage;
	int64		pictures;
	int			dimensions;
} IndexEntry;

typedef struct KeptBlock
{
	int32		number;
	int			n;
	float	   *vectors;		/* [n][dimensions] */
} KeptBlock;

/* The vectors of one index, kept by the session. */
static struct
{
	MemoryContext context;		/* NULL: nothing is kept */
	IndexEntry	index;
	int			nblocks;
	KeptBlock  *blocks;
}			kept;

static bool
is_kept(const IndexEntry *index)
{
	return kept.context && kept.index.model_id == index->model_id && kept.index.xmin == index->xmin &&
		kept.index.storage == index->storage && ItemPointerEquals(&kept.index.tid, (ItemPointer) &index->tid);
}

static void
damaged(const char *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("the index of pictures of model \"%s\" is damaged", name),
			 errdetail("A block has not as many numbers as its pictures have."),
			 errhint("Make it again: ecml_image_index(model, source).")));
}

static void
find_index(const EcmlServing *serving, IndexEntry *index)
{
	Relation	table = table_open(ecml_catalog_relation("image_index"), AccessShareLock);
	TupleDesc	desc = RelationGetDescr(table);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	bool		isnull;

	ScanKeyInit(&key, INDEX_MODEL_ID, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(serving->model_id));
	scan = systable_beginscan(table, ecml_catalog_relation("image_index_pkey"), true, GetActiveSnapshot(), 1, &key);
	tuple = systable_getnext(scan);
	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("model \"%s\" has no index of pictures", serving->name),
				 errdetail("There are no embeddings of its active version."),
				 errhint("Its owner makes one: SELECT ecml_image_index(%s, 'SELECT product_id, photo FROM products').",
						 quote_literal_cstr(serving->name))));
	index->model_id = serving->model_id;
	index->xmin = HeapTupleHeaderGetRawXmin(tuple->t_data);
	index->tid = tuple->t_self;
	index->storage = table->rd_rel->relfilenode;
	index->pictures = DatumGetInt64(heap_getattr(tuple, INDEX_PICTURES, desc, &isnull));
	index->dimensions = DatumGetInt32(heap_getattr(tuple, INDEX_DIMENSIONS, desc, &isnull));
	systable_endscan(scan);
	table_close(table, AccessShareLock);
}

/* An array of n * dimensions numbers without NULLs, or an error. */
static ArrayType *
vectors_of(HeapTuple tuple, TupleDesc desc, int dimensions, const char *name)
{
	bool		isnull;
	Datum		value = heap_getattr(tuple, EMBEDDING_VECTORS, desc, &isnull);
	ArrayType  *array = isnull ? NULL : DatumGetArrayTypeP(value);

	if (array == NULL || ARR_NDIM(array) != 1 || ARR_HASNULL(array) || ARR_ELEMTYPE(array) != FLOAT4OID ||
		ARR_DIMS(array)[0] % dimensions != 0)
		damaged(name);
	return array;
}

/* All blocks from the table; they are kept when they fit. */
static void
read_blocks(const EcmlServing *serving, const IndexEntry *index, const float *query, Similar *similar)
{
	Relation	table = table_open(ecml_catalog_relation("embedding"), AccessShareLock);
	Relation	by_block = index_open(ecml_catalog_relation("embedding_pkey"), AccessShareLock);
	TupleDesc	desc = RelationGetDescr(table);
	bool		keep = (double) index->pictures * index->dimensions * sizeof(float) <= ecml_guc_cache_size * 1024.0;
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext, "ecml embeddings", ALLOCSET_DEFAULT_SIZES);
	MemoryContext context = keep ? AllocSetContextCreate(CurrentMemoryContext, "ecml kept embeddings", ALLOCSET_DEFAULT_SIZES) : NULL;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	KeptBlock  *blocks = NULL;
	int			nblocks = 0;
	int			capacity = 0;

	ScanKeyInit(&key, EMBEDDING_MODEL_ID, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(index->model_id));
	scan = systable_beginscan_ordered(table, by_block, GetActiveSnapshot(), 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext_ordered(scan, ForwardScanDirection)))
	{
		MemoryContext old = MemoryContextSwitchTo(scratch);
		bool		isnull;
		int32		number = DatumGetInt32(heap_getattr(tuple, EMBEDDING_BLOCK, desc, &isnull));
		ArrayType  *array = vectors_of(tuple, desc, index->dimensions, serving->name);
		const float *vectors = (const float *) ARR_DATA_PTR(array);
		int			n = ARR_DIMS(array)[0] / index->dimensions;

		CHECK_FOR_INTERRUPTS();
		similar_block(similar, query, vectors, n, index->dimensions, (uint64) number << 32);
		if (keep)
		{
			size_t		size = (size_t) n * index->dimensions * sizeof(float);

			if (nblocks == capacity)
			{
				capacity = capacity * 2 + 64;
				blocks = blocks ? repalloc_huge(blocks, capacity * sizeof(KeptBlock)) :
					MemoryContextAlloc(context, capacity * sizeof(KeptBlock));
			}
			blocks[nblocks] = (KeptBlock) {number, n, MemoryContextAlloc(context, size)};
			memcpy(blocks[nblocks++].vectors, vectors, size);
		}
		MemoryContextSwitchTo(old);
		MemoryContextReset(scratch);
	}
	systable_endscan_ordered(scan);
	index_close(by_block, AccessShareLock);
	table_close(table, AccessShareLock);
	MemoryContextDelete(scratch);
	if (kept.context)
		MemoryContextDelete(kept.context);
	kept.context = NULL;
	if (keep)
	{
		MemoryContextSetParent(context, TopMemoryContext);
		kept.index = *index;
		kept.nblocks = nblocks;
		kept.blocks = blocks;
		kept.context = context;
	}
}

/* The id of a vector, by its block and place. */
static Datum
id_of(const EcmlServing *serving, uint64_t number)
{
	Relation	table = table_open(ecml_catalog_relation("embedding"), AccessShareLock);
	int			at = (int) (number & 0xffffffff) + 1;
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tuple;
	Datum		id = (Datum) 0;
	bool		isnull = true;

	ScanKeyInit(&keys[0], EMBEDDING_MODEL_ID, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(serving->model_id));
	ScanKeyInit(&keys[1], EMBEDDING_BLOCK, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum((int32) (number >> 32)));
	scan = systable_beginscan(table, ecml_catalog_relation("embedding_pkey"), true, GetActiveSnapshot(), 2, keys);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
	{
		Datum		ids = heap_getattr(tuple, EMBEDDING_IDS, RelationGetDescr(table), &isnull);

		if (!isnull)
			id = array_get_element(PointerGetDatum(PG_DETOAST_DATUM_COPY(ids)), 1, &at, -1, -1, false, TYPALIGN_INT, &isnull);
	}
	if (isnull)
		damaged(serving->name);
	systable_endscan(scan);
	table_close(table, AccessShareLock);
	return id;
}

PG_FUNCTION_INFO_V1(ecml_similar_images);

/* ecml_similar_images(model text, picture, n int): rows rank, id, similarity */
Datum
ecml_similar_images(PG_FUNCTION_ARGS)
{
	EcmlRows   *rows = ecml_rows_begin(fcinfo);
	EcmlServing *serving = ecml_serving(fcinfo, true);
	int			n = PG_ARGISNULL(2) ? 10 : PG_GETARG_INT32(2);
	const CnnModel *fitted;
	float	   *query;
	IndexEntry	index;
	Similar		similar;
	MemoryContext context;
	MemoryContext caller;
	EcmlCtx		ctx;
	EcmlServerHost host;

	if (serving == NULL)
		return (Datum) 0;
	fitted = cnn_serve_network(serving, "ecml_similar_images");
	if (n < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("n must be at least 1"),
				 errdetail("It is %d.", n),
				 errhint("n is the number of pictures to find, the most similar first.")));
	find_index(serving, &index);
	if (index.dimensions != (int) cnn_embedding_size(fitted) || index.pictures < 0)
		damaged(serving->name);
	context = AllocSetContextCreate(CurrentMemoryContext, "ecml similar pictures", ALLOCSET_DEFAULT_SIZES);
	caller = MemoryContextSwitchTo(context);
	ecml_host_init(&ctx, &host, context, (size_t) ecml_guc_work_mem * 1024, 0);
	query = ECML_NEW(&ctx, float, index.dimensions);
	if (cnn_serve_embedding(serving, fcinfo, 1, query))
	{
		similar_begin(&ctx, &similar, n, (size_t) index.pictures);
		if (is_kept(&index))
			for (int i = 0; i < kept.nblocks; i++)
			{
				CHECK_FOR_INTERRUPTS();
				similar_block(&similar, query, kept.blocks[i].vectors, kept.blocks[i].n, index.dimensions,
							  (uint64) kept.blocks[i].number << 32);
			}
		else
			read_blocks(serving, &index, query, &similar);
		similar_finish(&similar);
		for (size_t i = 0; i < similar.found; i++)
		{
			Datum		values[3];
			bool		nulls[3] = {false};

			values[0] = Int32GetDatum((int32) i + 1);
			values[1] = id_of(serving, similar.hits[i].number);
			values[2] = Float8GetDatum(similar.hits[i].similarity);
			ecml_rows_add(rows, values, nulls);
		}
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
	return (Datum) 0;
}
