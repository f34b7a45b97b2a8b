/*
 * trainer.c - from rows of values to a model
 *
 * Collected: rows go to a dataset; at the end categories are sorted, fills and standardisation derived from the columns'
 * statistics, and the kernel fits.
 * One pass: rows become terms in a small block that the kernel absorbs when it is full.  Terms are numbered as they are met:
 * a number has one, each category of a text column one, and NULLs of a column (missing = impute) one that marks them, with 0
 * in the column itself.  What imputation would have done is done at the end, exactly: the mean of the column times the mark
 * is added to the column (EcmlOnePass.add_term).  So no second pass is needed, and states merge whatever each has met.
 */
#include "core/compat.h"

#include <math.h>

#include "utils/memutils.h"

#include "core/guc.h"
#include "core/profile.h"
#include "core/trainer.h"

#define PENDING_FIRST 16		/* rows of the first pending block: there may be thousands of groups */
#define PENDING_ROWS 512
#define SAMPLE_STREAM UINT64CONST(0x5A3B1E)
#define MAX_TERMS 4000			/* one pass; its state grows with the square */

static const char *const missing_choices[] = {"skip", "impute", "error", "native", NULL};	/* as EcmlMissing */
static const char *const filled_choices[] = {"skip", "impute", "error", NULL};

static const EcmlOption native_options[] = {
	ECML_OPT_ENUM(EcmlCommonOptions, missing, "missing", missing_choices),
	ECML_OPT_END
};

static const EcmlOption filled_options[] = {
	ECML_OPT_ENUM(EcmlCommonOptions, missing, "missing", filled_choices),
	ECML_OPT_END
};

static const EcmlOption common_options[] = {
	ECML_OPT_INT64(EcmlCommonOptions, seed, "seed", 0, 9007199254740992.0),
	ECML_OPT_BOOL(EcmlCommonOptions, progress, "progress"),
	ECML_OPT_END
};

static const EcmlOption weight_options[] = {
	ECML_OPT_TEXT(EcmlCommonOptions, sample_weight, "sample_weight"),
	ECML_OPT_ALIAS_TEXT(EcmlCommonOptions, sample_weight, "weights"),
	ECML_OPT_END
};

static const EcmlOption survival_options[] = {
	ECML_OPT_TEXT(EcmlCommonOptions, event, "event"),
	ECML_OPT_END
};

static const char *const calibration_choices[] = {"none", "platt", "isotonic", NULL};	/* as EcmlCalibrationMethod */

static const EcmlOption class_options[] = {
	ECML_OPT_ENUM(EcmlCommonOptions, calibration, "calibration", calibration_choices),
	ECML_OPT_INT(EcmlCommonOptions, calibration_folds, "calibration_folds", 2, 100),
	ECML_OPT_END
};

static const char *const strategy_choices[] = {"collect", "step", NULL};	/* as EcmlStrategy */

static const EcmlOption strategy_options[] = {
	ECML_OPT_ENUM(EcmlCommonOptions, strategy, "strategy", strategy_choices),
	ECML_OPT_END
};

#define MAX_SETS 9

/* The lists of options of an algorithm, with what they fill: the number of them. */
static int
option_sets(const EcmlTraining *training, EcmlOptionSet *sets)
{
	int			n = 0;

	sets[n++] = (EcmlOptionSet) {training->algorithm->options, training->params};
	if (!training->algorithm->own)
		sets[n++] = (EcmlOptionSet) {training->algorithm->native ? native_options : filled_options, (void *) &training->common};
	sets[n++] = (EcmlOptionSet) {common_options, (void *) &training->common};
	if (training->algorithm->own && training->algorithm->own->sets)
		n += training->algorithm->own->sets(training->params, sets + n);
	if (training->algorithm->own && training->algorithm->own->texts == NULL)
		return n;
	sets[n++] = (EcmlOptionSet) {weight_options, (void *) &training->common};
	if (training->algorithm->own)
		return n;
	if (training->algorithm->target == ECML_TARGET_SURVIVAL)
		sets[n++] = (EcmlOptionSet) {survival_options, (void *) &training->common};
	if ((training->algorithm->target == ECML_TARGET_CLASS || training->algorithm->target == ECML_TARGET_AUTO) &&
		training->algorithm->one_pass == NULL)
		sets[n++] = (EcmlOptionSet) {class_options, (void *) &training->common};
	if (training->algorithm->step)
		sets[n++] = (EcmlOptionSet) {strategy_options, (void *) &training->common};
	return n;
}

