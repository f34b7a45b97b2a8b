/*
 * kmeans_step_sql.c - a step of k-means as a mergeable aggregate of plain types, and a training of such steps
 */
#include "core/compat.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "utils/array.h"

#include "cluster/kmeans_step_sql.h"
#include "core/result.h"
#include "core/state.h"

#define SAMPLE_ROWS 20000		/* that the first centroids are learnt from, about */

static void
write_step(EcmlWriter *w, void *content)
{
	kmeans_step_write(w, content);
}

static void *
read_step(EcmlReader *r, MemoryContext context, const void *arg)
{
	return kmeans_step_read(r);
}

static const EcmlStateType state_type = {.name = "kmeans_step",.write = write_step,.read = read_step};

ECML_STATE_FUNCTIONS(ecml_kmeans_step_state, &state_type)

/* A state at the centroids of an argument: [k][columns], or [k] for rows of one feature. */
static KmeansStep *
begin(EcmlState *state, FunctionCallInfo fcinfo, int columns)
{
	ArrayType  *array;
	MemoryContext old;
	int			k;

	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("there are no centroids"),
				 errdetail("They are NULL."),
				 errhint("Give some rows to begin with, for example ARRAY[[1, 2], [3, 4]]::float8[].")));
	array = PG_GETARG_ARRAYTYPE_P(1);
	k = ARR_NDIM(array) > 0 ? ARR_DIMS(array)[0] : 0;
	if (k < 1 || ARR_NDIM(array) > 2 || ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array)) != (int64) k * columns)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the centroids do not have the length of the rows"),
				 errdetail("Rows have %d features, the array of centroids has %d dimensions and %d elements.", columns,
						   ARR_NDIM(array), ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array))),
				 errhint("Give an array of arrays, one for each centroid.")));
	if (k > 65536 || (int64) k * columns > KMEANS_STEP_VALUES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many centroids"),
				 errdetail("There are %d.", k),
				 errhint("At most 65536 are possible, with %d numbers together.", KMEANS_STEP_VALUES)));
	if (ARR_HASNULL(array) && array_contains_nulls(array))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("a centroid holds NULL"),
				 errdetail("All coordinates are needed."),
				 errhint("Leave the centroid out.")));
	ecml_step_check_finite((const double *) ARR_DATA_PTR(array), k * columns, "there is a coordinate");
	old = MemoryContextSwitchTo(state->header.eoh_context);
	state->content = kmeans_step_new(&state->ctx, (const double *) ARR_DATA_PTR(array), k, columns);
	MemoryContextSwitchTo(old);
	return state->content;
}

PG_FUNCTION_INFO_V1(ecml_kmeans_step_transition);
PG_FUNCTION_INFO_V1(ecml_kmeans_step_combine);
PG_FUNCTION_INFO_V1(ecml_kmeans_step_final);

/* ecml_kmeans_step_transition(state, centroids float8[], x float8[]) */
Datum
ecml_kmeans_step_transition(PG_FUNCTION_ARGS)
{
	EcmlState  *state = ecml_state_in_place(fcinfo, 0);
	ArrayType  *x = PG_ARGISNULL(2) ? NULL : PG_GETARG_ARRAYTYPE_P(2);
	KmeansStep *step;
	int			n;

	if (state == NULL)
		state = ecml_state_argument(fcinfo, 0, &state_type, ecml_aggregate_context(fcinfo));
	if (x == NULL || (ARR_HASNULL(x) && array_contains_nulls(x)))
	{
		if (state)
			PG_RETURN_DATUM(EOHPGetRWDatum(&state->header));
		PG_RETURN_NULL();
	}
	n = ArrayGetNItems(ARR_NDIM(x), ARR_DIMS(x));
	if (n == 0 || ARR_NDIM(x) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("a row must be an array of one dimension"),
				 errdetail("It has %d dimensions and %d elements.", ARR_NDIM(x), n),
				 errhint("Give, for example, ARRAY[price, quantity]::float8[].")));
	if (state == NULL)
	{
		state = ecml_state_create(&state_type, ecml_aggregate_context(fcinfo));
		begin(state, fcinfo, n);
	}
	step = state->content;
	ecml_step_check_row((const double *) ARR_DATA_PTR(x), n, step->columns);
	kmeans_step_add(step, (const double *) ARR_DATA_PTR(x));
	PG_RETURN_DATUM(EOHPGetRWDatum(&state->header));
}

static bool
same_centroids(const KmeansStep *a, const KmeansStep *b)
{
	return a->k == b->k && a->columns == b->columns &&
		memcmp(a->centroids, b->centroids, (size_t) a->k * a->columns * sizeof(double)) == 0;
}

static void
merge(EcmlState *state, EcmlState *other)
{
	if (!same_centroids(state->content, other->content))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("sums of different steps cannot be merged"),
				 errdetail("Their centroids are not the same."),
				 errhint("Give all rows of a step the same centroids.")));
	kmeans_step_merge(state->content, other->content);
}

/* ecml_kmeans_step_combine(state, state) */
Datum
ecml_kmeans_step_combine(PG_FUNCTION_ARGS)
{
	return ecml_state_combine(fcinfo, &state_type, merge);
}

