/*
 * flow_sql.c - ecml_transport, ecml_min_cost_flow and their prices
 *
 * Origins and destinations are nodes, pairs with a cost are arcs; the network simplex (flow_simplex.c) does the rest.  Where supply
 * and demand differ, the larger side keeps the rest, unless options say otherwise.
 */
#include "core/compat.h"

#include <math.h>

#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "core/guc.h"
#include "core/options.h"
#include "route/flow_sql.h"

#define LEAST_PART 1e-12		/* of all that is shipped: less is rounding */

const char *const route_unmet[] = {"auto", "error", "allow", NULL};
const char *const route_origins[] = {"origin", "origin_id", "source", "source_id", "from", "from_id", "warehouse", "warehouse_id", "worker", "worker_id",
"agent", "agent_id", "supplier", "supplier_id", "from_node", "start", "tail", "row", "i", NULL};
const char *const route_destinations[] = {"destination", "destination_id", "dest", "target", "target_id", "to", "to_id", "region", "region_id", "store", "store_id",
"customer", "customer_id", "task", "task_id", "job", "job_id", "to_node", "end", "head", "col", "j", NULL};
const char *const route_costs[] = {"cost", "unit_cost", "price", "distance", "weight", "duration", "score", NULL};
const char *const route_capacities[] = {"capacity", "max_quantity", "upper", "maximum", "max", "limit", NULL};
const char *const route_minima[] = {"minimum", "min_quantity", "lower", "min", NULL};
const char *const route_no_names[] = {NULL};
static const char *const supplies[] = {"supply", "quantity", "stock", "available", "on_hand", "capacity", "units", "amount", NULL};
static const char *const demands[] = {"demand", "quantity", "required", "units", "amount", "need", NULL};
static const char *const left_costs[] = {"left_cost", "holding_cost", "surplus_cost", NULL};
static const char *const shortage_costs[] = {"shortage_cost", "short_cost", "penalty", NULL};
static const char *const nodes_names[] = {"node", "node_id", "id", "name", "location", "warehouse", "warehouse_id", NULL};
static const char *const node_supplies[] = {"supply", "balance", "quantity", "b", NULL};
static const char *const node_demands[] = {"demand", "need", NULL};

/* ---- calls */

void
route_begin(RouteCall *call, uint64 seed)
{
	call->context = AllocSetContextCreate(CurrentMemoryContext, "ecml route", ALLOCSET_DEFAULT_SIZES);
	ecml_host_init(&call->ctx, &call->host, call->context, (size_t) ecml_guc_work_mem * 1024, seed);
	SPI_connect();
	MemoryContextSwitchTo(call->context);
}

void
route_end(RouteCall *call)
{
	SPI_finish();
	MemoryContextDelete(call->context);
}

void
route_names_init(RouteNames *names, EcmlCtx *ctx, const EcmlKeys *keys)
{
	names->keys = keys;
	names->texts = ECML_NEW(ctx, Datum, keys->n + 1);
	names->made = ECML_NEW0(ctx, bool, keys->n + 1);
}

Datum
route_name(RouteNames *names, int number)
{
	if (!names->made[number])
	{
		names->texts[number] = CStringGetTextDatum(ecml_keys_name(names->keys, number));
		names->made[number] = true;
	}
	return names->texts[number];
}

double
route_high_cost(const RouteArcs *arcs, int nodes)
{
	return (flow_greatest(arcs->cost, arcs->m) + 1) * (nodes + 1.0);
}

/* ---- arcs */

static int
compare_pairs(const void *a, const void *b)
{
	uint64		x = *(const uint64 *) a;
	uint64		y = *(const uint64 *) b;

	return x < y ? -1 : x > y;
}

static void
twice_error(const char *argument, const RouteColumn *columns, int from, int to)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_EXCEPTION),
			 errmsg("a pair stands twice in the %s source", argument),
			 errdetail("It is \"%s\" and \"%s\".", ecml_keys_name(columns[0].keys, from), ecml_keys_name(columns[1].keys, to)),
			 errhint("Give each pair of %s and %s one row.", columns[0].what, columns[1].what)));
}

/* Does each pair come after the one before it?  A table that was written row by row is so. */
ECML_CLONES
static bool
is_rising(const int *from, const int *to, int m)
{
	int			falls = 0;

#pragma omp simd reduction(+:falls)
	for (int a = 1; a < m; a++)
		falls += !(from[a] > from[a - 1] || (from[a] == from[a - 1] && to[a] > to[a - 1]));
	return falls == 0;
}

