/*
 * ops.c - pooling, sums, activations and the parts of batch normalisation
 *
 * All are bound by memory, not arithmetic: loops over channels, which are innermost, that the compiler makes vectors of.
 * The exponential is a polynomial of degree 6 after a reduction to |r| <= ln 2 / 2 (relative error 1e-7); the error function that of
 * Abramowitz and Stegun, 7.1.26 (1.5e-7).
 */
#include "ops.h"

#include <math.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))

INLINE float
exp_of(float x)
{
	const float magic = 12582912.0f;	/* 1.5 * 2^23: adding it rounds to an integer, in the low bits */
	float		shifted;
	float		n;
	float		r;
	float		p;
	float		scale;
	int32_t		bits;

	x = x > 88.0f ? 88.0f : x;
	x = x < -87.0f ? -87.0f : x;
	shifted = x * 1.44269504f + magic;
	n = shifted - magic;
	r = x - n * 0.693359375f;
	r = r + n * 2.12194440e-4f;
	p = 1.0f / 720;
	p = p * r + 1.0f / 120;
	p = p * r + 1.0f / 24;
	p = p * r + 1.0f / 6;
	p = p * r + 0.5f;
	p = p * r + 1.0f;
	p = p * r + 1.0f;
	memcpy(&bits, &shifted, sizeof(bits));
	bits = (int32_t) ((uint32_t) (bits - 0x4B400000 + 127) << 23);
	memcpy(&scale, &bits, sizeof(scale));
	return p * scale;
}

INLINE float
sigmoid_of(float x)
{
	return 1 / (1 + exp_of(-x));
}

INLINE float
tanh_of(float x)
{
	/* near 0 the other form would lose digits */
	float		z = x * x;
	float		small = x * (1 - z * (1.0f / 3 - z * (2.0f / 15)));
	float		large = 1 - 2 / (exp_of(2 * x) + 1);

	return z < 0.01f ? small : large;
}

/* the normal distribution's density without its constant, and the distribution */
INLINE float
normal_of(float x, float *bell)
{
	float		z = fabsf(x) * 0.70710678f;
	float		t = 1 / (1 + 0.3275911f * z);
	float		e = exp_of(-z * z);
	float		tail = t * (0.254829592f + t * (-0.284496736f + t * (1.421413741f + t * (-1.453152027f + t * 1.061405429f)))) * e;

	*bell = e;
	return x > 0 ? 1 - 0.5f * tail : 0.5f * tail;
}

INLINE float
bounded(float x, float low, float high)
{
	x = x < low ? low : x;
	return x > high ? high : x;
}

bool
op_slope_by_output(NetActivation activation)
{
	switch (activation)
	{
		case NET_HARD_SWISH:
		case NET_SWISH:
		case NET_GELU:
		case NET_GELU_TANH:
			return false;
		default:
			return true;
	}
}

static void
softmax(float *y, size_t rows, size_t channels)
{
	for (size_t i = 0; i < rows; i++, y += channels)
	{
		float		most = y[0];
		float		sum = 0;

		for (size_t c = 1; c < channels; c++)
			most = y[c] > most ? y[c] : most;
		for (size_t c = 0; c < channels; c++)
		{
			y[c] = exp_of(y[c] - most);
			sum += y[c];
		}
		for (size_t c = 0; c < channels; c++)
			y[c] /= sum;
	}
}

#define EACH(expression) \
	do { \
		_Pragma("omp simd") \
		for (size_t i = 0; i < n; i++) \
		{ \
			float		x = y[i]; \
			y[i] = (expression); \
		} \
	} while (0)

