/*
 * gram.h - the cross-product matrix of a constant and m columns, in double-double
 *
 * The columns are (1, v_0, .., v_{m-1}); the entry of columns i <= j (the constant is column 0) is the sum over the rows of
 * w v_i v_j and stands at ECML_GRAM(i, j): column by column, so that a matrix of more columns begins with the smaller one.
 * Matrices of disjoint rows add up.
 */
#ifndef ECML_GRAM_H
#define ECML_GRAM_H

#include "ctx.h"
#include "dd.h"

#define ECML_GRAM_COLUMNS 128	/* the most, the constant not counted */

#define ECML_GRAM(i, j) ((size_t) (j) * ((size_t) (j) + 1) / 2 + (size_t) (i))	/* 0 <= i <= j <= m */
#define ECML_GRAM_SIZE(m) (((size_t) (m) + 1) * ((size_t) (m) + 2) / 2)	/* elements for m columns */

/* Ways to compute it; all give the same bits. */
typedef enum EcmlGramKernel
{
	ECML_GRAM_PORTABLE,			/* split products, no vectors */
	ECML_GRAM_AVX2,
	ECML_GRAM_AVX512,
	ECML_GRAM_KERNELS
} EcmlGramKernel;

/* Can this machine (and this build) do it so? */
extern bool ecml_gram_can(EcmlGramKernel kernel);

/* gram [ECML_GRAM_SIZE(m)] += the products of rows; columns [m] of [rows]; w [rows], NULL: all 1.  Does not poll. */
extern void ecml_gram_add(EcmlCtx *ctx, EcmlDd *gram, int m, const double *const *columns, const double *w, int rows);
extern void ecml_gram_add_by(EcmlCtx *ctx, EcmlGramKernel kernel, EcmlDd *gram, int m, const double *const *columns,
							 const double *w, int rows);

#endif							/* ECML_GRAM_H */