/* An error when a pair comes twice. */
static void
check_pairs(EcmlCtx *ctx, const char *argument, const RouteColumn *columns, const RouteArcs *arcs)
{
	double		cells = (double) columns[0].keys->n * columns[1].keys->n;

	if (arcs->m == 0 || is_rising(arcs->from, arcs->to, arcs->m))
		return;
	if (cells <= 64.0 * arcs->m + 4096)
	{
		size_t		width = columns[1].keys->n;
		uint8	   *seen = ECML_NEW0(ctx, uint8, (size_t) cells / 8 + 1);

		for (int a = 0; a < arcs->m; a++)
		{
			size_t		cell = arcs->from[a] * width + arcs->to[a];

			if (seen[cell / 8] & (1 << cell % 8))
				twice_error(argument, columns, arcs->from[a], arcs->to[a]);
			seen[cell / 8] |= 1 << cell % 8;
		}
		ecml_free(ctx, seen);
	}
	else
	{
		uint64	   *pairs = ECML_NEW(ctx, uint64, arcs->m);

		for (int a = 0; a < arcs->m; a++)
			pairs[a] = (uint64) arcs->from[a] << 32 | arcs->to[a];
		qsort(pairs, arcs->m, sizeof(uint64), compare_pairs);
		for (int a = 1; a < arcs->m; a++)
			if (pairs[a] == pairs[a - 1])
				twice_error(argument, columns, (int) (pairs[a] >> 32), (int) (pairs[a] & 0xffffffff));
		ecml_free(ctx, pairs);
	}
}

static void
bad_arc(const char *argument, const RouteColumn *columns, int from, int to, const char *what, double value, const char *wanted)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_EXCEPTION),
			 errmsg("%s of \"%s\" to \"%s\" in the %s source cannot be used", what, ecml_keys_name(columns[0].keys, from),
					ecml_keys_name(columns[1].keys, to), argument),
			 errdetail("It is %g.", value),
			 errhint("It must be %s.", wanted)));
}

/* Are all pairs to be used as they are? */
ECML_CLONES
static bool
are_plain(const int *from, const int *to, const double *cost, int n)
{
	int			odd = 0;

#pragma omp simd reduction(+:odd)
	for (int i = 0; i < n; i++)
		odd += (from[i] | to[i]) < 0 || !(fabs(cost[i]) <= 1e100);
	return odd == 0;
}

void
route_read_arcs(EcmlCtx *ctx, const char *text, const char *argument, RouteColumn *columns, bool twice, RouteArcs *arcs)
{
	int			n = route_read(ctx, text, argument, columns, 5);
	const double *cost = columns[2].numbers;
	int			m = 0;

	arcs->from = columns[0].codes;
	arcs->to = columns[1].codes;
	arcs->cost = columns[2].numbers;
	arcs->upper = columns[3].numbers;
	arcs->lower = columns[4].numbers;
	if (!arcs->upper && !arcs->lower && are_plain(arcs->from, arcs->to, cost, n))
		m = n;
	for (int i = m; i < n; i++)
	{
		int			from = arcs->from[i];
		int			to = arcs->to[i];
		double		upper = arcs->upper && !isnan(arcs->upper[i]) ? arcs->upper[i] : INFINITY;
		double		lower = arcs->lower && !isnan(arcs->lower[i]) ? arcs->lower[i] : 0;

		/* no cost, or an infinite one: not to be used */
		if (from < 0 || to < 0 || isnan(cost[i]) || cost[i] == INFINITY)
			continue;
		if (cost[i] == -INFINITY || fabs(cost[i]) > 1e100)
			bad_arc(argument, columns, from, to, columns[2].what, cost[i], "a number of at most 1e100, or NULL for pairs that must not be used");
		if (!(upper >= 0))
			bad_arc(argument, columns, from, to, columns[3].what, upper, "at least 0, or NULL for no bound");
		if (!(lower >= 0) || isinf(lower) || lower > upper)
			bad_arc(argument, columns, from, to, columns[4].what, lower, "at least 0 and at most the capacity");
		arcs->from[m] = from;
		arcs->to[m] = to;
		arcs->cost[m] = cost[i];
		if (arcs->upper)
			arcs->upper[m] = upper;
		if (arcs->lower)
			arcs->lower[m] = lower;
		m++;
	}
	arcs->m = m;
	if (!twice)
		check_pairs(ctx, argument, columns, arcs);
}

