/*
 * evaluate.c - ecml_evaluate: the standard metrics of a model's task on rows
 *
 * Regression: RMSE, MAE, bias, MAPE (rows with target 0 left out), R2 against the mean of the rows evaluated.
 * Without a target the algorithm has its own metrics, on collected rows.
 */
#include "core/compat.h"

#include <math.h>

#include "utils/memutils.h"

#include "core/catalog.h"
#include "core/collect.h"
#include "core/evaluate.h"
#include "core/guc.h"
#include "core/serve.h"
#include "core/source.h"
#include "core/trainer.h"

EcmlEvaluator *
ecml_evaluator_create(MemoryContext context, const EcmlModel *model)
{
	EcmlEvaluator *evaluator = MemoryContextAllocZero(context, sizeof(EcmlEvaluator));

	evaluator->model = model;
	evaluator->terms = MemoryContextAllocHuge(context, (model->schema->nterms + 1) * sizeof(double));
	evaluator->p = MemoryContextAlloc(context, (model->schema->nclasses + 1) * sizeof(double));
	ecml_host_init(&evaluator->ctx, &evaluator->host, context, (size_t) ecml_guc_work_mem * 1024, model->seed);
	if (model->algorithm->target == ECML_TARGET_NONE)
		evaluator->dataset = ecml_dataset_create(&evaluator->ctx, context, model->algorithm->element,
												 model->schema->nfeatures, false, false, true);
	return evaluator;
}

void
ecml_evaluator_row(EcmlEvaluator *evaluator, const double *values, int missing, bool has_y, double y)
{
	const EcmlModel *model = evaluator->model;
	double		error;
	double		delta;

	if ((missing >= 0 && model->schema->missing != ECML_MISSING_IMPUTE) || !has_y)
	{
		evaluator->skipped++;
		return;
	}
	evaluator->rows++;
	if (evaluator->dataset)
	{
		int			wide = ecml_dataset_append(evaluator->dataset, values, 0, 1);

		if (wide >= 0)
			ecml_dataset_overflow(model->schema->features[wide].name, values[wide]);
		return;
	}
	if (model->algorithm->task == ECML_CLASSIFICATION)
	{
		ecml_model_probabilities(model, values, evaluator->terms, evaluator->p);
		evaluator->right += ecml_model_class(model, evaluator->p) == (int) y;
		return;
	}
	error = ecml_model_predict(model, values, evaluator->terms) - y;
	evaluator->sum_error += error;
	evaluator->sum_absolute += fabs(error);
	evaluator->sum_squared += error * error;
	if (y != 0)
	{
		evaluator->sum_percentage += fabs(error / y);
		evaluator->percentage_rows++;
	}
	delta = y - evaluator->y_mean;
	evaluator->y_mean += delta / evaluator->rows;
	evaluator->y_m2 += delta * (y - evaluator->y_mean);
}

void
ecml_evaluator_finish(EcmlEvaluator *evaluator, EcmlJson *json)
{
	const EcmlModel *model = evaluator->model;
	double		n = evaluator->rows;

	if (evaluator->rows == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("there are no rows to evaluate on"),
				 errdetail(INT64_FORMAT " rows were left out because of NULLs.", evaluator->skipped),
				 errhint("Look at what the source gives.")));
	ecml_json_int(json, "rows", evaluator->rows);
	ecml_json_int(json, "skipped", evaluator->skipped);
	if (evaluator->dataset)
	{
		ecml_dataset_complete(evaluator->dataset);
		ecml_dataset_transform(evaluator->dataset, model->schema, NULL, NULL);
		model->algorithm->evaluate(&evaluator->ctx, &evaluator->dataset->data, model->fitted, json);
		ecml_dataset_close(evaluator->dataset);
		return;
	}
	if (model->algorithm->task == ECML_CLASSIFICATION)
	{
		ecml_json_number(json, "accuracy", evaluator->right / n);
		return;
	}
	ecml_json_number(json, "rmse", sqrt(evaluator->sum_squared / n));
	ecml_json_number(json, "mae", evaluator->sum_absolute / n);
	ecml_json_number(json, "bias", evaluator->sum_error / n);
	ecml_json_number(json, "mape", evaluator->percentage_rows > 0 ?
					 evaluator->sum_percentage / evaluator->percentage_rows : NAN);
	ecml_json_number(json, "r2", evaluator->y_m2 > 0 ? 1 - evaluator->sum_squared / evaluator->y_m2 : NAN);
}

typedef struct Evaluation
{
	EcmlEvaluator *evaluator;
	EcmlBinder *binder;
	EcmlTarget *target;			/* NULL: none */
} Evaluation;

static void
evaluate_row(void *arg, TupleTableSlot *slot)
{
	Evaluation *evaluation = arg;
	bool		has_y = true;
	double		y = 0;

	if (evaluation->target)
		has_y = ecml_target_read(evaluation->target, slot->tts_values, slot->tts_isnull, &y);
	if (!ecml_bind_row(evaluation->binder, slot->tts_values, slot->tts_isnull))
		evaluation->evaluator->skipped++;
	else
		ecml_evaluator_row(evaluation->evaluator, evaluation->binder->values, evaluation->binder->missing, has_y, y);
}

typedef struct EvaluateOptions
{
	char	   *target;
} EvaluateOptions;

static const EcmlOption evaluate_options[] = {
	ECML_OPT_TEXT(EvaluateOptions, target, "target"),
	ECML_OPT_END
};

/* ecml_evaluate(model, source text, options jsonb): jsonb */
ECML_MODEL_FUNCTION(ecml_evaluate)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(caller, "ecml evaluation", ALLOCSET_DEFAULT_SIZES);
	EcmlModel  *model = ecml_serving_model(fcinfo, by_name);
	EvaluateOptions options = {NULL};
	EcmlOptionSet set = {evaluate_options, &options};
	EcmlSource	source;
	Evaluation	evaluation = {0};
	EcmlJson   *json;
	Jsonb	   *result;

	if (model == NULL || PG_ARGISNULL(1))
		PG_RETURN_NULL();
	MemoryContextSwitchTo(context);
	ecml_options_parse("ecml_evaluate", PG_ARGISNULL(2) ? NULL : PG_GETARG_JSONB_P(2), &set, 1);
	SPI_connect();
	ecml_source_open(&source, text_to_cstring(PG_GETARG_TEXT_PP(1)));
	evaluation.target = ecml_target_for_model(context, model->algorithm, model->schema, &source, options.target);
	evaluation.binder = ecml_binder_for_columns(context, model->schema, source.desc);
	evaluation.evaluator = ecml_evaluator_create(context, model);
	ecml_source_run(&source, evaluate_row, &evaluation);
	SPI_finish();
	MemoryContextSwitchTo(caller);
	json = ecml_json_object();
	ecml_evaluator_finish(evaluation.evaluator, json);
	result = ecml_json_finish(json);
	MemoryContextDelete(context);
	PG_RETURN_JSONB_P(result);
}
