/*
 * facility.c - plans of open facilities: their cost, and better ones nearby
 *
 * Without capacities each customer is served from the nearest open facility.  All exchanges of one facility for another are
 * valued in one pass over customers for each candidate (Whitaker 1983).  With capacities a plan's cost is a transport problem, solved by the
 * network simplex; candidates for a change are tried in the order of what they promise without capacities.
 *
 * Cost: n m a round of changes; with capacities a network simplex a trial.
 */
#include <math.h>
#include <string.h>

#include "route/facility_internal.h"
#include "route/flow.h"

#define POLL_CELLS 2000000
#define TRIALS 12				/* changes tried in a round, with capacities */

void
facility_work(FacilitySearch *s, double cells)
{
	s->work += cells;
	if (s->work - s->polled < POLL_CELLS)
		return;
	ecml_poll(s->ctx, 0, 0);
	s->polled = s->work;
}

static const double *
costs_of(const FacilitySearch *s, int j)
{
	return s->p->cost + (size_t) j * s->p->m;
}

void
facility_offer(FacilitySearch *s, const signed char *open, double cost)
{
	if (!(cost < s->best_cost))
		return;
	s->best_cost = cost;
	memcpy(s->best, open, s->p->n);
}

/* ---- what a plan costs */

/* Customers served from open facilities within their capacities. */
static double
evaluate_capacities(FacilitySearch *s, const signed char *open, double *share)
{
	const FacilityProblem *p = s->p;
	EcmlCtx    *ctx = s->ctx;
	int		   *number = ECML_NEW(ctx, int, p->n + 1);
	int			nopen = 0;
	int			m = 0;
	double		capacity = 0;
	double		fixed = 0;
	FlowNetwork net = {0};
	FlowResult	result;
	int		   *from;
	int		   *to;
	double	   *cost;
	double	   *supply;
	double	   *spill;

	for (int j = 0; j < p->n; j++)
		if (open[j])
		{
			number[nopen++] = j;
			capacity += p->capacity[j];
			fixed += p->fixed[j];
		}
	if (capacity < s->total_demand * (1 - 1e-12))
	{
		ecml_free(ctx, number);
		return INFINITY;
	}
	from = ECML_NEW(ctx, int, (size_t) nopen * p->m + 1);
	to = ECML_NEW(ctx, int, (size_t) nopen * p->m + 1);
	cost = ECML_NEW(ctx, double, (size_t) nopen * p->m + 1);
	supply = ECML_NEW(ctx, double, nopen + p->m + 1);
	spill = ECML_NEW(ctx, double, nopen + p->m + 1);
	for (int k = 0; k < nopen; k++)
	{
		const double *c = costs_of(s, number[k]);

		supply[k] = p->capacity[number[k]];
		spill[k] = 0;
		for (int i = 0; i < p->m; i++)
			if (isfinite(c[i]) && p->demand[i] > 0)
			{
				from[m] = k;
				to[m] = nopen + i;
				cost[m++] = c[i] / p->demand[i];
			}
	}
	for (int i = 0; i < p->m; i++)
	{
		supply[nopen + i] = -p->demand[i];
		spill[nopen + i] = INFINITY;
	}
	net = (FlowNetwork) {nopen + p->m, m, from, to, cost, NULL, NULL, supply, spill};
	flow_solve(ctx, &net, &result);
	for (int a = 0; share && result.status == FLOW_OPTIMAL && a < m; a++)
		share[(size_t) number[from[a]] * p->m + to[a] - nopen] = result.flow[a] / p->demand[to[a] - nopen];
	s->work += 20.0 * m;
	ecml_free(ctx, from);
	ecml_free(ctx, to);
	ecml_free(ctx, cost);
	ecml_free(ctx, supply);
	ecml_free(ctx, spill);
	ecml_free(ctx, number);
	ecml_free(ctx, result.flow);
	ecml_free(ctx, result.price);
	ecml_free(ctx, result.excess);
	return result.status == FLOW_OPTIMAL ? result.cost + fixed : INFINITY;
}

/* The nearest open facility of each customer, and the cost of the next. */
static double
find_nearest(FacilitySearch *s, const signed char *open)
{
	const FacilityProblem *p = s->p;
	double		cost = 0;

	for (int i = 0; i < p->m; i++)
	{
		s->first[i] = s->second[i] = INFINITY;
		s->nearest[i] = -1;
	}
	for (int j = 0; j < p->n; j++)
	{
		const double *c = costs_of(s, j);

		if (!open[j])
			continue;
		cost += p->fixed[j];
		for (int i = 0; i < p->m; i++)
		{
			if (c[i] < s->first[i])
			{
				s->second[i] = s->first[i];
				s->first[i] = c[i];
				s->nearest[i] = j;
			}
			else if (c[i] < s->second[i])
				s->second[i] = c[i];
		}
		facility_work(s, 2.0 * p->m);
	}
	for (int i = 0; i < p->m; i++)
		cost += s->first[i];
	return cost;
}

double
facility_evaluate(FacilitySearch *s, const signed char *open, double *share)
{
	return s->p->capacity ? evaluate_capacities(s, open, share) : find_nearest(s, open);
}

/* ---- better plans nearby */

/* A change of a plan, and what it saves. */
typedef struct Change
{
	int			add;			/* or -1 */
	int			drop;			/* or -1 */
	double		saves;
} Change;

