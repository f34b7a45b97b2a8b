/*
 * logreg_step_sql.c - a step of logistic regression as a mergeable aggregate of plain types
 */
#include "core/compat.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "utils/array.h"

#include "core/result.h"
#include "core/state.h"
#include "linear/logreg.h"
#include "linear/logreg_step_sql.h"

static void
write_step(EcmlWriter *w, void *content)
{
	logreg_step_write(w, content);
}

static void *
read_step(EcmlReader *r, MemoryContext context, const void *arg)
{
	return logreg_step_read(r);
}

static const EcmlStateType state_type = {.name = "logreg_step",.write = write_step,.read = read_step};

ECML_STATE_FUNCTIONS(ecml_logreg_step_state, &state_type)

/* The numbers of an array without NULLs and of one dimension; false: it has a NULL. */
static bool
numbers(FunctionCallInfo fcinfo, int argument, const double **values, int *n)
{
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(argument);

	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("an array of one dimension is needed"),
				 errdetail("It has %d.", ARR_NDIM(array)),
				 errhint("Give, for example, ARRAY[price, quantity]::float8[].")));
	*n = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	*values = (const double *) ARR_DATA_PTR(array);
	return !ARR_HASNULL(array) || !array_contains_nulls(array);
}

static LogregStep *
begin(EcmlState *state, FunctionCallInfo fcinfo, int size)
{
	MemoryContext old = MemoryContextSwitchTo(state->header.eoh_context);
	const double *start = NULL;
	int			n = size;

	if (size > LOGREG_MAX_TERMS + 1)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many features"),
				 errdetail("There are %d.", size - 1),
				 errhint("At most %d are possible.", LOGREG_MAX_TERMS)));
	if (!PG_ARGISNULL(1) && !numbers(fcinfo, 1, &start, &n))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("a coefficient is NULL"),
				 errdetail("The coefficients are the constant and one for each feature."),
				 errhint("Give NULL in place of the array to begin.")));
	if (n != size)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the number of coefficients is not that of the features and one"),
				 errdetail("There are %d coefficients for %d features.", n, size - 1),
				 errhint("Give the coefficients of the step before, or NULL to begin.")));
	if (start)
		ecml_step_check_finite(start, n, "there is a coefficient");
	state->content = logreg_step_new(&state->ctx, start, size);
	MemoryContextSwitchTo(old);
	return state->content;
}

PG_FUNCTION_INFO_V1(ecml_logreg_step_transition);
PG_FUNCTION_INFO_V1(ecml_logreg_step_combine);
PG_FUNCTION_INFO_V1(ecml_logreg_step_final);

/* ecml_logreg_step_transition(state, coefficients float8[], y float8, x float8[]) */
Datum
ecml_logreg_step_transition(PG_FUNCTION_ARGS)
{
	EcmlState  *state = ecml_state_in_place(fcinfo, 0);
	LogregStep *step;
	const double *x;
	double		y;
	int			n;

	if (state == NULL)
		state = ecml_state_argument(fcinfo, 0, &state_type, ecml_aggregate_context(fcinfo));
	if (PG_ARGISNULL(2) || PG_ARGISNULL(3) || !numbers(fcinfo, 3, &x, &n))
	{
		if (state)
			PG_RETURN_DATUM(EOHPGetRWDatum(&state->header));
		PG_RETURN_NULL();
	}
	if (state == NULL)
	{
		state = ecml_state_create(&state_type, ecml_aggregate_context(fcinfo));
		begin(state, fcinfo, n + 1);
	}
	step = state->content;
	y = PG_GETARG_FLOAT8(2);
	if (y != 0 && y != 1)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("the target of a step must be 0 or 1"),
				 errdetail("A row has %g.", y),
				 errhint("Give, for example, (outcome = 'yes')::int.")));
	ecml_step_check_row(x, n, step->size - 1);
	logreg_step_add(step, y == 1, x);
	PG_RETURN_DATUM(EOHPGetRWDatum(&state->header));
}

static void
merge(EcmlState *state, EcmlState *other)
{
	LogregStep *a = state->content;
	const LogregStep *b = other->content;

	if (a->size != b->size || memcmp(a->coefficients, b->coefficients, a->size * sizeof(double)) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("sums of different steps cannot be merged"),
				 errdetail("Their coefficients are not the same."),
				 errhint("Give all rows of a step the same coefficients.")));
	logreg_step_merge(a, b);
}

/* ecml_logreg_step_combine(state, state) */
Datum
ecml_logreg_step_combine(PG_FUNCTION_ARGS)
{
	return ecml_state_combine(fcinfo, &state_type, merge);
}

