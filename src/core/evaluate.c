/*
 * evaluate.c - ecml_evaluate: the standard metrics of a model's task on rows
 *
 * Numbers and labels are summed as they come.  Of two classes the scores are kept, 8 bytes a row (16 with weights), within
 * ecml.work_mem.  Of more classes all probabilities are, for the areas under the curves, as a dataset: beyond
 * ecml.work_mem they go to a temporary file, and only the scores of one class at a time must fit.  So are the rows
 * themselves, where the algorithm has its own metrics (clusters, survival).
 *
 * Of anomaly detection the scores are kept as of two classes: with labels the one are the rows known to be anomalies.
 *
 * A row whose class the model does not know is an error of what it predicts there; its probability is not defined, and it is
 * left out of log loss and curves.
 */
#include "core/compat.h"

#include <math.h>

#include "utils/memutils.h"

#include "core/catalog.h"
#include "core/collect.h"
#include "core/evaluate.h"
#include "core/guc.h"
#include "core/metrics.h"
#include "core/serve.h"
#include "core/source.h"
#include "core/trainer.h"

#define CURVE_CLASSES 100		/* with more classes there is no area under their curves */

EcmlEvaluator *
ecml_evaluator_create_for(MemoryContext context, const EcmlModel *model, bool weighted, double threshold)
{
	EcmlEvaluator *evaluator = MemoryContextAllocZero(context, sizeof(EcmlEvaluator));
	const EcmlAlgorithm *algorithm = model->algorithm;
	int			k = model->schema->nclasses;

	evaluator->model = model;
	evaluator->weighted = weighted;
	evaluator->threshold = threshold;
	evaluator->most = ecml_model_rows_at_once(model);
	evaluator->terms = MemoryContextAllocHuge(context, (Size) evaluator->most * (model->schema->nterms + 1) * sizeof(double));
	evaluator->values = MemoryContextAllocHuge(context, (Size) evaluator->most * (model->schema->nfeatures + 1) * sizeof(double));
	evaluator->p = MemoryContextAlloc(context, evaluator->most * (k + 1) * sizeof(double));
	evaluator->y = MemoryContextAlloc(context, evaluator->most * sizeof(double));
	evaluator->w = MemoryContextAlloc(context, evaluator->most * sizeof(double));
	ecml_host_init(&evaluator->ctx, &evaluator->host, context, (size_t) ecml_guc_work_mem * 1024, model->seed);
	if (algorithm->evaluate)
		evaluator->dataset = ecml_dataset_create(&evaluator->ctx, context, algorithm->element, model->schema->nfeatures,
												 algorithm->target != ECML_TARGET_NONE, weighted,
												 algorithm->element == ECML_F4);
	else if (model->task == ECML_ANOMALY)
		ecml_scores_init(&evaluator->scores, weighted);
	else if (model->task == ECML_CLASSIFICATION)
	{
		evaluator->confusion = ECML_NEW0(&evaluator->ctx, double, (size_t) (k + 1) * (k + 1));
		ecml_scores_init(&evaluator->scores, weighted);
		if (k > 2 && k <= CURVE_CLASSES)
			evaluator->dataset = ecml_dataset_create(&evaluator->ctx, context, ECML_F8, k, true, weighted, false);
	}
	return evaluator;
}

EcmlEvaluator *
ecml_evaluator_create(MemoryContext context, const EcmlModel *model)
{
	return ecml_evaluator_create_for(context, model, false, 0.5);
}

static void
add_class(EcmlEvaluator *evaluator, const double *p, int class, double weight)
{
	const EcmlModel *model = evaluator->model;
	int			k = model->schema->nclasses;
	int			predicted;

	predicted = k == 2 ? p[1] >= evaluator->threshold : ecml_model_class(model, p);
	evaluator->confusion[(size_t) (class < 0 ? k : class) * (k + 1) + predicted] += weight;
	if (class < 0)
	{
		evaluator->unknown++;
		return;
	}
	if (k == 2)
	{
		ecml_scores_add(&evaluator->ctx, &evaluator->scores, class == 1, p[1], weight);
		return;
	}
	evaluator->known += weight;
	evaluator->log_loss += weight * ecml_log_loss(p[class]);
	evaluator->top2 += ecml_in_top2(p, k, class) ? weight : 0;
	if (evaluator->dataset)
		(void) ecml_dataset_append(evaluator->dataset, p, class, weight);
}

