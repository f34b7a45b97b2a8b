/*
 * facility_search.c - Lagrangian bound and branch and bound over open and closed facilities
 *
 * The relaxation gives up that each customer is served exactly once, at a price u for each (Cornuejols, Fisher and Nemhauser 1977;
 * Beasley 1993 with capacities): then a facility by itself is worth opening when what it serves at less than the price outweighs its fixed cost.
 * Without capacities and bounds on the number the prices start from dual ascent (Erlenkotter 1978), whose bound is mostly within a
 * percent; the subgradient method raises it.  Facilities whose other state would cost more than the best plan are
 * fixed; what is left is branched on, deepest first.  When all are fixed the plan is evaluated exactly.
 *
 * Cost: n m an iteration of the bound, some hundred iterations at the root, some dozen a node.  Stops at a number of nodes or
 * cells, and then tells the least bound of what was not looked at.
 */
#include <math.h>
#include <string.h>

#include "num/sort.h"
#include "route/facility_internal.h"

#define ROOT_ITERATIONS 400
#define NODE_ITERATIONS 40
#define PATIENCE 15				/* iterations without a better bound before steps are halved */

/* A node of the tree that waits. */
typedef struct Open
{
	double		bound;
	signed char *state;			/* [n] */
} Open;

/* ---- dual ascent */

static bool
is_no_more(const void *arg, int a, int b)
{
	const double *key = arg;

	return key[a] <= key[b];
}

static void
sort_by(int *items, int n, const double *key, int *scratch)
{
	ecml_sort_numbers(items, n, scratch, is_no_more, key);
}

/* Prices that no facility's fixed cost is outweighed by: their sum is a bound. */
static void
ascend(FacilitySearch *s)
{
	const FacilityProblem *p = s->p;
	int		   *order = ECML_NEW(s->ctx, int, (size_t) p->m * p->n + 1);
	int		   *scratch = ECML_NEW(s->ctx, int, p->n + 1);
	int		   *reached = ECML_NEW0(s->ctx, int, p->m + 1);
	double	   *column = ECML_NEW(s->ctx, double, p->n + 1);
	double	   *slack = ECML_NEW(s->ctx, double, p->n + 1);
	bool		moved = true;

	for (int j = 0; j < p->n; j++)
		slack[j] = p->state[j] == FACILITY_OPEN ? 0 : p->state[j] == FACILITY_CLOSED ? INFINITY : p->fixed[j];
	for (int i = 0; i < p->m; i++)
	{
		int		   *list = order + (size_t) i * p->n;

		for (int j = 0; j < p->n; j++)
		{
			column[j] = p->state[j] == FACILITY_CLOSED ? INFINITY : p->cost[(size_t) j * p->m + i];
			list[j] = j;
		}
		sort_by(list, p->n, column, scratch);
		s->u[i] = column[list[0]];
		while (reached[i] < p->n && column[list[reached[i]]] <= s->u[i])
			reached[i]++;
		facility_work(s, 10.0 * p->n);
	}
	for (int round = 0; moved && round < 10 * p->n; round++)
	{
		moved = false;
		for (int i = 0; i < p->m; i++)
		{
			const int  *list = order + (size_t) i * p->n;
			double		next = reached[i] < p->n && p->state[list[reached[i]]] != FACILITY_CLOSED ?
				p->cost[(size_t) list[reached[i]] * p->m + i] : INFINITY;
			double		rise = next - s->u[i];

			for (int k = 0; k < reached[i]; k++)
				rise = fmin(rise, slack[list[k]]);
			if (!(rise > 0) || isinf(rise))
				continue;
			for (int k = 0; k < reached[i]; k++)
				slack[list[k]] -= rise;
			s->u[i] += rise;
			if (s->u[i] >= next)
				reached[i]++;
			moved = true;
		}
		facility_work(s, (double) p->m * 8);
	}
	ecml_free(s->ctx, order);
	ecml_free(s->ctx, scratch);
	ecml_free(s->ctx, reached);
	ecml_free(s->ctx, column);
	ecml_free(s->ctx, slack);
}

/* ---- the relaxation */

/* What customers save at a facility against their prices: the sum of what is negative. */
ECML_CLONES
static double
savings(const double *c, const double *u, int m)
{
	double		sum = 0;

#pragma omp simd reduction(+:sum)
	for (int i = 0; i < m; i++)
	{
		double		x = c[i] - u[i];

		sum += x < 0 ? x : 0;
	}
	return sum;
}

