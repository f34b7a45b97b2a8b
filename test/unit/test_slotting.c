/*
 * test_slotting.c - slots of a warehouse: small cases against all permutations, the parts of the cost against sums of their own,
 * assignments with an order against those without
 */
#include "host.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "route/assign.h"
#include "route/slotting.h"

#define MOST 64

typedef struct Case
{
	SlottingProblem problem;
	double		demand[MOST];
	double		reach[MOST];
	double		size[MOST];
	double		capacity[MOST];
	double		x[MOST];
	double		y[MOST];
	int			slot[MOST];
	int			present[MOST];
	bool		locked[MOST];
	int			first[MOST * 8];
	int			second[MOST * 8];
	double		weight[MOST * 8];
} Case;

enum
{
	SIZES = 1, PAIRS = 2, MOVES = 4, LOCKED = 8, SHARED = 16
};

static void
make(EcmlCtx *ctx, Case *c, int n, int m, int kind, SlottingSpace space)
{
	SlottingProblem *p = &c->problem;

	memset(c, 0, sizeof(*c));
	*p = (SlottingProblem) {.n = n,.m = m,.demand = c->demand,.reach = c->reach,.slot = c->slot,.space = space,.x = c->x,.y = c->y,.length = 12,
		.first = c->first,.second = c->second,.weight = c->weight};
	for (int i = 0; i < n; i++)
	{
		c->demand[i] = ecml_rng_below(&ctx->rng, 20);
		c->size[i] = 1 + ecml_rng_below(&ctx->rng, 5);
		c->present[i] = (i * 5 + 1) % (kind & SHARED ? m / 2 : m);
	}
	for (int j = 0; j < m; j++)
	{
		int			at = kind & SHARED ? j / 2 : j;

		c->x[j] = at % 3 * 4;
		c->y[j] = at / 3 * 2;
		c->reach[j] = c->x[j] + c->y[j] + 1;
		c->capacity[j] = kind & SHARED && j % 2 == 1 ? c->capacity[j - 1] : 2 + ecml_rng_below(&ctx->rng, 5);
		c->slot[j] = kind & SHARED ? j / 2 : j;
	}
	if (kind & SIZES)
	{
		p->size = c->size;
		p->capacity = c->capacity;
	}
	if (kind & (MOVES | LOCKED))
		p->present = c->present;
	if (kind & MOVES)
		p->move_cost = 30;
	if (kind & LOCKED)
	{
		p->locked = c->locked;
		c->locked[2] = true;
	}
	for (int i = 0; i < n && kind & PAIRS; i++)
		for (int j = i + 1; j < n; j++)
			if ((i + j) % 3 == 0 && p->npairs < MOST * 8)
			{
				c->first[p->npairs] = i;
				c->second[p->npairs] = j;
				c->weight[p->npairs++] = 1 + ecml_rng_below(&ctx->rng, 9);
			}
}

/* A distance of its own making. */
static double
apart(const SlottingProblem *p, int a, int b)
{
	double		dx = p->x[a] - p->x[b];
	double		dy = p->y[a] - p->y[b];

	if (p->slot[a] == p->slot[b])
		return 0;
	if (p->space == SLOTTING_LINE)
		return fabs(p->reach[a] - p->reach[b]);
	if (p->space == SLOTTING_EUCLIDEAN)
		return hypot(dx, dy);
	if (p->space == SLOTTING_MANHATTAN || dx == 0)
		return fabs(dx) + fabs(dy);
	return fabs(dx) + fmin(p->y[a] + p->y[b], 2 * p->length - p->y[a] - p->y[b]);
}

static double
price(const SlottingProblem *p, const int *place)
{
	double		cost = 0;

	for (int i = 0; i < p->n; i++)
		if (place[i] >= 0)
			cost += p->demand[i] * p->reach[place[i]] + (p->move_cost > 0 && p->slot[place[i]] != p->present[i] ? p->move_cost : 0);
	for (int k = 0; k < p->npairs; k++)
		if (place[p->first[k]] >= 0 && place[p->second[k]] >= 0)
			cost += p->weight[k] * apart(p, place[p->first[k]], place[p->second[k]]);
	return cost;
}

static bool
allowed(const SlottingProblem *p, int item, int place)
{
	if (p->locked && p->locked[item])
		return p->slot[place] == p->present[item];
	return !p->size || p->size[item] <= p->capacity[place];
}

/* The least cost of all plans that place every item. */
static double
brute(const SlottingProblem *p, int *place, unsigned taken, int item)
{
	double		best = INFINITY;

	if (item == p->n)
		return price(p, place);
	for (int j = 0; j < p->m; j++)
		if (!(taken >> j & 1) && allowed(p, item, j))
		{
			place[item] = j;
			best = fmin(best, brute(p, place, taken | 1u << j, item + 1));
		}
	place[item] = -1;
	return best;
}

