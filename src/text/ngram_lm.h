/*
 * ngram_lm.h - a language model of n-grams, with interpolated modified Kneser-Ney smoothing
 */
#ifndef TEXT_NGRAM_LM_H
#define TEXT_NGRAM_LM_H

#include "text/bags.h"

typedef struct NgramParams
{
	int			order;			/* words of the longest n-gram */
	int			min_count;		/* words that are in the texts less often are left unknown */
} NgramParams;

#define NGRAM_DEFAULTS {.order = 4, .min_count = 1}
#define NGRAM_MAX_ORDER 6

#define NGRAM_END 0				/* the word that ends a sentence */
#define NGRAM_BEGIN 1			/* stands before the first one; never follows */
#define NGRAM_UNKNOWN 2

/*
 * The n-grams as a tree: node 0 is empty, its children are the words, a child continues its parent by a word.  Children of a node
 * stand together, by word, and nodes by length.
 */
typedef struct NgramModel
{
	int			order;
	Vocab		vocab;			/* the three words above are "", "<s>", "<unk>" */
	uint32_t	n;				/* nodes */
	uint32_t   *word;			/* [n] */
	uint32_t   *count;			/* [n] occurrences; of shorter n-grams, of different words before them */
	uint32_t   *first;			/* [n + 1] children: first[i] .. first[i + 1] - 1 */
	uint32_t   *suffix;			/* [n] the n-gram without its first word; derived */
	uint8_t    *length;			/* [n]; derived */
	double	   *total;			/* [n] sum of the children's counts; derived */
	float	   *back;			/* [n] the probability that is left for the suffix; derived */
	double		discount[NGRAM_MAX_ORDER + 1][3];	/* by length, of counts 1, 2, and more; derived */
} NgramModel;

typedef struct NgramBuilder NgramBuilder;

extern NgramBuilder *ngram_begin(EcmlCtx *ctx, const NgramParams *params);
extern void ngram_text(EcmlCtx *ctx, NgramBuilder *builder, const char *text, size_t length);
extern NgramModel *ngram_finish(EcmlCtx *ctx, NgramBuilder *builder);

extern void ngram_write(EcmlWriter *w, const NgramModel *model);
extern NgramModel *ngram_read(EcmlReader *r);

/* P(word | the words before it, the last n of them) */
extern double ngram_probability(const NgramModel *model, const uint32_t *before, int n, uint32_t word);

/* Log of the probability of a text, its sentence ends among the words; their number in *words. */
extern double ngram_score(const NgramModel *model, const char *text, size_t length, size_t *words);

typedef struct NgramGenerate
{
	int			words;			/* at most */
	double		temperature;	/* 1: as in the texts; less: the likely ones more often */
	int			top;			/* among so many of the likeliest; 0: all */
	bool		sentences;		/* stop at the end of the last whole sentence */
	uint64_t	seed;
} NgramGenerate;

/* What goes on after a text, as a text; its length in *length. */
extern char *ngram_generate(EcmlCtx *ctx, const NgramModel *model, const NgramGenerate *options, const char *prompt, size_t length,
							size_t *result);

/* ---- words and signs of a text, in their order */

typedef struct NgramScan
{
	const uint8_t *start;
	const uint8_t *at;
	const uint8_t *end;
	size_t		from;			/* the one at hand */
	size_t		to;
	bool		ends;			/* a sentence ends behind it */
} NgramScan;

extern void ngram_scan_begin(NgramScan *scan, const char *text, size_t length);
extern bool ngram_scan_next(NgramScan *scan);

#endif							/* TEXT_NGRAM_LM_H */
