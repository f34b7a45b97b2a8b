/*
 * validate.c - ecml_cross_validate and ecml_cross_predict; fits over folds
 *
 * The source is read once; its rows are kept as values (dataset.c), and a fold is a choice among them (folds.c).  For
 * each fold the rows that are trained on go to one trainer, whatever the number of trials: those that prepare the rows in
 * the same way are fitted to the same terms, or to the same one-pass state, in turn.  The rows that are tested are set
 * apart once.
 *
 * Memory: of ecml.work_mem half is the trainer's, three eighths hold all rows, one eighth those of a test; what exceeds
 * it goes to temporary files.
 */
#include "core/compat.h"

#include <math.h>

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/resowner.h"

#include "core/evaluate.h"
#include "core/guc.h"
#include "core/texts.h"
#include "core/trainer.h"
#include "core/validate.h"

/* Below it a budget is not divided: a few blocks of rows must fit. */
#define UNDIVIDED (16 * 1024 * 1024)

static size_t
budget(int eighths)
{
	size_t		all = (size_t) ecml_guc_work_mem * 1024;

	return all < UNDIVIDED ? all : all / 8 * eighths;
}

/* ---- the rows */

static void
validation_row(void *arg, TupleTableSlot *slot)
{
	EcmlValidation *v = arg;
	EcmlBinder *binder = v->columns.binder;
	EcmlRow		row = ecml_columns_read(&v->columns, slot);
	double	   *values = binder->values;
	bool		extra = ecml_folds_extra(v->folds);
	double		place = 0;
	int			label = 0;

	if (row.usable && row.has_w)
		ecml_trainer_check_weight(row.w);
	if (!row.usable || !row.has_y || !row.has_w || row.w == 0 || (binder->missing >= 0 && v->skip_missing) ||
		!ecml_folds_read(v->folds, slot, &place))
	{
		v->skipped++;
		return;
	}
	if (v->columns.target && v->columns.target->use == ECML_TARGET_CLASS)
		label = (int) row.y;
	if (v->columns.target && v->columns.target->use == ECML_TARGET_AUTO)
		ecml_two_values_add(&v->two, row.y, row.w);
	if (v->dataset == NULL)
		v->dataset = ecml_dataset_create(&v->ctx, v->context, ECML_F8, binder->nfeatures + (extra ? 1 : 0), true, true,
										 false);
	if (extra)
	{
		values = palloc((binder->nfeatures + 1) * sizeof(double));
		memcpy(values, binder->values, binder->nfeatures * sizeof(double));
		values[binder->nfeatures] = place;
	}
	(void) ecml_dataset_append(v->dataset, values, row.y, row.w);	/* of doubles: they fit */
	ecml_folds_count(v->folds, label, place);
	if (v->keys)
	{
		Datum		key = (Datum) 0;
		bool		isnull = slot->tts_isnull[v->key.number];

		if (!isnull)
			key = CStringGetTextDatum(OutputFunctionCall(&v->key_output, slot->tts_values[v->key.number]));
		tuplestore_putvalues(v->keys, v->key_desc, &key, &isnull);
	}
	if ((v->folds->rows & 4095) == 0)
		ecml_poll(&v->ctx, (double) v->folds->rows, 0);
}

/* The names of all columns that have no other part: the features when none are named. */
static ArrayType *
other_columns(const EcmlValidation *v, const EcmlSource *source, const EcmlTraining *training, const char *target)
{
	const char *parts[] = {target, training->common.event, training->common.sample_weight};
	Datum	   *names = palloc((source->desc->natts + 1) * sizeof(Datum));
	int			n = 0;

	if (ecml_folds_column(v->folds) < 0 && v->keys == NULL)
		return NULL;
	for (int i = 0; i < source->desc->natts; i++)
	{
		const char *name = NameStr(TupleDescAttr(source->desc, i)->attname);
		bool		other = i != ecml_folds_column(v->folds) && !(v->keys && i == v->key.number) &&
			!TupleDescAttr(source->desc, i)->attisdropped;

		for (int p = 0; p < (int) lengthof(parts); p++)
			other &= parts[p] == NULL || strcmp(parts[p], name) != 0;
		for (int e = 0; e < training->nextras; e++)
			other &= strcmp(ecml_training_extra(training, e), name) != 0;
		if (other)
			names[n++] = CStringGetTextDatum(name);
	}
	return construct_array(names, n, TEXTOID, -1, false, TYPALIGN_INT);
}

