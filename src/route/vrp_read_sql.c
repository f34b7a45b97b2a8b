/*
 * vrp_read_sql.c - from tables to a routing problem: deliveries, vehicles, distances, routes known before
 *
 * Columns are found by the part they play, under usual names or those that options give (core/roles.h).  Times may be
 * numbers, intervals, times of day or timestamps (seconds since 2000-01-01 then, as everywhere in ecml).
 */
#include "core/compat.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "core/bind.h"
#include "core/dict.h"
#include "core/error.h"
#include "core/guc.h"
#include "core/json.h"
#include "core/roles.h"
#include "core/source.h"
#include "route/vrp_sql.h"

#define MAX_MATRIX_SITES 5000

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

/* ---------------------------------------------------------------- fields */

/* A column that is read: of numbers, times, or text. */
typedef struct Field
{
	int			number;			/* of the column; -1: there is none */
	const char *what;
	EcmlInput	input;			/* scalars */
	bool		array;
} Field;

typedef enum Wanted
{
	WANT_NUMBER,				/* also an array of them, where allowed */
	WANT_NUMBERS,
	WANT_TIME,
	WANT_FLAG,
	WANT_TEXT,
	WANT_TEXTS					/* also an array of them */
} Wanted;

static Field
field(const EcmlSource *source, const char *given, const char *what, const char *const *usual, Wanted wanted)
{
	Field		f = {.number = ecml_role_find(source, given, what, usual),.what = what};
	Form_pg_attribute attribute;
	EcmlKind	kind = ECML_CATEGORY;
	bool		known;
	bool		right = true;

	if (f.number < 0)
		return f;
	attribute = TupleDescAttr(source->desc, f.number);
	f.input.name = pstrdup(NameStr(attribute->attname));
	f.input.type = attribute->atttypid;
	known = ecml_bind_plan(attribute->atttypid, &f.input.convert, &kind, &f.input.element_type, &f.input.element_convert);
	f.input.kind = kind;
	f.array = OidIsValid(get_base_element_type(attribute->atttypid));
	switch (wanted)
	{
		case WANT_NUMBER:
			right = known && !f.array && kind == ECML_NUMBER;
			break;
		case WANT_NUMBERS:
			right = known && kind == ECML_NUMBER;
			break;
		case WANT_TIME:
			right = known && !f.array && (kind == ECML_NUMBER || kind == ECML_TIME || kind == ECML_INTERVAL);
			break;
		case WANT_FLAG:
			right = known && !f.array && (kind == ECML_NUMBER || kind == ECML_BOOLEAN);
			break;
		case WANT_TEXT:
			right = !f.array;
			break;
		case WANT_TEXTS:
			break;
	}
	if (!right)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("column \"%s\" cannot be the %s", f.input.name, what),
				 errdetail("Its type is %s.", format_type_be(attribute->atttypid)),
				 errhint(wanted == WANT_FLAG ? "It must be a boolean." :
						 wanted == WANT_TEXT ? "It must not be an array." :
						 wanted == WANT_TIME ? "It must be a number, a time or an interval." :
						 wanted == WANT_NUMBERS ? "It must be a number, or an array of numbers." : "It must be a number.")));
	return f;
}

static bool
is_null(const Field *f, const TupleTableSlot *slot)
{
	return f->number < 0 || slot->tts_isnull[f->number];
}

/* NaN: NULL or no column. */
static double
number_of(const Field *f, const TupleTableSlot *slot)
{
	if (is_null(f, slot))
		return NAN;
	return ecml_bind_number(&f->input, slot->tts_values[f->number]);
}

static char *
text_of(const Field *f, const TupleTableSlot *slot)
{
	Oid			output;
	bool		varlena;

	if (is_null(f, slot))
		return NULL;
	getTypeOutputInfo(f->input.type, &output, &varlena);
	return OidOutputFunctionCall(output, slot->tts_values[f->number]);
}

/* The elements of an array as Datums of their type, or an error for more than most. */
static int
elements_of(const Field *f, const TupleTableSlot *slot, Datum **values, bool **nulls, Oid *type)
{
	ArrayType  *array = DatumGetArrayTypeP(slot->tts_values[f->number]);
	int16		length;
	bool		by_value;
	char		align;
	int			n;

	*type = ARR_ELEMTYPE(array);
	get_typlenbyvalalign(*type, &length, &by_value, &align);
	deconstruct_array(array, *type, length, by_value, align, values, nulls, &n);
	return n;
}

static void ECML_NORETURN
bad_value(const char *which, const char *id, const char *what, const char *value, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_EXCEPTION),
			 errmsg("the %s of %s \"%s\" cannot be used", what, which, id),
			 errdetail("It is %s.", value),
			 errhint("%s", hint)));
	pg_unreachable();
}

static char *
in_words(double value)
{
	return isnan(value) ? pstrdup("NULL or NaN") : psprintf("%g", value);
}

