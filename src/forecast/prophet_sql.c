/*
 * prophet_sql.c - options of prophet, holidays from a table among them; ecml_components
 */
#include "core/compat.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/numeric.h"

#include "core/guc.h"
#include "core/host.h"
#include "core/json.h"
#include "core/result.h"
#include "core/roles.h"
#include "core/series.h"
#include "forecast/holidays.h"
#include "forecast/mstl_method.h"
#include "forecast/prophet_sql.h"

/* ---- options */

static const char *const growths[] = {"linear", "logistic", "flat", NULL};
static const char *const modes[] = {"additive", "multiplicative", NULL};

const EcmlOption prophet_sql_options[] = {
	ECML_OPT_ENUM(ProphetSqlOptions, growth, "growth", growths),
	ECML_OPT_INT(ProphetSqlOptions, method.params.n_changepoints, "n_changepoints", 0, 500),
	ECML_OPT_FLOAT(ProphetSqlOptions, method.params.changepoint_range, "changepoint_range", 0.01, 1),
	ECML_OPT_FLOAT(ProphetSqlOptions, method.params.changepoint_prior_scale, "changepoint_prior_scale", 1e-6, 1e6),
	ECML_OPT_INT(ProphetSqlOptions, orders[0], "yearly", -1, 100),
	ECML_OPT_INT(ProphetSqlOptions, orders[1], "weekly", -1, 100),
	ECML_OPT_INT(ProphetSqlOptions, orders[2], "daily", -1, 100),
	ECML_OPT_ENUM(ProphetSqlOptions, mode, "seasonality_mode", modes),
	ECML_OPT_FLOAT(ProphetSqlOptions, method.params.seasonality_prior_scale, "seasonality_prior_scale", 1e-6, 1e6),
	ECML_OPT_FLOAT(ProphetSqlOptions, holidays_prior_scale, "holidays_prior_scale", 1e-6, 1e6),
	ECML_OPT_FLOAT(ProphetSqlOptions, method.regressor_prior_scale, "regressor_prior_scale", 1e-6, 1e6),
	ECML_OPT_LIST(ProphetSqlOptions, holidays, "holidays"),
	ECML_OPT_TEXT(ProphetSqlOptions, holiday_table, "holiday_table"),
	ECML_OPT_OBJECT(ProphetSqlOptions, seasons, "seasons"),
	ECML_OPT_INT(ProphetSqlOptions, method.params.samples, "samples", 0, 100000),
	ECML_OPT_END
};

typedef struct HolidayList
{
	ProphetHoliday *items;
	int			n;
	int			room;
	MemoryContext context;
	int			columns[3];		/* lower_window, upper_window, prior_scale among the result's; -1: none */
	double		prior_scale;
} HolidayList;

static ProphetHoliday *
new_holiday(HolidayList *list)
{
	if (list->n == list->room)
	{
		list->room = list->room ? 2 * list->room : 16;
		list->items = list->items ? repalloc(list->items, list->room * sizeof(ProphetHoliday)) :
			MemoryContextAlloc(list->context, list->room * sizeof(ProphetHoliday));
	}
	memset(&list->items[list->n], 0, sizeof(ProphetHoliday));
	return &list->items[list->n++];
}

static void
add_rule(HolidayList *list, int number)
{
	const Holiday *rule = holidays_get(number);

	*new_holiday(list) = (ProphetHoliday) {
		.name = rule->name,.rule = number,.lower_window = rule->lower_window,.upper_window = rule->upper_window,
		.prior_scale = list->prior_scale
	};
}

