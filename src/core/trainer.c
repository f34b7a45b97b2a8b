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
#include "core/trainer.h"

#define PENDING_FIRST 16		/* rows of the first pending block: there may be thousands of groups */
#define PENDING_ROWS 512
#define MAX_TERMS 4000			/* one pass; its state grows with the square */

static const char *const missing_choices[] = {"skip", "impute", "error", NULL};

static const EcmlOption common_options[] = {
	ECML_OPT_ENUM(EcmlCommonOptions, missing, "missing", missing_choices),
	ECML_OPT_INT64(EcmlCommonOptions, seed, "seed", 0, 9007199254740992.0),
	ECML_OPT_BOOL(EcmlCommonOptions, progress, "progress"),
	ECML_OPT_TEXT(EcmlCommonOptions, sample_weight, "sample_weight"),
	ECML_OPT_ALIAS_TEXT(EcmlCommonOptions, sample_weight, "weights"),
	ECML_OPT_END
};

EcmlTraining *
ecml_training_parse(const EcmlAlgorithm *algorithm, Jsonb *options)
{
	EcmlTraining *training = palloc0(sizeof(EcmlTraining));
	EcmlOptionSet sets[2];
	const char *wrong;

	training->algorithm = algorithm;
	training->common.seed = -1;
	training->params = palloc0(algorithm->params_size);
	memcpy(training->params, algorithm->defaults, algorithm->params_size);
	sets[0].options = algorithm->options;
	sets[0].params = training->params;
	sets[1].options = common_options;
	sets[1].params = &training->common;
	if (options)
	{
		training->given = palloc(VARSIZE(options));
		memcpy(training->given, options, VARSIZE(options));
	}
	ecml_options_parse(algorithm->name, options, sets, 2);
	wrong = algorithm->check ? algorithm->check(training->params) : NULL;
	if (wrong)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid options for %s", algorithm->name),
				 errdetail("%s", wrong),
				 errhint("See the table of options in the documentation of %s.", algorithm->name)));
	if (training->common.seed < 0)
		training->common.seed = ecml_guc_seed;
	return training;
}

Jsonb *
ecml_training_options(const EcmlTraining *training)
{
	EcmlOptionSet sets[2] = {
		{training->algorithm->options, training->params},
		{common_options, (void *) &training->common}
	};

	return ecml_options_jsonb(sets, 2);
}

EcmlTrainer *
ecml_trainer_create(MemoryContext context, const EcmlTraining *training, EcmlBinder *binder,
					const char *target, bool has_w)
{
	EcmlTrainer *trainer = MemoryContextAllocZero(context, sizeof(EcmlTrainer));

	trainer->training = training;
	trainer->algorithm = training->algorithm;
	trainer->context = context;
	trainer->seed = training->common.seed;
	trainer->binder = binder;
	trainer->target = MemoryContextStrdup(context, target);
	trainer->weight = -1;
	trainer->has_w = has_w;
	ecml_host_init(&trainer->ctx, &trainer->host, context, (size_t) ecml_guc_work_mem * 1024, trainer->seed);
	if (training->common.progress)
		trainer->host.progress = training->algorithm->name;
	return trainer;
}

static bool
weighted(const EcmlTrainer *trainer)
{
	return trainer->has_w || trainer->weight >= 0;
}

/* The number of features that are learnt from: the weight is not one of them. */
static int
learnt(const EcmlTrainer *trainer)
{
	return trainer->binder->nfeatures - (trainer->weight >= 0 ? 1 : 0);
}

/* Number in the binder of feature j of the model. */
static int
binder_feature(const EcmlTrainer *trainer, int j)
{
	return trainer->weight >= 0 && j >= trainer->weight ? j + 1 : j;
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

/* One pass: a new term, 0 in all rows so far. */
static int
add_term(EcmlTrainer *trainer)
{
	if (trainer->nterms >= MAX_TERMS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many terms for %s", trainer->algorithm->name),
				 errdetail("Numbers and categories make more than %d terms.", MAX_TERMS),
				 errhint("Leave out columns with very many different texts, or group their rare values.")));
	return trainer->nterms++;
}

