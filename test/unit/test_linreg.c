/*
 * test_linreg.c - linear regression: NIST StRD, statsmodels and scikit-learn (test/data/linreg, made by make_linreg.py there),
 * dependent terms, few rows, extreme values; see also test_linreg_state.c and test_gram.c
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"
#include "linreg_tables.h"

static const char *test_data;

/* ---- NIST ---- */

static double
lowest_lre(const double *got, const double *want, int n)
{
	double		lowest = 16;

	for (int i = 0; i < n; i++)
		lowest = fmin(lowest, lre(got[i], want[i]));
	return lowest;
}

static Table
powers(int rows, const double *x, const double *y, int degree)
{
	Table		t = new_table(rows, degree, false);

	for (int i = 0; i < rows; i++)
	{
		double		power = 1;

		for (int j = 0; j < degree; j++)
			t.x[i * degree + j] = power *= x[i];
		t.y[i] = y[i];
	}
	return t;
}

static void
certify(const char *name, const Table *t, bool intercept, const double *b, const double *se, double sigma, double r2,
		double digits)
{
	LinregParams params = defaults;
	LinregModel *m;
	int			first = intercept ? 0 : 1;
	int			n = t->terms + 1 - first;
	double		lre_b;
	double		lre_se;

	params.intercept = intercept;
	m = fit_all(state_of(t), &params);
	lre_b = lowest_lre(m->coefficients + first, b, n);
	lre_se = lowest_lre(m->std_errors + first, se, n);
	ok(lre_b >= digits && lre_se >= digits && lre(m->sigma, sigma) >= digits && lre(m->r2, r2) >= digits && m->rank == n,
	   "NIST %s: coefficients %.1f digits, standard errors %.1f, sigma %.1f, R squared %.1f", name,
	   lre_b, lre_se, lre(m->sigma, sigma), lre(m->r2, r2));
}

/* A file of NIST's: from line 31 on the certified values, from line 61 on the data; degree 0: the columns as they stand. */
static void
certify_file(const char *folder, const char *name, int terms, int degree, bool intercept, double digits)
{
	char		path[1024];
	char		line[512];
	FILE	   *file;
	double		b[16];
	double		se[16];
	double		sigma = 0;
	double		r2 = 0;
	int			n = 0;
	int			number = 0;
	int			rows = 0;
	static double x[200 * 16];
	static double y[200];
	Table		t;

	snprintf(path, sizeof(path), "%s/nist/linear/%s.dat", folder, name);
	file = fopen(path, "r");
	if (file == NULL)
	{
		skip("NIST's files are absent (ECML_DATA)");
		return;
	}
	while (fgets(line, sizeof(line), file))
	{
		char	   *text;
		int			used;

		number++;
		if (number < 31)
			continue;
		if (number <= 60)
		{
			if (sscanf(line, " B%*d %lf %lf", &b[n], &se[n]) == 2 && n < 15)
				n++;
			else if ((text = strstr(line, "R-Squared")) != NULL)
				sscanf(text + 9, "%lf", &r2);
			else if ((text = strstr(line, "Standard Deviation ")) != NULL && sscanf(text + 18, "%lf", &sigma) != 1)
				sigma = 0;
			continue;
		}
		text = line;
		if (rows >= 200 || sscanf(text, "%lf%n", &y[rows], &used) != 1)
			continue;
		text += used;
		for (int j = 0; j < terms && sscanf(text, "%lf%n", &x[rows * terms + j], &used) == 1; j++)
			text += used;
		rows++;
	}
	fclose(file);
	if (degree > 0)
		t = powers(rows, x, y, degree);
	else
	{
		t = new_table(rows, terms, false);
		memcpy(t.x, x, (size_t) rows * terms * sizeof(double));
		memcpy(t.y, y, (size_t) rows * sizeof(double));
	}
	ok(n == t.terms + (intercept ? 1 : 0), "NIST %s: %d certified coefficients, %d rows", name, n, rows);
	certify(name, &t, intercept, b, se, sigma, r2, digits);
}

