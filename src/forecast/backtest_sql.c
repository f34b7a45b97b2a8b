/*
 * backtest_sql.c - ecml_backtest: methods judged by forecasts from rolling origins
 *
 * Each series is cut at several origins; each method is fitted to what lies before, and its forecasts are compared with what
 * came.  Errors are forecast less value.  Scaled errors (MASE; Hyndman and Koehler 2006) are divided by the mean absolute
 * difference of one season within the part that was fitted to; sMAPE is 200 |f - y| / (|f| + |y|), 0 where both are 0.
 * With "refit": false a method keeps the parameters of its first origin.
 */
#include "core/compat.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "core/guc.h"
#include "core/result.h"
#include "forecast/forecast_sql.h"
#include "forecast/score.h"

#define MAX_METHODS 16
#define MAX_ORIGINS 1000
#define BACKTEST_TASKS 1024		/* at once */

typedef struct BacktestOptions
{
	Jsonb	   *methods;
	int			origins;
	int			step;			/* periods from one to the next; 0: the horizon */
	int			least;			/* values to fit to */
	bool		refit;
	int			by;
} BacktestOptions;

enum
{
	BY_STEP, BY_SERIES, BY_METHOD
};

static const char *const bys[] = {"step", "series", "method", NULL};

static const EcmlOption backtest_options[] = {
	ECML_OPT_LIST(BacktestOptions, methods, "methods"),
	ECML_OPT_INT(BacktestOptions, origins, "origins", 1, MAX_ORIGINS),
	ECML_OPT_INT(BacktestOptions, step, "step", 0, FORECAST_MAX_HORIZON),
	ECML_OPT_INT(BacktestOptions, least, "min_train", 2, 1000000),
	ECML_OPT_BOOL(BacktestOptions, refit, "refit"),
	ECML_OPT_ENUM(BacktestOptions, by, "by", bys),
	ECML_OPT_END
};

enum
{
	METHOD, SERIES, STEP, FORECASTS, FAILED, MASE, SMAPE, RMSE, MAE, BIAS, COVERAGE, WIDTH, NCOLUMNS
};

static void
emit(EcmlRows *rows, const char *method, const char *series, int step, const ForecastScore *s)
{
	ForecastMeasures m = forecast_measures(s);
	Datum		values[NCOLUMNS];
	bool		nulls[NCOLUMNS] = {false};

	values[METHOD] = CStringGetTextDatum(method);
	nulls[SERIES] = series == NULL;
	if (series)
		values[SERIES] = CStringGetTextDatum(series);
	nulls[STEP] = step == 0;
	values[STEP] = Int32GetDatum(step);
	values[FORECASTS] = Int64GetDatum(s->n);
	values[FAILED] = Int64GetDatum(s->failed);
	ecml_set_number(values, nulls, MASE, m.mase);
	ecml_set_number(values, nulls, SMAPE, m.smape);
	ecml_set_number(values, nulls, RMSE, m.rmse);
	ecml_set_number(values, nulls, MAE, m.mae);
	ecml_set_number(values, nulls, BIAS, m.bias);
	ecml_set_number(values, nulls, COVERAGE, m.coverage);
	ecml_set_number(values, nulls, WIDTH, m.width);
	ecml_rows_add(rows, values, nulls);
}

typedef struct Backtest
{
	ForecastSetup *setup;
	BacktestOptions given;
	int			nmethods;
	const char *names[MAX_METHODS];
	ForecastSetup *setups[MAX_METHODS];
	ForecastScore *steps;		/* [nmethods][horizon] */
	EcmlRows   *rows;
	int64		used;			/* series with an origin at least */
} Backtest;

static void
read_methods(Backtest *b)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	value;

	if (b->given.methods == NULL)
	{
		b->names[0] = b->setup->given.method ? b->setup->given.method : "auto";
		b->nmethods = 1;
	}
	else
	{
		iterator = JsonbIteratorInit(&b->given.methods->root);
		while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
		{
			if (token != WJB_ELEM)
				continue;
			if (b->nmethods == MAX_METHODS)
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("too many methods"),
						 errdetail("There are more than %d.", MAX_METHODS),
						 errhint("Give fewer.")));
			b->names[b->nmethods++] = pnstrdup(value.val.string.val, value.val.string.len);
		}
		if (b->nmethods == 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("there are no methods"),
					 errdetail("The option \"methods\" is empty."),
					 errhint("Name some, as in [\"auto\", \"ets\", \"seasonal_naive\"].")));
	}
	for (int i = 0; i < b->nmethods; i++)
	{
		b->setups[i] = palloc(sizeof(ForecastSetup));
		memcpy(b->setups[i], b->setup, sizeof(ForecastSetup));
		/* options of its own, where a name stands for some */
		b->setups[i]->by_method[5] = &b->setups[i]->ets;
		forecast_setup_method(b->setups[i], b->names[i]);
	}
}

