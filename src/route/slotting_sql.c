/*
 * slotting_sql.c - ecml_slotting and its summary
 *
 * What a pick costs is told by the slots: a distance, or where they are (x and y, or aisle and position), then it is the way from the
 * door.  A family is a set of items that are picked together; option pairs names a source that tells of pairs one by one, as
 * ecml_bought_together or the orders themselves give them.
 */
#include "core/compat.h"

#include <limits.h>
#include <math.h>

#include "executor/spi.h"
#include "utils/builtins.h"

#include "core/guc.h"
#include "core/json.h"
#include "core/options.h"
#include "route/distance_sql.h"
#include "route/flow_sql.h"
#include "route/slotting.h"

#define MAX_PLACES 200000
#define MAX_FAMILY 2000			/* items of a family: their pairs are listed */

typedef struct Options
{
	char	   *item;
	char	   *demand;
	char	   *family;
	char	   *size;
	char	   *present;
	char	   *slot;
	char	   *reach;
	char	   *capacity;
	char	   *places;
	char	   *pairs;
	double		family_weight;
	double		pair_weight;
	double		move_cost;
	int			metric;
	double		aisle_distance;
	double		aisle_length;
	double		door_x;
	double		door_y;
	int64		moves;
	int64		seed;
} Options;

static const char *const metrics[] = {"manhattan", "euclidean", NULL};

static const EcmlOption options[] = {
	ECML_OPT_TEXT(Options, item, "item"),
	ECML_OPT_TEXT(Options, demand, "demand"),
	ECML_OPT_TEXT(Options, family, "family"),
	ECML_OPT_TEXT(Options, size, "size"),
	ECML_OPT_TEXT(Options, present, "present_slot"),
	ECML_OPT_TEXT(Options, slot, "slot"),
	ECML_OPT_TEXT(Options, reach, "distance"),
	ECML_OPT_TEXT(Options, capacity, "capacity"),
	ECML_OPT_TEXT(Options, places, "places"),
	ECML_OPT_TEXT(Options, pairs, "pairs"),
	ECML_OPT_FLOAT(Options, family_weight, "family_weight", 0, 1e9),
	ECML_OPT_FLOAT(Options, pair_weight, "pair_weight", 0, 1e9),
	ECML_OPT_FLOAT(Options, move_cost, "move_cost", 0, 1e100),
	ECML_OPT_ENUM(Options, metric, "metric", metrics),
	ECML_OPT_FLOAT(Options, aisle_distance, "aisle_distance", 0, 1e100),
	ECML_OPT_FLOAT(Options, aisle_length, "aisle_length", 0, 1e100),
	ECML_OPT_FLOAT(Options, door_x, "door_x", -1e100, 1e100),
	ECML_OPT_FLOAT(Options, door_y, "door_y", -1e100, 1e100),
	ECML_OPT_INT64(Options, moves, "iterations", 0, 1e12),
	ECML_OPT_INT64(Options, seed, "seed", 0, 9007199254740992.0),
	ECML_OPT_END
};

static const char *const item_names[] = {"item", "item_id", "sku", "product_id", "product", "article", "id", "name", NULL};
static const char *const demand_names[] = {"demand", "picks", "velocity", "frequency", "orders", "quantity", "units", "sales", NULL};
static const char *const family_names[] = {"family", "family_id", "affinity_group", "group", NULL};
static const char *const size_names[] = {"size", "volume", NULL};
static const char *const present_names[] = {"present_slot", "current_slot", "slot", "slot_id", "location", NULL};
static const char *const locked_names[] = {"locked", "fixed", NULL};
static const char *const slot_names[] = {"slot", "slot_id", "location", "location_id", "bin", "id", "name", NULL};
static const char *const reach_names[] = {"distance", "travel", "reach", "cost", NULL};
static const char *const capacity_names[] = {"capacity", "size", "volume", NULL};
static const char *const places_names[] = {"places", "items", NULL};
static const char *const aisle_names[] = {"aisle", "aisle_no", "aisle_number", NULL};
static const char *const position_names[] = {"position", "pos", "depth", "bay", NULL};
static const char *const first_names[] = {"item_a", "item_1", "first", "antecedent", "a", "item", NULL};
static const char *const second_names[] = {"item_b", "item_2", "second", "consequent", "b", "other_item", NULL};
static const char *const weight_names[] = {"weight", "together", "count", "orders", "support", "n", NULL};

