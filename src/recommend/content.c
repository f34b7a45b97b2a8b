/*
 * content.c - item vectors from columns of an item table, for items that nobody has bought yet
 *
 * A text column gives its words with weight (1 + ln count) idf, idf = ln((1 + N) / (1 + df)) + 1; words that more than a tenth of
 * more than 10,000 items have are left out.  A category gives one term.  A number is spread over two neighbouring knots of nine
 * quantiles, so that near numbers share terms.  Each column's part of a vector has length 1, and so has the whole: columns count
 * alike.  Terms are told apart by 64-bit hashes.
 */
#include <math.h>
#include <string.h>

#include "num/hash.h"
#include "num/sort.h"
#include "recommend.h"

#define MAX_COLUMNS 64
#define KNOTS 9
#define COMMON_ITEMS 10000

typedef struct Entry
{
	int32_t		item;
	int32_t		term;
	float		weight;
	int16_t		column;
	int16_t		text;			/* to be weighed by idf */
} Entry;

typedef struct Number
{
	int32_t		item;
	int32_t		column;
	double		value;
} Number;

struct RecTerms
{
	int			item;
	size_t		n;
	size_t		capacity;
	Entry	   *entries;
	size_t		nnumbers;
	size_t		numbers_capacity;
	Number	   *numbers;
	uint64_t   *keys;			/* [nslots] hash of each term; 0: free */
	int32_t    *slot_term;		/* [nslots] */
	size_t		nslots;
	int			terms;
};

RecTerms *
rec_terms_create(EcmlCtx *ctx)
{
	RecTerms   *terms = ECML_NEW0(ctx, RecTerms, 1);

	terms->capacity = terms->numbers_capacity = 256;
	terms->entries = ECML_NEW(ctx, Entry, terms->capacity);
	terms->numbers = ECML_NEW(ctx, Number, terms->numbers_capacity);
	terms->nslots = 1024;
	terms->keys = ECML_NEW0(ctx, uint64_t, terms->nslots);
	terms->slot_term = ECML_NEW(ctx, int32_t, terms->nslots);
	return terms;
}

void
rec_terms_begin(EcmlCtx *ctx, RecTerms *terms, int item)
{
	terms->item = item;
}

static void
grow_slots(EcmlCtx *ctx, RecTerms *terms)
{
	size_t		larger = terms->nslots * 2;
	uint64_t   *keys = ECML_NEW0(ctx, uint64_t, larger);
	int32_t    *slot_term = ECML_NEW(ctx, int32_t, larger);

	for (size_t s = 0; s < terms->nslots; s++)
		if (terms->keys[s])
		{
			size_t		at = terms->keys[s] & (larger - 1);

			while (keys[at])
				at = (at + 1) & (larger - 1);
			keys[at] = terms->keys[s];
			slot_term[at] = terms->slot_term[s];
		}
	ecml_free(ctx, terms->keys);
	ecml_free(ctx, terms->slot_term);
	terms->keys = keys;
	terms->slot_term = slot_term;
	terms->nslots = larger;
}

static int
term_of(EcmlCtx *ctx, RecTerms *terms, uint64_t key)
{
	size_t		at;

	key += key == 0;
	at = key & (terms->nslots - 1);
	while (terms->keys[at])
	{
		if (terms->keys[at] == key)
			return terms->slot_term[at];
		at = (at + 1) & (terms->nslots - 1);
	}
	terms->keys[at] = key;
	terms->slot_term[at] = terms->terms++;
	if ((size_t) terms->terms * 2 > terms->nslots)
		grow_slots(ctx, terms);
	return terms->terms - 1;
}

static void
add(EcmlCtx *ctx, RecTerms *terms, int item, int column, uint64_t key, float weight, bool text)
{
	int			term = term_of(ctx, terms, key);

	/* a word again: an item's entries of a column stand together */
	for (size_t i = terms->n; text && i-- > 0 && terms->entries[i].item == item && terms->entries[i].column == column;)
		if (terms->entries[i].term == term)
		{
			terms->entries[i].weight += weight;
			return;
		}
	if (terms->n == terms->capacity)
	{
		terms->capacity *= 2;
		terms->entries = ecml_resize_array(ctx, terms->entries, terms->capacity, sizeof(Entry));
	}
	terms->entries[terms->n++] = (Entry) {item, term, weight, (int16_t) column, text};
}

static inline bool
is_word(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c >= 0x80;
}

void
rec_terms_text(EcmlCtx *ctx, RecTerms *terms, int column, const char *text, size_t length)
{
	size_t		at = 0;
	int			words = 0;

	while (at < length && words < 500)
	{
		char		word[64];
		int			n = 0;

		while (at < length && !is_word((unsigned char) text[at]))
			at++;
		while (at < length && is_word((unsigned char) text[at]))
		{
			if (n < (int) sizeof(word))
				word[n++] = text[at] >= 'A' && text[at] <= 'Z' ? (char) (text[at] + 32) : text[at];
			at++;
		}
		if (n > 0)
			add(ctx, terms, terms->item, column, ecml_hash_bytes(word, n, column), 1, true);
		words++;
	}
}

