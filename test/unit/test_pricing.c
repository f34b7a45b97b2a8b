/*
 * test_pricing.c - demand curves, pooling, best prices and prices over time against naive code; threads, failing memory, cancel
 */
#include "host.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pricing/arrivals.h"
#include "pricing/demand.h"
#include "pricing/dynamic.h"
#include "pricing/price.h"

#define TERMS 3
#define PRODUCTS 40
#define MOST_ROWS 30

typedef struct Shop
{
	DemandData	data;
	size_t		start[PRODUCTS + 1];
	double		units[PRODUCTS * MOST_ROWS];
	double		x[PRODUCTS * MOST_ROWS * TERMS];
	double		z[PRODUCTS * MOST_ROWS];
	double		truth[PRODUCTS];
} Shop;

/* Products of 6 to 30 rows: price, a rival's price, a control; every seventh never changes its price. */
static Shop *
make_shop(EcmlCtx *ctx, DemandForm form, double noise)
{
	Shop	   *shop = ECML_NEW0(ctx, Shop, 1);
	size_t		at = 0;

	for (int p = 0; p < PRODUCTS; p++)
	{
		int			n = 6 + p % 25;

		shop->truth[p] = -1.8 + 0.4 * ecml_rng_normal(&ctx->rng);
		for (int i = 0; i < n; i++, at++)
		{
			double	   *x = shop->x + at * TERMS;
			double		ln_q;

			shop->z[at] = ecml_rng_normal(&ctx->rng);
			x[0] = p % 7 == 6 ? 10 : 10 * exp(0.15 * shop->z[at] + 0.1 * ecml_rng_normal(&ctx->rng));
			x[1] = 12 * exp(0.1 * ecml_rng_normal(&ctx->rng));
			x[2] = ecml_rng_double(&ctx->rng) < 0.3;
			ln_q = 4 + shop->truth[p] * log(x[0] / 10) + 0.5 * log(x[1] / 12) + 0.3 * x[2] + noise * ecml_rng_normal(&ctx->rng);
			shop->units[at] = form == DEMAND_LINEAR ? 100 - 3 * x[0] + 2 * x[2] + noise * ecml_rng_normal(&ctx->rng) : exp(ln_q);
			if (i == 2)
				shop->units[at] = NAN;
		}
		shop->start[p + 1] = at;
	}
	shop->data = (DemandData) {
		.form = form,.products = PRODUCTS,.start = shop->start,.nterms = TERMS,.nprices = 2,.units = shop->units,.x = shop->x,
		.z = shop->z
	};
	return shop;
}

/* x = a^-1 b by Gaussian elimination in long double */
static void
gauss(long double a[TERMS + 1][TERMS + 1], long double *b, int n)
{
	for (int c = 0; c < n; c++)
	{
		int			pivot = c;

		for (int i = c + 1; i < n; i++)
			if (fabsl(a[i][c]) > fabsl(a[pivot][c]))
				pivot = i;
		for (int j = 0; j < n; j++)
		{
			long double t = a[c][j];

			a[c][j] = a[pivot][j];
			a[pivot][j] = t;
		}
		{
			long double t = b[c];

			b[c] = b[pivot];
			b[pivot] = t;
		}
		for (int i = 0; i < n; i++)
			if (i != c)
			{
				long double f = a[i][c] / a[c][c];

				for (int j = c; j < n; j++)
					a[i][j] -= f * a[c][j];
				b[i] -= f * b[c];
			}
	}
	for (int c = 0; c < n; c++)
		b[c] /= a[c][c];
}

/* Least squares with a constant: b [TERMS + 1], the constant last; with z two stages as one (the price's instrument is z). */
static void
naive_fit(const Shop *shop, int p, bool instrument, long double *b)
{
	long double a[TERMS + 1][TERMS + 1] = {{0}};

	memset(b, 0, (TERMS + 1) * sizeof(long double));
	for (size_t i = shop->start[p]; i < shop->start[p + 1]; i++)
	{
		long double x[TERMS + 1] = {logl(shop->x[i * TERMS]), logl(shop->x[i * TERMS + 1]), shop->x[i * TERMS + 2], 1};
		long double w[TERMS + 1] = {x[0], x[1], x[2], 1};

		if (isnan(shop->units[i]))
			continue;
		if (instrument)
			w[0] = shop->z[i];
		for (int j = 0; j <= TERMS; j++)
		{
			for (int l = 0; l <= TERMS; l++)
				a[j][l] += w[j] * x[l];
			b[j] += w[j] * logl(shop->units[i]);
		}
	}
	gauss(a, b, TERMS + 1);
}

