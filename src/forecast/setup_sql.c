/*
 * setup_sql.c - options of forecasting in SQL, and series made ready for methods
 */
#include "core/compat.h"

#include <math.h>

#include "miscadmin.h"

#include "core/error.h"
#include "core/guc.h"
#include "forecast/setup_sql.h"
#include "num/hash.h"

static const char *const dampings[] = {"auto", "no", "yes", NULL};
static const char *const criteria[] = {"aicc", "aic", "bic", NULL};
static const char *const thetas[] = {"auto", "standard", "optimised", "dynamic_standard", "dynamic_optimised", NULL};
static const char *const decompositions[] = {"auto", "none", "additive", "multiplicative", NULL};
static const char *const reconciles[] = {"none", "bottom_up", "ols", "wls", "mint", NULL};

static const EcmlOption options[] = {
	ECML_OPT_TEXT(ForecastOptions, method, "method"),
	ECML_OPT_NUMBERS(ForecastOptions, level, "level", 0.001, 99.999),
	ECML_OPT_FLOAT(ForecastOptions, floor, "floor", -INFINITY, INFINITY),
	ECML_OPT_FLOAT(ForecastOptions, cap, "cap", -INFINITY, INFINITY),
	ECML_OPT_ENUM(ForecastOptions, reconcile, "reconcile", reconciles),
	ECML_OPT_TEXT(ForecastOptions, model, "model"),
	ECML_OPT_ENUM(ForecastOptions, damped, "damped", dampings),
	ECML_OPT_ENUM(ForecastOptions, criterion, "criterion", criteria),
	ECML_OPT_ENUM(ForecastOptions, theta, "theta", thetas),
	ECML_OPT_ENUM(ForecastOptions, decomposition, "decomposition", decompositions),
	ECML_OPT_FLOAT(ForecastOptions, alpha, "alpha", 0.0001, 1),
	ECML_OPT_FLOAT(ForecastOptions, alpha_probability, "alpha_probability", 0.0001, 1),
	ECML_OPT_BOOL(ForecastOptions, optimise, "optimise"),
	ECML_OPT_LIST(ForecastOptions, candidates, "candidates"),
	ECML_OPT_BOOL(ForecastOptions, combine, "combine"),
	ECML_OPT_INT(ForecastOptions, folds, "folds", 0, 3),
	ECML_OPT_NUMBERS(ForecastOptions, order, "order", 0, 5),
	ECML_OPT_NUMBERS(ForecastOptions, seasonal_order, "seasonal_order", 0, 2),
	ECML_OPT_BOOL(ForecastOptions, box_cox, "box_cox"),
	ECML_OPT_BOOL(ForecastOptions, robust, "robust"),
	ECML_OPT_END
};

/* A training has it from all algorithms. */
static const EcmlOption seed_options[] = {
	ECML_OPT_INT64(ForecastOptions, seed, "seed", 0, (double) (INT64CONST(1) << 53)),
	ECML_OPT_END
};

/* Names that are a method with options of their own. */
static const char *const aliases[] = {"holt_winters", "holt", "ses"};

static const char *
method_list(void)
{
	const char *names[FORECAST_MAX_METHODS + lengthof(aliases)];
	int			n = 0;

	for (int id = 0; id < FORECAST_MAX_METHODS; id++)
		if (forecast_method_by_id(id))
			names[n++] = forecast_method_by_id(id)->name;
	for (int i = 0; i < (int) lengthof(aliases); i++)
		names[n++] = aliases[i];
	return ecml_error_list(names, n);
}

static const ForecastMethod *
find_method(const char *name)
{
	const ForecastMethod *method = forecast_method_by_name(name);
	const char *names[FORECAST_MAX_METHODS];
	const char *nearest;
	int			n = 0;

	if (method)
		return method;
	for (int id = 0; id < FORECAST_MAX_METHODS; id++)
		if (forecast_method_by_id(id))
			names[n++] = forecast_method_by_id(id)->name;
	nearest = ecml_error_nearest(name, names, n);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown forecasting method \"%s\"", name),
			 errdetail("No method has this name."),
			 errhint("%sKnown methods: %s.", ecml_error_perhaps(nearest), method_list())));
}

