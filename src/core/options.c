/*
 * options.c - options given as jsonb, checked against a typed list
 */
#include "core/compat.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "core/error.h"
#include "core/json.h"
#include "core/options.h"

static const EcmlOption *
find(const EcmlOptionSet *sets, int nsets, const char *name, void **params)
{
	for (int s = 0; s < nsets; s++)
		for (const EcmlOption *option = sets[s].options; option && option->name; option++)
			if (strcmp(option->name, name) == 0)
			{
				*params = sets[s].params;
				return option;
			}
	return NULL;
}

/* The names of the options, with other names of theirs or without; palloc'd. */
static const char **
list_names(const EcmlOptionSet *sets, int nsets, bool aliases, int *n)
{
	const char **names = NULL;

	*n = 0;
	for (int s = 0; s < nsets; s++)
		for (const EcmlOption *option = sets[s].options; option && option->name; option++)
		{
			if (option->alias && !aliases)
				continue;
			names = names ? repalloc(names, (*n + 1) * sizeof(char *)) : palloc(sizeof(char *));
			names[(*n)++] = option->name;
		}
	return names;
}

static void
unknown(const char *what, const EcmlOptionSet *sets, int nsets, const char *name, JsonbValue *value)
{
	int			n;
	const char **names = list_names(sets, nsets, true, &n);
	const char *nearest = ecml_error_nearest(name, names, n);

	names = list_names(sets, nsets, false, &n);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown option \"%s\" for %s", name, what),
			 errdetail("Its value is %s.", ecml_json_value_text(value)),
			 n > 0 ? errhint("%sKnown options: %s.", ecml_error_perhaps(nearest), ecml_error_list(names, n)) :
			 errhint("There are no options.")));
}

static const char *
describe(const EcmlOption *option)
{
	int			n = 0;

	switch (option->type)
	{
		case ECML_OPTION_INT:
		case ECML_OPTION_INT64:
			return psprintf("an integer from %.0f to %.0f", option->low, option->high);
		case ECML_OPTION_FLOAT:
			if (isinf(option->low))
				return "a number";
			if (isinf(option->high))
				return psprintf("a number of at least %g", option->low);
			return psprintf("a number from %g to %g", option->low, option->high);
		case ECML_OPTION_SPAN:
			return "a number of at least 0, or an interval such as \"7 days\"";
		case ECML_OPTION_BOOL:
			return "true or false";
		case ECML_OPTION_TEXT:
			return "a string";
		case ECML_OPTION_WORD:
			return "a string or a number";
		case ECML_OPTION_ENUM:
			while (option->choices[n])
				n++;
			return psprintf("one of: %s", ecml_error_list(option->choices, n));
		case ECML_OPTION_CHOICE:
			while (option->choices[n])
				n++;
			return psprintf("an object, or one of: %s", ecml_error_list(option->choices, n));
		case ECML_OPTION_MIXED:
			while (option->choices[n])
				n++;
			return psprintf("a number from %g to %g, or one of: %s", option->low, option->high,
							ecml_error_list(option->choices, n));
		case ECML_OPTION_OBJECT:
			return "an object";
		case ECML_OPTION_JSON:
			return "an object or an array";
		case ECML_OPTION_COLUMN:
			return psprintf("the name of a column, or a number %s",
							isinf(option->high) ? psprintf("of at least %g", option->low) :
							psprintf("from %g to %g", option->low, option->high));
		case ECML_OPTION_LIST:
			return "an array of strings";
		case ECML_OPTION_NUMBERS:
			return psprintf("a number, or an array of at most %d numbers, %s", ECML_MAX_NUMBERS,
							isinf(option->high) ? psprintf("of at least %g", option->low) :
							psprintf("from %g to %g", option->low, option->high));
	}
	return "";
}

