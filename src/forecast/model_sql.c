/*
 * model_sql.c - stored forecasting models: ecml_train, ecml_forecast(model => ...), ecml_update
 *
 * A model keeps the values of each series and the parameters that were fitted to them.  Forecasting runs the values through the
 * method with these parameters, which takes microseconds, where the fit took milliseconds.  ecml_update appends new values,
 * and replaces those of periods that come again; parameters stay.  So a nightly update costs as much as reading the rows.
 *
 * All of it is one value of type ecml_model, of 8 bytes a value and some 200 a series: 10,000 series of three years of days
 * take 90 MB; the limit of a value is 1 GB.
 */
#include "core/compat.h"

#include <math.h>

#include "catalog/namespace.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/varlena.h"

#include "core/catalog.h"
#include "core/error.h"
#include "core/guc.h"
#include "core/json.h"
#include "core/serve.h"
#include "core/source.h"
#include "core/trainer.h"
#include "forecast/forecast_sql.h"
#include "forecast/model_sql.h"

#define VALUES_LIMIT ECML_SERIES_LIMIT

/* ---- training */

static const EcmlOption horizon_options[] = {
	ECML_OPT_INT(ForecastSetup, horizon, "horizon", 0, FORECAST_MAX_HORIZON),
	ECML_OPT_END
};

static int
sets(void *params, EcmlOptionSet *into)
{
	forecast_setup_sets(params, into);
	into[FORECAST_SETS] = (EcmlOptionSet) {horizon_options, params};
	return FORECAST_SETS + 1;
}

/* What a series is validated for when the training does not say: a season, but no more than 48 and no less than 6 periods. */
static int
usual_horizon(const EcmlSeries *series)
{
	int			horizon = 12;

	if (series->nseasons > 0)
		horizon = (int) series->season[0];
	return Max(6, Min(48, horizon));
}

static void
keep(MemoryContext context, ForecastStored *stored, const EcmlSeries *series, const ForecastTask *task)
{
	MemoryContext old = MemoryContextSwitchTo(context);

	memset(stored, 0, sizeof(*stored));
	stored->name = series->name ? pstrdup(series->name) : NULL;
	stored->period = series->period;
	stored->first = series->first;
	stored->n = series->n;
	stored->y = palloc_extended(Max(series->n, 1) * sizeof(double), MCXT_ALLOC_HUGE);
	if (series->n > 0)
		memcpy(stored->y, series->y, series->n * sizeof(double));
	stored->zeros = series->filled == ECML_FILL_ZERO;
	stored->nseasons = series->nseasons;
	memcpy(stored->season, series->season, sizeof(stored->season));
	if (task->method && task->status == FORECAST_OK)
	{
		stored->method = task->method->id;
		stored->form = task->fit.form;
		stored->nparams = task->fit.nparams;
		stored->params = palloc(Max(task->fit.nparams, 1) * sizeof(double));
		memcpy(stored->params, task->fit.params, task->fit.nparams * sizeof(double));
		stored->label = pstrdup(task->fit.label);
	}
	else
	{
		const char *problem = task->method ? task->note : series->problem;

		stored->problem = pstrdup(problem ? problem : "it cannot be forecast");
		stored->label = pstrdup("");
		stored->params = palloc(sizeof(double));
	}
	MemoryContextSwitchTo(old);
}

