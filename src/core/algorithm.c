/*
 * algorithm.c - the registry of algorithms
 */
#include "core/compat.h"

#include "core/algorithm.h"
#include "core/error.h"

#define X(id, name) extern const EcmlAlgorithm ecml_algorithm_##name;
#include "algorithms.h"
#undef X

static const EcmlAlgorithm *const algorithms[] = {
#define X(id, name) &ecml_algorithm_##name,
#include "algorithms.h"
#undef X
};

const EcmlAlgorithm *
ecml_algorithm_by_id(int id)
{
	for (int i = 0; i < (int) lengthof(algorithms); i++)
		if (algorithms[i]->id == id)
			return algorithms[i];
	return NULL;
}

const EcmlAlgorithm *
ecml_algorithm_by_name(const char *name)
{
	for (int i = 0; i < (int) lengthof(algorithms); i++)
		if (strcmp(algorithms[i]->name, name) == 0)
			return algorithms[i];
	return NULL;
}

/* What they are called elsewhere, and here: too far from each other for a nearest name. */
static const char *const elsewhere[][2] = {
	{"logistic", "logreg"}, {"logistic_regression", "logreg"}, {"linear", "linreg"}, {"linear_regression", "linreg"}, {"ols", "linreg"},
	{"ridge", "linreg"}, {"lasso", "linreg"}, {"xgboost", "gbdt"}, {"lightgbm", "gbdt"}, {"catboost", "gbdt"},
	{"gradient_boosting", "gbdt"}, {"rf", "random_forest"}, {"forest", "random_forest"}, {"tree", "decision_tree"},
	{"isolation_forest", "iforest"}, {"knn", "item_knn"}, {"svd", "als"}, {"matrix_factorization", "als"}, {"auto_arima", "arima"},
	{"sarima", "arima"}, {"exponential_smoothing", "ets"}
};

const EcmlAlgorithm *
ecml_algorithm_get(const char *name)
{
	const EcmlAlgorithm *algorithm = ecml_algorithm_by_name(name);
	const char *names[lengthof(algorithms)];
	const char *nearest;

	if (algorithm)
		return algorithm;
	for (int i = 0; i < (int) lengthof(algorithms); i++)
		names[i] = algorithms[i]->name;
	nearest = ecml_error_nearest(name, names, lengthof(algorithms));
	for (int i = 0; i < (int) lengthof(elsewhere); i++)
		if (pg_strcasecmp(name, elsewhere[i][0]) == 0)
			nearest = elsewhere[i][1];
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown algorithm \"%s\"", name),
			 errdetail("No algorithm has this name."),
			 errhint("%sKnown algorithms: %s.", ecml_error_perhaps(nearest),
					 ecml_error_list(names, lengthof(algorithms)))));
	return NULL;
}

static bool
learns_from_features(const EcmlAlgorithm *algorithm)
{
	return algorithm->own == NULL;
}

const EcmlAlgorithm *
ecml_algorithm_of_features(const char *name, const char *function)
{
	const EcmlAlgorithm *algorithm = ecml_algorithm_get(name);

	if (algorithm->own)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s cannot be used with %s", function, name),
				 errdetail("Its task is %s: it does not learn from rows of features.", ecml_task_name(algorithm->task)),
				 errhint("%s works with: %s.", function, ecml_algorithm_list(learns_from_features))));
	return algorithm;
}

char *
ecml_algorithm_list(bool (*which) (const EcmlAlgorithm *algorithm))
{
	const char *names[lengthof(algorithms)];
	int			n = 0;

	for (int i = 0; i < (int) lengthof(algorithms); i++)
		if (which(algorithms[i]))
			names[n++] = algorithms[i]->name;
	return ecml_error_list(names, n);
}

const char *
ecml_task_name(EcmlModelTask task)
{
	static const char *const names[] = {"regression", "classification", "clustering", "anomaly detection",
	"survival", "recommendation", "forecasting", "topics", "text generation", "search"};

	return names[task];
}

EcmlModelTask
ecml_model_task(const EcmlAlgorithm *algorithm, const EcmlSchema *schema)
{
	return algorithm->target_for && schema->nclasses > 0 ? ECML_CLASSIFICATION : algorithm->task;
}

int
ecml_extra_column(const EcmlAlgorithm *algorithm, const EcmlSchema *schema, const void *params, const char *option)
{
	int			column = schema->nterms;

	for (const EcmlExtra *extra = algorithm->extras; extra && extra->option; extra++)
	{
		bool		given = *(char *const *) ((const char *) params + extra->offset) != NULL;

		if (strcmp(extra->option, option) == 0)
			return given ? column : -1;
		column += given;
	}
	return -1;
}
