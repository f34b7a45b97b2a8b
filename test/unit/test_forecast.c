/*
 * test_forecast.c - methods on one series: exponential smoothing and Theta against statsforecast and naive code, the simple ones,
 * the automatic choice; intervals against simulation; gaps, damaged parameters, few values; the runner: threads, cancel, memory
 */
#include "host.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "forecast/auto.h"
#include "forecast/croston.h"
#include "forecast/decompose.h"
#include "forecast/ets.h"
#include "forecast/reconcile.h"
#include "forecast/runner.h"
#include "forecast/theta.h"

#define MOST 512
#define STEPS 24

static double y[MOST];

/* One series and room for what comes of it. */
typedef struct Bench
{
	ForecastInput in;
	ForecastShape shape;
	ForecastArena arena;
	const void *options[FORECAST_MAX_METHODS];
	double		params[4096];
	double		mean[STEPS];
	double		lower[STEPS];
	double		upper[STEPS];
	double		sd[STEPS];
	double		fitted[MOST];
	ForecastFit fit;
	ForecastResult result;
} Bench;

static Bench b;

static void
begin(const double *values, int n, int horizon, int m)
{
	free(b.arena.base);
	memset(&b, 0, sizeof(b));
	b.in = (ForecastInput) {
		.y = values,.n = n,.horizon = horizon,.nperiods = m > 1,.periods = {m},.season = {m},.nlevels = 1,.levels = {0.95},
		.cap = NAN,.floor = NAN,.seed = 1,.options = b.options
	};
	b.shape = (ForecastShape) {
		.n = n,.horizon = horizon,.nperiods = m > 1,.period = m > 1 ? m : 1,.nlevels = 1,.validates = true,.options = b.options
	};
	b.fit.params = b.params;
	b.result = (ForecastResult) {.mean = b.mean,.lower = b.lower,.upper = b.upper,.sd = b.sd,.fitted = b.fitted};
}

static void
room(const ForecastMethod *method)
{
	free(b.arena.base);
	b.arena.size = (method->memory(&b.shape) + ECML_ALIGN - 1) / ECML_ALIGN * ECML_ALIGN;
	b.arena.base = aligned_alloc(ECML_ALIGN, b.arena.size > 0 ? b.arena.size : ECML_ALIGN);
	b.arena.used = 0;
	if (method->max_params(&b.shape) > (int) (sizeof(b.params) / sizeof(double)))
		abort();
}

static ForecastStatus
forecast(const ForecastMethod *method)
{
	room(method);
	return method->forecast(&b.in, &b.fit, &b.arena, &b.result);
}

static ForecastStatus
both(const ForecastMethod *method)
{
	ForecastStatus status;

	room(method);
	status = method->fit(&b.in, &b.arena, &b.fit);
	return status == FORECAST_OK ? forecast(method) : status;
}

/* ---- stored lines */

static int
numbers(const char *text, double *v, int most)
{
	int			n = 0;

	for (char *end; n < most; text = end + 1)
	{
		v[n++] = strtod(text, &end);
		if (*end != ',')
			break;
	}
	return n;
}

/* The fields of the next line that is no comment; false at the end. */
static bool
next_line(FILE *file, char *line, size_t size, char **fields, int n)
{
	while (fgets(line, (int) size, file))
	{
		int			k = 0;

		if (line[0] == '#')
			continue;
		for (char *p = line; p && k < n; k++)
		{
			fields[k] = p;
			p = strchr(p, '\t');
			if (p)
				*p++ = '\0';
		}
		return k == n;
	}
	return false;
}

static EtsForm
form_of(const char *text)
{
	EtsForm		form = {ETS_ADDITIVE, ETS_NONE, false, ETS_NONE};
	const char *p = text;
	int		   *parts[3] = {&form.error, &form.trend, &form.season};

	for (int i = 0; i < 3; i++)
	{
		*parts[i] = *p == 'A' ? ETS_ADDITIVE : *p == 'M' ? ETS_MULTIPLICATIVE : ETS_NONE;
		p++;
		if (*p == 'd')
		{
			form.damped = true;
			p++;
		}
	}
	return form;
}

