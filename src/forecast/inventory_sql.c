/*
 * inventory_sql.c - ecml_inventory_plan, ecml_simulate_inventory, ecml_eoq, ecml_newsvendor
 *
 * Series are read and forecast as ecml_forecast does, a block at a time, each as a task of its own.  What differs by item (stock,
 * lead time, pack ...) comes from the option "items", a source with a row an item.
 */
#include "core/compat.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "core/error.h"
#include "core/guc.h"
#include "core/host.h"
#include "core/json.h"
#include "core/options.h"
#include "core/result.h"
#include "core/roles.h"
#include "core/series.h"
#include "forecast/inventory.h"
#include "forecast/setup_sql.h"
#include "num/dist.h"

#define BLOCK 256				/* series forecast at once */

/* ---- what an item is like: options, and columns of the items */

typedef struct PlanOptions
{
	InventoryItem item;
	int			target;
	char	   *items;
	char	   *item_column;
	Jsonb	   *breaks;
} PlanOptions;

static const char *const targets[] = {"fill_rate", "cycle_service", "cost", NULL};

#define ITEM(f, name, low, high) ECML_OPT_FLOAT(PlanOptions, item.f, name, low, high)

static const EcmlOption plan_options[] = {
	ECML_OPT_TEXT(PlanOptions, items, "items"),
	ECML_OPT_TEXT(PlanOptions, item_column, "item"),
	ECML_OPT_ENUM(PlanOptions, target, "target", targets),
	ITEM(service, "service_level", 0, 1),
	ITEM(lead_time, "lead_time", 0, 1000),
	ITEM(review, "review", 1, 1000),
	ITEM(short_cost, "short_cost", 0, INFINITY),
	ITEM(over_cost, "over_cost", 0, INFINITY),
	ITEM(order_cost, "order_cost", 0, INFINITY),
	ITEM(holding_cost, "holding_cost", 0, INFINITY),
	ITEM(holding_rate, "holding_rate", 0, INFINITY),
	ITEM(price, "unit_cost", 0, INFINITY),
	ITEM(pack, "pack_size", 0, INFINITY),
	ITEM(least, "moq", 0, INFINITY),
	ITEM(shelf_life, "shelf_life", 0, INFINITY),
	ITEM(on_hand, "on_hand", -INFINITY, INFINITY),
	ITEM(on_order, "on_order", 0, INFINITY),
	ECML_OPT_OBJECT(PlanOptions, breaks, "price_breaks"),
	ECML_OPT_END
};

static const InventoryItem usual_item = {
	.lead_time = 1,.review = 1,.service = 0.95,.short_cost = 0,.over_cost = 0,.holding_cost = NAN,.price = NAN,.on_hand = NAN
};

/* Columns of the items that count; the first ones of the struct's numbers. */
static const struct
{
	const char *name;
	size_t		offset;
	double		low;
}			item_columns[] = {
	{"service_level", offsetof(InventoryItem, service), 0},
	{"lead_time", offsetof(InventoryItem, lead_time), 0},
	{"review", offsetof(InventoryItem, review), 1},
	{"short_cost", offsetof(InventoryItem, short_cost), 0},
	{"over_cost", offsetof(InventoryItem, over_cost), 0},
	{"order_cost", offsetof(InventoryItem, order_cost), 0},
	{"holding_cost", offsetof(InventoryItem, holding_cost), 0},
	{"holding_rate", offsetof(InventoryItem, holding_rate), 0},
	{"unit_cost", offsetof(InventoryItem, price), 0},
	{"pack_size", offsetof(InventoryItem, pack), 0},
	{"moq", offsetof(InventoryItem, least), 0},
	{"shelf_life", offsetof(InventoryItem, shelf_life), 0},
	{"on_hand", offsetof(InventoryItem, on_hand), -INFINITY},
	{"on_order", offsetof(InventoryItem, on_order), 0}
};

#define ITEM_COLUMNS ((int) lengthof(item_columns))

