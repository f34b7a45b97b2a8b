/*
 * duplicates_sql.c - ecml_image_duplicates: pictures of a source that look alike, by their perceptual hashes
 */
#include "core/compat.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/varbit.h"

#include "core/json.h"
#include "core/options.h"
#include "core/result.h"
#include "core/source.h"
#include "image/hashes.h"
#include "image/image_sql.h"

typedef struct DuplicateOptions
{
	char	   *id;
	char	   *image;
	int			distance;
} DuplicateOptions;

static const EcmlOption options_list[] = {
	ECML_OPT_TEXT(DuplicateOptions, id, "id"),
	ECML_OPT_TEXT(DuplicateOptions, image, "image"),
	ECML_OPT_INT(DuplicateOptions, distance, "distance", 0, HASHES_MAX_DISTANCE),
	ECML_OPT_END
};

typedef struct Reading
{
	EcmlCtx    *ctx;
	int			id;				/* number of the column, from 0 */
	int			image;
	Oid			type;			/* of the image */
	Oid			id_output;
	MemoryContext context;		/* of what is kept */
	MemoryContext scratch;		/* of a picture */
	EcmlCtx		picture;
	EcmlServerHost host;
	uint64_t   *hashes;
	char	  **ids;
	size_t		n;
	size_t		room;
	EcmlRows   *rows;
} Reading;

static uint64_t
hash_of(Reading *reading, Datum value)
{
	VarBit	   *bits;
	uint64_t	hash = 0;

	if (reading->type == BYTEAOID)
	{
		MemoryContext old = MemoryContextSwitchTo(reading->scratch);

		ecml_host_init(&reading->picture, &reading->host, reading->scratch, reading->ctx->budget, 0);
		hash = image_hash(&reading->picture, DatumGetByteaPP(value));
		MemoryContextSwitchTo(old);
		MemoryContextReset(reading->scratch);
		return hash;
	}
	bits = DatumGetVarBitP(value);
	if (VARBITLEN(bits) != 64)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("a hash is not of 64 bits"),
				 errdetail("It has %d.", VARBITLEN(bits)),
				 errhint("ecml_image_hash makes them.")));
	for (int i = 0; i < 8; i++)
		hash = hash << 8 | VARBITS(bits)[i];
	return hash;
}

static void
add_row(void *arg, TupleTableSlot *slot)
{
	Reading    *reading = arg;
	MemoryContext old;

	CHECK_FOR_INTERRUPTS();
	if (slot->tts_isnull[reading->image])
		return;
	if (reading->n == reading->room)
	{
		reading->room = reading->room ? 2 * reading->room : 1024;
		reading->hashes = ecml_resize_array(reading->ctx, reading->hashes, reading->room, sizeof(uint64_t));
		reading->ids = ecml_resize_array(reading->ctx, reading->ids, reading->room, sizeof(char *));
	}
	reading->hashes[reading->n] = hash_of(reading, slot->tts_values[reading->image]);
	old = MemoryContextSwitchTo(reading->context);
	reading->ids[reading->n] = slot->tts_isnull[reading->id] ? NULL
		: OidOutputFunctionCall(reading->id_output, slot->tts_values[reading->id]);
	MemoryContextSwitchTo(old);
	reading->n++;
}

static void
found(void *arg, size_t a, size_t b, int distance)
{
	Reading    *reading = arg;
	Datum		values[3];
	bool		nulls[3] = {reading->ids[a] == NULL, reading->ids[b] == NULL, false};

	values[0] = nulls[0] ? (Datum) 0 : CStringGetTextDatum(reading->ids[a]);
	values[1] = nulls[1] ? (Datum) 0 : CStringGetTextDatum(reading->ids[b]);
	values[2] = Int32GetDatum(distance);
	ecml_rows_add(reading->rows, values, nulls);
	for (int i = 0; i < 2; i++)
		if (!nulls[i])
			pfree(DatumGetPointer(values[i]));
}

PG_FUNCTION_INFO_V1(ecml_image_duplicates);

Datum
ecml_image_duplicates(PG_FUNCTION_ARGS)
{
	DuplicateOptions o = {.distance = 6};
	EcmlOptionSet set = {options_list, &o};
	EcmlRows   *rows;
	ImageWork	work;
	EcmlSource	source;
	Reading		reading = {0};
	bool		varlena;

	ecml_options_parse("ecml_image_duplicates", PG_GETARG_JSONB_P(1), &set, 1);
	rows = ecml_rows_begin(fcinfo);
	image_work_begin(&work);
	SPI_connect();
	ecml_source_open(&source, text_to_cstring(PG_GETARG_TEXT_PP(0)));
	if (source.desc->natts < 2)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the source has not two columns"),
				 errdetail("It has %d.", source.desc->natts),
				 errhint("Give a key and a picture: SELECT product_id, photo FROM products.")));
	/* the first two columns, or the first beside the one that is named */
	reading.id = o.id ? ecml_source_column(&source, o.id, "id") : -1;
	reading.image = o.image ? ecml_source_column(&source, o.image, "image") : reading.id >= 0 ? reading.id == 0 : 1;
	if (reading.id < 0)
		reading.id = reading.image == 0;
	reading.type = TupleDescAttr(source.desc, reading.image)->atttypid;
	if (reading.type != BYTEAOID && reading.type != BITOID && reading.type != VARBITOID)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("column \"%s\" holds no pictures", NameStr(TupleDescAttr(source.desc, reading.image)->attname)),
				 errdetail("Its type is %s.", format_type_be(reading.type)),
				 errhint("Pictures are bytea, hashes of ecml_image_hash bit(64); the option \"image\" names the column.")));
	getTypeOutputInfo(TupleDescAttr(source.desc, reading.id)->atttypid, &reading.id_output, &varlena);
	reading.ctx = &work.ctx;
	reading.rows = rows;
	reading.context = AllocSetContextCreate(work.context, "ecml ids", ALLOCSET_DEFAULT_SIZES);
	reading.scratch = AllocSetContextCreate(work.context, "ecml picture", ALLOCSET_DEFAULT_SIZES);
	ecml_source_run(&source, add_row, &reading);
	SPI_finish();
	MemoryContextSwitchTo(work.context);
	hashes_pairs(&work.ctx, reading.hashes, reading.n, o.distance, found, &reading);
	image_work_end(&work);
	return (Datum) 0;
}
