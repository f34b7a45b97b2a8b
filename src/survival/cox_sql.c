/*
 * cox_sql.c - proportional hazards in SQL: options, aggregate, survival curves
 */
#include "core/compat.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "utils/array.h"

#include "core/aggregate.h"
#include "core/error.h"
#include "core/serve.h"
#include "core/trainer.h"
#include "num/dist.h"
#include "survival/cox.h"

extern const EcmlAlgorithm ecml_algorithm_cox;

typedef struct Params
{
	CoxParams	kernel;
	char	   *strata;			/* name of a feature, or NULL */
} Params;

static const Params defaults = {.kernel = COX_DEFAULTS};

static const char *const ties[] = {"efron", "breslow", NULL};

static const EcmlOption options[] = {
	ECML_OPT_ENUM(Params, kernel.ties, "ties", ties),
	ECML_OPT_FLOAT(Params, kernel.alpha, "alpha", 0, INFINITY),
	ECML_OPT_FLOAT(Params, kernel.l1_ratio, "l1_ratio", 0, 1),
	ECML_OPT_FLOAT(Params, kernel.level, "level", 0, 1),
	ECML_OPT_INT(Params, kernel.max_iter, "max_iter", 1, 1e6),
	ECML_OPT_FLOAT(Params, kernel.tolerance, "tolerance", 0, 1),
	ECML_OPT_TEXT(Params, strata, "strata"),
	ECML_OPT_END
};

static const char *
check(const void *params)
{
	return cox_check(&((const Params *) params)->kernel);
}

static bool
drop_first(const void *params)
{
	return true;				/* the baseline hazard stands for the first category */
}

static void *
fit(EcmlCtx *ctx, EcmlData *data, const EcmlSchema *schema, const void *params)
{
	const Params *p = params;
	const char **names;

	if (p->strata == NULL)
		return cox_fit(ctx, data, &p->kernel, 0, 0);
	names = palloc((schema->nfeatures + 1) * sizeof(char *));
	for (int j = 0; j < schema->nfeatures; j++)
	{
		names[j] = schema->features[j].name;
		if (strcmp(names[j], p->strata) == 0)
			return cox_fit(ctx, data, &p->kernel, schema->features[j].first_term, schema->features[j].terms);
	}
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("strata column \"%s\" is not among the features", p->strata),
			 errdetail("Features are: %s.", ecml_error_list(names, schema->nfeatures)),
			 errhint("%sName one of the features in \"strata\"; it then has a baseline for each value, and no coefficient.",
					 ecml_error_perhaps(ecml_error_nearest(p->strata, names, schema->nfeatures)))));
	return NULL;
}

static void
write_model(EcmlWriter *w, const void *fitted)
{
	cox_write(w, fitted);
}

static void *
read_model(EcmlReader *r, const EcmlSchema *schema)
{
	return cox_read(r, schema->nterms);
}

static double
predict(const void *fitted, const double *x)
{
	return exp(cox_log_hazard(fitted, x));
}