typedef struct NamedItem
{
	char	   *name;
	InventoryItem item;
} NamedItem;

typedef struct Items
{
	const PlanOptions *options;
	MemoryContext context;
	EcmlSource	source;
	int			key;			/* its column's number */
	int			column[ITEM_COLUMNS];
	NamedItem  *items;
	int			n;
	int			room;
} Items;

/* {"100": 9.5, "500": 9}: price from a quantity on */
static void
read_breaks(Jsonb *breaks, InventoryItem *item)
{
	JsonbIterator *it;
	JsonbValue	v;
	JsonbIteratorToken token;
	char	   *key = NULL;

	if (breaks == NULL)
		return;
	it = JsonbIteratorInit(&breaks->root);
	while ((token = JsonbIteratorNext(&it, &v, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			key = pnstrdup(v.val.string.val, v.val.string.len);
		else if (token == WJB_VALUE)
		{
			char	   *end;
			double		quantity = strtod(key, &end);
			double		price = v.type == jbvNumeric ? DatumGetFloat8(DirectFunctionCall1(numeric_float8, NumericGetDatum(v.val.numeric))) : NAN;
			int			at = item->nbreaks;

			if (*end != '\0' || !(quantity > 0) || !isfinite(quantity) || !(price >= 0) || at >= INVENTORY_MAX_BREAKS)
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("invalid price_breaks"),
						 errdetail("The entry is \"%s\".", key),
						 errhint("Give at most %d prices by quantity, as in {\"100\": 9.5, \"500\": 9}.", INVENTORY_MAX_BREAKS)));
			for (; at > 0 && item->breaks[at - 1].quantity > quantity; at--)
				item->breaks[at] = item->breaks[at - 1];
			item->breaks[at] = (InventoryBreak) {quantity, price};
			item->nbreaks++;
		}
	}
}

static void
add_item(void *arg, TupleTableSlot *slot)
{
	Items	   *items = arg;
	NamedItem  *to;
	MemoryContext old;
	bool		isnull;
	Datum		key = slot_getattr(slot, items->key + 1, &isnull);
	Oid			output;
	bool		varlena;

	if (isnull)
		return;
	old = MemoryContextSwitchTo(items->context);
	if (items->n == items->room)
	{
		items->room = items->room ? 2 * items->room : 64;
		items->items = items->items ? repalloc_huge(items->items, (Size) items->room * sizeof(NamedItem)) :
			MemoryContextAllocHuge(items->context, (Size) items->room * sizeof(NamedItem));
	}
	to = &items->items[items->n++];
	getTypeOutputInfo(TupleDescAttr(items->source.desc, items->key)->atttypid, &output, &varlena);
	to->name = OidOutputFunctionCall(output, key);
	to->item = items->options->item;
	for (int c = 0; c < ITEM_COLUMNS; c++)
	{
		double		value;

		if (items->column[c] < 0)
			continue;
		value = DatumGetFloat8(slot_getattr(slot, items->column[c] + 1, &isnull));
		if (isnull)
			continue;
		if (!(value >= item_columns[c].low) || (isinf(value)))
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("column \"%s\" of an item is out of range", item_columns[c].name),
					 errdetail("Item \"%s\" has %g.", to->name, value),
					 errhint("It must be at least %g and finite, or NULL for the option's value.", item_columns[c].low)));
		*(double *) ((char *) &to->item + item_columns[c].offset) = value;
	}
	if (to->item.service > 1)
		to->item.service = 1;
	MemoryContextSwitchTo(old);
}

static int
compare_items(const void *a, const void *b)
{
	return strcmp(((const NamedItem *) a)->name, ((const NamedItem *) b)->name);
}