/* Fit all series of a reader, and keep them in context. */
static void
fit_all(MemoryContext context, const ForecastSetup *given, EcmlSeriesReader *reader, ForecastModel *model, int64 *rows)
{
	ForecastContext c;
	ForecastBlock *block = palloc(sizeof(ForecastBlock));
	ForecastSetup setup = *given;

	forecast_context_init(&c);
	for (;;)
	{
		int			n = 0;

		block->n = 0;
		/* horizons differ: arrays for results are made one by one */
		while (block->n < FORECAST_BLOCK && n < FORECAST_BLOCK_VALUES &&
			   ecml_series_next(reader, &c.ctx, &block->series[block->n]))
		{
			EcmlSeries *series = &block->series[block->n];
			ForecastTask *task = &block->tasks[block->n];

			setup.horizon = given->horizon > 0 ? given->horizon : usual_horizon(series);
			(void) forecast_task_init(&c.ctx, &setup, series, task);
			task->fit_only = true;
			*rows += series->rows;
			n += series->n;
			block->n++;
		}
		if (block->n == 0)
			break;
		forecast_block_run(&c.ctx, NULL, block);
		if (model->stored == NULL)
			model->stored = MemoryContextAllocHuge(context, Max(ecml_series_count(reader), 1) * sizeof(ForecastStored));
		for (int i = 0; i < block->n; i++)
			keep(context, &model->stored[model->n++], &block->series[i], &block->tasks[i]);
		forecast_context_reset(&c);
	}
	MemoryContextDelete(c.context);
	pfree(block);
}

static char *
metrics_of(const ForecastModel *model)
{
	EcmlJson   *json = ecml_json_object();
	int			failed = 0;
	int64		values = 0;

	for (int i = 0; i < model->n; i++)
	{
		failed += model->stored[i].method == 0;
		values += model->stored[i].n;
	}
	ecml_json_int(json, "series", model->n);
	ecml_json_int(json, "failed", failed);
	ecml_json_int(json, "periods", values);
	return ecml_json_finish_text(json);
}

static EcmlModel *
train(MemoryContext context, const EcmlTraining *training, const EcmlRequest *request, void **parts)
{
	ForecastSetup *setup = training->params;
	ForecastModel *fitted = MemoryContextAllocZero(context, sizeof(ForecastModel));
	EcmlSeriesReader *reader;
	EcmlModel  *model;
	int64		rows = 0;
	MemoryContext old;
	const char *method = setup->given.method;

	if (request->nfeatures > 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s takes no features", training->algorithm->name),
				 errdetail("Features are given."),
				 errhint("The source's columns are the time (option \"ds\"), the value (the target), and those that name the series "
						 "(option \"series\").")));
	if (setup->series.regressors)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("stored models have no regressors"),
				 errdetail("Their future values would have to come from somewhere."),
				 errhint("Forecast from the source: ecml_forecast(source, horizon, options => ...).")));
	if (method && strcmp(method, training->algorithm->name) != 0 && strcmp(training->algorithm->name, "auto") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("two methods are named"),
				 errdetail("The algorithm is %s, the option \"method\" %s.", training->algorithm->name, method),
				 errhint("Name it as the algorithm alone.")));
	if (setup->given.method == NULL)
		setup->given.method = (char *) training->algorithm->name;
	forecast_setup_finish(setup);
	setup->seed = training->common.seed;
	reader = ecml_series_open(request->source, NULL, request->target, NULL, &setup->series, 1);
	if (ecml_series_count(reader) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("there are no rows to train on"),
				 errdetail("The source gives no row with a time."),
				 errhint("Look at what the source gives.")));
	old = MemoryContextSwitchTo(context);
	fitted->clock = ecml_series_has_clock(reader);
	fitted->ds = pstrdup(ecml_series_column_name(reader, 'd'));
	fitted->y = pstrdup(ecml_series_column_name(reader, 'y'));
	fitted->series = pstrdup(setup->series.series ? setup->series.series : "");
	MemoryContextSwitchTo(old);
	fit_all(context, setup, reader, fitted, &rows);
	model = ecml_model_begin(context, training);
	model->fitted = fitted;
	model->rows = ecml_series_rows(reader);
	model->skipped = ecml_series_skipped(reader);
	ecml_series_close(reader);
	old = MemoryContextSwitchTo(context);
	model->metrics = metrics_of(fitted);
	MemoryContextSwitchTo(old);
	return model;
}

/* ---- bytes */