static bool
learns_by_steps(const EcmlAlgorithm *algorithm)
{
	return algorithm->step != NULL;
}

/* The option "strategy" is known by name everywhere. */
static void
check_strategy(const EcmlAlgorithm *algorithm, Jsonb *options)
{
	if (algorithm->step || options == NULL || !JB_ROOT_IS_OBJECT(options) ||
		getKeyJsonValueFromContainer(&options->root, "strategy", strlen("strategy"), NULL) == NULL)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("%s cannot learn step by step", algorithm->name),
			 errdetail("It needs its rows in one place; the option \"strategy\" is given."),
			 errhint("Leave the option out. Algorithms that have it: %s.", ecml_algorithm_list(learns_by_steps))));
}

EcmlTraining *
ecml_training_parse(const EcmlAlgorithm *algorithm, Jsonb *options, const EcmlOptionSet *more)
{
	EcmlTraining *training = palloc0(sizeof(EcmlTraining));
	EcmlOptionSet sets[MAX_SETS];
	int			nsets;
	const char *wrong;

	check_strategy(algorithm, options);
	training->algorithm = algorithm;
	training->common.seed = -1;
	training->common.calibration_folds = 5;
	training->common.missing = algorithm->native ? ECML_MISSING_NATIVE : ECML_MISSING_SKIP;
	training->params = palloc0(algorithm->params_size);
	memcpy(training->params, algorithm->defaults, algorithm->params_size);
	if (options && !(JB_ROOT_IS_OBJECT(options) && JB_ROOT_COUNT(options) == 0))
	{
		training->given = palloc(VARSIZE(options));
		memcpy(training->given, options, VARSIZE(options));
	}
	nsets = option_sets(training, sets);
	for (; more && more->options; more++)
		sets[nsets++] = *more;
	ecml_options_parse(algorithm->name, options, sets, nsets);
	wrong = algorithm->check ? algorithm->check(training->params) : NULL;
	if (wrong)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid options for %s", algorithm->name),
				 errdetail("%s", wrong),
				 errhint("See the table of options in the documentation of %s.", algorithm->name)));
	if (training->common.seed < 0)
		training->common.seed = ecml_guc_seed;
	training->target = algorithm->target_for ? algorithm->target_for(training->params) : algorithm->target;
	if (training->common.calibration != ECML_CALIBRATION_NONE && training->target == ECML_TARGET_NUMBER)
		ecml_training_no_classes(training);
	for (const EcmlExtra *extra = algorithm->extras; extra && extra->option; extra++)
		if (*(char **) ((char *) training->params + extra->offset))
			training->extras[training->nextras++] = extra;
	return training;
}

void
ecml_training_no_classes(const EcmlTraining *training)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("only probabilities of classes can be calibrated"),
			 errdetail("With these options %s predicts a number.", training->algorithm->name),
			 errhint("Leave out \"calibration\".")));
}

EcmlModelTask
ecml_training_task(const EcmlTraining *training, const EcmlTarget *target)
{
	bool		classes = (target ? target->use : training->target) == ECML_TARGET_CLASS;

	return training->algorithm->target_for && classes ? ECML_CLASSIFICATION : training->algorithm->task;
}

const char *
ecml_training_extra(const EcmlTraining *training, int i)
{
	return *(char **) ((char *) training->params + training->extras[i]->offset);
}

char *
ecml_training_options(const EcmlTraining *training)
{
	EcmlOptionSet sets[MAX_SETS];
	int			n = option_sets(training, sets);

	return ecml_options_text(sets, n);
}

/* The input that an option names as an extra column: ecml_train has added it behind the features, of an aggregate it is an argument. */
static int
find_extra(const EcmlTrainer *trainer, int number)
{
	const EcmlExtra *extra = trainer->training->extras[number];
	const char *name = ecml_training_extra(trainer->training, number);

	for (int i = 0; i < trainer->binder->ninputs; i++)
		if (strcmp(trainer->binder->inputs[i].name, name) == 0)
		{
			ecml_binder_make_extra(trainer->binder, &trainer->binder->inputs[i], extra->kind, extra->option);
			return i;
		}
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("the %s column \"%s\" is not among the arguments", extra->option, name),
			 errdetail("Arguments are named x1, x2 and so on."),
			 errhint("Give, for example, \"%s\": \"x1\".", extra->option)));
	return -1;
}

