/*
 * flow_sql.h - what the bindings of flows share
 */
#ifndef ECML_ROUTE_FLOW_SQL_H
#define ECML_ROUTE_FLOW_SQL_H

#include "core/host.h"
#include "core/result.h"
#include "route/columns_sql.h"
#include "route/flow.h"

/* A call of a solver: its context, whose memory goes with it. */
typedef struct RouteCall
{
	EcmlCtx		ctx;
	EcmlServerHost host;
	MemoryContext context;
} RouteCall;

extern void route_begin(RouteCall *call, uint64 seed);
extern void route_end(RouteCall *call);

/* Arcs by name: costs, capacities, least flows. */
typedef struct RouteArcs
{
	int			m;
	int		   *from;			/* [m] */
	int		   *to;				/* [m] */
	double	   *cost;
	double	   *lower;			/* or NULL */
	double	   *upper;			/* or NULL */
} RouteArcs;

/* What may be left or missing. */
typedef enum RouteUnmet
{
	ROUTE_AUTO,					/* the larger of supply and demand keeps the rest */
	ROUTE_ERROR,				/* all demand must be met */
	ROUTE_ALLOW					/* as much as can be */
} RouteUnmet;

extern const char *const route_unmet[];

/* Usual names of columns. */
extern const char *const route_origins[];
extern const char *const route_destinations[];
extern const char *const route_costs[];
extern const char *const route_capacities[];
extern const char *const route_minima[];
extern const char *const route_no_names[];

/*
 * Read arcs: columns origin, destination, cost and, where there are, capacity and minimum, as five RouteColumns that the caller has
 * named.  Pairs of unknown keys (code -1) and pairs without a cost are left out.  twice: the same pair may come again.
 */
extern void route_read_arcs(EcmlCtx *ctx, const char *text, const char *argument, RouteColumn *columns, bool twice,
							RouteArcs *arcs);

/* Texts of keys, made once each. */
typedef struct RouteNames
{
	const EcmlKeys *keys;
	Datum	   *texts;			/* [n] */
	bool	   *made;			/* [n] */
} RouteNames;

extern void route_names_init(RouteNames *names, EcmlCtx *ctx, const EcmlKeys *keys);
extern Datum route_name(RouteNames *names, int number);

/* The cost of a unit that is missing, so high that no path is worth it. */
extern double route_high_cost(const RouteArcs *arcs, int nodes);

#endif							/* ECML_ROUTE_FLOW_SQL_H */
