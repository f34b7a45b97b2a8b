/*
 * validate.c - ecml_cross_validate
 *
 * Cross validation collects the rows once; fold f of k trains on the rows of the other folds.  Each run of k rows has one of
 * each fold, in random order: folds are balanced, and nothing is kept per row.
 */
#include "core/compat.h"

#include <math.h>

#include "utils/array.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/numeric.h"

#include "core/collect.h"
#include "core/evaluate.h"
#include "core/guc.h"
#include "core/source.h"
#include "core/trainer.h"

typedef struct FoldOptions
{
	int			folds;
} FoldOptions;

static const EcmlOption fold_options[] = {
	ECML_OPT_INT(FoldOptions, folds, "folds", 2, 1000),
	ECML_OPT_END
};

typedef struct Validation
{
	EcmlColumns columns;
	EcmlTraining *training;
	EcmlDataset *dataset;		/* all rows as they came; made at the first usable one */
	EcmlCtx		ctx;
	EcmlServerHost host;
	MemoryContext context;
	int64		skipped;
	int			folds;
	int		   *order;			/* [folds] scratch: the folds of a run of rows */
} Validation;

static void
validation_row(void *arg, TupleTableSlot *slot)
{
	Validation *validation = arg;
	EcmlBinder *binder = validation->columns.binder;
	EcmlRow		row = ecml_columns_read(&validation->columns, slot);

	if (row.usable && row.has_w)
		ecml_trainer_check_weight(row.w);
	if (!row.usable || !row.has_y || !row.has_w || row.w == 0 ||
		(binder->missing >= 0 && validation->training->common.missing == ECML_MISSING_SKIP))
	{
		validation->skipped++;
		return;
	}
	if (validation->dataset == NULL)
		validation->dataset = ecml_dataset_create(&validation->ctx, validation->context, ECML_F8, binder->nfeatures,
												  true, true, false);
	(void) ecml_dataset_append(validation->dataset, binder->values, row.y, row.w);	/* of doubles: they fit */
}

/* The folds of the rows of run number r. */
static void
deal(Validation *validation, uint64 r)
{
	EcmlRng		rng = ecml_rng_stream(&validation->ctx.rng, r);

	for (int i = 0; i < validation->folds; i++)
		validation->order[i] = i;
	for (int i = validation->folds - 1; i > 0; i--)
	{
		int			k = ecml_rng_below(&rng, i + 1);
		int			t = validation->order[i];

		validation->order[i] = validation->order[k];
		validation->order[k] = t;
	}
}

/* Give the rows of the fold to the evaluator, or all others to the trainer (evaluator NULL). */
static void
pass(Validation *validation, int fold, EcmlTrainer *trainer, EcmlEvaluator *evaluator, int **recode, const int *recode_y)
{
	EcmlData   *data = &validation->dataset->data;
	double	   *values = palloc((data->columns + 1) * sizeof(double));
	EcmlBlock	blocks[ECML_FETCH];
	size_t		got;
	uint64		dealt = PG_UINT64_MAX;

	for (size_t b = 0; b < data->nblocks; b += got)
	{
		got = ecml_data_fetch(&validation->ctx, data, b, blocks, ECML_FETCH);
		for (size_t k = 0; k < got; k++)
			for (int i = 0; i < blocks[k].rows; i++)
			{
				size_t		row = blocks[k].first + i;
				int			missing = -1;

				if (row / validation->folds != dealt)
					deal(validation, dealt = row / validation->folds);
				if ((validation->order[row % validation->folds] == fold) != (evaluator != NULL))
					continue;
				for (int j = data->columns - 1; j >= 0; j--)
				{
					values[j] = ECML_BLOCK_F8(&blocks[k], j)[i];
					if (isnan(values[j]))
						missing = j;
					else if (evaluator && recode[j])
						values[j] = recode[j][(int) values[j]];
				}
				if (evaluator)
					ecml_evaluator_row(evaluator, values, missing, true,
									   recode_y ? recode_y[(int) blocks[k].y[i]] : blocks[k].y[i]);
				else
					ecml_trainer_values(trainer, values, missing, blocks[k].y[i], blocks[k].w[i]);
			}
	}
	pfree(values);
}

static int
compare_labels(const void *a, const void *b)
{
	return strcmp(*(char *const *) a, *(char *const *) b);
}

/* From the binder's category codes to places in the model's sorted lists; -1: the model does not know it. */
static int **
make_recode(const EcmlBinder *binder, const EcmlSchema *schema)
{
	int		  **recode = palloc0((binder->nfeatures + 1) * sizeof(int *));

	for (int j = 0; j < binder->nfeatures; j++)
	{
		const EcmlInput *input = ecml_binder_input(binder, j);
		const EcmlFeature *feature = &schema->features[j];

		if (input->kind != ECML_CATEGORY)
			continue;
		recode[j] = palloc((input->categories->n + 1) * sizeof(int));
		for (int c = 0; c < input->categories->n; c++)
		{
			char	  **found = bsearch(&input->categories->entries[c].key, feature->categories, feature->ncategories,
										sizeof(char *), compare_labels);

			recode[j][c] = found ? (int) (found - feature->categories) : -1;
		}
	}
	return recode;
}

/* The same of the target's classes; NULL: it has none. */
static int *
make_class_recode(const EcmlTarget *target, const EcmlSchema *schema)
{
	int		   *recode;

	if (target == NULL || target->use != ECML_TARGET_CLASS)
		return NULL;
	recode = palloc((target->labels->n + 1) * sizeof(int));
	for (int code = 0; code < target->labels->n; code++)
	{
		recode[code] = -1;
		for (int c = 0; c < schema->nclasses; c++)
			if (strcmp(schema->classes[c], target->labels->entries[code].key) == 0)
				recode[code] = c;
	}
	return recode;
}

