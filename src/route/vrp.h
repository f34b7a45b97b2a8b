/*
 * vrp.h - vehicle routing: which vehicle visits which site, in which order, and when
 *
 *     VrpProblem problem = VRP_PROBLEM;  ... sites, vehicles
 *     VrpParams params = VRP_DEFAULTS;
 *     vrp_check(ctx, &problem);                           fails, with the site and the reason, on input without sense
 *     VrpSolution *solution = vrp_solve(ctx, &problem, &params);
 *
 * The method: slack induction by string removals (Christiaens and Vanden Berghe 2020), an annealed ruin and recreate that
 * has one constructive operator, insertion at the best place, and therefore serves every variant here: time windows, loads
 * of several dimensions that are delivered, collected or carried between stops, fleets of unlike vehicles, optional stops,
 * alternatives, reloading, breaks.  Pure capacity and time window problems of some hundred stops are begun by a hybrid
 * genetic search (Vidal 2022).  README.md has the mathematics, vrp_internal.h what the files share.
 */
#ifndef ECML_ROUTE_VRP_H
#define ECML_ROUTE_VRP_H

#include "num/ctx.h"

#define VRP_MAX_DIMS 8			/* dimensions of loads */
#define VRP_MAX_SKILLS 64
#define VRP_MAX_SITES 100000
#define VRP_MAX_VEHICLES 100000

typedef enum VrpMetric
{
	VRP_EUCLIDEAN,				/* of x and y */
	VRP_HAVERSINE,				/* metres, of x (degrees east) and y (degrees north) on a sphere */
	VRP_MATRIX					/* given */
} VrpMetric;

typedef enum VrpRound
{
	VRP_ROUND_NONE,
	VRP_ROUND_NEAREST,			/* to the nearest whole number, as TSPLIB's EUC_2D */
	VRP_ROUND_TRUNC1,			/* cut after the first decimal, as the DIMACS challenge has it for time windows */
	VRP_ROUND_UP				/* to the next whole number */
} VrpRound;

/* A place: of a depot, or of a delivery. */
typedef struct VrpSite
{
	double		x;
	double		y;
	bool		depot;
	bool		backhaul;		/* its goods are collected when everything of the trip has been delivered */
	double		demand[VRP_MAX_DIMS];	/* brought from the depot, or from the site pair */
	double		pickup[VRP_MAX_DIMS];	/* taken to the depot, or to the site whose pair this is */
	double		ready;			/* service begins within [ready, due]; a depot is open then */
	double		due;
	double		service;		/* duration */
	double		release;		/* its goods are at the depot from this time on */
	double		prize;			/* what it costs to leave it out; INFINITY: it must be served */
	uint64_t	skills;			/* that its vehicle must have */
	int			group;			/* sites of one group are alternatives, one of which is served; -1: none */
	int			pair;			/* of a delivery: the site where its goods are collected before; -1: none */
	int			vehicle;		/* the only one that may serve it; -1: any */
} VrpSite;

#define VRP_SITE {.due = INFINITY,.prize = INFINITY,.group = -1,.pair = -1,.vehicle = -1}

typedef struct VrpVehicle
{
	double		capacity[VRP_MAX_DIMS];	/* INFINITY: no bound */
	double		fixed;			/* cost of using it */
	double		per_distance;	/* cost of a unit of distance, of time */
	double		per_time;
	double		speed;			/* factor: 2 takes half of the time */
	double		shift_start;	/* it leaves and returns within */
	double		shift_end;
	double		max_distance;
	double		max_duration;
	int			start;			/* sites; end -1: the route ends at its last stop */
	int			end;
	uint64_t	skills;
	int			reloads;		/* how often it may return to its first depot to load again */
	double		reload_time;
	double		break_start;	/* a break of break_duration begins within, unless the route ends before break_end */
	double		break_end;
	double		break_duration; /* 0: no break */
} VrpVehicle;

#define VRP_VEHICLE {.per_distance = 1,.speed = 1,.shift_end = INFINITY,.max_distance = INFINITY,.max_duration = INFINITY}

