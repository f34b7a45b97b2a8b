/*
 * facility_internal.h - what the files of the facility kernel share
 */
#ifndef ECML_ROUTE_FACILITY_INTERNAL_H
#define ECML_ROUTE_FACILITY_INTERNAL_H

#include "route/facility.h"

typedef struct FacilitySearch
{
	EcmlCtx    *ctx;
	const FacilityProblem *p;
	FacilityParams params;
	double		total_demand;
	int			least;			/* open, which demand may raise */

	/* the best plan so far */
	signed char *best;			/* [n] 1: open */
	double		best_cost;

	/* multipliers */
	double	   *u;				/* [m] what serving a customer may cost at most, in the relaxation */
	double	   *best_u;			/* [m] of the best bound of the node */
	double	   *rho;			/* [n] what opening a facility costs, less what it saves */
	double	   *part;			/* [m] shares served in the relaxation, all facilities together */
	signed char *chosen;		/* [n] open in the relaxation */
	int		   *order;			/* [n] free facilities by rho */
	int			nchosen;

	/* scratch */
	double	   *first;			/* [m] cost from the nearest open facility */
	double	   *second;			/* [m] and the next */
	int		   *nearest;		/* [m] */
	double	   *loss;			/* [n] */
	double	   *ratio;			/* [m] */
	int		   *items;			/* [m] */
	signed char *trial;			/* [n] */
	double		work;
	double		polled;
} FacilitySearch;

/* Count work, and poll now and then. */
extern void facility_work(FacilitySearch *s, double cells);

/* The cost of a plan; INFINITY: it cannot serve all.  share: [n][m] or NULL. */
extern double facility_evaluate(FacilitySearch *s, const signed char *open, double *share);

/* Open, close, exchange, as long as it pays; within state and the numbers allowed.  The cost. */
extern double facility_improve(FacilitySearch *s, signed char *open, const signed char *state);

/* Keep a plan that is better than the best. */
extern void facility_offer(FacilitySearch *s, const signed char *open, double cost);

/* Add facilities until all can be served; false: that is not possible. */
extern bool facility_repair(FacilitySearch *s, signed char *open, const signed char *state);

#endif							/* ECML_ROUTE_FACILITY_INTERNAL_H */
