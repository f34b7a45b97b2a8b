/*
 * train.h - source to stored model
 */
#ifndef ECML_TRAIN_H
#define ECML_TRAIN_H

#include "utils/array.h"
#include "utils/jsonb.h"

#include "core/algorithm.h"

/* What a training did. */
typedef struct EcmlTrained
{
	int			version;
	const EcmlAlgorithm *algorithm;
	int64		rows;
	int64		skipped;
	double		seconds;
	Jsonb	   *metrics;		/* of the training; palloc'd */
} EcmlTrained;

/* Train on the source and store the model as the next version of name: what ecml_train does. */
extern void ecml_train_store(const char *name, const char *algorithm_name, const char *source_text, const char *target,
							 ArrayType *features, Jsonb *options, EcmlTrained *trained);

#endif							/* ECML_TRAIN_H */
