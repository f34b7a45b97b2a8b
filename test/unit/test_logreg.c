/*
 * test_logreg.c - logistic regression: statsmodels and scikit-learn (test/data/logreg, made by make_logreg.py there),
 * conditions of a minimum, separation, dependent terms, the same bits on all ways, damage and lack of memory
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"
#include "linear/logreg.h"

static const LogregParams defaults = LOGREG_DEFAULTS;

typedef struct Rows
{
	int			n;
	int			terms;
	int			classes;
	double	   *x;
	double	   *y;
	double	   *w;
} Rows;

static Rows
new_rows(int n, int terms, int classes)
{
	return (Rows) {
		.n = n,.terms = terms,.classes = classes,.x = calloc((size_t) n * terms + 1, sizeof(double)),
		.y = calloc(n, sizeof(double)),.w = calloc(n, sizeof(double))
	};
}

static void
free_rows(Rows *rows)
{
	free(rows->x);
	free(rows->y);
	free(rows->w);
}

/* Classes that depend on the terms, weakly enough not to be separated. */
static Rows
random_rows(uint64_t seed, int n, int terms, int classes)
{
	Rows		rows = new_rows(n, terms, classes);
	EcmlRng		rng;

	ecml_rng_seed(&rng, seed);
	for (int i = 0; i < n; i++)
	{
		double		best = -INFINITY;
		double	   *x = rows.x + (size_t) i * terms;

		for (int j = 0; j < terms; j++)
			x[j] = (j % 3 + 1) * ecml_rng_normal(&rng) + j % 5;
		for (int k = 0; k < classes; k++)
		{
			double		m = -log(-log(ecml_rng_double(&rng) + 1e-300));

			for (int j = 0; j < terms; j++)
				m += ((j * 7 + k * 5) % 11 - 5) * 0.1 / sqrt(terms) * x[j];
			if (m > best)
			{
				best = m;
				rows.y[i] = k;
			}
		}
		rows.w[i] = 1 + (double) ecml_rng_below(&rng, 3);
	}
	return rows;
}

static LogregModel *
fit_in(EcmlCtx *ctx, const Rows *rows, const LogregParams *params, bool weighted, int offset)
{
	EcmlData   *data = ecml_data_from_rows(ctx, ECML_F8, rows->n, rows->terms, rows->x, rows->y, weighted ? rows->w : NULL);
	LogregTask	task = {.params = params,.classes = rows->classes,.offset = offset};

	return logreg_fit(ctx, data, &task);
}

/* NULL: it failed, test_host tells how. */
static LogregModel *
try_fit(EcmlCtx *ctx, const Rows *rows, const LogregParams *params, bool weighted, int offset)
{
	if (TRY(ctx))
		return fit_in(ctx, rows, params, weighted, offset);
	return NULL;
}

/* ---- naive: value and gradient of what is minimised, in the untransformed coefficients ---- */

static double
naive(const Rows *rows, const LogregModel *m, const LogregParams *params, bool weighted, double *gradient)
{
	int			size = 1 + rows->terms;
	double		value = 0;
	double	   *p = malloc(rows->classes * sizeof(double));

	memset(gradient, 0, (size_t) m->vectors * size * sizeof(double));
	for (int i = 0; i < rows->n; i++)
	{
		const double *x = rows->x + (size_t) i * rows->terms;
		double		w = weighted ? rows->w[i] : 1;

		logreg_probabilities(m, x, p);
		value -= w * log(p[(int) rows->y[i]]);
		for (int v = 0; v < m->vectors; v++)
		{
			int			class = v + m->classes - m->vectors;
			double		r = w * (p[class] - (rows->y[i] == class));

			gradient[v * size] += r;
			for (int j = 0; j < rows->terms; j++)
				gradient[v * size + 1 + j] += r * x[j];
		}
	}
	free(p);
	return value;
}

/* The largest violation of the conditions of a minimum. */
static double
violation(const Rows *rows, const LogregModel *m, const LogregParams *params, bool weighted)
{
	int			size = 1 + rows->terms;
	double	   *g = malloc((size_t) m->vectors * size * sizeof(double));
	double		ratio = params->penalty == LOGREG_L1 ? 1 : params->penalty == LOGREG_ELASTICNET ? params->l1_ratio : 0;
	double		strength = params->penalty == LOGREG_NONE ? 0 : 1 / params->c;
	double		worst = 0;

	naive(rows, m, params, weighted, g);
	for (int i = 0; i < m->vectors * size; i++)
	{
		double		b = m->coefficients[i];
		double		slope = g[i] + (i % size ? strength * (1 - ratio) * b : 0);
		double		l1 = i % size ? strength * ratio : 0;

		if (i % size == 0 && !m->intercept)
			continue;
		worst = fmax(worst, b > 0 ? fabs(slope + l1) : b < 0 ? fabs(slope - l1) : fmax(fabs(slope) - l1, 0));
	}
	free(g);
	return worst;
}

