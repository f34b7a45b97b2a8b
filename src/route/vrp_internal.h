/*
 * vrp_internal.h - the instance as the search sees it, and the state that the search changes
 *
 * Locations: customers 0 .. n-1 (sites that can be served), then depots, then "nowhere", at distance 0 from everything
 * (the end of open routes).
 *
 * Nodes are what a route is a list of: customer c is node c at location c; then come the start and the end of each vehicle's
 * route, then reloads.  A route is a doubly linked list from start(r) to end(r), kept in arrays by node, so that an
 * insertion moves nothing, and a state needs no memory beyond what it was made with.
 *
 * Numbers: distances, times and loads are rounded once, to multiples of a power of two that is so small that all sums are
 * exact in double precision (times up, so that a plan feasible here is so in truth).  Then the order of additions does not
 * matter, changes of costs do not drift, and a window met exactly is met.
 */
#ifndef ECML_ROUTE_VRP_INTERNAL_H
#define ECML_ROUTE_VRP_INTERNAL_H

#include <math.h>

#include "route/vrp.h"

#define VRP_NEAR 100			/* neighbours kept of each customer */
#ifndef VRP_NEAR_INSERT
#define VRP_NEAR_INSERT 40
#endif

/* What a sequence of stops costs in time (Vidal et al. 2013), windows kept: begun within [early, late] it takes dur. */
typedef struct VrpSeg
{
	double		dur;
	double		early;
	double		late;
} VrpSeg;

/* What it carries of one dimension: brought from its depot, taken on in balance, and the most at once. */
typedef struct VrpLoad
{
	double		deliver;
	double		pick;
	double		peak;
} VrpLoad;

/* Vehicles that are alike. */
typedef struct VrpType
{
	VrpVehicle	v;
	double		inverse_speed;
	bool		hard;			/* has a break, or reloads: insertions are tried in full */
	int			start;			/* locations */
	int			end;
	int			first;			/* its routes are first .. first + count - 1 */
	int			count;
} VrpType;

typedef enum VrpRequestKind
{
	VRP_SINGLE,
	VRP_PAIR,					/* member 0 before member 1 in one route */
	VRP_GROUP					/* one of the members */
} VrpRequestKind;

/* What is served or not as one. */
typedef struct VrpRequest
{
	VrpRequestKind kind;
	int			first;			/* its members are members[first .. first + count - 1] */
	int			count;
	double		penalty;		/* of leaving it out */
	bool		optional;
	/* keys of the order in which requests are inserted */
	double		demand;
	double		far;
	double		width;			/* of its window */
	double		open;
	double		close;
} VrpRequest;

typedef struct VrpInstance
{
	int			n;				/* customers */
	int			ndepots;
	int			nloc;			/* n + ndepots + 1 */
	int			nroutes;
	int			nreloads;		/* nodes for reloads */
	int			nnodes;
	int			ndims;
	int			ntypes;
	int			nrequests;
	double		scale;			/* what distances and times are multiplied by */
	double		quantum;		/* all are multiples of it */
	/* by location */
	double	   *x;				/* coordinates, or NULL */
	double	   *y;
	double	   *z;				/* with haversine, x y z on the unit sphere */
	const double *dist;			/* [nloc][nloc] or NULL: from the coordinates each time */
	const double *dist_to;		/* transposed; dist itself when it is symmetric */
	const double *time;			/* the same for durations; dist itself when they are the same */
	const double *time_to;
	double		inverse_speed;	/* duration of a unit of distance, when time is dist */
	VrpMetric	metric;
	VrpRound	round;
	int		   *site;			/* [nloc] number in the problem; -1 nowhere */
	/* by node */
	int		   *loc;
	VrpSeg	   *own;			/* service within its window; of reloads set by the route */
	VrpLoad    *load;			/* [nnodes][ndims] */
	double	   *release;		/* [n] */
	uint64_t   *skills;			/* [n] */
	int		   *vehicle;		/* [n] route that alone may serve it, or -1 */
	signed char *side;			/* [n] 0 delivered, 1 backhaul */
	bool	   *locked;			/* [n] stays where the given routes have it */
	int		   *request;		/* [n] */
	int		   *near;			/* [n][nnear], nearest first */
	int			nnear;
	int			ninsert;
	double	   *near_leg;		/* [n][ninsert] distances to them, where plain */
	/* by route */
	int		   *type;
	int		   *vehicle_of;		/* number in the problem */
	VrpType    *types;
	VrpRequest *requests;
	int		   *members;
	VrpReason  *reason;			/* [nsites] of sites that no vehicle can serve */
	double		near_edge;		/* mean distance of near neighbours: the unit of temperature */
	double		prizes_never;	/* prizes of sites that no vehicle can serve */
	/* what is there at all */
	bool		timed;			/* windows, durations, breaks: times matter */
	bool		clocked;		/* durations cost */
	bool		far_bound;		/* some vehicle has max_distance */
	bool		long_bound;		/* some has max_duration */
	bool		simple_load;	/* one total a route and dimension tells whether it fits */
	bool		ordered;		/* backhauls, locked stops */
	bool		picky;			/* skills, sites of one vehicle */
	bool		released;
	bool		hard;			/* some type is */
	bool		mixed;			/* several types */
	bool		plain;			/* nothing but distances of one matrix and at most one capacity */
	bool		requests_plain; /* all are VRP_SINGLE; request r is customer r */
	int			ngiven;
	const VrpGiven *given;		/* with nodes and routes */
} VrpInstance;

