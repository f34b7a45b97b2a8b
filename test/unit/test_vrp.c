/*
 * test_vrp.c - vehicle routing: plans of random problems of every kind against a checker that knows nothing of the solver, small ones
 * against all plans there are
 */
#include "host.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "route/vrp.h"

#define MOST 60
#define EPS 1e-6

typedef struct Case
{
	VrpProblem	problem;
	VrpSite		sites[MOST];
	VrpVehicle	vehicles[MOST];
} Case;

enum
{
	WINDOWS = 1, PRIZES = 2, GROUPS = 4, PAIRS = 8, PICKUPS = 16, FLEET = 32, OPEN = 64, RELOADS = 128, SKILLS = 256, BREAKS = 512,
	DEPOTS = 1024, RELEASES = 2048, LIMITS = 4096, BACKHAULS = 8192, DIMS = 16384,
	WEIGHTLESS = 32768
};

static double
uniform(EcmlCtx *ctx, double low, double high)
{
	return low + (high - low) * ecml_rng_double(&ctx->rng);
}

static void
make(EcmlCtx *ctx, Case *c, int n, int kind)
{
	VrpProblem *p = &c->problem;

	memset(c, 0, sizeof(*c));
	p->sites = c->sites;
	p->vehicles = c->vehicles;
	p->nsites = n + 1;
	p->ndims = kind & DIMS ? 2 : 1;
	p->speed = 1;
	for (int i = 0; i <= n; i++)
	{
		VrpSite    *s = &c->sites[i];

		*s = (VrpSite) VRP_SITE;
		s->x = uniform(ctx, 0, 100);
		s->y = uniform(ctx, 0, 100);
		s->depot = i == 0 || (i == 1 && kind & DEPOTS);
		if (s->depot)
			continue;
		for (int k = 0; k < p->ndims; k++)
			s->demand[k] = kind & WEIGHTLESS ? 0 : 1 + ecml_rng_below(&ctx->rng, 8);
		if (kind & PICKUPS)
			s->pickup[0] = ecml_rng_below(&ctx->rng, 6);
		if (kind & WINDOWS)
		{
			s->ready = uniform(ctx, 0, 300);
			s->due = s->ready + uniform(ctx, 60, 300);
			s->service = uniform(ctx, 1, 10);
		}
		if (kind & RELEASES && i % 4 == 0)
			s->release = uniform(ctx, 0, 100);
		if (kind & PRIZES && i % 3 == 0)
			s->prize = uniform(ctx, 0, 60);
		if (kind & GROUPS && i % 5 < 2)
			s->group = i / 5;
		if (kind & SKILLS && i % 4 == 0)
			s->skills = 1;
		if (kind & BACKHAULS && i % 4 == 1)
		{
			s->backhaul = true;
			s->pickup[0] = s->demand[0];
			s->demand[0] = s->demand[1] = 0;
		}
		if (kind & PAIRS && i % 2 == 0 && i > 2)
		{
			s->pair = i - 1;
			memset(c->sites[i - 1].demand, 0, sizeof(s->demand));
			memset(s->pickup, 0, sizeof(s->pickup));
			memcpy(c->sites[i - 1].pickup, s->demand, sizeof(s->demand));
			s->prize = c->sites[i - 1].prize;
		}
	}
	p->nvehicles = kind & FLEET ? 8 : n;
	for (int v = 0; v < p->nvehicles; v++)
	{
		VrpVehicle *vehicle = &c->vehicles[v];

		*vehicle = (VrpVehicle) VRP_VEHICLE;
		for (int k = 0; k < p->ndims; k++)
			vehicle->capacity[k] = 25;
		if (kind & FLEET)
		{
			vehicle->capacity[0] = 20 + 10 * (v % 3);
			vehicle->fixed = 20 * (v % 3);
			vehicle->per_time = 0.1;
			vehicle->speed = 1 + v % 2;
		}
		if (kind & OPEN)
			vehicle->end = -1;
		if (kind & DEPOTS)
			vehicle->start = vehicle->end = v % 2;
		if (kind & RELOADS)
		{
			vehicle->reloads = 2;
			vehicle->reload_time = 5;
		}
		if (kind & SKILLS)
			vehicle->skills = v % 2;
		if (kind & BREAKS)
		{
			vehicle->break_start = 100;
			vehicle->break_end = 160;
			vehicle->break_duration = 30;
		}
		if (kind & LIMITS)
		{
			vehicle->max_distance = 300;
			vehicle->max_duration = 400;
			vehicle->shift_end = 500;
		}
	}
}

