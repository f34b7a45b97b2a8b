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
 * Depthwise convolutions have too little arithmetic for that: direct loops over channels.
 *
 * Gathering copies in whole vectors and may write over the end of a run: what comes next is written next.
 */
#include "conv.h"

#include <string.h>

#define TILES 4					/* of GEMM rows at once */
#define GATHERED (64 * 1024)	/* floats that they may take */

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

ECML_CLONES static void
depthwise_forward(const ConvShape *s, const float *x, const float *weights, const float *bias, float *y, size_t from, size_t to)
{
	const size_t per_image = (size_t) s->oh * s->ow;
	const size_t c = s->c;

	for (size_t p = from; p < to; p++)
	{
		const float *picture = x + p / per_image * s->h * s->w * c;
		int			oy = (int) (p % per_image / s->ow);
		int			ox = (int) (p % s->ow);
		float	   *out = y + p * c;

		if (bias)
			memcpy(out, bias, c * sizeof(float));
		else
			memset(out, 0, c * sizeof(float));
		for (int r = 0; r < s->kh; r++)
			for (int q = 0; q < s->kw; q++)
			{
				int			iy = oy * s->sh - s->top + r * s->dh;
				int			ix = ox * s->sw - s->left + q * s->dw;

				if (iy >= 0 && iy < s->h && ix >= 0 && ix < s->w)
				{
					const float *in = picture + ((size_t) iy * s->w + ix) * c;
					const float *w = weights + ((size_t) r * s->kw + q) * c;

#pragma omp simd
					for (size_t i = 0; i < c; i++)
						out[i] += in[i] * w[i];
				}
			}
	}
}

ECML_CLONES static void
depthwise_backward_data(const ConvShape *s, const float *dy, const float *weights, float *dx, size_t images)
{
	const size_t per_image = (size_t) s->oh * s->ow;
	const size_t c = s->c;

	for (size_t p = 0; p < images * per_image; p++)
	{
		float	   *picture = dx + p / per_image * s->h * s->w * c;
		int			oy = (int) (p % per_image / s->ow);
		int			ox = (int) (p % s->ow);
		const float *from = dy + p * c;

		for (int r = 0; r < s->kh; r++)
			for (int q = 0; q < s->kw; q++)
			{
				int			iy = oy * s->sh - s->top + r * s->dh;
				int			ix = ox * s->sw - s->left + q * s->dw;

				if (iy >= 0 && iy < s->h && ix >= 0 && ix < s->w)
				{
					float	   *to = picture + ((size_t) iy * s->w + ix) * c;
					const float *w = weights + ((size_t) r * s->kw + q) * c;

#pragma omp simd
					for (size_t i = 0; i < c; i++)
						to[i] += from[i] * w[i];
				}
			}
	}
}

ECML_CLONES static void
depthwise_backward_weights(const ConvShape *s, const float *x, const float *dy, float *dweights, size_t images)
{
	const size_t per_image = (size_t) s->oh * s->ow;
	const size_t c = s->c;

	for (size_t p = 0; p < images * per_image; p++)
	{
		const float *picture = x + p / per_image * s->h * s->w * c;
		int			oy = (int) (p % per_image / s->ow);
		int			ox = (int) (p % s->ow);
		const float *from = dy + p * c;

		for (int r = 0; r < s->kh; r++)
			for (int q = 0; q < s->kw; q++)
			{
				int			iy = oy * s->sh - s->top + r * s->dh;
				int			ix = ox * s->sw - s->left + q * s->dw;

				if (iy >= 0 && iy < s->h && ix >= 0 && ix < s->w)
				{
					const float *in = picture + ((size_t) iy * s->w + ix) * c;
					float	   *dw = dweights + ((size_t) r * s->kw + q) * c;

#pragma omp simd
					for (size_t i = 0; i < c; i++)
						dw[i] += from[i] * in[i];
				}
			}
	}
}

/* ---- packed weights */

size_t
conv_forward_packed(const ConvShape *s, const GemmKernel *g)
{
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
	return s->groups * gemm_packed_size(g, depth_of(&t), s->c / s->groups);
}

void
conv_pack_forward(const ConvShape *s, const GemmKernel *g, const float *weights, float *packed)
{
	size_t		depth = depth_of(s);
	size_t		part = s->filters / s->groups;

	if (conv_is_depthwise(s))
		return;
	for (int group = 0; group < s->groups; group++)
		gemm_pack(g, depth, part, weights + group * part, s->filters, 1, packed + group * gemm_packed_size(g, depth, part));
}

void
conv_pack_backward(const ConvShape *s, const GemmKernel *g, const float *weights, float *packed)
{
	size_t		in = s->c / s->groups;
	size_t		out = s->filters / s->groups;
	size_t		places = (size_t) s->kh * s->kw;

	if (conv_is_depthwise(s))
		return;
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

	return conv_is_depthwise(s) ? 0 : (forward > backward ? forward : backward) + GEMM_SLACK;
}

/* ---- forward and backward */

static void
forward(const ConvShape *s, const GemmKernel *g, const float *x, const float *packed, const float *bias, float *y, size_t from,
		size_t to, bool add, float *scratch, ConvAfter after, void *arg)
{
	size_t		depth = depth_of(s);
	size_t		part = s->filters / s->groups;
	size_t		distance = distance_of(s);
	size_t		rows = is_plain(s) ? g->mr * TILES * 4 : rows_at_once(s, g);

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

void
conv_backward_weights(const ConvShape *s, const GemmKernel *g, const float *x, const float *dy, float *dweights, float *dbias,
					  size_t images, float *scratch)
{
	size_t		out = images * s->oh * s->ow;

	if (dbias)
		add_rows(dy, out, s->filters, dbias);
	if (conv_is_depthwise(s))
		depthwise_backward_weights(s, x, dy, dweights, images);
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
