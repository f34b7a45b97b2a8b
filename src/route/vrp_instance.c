/*
 * vrp_instance.c - from a problem to the instance that the search works on
 *
 * Sites that no vehicle can serve even alone are left out here, with the reason; the rest are numbered anew, distances are
 * rounded and laid out, vehicles put together by type, sites by request, and the neighbours of each customer listed.
 *
 * Cost: n^2 distances, in parallel by rows; a matrix of them is kept up to MATRIX_SITES sites and a quarter of the budget.
 */
#include "route/vrp_internal.h"

#include <string.h>
#include <time.h>

#define MATRIX_SITES 3000
#define EARTH_RADIUS 6371008.8	/* metres: the mean radius */
#define SAME_TYPES 64			/* how many types a vehicle is compared with */
#define ROWS_A_TASK 16

double
vrp_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double) now.tv_sec + 1e-9 * (double) now.tv_nsec;
}

const char *
vrp_reason_text(VrpReason reason)
{
	switch (reason)
	{
		case VRP_SERVED:
			break;
		case VRP_ALTERNATIVE:
			return "another of its group is served";
		case VRP_NOT_WORTH:
			return "serving it would cost more than its prize";
		case VRP_NO_ROOM:
			return "no vehicle is left for it";
		case VRP_TOO_LARGE:
			return "its load is larger than any vehicle";
		case VRP_NO_SKILL:
			return "no vehicle has its skills";
		case VRP_NO_WAY:
			return "there is no way to it and back";
		case VRP_NO_TIME:
			return "no vehicle can be there within its window and back in time";
		case VRP_TOO_FAR:
			return "it is beyond the distance or duration of every vehicle";
		case VRP_PAIR_UNSERVED:
			return "the other stop of its pair cannot be served";
		case VRP_ENDED:
			return "the search was ended before its turn";
	}
	return "served";
}

/* ---------------------------------------------------------------- distances */

static double
rounded(VrpRound round, double distance)
{
	switch (round)
	{
		case VRP_ROUND_NONE:
			return distance;
		case VRP_ROUND_NEAREST:
			return floor(distance + 0.5);
		case VRP_ROUND_TRUNC1:
			return floor(10 * distance);	/* in tenths: the scale */
		case VRP_ROUND_UP:
			return ceil(distance);
	}
	return distance;
}

/* On the unit sphere, of degrees. */
static void
on_sphere(double longitude, double latitude, double *x, double *y, double *z)
{
	double		lambda = longitude * (M_PI / 180);
	double		phi = latitude * (M_PI / 180);

	*x = cos(phi) * cos(lambda);
	*y = cos(phi) * sin(lambda);
	*z = sin(phi);
}

/* The great circle from the chord: accurate where the haversine formula is. */
static double
great_circle(double dx, double dy, double dz)
{
	double		half = 0.5 * sqrt(dx * dx + dy * dy + dz * dz);

	return 2 * EARTH_RADIUS * asin(half < 1 ? half : 1);
}

double
vrp_distance(const VrpProblem *problem, int from, int to)
{
	const VrpSite *a = &problem->sites[from];
	const VrpSite *b = &problem->sites[to];
	double		scale = problem->round == VRP_ROUND_TRUNC1 ? 10 : 1;
	double		distance;

	if (problem->metric == VRP_MATRIX)
		distance = problem->distance[(size_t) from * problem->nsites + to];
	else if (problem->metric == VRP_EUCLIDEAN)
		distance = sqrt((a->x - b->x) * (a->x - b->x) + (a->y - b->y) * (a->y - b->y));
	else
	{
		double		p[3];
		double		q[3];

		on_sphere(a->x, a->y, &p[0], &p[1], &p[2]);
		on_sphere(b->x, b->y, &q[0], &q[1], &q[2]);
		distance = great_circle(p[0] - q[0], p[1] - q[1], p[2] - q[2]);
	}
	return rounded(problem->round, distance) / scale;
}

/* Up to the next multiple of the quantum. */
static double
up(const VrpInstance *in, double value)
{
	return ceil(value / in->quantum) * in->quantum;
}

static double
down(const VrpInstance *in, double value)
{
	return floor(value / in->quantum) * in->quantum;
}

