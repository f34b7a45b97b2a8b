/*
 * vrp_local_search.c - descent over exchanges between neighbours (Vidal 2022)
 *
 * For each customer u and each of its near neighbours v: u, or u and the next, or both turned round, to behind v; u or u and
 * the next against v or v and the next; both ends of two routes crossed, either way; a part of a route turned round.  Each is
 * tried in constant time, and made when it lowers the distance plus the penalty of loads beyond the capacity.  Where nothing
 * has changed since a pair was last tried, it is not tried again.  SWAP* (vrp_swapstar.c) comes when the rest finds nothing.
 *
 * Nodes: customers, then the start and the end of each route, as in vrp_internal.h.
 */
#include "route/vrp_genetic.h"

#include <string.h>

#define EPSILON 1e-7

void
ls_make(EcmlCtx *ctx, LocalSearch *ls, const VrpInstance *in, int nroutes, const double *demand, double capacity)
{
	ls->in = in;
	ls->dist = in->dist;
	ls->n = in->n;
	ls->nroutes = nroutes;
	ls->capacity = capacity;
	ls->demand = demand;
	ls->node = ECML_NEW0(ctx, LsNode, in->n + 2 * nroutes);
	ls->route = ECML_NEW0(ctx, LsRoute, nroutes);
	ls->tested = ECML_NEW0(ctx, int, in->n);
	ls->order = ECML_NEW0(ctx, int, in->n);
	ls->route_order = ECML_NEW0(ctx, int, nroutes);
	ls->nnear = in->nnear < GA_NEAR ? in->nnear : GA_NEAR;
	ls->near = ECML_NEW0(ctx, int, (size_t) in->n * ls->nnear + 1);
	ls->best = ECML_NEW0(ctx, Best3, (size_t) nroutes * in->n);
	ls->removal = ECML_NEW0(ctx, double, in->n);
	ls->close_seen = ECML_NEW0(ctx, int, nroutes);
	for (int i = 0; i < in->n; i++)
	{
		ls->order[i] = i;
		memcpy(ls->near + (size_t) i * ls->nnear, in->near + (size_t) i * in->nnear, sizeof(int) * ls->nnear);
	}
	for (int i = 0; i < in->n; i++)
		ls->node[i].loc = i;
	for (int r = 0; r < nroutes; r++)
	{
		ls->route_order[r] = r;
		ls->node[in->n + 2 * r].loc = ls->node[in->n + 2 * r + 1].loc = in->types[0].start;
	}
}

static inline double
d(const LocalSearch *ls, int a, int b)
{
	return ls->dist[(size_t) ls->node[a].loc * ls->in->nloc + ls->node[b].loc];
}

static inline double
excess(const LocalSearch *ls, double load)
{
	return load > ls->capacity ? ls->penalty * (load - ls->capacity) : 0;
}

/* After a change of a route: loads along it. */
void
ls_moved(LocalSearch *ls, int route)
{
	int			last = ls->n + 2 * route + 1;
	int			first = last - 1;
	LsRoute    *r = &ls->route[route];
	double		load = 0;
	int			count = 0;

	ls->node[first].load = 0;
	for (int p = ls->node[first].next; p != last; p = ls->node[p].next)
	{
		load += ls->demand[p];
		ls->node[p].load = load;
		ls->node[p].route = route;
		count++;
	}
	ls->node[last].load = load;
	r->load = load;
	r->count = count;
	r->penalty = excess(ls, load);
	r->modified = ls->moves;
	if (count == 0)
		ls->empty = route;
	else if (ls->empty == route)
	{
		ls->empty = -1;
		for (int k = 0; k < ls->nroutes && ls->empty < 0; k++)
			if (ls->route[k].count == 0)
				ls->empty = k;
	}
}

static inline void
join(LocalSearch *ls, int a, int b)
{
	ls->node[a].next = b;
	ls->node[b].prev = a;
}

