/*
 * anomalies.h - anomalies of a time series: what robust trend and seasons do not explain
 *
 * One series a call, in memory given; nothing is allocated, polled or failed, so that tasks of ecml_parallel_for may call it.
 */
#ifndef ECML_ANOMALIES_H
#define ECML_ANOMALIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "num/stl.h"

typedef enum AnomaliesTransform
{
	ANOMALIES_AUTO,				/* that in which the scatter depends least on the level */
	ANOMALIES_NONE,
	ANOMALIES_SQRT,				/* no value below 0 */
	ANOMALIES_LOG				/* all values above 0 */
} AnomaliesTransform;

typedef enum AnomaliesDirection
{
	ANOMALIES_BOTH,
	ANOMALIES_ABOVE,
	ANOMALIES_BELOW
} AnomaliesDirection;

typedef struct AnomaliesParams
{
	int			nseasons;
	int			seasons[ECML_MSTL_PERIODS]; /* ascending, >= 2; those without two cycles are left out */
	bool		given;			/* by the user: false: only seasons that the values bear out are used */
	int			trend;			/* window of the trend, odd; 0: by the seasons, or a tenth of the series */
	double		threshold;		/* score above which a value is an anomaly */
	int			shift;			/* values after which a new level is the normal one; 0: the shortest season, half of one below 24,
								 * 6 at least; < 0: never */
	int			transform;		/* AnomaliesTransform */
	int			direction;		/* AnomaliesDirection */
} AnomaliesParams;

#define ANOMALIES_DEFAULTS {.threshold = 5}

/* Doubles of scratch memory for n values. */
extern size_t anomalies_scratch(const AnomaliesParams *params, int n);

/*
 * y [n], NaN: missing.  Gives, each [n]: expected, lower and upper (the range that is no anomaly), score (robust standard
 * deviations from the expected; NaN where y is missing) and flag.  Without any value all are NaN, and no flag is set.
 * stop: asked now and then, true: what comes out does not matter any more; NULL: never.
 */
extern void anomalies_find(const AnomaliesParams *params, const double *y, int n, double *expected, double *lower,
						   double *upper, double *score, uint8_t *flag, double *scratch,
						   bool (*stop) (const void *arg), const void *arg);

#endif							/* ECML_ANOMALIES_H */
