/*
 * pick.c - routes of pickers: the exact one, and the rules that warehouses use
 *
 * Exact: Ratliff and Rosenthal (1983).  From aisle to aisle it is enough to know of a partial tour whether the ends of the last aisle
 * have an odd, even or zero number of edges, and whether the ends hang together: seven classes.  In an aisle a tour passes
 * once or twice, turns from one end or both, leaving out the largest gap; between aisles it takes one or two edges in front or at
 * the back.  The cheapest edges then make a graph of even degrees, and a circuit through it is the tour.
 *
 * Rules: s-shape, return, midpoint and largest gap (Hall 1993).
 *
 * Cost: picks log picks.
 */
#include <math.h>
#include <string.h>

#include "num/sort.h"
#include "route/pick.h"

/* A place on the way. */
typedef struct Place
{
	double		x;
	double		y;
	int			pick;			/* or -1 */
} Place;

typedef struct Way
{
	Place	   *places;
	int			n;
} Way;

/* An aisle with picks. */
typedef struct Aisle
{
	double		x;
	int			first;			/* its picks in sorted order: first .. first + n - 1 */
	int			n;
} Aisle;

typedef struct Layout
{
	EcmlCtx    *ctx;
	const PickProblem *p;
	int		   *sorted;			/* [n] picks by aisle and position; number p->n is the depot, as a pick */
	Aisle	   *aisles;			/* [naisles] from left to right */
	int			naisles;
} Layout;

static double
aisle_of(const PickProblem *p, int pick)
{
	return pick == p->n ? p->depot : p->aisle[pick];
}

static double
position_of(const PickProblem *p, int pick)
{
	return pick == p->n ? 0 : p->position[pick];
}

static bool
comes_before(const void *arg, int a, int b)
{
	const PickProblem *p = arg;

	if (aisle_of(p, a) != aisle_of(p, b))
		return aisle_of(p, a) < aisle_of(p, b);
	if (position_of(p, a) != position_of(p, b))
		return position_of(p, a) < position_of(p, b);
	return a < b;
}

/* The aisles with their picks; with_depot: the depot counts as one. */
static void
lay_out(Layout *l, EcmlCtx *ctx, const PickProblem *p, bool with_depot)
{
	int			n = p->n + with_depot;
	int		   *scratch = ECML_NEW(ctx, int, n + 1);

	l->ctx = ctx;
	l->p = p;
	l->sorted = ECML_NEW(ctx, int, n + 1);
	l->aisles = ECML_NEW(ctx, Aisle, n + 1);
	l->naisles = 0;
	for (int i = 0; i < n; i++)
		l->sorted[i] = i;
	ecml_sort_numbers(l->sorted, n, scratch, comes_before, p);
	for (int i = 0; i < n; i++)
	{
		double		x = aisle_of(p, l->sorted[i]);

		if (i == 0 || l->aisles[l->naisles - 1].x != x)
			l->aisles[l->naisles++] = (Aisle) {x, i, 0};
		l->aisles[l->naisles - 1].n++;
	}
}

/* ---- walking */

static void
walk(Way *way, double x, double y, int pick)
{
	way->places[way->n++] = (Place) {x, y, pick};
}

static void
walk_to_pick(Way *way, const Layout *l, int at)
{
	int			pick = l->sorted[at];

	walk(way, aisle_of(l->p, pick), position_of(l->p, pick), pick);
}

/* Up the aisle over picks low .. high-1 of it. */
static void
walk_up(Way *way, const Layout *l, const Aisle *a, int low, int high)
{
	for (int k = low; k < high; k++)
		walk_to_pick(way, l, a->first + k);
}

static void
walk_down(Way *way, const Layout *l, const Aisle *a, int low, int high)
{
	for (int k = high - 1; k >= low; k--)
		walk_to_pick(way, l, a->first + k);
}

/* From the front and back to it. */
static void
return_in(Way *way, const Layout *l, const Aisle *a, int high)
{
	if (high == 0)
		return;
	walk(way, a->x, 0, -1);
	walk_up(way, l, a, 0, high);
	walk(way, a->x, 0, -1);
}

/* From the back and back to it. */
static void
return_from_back(Way *way, const Layout *l, const Aisle *a, int low)
{
	if (low == a->n)
		return;
	walk(way, a->x, l->p->length, -1);
	walk_down(way, l, a, low, a->n);
	walk(way, a->x, l->p->length, -1);
}

static void
pass_up(Way *way, const Layout *l, const Aisle *a)
{
	walk(way, a->x, 0, -1);
	walk_up(way, l, a, 0, a->n);
	walk(way, a->x, l->p->length, -1);
}

