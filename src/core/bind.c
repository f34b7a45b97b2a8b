/*
 * bind.c - from SQL values to rows of doubles
 *
 * Cost a row: a switch and a conversion a value; a category costs a hash look-up.  A whole row is deformed first, which costs
 * more than separate arguments.  Values of fixed width before any other column are copied from the tuple, at a fraction of
 * that.
 */
#include "core/compat.h"

#include <math.h>
#include <sys/socket.h>

#include "access/htup_details.h"
#include "access/tupmacs.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/date.h"
#include "utils/inet.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#include "core/bind.h"
#include "core/decimal.h"
#include "core/error.h"

#define MAX_FEATURES 100000

static bool
plan_scalar(Oid type, EcmlConvert *convert, EcmlKind *kind)
{
	static const struct
	{
		Oid			type;
		EcmlConvert convert;
		EcmlKind	kind;
	}			known[] = {
		{FLOAT8OID, ECML_FROM_FLOAT8, ECML_NUMBER},
		{FLOAT4OID, ECML_FROM_FLOAT4, ECML_NUMBER},
		{INT4OID, ECML_FROM_INT4, ECML_NUMBER},
		{INT8OID, ECML_FROM_INT8, ECML_NUMBER},
		{INT2OID, ECML_FROM_INT2, ECML_NUMBER},
		{NUMERICOID, ECML_FROM_NUMERIC, ECML_NUMBER},
		{BOOLOID, ECML_FROM_BOOL, ECML_BOOLEAN},
		{DATEOID, ECML_FROM_DATE, ECML_TIME},
		{TIMESTAMPOID, ECML_FROM_TIMESTAMP, ECML_TIME},
		{TIMESTAMPTZOID, ECML_FROM_TIMESTAMP, ECML_TIME},
		{TIMEOID, ECML_FROM_TIME, ECML_INTERVAL},
		{INTERVALOID, ECML_FROM_INTERVAL, ECML_INTERVAL},
		{INETOID, ECML_FROM_INET, ECML_INET},
		{CIDROID, ECML_FROM_INET, ECML_INET},
		{TEXTOID, ECML_FROM_VARLENA, ECML_CATEGORY},
		{VARCHAROID, ECML_FROM_VARLENA, ECML_CATEGORY},
		{BPCHAROID, ECML_FROM_BPCHAR, ECML_CATEGORY},
		{NAMEOID, ECML_FROM_NAME, ECML_CATEGORY},
		{UNKNOWNOID, ECML_FROM_CSTRING, ECML_CATEGORY},
	};

	for (int i = 0; i < (int) lengthof(known); i++)
		if (known[i].type == type)
		{
			*convert = known[i].convert;
			*kind = known[i].kind;
			return true;
		}
	if (type_is_enum(type))
	{
		*convert = ECML_FROM_ENUM;
		*kind = ECML_CATEGORY;
		return true;
	}
	if (get_typtype(type) == TYPTYPE_BASE)
	{
		char		category;
		bool		preferred;

		/* citext and its like */
		get_type_category_preferred(type, &category, &preferred);
		if (category == TYPCATEGORY_STRING && get_typlen(type) == -1)
		{
			*convert = ECML_FROM_VARLENA;
			*kind = ECML_CATEGORY;
			return true;
		}
	}
	return false;
}

bool
ecml_bind_plan(Oid type, EcmlConvert *convert, EcmlKind *kind, Oid *element_type, EcmlConvert *element_convert)
{
	Oid			element;

	*element_type = InvalidOid;
	type = getBaseType(type);
	if (plan_scalar(type, convert, kind))
		return true;
	element = get_base_element_type(type);
	if (!OidIsValid(element) || !plan_scalar(element, element_convert, kind) || *kind != ECML_NUMBER)
		return false;
	*convert = ECML_FROM_ARRAY;
	*element_type = element;
	return true;
}

EcmlBinder *
ecml_binder_create(MemoryContext context, bool training)
{
	EcmlBinder *binder = MemoryContextAllocZero(context, sizeof(EcmlBinder));

	binder->context = context;
	binder->training = training;
	binder->missing = -1;
	return binder;
}

static void
unsupported(const char *name, Oid type)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("column \"%s\" has a type that cannot be a feature", name),
			 errdetail("Its type is %s.", format_type_be(type)),
			 errhint("Features are numbers, booleans, dates and times, intervals, inet, enums, text, and arrays of numbers; "
					 "leave the column out, or cast it.")));
}