static void
test_nist(void)
{
	const char *folder = getenv("ECML_DATA") ? getenv("ECML_DATA") : "../shared/data";

	certify_file(folder, "Norris", 1, 0, true, 12);
	certify_file(folder, "NoInt1", 1, 0, false, 12);
	certify_file(folder, "Longley", 6, 0, true, 12);
	certify_file(folder, "Wampler1", 1, 5, true, 12);
	certify_file(folder, "Wampler2", 1, 5, true, 12);
	certify_file(folder, "Filip", 1, 10, true, 7);
}

/* Those of NIST's problems that are given by a formula or a short list. */
static void
test_nist_built(void)
{
	static const double delta[21] = {759, -2048, 2048, -2048, 2523, -2048, 2048, -2048, 1838, -2048, 2048,
	-2048, 1838, -2048, 2048, -2048, 2523, -2048, 2048, -2048, 759};
	static const double wampler_se[6] = {2152.32624678170, 2363.55173469681, 779.343524331583, 101.475507550350,
	5.64566512170752, 0.112324854679312};
	static const double wampler_r2[3] = {0.999995559025820, 0.957478440825662, 0.224668921574940E-02};
	static const double ones[6] = {1, 1, 1, 1, 1, 1};
	static const double pontius_y[40] = {
		.11019, .21956, .32949, .43899, .54803, .65694, .76562, .87487, .98292, 1.09146,
		1.20001, 1.30822, 1.41599, 1.52399, 1.63194, 1.73947, 1.84646, 1.95392, 2.06128, 2.16844,
		.11052, .22018, .32939, .43886, .54798, .65739, .76596, .87474, .98300, 1.09150,
	1.20004, 1.30818, 1.41613, 1.52408, 1.63159, 1.73965, 1.84696, 1.95445, 2.06177, 2.16829};
	static const double pontius_b[3] = {0.673565789473684E-03, 0.732059160401003E-06, -0.316081871345029E-14};
	static const double pontius_se[3] = {0.107938612033077E-03, 0.157817399981659E-09, 0.486652849992036E-16};
	static const double noint_x[3] = {4, 5, 6};
	static const double noint_y[3] = {3, 4, 4};
	double		x[40];
	double		y[40];
	Table		t;

	for (int k = 0; k < 3; k++)
	{
		double		size = pow(100, k);
		double		se[6];
		char		name[16];

		for (int i = 0; i < 21; i++)
		{
			x[i] = i;
			y[i] = 1 + x[i] * (1 + x[i] * (1 + x[i] * (1 + x[i] * (1 + x[i])))) + size * delta[i];
		}
		for (int j = 0; j < 6; j++)
			se[j] = wampler_se[j] * size;
		snprintf(name, sizeof(name), "Wampler%d", 3 + k);
		t = powers(21, x, y, 5);
		certify(name, &t, true, ones, se, 2360.14502379268 * size, wampler_r2[k], 12);
	}
	for (int i = 0; i < 40; i++)
		x[i] = 150000.0 * (i % 20 + 1);
	t = powers(40, x, pontius_y, 2);
	certify("Pontius", &t, true, pontius_b, pontius_se, 0.205177424076185E-03, 0.999999900178537, 12);
	t = powers(3, noint_x, noint_y, 1);
	certify("NoInt2", &t, false, (const double[]) {0.727272727272727}, (const double[]) {0.420827318078432E-01},
			0.369274472937998, 0.993348115299335, 12);
}

/* ---- statsmodels, scikit-learn ---- */

