/*
 * cnn_reading_sql.c - the pictures of a source: which column, of what size, row by row into a store
 */
#include "image/cnn_sql.h"

#include <math.h>

#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "core/guc.h"
#include "image/image_sql.h"

#define DEFAULT_SIDE 96			/* of larger pictures, when no size is given */

static int
picture_column(const EcmlSource *source, const char *name, const char *left_out)
{
	CnnSource	kind;
	int			found = -1;
	int			n = 0;

	if (name)
		return ecml_source_column(source, name, "feature");
	for (int i = 0; i < source->desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(source->desc, i);

		if ((left_out && strcmp(NameStr(attribute->attname), left_out) == 0) || !cnn_source_of(attribute->atttypid, false, &kind))
			continue;
		if (found < 0)
			found = i;
		n++;
	}
	if (n != 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 n == 0 ? errmsg("no column holds pictures") : errmsg("several columns could hold pictures"),
				 n == 0 ? errdetail("Pictures are of type bytea, or arrays of numbers.") :
				 errdetail("There are %d of type bytea, or arrays of numbers.", n),
				 errhint("Name the column, as in features => '{photo}'.")));
	return found;
}

void
cnn_reading_column(CnnReading *reading, const char *column, const char *left_out, bool shaped)
{
	Form_pg_attribute attribute;

	reading->column = picture_column(&reading->source, column, left_out);
	attribute = TupleDescAttr(reading->source.desc, reading->column);
	reading->type = attribute->atttypid;
	if (!cnn_source_of(reading->type, shaped, &reading->kind))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("column \"%s\" holds no pictures", NameStr(attribute->attname)),
				 errdetail("Its type is %s.", format_type_be(reading->type)),
				 errhint("Pictures are encoded files (JPEG, PNG, WebP, GIF) of type bytea, or arrays of numbers.")));
}

static void
numbers3(const EcmlNumberList *list, float *out)
{
	for (int c = 0; list->n > 0 && c < 3; c++)
		out[c] = (float) list->v[list->n == 1 ? 0 : c];
}

/* The size of the network's input, by the options, the model to begin with, or the first picture. */
static void
choose_input(CnnReading *reading, Datum first)
{
	const CnnOptions *o = reading->options;
	CnnShape	given = {o->height, o->width, o->channels};
	PixelsInput *input = &reading->input;

	if (o->shape.n >= 2)
		given = (CnnShape) {(int) o->shape.v[0], (int) o->shape.v[1], o->shape.n == 3 ? (int) o->shape.v[2] : 1};
	if (reading->base)
	{
		const NetNode *in = &reading->base->net->nodes[0];

		if (reading->base->source != reading->kind)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("the model to begin with has pictures of another kind"),
					 errdetail("One has encoded pictures, the other raw ones, or one bytes, the other numbers."),
					 errhint("Give pictures as that model had them.")));
		*input = reading->base->input;
		given = (CnnShape) {in->height, in->width, in->channels};
	}
	else
		*input = (PixelsInput) PIXELS_INPUT_DEFAULTS;
	if (reading->kind == CNN_PICTURE && !(given.width > 0 && given.height > 0 && given.channels > 0))
	{
		bytea	   *bytes = DatumGetByteaPP(first);
		PixelsInfo	info = {0};
		PixelsError error;

		if (!pixels_probe(VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes), &info, &error))
		{
			if (o->damaged == CNN_DAMAGED_ERROR)
				pixels_fail(reading->ctx, &error);
			info.width = info.height = DEFAULT_SIDE;
			info.channels = 3;
		}
		if (info.orientation > 4)
		{
			int			t = info.width;

			info.width = info.height;
			info.height = t;
		}
		if (given.width == 0 && given.height == 0)
		{
			bool		fits = Max(info.width, info.height) <= DEFAULT_SIDE;

			given.width = fits ? info.width : DEFAULT_SIDE;
			given.height = fits ? info.height : DEFAULT_SIDE;
		}
		else if (given.width == 0 || given.height == 0)
			given.width = given.height = Max(given.width, given.height);
		if (given.channels == 0)
			given.channels = info.channels <= 2 ? 1 : 3;
	}
	if (reading->kind == CNN_BYTES && given.channels == 0)
		given.channels = 1;
	if (reading->kind == CNN_NUMBERS && !reading->base)
		given = cnn_array_shape(first, &given);
	if (given.height < 1 || given.width < 1 || given.channels < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the shape of the pictures is not known"),
				 errdetail("The first array is neither of two or three dimensions nor a square."),
				 errhint("Give it, as in '{\"shape\": [28, 28, 1]}': height, width, channels.")));
	if (reading->kind != CNN_NUMBERS && given.channels != 1 && given.channels != 3)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("pictures have 1 or 3 channels"),
				 errdetail("There are to be %d.", given.channels),
				 errhint("1 is grey, 3 colour; other numbers of channels come as arrays of numbers.")));
	reading->height = given.height;
	reading->width = given.width;
	reading->channels = given.channels;
	if (!reading->base)
	{
		input->width = given.width;
		input->height = given.height;
		input->channels = given.channels == 3 ? 3 : 1;
		input->fit = o->resize;
		input->filter = o->filter;
		if (reading->kind == CNN_NUMBERS)
			input->scale = 1;
		if (o->background)
			image_color(o->background, input->background);
		if (o->scale.n == 1)
			input->scale = (float) o->scale.v[0];
		numbers3(&o->mean, input->mean);
		numbers3(&o->std, input->std);
	}
	cnn_store_input(reading->store, input, (size_t) given.height * given.width * given.channels *
					(reading->kind == CNN_NUMBERS ? sizeof(float) : 1));
	reading->begun = true;
}