/* Keep the text of a column with each row. */
static void
plan_key(EcmlValidation *v, const EcmlSource *source, const char *key)
{
	Oid			function;
	bool		varlena;

	v->key.number = ecml_source_column(source, key, "key");
	getTypeOutputInfo(TupleDescAttr(source->desc, v->key.number)->atttypid, &function, &varlena);
	fmgr_info_cxt(function, &v->key_output, v->context);
	v->key_desc = CreateTemplateTupleDesc(1);
	TupleDescInitEntry(v->key_desc, 1, "key", TEXTOID, -1, 0);
	v->key_slot = MakeSingleTupleTableSlot(v->key_desc, &TTSOpsMinimalTuple);
	v->keys = tuplestore_begin_heap(false, false, work_mem);
}

/* Is a target AUTO a class?  Then the rows of each are counted. */
static void
decide_target(EcmlValidation *v, const EcmlAlgorithm *algorithm)
{
	EcmlTarget *target = v->columns.target;
	int64		class_rows[2] = {0};
	EcmlBlock	blocks[ECML_FETCH];
	size_t		got;

	if (target == NULL || target->use != ECML_TARGET_AUTO)
		return;
	ecml_target_resolve(target, &v->two);
	v->by_value = target->use == ECML_TARGET_CLASS;
	for (size_t b = 0; v->by_value && b < v->dataset->data.nblocks; b += got)
	{
		got = ecml_data_fetch(&v->ctx, &v->dataset->data, b, blocks, ECML_FETCH);
		for (size_t k = 0; k < got; k++)
			for (int i = 0; i < blocks[k].rows; i++)
				class_rows[blocks[k].y[i] == v->two.value[1]]++;
	}
	ecml_folds_classes(v->folds, algorithm, class_rows, v->by_value ? 2 : 0);
}

/* Rows of a group that the training knows of stay together, unless a split was asked for. */
static EcmlFoldOptions
group_options(const EcmlFoldOptions *options, const EcmlTraining *training)
{
	EcmlFoldOptions result = *options;

	for (int e = 0; e < training->nextras; e++)
		if (training->extras[e]->kind == ECML_EXTRA_GROUP && result.group == NULL && result.time == NULL &&
			(result.split < 0 || result.split == ECML_SPLIT_GROUP))
			result.group = (char *) ecml_training_extra(training, e);
	return result;
}

void
ecml_validation_open(EcmlValidation *v, MemoryContext context, const EcmlFoldOptions *options,
					 const EcmlTraining *training, uint64 seed, const char *source_text, const char *target,
					 ArrayType *features, const char *key, bool skip_missing, const char *progress)
{
	EcmlFoldOptions folds = group_options(options, training);
	EcmlSource	source;

	memset(v, 0, sizeof(*v));
	v->context = context;
	v->skip_missing = skip_missing;
	ecml_host_init(&v->ctx, &v->host, context, budget(3), seed);
	v->host.progress = progress;
	if (training->algorithm->own)
	{
		ecml_texts_open(v, &folds, training, seed, source_text, target, features, key);
		return;
	}
	SPI_connect();
	ecml_source_open(&source, source_text);
	v->folds = ecml_folds_create(&v->ctx, context, &folds, training->algorithm, training->target, &source, seed);
	MemoryContextSwitchTo(context);
	if (key)
		plan_key(v, &source, key);
	v->features = features ? features : other_columns(v, &source, training, target);
	ecml_columns_choose(&v->columns, context, &source, training, target, v->features);
	source.lazy = !ecml_folds_extra(v->folds) && key == NULL;	/* what else is read, is read from values */
	ecml_source_run(&source, validation_row, v);
	SPI_finish();
	MemoryContextSwitchTo(context);
	if (v->dataset)
		ecml_dataset_complete(v->dataset);
	decide_target(v, training->algorithm);
	ecml_folds_complete(v->folds, v->dataset ? &v->dataset->data : NULL, v->columns.binder->nfeatures);
}

