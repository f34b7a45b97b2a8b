/*
 * variant_sql.c - ecml_variant: which variant of an experiment a unit gets, by a hash of its key
 *
 * The position of a unit in an experiment, in [0, 1), is that of num/hash.h over the canonical form of its key
 * (core/hashkey.h), seeded by the experiment's name: the same on every machine and in every version, independent between
 * experiments, and nothing is stored.  Variants take the range in the order of their labels' bytes, each by its weight.
 * That is part of the interface, and must never change.
 */
#include "core/compat.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/numeric.h"

#include "core/hashkey.h"
#include "num/hash.h"

#define STREAM UINT64CONST(0x76617269616E74)	/* "variant" */
#define MAX_VARIANTS 1000

typedef struct Variant
{
	char	   *label;
	double		weight;
} Variant;

/* What a call keeps; the key's type must be first (hashkey.h). */
typedef struct Assignment
{
	Oid			key_type;
	bool		stable;			/* the weights are the same in all rows */
	MemoryContext context;		/* of the variants */
	int			n;				/* 0: not read yet */
	Variant    *variants;
} Assignment;

static void
wrong_weights(const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("these are no weights of variants"),
			 errdetail("%s", detail),
			 errhint("Give, for example, '{\"control\": 0.5, \"treatment\": 0.5}' or ARRAY[0.9, 0.1].")));
}

static int
compare_labels(const void *a, const void *b)
{
	return strcmp(((const Variant *) a)->label, ((const Variant *) b)->label);
}

static void
add_variant(Assignment *assignment, char *label, double weight)
{
	if (!(weight >= 0 && isfinite(weight)))
		wrong_weights(psprintf("The weight of \"%s\" is %g.", label, weight));
	if (assignment->n == MAX_VARIANTS)
		wrong_weights(psprintf("There are more than %d.", MAX_VARIANTS));
	assignment->variants[assignment->n++] = (Variant) {label, weight};
}

static void
read_object(Assignment *assignment, Jsonb *object)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	value;

	if (!JB_ROOT_IS_OBJECT(object))
		wrong_weights("The JSON is no object.");
	iterator = JsonbIteratorInit(&object->root);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		char	   *label;

		if (token != WJB_KEY)
			continue;
		label = pnstrdup(value.val.string.val, value.val.string.len);
		(void) JsonbIteratorNext(&iterator, &value, true);
		if (value.type != jbvNumeric)
			wrong_weights(psprintf("The weight of \"%s\" is no number.", label));
		add_variant(assignment, label,
					DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, NumericGetDatum(value.val.numeric))));
	}
	qsort(assignment->variants, assignment->n, sizeof(Variant), compare_labels);
}

/* Labels A, B, ..., Z, and from there on 27, 28, ... */
static void
read_array(Assignment *assignment, ArrayType *array)
{
	Oid			type = ARR_ELEMTYPE(array);
	int16		length;
	bool		by_value;
	char		align;
	Datum	   *elements;
	bool	   *nulls;
	int			n;

	get_typlenbyvalalign(type, &length, &by_value, &align);
	deconstruct_array(array, type, length, by_value, align, &elements, &nulls, &n);
	for (int i = 0; i < n; i++)
	{
		char	   *label = i < 26 ? psprintf("%c", 'A' + i) : psprintf("%d", i + 1);

		if (nulls[i])
			wrong_weights(psprintf("Number %d is NULL.", i + 1));
		add_variant(assignment, label,
					type == FLOAT8OID ? DatumGetFloat8(elements[i]) :
					type == FLOAT4OID ? DatumGetFloat4(elements[i]) :
					type == INT2OID ? DatumGetInt16(elements[i]) :
					type == INT4OID ? DatumGetInt32(elements[i]) :
					type == INT8OID ? (double) DatumGetInt64(elements[i]) :
					DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, elements[i])));
	}
}

static void
read_weights(FunctionCallInfo fcinfo, Assignment *assignment)
{
	Oid			type = get_fn_expr_argtype(fcinfo->flinfo, 2);
	Datum		value = PG_GETARG_DATUM(2);
	Oid			element = get_element_type(type);
	double		total = 0;
	MemoryContext old;

	MemoryContextReset(assignment->context);
	old = MemoryContextSwitchTo(assignment->context);
	assignment->n = 0;
	assignment->variants = palloc(MAX_VARIANTS * sizeof(Variant));
	if (type == UNKNOWNOID || type == TEXTOID || type == VARCHAROID || type == JSONOID)
	{
		char	   *given = type == UNKNOWNOID ? DatumGetCString(value) : TextDatumGetCString(value);

		if (type == JSONOID || strpbrk(given, "\":") != NULL)
			read_object(assignment, DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(given))));
		else
		{
			Oid			input;
			Oid			param;

			getTypeInputInfo(get_array_type(FLOAT8OID), &input, &param);
			read_array(assignment, DatumGetArrayTypeP(OidInputFunctionCall(input, given, param, -1)));
		}
	}
	else if (type == JSONBOID)
		read_object(assignment, DatumGetJsonbP(value));
	else if (element == FLOAT8OID || element == FLOAT4OID || element == INT2OID || element == INT4OID || element == INT8OID ||
			 element == NUMERICOID)
		read_array(assignment, DatumGetArrayTypeP(value));
	else
		wrong_weights(psprintf("Their type is %s.", format_type_be(type)));
	for (int i = 0; i < assignment->n; i++)
		total += assignment->variants[i].weight;
	if (!(total > 0))
		wrong_weights(assignment->n == 0 ? "There are none." : "All are 0.");
	for (int i = 0; i < assignment->n; i++)
		assignment->variants[i].weight /= total;
	MemoryContextSwitchTo(old);
}

PG_FUNCTION_INFO_V1(ecml_variant);
PG_FUNCTION_INFO_V1(ecml_variant_even);

/* The position of a unit, argument 1, in the experiment of argument 0. */
static double
position(FunctionCallInfo fcinfo)
{
	text	   *experiment = PG_GETARG_TEXT_PP(0);

	return ecml_hash_argument(fcinfo, 1, ecml_hash_bytes(VARDATA_ANY(experiment), VARSIZE_ANY_EXHDR(experiment), STREAM));
}

/* ecml_variant(experiment text, unit_id "any", weights "any"): text */
Datum
ecml_variant(PG_FUNCTION_ARGS)
{
	Assignment *assignment = fcinfo->flinfo->fn_extra;
	double		at;
	int			last = -1;

	if (assignment == NULL)
	{
		assignment = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(Assignment));
		assignment->key_type = get_fn_expr_argtype(fcinfo->flinfo, 1);
		assignment->stable = get_fn_expr_arg_stable(fcinfo->flinfo, 2);
		assignment->context = AllocSetContextCreate(fcinfo->flinfo->fn_mcxt, "ecml variant", ALLOCSET_SMALL_SIZES);
		fcinfo->flinfo->fn_extra = assignment;
	}
	if (assignment->n == 0 || !assignment->stable)
		read_weights(fcinfo, assignment);
	at = position(fcinfo);
	for (int i = 0; i < assignment->n; i++)
	{
		if (assignment->variants[i].weight == 0)
			continue;
		last = i;
		at -= assignment->variants[i].weight;
		if (at < 0)
			break;
	}
	PG_RETURN_TEXT_P(cstring_to_text(assignment->variants[last].label));
}

/* ecml_variant(experiment text, unit_id "any"): text, A or B */
Datum
ecml_variant_even(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(position(fcinfo) < 0.5 ? "A" : "B"));
}
