/*
 * vrp_genetic.c - an island of the genetic search: crossover, education, repair
 *
 * Vidal (2022), HGS-CVRP: ordered crossover of two tours, cut into routes (vrp_split.c), descent (vrp_local_search.c), and half
 * of those that stay infeasible descend again at ten times the penalty.  After IDLE offspring without a better best the
 * population is made anew.
 */
#include "route/vrp_genetic.h"

#include <string.h>

#define FIRST (4 * GA_MU)		/* members of the first generation */
#define IDLE 20000

/* Is the instance of the kind that this search is made for? */
bool
ga_applies(const VrpInstance *in)
{
	const VrpType *type = &in->types[0];

	if (in->ntypes != 1 || in->ndims > 1 || in->timed || in->far_bound || in->ordered || in->picky || !in->simple_load ||
		!in->requests_plain || in->dist == NULL || in->dist_to != in->dist || type->start != type->end || in->ngiven > 0 ||
		type->v.per_distance <= 0 || type->v.fixed > 0 || in->n < 4)
		return false;
	for (int r = 0; r < in->nrequests; r++)
		if (in->requests[r].optional)
			return false;
	for (size_t i = 0; i < (size_t) in->nloc * in->nloc; i++)
		if (!isfinite(in->dist[i]))
			return false;
	return true;
}

static double
total_demand(const VrpInstance *in)
{
	double		total = 0;

	for (int c = 0; c < in->n && in->ndims > 0; c++)
		total += in->load[c].deliver;
	return total;
}

/* Routes that a member may have: a few more than the loads need. */
static int
ga_routes(const VrpInstance *in)
{
	double		need = in->ndims > 0 ? ceil(1.3 * total_demand(in) / in->types[0].v.capacity[0]) + 3 : 4;

	return need < in->nroutes ? (int) need : in->nroutes;
}

size_t
ga_bytes(const VrpInstance *in)
{
	size_t		n = in->n;
	size_t		routes = ga_routes(in);

	return GA_SLOTS * (n + 64) * 4 * sizeof(int) + (n + 2 * routes) * sizeof(LsNode) + n * routes * (sizeof(Best3) + 12) +
		n * (GA_NEAR + 30) * sizeof(int) + sizeof(Island);
}

Island *
ga_island(EcmlCtx *ctx, const VrpInstance *in)
{
	Island	   *island = ECML_NEW0(ctx, Island, 1);
	double	   *demand = ECML_NEW0(ctx, double, in->n + 1);
	double		most = 0;
	double		farthest = 0;

	island->in = in;
	island->n = in->n;
	island->nroutes = ga_routes(in);
	island->capacity = in->ndims > 0 ? in->types[0].v.capacity[0] : INFINITY;
	for (int c = 0; c < in->n; c++)
	{
		double		leg = GA_DIST(in->dist, in->nloc, in->types[0].start, c);

		demand[c] = in->ndims > 0 ? in->load[c].deliver : 0;
		most = demand[c] > most ? demand[c] : most;
		farthest = leg > farthest ? leg : farthest;
	}
	island->demand = demand;
	island->penalty = most > 0 ? farthest / most : 1;
	if (island->penalty < 0.1)
		island->penalty = 0.1;
	else if (island->penalty > 1000)
		island->penalty = 1000;
	ls_make(ctx, &island->ls, in, island->nroutes, demand, island->capacity);
	split_make(ctx, &island->split, in->n, island->nroutes);
	for (int i = 0; i < GA_SLOTS; i++)
		member_make(ctx, &island->member[i], in->n, island->nroutes);
	member_make(ctx, &island->best, in->n, island->nroutes);
	member_make(ctx, &island->child, in->n, island->nroutes);
	island->place = ECML_NEW0(ctx, int, in->n + 1);
	island->ls.rng = &island->rng;
	population_clear(island);
	return island;
}

/* Ordered crossover: a stretch of one parent's tour, the rest in the order of the other's. */
static void
cross(Island *island, const Member *a, const Member *b)
{
	int			n = island->n;
	int			from = (int) ecml_rng_below(&island->rng, n);
	int			to = (int) ecml_rng_below(&island->rng, n - 1);
	int		   *tour = island->child.tour;
	int			at;

	to += to >= from;
	memset(island->place, 0, sizeof(int) * n);
	at = from;
	for (;; at = at + 1 == n ? 0 : at + 1)
	{
		tour[at] = a->tour[at];
		island->place[tour[at]] = 1;
		if (at == to)
			break;
	}
	at = at + 1 == n ? 0 : at + 1;
	for (int i = 0, j = at; i < n; i++, j = j + 1 == n ? 0 : j + 1)
		if (!island->place[b->tour[j]])
		{
			tour[at] = b->tour[j];
			at = at + 1 == n ? 0 : at + 1;
		}
}

static void
educate(Island *island, double penalty)
{
	Member	   *child = &island->child;

	ls_improve(&island->ls, child, penalty);
	member_measure(child, island->in, island->demand, island->capacity, island->penalty);
}

/* An offspring, or a member of the first generation. */
void
ga_step(Island *island)
{
	Member	   *child = &island->child;
	bool		first = island->born < FIRST;
	bool		better;

	if (first)
	{
		for (int i = 0; i < island->n; i++)
		{
			int			j = (int) ecml_rng_below(&island->rng, i + 1);

			child->tour[i] = child->tour[j];
			child->tour[j] = i;
		}
		island->born++;
	}
	else
	{
		const Member *a = population_pick(island);
		const Member *b = population_pick(island);

		cross(island, a, b);
	}
	split_tour(&island->split, island->in, child, island->demand, island->capacity, island->penalty, island->nroutes);
	educate(island, island->penalty);
	island->record[island->nrecord++] = child->feasible;
	better = population_add(island, child);
	if (!child->feasible && ecml_rng_below(&island->rng, 2) == 0)
	{
		educate(island, 10 * island->penalty);
		if (child->feasible)
			better = population_add(island, child) || better;
	}
	island->iterations++;
	if (island->nrecord == 100)
		population_adapt(island);
	if (first || better)
		island->idle = 0;
	else if (++island->idle >= IDLE)
	{
		population_clear(island);
		island->idle = 0;
	}
}

/* A member from elsewhere, feasible: among the others here. */
void
ga_take(Island *island, const Member *member)
{
	if (member->feasible && island->npool[1] < GA_MU + GA_LAMBDA)
		(void) population_add(island, member);
}
