/*
 * prepare_learn_sql.c - the steps of a preparation: what they learn, and the expressions they make of columns
 *
 * The steps build upon each other: what is clipped has been imputed, what is scaled has been clipped.  So each
 * reading of the source learns from the expressions of the steps before it, with their constants in place: moments,
 * extremes and counts by the aggregate of ecml_describe (parallel, in double-double), quantiles by percentile_cont
 * (exact, by sorting), categories by GROUP BY. At most: three readings with moments, three with quantiles, one for
 * each column of categories.
 *
 * Names and operators are written qualified, so that no search path can change what they mean; the parser keeps what
 * they stand for, and \d+ shows it in short.
 */
#include "core/compat.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "common/shortest_dec.h"
#include "lib/stringinfo.h"
#include "utils/array.h"
#include "utils/datum.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"
#include "catalog/pg_operator.h"
#include "utils/typcache.h"

#include "core/dict.h"
#include "core/error.h"
#include "prep/describe_sql.h"
#include "prep/prepare_sql.h"

#define MAX_ONE_HOT 1600		/* as many as a table may have columns */
#define MAX_CODES 65536

/* ------------------------------------------------------------------------------------------------ SQL */

char *
prep_number(double value)
{
	char		digits[DOUBLE_SHORTEST_DECIMAL_LEN];

	double_to_shortest_decimal_buf(value, digits);
	return psprintf("'%s'::pg_catalog.float8", digits);
}

static char *
type_name(Oid type)
{
	return format_type_extended(type, -1, FORMAT_TYPE_TYPEMOD_GIVEN | FORMAT_TYPE_FORCE_QUALIFY);
}

char *
prep_literal(const char *text, Oid type)
{
	return psprintf("%s::%s", quote_literal_cstr(text), type_name(type));
}

char *
prep_equal(Oid type)
{
	Oid			operator = lookup_type_cache(getBaseType(type), TYPECACHE_EQ_OPR)->eq_opr;
	HeapTuple	tuple = SearchSysCache1(OPEROID, ObjectIdGetDatum(operator));
	Form_pg_operator form;
	char	   *result;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("values of type %s cannot be categories", format_type_be(type)),
				 errdetail("They cannot be compared."),
				 errhint("Cast the column to text in the source.")));
	form = (Form_pg_operator) GETSTRUCT(tuple);
	result = psprintf("OPERATOR(%s.%s)", quote_identifier(get_namespace_name(form->oprnamespace)), NameStr(form->oprname));
	ReleaseSysCache(tuple);
	return result;
}

static char *
operation(const char *a, const char *operator, const char *b)
{
	return psprintf("(%s OPERATOR(pg_catalog.%s) %s)", a, operator, b);
}

static const char *
collate_c(Oid type)
{
	return OidIsValid(get_typcollation(type)) ? " COLLATE pg_catalog.\"C\"" : "";
}

/* From here on the column is a double. */
static void
make_double(PrepColumn *column)
{
	if (column->expression_type != FLOAT8OID)
		column->expression = psprintf("%s::pg_catalog.float8", column->expression);
	column->expression_type = FLOAT8OID;
}

static EcmlJson *
learnt(PrepColumn *column)
{
	if (column->learnt == NULL)
		column->learnt = ecml_json_object();
	return column->learnt;
}

/* ------------------------------------------------------------------------------------------------ readings */

static void
not_learnable(const PrepColumn *column, const char *detail, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_EXCEPTION),
			 errmsg("nothing can be learnt from column \"%s\"", column->name),
			 errdetail("%s", detail),
			 errhint("%s", hint)));
}

