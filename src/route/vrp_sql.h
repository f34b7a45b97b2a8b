/*
 * vrp_sql.h - what the functions of vehicle routing share: from tables and options to a problem
 */
#ifndef ECML_ROUTE_VRP_SQL_H
#define ECML_ROUTE_VRP_SQL_H

#include "postgres.h"
#include "fmgr.h"

#include "core/dict.h"
#include "core/options.h"
#include "route/vrp.h"

typedef struct VrpColumns
{
	char	   *id;
	char	   *x;
	char	   *y;
	char	   *lon;
	char	   *lat;
	char	   *demand;
	char	   *ready;
	char	   *due;
	char	   *service;
	char	   *release;
	char	   *prize;
	char	   *pickup;
	char	   *group;
	char	   *pickup_from;
	char	   *depot;
	char	   *skills;
	char	   *only_vehicle;
	char	   *backhaul;
} VrpColumns;

typedef struct VrpWeights
{
	double		distance;
	double		duration;
	double		vehicles;
} VrpWeights;

typedef struct VrpOptions
{
	VrpColumns	column;
	char	   *vehicles;		/* a number, or a source */
	EcmlNumberList capacity;
	char	   *distance;		/* euclidean, haversine, or a source */
	int			round;
	double		speed;
	EcmlChoice	objective;
	double		fixed_cost;
	double		shift_start;
	double		shift_end;
	double		max_distance;
	double		max_duration;
	bool		open;
	bool		backhauls;
	int			reloads;
	double		reload_time;
	double		break_start;
	double		break_end;
	double		break_duration;
	char	   *initial;
	double		time_limit;		/* -1: 5 seconds, or none when iterations are given */
	int64		iterations;
	int64		seed;
	int			method;
	int			on_cancel;
	/* not an option: set from objective */
	VrpWeights	weight;
	bool		vehicles_first;
} VrpOptions;

extern const EcmlOption vrp_options[];

/* The problem with what SQL calls its parts. */
typedef struct VrpInput
{
	VrpProblem	problem;
	VrpOptions	options;
	char	  **id;				/* [nsites] */
	EcmlDict   *ids;			/* code: number of the site */
	char	  **vehicle;		/* [nvehicles] NULL: its number */
	bool		spherical;		/* coordinates are degrees */
	bool		placed;			/* there are coordinates */
} VrpInput;

/* Read the deliveries, and what options name; more: options beside those of ecml_vrp, or NULL.  Memory is the current context's. */
extern void vrp_read(VrpInput *input, const char *what, const char *deliveries, Jsonb *options, const EcmlOptionSet *more);

/* Plan what was read. */
extern VrpSolution *vrp_plan(VrpInput *input);

/* The argument deliveries, which must not be NULL. */
extern char *vrp_argument(FunctionCallInfo fcinfo);

#endif							/* ECML_ROUTE_VRP_SQL_H */
