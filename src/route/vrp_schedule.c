/*
 * vrp_schedule.c - one route in full: is it feasible, and when is its vehicle where
 *
 * The search tells from segments whether an insertion keeps windows and loads.  What segments do not tell, breaks and goods
 * that are released for later trips, is tried here stop by stop; the same code makes the timetable of the result.
 *
 * A break is taken once, for break_duration, beginning within [break_start, break_end], at a stop: after its service, or
 * before the service of the next one, whichever is done earlier; a route that ends before break_end needs none.  Earliest
 * departures with and without the break are carried from stop to stop.
 *
 * Cost: linear in the stops of the route.
 */
#include "route/vrp_internal.h"

#include <string.h>

/* Nodes are customers, and RELOAD for a visit to the depot. */
#define RELOAD (-1)

typedef enum Rest
{
	REST_BEFORE,				/* taken earlier, or not at all */
	REST_LEAVING,				/* after the service of the stop before */
	REST_ARRIVED				/* on arrival, before service */
} Rest;

typedef struct Clock
{
	double		without;		/* earliest end of the last service: break not taken */
	double		with;			/* break taken; INFINITY: not possible yet */
} Clock;

static double
trip_release(const VrpInstance *in, const int *nodes, int first, int n)
{
	double		release = 0;

	for (int i = first; i < n && nodes[i] != RELOAD; i++)
		release = in->release[nodes[i]] > release ? in->release[nodes[i]] : release;
	return release;
}

/* Location and window of the ith of n nodes; n: the end. */
static int
stop_at(const VrpInstance *in, int route, const int *nodes, int n, int i, VrpSeg *own)
{
	const VrpType *type = &in->types[in->type[route]];

	if (i == n)
	{
		*own = in->own[vrp_end(in, route)];
		return type->end;
	}
	if (nodes[i] == RELOAD)
	{
		double		release = in->released ? trip_release(in, nodes, i + 1, n) : 0;

		*own = (VrpSeg) {type->v.reload_time, release > type->v.shift_start ? release : type->v.shift_start,
			type->v.shift_end};
		return type->start;
	}
	*own = in->own[nodes[i]];
	return nodes[i];
}

/* Each trip within the capacity, collected goods behind delivered ones; skills. */
static bool
loads_fit(const VrpInstance *in, int route, const int *nodes, int n)
{
	const VrpType *type = &in->types[in->type[route]];
	int			begin = 0;

	for (int i = 0; i < n; i++)
		if (nodes[i] != RELOAD &&
			((in->skills[nodes[i]] & ~type->v.skills) || (in->vehicle[nodes[i]] >= 0 && in->vehicle[nodes[i]] != route)))
			return false;
	for (int i = 0; i <= n; i++)
	{
		if (i < n && nodes[i] != RELOAD)
			continue;
		for (int k = 0; k < in->ndims; k++)
		{
			VrpLoad		load = {0, 0, 0};

			for (int j = begin; j < i; j++)
				vrp_join_load(&load, &load, &in->load[(size_t) nodes[j] * in->ndims + k]);
			if (load.peak > type->v.capacity[k])
				return false;
		}
		for (int j = begin + 1; j < i; j++)
			if (in->side[nodes[j]] < in->side[nodes[j - 1]])
				return false;
		begin = i + 1;
	}
	return true;
}

/* One leg of t and the stop's window, with or without the break before it; false: neither way. */
static bool
advance(const VrpVehicle *v, Clock *clock, double t, const VrpSeg *own, Rest *rest)
{
	double		arrival = clock->without + t;
	double		with = clock->with + t;
	double		begin;

	*rest = REST_BEFORE;
	begin = clock->without > v->break_start ? clock->without : v->break_start;
	if (v->break_duration > 0 && begin <= v->break_end && begin + v->break_duration + t < with)
	{
		with = begin + v->break_duration + t;
		*rest = REST_LEAVING;
	}
	begin = arrival > v->break_start ? arrival : v->break_start;
	if (v->break_duration > 0 && begin <= v->break_end && begin + v->break_duration < with)
	{
		with = begin + v->break_duration;
		*rest = REST_ARRIVED;
	}
	begin = arrival > own->early ? arrival : own->early;
	clock->without = begin <= own->late ? begin + own->dur : INFINITY;
	begin = with > own->early ? with : own->early;
	clock->with = begin <= own->late ? begin + own->dur : INFINITY;
	return isfinite(clock->without) || isfinite(clock->with);
}

/* Run through from a start on; the end, and whether the break is taken.  rests: NULL, or [n + 1]. */
static bool
run(const VrpInstance *in, int route, const int *nodes, int n, double start, double *finish, bool *taken, VrpStop *rests)
{
	const VrpType *type = &in->types[in->type[route]];
	Clock		clock = {start, INFINITY};
	int			from = type->start;

	for (int i = 0; i <= n; i++)
	{
		VrpSeg		own;
		int			to = stop_at(in, route, nodes, n, i, &own);
		Rest		rest;

		if (!advance(&type->v, &clock, vrp_time(in, type, from, to, vrp_leg(in, from, to)), &own, &rest))
			return false;
		if (rests)
			rests[i + 1].rest = rest;
		from = to;
	}
	if (type->v.break_duration <= 0 || clock.without <= type->v.break_end)
	{
		*finish = clock.without;
		*taken = false;
		return isfinite(clock.without);
	}
	*finish = clock.with;
	*taken = true;
	return isfinite(clock.with);
}