static void
write_text(EcmlWriter *w, const char *text)
{
	ecml_write_u8(w, text != NULL);
	if (text)
		ecml_write_string(w, text);
}

static void
write_model(EcmlWriter *w, const void *fitted)
{
	const ForecastModel *model = fitted;

	ecml_write_u8(w, model->clock);
	ecml_write_string(w, model->ds);
	ecml_write_string(w, model->y);
	ecml_write_string(w, model->series);
	ecml_write_u32(w, model->n);
	for (int i = 0; i < model->n; i++)
	{
		const ForecastStored *s = &model->stored[i];

		if (i % 1024 == 0)
			CHECK_FOR_INTERRUPTS();
		write_text(w, s->name);
		write_text(w, s->problem);
		ecml_write_u8(w, s->period.unit);
		ecml_write_u64(w, s->period.count);
		ecml_write_u64(w, s->period.origin);
		ecml_write_u8(w, s->period.month_day);
		ecml_write_u64(w, s->period.day_time);
		ecml_write_u64(w, s->first);
		ecml_write_u8(w, s->zeros);
		ecml_write_u8(w, s->nseasons);
		ecml_write_f8s(w, s->season, s->nseasons);
		ecml_write_u32(w, s->n);
		ecml_write_f8s(w, s->y, s->n);
		ecml_write_u8(w, s->method);
		ecml_write_i32(w, s->form);
		ecml_write_u32(w, s->nparams);
		ecml_write_f8s(w, s->params, s->nparams);
		ecml_write_string(w, s->label);
	}
}

static char *
read_text(EcmlReader *r)
{
	return ecml_read_bool(r) ? ecml_host_read_text(r) : NULL;
}

static int64
read_i64(EcmlReader *r, int64 low, int64 high)
{
	int64		v = (int64) ecml_read_u64(r);

	if (v < low || v > high)
		ecml_read_corrupted(r, "a period is out of range");
	return v;
}

/* A stretch of time that no sum of two, nor a product with a number of periods, takes out of 64 bits. */
#define FAR (INT64CONST(1) << 61)

static void
read_period(EcmlReader *r, EcmlPeriod *period, bool clock)
{
	period->unit = (EcmlPeriodUnit) ecml_read_u8(r);
	if (period->unit > ECML_PERIOD_MONTH || (clock ? period->unit == ECML_PERIOD_NUMBER :
											  period->unit > ECML_PERIOD_NUMBER))
		ecml_read_corrupted(r, "a period is of no known unit");
	period->count = read_i64(r, period->unit == ECML_PERIOD_NONE ? 0 : 1, FAR);
	period->origin = read_i64(r, -FAR, FAR);
	period->month_day = ecml_read_u8(r);
	if (period->month_day > 31)
		ecml_read_corrupted(r, "a day of the month is out of range");
	period->day_time = read_i64(r, 0, ECML_DAY_US);
	if (period->unit == ECML_PERIOD_DAY || period->unit == ECML_PERIOD_MONTH || period->unit == ECML_PERIOD_BUSINESS)
		if (period->count > 1000000 || period->origin > 1000000000 || period->origin < -1000000000)
			ecml_read_corrupted(r, "a period is out of range");
}