/* Its columns become float8 in a query of our own. */
static void
read_items(Items *items, const PlanOptions *options)
{
	static const char *const key_names[] = {"series", "sku", "item", "item_id", "product", "product_id", NULL};
	EcmlSource	given;
	StringInfoData query;
	char	   *from;
	int			key;
	int			columns = 1;

	SPI_connect();
	ecml_source_open(&given, options->items);
	from = ecml_source_from(options->items);
	key = ecml_role_need(&given, options->item_column, "item", key_names);
	initStringInfo(&query);
	appendStringInfo(&query, "SELECT %s", ecml_role_sql(&given, key));
	for (int c = 0; c < ITEM_COLUMNS; c++)
	{
		const char *const names[] = {item_columns[c].name, NULL};
		int			number = ecml_role_find(&given, NULL, item_columns[c].name, names);

		items->column[c] = -1;
		if (number >= 0)
		{
			ecml_role_check(&given, number, item_columns[c].name, ECML_NUMBER);
			appendStringInfo(&query, ", %s::pg_catalog.float8", ecml_role_sql(&given, number));
			items->column[c] = columns++;
		}
	}
	appendStringInfo(&query, " FROM %s AS s", from);
	ecml_source_open(&items->source, query.data);
	items->key = 0;
	ecml_source_run(&items->source, add_item, items);
	SPI_finish();
	if (items->n > 1)
		qsort(items->items, items->n, sizeof(NamedItem), compare_items);
	for (int i = 1; i < items->n; i++)
		if (strcmp(items->items[i].name, items->items[i - 1].name) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("an item has several rows"),
					 errdetail("It is \"%s\".", items->items[i].name),
					 errhint("Give each item one row of what it is like, as by DISTINCT ON or GROUP BY.")));
}

/* ---- the plan */

typedef struct PlanTask
{
	EcmlSeries	series;
	InventoryItem item;
	ForecastInput in;
	ForecastArena arena;
	ForecastFit fit;
	double	   *ahead;
	double	   *fitted;
	double	   *scratch;
	ForecastStatus status;
	InventoryPlan plan;
} PlanTask;

typedef struct PlanBlock
{
	const ForecastMethod *method;
	PlanTask   *tasks;
	char	  **memory;			/* of each worker */
	size_t		size;
} PlanBlock;

/* Exponential smoothing, where the method tells no forecasts of the past; the one that misses least of seven weights. */
static void
smooth(const double *y, int n, double *fitted)
{
	double		best = INFINITY;
	double		weight = 0.2;

	for (int pass = 0; pass < 8; pass++)
	{
		double		a = pass < 7 ? 0.05 + 0.07 * pass : weight;
		double		level = NAN;
		double		sum = 0;

		for (int t = 0; t < n; t++)
		{
			if (pass == 7)
				fitted[t] = level;
			if (isnan(y[t]))
				continue;
			if (!isnan(level))
				sum += (y[t] - level) * (y[t] - level);
			level = isnan(level) ? y[t] : level + a * (y[t] - level);
		}
		if (sum < best)
		{
			best = sum;
			weight = a;
		}
	}
}

static void
plan_one(void *arg, size_t i, int worker)
{
	PlanBlock  *block = arg;
	PlanTask   *task = &block->tasks[i];
	ForecastResult result = {.mean = task->ahead,.fitted = task->fitted};
	int			known = 0;

	if (task->series.problem)
		return;
	task->arena = (ForecastArena) {block->memory[worker], block->size, 0};
	task->status = block->method->fit(&task->in, &task->arena, &task->fit);
	task->arena.used = 0;
	if (task->status == FORECAST_OK)
		task->status = block->method->forecast(&task->in, &task->fit, &task->arena, &result);
	if (task->status == FORECAST_TOO_SHORT && task->series.n >= 1)
	{
		/* one or two values: their mean */
		double		sum = 0;
		int			count = 0;

		for (int t = 0; t < task->series.n; t++)
			if (!isnan(task->series.y[t]))
			{
				sum += task->series.y[t];
				count++;
			}
		for (int h = 0; h < task->in.horizon && count > 0; h++)
			task->ahead[h] = sum / count;
		for (int t = 0; t < task->series.n; t++)
			task->fitted[t] = NAN;
		task->status = count > 0 ? FORECAST_OK : FORECAST_TOO_SHORT;
		snprintf(task->fit.label, sizeof(task->fit.label), "mean");
	}
	if (task->status != FORECAST_OK)
		return;
	for (int t = 0; t < task->series.n; t++)
		known += !isnan(task->fitted[t]);
	if (known < task->series.n / 2)
		smooth(task->series.y, task->series.n, task->fitted);
	inventory_plan(&task->item, task->series.y, task->fitted, task->series.n, task->ahead, task->in.horizon, task->scratch,
				   &task->plan);
}

