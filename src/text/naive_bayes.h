/*
 * naive_bayes.h - naive Bayes of terms: multinomial, and complement
 */
#ifndef TEXT_NAIVE_BAYES_H
#define TEXT_NAIVE_BAYES_H

#include "text/bags.h"

typedef enum NaiveBayesVariant
{
	NAIVE_BAYES_MULTINOMIAL,
	NAIVE_BAYES_COMPLEMENT
} NaiveBayesVariant;

typedef struct NaiveBayesParams
{
	int			variant;
	double		alpha;			/* added to each count; at least 1e-10 is */
	bool		fit_prior;		/* else all classes are as probable before the text is seen */
	bool		norm;			/* complement: weights of a class divided by their sum */
	bool		binary;			/* a term counts once a row */
	int			min_df;			/* rows that have a term, at least */
	TermOptions terms;
} NaiveBayesParams;

#define NAIVE_BAYES_DEFAULTS {.alpha = 1, .fit_prior = true, .min_df = 1, .terms = {.least = 2, .ngram_low = 1, .ngram_high = 1}}

typedef struct NaiveBayes
{
	NaiveBayesParams params;
	int			classes;
	double	   *class_weight;	/* [classes] of the rows */
	Vocab		vocab;
	size_t	   *first;			/* [vocab.n + 1] the counts of each term */
	uint32_t   *class;			/* [first[vocab.n]], growing within a term */
	double	   *count;			/* above 0 */

	/* derived: a row's score in class c is start[c] + factor[c] sum over its terms (common[term] + delta[term, c] + bias[c]) */
	double	   *start;			/* [classes] */
	double	   *factor;
	double	   *bias;
	double	   *common;			/* [vocab.n] */
	double	   *delta;			/* beside count */
} NaiveBayes;

/* Training row by row; classes are numbered as they come. */
typedef struct NaiveBayesFit NaiveBayesFit;

extern NaiveBayesFit *naive_bayes_begin(EcmlCtx *ctx, const NaiveBayesParams *params);
extern void naive_bayes_row(EcmlCtx *ctx, NaiveBayesFit *fit, const EcmlText *texts, int n, int class, double weight);

/* recode [given]: from the numbers of the rows to those of the model; -1: not used.  Fails when no term is left. */
extern NaiveBayes *naive_bayes_finish(EcmlCtx *ctx, NaiveBayesFit *fit, int classes, const int *recode, int given);

extern void naive_bayes_write(EcmlWriter *w, const NaiveBayes *model);
extern NaiveBayes *naive_bayes_read(EcmlReader *r, int classes);

/* What a row leaves: scratch. */
typedef struct BayesRow
{
	const NaiveBayes *model;
	EcmlCtx    *ctx;
	Bags		bags;			/* one row at a time */
} BayesRow;

extern BayesRow *naive_bayes_open(EcmlCtx *ctx, const NaiveBayes *model);

/* Joint log likelihood of the classes, score [classes], and their probabilities p. */
extern void naive_bayes_predict(BayesRow *row, const EcmlText *texts, int n, double *score, double *p);

/* What one more of a term adds to the score of a class. */
extern double naive_bayes_weight(const NaiveBayes *model, uint32_t term, int class);

/*
 * What the terms of a text, one of n in the row, add to the lead of a class over the other, or over the mean of all, after
 * naive_bayes_predict for the row.  naive_bayes_base: the lead in a row without terms.
 */
extern void naive_bayes_explain(BayesRow *row, const EcmlText *text, int class, TermTold told, void *arg);
extern double naive_bayes_base(const NaiveBayes *model, int class);

#endif							/* TEXT_NAIVE_BAYES_H */
