/*
 * test_rank.c - tests of ranks, of groups and of counts against naive code: every pair, every arrangement, every table
 */
#include "host.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "num/dist.h"
#include "num/sort.h"
#include "stats/bayes.h"
#include "stats/groups.h"
#include "stats/planning.h"
#include "stats/proportion.h"
#include "stats/rank.h"
#include "stats/sequential.h"

#define MOST 14

static EcmlCtx *ctx;

/* Few different values, so that some are the same; or none are. */
static void
fill(double *v, int n, double shift, bool ties)
{
	for (int i = 0; i < n; i++)
	{
		v[i] = ecml_rng_normal(&ctx->rng) + shift;
		if (ties)
			v[i] = rint(v[i] * 1.5) / 1.5;
	}
}

static double
naive_u(const double *a, int m, const double *b, int n)
{
	double		u = 0;

	for (int i = 0; i < m; i++)
		for (int j = 0; j < n; j++)
			u += a[i] > b[j] ? 1 : a[i] == b[j] ? 0.5 : 0;
	return u;
}

static double
naive_ks(const double *a, int m, const double *b, int n, int alternative)
{
	double		most = 0;

	for (int k = 0; k < m + n; k++)
	{
		double		v = k < m ? a[k] : b[k - m];
		double		i = 0;
		double		j = 0;
		double		d;

		for (int l = 0; l < m; l++)
			i += a[l] <= v;
		for (int l = 0; l < n; l++)
			j += b[l] <= v;
		d = i / m - j / n;
		d = alternative == RANK_GREATER ? d : alternative == RANK_LESS ? -d : fabs(d);
		most = fmax(most, d);
	}
	return most;
}

/* Over all ways to call m of the m + n values the first sample: the share whose statistic is at least as far out. */
static void
enumerate(const double *a, int m, const double *b, int n, int alternative, double *p_u, double *p_ks)
{
	double		all[MOST];
	double		x[MOST];
	double		y[MOST];
	double		u = naive_u(a, m, b, n);
	double		d = naive_ks(a, m, b, n, alternative);
	double		ways = 0;
	double		above = 0;
	double		below = 0;
	double		far = 0;

	memcpy(all, a, m * sizeof(double));
	memcpy(all + m, b, n * sizeof(double));
	for (unsigned set = 0; set < 1u << (m + n); set++)
	{
		int			i = 0;
		int			j = 0;
		double		other;

		if (__builtin_popcount(set) != m)
			continue;
		for (int k = 0; k < m + n; k++)
			if (set >> k & 1)
				x[i++] = all[k];
			else
				y[j++] = all[k];
		ways++;
		other = naive_u(x, m, y, n);
		above += other >= u;
		below += other <= u;
		far += naive_ks(x, m, y, n, alternative) >= d - 1e-12;
	}
	*p_ks = far / ways;
	*p_u = (alternative == RANK_GREATER ? above : alternative == RANK_LESS ? below : fmin(ways, 2 * fmin(above, below))) / ways;
}

