/*
 * pixels.c - pictures from encoded bytes: which format, what it costs, and decoding within bounds
 *
 * Everything is decided from headers: width times height against the limit, then the memory of the result, the scratch
 * memory and what the format's library will take by itself against the budget.  Libraries take their memory from the system,
 * and whichever way decoding ends, they have given it back: their errors jump within their own reader only, and a cancel stops
 * them, is told to the host when they are gone, and if the host goes on, decoding begins anew.
 */
#include "image/pixels_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define ALIGNED(n) (((n) + ECML_ALIGN - 1) & ~(size_t) (ECML_ALIGN - 1))
#define RESTARTS 3				/* how often decoding is begun anew after an interrupt that was no cancel */

const char *
pixels_format_name(PixelsFormat format)
{
	switch (format)
	{
		case PIXELS_JPEG:
			return "jpeg";
		case PIXELS_PNG:
			return "png";
		case PIXELS_WEBP:
			return "webp";
		case PIXELS_GIF:
			return "gif";
		case PIXELS_UNKNOWN:
			break;
	}
	return "unknown";
}

bool
pixels_error(PixelsError *error, EcmlStatus status, const char *message, const char *detail,...)
{
	va_list		args;

	error->status = status;
	snprintf(error->message, sizeof(error->message), "%s", message);
	va_start(args, detail);
	vsnprintf(error->detail, sizeof(error->detail), detail, args);
	va_end(args);
	return false;
}

void
pixels_fail(EcmlCtx *ctx, const PixelsError *error)
{
	if (error->detail[0])
		ecml_detail(ctx, "%s", error->detail);
	if (error->status == ECML_LIMIT_EXCEEDED)
		ecml_hint(ctx, "Give a smaller picture, or raise the setting ecml.work_mem.");
	else if (error->status == ECML_DATA_EXCEPTION)
		ecml_hint(ctx, "JPEG, PNG, WebP and GIF files are read, whole ones.");
	ecml_fail(ctx, error->status, "%s", error->message);
}

/* ---- EXIF */

int
pixels_exif_orientation(const uint8_t *exif, size_t n)
{
	bool		little;
	uint32_t	at;
	unsigned	entries;

	if (n < 14)
		return 1;
	if (memcmp(exif, "II*\0", 4) == 0)
		little = true;
	else if (memcmp(exif, "MM\0*", 4) == 0)
		little = false;
	else
		return 1;
	at = little ? pixels_le32(exif + 4) : pixels_be32(exif + 4);
	if (at > n - 2)
		return 1;
	entries = little ? pixels_le16(exif + at) : pixels_be16(exif + at);
	at += 2;
	for (unsigned i = 0; i < entries && n - at >= 12; i++, at += 12)
	{
		const uint8_t *entry = exif + at;
		unsigned	tag = little ? pixels_le16(entry) : pixels_be16(entry);

		if (tag == 0x0112)
		{
			unsigned	type = little ? pixels_le16(entry + 2) : pixels_be16(entry + 2);
			unsigned	value = little ? pixels_le16(entry + 8) : pixels_be16(entry + 8);

			return type == 3 && value >= 1 && value <= 8 ? (int) value : 1;
		}
	}
	return 1;
}

/* ---- which format */

static const PixelsReader *
reader_of(const uint8_t *bytes, size_t n)
{
	if (n >= 3 && memcmp(bytes, "\xff\xd8\xff", 3) == 0)
		return &pixels_jpeg;
	if (n >= 8 && memcmp(bytes, "\x89PNG\r\n\x1a\n", 8) == 0)
		return &pixels_png;
	if (n >= 12 && memcmp(bytes, "RIFF", 4) == 0 && memcmp(bytes + 8, "WEBP", 4) == 0)
		return &pixels_webp;
	if (n >= 6 && (memcmp(bytes, "GIF87a", 6) == 0 || memcmp(bytes, "GIF89a", 6) == 0))
		return &pixels_gif;
	return NULL;
}