static void
add_rules(HolidayList *list, Jsonb *names)
{
	JsonbIterator *it = JsonbIteratorInit(&names->root);
	JsonbValue	v;
	JsonbIteratorToken token;

	while ((token = JsonbIteratorNext(&it, &v, true)) != WJB_DONE)
	{
		char	   *name;
		int			number;

		if (token != WJB_ELEM || v.type != jbvString)
			continue;
		name = pnstrdup(v.val.string.val, v.val.string.len);
		number = holidays_find(name);
		if (strcmp(name, "shopping") == 0)
		{
			for (int i = 0; i < holidays_count(); i++)
				if (holidays_get(i)->shopping)
					add_rule(list, i);
		}
		else if (number >= 0)
			add_rule(list, number);
		else
		{
			StringInfoData known;

			initStringInfo(&known);
			for (int i = 0; i < holidays_count(); i++)
				appendStringInfo(&known, ", %s", holidays_get(i)->name);
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("unknown holiday \"%s\"", name),
					 errdetail("No rule has that name."),
					 errhint("Known: shopping (the usual ones)%s. Others come from holiday_table.", known.data)));
		}
	}
}

/* Rows sorted by holiday and day: holiday text, day int8, lower, upper int4, prior float8 */
static void
add_day(void *arg, TupleTableSlot *slot)
{
	HolidayList *list = arg;
	MemoryContext old = MemoryContextSwitchTo(list->context);
	char	   *name;
	ProphetHoliday *h = list->n > 0 ? &list->items[list->n - 1] : NULL;
	int64	   *days;

	if (!slot->tts_isnull[0] && !slot->tts_isnull[1])
	{
		name = TextDatumGetCString(slot->tts_values[0]);
		if (h == NULL || h->rule >= 0 || strcmp(h->name, name) != 0)
		{
			h = new_holiday(list);
			h->name = name;
			h->rule = -1;
			h->prior_scale = list->prior_scale;
		}
		days = h->n_days == 0 ? palloc(sizeof(int64)) : repalloc((void *) h->days, (h->n_days + 1) * sizeof(int64));
		days[h->n_days++] = DatumGetInt64(slot->tts_values[1]);
		h->days = (const int64_t *) days;
		if (!slot->tts_isnull[2])
			h->lower_window = Min(h->lower_window, DatumGetInt32(slot->tts_values[2]));
		if (!slot->tts_isnull[3])
			h->upper_window = Max(h->upper_window, DatumGetInt32(slot->tts_values[3]));
		if (!slot->tts_isnull[4])
			h->prior_scale = DatumGetFloat8(slot->tts_values[4]);
	}
	MemoryContextSwitchTo(old);
}

static void
add_table(HolidayList *list, const char *table)
{
	static const char *const ds_names[] = {"ds", "day", "date", NULL};
	static const char *const holiday_names[] = {"holiday", "name", NULL};
	static const char *const windows[3][2] = {{"lower_window", NULL}, {"upper_window", NULL}, {"prior_scale", NULL}};
	static const char *const types[3] = {"int4", "int4", "float8"};
	EcmlSource	given;
	EcmlSource	query;
	StringInfoData text;
	const char *from;
	int			ds;

	SPI_connect();
	ecml_source_open(&given, table);
	from = ecml_source_from(table);
	ds = ecml_role_need(&given, NULL, "ds", ds_names);
	ecml_role_check(&given, ds, "ds", ECML_TIME);
	initStringInfo(&text);
	appendStringInfo(&text, "SELECT %s::pg_catalog.text COLLATE pg_catalog.\"C\", (%s::pg_catalog.date OPERATOR(pg_catalog.-) "
					 "'2000-01-01'::pg_catalog.date)::pg_catalog.int8",
					 ecml_role_sql(&given, ecml_role_need(&given, NULL, "holiday", holiday_names)), ecml_role_sql(&given, ds));
	for (int i = 0; i < 3; i++)
	{
		int			column = ecml_role_find(&given, NULL, windows[i][0], windows[i]);

		appendStringInfo(&text, ", %s::pg_catalog.%s", column >= 0 ? ecml_role_sql(&given, column) : "NULL", types[i]);
	}
	appendStringInfo(&text, " FROM %s AS s ORDER BY 1, 2", from);
	ecml_source_open(&query, text.data);
	ecml_source_run(&query, add_day, list);
	SPI_finish();
}

