/*
 * partial.c - ecml_partial_dependence: the mean prediction as a function of one feature
 *
 * The feature is set to each value of a grid in all rows, the other features stay as they are (Friedman 2001).  The grid are
 * quantiles of the source's values, or all of few; of a category all that the model knows.  Cost: rows * grid predictions.
 */
#include "core/compat.h"

#include <math.h>

#include "utils/memutils.h"

#include "core/error.h"
#include "core/inspect.h"
#include "core/result.h"
#include "core/serve.h"

typedef struct PartialOptions
{
	int			points;
	int			rows;
	char	   *class;
} PartialOptions;

static const EcmlOption partial_options[] = {
	ECML_OPT_INT(PartialOptions, points, "points", 2, 1000),
	ECML_OPT_INT(PartialOptions, rows, "rows", 2, 100000000),
	ECML_OPT_TEXT(PartialOptions, class, "class"),
	ECML_OPT_END
};

static int
find_feature(const EcmlSchema *schema, const char *name)
{
	int			found = ecml_schema_feature(schema, name);
	const char **names;
	const char *nearest;

	if (found >= 0)
		return found;
	names = palloc((schema->nfeatures + 1) * sizeof(char *));
	for (int j = 0; j < schema->nfeatures; j++)
		names[j] = schema->features[j].name;
	nearest = ecml_error_nearest(name, names, schema->nfeatures);
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("the model has no feature \"%s\"", name),
			 errdetail("No feature has this name."),
			 errhint("%sFeatures: %s.", ecml_error_perhaps(nearest), ecml_error_list(names, Min(schema->nfeatures, 50)))));
	return -1;
}

/* The class that the option names; without it -1, and of two classes the second. */
static int
find_class(const EcmlModel *model, const char *name)
{
	const EcmlSchema *schema = model->schema;
	const char *nearest;

	if (name == NULL)
		return schema->nclasses == 2 ? 1 : -1;
	for (int c = 0; c < schema->nclasses; c++)
		if (strcmp(schema->classes[c], name) == 0)
			return c;
	nearest = ecml_error_nearest(name, (const char *const *) schema->classes, schema->nclasses);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("the model has no class \"%s\"", name),
			 errdetail("Its task is %s.", ecml_task_name(model->task)),
			 schema->nclasses > 0 ?
			 errhint("%sClasses: %s.", ecml_error_perhaps(nearest),
					 ecml_error_list((const char *const *) schema->classes, Min(schema->nclasses, 50))) :
			 errhint("Leave the option \"class\" out.")));
	return -1;
}

/* The values at which to look; of a category its codes. */
static int
make_grid(EcmlSourceRows *rows, const EcmlFeature *feature, int j, int points, double **grid)
{
	const EcmlRowSample *sample = rows->sample;
	EcmlProfileColumn column = {0};
	double	   *values = ECML_NEW(&rows->ctx, double, sample->n);
	int			n = 0;

	if (feature->kind == ECML_CATEGORY)
	{
		*grid = ECML_NEW(&rows->ctx, double, feature->ncategories + 1);
		for (int c = 0; c < feature->ncategories; c++)
			(*grid)[c] = c;
		return feature->ncategories;
	}
	for (int i = 0; i < sample->n; i++)
	{
		double		value = sample->rows[(size_t) i * sample->width + j];

		if (isfinite(value))
			values[n++] = value;
	}
	ecml_profile_number(&rows->ctx, &column, values, NULL, n, points);
	*grid = column.points;
	return column.n;
}

typedef struct Look
{
	const EcmlModel *model;
	EcmlSourceRows *rows;
	int			feature;
	int			outputs;
	int			most;			/* rows predicted at once */
	double	   *kept;			/* [most] the feature's own values */
	double	   *x;				/* [most][nterms] scratch */
	double	   *p;				/* [most][outputs] scratch */
	double	   *mean;			/* [outputs] */
	double	   *m2;
} Look;