/* The stored values of one quantity of a case; the number of them. */
static int
reference(const char *name, const char *quantity, double *values, int most)
{
	char		path[1024];
	char		line[256];
	char		want[128];
	FILE	   *file;
	int			n = 0;

	snprintf(path, sizeof(path), "%s/linreg/reference.tsv", test_data);
	snprintf(want, sizeof(want), "%s\t%s\t", name, quantity);
	file = fopen(path, "r");
	if (file == NULL)
		return 0;
	while (fgets(line, sizeof(line), file))
		if (strncmp(line, want, strlen(want)) == 0 && n < most)
			sscanf(line + strlen(want), "%*d %lf", &values[n++]);
	fclose(file);
	return n;
}

static Table
read_table(const char *name, int rows, int terms, bool weights)
{
	char		path[1024];
	FILE	   *file;
	Table		t = new_table(rows, terms, weights);
	int			got = 0;

	snprintf(path, sizeof(path), "%s/linreg/%s", test_data, name);
	file = fopen(path, "r");
	for (int i = 0; file && i < rows; i++)
	{
		if (weights)
			got += fscanf(file, "%lf", &t.w[i]);
		got += fscanf(file, "%lf", &t.y[i]);
		for (int j = 0; j < terms; j++)
			got += fscanf(file, "%lf", &t.x[i * terms + j]);
	}
	if (file)
		fclose(file);
	ok(got == rows * (terms + 1 + weights), "%s can be read", path);
	return t;
}

static void
compare(const char *name, const char *quantity, const double *got, int n, double relative)
{
	double		want[MOST];
	int			have = reference(name, quantity, want, MOST);
	double		size = 0;
	double		worst = 0;

	for (int i = 0; i < have; i++)
		size = fmax(size, fabs(want[i]));
	for (int i = 0; i < have && i < n; i++)
		worst = fmax(worst, isfinite(got[i]) ? fabs(got[i] - want[i]) / fmax(fabs(want[i]), 1e-3 * size) : INFINITY);
	ok(have == n && worst <= relative, "%s: %s (%d of %d, worst %.2g)", name, quantity, have, n, worst);
}

static void
compare_model(const char *name, const Table *t, const LinregModel *m, bool statistics, double relative)
{
	int			first = m->intercept ? 0 : 1;
	int			n = m->terms + 1 - first;

	compare(name, "coef", m->coefficients + first, n, relative);
	if (m->covariance)
	{
		compare(name, "se", m->std_errors + first, n, relative);
		compare(name, "sigma", &m->sigma, 1, relative);
		compare(name, "df", &m->df, 1, relative);
	}
	if (statistics)
	{
		double		predicted[5];
		double		mean[5];
		double		observation[5];

		compare(name, "r2", &m->r2, 1, relative);
		compare(name, "adj_r2", &m->adj_r2, 1, relative);
		compare(name, "f", &m->f_statistic, 1, relative);
		compare(name, "f_p", &m->f_p_value, 1, relative);
		compare(name, "loglik", &m->log_likelihood, 1, relative);
		compare(name, "aic", &m->aic, 1, relative);
		compare(name, "bic", &m->bic, 1, relative);
		compare(name, "rss", &m->rss, 1, relative);
		for (int i = 0; i < 5; i++)
		{
			predicted[i] = linreg_predict(m, t->x + i * t->terms);
			linreg_interval(m, t->x + i * t->terms, 0.9, &mean[i], &observation[i]);
		}
		compare(name, "predict", predicted, 5, relative);
		compare(name, "half_mean", mean, 5, relative);
		compare(name, "half_obs", observation, 5, relative);
	}
}

