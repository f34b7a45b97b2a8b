/*
 * target.c - what a model learns: a number, a class, or the time to an event
 *
 * Classes of any type that has a text form worth reading: text, enum, boolean, integers and other numbers.  A number's
 * label is its shortest text; rows find their class by the value, without making that text.
 */
#include "core/compat.h"

#include <math.h>

#include "common/shortest_dec.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "core/target.h"

int
ecml_target_count(EcmlTargetUse use)
{
	return use == ECML_TARGET_NONE ? 0 : use == ECML_TARGET_SURVIVAL ? 2 : 1;
}

void
ecml_target_not_finite(const char *what, const char *name, double value)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_EXCEPTION),
			 errmsg("%s column \"%s\" holds a value that is not finite", what, name),
			 errdetail("A row has %g there.", value),
			 errhint("Filter such rows out, or turn the values into NULL.")));
}

static bool
plan(EcmlInput *input, const char *name, int number, Oid type, MemoryContext context)
{
	input->name = MemoryContextStrdup(context, name);
	input->number = number;
	input->type = type;
	return ecml_bind_plan(type, &input->convert, &input->kind, &input->element_type, &input->element_convert) &&
		input->convert != ECML_FROM_ARRAY;
}

static void
plan_number(EcmlInput *input, const char *name, int number, Oid type, MemoryContext context, const char *what)
{
	if (!plan(input, name, number, type, context) || (input->kind != ECML_NUMBER && input->kind != ECML_BOOLEAN))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s column \"%s\" must be a number", what, name),
				 errdetail("Its type is %s.", format_type_be(type)),
				 errhint("Cast it to a number in the source, or name another column.")));
}

static void
plan_class(EcmlTarget *target, const char *name, int number, Oid type)
{
	if (!plan(&target->input, name, number, type, target->context) ||
		(target->input.kind != ECML_NUMBER && target->input.kind != ECML_BOOLEAN && target->input.kind != ECML_CATEGORY))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("target column \"%s\" has no classes", name),
				 errdetail("Its type is %s.", format_type_be(type)),
				 errhint("A class is a text, an enum, a boolean or a number; cast it in the source.")));
	target->labels = ecml_dict_create(target->context);
	if (target->use == ECML_TARGET_AUTO && target->input.kind != ECML_NUMBER)
		target->use = ECML_TARGET_CLASS;
	if (target->input.kind == ECML_BOOLEAN)
	{
		ecml_dict_add(target->labels, "false", 5);
		ecml_dict_add(target->labels, "true", 4);
	}
}

EcmlTarget *
ecml_target_number(MemoryContext context, const char *name)
{
	EcmlTarget *target = MemoryContextAllocZero(context, sizeof(EcmlTarget));

	target->use = ECML_TARGET_NUMBER;
	target->most = ECML_TARGET_MOST;
	target->context = context;
	target->name = MemoryContextStrdup(context, name);
	return target;
}

static EcmlTarget *
create(MemoryContext context, EcmlTargetUse use, const char *name, int number, Oid type)
{
	EcmlTarget *target = ecml_target_number(context, name);

	target->use = use;
	target->learning = true;
	if (use == ECML_TARGET_CLASS || use == ECML_TARGET_AUTO)
		plan_class(target, name, number, type);
	else
		plan_number(&target->input, name, number, type, context, use == ECML_TARGET_SURVIVAL ? "duration" : "target");
	return target;
}

EcmlTarget *
ecml_target_column(MemoryContext context, const EcmlAlgorithm *algorithm, EcmlTargetUse use, const EcmlSource *source,
				   const char *name, const char *event)
{
	EcmlTarget *target;
	int			number;

	if (use == ECML_TARGET_NONE)
	{
		if (name == NULL)
			return NULL;
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s takes no target", algorithm->name),
				 errdetail("The target \"%s\" is given.", name),
				 errhint("Give NULL as the target.")));
	}
	if (name == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s needs a target", algorithm->name),
				 errdetail("The target is NULL."),
				 /* the first column is a key more often than not */
				 errhint("Name the column to learn, for example: target => '%s'.",
						 source->desc->natts > 0 ? NameStr(TupleDescAttr(source->desc, source->desc->natts - 1)->attname) : "price")));
	number = ecml_source_column(source, name, "target");
	target = create(context, use, name, number, TupleDescAttr(source->desc, number)->atttypid);
	if (event)
	{
		number = ecml_source_column(source, event, "event");
		plan_number(&target->event, event, number, TupleDescAttr(source->desc, number)->atttypid, context, "event");
		target->has_event = true;
	}
	return target;
}