static void
pass_down(Way *way, const Layout *l, const Aisle *a)
{
	walk(way, a->x, l->p->length, -1);
	walk_down(way, l, a, 0, a->n);
	walk(way, a->x, 0, -1);
}

static void
walk_s_shape(Way *way, const Layout *l)
{
	bool		front = true;

	for (int k = 0; k < l->naisles; k++)
	{
		const Aisle *a = &l->aisles[k];

		if (front && k == l->naisles - 1)
			return_in(way, l, a, a->n);
		else if (front)
			pass_up(way, l, a);
		else
			pass_down(way, l, a);
		front = !front;
	}
}

/* How many of an aisle's picks are taken from the front: those before its middle, or its largest gap. */
static int
from_front(const Layout *l, const Aisle *a, PickMethod method)
{
	double		length = l->p->length;
	double		largest;
	int			count = 0;

	if (method == PICK_MIDPOINT)
	{
		while (count < a->n && position_of(l->p, l->sorted[a->first + count]) <= length / 2)
			count++;
		return count;
	}
	/* gaps: from the front to the first, between two, from the last to the back */
	largest = position_of(l->p, l->sorted[a->first]);
	for (int k = 1; k <= a->n; k++)
	{
		double		above = k < a->n ? position_of(l->p, l->sorted[a->first + k]) : length;
		double		gap = above - position_of(l->p, l->sorted[a->first + k - 1]);

		if (gap > largest)
		{
			largest = gap;
			count = k;
		}
	}
	return count;
}

/* Up the first aisle, along the back, down the last one, along the front; all others from both ends. */
static void
walk_both_ends(Way *way, const Layout *l, PickMethod method)
{
	int			last = l->naisles - 1;

	if (last == 0)
	{
		return_in(way, l, &l->aisles[0], l->aisles[0].n);
		return;
	}
	pass_up(way, l, &l->aisles[0]);
	for (int k = 1; k < last; k++)
		return_from_back(way, l, &l->aisles[k], from_front(l, &l->aisles[k], method));
	pass_down(way, l, &l->aisles[last]);
	for (int k = last - 1; k > 0; k--)
		return_in(way, l, &l->aisles[k], from_front(l, &l->aisles[k], method));
}

/* ---- exact */

typedef enum Class
{
	ODD,						/* both ends odd, connected */
	BACK,						/* even at the back, none in front */
	FRONT,
	BOTH,						/* even at both ends, connected */
	APART,						/* even at both ends, two components */
	CLASSES
} Class;

typedef enum Vertical
{
	PASS,						/* once from end to end */
	FROM_BACK,
	FROM_FRONT,
	GAP,						/* from both ends, without the largest gap */
	TWICE,						/* from end to end and back */
	VERTICALS
} Vertical;

/* What becomes of a class; -1: cannot be. */
static const signed char after_vertical[CLASSES][VERTICALS] = {
	[ODD] = {BOTH, ODD, ODD, ODD, ODD},
	[BACK] = {ODD, BACK, APART, APART, BOTH},
	[FRONT] = {ODD, APART, FRONT, APART, BOTH},
	[BOTH] = {ODD, BOTH, BOTH, BOTH, BOTH},
	[APART] = {ODD, APART, APART, APART, BOTH}
};

/* The first aisle: nothing is there yet. */
static const signed char first_vertical[VERTICALS] = {ODD, BACK, FRONT, APART, BOTH};

/* Edges to the next aisle in front and at the back, and the class that they need and make. */
typedef struct Crossing
{
	signed char need;
	signed char front;
	signed char back;
	signed char make;
} Crossing;

static const Crossing crossings[] = {
	{ODD, 1, 1, ODD},
	{BACK, 0, 2, BACK},
	{FRONT, 2, 0, FRONT},
	{BOTH, 2, 0, FRONT},
	{BOTH, 0, 2, BACK},
	{BOTH, 2, 2, BOTH},
	{APART, 2, 2, APART}
};

#define CROSSINGS ((int) (sizeof(crossings) / sizeof(crossings[0])))

/* The best partial tour of a class, with the aisle's edges. */
typedef struct Partial
{
	double		cost;
	signed char vertical;
	signed char from;			/* class before the aisle's edges */
	signed char crossing;		/* that led to the aisle; -1: it is the first */
} Partial;

/* The largest gap between two picks of an aisle: the number of the one behind it. */
static int
inner_gap(const Layout *l, const Aisle *a, double *size)
{
	int			behind = 0;

	*size = 0;
	for (int k = 1; k < a->n; k++)
	{
		double		gap = position_of(l->p, l->sorted[a->first + k]) - position_of(l->p, l->sorted[a->first + k - 1]);

		if (gap > *size)
		{
			*size = gap;
			behind = k;
		}
	}
	return behind;
}

