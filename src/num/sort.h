/*
 * sort.h - sorting arrays of doubles, alone or each with a value beside it
 *
 * A radix sort from the least digit on (11 bits, 6 passes; passes in which all keys agree are left out): the time grows with
 * n alone, about 10 ns a key and 20 ns a pair for a million, and the order of pairs with equal keys stays.  Beside the array
 * it takes as much memory again, for the time of the call.  Below 64 elements: by insertion.
 */
#ifndef ECML_SORT_H
#define ECML_SORT_H

#include "ctx.h"

/* Ascending; -0 before 0.  NaN is not allowed. */
extern void ecml_sort_f8(EcmlCtx *ctx, double *v, size_t n);

/* v [n][2], by the first of each pair; stable.  The second is carried along: a weight, or a row's number (exact to 2^53). */
extern void ecml_sort_f8_pairs(EcmlCtx *ctx, double *v, size_t n);

#endif							/* ECML_SORT_H */
