/*
 * search_spell.c - the words that a query may have meant
 *
 * The index's words are in order, and so the branches of a tree: words that begin alike stand together.  The distances of a prefix
 * to all prefixes of what was typed (Wagner and Fischer's rows, with swaps of neighbours: Damerau's distance in which nothing is
 * edited twice) are kept for each of its characters; words whose prefix is already too far are skipped as a whole by a binary
 * search.  So a look at 300,000 words costs a few thousand rows.
 *
 * Of those that are near enough the one is chosen whose edit is most likely: a distance counts as a factor of 200 in the number of
 * documents, another first letter as one of 10.
 */
#include <math.h>
#include <stdlib.h>

#include "search_internal.h"
#include "text/utf8.h"

#define MOST_CHARS 64			/* longer words are not corrected */

typedef struct Typed
{
	uint32_t	chars[MOST_CHARS];
	int			n;
} Typed;

static bool
decode(const char *word, int length, Typed *typed)
{
	const uint8_t *at = (const uint8_t *) word;
	const uint8_t *end = at + length;

	typed->n = 0;
	while (at < end)
	{
		unsigned	n;

		if (typed->n == MOST_CHARS)
			return false;
		typed->chars[typed->n++] = utf8_decode((const char *) at, end - at, &n);
		at += n;
	}
	return true;
}