static void
vertical_costs(const Layout *l, const Aisle *a, double *cost)
{
	double		length = l->p->length;
	double		gap;

	(void) inner_gap(l, a, &gap);
	cost[PASS] = length;
	cost[FROM_BACK] = 2 * (length - position_of(l->p, l->sorted[a->first]));
	cost[FROM_FRONT] = 2 * position_of(l->p, l->sorted[a->first + a->n - 1]);
	cost[GAP] = a->n > 1 ? 2 * (length - gap) : INFINITY;
	cost[TWICE] = 2 * length;
}

/* The graph of a tour: the ends and picks of each aisle are vertices, side by side. */
typedef struct Graph
{
	int		   *base;			/* [naisles] number of an aisle's front; then its picks, then its back */
	signed char *up;			/* [vertices] edges to the next vertex of the aisle */
	signed char *right;			/* [vertices] edges to the next aisle: fronts and backs */
	int		   *next;			/* [vertices] the vertex to the right, -1 */
	int		   *left;
	int			vertices;
} Graph;

static void
lay_edges(const Layout *l, Graph *g, int aisle, Vertical vertical)
{
	const Aisle *a = &l->aisles[aisle];
	signed char *up = g->up + g->base[aisle];
	double		size;
	int			behind = inner_gap(l, a, &size);

	/* edge k leads from vertex k to k + 1: 0 the front, 1 .. n picks, n + 1 the back */
	for (int k = 0; k <= a->n; k++)
		switch (vertical)
		{
			case PASS:
				up[k] = 1;
				break;
			case FROM_BACK:
				up[k] = k >= 1 ? 2 : 0;
				break;
			case FROM_FRONT:
				up[k] = k < a->n ? 2 : 0;
				break;
			case GAP:
				up[k] = k == behind ? 0 : 2;
				break;
			default:
				up[k] = 2;
		}
}

/* The cheapest edges, by aisle; returns their length. */
static double
choose_edges(const Layout *l, Graph *g)
{
	EcmlCtx    *ctx = l->ctx;
	Partial    *best = ECML_NEW(ctx, Partial, (size_t) l->naisles * CLASSES);
	double		total = INFINITY;
	int			class = -1;

	for (int k = 0; k < l->naisles; k++)
	{
		Partial    *now = best + (size_t) k * CLASSES;
		double		vertical[VERTICALS];

		vertical_costs(l, &l->aisles[k], vertical);
		for (int c = 0; c < CLASSES; c++)
			now[c].cost = INFINITY;
		for (int v = 0; v < VERTICALS && k == 0; v++)
			if (vertical[v] < now[first_vertical[v]].cost)
				now[first_vertical[v]] = (Partial) {vertical[v], v, -1, -1};
		for (int x = 0; x < CROSSINGS && k > 0; x++)
		{
			const Crossing *crossing = &crossings[x];
			double		cost = now[crossing->need - CLASSES].cost +
				(crossing->front + crossing->back) * (l->aisles[k].x - l->aisles[k - 1].x);

			for (int v = 0; v < VERTICALS; v++)
			{
				int			to = after_vertical[crossing->make][v];

				if (cost + vertical[v] < now[to].cost)
					now[to] = (Partial) {cost + vertical[v], v, crossing->make, x};
			}
		}
		if (k % 1024 == 0)
			ecml_poll(ctx, 0, 0);
	}
	for (int c = BACK; c <= BOTH; c++)
		if (best[(size_t) (l->naisles - 1) * CLASSES + c].cost < total)
		{
			total = best[(size_t) (l->naisles - 1) * CLASSES + c].cost;
			class = c;
		}
	for (int k = l->naisles - 1; k >= 0; k--)
	{
		const Partial *now = &best[(size_t) k * CLASSES + class];

		lay_edges(l, g, k, now->vertical);
		if (now->crossing >= 0)
		{
			g->right[g->base[k - 1]] = crossings[now->crossing].front;
			g->right[g->base[k - 1] + l->aisles[k - 1].n + 1] = crossings[now->crossing].back;
			class = crossings[now->crossing].need;
		}
	}
	return total;
}

static int *
take(signed char *edges, int *to)
{
	--*edges;
	return to;
}

