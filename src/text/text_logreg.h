/*
 * text_logreg.h - logistic regression on hashed terms with TF-IDF
 */
#ifndef TEXT_LOGREG_H
#define TEXT_LOGREG_H

#include "text/bags.h"

typedef struct TextLogregParams
{
	TermOptions terms;
	int			bits;			/* terms are numbered by so many bits of their hash */
	double		c;				/* weight of a row's loss beside half the squared length of the coefficients */
	bool		sublinear;		/* 1 + log(count) in place of the count */
	bool		idf;
	bool		intercept;
	bool		balanced;		/* rows weigh inversely to the rows of their class */
	int			min_df;
	double		max_df;			/* share of the rows that may have a term */
	int			max_iter;
	double		tolerance;
	int			names;			/* terms of each class whose spelling is kept */
} TextLogregParams;

#define TEXT_LOGREG_DEFAULTS {.terms = {.least = 2, .ngram_low = 1, .ngram_high = 2}, .bits = 18, .c = 10, .idf = true, \
	.intercept = true, .min_df = 1, .max_df = 1, .max_iter = 100, .tolerance = 1e-2, .names = 100}

#define TEXT_LOGREG_MIN_BITS 8
#define TEXT_LOGREG_MAX_BITS 24

typedef struct TextLogreg
{
	TextLogregParams params;
	int			classes;
	int			outputs;		/* 1 for two classes, else classes */
	uint32_t	columns;
	uint32_t   *slot;			/* [columns] the hash's bits of each, growing */
	float	   *idf;			/* [columns] */
	float	   *w;				/* [columns + 1][outputs]; the last row is the intercept */
	uint32_t   *column;			/* [1 << bits] column + 1, 0: none; derived */
	Vocab		names;			/* spelling of the columns that speak most for some class */
	uint32_t   *named;			/* [names.n] which columns these are */

	/* of the training */
	int			iterations;
	double		change;			/* mean distance of the rows' probabilities from their dual variables in the last pass */
	double		loss;			/* mean log loss over the rows, before their update in the last pass */
} TextLogreg;

/* Training row by row; classes are numbered as they come. */
typedef struct TextLogregFit TextLogregFit;

extern TextLogregFit *text_logreg_begin(EcmlCtx *ctx, const TextLogregParams *params);
extern void text_logreg_row(EcmlCtx *ctx, TextLogregFit *fit, const EcmlText *texts, int n, int class, double weight);

/* recode [given]: from the numbers of the rows to those of the model; -1: not used. */
extern TextLogreg *text_logreg_finish(EcmlCtx *ctx, TextLogregFit *fit, int classes, const int *recode, int given);

extern void text_logreg_write(EcmlWriter *w, const TextLogreg *model);
extern TextLogreg *text_logreg_read(EcmlReader *r, int classes);

/* What a row of texts leaves: scratch. */
typedef struct LogregRow
{
	const TextLogreg *model;
	EcmlCtx    *ctx;
	Bags		bags;			/* one row at a time: columns, and after text_logreg_terms their values */
	float	   *counts;			/* beside the values, of an explanation; NULL: there was none */
} LogregRow;

extern LogregRow *text_logreg_open(EcmlCtx *ctx, const TextLogreg *model);

/* The row's terms in row->bags, of length 1 as a vector. */
extern void text_logreg_terms(LogregRow *row, const EcmlText *texts, int n);

/* Scores z [outputs] and probabilities p [classes] of it. */
extern void text_logreg_predict(LogregRow *row, const EcmlText *texts, int n, double *z, double *p);

/*
 * What the terms of one of the n texts of the row that was predicted last add to the score of a class (of two: the second's, a log
 * of odds).  The rest of the score is text_logreg_base.
 */
extern void text_logreg_explain(LogregRow *row, const EcmlText *texts, int n, int feature, int class, TermTold told, void *arg);
extern double text_logreg_base(const TextLogreg *model, int class);

/* The column of a term, or BAG_NONE. */
static inline uint32_t
text_logreg_column(const TextLogreg *model, uint64_t hash)
{
	return model->column[hash & (((uint64_t) 1 << model->params.bits) - 1)] - 1;
}

#endif							/* TEXT_LOGREG_H */