/* Take a node out and put it behind another. */
void
ls_put(LocalSearch *ls, int node, int after)
{
	LsNode	   *m = &ls->node[node];

	join(ls, m->prev, m->next);
	join(ls, node, ls->node[after].next);
	join(ls, after, node);
}

static void
exchange(LocalSearch *ls, int a, int b)
{
	int			pa = ls->node[a].prev;
	int			na = ls->node[a].next;
	int			pb = ls->node[b].prev;
	int			nb = ls->node[b].next;

	if (na == b)
	{
		join(ls, pa, b);
		join(ls, b, a);
		join(ls, a, nb);
	}
	else if (nb == a)
	{
		join(ls, pb, a);
		join(ls, a, b);
		join(ls, b, na);
	}
	else
	{
		join(ls, pa, b);
		join(ls, b, na);
		join(ls, pb, a);
		join(ls, a, nb);
	}
}

static inline bool
is_end(const LocalSearch *ls, int node)
{
	return node >= ls->n;
}

static void
changed(LocalSearch *ls, int a, int b)
{
	ls->moves++;
	ls_moved(ls, a);
	if (b != a)
		ls_moved(ls, b);
}

/* A pair of customers u and v (v may be a route's start) with what is around them. */
typedef struct Pair
{
	int			u;
	int			x;				/* behind u */
	int			y;				/* behind v */
	int			pu;				/* before u */
	int			v;
	int			pv;
	int			xx;				/* behind x */
	int			yy;
	int			ru;
	int			rv;
	double		load_u;
	double		load_x;
	double		load_v;
	double		load_y;
	double		du_x;
	double		dv_y;
	double		dpu_u;
} Pair;

static inline double
load_of(const LocalSearch *ls, int node)
{
	return is_end(ls, node) ? 0 : ls->demand[node];
}

/* By how much the penalties change when load goes from u's route to v's. */
static inline double
shift_penalty(const LocalSearch *ls, const Pair *p, double load)
{
	const LsRoute *a = &ls->route[p->ru];
	const LsRoute *b = &ls->route[p->rv];

	if (p->ru == p->rv)
		return 0;
	return excess(ls, a->load - load) + excess(ls, b->load + load) - a->penalty - b->penalty;
}

/* u behind v; u and x behind v; x and u behind v. */
static bool
try_relocate(LocalSearch *ls, const Pair *p)
{
	double		cost;
	double		dux;
	double		load;

	if (p->u == p->y)
		return false;
	/* u alone */
	cost = d(ls, p->pu, p->x) - p->dpu_u - p->du_x + d(ls, p->v, p->u) + d(ls, p->u, p->y) - p->dv_y;
	if (cost < ls->route[p->ru].penalty + ls->route[p->rv].penalty - EPSILON &&
		cost + shift_penalty(ls, p, p->load_u) < -EPSILON)
	{
		ls_put(ls, p->u, p->v);
		changed(ls, p->ru, p->rv);
		return true;
	}
	if (is_end(ls, p->x) || p->v == p->x)
		return false;
	/* u and x, and turned round */
	load = p->load_u + p->load_x;
	dux = d(ls, p->pu, p->xx) - p->dpu_u - d(ls, p->x, p->xx);
	cost = dux + d(ls, p->v, p->u) + d(ls, p->x, p->y) - p->dv_y;
	if (cost < ls->route[p->ru].penalty + ls->route[p->rv].penalty - EPSILON &&
		cost + shift_penalty(ls, p, load) < -EPSILON)
	{
		ls_put(ls, p->u, p->v);
		ls_put(ls, p->x, p->u);
		changed(ls, p->ru, p->rv);
		return true;
	}
	cost = dux + d(ls, p->v, p->x) + d(ls, p->u, p->y) - p->dv_y;
	if (cost < ls->route[p->ru].penalty + ls->route[p->rv].penalty - EPSILON &&
		cost + shift_penalty(ls, p, load) < -EPSILON)
	{
		ls_put(ls, p->x, p->v);
		ls_put(ls, p->u, p->x);
		changed(ls, p->ru, p->rv);
		return true;
	}
	return false;
}

