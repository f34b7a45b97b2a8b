/*
 * bfgs.h - minimum of a smooth function of a handful of variables
 */
#ifndef ECML_BFGS_H
#define ECML_BFGS_H

#include "ctx.h"

#define ECML_BFGS_MAX 16		/* variables */

/* The value at x [n], and its gradient [n]; INFINITY or NaN where it is not defined. */
typedef double (*EcmlObjective) (void *arg, const double *x, double *gradient);

typedef struct EcmlBfgsResult
{
	double		value;
	int			iterations;
	bool		converged;		/* the gradient vanished, as far as rounding lets it */
} EcmlBfgsResult;

/*
 * From x on, which becomes the minimum.  It ends when no element of the gradient is above tolerance, or when rounding lets
 * no step improve; the latter counts as converged if the gradient is below the root of tolerance.
 */
extern EcmlBfgsResult ecml_bfgs(EcmlCtx *ctx, int n, double *x, EcmlObjective objective, void *arg, double tolerance,
								int max_iter);

#endif							/* ECML_BFGS_H */
