/*
 * test_profile.c - samples of rows and distributions of columns: against SciPy's numbers (test/data/drift), naive counts, and
 * their own laws
 */
#include "host.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "num/dist.h"
#include "num/profile.h"
#include "num/rowsample.h"

static FILE *
open_data(const char *data, const char *name)
{
	char		path[1024];
	FILE	   *file;

	snprintf(path, sizeof(path), "%s/drift/%s", data, name);
	file = fopen(path, "r");
	ok(file != NULL, "reference values in %s", path);
	return file;
}

static void
kolmogorov(const char *data)
{
	FILE	   *file = open_data(data, "kolmogorov.tsv");
	char		line[256];
	double		worst = 0;
	int			n = 0;
	double		x;
	double		cdf;
	double		sf;

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "%lf %lf %lf", &x, &cdf, &sf) == 3)
		{
			worst = fmax(worst, fabs(ecml_kolmogorov_cdf(x) / cdf - 1));
			worst = fmax(worst, fabs(ecml_kolmogorov_sf(x) / sf - 1));
			n++;
		}
	if (file)
		fclose(file);
	ok(n == 25 && worst < 1e-12, "Kolmogorov's distribution, both tails, to 1e-12 at %d points (%.1e)", n, worst);
	ok(ecml_kolmogorov_sf(0) == 1 && ecml_kolmogorov_cdf(-1) == 0 && isnan(ecml_kolmogorov_sf(NAN)) &&
	   ecml_kolmogorov_sf(INFINITY) == 0, "its ends");
}

/* Rows of b in the cells of a column. */
static double *
count(EcmlCtx *ctx, const EcmlProfileColumn *column, const double *b, int m)
{
	double	   *cells = ECML_NEW0(ctx, double, ecml_profile_cells(column));

	for (int i = 0; i < m; i++)
		cells[ecml_profile_cell(column, b[i])]++;
	return cells;
}

static int
read_numbers(FILE *file, double *v)
{
	static char line[200000];
	char	   *at = line;
	char	   *end;
	int			n = 0;

	if (fgets(line, sizeof(line), file) == NULL)
		return 0;
	for (;; at = end)
	{
		double		value = strtod(at, &end);

		if (end == at)
			return n;
		v[n++] = value;
	}
}

static int
ascending(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return x < y ? -1 : x > y;
}

/* Values are put in order, however they lie: near each other beside one far away, with equal ones, negative ones, or all equal. */
static void
order(void)
{
	for (int kind = 0; kind < 6; kind++)
	{
		EcmlCtx    *ctx = test_ctx(1, 1);
		EcmlProfileColumn column = {0};
		double		v[3000];
		int			m = 0;
		bool		same = true;

		for (int i = 0; i < 3000; i++)
		{
			double		u = (i * 1237 % 3000) / 3000.0;

			v[i] = kind == 0 ? u - 0.5 : kind == 1 ? 1 + u * 1e-12 : kind == 2 ? floor(u * 7) - 3 : kind == 3 ? 4 :
				kind == 4 ? exp(600 * u) : -1e300 * u;
		}
		if (kind == 1)
			v[1500] = -1e300;
		ecml_profile_number(ctx, &column, v, NULL, 3000, 3000);
		qsort(v, 3000, sizeof(double), ascending);
		for (int i = 0; i < 3000; i++)
			if (i == 0 || v[i] != v[i - 1])
			{
				same &= m < column.n && column.points[m] == v[i];
				m++;
			}
		ok(same && m == column.n, "order of values, kind %d", kind);
		test_ctx_free(ctx);
	}
}