/* u with v; u and x with v; u and x with v and y. */
static bool
try_exchange(LocalSearch *ls, const Pair *p)
{
	double		bound = ls->route[p->ru].penalty + ls->route[p->rv].penalty - EPSILON;
	double		cost;

	if (p->u == p->pv || p->u == p->y)
		return false;
	if (p->u < p->v)
	{
		cost = d(ls, p->pu, p->v) + d(ls, p->v, p->x) - p->dpu_u - p->du_x + d(ls, p->pv, p->u) + d(ls, p->u, p->y) -
			d(ls, p->pv, p->v) - p->dv_y;
		if (cost < bound && cost + shift_penalty(ls, p, p->load_u - p->load_v) < -EPSILON)
		{
			exchange(ls, p->u, p->v);
			changed(ls, p->ru, p->rv);
			return true;
		}
	}
	if (is_end(ls, p->x) || p->x == p->pv || p->u == p->y || p->x == p->v)
		return false;
	cost = d(ls, p->pu, p->v) + d(ls, p->v, p->xx) - p->dpu_u - d(ls, p->x, p->xx) + d(ls, p->pv, p->u) +
		d(ls, p->x, p->y) - d(ls, p->pv, p->v) - p->dv_y;
	if (cost < bound && cost + shift_penalty(ls, p, p->load_u + p->load_x - p->load_v) < -EPSILON)
	{
		exchange(ls, p->u, p->v);
		ls_put(ls, p->x, p->u);
		changed(ls, p->ru, p->rv);
		return true;
	}
	if (is_end(ls, p->y) || p->y == p->pu || p->u >= p->v)
		return false;
	cost = d(ls, p->pu, p->v) + d(ls, p->y, p->xx) - p->dpu_u - d(ls, p->x, p->xx) + d(ls, p->pv, p->u) +
		d(ls, p->x, p->yy) - d(ls, p->pv, p->v) - d(ls, p->y, p->yy);
	if (cost < bound && cost + shift_penalty(ls, p, p->load_u + p->load_x - p->load_v - p->load_y) < -EPSILON)
	{
		exchange(ls, p->u, p->v);
		exchange(ls, p->x, p->y);
		changed(ls, p->ru, p->rv);
		return true;
	}
	return false;
}

/* Is a before b in their route?  Loads rise along it, but for customers without any. */
static bool
is_before(const LocalSearch *ls, int a, int b)
{
	if (ls->node[a].load != ls->node[b].load)
		return ls->node[a].load < ls->node[b].load;
	for (int p = ls->node[a].next; p >= 0; p = ls->node[p].next)
	{
		if (p == b)
			return true;
		if (is_end(ls, p))
			return false;
	}
	return false;
}

/* In one route, u before v: what is between, from x to v, is turned round. */
static bool
try_turn(LocalSearch *ls, const Pair *p)
{
	double		cost = d(ls, p->u, p->v) + d(ls, p->x, p->y) - p->du_x - p->dv_y;

	if (!(cost < -EPSILON) || p->x == p->v || !is_before(ls, p->u, p->v))
		return false;
	{
		int			at = p->x;
		int			before = p->y;

		while (at != p->y)
		{
			int			next = ls->node[at].next;

			ls->node[at].next = before;
			ls->node[before].prev = at;
			before = at;
			at = next;
		}
		join(ls, p->u, p->v);
	}
	changed(ls, p->ru, p->rv);
	return true;
}