/* What is minimised, divided by C. */
static double
objective(const Rows *rows, const LogregModel *m, const LogregParams *params, bool weighted)
{
	int			size = 1 + rows->terms;
	double	   *g = malloc((size_t) m->vectors * size * sizeof(double));
	double		value = naive(rows, m, params, weighted, g);
	double		ratio = params->penalty == LOGREG_L1 ? 1 : params->penalty == LOGREG_ELASTICNET ? params->l1_ratio : 0;

	for (int i = 0; i < m->vectors * size && params->penalty != LOGREG_NONE; i++)
		if (i % size)
			value += (ratio * fabs(m->coefficients[i]) + (1 - ratio) * m->coefficients[i] * m->coefficients[i] / 2) / params->c;
	free(g);
	return value;
}

/* ---- reference values ---- */

static const char *
path_of(const char *name)
{
	static char path[1024];
	const char *data = getenv("ECML_TEST_DATA");

	snprintf(path, sizeof(path), "%s/logreg/%s", data ? data : "test/data", name);
	return path;
}

static Rows
read_rows(const char *path, int n, int terms, int classes)
{
	Rows		rows = new_rows(n, terms, classes);
	FILE	   *file = fopen(path, "r");
	int			i = 0;

	while (file && i < n && fscanf(file, "%lf %lf", &rows.y[i], &rows.w[i]) == 2)
	{
		for (int j = 0; j < terms; j++)
			if (fscanf(file, "%lf", &rows.x[i * terms + j]) != 1)
				break;
		i++;
	}
	if (file)
		fclose(file);
	ok(i == n, "%s: %d rows", path, i);
	return rows;
}

static void
test_references(void)
{
	Rows		binary = read_rows(path_of("binary.tsv"), 200, 4, 2);
	Rows		multi = read_rows(path_of("multi.tsv"), 240, 3, 3);
	FILE	   *file = fopen(path_of("cases.tsv"), "r");
	char		line[8192];
	int			cases = 0;

	while (file && fgets(line, sizeof(line), file))
	{
		const Rows *rows = strstr(line, "\tbinary\t") ? &binary : &multi;
		char	   *name = strtok(line, "\t");
		double		v[64];
		int			n = 0;
		char	   *text;
		LogregParams params = defaults;
		LogregModel *m;
		EcmlCtx    *ctx = test_ctx(1, 1);
		double		coefficients = 16;
		double		errors = 16;
		int			values;

		strtok(NULL, "\t");
		while ((text = strtok(NULL, "\t\n")) != NULL && n < 64)
			v[n++] = strtod(text, NULL);
		params.penalty = (int) v[0];
		params.c = v[1];
		params.l1_ratio = v[2];
		params.intercept = v[3] != 0;
		params.balanced = v[4] != 0;
		params.robust = (int) v[5];
		values = (int) v[11];
		m = fit_in(ctx, rows, &params, v[6] != 0, (int) v[7]);
		for (int i = 0; i < values; i++)
		{
			double		want = v[12 + i];
			double		error = v[12 + values + i];

			coefficients = fmin(coefficients, want == 0 ? (m->coefficients[i] == 0 ? 16 : 0) : lre(m->coefficients[i], want));
			if (!isnan(error))
				errors = fmin(errors, lre(m->std_errors[i], error));
		}
		ok(values == m->vectors * (1 + m->terms) && m->converged && coefficients >= v[10] && errors >= v[10],
		   "%s: coefficients %.1f digits, standard errors %.1f", name, coefficients, errors);
		if (params.penalty == LOGREG_L1 || params.penalty == LOGREG_ELASTICNET)
		{
			LogregModel theirs = *m;
			double		ours = objective(rows, m, &params, v[6] != 0);

			theirs.coefficients = v + 12;
			ok(ours <= objective(rows, &theirs, &params, v[6] != 0) * (1 + 1e-8) &&
			   ours >= objective(rows, &theirs, &params, v[6] != 0) * (1 - 1e-8), "%s: objective within 1e-8 (%.2g more)", name,
			   ours / objective(rows, &theirs, &params, v[6] != 0) - 1);
		}
		if (!isnan(v[8]))
			close_to(m->log_likelihood, v[8], 1e-12, "%s: log likelihood", name);
		if (!isnan(v[9]))
			close_to(m->null_log_likelihood, v[9], 1e-12, "%s: null log likelihood", name);
		test_ctx_free(ctx);
		cases++;
	}
	if (file)
		fclose(file);
	ok(cases == 16, "%d cases", cases);
	free_rows(&binary);
	free_rows(&multi);
}

/* ---- minima, by all solvers ---- */

static void
test_minimum(const char *what, const Rows *rows, LogregParams params, bool weighted, double tolerance)
{
	EcmlCtx    *ctx = test_ctx(2, 1);
	LogregModel *m = fit_in(ctx, rows, &params, weighted, -1);
	double		worst = violation(rows, m, &params, weighted);
	double		scale = 0;

	for (int i = 0; i < rows->n; i++)
		scale += weighted ? rows->w[i] : 1;
	ok(m->converged && worst <= tolerance * scale, "%s: a minimum (slope %.2g a row, %d iterations)", what, worst / scale,
	   m->iterations);
	test_ctx_free(ctx);
}

