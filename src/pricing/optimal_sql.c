/*
 * optimal_sql.c - ecml_optimal_price: the price of each product that brings most
 *
 * Demand comes from curves fitted as ecml_elasticity does, or from a trained model (optimal_model_sql.c).
 */
#include "pricing/optimal_sql.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/numeric.h"

#include "core/error.h"
#include "core/source.h"
#include "pricing/facts_sql.h"

static const char *const goals[] = {"profit", "revenue", "units", NULL};	/* as PriceGoal */
static const char *const scales[] = {"auto", "level", "log", NULL};	/* as TargetScale */

static const EcmlOption optimal_options[] = {
	ECML_OPT_TEXT(OptimalOptions, model, "model"),
	ECML_OPT_TEXT(OptimalOptions, price_feature, "price_feature"),
	ECML_OPT_ENUM(OptimalOptions, target_scale, "target_scale", scales),
	ECML_OPT_ENUM(OptimalOptions, goal, "objective", goals),
	ECML_OPT_ALIAS_ENUM(OptimalOptions, goal, "goal", goals),
	ECML_OPT_COLUMN(OptimalOptions, cost, "cost", 0, INFINITY),
	ECML_OPT_COLUMN(OptimalOptions, stock, "stock", 0, INFINITY),
	ECML_OPT_COLUMN(OptimalOptions, min_price, "min_price", 0, INFINITY),
	ECML_OPT_COLUMN(OptimalOptions, max_price, "max_price", 0, INFINITY),
	ECML_OPT_FLOAT(OptimalOptions, min_margin, "min_margin", 0, 0.999),
	ECML_OPT_ALIAS_FLOAT(OptimalOptions, min_margin, "margin_floor", 0, 0.999),
	ECML_OPT_FLOAT(OptimalOptions, max_change, "max_change", 0, 1000),
	ECML_OPT_FLOAT(OptimalOptions, competitor_ratio, "competitor_ratio", 0, 1000),
	ECML_OPT_FLOAT(OptimalOptions, periods, "periods", 1e-6, 1e9),
	ECML_OPT_NUMBERS(OptimalOptions, ends_with, "ends_with", 0, 99.999),
	ECML_OPT_JSON(OptimalOptions, prices, "prices"),
	ECML_OPT_OBJECT(OptimalOptions, at, "at"),
	ECML_OPT_INT(OptimalOptions, draws, "draws", 0, 100000),
	ECML_OPT_END
};

/* ---- what is shared */

OptimalLadder
optimal_ladder(const OptimalOptions *options)
{
	OptimalLadder ladder = {0};

	if (options->prices && options->ends_with.n > 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a ladder of prices is given twice"),
				 errdetail("There are both \"prices\" and \"ends_with\"."),
				 errhint("Leave one of them out.")));
	ladder.prices = facts_numbers(options->prices, "prices", "ecml_optimal_price", 1e-9, INFINITY, &ladder.n);
	ladder.n = facts_distinct(ladder.prices, ladder.n, false);
	return ladder;
}

static void
lower_to(double *high, const char **which, double value, const char *name)
{
	if (value < *high)
	{
		*high = value;
		*which = name;
	}
}

static void
raise_to(double *low, const char **which, double value, const char *name)
{
	if (value > *low)
	{
		*low = value;
		*which = name;
	}
}

OptimalLimits
optimal_limits(const OptimalOptions *options, const OptimalLadder *ladder, const OptimalFacts *facts)
{
	OptimalLimits limits = {.low = "range",.high = "range"};
	double		low = 0.5 * facts->low;
	double		high = 2 * facts->high;

	/* limits that are given take the place of those by what was seen */
	if (!isnan(facts->min_price))
	{
		low = facts->min_price;
		limits.low = "min_price";
	}
	if (!isnan(facts->max_price))
	{
		high = facts->max_price;
		limits.high = "max_price";
	}
	if (!isnan(options->max_change))
	{
		raise_to(&low, &limits.low, facts->current * (1 - options->max_change), "max_change");
		lower_to(&high, &limits.high, facts->current * (1 + options->max_change), "max_change");
	}
	if (!isnan(options->competitor_ratio))
		lower_to(&high, &limits.high, facts->competitor * options->competitor_ratio, "competitor");
	if (!isnan(options->min_margin))
		raise_to(&low, &limits.low, facts->cost / (1 - options->min_margin), "margin");
	low = fmax(low, 1e-9 * fmax(facts->high, 1e-290));
	if (low > high)
	{
		limits.problem = psprintf("no price is allowed: %s asks for more than %s", limits.low, limits.high);
		return limits;
	}
	limits.range = (PriceRange) {.low = low,.high = high};
	if (ladder->prices)
	{
		int			n;
		int			first = price_within(ladder->prices, ladder->n, low, high, &n);

		limits.range.ladder = ladder->prices + first;
		limits.range.nladder = n;
	}
	else if (options->ends_with.n > 0)
	{
		Size		room = Min((Size) ((high - low) + 4) * options->ends_with.n + 4, PRICE_MAX_LADDER);
		double	   *prices = palloc(room * sizeof(double));
		size_t		n = price_ladder(options->ends_with.v, options->ends_with.n, low, high, prices, room);

		if (n > PRICE_MAX_LADDER)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("too many prices end so"),
					 errdetail("They go from %g to %g; at most %d are possible.", low, high, PRICE_MAX_LADDER),
					 errhint("Narrow the range with min_price and max_price, or list prices.")));
		limits.range.ladder = prices;
		limits.range.nladder = (int) n;
	}
	if (limits.range.ladder && limits.range.nladder == 0)
		limits.problem = psprintf("no price of the ladder lies between %g and %g", low, high);
	return limits;
}

