/*
 * test_survival.c - Kaplan-Meier, log-rank, proportional hazards and customer value against lifelines, statsmodels, lifetimes
 * and naive code; the same bits at 1 and 4 threads; damage, lack of memory, cancel
 */
#include "host.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "num/dist.h"
#include "num/special.h"
#include "survival/clv.h"
#include "survival/cox_internal.h"
#include "survival/lifetable.h"

/* ---- data and reference */

#define MAX_ROWS 1000
#define MAX_REFERENCE 2000

static double table[MAX_ROWS][7];	/* time, event, weight, x1, x2, x3, stratum */
static int	nrows;
static ClvCustomer customers[MAX_ROWS];
static int	ncustomers;
static struct
{
	char		what[48];
	double		value;
}			reference[MAX_REFERENCE];
static int	nreference;

static FILE *
open_data(const char *name)
{
	const char *folder = getenv("ECML_TEST_DATA");
	char		path[1024];
	FILE	   *file;

	snprintf(path, sizeof(path), "%s/survival/%s", folder ? folder : "test/data", name);
	file = fopen(path, "r");
	ok(file != NULL, "%s is there", path);
	if (file == NULL)
		exit(done());
	return file;
}

static void
load(void)
{
	char		line[256];
	FILE	   *file = open_data("rows.tsv");

	while (nrows < MAX_ROWS && fgets(line, sizeof(line), file))
	{
		char	   *at = line;

		for (int j = 0; j < 7; j++)
			table[nrows][j] = strtod(at, &at);
		nrows++;
	}
	fclose(file);
	file = open_data("customers.tsv");
	while (ncustomers < MAX_ROWS && fgets(line, sizeof(line), file))
	{
		ClvCustomer *c = &customers[ncustomers++];
		char	   *at = line;

		c->frequency = strtod(at, &at);
		c->recency = strtod(at, &at);
		c->age = strtod(at, &at);
		c->value = strtod(at, &at);
	}
	fclose(file);
	file = open_data("reference.tsv");
	while (nreference < MAX_REFERENCE && fgets(line, sizeof(line), file))
	{
		char	   *tab = strchr(line, '\t');

		if (line[0] == '#' || tab == NULL)
			continue;
		*tab = '\0';
		snprintf(reference[nreference].what, sizeof(reference[0].what), "%.47s", line);
		reference[nreference++].value = strtod(tab + 1, NULL);
	}
	fclose(file);
}

static double ECML_PRINTF(1, 2)
want(const char *fmt,...)
{
	char		what[64];
	va_list		args;

	va_start(args, fmt);
	vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	for (int i = 0; i < nreference; i++)
		if (strcmp(reference[i].what, what) == 0)
			return reference[i].value;
	ok(false, "reference value \"%s\" is there", what);
	return NAN;
}

/* ---- Kaplan-Meier, log-rank */

static void
fill(EcmlCtx *ctx, Lifetable *t, int from, int to, int column, double value)
{
	memset(t, 0, sizeof(*t));
	for (int i = from; i < to; i++)
		if (column < 0 || table[i][column] == value)
			lifetable_add(ctx, t, table[i][0], table[i][1] != 0);
	lifetable_settle(ctx, t);
}

