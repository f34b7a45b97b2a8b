/*
 * test_bandit.c - bandits: draws against their moments, sums against naive ones, regret against a reference implementation
 *
 * The reference (naive_thompson) is Thompson sampling as the papers write it, by code of its own: a beta variate is the ratio of
 * sums of exponentials (whole shapes only), the counts are whole numbers.
 */
#include "host.h"

#include <math.h>
#include <string.h>

#include "pricing/bandit.h"

#define ARMS 5
#define ROUNDS 10000
#define RUNS 32

static const double chance[ARMS] = {0.05, 0.06, 0.08, 0.03, 0.1};

/* ---- the reference */

/* a sum of many exponentials is normal as far as its place among others can tell */
static double
exponentials(EcmlRng *rng, int n)
{
	double		product = 1;
	double		sum = 0;

	if (n > 150)
		return n + sqrt(n) * ecml_rng_normal(rng);
	for (int i = 0; i < n; i++)
	{
		product *= 1 - ecml_rng_double(rng);
		if (product < 1e-200 || i == n - 1)
		{
			sum -= log(product);
			product = 1;
		}
	}
	return sum;
}

static double
naive_thompson(EcmlRng *rng)
{
	int			wins[ARMS] = {0};
	int			losses[ARMS] = {0};
	double		regret = 0;

	for (int round = 0; round < ROUNDS; round++)
	{
		double		most = -1;
		int			arm = 0;

		for (int a = 0; a < ARMS; a++)
		{
			double		x = exponentials(rng, wins[a] + 1);
			double		y = exponentials(rng, losses[a] + 1);
			double		draw = x / (x + y);

			if (draw > most)
			{
				most = draw;
				arm = a;
			}
		}
		if (ecml_rng_double(rng) < chance[arm])
			wins[arm]++;
		else
			losses[arm]++;
		regret += 0.1 - chance[arm];
	}
	return regret;
}

static double
our_regret(BanditParams params, EcmlRng *rng)
{
	BanditArm	arms[ARMS];
	double		scratch[4];
	double		regret = 0;

	memset(arms, 0, sizeof(arms));
	for (int round = 0; round < ROUNDS; round++)
	{
		int			arm = bandit_choose(&params, arms, ARMS, NULL, 0, rng, scratch);

		bandit_chosen(&params, &arms[arm], round);
		bandit_rewarded(&params, &arms[arm], round, ecml_rng_double(rng) < chance[arm], NULL);
		regret += 0.1 - chance[arm];
	}
	return regret;
}

static void
test_regret(void)
{
	EcmlRng		rng;
	double		ours = 0;
	double		ours2 = 0;
	double		theirs = 0;
	double		theirs2 = 0;
	double		error;
	BanditParams params = BANDIT_DEFAULTS;

	ecml_rng_seed(&rng, 1);
	for (int run = 0; run < RUNS; run++)
	{
		double		r = our_regret(params, &rng);

		ours += r / RUNS;
		ours2 += r * r / RUNS;
		r = naive_thompson(&rng);
		theirs += r / RUNS;
		theirs2 += r * r / RUNS;
	}
	error = sqrt(((ours2 - ours * ours) + (theirs2 - theirs * theirs)) / RUNS);
	ok(ours <= theirs + 2 * error, "Thompson sampling: regret %.1f after %d rounds, the reference's %.1f (error %.1f)", ours, ROUNDS, theirs,
	   error);
	params.policy = BANDIT_THOMPSON_GAUSSIAN;
	ours = 0;
	for (int run = 0; run < 4; run++)
		ours += our_regret(params, &rng) / 4;
	ok(ours < 0.5 * ROUNDS * (0.1 - 0.064), "with a normal posterior: %.1f", ours);
	params.policy = BANDIT_UCB1;
	params.exploration = 0.3;
	ours = our_regret(params, &rng);
	ok(ours < 0.6 * ROUNDS * (0.1 - 0.064), "UCB1: %.1f", ours);
	params.policy = BANDIT_EPSILON_GREEDY;
	params.epsilon_decay = 0.01;
	ours = 0;
	/* once in a while it settles on the wrong arm: many runs */
	for (int run = 0; run < 100; run++)
		ours += our_regret(params, &rng) / 100;
	ok(ours < 0.6 * ROUNDS * (0.1 - 0.064), "epsilon-greedy: %.1f", ours);
}