/* The same within a capacity, the best a unit first; served: added to part. */
static double
savings_within(FacilitySearch *s, int j, bool mark)
{
	const FacilityProblem *p = s->p;
	const double *c = p->cost + (size_t) j * p->m;
	double		room = p->capacity[j];
	double		sum = 0;
	double		wanted = 0;
	int			n = 0;

	for (int i = 0; i < p->m; i++)
		if (c[i] < s->u[i])
		{
			s->ratio[i] = p->demand[i] > 0 ? (c[i] - s->u[i]) / p->demand[i] : -INFINITY;
			s->items[n++] = i;
			wanted += p->demand[i];
		}
	if (wanted > room)
		sort_by(s->items, n, s->ratio, (int *) s->loss);
	for (int k = 0; k < n; k++)
	{
		int			i = s->items[k];
		double		share = p->demand[i] <= room ? 1 : room / p->demand[i];

		if (share <= 0)
			break;
		sum += share * (c[i] - s->u[i]);
		room -= share * p->demand[i];
		if (mark)
			s->part[i] += share;
	}
	facility_work(s, 20.0 * n);
	return sum;
}

static void
mark_served(FacilitySearch *s, int j)
{
	const double *c = s->p->cost + (size_t) j * s->p->m;

	if (s->p->capacity)
		(void) savings_within(s, j, true);
	else
		for (int i = 0; i < s->p->m; i++)
			s->part[i] += c[i] < s->u[i];
}

/* The bound at the present prices; what it opens and serves. */
static double
relaxation(FacilitySearch *s, const signed char *state)
{
	const FacilityProblem *p = s->p;
	double		bound = 0;
	int			nfree = 0;
	int			open = 0;

	memset(s->part, 0, p->m * sizeof(double));
	for (int i = 0; i < p->m; i++)
		bound += s->u[i];
	for (int j = 0; j < p->n; j++)
	{
		s->chosen[j] = 0;
		if (state[j] == FACILITY_CLOSED)
			continue;
		s->rho[j] = p->fixed[j] + (p->capacity ? savings_within(s, j, false) :
								   savings(p->cost + (size_t) j * p->m, s->u, p->m));
		if (state[j] == FACILITY_OPEN)
		{
			s->chosen[j] = 1;
			bound += s->rho[j];
			open++;
		}
		else
			s->order[nfree++] = j;
	}
	facility_work(s, (double) p->n * p->m);
	sort_by(s->order, nfree, s->rho, (int *) s->loss);
	s->nchosen = 0;
	for (int k = 0; k < nfree && open < p->most && (open < s->least || s->rho[s->order[k]] < 0); k++)
	{
		s->chosen[s->order[k]] = 1;
		bound += s->rho[s->order[k]];
		s->nchosen++;
		open++;
	}
	s->order[nfree] = -1;
	if (open < s->least)
		return INFINITY;
	for (int j = 0; j < p->n; j++)
		if (s->chosen[j])
			mark_served(s, j);
	return bound;
}

/* Facilities whose other state costs too much are fixed. */
static void
fix_states(FacilitySearch *s, signed char *state, double bound)
{
	double		limit = s->best_cost - s->params.gap * fabs(s->best_cost);
	int			open = 0;
	double		worst;
	double		next;

	for (int j = 0; j < s->p->n; j++)
		open += s->chosen[j];
	worst = s->nchosen > 0 ? s->rho[s->order[s->nchosen - 1]] : -INFINITY;
	next = s->order[s->nchosen] >= 0 ? s->rho[s->order[s->nchosen]] : INFINITY;
	for (int k = 0; s->order[k] >= 0; k++)
	{
		int			j = s->order[k];
		double		more;

		/* one opened may let go the worst that is open; one closed may need the next best */
		if (s->chosen[j])
			more = -s->rho[j] + (open <= s->least ? next : fmin(next, 0));
		else
			more = s->rho[j] - (open >= s->p->most ? worst : fmax(worst, 0));
		if (bound + more > limit + 1e-9 * fabs(limit))
			state[j] = s->chosen[j] ? FACILITY_OPEN : FACILITY_CLOSED;
	}
}

static void
try_plan(FacilitySearch *s, const signed char *state, bool improve)
{
	double		cost;

	memcpy(s->trial, s->chosen, s->p->n);
	if (!facility_repair(s, s->trial, state))
		return;
	if (improve)
	{
		(void) facility_improve(s, s->trial, state);
		return;
	}
	cost = facility_evaluate(s, s->trial, NULL);
	facility_offer(s, s->trial, cost);
}

static bool
good_enough(const FacilitySearch *s, double bound)
{
	return bound >= s->best_cost - fmax(s->params.gap, 1e-10) * fabs(s->best_cost);
}