static void
kaplan_meier(void)
{
	EcmlCtx    *ctx = test_ctx(1, 1);
	Lifetable	all;
	Lifetable	parts = {0};
	Lifetable	many = {0};
	LifetablePoint *points;
	int			wrong = 0;
	EcmlWriter	w;
	EcmlReader	r;
	Lifetable	again;

	fill(ctx, &all, 0, nrows, -1, 0);
	points = ECML_NEW(ctx, LifetablePoint, all.n);
	lifetable_curve(ctx, &all, ecml_normal_isf(0.025), points);
	for (size_t i = 0; i < all.n; i++)
	{
		double		s = want("km survival %g", points[i].time);

		wrong += !(fabs(points[i].survival - s) <= 1e-12);
		if (s > 0 && s < 1)
			wrong += !(fabs(points[i].conf_low - want("km low %g", points[i].time)) <= 1e-10) +
				!(fabs(points[i].conf_high - want("km high %g", points[i].time)) <= 1e-10);
	}
	ok(wrong == 0 && all.n > 20, "Kaplan-Meier: lifelines' curve with its log-log intervals (%d of %zu wrong)", wrong, all.n);
	close_to(lifetable_quantile(&all, 0.5), want("km median"), 0, "its median");
	ok(lifetable_rows(&all) == nrows, "all rows are counted");
	for (int part = 0; part < nrows; part += 37)
	{
		Lifetable	t;

		fill(ctx, &t, part, part + 37 < nrows ? part + 37 : nrows, -1, 0);
		lifetable_merge(ctx, &parts, &t);
	}
	ok(parts.n == all.n && memcmp(parts.lines, all.lines, all.n * sizeof(LifetableLine)) == 0, "parts merge to the same");
	for (int i = 0; i < 100000; i++)
		lifetable_add(ctx, &many, i * 7919 % 50021, i % 3 == 0);
	lifetable_settle(ctx, &many);
	wrong = 0;
	for (size_t i = 0; i < many.n; i++)
		wrong += many.lines[i].time != i;
	ok(many.n == 50021 && wrong == 0 && lifetable_rows(&many) == 100000, "many distinct times, in order");

	ecml_writer_init(&w, ctx);
	lifetable_write(&w, &all);
	ecml_reader_init(&r, ctx, w.data, w.size);
	lifetable_read(&r, &again);
	ok(again.n == all.n && memcmp(again.lines, all.lines, all.n * sizeof(LifetableLine)) == 0, "written and read: the same");
	wrong = 0;
	for (size_t cut = 0; cut < w.size; cut++)
	{
		ecml_reader_init(&r, ctx, w.data, cut);
		if (TRY(ctx))
		{
			lifetable_read(&r, &again);
			wrong++;
		}
		else
			wrong += test_host(ctx)->status != ECML_CORRUPTED;
	}
	ok(wrong == 0, "cut short anywhere: damaged");

	/* edges */
	{
		Lifetable	one = {0};
		LifetablePoint point;

		lifetable_add(ctx, &one, 0, true);
		lifetable_settle(ctx, &one);
		lifetable_curve(ctx, &one, 1.96, &point);
		ok(point.survival == 0 && isnan(point.std_error) && isnan(point.conf_low) && lifetable_quantile(&one, 0.5) == 0,
		   "one row with its event: survival 0, no interval");
		memset(&one, 0, sizeof(one));
		lifetable_add(ctx, &one, 3, false);
		lifetable_settle(ctx, &one);
		lifetable_curve(ctx, &one, 1.96, &point);
		ok(point.survival == 1 && point.std_error == 0 && point.conf_low == 1 && isnan(lifetable_quantile(&one, 0.5)),
		   "one censored row: survival 1, no median");
		memset(&one, 0, sizeof(one));
		for (int i = 0; i < 6; i++)
			lifetable_add(ctx, &one, i, true);
		lifetable_settle(ctx, &one);
		ok(lifetable_quantile(&one, 0.5) == 2, "a survival of exactly a half is the median");
	}
	test_ctx_free(ctx);
}

static void
logrank(void)
{
	EcmlCtx    *ctx = test_ctx(1, 1);
	Lifetable	t[3];
	const Lifetable *tables[] = {&t[0], &t[1], &t[2]};
	LogrankResult result;

	for (int g = 0; g < 2; g++)
		fill(ctx, &t[g], 0, nrows, 5, g);
	result = lifetable_logrank(ctx, tables, 2);
	close_to(result.chi_square, want("logrank two chi"), 1e-10, "log-rank of two groups: lifelines' chi-square");
	close_to(result.p_value, want("logrank two p"), 1e-9, "its p");
	for (int g = 0; g < 3; g++)
		fill(ctx, &t[g], 0, nrows, 6, g);
	result = lifetable_logrank(ctx, tables, 3);
	close_to(result.chi_square, want("logrank three chi"), 1e-10, "log-rank of three groups");
	close_to(result.p_value, want("logrank three p"), 1e-9, "its p");
	close_to(result.observed[0] + result.observed[1] + result.observed[2],
			 result.expected[0] + result.expected[1] + result.expected[2], 1e-12, "as many events expected as observed");
	result = lifetable_logrank(ctx, tables, 1);
	ok(result.df == 0 && isnan(result.p_value), "one group: no test");
	fill(ctx, &t[1], 0, 0, -1, 0);
	result = lifetable_logrank(ctx, tables, 2);
	ok(result.df == 0 && isnan(result.p_value), "an empty second group: no test");
	test_ctx_free(ctx);
}

/* ---- Cox */

static EcmlData *
cox_data(EcmlCtx *ctx, int columns, bool weighted)
{
	double	   *x = ECML_NEW(ctx, double, nrows * columns);
	double	   *y = ECML_NEW(ctx, double, nrows);
	double	   *w = ECML_NEW(ctx, double, nrows);

	for (int i = 0; i < nrows; i++)
	{
		for (int j = 0; j < columns; j++)
			x[i * columns + j] = table[i][3 + j];
		y[i] = table[i][1] != 0 ? table[i][0] : -table[i][0];
		w[i] = table[i][2];
	}
	return ecml_data_from_rows(ctx, ECML_F8, nrows, columns, x, y, weighted ? w : NULL);
}

/* The partial likelihood by its definition. */
static double
naive_likelihood(const double *b, bool efron, bool weighted)
{
	double		sum = 0;

	for (int i = 0; i < nrows; i++)
	{
		double		risk = 0;
		double		tied = 0;
		double		weight = 0;
		int			d = 0;
		bool		first = true;

		if (table[i][1] == 0)
			continue;
		for (int j = 0; j < nrows; j++)
		{
			double		w = weighted ? table[j][2] : 1;
			double		hazard = w * exp(b[0] * table[j][3] + b[1] * table[j][4] + b[2] * table[j][5]);

			if (table[j][0] >= table[i][0])
				risk += hazard;
			if (table[j][0] == table[i][0] && table[j][1] != 0)
			{
				tied += hazard;
				weight += w;
				d++;
				first &= j >= i;
			}
		}
		sum += (weighted ? table[i][2] : 1) * (b[0] * table[i][3] + b[1] * table[i][4] + b[2] * table[i][5]);
		if (first)
			for (int k = 0; k < d; k++)
				sum -= weight / d * log(risk - (efron ? (double) k / d * tied : 0));
	}
	return sum;
}

