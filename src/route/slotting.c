/*
 * slotting.c - items to slots: an assignment problem, and a quadratic one where items are picked together
 *
 * What an item costs by itself is its demand times the reach of its place (Heskett 1963, cube per order index, without sizes), plus a
 * move.  Without sizes and moves the busiest item in the nearest place is the optimum (rearrangement inequality); with them it is a
 * linear assignment (assign.c), exact as well.  When places are too few, or too small, as few items as can be stay out, those of
 * the least demand.
 *
 * Pairs make it a quadratic assignment (Koopmans and Beckmann 1957).  It begins with the linear optimum, which is its bound, and is
 * annealed by exchanges and moves to empty places (Burkard and Rendl 1984): half of the places tried lie beside a partner, half
 * anywhere.  Then it descends until no exchange of two items pays.
 *
 * Cost: n log n, or an assignment of n x m; a move of the annealing, the partners of two items; a sweep of the descent, n m
 * times that, given up after SWEEP_WORK.
 */
#include "route/slotting.h"

#include <math.h>
#include <string.h>

#include "num/sort.h"
#include "route/assign.h"

#define MOVES_AN_ITEM 1000		/* tried by default */
#define LEAST_MOVES 50000
#define MOST_MOVES 20000000
#define ROUNDS 4				/* annealings, each from the best plan so far */
#define HOT 0.6					/* first temperature, of the mean change for the worse */
#define OUT 10					/* an item that stays out is as if it lay so many times as far as the farthest place */
#define BESIDE 6				/* places to either side of a partner's */
#define SWEEP_WORK 2e9			/* pairs looked at by the descent, at most, about */
#define POLL_WORK 400000

typedef struct Slotting
{
	EcmlCtx    *ctx;
	const SlottingProblem *p;
	EcmlRng		rng;
	int		   *place_of;		/* [n] */
	int		   *item_at;		/* [m] -1: nothing */
	int		   *movable;		/* items that have a place and may leave it */
	int			nmovable;
	/* partners of each item */
	int		   *start;			/* [n + 1] */
	int		   *partner;
	double	   *weight;
	/* places side by side */
	int		   *beside;			/* [m] in the order of a walk through the warehouse */
	int		   *rank;			/* [m] */
	double		work;
} Slotting;

double
slotting_between(const SlottingProblem *p, int a, int b)
{
	double		dx;
	double		dy;

	if (p->slot[a] == p->slot[b])
		return 0;
	if (p->space == SLOTTING_LINE)
		return fabs(p->reach[a] - p->reach[b]);
	dx = fabs(p->x[a] - p->x[b]);
	dy = fabs(p->y[a] - p->y[b]);
	switch (p->space)
	{
		case SLOTTING_EUCLIDEAN:
			return sqrt(dx * dx + dy * dy);
		case SLOTTING_AISLES:
			if (dx > 0)
			{
				double		front = p->y[a] + p->y[b];
				double		back = 2 * p->length - front;

				return dx + (front < back ? front : back);
			}
			return dy;
		default:
			return dx + dy;
	}
}

static void
count_work(Slotting *s, double work)
{
	s->work += work;
	if (s->work < POLL_WORK)
		return;
	s->work = 0;
	ecml_poll(s->ctx, 0, 0);
}

static inline bool
fits(const SlottingProblem *p, int item, int place)
{
	return p->size == NULL || p->capacity == NULL || p->size[item] <= p->capacity[place];
}

/* An item by itself. */
static inline double
alone(const SlottingProblem *p, int item, int place)
{
	double		cost = p->demand[item] * p->reach[place];

	if (p->move_cost > 0 && p->present && p->present[item] >= 0 && p->present[item] != p->slot[place])
		cost += p->move_cost;
	return cost;
}

double
slotting_measure(const SlottingProblem *p, const int *place_of, double *travel, double *apart)
{
	*travel = *apart = 0;
	for (int i = 0; i < p->n; i++)
		if (place_of[i] >= 0)
			*travel += p->demand[i] * p->reach[place_of[i]];
	for (int k = 0; k < p->npairs; k++)
		if (place_of[p->first[k]] >= 0 && place_of[p->second[k]] >= 0)
			*apart += p->weight[k] * slotting_between(p, place_of[p->first[k]], place_of[p->second[k]]);
	return *travel + *apart;
}

/* ---- the linear part */

static void
put(Slotting *s, int item, int place)
{
	s->place_of[item] = place;
	if (place >= 0)
		s->item_at[place] = item;
}

