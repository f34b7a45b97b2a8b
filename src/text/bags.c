/*
 * bags.c - vocabularies, pairs, sparse rows of counts, and the terms of a text
 */
#include "bags.h"

#include <string.h>

#include "num/hash.h"

#define SEED 0x7465787473		/* of hashes of terms: they are in models, and never change */

static uint32_t
hash_of(const char *bytes, size_t length)
{
	return (uint32_t) ecml_hash_bytes(bytes, length, SEED);
}

/* ---- strings */

static void
vocab_table(EcmlCtx *ctx, Vocab *vocab, uint32_t nslots)
{
	ecml_free(ctx, vocab->slots);
	vocab->nslots = nslots;
	vocab->slots = ECML_NEW0(ctx, uint32_t, nslots);
	for (uint32_t i = 0; i < vocab->n; i++)
	{
		uint32_t	at = vocab->hash[i] & (nslots - 1);

		while (vocab->slots[at])
			at = (at + 1) & (nslots - 1);
		vocab->slots[at] = i + 1;
	}
}

void
vocab_init(EcmlCtx *ctx, Vocab *vocab)
{
	memset(vocab, 0, sizeof(*vocab));
	vocab->capacity = 256;
	vocab->room = 4096;
	vocab->start = ECML_NEW(ctx, size_t, vocab->capacity + 1);
	vocab->start[0] = 0;
	vocab->hash = ECML_NEW(ctx, uint32_t, vocab->capacity);
	vocab->bytes = ECML_NEW(ctx, char, vocab->room);
	vocab_table(ctx, vocab, 1024);
}

void
vocab_free(EcmlCtx *ctx, Vocab *vocab)
{
	ecml_free(ctx, vocab->start);
	ecml_free(ctx, vocab->hash);
	ecml_free(ctx, vocab->bytes);
	ecml_free(ctx, vocab->slots);
	memset(vocab, 0, sizeof(*vocab));
}

static inline uint32_t
vocab_slot(const Vocab *vocab, const char *bytes, size_t length, uint32_t hash)
{
	uint32_t	at = hash & (vocab->nslots - 1);

	for (; vocab->slots[at]; at = (at + 1) & (vocab->nslots - 1))
	{
		uint32_t	i = vocab->slots[at] - 1;

		if (vocab->hash[i] == hash && vocab->start[i + 1] - vocab->start[i] == length &&
			memcmp(vocab->bytes + vocab->start[i], bytes, length) == 0)
			break;
	}
	return at;
}

uint32_t
vocab_find(const Vocab *vocab, const char *bytes, size_t length)
{
	return vocab->slots[vocab_slot(vocab, bytes, length, hash_of(bytes, length))] - 1;
}

uint32_t
vocab_add(EcmlCtx *ctx, Vocab *vocab, const char *bytes, size_t length)
{
	uint32_t	hash = hash_of(bytes, length);
	uint32_t	at = vocab_slot(vocab, bytes, length, hash);
	size_t		end;

	if (vocab->slots[at])
		return vocab->slots[at] - 1;
	if (vocab->n >= INT32_MAX / 2)
	{
		ecml_detail(ctx, "There are more than %u.", vocab->n);
		ecml_hint(ctx, "Give fewer rows, or shorter terms.");
		ecml_fail(ctx, ECML_LIMIT_EXCEEDED, "too many different terms");
	}
	if (vocab->n == vocab->capacity)
	{
		vocab->start = ecml_resize_array(ctx, vocab->start, vocab->capacity * 2 + 1, sizeof(size_t));
		vocab->hash = ecml_resize_array(ctx, vocab->hash, vocab->capacity * 2, sizeof(uint32_t));
		vocab->capacity *= 2;
	}
	end = vocab->start[vocab->n] + length;
	if (end > vocab->room)
	{
		size_t		room = end > vocab->room * 2 ? end : vocab->room * 2;

		vocab->bytes = ecml_resize_array(ctx, vocab->bytes, room, 1);
		vocab->room = room;
	}
	memcpy(vocab->bytes + vocab->start[vocab->n], bytes, length);
	vocab->hash[vocab->n] = hash;
	vocab->start[vocab->n + 1] = end;
	vocab->slots[at] = ++vocab->n;
	if (vocab->n * 2 > vocab->nslots)
		vocab_table(ctx, vocab, vocab->nslots * 2);
	return vocab->n - 1;
}