static double
naive_concordance(const CoxModel *model)
{
	double		pairs = 0;
	double		right = 0;

	for (int i = 0; i < nrows; i++)
		for (int j = 0; j < nrows; j++)
			if (table[i][1] != 0 && (table[j][0] > table[i][0] || (table[j][0] == table[i][0] && table[j][1] == 0)))
			{
				double		a = cox_log_hazard(model, table[i] + 3);
				double		b = cox_log_hazard(model, table[j] + 3);

				pairs++;
				right += a > b ? 1 : a == b ? 0.5 : 0;
			}
	return right / pairs;
}

static void
cox_reference(void)
{
	EcmlCtx    *ctx = test_ctx(2, 1);

	for (int ties = COX_EFRON; ties <= COX_BRESLOW; ties++)
		for (int strata = 0; strata < 2; strata++)
		{
			CoxParams	params = COX_DEFAULTS;
			CoxModel   *model;
			char		name[32];

			snprintf(name, sizeof(name), "%s%s", ties == COX_EFRON ? "efron" : "breslow", strata ? " strata" : "");
			params.ties = ties;
			model = cox_fit(ctx, cox_data(ctx, 3 + strata, false), &params, 3, strata);
			for (int j = 0; j < 3; j++)
			{
				close_to(model->coefficients[j], want("%s b%d", name, j), 1e-9, "cox %s: coefficient %d", name, j);
				close_to(model->std_errors[j], want("%s se%d", name, j), 1e-9, "cox %s: standard error %d", name, j);
			}
			close_to(model->log_likelihood, want("%s ll", name), 1e-12, "cox %s: likelihood", name);
			close_to(model->null_log_likelihood, want("%s ll0", name), 1e-12, "cox %s: likelihood of no effect", name);
			ok(model->converged && model->df == 3 && model->nstrata == (strata ? 3 : 1), "cox %s: converged", name);
			if (strata)
				continue;
			close_to(model->score, want("%s score", name), 1e-9, "cox %s: score test", name);
			close_to(model->concordance, want("%s c", name), 1e-12, "cox %s: lifelines' concordance", name);
			close_to(model->concordance, naive_concordance(model), 1e-12, "cox %s: concordance by pairs", name);
			close_to(model->log_likelihood, naive_likelihood(model->coefficients, ties == COX_EFRON, false), 1e-12,
					 "cox %s: likelihood by its definition", name);
			close_to(cox_evaluate(ctx, cox_data(ctx, 3, false), model, NULL), model->concordance, 1e-15,
					 "cox %s: evaluated on the same rows", name);
		}
	{
		CoxParams	params = COX_DEFAULTS;
		CoxModel   *model = cox_fit(ctx, cox_data(ctx, 3, true), &params, 0, 0);

		for (int j = 0; j < 3; j++)
			close_to(model->coefficients[j], want("weighted b%d", j), 1e-6, "cox with weights: lifelines' coefficient %d", j);
		close_to(model->log_likelihood, want("weighted ll"), 1e-9, "cox with weights: likelihood");
		close_to(model->log_likelihood, naive_likelihood(model->coefficients, true, true), 1e-12,
				 "cox with weights: by its definition");
	}
	test_ctx_free(ctx);
}

/* The penalised objective of a model must not grow in any direction. */
static void
cox_penalties(void)
{
	EcmlCtx    *ctx = test_ctx(1, 1);

	for (int k = 0; k < 4; k++)
	{
		CoxParams	params = COX_DEFAULTS;
		CoxModel   *model;
		double		best;
		double		b[3];
		int			wrong = 0;

		params.alpha = k == 3 ? 1e4 : 5;
		params.l1_ratio = k == 3 ? 1 : k * 0.5;
		model = cox_fit(ctx, cox_data(ctx, 3, false), &params, 0, 0);
		for (int trial = -1; trial < 6; trial++)
		{
			double		value;

			memcpy(b, model->coefficients, sizeof(b));
			if (trial >= 0)
				b[trial / 2] += trial % 2 ? 1e-4 : -1e-4;
			value = naive_likelihood(b, true, false);
			for (int j = 0; j < 3; j++)
				value -= params.alpha * (params.l1_ratio * fabs(b[j]) + (1 - params.l1_ratio) / 2 * b[j] * b[j]);
			if (trial < 0)
				best = value;
			else
				wrong += value > best + 1e-9;
		}
		ok(model->converged && wrong == 0, "cox, alpha %g, l1_ratio %g: the best there is", params.alpha, params.l1_ratio);
		if (k == 3)
			ok(model->coefficients[0] == 0 && model->coefficients[1] == 0 && model->coefficients[2] == 0 && model->df == 0,
			   "cox: a strong lasso leaves nothing");
	}
	test_ctx_free(ctx);
}