/* Mean and squared deviations of the predictions with the feature set to a value. */
static void
look(Look *look, double value)
{
	EcmlRowSample *sample = look->rows->sample;

	memset(look->mean, 0, look->outputs * sizeof(double));
	memset(look->m2, 0, look->outputs * sizeof(double));
	for (int first = 0; first < sample->n; first += look->most)
	{
		double	   *rows = sample->rows + (size_t) first * sample->width;
		int			n = Min(look->most, sample->n - first);

		ecml_poll(&look->rows->ctx, 0, 0);
		for (int i = 0; i < n; i++)
		{
			look->kept[i] = rows[(size_t) i * sample->width + look->feature];
			rows[(size_t) i * sample->width + look->feature] = value;
		}
		ecml_model_predict_rows(look->model, &look->rows->ctx, rows, sample->width, n, look->x, look->p);
		for (int i = 0; i < n; i++)
		{
			rows[(size_t) i * sample->width + look->feature] = look->kept[i];
			for (int c = 0; c < look->outputs; c++)
			{
				double		p = look->p[(size_t) i * look->outputs + c];
				double		delta = p - look->mean[c];

				look->mean[c] += delta / (first + i + 1);
				look->m2[c] += delta * (p - look->mean[c]);
			}
		}
	}
}

/* ecml_partial_dependence(model, source, feature, options): rows value, label, prediction, sd, class */
ECML_MODEL_FUNCTION(ecml_partial_dependence)
{
	EcmlRows   *rows = ecml_rows_begin(fcinfo);
	EcmlModel  *model = ecml_serving_model(fcinfo, by_name);
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context;
	PartialOptions options = {.points = 20,.rows = 10000};
	EcmlOptionSet set = {partial_options, &options};
	Look		this = {.model = model,.outputs = 1};
	const EcmlFeature *feature;
	double	   *grid;
	int			class;
	int			n;

	if (model == NULL || PG_ARGISNULL(1) || PG_ARGISNULL(2))
		return (Datum) 0;
	context = AllocSetContextCreate(caller, "ecml partial dependence", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(context);
	ecml_options_parse("ecml_partial_dependence", PG_ARGISNULL(3) ? NULL : PG_GETARG_JSONB_P(3), &set, 1);
	if (model->task == ECML_CLUSTERING)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a clustering has no partial dependence"),
				 errdetail("Its predictions are numbers of clusters, whose mean says nothing."),
				 errhint("ecml_importance(model, source) tells how many rows change their cluster with a feature.")));
	this.feature = find_feature(model->schema, text_to_cstring(PG_GETARG_TEXT_PP(2)));
	class = find_class(model, options.class);
	SPI_connect();
	this.rows = ecml_inspect_rows(context, model, text_to_cstring(PG_GETARG_TEXT_PP(1)), false, NULL, options.rows);
	SPI_finish();
	MemoryContextSwitchTo(context);
	if (model->task == ECML_CLASSIFICATION)
		this.outputs = model->schema->nclasses;
	this.most = ecml_model_rows_at_once(model);
	this.kept = ECML_NEW(&this.rows->ctx, double, this.most);
	this.x = ECML_NEW(&this.rows->ctx, double, (size_t) this.most * (model->schema->nterms + 1));
	this.p = ECML_NEW(&this.rows->ctx, double, (size_t) this.most * this.outputs);
	this.mean = ECML_NEW(&this.rows->ctx, double, this.outputs);
	this.m2 = ECML_NEW(&this.rows->ctx, double, this.outputs);
	feature = &model->schema->features[this.feature];
	n = make_grid(this.rows, feature, this.feature, options.points, &grid);
	for (int g = 0; g < n; g++)
	{
		char	   *label = ecml_inspect_label(feature, grid[g]);

		look(&this, grid[g]);
		for (int c = 0; c < this.outputs; c++)
		{
			Datum		values[5];
			bool		nulls[5] = {false};

			if (class >= 0 && this.outputs > 1 && c != class)
				continue;
			ecml_set_number(values, nulls, 0, feature->kind == ECML_CATEGORY ? NAN : grid[g]);
			values[1] = CStringGetTextDatum(label);
			ecml_set_number(values, nulls, 2, this.mean[c]);
			ecml_set_number(values, nulls, 3, this.rows->sample->n > 1 ? sqrt(this.m2[c] / (this.rows->sample->n - 1)) : NAN);
			nulls[4] = this.outputs == 1;
			values[4] = nulls[4] ? (Datum) 0 : CStringGetTextDatum(model->schema->classes[c]);
			ecml_rows_add(rows, values, nulls);
		}
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
	return (Datum) 0;
}