/* Loads: a number or an array; least: no value below.  The number of dimensions. */
static int
loads_of(const Field *f, const TupleTableSlot *slot, const char *which, const char *id, double *load, bool unbounded)
{
	int			n = 1;

	if (is_null(f, slot))
		bad_value(which, id, f->what, "NULL", "Give a number of at least 0.");
	if (!f->array)
		load[0] = number_of(f, slot);
	else
	{
		EcmlInput	element = f->input;
		Datum	   *values;
		bool	   *nulls;

		n = elements_of(f, slot, &values, &nulls, &element.type);
		element.convert = f->input.element_convert;
		if (n < 1 || n > VRP_MAX_DIMS)
			bad_value(which, id, f->what, psprintf("an array of %d numbers", n),
					  psprintf("Give 1 to %d numbers.", VRP_MAX_DIMS));
		for (int k = 0; k < n; k++)
			load[k] = nulls[k] ? NAN : ecml_bind_number(&element, values[k]);
	}
	for (int k = 0; k < n; k++)
		if (!(load[k] >= 0) || (!unbounded && isinf(load[k])))
			bad_value(which, id, f->what, in_words(load[k]), "Give a number of at least 0.");
	return n;
}

/* A number within bounds, or the default where it is NULL. */
static double
bounded(const Field *f, const TupleTableSlot *slot, const char *which, const char *id, double otherwise, double low, bool unbounded)
{
	double		value;

	if (is_null(f, slot))
		return otherwise;
	value = number_of(f, slot);
	if (!(value >= low) || (!unbounded && isinf(value)))
		bad_value(which, id, f->what, in_words(value), isinf(low) ? "Give a finite number." :
				  psprintf("Give a number of at least %g.", low));
	return value;
}

/* ---------------------------------------------------------------- skills */

typedef struct Skills
{
	EcmlDict   *dict;
} Skills;

static uint64
skill_bit(Skills *skills, const char *word, int length)
{
	int			code;

	while (length > 0 && isspace((unsigned char) *word))
		word++, length--;
	while (length > 0 && isspace((unsigned char) word[length - 1]))
		length--;
	if (length == 0)
		return 0;
	code = ecml_dict_find(skills->dict, word, length);
	if (code < 0)
	{
		if (skills->dict->n >= VRP_MAX_SKILLS)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("too many different skills"),
					 errdetail("There are more than %d.", VRP_MAX_SKILLS),
					 errhint("Leave out those that every vehicle has.")));
		code = ecml_dict_add(skills->dict, word, length);
	}
	return UINT64CONST(1) << code;
}

/* An array of words, or words with commas. */
static uint64
skills_of(const Field *f, const TupleTableSlot *slot, Skills *skills)
{
	uint64		bits = 0;

	if (is_null(f, slot))
		return 0;
	if (f->array)
	{
		Datum	   *values;
		bool	   *nulls;
		Oid			type;
		Oid			output;
		bool		varlena;
		int			n = elements_of(f, slot, &values, &nulls, &type);

		getTypeOutputInfo(type, &output, &varlena);
		for (int i = 0; i < n; i++)
			if (!nulls[i])
			{
				char	   *word = OidOutputFunctionCall(output, values[i]);

				bits |= skill_bit(skills, word, strlen(word));
			}
	}
	else
		for (char *word = text_of(f, slot); word;)
		{
			char	   *comma = strchr(word, ',');

			bits |= skill_bit(skills, word, comma ? comma - word : (int) strlen(word));
			word = comma ? comma + 1 : NULL;
		}
	return bits;
}

/* ---------------------------------------------------------------- deliveries */

typedef struct Deliveries
{
	VrpInput   *input;
	MemoryContext context;
	VrpSite    *sites;
	int			room;
	EcmlDict   *ids;			/* code: number of the site */
	EcmlDict   *groups;
	Skills		skills;
	char	  **pickup_from;	/* [n] ids, or NULL */
	char	  **only_vehicle;
	bool		any_depot;
	Field		id;
	Field		x;
	Field		y;
	Field		demand;
	Field		ready;
	Field		due;
	Field		service;
	Field		release;
	Field		prize;
	Field		pickup;
	Field		group;
	Field		from;
	Field		depot;
	Field		skill;
	Field		only;
	Field		backhaul;
} Deliveries;

#define NAMES(...) ((const char *const[]) {__VA_ARGS__, NULL})

