/*
 * texts.c - classifiers that learn from texts
 *
 * Training gives the kernel row after row, as the source yields them; what the kernel keeps of a row is its own.  Validation
 * over folds holds all texts in memory, within ecml.work_mem, and trains on those of the other folds.
 */
#include "core/compat.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/typcache.h"

#include "core/collect.h"
#include "core/error.h"
#include "core/guc.h"
#include "core/host.h"
#include "core/metrics.h"
#include "core/state.h"
#include "core/textrows.h"
#include "core/texts.h"
#include "core/trainer.h"
#include "core/validate.h"

/* ---- the columns of a source */

typedef struct TextColumns
{
	EcmlTextInputs in;
	EcmlTarget *target;
	EcmlInput  *weight;			/* NULL: none */
} TextColumns;

static void
add_column(TextColumns *columns, MemoryContext context, const EcmlSource *source, int number)
{
	ecml_text_inputs_add(&columns->in, context, source, number, "feature", "Features are known by their names.");
}

/* Those that are named, or all texts that have no other part; other: a column of such a part, or -1. */
static void
choose_columns(TextColumns *columns, MemoryContext context, const EcmlAlgorithm *algorithm, const EcmlSource *source,
			   const char *const *names, int n, int fold_column, int key_column)
{
	ecml_text_inputs_init(&columns->in, context, Max(n, source->desc->natts));
	for (int i = 0; i < n; i++)
	{
		int			number = ecml_source_column(source, names[i], "feature");

		if (columns->target && columns->target->input.number == number)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("column \"%s\" is both target and feature", names[i]),
					 errdetail("A model that is told its target learns nothing else."),
					 errhint("Take it out of the features.")));
		add_column(columns, context, source, number);
	}
	for (int i = 0; n < 0 && i < source->desc->natts; i++)
		if (!TupleDescAttr(source->desc, i)->attisdropped && ecml_text_is_text(getBaseType(TupleDescAttr(source->desc, i)->atttypid)) &&
			!(columns->target && columns->target->input.number == i) && i != fold_column && i != key_column)
			add_column(columns, context, source, i);
	if (columns->in.n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("there are no texts to learn from"),
				 errdetail(n < 0 ? "The source has no column of type text beside the target." : "The list of features is empty."),
				 errhint("%s learns from texts: name their columns, as in features => ARRAY['title'].", algorithm->name)));
}

/* The columns that a model was trained on. */
static void
choose_for_model(TextColumns *columns, MemoryContext context, const EcmlModel *model, const EcmlSource *source)
{
	const char **names = palloc((model->schema->nfeatures + 1) * sizeof(char *));

	for (int j = 0; j < model->schema->nfeatures; j++)
		names[j] = model->schema->features[j].name;
	choose_columns(columns, context, model->algorithm, source, names, model->schema->nfeatures, -1, -1);
}

static bool
read_texts(TextColumns *columns, TupleTableSlot *slot)
{
	return ecml_text_inputs_read(&columns->in, slot->tts_values, slot->tts_isnull);
}

/* Weight and class beside them; false: the row is to be left out. */
static bool
read_rest(TextColumns *columns, TupleTableSlot *slot, double *y, double *w)
{
	*w = 1;
	if (!ecml_target_read(columns->target, slot->tts_values, slot->tts_isnull, y))
		return false;
	if (columns->weight)
	{
		if (!ecml_number_read(columns->weight, slot, "weight", w))
			return false;
		ecml_trainer_check_weight(*w);
	}
	return *w > 0;
}

/* ---- training */

typedef struct TextTraining
{
	const EcmlTextClassifier *kernel;
	TextColumns columns;
	EcmlCtx    *ctx;
	void	   *fit;
	double	   *uses;			/* [nuses] weight of the rows, by class */
	int			nuses;
	int64		rows;
	int64		skipped;
} TextTraining;

static void
use_class(TextTraining *training, int class, double w)
{
	if (class >= training->nuses)
	{
		int			more = Max(class + 1, training->nuses * 2);

		training->uses = ecml_resize_array(training->ctx, training->uses, more, sizeof(double));
		memset(training->uses + training->nuses, 0, (more - training->nuses) * sizeof(double));
		training->nuses = more;
	}
	training->uses[class] += w;
}

