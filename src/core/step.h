/*
 * step.h - training by aggregates over the source: "strategy": "step"
 *
 * Rows stay where they are.  What goes out is a query that holds the present parameters; what comes back is a state, or a few
 * numbers, from each shard: from each leaf of a partitioned table, or from the source as a whole.  postgres_fdw runs such a query
 * on the other side when the server's option "extensions" names ecml.
 */
#ifndef ECML_STEP_H
#define ECML_STEP_H

#include "core/collect.h"
#include "core/model.h"

typedef struct EcmlStepSource
{
	EcmlCtx    *ctx;
	MemoryContext context;
	const EcmlTraining *training;
	char	  **shards;			/* [nshards] as they stand in FROM */
	int			nshards;
	int			n;				/* features: numbers and booleans */
	const char **names;			/* [n] of the columns */
	char	  **columns;		/* [n] expressions of type float8 */
	char	   *target;			/* the same: the number, or 0 and 1 for the classes; NULL: none */
	char	   *complete;		/* condition: no value is NULL */
	double		rows;			/* that are complete */
	double		skipped;
	EcmlColumnMoments *moments; /* [n] of the complete rows */
	double		ones;			/* rows of the second class */
} EcmlStepSource;

/* The model of a training by steps; SPI must be connected.  columns: what was chosen. */
extern EcmlModel *ecml_step_train(MemoryContext context, const EcmlTraining *training, const char *source, const char *target,
								  ArrayType *features, EcmlColumns *columns);

/* Run SELECT expressions FROM shard AS s WHERE complete, and what follows (or ""), on each shard. */
extern void ecml_step_run(EcmlStepSource *source, const char *expressions, const char *more, EcmlRowFunction row, void *arg);

/* The features of a row, an expression of type float8[]: (x - shift) * scale; shift NULL: as they are. */
extern char *ecml_step_features(const EcmlStepSource *source, const double *shift, const double *scale);

/* Numbers as a literal of type float8[]. */
extern char *ecml_step_numbers(const double *values, int n);

/* Of the aggregates of steps: parameters and rows as they are given, a row beside one before it of so many features. */
extern void ecml_step_check_finite(const double *values, int n, const char *what);
extern void ecml_step_check_row(const double *x, int n, int before);

#endif							/* ECML_STEP_H */
