/*
 * vrp_search.c - from an instance to the best plan found: a first plan, epochs of annealing in parallel, the result
 *
 * Each epoch cuts the routes of the current plan in two or more parts, along the line between two customers drawn, and
 * anneals the parts at once, each on a thread; what the parts have become is the current plan of the next epoch, which is cut
 * elsewhere.  So threads make a large plan better faster.  Plans of few routes are not cut: then the parts are copies of the
 * whole, and the next epoch goes on from the best.
 *
 * The temperature falls geometrically with the share of the time, or of the iterations, that is over.  An iteration is
 * STEPS_AN_ITERATION steps.  With a limit of iterations the number of parts and the length of epochs do not depend on
 * threads or clocks, and neither does the result.
 */
#include "route/vrp_genetic.h"

#include <string.h>

#define STEPS_AN_ITERATION 100
#define PARTS 2					/* with a limit of iterations; else as many as threads */
#define MAX_PARTS 16
#define SLICE_SECONDS 0.005
#define EPOCH_SECONDS 0.15
#define SLICE_ITERATIONS 2		/* of each part */
#define EPOCH_SLICES 32
#ifndef MEAN_OUT
#define MEAN_OUT 10
#endif
#ifndef HOT
#define HOT 1.0
#endif
#ifndef COLD
#define COLD 0.03
#endif
#define GENETIC_SITES 400		/* more are left to ruin and recreate */
#ifndef RUIN_SHARE
#define RUIN_SHARE 0.3
#endif
#define GA_SLICE 4				/* offspring of each island, with a limit of iterations */
#define GA_EXCHANGE 50			/* slices between exchanges of the best */
#define HASTY_FROM 1000			/* deliveries from which on the first plan is made in haste */
#define CHUNK 16				/* requests of the first plan between two polls */

typedef struct Plan
{
	int		   *begin;			/* [nroutes + 1] */
	int		   *nodes;			/* customers, -1 for a reload */
	int		   *absent;			/* requests */
	int			nabsent;
	double		cost;
} Plan;

typedef struct Search
{
	EcmlCtx    *ctx;
	const VrpInstance *in;
	const VrpParams *params;
	double		began;
	double		deadline;
	int64_t		iterations;		/* done */
	int64_t		limit;			/* of them for annealing; -1: none */
	double		hot;
	double		cold;
	Plan		current;
	Plan		best;
	double		when_best;
	int			nparts;
	bool		split;
	VrpState   *part[MAX_PARTS];
	int		   *part_of_route;	/* -1: spare */
	int		   *part_of_request;
	double	   *key;			/* [nroutes][2] */
	Island	   *island[MAX_PARTS];
	/* of a slice */
	double		until;
	int			quota;
} Search;

static void
new_plan(EcmlCtx *ctx, const VrpInstance *in, Plan *plan)
{
	plan->begin = ECML_NEW0(ctx, int, in->nroutes + 2);
	plan->nodes = ECML_NEW0(ctx, int, in->n + in->nreloads + 1);
	plan->absent = ECML_NEW0(ctx, int, in->nrequests + 1);
	plan->nabsent = 0;
	plan->cost = INFINITY;
}

static void
copy_plan(const VrpInstance *in, Plan *to, const Plan *from)
{
	memcpy(to->begin, from->begin, sizeof(int) * (in->nroutes + 1));
	memcpy(to->nodes, from->nodes, sizeof(int) * from->begin[in->nroutes]);
	memcpy(to->absent, from->absent, sizeof(int) * from->nabsent);
	to->nabsent = from->nabsent;
	to->cost = from->cost;
}

/* ---------------------------------------------------------------- parts */

