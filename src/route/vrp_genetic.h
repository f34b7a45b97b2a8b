/*
 * vrp_genetic.h - hybrid genetic search for plain capacity problems (Vidal 2022): what its files share
 *
 * It applies to one kind of vehicle, one depot, one dimension of load, symmetric distances, nothing optional and no times
 * that matter: the common case, and the one with the longest record of good methods.
 */
#ifndef ECML_ROUTE_VRP_GENETIC_H
#define ECML_ROUTE_VRP_GENETIC_H

#include "route/vrp_internal.h"

#define GA_NEAR 20				/* neighbours whose moves are tried */
#define GA_MU 25				/* members that survive a selection */
#define GA_LAMBDA 40			/* offspring between two selections */
#define GA_ELITE 4
#define GA_CLOSE 5				/* members that the diversity is measured by */
#define GA_SLOTS (2 * (GA_MU + GA_LAMBDA) + 4)

/* A solution as it stands in the population. */
typedef struct Member
{
	int		   *tour;			/* [n] customers, route by route */
	int		   *begin;			/* [routes + 1] */
	int		   *succ;			/* [n] -1: the depot */
	int		   *pred;
	int			routes;			/* without empty ones */
	double		cost;			/* distance */
	double		excess;			/* of loads */
	double		penalised;
	double		fitness;		/* the smaller, the better */
	bool		feasible;
} Member;

typedef struct LsNode
{
	int			prev;
	int			next;
	int			route;
	int			loc;
	double		load;			/* of its route up to it */
} LsNode;

typedef struct LsRoute
{
	int			count;
	double		load;
	double		penalty;
	int			modified;		/* number of the move that changed it last */
	int			swapped;		/* number of moves when SWAP* last tried it */
} LsRoute;

/* The three best places of a customer in a route. */
typedef struct Best3
{
	double		cost[3];
	int			after[3];
	int			when;			/* number of moves when it was found */
} Best3;

typedef struct LocalSearch
{
	const VrpInstance *in;
	const double *dist;
	int			n;
	int			nroutes;
	double		capacity;
	double		penalty;		/* of a unit of load too many */
	const double *demand;		/* [n] */
	LsNode	   *node;			/* [n + 2 nroutes] */
	LsRoute    *route;			/* [nroutes] */
	int		   *tested;			/* [n] number of moves when its moves were last tried */
	int			moves;
	int		   *order;			/* [n] */
	int		   *route_order;	/* [nroutes] */
	int		   *near;			/* [n][nnear] shuffled each time */
	int			nnear;
	int			empty;			/* a route without customers, or -1 */
	Best3	   *best;			/* [nroutes][n] */
	double	   *removal;		/* [n] */
	int		   *close_seen;		/* [nroutes] */
	int			sight;
	EcmlRng    *rng;
} LocalSearch;

typedef struct Split
{
	double	   *potential;		/* [n + 1] */
	int		   *pred;			/* [n + 1] */
	double	   *fleet_potential;	/* [routes + 1][n + 1] of the limited fleet */
	int		   *fleet_pred;
	double	   *load;			/* sums */
	double	   *length;
	double	   *out;			/* from and to the depot */
	double	   *back;
} Split;

typedef struct Island
{
	const VrpInstance *in;
	int			n;
	int			nroutes;		/* that a member may have */
	double		capacity;
	const double *demand;
	double		penalty;
	LocalSearch ls;
	Split		split;
	Member		member[GA_SLOTS];
	int			pool[2][GA_MU + GA_LAMBDA + 2]; /* slots: infeasible, feasible, by penalised cost */
	int			npool[2];
	int			free[GA_SLOTS];
	int			nfree;
	double		distance[GA_SLOTS][GA_SLOTS];	/* broken pairs */
	Member		best;
	Member		child;
	int		   *place;			/* [n] scratch of the crossover */
	int			record[100];	/* were the last offspring feasible as they came? */
	int			nrecord;
	int			born;			/* of the first generation */
	int64_t		iterations;
	int64_t		idle;			/* iterations without a better best */
	EcmlRng		rng;
	double		when_best;
	int			taken;			/* iterations when a member of another island came in */
} Island;

#define GA_DIST(dist, nloc, a, b) ((dist)[(size_t) (a) * (nloc) + (b)])

/* vrp_local_search.c */
extern void ls_make(EcmlCtx *ctx, LocalSearch *ls, const VrpInstance *in, int nroutes, const double *demand, double capacity);
extern void ls_improve(LocalSearch *ls, Member *member, double penalty);
extern void ls_moved(LocalSearch *ls, int route);
extern void ls_put(LocalSearch *ls, int node, int after);

/* vrp_swapstar.c */
extern bool ls_swap_star(LocalSearch *ls, int route);

/* vrp_split.c */
extern void split_make(EcmlCtx *ctx, Split *split, int n, int routes);
extern void split_tour(Split *split, const VrpInstance *in, Member *member, const double *demand, double capacity,
					   double penalty, int routes);

/* vrp_population.c */
extern void member_make(EcmlCtx *ctx, Member *member, int n, int routes);
extern void member_copy(Member *to, const Member *from, int n);
extern void member_measure(Member *member, const VrpInstance *in, const double *demand, double capacity, double penalty);
extern bool population_add(Island *island, const Member *member);
extern const Member *population_pick(Island *island);
extern void population_adapt(Island *island);
extern void population_clear(Island *island);

/* vrp_genetic.c */
extern bool ga_applies(const VrpInstance *in);
extern size_t ga_bytes(const VrpInstance *in);
extern Island *ga_island(EcmlCtx *ctx, const VrpInstance *in);
extern void ga_step(Island *island);
extern void ga_take(Island *island, const Member *member);

#endif							/* ECML_ROUTE_VRP_GENETIC_H */