static void
samples(const char *data)
{
	FILE	   *file = open_data(data, "samples.tsv");
	static char line[1024];
	static double a[4000];
	static double b[4000];

	while (file && fgets(line, sizeof(line), file))
	{
		char	   *tab = strchr(line, '\t');
		EcmlCtx    *ctx;
		EcmlProfileColumn column = {0};
		EcmlProfileColumn codes = {0};
		EcmlDrift	drift;
		double		d;
		double		chi2;
		double		e;
		int			n;
		int			m;

		if (line[0] == '#' || tab == NULL)
			continue;
		*tab = '\0';
		ok(sscanf(tab + 1, "%lf %lf", &d, &chi2) == 2, "%s", line);
		n = read_numbers(file, a);
		m = read_numbers(file, b);
		ctx = test_ctx(1, 1);

		/* all values kept: exact */
		ecml_profile_number(ctx, &column, a, NULL, n, n);
		drift = ecml_profile_drift(&column, n, count(ctx, &column, b, m), 0);
		e = (double) n * m / (n + m);
		ok(column.exact && fabs(drift.statistic - d) < 1e-6, "%s: D is SciPy's (%.3g)", line, fabs(drift.statistic - d));
		close_to(drift.p_value, ecml_kolmogorov_sf((sqrt(e) + 0.12 + 0.11 / sqrt(e)) * drift.statistic), 1e-12,
				 "%s: p is that of the limit", line);
		ok(drift.psi >= 0 && (d > 0 || drift.psi < 1e-9), "%s: PSI is not negative, and 0 for the same", line);

		/* 128 points: nearly */
		ecml_profile_number(ctx, &column, a, NULL, n, ECML_PROFILE_POINTS);
		drift = ecml_profile_drift(&column, n, count(ctx, &column, b, m), 0);
		ok(column.n <= ECML_PROFILE_POINTS && drift.statistic <= d + 1e-6 && drift.statistic > d - 1.0 / 100,
		   "%s: D of 128 points is near (%g below)", line, d - drift.statistic);

		if (strcmp(line, "few values") == 0 || strcmp(line, "one value") == 0)
		{
			/* as categories: codes that the first sample does not have count as one, and so do its own */
			ecml_profile_category(ctx, &codes, a, NULL, n);
			for (int i = 0; i < m; i++)
				if (strcmp(line, "one value") == 0)
					b[i] = b[i] == 1 ? 1 : -1;
				else if (b[i] == 4)
					b[i] = -1;
			drift = ecml_profile_drift(&codes, n, count(ctx, &codes, b, m), 0);
			if (strcmp(line, "few values") == 0)
				ok(fabs(drift.statistic / chi2 - 1) < 1e-5, "%s: chi-square is SciPy's (%g)", line, drift.statistic);
			ok(drift.p_value > 0 && drift.p_value < 1, "%s: and has a p value", line);
		}
		test_ctx_free(ctx);
	}
	if (file)
		fclose(file);
}

static void
nulls_and_bins(void)
{
	EcmlCtx    *ctx = test_ctx(1, 1);
	EcmlProfileColumn column = {0};
	EcmlDrift	drift;
	double		values[1000];
	double		ones[3] = {1, 2, 2};
	double	   *cells;

	for (int i = 0; i < 1000; i++)
		values[i] = i;
	ecml_profile_number(ctx, &column, values, NULL, 1000, 128);
	column.nulls = 0.2f;
	cells = count(ctx, &column, values, 1000);
	drift = ecml_profile_drift(&column, 1250, cells, 250);
	ok(drift.statistic < 1e-6 && drift.psi < 1e-9 && drift.p_value > 0.999, "as many NULLs: no drift");
	drift = ecml_profile_drift(&column, 1250, cells, 0);
	ok(fabs(drift.statistic - 0.2) < 1e-6 && drift.psi > 0.2 && drift.p_value < 1e-9, "no NULLs any more: D is their share");
	memset(cells, 0, ecml_profile_cells(&column) * sizeof(double));
	drift = ecml_profile_drift(&column, 1250, cells, 100);
	ok(fabs(drift.statistic - 0.8) < 1e-6 && drift.psi > 1, "nothing but NULLs");

	/* PSI by hand: shares 1/3, 2/3 against 2/3, 1/3 */
	ecml_profile_number(ctx, &column, ones, NULL, 3, 128);
	column.nulls = 0;
	cells = ECML_NEW0(ctx, double, ecml_profile_cells(&column));
	cells[1] = 2;
	cells[3] = 1;
	drift = ecml_profile_drift(&column, 3, cells, 0);
	ok(fabs(drift.psi - 2.0 / 3 * log(2)) < 1e-6, "PSI of two values");
	cells[1] = 0;
	cells[0] = 2;
	drift = ecml_profile_drift(&column, 3, cells, 0);
	ok(fabs(drift.psi - ((1.0 / 3 - 0.5 / 3) * log(2) + (2.0 / 3 - 1.0 / 3) * log(2) + (2.0 / 3 - 0.5 / 3) * log(4))) < 1e-6 &&
	   fabs(drift.statistic - 2.0 / 3) < 1e-6, "values that are not known, below all that are: half a row, and D sees them");
	ecml_profile_category(ctx, &column, ones, (double[3]) {15, 10, 5}, 3);
	cells = ECML_NEW0(ctx, double, ecml_profile_cells(&column));
	cells[ecml_profile_cell(&column, -1)] = 1;
	close_to(ecml_profile_drift(&column, 30, cells, 0).p_value, 1.0 / 31, 1e-9, "one row proves no more than one in all");
	ecml_profile_number(ctx, &column, ones, NULL, 0, 128);
	ok(column.n == 0 && ecml_profile_cells(&column) == 1 && ecml_profile_cell(&column, 5) == 0, "no values at all");
	test_ctx_free(ctx);
}