void
ecml_binder_lay_out(EcmlBinder *binder)
{
	int			n = 0;

	for (int i = 0; i < binder->ninputs; i++)
	{
		if (binder->inputs[i].count < 0)
			return;
		binder->inputs[i].first = n;
		n += binder->inputs[i].count;
		if (n > MAX_FEATURES)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("too many features"),
					 errdetail("There are more than %d.", MAX_FEATURES),
					 errhint("Leave out columns, or give shorter arrays.")));
	}
	binder->all_float8 = true;
	for (int i = 0; i < binder->ninputs; i++)
		if (binder->inputs[i].convert != ECML_FROM_FLOAT8 || binder->inputs[i].kind == ECML_CATEGORY)
			binder->all_float8 = false;
	binder->numbers = MemoryContextAlloc(binder->context, (binder->ninputs + 1) * sizeof(int));
	for (int i = 0; i < binder->ninputs; i++)
		binder->numbers[i] = binder->inputs[i].number;
	binder->nfeatures = n;
	binder->values = MemoryContextAllocHuge(binder->context, (n + 1) * sizeof(double));
	binder->laid_out = true;
}

/* A new input; planned: is its type one of those that can be features? */
static EcmlInput *
add_input(EcmlBinder *binder, const char *name, int number, Oid type, bool *planned)
{
	EcmlInput  *input;

	if (binder->inputs == NULL)
		binder->inputs = MemoryContextAlloc(binder->context, sizeof(EcmlInput));
	else
		binder->inputs = repalloc(binder->inputs, (binder->ninputs + 1) * sizeof(EcmlInput));
	input = &binder->inputs[binder->ninputs];
	memset(input, 0, sizeof(EcmlInput));
	input->name = MemoryContextStrdup(binder->context, name);
	input->number = number;
	input->type = type;
	*planned = ecml_bind_plan(type, &input->convert, &input->kind, &input->element_type, &input->element_convert);
	input->count = *planned && input->convert == ECML_FROM_ARRAY ? -1 : 1;
	if (*planned && input->kind == ECML_CATEGORY)
		input->categories = ecml_dict_create(binder->context);
	if (*planned && input->convert == ECML_FROM_ENUM)
		input->enums = ecml_dict_create(binder->context);
	binder->ninputs++;
	return input;
}

EcmlInput *
ecml_binder_add(EcmlBinder *binder, const char *name, int number, Oid type)
{
	bool		planned;
	EcmlInput  *input = add_input(binder, name, number, type, &planned);

	if (!planned)
		unsupported(name, type);
	return input;
}

void
ecml_binder_make_extra(EcmlBinder *binder, EcmlInput *input, EcmlExtraKind kind, const char *what)
{
	if (input->extra)
		return;
	if (input->convert == ECML_FROM_ARRAY ||
		(kind == ECML_EXTRA_FLAG && (input->convert == ECML_FROM_OTHER ||
									 (input->kind != ECML_NUMBER && input->kind != ECML_BOOLEAN))))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s column \"%s\" cannot be of type %s", what, input->name, format_type_be(input->type)),
				 kind == ECML_EXTRA_FLAG ? errdetail("It says of each row true or false.") :
				 errdetail("It says which rows belong together."),
				 kind == ECML_EXTRA_FLAG ? errhint("Give a boolean, or 0 and 1.") :
				 errhint("Give a column with one value a row.")));
	input->extra = true;
	if (kind != ECML_EXTRA_GROUP)
		return;
	input->group = true;
	input->kind = ECML_CATEGORY;
	if (input->categories == NULL)
		input->categories = ecml_dict_create(binder->context);
	binder->all_float8 = false;
}

void
ecml_binder_add_extra(EcmlBinder *binder, const char *name, int number, Oid type, EcmlExtraKind kind, const char *what)
{
	bool		planned;
	EcmlInput  *input = add_input(binder, name, number, type, &planned);

	if (!planned)
		input->convert = ECML_FROM_OTHER;
	ecml_binder_make_extra(binder, input, kind, what);
}

static Oid
argument_type(FunctionCallInfo fcinfo, int i)
{
	Oid			type = get_fn_expr_argtype(fcinfo->flinfo, i);

	if (!OidIsValid(type))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("could not determine the type of argument %d", i + 1),
				 errdetail("The caller passes no argument types."),
				 errhint("A caller that gives no argument types must use the form with float8[] features.")));
	return type;
}