/* The first usable row tells how many features there are. */
static void
start(EcmlTrainer *trainer)
{
	int			n;

	find_weight(trainer);
	n = learnt(trainer);
	if (n == 0 && trainer->algorithm->target == ECML_TARGET_NONE)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("there are no features to learn from"),
				 errhint("Name at least one column.")));
	trainer->features = ECML_NEW(&trainer->ctx, double, n + 1);
	if (trainer->algorithm->one_pass == NULL)
		trainer->dataset = ecml_dataset_create(&trainer->ctx, trainer->context, trainer->algorithm->element, n,
											   trainer->algorithm->target != ECML_TARGET_NONE, weighted(trainer), true);
	else
	{
		trainer->term_of = ECML_NEW0(&trainer->ctx, int *, n + 1);
		trainer->nterm_of = ECML_NEW0(&trainer->ctx, int, n + 1);
		trainer->null_term = ECML_NEW(&trainer->ctx, int, n + 1);
		trainer->category = ECML_NEW0(&trainer->ctx, bool, n + 1);
		for (int j = 0; j < n; j++)
		{
			trainer->null_term[j] = -1;
			if (ecml_binder_input(trainer->binder, binder_feature(trainer, j))->kind == ECML_CATEGORY)
				trainer->category[j] = trainer->sparse = true;
			else
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
	trainer->pending.rows = 0;
	ecml_poll(&trainer->ctx, trainer->rows, 0);
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
		double	   *memory;

		trainer->pending_terms = terms;
		trainer->pending_capacity = rows;
		if (pending->x)
			ecml_free(&trainer->ctx, (void *) pending->x);
		memory = ecml_zalloc_array(&trainer->ctx, (size_t) (terms + 2) * rows, sizeof(double));
		pending->stride = rows;
		pending->x = memory;
		pending->y = memory + (size_t) terms * rows;
		pending->w = weighted(trainer) ? memory + (size_t) (terms + 1) * rows : NULL;
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
	int			n = learnt(trainer);
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
ecml_trainer_values(EcmlTrainer *trainer, const double *values, int missing, double y, double w)
{
	if (!started(trainer))
		start(trainer);
	if (missing >= 0)
	{
		if (trainer->training->common.missing == ECML_MISSING_SKIP)
		{
			trainer->skipped++;
			return;
		}
		if (trainer->training->common.missing == ECML_MISSING_ERROR)
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("column \"%s\" holds NULL", ecml_binder_feature_name(trainer->binder, missing)),
					 errdetail("The option \"missing\" is \"error\"."),
					 errhint("Filter such rows out, or set \"missing\" to \"skip\" or \"impute\".")));
	}
	if (trainer->dataset)
		ecml_dataset_append(trainer->dataset, values, y, w);
	else
		append_terms(trainer, values, missing >= 0, y, w);
	trainer->rows++;
}

void
ecml_trainer_row(EcmlTrainer *trainer, bool usable, bool has_target, double y, bool has_weight, double w)
{
	EcmlBinder *binder = trainer->binder;
	const double *values = binder->values;

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
		memcpy(trainer->features, values, trainer->weight * sizeof(double));
		memcpy(trainer->features + trainer->weight, values + trainer->weight + 1,
			   (binder->nfeatures - trainer->weight - 1) * sizeof(double));
		values = trainer->features;
		if (isnan(w))
			w = 0;
	}
	if (weighted(trainer))
	{
		if (!isfinite(w) || w < 0)
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("a row's weight is not a number of at least 0"),
					 errdetail("The weight is %g.", w),
					 errhint("Weights count how often a row stands in the data.")));
		if (w == 0)
		{
			trainer->skipped++;
			return;
		}
	}
	ecml_trainer_values(trainer, values, binder->missing, y, w);
}

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

