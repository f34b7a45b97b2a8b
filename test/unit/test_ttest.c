/*
 * test_ttest.c - moments against NIST's certified values and exact arithmetic; t-tests against SciPy
 */
#include "host.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "num/moments.h"
#include "stats/ttest.h"

#define MAX_VALUES 8192

static double values[MAX_VALUES];

static EcmlMoments
moments_of(const double *x, size_t n)
{
	EcmlMoments m = {0};

	for (size_t i = 0; i < n; i++)
		ecml_moments_add(&m, x[i]);
	return m;
}

/* ------------------------------------------------------------------------------------------------ NIST */

typedef struct Certified
{
	const char *name;
	int			n;
	double		mean;			/* certified by NIST, of the decimal data */
	double		sd;
	double		digits;			/* of the certified sd that the data still hold when read as doubles, less a half */
	double		exact_mean;		/* of the data as doubles, by rational arithmetic (Python's fractions) */
	double		exact_sd;
} Certified;

static const Certified certified[] = {
	{"Mavro", 50, 2.001856, 0.000429123454003053, 12.5, 2.0018559999999999732, 0.00042912345400308540929},
	{"Michelso", 100, 299.8524, 0.0790105478190518, 13.5, 299.85240000000000009, 0.079010547819050667151},
	{"NumAcc1", 3, 10000002, 1, 15, 10000002, 1},
	{"NumAcc3", 1001, 1000000.2, 0.1, 9, 1000000.2000000000116, 0.10000000003492459655},
	{"NumAcc4", 1001, 10000000.2, 0.1, 8, 10000000.200000000185, 0.10000000055879354477},
	{"PiDigits", 5000, 4.5348, 2.86733906028871, 14.4, 4.5348, 2.8673390602887080725}
};

/* The numbers after the line of dashes; their count, or -1 without the file. */
static int
read_nist(const char *name, double *x)
{
	const char *folder = getenv("ECML_DATA");
	char		path[1024];
	char		line[256];
	FILE	   *file;
	bool		data = false;
	int			n = 0;

	if (strcmp(name, "NumAcc4") == 0)
	{
		/* not among the files: made as NIST says */
		x[n++] = 10000000.2;
		while (n < 1001)
		{
			x[n++] = 10000000.1;
			x[n++] = 10000000.3;
		}
		return n;
	}
	snprintf(path, sizeof(path), "%s/nist/univariate/%s.dat", folder ? folder : "../shared/data", name);
	file = fopen(path, "r");
	if (file == NULL)
		return -1;
	while (fgets(line, sizeof(line), file) && n < MAX_VALUES)
	{
		char	   *end;
		double		v = strtod(line, &end);

		if (data && end != line)
			x[n++] = v;
		if (strncmp(line, "-----", 5) == 0)
			data = true;
	}
	fclose(file);
	return n;
}

static void
nist(void)
{
	for (size_t i = 0; i < sizeof(certified) / sizeof(certified[0]); i++)
	{
		const Certified *c = &certified[i];
		int			n = read_nist(c->name, values);
		EcmlMoments m;
		EcmlMoments parts = {0};
		double		mean;
		double		sd;

		if (n < 0)
		{
			skip("NIST's univariate data are not in ECML_DATA (../shared/data)");
			continue;
		}
		m = moments_of(values, n);
		mean = ecml_moments_mean(&m);
		sd = ecml_moments_sd(&m);
		ok(n == c->n && m.n == n, "%s: %d values", c->name, n);
		ok(lre(mean, c->exact_mean) >= 15, "%s: mean of these doubles, %.1f digits", c->name, lre(mean, c->exact_mean));
		ok(lre(sd, c->exact_sd) >= 15, "%s: deviation of these doubles, %.1f digits", c->name, lre(sd, c->exact_sd));
		ok(lre(mean, c->mean) >= 15, "%s: certified mean, %.1f digits", c->name, lre(mean, c->mean));
		ok(lre(sd, c->sd) >= c->digits, "%s: certified deviation, %.1f digits of the %.1f that doubles hold", c->name,
		   lre(sd, c->sd), lre(c->exact_sd, c->sd));

		for (int first = 0; first < n; first += 37)
		{
			EcmlMoments part = moments_of(values + first, n - first < 37 ? n - first : 37);

			ecml_moments_merge(&parts, &part);
		}
		ok(parts.n == n && lre(ecml_moments_mean(&parts), c->exact_mean) >= 15 && lre(ecml_moments_sd(&parts), c->exact_sd) >= 15,
		   "%s: the same when merged from parts", c->name);
	}
}

