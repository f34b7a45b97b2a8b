/*
 * conv.c - convolutions as products of matrices, of which one is never made as a whole
 *
 * A row of the one matrix is what the kernel covers at an output pixel: kh * kw runs of c numbers, contiguous in x where the
 * runs of a kernel's row touch.  Rows of some tens of pixels are gathered in scratch memory (implicit im2col: Chellapilla, Puri
 * and Simard, 2006), multiplied as long as they are in cache, and forgotten.  A kernel of 1 without stride needs no gathering.
 *
 *   forward             y = gather(x) w + bias
 *   backward, data      stride 1: dx = gather(dy) w', w turned about and its channels and filters exchanged;
 *                       else: rows dy w' are added where they were gathered from
 *   backward, weights   dw += gather(x)' dy
 *
 * Where it pays, 3 x 3 forward and towards the data go by winograd.c.  Depthwise convolutions have too little arithmetic for
 * either: direct loops over channels.
 *
 * Gathering copies in whole vectors and may write over the end of a run: what comes next is written next.
 */
#include "conv.h"

#include <string.h>

#include "winograd.h"

#define TILES 4					/* of GEMM rows at once */
#define GATHERED (64 * 1024)	/* floats that they may take */
#define BAND 112				/* output pixels whose columns at the sides are gathered together */
#define INNER_LEAST 8
#define INNER_SHARE 2			/* half of all columns */

ConvShape
conv_shape(const NetNode *node, const NetNode *in)
{
	ConvShape	s = {in->height, in->width, in->channels, node->height, node->width, node->units, 1, 1, 1, 1, 1, 1, 0, 0, 1};

	if (node->kind == NET_CONV2D)
	{
		s.kh = node->kernel[0];
		s.kw = node->kernel[1];
		s.sh = node->stride[0];
		s.sw = node->stride[1];
		s.dh = node->dilation[0];
		s.dw = node->dilation[1];
		s.top = node->pad[NET_TOP];
		s.left = node->pad[NET_LEFT];
		s.groups = node->groups;
	}
	return s;
}

/* the convolution that takes dy to dx, for stride 1 */
static ConvShape
turned(const ConvShape *s)
{
	ConvShape	t = {s->oh, s->ow, s->filters, s->h, s->w, s->c, s->kh, s->kw, 1, 1, s->dh, s->dw,
	(s->kh - 1) * s->dh - s->top, (s->kw - 1) * s->dw - s->left, s->groups};

	return t;
}

static bool
has_stride(const ConvShape *s)
{
	return s->sh != 1 || s->sw != 1;
}

bool
conv_is_depthwise(const ConvShape *s)
{
	return s->groups > 1 && s->groups == s->c && s->groups == s->filters;
}

/* numbers of a gathered row, of one group */
static inline size_t
depth_of(const ConvShape *s)
{
	return (size_t) s->kh * s->kw * (s->c / s->groups);
}

/* the distance of gathered rows: not one that puts all of them on the same lines of the cache */
static inline size_t
distance_of(const ConvShape *s)
{
	size_t		d = (depth_of(s) + 15) / 16 * 16;

	return d % 256 == 0 ? d + 16 : d;
}

static size_t
rows_at_once(const ConvShape *s, const GemmKernel *g)
{
	size_t		tiles = GATHERED / (distance_of(s) * g->mr);

	return (tiles > TILES ? TILES : tiles < 1 ? 1 : tiles) * g->mr;
}

/* is a row of x a gathered row? */
static inline bool
is_plain(const ConvShape *s)
{
	return s->kh == 1 && s->kw == 1 && !has_stride(s) && s->top == 0 && s->left == 0 && s->groups == 1 && s->h == s->oh &&
		s->w == s->ow && s->c % 512 != 0;
}

/* The output columns whose windows lie within the picture's width. */
typedef struct Inner
{
	int			from;
	int			to;
} Inner;

static inline Inner
inner_of(const ConvShape *s)
{
	int			from = s->left > 0 ? (s->left + s->sw - 1) / s->sw : 0;
	int			room = s->w - s->kw + s->left;
	int			to = room < 0 ? 0 : room / s->sw + 1;

	to = to < s->ow ? to : s->ow;
	return (Inner) {from < to ? from : to, to};
}