static void
add_seasons(ProphetSqlOptions *given)
{
	ProphetSeason *seasons = palloc0(PROPHET_MAX_SEASONS * sizeof(ProphetSeason));
	JsonbIterator *it = JsonbIteratorInit(&given->seasons->root);
	JsonbValue	v;
	JsonbIteratorToken token;
	char	   *key = NULL;
	double		numbers[2];
	int			count = 0;
	int			n = 0;

	while ((token = JsonbIteratorNext(&it, &v, false)) != WJB_DONE)
	{
		bool		wrong = token == WJB_VALUE;

		if (token == WJB_KEY)
		{
			key = pnstrdup(v.val.string.val, v.val.string.len);
			count = 0;
		}
		else if (token == WJB_ELEM)
		{
			wrong = v.type != jbvNumeric || count >= 2;
			if (!wrong)
				numbers[count++] = DatumGetFloat8(DirectFunctionCall1(numeric_float8, NumericGetDatum(v.val.numeric)));
		}
		else if (token == WJB_END_ARRAY)
		{
			wrong = count != 2 || n >= PROPHET_MAX_SEASONS || !(numbers[0] > 0) || !(numbers[1] >= 1 && numbers[1] <= 100);
			if (!wrong)
				seasons[n++] = (ProphetSeason) {numbers[0], (int) numbers[1], given->method.params.seasonality_prior_scale, given->mode == 1};
		}
		if (wrong)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("invalid seasons"),
					 errdetail("The season is \"%s\".", key ? key : ""),
					 errhint("Give at most %d, each with its days and its pairs of sine and cosine (1 to 100), as in {\"month\": [30.5, 5]}.",
							 PROPHET_MAX_SEASONS)));
	}
	given->method.params.seasons = seasons;
	given->method.params.n_seasons = n;
}

const ProphetOptions *
prophet_sql_finish(ProphetSqlOptions *given)
{
	HolidayList list = {.context = CurrentMemoryContext,.prior_scale = given->holidays_prior_scale};
	ProphetParams *params = &given->method.params;
	const char *wrong;

	params->growth = given->growth;
	params->multiplicative = given->mode == 1;
	given->method.holidays_multiplicative = given->method.regressors_multiplicative = given->mode == 1;
	params->yearly = given->orders[0];
	params->weekly = given->orders[1];
	params->daily = given->orders[2];
	if (given->seasons)
		add_seasons(given);
	if (given->holidays)
		add_rules(&list, given->holidays);
	if (given->holiday_table)
		add_table(&list, given->holiday_table);
	given->method.holidays = list.items;
	given->method.n_holidays = list.n;
	wrong = prophet_options_check(&given->method);
	if (wrong)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid options of prophet"),
				 errdetail("%s", wrong),
				 errhint("doc/forecast.md has the range of each option.")));
	return &given->method;
}

/* ---- ecml_components */

typedef struct ComponentOptions
{
	EcmlSeriesOptions series;
	ProphetSqlOptions prophet;
	int			method;
	int			horizon;		/* periods of the future */
	double		cap;
	double		floor;
} ComponentOptions;

static const char *const methods[] = {"prophet", "mstl", NULL};

static const EcmlOption component_options[] = {
	ECML_OPT_ENUM(ComponentOptions, method, "method", methods),
	ECML_OPT_INT(ComponentOptions, horizon, "horizon", 0, 100000),
	ECML_OPT_FLOAT(ComponentOptions, cap, "cap", -INFINITY, INFINITY),
	ECML_OPT_FLOAT(ComponentOptions, floor, "floor", -INFINITY, INFINITY),
	ECML_OPT_END
};

enum
{
	SERIES, DS, PERIOD, Y, YHAT, TREND, SEASON, YEARLY, WEEKLY, HOLIDAYS, REMAINDER, NOTE, DAILY, REGRESSORS, SEASONS, COMPONENT_COLUMNS
};