static void
test_minima(void)
{
	const char *const penalties[] = {"none", "l2", "l1", "elasticnet"};
	Rows		two = random_rows(1, 3000, 12, 2);
	Rows		four = random_rows(2, 2500, 7, 4);
	Rows		many = random_rows(3, 24000, 70, 2);	/* samples, then L-BFGS in their metric */
	Rows		few = random_rows(4, 40, 60, 2);	/* fewer rows than terms */
	Rows		wide = random_rows(5, 1200, 270, 2);	/* squares of the Hessian */
	Rows		crowd = random_rows(6, 900, 30, 12);	/* the same for pairs of classes */
	Rows		huge = random_rows(7, 200, 140, 30);	/* no Hessian */

	for (int penalty = 0; penalty < 4; penalty++)
	{
		LogregParams params = defaults;
		char		what[100];

		params.penalty = penalty;
		params.c = 0.05;
		for (int solver = 0; solver < 4; solver++)
		{
			params.solver = solver;
			if (logreg_check(&params) != NULL)
				continue;
			params.intercept = solver != LOGREG_NEWTON;
			snprintf(what, sizeof(what), "two classes, %s, solver %d", penalties[penalty], solver);
			test_minimum(what, &two, params, solver == LOGREG_AUTO, 1e-9);
			snprintf(what, sizeof(what), "four classes, %s, solver %d", penalties[penalty], solver);
			test_minimum(what, &four, params, solver == LOGREG_AUTO, 1e-9);
		}
		params.intercept = true;
		params.solver = LOGREG_AUTO;
		snprintf(what, sizeof(what), "70 terms, %s", penalties[penalty]);
		test_minimum(what, &many, params, true, 1e-9);
		snprintf(what, sizeof(what), "270 terms, %s", penalties[penalty]);
		test_minimum(what, &wide, params, false, 1e-9);
		snprintf(what, sizeof(what), "12 classes, %s", penalties[penalty]);
		test_minimum(what, &crowd, params, false, 1e-9);
		if (penalty > 0)
		{
			snprintf(what, sizeof(what), "more terms than rows, %s", penalties[penalty]);
			test_minimum(what, &few, params, false, 1e-9);
			params.max_iter = 2000;
			snprintf(what, sizeof(what), "30 classes, 140 terms, %s", penalties[penalty]);
			test_minimum(what, &huge, params, false, 1e-7);
		}
	}
	free_rows(&two);
	free_rows(&four);
	free_rows(&many);
	free_rows(&few);
	free_rows(&wide);
	free_rows(&crowd);
	free_rows(&huge);
}

/*
 * Standard errors of the Hessian of floats against those of doubles.  closeness: what the last term has of its own, beside
 * the one before it.
 */
static void
test_rounded(int terms, double closeness, int penalty, bool intercept)
{
	EcmlCtx    *ctx = test_ctx(2, 1);
	Rows		rows = random_rows(9, 24000, terms, 2);
	LogregParams params = defaults;
	LogregModel *quick;
	LogregModel *exact;
	double		worst = 0;
	double		moved = 0;

	for (int i = 0; i < rows.n; i++)
	{
		double	   *x = rows.x + (size_t) i * terms;

		x[terms - 1] = x[terms - 2] + closeness * x[terms - 1];
		x[0] += 1e5;
	}
	params.penalty = penalty;
	params.intercept = intercept;
	quick = fit_in(ctx, &rows, &params, true, -1);
	params.solver = LOGREG_NEWTON;
	exact = fit_in(ctx, &rows, &params, true, -1);
	for (int j = intercept ? 0 : 1; j <= terms; j++)
	{
		worst = fmax(worst, fabs(quick->std_errors[j] / exact->std_errors[j] - 1));
		moved = fmax(moved, fabs(quick->coefficients[j] - exact->coefficients[j]) / exact->std_errors[j]);
	}
	ok(worst < 5e-8 && moved < 1e-7, "%d terms, penalty %d, %s%g of the last its own: standard errors differ by %.2g, coefficients by %.2g of them",
	   terms, penalty, intercept ? "" : "no intercept, ", closeness, worst, moved);
	free_rows(&rows);
	test_ctx_free(ctx);
}

/* ---- terms that cannot be learnt, classes that are separated ---- */

