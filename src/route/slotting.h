/*
 * slotting.h - which item lies in which slot of a warehouse: fast movers near, items that are picked together side by side
 *
 *     SlottingProblem problem = {.n = ..., .m = ..., ...};
 *     SlottingParams params = SLOTTING_DEFAULTS;
 *     slotting_solve(ctx, &problem, &params, &result);
 */
#ifndef ECML_ROUTE_SLOTTING_H
#define ECML_ROUTE_SLOTTING_H

#include "num/ctx.h"

/* How far two places are from each other. */
typedef enum SlottingSpace
{
	SLOTTING_LINE,				/* the difference of their reaches */
	SLOTTING_EUCLIDEAN,			/* of x and y */
	SLOTTING_MANHATTAN,
	SLOTTING_AISLES				/* x: along the front, y: depth; from aisle to aisle by the front or the back */
} SlottingSpace;

typedef struct SlottingProblem
{
	int			n;				/* items */
	int			m;				/* places; a slot that takes several items is as many places */
	const double *demand;		/* [n] picks, at least 0 */
	const double *reach;		/* [m] what a pick from there costs, at least 0 */
	const double *size;			/* [n] or NULL */
	const double *capacity;		/* [m] or NULL: an item goes where its size is no more */
	const int  *slot;			/* [m] the slot that the place is of */
	const int  *present;		/* [n] the slot where the item lies now, or -1; NULL: not known */
	const bool *locked;			/* [n] it stays there; or NULL */
	double		move_cost;		/* of an item that leaves its present slot */
	SlottingSpace space;
	const double *x;			/* [m] unless the space is a line */
	const double *y;
	double		length;			/* of aisles */
	int			npairs;			/* items that are picked together */
	const int  *first;			/* [npairs] */
	const int  *second;
	const double *weight;		/* [npairs] cost of a unit of distance between them, at least 0 */
} SlottingProblem;

typedef struct SlottingParams
{
	int64_t		moves;			/* tried where there are pairs; -1: as many as the items suggest */
	uint64_t	seed;
} SlottingParams;

#define SLOTTING_DEFAULTS {.moves = -1}

typedef struct SlottingResult
{
	int		   *place_of;		/* [n]; -1: there is none left that it fits */
	double	   *cost_of;		/* [n] of its picks, its move, and half of the distances to its partners */
	int			unplaced;
	double		cost;			/* all of it: travel, apart, moving */
	double		travel;			/* demand times reach */
	double		apart;			/* of the pairs */
	double		moving;
	double		bound;			/* no plan that places as many costs less */
	bool		exact;			/* nothing but travel and moves counts: the cost is the least */
} SlottingResult;

extern void slotting_solve(EcmlCtx *ctx, const SlottingProblem *problem, const SlottingParams *params, SlottingResult *result);

/* Between two places. */
extern double slotting_between(const SlottingProblem *problem, int a, int b);

/*
 * What a plan costs, known or not: travel and apart of the items that have a place (-1: none), as the sum of both.
 */
extern double slotting_measure(const SlottingProblem *problem, const int *place_of, double *travel, double *apart);

#endif							/* ECML_ROUTE_SLOTTING_H */
