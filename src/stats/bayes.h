/*
 * bayes.h - Bayesian comparison of variants: which is the best, and what is lost if it is not
 */
#ifndef ECML_BAYES_H
#define ECML_BAYES_H

#include "num/ctx.h"

#define BAYES_MAX_ARMS 100

/* The posterior of a variant's rate, beta(a, b), or of its mean, normal(a, b). */
typedef struct BayesArm
{
	double		a;
	double		b;
} BayesArm;

typedef struct BayesPosterior
{
	double		mean;
	double		ci_low;			/* equal tails */
	double		ci_high;
	double		best;			/* probability to have the highest */
	double		loss;			/* expected: how much the best is above this one */
} BayesPosterior;

/* of [n] variants, n <= BAYES_MAX_ARMS; beta, or else normal */
extern void bayes_compare(EcmlCtx *ctx, const BayesArm *arms, int n, bool beta, double level, BayesPosterior *posteriors);

#endif							/* ECML_BAYES_H */
