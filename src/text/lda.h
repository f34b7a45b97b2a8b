/*
 * lda.h - topics of texts: latent Dirichlet allocation
 */
#ifndef TEXT_LDA_H
#define TEXT_LDA_H

#include "text/bags.h"

typedef struct LdaParams
{
	int			topics;
	int			iterations;
	int			burn_in;		/* iterations before the hyperparameters move, and before samples are averaged */
	double		alpha;			/* of each topic in a document, at first; 0: 5 / topics, at most 0.1 */
	double		eta;			/* of each word in a topic */
	bool		optimize;		/* learn alpha, of each topic its own, and eta */
	int			min_df;			/* documents that have a word, at least; 0: 2 of LDA_MANY and more, else 1 */
	double		max_df;			/* share of the documents that may have it; 0: 0.9 of LDA_MANY and more, else all */
	int			max_words;		/* the most frequent ones; 0: all */
	int			least;			/* characters of a word */
	double		holdout;		/* share of the documents that are held out, to tell the perplexity; 0: none */
	int			coherence_words;	/* first words of a topic that its coherence looks at */
} LdaParams;

#define LDA_DEFAULTS {.topics = 20, .iterations = 500, .burn_in = 100, .alpha = 0, .eta = 0.01, .optimize = true, .min_df = 0, \
	.max_df = 0, .max_words = 0, .least = 3, .holdout = 0, .coherence_words = 10}

#define LDA_MAX_TOPICS 1000
#define LDA_MANY 100			/* documents */

typedef struct Lda
{
	int			topics;
	int			stride;			/* topics rounded up to full vectors */
	int			least;
	Vocab		vocab;
	double	   *alpha;			/* [topics] */
	double		eta;
	uint64_t   *topic_tokens;	/* [topics] */
	/* counts of word and topic that are not 0, averaged over samples, by word */
	size_t	   *first;			/* [vocab.n + 1] */
	uint16_t   *topic;
	float	   *count;

	float	   *phi;			/* [vocab.n][stride] probability of the word in each topic; derived */

	/* of the training */
	size_t		documents;
	size_t		tokens;
	double		perplexity;		/* of the documents that were trained on */
	double		held_out;		/* of others, by completion: their second half, given the first; NaN: none was held out */
	double		umass;			/* mean over the topics */
	double		npmi;
} Lda;

/* Texts, one by one; then the stop words that they are to be without. */
typedef struct LdaCorpus LdaCorpus;

extern LdaCorpus *lda_begin(EcmlCtx *ctx, const LdaParams *params);
extern void lda_stop_word(EcmlCtx *ctx, LdaCorpus *corpus, const char *word, int length);	/* before the first document */
extern void lda_document(EcmlCtx *ctx, LdaCorpus *corpus, const EcmlText *texts, int n);
extern Lda *lda_fit(EcmlCtx *ctx, LdaCorpus *corpus, const LdaParams *params);

extern void lda_write(EcmlWriter *w, const Lda *model);
extern Lda *lda_read(EcmlReader *r);

/* The mix of topics of a text, theta [topics], its sum 1; gives the number of its words that the model knows. */
typedef struct LdaCall
{
	const Lda  *model;
	EcmlCtx    *ctx;
	Bags		bags;
	float	   *gamma;			/* [stride] */
	float	   *share;			/* [stride] */
	float	   *next;			/* [stride] */
} LdaCall;

extern LdaCall *lda_open(EcmlCtx *ctx, const Lda *model);
extern size_t lda_mix(LdaCall *call, const EcmlText *texts, int n, double *theta);

/* log likelihood of the second half of a text's words, given the topics that the first half has; their number in *words. */
extern double lda_complete(LdaCall *call, const EcmlText *texts, int n, size_t *words);

/* The n most probable words of a topic, the first first; their number. */
extern int	lda_words(EcmlCtx *ctx, const Lda *model, int topic, int n, uint32_t *words);

#endif							/* TEXT_LDA_H */
