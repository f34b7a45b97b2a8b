/*
 * linreg_sql.c - linear regression in SQL: options, aggregate, coefficients, intervals
 */
#include "core/compat.h"

#include <math.h>

#include "core/onepass.h"
#include "core/result.h"
#include "core/serve.h"
#include "core/state.h"
#include "core/step.h"
#include "core/trainer.h"
#include "linear/identifier_sql.h"
#include "linear/linreg.h"
#include "num/dist.h"

extern const EcmlAlgorithm ecml_algorithm_linreg;

static const LinregParams defaults = LINREG_DEFAULTS;

static const EcmlOption options[] = {
	ECML_OPT_BOOL(LinregParams, intercept, "intercept"),
	ECML_OPT_FLOAT(LinregParams, alpha, "alpha", 0, INFINITY),
	ECML_OPT_FLOAT(LinregParams, l1_ratio, "l1_ratio", 0, 1),
	ECML_OPT_FLOAT(LinregParams, level, "level", 0, 1),
	ECML_OPT_INT(LinregParams, max_iter, "max_iter", 1, 1e9),
	ECML_OPT_FLOAT(LinregParams, tolerance, "tolerance", 0, 1),
	ECML_OPT_END
};

static const char *
check(const void *params)
{
	return linreg_check(params);
}

static void *
create(EcmlCtx *ctx, int terms)
{
	return linreg_new(ctx, terms);
}

static void
grow(EcmlCtx *ctx, void *state, int terms)
{
	linreg_grow(ctx, state, terms);
}

static void
absorb(EcmlCtx *ctx, void *state, const EcmlBlock *block)
{
	linreg_absorb(ctx, state, block);
}

static void
merge(EcmlCtx *ctx, void *state, const void *source, const int *map)
{
	linreg_merge(ctx, state, source, map);
}

static void *
copy(EcmlCtx *ctx, const void *state)
{
	return linreg_state_copy(ctx, state);
}

static void
state_write(EcmlWriter *w, const void *state)
{
	linreg_state_write(w, state);
}

static void *
state_read(EcmlReader *r)
{
	return linreg_state_read(r);
}

static int
terms(const void *state)
{
	return linreg_terms(state);
}

static double
sum(const void *state, int term)
{
	return linreg_sum(state, term);
}

static double
variance(const void *state, int term)
{
	return linreg_variance(state, term);
}

static void
add_term(EcmlCtx *ctx, void *state, int to, int from, double factor)
{
	linreg_add_term(ctx, state, to, from, factor);
}

/* Without an intercept all categories have a term: they take its place. */
static bool
drop_first(const void *params)
{
	return ((const LinregParams *) params)->intercept;
}

static void *
fit(EcmlCtx *ctx, const void *state, const void *params, const int *select, int n)
{
	return linreg_fit(ctx, state, params, select, n);
}

static const EcmlStateType state_type;

static const EcmlOnePass one_pass = {
	.create = create,
	.grow = grow,
	.absorb = absorb,
	.merge = merge,
	.copy = copy,
	.write = state_write,
	.read = state_read,
	.terms = terms,
	.sum = sum,
	.variance = variance,
	.add_term = add_term,
	.fit = fit,
	.aggregate = "ecml.linreg_rows",
	.state_type = &state_type,
	.parallel_terms = LINREG_GRAM_TERMS	/* the Gram matrix is summed in twice the precision that a result has */
};

static void
write_model(EcmlWriter *w, const void *fitted)
{
	linreg_write(w, fitted);
}

static void *
read_model(EcmlReader *r, const EcmlSchema *schema)
{
	return linreg_read(r, schema->nterms);
}

static double
predict(const void *fitted, const double *x)
{
	return linreg_predict(fitted, x);
}

/* Names of the terms that were left out. */
static const char **
aliased_terms(const LinregModel *model, const EcmlSchema *schema, int *n)
{
	const char **names = palloc((model->terms + 1) * sizeof(char *));

	*n = 0;
	for (int i = 0; i < model->terms; i++)
		if (model->aliased[i])
			names[(*n)++] = ecml_schema_term_name(schema, i);
	return names;
}