/* The features as the model will know them; recode[j]: from the binder's codes to places in the sorted list. */
static EcmlSchema *
make_schema(EcmlTrainer *trainer, int **recode)
{
	EcmlSchema *schema = palloc0(sizeof(EcmlSchema));
	int			n = learnt(trainer);
	const EcmlOnePass *one_pass = trainer->algorithm->one_pass;

	schema->missing = trainer->training->common.missing;
	schema->target = trainer->target;
	schema->nfeatures = n;
	schema->features = palloc0((n + 1) * sizeof(EcmlFeature));
	for (int j = 0; j < n; j++)
	{
		EcmlFeature *feature = &schema->features[j];
		int			at = binder_feature(trainer, j);
		const EcmlInput *input = ecml_binder_input(trainer->binder, at);
		int		   *order;

		feature->name = ecml_binder_feature_name(trainer->binder, at);
		feature->kind = input->kind;
		feature->element = input->convert == ECML_FROM_ARRAY ? at - input->first + 1 : 0;
		feature->fill = NAN;
		recode[j] = NULL;
		if (input->kind != ECML_CATEGORY)
			continue;
		order = ecml_dict_order(input->categories);
		feature->ncategories = input->categories->n;
		feature->categories = palloc((feature->ncategories + 1) * sizeof(char *));
		recode[j] = palloc((feature->ncategories + 1) * sizeof(int));
		for (int c = 0; c < feature->ncategories; c++)
		{
			feature->categories[c] = input->categories->entries[order[c]].key;
			recode[j][order[c]] = c;
		}
		feature->drop_first = one_pass && one_pass->drop_first(trainer->training->params);
	}
	ecml_schema_layout(schema);
	return schema;
}

/*
 * The weight of all rows.  With weights the columns' means and squared deviations are made again as those of rows that are
 * repeated so often (West 1979).
 */
static double
weigh(EcmlTrainer *trainer)
{
	EcmlDataset *dataset = trainer->dataset;
	double	   *origin = dataset->origin;
	double		total = 0;
	EcmlBlock	blocks[ECML_FETCH];
	size_t		got;

	if (!weighted(trainer))
		return dataset->data.rows;
	dataset->origin = NULL;		/* values as they are kept: with all their digits */
	for (int j = 0; j < dataset->nvalues; j++)
		dataset->stats[j].n = dataset->stats[j].mean = dataset->stats[j].m2 = 0;
	for (size_t b = 0; b < dataset->data.nblocks; b += got)
	{
		got = ecml_data_fetch(&trainer->ctx, &dataset->data, b, blocks, ECML_FETCH);
		for (size_t k = 0; k < got; k++)
		{
			for (int i = 0; i < blocks[k].rows; i++)
				total += blocks[k].w[i];
			for (int j = 0; j < dataset->nvalues; j++)
			{
				EcmlColumnStats *stats = &dataset->stats[j];

				for (int i = 0; i < blocks[k].rows; i++)
				{
					double		value = dataset->data.element == ECML_F4 ? ECML_BLOCK_F4(&blocks[k], j)[i] :
						ECML_BLOCK_F8(&blocks[k], j)[i];
					double		delta = value - stats->mean;

					if (isnan(value))
						continue;
					stats->n += blocks[k].w[i];
					stats->mean += delta * (blocks[k].w[i] / stats->n);
					stats->m2 += blocks[k].w[i] * delta * (value - stats->mean);
				}
			}
		}
	}
	dataset->origin = origin;
	for (int j = 0; origin && j < dataset->nvalues; j++)
		dataset->stats[j].mean += origin[j];
	return total;
}

