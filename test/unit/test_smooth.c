/*
 * test_smooth.c - what fits of smooth objectives stand on: vector exp and log, sums of products, Cholesky, L-BFGS
 */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"
#include "num/cross.h"
#include "num/lbfgs.h"
#include "num/spd.h"
#include "num/vmath.h"

/* ---- vmath ---- */

#define N 4096

ECML_CLONES static void
exp_all(const double *x, double *y)
{
#pragma omp simd
	for (int i = 0; i < N; i++)
		y[i] = ecml_vexp(x[i]);
}

ECML_CLONES static void
log1p_all(const double *x, double *y)
{
#pragma omp simd
	for (int i = 0; i < N; i++)
		y[i] = ecml_vlog1p(x[i]);
}

ECML_CLONES static void
log_all(const double *x, double *y)
{
#pragma omp simd
	for (int i = 0; i < N; i++)
		y[i] = ecml_vlog(x[i]);
}

ECML_CLONES static void
sincos_all(const double *restrict turns, double *restrict s, double *restrict c)
{
	for (int i = 0; i < N; i++)
		ecml_vsincos_turns(turns[i], &s[i], &c[i]);
}

static double
ulps(double got, long double want)
{
	double		near = fabs((double) want);

	return (double) fabsl(got - want) / (nextafter(near, INFINITY) - near);
}

static void
test_sincos(void)
{
	static double turns[N];
	static double s[N];
	static double c[N];
	const long double pi = 3.14159265358979323846264338327950288L;
	EcmlRng		rng;
	double		worst = 0;

	ecml_rng_seed(&rng, 2);
	for (int round = 0; round < 20; round++)
	{
		for (int i = 0; i < N; i++)
			turns[i] = round == 0 ? (i - N / 2) / 16.0 : round % 2 ? ecml_rng_double(&rng) : 1000 * (2 * ecml_rng_double(&rng) - 1);
		sincos_all(turns, s, c);
		for (int i = 0; i < N; i++)
		{
			long double angle = 2 * pi * (turns[i] - floorl(turns[i]));

			worst = fmax(worst, fmax((double) fabsl(s[i] - sinl(angle)), (double) fabsl(c[i] - cosl(angle))));
		}
	}
	ok(worst <= 2.3e-16, "sine and cosine of turns (within %.2g)", worst);
	turns[0] = 0.25;
	turns[1] = 0.5;
	turns[2] = -0.25;
	sincos_all(turns, s, c);
	ok(s[0] == 1 && c[0] == 0 && s[1] == 0 && c[1] == -1 && s[2] == -1 && c[2] == 0, "exact at quarters");
}

static void
test_vmath(void)
{
	static double x[N];
	static double y[N];
	EcmlRng		rng;
	double		worst = 0;
	double		subnormal = 0;
	const double edges[] = {-INFINITY, INFINITY, -745.2, 709.79, 1e300, -1e300};

	ecml_rng_seed(&rng, 1);
	for (int round = 0; round < 60; round++)
	{
		double		range = round % 3 == 0 ? 1 : round % 3 == 1 ? 40 : 708;

		for (int i = 0; i < N; i++)
			x[i] = range * (2 * ecml_rng_double(&rng) - 1);
		exp_all(x, y);
		for (int i = 0; i < N; i++)
			worst = fmax(worst, ulps(y[i], expl(x[i])));
	}
	ok(worst <= 1.01, "exp within a unit in the last place (%.3f)", worst);
	for (int i = 0; i < N; i++)
		x[i] = -708.4 - 40 * ecml_rng_double(&rng);
	exp_all(x, y);
	for (int i = 0; i < N; i++)
		subnormal = fmax(subnormal, fabs(y[i] - exp(x[i])));
	ok(subnormal <= 0x1p-1074, "exp of what gives subnormals and 0");
	memset(x, 0, sizeof(x));
	memcpy(x, edges, sizeof(edges));
	x[6] = NAN;
	exp_all(x, y);
	ok(y[0] == 0 && y[1] == INFINITY && y[2] == 0 && y[3] == INFINITY && y[4] == INFINITY && y[5] == 0 && isnan(y[6]) &&
	   y[7] == 1, "exp at its ends");
	worst = 0;
	for (int round = 0; round < 40; round++)
	{
		for (int i = 0; i < N; i++)
			x[i] = round % 2 ? ecml_rng_double(&rng) : exp(-700 * ecml_rng_double(&rng));
		log1p_all(x, y);
		for (int i = 0; i < N; i++)
			worst = fmax(worst, ulps(y[i], log1pl(x[i])));
	}
	ok(worst <= 2, "log1p within two units (%.3f)", worst);
	x[0] = 0;
	x[1] = 1;
	log1p_all(x, y);
	ok(y[0] == 0 && y[1] == log(2), "log1p of 0 and 1");
	worst = 0;
	for (int round = 0; round < 40; round++)
	{
		for (int i = 0; i < N; i++)
			x[i] = round % 2 ? 0.5 + ecml_rng_double(&rng) : exp(1400 * ecml_rng_double(&rng) - 700);
		log_all(x, y);
		for (int i = 0; i < N; i++)
			worst = fmax(worst, x[i] == 1 ? fabs(y[i]) : ulps(y[i], logl(x[i])));
	}
	ok(worst <= 2, "log within two units (%.3f)", worst);
}

