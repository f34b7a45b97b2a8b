/*
 * vrp_vehicles_sql.c - the vehicles: so many alike, by options, or the rows of a source
 */
#include "core/compat.h"

#include <math.h>

#include "utils/builtins.h"
#include "utils/memutils.h"

#include "route/vrp_read_sql.h"

typedef struct Vehicles
{
	VrpDeliveries *d;
	VrpVehicle *vehicles;
	int			n;
	int			room;
	EcmlDict   *ids;			/* code: a name; first_of: its vehicle */
	int		   *first_of;
	int			dims;			/* that capacities have; 0: none given */
	VrpVehicle	usual;			/* what options say */
	int			first_depot;
	VrpField	id;
	VrpField	capacity;
	VrpField	count;
	VrpField	fixed;
	VrpField	per_distance;
	VrpField	per_time;
	VrpField	speed;
	VrpField	shift_start;
	VrpField	shift_end;
	VrpField	max_distance;
	VrpField	max_duration;
	VrpField	start;
	VrpField	end;
	VrpField	skills;
	VrpField	reloads;
	VrpField	reload_time;
	VrpField	break_start;
	VrpField	break_end;
	VrpField	break_duration;
} Vehicles;

static void
add_vehicles(Vehicles *v, const VrpVehicle *vehicle, int count, const char *name)
{
	VrpInput   *input = v->d->input;
	char	   *copy = name ? MemoryContextStrdup(v->d->context, name) : NULL;

	if ((int64) v->n + count > VRP_MAX_VEHICLES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many vehicles"),
				 errdetail("There are more than %d.", VRP_MAX_VEHICLES),
				 errhint("No more vehicles than deliveries can be used.")));
	if (vehicle->shift_start > vehicle->shift_end)
		vrp_bad_value("vehicle", name ? name : psprintf("%d", v->n + 1), "shift",
				  psprintf("from %g to %g", vehicle->shift_start, vehicle->shift_end), "It must not end before it begins.");
	if (vehicle->break_duration > 0 && vehicle->break_start > vehicle->break_end)
		vrp_bad_value("vehicle", name ? name : psprintf("%d", v->n + 1), "break",
				  psprintf("to begin from %g to %g", vehicle->break_start, vehicle->break_end),
				  "The latest time to begin it must not be before the earliest.");
	while (v->n + count > v->room)
	{
		v->room *= 2;
		v->vehicles = repalloc_huge(v->vehicles, v->room * sizeof(VrpVehicle));
		input->vehicle = repalloc_huge(input->vehicle, v->room * sizeof(char *));
	}
	for (int i = 0; i < count; i++)
	{
		v->vehicles[v->n] = *vehicle;
		input->vehicle[v->n++] = copy;
	}
}

static int
depot_of(const VrpField *f, const TupleTableSlot *slot, const Vehicles *v, const char *name, int otherwise)
{
	char	   *id = vrp_text_of(f, slot);
	int			site;

	if (id == NULL)
		return otherwise;
	site = vrp_find_site(v->d, id);
	if (site < 0 || !v->d->sites[site].depot)
		vrp_bad_value("vehicle", name, f->what, psprintf("\"%s\"", id), "It must be the id of a depot among the deliveries.");
	return site;
}