/*
 * Are there enough of them that windows are read where they lie?  Rows of 512 channels and more would be on the same lines of the
 * cache.
 */
static bool
by_rows(const ConvShape *s)
{
	Inner		inner = inner_of(s);

	return s->groups == 1 && s->dw == 1 && !is_plain(s) && s->sw * s->c % 512 != 0 && inner.to - inner.from >= INNER_LEAST &&
		(inner.to - inner.from) * INNER_SHARE >= s->ow;
}

/* rows of the output that are made before the columns at its sides are */
static inline size_t
band_of(const ConvShape *s)
{
	size_t		band = BAND / (size_t) s->ow;

	return band < 1 ? 1 : band;
}

static inline void
copy_run(float *to, const float *from, size_t n)
{
	if (n <= 4)
		memcpy(to, from, 4 * sizeof(float));
	else
		for (size_t i = 0; i < n; i += 16)
			memcpy(to + i, from + i, 16 * sizeof(float));
}

static inline void
zero_run(float *to, size_t n)
{
	for (size_t i = 0; i < n; i += 4)
		memset(to + i, 0, 4 * sizeof(float));
}

/* Rows of output pixels from .. to, of one group, to rows at distance; there are 16 floats of room behind the last. */
ECML_CLONES static void
gather(const ConvShape *s, int group, const float *x, size_t from, size_t to, float *rows, size_t distance)
{
	const size_t per_image = (size_t) s->oh * s->ow;
	const size_t c = s->c;
	const size_t part = s->c / s->groups;
	const bool	touch = s->dw == 1 && s->groups == 1;
	size_t		image = from / per_image;
	int			oy = (int) (from % per_image / s->ow);
	int			ox = (int) (from % s->ow);

	x += (size_t) group * part;
	for (size_t p = from; p < to; p++, rows += distance)
	{
		const float *picture = x + image * s->h * s->w * c;
		int			y = oy * s->sh - s->top;
		int			left = ox * s->sw - s->left;
		float	   *at = rows;

		for (int r = 0; r < s->kh; r++, y += s->dh)
		{
			const float *line;

			if (y < 0 || y >= s->h)
			{
				zero_run(at, s->kw * part);
				at += s->kw * part;
				continue;
			}
			line = picture + (size_t) y * s->w * c;
			if (touch && left >= 0 && left + s->kw <= s->w)
			{
				copy_run(at, line + left * c, s->kw * c);
				at += s->kw * c;
			}
			else
			{
				int			column = left;

				for (int q = 0; q < s->kw; q++, column += s->dw, at += part)
					if (column < 0 || column >= s->w)
						zero_run(at, part);
					else
						copy_run(at, line + column * c, part);
			}
		}
		if (++ox == s->ow)
		{
			ox = 0;
			if (++oy == s->oh)
			{
				oy = 0;
				image++;
			}
		}
	}
}

/* The other way: what stands in the rows is added to dx, where it came from. */
ECML_CLONES static void
scatter(const ConvShape *s, int group, const float *rows, size_t distance, size_t from, size_t to, float *dx)
{
	const size_t per_image = (size_t) s->oh * s->ow;
	const size_t part = s->c / s->groups;
	size_t		image = from / per_image;
	int			oy = (int) (from % per_image / s->ow);
	int			ox = (int) (from % s->ow);

	dx += (size_t) group * part;
	for (size_t p = from; p < to; p++, rows += distance)
	{
		float	   *picture = dx + image * s->h * s->w * s->c;
		const float *at = rows;

		for (int r = 0; r < s->kh; r++)
			for (int q = 0; q < s->kw; q++, at += part)
			{
				int			y = oy * s->sh - s->top + r * s->dh;
				int			column = ox * s->sw - s->left + q * s->dw;

				if (y >= 0 && y < s->h && column >= 0 && column < s->w)
				{
					float	   *to_add = picture + ((size_t) y * s->w + column) * s->c;

#pragma omp simd
					for (size_t i = 0; i < part; i++)
						to_add[i] += at[i];
				}
			}
		if (++ox == s->ow)
		{
			ox = 0;
			if (++oy == s->oh)
			{
				oy = 0;
				image++;
			}
		}
	}
}