static void
find_coordinates(Deliveries *d, const EcmlSource *source)
{
	VrpInput   *input = d->input;
	const VrpColumns *column = &input->options.column;
	const char *distance = input->options.distance;
	static const char *const lon[] = {"lon", "lng", "long", "longitude", NULL};
	static const char *const lat[] = {"lat", "latitude", NULL};
	static const char *const x[] = {"x", "x_coord", "xcoord", NULL};
	static const char *const y[] = {"y", "y_coord", "ycoord", NULL};
	bool		sphere = distance && pg_strcasecmp(distance, "haversine") == 0;
	bool		plane = distance && pg_strcasecmp(distance, "euclidean") == 0;

	if (column->lon || column->lat)
		sphere = true;
	else if (column->x || column->y)
		plane = !sphere;
	if (!sphere && (plane || ecml_role_find(source, NULL, "x", x) >= 0))
	{
		d->x = field(source, column->x, "x", x, WANT_NUMBER);
		d->y = field(source, column->y, "y", y, WANT_NUMBER);
	}
	if (d->x.number < 0)
	{
		d->x = field(source, column->lon, "lon", lon, WANT_NUMBER);
		d->y = field(source, column->lat, "lat", lat, WANT_NUMBER);
		input->spherical = d->x.number >= 0;
	}
	if (d->x.number < 0 && sphere)
	{
		/* degrees in columns called x and y */
		d->x = field(source, column->x, "x", x, WANT_NUMBER);
		d->y = field(source, column->y, "y", y, WANT_NUMBER);
		input->spherical = true;
	}
	if (d->x.number < 0 && plane && input->spherical)
		input->spherical = false;
	if (plane)
		input->spherical = false;
	input->placed = d->x.number >= 0 && d->y.number >= 0;
	if (!input->placed && (distance == NULL || sphere || plane))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("the deliveries have no coordinates"),
				 errdetail("There is no pair of columns x and y, or lon and lat."),
				 errhint("Name the columns with the options \"x\" and \"y\" or \"lon\" and \"lat\", or give a table of distances with the option \"distance\".")));
}

static void
find_fields(Deliveries *d, const EcmlSource *source)
{
	const VrpColumns *column = &d->input->options.column;
	static const char *const ids[] = {"id", "delivery_id", "order_id", "customer_id", "stop_id", "node_id", "node", "name", NULL};

	d->id = field(source, column->id, "id", ids, WANT_TEXT);
	if (d->id.number < 0)
		(void) ecml_role_need(source, NULL, "id", ids);
	d->x.number = d->y.number = -1;
	find_coordinates(d, source);
	d->demand = field(source, column->demand, "demand", NAMES("demand", "quantity", "load", "weight"), WANT_NUMBERS);
	d->ready = field(source, column->ready, "ready", NAMES("ready", "ready_time", "window_start", "tw_start"), WANT_TIME);
	d->due = field(source, column->due, "due", NAMES("due", "due_time", "due_date", "window_end", "tw_end"), WANT_TIME);
	d->service = field(source, column->service, "service", NAMES("service", "service_time", "service_duration"), WANT_TIME);
	d->release = field(source, column->release, "release", NAMES("release", "release_time"), WANT_TIME);
	d->prize = field(source, column->prize, "prize", NAMES("prize"), WANT_NUMBER);
	d->pickup = field(source, column->pickup, "pickup", NAMES("pickup"), WANT_NUMBERS);
	d->group = field(source, column->group, "group", NAMES("group", "alternative_group"), WANT_TEXT);
	d->from = field(source, column->pickup_from, "pickup_from", NAMES("pickup_from"), WANT_TEXT);
	d->depot = field(source, column->depot, "depot", NAMES("is_depot", "depot"), WANT_FLAG);
	d->skill = field(source, column->skills, "skills", NAMES("skills"), WANT_TEXTS);
	d->only = field(source, column->only_vehicle, "only_vehicle", NAMES("only_vehicle"), WANT_TEXT);
	d->backhaul = field(source, column->backhaul, "backhaul", NAMES("backhaul"), WANT_FLAG);
}

static void
check_coordinate(const Deliveries *d, const char *id, const Field *f, double value)
{
	double		most = !d->input->spherical ? INFINITY : f == &d->x ? 180 : 90;

	if (!isfinite(value) || fabs(value) > most)
		bad_value("delivery", id, f->what, in_words(value), d->input->spherical ?
				  "Longitudes are degrees from -180 to 180, latitudes from -90 to 90." : "Give a finite number.");
}

static void
set_dims(VrpProblem *problem, const char *id, const char *what, int n)
{
	if (problem->ndims == 0)
		problem->ndims = n;
	else if (problem->ndims != n)
		bad_value("delivery", id, what, psprintf("of %d dimensions", n),
				  psprintf("Others have %d: give each the same number, in the same order.", problem->ndims));
}

