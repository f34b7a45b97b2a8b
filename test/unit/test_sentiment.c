/*
 * test_sentiment.c - sentiment, phrases, aspects, lemmas, shingles: their laws, and hostile bytes
 */
#include "host.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text/aspects.h"
#include "text/lemma.h"
#include "text/similarity.h"

static EcmlCtx *ctx;

static double
polarity(const char *text)
{
	return sentiment_of(ctx, text, strlen(text)).polarity;
}

static bool
lemma_is(const char *word, unsigned part, const char *want)
{
	char		out[LEMMA_LONGEST + 1];
	size_t		n = lemma_of(word, strlen(word), part, out);

	return n == strlen(want) && memcmp(out, want, n) == 0;
}

/* Does a poll of the work cancel it? */
static bool
sentiment_is_cancelled(const char *text, size_t n, long after)
{
	test_host(ctx)->cancelled = false;
	test_host(ctx)->cancel_after = after;
	if (TRY(ctx))
		(void) sentiment_of(ctx, text, n);
	test_host(ctx)->cancel_after = -1;
	return test_host(ctx)->cancelled;
}

static bool
shingles_are_cancelled(const char *text, size_t n, long after)
{
	size_t		count;

	test_host(ctx)->cancelled = false;
	test_host(ctx)->cancel_after = after;
	if (TRY(ctx))
		(void) shingles_of(ctx, text, n, 6, &count);
	test_host(ctx)->cancel_after = -1;
	return test_host(ctx)->cancelled;
}

/* Long texts can be cancelled wherever they are, and take the memory that they are allowed. */
static void
long_texts(void)
{
	size_t		n = 4 * 1024 * 1024;
	char	   *text = ECML_NEW(ctx, char, n);
	size_t		count;
	uint64_t   *set;
	bool		sorted = true;
	long		polls;

	for (int kind = 0; kind < 3; kind++)
	{
		for (size_t i = 0; i < n; i++)
			text[i] = "a    b good"[kind == 0 ? 0 : kind == 1 ? 4 : i % 11];
		ok(sentiment_is_cancelled(text, n, 2), "a long text is cancelled (%d)", kind);
	}
	for (size_t i = 0; i < n; i++)
		text[i] = (char) ('a' + ecml_rng_below(&ctx->rng, 26));
	set = shingles_of(ctx, text, n / 8, 6, &count);
	for (size_t i = 1; i < count; i++)
		sorted &= set[i - 1] < set[i];
	ok(sorted && count > 100000, "%zu shingles are in order, each once", count);
	for (polls = 0; polls < 100 && shingles_are_cancelled(text, n / 8, polls); polls++)
		;
	ok(polls > 20 && polls < 100, "and can be cancelled at each of %ld polls", polls);
	ctx->budget = ctx->used + 1000000;
	if (TRY(ctx))
	{
		(void) shingles_of(ctx, text, n, 6, &count);
		ok(false, "more memory than allowed");
	}
	else
		ok(test_host(ctx)->status == ECML_LIMIT_EXCEEDED, "more memory than allowed is an error");
	ctx->budget = 0;
}

/* ------------------------------------------------------------------------- the list, searched by spelling */

#define LIST "src/text/sentiment_words.tsv"
#define KINDS "src/text/sentiment_kinds.tsv"
#define WORD 64

typedef struct Entry
{
	char		name[WORD];
	int			weight;			/* hundredths */
} Entry;

static int
by_name(const void *a, const void *b)
{
	return strcmp(((const Entry *) a)->name, ((const Entry *) b)->name);
}

static Entry *
read_list(const char *path, size_t *n)
{
	FILE	   *file = fopen(path, "r");
	Entry	   *all = NULL;
	size_t		room = 0;
	char		line[256];

	*n = 0;
	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
	{
		char	   *tab = strchr(line, '\t');

		if (tab == NULL || tab - line >= WORD)
			continue;
		*tab = 0;
		if (*n == room)
			all = realloc(all, (room = 2 * room + 1000) * sizeof(Entry));
		strcpy(all[*n].name, line);
		all[(*n)++].weight = atoi(tab + 1);
	}
	if (file != NULL)
		fclose(file);
	qsort(all, *n, sizeof(Entry), by_name);
	return all;
}

