/*
 * test_anomalies.c - anomalies of time series: what was planted is found, and little else
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "anomaly/anomalies.h"
#include "host.h"

#define MOST 4000

typedef struct Found
{
	double	   *expected;
	double	   *lower;
	double	   *upper;
	double	   *score;
	uint8_t    *flag;
} Found;

static AnomaliesParams
params_of(int season)
{
	AnomaliesParams params = ANOMALIES_DEFAULTS;

	params.nseasons = season > 0;
	params.seasons[0] = season;
	return params;
}

/* The scratch memory is exactly as large as was asked for: the sanitizer tells what goes beyond. */
static Found
find(EcmlCtx *ctx, const AnomaliesParams *params, const double *y, int n)
{
	Found		f = {ECML_NEW(ctx, double, n), ECML_NEW(ctx, double, n), ECML_NEW(ctx, double, n), ECML_NEW(ctx, double, n),
		ECML_NEW(ctx, uint8_t, n)};
	double	   *scratch = malloc(anomalies_scratch(params, n) * sizeof(double));

	anomalies_find(params, y, n, f.expected, f.lower, f.upper, f.score, f.flag, scratch, NULL, NULL);
	free(scratch);
	return f;
}

static int
flags(const Found *f, int from, int to)
{
	int			k = 0;

	for (int i = from; i < to; i++)
		k += f->flag[i];
	return k;
}

/* A day of 24 values with a trend, noise of deviation 1. */
static double *
series(EcmlCtx *ctx, int n)
{
	double	   *y = ECML_NEW(ctx, double, n);

	for (int i = 0; i < n; i++)
		y[i] = 100 + 0.02 * i + 10 * sin(2 * M_PI * i / 24) + ecml_rng_normal(&ctx->rng);
	return y;
}

static void
test_spikes(void)
{
	EcmlCtx    *ctx = test_ctx(1, 1);
	int			n = 1000;
	double	   *y = series(ctx, n);
	AnomaliesParams params = params_of(24);
	Found		f;
	bool		inside = true;

	f = find(ctx, &params, y, n);
	ok(flags(&f, 0, n) <= 1, "normal noise: %d of %d values are taken for anomalies", flags(&f, 0, n), n);
	/* one high, one low, and one that is usual but for its hour; two absurd ones side by side; a missing stretch */
	y[100] += 12;
	y[333] -= 12;
	y[500] = y[500 + 12];
	y[700] = 1e7;
	y[701] = -1e7;
	for (int i = 800; i < 840; i++)
		y[i] = NAN;
	f = find(ctx, &params, y, n);
	ok(f.flag[100] && f.flag[333] && f.flag[700] && f.flag[701], "spikes up and down, and absurd values, are found");
	ok(f.flag[500] == (fabs(y[500] - f.expected[500]) > 6), "a value of another hour is judged by its own");
	ok(flags(&f, 0, n) <= 7, "and no more than two others (%d flags)", flags(&f, 0, n));
	for (int i = 0; i < n; i++)
	{
		inside = inside && f.lower[i] < f.expected[i] && f.expected[i] < f.upper[i];
		inside = inside && (isnan(y[i]) ? isnan(f.score[i]) && !f.flag[i] :
							f.flag[i] == (y[i] < f.lower[i] || y[i] > f.upper[i]));
	}
	ok(inside, "a value is an anomaly when it lies outside of its range, and never where it is missing");
	ok(fabs(f.expected[820] - (100 + 0.02 * 820 + 10 * sin(2 * M_PI * 820 / 24))) < 3, "a gap has an expected value (%.1f)",
	   f.expected[820]);
	params.direction = ANOMALIES_ABOVE;
	f = find(ctx, &params, y, n);
	ok(f.flag[100] && !f.flag[333] && f.score[333] == 0, "above: only the high one");
	params.direction = ANOMALIES_BELOW;
	f = find(ctx, &params, y, n);
	ok(!f.flag[100] && f.flag[333], "below: only the low one");
	test_ctx_free(ctx);
}

static void
test_shift(void)
{
	EcmlCtx    *ctx = test_ctx(1, 2);
	int			n = 1200;
	double	   *y = series(ctx, n);
	AnomaliesParams params = params_of(24);
	Found		f;

	for (int i = 600; i < n; i++)
		y[i] += 30;
	f = find(ctx, &params, y, n);
	ok(flags(&f, 600, 624) >= 22, "a new level is told at once: %d of the first 24 values", flags(&f, 600, 624));
	ok(flags(&f, 627, n) == 0 && flags(&f, 0, 595) == 0, "and not for ever: %d later, %d before", flags(&f, 627, n),
	   flags(&f, 0, 595));
	params.shift = 48;
	f = find(ctx, &params, y, n);
	ok(flags(&f, 600, 648) >= 40 && flags(&f, 655, n) == 0, "shift 48: for two days (%d)", flags(&f, 600, 648));
	test_ctx_free(ctx);
}

