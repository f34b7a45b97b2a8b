/*
 * test_stl.c - STL and MSTL against statsmodels (test/data/stl, made by its make_stl.py); local regression against its
 * definition; selection against sorting
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"
#include "num/loess.h"
#include "num/select.h"
#include "num/stl.h"

#define MOST 256

static void
test_reference(void)
{
	const char *data = getenv("ECML_TEST_DATA");
	char		path[512];
	char		line[1024];
	FILE	   *file;
	int			cases = 0;

	snprintf(path, sizeof(path), "%s/stl/reference.tsv", data ? data : "test/data");
	file = fopen(path, "r");
	ok(file != NULL, "%s is there", path);
	if (file == NULL)
		return;
	while (fgets(line, sizeof(line), file))
	{
		char		name[64];
		char		periods[64];
		int			n;
		EcmlMstl	mstl = {.nperiods = 0};
		EcmlStl    *s = &mstl.stl;
		int			seasonal;
		double		y[MOST];
		double		want[4][MOST];
		double		worst = 0;
		EcmlCtx    *ctx;
		double	   *seasons;
		double	   *trend;
		double	   *weights;
		const char *wrong;

		if (line[0] == '#')
			continue;
		if (sscanf(line, "case\t%63[^\t]\t%d\t%63[^\t]\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d", name, &n, periods, &seasonal,
				   &s->trend, &s->seasonal_degree, &s->trend_degree, &s->low_pass_degree, &s->seasonal_jump, &s->trend_jump,
				   &s->low_pass_jump, &s->inner, &s->outer) != 13 || n > MOST)
		{
			ok(false, "the line is understood: %s", line);
			break;
		}
		for (char *p = strtok(periods, ","); p; p = strtok(NULL, ","))
		{
			mstl.windows[mstl.nperiods] = seasonal;
			mstl.periods[mstl.nperiods++] = atoi(p);
		}
		for (int i = 0; i < n; i++)
		{
			char	   *at = line;

			if (fgets(line, sizeof(line), file) == NULL)
				break;
			y[i] = strtod(at, &at);
			for (int c = 0; c < 2 + mstl.nperiods; c++)
				want[c][i] = strtod(at, &at);
		}
		ctx = test_ctx(1, 1);
		wrong = ecml_mstl_check(&mstl, n);
		ok(wrong == NULL, "%s: parameters are accepted (%s)", name, wrong ? wrong : "");
		seasons = ECML_NEW(ctx, double, mstl.nperiods * n);
		trend = ECML_NEW(ctx, double, n);
		weights = ECML_NEW(ctx, double, n);
		ecml_mstl(&mstl, y, n, seasons, trend, weights, ECML_NEW(ctx, double, ecml_mstl_scratch(&mstl, n)));
		for (int i = 0; i < n; i++)
		{
			worst = fmax(worst, fabs(trend[i] - want[0][i]));
			worst = fmax(worst, fabs(weights[i] - want[1][i]));
			for (int p = 0; p < mstl.nperiods; p++)
				worst = fmax(worst, fabs(seasons[p * n + i] - want[2 + p][i]));
		}
		ok(worst < 1e-10, "%s: equals statsmodels (the farthest value is off by %.1e)", name, worst);
		test_ctx_free(ctx);
		cases++;
	}
	fclose(file);
	ok(cases == 11, "all 11 cases were there");
}

/* ---- local regression by its definition ---- */

static double
naive_fit(const double *y, const double *w, int n, int stride, int window, int degree, int at)
{
	int			m = window < n ? window : n;
	int			left = at - (window - 1) / 2;
	double		h;
	double		sum = 0;
	double		mean = 0;
	double		variance = 0;
	double		fit = 0;

	left = left > n - m ? n - m : left;
	left = left < 0 ? 0 : left;
	h = fmax(at - left, left + m - 1 - at) + (window > n ? (window - n) / 2 : 0);
	for (int pass = 0; pass < 4; pass++)
		for (int j = left; j < left + m; j++)
		{
			double		r = abs(j - at);
			double		k = r <= 0.001 * h ? 1 : r <= 0.999 * h ? pow(1 - pow(r / h, 3), 3) : 0;

			if (w)
				k *= w[j * stride];
			if (pass == 0)
				sum += k;
			else if (pass == 1)
				mean += k / sum * j;
			else if (pass == 2)
				variance += k / sum * (j - mean) * (j - mean);
			else if (degree > 0 && sqrt(variance) > 0.001 * (n - 1))
				fit += k / sum * (1 + (at - mean) / variance * (j - mean)) * y[j * stride];
			else
				fit += k / sum * y[j * stride];
		}
	return sum > 0 ? fit : NAN;
}