static const PixelsReader *
probe(const uint8_t *bytes, size_t n, PixelsInfo *info, PixelsError *error)
{
	const PixelsReader *reader = reader_of(bytes, n);

	memset(info, 0, sizeof(*info));
	info->orientation = 1;
	if (n == 0)
	{
		pixels_error(error, ECML_DATA_EXCEPTION, "the picture is empty", "It has 0 bytes.");
		return NULL;
	}
	if (reader == NULL)
	{
		char		hex[2 * 8 + 1];

		for (size_t i = 0; i < 8; i++)
			snprintf(hex + 2 * i, 3, i < n ? "%02x" : "", i < n ? bytes[i] : 0);
		pixels_error(error, ECML_DATA_EXCEPTION, "the bytes are no picture of a known format",
					 "There are %zu bytes, which begin with \\x%s.", n, hex);
		return NULL;
	}
	info->format = reader->format;
	if (!reader->probe(bytes, n, info, error))
		return NULL;
	if (info->width < 1 || info->height < 1 || info->width > PIXELS_MAX_SIDE || info->height > PIXELS_MAX_SIDE)
	{
		pixels_error(error, ECML_DATA_EXCEPTION, "the picture has an impossible size", "It is %d x %d pixels.",
					 info->width, info->height);
		return NULL;
	}
	return reader;
}

bool
pixels_probe(const void *bytes, size_t n, PixelsInfo *info, PixelsError *error)
{
	return probe(bytes, n, info, error) != NULL;
}

/* ---- what it will cost */

/* JPEG can be decoded at 1, 2 or 4 eighths: the least that is twice as large as what is wanted. */
static int
shrink_for(const PixelsWant *want, int width, int height)
{
	double		across;
	double		down;
	double		ratio;

	if (want->width <= 0 || want->height <= 0)
		return 8;
	across = (double) want->width / width;
	down = (double) want->height / height;
	if (want->cover ? across > down : across < down)
		ratio = across;
	else
		ratio = down;
	for (int eighths = 1; eighths < 8; eighths *= 2)
		if (eighths >= 16 * ratio)
			return eighths;
	return 8;
}

bool
pixels_plan(const void *bytes, size_t n, const PixelsWant *want, PixelsPlan *plan, PixelsError *error)
{
	const PixelsReader *reader;
	bool		turned;
	int			width;
	int			height;

	memset(plan, 0, sizeof(*plan));
	plan->want = *want;
	reader = probe(bytes, n, &plan->info, error);
	if (reader == NULL)
		return false;
	if ((int64_t) plan->info.width * plan->info.height > want->max_pixels)
		return pixels_error(error, ECML_LIMIT_EXCEEDED, "the picture is too large",
							"It is %d x %d pixels; %lld in all is the limit.", plan->info.width, plan->info.height,
							(long long) want->max_pixels);
	plan->channels = want->channels ? want->channels : plan->info.channels <= 2 ? 1 : 3;
	turned = want->orient && plan->info.orientation >= 5;
	plan->shrink = 8;
	if (reader->format == PIXELS_JPEG)
		plan->shrink = turned ? shrink_for(want, plan->info.height, plan->info.width)
			: shrink_for(want, plan->info.width, plan->info.height);
	width = (plan->info.width * plan->shrink + 7) / 8;
	height = (plan->info.height * plan->shrink + 7) / 8;
	plan->width = turned ? height : width;
	plan->height = turned ? width : height;
	plan->size = (size_t) width * height * plan->channels;
	reader->plan(bytes, n, plan);
	plan->work = ALIGNED(plan->work) + ALIGNED((size_t) width * plan->channels) + ECML_ALIGN;
	return true;
}

/* ---- decoding */

void
pixels_row_done(const PixelsJob *job, int y)
{
	int			channels = job->plan->channels;
	uint8_t    *to = job->out + (job->origin + y * job->down) * channels;
	const uint8_t *from = job->row;
	ptrdiff_t	step = job->across * channels;

	if (job->across == 1)
		return;
	if (channels == 1)
		for (int x = 0; x < job->width; x++, to += step)
			*to = from[x];
	else
		for (int x = 0; x < job->width; x++, to += step, from += 3)
		{
			to[0] = from[0];
			to[1] = from[1];
			to[2] = from[2];
		}
}

