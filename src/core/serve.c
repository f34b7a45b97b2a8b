/*
 * serve.c - a model at hand for a call
 *
 * What a row costs: comparing the name (or the value) with the one at hand and the snapshot with the one it was found
 * under, converting the arguments, and the kernel's own work.  A new snapshot looks the model up again: a function that
 * trains and predicts in turn sees its own model at once.
 */
#include "core/compat.h"

#include <math.h>

#include "miscadmin.h"
#include "nodes/primnodes.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "core/serve.h"

#define WHOLE_COMPARED 1024		/* bytes */

/* Three numbers that are the same only for snapshots that see the same, under the same role. */
static inline void
fingerprint(uint64 seen[3])
{
	Snapshot	snapshot = GetActiveSnapshot();

	seen[0] = ((uint64) snapshot->xmin << 32) | snapshot->xmax;
	seen[1] = (snapshot->snapXactCompletionCount << 24) ^ snapshot->curcid;
	seen[2] = GetUserId();
}

static inline bool
unchanged(const EcmlServing *serving, const uint64 seen[3])
{
	return seen[0] == serving->seen[0] && seen[1] == serving->seen[1] && seen[2] == serving->seen[2];
}

static void
release(void *arg)
{
	EcmlServing *serving = arg;

	if (serving->cached)
		ecml_cache_release(serving->cached);
	serving->cached = NULL;
}

/* Forget the model at hand. */
static void
forget(EcmlServing *serving)
{
	release(serving);
	MemoryContextReset(serving->model_context);
	serving->model = NULL;
	serving->binder = NULL;
	serving->extra = NULL;
	serving->texts = NULL;
	serving->terms = NULL;
	serving->p = NULL;
	serving->value = NULL;
	serving->name_length = -1;
	serving->quick = ECML_QUICK_NOT;
}

static EcmlServing *
create(MemoryContext context)
{
	EcmlServing *serving = MemoryContextAllocZero(context, sizeof(EcmlServing));
	MemoryContextCallback *callback = MemoryContextAlloc(context, sizeof(MemoryContextCallback));

	serving->call_context = context;
	serving->model_context = AllocSetContextCreate(context, "ecml serving", ALLOCSET_SMALL_SIZES);
	serving->name_length = -1;
	callback->func = release;
	callback->arg = serving;
	MemoryContextRegisterResetCallback(context, callback);
	return serving;
}

static void
find_by_name(EcmlServing *serving, const char *bytes, int length, const uint64 seen[3])
{
	char		name[64];
	EcmlCatalogEntry entry;
	EcmlCached *cached;

	if (length > ECML_NAME_LIMIT)
		ecml_catalog_check_name(pnstrdup(bytes, length));
	memcpy(name, bytes, length);
	name[length] = '\0';
	ecml_catalog_get(name, &entry);
	cached = ecml_cache_get(&entry);
	if (cached == serving->cached)
		ecml_cache_release(cached);	/* still the same: the pin that we have is enough */
	else
	{
		forget(serving);
		serving->cached = cached;
		serving->model = ecml_cached_model(cached);
	}
	serving->model_id = entry.model_id;
	memcpy(serving->name, name, length + 1);
	serving->name_length = length;
	serving->seen[0] = seen[0];
	serving->seen[1] = seen[1];
	serving->seen[2] = seen[2];
}

static void
take_value(EcmlServing *serving, struct varlena *value)
{
	MemoryContext old;
	size_t		size = VARSIZE_ANY(value);

	forget(serving);
	old = MemoryContextSwitchTo(serving->model_context);
	serving->model = ecml_model_read((struct varlena *) PG_DETOAST_DATUM(PointerGetDatum(value)), serving->model_context);
	serving->value = palloc(size);
	memcpy(serving->value, value, size);
	serving->value_size = size;
	MemoryContextSwitchTo(old);
}

/*
 * Is a value of the same size the one at hand?  Small ones (a toast pointer is one) are compared as a whole.  Of a large one
 * the header, which holds the checksum of all that follows, and one number in each 512 bytes: comparing all of it would cost
 * more than the prediction.
 */
