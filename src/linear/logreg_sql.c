/*
 * logreg_sql.c - logistic regression in SQL: options, class weights and offset by name, coefficients, aggregate
 */
#include "core/compat.h"

#include <math.h>

#include "utils/builtins.h"
#include "utils/numeric.h"

#include "core/aggregate.h"
#include "core/class_weight.h"
#include "core/error.h"
#include "linear/identifier_sql.h"
#include "linear/logreg.h"
#include "linear/logreg_step_sql.h"
#include "num/dist.h"

typedef struct Params
{
	LogregParams kernel;
	EcmlChoice	class_weight;
	char	   *offset;
} Params;

static const Params defaults = {.kernel = LOGREG_DEFAULTS_OF(LOGREG_IF_SEPARATED)};

static const char *const penalties[] = {"none", "l2", "l1", "elasticnet", "auto", NULL};
static const char *const solvers[] = {"auto", "newton", "lbfgs", "cd", NULL};
static const char *const robusts[] = {"none", "hc0", "hc1", NULL};
static const char *const class_weights[] = {"none", "balanced", NULL};

static const EcmlOption options[] = {
	ECML_OPT_ENUM(Params, kernel.penalty, "penalty", penalties),
	ECML_OPT_FLOAT(Params, kernel.c, "C", 0, INFINITY),
	ECML_OPT_FLOAT(Params, kernel.l1_ratio, "l1_ratio", 0, 1),
	ECML_OPT_BOOL(Params, kernel.standardize, "standardize"),
	ECML_OPT_BOOL(Params, kernel.intercept, "intercept"),
	ECML_OPT_CHOICE(Params, class_weight, "class_weight", class_weights),
	ECML_OPT_TEXT(Params, offset, "offset"),
	ECML_OPT_ENUM(Params, kernel.robust, "robust", robusts),
	ECML_OPT_ENUM(Params, kernel.solver, "solver", solvers),
	ECML_OPT_INT(Params, kernel.max_iter, "max_iter", 1, 1e6),
	ECML_OPT_FLOAT(Params, kernel.tolerance, "tolerance", 0, 1),
	ECML_OPT_FLOAT(Params, kernel.level, "level", 0, 1),
	ECML_OPT_END
};

static const char *
check(const void *params)
{
	return logreg_check(&((const Params *) params)->kernel);
}

static bool
unpenalised(const LogregParams *kernel)
{
	return kernel->penalty == LOGREG_NONE || kernel->penalty == LOGREG_IF_SEPARATED;
}

/* Penalised, or without an intercept, all categories have a term: nothing makes one of them a reference. */
static bool
drop_first(const void *params)
{
	const LogregParams *kernel = &((const Params *) params)->kernel;

	return kernel->intercept && unpenalised(kernel);
}

/* The term of the column whose coefficient is 1; -1: there is none. */
static int
offset_term(const Params *params, const EcmlSchema *schema)
{
	const EcmlFeature *feature;
	const char **names;
	int			at;

	if (params->offset == NULL)
		return -1;
	at = ecml_schema_feature(schema, params->offset);
	if (at < 0)
	{
		names = palloc((schema->nfeatures + 1) * sizeof(char *));
		for (int j = 0; j < schema->nfeatures; j++)
			names[j] = schema->features[j].name;
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("the offset \"%s\" is none of the features", params->offset),
				 errdetail("The features are %s.", ecml_error_list(names, schema->nfeatures)),
				 errhint("%sThe offset is a feature whose coefficient is 1: name it among the features too.",
						 ecml_error_perhaps(ecml_error_nearest(params->offset, names, schema->nfeatures)))));
	}
	feature = &schema->features[at];
	if (feature->kind == ECML_CATEGORY)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the offset \"%s\" must be a number", params->offset),
				 errdetail("It is a category."),
				 errhint("Cast it to a number in the source.")));
	if (schema->nclasses > 2)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("an offset needs a target of two classes"),
				 errdetail("The target \"%s\" has %d.", schema->target, schema->nclasses),
				 errhint("Leave out the option \"offset\".")));
	return feature->first_term;
}