/* Put a plan's routes that are of part k (-1: all) in a state; the rest of the instance is out of its reach. */
static void
load_part(Search *S, VrpState *s, const Plan *plan, int k)
{
	const VrpInstance *in = S->in;

	vrp_clear(s);
	s->nabsent = 0;
	s->nmine = 0;
	s->cost = 0;
	if (k >= 0)
	{
		memset(s->nspare, 0, sizeof(int) * in->ntypes);
		for (int r = in->nroutes - 1; r >= 0; r--)
			if (S->part_of_route[r] == k)
			{
				int			t = in->type[r];

				s->route[r].used_at = s->nspare[t];
				s->spare[in->types[t].first + s->nspare[t]++] = r;
			}
			else
				s->route[r].used_at = -1;
	}
	for (int q = 0; q < in->nrequests; q++)
	{
		bool		mine = k < 0 || S->part_of_request[q] == k;

		s->absent_at[q] = mine ? -1 : -2;
		for (int m = 0; m < in->requests[q].count; m++)
		{
			int			c = in->members[in->requests[q].first + m];

			s->node[c].route = mine ? -1 : -2;
			if (mine)
				s->mine[s->nmine++] = c;
		}
	}
	for (int r = 0; r < in->nroutes; r++)
		if ((k < 0 || S->part_of_route[r] == k) && plan->begin[r + 1] > plan->begin[r])
		{
			vrp_set_route(s, r, plan->nodes + plan->begin[r], plan->begin[r + 1] - plan->begin[r]);
			s->route[r].dirty = s->generation;
			s->dirty[s->ndirty++] = r;
		}
	for (int i = 0; i < plan->nabsent; i++)
		if (s->absent_at[plan->absent[i]] == -1)
			vrp_set_absent(s, plan->absent[i], true);
	/* as the best so far; spare routes too, for those that will be used and left again */
	for (int r = 0; r < in->nroutes; r++)
		s->best_next[vrp_start(in, r)] = vrp_end(in, r);
	vrp_keep_best(s);
}

/* The routes of a state, current or best, after those that the plan has. */
static void
append_route(const VrpInstance *in, Plan *plan, const VrpState *s, int route, bool best)
{
	int			n = plan->begin[route];
	int			last = vrp_end(in, route);

	for (int p = vrp_start(in, route);;)
	{
		p = best ? s->best_next[p] : s->node[p].next;
		if (p == last)
			break;
		plan->nodes[n++] = vrp_is_reload(in, p) ? -1 : p;
	}
	plan->begin[route + 1] = n;
}

/* The plan that the parts make together; with copies, that of part k. */
static void
gather(Search *S, Plan *plan, bool best, int k)
{
	const VrpInstance *in = S->in;

	plan->begin[0] = 0;
	plan->cost = 0;
	plan->nabsent = 0;
	for (int r = 0; r < in->nroutes; r++)
	{
		int			part = S->split ? S->part_of_route[r] : k;

		append_route(in, plan, S->part[part], r, best);
	}
	for (int i = 0; i < S->nparts; i++)
		if (S->split || i == k)
		{
			const VrpState *s = S->part[i];
			int			n = best ? s->nbest_absent : s->nabsent;

			memcpy(plan->absent + plan->nabsent, best ? s->best_absent : s->absent, sizeof(int) * n);
			plan->nabsent += n;
			plan->cost += best ? s->best_cost : s->cost;
		}
}

static double
mean_distance(const VrpInstance *in, const Plan *plan, int route, int c)
{
	double		sum = 0;
	int			n = 0;

	for (int i = plan->begin[route]; i < plan->begin[route + 1]; i++)
		if (plan->nodes[i] >= 0)
		{
			double		d = vrp_leg(in, c, plan->nodes[i]);

			sum += isfinite(d) ? d : 0;
			n++;
		}
	return sum / n;
}