/* Moments and extremes of the expressions, as doubles, of the columns of a mask; [n], by number of the column. */
static DescribeColumn **
describe_columns(const Prep *prep, const bool *mask)
{
	DescribeColumn **result = palloc0((prep->n + 1) * sizeof(DescribeColumn *));
	const char **expressions = palloc((prep->n + 1) * sizeof(char *));
	DescribeColumn *found;
	int			n = 0;

	for (int i = 0; i < prep->n; i++)
		if (mask[i])
			expressions[n++] = psprintf("%s::pg_catalog.float8", prep->columns[i].expression);
	if (n == 0)
		return result;
	found = ecml_describe_query(expressions, n, psprintf("FROM %s%s", prep->from, prep->where), 0);
	for (int i = prep->n - 1; i >= 0; i--)
		if (mask[i])
		{
			const DescribeColumn *c = &found[--n];

			result[i] = &found[n];
			if (c->nan + c->infinite > 0)
				not_learnable(&prep->columns[i],
							  psprintf("Values in it that are NaN or infinite: " INT64_FORMAT ".", c->nan + c->infinite),
							  "Filter such rows out, or turn the values into NULL, for example with nullif().");
			if (c->count == 0)
				not_learnable(&prep->columns[i], c->nulls > 0 ? "All its values are NULL." : "There are no rows.",
							  c->nulls > 0 ? "Name it in the option \"drop\"." : "Give a source with rows to learn from.");
		}
	return result;
}

typedef struct Scalars
{
	Datum	   *values;
	bool	   *nulls;
} Scalars;

/* The only row of a query, copied. */
static void
take_scalars(void *arg, TupleTableSlot *slot)
{
	Scalars    *scalars = arg;
	MemoryContext old = MemoryContextSwitchTo(GetMemoryChunkContext(scalars->values));

	for (int i = 0; i < slot->tts_tupleDescriptor->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(slot->tts_tupleDescriptor, i);

		scalars->nulls[i] = slot->tts_isnull[i];
		if (!slot->tts_isnull[i])
			scalars->values[i] = datumCopy(slot->tts_values[i], attribute->attbyval, attribute->attlen);
	}
	MemoryContextSwitchTo(old);
}

static Scalars
read_scalars(const char *query, int n)
{
	Scalars		scalars = {palloc0((n + 1) * sizeof(Datum)), palloc0((n + 1) * sizeof(bool))};
	EcmlSource	source;

	ecml_source_open(&source, query);
	ecml_source_run(&source, take_scalars, &scalars);
	return scalars;
}

typedef struct Wanted
{
	int			n;
	double	   *levels;			/* [n] */
	double	   *values;			/* [n] found */
} Wanted;

/* Exact quantiles of the expressions, as doubles; wanted [n], by number of the column. */
static void
find_quantiles(const Prep *prep, Wanted *wanted)
{
	StringInfoData query;
	Scalars		scalars;
	int			n = 0;

	initStringInfo(&query);
	for (int i = 0; i < prep->n; i++)
		if (wanted[i].n > 0)
		{
			appendStringInfo(&query, "%s pg_catalog.percentile_cont(ARRAY[", n++ == 0 ? "SELECT" : ",");
			for (int k = 0; k < wanted[i].n; k++)
				appendStringInfo(&query, "%s%s", k > 0 ? ", " : "", prep_number(wanted[i].levels[k]));
			appendStringInfo(&query, "]) WITHIN GROUP (ORDER BY %s::pg_catalog.float8)", prep->columns[i].expression);
		}
	if (n == 0)
		return;
	appendStringInfo(&query, " FROM %s%s", prep->from, prep->where);
	scalars = read_scalars(query.data, n);
	n = 0;
	for (int i = 0; i < prep->n; i++)
		if (wanted[i].n > 0)
		{
			ArrayType  *array = scalars.nulls[n] ? NULL : DatumGetArrayTypeP(scalars.values[n]);

			n++;
			/* moments were found, so there are values */
			if (array == NULL || ARR_HASNULL(array) || ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array)) != wanted[i].n)
				elog(ERROR, "quantiles of column \"%s\" were not found", prep->columns[i].name);
			wanted[i].values = (double *) ARR_DATA_PTR(array);
		}
}

static void
want(Wanted *wanted, double level)
{
	wanted->levels = wanted->levels ? repalloc(wanted->levels,
											   (wanted->n + 1) * sizeof(double)) : palloc(sizeof(double));
	wanted->levels[wanted->n++] = level;
}

/* ------------------------------------------------------------------------------------------------ impute */