static void
test_references(void)
{
	static const struct
	{
		const char *name;
		bool		wide;
		bool		weighted;
		bool		intercept;
		double		alpha;
		double		l1_ratio;
	}			cases[] = {
		{"ols", false, false, true, 0, 0},
		{"ols_no_intercept", false, false, false, 0, 0},
		{"wls", false, true, true, 0, 0},
		{"ridge", false, false, true, 3, 0},
		{"ridge_weighted", false, true, true, 0.7, 0},
		{"ridge_no_intercept", false, false, false, 10, 0},
		{"ridge_wide", true, false, true, 2.5, 0},
		{"lasso", false, false, true, 0.05, 1},
		{"lasso_weighted", false, true, true, 0.05, 1},
		{"lasso_no_intercept", false, false, false, 0.02, 1},
		{"enet", false, false, true, 0.1, 0.4},
		{"enet_weighted", false, true, true, 0.1, 0.9},
		{"lasso_wide", true, false, true, 0.1, 1},
		{"enet_wide", true, false, true, 0.3, 0.5}
	};
	Table		data = read_table("data.tsv", 60, 6, true);
	Table		wide = read_table("wide.tsv", 60, 80, false);
	Table		plain = data;

	plain.w = NULL;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		const Table *t = cases[i].wide ? &wide : cases[i].weighted ? &data : &plain;
		LinregParams params = defaults;
		LinregModel *m;
		double		relative = cases[i].l1_ratio > 0 ? 1e-8 : 1e-9;

		params.intercept = cases[i].intercept;
		params.alpha = cases[i].alpha;
		params.l1_ratio = cases[i].l1_ratio;
		m = fit_all(state_of(t), &params);
		compare_model(cases[i].name, t, m, params.alpha == 0, relative);
		ok(m->converged, "%s: converged (%d sweeps)", cases[i].name, m->iterations);
		if (!cases[i].wide)
		{
			m = fit_through_qr(t, &params);
			compare_model(cases[i].name, t, m, params.alpha == 0, relative);
		}
	}
}

/* ---- shapes of data ---- */

static void
test_rank(void)
{
	for (int qr = 0; qr < 2; qr++)
	{
		Table		t = new_table(50, 7, false);
		Table		reduced = new_table(50, 4, false);
		LinregModel *m;
		LinregModel *want;
		EcmlRng		rng;
		const char *way = qr ? "triangle" : "Gram";

		ecml_rng_seed(&rng, 77);
		for (int i = 0; i < 50; i++)
		{
			double	   *x = t.x + i * 7;
			double	   *z = reduced.x + i * 4;

			x[0] = ecml_rng_normal(&rng);
			x[1] = 1e6 + 1e3 * ecml_rng_normal(&rng);
			x[2] = x[0] + x[1];	/* rounded: dependent but for 1e-16 */
			x[3] = 0.1;			/* constant */
			x[4] = ecml_rng_normal(&rng);
			x[5] = x[4];		/* the same again */
			x[6] = x[0] * x[0];
			t.y[i] = reduced.y[i] = 2 + x[0] - x[4] + 0.001 * x[1] + ecml_rng_normal(&rng);
			z[0] = x[0];
			z[1] = x[1];
			z[2] = x[4];
			z[3] = x[6];
		}
		m = qr ? fit_through_qr(&t, &defaults) : fit_all(state_of(&t), &defaults);
		want = fit_all(state_of(&reduced), &defaults);
		ok(!m->aliased[0] && !m->aliased[1] && m->aliased[2] && m->aliased[3] && !m->aliased[4] && m->aliased[5]
		   && !m->aliased[6] && m->rank == 5 && m->df == 45, "%s: a sum, a constant and a copy are aliased", way);
		ok(fabs(m->coefficients[1] / want->coefficients[1] - 1) < 1e-9 && fabs(m->coefficients[5] / want->coefficients[3] - 1) < 1e-9
		   && fabs(m->std_errors[7] / want->std_errors[4] - 1) < 1e-9 && fabs(m->rss / want->rss - 1) < 1e-9,
		   "%s: the others are as without them", way);
		ok(m->coefficients[3] == 0 && isnan(m->std_errors[3]) && isnan(m->std_errors[6]), "%s: aliased: 0, and no error", way);
	}
}

