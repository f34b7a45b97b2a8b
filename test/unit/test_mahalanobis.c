/*
 * test_mahalanobis.c - Mahalanobis distances against scikit-learn (test/data/mahalanobis, made by its make_mahalanobis.py), FastMCD
 * against all subsets, the symmetric eigenproblem against its definition
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "anomaly/mahalanobis.h"
#include "host.h"
#include "num/dist.h"
#include "num/eigen.h"

static MahalanobisParams
params_of(bool robust)
{
	MahalanobisParams params = MAHALANOBIS_DEFAULTS;

	params.robust = robust;
	return params;
}

/* Rows of a normal cloud, the first of them elsewhere. */
static double *
cloud(EcmlCtx *ctx, int n, int p, int outliers)
{
	double	   *x = ECML_NEW(ctx, double, (size_t) n * p);
	EcmlRng		rng;

	ecml_rng_seed(&rng, 42 + n + p);
	for (int i = 0; i < n; i++)
		for (int j = 0; j < p; j++)
			x[(size_t) i * p + j] = ecml_rng_normal(&rng) + (j > 0 ? 0.6 * x[(size_t) i * p + j - 1] : 0) +
				(i < outliers ? 15 : 0);
	return x;
}

/* ---- eigenvectors ---- */

static void
test_eigen(void)
{
	EcmlCtx    *ctx = test_ctx(1, 3);
	const int	sizes[] = {0, 1, 2, 3, 7, 40, 130};

	for (int s = 0; s < 7; s++)
		for (int kind = 0; kind < 4; kind++)
		{
			int			n = sizes[s];
			double	   *a = ECML_NEW0(ctx, double, n * n + 1);
			double	   *v = ECML_NEW0(ctx, double, n * n + 1);
			double	   *values = ECML_NEW0(ctx, double, n + 1);
			double		residual = 0;
			double		orthogonal = 0;
			double		trace = 0;
			bool		ascending = true;

			/* any numbers; the identity; rank 1; graded over 24 powers of ten */
			for (int i = 0; i < n; i++)
				for (int j = 0; j <= i; j++)
					a[i * n + j] = a[j * n + i] = kind == 0 ? ecml_rng_normal(&ctx->rng) : kind == 1 ? i == j :
						kind == 2 ? (i + 1.0) * (j + 1) / (n * n) : (ecml_rng_double(&ctx->rng) - 0.5) * pow(10, -24.0 * i / n);
			memcpy(v, a, n * n * sizeof(double));
			ecml_eigen_symmetric(ctx, v, n, values);
			for (int i = 0; i < n; i++)
			{
				trace += a[i * n + i] - values[i];
				ascending = ascending && (i == 0 || values[i] >= values[i - 1]);
				for (int j = 0; j < n; j++)
				{
					double		av = 0;
					double		dot = 0;

					for (int k = 0; k < n; k++)
					{
						av += a[j * n + k] * v[i * n + k];
						dot += v[i * n + k] * v[j * n + k];
					}
					residual = fmax(residual, fabs(av - values[i] * v[i * n + j]));
					orthogonal = fmax(orthogonal, fabs(dot - (i == j)));
				}
			}
			ok(residual < 1e-12 && orthogonal < 1e-12 && fabs(trace) < 1e-11 && ascending,
			   "matrix %d of size %d: A v = l v (off by %.0e), orthonormal (%.0e), ascending", kind, n, residual, orthogonal);
		}
	test_ctx_free(ctx);
}

/* ---- scikit-learn ---- */

static int
numbers(const char *text, double *v, int limit)
{
	int			n = 0;
	char	   *at = (char *) text;

	while (*at && n < limit)
	{
		v[n++] = strtod(at, &at);
		if (*at == ',')
			at++;
	}
	return n;
}

