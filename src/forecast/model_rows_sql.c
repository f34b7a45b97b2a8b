/*
 * model_rows_sql.c - new rows of stored forecasting models: ecml_update takes them in, ecml_evaluate compares them with forecasts
 *
 * ecml_update appends new values, and replaces those of periods that come again; parameters stay.  So a nightly update costs as
 * much as reading the rows.  Series that are new, or had too few values before, are fitted.
 *
 * ecml_evaluate forecasts as far as the source's rows reach, and compares what lies after the values that the model has.
 */
#include "core/compat.h"

#include <math.h>

#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "core/guc.h"
#include "core/json.h"
#include "core/result.h"
#include "core/trainer.h"
#include "forecast/model_sql.h"
#include "forecast/score.h"

/* ---- series by name */

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

	if (at >= 0 && (model->stored[at].method != 0 || model->stored[at].n > 0))
		return &model->stored[at].period;
	/* a new one is kept as the others are */
	for (int i = 0; i < model->n; i++)
		if (model->stored[i].method != 0)
			return &model->stored[i].period;
	return NULL;
}

/*
 * Append the values of a series to what is stored of it; those of stored periods replace them.  So with regressors, which
 * series->x has ahead periods more of.
 */
static void
append(MemoryContext context, const ForecastModel *model, ForecastStored *s, const EcmlSeries *series, int ahead)
{
	int64		last = Max(s->first + s->n, series->first + series->n);
	int			n = (int) (last - s->first);
	double	   *y;

	if (last - s->first > ECML_SERIES_LIMIT)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a series would get too long"),
				 errdetail("Series \"%s\" would have more than %d periods.", s->name ? s->name : "", ECML_SERIES_LIMIT),
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
	if (model->nx > 0)
	{
		int			from = s->n + s->ahead;
		int64		known = Max(s->first + from, series->first + series->n +
								(series->n > 0 ? forecast_known_ahead(series->x, model->nx, series->n, ahead) : 0));
		int			width = (int) Min(Max(known, last) - s->first, n + FORECAST_MAX_HORIZON);
		double	   *x = MemoryContextAllocExtended(context, (Size) model->nx * width * sizeof(double), MCXT_ALLOC_HUGE);

		for (int k = 0; k < model->nx; k++)
		{
			double	   *row = x + (size_t) k * width;

			for (int t = 0; t < width; t++)
				row[t] = t < from ? s->x[(size_t) k * from + t] : NAN;
			for (int t = 0; series->n > 0 && t < series->n + ahead; t++)
			{
				int64		place = series->first + t - s->first;
				double		v = series->x[(size_t) k * (series->n + ahead) + t];

				if (place >= 0 && place < width && isfinite(v))
					row[place] = v;
			}
		}
		s->x = x;
		s->ahead = width - n;
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
				last - o->first <= ECML_SERIES_LIMIT)
			{
				EcmlSeries	nothing = {.first = last,.n = 0};

				append(context, model, o, &nothing, 0);
			}
		}
		break;
	}
}

/* The rows of a source, by the columns and periods of the training. */
static EcmlSeriesReader *
open_rows(const ForecastModel *fitted, const ForecastSetup *setup, const char *source, int ahead)
{
	EcmlSeriesOptions options = forecast_model_columns(setup, fitted);
	EcmlSeriesReader *reader;

	options.period_of = known_period;
	options.period_arg = (void *) fitted;
	reader = ecml_series_open(source, NULL, NULL, NULL, &options, ahead);
	if (ecml_series_count(reader) > 0 && ecml_series_has_clock(reader) != fitted->clock)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the time column is of another kind than the model's"),
				 errdetail(fitted->clock ? "The model was trained on dates or timestamps." :
						   "The model was trained on whole-number periods."),
				 errhint("Give rows such as those that it was trained on.")));
	return reader;
}