static void
learn(TextTraining *training, const EcmlText *texts, int n, int class, double w)
{
	use_class(training, class, w);
	training->kernel->row(training->ctx, training->fit, texts, n, class, w);
	if ((++training->rows & 255) == 0)
		ecml_poll(training->ctx, (double) training->rows, 0);
}

static void
training_row(void *arg, TupleTableSlot *slot)
{
	TextTraining *training = arg;
	double		y;
	double		w;

	if (!read_texts(&training->columns, slot) || !read_rest(&training->columns, slot, &y, &w))
		training->skipped++;
	else
		learn(training, training->columns.in.texts, training->columns.in.n, (int) y, w);
}

/* The schema of texts and classes, and the fit, in the model. */
static EcmlModel *
finish(MemoryContext context, const EcmlTraining *given, TextTraining *training)
{
	const TextColumns *columns = &training->columns;
	EcmlModel  *model;
	EcmlSchema *schema;
	MemoryContext old;
	int		   *recode;
	EcmlJson   *json;

	if (training->rows == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("there are no rows to train on"),
				 errdetail("Rows left out, because the texts or the target are NULL: " INT64_FORMAT ".", training->skipped),
				 errhint("Look at what the source gives.")));
	model = ecml_model_begin(context, given);
	old = MemoryContextSwitchTo(context);
	schema = model->schema;
	schema->target = pstrdup(columns->target->name);
	ecml_text_inputs_features(&columns->in, schema);
	recode = palloc((columns->target->labels->n + 1) * sizeof(int));
	schema->classes = ecml_target_classes(columns->target, training->uses, training->nuses, &schema->nclasses, recode);
	ecml_schema_layout(schema);
	if (schema->nclasses < 2)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("the target has only one class"),
				 errdetail("All rows have \"%s\" in column \"%s\".", schema->classes[0], schema->target),
				 errhint("Give rows of at least two classes.")));
	model->fitted = training->kernel->finish(training->ctx, training->fit, schema->nclasses, recode, columns->target->labels->n);
	model->rows = training->rows;
	model->skipped = training->skipped;
	json = ecml_json_object();
	ecml_json_int(json, "classes", schema->nclasses);
	if (given->algorithm->metrics)
		given->algorithm->metrics(model->fitted, schema, json);
	model->metrics = ecml_json_finish_text(json);
	MemoryContextSwitchTo(old);
	return model;
}

EcmlModel *
ecml_texts_train(MemoryContext context, const EcmlTraining *given, const EcmlRequest *request, void **parts)
{
	TextTraining training = {.kernel = given->algorithm->own->texts};
	EcmlCtx    *ctx = MemoryContextAlloc(context, sizeof(EcmlCtx));
	EcmlServerHost *host = MemoryContextAlloc(context, sizeof(EcmlServerHost));
	EcmlSource	source;

	ecml_text_check_encoding(given->algorithm->name);
	ecml_host_init(ctx, host, context, (size_t) ecml_guc_work_mem * 1024, given->common.seed);
	if (given->common.progress)
		host->progress = given->algorithm->name;
	ecml_source_open(&source, request->source);
	training.ctx = ctx;
	training.columns.target = ecml_target_column(context, given->algorithm, ECML_TARGET_CLASS, &source, request->target, NULL);
	if (given->common.sample_weight)
		training.columns.weight = ecml_number_column(context, &source, given->common.sample_weight, "weight");
	choose_columns(&training.columns, context, given->algorithm, &source, request->features, request->nfeatures, -1, -1);
	training.fit = training.kernel->begin(ctx, given->params);
	ecml_source_run(&source, training_row, &training);
	return finish(context, given, &training);
}

/* ---- aggregates: the same from arguments, which are named x1, x2, ... */

typedef struct TextAggregate
{
	TextTraining training;		/* must be first */
	const EcmlTraining *given;
	MemoryContext context;
	EcmlCtx		ctx;
	EcmlServerHost host;
} TextAggregate;