/* The most frequent values, as text. */
static void
find_modes(Prep *prep, char **modes)
{
	StringInfoData query;
	Scalars		scalars;
	int			n = 0;

	initStringInfo(&query);
	for (int i = 0; i < prep->n; i++)
		if (prep_has(&prep->columns[i], STEP_IMPUTE) && prep->columns[i].impute == IMPUTE_MOST_FREQUENT)
			appendStringInfo(&query, "%s pg_catalog.mode() WITHIN GROUP (ORDER BY %s%s)::pg_catalog.text", n++ == 0 ? "SELECT" : ",",
							 prep->columns[i].expression, collate_c(prep->columns[i].type));
	if (n == 0)
		return;
	appendStringInfo(&query, " FROM %s%s", prep->from, prep->where);
	scalars = read_scalars(query.data, n);
	n = 0;
	for (int i = 0; i < prep->n; i++)
		if (prep_has(&prep->columns[i], STEP_IMPUTE) && prep->columns[i].impute == IMPUTE_MOST_FREQUENT)
		{
			if (scalars.nulls[n])
				not_learnable(&prep->columns[i], "All its values are NULL, or there are no rows.", "Name it in the option \"drop\".");
			modes[i] = TextDatumGetCString(scalars.values[n++]);
		}
}

static void
tell_value(void *arg)
{
	errcontext("value for column \"%s\" in the options of ecml_prepare", ((const PrepColumn *) arg)->name);
}

/* Is the text a value of the type?  If not, the error of the type, that tells where it comes from. */
static void
check_value(PrepColumn *column, const char *text, Oid type)
{
	ErrorContextCallback callback = {.previous = error_context_stack,.callback = tell_value,.arg = column};
	Oid			input;
	Oid			parameter;
	char	   *end;

	if (column->class == PREP_NUMBER && (strtod(text, &end), end == text || *end != '\0'))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" is no value for column \"%s\"", text, column->name),
				 errdetail("The type of the column is %s.", format_type_be(column->type)),
				 errhint("Give a number.")));
	error_context_stack = &callback;
	getTypeInputInfo(type, &input, &parameter);
	(void) OidInputFunctionCall(input, (char *) text, parameter, -1);
	error_context_stack = callback.previous;
}

/* A constant of an integer column that is no integer makes it a double; one that is no value of the column's type is an error. */
static char *
constant_literal(PrepColumn *column)
{
	Oid			type = getBaseType(column->type);

	if (column->class == PREP_NUMBER && type != NUMERICOID &&
		strspn(column->constant, "-0123456789") != strlen(column->constant))
	{
		make_double(column);
		type = FLOAT8OID;
	}
	check_value(column, column->constant, type);
	return prep_literal(column->constant, type);
}

static void
impute(Prep *prep)
{
	bool	   *mask = palloc0(prep->n + 1);
	Wanted	   *wanted = palloc0((prep->n + 1) * sizeof(Wanted));
	char	  **modes = palloc0((prep->n + 1) * sizeof(char *));
	DescribeColumn **found;

	for (int i = 0; i < prep->n; i++)
	{
		const PrepColumn *column = &prep->columns[i];

		mask[i] = prep_has(column, STEP_IMPUTE) && column->impute <= IMPUTE_MEDIAN;
		if (mask[i] && column->impute == IMPUTE_MEDIAN)
			want(&wanted[i], 0.5);
	}
	found = describe_columns(prep, mask);
	find_quantiles(prep, wanted);
	find_modes(prep, modes);
	for (int i = 0; i < prep->n; i++)
	{
		PrepColumn *column = &prep->columns[i];
		char	   *literal;

		if (!prep_has(column, STEP_IMPUTE))
			continue;
		if (column->impute <= IMPUTE_MEDIAN)
		{
			double		value = column->impute == IMPUTE_MEAN ? ecml_moments_mean(&found[i]->moments) : wanted[i].values[0];

			make_double(column);
			literal = prep_number(value);
			ecml_json_number(learnt(column), "impute", value);
		}
		else if (column->impute == IMPUTE_MOST_FREQUENT)
		{
			literal = prep_literal(modes[i], getBaseType(column->type));
			ecml_json_string(learnt(column), "impute", modes[i]);
		}
		else
		{
			literal = constant_literal(column);
			ecml_json_string(learnt(column), "impute", column->constant);
		}
		column->expression = psprintf("COALESCE(%s, %s)", column->expression, literal);
	}
}

