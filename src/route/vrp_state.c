/*
 * vrp_state.c - routes as linked lists: changing them, undoing a step, keeping the best
 *
 * A step saves each route before its first change (its nodes in a log); undo lays them out again.  Of the best plan only
 * the routes that changed since it was kept are copied, so that keeping costs what the step cost.
 */
#include "route/vrp_internal.h"

#include <string.h>

#define LOG_RELOAD (-1)			/* stands for a reload where nodes are listed */

size_t
vrp_state_bytes(const VrpInstance *in)
{
	size_t		dims = in->ndims > 0 && !in->simple_load ? in->ndims : 0;

	return (size_t) in->nnodes * (sizeof(VrpNode) + 2 * sizeof(VrpSeg) + 2 * dims * sizeof(VrpLoad) + 24) +
		(size_t) in->nroutes * (sizeof(VrpRoute) + 32) + (size_t) in->nrequests * 40;
}

VrpState *
vrp_state(EcmlCtx *ctx, const VrpInstance *in)
{
	VrpState   *s = ECML_NEW0(ctx, VrpState, 1);
	size_t		loads = in->simple_load ? 1 : (size_t) in->nnodes * in->ndims + 1;

	s->in = in;
	s->node = ECML_NEW0(ctx, VrpNode, in->nnodes + 1);
	s->fwd = ECML_NEW0(ctx, VrpSeg, in->timed ? in->nnodes + 1 : 1);
	s->bwd = ECML_NEW0(ctx, VrpSeg, in->timed ? in->nnodes + 1 : 1);
	s->own = ECML_NEW0(ctx, VrpSeg, in->nreloads + 1);
	s->lf = ECML_NEW0(ctx, VrpLoad, loads);
	s->lb = ECML_NEW0(ctx, VrpLoad, loads);
	s->route = ECML_NEW0(ctx, VrpRoute, in->nroutes + 1);
	s->used = ECML_NEW0(ctx, int, in->nroutes + 1);
	s->spare = ECML_NEW0(ctx, int, in->nroutes + 1);
	s->nspare = ECML_NEW0(ctx, int, in->ntypes + 1);
	s->free_reload = ECML_NEW0(ctx, int, in->nreloads + 1);
	s->mine = ECML_NEW0(ctx, int, in->n + 1);
	s->absent = ECML_NEW0(ctx, int, in->nrequests + 1);
	s->absent_at = ECML_NEW0(ctx, int, in->nrequests + 1);
	s->log = ECML_NEW0(ctx, int, in->nnodes + 1);
	s->log_route = ECML_NEW0(ctx, int, in->nroutes + 1);
	s->log_begin = ECML_NEW0(ctx, int, in->nroutes + 1);
	s->was_absent = ECML_NEW0(ctx, int, in->nrequests + 1);
	s->best_next = ECML_NEW0(ctx, int, in->nnodes + 1);
	s->best_absent = ECML_NEW0(ctx, int, in->nrequests + 1);
	s->dirty = ECML_NEW0(ctx, int, in->nroutes + 1);
	s->order = ECML_NEW0(ctx, int, in->nrequests + 1);
	s->key = ECML_NEW0(ctx, double, in->nrequests + 1);
	s->sequence = ECML_NEW0(ctx, int, in->nnodes + 8);
	s->seen = ECML_NEW0(ctx, unsigned, in->nroutes + 1);
	s->generation = 1;
	s->step = 1;
	s->blink = 1 << 30;
	vrp_clear(s);
	return s;
}

/* All routes empty and spare, all requests absent. */
void
vrp_clear(VrpState *s)
{
	const VrpInstance *in = s->in;

	for (int i = 0; i < in->nnodes; i++)
		s->node[i] = (VrpNode) {-1, -1, -1, in->loc[i], 0};
	memset(s->nspare, 0, sizeof(int) * in->ntypes);
	memset(s->route, 0, sizeof(VrpRoute) * in->nroutes);
	s->nused = 0;
	s->nfree = 0;
	for (int r = in->nroutes - 1; r >= 0; r--)
	{
		int			t = in->type[r];

		s->route[r].used_at = s->nspare[t];
		s->spare[in->types[t].first + s->nspare[t]++] = r;
		vrp_set_route(s, r, NULL, 0);
		s->route[r].dirty = 0;
	}
	for (int i = in->nreloads - 1; i >= 0; i--)
		s->free_reload[s->nfree++] = in->n + 2 * in->nroutes + i;
	s->nabsent = in->nrequests;
	s->cost = 0;
	for (int r = 0; r < in->nrequests; r++)
	{
		s->absent[r] = r;
		s->absent_at[r] = r;
		s->cost += in->requests[r].penalty;
	}
	s->nmine = in->n;
	for (int c = 0; c < in->n; c++)
		s->mine[c] = c;
	s->ndirty = 0;
	s->best_cost = INFINITY;
}