/* An edge out of a vertex, which is used up; NULL: none is left.  Along the aisle first. */
static int *
leave(Graph *g, int v, int *above, int *below)
{
	*above = v + 1;
	*below = v - 1;
	if (g->up[v] > 0)
		return take(&g->up[v], above);
	if (v > 0 && g->up[v - 1] > 0)
		return take(&g->up[v - 1], below);
	if (g->next[v] >= 0 && g->right[v] > 0)
		return take(&g->right[v], &g->next[v]);
	if (g->left[v] >= 0 && g->right[g->left[v]] > 0)
		return take(&g->right[g->left[v]], &g->left[v]);
	return NULL;
}

static void
walk_optimal(Way *way, const Layout *l)
{
	EcmlCtx    *ctx = l->ctx;
	int			n = l->p->n + 1;
	Graph		g = {.vertices = n + 2 * l->naisles};
	int		   *stack = ECML_NEW(ctx, int, 6 * (size_t) g.vertices + 8);
	int		   *circuit = ECML_NEW(ctx, int, 6 * (size_t) g.vertices + 8);
	int		   *sorted_of = ECML_NEW(ctx, int, g.vertices + 1);
	double	   *x = ECML_NEW(ctx, double, g.vertices + 1);
	double	   *y = ECML_NEW(ctx, double, g.vertices + 1);
	int			depth = 0;
	int			length = 0;
	int			start = -1;

	g.base = ECML_NEW(ctx, int, l->naisles + 1);
	g.up = ECML_NEW0(ctx, signed char, g.vertices + 1);
	g.right = ECML_NEW0(ctx, signed char, g.vertices + 1);
	g.next = ECML_NEW(ctx, int, g.vertices + 1);
	g.left = ECML_NEW(ctx, int, g.vertices + 1);
	for (int v = 0; v <= g.vertices; v++)
		g.next[v] = g.left[v] = sorted_of[v] = -1;
	for (int k = 0, v = 0; k < l->naisles; k++)
	{
		const Aisle *a = &l->aisles[k];

		g.base[k] = v;
		for (int i = 0; i < a->n + 2; i++, v++)
		{
			bool		pick = i > 0 && i <= a->n;

			x[v] = a->x;
			y[v] = i == 0 ? 0 : pick ? position_of(l->p, l->sorted[a->first + i - 1]) : l->p->length;
			if (pick)
				sorted_of[v] = l->sorted[a->first + i - 1];
			if (sorted_of[v] == l->p->n)
				start = v;
		}
		if (k > 0)
		{
			int			before = g.base[k - 1];
			int			back = before + l->aisles[k - 1].n + 1;

			g.next[before] = g.base[k];
			g.left[g.base[k]] = before;
			g.next[back] = v - 1;
			g.left[v - 1] = back;
		}
	}
	(void) choose_edges(l, &g);
	/* a circuit over all edges (Hierholzer 1873) */
	stack[depth++] = start;
	while (depth > 0)
	{
		int			above;
		int			below;
		int		   *to = leave(&g, stack[depth - 1], &above, &below);

		if (to)
			stack[depth++] = *to;
		else
			circuit[length++] = stack[--depth];
	}
	for (int k = 0; k < length; k++)
	{
		int			v = circuit[k];
		int			pick = sorted_of[v];

		/* the second time a pick is passed by */
		if (pick >= 0)
			sorted_of[v] = -1;
		walk(way, x[v], y[v], pick == l->p->n ? -1 : pick);
	}
}

/* ---- the whole */

void
pick_solve(EcmlCtx *ctx, const PickProblem *p, PickMethod method, PickResult *result)
{
	Way			way = {ECML_NEW(ctx, Place, 12 * ((size_t) p->n + 2) + 16), 0};
	Layout		l;
	double		far = 0;
	int			n = 0;

	result->order = ECML_NEW(ctx, int, p->n + 1);
	result->travelled = ECML_NEW(ctx, double, p->n + 1);
	lay_out(&l, ctx, p, method == PICK_OPTIMAL);
	walk(&way, p->depot, 0, -1);
	if (p->n > 0)
		switch (method)
		{
			case PICK_OPTIMAL:
				walk_optimal(&way, &l);
				break;
			case PICK_S_SHAPE:
				walk_s_shape(&way, &l);
				break;
			case PICK_RETURN:
				for (int k = 0; k < l.naisles; k++)
					return_in(&way, &l, &l.aisles[k], l.aisles[k].n);
				break;
			default:
				walk_both_ends(&way, &l, method);
		}
	walk(&way, p->depot, 0, -1);
	for (int k = 0; k < way.n; k++)
	{
		if (k > 0)
			far += fabs(way.places[k].x - way.places[k - 1].x) + fabs(way.places[k].y - way.places[k - 1].y);
		if (way.places[k].pick >= 0)
		{
			result->order[n] = way.places[k].pick;
			result->travelled[n++] = far;
		}
	}
	result->total = far;
}