ECML_CLONES void
op_activate(NetActivation activation, float a, float b, float *y, size_t rows, size_t channels)
{
	const size_t n = rows * channels;
	const float k = 0.79788456f;	/* sqrt(2 / pi) */

	switch (activation)
	{
		case NET_RELU:
			EACH(x > 0 ? x : 0);
			break;
		case NET_CLIP:
			EACH(bounded(x, a, b));
			break;
		case NET_LEAKY_RELU:
			EACH(x > 0 ? x : a * x);
			break;
		case NET_ELU:
			EACH(x > 0 ? x : a * (exp_of(x) - 1));
			break;
		case NET_SIGMOID:
			EACH(sigmoid_of(x));
			break;
		case NET_TANH:
			EACH(tanh_of(x));
			break;
		case NET_SOFTMAX:
			softmax(y, rows, channels);
			break;
		case NET_HARD_SIGMOID:
			EACH(bounded(a * x + b, 0, 1));
			break;
		case NET_HARD_SWISH:
			EACH(x * bounded(a * x + b, 0, 1));
			break;
		case NET_SWISH:
			EACH(x * sigmoid_of(x));
			break;
		case NET_GELU:
			{
				float		bell;

				for (size_t i = 0; i < n; i++)
					y[i] *= normal_of(y[i], &bell);
				break;
			}
		case NET_GELU_TANH:
			EACH(0.5f * x * (1 + tanh_of(k * (x + 0.044715f * x * x * x))));
			break;
		default:
			break;
	}
}

#define SLOPE(expression) \
	do { \
		_Pragma("omp simd") \
		for (size_t i = 0; i < n; i++) \
			dy[i] *= (expression); \
	} while (0)

ECML_CLONES void
op_activate_backward(NetActivation activation, float a, float b, const float *x, const float *y, float *dy, size_t rows,
					 size_t channels)
{
	const size_t n = rows * channels;
	const float k = 0.79788456f;

	switch (activation)
	{
		case NET_RELU:
			SLOPE(y[i] > 0 ? 1.0f : 0.0f);
			break;
		case NET_CLIP:
			SLOPE(y[i] > a && y[i] < b ? 1.0f : 0.0f);
			break;
		case NET_LEAKY_RELU:
			SLOPE(y[i] > 0 ? 1.0f : a);
			break;
		case NET_ELU:
			SLOPE(y[i] > 0 ? 1.0f : y[i] + a);
			break;
		case NET_SIGMOID:
			SLOPE(y[i] * (1 - y[i]));
			break;
		case NET_TANH:
			SLOPE(1 - y[i] * y[i]);
			break;
		case NET_SOFTMAX:
			for (size_t r = 0; r < rows; r++, y += channels, dy += channels)
			{
				float		sum = 0;

				for (size_t c = 0; c < channels; c++)
					sum += dy[c] * y[c];
				for (size_t c = 0; c < channels; c++)
					dy[c] = y[c] * (dy[c] - sum);
			}
			break;
		case NET_HARD_SIGMOID:
			SLOPE(y[i] > 0 && y[i] < 1 ? a : 0.0f);
			break;
		case NET_HARD_SWISH:
			for (size_t i = 0; i < n; i++)
			{
				float		gate = a * x[i] + b;

				dy[i] *= gate <= 0 ? 0.0f : gate >= 1 ? 1.0f : gate + a * x[i];
			}
			break;
		case NET_SWISH:
			for (size_t i = 0; i < n; i++)
			{
				float		gate = sigmoid_of(x[i]);

				dy[i] *= gate * (1 + x[i] * (1 - gate));
			}
			break;
		case NET_GELU:
			for (size_t i = 0; i < n; i++)
			{
				float		bell;
				float		below = normal_of(x[i], &bell);

				dy[i] *= below + x[i] * bell * 0.39894228f;
			}
			break;
		case NET_GELU_TANH:
			for (size_t i = 0; i < n; i++)
			{
				float		z = x[i];
				float		t = tanh_of(k * (z + 0.044715f * z * z * z));

				dy[i] *= 0.5f * (1 + t) + 0.5f * z * (1 - t * t) * k * (1 + 3 * 0.044715f * z * z);
			}
			break;
		default:
			break;
	}
}

/* ---- pooling */

typedef struct Window
{
	int			top;			/* within the picture */
	int			bottom;			/* exclusive */
	int			left;
	int			right;
	float		share;			/* 1 / how many numbers the mean is of */
} Window;