static inline double
from_coordinates(const VrpInstance *in, int from, int to)
{
	double		dx = in->x[from] - in->x[to];
	double		dy = in->y[from] - in->y[to];
	double		distance;

	if (from == in->nloc - 1 || to == in->nloc - 1)
		return 0;
	if (in->metric == VRP_EUCLIDEAN)
		distance = sqrt(dx * dx + dy * dy);
	else
		distance = great_circle(dx, dy, in->z[from] - in->z[to]);
	return up(in, rounded(in->round, distance));
}

double
vrp_measure(const VrpInstance *in, int from, int to)
{
	return from_coordinates(in, from, to);
}

/* ---------------------------------------------------------------- matrices */

typedef struct Fill
{
	const VrpInstance *in;
	const VrpProblem *problem;
	double	   *out;
	bool		times;			/* fill durations */
	bool		transposed;
} Fill;

static double
from_matrix(const Fill *f, int from, int to)
{
	const VrpInstance *in = f->in;
	const double *source = f->times ? f->problem->duration : f->problem->distance;

	if (from == in->nloc - 1 || to == in->nloc - 1 || from == to)
		return 0;
	else
	{
		double		value = source[(size_t) in->site[from] * f->problem->nsites + in->site[to]];

		return up(in, f->times ? value * in->scale : rounded(in->round, value));
	}
}

static void
fill_rows(void *arg, size_t task, int worker)
{
	Fill	   *f = arg;
	const VrpInstance *in = f->in;
	int			first = (int) task * ROWS_A_TASK;
	int			last = first + ROWS_A_TASK < in->nloc ? first + ROWS_A_TASK : in->nloc;

	for (int i = first; i < last; i++)
		for (int j = 0; j < in->nloc; j++)
		{
			int			from = f->transposed ? j : i;
			int			to = f->transposed ? i : j;

			f->out[(size_t) i * in->nloc + j] = f->problem->metric == VRP_MATRIX ? from_matrix(f, from, to) :
				from_coordinates(in, from, to);
		}
}

static double *
fill(EcmlCtx *ctx, const VrpInstance *in, const VrpProblem *problem, bool times, bool transposed)
{
	Fill		f = {.in = in,.problem = problem,.times = times,.transposed = transposed};

	f.out = ECML_NEW(ctx, double, (size_t) in->nloc * in->nloc);
	ecml_parallel_for(ctx, (in->nloc + ROWS_A_TASK - 1) / ROWS_A_TASK, fill_rows, &f);
	return f.out;
}

static void
set_distances(EcmlCtx *ctx, VrpInstance *in, const VrpProblem *problem)
{
	size_t		cells = (size_t) in->nloc * in->nloc;

	if (problem->metric != VRP_MATRIX)
	{
		in->x = ECML_NEW0(ctx, double, in->nloc);
		in->y = ECML_NEW0(ctx, double, in->nloc);
		in->z = ECML_NEW0(ctx, double, in->nloc);
		for (int i = 0; i < in->nloc - 1; i++)
		{
			const VrpSite *site = &problem->sites[in->site[i]];

			if (in->metric == VRP_HAVERSINE)
				on_sphere(site->x, site->y, &in->x[i], &in->y[i], &in->z[i]);
			else
			{
				in->x[i] = site->x;
				in->y[i] = site->y;
			}
		}
		if (in->nloc > MATRIX_SITES || !ecml_fits(ctx, 4 * cells * sizeof(double)))
			return;
		in->dist = in->dist_to = in->time = in->time_to = fill(ctx, in, problem, false, false);
		return;
	}
	in->dist = in->dist_to = in->time = in->time_to = fill(ctx, in, problem, false, false);
	for (int i = 0; i < in->nloc && in->dist_to == in->dist; i++)
		for (int j = 0; j < i; j++)
			if (in->dist[(size_t) i * in->nloc + j] != in->dist[(size_t) j * in->nloc + i])
			{
				in->dist_to = fill(ctx, in, problem, false, true);
				break;
			}
	if (problem->duration)
		in->time = in->time_to = fill(ctx, in, problem, true, false);
}

