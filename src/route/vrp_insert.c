/*
 * vrp_insert.c - the one constructive move: a request to the place where it costs least
 *
 * A place is tried in constant time, whatever the variant: the change of distance, then the segment before, the customer
 * and the segment behind joined for windows and durations, and the same for what is carried.  Places beside near neighbours
 * come first, all of them when none of those will do; an unused vehicle of each type is always a place.  With a small
 * probability a place is overlooked, which is what lets the annealing move (Christiaens and Vanden Berghe 2020).
 */
#include "route/vrp_internal.h"

#define OVERLOOK 0.01

typedef enum How
{
	AS_IS,
	RELOAD_BEFORE,				/* a visit to the depot just before */
	RELOAD_BEHIND
} How;

typedef struct Place
{
	double		cost;
	int			route;
	int			node;
	int			after;
	How			how;
	int			second;			/* of a pair: the delivery, or -1 */
	int			second_after;	/* node: directly behind the pickup */
} Place;

/* Is this place passed over?  The number until the next such place is drawn, not a number a place. */
static inline bool
overlooked(VrpState *s)
{
	if (--s->blink > 0)
		return false;
	s->blink = 1 + (int) (log(1 - ecml_rng_double(&s->rng)) / log(1 - OVERLOOK));
	return true;
}

/* May the vehicle have the customer at all? */
static inline bool
suits(const VrpState *s, int route, int c)
{
	const VrpInstance *in = s->in;
	const VrpType *type = &in->types[in->type[route]];
	const VrpRoute *r = &s->route[route];

	if (in->picky)
	{
		if (in->skills[c] & ~type->v.skills)
			return false;
		if (in->vehicle[c] >= 0 && in->vehicle[c] != route)
			return false;
	}
	if (in->simple_load)
		for (int k = 0; k < in->ndims; k++)
			if (r->load[k] + in->load[(size_t) c * in->ndims + k].deliver > type->v.capacity[k])
				return false;
	return true;
}

/* Backhauls behind deliveries of their trip, nothing before what is locked. */
static inline bool
in_order(const VrpState *s, int c, int p, int q)
{
	const VrpInstance *in = s->in;

	if (q < in->n && (in->locked[q] || in->side[q] < in->side[c]))
		return false;
	return !(p < in->n && in->side[p] > in->side[c]);
}

static inline bool
carries(const VrpState *s, const VrpType *type, int c, int p, int q)
{
	const VrpInstance *in = s->in;
	int			d = in->ndims;

	for (int k = 0; k < d; k++)
	{
		VrpLoad		load;

		vrp_join_load(&load, &s->lf[(size_t) p * d + k], &in->load[(size_t) c * d + k]);
		vrp_join_load(&load, &load, &s->lb[(size_t) q * d + k]);
		if (load.peak > type->v.capacity[k])
			return false;
	}
	return true;
}

/*
 * What it costs to put c between p and the next, given that it suits; INFINITY: it does not go, or not for less than bound.
 */
static inline double
try_place(const VrpState *s, int route, int c, int p, double bound)
{
	const VrpInstance *in = s->in;
	const VrpType *type = &in->types[in->type[route]];
	const VrpRoute *r = &s->route[route];
	const VrpNode *before = &s->node[p];
	int			q = before->next;
	int			behind = s->node[q].loc;
	double		to = vrp_leg_to(in, c, before->loc);
	double		from = vrp_leg(in, c, behind);
	double		distance = r->distance + (to + from - before->out);
	double		cost = type->v.per_distance * distance + type->v.fixed - r->cost;

	if (in->clocked)
		cost += type->v.per_time * r->duration;	/* at least, or nearly: set right below */
	else if (!(cost < bound))
		return INFINITY;
	if (in->far_bound && !(distance <= type->v.max_distance))
		return INFINITY;
	if (in->ordered && !in_order(s, c, p, q))
		return INFINITY;
	if (in->timed)
	{
		VrpSeg		seg;

		if (!vrp_join(&seg, &s->fwd[p], &in->own[c], vrp_time(in, type, before->loc, c, to)) ||
			!vrp_join(&seg, &seg, &s->bwd[q], vrp_time(in, type, c, behind, from)))
			return INFINITY;
		if (seg.dur > type->v.max_duration)
			return INFINITY;
		if (in->released && !((in->release[c] > r->release ? in->release[c] : r->release) <= seg.late))
			return INFINITY;
		if (in->clocked)
			cost += type->v.per_time * (seg.dur - r->duration);
	}
	if (!in->simple_load && !carries(s, type, c, p, q))
		return INFINITY;
	return cost < bound ? cost : INFINITY;
}

