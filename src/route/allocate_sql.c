/*
 * allocate_sql.c - ecml_allocate_inventory: stock of warehouses to the demand of regions
 *
 * Each item is a transport problem.  A region's demand is two parcels: the part that its service target promises, and the rest.
 * What is missing costs more than any way of sending: promised parcels more than others, those of a higher priority (1 before 2)
 * more than those of a lower one.  As one unit served costs at most one unit elsewhere, such steps are enough to serve them in that
 * order, and the least cost decides among equals.  With a shortage cost, what costs more than it is not sent.
 */
#include "core/compat.h"

#include <math.h>

#include "executor/spi.h"
#include "utils/builtins.h"

#include "core/options.h"
#include "route/flow_sql.h"

typedef struct Options
{
	char	   *item;
	char	   *origin;
	char	   *destination;
	char	   *supply;
	char	   *demand;
	char	   *cost;
	double		service_target;
	double		shortage_cost;
} Options;

static const EcmlOption options[] = {
	ECML_OPT_TEXT(Options, item, "item"),
	ECML_OPT_TEXT(Options, origin, "origin"),
	ECML_OPT_TEXT(Options, destination, "destination"),
	ECML_OPT_TEXT(Options, supply, "supply"),
	ECML_OPT_TEXT(Options, demand, "demand"),
	ECML_OPT_TEXT(Options, cost, "cost"),
	ECML_OPT_FLOAT(Options, service_target, "service_target", 0, 1),
	ECML_OPT_FLOAT(Options, shortage_cost, "shortage_cost", 0, 1e100),
	ECML_OPT_END
};

static const char *const items[] = {"item", "item_id", "sku", "product_id", "product", NULL};
static const char *const supplies[] = {"supply", "quantity", "stock", "available", "on_hand", "units", NULL};
static const char *const reserves[] = {"reserve", "safety_stock", NULL};
static const char *const demands[] = {"demand", "quantity", "required", "units", NULL};
static const char *const priorities[] = {"priority", NULL};
static const char *const targets[] = {"service_target", "target", "service_level", NULL};
static const char *const shortages[] = {"shortage_cost", "short_cost", "penalty", NULL};

/* What is the same for all items. */
typedef struct Allocation
{
	EcmlCtx    *ctx;
	const Options *given;
	RouteColumn *stock;			/* item, origin, supply, reserve */
	RouteColumn *wanted;		/* item, destination, demand, priority, target, shortage */
	const RouteArcs *lanes;
	int			ns;
	int			nd;
	double		high;
	double		last;			/* the lowest priority */
} Allocation;

