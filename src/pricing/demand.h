/*
 * demand.h - demand curves: how units sold answer to prices, product by product
 *
 * A product's rows give units, terms (the own price first, then other prices, then controls) and maybe instruments of the own
 * price.  Terms that are prices enter as the form says, scaled so that their coefficients are elasticities: of the log-log form
 * everywhere, as of the Poisson form, of the others at the product's mean price (and mean units).
 */
#ifndef ECML_PRICING_DEMAND_H
#define ECML_PRICING_DEMAND_H

#include "num/ctx.h"

#define DEMAND_MAX_TERMS 64
#define DEMAND_MAX_INSTRUMENTS 16

/* Between rows of a loop: a leader is asked for attention; a task has no ctx. */
static inline void
demand_attend(EcmlCtx *ctx, size_t row)
{
	if (ctx && row % 4096 == 0)
		ecml_poll(ctx, 0, 0);
}

typedef enum DemandForm
{
	DEMAND_LOG_LOG,				/* ln units by ln price */
	DEMAND_SEMI_LOG,			/* ln units by price */
	DEMAND_LINEAR,				/* units by price */
	DEMAND_POISSON				/* mean units by ln price: takes rows that sold nothing */
} DemandForm;

typedef enum DemandErrors
{
	DEMAND_CLASSICAL,
	DEMAND_ROBUST				/* HC1 (White 1980; MacKinnon and White 1985) */
} DemandErrors;

typedef struct DemandData
{
	DemandForm	form;
	DemandErrors errors;
	int			products;
	const size_t *start;		/* [products + 1] the rows of each */
	int			nterms;			/* >= 1; term 0 is the own price */
	int			nprices;		/* the first so many terms are prices */
	int			ninstruments;	/* 0: least squares; else two-stage least squares, the own price being endogenous */
	const double *units;		/* [rows] NaN: not known */
	const double *x;			/* [rows][nterms] */
	const double *z;			/* [rows][ninstruments] */
} DemandData;

typedef enum DemandStatus
{
	DEMAND_OK,
	DEMAND_NO_ROWS,				/* no row has all that is needed */
	DEMAND_CONSTANT_PRICE,		/* or one that the controls explain */
	DEMAND_TOO_FEW,				/* no degree of freedom is left for the variance */
	DEMAND_NOT_IDENTIFIED,		/* the instruments do not move the price */
	DEMAND_NOTHING_SOLD			/* of the Poisson form */
} DemandStatus;

/*
 * One product.  Coefficients are of the scaled terms: that of term j, as the form has it without scaling, is
 * b[j] * y_scale / x_scale[j].
 */
typedef struct DemandFit
{
	DemandStatus status;
	int			n;				/* rows used */
	int			skipped;
	int			kept;			/* terms with a coefficient of their own */
	double		df;				/* n - kept - 1 */
	double		s2;				/* residual variance, on the scale of the fit (Poisson: by the mean, Pearson's); NaN without df */
	double		level_sd;		/* standard error of mean_y; NaN without df */
	double		r2;				/* NaN where not defined */
	double		first_stage;	/* F of the instruments; NaN without */
	double		smear;			/* log forms: mean of exp(residual) (Duan 1983); else 1 */
	double		mean_y;			/* on the scale of the fit */
	double		y_scale;		/* 1 of log forms; mean units */
	double		mean_units;
	double		mean_price;
	double		low_price;		/* of the rows used */
	double		high_price;
	double		shrinkage;		/* weight of the pool, 0 .. 1; 0 without pooling */
	double		interval_df;	/* for t intervals; infinity: normal */
	double	   *b;				/* [nterms] NaN: left out; after pooling the pooled ones */
	double	   *v;				/* [nterms][nterms] their covariance; NaN with b */
	double	   *own_b;			/* [nterms] by the product's rows alone */
	double	   *own_se;			/* [nterms] */
	double	   *mean_x;			/* [nterms] of the scaled terms */
	double	   *x_scale;		/* [nterms] */
	double	   *precision;		/* [nterms][nterms] X'X (of two stages: with the fitted price), for pooling */
	double	   *moment;			/* [nterms] X'y */
} DemandFit;

/* What the products have in common. */
typedef struct DemandPool
{
	bool		used;			/* enough products tell something */
	double		mean;			/* elasticity of the mean product */
	double		mean_se;
	double		sd;				/* between products */
} DemandPool;

/* The fits of all products: [products], of ctx's memory.  Cost: rows * (nterms + ninstruments)^2, on all threads. */
extern DemandFit *demand_fit(EcmlCtx *ctx, const DemandData *data);

/* Does the price enter as its logarithm? */
static inline bool
demand_logs_price(DemandForm form)
{
	return form == DEMAND_LOG_LOG || form == DEMAND_POISSON;
}

/*
 * The Poisson form of one product: c [fit->n][columns] are its centred terms, the units in the last column; list [n] the terms that
 * count, none of which others explain.  scratch [demand_poisson_scratch(n)].  Sets b, v, s2, r2, mean_y, level_sd, precision, moment.
 */
extern void demand_poisson(EcmlCtx *ctx, const DemandData *data, DemandFit *fit, const double *c, int columns, double mean_units,
						   const int *list, int n, double *scratch);
extern size_t demand_poisson_scratch(int n);

/* Partial pooling: b, v, shrinkage, interval_df become those of the posterior, products without own answer included. */
extern void demand_pool(EcmlCtx *ctx, const DemandData *data, DemandFit *fits, DemandPool *pool);

/*
 * Units expected at a price, the other terms at x [nterms] (raw values, NaN: the product's mean; x[0] is not read).
 * b: coefficients, fit->b or a draw of them; level: added to mean_y.
 */
extern double demand_units(const DemandFit *fit, DemandForm form, int nterms, int nprices, const double *b, double level,
						   const double *x, double price);

/* Its elasticity there. */
extern double demand_elasticity_at(const DemandFit *fit, DemandForm form, int nterms, int nprices, const double *x, double price);

#endif							/* ECML_PRICING_DEMAND_H */
