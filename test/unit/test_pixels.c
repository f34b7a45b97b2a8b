/*
 * test_pixels.c - decoding against Pillow's pixels, sizes, hashes; hostile and cut files, budgets, failing memory, cancels
 */
#include "host.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image/hashes.h"
#include "image/pixels.h"

#define MAX_FIELDS 12
#define MAX_LINE (1 << 20)

/* ---- tables of test/data/image */

typedef struct Table
{
	FILE	   *file;
	char	   *line;
	char	   *fields[MAX_FIELDS];
	int			n;
} Table;

static void
table_open(Table *table, const char *name)
{
	char		path[200];

	snprintf(path, sizeof(path), "test/data/image/%s.tsv", name);
	table->file = fopen(path, "r");
	table->line = malloc(MAX_LINE);
	ok(table->file != NULL && fgets(table->line, MAX_LINE, table->file) != NULL, "%s is there", path);
}

static bool
table_next(Table *table)
{
	char	   *at = table->line;

	if (table->file == NULL || fgets(table->line, MAX_LINE, table->file) == NULL)
		return false;
	at[strcspn(at, "\n")] = '\0';
	for (table->n = 0; table->n < MAX_FIELDS && at; table->n++)
	{
		table->fields[table->n] = at;
		at = strchr(at, '\t');
		if (at)
			*at++ = '\0';
	}
	return true;
}

static void
table_close(Table *table)
{
	if (table->file)
		fclose(table->file);
	free(table->line);
}

/* Bytes of hexadecimal digits, in memory of exactly that size: a read beyond it is seen. */
static uint8_t *
from_hex(const char *hex, size_t *n)
{
	uint8_t    *bytes;

	*n = strlen(hex) / 2;
	bytes = malloc(*n ? *n : 1);
	for (size_t i = 0; i < *n; i++)
	{
		unsigned	v;

		sscanf(hex + 2 * i, "%2x", &v);
		bytes[i] = (uint8_t) v;
	}
	return bytes;
}

static int
most_different(const uint8_t *a, const uint8_t *b, size_t n)
{
	int			most = 0;

	for (size_t i = 0; i < n; i++)
		if (abs(a[i] - b[i]) > most)
			most = abs(a[i] - b[i]);
	return most;
}

static double
mean_difference(const uint8_t *a, const uint8_t *b, size_t n)
{
	double		sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += abs(a[i] - b[i]);
	return sum / n;
}

/* ---- decoding */

static bool
stop_later(void *arg)
{
	int		   *left = arg;

	return (*left)-- <= 0;
}

static void
check_image(Table *t)
{
	EcmlCtx    *ctx = test_ctx(1, 1);
	PixelsWant	want = PIXELS_WANT_DEFAULTS;
	const char *name = t->fields[0];
	size_t		n;
	size_t		m;
	uint8_t    *bytes = from_hex(t->fields[8], &n);
	uint8_t    *pixels = from_hex(t->fields[11], &m);
	PixelsInfo	info;
	PixelsError error;
	EcmlPixels *got;
	int			width = atoi(t->fields[9]);
	int			height = atoi(t->fields[10]);

	ok(pixels_probe(bytes, n, &info, &error) && strcmp(pixels_format_name(info.format), t->fields[1]) == 0 &&
	   info.width == atoi(t->fields[2]) && info.height == atoi(t->fields[3]) && info.channels == atoi(t->fields[4]) &&
	   info.depth == atoi(t->fields[5]) && info.orientation == atoi(t->fields[6]), "%s: its headers", name);
	want.channels = 3;
	if (TRY(ctx))
	{
		int			different;

		got = pixels_decode(ctx, bytes, n, &want);
		different = got->width == width && got->height == height && got->channels == 3
			? most_different(got->data, pixels, m) : 1000;
		ok(different <= atoi(t->fields[7]), "%s: pixels of Pillow", name);
		if (different > atoi(t->fields[7]))
			printf("#   %d x %d, different by %d, on average %g\n", got->width, got->height, different,
				   different < 1000 ? mean_difference(got->data, pixels, m) : NAN);
		want.channels = 1;
		got = pixels_decode(ctx, bytes, n, &want);
		for (size_t i = 0; i < m / 3; i++)
			pixels[i] = (uint8_t) lrint(0.299 * pixels[3 * i] + 0.587 * pixels[3 * i + 1] + 0.114 * pixels[3 * i + 2]);
		ok(most_different(got->data, pixels, m / 3) <= atoi(t->fields[7]) + 1, "%s: in grey", name);
	}
	else
		ok(false, "%s: %s (%s)", name, test_host(ctx)->message, ctx->detail);
	free(bytes);
	free(pixels);
	test_ctx_free(ctx);
}