/* ---- depthwise */

typedef enum Walk
{
	FORWARD,					/* y += x w */
	DATA,						/* dx += dy w */
	WEIGHTS						/* dw += dy x */
} Walk;

/* Numbers of output pixels from .. to, those that the kernel covers of the input, and the kernel's: the third += the product of two. */
static inline __attribute__((always_inline)) void
depthwise(const Walk walk, const ConvShape *s, const float *x, const float *y, const float *weights, float *sums, size_t from, size_t to)
{
	const size_t per_image = (size_t) s->oh * s->ow;
	const size_t c = s->c;

	for (size_t p = from; p < to; p++)
	{
		const size_t picture = p / per_image * s->h * s->w;
		const int	top = (int) (p % per_image / s->ow) * s->sh - s->top;
		const int	left = (int) (p % s->ow) * s->sw - s->left;

		for (int r = 0; r < s->kh; r++)
			for (int q = 0; q < s->kw; q++)
			{
				const int	iy = top + r * s->dh;
				const int	ix = left + q * s->dw;

				if (iy >= 0 && iy < s->h && ix >= 0 && ix < s->w)
				{
					const size_t in = (picture + (size_t) iy * s->w + ix) * c;
					const size_t w = ((size_t) r * s->kw + q) * c;
					const float *a = walk == FORWARD ? x + in : y + p * c;
					const float *b = walk == WEIGHTS ? x + in : weights + w;
					float	   *to_add = sums + (walk == FORWARD ? p * c : walk == DATA ? in : w);

#pragma omp simd
					for (size_t i = 0; i < c; i++)
						to_add[i] += a[i] * b[i];
				}
			}
	}
}

ECML_CLONES static void
depthwise_forward(const ConvShape *s, const float *x, const float *weights, const float *bias, float *y, size_t from, size_t to)
{
	for (size_t p = from; p < to; p++)
		if (bias)
			memcpy(y + p * s->c, bias, s->c * sizeof(float));
		else
			memset(y + p * s->c, 0, s->c * sizeof(float));
	depthwise(FORWARD, s, x, NULL, weights, y, from, to);
}

ECML_CLONES static void
depthwise_backward_data(const ConvShape *s, const float *dy, const float *weights, float *dx, size_t images)
{
	depthwise(DATA, s, NULL, dy, weights, dx, 0, images * s->oh * s->ow);
}

ECML_CLONES static void
depthwise_backward_weights(const ConvShape *s, const float *x, const float *dy, float *dweights, size_t images)
{
	depthwise(WEIGHTS, s, x, dy, NULL, dweights, 0, images * s->oh * s->ow);
}

/* ---- packed weights */

size_t
conv_forward_packed(const ConvShape *s, const GemmKernel *g)
{
	if (winograd_pays(s))
		return winograd_packed(s, g);
	return conv_is_depthwise(s) ? 0 : s->groups * gemm_packed_size(g, depth_of(s), s->filters / s->groups);
}

size_t
conv_backward_packed(const ConvShape *s, const GemmKernel *g)
{
	ConvShape	t = turned(s);

	if (conv_is_depthwise(s))
		return 0;
	if (has_stride(s))
		return s->groups * gemm_packed_size(g, s->filters / s->groups, depth_of(s));
	if (winograd_pays(&t))
		return winograd_packed(&t, g);
	return s->groups * gemm_packed_size(g, depth_of(&t), s->c / s->groups);
}

void
conv_pack_forward(const ConvShape *s, const GemmKernel *g, const float *weights, float *packed)
{
	size_t		depth = depth_of(s);
	size_t		part = s->filters / s->groups;

	if (conv_is_depthwise(s))
		return;
	if (winograd_pays(s))
	{
		winograd_pack(s, g, weights, (size_t) s->c * s->filters, s->filters, 1, false, packed);
		return;
	}
	for (int group = 0; group < s->groups; group++)
		gemm_pack(g, depth, part, weights + group * part, s->filters, 1, packed + group * gemm_packed_size(g, depth, part));
}