/* Cut the plan: routes in the order of how much nearer they are to one customer than to another. */
static void
cut(Search *S)
{
	const VrpInstance *in = S->in;
	const Plan *plan = &S->current;
	int			a = (int) ecml_rng_below(&S->ctx->rng, in->n);
	int			b = (int) ecml_rng_below(&S->ctx->rng, in->n);
	int			used = 0;
	int			spare = 0;
	int			served = 0;
	int			gap = 1;
	int		   *order = S->part[0]->dirty;	/* scratch of nroutes, set anew when parts are loaded */

	for (int r = 0; r < in->nroutes; r++)
	{
		S->part_of_route[r] = -1;
		if (plan->begin[r + 1] > plan->begin[r])
		{
			S->key[r] = mean_distance(in, plan, r, a) - mean_distance(in, plan, r, b);
			order[used++] = r;
		}
	}
	while (gap < used / 3)
		gap = 3 * gap + 1;
	for (; gap > 0; gap /= 3)
		for (int i = gap; i < used; i++)
		{
			int			r = order[i];
			int			j = i;

			for (; j >= gap && S->key[order[j - gap]] > S->key[r]; j -= gap)
				order[j] = order[j - gap];
			order[j] = r;
		}
	for (int i = 0; i < used; i++)
	{
		int			r = order[i];
		int64_t		at = (int64_t) served * S->nparts / (plan->begin[in->nroutes] > 0 ? plan->begin[in->nroutes] : 1);

		S->part_of_route[r] = (int) at;
		served += plan->begin[r + 1] - plan->begin[r];
	}
	for (int r = 0; r < in->nroutes; r++)
		if (S->part_of_route[r] < 0)
			S->part_of_route[r] = spare++ % S->nparts;
	for (int q = 0; q < in->nrequests; q++)
		S->part_of_request[q] = -1;
	for (int r = 0; r < in->nroutes; r++)
		for (int i = plan->begin[r]; i < plan->begin[r + 1]; i++)
			if (plan->nodes[i] >= 0)
				S->part_of_request[in->request[plan->nodes[i]]] = S->part_of_route[r];
	for (int i = 0; i < plan->nabsent; i++)
	{
		int			q = plan->absent[i];
		int			c = in->members[in->requests[q].first];
		int			part = 0;

		for (int k = 0; k < in->nnear; k++)
			if (S->part_of_request[in->request[in->near[(size_t) c * in->nnear + k]]] >= 0)
			{
				part = S->part_of_request[in->request[in->near[(size_t) c * in->nnear + k]]];
				break;
			}
		if (in->vehicle[c] >= 0)
			part = S->part_of_route[in->vehicle[c]];
		S->part_of_request[q] = part;
	}
}

/* ---------------------------------------------------------------- the first plan */

static bool
over(const Search *S)
{
	return (S->params->stop && *S->params->stop) || vrp_clock() >= S->deadline;
}

/* Routes known before: each stop that fits behind those before it. */
static void
load_given(Search *S, VrpState *s)
{
	const VrpInstance *in = S->in;
	int		   *nodes = ECML_NEW(S->ctx, int, in->n + 1);

	for (int i = 0; i < in->ngiven;)
	{
		int			route = in->given[i].vehicle;
		int			n = 0;

		for (; i < in->ngiven && in->given[i].vehicle == route; i++)
		{
			int			c = in->given[i].site;
			const VrpRequest *q = &in->requests[in->request[c]];
			double		distance;
			double		duration;

			if (s->absent_at[in->request[c]] < 0 || q->kind == VRP_PAIR)
				continue;
			nodes[n] = c;
			if (vrp_try_sequence(in, route, nodes, n + 1, &distance, &duration))
			{
				n++;
				vrp_set_absent(s, in->request[c], false);
			}
			else if (in->locked[c])
			{
				ecml_detail(S->ctx, "It is stop %d of vehicle %d.", n + 1, in->vehicle_of[route] + 1);
				ecml_hint(S->ctx, "Capacity, windows, shift and skills must allow the locked stops in the order given.");
				ecml_fail(S->ctx, ECML_DATA_EXCEPTION, "a locked stop is not feasible");
			}
		}
		if (s->route[route].count == 0)
			vrp_set_route(s, route, nodes, n);
		else
			for (int j = 0; j < n; j++)
				vrp_set_absent(s, in->request[nodes[j]], true);
		ecml_poll(S->ctx, 0, 0);
	}
	ecml_free(S->ctx, nodes);
}