static void
test_fit(void)
{
	EcmlCtx    *ctx = test_ctx(1, 3);
	Shop	   *shop = make_shop(ctx, DEMAND_LOG_LOG, 0.2);
	DemandFit  *fits = demand_fit(ctx, &shop->data);
	DemandFit  *two;
	double		worst = 0;
	double		worst_iv = 0;
	int			told = 0;

	shop->data.ninstruments = 1;
	two = demand_fit(ctx, &shop->data);
	for (int p = 0; p < PRODUCTS; p++)
	{
		long double b[TERMS + 1];

		/* few rows may hold the control at one value */
		if (fits[p].status != DEMAND_OK || fits[p].kept < TERMS)
			continue;
		told++;
		naive_fit(shop, p, false, b);
		for (int j = 0; j < TERMS; j++)
			worst = fmax(worst, fabs(fits[p].b[j] - (double) b[j]) / (fabs((double) b[j]) + 1e-3));
		naive_fit(shop, p, true, b);
		if (two[p].status == DEMAND_OK)
			worst_iv = fmax(worst_iv, fabs(two[p].b[0] - (double) b[0]) / (fabs((double) b[0]) + 1e-3));
	}
	ok(told > 25, "most products tell something: %d", told);
	ok(worst < 1e-11, "coefficients of naive least squares: %g", worst);
	ok(worst_iv < 1e-9, "and of the instrument's own equations: %g", worst_iv);
	ok(fits[6].status == DEMAND_CONSTANT_PRICE && isnan(fits[6].b[0]), "a price that never moved");
	ok(fits[0].n == 5 && fits[0].skipped == 1, "rows used and left out");
	close_to(demand_units(&fits[22], DEMAND_LOG_LOG, TERMS, 2, fits[22].b, 0, NULL, exp(fits[22].mean_x[0])),
			 exp(fits[22].mean_y) * fits[22].smear, 1e-12, "units at the means");
	test_ctx_free(ctx);

	ctx = test_ctx(1, 4);
	shop = make_shop(ctx, DEMAND_LINEAR, 0);
	fits = demand_fit(ctx, &shop->data);
	close_to(fits[22].b[0] * fits[22].y_scale / fits[22].x_scale[0], -3, 1e-11, "a line without noise");
	ok(fits[22].s2 == 0 && fits[22].r2 == 1, "which leaves no residual");
	close_to(demand_units(&fits[22], DEMAND_LINEAR, TERMS, 2, fits[22].b, 0, (double[]) {NAN, NAN, 1}, 20), 42, 1e-10, "units on it");
	close_to(demand_elasticity_at(&fits[22], DEMAND_LINEAR, TERMS, 2, (double[]) {NAN, NAN, 1}, 20), -60.0 / 42, 1e-10,
			 "and the elasticity there");
	test_ctx_free(ctx);
}

static void
test_pool(void)
{
	double		pooled = 0;
	double		alone = 0;
	double		inside = 0;
	double		n = 0;
	double		kept[PRODUCTS] = {0};
	DemandPool	pool;

	for (int run = 0; run < 12; run++)
	{
		EcmlCtx    *ctx = test_ctx(run % 2 ? 4 : 1, 10 + run / 2);
		Shop	   *shop = make_shop(ctx, DEMAND_LOG_LOG, 0.3);
		DemandFit  *fits = demand_fit(ctx, &shop->data);

		demand_pool(ctx, &shop->data, fits, &pool);
		if (run % 2)
		{
			bool		same = true;

			for (int p = 0; p < PRODUCTS; p++)
				same &= memcmp(&fits[p].b[0], &kept[p], sizeof(double)) == 0;
			ok(same, "the same bits at 1 and 4 threads");
		}
		for (int p = 0; p < PRODUCTS; p++)
		{
			double		se = sqrt(fits[p].v[0]);

			kept[p] = fits[p].b[0];
			if (run % 2)
				continue;
			inside += fabs(fits[p].b[0] - shop->truth[p]) < 1.96 * se;
			n++;
			if (fits[p].status != DEMAND_OK)
				continue;
			pooled += pow(fits[p].b[0] - shop->truth[p], 2);
			alone += pow(fits[p].own_b[0] - shop->truth[p], 2);
		}
		test_ctx_free(ctx);
	}
	ok(pooled < 0.6 * alone, "pooling: squared errors %g of %g", pooled, alone);
	ok(inside / n > 0.91 && inside / n < 0.985, "the truth lies in %.3f of the intervals, products without own answer included", inside / n);
	ok(pool.used && pool.sd > 0.1 && pool.sd < 0.9 && fabs(pool.mean + 1.8) < 0.5, "mean %g and spread %g of the products", pool.mean, pool.sd);
}