/* Follow the columns of the row type met (training). */
static void
add_row_columns(EcmlBinder *binder, TupleDesc desc)
{
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(desc, i);

		if (!column->attisdropped)
			ecml_binder_add(binder, NameStr(column->attname), i, column->atttypid);
	}
	ecml_binder_lay_out(binder);
}

EcmlBinder *
ecml_binder_from_arguments(MemoryContext context, FunctionCallInfo fcinfo, int first)
{
	EcmlBinder *binder = ecml_binder_create(context, true);
	int			n = PG_NARGS() - first;

	if (n == 1 && type_is_rowtype(argument_type(fcinfo, first)))
	{
		binder->whole_row = true;
		return binder;
	}
	for (int i = 0; i < n; i++)
	{
		char		name[16];

		snprintf(name, sizeof(name), "x%d", i + 1);
		ecml_binder_add(binder, name, i, argument_type(fcinfo, first + i));
	}
	ecml_binder_lay_out(binder);
	return binder;
}

/* How many features from j on are elements of one array. */
static int
elements_from(const EcmlSchema *schema, int j)
{
	int			n = 0;

	while (j + n < schema->nfeatures && schema->features[j + n].element == n + 1)
		n++;
	return n;
}

static char *
feature_list(const EcmlSchema *schema)
{
	const char **names = palloc((schema->nfeatures + 1) * sizeof(char *));
	int			n = 0;

	for (int j = 0; j < schema->nfeatures && n < 50; j++)
		names[n++] = psprintf("%s %s", schema->features[j].name, ecml_kind_name(schema->features[j].kind));
	if (n < schema->nfeatures)
		names[n++] = "...";
	return ecml_error_list(names, n);
}

/* May a value that is converted to kind stand for the feature? */
static bool
compatible(const EcmlInput *input, EcmlKind wanted)
{
	if (input->convert == ECML_FROM_CSTRING)
		return wanted == ECML_CATEGORY || wanted == ECML_NUMBER || wanted == ECML_BOOLEAN;
	if (wanted == ECML_NUMBER || wanted == ECML_BOOLEAN)
		return input->kind == ECML_NUMBER || input->kind == ECML_BOOLEAN;
	return input->kind == wanted;
}

/* Tie an input to the model's features from j on: kind, known categories. */
static void
follow(EcmlInput *input, const EcmlSchema *schema, int j, int count)
{
	const EcmlFeature *feature = &schema->features[j];

	if (!compatible(input, feature->kind) || (count > 1 && input->convert != ECML_FROM_ARRAY))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("feature \"%s\" of the model cannot be of type %s", feature->name, format_type_be(input->type)),
				 errdetail("The model was trained on a %s.", ecml_kind_name(feature->kind)),
				 errhint("The features are, in this order: %s.", feature_list(schema))));
	input->count = count;
	input->kind = feature->kind;
	if (feature->kind == ECML_CATEGORY)
		for (int c = 0; c < feature->ncategories; c++)
			ecml_dict_add(input->categories, feature->categories[c], strlen(feature->categories[c]));
}

static void
wrong_count(const EcmlSchema *schema, int given)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("wrong number of features: the model takes %d, %d given", schema->nfeatures, given),
			 errdetail("The features are, in this order: %s.", feature_list(schema)),
			 errhint("Give them in this order, or give one row that has columns of these names.")));
}

/* Inputs of a row type by the names of the model's features. */
static void
follow_columns(EcmlBinder *binder, const EcmlSchema *schema, TupleDesc desc)
{
	for (int j = 0; j < schema->nfeatures;)
	{
		char	   *name = ecml_feature_column(&schema->features[j]);
		int			count = schema->features[j].element > 0 ? Max(1, elements_from(schema, j)) : 1;
		int			found = -1;

		for (int i = 0; i < desc->natts; i++)
			if (!TupleDescAttr(desc, i)->attisdropped &&
				strcmp(NameStr(TupleDescAttr(desc, i)->attname), name) == 0)
			{
				found = i;
				break;
			}
		if (found < 0)
		{
			const char **names = palloc((desc->natts + 1) * sizeof(char *));
			const char *nearest;

			for (int i = 0; i < desc->natts; i++)
				names[i] = NameStr(TupleDescAttr(desc, i)->attname);
			nearest = ecml_error_nearest(name, names, desc->natts);
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_OBJECT),
					 errmsg("column \"%s\", a feature of the model, is missing", name),
					 errdetail("The features are: %s.", feature_list(schema)),
					 nearest ? errhint("Perhaps you mean the column \"%s\".", nearest) :
					 errhint("Give a row that has columns of these names.")));
		}
		follow(ecml_binder_add(binder, name, found, TupleDescAttr(desc, found)->atttypid), schema, j, count);
		j += count;
	}
	ecml_binder_lay_out(binder);
}

