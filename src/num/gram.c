/*
 * gram.c - cross products in double-double: error-free products, summed by TwoSum in eight lanes
 *
 * Row r of a chunk goes to lane r mod 8; a lane keeps the sum and, apart, the sum of what the roundings lost.  This is the
 * cascaded dot product of Ogita, Rump and Oishi, "Accurate sum and dot product" (2005), whose result is as good as one
 * computed in twice the working precision and then rounded.  The lanes are added up in double-double at the end of a call,
 * always in the same order, so every kernel gives the same bits.
 *
 * With weights, w v_i is formed as an exact pair, and its low part takes part in the product with v_j.
 *
 * Cost: ten vector operations for eight products (12 with weights): m^2 / 2 products a row.  Rows are taken CHUNK at a
 * time, so that the columns stay in the nearer caches.  A call of at most CHUNK rows needs no memory beyond the stack.
 * Limits: |v| from about 1e-140 to 1e150, so that products neither lose their low half nor overflow.
 */
#include "gram.h"

#include <string.h>

#define LANES 8
#define CHUNK 512				/* rows; 12 columns of them are 48 kB */
#define LANE_DOUBLES (2 * LANES)	/* of a pair: [LANES] sums, [LANES] lost parts */
#define GROUP 2					/* pairs computed together */

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(ECML_NO_CLONES)
#define HAVE_VECTORS 1
#include <immintrin.h>
#else
#define HAVE_VECTORS 0
#endif

/*
 * The three loops of a kernel.  acc: [LANE_DOUBLES] of one pair, or of `pairs` (1 or 2) pairs one after the other;
 * u: [rows] a column, u_lo: [rows] the low part of a weighted column, or NULL; v[p]: [rows] the other columns.
 */
typedef struct Kernel
{
	void		(*sum) (double *acc, const double *v, int rows);
	void		(*products) (double *acc, const double *u, const double *u_lo, const double *const *v, int pairs, int rows);
	void		(*weigh) (double *u, double *u_lo, const double *w, const double *v, int rows);
} Kernel;

#if defined(__FMA__) || !defined(__x86_64__)
#define TWO_PROD dd_two_prod
#else
#define TWO_PROD dd_two_prod_split	/* fma() would be a call, and on the machines that come here an emulation */
#endif

static inline __attribute__((always_inline)) void
accumulate(double *acc, int lane, double p, double lost)
{
	EcmlDd		s = dd_two_sum(acc[lane], p);

	acc[lane] = s.hi;
	acc[LANES + lane] += s.lo + lost;
}

static void
sum_portable(double *acc, const double *v, int rows)
{
	for (int r = 0; r < rows; r++)
		accumulate(acc, r % LANES, v[r], 0);
}

static void
products_portable(double *acc, const double *u, const double *u_lo, const double *const *v, int pairs, int rows)
{
	for (int k = 0; k < pairs; k++, acc += LANE_DOUBLES)
		for (int r = 0; r < rows; r++)
		{
			EcmlDd		p = TWO_PROD(u[r], v[k][r]);

			if (u_lo)
			{
				double		low = u_lo[r] * v[k][r];

				ECML_DD_KEEP(low);
				p.lo += low;
			}
			accumulate(acc, r % LANES, p.hi, p.lo);
		}
}

static void
weigh_portable(double *u, double *u_lo, const double *w, const double *v, int rows)
{
	for (int r = 0; r < rows; r++)
	{
		EcmlDd		p = TWO_PROD(w[r], v[r]);

		u[r] = p.hi;
		u_lo[r] = p.lo;
	}
}

static const Kernel portable = {sum_portable, products_portable, weigh_portable};

#if HAVE_VECTORS

/*
 * The same loops for vectors V of W doubles: lanes part * W .. part * W + W - 1 in one pass over the rows.  LOAD(p) reads W
 * doubles, TAIL(p, n) the first n of them and zeros (a zero product changes no lane).
 */
