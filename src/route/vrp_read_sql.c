/*
 * vrp_read_sql.c - from tables and options to a routing problem: the options, and in which order the parts are read
 *
 * Columns are found by the part they play, under usual names or those that options give (core/roles.h).
 */
#include "core/compat.h"

#include <math.h>

#include "executor/spi.h"

#include "core/guc.h"
#include "core/json.h"
#include "route/vrp_read_sql.h"

static const char *const rounds[] = {"none", "nearest", "trunc1", "up", NULL};
static const char *const objectives[] = {"distance", "duration", "vehicles", NULL};
static const char *const methods[] = {"auto", "ruin", "genetic", NULL};
static const char *const cancels[] = {"error", "return", NULL};

#define COLUMN(field) ECML_OPT_TEXT(VrpOptions, column.field, #field)

const EcmlOption vrp_options[] = {
	ECML_OPT_WORD(VrpOptions, vehicles, "vehicles"),
	ECML_OPT_NUMBERS(VrpOptions, capacity, "capacity", 0, INFINITY),
	ECML_OPT_TEXT(VrpOptions, distance, "distance"),
	ECML_OPT_ENUM(VrpOptions, round, "round", rounds),
	ECML_OPT_FLOAT(VrpOptions, speed, "speed", 1e-9, 1e9),
	ECML_OPT_CHOICE(VrpOptions, objective, "objective", objectives),
	ECML_OPT_FLOAT(VrpOptions, fixed_cost, "fixed_cost", 0, 1e12),
	ECML_OPT_SPAN(VrpOptions, shift_start, "shift_start"),
	ECML_OPT_SPAN(VrpOptions, shift_end, "shift_end"),
	ECML_OPT_FLOAT(VrpOptions, max_distance, "max_distance", 0, INFINITY),
	ECML_OPT_SPAN(VrpOptions, max_duration, "max_duration"),
	ECML_OPT_BOOL(VrpOptions, open, "open"),
	ECML_OPT_BOOL(VrpOptions, backhauls, "backhauls"),
	ECML_OPT_INT(VrpOptions, reloads, "reloads", 0, 1000),
	ECML_OPT_SPAN(VrpOptions, reload_time, "reload_time"),
	ECML_OPT_SPAN(VrpOptions, break_start, "break_start"),
	ECML_OPT_SPAN(VrpOptions, break_end, "break_end"),
	ECML_OPT_SPAN(VrpOptions, break_duration, "break_duration"),
	ECML_OPT_TEXT(VrpOptions, initial, "initial"),
	ECML_OPT_SPAN(VrpOptions, time_limit, "time_limit"),
	ECML_OPT_INT64(VrpOptions, iterations, "iterations", 0, 1e15),
	ECML_OPT_INT64(VrpOptions, seed, "seed", 0, 9007199254740992.0),
	ECML_OPT_ENUM(VrpOptions, method, "method", methods),
	ECML_OPT_ENUM(VrpOptions, on_cancel, "on_cancel", cancels),
	COLUMN(id), COLUMN(x), COLUMN(y), COLUMN(lon), COLUMN(lat), COLUMN(demand), COLUMN(ready), COLUMN(due), COLUMN(service),
	COLUMN(release), COLUMN(prize), COLUMN(pickup), COLUMN(group), COLUMN(pickup_from), COLUMN(depot), COLUMN(skills),
	COLUMN(only_vehicle), COLUMN(backhaul),
	ECML_OPT_END
};

static const EcmlOption weight_options[] = {
	ECML_OPT_FLOAT(VrpWeights, distance, "distance", 0, 1e12),
	ECML_OPT_FLOAT(VrpWeights, duration, "duration", 0, 1e12),
	ECML_OPT_FLOAT(VrpWeights, vehicles, "vehicles", 0, 1e12),
	ECML_OPT_END
};

/* ---------------------------------------------------------------- all of it */

static void
set_objective(VrpOptions *o)
{
	o->weight = (VrpWeights) {1, 0, 0};
	if (o->objective.object)
	{
		EcmlOptionSet set = {weight_options, &o->weight};

		o->weight.distance = 0;
		ecml_options_parse("option objective", o->objective.object, &set, 1);
		if (o->weight.distance + o->weight.duration + o->weight.vehicles <= 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("the objective has no weight above 0"),
					 errdetail("Distance, duration and vehicles all count 0."),
					 errhint("Give for example {\"distance\": 1, \"vehicles\": 100}.")));
	}
	else if (o->objective.number == 1)
		o->weight = (VrpWeights) {0, 1, 0};
	else if (o->objective.number == 2)
		o->vehicles_first = true;
}

void
vrp_read(VrpInput *input, const char *what, const char *deliveries, Jsonb *options, const EcmlOptionSet *more)
{
	VrpOptions *o = &input->options;
	EcmlOptionSet sets[2] = {{vrp_options, o}};
	VrpDeliveries *d = palloc0(sizeof(VrpDeliveries));

	memset(input, 0, sizeof(VrpInput));
	*o = (VrpOptions) {
		.capacity.n = -1,.speed = 1,.shift_end = INFINITY,.max_distance = INFINITY,.max_duration = INFINITY,
		.break_end = INFINITY,.time_limit = -1,.iterations = -1,.seed = ecml_guc_seed
	};
	if (more)
		sets[1] = *more;
	ecml_options_parse(what, options, sets, more ? 2 : 1);
	set_objective(o);
	d->input = input;
	d->context = CurrentMemoryContext;
	SPI_connect();
	MemoryContextSwitchTo(d->context);
	vrp_read_deliveries(d, deliveries);
	input->problem.speed = o->speed;
	input->problem.round = o->round;
	input->problem.metric = input->spherical ? VRP_HAVERSINE : VRP_EUCLIDEAN;
	if (o->distance && pg_strcasecmp(o->distance, "haversine") != 0 && pg_strcasecmp(o->distance, "euclidean") != 0)
		vrp_read_matrix(d, o->distance);
	vrp_read_vehicles(d);
	for (int i = 0; i < input->problem.nsites; i++)
		if (d->only_vehicle[i])
			d->sites[i].vehicle = vrp_need_vehicle(input, d->only_vehicle[i], "the column only_vehicle");
	if (o->initial)
		vrp_read_initial(d, o->initial);
	SPI_finish();
	MemoryContextSwitchTo(d->context);
	input->ids = d->ids;
}