static void
test_two_samples(void)
{
	double		a[MOST];
	double		b[MOST];
	int			wrong = 0;
	int			cases = 0;
	double		p_u;
	double		p_ks;

	for (int m = 1; m <= 6; m++)
		for (int n = 1; n <= 6; n++)
			for (int alternative = 0; alternative < 3; alternative++)
			{
				RankParams	params = {.alternative = alternative, .method = RANK_EXACT};
				RankResult	u;
				RankResult	d;
				double		statistic;

				fill(a, m, 0, false);
				fill(b, n, 0.8, false);
				enumerate(a, m, b, n, alternative, &p_u, &p_ks);
				statistic = naive_u(a, m, b, n);
				u = rank_mann_whitney(ctx, a, m, b, n, &params);
				d = rank_ks(ctx, a, m, b, n, &params);
				cases++;
				wrong += u.statistic != statistic || fabs(u.p_value - p_u) > 1e-13 || fabs(d.p_value - p_ks) > 1e-13 ||
					fabs(d.statistic - naive_ks(a, m, b, n, alternative)) > 1e-15;
			}
	ok(wrong == 0 && cases == 108, "Mann-Whitney and Kolmogorov-Smirnov: exact p as over all arrangements");
	wrong = 0;
	for (int i = 0; i < 50; i++)
	{
		RankParams	params = {.continuity = true};
		double		statistic;

		fill(a, 9, 0, true);
		fill(b, 11, 0.3, true);
		statistic = naive_u(a, 9, b, 11);
		wrong += rank_mann_whitney(ctx, a, 9, b, 11, &params).statistic != statistic;
	}
	ok(wrong == 0, "U with ties as by pairs");
	{
		RankParams	exact = {.method = RANK_EXACT};

		a[0] = a[1] = 1;
		b[0] = 1;
		if (TRY(ctx))
		{
			rank_mann_whitney(ctx, a, 2, b, 1, &exact);
			ok(false, "ties have no exact p");
		}
		else
			ok(test_host(ctx)->status == ECML_DATA_EXCEPTION && ctx->hint[0], "ties have no exact p: %s", test_host(ctx)->message);
	}
	{
		/* symmetric sizes far from the middle: digits stay */
		RankParams	exact = {.method = RANK_EXACT, .alternative = RANK_GREATER};
		double		large[40];
		double		small[40];
		double		ways = 1;

		for (int i = 0; i < 40; i++)
		{
			small[i] = i;
			large[i] = 100 + i;
		}
		for (int i = 1; i <= 40; i++)
			ways *= (40.0 + i) / i;
		close_to(rank_mann_whitney(ctx, large, 40, small, 40, &exact).p_value, 1 / ways, 1e-12, "one arrangement among 1e23");
		close_to(rank_ks(ctx, small, 40, large, 40, &exact).p_value, 1 / ways, 1e-12, "one path among 1e23");
	}
	{
		RankParams	none = {0};

		ok(isnan(rank_mann_whitney(ctx, a, 0, b, 3, &none).p_value) && isnan(rank_ks(ctx, a, 3, b, 0, &none).statistic),
		   "nothing of an empty group");
	}
}

static void
test_signed_ranks(void)
{
	double		d[MOST];
	int			wrong = 0;

	for (int round = 0; round < 60; round++)
	{
		int			n = 1 + round % 11;
		int			alternative = round % 3;
		RankParams	params = {.alternative = alternative, .method = RANK_EXACT};
		double		ranks[MOST];
		int			kept = 0;
		double		plus = 0;
		double		all = 0;
		double		above = 0;
		double		below = 0;
		double		ways;
		double		p;
		RankResult	r;

		fill(d, n, 0.4, round % 2);
		for (int i = 0; i < n; i++)
		{
			double		rank = 0.5;

			if (d[i] == 0)
				continue;
			for (int j = 0; j < n; j++)
				if (d[j] != 0)
					rank += fabs(d[j]) < fabs(d[i]) ? 1 : fabs(d[j]) == fabs(d[i]) ? 0.5 : 0;
			ranks[kept++] = rank;
			all += rank;
			plus += d[i] > 0 ? rank : 0;
		}
		ways = ldexp(1, kept);
		for (unsigned signs = 0; signs < 1u << kept; signs++)
		{
			double		sum = 0;

			for (int i = 0; i < kept; i++)
				sum += signs >> i & 1 ? ranks[i] : 0;
			above += sum >= plus;
			below += sum <= plus;
		}
		p = (alternative == RANK_GREATER ? above : alternative == RANK_LESS ? below : fmin(ways, 2 * fmin(above, below))) / ways;
		r = rank_wilcoxon(ctx, d, n, &params);
		if (kept == 0)
			wrong += !isnan(r.p_value);
		else
			wrong += fabs(r.p_value - p) > 1e-13 ||
				r.statistic != (alternative == RANK_TWO_SIDED ? fmin(plus, all - plus) : plus);
	}
	ok(wrong == 0, "Wilcoxon: exact p as over all signs, ties and zeros included");
}

