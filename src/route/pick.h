/*
 * pick.h - the way of a picker through parallel aisles with a cross aisle at either end
 *
 * Aisles run from the front (position 0) to the back (position length).  The depot stands at the front of an aisle.
 */
#ifndef ECML_ROUTE_PICK_H
#define ECML_ROUTE_PICK_H

#include "num/ctx.h"

typedef enum PickMethod
{
	PICK_OPTIMAL,				/* shortest, exact */
	PICK_S_SHAPE,				/* each aisle with picks from end to end */
	PICK_RETURN,				/* in and out at the front */
	PICK_MIDPOINT,				/* halves from either end */
	PICK_LARGEST_GAP			/* from either end up to the largest gap */
} PickMethod;

typedef struct PickProblem
{
	int			n;				/* picks */
	const double *aisle;		/* [n] where the aisle lies along the front */
	const double *position;		/* [n] 0 .. length */
	double		length;
	double		depot;			/* where along the front */
} PickProblem;

typedef struct PickResult
{
	int		   *order;			/* [n] picks as they come */
	double	   *travelled;		/* [n] from the depot to each, in that order */
	double		total;			/* and back to the depot */
} PickResult;

extern void pick_solve(EcmlCtx *ctx, const PickProblem *problem, PickMethod method, PickResult *result);

#endif							/* ECML_ROUTE_PICK_H */