#define TWO_SUM_INTO(V, hi, lo, p, lost) \
	do { \
		V			s_ = hi + p; \
		V			b_ = s_ - hi; \
		V			e_ = (hi - (s_ - b_)) + (p - b_); \
		hi = s_; \
		lo += e_ + lost; \
	} while (0)

#define PRODUCT_INTO(V, FMSUB, hi, lo, a, b, a_lo) \
	do { \
		V			p_ = a * b; \
		V			l_; \
		__asm__("" : "+v"(p_)); \
		l_ = FMSUB(a, b, p_); \
		if (weighted) \
		{ \
			V			m_ = a_lo * b; \
			__asm__("" : "+v"(m_)); \
			l_ += m_; \
		} \
		TWO_SUM_INTO(V, hi, lo, p_, l_); \
	} while (0)

#define DEFINE_KERNEL(name, isa, V, W, LOAD, TAIL, STORE, FMSUB) \
static __attribute__((target(isa))) void \
sum_##name(double *acc, const double *v, int rows) \
{ \
	for (int at = 0; at < LANES; at += W) \
	{ \
		V			hi = LOAD(acc + at); \
		V			lo = LOAD(acc + LANES + at); \
		V			none = hi - hi; \
		int			r = at; \
 \
		for (; r + W <= rows; r += LANES) \
		{ \
			V			p = LOAD(v + r); \
 \
			TWO_SUM_INTO(V, hi, lo, p, none); \
		} \
		if (r < rows) \
		{ \
			V			p = TAIL(v + r, rows - r); \
 \
			TWO_SUM_INTO(V, hi, lo, p, none); \
		} \
		STORE(acc + at, hi); \
		STORE(acc + LANES + at, lo); \
	} \
} \
 \
static inline __attribute__((always_inline, target(isa))) void \
pass_##name(double *acc, const double *u, const double *u_lo, const double *a, const double *b, int at, int rows, \
			const bool weighted, const bool two) \
{ \
	double	   *acc2 = acc + LANE_DOUBLES; \
	V			hi = LOAD(acc + at); \
	V			lo = LOAD(acc + LANES + at); \
	V			hi2 = two ? LOAD(acc2 + at) : hi; \
	V			lo2 = two ? LOAD(acc2 + LANES + at) : lo; \
	int			r = at; \
 \
	for (; r + W <= rows; r += LANES) \
	{ \
		V			x = LOAD(u + r); \
		V			x_lo = weighted ? LOAD(u_lo + r) : x; \
		V			y = LOAD(a + r); \
 \
		PRODUCT_INTO(V, FMSUB, hi, lo, x, y, x_lo); \
		if (two) \
		{ \
			V			z = LOAD(b + r); \
 \
			PRODUCT_INTO(V, FMSUB, hi2, lo2, x, z, x_lo); \
		} \
	} \
	if (r < rows) \
	{ \
		V			x = TAIL(u + r, rows - r); \
		V			x_lo = weighted ? TAIL(u_lo + r, rows - r) : x; \
		V			y = TAIL(a + r, rows - r); \
 \
		PRODUCT_INTO(V, FMSUB, hi, lo, x, y, x_lo); \
		if (two) \
		{ \
			V			z = TAIL(b + r, rows - r); \
 \
			PRODUCT_INTO(V, FMSUB, hi2, lo2, x, z, x_lo); \
		} \
	} \
	STORE(acc + at, hi); \
	STORE(acc + LANES + at, lo); \
	if (two) \
	{ \
		STORE(acc2 + at, hi2); \
		STORE(acc2 + LANES + at, lo2); \
	} \
} \
 \
static __attribute__((target(isa))) void \
products_##name(double *acc, const double *u, const double *u_lo, const double *const *v, int pairs, int rows) \
{ \
	for (int at = 0; at < LANES; at += W) \
	{ \
		if (u_lo && pairs == 2) \
			pass_##name(acc, u, u_lo, v[0], v[1], at, rows, true, true); \
		else if (u_lo) \
			pass_##name(acc, u, u_lo, v[0], v[0], at, rows, true, false); \
		else if (pairs == 2) \
			pass_##name(acc, u, u, v[0], v[1], at, rows, false, true); \
		else \
			pass_##name(acc, u, u, v[0], v[0], at, rows, false, false); \
	} \
} \
 \