static void
metrics(const void *fitted, const EcmlSchema *schema, EcmlJson *json)
{
	const LinregModel *model = fitted;
	int			n;
	const char **names = aliased_terms(model, schema, &n);

	ecml_json_number(json, "r2", model->r2);
	ecml_json_number(json, "adj_r2", model->adj_r2);
	ecml_json_number(json, "sigma", model->sigma);
	ecml_json_number(json, "rss", model->rss);
	ecml_json_number(json, "df", model->df);
	ecml_json_number(json, "f_statistic", model->f_statistic);
	ecml_json_number(json, "f_p_value", model->f_p_value);
	ecml_json_number(json, "log_likelihood", model->log_likelihood);
	ecml_json_number(json, "aic", model->aic);
	ecml_json_number(json, "bic", model->bic);
	ecml_json_int(json, "rank", model->rank);
	if (n > 0)
		ecml_json_strings(json, "aliased", names, n);
}

static void
judge(const void *fitted, const EcmlSchema *schema)
{
	const LinregModel *model = fitted;
	int			n;
	const char **names = aliased_terms(model, schema, &n);

	/* a model a group may be of such a group; a training by name is a mistake */
	if (model->intercept && isnan(model->r2))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("the target \"%s\" is constant", schema->target),
				 errdetail("It is %g in all %.0f rows.", model->coefficients[0], model->n),
				 errhint("Name a column that varies, or give more rows.")));
	ecml_warn_of_identifiers(schema, model->n);
	for (int i = 0; i < n && i < 10; i++)
		ereport(WARNING,
				(errmsg("\"%s\" is constant, or a linear combination of other columns, and was left out", names[i]),
				 errhint("Leave the column out, or set \"alpha\" above 0 for a ridge regression.")));
	if (n > 10)
		ereport(WARNING, (errmsg("%d more terms were left out", n - 10)));
}

static void
coefficients(const void *fitted, const EcmlSchema *schema, const void *params, EcmlCoefficients *out)
{
	const LinregModel *model = fitted;
	double		quantile = ecml_t_isf((1 - ((const LinregParams *) params)->level) / 2, model->df);

	out->rows = palloc((model->terms + 1) * sizeof(EcmlCoefficient));
	out->n = 0;
	for (int i = model->intercept ? 0 : 1; i <= model->terms; i++)
	{
		EcmlCoefficient *row = &out->rows[out->n++];
		bool		aliased = i > 0 && model->aliased[i - 1];
		double		error = model->std_errors[i];

		row->term = i - 1;
		row->class = -1;
		row->estimate = aliased ? NAN : model->coefficients[i];
		row->std_error = error;
		row->statistic = row->estimate / error;
		row->p_value = isnan(row->statistic) ? NAN : 2 * ecml_t_sf(fabs(row->statistic), model->df);
		row->conf_low = row->estimate - quantile * error;
		row->conf_high = row->estimate + quantile * error;
		row->odds_ratio = NAN;
	}
}

static void
contributions(const void *fitted, const EcmlSchema *schema, const double *x, int class, double *base, double *c)
{
	linreg_contributions(fitted, x, base, c);
}

/* ---- step by step: one step, a state from each shard */

typedef struct Shards
{
	EcmlStepSource *source;
	EcmlTrainer *all;			/* NULL: none has come */
} Shards;

static void
take_state(void *arg, TupleTableSlot *slot)
{
	Shards	   *shards = arg;
	EcmlTrainer *one;
	MemoryContext old;

	if (slot->tts_isnull[0])
		return;
	old = MemoryContextSwitchTo(shards->source->context);
	one = ecml_state_from_datum(slot->tts_values[0], &state_type, shards->source->context)->content;
	if (shards->all)
		ecml_trainer_merge(shards->all, one);
	else
		shards->all = one;
	MemoryContextSwitchTo(old);
}

static void *
step_fit(EcmlCtx *ctx, EcmlStepSource *source, const EcmlSchema *schema, const void *params)
{
	Shards		shards = {.source = source};
	int		   *select = palloc((source->n + 1) * sizeof(int));

	ecml_step_run(source, psprintf("ecml.linreg_partial('{}'::pg_catalog.jsonb, %s, %s)", source->target,
								   ecml_step_features(source, NULL, NULL)), "", take_state, &shards);
	if (shards.all == NULL || ecml_trainer_features(shards.all) != source->n)
		elog(ERROR, "the shards gave no state");
	ecml_trainer_settle(shards.all);
	for (int j = 0; j < source->n; j++)
		select[j] = shards.all->term_of[j][0];
	return linreg_fit(ctx, shards.all->state, params, select, source->n);
}

static const EcmlStepTraining step = {.fit = step_fit};