static void
test_correlations(void)
{
	double		x[200];
	double		y[200];
	int			wrong = 0;

	for (int round = 0; round < 60; round++)
	{
		int			n = 2 + round * 3;
		RankParams	params = {.method = RANK_ASYMPTOTIC};
		double		concordant = 0;
		double		tx = 0;
		double		ty = 0;
		double		pairs = n * (n - 1.0) / 2;
		double		tau;
		RankResult	r;

		fill(x, n, 0, round % 2);
		fill(y, n, 0, round % 3 == 0);
		for (int i = 0; i < n; i++)
			y[i] += round % 3 ? 0.5 * x[i] : 0;
		for (int i = 0; i < n; i++)
			for (int j = 0; j < i; j++)
			{
				double		s = (x[i] - x[j]) * (y[i] - y[j]);

				tx += x[i] == x[j];
				ty += y[i] == y[j];
				concordant += s > 0 ? 1 : s < 0 ? -1 : 0;
			}
		tau = concordant / sqrt((pairs - tx) * (pairs - ty));
		r = rank_kendall(ctx, x, y, n, &params);
		wrong += isnan(tau) ? !isnan(r.statistic) : fabs(r.statistic - tau) > 1e-13;
		/* Spearman is Pearson of ranks */
		{
			Bivariate	b = {0};
			double		rho;

			for (int i = 0; i < n; i++)
			{
				double		rx = 0.5;
				double		ry = 0.5;

				for (int j = 0; j < n; j++)
				{
					rx += x[j] < x[i] ? 1 : x[j] == x[i] ? 0.5 : 0;
					ry += y[j] < y[i] ? 1 : y[j] == y[i] ? 0.5 : 0;
				}
				bivariate_add(&b, rx, ry);
			}
			rho = pearson_correlation(&b, TTEST_TWO_SIDED, 0.95).statistic;
			r = rank_spearman(ctx, x, y, n, &params);
			wrong += isnan(rho) ? !isnan(r.statistic) : fabs(r.statistic - rho) > 1e-13;
		}
	}
	ok(wrong == 0, "Kendall and Spearman as by pairs and by ranks");
}

static void
test_sums(void)
{
	EcmlMoments shifted[3] = {0};
	EcmlMoments plain[3] = {0};
	AnovaResult a;
	AnovaResult b;
	Bivariate	one = {0};
	Bivariate	parts[2] = {0};

	for (int i = 0; i < 3000; i++)
	{
		double		v = rint(1024 * (ecml_rng_normal(&ctx->rng) + 0.05 * (i % 3))) / 1024;

		ecml_moments_add(&plain[i % 3], v);
		ecml_moments_add(&shifted[i % 3], v + 1e9);
		bivariate_add(&one, v, i % 7);
		bivariate_add(&parts[i < 1000], v, i % 7);
	}
	a = anova_one_way(plain, 3, false);
	b = anova_one_way(shifted, 3, false);
	close_to(b.statistic, a.statistic, 1e-12, "F does not mind 1e9 on top");
	close_to(anova_one_way(shifted, 3, true).statistic, anova_one_way(plain, 3, true).statistic, 1e-12, "nor does Welch's");
	bivariate_merge(&parts[0], &parts[1]);
	close_to(bivariate_covariance(&parts[0]), bivariate_covariance(&one), 1e-13, "covariances merge");
	/* two groups: F is the square of Student's t */
	{
		TtestParams params = TTEST_DEFAULTS;
		TtestResult t;

		params.equal_var = true;
		t = ttest_two_samples(&plain[0], &plain[1], &params);
		a = anova_one_way(plain, 2, false);
		close_to(a.statistic, t.statistic * t.statistic, 1e-12, "of two groups F is t squared");
		close_to(a.p_value, t.p_value, 1e-11, "and p the same");
	}
	memset(plain, 0, sizeof(plain));
	ok(isnan(anova_one_way(plain, 3, false).statistic), "nothing of empty groups");
	ecml_moments_add(&plain[0], 1);
	ecml_moments_add(&plain[1], 2);
	ok(isnan(anova_one_way(plain, 3, true).p_value), "one value in each group");
}