void
ecml_evaluator_probabilities(EcmlEvaluator *evaluator, const double *p, int class, double weight)
{
	evaluator->rows++;
	add_class(evaluator, p, class, weight);
}

/* Predict the rows that wait. */
static void
predict_pending(EcmlEvaluator *evaluator)
{
	const EcmlModel *model = evaluator->model;
	int			outputs = ecml_model_outputs(model);

	ecml_model_predict_rows(model, &evaluator->ctx, evaluator->values, model->schema->nfeatures, evaluator->npending, evaluator->terms,
							evaluator->p);
	for (int i = 0; i < evaluator->npending; i++)
	{
		const double *p = evaluator->p + (size_t) i * outputs;

		if (model->task == ECML_CLASSIFICATION)
			add_class(evaluator, p, (int) evaluator->y[i], evaluator->w[i]);
		else if (model->task == ECML_ANOMALY)
			ecml_scores_add(&evaluator->ctx, &evaluator->scores, evaluator->labelled && evaluator->y[i] != 0, *p,
							evaluator->w[i]);
		else
			ecml_numbers_add(&evaluator->ctx, &evaluator->numbers, evaluator->y[i], *p, evaluator->w[i]);
	}
	evaluator->npending = 0;
}

void
ecml_evaluator_add(EcmlEvaluator *evaluator, const double *values, int missing, bool has_y, double y, double weight)
{
	const EcmlModel *model = evaluator->model;

	if (missing >= 0 && model->schema->missing == ECML_MISSING_ERROR)
		ecml_missing_error(psprintf("column \"%s\"", model->schema->features[missing].name));
	if ((missing >= 0 && !ecml_missing_used(model->schema->missing)) || !has_y)
	{
		evaluator->skipped++;
		return;
	}
	if (evaluator->weighted)
		ecml_trainer_check_weight(weight);
	if (weight == 0)
	{
		evaluator->skipped++;
		return;
	}
	evaluator->rows++;
	if (model->algorithm->evaluate)
	{
		int			wide = ecml_dataset_append(evaluator->dataset, values, y, weight);

		if (wide >= 0)
			ecml_dataset_overflow(model->schema->features[wide].name, values[wide]);
	}
	else
	{
		int			at = evaluator->npending++;

		memcpy(evaluator->values + (size_t) at * model->schema->nfeatures, values, model->schema->nfeatures * sizeof(double));
		evaluator->y[at] = y;
		evaluator->w[at] = weight;
		if (evaluator->npending == evaluator->most)
			predict_pending(evaluator);
	}
}

/* The mean over the classes of the area under the curve of each against all others; NaN when one has no rows. */
static double
mean_auc(EcmlEvaluator *evaluator)
{
	EcmlCtx    *ctx = &evaluator->ctx;
	EcmlData   *data = &evaluator->dataset->data;
	int			k = evaluator->model->schema->nclasses;
	double		sum = 0;

	ecml_dataset_complete(evaluator->dataset);
	for (int c = 0; c < k; c++)
	{
		EcmlScores	scores;
		EcmlBlock	blocks[ECML_FETCH];
		EcmlBinaryMetrics m;
		size_t		got;

		ecml_scores_init(&scores, evaluator->weighted);
		for (size_t b = 0; b < data->nblocks; b += got)
		{
			got = ecml_data_fetch(ctx, data, b, blocks, ECML_FETCH);
			for (size_t i = 0; i < got; i++)
				for (int row = 0; row < blocks[i].rows; row++)
					ecml_scores_add(ctx, &scores, blocks[i].y[row] == c, ECML_BLOCK_F8(&blocks[i], c)[row],
									blocks[i].w ? blocks[i].w[row] : 1);
		}
		ecml_scores_sort(ctx, &scores);
		ecml_scores_metrics(ctx, &scores, 0.5, &m);
		ecml_scores_free(ctx, &scores);
		sum += m.roc_auc;
	}
	return sum / k;
}

