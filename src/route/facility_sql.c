/*
 * facility_sql.c - ecml_facility and its summary
 *
 * Costs come from a matrix of pairs, or from coordinates: distance times what a unit costs over a unit of distance.
 */
#include "core/compat.h"

#include <limits.h>
#include <math.h>

#include "executor/spi.h"
#include "utils/builtins.h"

#include "core/json.h"
#include "core/options.h"
#include "route/distance_sql.h"
#include "route/facility.h"
#include "route/flow_sql.h"

typedef struct Options
{
	char	   *facility;
	char	   *customer;
	char	   *fixed_cost;
	char	   *capacity;
	char	   *demand;
	char	   *open;
	char	   *costs;
	char	   *cost;
	double		unit_cost;
	double		max_distance;
	int			distance;
	int			least;
	int			most;
	FacilityParams search;
} Options;

static const EcmlOption options[] = {
	ECML_OPT_TEXT(Options, facility, "facility"),
	ECML_OPT_TEXT(Options, customer, "customer"),
	ECML_OPT_TEXT(Options, fixed_cost, "fixed_cost"),
	ECML_OPT_TEXT(Options, capacity, "capacity"),
	ECML_OPT_TEXT(Options, demand, "demand"),
	ECML_OPT_TEXT(Options, open, "open"),
	ECML_OPT_TEXT(Options, costs, "costs"),
	ECML_OPT_TEXT(Options, cost, "cost"),
	ECML_OPT_FLOAT(Options, unit_cost, "unit_cost", 0, 1e100),
	ECML_OPT_FLOAT(Options, max_distance, "max_distance", 0, INFINITY),
	ECML_OPT_ENUM(Options, distance, "distance", route_distances),
	ECML_OPT_INT(Options, least, "min_open", 0, INT_MAX),
	ECML_OPT_INT(Options, most, "max_open", 1, INT_MAX),
	ECML_OPT_INT(Options, search.max_nodes, "max_nodes", 0, INT_MAX),
	ECML_OPT_FLOAT(Options, search.gap, "gap", 0, 1),
	ECML_OPT_END
};

static const char *const facility_names[] = {"facility", "facility_id", "candidate", "candidate_id", "warehouse", "warehouse_id", "site", "site_id", "depot",
"origin", "store", "store_id", "id", "name", NULL};
static const char *const customer_names[] = {"customer", "customer_id", "region", "region_id", "destination", "city", "store", "store_id", "id", "name", NULL};
static const char *const fixed_names[] = {"fixed_cost", "opening_cost", "cost", "rent", NULL};
static const char *const capacity_names[] = {"capacity", "max_demand", "max_quantity", NULL};
static const char *const open_names[] = {"open", "is_open", "state", NULL};
static const char *const demand_names[] = {"demand", "weight", "quantity", "orders", "units", "population", NULL};

typedef struct Location
{
	RouteCall	call;
	Options		given;
	EcmlKeys   *facilities;
	EcmlKeys   *customers;
	FacilityProblem problem;
	FacilityResult result;
} Location;

static void
no_costs(const char *argument)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("there is nothing to tell costs from"),
			 errdetail("The %s source has neither columns x and y, nor lat and lon, and there is no option \"costs\".", argument),
			 errhint("Give coordinates in both sources, or a source of pairs as in {\"costs\": \"SELECT facility, customer, cost FROM ...\"}; cost is that of a unit of demand.")));
}

/* Costs of serving each customer wholly, from pairs or from coordinates. */
static double *
read_costs(Location *l, const RouteColumn *sites, const RouteColumn *customers, int n, int m, const double *demand)
{
	EcmlCtx    *ctx = &l->call.ctx;
	double	   *cost = ECML_NEW(ctx, double, (size_t) n * m + 1);

	if (l->given.costs)
	{
		RouteArcs	arcs;
		RouteColumn pairs[5] = {
			{.what = "facility",.given = l->given.facility,.usual = facility_names,.needed = true,.placed = true,
			.keys = l->facilities,.known = true},
			{.what = "customer",.given = l->given.customer,.usual = customer_names,.needed = true,.placed = true,
			.keys = l->customers,.known = true},
			{.what = "cost",.given = l->given.cost,.usual = route_costs,.kind = ROUTE_NUMBER,.needed = true,.placed = true},
			{.what = "capacity",.usual = route_no_names,.kind = ROUTE_NUMBER},
			{.what = "minimum",.usual = route_no_names,.kind = ROUTE_NUMBER}
		};

		for (size_t i = 0; i < (size_t) n * m; i++)
			cost[i] = INFINITY;
		route_read_arcs(ctx, l->given.costs, "costs", pairs, false, &arcs);
		for (int a = 0; a < arcs.m; a++)
			if (arcs.cost[a] <= l->given.max_distance)
				cost[(size_t) arcs.from[a] * m + arcs.to[a]] = arcs.cost[a] * l->given.unit_cost * demand[arcs.to[a]];
		return cost;
	}
	if (!route_has_points(sites))
		no_costs("candidates");
	if (!route_has_points(customers))
		no_costs("customers");
	for (int j = 0; j < n; j++)
	{
		for (int i = 0; i < m; i++)
		{
			double		far = route_distance(sites, j, customers, i, (RouteDistance) l->given.distance);

			cost[(size_t) j * m + i] = far <= l->given.max_distance ? far * l->given.unit_cost * demand[i] : INFINITY;
		}
		ecml_poll(ctx, 0, 0);
	}
	return cost;
}

