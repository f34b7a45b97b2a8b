/*
 * bandit_sql.c - ecml_bandit_create, _add_arm, _choose, _reward, _report, _drop, _grant, _revoke
 *
 * Each call looks with a snapshot of its own (in a transaction with one snapshot: at its own changes), as functions in SQL do, so
 * that a loop within one statement learns.
 */
#include "pricing/bandit_sql.h"

#include <math.h>

#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/snapmgr.h"

#include "core/catalog.h"
#include "core/error.h"
#include "core/host.h"
#include "core/result.h"
#include "num/hash.h"

#define FOLD_EVENTS 64			/* that wait: then a chooser folds */
#define DRAWS 20000				/* for the probability to be best */

static void
look(void)
{
	CommandCounterIncrement();
	PushActiveSnapshot(GetTransactionSnapshot());
}

static char *
name_argument(FunctionCallInfo fcinfo, int i, const char *what)
{
	if (PG_ARGISNULL(i))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the %s must not be NULL", what),
				 errdetail("It is NULL."),
				 errhint("Give its name.")));
	return text_to_cstring(PG_GETARG_TEXT_PP(i));
}

/* ---- contexts */

typedef struct Context
{
	int			n;				/* -1: none is given */
	double	   *x;				/* [n] without the constant */
} Context;

static double
json_number(JsonbValue *value, const char *name)
{
	double		number;

	if (value->type == jbvBool)
		return value->val.boolean;
	if (value->type != jbvNumeric)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the context's \"%s\" is no number", name),
				 errdetail("It is neither a number nor a boolean."),
				 errhint("Of a text give the feature as \"%s=value\": 1 where it has this value, else 0.", name)));
	number = DatumGetFloat8(DirectFunctionCall1(numeric_float8, NumericGetDatum(value->val.numeric)));
	return number;
}

static void
check_context(const Bandit *bandit, const Context *context)
{
	if (context->n > BANDIT_MAX_FEATURES || (bandit->d > 0 && context->n != bandit->d - 1) || context->n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the context has another number of values than the bandit"),
				 errdetail("It has %d.", context->n),
				 bandit->d > 0 ? errhint("Give %d.", bandit->d - 1) : errhint("Give 1 to %d.", BANDIT_MAX_FEATURES)));
	for (int i = 0; i < context->n; i++)
		if (!isfinite(context->x[i]))
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("a context must be finite"),
					 errdetail("Value %d is %g.", i + 1, context->x[i]),
					 errhint("Put a number in its place.")));
}

static Context
context_from_array(const Bandit *bandit, ArrayType *array)
{
	Context		context = {.n = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array))};

	if (ARR_NDIM(array) > 1 || array_contains_nulls(array))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a context is an array of one dimension without NULLs"),
				 errdetail("It has %d dimensions, or a NULL.", ARR_NDIM(array)),
				 errhint("As in ARRAY[1, 0.5].")));
	context.x = (double *) ARR_DATA_PTR(array);
	check_context(bandit, &context);
	return context;
}