const char *
optimal_binding(const OptimalLimits *limits, double price, bool stock)
{
	const PriceRange *range = &limits->range;
	double		low = range->ladder ? range->ladder[0] : range->low;
	double		high = range->ladder ? range->ladder[range->nladder - 1] : range->high;

	if (price <= low * (1 + 1e-9))
		return limits->low;
	if (price >= high * (1 - 1e-9))
		return limits->high;
	return stock ? "stock" : NULL;
}

static Datum
text_or_null(bool *isnull, const char *string)
{
	*isnull = string == NULL;
	return string ? CStringGetTextDatum(string) : (Datum) 0;
}

void
optimal_emit(EcmlRows *rows, const OptimalResult *r)
{
	Datum		values[14];
	bool		nulls[14] = {false};

	values[0] = text_or_null(&nulls[0], r->product);
	ecml_set_number(values, nulls, 1, r->current);
	ecml_set_number(values, nulls, 2, r->price);
	ecml_set_number(values, nulls, 3, r->low);
	ecml_set_number(values, nulls, 4, r->high);
	ecml_set_number(values, nulls, 5, r->current_units);
	ecml_set_number(values, nulls, 6, r->units);
	ecml_set_number(values, nulls, 7, r->current_units * r->current);
	ecml_set_number(values, nulls, 8, r->units * r->price);
	ecml_set_number(values, nulls, 9, r->current_units * (r->current - r->cost));
	ecml_set_number(values, nulls, 10, r->units * (r->price - r->cost));
	ecml_set_number(values, nulls, 11, r->elasticity);
	values[12] = text_or_null(&nulls[12], r->binding);
	values[13] = text_or_null(&nulls[13], r->note);
	ecml_rows_add(rows, values, nulls);
}

void
optimal_need_cost(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("profit and margin need the cost of a unit"),
			 errdetail("No column of the source is known as the cost, and none is given."),
			 errhint("Give a number or a column, as in {\"cost\": \"unit_cost\"}, or take the objective \"revenue\".")));
}

/* ---- by demand curves */

enum
{
	EXTRA_COST,
	EXTRA_STOCK,
	EXTRA_MIN,
	EXTRA_MAX,
	EXTRAS
};

/* {"promo": 0, "season": 1}: terms at values */
static void
set_at(const DemandTable *table, Jsonb *at, double *x)
{
	JsonbIterator *it;
	JsonbIteratorToken token;
	JsonbValue	v;
	int			j = -1;

	if (at == NULL)
		return;
	it = JsonbIteratorInit(&at->root);
	while ((token = JsonbIteratorNext(&it, &v, true)) != WJB_DONE)
		if (token == WJB_KEY)
		{
			char	   *key = pnstrdup(v.val.string.val, v.val.string.len);
			const char *nearest;

			for (j = table->data.nterms - 1; j > 0 && strcmp(table->terms[j], key) != 0; j--)
				;
			if (j > 0)
				continue;
			nearest = ecml_error_nearest(key, (const char *const *) table->terms, table->data.nterms);
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("there is no term \"%s\"", key),
					 errdetail("The option \"at\" names it."),
					 errhint("%sTerms: %s.", ecml_error_perhaps(nearest),
							 ecml_error_list((const char *const *) table->terms + 1, table->data.nterms - 1))));
		}
		else if (token == WJB_VALUE && j > 0)
			x[j] = v.type == jbvBool ? v.val.boolean : v.type == jbvNumeric ?
				DatumGetFloat8(DirectFunctionCall1(numeric_float8, NumericGetDatum(v.val.numeric))) : NAN;
}