/* ---- prices */

static double
hump(void *arg, double price)
{
	double		e = *(double *) arg;

	return (price - 6) * pow(price / 10, e);
}

static void
test_price(void)
{
	double		ladder[1000];
	double		ends[] = {0.99, 0.49};
	double		value;
	size_t		n;
	int			count;
	int			first;

	for (int i = 0; i < 20; i++)
	{
		double		e = -1.05 - 0.2 * i;
		PriceRange	range = {.low = 6.5,.high = 60};
		double		best = price_best(hump, &e, &range, &value);
		double		want = fmin(fmax(6 * e / (1 + e), range.low), range.high);

		close_to(best, want, 1e-6, "elasticity %g: cost e / (1 + e), within bounds", e);
	}
	n = price_ladder(ends, 2, 2.49, 5, ladder, 1000);
	ok(n == 6 && ladder[0] == 2.49 && ladder[1] == 2.99 && ladder[5] == 4.99, "prices that end in .49 and .99");
	n = price_ladder((double[]) {9}, 1, 5, 40, ladder, 1000);
	ok(n == 4 && ladder[0] == 9 && ladder[3] == 39, "or in 9");
	n = price_ladder(ends, 2, 1, 1e9, ladder, 1000);
	ok(n > PRICE_MAX_LADDER, "too many are told");
	first = price_within((double[]) {1, 2, 3, 4, 5}, 5, 2, 4, &count);
	ok(first == 1 && count == 3, "prices within limits");
	for (int i = 0; i < 1000; i++)
		ladder[i] = 5 + 0.037 * i;
	{
		double		e = -2.2;
		PriceRange	range = {.low = 5,.high = 42,.ladder = ladder,.nladder = 1000};
		double		best = price_best(hump, &e, &range, &value);
		double		most = 0;

		for (int i = 0; i < 1000; i++)
			most = fmax(most, hump(&e, ladder[i]));
		ok(value == most && hump(&e, best) == most, "the best of a long ladder");
	}
}

/* A category of three with cross prices, against a grid of triples. */
static void
test_category(void)
{
	EcmlCtx    *ctx = test_ctx(2, 5);
	enum {N = 3, K = 3};
	DemandFit	fits[N];
	PriceItem	items[N];
	double		memory[N][6 * K * K];
	int			others[N][2] = {{1, 2}, {0, 2}, {0, 1}};
	int			start[2] = {0, N};
	PriceProblem problem = {.form = DEMAND_LOG_LOG,.nterms = K,.nprices = K,.first_cross = 1,.ncross = 2,.periods = 1,.draws = 50,
	.level = 0.9,.items = items,.nitems = N,.start = start,.ngroups = 1,.seed = 1};
	double		best = -INFINITY;
	double		reached = 0;
	double		prices[N];
	bool		inside = true;

	memset(fits, 0, sizeof(fits));
	memset(items, 0, sizeof(items));
	memset(memory, 0, sizeof(memory));
	for (int i = 0; i < N; i++)
	{
		DemandFit  *fit = &fits[i];

		fit->b = memory[i];
		fit->v = fit->b + K;
		fit->mean_x = fit->v + K * K;
		fit->x_scale = fit->mean_x + K;
		fit->mean_y = log(100 + 50 * i);
		fit->y_scale = fit->smear = 1;
		fit->level_sd = 0.014;
		fit->interval_df = 46;
		fit->b[0] = -3 + 0.5 * i;
		fit->b[1] = 0.4;
		fit->b[2] = 0.2 * i;
		fit->v[0] = 0.01;
		for (int j = 0; j < K; j++)
		{
			fit->mean_x[j] = log(10);
			fit->x_scale[j] = 1;
		}
		items[i] = (PriceItem) {.fit = fit,.x = memory[i] + 40,.others = others[i],.weight = 1,.current = 10,.cost = 5,.stock = INFINITY,
		.range = {.low = 6,.high = 16}};
		for (int j = 0; j < K; j++)
			items[i].x[j] = NAN;
	}
	price_optimise(ctx, &problem);
	for (int i = 0; i < N; i++)
	{
		prices[i] = items[i].price;
		inside &= items[i].interval_low <= items[i].price && items[i].price <= items[i].interval_high;
	}
	for (int i = 0; i < N; i++)
		reached += price_units(&problem, items, N, i, prices) * (prices[i] - 5);
	for (int a = 0; a <= 50; a++)
		for (int b = 0; b <= 50; b++)
			for (int c = 0; c <= 50; c++)
			{
				double		p[N] = {6 + a * 0.2, 6 + b * 0.2, 6 + c * 0.2};
				double		sum = 0;

				for (int i = 0; i < N; i++)
					sum += price_units(&problem, items, N, i, p) * (p[i] - 5);
				best = fmax(best, sum);
			}
	ok(reached >= best * (1 - 1e-12), "a category together: %g, the best of a grid of triples %g", reached, best);
	ok(inside, "its intervals hold the prices");
	test_ctx_free(ctx);
}