/* What may come of bytes of any kind: pixels within the plan, or an error of one of these classes. */
static bool
survives(const uint8_t *bytes, size_t n, int channels, size_t budget)
{
	EcmlCtx    *ctx = test_ctx(1, 1);
	PixelsWant	want = PIXELS_WANT_DEFAULTS;
	bool		good = true;

	want.channels = channels;
	want.max_pixels = 1 << 22;
	ctx->budget = budget;
	if (TRY(ctx))
		(void) pixels_decode(ctx, bytes, n, &want);
	else
		good = test_host(ctx)->status != ECML_INTERNAL && test_host(ctx)->message[0] != '\0';
	test_ctx_free(ctx);
	return good;
}

/* -1: it was decoded */
static int
status_of(const uint8_t *bytes, size_t n)
{
	EcmlCtx    *ctx = test_ctx(1, 1);
	PixelsWant	want = PIXELS_WANT_DEFAULTS;
	volatile int status = -1;

	if (TRY(ctx))
		(void) pixels_decode(ctx, bytes, n, &want);
	else
		status = test_host(ctx)->status;
	test_ctx_free(ctx);
	return status;
}

static void
check_damage(Table *t)
{
	size_t		n;
	uint8_t    *bytes = from_hex(t->fields[8], &n);
	uint8_t    *copy = malloc(n);
	EcmlRng		rng;
	bool		good = true;
	bool		errors = true;
	PixelsWant	want = PIXELS_WANT_DEFAULTS;
	PixelsPlan	plan;
	PixelsError error;
	int			stopped = 0;
	int			results[3] = {0};

	/* cut off: an error, unless only what stands behind the picture is gone */
	for (size_t cut = 0; cut < n; cut++)
	{
		uint8_t    *part;
		int			status;

		if (cut > 40 && cut + 40 < n && cut % 7)
			continue;
		part = malloc(cut ? cut : 1);
		memcpy(part, bytes, cut);
		status = status_of(part, cut);
		good &= status == -1 || status == ECML_DATA_EXCEPTION;
		errors &= status != -1 || cut + 100 >= n || strstr(t->fields[0], "animated");
		free(part);
	}
	ok(good && errors, "%s: cut off anywhere, an error%s", t->fields[0], errors ? "" : " (but it was none)");
	good = true;
	ecml_rng_seed(&rng, n);
	for (int round = 0; round < 60; round++)
	{
		int			changes = 1 + (int) ecml_rng_below(&rng, 8);

		memcpy(copy, bytes, n);
		for (int i = 0; i < changes; i++)
			copy[ecml_rng_below(&rng, n)] = (uint8_t) ecml_rng_next(&rng);
		good &= survives(copy, n, (int) ecml_rng_below(&rng, 2) * 2 + 1, 64 << 20);
	}
	ok(good, "%s: damaged bytes", t->fields[0]);
	/* stopped at any moment, and not at all */
	if (pixels_plan(bytes, n, &want, &plan, &error))
	{
		uint8_t    *out = malloc(plan.size);
		void	   *work = malloc(plan.work);
		PixelsResult result;

		do
		{
			int			left = stopped++;

			result = pixels_decode_into(bytes, n, &plan, out, work, stop_later, &left, &error);
			results[result]++;
		} while (result == PIXELS_STOPPED && stopped < 1000);
		ok(result == PIXELS_OK && results[PIXELS_FAILED] == 0, "%s: stopped at any moment", t->fields[0]);
		free(out);
		free(work);
	}
	free(copy);
	free(bytes);
}

static void
test_images(void)
{
	Table		t;

	table_open(&t, "images");
	while (table_next(&t))
	{
		check_image(&t);
		check_damage(&t);
	}
	table_close(&t);
}

static void
put32(uint8_t *at, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		at[i] = (uint8_t) (v >> (24 - 8 * i));
}

static void
fails_with(const char *what, const void *bytes, size_t n, size_t budget, EcmlStatus status)
{
	EcmlCtx    *ctx = test_ctx(1, 1);
	PixelsWant	want = PIXELS_WANT_DEFAULTS;

	ctx->budget = budget;
	if (TRY(ctx))
	{
		(void) pixels_decode(ctx, bytes, n, &want);
		ok(false, "%s: an error", what);
	}
	else
		ok(test_host(ctx)->status == status && ctx->peak < (1 << 20), "%s: %s", what, test_host(ctx)->message);
	test_ctx_free(ctx);
}

