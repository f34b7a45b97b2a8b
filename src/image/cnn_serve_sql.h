/*
 * cnn_serve_sql.h - what serving gives to the algorithm
 */
#ifndef ECML_IMAGE_CNN_SERVE_SQL_H
#define ECML_IMAGE_CNN_SERVE_SQL_H

#include "core/json.h"
#include "core/serve.h"
#include "image/cnn.h"

extern bool cnn_serve_predict(EcmlServing *serving, FunctionCallInfo fcinfo, int first, double *out);

/* The embedding of the picture of an argument, out [cnn_embedding_size]; false: NULL. */
extern bool cnn_serve_embedding(EcmlServing *serving, FunctionCallInfo fcinfo, int argument, float *out);

/* The network of a model, or an error that names the function. */
extern const CnnModel *cnn_serve_network(const EcmlServing *serving, const char *function);

/* Of a prediction, for the planner. */
extern double cnn_serve_cost(const EcmlModel *model);

extern void cnn_serve_describe(const EcmlModel *model, EcmlJson *json);

#endif							/* ECML_IMAGE_CNN_SERVE_SQL_H */
