/*
 * test_warehouse.c - pick routes, boxes and facilities against trying everything
 */
#include <limits.h>
#include <math.h>
#include <string.h>

#include "host.h"
#include "route/facility.h"
#include "route/pack.h"
#include "route/pick.h"

/* ---- pick routes */

static double
apart(const PickProblem *p, double xa, double ya, double xb, double yb)
{
	if (xa == xb)
		return fabs(ya - yb);
	return fabs(xa - xb) + fmin(ya + yb, 2 * p->length - ya - yb);
}

static double
shortest(const PickProblem *p, double x, double y, unsigned left)
{
	double		best = INFINITY;

	if (left == 0)
		return apart(p, x, y, p->depot, 0);
	for (int i = 0; i < p->n; i++)
		if (left & 1u << i)
			best = fmin(best, apart(p, x, y, p->aisle[i], p->position[i]) +
						shortest(p, p->aisle[i], p->position[i], left & ~(1u << i)));
	return best;
}

static void
test_picks(void)
{
	EcmlRng		rng;
	int			wrong = 0;
	int			shorter = 0;
	int			incomplete = 0;

	ecml_rng_seed(&rng, 4);
	for (int t = 0; t < 1200; t++)
	{
		EcmlCtx    *ctx = test_ctx(1, 1);
		double		aisle[7];
		double		position[7];
		PickProblem p = {1 + (int) ecml_rng_below(&rng, 6), aisle, position, 10, 2.0 * ecml_rng_below(&rng, 6)};
		double		best;

		for (int i = 0; i < p.n; i++)
		{
			aisle[i] = 2.0 * ecml_rng_below(&rng, 6);
			position[i] = ecml_rng_below(&rng, 11);
		}
		best = shortest(&p, p.depot, 0, (1u << p.n) - 1);
		for (int method = PICK_OPTIMAL; method <= PICK_LARGEST_GAP; method++)
		{
			PickResult	r;
			unsigned	seen = 0;

			pick_solve(ctx, &p, (PickMethod) method, &r);
			for (int i = 0; i < p.n; i++)
				seen |= 1u << r.order[i];
			incomplete += seen != (1u << p.n) - 1;
			if (method == PICK_OPTIMAL)
				wrong += fabs(r.total - best) > 1e-9;
			else
				shorter += r.total < best - 1e-9;
		}
		test_ctx_free(ctx);
	}
	ok(wrong == 0, "1,200 routes are as short as the best of all orders (%d are not)", wrong);
	ok(shorter == 0, "no rule walks less (%d)", shorter);
	ok(incomplete == 0, "every pick is on its route (%d)", incomplete);
}

/* ---- boxes */

static double
cheapest(const PackProblem *p, int item, double *room, const double *cost, int nbins, double sum)
{
	double		best = INFINITY;

	if (item == p->n)
		return sum;
	for (int b = 0; b < nbins; b++)
		if (room[b] >= p->items[item].size[0] - 1e-9)
		{
			room[b] -= p->items[item].size[0];
			best = fmin(best, cheapest(p, item + 1, room, cost, nbins, sum));
			room[b] += p->items[item].size[0];
		}
	for (int k = 0; k < p->m; k++)
		if (p->boxes[k].size[0] >= p->items[item].size[0])
		{
			room[nbins] = p->boxes[k].size[0] - p->items[item].size[0];
			best = fmin(best, cheapest(p, item + 1, room, cost, nbins + 1, sum + p->boxes[k].cost));
		}
	return best;
}

static void
test_sizes(void)
{
	EcmlRng		rng;
	int			wrong = 0;
	int			overfull = 0;
	int			unproved = 0;

	ecml_rng_seed(&rng, 8);
	for (int t = 0; t < 400; t++)
	{
		EcmlCtx    *ctx = test_ctx(1, 1);
		PackParams	params = PACK_DEFAULTS;
		PackItem	items[7] = {0};
		PackBox		boxes[2] = {{{10, 1, 1}, INFINITY, 3, INT_MAX}, {{7, 1, 1}, INFINITY, 2.5, INT_MAX}};
		PackProblem p = {1 + (int) ecml_rng_below(&rng, 7), 1 + t % 2, items, boxes, false, 0};
		double		room[8];
		double		load[8] = {0};
		PackResult	r;

		for (int i = 0; i < p.n; i++)
			items[i].size[0] = 1 + (double) ecml_rng_below(&rng, 60) / 10;
		pack_solve(ctx, &p, &params, &r);
		wrong += !r.feasible || fabs(r.cost - cheapest(&p, 0, room, NULL, 0, 0)) > 1e-9;
		unproved += r.bound > r.cost + 1e-9;
		for (int i = 0; i < p.n; i++)
			load[r.places[i].bin] += items[i].size[0];
		for (int b = 0; b < r.nbins; b++)
			overfull += load[b] > boxes[r.box_of[b]].size[0] + 1e-6;
		test_ctx_free(ctx);
	}
	ok(wrong == 0, "400 packings by size cost the least (%d do not)", wrong);
	ok(unproved == 0 && overfull == 0, "no bound is above the cost, no box overfull");
}

