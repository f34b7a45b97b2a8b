/*
 * test_sentiment.c - sentiment, phrases, aspects, lemmas, shingles: their laws, and hostile bytes
 */
#include "host.h"

#include <math.h>
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
	ok(polarity("very good") > polarity("good") && polarity("slightly good") < polarity("good"), "stronger and weaker");
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
	test_ctx_free(ctx);
	return done();
}
