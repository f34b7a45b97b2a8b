/*
 * uplift.h - is a predicted effect of a treatment worth anything? Bins, Qini curve and coefficient of rows ordered by it
 *
 * Radcliffe 2007: of the share of rows with the greatest predicted uplift that are treated, how much more of the outcome comes
 * than without the treatment, by the controls in the same share.
 */
#ifndef ECML_UPLIFT_H
#define ECML_UPLIFT_H

#include <stdbool.h>

#include "num/ctx.h"

typedef struct UpliftRow
{
	double		score;			/* predicted uplift */
	double		outcome;
	bool		treated;
} UpliftRow;

typedef struct UpliftBin
{
	double		n_treated;
	double		n_control;
	double		predicted;		/* mean score */
	double		treated;		/* mean outcomes */
	double		control;
	double		uplift;			/* their difference */
	double		std_error;
	double		share;			/* of all rows, up to and with this bin */
	double		gain;			/* more outcome for each treated row of all, when these bins alone are treated */
} UpliftBin;

/*
 * Order rows [n] by score, the greatest first, and fill bins [nbins] of (nearly) equal size; rows of one score stay together in
 * the curve.  Returns the Qini coefficient: the area between the curve of gains and the straight line to its end, that is what
 * the order is worth beside chance, in outcome by treated row.  NaN without treated or control rows.
 */
extern double uplift_curve(EcmlCtx *ctx, const UpliftRow *rows, size_t n, UpliftBin *bins, int nbins);

#endif							/* ECML_UPLIFT_H */