typedef struct VrpNode
{
	int			prev;			/* -1 at the start of a route, and where it is in none */
	int			next;
	int			route;			/* -1: in none; -2: beyond this state's part of the instance */
	int			loc;
	double		out;			/* distance to next */
} VrpNode;

typedef struct VrpRoute
{
	int			count;			/* customers */
	int			reloads;
	double		distance;
	double		duration;
	double		cost;
	double		release;
	double		load[VRP_MAX_DIMS]; /* delivered, in all */
	int			used_at;		/* place in used, or in its type's spare; -1: not of this part */
	unsigned	saved;			/* the step in which it was saved */
	unsigned	dirty;			/* the generation of best that lacks its changes */
} VrpRoute;

typedef struct VrpState
{
	const VrpInstance *in;
	VrpNode    *node;			/* [nnodes] */
	VrpSeg	   *fwd;			/* [nnodes] from the route's start to it, where times matter */
	VrpSeg	   *bwd;			/* from it to the route's end */
	VrpSeg	   *own;			/* of reload nodes: [nreloads], ready at the release of the trip's goods */
	VrpLoad    *lf;				/* [nnodes][ndims] of the trip up to it, where totals do not do */
	VrpLoad    *lb;
	VrpRoute   *route;			/* [nroutes] */
	int		   *used;			/* routes with customers */
	int			nused;
	int		   *spare;			/* by type, from types[t].first: routes without */
	int		   *nspare;			/* [ntypes] */
	int		   *free_reload;	/* nodes */
	int			nfree;
	int		   *mine;			/* customers of this part */
	int			nmine;
	int		   *absent;			/* requests not served */
	int		   *absent_at;		/* [nrequests] place in absent; -1: served; -2: of another part */
	int			nabsent;
	double		cost;			/* routes and penalties */
	/* to undo a step */
	unsigned	step;
	int		   *log;			/* nodes of the routes saved */
	int		   *log_route;
	int		   *log_begin;
	int			nlog;
	int			nlogged;
	int		   *was_absent;
	int			nwas_absent;
	double		was_cost;
	/* the best */
	int		   *best_next;		/* [nnodes] of customers and starts; ends and reloads as themselves */
	int		   *best_absent;
	int			nbest_absent;
	double		best_cost;
	unsigned	generation;
	int		   *dirty;			/* routes changed since best was kept */
	int			ndirty;
	/* scratch */
	int		   *order;			/* requests to insert */
	double	   *key;
	int		   *sequence;		/* [nnodes + 8] */
	unsigned   *seen;			/* [nroutes] */
	unsigned	sight;
	EcmlRng		rng;
	bool		hasty;			/* an unused vehicle before all places are looked at */
	int			blink;			/* places until the next is overlooked */
	double		mean_out;		/* stops removed a step */
	int64_t		steps;
	double		when_best;
} VrpState;

static inline int
vrp_start(const VrpInstance *in, int route)
{
	return in->n + 2 * route;
}

static inline int
vrp_end(const VrpInstance *in, int route)
{
	return in->n + 2 * route + 1;
}

static inline bool
vrp_is_reload(const VrpInstance *in, int node)
{
	return node >= in->n + 2 * in->nroutes;
}

/* From coordinates, or out of the matrix; rounded. */
extern double vrp_measure(const VrpInstance *in, int from, int to);

