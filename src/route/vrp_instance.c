/*
 * vrp_instance.c - from a problem to the instance that the search works on
 *
 * Sites that no vehicle can serve even alone are left out here, with the reason; the rest are numbered anew, distances are
 * rounded and laid out, vehicles put together by type, sites by request, and the neighbours of each customer listed.
 *
 * Neighbours (Vidal et al. 2013, with the weights of Wouda et al. 2024): by distance, and the waiting and lateness that a
 * leg between two windows brings with it.
 *
 * Cost: n^2 distances, in parallel by rows; a matrix of them is kept up to MATRIX_SITES sites and a quarter of the budget.
 */
#include "route/vrp_internal.h"

#include <string.h>
#include <time.h>

#define MATRIX_SITES 3000
#define EARTH_RADIUS 6371008.8	/* metres: the mean radius */
#define WAIT_WEIGHT 0.2
#define LATE_WEIGHT 1.0
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
prepare_type(VrpInstance *in, const VrpProblem *problem, VrpType *type, const int *location, const VrpParams *params, double big)
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
	if (params->vehicles_first)
		v->fixed += big;
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

/* ---------------------------------------------------------------- neighbours */

typedef struct Near
{
	const VrpInstance *in;
	bool		both;			/* there and back may differ */
	double	   *key;			/* [workers][nnear] */
} Near;

static inline double
leg_after(const VrpInstance *in, int i, int j)
{
	double		d = vrp_leg(in, i, j);

	if (in->timed)
	{
		double		t = in->time == in->dist ? d * in->inverse_speed : in->time[(size_t) i * in->nloc + j];
		double		wait = in->own[j].early - t - in->own[i].dur - in->own[i].late;
		double		late = in->own[i].early + in->own[i].dur + t - in->own[j].late;

		if (wait > 0)
			d += WAIT_WEIGHT * wait;
		if (late > 0)
			d += LATE_WEIGHT * late;
	}
	return d;
}

/* The nearest of each row, in order, through a heap with the farthest on top. */
static void
find_near(void *arg, size_t task, int worker)
{
	Near	   *near = arg;
	const VrpInstance *in = near->in;
	double	   *key = near->key + (size_t) worker * (in->nnear + 1);
	int			first = (int) task * ROWS_A_TASK;
	int			last = first + ROWS_A_TASK < in->n ? first + ROWS_A_TASK : in->n;

	for (int i = first; i < last; i++)
	{
		int		   *list = in->near + (size_t) i * in->nnear;
		int			n = 0;

		for (int j = 0; j < in->n; j++)
		{
			double		a;
			double		b;

			if (j == i)
				continue;
			a = leg_after(in, i, j);
			b = near->both ? leg_after(in, j, i) : a;
			if (!(b >= a))
				a = b;
			if (n == in->nnear && !(a < key[n - 1]))
				continue;
			/* kept sorted: after the first rows of a heap's worth few get in */
			{
				int			at = n < in->nnear ? n++ : n - 1;

				while (at > 0 && key[at - 1] > a)
				{
					key[at] = key[at - 1];
					list[at] = list[at - 1];
					at--;
				}
				key[at] = a;
				list[at] = j;
			}
		}
	}
}

static void
set_neighbours(EcmlCtx *ctx, VrpInstance *in)
{
	Near		near = {.in = in,.both = in->timed || in->metric == VRP_MATRIX};
	size_t		tasks = (in->n + ROWS_A_TASK - 1) / ROWS_A_TASK;
	double		sum = 0;
	int			count = 0;

	in->nnear = in->n - 1 < VRP_NEAR ? in->n - 1 : VRP_NEAR;
	if (in->nnear < 0)
		in->nnear = 0;
	in->ninsert = in->nnear < VRP_NEAR_INSERT ? in->nnear : VRP_NEAR_INSERT;
	in->near = ECML_NEW(ctx, int, (size_t) in->n * in->nnear + 1);
	near.key = ECML_NEW(ctx, double, (size_t) ecml_workers(ctx, tasks) * (in->nnear + 1));
	if (in->nnear > 0)
		ecml_parallel_for(ctx, tasks, find_near, &near);
	for (int i = 0; i < in->n; i++)
		for (int k = 0; k < in->nnear && k < 5; k++)
		{
			double		d = vrp_leg(in, i, in->near[(size_t) i * in->nnear + k]);

			if (isfinite(d))
			{
				sum += d;
				count++;
			}
		}
	in->near_edge = count > 0 && sum > 0 ? sum / count : 1;
}