/* ---- cross ---- */

static double *
chunk_of(EcmlCtx *ctx, int columns, int rows)
{
	double	   *x = ECML_NEW0(ctx, double, (size_t) columns * ECML_CHUNK_STRIDE);

	for (int j = 0; j < columns; j++)
		for (int r = 0; r < rows; r++)
			x[(size_t) j * ECML_CHUNK_STRIDE + r] = ecml_rng_normal(&ctx->rng);
	return x;
}

static void
test_cross(void)
{
	EcmlCtx    *ctx = test_ctx(1, 7);
	int			sizes[] = {1, 2, 5, 6, 11, 26};

	for (int k = 0; k < 3; k++)
	{
		const EcmlCross *cross = ecml_cross_number(k);
		double		error = 0;
		double		off = 0;		/* of floats */
		bool		outside = false;

		if (cross == NULL)
			continue;
		for (int s = 0; s < 6; s++)
		{
			int			n = sizes[s];
			int			rows = s % 2 ? 300 : ECML_CHUNK_ROWS;
			double	   *x = chunk_of(ctx, n, rows);
			double	   *d = chunk_of(ctx, 1, rows);
			double	   *scratch = ECML_NEW(ctx, double, ECML_CROSS_SCRATCH);
			double	   *whole = ECML_NEW0(ctx, double, (size_t) n * n);
			double	   *parts = ECML_NEW0(ctx, double, (size_t) n * n);
			double	   *dense = ECML_NEW0(ctx, double, n);
			float	   *floats = ECML_NEW(ctx, float, (size_t) n * ECML_CHUNK_ROWS);
			double	   *first = ECML_NEW0(ctx, double, n);
			float	   *factor = ECML_NEW(ctx, float, ECML_CHUNK_ROWS);
			double	   *rounded = ECML_NEW0(ctx, double, (size_t) n * n);
			int			half = n / 2;

			cross->weighted(x, d, scratch, 0, n, 0, n, whole, n);
			cross->weighted(x, d, scratch, 0, half, 0, half, parts, n);
			cross->weighted(x, d, scratch, half, n - half, 0, half, parts + (size_t) half * n, n);
			cross->weighted(x, d, scratch, half, n - half, half, n, parts + (size_t) half * n + half, n);
			cross->dense(d, 1, x, n, dense, n);
			for (int r = 0; r < ECML_CHUNK_ROWS; r++)
			{
				factor[r] = (float) d[r];
				for (int j = 0; j < n; j++)
					floats[(size_t) j * ECML_CHUNK_ROWS + r] = (float) x[(size_t) j * ECML_CHUNK_STRIDE + r];
			}
			cross->rounded(floats, n, factor, (float *) scratch, rounded, n, first);
			for (int i = 0; i < n; i++)
				for (int j = 0; j <= i; j++)
				{
					double		sum = 0;
					double		linear = 0;

					for (int r = 0; r < rows; r++)
					{
						sum += d[r] * x[(size_t) i * ECML_CHUNK_STRIDE + r] * x[(size_t) j * ECML_CHUNK_STRIDE + r];
						linear += d[r] * x[(size_t) i * ECML_CHUNK_STRIDE + r];
					}
					error = fmax(error, fabs(whole[i * n + j] - sum));
					error = fmax(error, fabs(dense[i] - linear));
					off = fmax(off, fabs(rounded[i * n + j] - sum));
					off = fmax(off, fabs(first[i] - linear));
					outside |= whole[i * n + j] != parts[i * n + j];
				}
		}
		ok(error < 1e-11, "%s sums of products (error %.2g)", cross->name, error);
		ok(off > 0 && off < 1e-4, "%s sums of products of floats (error %.2g)", cross->name, off);
		ok(!outside, "%s: the same bits in parts", cross->name);
	}
	test_ctx_free(ctx);
}

/* ---- Cholesky ---- */