static const char *
check(const SlottingProblem *p, const SlottingResult *r)
{
	bool		taken[MOST] = {false};
	double		sum = 0;
	int			unplaced = 0;

	for (int i = 0; i < p->n; i++)
	{
		int			at = r->place_of[i];

		if (at < 0)
		{
			unplaced++;
			continue;
		}
		if (at >= p->m || taken[at])
			return "a place is taken twice";
		taken[at] = true;
		if (!allowed(p, i, at))
			return "an item lies where it may not";
		sum += r->cost_of[i];
	}
	if (unplaced != r->unplaced)
		return "the number left out is wrong";
	if (fabs(sum - r->cost) > 1e-9 * (1 + r->cost))
		return "the items' costs do not add up";
	if (fabs(price(p, r->place_of) - r->cost) > 1e-9 * (1 + r->cost))
		return "the cost is wrong";
	return r->bound <= r->cost + 1e-9 ? NULL : "the bound is above the cost";
}

static void
test_small(void)
{
	static const struct
	{
		const char *name;
		int			kind;
		bool		exact;
	}			kinds[] = {
		{"demand alone", 0, true}, {"sizes", SIZES, true}, {"moves", MOVES, true}, {"sizes, moves and a locked one", SIZES | MOVES | LOCKED, true},
		{"pairs", PAIRS, false}, {"pairs and sizes", PAIRS | SIZES, false}, {"pairs and shared slots", PAIRS | SHARED, false},
		{"all of it", PAIRS | SIZES | MOVES | LOCKED | SHARED, false}
	};

	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++)
	{
		int			found = 0;
		int			tried = 0;
		const char *wrong = NULL;

		for (int run = 0; run < 16 && !wrong; run++)
		{
			EcmlCtx    *ctx = test_ctx(1, run + 1);
			Case	   *c = malloc(sizeof(Case));
			SlottingParams params = SLOTTING_DEFAULTS;
			SlottingResult r;
			int			place[MOST];
			double		least;

			params.moves = 20000;
			make(ctx, c, 6, run % 2 ? 6 : 8, kinds[k].kind, (SlottingSpace) (run % 4));
			least = brute(&c->problem, place, 0, 0);
			slotting_solve(ctx, &c->problem, &params, &r);
			wrong = check(&c->problem, &r);
			if (isfinite(least) && !wrong)
			{
				tried++;
				found += fabs(r.cost - least) <= 1e-9 * (1 + least);
				if (r.cost < least - 1e-9 * (1 + least) || r.unplaced > 0)
					wrong = "it is better than all plans, or leaves items out without need";
				if (r.bound > least + 1e-9 * (1 + least))
					wrong = "the bound is above the best plan";
			}
			free(c);
			test_ctx_free(ctx);
		}
		ok(!wrong, "%s: %s", kinds[k].name, wrong ? wrong : "plans hold");
		ok(tried > 3 && found >= (kinds[k].exact ? tried : tried - 1), "%s: the best of all plans (%d of %d)", kinds[k].name, found, tried);
	}
}

/* Too few places: as few as can be stay out, those of the least demand. */
static void
test_short(void)
{
	EcmlCtx    *ctx = test_ctx(1, 3);
	Case	   *c = malloc(sizeof(Case));
	SlottingParams params = SLOTTING_DEFAULTS;
	SlottingResult r;
	double		out = 0;
	double		in = INFINITY;

	make(ctx, c, 10, 7, 0, SLOTTING_LINE);
	slotting_solve(ctx, &c->problem, &params, &r);
	for (int i = 0; i < 10; i++)
		if (r.place_of[i] < 0)
			out = fmax(out, c->demand[i]);
		else
			in = fmin(in, c->demand[i]);
	ok(r.unplaced == 3 && out <= in, "ten items, seven places: the slowest stay out");
	/* one that fits nowhere, and two for one large place */
	c->problem.m = 10;
	c->problem.size = c->size;
	c->problem.capacity = c->capacity;
	for (int i = 0; i < 10; i++)
	{
		c->size[i] = 1;
		c->capacity[i] = 2;
		c->demand[i] = 5;
		c->slot[i] = i;
		c->reach[i] = i + 1;
	}
	c->size[4] = 9;
	c->size[5] = c->size[6] = 3;
	c->capacity[9] = 3;
	c->demand[6] = 8;
	slotting_solve(ctx, &c->problem, &params, &r);
	ok(r.unplaced == 2 && r.place_of[4] < 0 && r.place_of[5] < 0 && r.place_of[6] == 9, "what fits nowhere stays out, and the slower of two");
	c->problem.n = 0;
	slotting_solve(ctx, &c->problem, &params, &r);
	ok(r.unplaced == 0 && r.cost == 0, "no items");
	c->problem.n = 3;
	c->problem.m = 0;
	slotting_solve(ctx, &c->problem, &params, &r);
	ok(r.unplaced == 3 && r.cost == 0, "no places");
	free(c);
	test_ctx_free(ctx);
}