static Datum
array_of(const double *values, int n, int dimensions)
{
	int			lengths[2] = {n, n};
	int			bounds[2] = {1, 1};
	int			count = dimensions == 2 ? n * n : n;
	Datum	   *datums = palloc(count * sizeof(Datum));
	bool	   *nulls = palloc(count * sizeof(bool));

	for (int i = 0; i < count; i++)
	{
		/* of a symmetric matrix the lower triangle is known */
		int			row = dimensions == 2 ? Max(i / n, i % n) : 0;
		int			column = dimensions == 2 ? Min(i / n, i % n) : i;
		double		value = values[(size_t) row * n + column];

		nulls[i] = isnan(value);
		datums[i] = Float8GetDatum(value);
	}
	return PointerGetDatum(construct_md_array(datums, nulls, dimensions, lengths, bounds, FLOAT8OID, sizeof(float8),
											  FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

/* ecml_logreg_step_final(state): ecml_logreg_sums */
Datum
ecml_logreg_step_final(PG_FUNCTION_ARGS)
{
	EcmlState  *state = ecml_state_argument(fcinfo, 0, &state_type, CurrentMemoryContext);
	EcmlCtx		ctx;
	EcmlServerHost host;
	const LogregStep *step;
	Datum		values[7];
	bool		nulls[7] = {false};
	double	   *next;
	double	   *errors;

	(void) ecml_aggregate_context(fcinfo);
	if (state == NULL)
		PG_RETURN_NULL();
	step = state->content;
	ecml_host_init(&ctx, &host, CurrentMemoryContext, 0, 0);
	next = ECML_NEW(&ctx, double, step->size);
	errors = ECML_NEW(&ctx, double, step->size);
	ecml_set_number(values, nulls, 2, logreg_step_solve(&ctx, step, next, errors));
	values[0] = Float8GetDatum(step->rows);
	ecml_set_number(values, nulls, 1, step->log_likelihood);
	values[3] = array_of(next, step->size, 1);
	values[4] = array_of(errors, step->size, 1);
	values[5] = array_of(step->gradient, step->size, 1);
	values[6] = array_of(step->information, step->size, 2);
	PG_RETURN_DATUM(ecml_composite(ecml_composite_desc(fcinfo), values, nulls));
}

/* ---- a training of such steps */

typedef struct Steps
{
	EcmlStepSource *source;
	char	   *features;
	LogregStep *step;			/* under way */
} Steps;

static void
take_step(void *arg, TupleTableSlot *slot)
{
	Steps	   *steps = arg;
	const LogregStep *one;
	EcmlState  *state;

	if (slot->tts_isnull[0])
		return;
	state = ecml_state_from_datum(slot->tts_values[0], &state_type, CurrentMemoryContext);
	one = state->content;
	/* what comes from elsewhere may be anything */
	if (one->size != steps->step->size || memcmp(one->coefficients, steps->step->coefficients, one->size * sizeof(double)) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("a shard answered another step"),
				 errdetail("Its coefficients are not those that were asked for."),
				 errhint("Both sides need the same version of ecml, and extra_float_digits of 3 or 1.")));
	logreg_step_merge(steps->step, one);
}

static void
sums(void *arg, LogregStep *step)
{
	Steps	   *steps = arg;

	steps->step = step;
	ecml_step_run(steps->source, psprintf("ecml.logreg_step(%s, %s, %s)", ecml_step_numbers(step->coefficients, step->size),
										  steps->source->target, steps->features), "", take_step, steps);
}

LogregModel *
ecml_logreg_fit_steps(EcmlCtx *ctx, EcmlStepSource *source, int max_iter, double tolerance)
{
	int			n = source->n;
	double	   *all = ECML_NEW0(ctx, double, 5 * (size_t) (n + 1));
	double	   *mean = all;
	double	   *deviation = all + n;
	double	   *scale = all + 2 * n;
	double	   *low = all + 3 * n;
	double	   *high = all + 4 * n;
	Steps		steps = {.source = source};
	LogregSteps fit = {.terms = n,.mean = mean,.deviation = deviation,.low = low,.high = high,.rows = source->rows,
	.ones = source->ones,.max_iter = max_iter,.tolerance = tolerance,.sums = sums,.arg = &steps};

	for (int j = 0; j < n; j++)
	{
		const EcmlColumnMoments *m = &source->moments[j];

		mean[j] = m->mean;
		low[j] = m->low;
		high[j] = m->high;
		deviation[j] = m->low < m->high ? sqrt(m->square / source->rows) : 0;
		/* a constant column is 0 in all rows, and left out for that */
		scale[j] = deviation[j] > 0 ? 1 / deviation[j] : 0;
	}
	steps.features = ecml_step_features(source, mean, scale);
	return logreg_step_fit(ctx, &fit);
}