/* A large category by its mean price: no product's price alone can be made better, and units are those of the plain sum. */
static void
test_large_category(void)
{
	enum {N = 40, K = 2};
	EcmlCtx    *ctx = test_ctx(1, 1);
	DemandFit	fits[N];
	PriceItem	items[N];
	double		memory[N][32];
	double		prices[N];
	int			start[2] = {0, N};
	PriceProblem problem = {
		.form = DEMAND_LOG_LOG,.nterms = K,.nprices = 2,.first_cross = 1,.ncross = 1,.goal = PRICE_PROFIT,.periods = 1,.draws = 20,
	.level = 0.9,.items = items,.nitems = N,.start = start,.ngroups = 1,.seed = 1};
	double		reached = 0;
	double		most = 0;
	double		naive = 0;
	bool		cancelled = false;

	memset(fits, 0, sizeof(fits));
	memset(memory, 0, sizeof(memory));
	for (int i = 0; i < N; i++)
	{
		DemandFit  *fit = &fits[i];

		fit->b = memory[i];
		fit->v = fit->b + K;
		fit->mean_x = fit->v + K * K;
		fit->x_scale = fit->mean_x + K;
		fit->mean_y = log(100 + 5 * i);
		fit->y_scale = fit->smear = 1;
		fit->interval_df = 46;
		fit->b[0] = -3 + 0.02 * i;
		fit->b[1] = 0.4;
		fit->v[0] = 0.01;
		for (int j = 0; j < K; j++)
		{
			fit->mean_x[j] = log(10);
			fit->x_scale[j] = 1;
		}
		/* one sells nearly all: the mean of the others is not to be taken as a difference */
		items[i] = (PriceItem) {.fit = fit,.x = memory[i] + 20,.weight = i == 3 ? 1e12 : 1 + i,.current = 10,.cost = 5,.stock = INFINITY,
		.range = {.low = 6,.high = 16}};
	}
	price_optimise(ctx, &problem);
	for (int i = 0; i < N; i++)
		prices[i] = items[i].price;
	for (int i = 0; i < N; i++)
		reached += price_units(&problem, items, N, i, prices) * (prices[i] - 5);
	for (int i = 0; i < N; i++)
		for (int step = -1; step <= 1; step += 2)
		{
			double		sum = 0;

			prices[i] = fmin(items[i].range.high, items[i].price * (1 + 0.002 * step));
			for (int j = 0; j < N; j++)
				sum += price_units(&problem, items, N, j, prices) * (prices[j] - 5);
			prices[i] = items[i].price;
			most = fmax(most, sum);
		}
	ok(most <= reached, "a large category: no price can be made better alone (%.12g, %.12g)", most, reached);
	/* the plain sum: item 3 by the others, all others by item 3 nearly */
	for (int j = 0; j < N; j++)
		naive += j == 3 ? 0 : items[j].weight * log(prices[j]);
	naive /= N * (N + 1) / 2.0 - 4;
	close_to(price_units(&problem, items, N, 3, prices),
			 exp(log(115) + (-3 + 0.06) * (log(prices[3]) - log(10)) + 0.4 * (naive - log(10))), 1e-12, "its mean price is that of the others");
	test_host(ctx)->cancel_after = 500;
	if (TRY(ctx))
		price_optimise(ctx, &problem);
	else
		cancelled = test_host(ctx)->cancelled;
	ok(cancelled, "and it can be cancelled on the way");
	test_ctx_free(ctx);
}

