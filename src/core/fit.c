/*
 * fit.c - from the rows of a trainer to a model: categories sorted, NULLs filled, columns standardised, the kernel's fit
 */
#include "core/compat.h"

#include <math.h>

#include "utils/memutils.h"

#include "core/calibrate.h"
#include "core/profile.h"
#include "core/trainer.h"

#define SPREAD_LIMIT 1e17		/* of float4 terms from their mean: squares of them are added up */

static void
no_rows(const EcmlTrainer *trainer)
{
	const char *empty = NULL;

	/* one column may be what makes all rows useless */
	for (int j = 0; trainer->nulls && trainer->incomplete > 0 && j < ecml_trainer_features(trainer) && empty == NULL; j++)
		if (trainer->nulls[j] == trainer->incomplete)
			empty = ecml_binder_feature_name(trainer->binder, ecml_trainer_source(trainer, j));
	ereport(ERROR,
			(errcode(ERRCODE_DATA_EXCEPTION),
			 errmsg("there are no rows to learn from"),
			 empty ? errdetail("Column \"%s\" is NULL in all rows: " INT64_FORMAT ".", empty, trainer->incomplete) :
			 trainer->skipped > 0 ?
			 errdetail("Rows left out because a value, the target or the weight is NULL: " INT64_FORMAT ".",
					   trainer->skipped) :
			 errdetail("The source gave no row."),
			 empty ? errhint("Leave the column out.") :
			 trainer->skipped > 0 ? errhint("Set the option \"missing\" to \"impute\", or leave out columns.") :
			 errhint("Look at what the source gives.")));
}

/* The weight of the rows that have the category of this code; 0: it was met in no row that was learnt from. */
static double
use_of(const EcmlTrainer *trainer, int j, int code)
{
	const EcmlOnePass *one_pass = trainer->algorithm->one_pass;

	if (one_pass == NULL)
		return code < trainer->nuses[j] ? trainer->uses[j][code] : 0;
	if (code >= trainer->nterm_of[j] || trainer->term_of[j][code] < 0)
		return 0;
	return one_pass->sum(trainer->state, trainer->term_of[j][code]);
}

/* The categories of a feature, sorted; recode: from the binder's codes to places in that list, -1: not used. */
static int *
sort_categories(const EcmlTrainer *trainer, EcmlFeature *feature, int j, const EcmlDict *dict)
{
	int		   *order = ecml_dict_order(dict);
	int		   *recode = palloc((dict->n + 1) * sizeof(int));

	feature->categories = palloc((dict->n + 1) * sizeof(char *));
	for (int i = 0; i < dict->n; i++)
	{
		int			code = order[i];

		recode[code] = -1;
		if (use_of(trainer, j, code) <= 0)
			continue;
		recode[code] = feature->ncategories;
		feature->categories[feature->ncategories++] = dict->entries[code].key;
	}
	return recode;
}

/* The features as the model will know them; recode[j]: of a category, see sort_categories. */
static EcmlSchema *
make_schema(EcmlTrainer *trainer, int **recode)
{
	EcmlSchema *schema = palloc0(sizeof(EcmlSchema));
	int			n = ecml_trainer_features(trainer);
	const EcmlAlgorithm *algorithm = trainer->algorithm;

	schema->missing = trainer->training->common.missing;
	schema->native = algorithm->native;
	schema->target = trainer->target ? trainer->target->name : "";
	schema->event = trainer->target && trainer->target->has_event ? trainer->target->event.name : "";
	schema->nfeatures = n;
	schema->features = palloc0((n + 1) * sizeof(EcmlFeature));
	for (int j = 0; j < n; j++)
	{
		EcmlFeature *feature = &schema->features[j];
		int			at = ecml_trainer_source(trainer, j);
		const EcmlInput *input = ecml_binder_input(trainer->binder, at);

		feature->name = ecml_binder_feature_name(trainer->binder, at);
		feature->kind = input->kind;
		feature->element = input->convert == ECML_FROM_ARRAY ? at - input->first + 1 : 0;
		feature->fill = NAN;
		if (input->kind != ECML_CATEGORY)
			continue;
		recode[j] = sort_categories(trainer, feature, j, input->categories);
		feature->drop_first = algorithm->drop_first && algorithm->drop_first(trainer->training->params);
	}
	ecml_schema_layout(schema);
	return schema;
}