EcmlTrainer *
ecml_trainer_create(MemoryContext context, const EcmlTraining *training, EcmlBinder *binder,
					EcmlTarget *target, bool has_w)
{
	EcmlTrainer *trainer = MemoryContextAllocZero(context, sizeof(EcmlTrainer));

	if (training->common.strategy == ECML_STRATEGY_STEP)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("the strategy \"step\" is ecml_train's alone"),
				 errdetail("Aggregates, cross validation and searches collect their rows."),
				 errhint("Leave out the option \"strategy\".")));
	trainer->training = training;
	trainer->algorithm = training->algorithm;
	trainer->context = context;
	trainer->seed = training->common.seed;
	trainer->binder = binder;
	trainer->target = target;
	if (target && training->algorithm->element == ECML_F4)
		target->most = ECML_TARGET_MOST_F4;
	trainer->weight = -1;
	trainer->has_w = has_w;
	for (int i = 0; i < training->nextras; i++)
		trainer->extra[i] = find_extra(trainer, i);
	ecml_host_init(&trainer->ctx, &trainer->host, context, (size_t) ecml_guc_work_mem * 1024, trainer->seed);
	/* from another trainer, which may be gone */
	for (int i = 0; i < binder->ninputs; i++)
		if (binder->inputs[i].categories)
			ecml_dict_count(binder->inputs[i].categories, &trainer->ctx);
	if (training->common.progress)
		trainer->host.progress = training->algorithm->name;
	return trainer;
}

/* An argument named by the option sample_weight is the weight. */
static void
find_weight(EcmlTrainer *trainer)
{
	const char *name = trainer->training->common.sample_weight;

	if (name == NULL || trainer->has_w)
		return;
	for (int j = 0; j < trainer->binder->nfeatures; j++)
		if (strcmp(ecml_binder_feature_name(trainer->binder, j), name) == 0 &&
			ecml_binder_input(trainer->binder, j)->kind != ECML_CATEGORY)
		{
			trainer->weight = j;
			return;
		}
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("the weight column \"%s\" is not among the arguments", name),
			 errdetail("Arguments are named x1, x2 and so on; a weight must be a number."),
			 errhint("Give, for example, \"sample_weight\": \"x1\".")));
}

void
ecml_trainer_too_wide(const EcmlTrainer *trainer, int limit)
{
	const EcmlInput *widest = NULL;

	for (int i = 0; i < trainer->binder->ninputs; i++)
	{
		const EcmlInput *input = &trainer->binder->inputs[i];

		if (input->kind == ECML_CATEGORY && (widest == NULL || input->categories->n > widest->categories->n))
			widest = input;
	}
	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("too many terms for %s", trainer->algorithm->name),
			 widest ? errdetail("At most %d are possible, a number or category each; column \"%s\" alone has %d categories or more.",
								limit, widest->name, widest->categories->n) :
			 errdetail("At most %d are possible; there are %d numbers.", limit, ecml_trainer_features(trainer)),
			 widest ? errhint("Leave the column out (argument features) if it is a key, or group its rare values.") :
			 errhint("Give fewer columns.")));
}

/* One pass: a new term, 0 in all rows so far. */
static int
add_term(EcmlTrainer *trainer)
{
	if (trainer->nterms >= MAX_TERMS)
		ecml_trainer_too_wide(trainer, MAX_TERMS);
	return trainer->nterms++;
}

void
ecml_trainer_order(EcmlTrainer *trainer)
{
	int			nextras = trainer->training->nextras;
	int			n = ecml_trainer_features(trainer);
	int		   *order = ECML_NEW(&trainer->ctx, int, n + nextras + 1);
	bool	   *apart = ECML_NEW0(&trainer->ctx, bool, trainer->binder->nfeatures + 1);
	bool		same = true;
	int			at = 0;

	if (trainer->weight >= 0)
		apart[trainer->weight] = true;
	for (int i = 0; i < nextras; i++)
	{
		order[n + i] = trainer->binder->inputs[trainer->extra[i]].first;
		apart[order[n + i]] = true;
	}
	for (int j = 0; j < trainer->binder->nfeatures && at < n; j++)
		if (!apart[j])
			order[at++] = j;
	for (int j = 0; j < n + nextras; j++)
		same &= order[j] == j;
	ecml_free(&trainer->ctx, apart);
	if (same)
		ecml_free(&trainer->ctx, order);
	else
		trainer->order = order;
}