/* The plainest recursion, from the book: log-likelihood and the values of one step. */
static double
naive_likelihood(const EtsForm *form, int m, double alpha, double beta, double gamma, double phi, double l, double slope,
				 const double *season, int n)
{
	double		s[64];
	double		squares = 0;
	double		logs = 0;

	memcpy(s, season, m * sizeof(double));
	for (int t = 0; t < n; t++)
	{
		double		move = form->trend == ETS_NONE ? 0 : form->trend == ETS_ADDITIVE ? phi * slope : pow(slope, phi);
		double		q = form->trend == ETS_MULTIPLICATIVE ? l * move : l + move;
		double		mu = form->season == ETS_NONE ? q : form->season == ETS_ADDITIVE ? q + s[t % m] : q * s[t % m];
		double		e = y[t] - mu;
		double		before = l;

		squares += form->error == ETS_ADDITIVE ? e * e : e / mu * (e / mu);
		logs += form->error == ETS_ADDITIVE ? 0 : log(fabs(mu));
		l = q + alpha * (form->season == ETS_MULTIPLICATIVE ? e / s[t % m] : e);
		if (form->trend == ETS_ADDITIVE)
			slope = move + beta / alpha * (l - before - move);
		else if (form->trend == ETS_MULTIPLICATIVE)
			slope = move + beta / alpha * (l / before - move);
		s[t % m] += gamma * (form->season == ETS_NONE ? 0 : form->season == ETS_ADDITIVE ? y[t] - q - s[t % m] : y[t] / q - s[t % m]);
	}
	return -0.5 * (n * log(squares) + 2 * logs);
}

static void
test_ets(void)
{
	static char line[16384];
	FILE	   *file = fopen("test/data/forecast/ets.tsv", "r");
	char	   *fields[8];
	double		worst_likelihood = INFINITY;
	double		worst_forecast = 0;
	double		worst_naive = 0;
	int			cases = 0;

	if (file == NULL)
	{
		ok(false, "test/data/forecast/ets.tsv");
		return;
	}
	while (next_line(file, line, sizeof(line), fields, 8))
	{
		int			m = atoi(fields[1]);
		int			n = numbers(fields[2], y, MOST);
		EtsForm		form = form_of(fields[3]);
		double		expected = strtod(fields[4], NULL);
		double		smoothing[4];
		double		states[80];
		double		ahead[12];
		double		season[64] = {0};
		double		minus_2;
		double		found[128];
		int			nstates;
		int			k = 0;

		numbers(fields[5], smoothing, 4);
		nstates = numbers(fields[6], states, 80);
		numbers(fields[7], ahead, 12);
		if (form.season == ETS_NONE)
			m = 1;
		/* theirs begin with the last season */
		for (int i = 0; i < m && form.season != ETS_NONE; i++)
			season[i] = states[nstates - 1 - i];
		worst_naive = fmax(worst_naive, fabs(naive_likelihood(&form, m, smoothing[0], form.trend == ETS_NONE ? 0 : smoothing[1],
															  form.season == ETS_NONE ? 0 : smoothing[2],
															  form.damped ? smoothing[3] : 1, states[0],
															  form.trend == ETS_NONE ? 0 : states[1], season, n) - expected));
		/* their parameters give their forecasts */
		begin(y, n, 12, m);
		b.params[k++] = smoothing[0];
		if (form.trend != ETS_NONE)
			b.params[k++] = smoothing[1];
		if (form.season != ETS_NONE)
			b.params[k++] = smoothing[2];
		if (form.damped)
			b.params[k++] = smoothing[3];
		b.params[k++] = states[0];
		if (form.trend != ETS_NONE)
			b.params[k++] = states[1];
		for (int i = 0; i < m && form.season != ETS_NONE; i++)
			b.params[k++] = season[i];
		b.params[k++] = 1;
		b.fit.form = ets_form_number(&form);
		b.fit.nparams = k;
		if (forecast(&forecast_method_ets) != FORECAST_OK)
			worst_forecast = INFINITY;
		/* from the second step on they take phi to the power of one less */
		for (int h = 0; h < (form.damped ? 1 : 12); h++)
			worst_forecast = fmax(worst_forecast, fabs(b.mean[h] / ahead[h] - 1));
		/* and the likelihood found is as high */
		b.arena.size = ets_fit_memory(n, m);
		free(b.arena.base);
		b.arena.base = aligned_alloc(ECML_ALIGN, b.arena.size);
		b.arena.used = 0;
		if (ets_fit_form(&b.in, &form, m, &b.arena, found, &minus_2) != FORECAST_OK)
			minus_2 = INFINITY;
		worst_likelihood = fmin(worst_likelihood, -0.5 * minus_2 - expected);
		/* its value is that of the naive recursion at what was found */
		k = 0;
		{
			double		alpha = found[k++];
			double		beta = form.trend != ETS_NONE ? found[k++] : 0;
			double		gamma = form.season != ETS_NONE ? found[k++] : 0;
			double		phi = form.damped ? found[k++] : 1;
			double		level = found[k++];
			double		slope = form.trend != ETS_NONE ? found[k++] : 0;

			worst_naive = fmax(worst_naive, fabs(naive_likelihood(&form, m, alpha, beta, gamma, phi, level, slope,
																  form.season == ETS_NONE ? season : found + k, n) + 0.5 * minus_2));
		}
		cases++;
	}
	fclose(file);
	ok(cases >= 40, "%d forms of ETS were read", cases);
	ok(worst_naive < 1e-6, "log-likelihoods as a naive recursion has them: %g", worst_naive);
	ok(worst_forecast < 1e-9, "forecasts from the same parameters as statsforecast: %g", worst_forecast);
	ok(worst_likelihood > -1e-3, "the likelihood found is not below statsforecast's: %g", worst_likelihood);
}

