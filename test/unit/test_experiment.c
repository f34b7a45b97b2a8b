/*
 * test_experiment.c - bootstrap, uplift, A/A checks, sizes of groups and always-valid tests: against naive code, and by simulation
 * of experiments in which nothing happened
 */
#include "host.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "num/dist.h"
#include "num/hash.h"
#include "stats/aa.h"
#include "stats/bootstrap.h"
#include "stats/compare.h"
#include "stats/proportion.h"
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

/* ---- what a covariate takes of the variance, and what it leaves of the effect */

enum {COVARIATE_RUNS = 300};

/* Trials of n units a variant, of a known effect; unit adds one to its variant's sums. */
static void
try_covariate(const CompareParams *params, void (*unit) (CompareSums *s, int variant), int n, double effect, double reduction,
			  double narrow, const char *what)
{
	double		mean = 0;
	double		square = 0;
	double		error = 0;
	double		reduced = 0;
	int			inside = 0;

	for (int run = 0; run < COVARIATE_RUNS; run++)
	{
		CompareSums sums[2];
		CompareResult r;

		memset(sums, 0, sizeof(sums));
		for (int i = 0; i < 2 * n; i++)
			unit(&sums[i % 2], i % 2);
		r = compare_variants(&sums[0], &sums[1], 1, params);
		mean += r.effect.difference / COVARIATE_RUNS;
		square += (r.effect.difference - effect) * (r.effect.difference - effect) / COVARIATE_RUNS;
		error += r.effect.std_error / COVARIATE_RUNS;
		reduced += r.reduction / COVARIATE_RUNS;
		inside += r.effect.ci_low <= effect && effect <= r.effect.ci_high;
	}
	ok(fabs(mean - effect) < narrow, "%s is not biased: %g", what, mean);
	close_to(reduced, reduction, 0.05, "%s takes its part of the variance", what);
	close_to(sqrt(square), error, 0.12, "%s: its standard error is what the effects vary by", what);
	ok(inside >= 0.91 * COVARIATE_RUNS && inside <= 0.985 * COVARIATE_RUNS, "%s: its intervals cover: %d of %d", what, inside,
	   COVARIATE_RUNS);
}

/* The correlation with what the unit did before is 0.8. */
static void
unit_of_means(CompareSums *s, int variant)
{
	double		x = ecml_rng_normal(&ctx->rng);
	double		y = 0.8 * x + 0.6 * ecml_rng_normal(&ctx->rng) + 0.3 * variant;

	bivariate_add(&s->metric, 0, y);
	bivariate_add(&s->covariate, x, y);
}

/* A ratio of sums, its numerator explained by what the unit did before. */
static void
unit_of_ratio(CompareSums *s, int variant)
{
	double		before = ecml_rng_normal(&ctx->rng);
	double		x = 1 + (double) ecml_rng_below(&ctx->rng, 5);
	double		y = x * (2 + 0.2 * variant) + 2 * before + ecml_rng_normal(&ctx->rng);

	bivariate_add(&s->metric, x, y);
	/* one unit in ten has no history */
	if (ecml_rng_below(&ctx->rng, 10) > 0)
	{
		bivariate_add(&s->covariate, before, y);
		bivariate_add(&s->denominator, before, x);
	}
}

static void
test_covariates(void)
{
	const CompareParams mean = {.covariate = true,.level = 0.95};
	const CompareParams ratio = {.ratio = true,.covariate = true,.level = 0.95};

	/* the correlation's square */
	try_covariate(&mean, unit_of_means, 200, 0.3, 0.64, 0.015, "CUPED");
	/* nine in ten of four fifths */
	try_covariate(&ratio, unit_of_ratio, 400, 0.2, 0.72, 0.01, "a ratio with a covariate");
}

/* ---- sizes of groups */

static void
test_srm(void)
{
	enum {RUNS = 4000, UNITS = 2000};
	const double weights[3] = {1, 2, 5};
	double		expected[3];
	int			wrong = 0;
	int			found = 0;

	for (int run = 0; run < RUNS; run++)
	{
		double		counts[3] = {0};
		double		lost[3];

		for (int i = 0; i < UNITS; i++)
		{
			uint64_t	u = ecml_rng_below(&ctx->rng, 8);

			counts[u < 1 ? 0 : u < 3 ? 1 : 2]++;
		}
		wrong += proportion_srm(counts, weights, 3, expected).p_value < 0.05;
		memcpy(lost, counts, sizeof(lost));
		lost[1] *= 0.7;
		found += proportion_srm(lost, weights, 3, NULL).p_value < 0.001;
	}
	ok(wrong > 0.038 * RUNS && wrong < 0.062 * RUNS, "sizes as planned look wrong in 5 %% of cases: %d of %d", wrong, RUNS);
	ok(found > 0.9 * RUNS, "a third of a variant lost is seen: %d of %d", found, RUNS);
	ok(expected[0] == UNITS / 8.0 && expected[2] == UNITS * 5 / 8.0, "expected sizes");
	ok(isnan(proportion_srm((double[]) {3}, NULL, 1, NULL).p_value) || proportion_srm((double[]) {3}, NULL, 1, NULL).p_value == 1,
	   "one group fits");
}

/* ---- the A/A check */

