/*
 * cox_internal.h - what the files of cox share: rows in order of stratum and falling time
 */
#ifndef ECML_COX_INTERNAL_H
#define ECML_COX_INTERNAL_H

#include "survival/cox.h"

#define COX_SLOTS 16			/* partial sums of matrices */

/* Rows of one stratum and one time. */
typedef struct CoxGroup
{
	size_t		first;			/* row */
	size_t		end;
	double		time;
	bool		new_stratum;	/* the first group of a stratum */
	int64_t		events;
	double		weight;			/* of the events */
	/* of the likelihood at the present coefficients; hazards relative to e^shift */
	double		risk;			/* sum of w e^eta over all rows of the stratum with this time or a later one */
	double		tied;			/* the same over the events of this time */
	double		c1;				/* increment of the cumulative hazard */
	double		c2;				/* what Efron takes off it for the events themselves */
	double		cumulative;		/* of the increments of this time and of earlier ones */
	double		a;				/* weights of risk x risk, risk x tied, tied x tied in the information */
	double		b;
	double		c;
} CoxGroup;

typedef struct CoxRows
{
	size_t		n;
	int			p;				/* columns kept: those of terms with a coefficient */
	int		   *terms;			/* [p] their numbers */
	double	   *x;				/* [n][p] standardised; NULL: not kept */
	double	   *w;				/* [n] */
	uint8_t    *event;			/* [n] */
	uint32_t   *group;			/* [n] */
	double	   *keys;			/* [n] strata; NULL: one */
	size_t		ngroups;
	CoxGroup   *groups;			/* [ngroups] */
	double		events;
} CoxRows;

/* What tells a row's stratum: the value of a single term, or which of several is 1. */
static inline double
cox_stratum_key(const double *x, int first, int n)
{
	double		key = 0;

	if (n == 1)
		return x[first] + 0.0;
	for (int i = 0; i < n; i++)
		key += (i + 1) * x[first + i];
	return key;
}

/* Order the rows by stratum and falling time; place [n] receives each row's place. */
extern void cox_order(EcmlCtx *ctx, CoxRows *rows, EcmlData *data, int first_stratum, int nstratum_terms, size_t *place);

/* Harrell's concordance of eta [n], a row each. */
extern double cox_concordance(EcmlCtx *ctx, const CoxRows *rows, const double *eta);

/* ---- cox_likelihood.c */

typedef struct CoxLikelihood
{
	EcmlCtx    *ctx;
	CoxRows    *rows;
	CoxTies		ties;
	const double *beta;			/* [p] */
	double	   *eta;			/* [n] */
	double	   *hazard;			/* [n] w e^(eta - shift) */
	double		shift;
	size_t		range;			/* rows a task */
	size_t		nranges;
	size_t		base;			/* the range of the round's first task */
	double	   *peaks;			/* [nranges] */
	double	   *carries;		/* [nranges][2][p] sums at a range's start: of the stratum, of the group's events */
	double	   *gradients;		/* [COX_SLOTS][p] */
	double	   *matrices;		/* [COX_SLOTS][p][p], lower triangle */
	double	   *scratch;		/* [workers][...] */
	size_t		scratch_size;
	double		value;			/* log-likelihood */
	double	   *gradient;		/* [p] */
	double	   *information;	/* [p][p] both triangles */
} CoxLikelihood;

extern void cox_likelihood_init(EcmlCtx *ctx, CoxLikelihood *l, CoxRows *rows, CoxTies ties);

/* The log-likelihood at beta; -INFINITY or NaN where it is not defined. */
extern double cox_likelihood_value(CoxLikelihood *l, const double *beta);

/* Its gradient and information at the beta of the last cox_likelihood_value. */
extern void cox_likelihood_slopes(CoxLikelihood *l);

#endif							/* ECML_COX_INTERNAL_H */