/* Room for the sample that is enough for the algorithm; what memory allows of it, when that is less. */
static EcmlReservoir *
make_reservoir(EcmlTrainer *trainer, int width)
{
	EcmlCtx    *ctx = &trainer->ctx;
	int64		limit = trainer->algorithm->sample(trainer->training->params, ecml_trainer_features(trainer));
	EcmlReservoir *reservoir;
	EcmlRng		rng;

	if (ctx->budget)
		limit = Min(limit, (int64) (ctx->budget / 4 / ecml_reservoir_row_bytes(width)));
	ecml_rng_seed(&rng, trainer->seed);
	rng = ecml_rng_stream(&rng, SAMPLE_STREAM);
	reservoir = ecml_reservoir_create(ctx, width, Max(limit, 1), &rng);
	reservoir->plain = !ecml_trainer_weighted(trainer);
	return reservoir;
}

static EcmlDataset *
make_dataset(EcmlTrainer *trainer, EcmlElement element)
{
	int			n = ecml_trainer_features(trainer);
	int			columns = n + trainer->training->nextras;
	EcmlDataset *dataset = ecml_dataset_create(&trainer->ctx, trainer->context, element, columns, trainer->target != NULL,
											   ecml_trainer_weighted(trainer), true);

	dataset->exact = ECML_NEW(&trainer->ctx, bool, columns + 1);
	for (int j = 0; j < columns; j++)
		dataset->exact[j] = j >= n || trainer->category[j];
	return dataset;
}

/* The first usable row tells how many features there are. */
static void
start(EcmlTrainer *trainer)
{
	int			n;

	find_weight(trainer);
	ecml_trainer_order(trainer);
	n = ecml_trainer_features(trainer);
	if (n == 0 && trainer->target == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("there are no features to learn from"),
				 errdetail("No argument is left beside the weight."),
				 errhint("Name at least one column.")));
	trainer->features = ECML_NEW(&trainer->ctx, double, n + trainer->training->nextras + 1);
	trainer->category = ECML_NEW0(&trainer->ctx, bool, n + trainer->training->nextras + 1);
	for (int j = 0; j < n; j++)
		if (ecml_binder_input(trainer->binder, ecml_trainer_source(trainer, j))->kind == ECML_CATEGORY)
			trainer->category[j] = trainer->sparse = true;
	for (int i = 0; i < trainer->binder->ninputs; i++)
		if (trainer->binder->inputs[i].categories && trainer->binder->inputs[i].categories->ctx != &trainer->ctx)
			ecml_dict_count(trainer->binder->inputs[i].categories, &trainer->ctx);
	if (trainer->profiled)
		ecml_profile_begin(trainer);
	if (trainer->algorithm->one_pass == NULL)
	{
		trainer->uses = ECML_NEW0(&trainer->ctx, double *, n + 1);
		trainer->nuses = ECML_NEW0(&trainer->ctx, int, n + 1);
		if (trainer->algorithm->sample)
			trainer->reservoir = make_reservoir(trainer, n + trainer->training->nextras + 1);
		/* what passes through to a sample keeps its digits */
		trainer->dataset = make_dataset(trainer, trainer->reservoir ? ECML_F8 : trainer->algorithm->element);
	}
	else
	{
		trainer->term_of = ECML_NEW0(&trainer->ctx, int *, n + 1);
		trainer->nterm_of = ECML_NEW0(&trainer->ctx, int, n + 1);
		trainer->null_term = ECML_NEW(&trainer->ctx, int, n + 1);
		for (int j = 0; j < n; j++)
		{
			trainer->null_term[j] = -1;
			if (!trainer->category[j])
			{
				trainer->term_of[j] = ECML_NEW(&trainer->ctx, int, 1);
				trainer->term_of[j][0] = add_term(trainer);
				trainer->nterm_of[j] = 1;
			}
		}
	}
}

static bool
started(const EcmlTrainer *trainer)
{
	return trainer->features != NULL;
}

void
ecml_trainer_begin(EcmlTrainer *trainer)
{
	if (!started(trainer))
		start(trainer);
}

/* The term of a category's code, made when it is new. */
static int
category_term(EcmlTrainer *trainer, int j, int code)
{
	if (code >= trainer->nterm_of[j])
	{
		int			n = Max(8, code * 2 + 1);

		trainer->term_of[j] = ecml_resize_array(&trainer->ctx, trainer->term_of[j], n, sizeof(int));
		for (int c = trainer->nterm_of[j]; c < n; c++)
			trainer->term_of[j][c] = -1;
		trainer->nterm_of[j] = n;
	}
	if (trainer->term_of[j][code] < 0)
		trainer->term_of[j][code] = add_term(trainer);
	return trainer->term_of[j][code];
}

