/*
 * evaluate.h - how good a model is on rows: the standard metrics of its task
 */
#ifndef ECML_EVALUATE_H
#define ECML_EVALUATE_H

#include "core/dataset.h"
#include "core/json.h"
#include "core/model.h"

typedef struct EcmlEvaluator
{
	const EcmlModel *model;
	double	   *terms;			/* scratch */
	int64		rows;
	int64		skipped;
	/* with a target */
	double		sum_error;
	double		sum_absolute;
	double		sum_squared;
	double		sum_percentage;
	int64		percentage_rows;	/* target not 0 */
	double		y_mean;
	double		y_m2;
	double	   *p;				/* scratch: probabilities of the classes */
	double		right;			/* rows whose class is found */
	/* without: rows are collected */
	EcmlDataset *dataset;
	EcmlServerHost host;
	EcmlCtx		ctx;
} EcmlEvaluator;

extern EcmlEvaluator *ecml_evaluator_create(MemoryContext context, const EcmlModel *model);

/* A row of values by the model's schema; y of a classifier: its class in the schema, -1: one that the model does not know. */
extern void ecml_evaluator_row(EcmlEvaluator *evaluator, const double *values, int missing, bool has_y, double y);

/* Write the metrics; no usable row is an error. */
extern void ecml_evaluator_finish(EcmlEvaluator *evaluator, EcmlJson *json);

#endif							/* ECML_EVALUATE_H */