static void
add_delivery(void *arg, TupleTableSlot *slot)
{
	Deliveries *d = arg;
	VrpInput   *input = d->input;
	VrpProblem *problem = &input->problem;
	char	   *id = text_of(&d->id, slot);
	int			n = problem->nsites;
	VrpSite    *site;
	MemoryContext old;

	if (id == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("the id of a delivery is NULL"),
				 errdetail("It is that of row %d.", n + 1),
				 errhint("Give each delivery an id, or leave such rows out.")));
	if (n >= VRP_MAX_SITES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many deliveries"),
				 errdetail("There are more than %d.", VRP_MAX_SITES),
				 errhint("Plan them by regions, one call each.")));
	if (ecml_dict_find(d->ids, id, strlen(id)) >= 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("two deliveries have the same id"),
				 errdetail("It is \"%s\".", id),
				 errhint("Give each an id of its own, or name another column with the option \"id\".")));
	(void) ecml_dict_add(d->ids, id, strlen(id));
	if (n == d->room)
	{
		d->room *= 2;
		d->sites = repalloc_huge(d->sites, d->room * sizeof(VrpSite));
		d->pickup_from = repalloc_huge(d->pickup_from, d->room * sizeof(char *));
		d->only_vehicle = repalloc_huge(d->only_vehicle, d->room * sizeof(char *));
		input->id = repalloc_huge(input->id, d->room * sizeof(char *));
	}
	site = &d->sites[n];
	*site = (VrpSite) VRP_SITE;
	if (!is_null(&d->depot, slot))
		site->depot = number_of(&d->depot, slot) != 0;
	if (d->depot.number < 0)
		site->depot = n == 0;
	d->any_depot = d->any_depot || site->depot;
	if (input->placed)
	{
		site->x = number_of(&d->x, slot);
		site->y = number_of(&d->y, slot);
		check_coordinate(d, id, &d->x, site->x);
		check_coordinate(d, id, &d->y, site->y);
	}
	site->ready = bounded(&d->ready, slot, "delivery", id, 0, -INFINITY, false);
	site->due = bounded(&d->due, slot, "delivery", id, INFINITY, -INFINITY, true);
	if (site->ready > site->due)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("the window of delivery \"%s\" closes before it opens", id),
				 errdetail("It is from %g to %g.", site->ready, site->due),
				 errhint("The time in \"%s\" must not be before that in \"%s\".", d->due.input.name,
						 d->ready.number >= 0 ? d->ready.input.name : "ready")));
	if (!site->depot)
	{
		if (d->demand.number >= 0)
			set_dims(problem, id, "demand", loads_of(&d->demand, slot, "delivery", id, site->demand, false));
		if (d->pickup.number >= 0 && !is_null(&d->pickup, slot))
			set_dims(problem, id, "pickup", loads_of(&d->pickup, slot, "delivery", id, site->pickup, false));
		site->service = bounded(&d->service, slot, "delivery", id, 0, 0, false);
		site->release = bounded(&d->release, slot, "delivery", id, 0, -INFINITY, false);
		site->prize = bounded(&d->prize, slot, "delivery", id, INFINITY, 0, true);
		site->skills = skills_of(&d->skill, slot, &d->skills);
		if (!is_null(&d->backhaul, slot))
			site->backhaul = number_of(&d->backhaul, slot) != 0;
		if (!is_null(&d->group, slot))
		{
			char	   *name = text_of(&d->group, slot);
			int			code = ecml_dict_find(d->groups, name, strlen(name));

			site->group = code >= 0 ? code : ecml_dict_add(d->groups, name, strlen(name));
		}
	}
	old = MemoryContextSwitchTo(d->context);
	input->id[n] = pstrdup(id);
	d->pickup_from[n] = site->depot ? NULL : text_of(&d->from, slot);
	d->only_vehicle[n] = site->depot ? NULL : text_of(&d->only, slot);
	MemoryContextSwitchTo(old);
	problem->nsites++;
}

static int
find_site(const Deliveries *d, const char *id)
{
	return ecml_dict_find(d->ids, id, strlen(id));
}

static void
unknown_site(const char *where, const char *id)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_EXCEPTION),
			 errmsg("%s names a delivery that is not there", where),
			 errdetail("It is \"%s\".", id),
			 errhint("It must be the id of a row of the deliveries.")));
}

/* Pickups of pairs: their goods travel from stop to stop. */
static void
join_pairs(Deliveries *d)
{
	VrpProblem *problem = &d->input->problem;
	char	  **id = d->input->id;

	for (int i = 0; i < problem->nsites; i++)
	{
		VrpSite    *site = &d->sites[i];
		int			from;
		const char *wrong = NULL;

		if (d->pickup_from[i] == NULL)
			continue;
		from = find_site(d, d->pickup_from[i]);
		if (from < 0)
			unknown_site("the column pickup_from", d->pickup_from[i]);
		/* from a depot: a delivery like any other */
		if (d->sites[from].depot)
			continue;
		for (int k = 0; k < problem->ndims; k++)
			if (d->sites[from].demand[k] != 0)
				wrong = "the place of a pickup has a demand of its own";
		if (from == i)
			wrong = "it is its own pickup";
		else if (d->pickup_from[from] && !d->sites[find_site(d, d->pickup_from[from])].depot)
			wrong = "the place of its pickup is itself delivered from somewhere";
		else if (d->sites[from].backhaul || site->backhaul)
			wrong = "it is a backhaul too";
		else if (d->sites[from].group >= 0 || site->group >= 0)
			wrong = "it is in a group too";
		else if (d->sites[from].vehicle == -2)
			wrong = "the place of its pickup serves another delivery";
		if (wrong)
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("the pickup of delivery \"%s\" cannot be used", id[i]),
					 errdetail("It is at \"%s\": %s.", d->pickup_from[i], wrong),
					 errhint("A pickup is a row of its own with demand 0, for one delivery; give the place twice where it serves two.")));
		d->sites[from].vehicle = -2;	/* taken */
		site->pair = from;
		memcpy(d->sites[from].pickup, site->demand, sizeof(site->demand));
		memset(site->pickup, 0, sizeof(site->pickup));
		if (isfinite(site->prize) && !isfinite(d->sites[from].prize))
			d->sites[from].prize = 0;
	}
	for (int i = 0; i < problem->nsites; i++)
		d->sites[i].vehicle = -1;
}