static TextAggregate *
begin_aggregate(FunctionCallInfo fcinfo, const EcmlAlgorithm *algorithm, int first)
{
	MemoryContext context = AllocSetContextCreate(ecml_aggregate_context(fcinfo), "ecml aggregate", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	TextAggregate *aggregate = palloc0(sizeof(TextAggregate));
	TextColumns *columns = &aggregate->training.columns;

	ecml_text_check_encoding(algorithm->name);
	aggregate->context = context;
	aggregate->given = ecml_training_parse(algorithm, PG_ARGISNULL(1) ? NULL : PG_GETARG_JSONB_P(1), NULL);
	if (aggregate->given->common.sample_weight)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("the aggregate of %s takes no weights", algorithm->name),
				 errdetail("The option \"sample_weight\" is given."),
				 errhint("Train from a source: ecml_train(model, '%s', source, ...).", algorithm->name)));
	ecml_host_init(&aggregate->ctx, &aggregate->host, context, (size_t) ecml_guc_work_mem * 1024, aggregate->given->common.seed);
	columns->target = ecml_target_arguments(context, ECML_TARGET_CLASS, fcinfo, 2);
	ecml_text_inputs_arguments(&columns->in, context, fcinfo, first);
	aggregate->training.kernel = algorithm->own->texts;
	aggregate->training.ctx = &aggregate->ctx;
	aggregate->training.fit = aggregate->training.kernel->begin(&aggregate->ctx, aggregate->given->params);
	MemoryContextSwitchTo(old);
	return aggregate;
}

Datum
ecml_texts_transition(FunctionCallInfo fcinfo, const EcmlAlgorithm *algorithm)
{
	const int	first = 3;		/* state, options, target */
	TextAggregate *aggregate = PG_ARGISNULL(0) ? begin_aggregate(fcinfo, algorithm, first) : (TextAggregate *) PG_GETARG_POINTER(0);
	TextTraining *training = &aggregate->training;
	TextColumns *columns = &training->columns;
	Datum		value = PG_GETARG_DATUM(2);
	bool		isnull = PG_ARGISNULL(2);
	MemoryContext old;
	bool		any = ecml_text_inputs_read_arguments(&columns->in, fcinfo, first);
	double		y;

	old = MemoryContextSwitchTo(columns->in.row);
	if (any && ecml_target_read(columns->target, &value, &isnull, &y))
		learn(training, columns->in.texts, columns->in.n, (int) y, 1);
	else
		training->skipped++;
	MemoryContextSwitchTo(old);
	PG_RETURN_POINTER(aggregate);
}

Datum
ecml_texts_final(FunctionCallInfo fcinfo)
{
	TextAggregate *aggregate = PG_ARGISNULL(0) ? NULL : (TextAggregate *) PG_GETARG_POINTER(0);

	(void) ecml_aggregate_context(fcinfo);
	if (aggregate == NULL || aggregate->training.rows == 0)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(ecml_model_write(finish(aggregate->context, aggregate->given, &aggregate->training)));
}

/* ---- evaluation */

typedef struct TextEvaluation
{
	TextColumns columns;
	EcmlEvaluator *evaluator;
	const EcmlTextClassifier *kernel;
	void	   *call;
	double	   *p;
} TextEvaluation;

static void
evaluation_row(void *arg, TupleTableSlot *slot)
{
	TextEvaluation *evaluation = arg;
	double		y;
	double		w;

	if (!read_texts(&evaluation->columns, slot) || !read_rest(&evaluation->columns, slot, &y, &w))
	{
		evaluation->evaluator->skipped++;
		return;
	}
	evaluation->kernel->probabilities(evaluation->call, evaluation->columns.in.texts, evaluation->columns.in.n, evaluation->p);
	ecml_evaluator_probabilities(evaluation->evaluator, evaluation->p, (int) y, w);
}

typedef struct TextEvaluateOptions
{
	char	   *target;
	char	   *sample_weight;
	double		threshold;
} TextEvaluateOptions;