/* The names of an object, as the option "features" would have them. */
static char *
features_of(Jsonb *jsonb)
{
	JsonbIterator *it = JsonbIteratorInit(&jsonb->root);
	JsonbIteratorToken token;
	JsonbValue	v;
	StringInfoData text;
	char	   *key = NULL;

	initStringInfo(&text);
	while ((token = JsonbIteratorNext(&it, &v, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			key = pnstrdup(v.val.string.val, v.val.string.len);
		else if (token == WJB_VALUE && key)
			appendStringInfo(&text, "%s\"%s%s%s\"", text.len ? ", " : "", key, v.type == jbvString ? "=" : "",
							 v.type == jbvString ? pnstrdup(v.val.string.val, v.val.string.len) : "");
	}
	return text.data;
}

/* An array of numbers, or an object by the names of the features; what is missing is 0. */
static Context
context_from_jsonb(const Bandit *bandit, Jsonb *jsonb)
{
	Context		context;

	if (JB_ROOT_IS_ARRAY(jsonb) && !JB_ROOT_IS_SCALAR(jsonb))
	{
		JsonbIterator *it = JsonbIteratorInit(&jsonb->root);
		JsonbIteratorToken token;
		JsonbValue	v;

		context = (Context) {.n = 0,.x = palloc((JB_ROOT_COUNT(jsonb) + 1) * sizeof(double))};
		while ((token = JsonbIteratorNext(&it, &v, true)) != WJB_DONE)
			if (token == WJB_ELEM)
				context.x[context.n++] = json_number(&v, "element");
		check_context(bandit, &context);
		return context;
	}
	if (!JB_ROOT_IS_OBJECT(jsonb))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a context is an object or an array of numbers"),
				 errdetail("It is neither."),
				 errhint("As in '{\"age\": 31, \"member\": true}' or ARRAY[31, 1].")));
	if (bandit->features == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the bandit has no features by name"),
				 errdetail("Its contexts are arrays of numbers."),
				 errhint("Create it with the option \"features\", as in {\"features\": [%s]}.", features_of(jsonb))));
	context = (Context) {.n = bandit->nfeatures,.x = palloc0((bandit->nfeatures + 1) * sizeof(double))};
	for (int f = 0; f < bandit->nfeatures; f++)
	{
		const char *name = bandit->features[f];
		const char *equals = strchr(name, '=');
		JsonbValue	found;

		if (getKeyJsonValueFromContainer(&jsonb->root, name, strlen(name), &found) == NULL)
		{
			if (equals == NULL || getKeyJsonValueFromContainer(&jsonb->root, name, equals - name, &found) == NULL ||
				found.type == jbvNull)
				continue;
			if (found.type != jbvString)
				found = (JsonbValue) {.type = jbvBool,.val.boolean = false};
			else
				found = (JsonbValue) {.type = jbvBool,.val.boolean = found.val.string.len == (int) strlen(equals + 1) &&
						memcmp(found.val.string.val, equals + 1, found.val.string.len) == 0};
		}
		if (found.type != jbvNull)
			context.x[f] = json_number(&found, name);
	}
	check_context(bandit, &context);
	return context;
}

/* A literal without a type: JSON, or an array of SQL. */
static Context
context_from_text(const Bandit *bandit, text *given)
{
	char	   *string = text_to_cstring(given);
	Oid			input;
	Oid			parameter;

	if (strchr(string, ':') || strchr(string, '['))
		return context_from_jsonb(bandit, DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(string))));
	getTypeInputInfo(FLOAT8ARRAYOID, &input, &parameter);
	return context_from_array(bandit, DatumGetArrayTypeP(OidInputFunctionCall(input, string, parameter, -1)));
}

typedef enum ContextType
{
	CONTEXT_TEXT,
	CONTEXT_JSONB,
	CONTEXT_ARRAY
} ContextType;

static Context
context_argument(const Bandit *bandit, FunctionCallInfo fcinfo, int i, ContextType type)
{
	if (PG_ARGISNULL(i))
	{
		if (bandit_is_contextual(bandit->options.policy))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("this bandit needs a context"),
					 errdetail("Its policy learns what depends on a context."),
					 errhint("Give it as the last argument, as in ARRAY[31, 1].")));
		return (Context) {.n = -1};
	}
	/* others do not look at it */
	if (!bandit_is_contextual(bandit->options.policy))
		return (Context) {.n = -1};
	switch (type)
	{
		case CONTEXT_TEXT:
			return context_from_text(bandit, PG_GETARG_TEXT_PP(i));
		case CONTEXT_JSONB:
			return context_from_jsonb(bandit, PG_GETARG_JSONB_P(i));
		default:
			return context_from_array(bandit, PG_GETARG_ARRAYTYPE_P(i));
	}
}