EcmlBinder *
ecml_binder_for_columns(MemoryContext context, const EcmlSchema *schema, TupleDesc desc)
{
	EcmlBinder *binder = ecml_binder_create(context, false);

	follow_columns(binder, schema, desc);
	return binder;
}

void
ecml_binder_refuse_row(const char *algorithm)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("%s takes its features as separate arguments", algorithm),
			 errdetail("A whole row is given."),
			 errhint("Name the columns: a whole row would hold the target, too.")));
}

EcmlBinder *
ecml_binder_for_model(MemoryContext context, const EcmlSchema *schema, FunctionCallInfo fcinfo, int first)
{
	EcmlBinder *binder = ecml_binder_create(context, false);
	int			n = PG_NARGS() - first;
	int			j = 0;

	if (n == 1 && type_is_rowtype(argument_type(fcinfo, first)))
	{
		binder->whole_row = true;
		return binder;
	}
	for (int i = 0; i < n; i++)
	{
		Oid			type = argument_type(fcinfo, first + i);
		int			count = 1;
		char		name[32];

		if (j >= schema->nfeatures)
			wrong_count(schema, n);
		snprintf(name, sizeof(name), "argument %d", first + i + 1);
		ecml_binder_add(binder, name, i, type);
		if (binder->inputs[i].convert == ECML_FROM_ARRAY)
			count = schema->features[j].element == 1 ? elements_from(schema, j) : schema->nfeatures - j - (n - 1 - i);
		if (count < 1)
			wrong_count(schema, n);
		follow(&binder->inputs[i], schema, j, count);
		for (int k = 1; k < count; k++)
			if (schema->features[j + k].kind != ECML_NUMBER && schema->features[j + k].kind != ECML_BOOLEAN)
				wrong_count(schema, n);
		j += count;
	}
	if (j != schema->nfeatures)
		wrong_count(schema, j);
	ecml_binder_lay_out(binder);
	return binder;
}

char *
ecml_binder_feature_name(const EcmlBinder *binder, int feature)
{
	const EcmlInput *input = ecml_binder_input(binder, feature);

	if (input->convert == ECML_FROM_ARRAY)
		return psprintf("%s[%d]", input->name, feature - input->first + 1);
	return pstrdup(input->name);
}

EcmlInput *
ecml_binder_input(const EcmlBinder *binder, int feature)
{
	int			low = 0;
	int			high = binder->ninputs - 1;

	while (low < high)
	{
		int			middle = (low + high + 1) / 2;

		if (binder->inputs[middle].first <= feature)
			low = middle;
		else
			high = middle - 1;
	}
	return &binder->inputs[low];
}

static double
from_inet(inet *address)
{
	int			size = ip_family(address) == PGSQL_AF_INET ? 4 : 8;
	double		result = 0;

	for (int i = 0; i < size; i++)
		result = result * 256 + ip_addr(address)[i];
	return result;
}

/* A literal that PostgreSQL gave no type. */
static double
from_literal(const EcmlInput *input, char *text)
{
	if (input->kind == ECML_BOOLEAN)
		return DatumGetBool(DirectFunctionCall1(boolin, CStringGetDatum(text))) ? 1 : 0;
	return DatumGetFloat8(DirectFunctionCall1(float8in, CStringGetDatum(text)));
}