/* The most frequent category of a collected column (with weights, that of most weight), as a place in the sorted list. */
static void
count_categories(EcmlTrainer *trainer, EcmlSchema *schema, int **recode)
{
	EcmlData   *data = &trainer->dataset->data;
	double	  **counts = palloc0(schema->nfeatures * sizeof(double *));
	EcmlBlock	blocks[ECML_FETCH];
	size_t		got;

	for (int j = 0; j < schema->nfeatures; j++)
		if (schema->features[j].kind == ECML_CATEGORY)
			counts[j] = palloc0((schema->features[j].ncategories + 1) * sizeof(double));
	for (size_t b = 0; b < data->nblocks; b += got)
	{
		got = ecml_data_fetch(&trainer->ctx, data, b, blocks, ECML_FETCH);
		for (size_t k = 0; k < got; k++)
			for (int j = 0; j < schema->nfeatures; j++)
				for (int i = 0; counts[j] && i < blocks[k].rows; i++)
				{
					double		code = data->element == ECML_F4 ? ECML_BLOCK_F4(&blocks[k], j)[i] :
						ECML_BLOCK_F8(&blocks[k], j)[i];

					if (!isnan(code))
						counts[j][recode[j][(int) code]] += blocks[k].w ? blocks[k].w[i] : 1;
				}
	}
	for (int j = 0; j < schema->nfeatures; j++)
		if (counts[j])
		{
			int			best = 0;

			for (int c = 1; c < schema->features[j].ncategories; c++)
				if (counts[j][c] > counts[j][best])
					best = c;
			schema->features[j].fill = best;
		}
}

/* Means and deviations of the terms, for standardisation; rows: their weight. */
static void
standardize(EcmlTrainer *trainer, EcmlSchema *schema, int **recode, double rows)
{
	EcmlDataset *dataset = trainer->dataset;
	EcmlBlock	blocks[ECML_FETCH];
	size_t		got;

	schema->shift = palloc0((schema->nterms + 1) * sizeof(double));
	schema->scale = palloc0((schema->nterms + 1) * sizeof(double));
	for (int j = 0; j < schema->nfeatures; j++)
	{
		const EcmlFeature *feature = &schema->features[j];
		const EcmlColumnStats *stats = &dataset->stats[j];

		if (feature->kind == ECML_CATEGORY)
			continue;
		/* NULLs, filled with the mean, add rows without deviation */
		schema->shift[feature->first_term] = stats->n > 0 ? stats->mean : 0;
		schema->scale[feature->first_term] = stats->m2 > 0 ? 1 / sqrt(stats->m2 / rows) : 1;
	}
	for (size_t b = 0; b < dataset->data.nblocks; b += got)
	{
		got = ecml_data_fetch(&trainer->ctx, &dataset->data, b, blocks, ECML_FETCH);
		for (int j = 0; j < schema->nfeatures; j++)
		{
			const EcmlFeature *feature = &schema->features[j];

			for (size_t k = 0; feature->kind == ECML_CATEGORY && k < got; k++)
				for (int i = 0; i < blocks[k].rows; i++)
				{
					double		code = dataset->data.element == ECML_F4 ? ECML_BLOCK_F4(&blocks[k], j)[i] :
						ECML_BLOCK_F8(&blocks[k], j)[i];
					int			at = isnan(code) ? (int) feature->fill : recode[j][(int) code];

					schema->shift[feature->first_term + at] += blocks[k].w ? blocks[k].w[i] : 1;
				}
		}
	}
	for (int j = 0; j < schema->nfeatures; j++)
	{
		const EcmlFeature *feature = &schema->features[j];

		for (int t = feature->first_term; feature->kind == ECML_CATEGORY && t < feature->first_term + feature->terms; t++)
		{
			double		p = schema->shift[t] / rows;

			schema->shift[t] = p;
			schema->scale[t] = p > 0 && p < 1 ? 1 / sqrt(p * (1 - p)) : 1;
		}
	}
	schema->plain = false;
}