static EcmlData *
small(EcmlCtx *ctx, int n, int columns, double (*x) (int i, int j), double (*y) (int i))
{
	double	   *values = ECML_NEW(ctx, double, (size_t) n * columns + 1);
	double	   *target = ECML_NEW(ctx, double, n);

	for (int i = 0; i < n; i++)
	{
		for (int j = 0; j < columns; j++)
			values[(size_t) i * columns + j] = x(i, j);
		target[i] = y(i);
	}
	return ecml_data_from_rows(ctx, ECML_F8, n, columns, values, target, NULL);
}

static double
noise(int i, int j)
{
	uint32_t	h = (i + 1) * 2654435761u ^ (j + 7) * 2246822519u;

	h = (h ^ h >> 15) * 2246822519u;
	h = (h ^ h >> 13) * 3266489917u;
	return ((h ^ h >> 16) >> 8) / 16777216.0;
}

static double
split(int i, int j)
{
	return j == 0 ? i < 20 : noise(i, j);
}

static double
dependent(int i, int j)
{
	return j == 2 ? noise(i, 0) + 2 * noise(i, 1) : j == 3 ? 4 : noise(i, j);
}

static double
early(int i)
{
	return i < 20 ? i + 1 : -(i + 1.0);
}

static double
never(int i)
{
	return -(i + 1.0);
}

static double
at_once(int i)
{
	return 5;
}

static double
zero(int i)
{
	return i % 2 ? 0.0 : -0.0;
}

static double
usual(int i)
{
	return (i % 3 ? 1 : -1) * ceil(20 * noise(i, 99));
}

static void
cox_edges(void)
{
	EcmlCtx    *ctx = test_ctx(1, 1);
	CoxParams	params = COX_DEFAULTS;
	CoxModel   *model;

	model = cox_fit(ctx, small(ctx, 40, 2, split, early), &params, 0, 0);
	ok(model->states[0] == COX_DIVERGING && isnan(model->std_errors[0]) && model->states[1] == COX_FITTED,
	   "a term that splits events from the others is found to diverge");
	params.alpha = 0.1;
	model = cox_fit(ctx, small(ctx, 40, 2, split, early), &params, 0, 0);
	ok(model->states[0] == COX_FITTED && model->converged && model->coefficients[0] > 0, "and a ridge holds it");
	params.alpha = 0;
	model = cox_fit(ctx, small(ctx, 500, 4, dependent, usual), &params, 0, 0);
	ok(model->states[2] == COX_ALIASED && model->states[3] == COX_ALIASED && model->df == 2 && isfinite(model->std_errors[0]),
	   "dependent and constant terms are left out");
	if (TRY(ctx))
	{
		cox_fit(ctx, small(ctx, 10, 1, noise, never), &params, 0, 0);
		ok(false, "no event is an error");
	}
	else
		ok(test_host(ctx)->status == ECML_DATA_EXCEPTION, "no event is an error: %s", test_host(ctx)->message);
	model = cox_fit(ctx, small(ctx, 50, 1, noise, at_once), &params, 0, 0);
	ok(isfinite(model->log_likelihood) && isnan(model->concordance), "all events at once: no pair to compare");
	model = cox_fit(ctx, small(ctx, 50, 1, noise, zero), &params, 0, 0);
	ok(model->events == 25 && isfinite(model->coefficients[0]), "durations of 0 with both signs");
	model = cox_fit(ctx, small(ctx, 1, 1, noise, at_once), &params, 0, 0);
	ok(model->df == 0 && cox_survival(model, &(double) {0.5}, 5) <= 1, "one row: nothing but its baseline");
	test_ctx_free(ctx);
}

/* Survival of the average row by the naive Efron sums. */
static void
cox_baseline(void)
{
	EcmlCtx    *ctx = test_ctx(1, 1);
	CoxParams	params = COX_DEFAULTS;
	CoxModel   *model = cox_fit(ctx, cox_data(ctx, 3, false), &params, 0, 0);
	const double x[] = {0.3, 20, 1};
	int			wrong = 0;

	for (double time = 0; time < 70; time += 1)
	{
		double		hazard = 0;

		for (double t = 1; t <= time; t++)
		{
			double		risk = 0;
			double		tied = 0;
			int			d = 0;

			for (int i = 0; i < nrows; i++)
			{
				double		r = exp(cox_log_hazard(model, table[i] + 3));

				risk += table[i][0] >= t ? r : 0;
				tied += table[i][0] == t && table[i][1] != 0 ? r : 0;
				d += table[i][0] == t && table[i][1] != 0;
			}
			for (int k = 0; k < d; k++)
				hazard += 1 / (risk - (double) k / d * tied);
		}
		wrong += !(fabs(cox_survival(model, x, time) - exp(-hazard * exp(cox_log_hazard(model, x)))) < 1e-12);
	}
	ok(wrong == 0, "survival curves by naive sums (%d wrong)", wrong);
	ok(cox_survival(model, x, -1) == 1 && cox_survival(model, x, 1e9) == cox_survival(model, x, 70) &&
	   isnan(cox_survival(model, x, NAN)), "before the first and after the last event");
	test_ctx_free(ctx);
}

