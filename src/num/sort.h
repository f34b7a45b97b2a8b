/*
 * sort.h - sorting arrays of doubles, alone or each with a value beside it
 *
 * A radix sort from the top, each range cut in up to 2048 buckets between its own least and greatest key, down to buckets
 * small enough for insertion: two or three levels for most data, never more than seven.  The order of pairs with equal
 * keys stays.  Beside the array it takes as much memory again, for the time of the call.  Time: about 25 ns a key and 40 ns
 * a pair for a million.
 */
#ifndef ECML_SORT_H
#define ECML_SORT_H

#include "ctx.h"

/* Ascending.  NaN is not allowed; 0 and -0 stand as they please. */
extern void ecml_sort_f8(EcmlCtx *ctx, double *v, size_t n);

/* v [n][2], by the first of each pair; stable.  The second is carried along: a weight, or a row's number (exact to 2^53). */
extern void ecml_sort_f8_pairs(EcmlCtx *ctx, double *v, size_t n);

#endif							/* ECML_SORT_H */