/* Files that promise more than there is memory for; what is no picture. */
static void
test_bounds(void)
{
	uint8_t		png[64] = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
	uint8_t		gif[32] = "GIF89a\xff\xff\xff\xff\0\0\0\x2c\0\0\0\0\1\0\1\0\0";
	uint8_t		jpeg[32] = "\xff\xd8\xff\xc2\0\x11\x08\xff\xdc\xff\xdc\x03\1\x44\0\2\x11\0\3\x11\0";

	png[24] = 8;
	png[25] = 6;
	put32(png + 16, 60000);
	put32(png + 20, 60000);
	fails_with("PNG of 3.6 billion pixels", png, 64, 0, ECML_LIMIT_EXCEEDED);
	put32(png + 16, 0x7fffffff);
	fails_with("PNG of 2^31 columns", png, 64, 0, ECML_LIMIT_EXCEEDED);
	put32(png + 16, 0);
	fails_with("PNG of no columns", png, 64, 0, ECML_DATA_EXCEPTION);
	put32(png + 16, 8000);
	put32(png + 20, 8000);
	fails_with("PNG of 64 million pixels in 64 MB", png, 64, 64 << 20, ECML_LIMIT_EXCEEDED);
	fails_with("GIF of 4 billion pixels", gif, 32, 0, ECML_LIMIT_EXCEEDED);
	fails_with("JPEG of 4 billion pixels", jpeg, 32, 0, ECML_LIMIT_EXCEEDED);
	fails_with("nothing", "", 0, 0, ECML_DATA_EXCEPTION);
	fails_with("a text", "no picture", 10, 0, ECML_DATA_EXCEPTION);
	fails_with("TIFF", "II*\0", 4, 0, ECML_DATA_EXCEPTION);
	fails_with("the beginning of a JPEG", "\xff\xd8\xff", 3, 0, ECML_DATA_EXCEPTION);
	fails_with("the beginning of a WebP", "RIFF\0\0\0\0WEBPVP8 ", 16, 0, ECML_DATA_EXCEPTION);
}

/* A picture of smooth colours, and noise when it is asked for. */
static EcmlPixels *
scene(EcmlCtx *ctx, int width, int height, int channels, int noise)
{
	EcmlPixels *p = ECML_NEW(ctx, EcmlPixels, 1);

	*p = (EcmlPixels) {width, height, channels, NULL};
	p->data = ECML_NEW(ctx, uint8_t, (size_t) width * height * channels);
	for (int y = 0; y < height; y++)
		for (int x = 0; x < width; x++)
			for (int c = 0; c < channels; c++)
			{
				int			v = (int) (127 + 90 * sin((x + 20 * c) / 17.0) * cos(y / 23.0));

				v += noise ? (int) ecml_rng_below(&ctx->rng, (uint64_t) noise) : 0;
				p->data[((size_t) y * width + x) * channels + c] = (uint8_t) (v > 255 ? 255 : v);
			}
	return p;
}

static void
test_encode(void)
{
	static const struct
	{
		PixelsFormat format;
		int			quality;
		int			most;
	}			cases[] = {{PIXELS_PNG, 0, 0}, {PIXELS_WEBP, 100, 0}, {PIXELS_JPEG, 95, 10}, {PIXELS_WEBP, 90, 30}};

	for (volatile int channels = 1; channels <= 3; channels += 2)
		for (volatile int i = 0; i < 4; i++)
		{
			EcmlCtx    *ctx = test_ctx(1, 3);
			PixelsWant	want = PIXELS_WANT_DEFAULTS;

			want.channels = channels;
			if (TRY(ctx))
			{
				EcmlPixels *p = scene(ctx, 67, 41, channels, 4);
				size_t		n;
				uint8_t    *bytes = pixels_encode(ctx, p, cases[i].format, cases[i].quality, &n);
				EcmlPixels *back = pixels_decode(ctx, bytes, n, &want);

				ok(back->width == 67 && back->height == 41 &&
				   most_different(back->data, p->data, (size_t) 67 * 41 * channels) <= cases[i].most,
				   "written as %s of quality %d and read again, %d channels", pixels_format_name(cases[i].format),
				   cases[i].quality, channels);
			}
			else
				ok(false, "%s: %s", pixels_format_name(cases[i].format), test_host(ctx)->message);
			test_ctx_free(ctx);
		}
	/* what compresses worst still fits */
	for (volatile int i = 0; i < 4; i++)
	{
		EcmlCtx    *ctx = test_ctx(1, 3);

		if (TRY(ctx))
		{
			EcmlPixels *p = scene(ctx, 301, 173, 3, 0);
			size_t		n;

			for (size_t k = 0; k < (size_t) 301 * 173 * 3; k++)
				p->data[k] = (uint8_t) ecml_rng_next(&ctx->rng);
			(void) pixels_encode(ctx, p, cases[i].format, i == 0 ? 0 : 100, &n);
			ok(n > 1000, "noise as %s of quality 100", pixels_format_name(cases[i].format));
		}
		else
			ok(false, "noise as %s: %s", pixels_format_name(cases[i].format), test_host(ctx)->message);
		test_ctx_free(ctx);
	}
	{
		EcmlCtx    *ctx = test_ctx(1, 3);

		if (TRY(ctx))
		{
			EcmlPixels *p = scene(ctx, 16384, 2, 1, 0);
			size_t		n;

			(void) pixels_encode(ctx, p, PIXELS_WEBP, 80, &n);
			ok(false, "WebP of 16384 columns: an error");
		}
		else
			ok(test_host(ctx)->status == ECML_INVALID_PARAMETER, "WebP of 16384 columns: %s", test_host(ctx)->message);
		test_ctx_free(ctx);
	}
}

