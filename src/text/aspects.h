/*
 * aspects.h - which phrases make a text positive or negative, and what they speak of
 */
#ifndef ECML_TEXT_ASPECTS_H
#define ECML_TEXT_ASPECTS_H

#include "num/ctx.h"
#include "text/sentiment.h"

typedef struct SentimentPhrase
{
	size_t		begin;			/* bytes of the text */
	size_t		end;
	double		weight;			/* what it adds to the score */
	size_t		contrasts;		/* of its sentence, before it */
} SentimentPhrase;

/* The phrases that count, strongest first, at most the limit; owned by ctx. */
extern SentimentPhrase *sentiment_phrases(EcmlCtx *ctx, const char *text, size_t n, size_t limit, size_t *count);

typedef struct SentimentAspect
{
	size_t		begin;			/* the noun or nouns that it is about */
	size_t		end;
	size_t		phrase_begin;	/* the clause */
	size_t		phrase_end;
	double		polarity;		/* -1 .. 1 */
} SentimentAspect;

/* In the text's order; owned by ctx. */
extern SentimentAspect *sentiment_aspects(EcmlCtx *ctx, const char *text, size_t n, size_t *count);

#endif							/* ECML_TEXT_ASPECTS_H */