static inline double
vrp_leg(const VrpInstance *in, int from, int to)
{
	return in->dist ? in->dist[(size_t) from * in->nloc + to] : vrp_measure(in, from, to);
}

/* The same, for the one to be inserted at hand: it reads a row of its own. */
static inline double
vrp_leg_to(const VrpInstance *in, int to, int from)
{
	return in->dist ? in->dist_to[(size_t) to * in->nloc + from] : vrp_measure(in, from, to);
}

/* Durations: of a leg whose distance is known. */
static inline double
vrp_time(const VrpInstance *in, const VrpType *type, int from, int to, double leg)
{
	double		time = in->time == in->dist ? leg : in->time[(size_t) from * in->nloc + to];

	if (type->inverse_speed == 1)
		return time;
	return ceil(time * type->inverse_speed / in->quantum) * in->quantum;
}

/* What follows when b is begun t after a ends; false: a window is missed. */
static inline bool
vrp_join(VrpSeg *out, const VrpSeg *a, const VrpSeg *b, double t)
{
	double		delta = a->dur + t;
	double		latest = b->late - delta;
	double		wait;

	if (!(a->early <= latest))
		return false;
	wait = b->early - delta - a->late;
	wait = wait > 0 ? wait : 0;
	out->dur = delta + b->dur + wait;
	out->early = (b->early - delta > a->early ? b->early - delta : a->early) - wait;
	out->late = latest < a->late ? latest : a->late;
	return true;
}

static inline void
vrp_join_load(VrpLoad *out, const VrpLoad *a, const VrpLoad *b)
{
	double		first = a->peak + b->deliver;
	double		second = b->peak + a->pick;

	out->deliver = a->deliver + b->deliver;
	out->pick = a->pick + b->pick;
	out->peak = first > second ? first : second;
}

/* The window of a node in a state: that of a reload depends on its trip. */
static inline const VrpSeg *
vrp_own(const VrpState *s, int node)
{
	const VrpInstance *in = s->in;

	return vrp_is_reload(in, node) ? &s->own[node - in->n - 2 * in->nroutes] : &in->own[node];
}

/* vrp_instance.c */
extern VrpInstance *vrp_instance(EcmlCtx *ctx, const VrpProblem *problem, const VrpParams *params);

/* vrp_near.c */
extern void vrp_set_neighbours(EcmlCtx *ctx, VrpInstance *in);
extern void vrp_set_plain(EcmlCtx *ctx, VrpInstance *in);

/* vrp_state.c */
extern VrpState *vrp_state(EcmlCtx *ctx, const VrpInstance *in);
extern size_t vrp_state_bytes(const VrpInstance *in);
extern void vrp_clear(VrpState *s);
extern void vrp_refresh(VrpState *s, int route);
extern void vrp_link(VrpState *s, int route, int after, int node);
extern void vrp_unlink(VrpState *s, int node);
extern void vrp_set_absent(VrpState *s, int request, bool absent);
extern void vrp_set_route(VrpState *s, int route, const int *nodes, int n);
extern int	vrp_get_reload(VrpState *s, int route);
extern void vrp_begin_step(VrpState *s);
extern void vrp_save(VrpState *s, int route);
extern void vrp_undo(VrpState *s);
extern void vrp_keep_best(VrpState *s);
extern void vrp_restore_best(VrpState *s);
extern double vrp_route_cost(const VrpInstance *in, const VrpType *type, double distance, double duration, bool used);

/* vrp_schedule.c */
extern bool vrp_try_sequence(const VrpInstance *in, int route, const int *nodes, int n, double *distance, double *duration);
extern int	vrp_schedule(const VrpInstance *in, int route, const int *nodes, int n, VrpStop *stops);

/* vrp_insert.c */
extern bool vrp_insert_request(VrpState *s, int request, double bound, bool all);
extern void vrp_remove_request(VrpState *s, int request);

/* vrp_ruin.c */
extern void vrp_ruin(VrpState *s);
extern void vrp_recreate(VrpState *s);
extern void vrp_sort_requests(int *order, double *key, int n);	/* ascending by key */
extern void vrp_anneal_steps(VrpState *s, int steps, double temperature);

/* vrp_bound.c */
extern double vrp_bound(EcmlCtx *ctx, const VrpInstance *in);

/* Seconds of a clock that only goes forward. */
extern double vrp_clock(void);

#endif							/* ECML_ROUTE_VRP_INTERNAL_H */