/* ---- over time */

static double
naive_pmf(double mean, double size, int k)
{
	if (isinf(size))
		return exp(-mean + k * log(mean) - lgamma(k + 1.0));
	return exp(lgamma(k + size) - lgamma(size) - lgamma(k + 1.0) + size * log(size / (size + mean)) + k * log(mean / (size + mean)));
}

/* By recursion over every demand. */
static double
naive_value(const DynamicProblem *p, int t, int s, int k)
{
	double		best = -INFINITY;

	if (t == p->periods)
		return p->salvage * s;
	for (int j = p->only_fall ? k : 0; j < p->nprices; j++)
	{
		double		rest = 1;
		double		sum = 0;

		for (int d = 0; d <= s; d++)
		{
			double		pd = d == s ? rest : naive_pmf(p->mean[t * p->nprices + j], p->size, d);

			rest -= pd;
			sum += pd * ((p->price[j] - p->cost) * d - p->holding * (s - d) + naive_value(p, t + 1, s - d, j));
		}
		best = fmax(best, sum);
	}
	return best;
}

static void
test_dynamic(void)
{
	EcmlCtx    *ctx = test_ctx(2, 6);
	double		price[] = {10, 7, 4};
	double		mean[] = {0.8, 1.5, 3, 0.7, 1.4, 2.5, 0.4, 1, 2};
	DynamicProblem problem = {.periods = 3,.stock = 4,.nprices = 3,.price = price,.mean = mean,.size = INFINITY,.salvage = 1,.lot = 1};
	DynamicSolution solution;
	DynamicStep steps[3];
	double		p[2001];
	double		sum;

	for (int kind = 0; kind < 6; kind++)
	{
		double		total = 0;

		problem.only_fall = kind % 2;
		problem.size = kind / 2 == 1 ? 0.7 : INFINITY;
		problem.cost = kind / 2 == 2 ? 2 : 0;
		problem.holding = kind / 2 == 2 ? 0.3 : 0;
		dynamic_solve(ctx, &problem, &solution);
		close_to(solution.value[DYNAMIC_AT(&problem, &solution, 0, 4, 0)], naive_value(&problem, 0, 4, 0), 1e-11,
				 "kind %d: the value of recursion", kind);
		dynamic_follow(ctx, &problem, &solution, 0, steps);
		for (int t = 0; t < 3; t++)
			total += steps[t].revenue - problem.cost * steps[t].sales - problem.holding * steps[t].left;
		close_to(total + steps[2].left * problem.salvage, naive_value(&problem, 0, 4, 0), 1e-11, "and what following it brings");
	}
	for (int kind = 0; kind < 8; kind++)
	{
		double		m = (double[]) {0.01, 3, 40, 900}[kind / 2];
		double		size = kind % 2 ? 2.5 : INFINITY;
		double		worst = 0;

		dynamic_demand(m, size, 1, 2000, p);
		sum = 0;
		for (int k = 0; k <= 2000; k++)
		{
			sum += p[k];
			if (k < 2000)
				worst = fmax(worst, fabs(p[k] - naive_pmf(m, size, k)));
		}
		ok(fabs(sum - 1) < 1e-10 && worst < 1e-10, "demand of mean %g: sums to %.12g, off by %g", m, sum, worst);
	}
	dynamic_demand(900, INFINITY, 10, 200, p);
	sum = 0;
	for (int k = 0; k <= 200; k++)
		sum += p[k] * k * 10;
	close_to(sum, 900, 1e-3, "in lots of ten");
	dynamic_demand(0, INFINITY, 1, 5, p);
	ok(p[0] == 1 && p[5] == 0, "nobody comes");
	problem.stock = 0;
	problem.only_fall = false;
	dynamic_solve(ctx, &problem, &solution);
	ok(solution.value[DYNAMIC_AT(&problem, &solution, 0, 0, 0)] == 0, "nothing to sell");
	test_ctx_free(ctx);
}

