/*
 * evaluate.h - how good a model is on rows: the standard metrics of its task
 */
#ifndef ECML_EVALUATE_H
#define ECML_EVALUATE_H

#include "core/dataset.h"
#include "core/json.h"
#include "core/model.h"
#include "num/metrics.h"

typedef struct EcmlEvaluator
{
	const EcmlModel *model;
	double	   *terms;			/* scratch [most][nterms] */
	int64		rows;
	int64		skipped;
	bool		weighted;
	EcmlNumbers numbers;		/* a number is predicted */

	/* classes */
	double		threshold;		/* of two classes: the second is predicted from it on */
	double	   *p;				/* scratch [most][outputs]: predictions */

	/* rows that wait for their prediction: many at once cost less */
	double	   *values;			/* [npending][nfeatures] */
	double	   *y;				/* [npending] */
	double	   *w;
	int			npending;
	int			most;			/* that may wait */
	int64		unknown;		/* rows whose class the model does not know: they have the number nclasses */
	EcmlScores	scores;			/* of two classes; of anomalies: y says which rows are known to be some */
	double	   *confusion;		/* [nclasses + 1][nclasses + 1] weights, by actual and predicted class */
	double		log_loss;		/* of more: sums over the rows of known classes */
	double		top2;
	double		known;			/* weight of these rows */

	/* anomalies */
	bool		labelled;		/* y is known */
	double		k;				/* precision among the k rows of the greatest scores; 0: as many as are anomalies */

	/* rows that are collected: of the model's features, where the algorithm has its own metrics; of probabilities */
	EcmlDataset *dataset;
	EcmlServerHost host;
	EcmlCtx		ctx;
} EcmlEvaluator;

/* weighted: rows come with weights.  threshold: 0.5 is the one of ecml_classify. */
extern EcmlEvaluator *ecml_evaluator_create(MemoryContext context, const EcmlModel *model);
extern EcmlEvaluator *ecml_evaluator_create_for(MemoryContext context, const EcmlModel *model, bool weighted, double threshold);

/*
 * A row of values by the model's schema; y of a classifier: its class in the schema, -1: one that the model does not know.
 * A weight that is negative or not finite is an error.
 */
extern void ecml_evaluator_add(EcmlEvaluator *evaluator, const double *values, int missing, bool has_y, double y, double weight);

/* A row whose probabilities are known; class as y above. */
extern void ecml_evaluator_probabilities(EcmlEvaluator *evaluator, const double *p, int class, double weight);

static inline void
ecml_evaluator_row(EcmlEvaluator *evaluator, const double *values, int missing, bool has_y, double y)
{
	ecml_evaluator_add(evaluator, values, missing, has_y, y, 1);
}

/* Write the metrics; no usable row is an error. */
extern void ecml_evaluator_finish(EcmlEvaluator *evaluator, EcmlJson *json);

#endif							/* ECML_EVALUATE_H */