static const char *
reason(const PlanTask *task)
{
	if (task->series.problem)
		return task->series.problem;
	if (task->fit.note)
		return task->fit.note;
	return task->status == FORECAST_TOO_SHORT ? "too few values" : "the series cannot be forecast by this method";
}

static void
emit(EcmlRows *rows, const PlanTask *task)
{
	Datum		values[15];
	bool		nulls[15] = {false};
	bool		good = !task->series.problem && task->status == FORECAST_OK;
	const InventoryPlan *p = &task->plan;
	double		numbers[12] = {
		p->demand, p->sd, p->safety_stock, p->reorder_point, p->order_quantity, p->order_up_to, p->fill_rate, p->stockout_risk,
		p->overstock_risk, p->cover, p->order_now, NAN
	};

	nulls[0] = task->series.name == NULL;
	if (task->series.name)
		values[0] = CStringGetTextDatum(task->series.name);
	for (int i = 0; i < 11; i++)
		ecml_set_number(values, nulls, 1 + i, good ? numbers[i] : NAN);
	nulls[12] = !good;
	if (good)
		values[12] = CStringGetTextDatum(task->fit.label);
	nulls[13] = good;
	if (!good)
		values[13] = CStringGetTextDatum(reason(task));
	ecml_rows_add(rows, values, nulls);
}

PG_FUNCTION_INFO_V1(ecml_inventory_plan);

