/*
 * assign_sql.c - ecml_assign and its prices
 *
 * A matrix that is mostly there is solved dense (assign.c); one of few pairs among many by the network simplex, which gives the same
 * optimum.  Either way the smaller side is served in full; where the larger is the origins, the matrix is turned.
 */
#include "core/compat.h"

#include <math.h>

#include "executor/spi.h"
#include "utils/builtins.h"

#include "core/options.h"
#include "route/assign.h"
#include "route/flow_sql.h"

#define SMALL_CELLS 4000000		/* always dense */
#define SPARSE 16				/* else sparse, where less than one cell in so many is a pair */

typedef struct Options
{
	char	   *origin;
	char	   *destination;
	char	   *cost;
	bool		maximize;
	int			unassigned;
	double		penalty;
} Options;

static const char *const unassigned_choices[] = {"error", "allow", NULL};

static const EcmlOption options[] = {
	ECML_OPT_TEXT(Options, origin, "origin"),
	ECML_OPT_TEXT(Options, destination, "destination"),
	ECML_OPT_TEXT(Options, cost, "cost"),
	ECML_OPT_BOOL(Options, maximize, "maximize"),
	ECML_OPT_ENUM(Options, unassigned, "unassigned", unassigned_choices),
	ECML_OPT_FLOAT(Options, penalty, "penalty", -1e100, 1e100),
	ECML_OPT_END
};

typedef struct Assignment
{
	RouteCall	call;
	Options		given;
	EcmlKeys   *origins;
	EcmlKeys   *destinations;
	RouteArcs	arcs;
	int		   *match;			/* [origins] destination or -1 */
	double	   *cost;			/* [origins] of it */
	double	   *origin_price;
	double	   *destination_price;
} Assignment;

static void
no_assignment(const Assignment *p, bool origin, int number)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_EXCEPTION),
			 origin ? errmsg("not every origin can have a destination of its own") :
			 errmsg("not every destination can have an origin of its own"),
			 errdetail("\"%s\" is left over: the pairs that are allowed do not reach.",
					   origin ? ecml_keys_name(p->origins, number) : ecml_keys_name(p->destinations, number)),
			 errhint("Add pairs, or let some go without with {\"unassigned\": \"allow\"}.")));
}

/* The cost of going without, in what is minimised; NaN: not allowed. */
static double
cost_without(const Assignment *p, int n)
{
	if (!isnan(p->given.penalty))
		return p->given.maximize ? -p->given.penalty : p->given.penalty;
	return p->given.unassigned == 1 ? (flow_greatest(p->arcs.cost, p->arcs.m) + 1) * (2.0 * n + 1) : NAN;
}

static void
solve_dense(Assignment *p)
{
	EcmlCtx    *ctx = &p->call.ctx;
	bool		turned = p->origins->n > p->destinations->n;
	int			n = turned ? p->destinations->n : p->origins->n;
	int			m = turned ? p->origins->n : p->destinations->n;
	const int  *row = turned ? p->arcs.to : p->arcs.from;
	const int  *column = turned ? p->arcs.from : p->arcs.to;
	size_t		stride = assign_stride(m);
	double	   *cost = ECML_NEW(ctx, double, n * stride + 1);
	double		without = cost_without(p, n);
	AssignResult result;

	/* what no pair sets: all, or no more than what rows are filled up with */
	for (int i = 0; i < n; i++)
		for (size_t j = (double) n * m == p->arcs.m ? m : 0; j < stride; j++)
			cost[i * stride + j] = INFINITY;
	for (int i = 0; i < n && !isnan(without); i++)
		for (int j = 0; j < m; j++)
			cost[i * stride + j] = without;
	for (int a = 0; a < p->arcs.m; a++)
	{
		double	   *cell = &cost[row[a] * stride + column[a]];

		*cell = isnan(without) ? p->arcs.cost[a] : fmin(p->arcs.cost[a], without);
	}
	assign_solve(ctx, n, m, cost, &result);
	if (!result.feasible)
		no_assignment(p, !turned, result.stuck);
	for (int i = 0; i < n; i++)
	{
		int			j = result.column_of[i];
		int			origin = turned ? j : i;

		/* rounding may have made it a little less */
		if (result.row_cost[i] >= without - 1e-9 * fabs(without))
			continue;
		p->match[origin] = turned ? i : j;
		p->cost[origin] = result.row_cost[i];
	}
	p->origin_price = turned ? result.column_price : result.row_price;
	p->destination_price = turned ? result.row_price : result.column_price;
}

static void
solve_sparse(Assignment *p)
{
	EcmlCtx    *ctx = &p->call.ctx;
	int			no = p->origins->n;
	int			nd = p->destinations->n;
	bool		turned = no > nd;
	double		without = cost_without(p, Min(no, nd));
	double	   *supply = ECML_NEW(ctx, double, no + nd + 1);
	double	   *spill = ECML_NEW(ctx, double, no + nd + 1);
	FlowNetwork network = {.n = no + nd,.m = p->arcs.m,.from = p->arcs.from,.cost = p->arcs.cost,.supply = supply,.spill = spill};
	int		   *to = ECML_NEW(ctx, int, p->arcs.m + 1);
	FlowResult	result;

	for (int v = 0; v < no + nd; v++)
	{
		bool		larger = (v < no) == turned;

		supply[v] = v < no ? 1 : -1;
		/* a pair that is not made leaves both: the smaller side pays */
		spill[v] = larger ? 0 : isnan(without) ? INFINITY : without;
	}
	for (int a = 0; a < p->arcs.m; a++)
		to[a] = no + p->arcs.to[a];
	network.to = to;
	flow_solve(ctx, &network, &result);
	if (result.status != FLOW_OPTIMAL)
		for (int v = turned ? no : 0; v < no + nd; v++)
			if (isinf(spill[v]) && result.excess[v] != 0)
				no_assignment(p, v < no, v < no ? v : v - no);
	for (int a = 0; a < p->arcs.m; a++)
		if (result.flow[a] > 0.5)
		{
			p->match[p->arcs.from[a]] = p->arcs.to[a];
			p->cost[p->arcs.from[a]] = p->arcs.cost[a];
		}
	p->origin_price = result.price;
	p->destination_price = result.price + no;
	/* of the flow an origin's price is what a unit is worth there */
	for (int v = 0; v < no; v++)
		result.price[v] = -result.price[v];
}

