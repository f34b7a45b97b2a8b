/*
 * vrp_deliveries_sql.c - the rows of deliveries: where they are, what they ask for, which are collected for others
 */
#include "core/compat.h"

#include <math.h>

#include "utils/builtins.h"
#include "utils/memutils.h"

#include "route/vrp_read_sql.h"

static void
find_coordinates(VrpDeliveries *d, const EcmlSource *source)
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
		d->x = vrp_field(source, column->x, "x", x, VRP_WANT_NUMBER);
		d->y = vrp_field(source, column->y, "y", y, VRP_WANT_NUMBER);
	}
	if (d->x.number < 0)
	{
		d->x = vrp_field(source, column->lon, "lon", lon, VRP_WANT_NUMBER);
		d->y = vrp_field(source, column->lat, "lat", lat, VRP_WANT_NUMBER);
		input->spherical = d->x.number >= 0;
	}
	if (d->x.number < 0 && sphere)
	{
		/* degrees in columns called x and y */
		d->x = vrp_field(source, column->x, "x", x, VRP_WANT_NUMBER);
		d->y = vrp_field(source, column->y, "y", y, VRP_WANT_NUMBER);
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
find_fields(VrpDeliveries *d, const EcmlSource *source)
{
	const VrpColumns *column = &d->input->options.column;
	static const char *const ids[] = {"id", "delivery_id", "order_id", "customer_id", "stop_id", "node_id", "node", "name", NULL};

	d->id = vrp_field(source, column->id, "id", ids, VRP_WANT_TEXT);
	if (d->id.number < 0)
		(void) ecml_role_need(source, NULL, "id", ids);
	d->x.number = d->y.number = -1;
	find_coordinates(d, source);
	d->demand = vrp_field(source, column->demand, "demand", VRP_NAMES("demand", "quantity", "load", "weight"), VRP_WANT_NUMBERS);
	d->ready = vrp_field(source, column->ready, "ready", VRP_NAMES("ready", "ready_time", "window_start", "tw_start"), VRP_WANT_TIME);
	d->due = vrp_field(source, column->due, "due", VRP_NAMES("due", "due_time", "due_date", "window_end", "tw_end"), VRP_WANT_TIME);
	d->service = vrp_field(source, column->service, "service", VRP_NAMES("service", "service_time", "service_duration"), VRP_WANT_TIME);
	d->release = vrp_field(source, column->release, "release", VRP_NAMES("release", "release_time"), VRP_WANT_TIME);
	d->prize = vrp_field(source, column->prize, "prize", VRP_NAMES("prize"), VRP_WANT_NUMBER);
	d->pickup = vrp_field(source, column->pickup, "pickup", VRP_NAMES("pickup"), VRP_WANT_NUMBERS);
	d->group = vrp_field(source, column->group, "group", VRP_NAMES("group", "alternative_group"), VRP_WANT_TEXT);
	d->from = vrp_field(source, column->pickup_from, "pickup_from", VRP_NAMES("pickup_from"), VRP_WANT_TEXT);
	d->depot = vrp_field(source, column->depot, "depot", VRP_NAMES("is_depot", "depot"), VRP_WANT_FLAG);
	d->skill = vrp_field(source, column->skills, "skills", VRP_NAMES("skills"), VRP_WANT_TEXTS);
	d->only = vrp_field(source, column->only_vehicle, "only_vehicle", VRP_NAMES("only_vehicle"), VRP_WANT_TEXT);
	d->backhaul = vrp_field(source, column->backhaul, "backhaul", VRP_NAMES("backhaul"), VRP_WANT_FLAG);
}

static void
check_coordinate(const VrpDeliveries *d, const char *id, const VrpField *f, double value)
{
	double		most = !d->input->spherical ? INFINITY : f == &d->x ? 180 : 90;

	if (!isfinite(value) || fabs(value) > most)
		vrp_bad_value("delivery", id, f->what, vrp_in_words(value), d->input->spherical ?
				  "Longitudes are degrees from -180 to 180, latitudes from -90 to 90." : "Give a finite number.");
}

static void
set_dims(VrpProblem *problem, const char *id, const char *what, int n)
{
	if (problem->ndims == 0)
		problem->ndims = n;
	else if (problem->ndims != n)
		vrp_bad_value("delivery", id, what, psprintf("of %d dimensions", n),
				  psprintf("Others have %d: give each the same number, in the same order.", problem->ndims));
}

static void
add_delivery(void *arg, TupleTableSlot *slot)
{
	VrpDeliveries *d = arg;
	VrpInput   *input = d->input;
	VrpProblem *problem = &input->problem;
	char	   *id = vrp_text_of(&d->id, slot);
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
	if (!vrp_is_null(&d->depot, slot))
		site->depot = vrp_number_of(&d->depot, slot) != 0;
	if (d->depot.number < 0)
		site->depot = n == 0;
	d->any_depot = d->any_depot || site->depot;
	if (input->placed)
	{
		site->x = vrp_number_of(&d->x, slot);
		site->y = vrp_number_of(&d->y, slot);
		check_coordinate(d, id, &d->x, site->x);
		check_coordinate(d, id, &d->y, site->y);
	}
	site->ready = vrp_bounded(&d->ready, slot, "delivery", id, 0, -INFINITY, false);
	site->due = vrp_bounded(&d->due, slot, "delivery", id, INFINITY, -INFINITY, true);
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
			set_dims(problem, id, "demand", vrp_loads_of(&d->demand, slot, "delivery", id, site->demand, false));
		if (d->pickup.number >= 0 && !vrp_is_null(&d->pickup, slot))
			set_dims(problem, id, "pickup", vrp_loads_of(&d->pickup, slot, "delivery", id, site->pickup, false));
		site->service = vrp_bounded(&d->service, slot, "delivery", id, 0, 0, false);
		site->release = vrp_bounded(&d->release, slot, "delivery", id, 0, -INFINITY, false);
		site->prize = vrp_bounded(&d->prize, slot, "delivery", id, INFINITY, 0, true);
		site->skills = vrp_skills_of(&d->skill, slot, &d->skills);
		if (!vrp_is_null(&d->backhaul, slot))
			site->backhaul = vrp_number_of(&d->backhaul, slot) != 0;
		if (!vrp_is_null(&d->group, slot))
		{
			char	   *name = vrp_text_of(&d->group, slot);
			int			code = ecml_dict_find(d->groups, name, strlen(name));

			site->group = code >= 0 ? code : ecml_dict_add(d->groups, name, strlen(name));
		}
	}
	old = MemoryContextSwitchTo(d->context);
	input->id[n] = pstrdup(id);
	d->pickup_from[n] = site->depot ? NULL : vrp_text_of(&d->from, slot);
	d->only_vehicle[n] = site->depot ? NULL : vrp_text_of(&d->only, slot);
	MemoryContextSwitchTo(old);
	problem->nsites++;
}

int
vrp_find_site(const VrpDeliveries *d, const char *id)
{
	return ecml_dict_find(d->ids, id, strlen(id));
}

void
vrp_unknown_site(const char *where, const char *id)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_EXCEPTION),
			 errmsg("%s names a delivery that is not there", where),
			 errdetail("It is \"%s\".", id),
			 errhint("It must be the id of a row of the deliveries.")));
}

/* Pickups of pairs: their goods travel from stop to stop. */
static void
join_pairs(VrpDeliveries *d)
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
		from = vrp_find_site(d, d->pickup_from[i]);
		if (from < 0)
			vrp_unknown_site("the column pickup_from", d->pickup_from[i]);
		/* from a depot: a delivery like any other */
		if (d->sites[from].depot)
			continue;
		for (int k = 0; k < problem->ndims; k++)
			if (d->sites[from].demand[k] != 0)
				wrong = "the place of a pickup has a demand of its own";
		if (from == i)
			wrong = "it is its own pickup";
		else if (d->pickup_from[from] && !d->sites[vrp_find_site(d, d->pickup_from[from])].depot)
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

void
vrp_read_deliveries(VrpDeliveries *d, const char *text)
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
