/*
 * sentences.h - where sentences begin and end, after Kiss and Strunk's Punkt, one at a time, without memory
 *
 *     SentenceScan scan;
 *     sentences_begin(&scan, ctx, text, n);
 *     while (sentences_next(&scan, &begin, &end)) ...
 */
#ifndef ECML_TEXT_SENTENCES_H
#define ECML_TEXT_SENTENCES_H

#include <stdbool.h>
#include <stddef.h>

#include "num/ctx.h"

typedef struct SentenceScan
{
	EcmlCtx    *ctx;
	const char *text;
	size_t		n;
	size_t		poll_at;		/* where the next poll is due */
	size_t		at;				/* where the search for the next mark goes on */
	bool		searched;		/* there are no more marks */

	/* the mark found last, which waits until it is known that its word holds no later one */
	bool		held;
	size_t		word;			/* where its word begins */
	size_t		mark;
	size_t		next;			/* where the next token begins after space; 0: punctuation follows */

	/* a sentence waits until it is known what closes it behind its mark */
	bool		begun;
	bool		sliced;			/* the last one is out */
	bool		ended;
	size_t		slice_begin;	/* of the next slice */
	size_t		begin;			/* of the waiting slice */
	size_t		end;
} SentenceScan;

extern void sentences_begin(SentenceScan *scan, EcmlCtx *ctx, const char *text, size_t n);
extern bool sentences_next(SentenceScan *scan, size_t *begin, size_t *end);

#endif							/* ECML_TEXT_SENTENCES_H */
