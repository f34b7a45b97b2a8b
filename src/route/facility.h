/*
 * facility.h - which facilities to open: fixed costs against the costs of serving customers from afar
 */
#ifndef ECML_ROUTE_FACILITY_H
#define ECML_ROUTE_FACILITY_H

#include "num/ctx.h"

typedef enum FacilityState
{
	FACILITY_CLOSED = -1,
	FACILITY_FREE = 0,
	FACILITY_OPEN = 1
} FacilityState;

typedef struct FacilityProblem
{
	int			n;				/* candidates */
	int			m;				/* customers */
	const double *fixed;		/* [n] cost of being open, at least 0 */
	const double *capacity;		/* [n] units; NULL: no bounds, then each customer is served from one facility */
	const double *demand;		/* [m] units; with capacities */
	const double *cost;			/* [n][m] of serving all of a customer's demand; INFINITY: not possible */
	const signed char *state;	/* [n] FacilityState */
	int			least;			/* open at least so many */
	int			most;			/* and at most so many */
} FacilityProblem;

typedef struct FacilityParams
{
	int			max_nodes;		/* of branch and bound; 0: only the bound at the root */
	double		gap;			/* relative, that is good enough */
	double		work;			/* cells scanned, at most, about */
} FacilityParams;

#define FACILITY_DEFAULTS {20000, 0, 3e10}

typedef struct FacilityResult
{
	bool		feasible;
	signed char *open;			/* [n] 1: open */
	int		   *facility_of;	/* [m] without capacities */
	double	   *share;			/* [n][m] of a customer's demand, with capacities; else NULL */
	double		cost;
	double		bound;			/* no plan costs less */
	bool		proved;			/* cost and bound are the same, up to the gap asked for */
	int			nodes;
} FacilityResult;

extern void facility_solve(EcmlCtx *ctx, const FacilityProblem *problem, const FacilityParams *params, FacilityResult *result);

#endif							/* ECML_ROUTE_FACILITY_H */