void
ecml_validation_close(EcmlValidation *v)
{
	if (v->dataset)
		ecml_dataset_close(v->dataset);
	if (v->keys)
	{
		ExecDropSingleTupleTableSlot(v->key_slot);
		tuplestore_end(v->keys);
	}
}

/* ---- a fold */

typedef struct Fold
{
	EcmlValidation *v;
	int			repeat;
	int			number;
	double		share;
	MemoryContext context;
	EcmlCtx		ctx;
	EcmlServerHost host;
	EcmlDataset *test;			/* rows that are tested: values, then the row's number; NULL: not set apart yet */
	int64		train_rows;
} Fold;

/* Deal the rows out: those of the training to the trainer, those of the test, once, to their dataset. */
static void
deal_rows(Fold *fold, EcmlTrainer *trainer)
{
	EcmlValidation *v = fold->v;
	EcmlData   *data = &v->dataset->data;
	int			n = v->columns.binder->nfeatures;
	bool		labels = v->columns.target && v->columns.target->use == ECML_TARGET_CLASS;
	bool		extra = ecml_folds_extra(v->folds);
	bool		set_apart = fold->test == NULL;
	double	   *values = palloc((n + 1) * sizeof(double));
	EcmlFoldCursor cursor;
	EcmlBlock	blocks[ECML_FETCH];
	size_t		got;

	ecml_fold_cursor_init(&cursor, v->folds, fold->repeat, fold->number, fold->share);
	if (set_apart)
	{
		fold->test = ecml_dataset_create(&fold->ctx, fold->context, ECML_F8, n + 1, true, true, false);
		fold->train_rows = 0;
	}
	for (size_t b = 0; b < data->nblocks; b += got)
	{
		got = ecml_data_fetch(&v->ctx, data, b, blocks, ECML_FETCH);
		for (size_t k = 0; k < got; k++)
		{
			const EcmlBlock *block = &blocks[k];

			ecml_poll(&v->ctx, v->done, v->total);
			for (int i = 0; i < block->rows; i++)
			{
				int			missing = -1;
				double		y = v->by_value ? block->y[i] == v->two.value[1] : block->y[i];
				EcmlPart	part = ecml_fold_cursor_next(&cursor, labels ? (int) y : 0,
														 extra ? ECML_BLOCK_F8(block, n)[i] : 0);

				if (part == ECML_PART_NONE || (part == ECML_PART_TEST && !set_apart))
					continue;
				for (int j = n - 1; j >= 0; j--)
				{
					values[j] = ECML_BLOCK_F8(block, j)[i];
					if (isnan(values[j]))
						missing = j;
				}
				if (part == ECML_PART_TRAIN)
				{
					ecml_trainer_values(trainer, values, missing, y, block->w[i]);
					if (set_apart)
						fold->train_rows++;
				}
				else
				{
					values[n] = block->first + i;
					(void) ecml_dataset_append(fold->test, values, y, block->w[i]);
				}
			}
		}
	}
	if (set_apart)
		ecml_dataset_complete(fold->test);
	if (fold->train_rows == 0 || fold->test->data.rows == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("fold %d has no rows to %s", fold->number + 1, fold->train_rows == 0 ? "train on" : "test"),
				 errdetail("All rows that it could take are in the %s.",
						   fold->train_rows > 0 ? "training" : "test, or in the gap before it"),
				 errhint("Give more rows, fewer \"folds\", or a shorter \"gap\".")));
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

	for (int j = 0; j < schema->nfeatures; j++)
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

/* ---- fits */

/* Trials that share their preparation, in a fold. */
typedef struct Preparation
{
	Fold	   *fold;
	EcmlTrainer *trainer;
	EcmlPrepared *prepared;
	int		  **recode;
	int		   *recode_y;
	Datum	   *labels;			/* cross prediction: the model's classes as text */
	EcmlTrial  *trial;			/* the one under way */
	MemoryContext context;		/* of its fit */
	Jsonb	   *metrics;		/* of its fit; NULL for predictions */
} Preparation;