double
vrp_route_cost(const VrpInstance *in, const VrpType *type, double distance, double duration, bool used)
{
	if (!used)
		return 0;
	return type->v.per_distance * distance + type->v.fixed + (in->clocked ? type->v.per_time * duration : 0);
}

/* Move a route from the spare ones to those in use, or back, as its count has it. */
static void
place_route(VrpState *s, int route, bool used)
{
	const VrpInstance *in = s->in;
	int			t = in->type[route];
	int		   *spare = s->spare + in->types[t].first;
	int			at = s->route[route].used_at;

	if (used)
	{
		int			last = spare[--s->nspare[t]];

		spare[at] = last;
		s->route[last].used_at = at;
		s->route[route].used_at = s->nused;
		s->used[s->nused++] = route;
	}
	else
	{
		int			last = s->used[--s->nused];

		s->used[at] = last;
		s->route[last].used_at = at;
		s->route[route].used_at = s->nspare[t];
		spare[s->nspare[t]++] = route;
	}
}

static void
count_in(VrpState *s, int route, int node, int sign)
{
	const VrpInstance *in = s->in;
	VrpRoute   *r = &s->route[route];

	if (vrp_is_reload(in, node))
	{
		r->reloads += sign;
		return;
	}
	for (int k = 0; k < in->ndims; k++)
		r->load[k] += sign * in->load[(size_t) node * in->ndims + k].deliver;
	r->count += sign;
	if (sign > 0 && r->count == 1)
		place_route(s, route, true);
	else if (sign < 0 && r->count == 0)
		place_route(s, route, false);
}

/* Put a node behind another; vrp_refresh must follow before the route's times are used. */
void
vrp_link(VrpState *s, int route, int after, int node)
{
	const VrpInstance *in = s->in;
	VrpNode    *a = &s->node[after];
	VrpNode    *m = &s->node[node];
	int			next = a->next;
	double		to = vrp_leg(in, a->loc, m->loc);
	double		from = vrp_leg(in, m->loc, s->node[next].loc);

	s->route[route].distance += to + from - a->out;
	m->prev = after;
	m->next = next;
	m->route = route;
	m->out = from;
	a->next = node;
	a->out = to;
	s->node[next].prev = node;
	count_in(s, route, node, 1);
}

void
vrp_unlink(VrpState *s, int node)
{
	VrpNode    *m = &s->node[node];
	VrpNode    *p = &s->node[m->prev];
	VrpNode    *q = &s->node[m->next];
	int			route = m->route;
	double		leg = vrp_leg(s->in, p->loc, q->loc);

	s->route[route].distance += leg - p->out - m->out;
	p->next = m->next;
	p->out = leg;
	q->prev = m->prev;
	m->prev = m->next = m->route = -1;
	count_in(s, route, node, -1);
	if (vrp_is_reload(s->in, node))
		s->free_reload[s->nfree++] = node;
}

/* A node for a reload of that route; -1: there is none left. */
int
vrp_get_reload(VrpState *s, int route)
{
	const VrpInstance *in = s->in;
	const VrpType *type = &in->types[in->type[route]];
	int			node;

	if (s->nfree == 0 || s->route[route].reloads >= type->v.reloads)
		return -1;
	node = s->free_reload[--s->nfree];
	s->node[node].loc = type->start;
	s->own[node - in->n - 2 * in->nroutes] = (VrpSeg) {type->v.reload_time, type->v.shift_start, type->v.shift_end};
	return node;
}

