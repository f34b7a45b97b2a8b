/*
 * pack.c - packing by one measure: best fit, then branch and bound
 *
 * Items by falling size go to the bin that they fill best (best fit decreasing; first fit decreasing too), with each kind of box as the one that is
 * opened; afterwards each bin becomes the cheapest box that holds its content.  When the bound does not prove the result, branch and
 * bound tries the bins of each item in turn, equal ones once, and new boxes of each kind; bounded by the volume that is left at the best
 * price, for one kind of box rounded up, and at the root by Martello and Toth's L2 (1990).
 *
 * Cost: n^2 for the heuristics; the search stops at a number of nodes.
 */
#include <limits.h>
#include <math.h>
#include <string.h>

#include "num/sort.h"
#include "route/pack.h"

#define SLACK 1e-9				/* relative: sizes that add up to a box's, but for rounding, fit */

typedef struct Bin
{
	int			box;
	double		room;
	double		weight;			/* that may be added */
} Bin;

typedef struct Packing
{
	EcmlCtx    *ctx;
	const PackProblem *p;
	int		   *order;			/* [n] items by falling size */
	double	   *rest;			/* [n + 1] size of the items from there on */
	Bin		   *bins;			/* [n] */
	int			nbins;
	int		   *bin_of;			/* [n] */
	int		   *used;			/* [m] boxes */
	double		cost;
	double		price;			/* the least cost of a unit of size */
	bool		whole;			/* one kind of box: costs are multiples of its */

	/* the best */
	int		   *best_bin;		/* [n] */
	int		   *best_box;		/* [n] */
	int			best_n;
	double		best_cost;
	double		bound;			/* of all packings */
	int			nodes;
	int			max_nodes;
} Packing;

static double
room_of(const PackBox *box)
{
	return box->size[0] * (1 + SLACK);
}

bool
pack_fits(const PackProblem *p, int item, int box)
{
	const PackItem *i = &p->items[item];
	const PackBox *b = &p->boxes[box];

	if (i->weight > b->max_weight * (1 + SLACK) || b->count == 0)
		return false;
	if (!p->spatial)
		return i->size[0] <= room_of(b);
	for (int turn = 0; turn < 6; turn++)
	{
		static const signed char turns[6][3] = {{0, 1, 2}, {1, 0, 2}, {0, 2, 1}, {2, 0, 1}, {1, 2, 0}, {2, 1, 0}};
		bool		fits = true;

		if (i->upright && turn > 1)
			break;
		for (int k = 0; k < 3; k++)
			fits &= i->size[turns[turn][k]] <= b->size[k] * (1 + SLACK);
		if (fits)
			return true;
	}
	return false;
}

static bool
is_no_shorter(const void *arg, int a, int b)
{
	const PackItem *items = arg;

	return items[a].size[0] >= items[b].size[0];
}

static void
sort_items(Packing *s)
{
	ecml_sort_numbers(s->order, s->p->n, ECML_NEW(s->ctx, int, s->p->n + 1), is_no_shorter, s->p->items);
}

/* ---- bins */

static void
open_bin(Packing *s, int box)
{
	const PackBox *b = &s->p->boxes[box];

	s->bins[s->nbins++] = (Bin) {box, room_of(b), b->max_weight * (1 + SLACK)};
	s->used[box]++;
	s->cost += b->cost;
}

static void
close_bin(Packing *s)
{
	int			box = s->bins[--s->nbins].box;

	s->used[box]--;
	s->cost -= s->p->boxes[box].cost;
}

static bool
has_room(const Packing *s, int bin, int item)
{
	const PackItem *i = &s->p->items[item];

	return i->size[0] <= s->bins[bin].room && i->weight <= s->bins[bin].weight;
}

static void
put(Packing *s, int bin, int item, int sign)
{
	s->bins[bin].room -= sign * s->p->items[item].size[0];
	s->bins[bin].weight -= sign * s->p->items[item].weight;
	s->bin_of[item] = bin;
}

static void
keep_best(Packing *s)
{
	if (isfinite(s->best_cost) && s->cost >= s->best_cost - 1e-12 * fabs(s->best_cost))
		return;
	s->best_cost = s->cost;
	s->best_n = s->nbins;
	memcpy(s->best_bin, s->bin_of, s->p->n * sizeof(int));
	for (int b = 0; b < s->nbins; b++)
		s->best_box[b] = s->bins[b].box;
}

/* ---- heuristics */

/* The kind to open for an item: wanted, or the cheapest that it fits; -1: none is left. */
static int
kind_for(const Packing *s, int item, int wanted)
{
	int			best = -1;

	for (int k = 0; k < s->p->m; k++)
		if (s->used[k] < s->p->boxes[k].count && pack_fits(s->p, item, k))
		{
			if (k == wanted)
				return k;
			if (best < 0 || s->p->boxes[k].cost < s->p->boxes[best].cost)
				best = k;
		}
	return best;
}