static void
test_spatial(void)
{
	EcmlRng		rng;
	int			bad = 0;

	ecml_rng_seed(&rng, 9);
	for (int t = 0; t < 60; t++)
	{
		EcmlCtx    *ctx = test_ctx(1, 1);
		PackParams	params = {0, 6};
		PackItem	items[25] = {0};
		PackBox		boxes[3] = {{{10, 10, 10}, 40, 3, INT_MAX}, {{20, 12, 10}, 60, 5, INT_MAX}, {{12, 12, 30}, 60, 8, 1}};
		PackProblem p = {1 + (int) ecml_rng_below(&rng, 25), 3, items, boxes, true, t % 2 ? 0.7 : 0};
		double		weight[32] = {0};
		PackResult	r;

		for (int i = 0; i < p.n; i++)
		{
			for (int k = 0; k < 3; k++)
				items[i].size[k] = 1 + (double) ecml_rng_below(&rng, 8);
			items[i].weight = 1 + (double) ecml_rng_below(&rng, 5);
			items[i].upright = ecml_rng_below(&rng, 4) == 0;
		}
		pack_solve(ctx, &p, &params, &r);
		bad += !r.feasible || r.bound > r.cost + 1e-9;
		for (int i = 0; i < p.n && r.feasible; i++)
		{
			const PackPlace *a = &r.places[i];
			const PackBox *box = &boxes[r.box_of[a->bin]];

			weight[a->bin] += items[i].weight;
			bad += weight[a->bin] > box->max_weight || (items[i].upright && a->size[2] != items[i].size[2]) ||
				a->size[0] * a->size[1] * a->size[2] != items[i].size[0] * items[i].size[1] * items[i].size[2];
			for (int k = 0; k < 3; k++)
				bad += a->at[k] < 0 || a->at[k] + a->size[k] > box->size[k] + 1e-6;
			for (int j = 0; j < i; j++)
			{
				const PackPlace *b = &r.places[j];
				bool		apart = a->bin != b->bin;

				for (int k = 0; k < 3; k++)
					apart |= a->at[k] >= b->at[k] + b->size[k] - 1e-6 || b->at[k] >= a->at[k] + a->size[k] - 1e-6;
				bad += !apart;
			}
		}
		test_ctx_free(ctx);
	}
	ok(bad == 0, "60 packings: inside, apart, within weights, upright ones upright (%d are not)", bad);
}

/* ---- facilities */

static void
test_facilities(void)
{
	EcmlRng		rng;
	int			wrong = 0;
	int			unproved = 0;

	ecml_rng_seed(&rng, 2);
	for (int t = 0; t < 120; t++)
	{
		EcmlCtx    *ctx = test_ctx(1, 1);
		FacilityParams params = FACILITY_DEFAULTS;
		double		fixed[8];
		double		cost[8 * 12];
		double		demand[12];
		signed char state[8];
		FacilityProblem p = {2 + (int) ecml_rng_below(&rng, 6), 1 + (int) ecml_rng_below(&rng, 12), fixed, NULL, demand, cost, state, t % 3 == 0 ? 2 : 0, t % 3 == 0 ? 2 : 100};
		FacilityResult r;
		double		best = INFINITY;

		for (int j = 0; j < p.n; j++)
		{
			fixed[j] = (double) ecml_rng_below(&rng, 60);
			state[j] = t % 4 == 1 && j == 0 ? FACILITY_OPEN : t % 4 == 2 && j == 0 ? FACILITY_CLOSED : FACILITY_FREE;
			for (int i = 0; i < p.m; i++)
				cost[j * p.m + i] = ecml_rng_below(&rng, 12) == 0 ? INFINITY : (double) ecml_rng_below(&rng, 50);
		}
		for (int i = 0; i < p.m; i++)
			demand[i] = 1;
		if (p.most > p.n)
			p.most = p.n;
		for (unsigned set = 1; set < 1u << p.n; set++)
		{
			double		sum = 0;
			int			open = __builtin_popcount(set);
			bool		allowed = open >= p.least && open <= p.most;

			for (int j = 0; j < p.n; j++)
			{
				sum += set & 1u << j ? fixed[j] : 0;
				allowed &= state[j] == FACILITY_FREE || (state[j] == FACILITY_OPEN) == ((set & 1u << j) != 0);
			}
			for (int i = 0; i < p.m; i++)
			{
				double		least = INFINITY;

				for (int j = 0; j < p.n; j++)
					if (set & 1u << j)
						least = fmin(least, cost[j * p.m + i]);
				sum += least;
			}
			if (allowed)
				best = fmin(best, sum);
		}
		facility_solve(ctx, &p, &params, &r);
		wrong += r.feasible != isfinite(best) || (r.feasible && fabs(r.cost - best) > 1e-9);
		unproved += r.feasible && (!r.proved || r.bound > r.cost + 1e-6);
		test_ctx_free(ctx);
	}
	ok(wrong == 0, "120 choices of facilities cost what the best of all subsets does (%d do not)", wrong);
	ok(unproved == 0, "and are proved (%d are not)", unproved);
}

int
main(void)
{
	test_picks();
	test_sizes();
	test_spatial();
	test_facilities();
	return done();
}