static inline bool
same_bytes(const EcmlServing *serving, const struct varlena *value)
{
	const char *a = (const char *) serving->value;
	const char *b = (const char *) value;
	size_t		size = serving->value_size;
	uint64		x;
	uint64		y;

	if (size <= WHOLE_COMPARED)
		return memcmp(a, b, size) == 0;
	if (memcmp(a, b, WHOLE_COMPARED / 8) != 0)
		return false;
	for (size_t at = size - sizeof(x);; at -= WHOLE_COMPARED / 2)
	{
		memcpy(&x, a + at, sizeof(x));
		memcpy(&y, b + at, sizeof(y));
		if (x != y)
			return false;
		if (at < WHOLE_COMPARED / 2)
			return true;
	}
}

EcmlServing *
ecml_serving(FunctionCallInfo fcinfo, bool by_name)
{
	EcmlServing *serving = fcinfo->flinfo->fn_extra;

	if (PG_ARGISNULL(0))
		return NULL;
	if (serving == NULL)
		fcinfo->flinfo->fn_extra = serving = create(fcinfo->flinfo->fn_mcxt);
	if (by_name)
	{
		text	   *name = PG_GETARG_TEXT_PP(0);
		int			length = VARSIZE_ANY_EXHDR(name);
		uint64		seen[3];

		fingerprint(seen);
		if (length != serving->name_length || !unchanged(serving, seen) ||
			memcmp(serving->name, VARDATA_ANY(name), length) != 0)
			find_by_name(serving, VARDATA_ANY(name), length, seen);
	}
	else
	{
		/* a value in a table is known by its toast pointer, any other by its bytes */
		struct varlena *value = (struct varlena *) PG_GETARG_POINTER(0);

		if (VARATT_IS_EXTERNAL_INDIRECT(value) || VARATT_IS_EXTERNAL_EXPANDED(value))
			value = PG_DETOAST_DATUM(PG_GETARG_DATUM(0));
		if (serving->value == NULL || VARSIZE_ANY(value) != serving->value_size || !same_bytes(serving, value))
			take_value(serving, value);
	}
	return serving;
}

EcmlModel *
ecml_serving_model(FunctionCallInfo fcinfo, bool by_name)
{
	EcmlServing *serving = ecml_serving(fcinfo, by_name);

	if (serving == NULL)
		return NULL;
	ecml_model_check_features(serving->model);
	return serving->model;
}

bool
ecml_serving_bind(EcmlServing *serving, FunctionCallInfo fcinfo, int first)
{
	const EcmlModel *model = serving->model;
	EcmlBinder *binder = serving->binder;

	if (model->algorithm->own && model->algorithm->own->predict)
	{
		if (serving->p == NULL)
			serving->p = MemoryContextAlloc(serving->model_context, (ecml_model_outputs(model) + 1) * sizeof(double));
		return model->algorithm->own->predict(serving, fcinfo, first, serving->p);
	}
	if (binder == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(serving->model_context);

		ecml_model_check_features(model);
		binder = ecml_binder_for_model(serving->model_context, model->schema, fcinfo, first);
		serving->terms = palloc((model->schema->nterms + 1) * sizeof(double));
		serving->p = palloc((model->schema->nclasses + 1) * sizeof(double));
		serving->binder = binder;
		MemoryContextSwitchTo(old);
	}
	if (!ecml_bind_arguments(binder, model->schema, fcinfo, first))
		return false;
	if (binder->missing < 0)
		return true;
	if (model->schema->missing == ECML_MISSING_ERROR)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("feature \"%s\" is NULL", model->schema->features[binder->missing].name),
				 errdetail("The model was trained with the option \"missing\" set to \"error\"."),
				 errhint("Filter such rows out, or train with \"missing\" set to \"skip\" or \"impute\".")));
	return ecml_missing_used(model->schema->missing);
}

/* One number must be enough for the prediction. */
static void
check_one_number(const EcmlModel *model)
{
	const EcmlSchema *schema = model->schema;

	if (model->task == ECML_CLASSIFICATION && schema->nclasses > 2)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("ecml_predict gives one probability, but the model has %d classes", schema->nclasses),
				 errdetail("The first of them are \"%s\", \"%s\" and \"%s\".", schema->classes[0], schema->classes[1],
						   schema->classes[2]),
				 errhint("Use ecml_classify for the most probable class, or ecml_probabilities for the probability of each.")));
}