void
ecml_trainer_flush(EcmlTrainer *trainer)
{
	const EcmlOnePass *one_pass = trainer->algorithm->one_pass;
	int			terms = Min(trainer->nterms, trainer->pending_terms);

	if (trainer->pending.rows == 0)
		return;
	if (trainer->state == NULL)
		trainer->state = one_pass->create(&trainer->ctx, terms);
	else if (one_pass->terms(trainer->state) < terms)
		one_pass->grow(&trainer->ctx, trainer->state, terms);
	one_pass->absorb(&trainer->ctx, trainer->state, &trainer->pending);
	if (trainer->sample && trainer->sample->by_content)
		ecml_profile_pending(trainer);
	trainer->pending.rows = 0;
	ecml_poll(&trainer->ctx, trainer->rows, 0);
}

void
ecml_trainer_settle(EcmlTrainer *trainer)
{
	ecml_trainer_flush(trainer);
	if (trainer->algorithm->one_pass->terms(trainer->state) < trainer->nterms)
		trainer->algorithm->one_pass->grow(&trainer->ctx, trainer->state, trainer->nterms);
}

/* Absorb what is pending; room for more rows, and a column for each term. */
static void
prepare_pending(EcmlTrainer *trainer)
{
	EcmlBlock  *pending = &trainer->pending;
	int			rows = Min(Max(PENDING_FIRST, trainer->pending_capacity * 4), PENDING_ROWS);
	int			terms = trainer->pending_terms;

	ecml_trainer_flush(trainer);
	if (trainer->nterms > terms)
		/* columns to spare, so that a stream of new categories does not make a block each */
		terms = terms == 0 ? trainer->nterms : Min(trainer->nterms + trainer->nterms / 4, MAX_TERMS);
	if (rows != trainer->pending_capacity || terms != trainer->pending_terms)
	{
		/* the columns of a row must not fall on the same lines of the cache */
		int			stride = rows + 16;
		double	   *memory;

		trainer->pending_terms = terms;
		trainer->pending_capacity = rows;
		if (pending->x)
			ecml_free(&trainer->ctx, (void *) pending->x);
		memory = ecml_zalloc_array(&trainer->ctx, (size_t) (terms + 2) * stride, sizeof(double));
		pending->stride = stride;
		pending->x = memory;
		pending->y = memory + (size_t) terms * stride;
		pending->w = ecml_trainer_weighted(trainer) ? memory + (size_t) (terms + 1) * stride : NULL;
	}
}

/* Give new categories and NULL marks their terms. */
static void
meet_terms(EcmlTrainer *trainer, const double *values, int n)
{
	for (int j = 0; j < n; j++)
	{
		if (isnan(values[j]))
		{
			if (trainer->null_term[j] < 0)
				trainer->null_term[j] = add_term(trainer);
		}
		else if (trainer->category[j])
			category_term(trainer, j, (int) values[j]);
	}
}

/* One pass: append a row of values. */
static void
append_terms(EcmlTrainer *trainer, const double *values, bool missing, double y, double w)
{
	EcmlBlock  *pending = &trainer->pending;
	double	   *x;
	int			n = ecml_trainer_features(trainer);
	int			row;

	trainer->sparse |= missing;
	if (trainer->sparse)
		meet_terms(trainer, values, n);
	if (pending->rows == trainer->pending_capacity || trainer->nterms > trainer->pending_terms)
		prepare_pending(trainer);
	row = pending->rows++;
	x = (double *) pending->x + row;
	if (!trainer->sparse)
		for (int j = 0; j < n; j++)
			x[(size_t) j * pending->stride] = values[j];
	else
	{
		for (int j = 0; j < trainer->pending_terms; j++)
			x[(size_t) j * pending->stride] = 0;
		for (int j = 0; j < n; j++)
		{
			if (isnan(values[j]))
				x[(size_t) trainer->null_term[j] * pending->stride] = 1;
			else if (trainer->category[j])
				x[(size_t) trainer->term_of[j][(int) values[j]] * pending->stride] = 1;
			else
				x[(size_t) trainer->term_of[j][0] * pending->stride] = values[j];
		}
	}
	((double *) pending->y)[row] = y;
	if (pending->w)
		((double *) pending->w)[row] = w;
}

void
ecml_missing_error(const char *where)
{
	ereport(ERROR,
			(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
			 errmsg("%s holds NULL", where),
			 errdetail("The option \"missing\" is \"error\"."),
			 errhint("Filter such rows out, or set \"missing\" to \"skip\" or \"impute\".")));
}

