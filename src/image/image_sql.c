/*
 * image_sql.c - pictures in SQL: what they are, other sizes, hash, colours, raw pixels
 *
 * Each call works in a memory context of its own, within ecml.work_mem.
 */
#include "core/compat.h"

#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/varbit.h"

#include "core/guc.h"
#include "core/host.h"
#include "core/options.h"
#include "core/result.h"
#include "image/image_sql.h"

const char *const image_filter_names[] = {"area", "bilinear", "bicubic", "lanczos", "nearest", NULL};

static const char *const fit_names[] = {"inside", "crop", "letterbox", "stretch", NULL};
static const char *const format_names[] = {"auto", "jpeg", "png", "webp", NULL};

enum
{
	FIT_INSIDE, FIT_CROP, FIT_LETTERBOX, FIT_STRETCH
};

typedef struct ImageOptions
{
	int			fit;
	int			filter;
	int			format;
	int			quality;
	int			channels;		/* 0: as the picture has them */
	bool		enlarge;
	bool		upright;
	char	   *background;
} ImageOptions;

static const ImageOptions defaults = {.fit = FIT_INSIDE,.filter = PIXELS_BICUBIC,.quality = 85,.upright = true};

static const EcmlOption look_options[] = {
	ECML_OPT_BOOL(ImageOptions, upright, "upright"),
	ECML_OPT_TEXT(ImageOptions, background, "background"),
	ECML_OPT_END
};

static const EcmlOption pixel_options[] = {
	ECML_OPT_ENUM(ImageOptions, fit, "fit", fit_names),
	ECML_OPT_ENUM(ImageOptions, filter, "filter", image_filter_names),
	ECML_OPT_INT(ImageOptions, channels, "channels", 1, 3),
	ECML_OPT_END
};

static const EcmlOption thumbnail_options[] = {
	ECML_OPT_ENUM(ImageOptions, fit, "fit", fit_names),
	ECML_OPT_ENUM(ImageOptions, filter, "filter", image_filter_names),
	ECML_OPT_BOOL(ImageOptions, enlarge, "enlarge"),
	ECML_OPT_END
};

static const EcmlOption encode_options[] = {
	ECML_OPT_ENUM(ImageOptions, format, "format", format_names),
	ECML_OPT_INT(ImageOptions, quality, "quality", 1, 100),
	ECML_OPT_END
};

/* ---- what all have in common */

void
image_color(const char *text, uint8_t rgb[3])
{
	static const char digits[] = "0123456789abcdef";

	if (text[0] == '#' && strlen(text) == 7)
	{
		int			v[6];
		bool		good = true;

		for (int i = 0; i < 6; i++)
		{
			const char *digit = strchr(digits, pg_tolower((unsigned char) text[1 + i]));

			good &= digit != NULL && *digit != '\0';
			v[i] = digit ? (int) (digit - digits) : 0;
		}
		if (good)
		{
			for (int c = 0; c < 3; c++)
				rgb[c] = (uint8_t) (16 * v[2 * c] + v[2 * c + 1]);
			return;
		}
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("no colour: \"%s\"", text),
			 errdetail("Colours are given as in HTML."),
			 errhint("White is \"#ffffff\".")));
}

void
image_work_begin(ImageWork *work)
{
	work->context = AllocSetContextCreate(CurrentMemoryContext, "ecml image", ALLOCSET_DEFAULT_SIZES);
	ecml_host_init(&work->ctx, &work->host, work->context, (size_t) ecml_guc_work_mem * 1024, (uint64) ecml_guc_seed);
	work->outside = MemoryContextSwitchTo(work->context);
}

void
image_work_end(ImageWork *work)
{
	MemoryContextSwitchTo(work->outside);
	MemoryContextDelete(work->context);
}

static void
parse(const char *what, Jsonb *jsonb, ImageOptions *options, const EcmlOption *first, const EcmlOption *second)
{
	EcmlOptionSet sets[3] = {{look_options, options}, {first, options}, {second, options}};

	*options = defaults;
	ecml_options_parse(what, jsonb, sets, second ? 3 : first ? 2 : 1);
	if (options->channels == 2)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("channels are 1 or 3"),
				 errdetail("They are 2."),
				 errhint("1 is grey, 3 red, green and blue.")));
}

static void
want_of(const ImageOptions *options, PixelsWant *want)
{
	*want = (PixelsWant) PIXELS_WANT_DEFAULTS;
	want->orient = options->upright;
	want->channels = options->channels;
	if (options->background)
		image_color(options->background, want->background);
}

