/*
 * test_experiment.c - bootstrap, uplift and always-valid tests: against naive code, and by simulation of experiments in which
 * nothing happened
 */
#include "host.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "num/dist.h"
#include "num/hash.h"
#include "stats/bootstrap.h"
#include "stats/compare.h"
#include "stats/sequential.h"
#include "stats/uplift.h"

static EcmlCtx *ctx;

/* The weights of units: Poisson(1), independent between replicates and between units. */
static void
test_weights(void)
{
	enum {R = 2000, UNITS = 500};
	double		sum = 0;
	double		square = 0;
	double		product = 0;
	double		zeros = 0;
	double	   *w = calloc((size_t) R * UNITS, sizeof(double));

	for (int u = 0; u < UNITS; u++)
	{
		BootstrapSums b;

		bootstrap_init(ctx, &b, R);
		bootstrap_add(&b, R, ecml_hash_u64(u, 0), 1, 1);
		memcpy(w + (size_t) u * R, b.sums, R * sizeof(double));
	}
	for (size_t i = 0; i < (size_t) R * UNITS; i++)
	{
		sum += w[i];
		square += w[i] * w[i];
		zeros += w[i] == 0;
		if (i >= R + 1)
			product += (w[i] - 1) * (w[i - 1] - 1) + (w[i] - 1) * (w[i - R] - 1);
	}
	sum /= R * UNITS;
	ok(fabs(sum - 1) < 0.005, "weights have mean 1: %g", sum);
	close_to(square / (R * UNITS) - sum * sum, 1, 0.01, "and variance 1");
	close_to(zeros / (R * UNITS), exp(-1), 0.005, "36.8 %% are 0");
	ok(fabs(product / (R * UNITS)) < 0.005, "neighbours are not correlated: %g", product / (R * UNITS));
	free(w);
}

static void
test_bootstrap(void)
{
	enum {R = 300, N = 400};
	BootstrapParams params = {.replicates = R,.level = 0.9};
	BootstrapSums whole[2];
	BootstrapSums parts[2][2];
	BootstrapResult r;
	BootstrapResult s;
	double		naive_sum[2][R + 1];
	double		naive_n[2][R + 1];
	double		differences[R];
	double		mean = 0;
	double		square = 0;

	memset(naive_sum, 0, sizeof(naive_sum));
	memset(naive_n, 0, sizeof(naive_n));
	for (int g = 0; g < 2; g++)
	{
		bootstrap_init(ctx, &whole[g], R);
		bootstrap_init(ctx, &parts[g][0], R);
		bootstrap_init(ctx, &parts[g][1], R);
	}
	for (int i = 0; i < N; i++)
	{
		double		y = ecml_rng_normal(&ctx->rng) + 0.1 * (i % 2);
		uint64_t	unit = ecml_hash_u64(i / 3, 7);
		BootstrapSums one;

		bootstrap_add(&whole[i % 2], R, unit, y, 1);
		bootstrap_add(&parts[i % 2][i < N / 3], R, unit, y, 1);
		bootstrap_init(ctx, &one, R);
		bootstrap_add(&one, R, unit, 1, 1);
		for (int k = 0; k < R; k++)
		{
			naive_sum[i % 2][k] += one.sums[k] * y;
			naive_n[i % 2][k] += one.sums[k];
		}
	}
	for (int k = 0; k < R; k++)
	{
		differences[k] = naive_sum[0][k] / naive_n[0][k] - naive_sum[1][k] / naive_n[1][k];
		mean += differences[k] / R;
	}
	for (int k = 0; k < R; k++)
		square += (differences[k] - mean) * (differences[k] - mean);
	r = bootstrap_difference(ctx, &whole[0], &whole[1], &params);
	close_to(r.std_error, sqrt(square / (R - 1)), 1e-10, "the deviation of the replicates, added one by one");
	for (int g = 0; g < 2; g++)
		bootstrap_merge(&parts[g][0], &parts[g][1], R);
	s = bootstrap_difference(ctx, &parts[0][0], &parts[1][0], &params);
	ok(fabs(s.std_error / r.std_error - 1) < 1e-14 && s.difference == r.difference && parts[0][0].n == whole[0].n, "parts merge");
	ok(r.ci_low < r.difference && r.difference < r.ci_high && r.p_value > 0 && r.p_value <= 1, "an interval about the difference");
	r = bootstrap_difference(ctx, &whole[0], NULL, &params);
	ok(isnan(r.estimate_b) && isnan(r.p_value) && r.ci_low < r.ci_high, "one group");
}