/* The first word from low on that does not begin with the bytes. */
static uint32_t
skip_prefix(const SearchIndex *index, uint32_t low, const char *prefix, int length)
{
	uint32_t	high = index->words.n;

	while (low < high)
	{
		uint32_t	mid = low + (high - low) / 2;
		int			n;
		const char *word = vocab_word(&index->words, mid, &n);
		int			order = memcmp(word, prefix, n < length ? n : length);

		if (order == 0 && n < length)
			order = -1;
		if (order <= 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* The first word that is not before the bytes. */
static uint32_t
lower_bound(const SearchIndex *index, const char *prefix, int length)
{
	uint32_t	low = 0;
	uint32_t	high = index->words.n;

	while (low < high)
	{
		uint32_t	mid = low + (high - low) / 2;
		int			n;
		const char *word = vocab_word(&index->words, mid, &n);
		int			order = memcmp(word, prefix, n < length ? n : length);

		if (order < 0 || (order == 0 && n < length))
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

typedef struct Search
{
	const SearchIndex *index;
	const Typed *typed;
	int			limit;
	uint32_t	best;
	double		value;
	uint64_t	rows;
} Search;

static void
consider(Search *search, uint32_t word, int distance, bool same_first)
{
	double		value;

	if (search->index->word_df[word] == 0 || search->index->word_term[word] == BAG_NONE)
		return;
	value = log(search->index->word_df[word]) - distance * log(200) - (same_first ? 0 : log(10));
	if (search->best == BAG_NONE || value > search->value)
	{
		search->best = word;
		search->value = value;
	}
}

static void
look(EcmlCtx *ctx, Search *search)
{
	const SearchIndex *index = search->index;
	const Typed *typed = search->typed;
	int			m = typed->n;
	int			width = m + 1;
	/* rows [depth + 1][width]: depth characters of the word against the prefixes of what was typed */
	int			deepest = m + search->limit + 1;
	uint8_t    *rows = ECML_NEW(ctx, uint8_t, (size_t) (deepest + 1) * width);
	uint32_t   *chars = ECML_NEW(ctx, uint32_t, (size_t) deepest + 1);	/* of the word */
	int		   *ends = ECML_NEW(ctx, int, (size_t) deepest + 1);	/* bytes of so many characters */
	char		before[WORD_LIMIT + 1];
	int			before_length = 0;
	int			known = 0;		/* characters whose rows hold, of the word before */
	uint32_t	word = 0;

	for (int j = 0; j <= m; j++)
		rows[j] = (uint8_t) j;
	ends[0] = 0;
	while (word < index->words.n)
	{
		int			length;
		const char *bytes = vocab_word(&index->words, word, &length);
		int			common = 0;
		int			depth = 0;
		bool		far = false;

		if (length > WORD_LIMIT)
		{
			word++;
			continue;
		}
		if ((word & 4095) == 0)
			ecml_poll(ctx, 0, 0);
		while (common < length && common < before_length && bytes[common] == before[common])
			common++;
		/* whole characters that it has in common with the one before */
		while (depth < known && ends[depth + 1] <= common)
			depth++;
		memcpy(before, bytes, length);
		before_length = length;
		while (!far && ends[depth] < length)
		{
			unsigned	n;
			uint8_t    *row = rows + (size_t) (depth + 1) * width;
			const uint8_t *above = row - width;
			uint32_t	c;
			int			least;

			if (depth == deepest)
			{
				far = true;
				break;
			}
			c = utf8_decode(bytes + ends[depth], length - ends[depth], &n);
			chars[depth] = c;
			ends[depth + 1] = ends[depth] + (int) n;
			least = row[0] = (uint8_t) (depth + 1);
			for (int j = 1; j <= m; j++)
			{
				int			d = above[j - 1] + (typed->chars[j - 1] != c);

				if (above[j] + 1 < d)
					d = above[j] + 1;
				if (row[j - 1] + 1 < d)
					d = row[j - 1] + 1;
				if (j > 1 && depth > 0 && typed->chars[j - 1] == chars[depth - 1] && typed->chars[j - 2] == c &&
					(above - width)[j - 2] + 1 < d)
					d = (above - width)[j - 2] + 1;
				row[j] = (uint8_t) d;
				least = d < least ? d : least;
			}
			depth++;
			search->rows++;
			if (least > search->limit)
				far = true;
		}
		known = depth;
		if (far)
			word = skip_prefix(index, word + 1, bytes, ends[depth]);
		else
		{
			int			distance = rows[(size_t) depth * width + m];

			if (distance <= search->limit && depth > 0)
				consider(search, word, distance, m > 0 && chars[0] == typed->chars[0]);
			word++;
		}
	}
	ecml_free(ctx, rows);
	ecml_free(ctx, chars);
	ecml_free(ctx, ends);
}

uint32_t
search_correct(EcmlCtx *ctx, const SearchIndex *index, const char *word, int length)
{
	Typed		typed;
	Search		search = {.index = index,.typed = &typed,.best = BAG_NONE};
	int			digits = 0;

	if (!decode(word, length, &typed) || typed.n < 3)
		return BAG_NONE;
	for (int i = 0; i < typed.n; i++)
		digits += typed.chars[i] >= '0' && typed.chars[i] <= '9';
	/* size 42 is not 41 */
	if (digits == typed.n)
		return BAG_NONE;
	search.limit = 1;
	look(ctx, &search);
	/* a number with two other digits is another number */
	if (search.best == BAG_NONE && typed.n >= 6 && digits == 0)
	{
		search.limit = 2;
		look(ctx, &search);
	}
	return search.best;
}

bool
search_split(const SearchIndex *index, const char *word, int length, uint32_t *first, uint32_t *second)
{
	double		best = 0;

	for (int i = 2; i <= length - 2; i++)
	{
		uint32_t	a;
		uint32_t	b;
		double		value;

		if (((uint8_t) word[i] & 0xC0) == 0x80)
			continue;
		a = vocab_find(&index->words, word, i);
		b = a == BAG_NONE ? BAG_NONE : vocab_find(&index->words, word + i, length - i);
		if (b == BAG_NONE || index->word_term[a] == BAG_NONE || index->word_term[b] == BAG_NONE)
			continue;
		value = (double) index->word_df[a] * index->word_df[b];
		if (value > best)
		{
			best = value;
			*first = a;
			*second = b;
		}
	}
	return best > 0;
}

int
search_complete(const SearchIndex *index, const char *prefix, int length, int n, uint32_t *words)
{
	uint32_t	from = lower_bound(index, prefix, length);
	uint32_t	to = skip_prefix(index, from, prefix, length);
	int			found = 0;

	for (uint32_t w = from; w < to; w++)
	{
		uint32_t	df = index->word_df[w];
		int			at = found;

		if (df == 0 || (found == n && (n == 0 || df <= index->word_df[words[n - 1]])))
			continue;
		if (found < n)
			found++;
		else
			at = n - 1;
		while (at > 0 && index->word_df[words[at - 1]] < df)
		{
			words[at] = words[at - 1];
			at--;
		}
		words[at] = w;
	}
	return found;
}