void
conv_pack_backward(const ConvShape *s, const GemmKernel *g, const float *weights, float *packed)
{
	size_t		in = s->c / s->groups;
	size_t		out = s->filters / s->groups;
	size_t		places = (size_t) s->kh * s->kw;
	ConvShape	t = turned(s);

	if (conv_is_depthwise(s))
		return;
	if (!has_stride(s) && winograd_pays(&t))
	{
		winograd_pack(&t, g, weights, in * out, 1, s->filters, true, packed);
		return;
	}
	for (int group = 0; group < s->groups; group++, weights += out)
		if (has_stride(s))
		{
			/* [filter][place, channel] */
			gemm_pack(g, out, places * in, weights, 1, s->filters, packed);
			packed += gemm_packed_size(g, out, places * in);
		}
		else
		{
			/* [place, the last one first, filter][channel] */
			size_t		nr = g->nr;
			float	   *to = packed;

			for (size_t j = 0; j < in; j += nr)
				for (size_t place = places; place-- > 0;)
					for (size_t f = 0; f < out; f++)
						for (size_t q = 0; q < nr; q++)
							*to++ = j + q < in ? weights[(place * in + j + q) * s->filters + f] : 0;
			packed += gemm_packed_size(g, places * out, in);
		}
}

size_t
conv_scratch(const ConvShape *s, const GemmKernel *g)
{
	ConvShape	t = turned(s);
	size_t		forward = rows_at_once(s, g) * distance_of(s);
	size_t		backward = rows_at_once(&t, g) * distance_of(&t);
	size_t		most = forward > backward ? forward : backward;

	if (winograd_pays(s) && most < winograd_scratch(s, g))
		most = winograd_scratch(s, g);
	if (!has_stride(s) && winograd_pays(&t) && most < winograd_scratch(&t, g))
		most = winograd_scratch(&t, g);
	return conv_is_depthwise(s) ? 0 : most + GEMM_SLACK;
}

/* ---- forward and backward */

/* A run of output pixels, which are distance floats of y apart, by gathering. */
static void
gathered(const ConvShape *s, const GemmKernel *g, const float *x, const float *packed, const float *bias, float *y, size_t p, size_t n,
		 size_t step, bool add, float *scratch)
{
	size_t		rows = rows_at_once(s, g);
	size_t		distance = distance_of(s);

	for (; n > 0; p += rows * step)
	{
		if (rows > n)
			rows = n;
		for (size_t i = 0; i < rows; i++)
			gather(s, 0, x, p + i * step, p + i * step + 1, scratch + i * distance, distance);
		gemm_packed(g, rows, s->filters, depth_of(s), scratch, distance, packed, y + p * s->filters, step * s->filters, bias, add);
		n -= rows;
	}
}

/*
 * Whole rows of output pixels, from .. to of all images' rows.  Where windows lie within the picture's width, their rows are read where
 * they are; the columns at the sides, which padding touches, are gathered.
 */
static void
forward_rows(const ConvShape *s, const GemmKernel *g, const float *x, const float *packed, const float *bias, float *y, size_t from,
			 size_t to, bool add, float *scratch, ConvAfter after, void *arg)
{
	const Inner inner = inner_of(s);
	const size_t run = (size_t) s->kw * s->c;
	const size_t line = (size_t) s->w * s->c;
	const size_t band = band_of(s);

	for (size_t at = from; at < to; at += band)
	{
		size_t		end = to - at < band ? to : at + band;
		float	   *out = y + at * s->ow * s->filters;

		for (size_t row = at; row < end; row++)
		{
			const int	iy = (int) (row % s->oh) * s->sh - s->top;
			int			first = iy < 0 ? (-iy + s->dh - 1) / s->dh : 0;
			int			last = iy < s->h ? (s->h - 1 - iy) / s->dh + 1 : 0;

			last = last < s->kh ? last : s->kh;
			first = first < last ? first : last;
			gemm_windows(g, inner.to - inner.from, s->filters, last - first, run,
						 x + (row / s->oh * s->h + (first < last ? iy + first * s->dh : 0)) * line + ((size_t) inner.from * s->sw - s->left) * s->c,
						 (size_t) s->sw * s->c, s->dh * line, packed, depth_of(s), first * run,
						 y + (row * s->ow + inner.from) * s->filters, s->filters, bias, add);
		}
		for (int column = 0; column < s->ow; column++)
			if (column < inner.from || column >= inner.to)
				gathered(s, g, x, packed, bias, y, at * s->ow + column, end - at, s->ow, add, scratch);
		if (after)
			after(arg, out, (end - at) * s->ow);
	}
}

