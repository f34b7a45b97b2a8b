/*
 * summary.c - summaries and key phrases
 *
 * Sentences: TextRank (Mihalcea and Tarau, 2004) with the likeness of LexRank (Erkan and Radev, 2004), the cosine of TF-IDF vectors.
 * The likeness of all pairs is the product of the sentences' matrix with its transpose, and is never written down: a step of the
 * walk multiplies by one and then by the other, so that time is regular in the length of the text.
 *
 * Phrases: RAKE (Rose, Engel, Cramer and Cowley, 2010): a word's score is the sum of the lengths of the phrases that have it over
 * their number, a phrase's the sum of its words'.
 */
#include "summary.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "text/ngram_lm.h"

#define DAMPING 0.85
#define STEPS 100
#define TOLERANCE 1e-6
#define PHRASE_WORDS 4

/* ---- sentences */

static Span *
split(EcmlCtx *ctx, const char *text, size_t length, size_t *n)
{
	Span	   *spans = NULL;
	size_t		capacity = 0;
	NgramScan	scan;
	bool		open = false;

	*n = 0;
	ngram_scan_begin(&scan, text, length);
	while (ngram_scan_next(&scan))
	{
		if (!open)
		{
			if (*n == capacity)
			{
				spans = ecml_resize_array(ctx, spans, capacity * 2 + 64, sizeof(Span));
				capacity = capacity * 2 + 64;
			}
			spans[(*n)++] = (Span) {scan.from, scan.to, 0};
			open = true;
		}
		spans[*n - 1].to = scan.to;
		if (scan.ends)
			open = false;
	}
	return spans;
}

/* out = S v, S the likeness of the sentences with themselves left out. */
static void
multiply(const Bags *bags, size_t words, const double *v, double *w, double *out)
{
	memset(w, 0, words * sizeof(double));
	for (size_t i = 0; i < bags->n; i++)
		for (size_t j = bags->start[i]; j < bags->start[i + 1]; j++)
			w[bags->column[j]] += bags->value[j] * v[i];
	for (size_t i = 0; i < bags->n; i++)
	{
		double		sum = bags->start[i + 1] > bags->start[i] ? -v[i] : 0;

		for (size_t j = bags->start[i]; j < bags->start[i + 1]; j++)
			sum += bags->value[j] * w[bags->column[j]];
		out[i] = sum > 0 ? sum : 0;
	}
}

static int
compare_spans(const void *a, const void *b)
{
	const Span *x = a;
	const Span *y = b;

	if (x->score != y->score)
		return x->score > y->score ? -1 : 1;
	return x->from < y->from ? -1 : x->from > y->from;
}

static int
compare_places(const void *a, const void *b)
{
	const Span *x = a;
	const Span *y = b;

	return x->from < y->from ? -1 : x->from > y->from;
}

static void
rank_sentences(EcmlCtx *ctx, Bags *bags, size_t words, Span *spans)
{
	size_t		n = bags->n;
	double	   *rank = ECML_NEW(ctx, double, n);
	double	   *share = ECML_NEW(ctx, double, n);
	double	   *next = ECML_NEW(ctx, double, n);
	double	   *degree = ECML_NEW(ctx, double, n);
	double	   *w = ECML_NEW(ctx, double, words + 1);

	for (size_t i = 0; i < n; i++)
		rank[i] = 1;
	multiply(bags, words, rank, w, degree);
	for (int step = 0; step < STEPS; step++)
	{
		double		change = 0;

		for (size_t i = 0; i < n; i++)
			share[i] = degree[i] > 1e-12 ? rank[i] / degree[i] : 0;
		multiply(bags, words, share, w, next);
		for (size_t i = 0; i < n; i++)
		{
			double		r = 1 - DAMPING + DAMPING * next[i];

			change += fabs(r - rank[i]);
			rank[i] = r;
		}
		ecml_poll(ctx, 0, 0);
		if (change <= TOLERANCE * n)
			break;
	}
	for (size_t i = 0; i < n; i++)
		spans[i].score = rank[i];
	ecml_free(ctx, rank);
	ecml_free(ctx, share);
	ecml_free(ctx, next);
	ecml_free(ctx, degree);
	ecml_free(ctx, w);
}