/* The quantum: a power of two so small that sums of everything there is are below 2^50 of it. */
static double
find_quantum(EcmlCtx *ctx, const VrpProblem *problem, double scale)
{
	double		longest = 1;
	double		total = 1;
	double		low[2] = {INFINITY, INFINITY};
	double		high[2] = {-INFINITY, -INFINITY};
	double		slowest = 1;

	for (int i = 0; i < problem->nsites; i++)
	{
		const VrpSite *site = &problem->sites[i];

		low[0] = fmin(low[0], site->x);
		low[1] = fmin(low[1], site->y);
		high[0] = fmax(high[0], site->x);
		high[1] = fmax(high[1], site->y);
		total += site->service + fabs(site->ready) + fabs(site->release) + (isfinite(site->due) ? fabs(site->due) : 0);
		if (problem->metric == VRP_MATRIX)
		{
			for (int j = 0; j < problem->nsites; j++)
			{
				double		d = problem->distance[(size_t) i * problem->nsites + j];
				double		t = problem->duration ? problem->duration[(size_t) i * problem->nsites + j] : 0;

				longest = isfinite(d) && d > longest ? d : longest;
				longest = isfinite(t) && t > longest ? t : longest;
			}
			ecml_poll(ctx, 0, 0);
		}
	}
	if (problem->metric == VRP_EUCLIDEAN)
		longest = fmax(longest, hypot(high[0] - low[0], high[1] - low[1]));
	else if (problem->metric == VRP_HAVERSINE)
		longest = 4 * EARTH_RADIUS;
	for (int v = 0; v < problem->nvehicles; v++)
	{
		const VrpVehicle *vehicle = &problem->vehicles[v];

		slowest = fmin(slowest, vehicle->speed);
		total += fabs(vehicle->shift_start) + (isfinite(vehicle->shift_end) ? fabs(vehicle->shift_end) : 0) +
			vehicle->reloads * vehicle->reload_time + vehicle->break_duration;
	}
	if (problem->duration == NULL)
		slowest *= fmin(1, problem->speed);
	total = scale * (total + 2.0 * (problem->nsites + 2) * longest / slowest);
	return exp2(ceil(log2(total)) - 50);
}

/* ---------------------------------------------------------------- vehicles */

static bool
same_vehicle(const VrpVehicle *a, const VrpVehicle *b, int ndims)
{
	for (int k = 0; k < ndims; k++)
		if (a->capacity[k] != b->capacity[k])
			return false;
	return a->fixed == b->fixed && a->per_distance == b->per_distance && a->per_time == b->per_time &&
		a->speed == b->speed && a->shift_start == b->shift_start && a->shift_end == b->shift_end &&
		a->max_distance == b->max_distance && a->max_duration == b->max_duration && a->start == b->start &&
		a->end == b->end && a->skills == b->skills && a->reloads == b->reloads && a->reload_time == b->reload_time &&
		a->break_start == b->break_start && a->break_end == b->break_end && a->break_duration == b->break_duration;
}

/*
 * Types, and the type of each vehicle.  The places of types are sites until the sites have locations.
 */
static int *
find_types(EcmlCtx *ctx, VrpInstance *in, const VrpProblem *problem)
{
	int		   *type_of = ECML_NEW(ctx, int, problem->nvehicles + 1);
	int			room = 16;

	in->types = ECML_NEW(ctx, VrpType, room);
	for (int v = 0; v < problem->nvehicles; v++)
	{
		const VrpVehicle *vehicle = &problem->vehicles[v];
		int			found = -1;

		for (int t = in->ntypes - 1; t >= 0 && t >= in->ntypes - SAME_TYPES && found < 0; t--)
			if (same_vehicle(&in->types[t].v, vehicle, problem->ndims))
				found = t;
		if (found < 0)
		{
			if (in->ntypes == room)
				in->types = ecml_resize_array(ctx, in->types, room *= 2, sizeof(VrpType));
			found = in->ntypes++;
			memset(&in->types[found], 0, sizeof(VrpType));
			in->types[found].v = *vehicle;
		}
		in->types[found].count++;
		type_of[v] = found;
	}
	return type_of;
}