/* The subgradient method: the best bound of a node; state gets what could be fixed. */
static double
raise_bound(FacilitySearch *s, signed char *state, int iterations, bool root)
{
	const FacilityProblem *p = s->p;
	double		best = -INFINITY;
	double		lambda = 2;
	int			since = 0;

	memcpy(s->best_u, s->u, p->m * sizeof(double));
	for (int k = 0; k < iterations; k++)
	{
		double		bound = relaxation(s, state);
		double		norm = 0;
		double		target;

		if (bound == INFINITY)
			return INFINITY;
		if (bound > best + 1e-9 * fabs(best))
		{
			best = bound;
			memcpy(s->best_u, s->u, p->m * sizeof(double));
			since = 0;
		}
		else if (++since >= PATIENCE)
		{
			since = 0;
			lambda /= 2;
			memcpy(s->u, s->best_u, p->m * sizeof(double));
		}
		if (root ? k % 25 == 0 || k < 3 : k == 0)
			try_plan(s, state, root && (!p->capacity || k % 100 == 0));
		fix_states(s, state, bound);
		if (good_enough(s, best) || lambda < 1e-3 || s->work > s->params.work)
			break;
		for (int i = 0; i < p->m; i++)
			norm += (1 - s->part[i]) * (1 - s->part[i]);
		if (norm < 1e-18)
		{
			/* each served exactly once: the relaxation's plan is a plan, of that cost */
			try_plan(s, state, false);
			break;
		}
		target = isfinite(s->best_cost) ? 1.01 * s->best_cost - bound : fmax(1, 0.1 * fabs(bound));
		for (int i = 0; i < p->m; i++)
			s->u[i] += lambda * fmax(target, 1e-12) / norm * (1 - s->part[i]);
	}
	memcpy(s->u, s->best_u, p->m * sizeof(double));
	return best;
}

/* ---- the tree */

/* The free facility that the relaxation is least sure of; -1: none is free. */
static int
choose_branch(const FacilitySearch *s, const signed char *state)
{
	double		best = INFINITY;
	int			chosen = -1;

	for (int j = 0; j < s->p->n; j++)
		if (state[j] == FACILITY_FREE && fabs(s->rho[j]) < best)
		{
			best = fabs(s->rho[j]);
			chosen = j;
		}
	return chosen;
}

static bool
fits_numbers(const FacilitySearch *s, const signed char *state)
{
	int			open = 0;
	int			possible = 0;

	for (int j = 0; j < s->p->n; j++)
	{
		open += state[j] == FACILITY_OPEN;
		possible += state[j] != FACILITY_CLOSED;
	}
	return open <= s->p->most && possible >= s->least;
}

static void
evaluate_fixed(FacilitySearch *s, const signed char *state)
{
	double		cost;

	for (int j = 0; j < s->p->n; j++)
		s->trial[j] = state[j] == FACILITY_OPEN;
	cost = facility_evaluate(s, s->trial, NULL);
	facility_offer(s, s->trial, cost);
}

/* The least bound of all that was not looked at; the best cost when nothing is left. */
static double
search_tree(FacilitySearch *s, int *nodes)
{
	const FacilityProblem *p = s->p;
	Open	   *stack = ECML_NEW(s->ctx, Open, 2 * (size_t) p->n + 4);
	signed char *memory = ECML_NEW(s->ctx, signed char, (2 * (size_t) p->n + 4) * (p->n + 1));
	signed char *state = ECML_NEW(s->ctx, signed char, p->n + 1);
	double		bound = -INFINITY;
	double		least = INFINITY;
	int			depth = 1;

	for (int k = 0; k < 2 * p->n + 4; k++)
		stack[k].state = memory + (size_t) k * (p->n + 1);
	memcpy(stack[0].state, p->state, p->n);
	stack[0].bound = -INFINITY;
	*nodes = 0;
	while (depth > 0)
	{
		Open	   *top = &stack[--depth];
		int			j;

		if (good_enough(s, top->bound))
		{
			least = fmin(least, top->bound);
			continue;
		}
		if (*nodes > s->params.max_nodes || s->work > s->params.work)
		{
			least = fmin(least, top->bound);
			continue;
		}
		memcpy(state, top->state, p->n);
		if (!fits_numbers(s, state))
			continue;
		bound = fmax(top->bound, raise_bound(s, state, *nodes == 0 ? ROOT_ITERATIONS : NODE_ITERATIONS, *nodes == 0));
		++*nodes;
		if (good_enough(s, bound))
		{
			least = fmin(least, bound);
			continue;
		}
		if (!fits_numbers(s, state))
			continue;
		/* the prices kept are the best ones: the reduced costs to branch by are theirs */
		(void) relaxation(s, state);
		j = choose_branch(s, state);
		if (j < 0)
		{
			evaluate_fixed(s, state);
			continue;
		}
		for (int side = 0; side < 2; side++)
		{
			/* what the relaxation chose is looked at first: it is on top */
			bool		open = (side == 1) == (s->chosen[j] != 0);

			memcpy(stack[depth].state, state, p->n);
			stack[depth].state[j] = open ? FACILITY_OPEN : FACILITY_CLOSED;
			stack[depth++].bound = bound;
		}
	}
	return fmin(least, s->best_cost);
}

