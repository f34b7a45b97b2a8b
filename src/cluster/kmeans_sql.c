/*
 * kmeans_sql.c - k-means in SQL: options, aggregate, centroids, the choice of k
 */
#include "core/compat.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/memutils.h"

#include "cluster/kmeans.h"
#include "cluster/kmeans_step_sql.h"
#include "core/aggregate.h"
#include "core/collect.h"
#include "core/result.h"
#include "core/serve.h"
#include "core/trainer.h"

#define SILHOUETTE_ROWS 2000	/* sampled: its cost grows with the square */

extern const EcmlAlgorithm ecml_algorithm_kmeans;

typedef struct Params
{
	KmeansParams kernel;
	bool		standardize;
} Params;

static const Params defaults = {.kernel = KMEANS_DEFAULTS,.standardize = true};

static const char *const inits[] = {"k-means++", "random", NULL};

static const EcmlOption options[] = {
	ECML_OPT_INT(Params, kernel.k, "k", 1, 65536),
	ECML_OPT_INT(Params, kernel.n_init, "n_init", 1, 10000),
	ECML_OPT_INT(Params, kernel.max_iter, "max_iter", 1, 1000000),
	ECML_OPT_FLOAT(Params, kernel.tolerance, "tolerance", 0, 1),
	ECML_OPT_ENUM(Params, kernel.init, "init", inits),
	ECML_OPT_BOOL(Params, standardize, "standardize"),
	ECML_OPT_END
};

static const char *
check(const void *params)
{
	return kmeans_check(&((const Params *) params)->kernel);
}

static bool
standardize(const void *params)
{
	return ((const Params *) params)->standardize;
}

static void *
fit(EcmlCtx *ctx, EcmlData *data, const EcmlSchema *schema, const void *params)
{
	return kmeans_fit(ctx, data, &((const Params *) params)->kernel);
}

static void
write_model(EcmlWriter *w, const void *fitted)
{
	kmeans_write(w, fitted);
}

static void *
read_model(EcmlReader *r, const EcmlSchema *schema)
{
	return kmeans_read(r, schema->nterms);
}

static double
predict(const void *fitted, const double *x)
{
	return kmeans_assign(fitted, x, NULL);
}

static void
metrics(const void *fitted, const EcmlSchema *schema, EcmlJson *json)
{
	const KmeansModel *model = fitted;

	ecml_json_int(json, "k", model->k);
	ecml_json_number(json, "inertia", model->inertia);
	ecml_json_numbers(json, "sizes", model->sizes, model->k);
	ecml_json_int(json, "iterations", model->iterations);
	ecml_json_bool(json, "converged", model->converged);
}

static void
evaluate(EcmlCtx *ctx, EcmlData *data, const void *fitted, EcmlJson *json)
{
	const KmeansModel *model = fitted;
	double	   *sizes = ECML_NEW0(ctx, double, model->k);
	KmeansDispersion dispersion;

	ecml_json_number(json, "inertia", kmeans_score(ctx, data, model, sizes));
	ecml_json_numbers(json, "sizes", sizes, model->k);
	ecml_json_number(json, "silhouette", kmeans_silhouette(ctx, data, model, SILHOUETTE_ROWS));
	dispersion = kmeans_dispersion(ctx, data, model);
	ecml_json_number(json, "davies_bouldin", dispersion.davies_bouldin);
	ecml_json_number(json, "calinski_harabasz", dispersion.calinski_harabasz);
}

static void *
fit_steps(EcmlCtx *ctx, EcmlStepSource *source, const EcmlSchema *schema, const void *params)
{
	return ecml_kmeans_fit_steps(ctx, source, schema, &((const Params *) params)->kernel);
}

static const EcmlStepTraining step = {.fit = fit_steps};

const EcmlAlgorithm ecml_algorithm_kmeans = {
	.id = 2,
	.name = "kmeans",
	.task = ECML_CLUSTERING,
	.target = ECML_TARGET_NONE,
	.options = options,
	.params_size = sizeof(Params),
	.defaults = &defaults,
	.check = check,
	.element = ECML_F4,
	.standardize = standardize,
	.fit = fit,
	.step = &step,
	.write = write_model,
	.read = read_model,
	.predict = predict,
	.metrics = metrics,
	.evaluate = evaluate
};