/* Each bin becomes the cheapest box that holds what is in it. */
static void
exchange_boxes(Packing *s)
{
	for (int b = 0; b < s->nbins; b++)
	{
		const PackBox *box = &s->p->boxes[s->bins[b].box];
		double		size = room_of(box) - s->bins[b].room;
		double		weight = isinf(box->max_weight) ? 0 : box->max_weight * (1 + SLACK) - s->bins[b].weight;
		int			best = s->bins[b].box;

		if (isinf(box->max_weight))
			for (int i = 0; i < s->p->n; i++)
				weight += s->bin_of[i] == b ? s->p->items[i].weight : 0;
		for (int k = 0; k < s->p->m; k++)
			if (s->used[k] < s->p->boxes[k].count && size <= room_of(&s->p->boxes[k]) &&
				weight <= s->p->boxes[k].max_weight * (1 + SLACK) && s->p->boxes[k].cost < s->p->boxes[best].cost)
				best = k;
		if (best != s->bins[b].box)
		{
			s->used[s->bins[b].box]--;
			s->used[best]++;
			s->cost += s->p->boxes[best].cost - box->cost;
			s->bins[b] = (Bin) {best, room_of(&s->p->boxes[best]) - size, s->p->boxes[best].max_weight * (1 + SLACK) - weight};
		}
	}
}

static void
pack_decreasing(Packing *s, int wanted, bool best_fit)
{
	s->nbins = 0;
	s->cost = 0;
	memset(s->used, 0, s->p->m * sizeof(int));
	for (int k = 0; k < s->p->n; k++)
	{
		int			item = s->order[k];
		int			bin = -1;

		for (int b = 0; b < s->nbins; b++)
			if (has_room(s, b, item) && (bin < 0 || s->bins[b].room < s->bins[bin].room))
			{
				bin = b;
				if (!best_fit)
					break;
			}
		if (bin < 0)
		{
			int			kind = kind_for(s, item, wanted);

			if (kind < 0)
				return;
			open_bin(s, kind);
			bin = s->nbins - 1;
		}
		put(s, bin, item, 1);
		if (k % 256 == 0)
			ecml_poll(s->ctx, k, s->p->n);
	}
	exchange_boxes(s);
	keep_best(s);
}

/* ---- bounds */

/* Boxes of one size, at least (Martello and Toth's L2). */
static int
least_boxes(const Packing *s, double room)
{
	int			n = s->p->n;
	double		best = ceil(s->rest[0] / room - SLACK);

	for (int k = 0; k < n; k++)
	{
		double		alpha = s->p->items[s->order[k]].size[0];
		double		middle = 0;
		double		small = 0;
		int			large = 0;
		int			halves = 0;

		if (alpha > room / 2)
			continue;
		for (int i = 0; i < n; i++)
		{
			double		size = s->p->items[s->order[i]].size[0];

			if (size > room - alpha)
				large++;
			else if (size > room / 2)
			{
				halves++;
				middle += size;
			}
			else if (size >= alpha)
				small += size;
		}
		best = fmax(best, large + halves + fmax(0, ceil((small - (halves * room - middle)) / room - SLACK)));
		if (n > 2000)
			break;
		if (k % 64 == 0)
			ecml_poll(s->ctx, k, n);
	}
	return (int) best;
}

static void
find_bounds(Packing *s)
{
	s->price = INFINITY;
	for (int k = 0; k < s->p->m; k++)
		if (s->p->boxes[k].count > 0 && room_of(&s->p->boxes[k]) > 0)
			s->price = fmin(s->price, s->p->boxes[k].cost / room_of(&s->p->boxes[k]));
	s->whole = s->p->m == 1;
	s->bound = s->whole ? least_boxes(s, room_of(&s->p->boxes[0])) * s->p->boxes[0].cost : s->price * s->rest[0];
	if (!s->whole)
		for (int i = 0; i < s->p->n; i++)
		{
			/* at least the cheapest box of the item that needs most */
			double		least = INFINITY;

			for (int k = 0; k < s->p->m; k++)
				if (pack_fits(s->p, i, k))
					least = fmin(least, s->p->boxes[k].cost);
			s->bound = fmax(s->bound, least);
		}
}

/* ---- branch and bound */

static bool
can_pay(const Packing *s, int k)
{
	double		room = 0;
	double		more;

	for (int b = 0; b < s->nbins; b++)
		room += s->bins[b].room;
	more = fmax(0, s->rest[k] - room) * s->price;
	if (s->whole)
		more = s->p->boxes[0].cost * ceil(fmax(0, s->rest[k] - room) / room_of(&s->p->boxes[0]) - SLACK);
	return isinf(s->best_cost) || s->cost + more < s->best_cost - 1e-9 * fabs(s->best_cost);
}

/* Has a bin before b the same room? */
static bool
seen_before(const Packing *s, int b)
{
	for (int a = 0; a < b; a++)
		if (s->bins[a].room == s->bins[b].room && (s->bins[a].weight == s->bins[b].weight) &&
			s->p->boxes[s->bins[a].box].cost == s->p->boxes[s->bins[b].box].cost)
			return true;
	return false;
}

