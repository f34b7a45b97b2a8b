/*
 * mahalanobis_sql.c - Mahalanobis distances in SQL: options, aggregate
 */
#include "core/compat.h"

#include "anomaly/mahalanobis.h"
#include "core/aggregate.h"
#include "core/error.h"
#include "core/trainer.h"

extern const EcmlAlgorithm ecml_algorithm_mahalanobis;

static const MahalanobisParams defaults = MAHALANOBIS_DEFAULTS;

static const EcmlOption options[] = {
	ECML_OPT_BOOL(MahalanobisParams, robust, "robust"),
	ECML_OPT_FLOAT(MahalanobisParams, support_fraction, "support_fraction", 0, 1),
	ECML_OPT_FLOAT(MahalanobisParams, level, "level", 0, 1),
	ECML_OPT_FLOAT(MahalanobisParams, contamination, "contamination", 0, 0.5),
	ECML_OPT_FLOAT(MahalanobisParams, ridge, "ridge", -1, 1e6),
	ECML_OPT_INT(MahalanobisParams, n_starts, "n_starts", 0, 100000),
	ECML_OPT_END
};

static const char *
check(const void *params)
{
	return mahalanobis_check(params);
}

/* Names of the columns that have a term in a state; of columns of categories too, when all says so. */
static const char **
columns_in(const MahalanobisModel *model, const EcmlSchema *schema, MahalanobisState state, bool all, int *n)
{
	const char **names = palloc((schema->nfeatures + 1) * sizeof(char *));

	*n = 0;
	for (int j = 0; j < schema->nfeatures; j++)
	{
		const EcmlFeature *feature = &schema->features[j];
		bool		found = false;

		if (feature->kind == ECML_CATEGORY && !all)
			continue;
		for (int t = feature->first_term; t < feature->first_term + feature->terms; t++)
			found |= model->states[t] == state;
		if (found)
			names[(*n)++] = feature->name;
	}
	return names;
}

static void *
fit(EcmlCtx *ctx, EcmlData *data, const EcmlSchema *schema, const void *params)
{
	MahalanobisModel *model = mahalanobis_fit(ctx, data, params);
	const char **names;
	int			n;

	/* the dummies of a category add up to 1: that is no fault of the rows */
	names = columns_in(model, schema, MAHALANOBIS_TANGLED, false, &n);
	if (((const MahalanobisParams *) params)->ridge == 0 && n > 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("the covariance is singular"),
				 errdetail("Columns that depend linearly on each other: %s.", ecml_error_list(names, n)),
				 errhint("Leave one of them out, or \"ridge\" above 0: rows that break the dependence are then far away.")));
	return model;
}

static void
write_model(EcmlWriter *w, const void *fitted)
{
	mahalanobis_write(w, fitted);
}

static void *
read_model(EcmlReader *r, const EcmlSchema *schema)
{
	return mahalanobis_read(r, schema->nterms);
}

static double
predict(const void *fitted, const double *x)
{
	return mahalanobis_distance(fitted, x);
}

static double
threshold(const void *fitted)
{
	return ((const MahalanobisModel *) fitted)->threshold;
}

static void
contributions(const void *fitted, const EcmlSchema *schema, const double *x, int class, double *base, double *c)
{
	*base = 0;
	mahalanobis_contributions(fitted, x, c);
}

/* What each feature adds, on average, to the distance of the anomalies of training. */
static void
importance(const void *fitted, const EcmlSchema *schema, double *importance)
{
	const MahalanobisModel *model = fitted;

	for (int j = 0; j < schema->nfeatures; j++)
	{
		importance[j] = 0;
		for (int t = schema->features[j].first_term; t < schema->features[j].first_term + schema->features[j].terms; t++)
			importance[j] += model->blame[t];
	}
}

static void
metrics(const void *fitted, const EcmlSchema *schema, EcmlJson *json)
{
	const MahalanobisModel *model = fitted;
	const char **names;
	int			n;

	ecml_json_bool(json, "robust", model->robust);
	ecml_json_number(json, "threshold", model->threshold);
	ecml_json_int(json, "df", model->df);
	ecml_json_number(json, "log_det", model->log_det);
	ecml_json_number(json, "determinant_rows", model->determinant);
	ecml_json_number(json, "support_rows", model->support);
	ecml_json_number(json, "anomalies", model->anomalies);
	ecml_json_number(json, "anomaly_share", model->anomalies / model->rows);
	if (model->ridge > 0)
		ecml_json_number(json, "ridge", model->ridge);
	names = columns_in(model, schema, MAHALANOBIS_CONSTANT, true, &n);
	if (n > 0)
		ecml_json_strings(json, "constant", names, n);
	names = columns_in(model, schema, MAHALANOBIS_TANGLED, false, &n);
	if (n > 0)
		ecml_json_strings(json, "dependent", names, n);
}

static void
judge(const void *fitted, const EcmlSchema *schema)
{
	const MahalanobisModel *model = fitted;
	const char **names;
	int			n;

	names = columns_in(model, schema, MAHALANOBIS_CONSTANT, false, &n);
	if (n > 0)
		ereport(WARNING,
				(errmsg("columns that have one value only were left out"),
				 errdetail("They are: %s.", ecml_error_list(names, n)),
				 errhint("Leave them out of the features.")));
	names = columns_in(model, schema, MAHALANOBIS_TANGLED, false, &n);
	if (n > 0)
		ereport(WARNING,
				(errmsg("the covariance is singular: \"ridge\" %g was added to the correlations", model->ridge),
				 errdetail("Columns that depend linearly on each other: %s.", ecml_error_list(names, n)),
				 errhint("Rows that break the dependence are far away; leave one of the columns out where that is not meant.")));
}

const EcmlAlgorithm ecml_algorithm_mahalanobis = {
	.id = 9,
	.name = "mahalanobis",
	.task = ECML_ANOMALY,
	.target = ECML_TARGET_NONE,
	.options = options,
	.params_size = sizeof(MahalanobisParams),
	.defaults = &defaults,
	.check = check,
	.element = ECML_F8,
	.max_terms = MAHALANOBIS_TERMS,
	.fit = fit,
	.write = write_model,
	.read = read_model,
	.predict = predict,
	.threshold = threshold,
	.contributions = contributions,
	.importance = importance,
	.metrics = metrics,
	.judge = judge
};

ECML_AGGREGATE_FUNCTIONS(mahalanobis)
