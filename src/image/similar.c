/*
 * similar.c - the n vectors with the largest sum of products with one
 *
 * All sums are made, four vectors at a time, and pass by a heap of the best n: exact, bound by reading the vectors (rows * dims * 4
 * bytes), n log n for what is kept.
 */
#include "similar.h"

#include <math.h>
#include <string.h>

#define FOUR 4
#define TILE 64					/* vectors whose sums are made before they pass by the heap */

void
similar_begin(EcmlCtx *ctx, Similar *similar, size_t n, size_t vectors)
{
	similar->n = n < vectors ? n : vectors;
	similar->found = 0;
	similar->hits = ECML_NEW(ctx, SimilarHit, similar->n + 1);
}

/* An element's sum has the same order whether it is made alone or beside others: the loops have the same vectors. */
ECML_CLONES static void
products(const float *query, const float *vectors, size_t rows, size_t dims, float *sums)
{
	size_t		i = 0;

	for (; i + FOUR <= rows; i += FOUR)
	{
		const float *v = vectors + i * dims;
		float		a = 0;
		float		b = 0;
		float		c = 0;
		float		d = 0;

#pragma omp simd reduction(+:a, b, c, d)
		for (size_t k = 0; k < dims; k++)
		{
			a += query[k] * v[k];
			b += query[k] * v[dims + k];
			c += query[k] * v[2 * dims + k];
			d += query[k] * v[3 * dims + k];
		}
		sums[i] = a;
		sums[i + 1] = b;
		sums[i + 2] = c;
		sums[i + 3] = d;
	}
	for (; i < rows; i++)
	{
		const float *v = vectors + i * dims;
		float		a = 0;

#pragma omp simd reduction(+:a)
		for (size_t k = 0; k < dims; k++)
			a += query[k] * v[k];
		sums[i] = a;
	}
}

static inline bool
worse(const SimilarHit *a, const SimilarHit *b)
{
	return a->similarity < b->similarity || (a->similarity == b->similarity && a->number > b->number);
}

static void
sink(SimilarHit *heap, size_t n, SimilarHit hit)
{
	size_t		at = 0;

	for (;;)
	{
		size_t		child = 2 * at + 1;

		if (child >= n)
			break;
		if (child + 1 < n && worse(&heap[child + 1], &heap[child]))
			child++;
		if (!worse(&heap[child], &hit))
			break;
		heap[at] = heap[child];
		at = child;
	}
	heap[at] = hit;
}

static void
offer(Similar *similar, SimilarHit hit)
{
	SimilarHit *heap = similar->hits;

	if (similar->found < similar->n)
	{
		size_t		at = similar->found++;

		while (at > 0 && worse(&hit, &heap[(at - 1) / 2]))
		{
			heap[at] = heap[(at - 1) / 2];
			at = (at - 1) / 2;
		}
		heap[at] = hit;
	}
	else if (similar->n > 0 && worse(&heap[0], &hit))
		sink(heap, similar->n, hit);
}

void
similar_block(Similar *similar, const float *query, const float *vectors, size_t rows, size_t dims, uint64_t first)
{
	float		sums[TILE];

	for (size_t at = 0; at < rows; at += TILE)
	{
		size_t		n = rows - at < TILE ? rows - at : TILE;

		products(query, vectors + at * dims, n, dims, sums);
		for (size_t i = 0; i < n; i++)
			if (isfinite(sums[i]))
				offer(similar, (SimilarHit) {first + at + i, fmaxf(-1, fminf(1, sums[i]))});
	}
}

void
similar_finish(Similar *similar)
{
	for (size_t at = similar->found; at-- > 1;)
	{
		SimilarHit	last = similar->hits[at];

		similar->hits[at] = similar->hits[0];
		sink(similar->hits, at, last);
	}
}