static double
apart(const VrpProblem *p, int a, int b)
{
	return hypot(p->sites[a].x - p->sites[b].x, p->sites[a].y - p->sites[b].y);
}

static const char *
check_route(const VrpProblem *p, const VrpStop *stop, int n, int *served, double *cost)
{
	const VrpVehicle *v = &p->vehicles[stop[0].vehicle];
	int			place[MOST];
	double		load[VRP_MAX_DIMS] = {0};
	double		distance = 0;
	bool		rested = false;
	bool		collecting = false;
	double		duration = stop[n - 1].arrival - stop[0].departure;

	for (int i = 0; i < MOST; i++)
		place[i] = -1;
	if (stop[0].site != v->start || stop[n - 1].site != v->end)
		return "it begins or ends elsewhere";
	if (stop[0].departure < v->shift_start - EPS || stop[n - 1].arrival > v->shift_end + EPS)
		return "it is out of its shift";
	for (int i = 0; i < n; i++)
	{
		const VrpStop *s = &stop[i];
		bool		depot = i == 0 || s->reload;
		const VrpSite *site = s->site >= 0 ? &p->sites[s->site] : NULL;

		if (i > 0 && s->site >= 0)
		{
			double		d = apart(p, stop[i - 1].site, s->site);

			if (fabs(s->distance - d) > 1e-4)
				return "a distance is wrong";
			distance += d;
			if (s->arrival < stop[i - 1].departure + d / v->speed - 1e-4)
				return "it arrives before it can";
		}
		rested |= s->rest > 0;
		if (depot)
		{
			/* what this trip brings from the depot */
			memset(load, 0, sizeof(load));
			collecting = false;
			for (int j = i + 1; j < n && !stop[j].reload && j + (v->end >= 0 || stop[n - 1].site >= 0) < n; j++)
			{
				const VrpSite *next = stop[j].site >= 0 ? &p->sites[stop[j].site] : NULL;

				for (int k = 0; next && !next->depot && next->pair < 0 && k < p->ndims; k++)
					load[k] += next->demand[k];
				if (next && !next->depot && s->departure < next->release - EPS)
					return "it leaves before its goods are there";
			}
		}
		else if (site && !site->depot)
		{
			double		begin = s->arrival + s->wait;

			if (served[s->site]++)
				return "a site is visited twice";
			place[s->site] = i;
			if (begin + s->rest < site->ready - EPS || begin > site->due + EPS + s->rest)
				return "a window is missed";
			if (s->departure < begin + site->service - EPS)
				return "service is cut short";
			if (site->skills & ~v->skills)
				return "a skill is missing";
			if (collecting && !site->backhaul)
				return "it delivers after collecting";
			collecting |= site->backhaul;
			for (int k = 0; k < p->ndims; k++)
				load[k] += site->pickup[k] - site->demand[k];
			if (site->pair >= 0 && place[site->pair] < 0)
				return "a pair is not in order, or not on one vehicle";
		}
		for (int k = 0; k < p->ndims && i < n - 1; k++)
		{
			if (fabs(load[k] - s->load[k]) > EPS)
				return "a load is wrong";
			if (load[k] > v->capacity[k] + EPS || load[k] < -EPS)
				return "a load is more than the vehicle holds";
		}
	}
	if (v->break_duration > 0 && stop[n - 1].arrival > v->break_end + EPS && !rested)
		return "there is no break";
	if (distance > v->max_distance + 1e-4 || duration > v->max_duration + EPS)
		return "it is too far or too long";
	*cost += v->fixed + v->per_distance * distance + v->per_time * duration;
	return NULL;
}

/* NULL, or what is wrong with the plan. */
static const char *
check(const VrpProblem *p, const VrpSolution *s)
{
	int			served[MOST] = {0};
	int			group[MOST] = {0};
	bool		used[MOST] = {false};
	double		cost = 0;

	for (int i = 0, end; i < s->nstops; i = end)
	{
		const char *wrong;

		for (end = i + 1; end < s->nstops && s->stops[end].vehicle == s->stops[i].vehicle; end++)
			;
		if (used[s->stops[i].vehicle])
			return "a vehicle has two routes";
		used[s->stops[i].vehicle] = true;
		wrong = check_route(p, s->stops + i, end - i, served, &cost);
		if (wrong)
			return wrong;
	}
	for (int i = 0; i < p->nsites; i++)
	{
		if (p->sites[i].depot)
			continue;
		if (served[i] != (s->reason[i] == VRP_SERVED))
			return "a reason does not agree";
		if (served[i] && p->sites[i].group >= 0 && group[p->sites[i].group]++)
			return "two alternatives are served";
		if (!served[i] && isfinite(p->sites[i].prize))
			cost += p->sites[i].prize;
		if (!served[i] && !isfinite(p->sites[i].prize) && s->reason[i] != VRP_ALTERNATIVE && s->feasible)
			return "it is called feasible, and is not";
	}
	return fabs(cost - s->cost) > 1e-3 * (1 + cost) ? "the cost is wrong" : NULL;
}

