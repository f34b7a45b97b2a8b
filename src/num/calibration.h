/*
 * calibration.h - from scores to probabilities that are as often right as they say
 *
 * Sigmoid: p = 1 / (1 + exp(a score + b)), two parameters (Platt 1999, with his smoothed targets, solved as Lin, Lin and
 * Weng 2007).  Isotonic: the non-decreasing function nearest to the outcomes, by pooling adjacent violators (Ayer et al.
 * 1955), with a straight line between the scores met and the end values beyond them; it needs a thousand rows or more.
 * Both as in scikit-learn.
 */
#ifndef ECML_CALIBRATION_H
#define ECML_CALIBRATION_H

#include "metrics.h"

typedef enum EcmlCalibrationMethod	/* in models' bytes */
{
	ECML_CALIBRATION_NONE,
	ECML_CALIBRATION_SIGMOID,
	ECML_CALIBRATION_ISOTONIC
} EcmlCalibrationMethod;

typedef struct EcmlCalibration
{
	EcmlCalibrationMethod method;
	double		a;				/* sigmoid; a < 0 where higher scores mean positive */
	double		b;
	uint32_t	n;				/* isotonic: knots */
	double	   *x;				/* [n] increasing */
	double	   *y;				/* [n] non-decreasing, in [0, 1] */
} EcmlCalibration;

/* Learn from sorted scores, which need not be probabilities.  No rows: ECML_DATA_EXCEPTION.  Owned by ctx. */
extern EcmlCalibration *ecml_calibration_fit(EcmlCtx *ctx, const EcmlScores *s, EcmlCalibrationMethod method);

/* The probability of the positive class; the score itself without a method.  NaN gives NaN. */
extern double ecml_calibration_apply(const EcmlCalibration *c, double score);

extern void ecml_calibration_write(EcmlWriter *w, const EcmlCalibration *c);
extern EcmlCalibration *ecml_calibration_read(EcmlReader *r);	/* checks everything */

#endif							/* ECML_CALIBRATION_H */