static void
write_cox(EcmlCtx *ctx, EcmlWriter *w, int threads, size_t n, int columns)
{
	CoxParams	params = COX_DEFAULTS;

	ctx->threads = threads;
	ecml_writer_init(w, ctx);
	cox_write(w, cox_fit(ctx, small(ctx, n, columns, noise, usual), &params, 0, 0));
}

static void
cox_bytes(void)
{
	EcmlCtx    *ctx = test_ctx(1, 1);
	EcmlWriter	one;
	EcmlWriter	four;
	EcmlReader	r;
	CoxModel   *model;
	int			wrong = 0;

	write_cox(ctx, &one, 1, 20000, 5);
	write_cox(ctx, &four, 4, 20000, 5);
	ok(one.size == four.size && memcmp(one.data, four.data, one.size) == 0, "cox: the same bits at 1 and 4 threads");
	for (int again = 0; again < 50; again++)
	{
		write_cox(ctx, &four, 4, 20000, 5);
		wrong += one.size != four.size || memcmp(one.data, four.data, one.size) != 0;
	}
	ok(wrong == 0, "each time: threads do not get into each other's way (%d of 50 differ)", wrong);
	wrong = 0;
	write_cox(ctx, &one, 1, 3000, 90);
	write_cox(ctx, &four, 4, 3000, 90);
	ok(one.size == four.size && memcmp(one.data, four.data, one.size) == 0, "the same with many terms");
	write_cox(ctx, &one, 1, 60, 3);
	ecml_reader_init(&r, ctx, one.data, one.size);
	model = cox_read(&r, 3);
	ecml_read_end(&r);
	ecml_writer_init(&four, ctx);
	cox_write(&four, model);
	ok(one.size == four.size && memcmp(one.data, four.data, one.size) == 0, "written and read: the same");
	for (size_t i = 0; i < one.size * 8; i++)
	{
		uint8_t		saved = one.data[i / 8];

		one.data[i / 8] ^= 1 << i % 8;
		ecml_reader_init(&r, ctx, one.data, one.size);
		if (TRY(ctx))
		{
			model = cox_read(&r, 3);
			(void) cox_survival(model, (double[]) {1, 2, 3}, 5);
		}
		else
			wrong += test_host(ctx)->status != ECML_CORRUPTED;
		one.data[i / 8] = saved;
		ecml_reader_init(&r, ctx, one.data, i / 8);
		if (i % 8 != 0)
			continue;
		if (TRY(ctx))
		{
			cox_read(&r, 3);
			wrong++;
		}
		else
			wrong += test_host(ctx)->status != ECML_CORRUPTED;
	}
	ok(wrong == 0, "every bit turned, cut short anywhere: a model, or damaged");
	test_ctx_free(ctx);
}

/* ---- purchases: against sums taken one by one */

#define PURCHASES 1500
#define BUYERS 70

/* Rows of a made-up shop: several a day, returns, amounts that cancel; in order of days, or not. */
static ClvPurchases
made_up(EcmlCtx *ctx, bool in_order, int spread)
{
	ClvPurchases p = {.n = PURCHASES,.ncustomers = BUYERS};
	EcmlRng		rng = ecml_rng_stream(&ctx->rng, 5);

	p.customers = ECML_NEW(ctx, int, p.n);
	p.days = ECML_NEW(ctx, int, p.n);
	p.amounts = ECML_NEW(ctx, double, p.n);
	for (size_t i = 0; i < p.n; i++)
	{
		/* the last customers have no row */
		p.customers[i] = (int) (ecml_rng_next(&rng) % (BUYERS - 3));
		p.days[i] = in_order ? (int) i / 40 : ((int) (ecml_rng_next(&rng) % 200) - 100) * spread;
		p.amounts[i] = ((double) (ecml_rng_next(&rng) % 4000) - 600) / 100;
	}
	return p;
}

/* The same by looking through all rows for each customer and day: in cents, without rounding. */
static bool
by_hand(const ClvPurchases *p, int c, int until, int spread, ClvCustomer *customer, int *end)
{
	int			n = 0;
	int			first = 0;
	long		sum = 0;

	for (int d = -100; d < 200; d++)
	{
		int			day = d * spread;
		long		cents = 0;
		int			rows = 0;

		for (size_t i = 0; i < p->n; i++)
			if (p->customers[i] == c && p->days[i] == day && day <= until)
			{
				cents += lround(p->amounts[i] * 100);
				rows++;
			}
		if (rows == 0 || cents < 0)
			continue;
		if (n++ == 0)
			first = day;
		else
			sum += cents;
		customer->recency = (day - first) / 7.0;
		*end = day > *end ? day : *end;
	}
	customer->frequency = n - 1;
	customer->age = first;
	customer->value = n > 1 ? sum / 100.0 / (n - 1) : NAN;
	return n > 0;
}

