/*
 * pixels_resize.c - other sizes: separable filters on bytes
 *
 * Each result pixel is a weighted mean of pixels of a row and of a column; the weights are made once for all rows and all
 * columns.  Reducing, the filters of interpolation are stretched with the reduction, so that every pixel counts (what Pillow
 * and others call antialiasing); the area filter is the exact mean over what a pixel covers, with parts of pixels at its rim.
 * Weights are integers of 22 bits that add up to 1 exactly: a plain area stays as it is.
 *
 * Columns first: they are whole rows times a weight, which vectors do well, and reducing leaves little for the rows.
 * Cost: width * height * channels * (taps of a column / reduction) and width out * height out * taps of a row.
 */
#include "image/pixels.h"

#include <math.h>
#include <string.h>

#define PRECISION 22			/* of weights; times 255 and the overshoot of Lanczos it fits 32 bits */
#define ROUND (1 << (PRECISION - 1))
#define ALIGNED(n) (((n) + ECML_ALIGN - 1) & ~(size_t) (ECML_ALIGN - 1))

/* Weights along an axis: result i is the sum over t < count[i] of weights[i * taps + t] * in[first[i] + t]. */
typedef struct Axis
{
	int			n;				/* results */
	int			taps;			/* the most of any */
	int		   *first;			/* [n] */
	int		   *count;			/* [n] */
	int32_t    *weights;		/* [n][taps] */
} Axis;

/* Half the width of a filter, before it is stretched. */
static double
support_of(PixelsFilter filter)
{
	switch (filter)
	{
		case PIXELS_AREA:
			return 0.5;
		case PIXELS_BILINEAR:
			return 1;
		case PIXELS_BICUBIC:
			return 2;
		case PIXELS_LANCZOS:
			return 3;
		case PIXELS_NEAREST:
			break;
	}
	return 0;
}

static double
sinc(double x)
{
	return x == 0 ? 1 : sin(M_PI * x) / (M_PI * x);
}

static double
filter_at(PixelsFilter filter, double x)
{
	x = fabs(x);
	switch (filter)
	{
		case PIXELS_BILINEAR:
			return x < 1 ? 1 - x : 0;
		case PIXELS_BICUBIC:	/* Keys 1981, a = -1/2 */
			return x < 1 ? (1.5 * x - 2.5) * x * x + 1 : x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
		case PIXELS_LANCZOS:
			return x < 3 ? sinc(x) * sinc(x / 3) : 0;
		case PIXELS_AREA:
		case PIXELS_NEAREST:
			break;
	}
	return 0;
}

static int
taps_of(PixelsFilter filter, double scale)
{
	if (filter == PIXELS_NEAREST)
		return 1;
	if (filter == PIXELS_AREA)
		return (int) ceil(scale) + 2;
	return (int) ceil(support_of(filter) * fmax(scale, 1)) * 2 + 2;
}

static int
clamp(double v, int low, int high)
{
	return v < low ? low : v > high ? high : (int) v;
}

