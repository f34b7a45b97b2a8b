/*
 * eigen.h - eigenvalues and eigenvectors of a symmetric matrix
 */
#ifndef ECML_EIGEN_H
#define ECML_EIGEN_H

#include "ctx.h"

/*
 * a [n][n], symmetric, finite: row i becomes the i-th eigenvector, of length 1; values [n] ascending.  About 9 n^3 flops (n = 100:
 * 3 ms, 1,000: 3 s); polls.
 */
extern void ecml_eigen_symmetric(EcmlCtx *ctx, double *a, int n, double *values);

#endif							/* ECML_EIGEN_H */