/* The common case has a way of its own through the search (vrp_insert.c). */
static void
set_plain(EcmlCtx *ctx, VrpInstance *in)
{
	const VrpType *type = &in->types[0];

	in->plain = in->ntypes == 1 && in->ndims <= 1 && in->dist != NULL && in->dist_to == in->dist && type->start == type->end &&
		type->v.per_distance > 0 && !in->timed && !in->clocked && !in->far_bound && !in->ordered && !in->picky && !in->hard &&
		in->simple_load;
	if (!in->plain)
		return;
	in->near_leg = ECML_NEW(ctx, double, (size_t) in->n * in->ninsert + 1);
	for (int i = 0; i < in->n; i++)
		for (int k = 0; k < in->ninsert; k++)
			in->near_leg[(size_t) i * in->ninsert + k] = vrp_leg(in, i, in->near[(size_t) i * in->nnear + k]);
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

static void
set_node(VrpInstance *in, const VrpProblem *problem, int node, double unit)
{
	const VrpSite *site = &problem->sites[in->site[node]];
	bool		collected = site->pair >= 0;	/* its goods were taken on at another stop */

	in->loc[node] = node;
	in->own[node] = (VrpSeg) {
		up(in, site->service * in->scale), up(in, site->ready * in->scale),
		isfinite(site->due) ? down(in, site->due * in->scale) : INFINITY
	};
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

VrpInstance *
vrp_instance(EcmlCtx *ctx, const VrpProblem *problem, const VrpParams *params)
{
	VrpInstance *in = ECML_NEW0(ctx, VrpInstance, 1);
	int			ns = problem->nsites;
	int		   *location = ECML_NEW(ctx, int, ns + 1);
	int		   *pair_of = ECML_NEW(ctx, int, ns + 1);
	int		   *type_of;
	int		   *next_of_type;
	double		big = 0;
	double		unit = load_quantum(problem);
	int			customers = 0;
	int			depots = 0;
	int			at;

	in->scale = problem->round == VRP_ROUND_TRUNC1 ? 10 : 1;
	in->metric = problem->metric;
	in->round = problem->round;
	in->ndims = problem->ndims;
	in->inverse_speed = 1 / problem->speed;
	in->quantum = find_quantum(ctx, problem, in->scale);
	in->reason = ECML_NEW0(ctx, VrpReason, ns + 1);
	type_of = find_types(ctx, in, problem);

	/* all sites as locations, so that they can be tried; those that nobody can serve leave afterwards */
	for (int i = 0; i < ns; i++)
	{
		customers += !problem->sites[i].depot;
		depots += problem->sites[i].depot;
		pair_of[i] = -1;
	}
	in->ndepots = depots;
	in->n = customers;
	in->nloc = customers + depots + 1;
	in->site = ECML_NEW(ctx, int, in->nloc);
	at = 0;
	depots = customers;
	for (int i = 0; i < ns; i++)
	{
		location[i] = problem->sites[i].depot ? depots++ : at++;
		in->site[location[i]] = i;
	}
	in->site[in->nloc - 1] = -1;
	set_distances(ctx, in, problem);
	for (int t = 0; t < in->ntypes; t++)
		prepare_type(in, problem, &in->types[t], location, params, 0);

	{
		VrpSeg	   *own = ECML_NEW(ctx, VrpSeg, in->nloc);
		bool		lost = false;

		for (int i = 0; i < customers; i++)
		{
			const VrpSite *site = &problem->sites[in->site[i]];

			own[i] = (VrpSeg) {
				up(in, site->service * in->scale), up(in, site->ready * in->scale),
				isfinite(site->due) ? down(in, site->due * in->scale) : INFINITY
			};
			if (site->pair >= 0)
				pair_of[site->pair] = in->site[i];
		}
		for (int i = 0; i < customers; i++)
		{
			int			s = in->site[i];
			int			sites[2] = {i, i};
			int			n = 1;
			VrpReason	best = VRP_NO_SKILL;
			bool		served = false;

			if (problem->sites[s].pair >= 0)
			{
				sites[0] = location[problem->sites[s].pair];
				n = 2;
			}
			else if (pair_of[s] >= 0)
			{
				sites[1] = location[pair_of[s]];
				n = 2;
			}
			if (in->ntypes == 0)
				best = VRP_NO_ROOM;
			for (int t = 0; t < in->ntypes && !served; t++)
			{
				VrpReason	reason;

				if (problem->sites[s].vehicle >= 0 && type_of[problem->sites[s].vehicle] != t)
					continue;
				reason = serves(in, problem, &in->types[t], sites, n, own);
				served = reason == VRP_SERVED;
				if (reason > best)
					best = reason;
			}
			if (!served)
			{
				in->reason[s] = best;
				lost = true;
			}
			if ((i & 63) == 0)
				ecml_poll(ctx, 0, 0);
		}
		for (int i = 0; i < ns; i++)
			if (pair_of[i] >= 0 && (in->reason[i] != VRP_SERVED) != (in->reason[pair_of[i]] != VRP_SERVED))
				in->reason[in->reason[i] != VRP_SERVED ? pair_of[i] : i] = VRP_PAIR_UNSERVED;
		ecml_free(ctx, own);
		if (lost)
		{
			/* number those that stay anew, and lay the distances out again */
			if (in->dist)
			{
				if (in->time != in->dist)
					ecml_free(ctx, (void *) in->time);
				if (in->dist_to != in->dist)
					ecml_free(ctx, (void *) in->dist_to);
				ecml_free(ctx, (void *) in->dist);
				in->dist = in->dist_to = in->time = in->time_to = NULL;
			}
			customers = 0;
			for (int i = 0; i < ns; i++)
				customers += !problem->sites[i].depot && in->reason[i] == VRP_SERVED;
			in->n = customers;
			in->nloc = customers + in->ndepots + 1;
			at = 0;
			depots = customers;
			for (int i = 0; i < ns; i++)
			{
				location[i] = problem->sites[i].depot ? depots++ : in->reason[i] == VRP_SERVED ? at++ : -1;
				if (location[i] >= 0)
					in->site[location[i]] = i;
			}
			in->site[in->nloc - 1] = -1;
			set_distances(ctx, in, problem);
			for (int t = 0; t < in->ntypes; t++)
			{
				in->types[t].start = location[in->types[t].v.start];
				in->types[t].end = in->types[t].v.end >= 0 ? location[in->types[t].v.end] : in->nloc - 1;
			}
		}
	}

	/* routes: of each type no more than could be used */
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
		in->nreloads += type->count * (v->reloads < customers ? v->reloads : customers);
	}
	in->type = ECML_NEW(ctx, int, in->nroutes + 1);
	in->vehicle_of = ECML_NEW(ctx, int, in->nroutes + 1);
	next_of_type = ECML_NEW0(ctx, int, in->ntypes + 1);
	in->nnodes = in->n + 2 * in->nroutes + in->nreloads;
	in->loc = ECML_NEW0(ctx, int, in->nnodes + 1);
	in->own = ECML_NEW0(ctx, VrpSeg, in->nnodes + 1);
	in->load = ECML_NEW0(ctx, VrpLoad, (size_t) (in->nnodes + 1) * (in->ndims > 0 ? in->ndims : 1));
	in->release = ECML_NEW0(ctx, double, in->n + 1);
	in->skills = ECML_NEW0(ctx, uint64_t, in->n + 1);
	in->vehicle = ECML_NEW0(ctx, int, in->n + 1);
	in->side = ECML_NEW0(ctx, signed char, in->n + 1);
	in->locked = ECML_NEW0(ctx, bool, in->n + 1);
	in->request = ECML_NEW0(ctx, int, in->n + 1);
	{
		int		   *route_of = ECML_NEW(ctx, int, problem->nvehicles + 1);

		for (int v = 0; v < problem->nvehicles; v++)
		{
			VrpType    *type = &in->types[type_of[v]];
			int			route = type->first + next_of_type[type_of[v]]++;

			route_of[v] = route;
			in->type[route] = type_of[v];
			in->vehicle_of[route] = v;
			in->loc[vrp_start(in, route)] = type->start;
			in->loc[vrp_end(in, route)] = type->end;
			in->own[vrp_start(in, route)] = (VrpSeg) {0, type->v.shift_start, start_late(in, problem, type)};
			in->own[vrp_end(in, route)] = (VrpSeg) {
				0, type->v.end >= 0 ? up(in, problem->sites[type->v.end].ready * in->scale) : type->v.shift_start,
				type->v.shift_end
			};
		}
		in->simple_load = !in->hard;
		for (int c = 0; c < in->n; c++)
		{
			const VrpSite *site = &problem->sites[in->site[c]];

			set_node(in, problem, c, unit);
			in->vehicle[c] = site->vehicle >= 0 ? route_of[site->vehicle] : -1;
			in->timed = in->timed || isfinite(site->due) || site->ready > 0 || site->release > 0;
			in->released = in->released || site->release > 0;
			in->picky = in->picky || site->skills || site->vehicle >= 0;
			in->ordered = in->ordered || site->backhaul;
			for (int k = 0; k < in->ndims; k++)
				if (in->load[(size_t) c * in->ndims + k].pick != 0)
					in->simple_load = false;
		}
		/* routes known before, in the numbers of the instance */
		if (problem->ngiven > 0)
		{
			VrpGiven   *given = ECML_NEW(ctx, VrpGiven, problem->ngiven);

			for (int i = 0; i < problem->ngiven; i++)
			{
				int			node = location[problem->given[i].site];

				if (node < 0 || node >= in->n)
					continue;
				given[in->ngiven] = problem->given[i];
				given[in->ngiven].vehicle = route_of[problem->given[i].vehicle];
				given[in->ngiven].site = node;
				in->ngiven++;
				if (problem->given[i].locked)
				{
					in->locked[node] = true;
					in->ordered = true;
					in->vehicle[node] = route_of[problem->given[i].vehicle];
					in->picky = true;
				}
			}
			in->given = given;
		}
		ecml_free(ctx, route_of);
	}
	set_neighbours(ctx, in);
	set_plain(ctx, in);

	/* requests */
	in->requests = ECML_NEW(ctx, VrpRequest, in->n + 1);
	in->members = ECML_NEW(ctx, int, in->n + 1);
	in->requests_plain = true;
	{
		int			groups = 0;
		int		   *first_of;
		int		   *next_in;
		int		   *nodes = ECML_NEW(ctx, int, in->n + 1);

		for (int c = 0; c < in->n; c++)
			groups = problem->sites[in->site[c]].group >= groups ? problem->sites[in->site[c]].group + 1 : groups;
		first_of = ECML_NEW(ctx, int, groups + 1);
		next_in = ECML_NEW(ctx, int, in->n + 1);
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
				for (int m = c; m >= 0; m = next_in[m])
					nodes[n++] = m;
				add_request(in, problem, n > 1 ? VRP_GROUP : VRP_SINGLE, nodes, n);
				in->requests_plain = in->requests_plain && n == 1;
			}
			else if (pair_of[in->site[c]] >= 0)
			{
				nodes[0] = c;
				nodes[1] = location[pair_of[in->site[c]]];
				add_request(in, problem, VRP_PAIR, nodes, 2);
				in->requests_plain = false;
			}
			else if (site->pair < 0)
				add_request(in, problem, VRP_SINGLE, &c, 1);
		}
		ecml_free(ctx, nodes);
	}

	/* what leaving out costs, where it must not be; more than any trip */
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
	if (params->vehicles_first)
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
	ecml_free(ctx, type_of);
	ecml_free(ctx, pair_of);
	ecml_free(ctx, location);
	ecml_free(ctx, next_of_type);
	return in;
}
