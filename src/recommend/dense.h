/*
 * dense.h - vectors of 16 floats: what the inner loops of recommenders are written in
 *
 * A generic vector becomes one register of AVX-512, two of AVX2, four of SSE, by the clone that it stands in.  Rows are aligned
 * and padded with zeros to REC_LANES, so that no loop has a rest.
 */
#ifndef RECOMMEND_DENSE_H
#define RECOMMEND_DENSE_H

#include <math.h>
#include <string.h>

#include "recommend.h"

typedef float Lanes __attribute__((vector_size(REC_LANES * sizeof(float)), may_alias));
typedef int LaneNumbers __attribute__((vector_size(REC_LANES * sizeof(int))));

#define LANES(p) (*(const Lanes *) (p))
#define LANES_OUT(p) (*(Lanes *) (p))

/* Sum of the lanes in each of them.  A macro: a vector as an argument would depend on the instruction set. */
#define LANES_SUM(v) \
	do { \
		(v) += __builtin_shuffle((v), (LaneNumbers) {8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7}); \
		(v) += __builtin_shuffle((v), (LaneNumbers) {4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11}); \
		(v) += __builtin_shuffle((v), (LaneNumbers) {2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13}); \
		(v) += __builtin_shuffle((v), (LaneNumbers) {1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14}); \
	} while (0)

static inline __attribute__((always_inline)) float
dense_dot(const float *a, const float *b, int stride)
{
	Lanes		sum = LANES(a) * LANES(b);

	for (int j = REC_LANES; j < stride; j += REC_LANES)
		sum += LANES(a + j) * LANES(b + j);
	LANES_SUM(sum);
	return sum[0];
}

static inline __attribute__((always_inline)) void
dense_add(float *a, const float *b, float factor, int stride)
{
	for (int j = 0; j < stride; j += REC_LANES)
		LANES_OUT(a + j) += LANES(b + j) * factor;
}

/* out = g p of a symmetric g [n][stride] */
static inline __attribute__((always_inline)) void
dense_multiply(const float *g, const float *p, float *out, int n, int stride)
{
	int			j = 0;

	for (; j + 4 * REC_LANES <= stride; j += 4 * REC_LANES)
	{
		Lanes		a = {0};
		Lanes		b = {0};
		Lanes		c = {0};
		Lanes		d = {0};

		for (int k = 0; k < n; k++)
		{
			const float *row = g + (size_t) k * stride + j;

			a += LANES(row) * p[k];
			b += LANES(row + REC_LANES) * p[k];
			c += LANES(row + 2 * REC_LANES) * p[k];
			d += LANES(row + 3 * REC_LANES) * p[k];
		}
		LANES_OUT(out + j) = a;
		LANES_OUT(out + j + REC_LANES) = b;
		LANES_OUT(out + j + 2 * REC_LANES) = c;
		LANES_OUT(out + j + 3 * REC_LANES) = d;
	}
	for (; j < stride; j += REC_LANES)
	{
		Lanes		a = {0};
		Lanes		b = {0};
		int			k = 0;

		for (; k + 1 < n; k += 2)
		{
			a += LANES(g + (size_t) k * stride + j) * p[k];
			b += LANES(g + (size_t) (k + 1) * stride + j) * p[k + 1];
		}
		if (k < n)
			a += LANES(g + (size_t) k * stride + j) * p[k];
		LANES_OUT(out + j) = a + b;
	}
}

/* a += sum of weight y y' over rows y [count][stride] that stand one after the other: the upper triangle */
static inline __attribute__((always_inline)) void
dense_outer(float *a, int n, int stride, const float *rows, const float *weights, int count)
{
	for (int i = 0; i < n; i += 4)
		for (int j = i / REC_LANES * REC_LANES; j < stride; j += REC_LANES)
		{
			Lanes		s0 = {0};
			Lanes		s1 = {0};
			Lanes		s2 = {0};
			Lanes		s3 = {0};
			float	   *to = a + (size_t) i * stride + j;

			/* i + 3 may be n or more: the rows are padded, and a has room for stride rows */
			for (int r = 0; r < count; r++)
			{
				const float *y = rows + (size_t) r * stride;
				Lanes		w = LANES(y + j) * weights[r];

				s0 += w * y[i];
				s1 += w * y[i + 1];
				s2 += w * y[i + 2];
				s3 += w * y[i + 3];
			}
			LANES_OUT(to) += s0;
			LANES_OUT(to + stride) += s1;
			LANES_OUT(to + 2 * stride) += s2;
			LANES_OUT(to + 3 * stride) += s3;
		}
}

/* The upper triangle becomes R, a = R'R.  A pivot that rounding made too small is raised. */
static inline __attribute__((always_inline)) void
dense_cholesky(float *a, int n, int stride)
{
	for (int k = 0; k < n; k++)
	{
		float	   *row = a + (size_t) k * stride;
		float		pivot = row[k];
		float		inverse;
		int			first = k / REC_LANES * REC_LANES;

		pivot = sqrtf(pivot > 1e-12f ? pivot : 1e-12f);
		inverse = 1 / pivot;
		for (int j = first; j < stride; j += REC_LANES)
			LANES_OUT(row + j) *= inverse;
		row[k] = pivot;
		for (int i = k + 1; i < n; i++)
		{
			float	   *other = a + (size_t) i * stride;
			float		factor = row[i];

			for (int j = i / REC_LANES * REC_LANES; j < stride; j += REC_LANES)
				LANES_OUT(other + j) -= LANES(row + j) * factor;
		}
	}
}

static inline __attribute__((always_inline)) void
dense_solve(const float *a, int n, int stride, float *x)
{
	for (int k = 0; k < n; k++)
	{
		const float *row = a + (size_t) k * stride;

		x[k] /= row[k];
		for (int j = k + 1; j < n; j++)
			x[j] -= x[k] * row[j];
	}
	for (int k = n - 1; k >= 0; k--)
	{
		const float *row = a + (size_t) k * stride;
		float		sum = x[k];

		for (int j = k + 1; j < n; j++)
			sum -= row[j] * x[j];
		x[k] = sum / row[k];
	}
}

#endif							/* RECOMMEND_DENSE_H */
