/*
 * kmeans_step_sql.h - k-means trained by step aggregates over a source
 */
#ifndef ECML_KMEANS_STEP_SQL_H
#define ECML_KMEANS_STEP_SQL_H

#include "cluster/kmeans.h"
#include "core/step.h"

extern KmeansModel *ecml_kmeans_fit_steps(EcmlCtx *ctx, EcmlStepSource *source, const EcmlSchema *schema,
										  const KmeansParams *params);

#endif							/* ECML_KMEANS_STEP_SQL_H */