static void
allocate_item(const Allocation *x, int item, RouteNames *names, EcmlRows *rows)
{
	EcmlCtx    *ctx = x->ctx;
	int			no = x->stock[1].keys->n;
	int			nd = x->wanted[1].keys->n;
	int			n = no + 2 * nd;
	double	   *supply = ECML_NEW0(ctx, double, n + 1);
	double	   *spill = ECML_NEW0(ctx, double, n + 1);
	int		   *from = ECML_NEW(ctx, int, 2 * (size_t) x->lanes->m + 1);
	int		   *to = ECML_NEW(ctx, int, 2 * (size_t) x->lanes->m + 1);
	double	   *cost = ECML_NEW(ctx, double, 2 * (size_t) x->lanes->m + 1);
	double	   *sent = ECML_NEW0(ctx, double, x->lanes->m + 1);
	int		   *lane = ECML_NEW(ctx, int, 2 * (size_t) x->lanes->m + 1);
	FlowNetwork net = {.n = n,.from = from,.to = to,.cost = cost,.supply = supply,.spill = spill};
	FlowResult	result;

	for (int i = 0; i < x->ns; i++)
		if (x->stock[0].codes == NULL || x->stock[0].codes[i] == item)
			supply[x->stock[1].codes[i]] += fmax(0, x->stock[2].numbers[i] - (x->stock[3].numbers ? x->stock[3].numbers[i] : 0));
	for (int i = 0; i < x->nd; i++)
	{
		int			at = no + 2 * x->wanted[1].codes[i];
		double		target = x->wanted[4].numbers ? x->wanted[4].numbers[i] : x->given->service_target;
		double		own = x->wanted[5].numbers && !isnan(x->wanted[5].numbers[i]) ? x->wanted[5].numbers[i] : x->given->shortage_cost;
		double		rank = x->wanted[3].numbers ? x->last - x->wanted[3].numbers[i] : 0;

		if (x->wanted[0].codes && x->wanted[0].codes[i] != item)
			continue;
		supply[at] -= x->wanted[2].numbers[i] * target;
		supply[at + 1] -= x->wanted[2].numbers[i] * (1 - target);
		spill[at] = x->high * (2 + rank + x->last);
		spill[at + 1] = isnan(own) ? x->high * (1 + rank) : own;
	}
	for (int a = 0; a < x->lanes->m; a++)
		for (int part = 0; part < 2; part++)
		{
			int			end = no + 2 * x->lanes->to[a] + part;

			if (supply[x->lanes->from[a]] == 0 || supply[end] == 0)
				continue;
			from[net.m] = x->lanes->from[a];
			to[net.m] = end;
			lane[net.m] = a;
			cost[net.m++] = x->lanes->cost[a];
		}
	flow_solve(ctx, &net, &result);
	for (int a = 0; a < net.m; a++)
		sent[lane[a]] += result.flow[a];
	for (int a = 0; a < x->lanes->m; a++)
	{
		Datum		values[5];
		bool		nulls[5] = {false};

		if (sent[a] <= 1e-9)
			continue;
		nulls[0] = item < 0;
		if (item >= 0)
			values[0] = route_name(&names[0], item);
		values[1] = route_name(&names[1], x->lanes->from[a]);
		values[2] = route_name(&names[2], x->lanes->to[a]);
		values[3] = Float8GetDatum(sent[a]);
		values[4] = Float8GetDatum(sent[a] * x->lanes->cost[a]);
		ecml_rows_add(rows, values, nulls);
	}
	/* what is missing, from nowhere */
	for (int j = 0; j < nd; j++)
	{
		double		missing = -result.excess[no + 2 * j] - result.excess[no + 2 * j + 1];
		Datum		values[5];
		bool		nulls[5] = {false, true, false, false, true};

		if (missing <= 1e-9)
			continue;
		nulls[0] = item < 0;
		if (item >= 0)
			values[0] = route_name(&names[0], item);
		values[2] = route_name(&names[2], j);
		values[3] = Float8GetDatum(missing);
		ecml_rows_add(rows, values, nulls);
	}
	ecml_free(ctx, supply);
	ecml_free(ctx, spill);
	ecml_free(ctx, from);
	ecml_free(ctx, to);
	ecml_free(ctx, cost);
	ecml_free(ctx, sent);
	ecml_free(ctx, lane);
	ecml_free(ctx, result.flow);
	ecml_free(ctx, result.price);
	ecml_free(ctx, result.excess);
}

PG_FUNCTION_INFO_V1(ecml_allocate_inventory);