/* Costs with an order start otherwise than others: the optimum is the same, and the prices prove it. */
static void
test_ordered(void)
{
	for (int which = 0; which < 4; which++)
	{
		EcmlCtx    *ctx = test_ctx(1, which + 1);
		int			n = 97;
		size_t		stride = assign_stride(n);
		double	   *cost = ECML_NEW(ctx, double, n * stride);
		double	   *given = ECML_NEW(ctx, double, n * stride);
		AssignResult r;
		double		dual = 0;
		double		worst = 0;
		bool		taken[97] = {false};
		bool		each = true;
		double		diagonal = 0;

		for (int i = 0; i < n; i++)
			for (size_t j = 0; j < stride; j++)
			{
				double		a = (i * 31 % n) + 1;
				double		b = (double) (j * 53 % n) + 1;

				cost[i * stride + j] = j >= (size_t) n ? INFINITY : which == 0 ? a * b : which == 1 ? fabs(a - b) * 3 :
					which == 2 ? a * b + (double) ecml_rng_below(&ctx->rng, 60) : (i + j) % 11 == 0 && i != (int) j ? INFINITY : a * b;
				given[i * stride + j] = cost[i * stride + j];
			}
		assign_solve(ctx, n, n, cost, &r);
		for (int i = 0; i < n; i++)
		{
			each = each && r.column_of[i] >= 0 && !taken[r.column_of[i]];
			taken[r.column_of[i]] = true;
			dual += r.row_price[i] + r.column_price[i];
			diagonal += (i + 1.0) * (n - i);
			for (int j = 0; j < n; j++)
				worst = fmax(worst, r.row_price[i] + r.column_price[j] - given[i * stride + j]);
		}
		ok(r.feasible && each && worst <= 1e-6, "ordered costs %d: each once, and no pair's prices exceed its cost", which);
		close_to(dual, r.cost, 1e-12, "ordered costs %d: prices add up to the cost", which);
		if (which < 2)
			close_to(r.cost, which == 0 ? diagonal : 0, 1e-12, "ordered costs %d: the known optimum", which);
		test_ctx_free(ctx);
	}
}

static int
attempt(int kind, long fail_after, long cancel_after)
{
	EcmlCtx    *ctx = test_ctx(1, 5);
	Case	   *volatile c = malloc(sizeof(Case));
	SlottingParams params = SLOTTING_DEFAULTS;
	volatile int result = -1;

	params.moves = 100000;
	make(ctx, c, 20, 30, kind, SLOTTING_MANHATTAN);
	test_host(ctx)->fail_after = fail_after;
	test_host(ctx)->cancel_after = cancel_after;
	if (TRY(ctx))
	{
		SlottingResult r;

		slotting_solve(ctx, &c->problem, &params, &r);
	}
	else
		result = test_host(ctx)->cancelled ? 1000 : (int) test_host(ctx)->status;
	free(c);
	test_ctx_free(ctx);
	return result;
}

static void
test_failures(void)
{
	int			failures = 0;
	int			cancels = 0;

	for (long after = 0; after < 30; after++)
	{
		failures += attempt(PAIRS | SIZES, after, -1) == ECML_OUT_OF_MEMORY;
		cancels += attempt(PAIRS | SIZES, -1, after) == 1000;
	}
	ok(failures > 15, "%d allocations that fail are errors", failures);
	ok(cancels > 5, "%d polls that cancel are heard", cancels);
	ok(attempt(PAIRS | SIZES, -1, -1) == -1, "and else there is none");
}

/* The same seed, the same plan; more moves, none that is worse than the start. */
static void
test_seed(void)
{
	EcmlCtx    *ctx = test_ctx(1, 7);
	Case	   *c = malloc(sizeof(Case));
	SlottingParams params = SLOTTING_DEFAULTS;
	SlottingResult r[3];

	make(ctx, c, 40, 50, PAIRS, SLOTTING_AISLES);
	params.seed = 11;
	slotting_solve(ctx, &c->problem, &params, &r[0]);
	slotting_solve(ctx, &c->problem, &params, &r[1]);
	params.moves = 0;
	slotting_solve(ctx, &c->problem, &params, &r[2]);
	ok(memcmp(r[0].place_of, r[1].place_of, 40 * sizeof(int)) == 0, "the same seed, the same plan");
	ok(r[0].cost <= r[2].cost, "annealing makes it no worse than descent alone (%g, %g)", r[0].cost, r[2].cost);
	free(c);
	test_ctx_free(ctx);
}

int
main(void)
{
	test_small();
	test_short();
	test_ordered();
	test_seed();
	test_failures();
	return done();
}
