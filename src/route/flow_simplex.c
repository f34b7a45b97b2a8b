/*
 * flow_simplex.c - the network simplex method
 *
 * A basis is a spanning tree of the nodes and a root; arcs outside it carry nothing or all they can.  Each node hangs on the root at
 * first, by an artificial arc that takes what the node supplies or wants, at a cost that no real path reaches; what it carries in
 * the end tells infeasible networks.  What nodes may keep or go without goes to the root by arcs of the spill cost.  A pivot takes an arc whose reduced cost says that it pays, pushes flow around the cycle
 * that it closes, and drops the arc that fills up or empties first.
 *
 * Trees are kept strongly feasible (Cunningham 1976): of the arcs that block, the last along the cycle from its apex leaves, so
 * that no sequence of degenerate pivots can return.  Entering arcs are chosen by block search: the best of the next block that has
 * any (Grigoriadis 1986; measured best by Kiraly and Kovacs 2012).  The tree is kept as lists of children with the sizes of
 * subtrees: the apex is found by sizes, and a pivot shifts the potentials of the smaller of its two parts.
 *
 * Of a dense network few arcs will ever pay.  The simplex works on a part of the arcs, at first the cheapest few of each node once
 * what every arc of a node costs at least is taken off; when the part is solved, all arcs are priced, those that pay join it, and it
 * goes on from its tree.  When none pays the whole is solved.
 *
 * Costs and quantities are whole numbers in doubles (flow_scale.c), so all sums are exact.
 *
 * Cost: a block of the part priced in vectors, a path and a subtree a pivot; in practice a few pivots a node and log n; and some
 * passes over all arcs.
 * Limits: nodes and arcs together below 2^31.
 */
#include <limits.h>
#include <math.h>
#include <string.h>

#include "route/flow.h"

#define POLL_WORK 2000000		/* arcs priced between polls, about */
#define PIVOT_WORK 2000			/* what a pivot counts as, in arcs priced */
#define CHEAPEST 8				/* arcs of each node in the first part, and as many at its other end */
#define DENSE 4					/* all arcs take part below so many times the first part */
#define CHUNK 1024				/* arcs priced at once when all are */
#define NONE (-1)

/* A node with the arc to its parent. */
typedef struct Node
{
	int			parent;
	int			arc;
	int			up;				/* the arc leads to the parent */
	int			size;			/* of its subtree */
	int			child;			/* first */
	int			next;			/* siblings */
	int			previous;
	double		flow;			/* of the arc */
	double		capacity;
} Node;

/* The arcs of the part: artificial ones [0, n), spills [n, base), then arcs of the network, whose numbers are in real. */
typedef struct Simplex
{
	EcmlCtx    *ctx;
	const FlowNetwork *net;
	int			n;				/* nodes, the root is number n */
	int			base;
	int			m;
	int			room;			/* for arcs */
	int		   *from;			/* [room] */
	int		   *to;				/* [room] */
	double	   *cost;			/* [room] */
	double	   *sign;			/* [room] 1: carries nothing, -1: as much as it can, 0: in the tree, or out of use */
	int		   *real;			/* [room] */
	double	   *all_cost;		/* [net->m] scaled */
	uint8_t    *joined;			/* [net->m] is it in the part?  NULL: all are */
	double	   *spill;			/* [base - n] capacities, scaled */
	const double *upper;		/* [net->m] capacities less least flows, scaled; NULL: none */
	double	   *quantities;		/* memory of all that is scaled */
	double	   *potential;		/* [n + 1] */
	Node	   *nodes;			/* [n + 1] */
	double		big;			/* cost of arcs that must end empty */
	int			block;
	int			position;		/* where the search goes on */
	double		work;			/* since the last poll */
	int64_t		pivots;
} Simplex;

/* ---- choosing the arc that enters */

/* The least reduced cost of the arcs begin .. end-1. */
ECML_CLONES
static double
least_reduced(const int *from, const int *to, const double *cost, const double *sign, const double *potential, int begin, int end)
{
	double		least = 0;

#pragma omp simd reduction(min:least)
	for (int a = begin; a < end; a++)
	{
		double		reduced = sign[a] * (cost[a] + potential[from[a]] - potential[to[a]]);

		least = reduced < least ? reduced : least;
	}
	return least;
}