/* Coverage of the bootstrap's interval for a mean of skewed units. */
static void
test_coverage(void)
{
	enum {RUNS = 400, N = 150, R = 200};
	BootstrapParams params = {.replicates = R,.level = 0.95};
	int			inside = 0;

	for (int run = 0; run < RUNS; run++)
	{
		BootstrapSums b;
		BootstrapResult r;

		bootstrap_init(ctx, &b, R);
		for (int i = 0; i < N; i++)
			bootstrap_add(&b, R, ecml_hash_u64((uint64_t) run * N + i, 1), -log(1 - ecml_rng_double(&ctx->rng)), 1);
		r = bootstrap_difference(ctx, &b, NULL, &params);
		inside += r.ci_low <= 1 && 1 <= r.ci_high;
		ecml_free(ctx, b.sums);
	}
	ok(inside >= 0.90 * RUNS && inside <= 0.98 * RUNS, "95 %% intervals of a skewed mean cover it: %d of %d", inside, RUNS);
}

/* ---- looking every day */

static void
add(CompareSums *sums, double shift, int n)
{
	for (int i = 0; i < n; i++)
		bivariate_add(&sums->metric, 0, ecml_rng_normal(&ctx->rng) + shift);
}

/* In how many of the experiments is p below 0.05 at any of the looks (always valid), or at one look (fixed)? */
static int
rejections(int runs, int looks, int units, double shift, bool fixed)
{
	CompareParams params = {.alternative = TTEST_TWO_SIDED,.level = 0.95};
	int			rejected = 0;

	for (int run = 0; run < runs; run++)
	{
		CompareSums control = {0};
		CompareSums variant = {0};
		bool		any = false;

		for (int look = 0; look < looks && !any; look++)
		{
			CompareResult r;

			add(&control, 0, units);
			add(&variant, shift, units);
			if (fixed && look + 1 < looks)
				continue;
			r = compare_variants(&control, &variant, 1, &params);
			any = (fixed ? r.effect.p_value : r.always.p_value) < 0.05;
		}
		rejected += any;
	}
	return rejected;
}

static void
test_peeking(void)
{
	int			runs = 10000;
	int			peeking = rejections(runs, 20, 25, 0, false);
	int			always;
	int			fixed;

	ok(peeking <= 0.05 * runs, "A/A, looked at on 20 days: %d of %d false positives", peeking, runs);
	runs = 1000;
	fixed = rejections(runs, 1, 400, 0.2, true);
	always = rejections(runs, 8, 100, 0.2, false);
	ok(always >= 0.9 * fixed, "power with twice the sample: %d against %d of a fixed test", always, fixed);
}

/* ---- what CUPED takes of the variance, and what it leaves of the effect */