/* JPEG decoded at a part of its size, for a picture that will be shrunk. */
static void
test_shrink(void)
{
	EcmlCtx    *ctx = test_ctx(1, 3);

	if (TRY(ctx))
	{
		EcmlPixels *p = scene(ctx, 403, 300, 3, 0);
		size_t		n;
		uint8_t    *bytes = pixels_encode(ctx, p, PIXELS_JPEG, 95, &n);
		PixelsWant	want = PIXELS_WANT_DEFAULTS;
		EcmlPixels *whole = pixels_decode(ctx, bytes, n, &want);
		EcmlPixels *small;
		EcmlPixels *large;

		want.width = 50;
		want.height = 40;
		small = pixels_decode(ctx, bytes, n, &want);
		ok(small->width == 101 && small->height == 75, "at a quarter for 50 x 40 within: %d x %d", small->width, small->height);
		want.cover = true;
		want.height = 76;
		large = pixels_decode(ctx, bytes, n, &want);
		ok(large->width == 403, "whole for 76 rows covered: %d", large->width);
		whole = pixels_resize(ctx, whole, NULL, 40, 30, PIXELS_BILINEAR);
		small = pixels_resize(ctx, small, NULL, 40, 30, PIXELS_BILINEAR);
		ok(most_different(whole->data, small->data, 40 * 30 * 3) <= 6, "shrunk in the decoder or afterwards: different by %d",
		   most_different(whole->data, small->data, 40 * 30 * 3));
	}
	else
		ok(false, "shrinking: %s", test_host(ctx)->message);
	test_ctx_free(ctx);
}

/* Memory that fails, and cancels, wherever they come: nothing is left behind (the sanitizer looks), and nothing breaks. */
static void
test_failures(void)
{
	static const PixelsFormat formats[] = {PIXELS_JPEG, PIXELS_PNG, PIXELS_WEBP};

	for (volatile int f = 0; f < 3; f++)
	{
		EcmlCtx    *outer = test_ctx(1, 3);
		size_t		n = 0;
		uint8_t    *volatile bytes = NULL;
		volatile bool good = true;
		volatile int rounds = 0;

		if (TRY(outer))
			bytes = pixels_encode(outer, scene(outer, 200, 150, 3, 9), formats[f], 80, &n);
		for (volatile int kind = 0; kind < 2 && bytes; kind++)
			for (volatile long k = 0;; k++)
			{
				EcmlCtx    *ctx = test_ctx(1, 3);
				PixelsWant	want = PIXELS_WANT_DEFAULTS;
				volatile bool done = false;

				if (kind == 0)
					test_host(ctx)->fail_after = k;
				else
					test_host(ctx)->cancel_after = k;
				if (TRY(ctx))
				{
					EcmlPixels *p = pixels_decode(ctx, bytes, n, &want);
					size_t		size;

					p = pixels_resize(ctx, p, NULL, 40, 30, PIXELS_BICUBIC);
					(void) pixels_hash(ctx, p);
					(void) pixels_colors(ctx, p, 4, ECML_NEW(ctx, PixelsColor, 4));
					(void) pixels_encode(ctx, p, formats[f], 80, &size);
					done = true;
				}
				else
					good &= kind == 0 ? test_host(ctx)->status == ECML_OUT_OF_MEMORY : test_host(ctx)->cancelled;
				rounds++;
				test_ctx_free(ctx);
				if (done)
					break;
			}
		ok(good && rounds > 10, "%s: failing memory and cancels, %d of them", pixels_format_name(formats[f]), rounds);
		test_ctx_free(outer);
	}
}