/* ------------------------------------------------------------------------------------------------ clip, log1p */

static void
clip(Prep *prep)
{
	bool	   *mask = palloc0(prep->n + 1);
	Wanted	   *wanted = palloc0((prep->n + 1) * sizeof(Wanted));

	for (int i = 0; i < prep->n; i++)
	{
		const PrepColumn *column = &prep->columns[i];

		mask[i] = prep_has(column, STEP_CLIP);
		if (!mask[i])
			continue;
		if (column->clip_iqr || !isnan(column->clip_low))
			want(&wanted[i], column->clip_iqr ? 0.25 : column->clip_low);
		if (column->clip_iqr || !isnan(column->clip_high))
			want(&wanted[i], column->clip_iqr ? 0.75 : column->clip_high);
	}
	(void) describe_columns(prep, mask);
	find_quantiles(prep, wanted);
	for (int i = 0; i < prep->n; i++)
	{
		PrepColumn *column = &prep->columns[i];
		const double *values = wanted[i].values;
		double		low = -INFINITY;
		double		high = INFINITY;
		char	   *e;

		if (!mask[i])
			continue;
		if (column->clip_iqr)
		{
			double		range = values[1] - values[0];

			low = values[0] - 1.5 * range;
			high = values[1] + 1.5 * range;
		}
		else
		{
			if (!isnan(column->clip_low))
				low = *values++;
			if (!isnan(column->clip_high))
				high = *values;
		}
		make_double(column);
		e = column->before_clip = column->expression;
		if (low > -INFINITY)
		{
			e = psprintf("GREATEST(%s, %s)", e, prep_number(low));
			column->lowest = low;
			ecml_json_number(learnt(column), "lower", low);
		}
		if (high < INFINITY)
		{
			e = psprintf("LEAST(%s, %s)", e, prep_number(high));
			ecml_json_number(learnt(column), "upper", high);
		}
		column->clipped = e;
		/* these two functions would make a bound of NULL */
		if (!prep_has(column, STEP_IMPUTE))
			e = psprintf("CASE WHEN s.%s IS NOT NULL THEN %s END", quote_identifier(column->name), e);
		column->expression = e;
	}
}

static void
log1p_columns(Prep *prep)
{
	bool	   *mask = palloc0(prep->n + 1);
	DescribeColumn **found;

	for (int i = 0; i < prep->n; i++)
		mask[i] = prep_has(&prep->columns[i], STEP_LOG1P);
	found = describe_columns(prep, mask);
	for (int i = 0; i < prep->n; i++)
	{
		PrepColumn *column = &prep->columns[i];
		char	   *one = prep_number(1);
		char	   *logarithm;

		if (!mask[i])
			continue;
		if (found[i]->min <= -1)
			not_learnable(column, psprintf("Its least value is %g; log1p needs values above -1.", found[i]->min),
						  "Leave it out of \"log1p\", or clip it.");
		make_double(column);
		logarithm = psprintf("pg_catalog.ln(%s)", operation(one, "+", column->clipped ? column->clipped : column->expression));
		/*
		 * A later value out of range is NULL, not an error of the whole query.  The upper bound of a clip is above
		 * -1, as the least value is, so that it is the value before it that tells.
		 */
		if (!(column->lowest > -1))
			logarithm = psprintf("CASE WHEN %s THEN %s END",
								 operation(column->before_clip ? column->before_clip : column->expression, ">", prep_number(-1)), logarithm);
		else if (!prep_has(column, STEP_IMPUTE))
			logarithm = psprintf("CASE WHEN s.%s IS NOT NULL THEN %s END", quote_identifier(column->name), logarithm);
		column->expression = logarithm;
		ecml_json_bool(learnt(column), "log1p", true);
	}
}