static __attribute__((target(isa))) void \
weigh_##name(double *u, double *u_lo, const double *w, const double *v, int rows) \
{ \
	int			r = 0; \
 \
	for (; r + W <= rows; r += W) \
	{ \
		V			x = LOAD(w + r); \
		V			y = LOAD(v + r); \
		V			p = x * y; \
 \
		__asm__("" : "+v"(p)); \
		STORE(u + r, p); \
		STORE(u_lo + r, FMSUB(x, y, p)); \
	} \
	for (; r < rows; r++) \
	{ \
		u[r] = w[r] * v[r]; \
		u_lo[r] = __builtin_fma(w[r], v[r], -u[r]); \
	} \
} \
 \
static const Kernel kernel_##name = {sum_##name, products_##name, weigh_##name};

#define TAIL_512(p, n) _mm512_maskz_loadu_pd((__mmask8) ((1u << (n)) - 1), p)
#define TAIL_256(p, n) \
	_mm256_maskload_pd(p, _mm256_cmpgt_epi64(_mm256_set1_epi64x(n), _mm256_set_epi64x(3, 2, 1, 0)))

DEFINE_KERNEL(avx512, "avx512f,avx2,fma", __m512d, 8, _mm512_loadu_pd, TAIL_512, _mm512_storeu_pd, _mm512_fmsub_pd)
DEFINE_KERNEL(avx2, "avx2,fma", __m256d, 4, _mm256_loadu_pd, TAIL_256, _mm256_storeu_pd, _mm256_fmsub_pd)

#endif							/* HAVE_VECTORS */

bool
ecml_gram_can(EcmlGramKernel kernel)
{
	switch (kernel)
	{
		case ECML_GRAM_PORTABLE:
			return true;
#if HAVE_VECTORS
		case ECML_GRAM_AVX2:
			return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
		case ECML_GRAM_AVX512:
			return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
		default:
			return false;
	}
}

static const Kernel *
kernel_of(EcmlGramKernel kernel)
{
#if HAVE_VECTORS
	if (kernel == ECML_GRAM_AVX512)
		return &kernel_avx512;
	if (kernel == ECML_GRAM_AVX2)
		return &kernel_avx2;
#endif
	(void) kernel;
	return &portable;
}

static EcmlGramKernel
best_kernel(void)
{
	if (ecml_gram_can(ECML_GRAM_AVX512))
		return ECML_GRAM_AVX512;
	return ecml_gram_can(ECML_GRAM_AVX2) ? ECML_GRAM_AVX2 : ECML_GRAM_PORTABLE;
}

/* Lanes 0 .. n-1 += the n lanes after them, lost parts apart as in the loops. */
static inline __attribute__((always_inline)) void
fold(double *hi, double *lo, int n)
{
	for (int l = 0; l < n; l++)
	{
		EcmlDd		s = dd_two_sum(hi[l], hi[l + n]);

		hi[l] = s.hi;
		lo[l] = (lo[l] + lo[l + n]) + s.lo;
	}
}

/* The lanes of one pair, added to *sum. */
static void
reduce(EcmlDd *sum, const double *acc)
{
	double		hi[LANES];
	double		lo[LANES];

	memcpy(hi, acc, sizeof(hi));
	memcpy(lo, acc + LANES, sizeof(lo));
	fold(hi, lo, 4);
	fold(hi, lo, 2);
	fold(hi, lo, 1);
	*sum = dd_add(*sum, dd_two_sum(hi[0], lo[0]));
}

/*
 * Where pairs of a row (i, j), (i, j + 1), .. are summed: in lanes of their own over all chunks of a call, or, when there is
 * but one chunk, in a small buffer that is emptied at once.
 */
