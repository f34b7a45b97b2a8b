/*
 * test_flow.c - network simplex and assignment: against brute force, successive shortest paths written plainly, and their duals
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"
#include "route/assign.h"
#include "route/flow.h"

/* ---- the plain way: Bellman-Ford augmentation on the residual network, after saturating arcs of negative cost */

typedef struct Plain
{
	int			n;
	int			m;
	int			from[600];
	int			to[600];
	double		cap[600];
	double		cost[600];
	double		flow[600];
} Plain;

static void
plain_arc(Plain *p, int from, int to, double cap, double cost)
{
	p->from[p->m] = from;
	p->to[p->m] = to;
	p->cap[p->m] = cap;
	p->cost[p->m] = cost;
	p->flow[p->m++] = 0;
}

/* Least cost from s to t of as much flow as can go; the amount in *amount. */
static double
plain_flow(Plain *p, int s, int t, double *amount)
{
	double		total = 0;

	*amount = 0;
	for (;;)
	{
		double		dist[128];
		int			by[128];
		bool		changed = true;
		double		push = INFINITY;

		for (int v = 0; v < p->n; v++)
			dist[v] = INFINITY;
		dist[s] = 0;
		while (changed)
		{
			changed = false;
			for (int a = 0; a < p->m; a++)
			{
				if (p->flow[a] < p->cap[a] - 1e-12 && dist[p->from[a]] + p->cost[a] < dist[p->to[a]] - 1e-9)
				{
					dist[p->to[a]] = dist[p->from[a]] + p->cost[a];
					by[p->to[a]] = a;
					changed = true;
				}
				if (p->flow[a] > 1e-12 && dist[p->to[a]] - p->cost[a] < dist[p->from[a]] - 1e-9)
				{
					dist[p->from[a]] = dist[p->to[a]] - p->cost[a];
					by[p->from[a]] = ~a;
					changed = true;
				}
			}
		}
		if (isinf(dist[t]))
			return total;
		for (int v = t; v != s;)
		{
			int			a = by[v] >= 0 ? by[v] : ~by[v];

			push = fmin(push, by[v] >= 0 ? p->cap[a] - p->flow[a] : p->flow[a]);
			v = by[v] >= 0 ? p->from[a] : p->to[a];
		}
		for (int v = t; v != s;)
		{
			int			a = by[v] >= 0 ? by[v] : ~by[v];

			p->flow[a] += by[v] >= 0 ? push : -push;
			v = by[v] >= 0 ? p->from[a] : p->to[a];
		}
		total += push * dist[t];
		*amount += push;
	}
}

typedef struct Instance
{
	FlowNetwork net;
	int			from[400];
	int			to[400];
	double		cost[400];
	double		lower[400];
	double		upper[400];
	double		supply[64];
	double		spill[64];
} Instance;

/* Is a result feasible and, by its prices, optimal? */
static bool
proves(const FlowNetwork *net, const FlowResult *r)
{
	double		balance[256] = {0};
	double		big = 1;
	double		tol;

	for (int a = 0; a < net->m; a++)
		big = fmax(big, fabs(net->cost[a]));
	tol = 1e-9 * big;
	for (int v = 0; v < net->n; v++)
		balance[v] = net->supply[v] - r->excess[v];
	for (int a = 0; a < net->m; a++)
	{
		double		lower = net->lower ? net->lower[a] : 0;
		double		upper = net->upper ? net->upper[a] : INFINITY;
		double		reduced = net->cost[a] + r->price[net->from[a]] - r->price[net->to[a]];

		if (r->flow[a] < lower - 1e-9 || r->flow[a] > upper + 1e-9)
			return false;
		if ((r->flow[a] > lower + 1e-9 && reduced > tol) || (r->flow[a] < upper - 1e-9 && reduced < -tol))
			return false;
		balance[net->from[a]] -= r->flow[a];
		balance[net->to[a]] += r->flow[a];
	}
	for (int v = 0; v < net->n; v++)
	{
		if (fabs(balance[v]) > 1e-7)
			return false;
		/* what is left or missing is worth its spill cost */
		if (net->spill && isfinite(net->spill[v]) && net->supply[v] > 0 && r->excess[v] > 1e-9 &&
			r->excess[v] < net->supply[v] - 1e-9 && fabs(-r->price[v] - net->spill[v]) > tol)
			return false;
		if (r->excess[v] != 0 && (!net->spill || isinf(net->spill[v])) && fabs(r->excess[v]) > 1e-7)
			return false;
	}
	return true;
}