/* Can the row's extra columns be used?  A flag that is none is an error. */
static bool
check_extras(const EcmlTrainer *trainer, const double *extras)
{
	for (int i = 0; i < trainer->training->nextras; i++)
	{
		if (isnan(extras[i]))
			return false;
		if (trainer->training->extras[i]->kind == ECML_EXTRA_FLAG && extras[i] != 0 && extras[i] != 1)
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("%s column \"%s\" holds a value that is neither 0 nor 1", trainer->training->extras[i]->option,
							ecml_training_extra(trainer->training, i)),
					 errdetail("A row has %g there.", extras[i]),
					 errhint("Give a boolean, or 0 and 1.")));
	}
	return true;
}

/* Add to the weight of a category. */
static void
count_use(EcmlTrainer *trainer, double **uses, int *nuses, int code, double w)
{
	if (code >= *nuses)
	{
		int			n = Max(8, code * 2 + 1);

		*uses = ecml_resize_array(&trainer->ctx, *uses, n, sizeof(double));
		memset(*uses + *nuses, 0, (n - *nuses) * sizeof(double));
		*nuses = n;
	}
	(*uses)[code] += w;
}

/* Collected rows: the weight of each category. */
static void
count_uses(EcmlTrainer *trainer, const double *values, double w)
{
	for (int j = 0; j < ecml_trainer_features(trainer); j++)
		if (trainer->category[j] && !isnan(values[j]))
			count_use(trainer, &trainer->uses[j], &trainer->nuses[j], (int) values[j], w);
}

void
ecml_trainer_values(EcmlTrainer *trainer, const double *values, int missing, double y, double w)
{
	int			n;

	if (!started(trainer))
		start(trainer);
	n = ecml_trainer_features(trainer);
	if (trainer->training->nextras > 0 && !check_extras(trainer, values + n))
	{
		trainer->skipped++;
		return;
	}
	if (missing >= 0)
	{
		if (trainer->nulls)
			ecml_profile_nulls(trainer, values);
		if (trainer->training->common.missing == ECML_MISSING_SKIP)
		{
			trainer->skipped++;
			trainer->incomplete++;
			return;
		}
		if (trainer->training->common.missing == ECML_MISSING_ERROR)
			ecml_missing_error(psprintf("column \"%s\"", ecml_binder_feature_name(trainer->binder, ecml_trainer_source(trainer, missing))));
	}
	if (ecml_trainer_target(trainer) == ECML_TARGET_AUTO && !trainer->dataset->divert)
		ecml_two_values_add(&trainer->two, y, w);
	if (trainer->reservoir && !trainer->dataset->divert)
	{
		double	   *row = ecml_reservoir_offer(&trainer->ctx, trainer->reservoir, w);

		if (row)
		{
			memcpy(row, values, (n + trainer->training->nextras) * sizeof(double));
			row[n + trainer->training->nextras] = y;
		}
	}
	else if (trainer->dataset)
	{
		int			wide = ecml_dataset_append(trainer->dataset, values, y, w);

		if (wide >= 0)
			ecml_dataset_overflow(ecml_binder_feature_name(trainer->binder, ecml_trainer_source(trainer, wide)), values[wide]);
		/* of diverted rows they are counted at the end, in the table's order */
		if (trainer->sparse && !trainer->dataset->divert)
			count_uses(trainer, values, w);
		if (ecml_trainer_target(trainer) == ECML_TARGET_CLASS && !trainer->dataset->divert)
			count_use(trainer, &trainer->class_uses, &trainer->nclass_uses, (int) y, w);
	}
	else
		append_terms(trainer, values, missing >= 0, y, w);
	if (trainer->sample && !trainer->sample->by_content)
		ecml_rowsample_offer(&trainer->ctx, trainer->sample, values);
	trainer->rows++;
}

void
ecml_trainer_count_uses(EcmlTrainer *trainer)
{
	const EcmlDataset *dataset = trainer->dataset;
	bool		classes = ecml_trainer_target(trainer) == ECML_TARGET_CLASS;
	bool		values = ecml_trainer_target(trainer) == ECML_TARGET_AUTO;

	for (size_t b = 0; b < dataset->nblocks && (classes || values || trainer->sparse); b++)
	{
		const EcmlBlock *block = &dataset->blocks[b];

		ecml_poll(&trainer->ctx, 0, 0);
		for (int j = 0; j < dataset->nvalues; j++)
			for (int i = 0; trainer->category[j] && i < block->rows; i++)
			{
				double		code = ecml_dataset_value(dataset, block, j, i);

				if (!isnan(code))
					count_use(trainer, &trainer->uses[j], &trainer->nuses[j], (int) code, block->w ? block->w[i] : 1);
			}
		for (int i = 0; values && i < block->rows && trainer->two.n < 3; i++)
			ecml_two_values_add(&trainer->two, block->y[i], block->w ? block->w[i] : 1);
		for (int i = 0; classes && i < block->rows; i++)
			count_use(trainer, &trainer->class_uses, &trainer->nclass_uses, (int) block->y[i], block->w ? block->w[i] : 1);
	}
}