void
cnn_reading_row(void *arg, TupleTableSlot *slot)
{
	CnnReading *reading = arg;
	double		y;

	if ((reading->rows++ & 63) == 0)
		ecml_poll(reading->ctx, 0, 0);
	if (slot->tts_isnull[reading->column] || !ecml_target_read(reading->target, slot->tts_values, slot->tts_isnull, &y))
	{
		reading->skipped++;
		return;
	}
	if (!reading->begun)
		choose_input(reading, slot->tts_values[reading->column]);
	cnn_store_add(reading->store, slot->tts_values[reading->column], reading->type, y);
}

void
cnn_reading_check_kind(const CnnReading *reading, CnnSource kind)
{
	if (reading->kind != kind)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the pictures are of another kind than the model's"),
				 errdetail("Their type is %s.", format_type_be(reading->type)),
				 errhint("Give pictures as the model was trained on.")));
}

/* ---- arrays of numbers */

void
cnn_reading_standardize(CnnReading *reading, EcmlCtx *ctx)
{
	size_t		n = cnn_store_rows(reading->store);
	size_t		values = (size_t) reading->height * reading->width * reading->channels;
	float	   *row = ECML_NEW(ctx, float, values + NET_SLACK);
	double		sum = 0;
	double		square = 0;
	double		total = (double) n * values;
	double		mean;
	double		deviation;

	for (uint32_t i = 0; i < n; i++)
	{
		cnn_store_fetch(reading->store, &i, 1, (uint8_t *) row);
		for (size_t k = 0; k < values; k++)
		{
			sum += row[k];
			square += (double) row[k] * row[k];
		}
		if (i % 64 == 0)
			ecml_poll(ctx, 0, 0);
	}
	ecml_free(ctx, row);
	mean = sum / total;
	deviation = sqrt(Max(square / total - mean * mean, 0));
	for (int c = 0; c < 3; c++)
	{
		reading->input.mean[c] = (float) mean;
		reading->input.std[c] = deviation > 1e-12 ? (float) deviation : 1;
	}
}

/* ---- for a network that is there */

CnnReading *
cnn_reading_for(EcmlCtx *ctx, const CnnModel *fitted, const char *source, const char *column, const char *left_out, CnnDamaged damaged)
{
	CnnReading *reading = palloc0(sizeof(CnnReading));

	reading->ctx = ctx;
	reading->base = fitted;
	ecml_source_open(&reading->source, source);
	for (int i = 0; column == NULL && fitted->column[0] && i < reading->source.desc->natts; i++)
		if (strcmp(NameStr(TupleDescAttr(reading->source.desc, i)->attname), fitted->column) == 0)
			column = fitted->column;
	cnn_reading_column(reading, column, left_out, fitted->source == CNN_BYTES);
	cnn_reading_check_kind(reading, fitted->source);
	reading->store = cnn_store_create(ctx, fitted->source, damaged, (size_t) ecml_guc_work_mem * 1024 / CNN_STORE_PART);
	cnn_store_input(reading->store, &fitted->input, cnn_row_bytes(fitted));
	reading->begun = true;
	return reading;
}

CnnKeyed *
cnn_keyed_open(CnnReading *reading, MemoryContext context, const char *key, bool needed)
{
	CnnKeyed   *keyed = MemoryContextAllocZero(context, sizeof(CnnKeyed));
	TupleDesc	desc = reading->source.desc;
	Oid			function;
	bool		varlena;

	keyed->reading = reading;
	keyed->context = context;
	keyed->needed = needed;
	keyed->key = key ? ecml_source_column(&reading->source, key, "key") : reading->column == 0 ? 1 : 0;
	if (keyed->key >= desc->natts)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the source has not two columns"),
				 errdetail("It has %d.", desc->natts),
				 errhint("Give a key and a picture: SELECT product_id, photo FROM products.")));
	getTypeOutputInfo(TupleDescAttr(desc, keyed->key)->atttypid, &function, &varlena);
	fmgr_info_cxt(function, &keyed->output, context);
	return keyed;
}

static void
keyed_row(void *arg, TupleTableSlot *slot)
{
	CnnKeyed   *keyed = arg;
	CnnReading *reading = keyed->reading;
	MemoryContext old;

	if ((reading->rows++ & 63) == 0)
		ecml_poll(reading->ctx, 0, 0);
	if (slot->tts_isnull[reading->column] || (keyed->needed && slot->tts_isnull[keyed->key]))
	{
		reading->skipped++;
		return;
	}
	if (keyed->n == keyed->capacity)
	{
		keyed->capacity = keyed->capacity ? 2 * keyed->capacity : 1024;
		keyed->keys = ecml_resize_array(reading->ctx, keyed->keys, keyed->capacity, sizeof(char *));
	}
	old = MemoryContextSwitchTo(keyed->context);
	keyed->keys[keyed->n] = slot->tts_isnull[keyed->key] ? NULL : OutputFunctionCall(&keyed->output, slot->tts_values[keyed->key]);
	MemoryContextSwitchTo(old);
	/* the number of the key goes along: damaged pictures may be left out */
	cnn_store_add(reading->store, slot->tts_values[reading->column], reading->type, (double) keyed->n++);
}

void
cnn_keyed_run(CnnKeyed *keyed)
{
	ecml_source_run(&keyed->reading->source, keyed_row, keyed);
	cnn_store_finish(keyed->reading->store);
}

const char *
cnn_keyed_key(const CnnKeyed *keyed, size_t row)
{
	return keyed->keys[(size_t) cnn_store_targets(keyed->reading->store)[row]];
}