static inline double
convert_number(const EcmlInput *input, EcmlConvert convert, Datum value)
{
	switch (convert)
	{
		case ECML_FROM_FLOAT8:
			return DatumGetFloat8(value);
		case ECML_FROM_FLOAT4:
			return DatumGetFloat4(value);
		case ECML_FROM_INT2:
			return DatumGetInt16(value);
		case ECML_FROM_INT4:
			return DatumGetInt32(value);
		case ECML_FROM_INT8:
			return DatumGetInt64(value);
		case ECML_FROM_BOOL:
			return DatumGetBool(value) ? 1 : 0;
		case ECML_FROM_NUMERIC:
			return ecml_decimal_float8(value);
		case ECML_FROM_DATE:
			{
				DateADT		date = DatumGetDateADT(value);

				if (DATE_NOT_FINITE(date))
					return DATE_IS_NOBEGIN(date) ? -INFINITY : INFINITY;
				return date * 86400.0;
			}
		case ECML_FROM_TIMESTAMP:
			{
				Timestamp	timestamp = DatumGetTimestamp(value);

				if (TIMESTAMP_NOT_FINITE(timestamp))
					return TIMESTAMP_IS_NOBEGIN(timestamp) ? -INFINITY : INFINITY;
				return timestamp / 1e6;
			}
		case ECML_FROM_TIME:
			return DatumGetTimeADT(value) / 1e6;
		case ECML_FROM_INTERVAL:
			{
				Interval   *interval = DatumGetIntervalP(value);

				if (ecml_interval_infinite(interval) != 0)
					return ecml_interval_infinite(interval) * INFINITY;
				return (interval->month * 30.0 + interval->day) * 86400.0 + interval->time / 1e6;
			}
		case ECML_FROM_INET:
			return from_inet(DatumGetInetPP(value));
		case ECML_FROM_CSTRING:
			return from_literal(input, DatumGetCString(value));
		default:
			elog(ERROR, "conversion %d is not of a number", (int) convert);
	}
	return 0;
}

double
ecml_bind_number(const EcmlInput *input, Datum value)
{
	return convert_number(input, input->convert, value);
}

const char *
ecml_bind_label(const EcmlInput *input, Datum value, int *length)
{
	switch (input->convert)
	{
		case ECML_FROM_VARLENA:
		case ECML_FROM_BPCHAR:
			{
				struct varlena *text = PG_DETOAST_DATUM_PACKED(value);
				const char *bytes = VARDATA_ANY(text);

				*length = VARSIZE_ANY_EXHDR(text);
				if (input->convert == ECML_FROM_BPCHAR)
					*length = bpchartruelen((char *) bytes, *length);
				return bytes;
			}
		case ECML_FROM_NAME:
			*length = strlen(NameStr(*DatumGetName(value)));
			return NameStr(*DatumGetName(value));
		case ECML_FROM_CSTRING:
			*length = strlen(DatumGetCString(value));
			return DatumGetCString(value);
		case ECML_FROM_BOOL:
			/* as a cast to text gives it, and not as psql shows it */
			*length = DatumGetBool(value) ? 4 : 5;
			return DatumGetBool(value) ? "true" : "false";
		default:
			break;
	}
	/* any other type by its text form: enums, and group labels of any type */
	{
		Oid			output;
		bool		varlena;
		char	   *text;

		getTypeOutputInfo(input->type, &output, &varlena);
		text = OidOutputFunctionCall(output, value);
		*length = strlen(text);
		return text;
	}
}

int
ecml_bind_add_category(EcmlInput *input, const char *label, int length)
{
	int			code = ecml_dict_find(input->categories, label, length);

	if (code >= 0)
		return code;
	if (input->categories->n >= (input->group ? ECML_MAX_GROUPS : ECML_MAX_CATEGORIES))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("column \"%s\" has too many different values for a %s", input->name, input->group ? "group" : "category"),
				 errdetail("There are more than %d.", input->group ? ECML_MAX_GROUPS : ECML_MAX_CATEGORIES),
				 errhint("Leave the column out (an identifier tells nothing about other rows), or group its rare values.")));
	return ecml_dict_add(input->categories, label, length);
}

/* The bits of a value of fixed width as a text, which is quicker than its own. */
static void
write_bits(char *bits, Datum value, EcmlConvert convert)
{
	uint64		number = value;

	if (convert == ECML_FROM_FLOAT8 || convert == ECML_FROM_FLOAT4)
	{
		double		v = (convert == ECML_FROM_FLOAT8 ? DatumGetFloat8(value) : DatumGetFloat4(value)) + 0.0;	/* -0 is 0 */

		memcpy(&number, &v, sizeof(number));
	}
	for (int i = 0; i < 16; i++)
		bits[i] = "0123456789abcdef"[number >> (60 - 4 * i) & 15];
}