/* Intervals by formula against paths by hand: forms of each of the three classes. */
static void
test_ets_intervals(void)
{
	static const char *const forms[] = {"ANN", "AAdN", "AAA", "MNN", "MAN", "MAdA", "MNM", "MAdM"};

	for (int i = 0; i < 8; i++)
	{
		EtsForm		form = form_of(forms[i]);
		int			m = form.season == ETS_NONE ? 1 : 4;
		static const double additive[4] = {6, -2, 3, -7};
		static const double ratio[4] = {1.1, 0.95, 1.05, 0.9};
		double		squares[8] = {0};
		double		mean[8] = {0};
		double		worst = 0;
		double		sigma = form.error == ETS_ADDITIVE ? 3 : 0.05;
		int			k = 0;
		EcmlRng		rng;

		y[0] = form.season == ETS_ADDITIVE ? 106 : form.season == ETS_MULTIPLICATIVE ? 110 : 100;
		begin(y, 1, 8, m);
		b.params[k++] = 0.4;
		if (form.trend != ETS_NONE)
			b.params[k++] = 0.1;
		if (form.season != ETS_NONE)
			b.params[k++] = 0.3;
		if (form.damped)
			b.params[k++] = 0.9;
		b.params[k++] = 100;
		if (form.trend != ETS_NONE)
			b.params[k++] = 0;
		for (int s = 0; s < m && form.season != ETS_NONE; s++)
			b.params[k++] = form.season == ETS_ADDITIVE ? additive[s] : ratio[s];
		b.params[k++] = sigma;
		b.fit.form = ets_form_number(&form);
		b.fit.nparams = k;
		ok(forecast(&forecast_method_ets) == FORECAST_OK, "%s forecasts", forms[i]);
		ecml_rng_seed(&rng, 7);
		for (int path = 0; path < 40000; path++)
		{
			double		l = 100;
			double		slope = 0;
			double		s[4];

			memcpy(s, form.season == ETS_ADDITIVE ? additive : ratio, sizeof(s));
			for (int h = 0; h < 8; h++)
			{
				double		move = form.trend == ETS_NONE ? 0 : (form.damped ? 0.9 : 1) * slope;
				double		q = l + move;
				double	   *now = &s[(h + 1) % 4];
				double		mu = form.season == ETS_NONE ? q : form.season == ETS_ADDITIVE ? q + *now : q * *now;
				double		e = sigma * ecml_rng_normal(&rng);
				double		v = form.error == ETS_ADDITIVE ? mu + e : mu * (1 + e);
				double		d = (v - mu) / (form.season == ETS_MULTIPLICATIVE ? *now : 1);

				mean[h] += v / 40000;
				squares[h] += (v - b.mean[h]) * (v - b.mean[h]) / 40000;
				if (form.season == ETS_MULTIPLICATIVE)
					*now += 0.3 * (v / q - *now);
				else if (form.season == ETS_ADDITIVE)
					*now += 0.3 * (v - mu);
				l = q + 0.4 * d;
				slope = move + 0.1 * d;
			}
		}
		/* with a multiplicative season the formula, as the book has it, is exact for one season ahead */
		for (int h = 0; h < (form.season == ETS_MULTIPLICATIVE ? m : 8); h++)
			worst = fmax(worst, fabs(b.sd[h] / sqrt(squares[h]) - 1));
		ok(worst < 0.03, "%s: standard deviations by formula and by simulation: %g", forms[i], worst);
	}
}