/* ---- create, drop, grant */

PG_FUNCTION_INFO_V1(ecml_bandit_create);

/* ecml_bandit_create(name, arms text[], options) */
Datum
ecml_bandit_create(PG_FUNCTION_ARGS)
{
	char	   *name = name_argument(fcinfo, 0, "bandit");
	BanditOptions options;
	Jsonb	   *given = PG_ARGISNULL(2) ? DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum("{}"))) : PG_GETARG_JSONB_P(2);
	Datum	   *arms;
	bool	   *nulls;
	int			n = 0;

	PreventCommandIfReadOnly("ecml_bandit_create()");
	ecml_catalog_check_name(name);
	bandit_options_parse(given, &options);
	if (!PG_ARGISNULL(1))
		deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), TEXTOID, -1, false, TYPALIGN_INT, &arms, &nulls, &n);
	if (n < 1 || n > BANDIT_MAX_ARMS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a bandit has 1 to %d arms", BANDIT_MAX_ARMS),
				 errdetail("There are %d.", n),
				 errhint("Give their names, as in ARRAY['blue', 'green'].")));
	for (int i = 0; i < n; i++)
		for (int j = 0; j <= i; j++)
			if (nulls[i] || VARSIZE_ANY_EXHDR(DatumGetPointer(arms[i])) == 0 ||
				(j < i && strcmp(TextDatumGetCString(arms[i]), TextDatumGetCString(arms[j])) == 0))
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("arms must have names, each its own"),
						 nulls[i] ? errdetail("Arm %d is NULL.", i + 1) :
						 errdetail("Arm %d is \"%s\".", i + 1, TextDatumGetCString(arms[i])),
						 errhint("Give their names, as in ARRAY['blue', 'green'].")));
	look();
	bandit_create(name, PG_GETARG_DATUM(1), given);
	PopActiveSnapshot();
	CommandCounterIncrement();
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(ecml_bandit_drop);

