/*
 * pack_spatial.c - packing by length, width and height: extreme points
 *
 * A box is filled item by item.  An item's corner goes to an extreme point (Crainic, Perboli and Tadei 2008): a place in a corner that
 * the items before leave, where their sides' projections meet.  Of all points and turns the one is taken that stays lowest, then nearest
 * the origin.  Orders are tried in turn: by volume, longest side, floor and height, then these shuffled a little.
 *
 * The cheapest box that holds everything is taken when there is one.  Otherwise boxes are filled one after another, each time the
 * kind that gives most volume for its cost; then each is exchanged for the cheapest box that holds its content.
 *
 * Cost: n^3 a filling at worst, for the orders of a shop (below a hundred items) well under a millisecond.  A heuristic: the bound tells how far it may be
 * from the best.
 */
#include <limits.h>
#include <math.h>
#include <string.h>

#include "num/sort.h"
#include "route/pack.h"

#define SLACK 1e-9

typedef struct Point
{
	double		at[3];
} Point;

typedef struct Filling
{
	EcmlCtx    *ctx;
	const PackProblem *p;
	Point	   *points;			/* [3 n + 1] */
	int			npoints;
	int			room;			/* of points */
	int		   *placed;			/* [n] items in the box */
	int			nplaced;
	PackPlace  *places;			/* [n] by item */
	double		weight;
	double		volume;			/* of what is in */

	/* the best filling of the box */
	int		   *best;			/* [n] items */
	int			nbest;
	PackPlace  *best_places;	/* [n] by place in best */
	double		best_volume;

	int		   *order;			/* [n] */
	int		   *scratch;		/* [n] */
	double	   *key;			/* [n] by item */
	double		work;
} Filling;

static double
volume_of(const double *size)
{
	return size[0] * size[1] * size[2];
}

/* ---- one box */

static bool
overlaps(const PackPlace *a, const double *at, const double *size, double eps)
{
	for (int k = 0; k < 3; k++)
		if (at[k] >= a->at[k] + a->size[k] - eps || a->at[k] >= at[k] + size[k] - eps)
			return false;
	return true;
}

static double
common(double a, double a_end, double b, double b_end)
{
	return fmax(0, fmin(a_end, b_end) - fmax(a, b));
}

/* Does it fit there? */
static bool
is_free(Filling *f, const PackBox *box, const double *at, const double *size)
{
	double		eps = SLACK * (box->size[0] + box->size[1] + box->size[2]);
	double		floor = 0;

	for (int k = 0; k < 3; k++)
		if (at[k] + size[k] > box->size[k] + eps)
			return false;
	f->work += f->nplaced;
	for (int i = 0; i < f->nplaced; i++)
	{
		const PackPlace *other = &f->places[f->placed[i]];

		if (overlaps(other, at, size, eps))
			return false;
		if (fabs(other->at[2] + other->size[2] - at[2]) <= eps)
			floor += common(at[0], at[0] + size[0], other->at[0], other->at[0] + other->size[0]) *
				common(at[1], at[1] + size[1], other->at[1], other->at[1] + other->size[1]);
	}
	return at[2] <= eps || floor >= f->p->support * size[0] * size[1] * (1 - SLACK);
}

static void
add_point(Filling *f, double x, double y, double z)
{
	for (int i = 0; i < f->npoints; i++)
		if (f->points[i].at[0] == x && f->points[i].at[1] == y && f->points[i].at[2] == z)
			return;
	if (f->npoints < f->room)
		f->points[f->npoints++] = (Point) {{x, y, z}};
}

/* Where a line from corner against an axis ends: on the side of an item, or of the box. */
static double
project(const Filling *f, const double *corner, int axis)
{
	int			u = (axis + 1) % 3;
	int			v = (axis + 2) % 3;
	double		best = 0;

	for (int i = 0; i < f->nplaced; i++)
	{
		const PackPlace *other = &f->places[f->placed[i]];
		double		end = other->at[axis] + other->size[axis];

		if (end <= corner[axis] && end > best && corner[u] >= other->at[u] && corner[u] < other->at[u] + other->size[u] &&
			corner[v] >= other->at[v] && corner[v] < other->at[v] + other->size[v])
			best = end;
	}
	return best;
}

