/*
 * sort.c - radix sort of doubles
 *
 * The bits of a double, read as a whole number, have its order once the sign is turned over, and all bits of negative
 * ones: in that form the keys are sorted, in place, and turned back in the end.
 */
#include "sort.h"

#include <string.h>

#define BITS 11
#define DIGITS 6				/* ceil(64 / BITS) */
#define BUCKETS (1 << BITS)
#define SMALL 64
#define POLL_ROWS 65536

static inline uint64_t
order_bits(uint64_t bits)
{
	return bits ^ (-(bits >> 63) | (UINT64_C(1) << 63));
}

static inline uint64_t
value_bits(uint64_t key)
{
	return key ^ (((key >> 63) - 1) | (UINT64_C(1) << 63));
}

static void
insertion_sort(double *v, size_t n, int width)
{
	for (size_t i = 1; i < n; i++)
	{
		double		key = v[i * width];
		double		value = v[i * width + width - 1];
		size_t		at = i;

		for (; at > 0 && v[(at - 1) * width] > key; at--)
			memcpy(v + at * width, v + (at - 1) * width, width * sizeof(double));
		v[at * width] = key;
		v[at * width + width - 1] = value;
	}
}

/* One pass: rows from .. to - 1 go to the places that next tells for their digit. */
static inline __attribute__((always_inline)) void
scatter(const uint64_t *source, uint64_t *target, size_t from, size_t to, int width, int shift, size_t *next)
{
	for (size_t i = from; i < to; i++)
	{
		size_t		place = next[(source[i * width] >> shift) & (BUCKETS - 1)]++;

		target[place * width] = source[i * width];
		if (width == 2)
			target[place * 2 + 1] = source[i * 2 + 1];
	}
}

static void
radix_sort(EcmlCtx *ctx, double *v, size_t n, int width)
{
	uint64_t   *source = (uint64_t *) v;
	uint64_t   *target = ecml_alloc_array(ctx, n, width * sizeof(uint64_t));
	uint64_t   *scratch = target;
	size_t	   *count = ECML_NEW0(ctx, size_t, DIGITS * BUCKETS);

	for (size_t i = 0; i < n; i++)
	{
		uint64_t	key = source[i * width] = order_bits(source[i * width]);

		for (int d = 0; d < DIGITS; d++)
			count[d * BUCKETS + ((key >> d * BITS) & (BUCKETS - 1))]++;
		if (i % POLL_ROWS == 0)
			ecml_poll(ctx, 0, 0);
	}
	for (int d = 0; d < DIGITS; d++)
	{
		size_t	   *next = count + d * BUCKETS;
		size_t		sum = 0;

		if (next[(source[0] >> d * BITS) & (BUCKETS - 1)] == n)
			continue;
		for (int b = 0; b < BUCKETS; b++)
		{
			size_t		here = next[b];

			next[b] = sum;
			sum += here;
		}
		for (size_t from = 0; from < n; from += POLL_ROWS)
		{
			size_t		to = n - from < POLL_ROWS ? n : from + POLL_ROWS;

			if (width == 1)
				scatter(source, target, from, to, 1, d * BITS, next);
			else
				scatter(source, target, from, to, 2, d * BITS, next);
			ecml_poll(ctx, 0, 0);
		}
		{
			uint64_t   *swap = source;

			source = target;
			target = swap;
		}
	}
	for (size_t i = 0; i < n; i++)
	{
		((uint64_t *) v)[i * width] = value_bits(source[i * width]);
		if (width == 2)
			((uint64_t *) v)[i * 2 + 1] = source[i * 2 + 1];
		if (i % POLL_ROWS == 0)
			ecml_poll(ctx, 0, 0);
	}
	ecml_free(ctx, count);
	ecml_free(ctx, scratch);
}

static void
sort(EcmlCtx *ctx, double *v, size_t n, int width)
{
	bool		sorted = true;

	if (n < SMALL)
	{
		insertion_sort(v, n, width);
		return;
	}
	for (size_t i = 1; i < n && sorted; i++)
		sorted = v[(i - 1) * width] <= v[i * width];
	if (!sorted)
		radix_sort(ctx, v, n, width);
}

void
ecml_sort_f8(EcmlCtx *ctx, double *v, size_t n)
{
	sort(ctx, v, n, 1);
}

void
ecml_sort_f8_pairs(EcmlCtx *ctx, double *v, size_t n)
{
	sort(ctx, v, n, 2);
}