static int
compare_words(const Vocab *vocab, uint32_t a, uint32_t b)
{
	int			na;
	int			nb;
	const char *wa = vocab_word(vocab, a, &na);
	const char *wb = vocab_word(vocab, b, &nb);
	int			order = memcmp(wa, wb, na < nb ? na : nb);

	return order ? order : na - nb;
}

uint32_t *
vocab_order(EcmlCtx *ctx, const Vocab *vocab)
{
	uint32_t   *order = ECML_NEW(ctx, uint32_t, vocab->n + 1);
	uint32_t   *other = ECML_NEW(ctx, uint32_t, vocab->n + 1);

	for (uint32_t i = 0; i < vocab->n; i++)
		order[i] = i;
	/* merges of runs that grow twofold */
	for (size_t run = 1; run < vocab->n; run *= 2)
	{
		uint32_t   *swap;

		for (size_t low = 0; low < vocab->n; low += 2 * run)
		{
			size_t		mid = low + run < vocab->n ? low + run : vocab->n;
			size_t		high = low + 2 * run < vocab->n ? low + 2 * run : vocab->n;
			size_t		i = low;
			size_t		j = mid;

			for (size_t k = low; k < high; k++)
				other[k] = j >= high || (i < mid && compare_words(vocab, order[i], order[j]) <= 0) ? order[i++] : order[j++];
			if ((low / (2 * run) & 1023) == 0)
				ecml_poll(ctx, 0, 0);
		}
		swap = order;
		order = other;
		other = swap;
	}
	ecml_free(ctx, other);
	return order;
}

void
vocab_write(EcmlWriter *w, const Vocab *vocab)
{
	ecml_write_u32(w, vocab->n);
	for (uint32_t i = 0; i < vocab->n; i++)
	{
		int			length;
		const char *word = vocab_word(vocab, i, &length);

		ecml_write_u32(w, length);
		ecml_write_bytes(w, word, length);
	}
}

void
vocab_read(EcmlReader *r, Vocab *vocab)
{
	uint32_t	n = ecml_read_count(r, sizeof(uint32_t));

	vocab_init(r->ctx, vocab);
	for (uint32_t i = 0; i < n; i++)
	{
		uint32_t	length = ecml_read_count(r, 1);

		if ((i & 4095) == 0)
			ecml_poll(r->ctx, 0, 0);
		if (vocab_add(r->ctx, vocab, (const char *) ecml_read_bytes(r, length), length) != i)
			ecml_read_corrupted(r, "a term stands twice in its vocabulary");
	}
}

/* ---- pairs */

static inline uint32_t
pair_hash(uint32_t a, uint32_t b)
{
	return (uint32_t) ecml_hash_mix(((uint64_t) a << 32 | b) + UINT64_C(0x9E3779B97F4A7C15));
}

static void
pairs_table(EcmlCtx *ctx, Pairs *pairs, uint32_t nslots)
{
	ecml_free(ctx, pairs->slots);
	pairs->nslots = nslots;
	pairs->slots = ECML_NEW0(ctx, uint32_t, nslots);
	for (uint32_t i = 0; i < pairs->n; i++)
	{
		uint32_t	at = pair_hash(pairs->a[i], pairs->b[i]) & (nslots - 1);

		while (pairs->slots[at])
			at = (at + 1) & (nslots - 1);
		pairs->slots[at] = i + 1;
	}
}

void
pairs_init(EcmlCtx *ctx, Pairs *pairs)
{
	memset(pairs, 0, sizeof(*pairs));
	pairs->capacity = 512;
	pairs->a = ECML_NEW(ctx, uint32_t, pairs->capacity);
	pairs->b = ECML_NEW(ctx, uint32_t, pairs->capacity);
	pairs_table(ctx, pairs, 1024);
}