/* The route's nodes as they would be, and whether they are feasible: what segments cannot tell. */
static bool
try_in_full(VrpState *s, const Place *place, double *cost)
{
	const VrpInstance *in = s->in;
	const VrpType *type = &in->types[in->type[place->route]];
	int		   *sequence = s->sequence;
	double		distance;
	double		duration;
	int			n = 0;

	for (int p = vrp_start(in, place->route); p != vrp_end(in, place->route); p = s->node[p].next)
	{
		if (p != vrp_start(in, place->route))
			sequence[n++] = vrp_is_reload(in, p) ? -1 : p;
		if (p == place->after)
		{
			if (place->how == RELOAD_BEFORE)
				sequence[n++] = -1;
			sequence[n++] = place->node;
			if (place->how == RELOAD_BEHIND)
				sequence[n++] = -1;
			if (place->second >= 0 && place->second_after == place->node)
				sequence[n++] = place->second;
		}
		if (place->second >= 0 && p == place->second_after)
			sequence[n++] = place->second;
	}
	if (!vrp_try_sequence(in, place->route, sequence, n, &distance, &duration))
		return false;
	*cost = vrp_route_cost(in, type, distance, duration, true) - s->route[place->route].cost;
	return true;
}

/* A place found by segments becomes the best, after a trial in full where the vehicle is hard. */
static inline void
take(VrpState *s, Place *best, Place place)
{
	if (s->in->types[s->in->type[place.route]].hard &&
		(!try_in_full(s, &place, &place.cost) || !(place.cost < best->cost)))
		return;
	*best = place;
}

static inline void
try_and_take(VrpState *s, int route, int c, int p, Place *best)
{
	double		cost = try_place(s, route, c, p, best->cost);

	if (cost < best->cost)
		take(s, best, (Place) {cost, route, c, p, AS_IS, -1, -1});
}

/* With a visit to the depot more, on either side: a rough test, and the one in full. */
static void
try_reloads(VrpState *s, int route, int c, Place *best)
{
	const VrpInstance *in = s->in;
	const VrpType *type = &in->types[in->type[route]];
	const VrpRoute *r = &s->route[route];

	if (r->count == 0 || r->reloads >= type->v.reloads || s->nfree == 0)
		return;
	for (int p = vrp_start(in, route); p != vrp_end(in, route); p = s->node[p].next)
		for (How how = RELOAD_BEFORE; how <= RELOAD_BEHIND; how++)
		{
			int			lp = s->node[p].loc;
			int			lq = s->node[s->node[p].next].loc;
			Place		place = {0, route, c, p, how, -1, -1};
			double		distance;

			if (how == RELOAD_BEFORE ? p == vrp_start(in, route) || vrp_is_reload(in, p) :
				s->node[p].next == vrp_end(in, route) || vrp_is_reload(in, s->node[p].next))
				continue;
			if (how == RELOAD_BEFORE)
				distance = vrp_leg(in, lp, type->start) + vrp_leg(in, type->start, c) + vrp_leg(in, c, lq);
			else
				distance = vrp_leg(in, lp, c) + vrp_leg(in, c, type->start) + vrp_leg(in, type->start, lq);
			place.cost = type->v.per_distance * (distance - s->node[p].out);
			if ((!in->clocked && !(place.cost < best->cost)) || overlooked(s))
				continue;
			take(s, best, place);
		}
}

static void
try_route(VrpState *s, int route, int c, Place *best)
{
	const VrpInstance *in = s->in;
	int			last = vrp_end(in, route);

	if (!suits(s, route, c))
		return;
	for (int p = vrp_start(in, route); p != last; p = s->node[p].next)
		if (!overlooked(s))
			try_and_take(s, route, c, p, best);
	if (in->types[in->type[route]].v.reloads > 0)
		try_reloads(s, route, c, best);
}

/* Beside the near neighbours, wherever they are. */
static void
try_near(VrpState *s, int c, Place *best)
{
	const VrpInstance *in = s->in;
	const int  *near = in->near + (size_t) c * in->nnear;
	const VrpNode *node = s->node;

	for (int k = 0; k < in->ninsert; k++)
	{
		int			v = near[k];
		int			route = node[v].route;
		int			p;

		if (route < 0 || !suits(s, route, c))
			continue;
		if (!overlooked(s))
			try_and_take(s, route, c, v, best);
		p = node[v].prev;
		if (!overlooked(s))
			try_and_take(s, route, c, p, best);
	}
}