bool
ecml_serving_predict(EcmlServing *serving, FunctionCallInfo fcinfo, int first, double *result)
{
	check_one_number(serving->model);
	if (!ecml_serving_bind(serving, fcinfo, first))
		return false;
	if (serving->model->algorithm->own)
	{
		*result = serving->p[ecml_model_outputs(serving->model) - 1];
		return true;
	}
	*result = ecml_model_predict(serving->model, serving->binder->values, serving->terms);
	return true;
}

const double *
ecml_serving_probabilities(EcmlServing *serving)
{
	if (serving->model->algorithm->own)
		return serving->p;
	ecml_model_probabilities(serving->model, serving->binder->values, serving->terms, serving->p);
	return serving->p;
}

const double *
ecml_serving_terms(EcmlServing *serving)
{
	if (serving->model->schema->plain)
		return serving->binder->values;
	ecml_schema_expand(serving->model->schema, serving->binder->values, serving->terms);
	return serving->terms;
}

/* Is argument 0 a constant of the query? */
static bool
has_constant_model(FunctionCallInfo fcinfo)
{
	Node	   *call = fcinfo->flinfo->fn_expr;

	return call && IsA(call, FuncExpr) && ((FuncExpr *) call)->args != NIL &&
		IsA(linitial(((FuncExpr *) call)->args), Const);
}

static inline bool
predict_quickly(FunctionCallInfo fcinfo, double *result)
{
	const EcmlServing *serving = fcinfo->flinfo->fn_extra;
	const NullableDatum *arguments = fcinfo->args + 1;
	uint64		seen[3];
	double	   *values;
	double		check = 0;
	int			n;

	if (serving == NULL || serving->quick == ECML_QUICK_NOT)
		return false;
	fingerprint(seen);
	if (!unchanged(serving, seen))
		return false;
	values = serving->binder->values;
	n = serving->binder->ninputs;
	if (serving->quick == ECML_QUICK_FLOAT8)
	{
		/* a NULL, or NaN, is a value like others for a native model */
		bool		native = serving->model->schema->missing == ECML_MISSING_NATIVE;

		for (int i = 0; i < n; i++)
		{
			values[i] = arguments[i].isnull ? NAN : DatumGetFloat8(arguments[i].value);
			check += 0 * values[i];	/* NaN for what is not finite */
		}
		if (check != 0 && !native)
			return false;
	}
	else
	{
		(void) ecml_bind_arguments(serving->binder, serving->model->schema, fcinfo, 1);
		if (serving->binder->missing >= 0 && serving->model->schema->missing != ECML_MISSING_NATIVE)
			return false;
	}
	*result = serving->model->algorithm->predict(serving->model->fitted, values);
	return true;
}

bool
ecml_serving_quick(FunctionCallInfo fcinfo, const EcmlAlgorithm *algorithm, double *result)
{
	const EcmlServing *serving = fcinfo->flinfo->fn_extra;

	return serving && serving->quick != ECML_QUICK_NOT && serving->model->algorithm == algorithm &&
		predict_quickly(fcinfo, result);
}

void
ecml_serving_remember(EcmlServing *serving, FunctionCallInfo fcinfo, bool by_name)
{
	bool		fit = by_name && serving->binder != NULL && serving->model->calibrator == NULL && !serving->binder->whole_row &&
		serving->model->schema->plain && has_constant_model(fcinfo);

	serving->quick = !fit ? ECML_QUICK_NOT : serving->binder->all_float8 ? ECML_QUICK_FLOAT8 : ECML_QUICK_ANY;
}

/* ecml_predict(model, VARIADIC "any"): float8 */
ECML_MODEL_FUNCTION(ecml_predict)
{
	EcmlServing *serving;
	double		result;

	if (likely(predict_quickly(fcinfo, &result)))
		PG_RETURN_FLOAT8(result);
	serving = ecml_serving(fcinfo, by_name);
	if (serving == NULL || !ecml_serving_predict(serving, fcinfo, 1, &result))
		PG_RETURN_NULL();
	ecml_serving_remember(serving, fcinfo, by_name);
	PG_RETURN_FLOAT8(result);
}

