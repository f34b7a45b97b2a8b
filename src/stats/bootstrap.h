/*
 * bootstrap.h - the Poisson bootstrap of means and ratios: mergeable, in one pass (Chamandy, Muralidharan, Najmi, Naidu 2012)
 *
 * In each replicate a unit counts Poisson(1) times, which for many units is what drawing them with replacement does.  How often
 * is a hash of the unit and the replicate: rows of one unit count alike wherever they are read (so the errors are clustered by
 * units), and states merge by addition.  Sums are double-double, so that the order of the rows does not show.
 *
 * Cost of a row: about a nanosecond a replicate.  Memory: 32 bytes a replicate and group.
 */
#ifndef ECML_BOOTSTRAP_H
#define ECML_BOOTSTRAP_H

#include <stdbool.h>
#include <stdint.h>

#include "num/ctx.h"

#define BOOTSTRAP_MAX 100000

typedef struct BootstrapSums
{
	int64_t		n;				/* rows */
	double	   *sums;			/* [4][replicates + 1]: y hi, y lo, x hi, x lo; the last place holds the sums as they are */
} BootstrapSums;

typedef enum BootstrapInterval
{
	BOOTSTRAP_PERCENTILE,
	BOOTSTRAP_BASIC,
	BOOTSTRAP_NORMAL
} BootstrapInterval;

typedef struct BootstrapParams
{
	int			replicates;
	int64_t		seed;
	int			interval;		/* BootstrapInterval */
	double		level;
} BootstrapParams;

#define BOOTSTRAP_DEFAULTS {.replicates = 1000, .interval = BOOTSTRAP_PERCENTILE, .level = 0.95}

extern void bootstrap_init(EcmlCtx *ctx, BootstrapSums *b, int replicates);

/* A row: y by x (1 of a mean); unit: hash of the unit, with the seed in it. */
extern void bootstrap_add(BootstrapSums *b, int replicates, uint64_t unit, double y, double x);
extern void bootstrap_merge(BootstrapSums *b, const BootstrapSums *other, int replicates);

typedef struct BootstrapResult
{
	double		estimate_a;
	double		estimate_b;		/* NaN of one group */
	double		difference;		/* a - b; of one group the estimate */
	double		std_error;		/* deviation over the replicates */
	double		ci_low;
	double		ci_high;
	double		p_value;		/* of no difference, two-sided: twice the share of replicates beyond 0; NaN of one group */
} BootstrapResult;

/* b: NULL for one group.  Replicates without a unit in a group are left out. */
extern BootstrapResult bootstrap_difference(EcmlCtx *ctx, const BootstrapSums *a, const BootstrapSums *b,
											const BootstrapParams *params);

#endif							/* ECML_BOOTSTRAP_H */
