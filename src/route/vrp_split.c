/*
 * vrp_split.c - cutting a tour of all customers into routes at least cost
 *
 * Prins (2004), with loads beyond the capacity at a penalty (Vidal et al. 2012): shortest paths over the arcs that are
 * possible routes, up to 1.5 times the capacity.  First with as many routes as come out; when those are too many, again with
 * the number bounded.
 *
 * Cost: n times the customers of the longest route, and that times the number of routes when it is bounded.
 */
#include "route/vrp_genetic.h"

#define LONGEST_LOAD 1.5

void
split_make(EcmlCtx *ctx, Split *split, int n, int routes)
{
	split->potential = ECML_NEW(ctx, double, n + 1);
	split->pred = ECML_NEW(ctx, int, n + 1);
	split->fleet_potential = ECML_NEW(ctx, double, (size_t) (n + 1) * (routes + 1));
	split->fleet_pred = ECML_NEW(ctx, int, (size_t) (n + 1) * (routes + 1));
	split->load = ECML_NEW(ctx, double, n + 1);
	split->length = ECML_NEW(ctx, double, n + 1);
	split->out = ECML_NEW(ctx, double, n + 1);
	split->back = ECML_NEW(ctx, double, n + 1);
}

static void
relax(const Split *split, int n, const double *from, double *to, int *pred, double capacity, double penalty, bool same)
{
	for (int i = 0; i < n; i++)
	{
		if (!isfinite(from[i]))
			continue;
		for (int j = i + 1; j <= n; j++)
		{
			double		load = split->load[j] - split->load[i];
			double		cost = from[i] + split->out[i + 1] + split->length[j] - split->length[i + 1] + split->back[j];

			if (j > i + 1 && load > LONGEST_LOAD * capacity)
				break;
			if (load > capacity)
				cost += penalty * (load - capacity);
			if (cost < to[j])
			{
				to[j] = cost;
				pred[j] = i;
			}
		}
		if (same)
			from = to;
	}
}

/* Lay the routes out, the last one first. */
static void
cut_at(Member *member, int routes, const int *cuts)
{
	member->routes = routes;
	for (int k = 0; k <= routes; k++)
		member->begin[k] = cuts[k];
}

void
split_tour(Split *split, const VrpInstance *in, Member *member, const double *demand, double capacity, double penalty, int routes)
{
	int			n = in->n;
	int			depot = in->types[0].start;
	int			count = 0;

	split->load[0] = 0;
	split->length[0] = 0;
	for (int i = 1; i <= n; i++)
	{
		int			c = member->tour[i - 1];

		split->load[i] = split->load[i - 1] + demand[c];
		split->length[i] = i == 1 ? 0 : split->length[i - 1] + GA_DIST(in->dist, in->nloc, member->tour[i - 2], c);
		split->out[i] = GA_DIST(in->dist, in->nloc, depot, c);
		split->back[i] = GA_DIST(in->dist, in->nloc, c, depot);
	}
	split->potential[0] = 0;
	for (int i = 1; i <= n; i++)
		split->potential[i] = INFINITY;
	relax(split, n, split->potential, split->potential, split->pred, capacity, penalty, true);
	for (int i = n; i > 0; i = split->pred[i])
		count++;
	if (count <= routes)
	{
		int			k = count;

		member->routes = count;
		for (int i = n; i > 0; i = split->pred[i])
			member->begin[k--] = i;
		member->begin[0] = 0;
		return;
	}
	/* layer k: the best with k routes; loads may then be any, else a small fleet has no way at all */
	for (int k = 0; k <= routes; k++)
		for (int i = 0; i <= n; i++)
			split->fleet_potential[(size_t) k * (n + 1) + i] = k == 0 && i == 0 ? 0 : INFINITY;
	for (int k = 1; k <= routes; k++)
		relax(split, n, split->fleet_potential + (size_t) (k - 1) * (n + 1), split->fleet_potential + (size_t) k * (n + 1),
			  split->fleet_pred + (size_t) k * (n + 1), capacity, penalty, false);
	{
		int			best = 0;
		int			at = n;

		for (int k = 1; k <= routes; k++)
			if (split->fleet_potential[(size_t) k * (n + 1) + n] < split->fleet_potential[(size_t) best * (n + 1) + n])
				best = k;
		if (best == 0)
		{
			/* no way within 1.5 times the capacity: equal shares of the tour */
			for (int k = 0; k <= routes; k++)
				split->pred[k] = (int) ((int64_t) n * k / routes);
			cut_at(member, routes, split->pred);
			return;
		}
		member->routes = best;
		for (int k = best; k > 0; k--)
		{
			member->begin[k] = at;
			at = split->fleet_pred[(size_t) k * (n + 1) + at];
		}
		member->begin[0] = 0;
	}
}