static void
test_theta(void)
{
	static char line[16384];
	static const char *const names[] = {"", "STM", "OTM", "DSTM", "DOTM"};
	FILE	   *file = fopen("test/data/forecast/theta.tsv", "r");
	char	   *fields[5];
	double		worst = 0;
	int			cases = 0;

	if (file == NULL)
	{
		ok(false, "test/data/forecast/theta.tsv");
		return;
	}
	while (next_line(file, line, sizeof(line), fields, 5))
	{
		int			m = atoi(fields[1]);
		int			n = numbers(fields[2], y, MOST);
		double		ahead[12];
		ThetaOptions options = THETA_DEFAULTS;

		numbers(fields[4], ahead, 12);
		for (int i = 1; i <= 4; i++)
			if (strcmp(names[i], fields[3]) == 0)
				options.model = i;
		begin(y, n, 12, m);
		b.options[6] = &options;
		if (both(&forecast_method_theta) != FORECAST_OK)
			worst = INFINITY;
		for (int h = 0; h < 12; h++)
			worst = fmax(worst, fabs(b.mean[h] / ahead[h] - 1));
		cases++;
	}
	fclose(file);
	ok(cases == 16, "%d Theta models were read", cases);
	/* they search with a simplex, and errors begin one value later or earlier */
	ok(worst < 0.02, "forecasts of Theta near statsforecast's: %g", worst);
}

/* Standard Theta is simple exponential smoothing with half the slope of the line as drift. */
static void
test_theta_drift(void)
{
	ThetaOptions options = {.model = THETA_STANDARD,.season = THETA_SEASON_NONE};
	double		mean = 0;
	double		slope = 0;
	double		xx = 0;
	int			n = 60;
	EcmlRng		rng;

	ecml_rng_seed(&rng, 5);
	for (int t = 0; t < n; t++)
	{
		y[t] = 10 + 0.7 * t + ecml_rng_normal(&rng);
		mean += y[t] / n;
	}
	for (int t = 0; t < n; t++)
	{
		slope += (t - (n - 1) / 2.0) * (y[t] - mean);
		xx += (t - (n - 1) / 2.0) * (t - (n - 1) / 2.0);
	}
	slope /= xx;
	begin(y, n, 10, 1);
	b.options[6] = &options;
	ok(both(&forecast_method_theta) == FORECAST_OK, "Theta: %s", b.fit.label);
	for (int h = 1; h < 10; h++)
		close_to(b.mean[h] - b.mean[h - 1], slope / 2, 1e-9, "step %d grows by half the slope", h + 1);
}

static void
test_simple(void)
{
	static const double values[] = {3, 5, NAN, 4, 8, 6};

	begin(values, 6, 4, 3);
	ok(both(&forecast_method_naive) == FORECAST_OK && b.mean[0] == 6 && b.mean[3] == 6, "naive: the last value");
	close_to(b.sd[3], 2 * b.sd[0], 1e-12, "naive: errors grow with the root of the steps");
	begin(values, 6, 4, 1);
	ok(both(&forecast_method_drift) == FORECAST_OK, "drift");
	close_to(b.mean[3], 6 + 4 * 3.0 / 5, 1e-12, "drift: the line through first and last value");
	begin(values, 6, 4, 3);
	ok(both(&forecast_method_seasonal_naive) == FORECAST_OK && b.mean[0] == 4 && b.mean[1] == 8 && b.mean[2] == 6 && b.mean[3] == 4,
	   "seasonal naive: the values a season ago");
	begin(values, 6, 2, 1);
	ok(both(&forecast_method_mean) == FORECAST_OK, "mean");
	close_to(b.mean[1], 26.0 / 5, 1e-12, "mean of what is there");
}

