/*
 * kmeans_kernels.c - the inner loops of k-means, compiled for AVX-512, for AVX2 with FMA, and portably
 *
 * Written with vectors of a fixed width rather than left to target_clones: running minima and their numbers stay in
 * registers, and the width has to fit the registers.  kmeans_kernels.h is the text of the loops, the macros below are all
 * that differs.  The sets differ in the last bits of a result (fused multiply-add), one of them is used for a whole fit.
 */
#include "kmeans_internal.h"

#include <math.h>
#include <string.h>

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(ECML_NO_CLONES)
#define KMEANS_X86
#include <immintrin.h>
#endif

/* with more columns than this a tile is packed: twelve ways of the first cache would be used up */
#define PACK_COLUMNS 8

typedef float F4 __attribute__((vector_size(16)));
typedef double D4 __attribute__((vector_size(32)));
typedef float F4u __attribute__((vector_size(16), aligned(4)));
typedef double D4u __attribute__((vector_size(32), aligned(8)));

#define LOAD_D4(p) ((D4) *(const D4u *) (p))
#define FLOATS_D4(p) __builtin_convertvector((F4) *(const F4u *) (p), D4)

/* ---------------------------------------------------------------- portable: vectors of four */

typedef int32_t I4 __attribute__((vector_size(16)));
typedef int32_t I4u __attribute__((vector_size(16), aligned(4)));

#define KERNEL(name) portable_##name
#define LANES 4
#define VF F4
#define VI I4
#define V_LOAD(p) ((F4) *(const F4u *) (p))
#define V_STORE(p, v) (*(F4u *) (p) = (v))
#define VI_STORE(p, v) (*(I4u *) (p) = (v))
#define V_SET1(s) ((F4) {(s), (s), (s), (s)})
#define VI_SET1(s) ((I4) {(s), (s), (s), (s)})
#define V_FMA(a, b, c) ((a) * (b) + (c))
#define V_SELECT(mask, a, b) ((F4) (((mask) & (I4) (a)) | (~(mask) & (I4) (b))))
#define V_MIN(a, b) V_SELECT((a) < (b), a, b)
#define V_MAX(a, b) V_SELECT((a) > (b), a, b)
#define V_CLOSER(d, number, best, index) \
	do { \
		I4			closer_ = (d) < (best); \
		(best) = V_SELECT(closer_, d, best); \
		(index) = (closer_ & VI_SET1(number)) | (~closer_ & (index)); \
	} while (0)

#include "kmeans_kernels.h"

#ifdef KMEANS_X86

#undef KERNEL
#undef LANES
#undef VF
#undef VI
#undef V_LOAD
#undef V_STORE
#undef VI_STORE
#undef V_SET1
#undef VI_SET1
#undef V_FMA
#undef V_MIN
#undef V_MAX
#undef V_CLOSER

/* Transpose eight rows of n <= 8 columns into vectors of a row each, in three rounds of exchanges. */
#define ROWS8(x, stride, n, row) \
	do { \
		__m256		c_[8]; \
		__m256		d_[8]; \
		c_[0] = _mm256_loadu_ps(x); \
		c_[1] = (n) > 1 ? _mm256_loadu_ps((x) + (stride)) : _mm256_setzero_ps(); \
		c_[2] = (n) > 2 ? _mm256_loadu_ps((x) + 2 * (stride)) : _mm256_setzero_ps(); \
		c_[3] = (n) > 3 ? _mm256_loadu_ps((x) + 3 * (stride)) : _mm256_setzero_ps(); \
		c_[4] = (n) > 4 ? _mm256_loadu_ps((x) + 4 * (stride)) : _mm256_setzero_ps(); \
		c_[5] = (n) > 5 ? _mm256_loadu_ps((x) + 5 * (stride)) : _mm256_setzero_ps(); \
		c_[6] = (n) > 6 ? _mm256_loadu_ps((x) + 6 * (stride)) : _mm256_setzero_ps(); \
		c_[7] = (n) > 7 ? _mm256_loadu_ps((x) + 7 * (stride)) : _mm256_setzero_ps(); \
		d_[0] = _mm256_unpacklo_ps(c_[0], c_[1]); \
		d_[1] = _mm256_unpackhi_ps(c_[0], c_[1]); \
		d_[2] = _mm256_unpacklo_ps(c_[2], c_[3]); \
		d_[3] = _mm256_unpackhi_ps(c_[2], c_[3]); \
		d_[4] = _mm256_unpacklo_ps(c_[4], c_[5]); \
		d_[5] = _mm256_unpackhi_ps(c_[4], c_[5]); \
		d_[6] = _mm256_unpacklo_ps(c_[6], c_[7]); \
		d_[7] = _mm256_unpackhi_ps(c_[6], c_[7]); \
		c_[0] = _mm256_shuffle_ps(d_[0], d_[2], 0x44); \
		c_[1] = _mm256_shuffle_ps(d_[0], d_[2], 0xEE); \
		c_[2] = _mm256_shuffle_ps(d_[1], d_[3], 0x44); \
		c_[3] = _mm256_shuffle_ps(d_[1], d_[3], 0xEE); \
		c_[4] = _mm256_shuffle_ps(d_[4], d_[6], 0x44); \
		c_[5] = _mm256_shuffle_ps(d_[4], d_[6], 0xEE); \
		c_[6] = _mm256_shuffle_ps(d_[5], d_[7], 0x44); \
		c_[7] = _mm256_shuffle_ps(d_[5], d_[7], 0xEE); \
		(row)[0] = _mm256_permute2f128_ps(c_[0], c_[4], 0x20); \
		(row)[1] = _mm256_permute2f128_ps(c_[1], c_[5], 0x20); \
		(row)[2] = _mm256_permute2f128_ps(c_[2], c_[6], 0x20); \
		(row)[3] = _mm256_permute2f128_ps(c_[3], c_[7], 0x20); \
		(row)[4] = _mm256_permute2f128_ps(c_[0], c_[4], 0x31); \
		(row)[5] = _mm256_permute2f128_ps(c_[1], c_[5], 0x31); \
		(row)[6] = _mm256_permute2f128_ps(c_[2], c_[6], 0x31); \
		(row)[7] = _mm256_permute2f128_ps(c_[3], c_[7], 0x31); \
	} while (0)