static bytea *
bytes_outside(ImageWork *work, const void *data, size_t size)
{
	bytea	   *result;

	if (size > MaxAllocSize - VARHDRSZ)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the result is too large"),
				 errdetail("It has %zu bytes; a value has 1 GB at most.", size),
				 errhint("Ask for a smaller picture.")));
	result = MemoryContextAlloc(work->outside, size + VARHDRSZ);
	SET_VARSIZE(result, size + VARHDRSZ);
	memcpy(VARDATA(result), data, size);
	return result;
}

static void
check_size(int width, int height)
{
	if (width < 1 || height < 1 || width > PIXELS_MAX_SIDE || height > PIXELS_MAX_SIDE ||
		(int64) width * height > PIXELS_MAX_PIXELS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("no such size of a picture"),
				 errdetail("It is %d x %d.", width, height),
				 errhint("Width and height are 1 to %d, and at most %lld pixels in all.", PIXELS_MAX_SIDE,
						 (long long) PIXELS_MAX_PIXELS)));
}

/* Decode and bring to a size; width or height 0: as it is. */
static EcmlPixels *
to_size(EcmlCtx *ctx, bytea *image, const ImageOptions *options, int width, int height)
{
	PixelsWant	want;
	EcmlPixels *pixels;
	int			w;
	int			h;

	want_of(options, &want);
	want.width = width;
	want.height = height;
	want.cover = options->fit == FIT_CROP || options->fit == FIT_STRETCH;
	pixels = pixels_decode(ctx, VARDATA_ANY(image), VARSIZE_ANY_EXHDR(image), &want);
	if (width == 0)
		return pixels;
	if (options->fit == FIT_INSIDE)
	{
		double		scale = fmin((double) width / pixels->width, (double) height / pixels->height);

		if (scale >= 1 && !options->enlarge)
			return pixels;
		w = Max(1, Min(width, (int) rint(pixels->width * scale)));
		h = Max(1, Min(height, (int) rint(pixels->height * scale)));
		return pixels_resize(ctx, pixels, NULL, w, h, (PixelsFilter) options->filter);
	}
	else
	{
		PixelsInput input = PIXELS_INPUT_DEFAULTS;
		EcmlPixels *out = ECML_NEW(ctx, EcmlPixels, 1);
		void	   *work;

		input.width = width;
		input.height = height;
		input.channels = pixels->channels;
		input.fit = options->fit == FIT_CROP ? PIXELS_CROP : options->fit == FIT_LETTERBOX ? PIXELS_LETTERBOX : PIXELS_STRETCH;
		input.filter = (PixelsFilter) options->filter;
		memcpy(input.background, want.background, 3);
		*out = (EcmlPixels) {width, height, pixels->channels, NULL};
		out->data = ecml_alloc_array(ctx, (size_t) width * height, pixels->channels);
		work = ecml_alloc(ctx, pixels_input_work(&input, pixels->width, pixels->height));
		pixels_input_fit(&input, pixels, out->data, work);
		return out;
	}
}

static bytea *
encode(ImageWork *work, const EcmlPixels *pixels, const ImageOptions *options, PixelsFormat like)
{
	static const PixelsFormat formats[] = {PIXELS_UNKNOWN, PIXELS_JPEG, PIXELS_PNG, PIXELS_WEBP};
	PixelsFormat format = formats[options->format];
	uint8_t    *bytes;
	size_t		size;

	if (format == PIXELS_UNKNOWN)
		format = like == PIXELS_JPEG || like == PIXELS_WEBP ? like : PIXELS_PNG;
	bytes = pixels_encode(&work->ctx, pixels, format, options->quality, &size);
	return bytes_outside(work, bytes, size);
}

/* ---- functions */

PG_FUNCTION_INFO_V1(ecml_image_info);

Datum
ecml_image_info(PG_FUNCTION_ARGS)
{
	bytea	   *image = PG_GETARG_BYTEA_PP(0);
	Datum		values[9];
	bool		nulls[9] = {false};
	PixelsInfo	info;
	PixelsError error;

	if (!pixels_probe(VARDATA_ANY(image), VARSIZE_ANY_EXHDR(image), &info, &error))
	{
		ImageWork	work;

		image_work_begin(&work);
		pixels_fail(&work.ctx, &error);
	}
	values[0] = CStringGetTextDatum(pixels_format_name(info.format));
	values[1] = Int32GetDatum(info.width);
	values[2] = Int32GetDatum(info.height);
	values[3] = Int32GetDatum(info.channels);
	values[4] = Int32GetDatum(info.orientation);
	values[5] = Int32GetDatum(info.depth);
	values[6] = BoolGetDatum(info.alpha);
	values[7] = BoolGetDatum(info.animated);
	values[8] = Int32GetDatum((int32) VARSIZE_ANY_EXHDR(image));
	PG_RETURN_DATUM(ecml_composite(ecml_composite_desc(fcinfo), values, nulls));
}