static double
convert_category(EcmlBinder *binder, EcmlInput *input, Datum value)
{
	const char *label;
	int			length;
	int			known = -1;
	int			code;
	char		bits[16];

	if (input->convert == ECML_FROM_ENUM)
	{
		known = ecml_dict_add(input->enums, (const char *) &value, sizeof(Oid));
		/* the entry's own number marks one that is new */
		if (input->enums->entries[known].value != known)
			return -2 - input->enums->entries[known].value;
	}
	if (input->group && ecml_bind_is_fixed(input->convert))
	{
		write_bits(bits, value, input->convert);
		label = bits;
		length = sizeof(bits);
	}
	else
		label = ecml_bind_label(input, value, &length);
	code = ecml_dict_find(input->categories, label, length);
	if (code < 0 && binder->training)
		code = ecml_bind_add_category(input, label, length);
	if (known >= 0)
		input->enums->entries[known].value = -2 - code;
	return code;
}

static void
not_finite(EcmlBinder *binder, int feature, double value)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_EXCEPTION),
			 errmsg("column \"%s\" holds a value that is not finite", ecml_binder_feature_name(binder, feature)),
			 errdetail("A row has %s there.", isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity"),
			 errhint("Filter such rows out, or turn the values into NULL, for example with nullif().")));
}

static void
wrong_length(const EcmlInput *input, int length)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_EXCEPTION),
			 errmsg("arrays in \"%s\" differ in length", input->name),
			 errdetail("An array has %d elements, where %d are expected.", length, input->count),
			 errhint("Each element is a feature, so that all arrays need the same length.")));
}

/* The elements of an array. */
static void
convert_array(EcmlBinder *binder, EcmlInput *input, Datum value)
{
	ArrayType  *array = DatumGetArrayTypeP(value);
	int			n = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	double	   *values = binder->values + input->first;

	if (n != input->count)
		wrong_length(input, n);
	if (!ARR_HASNULL(array) && input->element_type == FLOAT8OID)
		memcpy(values, ARR_DATA_PTR(array), n * sizeof(double));
	else if (!ARR_HASNULL(array) && input->element_type == FLOAT4OID)
		for (int i = 0; i < n; i++)
			values[i] = ((float4 *) ARR_DATA_PTR(array))[i];
	else
	{
		Datum	   *elements;
		bool	   *nulls;
		int16		typlen;
		bool		typbyval;
		char		typalign;

		get_typlenbyvalalign(input->element_type, &typlen, &typbyval, &typalign);
		deconstruct_array(array, input->element_type, typlen, typbyval, typalign, &elements, &nulls, &n);
		for (int i = 0; i < n; i++)
		{
			values[i] = nulls[i] ? NAN : convert_number(input, input->element_convert, elements[i]);
			if (isnan(values[i]) && !(binder->training && !nulls[i]) && binder->missing < 0)
				binder->missing = input->first + i;
			else if (binder->training && !nulls[i] && !isfinite(values[i]))
				not_finite(binder, input->first + i, values[i]);
		}
		return;
	}
	for (int i = 0; i < n; i++)
	{
		if (binder->training && !isfinite(values[i]))
			not_finite(binder, input->first + i, values[i]);
		if (isnan(values[i]) && binder->missing < 0)
			binder->missing = input->first + i;
	}
}

static inline void
convert_input(EcmlBinder *binder, EcmlInput *input, Datum value, bool isnull)
{
	double		result;

	if (isnull)
	{
		for (int i = 0; i < input->count; i++)
			binder->values[input->first + i] = NAN;
		if (binder->missing < 0 && input->count > 0)
			binder->missing = input->first;
		return;
	}
	if (input->convert == ECML_FROM_ARRAY)
	{
		convert_array(binder, input, value);
		return;
	}
	if (input->kind == ECML_CATEGORY)
	{
		binder->values[input->first] = convert_category(binder, input, value);
		return;
	}
	result = convert_number(input, input->convert, value);
	if (binder->training && !isfinite(result))
		not_finite(binder, input->first, result);
	if (isnan(result) && binder->missing < 0)
		binder->missing = input->first; /* in prediction NaN is as good as NULL */
	binder->values[input->first] = result;
}

/* Take the length of arrays from the row, as far as they are not NULL. */
static void
learn_lengths(EcmlBinder *binder, const Datum *values, const bool *nulls)
{
	for (int i = 0; i < binder->ninputs; i++)
	{
		EcmlInput  *input = &binder->inputs[i];

		if (input->count < 0 && !nulls[input->number])
		{
			ArrayType  *array = DatumGetArrayTypeP(values[input->number]);

			input->count = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
		}
	}
	ecml_binder_lay_out(binder);
}

