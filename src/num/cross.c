/*
 * cross.c - sums of products of columns, compiled for AVX-512, for AVX2 with FMA, and portably
 *
 * Written here rather than left to BLAS, whose serial build promises nothing to threads that call it at once, and with
 * vectors of a fixed width rather than target_clones, because the tile has to fit the registers.
 */
#include "cross.h"

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(ECML_NO_CLONES)
#define CROSS_X86
#include <immintrin.h>
#endif

/* What every set of kernels is. */
#define CROSS(name) \
	static const EcmlCross name##_cross = {#name, name##_dense, name##_weighted, name##_rounded_whole}

/* ---------------------------------------------------------------- portable: vectors of 16 bytes */

typedef double D2 __attribute__((vector_size(16)));
typedef float F4 __attribute__((vector_size(16)));

#define KERNEL(name) portable_##name
#define E double
#define LANES 2
#define TI 3
#define TJ 4
#define V D2
#define V_ZERO ((D2) {0, 0})
#define V_LOAD(p) (*(const D2 *) (p))
#define V_STORE(p, v) (*(D2 *) (p) = (v))
#define V_FMA(a, b, c) ((a) * (b) + (c))
#define V_SUM(v) ((v)[0] + (v)[1])
#include "cross_kernels.h"

#define KERNEL(name) portable_rounded_##name
#define E float
#define LANES 4
#define TI 3
#define TJ 4
#define V F4
#define V_ZERO ((F4) {0, 0, 0, 0})
#define V_LOAD(p) (*(const F4 *) (p))
#define V_STORE(p, v) (*(F4 *) (p) = (v))
#define V_FMA(a, b, c) ((a) * (b) + (c))
#define V_SUM(v) (((double) (v)[0] + (v)[1]) + ((double) (v)[2] + (v)[3]))
#include "cross_kernels.h"

CROSS(portable);

#ifdef CROSS_X86

/* ---------------------------------------------------------------- AVX2 and FMA: 16 registers of 32 bytes */

#pragma GCC push_options
#pragma GCC target("arch=x86-64-v3")

static inline double
avx2_sum(__m256d v)
{
	__m128d		pair = _mm256_castpd256_pd128(v) + _mm256_extractf128_pd(v, 1);

	return pair[0] + pair[1];
}

static inline double
avx2_rounded_sum(__m256 v)
{
	return avx2_sum(_mm256_cvtps_pd(_mm256_castps256_ps128(v)) + _mm256_cvtps_pd(_mm256_extractf128_ps(v, 1)));
}

#define KERNEL(name) avx2_##name
#define E double
#define LANES 4
#define TI 4
#define TJ 3
#define V __m256d
#define V_ZERO _mm256_setzero_pd()
#define V_LOAD(p) _mm256_load_pd(p)
#define V_STORE(p, v) _mm256_store_pd(p, v)
#define V_FMA(a, b, c) _mm256_fmadd_pd(a, b, c)
#define V_SUM(v) avx2_sum(v)
#include "cross_kernels.h"

#define KERNEL(name) avx2_rounded_##name
#define E float
#define LANES 8
#define TI 4
#define TJ 3
#define V __m256
#define V_ZERO _mm256_setzero_ps()
#define V_LOAD(p) _mm256_load_ps(p)
#define V_STORE(p, v) _mm256_store_ps(p, v)
#define V_FMA(a, b, c) _mm256_fmadd_ps(a, b, c)
#define V_SUM(v) avx2_rounded_sum(v)
#include "cross_kernels.h"

#pragma GCC pop_options

CROSS(avx2);

/* ---------------------------------------------------------------- AVX-512: 32 registers of 64 bytes */

#pragma GCC push_options
#pragma GCC target("arch=x86-64-v4")

static inline double
avx512_rounded_sum(__m512 v)
{
	return _mm512_reduce_add_pd(_mm512_cvtps_pd(_mm512_castps512_ps256(v)) + _mm512_cvtps_pd(_mm512_extractf32x8_ps(v, 1)));
}

/* out [4] += the sums of four vectors, which are added up side by side: the end of a tile of 512 rows would else take a fifth of it. */
static inline __attribute__((always_inline)) void
avx512_rounded_add_sums(double *out, const __m512 *v)
{
	__m512		ab = _mm512_unpacklo_ps(v[0], v[1]) + _mm512_unpackhi_ps(v[0], v[1]);
	__m512		cd = _mm512_unpacklo_ps(v[2], v[3]) + _mm512_unpackhi_ps(v[2], v[3]);
	__m512		all = _mm512_shuffle_ps(ab, cd, 0x44) + _mm512_shuffle_ps(ab, cd, 0xEE);
	__m512d		two = _mm512_cvtps_pd(_mm512_castps512_ps256(all)) + _mm512_cvtps_pd(_mm512_extractf32x8_ps(all, 1));

	_mm256_storeu_pd(out, _mm256_loadu_pd(out) + (_mm512_castpd512_pd256(two) + _mm512_extractf64x4_pd(two, 1)));
}

#define KERNEL(name) avx512_##name
#define E double
#define LANES 8
#define TI 6
#define TJ 4
#define V __m512d
#define V_ZERO _mm512_setzero_pd()
#define V_LOAD(p) _mm512_load_pd(p)
#define V_STORE(p, v) _mm512_store_pd(p, v)
#define V_FMA(a, b, c) _mm512_fmadd_pd(a, b, c)
#define V_SUM(v) _mm512_reduce_add_pd(v)
#include "cross_kernels.h"

#define KERNEL(name) avx512_rounded_##name
#define E float
#define LANES 16
#define TI 6
#define TJ 4
#define V __m512
#define V_ZERO _mm512_setzero_ps()
#define V_LOAD(p) _mm512_load_ps(p)
#define V_STORE(p, v) _mm512_store_ps(p, v)
#define V_FMA(a, b, c) _mm512_fmadd_ps(a, b, c)
#define V_SUM(v) avx512_rounded_sum(v)
#define V_ADD_SUMS(out, v) avx512_rounded_add_sums(out, v)
#include "cross_kernels.h"

#pragma GCC pop_options

CROSS(avx512);

#endif							/* CROSS_X86 */

const EcmlCross *
ecml_cross_number(int i)
{
	if (i == 0)
		return &portable_cross;
#ifdef CROSS_X86
	if (i == 1 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2"))
		return &avx2_cross;
	if (i == 2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
		__builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512cd"))
		return &avx512_cross;
#endif
	return NULL;
}

const EcmlCross *
ecml_cross(void)
{
	const EcmlCross *cross = ecml_cross_number(2);

	if (cross == NULL)
		cross = ecml_cross_number(1);
	return cross ? cross : ecml_cross_number(0);
}