static void
cannot_serve(const Location *l)
{
	const FacilityProblem *p = &l->problem;
	double		capacity = 0;
	double		demand = 0;

	for (int i = 0; i < p->m; i++)
	{
		bool		reached = false;

		for (int j = 0; j < p->n; j++)
			reached |= p->state[j] != FACILITY_CLOSED && isfinite(p->cost[(size_t) j * p->m + i]);
		if (!reached)
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("customer \"%s\" cannot be served from any candidate", ecml_keys_name(l->customers, i)),
					 errdetail("All pairs are missing, or further than max_distance."),
					 errhint("Add candidates or pairs, or raise \"max_distance\".")));
		demand += p->demand[i];
	}
	for (int j = 0; j < p->n; j++)
		capacity += p->capacity && p->state[j] != FACILITY_CLOSED ? p->capacity[j] : 0;
	ereport(ERROR,
			(errcode(ERRCODE_DATA_EXCEPTION),
			 errmsg("no choice of facilities serves all customers"),
			 p->capacity ? errdetail("Demand is %g units, the capacity of all candidates %g.", demand, capacity) :
			 errdetail("None was found with %d to %d facilities open.", p->least, p->most),
			 errhint("Add candidates or capacity, or look at \"min_open\", \"max_open\" and \"max_distance\".")));
}

static void
solve(Location *l, FunctionCallInfo fcinfo)
{
	char	   *candidates = route_argument(fcinfo, 0, "candidates");
	char	   *customers = route_argument(fcinfo, 1, "customers");
	EcmlOptionSet set = {options, &l->given};
	EcmlCtx    *ctx = &l->call.ctx;
	FacilityParams params = FACILITY_DEFAULTS;
	signed char *state;
	double	   *demand;
	double	   *fixed;
	int			n;
	int			m;

	l->given = (Options) {.unit_cost = 1,.max_distance = INFINITY,.most = INT_MAX,.search = params};
	ecml_options_parse("ecml_facility", PG_ARGISNULL(2) ? NULL : PG_GETARG_JSONB_P(2), &set, 1);
	route_begin(&l->call, 0);
	l->facilities = ecml_keys_create(l->call.context);
	l->customers = ecml_keys_create(l->call.context);

	RouteColumn site[] = {
		{.what = "facility",.given = l->given.facility,.usual = facility_names,.needed = true,.placed = true,.keys = l->facilities},
		ROUTE_POINT_COLUMNS,
		{.what = "fixed_cost",.given = l->given.fixed_cost,.usual = fixed_names,.kind = ROUTE_NUMBER},
		{.what = "capacity",.given = l->given.capacity,.usual = capacity_names,.kind = ROUTE_NUMBER},
		{.what = "open",.given = l->given.open,.usual = open_names,.kind = ROUTE_NUMBER}
	};
	RouteColumn customer[] = {
		{.what = "customer",.given = l->given.customer,.usual = customer_names,.needed = true,.placed = true,.keys = l->customers},
		ROUTE_POINT_COLUMNS,
		{.what = "demand",.given = l->given.demand,.usual = demand_names,.kind = ROUTE_NUMBER}
	};

	n = route_read(ctx, candidates, "candidates", site, 8);
	m = route_read(ctx, customers, "customers", customer, 6);
	route_check_unique(ctx, "candidates", &site[0], n);
	route_check_unique(ctx, "customers", &customer[0], m);
	route_check_numbers("candidates", &site[5], n, 0, true, NAN, &site[0]);
	route_check_numbers("candidates", &site[6], n, 0, false, NAN, &site[0]);
	route_check_numbers("customers", &customer[5], m, 0, true, NAN, &customer[0]);
	route_check_points("candidates", site, 1, n, &site[0]);
	route_check_points("customers", customer, 1, m, &customer[0]);
	if (n == 0 && m > 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("there is no candidate"),
				 errdetail("The candidates source has no rows."),
				 errhint("Give at least one place that may be opened.")));
	fixed = site[5].numbers ? site[5].numbers : ECML_NEW0(ctx, double, n + 1);
	demand = customer[5].numbers ? customer[5].numbers : ECML_NEW(ctx, double, m + 1);
	for (int i = 0; i < m && !customer[5].numbers; i++)
		demand[i] = 1;
	state = ECML_NEW0(ctx, signed char, n + 1);
	/* true: it is open and stays so; false: it must not be; NULL: to be decided */
	for (int j = 0; j < n && site[7].numbers; j++)
		state[j] = isnan(site[7].numbers[j]) ? FACILITY_FREE : site[7].numbers[j] != 0 ? FACILITY_OPEN : FACILITY_CLOSED;
	l->problem = (FacilityProblem) {
		.n = n,.m = m,.fixed = fixed,.demand = demand,.state = state,.least = l->given.least,
		.most = Min(l->given.most, n),.cost = read_costs(l, site + 1, customer + 1, n, m, demand)
	};
	if (site[6].numbers)
	{
		double		total = 0;
		double	   *capacity = site[6].numbers;

		for (int i = 0; i < m; i++)
			total += demand[i];
		for (int j = 0; j < n; j++)
			capacity[j] = fmin(capacity[j], total);
		l->problem.capacity = capacity;
	}
	if (l->given.least > n)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("there are fewer candidates than must be open"),
				 errdetail("There are %d, and \"min_open\" is %d.", n, l->given.least),
				 errhint("Lower \"min_open\".")));
	facility_solve(ctx, &l->problem, &l->given.search, &l->result);
	if (!l->result.feasible && m > 0)
		cannot_serve(l);
}