bool
ecml_bind_row(EcmlBinder *binder, const Datum *values, const bool *nulls)
{
	if (!binder->laid_out)
	{
		learn_lengths(binder, values, nulls);
		if (!binder->laid_out)
			return false;
	}
	binder->missing = -1;
	if (binder->all_float8)
	{
		/* as in ecml_bind_arguments */
		double		check = 0;
		bool		null = false;

		const int  *numbers = binder->numbers;
		double	   *row = binder->values;
		int			n = binder->ninputs;

		for (int i = 0; i < n; i++)
		{
			double		value = DatumGetFloat8(values[numbers[i]]);

			null |= nulls[numbers[i]];
			check += 0 * value;
			row[i] = value;
		}
		if (!null && check == 0)
			return true;
	}
	for (int i = 0; i < binder->ninputs; i++)
	{
		EcmlInput  *input = &binder->inputs[i];

		convert_input(binder, input, values[input->number], nulls[input->number]);
	}
	return true;
}

/* Bind the fields of a row argument. */
static bool
bind_whole_row(EcmlBinder *binder, NullableDatum argument, const EcmlSchema *schema)
{
	HeapTupleHeader header;
	HeapTupleData tuple;
	Oid			type;
	int32		typmod;

	if (argument.isnull)
		return false;
	header = DatumGetHeapTupleHeader(argument.value);
	type = HeapTupleHeaderGetTypeId(header);
	typmod = HeapTupleHeaderGetTypMod(header);
	if (binder->row_desc == NULL || type != binder->row_type || typmod != binder->row_typmod)
	{
		MemoryContext old = MemoryContextSwitchTo(binder->context);
		TupleDesc	desc = lookup_rowtype_tupdesc_copy(type, typmod);

		if (binder->row_desc != NULL && binder->training)
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("rows of different types in one training"),
					 errdetail("A row is of type %s, another of type %s.", format_type_be(binder->row_type),
							   format_type_be(type)),
					 errhint("Give the columns as separate arguments.")));
		binder->ninputs = 0;
		binder->inputs = NULL;
		binder->laid_out = false;
		binder->row_desc = desc;
		binder->row_type = type;
		binder->row_typmod = typmod;
		binder->row_values = palloc(desc->natts * sizeof(Datum));
		binder->row_nulls = palloc(desc->natts * sizeof(bool));
		if (binder->training)
			add_row_columns(binder, desc);
		else
			follow_columns(binder, schema, desc);
		MemoryContextSwitchTo(old);
	}
	tuple.t_len = HeapTupleHeaderGetDatumLength(header);
	ItemPointerSetInvalid(&tuple.t_self);
	tuple.t_tableOid = InvalidOid;
	tuple.t_data = header;
	heap_deform_tuple(&tuple, binder->row_desc, binder->row_values, binder->row_nulls);
	return ecml_bind_row(binder, binder->row_values, binder->row_nulls);
}

bool
ecml_bind_arguments(EcmlBinder *binder, const EcmlSchema *schema, FunctionCallInfo fcinfo, int first)
{
	NullableDatum *arguments = fcinfo->args + first;

	if (binder->whole_row)
		return bind_whole_row(binder, arguments[0], schema);
	if (!binder->laid_out)
	{
		Datum	   *values = palloc(binder->ninputs * sizeof(Datum));
		bool	   *nulls = palloc(binder->ninputs * sizeof(bool));

		for (int i = 0; i < binder->ninputs; i++)
		{
			values[i] = arguments[i].value;
			nulls[i] = arguments[i].isnull;
		}
		learn_lengths(binder, values, nulls);
		if (!binder->laid_out)
			return false;
	}
	binder->missing = -1;
	if (binder->all_float8)
	{
		/* no NULL, and nothing but finite numbers (0 times another is NaN): the row is read */
		double		check = 0;
		bool		null = false;

		double	   *row = binder->values;
		int			n = binder->ninputs;

		for (int i = 0; i < n; i++)
		{
			double		value = DatumGetFloat8(arguments[i].value);

			null |= arguments[i].isnull;
			check += 0 * value;
			row[i] = value;
		}
		if (!null && check == 0)
			return true;
	}
	for (int i = 0; i < binder->ninputs; i++)
		convert_input(binder, &binder->inputs[i], arguments[i].value, arguments[i].isnull);
	return true;
}