static void
test_loess(void)
{
	EcmlCtx    *ctx = test_ctx(1, 7);
	double		worst = 0;
	double		beyond = 0;
	int			shapes = 0;

	for (int n = 1; n < 60; n += n < 12 ? 1 : 9)
		for (int lanes = 1; lanes <= 130; lanes = lanes * 4 + 1)
			for (int window = 3; window < 90; window = 2 * window + 5)
				for (int degree = 0; degree <= 1; degree++)
					for (int weighted = 0; weighted <= 2; weighted++)
					{
						EcmlLoess	loess = {window, degree, 1};
						int			stride = lanes == 1 ? 1 : lanes + 3;
						double	   *y = ECML_NEW0(ctx, double, n * stride);
						double	   *w = ECML_NEW0(ctx, double, n * stride);
						double	   *out = ECML_NEW(ctx, double, (n + 2) * stride);
						double	   *scratch = ECML_NEW(ctx, double, ecml_loess_scratch(&loess, n));

						for (int i = 0; i < n * stride; i++)
						{
							y[i] = ecml_rng_double(&ctx->rng) * 10;
							w[i] = ecml_rng_double(&ctx->rng);
							/* whole windows without weight */
							if (weighted == 2 && i / stride < 40)
								w[i] = 0;
						}
						ecml_loess(&loess, y, weighted ? w : NULL, n, lanes, stride, true, out, scratch);
						for (int l = 0; l < lanes; l++)
							for (int i = -1; i <= n; i++)
							{
								double		got = out[(i + 1) * stride + l];
								double		want = naive_fit(y + l, weighted ? w + l : NULL, n, stride, window, degree, i);

								if (n == 1 && i == 0)
									want = y[l];
								if (isnan(want))
									want = i < 0 ? out[stride + l] : i == n ? out[n * stride + l] : y[i * stride + l];
								if (i < 0 || i == n)
									beyond = fmax(beyond, fabs(got - want) / (1 + fabs(want)));
								else
									worst = fmax(worst, fabs(got - want) / (1 + fabs(want)));
							}
						ecml_free(ctx, y);
						ecml_free(ctx, w);
						ecml_free(ctx, out);
						ecml_free(ctx, scratch);
						shapes++;
					}
	ok(worst < 1e-10, "%d shapes equal the definition inside the series (off by %.1e)", shapes, worst);
	ok(beyond < 1e-9, "and one step beyond (off by %.1e)", beyond);
	test_ctx_free(ctx);
}

/* ---- what decompositions must do ---- */