static void
random_instance(Instance *x, EcmlRng *rng, bool bounds, bool whole, bool negative)
{
	int			n = 3 + (int) ecml_rng_below(rng, 20);
	int			m = n + (int) ecml_rng_below(rng, 6 * n);
	double		unit = whole ? 1 : 0.37 + ecml_rng_double(rng);
	double		sum = 0;

	for (int a = 0; a < m; a++)
	{
		x->from[a] = (int) ecml_rng_below(rng, n);
		x->to[a] = (x->from[a] + 1 + (int) ecml_rng_below(rng, n - 1)) % n;
		x->cost[a] = whole ? (double) ecml_rng_below(rng, 20) : ecml_rng_double(rng) * 20;
		if (negative && ecml_rng_below(rng, 4) == 0)
			x->cost[a] = -x->cost[a];
		x->lower[a] = bounds && ecml_rng_below(rng, 5) == 0 ? unit * ecml_rng_below(rng, 3) : 0;
		x->upper[a] = x->lower[a] + unit * (1 + (double) ecml_rng_below(rng, 12));
	}
	for (int v = 0; v < n; v++)
	{
		x->supply[v] = v == n - 1 ? -sum : unit * ((double) ecml_rng_below(rng, 11) - 5);
		if (v == n - 1 && ecml_rng_below(rng, 2))
			x->supply[v] += unit * 3;
		sum += x->supply[v];
		x->spill[v] = ecml_rng_below(rng, 3) == 0 ? INFINITY : 5.0 * ecml_rng_below(rng, 30);
	}
	x->net = (FlowNetwork) {n, m, x->from, x->to, x->cost, bounds ? x->lower : NULL, x->upper, x->supply, x->spill};
}

/* The same by the plain way: the least cost, INFINITY when there is no flow. */
static double
plain_answer(const Instance *x)
{
	Plain		p = {.n = x->net.n + 3};
	int			s = x->net.n;
	int			t = s + 1;
	int			root = s + 2;
	double		wanted = 0;
	double		fixed = 0;
	double		got;
	double		need[64];
	double		cost;
	double		total = 0;

	for (int v = 0; v < x->net.n; v++)
	{
		need[v] = x->supply[v];
		total += x->supply[v];
		if (x->supply[v] != 0 && isfinite(x->spill[v]))
			plain_arc(&p, x->supply[v] > 0 ? v : root, x->supply[v] > 0 ? root : v, fabs(x->supply[v]), x->spill[v]);
	}
	for (int a = 0; a < x->net.m; a++)
	{
		double		lower = x->net.lower ? x->lower[a] : 0;
		double		room = x->upper[a] - lower;

		need[x->from[a]] -= lower;
		need[x->to[a]] += lower;
		fixed += lower * x->cost[a];
		if (x->cost[a] >= 0)
			plain_arc(&p, x->from[a], x->to[a], room, x->cost[a]);
		else
		{
			/* full at first; giving back is what costs */
			need[x->from[a]] -= room;
			need[x->to[a]] += room;
			fixed += room * x->cost[a];
			plain_arc(&p, x->to[a], x->from[a], room, -x->cost[a]);
		}
	}
	for (int v = 0; v < x->net.n; v++)
	{
		if (need[v] > 0)
			plain_arc(&p, s, v, need[v], 0);
		else if (need[v] < 0)
			plain_arc(&p, v, t, -need[v], 0);
		wanted += need[v] > 0 ? need[v] : 0;
	}
	if (total < 0)
		plain_arc(&p, s, root, -total, 0);
	else if (total > 0)
		plain_arc(&p, root, t, total, 0);
	wanted += total < 0 ? -total : 0;
	cost = plain_flow(&p, s, t, &got);
	return got < wanted - 1e-7 ? INFINITY : cost + fixed;
}