/* NULL categories become the most frequent one (the first of several). */
static void
fill_category(const EcmlTrainer *trainer, EcmlFeature *feature, int j, const int *recode)
{
	const EcmlDict *dict = ecml_binder_input(trainer->binder, ecml_trainer_source(trainer, j))->categories;
	double		most = 0;

	for (int code = 0; code < dict->n; code++)
	{
		double		use = recode[code] < 0 ? 0 : use_of(trainer, j, code);

		if (use > most || (use == most && use > 0 && recode[code] < feature->fill))
		{
			most = use;
			feature->fill = recode[code];
		}
	}
}

/* Shift the terms of a number to its mean, and scale them to deviation 1 when asked for. */
static void
standardize_number(const EcmlDataset *dataset, EcmlSchema *schema, int j, bool scale)
{
	const EcmlFeature *feature = &schema->features[j];
	const EcmlColumnStats *stats = &dataset->stats[j];
	int			t = feature->first_term;
	double		spread;

	/* NULLs, filled with the mean, add rows without deviation */
	schema->shift[t] = stats->n > 0 ? stats->mean : 0;
	schema->scale[t] = scale && stats->m2 > 0 ? 1 / sqrt(stats->m2 / dataset->weight) : 1;
	spread = Max(stats->max - schema->shift[t], schema->shift[t] - stats->min) * schema->scale[t];
	if (dataset->data.element == ECML_F4 && spread > SPREAD_LIMIT)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("values of column \"%s\" are too large", feature->name),
				 errdetail("They reach from %g to %g.", stats->min, stats->max),
				 errhint("Set \"standardize\" to true, or take other units in the source.")));
}

/* The same for the terms of a category: 1 in a share p of the rows. */
static void
standardize_category(const EcmlTrainer *trainer, EcmlSchema *schema, int j, const int *recode)
{
	const EcmlFeature *feature = &schema->features[j];
	const EcmlDict *dict = ecml_binder_input(trainer->binder, ecml_trainer_source(trainer, j))->categories;
	double	   *p = palloc0((feature->ncategories + 1) * sizeof(double));
	double		nulls = trainer->dataset->weight;

	for (int code = 0; code < dict->n; code++)
		if (recode[code] >= 0)
			p[recode[code]] = use_of(trainer, j, code);
	/* in the order of the categories: that of the codes depends on who has met them first */
	for (int c = 0; c < feature->ncategories; c++)
		nulls -= p[c];
	if (!isnan(feature->fill))
		p[(int) feature->fill] += nulls;
	for (int t = 0; t < feature->terms; t++)
	{
		int			term = feature->first_term + t;
		double		share = p[t + (feature->drop_first ? 1 : 0)] / trainer->dataset->weight;

		schema->shift[term] = share;
		schema->scale[term] = share > 0 && share < 1 ? 1 / sqrt(share * (1 - share)) : 1;
	}
	pfree(p);
}

/* The classes of the target, sorted, with what makes their numbers of the dataset's; NULL: it has none. */
static int *
sort_classes(const EcmlTrainer *trainer, EcmlSchema *schema)
{
	const EcmlTarget *target = trainer->target;
	int		   *recode;
	bool		same = true;

	if (ecml_trainer_target(trainer) != ECML_TARGET_CLASS)
		return NULL;
	recode = palloc((target->labels->n + 1) * sizeof(int));
	schema->classes = ecml_target_classes(target, trainer->class_uses, trainer->nclass_uses, &schema->nclasses, recode);
	if (schema->nclasses < 2)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("the target \"%s\" has one class only", schema->target),
				 errdetail("It is \"%s\" in all rows that can be learnt from: " INT64_FORMAT ".", schema->classes[0],
						   trainer->rows),
				 errhint("Give rows of at least two classes.")));
	if (trainer->by_value)
	{
		trainer->dataset->class_values = trainer->two.value;
		return NULL;
	}
	for (int code = 0; code < target->labels->n; code++)
		same &= recode[code] == code || recode[code] < 0;
	return same ? NULL : recode;
}

/* Numbers whose squares overflow have no deviation, and what is made of them is not finite. */
static void
check_squares(const EcmlTrainer *trainer, const EcmlSchema *schema)
{
	const EcmlDataset *dataset = trainer->dataset;

	for (int j = 0; j < ecml_trainer_features(trainer); j++)
	{
		const EcmlColumnStats *stats = &dataset->stats[j];

		if (trainer->category[j] || isfinite(stats->m2))
			continue;
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("column \"%s\" holds values that are too large", schema->features[j].name),
				 errdetail("They reach from %g to %g: squares overflow.", stats->min, stats->max),
				 errhint("Take logarithms, or other units, in the source.")));
	}
}