static void
test_counts(void)
{
	int			wrong = 0;
	double		worst = 0;

	/* Fisher against all tables of the margins */
	for (int round = 0; round < 200; round++)
	{
		double		t[4];
		double		low;
		double		high;
		double		observed = 0;
		double		total = 0;
		double		two = 0;
		double		less = 0;
		double		p[200];
		FisherResult f;

		for (int i = 0; i < 4; i++)
			t[i] = (double) ecml_rng_below(&ctx->rng, 30);
		low = fmax(0, t[0] - t[3]);
		high = fmin(t[0] + t[1], t[0] + t[2]);
		if (low == high)
			continue;
		for (double k = low; k <= high; k++)
		{
			double		log_p = -lgamma(k + 1) - lgamma(t[0] + t[1] - k + 1) - lgamma(t[0] + t[2] - k + 1) - lgamma(t[3] - t[0] + k + 1);

			p[(int) k] = log_p;
			observed = k == t[0] ? log_p : observed;
		}
		for (double k = low; k <= high; k++)
		{
			double		w = exp(p[(int) k] - observed);

			total += w;
			two += w <= 1 + 1e-7 ? w : 0;
			less += k <= t[0] ? w : 0;
		}
		f = fisher_exact(t[0], t[1], t[2], t[3], PROPORTION_TWO_SIDED, 0.95);
		worst = fmax(worst, fabs(f.p_value / (two / total) - 1));
		worst = fmax(worst, fabs(fisher_exact(t[0], t[1], t[2], t[3], PROPORTION_LESS, 0.95).p_value / (less / total) - 1));
		wrong += !(f.ci_low <= f.estimate && f.estimate <= f.ci_high);
		wrong += f.ci_low > 0 && fabs(fisher_exact(t[0], t[1], t[2], t[3], PROPORTION_GREATER, 0.975).ci_low / f.ci_low - 1) > 1e-12;
	}
	ok(worst < 1e-11, "Fisher's p as over all tables: %.2g", worst);
	ok(wrong == 0, "its interval holds the estimate, and a one-sided one has the same end");
	/* the exact test of a rate against all outcomes */
	worst = 0;
	for (int round = 0; round < 300; round++)
	{
		double		n = 1 + (double) ecml_rng_below(&ctx->rng, 60);
		double		x = (double) ecml_rng_below(&ctx->rng, (uint64_t) n + 1);
		double		rate = (double) ecml_rng_below(&ctx->rng, 101) / 100;
		ProportionParams params = PROPORTION_DEFAULTS;
		double		d = ecml_binomial_pdf(x, n, rate) * (1 + 1e-7);
		double		p = 0;

		params.exact = true;
		for (double k = 0; k <= n; k++)
			p += ecml_binomial_pdf(k, n, rate) <= d ? ecml_binomial_pdf(k, n, rate) : 0;
		worst = fmax(worst, fabs(proportion_one(x, n, rate, &params).p_value - fmin(1, p)));
	}
	ok(worst < 1e-13, "the binomial test as over all outcomes: %.2g", worst);
}

static void
test_plans(void)
{
	PlanParams	plan = PLAN_DEFAULTS;
	double		n = plan_sample_size(0.3, &plan);
	double		density;

	close_to(plan_power(0.3, n, &plan), 0.8, 1e-9, "the size found has the power");
	ok(plan_power(0.3, n * 0.999, &plan) < 0.8, "and less is less");
	ok(isnan(plan_sample_size(1e-9, &plan)), "no size is enough for next to nothing");
	/* the noncentral t is the integral of a normal over a chi: by trapezoids, which converge fast here */
	for (int i = 0; i < 4; i++)
	{
		double		df = (double[]) {3, 10, 40, 7}[i];
		double		delta = (double[]) {0.5, 3, -2, 12}[i];
		double		t = (double[]) {1.2, 4, -1, 15}[i];
		double		sum = 0;

		for (double s = 0.0005; s < 12; s += 0.001)
		{
			density = 2 * df * s * ecml_chi2_pdf(df * s * s, df);
			sum += 0.001 * density * ecml_normal_sf(t * s - delta);
		}
		close_to(ecml_t_noncentral_sf(t, df, delta), sum, 1e-6, "noncentral t, df %g, delta %g", df, delta);
	}
	close_to(ecml_t_noncentral_sf(2.1, 9, 0), ecml_t_sf(2.1, 9), 1e-13, "without noncentrality it is t");
	close_to(ecml_f_noncentral_sf(2.1, 3, 20, 0), ecml_f_sf(2.1, 3, 20), 1e-13, "and F");
	close_to(ecml_f_noncentral_sf(4, 1, 20, 9), ecml_t_noncentral_sf(2, 20, 3) + ecml_t_noncentral_cdf(-2, 20, 3), 1e-12,
			 "F of one degree of freedom is t squared");
}

