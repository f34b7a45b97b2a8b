/*
 * vrp_swapstar.c - SWAP*: two customers of different routes change places, each to the best place of the other route
 *
 * Vidal (2022): neither takes the very place of the other.  The three best places of each customer in each route are kept
 * until the route changes; the best one that is not beside the customer who leaves, or the place that it leaves, is what the
 * exchange costs.  Tried between routes of which one has a near neighbour in the other.
 *
 * Cost: of two routes, the product of their customers.
 */
#include "route/vrp_genetic.h"

#define EPSILON 1e-7
#define CLOSE 8					/* neighbours that make routes close */

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

static void
consider(Best3 *b, double cost, int after)
{
	if (cost >= b->cost[2])
		return;
	if (cost >= b->cost[1])
	{
		b->cost[2] = cost;
		b->after[2] = after;
	}
	else if (cost >= b->cost[0])
	{
		b->cost[2] = b->cost[1];
		b->after[2] = b->after[1];
		b->cost[1] = cost;
		b->after[1] = after;
	}
	else
	{
		b->cost[2] = b->cost[1];
		b->after[2] = b->after[1];
		b->cost[1] = b->cost[0];
		b->after[1] = b->after[0];
		b->cost[0] = cost;
		b->after[0] = after;
	}
}

/* What it saves to take each customer of a route out, and where it would go best in another. */
static void
prepare(LocalSearch *ls, int from, int to)
{
	int			last = ls->n + 2 * from + 1;
	int			end = ls->n + 2 * to + 1;

	for (int u = ls->node[last - 1].next; u != last; u = ls->node[u].next)
	{
		Best3	   *b = &ls->best[(size_t) to * ls->n + u];

		ls->removal[u] = d(ls, ls->node[u].prev, ls->node[u].next) - d(ls, ls->node[u].prev, u) - d(ls, u, ls->node[u].next);
		if (b->when >= ls->route[to].modified && b->when >= 0)
			continue;
		b->when = ls->moves;
		for (int k = 0; k < 3; k++)
		{
			b->cost[k] = INFINITY;
			b->after[k] = -1;
		}
		for (int p = end - 1; p != end; p = ls->node[p].next)
			consider(b, d(ls, p, u) + d(ls, u, ls->node[p].next) - d(ls, p, ls->node[p].next), p);
	}
}

/* The cheapest place of u in v's route when v leaves it. */
static double
best_place(const LocalSearch *ls, int u, int v, int *after)
{
	const Best3 *b = &ls->best[(size_t) ls->node[v].route * ls->n + u];
	int			pv = ls->node[v].prev;
	int			nv = ls->node[v].next;
	double		cost = d(ls, pv, u) + d(ls, u, nv) - d(ls, pv, nv);

	*after = pv;
	for (int k = 0; k < 3; k++)
		if (b->after[k] >= 0 && b->after[k] != v && b->after[k] != pv)
		{
			if (b->cost[k] < cost)
			{
				cost = b->cost[k];
				*after = b->after[k];
			}
			break;
		}
	return cost;
}

static bool
try_routes(LocalSearch *ls, int ru, int rv)
{
	LsRoute    *a = &ls->route[ru];
	LsRoute    *b = &ls->route[rv];
	int			last_u = ls->n + 2 * ru + 1;
	int			last_v = ls->n + 2 * rv + 1;
	double		best = -EPSILON;
	int			best_u = -1;
	int			best_v = -1;
	int			after_u = -1;
	int			after_v = -1;

	prepare(ls, ru, rv);
	prepare(ls, rv, ru);
	for (int u = ls->node[last_u - 1].next; u != last_u; u = ls->node[u].next)
		for (int v = ls->node[last_v - 1].next; v != last_v; v = ls->node[v].next)
		{
			double		shift = ls->demand[v] - ls->demand[u];
			double		cost = excess(ls, a->load + shift) + excess(ls, b->load - shift) - a->penalty - b->penalty +
				ls->removal[u] + ls->removal[v];
			int			pu;
			int			pv;

			/* a bound before the places are looked at */
			if (!(cost < best))
				continue;
			cost += best_place(ls, u, v, &pv);
			if (!(cost < best))
				continue;
			cost += best_place(ls, v, u, &pu);
			if (cost < best)
			{
				best = cost;
				best_u = u;
				best_v = v;
				after_u = pv;
				after_v = pu;
			}
		}
	/* one of them alone */
	for (int side = 0; side < 2; side++)
	{
		int			last = side ? last_v : last_u;
		LsRoute    *from = side ? b : a;
		LsRoute    *to = side ? a : b;

		for (int u = ls->node[last - 1].next; u != last; u = ls->node[u].next)
		{
			const Best3 *place = &ls->best[(size_t) (side ? ru : rv) * ls->n + u];
			double		cost = ls->removal[u] + place->cost[0] + excess(ls, from->load - ls->demand[u]) +
				excess(ls, to->load + ls->demand[u]) - from->penalty - to->penalty;

			if (cost < best)
			{
				best = cost;
				best_u = side ? -1 : u;
				best_v = side ? u : -1;
				after_u = side ? -1 : place->after[0];
				after_v = side ? place->after[0] : -1;
			}
		}
	}
	if (best_u < 0 && best_v < 0)
		return false;
	if (best_u >= 0)
		ls_put(ls, best_u, after_u);
	if (best_v >= 0)
		ls_put(ls, best_v, after_v);
	ls->moves++;
	ls_moved(ls, ru);
	ls_moved(ls, rv);
	return true;
}

/* With each route close to this one that has a larger number; did anything change? */
bool
ls_swap_star(LocalSearch *ls, int route)
{
	int			last = ls->n + 2 * route + 1;
	int			tested = ls->route[route].swapped;
	int			near[64];
	int			n = 0;
	bool		any = false;

	ls->route[route].swapped = ls->moves;
	ls->sight++;
	ls->close_seen[route] = ls->sight;
	for (int u = ls->node[last - 1].next; u != last; u = ls->node[u].next)
		for (int k = 0; k < CLOSE && k < ls->in->nnear; k++)
		{
			int			other = ls->node[ls->in->near[(size_t) u * ls->in->nnear + k]].route;

			if (ls->close_seen[other] == ls->sight || n == 64)
				continue;
			ls->close_seen[other] = ls->sight;
			near[n++] = other;
		}
	for (int i = 0; i < n; i++)
	{
		int			other = near[i];

		if (other < route || ls->route[other].count == 0 || ls->route[route].count == 0)
			continue;
		if (ls->route[route].modified <= tested && ls->route[other].modified <= tested)
			continue;
		any = try_routes(ls, route, other) || any;
	}
	return any;
}