/* Demand may need more facilities than are asked for. */
static int
least_number(const FacilitySearch *s)
{
	const FacilityProblem *p = s->p;
	double		capacity = 0;
	int			n = 0;

	if (!p->capacity)
		return p->least > 1 || p->m == 0 ? p->least : 1;
	for (int j = 0; j < p->n; j++)
	{
		s->order[j] = j;
		s->rho[j] = p->state[j] == FACILITY_CLOSED ? 0 : -p->capacity[j];
	}
	sort_by(s->order, p->n, s->rho, (int *) s->loss);
	while (n < p->n && capacity < s->total_demand * (1 - 1e-12))
		capacity -= s->rho[s->order[n++]];
	return n > p->least ? n : p->least;
}

void
facility_solve(EcmlCtx *ctx, const FacilityProblem *p, const FacilityParams *params, FacilityResult *result)
{
	FacilitySearch s = {.ctx = ctx,.p = p,.params = *params,.best_cost = INFINITY};
	bool		plain = p->capacity == NULL && p->least <= 1 && p->most >= p->n;

	memset(result, 0, sizeof(*result));
	s.best = ECML_NEW0(ctx, signed char, p->n + 1);
	s.u = ECML_NEW0(ctx, double, p->m + 1);
	s.best_u = ECML_NEW0(ctx, double, p->m + 1);
	s.rho = ECML_NEW0(ctx, double, p->n + 1);
	s.part = ECML_NEW0(ctx, double, p->m + 1);
	s.chosen = ECML_NEW0(ctx, signed char, p->n + 1);
	s.order = ECML_NEW(ctx, int, p->n + 2);
	s.first = ECML_NEW(ctx, double, p->m + 1);
	s.second = ECML_NEW(ctx, double, p->m + 1);
	s.nearest = ECML_NEW(ctx, int, p->m + 1);
	s.loss = ECML_NEW(ctx, double, (p->n > p->m ? p->n : p->m) + 1);
	s.ratio = ECML_NEW(ctx, double, p->m + 1);
	s.items = ECML_NEW(ctx, int, p->m + 1);
	s.trial = ECML_NEW(ctx, signed char, p->n + 1);
	for (int i = 0; p->capacity && i < p->m; i++)
		s.total_demand += p->demand[i];
	s.least = least_number(&s);
	if (plain)
		ascend(&s);
	else
		for (int i = 0; i < p->m; i++)
		{
			/* between the two nearest */
			double		least = INFINITY;
			double		next = INFINITY;

			for (int j = 0; j < p->n; j++)
			{
				double		c = p->state[j] == FACILITY_CLOSED ? INFINITY : p->cost[(size_t) j * p->m + i];

				next = c < least ? least : fmin(next, c);
				least = fmin(least, c);
			}
			s.u[i] = isfinite(next) ? next : least;
		}
	for (int i = 0; i < p->m; i++)
		if (isinf(s.u[i]))
			return;				/* a customer that nobody can serve */
	/* a first plan: all that may be open */
	for (int j = 0; j < p->n; j++)
		s.chosen[j] = p->state[j] == FACILITY_OPEN || (p->state[j] == FACILITY_FREE && p->most >= p->n);
	try_plan(&s, p->state, true);
	result->bound = search_tree(&s, &result->nodes);
	result->feasible = isfinite(s.best_cost);
	if (!result->feasible)
		return;
	result->cost = s.best_cost;
	result->open = s.best;
	result->proved = good_enough(&s, result->bound);
	if (p->capacity)
	{
		result->share = ECML_NEW0(ctx, double, (size_t) p->n * p->m + 1);
		(void) facility_evaluate(&s, s.best, result->share);
	}
	else
	{
		(void) facility_evaluate(&s, s.best, NULL);
		result->facility_of = s.nearest;
	}
}