/* Locked items to a place of their slot; the host has seen to it that there is one. */
static void
put_locked(Slotting *s)
{
	const SlottingProblem *p = s->p;

	for (int i = 0; i < p->n && p->locked; i++)
	{
		if (!p->locked[i])
			continue;
		for (int j = 0; j < p->m && s->place_of[i] < 0; j++)
			if (p->slot[j] == p->present[i] && s->item_at[j] < 0)
				put(s, i, j);
		count_work(s, p->m);
		if (s->place_of[i] < 0)
			ecml_fail(s->ctx, ECML_DATA_EXCEPTION, "more items are locked in a slot than it takes");
	}
}

/* Numbers in the order of a key, ascending; equal ones as they come. */
static void
sort_by(EcmlCtx *ctx, int *list, int n, const double *key, double sign)
{
	double	   *pairs = ECML_NEW(ctx, double, 2 * (size_t) n + 1);

	for (int i = 0; i < n; i++)
	{
		pairs[2 * i] = sign * key[list[i]];
		pairs[2 * i + 1] = list[i];
	}
	ecml_sort_f8_pairs(ctx, pairs, n);
	for (int i = 0; i < n; i++)
		list[i] = (int) pairs[2 * i + 1];
	ecml_free(ctx, pairs);
}

/*
 * By assignment: rows are items, columns places, then, where left is true, one for each item that stays out.  More places than items:
 * the matrix is filled up with items that nobody wants, as long as it does not grow too much; square ones start better.
 */
static bool
assign_items(Slotting *s, const int *items, int n, const int *places, int m, bool left)
{
	const SlottingProblem *p = s->p;
	EcmlCtx    *ctx = s->ctx;
	int			columns = m + (left ? n : 0);
	int			rows = columns <= 2 * n + 100 ? columns : n;
	size_t		stride = assign_stride(columns);
	double	   *cost = ECML_NEW(ctx, double, rows * stride + 1);
	double		total = 0;
	double		farthest = 0;
	double		out = 1;		/* of an item more that stays out: more than all else */
	AssignResult result;

	for (int i = 0; i < n; i++)
	{
		for (int j = 0; j < m; j++)
			cost[i * stride + j] = fits(p, items[i], places[j]) ? alone(p, items[i], places[j]) : INFINITY;
		total += p->demand[items[i]];
		count_work(s, m);
	}
	for (int j = 0; j < m; j++)
		farthest = p->reach[places[j]] > farthest ? p->reach[places[j]] : farthest;
	out += (OUT + 1) * farthest * total + n * p->move_cost;
	for (int i = 0; i < rows; i++)
	{
		double	   *row = cost + i * stride;

		for (int j = i < n ? m : 0; j < columns; j++)
			row[j] = i < n ? out + OUT * farthest * p->demand[items[i]] : 0;
		for (size_t j = columns; j < stride; j++)
			row[j] = INFINITY;
	}
	assign_solve(ctx, rows, columns, cost, &result);
	for (int i = 0; result.feasible && i < n; i++)
		if (result.column_of[i] < m)
			put(s, items[i], places[result.column_of[i]]);
	ecml_free(ctx, cost);
	return result.feasible;
}

/* The least that demand and moves cost. */
static void
place_items(Slotting *s)
{
	const SlottingProblem *p = s->p;
	int		   *items = ECML_NEW(s->ctx, int, p->n + 1);
	int		   *places = ECML_NEW(s->ctx, int, p->m + 1);
	int			n = 0;
	int			m = 0;

	for (int i = 0; i < p->n; i++)
		if (s->place_of[i] < 0)
			items[n++] = i;
	for (int j = 0; j < p->m; j++)
		if (s->item_at[j] < 0)
			places[m++] = j;
	if ((p->size && p->capacity) || (p->move_cost > 0 && p->present))
	{
		if (n > 0 && m > 0 && (n > m || !assign_items(s, items, n, places, m, false)))
			(void) assign_items(s, items, n, places, m, true);
	}
	else
	{
		sort_by(s->ctx, items, n, p->demand, -1);
		sort_by(s->ctx, places, m, p->reach, 1);
		for (int i = 0; i < n && i < m; i++)
			put(s, items[i], places[i]);
	}
	for (int i = 0; i < n; i++)
		if (s->place_of[items[i]] >= 0)
			s->movable[s->nmovable++] = items[i];
	ecml_free(s->ctx, items);
	ecml_free(s->ctx, places);
}

/* ---- pairs */