typedef struct Target
{
	EcmlDd	   *gram;
	double	   *lanes;			/* [pairs][LANE_DOUBLES], in the order the pairs are computed, or NULL */
	double		buffer[GROUP * LANE_DOUBLES];
} Target;

static double *
lanes_begin(Target *target)
{
	if (target->lanes)
		return target->lanes;
	memset(target->buffer, 0, sizeof(target->buffer));
	return target->buffer;
}

static void
lanes_end(Target *target, int i, int j, int pairs)
{
	if (target->lanes)
	{
		target->lanes += pairs * LANE_DOUBLES;
		return;
	}
	for (int k = 0; k < pairs; k++)
		reduce(&target->gram[ECML_GRAM(i, j + k)], target->buffer + k * LANE_DOUBLES);
}

/* All pairs over the rows first .. first+rows-1, in the order (0,0)?, (0,1), .., (0,m), (1,1), .., (m,m). */
static void
add_chunk(const Kernel *kernel, Target *target, int m, const double *const *columns, const double *w, int first, int rows)
{
	double		u[CHUNK];		/* a weighted column */
	double		u_lo[CHUNK];

	if (w)
	{
		kernel->sum(lanes_begin(target), w + first, rows);
		lanes_end(target, 0, 0, 1);
	}
	for (int i = w ? 0 : 1; i <= m; i++)
	{
		const double *left = i == 0 ? w + first : columns[i - 1] + first;
		const double *low = NULL;

		if (w && i > 0)
		{
			kernel->weigh(u, u_lo, w + first, left, rows);
			left = u;
			low = u_lo;
		}
		for (int j = i == 0 ? 1 : i; j <= m; j += GROUP)
		{
			int			pairs = m + 1 - j < GROUP ? m + 1 - j : GROUP;
			const double *right[GROUP];

			for (int k = 0; k < pairs; k++)
				right[k] = columns[j + k - 1] + first;
			kernel->products(lanes_begin(target), left, low, right, pairs, rows);
			lanes_end(target, i, j, pairs);
		}
	}
	if (!w)
		for (int j = 1; j <= m; j++)
		{
			kernel->sum(lanes_begin(target), columns[j - 1] + first, rows);
			lanes_end(target, 0, j, 1);
		}
}

/* Lanes kept over the chunks go to the matrix, in the order of add_chunk. */
static void
reduce_all(EcmlDd *gram, int m, const double *lanes, bool weighted)
{
	for (int i = weighted ? 0 : 1; i <= m; i++)
		for (int j = i; j <= m; j++, lanes += LANE_DOUBLES)
			reduce(&gram[ECML_GRAM(i, j)], lanes);
	if (!weighted)
		for (int j = 1; j <= m; j++, lanes += LANE_DOUBLES)
			reduce(&gram[ECML_GRAM(0, j)], lanes);
}

void
ecml_gram_add_by(EcmlCtx *ctx, EcmlGramKernel kernel, EcmlDd *gram, int m, const double *const *columns,
				 const double *w, int rows)
{
	const Kernel *loops = kernel_of(kernel);
	Target		target = {.gram = gram,.lanes = NULL};
	double	   *lanes = NULL;

	if (rows <= 0)
		return;
	if (rows > CHUNK)
		lanes = ECML_NEW0(ctx, double, ECML_GRAM_SIZE(m) * LANE_DOUBLES);
	for (int first = 0; first < rows; first += CHUNK)
	{
		target.lanes = lanes;
		add_chunk(loops, &target, m, columns, w, first, rows - first < CHUNK ? rows - first : CHUNK);
	}
	if (lanes)
		reduce_all(gram, m, lanes, w != NULL);
	if (!w)
		gram[0] = dd_add(gram[0], dd_from(rows));
	ecml_free(ctx, lanes);
}

void
ecml_gram_add(EcmlCtx *ctx, EcmlDd *gram, int m, const double *const *columns, const double *w, int rows)
{
	ecml_gram_add_by(ctx, best_kernel(), gram, m, columns, w, rows);
}
