/*
 * assign.h - each row gets a column of its own, at least cost in all
 */
#ifndef ECML_ROUTE_ASSIGN_H
#define ECML_ROUTE_ASSIGN_H

#include "num/ctx.h"

typedef struct AssignResult
{
	bool		feasible;
	int			stuck;			/* when it is not: a row that no column is left for */
	int		   *column_of;		/* [n]; -1: none, when it is not feasible */
	double	   *row_cost;		/* [n] of the row with its column */
	double	   *row_price;		/* [n] */
	double	   *column_price;	/* [m] at most 0; row_price + column_price is at most the cost, and equal to it where assigned */
	double		cost;
} AssignResult;

/* Doubles from one row to the next in memory, for m columns. */
static inline size_t
assign_stride(int m)
{
	return ((size_t) m + 7) & ~(size_t) 7;
}

/*
 * cost: [n][assign_stride(m)], n <= m; INFINITY where a row may not have a column, and in the places beyond m.  It is written
 * over: costs become whole numbers (flow_scale.c).
 */
extern void assign_solve(EcmlCtx *ctx, int n, int m, double *cost, AssignResult *result);

#endif							/* ECML_ROUTE_ASSIGN_H */