/* Scale and round what a type has. */
static void
prepare_type(VrpInstance *in, const VrpProblem *problem, VrpType *type, const int *location)
{
	VrpVehicle *v = &type->v;
	const VrpSite *start = &problem->sites[v->start];
	const VrpSite *end = v->end >= 0 ? &problem->sites[v->end] : NULL;
	double		scale = in->scale;

	type->start = location[v->start];
	type->end = v->end >= 0 ? location[v->end] : in->nloc - 1;
	type->inverse_speed = 1 / v->speed;
	if (in->time == in->dist)
		type->inverse_speed /= problem->speed;
	for (int k = 0; k < in->ndims; k++)
		v->capacity[k] += isfinite(v->capacity[k]) ? 1e-9 * (1 + v->capacity[k]) : 0;
	v->per_distance /= scale;
	v->per_time /= scale;
	v->max_distance = isfinite(v->max_distance) ? down(in, v->max_distance * scale + 2 * in->quantum * in->n) : INFINITY;
	v->max_duration = isfinite(v->max_duration) ? down(in, v->max_duration * scale + 2 * in->quantum * in->n) : INFINITY;
	v->reload_time = up(in, v->reload_time * scale);
	v->break_start = up(in, v->break_start * scale);
	v->break_end = down(in, v->break_end * scale);
	v->break_duration = up(in, v->break_duration * scale);
	/* the depots' hours are the shift's as well */
	v->shift_start = up(in, fmax(v->shift_start, start->ready) * scale);
	v->shift_end = v->shift_end * scale;
	if (end)
		v->shift_end = fmin(v->shift_end, end->due * scale);
	v->shift_end = isfinite(v->shift_end) ? down(in, v->shift_end) : INFINITY;
	type->hard = v->break_duration > 0 || v->reloads > 0;
}

static double
start_late(const VrpInstance *in, const VrpProblem *problem, const VrpType *type)
{
	double		due = problem->sites[in->site[type->start]].due * in->scale;

	due = isfinite(due) ? down(in, due) : INFINITY;
	return due < type->v.shift_end ? due : type->v.shift_end;
}

/* ---------------------------------------------------------------- what can be served at all */

/* How far a type gets with one site, or with a pair: the reason that stops it, or VRP_SERVED. */
static VrpReason
serves(const VrpInstance *in, const VrpProblem *problem, const VrpType *type, const int *sites, int n, const VrpSeg *own)
{
	const VrpVehicle *v = &type->v;
	VrpSeg		seg = {0, v->shift_start, start_late(in, problem, type)};
	VrpSeg		last = {0, v->end >= 0 ? problem->sites[v->end].ready * in->scale : v->shift_start, v->shift_end};
	double		distance = 0;
	bool		in_time = true;
	int			from = type->start;

	for (int i = 0; i < n; i++)
	{
		const VrpSite *site = &problem->sites[in->site[sites[i]]];

		if (site->skills & ~v->skills)
			return VRP_NO_SKILL;
		for (int k = 0; k < in->ndims; k++)
			if (site->demand[k] > v->capacity[k] || site->pickup[k] > v->capacity[k])
				return VRP_TOO_LARGE;
	}
	for (int i = 0; i <= n; i++)
	{
		int			to = i < n ? sites[i] : type->end;
		double		leg = vrp_leg(in, from, to);
		double		time = vrp_time(in, type, from, to, leg);

		if (!isfinite(leg) || !isfinite(time))
			return VRP_NO_WAY;
		distance += leg;
		if (in_time)
			in_time = vrp_join(&seg, &seg, i < n ? &own[sites[i]] : &last, time);
		from = to;
	}
	for (int i = 0; i < n; i++)
		in_time = in_time && problem->sites[in->site[sites[i]]].release * in->scale <= seg.late;
	if (!in_time)
		return VRP_NO_TIME;
	if (distance > v->max_distance || seg.dur > v->max_duration)
		return VRP_TOO_FAR;
	return VRP_SERVED;
}

/* ---------------------------------------------------------------- requests */