/* When to start, and when it ends; false: windows, shift or durations are not kept. */
static bool
times_fit(const VrpInstance *in, int route, const int *nodes, int n, double *start, double *finish, bool *taken)
{
	const VrpType *type = &in->types[in->type[route]];
	VrpSeg		seg = in->own[vrp_start(in, route)];
	double		release = in->released ? trip_release(in, nodes, 0, n) : 0;
	int			from = type->start;

	seg.early = release > seg.early ? release : seg.early;
	if (seg.early > seg.late)
		return false;
	for (int i = 0; i <= n; i++)
	{
		VrpSeg		own;
		int			to = stop_at(in, route, nodes, n, i, &own);

		if (!vrp_join(&seg, &seg, &own, vrp_time(in, type, from, to, vrp_leg(in, from, to))))
			return false;
		from = to;
	}
	/* as late as costs no time; when a break then does not fit, as early as can be */
	*start = seg.early;
	if (run(in, route, nodes, n, *start, finish, taken, NULL) && *finish - *start <= type->v.max_duration)
		return true;
	*start = in->own[vrp_start(in, route)].early;
	*start = release > *start ? release : *start;
	return run(in, route, nodes, n, *start, finish, taken, NULL) && *finish - *start <= type->v.max_duration;
}

/* Is it feasible in every respect?  Its distance and duration. */
bool
vrp_try_sequence(const VrpInstance *in, int route, const int *nodes, int n, double *distance, double *duration)
{
	const VrpType *type = &in->types[in->type[route]];
	int			from = type->start;
	double		start;
	double		finish;
	bool		taken;

	*distance = 0;
	*duration = 0;
	for (int i = 0; i <= n; i++)
	{
		int			to = i == n ? type->end : nodes[i] == RELOAD ? type->start : nodes[i];

		*distance += vrp_leg(in, from, to);
		from = to;
	}
	if (!(*distance <= type->v.max_distance) || !isfinite(*distance) || !loads_fit(in, route, nodes, n))
		return false;
	if (!in->timed)
		return true;
	if (!times_fit(in, route, nodes, n, &start, &finish, &taken))
		return false;
	*duration = finish - start;
	return true;
}

/* What a trip carries when it leaves the depot. */
static void
load_up(const VrpInstance *in, const int *nodes, int first, int n, double *load)
{
	memset(load, 0, sizeof(double) * VRP_MAX_DIMS);
	for (int i = first; i < n && nodes[i] != RELOAD; i++)
		for (int k = 0; k < in->ndims; k++)
			load[k] += in->load[(size_t) nodes[i] * in->ndims + k].deliver;
}

/* The timetable of a feasible route: n + 2 stops, in the problem's units. */
int
vrp_schedule(const VrpInstance *in, int route, const int *nodes, int n, VrpStop *stops)
{
	const VrpType *type = &in->types[in->type[route]];
	double		start = in->own[vrp_start(in, route)].early;
	double		finish = start;
	double		load[VRP_MAX_DIMS];
	double		now;
	bool		taken = false;
	int			rest_at = -1;
	int			from = type->start;

	memset(stops, 0, sizeof(VrpStop) * (n + 2));
	if (!times_fit(in, route, nodes, n, &start, &finish, &taken) ||
		!run(in, route, nodes, n, start, &finish, &taken, stops))
		taken = false;
	for (int i = n + 1; taken && i > 0 && rest_at < 0; i--)
		if (stops[i].rest != REST_BEFORE)
			rest_at = i;
	load_up(in, nodes, 0, n, load);
	now = start;
	stops[0] = (VrpStop) {.vehicle = in->vehicle_of[route],.site = in->site[type->start],.arrival = start,.departure = start};
	memcpy(stops[0].load, load, sizeof(load));
	for (int i = 0; i <= n; i++)
	{
		VrpStop    *stop = &stops[i + 1];
		VrpSeg		own;
		int			to = stop_at(in, route, nodes, n, i, &own);
		double		leg = vrp_leg(in, from, to);
		Rest		rest = i + 1 == rest_at ? (Rest) stop->rest : REST_BEFORE;
		double		begin;

		*stop = (VrpStop) {.vehicle = in->vehicle_of[route],.site = in->site[to],.distance = leg};
		if (rest == REST_LEAVING)
		{
			/* the break belongs to the stop before: it leaves later */
			begin = now > type->v.break_start ? now : type->v.break_start;
			stops[i].rest = type->v.break_duration;
			now = begin + type->v.break_duration;
			stops[i].departure = now;
		}
		now += vrp_time(in, type, from, to, leg);
		stop->arrival = now;
		if (rest == REST_ARRIVED)
		{
			now = (now > type->v.break_start ? now : type->v.break_start) + type->v.break_duration;
			stop->rest = type->v.break_duration;
		}
		begin = now > own.early ? now : own.early;
		stop->wait = begin - stop->arrival - stop->rest;
		now = begin + own.dur;
		stop->departure = now;
		if (i < n && nodes[i] == RELOAD)
		{
			stop->reload = true;
			load_up(in, nodes, i + 1, n, load);
		}
		else if (i < n)
			for (int k = 0; k < in->ndims; k++)
			{
				const VrpLoad *own_load = &in->load[(size_t) nodes[i] * in->ndims + k];

				load[k] += own_load->pick - own_load->deliver;
			}
		memcpy(stop->load, load, sizeof(load));
		from = to;
	}
	if (type->v.end < 0)
		stops[n + 1].departure = stops[n + 1].arrival = stops[n].departure;
	for (int i = 0; i <= n + 1; i++)
	{
		stops[i].arrival /= in->scale;
		stops[i].wait /= in->scale;
		stops[i].rest /= in->scale;
		stops[i].departure /= in->scale;
		stops[i].distance /= in->scale;
	}
	return n + 2;
}
