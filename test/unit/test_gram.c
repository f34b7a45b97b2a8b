/*
 * test_gram.c - double-double arithmetic, cross products and the Cholesky factor against 113 bits; the stacked QR
 */
#include <math.h>
#include <string.h>

#include "host.h"
#include "num/chol.h"
#include "num/gram.h"
#include "num/qr.h"

static EcmlCtx *ctx;

static void
test_gram(void)
{
	static const int sizes[] = {1, 7, 8, 13, 128, 511, 512, 513, 1500};
	const int	m = 5;
	double		worst = 0;
	bool		same = true;
	bool		additive = true;

	for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++)
		for (int weighted = 0; weighted < 2; weighted++)
		{
			int			n = sizes[s];
			double	   *columns[5];
			double	   *w = ECML_NEW(ctx, double, n);
			const double *given[5];
			EcmlDd	   *gram[ECML_GRAM_KERNELS] = {NULL};

			for (int i = 0; i < n; i++)
				w[i] = ecml_rng_double(&ctx->rng) + 0.1;
			for (int j = 0; j < m; j++)
			{
				columns[j] = ECML_NEW(ctx, double, n);
				given[j] = columns[j];
				for (int i = 0; i < n; i++)
					columns[j][i] = ecml_rng_normal(&ctx->rng) * pow(10, 3 * j) + (j == 2 ? 1e9 : 0);
			}
			for (int k = 0; k < ECML_GRAM_KERNELS; k++)
			{
				if (!ecml_gram_can(k))
					continue;
				gram[k] = ECML_NEW0(ctx, EcmlDd, ECML_GRAM_SIZE(m));
				ecml_gram_add_by(ctx, k, gram[k], m, given, weighted ? w : NULL, n);
				same &= memcmp(gram[k], gram[0], ECML_GRAM_SIZE(m) * sizeof(EcmlDd)) == 0;
			}
			for (int j = 0; j <= m; j++)
				for (int i = 0; i <= j; i++)
				{
					__float128	sum = 0;
					__float128	size = 0;
					__float128	error;

					for (int r = 0; r < n; r++)
					{
						__float128	v = weighted ? w[r] : 1;

						v *= i > 0 ? columns[i - 1][r] : 1;
						v *= j > 0 ? columns[j - 1][r] : 1;
						sum += v;
						size += v < 0 ? -v : v;
					}
					error = (__float128) gram[0][ECML_GRAM(i, j)].hi + gram[0][ECML_GRAM(i, j)].lo - sum;
					worst = fmax(worst, fabs((double) (error / size)));
				}
			/* a leading part of the columns gives the leading part of the matrix */
			{
				EcmlDd	   *part = ECML_NEW0(ctx, EcmlDd, ECML_GRAM_SIZE(3));

				ecml_gram_add(ctx, part, 3, given, weighted ? w : NULL, n);
				additive &= memcmp(part, gram[0], ECML_GRAM_SIZE(3) * sizeof(EcmlDd)) == 0;
			}
		}
	ok(worst < 1e-29, "Gram: within 1e-29 of sums in 113 bits (worst %.2g)", worst);
	ok(same, "Gram: the same bits from every kernel of this machine");
	ok(additive, "Gram: fewer columns, the same bits");
}

static void
test_dd(void)
{
	EcmlRng		rng;
	double		mul = 0;
	double		div = 0;
	double		root = 0;
	bool		split = true;

	ecml_rng_seed(&rng, 3);
	for (int i = 0; i < 20000; i++)
	{
		EcmlDd		a = dd_two_prod(ecml_rng_normal(&rng), exp(10 * ecml_rng_normal(&rng)));
		EcmlDd		b = dd_two_prod(ecml_rng_normal(&rng), exp(10 * ecml_rng_normal(&rng)));
		__float128	qa = (__float128) a.hi + a.lo;
		__float128	qb = (__float128) b.hi + b.lo;
		EcmlDd		r = dd_mul(a, b);
		EcmlDd		s = dd_two_prod_split(a.hi, b.hi);
		EcmlDd		f = dd_two_prod(a.hi, b.hi);

		mul = fmax(mul, fabs((double) (((__float128) r.hi + r.lo - qa * qb) / (qa * qb))));
		r = dd_div(a, b);
		div = fmax(div, fabs((double) (((__float128) r.hi + r.lo - qa / qb) / (qa / qb))));
		a.hi = fabs(a.hi);
		a.lo = 0;
		r = dd_sqrt(a);
		qa = (__float128) r.hi + r.lo;
		root = fmax(root, fabs((double) ((qa * qa - a.hi) / a.hi)));
		split &= s.hi == f.hi && s.lo == f.lo;
	}
	ok(mul < 1e-31 && div < 1e-31 && root < 1e-31, "double-double: product %.2g, quotient %.2g, root %.2g", mul, div, root);
	ok(split, "double-double: split and fused products are the same");
}