static void
test_dependent(void)
{
	EcmlCtx    *ctx = test_ctx(1, 1);
	Rows		rows = random_rows(11, 25000, 6, 2);
	Rows		less = new_rows(25000, 4, 2);
	LogregModel *m;
	LogregModel *own;
	LogregParams params = defaults;

	/* x2 constant, x4 = x0 - 3 x1; x5 1 in three rows only, outside any sample */
	for (int i = 0; i < rows.n; i++)
	{
		double	   *x = rows.x + (size_t) i * 6;
		double	   *z = less.x + (size_t) i * 4;

		x[2] = 17.3;
		x[4] = x[0] - 3 * x[1];
		x[5] = i == 700 || i == 8200 || i == 23333;
		less.y[i] = rows.y[i];
		z[0] = x[0];
		z[1] = x[1];
		z[2] = x[3];
		z[3] = x[5];
	}
	rows.y[700] = less.y[700] = 0;
	rows.y[8200] = less.y[8200] = 1;
	m = fit_in(ctx, &rows, &params, false, -1);
	own = fit_in(ctx, &less, &params, false, -1);
	ok(m->aliased[2] && m->aliased[4] && !m->aliased[0] && !m->aliased[1] && !m->aliased[3] && !m->aliased[5],
	   "a constant and a linear combination are left out, a rare term is not");
	ok(m->coefficients[3] == 0 && m->coefficients[5] == 0 && isnan(m->std_errors[3]) && isnan(m->std_errors[5]),
	   "they have no coefficient");
	close_to(m->coefficients[4], own->coefficients[3], 1e-8, "the others are those without them");
	close_to(m->std_errors[6], own->std_errors[4], 1e-8, "their standard errors too");
	ok(m->parameters == 5 && m->converged, "five parameters");
	params.penalty = LOGREG_L2;
	m = fit_in(ctx, &rows, &params, false, -1);
	ok(!m->aliased[2] && !m->aliased[4] && m->coefficients[5] != 0 && m->coefficients[3] == 0 && m->converged,
	   "with a penalty all stay");
	params.penalty = LOGREG_NONE;
	params.intercept = false;
	m = fit_in(ctx, &rows, &params, false, -1);
	ok(!m->aliased[2] && m->aliased[4] && m->coefficients[3] != 0, "without a constant term a constant column takes its place");
	free_rows(&rows);
	free_rows(&less);
	test_ctx_free(ctx);
}

static void
test_separated(void)
{
	EcmlCtx    *ctx = test_ctx(1, 1);
	LogregParams params = defaults;
	Rows		rows = random_rows(21, 400, 3, 2);
	Rows		three = random_rows(22, 600, 3, 3);
	LogregModel *m;
	bool		finite = true;

	/* complete: x0 decides */
	for (int i = 0; i < rows.n; i++)
		rows.y[i] = rows.x[i * 3] > 0.2;
	m = fit_in(ctx, &rows, &params, false, -1);
	ok(m->separated[0] && !m->converged, "complete separation is seen, and the term");
	for (int j = 0; j <= 3; j++)
		finite &= isfinite(m->coefficients[j]);
	ok(finite && m->accuracy == 1 && isnan(m->std_errors[1]), "the model is finite, and right on all rows");
	free_rows(&rows);

	/* quasi-complete: x1 = 1 occurs with class 1 only */
	rows = random_rows(23, 9000, 3, 2);
	for (int i = 0; i < rows.n; i++)
	{
		rows.x[i * 3 + 1] = i % 40 == 0;
		if (i % 40 == 0)
			rows.y[i] = 1;
	}
	m = fit_in(ctx, &rows, &params, false, -1);
	ok(m->separated[1] && !m->separated[0] && !m->separated[2] && isnan(m->std_errors[2]) && m->std_errors[1] > 0,
	   "quasi-complete separation is seen, of one term alone");
	ok(m->coefficients[2] > 5 && m->iterations < 40, "its coefficient is large (%.1f after %d iterations)", m->coefficients[2],
	   m->iterations);
	params.penalty = LOGREG_L2;
	m = fit_in(ctx, &rows, &params, false, -1);
	ok(!m->separated[1] && m->converged, "with a penalty there is a minimum");
	free_rows(&rows);

	params.penalty = LOGREG_NONE;
	for (int i = 0; i < three.n; i++)
		three.y[i] = three.x[i * 3 + 1] < 0 ? 0 : three.y[i] == 0 ? 1 : three.y[i];
	m = fit_in(ctx, &three, &params, false, -1);
	ok(m->separated[1] && !m->converged, "one class of three is separated");
	free_rows(&three);

	/* held: some terms and few rows, so that rows of the same kind tell how far the classes are known */
	for (int classes = 2; classes <= 3; classes++)
	{
		Rows		few = random_rows(25, 40, 20, classes);
		Rows		fresh = random_rows(25, 2040, 20, classes);
		LogregModel *held;
		double		loss[2] = {0};

		params.penalty = LOGREG_NONE;
		m = fit_in(ctx, &few, &params, false, -1);
		params.penalty = LOGREG_IF_SEPARATED;
		held = fit_in(ctx, &few, &params, false, -1);
		for (int i = few.n; i < fresh.n; i++)
		{
			double		q[3];

			logreg_probabilities(m, fresh.x + i * 20, q);
			loss[0] -= log(fmax(q[(int) fresh.y[i]], 1e-15)) / (fresh.n - few.n);
			logreg_probabilities(held, fresh.x + i * 20, q);
			loss[1] -= log(fmax(q[(int) fresh.y[i]], 1e-15)) / (fresh.n - few.n);
		}
		ok(!m->converged && held->converged && held->ridge > 0 && held->penalty == LOGREG_L2 && loss[1] < 0.5 * loss[0],
		   "%d classes separated by chance: a ridge holds them (C %g; log loss of other rows %.2f, without %.2f)", classes, held->ridge,
		   loss[1], loss[0]);
		free_rows(&few);
		free_rows(&fresh);
	}

	/* complete, of many rows: sharp */
	rows = random_rows(21, 4000, 1, 2);
	for (int i = 0; i < rows.n; i++)
		rows.y[i] = rows.x[i] > 0.2;
	m = fit_in(ctx, &rows, &params, false, -1);
	ok(m->ridge > 100 && m->converged && m->separated[0] && isnan(m->std_errors[1]) && m->accuracy > 0.999,
	   "where a term decides and rows are many, the ridge is weak (C %g)", m->ridge);
	free_rows(&rows);

	/* nothing is wrong with a strong but finite effect */
	rows = random_rows(24, 2000, 2, 2);
	for (int i = 0; i < rows.n; i++)
		rows.y[i] = rows.x[i * 2] + 0.05 * (i % 7 - 3) > 0.1;
	m = fit_in(ctx, &rows, &params, false, -1);
	ok(!m->separated[0] && m->converged && m->std_errors[1] > 0 && m->ridge == 0 && m->penalty == LOGREG_NONE, "a strong effect is no separation (coefficient %.1f +- %.1f)",
	   m->coefficients[1], m->std_errors[1]);
	free_rows(&rows);
	test_ctx_free(ctx);
}