/* Columns of the items and of the slots. */
enum
{
	ITEM, DEMAND, FAMILY, SIZE, PRESENT, LOCKED, NITEM
};
enum
{
	SLOT, REACH, X, Y, AISLE, POSITION, CAPACITY, PLACES, NSLOT
};

typedef struct Slots
{
	RouteCall	call;
	Options		given;
	EcmlKeys   *items;
	EcmlKeys   *slots;
	EcmlKeys   *families;
	RouteColumn item[NITEM];
	RouteColumn slot[NSLOT];
	int			nslots;
	int		   *row_of;			/* [keys of slots] its row; -1: none, it is only known as a present one */
	int		   *first_place;	/* [nslots] */
	double	   *weight;			/* [room] of pairs */
	int		   *pair_first;
	int		   *pair_second;
	int			room;
	int		   *present;		/* [n] row of the present slot, or -1 */
	bool	   *locked;
	SlottingProblem problem;
	SlottingResult result;
} Slots;

/* ---- slots */

static void
no_reach(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("there is nothing to tell from how far the slots are"),
			 errdetail("The slots source has neither a column distance, nor x and y, nor aisle and position."),
			 errhint("Give one of these; option \"distance\" names the column.")));
}

/* The way from the door to a slot, where it does not tell it itself. */
static double
way_to(const Slots *s, SlottingSpace space, double x, double y)
{
	double		dx = fabs(x - s->given.door_x);
	double		dy = fabs(y - s->given.door_y);

	return space == SLOTTING_EUCLIDEAN ? hypot(dx, dy) : dx + dy;
}

