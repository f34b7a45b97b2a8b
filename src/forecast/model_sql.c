/*
 * model_sql.c - stored forecasting models: ecml_train, ecml_forecast(model => ...)
 *
 * A model keeps the values of each series and the parameters that were fitted to them.  Forecasting runs the values through the
 * method with these parameters, which takes microseconds, where the fit took milliseconds.  Regressors are kept as far into the
 * future as the source had them.  Holidays of a table are kept as days: a forecast reads nothing but the model, so that a role
 * to which it was granted runs none of its owner's queries.  New rows: model_rows_sql.c.
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
#include "forecast/holidays.h"
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
int
forecast_usual_horizon(const EcmlSeries *series)
{
	int			horizon = 12;

	if (series->nseasons > 0)
		horizon = (int) series->season[0];
	return Max(6, Min(48, horizon));
}

double *
forecast_regressors(EcmlCtx *ctx, const double *x, int nx, int from, int to)
{
	double	   *wide = ECML_NEW(ctx, double, (size_t) nx * to);

	for (int k = 0; k < nx; k++)
		for (int t = 0; t < to; t++)
			wide[(size_t) k * to + t] = t < from ? x[(size_t) k * from + t] : NAN;
	return wide;
}

int
forecast_known_ahead(const double *x, int nx, int n, int ahead)
{
	int			known = 0;

	for (int k = 0; k < nx; k++)
		for (int t = n + ahead - 1; t >= n + known; t--)
			if (!isnan(x[(size_t) k * (n + ahead) + t]))
			{
				known = t - n + 1;
				break;
			}
	return known;
}

void
forecast_model_keep(MemoryContext context, ForecastStored *stored, const EcmlSeries *series, int ahead, const ForecastTask *task)
{
	MemoryContext old = MemoryContextSwitchTo(context);

	memset(stored, 0, sizeof(*stored));
	stored->name = series->name ? pstrdup(series->name) : NULL;
	stored->period = series->period;
	stored->first = series->first;
	stored->n = series->n;
	/* an infinite value is a problem, and none of the numbers that are kept */
	for (int t = 0; t < stored->n; t++)
		if (isinf(series->y[t]))
			stored->n = 0;
	stored->y = palloc_extended(Max(stored->n, 1) * sizeof(double), MCXT_ALLOC_HUGE);
	if (stored->n > 0)
		memcpy(stored->y, series->y, stored->n * sizeof(double));
	if (series->nx > 0 && stored->n > 0)
	{
		int			width;

		stored->ahead = forecast_known_ahead(series->x, series->nx, series->n, ahead);
		width = stored->n + stored->ahead;
		stored->x = palloc_extended((Size) series->nx * width * sizeof(double), MCXT_ALLOC_HUGE);
		for (int k = 0; k < series->nx; k++)
			for (int t = 0; t < width; t++)
			{
				double		v = series->x[(size_t) k * (series->n + ahead) + t];

				stored->x[(size_t) k * width + t] = isinf(v) ? NAN : v;
			}
	}
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
fit_all(MemoryContext context, const ForecastSetup *given, EcmlSeriesReader *reader, int ahead, ForecastModel *model)
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

			setup.horizon = given->horizon > 0 ? given->horizon : forecast_usual_horizon(series);
			if (forecast_task_init(&c.ctx, &setup, series, task) && series->nx > 0)
				task->in.x = forecast_regressors(&c.ctx, series->x, series->nx, series->n + ahead, series->n + setup.horizon);
			task->fit_only = true;
			n += series->n * (1 + series->nx);
			block->n++;
		}
		if (block->n == 0)
			break;
		forecast_block_run(&c.ctx, NULL, block);
		if (model->stored == NULL)
			model->stored = MemoryContextAllocHuge(context, Max(ecml_series_count(reader), 1) * sizeof(ForecastStored));
		for (int i = 0; i < block->n; i++)
			forecast_model_keep(context, &model->stored[model->n++], &block->series[i], ahead, &block->tasks[i]);
		forecast_context_reset(&c);
	}
	MemoryContextDelete(c.context);
	pfree(block);
}

char *
forecast_model_metrics(const ForecastModel *model)
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

/* Of the training's options, in the current memory. */
static void
copy_holidays(ForecastModel *fitted, const ProphetOptions *options)
{
	fitted->nholidays = options->n_holidays;
	fitted->holidays = palloc_extended(Max(options->n_holidays, 1) * sizeof(ProphetHoliday), MCXT_ALLOC_HUGE);
	for (int i = 0; i < options->n_holidays; i++)
	{
		ProphetHoliday *to = &fitted->holidays[i];
		int64	   *days = palloc(Max(options->holidays[i].n_days, 1) * sizeof(int64));

		*to = options->holidays[i];
		to->name = pstrdup(to->name);
		if (to->n_days > 0)
			memcpy(days, to->days, to->n_days * sizeof(int64));
		to->days = (const int64_t *) days;
	}
}

