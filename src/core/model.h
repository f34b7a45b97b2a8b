/*
 * model.h - the type ecml_model: a trained model as one value
 *
 * Bytes, little-endian: "ECML", format version (u16), algorithm id (u16), flags (u32, 0), CRC-32C of all that follows (u32);
 * rows (u64), skipped (u64), seed (u64), options, metrics (JSON texts), schema, payload, each with its length (u32) before it.
 * Text form: those bytes in hexadecimal.  Reading checks everything: bytes from anywhere are safe.
 */
#ifndef ECML_MODEL_H
#define ECML_MODEL_H

#include "postgres.h"
#include "fmgr.h"

#include "core/algorithm.h"
#include "core/host.h"
#include "core/schema.h"

typedef struct EcmlModel
{
	const EcmlAlgorithm *algorithm;
	EcmlSchema *schema;
	void	   *fitted;			/* the algorithm's */
	int64		rows;
	int64		skipped;
	uint64		seed;
	char	   *options;		/* JSON text, defaults included */
	char	   *metrics;		/* JSON text */
	MemoryContext context;		/* holds all of it */
	size_t		memory;			/* bytes of it */
	EcmlCtx		ctx;
	EcmlServerHost host;
} EcmlModel;

/* The value; palloc'd. */
extern struct varlena *ecml_model_write(EcmlModel *model);

/* The model of a value, in a context of its own under parent. */
extern EcmlModel *ecml_model_read(struct varlena *value, MemoryContext parent);

/* Check bytes as ecml_model_read does, keeping nothing. */
extern void ecml_model_verify(struct varlena *value);

/* Prediction for a row of values; x is scratch [schema->nterms].  Not for classifiers of more than two classes. */
extern double ecml_model_predict(const EcmlModel *model, const double *values, double *x);

/* A classifier's probabilities p [schema->nclasses]. */
extern void ecml_model_probabilities(const EcmlModel *model, const double *values, double *x, double *p);

/* The class that is most probable (of two: the second when its probability is above a half). */
extern int	ecml_model_class(const EcmlModel *model, const double *p);

#define PG_GETARG_ECML_MODEL(n) ((struct varlena *) PG_DETOAST_DATUM(PG_GETARG_DATUM(n)))

#endif							/* ECML_MODEL_H */