/* The same where nothing but one capacity and distances count: half of the time of all steps goes by here. */
static void
try_near_plain(VrpState *s, int c, Place *best)
{
	const VrpInstance *in = s->in;
	const int  *near = in->near + (size_t) c * in->nnear;
	const double *to = in->near_leg + (size_t) c * in->ninsert;
	const double *row = in->dist + (size_t) c * in->nloc;
	const VrpNode *node = s->node;
	const VrpType *type = &in->types[0];
	double		room = in->ndims > 0 ? type->v.capacity[0] - in->load[c].deliver : INFINITY;
	double		least = best->cost / type->v.per_distance;
	int			n = in->n;
	int			depot = type->start;
	int			after = -1;

	for (int k = 0; k < in->ninsert; k++)
	{
		const VrpNode *v = &node[near[k]];
		double		cost;
		int			p;

		if (v->route < 0 || (in->ndims > 0 && s->route[v->route].load[0] > room))
			continue;
		cost = to[k] + row[v->next < n ? v->next : depot] - v->out;
		if (!overlooked(s) && cost < least)
		{
			least = cost;
			after = near[k];
		}
		p = v->prev;
		cost = to[k] + row[p < n ? p : depot] - node[p].out;
		if (!overlooked(s) && cost < least)
		{
			least = cost;
			after = p;
		}
	}
	if (after >= 0)
		*best = (Place) {least * type->v.per_distance, node[after].route, c, after, AS_IS, -1, -1};
}

static void
try_spare(VrpState *s, int c, Place *best)
{
	const VrpInstance *in = s->in;

	if (in->picky && in->vehicle[c] >= 0)
	{
		int			route = in->vehicle[c];

		if (s->route[route].used_at >= 0 && s->route[route].count == 0 && suits(s, route, c))
			try_and_take(s, route, c, vrp_start(in, route), best);
		return;
	}
	for (int t = 0; t < in->ntypes; t++)
		if (s->nspare[t] > 0)
		{
			int			route = s->spare[in->types[t].first + s->nspare[t] - 1];

			if (suits(s, route, c) && !overlooked(s))
				try_and_take(s, route, c, vrp_start(in, route), best);
		}
}

static void
try_customer(VrpState *s, int c, bool all, Place *best)
{
	const VrpInstance *in = s->in;

	if (!all && in->n - 1 > in->ninsert && in->plain)
		try_near_plain(s, c, best);
	else if (!all && in->n - 1 > in->ninsert && !in->hard)
		try_near(s, c, best);
	/* a large first plan: a vehicle more is found sooner than a place among thousands */
	if (s->hasty && best->node < 0)
		try_spare(s, c, best);
	if (all || best->node < 0 || in->n - 1 <= in->ninsert || in->hard)
		for (int i = 0; i < s->nused; i++)
			try_route(s, s->used[i], c, best);
	try_spare(s, c, best);
}

/* ---------------------------------------------------------------- pairs */

/* Pickup a behind p, delivery b there or later: segments grow with the stops between. */
static void
try_pair_from(VrpState *s, int route, int a, int b, int p, Place *best)
{
	const VrpInstance *in = s->in;
	const VrpType *type = &in->types[in->type[route]];
	const VrpRoute *r = &s->route[route];
	int			d = in->ndims;
	int			last = vrp_end(in, route);
	int			q = s->node[p].next;
	int			lq = s->node[q].loc;
	double		to_a = vrp_leg_to(in, a, s->node[p].loc);
	double		distance = r->distance + to_a - s->node[p].out;	/* without what leaves a */
	double		from_a = vrp_leg(in, a, lq);
	VrpSeg		seg = {0, 0, INFINITY};
	VrpLoad		load[VRP_MAX_DIMS];
	int			at = a;			/* the last stop of the segment that grows */
	int			at_loc = a;

	if (in->ordered && !in_order(s, a, p, q))
		return;
	if (in->timed && !vrp_join(&seg, &s->fwd[p], &in->own[a], vrp_time(in, type, s->node[p].loc, a, to_a)))
		return;
	for (int k = 0; k < d; k++)
		vrp_join_load(&load[k], &s->lf[(size_t) p * d + k], &in->load[(size_t) a * d + k]);
	/* b between at and q; with what is between a and at, the leg from a to its next is in the distance */
	for (;;)
	{
		double		to_b = vrp_leg(in, at_loc, b);
		double		from_b = vrp_leg(in, b, lq);
		double		sum = at == a ? distance + to_b + from_b : distance + from_a + to_b + from_b - s->node[at].out;
		double		cost = type->v.per_distance * sum + type->v.fixed - r->cost;
		VrpSeg		whole = seg;
		bool		fits = in->clocked || cost < best->cost;

		if (fits && in->far_bound && !(sum <= type->v.max_distance))
			fits = false;
		if (fits && in->ordered && at != a && !in_order(s, b, at, q))
			fits = false;
		if (fits && in->timed)
		{
			fits = vrp_join(&whole, &whole, &in->own[b], vrp_time(in, type, at_loc, b, to_b)) &&
				vrp_join(&whole, &whole, &s->bwd[q], vrp_time(in, type, b, lq, from_b)) &&
				whole.dur <= type->v.max_duration;
			if (fits && in->clocked)
				cost += type->v.per_time * whole.dur;
		}
		for (int k = 0; fits && k < d; k++)
		{
			VrpLoad		total;

			vrp_join_load(&total, &load[k], &in->load[(size_t) b * d + k]);
			vrp_join_load(&total, &total, &s->lb[(size_t) q * d + k]);
			fits = total.peak <= type->v.capacity[k];
		}
		if (fits && in->released)
		{
			double		release = in->release[a] > in->release[b] ? in->release[a] : in->release[b];

			fits = (release > r->release ? release : r->release) <= whole.late;
		}
		if (fits && cost < best->cost && !overlooked(s))
			take(s, best, (Place) {cost, route, a, p, AS_IS, b, at});
		/* the segment takes q in */
		if (q == last || vrp_is_reload(in, q))
			return;
		if (in->timed)
		{
			double		leg = at == a ? from_a : s->node[at].out;

			if (!vrp_join(&seg, &seg, &in->own[q], vrp_time(in, type, at_loc, lq, leg)))
				return;
		}
		for (int k = 0; k < d; k++)
		{
			vrp_join_load(&load[k], &load[k], &in->load[(size_t) q * d + k]);
			if (load[k].peak > type->v.capacity[k])
				return;
		}
		at = q;
		at_loc = lq;
		q = s->node[q].next;
		lq = s->node[q].loc;
	}
}

