/*
 * route_plot_sql.c - ecml_plot_routes: the tours of ecml_vrp, or those of a plan that is there, as a map
 */
#include "core/compat.h"

#include <math.h>

#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "core/guc.h"
#include "core/host.h"
#include "route/route_plot.h"
#include "route/vrp_read_sql.h"

typedef struct PlotOptions
{
	char	   *title;
	char	   *plan;
	bool		labels;
} PlotOptions;

static const EcmlOption plot_options[] = {
	ECML_OPT_TEXT(PlotOptions, title, "title"),
	ECML_OPT_TEXT(PlotOptions, plan, "plan"),
	ECML_OPT_BOOL(PlotOptions, labels, "labels"),
	ECML_OPT_END
};

/* A stop of a plan. */
typedef struct Stop
{
	int			vehicle;		/* in the order in which they come */
	double		number;
	int			site;
	double		distance;		/* from the stop before; NaN: not told */
	int			row;
} Stop;

typedef struct Tours
{
	const VrpInput *input;
	MemoryContext context;
	EcmlDict   *vehicles;
	Stop	   *stops;
	int			n;
	int			room;
	VrpField	vehicle;
	VrpField	name;
	VrpField	stop;
	VrpField	id;
	VrpField	distance;
} Tours;

static void
add_stop(Tours *p, const char *vehicle, double number, int site, double distance)
{
	int			code = ecml_dict_find(p->vehicles, vehicle, strlen(vehicle));

	if (p->n == p->room)
	{
		p->room *= 2;
		p->stops = repalloc_huge(p->stops, p->room * sizeof(Stop));
	}
	if (code < 0)
		code = ecml_dict_add(p->vehicles, vehicle, strlen(vehicle));
	p->stops[p->n] = (Stop) {code, number, site, distance, p->n};
	p->n++;
}

static void
read_stop(void *arg, TupleTableSlot *slot)
{
	Tours	   *p = arg;
	char	   *vehicle = vrp_text_of(&p->vehicle, slot);
	char	   *name = vrp_text_of(&p->name, slot);
	char	   *id = vrp_text_of(&p->id, slot);
	double		number;
	int			site;

	/* deliveries that are in no tour */
	if (vehicle == NULL || id == NULL)
		return;
	site = ecml_dict_find(p->input->ids, id, strlen(id));
	if (site < 0)
		vrp_unknown_site("the source of the option \"plan\"", id);
	number = vrp_is_null(&p->stop, slot) ? p->n : vrp_number_of(&p->stop, slot);
	if (isnan(number))
		vrp_bad_value("delivery", id, "stop", "NaN", "Give its number along the tour.");
	/* several vehicles of a kind have the name of their kind */
	if (name && strcmp(name, vehicle) != 0)
		vehicle = psprintf("%s (%s)", vehicle, name);
	add_stop(p, vehicle, number, site, vrp_number_of(&p->distance, slot));
}

static int
by_tour(const void *a, const void *b)
{
	const Stop *x = a;
	const Stop *y = b;

	if (x->vehicle != y->vehicle)
		return x->vehicle < y->vehicle ? -1 : 1;
	if (x->number != y->number)
		return x->number < y->number ? -1 : 1;
	return x->row < y->row ? -1 : 1;
}

static void
read_plan(Tours *p, const char *text)
{
	EcmlSource	source;

	SPI_connect();
	MemoryContextSwitchTo(p->context);
	ecml_source_open(&source, text);
	p->vehicle = vrp_field(&source, NULL, "vehicle", VRP_NAMES("vehicle", "vehicle_id", "route", "tour"), VRP_WANT_TEXT);
	p->name = vrp_field(&source, NULL, "vehicle", VRP_NAMES("vehicle_id"), VRP_WANT_TEXT);
	p->stop = vrp_field(&source, NULL, "stop", VRP_NAMES("stop", "position", "sequence"), VRP_WANT_NUMBER);
	p->id = vrp_field(&source, NULL, "delivery", VRP_NAMES("delivery_id", "id", "order_id", "customer_id"), VRP_WANT_TEXT);
	p->distance = vrp_field(&source, NULL, "distance", VRP_NAMES("distance"), VRP_WANT_NUMBER);
	if (p->vehicle.number < 0 || p->stop.number < 0 || p->id.number < 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("the source of the option \"plan\" has no column \"%s\"", p->vehicle.number < 0 ? "vehicle" :
						p->stop.number < 0 ? "stop" : "delivery_id"),
				 errdetail("It is: %s", text),
				 errhint("It needs the columns vehicle, stop and delivery_id, as a result of ecml_vrp has them.")));
	ecml_source_run(&source, read_stop, p);
	SPI_finish();
	MemoryContextSwitchTo(p->context);
	qsort(p->stops, p->n, sizeof(Stop), by_tour);
}