static void
test_looks(void)
{
	double	   *scratch = ECML_NEW(ctx, double, 2 * SEQUENTIAL_GRID);
	double		fractions[4] = {0.25, 0.5, 0.75, 1};
	SequentialParams params = SEQUENTIAL_DEFAULTS;
	SequentialLook looks[4];
	int			crossed = 0;
	int			rounds = 40000;
	AlwaysValid r;

	sequential_boundaries(fractions, 4, &params, looks, scratch);
	for (int i = 0; i < rounds; i++)
	{
		double		score = 0;
		bool		beyond = false;

		for (int k = 0; k < 4; k++)
		{
			score += ecml_rng_normal(&ctx->rng) * 0.5;
			beyond |= fabs(score / sqrt(fractions[k])) > looks[k].boundary;
		}
		crossed += beyond;
	}
	ok(fabs((double) crossed / rounds - 0.05) < 0.0045, "boundaries are crossed by chance in 5 of 100: %.4f", (double) crossed / rounds);
	sequential_boundaries(fractions + 3, 1, &params, looks, scratch);
	close_to(looks[0].boundary, ecml_normal_isf(0.025), 1e-10, "one look is the fixed test");
	r = sequential_always_valid(0.3, 0.1, 0.2, 0.95);
	close_to(r.p_value, 1 / r.ratio, 1e-12, "p is one by the ratio");
	r = sequential_always_valid(r.ci_high - 0.3, 0.1, 0.2, 0.95);
	close_to(r.p_value, 0.05, 1e-10, "at the interval's reach p is 1 - level");
	ok(sequential_always_valid(100, 0.1, 0.2, 0.95).p_value >= 0 && sequential_always_valid(0, 0, 0.2, 0.95).p_value == 1,
	   "far out, and without variance");
	ecml_free(ctx, scratch);
}

static void
test_bayes(void)
{
	BayesArm	arms[3] = {{121, 881}, {151, 851}, {2, 5}};
	BayesPosterior p[3];
	double		sum = 0;
	double		best[3] = {0};
	int			rounds = 20000;

	bayes_compare(ctx, arms, 3, true, 0.95, p);
	for (int i = 0; i < 3; i++)
		sum += p[i].best;
	close_to(sum, 1, 1e-8, "one of them is the best");
	for (int i = 0; i < rounds; i++)
	{
		double		x[3];

		for (int k = 0; k < 3; k++)
			x[k] = ecml_beta_quantile(ecml_rng_double(&ctx->rng), arms[k].a, arms[k].b);
		best[x[0] > x[1] ? (x[0] > x[2] ? 0 : 2) : x[1] > x[2] ? 1 : 2]++;
	}
	ok(fabs(best[1] / rounds - p[1].best) < 0.015 && fabs(best[2] / rounds - p[2].best) < 0.015, "as by draws: %.3f, %.3f",
	   best[1] / rounds, p[1].best);
	ok(p[0].loss > p[1].loss && p[1].loss > 0, "who is less likely the best loses more");
	bayes_compare(ctx, arms, 1, true, 0.95, p);
	ok(p[0].best == 1 && p[0].loss < 1e-9, "alone it is the best");
}

/* All that takes memory or polls; what failed, or -1. */
static int
attempt(long fail_after, long cancel_after)
{
	EcmlCtx    *own = test_ctx(1, 5);
	double		a[60];
	double		b[60];
	RankParams	exact = {.method = RANK_EXACT};
	volatile int result = -1;

	for (int i = 0; i < 60; i++)
	{
		a[i] = ecml_rng_normal(&own->rng);
		b[i] = ecml_rng_normal(&own->rng);
	}
	test_host(own)->fail_after = fail_after;
	test_host(own)->cancel_after = cancel_after;
	if (TRY(own))
	{
		rank_kendall(own, a, b, 60, &exact);
		rank_spearman(own, a, b, 60, &exact);
		rank_mann_whitney(own, a, 60, b, 60, &exact);
		rank_ks(own, a, 60, b, 60, &exact);
		rank_wilcoxon(own, a, 60, &exact);
	}
	else
		result = test_host(own)->cancelled ? 1000 : (int) test_host(own)->status;
	test_ctx_free(own);
	return result;
}

/* Every allocation failing in turn, and a cancel at every poll: an error, no crash. */
static void
test_failures(void)
{
	int			failures = 0;
	int			cancels = 0;

	for (int after = 0; after < 40; after++)
	{
		failures += attempt(after, -1) == ECML_OUT_OF_MEMORY;
		cancels += attempt(-1, after) == 1000;
	}
	ok(failures > 10, "%d allocations that fail are errors", failures);
	ok(cancels > 10, "%d polls that cancel are heard", cancels);
	ok(attempt(-1, -1) == -1, "and else there is none");
}

int
main(void)
{
	ctx = test_ctx(1, 3);
	test_two_samples();
	test_signed_ranks();
	test_correlations();
	test_sums();
	test_counts();
	test_plans();
	test_looks();
	test_bayes();
	test_failures();
	test_ctx_free(ctx);
	return done();
}
