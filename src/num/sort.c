/*
 * sort.c - radix sort of doubles
 *
 * The bits of a double, read as a whole number, have its order once the sign is turned over, and all bits of negative
 * ones: in that form the keys are sorted, and turned back in the end.
 *
 * Few wide passes beat many narrow ones here: a pass over more than the cache costs its misses of the address cache, and
 * all levels but the first work within it.
 */
#include "sort.h"

#include <string.h>

#define MAX_BITS 11				/* buckets of a level: 2^11 */
#define SMALL 24				/* by insertion */
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

/* Rows of source, sorted, to target, which may be the same; the width of rows is a constant where this is inlined. */
static inline __attribute__((always_inline)) void
insertion_sort(const uint64_t *source, uint64_t *target, size_t n, int width)
{
	for (size_t i = 0; i < n; i++)
	{
		uint64_t	key = source[i * width];
		uint64_t	value = source[i * width + width - 1];
		size_t		at = i;

		for (; at > 0 && target[(at - 1) * width] > key; at--)
			for (int k = 0; k < width; k++)
				target[at * width + k] = target[(at - 1) * width + k];
		target[at * width] = key;
		target[at * width + width - 1] = value;
	}
}

/* Sort the rows in v; the result is in v, or in other when swap says so.  Both are [n][width]. */
static inline __attribute__((always_inline)) void
sort_level(EcmlCtx *ctx, uint64_t *v, uint64_t *other, size_t n, bool swap, int width,
		   void (*below) (EcmlCtx *ctx, uint64_t *v, uint64_t *other, size_t n, bool swap))
{
	size_t		end[(1 << MAX_BITS) + 1];	/* of each bucket; while counting, one place further */
	uint64_t	low;
	uint64_t	high;
	int			bits = 3;
	int			shift = 0;
	size_t		from = 0;

	if (n <= SMALL)
	{
		insertion_sort(v, swap ? other : v, n, width);
		return;
	}
	low = high = v[0];
	for (size_t i = 1; i < n; i++)
	{
		low = v[i * width] < low ? v[i * width] : low;
		high = v[i * width] > high ? v[i * width] : high;
		if (i % POLL_ROWS == 0)
			ecml_poll(ctx, 0, 0);
	}
	if (low == high)
	{
		if (swap)
			memcpy(other, v, n * width * sizeof(uint64_t));
		return;
	}
	while (bits < MAX_BITS && n >> bits > 4)
		bits++;
	while ((high - low) >> shift >> bits != 0)
		shift++;
	memset(end, 0, ((1 << bits) + 1) * sizeof(size_t));
	for (size_t i = 0; i < n; i++)
	{
		end[((v[i * width] - low) >> shift) + 1]++;
		if (i % POLL_ROWS == POLL_ROWS - 1)
			ecml_poll(ctx, 0, 0);
	}
	for (int b = 0; b < 1 << bits; b++)
		end[b + 1] += end[b];
	for (size_t start = 0; start < n; start += POLL_ROWS)
	{
		size_t		stop = n - start < POLL_ROWS ? n : start + POLL_ROWS;

		for (size_t i = start; i < stop; i++)
		{
			size_t		place = end[(v[i * width] - low) >> shift]++;

			for (int k = 0; k < width; k++)
				other[place * width + k] = v[i * width + k];
		}
		if (n > POLL_ROWS)
			ecml_poll(ctx, 0, 0);
	}
	for (int b = 0; b < 1 << bits; b++)
	{
		size_t		rows = end[b] - from;

		if (n > POLL_ROWS && rows > 0)
			ecml_poll(ctx, 0, 0);
		/* a single row that need not move lies where it should */
		if (rows > 1 || (rows == 1 && !swap))
			below(ctx, other + from * width, v + from * width, rows, !swap);
		from = end[b];
	}
}

static void
sort_keys(EcmlCtx *ctx, uint64_t *v, uint64_t *other, size_t n, bool swap)
{
	sort_level(ctx, v, other, n, swap, 1, sort_keys);
}

static void
sort_pairs(EcmlCtx *ctx, uint64_t *v, uint64_t *other, size_t n, bool swap)
{
	sort_level(ctx, v, other, n, swap, 2, sort_pairs);
}

static void
sort(EcmlCtx *ctx, double *v, size_t n, int width)
{
	uint64_t   *keys = (uint64_t *) v;
	uint64_t   *other;
	bool		sorted = true;

	for (size_t i = 1; i < n && sorted; i++)
		sorted = v[(i - 1) * width] <= v[i * width];
	if (sorted)
		return;
	other = ecml_alloc_array(ctx, n, width * sizeof(uint64_t));
	for (size_t i = 0; i < n; i++)
	{
		keys[i * width] = order_bits(keys[i * width]);
		if (i % POLL_ROWS == 0)
			ecml_poll(ctx, 0, 0);
	}
	if (width == 1)
		sort_keys(ctx, keys, other, n, false);
	else
		sort_pairs(ctx, keys, other, n, false);
	for (size_t i = 0; i < n; i++)
	{
		keys[i * width] = value_bits(keys[i * width]);
		if (i % POLL_ROWS == 0)
			ecml_poll(ctx, 0, 0);
	}
	ecml_free(ctx, other);
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
