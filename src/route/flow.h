/*
 * flow.h - flows of least cost in a network: the network simplex method
 *
 * A network has nodes that supply (supply > 0), demand (supply < 0) or pass on, and arcs with a cost a unit, a capacity, and a
 * least flow.  What a node may keep or go without is told by its spill cost a unit.
 */
#ifndef ECML_ROUTE_FLOW_H
#define ECML_ROUTE_FLOW_H

#include "num/ctx.h"

typedef struct FlowNetwork
{
	int			n;				/* nodes */
	int			m;				/* arcs */
	const int  *from;			/* [m] */
	const int  *to;				/* [m] */
	const double *cost;			/* [m] of a unit; finite */
	const double *lower;		/* [m] least flow, finite; NULL: 0 */
	const double *upper;		/* [m] capacity, may be infinite; NULL: infinite */
	const double *supply;		/* [n] > 0 supply, < 0 demand */
	const double *spill;		/* [n] cost of a unit that is left (supply) or missing (demand); INFINITY: not allowed; NULL: nowhere */
} FlowNetwork;

typedef enum FlowStatus
{
	FLOW_OPTIMAL,
	FLOW_INFEASIBLE,			/* excess tells where */
	FLOW_UNBOUNDED				/* a cycle of negative cost without a capacity: arc is on it */
} FlowStatus;

typedef struct FlowResult
{
	FlowStatus	status;
	double	   *flow;			/* [m] */
	double	   *price;			/* [n] value of a unit there; along an arc in use within its bounds it rises by the arc's cost */
	double	   *excess;			/* [n] units left (> 0) or missing (< 0) */
	double		cost;			/* of the flow, spill included */
	int			arc;
	int64_t		pivots;
} FlowResult;

/* The least-cost flow; its arrays come from ctx. */
extern void flow_solve(EcmlCtx *ctx, const FlowNetwork *network, FlowResult *result);

/*
 * A factor that makes all finite values whole numbers of at most limit: a power of ten when they are decimals, else the
 * power of two that keeps most digits.  0 < limit <= 2^53.  max: the greatest absolute value.
 */
extern double flow_scale(const double *values, size_t n, double max, double limit);

/* The greatest absolute value of the finite ones. */
extern double flow_greatest(const double *values, size_t n);

/* Values times a factor, as whole numbers. */
extern void flow_round(double *values, size_t n, double scale);

#endif							/* ECML_ROUTE_FLOW_H */