static Datum
array_of(const double *values, int rows, int columns)
{
	int			lengths[2] = {rows, columns};
	int			bounds[2] = {1, 1};
	int			n = rows * Max(columns, 1);
	Datum	   *datums = palloc(n * sizeof(Datum));

	for (int i = 0; i < n; i++)
		datums[i] = Float8GetDatum(values[i]);
	return PointerGetDatum(construct_md_array(datums, NULL, columns > 0 ? 2 : 1, lengths, bounds, FLOAT8OID, sizeof(float8),
											  FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

/* ecml_kmeans_step_final(state): ecml_kmeans_sums */
Datum
ecml_kmeans_step_final(PG_FUNCTION_ARGS)
{
	EcmlState  *state = ecml_state_argument(fcinfo, 0, &state_type, CurrentMemoryContext);
	const KmeansStep *step;
	Datum		values[5];
	bool		nulls[5] = {false};
	double	   *next;

	(void) ecml_aggregate_context(fcinfo);
	if (state == NULL)
		PG_RETURN_NULL();
	step = state->content;
	next = palloc((size_t) step->k * step->columns * sizeof(double));
	values[2] = Float8GetDatum(kmeans_step_next(step, next));
	values[0] = Float8GetDatum(step->rows);
	values[1] = Float8GetDatum(step->inertia);
	values[3] = array_of(next, step->k, step->columns);
	values[4] = array_of(step->sizes, step->k, 0);
	PG_RETURN_DATUM(ecml_composite(ecml_composite_desc(fcinfo), values, nulls));
}

/* ---- a training of such steps */

typedef struct Steps
{
	EcmlStepSource *source;
	char	   *features;
	KmeansStep *step;			/* under way */
	double	   *sample;			/* [nsample][n] */
	size_t		nsample;
	size_t		capacity;
} Steps;

static void
take_step(void *arg, TupleTableSlot *slot)
{
	Steps	   *steps = arg;
	const KmeansStep *one;

	if (slot->tts_isnull[0])
		return;
	one = ecml_state_from_datum(slot->tts_values[0], &state_type, CurrentMemoryContext)->content;
	/* what comes from elsewhere may be anything */
	if (!same_centroids(one, steps->step))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("a shard answered another step"),
				 errdetail("Its centroids are not those that were asked for."),
				 errhint("Both sides need the same version of ecml.")));
	kmeans_step_merge(steps->step, one);
}

static void
sums(void *arg, KmeansStep *step)
{
	Steps	   *steps = arg;
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfoString(&text, "ecml.kmeans_step('{");
	for (int c = 0; c < step->k; c++)
		for (int j = 0; j < step->columns; j++)
			appendStringInfo(&text, "%s%.17g%s", j > 0 ? "," : c > 0 ? ",{" : "{", step->centroids[(size_t) c * step->columns + j],
							 j + 1 < step->columns ? "" : "}");
	appendStringInfo(&text, "}'::pg_catalog.float8[], %s)", steps->features);
	steps->step = step;
	ecml_step_run(steps->source, text.data, "", take_step, steps);
	pfree(text.data);
}

static void
take_row(void *arg, TupleTableSlot *slot)
{
	Steps	   *steps = arg;
	int			n = steps->source->n;
	ArrayType  *array = DatumGetArrayTypeP(slot->tts_values[0]);

	if (ARR_HASNULL(array) || ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array)) != n)
		elog(ERROR, "a shard gave a row of a wrong shape");
	if (steps->nsample == steps->capacity)
	{
		steps->capacity = Max(1024, steps->capacity * 2);
		steps->sample = ecml_resize_array(steps->source->ctx, steps->sample, steps->capacity * n, sizeof(double));
	}
	memcpy(steps->sample + steps->nsample++ * n, ARR_DATA_PTR(array), n * sizeof(double));
}

/* Some rows, the same ones each time: those whose hash is low. */
static void
take_sample(Steps *steps, const KmeansParams *params)
{
	EcmlStepSource *source = steps->source;
	double		wanted = Max((double) SAMPLE_ROWS, 50.0 * params->k);
	StringInfoData condition;
	char	   *complete = source->complete;

	initStringInfo(&condition);
	appendStringInfo(&condition, "%s AND ((", complete);
	for (int j = 0; j < source->n; j++)
		appendStringInfo(&condition, "%spg_catalog.hashfloat8extended(%s, %d)", j > 0 ? " # " : "", source->columns[j], j);
	appendStringInfo(&condition, ") & 2147483647) < %.0f", wanted / source->rows * 2147483648.0);
	if (wanted < source->rows)
		source->complete = condition.data;
	ecml_step_run(source, steps->features, "", take_row, steps);
	source->complete = complete;
}

KmeansModel *
ecml_kmeans_fit_steps(EcmlCtx *ctx, EcmlStepSource *source, const EcmlSchema *schema, const KmeansParams *params)
{
	Steps		steps = {.source = source};
	KmeansModel *first;
	double		variance = 0;

	steps.features = ecml_step_features(source, schema->shift, schema->scale);
	take_sample(&steps, params);
	first = kmeans_fit(ctx, ecml_data_from_rows(ctx, ECML_F4, steps.nsample, source->n, steps.sample, NULL, NULL), params);
	for (int j = 0; j < source->n; j++)
		variance += source->moments[j].square / source->rows * schema->scale[j] * schema->scale[j] / source->n;
	return kmeans_step_fit(ctx, params, first->centroids, source->n, variance, sums, &steps);
}