/* NONE: the basis is optimal for the part. */
static int
choose_entering(Simplex *s)
{
	for (int left = s->m - s->n; left > 0;)
	{
		int			begin = s->position;
		int			end = s->m - begin < s->block ? s->m : begin + s->block;
		double		least = least_reduced(s->from, s->to, s->cost, s->sign, s->potential, begin, end);

		s->work += end - begin;
		left -= end - begin;
		s->position = end == s->m ? s->n : end;
		if (least < 0)
			for (int a = begin; a < end; a++)
				if (s->sign[a] * (s->cost[a] + s->potential[s->from[a]] - s->potential[s->to[a]]) == least)
					return a;
	}
	return NONE;
}

/* ---- the tree */

static void
unlink_node(Node *nodes, int v)
{
	Node	   *node = &nodes[v];

	if (node->previous != NONE)
		nodes[node->previous].next = node->next;
	else
		nodes[node->parent].child = node->next;
	if (node->next != NONE)
		nodes[node->next].previous = node->previous;
}

static void
link_node(Node *nodes, int v, int parent)
{
	Node	   *node = &nodes[v];

	node->parent = parent;
	node->previous = NONE;
	node->next = nodes[parent].child;
	if (node->next != NONE)
		nodes[node->next].previous = v;
	nodes[parent].child = v;
}

/* Add to the potentials of the subtree of top, without that of except (NONE: all). */
static void
shift(Simplex *s, int top, int except, double by)
{
	const Node *nodes = s->nodes;
	int			v = top;

	for (;;)
	{
		if (v != except)
		{
			s->potential[v] += by;
			if (nodes[v].child != NONE)
			{
				v = nodes[v].child;
				continue;
			}
		}
		while (v != top && nodes[v].next == NONE)
			v = nodes[v].parent;
		if (v == top)
			return;
		v = nodes[v].next;
	}
}

/* What can still be pushed over the arc between v and its parent, towards the parent (or away from it). */
static inline double
room(const Node *node, bool upwards)
{
	return upwards == (node->up != 0) ? node->capacity - node->flow : node->flow;
}

/* The subtree of top hangs on entering's other end from now on, by node inner, which becomes its root. */
static void
rehang(Simplex *s, int entering, int inner, int outer, int top, double flow, double capacity)
{
	Node	   *nodes = s->nodes;
	int			whole = nodes[top].size;
	int			arc = entering;
	int			up = s->from[entering] == inner;
	int			parent = outer;
	int			below = 0;
	int			v = inner;

	for (;;)
	{
		Node		old = nodes[v];

		unlink_node(nodes, v);
		nodes[v].arc = arc;
		nodes[v].up = up;
		nodes[v].flow = flow;
		nodes[v].capacity = capacity;
		nodes[v].size = whole - below;
		link_node(nodes, v, parent);
		if (v == top)
			return;
		/* the arc to the old parent is that parent's now */
		parent = v;
		arc = old.arc;
		up = !old.up;
		flow = old.flow;
		capacity = old.capacity;
		below = old.size;
		v = old.parent;
	}
}

static inline double
capacity_of(const Simplex *s, int arc)
{
	if (arc >= s->base)
		return s->upper ? s->upper[s->real[arc]] : INFINITY;
	return arc >= s->n ? s->spill[arc - s->n] : INFINITY;
}