static const EcmlOption evaluate_options[] = {
	ECML_OPT_TEXT(TextEvaluateOptions, target, "target"),
	ECML_OPT_TEXT(TextEvaluateOptions, sample_weight, "sample_weight"),
	ECML_OPT_ALIAS_TEXT(TextEvaluateOptions, sample_weight, "weights"),
	ECML_OPT_FLOAT(TextEvaluateOptions, threshold, "threshold", 0, 1),
	ECML_OPT_END
};

void
ecml_texts_evaluate(const EcmlModel *model, int64 model_id, const char *source_text, Jsonb *given, EcmlJson *json)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(caller, "ecml evaluation", ALLOCSET_DEFAULT_SIZES);
	TextEvaluateOptions options = {.threshold = 0.5};
	EcmlOptionSet set = {evaluate_options, &options};
	TextEvaluation evaluation = {.kernel = model->algorithm->own->texts};
	EcmlSource	source;

	MemoryContextSwitchTo(context);
	ecml_options_parse("ecml_evaluate", given, &set, 1);
	if (options.threshold != 0.5 && model->schema->nclasses != 2)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a threshold is for models of two classes"),
				 errdetail("The model has %d classes.", model->schema->nclasses),
				 errhint("Leave \"threshold\" out.")));
	SPI_connect();
	ecml_source_open(&source, source_text);
	evaluation.columns.target = ecml_target_for_model(context, model->algorithm, model->schema, &source, options.target);
	if (options.sample_weight)
		evaluation.columns.weight = ecml_number_column(context, &source, options.sample_weight, "weight");
	choose_for_model(&evaluation.columns, context, model, &source);
	evaluation.evaluator = ecml_evaluator_create_for(context, model, options.sample_weight != NULL, options.threshold);
	evaluation.call = evaluation.kernel->open(&evaluation.evaluator->ctx, model->fitted);
	evaluation.p = MemoryContextAlloc(context, model->schema->nclasses * sizeof(double));
	ecml_source_run(&source, evaluation_row, &evaluation);
	SPI_finish();
	MemoryContextSwitchTo(caller);
	ecml_evaluator_finish(evaluation.evaluator, json);
	MemoryContextDelete(context);
}

/* ---- validation over folds */

typedef struct HeldRow
{
	int			class;
	double		weight;
	double		place;			/* for the folds */
	EcmlText   *texts;			/* [n], their bytes behind them */
	char	   *key;			/* NULL: it is NULL */
} HeldRow;

struct EcmlTextFolds
{
	EcmlValidation *v;			/* its folds, and where predictions go */
	TextColumns columns;
	int			key;			/* number of its column; -1: none */
	FmgrInfo	key_output;
	MemoryContext held;
	HeldRow    *rows;
	size_t		n;
	size_t		capacity;
};

static void
hold_row(void *arg, TupleTableSlot *slot)
{
	EcmlTextFolds *t = arg;
	EcmlValidation *v = t->v;
	TextColumns *columns = &t->columns;
	const EcmlTextInputs *in = &columns->in;
	HeldRow    *row;
	double		y;
	double		w;
	double		place = 0;
	size_t		size;
	char	   *at;

	if (!read_texts(columns, slot) || !read_rest(columns, slot, &y, &w) || !ecml_folds_read(v->folds, slot, &place))
	{
		v->skipped++;
		return;
	}
	if (t->n == t->capacity)
	{
		t->rows = ecml_resize_array(&v->ctx, t->rows, t->capacity * 2 + 256, sizeof(HeldRow));
		t->capacity = t->capacity * 2 + 256;
	}
	row = &t->rows[t->n++];
	row->class = (int) y;
	row->weight = w;
	row->place = place;
	row->key = NULL;
	size = in->n * sizeof(EcmlText);
	for (int i = 0; i < in->n; i++)
		size += Max(in->texts[i].length, 0);
	if (!ecml_fits(&v->ctx, size))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the texts do not fit into memory"),
				 errdetail("%zu rows do not fit into %d kB.", t->n, ecml_guc_work_mem),
				 errhint("Raise ecml.work_mem, or validate on a sample of the rows.")));
	v->ctx.used += size;
	row->texts = MemoryContextAllocHuge(t->held, size);
	at = (char *) (row->texts + in->n);
	for (int i = 0; i < in->n; i++)
	{
		row->texts[i] = in->texts[i];
		if (in->texts[i].length < 0)
			continue;
		memcpy(at, in->texts[i].bytes, in->texts[i].length);
		row->texts[i].bytes = at;
		at += in->texts[i].length;
	}
	if (t->key >= 0 && !slot->tts_isnull[t->key])
		row->key = MemoryContextStrdup(t->held, OutputFunctionCall(&t->key_output, slot->tts_values[t->key]));
	if (v->dataset)
		(void) ecml_dataset_append(v->dataset, &place, y, 1);
	ecml_folds_count(v->folds, row->class, place);
	if ((t->n & 255) == 0)
		ecml_poll(&v->ctx, 0, 0);
}