static void
add_points(Filling *f, const PackPlace *place)
{
	for (int side = 0; side < 3; side++)
	{
		double		corner[3] = {place->at[0], place->at[1], place->at[2]};

		corner[side] += place->size[side];
		add_point(f, corner[0], corner[1], corner[2]);
		for (int axis = 0; axis < 3; axis++)
		{
			double		point[3] = {corner[0], corner[1], corner[2]};

			if (axis == side)
				continue;
			point[axis] = project(f, corner, axis);
			add_point(f, point[0], point[1], point[2]);
		}
	}
}

/* Lower first, then nearer in the other directions. */
static double
score(const PackBox *box, const double *at, const double *size)
{
	return (at[2] + size[2]) / box->size[2] * 4 + (at[1] + size[1]) / box->size[1] * 2 + (at[0] + size[0]) / box->size[0];
}

static bool
place_item(Filling *f, int item, const PackBox *box)
{
	static const signed char turns[6][3] = {{0, 1, 2}, {1, 0, 2}, {0, 2, 1}, {2, 0, 1}, {1, 2, 0}, {2, 1, 0}};
	const PackItem *i = &f->p->items[item];
	double		best = INFINITY;
	PackPlace	place = {0};

	if (f->weight + i->weight > box->max_weight * (1 + SLACK))
		return false;
	for (int turn = 0; turn < (i->upright ? 2 : 6); turn++)
	{
		double		size[3] = {i->size[turns[turn][0]], i->size[turns[turn][1]], i->size[turns[turn][2]]};

		/* equal sides: the same turn again */
		if ((turn & 1) && i->size[turns[turn][0]] == i->size[turns[turn][1]])
			continue;
		for (int e = 0; e < f->npoints; e++)
		{
			const double *at = f->points[e].at;
			double		s = score(box, at, size);

			if (s < best && is_free(f, box, at, size))
			{
				best = s;
				place = (PackPlace) {0, {at[0], at[1], at[2]}, {size[0], size[1], size[2]}};
			}
		}
	}
	if (best == INFINITY)
		return false;
	f->places[item] = place;
	f->placed[f->nplaced++] = item;
	f->weight += i->weight;
	f->volume += volume_of(i->size);
	add_points(f, &place);
	return true;
}

static bool
is_no_less(const void *arg, int a, int b)
{
	const double *key = arg;

	return key[a] >= key[b];
}

static void
set_keys(Filling *f, const int *items, int n, int try, EcmlRng *rng)
{
	for (int i = 0; i < n; i++)
	{
		const double *size = f->p->items[items[i]].size;
		double		longest = fmax(size[0], fmax(size[1], size[2]));
		double		key;

		switch (try % 4)
		{
			case 0:
				key = volume_of(size);
				break;
			case 1:
				key = longest;
				break;
			case 2:
				key = volume_of(size) / fmin(size[0], fmin(size[1], size[2]));
				break;
			default:
				key = size[2];
		}
		f->key[items[i]] = try < 4 ? key : key * (0.6 + 0.8 * ecml_rng_double(rng));
	}
}

/* Fill a box with as much as will go of the items: the best of some orders; stops when all are in. */
static void
fill(Filling *f, const int *items, int n, const PackBox *box, int tries)
{
	EcmlRng		rng = ecml_rng_stream(&f->ctx->rng, n);

	f->nbest = 0;
	f->best_volume = -1;
	for (int try = 0; try < tries; try++)
	{
		memcpy(f->order, items, n * sizeof(int));
		set_keys(f, items, n, try, &rng);
		ecml_sort_numbers(f->order, n, f->scratch, is_no_less, f->key);
		f->npoints = 0;
		f->nplaced = 0;
		f->weight = 0;
		f->volume = 0;
		add_point(f, 0, 0, 0);
		for (int i = 0; i < n; i++)
		{
			(void) place_item(f, f->order[i], box);
			f->work += f->npoints;
			if (f->work > 1e6)
			{
				ecml_poll(f->ctx, 0, 0);
				f->work = 0;
			}
		}
		if (f->volume > f->best_volume)
		{
			f->best_volume = f->volume;
			f->nbest = f->nplaced;
			for (int i = 0; i < f->nplaced; i++)
			{
				f->best[i] = f->placed[i];
				f->best_places[i] = f->places[f->placed[i]];
			}
		}
		if (f->nbest == n)
			return;
	}
}

