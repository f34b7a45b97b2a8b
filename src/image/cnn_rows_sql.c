/*
 * cnn_rows_sql.c - the pictures of a source, decoded once
 *
 * Encoded pictures wait until there are enough for all threads; then each is decoded and brought to the size of the network's
 * input by a task.  What is kept is that: height * width * channels bytes (or floats of arrays) a picture, in memory up to the
 * budget, then all of it in a temporary file of PostgreSQL.
 */
#include "image/cnn_sql.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "storage/buffile.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/numeric.h"

#define WAITING 64				/* encoded pictures */
#define WAITING_BYTES (16 << 20)
#define PIECE ((size_t) 8 << 20)	/* bytes of memory at a time */

typedef struct Waiting
{
	uint8_t    *bytes;			/* palloc'd */
	size_t		n;
	double		y;
	PixelsPlan	plan;
	PixelsError error;
	bool		failed;
} Waiting;

struct CnnStore
{
	EcmlCtx    *ctx;
	MemoryContext context;
	CnnSource	source;
	CnnDamaged	on_damage;
	size_t		budget;
	PixelsInput input;
	PixelsWant	want;
	size_t		row_bytes;
	int64		damaged;

	/* rows */
	size_t		n;
	size_t		capacity;		/* of y */
	double	   *y;
	size_t		per_piece;		/* rows */
	size_t		npieces;
	size_t		piece_capacity;
	uint8_t   **pieces;
	BufFile    *file;			/* or NULL: in memory */

	/* pictures that wait */
	Waiting    *waiting;		/* [WAITING] */
	int			nwaiting;
	size_t		waiting_bytes;
	MemoryContext waiting_context;
	uint8_t    *decoded;		/* [WAITING][row_bytes] */
	uint8_t    *work;			/* of the flush at hand: [workers][per_worker] */
	size_t		per_worker;
	uint8_t    *one;			/* [row_bytes] */
};

bool
cnn_source_of(Oid type, bool shaped, CnnSource *source)
{
	Oid			element;

	if (type == BYTEAOID)
	{
		*source = shaped ? CNN_BYTES : CNN_PICTURE;
		return true;
	}
	element = get_element_type(type);
	*source = CNN_NUMBERS;
	return element == FLOAT4OID || element == FLOAT8OID || element == INT2OID || element == INT4OID || element == INT8OID ||
		element == NUMERICOID;
}

CnnShape
cnn_array_shape(Datum value, const CnnShape *given)
{
	ArrayType  *array = DatumGetArrayTypeP(value);
	CnnShape	shape = *given;
	int			n = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));

	if (shape.height > 0 && shape.width > 0)
	{
		if (shape.channels == 0 && n > 0 && n % (shape.height * shape.width) == 0)
			shape.channels = n / (shape.height * shape.width);
		return shape;
	}
	if (ARR_NDIM(array) == 2 || ARR_NDIM(array) == 3)
	{
		shape.height = ARR_DIMS(array)[0];
		shape.width = ARR_DIMS(array)[1];
		shape.channels = ARR_NDIM(array) == 3 ? ARR_DIMS(array)[2] : 1;
	}
	else
	{
		int			channels = shape.channels > 0 ? shape.channels : 1;
		int			side = (int) rint(sqrt((double) n / channels));

		if (side > 0 && (double) side * side * channels == n)
		{
			shape.height = shape.width = side;
			shape.channels = channels;
		}
	}
	return shape;
}

static void
wrong_length(int64 n, size_t wanted)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_EXCEPTION),
			 errmsg("a picture has another number of values"),
			 errdetail("It has " INT64_FORMAT ", height times width times channels are %zu.", n, wanted),
			 errhint("Raw pictures must all have the shape of the model, row by row, channels innermost.")));
}

void
cnn_array_floats(Datum value, Oid type, size_t n, float *out)
{
	ArrayType  *array = DatumGetArrayTypeP(value);
	Oid			element = ARR_ELEMTYPE(array);
	int			length = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	bool		finite = true;

	if ((size_t) length != n)
		wrong_length(length, n);
	if (ARR_HASNULL(array) && array_contains_nulls(array))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("a picture holds NULLs"),
				 errdetail("Its array has elements that are NULL."),
				 errhint("Give a number for each, or NULL for the whole picture.")));
	switch (element)
	{
		case FLOAT4OID:
			memcpy(out, ARR_DATA_PTR(array), n * sizeof(float));
			break;
		case FLOAT8OID:
			for (size_t i = 0; i < n; i++)
				out[i] = (float) ((float8 *) ARR_DATA_PTR(array))[i];
			break;
		case INT2OID:
			for (size_t i = 0; i < n; i++)
				out[i] = ((int16 *) ARR_DATA_PTR(array))[i];
			break;
		case INT4OID:
			for (size_t i = 0; i < n; i++)
				out[i] = (float) ((int32 *) ARR_DATA_PTR(array))[i];
			break;
		case INT8OID:
			for (size_t i = 0; i < n; i++)
				out[i] = (float) ((int64 *) ARR_DATA_PTR(array))[i];
			break;
		default:
			{
				Datum	   *values;
				int			count;

				deconstruct_array(array, NUMERICOID, -1, false, TYPALIGN_INT, &values, NULL, &count);
				for (int i = 0; i < count; i++)
					out[i] = (float) DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, values[i]));
				pfree(values);
			}
	}
	for (size_t i = 0; i < n; i++)
		finite &= out[i] - out[i] == 0;
	if (!finite)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("a picture holds a value that is not finite"),
				 errdetail("Its array has NaN, infinity, or a number beyond float4."),
				 errhint("Filter such rows out, or replace the values.")));
	if ((Pointer) array != DatumGetPointer(value))
		pfree(array);
}

