/*
 * anomalies_sql.c - ecml_anomalies: anomalies of many time series in SQL
 *
 * Series come a batch at a time (so many that their arrays take BATCH_BYTES), each is a task of one of the threads, and the rows
 * go to a tuplestore: memory does not grow with the number of series.
 */
#include "core/compat.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "anomaly/anomalies.h"
#include "core/guc.h"
#include "core/host.h"
#include "core/result.h"
#include "core/series.h"

#define BATCH_BYTES ((size_t) 32 << 20)
#define BATCH 1024
#define LEAST 4					/* values below which nothing can be told */

typedef struct Options
{
	AnomaliesParams kernel;
	bool		only_anomalies;
	bool		gaps;
} Options;

static const char *const transforms[] = {"auto", "none", "sqrt", "log", NULL};
static const char *const directions[] = {"both", "above", "below", NULL};

static const EcmlOption anomalies_options[] = {
	ECML_OPT_FLOAT(Options, kernel.threshold, "threshold", 0, 1e6),
	ECML_OPT_INT(Options, kernel.shift, "shift", -1, 1000000),
	ECML_OPT_INT(Options, kernel.trend, "trend", 0, 10000000),
	ECML_OPT_ENUM(Options, kernel.transform, "transform", transforms),
	ECML_OPT_ENUM(Options, kernel.direction, "direction", directions),
	ECML_OPT_BOOL(Options, only_anomalies, "only_anomalies"),
	ECML_OPT_BOOL(Options, gaps, "gaps"),
	ECML_OPT_END
};

/* One series of a batch. */
typedef struct Job
{
	EcmlSeries	series;
	AnomaliesParams params;
	double	   *expected;		/* [n] */
	double	   *lower;
	double	   *upper;
	double	   *score;
	uint8_t    *flag;
	const char *problem;		/* NULL, or why there is no result */
	bool		done;
} Job;

typedef struct Batch
{
	EcmlCtx    *ctx;
	Job		   *jobs;			/* [BATCH] */
	int			n;
	int		   *todo;			/* [BATCH] numbers of those that are not done */
	double	  **scratch;		/* [workers] */
} Batch;

/* May be asked by any thread: it looks at a flag. */
static bool
interrupted(const void *arg)
{
	EcmlCtx    *ctx = (EcmlCtx *) arg;

	return ctx->host->interrupted(ctx);
}

static void
job_task(void *arg, size_t number, int worker)
{
	Batch	   *batch = arg;
	Job		   *job = &batch->jobs[batch->todo[number]];

	anomalies_find(&job->params, job->series.y, job->series.n, job->expected, job->lower, job->upper, job->score, job->flag,
				   batch->scratch[worker], interrupted, batch->ctx);
	job->done = !interrupted(batch->ctx);
}

/* Seasons as whole numbers, ascending, each once. */
static void
take_seasons(const EcmlSeries *series, AnomaliesParams *params)
{
	params->nseasons = 0;
	for (int i = 0; i < series->nseasons && params->nseasons < ECML_MSTL_PERIODS; i++)
	{
		double		season = rint(series->season[i]);

		if (season >= 2 && season <= series->n / 2 &&
			(params->nseasons == 0 || season > params->seasons[params->nseasons - 1]))
			params->seasons[params->nseasons++] = (int) season;
	}
}

/* A series that is to be worked on, its arrays allocated. */
static void
prepare(EcmlCtx *ctx, Job *job, const Options *options, bool seasons_given)
{
	int			n = job->series.n;
	int			known = 0;

	for (int i = 0; i < n; i++)
		known += !isnan(job->series.y[i]);
	job->problem = job->series.problem;
	if (job->problem == NULL && known < LEAST)
		job->problem = "it has fewer than 4 values";
	job->done = job->problem != NULL;
	if (job->done)
		return;
	job->params = options->kernel;
	job->params.given = seasons_given;
	take_seasons(&job->series, &job->params);
	job->expected = ECML_NEW(ctx, double, n);
	job->lower = ECML_NEW(ctx, double, n);
	job->upper = ECML_NEW(ctx, double, n);
	job->score = ECML_NEW(ctx, double, n);
	job->flag = ECML_NEW(ctx, uint8_t, n);
}

static void
run(Batch *batch)
{
	EcmlCtx    *ctx = batch->ctx;
	int			workers;
	size_t		most = 0;
	int			left = 0;

	for (int i = 0; i < batch->n; i++)
		if (!batch->jobs[i].done)
		{
			most = Max(most, anomalies_scratch(&batch->jobs[i].params, batch->jobs[i].series.n));
			batch->todo[left++] = i;
		}
	workers = ecml_workers(ctx, left);
	for (int w = 0; w < workers && left > 0; w++)
		batch->scratch[w] = ECML_NEW(ctx, double, most);
	while (left > 0)
	{
		int			again = 0;

		ecml_parallel_for(ctx, left, job_task, batch);
		/* those that gave up for an interrupt that was no cancel */
		for (int i = 0; i < left; i++)
			if (!batch->jobs[batch->todo[i]].done)
				batch->todo[again++] = batch->todo[i];
		left = again;
	}
}