/* No more rows: from now on the dataset yields terms. */
static EcmlData *
complete(EcmlTrainer *trainer, EcmlSchema *schema, int **recode)
{
	const EcmlAlgorithm *algorithm = trainer->algorithm;
	EcmlDataset *dataset = trainer->dataset;
	bool		impute = schema->missing == ECML_MISSING_IMPUTE;
	bool		scale = algorithm->standardize && algorithm->standardize(trainer->training->params);

	if (algorithm->max_terms > 0 && schema->nterms > algorithm->max_terms)
		ecml_trainer_too_wide(trainer, algorithm->max_terms);
	ecml_dataset_complete(dataset);
	check_squares(trainer, schema);
	ecml_profile_collected(trainer);
	for (int j = 0; impute && j < schema->nfeatures; j++)
	{
		if (trainer->category[j])
			fill_category(trainer, &schema->features[j], j, recode[j]);
		else
			schema->features[j].fill = dataset->stats[j].n > 0 ? dataset->stats[j].mean : 0;
	}
	ecml_schema_layout(schema);
	if (algorithm->standardize)
	{
		schema->shift = palloc0((schema->nterms + 1) * sizeof(double));
		schema->scale = palloc0((schema->nterms + 1) * sizeof(double));
		for (int t = 0; t < schema->nterms; t++)
			schema->scale[t] = 1;
		for (int j = 0; j < schema->nfeatures; j++)
		{
			if (!trainer->category[j])
				standardize_number(dataset, schema, j, scale);
			else if (scale)
				standardize_category(trainer, schema, j, recode[j]);
		}
		schema->plain = false;
	}
	/* without categories the values may be the terms */
	ecml_dataset_transform(dataset, schema, trainer->sparse ? recode : NULL, sort_classes(trainer, schema));
	return &dataset->data;
}

EcmlData *
ecml_trainer_data(EcmlTrainer *trainer)
{
	MemoryContext old = MemoryContextSwitchTo(trainer->context);
	EcmlData   *data;
	int		  **recode;

	if (trainer->rows == 0)
		no_rows(trainer);
	ecml_trainer_end(trainer);
	recode = palloc0((ecml_trainer_features(trainer) + 1) * sizeof(int *));
	data = complete(trainer, make_schema(trainer, recode), recode);
	MemoryContextSwitchTo(old);
	return data;
}

/* What imputation would have done to the state's rows: see the head of trainer.c. */
static void
impute_terms(EcmlTrainer *trainer, void *state, EcmlSchema *schema, int **recode)
{
	const EcmlOnePass *one_pass = trainer->algorithm->one_pass;
	double		total = one_pass->sum(state, -1);

	for (int j = 0; j < schema->nfeatures; j++)
	{
		EcmlFeature *feature = &schema->features[j];
		int			null_term = trainer->null_term[j];
		double		nulls = null_term >= 0 ? one_pass->sum(state, null_term) : 0;
		int			to = -1;

		if (!trainer->category[j])
		{
			to = trainer->term_of[j][0];
			feature->fill = total > nulls ? one_pass->sum(state, to) / (total - nulls) : 0;
		}
		else
		{
			const EcmlDict *dict = ecml_binder_input(trainer->binder, ecml_trainer_source(trainer, j))->categories;

			fill_category(trainer, feature, j, recode[j]);
			for (int code = 0; code < dict->n; code++)
				if (recode[j][code] >= 0 && recode[j][code] == feature->fill)
					to = trainer->term_of[j][code];
		}
		if (nulls > 0 && to >= 0)
			one_pass->add_term(&trainer->ctx, state, to, null_term, trainer->category[j] ? 1 : feature->fill);
	}
	ecml_schema_layout(schema);
}

/* One pass: the terms of the state that the schema's are, in that order. */
static int *
select_terms(const EcmlTrainer *trainer, const EcmlSchema *schema, int **recode)
{
	int		   *select = palloc((schema->nterms + 1) * sizeof(int));

	for (int j = 0; j < schema->nfeatures; j++)
	{
		const EcmlFeature *feature = &schema->features[j];
		const EcmlDict *dict = ecml_binder_input(trainer->binder, ecml_trainer_source(trainer, j))->categories;

		if (!trainer->category[j])
			select[feature->first_term] = trainer->term_of[j][0];
		else
			for (int code = 0; code < dict->n; code++)
			{
				int			t = recode[j][code] - (feature->drop_first ? 1 : 0);

				if (recode[j][code] >= 0 && t >= 0)
					select[feature->first_term + t] = trainer->term_of[j][code];
			}
	}
	return select;
}