/* ETS's notation: error, trend, season, as in "MAdM" or "ZZZ"; a d after the trend for damped. */
static void
read_model(const char *text, EtsOptions *ets)
{
	const char *p = text;
	const char *letters = "ZNAM";
	const char *found[3] = {NULL};
	bool		good;

	for (int i = 0; i < 3; i++)
	{
		found[i] = *p ? strchr(letters, *p) : NULL;
		if (found[i])
			p++;
		if (i == 1 && *p == 'd')
		{
			ets->damped = ETS_DAMPED_YES;
			p++;
		}
		if (*p == ',')
			p++;
	}
	good = found[0] && found[1] && found[2] && *p == '\0' && *found[0] != 'N' &&
		!(*found[1] == 'N' && ets->damped == ETS_DAMPED_YES);
	if (!good)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid value for option \"model\""),
				 errdetail("The value is \"%s\".", text),
				 errhint("It must be three letters for error, trend and season, each N (none), A (additive), M (multiplicative) or "
						 "Z (chosen), with d after the trend when it is damped, such as ZZZ, AAN or MAdM.")));
	ets->error = (int) (found[0] - letters);
	ets->trend = (int) (found[1] - letters);
	ets->season = (int) (found[2] - letters);
	if (ets->trend == ETS_MULTIPLICATIVE)
		ets->multiplicative_trend = true;
}

void
forecast_setup_levels(ForecastSetup *setup, const EcmlNumberList *level)
{
	double		first = 0;

	setup->nlevels = 0;
	for (int i = 0; i < level->n; i++)
	{
		double		v = level->v[i] < 1 ? level->v[i] : level->v[i] / 100;
		int			place = setup->nlevels;
		bool		known = false;

		if (i == 0)
			first = v;
		for (int k = 0; k < setup->nlevels; k++)
			known |= setup->levels[k] == v;
		if (known)
			continue;
		for (; place > 0 && setup->levels[place - 1] > v; place--)
			setup->levels[place] = setup->levels[place - 1];
		setup->levels[place] = v;
		setup->nlevels++;
	}
	for (int k = 0; k < setup->nlevels; k++)
		if (setup->levels[k] == first)
			setup->shown = k;
}

static void
read_candidates(ForecastSetup *setup)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	value;

	if (setup->given.candidates == NULL)
		return;
	iterator = JsonbIteratorInit(&setup->given.candidates->root);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		const ForecastMethod *method;

		if (token != WJB_ELEM)
			continue;
		method = find_method(pnstrdup(value.val.string.val, value.val.string.len));
		if (strcmp(method->name, "auto") == 0 || setup->automatic.ncandidates == AUTO_MAX)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("invalid value for option \"candidates\""),
					 errdetail("It names auto itself, or more than %d methods.", AUTO_MAX),
					 errhint("Give names of other methods.")));
		setup->automatic.candidates[setup->automatic.ncandidates++] = method->id;
	}
}

void
forecast_setup_method(ForecastSetup *setup, const char *name)
{
	setup->by_method[5] = &setup->ets;
	if (strcmp(name, "holt_winters") == 0)
	{
		setup->ets.trend = ETS_ADDITIVE;
		name = "ets";
	}
	else if (strcmp(name, "holt") == 0)
	{
		setup->ets.trend = ETS_ADDITIVE;
		setup->ets.season = ETS_NONE;
		name = "ets";
	}
	else if (strcmp(name, "ses") == 0)
	{
		setup->ets.error = ETS_ADDITIVE;
		setup->ets.trend = ETS_NONE;
		setup->ets.season = ETS_NONE;
		name = "ets";
	}
	setup->method = find_method(name);
}

void
forecast_check_horizon(int64 horizon)
{
	if (horizon < 1 || horizon > FORECAST_MAX_HORIZON)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("horizon out of range"),
				 errdetail("It is " INT64_FORMAT ".", horizon),
				 errhint("It must be from 1 to %d: periods to forecast.", FORECAST_MAX_HORIZON)));
}

/* p, d, q of ARIMA; both lists are given, or the seasonal one is 0, 0, 0. */
static void
read_orders(ForecastSetup *setup)
{
	const EcmlNumberList *lists[2] = {&setup->given.order, &setup->given.seasonal_order};

	setup->arima = (ArimaOptions) ARIMA_DEFAULTS;
	setup->arima.box_cox = setup->given.box_cox;
	setup->arima.lambda = NAN;
	if (lists[0]->n < 0 && lists[1]->n < 0)
		return;
	for (int i = 0; i < 2; i++)
		for (int k = 0; k < Max(lists[i]->n, 0) || (lists[i]->n >= 0 && lists[i]->n != 3 && k == 0); k++)
			if (lists[i]->n != 3 || lists[i]->v[k] != rint(lists[i]->v[k]) || (k == 1 && lists[i]->v[k] > 2))
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("invalid value for option \"%s\"", i == 0 ? "order" : "seasonal_order"),
						 errdetail("It has %d numbers.", lists[i]->n),
						 errhint("It must be three whole numbers: lags, differences (at most 2), errors, as in [1, 1, 1].")));
	if (lists[0]->n < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"seasonal_order\" needs \"order\""),
				 errdetail("Only \"seasonal_order\" is given."),
				 errhint("Give both, or neither: then they are chosen.")));
	setup->arima.fixed = true;
	setup->arima.order = (ArimaOrder) {
		.p = (int) lists[0]->v[0],.d = (int) lists[0]->v[1],.q = (int) lists[0]->v[2]
	};
	if (lists[1]->n == 3)
	{
		setup->arima.order.P = (int) lists[1]->v[0];
		setup->arima.order.D = (int) lists[1]->v[1];
		setup->arima.order.Q = (int) lists[1]->v[2];
	}
	setup->arima.order.constant = setup->arima.order.d + setup->arima.order.D < 2;
}

