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

/* Both functions of an algorithm's aggregate, by the algorithm's name. */
#define ECML_AGGREGATE_FUNCTIONS(name) \
	PG_FUNCTION_INFO_V1(ecml_##name##_transition); \
	PG_FUNCTION_INFO_V1(ecml_##name##_final); \
	Datum ecml_##name##_transition(PG_FUNCTION_ARGS) { return ecml_aggregate_transition(fcinfo, &ecml_algorithm_##name); } \
	Datum ecml_##name##_final(PG_FUNCTION_ARGS) { return ecml_aggregate_final(fcinfo); }

#endif							/* ECML_AGGREGATE_H */