static void
read_slots(Slots *s, const char *text)
{
	EcmlCtx    *ctx = &s->call.ctx;
	RouteColumn *c = s->slot;
	SlottingProblem *p = &s->problem;
	double	   *reach;
	double	   *capacity;
	double	   *x;
	double	   *y;
	int		   *slot_of;
	double		total = 0;
	bool		flat;
	bool		aisles;
	int			n;

	memcpy(c, (RouteColumn[NSLOT]) {
		{.what = "slot",.given = s->given.slot,.usual = slot_names,.needed = true,.placed = true,.keys = s->slots},
		{.what = "distance",.given = s->given.reach,.usual = reach_names,.kind = ROUTE_NUMBER},
		{.what = "x",.usual = route_x_names,.kind = ROUTE_NUMBER},
		{.what = "y",.usual = route_y_names,.kind = ROUTE_NUMBER},
		{.what = "aisle",.usual = aisle_names,.kind = ROUTE_NUMBER},
		{.what = "position",.usual = position_names,.kind = ROUTE_NUMBER},
		{.what = "capacity",.given = s->given.capacity,.usual = capacity_names,.kind = ROUTE_NUMBER},
		{.what = "places",.given = s->given.places,.usual = places_names,.kind = ROUTE_NUMBER}
	}, sizeof(s->slot));
	s->nslots = n = route_read(ctx, text, "slots", c, NSLOT);
	route_check_unique(ctx, "slots", &c[SLOT], n);
	for (int k = REACH; k <= POSITION; k++)
		route_check_numbers("slots", &c[k], n, k == REACH || k == POSITION ? 0 : -INFINITY, true, NAN, &c[SLOT]);
	route_check_numbers("slots", &c[CAPACITY], n, 0, false, INFINITY, &c[SLOT]);
	route_check_numbers("slots", &c[PLACES], n, 0, true, 1, &c[SLOT]);
	aisles = c[AISLE].numbers && c[POSITION].numbers;
	flat = !aisles && c[X].numbers && c[Y].numbers;
	if (!c[REACH].numbers && !aisles && !flat)
		no_reach();
	p->space = aisles ? SLOTTING_AISLES : !flat ? SLOTTING_LINE : s->given.metric == 1 ? SLOTTING_EUCLIDEAN : SLOTTING_MANHATTAN;
	for (int i = 0; i < n; i++)
		total += c[PLACES].numbers ? floor(c[PLACES].numbers[i]) : 1;
	if (total > MAX_PLACES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("there are too many places"),
				 errdetail("The slots have %.0f.", total),
				 errhint("At most %d can be planned at once; plan areas by themselves.", MAX_PLACES)));
	p->m = (int) total;
	p->reach = reach = ECML_NEW(ctx, double, p->m + 1);
	p->slot = slot_of = ECML_NEW(ctx, int, p->m + 1);
	p->x = x = ECML_NEW0(ctx, double, p->m + 1);
	p->y = y = ECML_NEW0(ctx, double, p->m + 1);
	p->capacity = capacity = c[CAPACITY].numbers ? ECML_NEW(ctx, double, p->m + 1) : NULL;
	s->first_place = ECML_NEW(ctx, int, n + 1);
	p->length = isnan(s->given.aisle_length) ? 0 : s->given.aisle_length;
	for (int i = 0; i < n && aisles; i++)
	{
		if (c[POSITION].numbers[i] > s->given.aisle_length)
			route_bad_number("slots", "position", ecml_keys_name(s->slots, c[SLOT].codes[i]), c[POSITION].numbers[i],
							 "at most the option \"aisle_length\"");
		p->length = fmax(p->length, c[POSITION].numbers[i]);
	}
	for (int i = 0, at = 0; i < n; i++)
	{
		int			places = c[PLACES].numbers ? (int) c[PLACES].numbers[i] : 1;

		s->first_place[i] = at;
		for (int k = 0; k < places; k++, at++)
		{
			slot_of[at] = i;
			if (aisles || flat)
			{
				x[at] = aisles ? c[AISLE].numbers[i] * s->given.aisle_distance : c[X].numbers[i];
				y[at] = aisles ? c[POSITION].numbers[i] : c[Y].numbers[i];
			}
			reach[at] = c[REACH].numbers ? c[REACH].numbers[i] : way_to(s, p->space, x[at], y[at]);
			if (capacity)
				capacity[at] = c[CAPACITY].numbers[i];
		}
	}
}

/* ---- items */