/* Where values that are too large leave no series to forecast, there is no model. */
static void
check_values(const ForecastModel *model)
{
	const ForecastStored *large = NULL;

	for (int i = 0; i < model->n; i++)
	{
		if (model->stored[i].method != 0)
			return;
		if (large == NULL && strcmp(model->stored[i].problem, ECML_SERIES_TOO_LARGE) == 0)
			large = &model->stored[i];
	}
	if (large)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("there is no series that could be forecast"),
				 large->name ? errdetail("Series \"%s\": %s.", large->name, large->problem) :
				 errdetail("The series of \"%s\": %s.", model->y, large->problem),
				 errhint("Take logarithms, or other units, in the source.")));
}

static EcmlModel *
train(MemoryContext context, const EcmlTraining *training, const EcmlRequest *request, void **parts)
{
	ForecastSetup *setup = training->params;
	ForecastModel *fitted = MemoryContextAllocZero(context, sizeof(ForecastModel));
	EcmlSeriesReader *reader;
	EcmlModel  *model;
	int			ahead;
	MemoryContext old;
	const char *method = setup->given.method;

	if (request->nfeatures > 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s takes no features", training->algorithm->name),
				 errdetail("Features are given."),
				 errhint("The source's columns are the time (option \"ds\"), the value (the target), and those that name the series "
						 "(option \"series\").")));
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
	ahead = setup->series.regressors == NULL ? 1 : setup->horizon > 0 ? setup->horizon : FORECAST_USUAL_AHEAD;
	reader = ecml_series_open(request->source, NULL, request->target, NULL, &setup->series, ahead);
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
	fitted->nx = ecml_series_regressors(reader);
	copy_holidays(fitted, &setup->prophet.method);
	MemoryContextSwitchTo(old);
	fit_all(context, setup, reader, ahead, fitted);
	check_values(fitted);
	model = ecml_model_begin(context, training);
	model->fitted = fitted;
	model->rows = ecml_series_rows(reader);
	model->skipped = ecml_series_skipped(reader);
	ecml_series_close(reader);
	old = MemoryContextSwitchTo(context);
	model->metrics = forecast_model_metrics(fitted);
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
	ecml_write_u32(w, model->nx);
	ecml_write_u32(w, model->nholidays);
	for (int i = 0; i < model->nholidays; i++)
	{
		const ProphetHoliday *h = &model->holidays[i];

		/* a rule by its name: numbers are the library's own */
		ecml_write_string(w, h->name);
		ecml_write_u8(w, h->rule >= 0);
		ecml_write_i32(w, h->lower_window);
		ecml_write_i32(w, h->upper_window);
		ecml_write_f8(w, h->prior_scale);
		ecml_write_u32(w, h->n_days);
		for (int k = 0; k < h->n_days; k++)
			ecml_write_u64(w, h->days[k]);
	}
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
		ecml_write_u32(w, s->ahead);
		if (s->n > 0)
			ecml_write_f8s(w, s->x, (size_t) model->nx * (s->n + s->ahead));
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

static void
read_holidays(EcmlReader *r, ForecastModel *model)
{
	model->nholidays = (int) ecml_read_count(r, 25);
	model->holidays = ECML_NEW0(r->ctx, ProphetHoliday, model->nholidays);
	for (int i = 0; i < model->nholidays; i++)
	{
		ProphetHoliday *h = &model->holidays[i];
		int64	   *days;

		h->name = ecml_host_read_text(r);
		h->rule = ecml_read_bool(r) ? holidays_find(h->name) : -1;
		h->lower_window = ecml_read_i32(r);
		h->upper_window = ecml_read_i32(r);
		h->prior_scale = ecml_read_finite(r);
		h->n_days = (int) ecml_read_count(r, sizeof(int64));
		days = ECML_NEW(r->ctx, int64, h->n_days);
		for (int k = 0; k < h->n_days; k++)
		{
			days[k] = read_i64(r, -1000000000, 1000000000);
			if (k > 0 && days[k] < days[k - 1])
				ecml_read_corrupted(r, "the days of a holiday are not in order");
		}
		h->days = (const int64_t *) days;
		if (h->rule < 0 && h->n_days == 0)
			ecml_read_corrupted(r, "a holiday has neither rule nor days");
	}
	{
		ProphetOptions options = PROPHET_OPTION_DEFAULTS;

		options.holidays = model->holidays;
		options.n_holidays = model->nholidays;
		if (prophet_options_check(&options))
			ecml_read_corrupted(r, "a holiday is out of range");
	}
}

