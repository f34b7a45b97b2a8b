/*
 * qr.h - Householder QR that stacks blocks of rows under a triangle
 *
 * Matrices are column-major.  Of a triangle R [m][m] only the upper part is read and written.
 */
#ifndef ECML_QR_H
#define ECML_QR_H

#include "ctx.h"

/*
 * R becomes the triangle of the QR factorisation of R over B: the same R'R + B'B.  r: m columns ldr apart; b: m columns of
 * rows elements, ldb apart, destroyed.  Diagonal elements may have either sign.  Polls.
 */
extern void ecml_qr_stack(EcmlCtx *ctx, double *r, int m, size_t ldr, double *b, int rows, size_t ldb);

/*
 * Remove dependent columns from a triangle, in order.  r: k columns ldr apart, upper triangle (what is below must be 0), of
 * which the first `fixed` are never removed unless 0, and to which the last `extra` belong as right-hand sides.  On return
 * the kept columns' triangle stands in rows 0 .. rank-1 of their own columns (row i of the i-th kept one is its diagonal),
 * and drop [k - extra] tells the removed ones.  Returns the rank.
 * Column j >= fixed is removed when what is orthogonal to the columns before it is at most `own` times its norm over
 * the rows from `fixed` on, or at most `whole` times its norm.
 */
extern int ecml_qr_reduce(EcmlCtx *ctx, double *r, int k, size_t ldr, int fixed, int extra, double own, double whole,
						  bool *drop);

/* u [n][n] = r^-1 for an upper triangle r; the lower part of u is 0.  Polls. */
extern void ecml_qr_invert(EcmlCtx *ctx, const double *r, int n, size_t ldr, double *u);

/* c [m][n] = op(a) op(b), all dense, op: transposed when the flag is set; k is the inner dimension.  Polls. */
extern void ecml_qr_product(EcmlCtx *ctx, bool trans_a, bool trans_b, int m, int n, int k, const double *a, size_t lda,
							const double *b, size_t ldb, double *c, size_t ldc);

/* The upper triangle of c [n][n] = u u', for u [n][n], an upper triangle when the flag is set.  Polls. */
extern void ecml_qr_outer(EcmlCtx *ctx, const double *u, int n, bool triangular, double *c);

#endif							/* ECML_QR_H */