static void
test_networks(void)
{
	EcmlRng		rng;
	int			wrong = 0;
	int			unproved = 0;
	int			infeasible = 0;

	ecml_rng_seed(&rng, 11);
	for (int i = 0; i < 1500; i++)
	{
		EcmlCtx    *ctx = test_ctx(1, 1);
		Instance	x;
		FlowResult	r;
		double		want;

		random_instance(&x, &rng, i % 3 == 0, i % 2 == 0, i % 5 == 0);
		want = plain_answer(&x);
		flow_solve(ctx, &x.net, &r);
		if (isinf(want) != (r.status == FLOW_INFEASIBLE))
			wrong++;
		else if (isinf(want))
			infeasible++;
		else
		{
			wrong += fabs(r.cost - want) > 1e-7 * (1 + fabs(want));
			unproved += !proves(&x.net, &r);
		}
		test_ctx_free(ctx);
	}
	ok(wrong == 0, "1,500 random networks cost what successive shortest paths say (%d wrong)", wrong);
	ok(unproved == 0, "their prices prove it (%d do not)", unproved);
	ok(infeasible > 100 && infeasible < 1200, "%d of them have no flow", infeasible);
}

static void
test_small_networks(void)
{
	EcmlCtx    *ctx = test_ctx(1, 1);
	int			from[] = {0, 1, 2, 0};
	int			to[] = {1, 2, 0, 2};
	double		cost[] = {-1, -1, 1, 5};
	double		supply[] = {0, 0, 0};
	FlowNetwork net = {3, 4, from, to, cost, NULL, NULL, supply, NULL};
	FlowNetwork empty = {0, 0, NULL, NULL, NULL, NULL, NULL, supply, NULL};
	FlowResult	r;

	flow_solve(ctx, &net, &r);
	ok(r.status == FLOW_UNBOUNDED && r.arc >= 0 && r.arc < 3, "a cycle of negative cost is found");
	cost[2] = 2;
	flow_solve(ctx, &net, &r);
	ok(r.status == FLOW_OPTIMAL && r.cost == 0, "one of cost 0 is none");
	flow_solve(ctx, &empty, &r);
	ok(r.status == FLOW_OPTIMAL && r.cost == 0, "no nodes");
	supply[0] = 0.1 + 0.2;
	supply[1] = -0.3;
	net.m = 1;
	flow_solve(ctx, &net, &r);
	ok(r.status == FLOW_OPTIMAL, "0.1 + 0.2 supplies 0.3");
	close_to(r.flow[0], 0.3, 1e-12, "all of it");
	test_ctx_free(ctx);
}

/* Networks with so many arcs that not all take part from the start: the proof is over all of them. */
static void
test_dense_networks(void)
{
	enum {N = 150, M = N * (N - 1)};
	EcmlRng		rng;
	int			unproved = 0;
	int			unlike = 0;
	int			infeasible = 0;
	int			unbounded = 0;

	ecml_rng_seed(&rng, 12);
	for (int kind = 0; kind < 12; kind++)
	{
		EcmlCtx    *ctx = test_ctx(1, 1);
		int		   *from = ECML_NEW(ctx, int, M);
		int		   *to = ECML_NEW(ctx, int, M);
		double	   *cost = ECML_NEW(ctx, double, M);
		double	   *lower = ECML_NEW0(ctx, double, M);
		double	   *upper = ECML_NEW(ctx, double, M);
		double		supply[N];
		double		spill[N];
		double		sum = 0;
		double		same;
		FlowNetwork net = {N, M, from, to, cost, kind % 3 == 1 ? lower : NULL, upper, supply, kind % 4 == 3 ? NULL : spill};
		FlowResult	r;

		for (int a = 0; a < M; a++)
		{
			from[a] = a / (N - 1);
			to[a] = (from[a] + 1 + a % (N - 1)) % N;
			cost[a] = (double) ecml_rng_below(&rng, 1000) - (kind % 2 ? 100 : 0);
			lower[a] = ecml_rng_below(&rng, 200) == 0;
			upper[a] = 1 + (double) ecml_rng_below(&rng, 4);
		}
		for (int v = 0; v < N; v++)
		{
			supply[v] = v == N - 1 ? -sum : (double) ecml_rng_below(&rng, 101) - 50;
			sum += supply[v];
			spill[v] = ecml_rng_below(&rng, 3) == 0 ? INFINITY : 300.0 * ecml_rng_below(&rng, 9);
		}
		if (kind == 11)
			/* more than its arcs can take away, and nowhere to leave it */
			supply[0] += 10000;
		if (kind == 9)
			for (int a = 0; a < M; a++)
				upper[a] = INFINITY;
		flow_solve(ctx, &net, &r);
		infeasible += r.status == FLOW_INFEASIBLE;
		unbounded += r.status == FLOW_UNBOUNDED;
		if (r.status == FLOW_OPTIMAL)
		{
			unproved += !proves(&net, &r);
			/* arcs in another order */
			same = r.cost;
			for (int a = 0; a < M / 2; a++)
			{
				int			b = M - 1 - a;
				int			f = from[a], t = to[a];
				double		c = cost[a], l = lower[a], u = upper[a];

				from[a] = from[b], to[a] = to[b], cost[a] = cost[b], lower[a] = lower[b], upper[a] = upper[b];
				from[b] = f, to[b] = t, cost[b] = c, lower[b] = l, upper[b] = u;
			}
			flow_solve(ctx, &net, &r);
			unlike += r.cost != same;
		}
		test_ctx_free(ctx);
	}
	ok(unproved == 0 && unlike == 0, "dense networks are proved (%d are not), in any order of arcs (%d differ)", unproved, unlike);
	ok(infeasible >= 1 && infeasible <= 3 && unbounded == 1, "%d have no flow, %d no bound", infeasible, unbounded);
}