/* Can the box hold them at all? */
static bool
may_hold(const PackProblem *p, const int *items, int n, const PackBox *box)
{
	double		volume = 0;
	double		weight = 0;

	for (int i = 0; i < n; i++)
	{
		volume += volume_of(p->items[items[i]].size);
		weight += p->items[items[i]].weight;
	}
	return volume <= volume_of(box->size) * (1 + 4 * SLACK) && weight <= box->max_weight * (1 + SLACK);
}

/* ---- boxes */

typedef struct Plan
{
	int			nbins;
	int		   *box_of;			/* [n] */
	PackPlace  *places;			/* [n] */
	double		cost;
} Plan;

static void
take_filling(Filling *f, Plan *plan, int box)
{
	for (int i = 0; i < f->nbest; i++)
	{
		plan->places[f->best[i]] = f->best_places[i];
		plan->places[f->best[i]].bin = plan->nbins;
	}
	plan->box_of[plan->nbins++] = box;
	plan->cost += f->p->boxes[box].cost;
}

/* Boxes by cost, then volume. */
static void
order_boxes(const PackProblem *p, int *by_cost)
{
	for (int k = 0; k < p->m; k++)
	{
		int			at = k;

		for (; at > 0 && (p->boxes[k].cost < p->boxes[by_cost[at - 1]].cost ||
						  (p->boxes[k].cost == p->boxes[by_cost[at - 1]].cost &&
						   volume_of(p->boxes[k].size) < volume_of(p->boxes[by_cost[at - 1]].size))); at--)
			by_cost[at] = by_cost[at - 1];
		by_cost[at] = k;
	}
}

/* The cheapest box that holds all of the items and costs less than limit; -1: none found.  The filling is in f. */
static int
single_box(Filling *f, const int *items, int n, const int *by_cost, const int *used, double limit, int tries)
{
	for (int b = 0; b < f->p->m; b++)
	{
		const PackBox *box = &f->p->boxes[by_cost[b]];

		if (box->cost >= limit)
			return -1;
		if (used[by_cost[b]] >= box->count || !may_hold(f->p, items, n, box))
			continue;
		fill(f, items, n, box, tries);
		if (f->nbest == n)
			return by_cost[b];
	}
	return -1;
}

/* Boxes one after another: wanted as long as there are, or the best volume for the cost (-1).  False: they run out. */
static bool
fill_boxes(Filling *f, const int *by_cost, int wanted, int tries, Plan *plan)
{
	const PackProblem *p = f->p;
	int		   *left = ECML_NEW(f->ctx, int, p->n + 1);
	int		   *used = ECML_NEW0(f->ctx, int, p->m + 1);
	bool	   *done = ECML_NEW0(f->ctx, bool, p->n + 1);
	int			n = p->n;

	plan->nbins = 0;
	plan->cost = 0;
	for (int i = 0; i < n; i++)
		left[i] = i;
	while (n > 0)
	{
		int			chosen = single_box(f, left, n, by_cost, used, INFINITY, tries);
		int			kept = 0;

		if (chosen < 0)
		{
			double		best = INFINITY;

			for (int k = 0; k < p->m; k++)
			{
				if (used[k] >= p->boxes[k].count)
					continue;
				fill(f, left, n, &p->boxes[k], 4);
				if (f->nbest > 0 && (k == wanted ? -1 : p->boxes[k].cost / f->best_volume) < best)
				{
					best = k == wanted ? -1 : p->boxes[k].cost / f->best_volume;
					chosen = k;
				}
			}
			if (chosen < 0)
				return false;
			fill(f, left, n, &p->boxes[chosen], tries);
		}
		used[chosen]++;
		take_filling(f, plan, chosen);
		memset(done, 0, p->n * sizeof(bool));
		for (int i = 0; i < f->nbest; i++)
			done[f->best[i]] = true;
		for (int i = 0; i < n; i++)
			if (!done[left[i]])
				left[kept++] = left[i];
		n = kept;
	}
	/* cheaper boxes for what is in each */
	for (int b = 0; b < plan->nbins; b++)
	{
		int			box = plan->box_of[b];
		int			other;

		n = 0;
		for (int i = 0; i < p->n; i++)
			if (plan->places[i].bin == b)
				left[n++] = i;
		other = single_box(f, left, n, by_cost, used, p->boxes[box].cost, tries);
		if (other < 0)
			continue;
		used[box]--;
		used[other]++;
		plan->cost += p->boxes[other].cost - p->boxes[box].cost;
		plan->box_of[b] = other;
		for (int i = 0; i < f->nbest; i++)
		{
			plan->places[f->best[i]] = f->best_places[i];
			plan->places[f->best[i]].bin = b;
		}
	}
	ecml_free(f->ctx, left);
	ecml_free(f->ctx, used);
	ecml_free(f->ctx, done);
	return true;
}

