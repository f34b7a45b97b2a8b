/*
 * reconcile.h - forecasts of a tree of series that are to add up
 */
#ifndef ECML_FORECAST_RECONCILE_H
#define ECML_FORECAST_RECONCILE_H

#include "num/ctx.h"

/*
 * A tree: parent[i] < i, or -1 for the root, which is node 0; a node with children is their sum.
 */
typedef struct ReconcileTree
{
	int			n;
	const int  *parent;			/* [n] */
} ReconcileTree;

/* Sums of the leaves, whatever the others say.  values [n][width], in place. */
extern void reconcile_bottom_up(const ReconcileTree *tree, double *values, int width);

/*
 * The values nearest to the given ones that add up, in squares weighted by 1 / variance [n], each variance above 0 (for the
 * step or for all alike).  values [n][width], in place.  scratch [4 * n].
 */
extern void reconcile_weighted(const ReconcileTree *tree, const double *variance, double *values, int width, double *scratch);

/*
 * MinT (Wickramasuriya, Athanasopoulos, Hyndman 2019) with the covariance of one-step errors [n][t] (missing: NaN), shrunk to its
 * diagonal (Schaefer and Strimmer 2005).  Gives the shrinkage.  False (values as they were): the errors tell too little.
 */
extern bool reconcile_mint(EcmlCtx *ctx, const ReconcileTree *tree, double *errors, int t, double *values, int width,
						   double *shrinkage);

#endif							/* ECML_FORECAST_RECONCILE_H */
