/*
 * arrivals.h - how many buyers come in a period at a price: a Poisson regression
 */
#ifndef ECML_PRICING_ARRIVALS_H
#define ECML_PRICING_ARRIVALS_H

#include "num/ctx.h"

typedef struct Arrivals
{
	bool		logarithm;		/* ln mean = a + b ln price; else a + b price */
	double		a;
	double		b;
	double		centre;			/* of the price, or its logarithm: a is the value there */
	double		size;			/* of the negative binomial; INFINITY: no more variance than Poisson */
	double		value;			/* the logarithm of the likelihood, up to what depends on the units alone */
	bool		ok;				/* false: one price only, nothing sold */
} Arrivals;

/* By n rows of price (> 0) and units (>= 0). */
extern Arrivals arrivals_fit(EcmlCtx *ctx, const double *price, const double *units, size_t n, bool logarithm);
extern double arrivals_mean(const Arrivals *arrivals, double price);

#endif							/* ECML_PRICING_ARRIVALS_H */