/* Of an option with choices the one that a string is nearest to, or NULL. */
static const char *
nearest_choice(const EcmlOption *option, const JsonbValue *value)
{
	int			n = 0;

	if (option->choices == NULL || value->type != jbvString)
		return NULL;
	while (option->choices[n])
		n++;
	return ecml_error_nearest(pnstrdup(value->val.string.val, value->val.string.len), option->choices, n);
}

static void
reject(const char *what, const EcmlOption *option, JsonbValue *value)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid value for option \"%s\" of %s", option->name, what),
			 errdetail("The value is %s.", ecml_json_value_text(value)),
			 errhint("%sIt must be %s.", ecml_error_perhaps(nearest_choice(option, value)), describe(option))));
}

/* A JSON number as a double; false when it is not a number. */
static bool
number(JsonbValue *value, double *result)
{
	if (value->type != jbvNumeric)
		return false;
	*result = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, NumericGetDatum(value->val.numeric)));
	return true;
}

typedef struct Told
{
	const char *what;
	const char *option;
	const char *hint;
} Told;

static void
tell_option(void *arg)
{
	const Told *told = arg;

	errdetail("It is the option \"%s\" of %s.", told->option, told->what);
	errhint("%s", told->hint);
}

/* The text of an option as a value of a type; the error of the type's input tells whose it is. */
static Datum
typed_value(const char *what, const char *option, const char *text, Oid type, const char *hint)
{
	Told		told = {what, option, hint};
	ErrorContextCallback callback = {.previous = error_context_stack,.callback = tell_option,.arg = &told};
	Oid			input;
	Oid			parameter;
	Datum		value;

	getTypeInputInfo(type, &input, &parameter);
	error_context_stack = &callback;
	value = OidInputFunctionCall(input, (char *) text, parameter, -1);
	error_context_stack = callback.previous;
	return value;
}

/* A number, or an interval in seconds (a month is 30 days); false when it is neither. */
static bool
span(const char *what, const EcmlOption *option, JsonbValue *value, double *result)
{
	Interval   *interval;

	if (value->type != jbvString)
		return number(value, result);
	interval = DatumGetIntervalP(typed_value(what, option->name, pnstrdup(value->val.string.val, value->val.string.len), INTERVALOID,
											 "It is a number of at least 0, or an interval such as \"7 days\"."));
	*result = interval->time / 1e6 + (interval->day + interval->month * 30.0) * 86400;
	return true;
}

/* The number of the choice that the value names, or -1. */
static int
choice(const EcmlOption *option, const JsonbValue *value)
{
	if (value->type == jbvString)
		for (int i = 0; option->choices[i]; i++)
			if ((int) strlen(option->choices[i]) == value->val.string.len &&
				memcmp(option->choices[i], value->val.string.val, value->val.string.len) == 0)
				return i;
	return -1;
}

static bool
is_object(const JsonbValue *value)
{
	return value->type == jbvBinary && JsonContainerIsObject(value->val.binary.data);
}

/* Does it hold nothing but strings? */
static bool
strings_only(JsonbContainer *array)
{
	JsonbIterator *iterator = JsonbIteratorInit(array);
	JsonbIteratorToken token;
	JsonbValue	value;

	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
		if (token == WJB_ELEM && value.type != jbvString)
			return false;
	return true;
}

/* A number or an array of numbers, all of them in the option's range; false when it is something else. */
static bool
numbers(const EcmlOption *option, JsonbValue *value, EcmlNumberList *result)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	element;
	EcmlNumberList read = {.n = 0};

	if (value->type == jbvNumeric)
	{
		(void) number(value, &read.v[0]);
		read.n = 1;
	}
	else
	{
		if (value->type != jbvBinary || !JsonContainerIsArray(value->val.binary.data) ||
			JsonContainerSize(value->val.binary.data) > ECML_MAX_NUMBERS)
			return false;
		iterator = JsonbIteratorInit(value->val.binary.data);
		while ((token = JsonbIteratorNext(&iterator, &element, true)) != WJB_DONE)
			if (token == WJB_ELEM && !number(&element, &read.v[read.n++]))
				return false;
	}
	for (int i = 0; i < read.n; i++)
		if (!isfinite(read.v[i]) || read.v[i] < option->low || read.v[i] > option->high)
			return false;
	*result = read;
	return true;
}