/* ---- sizes */

static void
test_resize(void)
{
	EcmlCtx    *ctx = test_ctx(1, 3);
	Table		t;
	EcmlPixels	source = {0};
	uint8_t    *data = NULL;

	table_open(&t, "resize");
	while (table_next(&t) && TRY(ctx))
	{
		size_t		n;
		int			width = atoi(t.fields[1]);
		int			height = atoi(t.fields[2]);
		uint8_t    *pixels = from_hex(t.fields[3], &n);
		EcmlPixels *got;
		PixelsFilter filter = strcmp(t.fields[0], "bilinear") == 0 ? PIXELS_BILINEAR
			: strcmp(t.fields[0], "bicubic") == 0 ? PIXELS_BICUBIC : PIXELS_LANCZOS;

		if (strcmp(t.fields[0], "source") == 0)
		{
			source = (EcmlPixels) {width, height, 3, pixels};
			data = pixels;
			continue;
		}
		got = pixels_resize(ctx, &source, NULL, width, height, filter);
		/* columns first here, rows first there, bytes between: the roundings differ */
		ok(most_different(got->data, pixels, n) <= (filter == PIXELS_BILINEAR ? 1 : 60) && mean_difference(got->data, pixels, n) < 0.5,
		   "%s to %d x %d, as Pillow: different by %d, on average %.2f", t.fields[0], width, height,
		   most_different(got->data, pixels, n), mean_difference(got->data, pixels, n));
		free(pixels);
	}
	table_close(&t);
	free(data);
	test_ctx_free(ctx);
}

/* The mean over an area, by the definition. */
static uint8_t
area_naive(const EcmlPixels *in, const PixelsBox *box, int width, int height, int x, int y, int c)
{
	double		left = box->left + x * (box->right - box->left) / width;
	double		right = box->left + (x + 1) * (box->right - box->left) / width;
	double		top = box->top + y * (box->bottom - box->top) / height;
	double		bottom = box->top + (y + 1) * (box->bottom - box->top) / height;
	double		sum = 0;

	for (int v = 0; v < in->height; v++)
		for (int u = 0; u < in->width; u++)
		{
			double		w = fmax(0, fmin(u + 1, right) - fmax(u, left)) * fmax(0, fmin(v + 1, bottom) - fmax(v, top));

			sum += w * in->data[((size_t) v * in->width + u) * in->channels + c];
		}
	return (uint8_t) lrint(sum / ((right - left) * (bottom - top)));
}

static void
test_area(void)
{
	EcmlCtx    *ctx = test_ctx(1, 5);
	static const int sizes[][2] = {{7, 5}, {30, 20}, {61, 41}, {1, 1}, {4, 41}};

	for (volatile int channels = 1; channels <= 3; channels += 2)
		for (volatile int i = 0; i < 5; i++)
			if (TRY(ctx))
			{
				EcmlPixels *p = scene(ctx, 30, 20, channels, 40);
				PixelsBox	box = i % 2 ? (PixelsBox) {0, 0, 30, 20} : (PixelsBox) {2.25, 1.5, 28, 17.125};
				EcmlPixels *got = pixels_resize(ctx, p, &box, sizes[i][0], sizes[i][1], PIXELS_AREA);
				int			most = 0;

				for (int y = 0; y < got->height; y++)
					for (int x = 0; x < got->width; x++)
						for (int c = 0; c < channels; c++)
						{
							int			d = got->data[(y * got->width + x) * channels + c] -
								area_naive(p, &box, got->width, got->height, x, y, c);

							most = abs(d) > most ? abs(d) : most;
						}
				ok(most <= 1, "mean of areas, %d channels to %d x %d: different by %d", channels, sizes[i][0], sizes[i][1], most);
			}
	if (TRY(ctx))
	{
		EcmlPixels *plain = scene(ctx, 50, 33, 3, 0);
		bool		same = true;

		memset(plain->data, 201, 50 * 33 * 3);
		for (int f = PIXELS_AREA; f <= PIXELS_NEAREST; f++)
			for (int size = 1; size < 140; size += 23)
			{
				EcmlPixels *got = pixels_resize(ctx, plain, NULL, size, size, (PixelsFilter) f);

				for (int i = 0; i < size * size * 3; i++)
					same &= got->data[i] == 201;
			}
		ok(same, "a plain picture stays plain in any size, by any filter");
	}
	test_ctx_free(ctx);
}

