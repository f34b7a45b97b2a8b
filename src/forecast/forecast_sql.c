/*
 * forecast_sql.c - ecml_forecast: forecasts of all series of a source in one statement
 *
 * Series are read, forecast and given out a block at a time (at most 256 of them, or four million numbers), so that memory does
 * not grow with their number.  A series that cannot be forecast has rows with NULLs and a note that says why.
 */
#include "core/compat.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "core/guc.h"
#include "core/json.h"
#include "core/result.h"
#include "forecast/forecast_sql.h"
#include "forecast/setup_sql.h"

enum
{
	SERIES, STEP, DS, YHAT, LOWER, UPPER, METHOD, NOTE, INTERVALS, PERIOD, NCOLUMNS
};

/* {"80": [low, high], ...} of a step. */
static Datum
intervals(const ForecastSetup *setup, const ForecastTask *task, int h)
{
	EcmlJson   *json = ecml_json_object();

	for (int l = 0; l < setup->nlevels; l++)
	{
		double		pair[2] = {task->result.lower[(size_t) l * setup->horizon + h],
		task->result.upper[(size_t) l * setup->horizon + h]};

		ecml_json_numbers(json, psprintf("%.10g", 100 * setup->levels[l]), pair, 2);
	}
	return JsonbPGetDatum(ecml_json_finish(json));
}

void
forecast_emit(EcmlRows *rows, bool clock, const ForecastSetup *setup, const EcmlSeries *series, const ForecastTask *task)
{
	Datum		values[NCOLUMNS];
	bool		nulls[NCOLUMNS];
	bool		good = task->method != NULL && task->status == FORECAST_OK;
	const char *note = task->method == NULL ? series->problem : task->note;
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext, "ecml forecast rows", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(scratch);
	Datum		name = series->name ? CStringGetTextDatum(series->name) : (Datum) 0;
	Datum		label = good ? CStringGetTextDatum(task->fit.label) : (Datum) 0;
	Datum		why = note ? CStringGetTextDatum(note) : (Datum) 0;
	MemoryContext step = AllocSetContextCreate(scratch, "ecml forecast row", ALLOCSET_SMALL_SIZES);

	for (int h = 0; h < setup->horizon; h++)
	{
		int64		at = series->n > 0 ? ecml_series_at(series, series->n + h) : 0;

		if (h % 1024 == 0)
			CHECK_FOR_INTERRUPTS();
		memset(nulls, 0, sizeof(nulls));
		nulls[SERIES] = series->name == NULL;
		values[SERIES] = name;
		values[STEP] = Int32GetDatum(h + 1);
		nulls[DS] = !clock || series->n == 0 || !IS_VALID_TIMESTAMP(at);
		values[DS] = TimestampGetDatum(at);
		nulls[PERIOD] = clock || series->n == 0;
		values[PERIOD] = Int64GetDatum(at);
		ecml_set_number(values, nulls, YHAT, good ? task->result.mean[h] : NAN);
		ecml_set_number(values, nulls, LOWER, good ? task->result.lower[(size_t) setup->shown * setup->horizon + h] : NAN);
		ecml_set_number(values, nulls, UPPER, good ? task->result.upper[(size_t) setup->shown * setup->horizon + h] : NAN);
		nulls[METHOD] = !good;
		values[METHOD] = label;
		nulls[NOTE] = note == NULL;
		values[NOTE] = why;
		nulls[INTERVALS] = !good || setup->nlevels < 2;
		if (!nulls[INTERVALS])
		{
			MemoryContextSwitchTo(step);
			values[INTERVALS] = intervals(setup, task, h);
		}
		ecml_rows_add(rows, values, nulls);
		if (!nulls[INTERVALS])
		{
			MemoryContextSwitchTo(scratch);
			MemoryContextReset(step);
		}
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(scratch);
}

void
forecast_context_init(ForecastContext *c)
{
	c->context = AllocSetContextCreate(CurrentMemoryContext, "ecml forecast block", ALLOCSET_DEFAULT_SIZES);
	ecml_host_init(&c->ctx, &c->host, c->context, (size_t) ecml_guc_work_mem * 1024, 0);
}

void
forecast_context_reset(ForecastContext *c)
{
	MemoryContextReset(c->context);
	ecml_host_init(&c->ctx, &c->host, c->context, (size_t) ecml_guc_work_mem * 1024, 0);
}

PG_FUNCTION_INFO_V1(ecml_forecast);

/* ecml_forecast(source text, horizon int, ds text, y text, series text, options jsonb, model text) */
Datum
ecml_forecast(PG_FUNCTION_ARGS)
{
	EcmlRows   *rows = ecml_rows_begin(fcinfo);
	char	   *source = ecml_text_argument(fcinfo, 0);
	char	   *model = ecml_text_argument(fcinfo, 6);
	char	   *columns[3];
	ForecastSetup *setup = palloc(sizeof(ForecastSetup));
	ForecastBlock *block;
	EcmlSeriesReader *reader;
	ForecastContext c;

	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the horizon must be given"),
				 errdetail("It is NULL."),
				 errhint("Say how many periods to forecast, as in horizon => 28.")));
	forecast_check_horizon(PG_GETARG_INT32(1));
	if (model == NULL && source && forecast_is_model(source))
	{
		model = source;
		source = NULL;
	}
	if (model)
	{
		if (source)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("give a source or a model, not both"),
					 errdetail("The source is \"%s\", the model \"%s\".", source, model),
					 errhint("New rows of a model are taken in by ecml_update(model, source).")));
		for (int i = 0; i < 3; i++)
			columns[i] = ecml_text_argument(fcinfo, 2 + i);
		forecast_from_model(rows, model, PG_GETARG_INT32(1), columns, PG_ARGISNULL(5) ? NULL : PG_GETARG_JSONB_P(5));
		return (Datum) 0;
	}
	if (source == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("a source or a model must be given"),
				 errdetail("Both are NULL."),
				 errhint("Give the name of a table or view, a query, or the name of a trained model.")));
	forecast_setup(setup, "ecml_forecast", PG_ARGISNULL(5) ? NULL : PG_GETARG_JSONB_P(5), NULL);
	setup->horizon = PG_GETARG_INT32(1);
	reader = ecml_series_open(source, ecml_text_argument(fcinfo, 2), ecml_text_argument(fcinfo, 3), ecml_text_argument(fcinfo, 4),
							  &setup->series, setup->horizon);
	if (setup->given.reconcile != FORECAST_RECONCILE_NONE)
		forecast_reconciled(rows, reader, setup);
	else
	{
		block = palloc(sizeof(ForecastBlock));
		forecast_context_init(&c);
		while (forecast_block_read(reader, &c.ctx, setup, block))
		{
			forecast_block_run(&c.ctx, setup, block);
			for (int i = 0; i < block->n; i++)
				forecast_emit(rows, ecml_series_has_clock(reader), setup, &block->series[i], &block->tasks[i]);
			forecast_context_reset(&c);
		}
		MemoryContextDelete(c.context);
	}
	ecml_series_close(reader);
	return (Datum) 0;
}