/* Plan a problem; returns how many sites are left out, wrong: what is not right. */
static int
try_kind(int kind, int run, char *wrong, size_t size)
{
	EcmlCtx    *ctx = test_ctx(2, run + 1);
	Case	   *volatile c = malloc(sizeof(Case));
	VrpParams	params = VRP_DEFAULTS;
	volatile int unserved = 0;

	params.time_limit = INFINITY;
	params.iterations = 8;
	make(ctx, c, run == 2 ? 9 : 40, kind);
	if (TRY(ctx))
	{
		VrpSolution *s;
		const char *text;

		vrp_check(ctx, &c->problem);
		s = vrp_solve(ctx, &c->problem, &params);
		text = check(&c->problem, s);
		snprintf(wrong, size, "%s", text ? text : "");
		unserved = s->unserved;
	}
	else
		snprintf(wrong, size, "%s", test_host(ctx)->message);
	free(c);
	test_ctx_free(ctx);
	return unserved;
}

static void
test_kinds(void)
{
	static const struct
	{
		const char *name;
		int			kind;
	}			kinds[] = {
		{"capacity", 0}, {"windows", WINDOWS}, {"prizes", PRIZES}, {"alternatives", GROUPS}, {"pairs", PAIRS}, {"pickups", PICKUPS},
		{"a fleet", FLEET}, {"open routes", OPEN}, {"reloading", RELOADS}, {"skills", SKILLS}, {"breaks", BREAKS | WINDOWS},
		{"two depots", DEPOTS}, {"releases", RELEASES | WINDOWS}, {"limits", LIMITS}, {"backhauls", BACKHAULS}, {"two dimensions", DIMS},
		{"windows and a fleet", WINDOWS | FLEET | PRIZES}, {"pairs with windows", PAIRS | WINDOWS},
		{"pairs that weigh nothing", PAIRS | WEIGHTLESS}, {"nearly all", WINDOWS | FLEET | PICKUPS | SKILLS |
		PRIZES | LIMITS | RELOADS}
	};

	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++)
	{
		char		wrong[600] = "";
		int			unserved = 0;

		for (int run = 0; run < 3 && wrong[0] == '\0'; run++)
			unserved += try_kind(kinds[k].kind, run, wrong, sizeof(wrong));
		ok(wrong[0] == '\0', "%s: %s (%d left out)", kinds[k].name, wrong[0] ? wrong : "plans hold", unserved);
	}
}

/* The least cost of all plans: of each subset the best tour, and of all the best partition. */
static double
brute_force(const VrpProblem *p)
{
	int			n = p->nsites - 1;
	static double tour[1 << 9][9];
	static double best[1 << 9];

	for (int set = 1; set < 1 << n; set++)
		for (int last = 0; last < n; last++)
		{
			int			rest = set & ~(1 << last);

			tour[set][last] = INFINITY;
			if (!(set >> last & 1))
				continue;
			if (rest == 0)
				tour[set][last] = apart(p, 0, last + 1);
			for (int before = 0; before < n; before++)
				if (rest >> before & 1)
					tour[set][last] = fmin(tour[set][last], tour[rest][before] + apart(p, before + 1, last + 1));
		}
	best[0] = 0;
	for (int set = 1; set < 1 << n; set++)
	{
		best[set] = INFINITY;
		for (int part = set; part > 0; part = (part - 1) & set)
		{
			double		load = 0;

			for (int i = 0; i < n; i++)
				load += part >> i & 1 ? p->sites[i + 1].demand[0] : 0;
			for (int last = 0; load <= p->vehicles[0].capacity[0] && last < n; last++)
				if (part >> last & 1)
					best[set] = fmin(best[set], best[set & ~part] + tour[part][last] + apart(p, last + 1, 0));
		}
	}
	return best[(1 << n) - 1];
}