/* ---- options */

typedef struct Options
{
	char	   *origin;
	char	   *destination;
	char	   *cost;
	char	   *capacity;
	char	   *minimum;
	char	   *supply;
	char	   *demand;
	char	   *node;
	int			unmet;
	double		shortage_cost;
	double		left_cost;
} Options;

#define COMMON_OPTIONS \
	ECML_OPT_TEXT(Options, origin, "origin"), \
	ECML_OPT_TEXT(Options, destination, "destination"), \
	ECML_OPT_TEXT(Options, cost, "cost"), \
	ECML_OPT_TEXT(Options, capacity, "capacity"), \
	ECML_OPT_TEXT(Options, minimum, "minimum"), \
	ECML_OPT_TEXT(Options, supply, "supply"), \
	ECML_OPT_TEXT(Options, demand, "demand"), \
	ECML_OPT_ENUM(Options, unmet, "unmet", route_unmet), \
	ECML_OPT_FLOAT(Options, shortage_cost, "shortage_cost", 0, 1e100), \
	ECML_OPT_FLOAT(Options, left_cost, "left_cost", 0, 1e100)

static const EcmlOption transport_options[] = {
	COMMON_OPTIONS,
	ECML_OPT_END
};

static const EcmlOption network_options[] = {
	COMMON_OPTIONS,
	ECML_OPT_TEXT(Options, node, "node"),
	ECML_OPT_END
};

/* What a solved network is told from. */
typedef struct Problem
{
	RouteCall	call;
	Options		given;
	EcmlKeys   *origins;
	EcmlKeys   *destinations;	/* the same for networks */
	RouteArcs	arcs;
	FlowNetwork network;
	FlowResult	result;
	double	   *supply;
	double	   *spill;
} Problem;

/* Arcs, or pairs of origins and destinations that are known: then each stands once. */
static void
read_pairs(Problem *p, const char *text, const char *argument, bool known)
{
	RouteColumn pairs[] = {
		{.what = "origin",.given = p->given.origin,.usual = route_origins,.needed = true,.placed = true,.keys = p->origins,
		.known = known},
		{.what = "destination",.given = p->given.destination,.usual = route_destinations,.needed = true,.placed = true,
		.keys = p->destinations,.known = known},
		{.what = "cost",.given = p->given.cost,.usual = route_costs,.kind = ROUTE_NUMBER,.needed = true,.placed = true},
		{.what = "capacity",.given = p->given.capacity,.usual = route_capacities,.kind = ROUTE_NUMBER},
		{.what = "minimum",.given = p->given.minimum,.usual = route_minima,.kind = ROUTE_NUMBER}
	};

	route_read_arcs(&p->call.ctx, text, argument, pairs, !known, &p->arcs);
}

/* The spill costs of a node; own: from its row, NaN: none. */
static double
spill_cost(const Options *given, bool supplies_more, bool is_supply, double own, double high)
{
	double		general = is_supply ? given->left_cost : given->shortage_cost;

	if (!isnan(own))
		return own;
	if (!isnan(general))
		return general;
	switch ((RouteUnmet) given->unmet)
	{
		case ROUTE_AUTO:
			return is_supply == supplies_more ? 0 : INFINITY;
		case ROUTE_ERROR:
			return is_supply ? 0 : INFINITY;
		case ROUTE_ALLOW:
			return is_supply ? 0 : high;
	}
	return INFINITY;
}

static void
solve(Problem *p, int nodes, bool supplies_more, const double *own)
{
	double		high = route_high_cost(&p->arcs, nodes);

	p->spill = ECML_NEW(&p->call.ctx, double, nodes + 1);
	for (int v = 0; v < nodes; v++)
		p->spill[v] = p->supply[v] == 0 ? INFINITY : spill_cost(&p->given, supplies_more, p->supply[v] > 0, own[v], high);
	p->network = (FlowNetwork) {
		.n = nodes,.m = p->arcs.m,.from = p->arcs.from,.to = p->arcs.to,.cost = p->arcs.cost,.lower = p->arcs.lower,
		.upper = p->arcs.upper,.supply = p->supply,.spill = p->spill
	};
	flow_solve(&p->call.ctx, &p->network, &p->result);
}

/* The node that is worst off, or none. */
static int
worst(const Problem *p)
{
	int			worst = -1;

	for (int v = 0; v < p->network.n; v++)
		if (isinf(p->spill[v]) && (worst < 0 || fabs(p->result.excess[v]) > fabs(p->result.excess[worst])))
			worst = v;
	return worst;
}