static void
store(const char *what, const EcmlOption *option, JsonbValue *value, void *params)
{
	void	   *place = (char *) params + option->offset;
	double		v;

	switch (option->type)
	{
		case ECML_OPTION_INT:
		case ECML_OPTION_INT64:
		case ECML_OPTION_FLOAT:
			if (!number(value, &v) || !isfinite(v) || v < option->low || v > option->high)
				reject(what, option, value);
			if (option->type == ECML_OPTION_FLOAT)
				*(double *) place = v;
			else if (v != rint(v))
				reject(what, option, value);
			else if (option->type == ECML_OPTION_INT)
				*(int *) place = (int) v;
			else
				*(int64 *) place = (int64) v;
			return;
		case ECML_OPTION_SPAN:
			if (!span(what, option, value, &v) || !isfinite(v) || v < 0)
				reject(what, option, value);
			*(double *) place = v;
			return;
		case ECML_OPTION_BOOL:
			if (value->type != jbvBool)
				reject(what, option, value);
			*(bool *) place = value->val.boolean;
			return;
		case ECML_OPTION_TEXT:
			if (value->type == jbvNull)
				return;
			if (value->type != jbvString)
				reject(what, option, value);
			*(char **) place = pnstrdup(value->val.string.val, value->val.string.len);
			return;
		case ECML_OPTION_WORD:
			if (value->type == jbvNull)
				return;
			if (value->type == jbvNumeric)
				*(char **) place = DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(value->val.numeric)));
			else if (value->type == jbvString)
				*(char **) place = pnstrdup(value->val.string.val, value->val.string.len);
			else
				reject(what, option, value);
			return;
		case ECML_OPTION_ENUM:
			if (choice(option, value) < 0)
				reject(what, option, value);
			*(int *) place = choice(option, value);
			return;
		case ECML_OPTION_CHOICE:
			if (!is_object(value) && choice(option, value) < 0)
				reject(what, option, value);
			((EcmlChoice *) place)->number = Max(choice(option, value), 0);
			((EcmlChoice *) place)->object = is_object(value) ? JsonbValueToJsonb(value) : NULL;
			return;
		case ECML_OPTION_MIXED:
			((EcmlMixed *) place)->choice = choice(option, value);
			if (choice(option, value) >= 0)
				return;
			if (!number(value, &v) || !isfinite(v) || v < option->low || v > option->high)
				reject(what, option, value);
			((EcmlMixed *) place)->number = v;
			return;
		case ECML_OPTION_OBJECT:
			if (!is_object(value))
				reject(what, option, value);
			*(Jsonb **) place = JsonbValueToJsonb(value);
			return;
		case ECML_OPTION_COLUMN:
			if (value->type == jbvString)
			{
				*(EcmlColumnOrNumber *) place = (EcmlColumnOrNumber) {pnstrdup(value->val.string.val, value->val.string.len), NAN};
				return;
			}
			if (!number(value, &v) || !isfinite(v) || v < option->low || v > option->high)
				reject(what, option, value);
			*(EcmlColumnOrNumber *) place = (EcmlColumnOrNumber) {NULL, v};
			return;
		case ECML_OPTION_JSON:
			if (value->type != jbvBinary)
				reject(what, option, value);
			*(Jsonb **) place = JsonbValueToJsonb(value);
			return;
		case ECML_OPTION_LIST:
			if (value->type != jbvBinary || !JsonContainerIsArray(value->val.binary.data) ||
				!strings_only(value->val.binary.data))
				reject(what, option, value);
			*(Jsonb **) place = JsonbValueToJsonb(value);
			return;
		case ECML_OPTION_NUMBERS:
			if (!numbers(option, value, place))
				reject(what, option, value);
			return;
	}
}

