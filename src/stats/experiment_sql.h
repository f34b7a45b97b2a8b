/*
 * experiment_sql.h - what the functions of experiments share: alternatives, levels, arrays of numbers
 */
#ifndef ECML_EXPERIMENT_SQL_H
#define ECML_EXPERIMENT_SQL_H

#include "postgres.h"
#include "fmgr.h"

#include "stats/groups.h"

/* "two-sided", "less", "greater": the choices of the option "alternative" */
extern const char *const experiment_alternatives[];

/* An error for a level, or another share, that is 0 or 1: the option's range allows them. */
extern void experiment_check_share(const char *option, double share);
static inline void
experiment_check_level(double level)
{
	experiment_check_share("level", level);
}

/* The elements of a float8[]; NULLs as NaN, or an error when they may not be.  palloc'd. */
extern double *experiment_numbers(FunctionCallInfo fcinfo, int argument, const char *what, bool nulls_allowed, int *n);

/* The adjustments of p-values for many tests, ended by NULL, and p [n] adjusted in place; NaN stays and does not count. */
extern const char *const experiment_adjustments[];
extern void experiment_adjust(double *p, int n, int how);

/* The sums in a state of ecml_pair_sums: pairs (x, y), those with a NULL left out. */
extern void experiment_pair_sums(Datum state, Bivariate *sums);

#endif							/* ECML_EXPERIMENT_SQL_H */