static inline Window
window_at(const NetNode *node, const NetNode *in, int oy, int ox)
{
	Window		w;
	int			y = oy * node->stride[0] - node->pad[NET_TOP];
	int			x = ox * node->stride[1] - node->pad[NET_LEFT];
	int			bottom = y + node->kernel[0];
	int			right = x + node->kernel[1];

	if (node->count_padding)
	{
		/* what lies beyond the padding, which happens with ceil_mode, does not count */
		int			last = in->height + node->pad[NET_BOTTOM];
		int			far = in->width + node->pad[NET_RIGHT];

		w.share = 1.0f / ((bottom < last ? bottom : last) - y) / ((right < far ? right : far) - x);
	}
	w.top = y > 0 ? y : 0;
	w.left = x > 0 ? x : 0;
	w.bottom = bottom < in->height ? bottom : in->height;
	w.right = right < in->width ? right : in->width;
	if (!node->count_padding)
		w.share = w.bottom > w.top && w.right > w.left ? 1.0f / (w.bottom - w.top) / (w.right - w.left) : 0;
	return w;
}

/* The usual window, 2 x 2 with that stride and without padding. */
static inline bool
is_quarter(const NetNode *node, const NetNode *in)
{
	return node->kernel[0] == 2 && node->kernel[1] == 2 && node->stride[0] == 2 && node->stride[1] == 2 && node->pad[NET_TOP] == 0 &&
		node->pad[NET_LEFT] == 0 && 2 * node->height <= in->height && 2 * node->width <= in->width;
}

ECML_CLONES static void
pool_quarters(const NetNode *node, const NetNode *in, const float *x, float *y, size_t images)
{
	const size_t channels = in->channels;
	const size_t line = (size_t) in->width * channels;
	const bool	most = node->kind == NET_MAX_POOLING2D;

	for (size_t image = 0; image < images; image++, x += in->values)
		for (int oy = 0; oy < node->height; oy++)
		{
			const float *a = x + (size_t) 2 * oy * line;

			for (int ox = 0; ox < node->width; ox++, y += channels, a += 2 * channels)
				if (most)
				{
#pragma omp simd
					for (size_t c = 0; c < channels; c++)
					{
						float		above = a[c] > a[channels + c] ? a[c] : a[channels + c];
						float		below = a[line + c] > a[line + channels + c] ? a[line + c] : a[line + channels + c];

						y[c] = above > below ? above : below;
					}
				}
				else
				{
#pragma omp simd
					for (size_t c = 0; c < channels; c++)
						y[c] = (a[c] + a[channels + c] + a[line + c] + a[line + channels + c]) * 0.25f;
				}
		}
}

ECML_CLONES void
op_pool(const NetNode *node, const NetNode *in, const float *x, float *y, size_t images)
{
	const size_t channels = in->channels;
	const bool	most = node->kind == NET_MAX_POOLING2D;

	if (is_quarter(node, in))
	{
		pool_quarters(node, in, x, y, images);
		return;
	}
	for (size_t image = 0; image < images; image++, x += in->values)
		for (int oy = 0; oy < node->height; oy++)
			for (int ox = 0; ox < node->width; ox++, y += channels)
			{
				Window		w = window_at(node, in, oy, ox);
				bool		first = true;

				for (int iy = w.top; iy < w.bottom; iy++)
					for (int ix = w.left; ix < w.right; ix++)
					{
						const float *from = x + ((size_t) iy * in->width + ix) * channels;

						if (first)
							memcpy(y, from, channels * sizeof(float));
						else if (most)
						{
#pragma omp simd
							for (size_t c = 0; c < channels; c++)
								y[c] = from[c] > y[c] ? from[c] : y[c];
						}
						else
						{
#pragma omp simd
							for (size_t c = 0; c < channels; c++)
								y[c] += from[c];
						}
						first = false;
					}
				if (first)
					memset(y, 0, channels * sizeof(float));
				if (!most)
				{
#pragma omp simd
					for (size_t c = 0; c < channels; c++)
						y[c] *= w.share;
				}
			}
}