/* The rows that were drawn, in the order in which they came, with what they count. */
static void
take_sample(EcmlTrainer *trainer)
{
	EcmlReservoir *reservoir = trainer->reservoir;
	EcmlDataset *dataset = make_dataset(trainer, trainer->algorithm->element);
	size_t	   *order = ecml_reservoir_order(&trainer->ctx, reservoir);

	trainer->reservoir = NULL;
	trainer->dataset = dataset;
	for (size_t i = 0; i < reservoir->n; i++)
	{
		const double *row = reservoir->rows + order[i] * reservoir->width;
		double		y = row[reservoir->width - 1];
		double		w = ecml_trainer_weighted(trainer) ? ecml_reservoir_weight(reservoir, order[i]) : 1;
		int			wide;

		if (i % 1024 == 0)
			ecml_poll(&trainer->ctx, 0, 0);
		wide = ecml_dataset_append(dataset, row, y, w);
		if (wide >= 0)
			ecml_dataset_overflow(ecml_binder_feature_name(trainer->binder, ecml_trainer_source(trainer, wide)), row[wide]);
		if (trainer->sparse)
			count_uses(trainer, row, w);
		if (ecml_trainer_target(trainer) == ECML_TARGET_CLASS)
			count_use(trainer, &trainer->class_uses, &trainer->nclass_uses, (int) y, w);
	}
	ecml_free(&trainer->ctx, order);
	ecml_free(&trainer->ctx, reservoir->rows);
	ecml_free(&trainer->ctx, reservoir->weights);
	ecml_free(&trainer->ctx, reservoir->numbers);
	ecml_free(&trainer->ctx, reservoir->tags);
	ecml_free(&trainer->ctx, reservoir->heap);
}

void
ecml_trainer_end(EcmlTrainer *trainer)
{
	if (trainer->reservoir)
		take_sample(trainer);
	if (ecml_trainer_target(trainer) != ECML_TARGET_AUTO)
		return;
	ecml_target_resolve(trainer->target, &trainer->two);
	if (trainer->target->use != ECML_TARGET_CLASS)
		return;
	trainer->by_value = true;
	for (int i = 0; i < 2; i++)
		count_use(trainer, &trainer->class_uses, &trainer->nclass_uses, i, trainer->two.use[i]);
}

void
ecml_trainer_count_room(EcmlTrainer *trainer, size_t rows)
{
	EcmlTargetUse use = ecml_trainer_target(trainer);
	int			at;

	if (use != ECML_TARGET_CLASS && use != ECML_TARGET_AUTO)
		return;
	for (size_t row = 0; row < rows;)
	{
		const EcmlBlock *block = ecml_dataset_room(trainer->dataset, row, &at);
		int			n = Min(rows - row, ECML_BLOCK_ROWS - at);

		for (int i = at; use == ECML_TARGET_AUTO && i < at + n && trainer->two.n < 3; i++)
			ecml_two_values_add(&trainer->two, block->y[i], block->w ? block->w[i] : 1);
		for (int i = at; use == ECML_TARGET_CLASS && i < at + n; i++)
			count_use(trainer, &trainer->class_uses, &trainer->nclass_uses, (int) block->y[i], block->w ? block->w[i] : 1);
		row += n;
	}
}

void
ecml_trainer_check_weight(double w)
{
	if (!isfinite(w) || w < 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("a row's weight is not a number of at least 0"),
				 errdetail("The weight is %g.", w),
				 errhint("Weights count how often a row stands in the data.")));
}