/* Where ranks are asked of floats first: a combination, a term that is nearly one, and one that no sample has a row of. */
static void
test_dependent_floats(void)
{
	enum {TERMS = 68};
	EcmlCtx    *ctx = test_ctx(2, 1);
	Rows		rows = random_rows(12, 16400, TERMS, 2);
	LogregModel *m;
	int			aliased = 0;

	for (int i = 0; i < rows.n; i++)
	{
		double	   *x = rows.x + (size_t) i * TERMS;

		x[TERMS - 3] = x[0] + 1e-4 * x[TERMS - 3];
		x[TERMS - 2] = i == 3000 || i == 3001 || i == 16399;
		x[TERMS - 1] = x[1] - 2 * x[2];
		rows.y[i] = i == 3000 ? 0 : i == 3001 ? 1 : rows.y[i];
	}
	m = fit_in(ctx, &rows, &defaults, false, -1);
	for (int j = 0; j < TERMS; j++)
		aliased += m->aliased[j];
	ok(aliased == 1 && m->aliased[TERMS - 1] && m->converged, "of many terms a combination is left out, no other (%d)", aliased);
	free_rows(&rows);
	test_ctx_free(ctx);
}

/* ---- odd data ---- */

static void
expect_failure(const Rows *rows, const LogregParams *params, bool weighted, int offset, EcmlStatus status, const char *message)
{
	EcmlCtx    *ctx = test_ctx(1, 1);

	if (try_fit(ctx, rows, params, weighted, offset) != NULL)
		ok(false, "\"%s\"", message);
	else
		ok(test_host(ctx)->status == status && strstr(test_host(ctx)->message, message) != NULL, "\"%s\"",
		   test_host(ctx)->message);
	test_ctx_free(ctx);
}

static void
test_odd(void)
{
	EcmlCtx    *ctx = test_ctx(1, 1);
	LogregParams params = defaults;
	Rows		rows = random_rows(31, 300, 2, 3);
	Rows		none = random_rows(32, 300, 0, 2);
	Rows		moved = random_rows(33, 3000, 2, 2);
	LogregModel *m;
	LogregModel *other;
	double		share = 0;

	expect_failure(&rows, &params, false, 1, ECML_INVALID_PARAMETER, "offset");
	for (int i = 0; i < rows.n; i++)
		rows.w[i] = rows.y[i] == 1 ? 0 : 1;
	expect_failure(&rows, &params, true, -1, ECML_DATA_EXCEPTION, "a class has no weight");
	rows.w[7] = -1;
	expect_failure(&rows, &params, true, -1, ECML_DATA_EXCEPTION, "negative");
	rows.x[100] = 1e200;
	expect_failure(&rows, &params, false, -1, ECML_DATA_EXCEPTION, "too large");

	m = fit_in(ctx, &none, &params, false, -1);
	for (int i = 0; i < none.n; i++)
		share += none.y[i] / none.n;
	close_to(m->coefficients[0], log(share / (1 - share)), 1e-12, "no terms: the log odds");
	close_to(m->std_errors[0], 1 / sqrt(none.n * share * (1 - share)), 1e-12, "and their standard error");
	close_to(m->log_likelihood, m->null_log_likelihood, 1e-14, "the null model");

	/* seconds since 1970, and a term 1e9 times smaller */
	m = fit_in(ctx, &moved, &params, false, -1);
	for (int i = 0; i < moved.n; i++)
	{
		moved.x[2 * i] = 1.7e9 + 1000 * moved.x[2 * i];
		moved.x[2 * i + 1] *= 1e-9;
	}
	other = fit_in(ctx, &moved, &params, false, -1);
	close_to(other->coefficients[1] * 1000, m->coefficients[1], 1e-8, "a term far from 0");
	close_to(other->std_errors[1] * 1000, m->std_errors[1], 1e-8, "its standard error");
	close_to(other->coefficients[2], m->coefficients[2] * 1e9, 1e-8, "a term in small units");

	/* a weight counts as so many rows, that of a class too */
	{
		Rows		twice = new_rows(2 * moved.n, 2, 2);
		LogregTask	task = {.params = &params,.classes = 2,.offset = -1};
		double		weights[2] = {2, 1};
		int			n = 0;

		for (int i = 0; i < moved.n; i++)
			for (int c = 0; c < (moved.y[i] == 0 ? 2 : 1); c++)
			{
				memcpy(twice.x + 2 * n, moved.x + 2 * i, 2 * sizeof(double));
				twice.y[n++] = moved.y[i];
			}
		twice.n = n;
		other = fit_in(ctx, &twice, &params, false, -1);
		task.class_weight = weights;
		m = logreg_fit(ctx, ecml_data_from_rows(ctx, ECML_F8, moved.n, 2, moved.x, moved.y, NULL), &task);
		close_to(m->coefficients[1], other->coefficients[1], 1e-8, "the weight of a class counts as so many rows");
		close_to(m->std_errors[1], other->std_errors[1], 1e-8, "in standard errors too");
		free_rows(&twice);
	}
	free_rows(&rows);
	free_rows(&none);
	free_rows(&moved);
	test_ctx_free(ctx);
}