bool
ecml_training_same_preparation(const EcmlTraining *a, const EcmlTraining *b)
{
	const EcmlAlgorithm *algorithm = a->algorithm;

	return algorithm == b->algorithm && a->common.missing == b->common.missing && a->target == b->target &&
		(algorithm->sample == NULL || (a->common.seed == b->common.seed &&
									   algorithm->sample(a->params, 1) == algorithm->sample(b->params, 1))) &&
		(algorithm->standardize == NULL || algorithm->standardize(a->params) == algorithm->standardize(b->params)) &&
		(algorithm->drop_first == NULL || algorithm->drop_first(a->params) == algorithm->drop_first(b->params));
}

/* Mean and deviation of each term that is a number, in the rows of training. */
static void
measure_terms(const EcmlTrainer *trainer, EcmlPrepared *prepared)
{
	const EcmlSchema *schema = prepared->schema;
	const EcmlOnePass *one_pass = trainer->algorithm->one_pass;

	prepared->mean = palloc0((schema->nterms + 1) * sizeof(double));
	prepared->deviation = palloc0((schema->nterms + 1) * sizeof(double));
	for (int j = 0; j < schema->nfeatures; j++)
	{
		int			t = schema->features[j].first_term;

		if (trainer->category[j])
			continue;
		if (one_pass)
		{
			prepared->mean[t] = one_pass->sum(prepared->state, prepared->select[t]) / one_pass->sum(prepared->state, -1);
			prepared->deviation[t] = sqrt(one_pass->variance(prepared->state, prepared->select[t]));
		}
		else
		{
			/* NULLs, filled with the mean, add rows without deviation */
			prepared->mean[t] = trainer->dataset->stats[j].mean;
			prepared->deviation[t] = sqrt(trainer->dataset->stats[j].m2 / trainer->dataset->weight);
		}
	}
}

EcmlPrepared *
ecml_trainer_prepare(EcmlTrainer *trainer)
{
	MemoryContext old = MemoryContextSwitchTo(trainer->context);
	const EcmlOnePass *one_pass = trainer->algorithm->one_pass;
	EcmlPrepared *prepared = palloc0(sizeof(EcmlPrepared));
	int		  **recode;

	if (trainer->rows == 0)
		no_rows(trainer);
	ecml_trainer_end(trainer);
	if (one_pass)
		ecml_trainer_settle(trainer);
	recode = palloc0((ecml_trainer_features(trainer) + 1) * sizeof(int *));
	prepared->recode = recode;
	prepared->schema = make_schema(trainer, recode);
	if (one_pass == NULL)
		prepared->data = complete(trainer, prepared->schema, recode);
	else
	{
		prepared->state = trainer->state;
		if (prepared->schema->missing == ECML_MISSING_IMPUTE)
		{
			/* on a copy: more rows may follow in a window, or the state may serve another call */
			prepared->state = one_pass->copy(&trainer->ctx, trainer->state);
			impute_terms(trainer, prepared->state, prepared->schema, recode);
		}
		prepared->select = select_terms(trainer, prepared->schema, recode);
	}
	measure_terms(trainer, prepared);
	MemoryContextSwitchTo(old);
	return prepared;
}

/* The deviation of what a category contributes: step [terms] from no term to each of its terms. */
static double
category_deviation(const EcmlTrainer *trainer, const EcmlFeature *feature, int j, const int *recode, const double *step)
{
	const EcmlDict *dict = ecml_binder_input(trainer->binder, ecml_trainer_source(trainer, j))->categories;
	double		total = 0;
	double		mean = 0;
	double		square = 0;

	for (int pass = 0; pass < 2; pass++)
		for (int code = 0; code < dict->n; code++)
		{
			int			t = recode[code] - (feature->drop_first ? 1 : 0);
			double		use = recode[code] < 0 ? 0 : use_of(trainer, j, code);
			double		value = t >= 0 && t < feature->terms ? step[t] : 0;

			if (pass == 0)
			{
				total += use;
				mean += use > 0 ? use / total * (value - mean) : 0;
			}
			else
				square += use / total * (value - mean) * (value - mean);
		}
	return total > 0 ? sqrt(square) : 0;
}