static void
note_change(Change *list, int *n, int limit, Change change)
{
	int			at;

	if (*n == limit && change.saves <= list[limit - 1].saves)
		return;
	at = *n < limit ? (*n)++ : limit - 1;
	for (; at > 0 && list[at - 1].saves < change.saves; at--)
		list[at] = list[at - 1];
	list[at] = change;
}

/* a - b, where both may be infinite: what cannot be served now is worth all */
static inline double
saved(double a, double b)
{
	return a == b ? 0 : isinf(a) ? 1e200 : a - b;
}

/* The changes that save most, capacities aside; find_nearest has been called. */
static int
best_changes(FacilitySearch *s, const signed char *open, const signed char *state, Change *list, int limit)
{
	const FacilityProblem *p = s->p;
	int			count = 0;
	int			n = 0;

	for (int k = 0; k < limit; k++)
		list[k] = (Change) {-1, -1, -INFINITY};
	for (int j = 0; j < p->n; j++)
	{
		count += open[j] != 0;
		s->loss[j] = 0;
	}
	for (int i = 0; i < p->m; i++)
		if (s->nearest[i] >= 0)
			s->loss[s->nearest[i]] += isinf(s->second[i]) ? 1e200 : s->second[i] - s->first[i];
	for (int j = 0; j < p->n && count > s->least; j++)
		if (open[j] && state[j] == FACILITY_FREE)
			note_change(list, &n, limit, (Change) {-1, j, p->fixed[j] - s->loss[j]});
	for (int j = 0; j < p->n; j++)
	{
		const double *c = costs_of(s, j);
		double		gain = -p->fixed[j];

		if (open[j] || state[j] == FACILITY_CLOSED)
			continue;
		memset(s->loss, 0, p->n * sizeof(double));
		for (int i = 0; i < p->m; i++)
		{
			if (c[i] < s->first[i])
				gain += saved(s->first[i], c[i]);
			else if (s->nearest[i] >= 0)
				s->loss[s->nearest[i]] += saved(fmin(c[i], s->second[i]), s->first[i]);
		}
		facility_work(s, 4.0 * p->m);
		if (count < p->most)
			note_change(list, &n, limit, (Change) {j, -1, gain});
		for (int r = 0; r < p->n; r++)
			if (open[r] && state[r] == FACILITY_FREE)
				note_change(list, &n, limit, (Change) {j, r, gain + p->fixed[r] - s->loss[r]});
	}
	return n;
}

static void
apply(signed char *open, const Change *change, bool undo)
{
	if (change->add >= 0)
		open[change->add] = !undo;
	if (change->drop >= 0)
		open[change->drop] = undo;
}

double
facility_improve(FacilitySearch *s, signed char *open, const signed char *state)
{
	double		cost = facility_evaluate(s, open, NULL);
	Change		list[TRIALS];

	for (;;)
	{
		int			limit = s->p->capacity ? TRIALS : 1;
		double		before = cost;
		int			n;

		if (s->p->capacity)
			(void) find_nearest(s, open);
		n = best_changes(s, open, state, list, limit);
		for (int k = 0; k < n && cost == before; k++)
		{
			double		other;

			if (!s->p->capacity && !(list[k].saves > 1e-9 * fabs(cost)))
				break;
			if (list[k].add < 0 && list[k].drop < 0)
				continue;
			apply(open, &list[k], false);
			other = facility_evaluate(s, open, NULL);
			if (other < cost - 1e-9 * fabs(cost))
				cost = other;
			else
				apply(open, &list[k], true);
			if (s->work > s->params.work)
				break;
		}
		if (cost == before || s->work > s->params.work)
			break;
	}
	facility_offer(s, open, cost);
	return cost;
}

bool
facility_repair(FacilitySearch *s, signed char *open, const signed char *state)
{
	const FacilityProblem *p = s->p;
	double		capacity = 0;
	int			count = 0;

	for (int j = 0; j < p->n; j++)
	{
		count += open[j] != 0;
		if (open[j] && p->capacity)
			capacity += p->capacity[j];
	}
	for (;;)
	{
		double		best = INFINITY;
		int			add = -1;

		(void) find_nearest(s, open);
		for (int j = 0; j < p->n; j++)
		{
			const double *c = costs_of(s, j);
			double		served = 0;
			double		score;

			if (open[j] || state[j] == FACILITY_CLOSED)
				continue;
			for (int i = 0; i < p->m; i++)
				served += isinf(s->first[i]) && isfinite(c[i]);
			/* what serves most that is not served, then capacity for its price */
			score = p->fixed[j] / (p->capacity ? fmax(p->capacity[j], 1e-300) : 1) - served * 1e100;
			if ((served > 0 || (p->capacity && capacity < s->total_demand * (1 - 1e-12)) || count < s->least) && score < best)
			{
				best = score;
				add = j;
			}
		}
		if (add < 0)
			break;
		open[add] = 1;
		count++;
		if (p->capacity)
			capacity += p->capacity[add];
	}
	if (count > p->most || count < s->least || (p->capacity && capacity < s->total_demand * (1 - 1e-12)))
		return false;
	for (int i = 0; i < p->m; i++)
		if (isinf(s->first[i]))
			return false;
	return true;
}