static void
test_cuped(void)
{
	enum {RUNS = 300, N = 200};
	CompareParams params = {.covariate = true,.level = 0.95};
	double		sum = 0;
	double		square = 0;
	double		error = 0;
	double		reduction = 0;
	int			inside = 0;

	for (int run = 0; run < RUNS; run++)
	{
		CompareSums sums[2];
		CompareResult r;

		memset(sums, 0, sizeof(sums));
		for (int i = 0; i < 2 * N; i++)
		{
			double		x = ecml_rng_normal(&ctx->rng);
			double		y = 0.8 * x + 0.6 * ecml_rng_normal(&ctx->rng) + 0.3 * (i % 2);

			bivariate_add(&sums[i % 2].metric, 0, y);
			bivariate_add(&sums[i % 2].covariate, x, y);
		}
		r = compare_variants(&sums[0], &sums[1], 1, &params);
		sum += r.effect.difference / RUNS;
		square += (r.effect.difference - 0.3) * (r.effect.difference - 0.3) / RUNS;
		error += r.effect.std_error / RUNS;
		reduction += r.reduction / RUNS;
		inside += r.effect.ci_low <= 0.3 && 0.3 <= r.effect.ci_high;
	}
	ok(fabs(sum - 0.3) < 0.015, "CUPED is not biased: %g", sum);
	close_to(reduction, 0.64, 0.05, "it takes the correlation's square of the variance");
	close_to(sqrt(square), error, 0.12, "its standard error is what the effects vary by");
	ok(inside >= 0.91 * RUNS && inside <= 0.985 * RUNS, "its intervals cover: %d of %d", inside, RUNS);
}

/* ---- uplift */

static void
test_uplift(void)
{
	enum {N = 500, BINS = 7};
	UpliftRow	rows[N];
	UpliftRow	copy[N];
	UpliftBin	bins[BINS];
	double		qini;
	double		naive = 0;
	double		last = 0;
	double		gains[N + 1];
	double		treated = 0;

	for (int i = 0; i < N; i++)
	{
		rows[i].score = i < 40 ? 0.5 : ecml_rng_double(&ctx->rng);
		rows[i].treated = ecml_rng_below(&ctx->rng, 3) > 0;
		rows[i].outcome = ecml_rng_double(&ctx->rng) + (rows[i].treated ? rows[i].score : 0);
		treated += rows[i].treated;
	}
	memcpy(copy, rows, sizeof(rows));
	qini = uplift_curve(ctx, rows, N, bins, BINS);
	/* the gain at each distinct score, by counting all rows */
	last = 0;
	gains[0] = 0;
	for (double cut = 1; cut >= 0; cut = last)
	{
		double		t = 0, c = 0, nt = 0, nc = 0;
		double		share;
		static double before_gain,
					before_share;
		double		g;

		last = -1;
		for (int i = 0; i < N; i++)
		{
			if (copy[i].score >= cut)
			{
				t += copy[i].treated ? copy[i].outcome : 0;
				c += copy[i].treated ? 0 : copy[i].outcome;
				nt += copy[i].treated;
				nc += !copy[i].treated;
			}
			else
				last = fmax(last, copy[i].score);
		}
		share = (nt + nc) / N;
		g = (t - (nc > 0 ? c * nt / nc : 0)) / treated;
		naive += 0.5 * (g + before_gain) * (share - before_share);
		before_gain = g;
		before_share = share;
		gains[1] = g;
	}
	close_to(qini, naive - 0.5 * gains[1], 1e-10, "Qini's coefficient, by counting at each score");
	ok(qini > 0 && bins[0].share < 0.15 && bins[BINS - 1].share == 1, "an order that is right is worth something");
	close_to(bins[BINS - 1].gain, gains[1], 1e-12, "all bins together gain what the treatment does");
	{
		double		n = 0;

		for (int b = 0; b < BINS; b++)
			n += bins[b].n_treated + bins[b].n_control;
		ok(n == N, "each row is in a bin");
	}
	for (int i = 0; i < N; i++)
		rows[i].treated = true;
	ok(isnan(uplift_curve(ctx, rows, N, bins, BINS)) && isnan(uplift_curve(ctx, rows, 0, bins, BINS)), "without controls, or rows, there is none");
	rows[0].treated = false;
	(void) uplift_curve(ctx, rows, 3, bins, BINS);
	ok(bins[BINS - 1].share == 1, "fewer rows than bins");
}

int
main(void)
{
	ctx = test_ctx(1, 5);
	test_weights();
	test_bootstrap();
	test_coverage();
	test_peeking();
	test_cuped();
	test_uplift();
	test_ctx_free(ctx);
	return done();
}