/* The metrics of one fold. */
static Jsonb *
run_fold(Validation *validation, int fold, MemoryContext caller)
{
	MemoryContext context = AllocSetContextCreate(caller, "ecml fold", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	EcmlTrainer *trainer = ecml_trainer_create(context, validation->training, validation->columns.binder,
											   validation->columns.target, validation->columns.weight != NULL);
	EcmlEvaluator *evaluator;
	EcmlModel  *model;
	EcmlJson   *json;
	Jsonb	   *result;

	pass(validation, fold, trainer, NULL, NULL, NULL);
	model = ecml_trainer_finish(trainer);
	evaluator = ecml_evaluator_create(context, model);
	pass(validation, fold, NULL, evaluator, make_recode(validation->columns.binder, model->schema),
		 make_class_recode(validation->columns.target, model->schema));
	MemoryContextSwitchTo(old);
	json = ecml_json_object();
	ecml_evaluator_finish(evaluator, json);
	result = ecml_json_finish(json);
	MemoryContextDelete(context);
	return result;
}

/* Mean and standard deviation of a metric over the folds that have it. */
static void
summarize_metric(EcmlJson *json, Jsonb **folds, int n, const char *name)
{
	double		mean = 0;
	double		m2 = 0;
	int			count = 0;

	for (int f = 0; f < n; f++)
	{
		JsonbValue	value;
		double		v;
		double		delta;

		if (!getKeyJsonValueFromContainer(&folds[f]->root, name, strlen(name), &value) || value.type != jbvNumeric)
			continue;
		v = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, NumericGetDatum(value.val.numeric)));
		delta = v - mean;
		mean += delta / ++count;
		m2 += delta * (v - mean);
	}
	if (count == 0)
		return;
	ecml_json_open_object(json, name);
	ecml_json_number(json, "mean", mean);
	ecml_json_number(json, "sd", count > 1 ? sqrt(m2 / (count - 1)) : NAN);
	ecml_json_close_object(json);
}

static Jsonb *
summarize(Jsonb **folds, int n, int64 rows, int64 skipped)
{
	EcmlJson   *json = ecml_json_object();
	JsonbIterator *iterator = JsonbIteratorInit(&folds[0]->root);
	JsonbIteratorToken token;
	JsonbValue	value;

	ecml_json_int(json, "folds", n);
	ecml_json_int(json, "rows", rows);
	ecml_json_int(json, "skipped", skipped);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		char	   *name;

		if (token != WJB_KEY)
			continue;
		name = pnstrdup(value.val.string.val, value.val.string.len);
		if (strcmp(name, "rows") != 0 && strcmp(name, "skipped") != 0)
			summarize_metric(json, folds, n, name);
	}
	return ecml_json_finish(json);
}

PG_FUNCTION_INFO_V1(ecml_cross_validate);

/* ecml_cross_validate(algorithm text, source text, target text, features text[], options jsonb): jsonb */
Datum
ecml_cross_validate(PG_FUNCTION_ARGS)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(caller, "ecml cross validation", ALLOCSET_DEFAULT_SIZES);
	FoldOptions fold = {.folds = 5};
	EcmlOptionSet folds_set = {fold_options, &fold};
	Validation	validation = {0};
	EcmlSource	source;
	Jsonb	  **folds;
	Jsonb	   *result;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("algorithm and source must not be NULL"),
				 errdetail("One of them is NULL."),
				 errhint("Call ecml_cross_validate(algorithm, source, target, features, options).")));
	MemoryContextSwitchTo(context);
	validation.context = context;
	validation.training = ecml_training_parse(ecml_algorithm_get(text_to_cstring(PG_GETARG_TEXT_PP(0))),
											  PG_ARGISNULL(4) ? NULL : PG_GETARG_JSONB_P(4), &folds_set);
	validation.folds = fold.folds;
	validation.order = palloc(fold.folds * sizeof(int));
	ecml_host_init(&validation.ctx, &validation.host, context, (size_t) ecml_guc_work_mem * 1024,
				   validation.training->common.seed);
	SPI_connect();
	ecml_source_open(&source, text_to_cstring(PG_GETARG_TEXT_PP(1)));
	ecml_columns_choose(&validation.columns, context, &source, validation.training,
						PG_ARGISNULL(2) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(2)),
						PG_ARGISNULL(3) ? NULL : PG_GETARG_ARRAYTYPE_P(3));
	ecml_source_run(&source, validation_row, &validation);
	SPI_finish();
	if (validation.dataset == NULL || validation.dataset->data.rows < (size_t) fold.folds)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("there are fewer rows than folds"),
				 errdetail("There are %zu rows and %d folds.", validation.dataset ? validation.dataset->data.rows : 0,
						   fold.folds),
				 errhint("Give more rows, or fewer \"folds\".")));
	ecml_dataset_complete(validation.dataset);
	folds = palloc(fold.folds * sizeof(Jsonb *));
	for (int f = 0; f < fold.folds; f++)
		folds[f] = run_fold(&validation, f, context);
	ecml_dataset_close(validation.dataset);
	MemoryContextSwitchTo(caller);
	result = summarize(folds, fold.folds, validation.dataset->data.rows, validation.skipped);
	MemoryContextDelete(context);
	PG_RETURN_JSONB_P(result);
}