static void
test_croston(void)
{
	/* by hand: sizes 4, 2, 6; intervals 2, 3, 1; alpha 0.5 */
	static const double values[] = {0, 4, 0, 0, 2, 6};
	CrostonOptions options = {.alpha = 0.5,.alpha_probability = 0.5};
	static const double bad[] = {1, -2, 3};

	begin(values, 6, 2, 1);
	b.options[7] = b.options[8] = b.options[9] = &options;
	ok(both(&forecast_method_croston) == FORECAST_OK, "Croston");
	/* sizes: 4, 4, 3, 4.5; intervals: 2, 2, 2.5, 1.75 */
	close_to(b.mean[1], 4.5 / 1.75, 1e-14, "Croston by hand");
	ok(both(&forecast_method_sba) == FORECAST_OK, "SBA");
	close_to(b.mean[1], 0.95 * 4.5 / 1.75, 1e-14, "SBA by hand");
	ok(both(&forecast_method_tsb) == FORECAST_OK, "TSB");
	/* probability from 0: 0, .5, .25, .125, .5625, .78125 */
	close_to(b.mean[1], 0.78125 * 4.5, 1e-14, "TSB by hand");
	begin(bad, 3, 2, 1);
	ok(both(&forecast_method_croston) == FORECAST_NOT_SUITED && b.fit.note, "no negative demand: %s", b.fit.note);
	for (int t = 0; t < 20; t++)
		y[t] = 0;
	for (int id = 7; id <= 11; id++)
	{
		begin(y, 20, 2, 1);
		ok(both(forecast_method_by_id(id)) == FORECAST_OK && b.mean[0] == 0 && b.upper[1] == 0, "%s of zeros is zero",
		   forecast_method_by_id(id)->name);
	}
}

/* What comes of all methods on series of every kind: numbers, or a status with a reason. */
static void
test_kinds(void)
{
	static const char *const kinds[] = {"one value", "two values", "a constant", "zeros", "leading zeros", "a gap", "half missing",
	"huge values", "tiny values", "negative values", "a jump", "noise"};
	EcmlRng		rng;

	for (int kind = 0; kind < 12; kind++)
	{
		int			n = kind == 0 ? 1 : kind == 1 ? 2 : 40;
		int			bad = 0;

		ecml_rng_seed(&rng, kind);
		for (int t = 0; t < n; t++)
		{
			double		noise = ecml_rng_normal(&rng);

			y[t] = kind == 2 ? 7 : kind == 3 ? 0 : kind == 4 ? (t < 25 ? 0 : 5 + noise) : kind == 5 ? (t > 10 && t < 20 ? NAN : 20 + t) :
				kind == 6 ? (t % 2 && t < n - 1 ? NAN : 50 + noise) : kind == 7 ? 1e150 * (2 + noise * 0.1) : kind == 8 ? 1e-150 * (2 + noise * 0.1) :
				kind == 9 ? -50 + noise : kind == 10 ? (t < 20 ? 1 : 1000) + noise : 100 + 10 * noise;
		}
		for (int id = 1; id < FORECAST_MAX_METHODS; id++)
		{
			const ForecastMethod *method = forecast_method_by_id(id);
			ForecastStatus status;

			if (method == NULL)
				continue;
			begin(y, n, 6, 4);
			status = both(method);
			if (status == FORECAST_OK)
			{
				for (int h = 0; h < 6; h++)
					bad += !isfinite(b.mean[h]) || b.lower[h] > b.mean[h] || b.upper[h] < b.mean[h];
				bad += b.fit.label[0] == '\0';
			}
			else if (status == FORECAST_NO_MEMORY || status == FORECAST_DAMAGED || status == FORECAST_CANCELLED)
				bad++;
			if (bad)
			{
				ok(false, "%s on %s: status %d", method->name, kinds[kind], status);
				break;
			}
			if (method == &forecast_method_auto && status != FORECAST_OK && kind != 7 && kind != 8)
				ok(false, "auto gives no forecast of %s: status %d", kinds[kind], status);
		}
		if (!bad)
			ok(true, "all methods on %s", kinds[kind]);
	}
}

