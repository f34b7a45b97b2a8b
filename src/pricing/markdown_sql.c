/*
 * markdown_sql.c - ecml_markdown: by how much, and when, to lower prices until a season's end
 *
 * Demand is given (a row a product, with price, units a period at that price, and elasticity), or fitted to a history of sales as by
 * ecml_elasticity, with the season and the trend of the weeks to come.  The plan is the exact solution by dynamic programming for
 * Poisson or negative binomial demand (dynamic.c); a large stock is counted in lots.
 */
#include "pricing/demand_sql.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "core/guc.h"
#include "core/result.h"
#include "core/source.h"
#include "pricing/dynamic.h"
#include "pricing/facts_sql.h"

#define LOTS 1000				/* of a large stock */
#define MOST_WEEKS 520
#define MOST_LADDER 100

typedef struct MarkdownOptions
{
	DemandOptions demand;
	int			weeks;			/* -1: not given */
	EcmlColumnOrNumber stock;
	EcmlColumnOrNumber salvage;
	EcmlColumnOrNumber min_price;
	char	   *elasticity;		/* columns of given demand */
	EcmlNumberList discounts;
	Jsonb	   *prices;
	Jsonb	   *week_effects;
	double		dispersion;		/* NaN: by the residuals; infinity not possible: 0 is Poisson */
	double		holding;
	bool		only_fall;
} MarkdownOptions;

static const EcmlOption markdown_options[] = {
	ECML_OPT_INT(MarkdownOptions, weeks, "weeks", 1, MOST_WEEKS),
	ECML_OPT_ALIAS_INT(MarkdownOptions, weeks, "periods", 1, MOST_WEEKS),
	ECML_OPT_COLUMN(MarkdownOptions, stock, "stock", 0, 1e9),
	ECML_OPT_COLUMN(MarkdownOptions, salvage, "salvage", 0, INFINITY),
	ECML_OPT_COLUMN(MarkdownOptions, min_price, "min_price", 0, INFINITY),
	ECML_OPT_TEXT(MarkdownOptions, elasticity, "elasticity"),
	ECML_OPT_NUMBERS(MarkdownOptions, discounts, "discounts", 0, 0.99),
	ECML_OPT_JSON(MarkdownOptions, prices, "prices"),
	ECML_OPT_JSON(MarkdownOptions, week_effects, "week_effects"),
	ECML_OPT_FLOAT(MarkdownOptions, dispersion, "dispersion", 0, 1e6),
	ECML_OPT_FLOAT(MarkdownOptions, holding, "holding_cost", 0, INFINITY),
	ECML_OPT_BOOL(MarkdownOptions, only_fall, "only_fall"),
	ECML_OPT_END
};

static const char *const elasticity_names[] = {"elasticity", NULL};
static const char *const units_names[] = {"units", "demand", "quantity", "units_sold", NULL};
static const char *const salvage_names[] = {"salvage", NULL};
static const char *const min_names[] = {"min_price", NULL};
static const char *const none[] = {NULL};

/* What a plan needs of a product. */
typedef struct Goods
{
	const char *name;			/* NULL: none */
	double		price;			/* now */
	double		stock;
	double		salvage;
	double		min_price;		/* NaN: none */
	double		size;			/* of the negative binomial */
	const char *note;			/* why there is no plan */
	const char *remark;
} Goods;

typedef struct Planner
{
	const MarkdownOptions *options;
	EcmlRows   *rows;
	double	   *effects;		/* [neffects] of the weeks, the last one of all that follow */
	int			neffects;
	double	   *list;			/* [nlist] prices, descending; NULL: discounts */
	int			nlist;
} Planner;

typedef double (*UnitsAt) (void *arg, int week, double price);

static double
effect(const Planner *planner, int week)
{
	return planner->neffects == 0 ? 1 : planner->effects[Min(week, planner->neffects - 1)];
}

/* Prices of the ladder that are not above the present one, descending, the present one first. */
static int
ladder_of(const Planner *planner, const Goods *goods, double *prices)
{
	const EcmlNumberList *discounts = &planner->options->discounts;
	int			n = 0;

	prices[n++] = goods->price;
	if (planner->list)
	{
		for (int i = 0; i < planner->nlist && n < MOST_LADDER; i++)
			if (planner->list[i] < goods->price * (1 - 1e-9) || (!planner->options->only_fall && planner->list[i] > goods->price))
				prices[n++] = planner->list[i];
	}
	else
		for (int i = 0; i < (discounts->n < 0 ? 8 : discounts->n); i++)
		{
			double		discount = discounts->n < 0 ? 0.1 * i : discounts->v[i];

			/* to the cent */
			prices[n++] = rint(goods->price * (1 - discount) * 100) / 100;
		}
	if (!isnan(goods->min_price))
	{
		int			kept = 1;

		for (int i = 1; i < n; i++)
			if (prices[i] >= goods->min_price)
				prices[kept++] = prices[i];
		n = kept;
	}
	return facts_distinct(prices, n, true);
}

