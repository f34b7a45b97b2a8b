/*
 * dist_tail.h - the incomplete gamma and beta functions behind dist.h, in long double
 *
 * Both distributions are seen in the coordinate w in which they have no edge: w = ln x for gamma, w = ln(x / (1 - x))
 * for beta.  There the densities are x^a e^-x / Gamma(a) and x^a (1-x)^b / B(a, b), and the logarithms of the density
 * and of both tails are concave.  A tail is held as the logarithm of the density times the ratio tail / density, so that
 * it cannot underflow, and the ratio is at once what Newton's method for ln(tail) asks for.
 */
#ifndef ECML_DIST_TAIL_H
#define ECML_DIST_TAIL_H

#include <stdbool.h>

typedef struct DistTail
{
	bool		lower;			/* the tail held is P(X <= x); the other one is 1 less it */
	long double log_density;	/* of w */
	long double ratio;			/* tail / density */
} DistTail;

extern long double dist_stirling(long double z);	/* ln Gamma(z) - ((z - 1/2) ln z - z + ln(2 pi) / 2), z > 0 */
extern long double dist_log_gamma_density(long double a, long double x);
extern long double dist_log_beta_density(long double a, long double b, long double x, long double y);

/* x > 0 and finite; x + y = 1, both > 0 and each known to full relative accuracy */
extern DistTail dist_gamma_tail(long double a, long double x);
extern DistTail dist_beta_tail(long double a, long double b, long double x, long double y);
extern long double dist_tail_value(DistTail tail, bool lower);

/* Inverses: p + q = 1, both > 0, each known to full relative accuracy.  They give w. */
extern long double dist_normal_inverse(long double p, long double q);
extern long double dist_gamma_inverse(long double a, long double p, long double q);
extern long double dist_beta_inverse(long double a, long double b, long double p, long double q);
extern long double dist_beta_inverse_from(long double a, long double b, long double p, long double q, long double w);

#endif							/* ECML_DIST_TAIL_H */