/* ---- inputs of networks */

static void
test_input(void)
{
	EcmlCtx    *ctx = test_ctx(1, 5);

	if (TRY(ctx))
	{
		PixelsInput input = PIXELS_INPUT_DEFAULTS;
		PixelsInput back;
		EcmlPixels *p = scene(ctx, 8, 4, 3, 50);
		uint8_t		out[4 * 4 * 3];
		float		nhwc[4 * 4 * 3];
		float		planes[4 * 4 * 3];
		volatile bool good = true;
		EcmlWriter	w;
		EcmlReader	r;

		input.width = input.height = 4;
		input.filter = PIXELS_AREA;
		pixels_input_fit(&input, p, out, ecml_alloc(ctx, pixels_input_work(&input, 8, 4)));
		for (int y = 0; y < 4; y++)
			good &= memcmp(out + y * 12, p->data + (y * 8 + 2) * 3, 12) == 0;
		ok(good, "cropped: the middle, as it is");
		input.fit = PIXELS_LETTERBOX;
		input.background[0] = 9;
		pixels_input_fit(&input, p, out, ecml_alloc(ctx, pixels_input_work(&input, 8, 4)));
		ok(out[0] == 9 && out[1] == 255 && out[45] == 9 && abs(out[12] - (p->data[0] + p->data[3] + p->data[24] + p->data[27]) / 4) <= 1,
		   "letterbox: fitted within, background above and below");
		input.fit = PIXELS_CROP;
		input.mean[0] = 0.5f;
		input.mean[2] = 0.25f;
		input.std[0] = 0.5f;
		input.std[1] = 2;
		pixels_input_fit(&input, p, out, ecml_alloc(ctx, pixels_input_work(&input, 8, 4)));
		for (int bgr = 0; bgr < 2; bgr++)
		{
			input.bgr = bgr;
			pixels_input_floats(&input, out, false, nhwc);
			pixels_input_floats(&input, out, true, planes);
			good = true;
			for (int i = 0; i < 16; i++)
				for (int c = 0; c < 3; c++)
				{
					float		v = (out[3 * i + (bgr ? 2 - c : c)] / 255.0f - input.mean[c]) / input.std[c];

					good &= fabsf(nhwc[3 * i + c] - v) < 1e-6f && fabsf(planes[16 * c + i] - v) < 1e-6f;
				}
			ok(good, "floats by pixels and by planes%s", bgr ? ", blue first" : "");
		}
		ecml_writer_init(&w, ctx);
		pixels_input_write(&w, &input);
		ecml_reader_init(&r, ctx, w.data, w.size);
		pixels_input_read(&r, &back);
		ecml_read_end(&r);
		ok(memcmp(&input, &back, sizeof(input)) == 0, "an input written and read");
		for (volatile size_t i = 0; i < w.size; i++)
			for (volatile int bit = 0; bit < 8; bit++)
				if (TRY(ctx))
				{
					w.data[i] ^= (uint8_t) (1 << bit);
					ecml_reader_init(&r, ctx, w.data, w.size);
					pixels_input_read(&r, &back);
					good &= pixels_input_check(&back) == NULL;
					w.data[i] ^= (uint8_t) (1 << bit);
				}
				else
				{
					good &= test_host(ctx)->status == ECML_CORRUPTED;
					w.data[i] ^= (uint8_t) (1 << bit);
				}
		ok(good, "an input of damaged bytes is a possible one, or an error");
	}
	else
		ok(false, "inputs: %s", test_host(ctx)->message);
	test_ctx_free(ctx);
}

/* ---- augmentation */