/* n results over from .. to of size pixels.  Weights are made in double and rounded so that their sum is 1. */
static void
make_axis(Axis *axis, PixelsFilter filter, int size, double from, double to)
{
	double		scale = (to - from) / axis->n;
	double		stretch = fmax(scale, 1);
	double		support = support_of(filter) * stretch;

	for (int i = 0; i < axis->n; i++)
	{
		int32_t    *weights = axis->weights + (size_t) i * axis->taps;
		double		left = from + i * scale;
		double		center = left + 0.5 * scale;
		int			first;
		int			end;
		double		sum = 0;
		int32_t		rest = 1 << PRECISION;
		int			largest = 0;

		if (filter == PIXELS_NEAREST)
		{
			axis->first[i] = clamp(floor(center), 0, size - 1);
			axis->count[i] = 1;
			weights[0] = 1 << PRECISION;
			continue;
		}
		if (filter == PIXELS_AREA)
		{
			first = clamp(floor(left), 0, size - 1);
			end = clamp(ceil(left + scale), first + 1, size);
		}
		else
		{
			first = clamp(floor(center - support + 0.5), 0, size - 1);
			end = clamp(floor(center + support + 0.5), first + 1, size);
		}
		if (end - first > axis->taps)
			end = first + axis->taps;
		for (int pass = 0; pass < 2; pass++)
			for (int t = 0; t < end - first; t++)
			{
				double		v;

				if (filter == PIXELS_AREA)
					v = fmax(fmin(first + t + 1, left + scale) - fmax(first + t, left), 0);
				else
					v = filter_at(filter, (first + t + 0.5 - center) / stretch);
				if (pass == 0)
				{
					sum += v;
					continue;
				}
				weights[t] = sum > 0 ? (int32_t) lrint(v / sum * (1 << PRECISION)) : t == 0 ? 1 << PRECISION : 0;
				rest -= weights[t];
				if (weights[t] > weights[largest])
					largest = t;
			}
		weights[largest] += rest;
		axis->first[i] = first;
		axis->count[i] = end - first;
	}
}

/* sums[x] += weight * row[x] */
ECML_CLONES static void
add_row(int32_t *restrict sums, const uint8_t *restrict row, int32_t weight, size_t n)
{
	for (size_t x = 0; x < n; x++)
		sums[x] += weight * row[x];
}

ECML_CLONES static void
add_two_rows(int32_t *restrict sums, const uint8_t *restrict row, const uint8_t *restrict next, int32_t weight, int32_t next_weight,
			 size_t n)
{
	for (size_t x = 0; x < n; x++)
		sums[x] += weight * row[x] + next_weight * next[x];
}

static inline uint8_t
to_byte(int32_t sum)
{
	sum >>= PRECISION;
	return sum < 0 ? 0 : sum > 255 ? 255 : (uint8_t) sum;
}

ECML_CLONES static void
put_row(uint8_t *restrict out, const int32_t *restrict sums, size_t n)
{
	for (size_t x = 0; x < n; x++)
		out[x] = to_byte(sums[x]);
}

ECML_CLONES static void
begin_row(int32_t *sums, size_t n)
{
	for (size_t x = 0; x < n; x++)
		sums[x] = ROUND;
}

/* One row of results from a row that begins at column from. */
static void
filter_row(const Axis *axis, const uint8_t *row, int from, int channels, uint8_t *out)
{
	for (int i = 0; i < axis->n; i++)
	{
		const int32_t *weights = axis->weights + (size_t) i * axis->taps;
		const uint8_t *in = row + (size_t) (axis->first[i] - from) * channels;

		if (channels == 3)
		{
			int32_t		red = ROUND;
			int32_t		green = ROUND;
			int32_t		blue = ROUND;

			for (int t = 0; t < axis->count[i]; t++, in += 3)
			{
				red += weights[t] * in[0];
				green += weights[t] * in[1];
				blue += weights[t] * in[2];
			}
			out[3 * i] = to_byte(red);
			out[3 * i + 1] = to_byte(green);
			out[3 * i + 2] = to_byte(blue);
		}
		else
			for (int c = 0; c < channels; c++)
			{
				int32_t		sum = ROUND;

				for (int t = 0; t < axis->count[i]; t++)
					sum += weights[t] * in[t * channels + c];
				out[i * channels + c] = to_byte(sum);
			}
	}
}

static PixelsBox
whole(int width, int height, const PixelsBox *box)
{
	if (box)
		return (PixelsBox) {
			fmax(box->left, 0), fmax(box->top, 0), fmin(box->right, width), fmin(box->bottom, height)
		};
	return (PixelsBox) {0, 0, width, height};
}

/* What an axis takes. */
static size_t
axis_bytes(int n, int taps)
{
	return 2 * ALIGNED((size_t) n * sizeof(int)) + ALIGNED((size_t) n * taps * sizeof(int32_t));
}

