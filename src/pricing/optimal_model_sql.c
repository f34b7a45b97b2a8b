/*
 * optimal_model_sql.c - the best price by a trained model: any that predicts units (or the probability of a purchase) from a price
 *
 * A row of the source is an article as it stands today, with the columns that the model knows.  Its price is set to each price of a
 * grid, the rows are predicted as a block, and the best ones are looked at closely by a second grid, so that models whose curve has
 * steps (trees) do as well.  A feature ln_price (or log_price) follows the price, and need not be a column.
 */
#include "pricing/optimal_sql.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "core/bind.h"
#include "core/catalog.h"
#include "core/error.h"
#include "core/guc.h"
#include "core/model.h"
#include "core/roles.h"
#include "core/source.h"
#include "pricing/facts_sql.h"

#define GRID 201

static const char *const competitor_names[] = {"competitor_price", "competitor", "rival_price", NULL};
static const char *const min_names[] = {"min_price", NULL};
static const char *const max_names[] = {"max_price", NULL};
static const char *const none[] = {NULL};

enum
{
	FACT_PRICE,
	FACT_COST,
	FACT_STOCK,
	FACT_MIN,
	FACT_MAX,
	FACT_COMPETITOR,
	FACTS
};

typedef struct Article
{
	char	   *name;
	double		facts[FACTS];
	double	   *values;			/* [nfeatures] NULL: one is missing */
} Article;

typedef struct Reading
{
	MemoryContext context;
	const EcmlModel *model;
	EcmlBinder *binder;
	int			name;			/* columns of the query; -1: none */
	int			fact[FACTS];
	Article    *articles;
	int			n;
	int			room;
} Reading;

static void
read_row(void *arg, TupleTableSlot *slot)
{
	Reading    *reading = arg;
	int			nfeatures = reading->model->schema->nfeatures;
	MemoryContext old = MemoryContextSwitchTo(reading->context);
	Article    *to;

	if (reading->n == reading->room)
	{
		reading->room = reading->room ? 2 * reading->room : 64;
		reading->articles = reading->articles ? repalloc_huge(reading->articles, (Size) reading->room * sizeof(Article)) :
			MemoryContextAllocHuge(reading->context, (Size) reading->room * sizeof(Article));
	}
	to = &reading->articles[reading->n++];
	to->name = reading->name >= 0 && !slot->tts_isnull[reading->name] ? TextDatumGetCString(slot->tts_values[reading->name]) : NULL;
	for (int f = 0; f < FACTS; f++)
	{
		int			column = reading->fact[f];

		to->facts[f] = column < 0 || slot->tts_isnull[column] ? NAN : DatumGetFloat8(slot->tts_values[column]);
	}
	to->values = NULL;
	if (ecml_bind_row(reading->binder, slot->tts_values, slot->tts_isnull) &&
		(reading->binder->missing < 0 || ecml_missing_used(reading->model->schema->missing)))
	{
		to->values = palloc(nfeatures * sizeof(double));
		memcpy(to->values, reading->binder->values, nfeatures * sizeof(double));
	}
	MemoryContextSwitchTo(old);
}

static int
feature_named(const EcmlSchema *schema, const char *prefix, const char *name)
{
	return ecml_schema_feature(schema, psprintf("%s%s", prefix, name));
}

/* The feature that is the price, and whether it is its logarithm. */
static int
price_feature(const EcmlModel *model, const char *given, const char *column, bool *logarithm)
{
	static const char *const prefixes[] = {"", "ln_", "log_"};
	const EcmlSchema *schema = model->schema;
	const char **names;

	if (given)
	{
		int			f = ecml_schema_feature(schema, given);

		*logarithm = pg_strncasecmp(given, "ln_", 3) == 0 || pg_strncasecmp(given, "log_", 4) == 0;
		if (f >= 0 && schema->features[f].kind == ECML_NUMBER)
			return f;
	}
	else
		for (int p = 0; p < (int) lengthof(prefixes); p++)
		{
			int			f = feature_named(schema, prefixes[p], column);

			if (f < 0)
				f = feature_named(schema, prefixes[p], "price");
			if (f >= 0 && schema->features[f].kind == ECML_NUMBER)
			{
				*logarithm = p > 0;
				return f;
			}
		}
	names = palloc((schema->nfeatures + 1) * sizeof(char *));
	for (int j = 0; j < schema->nfeatures; j++)
		names[j] = schema->features[j].name;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("the model has no feature that is the price"),
			 errdetail("None is \"%s\", or its logarithm.", given ? given : column),
			 errhint("Name it with the option \"price_feature\". Features: %s.",
					 ecml_error_list(names, Min(schema->nfeatures, 50)))));
	return -1;
}

typedef struct Curve
{
	const OptimalOptions *options;
	const EcmlModel *model;
	EcmlCtx    *ctx;
	int			feature;
	bool		logarithm;		/* of the price */
	bool		log_target;
	double	   *rows;			/* [GRID][nfeatures] */
	double	   *x;				/* scratch */
	double	   *out;
	const Article *article;
} Curve;