/* Products as items of price_optimise, those that react to each other's prices side by side. */
typedef struct Curves
{
	const OptimalOptions *options;
	DemandTable *table;
	DemandExtra *extras;		/* [EXTRAS] */
	OptimalLadder ladder;
	PriceProblem problem;
	PriceItem  *items;			/* [products] */
	OptimalLimits *limits;		/* [products] of an item */
	int		   *start;			/* [groups + 1] first item of a group */
	int		   *place;			/* [products] a product's item */
	int		   *product;		/* [products] an item's product */
} Curves;

/* Products of a category are a group where prices of others count, else each is its own. */
static void
group_products(Curves *curves)
{
	const DemandTable *table = curves->table;
	bool		cross = curves->options->demand.cross != CROSS_NONE;
	int			n = table->data.products;
	int			at = 0;

	for (int g = 0; g < (cross ? table->categories : n); g++)
	{
		int			first = at;

		if (!cross)
			curves->product[at++] = g;
		else
			for (int p = 0; p < n; p++)
				if (table->category[p] == g)
					curves->product[at++] = p;
		if (at > first)
			curves->start[++curves->problem.ngroups] = at;
	}
	for (int i = 0; i < n; i++)
		curves->place[curves->product[i]] = i;
}

/* The group that an item is in: groups begin in ascending order. */
static int
group_of(const Curves *curves, int item)
{
	int			low = 0;
	int			high = curves->problem.ngroups;

	while (high - low > 1)
		if (curves->start[(low + high) / 2] <= item)
			low = (low + high) / 2;
		else
			high = (low + high) / 2;
	return low;
}

/* The items of its group whose prices an item's demand answers to; -1: one without a price. */
static const int *
others_of(const Curves *curves, int p, int first)
{
	const DemandTable *table = curves->table;
	int		   *others = palloc((table->ncross + 1) * sizeof(int));

	for (int o = 0; o < table->ncross; o++)
	{
		int			other = table->others[p * table->ncross + o];

		others[o] = other < 0 || !(table->last[(size_t) other * table->data.nterms] > 0) ? -1 : curves->place[other] - first;
	}
	return others;
}

/* An item of the group that begins at first, with its fit and range unless something is in the way. */
static void
make_item(Curves *curves, int i, int first)
{
	const OptimalOptions *options = curves->options;
	const DemandTable *table = curves->table;
	int			k = table->data.nterms;
	int			p = curves->product[i];
	const double *last = table->last + (size_t) p * k;
	const DemandFit *fit = &table->fits[p];
	PriceItem  *item = &curves->items[i];
	OptimalLimits *limits = &curves->limits[i];
	OptimalFacts facts = {
		.current = last[0],.low = fit->low_price,.high = fit->high_price,
		.cost = demand_extra_of(table, curves->extras, EXTRA_COST, &options->cost, p),
		.competitor = table->competitors > 0 ? last[1] : NAN,
		.min_price = demand_extra_of(table, curves->extras, EXTRA_MIN, &options->min_price, p),
		.max_price = demand_extra_of(table, curves->extras, EXTRA_MAX, &options->max_price, p)
	};

	item->x = palloc(k * sizeof(double));
	for (int j = 0; j < k; j++)
		item->x[j] = (j > 0 && j <= table->competitors) || j == table->trend ? last[j] : NAN;
	set_at(table, options->at, item->x);
	item->current = facts.current > 0 ? facts.current : 1;
	item->weight = facts.current > 0 ? table->weight[p] : 0;
	item->cost = facts.cost;
	item->stock = demand_extra_of(table, curves->extras, EXTRA_STOCK, &options->stock, p);
	if (isnan(item->stock))
		item->stock = INFINITY;
	if (options->demand.cross == CROSS_PAIRS)
		item->others = others_of(curves, p, first);
	*limits = (OptimalLimits) {0};
	if (isnan(fit->b[0]))
		limits->problem = demand_note(fit);
	else if (isnan(facts.cost) && options->goal == PRICE_PROFIT)
		limits->problem = "the cost is not known";
	else
		*limits = optimal_limits(options, &curves->ladder, &facts);
	if (limits->problem == NULL)
	{
		item->fit = fit;
		item->range = limits->range;
	}
}