static void
add_request(VrpInstance *in, const VrpProblem *problem, VrpRequestKind kind, const int *nodes, int n)
{
	VrpRequest *request = &in->requests[in->nrequests];
	int			first = in->nrequests == 0 ? 0 : in->requests[in->nrequests - 1].first + in->requests[in->nrequests - 1].count;
	double		prize = 0;

	*request = (VrpRequest) {.kind = kind,.first = first,.count = n};
	for (int i = 0; i < n; i++)
	{
		const VrpSite *site = &problem->sites[in->site[nodes[i]]];

		in->members[first + i] = nodes[i];
		in->request[nodes[i]] = in->nrequests;
		if (kind == VRP_PAIR)
			prize += site->prize;
		else
			prize = fmax(prize, site->prize);
		for (int k = 0; k < in->ndims; k++)
			request->demand = fmax(request->demand, fabs(site->demand[k]) + site->pickup[k]);
	}
	request->optional = isfinite(prize);
	request->penalty = prize;
	request->far = vrp_leg(in, in->types[0].start, nodes[0]);
	request->width = in->own[nodes[0]].late - in->own[nodes[0]].early;
	request->open = in->own[nodes[0]].early;
	request->close = in->own[nodes[0]].late;
	in->nrequests++;
}

/* ---------------------------------------------------------------- all of it */

/* Round the loads: multiples of a power of two, so that totals are exact. */
static double
load_quantum(const VrpProblem *problem)
{
	double		total = 1;

	for (int i = 0; i < problem->nsites; i++)
		for (int k = 0; k < problem->ndims; k++)
			total += fabs(problem->sites[i].demand[k]) + fabs(problem->sites[i].pickup[k]);
	return exp2(ceil(log2(total)) - 50);
}

static VrpSeg
window_of(const VrpInstance *in, const VrpSite *site)
{
	return (VrpSeg) {
		up(in, site->service * in->scale), up(in, site->ready * in->scale),
		isfinite(site->due) ? down(in, site->due * in->scale) : INFINITY
	};
}

static void
set_node(VrpInstance *in, const VrpProblem *problem, int node, double unit)
{
	const VrpSite *site = &problem->sites[in->site[node]];
	bool		collected = site->pair >= 0;	/* its goods were taken on at another stop */

	in->loc[node] = node;
	in->own[node] = window_of(in, site);
	in->release[node] = up(in, site->release * in->scale);
	in->skills[node] = site->skills;
	in->side[node] = site->backhaul ? 1 : 0;
	for (int k = 0; k < in->ndims; k++)
	{
		double		demand = round(site->demand[k] / unit) * unit;
		double		pickup = round(site->pickup[k] / unit) * unit;
		VrpLoad    *load = &in->load[(size_t) node * in->ndims + k];

		if (collected)
			*load = (VrpLoad) {0, -demand, 0};
		else
			*load = (VrpLoad) {demand, pickup, demand > pickup ? demand : pickup};
	}
}

/* What the steps share. */
typedef struct Making
{
	EcmlCtx    *ctx;
	VrpInstance *in;
	const VrpProblem *problem;
	const VrpParams *params;
	int		   *location;		/* [nsites] -1: left out */
	int		   *pair_of;		/* [nsites] of a pickup: the site it is for; -1 */
	int		   *type_of;		/* [nvehicles] */
	int		   *route_of;		/* [nvehicles] */
} Making;

/* Customers in the order of the sites, then depots, then nowhere; and the distances between them. */
static void
number_sites(Making *m)
{
	VrpInstance *in = m->in;
	const VrpProblem *problem = m->problem;
	int			customers = 0;
	int			at = 0;
	int			depots;

	in->ndepots = 0;
	for (int i = 0; i < problem->nsites; i++)
	{
		customers += !problem->sites[i].depot && in->reason[i] == VRP_SERVED;
		in->ndepots += problem->sites[i].depot;
	}
	in->n = customers;
	in->nloc = customers + in->ndepots + 1;
	depots = customers;
	for (int i = 0; i < problem->nsites; i++)
	{
		m->location[i] = problem->sites[i].depot ? depots++ : in->reason[i] == VRP_SERVED ? at++ : -1;
		if (m->location[i] >= 0)
			in->site[m->location[i]] = i;
	}
	in->site[in->nloc - 1] = -1;
	set_distances(m->ctx, in, problem);
}