static void
pass_times(VrpState *s, int route, const VrpType *type)
{
	const VrpInstance *in = s->in;
	int			first = vrp_start(in, route);
	int			last = vrp_end(in, route);

	s->fwd[first] = in->own[first];
	for (int p = first; p != last;)
	{
		const VrpNode *node = &s->node[p];
		int			q = node->next;
		double		t = vrp_time(in, type, node->loc, s->node[q].loc, node->out);

		(void) vrp_join(&s->fwd[q], &s->fwd[p], vrp_own(s, q), t);
		p = q;
	}
	s->bwd[last] = in->own[last];
	for (int q = last; q != first;)
	{
		int			p = s->node[q].prev;
		double		t = vrp_time(in, type, s->node[p].loc, s->node[q].loc, s->node[p].out);

		(void) vrp_join(&s->bwd[p], vrp_own(s, p), &s->bwd[q], t);
		q = p;
	}
	s->route[route].duration = s->fwd[last].dur;
}

/* Each trip on its own: what is carried is settled at a reload. */
static void
pass_loads(VrpState *s, int route)
{
	const VrpInstance *in = s->in;
	int			first = vrp_start(in, route);
	int			last = vrp_end(in, route);
	int			d = in->ndims;

	for (int p = first;; p = s->node[p].next)
	{
		bool		fresh = p == first || vrp_is_reload(in, p);

		for (int k = 0; k < d; k++)
			if (fresh)
				s->lf[(size_t) p * d + k] = (VrpLoad) {0, 0, 0};
			else
				vrp_join_load(&s->lf[(size_t) p * d + k], &s->lf[(size_t) s->node[p].prev * d + k],
							  &in->load[(size_t) p * d + k]);
		if (p == last)
			break;
	}
	for (int p = last;; p = s->node[p].prev)
	{
		bool		fresh = p == last || vrp_is_reload(in, p);

		for (int k = 0; k < d; k++)
			if (fresh)
				s->lb[(size_t) p * d + k] = (VrpLoad) {0, 0, 0};
			else
				vrp_join_load(&s->lb[(size_t) p * d + k], &in->load[(size_t) p * d + k],
							  &s->lb[(size_t) s->node[p].next * d + k]);
		if (p == first)
			break;
	}
}

/* A trip does not begin before its goods are at the depot. */
static void
pass_releases(VrpState *s, int route, const VrpType *type)
{
	const VrpInstance *in = s->in;
	double		release = 0;

	for (int p = s->node[vrp_end(in, route)].prev; p != vrp_start(in, route); p = s->node[p].prev)
		if (vrp_is_reload(in, p))
		{
			VrpSeg	   *own = &s->own[p - in->n - 2 * in->nroutes];

			own->early = release > type->v.shift_start ? release : type->v.shift_start;
			release = 0;
		}
		else if (in->release[p] > release)
			release = in->release[p];
	s->route[route].release = release;
}

static double
hard_duration(VrpState *s, int route)
{
	const VrpInstance *in = s->in;
	double		distance = 0;
	double		duration = s->route[route].duration;
	int			n = 0;

	for (int p = s->node[vrp_start(in, route)].next; p != vrp_end(in, route); p = s->node[p].next)
		s->sequence[n++] = vrp_is_reload(in, p) ? -1 : p;
	(void) vrp_try_sequence(in, route, s->sequence, n, &distance, &duration);
	return duration;
}

/* After changes of a route: its times, loads and cost. */
void
vrp_refresh(VrpState *s, int route)
{
	const VrpInstance *in = s->in;
	const VrpType *type = &in->types[in->type[route]];
	VrpRoute   *r = &s->route[route];
	double		cost;

	if (in->released)
		pass_releases(s, route, type);
	if (in->timed)
		pass_times(s, route, type);
	if (!in->simple_load)
		pass_loads(s, route);
	if (type->hard && in->clocked && r->count > 0)
		r->duration = hard_duration(s, route);
	cost = vrp_route_cost(in, type, r->distance, r->duration, r->count > 0);
	s->cost += cost - r->cost;
	r->cost = cost;
}

void
vrp_set_absent(VrpState *s, int request, bool absent)
{
	int			at = s->absent_at[request];

	if (absent)
	{
		s->absent_at[request] = s->nabsent;
		s->absent[s->nabsent++] = request;
		s->cost += s->in->requests[request].penalty;
	}
	else
	{
		int			last = s->absent[--s->nabsent];

		s->absent[at] = last;
		s->absent_at[last] = at;
		s->absent_at[request] = -1;
		s->cost -= s->in->requests[request].penalty;
	}
}