/* What is told of a product; now and then [products]: the prices of all items before and after. */
static void
tell_product(EcmlRows *rows, const Curves *curves, int p, const double *now, const double *then)
{
	const DemandTable *table = curves->table;
	const DemandData *data = &table->data;
	int			i = curves->place[p];
	const DemandFit *fit = &table->fits[p];
	const PriceItem *item = &curves->items[i];
	OptimalResult result = {
		.product = table->names[p],.current = table->last[(size_t) p * data->nterms],.price = NAN,.low = NAN,.high = NAN,
		.current_units = NAN,.units = NAN,.cost = item->cost,.elasticity = NAN,.note = curves->limits[i].problem
	};

	if (item->fit)
	{
		int			g = group_of(curves, i);
		int			first = curves->start[g];
		int			size = curves->start[g + 1] - first;

		result.price = item->price;
		result.low = item->interval_low;
		result.high = item->interval_high;
		result.current_units = price_units(&curves->problem, curves->items + first, size, i - first, now + first);
		result.units = price_units(&curves->problem, curves->items + first, size, i - first, then + first);
		result.elasticity = demand_elasticity_at(fit, data->form, data->nterms, data->nprices, item->x, item->price);
		result.binding = optimal_binding(&curves->limits[i], item->price, isfinite(item->stock) &&
										 result.units >= item->stock / curves->options->periods * (1 - 1e-9));
		if (fit->b[0] >= 0)
			result.note = "demand does not fall with the price";
		else if (item->price < fit->low_price || item->price > fit->high_price)
			result.note = psprintf("beyond the prices seen, %g to %g", fit->low_price, fit->high_price);
	}
	optimal_emit(rows, &result);
}

static void
optimal_by_curves(EcmlRows *rows, const char *source, const OptimalOptions *options)
{
	static const char *const none[] = {NULL};
	static const char *const min_names[] = {"min_price", NULL};
	static const char *const max_names[] = {"max_price", NULL};
	DemandExtra extras[EXTRAS] = {
		{"cost", options->cost.column, isnan(options->cost.number) ? demand_cost_names : none},
		{"stock", options->stock.column, none},
		{"min_price", options->min_price.column, isnan(options->min_price.number) ? min_names : none},
		{"max_price", options->max_price.column, isnan(options->max_price.number) ? max_names : none},
	};
	DemandTable *table = demand_read(source, &options->demand, extras, EXTRAS);
	const DemandData *data = &table->data;
	int			n = data->products;
	Curves		curves = {
		.options = options,.table = table,.extras = extras,.ladder = optimal_ladder(options),
		.items = MemoryContextAllocExtended(CurrentMemoryContext, ((Size) n + 1) * sizeof(PriceItem),
											MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO),
		.limits = MemoryContextAllocHuge(CurrentMemoryContext, ((Size) n + 1) * sizeof(OptimalLimits)),
		.start = palloc0((n + 1) * sizeof(int)),
		.place = palloc((n + 1) * sizeof(int)),
		.product = palloc((n + 1) * sizeof(int))
	};
	double	   *now = palloc((n + 1) * sizeof(double));
	double	   *then = palloc((n + 1) * sizeof(double));

	if (isnan(options->cost.number) && !extras[EXTRA_COST].found &&
		(options->goal == PRICE_PROFIT || !isnan(options->min_margin)))
		optimal_need_cost();
	curves.problem = (PriceProblem) {
		.form = data->form,.nterms = data->nterms,.nprices = data->nprices,.first_cross = table->first_cross,
		.ncross = table->ncross,.goal = options->goal,.periods = options->periods,.draws = options->draws,
		.level = options->demand.level,.items = curves.items,.nitems = n,.start = curves.start,.seed = options->demand.seed
	};
	group_products(&curves);
	for (int g = 0; g < curves.problem.ngroups; g++)
		for (int i = curves.start[g]; i < curves.start[g + 1]; i++)
		{
			CHECK_FOR_INTERRUPTS();
			make_item(&curves, i, curves.start[g]);
		}
	price_optimise(&table->ctx, &curves.problem);
	for (int i = 0; i < n; i++)
	{
		now[i] = curves.items[i].current;
		then[i] = curves.items[i].price;
	}
	for (int p = 0; p < n; p++)
	{
		CHECK_FOR_INTERRUPTS();
		tell_product(rows, &curves, p, now, then);
	}
}

PG_FUNCTION_INFO_V1(ecml_optimal_price);

/* ecml_optimal_price(source, options): a row a product */
Datum
ecml_optimal_price(PG_FUNCTION_ARGS)
{
	EcmlRows   *rows = ecml_rows_begin(fcinfo);
	OptimalOptions options = {
		.demand = DEMAND_DEFAULTS,.cost = {NULL, NAN},.stock = {NULL, NAN},.min_price = {NULL, NAN},.max_price = {NULL, NAN},
		.min_margin = NAN,.max_change = NAN,.competitor_ratio = NAN,.periods = 1,.ends_with = {.n = -1},.draws = 200
	};
	EcmlOptionSet sets[2] = {{optimal_options, &options}, {demand_options, &options.demand}};
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context;
	char	   *source;

	context = AllocSetContextCreate(caller, "ecml optimal price", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(context);
	ecml_options_parse("ecml_optimal_price", PG_ARGISNULL(1) ? NULL : PG_GETARG_JSONB_P(1), sets, 2);
	source = ecml_source_argument(fcinfo, 0);
	if (options.model)
		optimal_by_model(rows, source, &options);
	else
		optimal_by_curves(rows, source, &options);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
	return (Datum) 0;
}