void
ecml_texts_open(EcmlValidation *v, const EcmlFoldOptions *options, const EcmlTraining *training, uint64 seed,
				const char *source_text, const char *target, ArrayType *features, const char *key)
{
	EcmlTextFolds *t = palloc0(sizeof(EcmlTextFolds));
	EcmlSource	source;
	const char **names = NULL;
	int			n = -1;

	ecml_text_check_encoding(training->algorithm->name);
	v->texts = t;
	v->ctx.budget = (size_t) ecml_guc_work_mem * 1024;	/* of the texts and a fit together */
	t->v = v;
	t->key = -1;
	t->held = AllocSetContextCreate(v->context, "ecml rows", ALLOCSET_DEFAULT_SIZES);
	if (features)
	{
		Datum	   *values;
		bool	   *nulls;

		deconstruct_array(features, TEXTOID, -1, false, TYPALIGN_INT, &values, &nulls, &n);
		names = palloc((n + 1) * sizeof(char *));
		for (int i = 0; i < n; i++)
			names[i] = nulls[i] ? "" : TextDatumGetCString(values[i]);
	}
	SPI_connect();
	ecml_source_open(&source, source_text);
	MemoryContextSwitchTo(v->context);
	v->folds = ecml_folds_create(&v->ctx, v->context, options, training->algorithm, ECML_TARGET_CLASS, &source, seed);
	t->columns.target = v->columns.target = ecml_target_column(v->context, training->algorithm, ECML_TARGET_CLASS, &source, target, NULL);
	if (training->common.sample_weight)
		t->columns.weight = ecml_number_column(v->context, &source, training->common.sample_weight, "weight");
	if (key)
	{
		Oid			function;
		bool		varlena;

		t->key = ecml_source_column(&source, key, "key");
		getTypeOutputInfo(TupleDescAttr(source.desc, t->key)->atttypid, &function, &varlena);
		fmgr_info_cxt(function, &t->key_output, v->context);
	}
	choose_columns(&t->columns, v->context, training->algorithm, &source, names, n, ecml_folds_column(v->folds), t->key);
	v->features = features;
	if (features == NULL && ecml_folds_column(v->folds) >= 0)
	{
		Datum	   *chosen = palloc(t->columns.in.n * sizeof(Datum));

		for (int i = 0; i < t->columns.in.n; i++)
			chosen[i] = CStringGetTextDatum(t->columns.in.inputs[i].name);
		v->features = construct_array(chosen, t->columns.in.n, TEXTOID, -1, false, TYPALIGN_INT);
	}
	if (ecml_folds_extra(v->folds))
		v->dataset = ecml_dataset_create(&v->ctx, v->context, ECML_F8, 1, true, true, false);
	ecml_source_run(&source, hold_row, t);
	SPI_finish();
	MemoryContextSwitchTo(v->context);
	if (v->dataset)
		ecml_dataset_complete(v->dataset);
	ecml_folds_complete(v->folds, v->dataset ? &v->dataset->data : NULL, 0);
}