static void *
read_model(EcmlReader *r, const EcmlSchema *schema)
{
	ForecastModel *model = ECML_NEW0(r->ctx, ForecastModel, 1);

	model->clock = ecml_read_bool(r);
	model->ds = ecml_host_read_text(r);
	model->y = ecml_host_read_text(r);
	model->series = ecml_host_read_text(r);
	model->n = (int) ecml_read_count(r, 50);
	model->stored = ECML_NEW0(r->ctx, ForecastStored, model->n);
	for (int i = 0; i < model->n; i++)
	{
		ForecastStored *s = &model->stored[i];
		uint32		count;
		double		reach;

		if (i % 1024 == 0)
			ecml_poll(r->ctx, 0, 0);
		s->name = read_text(r);
		s->problem = read_text(r);
		read_period(r, &s->period, model->clock);
		s->first = read_i64(r, -FAR, FAR);
		s->zeros = ecml_read_bool(r);
		s->nseasons = ecml_read_u8(r);
		if (s->nseasons > ECML_MAX_SEASONS)
			ecml_read_corrupted(r, "a series has too many seasons");
		for (int k = 0; k < s->nseasons; k++)
		{
			s->season[k] = ecml_read_finite(r);
			if (!(s->season[k] >= 1.5 && s->season[k] <= 100000))
				ecml_read_corrupted(r, "a season is out of range");
		}
		count = ecml_read_count(r, sizeof(double));
		if (count > VALUES_LIMIT)
			ecml_read_corrupted(r, "a series is too long");
		s->n = (int) count;
		s->y = ecml_read_f8s(r, s->n);
		for (int t = 0; t < s->n; t++)
			if (isinf(s->y[t]) || ((t == 0 || t == s->n - 1) && isnan(s->y[t]) && !s->zeros))
				ecml_read_corrupted(r, "a value of a series is none");
		s->method = ecml_read_u8(r);
		s->form = ecml_read_i32(r);
		count = ecml_read_count(r, sizeof(double));
		s->nparams = (int) count;
		s->params = ecml_read_finite_f8s(r, s->nparams);
		s->label = ecml_host_read_text(r);
		if (strlen(s->label) >= FORECAST_LABEL)
			ecml_read_corrupted(r, "a method's name is too long");
		if (s->method != 0 && (forecast_method_by_id(s->method) == NULL || s->n < 1 || s->problem))
			ecml_read_corrupted(r, "a series has a method that is not known, or nothing to forecast from");
		if (s->method == 0 && s->problem == NULL)
			ecml_read_corrupted(r, "a series has neither method nor problem");
		/* the whole of it, and what may be forecast, within the range of moments */
		reach = (fabs((double) s->first) + s->n + FORECAST_MAX_HORIZON) * (double) Max(s->period.count, 1);
		if (!(reach < (double) FAR) ||
			(s->period.unit >= ECML_PERIOD_DAY && !(reach < 1e11)))
			ecml_read_corrupted(r, "a series lies outside of time");
	}
	return model;
}

/* ---- forecasts */

bool
forecast_is_model(const char *name)
{
	List	   *names;
	bool		relation = false;
	bool		found = false;

	if (ecml_source_is_query(name) || strlen(name) > ECML_NAME_LIMIT)
		return false;
	if (SplitIdentifierString(pstrdup(name), '.', &names) && names != NIL && list_length(names) <= 3)
		relation = OidIsValid(RangeVarGetRelid(makeRangeVarFromNameList(ecml_qualified_name_list(name)), NoLock, true));
	if (relation)
		return false;
	/* names alone: whether the model may be used is decided when it is read */
	SPI_connect();
	if (SPI_execute_with_args("SELECT FROM ecml.models WHERE name OPERATOR(pg_catalog.=) $1 LIMIT 1", 1, (Oid[]) {25},
							  (Datum[]) {CStringGetTextDatum(name)}, NULL, true, 1) == SPI_OK_SELECT)
		found = SPI_processed > 0;
	SPI_finish();
	return found;
}

static bool is_forecaster(const EcmlAlgorithm *algorithm);

static EcmlModel *
open_model(const char *name, EcmlCatalogEntry *entry)
{
	EcmlModel  *model;

	ecml_catalog_check_name(name);
	ecml_catalog_get(name, 0, entry);
	model = ecml_model_read(ecml_catalog_body(entry), CurrentMemoryContext);
	if (!is_forecaster(model->algorithm))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("model \"%s\" does not forecast", name),
				 errdetail("Its algorithm is %s.", model->algorithm->name),
				 errhint("Use ecml_predict, or train one with auto, ets, theta, prophet, croston or another forecasting method.")));
	return model;
}