void
pairs_free(EcmlCtx *ctx, Pairs *pairs)
{
	ecml_free(ctx, pairs->a);
	ecml_free(ctx, pairs->b);
	ecml_free(ctx, pairs->slots);
	memset(pairs, 0, sizeof(*pairs));
}

static inline uint32_t
pair_slot(const Pairs *pairs, uint32_t a, uint32_t b)
{
	uint32_t	at = pair_hash(a, b) & (pairs->nslots - 1);

	while (pairs->slots[at] && !(pairs->a[pairs->slots[at] - 1] == a && pairs->b[pairs->slots[at] - 1] == b))
		at = (at + 1) & (pairs->nslots - 1);
	return at;
}

uint32_t
pairs_find(const Pairs *pairs, uint32_t a, uint32_t b)
{
	return pairs->slots[pair_slot(pairs, a, b)] - 1;
}

uint32_t
pairs_add(EcmlCtx *ctx, Pairs *pairs, uint32_t a, uint32_t b)
{
	uint32_t	at = pair_slot(pairs, a, b);

	if (pairs->slots[at])
		return pairs->slots[at] - 1;
	if (pairs->n >= INT32_MAX / 2)
	{
		ecml_detail(ctx, "There are more than %u.", pairs->n);
		ecml_hint(ctx, "Give fewer rows.");
		ecml_fail(ctx, ECML_LIMIT_EXCEEDED, "too many different terms");
	}
	if (pairs->n == pairs->capacity)
	{
		pairs->a = ecml_resize_array(ctx, pairs->a, pairs->capacity * 2, sizeof(uint32_t));
		pairs->b = ecml_resize_array(ctx, pairs->b, pairs->capacity * 2, sizeof(uint32_t));
		pairs->capacity *= 2;
	}
	pairs->a[pairs->n] = a;
	pairs->b[pairs->n] = b;
	pairs->slots[at] = ++pairs->n;
	if (pairs->n * 2 > pairs->nslots)
		pairs_table(ctx, pairs, pairs->nslots * 2);
	return pairs->n - 1;
}

/* ---- rows of counts */

void
bags_init(EcmlCtx *ctx, Bags *bags, size_t columns)
{
	memset(bags, 0, sizeof(*bags));
	bags->row_capacity = 64;
	bags->capacity = 1024;
	bags->start = ECML_NEW(ctx, size_t, bags->row_capacity + 1);
	bags->start[0] = 0;
	bags->column = ECML_NEW(ctx, uint32_t, bags->capacity);
	bags->value = ECML_NEW(ctx, float, bags->capacity);
	bags->nmark = columns;
	bags->mark = ECML_NEW0(ctx, uint32_t, columns);
}

void
bags_add(EcmlCtx *ctx, Bags *bags, uint32_t column)
{
	size_t		at;

	if (column >= bags->nmark)
	{
		size_t		more = bags->nmark * 2 > (size_t) column + 64 ? bags->nmark * 2 : (size_t) column + 64;

		bags->mark = ecml_resize_array(ctx, bags->mark, more, sizeof(uint32_t));
		memset(bags->mark + bags->nmark, 0, (more - bags->nmark) * sizeof(uint32_t));
		bags->nmark = more;
	}
	/* a mark of another row is harmless: it must lie in this one, and be of this column */
	at = bags->mark[column];
	if (at > bags->start[bags->n] && at <= bags->nnz && bags->column[at - 1] == column)
	{
		bags->value[at - 1]++;
		return;
	}
	if (bags->nnz == bags->capacity)
	{
		if (bags->nnz >= UINT32_MAX / 2)
		{
			ecml_detail(ctx, "The rows have more than %zu different terms, summed over rows.", bags->nnz);
			ecml_hint(ctx, "Give fewer rows, or shorter texts.");
			ecml_fail(ctx, ECML_LIMIT_EXCEEDED, "too many terms");
		}
		bags->column = ecml_resize_array(ctx, bags->column, bags->capacity * 2, sizeof(uint32_t));
		bags->value = ecml_resize_array(ctx, bags->value, bags->capacity * 2, sizeof(float));
		bags->capacity *= 2;
	}
	bags->column[bags->nnz] = column;
	bags->value[bags->nnz] = 1;
	bags->mark[column] = (uint32_t) ++bags->nnz;
}