/* ecml_inventory_plan(source text, options jsonb): a row for each series */
Datum
ecml_inventory_plan(PG_FUNCTION_ARGS)
{
	EcmlRows   *rows = ecml_rows_begin(fcinfo);
	PlanOptions given = {.item = usual_item};
	EcmlOptionSet set = {plan_options, &given};
	ForecastSetup *setup = palloc(sizeof(ForecastSetup));
	Items		items = {.options = &given,.context = CurrentMemoryContext};
	const ForecastMethod *method;
	EcmlSeriesReader *reader;
	MemoryContext context;
	char	   *source;
	double		longest = given.item.lead_time;
	int			horizon;
	bool		more = true;

	source = ecml_source_argument(fcinfo, 0);
	forecast_setup(setup, "ecml_inventory_plan", PG_ARGISNULL(1) ? NULL : PG_GETARG_JSONB_P(1), &set);
	if (setup->given.reconcile != FORECAST_RECONCILE_NONE)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a stock plan is not reconciled"),
				 errdetail("The option \"reconcile\" is given."),
				 errhint("Each item is planned from its own demand: leave the option out.")));
	given.item.target = given.target;
	read_breaks(given.breaks, &given.item);
	if (given.target == INVENTORY_COST && !(given.item.short_cost + given.item.over_cost > 0) && given.items == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("target \"cost\" needs short_cost and over_cost"),
				 errdetail("Both are 0."),
				 errhint("Give what a unit short and a unit left over cost.")));
	method = setup->method;
	if (given.items)
		read_items(&items, &given);
	longest = given.item.lead_time + given.item.review;
	for (int i = 0; i < items.n; i++)
		longest = Max(longest, items.items[i].item.lead_time + items.items[i].item.review);
	if (longest > 2000)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("lead time and review are too long"),
				 errdetail("Together they are %g periods.", longest),
				 errhint("At most 2000 periods of the demand can be planned for.")));
	/* as far as cover and overstock look */
	horizon = (int) Max(2 * ceil(longest), 13);
	reader = ecml_series_open(source, NULL, NULL, NULL, &setup->series, horizon);
	context = AllocSetContextCreate(CurrentMemoryContext, "ecml inventory", ALLOCSET_DEFAULT_SIZES);
	while (more)
	{
		EcmlServerHost host;
		EcmlCtx		ctx;
		PlanBlock	block = {.method = method};
		ForecastShape shape = {.horizon = horizon,.period = 1,.options = setup->by_method};
		int			n = 0;
		int			workers;
		MemoryContext caller = MemoryContextSwitchTo(context);

		ecml_host_init(&ctx, &host, context, (size_t) ecml_guc_work_mem * 1024, 0);
		block.tasks = ECML_NEW0(&ctx, PlanTask, BLOCK);
		while (n < BLOCK && (more = ecml_series_next(reader, &ctx, &block.tasks[n].series)))
		{
			PlanTask   *task = &block.tasks[n++];
			EcmlSeries *s = &task->series;
			int64	   *at;
			NamedItem	wanted = {.name = s->name ? s->name : ""};
			NamedItem  *found = items.n > 0 ? bsearch(&wanted, items.items, items.n, sizeof(NamedItem), compare_items) : NULL;

			task->item = found ? found->item : given.item;
			task->item.target = given.target;
			if (s->problem == NULL && given.target == INVENTORY_COST && !(task->item.short_cost + task->item.over_cost > 0))
				s->problem = "target \"cost\" needs short_cost or over_cost above 0";
			if (s->problem)
				continue;
			task->in = (ForecastInput) {
				.y = s->y,.n = s->n,.horizon = horizon,.nonnegative = true,.cap = setup->given.cap,.floor = setup->given.floor,
				.nx = s->nx,.x = s->x,.seed = setup->seed ^ (uint64) s->number,.options = setup->by_method,
				.step = ecml_series_has_clock(reader) ? ecml_period_length(&s->period) : 0
			};
			for (int i = 0; i < s->nseasons && i < FORECAST_MAX_SEASONS; i++)
				if (s->season[i] >= 2 && s->season[i] < 100000)
				{
					task->in.season[task->in.nperiods] = s->season[i];
					task->in.periods[task->in.nperiods++] = (int) s->season[i];
				}
			if (ecml_series_has_clock(reader))
			{
				at = ECML_NEW(&ctx, int64, s->n + horizon);
				for (int t = 0; t < s->n + horizon; t++)
					at[t] = ecml_series_at(s, t);
				task->in.at = (const int64_t *) at;
			}
			task->ahead = ECML_NEW0(&ctx, double, horizon);
			task->fitted = ECML_NEW(&ctx, double, s->n);
			task->scratch = ECML_NEW(&ctx, double, 2 * (size_t) s->n);
			for (int t = 0; t < s->n; t++)
				task->fitted[t] = NAN;
			shape.n = Max(shape.n, s->n);
			shape.nx = s->nx;
			shape.nperiods = Max(shape.nperiods, task->in.nperiods);
			for (int i = 0; i < task->in.nperiods; i++)
				shape.period = Max(shape.period, task->in.periods[i]);
		}
		if (n > 0 && shape.n > 0)
		{
			for (int i = 0; i < n; i++)
				block.tasks[i].fit.params = ECML_NEW0(&ctx, double, method->max_params(&shape));
			block.size = method->memory(&shape);
			workers = ecml_workers(&ctx, n);
			block.memory = ECML_NEW(&ctx, char *, workers);
			for (int w = 0; w < workers; w++)
				block.memory[w] = ecml_alloc(&ctx, block.size);
			ecml_parallel_for(&ctx, n, plan_one, &block);
		}
		MemoryContextSwitchTo(caller);
		for (int i = 0; i < n; i++)
			emit(rows, &block.tasks[i]);
		MemoryContextReset(context);
	}
	ecml_series_close(reader);
	return (Datum) 0;
}

