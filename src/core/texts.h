/*
 * texts.h - classifiers that learn from texts: training, evaluation and validation over folds; texts of a call
 *
 * A row has one text a feature; values of other types are taken as they are written.  NULL is an empty text; a row whose texts
 * are all NULL is left out of training, and its prediction is NULL.
 */
#ifndef ECML_TEXTS_H
#define ECML_TEXTS_H

#include "core/algorithm.h"
#include "core/evaluate.h"
#include "core/folds.h"
#include "core/result.h"
#include "core/serve.h"
#include "core/validate.h"

/* For EcmlOwnTraining: train, evaluate, predict. */
extern struct EcmlModel *ecml_texts_train(MemoryContext context, const struct EcmlTraining *training, const EcmlRequest *request,
										  void **parts);
extern void ecml_texts_evaluate(const struct EcmlModel *model, int64 model_id, const char *source, Jsonb *options, EcmlJson *json);
extern bool ecml_texts_predict(EcmlServing *serving, FunctionCallInfo fcinfo, int first, double *out);

/* The functions of an aggregate (internal, options jsonb, target "any", VARIADIC texts "any"). */
extern Datum ecml_texts_transition(FunctionCallInfo fcinfo, const EcmlAlgorithm *algorithm);
extern Datum ecml_texts_final(FunctionCallInfo fcinfo);

/* Does the model predict from texts? */
static inline bool
ecml_texts_model(const EcmlModel *model)
{
	return model->algorithm->own && model->algorithm->own->texts;
}

/* What the terms of the row that was bound add to its class's score, as rows of ecml_explain. */
extern void ecml_texts_explain(EcmlServing *serving, EcmlRows *rows);

/* The probabilities of one text for a model of one feature, p [classes], of the serving's memory. */
extern const double *ecml_texts_probabilities_of(EcmlServing *serving, const char *bytes, int length);

/* ---- for validate.c: folds of texts */

/* Hold the rows of a source for its folds, in v->texts. */
extern void ecml_texts_open(EcmlValidation *v, const EcmlFoldOptions *options, const struct EcmlTraining *training, uint64 seed,
							const char *source, const char *target, ArrayType *features, const char *key);

/* A training and its test in a fold, in the current memory context; metrics, or NULL when predictions are asked for. */
extern Jsonb *ecml_texts_fold(EcmlTextFolds *texts, const struct EcmlTraining *training, int repeat, int fold, double share, int64 *rows);

#endif							/* ECML_TEXTS_H */