/* The options that the model was trained with, as a setup. */
static void
stored_setup(ForecastSetup *setup, const EcmlModel *model)
{
	static const EcmlOption seed_options[] = {
		ECML_OPT_INT64(ForecastOptions, seed, "seed", 0, (double) (INT64CONST(1) << 53)),
		ECML_OPT_END
	};
	EcmlOptionSet all[FORECAST_SETS + 3];
	bool		progress;
	const EcmlOption progress_option[] = {{"progress", ECML_OPTION_BOOL, 0, 0, 0, NULL, false}, ECML_OPT_END};

	*setup = forecast_setup_defaults;
	sets(setup, all);
	all[FORECAST_SETS + 1] = (EcmlOptionSet) {seed_options, &setup->given};
	all[FORECAST_SETS + 2] = (EcmlOptionSet) {progress_option, &progress};
	ecml_options_parse(model->algorithm->name, ecml_json_parse(model->options), all, FORECAST_SETS + 3);
	if (setup->given.method == NULL)
		setup->given.method = (char *) model->algorithm->name;
	forecast_setup_finish(setup);
	setup->seed = model->seed;
}

static void
series_of(const ForecastStored *s, EcmlSeries *series)
{
	memset(series, 0, sizeof(*series));
	series->name = s->name;
	series->problem = s->problem;
	series->n = s->n;
	series->y = s->y;
	series->period = s->period;
	series->first = s->first;
	series->nseasons = s->nseasons;
	memcpy(series->season, s->season, sizeof(series->season));
	series->filled = s->zeros ? ECML_FILL_ZERO : ECML_FILL_MISSING;
}

typedef struct ModelOptions
{
	EcmlNumberList level;
	double		floor;
	double		cap;
	Jsonb	   *only;
} ModelOptions;

static const EcmlOption model_options[] = {
	ECML_OPT_NUMBERS(ModelOptions, level, "level", 0.001, 99.999),
	ECML_OPT_FLOAT(ModelOptions, floor, "floor", -INFINITY, INFINITY),
	ECML_OPT_FLOAT(ModelOptions, cap, "cap", -INFINITY, INFINITY),
	ECML_OPT_LIST(ModelOptions, only, "only"),
	ECML_OPT_END
};

static bool
among(Jsonb *names, const char *name)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	value;

	if (names == NULL)
		return true;
	if (name == NULL)
		return false;
	iterator = JsonbIteratorInit(&names->root);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
		if (token == WJB_ELEM && value.val.string.len == (int) strlen(name) &&
			memcmp(value.val.string.val, name, value.val.string.len) == 0)
			return true;
	return false;
}

void
forecast_from_model(EcmlRows *rows, const char *name, int horizon, Jsonb *options)
{
	EcmlCatalogEntry entry;
	EcmlModel  *model = open_model(name, &entry);
	const ForecastModel *fitted = model->fitted;
	ForecastSetup *setup = palloc(sizeof(ForecastSetup));
	ModelOptions given = {.level = {.n = -1},.floor = NAN,.cap = NAN};
	EcmlOptionSet set = {model_options, &given};
	ForecastContext c;
	ForecastBlock *block = palloc(sizeof(ForecastBlock));

	ecml_options_parse("a forecast of a model", options, &set, 1);
	stored_setup(setup, model);
	setup->horizon = horizon;
	if (given.level.n > 0)
		forecast_setup_levels(setup, &given.level);
	if (!isnan(given.floor))
		setup->given.floor = given.floor;
	if (!isnan(given.cap))
		setup->given.cap = given.cap;
	forecast_context_init(&c);
	for (int next = 0; next < fitted->n;)
	{
		block->n = 0;
		for (; next < fitted->n && block->n < FORECAST_BLOCK; next++)
		{
			const ForecastStored *s = &fitted->stored[next];
			EcmlSeries *series = &block->series[block->n];
			ForecastTask *task = &block->tasks[block->n];

			CHECK_FOR_INTERRUPTS();
			if (!among(given.only, s->name))
				continue;
			series_of(s, series);
			memset(task, 0, sizeof(*task));
			if (s->problem == NULL && forecast_task_init(&c.ctx, setup, series, task))
			{
				task->method = forecast_method_by_id(s->method);
				task->fitted = true;
				task->fit.form = s->form;
				task->fit.nparams = s->nparams;
				task->fit.params = s->params;
				snprintf(task->fit.label, sizeof(task->fit.label), "%s", s->label);
			}
			block->n++;
		}
		forecast_block_run(&c.ctx, setup, block);
		for (int i = 0; i < block->n; i++)
			forecast_emit(rows, fitted->clock, setup, &block->series[i], &block->tasks[i]);
		forecast_context_reset(&c);
	}
	MemoryContextDelete(c.context);
}