static void
test_gaps(void)
{
	EcmlCtx    *ctx = test_ctx(1, 1);
	EcmlStl		stl = ECML_STL_ROBUST;
	int			n = 120;
	double	   *y = ECML_NEW(ctx, double, n);
	double	   *truth = ECML_NEW(ctx, double, n);
	double	   *season = ECML_NEW(ctx, double, n);
	double	   *trend = ECML_NEW(ctx, double, n);
	double	   *weights = ECML_NEW(ctx, double, n);
	double	   *scratch;
	double		worst = 0;
	bool		zero = true;

	stl.period = 6;
	scratch = ECML_NEW(ctx, double, ecml_stl_scratch(&stl, n));
	for (int i = 0; i < n; i++)
	{
		truth[i] = 10 + 0.3 * i + 5 * sin(2 * M_PI * i / 6);
		y[i] = i < 2 || (i >= 40 && i < 53) || i % 17 == 3 || i == n - 1 ? NAN : truth[i];
	}
	ecml_stl(&stl, y, n, season, trend, weights, scratch);
	for (int i = 0; i < n; i++)
	{
		worst = fmax(worst, fabs(trend[i] + season[i] - truth[i]));
		zero = zero && (isnan(y[i]) ? weights[i] == 0 : weights[i] > 0);
	}
	ok(worst < 0.05, "a line and a sine go on through gaps of two seasons and at both ends (off by %.1e)", worst);
	ok(zero, "missing values have weight 0, others have not");

	/* outliers do not count for a robust fit */
	for (int i = 0; i < n; i++)
		y[i] = truth[i] + (i % 5 - 2) * 0.1;
	y[60] += 60;
	y[61] -= 80;
	ecml_stl(&stl, y, n, season, trend, weights, scratch);
	ok(weights[60] == 0 && weights[61] == 0 && fabs(trend[60] + season[60] - truth[60]) < 0.5 &&
	   fabs(trend[61] + season[61] - truth[61]) < 0.5, "two outliers get weight 0 and move nothing");

	for (int i = 0; i < n; i++)
		y[i] = NAN;
	ecml_stl(&stl, y, n, season, trend, weights, scratch);
	ok(trend[5] == 0 && season[5] == 0 && weights[5] == 0, "nothing but gaps: trend and season are 0");

	for (int i = 0; i < n; i++)
		y[i] = 7;
	ecml_stl(&stl, y, n, season, trend, weights, scratch);
	worst = 0;
	for (int i = 0; i < n; i++)
		worst = fmax(worst, fmax(fabs(trend[i] - 7), fmax(fabs(season[i]), fabs(weights[i] - 1))));
	ok(worst < 1e-12, "a constant is its own trend, without a season, of full weights");

	/* the season is the same throughout */
	stl.seasonal = -1;
	for (int i = 0; i < n; i++)
		y[i] = truth[i] + (i % 5 - 2) * 0.1;
	scratch = ECML_NEW(ctx, double, ecml_stl_scratch(&stl, n));
	ecml_stl(&stl, y, n, season, trend, weights, scratch);
	worst = 0;
	for (int i = 6; i < n; i++)
		worst = fmax(worst, fabs(season[i] - season[i - 6]));
	ok(worst < 0.02, "window -1: a season is like the next (off by %.1e)", worst);
	test_ctx_free(ctx);
}

static void
test_trend_alone(void)
{
	EcmlCtx    *ctx = test_ctx(1, 3);
	EcmlMstl	mstl = {.nperiods = 0,.stl = ECML_STL_ROBUST};
	int			n = 101;
	double		y[101];
	double		trend[101];
	double		weights[101];
	double		worst = 0;

	for (int i = 0; i < n; i++)
		y[i] = 3 - 0.5 * i + 0.01 * (i % 3);
	y[50] = 1000;
	y[20] = NAN;
	ok(ecml_mstl_check(&mstl, n) == NULL, "no seasons at all are allowed");
	ecml_mstl(&mstl, y, n, NULL, trend, weights, ECML_NEW(ctx, double, ecml_mstl_scratch(&mstl, n)));
	for (int i = 0; i < n; i++)
		worst = fmax(worst, fabs(trend[i] - (3 - 0.5 * i)));
	ok(worst < 0.05, "without seasons the trend is a line where the values are (off by %.1e)", worst);
	ok(weights[50] == 0 && weights[20] == 0 && weights[0] > 0, "and outliers weigh nothing");
	ecml_mstl(&mstl, y, 1, NULL, trend, weights, ECML_NEW(ctx, double, ecml_mstl_scratch(&mstl, 1)));
	ok(trend[0] == 3, "one value is its own trend");
	test_ctx_free(ctx);
}