/* ---- a policy on demand */

typedef struct PolicyOptions
{
	double		reorder_point;
	double		order_quantity;
	double		order_up_to;
	int			lead_time;
	int			review;
	double		initial;
	bool		backorder;
	int			shelf_life;
	double		pack;
	double		least;
} PolicyOptions;

static const EcmlOption policy_options[] = {
	ECML_OPT_FLOAT(PolicyOptions, reorder_point, "reorder_point", -INFINITY, INFINITY),
	ECML_OPT_FLOAT(PolicyOptions, order_quantity, "order_quantity", 0, INFINITY),
	ECML_OPT_FLOAT(PolicyOptions, order_up_to, "order_up_to", 0, INFINITY),
	ECML_OPT_INT(PolicyOptions, lead_time, "lead_time", 0, 1000000),
	ECML_OPT_INT(PolicyOptions, review, "review", 1, 1000000),
	ECML_OPT_FLOAT(PolicyOptions, initial, "initial", 0, INFINITY),
	ECML_OPT_BOOL(PolicyOptions, backorder, "backorder"),
	ECML_OPT_INT(PolicyOptions, shelf_life, "shelf_life", 0, 1000000),
	ECML_OPT_FLOAT(PolicyOptions, pack, "pack_size", 0, INFINITY),
	ECML_OPT_FLOAT(PolicyOptions, least, "moq", 0, INFINITY),
	ECML_OPT_END
};

PG_FUNCTION_INFO_V1(ecml_simulate_inventory);

/* ecml_simulate_inventory(policy jsonb, demand float8[]): a row for each period */
Datum
ecml_simulate_inventory(PG_FUNCTION_ARGS)
{
	EcmlRows   *rows = ecml_rows_begin(fcinfo);
	PolicyOptions given = {.reorder_point = NAN,.order_up_to = NAN,.lead_time = 1,.review = 1,.initial = NAN,.backorder = true};
	EcmlOptionSet set = {policy_options, &given};
	InventoryPolicy policy;
	ArrayType  *array;
	InventoryDay *days;
	double	   *demand;
	double	   *batches;
	int			n;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("policy and demand must not be NULL"),
				 errdetail("One of them is NULL."),
				 errhint("Give a policy as jsonb and demand as an array with a number a period.")));
	ecml_options_parse("ecml_simulate_inventory", PG_GETARG_JSONB_P(0), &set, 1);
	array = PG_GETARG_ARRAYTYPE_P(1);
	if (ARR_NDIM(array) > 1 || array_contains_nulls(array))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("demand must be an array of one dimension without NULLs"),
				 errdetail("It has %d dimensions, or a NULL.", ARR_NDIM(array)),
				 errhint("array_agg(coalesce(quantity, 0) ORDER BY week) makes such an array.")));
	n = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	demand = (double *) ARR_DATA_PTR(array);
	for (int t = 0; t < n; t++)
		if (!isfinite(demand[t]))
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("demand must be finite"),
					 errdetail("Period %d has %g.", t + 1, demand[t]),
					 errhint("Leave such periods out, or give 0.")));
	if (isnan(given.reorder_point) && isnan(given.order_up_to))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a policy needs reorder_point or order_up_to"),
				 errdetail("Neither is given."),
				 errhint("As in {\"reorder_point\": 40, \"order_quantity\": 100, \"lead_time\": 2}, or {\"order_up_to\": 120}.")));
	if (!isnan(given.reorder_point) && isnan(given.order_up_to) && !(given.order_quantity > 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a policy with a reorder point needs order_quantity or order_up_to"),
				 errdetail("Neither is given."),
				 errhint("As in {\"reorder_point\": 40, \"order_quantity\": 100}.")));
	policy = (InventoryPolicy) {
		.reorder_point = isnan(given.reorder_point) ? given.order_up_to : given.reorder_point,
		.order_quantity = given.order_quantity,.order_up_to = given.order_up_to,.lead_time = given.lead_time,
		.review = given.review,.lost = !given.backorder,.shelf_life = given.shelf_life,.pack = given.pack,.least = given.least
	};
	policy.initial = !isnan(given.initial) ? given.initial :
		fmax(given.order_quantity > 0 ? policy.reorder_point + 0.5 * given.order_quantity : given.order_up_to, 0);
	days = MemoryContextAllocHuge(CurrentMemoryContext, Max(n, 1) * sizeof(InventoryDay));
	batches = MemoryContextAllocHuge(CurrentMemoryContext, ((Size) n + 1) * sizeof(double));
	inventory_simulate(&policy, demand, n, days, batches);
	for (int t = 0; t < n; t++)
	{
		InventoryDay *d = &days[t];
		double		numbers[8] = {demand[t], d->arrived, d->sold, d->missed, d->expired, d->on_hand, d->on_order, d->ordered};
		Datum		values[9];
		bool		nulls[9] = {false};

		if (t % 1024 == 0)
			CHECK_FOR_INTERRUPTS();
		values[0] = Int32GetDatum(t + 1);
		for (int i = 0; i < 8; i++)
			values[1 + i] = Float8GetDatum(numbers[i]);
		ecml_rows_add(rows, values, nulls);
	}
	return (Datum) 0;
}

