/*
 * gbdt_hist.c - histograms of gradients, and partitions of rows: where the time of boosting goes
 *
 * A (row, column) costs one addition of 64 bits to memory, which is what a core can do once a cycle; gradient and hessian are
 * packed in it (gbdt_internal.h), so sums are exact whatever the order of the rows.  A tile of columns whose sums stay in the
 * first-level cache is done at once.
 */
#include "gbdt_internal.h"

#include <string.h>

/* rows ahead that are fetched into the cache */
#define AHEAD 12

static inline __attribute__((always_inline)) void
add_rows(const uint8_t *restrict x, size_t width, const uint16_t *restrict rows, int nrows, const uint32_t *restrict gh,
		 int hbits, int low, int64_t *restrict packed, const int n, const bool count)
{
	uint32_t	mask = (UINT32_C(1) << hbits) - 1;

	for (int i = 0; i < nrows; i++)
	{
		size_t		r = rows[i];
		const uint8_t *row = x + r * width;
		int64_t		add;

		/* beyond the end of rows lies more of order, or room */
		__builtin_prefetch(x + rows[i + AHEAD < nrows ? i + AHEAD : i] * width);
		if (count)
			add = 1;
		else
			add = ((int64_t) ((int32_t) gh[r] >> hbits) << low) + (gh[r] & mask);
#pragma GCC unroll 16
		for (int j = 0; j < n; j++)
			packed[j * 256 + row[j]] += add;
	}
}

#define ADD(n) \
	case n: \
		if (gh) \
			add_rows(x, width, rows, nrows, gh, quantum->hbits, quantum->low, packed, n, false); \
		else \
			add_rows(x, width, rows, nrows, gh, 0, 0, packed, n, true); \
		break

ECML_CLONES static void
add_tile(const uint8_t *x, size_t width, const uint16_t *rows, int nrows, const uint32_t *gh, const GbdtQuantum *quantum, int n,
		 int64_t *packed)
{
	switch (n)
	{
			ADD(1);
			ADD(2);
			ADD(3);
			ADD(4);
			ADD(5);
			ADD(6);
			ADD(7);
			ADD(8);
			ADD(9);
			ADD(10);
			ADD(11);
			ADD(12);
	}
}

void
gbdt_hist_rows(const TreeBins *bins, size_t b, const uint16_t *rows, int nrows, const uint32_t *gh, const GbdtQuantum *quantum,
			   int from, int n, int64_t *packed)
{
	add_tile(bins->row[b] + from, bins->columns, rows, nrows, gh, quantum, n, packed + (size_t) from * 256);
}

ECML_CLONES void
gbdt_hist_widen(const TreeBins *bins, int from, int n, int low, bool set, int64_t *packed, GbdtSum *sums)
{
	int64_t		mask = (INT64_C(1) << low) - 1;

	for (int j = from; j < from + n; j++)
	{
		int64_t    *restrict in = packed + (size_t) j * 256;
		GbdtSum    *restrict out = sums + bins->first[j];
		int			nbins = bins->column[j].bins;

		if (set)
			for (int k = 0; k < nbins; k++)
			{
				out[k].g = in[k] >> low;
				out[k].h = in[k] & mask;
			}
		else
			for (int k = 0; k < nbins; k++)
			{
				out[k].g += in[k] >> low;
				out[k].h += in[k] & mask;
			}
		memset(in, 0, nbins * sizeof(int64_t));
	}
}

static inline __attribute__((always_inline)) int
partition(const uint8_t *restrict x, size_t width, const uint8_t *restrict goes, uint16_t *rows, int n, uint16_t *restrict spare)
{
	int			left = 0;
	int			right = 0;

	for (int i = 0; i < n; i++)
	{
		uint16_t	r = rows[i];
		int			goes_left = goes[x[r * width]];

		rows[left] = r;
		spare[right] = r;
		left += goes_left;
		right += 1 - goes_left;
	}
	memcpy(rows + left, spare, right * sizeof(uint16_t));
	return left;
}

int
gbdt_partition(const TreeBins *bins, size_t b, int column, const uint8_t *goes, uint16_t *rows, int n, uint16_t *spare)
{
	if (bins->col)
		return partition(bins->col[b] + column * tree_block_stride(bins, b), 1, goes, rows, n, spare);
	return partition(bins->row[b] + column, bins->columns, goes, rows, n, spare);
}
