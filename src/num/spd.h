/*
 * spd.h - symmetric positive definite systems in double: blocked Cholesky that leaves out dependent columns
 *
 * Matrices are column-major, [n][ld]; of a symmetric one only the upper triangle is read and written.
 */
#ifndef ECML_SPD_H
#define ECML_SPD_H

#include "ctx.h"

/*
 * a = R'R: the upper triangle becomes R.  In the order given; a column whose pivot (what its diagonal has left) is not above
 * floor[j] is dropped: drop[j] is set, and the others are factorised as if it were not there (its row and column of R are
 * those of the identity).  Returns the number of columns kept.  Polls.
 */
extern int ecml_spd_factor(EcmlCtx *ctx, double *a, int n, size_t ld, const double *floor, bool *drop);

/* b [n] becomes (R'R)^-1 b; 0 at dropped columns.  ecml_spd_forward: R'^-1 b. */
extern void ecml_spd_solve(const double *r, int n, size_t ld, const bool *drop, double *b);
extern void ecml_spd_forward(const double *r, int n, size_t ld, const bool *drop, double *b);

#endif							/* ECML_SPD_H */