/* ---- update */

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
	EcmlSeriesReader *reader;
	EcmlSeries	series;
	int			ahead;
	ForecastContext c;
	char	   *algorithm;
	Oid			owner;
	int64		updated = 0;
	struct varlena *body;
	Datum		values[UPDATED_COLUMNS];
	bool		nulls[UPDATED_COLUMNS] = {false};

	PreventCommandIfReadOnly("ecml_update()");
	MemoryContextSwitchTo(context);
	ecml_catalog_check_owner(name, false);
	model = forecast_model_open(name, &entry);
	fitted = model->fitted;
	setup = palloc(sizeof(ForecastSetup));
	forecast_model_setup(setup, model);
	ahead = fitted->nx == 0 ? 1 : setup->horizon > 0 ? setup->horizon : FORECAST_USUAL_AHEAD;
	reader = open_rows(fitted, setup, source, ahead);
	forecast_context_init(&c);
	while (ecml_series_next(reader, &c.ctx, &series))
	{
		int			at = find_stored(fitted, series.name);

		CHECK_FOR_INTERRUPTS();
		if (series.problem == NULL && at >= 0 && fitted->stored[at].method != 0)
		{
			append(context, fitted, &fitted->stored[at], &series, ahead);
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
			int			known = ahead;
			ForecastStored *into;

			CHECK_FOR_INTERRUPTS();
			if (at >= 0 && fitted->stored[at].method != 0)
				continue;
			/* what is stored of one that could not be fitted yet comes before */
			if (at >= 0 && fitted->stored[at].n > 0 && series.problem == NULL &&
				memcmp(&fitted->stored[at].period, &series.period, sizeof(EcmlPeriod)) == 0)
			{
				EcmlSeries	newer = series;

				append(context, fitted, &fitted->stored[at], &newer, ahead);
				known = fitted->stored[at].ahead;
				forecast_model_series(&c.ctx, fitted, &fitted->stored[at], known, &series);
				series.problem = NULL;
				series.nseasons = newer.nseasons;
				memcpy(series.season, newer.season, sizeof(series.season));
			}
			setup->horizon = forecast_usual_horizon(&series);
			if (forecast_task_init(&c.ctx, setup, &series, &task))
			{
				if (series.nx > 0)
					task.in.x = forecast_regressors(&c.ctx, series.x, series.nx, series.n + known, series.n + setup->horizon);
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
			forecast_model_keep(context, into, &series, known, &task);
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
	model->metrics = forecast_model_metrics(fitted);

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

/* ---- evaluation */

void
forecast_model_evaluate(const EcmlModel *model, int64 model_id, const char *source, Jsonb *options, EcmlJson *json)
{
	const ForecastModel *fitted = model->fitted;
	ForecastSetup *setup = palloc(sizeof(ForecastSetup));
	ForecastModelOptions given;
	ForecastScore all = {0};
	ForecastMeasures measures;
	ForecastContext c;
	EcmlSeriesReader *reader;
	EcmlSeries	rows;
	int			ahead = fitted->nx > 0 ? FORECAST_USUAL_AHEAD : 1;
	int64		compared = 0;
	int64		unknown = 0;

	forecast_model_parse(setup, model, "ecml_evaluate", options, &given);
	reader = open_rows(fitted, setup, source, ahead);
	forecast_context_init(&c);
	while (ecml_series_next(reader, &c.ctx, &rows))
	{
		int			at = find_stored(fitted, rows.name);
		const ForecastStored *stored = at >= 0 ? &fitted->stored[at] : NULL;
		EcmlSeries	series;
		ForecastTask task;
		int64		end;
		double		scale;
		size_t		shown;

		CHECK_FOR_INTERRUPTS();
		if (!forecast_model_wants(&given, rows.name) || rows.problem)
			continue;
		if (stored == NULL || stored->method == 0)
		{
			unknown++;
			continue;
		}
		end = stored->first + stored->n;
		if (rows.first + rows.n <= end || rows.first + rows.n - end > FORECAST_MAX_HORIZON)
			continue;
		setup->horizon = (int) (rows.first + rows.n - end);
		forecast_model_series(&c.ctx, fitted, stored, setup->horizon, &series);
		/* regressors as the rows have them */
		for (int k = 0; k < series.nx; k++)
			for (int h = 0; h < setup->horizon; h++)
			{
				int64		t = end + h - rows.first;
				double		v = t >= 0 ? rows.x[(size_t) k * (rows.n + ahead) + t] : NAN;

				if (isfinite(v))
					series.x[(size_t) k * (series.n + setup->horizon) + series.n + h] = v;
			}
		forecast_model_task(&c.ctx, setup, stored, &series, &task);
		if (task.method)
		{
			forecast_run(&c.ctx, &task, 1);
			forecast_clip(setup, &task);
		}
		scale = forecast_scale(stored->y, stored->n, task.in.nperiods > 0 ? task.in.periods[0] : 1);
		shown = (size_t) setup->shown * setup->horizon;
		for (int h = 0; h < setup->horizon; h++)
		{
			int64		t = end + h - rows.first;

			if (t < 0 || isnan(rows.y[t]))
				continue;
			if (task.method && task.status == FORECAST_OK)
				forecast_score(&all, task.result.mean[h], rows.y[t], task.result.lower[shown + h], task.result.upper[shown + h], scale);
			else
				all.failed++;
		}
		compared++;
		forecast_context_reset(&c);
	}
	MemoryContextDelete(c.context);
	ecml_series_close(reader);
	if (compared == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("the source has no rows after those of the model"),
				 errdetail(INT64_FORMAT " of its series are not in the model.", unknown),
				 errhint("A stored model is evaluated by what came after its training. Before that ecml_backtest(source, horizon) tells "
						 "what its method would have done.")));
	measures = forecast_measures(&all);
	ecml_json_int(json, "series", compared);
	ecml_json_int(json, "unknown_series", unknown);
	ecml_json_int(json, "forecasts", all.n);
	ecml_json_int(json, "failed", all.failed);
	ecml_json_number(json, "mase", measures.mase);
	ecml_json_number(json, "smape", measures.smape);
	ecml_json_number(json, "rmse", measures.rmse);
	ecml_json_number(json, "mae", measures.mae);
	ecml_json_number(json, "bias", measures.bias);
	ecml_json_number(json, "coverage", measures.coverage);
	ecml_json_number(json, "width", measures.width);
}