static void
test_spd(int n, bool dependent)
{
	EcmlCtx    *ctx = test_ctx(1, 3 + n);
	double	   *x = ECML_NEW(ctx, double, (size_t) n * (n + 20));
	double	   *a = ECML_NEW(ctx, double, (size_t) n * n);
	double	   *r = ECML_NEW(ctx, double, (size_t) n * n);
	double	   *floor = ECML_NEW(ctx, double, n);
	double	   *b = ECML_NEW(ctx, double, n);
	double	   *want = ECML_NEW(ctx, double, n);
	bool	   *drop = ECML_NEW(ctx, bool, n);
	int			rank;
	int			expect = n;
	double		error = 0;

	for (int j = 0; j < n; j++)
		for (int i = 0; i < n + 20; i++)
			x[(size_t) j * (n + 20) + i] = ecml_rng_normal(&ctx->rng);
	if (dependent)
		for (int j = 3; j < n; j += 70)
		{
			for (int i = 0; i < n + 20; i++)
				x[(size_t) j * (n + 20) + i] = x[i] - 2 * x[(size_t) (j - 1) * (n + 20) + i];
			expect--;
		}
	for (int i = 0; i < n; i++)
		for (int j = 0; j < n; j++)
		{
			double		sum = 0;

			for (int k = 0; k < n + 20; k++)
				sum += x[(size_t) i * (n + 20) + k] * x[(size_t) j * (n + 20) + k];
			a[(size_t) i * n + j] = r[(size_t) i * n + j] = sum;
		}
	for (int j = 0; j < n; j++)
	{
		floor[j] = 1e-12 * a[(size_t) j * n + j];
		want[j] = dependent && j >= 3 && (j - 3) % 70 == 0 ? 0 : ecml_rng_normal(&ctx->rng);
	}
	for (int j = 0; j < n; j++)
	{
		b[j] = 0;
		for (int k = 0; k < n; k++)
			b[j] += a[(size_t) j * n + k] * want[k];
	}
	rank = ecml_spd_factor(ctx, r, n, n, floor, drop);
	ecml_spd_solve(r, n, n, drop, b);
	for (int j = 0; j < n; j++)
		error = fmax(error, fabs(b[j] - want[j]));
	ok(rank == expect, "Cholesky of %d%s: rank %d", n, dependent ? ", some dependent" : "", rank);
	ok(error < 1e-8, "Cholesky of %d%s: solution (error %.2g)", n, dependent ? ", some dependent" : "", error);
	test_ctx_free(ctx);
}

/* ---- L-BFGS ---- */

/* Rosenbrock's function of n variables: minimum 0 at (1, .., 1) */
static double
rosenbrock(EcmlCtx *ctx, void *arg, const double *x, double *g)
{
	int			n = *(int *) arg;
	double		sum = 0;

	memset(g, 0, n * sizeof(double));
	for (int i = 0; i + 1 < n; i++)
	{
		double		a = x[i + 1] - x[i] * x[i];

		sum += 100 * a * a + (1 - x[i]) * (1 - x[i]);
		g[i] += -400 * x[i] * a - 2 * (1 - x[i]);
		g[i + 1] += 200 * a;
	}
	return sum;
}

/* sum of i (x_i - i)^2 - log x_0: not defined left of 0 */
static double
barrier(EcmlCtx *ctx, void *arg, const double *x, double *g)
{
	double		sum = -log(x[0]);

	for (int i = 0; i < 50; i++)
	{
		double		scale = pow(10, i % 7);

		sum += scale * (x[i] - i) * (x[i] - i);
		g[i] = 2 * scale * (x[i] - i);
	}
	g[0] -= 1 / x[0];
	return sum;
}

static void
scale_barrier(EcmlCtx *ctx, void *arg, double *v)
{
	for (int i = 0; i < 50; i++)
		v[i] /= 2 * pow(10, i % 7);
}

static void
test_lbfgs(void)
{
	EcmlCtx    *ctx = test_ctx(1, 1);
	double		x[100];
	int			n = 100;
	EcmlLbfgs	problem = {.n = n,.max_iter = 2000,.tolerance = 1e-10,.value = rosenbrock,.arg = &n};
	EcmlLbfgsResult result;
	double		error = 0;

	for (int i = 0; i < n; i++)
		x[i] = i % 2 ? 1 : -1.2;
	result = ecml_lbfgs(ctx, &problem, x);
	for (int i = 0; i < n; i++)
		error = fmax(error, fabs(x[i] - 1));
	ok(result.status == ECML_LBFGS_CONVERGED && error < 1e-8, "Rosenbrock of 100: error %.2g after %d iterations, %d evaluations",
	   error, result.iterations, result.evaluations);

	problem = (EcmlLbfgs) {.n = 50,.max_iter = 500,.tolerance = 1e-9,.value = barrier,.precondition = scale_barrier};
	for (int i = 0; i < 50; i++)
		x[i] = 1e-3;
	result = ecml_lbfgs(ctx, &problem, x);
	error = fabs(x[0] - sqrt(0.5));
	for (int i = 1; i < 50; i++)
		error = fmax(error, fabs(x[i] - i));
	ok(result.status != ECML_LBFGS_MAX_ITER && error < 1e-7 && result.iterations < 40,
	   "with a metric, and a wall that values leap over: error %.2g after %d iterations", error, result.iterations);

	problem.max_iter = 2;
	x[0] = 0.1;
	x[1] = 9;
	ok(ecml_lbfgs(ctx, &problem, x).status == ECML_LBFGS_MAX_ITER, "it stops at max_iter");
	test_ctx_free(ctx);
}

int
main(void)
{
	test_vmath();
	test_sincos();
	test_cross();
	test_spd(1, false);
	test_spd(63, false);
	test_spd(64, true);
	test_spd(200, true);
	test_spd(700, false);
	test_lbfgs();
	return done();
}