static void
list_partners(Slotting *s)
{
	const SlottingProblem *p = s->p;

	s->start = ECML_NEW0(s->ctx, int, p->n + 2);
	s->partner = ECML_NEW(s->ctx, int, 2 * (size_t) p->npairs + 1);
	s->weight = ECML_NEW(s->ctx, double, 2 * (size_t) p->npairs + 1);
	for (int k = 0; k < p->npairs; k++)
	{
		s->start[p->first[k] + 1]++;
		s->start[p->second[k] + 1]++;
	}
	for (int i = 0; i < p->n; i++)
		s->start[i + 1] += s->start[i];
	for (int k = 0; k < p->npairs; k++)
		for (int side = 0; side < 2; side++)
		{
			int			i = side ? p->second[k] : p->first[k];
			int			at = s->start[i]++;

			s->partner[at] = side ? p->first[k] : p->second[k];
			s->weight[at] = p->weight[k];
		}
	for (int i = p->n; i > 0; i--)
		s->start[i] = s->start[i - 1];
	s->start[0] = 0;
}

/* Aisle by aisle, every second one backwards. */
static void
order_places(Slotting *s)
{
	const SlottingProblem *p = s->p;
	const double *x = p->space == SLOTTING_LINE ? p->reach : p->x;
	int		   *list;

	s->beside = list = ECML_NEW(s->ctx, int, p->m + 1);
	s->rank = ECML_NEW(s->ctx, int, p->m + 1);
	for (int j = 0; j < p->m; j++)
		list[j] = j;
	if (p->space != SLOTTING_LINE)
		sort_by(s->ctx, list, p->m, p->y, 1);
	sort_by(s->ctx, list, p->m, x, 1);
	for (int from = 0, aisle = 0, end; from < p->m; from = end, aisle++)
	{
		for (end = from + 1; end < p->m && x[list[end]] == x[list[from]]; end++)
			;
		for (int a = from, b = end - 1; aisle % 2 == 1 && a < b; a++, b--)
		{
			int			t = list[a];

			list[a] = list[b];
			list[b] = t;
		}
	}
	for (int j = 0; j < p->m; j++)
		s->rank[list[j]] = j;
}

/* An item's distances to its partners, if it lay at a place and other at other_place. */
static double
pull(const Slotting *s, int item, int place, int other, int other_place)
{
	double		sum = 0;

	for (int k = s->start[item]; k < s->start[item + 1]; k++)
	{
		int			j = s->partner[k];
		int			at = j == other ? other_place : s->place_of[j];

		if (at >= 0)
			sum += s->weight[k] * slotting_between(s->p, place, at);
	}
	return sum;
}

/* How the cost changes when an item goes to a place, and what lies there to where it came from; INFINITY: it may not. */
static double
change(const Slotting *s, int item, int place)
{
	const SlottingProblem *p = s->p;
	int			from = s->place_of[item];
	int			other = s->item_at[place];
	double		delta;

	if (other == item || !fits(p, item, place) || (other >= 0 && (!fits(p, other, from) || (p->locked && p->locked[other]))))
		return INFINITY;
	delta = alone(p, item, place) - alone(p, item, from) + pull(s, item, place, other, from) - pull(s, item, from, -1, -1);
	if (other >= 0)
		delta += alone(p, other, from) - alone(p, other, place) + pull(s, other, from, item, place) - pull(s, other, place, -1, -1);
	/* the pair of the two is in both pulls, before and after: at the same distance, so it cancels */
	return delta;
}

static void
carry_out(Slotting *s, int item, int place)
{
	int			from = s->place_of[item];
	int			other = s->item_at[place];

	s->item_at[from] = -1;
	put(s, item, place);
	if (other >= 0)
		put(s, other, from);
}

/* A place worth a try: beside a partner, or anywhere. */
static int
draw_place(Slotting *s, int item)
{
	const SlottingProblem *p = s->p;
	int			partners = s->start[item + 1] - s->start[item];
	int			at;

	if (partners == 0 || ecml_rng_below(&s->rng, 2) == 0)
		return (int) ecml_rng_below(&s->rng, p->m);
	at = s->place_of[s->partner[s->start[item] + (int) ecml_rng_below(&s->rng, partners)]];
	if (at < 0)
		return (int) ecml_rng_below(&s->rng, p->m);
	at = s->rank[at] + (int) ecml_rng_below(&s->rng, 2 * BESIDE + 1) - BESIDE;
	return s->beside[at < 0 ? 0 : at >= p->m ? p->m - 1 : at];
}

/* The mean of what changes for the worse cost: the first temperature is a part of it. */
static double
mean_change(Slotting *s)
{
	double		sum = 0;
	int			n = 0;

	for (int k = 0; k < 1000; k++)
	{
		int			item = s->movable[ecml_rng_below(&s->rng, s->nmovable)];
		double		delta = change(s, item, draw_place(s, item));

		if (delta > 0 && delta < INFINITY)
		{
			sum += delta;
			n++;
		}
	}
	return n > 0 ? sum / n : 0;
}