static void
prepare(void *arg)
{
	Preparation *p = arg;
	EcmlBlock	block;

	p->prepared = ecml_trainer_prepare(p->trainer);
	p->recode = make_recode(p->fold->v->columns.binder, p->prepared->schema);
	p->recode_y = make_class_recode(p->fold->v->columns.target, p->prepared->schema);
	p->labels = palloc((p->prepared->schema->nclasses + 1) * sizeof(Datum));
	for (int c = 0; c < p->prepared->schema->nclasses; c++)
		p->labels[c] = CStringGetTextDatum(p->prepared->schema->classes[c]);
	/* what is made for the first fetch is there for all fits, which then have the same memory left */
	if (p->prepared->data)
		(void) ecml_data_fetch(&p->trainer->ctx, p->prepared->data, 0, &block, 1);
}

/* A row of ecml_cross_predict; x, probabilities: scratch. */
static void
predict(const Preparation *p, const EcmlModel *model, const double *row_values, double *x, double *probabilities)
{
	const EcmlValidation *v = p->fold->v;
	Datum		values[4];
	bool		nulls[4] = {false};
	double		value;

	(void) tuplestore_gettupleslot(v->keys, true, false, v->key_slot);
	slot_getallattrs(v->key_slot);
	values[0] = v->key_slot->tts_values[0];
	nulls[0] = v->key_slot->tts_isnull[0];
	values[1] = Int32GetDatum(p->fold->number + 1);
	nulls[3] = true;
	if (model->task != ECML_CLASSIFICATION)
	{
		value = ecml_model_predict(model, row_values, x);
		if (model->task == ECML_ANOMALY)
		{
			values[3] = CStringGetTextDatum(ecml_model_anomaly(model, value));
			nulls[3] = false;
		}
	}
	else
	{
		int			class;

		ecml_model_probabilities(model, row_values, x, probabilities);
		class = ecml_model_class(model, probabilities);
		value = probabilities[v->folds->classes == 2 ? 1 : class];
		values[3] = p->labels[class];
		nulls[3] = false;
	}
	ecml_set_number(values, nulls, 2, value);
	ecml_rows_add(v->predictions, values, nulls);
}

/* Give the rows of the test to the evaluator, or predict them. */
static void
test_rows(const Preparation *p, const EcmlModel *model, EcmlEvaluator *evaluator)
{
	Fold	   *fold = p->fold;
	EcmlData   *data = &fold->test->data;
	int			n = data->columns - 1;
	double	   *values = palloc((n + 1) * sizeof(double));
	double	   *x = MemoryContextAllocHuge(CurrentMemoryContext, (model->schema->nterms + 1) * sizeof(double));
	double	   *probabilities = palloc((model->schema->nclasses + 1) * sizeof(double));
	int64		next = 0;		/* the row whose key comes next */
	EcmlBlock	blocks[ECML_FETCH];
	size_t		got;

	if (fold->v->keys)
		tuplestore_rescan(fold->v->keys);
	for (size_t b = 0; b < data->nblocks; b += got)
	{
		got = ecml_data_fetch(&fold->ctx, data, b, blocks, ECML_FETCH);
		for (size_t k = 0; k < got; k++)
			for (int i = 0; i < blocks[k].rows; i++)
			{
				double		y = blocks[k].y[i];
				int			missing = -1;

				if ((i & 255) == 0)
					CHECK_FOR_INTERRUPTS();
				for (int j = model->schema->nfeatures - 1; j >= 0; j--)
				{
					values[j] = ECML_BLOCK_F8(&blocks[k], j)[i];
					if (isnan(values[j]))
						missing = j;
					else if (p->recode[j])
						values[j] = p->recode[j][(int) values[j]];
				}
				if (evaluator)
					ecml_evaluator_add(evaluator, values, missing, true, p->recode_y ? p->recode_y[(int) y] : y,
									   blocks[k].w[i]);
				else if (missing < 0 || ecml_missing_used(model->schema->missing))
				{
					int64		row = (int64) ECML_BLOCK_F8(&blocks[k], n)[i];

					(void) tuplestore_skiptuples(fold->v->keys, row - next, true);
					next = row + 1;
					predict(p, model, values, x, probabilities);
				}
			}
	}
	if (fold->v->keys)
		ExecClearTuple(fold->v->key_slot);	/* what it holds is of this context */
}