PG_FUNCTION_INFO_V1(ecml_image_thumbnail);

Datum
ecml_image_thumbnail(PG_FUNCTION_ARGS)
{
	bytea	   *image = PG_GETARG_BYTEA_PP(0);
	int			width = PG_GETARG_INT32(1);
	int			height = PG_GETARG_INT32(2);
	ImageOptions options;
	ImageWork	work;
	PixelsInfo	info = {0};
	PixelsError error;
	bytea	   *result;

	check_size(width, height);
	parse("ecml_image_thumbnail", PG_GETARG_JSONB_P(3), &options, thumbnail_options, encode_options);
	image_work_begin(&work);
	(void) pixels_probe(VARDATA_ANY(image), VARSIZE_ANY_EXHDR(image), &info, &error);
	result = encode(&work, to_size(&work.ctx, image, &options, width, height), &options, info.format);
	image_work_end(&work);
	PG_RETURN_BYTEA_P(result);
}

PG_FUNCTION_INFO_V1(ecml_image_hash);

Datum
ecml_image_hash(PG_FUNCTION_ARGS)
{
	bytea	   *image = PG_GETARG_BYTEA_PP(0);
	ImageWork	work;
	uint64_t	hash;
	VarBit	   *bits;

	image_work_begin(&work);
	hash = image_hash(&work.ctx, image);
	image_work_end(&work);
	bits = palloc0(VARBITTOTALLEN(64));
	SET_VARSIZE(bits, VARBITTOTALLEN(64));
	VARBITLEN(bits) = 64;
	for (int i = 0; i < 8; i++)
		VARBITS(bits)[i] = (bits8) (hash >> (56 - 8 * i));
	PG_RETURN_VARBIT_P(bits);
}

uint64_t
image_hash(EcmlCtx *ctx, bytea *image)
{
	PixelsWant	want = PIXELS_WANT_DEFAULTS;

	want.channels = 1;
	want.width = want.height = 64;
	want.cover = true;
	return pixels_hash(ctx, pixels_decode(ctx, VARDATA_ANY(image), VARSIZE_ANY_EXHDR(image), &want));
}

PG_FUNCTION_INFO_V1(ecml_image_colors);

Datum
ecml_image_colors(PG_FUNCTION_ARGS)
{
	bytea	   *image = PG_GETARG_BYTEA_PP(0);
	int			n = PG_GETARG_INT32(1);
	EcmlRows   *rows;
	ImageWork	work;
	PixelsWant	want = PIXELS_WANT_DEFAULTS;
	EcmlPixels *pixels;
	PixelsColor *colors;

	if (n < 1 || n > 256)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("no such number of colours"),
				 errdetail("It is %d.", n),
				 errhint("Ask for 1 to 256.")));
	rows = ecml_rows_begin(fcinfo);
	image_work_begin(&work);
	want.channels = 3;
	want.width = want.height = 128;
	pixels = pixels_decode(&work.ctx, VARDATA_ANY(image), VARSIZE_ANY_EXHDR(image), &want);
	colors = ECML_NEW(&work.ctx, PixelsColor, n);
	n = pixels_colors(&work.ctx, pixels, n, colors);
	for (int i = 0; i < n; i++)
	{
		Datum		values[6];
		bool		nulls[6] = {false};

		values[0] = Int32GetDatum(i + 1);
		values[1] = CStringGetTextDatum(psprintf("#%02x%02x%02x", colors[i].rgb[0], colors[i].rgb[1], colors[i].rgb[2]));
		values[2] = Float8GetDatum(colors[i].share);
		for (int c = 0; c < 3; c++)
			values[3 + c] = Int32GetDatum(colors[i].rgb[c]);
		ecml_rows_add(rows, values, nulls);
	}
	image_work_end(&work);
	return (Datum) 0;
}

PG_FUNCTION_INFO_V1(ecml_image_pixels);

