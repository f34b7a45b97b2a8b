/*
 * cnn_serve_sql.h - what serving gives to the algorithm
 */
#ifndef ECML_IMAGE_CNN_SERVE_SQL_H
#define ECML_IMAGE_CNN_SERVE_SQL_H

#include "core/json.h"
#include "core/serve.h"

extern bool cnn_serve_predict(EcmlServing *serving, FunctionCallInfo fcinfo, int first, double *out);
extern void cnn_serve_describe(const EcmlModel *model, EcmlJson *json);

#endif							/* ECML_IMAGE_CNN_SERVE_SQL_H */