static void *
fit(EcmlCtx *ctx, EcmlData *data, const EcmlSchema *schema, const void *params)
{
	const Params *given = params;
	LogregParams kernel = given->kernel;
	LogregTask	task = {
		.params = &kernel,
		.classes = schema->nclasses,
		.offset = offset_term(given, schema),
		.class_weight = ecml_class_weights(&given->class_weight, schema)
	};

	kernel.balanced = given->class_weight.number == 1;
	return logreg_fit(ctx, data, &task);
}

static void
write_model(EcmlWriter *w, const void *fitted)
{
	logreg_write(w, fitted);
}

static void *
read_model(EcmlReader *r, const EcmlSchema *schema)
{
	return logreg_read(r, schema->nterms, schema->nclasses);
}

static double
predict(const void *fitted, const double *x)
{
	double		p[2];

	logreg_probabilities(fitted, x, p);
	return p[1];
}

static void
probabilities(const void *fitted, const double *x, double *p)
{
	logreg_probabilities(fitted, x, p);
}

/* Names of the terms that are marked. */
static const char **
marked_terms(const LogregModel *model, const EcmlSchema *schema, const bool *marked, int *n)
{
	const char **names = palloc((model->terms + 1) * sizeof(char *));

	*n = 0;
	for (int i = 0; i < model->terms; i++)
		if (marked[i])
			names[(*n)++] = ecml_schema_term_name(schema, i);
	return names;
}

static void
metrics(const void *fitted, const EcmlSchema *schema, EcmlJson *json)
{
	const LogregModel *model = fitted;
	int			naliased;
	int			nseparated;
	const char **aliased = marked_terms(model, schema, model->aliased, &naliased);
	const char **separated = marked_terms(model, schema, model->separated, &nseparated);

	ecml_json_number(json, "log_likelihood", model->log_likelihood);
	ecml_json_number(json, "null_log_likelihood", model->null_log_likelihood);
	ecml_json_number(json, "mcfadden_r2", 1 - model->log_likelihood / model->null_log_likelihood);
	ecml_json_number(json, "aic", 2 * model->parameters - 2 * model->log_likelihood);
	ecml_json_number(json, "bic", log(model->n) * model->parameters - 2 * model->log_likelihood);
	ecml_json_number(json, "log_loss", -model->log_likelihood / model->weight);
	ecml_json_number(json, "accuracy", model->accuracy);
	ecml_json_number(json, "parameters", model->parameters);
	ecml_json_int(json, "iterations", model->iterations);
	ecml_json_bool(json, "converged", model->converged);
	if (naliased > 0)
		ecml_json_strings(json, "aliased", aliased, naliased);
	if (nseparated > 0)
		ecml_json_strings(json, "separated", separated, nseparated);
	if (model->ridge > 0)		/* a model that was read does not have it */
		ecml_json_number(json, "ridge", model->ridge);
}

static void
judge(const void *fitted, const EcmlSchema *schema)
{
	const LogregModel *model = fitted;
	int			naliased;
	int			nseparated;
	const char **aliased = marked_terms(model, schema, model->aliased, &naliased);
	const char **separated = marked_terms(model, schema, model->separated, &nseparated);

	ecml_warn_of_identifiers(schema, model->n);
	for (int i = 0; i < naliased && i < 10; i++)
		ereport(WARNING,
				(errmsg("\"%s\" is constant, or a linear combination of other columns, and was left out", aliased[i]),
				 errhint("Leave the column out, or set \"penalty\" to \"l2\".")));
	if (naliased > 10)
		ereport(WARNING, (errmsg("%d more terms were left out", naliased - 10)));
	if (model->ridge > 0)
		ereport(WARNING,
				(errmsg("the classes of \"%s\" are separated by %s", schema->target,
						ecml_error_list(separated, Min(nseparated, 10))),
				 errdetail("The likelihood rises without bound along %s: a ridge with \"C\" %g holds the coefficients.",
						   nseparated == 1 ? "it" : "them", model->ridge),
				 errhint("Leave out what tells the answer, if something does. \"penalty\" chooses: \"l2\", \"l1\", or \"none\".")));
	else if (nseparated > 0)
		ereport(WARNING,
				(errmsg("the classes of \"%s\" are separated by %s", schema->target,
						ecml_error_list(separated, Min(nseparated, 10))),
				 errdetail("The likelihood rises without bound along %s: no finite estimate exists, and training stopped there.",
						   nseparated == 1 ? "it" : "them"),
				 errhint("Set \"penalty\" to \"l2\" for a ridge, which has one; or leave out what tells the answer.")));
	else if (!model->converged)
		ereport(WARNING,
				(errmsg("training stopped before it converged"),
				 errdetail("It took %d iterations.", model->iterations),
				 errhint("Raise \"max_iter\".")));
}