/* False: the cycle has no bound. */
static bool
pivot(Simplex *s, int entering)
{
	Node	   *nodes = s->nodes;
	bool		forward = s->sign[entering] > 0;
	int			first = forward ? s->from[entering] : s->to[entering];
	int			second = forward ? s->to[entering] : s->from[entering];
	double		capacity = capacity_of(s, entering);
	double		delta = capacity;
	int			leaving = NONE; /* the node whose arc to the parent leaves; NONE: the entering arc fills up */
	bool		on_first = false;
	int			apex;

	{
		int			u = first;
		int			v = second;

		/* an ancestor has the larger subtree: climb from the smaller one */
		while (u != v)
		{
			if (nodes[u].size < nodes[v].size)
				u = nodes[u].parent;
			else
				v = nodes[v].parent;
		}
		apex = u;
	}
	for (int u = first; u != apex; u = nodes[u].parent)
		if (room(&nodes[u], false) < delta)
		{
			delta = room(&nodes[u], false);
			leaving = u;
			on_first = true;
		}
	for (int v = second; v != apex; v = nodes[v].parent)
		if (room(&nodes[v], true) <= delta)
		{
			delta = room(&nodes[v], true);
			leaving = v;
			on_first = false;
		}
	if (delta == INFINITY)
		return false;
	s->pivots++;
	if (delta > 0)
	{
		for (int u = first; u != apex; u = nodes[u].parent)
			nodes[u].flow += nodes[u].up ? -delta : delta;
		for (int v = second; v != apex; v = nodes[v].parent)
			nodes[v].flow += nodes[v].up ? delta : -delta;
	}
	if (leaving == NONE)
	{
		s->sign[entering] = -s->sign[entering];
		return true;
	}

	{
		int			inner = on_first ? first : second;
		int			outer = on_first ? second : first;
		int			out = nodes[leaving].arc;
		int			size = nodes[leaving].size;
		double		by;

		/* upwards on the second side, downwards on the first: against the arc it empties, along it it fills */
		if (out < s->n)
			s->sign[out] = 0;	/* once empty, it stays so */
		else
			s->sign[out] = (nodes[leaving].up != 0) == on_first ? 1 : -1;
		for (int v = nodes[leaving].parent; v != apex; v = nodes[v].parent)
			nodes[v].size -= size;
		for (int v = outer; v != apex; v = nodes[v].parent)
			nodes[v].size += size;
		rehang(s, entering, inner, outer, leaving, forward ? delta : capacity - delta, capacity);
		s->sign[entering] = 0;
		by = nodes[inner].up ? s->potential[outer] - s->cost[entering] - s->potential[inner] :
			s->potential[outer] + s->cost[entering] - s->potential[inner];
		if (size <= s->n / 2)
			shift(s, inner, NONE, by);
		else
			shift(s, s->n, inner, -by);
	}
	return true;
}

/* ---- the part of the arcs that takes part */

static void
poll(Simplex *s)
{
	ecml_poll(s->ctx, 0, 0);
	s->work = 0;
}

static void
make_room(Simplex *s, int arcs)
{
	if (arcs <= s->room)
		return;
	s->room = arcs;
	s->from = ecml_resize_array(s->ctx, s->from, s->room, sizeof(int));
	s->to = ecml_resize_array(s->ctx, s->to, s->room, sizeof(int));
	s->cost = ecml_resize_array(s->ctx, s->cost, s->room, sizeof(double));
	s->sign = ecml_resize_array(s->ctx, s->sign, s->room, sizeof(double));
	s->real = ecml_resize_array(s->ctx, s->real, s->room, sizeof(int));
}

static void
join(Simplex *s, int arc)
{
	if (s->joined)
	{
		if (s->joined[arc])
			return;
		s->joined[arc] = 1;
	}
	if (s->m == s->room)
		make_room(s, s->room < INT_MAX / 2 ? s->room + s->room / 2 + 64 : INT_MAX - 8);
	s->from[s->m] = s->net->from[arc];
	s->to[s->m] = s->net->to[arc];
	s->cost[s->m] = s->all_cost[arc];
	s->sign[s->m] = 1;
	s->real[s->m++] = arc;
}

static void
set_block(Simplex *s)
{
	s->block = (int) sqrt(s->m - s->n);
	if (s->block < 64)
		s->block = 64;
}

/* The cheapest arcs of a node, in their order. */
typedef struct Cheapest
{
	int			n;
	int			arc[CHEAPEST];
	double		cost[CHEAPEST];
} Cheapest;

static inline void
offer(Cheapest *list, int arc, double cost)
{
	int			i = list->n;

	if (i == CHEAPEST && cost >= list->cost[i - 1])
		return;
	if (i == CHEAPEST)
		i--;
	else
		list->n++;
	for (; i > 0 && list->cost[i - 1] > cost; i--)
	{
		list->cost[i] = list->cost[i - 1];
		list->arc[i] = list->arc[i - 1];
	}
	list->cost[i] = cost;
	list->arc[i] = arc;
}

/* The first part: cheapest arcs by what they cost beyond the least of their ends. */
static void
first_part(Simplex *s)
{
	const FlowNetwork *net = s->net;
	double	   *in = ECML_NEW(s->ctx, double, s->n + 1);
	double	   *out = ECML_NEW(s->ctx, double, s->n + 1);
	Cheapest   *lists = ECML_NEW0(s->ctx, Cheapest, 2 * (size_t) s->n + 1);

	for (int v = 0; v < s->n; v++)
		in[v] = out[v] = INFINITY;
	for (int a = 0; a < net->m; a++)
		if (s->all_cost[a] < in[net->to[a]])
			in[net->to[a]] = s->all_cost[a];
	for (int a = 0; a < net->m; a++)
	{
		double		cost = s->all_cost[a] - in[net->to[a]];

		if (cost < out[net->from[a]])
			out[net->from[a]] = cost;
	}
	for (int a = 0; a < net->m; a++)
	{
		double		cost = s->all_cost[a] - in[net->to[a]] - out[net->from[a]];

		offer(&lists[net->from[a]], a, cost);
		offer(&lists[s->n + net->to[a]], a, cost);
	}
	poll(s);
	for (int l = 0; l < 2 * s->n; l++)
		for (int i = 0; i < lists[l].n; i++)
			join(s, lists[l].arc[i]);
	ecml_free(s->ctx, in);
	ecml_free(s->ctx, out);
	ecml_free(s->ctx, lists);
}