/* ---- update */

typedef struct Known
{
	const ForecastModel *model;
	int			at;				/* the last one asked for: names come in order */
} Known;

static int
compare_names(const char *a, const char *b)
{
	if (a == NULL || b == NULL)
		return (a == NULL) - (b == NULL);
	return strcmp(a, b);
}

static int
find_stored(const ForecastModel *model, const char *name)
{
	int			low = 0;
	int			high = model->n;

	while (low < high)
	{
		int			middle = (low + high) / 2;

		if (compare_names(model->stored[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < model->n && compare_names(model->stored[low].name, name) == 0 ? low : -1;
}

static const EcmlPeriod *
known_period(void *arg, const char *name)
{
	const ForecastModel *model = arg;
	int			at = find_stored(model, name);

	if (at >= 0 && model->stored[at].method != 0)
		return &model->stored[at].period;
	/* a new one is kept as the others are */
	for (int i = 0; i < model->n; i++)
		if (model->stored[i].method != 0)
			return &model->stored[i].period;
	return NULL;
}

/* Append the values of a series to what is stored of it; those of stored periods replace them. */
static void
append(MemoryContext context, ForecastStored *s, const EcmlSeries *series)
{
	int64		last = Max(s->first + s->n, series->first + series->n);
	int			n = (int) (last - s->first);
	double	   *y;

	if (last - s->first > VALUES_LIMIT)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a series would get too long"),
				 errdetail("Series \"%s\" would have more than %d periods.", s->name ? s->name : "", VALUES_LIMIT),
				 errhint("Train the model again on fewer periods.")));
	y = MemoryContextAllocExtended(context, n * sizeof(double), MCXT_ALLOC_HUGE);
	for (int t = 0; t < n; t++)
		y[t] = t < s->n ? s->y[t] : s->zeros ? 0 : NAN;
	for (int t = 0; t < series->n; t++)
	{
		int64		place = series->first + t - s->first;

		if (place >= 0 && !isnan(series->y[t]))
			y[place] = series->y[t];
	}
	s->y = y;
	s->n = n;
}

/* Series without new rows, where no row means zero, end with the others. */
static void
lengthen(MemoryContext context, ForecastModel *model)
{
	for (int i = 0; i < model->n; i++)
	{
		ForecastStored *s = &model->stored[i];
		int64		last = PG_INT64_MIN;

		if (!s->zeros || s->method == 0)
			continue;
		for (int k = i; k < model->n; k++)
		{
			const ForecastStored *o = &model->stored[k];

			if (o->zeros && o->method != 0 && memcmp(&o->period, &s->period, sizeof(EcmlPeriod)) == 0)
				last = Max(last, o->first + o->n);
		}
		/* the first of its kind tells the end of all */
		for (int k = i; k < model->n; k++)
		{
			ForecastStored *o = &model->stored[k];

			if (o->zeros && o->method != 0 && memcmp(&o->period, &s->period, sizeof(EcmlPeriod)) == 0 && o->first + o->n < last &&
				last - o->first <= VALUES_LIMIT)
			{
				EcmlSeries	nothing = {.first = last,.n = 0};

				append(context, o, &nothing);
			}
		}
		break;
	}
}

PG_FUNCTION_INFO_V1(ecml_update);

enum
{
	UPDATED_VERSION, UPDATED_SERIES, UPDATED_NEW, UPDATED_ROWS, UPDATED_SKIPPED, UPDATED_COLUMNS
};

/* ecml_update(model text, source text): version int, series, new_series, rows, skipped bigint */
Datum
ecml_update(PG_FUNCTION_ARGS)
{
	TupleDesc	desc = ecml_composite_desc(fcinfo);
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(caller, "ecml update", ALLOCSET_DEFAULT_SIZES);
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char	   *source = text_to_cstring(PG_GETARG_TEXT_PP(1));
	EcmlCatalogEntry entry;
	EcmlProvenance provenance = {0};
	EcmlModel  *model;
	ForecastModel *fitted;
	ForecastModel fresh = {0};
	ForecastSetup *setup;
	EcmlSeriesOptions options;
	EcmlSeriesReader *reader;
	EcmlSeries	series;
	ForecastContext c;
	char	   *algorithm;
	Oid			owner;
	int64		updated = 0;
	int64		rows = 0;
	struct varlena *body;
	Datum		values[UPDATED_COLUMNS];
	bool		nulls[UPDATED_COLUMNS] = {false};

	PreventCommandIfReadOnly("ecml_update()");
	MemoryContextSwitchTo(context);
	ecml_catalog_check_owner(name, false);
	model = open_model(name, &entry);
	fitted = model->fitted;
	setup = palloc(sizeof(ForecastSetup));
	stored_setup(setup, model);
	/* the columns are those of the training, unless the source has others that fit */
	options = setup->series;
	options.ds = fitted->ds;
	options.y = strcmp(fitted->y, "count") == 0 && options.aggregate == ECML_SERIES_COUNT ? NULL : fitted->y;
	options.series = fitted->series[0] ? fitted->series : NULL;
	options.period_of = known_period;
	options.period_arg = fitted;
	reader = ecml_series_open(source, NULL, NULL, NULL, &options, 1);
	if (ecml_series_count(reader) > 0 && ecml_series_has_clock(reader) != fitted->clock)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the time column is of another kind than the model's"),
				 errdetail(fitted->clock ? "The model was trained on dates or timestamps." :
						   "The model was trained on whole-number periods."),
				 errhint("Give rows such as those that it was trained on.")));
	forecast_context_init(&c);
	while (ecml_series_next(reader, &c.ctx, &series))
	{
		int			at = find_stored(fitted, series.name);

		CHECK_FOR_INTERRUPTS();
		if (series.problem == NULL && at >= 0 && fitted->stored[at].method != 0)
		{
			append(context, &fitted->stored[at], &series);
			updated++;
		}
		forecast_context_reset(&c);
	}
	/* series that are not known yet, or could not be fitted before, are fitted now */
	ecml_series_rewind(reader);
	{
		ForecastTask task;
		int64		new = 0;

		while (ecml_series_next(reader, &c.ctx, &series))
		{
			int			at = find_stored(fitted, series.name);
			ForecastStored *into;

			CHECK_FOR_INTERRUPTS();
			rows += series.rows;
			if (at >= 0 && fitted->stored[at].method != 0)
				continue;
			setup->horizon = usual_horizon(&series);
			if (forecast_task_init(&c.ctx, setup, &series, &task))
			{
				task.fit_only = true;
				forecast_run(&c.ctx, &task, 1);
			}
			if (at >= 0)
				into = &fitted->stored[at];
			else
			{
				if (fresh.stored == NULL)
					fresh.stored = MemoryContextAllocHuge(context, ecml_series_count(reader) * sizeof(ForecastStored));
				into = &fresh.stored[fresh.n++];
			}
			keep(context, into, &series, &task);
			new += task.method != NULL && task.status == FORECAST_OK;
			forecast_context_reset(&c);
		}
		values[UPDATED_NEW] = Int64GetDatum(new);
	}
	/* both lists are in order */
	if (fresh.n > 0)
	{
		ForecastStored *all = MemoryContextAllocHuge(context, (Size) (fitted->n + fresh.n) * sizeof(ForecastStored));
		int			i = 0;
		int			k = 0;

		for (int at = 0; at < fitted->n + fresh.n; at++)
			all[at] = k == fresh.n || (i < fitted->n && compare_names(fitted->stored[i].name, fresh.stored[k].name) < 0) ?
				fitted->stored[i++] : fresh.stored[k++];
		fitted->stored = all;
		fitted->n += fresh.n;
	}
	lengthen(context, fitted);
	model->rows += ecml_series_rows(reader);
	model->skipped += ecml_series_skipped(reader);
	values[UPDATED_SERIES] = Int64GetDatum(updated);
	values[UPDATED_ROWS] = Int64GetDatum(ecml_series_rows(reader));
	values[UPDATED_SKIPPED] = Int64GetDatum(ecml_series_skipped(reader));
	ecml_series_close(reader);
	MemoryContextDelete(c.context);
	model->metrics = metrics_of(fitted);

	/* the bytes are made outside of the model's own budget, which is that of a reader */
	ecml_host_init(&model->ctx, &model->host, context, (size_t) ecml_guc_work_mem * 1024, 0);
	SPI_connect();
	ecml_catalog_provenance(name, &algorithm, &provenance, &owner);
	body = ecml_model_write(model);
	ecml_model_verify(body);
	values[UPDATED_VERSION] = Int32GetDatum(ecml_catalog_insert(name, model, body, &provenance, NULL));
	SPI_finish();
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
	return ecml_composite(desc, values, nulls);
}