/* Fit a trial, and judge it. */
static void
fit(void *arg)
{
	Preparation *p = arg;
	EcmlTrainer *trainer = p->trainer;
	EcmlServerHost *host = palloc0(sizeof(EcmlServerHost));
	EcmlCtx    *ctx = palloc(sizeof(EcmlCtx));
	EcmlModel  *model;
	EcmlEvaluator *evaluator = NULL;
	EcmlJson   *json;

	ecml_host_init(ctx, host, p->context, trainer->ctx.budget, p->trial->training->common.seed);
	ctx->used = trainer->ctx.used;
	if (p->trial->training->common.progress)
		host->progress = trainer->algorithm->name;
	model = ecml_trainer_fit(trainer, p->prepared, p->trial->training, ctx, p->context);
	if (p->fold->v->predictions == NULL)
		evaluator = ecml_evaluator_create_for(p->context, model, p->fold->v->columns.weight != NULL, 0.5);
	test_rows(p, model, evaluator);
	p->metrics = NULL;
	if (evaluator)
	{
		json = ecml_json_object();
		ecml_evaluator_finish(evaluator, json);
		p->metrics = ecml_json_finish(json);
	}
}

/* May a trial that fails so stop alone? */
static bool
forgivable(const ErrorData *error)
{
	return ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_DATA_EXCEPTION ||
		error->sqlerrcode == ERRCODE_PROGRAM_LIMIT_EXCEEDED;
}