static void *
read_model(EcmlReader *r, const EcmlSchema *schema)
{
	ForecastModel *model = ECML_NEW0(r->ctx, ForecastModel, 1);

	model->clock = ecml_read_bool(r);
	model->ds = ecml_host_read_text(r);
	model->y = ecml_host_read_text(r);
	model->series = ecml_host_read_text(r);
	model->nx = (int) ecml_read_u32_in(r, 0, MaxTupleAttributeNumber);
	read_holidays(r, model);
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
		s->ahead = (int) ecml_read_u32_in(r, 0, model->nx > 0 && s->n > 0 ? FORECAST_MAX_HORIZON : 0);
		s->x = s->n > 0 ? ecml_read_f8s(r, (size_t) model->nx * (s->n + s->ahead)) : NULL;
		for (size_t k = 0; s->n > 0 && k < (size_t) model->nx * (s->n + s->ahead); k++)
			if (isinf(s->x[k]))
				ecml_read_corrupted(r, "a regressor is infinite");
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

static bool is_forecaster(const EcmlAlgorithm *algorithm);

bool
forecast_is_model(const char *name)
{
	List	   *names;
	bool		relation = false;
	bool		found = false;
	bool		forecasts = false;

	if (ecml_source_is_query(name) || strlen(name) > ECML_NAME_LIMIT)
		return false;
	if (SplitIdentifierString(pstrdup(name), '.', &names) && names != NIL && list_length(names) <= 3)
		relation = OidIsValid(RangeVarGetRelid(makeRangeVarFromNameList(ecml_qualified_name_list(name)), NoLock, true));
	/* names alone: whether the model may be used is decided when it is read */
	SPI_connect();
	if (SPI_execute_with_args("SELECT algorithm FROM ecml.models WHERE name OPERATOR(pg_catalog.=) $1 AND active LIMIT 1", 1,
							  (Oid[]) {TEXTOID}, (Datum[]) {CStringGetTextDatum(name)}, NULL, true, 1) == SPI_OK_SELECT &&
		SPI_processed > 0)
	{
		char	   *algorithm = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
		const EcmlAlgorithm *known = algorithm ? ecml_algorithm_by_name(algorithm) : NULL;

		found = true;
		forecasts = known && is_forecaster(known);
	}
	SPI_finish();
	/* a model that somebody makes must not change what a statement reads; but it is told */
	if (relation && forecasts)
		ereport(NOTICE,
				(errmsg("\"%s\" is a relation and a model: the rows of the relation are forecast", name),
				 errhint("For the model write model => %s; for the relation alone its name with the schema.", quote_literal_cstr(name))));
	return found && !relation;
}

EcmlModel *
forecast_model_open(const char *name, EcmlCatalogEntry *entry)
{
	EcmlModel  *model;

	ecml_catalog_check_name(name);
	ecml_catalog_get(name, entry);
	model = ecml_model_read(ecml_catalog_body(entry), CurrentMemoryContext);
	if (!is_forecaster(model->algorithm))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("model \"%s\" does not forecast", name),
				 errdetail("Its algorithm is %s.", model->algorithm->name),
				 errhint("Use ecml_predict, or train one with auto, ets, theta, prophet, croston or another forecasting method.")));
	return model;
}

void
forecast_model_setup(ForecastSetup *setup, const EcmlModel *model)
{
	const ForecastModel *fitted = model->fitted;
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
	/* the days are the model's */
	setup->prophet.holidays = NULL;
	setup->prophet.holiday_table = NULL;
	forecast_setup_finish(setup);
	setup->prophet.method.holidays = fitted->holidays;
	setup->prophet.method.n_holidays = fitted->nholidays;
	setup->seed = model->seed;
}

EcmlSeriesOptions
forecast_model_columns(const ForecastSetup *setup, const ForecastModel *fitted)
{
	EcmlSeriesOptions options = setup->series;

	options.ds = fitted->ds;
	options.y = strcmp(fitted->y, "count") == 0 && options.aggregate == ECML_SERIES_COUNT ? NULL : fitted->y;
	options.series = fitted->series[0] ? fitted->series : NULL;
	return options;
}

