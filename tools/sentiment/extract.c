/*
 * extract.c - the features of texts as sentiment.c sees them, for train.py: a library for ctypes
 *
 * Built with -DSENTIMENT_LEARNS=1, so that every word, pair and negation is told, known or not.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "text/sentiment.h"

typedef struct Out
{
	const char *text;
	uint32_t   *hash;
	float	   *value;
	uint32_t   *begin;
	uint32_t   *end;
	size_t		n;
	size_t		room;
	size_t		sentence;		/* where the sentence's features begin */
	size_t		sentences;		/* that have words */
} Out;

static void
go_on(EcmlCtx *ctx, double done, double total)
{
}

static void
feature(void *arg, uint32_t hash, double value, double weight, size_t begin, size_t end)
{
	Out		   *out = arg;

	if (out->n == out->room)
		return;
	out->hash[out->n] = hash;
	out->value[out->n] = (float) value;
	out->begin[out->n] = (uint32_t) begin;
	out->end[out->n++] = (uint32_t) end;
}

static void
contrast(void *arg)
{
	Out		   *out = arg;

	for (size_t i = out->sentence; i < out->n; i++)
		out->value[i] *= SENTIMENT_CONTRAST;
}

static void
clause(void *arg, size_t at)
{
}

static void
sentence(void *arg, size_t at, size_t words)
{
	Out		   *out = arg;

	for (size_t i = out->sentence; i < out->n; i++)
		out->value[i] *= (float) sentiment_scale(words);
	out->sentence = out->n;
	out->sentences += words > 0;
}

extern size_t extract(const char *text, size_t n, uint32_t *hash, float *value, uint32_t *begin, uint32_t *end, size_t room,
					  size_t *words);

size_t
extract(const char *text, size_t n, uint32_t *hash, float *value, uint32_t *begin, uint32_t *end, size_t room, size_t *words)
{
	Out			out = {text, hash, value, begin, end, 0, room, 0, 0};
	SentimentSink sink = {feature, contrast, clause, sentence, &out};
	SentimentTotals totals;
	static const EcmlHost host = {.poll = go_on};
	EcmlCtx		ctx = {.host = &host};

	sentiment_read(&ctx, text, n, &sink, &totals);
	for (size_t i = 0; i < out.n && out.sentences > 1; i++)
		out.value[i] /= sqrtf((float) out.sentences);
	*words = totals.words;
	return out.n;
}
