/*
 * decimal.h - numeric to double, quickly
 */
#ifndef ECML_DECIMAL_H
#define ECML_DECIMAL_H

#include "postgres.h"

#include "num/dd.h"

/* The double nearest to a numeric; beyond the range of doubles infinity; NaN is NaN. */
extern double ecml_decimal_float8(Datum numeric);

/* The same with what the double leaves of it: 31 digits. */
extern EcmlDd ecml_decimal_pair(Datum numeric);

#endif							/* ECML_DECIMAL_H */