/* ---- rows */

CnnStore *
cnn_store_create(EcmlCtx *ctx, CnnSource source, CnnDamaged damaged, size_t budget)
{
	CnnStore   *store = palloc0(sizeof(CnnStore));

	store->ctx = ctx;
	store->context = CurrentMemoryContext;
	store->source = source;
	store->on_damage = damaged;
	store->budget = budget;
	store->waiting_context = AllocSetContextCreate(CurrentMemoryContext, "ecml pictures", ALLOCSET_DEFAULT_SIZES);
	return store;
}

void
cnn_store_input(CnnStore *store, const PixelsInput *input, size_t row_bytes)
{
	store->input = *input;
	store->row_bytes = row_bytes;
	store->per_piece = Max((size_t) 1, PIECE / row_bytes);
	pixels_input_want(input, &store->want);
	store->one = ecml_alloc(store->ctx, row_bytes + NET_SLACK);
	if (store->source == CNN_PICTURE)
	{
		store->waiting = ECML_NEW0(store->ctx, Waiting, WAITING);
		store->decoded = ecml_alloc_array(store->ctx, WAITING, row_bytes);
	}
}

static void
spill(CnnStore *store)
{
	MemoryContext old = MemoryContextSwitchTo(store->context);

	store->file = BufFileCreateTemp(false);
	MemoryContextSwitchTo(old);
	for (size_t i = 0; i < store->npieces; i++)
	{
		size_t		rows = Min(store->per_piece, store->n - i * store->per_piece);

		ecml_poll(store->ctx, 0, 0);
		BufFileWrite(store->file, (void *) store->pieces[i], rows * store->row_bytes);
		ecml_free(store->ctx, store->pieces[i]);
	}
	store->npieces = 0;
}

static void
append(CnnStore *store, const uint8_t *row, double y)
{
	if (store->n >= PG_UINT32_MAX - 1)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many pictures"),
				 errdetail("A training takes %u at most.", PG_UINT32_MAX),
				 errhint("Give a sample.")));
	if (store->n == store->capacity)
	{
		store->capacity = store->capacity ? 2 * store->capacity : 1024;
		store->y = ecml_resize_array(store->ctx, store->y, store->capacity, sizeof(double));
	}
	store->y[store->n] = y;
	if (store->file == NULL && store->n == store->npieces * store->per_piece)
	{
		size_t		bytes = store->per_piece * store->row_bytes;

		if ((store->npieces + 1) * bytes > store->budget || !ecml_fits(store->ctx, bytes))
			spill(store);
		else
		{
			if (store->npieces == store->piece_capacity)
			{
				store->piece_capacity = store->piece_capacity ? 2 * store->piece_capacity : 16;
				store->pieces = ecml_resize_array(store->ctx, store->pieces, store->piece_capacity, sizeof(uint8_t *));
			}
			store->pieces[store->npieces++] = ecml_alloc(store->ctx, bytes);
		}
	}
	if (store->file)
		BufFileWrite(store->file, (void *) row, store->row_bytes);
	else
		memcpy(store->pieces[store->n / store->per_piece] + store->n % store->per_piece * store->row_bytes, row, store->row_bytes);
	store->n++;
}

/* The decoded picture, its scratch memory, then that of resizing: one after the other. */
static void
decode_task(void *arg, size_t i, int worker)
{
	CnnStore   *store = arg;
	Waiting    *w = &store->waiting[i];
	uint8_t    *memory = store->work + worker * store->per_worker;
	EcmlPixels	pixels = {w->plan.width, w->plan.height, w->plan.channels, memory};
	size_t		size = TYPEALIGN(ECML_ALIGN, w->plan.size);

	if (w->failed)
		return;
	if (pixels_decode_into(w->bytes, w->n, &w->plan, memory, memory + size, NULL, NULL, &w->error) != PIXELS_OK)
		w->failed = true;
	else
		pixels_input_fit(&store->input, &pixels, store->decoded + i * store->row_bytes, memory + size);
}

