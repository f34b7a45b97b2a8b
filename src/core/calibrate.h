/*
 * calibrate.h - probabilities of a classifier that are as often right as they say: option "calibration"
 *
 * Scores of rows that the model has not seen (stratified folds of the training) teach a calibration for each class (of two
 * classes: for the second); the model itself is trained on all rows.  Of more than two classes the calibrated probabilities are
 * divided by their sum, as scikit-learn's CalibratedClassifierCV(ensemble=False) does.
 */
#ifndef ECML_CALIBRATE_H
#define ECML_CALIBRATE_H

#include "postgres.h"

#include "core/json.h"
#include "core/schema.h"
#include "num/calibration.h"

struct EcmlTraining;
struct EcmlPrepared;

typedef struct EcmlCalibrator
{
	int			n;				/* 1 for two classes, else their number */
	EcmlCalibration **of;		/* [n] */
	/* out of fold, one class against the rest (mean over the classes), before and after */
	double		brier[2];
	double		log_loss[2];
	double		ece[2];
} EcmlCalibrator;

/* Of the rows that were prepared; ctx: for what it keeps. */
extern EcmlCalibrator *ecml_calibrator_learn(EcmlCtx *ctx, const struct EcmlPrepared *prepared, const struct EcmlTraining *training);

/* Probabilities p [nclasses], in place. */
extern void ecml_calibrator_apply(const EcmlCalibrator *calibrator, double *p);

/* The probability of the second of two classes. */
extern double ecml_calibrator_apply_one(const EcmlCalibrator *calibrator, double p);

extern void ecml_calibrator_metrics(const EcmlCalibrator *calibrator, EcmlJson *json);
extern void ecml_calibrator_write(EcmlWriter *w, const EcmlCalibrator *calibrator);
extern EcmlCalibrator *ecml_calibrator_read(EcmlReader *r, int nclasses);

#endif							/* ECML_CALIBRATE_H */