/* ---- transport */

static void
infeasible_transport(const Problem *p)
{
	int			v = worst(p);
	double		excess = p->result.excess[v];
	bool		missing = excess < 0;

	ereport(ERROR,
			(errcode(ERRCODE_DATA_EXCEPTION),
			 missing ? errmsg("demand of destination \"%s\" cannot be met", ecml_keys_name(p->destinations, v - p->origins->n)) :
			 errmsg("supply of origin \"%s\" cannot be sent", ecml_keys_name(p->origins, v)),
			 errdetail("%g units are %s: pairs, capacities and least quantities do not allow more.", fabs(excess),
					   missing ? "missing" : "left"),
			 errhint("Add pairs or capacity, or let demand go unmet with {\"unmet\": \"allow\"} or a \"shortage_cost\".")));
}

static void
read_transport(Problem *p, FunctionCallInfo fcinfo)
{
	char	   *costs = route_argument(fcinfo, 0, "costs");
	char	   *supply = route_argument(fcinfo, 1, "supply");
	char	   *demand = route_argument(fcinfo, 2, "demand");
	EcmlCtx    *ctx = &p->call.ctx;
	EcmlOptionSet set = {transport_options, &p->given};
	double	   *own;
	double		total_supply = 0;
	double		total_demand = 0;
	int			nodes;

	p->given = (Options) {.shortage_cost = NAN,.left_cost = NAN};
	ecml_options_parse("ecml_transport", PG_ARGISNULL(3) ? NULL : PG_GETARG_JSONB_P(3), &set, 1);
	route_begin(&p->call, 0);
	p->origins = ecml_keys_create(p->call.context);
	p->destinations = ecml_keys_create(p->call.context);

	RouteColumn from[] = {
		{.what = "origin",.given = p->given.origin,.usual = route_origins,.needed = true,.placed = true,.keys = p->origins},
		{.what = "supply",.given = p->given.supply,.usual = supplies,.kind = ROUTE_NUMBER,.needed = true,.placed = true},
		{.what = "left_cost",.usual = left_costs,.kind = ROUTE_NUMBER}
	};
	RouteColumn to[] = {
		{.what = "destination",.given = p->given.destination,.usual = route_destinations,.needed = true,.placed = true,
		.keys = p->destinations},
		{.what = "demand",.given = p->given.demand,.usual = demands,.kind = ROUTE_NUMBER,.needed = true,.placed = true},
		{.what = "shortage_cost",.usual = shortage_costs,.kind = ROUTE_NUMBER}
	};
	int			ns = route_read(ctx, supply, "supply", from, 3);
	int			nd = route_read(ctx, demand, "demand", to, 3);

	route_check_unique(ctx, "supply", &from[0], ns);
	route_check_unique(ctx, "demand", &to[0], nd);
	route_check_numbers("supply", &from[1], ns, 0, false, NAN, &from[0]);
	route_check_numbers("demand", &to[1], nd, 0, true, NAN, &to[0]);
	read_pairs(p, costs, "costs", true);

	nodes = ns + nd;
	p->supply = ECML_NEW0(ctx, double, nodes + 1);
	own = ECML_NEW(ctx, double, nodes + 1);
	for (int j = 0; j < nd; j++)
	{
		p->supply[ns + j] = -to[1].numbers[j];
		own[ns + j] = to[2].numbers ? to[2].numbers[j] : NAN;
		total_demand += to[1].numbers[j];
	}
	for (int i = 0; i < ns; i++)
	{
		/* an endless supply is as good as one for all */
		p->supply[i] = fmin(from[1].numbers[i], isinf(from[1].numbers[i]) ? total_demand : INFINITY);
		own[i] = from[2].numbers ? from[2].numbers[i] : NAN;
		total_supply += p->supply[i];
	}
	for (int a = 0; a < p->arcs.m; a++)
		p->arcs.to[a] += ns;
	solve(p, nodes, total_supply >= total_demand * (1 - 1e-12), own);
	if (p->result.status == FLOW_INFEASIBLE)
		infeasible_transport(p);
}

/* An arc in use. */
typedef struct Used
{
	int			from;
	int			to;
	int			arc;
} Used;