#define NUMBERS 10				/* Y .. REMAINDER, DAILY, REGRESSORS */

/* A row of the result; NaN: NULL.  problem: the row of a series that could not be taken apart.  seasons: NULL, or by name. */
static void
emit(EcmlRows *rows, const EcmlSeriesReader *reader, const EcmlSeries *s, int t, const double *numbers, Jsonb *seasons,
	 const char *problem)
{
	Datum		values[COMPONENT_COLUMNS];
	bool		nulls[COMPONENT_COLUMNS] = {false};

	nulls[SERIES] = s->name == NULL;
	if (s->name)
		values[SERIES] = CStringGetTextDatum(s->name);
	nulls[DS] = nulls[PERIOD] = true;
	if (t >= 0)
	{
		int64		at = ecml_series_at(s, t);

		if (ecml_series_has_clock(reader))
		{
			nulls[DS] = false;
			ecml_series_set_at(reader, values, nulls, DS, at);
		}
		else
		{
			nulls[PERIOD] = false;
			values[PERIOD] = Int64GetDatum(at);
		}
	}
	for (int i = 0; i < NUMBERS; i++)
		ecml_set_number(values, nulls, i < 8 ? Y + i : DAILY + i - 8, numbers ? numbers[i] : NAN);
	nulls[NOTE] = problem == NULL;
	if (problem)
		values[NOTE] = CStringGetTextDatum(problem);
	nulls[SEASONS] = seasons == NULL;
	if (seasons)
		values[SEASONS] = JsonbPGetDatum(seasons);
	ecml_rows_add(rows, values, nulls);
}

/* Names of the seasons beside yearly, weekly and daily: those of the option, then periods of a series without a clock; their number. */
static int
season_names(const ComponentOptions *given, const ForecastInput *in, const char **names)
{
	int			n = 0;

	if (given->prophet.seasons)
	{
		JsonbIterator *it = JsonbIteratorInit(&given->prophet.seasons->root);
		JsonbValue	v;
		JsonbIteratorToken token;

		while ((token = JsonbIteratorNext(&it, &v, true)) != WJB_DONE)
			if (token == WJB_KEY && n < PROPHET_MAX_SEASONS)
				names[n++] = pnstrdup(v.val.string.val, v.val.string.len);
	}
	for (int i = 0; in->at == NULL && i < in->nperiods && n < PROPHET_MAX_SEASONS; i++)
		names[n++] = psprintf("%g", in->season[i]);
	return n;
}