void
ecml_options_parse(const char *what, Jsonb *jsonb, const EcmlOptionSet *sets, int nsets)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	value;

	if (jsonb == NULL)
		return;
	if (!JB_ROOT_IS_OBJECT(jsonb))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("options for %s must be a JSON object", what),
				 errdetail("The value is %s.", JsonbToCString(NULL, &jsonb->root, VARSIZE(jsonb))),
				 errhint("Give them as in '{\"seed\": 1}'.")));
	iterator = JsonbIteratorInit(&jsonb->root);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		const EcmlOption *option;
		void	   *params;
		char	   *name;

		if (token != WJB_KEY)
			continue;
		name = pnstrdup(value.val.string.val, value.val.string.len);
		token = JsonbIteratorNext(&iterator, &value, true);
		option = find(sets, nsets, name, &params);
		if (option == NULL)
			unknown(what, sets, nsets, name, &value);
		else
			store(what, option, &value, params);
	}
}

void
ecml_options_check_time(const char *what, const char *option, const char *text, Oid type)
{
	(void) typed_value(what, option, text, type, "Give a date, as in \"2026-01-31\".");
}

char *
ecml_options_text(const EcmlOptionSet *sets, int nsets)
{
	EcmlJson   *json = ecml_json_object();

	for (int s = 0; s < nsets; s++)
		for (const EcmlOption *option = sets[s].options; option && option->name; option++)
		{
			const void *place = (const char *) sets[s].params + option->offset;

			if (option->alias)
				continue;
			switch (option->type)
			{
				case ECML_OPTION_INT:
					ecml_json_int(json, option->name, *(const int *) place);
					break;
				case ECML_OPTION_INT64:
					ecml_json_int(json, option->name, *(const int64 *) place);
					break;
				case ECML_OPTION_FLOAT:
				case ECML_OPTION_SPAN:
					/* what is not finite stands for nothing given */
					if (isfinite(*(const double *) place))
						ecml_json_number(json, option->name, *(const double *) place);
					break;
				case ECML_OPTION_BOOL:
					ecml_json_bool(json, option->name, *(const bool *) place);
					break;
				case ECML_OPTION_TEXT:
				case ECML_OPTION_WORD:
					if (*(char *const *) place)
						ecml_json_string(json, option->name, *(char *const *) place);
					break;
				case ECML_OPTION_ENUM:
					ecml_json_string(json, option->name, option->choices[*(const int *) place]);
					break;
				case ECML_OPTION_CHOICE:
					if (((const EcmlChoice *) place)->object)
						ecml_json_jsonb(json, option->name, ((const EcmlChoice *) place)->object);
					else
						ecml_json_string(json, option->name, option->choices[((const EcmlChoice *) place)->number]);
					break;
				case ECML_OPTION_MIXED:
					if (((const EcmlMixed *) place)->choice >= 0)
						ecml_json_string(json, option->name, option->choices[((const EcmlMixed *) place)->choice]);
					else
						ecml_json_number(json, option->name, ((const EcmlMixed *) place)->number);
					break;
				case ECML_OPTION_COLUMN:
					if (((const EcmlColumnOrNumber *) place)->column)
						ecml_json_string(json, option->name, ((const EcmlColumnOrNumber *) place)->column);
					else if (!isnan(((const EcmlColumnOrNumber *) place)->number))
						ecml_json_number(json, option->name, ((const EcmlColumnOrNumber *) place)->number);
					break;
				case ECML_OPTION_OBJECT:
				case ECML_OPTION_LIST:
				case ECML_OPTION_JSON:
					if (*(Jsonb *const *) place)
						ecml_json_jsonb(json, option->name, *(Jsonb *const *) place);
					break;
				case ECML_OPTION_NUMBERS:
					if (((const EcmlNumberList *) place)->n >= 0)
						ecml_json_numbers(json, option->name, ((const EcmlNumberList *) place)->v, ((const EcmlNumberList *) place)->n);
					break;
			}
		}
	return ecml_json_finish_text(json);
}
