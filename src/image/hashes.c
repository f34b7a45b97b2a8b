/*
 * hashes.c - pairs of 64-bit hashes that differ in few bits: multi-index hashing (Norouzi, Punjani and Fleet, 2012)
 *
 * Hashes are cut in four parts of 16 bits.  Of two that differ in at most d bits, some part differs in at most d / 4.  So for
 * each hash and each part, all values within that distance are looked up in a table of those that have it.  A pair counts at
 * the first part that finds it.
 *
 * Cost for n hashes: n * 4 * probes * (1 + n / 65536) comparisons, where probes is 1 for d < 4, 17 for d < 8, 137 for d < 12, 697
 * for d < 16; or all n * n / 2 when that is less.  Memory: 20 bytes a hash.
 */
#include "image/hashes.h"

#include <stdlib.h>

#define PARTS 4
#define VALUES 65536
#define POLL 1024

typedef struct Index
{
	uint32_t   *start;			/* [VALUES + 1] */
	uint32_t   *items;			/* [n] numbers of hashes, by value of the part */
} Index;

static inline unsigned
part_of(uint64_t hash, int part)
{
	return (unsigned) (hash >> (16 * part)) & (VALUES - 1);
}

static void
make_index(EcmlCtx *ctx, const uint64_t *hashes, size_t n, int part, Index *index)
{
	index->start = ECML_NEW0(ctx, uint32_t, VALUES + 2);
	index->items = ECML_NEW(ctx, uint32_t, n);
	for (size_t i = 0; i < n; i++)
		index->start[part_of(hashes[i], part) + 2]++;
	for (int v = 2; v < VALUES + 2; v++)
		index->start[v] += index->start[v - 1];
	for (size_t i = 0; i < n; i++)
		index->items[index->start[part_of(hashes[i], part) + 1]++] = (uint32_t) i;
}

static int
compare(const void *a, const void *b)
{
	uint32_t	x = *(const uint32_t *) a;
	uint32_t	y = *(const uint32_t *) b;

	return (x > y) - (x < y);
}

/* All values of 16 bits with at most so many of them set; gives how many. */
static int
make_probes(EcmlCtx *ctx, int most, unsigned **probes)
{
	int			n = 0;

	*probes = ECML_NEW(ctx, unsigned, VALUES);
	for (unsigned v = 0; v < VALUES; v++)
		if (__builtin_popcount(v) <= most)
			(*probes)[n++] = v;
	return n;
}

static void
all_pairs(EcmlCtx *ctx, const uint64_t *hashes, size_t n, int distance,
		  void (*found) (void *arg, size_t a, size_t b, int distance), void *arg)
{
	for (size_t a = 0; a < n; a++)
	{
		if (a % 64 == 0)
			ecml_poll(ctx, (double) a, (double) n);
		for (size_t b = a + 1; b < n; b++)
		{
			int			d = __builtin_popcountll(hashes[a] ^ hashes[b]);

			if (d <= distance)
				found(arg, a, b, d);
		}
	}
}

void
hashes_pairs(EcmlCtx *ctx, const uint64_t *hashes, size_t n, int distance,
			 void (*found) (void *arg, size_t a, size_t b, int distance), void *arg)
{
	Index		indexes[PARTS];
	unsigned   *probes;
	int			nprobes;
	int			most = distance / PARTS;
	uint32_t   *near;
	size_t		room = 64;

	if (n >= UINT32_MAX)
	{
		ecml_detail(ctx, "There are %zu.", n);
		ecml_fail(ctx, ECML_LIMIT_EXCEEDED, "there are too many hashes");
	}
	nprobes = make_probes(ctx, most, &probes);
	if (n < 1000 || (double) n / 2 < PARTS * nprobes * (4 + (double) n / VALUES))
	{
		all_pairs(ctx, hashes, n, distance, found, arg);
		return;
	}
	for (int part = 0; part < PARTS; part++)
		make_index(ctx, hashes, n, part, &indexes[part]);
	near = ECML_NEW(ctx, uint32_t, room);
	for (size_t a = 0; a < n; a++)
	{
		size_t		count = 0;

		if (a % POLL == 0)
			ecml_poll(ctx, (double) a, (double) n);
		for (int part = 0; part < PARTS; part++)
			for (int p = 0; p < nprobes; p++)
			{
				const Index *index = &indexes[part];
				unsigned	v = part_of(hashes[a], part) ^ probes[p];

				for (uint32_t k = index->start[v]; k < index->start[v + 1]; k++)
				{
					uint32_t	b = index->items[k];
					uint64_t	difference = hashes[a] ^ hashes[b];
					bool		first = true;

					if (b <= a || __builtin_popcountll(difference) > distance)
						continue;
					for (int before = 0; before < part; before++)
						first &= __builtin_popcount(part_of(difference, before)) > most;
					if (!first)
						continue;
					if (count == room)
					{
						near = ecml_resize_array(ctx, near, 2 * room, sizeof(uint32_t));
						room *= 2;
					}
					near[count++] = b;
				}
			}
		if (count > 1)
			qsort(near, count, sizeof(uint32_t), compare);
		for (size_t k = 0; k < count; k++)
		{
			if (k % POLL == POLL - 1)
				ecml_poll(ctx, (double) a, (double) n);
			found(arg, a, near[k], __builtin_popcountll(hashes[a] ^ hashes[near[k]]));
		}
	}
}
