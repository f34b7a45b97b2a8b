/*
 * gemm.h - products of float matrices, for tasks: no memory of its own, no threads
 *
 * BLAS may not be called in tasks, and does not know convolutions; these products take a row of a from anywhere at a fixed distance.
 * The order of additions of an element depends on k alone: however m and n are cut, the bits are the same.
 *
 * Reads go beyond the end of b and of the bias by up to a vector: every array that comes here has GEMM_SLACK floats behind it.
 */
#ifndef ECML_IMAGE_GEMM_H
#define ECML_IMAGE_GEMM_H

#include <stdbool.h>
#include <stddef.h>

#define GEMM_SLACK 64

/* What is multiplied: k in pieces, of which each begins a step further in a and in b. */
typedef struct GemmTerms
{
	size_t		pieces;
	size_t		k;				/* of a piece */
	const float *a;
	size_t		lda;
	size_t		a_step;
	size_t		ldb;
	size_t		b_step;
} GemmTerms;

typedef struct GemmKernel
{
	const char *name;			/* of the instruction set */
	size_t		mr;				/* rows of a tile: cut m by it */
	size_t		nr;				/* columns of a panel: cut n by it */
	void		(*panel) (bool transposed, size_t m, size_t n, const GemmTerms *t, const float *b, float *c, size_t ldc,
						  const float *bias, bool add);
} GemmKernel;

/* Of the processor at hand. */
extern const GemmKernel *gemm_kernel(void);

/* Of all that it can run, for tests; NULL beyond the last. */
extern const GemmKernel *gemm_kernel_number(int i);

/* b packed: panels of nr columns, [panel][k][nr], filled up with zeros */
extern size_t gemm_packed_size(const GemmKernel *g, size_t k, size_t n);
/* element (p, j) of b is b[p * row + j * column] */
extern void gemm_pack(const GemmKernel *g, size_t k, size_t n, const float *b, size_t row, size_t column, float *packed);

/* c [m][n] = a [m][k] b + bias (NULL: 0), or c += a b; packed b */
extern void gemm_packed(const GemmKernel *g, size_t m, size_t n, size_t k, const float *a, size_t lda, const float *packed,
						float *c, size_t ldc, const float *bias, bool add);

/*
 * The same where a row of a is pieces of k numbers, a_step apart: windows of a picture as they lie in it.  packed was made for depth
 * rows of b, of which the pieces take those from first on.
 */
extern void gemm_windows(const GemmKernel *g, size_t m, size_t n, size_t pieces, size_t k, const float *a, size_t lda, size_t a_step,
						 const float *packed, size_t depth, size_t first, float *c, size_t ldc, const float *bias, bool add);

/* The same with b [k][n] as it lies, in steps of k that stay in cache; columns from .. to (from: a multiple of nr). */
extern void gemm_plain(const GemmKernel *g, size_t m, size_t k, const float *a, size_t lda, const float *b, size_t ldb,
					   float *c, size_t ldc, size_t from, size_t to, const float *bias, bool add);

/* c [m][n] += a' b over pieces of k rows of a [k][m] and b [k][n], a_step and b_step apart */
extern void gemm_transposed_windows(const GemmKernel *g, size_t m, size_t n, size_t pieces, size_t k, const float *a, size_t lda,
									size_t a_step, const float *b, size_t ldb, size_t b_step, float *c, size_t ldc);

/* c [m][n] (+)= a' b, a [k][m], b [k][n] */
extern void gemm_transposed(const GemmKernel *g, size_t m, size_t n, size_t k, const float *a, size_t lda, const float *b,
							size_t ldb, float *c, size_t ldc, bool add);

#endif							/* ECML_IMAGE_GEMM_H */
