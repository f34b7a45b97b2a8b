/*
 * sentiment.h - how positive and how subjective an English text is, from learnt weights of words and pairs of words
 *
 * No memory is taken; one look-up a word, one more for a pair that may be known.  Method and figures: README.md.
 */
#ifndef ECML_TEXT_SENTIMENT_H
#define ECML_TEXT_SENTIMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "num/ctx.h"

typedef struct Sentiment
{
	double		polarity;		/* -1 .. 1; 0: nothing that counts was found */
	double		subjectivity;	/* 0 .. 1 */
} Sentiment;

/* What is told of a text while it is read.  Offsets are of bytes. */
typedef struct SentimentSink
{
	/* a feature that stands at text [begin .. end): its hash, how much it counts; what it adds to the score, 0: it is not known */
	void		(*feature) (void *arg, uint32_t hash, double value, double weight, size_t begin, size_t end);
	void		(*contrast) (void *arg);	/* what came before in this sentence counts less */
	void		(*clause) (void *arg, size_t at);	/* a comma, semicolon or conjunction */
	void		(*sentence) (void *arg, size_t at, size_t words);	/* a sentence of so many words ends */
	void	   *arg;
} SentimentSink;

typedef struct SentimentTotals
{
	size_t		words;
	size_t		markers;		/* words of opinion */
} SentimentTotals;

/* The ctx is polled only. */
extern void sentiment_read(EcmlCtx *ctx, const char *text, size_t n, const SentimentSink *sink, SentimentTotals *totals);
extern Sentiment sentiment_of(EcmlCtx *ctx, const char *text, size_t n);

/* What a sentence of so many words is counted by. */
extern double sentiment_scale(size_t words);

/* From a sum of weights over a sentence of so many words to -1 .. 1. */
extern double sentiment_polarity(double score, size_t words);

#define SENTIMENT_CONTRAST 0.5	/* what stands before a "but" counts so much */

#endif							/* ECML_TEXT_SENTIMENT_H */