static void
read_items(Slots *s, const char *text)
{
	EcmlCtx    *ctx = &s->call.ctx;
	RouteColumn *c = s->item;
	SlottingProblem *p = &s->problem;
	int			n;

	memcpy(c, (RouteColumn[NITEM]) {
		{.what = "item",.given = s->given.item,.usual = item_names,.needed = true,.placed = true,.keys = s->items},
		{.what = "demand",.given = s->given.demand,.usual = demand_names,.kind = ROUTE_NUMBER,.needed = true,.placed = true},
		{.what = "family",.given = s->given.family,.usual = family_names,.kind = ROUTE_LABEL,.keys = s->families},
		{.what = "size",.given = s->given.size,.usual = size_names,.kind = ROUTE_NUMBER},
		{.what = "present_slot",.given = s->given.present,.usual = present_names,.kind = ROUTE_LABEL,.keys = s->slots},
		{.what = "locked",.usual = locked_names,.kind = ROUTE_NUMBER}
	}, sizeof(s->item));
	p->n = n = route_read(ctx, text, "items", c, NITEM);
	route_check_unique(ctx, "items", &c[ITEM], n);
	route_check_numbers("items", &c[DEMAND], n, 0, true, NAN, &c[ITEM]);
	route_check_numbers("items", &c[SIZE], n, 0, true, NAN, &c[ITEM]);
	p->demand = c[DEMAND].numbers;
	p->size = c[SIZE].numbers;
	p->move_cost = s->given.move_cost;
	s->row_of = ECML_NEW(ctx, int, s->slots->n + 1);
	for (int k = 0; k < s->slots->n; k++)
		s->row_of[k] = -1;
	for (int i = 0; i < s->nslots; i++)
		s->row_of[s->slot[SLOT].codes[i]] = i;
	if (!c[PRESENT].codes)
	{
		if (c[LOCKED].numbers)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_OBJECT),
					 errmsg("items are locked, but where is not told"),
					 errdetail("The items source has a column \"%s\", and none of their present slots.", c[LOCKED].name),
					 errhint("Call the column of the slots \"present_slot\", or name it with the option \"present_slot\".")));
		return;
	}
	p->present = s->present = ECML_NEW(ctx, int, n + 1);
	p->locked = s->locked = ECML_NEW0(ctx, bool, n + 1);
	for (int i = 0; i < n; i++)
		s->present[i] = c[PRESENT].codes[i] < 0 ? -1 : s->row_of[c[PRESENT].codes[i]];
	if (c[LOCKED].numbers)
	{
		int		   *left = ECML_NEW(ctx, int, s->nslots + 1);

		for (int j = 0; j < s->nslots; j++)
			left[j] = (j + 1 < s->nslots ? s->first_place[j + 1] : p->m) - s->first_place[j];
		for (int i = 0; i < n; i++)
		{
			s->locked[i] = !isnan(c[LOCKED].numbers[i]) && c[LOCKED].numbers[i] != 0;
			if (!s->locked[i])
				continue;
			if (s->present[i] < 0)
				ereport(ERROR,
						(errcode(ERRCODE_DATA_EXCEPTION),
						 errmsg("item \"%s\" is locked in no slot", ecml_keys_name(s->items, c[ITEM].codes[i])),
						 errdetail("Its present slot is NULL, or none of the slots."),
						 errhint("A locked item lies in one of the slots.")));
			if (left[s->present[i]]-- <= 0)
				ereport(ERROR,
						(errcode(ERRCODE_DATA_EXCEPTION),
						 errmsg("more items are locked in slot \"%s\" than it has places", ecml_keys_name(s->slots, c[PRESENT].codes[i])),
						 errdetail("One of them is \"%s\".", ecml_keys_name(s->items, c[ITEM].codes[i])),
						 errhint("A slot takes one item, or as many as its column places tells.")));
		}
	}
}

/* ---- items that are picked together */

static void
add_pair(Slots *s, int a, int b, double weight)
{
	int			k = s->problem.npairs;

	if (a == b || !(weight > 0))
		return;
	if (k == s->room)
	{
		s->room = s->room == 0 ? 1024 : 2 * s->room;
		s->pair_first = ecml_resize_array(&s->call.ctx, s->pair_first, s->room, sizeof(int));
		s->pair_second = ecml_resize_array(&s->call.ctx, s->pair_second, s->room, sizeof(int));
		s->weight = ecml_resize_array(&s->call.ctx, s->weight, s->room, sizeof(double));
	}
	s->pair_first[k] = a;
	s->pair_second[k] = b;
	s->weight[k] = weight;
	s->problem.npairs++;
}

