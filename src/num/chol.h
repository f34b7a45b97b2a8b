/*
 * chol.h - Cholesky factorisation in double-double, that leaves out what depends on columns before
 *
 * Matrices are n x n, row-major, [n][n]; of a symmetric one the lower triangle is read.
 */
#ifndef ECML_CHOL_H
#define ECML_CHOL_H

#include "ctx.h"
#include "dd.h"

/*
 * a = L L': a's lower triangle becomes L.  In the order given; a column whose pivot (what its diagonal has left) is not above
 * floor[j] is dropped: drop[j] is set, its column of L is 0 (its row tells how it depends on the columns before), and the
 * others are factorised as if it were not there.
 * Returns the number of columns kept.
 */
extern int ecml_chol_factor(EcmlDd *a, int n, const double *floor, bool *drop);

/* b [n] becomes L^-1 b, or L'^-1 b; 0 at dropped columns. */
extern void ecml_chol_forward(const EcmlDd *l, int n, const bool *drop, EcmlDd *b);
extern void ecml_chol_backward(const EcmlDd *l, int n, const bool *drop, EcmlDd *b);

/* inverse [n][n] = (L L')^-1, both triangles; 0 in rows and columns dropped.  l is destroyed. */
extern void ecml_chol_invert(EcmlDd *l, int n, const bool *drop, EcmlDd *inverse);

/* The inner product of a and b [n]. */
extern EcmlDd ecml_dd_dot(const EcmlDd *a, const EcmlDd *b, int n);

#endif							/* ECML_CHOL_H */
