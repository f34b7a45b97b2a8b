/*
 * fit.c - from the rows of a trainer to a model: categories sorted, NULLs filled, columns standardised, the kernel's fit
 */
#include "core/compat.h"

#include <math.h>

#include "utils/memutils.h"

#include "core/trainer.h"

#define SPREAD_LIMIT 1e17		/* of float4 terms from their mean: squares of them are added up */

static void
no_rows(const EcmlTrainer *trainer)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_EXCEPTION),
			 errmsg("there are no rows to learn from"),
			 trainer->skipped > 0 ?
			 errdetail(INT64_FORMAT " rows were left out because a value, the target or the weight is NULL.",
					   trainer->skipped) :
			 errdetail("The source gave no row."),
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
	double	   *p = schema->shift + feature->first_term;
	double		nulls = trainer->dataset->weight;

	for (int code = 0; code < dict->n; code++)
		if (recode[code] >= 0)
		{
			p[recode[code]] = use_of(trainer, j, code);
			nulls -= p[recode[code]];
		}
	if (!isnan(feature->fill))
		p[(int) feature->fill] += nulls;
	for (int c = 0; c < feature->terms; c++)
	{
		p[c] /= trainer->dataset->weight;
		schema->scale[feature->first_term + c] = p[c] > 0 && p[c] < 1 ? 1 / sqrt(p[c] * (1 - p[c])) : 1;
	}
}

/* The classes of the target, sorted, with what makes their numbers of the dataset's; NULL: it has none. */
static int *
sort_classes(const EcmlTrainer *trainer, EcmlSchema *schema)
{
	const EcmlTarget *target = trainer->target;
	int		   *recode;
	bool		same = true;

	if (trainer->algorithm->target != ECML_TARGET_CLASS)
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
	for (int code = 0; code < target->labels->n; code++)
		same &= recode[code] == code || recode[code] < 0;
	return same ? NULL : recode;
}

/* No more rows: from now on the dataset yields terms. */
static EcmlData *
complete(EcmlTrainer *trainer, EcmlSchema *schema, int **recode)
{
	const EcmlAlgorithm *algorithm = trainer->algorithm;
	EcmlDataset *dataset = trainer->dataset;
	bool		impute = schema->missing == ECML_MISSING_IMPUTE;
	bool		scale = algorithm->standardize && algorithm->standardize(trainer->training->params);

	ecml_dataset_complete(dataset);
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
	ecml_dataset_transform(dataset, schema, recode, sort_classes(trainer, schema));
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

static void *
fit_one_pass(EcmlTrainer *trainer, EcmlSchema *schema, int **recode)
{
	const EcmlOnePass *one_pass = trainer->algorithm->one_pass;
	int		   *select = palloc((schema->nterms + 1) * sizeof(int));
	void	   *state = trainer->state;

	if (schema->missing == ECML_MISSING_IMPUTE)
	{
		/* on a copy: more rows may follow in a window, or the state may serve another call */
		state = one_pass->copy(&trainer->ctx, state);
		impute_terms(trainer, state, schema, recode);
	}
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
	return one_pass->fit(&trainer->ctx, state, trainer->training->params, select, schema->nterms);
}

EcmlModel *
ecml_trainer_finish(EcmlTrainer *trainer)
{
	MemoryContext old = MemoryContextSwitchTo(trainer->context);
	const EcmlAlgorithm *algorithm = trainer->algorithm;
	EcmlModel  *model = palloc0(sizeof(EcmlModel));
	EcmlJson   *json = ecml_json_object();
	int		  **recode;

	if (trainer->rows == 0)
		no_rows(trainer);
	if (algorithm->one_pass)
		ecml_trainer_settle(trainer);
	recode = palloc0((ecml_trainer_features(trainer) + 1) * sizeof(int *));
	model->algorithm = algorithm;
	model->context = trainer->context;
	model->rows = trainer->rows;
	model->skipped = trainer->skipped;
	model->seed = trainer->seed;
	ecml_host_init(&model->ctx, &model->host, trainer->context, 0, 0);
	model->schema = make_schema(trainer, recode);
	model->options = ecml_training_options(trainer->training);
	if (algorithm->one_pass)
		model->fitted = fit_one_pass(trainer, model->schema, recode);
	else
	{
		EcmlData   *data = complete(trainer, model->schema, recode);

		model->fitted = algorithm->fit(&trainer->ctx, data, model->schema, trainer->training->params);
	}
	algorithm->metrics(model->fitted, model->schema, json);
	model->metrics = ecml_json_finish_text(json);
	ecml_trainer_close(trainer);
	MemoryContextSwitchTo(old);
	return model;
}