static void
read_deliveries(Deliveries *d, const char *text)
{
	EcmlSource	source;
	VrpProblem *problem = &d->input->problem;

	d->room = 64;
	d->sites = MemoryContextAlloc(d->context, d->room * sizeof(VrpSite));
	d->pickup_from = MemoryContextAllocZero(d->context, d->room * sizeof(char *));
	d->only_vehicle = MemoryContextAllocZero(d->context, d->room * sizeof(char *));
	d->input->id = MemoryContextAllocZero(d->context, d->room * sizeof(char *));
	d->ids = ecml_dict_create(d->context);
	d->groups = ecml_dict_create(d->context);
	d->skills.dict = ecml_dict_create(d->context);
	ecml_source_open(&source, text);
	find_fields(d, &source);
	ecml_source_run(&source, add_delivery, d);
	if (problem->nsites == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("there are no deliveries"),
				 errdetail("The source has no rows."),
				 errhint("It needs a row for the depot, and one for each delivery.")));
	if (!d->any_depot)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("there is no depot"),
				 errdetail("No row has true in the column \"%s\".", d->depot.input.name),
				 errhint("Mark the row of the depot, or leave the column out: then the first row is the depot.")));
	problem->sites = d->sites;
	join_pairs(d);
	if (d->input->options.backhauls)
		for (int i = 0; i < problem->nsites; i++)
		{
			bool		out = false;
			bool		in = false;

			for (int k = 0; k < problem->ndims; k++)
			{
				out = out || d->sites[i].demand[k] > 0;
				in = in || d->sites[i].pickup[k] > 0;
			}
			d->sites[i].backhaul = d->sites[i].backhaul || (in && !out);
		}
}

/* ---------------------------------------------------------------- vehicles */

