/*
 * warehouse_sql.c - ecml_pick_route and ecml_bin_pack
 *
 * Both work by groups: a route for each picking list, boxes for each order.
 */
#include "core/compat.h"

#include <limits.h>
#include <math.h>

#include "executor/spi.h"
#include "utils/builtins.h"

#include "core/options.h"
#include "route/flow_sql.h"
#include "route/pack.h"
#include "route/pick.h"

#define MAX_ITEMS 100000		/* of a group, after quantities */

/* Rows of each group, one after another. */
typedef struct Groups
{
	int			n;
	int		   *start;			/* [n + 1] */
	int		   *rows;			/* [all rows] */
} Groups;

static void
make_groups(EcmlCtx *ctx, const RouteColumn *group, int rows, Groups *g)
{
	g->n = group->codes ? group->keys->n : 1;
	g->start = ECML_NEW0(ctx, int, g->n + 2);
	g->rows = ECML_NEW(ctx, int, rows + 1);
	for (int i = 0; i < rows; i++)
		g->start[(group->codes ? group->codes[i] : 0) + 1]++;
	for (int k = 0; k < g->n; k++)
		g->start[k + 1] += g->start[k];
	for (int i = 0; i < rows; i++)
		g->rows[g->start[group->codes ? group->codes[i] : 0]++] = i;
	for (int k = g->n; k > 0; k--)
		g->start[k] = g->start[k - 1];
	g->start[0] = 0;
}

static void
set_key(Datum *values, bool *nulls, int column, const RouteColumn *key, int row)
{
	nulls[column] = key->codes == NULL || key->codes[row] < 0;
	if (!nulls[column])
		values[column] = CStringGetTextDatum(ecml_keys_name(key->keys, key->codes[row]));
}

/* ---- pick routes */

typedef struct PickOptions
{
	char	   *location;
	char	   *aisle;
	char	   *position;
	char	   *group;
	int			method;
	double		aisle_distance;
	double		aisle_length;
	double		depot_aisle;
} PickOptions;

static const char *const methods[] = {"optimal", "s_shape", "return", "midpoint", "largest_gap", NULL};

static const EcmlOption pick_options[] = {
	ECML_OPT_TEXT(PickOptions, location, "location"),
	ECML_OPT_TEXT(PickOptions, aisle, "aisle"),
	ECML_OPT_TEXT(PickOptions, position, "position"),
	ECML_OPT_TEXT(PickOptions, group, "group"),
	ECML_OPT_ENUM(PickOptions, method, "method", methods),
	ECML_OPT_FLOAT(PickOptions, aisle_distance, "aisle_distance", 0, 1e100),
	ECML_OPT_FLOAT(PickOptions, aisle_length, "aisle_length", 0, 1e100),
	ECML_OPT_FLOAT(PickOptions, depot_aisle, "depot_aisle", -1e9, 1e9),
	ECML_OPT_END
};

static const char *const location_names[] = {"location", "location_id", "pick", "pick_id", "slot", "slot_id", "bin", "item", "item_id", "sku", "product_id", "id", NULL};
static const char *const aisle_names[] = {"aisle", "aisle_no", "aisle_number", "x", NULL};
static const char *const position_names[] = {"position", "pos", "depth", "bay", "y", NULL};
static const char *const pick_groups[] = {"route", "batch", "batch_id", "tour", "pick_list", "order_id", NULL};

PG_FUNCTION_INFO_V1(ecml_pick_route);