/* ------------------------------------------------------------------------------------------------ bin, scale */

/* Inner edges as scikit-learn's KBinsDiscretizer has them: those of bins narrower than 1e-8 are left out. */
static void
bin(PrepColumn *column, const DescribeColumn *found, const double *quantiles)
{
	double	   *edges = palloc((column->bins + 1) * sizeof(double));
	StringInfoData array;
	int			n = 0;

	if (!isfinite(found->max - found->min))
		not_learnable(column, "Its range is too large for a number.", "Divide its values in the source, or clip them.");
	initStringInfo(&array);
	for (int k = 0; k <= column->bins; k++)
	{
		if (quantiles && (k == 0 || quantiles[k] - quantiles[k - 1] > 1e-8))
			edges[n++] = quantiles[k];
		/* a constant has one bin */
		if (!quantiles && (k == 0 || found->max > found->min))
			edges[n++] = k == column->bins ? found->max : found->min + k * ((found->max - found->min) / column->bins);
	}
	for (int k = 1; k < n - 1; k++)
	{
		char		digits[DOUBLE_SHORTEST_DECIMAL_LEN];

		double_to_shortest_decimal_buf(edges[k], digits);
		appendStringInfo(&array, "%s%s", k > 1 ? "," : "", digits);
	}
	make_double(column);
	column->expression = psprintf("pg_catalog.width_bucket(%s, '{%s}'::pg_catalog.float8[])", column->expression, array.data);
	column->expression_type = INT4OID;
	ecml_json_numbers(learnt(column), "edges", edges, n);
}

static void
scale(PrepColumn *column, const DescribeColumn *found, const double *quartiles)
{
	static const char *const names[] = {"standard", "minmax", "robust"};
	double		n = (double) found->moments.n;
	double		centre;
	double		spread;

	switch (column->scale)
	{
		case SCALE_STANDARD:
			centre = ecml_moments_mean(&found->moments);
			spread = n > 1 ? sqrt(ecml_moments_variance(&found->moments) * ((n - 1) / n)) : 0;
			break;
		case SCALE_MINMAX:
			centre = found->min;
			spread = found->max - found->min;
			break;
		default:
			centre = quartiles[1];
			spread = quartiles[2] - quartiles[0];
			break;
	}
	if (!isfinite(centre) || !isfinite(spread))
		not_learnable(column, "Its values are too large for their spread to be a number.", "Divide them in the source, or clip them.");
	/* as scikit-learn does: a constant becomes 0 */
	if (spread == 0)
		spread = 1;
	make_double(column);
	column->expression = operation(operation(column->expression, "-", prep_number(centre)), "/", prep_number(spread));
	ecml_json_string(learnt(column), "scale", names[column->scale]);
	ecml_json_number(learnt(column), "centre", centre);
	ecml_json_number(learnt(column), "spread", spread);
}

static void
bin_and_scale(Prep *prep)
{
	bool	   *mask = palloc0(prep->n + 1);
	Wanted	   *wanted = palloc0((prep->n + 1) * sizeof(Wanted));
	DescribeColumn **found;

	for (int i = 0; i < prep->n; i++)
	{
		const PrepColumn *column = &prep->columns[i];

		mask[i] = prep_has(column, STEP_BIN) || prep_has(column, STEP_SCALE);
		if (prep_has(column, STEP_BIN) && !column->uniform)
			for (int k = 0; k <= column->bins; k++)
				/* numpy's percentile of numpy's linspace, to the bit */
				want(&wanted[i], k == column->bins ? 1 : k * (100.0 / column->bins) / 100);
		if (prep_has(column, STEP_SCALE) && column->scale == SCALE_ROBUST)
			for (int k = 1; k <= 3; k++)
				want(&wanted[i], 0.25 * k);
	}
	found = describe_columns(prep, mask);
	find_quantiles(prep, wanted);
	for (int i = 0; i < prep->n; i++)
		if (prep_has(&prep->columns[i], STEP_BIN))
			bin(&prep->columns[i], found[i], wanted[i].values);
		else if (prep_has(&prep->columns[i], STEP_SCALE))
			scale(&prep->columns[i], found[i], wanted[i].values);
}

