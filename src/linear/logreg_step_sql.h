/*
 * logreg_step_sql.h - logistic regression trained by step aggregates over a source
 */
#ifndef ECML_LOGREG_STEP_SQL_H
#define ECML_LOGREG_STEP_SQL_H

#include "core/step.h"
#include "linear/logreg.h"

extern LogregModel *ecml_logreg_fit_steps(EcmlCtx *ctx, EcmlStepSource *source, int max_iter, double tolerance);

#endif							/* ECML_LOGREG_STEP_SQL_H */