EcmlTargetUse
ecml_target_use(const EcmlAlgorithm *algorithm, const EcmlSchema *schema)
{
	if (algorithm->target_for == NULL)
		return algorithm->target;
	return schema->nclasses > 0 ? ECML_TARGET_CLASS : ECML_TARGET_NUMBER;
}

/* The number that stands for a class that is none: of a model that learnt from booleans, 0 and 1; NaN for any other text. */
static double
truth_value(const EcmlSchema *schema, int class)
{
	for (int c = 0; c < schema->nclasses; c++)
		if (strcmp(schema->classes[c], "false") != 0 && strcmp(schema->classes[c], "true") != 0)
			return NAN;
	return strcmp(schema->classes[class], "true") == 0;
}

EcmlTarget *
ecml_target_for_model(MemoryContext context, const EcmlAlgorithm *algorithm, const EcmlSchema *schema,
					  const EcmlSource *source, const char *name)
{
	EcmlTargetUse use = ecml_target_use(algorithm, schema);
	EcmlTarget *target;

	if (use == ECML_TARGET_NONE)
		return NULL;
	target = ecml_target_column(context, algorithm, use, source, name ? name : schema->target,
								schema->event[0] ? schema->event : NULL);
	if (use == ECML_TARGET_CLASS)
	{
		target->labels = ecml_dict_create(context);
		target->numbers = MemoryContextAllocZero(context, (schema->nclasses + 1) * sizeof(double));
		for (int c = 0; c < schema->nclasses; c++)
		{
			char	   *end;

			ecml_dict_add(target->labels, schema->classes[c], strlen(schema->classes[c]));
			target->numbers[c] = strtod(schema->classes[c], &end);
			if (end == schema->classes[c] || *end)
				target->numbers[c] = truth_value(schema, c);
		}
		target->learning = false;
	}
	return target;
}

EcmlTarget *
ecml_target_arguments(MemoryContext context, EcmlTargetUse use, FunctionCallInfo fcinfo, int first)
{
	EcmlTarget *target;

	if (use == ECML_TARGET_NONE)
		return NULL;
	target = create(context, use, "y", 0, get_fn_expr_argtype(fcinfo->flinfo, first));
	if (use == ECML_TARGET_SURVIVAL)
	{
		plan_number(&target->event, "event", 1, get_fn_expr_argtype(fcinfo->flinfo, first + 1), context, "event");
		target->has_event = true;
	}
	return target;
}

static void
too_many_classes(const EcmlTarget *target)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_EXCEPTION),
			 errmsg("the target \"%s\" has too many classes", target->name),
			 errdetail("There are more than %d different values.", ECML_MAX_CLASSES),
			 errhint(target->input.kind == ECML_NUMBER ?
					 "Is it a number to predict? Use a regression, such as linreg; or group its values in the source." :
					 "Group rare values in the source, or name another column.")));
}

/* A new class, or -1. */
static int
add_label(EcmlTarget *target, const char *label, int length)
{
	if (!target->learning)
		return -1;
	if (target->labels->n >= ECML_MAX_CLASSES)
		too_many_classes(target);
	return ecml_dict_add(target->labels, label, length);
}

/* The class of a number: found by its value. */
static int
number_class(EcmlTarget *target, double value)
{
	int			n = target->labels->n;
	char	   *label;
	int			code;

	if (!isfinite(value))
		ecml_target_not_finite("target", target->name, value);
	if (target->last < n && target->numbers[target->last] == value)
		return target->last;
	for (code = 0; code < n; code++)
		if (target->numbers[code] == value)
			return target->last = code;
	label = double_to_shortest_decimal(value == 0 ? 0 : value);
	code = add_label(target, label, strlen(label));
	pfree(label);
	if (code < 0)
		return -1;
	if (code >= target->capacity)
	{
		double	   *before = target->numbers;

		target->capacity = Max(8, target->capacity * 2);
		target->numbers = MemoryContextAlloc(target->context, target->capacity * sizeof(double));
		if (before)
		{
			memcpy(target->numbers, before, code * sizeof(double));
			pfree(before);
		}
	}
	target->numbers[code] = value;
	return target->last = code;
}