/* The reason why no type serves a site (with the other of its pair), or VRP_SERVED. */
static VrpReason
why_not(const Making *m, int customer, const VrpSeg *own)
{
	const VrpInstance *in = m->in;
	const VrpProblem *problem = m->problem;
	int			s = in->site[customer];
	int			sites[2] = {customer, customer};
	int			n = 1;
	VrpReason	best = in->ntypes == 0 ? VRP_NO_ROOM : VRP_NO_SKILL;

	if (problem->sites[s].pair >= 0)
	{
		sites[0] = m->location[problem->sites[s].pair];
		n = 2;
	}
	else if (m->pair_of[s] >= 0)
	{
		sites[1] = m->location[m->pair_of[s]];
		n = 2;
	}
	for (int t = 0; t < in->ntypes; t++)
	{
		VrpReason	reason;

		if (problem->sites[s].vehicle >= 0 && m->type_of[problem->sites[s].vehicle] != t)
			continue;
		reason = serves(in, problem, &in->types[t], sites, n, own);
		if (reason == VRP_SERVED)
			return VRP_SERVED;
		if (reason > best)
			best = reason;
	}
	return best;
}

/* Sites that no vehicle can serve even alone leave; those that stay are numbered anew. */
static void
leave_out(Making *m)
{
	VrpInstance *in = m->in;
	const VrpProblem *problem = m->problem;
	VrpSeg	   *own = ECML_NEW(m->ctx, VrpSeg, in->nloc);
	bool		lost = false;

	for (int i = 0; i < in->n; i++)
	{
		const VrpSite *site = &problem->sites[in->site[i]];

		own[i] = window_of(in, site);
		if (site->pair >= 0)
			m->pair_of[site->pair] = in->site[i];
	}
	for (int i = 0; i < in->n; i++)
	{
		VrpReason	reason = why_not(m, i, own);

		in->reason[in->site[i]] = reason;
		lost = lost || reason != VRP_SERVED;
		if ((i & 63) == 0)
			ecml_poll(m->ctx, 0, 0);
	}
	for (int i = 0; i < problem->nsites; i++)
		if (m->pair_of[i] >= 0 && (in->reason[i] != VRP_SERVED) != (in->reason[m->pair_of[i]] != VRP_SERVED))
			in->reason[in->reason[i] != VRP_SERVED ? m->pair_of[i] : i] = VRP_PAIR_UNSERVED;
	ecml_free(m->ctx, own);
	if (!lost)
		return;
	if (in->dist)
	{
		if (in->time != in->dist)
			ecml_free(m->ctx, (void *) in->time);
		if (in->dist_to != in->dist)
			ecml_free(m->ctx, (void *) in->dist_to);
		ecml_free(m->ctx, (void *) in->dist);
		in->dist = in->dist_to = in->time = in->time_to = NULL;
	}
	number_sites(m);
	for (int t = 0; t < in->ntypes; t++)
	{
		in->types[t].start = m->location[in->types[t].v.start];
		in->types[t].end = in->types[t].v.end >= 0 ? m->location[in->types[t].v.end] : in->nloc - 1;
	}
}

/* A route for each vehicle, type by type, and what types say of the instance. */
static void
lay_routes(Making *m)
{
	EcmlCtx    *ctx = m->ctx;
	VrpInstance *in = m->in;
	const VrpProblem *problem = m->problem;
	int		   *next_of_type = ECML_NEW0(ctx, int, in->ntypes + 1);

	in->mixed = in->ntypes > 1;
	for (int t = 0; t < in->ntypes; t++)
	{
		VrpType    *type = &in->types[t];
		const VrpVehicle *v = &type->v;

		type->first = in->nroutes;
		in->nroutes += type->count;
		in->hard = in->hard || type->hard;
		in->timed = in->timed || type->hard || isfinite(v->shift_end) || isfinite(v->max_duration) || v->per_time > 0;
		in->clocked = in->clocked || v->per_time > 0;
		in->far_bound = in->far_bound || isfinite(v->max_distance);
		in->long_bound = in->long_bound || isfinite(v->max_duration);
		in->nreloads += type->count * (v->reloads < in->n ? v->reloads : in->n);
	}
	in->type = ECML_NEW(ctx, int, in->nroutes + 1);
	in->vehicle_of = ECML_NEW(ctx, int, in->nroutes + 1);
	in->nnodes = in->n + 2 * in->nroutes + in->nreloads;
	in->loc = ECML_NEW0(ctx, int, in->nnodes + 1);
	in->own = ECML_NEW0(ctx, VrpSeg, in->nnodes + 1);
	in->load = ECML_NEW0(ctx, VrpLoad, (size_t) (in->nnodes + 1) * (in->ndims > 0 ? in->ndims : 1));
	for (int v = 0; v < problem->nvehicles; v++)
	{
		VrpType    *type = &in->types[m->type_of[v]];
		int			route = type->first + next_of_type[m->type_of[v]]++;

		m->route_of[v] = route;
		in->type[route] = m->type_of[v];
		in->vehicle_of[route] = v;
		in->loc[vrp_start(in, route)] = type->start;
		in->loc[vrp_end(in, route)] = type->end;
		in->own[vrp_start(in, route)] = (VrpSeg) {0, type->v.shift_start, start_late(in, problem, type)};
		in->own[vrp_end(in, route)] = (VrpSeg) {
			0, type->v.end >= 0 ? up(in, problem->sites[type->v.end].ready * in->scale) : type->v.shift_start,
			type->v.shift_end
		};
	}
	ecml_free(ctx, next_of_type);
}

