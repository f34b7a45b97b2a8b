/*
 * winograd.c - convolutions of 3 x 3 by minimal filtering, F(2 x 2, 3 x 3): Winograd (1980), Lavin and Gray (2016)
 *
 * The output is cut in squares of 2 x 2 numbers, each of which depends on 4 x 4 of the input.  With d those and w the kernel,
 *
 *     y = A' [(G w G') . (B' d B)] A
 *
 *     B' = 1  0 -1  0     G =  1    0    0      A' = 1  1  1  0
 *          0  1  1  0         1/2  1/2  1/2          0  1 -1 -1
 *          0 -1  1  0         1/2 -1/2  1/2
 *          0  1  0 -1          0    0    1
 *
 * where . multiplies place by place: 16 products for what takes 36.  Over channels and filters each of the 16 places is a product of
 * matrices [squares][channels] [channels][filters]; G w G' is made when weights are packed.  The squares lie in the same places
 * however rows are divided among tasks, so that the bits do not depend on that.
 */
#include "winograd.h"

#include <string.h>

#define PLACES 16
#define LEAST_CHANNELS 16
#define LEAST_FILTERS 32
#define MOST_ACROSS 128			/* squares of a row */
#define WASTE 1.35				/* output places of whole squares, to those there are */
#define NUMBERS 8192			/* squares at once, times channels and filters */

static inline size_t
across_of(const ConvShape *s)
{
	return ((size_t) s->ow + 1) / 2;
}

static inline size_t
down_of(const ConvShape *s)
{
	return ((size_t) s->oh + 1) / 2;
}

/* rows of squares at once */
static inline size_t
rows_of(const ConvShape *s)
{
	size_t		rows = NUMBERS / ((size_t) s->c + s->filters) / across_of(s);

	return rows < 1 ? 1 : rows;
}

bool
winograd_pays(const ConvShape *s)
{
	return s->kh == 3 && s->kw == 3 && s->sh == 1 && s->sw == 1 && s->dh == 1 && s->dw == 1 && s->groups == 1 &&
		s->c >= LEAST_CHANNELS && s->filters >= LEAST_FILTERS && across_of(s) <= MOST_ACROSS &&
		4.0 * across_of(s) * down_of(s) <= WASTE * s->oh * s->ow;
}

size_t
winograd_packed(const ConvShape *s, const GemmKernel *g)
{
	return PLACES * gemm_packed_size(g, s->c, s->filters);
}

/* squares [16][squares][channels], products [16][squares][filters], and numbers that are read or written in vain */
size_t
winograd_scratch(const ConvShape *s, const GemmKernel *g)
{
	return PLACES * rows_of(s) * across_of(s) * ((size_t) s->c + s->filters) + s->c + 2 * (size_t) s->filters + 2 * GEMM_SLACK;
}

void
winograd_pack(const ConvShape *s, const GemmKernel *g, const float *weights, size_t place, size_t channel, size_t filter, bool turned,
			  float *packed)
{
	const size_t nr = g->nr;
	const size_t size = gemm_packed_size(g, s->c, s->filters);

	for (size_t j = 0; j < (size_t) s->filters; j += nr)
		for (size_t k = 0; k < (size_t) s->c; k++)
			for (size_t q = 0; q < nr; q++)
			{
				float	   *to = packed + j * s->c + k * nr + q;
				const float *from = weights + k * channel + (j + q) * filter;
				float		half[4][3];

				if (j + q >= (size_t) s->filters)
				{
					for (int i = 0; i < PLACES; i++)
						to[i * size] = 0;
					continue;
				}
				for (int x = 0; x < 3; x++)
				{
					float		w[3];

					for (int y = 0; y < 3; y++)
						w[y] = from[(turned ? 8 - (3 * y + x) : 3 * y + x) * place];
					half[0][x] = w[0];
					half[1][x] = 0.5f * (w[0] + w[1] + w[2]);
					half[2][x] = 0.5f * (w[0] - w[1] + w[2]);
					half[3][x] = w[2];
				}
				for (int i = 0; i < 4; i++)
				{
					to[(4 * i) * size] = half[i][0];
					to[(4 * i + 1) * size] = 0.5f * (half[i][0] + half[i][1] + half[i][2]);
					to[(4 * i + 2) * size] = 0.5f * (half[i][0] - half[i][1] + half[i][2]);
					to[(4 * i + 3) * size] = half[i][2];
				}
			}
}

/* B' d B of a row of squares; v [16] planes, of which each is distance floats behind the one before. */
ECML_CLONES static void
squares(const ConvShape *s, const float *picture, int row, const float *zeros, float *v, size_t distance)
{
	const size_t c = s->c;
	const size_t n = across_of(s);

	for (size_t t = 0; t < n; t++, v += c)
	{
		const float *d[PLACES];

		for (int i = 0; i < PLACES; i++)
		{
			int			y = 2 * row - s->top + i / 4;
			int			x = 2 * (int) t - s->left + i % 4;

			d[i] = y >= 0 && y < s->h && x >= 0 && x < s->w ? picture + ((size_t) y * s->w + x) * c : zeros;
		}
#pragma omp simd
		for (size_t k = 0; k < c; k++)
		{
			float		a[PLACES];

			for (int q = 0; q < 4; q++)
			{
				a[q] = d[q][k] - d[8 + q][k];
				a[4 + q] = d[4 + q][k] + d[8 + q][k];
				a[8 + q] = d[8 + q][k] - d[4 + q][k];
				a[12 + q] = d[4 + q][k] - d[12 + q][k];
			}
			for (int r = 0; r < PLACES; r += 4)
			{
				v[r * distance + k] = a[r] - a[r + 2];
				v[(r + 1) * distance + k] = a[r + 1] + a[r + 2];
				v[(r + 2) * distance + k] = a[r + 2] - a[r + 1];
				v[(r + 3) * distance + k] = a[r + 1] - a[r + 3];
			}
		}
	}
}