/* Scatter that grows with the level. */
static void
test_transform(void)
{
	EcmlCtx    *ctx = test_ctx(1, 3);
	int			n = 1440;
	double	   *y = ECML_NEW(ctx, double, n);
	AnomaliesParams params = params_of(24);
	Found		f;
	int			plain;

	for (int i = 0; i < n; i++)
		y[i] = exp(5 + 1.5 * sin(2 * M_PI * i / 720) + 0.5 * sin(2 * M_PI * i / 24) + 0.1 * ecml_rng_normal(&ctx->rng));
	/* low in its place, though many are lower */
	y[180] *= 0.5;
	y[540] *= 2;
	f = find(ctx, &params, y, n);
	ok(f.flag[180] && f.flag[540] && flags(&f, 0, n) <= 4, "multiplicative: half and double are found (%d flags)",
	   flags(&f, 0, n));
	ok(f.lower[10] > 0, "and a range does not go below 0");
	params.transform = ANOMALIES_NONE;
	f = find(ctx, &params, y, n);
	plain = flags(&f, 0, n);
	ok(!f.flag[540] || plain > 10, "without the logarithm they are not, or many others are (%d flags)", plain);
	y[7] = -1;
	params.transform = ANOMALIES_LOG;
	f = find(ctx, &params, y, n);
	ok(isfinite(f.expected[100]) && f.flag[7] == 0 + (f.score[7] > 5), "a logarithm that is not possible is not taken");
	test_ctx_free(ctx);
}

static void
test_seasons(void)
{
	EcmlCtx    *ctx = test_ctx(1, 4);
	int			n = 24 * 7 * 10;
	double	   *y = ECML_NEW(ctx, double, n);
	AnomaliesParams params = params_of(24);
	Found		f;

	for (int i = 0; i < n; i++)
		y[i] = 50 + 8 * sin(2 * M_PI * i / 24) - (i / 24 % 7 >= 5 ? 20 : 0) + ecml_rng_normal(&ctx->rng);
	/* a Wednesday like a Sunday */
	for (int i = 24 * 30; i < 24 * 31; i++)
		y[i] -= 20;
	params.nseasons = 2;
	params.seasons[1] = 168;
	f = find(ctx, &params, y, n);
	ok(flags(&f, 24 * 30, 24 * 31) == 24 && flags(&f, 0, n) <= 26, "day and week: a weekday like a Sunday (%d of 24, %d in all)",
	   flags(&f, 24 * 30, 24 * 31), flags(&f, 0, n));
	/* noise has no season: what is offered must not make anomalies vanish */
	for (int i = 0; i < n; i++)
		y[i] = ecml_rng_normal(&ctx->rng);
	y[400] = 9;
	f = find(ctx, &params, y, n);
	ok(f.flag[400] && flags(&f, 0, n) <= 2, "seasons that are not there do no harm (%d flags)", flags(&f, 0, n));
	test_ctx_free(ctx);
}

static void
test_edges(void)
{
	EcmlCtx    *ctx = test_ctx(1, 5);
	double		y[MOST];
	AnomaliesParams params = params_of(7);
	Found		f;
	bool		sane = true;

	for (int n = 0; n < 40; n++)
		for (int kind = 0; kind < 4; kind++)
			for (int season = 0; season <= 14; season += 7)
			{
				params = params_of(season);
				params.given = kind == 2;
				for (int i = 0; i < n; i++)
					y[i] = kind == 0 ? 5 : kind == 1 ? i : kind == 2 ? ecml_rng_normal(&ctx->rng) : i % 3 ? NAN : i * 1e300;
				f = find(ctx, &params, y, n);
				for (int i = 0; i < n; i++)
					sane = sane && (kind >= 2 || (!f.flag[i] && isfinite(f.expected[i])));
			}
	ok(sane, "short series, constants and lines have no anomalies");
	for (int i = 0; i < 50; i++)
		y[i] = i == 30 ? 6 : 5;
	params = params_of(0);
	f = find(ctx, &params, y, 50);
	ok(f.flag[30] && flags(&f, 0, 50) == 1, "the only value that differs is one");
	for (int i = 0; i < 50; i++)
		y[i] = NAN;
	f = find(ctx, &params, y, 50);
	ok(flags(&f, 0, 50) == 0 && isnan(f.expected[3]), "nothing but gaps: nothing is told");
	test_ctx_free(ctx);
}

static bool
at_once(const void *arg)
{
	(*(int *) arg)++;
	return true;
}

static void
test_stop(void)
{
	EcmlCtx    *ctx = test_ctx(1, 6);
	int			n = 1000;
	double	   *y = series(ctx, n);
	AnomaliesParams params = params_of(24);
	double	   *out = ECML_NEW(ctx, double, 4 * n);
	uint8_t    *flag = ECML_NEW(ctx, uint8_t, n);
	int			asked = 0;

	anomalies_find(&params, y, n, out, out + n, out + 2 * n, out + 3 * n, flag,
				   ECML_NEW(ctx, double, anomalies_scratch(&params, n)), at_once, &asked);
	ok(asked >= 1 && asked <= 3, "it ends when it is told to (asked %d times)", asked);
	test_ctx_free(ctx);
}

int
main(void)
{
	test_spikes();
	test_shift();
	test_transform();
	test_seasons();
	test_edges();
	test_stop();
	return done();
}