static void
put_series(EcmlRows *rows, const EcmlSeriesReader *reader, const Job *job, const Options *options)
{
	const EcmlSeries *series = &job->series;
	Datum		values[10] = {0};
	bool		nulls[10];
	Datum		name = series->name ? CStringGetTextDatum(series->name) : (Datum) 0;

	if (job->problem)
	{
		memset(nulls, true, sizeof(nulls));
		nulls[0] = series->name == NULL;
		values[0] = name;
		nulls[9] = false;
		values[9] = CStringGetTextDatum(job->problem);
		ecml_rows_add(rows, values, nulls);
		return;
	}
	for (int i = 0; i < series->n; i++)
	{
		int64		at = ecml_series_at(series, i);

		if ((i & 1023) == 1023)
			CHECK_FOR_INTERRUPTS();
		if ((isnan(series->y[i]) && !options->gaps) || (options->only_anomalies && !job->flag[i]))
			continue;
		memset(nulls, false, sizeof(nulls));
		nulls[0] = series->name == NULL;
		values[0] = name;
		ecml_series_set_at(reader, values, nulls, 1, at);
		ecml_set_number(values, nulls, 2, series->y[i]);
		ecml_set_number(values, nulls, 3, job->expected[i]);
		ecml_set_number(values, nulls, 4, job->lower[i]);
		ecml_set_number(values, nulls, 5, job->upper[i]);
		ecml_set_number(values, nulls, 6, job->score[i]);
		values[7] = BoolGetDatum(job->flag[i]);
		nulls[7] = isnan(series->y[i]);
		values[8] = Int64GetDatum(ecml_series_has_clock(reader) ? i + 1 : at);
		nulls[9] = true;
		ecml_rows_add(rows, values, nulls);
	}
}

PG_FUNCTION_INFO_V1(ecml_anomalies);

/*
 * ecml_anomalies(source text, ds text, y text, series text, options jsonb): rows series, ds, y, expected, lower, upper, score,
 * is_anomaly, period, note
 */
Datum
ecml_anomalies(PG_FUNCTION_ARGS)
{
	EcmlRows   *rows = ecml_rows_begin(fcinfo);
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(caller, "ecml anomalies", ALLOCSET_DEFAULT_SIZES);
	MemoryContext batch_context = AllocSetContextCreate(context, "ecml anomalies batch", ALLOCSET_DEFAULT_SIZES);
	Options		options = {.kernel = ANOMALIES_DEFAULTS};
	EcmlSeriesOptions series_options = ECML_SERIES_DEFAULTS;
	EcmlOptionSet sets[2] = {{anomalies_options, &options}, {ecml_series_options, &series_options}};
	EcmlSeriesReader *reader;
	Batch		batch = {0};
	EcmlSeries	one;
	bool		more = true;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("source must not be NULL"),
				 errdetail("It is NULL."),
				 errhint("Call ecml_anomalies(source, ds, y, series, options); the source is a table or a query.")));
	MemoryContextSwitchTo(context);
	ecml_options_parse("ecml_anomalies", PG_ARGISNULL(4) ? NULL : PG_GETARG_JSONB_P(4), sets, 2);
	if (options.kernel.trend > 0 && (options.kernel.trend < 3 || options.kernel.trend % 2 == 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid window of the trend"),
				 errdetail("It is %d.", options.kernel.trend),
				 errhint("Give an odd number of periods from 3 on, or leave \"trend\" out.")));
	reader = ecml_series_open(text_to_cstring(PG_GETARG_TEXT_PP(0)), ecml_text_argument(fcinfo, 1), ecml_text_argument(fcinfo, 2),
							  ecml_text_argument(fcinfo, 3), &series_options, 0);
	batch.jobs = palloc0(BATCH * sizeof(Job));
	batch.todo = palloc(BATCH * sizeof(int));
	batch.scratch = palloc0(256 * sizeof(double *));
	while (more)
	{
		EcmlCtx		ctx;
		EcmlServerHost host;
		size_t		bytes = 0;

		MemoryContextSwitchTo(batch_context);
		ecml_host_init(&ctx, &host, batch_context, (size_t) ecml_guc_work_mem * 1024, 0);
		batch.ctx = &ctx;
		batch.n = 0;
		while (batch.n < BATCH && bytes < BATCH_BYTES && (more = ecml_series_next(reader, &ctx, &one)))
		{
			Job		   *job = &batch.jobs[batch.n++];

			memset(job, 0, sizeof(Job));
			job->series = one;
			prepare(&ctx, job, &options, series_options.season.n >= 0);
			bytes += (size_t) one.n * 50 + 1000;
		}
		run(&batch);
		for (int i = 0; i < batch.n; i++)
			put_series(rows, reader, &batch.jobs[i], &options);
		MemoryContextSwitchTo(context);
		MemoryContextReset(batch_context);
	}
	ecml_series_close(reader);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
	return (Datum) 0;
}
