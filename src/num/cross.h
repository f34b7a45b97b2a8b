/*
 * cross.h - sums of products of columns over a chunk of rows: what gradients and Hessians are made of
 *
 * A chunk is [columns][ECML_CHUNK_STRIDE] doubles, ECML_ALIGN aligned, of which the first ECML_CHUNK_ROWS of each column are
 * rows; those past the last row must be 0.  (The stride is no power of two: columns of a chunk lie on different cache lines.)
 * All entries are summed over the rows in one order, whatever other entries are computed beside them.
 */
#ifndef ECML_CROSS_H
#define ECML_CROSS_H

#include "ctx.h"

#define ECML_CHUNK_ROWS 512
#define ECML_CHUNK_STRIDE (ECML_CHUNK_ROWS + 16)

/* Doubles of scratch that weighted needs, ECML_ALIGN aligned. */
#define ECML_CROSS_SCRATCH (6 * ECML_CHUNK_STRIDE)

/* How to compute; the sets differ in the last bits (fused multiply-add). */
typedef struct EcmlCross
{
	const char *name;

	/* out[i * ldo + j] += sum of a_i b_j, 0 <= i < na, 0 <= j < nb */
	void		(*dense) (const double *a, int na, const double *b, int nb, double *out, size_t ldo);

	/*
	 * The same for d a_i b_j, both columns of one chunk x: rows first .. first+na-1 and columns from .. to-1 of a symmetric
	 * matrix, of which what lies past the diagonal may be left out; out is its element (first, from).
	 */
	void		(*weighted) (const double *x, const double *d, double *scratch, int first, int na, int from, int to, double *out,
							 size_t ldo);

	/*
	 * All of the matrix for n columns of floats, [ECML_CHUNK_ROWS] each, and linear [n] += sum of d b_j: twice as fast.  Sums of
	 * a chunk are floats too, those of chunks are not, so an element errs by about 2e-8 of the root of its diagonal elements'
	 * product, less with many chunks.
	 */
	void		(*rounded) (const float *x, int n, const float *d, float *scratch, double *out, size_t ldo, double *linear);
} EcmlCross;

/* The quickest for this machine. */
extern const EcmlCross *ecml_cross(void);

/* The i-th of them, from the portable one on; NULL: this machine (or this build) has it not. */
extern const EcmlCross *ecml_cross_number(int i);

#endif							/* ECML_CROSS_H */
