/*
 * select.h - the kth smallest of an array, without sorting it
 */
#ifndef ECML_SELECT_H
#define ECML_SELECT_H

#include <stddef.h>

/*
 * The kth smallest (from 0) of v [n], n > k.  v is left with it at v[k], what is not greater before, what is not smaller
 * behind.  No NaN.  About 1.5 n comparisons.
 */
extern double ecml_select_f8(double *v, size_t n, size_t k);

/* The median (of an even number: the mean of the two in the middle); n >= 1.  v is put into another order. */
extern double ecml_median_f8(double *v, size_t n);

#endif							/* ECML_SELECT_H */