/* Parameters from anywhere: a status, and nothing that the sanitizers would see. */
static void
test_damaged(void)
{
	EcmlRng		rng;
	int			refused = 0;

	ecml_rng_seed(&rng, 99);
	for (int t = 0; t < 60; t++)
		y[t] = 100 + 10 * sin(t) + ecml_rng_normal(&rng);
	for (int id = 1; id <= 12; id++)
	{
		const ForecastMethod *method = forecast_method_by_id(id);
		static double good[4096];
		int			n;
		int			form;

		begin(y, 60, 6, 4);
		ok(both(method) == FORECAST_OK, "%s: %s", method->name, b.fit.label);
		n = b.fit.nparams;
		form = b.fit.form;
		memcpy(good, b.params, sizeof(good));
		for (int trial = 0; trial < 400; trial++)
		{
			memcpy(b.params, good, sizeof(good));
			b.fit.nparams = n;
			b.fit.form = form;
			switch (ecml_rng_below(&rng, 4))
			{
				case 0:
					b.fit.nparams = (int) ecml_rng_below(&rng, n + 3);
					break;
				case 1:
					b.fit.form = (int) ecml_rng_below(&rng, 200) - 100;
					break;
				default:
					if (n > 0)
						b.params[ecml_rng_below(&rng, n)] = exp(40 * (ecml_rng_double(&rng) - 0.5)) * (ecml_rng_below(&rng, 2) ? 1 : -1);
					break;
			}
			refused += forecast(method) != FORECAST_OK;
		}
	}
	ok(refused > 500, "damaged parameters are refused, or give numbers: %d refused", refused);
}

static void
test_auto(void)
{
	AutoOptions options = AUTO_DEFAULTS;
	double		whole[STEPS];
	EcmlRng		rng;

	ecml_rng_seed(&rng, 3);
	for (int t = 0; t < 96; t++)
		y[t] = 200 + t + 40 * sin(2 * M_PI * t / 12) + 3 * ecml_rng_normal(&rng);
	begin(y, 96, 12, 12);
	ok(both(&forecast_method_auto) == FORECAST_OK, "auto: %s", b.fit.label);
	for (int h = 0; h < 12; h++)
		ok(fabs(b.mean[h] - (200 + 96 + h + 40 * sin(2 * M_PI * (96 + h) / 12))) < 8, "step %d is near the truth", h + 1);
	memcpy(whole, b.mean, sizeof(whole));
	/* the combination is the mean of its parts by their weights */
	{
		static double params[4096];
		const double *place = params + 3;
		double		sum[12] = {0};
		double		weights = 0;
		int			n = (int) b.params[0];

		memcpy(params, b.params, sizeof(params));
		for (int i = 0; i < n; i++)
		{
			const ForecastMethod *method = forecast_method_by_id((int) place[0]);
			double		weight = place[2];

			begin(y, 96, 12, 12);
			b.fit.form = (int) place[1];
			b.fit.nparams = (int) place[3];
			memcpy(b.params, place + 4, b.fit.nparams * sizeof(double));
			ok(forecast(method) == FORECAST_OK, "its part %s", method->name);
			for (int h = 0; h < 12; h++)
				sum[h] += weight * b.mean[h];
			weights += weight;
			place += 4 + (int) place[3];
		}
		close_to(weights, 1, 1e-12, "weights add up to 1");
		close_to(sum[11], whole[11], 1e-12, "the combination of its parts");
	}
	/* zeros before the first sale are left out: the same numbers behind them, and nothing fitted to them */
	{
		static double later[130];

		for (int t = 0; t < 96; t++)
			later[34 + t] = y[t];
		begin(later, 130, 12, 12);
		ok(both(&forecast_method_auto) == FORECAST_OK && memcmp(b.mean, whole, sizeof(whole)) == 0 && b.params[2] == 34,
		   "zeros before the first sale change nothing");
		later[3] = -1;
		begin(later, 130, 12, 12);
		ok(both(&forecast_method_auto) == FORECAST_OK && b.params[2] == 0, "but where values may be below 0");
	}
	options.single = true;
	begin(y, 96, 12, 12);
	b.options[12] = &options;
	ok(both(&forecast_method_auto) == FORECAST_OK && b.params[0] == 1, "one method, when asked: %s", b.fit.label);
	/* intermittent */
	for (int t = 0; t < 96; t++)
		y[t] = ecml_rng_below(&rng, 3) == 0 ? (double) ecml_rng_below(&rng, 9) : 0;
	begin(y, 96, 12, 12);
	ok(both(&forecast_method_auto) == FORECAST_OK && (strstr(b.fit.label, "SBA") || strstr(b.fit.label, "TSB")),
	   "intermittent demand: %s", b.fit.label);
	ok(b.mean[0] > 0.5 && b.mean[0] < 3, "its rate: %g", b.mean[0]);
}

