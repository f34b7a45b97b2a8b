/*
 * summary.h - the sentences and phrases that matter in a text
 */
#ifndef TEXT_SUMMARY_H
#define TEXT_SUMMARY_H

#include "text/bags.h"

typedef struct Span
{
	size_t		from;			/* bytes of the text */
	size_t		to;
	double		score;
} Span;

/* The n sentences that stand for the text best, in its order; their number.  stop: words that do not count; NULL: none. */
extern int	summary_sentences(EcmlCtx *ctx, const char *text, size_t length, int n, const Vocab *stop, Span **spans);

/* The n best key phrases (RAKE), the best first: runs of at most 4 words without stop words and signs between them. */
extern int	summary_phrases(EcmlCtx *ctx, const char *text, size_t length, int n, const Vocab *stop, Span **spans);

#endif							/* TEXT_SUMMARY_H */