void
bags_end(EcmlCtx *ctx, Bags *bags)
{
	if (bags->n == bags->row_capacity)
	{
		bags->start = ecml_resize_array(ctx, bags->start, bags->row_capacity * 2 + 1, sizeof(size_t));
		bags->row_capacity *= 2;
	}
	bags->start[++bags->n] = bags->nnz;
}

void
bags_reset(Bags *bags)
{
	/* marks may stay: what they say of a column is checked */
	bags->n = bags->nnz = 0;
	bags->start[0] = 0;
}

/* ---- terms */

/* The last words: their hashes, where they begin, and their bytes for terms that are spelt. */
typedef struct Window
{
	uint64_t	hash[TERM_MAX_NGRAM];
	size_t		from[TERM_MAX_NGRAM];
	int			length[TERM_MAX_NGRAM];
	char		word[TERM_MAX_NGRAM][WORD_LIMIT + 5];
	int			n;				/* words so far, at most TERM_MAX_NGRAM */
	int			last;			/* the place of the last one */
} Window;

static void
terms_of_words(const TermOptions *options, const Words *words, Window *window, bool spell, TermFunction function, void *arg)
{
	char		spelt[TERM_MAX_NGRAM * (WORD_LIMIT + 6)];
	uint64_t	hash = 0;

	window->last = (window->last + 1) % TERM_MAX_NGRAM;
	window->hash[window->last] = ecml_hash_bytes(words->word, words->length, SEED);
	window->from[window->last] = words->from;
	window->length[window->last] = words->length;
	if (spell && options->ngram_high > 1)
		memcpy(window->word[window->last], words->word, words->length);
	if (window->n < TERM_MAX_NGRAM)
		window->n++;
	/* from the last word backwards: a term of n words is the one of n - 1 with a word before it */
	for (int n = 1; n <= options->ngram_high && n <= window->n; n++)
	{
		int			first = (window->last + TERM_MAX_NGRAM - n + 1) % TERM_MAX_NGRAM;
		Term		term = {.from = window->from[first],.to = words->to};

		/* a fold is the same the other way round, so that one side is mixed first */
		hash = n == 1 ? window->hash[first] : ecml_hash_fold(ecml_hash_mix(hash + n), window->hash[first]);
		if (n < options->ngram_low)
			continue;
		term.hash = n == 1 ? hash : ecml_hash_mix(hash ^ n);
		if (spell && n == 1)
		{
			term.bytes = words->word;
			term.length = words->length;
		}
		else if (spell)
		{
			for (int k = 0; k < n; k++)
			{
				int			w = (first + k) % TERM_MAX_NGRAM;

				if (k > 0)
					spelt[term.length++] = ' ';
				memcpy(spelt + term.length, window->word[w], window->length[w]);
				term.length += window->length[w];
			}
			term.bytes = spelt;
		}
		function(arg, &term);
	}
}