static uint8_t *
axis_place(Axis *axis, int n, int taps, uint8_t *at)
{
	axis->n = n;
	axis->taps = taps;
	axis->first = (int *) at;
	at += ALIGNED((size_t) n * sizeof(int));
	axis->count = (int *) at;
	at += ALIGNED((size_t) n * sizeof(int));
	axis->weights = (int32_t *) at;
	return at + ALIGNED((size_t) n * taps * sizeof(int32_t));
}

size_t
pixels_resize_work(int width, int height, int channels, const PixelsBox *box, int out_width, int out_height, PixelsFilter filter)
{
	PixelsBox	b = whole(width, height, box);

	return axis_bytes(out_width, taps_of(filter, (b.right - b.left) / out_width)) +
		axis_bytes(out_height, taps_of(filter, (b.bottom - b.top) / out_height)) +
		ALIGNED((size_t) width * channels * sizeof(int32_t)) + ALIGNED((size_t) width * channels) + ECML_ALIGN;
}

void
pixels_resize_into(const EcmlPixels *in, const PixelsBox *box, PixelsFilter filter, EcmlPixels *out, void *work)
{
	PixelsBox	b = whole(in->width, in->height, box);
	int			channels = in->channels;
	uint8_t    *at = (uint8_t *) ALIGNED((uintptr_t) work);
	Axis		across;
	Axis		down;
	int			from;			/* columns that count: from .. to - 1 */
	int			to = 0;
	int32_t    *sums;
	uint8_t    *row;
	size_t		n;

	at = axis_place(&across, out->width, taps_of(filter, (b.right - b.left) / out->width), at);
	at = axis_place(&down, out->height, taps_of(filter, (b.bottom - b.top) / out->height), at);
	sums = (int32_t *) at;
	row = at + ALIGNED((size_t) in->width * channels * sizeof(int32_t));
	make_axis(&across, filter, in->width, b.left, b.right);
	make_axis(&down, filter, in->height, b.top, b.bottom);
	from = in->width;
	for (int i = 0; i < across.n; i++)
	{
		if (across.first[i] < from)
			from = across.first[i];
		if (across.first[i] + across.count[i] > to)
			to = across.first[i] + across.count[i];
	}
	n = (size_t) (to - from) * channels;
	for (int y = 0; y < out->height; y++)
	{
		const int32_t *weights = down.weights + (size_t) y * down.taps;
		const uint8_t *top = in->data + ((size_t) down.first[y] * in->width + from) * channels;
		size_t		stride = (size_t) in->width * channels;
		const uint8_t *filtered = top;

		if (down.count[y] > 1 || weights[0] != 1 << PRECISION)
		{
			int			t = 0;

			begin_row(sums, n);
			for (; t + 1 < down.count[y]; t += 2)
				add_two_rows(sums, top + t * stride, top + (t + 1) * stride, weights[t], weights[t + 1], n);
			if (t < down.count[y])
				add_row(sums, top + t * stride, weights[t], n);
			put_row(row, sums, n);
			filtered = row;
		}
		filter_row(&across, filtered, from, channels, out->data + (size_t) y * out->width * channels);
	}
}

EcmlPixels *
pixels_resize(EcmlCtx *ctx, const EcmlPixels *in, const PixelsBox *box, int width, int height, PixelsFilter filter)
{
	EcmlPixels *out = ECML_NEW(ctx, EcmlPixels, 1);
	void	   *work;

	out->width = width;
	out->height = height;
	out->channels = in->channels;
	out->data = ecml_alloc_array(ctx, (size_t) width * height, in->channels);
	work = ecml_alloc(ctx, pixels_resize_work(in->width, in->height, in->channels, box, width, height, filter));
	ecml_poll(ctx, 0, 0);
	pixels_resize_into(in, box, filter, out, work);
	ecml_free(ctx, work);
	ecml_poll(ctx, 0, 0);
	return out;
}