static void
forward(const ConvShape *s, const GemmKernel *g, const float *x, const float *packed, const float *bias, float *y, size_t from,
		size_t to, bool add, float *scratch, ConvAfter after, void *arg)
{
	size_t		depth = depth_of(s);
	size_t		part = s->filters / s->groups;
	size_t		distance = distance_of(s);
	size_t		rows = is_plain(s) ? g->mr * TILES * 4 : rows_at_once(s, g);

	if (winograd_pays(s))
	{
		winograd_forward(s, g, x, packed, bias, y, from / s->ow, to / s->ow, add, scratch, after, arg);
		return;
	}
	if (by_rows(s) && from % s->ow == 0 && to % s->ow == 0)
	{
		forward_rows(s, g, x, packed, bias, y, from / s->ow, to / s->ow, add, scratch, after, arg);
		return;
	}
	for (size_t p = from; p < to; p += rows)
	{
		size_t		n = to - p < rows ? to - p : rows;
		float	   *out = y + p * s->filters;

		if (is_plain(s))
			gemm_packed(g, n, part, depth, x + p * s->c, s->c, packed, out, s->filters, bias, add);
		else
			for (int group = 0; group < s->groups; group++)
			{
				gather(s, group, x, p, p + n, scratch, distance);
				gemm_packed(g, n, part, depth, scratch, distance, packed + group * gemm_packed_size(g, depth, part),
							out + group * part, s->filters, bias ? bias + group * part : NULL, add);
			}
		if (after)
			after(arg, out, n);
	}
}

void
conv_forward(const ConvShape *s, const GemmKernel *g, const float *x, const float *weights, const float *packed,
			 const float *bias, float *y, size_t from, size_t to, float *scratch, ConvAfter after, void *arg)
{
	if (conv_is_depthwise(s))
	{
		size_t		rows = 64;

		for (size_t p = from; p < to; p += rows)
		{
			size_t		end = to - p < rows ? to : p + rows;

			depthwise_forward(s, x, weights, bias, y, p, end);
			if (after)
				after(arg, y + p * s->filters, end - p);
		}
	}
	else
		forward(s, g, x, packed, bias, y, from, to, false, scratch, after, arg);
}

void
conv_backward_data(const ConvShape *s, const GemmKernel *g, const float *dy, const float *weights, const float *packed,
				   float *dx, size_t images, bool add, float *scratch)
{
	size_t		in = (size_t) s->h * s->w;
	size_t		out = (size_t) s->oh * s->ow;

	if (!conv_is_depthwise(s) && !has_stride(s))
	{
		ConvShape	t = turned(s);

		forward(&t, g, dy, packed, NULL, dx, 0, images * in, add, scratch, NULL, NULL);
		return;
	}
	if (!add)
		memset(dx, 0, images * in * s->c * sizeof(float));
	if (conv_is_depthwise(s))
		depthwise_backward_data(s, dy, weights, dx, images);
	else
	{
		size_t		depth = depth_of(s);
		size_t		part = s->filters / s->groups;
		size_t		distance = distance_of(s);
		size_t		rows = rows_at_once(s, g);

		for (size_t p = 0; p < images * out; p += rows)
		{
			size_t		n = images * out - p < rows ? images * out - p : rows;

			for (int group = 0; group < s->groups; group++)
			{
				gemm_packed(g, n, depth, part, dy + p * s->filters + group * part, s->filters,
							packed + group * gemm_packed_size(g, part, depth), scratch, distance, NULL, false);
				scatter(s, group, scratch, distance, p, p + n, dx);
			}
		}
	}
}