/* The least of what arcs outside the tree would cost if all carried nothing. */
ECML_CLONES
static double
least_empty(const int *from, const int *to, const double *cost, const double *potential, int n)
{
	double		least = 0;

#pragma omp simd reduction(min:least)
	for (int a = 0; a < n; a++)
	{
		double		reduced = cost[a] + potential[from[a]] - potential[to[a]];

		least = reduced < least ? reduced : least;
	}
	return least;
}

/* Arcs that pay join the part; false: none does. */
static bool
enlarge(Simplex *s)
{
	const FlowNetwork *net = s->net;
	int			before = s->m;

	if (s->joined == NULL)
		return false;
	for (int begin = 0; begin < net->m; begin += CHUNK)
	{
		int			n = net->m - begin < CHUNK ? net->m - begin : CHUNK;

		s->work += n;
		if (s->work > POLL_WORK)
			poll(s);
		if (least_empty(net->from + begin, net->to + begin, s->all_cost + begin, s->potential, n) >= 0)
			continue;
		for (int a = begin; a < begin + n; a++)
			if (s->all_cost[a] + s->potential[net->from[a]] - s->potential[net->to[a]] < 0)
				join(s, a);
	}
	s->position = before;
	set_block(s);
	return s->m > before;
}

/* ---- the whole */

/* All nodes on the root. */
static void
first_tree(Simplex *s, const double *supply)
{
	Node	   *root = &s->nodes[s->n];

	*root = (Node) {.parent = NONE,.arc = NONE,.size = s->n + 1,.child = NONE,.next = NONE,.previous = NONE};
	s->potential[s->n] = 0;
	for (int v = 0; v < s->n; v++)
	{
		int			arc = v;
		bool		up = supply[v] >= 0;

		s->from[arc] = up ? v : s->n;
		s->to[arc] = up ? s->n : v;
		s->cost[arc] = s->big;
		s->sign[arc] = 0;
		s->nodes[v] = (Node) {.arc = arc,.up = up,.size = 1,.child = NONE,.flow = fabs(supply[v]),.capacity = INFINITY};
		link_node(s->nodes, v, s->n);
		s->potential[v] = up ? -s->big : s->big;
	}
}

/*
 * Nodes that still hang on the root by an arc that must be empty, and is, have potentials as large as its cost.  Any shift of the
 * whole subtree that leaves no arc a reduced cost of the wrong sign is as good: the one that goes furthest to zero.
 */
static void
settle_prices(Simplex *s)
{
	bool	   *inside = ECML_NEW(s->ctx, bool, s->n + 1);
	double		root = s->potential[s->n];

	/* pivots may have shifted the root; it is what prices are measured from */
	for (int v = 0; v <= s->n; v++)
		s->potential[v] -= root;
	for (int v = s->nodes[s->n].child; v != NONE; v = s->nodes[v].next)
	{
		const Node *top = &s->nodes[v];
		double		far = INFINITY;
		double		sign = top->up ? 1 : -1;

		if (top->arc >= s->n || top->flow != 0)
			continue;
		memset(inside, 0, s->n + 1);
		for (int u = v;;)
		{
			inside[u] = true;
			if (s->nodes[u].child != NONE)
			{
				u = s->nodes[u].child;
				continue;
			}
			while (u != v && s->nodes[u].next == NONE)
				u = s->nodes[u].parent;
			if (u == v)
				break;
			u = s->nodes[u].next;
		}
		/* an arc's reduced cost changes by the shift or against it; no other tree arc crosses */
		for (int a = s->n; a < s->m; a++)
		{
			double		change = inside[s->from[a]] ? sign : -sign;

			if (inside[s->from[a]] != inside[s->to[a]] && (s->sign[a] < 0) == (change > 0))
				far = fmin(far, fabs(s->cost[a] + s->potential[s->from[a]] - s->potential[s->to[a]]));
		}
		for (int a = 0; s->joined && a < s->net->m; a++)
		{
			int			from = s->net->from[a];
			int			to = s->net->to[a];

			if (!s->joined[a] && inside[from] != inside[to] && (inside[from] ? sign : -sign) < 0)
				far = fmin(far, s->all_cost[a] + s->potential[from] - s->potential[to]);
		}
		if (far == INFINITY)
			far = fabs(s->potential[v]);
		shift(s, v, NONE, sign * far);
		s->work += s->m + s->net->m;
		if (s->work > POLL_WORK)
			poll(s);
	}
	ecml_free(s->ctx, inside);
}