static double
naive_welch(const double *v, const bool *in, int n)
{
	EcmlMoments m[2] = {{0}, {0}};
	double		a;
	double		b;

	for (int i = 0; i < n; i++)
		if (!isnan(v[i]))
			ecml_moments_add(&m[in[i]], v[i]);
	a = ecml_moments_variance(&m[0]) / (double) m[0].n;
	b = ecml_moments_variance(&m[1]) / (double) m[1].n;
	return 2 * ecml_t_sf(fabs(ecml_moments_mean(&m[0]) - ecml_moments_mean(&m[1])) / sqrt(a + b),
						 (a + b) * (a + b) / (a * a / ((double) m[0].n - 1) + b * b / ((double) m[1].n - 1)));
}

static void
test_aa(void)
{
	enum {N = 300, SPLITS = 400};
	uint64_t	hash[N];
	double		y[N];
	double		sums[N];
	double		counts[N];
	double		squares[N];
	double		rows[N * 20];
	int			unit_of[N * 20];
	int			nrows = 0;
	AaMetric	metrics[2] = {{.y = y}, {.y = sums,.x = counts,.squares = squares}};
	AaResult	results[2];
	AaResult	again[2];
	EcmlCtx    *four = test_ctx(4, 1);
	int			rejected = 0;
	int			rejected_rows = 0;

	for (int i = 0; i < N; i++)
	{
		double		level = 3 * ecml_rng_normal(&ctx->rng);

		hash[i] = ecml_hash_u64(i, 0);
		y[i] = i % 17 == 0 ? NAN : 1e6 + ecml_rng_normal(&ctx->rng);
		counts[i] = 1 + (double) ecml_rng_below(&ctx->rng, 8);
		sums[i] = squares[i] = 0;
		for (int r = 0; r < counts[i]; r++)
		{
			double		v = 100 + level + ecml_rng_normal(&ctx->rng);

			sums[i] += v;
			squares[i] += v * v;
			unit_of[nrows] = i;
			rows[nrows++] = v;
		}
	}
	aa_check(ctx, hash, N, metrics, 2, SPLITS, 0.1, 7, results);
	aa_check(four, hash, N, metrics, 2, SPLITS, 0.1, 7, again);
	ok(memcmp(results, again, sizeof(results)) == 0, "A/A check: the same bits on four threads");
	test_ctx_free(four);
	for (int s = 0; s < SPLITS; s++)
	{
		uint64_t	key = ecml_hash_seed(7 + s);
		bool		in[N];
		bool		row_in[N * 20];

		for (int i = 0; i < N; i++)
			in[i] = ecml_hash_mix(hash[i] ^ key) >> 63;
		for (int r = 0; r < nrows; r++)
			row_in[r] = in[unit_of[r]];
		rejected += naive_welch(y, in, N) <= 0.1;
		rejected_rows += naive_welch(rows, row_in, nrows) <= 0.1;
	}
	close_to(results[0].rate, (double) rejected / SPLITS, 1e-12, "its rate is that of a test a split");
	close_to(results[1].row_rate, (double) rejected_rows / SPLITS, 1e-12, "and that of rows taken for independent");
	ok(results[0].units == N - 18 && results[0].holds && results[1].holds, "units without a value are left out; the tests hold");
	ok(results[1].row_rate > 2 * results[1].rate, "rows do not: %g", results[1].row_rate);
	aa_check(ctx, hash, 0, metrics, 1, SPLITS, 0.1, 7, results);
	ok(isnan(results[0].rate) && !results[0].holds, "no units, no rate");
	aa_check(ctx, hash, 1, metrics, 2, SPLITS, 0.1, 7, results);
	ok(isnan(results[1].rate), "nor of one");
}

static int
attempt_aa(long fail_after, long cancel_after)
{
	EcmlCtx    *other = test_ctx(2, 9);
	enum {N = 3000};
	static const double zeros[N];
	static const uint64_t hash[N];
	AaMetric	metric = {.y = zeros,.x = zeros,.squares = zeros};
	AaResult	result;
	UpliftRow	rows[N];
	UpliftBin	bins[3];
	int			outcome = 0;

	for (int i = 0; i < N; i++)
		rows[i] = (UpliftRow) {.score = i % 7,.treated = i % 2,.outcome = i % 3};
	test_host(other)->fail_after = fail_after;
	test_host(other)->cancel_after = cancel_after;
	if (TRY(other))
	{
		aa_check(other, hash, N, &metric, 1, 100, 0.05, 0, &result);
		(void) uplift_curve(other, rows, N, bins, 3);
	}
	else
		outcome = test_host(other)->cancelled ? 2 : 1;
	test_ctx_free(other);
	return outcome;
}

static void
test_failures(void)
{
	long		failures = 0;
	long		cancels = 0;

	while (failures < 100 && attempt_aa(failures, -1) == 1)
		failures++;
	ok(failures >= 8 && failures < 100, "every allocation failed in turn: %ld", failures);
	while (cancels < 1000 && attempt_aa(-1, cancels) == 2)
		cancels++;
	ok(cancels >= 6 && cancels < 1000, "cancelled at every poll: %ld", cancels);
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
	/* rows of one score stay as they came: the first bin of a score that says nothing is the first rows */
	for (int i = 0; i < N; i++)
		rows[i] = (UpliftRow) {.score = 1,.treated = i % 2,.outcome = i};
	(void) uplift_curve(ctx, rows, N, bins, 5);
	ok(bins[0].treated == 50 && bins[4].treated == 450, "bins of rows of one score are in their order: %g, %g", bins[0].treated, bins[4].treated);
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
	test_covariates();
	test_srm();
	test_aa();
	test_failures();
	test_uplift();
	test_ctx_free(ctx);
	return done();
}