typedef struct Vehicles
{
	Deliveries *d;
	VrpVehicle *vehicles;
	int			n;
	int			room;
	EcmlDict   *ids;			/* code: a name; first_of: its vehicle */
	int		   *first_of;
	int			dims;			/* that capacities have; 0: none given */
	VrpVehicle	usual;			/* what options say */
	int			first_depot;
	Field		id;
	Field		capacity;
	Field		count;
	Field		fixed;
	Field		per_distance;
	Field		per_time;
	Field		speed;
	Field		shift_start;
	Field		shift_end;
	Field		max_distance;
	Field		max_duration;
	Field		start;
	Field		end;
	Field		skills;
	Field		reloads;
	Field		reload_time;
	Field		break_start;
	Field		break_end;
	Field		break_duration;
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
		bad_value("vehicle", name ? name : psprintf("%d", v->n + 1), "shift",
				  psprintf("from %g to %g", vehicle->shift_start, vehicle->shift_end), "It must not end before it begins.");
	if (vehicle->break_duration > 0 && vehicle->break_start > vehicle->break_end)
		bad_value("vehicle", name ? name : psprintf("%d", v->n + 1), "break",
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
depot_of(const Field *f, const TupleTableSlot *slot, const Vehicles *v, const char *name, int otherwise)
{
	char	   *id = text_of(f, slot);
	int			site;

	if (id == NULL)
		return otherwise;
	site = find_site(v->d, id);
	if (site < 0 || !v->d->sites[site].depot)
		bad_value("vehicle", name, f->what, psprintf("\"%s\"", id), "It must be the id of a depot among the deliveries.");
	return site;
}

static void
add_vehicle(void *arg, TupleTableSlot *slot)
{
	Vehicles   *v = arg;
	VrpVehicle	one = v->usual;
	char	   *name = text_of(&v->id, slot);
	char	   *shown = name ? name : psprintf("%d", v->n + 1);
	double		count = bounded(&v->count, slot, "vehicle", shown, 1, 0, false);

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
	if (v->capacity.number >= 0 && !is_null(&v->capacity, slot))
	{
		int			dims;

		for (int k = 0; k < VRP_MAX_DIMS; k++)
			one.capacity[k] = INFINITY;
		dims = loads_of(&v->capacity, slot, "vehicle", shown, one.capacity, true);
		if (v->dims > 0 && v->dims != dims)
			bad_value("vehicle", shown, "capacity", psprintf("of %d dimensions", dims),
					  psprintf("Others have %d: give each the same number, in the same order.", v->dims));
		v->dims = dims;
	}
	one.fixed = bounded(&v->fixed, slot, "vehicle", shown, one.fixed, 0, false);
	one.per_distance *= bounded(&v->per_distance, slot, "vehicle", shown, 1, 0, false);
	one.per_time = bounded(&v->per_time, slot, "vehicle", shown, one.per_time, 0, false);
	one.speed = bounded(&v->speed, slot, "vehicle", shown, one.speed, 1e-9, false);
	one.shift_start = bounded(&v->shift_start, slot, "vehicle", shown, one.shift_start, -INFINITY, false);
	one.shift_end = bounded(&v->shift_end, slot, "vehicle", shown, one.shift_end, -INFINITY, true);
	one.max_distance = bounded(&v->max_distance, slot, "vehicle", shown, one.max_distance, 0, true);
	one.max_duration = bounded(&v->max_duration, slot, "vehicle", shown, one.max_duration, 0, true);
	one.reloads = (int) Min(bounded(&v->reloads, slot, "vehicle", shown, one.reloads, 0, false), 1000);
	one.reload_time = bounded(&v->reload_time, slot, "vehicle", shown, one.reload_time, 0, false);
	one.break_start = bounded(&v->break_start, slot, "vehicle", shown, one.break_start, -INFINITY, false);
	one.break_end = bounded(&v->break_end, slot, "vehicle", shown, one.break_end, -INFINITY, true);
	one.break_duration = bounded(&v->break_duration, slot, "vehicle", shown, one.break_duration, 0, false);
	one.start = depot_of(&v->start, slot, v, shown, v->first_depot);
	one.end = v->d->input->options.open ? -1 : depot_of(&v->end, slot, v, shown, one.start);
	one.skills = skills_of(&v->skills, slot, &v->d->skills);
	add_vehicles(v, &one, (int) Min(count, VRP_MAX_VEHICLES + 1.0), name);
}

static void
vehicles_table(Vehicles *v, const char *text)
{
	EcmlSource	source;

	ecml_source_open(&source, text);
	v->id = field(&source, NULL, "vehicle id", NAMES("id", "vehicle_id", "vehicle", "name"), WANT_TEXT);
	v->capacity = field(&source, NULL, "capacity", NAMES("capacity"), WANT_NUMBERS);
	v->count = field(&source, NULL, "count", NAMES("count", "number", "available"), WANT_NUMBER);
	v->fixed = field(&source, NULL, "fixed cost", NAMES("fixed_cost", "fixed"), WANT_NUMBER);
	v->per_distance = field(&source, NULL, "unit cost", NAMES("unit_cost", "cost_per_distance", "distance_cost"), WANT_NUMBER);
	v->per_time = field(&source, NULL, "time cost", NAMES("time_cost", "cost_per_time", "duration_cost"), WANT_NUMBER);
	v->speed = field(&source, NULL, "speed", NAMES("speed"), WANT_NUMBER);
	v->shift_start = field(&source, NULL, "shift start", NAMES("shift_start"), WANT_TIME);
	v->shift_end = field(&source, NULL, "shift end", NAMES("shift_end"), WANT_TIME);
	v->max_distance = field(&source, NULL, "greatest distance", NAMES("max_distance"), WANT_NUMBER);
	v->max_duration = field(&source, NULL, "greatest duration", NAMES("max_duration"), WANT_TIME);
	v->start = field(&source, NULL, "first depot", NAMES("start_depot", "depot"), WANT_TEXT);
	v->end = field(&source, NULL, "last depot", NAMES("end_depot"), WANT_TEXT);
	v->skills = field(&source, NULL, "skills", NAMES("skills"), WANT_TEXTS);
	v->reloads = field(&source, NULL, "number of reloads", NAMES("reloads"), WANT_NUMBER);
	v->reload_time = field(&source, NULL, "reload time", NAMES("reload_time"), WANT_TIME);
	v->break_start = field(&source, NULL, "earliest break", NAMES("break_start"), WANT_TIME);
	v->break_end = field(&source, NULL, "latest break", NAMES("break_end"), WANT_TIME);
	v->break_duration = field(&source, NULL, "break duration", NAMES("break_duration"), WANT_TIME);
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

static void
read_vehicles(Vehicles *v)
{
	VrpInput   *input = v->d->input;
	VrpProblem *problem = &input->problem;
	const VrpOptions *o = &input->options;
	int			number = vehicles_number(o->vehicles);
	int			customers = 0;

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

static int
need_vehicle(const VrpInput *input, const char *name, const char *where)
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

/* ---------------------------------------------------------------- distances */

typedef struct Matrix
{
	Deliveries *d;
	double	   *distance;
	double	   *duration;		/* NULL: no such column */
	Field		origin;
	Field		destination;
	Field		dist;
	Field		time;
	int64		given;
} Matrix;

static void
add_distance(void *arg, TupleTableSlot *slot)
{
	Matrix	   *m = arg;
	char	   *from = text_of(&m->origin, slot);
	char	   *to = text_of(&m->destination, slot);
	int			a = from ? find_site(m->d, from) : -1;
	int			b = to ? find_site(m->d, to) : -1;
	size_t		cell;
	double		value;

	/* a table may know more places than today's deliveries */
	if (a < 0 || b < 0)
		return;
	cell = (size_t) a * m->d->input->problem.nsites + b;
	if (is_null(&m->dist, slot) || (m->duration && is_null(&m->time, slot)))
		return;
	for (int k = 0; k < 2; k++)
	{
		const Field *f = k == 0 ? &m->dist : &m->time;
		double	   *out = k == 0 ? m->distance : m->duration;

		if (out == NULL)
			continue;
		value = number_of(f, slot);
		if (!(value >= 0))
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("the %s from \"%s\" to \"%s\" cannot be used", f->what, from, to),
					 errdetail("It is %s.", in_words(value)),
					 errhint("It must be a number of at least 0; NULL, infinity and a pair that is not there mean that there is no way.")));
		out[cell] = value;
	}
}

static void
read_matrix(Deliveries *d, const char *text)
{
	VrpProblem *problem = &d->input->problem;
	Matrix		m = {.d = d};
	EcmlSource	source;
	size_t		cells = (size_t) problem->nsites * problem->nsites;
	bool		both = false;

	if (problem->nsites > MAX_MATRIX_SITES || cells * 2 * sizeof(double) > (size_t) ecml_guc_work_mem * 1024)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many deliveries for a table of distances"),
				 errdetail("There are %d.", problem->nsites),
				 errhint("At most %d can have one (and ecml.work_mem bounds it too); leave the option \"distance\" out for straight lines.", MAX_MATRIX_SITES)));
	ecml_source_open(&source, text);
	m.origin = field(&source, NULL, "origin", NAMES("origin", "start_vid", "from_id", "source", "from"), WANT_TEXT);
	m.destination = field(&source, NULL, "destination", NAMES("destination", "end_vid", "to_id", "target", "to"), WANT_TEXT);
	m.dist = field(&source, NULL, "distance", NAMES("distance", "agg_cost", "cost", "meters", "length"), WANT_NUMBER);
	m.time = field(&source, NULL, "duration", NAMES("duration", "time", "travel_time", "seconds"), WANT_TIME);
	if (m.origin.number < 0 || m.destination.number < 0 || m.dist.number < 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("the table of distances has no column \"%s\"", m.origin.number < 0 ? "origin" :
						m.destination.number < 0 ? "destination" : "distance"),
				 errdetail("Its source is: %s", text),
				 errhint("It needs the columns origin, destination and distance, and may have duration.")));
	m.distance = MemoryContextAllocHuge(d->context, cells * sizeof(double));
	if (m.time.number >= 0)
		m.duration = MemoryContextAllocHuge(d->context, cells * sizeof(double));
	for (size_t i = 0; i < cells; i++)
	{
		m.distance[i] = INFINITY;
		if (m.duration)
			m.duration[i] = INFINITY;
	}
	ecml_source_run(&source, add_distance, &m);
	/* pairs given in one direction only are meant both ways */
	for (int i = 0; i < problem->nsites && !both; i++)
		for (int j = 0; j < i; j++)
			both = both || (isfinite(m.distance[(size_t) i * problem->nsites + j]) &&
							isfinite(m.distance[(size_t) j * problem->nsites + i]));
	for (int i = 0; i < problem->nsites; i++)
		for (int j = 0; j < problem->nsites; j++)
		{
			size_t		cell = (size_t) i * problem->nsites + j;
			size_t		back = (size_t) j * problem->nsites + i;

			if (i == j)
			{
				m.distance[cell] = 0;
				if (m.duration)
					m.duration[cell] = 0;
			}
			else if (!both && isinf(m.distance[cell]) && isfinite(m.distance[back]))
			{
				m.distance[cell] = m.distance[back];
				if (m.duration)
					m.duration[cell] = m.duration[back];
			}
		}
	problem->metric = VRP_MATRIX;
	problem->distance = m.distance;
	problem->duration = m.duration;
}

