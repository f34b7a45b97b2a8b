/*
 * inspect.h - what the functions that look into a model share
 */
#ifndef ECML_INSPECT_H
#define ECML_INSPECT_H

#include "core/host.h"
#include "core/model.h"
#include "core/target.h"
#include "num/rowsample.h"

/* The error for a model that is not what a function needs; hint: what else there is. */
extern void ecml_inspect_refuse(const EcmlModel *model, const char *function, const char *need,
								bool (*which) (const EcmlAlgorithm *algorithm), const char *hint);

/* Rows of a source that a model can predict: an even sample of them, in their order. */
typedef struct EcmlSourceRows
{
	MemoryContext context;		/* of all of it */
	EcmlCtx		ctx;
	EcmlServerHost host;
	EcmlRowSample *sample;		/* the features' values, then the target */
	int64		skipped;		/* rows that lack a value that is needed */
} EcmlSourceRows;

/*
 * Read the source, at most limit rows into memory; SPI must be connected.  target: its column, or NULL: that of the model.
 * Without with_target the source need not have it.  No row is an error.
 */
extern EcmlSourceRows *ecml_inspect_rows(MemoryContext context, const EcmlModel *model, const char *source, bool with_target,
										 const char *target, int limit);

/* A feature's value as text: a category's label, a time, a number; palloc'd. */
extern char *ecml_inspect_label(const EcmlFeature *feature, double value);

#endif							/* ECML_INSPECT_H */