static void
test_augment(void)
{
	EcmlCtx    *ctx = test_ctx(1, 9);

	if (TRY(ctx))
	{
		EcmlPixels *p = scene(ctx, 24, 17, 3, 30);
		size_t		n = 24 * 17 * 3;
		uint8_t    *out = ECML_NEW(ctx, uint8_t, n);
		uint8_t    *again = ECML_NEW(ctx, uint8_t, n);
		PixelsAugment none = {0};
		PixelsAugment all = {.flip = true,.flip_vertical = true,.shift = 0.2,.rotate = 30,.zoom = 0.3,.crop = 0.5};
		PixelsAugment colors = {.brightness = 0.4,.contrast = 0.4,.saturation = 0.7,.hue = 0.2};
		PixelsChange change;
		int			flips = 0;
		bool		good = true;
		double		grey = 0;

		pixels_augment_draw(&none, 24, 17, 3, &ctx->rng, &change);
		pixels_change(&change, 24, 17, 3, p->data, out);
		ok(memcmp(out, p->data, n) == 0, "no augmentation changes nothing");
		none.flip = true;
		for (int i = 0; i < 400; i++)
		{
			bool		mirrored = true;

			pixels_augment_draw(&none, 24, 17, 3, &ctx->rng, &change);
			pixels_change(&change, 24, 17, 3, p->data, out);
			for (int y = 0; y < 17; y++)
				for (int x = 0; x < 24; x++)
					mirrored &= memcmp(out + (y * 24 + x) * 3, p->data + (y * 24 + 23 - x) * 3, 3) == 0;
			flips += mirrored;
			good &= mirrored || memcmp(out, p->data, n) == 0;
		}
		ok(good && flips > 140 && flips < 260, "flipped half of the time: %d of 400", flips);
		/* moves leave a plain picture alone, at any corner; the same seed moves the same way */
		memset(again, 77, n);
		good = true;
		for (int i = 0; i < 200; i++)
		{
			EcmlRng		one = ecml_rng_stream(&ctx->rng, (uint64_t) i);
			EcmlRng		two = one;
			PixelsChange second;

			pixels_augment_draw(&all, 24, 17, 3, &one, &change);
			pixels_augment_draw(&all, 24, 17, 3, &two, &second);
			good &= memcmp(&change, &second, sizeof(change)) == 0;
			pixels_change(&change, 24, 17, 3, again, out);
			for (size_t k = 0; k < n; k++)
				good &= out[k] == 77;
		}
		ok(good, "moves of a plain picture leave it plain, and come again with the seed");
		/* grey stays grey under changes of hue and saturation */
		good = true;
		colors.brightness = colors.contrast = 0;
		memset(again, 120, n);
		for (int i = 0; i < 50; i++)
		{
			pixels_augment_draw(&colors, 24, 17, 3, &ctx->rng, &change);
			pixels_change(&change, 24, 17, 3, again, out);
			for (size_t k = 0; k < n; k++)
				grey = fmax(grey, abs(out[k] - 120));
		}
		ok(grey <= 2, "hue and saturation leave grey alone: different by %g", grey);
		none = (PixelsAugment) {.erase = 1};
		pixels_augment_draw(&none, 24, 17, 3, &ctx->rng, &change);
		ok(change.erase[0] >= 0 && change.erase[2] <= 24 && change.erase[3] <= 17 && change.erase[2] > change.erase[0],
		   "a rectangle is erased within");
		none.rotate = 200;
		ok(pixels_augment_check(&none) != NULL && pixels_augment_check(&all) == NULL, "ranges are checked");
		/* shift by whole pixels: the affine map by the definition */
		change = (PixelsChange) {.moves = true,.affine = {1, 0, 3, 0, 1, -2}};
		pixels_change(&change, 24, 17, 3, p->data, out);
		good = true;
		for (int y = 0; y < 17; y++)
			for (int x = 0; x < 24; x++)
			{
				int			sx = x + 3 > 23 ? 23 : x + 3;
				int			sy = y - 2 < 0 ? 0 : y - 2;

				good &= memcmp(out + (y * 24 + x) * 3, p->data + (sy * 24 + sx) * 3, 3) == 0;
			}
		ok(good, "a shift, with the edge going on");
	}
	test_ctx_free(ctx);
}

/* ---- looks */

static int
bits(uint64_t v)
{
	return __builtin_popcountll(v);
}

static void
test_hash(void)
{
	Table		t;
	volatile int worst = 0;
	volatile int count = 0;
	EcmlCtx    *ctx = test_ctx(1, 5);
	PixelsWant	want = PIXELS_WANT_DEFAULTS;
	volatile uint64_t first = 0;

	table_open(&t, "hash");
	while (table_next(&t) && TRY(ctx))
	{
		size_t		n;
		uint8_t    *bytes = from_hex(t.fields[0], &n);
		EcmlPixels *p = pixels_decode(ctx, bytes, n, &want);
		uint64_t	hash = pixels_hash(ctx, p);
		int			distance = bits(hash ^ strtoull(t.fields[1], NULL, 16));
		size_t		size;
		uint8_t    *jpeg = pixels_encode(ctx, pixels_resize(ctx, p, NULL, p->width * 2, p->height * 3, PIXELS_BICUBIC), PIXELS_JPEG, 60, &size);
		int			again = bits(hash ^ pixels_hash(ctx, pixels_decode(ctx, jpeg, size, &want)));

		worst = distance > worst ? distance : worst;
		ok(again <= 6, "enlarged and as JPEG of quality 60: %d bits differ", again);
		if (count++ == 0)
			first = hash;
		else
			ok(bits(hash ^ first) >= 12, "another picture: %d bits differ", bits(hash ^ first));
		free(bytes);
	}
	ok(count == 12 && worst <= 2, "hashes of Python's imagehash: at most %d bits differ", worst);
	table_close(&t);
	test_ctx_free(ctx);
}