static void
components_of(EcmlRows *rows, EcmlSeriesReader *reader, EcmlCtx *ctx, const EcmlSeries *s, const ComponentOptions *given,
			  const void *const *options)
{
	bool		prophet = given->method == 0;
	const ForecastMethod *method = prophet ? &forecast_method_prophet : &forecast_method_mstl;
	ForecastInput in = {
		.y = s->y,.n = s->n,.horizon = Max(given->horizon, 1),.cap = given->cap,.floor = given->floor,.seed = s->number,.options = options,
		.step = ecml_series_has_clock(reader) ? ecml_period_length(&s->period) : 0
	};
	ForecastShape shape = {.n = s->n,.horizon = in.horizon,.period = 1,.nx = s->nx,.options = options};
	ForecastFit fit = {.log_likelihood = NAN};
	ForecastArena arena = {0};
	ForecastStatus status;
	size_t		n = (size_t) s->n + in.horizon;
	double	   *seasons = NULL;
	double	   *parts[5];		/* yhat, trend, three others */
	int			periods[FORECAST_MAX_SEASONS];
	int			k = 0;
	bool		logs = false;
	const char *note = NULL;
	const char *names[PROPHET_MAX_SEASONS];
	int			nnamed;
	MemoryContext scratch;

	for (int i = 0; i < s->nseasons && i < FORECAST_MAX_SEASONS; i++)
		if (s->season[i] >= 2 && s->season[i] < 100000)
		{
			in.season[in.nperiods] = s->season[i];
			in.periods[in.nperiods++] = (int) s->season[i];
			shape.period = (int) s->season[i];
		}
	shape.nperiods = in.nperiods;
	in.nx = s->nx;
	in.x = s->x;
	/* the period after the last one is not told of, but it needs numbers */
	for (int i = 0; i < s->nx && given->horizon == 0; i++)
		s->x[(size_t) i * n + s->n] = 0;
	if (ecml_series_has_clock(reader))
	{
		int64	   *at = ECML_NEW(ctx, int64, n);

		for (size_t t = 0; t < n; t++)
			at[t] = ecml_series_at(s, t);
		in.at = (const int64_t *) at;
	}
	fit.params = ECML_NEW0(ctx, double, method->max_params(&shape));
	arena.size = method->memory(&shape);
	arena.base = ecml_alloc(ctx, arena.size);
	for (int i = 0; i < 5; i++)
		parts[i] = ECML_NEW0(ctx, double, n);
	seasons = ECML_NEW0(ctx, double, (3 + PROPHET_MAX_SEASONS) * n);
	status = method->fit(&in, &arena, &fit);
	note = fit.note;
	arena.used = 0;
	if (status == FORECAST_OK && prophet)
	{
		ProphetOutput out = {.yhat = parts[0],.trend = parts[1],.seasons = seasons,.holidays = parts[2],.regressors = parts[3]};

		status = prophet_parts(&in, &fit, &arena, &out, &note);
		k = 3 + prophet_options_of(options)->params.n_seasons + (in.at ? 0 : in.nperiods);
		k = Min(k, 3 + PROPHET_MAX_SEASONS);
	}
	else if (status == FORECAST_OK)
	{
		ForecastResult ahead = {.mean = parts[0] + s->n};

		status = mstl_parts(&in, &fit, &arena, seasons, parts[1], periods, &k, &logs);
		arena.used = 0;
		if (status == FORECAST_OK && given->horizon > 0)
			status = method->forecast(&in, &fit, &arena, &ahead);
		/* seasons go on as their last cycle was, and the trend is what they leave of the forecast */
		for (int i = status == FORECAST_OK ? k - 1 : -1; i >= 0; i--)
		{
			memmove(seasons + (size_t) i * n, seasons + (size_t) i * s->n, s->n * sizeof(double));
			for (size_t t = s->n; t < n; t++)
				seasons[(size_t) i * n + t] = seasons[(size_t) i * n + t - periods[i]];
		}
		for (size_t t = s->n; t < n && status == FORECAST_OK; t++)
		{
			parts[1][t] = logs ? log(parts[0][t]) : parts[0][t];
			for (int i = 0; i < k; i++)
				parts[1][t] -= seasons[(size_t) i * n + t];
		}
	}
	if (status != FORECAST_OK)
	{
		emit(rows, reader, s, -1, NULL, NULL, note ? note : status == FORECAST_TOO_SHORT ? "too few values" : "the series cannot be taken apart by this method");
		return;
	}
	if (prophet)
		nnamed = season_names(given, &in, names);
	else
		for (nnamed = 0; nnamed < k; nnamed++)
			names[nnamed] = psprintf("%d", periods[nnamed]);
	scratch = AllocSetContextCreate(CurrentMemoryContext, "ecml components row", ALLOCSET_SMALL_SIZES);
	for (int t = 0; t < s->n + given->horizon; t++)
	{
		MemoryContext caller = MemoryContextSwitchTo(scratch);
		double		season = 0;
		double		trend = parts[1][t];
		double		numbers[NUMBERS];
		double		yhat;
		double		y = t < s->n ? s->y[t] : NAN;
		EcmlJson   *json = nnamed > 0 ? ecml_json_object() : NULL;

		for (int i = 0; i < k; i++)
			season += seasons[i * n + t];
		yhat = prophet ? parts[0][t] : trend + season;
		if (logs)
		{
			/* in units of the values: what the seasons add to the trend */
			trend = exp(trend);
			yhat = exp(yhat);
			season = yhat - trend;
		}
		for (int i = 0; i < nnamed; i++)
		{
			double		part = seasons[(size_t) (prophet ? 3 + i : i) * n + t];

			ecml_json_number(json, names[i], logs ? trend * (exp(part) - 1) : part);
		}
		numbers[0] = y;
		numbers[1] = yhat;
		numbers[2] = trend;
		numbers[3] = season;
		numbers[4] = prophet && in.at ? seasons[t] : NAN;
		numbers[5] = prophet && in.at ? seasons[n + t] : NAN;
		numbers[6] = prophet ? parts[2][t] : NAN;
		numbers[7] = y - yhat;
		numbers[8] = prophet && in.at ? seasons[2 * n + t] : NAN;
		numbers[9] = prophet && in.nx > 0 ? parts[3][t] : NAN;
		if (t % 1024 == 0)
			CHECK_FOR_INTERRUPTS();
		emit(rows, reader, s, t, numbers, json ? ecml_json_finish(json) : NULL, NULL);
		MemoryContextSwitchTo(caller);
		MemoryContextReset(scratch);
	}
	MemoryContextDelete(scratch);
}

