/*
 * bags.h - texts as bags of numbered terms: vocabularies, pairs of numbers, sparse rows of counts
 *
 * Vocabulary and pairs are hash tables with open addressing whose entries are numbered in the order in which they came.
 */
#ifndef TEXT_BAGS_H
#define TEXT_BAGS_H

#include "num/bytes.h"
#include "num/ctx.h"
#include "text/words.h"

#define BAG_NONE UINT32_MAX

/* ---- strings, each with the next number */

typedef struct Vocab
{
	uint32_t	n;
	size_t	   *start;			/* [n + 1] where each begins in bytes */
	uint32_t   *hash;			/* [n] */
	char	   *bytes;			/* without zeros between them */
	uint32_t   *slots;			/* [nslots] number + 1; 0: free */
	uint32_t	nslots;			/* a power of two */
	size_t		capacity;		/* of start and hash */
	size_t		room;			/* of bytes */
} Vocab;

extern void vocab_init(EcmlCtx *ctx, Vocab *vocab);
extern uint32_t vocab_find(const Vocab *vocab, const char *bytes, size_t length);	/* BAG_NONE: it has none */
extern uint32_t vocab_add(EcmlCtx *ctx, Vocab *vocab, const char *bytes, size_t length);
extern void vocab_free(EcmlCtx *ctx, Vocab *vocab);

static inline const char *
vocab_word(const Vocab *vocab, uint32_t i, int *length)
{
	*length = (int) (vocab->start[i + 1] - vocab->start[i]);
	return vocab->bytes + vocab->start[i];
}

/* Numbers in the order of their strings' bytes, [n]. */
extern uint32_t *vocab_order(EcmlCtx *ctx, const Vocab *vocab);

/* All strings, each with its length, in the order of their numbers; reading builds the table. */
extern void vocab_write(EcmlWriter *w, const Vocab *vocab);
extern void vocab_read(EcmlReader *r, Vocab *vocab);

/* ---- pairs of numbers, each with the next number */

typedef struct Pairs
{
	uint32_t	n;
	uint32_t   *a;				/* [n] */
	uint32_t   *b;
	uint32_t   *slots;
	uint32_t	nslots;
	size_t		capacity;
} Pairs;

extern void pairs_init(EcmlCtx *ctx, Pairs *pairs);
extern uint32_t pairs_find(const Pairs *pairs, uint32_t a, uint32_t b);
extern uint32_t pairs_add(EcmlCtx *ctx, Pairs *pairs, uint32_t a, uint32_t b);
extern void pairs_free(EcmlCtx *ctx, Pairs *pairs);

/* ---- rows of counts: each column once a row, in the order in which they came */

typedef struct Bags
{
	size_t		n;				/* rows, the open one not among them */
	size_t		nnz;
	size_t	   *start;			/* [n + 1] */
	uint32_t   *column;			/* [nnz] */
	float	   *value;
	uint32_t   *mark;			/* [nmark] of a column: 1 + where it stood last */
	size_t		nmark;
	size_t		row_capacity;
	size_t		capacity;
} Bags;

extern void bags_init(EcmlCtx *ctx, Bags *bags, size_t columns);
extern void bags_add(EcmlCtx *ctx, Bags *bags, uint32_t column);	/* once more in the open row */
extern void bags_end(EcmlCtx *ctx, Bags *bags);	/* the next row */
extern void bags_reset(Bags *bags);	/* no rows; memory stays */

/* ---- terms of a text */

typedef struct TermOptions
{
	int			least;			/* characters of a word */
	int			ngram_low;		/* words of a term; high 0: words make none */
	int			ngram_high;
	int			char_low;		/* characters of a term within a word, blanks around it among them; high 0: none */
	int			char_high;
} TermOptions;

#define TERM_MAX_NGRAM 5
#define TERM_MAX_CHARS 8

/*
 * A term: its hash, and for words what it is made of.  Of a term of words: text from .. to is where it stands.
 */
typedef struct Term
{
	uint64_t	hash;
	const char *bytes;			/* words with blanks between them; NULL unless they were asked for */
	int			length;
	size_t		from;
	size_t		to;
} Term;

typedef void (*TermFunction) (void *arg, const Term *term);

/* All terms of a text, one by one; spell: with their bytes. */
extern void terms_scan(const TermOptions *options, const char *text, size_t length, bool spell, TermFunction function, void *arg);

/*
 * What each different term of a text adds up to: weight of each of its occurrences, summed, and told in the order in which the
 * terms came.  Terms of weight 0 are left out.
 */
typedef double (*TermWeight) (void *arg, const Term *term);
typedef void (*TermTold) (void *arg, const char *bytes, int length, double sum);
extern void terms_sum(EcmlCtx *ctx, const TermOptions *options, const EcmlText *text, TermWeight weight, void *weight_arg,
					  TermTold told, void *told_arg);

extern void terms_write(EcmlWriter *w, const TermOptions *options);
extern void terms_read(EcmlReader *r, TermOptions *options);

#endif							/* TEXT_BAGS_H */