static void
test_reference(void)
{
	const char *data_folder = getenv("ECML_TEST_DATA");
	char		path[512];
	char		line[4096];
	FILE	   *file;
	int			cases = 0;

	snprintf(path, sizeof(path), "%s/mahalanobis/reference.tsv", data_folder ? data_folder : "test/data");
	file = fopen(path, "r");
	ok(file != NULL, "%s is there", path);
	if (file == NULL)
		return;
	while (fgets(line, sizeof(line), file))
	{
		char		name[64];
		char		location[1024];
		char		covariance[2048];
		int			n;
		int			p;
		int			robust;
		int			above;
		double		sum;
		double		want[64];
		double		worst = 0;
		double		got = 0;
		double		centre = 0;
		EcmlCtx    *ctx;
		double	   *x;
		double	   *d;
		MahalanobisParams params = MAHALANOBIS_DEFAULTS;
		MahalanobisModel *model;

		if (line[0] == '#')
			continue;
		if (sscanf(line, "case\t%63[^\t]\t%d\t%d\t%d\t%lf\t%1023[^\t]\t%2047[^\t]\t%lf\t%d", name, &n, &p, &robust,
				   &params.support_fraction, location, covariance, &sum, &above) != 9)
		{
			ok(false, "the line is understood: %.60s", line);
			break;
		}
		ctx = test_ctx(2, 1);
		params.robust = robust == 1;
		x = ECML_NEW(ctx, double, n * p);
		d = ECML_NEW(ctx, double, n);
		for (int i = 0; i < n && fgets(line, sizeof(line), file); i++)
		{
			char	   *at = line;

			for (int j = 0; j < p; j++)
				x[i * p + j] = strtod(at, &at);
			d[i] = strtod(at, &at);
		}
		model = mahalanobis_fit(ctx, ecml_data_from_rows(ctx, ECML_F8, n, p, x, NULL, NULL), &params);
		for (int i = 0; i < n; i++)
		{
			double		distance = mahalanobis_distance(model, x + i * p);

			worst = fmax(worst, fabs(distance - d[i]) / (1 + d[i]));
			got += 1 / (1 + distance);
		}
		ok(worst < 1e-8, "%s: distances equal scikit-learn's (the farthest is off by %.1e)", name, worst);
		close_to(got, sum, 1e-10, "%s: and their sum", name);
		numbers(location, want, p);
		for (int j = 0; j < p; j++)
			centre = fmax(centre, fabs(model->location[j] - want[j]) / model->scale[j]);
		numbers(covariance, want, p * p);
		for (int j = 0; j < p; j++)
			centre = fmax(centre, fabs(model->scale[j] * model->scale[j] / want[j * p + j] - 1));
		ok(centre < 1e-9, "%s: location and variances too (%.1e)", name, centre);
		ok(model->anomalies == above && model->df == p, "%s: %g rows above the quantile, %d degrees of freedom", name,
		   model->anomalies, model->df);
		test_ctx_free(ctx);
		cases++;
	}
	fclose(file);
	ok(cases == 6, "all 6 cases were there");
}

/* ---- the determinant against all subsets ---- */

static double
log_det_of(const double *x, const int *rows, int h)
{
	double		m[2] = {0, 0};
	double		s[3] = {0, 0, 0};

	for (int i = 0; i < h; i++)
		for (int j = 0; j < 2; j++)
			m[j] += x[rows[i] * 2 + j] / h;
	for (int i = 0; i < h; i++)
	{
		double		a = x[rows[i] * 2] - m[0];
		double		b = x[rows[i] * 2 + 1] - m[1];

		s[0] += a * a / h;
		s[1] += a * b / h;
		s[2] += b * b / h;
	}
	return log(s[0] * s[2] - s[1] * s[1]);
}

static void
test_all_subsets(void)
{
	EcmlCtx    *ctx = test_ctx(1, 11);
	int			n = 16;
	int			h = 10;			/* ceil((16 + 2 + 1) / 2) */
	double	   *x = cloud(ctx, n, 2, 4);
	MahalanobisParams params = params_of(true);
	MahalanobisModel *model = mahalanobis_fit(ctx, ecml_data_from_rows(ctx, ECML_F8, n, 2, x, NULL, NULL), &params);
	double		best = INFINITY;
	int			best_rows[16] = {0};
	double		m[2] = {0, 0};
	double		s[3] = {0, 0, 0};
	double		alpha = h / 16.0;
	double		factor = alpha / ecml_chi2_cdf(ecml_chi2_quantile(alpha, 2), 4);
	int			support = 0;

	for (unsigned set = 0; set < 1u << n; set++)
		if (__builtin_popcount(set) == h)
		{
			int			rows[16];
			int			k = 0;
			double		det;

			for (int i = 0; i < n; i++)
				if (set >> i & 1)
					rows[k++] = i;
			det = log_det_of(x, rows, h);
			if (det < best)
			{
				best = det;
				memcpy(best_rows, rows, sizeof(rows));
			}
		}
	/* what the best subset of all leads to: rows within the quantile of its scaled distances */
	for (int i = 0; i < h; i++)
		for (int j = 0; j < 2; j++)
			m[j] += x[best_rows[i] * 2 + j] / h;
	for (int i = 0; i < h; i++)
	{
		double		a = x[best_rows[i] * 2] - m[0];
		double		b = x[best_rows[i] * 2 + 1] - m[1];

		s[0] += a * a / h;
		s[1] += a * b / h;
		s[2] += b * b / h;
	}
	for (int i = 0; i < n; i++)
	{
		double		a = x[i * 2] - m[0];
		double		b = x[i * 2 + 1] - m[1];
		double		d = (s[2] * a * a - 2 * s[1] * a * b + s[0] * b * b) / (s[0] * s[2] - s[1] * s[1]);

		support += d / factor < ecml_chi2_isf(0.025, 2);
	}
	ok(model->support == support && model->determinant == h, "the best of 8008 subsets is found (support %g of %g, expected %d)",
	   model->support, model->rows, support);
	test_ctx_free(ctx);
}