/* One vector after the other: the reference class has no rows. */
static void
coefficients(const void *fitted, const EcmlSchema *schema, const void *params, EcmlCoefficients *out)
{
	const LogregModel *model = fitted;
	double		quantile = ecml_normal_isf((1 - ((const Params *) params)->kernel.level) / 2);

	out->rows = palloc((Size) model->vectors * (model->terms + 1) * sizeof(EcmlCoefficient));
	out->n = 0;
	for (int v = 0; v < model->vectors; v++)
		for (int i = model->intercept ? 0 : 1; i <= model->terms; i++)
		{
			EcmlCoefficient *row = &out->rows[out->n++];
			size_t		at = (size_t) v * (1 + model->terms) + i;
			double		error = model->std_errors[at];

			row->term = i - 1;
			row->class = model->classes > 2 ? v + model->classes - model->vectors : -1;
			row->estimate = i > 0 && model->aliased[i - 1] ? NAN :
				i > 0 && i - 1 == model->offset ? 1 : model->coefficients[at];
			row->std_error = error;
			row->statistic = row->estimate / error;
			row->p_value = isnan(row->statistic) ? NAN : 2 * ecml_normal_sf(fabs(row->statistic));
			row->conf_low = row->estimate - quantile * error;
			row->conf_high = row->estimate + quantile * error;
			row->odds_ratio = exp(row->estimate);
		}
}

static void
contributions(const void *fitted, const EcmlSchema *schema, const double *x, int class, double *base, double *c)
{
	logreg_contributions(fitted, x, ((const LogregModel *) fitted)->classes == 2 ? 1 : class, base, c);
}

/* Options that steps have no sums for. */
static const char *
refuse_steps(const void *params)
{
	const Params *given = params;

	return !unpenalised(&given->kernel) ? "penalty" : given->class_weight.object || given->class_weight.number ? "class_weight" :
		given->offset ? "offset" : given->kernel.robust != LOGREG_CLASSIC ? "robust" : !given->kernel.intercept ? "intercept" :
		given->kernel.solver != LOGREG_AUTO && given->kernel.solver != LOGREG_NEWTON ? "solver" : NULL;
}

static void *
fit_steps(EcmlCtx *ctx, EcmlStepSource *source, const EcmlSchema *schema, const void *params)
{
	const LogregParams *kernel = &((const Params *) params)->kernel;

	return ecml_logreg_fit_steps(ctx, source, kernel->max_iter, kernel->tolerance);
}

static const EcmlStepTraining step = {.refuse = refuse_steps,.fit = fit_steps};

const EcmlAlgorithm ecml_algorithm_logreg = {
	.id = 3,
	.name = "logreg",
	.task = ECML_CLASSIFICATION,
	.target = ECML_TARGET_CLASS,
	.options = options,
	.params_size = sizeof(Params),
	.defaults = &defaults,
	.check = check,
	.element = ECML_F8,
	.max_terms = LOGREG_MAX_TERMS,
	.fit = fit,
	.step = &step,
	.drop_first = drop_first,
	.write = write_model,
	.read = read_model,
	.predict = predict,
	.probabilities = probabilities,
	.coefficients = coefficients,
	.contributions = contributions,
	.metrics = metrics,
	.judge = judge
};

ECML_AGGREGATE_FUNCTIONS(logreg)