/* Two routes: u meets v, x meets y (the ends turned round); or u meets y, v meets x. */
static bool
try_cross(LocalSearch *ls, const Pair *p)
{
	const LsRoute *a = &ls->route[p->ru];
	const LsRoute *b = &ls->route[p->rv];
	double		bound = a->penalty + b->penalty - EPSILON;
	double		cost;
	int			first_u = ls->n + 2 * p->ru;
	int			first_v = ls->n + 2 * p->rv;

	/* u - y, v - x */
	cost = d(ls, p->u, p->y) + d(ls, p->v, p->x) - p->du_x - p->dv_y;
	if (cost < bound)
	{
		double		head_u = ls->node[p->u].load;
		double		head_v = ls->node[p->v].load;

		cost += excess(ls, head_u + b->load - head_v) + excess(ls, head_v + a->load - head_u) - a->penalty - b->penalty;
		if (cost < -EPSILON)
		{
			int			last_u = first_u + 1;
			int			last_v = first_v + 1;
			int			tail_u = ls->node[last_u].prev;
			int			tail_v = ls->node[last_v].prev;

			if (is_end(ls, p->y))
				join(ls, p->u, last_u);
			else
			{
				join(ls, p->u, p->y);
				join(ls, tail_v, last_u);
			}
			if (is_end(ls, p->x))
				join(ls, p->v, last_v);
			else
			{
				join(ls, p->v, p->x);
				join(ls, tail_u, last_v);
			}
			changed(ls, p->ru, p->rv);
			return true;
		}
	}
	if (is_end(ls, p->v))
		return false;
	/* u - v, x - y */
	cost = d(ls, p->u, p->v) + d(ls, p->x, p->y) - p->du_x - p->dv_y;
	if (cost < bound)
	{
		double		head_u = ls->node[p->u].load;
		double		head_v = ls->node[p->v].load;

		cost += excess(ls, head_u + head_v) + excess(ls, a->load - head_u + b->load - head_v) - a->penalty - b->penalty;
		if (cost < -EPSILON)
		{
			int			last_u = first_u + 1;
			int			tail_u = ls->node[last_u].prev;
			int			head = ls->node[first_v].next;

			/* v's route: the end of u's turned round, then y on */
			if (is_end(ls, p->x))
				join(ls, first_v, p->y);
			else
			{
				/* the head of v's route is kept by its prev links while the tail of u's is laid out */
				int			at = tail_u;
				int			tail = first_v;

				while (at != p->u)
				{
					int			prev = ls->node[at].prev;

					ls->node[tail].next = at;
					ls->node[at].prev = tail;
					tail = at;
					at = prev;
				}
				join(ls, tail, p->y);
			}
			/* u's route: v and what was before it, turned round */
			{
				int			at = p->v;
				int			tail = p->u;

				for (;;)
				{
					int			prev = ls->node[at].prev;

					ls->node[tail].next = at;
					ls->node[at].prev = tail;
					tail = at;
					if (at == head)
						break;
					at = prev;
				}
				join(ls, tail, last_u);
			}
			changed(ls, p->ru, p->rv);
			return true;
		}
	}
	return false;
}

static inline Pair
make_pair(const LocalSearch *ls, int u, int v)
{
	Pair		p;

	p.u = u;
	p.v = v;
	p.x = ls->node[u].next;
	p.y = ls->node[v].next;
	p.pu = ls->node[u].prev;
	p.pv = ls->node[v].prev;
	p.xx = is_end(ls, p.x) ? -1 : ls->node[p.x].next;
	p.yy = is_end(ls, p.y) ? -1 : ls->node[p.y].next;
	p.ru = ls->node[u].route;
	p.rv = ls->node[v].route;
	p.load_u = ls->demand[u];
	p.load_v = load_of(ls, v);
	p.load_x = load_of(ls, p.x);
	p.load_y = load_of(ls, p.y);
	p.du_x = d(ls, u, p.x);
	p.dv_y = d(ls, v, p.y);
	p.dpu_u = d(ls, p.pu, u);
	return p;
}

static bool
try_pair(LocalSearch *ls, int u, int v)
{
	Pair		p = make_pair(ls, u, v);

	if (try_relocate(ls, &p) || try_exchange(ls, &p))
		return true;
	return p.ru == p.rv ? try_turn(ls, &p) : try_cross(ls, &p);
}