/* Runs of characters of " word ", as scikit-learn's char_wb. */
static void
terms_of_characters(const TermOptions *options, const Words *words, bool spell, TermFunction function, void *arg)
{
	char		padded[WORD_LIMIT + 8];
	int			start[WORD_LIMIT + 8];	/* of each character */
	int			n = 0;
	int			length = 0;

	padded[length++] = ' ';
	memcpy(padded + length, words->word, words->length);
	length += words->length;
	padded[length++] = ' ';
	for (int i = 0; i < length; i++)
		if (((uint8_t) padded[i] & 0xC0) != 0x80)
			start[n++] = i;
	start[n] = length;
	for (int k = options->char_low; k <= options->char_high; k++)
	{
		/* a word shorter than that is a term of its own, once */
		int			last = n > k ? n - k : 0;

		for (int i = 0; i <= last; i++)
		{
			int			end = start[i + k < n ? i + k : n];
			Term		term = {.from = words->from,.to = words->to};

			term.hash = ecml_hash_bytes(padded + start[i], end - start[i], SEED + 1);
			if (spell)
			{
				term.bytes = padded + start[i];
				term.length = end - start[i];
			}
			function(arg, &term);
		}
		if (n <= k)
			break;
	}
}

void
terms_scan(const TermOptions *options, const char *text, size_t length, bool spell, TermFunction function, void *arg)
{
	Words		words;
	Window		window;

	window.n = 0;
	window.last = 0;
	words_begin(&words, text, length, options->least);
	while (words_next(&words))
	{
		if (options->ngram_high > 0)
			terms_of_words(options, &words, &window, spell, function, arg);
		if (options->char_high > 0)
			terms_of_characters(options, &words, spell, function, arg);
	}
}

typedef struct TermSums
{
	EcmlCtx    *ctx;
	Vocab		vocab;
	double	   *sum;			/* [capacity] */
	uint32_t	capacity;
	TermWeight	weight;
	void	   *arg;
} TermSums;

static void
add_term(void *arg, const Term *term)
{
	TermSums   *sums = arg;
	double		weight = sums->weight(sums->arg, term);
	uint32_t	number;

	if (weight == 0)
		return;
	number = vocab_add(sums->ctx, &sums->vocab, term->bytes, term->length);
	if (number == sums->capacity)
	{
		sums->sum = ecml_resize_array(sums->ctx, sums->sum, (size_t) sums->capacity * 2, sizeof(double));
		memset(sums->sum + sums->capacity, 0, sums->capacity * sizeof(double));
		sums->capacity *= 2;
	}
	sums->sum[number] += weight;
}

void
terms_sum(EcmlCtx *ctx, const TermOptions *options, const EcmlText *text, TermWeight weight, void *weight_arg, TermTold told,
		  void *told_arg)
{
	TermSums	sums = {.ctx = ctx,.weight = weight,.arg = weight_arg};

	if (text->length <= 0)
		return;
	vocab_init(ctx, &sums.vocab);
	sums.capacity = 256;
	sums.sum = ECML_NEW0(ctx, double, sums.capacity);
	terms_scan(options, text->bytes, text->length, true, add_term, &sums);
	for (uint32_t i = 0; i < sums.vocab.n; i++)
	{
		int			length;
		const char *bytes = vocab_word(&sums.vocab, i, &length);

		told(told_arg, bytes, length, sums.sum[i]);
	}
	vocab_free(ctx, &sums.vocab);
	ecml_free(ctx, sums.sum);
}

void
terms_write(EcmlWriter *w, const TermOptions *options)
{
	ecml_write_u8(w, options->least);
	ecml_write_u8(w, options->ngram_low);
	ecml_write_u8(w, options->ngram_high);
	ecml_write_u8(w, options->char_low);
	ecml_write_u8(w, options->char_high);
}

void
terms_read(EcmlReader *r, TermOptions *options)
{
	options->least = ecml_read_u8(r);
	options->ngram_low = ecml_read_u8(r);
	options->ngram_high = ecml_read_u8(r);
	options->char_low = ecml_read_u8(r);
	options->char_high = ecml_read_u8(r);
	if (options->least < 1 || options->ngram_high > TERM_MAX_NGRAM || options->char_high > TERM_MAX_CHARS ||
		(options->ngram_high > 0 && (options->ngram_low < 1 || options->ngram_low > options->ngram_high)) ||
		(options->char_high > 0 && (options->char_low < 1 || options->char_low > options->char_high)) ||
		options->ngram_high + options->char_high == 0)
		ecml_read_corrupted(r, "terms are of no known kind");
}