/* A method that does not know of regressors would forecast as if there were none. */
static void
check_regressors(const ForecastSetup *setup)
{
	int			id = setup->method->id;
	bool		takes = id == forecast_method_prophet.id || id == forecast_method_arima.id;

	if (id == forecast_method_auto.id)
	{
		takes = setup->automatic.ncandidates == 0;
		for (int i = 0; i < setup->automatic.ncandidates; i++)
			takes |= setup->automatic.candidates[i] == forecast_method_prophet.id ||
				setup->automatic.candidates[i] == forecast_method_arima.id;
	}
	if (setup->series.regressors && JB_ROOT_COUNT(setup->series.regressors) > 0 && !takes)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("method \"%s\" takes no regressors", setup->given.method ? setup->given.method : "auto"),
				 errdetail("The option \"regressors\" is given."),
				 errhint("Methods with regressors are prophet, arima, and auto, which chooses among the two then.")));
}

static const EcmlNumberList usual_level = {.n = 1,.v = {95}};

const ForecastSetup forecast_setup_defaults = {
	.series = ECML_SERIES_DEFAULTS,
	.prophet = PROPHET_SQL_DEFAULTS,
	.given = {
		.level = {.n = -1},.floor = NAN,.cap = NAN,.seed = -1,.combine = true,.alpha = 0.1,.alpha_probability = 0.1,
		.order = {.n = -1},.seasonal_order = {.n = -1}
	}
};

void
forecast_setup_sets(ForecastSetup *setup, EcmlOptionSet *sets)
{
	sets[0] = (EcmlOptionSet) {options, &setup->given};
	sets[1] = (EcmlOptionSet) {ecml_series_options, &setup->series};
	sets[2] = (EcmlOptionSet) {prophet_sql_options, &setup->prophet};
}

void
forecast_setup_finish(ForecastSetup *setup)
{
	setup->ets = (EtsOptions) ETS_DEFAULTS;
	setup->ets.damped = setup->given.damped;
	setup->ets.criterion = setup->given.criterion;
	if (setup->given.model)
		read_model(setup->given.model, &setup->ets);
	setup->theta.model = setup->given.theta;
	setup->theta.season = setup->given.decomposition;
	setup->croston = (CrostonOptions) {
		.alpha = setup->given.alpha,.alpha_probability = setup->given.alpha_probability,.optimise = setup->given.optimise
	};
	setup->automatic.single = !setup->given.combine;
	setup->automatic.folds = setup->given.folds;
	read_candidates(setup);
	read_orders(setup);
	setup->mstl = (MstlOptions) MSTL_DEFAULTS;
	setup->mstl.robust = setup->given.robust;
	setup->by_method[5] = &setup->ets;
	setup->by_method[6] = &setup->theta;
	for (int id = 7; id <= 11; id++)
		setup->by_method[id] = &setup->croston;
	setup->by_method[12] = &setup->automatic;
	setup->by_method[13] = prophet_sql_finish(&setup->prophet);
	setup->by_method[14] = &setup->arima;
	setup->by_method[15] = &setup->mstl;
	forecast_setup_method(setup, setup->given.method ? setup->given.method : "auto");
	check_regressors(setup);
	if (!isnan(setup->given.floor) && !isnan(setup->given.cap) && !(setup->given.floor < setup->given.cap))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("floor must be below cap"),
				 errdetail("They are %g and %g.", setup->given.floor, setup->given.cap),
				 errhint("Give a floor that is less than the cap.")));
	setup->seed = setup->given.seed >= 0 ? setup->given.seed : ecml_guc_seed;
	forecast_setup_levels(setup, setup->given.level.n > 0 ? &setup->given.level : &usual_level);
}

