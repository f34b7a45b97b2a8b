/*
 * decompose.h - classical decomposition, and the test of whether there is a season
 */
#ifndef ECML_FORECAST_DECOMPOSE_H
#define ECML_FORECAST_DECOMPOSE_H

#include <stdbool.h>

/*
 * Is the autocorrelation at lag m beyond chance, at the 90 % level of Bartlett's formula?  y has no missing values.  The test
 * of the M3 and M4 competitions.
 */
extern bool forecast_is_seasonal(const double *y, int n, int m);

/*
 * Seasonal indices [m] by averages of differences from (multiplicative: ratios to) a centred moving average; their sum is 0,
 * or m.  index i belongs to y[i], y[i + m], ...  False: there is not one whole year of averages, or an index is below 0.01.
 */
extern bool forecast_seasonal_indices(const double *y, int n, int m, bool multiplicative, double *indices);

/* y with missing values put in on straight lines between neighbours; ends are repeated.  Gives the number of values. */
extern int	forecast_interpolate(const double *y, int n, double *filled);

#endif							/* ECML_FORECAST_DECOMPOSE_H */