/* Everything to its cheapest place, the farthest first. */
static void
first_plan(Search *S)
{
	const VrpInstance *in = S->in;
	VrpState   *s = S->part[0];
	int			n;

	load_given(S, s);
	n = s->nabsent;
	s->hasty = n > HASTY_FROM;
	for (int i = 0; i < n; i++)
	{
		s->order[i] = s->absent[i];
		s->key[i] = -in->requests[s->absent[i]].far;
	}
	vrp_sort_requests(s->order, s->key, n);
	for (int i = 0; i < n; i++)
	{
		const VrpRequest *q = &in->requests[s->order[i]];

		vrp_begin_step(s);
		(void) vrp_insert_request(s, s->order[i], q->optional ? q->penalty : INFINITY, false);
		if (i % CHUNK == 0)
		{
			ecml_poll(S->ctx, 0, 0);
			if (S->params->stop && *S->params->stop)
				break;
			/* a plan without half of the deliveries is none: past the time it is finished in haste */
			s->hasty = s->hasty || over(S);
		}
	}
	s->hasty = false;
	S->split = false;
	gather(S, &S->current, false, 0);
	copy_plan(in, &S->best, &S->current);
	S->when_best = vrp_clock();
}

/* ---------------------------------------------------------------- annealing */

static double
progress(const Search *S, double now)
{
	double		time = isfinite(S->deadline) ? (now - S->began) / (S->deadline - S->began) : 0;
	double		count = S->limit > 0 ? (double) S->iterations / S->limit : 0;
	double		most = time > count ? time : count;

	return most < 1 ? most : 1;
}

static double
temperature(const Search *S, double share)
{
	return S->hot * pow(S->cold / S->hot, share);
}

static void
run_slice(void *arg, size_t i, int worker)
{
	Search	   *S = arg;
	VrpState   *s = S->part[i];

	if (S->quota > 0)
	{
		double		t = temperature(S, progress(S, S->until));

		for (int k = 0; k < S->quota; k++)
			vrp_anneal_steps(s, STEPS_AN_ITERATION, t);
		return;
	}
	for (;;)
	{
		double		now = vrp_clock();

		if (now >= S->until)
			return;
		vrp_anneal_steps(s, STEPS_AN_ITERATION / 4, temperature(S, progress(S, now)));
	}
}

/* Epochs of equal work: slices, between which the leader polls. */
static void
epoch(Search *S)
{
	const VrpParams *params = S->params;
	double		end = vrp_clock() + EPOCH_SECONDS;
	int64_t		before = 0;

	for (int k = 0; k < S->nparts; k++)
		before += S->part[k]->steps;
	for (int slice = 0;; slice++)
	{
		double		now = vrp_clock();

		S->quota = 0;
		S->until = now + SLICE_SECONDS < S->deadline ? now + SLICE_SECONDS : S->deadline;
		if (params->iterations >= 0)
		{
			int64_t		left = S->limit - S->iterations;

			if (slice >= EPOCH_SLICES || left <= 0)
				break;
			S->quota = left >= SLICE_ITERATIONS * S->nparts ? SLICE_ITERATIONS : (int) ((left + S->nparts - 1) / S->nparts);
			S->until = now;
		}
		else if (now >= end)
			break;
		if (over(S))
			break;
		ecml_parallel_for(S->ctx, S->nparts, run_slice, S);
		if (params->iterations >= 0)
			S->iterations += (int64_t) S->quota * S->nparts;
	}
	if (params->iterations < 0)
	{
		int64_t		after = 0;

		for (int k = 0; k < S->nparts; k++)
			after += S->part[k]->steps;
		S->iterations += (after - before) / STEPS_AN_ITERATION;
	}
}