/* A = B B' of a known factor with one dependent column, in 113 bits: factor, solve, invert. */
static void
test_chol(void)
{
	enum {N = 12, GONE = 7};
	EcmlDd		a[N * N];
	EcmlDd		inverse[N * N];
	EcmlDd		rhs[N];
	double		left[N * N];
	double		floor[N];
	bool		drop[N];
	__float128	full[N * N];
	double		worst = 0;
	double		unit = 0;
	bool		zero = true;

	for (int i = 0; i < N * N; i++)
		left[i] = ecml_rng_normal(&ctx->rng);
	for (int j = 0; j < N; j++)
		left[GONE * N + j] = left[2 * N + j] - left[3 * N + j] * 0.5;
	for (int i = 0; i < N; i++)
		for (int j = 0; j < N; j++)
		{
			__float128	sum = 0;

			for (int l = 0; l < N; l++)
				sum += (__float128) left[i * N + l] * left[j * N + l];
			full[i * N + j] = sum;
			a[i * N + j].hi = (double) sum;
			a[i * N + j].lo = (double) (sum - a[i * N + j].hi);
		}
	for (int j = 0; j < N; j++)
	{
		floor[j] = 1e-26 * a[j * N + j].hi;
		rhs[j] = a[j * N + 5];	/* the solution is the unit vector 5 */
	}
	ok(ecml_chol_factor(a, N, floor, drop) == N - 1 && drop[GONE] && !drop[2] && !drop[N - 1], "Cholesky: the dependent column goes");
	ecml_chol_forward(a, N, drop, rhs);
	ecml_chol_backward(a, N, drop, rhs);
	for (int j = 0; j < N; j++)
		unit = fmax(unit, fabs((rhs[j].hi - (j == 5)) + rhs[j].lo));
	ok(unit < 1e-26, "Cholesky: solves to 26 digits (%.2g)", unit);
	ecml_chol_invert(a, N, drop, inverse);
	for (int i = 0; i < N; i++)
		for (int j = 0; j < N; j++)
		{
			__float128	sum = 0;

			if (i == GONE || j == GONE)
			{
				zero &= inverse[i * N + j].hi == 0;
				continue;
			}
			for (int l = 0; l < N; l++)
				sum += full[i * N + l] * ((__float128) inverse[l * N + j].hi + inverse[l * N + j].lo);
			worst = fmax(worst, fabs((double) (sum - (i == j))));
		}
	ok(zero && worst < 1e-24, "Cholesky: the inverse of what is kept (%.2g)", worst);
}

/* R'R is the sum of products of all blocks stacked; the inverse and the products of it. */
static void
test_qr(void)
{
	static const int shapes[][2] = {{1, 5}, {5, 1}, {9, 30}, {64, 100}, {65, 40}, {150, 300}, {330, 70}};
	double		worst = 0;
	double		unit = 0;

	for (size_t s = 0; s < sizeof(shapes) / sizeof(shapes[0]); s++)
	{
		int			m = shapes[s][0];
		int			rows = shapes[s][1];
		double	   *r = ECML_NEW0(ctx, double, (size_t) m * m);
		double	   *want = ECML_NEW0(ctx, double, (size_t) m * m);
		double	   *b = ECML_NEW(ctx, double, (size_t) m * rows);
		double	   *u = ECML_NEW(ctx, double, (size_t) m * m);
		double	   *c = ECML_NEW(ctx, double, (size_t) m * m);

		for (int round = 0; round < 3; round++)
		{
			for (int i = 0; i < m * rows; i++)
				b[i] = ecml_rng_normal(&ctx->rng);
			for (int j = 0; j < m; j++)
				for (int i = 0; i <= j; i++)
					for (int l = 0; l < rows; l++)
						want[j * m + i] += b[i * rows + l] * b[j * rows + l];
			ecml_qr_stack(ctx, r, m, m, b, rows, rows);
		}
		for (int j = 0; j < m; j++)
			for (int i = 0; i <= j; i++)
			{
				double		sum = 0;

				for (int l = 0; l <= i; l++)
					sum += r[i * m + l] * r[j * m + l];
				worst = fmax(worst, fabs(sum - want[j * m + i]) / sqrt(want[i * m + i] * want[j * m + j]));
			}
		if (3 * rows < m)
			continue;
		/* (R'R) (U U') = 1 */
		ecml_qr_invert(ctx, r, m, m, u);
		ecml_qr_outer(ctx, u, m, true, c);
		for (int j = 0; j < m; j += 7)
			for (int i = 0; i < m; i++)
			{
				double		sum = 0;
				double		size = 0;

				for (int l = 0; l < m; l++)
				{
					double		v = want[l < i ? i * m + l : l * m + i] * c[l < j ? j * m + l : l * m + j];

					sum += v;
					size += fabs(v);
				}
				unit = fmax(unit, fabs(sum - (i == j)) / fmax(size, 1));
			}
	}
	ok(worst < 1e-13, "QR: R'R is the sum of products (%.2g)", worst);
	ok(unit < 1e-11, "QR: the inverse is one (%.2g)", unit);
}

int
main(void)
{
	static void (*const tests[]) (void) = {
		test_dd, test_gram, test_chol, test_qr
	};

	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
	{
		ctx = test_ctx(1, 1);
		tests[i] ();
		test_ctx_free(ctx);
	}
	return done();
}
