/*
 * vrp_check.c - does a problem have sense?  The binding tells people more exactly, by the ids of their rows; this is the last word
 * before the solver, for whoever fills in a problem.
 *
 * Cost: linear in sites and vehicles, and with a matrix in its size.
 */
#include "route/vrp_internal.h"

/* Not NaN, and at least low. */
static bool
number(double x, double low)
{
	return x >= low;
}

static void
refuse(EcmlCtx *ctx, const char *what, int i, const char *wrong)
{
	ecml_detail(ctx, "%s %d: %s.", what, i, wrong);
	ecml_fail(ctx, ECML_DATA_EXCEPTION, "the routing problem has no sense");
}

static void
check_site(EcmlCtx *ctx, const VrpProblem *p, int i)
{
	const VrpSite *s = &p->sites[i];

	if (p->metric != VRP_MATRIX && !(isfinite(s->x) && isfinite(s->y)))
		refuse(ctx, "site", i, "its coordinates are not finite");
	if (p->metric == VRP_HAVERSINE && !(fabs(s->x) <= 180 && fabs(s->y) <= 90))
		refuse(ctx, "site", i, "it is outside the earth");
	for (int k = 0; k < p->ndims; k++)
		if (!number(s->demand[k], 0) || !number(s->pickup[k], 0) || isinf(s->demand[k]) || isinf(s->pickup[k]))
			refuse(ctx, "site", i, "a load is not a finite number of at least 0");
	if (!isfinite(s->ready) || !number(s->due, s->ready))
		refuse(ctx, "site", i, "its window closes before it opens");
	if (!number(s->service, 0) || isinf(s->service) || !isfinite(s->release) || !number(s->prize, 0))
		refuse(ctx, "site", i, "its service, release or prize is not a number of at least 0");
	if (s->pair < -1 || s->pair >= p->nsites || s->pair == i || (s->pair >= 0 && (s->depot || p->sites[s->pair].depot ||
																				  p->sites[s->pair].pair >= 0)))
		refuse(ctx, "site", i, "its pair is no site that could be one");
	if (s->vehicle < -1 || s->vehicle >= p->nvehicles)
		refuse(ctx, "site", i, "its vehicle is none");
}

static void
check_vehicle(EcmlCtx *ctx, const VrpProblem *p, int i)
{
	const VrpVehicle *v = &p->vehicles[i];

	for (int k = 0; k < p->ndims; k++)
		if (!number(v->capacity[k], 0))
			refuse(ctx, "vehicle", i, "a capacity is not a number of at least 0");
	if (!number(v->fixed, 0) || !number(v->per_distance, 0) || !number(v->per_time, 0) || isinf(v->fixed + v->per_distance + v->per_time))
		refuse(ctx, "vehicle", i, "a cost is not a finite number of at least 0");
	if (!(v->speed > 0) || isinf(v->speed) || !isfinite(v->shift_start) || !number(v->shift_end, v->shift_start))
		refuse(ctx, "vehicle", i, "its speed or shift has no sense");
	if (!number(v->max_distance, 0) || !number(v->max_duration, 0) || v->reloads < 0 || !number(v->reload_time, 0) ||
		!number(v->break_duration, 0))
		refuse(ctx, "vehicle", i, "a limit is not a number of at least 0");
	if (v->break_duration > 0 && !(isfinite(v->break_start) && v->break_end >= v->break_start))
		refuse(ctx, "vehicle", i, "its break ends before it begins");
	if (v->start < 0 || v->start >= p->nsites || !p->sites[v->start].depot ||
		(v->end != -1 && (v->end < 0 || v->end >= p->nsites || !p->sites[v->end].depot)))
		refuse(ctx, "vehicle", i, "it starts or ends where no depot is");
}

void
vrp_check(EcmlCtx *ctx, const VrpProblem *problem)
{
	if (problem->nsites < 1 || problem->nsites > VRP_MAX_SITES || problem->nvehicles < 0 || problem->nvehicles > VRP_MAX_VEHICLES ||
		problem->ndims < 0 || problem->ndims > VRP_MAX_DIMS)
		refuse(ctx, "problem", 0, "there are too few or too many sites, vehicles or dimensions");
	if (!(problem->speed > 0))
		refuse(ctx, "problem", 0, "the speed is not above 0");
	for (int i = 0; i < problem->nsites; i++)
		check_site(ctx, problem, i);
	for (int i = 0; i < problem->nvehicles; i++)
		check_vehicle(ctx, problem, i);
	if (problem->metric == VRP_MATRIX)
		for (size_t i = 0; i < (size_t) problem->nsites * problem->nsites; i++)
			if (!number(problem->distance[i], 0) || (problem->duration && !number(problem->duration[i], 0)))
				refuse(ctx, "pair of sites", (int) i, "its distance or duration is not a number of at least 0");
	for (int i = 0; i < problem->ngiven; i++)
		if (problem->given[i].vehicle < 0 || problem->given[i].vehicle >= problem->nvehicles || problem->given[i].site < 0 ||
			problem->given[i].site >= problem->nsites)
			refuse(ctx, "stop known before", i, "its vehicle or site is none");
}