/* For that share of the time and the iterations. */
static void
anneal(Search *S, double share_of_all)
{
	const VrpInstance *in = S->in;
	double		deadline = S->deadline;
	Plan		candidate;

	if (share_of_all < 1 && isfinite(deadline))
		S->deadline = S->began + share_of_all * (deadline - S->began);
	S->limit = S->params->iterations < 0 ? -1 : (int64_t) ceil(share_of_all * (double) S->params->iterations);
	new_plan(S->ctx, in, &candidate);
	for (int64_t e = 0; !over(S) && (S->limit < 0 || S->iterations < S->limit); e++)
	{
		int			used = 0;
		int			lowest = 0;
		double		share = progress(S, vrp_clock());

		for (int r = 0; r < in->nroutes; r++)
			used += S->current.begin[r + 1] > S->current.begin[r];
		S->split = S->nparts > 1 && used >= 4 * S->nparts;
		if (S->split)
			cut(S);
		for (int k = 0; k < S->nparts; k++)
		{
			S->part[k]->rng = ecml_rng_stream(&S->ctx->rng, (uint64_t) e * MAX_PARTS + k + 1);
			S->part[k]->blink = 1 + k;
			load_part(S, S->part[k], &S->current, S->split ? k : -1);
		}
		epoch(S);
		if (!S->split)
			for (int k = 1; k < S->nparts; k++)
				if (S->part[k]->best_cost < S->part[lowest]->best_cost)
					lowest = k;
		gather(S, &candidate, true, lowest);
		if (candidate.cost < S->best.cost)
		{
			copy_plan(in, &S->best, &candidate);
			S->when_best = vrp_clock();
		}
		if (!S->split)
			for (int k = 1; k < S->nparts; k++)
				if (S->part[k]->cost < S->part[lowest]->cost)
					lowest = k;
		gather(S, &S->current, false, lowest);
		if (share > 0.95)
			copy_plan(in, &S->current, &S->best);
	}
	S->deadline = deadline;
}

/* ---------------------------------------------------------------- genetic search */

static void
run_island(void *arg, size_t i, int worker)
{
	Search	   *S = arg;
	Island	   *island = S->island[i];

	if (S->quota > 0)
		for (int k = 0; k < S->quota; k++)
			ga_step(island);
	else
		while (vrp_clock() < S->until)
			ga_step(island);
}

/* The best feasible member of an island as a plan. */
static void
take_member(Search *S, const Member *member)
{
	const VrpInstance *in = S->in;
	Plan	   *plan = &S->best;

	plan->nabsent = 0;
	plan->cost = member->cost * in->types[0].v.per_distance;
	memcpy(plan->nodes, member->tour, sizeof(int) * in->n);
	for (int r = 0; r <= in->nroutes; r++)
		plan->begin[r] = member->begin[r < member->routes ? r : member->routes];
}

/* The best plan as a member of an island. */
static void
give_member(Search *S, Island *island)
{
	const VrpInstance *in = S->in;
	const Plan *plan = &S->best;
	Member	   *member = &island->child;
	int			routes = 0;

	if (plan->nabsent > 0)
		return;
	member->begin[0] = 0;
	for (int r = 0; r < in->nroutes; r++)
		if (plan->begin[r + 1] > plan->begin[r])
		{
			if (routes == island->nroutes)
				return;
			member->begin[++routes] = plan->begin[r + 1];
		}
	member->routes = routes;
	memcpy(member->tour, plan->nodes, sizeof(int) * in->n);
	member_measure(member, in, island->demand, island->capacity, island->penalty);
	ga_take(island, member);
}