/* ---- assignment */

static double
best_permutation(const double *cost, size_t stride, int n, int m, int row, unsigned taken)
{
	double		best = INFINITY;

	if (row == n)
		return 0;
	for (int j = 0; j < m; j++)
		if (!(taken & 1u << j) && isfinite(cost[row * stride + j]))
			best = fmin(best, cost[row * stride + j] + best_permutation(cost, stride, n, m, row + 1, taken | 1u << j));
	return best;
}

static void
fill(double *cost, int n, int m, EcmlRng *rng, int kind)
{
	size_t		stride = assign_stride(m);

	for (int i = 0; i < n; i++)
		for (size_t j = 0; j < stride; j++)
		{
			double		x = kind == 0 ? ecml_rng_double(rng) : kind == 1 ? (double) ecml_rng_below(rng, 5) :
				kind == 2 ? (double) ecml_rng_below(rng, 1000) / 100 - 3 : kind == 3 ? (i + 1.0) * (j + 1.0) : 7;

			cost[i * stride + j] = j >= (size_t) m || (kind < 3 && ecml_rng_below(rng, 6) == 0) ? INFINITY : x;
		}
}

static bool
assignment_proves(const double *cost, int n, int m, const AssignResult *r)
{
	size_t		stride = assign_stride(m);

	for (int i = 0; i < n; i++)
		for (int j = 0; j < m; j++)
		{
			double		reduced = cost[i * stride + j] - r->row_price[i] - r->column_price[j];

			if (reduced < -1e-9 || (r->column_of[i] == j && fabs(reduced) > 1e-9))
				return false;
		}
	for (int j = 0; j < m; j++)
		if (r->column_price[j] > 1e-12)
		{
			/* only a square matrix has prices above 0, and all its columns are assigned */
			if (n != m)
				return false;
		}
	return true;
}