/* Do it; what fails because of options and data is undone and returned (in context) where that is allowed. */
static ErrorData *
attempt(void (*work) (void *), void *arg, bool forgiving, MemoryContext context)
{
	MemoryContext old = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData  *volatile error = NULL;

	if (!forgiving)
	{
		work(arg);
		return NULL;
	}
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(old);
	PG_TRY();
	{
		work(arg);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(old);
	CurrentResourceOwner = owner;
	if (error && !forgivable(error))
		ReThrowError(error);
	return error;
}

static void
tell_where(void *arg)
{
	const Preparation *p = arg;
	const EcmlFoldOptions *options = &p->fold->v->folds->options;
	const char *repeat = "";

	if (options->repeats > 1)
		repeat = psprintf(", repeat %d of %d", p->fold->repeat + 1, options->repeats);
	if (p->trial->label)
		errcontext("%s, fold %d of %d%s", p->trial->label, p->fold->number + 1, options->folds, repeat);
	else
		errcontext("fold %d of %d%s", p->fold->number + 1, options->folds, repeat);
}

/* One trial in one fold: its work, in a context of its own, and what it cost. */
static void
run_trial(Preparation *p, EcmlTrial *trial, void (*work) (void *))
{
	EcmlValidation *v = p->fold->v;
	MemoryContext old = CurrentMemoryContext;
	instr_time	began;
	instr_time	took;

	INSTR_TIME_SET_CURRENT(began);
	p->context = AllocSetContextCreate(old, "ecml fold's fit", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(p->context);
	trial->error = attempt(work, p, v->forgiving, v->context);
	MemoryContextSwitchTo(v->context);
	if (trial->error == NULL && p->metrics)
	{
		Jsonb	   *metrics = palloc(VARSIZE(p->metrics));

		memcpy(metrics, p->metrics, VARSIZE(p->metrics));
		trial->metrics[trial->nmetrics++] = metrics;
	}
	MemoryContextDelete(p->context);
	MemoryContextSwitchTo(old);
	INSTR_TIME_SET_CURRENT(took);
	INSTR_TIME_SUBTRACT(took, began);
	trial->seconds += INSTR_TIME_GET_DOUBLE(took);
	v->done++;
	ecml_poll(&v->ctx, v->done, v->total);
}

/* The trials of one preparation in one fold. */
static void
run_preparation(Fold *fold, EcmlTrial **trials, int n)
{
	EcmlValidation *v = fold->v;
	MemoryContext context = AllocSetContextCreate(fold->context, "ecml fold's trainer", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	Preparation p = {.fold = fold,.trial = trials[0]};
	ErrorContextCallback callback = {.previous = error_context_stack,.callback = tell_where,.arg = &p};
	ErrorData  *error;

	error_context_stack = &callback;
	p.trainer = ecml_trainer_create(context, trials[0]->training, v->columns.binder, v->columns.target,
									v->columns.weight != NULL);
	p.trainer->ctx.budget = budget(4);
	deal_rows(fold, p.trainer);
	error = attempt(prepare, &p, v->forgiving, v->context);
	for (int i = 0; i < n; i++)
	{
		p.trial = trials[i];
		trials[i]->rows = fold->train_rows + fold->test->data.rows;
		if (error)
			trials[i]->error = error;
		else
			run_trial(&p, trials[i], fit);
	}
	ecml_trainer_close(p.trainer);
	error_context_stack = callback.previous;
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

static void
fit_texts(void *arg)
{
	Preparation *p = arg;

	p->metrics = ecml_texts_fold(p->fold->v->texts, p->trial->training, p->fold->repeat, p->fold->number, p->fold->share, &p->trial->rows);
}

/* A trial that learns from texts: nothing is prepared before. */
static void
run_texts(Fold *fold, EcmlTrial *trial)
{
	Preparation p = {.fold = fold,.trial = trial};
	ErrorContextCallback callback = {.previous = error_context_stack,.callback = tell_where,.arg = &p};

	error_context_stack = &callback;
	run_trial(&p, trial, fit_texts);
	error_context_stack = callback.previous;
}

static void
run_fold(EcmlValidation *v, int repeat, int number, EcmlTrial **trials, int n, double share)
{
	MemoryContext context = AllocSetContextCreate(v->context, "ecml fold", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	Fold		fold = {.v = v,.repeat = repeat,.number = number,.share = share,.context = context};
	bool	   *done = palloc0(n * sizeof(bool));
	EcmlTrial **same = palloc(n * sizeof(EcmlTrial *));

	ecml_host_init(&fold.ctx, &fold.host, context, budget(1), 0);
	for (int i = 0; i < n; i++)
	{
		int			nsame = 0;

		if (done[i] || trials[i]->error)
			continue;
		if (v->texts)
		{
			run_texts(&fold, trials[i]);
			continue;
		}
		for (int j = i; j < n; j++)
			if (!done[j] && trials[j]->error == NULL &&
				ecml_training_same_preparation(trials[i]->training, trials[j]->training))
			{
				done[j] = true;
				same[nsame++] = trials[j];
			}
		run_preparation(&fold, same, nsame);
	}
	if (fold.test)
		ecml_dataset_close(fold.test);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

void
ecml_validation_run(EcmlValidation *v, EcmlTrial **trials, int n, double share)
{
	const EcmlFoldOptions *options = &v->folds->options;
	MemoryContext old = MemoryContextSwitchTo(v->context);

	for (int i = 0; i < n; i++)
	{
		trials[i]->nmetrics = 0;
		trials[i]->metrics = palloc((Size) options->folds * options->repeats * sizeof(Jsonb *));
	}
	if (v->total == 0)
		v->total = (double) n * options->folds * options->repeats;
	for (int r = 0; r < options->repeats; r++)
	{
		ecml_folds_deal(v->folds, r);
		for (int f = 0; f < options->folds; f++)
			run_fold(v, r, f, trials, n, share);
	}
	MemoryContextSwitchTo(old);
}

/* ---- what they amount to */

/* A metric of a fold; false: it has none. */
static bool
metric_of(Jsonb *metrics, const char *name, double *result)
{
	JsonbValue	value;

	if (!getKeyJsonValueFromContainer(&metrics->root, name, strlen(name), &value) || value.type != jbvNumeric)
		return false;
	*result = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, NumericGetDatum(value.val.numeric)));
	return true;
}

bool
ecml_trial_metric(const EcmlTrial *trial, const char *name, double *mean, double *sd)
{
	double		m2 = 0;
	int			count = 0;

	*mean = 0;
	for (int f = 0; f < trial->nmetrics; f++)
	{
		double		value;
		double		delta;

		if (!metric_of(trial->metrics[f], name, &value))
			continue;
		delta = value - *mean;
		*mean += delta / ++count;
		m2 += delta * (value - *mean);
	}
	*sd = count > 1 ? sqrt(m2 / (count - 1)) : NAN;
	return count > 0;
}

static void
summarize_folds(EcmlJson *json, const EcmlValidation *v, const EcmlTrial *trial)
{
	ecml_json_open_array(json, "details");
	for (int f = 0; f < trial->nmetrics; f++)
	{
		ecml_json_open_object(json, NULL);
		ecml_json_int(json, "repeat", f / v->folds->options.folds + 1);
		ecml_json_int(json, "fold", f % v->folds->options.folds + 1);
		ecml_json_jsonb(json, "metrics", trial->metrics[f]);
		ecml_json_close_object(json);
	}
	ecml_json_close_array(json);
}

Jsonb *
ecml_validation_summary(const EcmlValidation *v, const EcmlTrial *trial, bool details)
{
	static const char *const splits[] = {"random", "stratified", "group", "time"};
	static const char *const counts[] = {"rows", "skipped", "threshold"};	/* no metrics */
	EcmlJson   *json = ecml_json_object();
	EcmlDict   *known = ecml_dict_create(CurrentMemoryContext);

	ecml_json_int(json, "folds", v->folds->options.folds);
	ecml_json_int(json, "repeats", v->folds->options.repeats);
	ecml_json_string(json, "split", splits[v->folds->options.split]);
	ecml_json_int(json, "rows", v->folds->rows);
	ecml_json_int(json, "skipped", v->skipped);
	for (int i = 0; i < (int) lengthof(counts); i++)
		(void) ecml_dict_add(known, counts[i], strlen(counts[i]));
	for (int f = 0; f < trial->nmetrics; f++)
	{
		JsonbIterator *iterator = JsonbIteratorInit(&trial->metrics[f]->root);
		JsonbIteratorToken token;
		JsonbValue	value;

		while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
		{
			char	   *name;
			double		mean;
			double		sd;

			if (token != WJB_KEY || ecml_dict_find(known, value.val.string.val, value.val.string.len) >= 0)
				continue;
			(void) ecml_dict_add(known, value.val.string.val, value.val.string.len);
			name = pnstrdup(value.val.string.val, value.val.string.len);
			if (!ecml_trial_metric(trial, name, &mean, &sd))
				continue;
			ecml_json_open_object(json, name);
			ecml_json_number(json, "mean", mean);
			ecml_json_number(json, "sd", sd);
			ecml_json_close_object(json);
		}
	}
	if (details)
		summarize_folds(json, v, trial);
	return ecml_json_finish(json);
}

/* ---- in SQL */

void
ecml_validation_refuse(const EcmlAlgorithm *algorithm)
{
	if (algorithm->task == ECML_ANOMALY)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s cannot be cross-validated", algorithm->name),
				 errdetail("It learns without a target, so that no fold can tell how good it is."),
				 errhint("Train it, and compare its scores with what is known: ecml_evaluate(model, source, '{\"label\": \"is_fraud\"}').")));
}

const EcmlAlgorithm *
ecml_validation_algorithm(const char *name, const char *function)
{
	const EcmlAlgorithm *algorithm = ecml_algorithm_get(name);

	return algorithm->own && algorithm->own->texts ? algorithm : ecml_algorithm_of_features(name, function);
}

void
ecml_validation_need(FunctionCallInfo fcinfo, const char *third, const char *call)
{
	const char *missing = PG_ARGISNULL(0) ? "algorithm" : PG_ARGISNULL(1) ? "source" :
		third && PG_ARGISNULL(4) ? third : NULL;

	if (missing)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not be NULL", missing),
				 errdetail("It is NULL."),
				 errhint("Call %s.", call)));
}