static void
emit(const Planner *planner, const Goods *goods, int week, const DynamicStep *step, double total, double fixed, double fixed_price)
{
	Datum		values[12];
	bool		nulls[12] = {false};
	const char *note = goods->note ? goods->note : goods->remark;

	nulls[0] = goods->name == NULL;
	values[0] = nulls[0] ? (Datum) 0 : CStringGetTextDatum(goods->name);
	nulls[1] = week < 0;
	values[1] = Int32GetDatum(week + 1);
	ecml_set_number(values, nulls, 2, step ? step->price : NAN);
	ecml_set_number(values, nulls, 3, step ? 1 - step->price / goods->price : NAN);
	ecml_set_number(values, nulls, 4, step ? step->stock : NAN);
	ecml_set_number(values, nulls, 5, step ? step->sales : NAN);
	ecml_set_number(values, nulls, 6, step ? step->revenue : NAN);
	ecml_set_number(values, nulls, 7, step ? step->left : NAN);
	ecml_set_number(values, nulls, 8, total);
	ecml_set_number(values, nulls, 9, fixed);
	ecml_set_number(values, nulls, 10, fixed_price);
	nulls[11] = note == NULL;
	values[11] = note ? CStringGetTextDatum(note) : (Datum) 0;
	ecml_rows_add(planner->rows, values, nulls);
}

static void
plan_goods(Planner *planner, Goods *goods, UnitsAt units, void *arg, MemoryContext context)
{
	const MarkdownOptions *options = planner->options;
	int			weeks = options->weeks;
	double		prices[MOST_LADDER + 1];
	double	   *mean;
	DynamicProblem problem;
	DynamicSolution solution;
	DynamicStep *steps;
	EcmlServerHost host;
	EcmlCtx		ctx;
	double		total;
	double		fixed = -INFINITY;
	double		fixed_price = NAN;
	int			from = 0;
	int			n;

	if (goods->note == NULL && (isnan(goods->stock) || goods->stock < 0))
		goods->note = "the stock is not known";
	else if (goods->note == NULL && !(goods->price > 0))
		goods->note = "the price is not known";
	if (goods->note)
	{
		emit(planner, goods, -1, NULL, NAN, NAN, NAN);
		return;
	}
	MemoryContextSwitchTo(context);
	ecml_host_init(&ctx, &host, context, (size_t) ecml_guc_work_mem * 1024, 1);
	n = ladder_of(planner, goods, prices);
	mean = ECML_NEW(&ctx, double, (size_t) weeks * n);
	for (int t = 0; t < weeks; t++)
		for (int j = 0; j < n; j++)
			mean[t * n + j] = fmin(units(arg, t, prices[j]) * effect(planner, t), 1e9);
	problem = (DynamicProblem) {
		.periods = weeks,.nprices = n,.price = prices,.mean = mean,.size = goods->size,
		.salvage = isnan(goods->salvage) ? 0 : goods->salvage,.holding = options->holding,.only_fall = options->only_fall,
		.lot = fmax(ceil(floor(goods->stock) / LOTS), 1)
	};
	problem.stock = (int) floor(goods->stock / problem.lot);
	dynamic_solve(&ctx, &problem, &solution);
	while (from < n - 1 && prices[from] > goods->price * (1 + 1e-9))
		from++;
	total = solution.value[DYNAMIC_AT(&problem, &solution, 0, problem.stock, solution.layers > 1 ? from : 0)];
	steps = ECML_NEW(&ctx, DynamicStep, weeks);
	dynamic_follow(&ctx, &problem, &solution, from, steps);
	/* what one price for all weeks brings */
	for (int j = 0; j < n; j++)
	{
		DynamicProblem one = problem;
		DynamicSolution alone;
		double	   *its = ECML_NEW(&ctx, double, weeks);
		double		value;

		for (int t = 0; t < weeks; t++)
			its[t] = mean[t * n + j];
		one.nprices = 1;
		one.price = &prices[j];
		one.mean = its;
		one.only_fall = false;
		dynamic_solve(&ctx, &one, &alone);
		value = alone.value[DYNAMIC_AT(&one, &alone, 0, one.stock, 0)];
		if (value > fixed)
		{
			fixed = value;
			fixed_price = prices[j];
		}
		ecml_free(&ctx, alone.value);
		ecml_free(&ctx, alone.choice);
		ecml_free(&ctx, its);
	}
	if (problem.lot > 1)
		goods->remark = psprintf("counted in lots of %g", problem.lot);
	for (int t = 0; t < weeks; t++)
		emit(planner, goods, t, &steps[t], total, fixed, fixed_price);
	MemoryContextReset(context);
}