static int
compare_used(const void *a, const void *b)
{
	const Used *x = a;
	const Used *y = b;

	if (x->from != y->from)
		return x->from < y->from ? -1 : 1;
	if (x->to != y->to)
		return x->to < y->to ? -1 : 1;
	return x->arc < y->arc ? -1 : x->arc > y->arc;
}

/* Rows origin, destination, quantity, cost of all arcs that carry something. */
static void
emit_flows(Problem *p, EcmlRows *rows, int offset)
{
	RouteNames	from;
	RouteNames	to;
	Used	   *used;
	double		total = 0;
	int			n = 0;

	route_names_init(&from, &p->call.ctx, p->origins);
	route_names_init(&to, &p->call.ctx, p->destinations);
	for (int a = 0; a < p->arcs.m; a++)
	{
		total += p->result.flow[a];
		n += p->result.flow[a] > 0;
	}
	used = ECML_NEW(&p->call.ctx, Used, n + 1);
	n = 0;
	for (int a = 0; a < p->arcs.m; a++)
		if (p->result.flow[a] > total * LEAST_PART)
			used[n++] = (Used) {p->arcs.from[a], p->arcs.to[a], a};
	qsort(used, n, sizeof(Used), compare_used);
	for (int u = 0; u < n; u++)
	{
		double		flow = p->result.flow[used[u].arc];
		Datum		values[4];
		bool		nulls[4] = {false};

		values[0] = route_name(&from, used[u].from);
		values[1] = route_name(&to, used[u].to - offset);
		values[2] = Float8GetDatum(flow);
		values[3] = Float8GetDatum(flow * p->arcs.cost[used[u].arc]);
		ecml_rows_add(rows, values, nulls);
	}
}

/* Read a problem, and give the arcs that carry something as rows. */
static Datum
flows(FunctionCallInfo fcinfo, void (*read) (Problem *, FunctionCallInfo))
{
	EcmlRows   *rows = ecml_rows_begin(fcinfo);
	Problem		p;

	read(&p, fcinfo);
	emit_flows(&p, rows, p.origins == p.destinations ? 0 : p.origins->n);
	route_end(&p.call);
	return (Datum) 0;
}

/* Read a problem, and give a row for each node, whose columns price sets (six at most). */
static Datum
prices(FunctionCallInfo fcinfo, void (*read) (Problem *, FunctionCallInfo), void (*price) (const Problem *, int v, Datum *values))
{
	EcmlRows   *rows = ecml_rows_begin(fcinfo);
	Problem		p;

	read(&p, fcinfo);
	for (int v = 0; v < p.network.n; v++)
	{
		Datum		values[6];
		bool		nulls[6] = {false};

		price(&p, v, values);
		ecml_rows_add(rows, values, nulls);
	}
	route_end(&p.call);
	return (Datum) 0;
}

PG_FUNCTION_INFO_V1(ecml_transport);
PG_FUNCTION_INFO_V1(ecml_transport_prices);

/* ecml_transport(costs text, supply text, demand text, options jsonb): rows origin, destination, quantity, cost */
Datum
ecml_transport(PG_FUNCTION_ARGS)
{
	return flows(fcinfo, read_transport);
}

static void
price_of_place(const Problem *p, int v, Datum *values)
{
	bool		origin = v < p->origins->n;
	double		quantity = fabs(p->supply[v]);
	double		left = fabs(p->result.excess[v]);

	values[0] = CStringGetTextDatum(origin ? "origin" : "destination");
	values[1] = CStringGetTextDatum(origin ? ecml_keys_name(p->origins, v) : ecml_keys_name(p->destinations, v - p->origins->n));
	values[2] = Float8GetDatum(quantity);
	values[3] = Float8GetDatum(quantity - left);
	values[4] = Float8GetDatum(left);
	values[5] = Float8GetDatum(p->result.price[v]);
}

/* the same arguments: rows side, id, quantity, used, remaining, price */
Datum
ecml_transport_prices(PG_FUNCTION_ARGS)
{
	return prices(fcinfo, read_transport, price_of_place);
}

/* ---- networks */

static void
infeasible_network(const Problem *p)
{
	int			v = worst(p);
	double		excess = p->result.excess[v];

	ereport(ERROR,
			(errcode(ERRCODE_DATA_EXCEPTION),
			 errmsg("no flow serves node \"%s\"", ecml_keys_name(p->origins, v)),
			 errdetail("%g units are %s there: arcs, capacities and least flows do not allow more.", fabs(excess),
					   excess < 0 ? "missing" : "left"),
			 errhint("Add arcs or capacity, or let demand go unmet with {\"unmet\": \"allow\"} or a \"shortage_cost\".")));
}

