/*
 * metrics.h - metrics as jsonb: what ecml_evaluate and ecml_metrics both say of a task
 */
#ifndef ECML_CORE_METRICS_H
#define ECML_CORE_METRICS_H

#include "postgres.h"

#include "core/json.h"
#include "num/metrics.h"

/* The name that rows get whose class the model does not know. */
#define ECML_OTHER_CLASS "(other)"

/*
 * Two classes by the scores of the second.  other: weight of rows of neither class, by whether they are predicted as the
 * second; they are errors of accuracy, precision, F1 and Matthews, and in the confusion matrix; no part of the rest.
 */
extern void ecml_metrics_scores(EcmlJson *json, EcmlCtx *ctx, EcmlScores *scores, double threshold,
								const char *const *classes, const double *other);

/* Labels: confusion [k][k], rows the actual classes, columns the predicted ones. */
extern void ecml_metrics_labels(EcmlJson *json, const double *confusion, int k, const char *const *classes);

/*
 * Scores of anomalies, of which those above the threshold are taken for some.  labelled: the rows of the one list are known to be
 * anomalies; k: how many of the greatest scores would be looked at (0: as many as are known).
 */
extern void ecml_metrics_anomalies(EcmlJson *json, EcmlCtx *ctx, EcmlScores *scores, double threshold, bool labelled, double k);

extern void ecml_metrics_numbers(EcmlJson *json, EcmlCtx *ctx, const EcmlNumbers *numbers);

#endif							/* ECML_CORE_METRICS_H */