static void
anneal(Slotting *s, int64_t moves)
{
	double		hot = HOT * mean_change(s);
	double		cost = 0;		/* of the present plan, from that of the beginning */
	double		best = 0;
	int		   *kept = ECML_NEW(s->ctx, int, s->p->n + 1);

	memcpy(kept, s->place_of, sizeof(int) * s->p->n);
	for (int64_t k = 0; k < moves && hot > 0; k++)
	{
		double		temperature = hot * pow(1e-4, (double) k / moves);
		int			item = s->movable[ecml_rng_below(&s->rng, s->nmovable)];
		int			place = draw_place(s, item);
		double		delta = change(s, item, place);

		count_work(s, 8 + 2 * (s->start[item + 1] - s->start[item]));
		if (!(delta < -temperature * log(1 - ecml_rng_double(&s->rng))))
			continue;
		carry_out(s, item, place);
		cost += delta;
		/* a plan is kept when it is better by something: the second half has the good ones */
		if (cost < best - 1e-9 * fabs(best) && k > moves / 2)
		{
			best = cost;
			memcpy(kept, s->place_of, sizeof(int) * s->p->n);
		}
	}
	if (cost < best - 1e-9 * fabs(best))
		memcpy(kept, s->place_of, sizeof(int) * s->p->n);
	for (int j = 0; j < s->p->m; j++)
		s->item_at[j] = -1;
	for (int i = 0; i < s->p->n; i++)
		put(s, i, kept[i]);
	ecml_free(s->ctx, kept);
}

/* Until no item gains by another place. */
static void
descend(Slotting *s)
{
	const SlottingProblem *p = s->p;
	double		work = 0;
	bool		better = true;

	while (better && work < SWEEP_WORK)
	{
		better = false;
		for (int k = 0; k < s->nmovable; k++)
		{
			int			item = s->movable[k];
			int			best = -1;
			double		least = -1e-9 * (1 + fabs(alone(p, item, s->place_of[item])));
			double		one = 8.0 + s->start[item + 1] - s->start[item];

			for (int place = 0; place < p->m; place++)
			{
				double		delta = change(s, item, place);

				if (delta < least)
				{
					least = delta;
					best = place;
				}
			}
			work += one * p->m;
			count_work(s, one * p->m);
			if (best >= 0)
			{
				carry_out(s, item, best);
				better = true;
			}
		}
	}
}

/* ---- all of it */

static void
tell(Slotting *s, SlottingResult *r)
{
	const SlottingProblem *p = s->p;

	r->place_of = s->place_of;
	r->cost_of = ECML_NEW0(s->ctx, double, p->n + 1);
	(void) slotting_measure(p, s->place_of, &r->travel, &r->apart);
	for (int i = 0; i < p->n; i++)
	{
		double		own;

		if (s->place_of[i] < 0)
		{
			r->unplaced++;
			continue;
		}
		own = alone(p, i, s->place_of[i]);
		r->moving += own - p->demand[i] * p->reach[s->place_of[i]];
		r->cost_of[i] = own + 0.5 * pull(s, i, s->place_of[i], -1, -1);
	}
	r->cost = r->travel + r->apart + r->moving;
}

void
slotting_solve(EcmlCtx *ctx, const SlottingProblem *problem, const SlottingParams *params, SlottingResult *result)
{
	Slotting   *s = ECML_NEW0(ctx, Slotting, 1);
	int			n = problem->n;
	int64_t		moves = params->moves;

	s->ctx = ctx;
	s->p = problem;
	ecml_rng_seed(&s->rng, params->seed);
	s->place_of = ECML_NEW(ctx, int, n + 1);
	s->item_at = ECML_NEW(ctx, int, problem->m + 1);
	s->movable = ECML_NEW(ctx, int, n + 1);
	for (int i = 0; i < n; i++)
		s->place_of[i] = -1;
	for (int j = 0; j < problem->m; j++)
		s->item_at[j] = -1;
	list_partners(s);
	put_locked(s);
	place_items(s);
	memset(result, 0, sizeof(*result));
	tell(s, result);
	result->bound = result->travel + result->moving;
	result->exact = result->apart <= 0;
	if (problem->npairs == 0 || s->nmovable == 0 || result->exact)
		return;
	if (moves < 0)
	{
		moves = (int64_t) n * MOVES_AN_ITEM;
		moves = moves < LEAST_MOVES ? LEAST_MOVES : moves > MOST_MOVES ? MOST_MOVES : moves;
	}
	order_places(s);
	for (int round = 0; round < ROUNDS; round++)
		anneal(s, moves / ROUNDS);
	descend(s);
	result->unplaced = 0;
	result->moving = 0;
	tell(s, result);
}