static void
flush(CnnStore *store)
{
	size_t		most = 0;
	int			workers;

	if (store->nwaiting == 0)
		return;
	for (int i = 0; i < store->nwaiting; i++)
	{
		Waiting    *w = &store->waiting[i];

		w->failed = !pixels_plan(w->bytes, w->n, &store->want, &w->plan, &w->error);
		if (!w->failed)
			most = Max(most, TYPEALIGN(ECML_ALIGN, w->plan.size) +
					   Max(w->plan.work, pixels_input_work(&store->input, w->plan.width, w->plan.height)));
	}
	workers = ecml_workers(store->ctx, store->nwaiting);
	store->per_worker = TYPEALIGN(ECML_ALIGN, most + ECML_ALIGN);
	store->work = ecml_alloc_array(store->ctx, workers, store->per_worker);
	ecml_parallel_for(store->ctx, store->nwaiting, decode_task, store);
	ecml_free(store->ctx, store->work);
	for (int i = 0; i < store->nwaiting; i++)
	{
		Waiting    *w = &store->waiting[i];

		if (!w->failed)
			append(store, store->decoded + i * store->row_bytes, w->y);
		else if (store->on_damage == CNN_DAMAGED_SKIP && w->error.status != ECML_LIMIT_EXCEEDED)
			store->damaged++;
		else
		{
			if (w->error.status == ECML_LIMIT_EXCEEDED)
				pixels_fail(store->ctx, &w->error);
			if (w->error.detail[0])
				ecml_detail(store->ctx, "%s", w->error.detail);
			ecml_hint(store->ctx, "With the option \"damaged\": \"skip\" such rows are left out.");
			ecml_fail(store->ctx, w->error.status, "%s", w->error.message);
		}
	}
	store->nwaiting = 0;
	store->waiting_bytes = 0;
	MemoryContextReset(store->waiting_context);
}

void
cnn_store_add(CnnStore *store, Datum value, Oid type, double y)
{
	if (store->source == CNN_PICTURE)
	{
		MemoryContext old = MemoryContextSwitchTo(store->waiting_context);
		bytea	   *bytes = DatumGetByteaPCopy(value);
		Waiting    *w = &store->waiting[store->nwaiting++];

		MemoryContextSwitchTo(old);
		w->bytes = (uint8_t *) VARDATA(bytes);
		w->n = VARSIZE(bytes) - VARHDRSZ;
		w->y = y;
		store->waiting_bytes += w->n;
		if (store->nwaiting == WAITING || store->waiting_bytes > WAITING_BYTES)
			flush(store);
		return;
	}
	if (store->source == CNN_BYTES)
	{
		bytea	   *bytes = DatumGetByteaPP(value);

		if ((size_t) VARSIZE_ANY_EXHDR(bytes) != store->row_bytes)
			wrong_length(VARSIZE_ANY_EXHDR(bytes), store->row_bytes);
		append(store, (const uint8_t *) VARDATA_ANY(bytes), y);
		if ((Pointer) bytes != DatumGetPointer(value))
			pfree(bytes);
	}
	else
	{
		cnn_array_floats(value, type, store->row_bytes / sizeof(float), (float *) store->one);
		append(store, store->one, y);
	}
	if (store->n % 64 == 0)
		ecml_poll(store->ctx, 0, 0);
}

void
cnn_store_finish(CnnStore *store)
{
	flush(store);
	if (store->decoded)
		ecml_free(store->ctx, store->decoded);
	store->decoded = NULL;
}

void
cnn_store_close(CnnStore *store)
{
	if (store->file)
		BufFileClose(store->file);
	store->file = NULL;
}

size_t
cnn_store_rows(const CnnStore *store)
{
	return store->n;
}

int64
cnn_store_damaged(const CnnStore *store)
{
	return store->damaged;
}

const double *
cnn_store_targets(const CnnStore *store)
{
	return store->y;
}

void
cnn_store_fetch(void *arg, const uint32_t *rows, size_t n, uint8_t *out)
{
	CnnStore   *store = arg;
	const off_t segment = (off_t) 1 << 30;

	for (size_t i = 0; i < n; i++, out += store->row_bytes)
	{
		if (store->file == NULL)
		{
			memcpy(out, store->pieces[rows[i] / store->per_piece] + rows[i] % store->per_piece * store->row_bytes, store->row_bytes);
			continue;
		}
		{
			off_t		at = (off_t) rows[i] * (off_t) store->row_bytes;

			if (BufFileSeek(store->file, (int) (at / segment), at % segment, SEEK_SET) != 0)
				ereport(ERROR,
						(errcode_for_file_access(),
						 errmsg("could not seek in a temporary file: %m")));
			ecml_buffile_read(store->file, out, store->row_bytes);
			if (i % 16 == 15)
				ecml_poll(store->ctx, 0, 0);
		}
	}
}