/* A pick of an item goes on, with share family_weight, to another of its family, to each with the same probability. */
static void
pair_families(Slots *s)
{
	EcmlCtx    *ctx = &s->call.ctx;
	const RouteColumn *family = &s->item[FAMILY];
	int			n = s->problem.n;
	int		   *start;
	int		   *member;

	if (!family->codes || s->given.family_weight <= 0)
		return;
	start = ECML_NEW0(ctx, int, s->families->n + 2);
	member = ECML_NEW(ctx, int, n + 1);
	for (int i = 0; i < n; i++)
		if (family->codes[i] >= 0)
			start[family->codes[i] + 1]++;
	for (int f = 0; f < s->families->n; f++)
	{
		if (start[f + 1] > MAX_FAMILY)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("family \"%s\" has too many items", ecml_keys_name(s->families, f)),
					 errdetail("It has %d.", start[f + 1]),
					 errhint("At most %d are a family; divide it, or tell of pairs with the option \"pairs\".", MAX_FAMILY)));
		start[f + 1] += start[f];
	}
	for (int i = 0; i < n; i++)
		if (family->codes[i] >= 0)
			member[start[family->codes[i]]++] = i;
	for (int f = 0, from = 0; f < s->families->n; from = start[f], f++)
		for (int a = from; a < start[f]; a++)
		{
			for (int b = a + 1; b < start[f]; b++)
				add_pair(s, member[a], member[b], s->given.family_weight *
						 (s->problem.demand[member[a]] + s->problem.demand[member[b]]) / (start[f] - from - 1));
			ecml_poll(ctx, 0, 0);
		}
	ecml_free(ctx, start);
	ecml_free(ctx, member);
}

static void
read_pairs(Slots *s)
{
	EcmlCtx    *ctx = &s->call.ctx;
	RouteColumn c[] = {
		{.what = "item_a",.usual = first_names,.needed = true,.placed = true,.keys = s->items,.known = true},
		{.what = "item_b",.usual = second_names,.needed = true,.placed = true,.keys = s->items,.known = true},
		{.what = "weight",.usual = weight_names,.kind = ROUTE_NUMBER,.placed = true}
	};
	int			n;

	if (!s->given.pairs)
		return;
	n = route_read(ctx, s->given.pairs, "pairs", c, 3);
	route_check_numbers("pairs", &c[2], n, 0, true, NAN, &c[0]);
	/* items that have no row are not planned */
	for (int i = 0; i < n; i++)
		if (c[0].codes[i] >= 0 && c[1].codes[i] >= 0)
			add_pair(s, c[0].codes[i], c[1].codes[i], s->given.pair_weight * (c[2].numbers ? c[2].numbers[i] : 1));
}

/* ---- the functions */

static void
solve(Slots *s, FunctionCallInfo fcinfo)
{
	char	   *items = route_argument(fcinfo, 0, "items");
	char	   *slots = route_argument(fcinfo, 1, "slots");
	EcmlOptionSet set = {options, &s->given};
	SlottingParams params = SLOTTING_DEFAULTS;

	memset(s, 0, sizeof(*s));
	s->given = (Options) {
		.family_weight = 0.5,.pair_weight = 1,.aisle_distance = 1,.aisle_length = NAN,.moves = -1,.seed = ecml_guc_seed
	};
	ecml_options_parse("ecml_slotting", PG_ARGISNULL(2) ? NULL : PG_GETARG_JSONB_P(2), &set, 1);
	route_begin(&s->call, s->given.seed);
	s->items = ecml_keys_create(s->call.context);
	s->slots = ecml_keys_create(s->call.context);
	s->families = ecml_keys_create(s->call.context);
	read_slots(s, slots);
	read_items(s, items);
	pair_families(s);
	read_pairs(s);
	s->problem.first = s->pair_first;
	s->problem.second = s->pair_second;
	s->problem.weight = s->weight;
	params.moves = s->given.moves;
	params.seed = s->given.seed;
	slotting_solve(&s->call.ctx, &s->problem, &params, &s->result);
}

PG_FUNCTION_INFO_V1(ecml_slotting);
PG_FUNCTION_INFO_V1(ecml_slotting_summary);