static int
label_class(EcmlTarget *target, const char *label, int length)
{
	int			code = ecml_dict_find(target->labels, label, length);

	return code >= 0 ? code : add_label(target, label, length);
}

int
ecml_target_add_class(EcmlTarget *target, const char *label, double number)
{
	return target->input.kind == ECML_NUMBER ? number_class(target, number) : label_class(target, label, strlen(label));
}

static bool
event_seen(const EcmlTarget *target, double event)
{
	if (event != 0 && event != 1)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("event column \"%s\" holds a value that is neither 0 nor 1", target->event.name),
				 errdetail("A row has %g there.", event),
				 errhint("1, or true: the event was seen; 0, or false: it was not, as long as the row was watched.")));
	return event == 1;
}

double
ecml_target_value(EcmlTarget *target, double value, double event)
{
	if (target->use == ECML_TARGET_CLASS)
	{
		int			code = -1;

		if (target->input.kind == ECML_BOOLEAN)
			code = value != 0 ? label_class(target, "true", 4) : label_class(target, "false", 5);
		/* a model that learnt from 0 and 1 knows booleans, too */
		return code >= 0 ? code : number_class(target, value);
	}
	if (!isfinite(value))
		ecml_target_not_finite("target", target->name, value);
	if (target->use != ECML_TARGET_SURVIVAL)
	{
		if (fabs(value) > target->most)
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("target column \"%s\" holds a value that is too large", target->name),
					 errdetail("A row has %g; values up to %g are possible here.", value, target->most),
					 errhint("Take logarithms, or other units, in the source.")));
		return value;
	}
	if (value < 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("duration column \"%s\" holds a value below 0", target->name),
				 errdetail("A row has %g there.", value),
				 errhint("A duration is the time from a row's beginning to its event, or to the last day it was watched.")));
	value = fabs(value);
	return target->has_event && !event_seen(target, event) ? -value : value;
}

bool
ecml_target_read(EcmlTarget *target, const Datum *values, const bool *nulls, double *y)
{
	int			number = target->input.number;

	if (nulls[number] || (target->has_event && nulls[target->event.number]))
		return false;
	if (target->input.kind == ECML_CATEGORY)
	{
		int			length;
		const char *label = ecml_bind_label(&target->input, values[number], &length);

		*y = label_class(target, label, length);
	}
	else
		*y = ecml_target_value(target, ecml_bind_number(&target->input, values[number]),
							   target->has_event ? ecml_bind_number(&target->event, values[target->event.number]) : 1);
	return true;
}

void
ecml_target_resolve(EcmlTarget *target, EcmlTwoValues *two)
{
	if (target->use != ECML_TARGET_AUTO)
		return;
	target->use = two->n == 2 ? ECML_TARGET_CLASS : ECML_TARGET_NUMBER;
	if (two->n != 2)
		return;
	if (two->value[0] > two->value[1])
		*two = (EcmlTwoValues) {2, {two->value[1], two->value[0]}, {two->use[1], two->use[0]}};
	for (int i = 0; i < 2; i++)
		(void) number_class(target, two->value[i]);
}

static int
compare_numbers(const void *a, const void *b, void *numbers)
{
	double		x = ((const double *) numbers)[*(const int *) a];
	double		y = ((const double *) numbers)[*(const int *) b];

	return x < y ? -1 : x > y;
}

char **
ecml_target_classes(const EcmlTarget *target, const double *uses, int nuses, int *nclasses, int *recode)
{
	int		   *order = ecml_dict_order(target->labels);
	char	  **classes = palloc((target->labels->n + 1) * sizeof(char *));

	if (target->input.kind == ECML_NUMBER)
		qsort_arg(order, target->labels->n, sizeof(int), compare_numbers, target->numbers);
	*nclasses = 0;
	for (int i = 0; i < target->labels->n; i++)
	{
		int			code = order[i];

		recode[code] = -1;
		if (code < nuses && uses[code] > 0)
		{
			recode[code] = *nclasses;
			classes[(*nclasses)++] = target->labels->entries[code].key;
		}
	}
	return classes;
}