/* ---- the algorithms */

/* ecml_evaluate: rolling origins have ecml_backtest */
static void
evaluate(const EcmlModel *model, int64 model_id, const char *source, Jsonb *options, EcmlJson *json)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("forecasts are evaluated from rolling origins"),
			 errdetail("The model's algorithm is %s.", model->algorithm->name),
			 errhint("Call ecml_backtest(source, horizon, options => '{\"methods\": [\"%s\"]}').", model->algorithm->name)));
}

static const EcmlOwnTraining own = {
	.train = train,
	.evaluate = evaluate,
	.use = "ecml_forecast",
	.sets = sets
};

/* all options come by sets */
static const EcmlOption none[] = {ECML_OPT_END};

#define FORECASTER(number, word, text) \
	extern const EcmlAlgorithm ecml_algorithm_##word; \
	const EcmlAlgorithm ecml_algorithm_##word = { \
		.id = number, \
		.name = text, \
		.task = ECML_FORECASTING, \
		.target = ECML_TARGET_NONE, \
		.options = none, \
		.params_size = sizeof(ForecastSetup), \
		.defaults = &forecast_setup_defaults, \
		.own = &own, \
		.write = write_model, \
		.read = read_model, \
	}

FORECASTER(40, auto_forecast, "auto");
FORECASTER(41, ets, "ets");
FORECASTER(42, holt_winters, "holt_winters");
FORECASTER(43, theta, "theta");
FORECASTER(44, croston, "croston");
FORECASTER(45, prophet, "prophet");
FORECASTER(46, arima, "arima");
FORECASTER(47, mstl, "mstl");
FORECASTER(48, naive, "naive");
FORECASTER(49, seasonal_naive, "seasonal_naive");
FORECASTER(50, drift, "drift");
FORECASTER(51, sba, "sba");
FORECASTER(52, tsb, "tsb");
FORECASTER(53, adida, "adida");
FORECASTER(54, imapa, "imapa");

static bool
is_forecaster(const EcmlAlgorithm *algorithm)
{
	return algorithm->own == &own;
}