/* 64 channels at once: what is left of each gradient; the first of equal maxima gets it */
ECML_CLONES static void
pool_most_backward(const NetNode *in, const Window *w, const float *x, const float *y, const float *dy, float *dx,
				   size_t channels)
{
	float		left[64];

	for (size_t at = 0; at < channels; at += 64)
	{
		size_t		n = channels - at < 64 ? channels - at : 64;

		memcpy(left, dy + at, n * sizeof(float));
		for (int iy = w->top; iy < w->bottom; iy++)
			for (int ix = w->left; ix < w->right; ix++)
			{
				size_t		place = ((size_t) iy * in->width + ix) * channels + at;
				const float *from = x + place;
				float	   *to = dx + place;
				const float *best = y + at;

#pragma omp simd
				for (size_t c = 0; c < n; c++)
				{
					float		gets = from[c] == best[c] ? left[c] : 0;

					to[c] += gets;
					left[c] -= gets;
				}
			}
	}
}

ECML_CLONES void
op_pool_backward(const NetNode *node, const NetNode *in, const float *x, const float *y, const float *dy, float *dx,
				 size_t images, bool add)
{
	const size_t channels = in->channels;

	if (!add)
		memset(dx, 0, images * in->values * sizeof(float));
	for (size_t image = 0; image < images; image++, x += in->values, dx += in->values)
		for (int oy = 0; oy < node->height; oy++)
			for (int ox = 0; ox < node->width; ox++, y += channels, dy += channels)
			{
				Window		w = window_at(node, in, oy, ox);

				if (node->kind == NET_MAX_POOLING2D)
				{
					pool_most_backward(in, &w, x, y, dy, dx, channels);
					continue;
				}
				for (int iy = w.top; iy < w.bottom; iy++)
					for (int ix = w.left; ix < w.right; ix++)
					{
						float	   *to = dx + ((size_t) iy * in->width + ix) * channels;

#pragma omp simd
						for (size_t c = 0; c < channels; c++)
							to[c] += dy[c] * w.share;
					}
			}
}

ECML_CLONES void
op_global_pool(const NetNode *node, const NetNode *in, const float *x, float *y, size_t images)
{
	const size_t channels = in->channels;
	const size_t places = (size_t) in->height * in->width;
	const bool	most = node->kind == NET_GLOBAL_MAX_POOLING2D;

	for (size_t image = 0; image < images; image++, y += channels)
	{
		memcpy(y, x, channels * sizeof(float));
		x += channels;
		for (size_t p = 1; p < places; p++, x += channels)
		{
			if (most)
			{
#pragma omp simd
				for (size_t c = 0; c < channels; c++)
					y[c] = x[c] > y[c] ? x[c] : y[c];
			}
			else
			{
#pragma omp simd
				for (size_t c = 0; c < channels; c++)
					y[c] += x[c];
			}
		}
		for (size_t c = 0; !most && c < channels; c++)
			y[c] /= places;
	}
}

ECML_CLONES void
op_global_pool_backward(const NetNode *node, const NetNode *in, const float *x, const float *y, const float *dy, float *dx,
						size_t images, bool add)
{
	const size_t channels = in->channels;
	const size_t places = (size_t) in->height * in->width;

	if (!add)
		memset(dx, 0, images * in->values * sizeof(float));
	for (size_t image = 0; image < images; image++, y += channels, dy += channels, x += in->values, dx += in->values)
	{
		if (node->kind == NET_GLOBAL_MAX_POOLING2D)
		{
			Window		w = {0, in->height, 0, in->width, 0};

			pool_most_backward(in, &w, x, y, dy, dx, channels);
		}
		else
			for (size_t p = 0; p < places; p++)
			{
				float	   *to = dx + p * channels;

#pragma omp simd
				for (size_t c = 0; c < channels; c++)
					to[c] += dy[c] / places;
			}
	}
}

/* ---- sums and products of layers */

typedef struct Walk
{
	size_t		image;			/* distances of an operand; 0: the same number everywhere */
	size_t		place;
	size_t		channel;
} Walk;