/* Far out: no probability is NaN, they add up. */
static void
test_probabilities(void)
{
	EcmlCtx    *ctx = test_ctx(1, 1);
	Rows		two = random_rows(41, 500, 2, 2);
	Rows		four = random_rows(42, 500, 2, 4);
	const double far[][2] = {{1e6, -1e6}, {-1e300, 1e300}, {1e308, 1e308}, {0, 0}};
	double		p[4];
	bool		right = true;

	for (int k = 0; k < 2; k++)
	{
		const Rows *rows = k ? &four : &two;
		LogregModel *m = fit_in(ctx, rows, &defaults, false, -1);

		for (int i = 0; i < 4; i++)
		{
			double		sum = 0;

			logreg_probabilities(m, far[i], p);
			for (int c = 0; c < rows->classes; c++)
			{
				right &= p[c] >= 0 && p[c] <= 1;
				sum += p[c];
			}
			right &= fabs(sum - 1) < 1e-12;
		}
	}
	ok(right, "probabilities far out");
	free_rows(&two);
	free_rows(&four);
	test_ctx_free(ctx);
}

/* ---- the same bits; memory; cancel; damage ---- */

/* Data that yield 1 to 3 blocks at a time, in memory that the next fetch overwrites. */
typedef struct Spilled
{
	EcmlData	data;
	EcmlData   *source;
	double	   *buffer[3];
	int			count;
} Spilled;

static size_t
spilled_fetch(EcmlCtx *ctx, EcmlData *data, size_t first, EcmlBlock *blocks, size_t max)
{
	Spilled    *s = (Spilled *) data;
	size_t		n = 1 + s->count++ * 7 % 3;

	n = n < max ? n : max;
	n = n < data->nblocks - first ? n : data->nblocks - first;
	for (size_t i = 0; i < 3; i++)
		memset(s->buffer[i], 0xFF, (size_t) data->columns * ECML_BLOCK_ROWS * sizeof(double));	/* NaN */
	for (size_t i = 0; i < n; i++)
	{
		ecml_data_fetch(ctx, s->source, first + i, &blocks[i], 1);
		memcpy(s->buffer[i], blocks[i].x, (size_t) data->columns * blocks[i].stride * sizeof(double));
		blocks[i].x = s->buffer[i];
	}
	return n;
}

static LogregModel *
fit_spilled(EcmlCtx *ctx, const Rows *rows, const LogregParams *params)
{
	Spilled    *s = ECML_NEW0(ctx, Spilled, 1);
	LogregTask	task = {.params = params,.classes = rows->classes,.offset = -1};

	s->source = ecml_data_from_rows(ctx, ECML_F8, rows->n, rows->terms, rows->x, rows->y, rows->w);
	s->data = *s->source;
	s->data.resident = false;
	s->data.fetch = spilled_fetch;
	for (int i = 0; i < 3; i++)
		s->buffer[i] = ECML_NEW(ctx, double, (size_t) rows->terms * ECML_BLOCK_ROWS);
	return logreg_fit(ctx, &s->data, &task);
}

static void
let_go(EcmlCtx *ctx, EcmlData *data, size_t block)
{
}

/* Rows that nobody needs after the fit, and may be written over. */
static LogregModel *
fit_yielded(EcmlCtx *ctx, const Rows *rows, const LogregParams *params)
{
	EcmlData   *data = ecml_data_from_rows(ctx, ECML_F8, rows->n, rows->terms, rows->x, rows->y, rows->w);
	LogregTask	task = {.params = params,.classes = rows->classes,.offset = -1};

	data->discard = let_go;
	return logreg_fit(ctx, data, &task);
}

static bool
same(const LogregModel *a, const LogregModel *b)
{
	size_t		size = (size_t) a->vectors * (1 + a->terms) * sizeof(double);

	return memcmp(a->coefficients, b->coefficients, size) == 0 && memcmp(a->std_errors, b->std_errors, size) == 0 &&
		a->log_likelihood == b->log_likelihood && a->iterations == b->iterations;
}