/* Choices of an item: bins in turn, then new boxes.  An explicit stack: choice[k] is what item k tries next. */
static void
search(Packing *s)
{
	int		   *choice = ECML_NEW0(s->ctx, int, s->p->n + 1);
	bool	   *opened = ECML_NEW0(s->ctx, bool, s->p->n + 1);
	int			k = 0;

	s->nbins = 0;
	s->cost = 0;
	memset(s->used, 0, s->p->m * sizeof(int));
	while (k >= 0)
	{
		int			item = k < s->p->n ? s->order[k] : -1;
		bool		down = false;

		if (k == s->p->n)
		{
			keep_best(s);
			k--;
		}
		else if (choice[k] == 0 && !can_pay(s, k))
			k--;
		else
			down = true;
		if (!down)
		{
			/* take back the choice above */
			if (k >= 0)
			{
				put(s, s->bin_of[s->order[k]], s->order[k], -1);
				if (opened[k])
					close_bin(s);
				opened[k] = false;
			}
			if (s->best_cost <= s->bound * (1 + 1e-12))
				return;
			continue;
		}
		if (++s->nodes > s->max_nodes)
			return;
		if (s->nodes % 4096 == 0)
			ecml_poll(s->ctx, s->nodes, s->max_nodes);
		/* the next choice that is possible */
		while (choice[k] < s->nbins && (!has_room(s, choice[k], item) || seen_before(s, choice[k])))
			choice[k]++;
		if (choice[k] >= s->nbins)
		{
			int			kind = choice[k] - s->nbins;

			while (kind < s->p->m && (s->used[kind] >= s->p->boxes[kind].count || !pack_fits(s->p, item, kind)))
				kind++;
			choice[k] = s->nbins + kind;
			if (kind == s->p->m)
			{
				choice[k] = 0;
				k--;
				if (k >= 0)
				{
					put(s, s->bin_of[s->order[k]], s->order[k], -1);
					if (opened[k])
						close_bin(s);
					opened[k] = false;
				}
				continue;
			}
			choice[k]++;
			open_bin(s, kind);
			opened[k] = true;
			put(s, s->nbins - 1, item, 1);
		}
		else
			put(s, choice[k]++, item, 1);
		k++;
		choice[k] = 0;
	}
	/* everything was looked at */
	s->bound = s->best_cost;
}

void
pack_solve_sizes(EcmlCtx *ctx, const PackProblem *p, const PackParams *params, PackResult *result)
{
	Packing		s = {.ctx = ctx,.p = p,.best_cost = INFINITY,.max_nodes = params->max_nodes};

	s.order = ECML_NEW(ctx, int, p->n + 1);
	s.rest = ECML_NEW0(ctx, double, p->n + 1);
	s.bins = ECML_NEW(ctx, Bin, p->n + 1);
	s.bin_of = ECML_NEW0(ctx, int, p->n + 1);
	s.best_bin = ECML_NEW0(ctx, int, p->n + 1);
	s.best_box = ECML_NEW0(ctx, int, p->n + 1);
	s.used = ECML_NEW0(ctx, int, p->m + 1);
	for (int i = 0; i < p->n; i++)
		s.order[i] = i;
	sort_items(&s);
	for (int k = p->n - 1; k >= 0; k--)
		s.rest[k] = s.rest[k + 1] + p->items[s.order[k]].size[0];
	find_bounds(&s);
	for (int wanted = 0; wanted < p->m; wanted++)
		for (int way = 0; way < 2; way++)
			pack_decreasing(&s, wanted, way == 1);
	pack_decreasing(&s, -1, true);
	if (s.best_cost > s.bound * (1 + 1e-12) && s.max_nodes > 0)
		search(&s);
	result->feasible = isfinite(s.best_cost);
	result->stuck = -1;
	result->nbins = s.best_n;
	result->box_of = s.best_box;
	result->cost = s.best_cost;
	result->bound = fmin(s.bound, s.best_cost);
	for (int i = 0; i < p->n && result->feasible; i++)
		result->places[i] = (PackPlace) {.bin = s.best_bin[i],.at = {NAN, NAN, NAN},.size = {p->items[i].size[0], NAN, NAN}};
}

void
pack_solve(EcmlCtx *ctx, const PackProblem *p, const PackParams *params, PackResult *result)
{
	memset(result, 0, sizeof(*result));
	result->places = ECML_NEW(ctx, PackPlace, p->n + 1);
	if (p->n == 0)
	{
		result->feasible = true;
		return;
	}
	for (int i = 0; i < p->n; i++)
	{
		bool		fits = false;

		for (int k = 0; k < p->m && !fits; k++)
			fits = pack_fits(p, i, k);
		if (!fits)
		{
			result->stuck = i;
			return;
		}
	}
	if (p->spatial)
		pack_solve_spatial(ctx, p, params, result);
	else
		pack_solve_sizes(ctx, p, params, result);
}