static inline Walk
walk_of(const NetNode *node, const NetNode *in)
{
	Walk		w = {in->values, in->channels, 1};

	if (in->height == 1 && in->width == 1 && node->height * node->width > 1)
		w.place = 0;
	if (in->channels == 1 && node->channels > 1)
		w.channel = 0;
	return w;
}

ECML_CLONES void
op_combine(const NetNode *node, const NetNode *const *shapes, const float *const *in, float *y, size_t images)
{
	const size_t channels = node->channels;
	const size_t places = (size_t) node->height * node->width;

	for (int k = 0; k < node->ninputs; k++)
	{
		Walk		w = walk_of(node, shapes[k]);
		float	   *to = y;

		for (size_t image = 0; image < images; image++)
			for (size_t p = 0; p < places; p++, to += channels)
			{
				const float *from = in[k] + image * w.image + p * w.place;

				if (w.channel == 0)
				{
					float		v = from[0];

					if (k == 0)
						for (size_t c = 0; c < channels; c++)
							to[c] = v;
					else if (node->kind == NET_ADD)
						for (size_t c = 0; c < channels; c++)
							to[c] += v;
					else
						for (size_t c = 0; c < channels; c++)
							to[c] *= v;
				}
				else if (k == 0)
					memcpy(to, from, channels * sizeof(float));
				else if (node->kind == NET_ADD)
				{
#pragma omp simd
					for (size_t c = 0; c < channels; c++)
						to[c] += from[c];
				}
				else
				{
#pragma omp simd
					for (size_t c = 0; c < channels; c++)
						to[c] *= from[c];
				}
			}
	}
}

ECML_CLONES void
op_add(const float *x, float *y, size_t n)
{
#pragma omp simd
	for (size_t i = 0; i < n; i++)
		y[i] += x[i];
}

ECML_CLONES void
op_combine_backward(const NetNode *node, const NetNode *const *shapes, const float *const *in, int which, const float *dy,
					float *dx, size_t images, bool add)
{
	const size_t channels = node->channels;
	const size_t places = (size_t) node->height * node->width;
	const Walk	own = walk_of(node, shapes[which]);

	if (node->kind == NET_ADD && own.place > 0 && own.channel > 0)
	{
		if (add)
			op_add(dy, dx, images * node->values);
		else
			memcpy(dx, dy, images * node->values * sizeof(float));
		return;
	}
	if (!add)
		memset(dx, 0, images * shapes[which]->values * sizeof(float));
	for (size_t image = 0; image < images; image++)
		for (size_t p = 0; p < places; p++, dy += channels)
		{
			float	   *to = dx + image * own.image + p * own.place;

			for (size_t at = 0; at < channels; at += 64)
			{
				size_t		n = channels - at < 64 ? channels - at : 64;
				float		slope[64];

				memcpy(slope, dy + at, n * sizeof(float));
				for (int k = 0; node->kind == NET_MULTIPLY && k < node->ninputs; k++)
				{
					Walk		w;
					const float *from;

					if (k == which)
						continue;
					w = walk_of(node, shapes[k]);
					from = in[k] + image * w.image + p * w.place + at * w.channel;
					for (size_t c = 0; c < n; c++)
						slope[c] *= from[c * w.channel];
				}
				for (size_t c = 0; c < n; c++)
					to[(at + c) * own.channel] += slope[c];
			}
		}
}

void
op_concatenate(const NetNode *node, const NetNode *const *shapes, const float *const *in, float *y, size_t images)
{
	const size_t places = images * node->height * node->width;
	size_t		at = 0;

	for (int k = 0; k < node->ninputs; k++)
	{
		size_t		n = shapes[k]->channels;

		for (size_t p = 0; p < places; p++)
			memcpy(y + p * node->channels + at, in[k] + p * n, n * sizeof(float));
		at += n;
	}
}