/* ---------------------------------------------------------------- routes known before */

typedef struct Initial
{
	Deliveries *d;
	VrpGiven   *given;
	double	   *stop;
	int			n;
	int			room;
	Field		vehicle;
	Field		stop_number;
	Field		id;
	Field		locked;
} Initial;

static void
add_given(void *arg, TupleTableSlot *slot)
{
	Initial    *in = arg;
	char	   *vehicle = text_of(&in->vehicle, slot);
	char	   *id = text_of(&in->id, slot);
	int			site;

	/* what a plan tells of depots and of deliveries that are in no route */
	if (vehicle == NULL || id == NULL)
		return;
	site = find_site(in->d, id);
	if (site < 0)
		unknown_site("the source of the option \"initial\"", id);
	if (in->d->sites[site].depot)
		return;
	if (in->n == in->room)
	{
		in->room *= 2;
		in->given = repalloc_huge(in->given, in->room * sizeof(VrpGiven));
		in->stop = repalloc_huge(in->stop, in->room * sizeof(double));
	}
	in->stop[in->n] = is_null(&in->stop_number, slot) ? in->n : number_of(&in->stop_number, slot);
	in->given[in->n++] = (VrpGiven) {
		.vehicle = need_vehicle(in->d->input, vehicle, "the source of the option \"initial\""),
		.site = site,
		.locked = !is_null(&in->locked, slot) && number_of(&in->locked, slot) != 0
	};
}