Datum
ecml_image_pixels(PG_FUNCTION_ARGS)
{
	bytea	   *image;
	int			width = PG_ARGISNULL(1) ? 0 : PG_GETARG_INT32(1);
	int			height = PG_ARGISNULL(2) ? 0 : PG_GETARG_INT32(2);
	ImageOptions options;
	ImageWork	work;
	EcmlPixels *pixels;
	bytea	   *result;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	image = PG_GETARG_BYTEA_PP(0);
	if (PG_ARGISNULL(1) != PG_ARGISNULL(2))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("width and height belong together"),
				 errdetail("One of them is NULL."),
				 errhint("Give both, or none for the picture's own.")));
	if (!PG_ARGISNULL(1))
		check_size(width, height);
	parse("ecml_image_pixels", PG_ARGISNULL(3) ? NULL : PG_GETARG_JSONB_P(3), &options, pixel_options, NULL);
	options.enlarge = true;
	/* the result says nothing of its shape: it is the one that was asked for */
	if (options.fit == FIT_INSIDE)
		options.fit = FIT_STRETCH;
	if (options.channels == 0)
		options.channels = 3;
	image_work_begin(&work);
	pixels = to_size(&work.ctx, image, &options, width, height);
	result = bytes_outside(&work, pixels->data, (size_t) pixels->width * pixels->height * pixels->channels);
	image_work_end(&work);
	PG_RETURN_BYTEA_P(result);
}

PG_FUNCTION_INFO_V1(ecml_image_from_pixels);

Datum
ecml_image_from_pixels(PG_FUNCTION_ARGS)
{
	bytea	   *data = PG_GETARG_BYTEA_PP(0);
	int			width = PG_GETARG_INT32(1);
	int			height = PG_GETARG_INT32(2);
	int			channels = PG_GETARG_INT32(3);
	ImageOptions options;
	ImageWork	work;
	EcmlPixels	pixels = {width, height, channels, (uint8_t *) VARDATA_ANY(data)};
	EcmlOptionSet set = {encode_options, &options};
	bytea	   *result;

	options = defaults;
	ecml_options_parse("ecml_image_from_pixels", PG_GETARG_JSONB_P(4), &set, 1);
	check_size(width, height);
	if ((channels != 1 && channels != 3) || (int64) width * height * channels != VARSIZE_ANY_EXHDR(data))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the bytes are no picture of that shape"),
				 errdetail("There are %d bytes for %d x %d pixels of %d channels.", (int) VARSIZE_ANY_EXHDR(data), width, height,
						   channels),
				 errhint("Give width * height * channels bytes, row by row; channels 1 is grey, 3 red, green and blue.")));
	image_work_begin(&work);
	result = encode(&work, &pixels, &options, PIXELS_PNG);
	image_work_end(&work);
	PG_RETURN_BYTEA_P(result);
}

/* ---- augmentation, to be looked at */

const EcmlOption image_augment_options[] = {
	ECML_OPT_BOOL(PixelsAugment, flip, "flip"),
	ECML_OPT_BOOL(PixelsAugment, flip_vertical, "flip_vertical"),
	ECML_OPT_FLOAT(PixelsAugment, shift, "shift", 0, 1),
	ECML_OPT_FLOAT(PixelsAugment, rotate, "rotate", 0, 180),
	ECML_OPT_FLOAT(PixelsAugment, zoom, "zoom", 0, 0.99),
	ECML_OPT_FLOAT(PixelsAugment, crop, "crop", 0, 0.99),
	ECML_OPT_FLOAT(PixelsAugment, brightness, "brightness", 0, 1),
	ECML_OPT_FLOAT(PixelsAugment, contrast, "contrast", 0, 1),
	ECML_OPT_FLOAT(PixelsAugment, saturation, "saturation", 0, 1),
	ECML_OPT_FLOAT(PixelsAugment, hue, "hue", 0, 0.5),
	ECML_OPT_FLOAT(PixelsAugment, erase, "erase", 0, 1),
	ECML_OPT_END
};

PG_FUNCTION_INFO_V1(ecml_image_augment);

Datum
ecml_image_augment(PG_FUNCTION_ARGS)
{
	bytea	   *image = PG_GETARG_BYTEA_PP(0);
	int64		seed = PG_GETARG_INT64(2);
	PixelsAugment augment = {0};
	EcmlOptionSet set = {image_augment_options, &augment};
	ImageOptions options = defaults;
	PixelsChange change;
	ImageWork	work;
	EcmlPixels *pixels;
	EcmlPixels	out;
	bytea	   *result;

	ecml_options_parse("ecml_image_augment", PG_GETARG_JSONB_P(1), &set, 1);
	image_work_begin(&work);
	pixels = to_size(&work.ctx, image, &options, 0, 0);
	out = *pixels;
	out.data = ecml_alloc_array(&work.ctx, (size_t) out.width * out.height, out.channels);
	ecml_rng_seed(&work.ctx.rng, (uint64) seed);
	pixels_augment_draw(&augment, out.width, out.height, out.channels, &work.ctx.rng, &change);
	pixels_change(&change, out.width, out.height, out.channels, pixels->data, out.data);
	result = encode(&work, &out, &options, PIXELS_PNG);
	image_work_end(&work);
	PG_RETURN_BYTEA_P(result);
}