typedef struct ValidateOptions
{
	EcmlFoldOptions folds;		/* must be first: its list of options is used */
	bool		details;
} ValidateOptions;

static const EcmlOption detail_options[] = {
	ECML_OPT_BOOL(ValidateOptions, details, "details"),
	ECML_OPT_END
};

PG_FUNCTION_INFO_V1(ecml_cross_validate);
PG_FUNCTION_INFO_V1(ecml_cross_predict);

/* The options of folds beside those of the algorithm. */
static EcmlTraining *
parse(FunctionCallInfo fcinfo, int number, EcmlFoldOptions *folds, const EcmlOptionSet *more)
{
	EcmlOptionSet sets[] = {{ecml_fold_options, folds}, more ? *more : (EcmlOptionSet) {NULL, NULL}, {NULL, NULL}};
	const EcmlAlgorithm *algorithm = ecml_validation_algorithm(text_to_cstring(PG_GETARG_TEXT_PP(0)), "cross validation");

	return ecml_training_parse(algorithm, PG_ARGISNULL(number) ? NULL : PG_GETARG_JSONB_P(number), sets);
}

/* ecml_cross_validate(algorithm text, source text, target text, features text[], options jsonb): jsonb */
Datum
ecml_cross_validate(PG_FUNCTION_ARGS)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(caller, "ecml cross validation", ALLOCSET_DEFAULT_SIZES);
	ValidateOptions options = {ECML_FOLD_DEFAULTS};
	EcmlOptionSet more = {detail_options, &options};
	EcmlTrial	trial = {0};
	EcmlTrial  *trials[] = {&trial};
	EcmlTraining *training;
	EcmlValidation v;
	Jsonb	   *result;

	ecml_validation_need(fcinfo, NULL, "ecml_cross_validate(algorithm, source, target, features, options)");
	MemoryContextSwitchTo(context);
	trial.training = training = parse(fcinfo, 4, &options.folds, &more);
	ecml_validation_refuse(training->algorithm);
	ecml_validation_open(&v, context, &options.folds, training, training->common.seed,
						 text_to_cstring(PG_GETARG_TEXT_PP(1)),
						 ecml_text_argument(fcinfo, 2),
						 PG_ARGISNULL(3) ? NULL : PG_GETARG_ARRAYTYPE_P(3), NULL,
						 training->common.missing == ECML_MISSING_SKIP,
						 training->common.progress ? "ecml_cross_validate" : NULL);
	ecml_validation_run(&v, trials, 1, 1);
	ecml_validation_close(&v);
	MemoryContextSwitchTo(caller);
	result = ecml_validation_summary(&v, &trial, options.details);
	MemoryContextDelete(context);
	PG_RETURN_JSONB_P(result);
}