/* A route known before: its stops in order; the first locked ones stay as they are. */
typedef struct VrpGiven
{
	int			vehicle;
	int			site;
	bool		locked;
} VrpGiven;

typedef struct VrpProblem
{
	int			nsites;
	const VrpSite *sites;
	int			nvehicles;
	const VrpVehicle *vehicles;
	int			ndims;			/* of loads; 0: loads do not matter */
	VrpMetric	metric;
	VrpRound	round;
	double		speed;			/* distance a unit of time, where no durations are given */
	const double *distance;		/* [nsites][nsites] with VRP_MATRIX; INFINITY: no way */
	const double *duration;		/* the same, or NULL */
	int			ngiven;			/* stops of routes known before, route by route, in order */
	const VrpGiven *given;
} VrpProblem;

typedef enum VrpMethod
{
	VRP_AUTO,
	VRP_RUIN,					/* ruin and recreate alone */
	VRP_GENETIC					/* genetic search alone, where it applies */
} VrpMethod;

typedef struct VrpParams
{
	double		time_limit;		/* seconds from now on; INFINITY: none */
	int64_t		iterations;		/* -1: no limit */
	bool		vehicles_first; /* the number of vehicles counts more than any cost */
	int			method;
	uint64_t	seed;
	bool	   *stop;			/* NULL, or set by the host's poll: end with the best so far */
} VrpParams;

#define VRP_DEFAULTS {.time_limit = 5,.iterations = -1}

/* Why a site is served by no vehicle. */
typedef enum VrpReason
{
	VRP_SERVED,
	VRP_ALTERNATIVE,			/* another site of its group is served */
	VRP_NOT_WORTH,				/* its prize is less than what it costs to serve it */
	VRP_NO_ROOM,				/* the vehicles there are can serve it, but not beside the others */
	VRP_NO_SKILL,				/* no vehicle has all of its skills */
	VRP_TOO_LARGE,				/* for every vehicle */
	VRP_NO_WAY,					/* from a depot to it and on */
	VRP_NO_TIME,				/* no vehicle can be there within its window and return in time */
	VRP_TOO_FAR,				/* beyond the distance or duration allowed */
	VRP_PAIR_UNSERVED,			/* the other site of its pair cannot be served */
	VRP_ENDED					/* the search was ended before its turn */
} VrpReason;

typedef struct VrpStop
{
	int			vehicle;
	int			site;			/* -1: the route's end where it has no depot */
	double		arrival;
	double		wait;			/* from arrival to the beginning of service, breaks left out */
	double		rest;			/* break taken before service or, if after, after it */
	double		departure;
	double		distance;		/* from the stop before */
	double		load[VRP_MAX_DIMS]; /* on leaving */
	bool		reload;			/* at a depot within the route */
} VrpStop;

typedef struct VrpSolution
{
	int			nstops;			/* route by route, with its first and last depot */
	VrpStop    *stops;
	VrpReason  *reason;			/* [nsites] */
	int			used;			/* vehicles */
	int			unserved;		/* sites that had to be served and are not */
	double		cost;			/* distance, time, fixed costs and prizes lost; not of sites unserved */
	double		distance;
	double		duration;
	double		lost;			/* prizes */
	double		bound;			/* no plan that serves all costs less; 0 when nothing is known */
	int64_t		iterations;
	double		seconds;
	double		seconds_to_best;
	bool		feasible;		/* nothing that must be served is left out */
} VrpSolution;

/* Fails on input that has no sense: see vrp_check.c. */
extern void vrp_check(EcmlCtx *ctx, const VrpProblem *problem);

extern VrpSolution *vrp_solve(EcmlCtx *ctx, const VrpProblem *problem, const VrpParams *params);

/* Distance and duration between two sites, rounded as the problem says. */
extern double vrp_distance(const VrpProblem *problem, int from, int to);

/* "its prize is less than ..." */
extern const char *vrp_reason_text(VrpReason reason);

#endif							/* ECML_ROUTE_VRP_H */
