/*
 * vrp_sql.c - ecml_vrp and ecml_vrp_summary: routes in SQL
 *
 * The search polls every few milliseconds.  With on_cancel "return" a cancel of the statement (or its time-out) is taken by
 * the host as the end of the search, and the best plan so far is returned; a request to terminate is obeyed as ever.
 */
#include "core/compat.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "core/guc.h"
#include "core/host.h"
#include "core/json.h"
#include "core/result.h"
#include "route/vrp_sql.h"

#define DEFAULT_SECONDS 5.0

/* A host that takes a cancel as a wish to end. */
typedef struct StoppingHost
{
	EcmlServerHost server;		/* must be first: the server's functions expect it */
	EcmlHost	host;
	const EcmlHost *plain;
	bool		stop;
} StoppingHost;

static void
stopping_poll(EcmlCtx *ctx, double done, double total)
{
	StoppingHost *stopping = ctx->host_data;

	if (QueryCancelPending && !ProcDiePending)
	{
		QueryCancelPending = false;
		stopping->stop = true;
	}
	stopping->plain->poll(ctx, done, total);
}

VrpSolution *
vrp_plan(VrpInput *input)
{
	EcmlCtx    *ctx = palloc0(sizeof(EcmlCtx));
	StoppingHost *stopping = palloc0(sizeof(StoppingHost));
	const VrpOptions *o = &input->options;
	VrpParams	params = VRP_DEFAULTS;

	ecml_host_init(ctx, &stopping->server, CurrentMemoryContext, (size_t) ecml_guc_work_mem * 1024, o->seed);
	if (o->on_cancel == 1)
	{
		stopping->plain = ctx->host;
		stopping->host = *ctx->host;
		stopping->host.poll = stopping_poll;
		ctx->host = &stopping->host;
		params.stop = &stopping->stop;
	}
	params.iterations = o->iterations;
	params.time_limit = o->time_limit >= 0 ? o->time_limit : o->iterations >= 0 ? INFINITY : DEFAULT_SECONDS;
	params.seed = o->seed;
	params.method = o->method;
	params.vehicles_first = o->vehicles_first;
	return vrp_solve(ctx, &input->problem, &params);
}

char *
vrp_argument(FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the deliveries must not be NULL"),
				 errdetail("The first argument is NULL."),
				 errhint("Give the name of a table or view, or a query.")));
	return text_to_cstring(PG_GETARG_TEXT_PP(0));
}

/* Read, check and solve in the current context. */
static VrpSolution *
plan(FunctionCallInfo fcinfo, const char *what, VrpInput *input)
{
	vrp_read(input, what, vrp_argument(fcinfo), PG_ARGISNULL(1) ? NULL : PG_GETARG_JSONB_P(1), NULL);
	return vrp_plan(input);
}

static Datum
first_load(const VrpInput *input, const VrpStop *stop)
{
	/* of several dimensions: their sum says nothing, the first one counts */
	return Float8GetDatum(input->problem.ndims > 0 ? stop->load[0] : 0);
}

static void
add_stop(EcmlRows *rows, const VrpInput *input, const VrpStop *stop, int number)
{
	Datum		values[10] = {0};
	bool		nulls[10] = {false};
	const char *name = input->vehicle[stop->vehicle];

	values[0] = Int32GetDatum(stop->vehicle + 1);
	values[1] = Int32GetDatum(number);
	if (stop->site >= 0)
		values[2] = CStringGetTextDatum(input->id[stop->site]);
	else
		nulls[2] = true;
	values[3] = Float8GetDatum(stop->arrival);
	values[4] = Float8GetDatum(stop->departure);
	values[5] = Float8GetDatum(stop->wait);
	values[6] = first_load(input, stop);
	values[7] = Float8GetDatum(stop->distance);
	values[8] = CStringGetTextDatum(name ? name : psprintf("%d", stop->vehicle + 1));
	nulls[9] = true;
	if (stop->reload || stop->rest > 0)
	{
		nulls[9] = false;
		values[9] = CStringGetTextDatum(stop->reload && stop->rest > 0 ? psprintf("reload, break of %g", stop->rest) :
										stop->reload ? "reload" : psprintf("break of %g", stop->rest));
	}
	ecml_rows_add(rows, values, nulls);
}