/* Take a route's nodes out, without a word to the requests. */
static void
empty_route(VrpState *s, int route)
{
	const VrpInstance *in = s->in;
	int			last = vrp_end(in, route);

	for (int p = s->node[vrp_start(in, route)].next; p != last && p >= 0;)
	{
		int			next = s->node[p].next;

		s->node[p].prev = s->node[p].next = s->node[p].route = -1;
		if (vrp_is_reload(in, p))
			s->free_reload[s->nfree++] = p;
		p = next;
	}
	s->node[vrp_start(in, route)].next = last;
	if (s->route[route].count > 0)
		place_route(s, route, false);
	s->route[route].count = 0;
	s->route[route].reloads = 0;
}

/* Lay a route out anew: customers, and -1 for a reload; they are in no route (or in this one). */
void
vrp_set_route(VrpState *s, int route, const int *nodes, int n)
{
	const VrpInstance *in = s->in;
	VrpRoute   *r = &s->route[route];
	int			first = vrp_start(in, route);
	int			last = vrp_end(in, route);
	int			before = first;
	double		distance = 0;

	empty_route(s, route);
	memset(r->load, 0, sizeof(r->load));
	s->node[first].prev = -1;
	s->node[last].next = -1;
	s->node[first].route = s->node[last].route = route;
	for (int i = 0; i <= n; i++)
	{
		int			node = i == n ? last : nodes[i] == LOG_RELOAD ? vrp_get_reload(s, route) : nodes[i];
		double		leg;

		if (node < 0)
			continue;
		leg = vrp_leg(in, s->node[before].loc, s->node[node].loc);
		distance += leg;
		s->node[before].next = node;
		s->node[before].out = leg;
		s->node[node].prev = before;
		s->node[node].route = route;
		if (i < n)
			count_in(s, route, node, 1);
		before = node;
	}
	r->distance = distance;
	vrp_refresh(s, route);
}

/* ---------------------------------------------------------------- steps */

void
vrp_begin_step(VrpState *s)
{
	s->step++;
	s->nlog = 0;
	s->nlogged = 0;
	s->was_cost = s->cost;
	s->nwas_absent = s->nabsent;
	memcpy(s->was_absent, s->absent, sizeof(int) * s->nabsent);
}

void
vrp_save(VrpState *s, int route)
{
	const VrpInstance *in = s->in;
	VrpRoute   *r = &s->route[route];

	if (r->saved == s->step)
		return;
	r->saved = s->step;
	s->log_route[s->nlogged] = route;
	s->log_begin[s->nlogged++] = s->nlog;
	for (int p = s->node[vrp_start(in, route)].next; p != vrp_end(in, route); p = s->node[p].next)
		s->log[s->nlog++] = vrp_is_reload(in, p) ? LOG_RELOAD : p;
	if (r->dirty != s->generation)
	{
		r->dirty = s->generation;
		s->dirty[s->ndirty++] = route;
	}
}

void
vrp_undo(VrpState *s)
{
	for (int i = 0; i < s->nlogged; i++)
		empty_route(s, s->log_route[i]);
	for (int i = 0; i < s->nlogged; i++)
	{
		int			end = i + 1 < s->nlogged ? s->log_begin[i + 1] : s->nlog;

		vrp_set_route(s, s->log_route[i], s->log + s->log_begin[i], end - s->log_begin[i]);
	}
	for (int i = 0; i < s->nabsent; i++)
		s->absent_at[s->absent[i]] = -1;
	s->nabsent = s->nwas_absent;
	memcpy(s->absent, s->was_absent, sizeof(int) * s->nabsent);
	for (int i = 0; i < s->nabsent; i++)
		s->absent_at[s->absent[i]] = i;
	s->cost = s->was_cost;
}

/* ---------------------------------------------------------------- the best */

void
vrp_keep_best(VrpState *s)
{
	const VrpInstance *in = s->in;

	for (int i = 0; i < s->ndirty; i++)
	{
		int			last = vrp_end(in, s->dirty[i]);

		for (int p = vrp_start(in, s->dirty[i]); p != last; p = s->node[p].next)
			s->best_next[p] = s->node[p].next;
	}
	s->ndirty = 0;
	s->generation++;
	s->nbest_absent = s->nabsent;
	memcpy(s->best_absent, s->absent, sizeof(int) * s->nabsent);
	s->best_cost = s->cost;
	s->when_best = -1;
}