static void
test_draws(void)
{
	EcmlRng		rng;

	ecml_rng_seed(&rng, 2);
	for (int kind = 0; kind < 5; kind++)
	{
		double		shape = (double[]) {0.2, 0.9, 1, 3.5, 400}[kind];
		double		sum = 0;
		double		squares = 0;
		int			n = 40000;

		for (int i = 0; i < n; i++)
		{
			double		x = bandit_draw_gamma(&rng, shape);

			sum += x / n;
			squares += x * x / n;
		}
		ok(fabs(sum - shape) < 5 * sqrt(shape / n), "gamma of %g: mean %g", shape, sum);
		ok(fabs(squares - sum * sum - shape) < 0.12 * shape + 0.02, "and variance %g", squares - sum * sum);
	}
	for (int kind = 0; kind < 3; kind++)
	{
		double		a = (double[]) {1e-4, 1, 50}[kind];
		double		b = (double[]) {1e-4, 3, 20}[kind];
		double		sum = 0;

		for (int i = 0; i < 20000; i++)
			sum += bandit_draw_beta(&rng, a, b) / 20000;
		ok(fabs(sum - a / (a + b)) < 0.02, "beta of %g, %g: mean %g", a, b, sum);
	}
}

static void
test_decay(void)
{
	BanditParams params = BANDIT_DEFAULTS;
	BanditArm	arm;
	double		n = 0;
	double		sum = 0;

	memset(&arm, 0, sizeof(arm));
	params.decay = 0.05;
	for (int i = 0; i < 100; i++)
		bandit_rewarded(&params, &arm, 3 * i, i % 3, NULL);
	bandit_age(&params, &arm, 400);
	for (int i = 0; i < 100; i++)
	{
		n += exp(-0.05 * (400 - 3 * i));
		sum += exp(-0.05 * (400 - 3 * i)) * (i % 3);
	}
	close_to(arm.n, n, 1e-12, "weights by age");
	close_to(arm.sum, sum, 1e-12, "and the sum");
	ok(arm.rewards == 100 && arm.total == 99, "counts stay exact");
}

static void
test_linear(void)
{
	enum {D = 4};
	double		gram[2][D * D];
	double		moment[2][D];
	double		scratch[64];
	double		x[D];
	BanditArm	arms[2];
	int			right[2] = {0, 0};

	for (int kind = 0; kind < 2; kind++)
	{
		BanditParams params = BANDIT_DEFAULTS;
		EcmlRng		rng;

		ecml_rng_seed(&rng, 3 + kind);
		params.policy = kind ? BANDIT_LINEAR_THOMPSON : BANDIT_LINUCB;
		memset(arms, 0, sizeof(arms));
		memset(gram, 0, sizeof(gram));
		memset(moment, 0, sizeof(moment));
		for (int a = 0; a < 2; a++)
		{
			arms[a].d = D;
			arms[a].gram = gram[a];
			arms[a].moment = moment[a];
		}
		for (int i = 0; i < 1200; i++)
		{
			int			arm;
			double		mean[2];

			x[0] = 1;
			for (int j = 1; j < D; j++)
				x[j] = ecml_rng_double(&rng);
			mean[0] = x[1];
			mean[1] = 0.9 - x[1] + 0.3 * x[2];
			arm = bandit_choose(&params, arms, 2, x, D, &rng, scratch);
			bandit_rewarded(&params, &arms[arm], i, mean[arm] + 0.3 * ecml_rng_normal(&rng), x);
			if (i >= 600)
				right[kind] += fabs(mean[0] - mean[1]) < 0.1 || mean[arm] >= mean[1 - arm];
		}
		ok(right[kind] > 540, "%s: right in %d of 600", kind ? "linear Thompson sampling" : "LinUCB", right[kind]);
	}
}

static void
test_report(void)
{
	EcmlCtx    *ctx = test_ctx(1, 5);
	BanditParams params = BANDIT_DEFAULTS;
	BanditArm	arms[3];
	double		best[3];
	double		mean;
	double		low;
	double		high;

	memset(arms, 0, sizeof(arms));
	for (int a = 0; a < 3; a++)
		for (int i = 0; i < 50; i++)
			bandit_rewarded(&params, &arms[a], 0, i < 5 + 10 * a, NULL);
	bandit_best(ctx, &params, arms, 3, 5000, best);
	close_to(best[0] + best[1] + best[2], 1, 1e-9, "probabilities");
	ok(best[2] > 0.97 && best[0] < 0.01, "the best is known");
	bandit_mean(&params, arms, 3, 1, 0.95, &mean, &low, &high);
	ok(mean == 0.3 && low > 0.17 && low < 0.22 && high > 0.41 && high < 0.46, "mean %g in %g to %g", mean, low, high);
	params.policy = BANDIT_THOMPSON_GAUSSIAN;
	bandit_mean(&params, arms, 3, 1, 0.95, &mean, &low, &high);
	ok(low > 0.15 && low < 0.22 && high > 0.38 && high < 0.45, "normal: %g to %g", low, high);
	test_ctx_free(ctx);
}

int
main(void)
{
	test_draws();
	test_decay();
	test_linear();
	test_report();
	test_regret();
	return done();
}