/* ---- what must hold of any model ---- */

static void
test_contributions(void)
{
	EcmlCtx    *ctx = test_ctx(1, 1);
	int			n = 400;
	int			p = 6;
	double	   *x = cloud(ctx, n, p, 20);
	MahalanobisParams params = params_of(true);
	MahalanobisModel *model = mahalanobis_fit(ctx, ecml_data_from_rows(ctx, ECML_F8, n, p, x, NULL, NULL), &params);
	double		worst = 0;
	bool		positive = true;
	double		row[6];
	double		c[6];
	int			most = 0;

	for (int i = 0; i < n; i++)
	{
		double		sum = 0;

		mahalanobis_contributions(model, x + i * p, c);
		for (int j = 0; j < p; j++)
		{
			sum += c[j];
			positive = positive && c[j] >= 0;
		}
		worst = fmax(worst, fabs(sum / mahalanobis_distance(model, x + i * p) - 1));
	}
	ok(worst < 1e-12 && positive, "contributions are not negative and add up to the squared distance (off by %.1e)", worst);
	memcpy(row, model->location, sizeof(row));
	ok(mahalanobis_distance(model, row) == 0, "the centre is at distance 0");
	row[3] += 8 * model->scale[3];
	mahalanobis_contributions(model, row, c);
	for (int j = 0; j < p; j++)
		most = c[j] > c[most] ? j : most;
	ok(most == 3, "a row that is odd in one term has most from it");
	row[0] = INFINITY;
	row[1] = -INFINITY;
	ok(mahalanobis_distance(model, row) == INFINITY, "infinite values are infinitely far");
	test_ctx_free(ctx);
}

static void
test_equivariance(void)
{
	EcmlCtx    *ctx = test_ctx(1, 1);
	int			n = 250;
	int			p = 3;
	double	   *x = cloud(ctx, n, p, 60);
	double	   *y = ECML_NEW(ctx, double, n * p);
	MahalanobisParams params = params_of(true);
	MahalanobisModel *a;
	MahalanobisModel *b;
	double		worst = 0;

	for (int i = 0; i < n; i++)
	{
		y[i * p] = 1e9 + 1e-3 * x[i * p];
		y[i * p + 1] = -5e4 * x[i * p + 1] + 2e4 * x[i * p];
		y[i * p + 2] = x[i * p + 2] + x[i * p + 1];
	}
	a = mahalanobis_fit(ctx, ecml_data_from_rows(ctx, ECML_F8, n, p, x, NULL, NULL), &params);
	b = mahalanobis_fit(ctx, ecml_data_from_rows(ctx, ECML_F8, n, p, y, NULL, NULL), &params);
	for (int i = 0; i < n; i++)
		worst = fmax(worst, fabs(mahalanobis_distance(a, x + i * p) / mahalanobis_distance(b, y + i * p) - 1));
	ok(worst < 1e-3 && a->support == b->support, "other units and mixtures of the columns: the same distances (off by %.1e)", worst);
	test_ctx_free(ctx);
}