/*
 * ecml_cross_predict(algorithm text, source text, target text, features text[], key text, options jsonb):
 * rows key text, fold int, prediction float8, class text
 */
Datum
ecml_cross_predict(PG_FUNCTION_ARGS)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(caller, "ecml cross prediction", ALLOCSET_DEFAULT_SIZES);
	EcmlFoldOptions options = ECML_FOLD_DEFAULTS;
	EcmlTrial	trial = {0};
	EcmlTrial  *trials[] = {&trial};
	EcmlTraining *training;
	EcmlValidation v;
	EcmlRows   *rows = ecml_rows_begin(fcinfo);

	ecml_validation_need(fcinfo, "key", "ecml_cross_predict(algorithm, source, target, features, key, options)");
	MemoryContextSwitchTo(context);
	trial.training = training = parse(fcinfo, 5, &options, NULL);
	if (options.repeats > 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("ecml_cross_predict predicts each row once"),
				 errdetail("\"repeats\" is %d.", options.repeats),
				 errhint("Leave out \"repeats\"; call it with several values of \"seed\".")));
	if (training->algorithm->task == ECML_CLUSTERING)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the clusters of different folds are not the same"),
				 errdetail("%s numbers them anew in each fold.", training->algorithm->name),
				 errhint("Train one model, and call ecml_predict.")));
	ecml_validation_open(&v, context, &options, training, training->common.seed,
						 text_to_cstring(PG_GETARG_TEXT_PP(1)),
						 ecml_text_argument(fcinfo, 2),
						 PG_ARGISNULL(3) ? NULL : PG_GETARG_ARRAYTYPE_P(3), text_to_cstring(PG_GETARG_TEXT_PP(4)),
						 training->common.missing == ECML_MISSING_SKIP,
						 training->common.progress ? "ecml_cross_predict" : NULL);
	v.predictions = rows;
	ecml_validation_run(&v, trials, 1, 1);
	ecml_validation_close(&v);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
	return (Datum) 0;
}