/* v is the start of a route */
static bool
try_start(LocalSearch *ls, int u, int v)
{
	Pair		p = make_pair(ls, u, v);

	return try_relocate(ls, &p) || (p.ru != p.rv && try_cross(ls, &p));
}

static void
shuffle(EcmlRng *rng, int *v, int n)
{
	for (int i = n - 1; i > 0; i--)
	{
		int			j = (int) ecml_rng_below(rng, i + 1);
		int			t = v[i];

		v[i] = v[j];
		v[j] = t;
	}
}

static void
load_member(LocalSearch *ls, const Member *member)
{
	ls->moves = 0;
	ls->empty = -1;
	for (int r = ls->nroutes - 1; r >= 0; r--)
	{
		int			at = ls->n + 2 * r;

		ls->node[at].prev = -1;
		ls->node[at].route = ls->node[at + 1].route = r;
		ls->node[at + 1].next = -1;
		if (r < member->routes)
			for (int i = member->begin[r]; i < member->begin[r + 1]; i++)
			{
				join(ls, at, member->tour[i]);
				at = member->tour[i];
			}
		join(ls, at, ls->n + 2 * r + 1);
		ls->route[r].count = 1;
		ls_moved(ls, r);
		ls->route[r].swapped = -1;
	}
	for (int i = 0; i < ls->n; i++)
		ls->tested[i] = -1;
	/* nothing found for earlier plans holds */
	for (size_t i = 0; i < (size_t) ls->nroutes * ls->n; i++)
		ls->best[i].when = -1;
}

/* Routes as the polar angle has them would do; as the numbers have them they do as well. */
static void
store_member(LocalSearch *ls, Member *member)
{
	int			n = 0;

	member->routes = 0;
	member->begin[0] = 0;
	for (int r = 0; r < ls->nroutes; r++)
	{
		int			last = ls->n + 2 * r + 1;

		for (int p = ls->node[last - 1].next; p != last; p = ls->node[p].next)
			member->tour[n++] = p;
		if (n > member->begin[member->routes])
			member->begin[++member->routes] = n;
	}
}

static bool
try_customer(LocalSearch *ls, int u, bool first)
{
	int			tested = ls->tested[u];
	int		   *near = ls->near + (size_t) u * ls->nnear;
	bool		any = false;

	ls->tested[u] = ls->moves;
	for (int k = 0; k < ls->nnear; k++)
	{
		int			v = near[k];
		int			ru = ls->node[u].route;
		int			rv = ls->node[v].route;

		if (!first && ls->route[ru].modified <= tested && ls->route[rv].modified <= tested)
			continue;
		if (try_pair(ls, u, v))
		{
			any = true;
			continue;
		}
		if (is_end(ls, ls->node[v].prev) && try_start(ls, u, ls->node[v].prev))
			any = true;
	}
	if (!first && ls->empty >= 0 && try_start(ls, u, ls->n + 2 * ls->empty))
		any = true;
	return any;
}

/* Descend from a member to a local optimum at that penalty; the member holds it afterwards, not measured. */
void
ls_improve(LocalSearch *ls, Member *member, double penalty)
{
	ls->penalty = penalty;
	load_member(ls, member);
	shuffle(ls->rng, ls->order, ls->n);
	shuffle(ls->rng, ls->route_order, ls->nroutes);
	for (int i = 0; i < ls->n; i++)
		if (ecml_rng_below(ls->rng, ls->nnear > 0 ? ls->nnear : 1) == 0)
			shuffle(ls->rng, ls->near + (size_t) i * ls->nnear, ls->nnear);
	for (int loop = 0;; loop++)
	{
		bool		any = loop == 0;

		for (int i = 0; i < ls->n; i++)
			any = try_customer(ls, ls->order[i], loop == 0) || any;
		for (int i = 0; i < ls->nroutes; i++)
		{
			int			r = ls->route_order[i];

			if (ls->route[r].count > 0)
				any = ls_swap_star(ls, r) || any;
		}
		if (!any)
			break;
	}
	store_member(ls, member);
}