/* A row of ecml_cross_predict. */
static void
predicted(const EcmlValidation *v, const EcmlModel *model, const HeldRow *row, const double *p, int fold)
{
	Datum		values[4];
	bool		nulls[4] = {false};
	int			class = ecml_model_class(model, p);

	nulls[0] = row->key == NULL;
	values[0] = row->key ? CStringGetTextDatum(row->key) : (Datum) 0;
	values[1] = Int32GetDatum(fold + 1);
	values[2] = Float8GetDatum(p[v->folds->classes == 2 && model->schema->nclasses == 2 ? 1 : class]);
	values[3] = CStringGetTextDatum(model->schema->classes[class]);
	ecml_rows_add(v->predictions, values, nulls);
}

Jsonb *
ecml_texts_fold(EcmlTextFolds *t, const EcmlTraining *given, int repeat, int fold, double share, int64 *rows)
{
	EcmlValidation *v = t->v;
	MemoryContext context = CurrentMemoryContext;
	TextTraining training = {.kernel = given->algorithm->own->texts,.columns = t->columns};
	EcmlPart   *parts = MemoryContextAllocHuge(context, t->n * sizeof(EcmlPart));
	EcmlFoldCursor cursor;
	EcmlCtx		ctx;
	EcmlServerHost host;
	EcmlModel  *model;
	EcmlEvaluator *evaluator = NULL;
	EcmlJson   *json;
	int		   *recode;
	double	   *p;
	void	   *call;
	size_t		tested = 0;

	ecml_host_init(&ctx, &host, context, (size_t) ecml_guc_work_mem * 1024, given->common.seed);
	ctx.used = v->ctx.used;
	training.ctx = &ctx;
	training.fit = training.kernel->begin(&ctx, given->params);
	ecml_fold_cursor_init(&cursor, v->folds, repeat, fold, share);
	for (size_t i = 0; i < t->n; i++)
	{
		const HeldRow *row = &t->rows[i];

		parts[i] = ecml_fold_cursor_next(&cursor, row->class, row->place);
		tested += parts[i] == ECML_PART_TEST;
		if (parts[i] == ECML_PART_TRAIN)
			learn(&training, row->texts, t->columns.in.n, row->class, row->weight);
	}
	*rows = training.rows + (int64) tested;
	if (training.rows == 0 || tested == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("fold %d has no rows to %s", fold + 1, training.rows == 0 ? "train on" : "test"),
				 errdetail("All rows that it could take are in the %s.", training.rows > 0 ? "training" : "test, or in the gap before it"),
				 errhint("Give more rows, fewer \"folds\", or a shorter \"gap\".")));
	model = finish(context, given, &training);
	recode = palloc((t->columns.target->labels->n + 1) * sizeof(int));
	for (int code = 0; code < t->columns.target->labels->n; code++)
	{
		recode[code] = -1;
		for (int c = 0; c < model->schema->nclasses; c++)
			if (strcmp(model->schema->classes[c], t->columns.target->labels->entries[code].key) == 0)
				recode[code] = c;
	}
	if (v->predictions == NULL)
		evaluator = ecml_evaluator_create_for(context, model, t->columns.weight != NULL, 0.5);
	call = training.kernel->open(&ctx, model->fitted);
	p = palloc(model->schema->nclasses * sizeof(double));
	for (size_t i = 0; i < t->n; i++)
	{
		if (parts[i] != ECML_PART_TEST)
			continue;
		training.kernel->probabilities(call, t->rows[i].texts, t->columns.in.n, p);
		if (evaluator)
			ecml_evaluator_probabilities(evaluator, p, recode[t->rows[i].class], t->rows[i].weight);
		else
			predicted(v, model, &t->rows[i], p, fold);
		if ((i & 255) == 0)
			ecml_poll(&ctx, 0, 0);
	}
	if (evaluator == NULL)
		return NULL;
	json = ecml_json_object();
	ecml_evaluator_finish(evaluator, json);
	return ecml_json_finish(json);
}

/* ---- texts of a call */

typedef struct TextCall
{
	EcmlCtx		ctx;
	EcmlServerHost host;
	EcmlTextInputs in;			/* by feature */
	void	   *call;			/* the kernel's scratch */
	double	   *p;				/* [classes] */
	bool		whole_row;
	Oid			row_type;		/* the inputs' numbers were found for it; InvalidOid: not yet */
	int32		row_typmod;
	Datum	   *row_values;
	bool	   *row_nulls;
} TextCall;