/* No more rows: from now on the dataset yields terms. */
static void
complete(EcmlTrainer *trainer, EcmlSchema *schema, int **recode)
{
	const EcmlAlgorithm *algorithm = trainer->algorithm;
	EcmlDataset *dataset = trainer->dataset;
	double		rows;

	ecml_dataset_complete(dataset);
	rows = weigh(trainer);
	if (schema->missing == ECML_MISSING_IMPUTE)
	{
		bool		categories = false;

		for (int j = 0; j < schema->nfeatures; j++)
			if (schema->features[j].kind == ECML_CATEGORY)
				categories = true;
			else
				schema->features[j].fill = dataset->stats[j].n > 0 ? dataset->stats[j].mean : 0;
		if (categories)
			count_categories(trainer, schema, recode);
		ecml_schema_layout(schema);
	}
	if (algorithm->standardize && algorithm->standardize(trainer->training->params))
		standardize(trainer, schema, recode, rows);
	ecml_dataset_transform(dataset, schema, recode);
}

EcmlData *
ecml_trainer_data(EcmlTrainer *trainer)
{
	MemoryContext old = MemoryContextSwitchTo(trainer->context);
	int		  **recode;

	if (trainer->rows == 0)
		no_rows(trainer);
	recode = palloc0((learnt(trainer) + 1) * sizeof(int *));
	complete(trainer, make_schema(trainer, recode), recode);
	MemoryContextSwitchTo(old);
	return &trainer->dataset->data;
}

static void *
fit_collected(EcmlTrainer *trainer, EcmlSchema *schema, int **recode)
{
	complete(trainer, schema, recode);
	return trainer->algorithm->fit(&trainer->ctx, &trainer->dataset->data, trainer->training->params);
}

/* What imputation would have done: see the head of this file. */
static void
impute_terms(EcmlTrainer *trainer, EcmlSchema *schema)
{
	const EcmlOnePass *one_pass = trainer->algorithm->one_pass;
	double		total = one_pass->sum(trainer->state, -1);
	int			known = one_pass->terms(trainer->state);

	for (int j = 0; j < schema->nfeatures; j++)
	{
		EcmlFeature *feature = &schema->features[j];
		int			null_term = trainer->null_term[j];
		double		nulls = null_term >= 0 && null_term < known ? one_pass->sum(trainer->state, null_term) : 0;

		if (feature->kind != ECML_CATEGORY)
		{
			int			term = trainer->term_of[j][0];

			feature->fill = total > nulls ? one_pass->sum(trainer->state, term) / (total - nulls) : 0;
			if (nulls > 0)
				one_pass->add_term(&trainer->ctx, trainer->state, term, null_term, feature->fill);
		}
		else
		{
			const EcmlDict *dict = ecml_binder_input(trainer->binder, binder_feature(trainer, j))->categories;
			int		   *order = ecml_dict_order(dict);
			int			best = -1;
			double		most = -1;

			for (int c = 0; c < dict->n; c++)
			{
				int			term = order[c] < trainer->nterm_of[j] ? trainer->term_of[j][order[c]] : -1;
				double		sum = term >= 0 ? one_pass->sum(trainer->state, term) : 0;

				if (sum > most)
				{
					most = sum;
					best = c;
				}
			}
			if (best < 0)
				continue;
			feature->fill = best;
			if (nulls > 0)
				one_pass->add_term(&trainer->ctx, trainer->state, trainer->term_of[j][order[best]], null_term, 1);
		}
	}
	ecml_schema_layout(schema);
}

static void *
fit_one_pass(EcmlTrainer *trainer, EcmlSchema *schema, int **recode)
{
	const EcmlOnePass *one_pass = trainer->algorithm->one_pass;
	int		   *select = palloc((schema->nterms + 1) * sizeof(int));

	ecml_trainer_flush(trainer);
	if (one_pass->terms(trainer->state) < trainer->nterms)
		one_pass->grow(&trainer->ctx, trainer->state, trainer->nterms);
	if (schema->missing == ECML_MISSING_IMPUTE)
	{
		/* on a copy: more rows may follow in a window, or the state may serve another call */
		EcmlWriter	w;
		EcmlReader	r;

		ecml_writer_init(&w, &trainer->ctx);
		one_pass->write(&w, trainer->state);
		ecml_reader_init(&r, &trainer->ctx, w.data, w.size);
		trainer->state = one_pass->read(&r);
		impute_terms(trainer, schema);
	}
	for (int j = 0; j < schema->nfeatures; j++)
	{
		const EcmlFeature *feature = &schema->features[j];

		if (feature->kind != ECML_CATEGORY)
			select[feature->first_term] = trainer->term_of[j][0];
		else
			for (int code = 0; code < feature->ncategories; code++)
			{
				int			t = recode[j][code] - (feature->drop_first ? 1 : 0);

				if (t >= 0)
					select[feature->first_term + t] = category_term(trainer, j, code);
			}
	}
	if (one_pass->terms(trainer->state) < trainer->nterms)
		one_pass->grow(&trainer->ctx, trainer->state, trainer->nterms);
	return one_pass->fit(&trainer->ctx, trainer->state, trainer->training->params, select, schema->nterms);
}