/* ---- single quantities */

static double
argument(FunctionCallInfo fcinfo, int i, const char *name, double low, bool open, double missing)
{
	double		value = PG_ARGISNULL(i) ? missing : PG_GETARG_FLOAT8(i);

	if ((PG_ARGISNULL(i) && isnan(missing)) || !isfinite(value) || !(open ? value > low : value >= low))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be %s %g", name, open ? "above" : "at least", low),
				 PG_ARGISNULL(i) ? errdetail("It is NULL.") : errdetail("It is %g.", value),
				 errhint("Give a finite number.")));
	return value;
}

typedef struct EoqOptions
{
	InventoryItem item;
	Jsonb	   *breaks;
} EoqOptions;

static const EcmlOption eoq_options[] = {
	ECML_OPT_FLOAT(EoqOptions, item.price, "unit_cost", 0, INFINITY),
	ECML_OPT_FLOAT(EoqOptions, item.holding_rate, "holding_rate", 0, INFINITY),
	ECML_OPT_FLOAT(EoqOptions, item.pack, "pack_size", 0, INFINITY),
	ECML_OPT_FLOAT(EoqOptions, item.least, "moq", 0, INFINITY),
	ECML_OPT_FLOAT(EoqOptions, item.shelf_life, "shelf_life", 0, INFINITY),
	ECML_OPT_OBJECT(EoqOptions, breaks, "price_breaks"),
	ECML_OPT_END
};

PG_FUNCTION_INFO_V1(ecml_eoq);

/* ecml_eoq(demand, order_cost, holding_cost, options): quantity, orders, cycle, cost, unit_cost */
Datum
ecml_eoq(PG_FUNCTION_ARGS)
{
	EoqOptions	given = {.item = usual_item};
	EcmlOptionSet set = {eoq_options, &given};
	double		rate = argument(fcinfo, 0, "demand", 0, true, NAN);
	double		cost;
	double		price;
	double		quantity;
	Datum		values[5];
	bool		nulls[5] = {false};

	given.item.order_cost = argument(fcinfo, 1, "order_cost", 0, true, NAN);
	ecml_options_parse("ecml_eoq", PG_ARGISNULL(3) ? NULL : PG_GETARG_JSONB_P(3), &set, 1);
	if (PG_ARGISNULL(2) && given.item.holding_rate > 0)
		given.item.holding_cost = NAN;
	else
		given.item.holding_cost = argument(fcinfo, 2, "holding_cost", 0, true, NAN);
	read_breaks(given.breaks, &given.item);
	if (isnan(given.item.holding_cost) && isnan(given.item.price))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("holding_rate needs unit_cost"),
				 errdetail("The holding cost is NULL, and so is the price of a unit."),
				 errhint("Give unit_cost, or the holding cost of a unit.")));
	quantity = inventory_eoq(&given.item, rate, &cost, &price);
	ecml_set_number(values, nulls, 0, quantity);
	ecml_set_number(values, nulls, 1, rate / quantity);
	ecml_set_number(values, nulls, 2, quantity / rate);
	ecml_set_number(values, nulls, 3, isfinite(cost) ? cost : NAN);
	ecml_set_number(values, nulls, 4, price);
	return ecml_composite(ecml_composite_desc(fcinfo), values, nulls);
}