static void
moments_edges(void)
{
	EcmlMoments m = {0};
	EcmlMoments other;
	double		x[4];
	int			wrong = 0;

	ok(isnan(ecml_moments_mean(&m)) && isnan(ecml_moments_variance(&m)), "moments: none, NaN");
	ecml_moments_add(&m, 3);
	ok(ecml_moments_mean(&m) == 3 && isnan(ecml_moments_sd(&m)), "moments: one value has a mean and no deviation");

	/* a constant column has no variance, whatever the constant and the number of rows */
	for (int c = 0; c < 200; c++)
	{
		double		v = (c % 2 ? 1 : -1) * 0.1 * exp(c - 100);
		int			n = c % 50 == 0 ? 300000 : 1 + c * 13;

		m = (EcmlMoments) {0};
		for (int i = 0; i < n; i++)
			ecml_moments_add(&m, v);
		if (ecml_moments_mean(&m) != v || (n > 1 && ecml_moments_variance(&m) != 0))
			wrong++;
	}
	ok(wrong == 0, "moments: constant columns (%d wrong)", wrong);

	m = moments_of((double[]) {1e150, -1e150, 3e150}, 3);
	close_to(ecml_moments_sd(&m), 2e150, 1e-15, "moments: values of 1e150");
	m = moments_of((double[]) {1e300, -1e300, 3e300, 1, 2}, 5);
	ok(ecml_moments_mean(&m) == 3e300 / 5 && ecml_moments_variance(&m) == INFINITY, "moments: values of 1e300, variance infinite");
	m = moments_of((double[]) {1.7e308, 1.7e308, -1.7e308, 5}, 4);
	ok(ecml_moments_mean(&m) == INFINITY && ecml_moments_variance(&m) == INFINITY, "moments: a sum that overflows");
	other = moments_of((double[]) {-1.7e308, -1.7e308}, 2);
	ecml_moments_merge(&m, &other);
	ok(!isnan(ecml_moments_mean(&m)) && ecml_moments_variance(&m) == INFINITY, "moments: overflows merged, no NaN");
	other = moments_of((double[]) {1, 2}, 2);
	ecml_moments_merge(&other, &m);
	ok(!isnan(ecml_moments_mean(&other)) && ecml_moments_variance(&other) == INFINITY, "moments: an overflow merged into others");
	m = moments_of((double[]) {9e153, 9e153, -9e153, -9e153}, 4);
	ok(ecml_moments_variance(&m) == INFINITY || ecml_moments_variance(&m) > 8e307, "moments: squares sum up to infinity");

	/* cancellation: what remains is exact */
	x[0] = 1e17;
	x[1] = 1;
	x[2] = -1e17;
	x[3] = 1;
	m = moments_of(x, 4);
	ok(ecml_moments_mean(&m) == 0.5, "moments: 1e17 + 1 - 1e17 + 1 is 2");

	/* a million values around 1e6 with steps of 1 / 1024: all sums known */
	m = (EcmlMoments) {0};
	for (int i = 0; i < 1024 * 1024; i++)
		ecml_moments_add(&m, 1e6 + (i % 1024) / 1024.0);
	close_to(ecml_moments_mean(&m), 1e6 + 1023.0 / 2048, 1e-15, "moments: mean of a million values");
	close_to(ecml_moments_variance(&m) * (1048575.0 / 1048576.0), (1024.0 * 1024 - 1) / 12 / 1048576, 2e-15,
			 "moments: variance of a million values");
}

/* ------------------------------------------------------------------------------------------------ SciPy */