int
summary_sentences(EcmlCtx *ctx, const char *text, size_t length, int n, const Vocab *stop, Span **result)
{
	size_t		count;
	Span	   *spans = split(ctx, text, length, &count);
	Vocab		vocab;
	Bags		bags;
	uint32_t   *df;
	Words		words;

	vocab_init(ctx, &vocab);
	bags_init(ctx, &bags, 256);
	for (size_t i = 0; i < count; i++)
	{
		words_begin(&words, text + spans[i].from, spans[i].to - spans[i].from, 1);
		while (words_next(&words))
			if (stop == NULL || vocab_find(stop, words.word, words.length) == BAG_NONE)
				bags_add(ctx, &bags, vocab_add(ctx, &vocab, words.word, words.length));
		bags_end(ctx, &bags);
	}
	df = ECML_NEW0(ctx, uint32_t, vocab.n);
	for (size_t j = 0; j < bags.nnz; j++)
		df[bags.column[j]]++;
	for (size_t i = 0; i < count; i++)
	{
		double		square = 0;

		for (size_t j = bags.start[i]; j < bags.start[i + 1]; j++)
		{
			bags.value[j] *= (float) (log((1.0 + count) / (1.0 + df[bags.column[j]])) + 1);
			square += (double) bags.value[j] * bags.value[j];
		}
		for (size_t j = bags.start[i]; square > 0 && j < bags.start[i + 1]; j++)
			bags.value[j] /= (float) sqrt(square);
	}
	if (count > (size_t) n)
	{
		rank_sentences(ctx, &bags, vocab.n, spans);
		qsort(spans, count, sizeof(Span), compare_spans);
		count = n;
		qsort(spans, count, sizeof(Span), compare_places);
	}
	vocab_free(ctx, &vocab);
	*result = spans;
	return (int) count;
}

/* ---- phrases */

typedef struct Phrase
{
	size_t		from;
	size_t		to;
	uint32_t	words[PHRASE_WORDS];
	int			n;
} Phrase;

/* Is there nothing but blanks and hyphens between two words? */
static bool
adjoin(const char *text, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		if (text[i] != ' ' && text[i] != '-' && text[i] != '\'')
			return false;
	return true;
}

int
summary_phrases(EcmlCtx *ctx, const char *text, size_t length, int n, const Vocab *stop, Span **result)
{
	Phrase	   *phrases = NULL;
	size_t		count = 0;
	size_t		capacity = 0;
	Vocab		vocab;
	Vocab		known;			/* phrases, by their words */
	double	   *degree;
	double	   *frequency;
	Words		words;
	size_t		end = 0;
	bool		open = false;
	Span	   *spans;
	size_t		m = 0;

	vocab_init(ctx, &vocab);
	words_begin(&words, text, length, 1);
	while (words_next(&words))
	{
		bool		number = words.word[0] >= '0' && words.word[0] <= '9';
		uint32_t	word;

		if ((stop && vocab_find(stop, words.word, words.length) != BAG_NONE) || (words.chars < 2 && !number))
		{
			open = false;
			continue;
		}
		word = vocab_add(ctx, &vocab, words.word, words.length);
		if (!open || !adjoin(text, end, words.from) || phrases[count - 1].n == PHRASE_WORDS)
		{
			if (count == capacity)
			{
				phrases = ecml_resize_array(ctx, phrases, capacity * 2 + 64, sizeof(Phrase));
				capacity = capacity * 2 + 64;
			}
			phrases[count++] = (Phrase) {.from = words.from};
			open = true;
		}
		phrases[count - 1].words[phrases[count - 1].n++] = word;
		phrases[count - 1].to = end = words.to;
		if ((count & 4095) == 0)
			ecml_poll(ctx, 0, 0);
	}
	degree = ECML_NEW0(ctx, double, vocab.n);
	frequency = ECML_NEW0(ctx, double, vocab.n);
	for (size_t i = 0; i < count; i++)
		for (int j = 0; j < phrases[i].n; j++)
		{
			degree[phrases[i].words[j]] += phrases[i].n;
			frequency[phrases[i].words[j]]++;
		}
	vocab_init(ctx, &known);
	spans = ECML_NEW(ctx, Span, count);
	for (size_t i = 0; i < count; i++)
	{
		uint32_t	before = known.n;
		double		score = 0;

		if (vocab_add(ctx, &known, (const char *) phrases[i].words, phrases[i].n * sizeof(uint32_t)) < before)
			continue;
		for (int j = 0; j < phrases[i].n; j++)
			score += degree[phrases[i].words[j]] / frequency[phrases[i].words[j]];
		spans[m++] = (Span) {phrases[i].from, phrases[i].to, score};
	}
	qsort(spans, m, sizeof(Span), compare_spans);
	ecml_free(ctx, phrases);
	ecml_free(ctx, degree);
	ecml_free(ctx, frequency);
	vocab_free(ctx, &vocab);
	vocab_free(ctx, &known);
	*result = spans;
	return m < (size_t) n ? (int) m : n;
}