/* Cells against a search from the beginning. */
static void
cells(void)
{
	EcmlCtx    *ctx = test_ctx(1, 1);
	EcmlProfileColumn column = {0};
	double		values[500];
	EcmlRng		rng;
	bool		right = true;

	ecml_rng_seed(&rng, 8);
	for (int i = 0; i < 500; i++)
		values[i] = ecml_rng_below(&rng, 300) - 150.0;
	ecml_profile_number(ctx, &column, values, NULL, 500, 64);
	ok(column.n <= 64 && column.n > 40 && column.upto[column.n - 1] == 1 && column.below[0] == 0 &&
	   !column.exact, "%d points of 64", column.n);
	for (double v = -160; v < 160; v += 0.5)
	{
		int			cell = 0;

		while (cell < 2 * column.n && !(cell % 2 ? v == column.points[cell / 2] : v < column.points[cell / 2]))
			cell++;
		right &= ecml_profile_cell(&column, v) == cell;
	}
	ok(right && ecml_profile_cell(&column, INFINITY) == 2 * column.n && ecml_profile_cell(&column, -INFINITY) == 0,
	   "the cell of each value");
	for (int i = 0; i < column.n; i++)
	{
		double		below = 0;
		double		upto = 0;

		for (int k = 0; k < 500; k++)
		{
			below += values[k] < column.points[i];
			upto += values[k] <= column.points[i];
		}
		right &= fabs(column.below[i] - below / 500) < 1e-6 && fabs(column.upto[i] - upto / 500) < 1e-6;
	}
	ok(right, "shares below and up to each point");
	test_ctx_free(ctx);
}

static void
by_number(void)
{
	EcmlCtx    *ctx = test_ctx(1, 1);
	EcmlRowSample *sample = ecml_rowsample_create(ctx, 2, false);
	bool		even = true;

	for (int i = 0; i < 100000; i++)
		ecml_rowsample_offer(ctx, sample, (double[2]) {i, -i});
	for (int i = 0; i < sample->n; i++)
		even &= sample->rows[2 * i] == (double) i * sample->step && sample->rows[2 * i + 1] == -(double) i * sample->step;
	ok(even && sample->step == 32 && sample->n == 3125 && sample->seen == 100000, "every 32nd row of 100,000");
	ok(ecml_rowsample_effective(sample) == 3125, "as many rows stand for all");
	sample = ecml_rowsample_create(ctx, 2, false);
	for (int i = 0; i < 4096; i++)
		ecml_rowsample_offer(ctx, sample, (double[2]) {i, i});
	ok(sample->step == 1 && sample->n == 4096 && ecml_rowsample_effective(sample) == 4096, "all of 4,096 rows");
	test_ctx_free(ctx);
}

/* Rows of a seed in blocks of different sizes, some with NULLs; from row first to row last, in an order. */
static EcmlRowSample *
sample_rows(EcmlCtx *ctx, int first, int last, bool backwards, int different)
{
	EcmlRowSample *sample = ecml_rowsample_create(ctx, 3, true);
	static double x[5][700];
	const double *columns[3] = {x[0], x[1], x[2]};
	const double *marks[3] = {NULL, x[4], NULL};
	int			n = 0;
	int			size = 1;

	for (int k = first; k < last; k++)
	{
		int			i = backwards ? last - 1 - (k - first) : k;
		EcmlRng		rng;

		ecml_rng_seed(&rng, i % different);
		x[0][n] = ecml_rng_double(&rng);
		x[1][n] = ecml_rng_below(&rng, 1000);
		x[2][n] = i % 2 ? 0.0 : -0.0;
		x[4][n] = i % different % 7 == 0;
		if (x[4][n] != 0)
			x[1][n] = 0;
		if (++n == size || k == last - 1)
		{
			bool		any = false;

			for (int r = 0; r < n; r++)
				any |= x[4][r] != 0;
			/* without the column of marks where there are none */
			ecml_rowsample_block(ctx, sample, columns, any ? marks : NULL, n);
			n = 0;
			size = size % 700 + 1;
		}
	}
	return sample;
}

static bool
same(EcmlCtx *ctx, EcmlRowSample *a, EcmlRowSample *b)
{
	ecml_rowsample_finish(ctx, a);
	ecml_rowsample_finish(ctx, b);
	return a->n == b->n && a->seen == b->seen && memcmp(a->counts, b->counts, a->n * sizeof(double)) == 0 &&
		memcmp(a->hashes, b->hashes, a->n * sizeof(uint64_t)) == 0;
}