/* v with weight alpha, over background; exact rounding of / 255 */
static inline uint8_t
blend(int v, int alpha, int background)
{
	unsigned	sum = (unsigned) (v * alpha + background * (255 - alpha) + 128);

	return (uint8_t) ((sum + (sum >> 8)) >> 8);
}

void
pixels_convert_row(const uint8_t *in, int channels, int n, int out_channels, const uint8_t background[3], uint8_t *out)
{
	uint8_t		grey = pixels_luma(background[0], background[1], background[2]);

	switch (channels * 4 + out_channels)
	{
		case 1 * 4 + 1:
		case 3 * 4 + 3:
			if (in != out)
				memcpy(out, in, (size_t) n * channels);
			break;
		case 1 * 4 + 3:
			for (int x = 0; x < n; x++)
				out[3 * x] = out[3 * x + 1] = out[3 * x + 2] = in[x];
			break;
		case 2 * 4 + 1:
			for (int x = 0; x < n; x++)
				out[x] = blend(in[2 * x], in[2 * x + 1], grey);
			break;
		case 2 * 4 + 3:
			for (int x = 0; x < n; x++)
			{
				int			v = in[2 * x];
				int			alpha = in[2 * x + 1];

				for (int c = 0; c < 3; c++)
					out[3 * x + c] = blend(v, alpha, background[c]);
			}
			break;
		case 3 * 4 + 1:
			for (int x = 0; x < n; x++)
				out[x] = pixels_luma(in[3 * x], in[3 * x + 1], in[3 * x + 2]);
			break;
		case 4 * 4 + 1:
			for (int x = 0; x < n; x++)
				out[x] = blend(pixels_luma(in[4 * x], in[4 * x + 1], in[4 * x + 2]), in[4 * x + 3], grey);
			break;
		case 4 * 4 + 3:
			for (int x = 0; x < n; x++)
			{
				int			red = in[4 * x];
				int			green = in[4 * x + 1];
				int			blue = in[4 * x + 2];
				int			alpha = in[4 * x + 3];

				out[3 * x] = blend(red, alpha, background[0]);
				out[3 * x + 1] = blend(green, alpha, background[1]);
				out[3 * x + 2] = blend(blue, alpha, background[2]);
			}
			break;
	}
}

/* Where pixels go, by orientation (EXIF 2.3, section 4.6.4, tag 0x0112). */
static void
place(PixelsJob *job)
{
	const PixelsPlan *plan = job->plan;
	int			orientation = plan->want.orient ? plan->info.orientation : 1;
	ptrdiff_t	right = job->width - 1;
	ptrdiff_t	bottom = job->height - 1;
	ptrdiff_t	line = plan->width;

	job->across = orientation >= 5 ? line : 1;
	job->down = orientation >= 5 ? 1 : line;
	job->origin = 0;
	/* 2, 3, 7, 8: what is left comes to the right, or to the bottom */
	if (orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8)
	{
		job->origin += right * job->across;
		job->across = -job->across;
	}
	/* 3, 4, 6, 7: the top comes to the bottom, or to the right */
	if (orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7)
	{
		job->origin += bottom * job->down;
		job->down = -job->down;
	}
}

PixelsResult
pixels_decode_into(const void *bytes, size_t n, const PixelsPlan *plan, uint8_t *out, void *work,
				   PixelsStop stop, void *arg, PixelsError *error)
{
	const PixelsReader *reader = reader_of(bytes, n);
	bool		turned = plan->want.orient && plan->info.orientation >= 5;
	PixelsJob	job = {
		.bytes = bytes,.n = n,.plan = plan,.out = out,.stop = stop,.arg = arg,.error = error,
		.width = turned ? plan->height : plan->width,
		.height = turned ? plan->width : plan->height
	};

	if (reader == NULL || reader->format != plan->info.format)
	{
		pixels_error(error, ECML_INTERNAL, "the plan is another picture's", "%s", "");
		return PIXELS_FAILED;
	}
	job.row = (uint8_t *) ALIGNED((uintptr_t) work);
	job.work = job.row + ALIGNED((size_t) job.width * plan->channels);
	place(&job);
	return reader->decode(&job);
}

