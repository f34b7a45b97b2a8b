/*
 * cox.h - proportional hazards: how terms move the rate of an event, whatever its course over time
 *
 * A row's y is its duration; the sign bit is set for a censored row (of 0 as well).
 */
#ifndef ECML_COX_H
#define ECML_COX_H

#include "num/blocks.h"
#include "num/bytes.h"

typedef enum CoxTies
{
	COX_EFRON,
	COX_BRESLOW
} CoxTies;

/*
 * What is maximised over the coefficients b is the log partial likelihood less
 *     alpha (l1_ratio ||b||_1 + (1 - l1_ratio) / 2 ||b||^2)
 */
typedef struct CoxParams
{
	int			ties;			/* CoxTies; default Efron */
	double		alpha;			/* strength of the penalty, >= 0; default 0 */
	double		l1_ratio;		/* 0: ridge, 1: lasso; default 0 */
	double		level;			/* of the confidence intervals, default 0.95 */
	int			max_iter;		/* Newton steps, default 50 */
	double		tolerance;		/* stop when the step promises less than this, in units of the log-likelihood; default 1e-16 */
} CoxParams;

#define COX_DEFAULTS {.ties = COX_EFRON, .alpha = 0, .l1_ratio = 0, .level = 0.95, .max_iter = 50, .tolerance = 1e-16}

typedef enum CoxState			/* of a term; on disk: append only */
{
	COX_FITTED,
	COX_ALIASED,				/* left out: constant, or a linear combination of terms before it */
	COX_DIVERGING,				/* the likelihood has no maximum in it: its coefficient stands for an infinite one */
	COX_STRATUM					/* tells strata apart */
} CoxState;

#define COX_MAX_POINTS 65536	/* of all baselines together */

typedef struct CoxModel
{
	int			terms;
	double	   *coefficients;	/* [terms] 0 for a term without one */
	double	   *std_errors;		/* [terms] NaN where not defined (no coefficient, diverging, penalised by L1) */
	double	   *means;			/* [terms] weighted means: the row that predictions are relative to */
	uint8_t    *states;			/* [terms] CoxState */

	double		rows;
	double		events;
	int			df;				/* coefficients */
	double		log_likelihood;	/* partial, without the penalty */
	double		null_log_likelihood;
	double		score;			/* score test; NaN with a penalty, as the others */
	double		wald;
	double		concordance;	/* Harrell's; NaN without comparable pairs */
	int			iterations;
	bool		converged;
	bool		penalised;

	/* baseline cumulative hazard at the means; strata: terms first_stratum .. + nstratum_terms - 1, 0: one stratum */
	int			first_stratum;
	int			nstratum_terms;
	uint32_t	nstrata;		/* at least 1 */
	double	   *keys;			/* [nstrata] ascending: see cox_stratum_key */
	uint32_t   *starts;			/* [nstrata + 1] of their points */
	double	   *times;			/* [starts[nstrata]] of events, ascending in a stratum */
	double	   *hazards;		/* cumulative, ascending in a stratum */
} CoxModel;

extern const char *cox_check(const CoxParams *params);

/*
 * data: ECML_F8 with y.  Terms first_stratum .. + nstratum_terms - 1 tell strata apart: the risk sets and the baseline are
 * those of a stratum (nstratum_terms 0: none).  No event: ECML_DATA_EXCEPTION.
 */
extern CoxModel *cox_fit(EcmlCtx *ctx, EcmlData *data, const CoxParams *params, int first_stratum, int nstratum_terms);

/* x'b less that of the means: the logarithm of the hazard relative to the average row's. */
extern double cox_log_hazard(const CoxModel *model, const double *x);

/* Probability that the event has not come until time; NaN for a stratum that the model does not know. */
extern double cox_survival(const CoxModel *model, const double *x, double time);

/* Harrell's concordance of the model on other rows; NaN without comparable pairs.  events: how many there are, or NULL. */
extern double cox_evaluate(EcmlCtx *ctx, EcmlData *data, const CoxModel *model, double *events);

extern void cox_write(EcmlWriter *w, const CoxModel *model);
extern CoxModel *cox_read(EcmlReader *r, int terms);

#endif							/* ECML_COX_H */