static void
by_content(void)
{
	EcmlCtx    *ctx = test_ctx(1, 1);
	EcmlRowSample *all;
	EcmlRowSample *parts;
	EcmlRowSample *other;
	double		sum = 0;
	double		mean = 0;
	double		nulls = 0;
	EcmlWriter	w;
	EcmlReader	r;

	all = sample_rows(ctx, 0, 60000, false, 20000);
	ok(same(ctx, all, sample_rows(ctx, 0, 60000, true, 20000)), "the order of the rows does not matter");
	parts = sample_rows(ctx, 25000, 60000, false, 20000);
	ecml_rowsample_merge(ctx, parts, sample_rows(ctx, 0, 13, true, 20000));
	ecml_writer_init(&w, ctx);
	other = sample_rows(ctx, 13, 25000, true, 20000);
	ecml_rowsample_write(&w, other);
	ecml_reader_init(&r, ctx, w.data, w.size);
	ecml_rowsample_merge(ctx, parts, ecml_rowsample_read(&r, 3));
	ecml_read_end(&r);
	ok(same(ctx, all, parts), "nor how they are distributed over samples that merge");
	ok(all->n == ECML_ROWSAMPLE_DIFFERENT, "%d different rows", all->n);
	for (int i = 0; i < all->n; i++)
	{
		sum += all->counts[i];
		mean += all->rows[3 * i] * all->counts[i];
		nulls += isnan(all->rows[3 * i + 1]) * all->counts[i];
	}
	ok(sum == 3.0 * all->n, "with all of each row's three copies");
	ok(fabs(mean / sum - 0.5) < 0.02 && fabs(nulls / sum - 1.0 / 7) < 0.03, "an even sample (%g, %g)", mean / sum, nulls / sum);
	close_to(ecml_rowsample_effective(all), all->n, 1e-12, "that tells as much as its different rows");

	all = sample_rows(ctx, 0, 30000, false, 500);
	ecml_rowsample_finish(ctx, all);
	ok(all->n == 500 && ecml_rowsample_effective(all) == 30000, "few different rows are all there");
	all = ecml_rowsample_create(ctx, 2, true);
	ecml_rowsample_finish(ctx, all);
	ok(all->n == 0, "no rows");
	test_ctx_free(ctx);
}

/* Bytes that are cut or changed: refused, or read within bounds. */
static void
damaged(void)
{
	EcmlCtx    *ctx = test_ctx(1, 1);
	EcmlProfileColumn column = {0};
	double		values[300];
	EcmlWriter	w;
	EcmlWriter	ws;
	volatile int refused = 0;
	volatile int read = 0;
	EcmlRng		rng;

	for (int i = 0; i < 300; i++)
		values[i] = i * i % 97;
	ecml_profile_number(ctx, &column, values, NULL, 300, 40);
	ecml_writer_init(&w, ctx);
	ecml_profile_write(&w, &column);
	ecml_writer_init(&ws, ctx);
	ecml_rowsample_write(&ws, sample_rows(ctx, 0, 100, false, 40));
	ecml_rng_seed(&rng, 1);
	for (volatile int i = 0; i < 4000; i++)
	{
		EcmlCtx    *own = test_ctx(1, 1);
		EcmlWriter *from = i % 2 ? &w : &ws;
		uint8_t    *bytes = malloc(from->size);
		size_t		size = i % 4 < 2 ? ecml_rng_below(&rng, from->size + 1) : from->size;
		EcmlReader	r;

		memcpy(bytes, from->data, size);
		if (i % 4 >= 2)
			for (int k = 0; k < 3; k++)
				bytes[ecml_rng_below(&rng, i % 8 >= 4 ? 24 : size)] = (uint8_t) ecml_rng_next(&rng);
		own->budget = from->size * 32 + 1048576;
		if (TRY(own))
		{
			EcmlProfileColumn again;

			ecml_reader_init(&r, own, bytes, size);
			if (i % 2)
			{
				ecml_profile_read(&r, &again);
				(void) ecml_profile_cell(&again, 50);
			}
			else
				ecml_rowsample_finish(own, ecml_rowsample_read(&r, 3));
			ecml_read_end(&r);
			read++;
		}
		else
			refused++;
		test_ctx_free(own);
		free(bytes);
	}
	ok(refused > 2000 && read > 0, "of 4,000 damaged ones %d are refused, %d read", refused, read);
	test_ctx_free(ctx);
}

int
main(int argc, char **argv)
{
	const char *data = argc > 1 ? argv[1] : "test/data";

	kolmogorov(data);
	samples(data);
	order();
	nulls_and_bins();
	cells();
	by_number();
	by_content();
	damaged();
	return done();
}