/* ------------------------------------------------------------------------------------------------ categories */

typedef struct Categories
{
	MemoryContext context;
	char	  **texts;
	int			n;
	int			room;
} Categories;

static void
take_category(void *arg, TupleTableSlot *slot)
{
	Categories *categories = arg;
	MemoryContext old = MemoryContextSwitchTo(categories->context);

	if (categories->n == categories->room)
	{
		categories->room = Max(64, 2 * categories->room);
		categories->texts = categories->texts ? repalloc(categories->texts, categories->room * sizeof(char *)) :
			palloc(categories->room * sizeof(char *));
	}
	categories->texts[categories->n++] = TextDatumGetCString(slot->tts_values[0]);
	MemoryContextSwitchTo(old);
}

static void
too_many(const PrepColumn *column, int limit)
{
	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("column \"%s\" has too many categories", column->name),
			 errdetail("There are more than %d.", limit),
			 errhint("Keep the most frequent ones with the option \"top_k\", name it in \"target_encode\", or in \"drop\".")));
}

/* The different values in order: texts by bytes, as Python has them; top: the most frequent only. */
static void
find_categories(const Prep *prep, PrepColumn *column, int limit, int top)
{
	const char *e = column->expression;
	const char *collate = collate_c(column->expression_type);
	Categories	categories = {.context = CurrentMemoryContext};
	EcmlSource	source;
	StringInfoData query;

	initStringInfo(&query);
	appendStringInfo(&query, "SELECT c.v::pg_catalog.text FROM (SELECT %s AS v FROM %s%s%s IS NOT NULL GROUP BY %s ORDER BY %s %s%s LIMIT %d) AS c ORDER BY c.v%s",
					 e, prep->from, prep->where[0] ? psprintf("%s AND ", prep->where) : " WHERE ", e, e,
					 top > 0 ? "pg_catalog.count(*) DESC," : "", e, collate, top > 0 ? top : limit + 1, collate);
	ecml_source_open_parallel(&source, query.data);
	ecml_source_run(&source, take_category, &categories);
	if (categories.n > limit)
		too_many(column, limit);
	column->categories = categories.texts;
	column->ncategories = categories.n;
}

/* Is the text form of values the same in all sessions, and different for different values? */
static bool
text_is_stable(Oid type)
{
	switch (type)
	{
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
		case NAMEOID:
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case BOOLOID:
		case UUIDOID:
			return true;
		default:
			return type_is_enum(type);
	}
}

/* The literal of a jsonb object of what each category stands for; place writes what category number c does. */
static char *
category_map(const PrepColumn *column, void (*place) (StringInfo text, const PrepColumn *column, int c, int width),
			 int width)
{
	StringInfoData text;

	initStringInfo(&text);
	for (int c = 0; c < column->ncategories; c++)
	{
		appendStringInfoString(&text, c > 0 ? ", " : "{");
		escape_json(&text, column->categories[c]);
		appendStringInfoString(&text, ": ");
		place(&text, column, c, width);
	}
	appendStringInfoString(&text, column->ncategories > 0 ? "}" : "{}");
	return psprintf("%s::pg_catalog.jsonb", quote_literal_cstr(text.data));
}

static void
append_code(StringInfo text, const PrepColumn *column, int c, int width)
{
	appendStringInfo(text, "%d", c);
}

/* The literal of an array of the categories. */
static char *
category_array(const PrepColumn *column)
{
	StringInfoData text;

	initStringInfo(&text);
	for (int c = 0; c < column->ncategories; c++)
	{
		appendStringInfoString(&text, c > 0 ? ",\"" : "\"");
		for (const char *s = column->categories[c]; *s; s++)
		{
			if (*s == '"' || *s == '\\')
				appendStringInfoChar(&text, '\\');
			appendStringInfoChar(&text, *s);
		}
		appendStringInfoChar(&text, '"');
	}
	return psprintf("%s::%s[]", quote_literal_cstr(psprintf("{%s}", text.data)), type_name(getBaseType(column->type)));
}