/* What customers ask for, and what that says of the instance. */
static void
set_customers(Making *m)
{
	EcmlCtx    *ctx = m->ctx;
	VrpInstance *in = m->in;
	double		unit = load_quantum(m->problem);

	in->release = ECML_NEW0(ctx, double, in->n + 1);
	in->skills = ECML_NEW0(ctx, uint64_t, in->n + 1);
	in->vehicle = ECML_NEW0(ctx, int, in->n + 1);
	in->side = ECML_NEW0(ctx, signed char, in->n + 1);
	in->locked = ECML_NEW0(ctx, bool, in->n + 1);
	in->request = ECML_NEW0(ctx, int, in->n + 1);
	in->simple_load = !in->hard;
	for (int c = 0; c < in->n; c++)
	{
		const VrpSite *site = &m->problem->sites[in->site[c]];

		set_node(in, m->problem, c, unit);
		in->vehicle[c] = site->vehicle >= 0 ? m->route_of[site->vehicle] : -1;
		in->timed = in->timed || isfinite(site->due) || site->ready > 0 || site->release > 0;
		in->released = in->released || site->release > 0;
		in->picky = in->picky || site->skills || site->vehicle >= 0;
		in->ordered = in->ordered || site->backhaul;
		/* a pair's insertion joins loads stop by stop, even those of nothing */
		if (site->pair >= 0)
			in->simple_load = false;
		for (int k = 0; k < in->ndims; k++)
			if (in->load[(size_t) c * in->ndims + k].pick != 0)
				in->simple_load = false;
	}
}

/* Routes known before, in the numbers of the instance. */
static void
set_given(Making *m)
{
	VrpInstance *in = m->in;
	const VrpProblem *problem = m->problem;
	VrpGiven   *given;

	if (problem->ngiven == 0)
		return;
	in->given = given = ECML_NEW(m->ctx, VrpGiven, problem->ngiven);
	for (int i = 0; i < problem->ngiven; i++)
	{
		int			node = m->location[problem->given[i].site];

		if (node < 0 || node >= in->n)
			continue;
		given[in->ngiven] = problem->given[i];
		given[in->ngiven].vehicle = m->route_of[problem->given[i].vehicle];
		given[in->ngiven].site = node;
		in->ngiven++;
		if (problem->given[i].locked)
		{
			in->locked[node] = true;
			in->ordered = true;
			in->vehicle[node] = m->route_of[problem->given[i].vehicle];
			in->picky = true;
		}
	}
}