/* ecml_pick_route(picks text, options jsonb): rows route, stop, location, aisle, position, distance */
Datum
ecml_pick_route(PG_FUNCTION_ARGS)
{
	EcmlRows   *rows = ecml_rows_begin(fcinfo);
	char	   *picks = route_argument(fcinfo, 0, "picks");
	PickOptions given = {.aisle_distance = 1,.aisle_length = NAN,.depot_aisle = NAN};
	EcmlOptionSet set = {pick_options, &given};
	RouteCall	call;
	EcmlCtx    *ctx = &call.ctx;
	Groups		groups;
	double		length = 0;
	double		first = INFINITY;
	double	   *aisle;
	double	   *position;
	int			n;

	ecml_options_parse("ecml_pick_route", PG_ARGISNULL(1) ? NULL : PG_GETARG_JSONB_P(1), &set, 1);
	route_begin(&call, 0);

	RouteColumn column[] = {
		{.what = "location",.given = given.location,.usual = location_names,.needed = true,.placed = true,
		.keys = ecml_keys_create(call.context)},
		{.what = "aisle",.given = given.aisle,.usual = aisle_names,.kind = ROUTE_NUMBER,.needed = true},
		{.what = "position",.given = given.position,.usual = position_names,.kind = ROUTE_NUMBER,.needed = true},
		{.what = "group",.given = given.group,.usual = pick_groups,.keys = ecml_keys_create(call.context)}
	};

	n = route_read(ctx, picks, "picks", column, 4);
	route_check_numbers("picks", &column[1], n, -INFINITY, true, NAN, &column[0]);
	route_check_numbers("picks", &column[2], n, 0, true, NAN, &column[0]);
	for (int i = 0; i < n; i++)
	{
		length = fmax(length, column[2].numbers[i]);
		first = fmin(first, column[1].numbers[i]);
		if (column[2].numbers[i] > given.aisle_length)
			route_bad_number("picks", "position", ecml_keys_name(column[0].keys, column[0].codes[i]), column[2].numbers[i],
							 "at most the option \"aisle_length\"");
	}
	if (!isnan(given.aisle_length))
		length = given.aisle_length;
	make_groups(ctx, &column[3], n, &groups);
	aisle = ECML_NEW(ctx, double, n + 1);
	position = ECML_NEW(ctx, double, n + 1);
	for (int g = 0; g < groups.n; g++)
	{
		const int  *row = groups.rows + groups.start[g];
		PickProblem problem = {.n = groups.start[g + 1] - groups.start[g],.aisle = aisle,.position = position,.length = length};
		PickResult	result;

		problem.depot = (isnan(given.depot_aisle) ? first : given.depot_aisle) * given.aisle_distance;
		for (int i = 0; i < problem.n; i++)
		{
			aisle[i] = column[1].numbers[row[i]] * given.aisle_distance;
			position[i] = column[2].numbers[row[i]];
		}
		if (problem.n == 0)
			continue;
		pick_solve(ctx, &problem, (PickMethod) given.method, &result);
		/* the last row is the way back to the depot */
		for (int k = 0; k <= problem.n; k++)
		{
			int			at = k < problem.n ? row[result.order[k]] : row[0];
			Datum		values[6];
			bool		nulls[6] = {false};

			set_key(values, nulls, 0, &column[3], at);
			values[1] = Int32GetDatum(k + 1);
			set_key(values, nulls, 2, &column[0], at);
			ecml_set_number(values, nulls, 3, column[1].numbers[at]);
			ecml_set_number(values, nulls, 4, column[2].numbers[at]);
			values[5] = Float8GetDatum(k < problem.n ? result.travelled[k] : result.total);
			if (k == problem.n)
				nulls[2] = nulls[3] = nulls[4] = true;
			ecml_rows_add(rows, values, nulls);
		}
		ecml_poll(ctx, g, groups.n);
	}
	route_end(&call);
	return (Datum) 0;
}

/* ---- boxes */

typedef struct PackOptions
{
	char	   *item;
	char	   *box;
	char	   *group;
	char	   *size;
	char	   *capacity;
	double		support;
	PackParams	search;
} PackOptions;

static const EcmlOption pack_options[] = {
	ECML_OPT_TEXT(PackOptions, item, "item"),
	ECML_OPT_TEXT(PackOptions, box, "box"),
	ECML_OPT_TEXT(PackOptions, group, "group"),
	ECML_OPT_TEXT(PackOptions, size, "size"),
	ECML_OPT_TEXT(PackOptions, capacity, "capacity"),
	ECML_OPT_FLOAT(PackOptions, support, "support", 0, 1),
	ECML_OPT_INT(PackOptions, search.max_nodes, "max_nodes", 0, INT_MAX),
	ECML_OPT_INT(PackOptions, search.tries, "tries", 1, 100000),
	ECML_OPT_END
};