ECML_CLONES static void
add_rows(const float *dy, size_t rows, size_t n, float *sums)
{
	for (size_t p = 0; p < rows; p++, dy += n)
	{
#pragma omp simd
		for (size_t i = 0; i < n; i++)
			sums[i] += dy[i];
	}
}

/* Of one picture: by the rows of the kernel, each with all rows of the picture that it meets, some at a time. */
static void
backward_weights_rows(const ConvShape *s, const GemmKernel *g, const float *x, const float *dy, float *dweights, float *scratch)
{
	const Inner inner = inner_of(s);
	const size_t run = (size_t) s->kw * s->c;
	const size_t line = (size_t) s->w * s->c;
	const size_t out = (size_t) s->ow * s->filters;
	const int	band = (int) band_of(s);
	const size_t distance = distance_of(s);

	for (int at = 0; at < s->oh; at += band)
	{
		int			end = s->oh - at < band ? s->oh : at + band;

		for (int r = 0; r < s->kh; r++)
		{
			int			shift = s->top - r * s->dh;	/* input row = output row * stride - shift */
			int			first = shift > 0 ? (shift + s->sh - 1) / s->sh : 0;
			int			last = s->h - 1 + shift < 0 ? 0 : (s->h - 1 + shift) / s->sh + 1;

			first = first > at ? first : at;
			last = last < end ? last : end;
			if (first < last)
				gemm_transposed_windows(g, run, s->filters, last - first, inner.to - inner.from,
										x + ((size_t) first * s->sh - shift) * line + ((size_t) inner.from * s->sw - s->left) * s->c,
										(size_t) s->sw * s->c, s->sh * line, dy + first * out + (size_t) inner.from * s->filters,
										s->filters, out, dweights + r * run * s->filters, s->filters);
		}
		for (int column = 0; column < s->ow; column++)
		{
			size_t		rows = rows_at_once(s, g);

			if (column >= inner.from && column < inner.to)
				continue;
			for (int row = at; row < end; row += (int) rows)
			{
				size_t		n = end - row < (int) rows ? (size_t) (end - row) : rows;

				for (size_t i = 0; i < n; i++)
					gather(s, 0, x, (row + i) * s->ow + column, (row + i) * s->ow + column + 1, scratch + i * distance, distance);
				gemm_transposed(g, depth_of(s), s->filters, n, scratch, distance, dy + row * out + (size_t) column * s->filters, out, dweights,
								s->filters, true);
			}
		}
	}
}

void
conv_backward_weights(const ConvShape *s, const GemmKernel *g, const float *x, const float *dy, float *dweights, float *dbias,
					  size_t images, float *scratch)
{
	size_t		out = images * s->oh * s->ow;

	if (dbias)
		add_rows(dy, out, s->filters, dbias);
	if (conv_is_depthwise(s))
		depthwise_backward_weights(s, x, dy, dweights, images);
	else if (by_rows(s))
		for (size_t image = 0; image < images; image++)
			backward_weights_rows(s, g, x + image * s->h * s->w * s->c, dy + image * s->oh * s->ow * s->filters, dweights, scratch);
	else
	{
		size_t		depth = depth_of(s);
		size_t		part = s->filters / s->groups;
		size_t		distance = distance_of(s);
		size_t		rows = is_plain(s) ? g->mr * TILES * 4 : rows_at_once(s, g);

		for (size_t p = 0; p < out; p += rows)
		{
			size_t		n = out - p < rows ? out - p : rows;

			for (int group = 0; group < s->groups; group++)
			{
				if (!is_plain(s))
					gather(s, group, x, p, p + n, scratch, distance);
				gemm_transposed(g, depth, part, n, is_plain(s) ? x + p * s->c : scratch, is_plain(s) ? (size_t) s->c : distance,
								dy + p * s->filters + group * part, s->filters, dweights + group * part, s->filters, true);
			}
		}
	}
}
