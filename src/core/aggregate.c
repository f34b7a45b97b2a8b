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
	int			first = 2 + ecml_target_count(algorithm->target);	/* of every use that options may choose it is one */
	Datum		values[2];
	bool		nulls[2];
	bool		usable;
	bool		has_y = true;
	double		y = 0;

	if (trainer == NULL)
	{
		MemoryContext context = AllocSetContextCreate(ecml_aggregate_context(fcinfo), "ecml aggregate",
													  ALLOCSET_DEFAULT_SIZES);
		MemoryContext old = MemoryContextSwitchTo(context);
		EcmlTraining *training = ecml_training_parse(algorithm, PG_ARGISNULL(1) ? NULL : PG_GETARG_JSONB_P(1), NULL);

		trainer = ecml_trainer_create(context, training, ecml_binder_from_arguments(context, fcinfo, first),
									  ecml_target_arguments(context, training->target, fcinfo, 2), false);
		if (trainer->binder->whole_row && trainer->target)
			ecml_binder_refuse_row(algorithm->name);
		AggRegisterCallback(fcinfo, end_aggregate, PointerGetDatum(trainer));
		MemoryContextSwitchTo(old);
	}
	if (trainer->target)
	{
		for (int i = 2; i < first; i++)
		{
			values[i - 2] = PG_GETARG_DATUM(i);
			nulls[i - 2] = PG_ARGISNULL(i);
		}
		has_y = ecml_target_read(trainer->target, values, nulls, &y);
	}
	usable = ecml_bind_arguments(trainer->binder, NULL, fcinfo, first);
	ecml_trainer_row(trainer, usable, has_y, y, true, 1);
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
