/*
 * vrp_ways_sql.c - a table of distances and durations; routes known before
 */
#include "core/compat.h"

#include <math.h>

#include "utils/builtins.h"
#include "utils/memutils.h"

#include "core/guc.h"
#include "route/vrp_read_sql.h"

#define MAX_MATRIX_SITES 5000

/* ---------------------------------------------------------------- distances */

typedef struct Matrix
{
	VrpDeliveries *d;
	double	   *distance;
	double	   *duration;		/* NULL: no such column */
	VrpField	origin;
	VrpField	destination;
	VrpField	dist;
	VrpField	time;
	int64		given;
} Matrix;

static void
add_distance(void *arg, TupleTableSlot *slot)
{
	Matrix	   *m = arg;
	char	   *from = vrp_text_of(&m->origin, slot);
	char	   *to = vrp_text_of(&m->destination, slot);
	int			a = from ? vrp_find_site(m->d, from) : -1;
	int			b = to ? vrp_find_site(m->d, to) : -1;
	size_t		cell;
	double		value;

	/* a table may know more places than today's deliveries */
	if (a < 0 || b < 0)
		return;
	cell = (size_t) a * m->d->input->problem.nsites + b;
	if (vrp_is_null(&m->dist, slot) || (m->duration && vrp_is_null(&m->time, slot)))
		return;
	for (int k = 0; k < 2; k++)
	{
		const VrpField *f = k == 0 ? &m->dist : &m->time;
		double	   *out = k == 0 ? m->distance : m->duration;

		if (out == NULL)
			continue;
		value = vrp_number_of(f, slot);
		if (!(value >= 0))
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("the %s from \"%s\" to \"%s\" cannot be used", f->what, from, to),
					 errdetail("It is %s.", vrp_in_words(value)),
					 errhint("It must be a number of at least 0; NULL, infinity and a pair that is not there mean that there is no way.")));
		out[cell] = value;
	}
}

void
vrp_read_matrix(VrpDeliveries *d, const char *text)
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
	m.origin = vrp_field(&source, NULL, "origin", VRP_NAMES("origin", "start_vid", "from_id", "source", "from"), VRP_WANT_TEXT);
	m.destination = vrp_field(&source, NULL, "destination", VRP_NAMES("destination", "end_vid", "to_id", "target", "to"), VRP_WANT_TEXT);
	m.dist = vrp_field(&source, NULL, "distance", VRP_NAMES("distance", "agg_cost", "cost", "meters", "length"), VRP_WANT_NUMBER);
	m.time = vrp_field(&source, NULL, "duration", VRP_NAMES("duration", "time", "travel_time", "seconds"), VRP_WANT_TIME);
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
	VrpDeliveries *d;
	VrpGiven   *given;
	double	   *stop;
	int			n;
	int			room;
	VrpField	vehicle;
	VrpField	stop_number;
	VrpField	id;
	VrpField	locked;
} Initial;

static void
add_given(void *arg, TupleTableSlot *slot)
{
	Initial    *in = arg;
	char	   *vehicle = vrp_text_of(&in->vehicle, slot);
	char	   *id = vrp_text_of(&in->id, slot);
	int			site;

	/* what a plan tells of depots and of deliveries that are in no route */
	if (vehicle == NULL || id == NULL)
		return;
	site = vrp_find_site(in->d, id);
	if (site < 0)
		vrp_unknown_site("the source of the option \"initial\"", id);
	if (in->d->sites[site].depot)
		return;
	if (in->n == in->room)
	{
		in->room *= 2;
		in->given = repalloc_huge(in->given, in->room * sizeof(VrpGiven));
		in->stop = repalloc_huge(in->stop, in->room * sizeof(double));
	}
	in->stop[in->n] = vrp_is_null(&in->stop_number, slot) ? in->n : vrp_number_of(&in->stop_number, slot);
	in->given[in->n++] = (VrpGiven) {
		.vehicle = vrp_need_vehicle(in->d->input, vehicle, "the source of the option \"initial\""),
		.site = site,
		.locked = !vrp_is_null(&in->locked, slot) && vrp_number_of(&in->locked, slot) != 0
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

void
vrp_read_initial(VrpDeliveries *d, const char *text)
{
	Initial		in = {.d = d,.room = 64};
	EcmlSource	source;
	Order	   *order;
	bool	   *met = MemoryContextAllocZero(d->context, d->input->problem.nsites + 1);

	in.given = MemoryContextAlloc(d->context, in.room * sizeof(VrpGiven));
	in.stop = MemoryContextAlloc(d->context, in.room * sizeof(double));
	ecml_source_open(&source, text);
	in.vehicle = vrp_field(&source, NULL, "vehicle", VRP_NAMES("vehicle", "vehicle_id"), VRP_WANT_TEXT);
	in.stop_number = vrp_field(&source, NULL, "stop", VRP_NAMES("stop", "position"), VRP_WANT_NUMBER);
	in.id = vrp_field(&source, NULL, "delivery", VRP_NAMES("delivery_id", "id", "order_id", "customer_id"), VRP_WANT_TEXT);
	in.locked = vrp_field(&source, NULL, "locked", VRP_NAMES("locked"), VRP_WANT_FLAG);
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