#define HAVE_ROWS8
#define ROW8 __m256

/* ---------------------------------------------------------------- AVX2 and FMA: vectors of eight */

#pragma GCC push_options
#pragma GCC target("arch=x86-64-v3")

#define KERNEL(name) avx2_##name
#define LANES 8
#define VF __m256
#define VI __m256i
#define V_LOAD(p) _mm256_loadu_ps(p)
#define V_STORE(p, v) _mm256_storeu_ps(p, v)
#define VI_STORE(p, v) _mm256_storeu_si256((__m256i *) (p), v)
#define V_SET1(s) _mm256_set1_ps(s)
#define VI_SET1(s) _mm256_set1_epi32(s)
#define V_FMA(a, b, c) _mm256_fmadd_ps(a, b, c)
#define V_MIN(a, b) _mm256_min_ps(a, b)
#define V_MAX(a, b) _mm256_max_ps(a, b)
#define V_CLOSER(d, number, best, index) \
	do { \
		__m256		closer_ = _mm256_cmp_ps(d, best, _CMP_LT_OQ); \
		(best) = _mm256_min_ps(d, best); \
		(index) = _mm256_castps_si256(_mm256_blendv_ps(_mm256_castsi256_ps(index), \
													   _mm256_castsi256_ps(_mm256_set1_epi32(number)), closer_)); \
	} while (0)

#define ROW8_LOW(row) _mm256_cvtps_pd(_mm256_castps256_ps128(row))
#define ROW8_HIGH(row) _mm256_cvtps_pd(_mm256_extractf128_ps(row, 1))
#define ROW8_ADD(sum, row, weight, weighted) \
	do { \
		__m256d		low_ = ROW8_LOW(row); \
		__m256d		high_ = ROW8_HIGH(row); \
		if (weighted) \
		{ \
			low_ *= _mm256_set1_pd(weight); \
			high_ *= _mm256_set1_pd(weight); \
		} \
		_mm256_storeu_pd(sum, _mm256_loadu_pd(sum) + low_); \
		_mm256_storeu_pd((sum) + 4, _mm256_loadu_pd((sum) + 4) + high_); \
	} while (0)
#define SUM8 __m256d
#define SUM8_ZERO _mm256_setzero_pd()
#define SUM8_TOTAL(s) ((s[0] + s[1]) + (s[2] + s[3]))
#define ROW8_SQUARE(s, row, centroid, weight, weighted) \
	do { \
		__m256d		low_ = ROW8_LOW(row) - _mm256_loadu_pd(centroid); \
		__m256d		high_ = ROW8_HIGH(row) - _mm256_loadu_pd((centroid) + 4); \
		__m256d		square_ = low_ * low_ + high_ * high_; \
		if (weighted) \
			square_ *= _mm256_set1_pd(weight); \
		s += square_; \
	} while (0)

#include "kmeans_kernels.h"

#pragma GCC pop_options