/* Units a period at n <= GRID prices. */
static void
units_at(Curve *curve, const double *prices, int n, double *units)
{
	int			width = curve->model->schema->nfeatures;
	int			outputs = ecml_model_outputs(curve->model);
	int			most = ecml_model_rows_at_once(curve->model);

	for (int i = 0; i < n; i++)
	{
		double	   *row = curve->rows + (size_t) i * width;

		memcpy(row, curve->article->values, width * sizeof(double));
		row[curve->feature] = curve->logarithm ? log(prices[i]) : prices[i];
	}
	for (int first = 0; first < n; first += most)
		ecml_model_predict_rows(curve->model, curve->ctx, curve->rows + (size_t) first * width, width, Min(most, n - first),
								curve->x, curve->out + (size_t) first * outputs);
	for (int i = 0; i < n; i++)
	{
		double		u = curve->out[(size_t) i * outputs + (outputs == 2)];
		double		stock = curve->article->facts[FACT_STOCK];

		u = fmax(curve->log_target ? exp(fmin(u, 700)) : u, 0);
		units[i] = isnan(stock) ? u : fmin(u, stock / curve->options->periods);
	}
}

/* The best of n prices; its units. */
static int
best_of(Curve *curve, const double *prices, int n, double *best, double *price, double *units)
{
	double		sold[GRID];
	int			which = -1;

	units_at(curve, prices, n, sold);
	for (int i = 0; i < n; i++)
	{
		double		goal = price_goal(curve->options->goal, sold[i], prices[i], curve->article->facts[FACT_COST]);

		if (goal > *best)
		{
			*best = goal;
			*price = prices[i];
			*units = sold[i];
			which = i;
		}
	}
	return which;
}

static void
find_best(Curve *curve, const PriceRange *range, double *price, double *units)
{
	double		prices[GRID];
	double		best = -INFINITY;
	int			n = range->ladder ? range->nladder : GRID;
	int			step = (n + GRID - 1) / GRID;
	int			found = 0;
	int			count = 0;

	if (range->ladder)
	{
		/* of a long ladder every so many, then those between */
		for (int i = 0; i < n; i += step)
			prices[count++] = range->ladder[i];
		found = best_of(curve, prices, count, &best, price, units) * step;
		for (int from = found - step + 1; step > 1 && from < found + step; from += GRID)
		{
			count = 0;
			for (int i = from; i < found + step && count < GRID; i++)
				if (i >= 0 && i < n)
					prices[count++] = range->ladder[i];
			(void) best_of(curve, prices, count, &best, price, units);
		}
		return;
	}
	for (int pass = 0; pass < 3; pass++)
	{
		double		low = range->low;
		double		high = range->high;
		double		width = (range->high - range->low) / (GRID - 1);

		if (pass > 0)
		{
			width = pass == 1 ? width : width * 2 / (GRID - 1);
			low = fmax(*price - width, range->low);
			high = fmin(*price + width, range->high);
		}
		for (int i = 0; i < GRID; i++)
			prices[i] = low + (high - low) * i / (GRID - 1);
		(void) best_of(curve, prices, GRID, &best, price, units);
	}
}

static bool
starts_log(const char *name)
{
	return pg_strncasecmp(name, "ln_", 3) == 0 || pg_strncasecmp(name, "log_", 4) == 0;
}