static bool
interrupted(void *arg)
{
	EcmlCtx    *ctx = arg;

	return ctx->host->interrupted(ctx);
}

EcmlPixels *
pixels_decode(EcmlCtx *ctx, const void *bytes, size_t n, const PixelsWant *want)
{
	PixelsPlan	plan;
	PixelsError error;
	EcmlPixels *pixels;
	uint8_t    *work;
	PixelsResult result;

	if (!pixels_plan(bytes, n, want, &plan, &error))
		pixels_fail(ctx, &error);
	if (!ecml_fits(ctx, plan.size + plan.work + plan.library + 4 * ECML_OVERHEAD))
	{
		ecml_detail(ctx, "It is %d x %d pixels; decoding takes %.1f MB beside the %.1f MB in use; the limit is %.1f MB.",
					plan.info.width, plan.info.height, (plan.size + plan.work + plan.library) / 1048576.0,
					ctx->used / 1048576.0, ctx->budget / 1048576.0);
		ecml_hint(ctx, "Give a smaller picture, or raise the setting ecml.work_mem.");
		ecml_fail(ctx, ECML_LIMIT_EXCEEDED, "the picture is too large for the working memory");
	}
	pixels = ECML_NEW(ctx, EcmlPixels, 1);
	pixels->width = plan.width;
	pixels->height = plan.height;
	pixels->channels = plan.channels;
	pixels->data = ECML_NEW(ctx, uint8_t, plan.size);
	work = ECML_NEW(ctx, uint8_t, plan.work);
	for (int tries = 0;; tries++)
	{
		ecml_poll(ctx, 0, 0);
		result = pixels_decode_into(bytes, n, &plan, pixels->data, work, tries < RESTARTS ? interrupted : NULL, ctx, &error);
		if (result != PIXELS_STOPPED)
			break;
	}
	if (result == PIXELS_FAILED)
		pixels_fail(ctx, &error);
	ecml_free(ctx, work);
	return pixels;
}

/* ---- encoding */

static size_t
encode_into(const EcmlPixels *pixels, PixelsFormat format, int quality, uint8_t *out, size_t capacity, PixelsStop stop, void *arg)
{
	switch (format)
	{
		case PIXELS_JPEG:
			return pixels_jpeg_encode(pixels, quality, out, capacity, stop, arg);
		case PIXELS_WEBP:
			return pixels_webp_encode(pixels, quality, out, capacity, stop, arg);
		default:
			return pixels_png_encode(pixels, out, capacity, stop, arg);
	}
}

uint8_t *
pixels_encode(EcmlCtx *ctx, const EcmlPixels *pixels, PixelsFormat format, int quality, size_t *size)
{
	size_t		capacity = format == PIXELS_JPEG ? pixels_jpeg_bound(pixels)
		: format == PIXELS_WEBP ? pixels_webp_bound(pixels) : pixels_png_bound(pixels);
	uint8_t    *room = ECML_NEW(ctx, uint8_t, capacity);
	uint8_t    *out;

	*size = 0;
	for (int tries = 0; *size == 0 && tries <= RESTARTS; tries++)
	{
		ecml_poll(ctx, 0, 0);
		*size = encode_into(pixels, format, quality, room, capacity, tries < RESTARTS ? interrupted : NULL, ctx);
		if (*size == 0 && !interrupted(ctx))
			tries = RESTARTS;
	}
	if (*size == 0)
	{
		ecml_detail(ctx, "It is %d x %d pixels.", pixels->width, pixels->height);
		ecml_hint(ctx, "WebP takes at most 16383 pixels a side, JPEG 65500.");
		ecml_fail(ctx, ECML_INVALID_PARAMETER, "the picture cannot be written as %s", pixels_format_name(format));
	}
	out = ECML_NEW(ctx, uint8_t, *size);
	memcpy(out, room, *size);
	ecml_free(ctx, room);
	return out;
}