static void
test_colors(void)
{
	EcmlCtx    *ctx = test_ctx(1, 5);

	if (TRY(ctx))
	{
		EcmlPixels *p = scene(ctx, 90, 10, 3, 0);
		PixelsColor colors[8];
		int			n;
		double		sum = 0;

		for (int i = 0; i < 900; i++)
			memcpy(p->data + 3 * i, i % 90 < 45 ? "\xff\0\0" : i % 90 < 75 ? "\0\0\xff" : "\x10\x20\x30", 3);
		n = pixels_colors(ctx, p, 8, colors);
		ok(n == 3 && memcmp(colors[0].rgb, "\xff\0\0", 3) == 0 && memcmp(colors[1].rgb, "\0\0\xff", 3) == 0 &&
		   memcmp(colors[2].rgb, "\x10\x20\x30", 3) == 0 && fabs(colors[0].share - 0.5) < 1e-12 && fabs(colors[2].share - 1.0 / 6) < 1e-12,
		   "three plain colours are found exactly, with their shares");
		n = pixels_colors(ctx, p, 2, colors);
		ok(n == 2 && colors[0].share + colors[1].share > 1 - 1e-12, "two of them");
		p = scene(ctx, 400, 300, 3, 60);
		n = pixels_colors(ctx, p, 8, colors);
		for (int i = 0; i < n; i++)
			sum += colors[i].share;
		ok(n == 8 && fabs(sum - 1) < 1e-12 && colors[0].share >= colors[7].share, "eight of a photograph, the largest first");
		p = scene(ctx, 1, 1, 1, 0);
		n = pixels_colors(ctx, p, 8, colors);
		ok(n == 1 && colors[0].rgb[0] == p->data[0] && colors[0].rgb[2] == p->data[0], "one of a pixel");
	}
	test_ctx_free(ctx);
}

typedef struct Pairs
{
	size_t		n;
	size_t		last;			/* the pair before, as one number */
	bool		good;
	const uint64_t *hashes;
} Pairs;

static void
count_pair(void *arg, size_t a, size_t b, int distance)
{
	Pairs	   *pairs = arg;

	pairs->good &= a < b && bits(pairs->hashes[a] ^ pairs->hashes[b]) == distance && (pairs->n == 0 || (a << 32 | b) > pairs->last);
	pairs->last = a << 32 | b;
	pairs->n++;
}

static void
test_pairs(void)
{
	EcmlCtx    *ctx = test_ctx(1, 5);
	static const int distances[] = {0, 3, 6, 9};
	size_t		n = 6000;

	if (TRY(ctx))
	{
		uint64_t   *hashes = ECML_NEW(ctx, uint64_t, n);

		/* families around some hashes */
		for (size_t i = 0; i < n; i++)
		{
			hashes[i] = i % 3 == 0 ? ecml_rng_next(&ctx->rng) : hashes[ecml_rng_below(&ctx->rng, i)];
			for (uint64_t flips = ecml_rng_below(&ctx->rng, 5); i % 3 && flips > 0; flips--)
				hashes[i] ^= UINT64_C(1) << ecml_rng_below(&ctx->rng, 64);
		}
		for (int k = 0; k < 4; k++)
		{
			Pairs		pairs = {.good = true,.hashes = hashes};
			size_t		want = 0;

			hashes_pairs(ctx, hashes, n, distances[k], count_pair, &pairs);
			for (size_t a = 0; a < n; a++)
				for (size_t b = a + 1; b < n; b++)
					want += bits(hashes[a] ^ hashes[b]) <= distances[k];
			ok(pairs.good && pairs.n == want && want > 10, "%zu pairs that differ in at most %d bits, in order", want, distances[k]);
		}
	}
	test_ctx_free(ctx);
}

int
main(void)
{
	test_images();
	test_bounds();
	test_encode();
	test_shrink();
	test_failures();
	test_resize();
	test_area();
	test_input();
	test_augment();
	test_hash();
	test_colors();
	test_pairs();
	return done();
}