/*
 * A' m A of a row of squares to two rows of y, of which the one or the other may not be wanted (NULL); added to what is there, or to
 * bias.
 */
static inline __attribute__((always_inline)) void
results_of(const bool add, const ConvShape *s, const float *m, size_t distance, const float *bias, float *above, float *below, float *vain)
{
	const size_t f = s->filters;
	const size_t n = across_of(s);

	for (size_t t = 0; t < n; t++, m += f)
	{
		const bool	right = 2 * t + 1 < (size_t) s->ow;
		float	   *y0 = above ? above + 2 * t * f : vain;
		float	   *y1 = above && right ? above + (2 * t + 1) * f : vain;
		float	   *y2 = below ? below + 2 * t * f : vain;
		float	   *y3 = below && right ? below + (2 * t + 1) * f : vain;

#pragma omp simd
		for (size_t k = 0; k < f; k++)
		{
			float		a[4];
			float		b[4];

			for (int q = 0; q < 4; q++)
			{
				float		one = m[(4 + q) * distance + k];
				float		two = m[(8 + q) * distance + k];

				a[q] = m[q * distance + k] + one + two;
				b[q] = one - two - m[(12 + q) * distance + k];
			}
			y0[k] = (add ? y0[k] : bias[k]) + (a[0] + a[1] + a[2]);
			y1[k] = (add ? y1[k] : bias[k]) + (a[1] - a[2] - a[3]);
			y2[k] = (add ? y2[k] : bias[k]) + (b[0] + b[1] + b[2]);
			y3[k] = (add ? y3[k] : bias[k]) + (b[1] - b[2] - b[3]);
		}
	}
}

ECML_CLONES static void
results(const ConvShape *s, const float *m, size_t distance, const float *bias, float *above, float *below, float *vain)
{
	results_of(false, s, m, distance, bias, above, below, vain);
}

ECML_CLONES static void
results_added(const ConvShape *s, const float *m, size_t distance, float *above, float *below, float *vain)
{
	results_of(true, s, m, distance, NULL, above, below, vain);
}

void
winograd_forward(const ConvShape *s, const GemmKernel *g, const float *x, const float *packed, const float *bias, float *y, size_t from,
				 size_t to, bool add, float *scratch, ConvAfter after, void *arg)
{
	const size_t across = across_of(s);
	const size_t down = down_of(s);
	const size_t most = rows_of(s);
	const size_t size = gemm_packed_size(g, s->c, s->filters);
	const size_t line = (size_t) s->ow * s->filters;
	const size_t last = to == from ? 0 : (to - 1) / s->oh * down + (to - 1) % s->oh / 2 + 1;
	float	   *v = scratch;
	float	   *m = v + PLACES * most * across * s->c + GEMM_SLACK;
	float	   *zeros = m + PLACES * most * across * s->filters;
	float	   *vain = zeros + (s->c > s->filters ? s->c : s->filters);

	memset(zeros, 0, (vain - zeros + (size_t) s->filters) * sizeof(float));
	/* rows of squares, of all images */
	for (size_t at = from / s->oh * down + from % s->oh / 2; at < last; at += most)
	{
		const size_t rows = last - at < most ? last - at : most;

		for (size_t i = 0; i < rows; i++)
			squares(s, x + (at + i) / down * s->h * s->w * s->c, (int) ((at + i) % down), zeros, v + i * across * s->c,
					most * across * s->c);
		for (size_t place = 0; place < PLACES; place++)
			gemm_packed(g, rows * across, s->filters, s->c, v + place * most * across * s->c, s->c, packed + place * size,
						m + place * most * across * s->filters, s->filters, NULL, false);
		for (size_t i = 0; i < rows; i++)
		{
			const size_t image = (at + i) / down * s->oh;
			const size_t row = image + (at + i) % down * 2;
			const bool	above = row >= from && row < to;
			const bool	below = row + 1 < image + s->oh && row + 1 >= from && row + 1 < to;

			float	   *rows_of_y[2] = {above ? y + row * line : NULL, below ? y + (row + 1) * line : NULL};
			const float *products = m + i * across * s->filters;

			if (add)
				results_added(s, products, most * across * s->filters, rows_of_y[0], rows_of_y[1], vain);
			else
				results(s, products, most * across * s->filters, bias ? bias : zeros, rows_of_y[0], rows_of_y[1], vain);
			if (after)
				after(arg, y + (above ? row : row + 1) * line, (above + below) * (size_t) s->ow);
		}
	}
}