static void
test_bits(const char *what, const Rows *rows, const LogregParams *params)
{
	EcmlCtx    *one = test_ctx(1, 1);
	EcmlCtx    *four = test_ctx(4, 2);
	LogregModel *m = fit_in(one, rows, params, true, -1);

	ok(m->converged && m->ridge == (params->penalty == LOGREG_IF_SEPARATED), "%s: a minimum", what);
	ok(same(m, fit_in(four, rows, params, true, -1)), "%s: the same bits on 1 and 4 threads", what);
	ok(same(m, fit_spilled(four, rows, params)), "%s: and from a file", what);
	ok(same(m, fit_yielded(four, rows, params)), "%s: and of rows that are written over", what);
	test_ctx_free(one);
	test_ctx_free(four);
}

static void
test_ways(void)
{
	LogregParams params = defaults;
	LogregParams sparse = defaults;
	LogregParams robust = defaults;
	Rows		narrow = random_rows(51, 30000, 9, 2);
	Rows		many = random_rows(52, 9000, 70, 2);
	Rows		wide = random_rows(53, 1000, 260, 2);
	Rows		three = random_rows(54, 9000, 5, 3);
	Rows		floats = random_rows(55, 16500, 65, 2);

	sparse.penalty = LOGREG_L1;
	sparse.c = 0.01;
	test_bits("9 terms", &narrow, &params);
	test_bits("9 terms, l1", &narrow, &sparse);
	test_bits("70 terms", &many, &params);
	test_bits("260 terms", &wide, &params);
	test_bits("three classes", &three, &params);
	/* terms that nearly explain each other: the last Hessian is not that of floats; and one more pass for the errors */
	for (int i = 0; i < floats.n; i++)
		floats.x[(size_t) i * 65 + 64] = floats.x[(size_t) i * 65 + 63] + 0.01 * floats.x[(size_t) i * 65 + 64];
	robust.robust = LOGREG_HC0;
	test_bits("floats, then pairs", &floats, &robust);
	/* a ridge begins again, with what is kept */
	for (int i = 0; i < floats.n; i++)
	{
		floats.x[(size_t) i * 65 + 64] = i % 1000 == 0;
		floats.y[i] = i % 1000 == 0 ? 1 : floats.y[i];
	}
	params.penalty = LOGREG_IF_SEPARATED;
	test_bits("floats of separated classes", &floats, &params);
	free_rows(&floats);
	free_rows(&narrow);
	free_rows(&many);
	free_rows(&wide);
	free_rows(&three);
}

static void
test_trouble(const char *what, const Rows *rows, const LogregParams *params)
{
	EcmlCtx    *ctx;
	long		polls;
	long		step;
	bool		right = true;
	int			n = 0;

	for (int fail = 0;; fail++, n++)
	{
		bool		finished;

		ctx = test_ctx(2, 1);
		test_host(ctx)->fail_after = fail;
		finished = try_fit(ctx, rows, params, true, -1) != NULL;
		right &= finished || test_host(ctx)->status == ECML_OUT_OF_MEMORY;
		test_ctx_free(ctx);
		if (finished)
			break;
	}
	ok(right && n > 20, "%s: %d allocations that fail", what, n);
	ctx = test_ctx(2, 1);
	fit_in(ctx, rows, params, true, -1);
	polls = test_host(ctx)->polls;
	test_ctx_free(ctx);
	step = polls / 60 + 1;
	n = 0;
	for (long at = 0; at < polls; at += step, n++)
	{
		ctx = test_ctx(2, 1);
		test_host(ctx)->cancel_after = at;
		right &= try_fit(ctx, rows, params, true, -1) == NULL && test_host(ctx)->cancelled;
		test_ctx_free(ctx);
	}
	ok(right, "%s: %d cancels in %ld polls", what, n, polls);
}

/* Read a payload and use it; false: it was refused. */
static bool
try_read(EcmlCtx *ctx, const uint8_t *bytes, size_t size)
{
	EcmlReader	r;
	double		p[3];
	const double x[3] = {1, 2, 3};

	ecml_reader_init(&r, ctx, bytes, size);
	if (!TRY(ctx))
		return false;
	logreg_probabilities(logreg_read(&r, 3, 3), x, p);
	return true;
}