EcmlModel *
ecml_trainer_finish(EcmlTrainer *trainer)
{
	MemoryContext old = MemoryContextSwitchTo(trainer->context);
	const EcmlAlgorithm *algorithm = trainer->algorithm;
	EcmlModel  *model = palloc0(sizeof(EcmlModel));
	EcmlJson   *json = ecml_json_object();
	void	   *state = trainer->state;
	int		  **recode;

	if (trainer->rows == 0)
		no_rows(trainer);
	recode = palloc0((learnt(trainer) + 1) * sizeof(int *));
	model->algorithm = algorithm;
	model->context = trainer->context;
	model->rows = trainer->rows;
	model->skipped = trainer->skipped;
	model->seed = trainer->seed;
	ecml_host_init(&model->ctx, &model->host, trainer->context, 0, 0);
	model->schema = make_schema(trainer, recode);
	model->options = ecml_json_text(ecml_training_options(trainer->training));
	if (algorithm->one_pass)
		model->fitted = fit_one_pass(trainer, model->schema, recode);
	else
		model->fitted = fit_collected(trainer, model->schema, recode);
	if (trainer->state != state && state != NULL)
		trainer->state = state;
	algorithm->metrics(model->fitted, model->schema, json);
	model->metrics = ecml_json_text(ecml_json_finish(json));
	ecml_trainer_close(trainer);
	MemoryContextSwitchTo(old);
	return model;
}

void
ecml_trainer_close(EcmlTrainer *trainer)
{
	if (trainer->dataset)
		ecml_dataset_close(trainer->dataset);
}

/* Are the columns of the other trainer ours?  What one has not learnt yet, it takes from the other. */
static void
check_same_columns(EcmlTrainer *trainer, const EcmlTrainer *other)
{
	EcmlBinder *ours = trainer->binder;
	const EcmlBinder *theirs = other->binder;
	bool		same = ours->ninputs == theirs->ninputs && trainer->algorithm == other->algorithm &&
		weighted(trainer) == weighted(other);

	for (int i = 0; same && i < ours->ninputs; i++)
		same = ours->inputs[i].kind == theirs->inputs[i].kind &&
			(ours->inputs[i].count == theirs->inputs[i].count || ours->inputs[i].count < 0 || theirs->inputs[i].count < 0) &&
			strcmp(ours->inputs[i].name, theirs->inputs[i].name) == 0;
	if (!same)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("states of different trainings cannot be merged"),
				 errdetail("Their algorithms, options or columns differ.")));
}

void
ecml_trainer_merge(EcmlTrainer *trainer, EcmlTrainer *other)
{
	const EcmlOnePass *one_pass = trainer->algorithm->one_pass;
	int		   *map;
	int			n;

	check_same_columns(trainer, other);
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
	trainer->rows += other->rows;
	if (other->state == NULL)
		return;
	n = one_pass->terms(other->state);
	map = palloc((n + 1) * sizeof(int));
	for (int j = 0; j < learnt(trainer); j++)
	{
		const EcmlDict *theirs = ecml_binder_input(other->binder, binder_feature(other, j))->categories;
		EcmlDict   *ours = ecml_binder_input(trainer->binder, binder_feature(trainer, j))->categories;

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
