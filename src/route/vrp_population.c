/*
 * vrp_population.c - feasible and infeasible members, judged by cost and by what they add to the diversity
 *
 * Vidal et al. (2012): the biased fitness of a member is its rank by penalised cost, plus its rank by mean distance to its
 * nearest GA_CLOSE others, weighted so that the GA_ELITE best by cost survive.  Two distances count: the share of neighbours
 * in routes that differ (broken pairs).  When a part has GA_MU + GA_LAMBDA members, copies go first, then the worst by
 * fitness, down to GA_MU.  The penalty follows the share of offspring that are feasible as they come.
 */
#include "route/vrp_genetic.h"

#include <string.h>

#define TARGET 0.2				/* share of offspring that are to be feasible */
#define SOFTER 0.85
#define HARDER 1.2

void
member_make(EcmlCtx *ctx, Member *member, int n, int routes)
{
	member->tour = ECML_NEW0(ctx, int, n + 1);
	member->begin = ECML_NEW0(ctx, int, routes + 2);
	member->succ = ECML_NEW0(ctx, int, n + 1);
	member->pred = ECML_NEW0(ctx, int, n + 1);
	member->penalised = member->cost = INFINITY;
}

void
member_copy(Member *to, const Member *from, int n)
{
	memcpy(to->tour, from->tour, sizeof(int) * n);
	memcpy(to->begin, from->begin, sizeof(int) * (from->routes + 1));
	memcpy(to->succ, from->succ, sizeof(int) * n);
	memcpy(to->pred, from->pred, sizeof(int) * n);
	to->routes = from->routes;
	to->cost = from->cost;
	to->excess = from->excess;
	to->penalised = from->penalised;
	to->feasible = from->feasible;
}

void
member_measure(Member *member, const VrpInstance *in, const double *demand, double capacity, double penalty)
{
	int			depot = in->types[0].start;

	member->cost = 0;
	member->excess = 0;
	for (int r = 0; r < member->routes; r++)
	{
		double		load = 0;
		int			before = -1;

		for (int i = member->begin[r]; i < member->begin[r + 1]; i++)
		{
			int			c = member->tour[i];

			member->cost += GA_DIST(in->dist, in->nloc, before < 0 ? depot : before, c);
			member->pred[c] = before;
			if (before >= 0)
				member->succ[before] = c;
			load += demand[c];
			before = c;
		}
		member->succ[before] = -1;
		member->cost += GA_DIST(in->dist, in->nloc, before, depot);
		if (load > capacity)
			member->excess += load - capacity;
	}
	member->feasible = member->excess <= 0;
	member->penalised = member->cost + penalty * member->excess;
}

static double
broken_pairs(const Member *a, const Member *b, int n)
{
	int			differ = 0;

	for (int c = 0; c < n; c++)
	{
		if (a->succ[c] != b->succ[c] && a->succ[c] != b->pred[c])
			differ++;
		if (a->pred[c] == -1 && b->pred[c] != -1 && b->succ[c] != -1)
			differ++;
	}
	return (double) differ / n;
}

/* Mean distance to the nearest others of its part. */
static double
mean_close(const Island *island, const int *pool, int n, int slot)
{
	double		nearest[GA_CLOSE];
	int			count = 0;
	double		sum = 0;

	for (int i = 0; i < n; i++)
	{
		double		v = island->distance[slot][pool[i]];
		int			at;

		if (pool[i] == slot || (count == GA_CLOSE && v >= nearest[count - 1]))
			continue;
		at = count < GA_CLOSE ? count++ : count - 1;
		for (; at > 0 && nearest[at - 1] > v; at--)
			nearest[at] = nearest[at - 1];
		nearest[at] = v;
	}
	for (int i = 0; i < count; i++)
		sum += nearest[i];
	return count > 0 ? sum / count : 0;
}

/* Ranks to fitness; the pool is in the order of penalised cost. */
static void
judge(Island *island, int part)
{
	int			n = island->npool[part];
	const int  *pool = island->pool[part];
	double		key[GA_MU + GA_LAMBDA + 2];
	int			order[GA_MU + GA_LAMBDA + 2];

	if (n == 1)
	{
		island->member[pool[0]].fitness = 0;
		return;
	}
	for (int i = 0; i < n; i++)
	{
		double		k = -mean_close(island, pool, n, pool[i]);
		int			j = i;

		for (; j > 0 && key[j - 1] > k; j--)
		{
			key[j] = key[j - 1];
			order[j] = order[j - 1];
		}
		key[j] = k;
		order[j] = i;
	}
	for (int i = 0; i < n; i++)
	{
		double		diverse = (double) i / (n - 1);
		double		good = (double) order[i] / (n - 1);
		double		weight = n <= GA_ELITE ? 0 : 1 - (double) GA_ELITE / n;

		island->member[pool[order[i]]].fitness = good + weight * diverse;
	}
}