const EcmlAlgorithm ecml_algorithm_linreg = {
	.id = 1,
	.name = "linreg",
	.task = ECML_REGRESSION,
	.target = ECML_TARGET_NUMBER,
	.options = options,
	.params_size = sizeof(LinregParams),
	.defaults = &defaults,
	.check = check,
	.element = ECML_F8,
	.drop_first = drop_first,
	.one_pass = &one_pass,
	.step = &step,
	.write = write_model,
	.read = read_model,
	.predict = predict,
	.coefficients = coefficients,
	.contributions = contributions,
	.metrics = metrics,
	.judge = judge
};

static const EcmlStateType state_type = ECML_ONEPASS_TYPE(&ecml_algorithm_linreg, "linreg");

ECML_STATE_FUNCTIONS(ecml_linreg_state, &state_type)

PG_FUNCTION_INFO_V1(ecml_linreg_transition);
PG_FUNCTION_INFO_V1(ecml_linreg_transition_array);
PG_FUNCTION_INFO_V1(ecml_linreg_transition_plain);
PG_FUNCTION_INFO_V1(ecml_linreg_rows);
PG_FUNCTION_INFO_V1(ecml_linreg_combine);
PG_FUNCTION_INFO_V1(ecml_linreg_final);

/* ecml_linreg_transition(state, options jsonb, y float8, VARIADIC "any") */
Datum
ecml_linreg_transition(PG_FUNCTION_ARGS)
{
	return ecml_onepass_transition(fcinfo, &state_type, 1, 2, false);
}

/* ecml_linreg_transition_array(state, options jsonb, y float8, x float8[]) */
Datum
ecml_linreg_transition_array(PG_FUNCTION_ARGS)
{
	return ecml_onepass_transition(fcinfo, &state_type, 1, 2, true);
}

/* ecml_linreg_transition_plain(state, y float8, x float8[]) */
Datum
ecml_linreg_transition_plain(PG_FUNCTION_ARGS)
{
	return ecml_onepass_transition(fcinfo, &state_type, 0, 1, true);
}

/* ecml.linreg_rows_transition(state, names text[], options jsonb, VARIADIC "any") */
Datum
ecml_linreg_rows(PG_FUNCTION_ARGS)
{
	return ecml_onepass_rows(fcinfo, &state_type);
}

/* ecml_linreg_combine(state, state) */
Datum
ecml_linreg_combine(PG_FUNCTION_ARGS)
{
	return ecml_onepass_combine(fcinfo, &state_type);
}

/* ecml_linreg_final(state): ecml_model */
Datum
ecml_linreg_final(PG_FUNCTION_ARGS)
{
	return ecml_onepass_final(fcinfo, &state_type);
}

/* The regression in a model, or an error. */
static const LinregModel *
regression(const EcmlModel *model, const char *function)
{
	if (model->algorithm != &ecml_algorithm_linreg)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s needs a linear model", function),
				 errdetail("The model's algorithm is %s.", model->algorithm->name),
				 errhint("Train it with ecml_train(model, 'linreg', ...).")));
	return model->fitted;
}

/* ecml_predict_interval(model, level float8, VARIADIC "any"): (lower, upper) */
ECML_MODEL_FUNCTION(ecml_predict_interval)
{
	EcmlServing *serving = ecml_serving(fcinfo, by_name);
	const LinregModel *fitted;
	Datum		values[2];
	bool		nulls[2] = {false};
	double		level;
	double		mean;
	double		observation;
	double		prediction;

	if (serving == NULL || PG_ARGISNULL(1))
		PG_RETURN_NULL();
	fitted = regression(serving->model, "ecml_predict_interval");
	level = PG_GETARG_FLOAT8(1);
	if (!(level > 0 && level < 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the level of an interval must be between 0 and 1"),
				 errdetail("The level is %g.", level),
				 errhint("Give, for example, 0.95.")));
	if (!ecml_serving_bind(serving, fcinfo, 2))
		PG_RETURN_NULL();
	prediction = linreg_predict(fitted, ecml_serving_terms(serving));
	linreg_interval(fitted, ecml_serving_terms(serving), level, &mean, &observation);
	ecml_set_number(values, nulls, 0, prediction - observation);
	ecml_set_number(values, nulls, 1, prediction + observation);
	PG_RETURN_DATUM(ecml_composite(ecml_composite_desc(fcinfo), values, nulls));
}