PG_FUNCTION_INFO_V1(ecml_components);

/* ecml_components(source text, ds text, y text, series text, options jsonb): a row for each period of each series, the future included */
Datum
ecml_components(PG_FUNCTION_ARGS)
{
	EcmlRows   *rows = ecml_rows_begin(fcinfo);
	ComponentOptions given = {.series = ECML_SERIES_DEFAULTS,.prophet = PROPHET_SQL_DEFAULTS,.cap = NAN,.floor = NAN};
	EcmlOptionSet sets[] = {{component_options, &given}, {ecml_series_options, &given.series}, {prophet_sql_options, &given.prophet}};
	const void *options[FORECAST_MAX_METHODS] = {NULL};
	char	   *names[3];
	EcmlSeriesReader *reader;
	MemoryContext context;
	char	   *source;
	bool		more = true;

	source = ecml_source_argument(fcinfo, 0);
	for (int i = 0; i < 3; i++)
		names[i] = PG_ARGISNULL(1 + i) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(1 + i));
	ecml_options_parse("ecml_components", PG_ARGISNULL(4) ? NULL : PG_GETARG_JSONB_P(4), sets, 3);
	options[forecast_method_prophet.id] = prophet_sql_finish(&given.prophet);
	if (given.method == 1 && given.series.regressors && JB_ROOT_COUNT(given.series.regressors) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("method \"mstl\" takes no regressors"),
				 errdetail("The option \"regressors\" is given."),
				 errhint("The method with regressors is prophet.")));
	reader = ecml_series_open(source, names[0], names[1], names[2], &given.series, Max(given.horizon, 1));
	context = AllocSetContextCreate(CurrentMemoryContext, "ecml components", ALLOCSET_DEFAULT_SIZES);
	while (more)
	{
		EcmlServerHost host;
		EcmlCtx		ctx;
		EcmlSeries	s;
		MemoryContext caller = MemoryContextSwitchTo(context);

		ecml_host_init(&ctx, &host, context, (size_t) ecml_guc_work_mem * 1024, 0);
		more = ecml_series_next(reader, &ctx, &s);
		MemoryContextSwitchTo(caller);
		if (more && s.problem)
			emit(rows, reader, &s, -1, NULL, NULL, s.problem);
		else if (more)
			components_of(rows, reader, &ctx, &s, &given, options);
		CHECK_FOR_INTERRUPTS();
		MemoryContextReset(context);
	}
	ecml_series_close(reader);
	return (Datum) 0;
}