static bool
same_customers(const ClvCustomer *a, const ClvCustomer *b, size_t n)
{
	return memcmp(a, b, n * sizeof(ClvCustomer)) == 0;
}

static void
purchases(void)
{
	static const struct
	{
		bool		in_order;
		int			spread;
		int			until;
	}			cases[] = {{true, 1, INT32_MAX}, {false, 1, INT32_MAX}, {false, 1, 30}, {false, 10000000, INT32_MAX}};
	EcmlCtx    *ctx = test_ctx(1, 1);
	int			order[BUYERS];
	int			numbers[BUYERS];
	ClvCustomer found[BUYERS];

	for (int i = 0; i < BUYERS; i++)
		order[i] = BUYERS - 1 - i;
	for (int k = 0; k < 4; k++)
	{
		ClvPurchases p = made_up(ctx, cases[k].in_order, cases[k].spread);
		size_t		n = clv_summarise(ctx, &p, order, cases[k].until, 7, found, numbers);
		int			end = INT32_MIN;
		int			wrong = 0;
		size_t		at = 0;
		ClvCustomer expected[BUYERS];

		for (int c = BUYERS - 1; c >= 0; c--)
			if (by_hand(&p, c, cases[k].until, cases[k].spread, &expected[at], &end))
				wrong += at >= n || numbers[at++] != c;
		if (cases[k].until != INT32_MAX)
			end = cases[k].until;
		for (size_t i = 0; i < n && i < at; i++)
			wrong += found[i].frequency != expected[i].frequency || found[i].recency != expected[i].recency ||
				fabs(found[i].age - (end - expected[i].age) / 7) > 1e-9 ||
				(expected[i].frequency > 0 ? fabs(found[i].value - expected[i].value) > 1e-12 : !isnan(found[i].value));
		ok(n == at && wrong == 0 && n > 0, "customers of %d purchases, case %d: %d are wrong", PURCHASES, k, wrong);
	}

	/* turned round, added up before, in two parts: not a bit changes */
	{
		ClvPurchases p = made_up(ctx, false, 1);
		ClvPurchases other = made_up(ctx, false, 1);
		ClvPurchases sums;
		ClvCustomer again[BUYERS];
		size_t		n = clv_summarise(ctx, &p, order, INT32_MAX, 1, found, numbers);

		for (size_t i = 0; i < p.n; i++)
		{
			other.customers[i] = p.customers[p.n - 1 - i];
			other.days[i] = p.days[p.n - 1 - i];
			other.amounts[i] = p.amounts[p.n - 1 - i];
		}
		ok(clv_summarise(ctx, &other, order, INT32_MAX, 1, again, numbers) == n && same_customers(found, again, n),
		   "the order of the rows does not show");
		sums = clv_add_up(ctx, &other);
		ok(sums.n < p.n && clv_summarise(ctx, &sums, order, INT32_MAX, 1, again, numbers) == n && same_customers(found, again, n),
		   "nor does it that they have been added up");
		p.amounts = NULL;
		ok(clv_summarise(ctx, &p, order, INT32_MAX, 1, again, numbers) > 0 && isnan(again[0].value), "without amounts, no value");
	}

	/* 0.3 - 0.1 - 0.2 is 0, and so that day counts; the next is a return, and does not */
	{
		ClvPurchases p = {.n = 6,.customers = (int[]) {0, 0, 0, 0, 0, 0},.days = (int[]) {1, 3, 3, 3, 5, 9},
		.amounts = (double[]) {5, 0.3, -0.1, -0.2, -4, 2},.ncustomers = 1};
		int			zero = 0;

		ok(clv_summarise(ctx, &p, &zero, INT32_MAX, 1, found, numbers) == 1 && found[0].frequency == 2 && found[0].value == 1 &&
		   found[0].recency == 8 && found[0].age == 8, "amounts that cancel count, returns do not");
		p.amounts[5] = NAN;
		ok(clv_summarise(ctx, &p, &zero, INT32_MAX, 1, found, numbers) == SIZE_MAX && numbers[0] == 0, "a NaN is told of");
		ok(clv_summarise(ctx, &p, &zero, 8, 1, found, numbers) == 1 && found[0].frequency == 1, "but not one that comes later");
		p.n = 0;
		ok(clv_summarise(ctx, &p, &zero, INT32_MAX, 1, found, numbers) == 0, "no rows, no customers");
	}
	test_ctx_free(ctx);
}

