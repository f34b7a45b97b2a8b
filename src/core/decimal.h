/*
 * decimal.h - numeric to double, quickly
 */
#ifndef ECML_DECIMAL_H
#define ECML_DECIMAL_H

#include "postgres.h"

#include "num/dd.h"

/* The double nearest to a numeric; beyond the range of doubles infinity; NaN is NaN. */
extern double ecml_decimal_float8(Datum numeric);

/* The same of one that stands in a tuple, neither compressed nor out of line; false: it has too many digits.  For threads. */
extern bool ecml_decimal_quick(const char *numeric, double *value);

/* The same with what the double leaves of it: 31 digits. */
extern EcmlDd ecml_decimal_pair(Datum numeric);

#endif							/* ECML_DECIMAL_H */