static void
test_assignment(void)
{
	EcmlRng		rng;
	int			wrong = 0;
	int			unproved = 0;
	int			impossible = 0;

	ecml_rng_seed(&rng, 5);
	for (int t = 0; t < 1500; t++)
	{
		EcmlCtx    *ctx = test_ctx(1, 1);
		int			n = 1 + (int) ecml_rng_below(&rng, 6);
		int			m = n + (int) (t % 2 ? ecml_rng_below(&rng, 3) : 0);
		size_t		stride = assign_stride(m);
		double	   *cost = ECML_NEW(ctx, double, n * stride);
		double	   *copy = ECML_NEW(ctx, double, n * stride);
		AssignResult r;
		double		want;

		fill(cost, n, m, &rng, t % 5);
		memcpy(copy, cost, n * stride * sizeof(double));
		want = best_permutation(cost, stride, n, m, 0, 0);
		assign_solve(ctx, n, m, cost, &r);
		if (isinf(want) == r.feasible)
			wrong++;
		else if (!r.feasible)
			impossible += r.stuck >= 0 && r.stuck < n;
		else
		{
			wrong += fabs(r.cost - want) > 1e-9;
			unproved += !assignment_proves(copy, n, m, &r);
		}
		test_ctx_free(ctx);
	}
	ok(wrong == 0, "1,500 small assignments cost what all permutations say (%d wrong)", wrong);
	ok(unproved == 0, "their prices prove it (%d do not)", unproved);
	ok(impossible > 20, "%d are impossible", impossible);
	for (int kind = 0; kind < 5; kind++)
	{
		EcmlCtx    *ctx = test_ctx(1, 1);
		int			n = 150;
		int			m = kind == 2 ? 190 : 150;
		size_t		stride = assign_stride(m);
		double	   *cost = ECML_NEW(ctx, double, n * stride);
		double	   *copy = ECML_NEW(ctx, double, n * stride);
		AssignResult r;

		fill(cost, n, m, &rng, kind);
		memcpy(copy, cost, n * stride * sizeof(double));
		assign_solve(ctx, n, m, cost, &r);
		ok(r.feasible && assignment_proves(copy, n, m, &r), "150 rows, costs of kind %d: proved", kind);
		test_ctx_free(ctx);
	}
}

/* ---- assignment and transport are one problem */

static void
test_same(void)
{
	EcmlCtx    *ctx = test_ctx(1, 1);
	int			n = 60;
	size_t		stride = assign_stride(n);
	double	   *cost = ECML_NEW(ctx, double, n * stride);
	double	   *arcs = ECML_NEW(ctx, double, n * n);
	int		   *from = ECML_NEW(ctx, int, n * n);
	int		   *to = ECML_NEW(ctx, int, n * n);
	double	   *supply = ECML_NEW(ctx, double, 2 * n);
	FlowNetwork net = {2 * n, n * n, from, to, arcs, NULL, NULL, supply, NULL};
	FlowResult	flow;
	AssignResult r;
	EcmlRng		rng;

	ecml_rng_seed(&rng, 3);
	for (int i = 0; i < n; i++)
	{
		supply[i] = 1;
		supply[n + i] = -1;
		for (size_t j = 0; j < stride; j++)
			cost[i * stride + j] = j < (size_t) n ? ecml_rng_double(&rng) : INFINITY;
		for (int j = 0; j < n; j++)
		{
			from[i * n + j] = i;
			to[i * n + j] = n + j;
			arcs[i * n + j] = cost[i * stride + j];
		}
	}
	assign_solve(ctx, n, n, cost, &r);
	flow_solve(ctx, &net, &flow);
	close_to(flow.cost, r.cost, 1e-12, "assignment as a flow costs the same");
	test_ctx_free(ctx);
}

/* ---- failing memory, cancels */

static void
solve_some(EcmlCtx *ctx)
{
	EcmlRng		rng;
	Instance	x;
	FlowResult	r;
	AssignResult a;
	double	   *cost;

	ecml_rng_seed(&rng, 77);
	random_instance(&x, &rng, true, true, true);
	flow_solve(ctx, &x.net, &r);
	cost = ECML_NEW(ctx, double, 20 * assign_stride(20));
	fill(cost, 20, 20, &rng, 0);
	assign_solve(ctx, 20, 20, cost, &a);
}

static void
test_failures(void)
{
	volatile int failed = 0;

	for (volatile long i = 0; i < 200; i++)
	{
		EcmlCtx    *ctx = test_ctx(1, 1);

		test_host(ctx)->fail_after = i;
		if (TRY(ctx))
		{
			solve_some(ctx);
			test_ctx_free(ctx);
			break;
		}
		failed += test_host(ctx)->status == ECML_OUT_OF_MEMORY;
		test_ctx_free(ctx);
	}
	ok(failed > 10 && failed < 200, "each of %d allocations may fail", failed);
}

int
main(void)
{
	test_networks();
	test_small_networks();
	test_dense_networks();
	test_assignment();
	test_same();
	test_failures();
	return done();
}