void
rec_terms_category(EcmlCtx *ctx, RecTerms *terms, int column, const char *text, size_t length)
{
	add(ctx, terms, terms->item, column, ecml_hash_bytes(text, length, column), 1, false);
}

void
rec_terms_number(EcmlCtx *ctx, RecTerms *terms, int column, double value)
{
	if (!isfinite(value))
		return;
	if (terms->nnumbers == terms->numbers_capacity)
	{
		terms->numbers_capacity *= 2;
		terms->numbers = ecml_resize_array(ctx, terms->numbers, terms->numbers_capacity, sizeof(Number));
	}
	terms->numbers[terms->nnumbers++] = (Number) {terms->item, column, value};
}

/* Numbers of a column as terms: two knots each. */
static void
spread(EcmlCtx *ctx, RecTerms *terms, int column)
{
	double	   *values = ECML_NEW(ctx, double, terms->nnumbers + 1);
	double		knots[KNOTS];
	size_t		n = 0;
	int			nknots = 0;

	for (size_t i = 0; i < terms->nnumbers; i++)
		if (terms->numbers[i].column == column)
			values[n++] = terms->numbers[i].value;
	if (n == 0)
	{
		ecml_free(ctx, values);
		return;
	}
	ecml_sort_f8(ctx, values, n);
	for (int q = 0; q < KNOTS; q++)
	{
		double		knot = values[(n - 1) * q / (KNOTS - 1)];

		if (nknots == 0 || knot > knots[nknots - 1])
			knots[nknots++] = knot;
	}
	for (size_t i = 0; i < terms->nnumbers; i++)
	{
		const Number *number = &terms->numbers[i];
		int			k = 0;
		double		part = 0;

		if (number->column != column)
			continue;
		while (k + 1 < nknots && number->value >= knots[k + 1])
			k++;
		if (k + 1 < nknots)
			part = (number->value - knots[k]) / (knots[k + 1] - knots[k]);
		add(ctx, terms, number->item, column, ecml_hash_u64(k, 1000 + column), (float) (1 - part), false);
		if (part > 0)
			add(ctx, terms, number->item, column, ecml_hash_u64(k + 1, 1000 + column), (float) part, false);
	}
	ecml_free(ctx, values);
}

RecMatrix *
rec_terms_finish(EcmlCtx *ctx, RecTerms *terms, int items)
{
	RecRows		rows;
	RecParams	plain = {.feedback_explicit = true};	/* entries as they are */
	int32_t    *df;
	double	   *square;			/* [items][columns] */
	int			columns = 0;
	RecMatrix  *m;

	for (size_t i = 0; i < terms->nnumbers; i++)
		columns = terms->numbers[i].column >= columns ? terms->numbers[i].column + 1 : columns;
	for (int c = 0; c < columns; c++)
		spread(ctx, terms, c);
	for (size_t i = 0; i < terms->n; i++)
		columns = terms->entries[i].column >= columns ? terms->entries[i].column + 1 : columns;
	df = ECML_NEW0(ctx, int32_t, (size_t) terms->terms + 1);
	square = ECML_NEW0(ctx, double, (size_t) items * (columns + 1) + 1);
	for (size_t i = 0; i < terms->n; i++)
		df[terms->entries[i].term]++;
	for (size_t i = 0; i < terms->n; i++)
	{
		Entry	   *entry = &terms->entries[i];

		if (entry->text)
		{
			bool		common = items > COMMON_ITEMS && df[entry->term] > items / 10;

			entry->weight = common ? 0 :
				(float) ((1 + log(entry->weight)) * (log((1.0 + items) / (1.0 + df[entry->term])) + 1));
		}
		square[(size_t) entry->item * columns + entry->column] += (double) entry->weight * entry->weight;
		if (i % 65536 == 0)
			ecml_poll(ctx, 0, 0);
	}
	rec_rows_init(ctx, &rows, false, false);
	for (size_t i = 0; i < terms->n; i++)
	{
		const Entry *entry = &terms->entries[i];
		int			used = 0;

		if (entry->weight == 0)
			continue;
		for (int c = 0; c < columns; c++)
			used += square[(size_t) entry->item * columns + c] > 0;
		rec_rows_add(ctx, &rows, entry->item, entry->term,
					 entry->weight / sqrt(square[(size_t) entry->item * columns + entry->column] * used), 0, 0);
	}
	m = rec_matrix(ctx, &rows, items, terms->terms > 0 ? terms->terms : 1, &plain);
	ecml_free(ctx, df);
	ecml_free(ctx, square);
	return m;
}