void
forecast_setup(ForecastSetup *setup, const char *what, Jsonb *jsonb, const EcmlOptionSet *extra)
{
	EcmlOptionSet sets[FORECAST_SETS + 2];
	int			n = FORECAST_SETS;

	*setup = forecast_setup_defaults;
	forecast_setup_sets(setup, sets);
	sets[n++] = (EcmlOptionSet) {seed_options, &setup->given};
	if (extra)
		sets[n++] = *extra;
	ecml_options_parse(what, jsonb, sets, n);
	forecast_setup_finish(setup);
}

bool
forecast_task_init(EcmlCtx *ctx, const ForecastSetup *setup, EcmlSeries *series, ForecastTask *task)
{
	ForecastInput *in = &task->in;
	int			values = 0;
	uint64		hash = 0;

	memset(task, 0, sizeof(*task));
	if (series->problem)
		return false;
	for (int t = 0; t < series->n && values < 2; t++)
		values += !isnan(series->y[t]);
	if (values < 2)
	{
		series->problem = "it has fewer than two values";
		return false;
	}
	task->method = setup->method;
	in->y = series->y;
	in->n = series->n;
	in->horizon = setup->horizon;
	for (int i = 0; i < series->nseasons && in->nperiods < FORECAST_MAX_SEASONS; i++)
	{
		int			period = (int) rint(series->season[i]);

		if (period < 2 || (in->nperiods > 0 && period <= in->periods[in->nperiods - 1]))
			continue;
		in->periods[in->nperiods] = period;
		in->season[in->nperiods++] = series->season[i];
	}
	if (series->period.unit != ECML_PERIOD_NUMBER)
	{
		int64	   *at = ECML_NEW(ctx, int64, (size_t) series->n + setup->horizon);

		for (int t = 0; t < series->n + setup->horizon; t++)
			at[t] = ecml_series_at(series, t);
		in->at = at;
		in->step = ecml_period_length(&series->period);
	}
	in->nx = series->nx;
	in->x = series->x;
	in->nlevels = setup->nlevels;
	memcpy(in->levels, setup->levels, sizeof(in->levels));
	in->nonnegative = setup->given.floor >= 0;
	in->floor = setup->given.floor;
	in->cap = setup->given.cap;
	/* the same series gets the same numbers, whatever others there are */
	if (series->name)
		hash = ecml_hash_bytes(series->name, strlen(series->name), 0);
	in->seed = setup->seed ^ hash;
	in->options = setup->by_method;
	task->result.mean = ECML_NEW(ctx, double, setup->horizon);
	task->result.lower = ECML_NEW(ctx, double, (size_t) setup->horizon * setup->nlevels);
	task->result.upper = ECML_NEW(ctx, double, (size_t) setup->horizon * setup->nlevels);
	return true;
}

void
forecast_clip(const ForecastSetup *setup, ForecastTask *task)
{
	double		floor = setup->given.floor;
	double		cap = setup->given.cap;
	size_t		n = setup->horizon;

	if (task->status != FORECAST_OK)
		return;
	for (size_t i = 0; i < n * (1 + 2 * (size_t) setup->nlevels); i++)
	{
		double	   *v = i < n ? &task->result.mean[i] : i < n * (1 + setup->nlevels) ? &task->result.lower[i - n] :
			&task->result.upper[i - n * (1 + setup->nlevels)];

		if (*v < floor)
			*v = floor;
		if (*v > cap)
			*v = cap;
	}
}

bool
forecast_block_read(EcmlSeriesReader *reader, EcmlCtx *ctx, const ForecastSetup *setup, ForecastBlock *block)
{
	size_t		values = 0;
	/* results count as well: a long horizon makes small blocks */
	size_t		each = (size_t) setup->horizon * (2 + 2 * setup->nlevels);

	block->n = 0;
	while (block->n < FORECAST_BLOCK && values < FORECAST_BLOCK_VALUES &&
		   ecml_series_next(reader, ctx, &block->series[block->n]))
	{
		CHECK_FOR_INTERRUPTS();
		(void) forecast_task_init(ctx, setup, &block->series[block->n], &block->tasks[block->n]);
		values += block->series[block->n].n + each;
		block->n++;
	}
	return block->n > 0;
}

void
forecast_block_run(EcmlCtx *ctx, const ForecastSetup *setup, ForecastBlock *block)
{
	ForecastTask *tasks = ECML_NEW(ctx, ForecastTask, block->n);
	int			n = 0;

	for (int i = 0; i < block->n; i++)
		if (block->tasks[i].method)
			tasks[n++] = block->tasks[i];
	forecast_run(ctx, tasks, n);
	n = 0;
	for (int i = 0; i < block->n; i++)
		if (block->tasks[i].method)
		{
			block->tasks[i] = tasks[n++];
			if (setup)
				forecast_clip(setup, &block->tasks[i]);
		}
}