static void
start(EcmlCtx *ctx, Simplex *s, const FlowNetwork *net)
{
	double		part;

	memset(s, 0, sizeof(*s));
	if (2 * (int64_t) net->n + net->m > INT_MAX - 16)
	{
		ecml_detail(ctx, "There are %d nodes and %d arcs.", net->n, net->m);
		ecml_fail(ctx, ECML_LIMIT_EXCEEDED, "the network is too large");
	}
	s->ctx = ctx;
	s->net = net;
	s->n = net->n;
	s->base = net->n;
	for (int v = 0; v < net->n; v++)
		s->base += net->spill && isfinite(net->spill[v]) && net->supply[v] != 0;
	s->spill = ECML_NEW(ctx, double, s->base - s->n + 1);
	s->potential = ECML_NEW(ctx, double, s->n + 1);
	s->nodes = ECML_NEW(ctx, Node, s->n + 1);
	part = 2.0 * CHEAPEST * net->n;
	if (net->m > DENSE * part)
		s->joined = ECML_NEW0(ctx, uint8_t, net->m);
	else
		part = net->m;
	make_room(s, s->base + (int) part + 1);
}

/* Costs as whole numbers; the factor. */
static double
scale_costs(Simplex *s)
{
	const FlowNetwork *net = s->net;
	int			n = net->m + s->base - s->n;
	double		scale;

	s->all_cost = ECML_NEW(s->ctx, double, n + 1);
	if (net->m > 0)
		memcpy(s->all_cost, net->cost, net->m * sizeof(double));
	for (int v = 0, a = net->m; a < n; v++)
		if (isfinite(net->spill[v]) && net->supply[v] != 0)
			s->all_cost[a++] = net->spill[v];
	scale = flow_scale(s->all_cost, n, flow_greatest(s->all_cost, n), 0x1p50 / (s->n + 2.0));
	flow_round(s->all_cost, n, scale);
	s->big = (flow_greatest(s->all_cost, n) + 1) * (s->n + 1.0);
	return scale;
}

/* Arcs of spills, and the first part of the network's own. */
static void
first_arcs(Simplex *s)
{
	const FlowNetwork *net = s->net;

	s->m = s->n;
	for (int v = 0; s->m < s->base; v++)
		if (isfinite(net->spill[v]) && net->supply[v] != 0)
		{
			s->from[s->m] = net->supply[v] > 0 ? v : s->n;
			s->to[s->m] = net->supply[v] > 0 ? s->n : v;
			s->cost[s->m] = s->all_cost[net->m + s->m - s->n];
			s->sign[s->m] = 1;
			s->m++;
		}
	if (s->joined)
		first_part(s);
	else
		for (int a = 0; a < net->m; a++)
			join(s, a);
	s->position = s->n;
	set_block(s);
}

/* Supplies and capacities beyond the least flows, as whole numbers; the factor. */
static double
scale_quantities(Simplex *s, const FlowNetwork *net, double *supply)
{
	size_t		n = s->n + (size_t) net->m * ((net->lower != NULL) + (net->upper != NULL));
	double	   *all = ECML_NEW(s->ctx, double, n + 1);
	double	   *lower = all + s->n;
	double	   *upper = net->lower ? lower + net->m : lower;
	double		scale;

	s->quantities = all;
	if (s->n > 0)
		memcpy(all, net->supply, s->n * sizeof(double));
	if (net->lower && net->m > 0)
		memcpy(lower, net->lower, net->m * sizeof(double));
	if (net->upper && net->m > 0)
		memcpy(upper, net->upper, net->m * sizeof(double));
	scale = flow_scale(all, n, flow_greatest(all, n), 0x1p50 / (s->n + 2.0 + (net->lower ? net->m : 0)));
	for (int v = 0, i = 0; v < s->n; v++)
	{
		supply[v] = rint(all[v] * scale);
		if (net->spill && isfinite(net->spill[v]) && net->supply[v] != 0)
			s->spill[i++] = fabs(supply[v]);
	}
	if (net->upper)
	{
		for (int a = 0; a < net->m; a++)
		{
			double		least = net->lower ? rint(lower[a] * scale) : 0;

			upper[a] = fmax(rint(upper[a] * scale) - least, 0);
		}
		s->upper = upper;
	}
	for (int a = 0; net->lower && a < net->m; a++)
	{
		double		least = rint(lower[a] * scale);

		/* what must flow is taken from the one end and given to the other; the arc may carry the rest */
		lower[a] = least;
		supply[net->from[a]] -= least;
		supply[net->to[a]] += least;
	}
	return scale;
}

