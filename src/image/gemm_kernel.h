/*
 * gemm_kernel.h - the tiles of matrix products, for one instruction set; included by gemm.c once for each
 *
 * Before: SFX(name) makes names of this set, GEMM_V is the floats of a vector, GEMM_MR the rows of a tile.
 *
 * A tile of M rows and NV vectors stays in registers while k runs: for each k, NV vectors of b and M numbers of a, each spread over
 * a vector.  Element (i, p) of a is a[i * row + p * column]: one of the two is 1, which gives products with a and with its
 * transpose.  k runs in pieces, of which each begins a step further in a and in b: the rows of a window, or of a picture.
 * Reads of b and of the bias go to the end of the last vector: arrays have GEMM_SLACK floats behind them.
 */

#define GEMM_NR (2 * GEMM_V)

typedef float SFX(Vector) __attribute__((vector_size(GEMM_V * 4), aligned(4), may_alias));

static inline __attribute__((always_inline)) void
SFX(tile) (const int m, const int nv, const GemmTerms *t, const float *a, const size_t row, const size_t column, const float *b,
		   float *c, size_t ldc, const float *bias, bool add)
{
	SFX(Vector) sum[GEMM_MR][2];
	const SFX(Vector) zero = {0};
	const size_t k = t->k;
	const size_t ldb = t->ldb;

#pragma GCC unroll 16
	for (int i = 0; i < m; i++)
#pragma GCC unroll 2
		for (int j = 0; j < nv; j++)
		{
			if (add)
				sum[i][j] = *(const SFX(Vector) *) (c + i * ldc + j * GEMM_V);
			else if (bias)
				sum[i][j] = *(const SFX(Vector) *) (bias + j * GEMM_V);
			else
				sum[i][j] = zero;
		}
	for (size_t piece = 0; piece < t->pieces; piece++, a += t->a_step, b += t->b_step)
		for (size_t p = 0; p < k; p++)
		{
			SFX(Vector) v[2];

#pragma GCC unroll 2
			for (int j = 0; j < nv; j++)
				v[j] = *(const SFX(Vector) *) (b + p * ldb + j * GEMM_V);
#pragma GCC unroll 16
			for (int i = 0; i < m; i++)
			{
				float		one = a[i * row + p * column];

#pragma GCC unroll 2
				for (int j = 0; j < nv; j++)
					sum[i][j] += one * v[j];
			}
		}
#pragma GCC unroll 16
	for (int i = 0; i < m; i++)
#pragma GCC unroll 2
		for (int j = 0; j < nv; j++)
			*(SFX(Vector) *) (c + i * ldc + j * GEMM_V) = sum[i][j];
}

typedef void (*SFX(Tile)) (const GemmTerms *t, const float *a, const float *b, float *c, size_t ldc, const float *bias, bool add);

#define GEMM_ONE(m, nv) \
	static __attribute__((noinline)) void \
	SFX(rows_##m##_##nv) (const GemmTerms *t, const float *a, const float *b, float *c, size_t ldc, const float *bias, bool add) \
	{ \
		SFX(tile) (m, nv, t, a, t->lda, 1, b, c, ldc, bias, add); \
	} \
	static __attribute__((noinline)) void \
	SFX(columns_##m##_##nv) (const GemmTerms *t, const float *a, const float *b, float *c, size_t ldc, const float *bias, bool add) \
	{ \
		SFX(tile) (m, nv, t, a, 1, t->lda, b, c, ldc, bias, add); \
	}
#define GEMM_BOTH(m) GEMM_ONE(m, 1) GEMM_ONE(m, 2)
#define GEMM_ROWS(m) {SFX(rows_##m##_1), SFX(rows_##m##_2)}
#define GEMM_COLUMNS(m) {SFX(columns_##m##_1), SFX(columns_##m##_2)}

GEMM_BOTH(1)
GEMM_BOTH(2)
GEMM_BOTH(3)
GEMM_BOTH(4)
#if GEMM_MR > 4
GEMM_BOTH(5)
GEMM_BOTH(6)
#endif
#if GEMM_MR > 6
GEMM_BOTH(7)
GEMM_BOTH(8)
GEMM_BOTH(9)
GEMM_BOTH(10)
GEMM_BOTH(11)
GEMM_BOTH(12)
GEMM_BOTH(13)
GEMM_BOTH(14)
#endif

static const SFX(Tile) SFX(tiles)[2][GEMM_MR][2] = {
	{
		GEMM_ROWS(1), GEMM_ROWS(2), GEMM_ROWS(3), GEMM_ROWS(4),
#if GEMM_MR > 4
		GEMM_ROWS(5), GEMM_ROWS(6),
#endif
#if GEMM_MR > 6
		GEMM_ROWS(7), GEMM_ROWS(8), GEMM_ROWS(9), GEMM_ROWS(10), GEMM_ROWS(11), GEMM_ROWS(12), GEMM_ROWS(13), GEMM_ROWS(14),
#endif
	},
	{
		GEMM_COLUMNS(1), GEMM_COLUMNS(2), GEMM_COLUMNS(3), GEMM_COLUMNS(4),
#if GEMM_MR > 4
		GEMM_COLUMNS(5), GEMM_COLUMNS(6),
#endif
#if GEMM_MR > 6
		GEMM_COLUMNS(7), GEMM_COLUMNS(8), GEMM_COLUMNS(9), GEMM_COLUMNS(10), GEMM_COLUMNS(11), GEMM_COLUMNS(12),
		GEMM_COLUMNS(13), GEMM_COLUMNS(14),
#endif
	}
};

/* One panel of at most GEMM_NR columns: c [m][n], tile by tile; what is narrower than its vectors goes by way of a copy. */
static void
SFX(panel) (bool transposed, size_t m, size_t n, const GemmTerms *t, const float *b, float *c, size_t ldc, const float *bias, bool add)
{
	const int	nv = n > GEMM_V ? 2 : 1;
	const bool	narrow = n != (size_t) nv * GEMM_V;
	float		copy[GEMM_MR * GEMM_NR] __attribute__((aligned(64)));

	for (size_t at = 0; at < m; at += GEMM_MR)
	{
		size_t		rows = m - at < GEMM_MR ? m - at : GEMM_MR;
		const float *from = t->a + (transposed ? at : at * t->lda);
		float	   *to = c + at * ldc;
		SFX(Tile) run = SFX(tiles)[transposed][rows - 1][nv - 1];

		if (!narrow)
		{
			run(t, from, b, to, ldc, bias, add);
			continue;
		}
		for (size_t i = 0; add && i < rows; i++)
			memcpy(copy + i * GEMM_NR, to + i * ldc, n * sizeof(float));
		run(t, from, b, copy, GEMM_NR, bias, add);
		for (size_t i = 0; i < rows; i++)
			memcpy(to + i * ldc, copy + i * GEMM_NR, n * sizeof(float));
	}
}

#undef GEMM_ONE
#undef GEMM_BOTH
#undef GEMM_ROWS
#undef GEMM_COLUMNS
#undef GEMM_NR