static void
add_vehicle(void *arg, TupleTableSlot *slot)
{
	Vehicles   *v = arg;
	VrpVehicle	one = v->usual;
	char	   *name = vrp_text_of(&v->id, slot);
	char	   *shown = name ? name : psprintf("%d", v->n + 1);
	double		count = vrp_bounded(&v->count, slot, "vehicle", shown, 1, 0, false);

	if (name)
	{
		if (ecml_dict_find(v->ids, name, strlen(name)) >= 0)
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("two vehicles have the same id"),
					 errdetail("It is \"%s\".", name),
					 errhint("Give each row an id of its own, and many alike in one row with a column \"count\".")));
		(void) ecml_dict_add(v->ids, name, strlen(name));
		if (v->ids->n > v->room)
			elog(ERROR, "more names than vehicles");
	}
	if (v->capacity.number >= 0 && !vrp_is_null(&v->capacity, slot))
	{
		int			dims;

		for (int k = 0; k < VRP_MAX_DIMS; k++)
			one.capacity[k] = INFINITY;
		dims = vrp_loads_of(&v->capacity, slot, "vehicle", shown, one.capacity, true);
		if (v->dims > 0 && v->dims != dims)
			vrp_bad_value("vehicle", shown, "capacity", psprintf("of %d dimensions", dims),
					  psprintf("Others have %d: give each the same number, in the same order.", v->dims));
		v->dims = dims;
	}
	one.fixed = vrp_bounded(&v->fixed, slot, "vehicle", shown, one.fixed, 0, false);
	one.per_distance *= vrp_bounded(&v->per_distance, slot, "vehicle", shown, 1, 0, false);
	one.per_time = vrp_bounded(&v->per_time, slot, "vehicle", shown, one.per_time, 0, false);
	one.speed = vrp_bounded(&v->speed, slot, "vehicle", shown, one.speed, 1e-9, false);
	one.shift_start = vrp_bounded(&v->shift_start, slot, "vehicle", shown, one.shift_start, -INFINITY, false);
	one.shift_end = vrp_bounded(&v->shift_end, slot, "vehicle", shown, one.shift_end, -INFINITY, true);
	one.max_distance = vrp_bounded(&v->max_distance, slot, "vehicle", shown, one.max_distance, 0, true);
	one.max_duration = vrp_bounded(&v->max_duration, slot, "vehicle", shown, one.max_duration, 0, true);
	one.reloads = (int) Min(vrp_bounded(&v->reloads, slot, "vehicle", shown, one.reloads, 0, false), 1000);
	one.reload_time = vrp_bounded(&v->reload_time, slot, "vehicle", shown, one.reload_time, 0, false);
	one.break_start = vrp_bounded(&v->break_start, slot, "vehicle", shown, one.break_start, -INFINITY, false);
	one.break_end = vrp_bounded(&v->break_end, slot, "vehicle", shown, one.break_end, -INFINITY, true);
	one.break_duration = vrp_bounded(&v->break_duration, slot, "vehicle", shown, one.break_duration, 0, false);
	one.start = depot_of(&v->start, slot, v, shown, v->first_depot);
	one.end = v->d->input->options.open ? -1 : depot_of(&v->end, slot, v, shown, one.start);
	one.skills = vrp_skills_of(&v->skills, slot, &v->d->skills);
	add_vehicles(v, &one, (int) Min(count, VRP_MAX_VEHICLES + 1.0), name);
}

static void
vehicles_table(Vehicles *v, const char *text)
{
	EcmlSource	source;

	ecml_source_open(&source, text);
	v->id = vrp_field(&source, NULL, "vehicle id", VRP_NAMES("id", "vehicle_id", "vehicle", "name"), VRP_WANT_TEXT);
	v->capacity = vrp_field(&source, NULL, "capacity", VRP_NAMES("capacity"), VRP_WANT_NUMBERS);
	v->count = vrp_field(&source, NULL, "count", VRP_NAMES("count", "number", "available"), VRP_WANT_NUMBER);
	v->fixed = vrp_field(&source, NULL, "fixed cost", VRP_NAMES("fixed_cost", "fixed"), VRP_WANT_NUMBER);
	v->per_distance = vrp_field(&source, NULL, "unit cost", VRP_NAMES("unit_cost", "cost_per_distance", "distance_cost"), VRP_WANT_NUMBER);
	v->per_time = vrp_field(&source, NULL, "time cost", VRP_NAMES("time_cost", "cost_per_time", "duration_cost"), VRP_WANT_NUMBER);
	v->speed = vrp_field(&source, NULL, "speed", VRP_NAMES("speed"), VRP_WANT_NUMBER);
	v->shift_start = vrp_field(&source, NULL, "shift start", VRP_NAMES("shift_start"), VRP_WANT_TIME);
	v->shift_end = vrp_field(&source, NULL, "shift end", VRP_NAMES("shift_end"), VRP_WANT_TIME);
	v->max_distance = vrp_field(&source, NULL, "greatest distance", VRP_NAMES("max_distance"), VRP_WANT_NUMBER);
	v->max_duration = vrp_field(&source, NULL, "greatest duration", VRP_NAMES("max_duration"), VRP_WANT_TIME);
	v->start = vrp_field(&source, NULL, "first depot", VRP_NAMES("start_depot", "depot"), VRP_WANT_TEXT);
	v->end = vrp_field(&source, NULL, "last depot", VRP_NAMES("end_depot"), VRP_WANT_TEXT);
	v->skills = vrp_field(&source, NULL, "skills", VRP_NAMES("skills"), VRP_WANT_TEXTS);
	v->reloads = vrp_field(&source, NULL, "number of reloads", VRP_NAMES("reloads"), VRP_WANT_NUMBER);
	v->reload_time = vrp_field(&source, NULL, "reload time", VRP_NAMES("reload_time"), VRP_WANT_TIME);
	v->break_start = vrp_field(&source, NULL, "earliest break", VRP_NAMES("break_start"), VRP_WANT_TIME);
	v->break_end = vrp_field(&source, NULL, "latest break", VRP_NAMES("break_end"), VRP_WANT_TIME);
	v->break_duration = vrp_field(&source, NULL, "break duration", VRP_NAMES("break_duration"), VRP_WANT_TIME);
	ecml_source_run(&source, add_vehicle, v);
	if (v->n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("there are no vehicles"),
				 errdetail("The source of the option \"vehicles\" has none."),
				 errhint("It needs a row for each vehicle, or for each kind with a column \"count\".")));
}