static void
finish_classes(EcmlEvaluator *evaluator, EcmlJson *json)
{
	const EcmlSchema *schema = evaluator->model->schema;
	double	   *confusion = evaluator->confusion;
	int			k = schema->nclasses;
	const char **names = palloc((k + 1) * sizeof(char *));

	memcpy(names, schema->classes, k * sizeof(char *));
	names[k] = ECML_OTHER_CLASS;
	ecml_json_int(json, "unknown_class", evaluator->unknown);
	if (k == 2)
	{
		ecml_metrics_scores(json, &evaluator->ctx, &evaluator->scores, evaluator->threshold, names, &confusion[2 * 3]);
		return;
	}
	if (evaluator->unknown == 0)
		for (int i = 1; i < k; i++)
			memmove(confusion + (size_t) i * k, confusion + (size_t) i * (k + 1), k * sizeof(double));
	ecml_metrics_labels(json, confusion, evaluator->unknown == 0 ? k : k + 1, names);
	ecml_json_number(json, "log_loss", evaluator->log_loss / evaluator->known);
	ecml_json_number(json, "top2_accuracy", evaluator->top2 / evaluator->known);
	ecml_json_number(json, "roc_auc_ovr", evaluator->dataset && evaluator->known > 0 ? mean_auc(evaluator) : NAN);
}

void
ecml_evaluator_finish(EcmlEvaluator *evaluator, EcmlJson *json)
{
	const EcmlModel *model = evaluator->model;

	if (evaluator->rows == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("there are no rows to evaluate on"),
				 errdetail(evaluator->weighted ? "Rows left out because of NULLs or a weight of 0: " INT64_FORMAT "." :
						   "Rows left out because of NULLs: " INT64_FORMAT ".", evaluator->skipped),
				 errhint("Look at what the source gives.")));
	if (evaluator->npending > 0)
		predict_pending(evaluator);
	ecml_json_int(json, "rows", evaluator->rows);
	ecml_json_int(json, "skipped", evaluator->skipped);
	if (model->algorithm->evaluate)
	{
		ecml_dataset_complete(evaluator->dataset);
		ecml_dataset_transform(evaluator->dataset, model->schema, NULL, NULL);
		model->algorithm->evaluate(&evaluator->ctx, &evaluator->dataset->data, model->fitted, json);
	}
	else if (model->task == ECML_CLASSIFICATION)
		finish_classes(evaluator, json);
	else if (model->task == ECML_ANOMALY)
		ecml_metrics_anomalies(json, &evaluator->ctx, &evaluator->scores, evaluator->threshold, evaluator->labelled, evaluator->k);
	else
		ecml_metrics_numbers(json, &evaluator->ctx, &evaluator->numbers);
	if (evaluator->dataset)
		ecml_dataset_close(evaluator->dataset);
}

typedef struct Evaluation
{
	EcmlEvaluator *evaluator;
	EcmlBinder *binder;
	EcmlTarget *target;			/* NULL: none */
	EcmlInput  *weight;			/* NULL: none */
	EcmlInput  *label;			/* of anomalies; NULL: not known */
} Evaluation;

static void
evaluate_row(void *arg, TupleTableSlot *slot)
{
	Evaluation *evaluation = arg;
	bool		has_y = true;
	bool		has_w = true;
	double		y = 0;
	double		w = 1;

	if (evaluation->target)
		has_y = ecml_target_read(evaluation->target, slot->tts_values, slot->tts_isnull, &y);
	if (evaluation->label)
	{
		has_y = ecml_number_read(evaluation->label, slot, "label", &y);
		if (has_y && y != 0 && y != 1)
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("label column \"%s\" holds a value that is neither 0 nor 1", evaluation->label->name),
					 errdetail("A row has %g there.", y),
					 errhint("1, or true: the row is known to be an anomaly; 0, or false: it is known to be none.")));
	}
	if (evaluation->weight)
		has_w = ecml_number_read(evaluation->weight, slot, "weight", &w);
	if (!ecml_bind_row(evaluation->binder, slot->tts_values, slot->tts_isnull) || !has_w)
		evaluation->evaluator->skipped++;
	else
		ecml_evaluator_add(evaluation->evaluator, evaluation->binder->values, evaluation->binder->missing, has_y, y, w);
}

typedef struct EvaluateOptions
{
	char	   *target;
	char	   *sample_weight;
	double		threshold;
	char	   *label;
	int64		k;				/* 0: the number of known anomalies */
} EvaluateOptions;