static void
test_learn(void)
{
	/* two periods, stock 2: price 0 sells one unit at 5, price 1 sells both at 3 */
	int			left[] = {2, 2, 1, 1, 1, 2};
	double		stock[] = {2, 2, 1, 2, 2, 2};
	int			price[] = {0, 1, 0, 0, 1, 0};
	double		reward[] = {5, 6, 5, 5, 6, 5};
	double		next[] = {1, 0, 0, 1, 0, 1};
	EcmlCtx    *ctx = test_ctx(1, 7);
	DynamicLog	log = {.n = 6,.left = left,.stock = stock,.price = price,.reward = reward,.next = next,.periods = 2,.nprices = 2,.bins = 3,
	.width = 1,.least = 1};
	DynamicTable table;

	dynamic_learn(ctx, &log, &table);
	ok(table.value[2 * 3 + 2] == 10 && table.choice[2 * 3 + 2] == 0 && table.visits[2 * 3 + 2] == 2, "first one, then the other");
	ok(table.value[1 * 3 + 2] == 6 && table.choice[1 * 3 + 2] == 1, "at the end both");
	ok(table.value[2 * 3 + 1] == 5 && table.visits[2 * 3 + 1] == 0, "a stock that was not seen: in proportion");
	log.least = 10;
	dynamic_learn(ctx, &log, &table);
	ok(table.choice[2 * 3 + 2] == -1 && table.value[2 * 3 + 2] == 0, "too few visits tell nothing");
	test_ctx_free(ctx);
}

static void
test_arrivals(void)
{
	EcmlCtx    *ctx = test_ctx(1, 8);
	double		price[200];
	double		units[200];
	Arrivals	r;
	double		g[2] = {0, 0};

	for (int i = 0; i < 200; i++)
	{
		price[i] = 5 + i % 10;
		units[i] = floor(8 * exp(-0.2 * price[i]) + 2 * ecml_rng_double(&ctx->rng));
	}
	r = arrivals_fit(ctx, price, units, 200, false);
	for (int i = 0; i < 200; i++)
	{
		g[0] += units[i] - arrivals_mean(&r, price[i]);
		g[1] += (units[i] - arrivals_mean(&r, price[i])) * price[i];
	}
	ok(r.ok && fabs(g[0]) < 1e-8 && fabs(g[1]) < 1e-7, "the likelihood's slope vanishes: %g, %g", g[0], g[1]);
	for (int i = 0; i < 200; i++)
		price[i] = 5;
	ok(!arrivals_fit(ctx, price, units, 200, true).ok, "one price tells nothing");
	test_ctx_free(ctx);
}

/* Everything once; the whole of it under failing memory and cancels. */
static void
run_all(EcmlCtx *ctx)
{
	Shop	   *shop = make_shop(ctx, DEMAND_LOG_LOG, 0.2);
	DemandFit  *fits;
	DemandPool	pool;
	double		price[] = {10, 7};
	double		mean[] = {1, 2, 1, 2};
	DynamicProblem problem = {.periods = 2,.stock = 40,.nprices = 2,.price = price,.mean = mean,.size = INFINITY,.lot = 1,.only_fall = true};
	DynamicSolution solution;
	DynamicStep steps[2];

	shop->data.products = 8;
	fits = demand_fit(ctx, &shop->data);
	demand_pool(ctx, &shop->data, fits, &pool);
	dynamic_solve(ctx, &problem, &solution);
	dynamic_follow(ctx, &problem, &solution, 0, steps);
}

/* 0: it went through; 1: an allocation failed; 2: cancelled */
static int
attempt(long fail_after, long cancel_after)
{
	EcmlCtx    *volatile ctx = test_ctx(1, 9);
	volatile int result = 0;

	test_host(ctx)->fail_after = fail_after;
	test_host(ctx)->cancel_after = cancel_after;
	if (TRY(ctx))
		run_all(ctx);
	else
		result = test_host(ctx)->cancelled ? 2 : 1;
	test_ctx_free(ctx);
	return result;
}

static void
test_failures(void)
{
	long		failures = 0;
	long		cancels = 0;
	EcmlCtx    *ctx = test_ctx(2, 9);
	long		polls;

	run_all(ctx);
	polls = test_host(ctx)->polls;
	test_ctx_free(ctx);
	while (failures < 1000 && attempt(failures, -1) == 1)
		failures++;
	ok(failures > 20 && failures < 1000, "every allocation failed in turn: %ld", failures);
	/* polls are many: some of them */
	for (long i = 0; i < polls; i += 1 + polls / 60)
		cancels += attempt(-1, i) == 2;
	ok(cancels > 20, "cancelled at polls: %ld of %ld", cancels, polls);
}

int
main(void)
{
	test_fit();
	test_pool();
	test_price();
	test_category();
	test_large_category();
	test_dynamic();
	test_learn();
	test_arrivals();
	test_failures();
	return done();
}
