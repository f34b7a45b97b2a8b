/*
 * special.h - the logarithm of the gamma function and its derivative; nodes of Gauss-Legendre quadrature
 *
 * Pure functions of doubles: no state, no errors, safe in threads.
 */
#ifndef ECML_SPECIAL_H
#define ECML_SPECIAL_H

/* ln Gamma(x), x > 0 */
extern double ecml_log_gamma(double x);

/* d/dx ln Gamma(x), x > 0; to 1e-15 of its size, or of 1 near its root at 1.46 */
extern double ecml_digamma(double x);

/* Nodes of n points on [0, 1] and their weights, n >= 1: exact for polynomials of degree 2n - 1. */
extern void ecml_gauss_legendre(int n, double *nodes, double *weights);

#endif							/* ECML_SPECIAL_H */