/* A category given by the option must be a value of the type. */
static void
check_categories(PrepColumn *column)
{
	EcmlDict   *seen = ecml_dict_create(CurrentMemoryContext);

	if (column->ncategories > MAX_CODES)
		too_many(column, MAX_CODES);
	for (int c = 0; c < column->ncategories; c++)
	{
		check_value(column, column->categories[c], getBaseType(column->type));
		if (ecml_dict_add(seen, column->categories[c], strlen(column->categories[c])) < c)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("value \"%s\" stands twice in option \"ordinal\"", column->categories[c]),
					 errdetail("It is of column \"%s\".", column->name),
					 errhint("Name each value once.")));
	}
}

static void
ordinal(Prep *prep, PrepColumn *column)
{
	Oid			type = getBaseType(column->type);

	if (column->categories_given)
		check_categories(column);
	else
		find_categories(prep, column, MAX_CODES, 0);
	ecml_json_strings(learnt(column), "categories", (const char *const *) column->categories, column->ncategories);
	/* a map is searched by halves, an array from its beginning; but values given may be written in other ways, as yes for true */
	if (text_is_stable(type) && (!column->categories_given || (column->class == PREP_TEXT && type != BPCHAROID)))
		column->expression = psprintf("(%s OPERATOR(pg_catalog.->>) %s::pg_catalog.text)::pg_catalog.int4",
									  category_map(column, append_code, 0), column->expression);
	else
		column->expression = operation(psprintf("pg_catalog.array_position(%s, %s::%s)", category_array(column),
												column->expression, type_name(type)), "-", "1");
	column->expression_type = INT4OID;
}

/* ------------------------------------------------------------------------------------------------ target encoding */

typedef struct Sums
{
	EcmlDict   *categories;
	double	   *count;			/* [rows][folds]; the last row of all categories, and of none */
	double	   *sum;
	int			rows;
	int			folds;
} Sums;

/* A row (category or NULL: all, fold, count, sum). */
static void
take_sums(void *arg, TupleTableSlot *slot)
{
	Sums	   *sums = arg;
	int			row = sums->rows - 1;
	int			place;

	if (slot->tts_isnull[1])
		return;					/* a row without a key is in no fold */
	if (!slot->tts_isnull[0])
	{
		char	   *category = TextDatumGetCString(slot->tts_values[0]);

		row = ecml_dict_find(sums->categories, category, strlen(category));
		if (row < 0)
			return;
	}
	place = row * sums->folds + DatumGetInt32(slot->tts_values[1]);
	sums->count[place] = (double) DatumGetInt64(slot->tts_values[2]);
	sums->sum[place] = DatumGetFloat8(slot->tts_values[3]);
}

/* Means of the target by row of sums: over all folds, then over all but each; drawn to the means of the last row, of all rows. */
static double *
smooth(const Sums *sums, int rows, double smoothing)
{
	int			width = 1 + sums->folds;
	double	   *means = palloc((Size) rows * width * sizeof(double));

	for (int r = rows - 1; r >= 0; r--)
		for (int f = -1; f < sums->folds; f++)
		{
			double		count = 0;
			double		sum = 0;
			double		prior;

			for (int g = 0; g < sums->folds; g++)
				if (g != f)
				{
					count += sums->count[r * sums->folds + g];
					sum += sums->sum[r * sums->folds + g];
				}
			/* all rows in one fold: there is no other to learn from than all */
			prior = r < rows - 1 ? means[(rows - 1) * width + 1 + f] : f >= 0 ? 0 : NAN;
			if (r == rows - 1)
				means[r * width + 1 + f] = count > 0 ? sum / count : prior;
			else
				means[r * width + 1 + f] = count + smoothing > 0 ? (sum + smoothing * prior) / (count + smoothing) : prior;
		}
	return means;
}

static void
append_means(StringInfo text, const PrepColumn *column, int c, int width)
{
	for (int i = 0; i < width; i++)
	{
		char		digits[DOUBLE_SHORTEST_DECIMAL_LEN];

		double_to_shortest_decimal_buf(column->means[c * width + i], digits);
		appendStringInfo(text, "%s%s", i == 0 ? "[" : ", ", digits);
	}
	appendStringInfoChar(text, ']');
}