static void
try_pair(VrpState *s, int route, int a, int b, Place *best)
{
	const VrpInstance *in = s->in;

	if (!suits(s, route, a) || !suits(s, route, b))
		return;
	for (int p = vrp_start(in, route); p != vrp_end(in, route); p = s->node[p].next)
		try_pair_from(s, route, a, b, p, best);
}

/* Routes that come near either stop; all of them when that finds nothing. */
static void
try_pairs(VrpState *s, int a, int b, bool all, Place *best)
{
	const VrpInstance *in = s->in;

	if (!all && in->n - 1 > in->ninsert)
	{
		s->sight++;
		for (int end = 0; end < 2; end++)
			for (int k = 0; k < in->ninsert; k++)
			{
				int			route = s->node[in->near[(size_t) (end ? b : a) * in->nnear + k]].route;

				if (route < 0 || s->seen[route] == s->sight)
					continue;
				s->seen[route] = s->sight;
				try_pair(s, route, a, b, best);
			}
	}
	if (all || best->node < 0 || in->n - 1 <= in->ninsert)
		for (int i = 0; i < s->nused; i++)
			try_pair(s, s->used[i], a, b, best);
	if (in->picky && in->vehicle[a] >= 0)
	{
		if (s->route[in->vehicle[a]].used_at >= 0 && s->route[in->vehicle[a]].count == 0)
			try_pair(s, in->vehicle[a], a, b, best);
	}
	else
		for (int t = 0; t < in->ntypes; t++)
			if (s->nspare[t] > 0)
				try_pair(s, s->spare[in->types[t].first + s->nspare[t] - 1], a, b, best);
}

/* ---------------------------------------------------------------- requests */

static void
carry_out(VrpState *s, const Place *place)
{
	vrp_save(s, place->route);
	if (place->how == RELOAD_BEFORE)
	{
		int			reload = vrp_get_reload(s, place->route);

		vrp_link(s, place->route, place->after, reload);
		vrp_link(s, place->route, reload, place->node);
	}
	else
		vrp_link(s, place->route, place->after, place->node);
	if (place->how == RELOAD_BEHIND)
		vrp_link(s, place->route, place->node, vrp_get_reload(s, place->route));
	if (place->second >= 0)
		vrp_link(s, place->route, place->second_after, place->second);
	vrp_refresh(s, place->route);
}

/* Serve an absent request where it costs least, if that is less than bound; all: look everywhere. */
bool
vrp_insert_request(VrpState *s, int request, double bound, bool all)
{
	const VrpInstance *in = s->in;
	const VrpRequest *q = &in->requests[request];
	Place		best = {.cost = bound,.node = -1};

	if (q->kind == VRP_PAIR)
		try_pairs(s, in->members[q->first], in->members[q->first + 1], all, &best);
	else
		for (int m = 0; m < q->count; m++)
			try_customer(s, in->members[q->first + m], all, &best);
	if (best.node < 0)
		return false;
	carry_out(s, &best);
	vrp_set_absent(s, request, false);
	return true;
}

/* Take a served request out; its routes are saved, and must be refreshed. */
void
vrp_remove_request(VrpState *s, int request)
{
	const VrpRequest *q = &s->in->requests[request];

	for (int m = 0; m < q->count; m++)
	{
		int			node = s->in->members[q->first + m];

		if (s->node[node].route >= 0)
		{
			vrp_save(s, s->node[node].route);
			vrp_unlink(s, node);
		}
	}
	vrp_set_absent(s, request, true);
}