/* Solvers of many networks, one after another, must not gather their memory. */
static void
release(Simplex *s, double *supply)
{
	ecml_free(s->ctx, s->from);
	ecml_free(s->ctx, s->to);
	ecml_free(s->ctx, s->cost);
	ecml_free(s->ctx, s->sign);
	ecml_free(s->ctx, s->real);
	ecml_free(s->ctx, s->all_cost);
	if (s->joined)
		ecml_free(s->ctx, s->joined);
	ecml_free(s->ctx, s->spill);
	ecml_free(s->ctx, s->potential);
	ecml_free(s->ctx, s->nodes);
	ecml_free(s->ctx, s->quantities);
	ecml_free(s->ctx, supply);
}

/* What arcs carry, from the tree and the arcs that are full. */
static void
collect_flows(const Simplex *s, double scale, FlowResult *result)
{
	/* rounded quantities need not add up: a unit a node is not told from none */
	double		rounding = scale == 1 || log2(scale) != rint(log2(scale)) ? 0 : s->n;
	double		missing = 0;

	for (int a = s->n; a < s->m; a++)
		if (s->sign[a] < 0 && a >= s->base)
			result->flow[s->real[a]] = s->upper[s->real[a]];
		else if (s->sign[a] < 0)
			result->excess[s->from[a] == s->n ? s->to[a] : s->from[a]] += s->from[a] == s->n ? -s->spill[a - s->n] : s->spill[a - s->n];
	for (int v = 0; v < s->n; v++)
	{
		const Node *node = &s->nodes[v];
		int			other = s->from[node->arc] == s->n ? s->to[node->arc] : s->from[node->arc];

		if (node->arc >= s->base)
			result->flow[s->real[node->arc]] = node->flow;
		else
			result->excess[other] += s->from[node->arc] == s->n ? -node->flow : node->flow;
		if (node->arc < s->n)
			missing += node->flow;
	}
	if (missing > rounding)
		result->status = FLOW_INFEASIBLE;
}

void
flow_solve(EcmlCtx *ctx, const FlowNetwork *net, FlowResult *result)
{
	Simplex		s;
	double	   *supply;
	double		cost_scale;
	double		scale;
	int			entering;

	start(ctx, &s, net);
	supply = ECML_NEW(ctx, double, s.n + 1);
	cost_scale = scale_costs(&s);
	scale = scale_quantities(&s, net, supply);
	memset(result, 0, sizeof(*result));
	result->flow = ECML_NEW0(ctx, double, net->m + 1);
	result->price = ECML_NEW(ctx, double, s.n + 1);
	result->excess = ECML_NEW0(ctx, double, s.n + 1);
	first_tree(&s, supply);
	first_arcs(&s);
	do
		while ((entering = choose_entering(&s)) != NONE)
		{
			if (!pivot(&s, entering))
			{
				result->status = FLOW_UNBOUNDED;
				result->arc = entering >= s.base ? s.real[entering] : NONE;
				return;
			}
			s.work += PIVOT_WORK;
			if (s.work > POLL_WORK)
				poll(&s);
		}
	while (enlarge(&s));
	settle_prices(&s);
	result->pivots = s.pivots;
	collect_flows(&s, scale, result);
	for (int v = 0; v < s.n; v++)
	{
		result->price[v] = s.potential[v] / cost_scale;
		result->excess[v] /= scale;
		if (net->spill && isfinite(net->spill[v]))
			result->cost += fabs(result->excess[v]) * net->spill[v];
	}
	for (int a = 0; a < net->m; a++)
	{
		if (net->lower)
			result->flow[a] += rint(net->lower[a] * scale);
		result->flow[a] /= scale;
		result->cost += result->flow[a] * net->cost[a];
	}
	release(&s, supply);
}
