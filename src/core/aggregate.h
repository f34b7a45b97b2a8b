/*
 * aggregate.h - aggregates of algorithms that collect their rows: a model per group
 */
#ifndef ECML_AGGREGATE_H
#define ECML_AGGREGATE_H

#include "postgres.h"
#include "fmgr.h"

#include "core/algorithm.h"

/* transition(internal, options jsonb, [target "any", [event,]] VARIADIC "any") */
extern Datum ecml_aggregate_transition(FunctionCallInfo fcinfo, const EcmlAlgorithm *algorithm);

/* final(internal): ecml_model; NULL without rows */
extern Datum ecml_aggregate_final(FunctionCallInfo fcinfo);

#endif							/* ECML_AGGREGATE_H */