static void
test_tolerance(void)
{
	EcmlCtx    *ctx = test_ctx(1, 3);
	EcmlStl		stl = ECML_STL_ROBUST;
	int			n = 400;
	double	   *y = ECML_NEW(ctx, double, n);
	double	   *season[2];
	double	   *trend[2];
	double		worst = 0;

	stl.period = 12;
	for (int i = 0; i < n; i++)
		y[i] = 5 * sin(2 * M_PI * i / 12) + ecml_rng_double(&ctx->rng) + (i % 50 == 7 ? 30 : 0);
	for (int k = 0; k < 2; k++)
	{
		season[k] = ECML_NEW(ctx, double, n);
		trend[k] = ECML_NEW(ctx, double, n);
		stl.tolerance = k == 0 ? 0 : 1e-3;
		ecml_stl(&stl, y, n, season[k], trend[k], NULL, ECML_NEW(ctx, double, ecml_stl_scratch(&stl, n)));
	}
	for (int i = 0; i < n; i++)
		worst = fmax(worst, fabs(trend[0][i] + season[0][i] - trend[1][i] - season[1][i]));
	ok(worst > 0 && worst < 0.05, "a tolerance ends early, close to the end (off by %.1e)", worst);
	test_ctx_free(ctx);
}

static void
test_checks(void)
{
	EcmlStl		good = ECML_STL_DEFAULTS;
	EcmlStl		bad;
	EcmlMstl	mstl = {.nperiods = 2,.periods = {12, 7},.stl = ECML_STL_DEFAULTS};

	good.period = 12;
	ok(ecml_stl_check(&good, 24) == NULL && ecml_stl_check(&good, 23) != NULL, "two seasons are needed");
	bad = good, bad.period = 1;
	ok(ecml_stl_check(&bad, 100) != NULL, "a period of 1 is refused");
	bad = good, bad.seasonal = 8;
	ok(ecml_stl_check(&bad, 100) != NULL, "an even window is refused");
	bad = good, bad.trend = 11;
	ok(ecml_stl_check(&bad, 100) != NULL, "a trend within a season is refused");
	bad = good, bad.trend_degree = 2;
	ok(ecml_stl_check(&bad, 100) != NULL, "degree 2 is refused");
	bad = good, bad.inner = 0;
	ok(ecml_stl_check(&bad, 100) != NULL, "no passes are refused");
	ok(ecml_mstl_check(&mstl, 100) != NULL, "descending periods are refused");
	mstl.periods[1] = 24;
	ok(ecml_mstl_check(&mstl, 48) == NULL && ecml_mstl_check(&mstl, 47) != NULL, "two of the longest seasons are needed");
	mstl.nperiods = 9;
	ok(ecml_mstl_check(&mstl, 100) != NULL, "nine seasons are refused");
}

/* ---- selection ---- */

static int
compare(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return (x > y) - (x < y);
}

static void
test_select(void)
{
	EcmlCtx    *ctx = test_ctx(1, 5);
	double	   *v = ECML_NEW(ctx, double, 20000);
	double	   *sorted = ECML_NEW(ctx, double, 20000);
	bool		right = true;
	bool		parted = true;
	bool		median = true;

	for (int round = 0; round < 400; round++)
	{
		size_t		n = round < 300 ? 1 + round % 40 : 1 + ecml_rng_next(&ctx->rng) % 20000;
		size_t		k = ecml_rng_next(&ctx->rng) % n;
		int			kind = round % 5;
		double		got;

		for (size_t i = 0; i < n; i++)
			v[i] = kind == 0 ? ecml_rng_double(&ctx->rng) : kind == 1 ? (double) (ecml_rng_next(&ctx->rng) % 3) :
				kind == 2 ? (double) i : kind == 3 ? -(double) i : 1;
		memcpy(sorted, v, n * sizeof(double));
		qsort(sorted, n, sizeof(double), compare);
		got = ecml_select_f8(v, n, k);
		right = right && got == sorted[k];
		for (size_t i = 0; i < n; i++)
			parted = parted && (i < k ? v[i] <= got : v[i] >= got);
		median = median && ecml_median_f8(v, n) == sorted[(n - 1) / 2] + (sorted[n / 2] - sorted[(n - 1) / 2]) / 2;
		qsort(v, n, sizeof(double), compare);
		right = right && memcmp(v, sorted, n * sizeof(double)) == 0;
	}
	ok(right, "the kth is that of the sorted array, and no value is lost");
	ok(parted, "smaller ones lie before it, greater ones behind");
	ok(median, "the median is the middle, or the mean of two");
	test_ctx_free(ctx);
}

int
main(void)
{
	test_select();
	test_loess();
	test_reference();
	test_gaps();
	test_trend_alone();
	test_tolerance();
	test_checks();
	return done();
}