/* Customers by what is served or not as one: groups, pairs, the others alone. */
static void
set_requests(Making *m)
{
	EcmlCtx    *ctx = m->ctx;
	VrpInstance *in = m->in;
	const VrpProblem *problem = m->problem;
	int			groups = 0;
	int		   *first_of;
	int		   *next_in = ECML_NEW(ctx, int, in->n + 1);
	int		   *nodes = ECML_NEW(ctx, int, in->n + 1);

	in->requests = ECML_NEW(ctx, VrpRequest, in->n + 1);
	in->members = ECML_NEW(ctx, int, in->n + 1);
	in->requests_plain = true;
	for (int c = 0; c < in->n; c++)
		groups = problem->sites[in->site[c]].group >= groups ? problem->sites[in->site[c]].group + 1 : groups;
	first_of = ECML_NEW(ctx, int, groups + 1);
	for (int g = 0; g < groups; g++)
		first_of[g] = -1;
	for (int c = in->n - 1; c >= 0; c--)
	{
		int			g = problem->sites[in->site[c]].group;

		if (g >= 0)
		{
			next_in[c] = first_of[g];
			first_of[g] = c;
		}
	}
	for (int c = 0; c < in->n; c++)
	{
		const VrpSite *site = &problem->sites[in->site[c]];

		if (site->group >= 0)
		{
			int			n = 0;

			if (first_of[site->group] != c)
				continue;
			for (int member = c; member >= 0; member = next_in[member])
				nodes[n++] = member;
			add_request(in, problem, n > 1 ? VRP_GROUP : VRP_SINGLE, nodes, n);
			in->requests_plain = in->requests_plain && n == 1;
		}
		else if (m->pair_of[in->site[c]] >= 0)
		{
			nodes[0] = c;
			nodes[1] = m->location[m->pair_of[in->site[c]]];
			add_request(in, problem, VRP_PAIR, nodes, 2);
			in->requests_plain = false;
		}
		else if (site->pair < 0)
			add_request(in, problem, VRP_SINGLE, &c, 1);
	}
	ecml_free(ctx, nodes);
	ecml_free(ctx, next_in);
	ecml_free(ctx, first_of);
}

/* What leaving out costs, where it must not be: more than any trip. */
static void
set_penalties(Making *m)
{
	VrpInstance *in = m->in;
	double		big = 0;

	for (int c = 0; c < in->n; c++)
		for (int t = 0; t < in->ntypes; t++)
		{
			const VrpType *type = &in->types[t];
			double		leg = vrp_leg(in, type->start, c) + vrp_leg(in, c, type->end);
			double		cost = type->v.per_distance * leg + type->v.per_time * (isfinite(in->own[c].late) ? in->own[c].late : 0) +
				type->v.fixed;

			if (isfinite(cost) && cost > big)
				big = cost;
		}
	big = 10 * (big + in->near_edge) + 1;
	if (m->params->vehicles_first)
	{
		big *= 100;
		for (int t = 0; t < in->ntypes; t++)
			in->types[t].v.fixed += big;
		big *= 100;
	}
	for (int r = 0; r < in->nrequests; r++)
		if (!in->requests[r].optional)
			in->requests[r].penalty = big;
		else if (in->requests[r].penalty > big)
			in->requests[r].penalty = big;
}

VrpInstance *
vrp_instance(EcmlCtx *ctx, const VrpProblem *problem, const VrpParams *params)
{
	VrpInstance *in = ECML_NEW0(ctx, VrpInstance, 1);
	Making		m = {.ctx = ctx,.in = in,.problem = problem,.params = params};

	m.location = ECML_NEW(ctx, int, problem->nsites + 1);
	m.pair_of = ECML_NEW(ctx, int, problem->nsites + 1);
	m.route_of = ECML_NEW(ctx, int, problem->nvehicles + 1);
	for (int i = 0; i < problem->nsites; i++)
		m.pair_of[i] = -1;
	in->scale = problem->round == VRP_ROUND_TRUNC1 ? 10 : 1;
	in->metric = problem->metric;
	in->round = problem->round;
	in->ndims = problem->ndims;
	in->inverse_speed = 1 / problem->speed;
	in->quantum = find_quantum(ctx, problem, in->scale);
	in->reason = ECML_NEW0(ctx, VrpReason, problem->nsites + 1);
	in->site = ECML_NEW(ctx, int, problem->nsites + 1);
	m.type_of = find_types(ctx, in, problem);
	/* all sites as locations, so that they can be tried; those that nobody can serve leave afterwards */
	number_sites(&m);
	for (int t = 0; t < in->ntypes; t++)
		prepare_type(in, problem, &in->types[t], m.location);
	leave_out(&m);
	lay_routes(&m);
	set_customers(&m);
	set_given(&m);
	vrp_set_neighbours(ctx, in);
	vrp_set_plain(ctx, in);
	set_requests(&m);
	set_penalties(&m);
	ecml_free(ctx, m.type_of);
	ecml_free(ctx, m.pair_of);
	ecml_free(ctx, m.location);
	ecml_free(ctx, m.route_of);
	return in;
}
