/*
 * gbdt_hist.c - histograms of gradients, and partitions of rows: where the time of boosting goes
 *
 * A (row, column) costs one addition of 64 bits to memory, which is what a core can do once a cycle; gradient and hessian are
 * packed in it (gbdt_internal.h), so sums are exact whatever the order of the rows.  It takes 0.5 to 0.6 ns.  A tile of columns is
 * done at once, whose sums stay close to the core.
 */
#include "gbdt_internal.h"

#include <string.h>

/* rows ahead that are fetched into the cache */
#define AHEAD 12

/*
 * The address of a sum in a register of its own: an addition to memory at base + index takes a micro-operation more, and a port
 * that loads need; a third of the time.
 */
#define IN_REGISTER(p) __asm__("" : "+r"(p))

/* Add a row to the sums of n columns. */
static inline __attribute__((always_inline)) void
add_row(const uint8_t *restrict row, int64_t add, int64_t *restrict packed, const int n)
{
#pragma GCC unroll 24
	for (int j = 0; j < n; j++)
	{
		int64_t    *sum = packed + row[j];

		IN_REGISTER(sum);
		sum[j * 256] += add;
	}
}

static inline __attribute__((always_inline)) int64_t
unpack(uint32_t gh, int hbits, int low, uint32_t mask)
{
	return (int64_t) ((uint64_t) (int64_t) ((int32_t) gh >> hbits) << low) + (gh & mask);
}

static inline __attribute__((always_inline)) void
add_rows(const uint8_t *restrict x, size_t width, const uint16_t *restrict rows, int nrows, const uint32_t *restrict gh,
		 int hbits, int low, int64_t *restrict packed, const int n)
{
	uint32_t	mask = (UINT32_C(1) << hbits) - 1;
	int			i = 0;

	_Static_assert(AHEAD + 2 <= GBDT_AHEAD, "as much may be read");
	/* what lies ahead may be rows of another leaf, or the room behind the order: no harm */
	for (; i + 2 <= nrows; i += 2)
	{
		__builtin_prefetch(x + rows[i + AHEAD] * width);
		__builtin_prefetch(x + rows[i + AHEAD + 1] * width);
		add_row(x + rows[i] * width, unpack(gh[rows[i]], hbits, low, mask), packed, n);
		add_row(x + rows[i + 1] * width, unpack(gh[rows[i + 1]], hbits, low, mask), packed, n);
	}
	if (i < nrows)
		add_row(x + rows[i] * width, unpack(gh[rows[i]], hbits, low, mask), packed, n);
}

#define ADD(n) \
	case n: \
		add_rows(x, width, rows, nrows, gh, quantum->hbits, quantum->low, packed, n); \
		break

void
gbdt_hist_rows(const TreeBins *bins, size_t b, const uint16_t *rows, int nrows, const uint32_t *gh, const GbdtQuantum *quantum,
			   int from, int n, int64_t *packed)
{
	const uint8_t *x = bins->row[b] + from;
	size_t		width = bins->columns;

	packed += (size_t) from * 256;
	if (gh == NULL)
	{
		for (int i = 0; i < nrows; i++)
			for (int j = 0; j < n; j++)
				packed[j * 256 + x[rows[i] * width + j]]++;
		return;
	}
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
			ADD(13);
			ADD(14);
			ADD(15);
			ADD(16);
			ADD(17);
			ADD(18);
			ADD(19);
			ADD(20);
	}
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

#pragma GCC unroll 4
	for (int i = 0; i < n; i++)
	{
		uint16_t	r = rows[i];

		rows[left] = r;
		spare[i - left] = r;
		left += goes[x[r * width]];
	}
	memcpy(rows + left, spare, (n - left) * sizeof(uint16_t));
	return left;
}

int
gbdt_partition(const TreeBins *bins, size_t b, int column, const uint8_t *goes, uint16_t *rows, int n, uint16_t *spare)
{
	if (bins->col)
		return partition(bins->col[b] + column * tree_block_stride(bins, b), 1, goes, rows, n, spare);
	return partition(bins->row[b] + column, bins->columns, goes, rows, n, spare);
}