static const Entry *
entry_of(const Entry *list, size_t n, const char *a, const char *b, const char *c)
{
	Entry		key = {.weight = 0};

	if (snprintf(key.name, WORD, "%s%s%s%s%s", a, *b ? " " : "", b, *c ? " " : "", c) >= WORD)
		return NULL;
	return bsearch(&key, list, n, sizeof(Entry), by_name);
}

static int
weight_in(const Entry *list, size_t n, const char *a, const char *b, const char *c)
{
	const Entry *entry = entry_of(list, n, a, b, c);

	return entry == NULL ? 0 : entry->weight;
}

/* Short texts of words that act on no others, where a comma or nothing stands between them: sums of the list's weights. */
static void
list_by_spelling(void)
{
	size_t		n;
	size_t		kinds_n;
	Entry	   *list = read_list(LIST, &n);
	Entry	   *kinds = read_list(KINDS, &kinds_n);
	EcmlRng		rng;
	int			texts = 0;
	int			same = 0;
	size_t		phrases[3] = {0, 0, 0};

	ok(n > 1000 && kinds_n > 100, "the list is read: %zu entries", n);
	ecml_rng_seed(&rng, 5);
	for (int round = 0; round < 10000 && n > 0; round++)
	{
		char		text[8 * WORD] = "";
		char		words[8][WORD];
		int			count = 0;
		int			from = 0;
		double		sum = 0;

		/* one or two entries of the list, word by word */
		for (int e = (int) ecml_rng_below(&rng, 2); e >= 0; e--)
		{
			char		name[WORD];

			strcpy(name, list[ecml_rng_below(&rng, n)].name);
			for (char *word = strtok(name, " "); word != NULL && count < 7; word = strtok(NULL, " "))
				strcpy(words[count++], strcmp(word, "*") == 0 ? "zzqx" : word);
		}
		for (int i = 0; i < count; i++)
		{
			size_t		length = strlen(words[i]);

			/* letters only; nothing that acts on others, nor letters that repeat */
			if (strspn(words[i], "abcdefghijklmnopqrstuvwxyz") != length || entry_of(kinds, kinds_n, words[i], "", "") != NULL)
				count = 0;
		}
		for (int i = 0; i < count; i++)
		{
			bool		comma = i > 0 && ecml_rng_below(&rng, 8) == 0;
			int			found[3] = {0, 0, 0};

			if (comma)
				from = i;
			strcat(strcat(text, i == 0 ? "" : comma ? ", " : " "), words[i]);
			sum += weight_in(list, n, words[i], "", "");
			if (i - from >= 1)
				found[0] = weight_in(list, n, words[i - 1], words[i], "");
			if (i - from >= 2)
			{
				found[1] = weight_in(list, n, words[i - 2], "*", words[i]);
				found[2] = weight_in(list, n, words[i - 2], words[i - 1], words[i]);
			}
			for (int k = 0; k < 3; k++)
			{
				sum += found[k];
				phrases[k] += found[k] != 0;
			}
		}
		texts += count > 0;
		same += count > 0 && fabs(polarity(text) - sentiment_polarity(sum / 100, (size_t) count)) < 1e-9;
	}
	/* hashes have 32 bits: of some 100,000 that are looked up about 3 are taken for others of the list */
	ok(texts > 5000 && same >= texts - 15, "the sum of what the list says by spelling, %d of %d texts of a few words", same, texts);
	ok(phrases[0] > 100 && phrases[1] > 100 && phrases[2] > 100, "phrases were met: %zu pairs, %zu with a word between, %zu runs of three",
	   phrases[0], phrases[1], phrases[2]);
	free(list);
	free(kinds);
}

/* Words in the midst of a text are read eight bytes at a time, those at its end byte by byte: both find the same. */
static void
both_readings(void)
{
	static const char *const odd[] = {"", "'s", "n't", "3", "\xC3\xA9", "\xE2\x80\x99s", "-", "_", ":)", "!"};
	size_t		n;
	Entry	   *list = read_list(LIST, &n);
	EcmlRng		rng;
	int			same = 0;
	int			told = 0;

	ecml_rng_seed(&rng, 8);
	for (int round = 0; round < 5000 && n > 0; round++)
	{
		char		text[256] = "";
		size_t		length = 0;
		double		alone;

		for (const char *s = list[ecml_rng_below(&rng, n)].name; *s; s++)
		{
			size_t		times = ecml_rng_below(&rng, 20) == 0 ? 2 + ecml_rng_below(&rng, 9) : 1;

			while (times-- > 0 && length < 150)
				text[length++] = (char) (*s >= 'a' && *s <= 'z' && ecml_rng_below(&rng, 4) == 0 ? *s - 32 : *s);
		}
		text[length] = 0;
		strcat(text, odd[ecml_rng_below(&rng, 4) == 0 ? ecml_rng_below(&rng, sizeof(odd) / sizeof(odd[0])) : 0]);
		alone = polarity(text);
		strcat(text, "                ");
		same += polarity(text) == alone;
		told += alone != 0;
	}
	ok(n > 0 && same == 5000 && told > 1000, "%d of 5,000 words and phrases the same at the end of a text and before it (%d known)", same, told);
	free(list);
}