/* ---- demand that is given */

typedef struct Given
{
	double		price;
	double		units;
	double		elasticity;
	int			form;
} Given;

static double
given_units(void *arg, int week, double price)
{
	const Given *given = arg;

	switch ((DemandForm) given->form)
	{
		case DEMAND_LOG_LOG:
		case DEMAND_POISSON:
			return given->units * pow(price / given->price, given->elasticity);
		case DEMAND_SEMI_LOG:
			return given->units * exp(given->elasticity * (price / given->price - 1));
		default:
			return fmax(given->units * (1 + given->elasticity * (price / given->price - 1)), 0);
	}
}

static void
plan_given(Planner *planner, const char *source, MemoryContext scratch)
{
	const MarkdownOptions *options = planner->options;
	MemoryContext caller = CurrentMemoryContext;
	Fact		facts[6] = {
		{"price", options->demand.price, facts_price_names, true},
		{"units", options->demand.units, units_names, true},
		{"elasticity", options->elasticity, elasticity_names, true},
		{"stock", options->stock.column, isnan(options->stock.number) ? demand_stock_names : none, isnan(options->stock.number)},
		{"salvage", options->salvage.column, isnan(options->salvage.number) ? salvage_names : none},
		{"min_price", options->min_price.column, isnan(options->min_price.number) ? min_names : none}
	};
	Facts		all = facts_read(source, options->demand.product, facts, 6);

	for (size_t i = 0; i < all.n; i++)
	{
		const double *v = all.values + i * 6;
		Given		given = {.price = v[0],.units = v[1],.elasticity = v[2],.form = options->demand.form};
		Goods		goods = {
			.name = all.names[i],.price = v[0],.stock = isnan(options->stock.number) ? v[3] : options->stock.number,
			.salvage = isnan(options->salvage.number) ? v[4] : options->salvage.number,
			.min_price = isnan(options->min_price.number) ? v[5] : options->min_price.number,
			.size = options->dispersion > 0 ? options->dispersion : INFINITY,
			.note = isnan(v[1]) || v[1] < 0 || isnan(v[2]) ? "units or elasticity are not known" : NULL
		};

		CHECK_FOR_INTERRUPTS();
		plan_goods(planner, &goods, given_units, &given, scratch);
		MemoryContextSwitchTo(caller);
	}
}

/* ---- demand that is fitted */

typedef struct Fitted
{
	const DemandTable *table;
	const DemandFit *fit;
	double	   *x;				/* [nterms] */
	double		last;			/* time of the last row, and to the next */
	double		step;
} Fitted;

static double
fitted_units(void *arg, int week, double price)
{
	Fitted	   *fitted = arg;
	const DemandTable *table = fitted->table;
	double		at = fitted->last + (week + 1) * fitted->step;

	if (table->options->season != SEASON_NONE)
		demand_season_at(table, at, fitted->x);
	if (table->trend >= 0)
		fitted->x[table->trend] = at / table->trend_unit;
	return demand_units(fitted->fit, table->data.form, table->data.nterms, table->data.nprices, fitted->fit->b, 0, fitted->x, price);
}

static int
compare(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return x < y ? -1 : x > y;
}

/* The median distance of a product's rows in time. */
static double
step_of(const DemandTable *table, int p)
{
	size_t		first = table->data.start[p];
	size_t		n = table->data.start[p + 1] - first;
	double	   *gaps = palloc((n + 1) * sizeof(double));
	int			count = 0;
	double		result;

	for (size_t i = 1; i < n; i++)
	{
		double		gap = table->time[first + i] - table->time[first + i - 1];

		if (gap > 0)
			gaps[count++] = gap;
	}
	if (count > 1)
		qsort(gaps, count, sizeof(double), compare);
	result = count > 0 ? gaps[count / 2] : table->has_clock ? 7 * 86400 : 1;
	pfree(gaps);
	return result;
}