static void
genetic(Search *S)
{
	const VrpParams *params = S->params;
	int64_t		before = S->iterations;
	int			slices = 0;

	for (int k = 0; k < S->nparts; k++)
	{
		S->island[k] = ga_island(S->ctx, S->in);
		S->island[k]->rng = ecml_rng_stream(&S->ctx->rng, k + 1);
		give_member(S, S->island[k]);
	}
	while (!over(S) && (params->iterations < 0 || S->iterations < params->iterations))
	{
		double		now = vrp_clock();
		int64_t		left = params->iterations - S->iterations;
		int			lowest = 0;

		S->quota = 0;
		S->until = now + SLICE_SECONDS < S->deadline ? now + SLICE_SECONDS : S->deadline;
		if (params->iterations >= 0)
			S->quota = left >= GA_SLICE * S->nparts ? GA_SLICE : (int) ((left + S->nparts - 1) / S->nparts);
		ecml_parallel_for(S->ctx, S->nparts, run_island, S);
		S->iterations = before;
		for (int k = 0; k < S->nparts; k++)
		{
			S->iterations += S->island[k]->iterations;
			if (S->island[k]->best.cost < S->island[lowest]->best.cost)
				lowest = k;
		}
		if (S->island[lowest]->best.cost * S->in->types[0].v.per_distance < S->best.cost)
		{
			take_member(S, &S->island[lowest]->best);
			S->when_best = S->island[lowest]->when_best;
		}
		if (++slices % GA_EXCHANGE == 0)
			for (int k = 0; k < S->nparts; k++)
				if (k != lowest && S->island[k]->best.cost > S->island[lowest]->best.cost)
					ga_take(S->island[k], &S->island[lowest]->best);
	}
}

/* ---------------------------------------------------------------- the result */

static VrpReason
why_absent(Search *S, VrpState *s, int request)
{
	const VrpInstance *in = S->in;

	if (!in->requests[request].optional)
		return S->params->stop && *S->params->stop ? VRP_ENDED : VRP_NO_ROOM;
	/* would it fit if it paid? */
	vrp_begin_step(s);
	s->blink = 1 << 30;
	if (!vrp_insert_request(s, request, INFINITY, true))
		return VRP_NO_ROOM;
	vrp_undo(s);
	return VRP_NOT_WORTH;
}

static VrpSolution *
result(Search *S, const VrpProblem *problem)
{
	const VrpInstance *in = S->in;
	EcmlCtx    *ctx = S->ctx;
	VrpSolution *r = ECML_NEW0(ctx, VrpSolution, 1);
	int		   *route_of = ECML_NEW(ctx, int, problem->nvehicles + 1);
	VrpState   *s = S->part[0];
	const Plan *plan = &S->best;

	load_part(S, s, plan, -1);
	r->reason = ECML_NEW0(ctx, VrpReason, problem->nsites + 1);
	memcpy(r->reason, in->reason, sizeof(VrpReason) * problem->nsites);
	r->stops = ECML_NEW0(ctx, VrpStop, plan->begin[in->nroutes] + 2 * (size_t) in->nroutes + 1);
	for (int v = 0; v < problem->nvehicles; v++)
		route_of[v] = -1;
	for (int k = 0; k < in->nroutes; k++)
		route_of[in->vehicle_of[k]] = k;
	for (int v = 0; v < problem->nvehicles; v++)
	{
		int			k = route_of[v];
		const VrpVehicle *vehicle = &problem->vehicles[v];
		VrpStop    *first = r->stops + r->nstops;
		double		distance = 0;
		double		tried;
		double		duration;
		int			n;

		if (k < 0 || plan->begin[k + 1] == plan->begin[k])
			continue;
		n = plan->begin[k + 1] - plan->begin[k];
		if (!vrp_try_sequence(in, k, plan->nodes + plan->begin[k], n, &tried, &duration))
			ecml_fail(ctx, ECML_INTERNAL, "the route of vehicle %d is not feasible", v + 1);
		r->nstops += vrp_schedule(in, k, plan->nodes + plan->begin[k], n, first);
		for (int i = 0; i < n + 2; i++)
			distance += first[i].distance;
		duration = first[n + 1].arrival - first[0].departure;
		if (vehicle->end < 0)
			duration = first[n].departure - first[0].departure;
		r->used++;
		r->distance += distance;
		r->duration += duration;
		r->cost += vehicle->fixed + vehicle->per_distance * distance + vehicle->per_time * duration;
		ecml_poll(ctx, 0, 0);
	}
	for (int i = 0; i < plan->nabsent; i++)
	{
		const VrpRequest *q = &in->requests[plan->absent[i]];
		VrpReason	reason = why_absent(S, s, plan->absent[i]);

		for (int m = 0; m < q->count; m++)
			r->reason[in->site[in->members[q->first + m]]] = reason;
		ecml_poll(ctx, 0, 0);
	}
	for (int q = 0; q < in->nrequests; q++)
		if (in->requests[q].kind == VRP_GROUP && s->absent_at[q] < 0)
			for (int m = 0; m < in->requests[q].count; m++)
			{
				int			c = in->members[in->requests[q].first + m];

				if (s->node[c].route < 0)
					r->reason[in->site[c]] = VRP_ALTERNATIVE;
			}
	for (int i = 0; i < problem->nsites; i++)
		if (!problem->sites[i].depot && r->reason[i] != VRP_SERVED && r->reason[i] != VRP_ALTERNATIVE)
		{
			if (isfinite(problem->sites[i].prize))
				r->lost += problem->sites[i].prize;
			else
				r->unserved++;
		}
	r->cost += r->lost;
	r->feasible = r->unserved == 0;
	r->iterations = S->iterations;
	r->seconds = vrp_clock() - S->began;
	r->seconds_to_best = S->when_best - S->began;
	return r;
}