void
forecast_model_series(EcmlCtx *ctx, const ForecastModel *fitted, const ForecastStored *s, int horizon, EcmlSeries *series)
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
	if (fitted->nx > 0 && s->n > 0)
	{
		series->nx = fitted->nx;
		series->x = forecast_regressors(ctx, s->x, fitted->nx, s->n + s->ahead, s->n + horizon);
	}
}

void
forecast_model_task(EcmlCtx *ctx, const ForecastSetup *setup, const ForecastStored *s, EcmlSeries *series, ForecastTask *task)
{
	memset(task, 0, sizeof(*task));
	if (s->problem != NULL || !forecast_task_init(ctx, setup, series, task))
		return;
	task->method = forecast_method_by_id(s->method);
	task->fitted = true;
	task->fit.form = s->form;
	task->fit.nparams = s->nparams;
	task->fit.params = s->params;
	snprintf(task->fit.label, sizeof(task->fit.label), "%s", s->label);
}

const EcmlOption forecast_model_options[] = {
	ECML_OPT_NUMBERS(ForecastModelOptions, level, "level", 0.001, 99.999),
	ECML_OPT_FLOAT(ForecastModelOptions, floor, "floor", -INFINITY, INFINITY),
	ECML_OPT_FLOAT(ForecastModelOptions, cap, "cap", -INFINITY, INFINITY),
	ECML_OPT_LIST(ForecastModelOptions, only, "only"),
	ECML_OPT_END
};

bool
forecast_model_wants(const ForecastModelOptions *given, const char *name)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	value;

	if (given->only == NULL)
		return true;
	if (name == NULL)
		return false;
	iterator = JsonbIteratorInit(&given->only->root);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
		if (token == WJB_ELEM && value.val.string.len == (int) strlen(name) &&
			memcmp(value.val.string.val, name, value.val.string.len) == 0)
			return true;
	return false;
}

void
forecast_model_parse(ForecastSetup *setup, const EcmlModel *model, const char *what, Jsonb *options, ForecastModelOptions *given)
{
	EcmlOptionSet set = {forecast_model_options, given};

	*given = (ForecastModelOptions) {.level = {.n = -1},.floor = NAN,.cap = NAN};
	ecml_options_parse(what, options, &set, 1);
	forecast_model_setup(setup, model);
	if (given->level.n > 0)
		forecast_setup_levels(setup, &given->level);
	if (!isnan(given->floor))
		setup->given.floor = given->floor;
	if (!isnan(given->cap))
		setup->given.cap = given->cap;
}

/* A column that is named beside a model must be the model's own. */
static void
check_column(const char *given, const char *own, const char *argument)
{
	if (given && strcmp(given, own) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" is not that of the model", argument),
				 own[0] ? errdetail("It is \"%s\", the model was trained with \"%s\".", given, own) :
				 errdetail("It is \"%s\", the model has one series only.", given),
				 errhint("Leave it out: a stored model knows its columns. Series are chosen by the option \"only\": [\"name\"].")));
}

void
forecast_from_model(EcmlRows *rows, const char *name, int horizon, char *const *columns, Jsonb *options)
{
	EcmlCatalogEntry entry;
	EcmlModel  *model = forecast_model_open(name, &entry);
	const ForecastModel *fitted = model->fitted;
	ForecastSetup *setup = palloc(sizeof(ForecastSetup));
	ForecastModelOptions given;
	ForecastContext c;
	ForecastBlock *block = palloc(sizeof(ForecastBlock));

	check_column(columns[0], fitted->ds, "ds");
	check_column(columns[1], fitted->y, "y");
	check_column(columns[2], fitted->series, "series");
	forecast_model_parse(setup, model, "a forecast of a model", options, &given);
	setup->horizon = horizon;
	forecast_context_init(&c);
	for (int next = 0; next < fitted->n;)
	{
		block->n = 0;
		for (; next < fitted->n && block->n < FORECAST_BLOCK; next++)
		{
			const ForecastStored *s = &fitted->stored[next];
			EcmlSeries *series = &block->series[block->n];

			CHECK_FOR_INTERRUPTS();
			if (!forecast_model_wants(&given, s->name))
				continue;
			forecast_model_series(&c.ctx, fitted, s, horizon, series);
			forecast_model_task(&c.ctx, setup, s, series, &block->tasks[block->n]);
			block->n++;
		}
		forecast_block_run(&c.ctx, setup, block);
		for (int i = 0; i < block->n; i++)
			forecast_emit(rows, fitted->clock, setup, &block->series[i], &block->tasks[i]);
		forecast_context_reset(&c);
	}
	MemoryContextDelete(c.context);
}

/* ---- the algorithms */

static const EcmlOwnTraining own = {
	.train = train,
	.evaluate = forecast_model_evaluate,
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