static void
solve(Assignment *p, FunctionCallInfo fcinfo)
{
	char	   *costs = route_argument(fcinfo, 0, "costs");
	EcmlOptionSet set = {options, &p->given};
	double		cells;

	p->given = (Options) {.penalty = NAN};
	ecml_options_parse("ecml_assign", PG_ARGISNULL(1) ? NULL : PG_GETARG_JSONB_P(1), &set, 1);
	route_begin(&p->call, 0);
	p->origins = ecml_keys_create(p->call.context);
	p->destinations = ecml_keys_create(p->call.context);

	RouteColumn pairs[5] = {
		{.what = "origin",.given = p->given.origin,.usual = route_origins,.needed = true,.placed = true,.keys = p->origins},
		{.what = "destination",.given = p->given.destination,.usual = route_destinations,.needed = true,.placed = true,
		.keys = p->destinations},
		{.what = "cost",.given = p->given.cost,.usual = route_costs,.kind = ROUTE_NUMBER,.needed = true,.placed = true},
		{.what = "capacity",.usual = route_no_names,.kind = ROUTE_NUMBER},
		{.what = "minimum",.usual = route_no_names,.kind = ROUTE_NUMBER}
	};

	route_read_arcs(&p->call.ctx, costs, "costs", pairs, false, &p->arcs);
	if (p->given.maximize)
		for (int a = 0; a < p->arcs.m; a++)
			p->arcs.cost[a] = -p->arcs.cost[a];
	p->match = ECML_NEW(&p->call.ctx, int, p->origins->n + 1);
	p->cost = ECML_NEW0(&p->call.ctx, double, p->origins->n + 1);
	for (int i = 0; i < p->origins->n; i++)
		p->match[i] = -1;
	cells = (double) p->origins->n * p->destinations->n;
	if (cells > SMALL_CELLS && cells > SPARSE * (double) p->arcs.m)
		solve_sparse(p);
	else
		solve_dense(p);
}

PG_FUNCTION_INFO_V1(ecml_assign);
PG_FUNCTION_INFO_V1(ecml_assign_prices);

/* ecml_assign(costs text, options jsonb): rows origin, destination, cost */
Datum
ecml_assign(PG_FUNCTION_ARGS)
{
	EcmlRows   *rows = ecml_rows_begin(fcinfo);
	Assignment	p;

	solve(&p, fcinfo);
	for (int i = 0; i < p.origins->n; i++)
	{
		Datum		values[3];
		bool		nulls[3] = {false};

		if (p.match[i] < 0)
			continue;
		values[0] = CStringGetTextDatum(ecml_keys_name(p.origins, i));
		values[1] = CStringGetTextDatum(ecml_keys_name(p.destinations, p.match[i]));
		values[2] = Float8GetDatum(p.given.maximize ? -p.cost[i] : p.cost[i]);
		ecml_rows_add(rows, values, nulls);
	}
	route_end(&p.call);
	return (Datum) 0;
}

static void
emit_price(EcmlRows *rows, const char *side, const EcmlKeys *keys, int number, int partner, const EcmlKeys *partners, double price)
{
	Datum		values[4];
	bool		nulls[4] = {false};

	values[0] = CStringGetTextDatum(side);
	values[1] = CStringGetTextDatum(ecml_keys_name(keys, number));
	nulls[2] = partner < 0;
	if (partner >= 0)
		values[2] = CStringGetTextDatum(ecml_keys_name(partners, partner));
	values[3] = Float8GetDatum(price);
	ecml_rows_add(rows, values, nulls);
}

/* the same arguments: rows side, id, partner, price */
Datum
ecml_assign_prices(PG_FUNCTION_ARGS)
{
	EcmlRows   *rows = ecml_rows_begin(fcinfo);
	Assignment	p;
	int		   *partner;
	double		sign;

	solve(&p, fcinfo);
	sign = p.given.maximize ? -1 : 1;
	partner = ECML_NEW(&p.call.ctx, int, p.destinations->n + 1);
	for (int j = 0; j < p.destinations->n; j++)
		partner[j] = -1;
	for (int i = 0; i < p.origins->n; i++)
	{
		if (p.match[i] >= 0)
			partner[p.match[i]] = i;
		emit_price(rows, "origin", p.origins, i, p.match[i], p.destinations, sign * p.origin_price[i]);
	}
	for (int j = 0; j < p.destinations->n; j++)
		emit_price(rows, "destination", p.destinations, j, partner[j], p.origins, sign * p.destination_price[j]);
	route_end(&p.call);
	return (Datum) 0;
}