static bool
fails(long fail_after, long cancel_after, int what)
{
	EcmlCtx    *ctx = test_ctx(2, 1);
	volatile bool failed = true;
	CoxParams	params = COX_DEFAULTS;

	test_host(ctx)->fail_after = fail_after;
	test_host(ctx)->cancel_after = cancel_after;
	if (TRY(ctx))
	{
		if (what == 0)
			(void) cox_fit(ctx, cox_data(ctx, 3, true), &params, 0, 0);
		else if (what == 3)
		{
			ClvPurchases p = made_up(ctx, false, 1);
			int			order[BUYERS] = {0};
			int			numbers[BUYERS];
			ClvCustomer found[BUYERS];

			(void) clv_summarise(ctx, &p, order, INT32_MAX, 1, found, numbers);
		}
		else
			(void) clv_fit(ctx, customers, 40, what == 1 ? CLV_BG_NBD : CLV_PARETO_NBD, 0.01);
		failed = false;
	}
	test_ctx_free(ctx);
	return failed;
}

static void
failures(void)
{
	static const char *const names[] = {"cox", "BG/NBD", "Pareto/NBD", "purchases"};

	for (int what = 0; what < 4; what++)
	{
		long		allocations = 0;
		long		polls = 0;

		while (allocations < 2000 && fails(allocations, -1, what))
			allocations++;
		/* the later the fewer: a cancel at a poll costs the work before it */
		while (polls < 5000 && fails(-1, polls, what))
			polls += 1 + polls / 20;
		ok(allocations > 5 && allocations < 2000 && polls > 3 && polls < 5000,
		   "%s: every allocation fails in turn (%ld), a cancel at every poll (%ld)", names[what], allocations, polls);
	}
}

/* ---- customer value */

static double
pareto_likelihood(EcmlCtx *ctx, const double *parameters, double *gradient)
{
	ClvTables	tables = {.most = 2000};
	double		sum = 0;

	tables.r_log = ECML_NEW0(ctx, double, tables.most + 1);
	tables.r_slope = ECML_NEW0(ctx, double, tables.most + 1);
	for (size_t k = 0; k < tables.most; k++)
	{
		tables.r_log[k + 1] = tables.r_log[k] + log(parameters[0] + k);
		tables.r_slope[k + 1] = tables.r_slope[k] + 1 / (parameters[0] + k);
	}
	ecml_gauss_legendre(CLV_NODES, tables.quadrature.nodes, tables.quadrature.weights);
	memset(gradient, 0, 4 * sizeof(double));
	for (int i = 0; i < ncustomers; i++)
	{
		double		slopes[4];

		sum += clv_pareto_row(parameters, &tables, &customers[i], slopes);
		for (int j = 0; j < 4; j++)
			gradient[j] += slopes[j];
	}
	return sum;
}