/* A column with one value in most rows, one constant, one that is a sum of others. */
static void
test_awkward_columns(void)
{
	EcmlCtx    *ctx = test_ctx(1, 1);
	int			n = 500;
	int			p = 5;
	double	   *x = ECML_NEW(ctx, double, n * p);
	double	   *z = cloud(ctx, n, 2, 40);
	MahalanobisParams params = params_of(true);
	MahalanobisModel *model;
	double		row[5];
	double		near;

	for (int i = 0; i < n; i++)
	{
		x[i * p] = z[i * 2];
		x[i * p + 1] = i % 25 == 0;
		x[i * p + 2] = 7;
		x[i * p + 3] = z[i * 2 + 1];
		x[i * p + 4] = z[i * 2] + z[i * 2 + 1];
	}
	model = mahalanobis_fit(ctx, ecml_data_from_rows(ctx, ECML_F8, n, p, x, NULL, NULL), &params);
	ok(model->robust && model->df == 3 && model->states[2] == MAHALANOBIS_CONSTANT && model->states[1] == MAHALANOBIS_MAJORITY &&
	   model->states[0] == MAHALANOBIS_TANGLED && model->states[3] == MAHALANOBIS_TANGLED &&
	   model->states[4] == MAHALANOBIS_TANGLED && model->ridge == 1e-6, "constant, rare and dependent columns are told (df %d)",
	   model->df);
	memcpy(row, x + 410 * p, sizeof(row));
	near = mahalanobis_distance(model, row);
	ok(near < 30, "a usual row is near (%.1f)", near);
	row[1] = 1;
	ok(mahalanobis_distance(model, row) > near + 10 && mahalanobis_distance(model, row) < near + 50,
	   "a rare value adds about the inverse of its share (%.1f)", mahalanobis_distance(model, row) - near);
	row[1] = x[410 * p + 1];
	row[2] = 100;
	ok(mahalanobis_distance(model, row) == near, "a constant column does not count");
	row[4] += 1;
	ok(mahalanobis_distance(model, row) > 1e4, "a sum that is not right is far away (%.0f)", mahalanobis_distance(model, row));
	params.ridge = 0;
	model = mahalanobis_fit(ctx, ecml_data_from_rows(ctx, ECML_F8, n, p, x, NULL, NULL), &params);
	close_to(mahalanobis_distance(model, x + 410 * p), near, 1e-4, "without ridge distances are those within the plane");
	ok(model->ridge == 0 && model->states[4] == MAHALANOBIS_TANGLED, "and the columns are told");
	test_ctx_free(ctx);
}

static void
test_edges(void)
{
	EcmlCtx    *ctx = test_ctx(2, 1);
	double		x[64] = {1, 2, 3, 4, 5, 6};
	double		w[4] = {1, 1, 1, 3};
	double		y[6] = {1, 2, 3, 10, 10, 10};
	MahalanobisParams params = params_of(true);
	MahalanobisModel *model;
	MahalanobisModel *other;

	if (TRY(ctx))
	{
		mahalanobis_fit(ctx, ecml_data_from_rows(ctx, ECML_F8, 1, 2, x, NULL, NULL), &params);
		ok(false, "one row is refused");
	}
	else
		ok(test_host(ctx)->status == ECML_DATA_EXCEPTION && strstr(ctx->detail, "1 row"), "one row is refused: %s", ctx->detail);
	if (TRY(ctx))
	{
		mahalanobis_fit(ctx, ecml_data_from_rows(ctx, ECML_F8, 0, 2, x, NULL, NULL), &params);
		ok(false, "no rows are refused");
	}
	else
		ok(test_host(ctx)->status == ECML_DATA_EXCEPTION, "no rows are refused");
	model = mahalanobis_fit(ctx, ecml_data_from_rows(ctx, ECML_F8, 3, 2, x, NULL, NULL), &params);
	ok(!model->robust && model->df == 1, "three rows on a line: classical, one dimension");
	memset(x, 0, sizeof(x));
	model = mahalanobis_fit(ctx, ecml_data_from_rows(ctx, ECML_F8, 32, 2, x, NULL, NULL), &params);
	ok(model->df == 0 && model->threshold == 0 && model->anomalies == 0 && mahalanobis_distance(model, x) == 0,
	   "constants only: all rows are at distance 0");
	model = mahalanobis_fit(ctx, ecml_data_from_rows(ctx, ECML_F8, 20, 0, x, NULL, NULL), &params);
	ok(model->df == 0, "no columns: nothing to tell");
	/* weights are repetitions */
	params.robust = false;
	model = mahalanobis_fit(ctx, ecml_data_from_rows(ctx, ECML_F8, 4, 1, y, NULL, w), &params);
	other = mahalanobis_fit(ctx, ecml_data_from_rows(ctx, ECML_F8, 6, 1, y, NULL, NULL), &params);
	close_to(mahalanobis_distance(model, y), mahalanobis_distance(other, y), 1e-13, "a weight is so many rows");
	params = params_of(true);
	params.contamination = 0.1;
	model = mahalanobis_fit(ctx, ecml_data_from_rows(ctx, ECML_F8, 500, 3, cloud(ctx, 500, 3, 30), NULL, NULL), &params);
	ok(model->anomalies == 50, "contamination 0.1 takes a tenth of the rows for anomalies");
	test_ctx_free(ctx);
}