static bool
agree(double got, double want, double relative)
{
	if (isnan(want))
		return isnan(got);
	if (isinf(want))
		return got == want;
	return got == want || fabs(got - want) <= relative * fabs(want);
}

static int
parse(const char *list, double *x)
{
	int			n = 0;
	char	   *end;

	while (n < MAX_VALUES / 2)
	{
		double		v = strtod(list, &end);

		if (end == list)
			break;
		x[n++] = v;
		if (*end != ',')
			break;
		list = end + 1;
	}
	return n;
}

static void
against_scipy(void)
{
	const char *data = getenv("ECML_TEST_DATA");
	static char line[65536];
	char		path[1024];
	FILE	   *file;
	int			cases = 0;
	int			tiny = 0;

	snprintf(path, sizeof(path), "%s/ttest.tsv", data ? data : "test/data");
	file = fopen(path, "r");
	ok(file != NULL, "reference values in %s", path);
	if (file == NULL)
		return;
	while (fgets(line, sizeof(line), file))
	{
		char	   *field[11];
		double	   *a = values;
		double	   *b = values + MAX_VALUES / 2;
		int			n = 0;
		int			na;
		int			nb;
		double		want[5];
		TtestParams params = TTEST_DEFAULTS;
		TtestResult r;
		EcmlMoments ma;
		EcmlMoments mb;
		bool		no_spread;

		if (line[0] == '#')
			continue;
		for (char *token = strtok(line, "\t\n"); token && n < 11; token = strtok(NULL, "\t\n"))
			field[n++] = token;
		if (n != 11)
			abort();
		params.equal_var = strcmp(field[0], "student") == 0;
		params.alternative = strcmp(field[1], "less") == 0 ? TTEST_LESS
			: strcmp(field[1], "greater") == 0 ? TTEST_GREATER : TTEST_TWO_SIDED;
		params.level = strtod(field[2], NULL);
		params.mu = strtod(field[3], NULL);
		na = parse(field[4], a);
		nb = parse(field[5], b);
		for (int i = 0; i < 5; i++)
			want[i] = strtod(field[6 + i], NULL);
		if (strcmp(field[0], "rel") == 0)
			for (int i = 0; i < na; i++)
				a[i] -= b[i];
		ma = moments_of(a, na);
		mb = moments_of(b, nb);
		if (strcmp(field[0], "welch") == 0 || params.equal_var)
			r = ttest_two_samples(&ma, &mb, &params);
		else
			r = ttest_one_sample(&ma, &params);
		no_spread = !isfinite(want[0]);
		cases++;
		if (want[2] > 0 && want[2] < 1e-150)
			tiny++;
		if (!(agree(r.statistic, want[0], 1e-12) && agree(r.p_value, want[2], 1e-10) && (no_spread || agree(r.df, want[1], 1e-12))
			  && ((no_spread && isnan(want[3])) || agree(r.ci_low, want[3], 1e-10))
			  && ((no_spread && isnan(want[4])) || agree(r.ci_high, want[4], 1e-10))))
		{
			ok(false, "case %d: %s %s, %d and %d values", cases, field[0], field[1], na, nb);
			printf("#   got %.17g %.17g %.17g %.17g %.17g\n", r.statistic, r.df, r.p_value, r.ci_low, r.ci_high);
			printf("#  want %.17g %.17g %.17g %.17g %.17g\n", want[0], want[1], want[2], want[3], want[4]);
		}
	}
	fclose(file);
	ok(cases > 150 && tiny >= 4, "%d cases compared with SciPy, %d of them with p below 1e-150", cases, tiny);
}