PG_FUNCTION_INFO_V1(ecml_newsvendor);

/* ecml_newsvendor(mean, sd, price, cost, salvage, distribution): quantity, critical_ratio, expected_sales, ... */
Datum
ecml_newsvendor(PG_FUNCTION_ARGS)
{
	double		mean = argument(fcinfo, 0, "mean", 0, true, NAN);
	double		sd = argument(fcinfo, 1, "sd", 0, false, NAN);
	double		price = argument(fcinfo, 2, "price", 0, true, NAN);
	double		cost = argument(fcinfo, 3, "cost", 0, false, NAN);
	double		salvage = argument(fcinfo, 4, "salvage", -INFINITY, true, 0);
	char	   *distribution = PG_ARGISNULL(5) ? "normal" : text_to_cstring(PG_GETARG_TEXT_PP(5));
	double		ratio;
	double		quantity;
	double		shortfall;
	double		stockout;
	Datum		values[7];
	bool		nulls[7] = {false};

	if (!(salvage < cost && cost < price))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a newsvendor needs salvage < cost < price"),
				 errdetail("They are %g, %g and %g.", salvage, cost, price),
				 errhint("Otherwise nothing, or as much as there is, should be ordered.")));
	ratio = (price - cost) / (price - salvage);
	if (strcmp(distribution, "normal") == 0 || (sd == 0 && strcmp(distribution, "gamma") == 0))
	{
		quantity = sd > 0 ? fmax(ecml_normal_quantile(ratio) * sd + mean, 0) : mean;
		shortfall = inventory_loss(quantity, mean, sd);
		stockout = sd > 0 ? ecml_normal_sf((quantity - mean) / sd) : 0;
	}
	else if (strcmp(distribution, "gamma") == 0)
	{
		double		shape = mean * mean / (sd * sd);
		double		scale = sd * sd / mean;

		quantity = ecml_gamma_quantile(ratio, shape, scale);
		stockout = ecml_gamma_sf(quantity, shape, scale);
		shortfall = mean * ecml_gamma_sf(quantity, shape + 1, scale) - quantity * stockout;
	}
	else if (strcmp(distribution, "poisson") == 0)
	{
		quantity = ecml_poisson_quantile(ratio, mean);
		stockout = ecml_poisson_sf(quantity, mean);
		/* E max(0, X - q) = mean P(X >= q) - q P(X > q) */
		shortfall = mean * (stockout + ecml_poisson_pdf(quantity, mean)) - quantity * stockout;
	}
	else
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown distribution \"%s\"", distribution),
				 errdetail("It is none of those that a newsvendor knows."),
				 errhint("Known: normal, gamma, poisson.")));
	values[0] = Float8GetDatum(quantity);
	values[1] = Float8GetDatum(ratio);
	values[2] = Float8GetDatum(mean - shortfall);
	values[3] = Float8GetDatum(quantity - (mean - shortfall));
	values[4] = Float8GetDatum(price * (mean - shortfall) + salvage * (quantity - (mean - shortfall)) - cost * quantity);
	values[5] = Float8GetDatum(1 - shortfall / mean);
	values[6] = Float8GetDatum(stockout);
	return ecml_composite(ecml_composite_desc(fcinfo), values, nulls);
}