static void
test_small(void)
{
	LinregParams params = defaults;
	Table		t = new_table(6, 1, false);
	LinregModel *m;
	double		mean;
	double		observation;

	for (int i = 0; i < 6; i++)
	{
		t.x[i] = i + 1;
		t.y[i] = 3 + 0.5 * t.x[i];
	}
	m = fit_all(state_of(&t), &defaults);
	ok(lre(m->coefficients[0], 3) > 15 && lre(m->coefficients[1], 0.5) > 15 && m->sigma == 0 && m->std_errors[1] == 0 && m->r2 == 1
	   && isinf(m->f_statistic) && m->f_p_value == 0 && m->log_likelihood == INFINITY && m->aic == -INFINITY,
	   "a perfect fit: no residual, no error, R squared 1, F infinite");
	linreg_interval(m, t.x, 0.95, &mean, &observation);
	ok(mean == 0 && observation == 0, "a perfect fit: intervals without width");
	m = fit_through_qr(&t, &defaults);
	ok(m->sigma == 0 && m->std_errors[1] == 0 && m->r2 == 1 && isinf(m->f_statistic), "a perfect fit by the triangle too");
	t.rows = 2;
	t.y[1] = 9;
	m = fit_all(state_of(&t), &defaults);
	linreg_interval(m, t.x, 0.95, &mean, &observation);
	ok(m->df == 0 && lre(m->coefficients[1], 5.5) > 14 && isnan(m->std_errors[1]) && isnan(m->sigma) && m->r2 == 1
	   && isnan(m->adj_r2) && isnan(mean) && isnan(observation), "two rows, two coefficients: no errors");
	t.rows = 1;
	for (int qr = 0; qr < 2; qr++)
	{
		m = qr ? fit_through_qr(&t, &defaults) : fit_all(state_of(&t), &defaults);
		ok(m->rank == 1 && m->aliased[0] && lre(m->coefficients[0], t.y[0]) > 14 && m->df == 0 && isnan(m->r2), "one row: its value");
	}
	t.rows = 6;
	for (int i = 0; i < 6; i++)
		t.y[i] = 0.1;
	for (int qr = 0; qr < 2; qr++)
	{
		m = qr ? fit_through_qr(&t, &defaults) : fit_all(state_of(&t), &defaults);
		ok(fabs(m->coefficients[1]) < 1e-16 && lre(m->coefficients[0], 0.1) > 14 && m->sigma == 0 && isnan(m->r2)
		   && isnan(m->f_statistic), "a constant target: slope 0, R squared NaN");
	}
	params.alpha = 0.1;
	params.l1_ratio = 1;
	m = fit_all(state_of(&t), &params);
	ok(m->coefficients[1] == 0 && lre(m->coefficients[0], 0.1) > 14 && m->converged && m->covariance == NULL, "lasso of a constant target");
	t = new_table(4, 0, false);
	for (int i = 0; i < 4; i++)
		t.y[i] = i;
	m = fit_all(state_of(&t), &defaults);
	ok(m->coefficients[0] == 1.5 && lre(m->std_errors[0], sqrt(5.0 / 3 / 4)) > 14 && m->r2 == 0 && isnan(m->f_statistic),
	   "the intercept alone: mean and standard error");
	params = defaults;
	params.intercept = false;
	m = fit_all(state_of(&t), &params);
	ok(m->rank == 0 && m->rss == 14 && m->df == 4, "no coefficient at all");
	params.alpha = 1;
	ok(linreg_fit(ctx, state_of(&t), &params, NULL, 0)->rss == 14, "no coefficient, ridge");
}

