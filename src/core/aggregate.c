/*
 * aggregate.c - aggregates of algorithms that collect their rows
 *
 * The state is a trainer in the aggregate's memory.  Rows cannot be merged from parallel workers in a fixed order, so
 * there is no combine function; the scan below may still be parallel.
 */
#include "core/compat.h"

#include "utils/memutils.h"

#include "core/aggregate.h"
#include "core/state.h"
#include "core/trainer.h"

/* The aggregate's memory goes: called when it is rescanned, or ends, but not after an error. */
static void
end_aggregate(Datum trainer)
{
	ecml_trainer_close((EcmlTrainer *) DatumGetPointer(trainer));
}

Datum
ecml_aggregate_transition(FunctionCallInfo fcinfo, const EcmlAlgorithm *algorithm)
{
	EcmlTrainer *trainer = PG_ARGISNULL(0) ? NULL : (EcmlTrainer *) PG_GETARG_POINTER(0);
	bool		usable;

	if (trainer == NULL)
	{
		MemoryContext context = AllocSetContextCreate(ecml_aggregate_context(fcinfo), "ecml aggregate",
													  ALLOCSET_DEFAULT_SIZES);
		MemoryContext old = MemoryContextSwitchTo(context);
		EcmlTraining *training = ecml_training_parse(algorithm, PG_ARGISNULL(1) ? NULL : PG_GETARG_JSONB_P(1), NULL);

		trainer = ecml_trainer_create(context, training, ecml_binder_from_arguments(context, fcinfo, 2), "", false);
		AggRegisterCallback(fcinfo, end_aggregate, PointerGetDatum(trainer));
		MemoryContextSwitchTo(old);
	}
	usable = ecml_bind_arguments(trainer->binder, NULL, fcinfo, 2);
	ecml_trainer_row(trainer, usable, true, 0, true, 1);
	PG_RETURN_POINTER(trainer);
}

Datum
ecml_aggregate_final(FunctionCallInfo fcinfo)
{
	EcmlTrainer *trainer = PG_ARGISNULL(0) ? NULL : (EcmlTrainer *) PG_GETARG_POINTER(0);

	(void) ecml_aggregate_context(fcinfo);
	if (trainer == NULL || trainer->rows == 0)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(ecml_model_write(ecml_trainer_finish(trainer)));
}