static void
add_unserved(EcmlRows *rows, const VrpInput *input, int site, VrpReason reason)
{
	Datum		values[10] = {0};
	bool		nulls[10];

	memset(nulls, true, sizeof(nulls));
	values[2] = CStringGetTextDatum(input->id[site]);
	nulls[2] = false;
	values[9] = CStringGetTextDatum(vrp_reason_text(reason));
	nulls[9] = false;
	ecml_rows_add(rows, values, nulls);
}

PG_FUNCTION_INFO_V1(ecml_vrp);

/*
 * ecml_vrp(deliveries text, options jsonb): rows vehicle, stop, delivery_id, arrival, departure, wait, load, distance,
 * vehicle_id, note
 */
Datum
ecml_vrp(PG_FUNCTION_ARGS)
{
	EcmlRows   *rows = ecml_rows_begin(fcinfo);
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "ecml vrp", ALLOCSET_DEFAULT_SIZES);
	MemoryContext row = AllocSetContextCreate(context, "ecml vrp row", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	VrpInput   *input = palloc0(sizeof(VrpInput));
	VrpSolution *solution = plan(fcinfo, "ecml_vrp", input);
	int			number = 0;

	MemoryContextSwitchTo(row);
	for (int i = 0; i < solution->nstops; i++)
	{
		number = i > 0 && solution->stops[i].vehicle == solution->stops[i - 1].vehicle ? number + 1 : 0;
		/* an open route ends at its last delivery */
		if (solution->stops[i].site >= 0)
			add_stop(rows, input, &solution->stops[i], number);
		MemoryContextReset(row);
		CHECK_FOR_INTERRUPTS();
	}
	for (int i = 0; i < input->problem.nsites; i++)
		if (solution->reason[i] != VRP_SERVED)
		{
			add_unserved(rows, input, i, solution->reason[i]);
			MemoryContextReset(row);
		}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
	return (Datum) 0;
}

PG_FUNCTION_INFO_V1(ecml_vrp_summary);

/*
 * ecml_vrp_summary(deliveries text, options jsonb): cost, distance, duration, vehicles, served, unassigned, feasible,
 * lost_prizes, bound, gap, iterations, seconds, seconds_to_best
 */
Datum
ecml_vrp_summary(PG_FUNCTION_ARGS)
{
	TupleDesc	desc = ecml_composite_desc(fcinfo);
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "ecml vrp", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	VrpInput   *input = palloc0(sizeof(VrpInput));
	VrpSolution *s = plan(fcinfo, "ecml_vrp_summary", input);
	Datum		values[13];
	bool		nulls[13] = {false};
	int			served = 0;
	int			unassigned = 0;
	Datum		result;

	for (int i = 0; i < input->problem.nsites; i++)
		if (!input->problem.sites[i].depot)
		{
			served += s->reason[i] == VRP_SERVED;
			unassigned += s->reason[i] != VRP_SERVED && s->reason[i] != VRP_ALTERNATIVE;
		}
	values[0] = Float8GetDatum(s->cost);
	values[1] = Float8GetDatum(s->distance);
	values[2] = Float8GetDatum(s->duration);
	values[3] = Int32GetDatum(s->used);
	values[4] = Int32GetDatum(served);
	values[5] = Int32GetDatum(unassigned);
	values[6] = BoolGetDatum(s->feasible);
	values[7] = Float8GetDatum(s->lost);
	ecml_set_number(values, nulls, 8, s->bound > 0 ? s->bound : NAN);
	ecml_set_number(values, nulls, 9, s->bound > 0 && s->feasible ? (s->cost - s->bound) / s->bound : NAN);
	values[10] = Int64GetDatum(s->iterations);
	values[11] = Float8GetDatum(s->seconds);
	values[12] = Float8GetDatum(s->seconds_to_best);
	MemoryContextSwitchTo(caller);
	result = ecml_composite(desc, values, nulls);
	MemoryContextDelete(context);
	return result;
}