/* ---- reconciliation */

/* The dense solution of the weighted problem: S (S' W^-1 S)^-1 S' W^-1 f, with two leaves under each of two nodes. */
static void
test_reconcile(void)
{
	static const int parent[] = {-1, 0, 0, 1, 1, 2, 2};
	static const double sums[7][4] = {
		{1, 1, 1, 1}, {1, 1, 0, 0}, {0, 0, 1, 1}, {1, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 1, 0}, {0, 0, 0, 1}
	};
	static const double variance[7] = {9, 4, 2, 1, 3, 0.5, 2};
	static const double base[7] = {100, 70, 40, 30, 35, 15, 20};
	ReconcileTree tree = {7, parent};
	double		values[7];
	double		scratch[28];
	double		a[4][5] = {{0}};
	double		errors[7 * 40];
	double		shrinkage;
	EcmlCtx    *ctx = test_ctx(1, 1);
	EcmlRng		rng;
	double		worst = 0;

	memcpy(values, base, sizeof(values));
	reconcile_weighted(&tree, variance, values, 1, scratch);
	for (int i = 0; i < 7; i++)
		for (int j = 0; j < 4; j++)
		{
			for (int k = 0; k < 4; k++)
				a[j][k] += sums[i][j] * sums[i][k] / variance[i];
			a[j][4] += sums[i][j] * base[i] / variance[i];
		}
	for (int i = 0; i < 4; i++)
		for (int r = 0; r < 4; r++)
		{
			double		factor = a[r][i] / a[i][i];

			for (int k = i; k < 5 && r != i; k++)
				a[r][k] -= factor * a[i][k];
		}
	for (int i = 0; i < 7; i++)
	{
		double		want = 0;

		for (int j = 0; j < 4; j++)
			want += sums[i][j] * a[j][4] / a[j][j];
		worst = fmax(worst, fabs(values[i] - want));
	}
	ok(worst < 1e-10, "weights on a tree as the dense solution: %g", worst);
	memcpy(values, base, sizeof(values));
	reconcile_bottom_up(&tree, values, 1);
	ok(values[0] == 100 && values[1] == 65 && values[2] == 35 && values[3] == 30, "bottom up");
	/* errors that have nothing in common, the same for all: MinT is OLS */
	ecml_rng_seed(&rng, 11);
	for (int i = 0; i < 7 * 40; i++)
		errors[i] = ecml_rng_normal(&rng);
	memcpy(values, base, sizeof(values));
	ok(reconcile_mint(ctx, &tree, errors, 40, values, 1, &shrinkage) && shrinkage > 0 && shrinkage <= 1, "MinT, shrinkage %g", shrinkage);
	close_to(values[0], values[1] + values[2], 1e-12, "it adds up");
	close_to(values[1], values[3] + values[4], 1e-12, "below, too");
	ok(fabs(values[0] - 104) < 4, "between the total and the sum of its parts: %g", values[0]);
	for (int i = 0; i < 7 * 40; i++)
		errors[i] = NAN;
	ok(!reconcile_mint(ctx, &tree, errors, 40, values, 1, &shrinkage), "errors that tell nothing");
	test_ctx_free(ctx);
}

/* ---- the runner */

#define RUNS 24

static double many[RUNS][80];
static double results[2][RUNS][3][6];