/* Origins of a series, descending; their number. */
static int
origins_of(const Backtest *b, const EcmlSeries *series, int *origins)
{
	int			step = b->given.step > 0 ? b->given.step : b->setup->horizon;
	int			n = 0;

	for (int64 at = (int64) series->n - b->setup->horizon; at >= b->given.least && n < b->given.origins; at -= step)
	{
		int			cut = (int) at;
		int			values = 0;

		while (cut > 0 && isnan(series->y[cut - 1]))
			cut--;
		for (int t = 0; t < cut && values < b->given.least; t++)
			values += !isnan(series->y[t]);
		if (values < b->given.least || (n > 0 && cut >= origins[n - 1]))
			break;
		origins[n++] = cut;
	}
	return n;
}

/* The task of a series at an origin. */
static void
cut_task(EcmlCtx *ctx, const ForecastTask *whole, const ForecastSetup *setup, int n, ForecastTask *task)
{
	size_t		width = (size_t) setup->horizon;

	*task = *whole;
	task->method = setup->method;
	task->in.options = setup->by_method;
	task->in.n = n;
	memset(&task->fit, 0, sizeof(task->fit));
	task->result = (ForecastResult) {
		.mean = ECML_NEW(ctx, double, width),.lower = ECML_NEW(ctx, double, width * setup->nlevels),
		.upper = ECML_NEW(ctx, double, width * setup->nlevels)
	};
	if (whole->in.nx > 0)
	{
		double	   *x = ECML_NEW(ctx, double, (size_t) whole->in.nx * (n + width));

		for (int k = 0; k < whole->in.nx; k++)
			memcpy(x + k * (n + width), whole->in.x + (size_t) k * (whole->in.n + whole->in.horizon), (n + width) * sizeof(double));
		task->in.x = x;
	}
}

static void
judge(Backtest *b, int method, const EcmlSeries *series, const ForecastTask *task, ForecastScore *of_series)
{
	int			horizon = b->setup->horizon;
	int			cut = task->in.n;
	double		scale = forecast_scale(series->y, cut, task->in.nperiods > 0 ? task->in.periods[0] : 1);
	size_t		shown = (size_t) b->setup->shown * horizon;

	for (int h = 0; h < horizon && cut + h < series->n; h++)
	{
		double		y = series->y[cut + h];
		ForecastScore *s = &b->steps[(size_t) method * horizon + h];
		ForecastScore one = {0};

		if (isnan(y))
			continue;
		if (task->status == FORECAST_OK)
			forecast_score(&one, task->result.mean[h], y, task->result.lower[shown + h], task->result.upper[shown + h], scale);
		else
			one.failed = 1;
		forecast_score_add(s, &one);
		forecast_score_add(of_series, &one);
	}
}

