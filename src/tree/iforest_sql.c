/*
 * iforest_sql.c - isolation forest in SQL: options, aggregate, score
 */
#include "core/compat.h"

#include <math.h>

#include "core/aggregate.h"
#include "core/serve.h"
#include "tree/iforest.h"

extern const EcmlAlgorithm ecml_algorithm_iforest;

typedef struct Params
{
	IforestParams kernel;
	EcmlMixed	contamination;
} Params;

static const Params defaults = {.kernel = IFOREST_DEFAULTS,.contamination = {.choice = 0}};

static const char *const contaminations[] = {"auto", NULL};

static const EcmlOption options[] = {
	ECML_OPT_INT(Params, kernel.n_trees, "n_trees", 1, 10000),
	ECML_OPT_INT(Params, kernel.sample_size, "sample_size", 1, IFOREST_MAX_SAMPLE),
	ECML_OPT_FLOAT(Params, kernel.max_features, "max_features", 0, 1e6),
	ECML_OPT_MIXED(Params, contamination, "contamination", 0, 0.5, contaminations),
	ECML_OPT_INT(Params, kernel.extension_level, "extension_level", 0, 100000),
	ECML_OPT_INT(Params, kernel.max_depth, "max_depth", 0, IFOREST_MAX_DEPTH),
	ECML_OPT_END
};

static const char *
check(const void *params)
{
	const Params *p = params;

	if (p->contamination.choice < 0 && p->contamination.number == 0)
		return "\"contamination\" is a share above 0, or \"auto\".";
	return iforest_check(&p->kernel);
}

static int64
sample(const void *params, int nfeatures)
{
	return iforest_sample_rows(&((const Params *) params)->kernel);
}

static void *
fit(EcmlCtx *ctx, EcmlData *data, const EcmlSchema *schema, const void *params)
{
	const Params *given = params;
	IforestParams kernel = given->kernel;
	IforestTask task = {.params = &kernel,.categories = ecml_schema_categories(schema)};

	kernel.contamination = given->contamination.choice < 0 ? given->contamination.number : 0;
	return iforest_fit(ctx, data, &task);
}

static void
write_model(EcmlWriter *w, const void *fitted)
{
	iforest_write(w, fitted);
}

static void *
read_model(EcmlReader *r, const EcmlSchema *schema)
{
	return iforest_read(r, schema->nfeatures, ecml_schema_categories(schema));
}

static double
predict(const void *fitted, const double *x)
{
	return iforest_score(fitted, x);
}

static double
threshold(const void *fitted)
{
	return ((const IforestModel *) fitted)->threshold;
}

static void
contributions(const void *fitted, const EcmlSchema *schema, const double *x, int class, double *base, double *c)
{
	iforest_contributions(fitted, x, base, c);
}

static void
importance(const void *fitted, const EcmlSchema *schema, double *out)
{
	iforest_importance(fitted, out);
}

static const TreeForest *
trees(const void *fitted)
{
	return ((const IforestModel *) fitted)->forest;
}

static void
metrics(const void *fitted, const EcmlSchema *schema, EcmlJson *json)
{
	const IforestModel *model = fitted;

	ecml_json_int(json, "trees", model->n_trees);
	ecml_json_int(json, "sample_size", model->sample_size);
	ecml_json_int(json, "sampled_rows", model->rows);
	ecml_json_number(json, "threshold", model->threshold);
	ecml_json_number(json, "anomaly_share", model->share);
}

const EcmlAlgorithm ecml_algorithm_iforest = {
	.id = 5,
	.name = "iforest",
	.task = ECML_ANOMALY,
	.target = ECML_TARGET_NONE,
	.native = true,
	.options = options,
	.params_size = sizeof(Params),
	.defaults = &defaults,
	.check = check,
	.element = ECML_F8,
	.sample = sample,
	.fit = fit,
	.write = write_model,
	.read = read_model,
	.predict = predict,
	.threshold = threshold,
	.contributions = contributions,
	.importance = importance,
	.trees = trees,
	.metrics = metrics
};

ECML_AGGREGATE_FUNCTIONS(iforest)

/* ecml_iforest_score(model, VARIADIC "any"): float8 */
ECML_MODEL_FUNCTION(ecml_iforest_score)
{
	EcmlServing *serving;
	double		result;

	if (likely(ecml_serving_quick(fcinfo, &ecml_algorithm_iforest, &result)))
		PG_RETURN_FLOAT8(result);
	serving = ecml_serving(fcinfo, by_name);
	if (serving == NULL)
		PG_RETURN_NULL();
	if (serving->model->algorithm != &ecml_algorithm_iforest)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("ecml_iforest_score needs an isolation forest"),
				 errdetail("The model's algorithm is %s.", serving->model->algorithm->name),
				 errhint("Train it with ecml_train(model, 'iforest', ...), or use ecml_predict.")));
	if (!ecml_serving_predict(serving, fcinfo, 1, &result))
		PG_RETURN_NULL();
	ecml_serving_remember(serving, fcinfo, by_name);
	PG_RETURN_FLOAT8(result);
}