static void
customer_value(void)
{
	EcmlCtx    *ctx = test_ctx(1, 1);
	ClvModel	model = clv_fit(ctx, customers, ncustomers, CLV_BG_NBD, 0);
	ClvModel	four;
	ClvValue	value = clv_fit_value(ctx, customers, ncustomers, 0);

	close_to(model.r, want("bg r"), 1e-5, "BG/NBD: lifetimes' r");
	close_to(model.alpha, want("bg alpha"), 1e-5, "BG/NBD: alpha");
	close_to(model.third, want("bg a"), 1e-5, "BG/NBD: a");
	close_to(model.fourth, want("bg b"), 1e-5, "BG/NBD: b");
	close_to(model.log_likelihood, want("bg ll"), 1e-10, "BG/NBD: likelihood");
	ok(model.converged && model.determined, "BG/NBD: converged");
	ctx->threads = 4;
	four = clv_fit(ctx, customers, ncustomers, CLV_BG_NBD, 0);
	ok(memcmp(&four, &model, sizeof(model)) == 0, "BG/NBD: the same bits at 1 and 4 threads");
	for (int i = 0; i < ncustomers; i++)
	{
		bool		there = false;

		for (int k = 0; k < nreference; k++)
		{
			char		what[48];

			snprintf(what, sizeof(what), "bg alive %d", i);
			there |= strcmp(reference[k].what, what) == 0;
		}
		if (!there)
			continue;
		close_to(clv_alive(&model, &customers[i]), want("bg alive %d", i), 1e-4, "BG/NBD: customer %d alive", i);
		close_to(clv_expected(&model, &customers[i], 4), want("bg expected 4 %d", i), 1e-4, "BG/NBD: purchases of %d in 4 weeks", i);
		close_to(clv_expected(&model, &customers[i], 52), want("bg expected 52 %d", i), 1e-4, "BG/NBD: in 52 weeks");
		close_to(clv_expected_value(&value, &customers[i]), want("value expected %d", i), 1e-4, "gamma-gamma: value of %d", i);
	}
	close_to(value.p, want("value p"), 1e-4, "gamma-gamma: lifetimes' p");
	close_to(value.q, want("value q"), 1e-4, "gamma-gamma: q");
	close_to(value.gamma, want("value v"), 1e-4, "gamma-gamma: gamma");
	/* lifetimes leaves nothing out of it */
	close_to(value.log_likelihood, want("value ll"), 1e-9, "gamma-gamma: likelihood");

	model.kind = CLV_PARETO_NBD;
	model.r = want("pareto r");
	model.alpha = want("pareto alpha");
	model.third = want("pareto s");
	model.fourth = want("pareto beta");
	ecml_gauss_legendre(CLV_NODES, model.quadrature.nodes, model.quadrature.weights);
	{
		const double parameters[] = {model.r, model.alpha, model.third, model.fourth};
		double		gradient[4];
		double		slopes[4];

		close_to(pareto_likelihood(ctx, parameters, gradient), want("pareto ll"), 1e-9, "Pareto/NBD: lifetimes' likelihood");
		for (int j = 0; j < 4; j++)
		{
			double		near[4];
			double		step = 1e-5 * parameters[j];
			double		up;

			memcpy(near, parameters, sizeof(near));
			near[j] += step;
			up = pareto_likelihood(ctx, near, slopes);
			near[j] -= 2 * step;
			close_to((up - pareto_likelihood(ctx, near, slopes)) / (2 * step), gradient[j], 1e-5,
					 "Pareto/NBD: slope %d is that of differences", j);
		}
	}
	for (int i = 0; i < ncustomers; i += 40)
	{
		close_to(clv_alive(&model, &customers[i]), want("pareto alive %d", i), 1e-7, "Pareto/NBD: customer %d alive", i);
		close_to(clv_expected(&model, &customers[i], 52), want("pareto expected 52 %d", i), 1e-7,
				 "Pareto/NBD: purchases of %d in 52 weeks", i);
	}

	/* a = 1 and s = 1 are limits, not holes */
	for (int kind = 0; kind < 2; kind++)
	{
		ClvModel	low = model;
		ClvModel	high = model;

		low.kind = high.kind = model.kind = kind;
		model.third = 1;
		low.third = 1 - 1e-6;
		high.third = 1 + 1e-6;
		close_to(clv_expected(&model, &customers[3], 52),
				 0.5 * (clv_expected(&low, &customers[3], 52) + clv_expected(&high, &customers[3], 52)), 1e-9,
				 "%s = 1 is where both sides meet", kind == CLV_BG_NBD ? "a" : "s");
	}
	{
		double		f[4];

		model.kind = CLV_BG_NBD;
		for (int i = 0; i < 4; i++)
		{
			model.third = 29.97 + 0.02 * i;
			f[i] = clv_expected(&model, &customers[3], 52);
		}
		close_to(f[3] + 3 * f[1], f[0] + 3 * f[2], 1e-9, "the series and the quadrature meet");
		model.third = 1e8;
		model.fourth = 1e9;
		ok(clv_expected(&model, &customers[3], 52) > clv_expected(&model, &customers[3], 26), "parameters that ran away");
		model.third = 0.5;
		model.fourth = 2;
	}
	close_to(clv_discounted(&model, &customers[3], 10, 1e-12), clv_expected(&model, &customers[3], 10), 1e-9,
			 "hardly discounted is not discounted");
	ok(clv_discounted(&model, &customers[3], 10.5, 0.01) < clv_expected(&model, &customers[3], 10.5), "discounted is less");

	if (TRY(ctx))
	{
		(void) clv_fit(ctx, (ClvCustomer[]) {{0, 0, 5, NAN}, {0, 0, 3, NAN}}, 2, CLV_BG_NBD, 0);
		ok(false, "nobody came back: an error");
	}
	else
		ok(test_host(ctx)->status == ECML_DATA_EXCEPTION, "nobody came back: an error");
	model = clv_fit(ctx, (ClvCustomer[]) {{3, 2, 5, 10}}, 1, CLV_BG_NBD, 0);
	ok(!(model.converged && model.determined), "one customer does not determine the model");
	model = clv_fit(ctx, (ClvCustomer[]) {{3, 2, 5, 10}}, 1, CLV_BG_NBD, 0.01);
	ok(model.converged && model.determined, "with a penalty it does");
	value = clv_fit_value(ctx, (ClvCustomer[]) {{3, 2, 5, 10}}, 1, 0);
	ok(isnan(value.p) && isnan(clv_expected_value(&value, &customers[0])), "one customer has no distribution of values");
	test_ctx_free(ctx);
}

static void
special(void)
{
	double		nodes[5];
	double		weights[5];
	double		sum = 0;

	close_to(ecml_digamma(1), -0.57721566490153286, 1e-15, "digamma(1)");
	close_to(ecml_digamma(0.1), -10.423754940411076, 1e-15, "digamma(0.1)");
	close_to(ecml_digamma(1e8), 18.420680738952367, 1e-15, "digamma(1e8)");
	close_to(ecml_log_gamma(0.5), 0.57236494292470009, 1e-15, "log gamma(0.5)");
	ok(isnan(ecml_digamma(0)), "digamma of 0");
	ecml_gauss_legendre(5, nodes, weights);
	for (int i = 0; i < 5; i++)
		sum += weights[i] * pow(nodes[i], 9);
	close_to(sum, 0.1, 1e-14, "five points integrate x^9 exactly");
}

int
main(void)
{
	load();
	special();
	kaplan_meier();
	logrank();
	cox_reference();
	cox_penalties();
	cox_edges();
	cox_baseline();
	cox_bytes();
	customer_value();
	purchases();
	failures();
	return done();
}