static const char *const item_names[] = {"item", "item_id", "sku", "product_id", "product", "article", "id", "name", NULL};
static const char *const box_names[] = {"box", "box_id", "box_type", "bin", "carton", "type", "id", "name", NULL};
static const char *const order_names[] = {"order_id", "order", "shipment", "shipment_id", "group", NULL};
static const char *const count_names[] = {"quantity", "qty", "count", "units", NULL};
static const char *const length_names[] = {"length", "l", "depth", NULL};
static const char *const width_names[] = {"width", "w", NULL};
static const char *const height_names[] = {"height", "h", NULL};
static const char *const size_names[] = {"size", "volume", NULL};
static const char *const room_names[] = {"capacity", "size", "volume", NULL};
static const char *const weight_names[] = {"weight", "weight_kg", "mass", NULL};
static const char *const max_weight_names[] = {"max_weight", "weight_limit", NULL};
static const char *const upright_names[] = {"upright", "this_side_up", NULL};
static const char *const box_costs[] = {"cost", "price", NULL};
static const char *const box_counts[] = {"count", "available", "quantity", "stock", NULL};

static bool
is_spatial(const RouteColumn *sizes)
{
	return sizes[0].numbers && sizes[1].numbers && sizes[2].numbers;
}

static void
cannot_pack(const PackResult *result, const RouteColumn *item, int row)
{
	if (result->stuck >= 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("item \"%s\" fits no box", ecml_keys_name(item->keys, item->codes[row])),
				 errdetail("It is larger or heavier than any box takes."),
				 errhint("Add a larger box, or leave the item out.")));
	ereport(ERROR,
			(errcode(ERRCODE_DATA_EXCEPTION),
			 errmsg("there are too few boxes"),
			 errdetail("The items do not go into those that there are."),
			 errhint("Raise the counts of boxes.")));
}

PG_FUNCTION_INFO_V1(ecml_bin_pack);