/* A number in the option vehicles: 0 or more digits only; -1: it is a source. */
static int
vehicles_number(const char *text)
{
	char	   *end;
	double		value;

	if (text == NULL)
		return -1;
	value = strtod(text, &end);
	if (end == text || *end != '\0')
		return -1;
	if (!(value >= 1) || value != floor(value) || value > VRP_MAX_VEHICLES)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid number of vehicles"),
				 errdetail("It is %s.", text),
				 errhint("Give a whole number from 1 to %d, or the name of a table of vehicles.", VRP_MAX_VEHICLES)));
	return (int) value;
}

void
vrp_read_vehicles(VrpDeliveries *d)
{
	Vehicles   *v = palloc0(sizeof(Vehicles));
	VrpInput   *input = d->input;
	VrpProblem *problem = &input->problem;
	const VrpOptions *o = &input->options;
	int			number = vehicles_number(o->vehicles);
	int			customers = 0;

	v->d = d;
	v->room = 64;
	v->vehicles = MemoryContextAlloc(v->d->context, v->room * sizeof(VrpVehicle));
	input->vehicle = MemoryContextAllocZero(v->d->context, v->room * sizeof(char *));
	v->ids = ecml_dict_create(v->d->context);
	v->first_depot = -1;
	for (int i = problem->nsites - 1; i >= 0; i--)
		if (v->d->sites[i].depot)
			v->first_depot = i;
		else
			customers++;
	v->usual = (VrpVehicle) VRP_VEHICLE;
	for (int k = 0; k < VRP_MAX_DIMS; k++)
		v->usual.capacity[k] = k < o->capacity.n ? o->capacity.v[k] : INFINITY;
	if (o->capacity.n > VRP_MAX_DIMS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("too many dimensions of \"capacity\""),
				 errdetail("There are %d.", o->capacity.n),
				 errhint("Loads have at most %d dimensions.", VRP_MAX_DIMS)));
	v->dims = Max(o->capacity.n, 0);
	v->usual.fixed = o->fixed_cost + o->weight.vehicles;
	v->usual.per_distance = o->weight.distance;
	v->usual.per_time = o->weight.duration;
	v->usual.shift_start = o->shift_start;
	v->usual.shift_end = o->shift_end;
	v->usual.max_distance = o->max_distance;
	v->usual.max_duration = o->max_duration;
	v->usual.reloads = o->reloads;
	v->usual.reload_time = o->reload_time;
	v->usual.break_start = o->break_start;
	v->usual.break_end = o->break_end;
	v->usual.break_duration = o->break_duration;
	if (o->vehicles && number < 0)
		vehicles_table(v, o->vehicles);
	else
		for (int i = 0; i < problem->nsites; i++)
			if (v->d->sites[i].depot)
			{
				VrpVehicle	one = v->usual;

				one.start = i;
				one.end = o->open ? -1 : i;
				add_vehicles(v, &one, number > 0 ? number : Max(customers, 1), NULL);
			}
	if (v->dims > 0 && problem->ndims > 0 && v->dims != problem->ndims)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("capacities and demands differ in their dimensions"),
				 errdetail("Capacities have %d, demands %d.", v->dims, problem->ndims),
				 errhint("Give as many capacities as a demand has numbers.")));
	if (v->dims > 0 && problem->ndims == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("there is a capacity, but the deliveries have no demand"),
				 errdetail("No column is called demand, or like it."),
				 errhint("Name the column with the option \"demand\".")));
	problem->vehicles = v->vehicles;
	problem->nvehicles = v->n;
}

/* The vehicle of that name, or number. */
static int
find_vehicle(const VrpInput *input, const char *name)
{
	char	   *end;
	long		number = strtol(name, &end, 10);

	for (int i = 0; i < input->problem.nvehicles; i++)
		if (input->vehicle[i] && strcmp(input->vehicle[i], name) == 0)
			return i;
	if (end != name && *end == '\0' && number >= 1 && number <= input->problem.nvehicles &&
		input->vehicle[number - 1] == NULL)
		return (int) number - 1;
	return -1;
}

int
vrp_need_vehicle(const VrpInput *input, const char *name, const char *where)
{
	int			found = find_vehicle(input, name);

	if (found < 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("%s names a vehicle that is not there", where),
				 errdetail("It is \"%s\".", name),
				 errhint("It must be the id of a vehicle, or its number from 1 to %d.", input->problem.nvehicles)));
	return found;
}
