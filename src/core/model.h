/*
 * model.h - the type ecml_model: a trained model as one value
 *
 * Bytes, little-endian: "ECML", format version (u16), algorithm id (u16), flags (u32, 0), CRC-32C of all that follows (u32);
 * rows (u64), skipped (u64), seed (u64), options, metrics (JSON texts), schema, payload, calibrator, importance, profile, each
 * with its length (u32) before it; the last three may be empty.
 * Text form: those bytes in hexadecimal.  Reading checks everything: bytes from anywhere are safe.
 */
#ifndef ECML_MODEL_H
#define ECML_MODEL_H

#include "postgres.h"
#include "fmgr.h"

#include "core/algorithm.h"
#include "core/calibrate.h"
#include "core/host.h"
#include "core/profile.h"
#include "core/schema.h"

typedef struct EcmlModel
{
	const EcmlAlgorithm *algorithm;
	EcmlModelTask task;			/* what it does (ecml_model_task) */
	EcmlSchema *schema;
	void	   *fitted;			/* the algorithm's */
	int64		rows;
	int64		skipped;
	uint64		seed;
	char	   *options;		/* JSON text, defaults included */
	char	   *metrics;		/* JSON text */
	double	   *importance;		/* [nfeatures] of a model with contributions: see ecml_importance; NULL: none */
	EcmlCalibrator *calibrator;	/* of a classifier's probabilities; NULL: they stay as they are */
	EcmlProfile *profile;		/* of the rows of training; NULL: none */
	struct EcmlShared *shared;	/* the server's copy, in which what is fitted lies; NULL: that is in context, too */
	MemoryContext context;		/* holds all of it */
	size_t		memory;			/* bytes of it */
	EcmlCtx		ctx;
	EcmlServerHost host;
} EcmlModel;

/* A model without features, in context, for a training of its own (EcmlOwnTraining). */
extern EcmlModel *ecml_model_begin(MemoryContext context, const struct EcmlTraining *training);

/* An error for a model that does not predict from features. */
extern void ecml_model_check_features(const EcmlModel *model);

/* The value; palloc'd. */
extern struct varlena *ecml_model_write(EcmlModel *model);

/* The model of a value, in a context of its own under parent. */
extern EcmlModel *ecml_model_read(struct varlena *value, MemoryContext parent);

/* Of a value that need not be read as a whole: algorithm (NULL: not known) and checksum, as it says. */
extern const EcmlAlgorithm *ecml_model_envelope(Datum value, uint32 *check);

/* Of a value that has been read: all but envelope and payload; palloc'd. */
extern char *ecml_model_rest(const EcmlModel *model, const struct varlena *value, size_t *size);

/* The model of that, into context, with what is fitted from a block (base, size), which the caller checks afterwards. */
extern EcmlModel *ecml_model_open(const EcmlAlgorithm *algorithm, const char *rest, size_t size, EcmlFlat *block,
								  MemoryContext context);

/* Check bytes as ecml_model_read does, keeping nothing. */
extern void ecml_model_verify(struct varlena *value);

/* Prediction for a row of values; x is scratch [schema->nterms].  Not for classifiers of more than two classes. */
extern double ecml_model_predict(const EcmlModel *model, const double *values, double *x);

/* A classifier's probabilities p [schema->nclasses]. */
extern void ecml_model_probabilities(const EcmlModel *model, const double *values, double *x, double *p);

/* How many numbers a prediction has: the probabilities of a classifier, else 1. */
static inline int
ecml_model_outputs(const EcmlModel *model)
{
	return model->task == ECML_CLASSIFICATION ? model->schema->nclasses : 1;
}

#define ECML_PREDICT_ROWS 4096	/* at once, at most */

/* How many rows to predict at once: of wide ones fewer. */
extern int	ecml_model_rows_at_once(const EcmlModel *model);

/*
 * The predictions of n rows of values, row i from values + i * stride on: out [n][outputs].  x: scratch [n][schema->nterms].
 */
extern void ecml_model_predict_rows(const EcmlModel *model, EcmlCtx *ctx, const double *values, size_t stride, int n, double *x,
									double *out);

/*
 * One number that tells what the model makes of a row of values: the prediction; of more than two classes the most probable
 * one.  p is scratch [schema->nclasses].
 */
extern double ecml_model_score(const EcmlModel *model, const double *values, double *x, double *p);

/* Is that number a class's, or a cluster's? */
extern bool ecml_model_score_is_code(const EcmlModel *model);

/* Anomaly detection: "anomaly" or "normal", by a row's score. */
extern const char *ecml_model_anomaly(const EcmlModel *model, double score);

/* The class that is most probable (of two: the second when its probability is at least a half). */
extern int	ecml_model_class(const EcmlModel *model, const double *p);

#define PG_GETARG_ECML_MODEL(n) ((struct varlena *) PG_DETOAST_DATUM(PG_GETARG_DATUM(n)))

#endif							/* ECML_MODEL_H */