Datum
ecml_bandit_drop(PG_FUNCTION_ARGS)
{
	PreventCommandIfReadOnly("ecml_bandit_drop()");
	look();
	bandit_drop(name_argument(fcinfo, 0, "bandit"));
	PopActiveSnapshot();
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(ecml_bandit_add_arm);

Datum
ecml_bandit_add_arm(PG_FUNCTION_ARGS)
{
	char	   *name = name_argument(fcinfo, 0, "bandit");
	char	   *arm = name_argument(fcinfo, 1, "arm");

	PreventCommandIfReadOnly("ecml_bandit_add_arm()");
	if (*arm == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("arms must have names, each its own"),
				 errdetail("The new one is empty."),
				 errhint("Give its name.")));
	look();
	bandit_add_arm(name, arm);
	PopActiveSnapshot();
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(ecml_bandit_grant);

Datum
ecml_bandit_grant(PG_FUNCTION_ARGS)
{
	PreventCommandIfReadOnly("ecml_bandit_grant()");
	look();
	bandit_grant(name_argument(fcinfo, 0, "bandit"), name_argument(fcinfo, 1, "role"), true);
	PopActiveSnapshot();
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(ecml_bandit_revoke);

Datum
ecml_bandit_revoke(PG_FUNCTION_ARGS)
{
	PreventCommandIfReadOnly("ecml_bandit_revoke()");
	look();
	bandit_grant(name_argument(fcinfo, 0, "bandit"), name_argument(fcinfo, 1, "role"), false);
	PopActiveSnapshot();
	PG_RETURN_VOID();
}

/* ---- choose and reward */

static Datum
choose(FunctionCallInfo fcinfo, ContextType type)
{
	char	   *name = name_argument(fcinfo, 0, "bandit");
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(caller, "ecml bandit", ALLOCSET_DEFAULT_SIZES);
	Bandit	   *bandit;
	Context		given;
	EcmlRng		rng;
	uint64		seed;
	double	   *x = NULL;
	int			d = 0;
	int			arm;
	text	   *result;

	MemoryContextSwitchTo(context);
	look();
	bandit = bandit_find(name, false);
	bandit_load(bandit);
	if (bandit->events >= FOLD_EVENTS)
		(void) bandit_fold(bandit);
	given = context_argument(bandit, fcinfo, 1, type);
	if (given.n >= 0)
	{
		d = given.n + 1;
		x = palloc(d * sizeof(double));
		x[0] = 1;
		memcpy(x + 1, given.x, given.n * sizeof(double));
	}
	if (bandit->options.seed >= 0)
	{
		/* what was chosen and rewarded so far makes the number of the draw */
		seed = ecml_hash_seed(bandit->options.seed);
		for (int a = 0; a < bandit->narms; a++)
			seed = ecml_hash_fold(ecml_hash_fold(seed, bandit->arms[a].choices + 1), bandit->arms[a].rewards + 1);
	}
	else if (!pg_strong_random(&seed, sizeof(seed)))
		elog(ERROR, "no random numbers");
	ecml_rng_seed(&rng, seed);
	for (int a = 0; a < bandit->narms; a++)
		bandit_age(&bandit->options.params, &bandit->arms[a], bandit->clock);
	arm = bandit_choose(&bandit->options.params, bandit->arms, bandit->narms, x, d, &rng,
						palloc(bandit_scratch(d) * sizeof(double)));
	if (bandit->options.record_choices && !XactReadOnly && !RecoveryInProgress())
		(void) bandit_append(bandit, arm, NAN, NULL, 0);
	PopActiveSnapshot();
	MemoryContextSwitchTo(caller);
	result = cstring_to_text(bandit->names[arm]);
	MemoryContextDelete(context);
	PG_RETURN_TEXT_P(result);
}

static Datum
reward(FunctionCallInfo fcinfo, ContextType type)
{
	char	   *name = name_argument(fcinfo, 0, "bandit");
	char	   *arm_name = name_argument(fcinfo, 1, "arm");
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(caller, "ecml bandit", ALLOCSET_DEFAULT_SIZES);
	double		value = PG_ARGISNULL(2) ? NAN : PG_GETARG_FLOAT8(2);
	Bandit	   *bandit;
	Context		given;
	int			arm = -1;

	PreventCommandIfReadOnly("ecml_bandit_reward()");
	MemoryContextSwitchTo(context);
	look();
	bandit = bandit_find(name, false);
	for (int a = 0; a < bandit->narms; a++)
		if (strcmp(bandit->names[a], arm_name) == 0)
			arm = a;
	if (arm < 0)
	{
		const char *nearest = ecml_error_nearest(arm_name, (const char *const *) bandit->names, bandit->narms);

		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("bandit \"%s\" has no arm \"%s\"", name, arm_name),
				 errdetail("It has %d arms.", bandit->narms),
				 errhint("%sArms: %s.", ecml_error_perhaps(nearest),
						 ecml_error_list((const char *const *) bandit->names, Min(bandit->narms, 50)))));
	}
	if (!isfinite(value) || (bandit->options.policy == BANDIT_THOMPSON && !(value >= 0 && value <= 1)))
		ereport(ERROR,
				(errcode(PG_ARGISNULL(2) ? ERRCODE_NULL_VALUE_NOT_ALLOWED : ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the reward is out of range"),
				 PG_ARGISNULL(2) ? errdetail("It is NULL.") : errdetail("It is %g.", value),
				 bandit->options.policy == BANDIT_THOMPSON ?
				 errhint("Policy thompson takes rewards from 0 to 1; thompson_gaussian takes any.") :
				 errhint("Give a finite number.")));
	given = context_argument(bandit, fcinfo, 3, type);
	if (bandit_append(bandit, arm, value, given.n >= 0 ? given.x : NULL, given.n) % FOLD_EVENTS == 0)
		(void) bandit_fold(bandit);
	PopActiveSnapshot();
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(ecml_bandit_choose_text);
PG_FUNCTION_INFO_V1(ecml_bandit_choose_jsonb);
PG_FUNCTION_INFO_V1(ecml_bandit_choose_array);
PG_FUNCTION_INFO_V1(ecml_bandit_reward_text);
PG_FUNCTION_INFO_V1(ecml_bandit_reward_jsonb);
PG_FUNCTION_INFO_V1(ecml_bandit_reward_array);

Datum
ecml_bandit_choose_text(PG_FUNCTION_ARGS)
{
	return choose(fcinfo, CONTEXT_TEXT);
}

Datum
ecml_bandit_choose_jsonb(PG_FUNCTION_ARGS)
{
	return choose(fcinfo, CONTEXT_JSONB);
}

Datum
ecml_bandit_choose_array(PG_FUNCTION_ARGS)
{
	return choose(fcinfo, CONTEXT_ARRAY);
}

Datum
ecml_bandit_reward_text(PG_FUNCTION_ARGS)
{
	return reward(fcinfo, CONTEXT_TEXT);
}

Datum
ecml_bandit_reward_jsonb(PG_FUNCTION_ARGS)
{
	return reward(fcinfo, CONTEXT_JSONB);
}

Datum
ecml_bandit_reward_array(PG_FUNCTION_ARGS)
{
	return reward(fcinfo, CONTEXT_ARRAY);
}

/* ---- report */

PG_FUNCTION_INFO_V1(ecml_bandit_report);

/* ecml_bandit_report(name): arm, choices, rewards, total, mean, conf_low, conf_high, probability_best, share */
Datum
ecml_bandit_report(PG_FUNCTION_ARGS)
{
	EcmlRows   *rows = ecml_rows_begin(fcinfo);
	char	   *name = name_argument(fcinfo, 0, "bandit");
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(caller, "ecml bandit", ALLOCSET_DEFAULT_SIZES);
	EcmlServerHost host;
	EcmlCtx		ctx;
	Bandit	   *bandit;
	double	   *best;
	double		choices = 0;

	MemoryContextSwitchTo(context);
	look();
	bandit = bandit_find(name, false);
	bandit_load(bandit);
	if (bandit->events >= FOLD_EVENTS)
		(void) bandit_fold(bandit);
	PopActiveSnapshot();
	for (int a = 0; a < bandit->narms; a++)
	{
		bandit_age(&bandit->options.params, &bandit->arms[a], bandit->clock);
		choices += bandit->arms[a].choices;
	}
	ecml_host_init(&ctx, &host, context, 0, 1);
	best = palloc(bandit->narms * sizeof(double));
	bandit_best(&ctx, &bandit->options.params, bandit->arms, bandit->narms, Max(DRAWS / bandit->narms, 1000), best);
	for (int a = 0; a < bandit->narms; a++)
	{
		const BanditArm *arm = &bandit->arms[a];
		Datum		values[9];
		bool		nulls[9] = {false};
		double		mean;
		double		low;
		double		high;

		bandit_mean(&bandit->options.params, bandit->arms, bandit->narms, a, 0.95, &mean, &low, &high);
		values[0] = CStringGetTextDatum(bandit->names[a]);
		values[1] = Int64GetDatum(arm->choices);
		values[2] = Int64GetDatum(arm->rewards);
		values[3] = Float8GetDatum(arm->total);
		ecml_set_number(values, nulls, 4, mean);
		ecml_set_number(values, nulls, 5, low);
		ecml_set_number(values, nulls, 6, high);
		ecml_set_number(values, nulls, 7, best[a]);
		ecml_set_number(values, nulls, 8, choices > 0 ? arm->choices / choices : NAN);
		ecml_rows_add(rows, values, nulls);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
	return (Datum) 0;
}