static void
read_network(Problem *p, FunctionCallInfo fcinfo)
{
	char	   *arcs = route_argument(fcinfo, 0, "arcs");
	char	   *nodes = route_argument(fcinfo, 1, "nodes");
	EcmlCtx    *ctx = &p->call.ctx;
	EcmlOptionSet set = {network_options, &p->given};
	double	   *own;
	double		total = 0;
	double		greatest = 0;
	int			n;

	p->given = (Options) {.shortage_cost = NAN,.left_cost = NAN};
	ecml_options_parse("ecml_min_cost_flow", PG_ARGISNULL(2) ? NULL : PG_GETARG_JSONB_P(2), &set, 1);
	route_begin(&p->call, 0);
	p->origins = p->destinations = ecml_keys_create(p->call.context);

	RouteColumn node[] = {
		{.what = "node",.given = p->given.node,.usual = nodes_names,.needed = true,.placed = true,.keys = p->origins},
		{.what = "supply",.given = p->given.supply,.usual = node_supplies,.kind = ROUTE_NUMBER},
		{.what = "demand",.given = p->given.demand,.usual = node_demands,.kind = ROUTE_NUMBER},
		{.what = "left_cost",.usual = left_costs,.kind = ROUTE_NUMBER},
		{.what = "shortage_cost",.usual = shortage_costs,.kind = ROUTE_NUMBER}
	};
	int			rows = route_read(ctx, nodes, "nodes", node, 5);

	if (node[1].numbers == NULL && node[2].numbers == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("the nodes source has no column that is known as the supply"),
				 errdetail("It has no column supply, balance or demand."),
				 errhint("Supply is positive, demand negative; or name a second column with the option \"demand\".")));
	route_check_unique(ctx, "nodes", &node[0], rows);
	route_check_numbers("nodes", &node[1], rows, -INFINITY, true, 0, &node[0]);
	route_check_numbers("nodes", &node[2], rows, 0, true, 0, &node[0]);
	read_pairs(p, arcs, "arcs", false);
	n = p->origins->n;
	p->supply = ECML_NEW0(ctx, double, n + 1);
	own = ECML_NEW(ctx, double, n + 1);
	for (int v = 0; v < n; v++)
		own[v] = NAN;
	for (int v = 0; v < rows; v++)
	{
		RouteColumn *cost;

		p->supply[v] = (node[1].numbers ? node[1].numbers[v] : 0) - (node[2].numbers ? node[2].numbers[v] : 0);
		total += p->supply[v];
		greatest += fabs(p->supply[v]);
		cost = p->supply[v] > 0 ? &node[3] : &node[4];
		if (cost->numbers)
			own[v] = cost->numbers[v];
	}
	solve(p, n, total >= -greatest * 1e-12, own);
	if (p->result.status == FLOW_UNBOUNDED)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("there is no least cost: a cycle of arcs has a negative cost and no capacity"),
				 p->result.arc < 0 ? errdetail("It goes by what is left and missing.") :
				 errdetail("The arc from \"%s\" to \"%s\" is on it.", ecml_keys_name(p->origins, p->arcs.from[p->result.arc]),
						   ecml_keys_name(p->origins, p->arcs.to[p->result.arc])),
				 errhint("Give arcs of negative cost a capacity.")));
	if (p->result.status == FLOW_INFEASIBLE)
		infeasible_network(p);
}

PG_FUNCTION_INFO_V1(ecml_min_cost_flow);
PG_FUNCTION_INFO_V1(ecml_min_cost_flow_prices);

/* ecml_min_cost_flow(arcs text, nodes text, options jsonb): rows origin, destination, quantity, cost */
Datum
ecml_min_cost_flow(PG_FUNCTION_ARGS)
{
	return flows(fcinfo, read_network);
}

static void
price_of_node(const Problem *p, int v, Datum *values)
{
	values[0] = CStringGetTextDatum(ecml_keys_name(p->origins, v));
	values[1] = Float8GetDatum(p->supply[v]);
	values[2] = Float8GetDatum(p->result.excess[v]);
	values[3] = Float8GetDatum(p->result.price[v]);
}

/* the same arguments: rows node, supply, remaining, price */
Datum
ecml_min_cost_flow_prices(PG_FUNCTION_ARGS)
{
	return prices(fcinfo, read_network, price_of_node);
}