typedef struct Order
{
	VrpGiven	given;
	double		stop;
} Order;

static int
by_route(const void *a, const void *b)
{
	const Order *x = a;
	const Order *y = b;

	if (x->given.vehicle != y->given.vehicle)
		return x->given.vehicle < y->given.vehicle ? -1 : 1;
	return x->stop < y->stop ? -1 : x->stop > y->stop;
}

static void
read_initial(Deliveries *d, const char *text)
{
	Initial		in = {.d = d,.room = 64};
	EcmlSource	source;
	Order	   *order;
	bool	   *met = MemoryContextAllocZero(d->context, d->input->problem.nsites + 1);

	in.given = MemoryContextAlloc(d->context, in.room * sizeof(VrpGiven));
	in.stop = MemoryContextAlloc(d->context, in.room * sizeof(double));
	ecml_source_open(&source, text);
	in.vehicle = field(&source, NULL, "vehicle", NAMES("vehicle", "vehicle_id"), WANT_TEXT);
	in.stop_number = field(&source, NULL, "stop", NAMES("stop", "position"), WANT_NUMBER);
	in.id = field(&source, NULL, "delivery", NAMES("delivery_id", "id", "order_id", "customer_id"), WANT_TEXT);
	in.locked = field(&source, NULL, "locked", NAMES("locked"), WANT_FLAG);
	if (in.vehicle.number < 0 || in.stop_number.number < 0 || in.id.number < 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("the source of the option \"initial\" has no column \"%s\"", in.vehicle.number < 0 ? "vehicle" :
						in.stop_number.number < 0 ? "stop" : "delivery_id"),
				 errdetail("It is: %s", text),
				 errhint("It needs the columns vehicle, stop and delivery_id, and may have locked (boolean).")));
	ecml_source_run(&source, add_given, &in);
	order = MemoryContextAllocHuge(d->context, (in.n + 1) * sizeof(Order));
	for (int i = 0; i < in.n; i++)
	{
		if (met[in.given[i].site])
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("the source of the option \"initial\" has a delivery twice"),
					 errdetail("It is \"%s\".", d->input->id[in.given[i].site]),
					 errhint("A delivery stands in one route, once.")));
		met[in.given[i].site] = true;
		order[i] = (Order) {in.given[i], in.stop[i]};
	}
	qsort(order, in.n, sizeof(Order), by_route);
	for (int i = 0; i < in.n; i++)
	{
		in.given[i] = order[i].given;
		/* locked stops are the first of their route */
		if (in.given[i].locked && i > 0 && in.given[i - 1].vehicle == in.given[i].vehicle && !in.given[i - 1].locked)
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("a locked stop follows one that is not locked"),
					 errdetail("It is delivery \"%s\".", d->input->id[in.given[i].site]),
					 errhint("The locked stops of a route are its first ones.")));
	}
	d->input->problem.given = in.given;
	d->input->problem.ngiven = in.n;
}

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
vrp_read(VrpInput *input, const char *what, const char *deliveries, Jsonb *options)
{
	VrpOptions *o = &input->options;
	EcmlOptionSet set = {vrp_options, o};
	Deliveries *d = palloc0(sizeof(Deliveries));
	Vehicles   *v = palloc0(sizeof(Vehicles));

	memset(input, 0, sizeof(VrpInput));
	*o = (VrpOptions) {
		.capacity.n = -1,.speed = 1,.shift_end = INFINITY,.max_distance = INFINITY,.max_duration = INFINITY,
		.break_end = INFINITY,.time_limit = -1,.iterations = -1,.seed = ecml_guc_seed
	};
	ecml_options_parse(what, options, &set, 1);
	set_objective(o);
	d->input = input;
	d->context = CurrentMemoryContext;
	v->d = d;
	SPI_connect();
	MemoryContextSwitchTo(d->context);
	read_deliveries(d, deliveries);
	input->problem.speed = o->speed;
	input->problem.round = o->round;
	input->problem.metric = input->spherical ? VRP_HAVERSINE : VRP_EUCLIDEAN;
	if (o->distance && pg_strcasecmp(o->distance, "haversine") != 0 && pg_strcasecmp(o->distance, "euclidean") != 0)
		read_matrix(d, o->distance);
	read_vehicles(v);
	for (int i = 0; i < input->problem.nsites; i++)
		if (d->only_vehicle[i])
			d->sites[i].vehicle = need_vehicle(input, d->only_vehicle[i], "the column only_vehicle");
	if (o->initial)
		read_initial(d, o->initial);
	SPI_finish();
	MemoryContextSwitchTo(d->context);
}