/* Is the prediction at hand one of a model that looks for anomalies?  Anything else is an error. */
static void
check_anomaly(const EcmlServing *serving)
{
	if (serving->model->task != ECML_ANOMALY)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("ecml_is_anomaly needs a model that looks for anomalies"),
				 errdetail("The model's algorithm is %s, its task %s.", serving->model->algorithm->name,
						   ecml_task_name(serving->model->task)),
				 errhint("Train one, for example with ecml_train(model, 'iforest', ...).")));
}

/* ecml_is_anomaly(model, VARIADIC "any"): boolean */
ECML_MODEL_FUNCTION(ecml_is_anomaly)
{
	EcmlServing *serving = fcinfo->flinfo->fn_extra;
	double		result;

	/* what is remembered has been checked */
	if (unlikely(!predict_quickly(fcinfo, &result)))
	{
		serving = ecml_serving(fcinfo, by_name);
		if (serving == NULL)
			PG_RETURN_NULL();
		check_anomaly(serving);
		if (!ecml_serving_predict(serving, fcinfo, 1, &result))
			PG_RETURN_NULL();
		ecml_serving_remember(serving, fcinfo, by_name);
	}
	PG_RETURN_BOOL(result > serving->model->algorithm->threshold(serving->model->fitted));
}

static void
no_classes(const EcmlModel *model)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("the model does not classify"),
			 errdetail("Its algorithm is %s, its task %s.", model->algorithm->name, ecml_task_name(model->task)),
			 errhint("Use ecml_predict.")));
}

/* What a prediction that is one number says: a cluster's number, or whether the row is an anomaly. */
static text *
name_of(const EcmlModel *model, double result)
{
	return cstring_to_text(model->task == ECML_CLUSTERING ? psprintf("%d", (int) result) : ecml_model_anomaly(model, result));
}

/* ecml_classify(model, VARIADIC "any"): text */
ECML_MODEL_FUNCTION(ecml_classify)
{
	EcmlServing *serving = fcinfo->flinfo->fn_extra;
	double		result;

	/* only what one number tells is remembered */
	if (likely(predict_quickly(fcinfo, &result)))
		PG_RETURN_TEXT_P(name_of(serving->model, result));
	serving = ecml_serving(fcinfo, by_name);
	if (serving == NULL)
		PG_RETURN_NULL();
	switch (serving->model->task)
	{
		case ECML_CLASSIFICATION:
			if (!ecml_serving_bind(serving, fcinfo, 1))
				PG_RETURN_NULL();
			PG_RETURN_TEXT_P(cstring_to_text(serving->model->schema->classes
											 [ecml_model_class(serving->model, ecml_serving_probabilities(serving))]));
		case ECML_CLUSTERING:
		case ECML_ANOMALY:
			if (!ecml_serving_predict(serving, fcinfo, 1, &result))
				PG_RETURN_NULL();
			ecml_serving_remember(serving, fcinfo, by_name);
			PG_RETURN_TEXT_P(name_of(serving->model, result));
		default:
			no_classes(serving->model);
	}
	PG_RETURN_NULL();
}

/* ecml_probabilities(model, VARIADIC "any"): jsonb {class: probability} */
ECML_MODEL_FUNCTION(ecml_probabilities)
{
	EcmlServing *serving = ecml_serving(fcinfo, by_name);
	const EcmlSchema *schema;
	const double *p;
	EcmlJson   *json;

	if (serving == NULL)
		PG_RETURN_NULL();
	if (serving->model->task != ECML_CLASSIFICATION)
		no_classes(serving->model);
	if (!ecml_serving_bind(serving, fcinfo, 1))
		PG_RETURN_NULL();
	schema = serving->model->schema;
	p = ecml_serving_probabilities(serving);
	json = ecml_json_object();
	for (int c = 0; c < schema->nclasses; c++)
		ecml_json_number(json, schema->classes[c], p[c]);
	PG_RETURN_JSONB_P(ecml_json_finish(json));
}