static void
target_encode(Prep *prep, PrepColumn *column)
{
	const char *target = psprintf("s.%s", quote_identifier(prep->columns[prep->target].name));
	const char *number = prep->columns[prep->target].class == PREP_BOOLEAN ?
		psprintf("%s::pg_catalog.int4::pg_catalog.float8", target) : psprintf("%s::pg_catalog.float8", target);
	const char *fold = psprintf("%s.ecml_fold(s.%s, %d, %d)", prep->schema, quote_identifier(prep->columns[prep->key].name),
								prep->folds, prep->fold_seed);
	const char *where = psprintf("%s %s IS NOT NULL", prep->where[0] ? psprintf("%s AND", prep->where) : " WHERE", target);
	const char *aggregates = psprintf("pg_catalog.count(*), pg_catalog.sum(%s) FROM %s%s", number, prep->from, where);
	Sums		sums = {.categories = ecml_dict_create(CurrentMemoryContext),.folds = prep->folds};
	int			width = 1 + prep->folds;
	EcmlSource	source;
	const double *all;

	if (!text_is_stable(getBaseType(column->type)))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" cannot be used for \"target_encode\"", column->name),
				 errdetail("Its type is %s; the step needs text, an integer, a boolean, an enum or a uuid.", format_type_be(column->type)),
				 errhint("Cast it to text in the source.")));
	find_categories(prep, column, MAX_CODES, 0);
	for (int c = 0; c < column->ncategories; c++)
		(void) ecml_dict_add(sums.categories, column->categories[c], strlen(column->categories[c]));
	sums.rows = column->ncategories + 1;
	sums.count = palloc0((Size) sums.rows * prep->folds * sizeof(double));
	sums.sum = palloc0((Size) sums.rows * prep->folds * sizeof(double));
	ecml_source_open(&source, psprintf("SELECT %s::pg_catalog.text, %s, %s AND %s IS NOT NULL GROUP BY 1, 2 "
									   "UNION ALL SELECT NULL, %s, %s GROUP BY 2",
									   column->expression, fold, aggregates, column->expression, fold, aggregates));
	ecml_source_run(&source, take_sums, &sums);
	column->means = smooth(&sums, sums.rows, prep->smoothing);
	all = &column->means[(sums.rows - 1) * width];
	if (!isfinite(all[0]))
		not_learnable(&prep->columns[prep->target], isnan(all[0]) ? "It is NULL in all rows, or their keys are." : "Its sum is not finite.",
					  "Name a target that is known.");
	ecml_json_int(learnt(column), "categories", column->ncategories);
	ecml_json_number(learnt(column), "mean", all[0]);
	/* element 0: of all rows, for those whose target is not known; then without each fold */
	column->expression = psprintf("COALESCE((%s OPERATOR(pg_catalog.->) %s::pg_catalog.text OPERATOR(pg_catalog.->>) "
								  "CASE WHEN %s IS NULL THEN 0 ELSE 1 OPERATOR(pg_catalog.+) %s END)::pg_catalog.float8, %s)",
								  category_map(column, append_means, width), column->expression, target, fold,
											   prep_number(all[0]));
	column->expression_type = FLOAT8OID;
}

void
prep_learn(Prep *prep)
{
	impute(prep);
	clip(prep);
	log1p_columns(prep);
	bin_and_scale(prep);
	for (int i = 0; i < prep->n; i++)
	{
		PrepColumn *column = &prep->columns[i];

		if (prep_has(column, STEP_ONE_HOT))
		{
			find_categories(prep, column, MAX_ONE_HOT, prep->top_k);
			ecml_json_strings(learnt(column), "categories", (const char *const *) column->categories, column->ncategories);
		}
		else if (prep_has(column, STEP_ORDINAL))
			ordinal(prep, column);
		else if (prep_has(column, STEP_TARGET_ENCODE))
			target_encode(prep, column);
	}
}