static void
test_scales(void)
{
	static const double scales[] = {1e-130, 1e-60, 1, 1e60, 1e145};
	Table		t = random_table(100, 3, false, 8);
	LinregModel *plain = fit_all(state_of(&t), &defaults);

	for (int s = 0; s < 5; s++)
	{
		Table		big = new_table(100, 3, false);
		LinregModel *m;
		double		worst = 16;

		for (int i = 0; i < 100; i++)
		{
			big.y[i] = t.y[i] * scales[4 - s];
			for (int j = 0; j < 3; j++)
				big.x[i * 3 + j] = t.x[i * 3 + j] * scales[s];
		}
		m = fit_all(state_of(&big), &defaults);
		for (int j = 1; j < 4; j++)
		{
			worst = fmin(worst, lre(m->coefficients[j] * scales[s] / scales[4 - s], plain->coefficients[j]));
			worst = fmin(worst, lre(m->std_errors[j] * scales[s] / scales[4 - s], plain->std_errors[j]));
		}
		ok(worst > 11 && lre(m->r2, plain->r2) > 12, "terms times %g, target times %g: the same fit (%.1f digits)", scales[s],
		   scales[4 - s], worst);
	}
	for (int s = 0; s < 2; s++)
	{
		if (TRY(ctx))
		{
			t.x[7] = s ? 1e200 : NAN;
			state_of(&t);
			ok(false, "a value whose square overflows is an error");
		}
		else
			ok(test_host(ctx)->status == ECML_DATA_EXCEPTION, "%s", test_host(ctx)->message);
	}
	if (TRY(ctx))
	{
		t = random_table(10, 1, true, 1);
		t.w[3] = -1;
		state_of(&t);
		ok(false, "a negative weight is an error");
	}
	else
		ok(test_host(ctx)->status == ECML_DATA_EXCEPTION, "%s (%s)", test_host(ctx)->message, ctx->detail);
	if (TRY(ctx))
	{
		linreg_new(ctx, LINREG_MAX_TERMS + 1);
		ok(false, "too many terms are an error");
	}
	else
		ok(test_host(ctx)->status == ECML_LIMIT_EXCEEDED, "%s", test_host(ctx)->message);
}

/* Rows of weight 0 do not count; whole weights are repeated rows, but for the degrees of freedom. */
static void
test_weights(void)
{
	Table		t = random_table(60, 4, true, 12);
	Table		fewer = new_table(40, 4, true);

	for (int i = 0; i < 60; i++)
		if (i % 3 == 2)
			t.w[i] = 0;
	for (int i = 0, at = 0; i < 60; i++)
		if (t.w[i] > 0)
		{
			memcpy(fewer.x + at * 4, t.x + i * 4, 4 * sizeof(double));
			fewer.y[at] = t.y[i];
			fewer.w[at++] = t.w[i];
		}
	for (int qr = 0; qr < 2; qr++)
	{
		LinregModel *a = qr ? fit_through_qr(&t, &defaults) : fit_all(state_of(&t), &defaults);
		LinregModel *b = fit_all(state_of(&fewer), &defaults);

		ok(agree(a, b, 1e-12) && a->n == 40 && a->df == 35 && lre(a->log_likelihood, b->log_likelihood) > 12,
		   "rows of weight 0 do not count (%s)", qr ? "triangle" : "Gram");
	}
}

static void
test_paths_agree(void)
{
	for (int weighted = 0; weighted < 2; weighted++)
	{
		Table		t = random_table(5000, 12, weighted, 91);
		LinregModel *gram = fit_all(state_of(&t), &defaults);
		LinregModel *qr = fit_through_qr(&t, &defaults);

		ok(agree(qr, gram, 1e-12) && lre(qr->r2, gram->r2) > 12 && lre(qr->aic, gram->aic) > 12
		   && lre(qr->covariance[5], gram->covariance[5]) > 11, "5000 rows of 12 terms: triangle and Gram agree");
	}
}