void
ecml_trainer_row(EcmlTrainer *trainer, bool usable, bool has_target, double y, bool has_weight, double w)
{
	EcmlBinder *binder = trainer->binder;
	const double *values = binder->values;
	int			missing = binder->missing;

	if (!usable && trainer->training->common.missing == ECML_MISSING_ERROR)
		ecml_missing_error("an array");
	if (!usable || !has_target || !has_weight)
	{
		trainer->skipped++;
		return;
	}
	if (!started(trainer))
		start(trainer);
	if (trainer->weight >= 0)
	{
		w = values[trainer->weight];
		if (isnan(w))
			w = 0;
	}
	if (trainer->order)
	{
		missing = -1;
		for (int j = ecml_trainer_features(trainer) + trainer->training->nextras - 1; j >= 0; j--)
		{
			trainer->features[j] = values[trainer->order[j]];
			if (isnan(trainer->features[j]))
				missing = j;
		}
		values = trainer->features;
	}
	if (ecml_trainer_weighted(trainer))
	{
		ecml_trainer_check_weight(w);
		if (w == 0)
		{
			trainer->skipped++;
			return;
		}
	}
	ecml_trainer_values(trainer, values, missing, y, w);
}

void
ecml_trainer_close(EcmlTrainer *trainer)
{
	if (trainer->dataset)
		ecml_dataset_close(trainer->dataset);
}

static bool
same_options(const Jsonb *a, const Jsonb *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return VARSIZE(a) == VARSIZE(b) && memcmp(a, b, VARSIZE(a)) == 0;
}

/* Are the columns and options of the other trainer ours?  What one has not learnt yet, it takes from the other. */
static void
check_same_training(EcmlTrainer *trainer, const EcmlTrainer *other)
{
	EcmlBinder *ours = trainer->binder;
	const EcmlBinder *theirs = other->binder;
	bool		same = ours->ninputs == theirs->ninputs && trainer->algorithm == other->algorithm &&
		trainer->has_w == other->has_w && same_options(trainer->training->given, other->training->given) &&
		(!started(trainer) || !started(other) || trainer->weight == other->weight);

	for (int i = 0; same && i < ours->ninputs; i++)
		same = ours->inputs[i].kind == theirs->inputs[i].kind &&
			(ours->inputs[i].count == theirs->inputs[i].count || ours->inputs[i].count < 0 || theirs->inputs[i].count < 0) &&
			strcmp(ours->inputs[i].name, theirs->inputs[i].name) == 0;
	if (!same)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("states of different trainings cannot be merged"),
				 errdetail("Their algorithms, options or columns differ."),
				 errhint("Make all states with the same arguments.")));
}

void
ecml_trainer_merge(EcmlTrainer *trainer, EcmlTrainer *other)
{
	const EcmlOnePass *one_pass = trainer->algorithm->one_pass;
	int		   *map;
	int			n;

	check_same_training(trainer, other);
	trainer->skipped += other->skipped;
	if (!started(other))
		return;
	if (!started(trainer))
	{
		for (int i = 0; i < trainer->binder->ninputs; i++)
			trainer->binder->inputs[i].count = other->binder->inputs[i].count;
		ecml_binder_lay_out(trainer->binder);
		trainer->weight = other->weight;
		start(trainer);
	}
	ecml_trainer_flush(trainer);
	ecml_trainer_flush(other);
	ecml_profile_merge(trainer, other);
	trainer->rows += other->rows;
	if (other->state == NULL)
		return;
	n = one_pass->terms(other->state);
	map = palloc((Max(n, other->nterms) + 1) * sizeof(int));
	for (int j = 0; j < ecml_trainer_features(trainer); j++)
	{
		const EcmlDict *theirs = ecml_binder_input(other->binder, ecml_trainer_source(other, j))->categories;
		EcmlDict   *ours = ecml_binder_input(trainer->binder, ecml_trainer_source(trainer, j))->categories;

		if (other->null_term[j] >= 0 && other->null_term[j] < n)
		{
			trainer->sparse = true;
			if (trainer->null_term[j] < 0)
				trainer->null_term[j] = add_term(trainer);
			map[other->null_term[j]] = trainer->null_term[j];
		}
		if (!trainer->category[j])
		{
			map[other->term_of[j][0]] = trainer->term_of[j][0];
			continue;
		}
		for (int code = 0; code < theirs->n; code++)
		{
			int			our_code = ecml_dict_add(ours, theirs->entries[code].key, theirs->entries[code].length);
			int			their_term = code < other->nterm_of[j] ? other->term_of[j][code] : -1;

			if (their_term >= 0 && their_term < n)
				map[their_term] = category_term(trainer, j, our_code);
		}
	}
	if (trainer->state == NULL)
		trainer->state = one_pass->create(&trainer->ctx, trainer->nterms);
	else if (one_pass->terms(trainer->state) < trainer->nterms)
		one_pass->grow(&trainer->ctx, trainer->state, trainer->nterms);
	one_pass->merge(&trainer->ctx, trainer->state, other->state, map);
	pfree(map);
}