static void
test_bytes(void)
{
	Rows		rows = random_rows(61, 600, 3, 3);
	LogregParams params = defaults;
	EcmlCtx    *ctx = test_ctx(1, 1);
	LogregModel *m;
	LogregModel *again;
	EcmlWriter	w;
	EcmlReader	r;
	int			refused = 0;

	params.penalty = LOGREG_L2;
	m = fit_in(ctx, &rows, &params, false, -1);
	m->aliased[1] = m->separated[2] = true;
	ecml_writer_init(&w, ctx);
	logreg_write(&w, m);
	ecml_reader_init(&r, ctx, w.data, w.size);
	again = logreg_read(&r, 3, 3);
	ecml_read_end(&r);
	ok(same(m, again) == true && again->aliased[1] && again->separated[2] && !again->aliased[2] && again->means[2] == m->means[2] &&
	   again->parameters == m->parameters && again->accuracy == m->accuracy, "a model comes back from its bytes");
	for (size_t size = 0; size < w.size; size++)
	{
		refused += !try_read(ctx, w.data, size) && test_host(ctx)->status == ECML_CORRUPTED;
	}
	ok(refused == (int) w.size, "%d cut-off payloads are refused", refused);
	for (int i = 0; i < 20000; i++)
	{
		uint8_t    *bytes = ecml_alloc(ctx, w.size);

		memcpy(bytes, w.data, w.size);
		for (int k = 0; k < 3; k++)
			bytes[ecml_rng_below(&ctx->rng, i % 2 ? 40 : w.size)] = (uint8_t) ecml_rng_next(&ctx->rng);
		if (!try_read(ctx, bytes, w.size) && test_host(ctx)->status != ECML_CORRUPTED)
			refused = -1;
		ecml_free(ctx, bytes);
	}
	ok(refused >= 0, "20000 damaged payloads: read or refused");
	free_rows(&rows);
	test_ctx_free(ctx);
}

/* ---- step by step ---- */

static bool
try_read_step(EcmlCtx *ctx, const uint8_t *bytes, size_t size)
{
	EcmlReader	r;

	ecml_reader_init(&r, ctx, bytes, size);
	if (!TRY(ctx))
		return false;
	(void) logreg_step_read(&r);
	ecml_read_end(&r);
	return true;
}

static void
test_step(void)
{
	Rows		rows = random_rows(81, 1500, 4, 2);
	EcmlCtx    *ctx = test_ctx(1, 1);
	LogregModel *m = fit_in(ctx, &rows, &defaults, false, -1);
	LogregStep *whole = NULL;
	double		b[5] = {0};
	double		errors[5];
	double		gain = 1;
	int			steps = 0;
	int			refused = 0;
	double		worst = 0;
	EcmlWriter	w;
	EcmlReader	r;

	while (gain > 1e-20 && steps++ < 20)
	{
		LogregStep *half = logreg_step_new(ctx, b, 5);

		whole = logreg_step_new(ctx, b, 5);
		for (int i = 0; i < rows.n; i++)
			logreg_step_add(i % 3 ? whole : half, rows.y[i] == 1, rows.x + 4 * i);
		logreg_step_merge(whole, half);
		gain = logreg_step_solve(ctx, whole, b, errors);
	}
	for (int j = 0; j < 5; j++)
		worst = fmax(worst, fmax(fabs(b[j] / m->coefficients[j] - 1), fabs(errors[j] / m->std_errors[j] - 1)));
	ok(worst < 1e-8, "%d steps end where the fit does (%.2g apart)", steps, worst);
	close_to(whole->log_likelihood, m->log_likelihood, 1e-12, "with its likelihood");

	ecml_writer_init(&w, ctx);
	logreg_step_write(&w, whole);
	ecml_reader_init(&r, ctx, w.data, w.size);
	whole->size = logreg_step_read(&r)->size;
	ecml_read_end(&r);
	for (size_t size = 0; size < w.size; size++)
		refused += !try_read_step(ctx, w.data, size) && test_host(ctx)->status == ECML_CORRUPTED;
	ok(whole->size == 5 && refused == (int) w.size, "a state comes back from its bytes; cut off it is refused");
	for (int value = 0; value < 256; value++)
	{
		w.data[3] = (uint8_t) value;
		refused -= value > 0 && try_read_step(ctx, w.data, w.size);
	}
	ok(refused == (int) w.size, "one that says it is larger too");
	free_rows(&rows);
	test_ctx_free(ctx);
}

static void
test_check(void)
{
	LogregParams params = defaults;

	ok(logreg_check(&params) == NULL, "the defaults are right");
	params.c = 0;
	ok(logreg_check(&params) != NULL, "C 0 is refused");
	params = defaults;
	params.penalty = LOGREG_L1;
	params.solver = LOGREG_NEWTON;
	ok(logreg_check(&params) != NULL, "newton and l1 are refused");
	params.solver = LOGREG_AUTO;
	params.robust = LOGREG_HC0;
	ok(logreg_check(&params) != NULL, "robust and l1 are refused");
}

int
main(void)
{
	LogregParams params = defaults;
	LogregParams sparse = defaults;
	Rows		rows = random_rows(71, 16400, 2, 2);
	Rows		three = random_rows(72, 700, 3, 3);

	test_check();
	test_references();
	test_minima();
	test_rounded(65, 1, LOGREG_NONE, true);
	test_rounded(97, 0.15, LOGREG_NONE, true);
	test_rounded(64, 1e-3, LOGREG_L2, true);
	test_rounded(80, 0.3, LOGREG_L2, false);
	test_dependent();
	test_dependent_floats();
	test_separated();
	test_odd();
	test_probabilities();
	test_ways();
	test_trouble("two classes", &rows, &params);
	params.robust = LOGREG_HC1;
	params.penalty = LOGREG_L2;
	test_trouble("three classes, l2, robust", &three, &params);
	sparse.penalty = LOGREG_L1;
	test_trouble("three classes, l1", &three, &sparse);
	test_bytes();
	test_step();
	free_rows(&rows);
	free_rows(&three);
	return done();
}