static void
plan_fitted(Planner *planner, const char *source, MemoryContext scratch)
{
	const MarkdownOptions *options = planner->options;
	MemoryContext caller = CurrentMemoryContext;
	DemandExtra extras[3] = {
		{"stock", options->stock.column, isnan(options->stock.number) ? demand_stock_names : none},
		{"salvage", options->salvage.column, isnan(options->salvage.number) ? salvage_names : none},
		{"min_price", options->min_price.column, isnan(options->min_price.number) ? min_names : none}
	};
	DemandTable *table = demand_read(source, &options->demand, extras, 3);
	int			k = table->data.nterms;
	double	   *x = palloc(k * sizeof(double));

	for (int p = 0; p < table->data.products; p++)
	{
		const DemandFit *fit = &table->fits[p];
		size_t		end = table->data.start[p + 1];
		Fitted		fitted = {.table = table,.fit = fit,.x = x,.step = step_of(table, p)};
		Goods		goods = {
			.name = table->names[p],.price = table->last[(size_t) p * k],.stock = demand_extra_of(table, extras, 0, &options->stock, p),
			.salvage = demand_extra_of(table, extras, 1, &options->salvage, p),.min_price = demand_extra_of(table, extras, 2, &options->min_price, p),
			.size = INFINITY,.note = isnan(fit->b[0]) ? demand_note(fit) : NULL
		};

		CHECK_FOR_INTERRUPTS();
		fitted.last = end > table->data.start[p] && !isnan(table->time[end - 1]) ? table->time[end - 1] : 0;
		for (int j = 0; j < k; j++)
			x[j] = j > 0 && j < table->data.nprices ? table->last[(size_t) p * k + j] : NAN;
		if (!isnan(options->dispersion))
			goods.size = options->dispersion > 0 ? options->dispersion : INFINITY;
		else if (fit->s2 > 0)
		{
			/* what the residuals vary beyond Poisson, as a share of the mean, squared */
			double		beyond = table->data.form == DEMAND_LINEAR ? fit->s2 - 1 / fmax(fit->mean_units, 1e-9) :
				table->data.form == DEMAND_POISSON ? (fit->s2 - 1) / fmax(fit->mean_units, 1e-9) :
				exp(fmin(fit->s2, 50)) - 1 - 1 / fmax(fit->mean_units, 1e-9);

			if (beyond > 1e-4)
				goods.size = 1 / beyond;
		}
		if (fit->b[0] >= 0)
			goods.remark = "demand does not fall with the price";
		plan_goods(planner, &goods, fitted_units, &fitted, scratch);
		MemoryContextSwitchTo(caller);
	}
}

PG_FUNCTION_INFO_V1(ecml_markdown);

/* ecml_markdown(source, options): a row a product and week */
Datum
ecml_markdown(PG_FUNCTION_ARGS)
{
	EcmlRows   *rows = ecml_rows_begin(fcinfo);
	MarkdownOptions options = {
		.demand = DEMAND_DEFAULTS,.weeks = -1,.stock = {NULL, NAN},.salvage = {NULL, NAN},.min_price = {NULL, NAN},
		.discounts = {.n = -1},.dispersion = NAN,.only_fall = true
	};
	EcmlOptionSet sets[2] = {{markdown_options, &options}, {demand_options, &options.demand}};
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context;
	MemoryContext scratch;
	Planner		planner = {.options = &options,.rows = rows};
	char	   *source;

	context = AllocSetContextCreate(caller, "ecml markdown", ALLOCSET_DEFAULT_SIZES);
	scratch = AllocSetContextCreate(context, "ecml markdown plan", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(context);
	ecml_options_parse("ecml_markdown", PG_ARGISNULL(1) ? NULL : PG_GETARG_JSONB_P(1), sets, 2);
	if (options.weeks < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a markdown needs the number of weeks"),
				 errdetail("The option \"weeks\" is not given."),
				 errhint("Give the weeks (periods of the data) to the end of the season, as in {\"weeks\": 8, \"stock\": 200}.")));
	planner.list = facts_numbers(options.prices, "prices", "ecml_markdown", 1e-9, INFINITY, &planner.nlist);
	planner.nlist = facts_distinct(planner.list, planner.nlist, true);
	planner.effects = facts_numbers(options.week_effects, "week_effects", "ecml_markdown", 0, INFINITY, &planner.neffects);
	source = ecml_source_argument(fcinfo, 0);
	if (facts_has(source, options.elasticity, "elasticity", elasticity_names))
		plan_given(&planner, source, scratch);
	else
		plan_fitted(&planner, source, scratch);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
	return (Datum) 0;
}