static const EcmlOption evaluate_options[] = {
	ECML_OPT_TEXT(EvaluateOptions, target, "target"),
	ECML_OPT_TEXT(EvaluateOptions, sample_weight, "sample_weight"),
	ECML_OPT_ALIAS_TEXT(EvaluateOptions, sample_weight, "weights"),
	ECML_OPT_FLOAT(EvaluateOptions, threshold, "threshold", 0, 1),
	ECML_OPT_END
};

static const EcmlOption anomaly_options[] = {
	ECML_OPT_TEXT(EvaluateOptions, label, "label"),
	ECML_OPT_INT64(EvaluateOptions, k, "k", 1, 9007199254740992.0),
	ECML_OPT_TEXT(EvaluateOptions, sample_weight, "sample_weight"),
	ECML_OPT_ALIAS_TEXT(EvaluateOptions, sample_weight, "weights"),
	ECML_OPT_FLOAT(EvaluateOptions, threshold, "threshold", -INFINITY, INFINITY),
	ECML_OPT_END
};

/* ecml_evaluate(model, source text, options jsonb): jsonb */
ECML_MODEL_FUNCTION(ecml_evaluate)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(caller, "ecml evaluation", ALLOCSET_DEFAULT_SIZES);
	EcmlServing *serving = ecml_serving(fcinfo, by_name);
	EcmlModel  *model = serving ? serving->model : NULL;
	EvaluateOptions options = {.threshold = 0.5};
	EcmlOptionSet set = {evaluate_options, &options};
	EcmlSource	source;
	Evaluation	evaluation = {0};
	EcmlJson   *json;
	Jsonb	   *result;

	if (model == NULL || PG_ARGISNULL(1))
		PG_RETURN_NULL();
	if (model->algorithm->own)
	{
		json = ecml_json_object();
		model->algorithm->own->evaluate(model, by_name ? serving->model_id : 0, text_to_cstring(PG_GETARG_TEXT_PP(1)),
										PG_ARGISNULL(2) ? NULL : PG_GETARG_JSONB_P(2), json);
		PG_RETURN_JSONB_P(ecml_json_finish(json));
	}
	MemoryContextSwitchTo(context);
	if (model->task == ECML_ANOMALY)
	{
		set.options = anomaly_options;
		options.threshold = model->algorithm->threshold(model->fitted);
	}
	ecml_options_parse("ecml_evaluate", PG_ARGISNULL(2) ? NULL : PG_GETARG_JSONB_P(2), &set, 1);
	if (options.k > 0 && options.label == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"k\" needs a label"),
				 errdetail("The precision among the first k rows is the share of known anomalies there."),
				 errhint("Name the column that knows them, as in '{\"label\": \"is_fraud\", \"k\": 100}'.")));
	if (options.threshold != 0.5 && model->schema->nclasses != 2 && model->task != ECML_ANOMALY)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a threshold is for models of two classes"),
				 model->schema->nclasses > 0 ? errdetail("The model has %d classes.", model->schema->nclasses) :
				 errdetail("The model's task is %s.", ecml_task_name(model->task)),
				 errhint("Leave \"threshold\" out.")));
	SPI_connect();
	ecml_source_open(&source, text_to_cstring(PG_GETARG_TEXT_PP(1)));
	evaluation.target = ecml_target_for_model(context, model->algorithm, model->schema, &source, options.target);
	if (options.label)
		evaluation.label = ecml_number_column(context, &source, options.label, "label");
	if (options.sample_weight)
		evaluation.weight = ecml_number_column(context, &source, options.sample_weight, "weight");
	evaluation.binder = ecml_binder_for_columns(context, model->schema, source.desc);
	evaluation.evaluator = ecml_evaluator_create_for(context, model, options.sample_weight != NULL, options.threshold);
	evaluation.evaluator->labelled = options.label != NULL;
	evaluation.evaluator->k = options.k;
	ecml_source_run(&source, evaluate_row, &evaluation);
	SPI_finish();
	MemoryContextSwitchTo(caller);
	json = ecml_json_object();
	ecml_evaluator_finish(evaluation.evaluator, json);
	result = ecml_json_finish(json);
	MemoryContextDelete(context);
	PG_RETURN_JSONB_P(result);
}