static void
remove_at(Island *island, int part, int at)
{
	int		   *pool = island->pool[part];

	island->free[island->nfree++] = pool[at];
	island->npool[part]--;
	memmove(pool + at, pool + at + 1, sizeof(int) * (island->npool[part] - at));
}

static void
remove_worst(Island *island, int part)
{
	int			n = island->npool[part];
	const int  *pool = island->pool[part];
	int			worst = -1;
	bool		worst_copy = false;
	double		worst_fitness = -INFINITY;

	judge(island, part);
	for (int i = 1; i < n; i++)
	{
		bool		copy = false;

		for (int j = 0; j < n && !copy; j++)
			copy = j != i && island->distance[pool[i]][pool[j]] < 1e-10;
		if ((copy && !worst_copy) || (copy == worst_copy && island->member[pool[i]].fitness > worst_fitness))
		{
			worst = i;
			worst_copy = copy;
			worst_fitness = island->member[pool[i]].fitness;
		}
	}
	remove_at(island, part, worst);
}

/* Add a copy of a measured member; true: it is the best feasible one there ever was. */
bool
population_add(Island *island, const Member *member)
{
	int			part = member->feasible ? 1 : 0;
	int			slot = island->free[--island->nfree];
	int		   *pool = island->pool[part];
	int			at = island->npool[part];

	member_copy(&island->member[slot], member, island->n);
	for (int i = 0; i < island->npool[part]; i++)
		island->distance[slot][pool[i]] = island->distance[pool[i]][slot] =
			broken_pairs(member, &island->member[pool[i]], island->n);
	for (; at > 0 && island->member[pool[at - 1]].penalised > member->penalised; at--)
		pool[at] = pool[at - 1];
	pool[at] = slot;
	island->npool[part]++;
	if (island->npool[part] > GA_MU + GA_LAMBDA)
		while (island->npool[part] > GA_MU)
			remove_worst(island, part);
	if (member->feasible && member->cost < island->best.cost - 1e-9)
	{
		member_copy(&island->best, member, island->n);
		island->when_best = vrp_clock();
		return true;
	}
	return false;
}

/* The better of two drawn from all. */
const Member *
population_pick(Island *island)
{
	const Member *picked[2];

	judge(island, 0);
	judge(island, 1);
	for (int k = 0; k < 2; k++)
	{
		int			i = (int) ecml_rng_below(&island->rng, island->npool[0] + island->npool[1]);

		picked[k] = &island->member[i < island->npool[1] ? island->pool[1][i] : island->pool[0][i - island->npool[1]]];
	}
	return picked[0]->fitness < picked[1]->fitness ? picked[0] : picked[1];
}

/* Once in a hundred offspring: the penalty for loads too large. */
void
population_adapt(Island *island)
{
	int			feasible = 0;
	int			n = island->npool[0];
	int		   *pool = island->pool[0];

	for (int i = 0; i < island->nrecord; i++)
		feasible += island->record[i];
	island->nrecord = 0;
	if (feasible < (TARGET - 0.05) * 100 && island->penalty < 1e7)
		island->penalty *= HARDER;
	else if (feasible > (TARGET + 0.05) * 100 && island->penalty > 1e-5)
		island->penalty *= SOFTER;
	for (int i = 0; i < n; i++)
	{
		Member	   *member = &island->member[pool[i]];
		int			slot = pool[i];
		int			j = i;

		member->penalised = member->cost + island->penalty * member->excess;
		for (; j > 0 && island->member[pool[j - 1]].penalised > member->penalised; j--)
			pool[j] = pool[j - 1];
		pool[j] = slot;
	}
}

void
population_clear(Island *island)
{
	island->npool[0] = island->npool[1] = 0;
	island->nfree = 0;
	for (int i = GA_SLOTS - 1; i >= 0; i--)
		island->free[island->nfree++] = i;
	island->born = 0;
}