static void
run_series(Backtest *b, EcmlCtx *ctx, EcmlSeries *series, int nseries)
{
	int		   *origins = palloc(MAX_ORIGINS * sizeof(int));
	ForecastTask *wholes = ECML_NEW(ctx, ForecastTask, nseries);
	bool	   *good = ECML_NEW(ctx, bool, nseries);
	int			most = 0;

	for (int i = 0; i < nseries; i++)
	{
		int			n;

		good[i] = forecast_task_init(ctx, b->setup, &series[i], &wholes[i]);
		n = good[i] ? origins_of(b, &series[i], origins) : 0;
		good[i] = n > 0;
		b->used += n > 0;
		most += n;
	}
	for (int m = 0; m < b->nmethods; m++)
	{
		ForecastTask *tasks = ECML_NEW(ctx, ForecastTask, Max(most, 1));
		int		   *owners = ECML_NEW(ctx, int, Max(most, 1));
		int			n = 0;

		/* origins from the earliest on: without refit that one's parameters serve the others */
		for (int i = 0; i < nseries; i++)
		{
			int			count = good[i] ? origins_of(b, &series[i], origins) : 0;

			for (int o = count - 1; o >= 0; o--)
			{
				cut_task(ctx, &wholes[i], b->setups[m], origins[o], &tasks[n]);
				owners[n++] = i;
			}
		}
		if (b->given.refit)
			forecast_run(ctx, tasks, n);
		else
		{
			ForecastTask *part = ECML_NEW(ctx, ForecastTask, Max(n, 1));
			int			k = 0;

			for (int i = 0; i < n; i++)
				if (i == 0 || owners[i] != owners[i - 1])
					part[k++] = tasks[i];
			forecast_run(ctx, part, k);
			k = 0;
			for (int i = 0; i < n; i++)
				if (i == 0 || owners[i] != owners[i - 1])
					tasks[i] = part[k++];
			k = 0;
			for (int i = 1; i < n; i++)
				if (owners[i] == owners[i - 1])
				{
					/* the first of its series, or one that took over from it */
					tasks[i].fit = tasks[i - 1].fit;
					tasks[i].status = tasks[i - 1].status;
					tasks[i].fitted = true;
					if (tasks[i].status == FORECAST_OK)
						part[k++] = tasks[i];
				}
			forecast_run(ctx, part, k);
			k = 0;
			for (int i = 1; i < n; i++)
				if (owners[i] == owners[i - 1] && tasks[i].status == FORECAST_OK)
					tasks[i] = part[k++];
		}
		for (int i = 0; i < n;)
		{
			ForecastScore of_series = {0};
			int			owner = owners[i];

			for (; i < n && owners[i] == owner; i++)
			{
				forecast_clip(b->setup, &tasks[i]);
				judge(b, m, &series[owner], &tasks[i], &of_series);
			}
			if (b->given.by == BY_SERIES)
				emit(b->rows, b->names[m], series[owner].name, 0, &of_series);
		}
		for (int i = 0; i < n; i++)
		{
			ecml_free(ctx, tasks[i].result.mean);
			ecml_free(ctx, tasks[i].result.lower);
			ecml_free(ctx, tasks[i].result.upper);
		}
	}
	pfree(origins);
}

PG_FUNCTION_INFO_V1(ecml_backtest);

/* ecml_backtest(source text, horizon int, ds text, y text, series text, options jsonb) */
Datum
ecml_backtest(PG_FUNCTION_ARGS)
{
	Backtest	b = {.rows = ecml_rows_begin(fcinfo),.given = {.origins = 3,.least = 4,.refit = true}};
	EcmlOptionSet set = {backtest_options, &b.given};
	EcmlSeriesReader *reader;
	EcmlSeries *series = palloc(FORECAST_BLOCK * sizeof(EcmlSeries));
	ForecastContext c;
	int			n;
	int			at_once;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("source and horizon must not be NULL"),
				 errdetail("One of them is."),
				 errhint("Call ecml_backtest(source, horizon), as in ecml_backtest('sales', 28, series => 'sku').")));
	forecast_check_horizon(PG_GETARG_INT32(1));
	b.setup = palloc(sizeof(ForecastSetup));
	forecast_setup(b.setup, "ecml_backtest", PG_ARGISNULL(5) ? NULL : PG_GETARG_JSONB_P(5), &set);
	b.setup->horizon = PG_GETARG_INT32(1);
	read_methods(&b);
	b.steps = MemoryContextAllocExtended(CurrentMemoryContext, (Size) b.nmethods * b.setup->horizon * sizeof(ForecastScore),
										 MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	reader = ecml_series_open(text_to_cstring(PG_GETARG_TEXT_PP(0)), ecml_text_argument(fcinfo, 2), ecml_text_argument(fcinfo, 3),
							  ecml_text_argument(fcinfo, 4), &b.setup->series, b.setup->horizon);
	at_once = Max(1, Min(FORECAST_BLOCK, BACKTEST_TASKS / b.given.origins));
	forecast_context_init(&c);
	do
	{
		n = 0;
		while (n < at_once && ecml_series_next(reader, &c.ctx, &series[n]))
			n++;
		if (n > 0)
			run_series(&b, &c.ctx, series, n);
		forecast_context_reset(&c);
	} while (n > 0);
	MemoryContextDelete(c.context);
	ecml_series_close(reader);
	if (b.used == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("no series is long enough for a backtest"),
				 errdetail("None has %d values before an origin and %d periods after it.", b.given.least, b.setup->horizon),
				 errhint("Give a shorter horizon, or lower the option \"min_train\".")));
	for (int m = 0; m < b.nmethods; m++)
	{
		ForecastScore all = {0};

		for (int h = 0; h < b.setup->horizon; h++)
		{
			const ForecastScore *s = &b.steps[(size_t) m * b.setup->horizon + h];

			forecast_score_add(&all, s);
			if (b.given.by == BY_STEP)
				emit(b.rows, b.names[m], NULL, h + 1, s);
		}
		emit(b.rows, b.names[m], NULL, 0, &all);
	}
	return (Datum) 0;
}