void
optimal_by_model(EcmlRows *rows, const char *source, const OptimalOptions *options)
{
	MemoryContext context = CurrentMemoryContext;
	EcmlCatalogEntry entry;
	EcmlModel  *model;
	Reading		reading = {.context = context,.name = -1};
	OptimalLadder ladder = optimal_ladder(options);
	Curve		curve = {.options = options};
	EcmlServerHost host;
	EcmlCtx		ctx;
	EcmlSource	given;
	EcmlSource	query;
	StringInfoData sql;
	const char *price_column;
	char	   *from;
	int			number[FACTS];
	int			name;
	int			outputs;

	ecml_catalog_get(options->model, &entry);
	model = ecml_model_read(ecml_catalog_body(&entry), context);
	ecml_model_check_features(model);
	if (model->task != ECML_REGRESSION && !(model->task == ECML_CLASSIFICATION && model->schema->nclasses == 2))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("model \"%s\" does not predict demand", options->model),
				 errdetail("Its task is %s.", ecml_task_name(model->task)),
				 errhint("It must predict a number, or the probability of one of two classes.")));
	ecml_host_init(&ctx, &host, context, (size_t) ecml_guc_work_mem * 1024, 1);
	SPI_connect();
	ecml_source_open(&given, source);
	from = ecml_source_from(source);
	name = ecml_role_find(&given, options->demand.product, "product", facts_product_names);
	number[FACT_PRICE] = ecml_role_need(&given, options->demand.price, "price", facts_price_names);
	number[FACT_COST] = ecml_role_find(&given, options->cost.column, "cost", isnan(options->cost.number) ? demand_cost_names : none);
	number[FACT_STOCK] = ecml_role_find(&given, options->stock.column, "stock", none);
	number[FACT_MIN] = ecml_role_find(&given, options->min_price.column, "min_price", isnan(options->min_price.number) ? min_names : none);
	number[FACT_MAX] = ecml_role_find(&given, options->max_price.column, "max_price", isnan(options->max_price.number) ? max_names : none);
	number[FACT_COMPETITOR] = ecml_role_find(&given, options->demand.competitor, "competitor_price", competitor_names);
	if (number[FACT_COST] < 0 && isnan(options->cost.number) && (options->goal == PRICE_PROFIT || !isnan(options->min_margin)))
		optimal_need_cost();
	price_column = pstrdup(NameStr(TupleDescAttr(given.desc, number[FACT_PRICE])->attname));
	curve.feature = price_feature(model, options->price_feature, price_column, &curve.logarithm);

	/* the source's columns, then what is needed of them as numbers */
	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT s.*");
	reading.name = name >= 0 ? given.desc->natts : -1;
	if (name >= 0)
		appendStringInfo(&sql, ", %s::pg_catalog.text AS \"ecml product\"", ecml_role_sql(&given, name));
	for (int f = 0, at = given.desc->natts + (name >= 0); f < FACTS; f++)
	{
		reading.fact[f] = -1;
		if (number[f] < 0)
			continue;
		ecml_role_check(&given, number[f], "price, cost, limit or stock", ECML_NUMBER);
		appendStringInfo(&sql, ", %s::pg_catalog.float8 AS \"ecml %d\"", ecml_role_sql(&given, number[f]), f);
		reading.fact[f] = at++;
	}
	{
		const char *feature = model->schema->features[curve.feature].name;
		bool		there = false;

		for (int i = 0; i < given.desc->natts; i++)
			there |= strcmp(NameStr(TupleDescAttr(given.desc, i)->attname), feature) == 0;
		if (!there)
			appendStringInfo(&sql, ", %s::pg_catalog.float8 AS %s", ecml_role_sql(&given, number[FACT_PRICE]),
							 quote_identifier(feature));
	}
	appendStringInfo(&sql, " FROM %s AS s", from);
	ecml_source_open(&query, sql.data);
	reading.model = model;
	reading.binder = ecml_binder_for_columns(context, model->schema, query.desc);
	ecml_source_run(&query, read_row, &reading);
	SPI_finish();
	MemoryContextSwitchTo(context);

	outputs = ecml_model_outputs(model);
	curve.model = model;
	curve.ctx = &ctx;
	curve.log_target = options->target_scale == TARGET_LOG ||
		(options->target_scale == TARGET_AUTO && model->task == ECML_REGRESSION && starts_log(model->schema->target));
	curve.rows = ECML_NEW(&ctx, double, (size_t) GRID * (model->schema->nfeatures + 1));
	curve.x = ECML_NEW(&ctx, double, (size_t) GRID * (model->schema->nterms + 1));
	curve.out = ECML_NEW(&ctx, double, (size_t) GRID * outputs);
	for (int i = 0; i < reading.n; i++)
	{
		Article    *article = &reading.articles[i];
		OptimalFacts facts;
		OptimalLimits limits;
		OptimalResult result = {
			.product = article->name,.price = NAN,.low = NAN,.high = NAN,.current_units = NAN,.units = NAN,.elasticity = NAN
		};

		ecml_poll(&ctx, i, reading.n);
		if (!isnan(options->cost.number))
			article->facts[FACT_COST] = options->cost.number;
		if (!isnan(options->stock.number))
			article->facts[FACT_STOCK] = options->stock.number;
		facts = (OptimalFacts) {
			.current = article->facts[FACT_PRICE],.low = article->facts[FACT_PRICE],.high = article->facts[FACT_PRICE],
			.cost = article->facts[FACT_COST],.competitor = article->facts[FACT_COMPETITOR],
			.min_price = isnan(options->min_price.number) ? article->facts[FACT_MIN] : options->min_price.number,
			.max_price = isnan(options->max_price.number) ? article->facts[FACT_MAX] : options->max_price.number
		};
		result.current = facts.current;
		result.cost = facts.cost;
		curve.article = article;
		if (article->values == NULL)
			result.note = "a feature of the model is NULL";
		else if (!(facts.current > 0) || !isfinite(facts.current))
			result.note = "the price is not known";
		else if (isnan(facts.cost) && options->goal == PRICE_PROFIT)
			result.note = "the cost is not known";
		else
		{
			limits = optimal_limits(options, &ladder, &facts);
			result.note = limits.problem;
		}
		if (result.note == NULL)
		{
			double		near[2];
			double		units[2];

			find_best(&curve, &limits.range, &result.price, &result.units);
			units_at(&curve, &facts.current, 1, &result.current_units);
			/* between five per cent below and above: a step has no slope at a point */
			near[0] = result.price * 0.95;
			near[1] = result.price * 1.05;
			units_at(&curve, near, 2, units);
			if (units[0] > 0 && units[1] > 0)
				result.elasticity = log(units[1] / units[0]) / log(near[1] / near[0]);
			result.binding = optimal_binding(&limits, result.price, !isnan(article->facts[FACT_STOCK]) &&
											 result.units >= article->facts[FACT_STOCK] / options->periods * (1 - 1e-9));
		}
		optimal_emit(rows, &result);
	}
}