#undef KERNEL
#undef LANES
#undef VF
#undef VI
#undef V_LOAD
#undef V_STORE
#undef VI_STORE
#undef V_SET1
#undef VI_SET1
#undef V_FMA
#undef V_MIN
#undef V_MAX
#undef V_CLOSER
#undef ROW8_ADD
#undef ROW8_SQUARE
#undef SUM8
#undef SUM8_ZERO
#undef SUM8_TOTAL

/* ---------------------------------------------------------------- AVX-512: vectors of sixteen */

#pragma GCC push_options
#pragma GCC target("arch=x86-64-v4")

#define KERNEL(name) avx512_##name
#define LANES 16
#define VF __m512
#define VI __m512i
#define V_LOAD(p) _mm512_loadu_ps(p)
#define V_STORE(p, v) _mm512_storeu_ps(p, v)
#define VI_STORE(p, v) _mm512_storeu_si512(p, v)
#define V_SET1(s) _mm512_set1_ps(s)
#define VI_SET1(s) _mm512_set1_epi32(s)
#define V_FMA(a, b, c) _mm512_fmadd_ps(a, b, c)
#define V_MIN(a, b) _mm512_min_ps(a, b)
#define V_MAX(a, b) _mm512_max_ps(a, b)
#define V_CLOSER(d, number, best, index) \
	do { \
		__mmask16	closer_ = _mm512_cmp_ps_mask(d, best, _CMP_LT_OQ); \
		(best) = _mm512_min_ps(d, best); \
		(index) = _mm512_mask_mov_epi32(index, closer_, _mm512_set1_epi32(number)); \
	} while (0)

#define ROW8_ADD(sum, row, weight, weighted) \
	do { \
		__m512d		value_ = _mm512_cvtps_pd(row); \
		if (weighted) \
			value_ *= _mm512_set1_pd(weight); \
		_mm512_storeu_pd(sum, _mm512_loadu_pd(sum) + value_); \
	} while (0)
#define SUM8 __m512d
#define SUM8_ZERO _mm512_setzero_pd()
#define SUM8_TOTAL(s) (((s[0] + s[1]) + (s[2] + s[3])) + ((s[4] + s[5]) + (s[6] + s[7])))
#define ROW8_SQUARE(s, row, centroid, weight, weighted) \
	do { \
		__m512d		difference_ = _mm512_cvtps_pd(row) - _mm512_loadu_pd(centroid); \
		if (weighted) \
			s = _mm512_fmadd_pd(difference_ * _mm512_set1_pd(weight), difference_, s); \
		else \
			s = _mm512_fmadd_pd(difference_, difference_, s); \
	} while (0)
#define FILTER_16 \
	do { \
		__m512i		number_ = _mm512_loadu_si512(label + i); \
		__m512		u_ = _mm512_loadu_ps(upper + i) + _mm512_i32gather_ps(number_, move, 4); \
		__m512		l_ = _mm512_mask_mov_ps(_mm512_set1_ps(most), \
											_mm512_cmpeq_epi32_mask(number_, _mm512_set1_epi32(mover)), \
											_mm512_set1_ps(second)); \
		__mmask16	fails_; \
		u_ *= _mm512_set1_ps(1.0f + 0x1p-22f); \
		l_ = (_mm512_loadu_ps(lower + i) - l_) * _mm512_set1_ps(1.0f - 0x1p-22f); \
		_mm512_storeu_ps(upper + i, u_); \
		_mm512_storeu_ps(lower + i, l_); \
		fails_ = _mm512_cmp_ps_mask(u_, l_, _CMP_NLT_UQ); \
		_mm512_storeu_si512(list + n, _mm512_maskz_compress_epi32(fails_, \
			_mm512_add_epi32(_mm512_set1_epi32(i), \
				_mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0)))); \
		n += __builtin_popcount(fails_); \
	} while (0)

#include "kmeans_kernels.h"

#pragma GCC pop_options

#endif							/* KMEANS_X86 */

const KmeansKernels *
kmeans_kernels_number(int i)
{
	if (i == 0)
		return &portable_kernels;
#ifdef KMEANS_X86
	if (i == 1 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2"))
		return &avx2_kernels;
	if (i == 2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
		__builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512cd"))
		return &avx512_kernels;
#endif
	return NULL;
}

const KmeansKernels *
kmeans_kernels(void)
{
	const KmeansKernels *kernels = kmeans_kernels_number(2);

	if (kernels == NULL)
		kernels = kmeans_kernels_number(1);
	if (kernels == NULL)
		kernels = kmeans_kernels_number(0);
	return kernels;
}