static TextCall *
open_call(EcmlServing *serving)
{
	MemoryContext old = MemoryContextSwitchTo(serving->model_context);
	const EcmlModel *model = serving->model;
	TextCall   *call = palloc0(sizeof(TextCall));

	ecml_host_init(&call->ctx, &call->host, serving->model_context, 0, 0);
	ecml_text_inputs_init(&call->in, serving->model_context, model->schema->nfeatures);
	call->in.n = model->schema->nfeatures;
	call->p = palloc(model->schema->nclasses * sizeof(double));
	call->call = model->algorithm->own->texts->open(&call->ctx, model->fitted);
	MemoryContextSwitchTo(old);
	return serving->texts = call;
}

static char *
feature_list(const EcmlSchema *schema)
{
	const char **names = palloc((schema->nfeatures + 1) * sizeof(char *));

	for (int j = 0; j < schema->nfeatures; j++)
		names[j] = schema->features[j].name;
	return ecml_error_list(names, schema->nfeatures);
}

static void
plan_arguments(TextCall *call, EcmlServing *serving, FunctionCallInfo fcinfo, int first)
{
	const EcmlSchema *schema = serving->model->schema;
	int			n = PG_NARGS() - first;
	Oid			type = n > 0 ? get_fn_expr_argtype(fcinfo->flinfo, first) : InvalidOid;

	if (n == 1 && OidIsValid(type) && type_is_rowtype(type))
	{
		call->whole_row = true;
		return;
	}
	if (n != schema->nfeatures)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the model needs %d texts, not %d", schema->nfeatures, n),
				 errdetail("The features are, in this order: %s.", feature_list(schema)),
				 errhint("Give them as arguments after the model, or give a whole row.")));
	for (int i = 0; i < n; i++)
	{
		type = get_fn_expr_argtype(fcinfo->flinfo, first + i);
		ecml_text_input_plan(&call->in.inputs[i], serving->model_context, i, OidIsValid(type) ? type : TEXTOID);
	}
}

static bool
bind_whole_row(TextCall *call, EcmlServing *serving, Datum value)
{
	const EcmlSchema *schema = serving->model->schema;
	HeapTupleHeader header = DatumGetHeapTupleHeader(value);
	HeapTupleData tuple = {.t_len = HeapTupleHeaderGetDatumLength(header),.t_data = header};
	TupleDesc	desc = lookup_rowtype_tupdesc(HeapTupleHeaderGetTypeId(header), HeapTupleHeaderGetTypMod(header));
	bool		any;

	if (call->row_type != HeapTupleHeaderGetTypeId(header) || call->row_typmod != HeapTupleHeaderGetTypMod(header))
	{
		MemoryContext old = MemoryContextSwitchTo(serving->model_context);

		for (int j = 0; j < schema->nfeatures; j++)
		{
			int			found = -1;

			for (int i = 0; i < desc->natts && found < 0; i++)
				if (!TupleDescAttr(desc, i)->attisdropped && strcmp(NameStr(TupleDescAttr(desc, i)->attname), schema->features[j].name) == 0)
					found = i;
			if (found < 0)
				ereport(ERROR,
						(errcode(ERRCODE_UNDEFINED_COLUMN),
						 errmsg("the row has no column \"%s\"", schema->features[j].name),
						 errdetail("The model's features are: %s.", feature_list(schema)),
						 errhint("Give a row that has them, or the texts one by one.")));
			ecml_text_input_plan(&call->in.inputs[j], serving->model_context, found, TupleDescAttr(desc, found)->atttypid);
		}
		call->row_values = palloc(desc->natts * sizeof(Datum));
		call->row_nulls = palloc(desc->natts * sizeof(bool));
		call->row_type = HeapTupleHeaderGetTypeId(header);
		call->row_typmod = HeapTupleHeaderGetTypMod(header);
		MemoryContextSwitchTo(old);
	}
	heap_deform_tuple(&tuple, desc, call->row_values, call->row_nulls);
	any = ecml_text_inputs_read(&call->in, call->row_values, call->row_nulls);
	ReleaseTupleDesc(desc);
	return any;
}