static void
coefficients(const void *fitted, const EcmlSchema *schema, const void *params, EcmlCoefficients *out)
{
	const CoxModel *model = fitted;
	double		quantile = ecml_normal_isf((1 - ((const Params *) params)->kernel.level) / 2);

	out->rows = palloc((model->terms + 1) * sizeof(EcmlCoefficient));
	out->n = 0;
	for (int i = 0; i < model->terms; i++)
	{
		EcmlCoefficient *row;
		double		error = model->std_errors[i];

		if (model->states[i] == COX_STRATUM)
			continue;
		row = &out->rows[out->n++];
		row->term = i;
		row->class = -1;
		row->estimate = model->states[i] == COX_ALIASED ? NAN : model->coefficients[i];
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
	const CoxModel *model = fitted;

	*base = 0;
	for (int i = 0; i < model->terms; i++)
		c[i] = model->coefficients[i] * (x[i] - model->means[i]);
}

/* Names of the terms in a state. */
static const char **
terms_in(const CoxModel *model, const EcmlSchema *schema, CoxState state, int *n)
{
	const char **names = palloc((model->terms + 1) * sizeof(char *));

	*n = 0;
	for (int i = 0; i < model->terms; i++)
		if (model->states[i] == state)
			names[(*n)++] = ecml_schema_term_name(schema, i);
	return names;
}

static double
tail(double chi_square, int df)
{
	return df > 0 && !isnan(chi_square) ? ecml_chi2_sf(Max(chi_square, 0), df) : NAN;
}

static void
metrics(const void *fitted, const EcmlSchema *schema, EcmlJson *json)
{
	const CoxModel *model = fitted;
	double		ratio = model->penalised ? NAN : 2 * (model->log_likelihood - model->null_log_likelihood);
	const char **names;
	int			n;

	ecml_json_number(json, "events", model->events);
	ecml_json_number(json, "concordance", model->concordance);
	ecml_json_number(json, "log_likelihood", model->log_likelihood);
	ecml_json_number(json, "null_log_likelihood", model->null_log_likelihood);
	ecml_json_number(json, "aic", model->penalised ? NAN : 2 * model->df - 2 * model->log_likelihood);
	ecml_json_int(json, "df", model->df);
	ecml_json_number(json, "likelihood_ratio", ratio);
	ecml_json_number(json, "likelihood_ratio_p", tail(ratio, model->df));
	ecml_json_number(json, "score", model->score);
	ecml_json_number(json, "score_p", tail(model->score, model->df));
	ecml_json_number(json, "wald", model->wald);
	ecml_json_number(json, "wald_p", tail(model->wald, model->df));
	ecml_json_int(json, "iterations", model->iterations);
	ecml_json_bool(json, "converged", model->converged);
	if (model->nstratum_terms > 0)
		ecml_json_int(json, "strata", model->nstrata);
	names = terms_in(model, schema, COX_ALIASED, &n);
	if (n > 0)
		ecml_json_strings(json, "aliased", names, n);
	names = terms_in(model, schema, COX_DIVERGING, &n);
	if (n > 0)
		ecml_json_strings(json, "diverging", names, n);
}

static void
judge(const void *fitted, const EcmlSchema *schema)
{
	const CoxModel *model = fitted;
	const char **names;
	int			n;

	names = terms_in(model, schema, COX_ALIASED, &n);
	for (int i = 0; i < n && i < 10; i++)
		ereport(WARNING,
				(errmsg("\"%s\" is constant, or a linear combination of other columns, and was left out", names[i]),
				 errhint("Leave the column out.")));
	if (n > 10)
		ereport(WARNING, (errmsg("%d more terms were left out", n - 10)));
	names = terms_in(model, schema, COX_DIVERGING, &n);
	for (int i = 0; i < n && i < 10; i++)
		ereport(WARNING,
				(errmsg("the coefficient of \"%s\" has no end: the events lie on one side of it", names[i]),
				 errdetail("The likelihood grows for ever; the value is where the search stopped, without a standard error."),
				 errhint("Set \"alpha\" above 0 for a ridge penalty, or leave the column out.")));
	if (n == 0 && !model->converged)
		ereport(WARNING,
				(errmsg("cox did not converge in %d steps", model->iterations),
				 errhint("Raise \"max_iter\", or set \"alpha\" above 0 for a ridge penalty.")));
}

static void
evaluate(EcmlCtx *ctx, EcmlData *data, const void *fitted, EcmlJson *json)
{
	double		events;
	double		concordance = cox_evaluate(ctx, data, fitted, &events);

	ecml_json_number(json, "events", events);
	ecml_json_number(json, "concordance", concordance);
}

const EcmlAlgorithm ecml_algorithm_cox = {
	.id = 4,
	.name = "cox",
	.task = ECML_SURVIVAL,
	.target = ECML_TARGET_SURVIVAL,
	.options = options,
	.params_size = sizeof(Params),
	.defaults = &defaults,
	.check = check,
	.element = ECML_F8,
	.fit = fit,
	.drop_first = drop_first,
	.write = write_model,
	.read = read_model,
	.predict = predict,
	.coefficients = coefficients,
	.contributions = contributions,
	.metrics = metrics,
	.judge = judge,
	.evaluate = evaluate
};

ECML_AGGREGATE_FUNCTIONS(cox)

/* The model at hand with its arguments bound from number 2 on; NULL: the result is NULL. */
static const CoxModel *
bound(FunctionCallInfo fcinfo, bool by_name, const double **x)
{
	EcmlServing *serving = ecml_serving(fcinfo, by_name);

	if (serving == NULL || PG_ARGISNULL(1))
		return NULL;
	if (serving->model->algorithm != &ecml_algorithm_cox)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("ecml_survival needs a survival model"),
				 errdetail("The model's algorithm is %s.", serving->model->algorithm->name),
				 errhint("Train it with ecml_train(model, 'cox', source, duration, options => '{\"event\": \"...\"}').")));
	if (!ecml_serving_bind(serving, fcinfo, 2))
		return NULL;
	*x = ecml_serving_terms(serving);
	return serving->model->fitted;
}

/* ecml_survival(model, time float8, VARIADIC "any"): float8 */
ECML_MODEL_FUNCTION(ecml_survival)
{
	const double *x;
	const CoxModel *model = bound(fcinfo, by_name, &x);
	double		survival = model ? cox_survival(model, x, PG_GETARG_FLOAT8(1)) : NAN;

	if (isnan(survival))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(survival);
}

/* ecml_survival(model, times float8[], VARIADIC "any"): float8[] */
ECML_MODEL_FUNCTION(ecml_survival_times)
{
	const double *x;
	const CoxModel *model = bound(fcinfo, by_name, &x);
	ArrayType  *times;
	Datum	   *values;
	bool	   *nulls;
	int			n;
	int			dims[1];
	int			lower[1] = {1};

	if (model == NULL)
		PG_RETURN_NULL();
	times = PG_GETARG_ARRAYTYPE_P(1);
	deconstruct_array(times, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &values, &nulls, &n);
	for (int i = 0; i < n; i++)
	{
		double		survival = nulls[i] ? NAN : cox_survival(model, x, DatumGetFloat8(values[i]));

		nulls[i] = isnan(survival);
		values[i] = Float8GetDatum(survival);
	}
	dims[0] = n;
	PG_RETURN_POINTER(construct_md_array(values, nulls, n > 0 ? 1 : 0, dims, lower, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL,
										 TYPALIGN_DOUBLE));
}