/* ecml_slotting(items text, slots text, options jsonb): rows item, slot, cost, present_slot */
Datum
ecml_slotting(PG_FUNCTION_ARGS)
{
	EcmlRows   *rows = ecml_rows_begin(fcinfo);
	Slots		s;
	RouteNames	names;

	solve(&s, fcinfo);
	route_names_init(&names, &s.call.ctx, s.slots);
	for (int i = 0; i < s.problem.n; i++)
	{
		int			place = s.result.place_of[i];
		int			present = s.item[PRESENT].codes ? s.item[PRESENT].codes[i] : -1;
		Datum		values[4] = {0};
		bool		nulls[4] = {false};

		values[0] = CStringGetTextDatum(ecml_keys_name(s.items, s.item[ITEM].codes[i]));
		nulls[1] = nulls[2] = place < 0;
		nulls[3] = present < 0;
		if (place >= 0)
		{
			values[1] = route_name(&names, s.slot[SLOT].codes[s.problem.slot[place]]);
			values[2] = Float8GetDatum(s.result.cost_of[i]);
		}
		if (present >= 0)
			values[3] = route_name(&names, present);
		ecml_rows_add(rows, values, nulls);
	}
	route_end(&s.call);
	return (Datum) 0;
}

/* What the items that have a present slot cost there, and in the plan. */
static void
tell_present(EcmlJson *json, Slots *s)
{
	const SlottingProblem *p = &s->problem;
	int		   *before = ECML_NEW(&s->call.ctx, int, p->n + 1);
	int		   *after = ECML_NEW(&s->call.ctx, int, p->n + 1);
	double		travel[2];
	double		apart[2];
	double		cost[2];
	int			known = 0;
	int			moved = 0;

	for (int i = 0; i < p->n; i++)
	{
		int			slot = s->present ? s->present[i] : -1;
		bool		there = slot >= 0 && s->first_place[slot] < p->m && p->slot[s->first_place[slot]] == slot;

		before[i] = there ? s->first_place[slot] : -1;
		after[i] = there ? s->result.place_of[i] : -1;
		known += there;
		moved += there && (after[i] < 0 || p->slot[after[i]] != slot);
	}
	if (known == 0)
		return;
	cost[0] = slotting_measure(p, before, &travel[0], &apart[0]);
	cost[1] = slotting_measure(p, after, &travel[1], &apart[1]);
	ecml_json_open_object(json, "present");
	ecml_json_int(json, "items", known);
	ecml_json_int(json, "moved", moved);
	ecml_json_number(json, "travel_before", travel[0]);
	ecml_json_number(json, "travel_after", travel[1]);
	ecml_json_number(json, "apart_before", apart[0]);
	ecml_json_number(json, "apart_after", apart[1]);
	ecml_json_number(json, "saved", cost[0] > 0 ? 1 - cost[1] / cost[0] : 0);
	ecml_json_close_object(json);
}

/* the same arguments: jsonb */
Datum
ecml_slotting_summary(PG_FUNCTION_ARGS)
{
	MemoryContext old = CurrentMemoryContext;
	EcmlJson   *json;
	Jsonb	   *jsonb;
	Slots		s;
	const SlottingResult *r = &s.result;

	solve(&s, fcinfo);
	MemoryContextSwitchTo(old);
	json = ecml_json_object();
	ecml_json_int(json, "items", s.problem.n);
	ecml_json_int(json, "places", s.problem.m);
	ecml_json_int(json, "unplaced", r->unplaced);
	ecml_json_number(json, "cost", r->cost);
	ecml_json_number(json, "travel", r->travel);
	ecml_json_number(json, "apart", r->apart);
	ecml_json_number(json, "moving", r->moving);
	ecml_json_number(json, "bound", r->bound);
	ecml_json_number(json, "gap", r->bound > 0 ? fmax(0, r->cost / r->bound - 1) : 0);
	ecml_json_bool(json, "exact", r->exact);
	tell_present(json, &s);
	jsonb = ecml_json_finish(json);
	route_end(&s.call);
	MemoryContextSwitchTo(old);
	PG_RETURN_JSONB_P(jsonb);
}
