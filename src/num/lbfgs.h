/*
 * lbfgs.h - minimises a smooth function of many variables (L-BFGS with a strong Wolfe line search)
 */
#ifndef ECML_LBFGS_H
#define ECML_LBFGS_H

#include "ctx.h"

typedef struct EcmlLbfgs
{
	int			n;				/* variables */
	int			memory;			/* pairs of steps kept; 0: 10 */
	int			max_iter;
	double		tolerance;		/* stop when the decrement (see the result) is at most this */

	/* the function's value at x [n], and its gradient; not finite: x is out of its domain, and the step is shortened */
	double		(*value) (EcmlCtx *ctx, void *arg, const double *x, double *gradient);
	/* v [n] becomes B^-1 v, B symmetric, positive definite, near the Hessian; NULL: a multiple of the identity */
	void		(*precondition) (EcmlCtx *ctx, void *arg, double *v);
	void	   *arg;
	bool		ahead;			/* the caller looks at the minimum himself: the last step is not tried, where the one before says that it gets there */
} EcmlLbfgs;

typedef enum EcmlLbfgsStatus
{
	ECML_LBFGS_CONVERGED,
	ECML_LBFGS_STALLED,			/* no step lowers the value any more: rounding is all that is left */
	ECML_LBFGS_MAX_ITER
} EcmlLbfgsStatus;

typedef struct EcmlLbfgsResult
{
	EcmlLbfgsStatus status;
	double		value;
	double		decrement;		/* sqrt(g' H g) for the approximate inverse Hessian H: how far the minimum is, in its metric */
	int			iterations;
	int			evaluations;
} EcmlLbfgsResult;

/* x [n]: from where, and on return the minimum. */
extern EcmlLbfgsResult ecml_lbfgs(EcmlCtx *ctx, const EcmlLbfgs *problem, double *x);

#endif							/* ECML_LBFGS_H */
