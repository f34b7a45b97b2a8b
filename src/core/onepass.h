/*
 * onepass.h - aggregates of one-pass algorithms: a state type (state.h) that holds a trainer
 *
 * States merge in a combine function, whatever categories each has met.
 */
#ifndef ECML_ONEPASS_H
#define ECML_ONEPASS_H

#include "postgres.h"
#include "fmgr.h"

#include "core/algorithm.h"
#include "core/state.h"

/* For the type of the state of an algorithm's aggregates; its arg is the algorithm. */
extern void ecml_onepass_write(EcmlWriter *w, void *content);
extern void *ecml_onepass_read(EcmlReader *r, MemoryContext context, const void *algorithm);

#define ECML_ONEPASS_TYPE(algorithm, label) \
	{.name = label, .write = ecml_onepass_write, .read = ecml_onepass_read, .arg = (algorithm)}

/*
 * transition(state, [options jsonb,] y float8, features): options and target are the numbers of these arguments (0: no
 * options); plain: the features are one float8[], so that the caller need not give types.
 */
extern Datum ecml_onepass_transition(FunctionCallInfo fcinfo, const EcmlStateType *type, int options, int target, bool plain);
/* transition(state, names text[], options jsonb, VARIADIC target and features): see EcmlOnePass.aggregate */
extern Datum ecml_onepass_rows(FunctionCallInfo fcinfo, const EcmlStateType *type);

extern Datum ecml_onepass_combine(FunctionCallInfo fcinfo, const EcmlStateType *type);
extern Datum ecml_onepass_final(FunctionCallInfo fcinfo, const EcmlStateType *type);	/* NULL without rows */

#endif							/* ECML_ONEPASS_H */