/* Outliers that would hide each other: the classical distance does not see them. */
static void
test_masking(void)
{
	EcmlCtx    *ctx = test_ctx(1, 1);
	int			n = 3000;
	int			p = 4;
	int			bad = 1050;
	double	   *x = cloud(ctx, n, p, bad);
	int			seen[2] = {0, 0};
	int			false_alarms = 0;

	for (int robust = 0; robust < 2; robust++)
	{
		MahalanobisParams params = params_of(robust == 1);
		MahalanobisModel *model = mahalanobis_fit(ctx, ecml_data_from_rows(ctx, ECML_F8, n, p, x, NULL, NULL), &params);

		for (int i = 0; i < n; i++)
		{
			bool		anomaly = mahalanobis_distance(model, x + i * p) > model->threshold;

			seen[robust] += i < bad && anomaly;
			false_alarms += robust == 1 && i >= bad && anomaly;
		}
	}
	ok(seen[1] == bad && seen[0] < bad / 10, "35 %% outliers: the robust distance sees all, the classical one %d of %d", seen[0],
	   bad);
	ok(false_alarms < 0.06 * (n - bad), "and takes few others for such: %d", false_alarms);
	test_ctx_free(ctx);
}

/* The same bits at any number of threads; groups, middle sample and all rows are used. */
static void
test_threads(void)
{
	uint32_t	crc[2];

	for (int t = 0; t < 2; t++)
	{
		EcmlCtx    *ctx = test_ctx(t == 0 ? 1 : 4, 5);
		int			n = 50000;
		MahalanobisParams params = params_of(true);
		EcmlWriter	w;
		double	   *x = cloud(ctx, n, 3, 9000);

		params.n_starts = 60;
		ecml_writer_init(&w, ctx);
		mahalanobis_write(&w, mahalanobis_fit(ctx, ecml_data_from_rows(ctx, ECML_F8, n, 3, x, NULL, NULL), &params));
		crc[t] = ecml_crc32c(w.data, w.size);
		test_ctx_free(ctx);
	}
	ok(crc[0] == crc[1], "the same bits at 1 and 4 threads");
}

static void
test_wide(void)
{
	EcmlCtx    *ctx = test_ctx(2, 5);
	int			n = 900;
	int			p = 270;
	double	   *x = cloud(ctx, n, p, 0);
	MahalanobisParams params = params_of(false);
	MahalanobisModel *model = mahalanobis_fit(ctx, ecml_data_from_rows(ctx, ECML_F8, n, p, x, NULL, NULL), &params);
	double		sum = 0;

	for (int i = 0; i < n; i++)
		sum += mahalanobis_distance(model, x + (size_t) i * p);
	close_to(sum, (double) n * p, 1e-9, "of all rows of training the distances add up to rows times columns (270 columns)");
	params.robust = true;
	params.n_starts = 2;
	model = mahalanobis_fit(ctx, ecml_data_from_rows(ctx, ECML_F8, 700, 90, cloud(ctx, 700, 90, 0), NULL, NULL), &params);
	ok(model->robust && model->df == 90, "90 columns are searched robustly");
	test_ctx_free(ctx);
}

/* ---- trouble ---- */