/*
 * The deviation over the rows of training of what each feature contributes: of a number |coefficient| times its deviation.
 * A contribution is linear in its term, so that two rows of terms tell all.  Of several classes their mean.
 */
static double *
importance(const EcmlTrainer *trainer, const EcmlPrepared *prepared, const EcmlModel *model)
{
	const EcmlSchema *schema = model->schema;
	int			nclasses = schema->nclasses > 2 ? schema->nclasses : 1;
	double	   *result = palloc0((schema->nfeatures + 1) * sizeof(double));
	double	   *x = palloc((schema->nterms + 1) * sizeof(double));
	double	   *low = palloc((schema->nterms + 1) * sizeof(double));
	double	   *step = palloc((schema->nterms + 1) * sizeof(double));
	double		base;

	for (int k = 0; k < nclasses; k++)
	{
		int			class = schema->nclasses == 2 ? 1 : k;

		for (int end = 0; end < 2; end++)
		{
			for (int j = 0; j < schema->nfeatures; j++)
				for (int i = 0; i < schema->features[j].terms; i++)
				{
					int			t = schema->features[j].first_term + i;

					x[t] = trainer->category[j] ? end : prepared->mean[t] + end * prepared->deviation[t];
					if (schema->shift)
						x[t] = (x[t] - schema->shift[t]) * schema->scale[t];
				}
			model->algorithm->contributions(model->fitted, schema, x, class, &base, end ? step : low);
		}
		for (int t = 0; t < schema->nterms; t++)
			step[t] -= low[t];
		for (int j = 0; j < schema->nfeatures; j++)
		{
			const EcmlFeature *feature = &schema->features[j];
			double		deviation = trainer->category[j] ?
				category_deviation(trainer, feature, j, prepared->recode[j], step + feature->first_term) :
				fabs(step[feature->first_term]);

			if (isfinite(deviation))
				result[j] += deviation / nclasses;
		}
	}
	pfree(x);
	pfree(low);
	pfree(step);
	return result;
}

EcmlModel *
ecml_trainer_fit(EcmlTrainer *trainer, const EcmlPrepared *prepared, const EcmlTraining *training, EcmlCtx *ctx,
				 MemoryContext context)
{
	MemoryContext old = MemoryContextSwitchTo(context);
	const EcmlAlgorithm *algorithm = trainer->algorithm;
	EcmlModel  *model = palloc0(sizeof(EcmlModel));
	EcmlJson   *json = ecml_json_object();

	model->algorithm = algorithm;
	model->context = context;
	model->rows = trainer->rows;
	model->skipped = trainer->skipped;
	model->seed = training->common.seed;
	ecml_host_init(&model->ctx, &model->host, context, 0, 0);
	model->schema = prepared->schema;
	model->task = ecml_model_task(algorithm, model->schema);
	if (training->common.calibration != ECML_CALIBRATION_NONE && model->schema->nclasses == 0)
		ecml_training_no_classes(training);
	model->options = ecml_training_options(training);
	if (algorithm->one_pass)
		model->fitted = algorithm->one_pass->fit(ctx, prepared->state, training->params, prepared->select,
												 model->schema->nterms);
	else
		model->fitted = algorithm->fit(ctx, prepared->data, model->schema, training->params);
	if (training->common.calibration != ECML_CALIBRATION_NONE)
		model->calibrator = ecml_calibrator_learn(ctx, prepared, training);
	if (algorithm->importance)
	{
		model->importance = palloc0((model->schema->nfeatures + 1) * sizeof(double));
		algorithm->importance(model->fitted, model->schema, model->importance);
	}
	else if (algorithm->contributions && !algorithm->native)
		model->importance = importance(trainer, prepared, model);
	model->profile = ecml_profile_make(trainer, model, prepared->recode);
	algorithm->metrics(model->fitted, model->schema, json);
	if (model->calibrator)
		ecml_calibrator_metrics(model->calibrator, json);
	model->metrics = ecml_json_finish_text(json);
	MemoryContextSwitchTo(old);
	return model;
}

EcmlModel *
ecml_trainer_finish(EcmlTrainer *trainer)
{
	EcmlPrepared *prepared = ecml_trainer_prepare(trainer);
	EcmlModel  *model;

	if (prepared->data && trainer->training->common.calibration == ECML_CALIBRATION_NONE)
		ecml_dataset_allow_discard(trainer->dataset);
	model = ecml_trainer_fit(trainer, prepared, trainer->training, &trainer->ctx, trainer->context);
	ecml_trainer_close(trainer);
	return model;
}