/* ecml_bin_pack(items text, boxes text, options jsonb): rows order_id, box, box_type, item, x, y, z, length, width, height, cost */
Datum
ecml_bin_pack(PG_FUNCTION_ARGS)
{
	EcmlRows   *rows = ecml_rows_begin(fcinfo);
	char	   *items = route_argument(fcinfo, 0, "items");
	char	   *boxes = route_argument(fcinfo, 1, "boxes");
	PackOptions given = {.search = PACK_DEFAULTS};
	EcmlOptionSet set = {pack_options, &given};
	RouteCall	call;
	EcmlCtx    *ctx = &call.ctx;
	Groups		groups;
	PackBox    *kind;
	bool		spatial;
	int			n;
	int			m;

	ecml_options_parse("ecml_bin_pack", PG_ARGISNULL(2) ? NULL : PG_GETARG_JSONB_P(2), &set, 1);
	route_begin(&call, 0);

	RouteColumn item[] = {
		{.what = "item",.given = given.item,.usual = item_names,.needed = true,.placed = true,.keys = ecml_keys_create(call.context)},
		{.what = "length",.usual = length_names,.kind = ROUTE_NUMBER},
		{.what = "width",.usual = width_names,.kind = ROUTE_NUMBER},
		{.what = "height",.usual = height_names,.kind = ROUTE_NUMBER},
		{.what = "size",.given = given.size,.usual = size_names,.kind = ROUTE_NUMBER},
		{.what = "weight",.usual = weight_names,.kind = ROUTE_NUMBER},
		{.what = "upright",.usual = upright_names,.kind = ROUTE_NUMBER},
		{.what = "quantity",.usual = count_names,.kind = ROUTE_NUMBER},
		{.what = "group",.given = given.group,.usual = order_names,.keys = ecml_keys_create(call.context)}
	};
	RouteColumn box[] = {
		{.what = "box",.given = given.box,.usual = box_names,.needed = true,.placed = true,.keys = ecml_keys_create(call.context)},
		{.what = "length",.usual = length_names,.kind = ROUTE_NUMBER},
		{.what = "width",.usual = width_names,.kind = ROUTE_NUMBER},
		{.what = "height",.usual = height_names,.kind = ROUTE_NUMBER},
		{.what = "capacity",.given = given.capacity,.usual = room_names,.kind = ROUTE_NUMBER},
		{.what = "max_weight",.usual = max_weight_names,.kind = ROUTE_NUMBER},
		{.what = "cost",.usual = box_costs,.kind = ROUTE_NUMBER},
		{.what = "count",.usual = box_counts,.kind = ROUTE_NUMBER}
	};

	n = route_read(ctx, items, "items", item, 9);
	m = route_read(ctx, boxes, "boxes", box, 8);
	route_check_unique(ctx, "boxes", &box[0], m);
	spatial = is_spatial(item + 1) && is_spatial(box + 1);
	if (!spatial && (item[4].numbers == NULL || box[4].numbers == NULL))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("there is nothing to tell sizes from"),
				 errdetail("Items and boxes have neither columns length, width and height, nor items a size and boxes a capacity."),
				 errhint("Give three sizes in both sources, or one; options \"size\" and \"capacity\" name it.")));
	for (int c = spatial ? 1 : 4; c <= (spatial ? 3 : 4); c++)
	{
		route_check_numbers("items", &item[c], n, 0, true, NAN, &item[0]);
		route_check_numbers("boxes", &box[c], m, 0, true, NAN, &box[0]);
	}
	route_check_numbers("items", &item[5], n, 0, true, 0, &item[0]);
	route_check_numbers("items", &item[7], n, 0, true, 1, &item[0]);
	route_check_numbers("boxes", &box[5], m, 0, false, INFINITY, &box[0]);
	route_check_numbers("boxes", &box[6], m, 0, true, NAN, &box[0]);
	route_check_numbers("boxes", &box[7], m, 0, false, INFINITY, &box[0]);
	kind = ECML_NEW(ctx, PackBox, m + 1);
	for (int k = 0; k < m; k++)
	{
		kind[k] = (PackBox) {.max_weight = box[5].numbers ? box[5].numbers[k] : INFINITY,
			.count = box[7].numbers && box[7].numbers[k] < INT_MAX ? (int) box[7].numbers[k] : INT_MAX};
		for (int d = 0; d < 3; d++)
			kind[k].size[d] = spatial ? box[1 + d].numbers[k] : d == 0 ? box[4].numbers[k] : 1;
		/* without a cost, what counts is the room that is paid for */
		kind[k].cost = box[6].numbers ? box[6].numbers[k] : kind[k].size[0] * kind[k].size[1] * kind[k].size[2];
	}
	make_groups(ctx, &item[8], n, &groups);
	for (int g = 0; g < groups.n; g++)
	{
		PackProblem problem = {.m = m,.boxes = kind,.spatial = spatial,.support = given.support};
		PackItem   *unit;
		PackResult	result;
		double		units = 0;
		int		   *row;

		for (int k = groups.start[g]; k < groups.start[g + 1]; k++)
			units += item[7].numbers ? floor(item[7].numbers[groups.rows[k]]) : 1;
		if (units > MAX_ITEMS)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("there are too many items to pack at once"),
					 errdetail("They are %.0f units.", units),
					 errhint("At most %d go at once; a column \"order_id\" divides them into orders.", MAX_ITEMS)));
		unit = ECML_NEW(ctx, PackItem, (size_t) units + 1);
		row = ECML_NEW(ctx, int, (size_t) units + 1);
		for (int k = groups.start[g]; k < groups.start[g + 1]; k++)
		{
			int			at = groups.rows[k];
			PackItem	one = {.weight = item[5].numbers ? item[5].numbers[at] : 0,
			.upright = item[6].numbers && item[6].numbers[at] > 0};

			for (int d = 0; d < 3; d++)
				one.size[d] = spatial ? item[1 + d].numbers[at] : d == 0 ? item[4].numbers[at] : 1;
			for (int c = 0; c < (item[7].numbers ? (int) item[7].numbers[at] : 1); c++)
			{
				row[problem.n] = at;
				unit[problem.n++] = one;
			}
		}
		problem.items = unit;
		pack_solve(ctx, &problem, &given.search, &result);
		if (!result.feasible)
			cannot_pack(&result, &item[0], result.stuck >= 0 ? row[result.stuck] : 0);
		for (int b = 0; b < result.nbins; b++)
			for (int i = 0; i < problem.n; i++)
			{
				const PackPlace *place = &result.places[i];
				Datum		values[11];
				bool		nulls[11] = {false};

				if (place->bin != b)
					continue;
				set_key(values, nulls, 0, &item[8], row[i]);
				values[1] = Int32GetDatum(b + 1);
				set_key(values, nulls, 2, &box[0], result.box_of[b]);
				set_key(values, nulls, 3, &item[0], row[i]);
				for (int d = 0; d < 3; d++)
				{
					ecml_set_number(values, nulls, 4 + d, place->at[d]);
					ecml_set_number(values, nulls, 7 + d, spatial ? place->size[d] : NAN);
				}
				values[10] = Float8GetDatum(kind[result.box_of[b]].cost);
				ecml_rows_add(rows, values, nulls);
			}
		ecml_free(ctx, unit);
		ecml_free(ctx, row);
	}
	route_end(&call);
	return (Datum) 0;
}