static void
test_trouble(void)
{
	int			n = 700;
	MahalanobisParams params = params_of(true);
	volatile long failures = 0;
	volatile bool told = true;
	volatile bool finished = false;

	params.n_starts = 6;
	for (volatile long after = 0; !finished; after = after < 60 ? after + 1 : after + 97)
	{
		EcmlCtx    *ctx = test_ctx(1, 1);
		EcmlData   *data = ecml_data_from_rows(ctx, ECML_F8, n, 3, cloud(ctx, n, 3, 50), NULL, NULL);

		test_host(ctx)->fail_after = after;
		if (TRY(ctx))
		{
			mahalanobis_fit(ctx, data, &params);
			finished = true;
		}
		else
		{
			failures++;
			told = told && test_host(ctx)->status == ECML_OUT_OF_MEMORY;
		}
		test_ctx_free(ctx);
	}
	ok(told && failures > 20, "memory that fails at %ld places is told", failures);
	finished = false;
	failures = 0;
	told = true;
	for (volatile long after = 0; !finished; after = after < 60 ? after + 1 : after + 97)
	{
		EcmlCtx    *ctx = test_ctx(2, 1);
		EcmlData   *data = ecml_data_from_rows(ctx, ECML_F8, n, 3, cloud(ctx, n, 3, 50), NULL, NULL);

		test_host(ctx)->cancel_after = after;
		if (TRY(ctx))
		{
			mahalanobis_fit(ctx, data, &params);
			finished = true;
		}
		else
		{
			failures++;
			told = told && test_host(ctx)->cancelled;
		}
		test_ctx_free(ctx);
	}
	ok(told && failures > 20, "a cancel at %ld polls ends it", failures);
}

static void
test_bytes(void)
{
	EcmlCtx    *ctx = test_ctx(1, 1);
	MahalanobisParams params = params_of(true);
	double	   *x = cloud(ctx, 100, 3, 10);
	MahalanobisModel *model = mahalanobis_fit(ctx, ecml_data_from_rows(ctx, ECML_F8, 100, 3, x, NULL, NULL), &params);
	MahalanobisModel *copy;
	EcmlWriter	w;
	EcmlWriter	again;
	EcmlReader	r;
	uint8_t    *damaged;
	bool		equal = true;
	volatile long refused = 0;

	ecml_writer_init(&w, ctx);
	mahalanobis_write(&w, model);
	ecml_reader_init(&r, ctx, w.data, w.size);
	copy = mahalanobis_read(&r, 3);
	ecml_read_end(&r);
	for (int i = 0; i < 100; i++)
		equal = equal && mahalanobis_distance(model, x + i * 3) == mahalanobis_distance(copy, x + i * 3);
	ecml_writer_init(&again, ctx);
	mahalanobis_write(&again, copy);
	ok(equal && again.size == w.size && memcmp(again.data, w.data, w.size) == 0, "written and read, it is the same");
	for (volatile size_t size = 0; size < w.size; size++)
		if (TRY(ctx))
		{
			ecml_reader_init(&r, ctx, w.data, size);
			mahalanobis_read(&r, 3);
		}
		else
			refused += test_host(ctx)->status == ECML_CORRUPTED;
	ok(refused == (long) w.size, "all %ld prefixes are refused", refused);
	damaged = ECML_NEW(ctx, uint8_t, w.size);
	for (volatile size_t bit = 0; bit < w.size * 8; bit++)
	{
		memcpy(damaged, w.data, w.size);
		damaged[bit / 8] ^= (uint8_t) (1 << bit % 8);
		if (TRY(ctx))
		{
			ecml_reader_init(&r, ctx, damaged, w.size);
			mahalanobis_distance(mahalanobis_read(&r, 3), x);
		}
	}
	ok(true, "no flipped bit does harm");
	test_ctx_free(ctx);
}

static void
test_checks(void)
{
	MahalanobisParams params = MAHALANOBIS_DEFAULTS;

	ok(mahalanobis_check(&params) == NULL, "the defaults are accepted");
	params.support_fraction = 0.3;
	ok(mahalanobis_check(&params) != NULL, "less than half of the rows is refused");
	params = params_of(true);
	params.level = 1;
	ok(mahalanobis_check(&params) != NULL, "level 1 is refused");
	params = params_of(true);
	params.contamination = 0.6;
	ok(mahalanobis_check(&params) != NULL, "more anomalies than normal rows are refused");
}

int
main(void)
{
	test_eigen();
	test_reference();
	test_all_subsets();
	test_contributions();
	test_equivariance();
	test_awkward_columns();
	test_edges();
	test_masking();
	test_threads();
	test_wide();
	test_trouble();
	test_bytes();
	test_checks();
	return done();
}