/* No packing costs less: by volume, and by the item that needs the dearest box. */
static double
least_cost(const PackProblem *p)
{
	double		volume = 0;
	double		weight = 0;
	double		price = INFINITY;
	double		weight_price = INFINITY;
	double		single = INFINITY;
	double		two[2] = {INFINITY, INFINITY};
	double		bound = 0;

	for (int i = 0; i < p->n; i++)
	{
		double		least = INFINITY;

		volume += volume_of(p->items[i].size);
		weight += p->items[i].weight;
		for (int k = 0; k < p->m; k++)
			if (pack_fits(p, i, k))
				least = fmin(least, p->boxes[k].cost);
		bound = fmax(bound, least);
	}
	for (int k = 0; k < p->m; k++)
	{
		const PackBox *box = &p->boxes[k];

		if (box->count == 0)
			continue;
		price = fmin(price, box->cost / volume_of(box->size));
		weight_price = fmin(weight_price, box->cost / box->max_weight);
		if (volume <= volume_of(box->size) * (1 + 4 * SLACK) && weight <= box->max_weight * (1 + SLACK))
			single = fmin(single, box->cost);
		for (int c = 0; c < (box->count > 1 ? 2 : 1); c++)
		{
			if (box->cost < two[0])
			{
				two[1] = two[0];
				two[0] = box->cost;
			}
			else if (box->cost < two[1])
				two[1] = box->cost;
		}
	}
	bound = fmax(bound, fmax(volume * price, weight * weight_price));
	/* one box that may hold all, or two at least */
	return fmax(bound, fmin(single, two[0] + two[1]));
}

void
pack_solve_spatial(EcmlCtx *ctx, const PackProblem *p, const PackParams *params, PackResult *result)
{
	Filling		f = {.ctx = ctx,.p = p,.room = 9 * p->n + 1};
	int		   *by_cost = ECML_NEW(ctx, int, p->m + 1);
	Plan		plan = {0};

	f.points = ECML_NEW(ctx, Point, f.room);
	f.placed = ECML_NEW(ctx, int, p->n + 1);
	f.places = ECML_NEW(ctx, PackPlace, p->n + 1);
	f.best = ECML_NEW(ctx, int, p->n + 1);
	f.best_places = ECML_NEW(ctx, PackPlace, p->n + 1);
	f.order = ECML_NEW(ctx, int, p->n + 1);
	f.scratch = ECML_NEW(ctx, int, p->n + 1);
	f.key = ECML_NEW(ctx, double, p->n + 1);
	plan.box_of = ECML_NEW(ctx, int, p->n + 1);
	plan.places = ECML_NEW(ctx, PackPlace, p->n + 1);
	result->box_of = ECML_NEW(ctx, int, p->n + 1);
	result->cost = INFINITY;
	result->stuck = -1;
	order_boxes(p, by_cost);
	result->bound = least_cost(p);
	for (int wanted = -1; wanted < p->m; wanted++)
	{
		if (!fill_boxes(&f, by_cost, wanted, params->tries, &plan) || !(plan.cost < result->cost))
			continue;
		result->feasible = true;
		result->cost = plan.cost;
		result->nbins = plan.nbins;
		memcpy(result->box_of, plan.box_of, plan.nbins * sizeof(int));
		memcpy(result->places, plan.places, p->n * sizeof(PackPlace));
		if (plan.cost <= result->bound * (1 + 1e-12) || plan.nbins == 1)
			break;
	}
}