static void
test_optimum(void)
{
	int			found = 0;

	for (int run = 0; run < 12; run++)
	{
		EcmlCtx    *ctx = test_ctx(1, run + 50);
		Case	   *c = malloc(sizeof(Case));
		VrpParams	params = VRP_DEFAULTS;
		VrpSolution *s;

		params.time_limit = INFINITY;
		params.iterations = 20;
		params.method = run % 2 ? VRP_RUIN : VRP_AUTO;
		make(ctx, c, 8, 0);
		s = vrp_solve(ctx, &c->problem, &params);
		found += fabs(s->cost / brute_force(&c->problem) - 1) < 1e-5;
		free(c);
		test_ctx_free(ctx);
	}
	ok(found == 12, "8 deliveries: the best of all plans (%d of 12)", found);
}

/* The same bits at any number of threads. */
static void
test_threads(void)
{
	for (int kind = 0; kind <= WINDOWS; kind += WINDOWS)
	{
		VrpStop    *first = NULL;
		bool		same = true;
		int			n = 0;

		for (int threads = 1; threads <= 4; threads += 3)
		{
			EcmlCtx    *ctx = test_ctx(threads, 9);
			Case	   *c = malloc(sizeof(Case));
			VrpParams	params = VRP_DEFAULTS;
			VrpSolution *s;

			params.time_limit = INFINITY;
			params.iterations = 30;
			params.seed = 3;
			make(ctx, c, 50, kind);
			s = vrp_solve(ctx, &c->problem, &params);
			if (first == NULL)
			{
				n = s->nstops;
				first = malloc(n * sizeof(VrpStop));
				memcpy(first, s->stops, n * sizeof(VrpStop));
			}
			else
				for (int i = 0; i < n && (same = same && s->nstops == n); i++)
					same = first[i].vehicle == s->stops[i].vehicle && first[i].site == s->stops[i].site &&
						first[i].departure == s->stops[i].departure;
			free(c);
			test_ctx_free(ctx);
		}
		ok(same, "the same plan at 1 and 4 threads, %s", kind ? "windows" : "capacity");
		free(first);
	}
}

static int
attempt(int kind, long fail_after, long cancel_after)
{
	EcmlCtx    *ctx = test_ctx(2, 5);
	Case	   *volatile c = malloc(sizeof(Case));
	VrpParams	params = VRP_DEFAULTS;
	volatile int result = -1;

	params.time_limit = INFINITY;
	params.iterations = 4;
	make(ctx, c, 20, kind);
	test_host(ctx)->fail_after = fail_after;
	test_host(ctx)->cancel_after = cancel_after;
	if (TRY(ctx))
		(void) vrp_solve(ctx, &c->problem, &params);
	else
		result = test_host(ctx)->cancelled ? 1000 : (int) test_host(ctx)->status;
	free(c);
	test_ctx_free(ctx);
	return result;
}

static void
test_failures(void)
{
	for (int kind = 0; kind <= (WINDOWS | FLEET | RELOADS); kind += WINDOWS | FLEET | RELOADS)
	{
		int			failures = 0;
		int			cancels = 0;

		for (long after = 0; after < 60; after++)
		{
			failures += attempt(kind, after, -1) == ECML_OUT_OF_MEMORY;
			cancels += attempt(kind, -1, after) == 1000;
		}
		ok(failures > 10, "%d allocations that fail are errors", failures);
		ok(cancels > 5, "%d polls that cancel are heard", cancels);
		ok(attempt(kind, -1, -1) == -1, "and else there is none");
	}
}

static void
test_input(void)
{
	static const char *const names[] = {"a demand below 0", "a window that closes before it opens", "a vehicle of a start that is no site", "a demand that is not finite"};

	for (int which = 0; which < 4; which++)
	{
		EcmlCtx    *ctx = test_ctx(1, 1);
		Case	   *volatile c = malloc(sizeof(Case));
		volatile bool refused = false;

		make(ctx, c, 5, 0);
		if (which == 0)
			c->sites[2].demand[0] = -1;
		if (which == 1)
			c->sites[2].due = -5;
		if (which == 2)
			c->vehicles[0].start = 99;
		if (which == 3)
			c->sites[2].demand[0] = NAN;
		if (TRY(ctx))
			vrp_check(ctx, &c->problem);
		else
			refused = test_host(ctx)->status == ECML_DATA_EXCEPTION || test_host(ctx)->status == ECML_INVALID_PARAMETER;
		ok(refused, "refused: %s", names[which]);
		free(c);
		test_ctx_free(ctx);
	}
}

int
main(void)
{
	test_kinds();
	test_optimum();
	test_threads();
	test_failures();
	test_input();
	return done();
}