VrpSolution *
vrp_solve(EcmlCtx *ctx, const VrpProblem *problem, const VrpParams *params)
{
	Search	   *S = ECML_NEW0(ctx, Search, 1);
	VrpInstance *in;
	double		unit = 0;
	VrpSolution *solution;

	vrp_check(ctx, problem);
	S->ctx = ctx;
	S->params = params;
	S->began = vrp_clock();
	S->deadline = S->began + params->time_limit;
	ecml_rng_seed(&ctx->rng, params->seed);
	S->in = in = vrp_instance(ctx, problem, params);
	for (int t = 0; t < in->ntypes; t++)
		unit += in->types[t].v.per_distance + in->types[t].v.per_time * in->types[t].inverse_speed;
	unit = in->ntypes > 0 ? unit / in->ntypes : 1;
	S->hot = HOT * in->near_edge * unit + 1e-9;
	S->cold = COLD * in->near_edge * unit + 1e-12;
	S->nparts = params->iterations >= 0 ? PARTS : ctx->threads < MAX_PARTS ? ctx->threads : MAX_PARTS;
	for (int k = 0; k < S->nparts; k++)
	{
		S->part[k] = vrp_state(ctx, in);
		S->part[k]->rng = ecml_rng_stream(&ctx->rng, k);
		S->part[k]->mean_out = MEAN_OUT;
	}
	new_plan(ctx, in, &S->current);
	new_plan(ctx, in, &S->best);
	S->part_of_route = ECML_NEW0(ctx, int, in->nroutes + 1);
	S->part_of_request = ECML_NEW0(ctx, int, in->nrequests + 1);
	S->key = ECML_NEW0(ctx, double, in->nroutes + 1);
	first_plan(S);
	if (in->n > 0 && in->nroutes > 0)
	{
		if (params->method != VRP_RUIN && ga_applies(in) && (params->method == VRP_GENETIC || in->n <= GENETIC_SITES) &&
			ecml_fits(ctx, S->nparts * ga_bytes(in)))
		{
			/* a good plan first, for the population to begin with */
			if (params->method != VRP_GENETIC)
				anneal(S, RUIN_SHARE);
			genetic(S);
		}
		else
			anneal(S, 1);
	}
	solution = result(S, problem);
	/* with the number of vehicles first, its weight would stand in the bound */
	solution->bound = params->vehicles_first ? 0 : vrp_bound(ctx, in);
	return solution;
}