/* 150 terms, some of them dependent, against normal equations over the others by the Gram matrix of part of them. */
static void
test_wide(void)
{
	int			terms = 150;
	Table		t = random_table(1200, terms, false, 17);
	LinregModel *m;
	LinregParams lasso = defaults;
	double		worst = 0;

	for (int i = 0; i < 1200; i++)
	{
		double	   *x = t.x + (size_t) i * terms;

		for (int j = 100; j < 120; j++)
			x[j] = x[j - 100] - 2 * x[j - 50];
	}
	m = fit_all(state_of(&t), &defaults);
	ok(m->rank == 131, "150 terms: 20 of them dependent (rank %d)", m->rank);
	for (int j = 0; j < terms; j++)
		worst += m->aliased[j] != (j >= 100 && j < 120);
	ok(worst == 0, "150 terms: just those that depend on terms before");
	/* the residuals are orthogonal to every column */
	worst = 0;
	for (int j = 0; j < terms; j++)
	{
		double		sum = 0;

		for (int i = 0; i < 1200; i++)
			sum += t.x[(size_t) i * terms + j] * (t.y[i] - linreg_predict(m, t.x + (size_t) i * terms));
		worst = fmax(worst, fabs(sum));
	}
	ok(worst < 1e-6, "150 terms: residuals orthogonal to all (%.2g)", worst);
	lasso.alpha = 0.05;
	lasso.l1_ratio = 1;
	m = fit_all(state_of(&t), &lasso);
	worst = 0;
	for (int j = 0; j < terms; j++)
	{
		double		sum = 0;
		double		b = m->coefficients[1 + j];

		for (int i = 0; i < 1200; i++)
			sum += t.x[(size_t) i * terms + j] * (t.y[i] - linreg_predict(m, t.x + (size_t) i * terms)) / 1200;
		worst = fmax(worst, b == 0 ? fmax(fabs(sum) - 0.05, 0) : fabs(sum - copysign(0.05, b)));
	}
	/* with dependent terms the minimum is not unique, but its conditions hold */
	ok(m->converged && worst < 1e-4, "150 terms, lasso: the conditions of its minimum (%.2g, %d sweeps)", worst, m->iterations);
}

static void
test_check(void)
{
	LinregParams p = defaults;

	ok(linreg_check(&p) == NULL, "the defaults are right");
	p.alpha = -1;
	ok(linreg_check(&p) != NULL, "alpha -1: %s", linreg_check(&p));
	p = defaults;
	p.alpha = NAN;
	ok(linreg_check(&p) != NULL, "alpha NaN: %s", linreg_check(&p));
	p = defaults;
	p.l1_ratio = 1.5;
	ok(linreg_check(&p) != NULL, "l1_ratio 1.5: %s", linreg_check(&p));
	p = defaults;
	p.level = 1;
	ok(linreg_check(&p) != NULL, "level 1: %s", linreg_check(&p));
	p = defaults;
	p.max_iter = 0;
	ok(linreg_check(&p) != NULL, "max_iter 0: %s", linreg_check(&p));
	p = defaults;
	p.tolerance = 0;
	ok(linreg_check(&p) != NULL, "tolerance 0: %s", linreg_check(&p));
	p = defaults;
	p.alpha = 0.001;
	p.l1_ratio = 1;
	p.max_iter = 1;
	{
		Table		t = random_table(100, 20, false, 4);

		for (int i = 0; i < 100; i++)
			for (int j = 1; j < 20; j++)
				t.x[i * 20 + j] = t.x[i * 20] + 0.01 * t.x[i * 20 + j];
		ok(!fit_all(state_of(&t), &p)->converged, "one sweep is not enough, and the model says so");
		p.max_iter = 10000;
		ok(fit_all(state_of(&t), &p)->converged, "more sweeps are");
	}
}

int
main(void)
{
	static void (*const tests[]) (void) = {
		test_nist, test_nist_built, test_references, test_rank, test_small, test_scales, test_weights, test_paths_agree, test_wide,
		test_check
	};

	test_data = getenv("ECML_TEST_DATA") ? getenv("ECML_TEST_DATA") : "test/data";
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
	{
		ctx = test_ctx(1, 1);
		tests[i] ();
		test_ctx_free(ctx);
	}
	return done();
}