PG_FUNCTION_INFO_V1(ecml_facility);
PG_FUNCTION_INFO_V1(ecml_facility_summary);

/* ecml_facility(candidates text, customers text, options jsonb): rows facility, customer, quantity, cost */
Datum
ecml_facility(PG_FUNCTION_ARGS)
{
	EcmlRows   *rows = ecml_rows_begin(fcinfo);
	Location	l;

	solve(&l, fcinfo);
	for (int j = 0; l.result.feasible && j < l.problem.n; j++)
		for (int i = 0; i < l.problem.m; i++)
		{
			size_t		cell = (size_t) j * l.problem.m + i;
			double		share = l.result.share ? l.result.share[cell] : l.result.facility_of[i] == j;
			Datum		values[4];
			bool		nulls[4] = {false};

			if (share <= 1e-12)
				continue;
			values[0] = CStringGetTextDatum(ecml_keys_name(l.facilities, j));
			values[1] = CStringGetTextDatum(ecml_keys_name(l.customers, i));
			values[2] = Float8GetDatum(share * l.problem.demand[i]);
			values[3] = Float8GetDatum(share * l.problem.cost[cell]);
			ecml_rows_add(rows, values, nulls);
		}
	route_end(&l.call);
	return (Datum) 0;
}

/* the same arguments: jsonb */
Datum
ecml_facility_summary(PG_FUNCTION_ARGS)
{
	MemoryContext old = CurrentMemoryContext;
	EcmlJson   *json;
	Jsonb	   *jsonb;
	Location	l;
	double		fixed = 0;
	const char **open;
	int			n = 0;

	solve(&l, fcinfo);
	open = ECML_NEW(&l.call.ctx, const char *, l.problem.n + 1);
	for (int j = 0; l.result.feasible && j < l.problem.n; j++)
		if (l.result.open[j])
		{
			open[n++] = ecml_keys_name(l.facilities, j);
			fixed += l.problem.fixed[j];
		}
	MemoryContextSwitchTo(old);
	json = ecml_json_object();
	ecml_json_strings(json, "open", open, n);
	ecml_json_number(json, "cost", l.result.cost);
	ecml_json_number(json, "fixed_cost", fixed);
	ecml_json_number(json, "service_cost", l.result.cost - fixed);
	ecml_json_number(json, "bound", l.result.bound);
	ecml_json_number(json, "gap", l.result.cost > 0 ? fmax(0, 1 - l.result.bound / l.result.cost) : 0);
	ecml_json_bool(json, "proved", l.result.proved);
	ecml_json_int(json, "nodes", l.result.nodes);
	jsonb = ecml_json_finish(json);
	route_end(&l.call);
	MemoryContextSwitchTo(old);
	PG_RETURN_JSONB_P(jsonb);
}
