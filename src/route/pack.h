/*
 * pack.h - items into the cheapest boxes: by one measure, or by length, width and height
 */
#ifndef ECML_ROUTE_PACK_H
#define ECML_ROUTE_PACK_H

#include "num/ctx.h"

typedef struct PackItem
{
	double		size[3];		/* length, width, height; by one measure: size[0] */
	double		weight;
	bool		upright;		/* its height stays its height */
} PackItem;

typedef struct PackBox
{
	double		size[3];
	double		max_weight;		/* may be infinite */
	double		cost;
	int			count;			/* how many there are; INT_MAX: enough */
} PackBox;

typedef struct PackProblem
{
	int			n;				/* items */
	int			m;				/* kinds of boxes */
	const PackItem *items;		/* [n] */
	const PackBox *boxes;		/* [m] */
	bool		spatial;		/* three sizes, else one */
	double		support;		/* share of an item's floor that must lie on something; spatial */
} PackProblem;

typedef struct PackParams
{
	int			max_nodes;		/* of the search by one measure */
	int			tries;			/* orders that are tried for a box; spatial */
} PackParams;

#define PACK_DEFAULTS {2000000, 40}

/* Where an item lies. */
typedef struct PackPlace
{
	int			bin;
	double		at[3];			/* the corner next to the box's origin */
	double		size[3];		/* as it is turned */
} PackPlace;

typedef struct PackResult
{
	bool		feasible;
	int			stuck;			/* an item that fits no box; -1: there are too few boxes */
	int			nbins;
	int		   *box_of;			/* [nbins] */
	PackPlace  *places;			/* [n] */
	double		cost;
	double		bound;			/* no packing costs less */
} PackResult;

/* Does an item by itself fit a kind of box? */
extern bool pack_fits(const PackProblem *problem, int item, int box);

extern void pack_solve(EcmlCtx *ctx, const PackProblem *problem, const PackParams *params, PackResult *result);

/* By one measure, and by three; called by pack_solve. */
extern void pack_solve_sizes(EcmlCtx *ctx, const PackProblem *problem, const PackParams *params, PackResult *result);
extern void pack_solve_spatial(EcmlCtx *ctx, const PackProblem *problem, const PackParams *params, PackResult *result);

#endif							/* ECML_ROUTE_PACK_H */