static void
make_plan(Tours *p, VrpInput *input)
{
	VrpSolution *s = vrp_plan(input);

	for (int i = 0; i < s->nstops; i++)
	{
		const VrpStop *stop = &s->stops[i];
		const char *name = input->vehicle[stop->vehicle];

		if (stop->site >= 0)
			add_stop(p, name ? psprintf("%d (%s)", stop->vehicle + 1, name) : psprintf("%d", stop->vehicle + 1), i, stop->site, stop->distance);
	}
}

PG_FUNCTION_INFO_V1(ecml_plot_routes);

/* ecml_plot_routes(deliveries text, options jsonb): SVG */
Datum
ecml_plot_routes(PG_FUNCTION_ARGS)
{
	PlotOptions given = {0};
	EcmlOptionSet set = {plot_options, &given};
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "ecml plot", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	VrpInput   *input = palloc0(sizeof(VrpInput));
	Tours		p = {.input = input,.context = context,.room = 64};
	RoutePlot	plot = {0};
	EcmlServerHost host;
	EcmlCtx		ctx;
	double	   *x;
	double	   *y;
	bool	   *depot;
	int		   *begin;
	int		   *site;
	double	   *length;
	const char **vehicle;
	text	   *result;

	vrp_read(input, "ecml_plot_routes", vrp_argument(fcinfo), PG_ARGISNULL(1) ? NULL : PG_GETARG_JSONB_P(1), &set);
	if (!input->placed)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("the deliveries have no coordinates"),
				 errdetail("There is no pair of columns x and y, or lon and lat: a table of distances makes no map."),
				 errhint("Add coordinates, or name their columns with the options \"x\" and \"y\" or \"lon\" and \"lat\".")));
	p.stops = palloc(p.room * sizeof(Stop));
	p.vehicles = ecml_dict_create(context);
	if (given.plan)
		read_plan(&p, given.plan);
	else
		make_plan(&p, input);
	plot.title = given.title;
	plot.nsites = input->problem.nsites;
	plot.spherical = input->spherical;
	plot.metres = input->spherical && input->problem.metric != VRP_MATRIX;
	plot.labels = given.labels;
	plot.name = (const char *const *) input->id;
	plot.x = x = palloc_extended(plot.nsites * sizeof(double) + 1, MCXT_ALLOC_HUGE);
	plot.y = y = palloc_extended(plot.nsites * sizeof(double) + 1, MCXT_ALLOC_HUGE);
	plot.depot = depot = palloc0(plot.nsites + 1);
	for (int i = 0; i < plot.nsites; i++)
	{
		x[i] = input->problem.sites[i].x;
		y[i] = input->problem.sites[i].y;
		depot[i] = input->problem.sites[i].depot;
	}
	plot.nroutes = p.vehicles->n;
	plot.begin = begin = palloc0((plot.nroutes + 2) * sizeof(int));
	plot.site = site = palloc_extended((p.n + 1) * sizeof(int), MCXT_ALLOC_HUGE);
	plot.length = length = palloc0((plot.nroutes + 1) * sizeof(double));
	plot.vehicle = vehicle = palloc0((plot.nroutes + 1) * sizeof(char *));
	for (int i = 0; i < p.n; i++)
	{
		site[i] = p.stops[i].site;
		begin[p.stops[i].vehicle + 1] = i + 1;
		/* a plan need not tell the way to a tour's first stop */
		if (p.stops[i].number > p.stops[begin[p.stops[i].vehicle]].number || !isnan(p.stops[i].distance))
			length[p.stops[i].vehicle] += p.stops[i].distance;
	}
	for (int r = 0; r < plot.nroutes; r++)
		vehicle[r] = p.vehicles->entries[r].key;
	ecml_host_init(&ctx, &host, context, (size_t) ecml_guc_work_mem * 1024, 0);
	MemoryContextSwitchTo(caller);
	result = cstring_to_text(route_plot(&ctx, &plot));
	MemoryContextDelete(context);
	PG_RETURN_TEXT_P(result);
}