static void
prepare(ForecastTask *tasks, double (*out)[3][6])
{
	memset(tasks, 0, RUNS * sizeof(ForecastTask));
	for (int i = 0; i < RUNS; i++)
	{
		tasks[i].method = i % 2 ? &forecast_method_auto : &forecast_method_ets;
		tasks[i].in = (ForecastInput) {
			.y = many[i],.n = 80,.horizon = 6,.nperiods = 1,.periods = {7},.season = {7},.nlevels = 1,.levels = {0.9},.cap = NAN,
			.floor = NAN,.seed = i
		};
		tasks[i].result = (ForecastResult) {.mean = out[i][0],.lower = out[i][1],.upper = out[i][2]};
	}
}

static void
test_runner(void)
{
	ForecastTask tasks[RUNS];
	EcmlRng		rng;
	volatile long allocations = 0;
	volatile bool finished = false;

	ecml_rng_seed(&rng, 17);
	for (int i = 0; i < RUNS; i++)
		for (int t = 0; t < 80; t++)
			many[i][t] = i % 5 == 4 ? (double) (ecml_rng_below(&rng, 4) == 0) : 30 + i + 5 * sin(2 * M_PI * t / 7) + ecml_rng_normal(&rng);
	for (int run = 0; run < 2; run++)
	{
		EcmlCtx    *ctx = test_ctx(run == 0 ? 1 : 4, 1);

		prepare(tasks, results[run]);
		if (TRY(ctx))
			forecast_run(ctx, tasks, RUNS);
		for (int i = 0; i < RUNS; i++)
			if (tasks[i].status != FORECAST_OK)
				ok(false, "series %d: %s", i, tasks[i].note);
		test_ctx_free(ctx);
	}
	ok(memcmp(results[0], results[1], sizeof(results[0])) == 0, "the same bits with 1 and 4 threads");
	/* a cancel at every poll, for some polls */
	for (volatile long after = 0; after < 4; after++)
	{
		EcmlCtx    *ctx = test_ctx(2, 1);

		test_host(ctx)->cancel_after = after;
		prepare(tasks, results[1]);
		if (TRY(ctx))
		{
			forecast_run(ctx, tasks, RUNS);
			finished = true;
		}
		else if (!test_host(ctx)->cancelled)
			ok(false, "it failed otherwise: %s", test_host(ctx)->message);
		test_ctx_free(ctx);
	}
	ok(true, "cancelled at polls%s", finished ? ", or through before" : "");
	/* every allocation failing in turn */
	for (finished = false; !finished && allocations < 200; allocations++)
	{
		EcmlCtx    *ctx = test_ctx(1, 1);

		test_host(ctx)->fail_after = allocations;
		prepare(tasks, results[1]);
		for (int i = 0; i < RUNS; i++)
			tasks[i].method = &forecast_method_naive;
		if (TRY(ctx))
		{
			forecast_run(ctx, tasks, RUNS);
			finished = true;
		}
		else if (test_host(ctx)->status != ECML_OUT_OF_MEMORY)
			ok(false, "it failed otherwise: %s", test_host(ctx)->message);
		test_ctx_free(ctx);
	}
	ok(finished && allocations > 5, "each of %ld allocations may fail", allocations);
	/* stored parameters: the same forecasts without a fit */
	{
		EcmlCtx    *ctx = test_ctx(1, 1);

		prepare(tasks, results[0]);
		if (TRY(ctx))
		{
			forecast_run(ctx, tasks, RUNS);
			for (int i = 0; i < RUNS; i++)
			{
				tasks[i].fitted = true;
				tasks[i].result = (ForecastResult) {.mean = results[1][i][0],.lower = results[1][i][1],.upper = results[1][i][2]};
			}
			forecast_run(ctx, tasks, RUNS);
		}
		ok(memcmp(results[0], results[1], sizeof(results[0])) == 0, "the same forecasts from stored parameters");
		test_ctx_free(ctx);
	}
}

int
main(void)
{
	test_ets();
	test_ets_intervals();
	test_theta();
	test_theta_drift();
	test_simple();
	test_croston();
	test_kinds();
	test_damaged();
	test_auto();
	test_reconcile();
	test_runner();
	free(b.arena.base);
	return done();
}