void
op_concatenate_backward(const NetNode *node, const NetNode *const *shapes, int which, const float *dy, float *dx, size_t images,
						bool add)
{
	const size_t places = images * node->height * node->width;
	const size_t n = shapes[which]->channels;
	size_t		at = 0;

	for (int k = 0; k < which; k++)
		at += shapes[k]->channels;
	for (size_t p = 0; p < places; p++)
		if (add)
			op_add(dy + p * node->channels + at, dx + p * n, n);
		else
			memcpy(dx + p * n, dy + p * node->channels + at, n * sizeof(float));
}

/* ---- batch normalisation */

ECML_CLONES void
op_scale(const float *x, const float *scale, const float *shift, float *y, size_t rows, size_t channels)
{
	for (size_t p = 0; p < rows; p++, x += channels, y += channels)
	{
#pragma omp simd
		for (size_t c = 0; c < channels; c++)
			y[c] = x[c] * scale[c] + shift[c];
	}
}

#define SUMMED 32				/* rows in float, before they go to the doubles */
#define WIDE 64					/* channels at once */

ECML_CLONES void
op_moments(const float *x, const float *centre, size_t rows, size_t channels, double *sum, double *square)
{
	for (size_t at = 0; at < channels; at += WIDE)
	{
		size_t		n = channels - at < WIDE ? channels - at : WIDE;

		for (size_t from = 0; from < rows; from += SUMMED)
		{
			size_t		to = rows - from < SUMMED ? rows : from + SUMMED;
			float		s[WIDE] = {0};
			float		q[WIDE] = {0};

			for (size_t p = from; p < to; p++)
			{
				const float *row = x + p * channels + at;

#pragma omp simd
				for (size_t c = 0; c < n; c++)
				{
					float		d = row[c] - centre[at + c];

					s[c] += row[c];
					q[c] += d * d;
				}
			}
			for (size_t c = 0; c < n; c++)
			{
				sum[at + c] += s[c];
				square[at + c] += q[c];
			}
		}
	}
}

ECML_CLONES void
op_slopes(const float *x, const float *dy, const float *centre, size_t rows, size_t channels, double *sum, double *product)
{
	for (size_t at = 0; at < channels; at += WIDE)
	{
		size_t		n = channels - at < WIDE ? channels - at : WIDE;

		for (size_t from = 0; from < rows; from += SUMMED)
		{
			size_t		to = rows - from < SUMMED ? rows : from + SUMMED;
			float		s[WIDE] = {0};
			float		q[WIDE] = {0};

			for (size_t p = from; p < to; p++)
			{
				const float *row = x + p * channels + at;
				const float *slope = dy + p * channels + at;

#pragma omp simd
				for (size_t c = 0; c < n; c++)
				{
					s[c] += slope[c];
					q[c] += slope[c] * (row[c] - centre[at + c]);
				}
			}
			for (size_t c = 0; c < n; c++)
			{
				sum[at + c] += s[c];
				product[at + c] += q[c];
			}
		}
	}
}

ECML_CLONES void
op_spread(const float *x, const float *dy, const float *p, const float *q, const float *r, float *dx, size_t rows,
		  size_t channels, bool add)
{
	for (size_t i = 0; i < rows; i++, x += channels, dy += channels, dx += channels)
	{
		if (add)
		{
#pragma omp simd
			for (size_t c = 0; c < channels; c++)
				dx[c] += dy[c] * p[c] + x[c] * q[c] + r[c];
		}
		else
		{
#pragma omp simd
			for (size_t c = 0; c < channels; c++)
				dx[c] = dy[c] * p[c] + x[c] * q[c] + r[c];
		}
	}
}

/* ---- dropout */

void
op_drop(const float *x, float rate, EcmlRng *rng, float *y, size_t n, bool add)
{
	const uint32_t limit = (uint32_t) lrintf(rate * 65536);
	const float scale = 1 / (1 - rate);

	for (size_t i = 0; i < n; i += 4)
	{
		uint64_t	bits = ecml_rng_next(rng);

		for (size_t k = i; k < n && k < i + 4; k++, bits >>= 16)
		{
			float		v = (bits & 0xFFFF) < limit ? 0 : x[k] * scale;

			y[k] = add ? y[k] + v : v;
		}
	}
}
