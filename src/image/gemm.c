/*
 * gemm.c - products of float matrices (Goto and van de Geijn, ACM Transactions on Mathematical Software 34, 2008)
 *
 * Tiles of 14 rows and 32 columns in the 32 registers of AVX-512, 6 and 16 in the 16 of AVX2, 4 and 8 elsewhere; chosen when the
 * processor is known.
 */
#include "gemm.h"

#include <string.h>

#include "num/ctx.h"

#define STEP 384				/* of k, so that a panel of b and some rows of a stay in cache */

#define SFX(name) name##_base
#define GEMM_V 4
#define GEMM_MR 4
#include "gemm_kernel.h"
#undef SFX
#undef GEMM_V
#undef GEMM_MR

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(ECML_NO_CLONES)
#define SETS 1

#pragma GCC push_options
#pragma GCC target("arch=x86-64-v3")
#define SFX(name) name##_v3
#define GEMM_V 8
#define GEMM_MR 6
#include "gemm_kernel.h"
#undef SFX
#undef GEMM_V
#undef GEMM_MR
#pragma GCC pop_options

#pragma GCC push_options
#pragma GCC target("arch=x86-64-v4")
#define SFX(name) name##_v4
#define GEMM_V 16
#define GEMM_MR 14
#include "gemm_kernel.h"
#undef SFX
#undef GEMM_V
#undef GEMM_MR
#pragma GCC pop_options
#endif

static const GemmKernel base = {"base", 4, 8, panel_base};

#ifdef SETS
static const GemmKernel v3 = {"AVX2", 6, 16, panel_v3};
static const GemmKernel v4 = {"AVX-512", 14, 32, panel_v4};

static bool
has_v3(void)
{
	return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi") &&
		__builtin_cpu_supports("bmi2");
}

static bool
has_v4(void)
{
	return has_v3() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
		__builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}
#endif

const GemmKernel *
gemm_kernel(void)
{
#ifdef SETS
	if (has_v4())
		return &v4;
	if (has_v3())
		return &v3;
#endif
	return &base;
}

const GemmKernel *
gemm_kernel_number(int i)
{
#ifdef SETS
	if (i == 1 && has_v3())
		return &v3;
	if (i == 2 && has_v4())
		return &v4;
#endif
	return i == 0 ? &base : NULL;
}

size_t
gemm_packed_size(const GemmKernel *g, size_t k, size_t n)
{
	return (n + g->nr - 1) / g->nr * g->nr * k + GEMM_SLACK;
}

void
gemm_pack(const GemmKernel *g, size_t k, size_t n, const float *b, size_t row, size_t column, float *packed)
{
	const size_t nr = g->nr;

	for (size_t j = 0; j < n; j += nr)
	{
		size_t		columns = n - j < nr ? n - j : nr;

		for (size_t p = 0; p < k; p++, packed += nr)
		{
			const float *from = b + p * row + j * column;

			if (column == 1)
				memcpy(packed, from, columns * sizeof(float));
			else
				for (size_t q = 0; q < columns; q++)
					packed[q] = from[q * column];
			memset(packed + columns, 0, (nr - columns) * sizeof(float));
		}
	}
}

void
gemm_packed(const GemmKernel *g, size_t m, size_t n, size_t k, const float *a, size_t lda, const float *packed, float *c,
			size_t ldc, const float *bias, bool add)
{
	gemm_windows(g, m, n, 1, k, a, lda, 0, packed, k, 0, c, ldc, bias, add);
}

void
gemm_windows(const GemmKernel *g, size_t m, size_t n, size_t pieces, size_t k, const float *a, size_t lda, size_t a_step,
			 const float *packed, size_t depth, size_t first, float *c, size_t ldc, const float *bias, bool add)
{
	const size_t nr = g->nr;
	const GemmTerms terms = {pieces, k, a, lda, a_step, nr, k * nr};

	for (size_t j = 0; j < n; j += nr)
		g->panel(false, m, n - j < nr ? n - j : nr, &terms, packed + j * depth + first * nr, c + j, ldc, bias ? bias + j : NULL, add);
}

void
gemm_plain(const GemmKernel *g, size_t m, size_t k, const float *a, size_t lda, const float *b, size_t ldb, float *c, size_t ldc,
		   size_t from, size_t to, const float *bias, bool add)
{
	const size_t nr = g->nr;

	for (size_t at = 0; at < k; at += STEP)
	{
		const GemmTerms terms = {1, k - at < STEP ? k - at : STEP, a + at, lda, 0, ldb, 0};

		for (size_t j = from; j < to; j += nr)
			g->panel(false, m, to - j < nr ? to - j : nr, &terms, b + at * ldb + j, c + j, ldc, bias ? bias + j : NULL, add || at > 0);
	}
}

void
gemm_transposed(const GemmKernel *g, size_t m, size_t n, size_t k, const float *a, size_t lda, const float *b, size_t ldb,
				float *c, size_t ldc, bool add)
{
	const size_t nr = g->nr;
	const GemmTerms terms = {1, k, a, lda, 0, ldb, 0};

	for (size_t j = 0; j < n; j += nr)
		g->panel(true, m, n - j < nr ? n - j : nr, &terms, b + j, c + j, ldc, NULL, add);
}

void
gemm_transposed_windows(const GemmKernel *g, size_t m, size_t n, size_t pieces, size_t k, const float *a, size_t lda, size_t a_step,
						const float *b, size_t ldb, size_t b_step, float *c, size_t ldc)
{
	const size_t nr = g->nr;
	const GemmTerms terms = {pieces, k, a, lda, a_step, ldb, b_step};

	for (size_t j = 0; j < n; j += nr)
		g->panel(true, m, n - j < nr ? n - j : nr, &terms, b + j, c + j, ldc, NULL, true);
}
