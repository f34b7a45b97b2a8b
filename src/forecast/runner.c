/*
 * runner.c - a method on many series at once: arenas, threads, cancel
 *
 * Each thread has one arena, as large as the hungriest of the series needs.  A series that takes long asks now and then
 * whether the statement is to end (that is only a look at a flag, which any thread may take): then it gives up, the threads
 * join, and the leader's poll leaves; if that comes back after all, those that gave up are run again.
 */
#include "forecast/runner.h"

#include <math.h>

typedef struct Run
{
	EcmlCtx    *ctx;
	ForecastTask *tasks;
	size_t	   *todo;			/* [n] numbers of the tasks of this round */
	char	  **arenas;			/* [workers] */
	size_t		size;
} Run;

const char *
forecast_status_text(ForecastStatus status)
{
	switch (status)
	{
		case FORECAST_OK:
			break;
		case FORECAST_TOO_SHORT:
			return "it has too few values for the method";
		case FORECAST_NOT_SUITED:
			return "the method is not made for such values";
		case FORECAST_NOT_FINITE:
			return "its forecasts leave the range of numbers";
		case FORECAST_DAMAGED:
			return "its stored parameters are damaged";
		case FORECAST_NO_MEMORY:
			return "the method took more memory than it had said";
		case FORECAST_CANCELLED:
			return "it was cancelled";
	}
	return NULL;
}

static bool
cancel(void *arg)
{
	EcmlCtx    *ctx = arg;

	return ctx->host->interrupted(ctx);
}

static ForecastShape
shape_of(const ForecastTask *task)
{
	ForecastShape shape = {
		.n = task->in.n,.horizon = task->in.horizon,.nperiods = task->in.nperiods,.period = 1,.nx = task->in.nx,
		.nlevels = task->in.nlevels,.validates = true,.options = task->in.options
	};

	for (int i = 0; i < task->in.nperiods; i++)
		if (task->in.periods[i] > shape.period)
			shape.period = task->in.periods[i];
	return shape;
}

static void
run_one(void *arg, size_t i, int worker)
{
	Run		   *run = arg;
	ForecastTask *task = &run->tasks[run->todo[i]];
	ForecastArena arena = {.base = run->arenas[worker],.size = run->size};

	task->status = FORECAST_OK;
	task->note = NULL;
	if (!task->fitted)
	{
		task->fit.note = NULL;
		task->status = task->method->fit(&task->in, &arena, &task->fit);
		task->note = task->fit.note;
	}
	if (task->status == FORECAST_OK && !task->fit_only)
	{
		arena.used = 0;
		task->result.note = NULL;
		task->status = task->method->forecast(&task->in, &task->fit, &arena, &task->result);
		if (task->result.note)
			task->note = task->result.note;
	}
	if (task->status != FORECAST_OK && task->note == NULL)
		task->note = forecast_status_text(task->status);
}

void
forecast_run(EcmlCtx *ctx, ForecastTask *tasks, size_t n)
{
	Run			run = {.ctx = ctx,.tasks = tasks};
	int			workers = ecml_workers(ctx, n);
	size_t		left = 0;

	if (n == 0)
		return;
	run.todo = ECML_NEW(ctx, size_t, n);
	run.arenas = ECML_NEW(ctx, char *, workers);
	for (size_t i = 0; i < n; i++)
	{
		ForecastShape shape = shape_of(&tasks[i]);
		size_t		bytes = tasks[i].method->memory(&shape);

		tasks[i].in.cancel = cancel;
		tasks[i].in.cancel_arg = ctx;
		if (!tasks[i].fitted && tasks[i].fit.params == NULL)
			tasks[i].fit.params = ECML_NEW0(ctx, double, tasks[i].method->max_params(&shape));
		if (bytes > run.size)
			run.size = bytes;
		run.todo[left++] = i;
	}
	for (int w = 0; w < workers; w++)
		run.arenas[w] = ecml_alloc(ctx, run.size);
	while (left > 0)
	{
		size_t		again = 0;

		ecml_parallel_for(ctx, left, run_one, &run);
		for (size_t i = 0; i < left; i++)
			if (tasks[run.todo[i]].status == FORECAST_CANCELLED)
				run.todo[again++] = run.todo[i];
		left = again;
		ecml_poll(ctx, 0, 0);
	}
	for (int w = 0; w < workers; w++)
		ecml_free(ctx, run.arenas[w]);
	ecml_free(ctx, run.arenas);
	ecml_free(ctx, run.todo);
}