static bool
bind_texts(EcmlServing *serving, FunctionCallInfo fcinfo, int first)
{
	TextCall   *call = serving->texts;

	if (call == NULL)
	{
		call = open_call(serving);
		plan_arguments(call, serving, fcinfo, first);
	}
	if (call->whole_row)
		return !PG_ARGISNULL(first) && bind_whole_row(call, serving, PG_GETARG_DATUM(first));
	return ecml_text_inputs_read_arguments(&call->in, fcinfo, first);
}

bool
ecml_texts_predict(EcmlServing *serving, FunctionCallInfo fcinfo, int first, double *out)
{
	if (!bind_texts(serving, fcinfo, first))
		return false;
	serving->model->algorithm->own->texts->probabilities(serving->texts->call, serving->texts->in.texts, serving->texts->in.n, out);
	return true;
}

const double *
ecml_texts_probabilities_of(EcmlServing *serving, const char *bytes, int length)
{
	TextCall   *call = serving->texts ? serving->texts : open_call(serving);
	EcmlText	text = {bytes, length};

	if (call->in.n != 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the model needs %d texts, not 1", call->in.n),
				 errdetail("Its features are: %s.", feature_list(serving->model->schema)),
				 errhint("Train it on one column.")));
	serving->model->algorithm->own->texts->probabilities(call->call, &text, 1, call->p);
	return call->p;
}

typedef struct Part
{
	int			feature;
	text	   *part;
	double		contribution;
} Part;

typedef struct Parts
{
	Part	   *parts;
	int			n;
	int			capacity;
	double		sum;
} Parts;

static void
add_part(void *arg, int feature, const char *part, int length, double contribution)
{
	Parts	   *parts = arg;

	if (parts->n == parts->capacity)
	{
		parts->capacity *= 2;
		parts->parts = repalloc_huge(parts->parts, parts->capacity * sizeof(Part));
	}
	parts->parts[parts->n++] = (Part) {feature, cstring_to_text_with_len(part, length), contribution};
	parts->sum += contribution;
}

static int
compare_parts(const void *a, const void *b)
{
	double		x = fabs(((const Part *) a)->contribution);
	double		y = fabs(((const Part *) b)->contribution);
	const text *s = ((const Part *) a)->part;
	const text *t = ((const Part *) b)->part;
	int			order;

	if (x != y)
		return x > y ? -1 : 1;
	order = memcmp(VARDATA_ANY(s), VARDATA_ANY(t), Min(VARSIZE_ANY_EXHDR(s), VARSIZE_ANY_EXHDR(t)));
	return order ? order : (int) VARSIZE_ANY_EXHDR(s) - (int) VARSIZE_ANY_EXHDR(t);
}

void
ecml_texts_explain(EcmlServing *serving, EcmlRows *rows)
{
	TextCall   *call = serving->texts;
	const EcmlModel *model = serving->model;
	const EcmlSchema *schema = model->schema;
	int			class = schema->nclasses == 2 ? 1 : ecml_model_class(model, ecml_serving_probabilities(serving));
	Parts		parts = {.capacity = 64};
	Datum		values[6];
	bool		nulls[6] = {false};
	double		base;

	parts.parts = palloc(parts.capacity * sizeof(Part));
	base = model->algorithm->own->texts->explain(call->call, call->in.texts, call->in.n, class, add_part, &parts);
	qsort(parts.parts, parts.n, sizeof(Part), compare_parts);
	ecml_set_number(values, nulls, 3, base);
	ecml_set_number(values, nulls, 4, base + parts.sum);
	values[5] = CStringGetTextDatum(schema->classes[class]);
	for (int i = 0; i < parts.n; i++)
	{
		values[0] = CStringGetTextDatum(schema->features[parts.parts[i].feature].name);
		values[1] = PointerGetDatum(parts.parts[i].part);
		ecml_set_number(values, nulls, 2, parts.parts[i].contribution);
		ecml_rows_add(rows, values, nulls);
	}
}