/* ecml_allocate_inventory(stock text, demand text, costs text, options jsonb): rows item, origin, destination, quantity, cost */
Datum
ecml_allocate_inventory(PG_FUNCTION_ARGS)
{
	EcmlRows   *rows = ecml_rows_begin(fcinfo);
	char	   *stock_text = route_argument(fcinfo, 0, "stock");
	char	   *demand_text = route_argument(fcinfo, 1, "demand");
	char	   *costs_text = route_argument(fcinfo, 2, "costs");
	Options		given = {.shortage_cost = NAN};
	EcmlOptionSet set = {options, &given};
	RouteCall	call;
	EcmlCtx    *ctx = &call.ctx;
	RouteArcs	lanes;
	RouteNames	names[3];
	Allocation	x = {.ctx = ctx,.given = &given,.lanes = &lanes,.last = 1};
	EcmlKeys   *keys[3];

	ecml_options_parse("ecml_allocate_inventory", PG_ARGISNULL(3) ? NULL : PG_GETARG_JSONB_P(3), &set, 1);
	route_begin(&call, 0);
	for (int k = 0; k < 3; k++)
		keys[k] = ecml_keys_create(call.context);

	RouteColumn stock[] = {
		{.what = "item",.given = given.item,.usual = items,.keys = keys[0]},
		{.what = "origin",.given = given.origin,.usual = route_origins,.needed = true,.placed = true,.keys = keys[1]},
		{.what = "supply",.given = given.supply,.usual = supplies,.kind = ROUTE_NUMBER,.needed = true,.placed = true},
		{.what = "reserve",.usual = reserves,.kind = ROUTE_NUMBER}
	};
	RouteColumn wanted[] = {
		{.what = "item",.given = given.item,.usual = items,.keys = keys[0]},
		{.what = "destination",.given = given.destination,.usual = route_destinations,.needed = true,.placed = true,.keys = keys[2]},
		{.what = "demand",.given = given.demand,.usual = demands,.kind = ROUTE_NUMBER,.needed = true,.placed = true},
		{.what = "priority",.usual = priorities,.kind = ROUTE_NUMBER},
		{.what = "service_target",.usual = targets,.kind = ROUTE_NUMBER},
		{.what = "shortage_cost",.usual = shortages,.kind = ROUTE_NUMBER}
	};
	RouteColumn pairs[] = {
		{.what = "origin",.given = given.origin,.usual = route_origins,.needed = true,.placed = true,.keys = keys[1],.known = true},
		{.what = "destination",.given = given.destination,.usual = route_destinations,.needed = true,.placed = true,.keys = keys[2],
		.known = true},
		{.what = "cost",.given = given.cost,.usual = route_costs,.kind = ROUTE_NUMBER,.needed = true,.placed = true},
		{.what = "capacity",.usual = route_no_names,.kind = ROUTE_NUMBER},
		{.what = "minimum",.usual = route_no_names,.kind = ROUTE_NUMBER}
	};

	x.ns = route_read(ctx, stock_text, "stock", stock, 4);
	x.nd = route_read(ctx, demand_text, "demand", wanted, 6);
	if ((stock[0].codes == NULL) != (wanted[0].codes == NULL))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("only one of stock and demand has a column of items"),
				 errdetail("Without items in the other it cannot be told what is of which."),
				 errhint("Give both a column item, or neither; the option \"item\" names it.")));
	route_check_numbers("stock", &stock[2], x.ns, 0, true, NAN, &stock[1]);
	route_check_numbers("stock", &stock[3], x.ns, 0, true, 0, &stock[1]);
	route_check_numbers("demand", &wanted[2], x.nd, 0, true, NAN, &wanted[1]);
	route_check_numbers("demand", &wanted[3], x.nd, 0, true, 1, &wanted[1]);
	route_check_numbers("demand", &wanted[4], x.nd, 0, true, given.service_target, &wanted[1]);
	for (int i = 0; i < x.nd; i++)
	{
		if (wanted[4].numbers && wanted[4].numbers[i] > 1)
			route_bad_number("demand", "service_target", ecml_keys_name(keys[2], wanted[1].codes[i]), wanted[4].numbers[i],
							 "between 0 and 1");
		if (wanted[3].numbers)
			x.last = fmax(x.last, wanted[3].numbers[i]);
	}
	route_read_arcs(ctx, costs_text, "costs", pairs, false, &lanes);
	x.stock = stock;
	x.wanted = wanted;
	x.high = route_high_cost(&lanes, keys[1]->n + keys[2]->n);
	if (!isnan(given.shortage_cost))
		x.high = fmax(x.high, 2 * given.shortage_cost);
	for (int k = 0; k < 3; k++)
		route_names_init(&names[k], ctx, keys[k]);
	if (wanted[0].codes == NULL)
		allocate_item(&x, -1, names, rows);
	else
		for (int item = 0; item < keys[0]->n; item++)
		{
			allocate_item(&x, item, names, rows);
			ecml_poll(ctx, item, keys[0]->n);
		}
	route_end(&call);
	return (Datum) 0;
}