static void
ttest_edges(void)
{
	TtestParams params = TTEST_DEFAULTS;
	EcmlMoments a;
	EcmlMoments b;
	EcmlMoments none = {0};
	TtestResult r;

	ok(ttest_check(&params) == NULL, "defaults are right");
	params.level = 1;
	ok(ttest_check(&params) != NULL, "level 1 is refused");
	params.level = NAN;
	ok(ttest_check(&params) != NULL, "level NaN is refused");
	params = (TtestParams) TTEST_DEFAULTS;
	params.mu = INFINITY;
	ok(ttest_check(&params) != NULL, "infinite mu is refused");
	params = (TtestParams) TTEST_DEFAULTS;
	params.alternative = 3;
	ok(ttest_check(&params) != NULL, "an unknown alternative is refused");

	params = (TtestParams) TTEST_DEFAULTS;
	r = ttest_two_samples(&none, &none, &params);
	ok(isnan(r.statistic) && isnan(r.p_value) && isnan(r.mean_a) && isnan(r.df), "no values: NaN");
	r = ttest_one_sample(&none, &params);
	ok(isnan(r.statistic) && isnan(r.mean_a) && isnan(r.mean_b), "no values, one sample: NaN");

	/* constants that no double holds exactly: sums of 10 and of 3 of them are rounded differently, and yet agree */
	for (int i = 0; i < 13; i++)
		values[i] = 0.1;
	a = moments_of(values, 10);
	b = moments_of(values, 3);
	r = ttest_two_samples(&a, &b, &params);
	ok(r.difference == 0 && isnan(r.statistic) && isnan(r.p_value), "constant 0.1 in both groups: no difference, no statistic");
	params.mu = 0.1;
	r = ttest_one_sample(&a, &params);
	ok(r.difference == 0 && isnan(r.statistic), "constant 0.1 against 0.1: no difference, no statistic");
	params.mu = 0;

	/* means that agree in 15 digits: the difference is the one of the doubles, not of rounded means */
	a = moments_of((double[]) {1e8, 1e8 + 1, 1e8 + 0x1p-26}, 3);
	b = moments_of((double[]) {1e8, 1e8 + 1, 1e8}, 3);
	r = ttest_two_samples(&a, &b, &params);
	close_to(r.difference, 0x1p-26 / 3, 1e-15, "difference of nearly equal means");
	params.mu = 1e8;
	r = ttest_one_sample(&a, &params);
	close_to(r.difference, (1 + 0x1p-26) / 3, 1e-15, "mean less a nearly equal mu");

	/* Cohen's d, by hand: pooled variance (2 * 1 + 1 * 2) / 3 */
	params = (TtestParams) TTEST_DEFAULTS;
	a = moments_of((double[]) {1, 2, 3}, 3);
	b = moments_of((double[]) {4, 6}, 2);
	r = ttest_two_samples(&a, &b, &params);
	close_to(r.effect_size, -3 / sqrt(4.0 / 3), 1e-15, "Cohen's d of two samples");
	close_to(r.difference, -3, 0, "difference of means");
	params.mu = -3;
	r = ttest_two_samples(&a, &b, &params);
	ok(r.statistic == 0 && r.p_value == 1, "difference as supposed: statistic 0, p 1");
	params.mu = 1;
	r = ttest_one_sample(&a, &params);
	close_to(r.effect_size, 1, 1e-15, "Cohen's d of one sample");
	close_to((r.ci_low + r.ci_high) / 2, 2, 1e-15, "one sample: the interval is that of the mean, not less mu");

	/* the same test, whichever group comes first */
	params = (TtestParams) TTEST_DEFAULTS;
	params.alternative = TTEST_LESS;
	r = ttest_two_samples(&a, &b, &params);
	params.alternative = TTEST_GREATER;
	close_to(ttest_two_samples(&b, &a, &params).p_value, r.p_value, 1e-15, "less and greater mirror each other");

	a = moments_of((double[]) {1e200, 2e200, 3e200}, 3);
	params.alternative = TTEST_TWO_SIDED;
	r = ttest_two_samples(&a, &b, &params);
	ok(isnan(r.statistic) && isnan(r.p_value) && r.mean_a == 2e200, "an infinite variance gives no statistic");
	a = moments_of((double[]) {1e-120, 2e-120, 3e-120}, 3);
	b = moments_of((double[]) {4e-120, 6e-120}, 2);
	r = ttest_two_samples(&a, &b, &params);
	close_to(r.statistic, -3 / sqrt(1.0 / 3 + 1), 1e-14, "values of 1e-120");
}

int
main(void)
{
	nist();
	moments_edges();
	against_scipy();
	ttest_edges();
	return done();
}