ECML_AGGREGATE_FUNCTIONS(kmeans)

/* ecml_centroids(model): rows cluster, size, centroid float8[], features jsonb, in the columns' own units */
ECML_MODEL_FUNCTION(ecml_centroids)
{
	EcmlRows   *rows = ecml_rows_begin(fcinfo);
	EcmlModel  *model = ecml_serving_model(fcinfo, by_name);
	const EcmlSchema *schema;
	const KmeansModel *fitted;

	if (model == NULL)
		return (Datum) 0;
	if (model->algorithm != &ecml_algorithm_kmeans)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("ecml_centroids needs a model with centroids"),
				 errdetail("The model's algorithm is %s.", model->algorithm->name),
				 errhint("Train it with ecml_train(model, 'kmeans', ...).")));
	schema = model->schema;
	fitted = model->fitted;
	for (int c = 0; c < fitted->k; c++)
	{
		Datum		values[4];
		bool		nulls[4] = {false};
		Datum	   *centroid = palloc((schema->nterms + 1) * sizeof(Datum));
		EcmlJson   *json = ecml_json_object();

		CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < schema->nterms; i++)
		{
			double		value = fitted->centroids[(size_t) c * fitted->columns + i];

			if (schema->shift)
				value = value / schema->scale[i] + schema->shift[i];
			centroid[i] = Float8GetDatum(value);
			ecml_json_number(json, ecml_schema_term_name(schema, i), value);
		}
		values[0] = Int32GetDatum(c);
		values[1] = Float8GetDatum(fitted->sizes[c]);
		values[2] = PointerGetDatum(construct_array(centroid, schema->nterms, FLOAT8OID, sizeof(float8),
													FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
		values[3] = JsonbPGetDatum(ecml_json_finish(json));
		ecml_rows_add(rows, values, nulls);
		pfree(centroid);
	}
	return (Datum) 0;
}

PG_FUNCTION_INFO_V1(ecml_kmeans_scan);

/* ecml_kmeans_scan(source text, features text[], k_min int4, k_max int4, options jsonb): rows k, inertia, silhouette */
Datum
ecml_kmeans_scan(PG_FUNCTION_ARGS)
{
	EcmlRows   *rows = ecml_rows_begin(fcinfo);
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(caller, "ecml k-means scan", ALLOCSET_DEFAULT_SIZES);
	EcmlTraining *training;
	EcmlColumns columns;
	EcmlTrainer *trainer;
	EcmlData   *data;
	int			k_min;
	int			k_max;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(2) || PG_ARGISNULL(3))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("source, k_min and k_max must not be NULL"),
				 errdetail("One of them is NULL."),
				 errhint("Call ecml_kmeans_scan(source, features, k_min, k_max, options).")));
	k_min = PG_GETARG_INT32(2);
	k_max = PG_GETARG_INT32(3);
	if (k_min < 1 || k_max < k_min || k_max > 65536)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid range of k"),
				 errdetail("It is %d to %d.", k_min, k_max),
				 errhint("Give 1 <= k_min <= k_max <= 65536.")));
	MemoryContextSwitchTo(context);
	training = ecml_training_parse(&ecml_algorithm_kmeans, PG_ARGISNULL(4) ? NULL : PG_GETARG_JSONB_P(4), NULL);
	SPI_connect();
	trainer = ecml_collect(context, training, text_to_cstring(PG_GETARG_TEXT_PP(0)), NULL,
						   PG_ARGISNULL(1) ? NULL : PG_GETARG_ARRAYTYPE_P(1), &columns);
	SPI_finish();
	data = ecml_trainer_data(trainer);
	for (int k = k_min; k <= k_max; k++)
	{
		KmeansParams params = ((const Params *) training->params)->kernel;
		KmeansModel *model;
		Datum		values[3];
		bool		nulls[3] = {false};

		params.k = k;
		model = kmeans_fit(&trainer->ctx, data, &params);
		values[0] = Int32GetDatum(k);
		values[1] = Float8GetDatum(model->inertia);
		ecml_set_number(values, nulls, 2, kmeans_silhouette(&trainer->ctx, data, model, SILHOUETTE_ROWS));
		ecml_rows_add(rows, values, nulls);
	}
	ecml_trainer_close(trainer);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
	return (Datum) 0;
}
