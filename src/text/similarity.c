/*
 * similarity.c - shingles, Jaccard index, MinHash
 *
 * Method: A. Z. Broder, "On the resemblance and containment of documents" (1997).  The share of equal places of two signatures
 * is an unbiased estimate of the Jaccard index J of their sets, with a standard error of sqrt(J (1 - J) / size).  Hash function i
 * is the upper half of a 64-bit product of the shingle's hash and an odd number of its own, which must never change: signatures
 * are kept in tables.
 */
#include "text/similarity.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "num/hash.h"
#include "text/utf8.h"

static int
compare(const void *a, const void *b)
{
	uint64_t	x = *(const uint64_t *) a;
	uint64_t	y = *(const uint64_t *) b;

	return (x > y) - (x < y);
}

#define RUN 65536				/* sorted at once: some milliseconds */

/* Runs first, then pairs of runs merged until one is left: so that it can be cancelled in between. */
static void
sort(EcmlCtx *ctx, uint64_t *set, size_t n)
{
	uint64_t   *from = set;
	uint64_t   *to;

	for (size_t at = 0; at < n; at += RUN)
	{
		qsort(set + at, n - at < RUN ? n - at : RUN, sizeof(uint64_t), compare);
		ecml_poll(ctx, (double) at, (double) n);
	}
	if (n <= RUN)
		return;
	to = ECML_NEW(ctx, uint64_t, n);
	for (size_t width = RUN; width < n; width *= 2)
	{
		uint64_t   *swap = from;

		for (size_t at = 0; at < n; at += 2 * width)
		{
			size_t		middle = n - at < width ? n : at + width;
			size_t		end = n - at < 2 * width ? n : at + 2 * width;
			size_t		i = at;
			size_t		j = middle;

			for (size_t k = at; k < end; k++)
			{
				to[k] = j == end || (i < middle && from[i] <= from[j]) ? from[i++] : from[j++];
				if ((k & (RUN - 1)) == 0)
					ecml_poll(ctx, (double) k, (double) n);
			}
		}
		from = to;
		to = swap;
	}
	if (from != set)
		memcpy(set, from, n * sizeof(uint64_t));
	ecml_free(ctx, from != set ? from : to);
}

uint64_t *
shingles_of(EcmlCtx *ctx, const char *text, size_t n, int width, size_t *count)
{
	/* characters first: letters and digits, single spaces between */
	uint32_t   *chars = ECML_NEW(ctx, uint32_t, n + 1);
	size_t		length = 0;
	size_t		at = 0;
	size_t		total;
	size_t		kept = 0;
	uint64_t   *set;
	bool		space = false;

	while (at < n)
	{
		unsigned	bytes;
		uint32_t	c = utf8_decode(text + at, n - at, &bytes);

		at += bytes;
		if (c != UTF8_INVALID && (utf8_class(c) & (UTF8_ALNUM | UTF8_EMOJI)))
		{
			if (space && length > 0)
				chars[length++] = ' ';
			space = false;
			chars[length++] = utf8_to_lower(c);
		}
		else if (c == UTF8_INVALID || !(utf8_class(c) & UTF8_MARK))
			space = true;
	}
	*count = 0;
	if (length == 0)
		return ECML_NEW(ctx, uint64_t, 1);
	total = length < (size_t) width ? 1 : length - width + 1;
	set = ECML_NEW(ctx, uint64_t, total);
	for (size_t i = 0; i < total; i++)
	{
		set[i] = ecml_hash_bytes(chars + i, (length < (size_t) width ? length : (size_t) width) * sizeof(uint32_t), 0);
		if ((i & 0xFFFF) == 0)
			ecml_poll(ctx, (double) i, (double) total);
	}
	ecml_free(ctx, chars);
	sort(ctx, set, total);
	for (size_t i = 0; i < total; i++)
		if (i == 0 || set[i] != set[kept - 1])
			set[kept++] = set[i];
	*count = kept;
	return set;
}

double
shingles_jaccard(const uint64_t *a, size_t na, const uint64_t *b, size_t nb)
{
	size_t		i = 0;
	size_t		j = 0;
	size_t		both = 0;

	if (na == 0 && nb == 0)
		return 1;
	while (i < na && j < nb)
	{
		if (a[i] == b[j])
		{
			both++;
			i++;
			j++;
		}
		else if (a[i] < b[j])
			i++;
		else
			j++;
	}
	return (double) both / (double) (na + nb - both);
}

#define BATCH 64

ECML_CLONES
static void
lower_minima(const uint64_t *set, size_t count, const uint64_t *factors, int n, uint32_t *least)
{
	for (size_t i = 0; i < count; i++)
	{
		uint64_t	h = set[i];

		for (int k = 0; k < n; k++)
		{
			uint32_t	v = (uint32_t) ((h * factors[k]) >> 33);

			least[k] = v < least[k] ? v : least[k];
		}
	}
}

void
shingles_minhash(EcmlCtx *ctx, const uint64_t *set, size_t count, int size, int32_t *signature)
{
	for (int from = 0; from < size; from += BATCH)
	{
		int			n = size - from < BATCH ? size - from : BATCH;
		uint64_t	factors[BATCH];
		uint32_t	least[BATCH];

		for (int k = 0; k < n; k++)
		{
			factors[k] = ecml_hash_mix((uint64_t) (from + k) + UINT64_C(0x9E3779B97F4A7C15)) | 1;
			least[k] = INT32_MAX;
		}
		for (size_t i = 0; i < count; i += 4096)
		{
			lower_minima(set + i, count - i < 4096 ? count - i : 4096, factors, n, least);
			ecml_poll(ctx, (double) i, (double) count);
		}
		for (int k = 0; k < n; k++)
			signature[from + k] = (int32_t) least[k];
	}
}