int
main(void)
{
	static const char *const parts[] = {
		"good", "not", " ", "but", ",", ".", "!", "'", ":)", ":-(", "<3", "\xE2\x9D\xA4", "\xF0\x9F\x98\x80", "\xE2\x80\x99", "\xE2\x80\x8D", "\xFF",
		"\xF0\x9F", "\xC0\xAF", "very", "battery", "and", "awful", "5.5", "\n", "sooooo", "\xC3\x84"
	};
	EcmlRng		rng;
	bool		fine = true;
	size_t		n;
	size_t		m;
	uint64_t   *a;
	uint64_t   *b;

	ctx = test_ctx(1, 1);
	ok(polarity("great") > 0 && polarity("not great") < 0 && polarity("awful") < 0, "words and negation");
	ok(polarity("GREAT") == polarity("great") && polarity("soooooo great") == polarity("soo great"), "capitals and repeated letters");
	ok(polarity("it isn't good") == polarity("it isn\xE2\x80\x99t good"), "both apostrophes");
	ok(polarity("very good") > polarity("good very") && polarity("slightly good") < polarity("good slightly"), "stronger and weaker, beside the same words that act on nothing");
	close_to(polarity("good. great stuff here!"), tanh((atanh(polarity("good")) + atanh(polarity("great stuff here!"))) / sqrt(2)), 1e-12,
			 "sentences, each by its length");
	ok(polarity("") == 0 && polarity("zzqx 77") == 0, "nothing known");
	ok(lemma_is("dogs", LEMMA_NOUN, "dog") && lemma_is("went", LEMMA_VERB, "go") && lemma_is("better", LEMMA_ADJECTIVE, "good") &&
	   lemma_is("men", LEMMA_NOUN, "men") && lemma_is("us", LEMMA_NOUN, "u") && lemma_is("zzz", LEMMA_NOUN, ""), "lemmas");
	a = shingles_of(ctx, "abcde", 5, 4, &n);
	b = shingles_of(ctx, "ABCDF", 5, 4, &m);
	close_to(shingles_jaccard(a, n, b, m), 1 / 3.0, 1e-15, "one shingle of three is shared");

	ecml_rng_seed(&rng, 3);
	for (int round = 0; round < 3000; round++)
	{
		char		text[512];
		char	   *exact;
		size_t		length = 0;
		size_t		count;
		Sentiment	s;

		for (int i = (int) ecml_rng_below(&rng, 25); i >= 0; i--)
		{
			const char *part = parts[ecml_rng_below(&rng, sizeof(parts) / sizeof(parts[0]))];

			memcpy(text + length, part, strlen(part));
			length += strlen(part);
		}
		exact = malloc(length);
		memcpy(exact, text, length);
		s = sentiment_of(ctx, exact, length);
		fine &= fabs(s.polarity) <= 1 && s.subjectivity >= 0 && s.subjectivity <= 1;
		for (SentimentPhrase *p = sentiment_phrases(ctx, exact, length, 20, &count); count > 0; count--, p++)
			fine &= p->begin < p->end && p->end <= length;
		for (SentimentAspect *p = sentiment_aspects(ctx, exact, length, &count); count > 0; count--, p++)
			fine &= p->begin < p->end && p->end <= length && p->phrase_begin <= p->phrase_end && p->phrase_end <= length &&
				fabs(p->polarity) <= 1;
		(void) shingles_of(ctx, exact, length, 4, &count);
		free(exact);
	}
	ok(fine, "odd parts and broken bytes: what is told lies in the text");
	long_texts();
	list_by_spelling();
	both_readings();
	test_ctx_free(ctx);
	return done();
}
