/*
 * prepare_options_sql.c - the options of ecml_prepare: which step is done to which column
 *
 * Most options are lists or objects by column, which the typed lists of core/options.h do not know.
 */
#include "core/compat.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "pgtime.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"

#include "core/error.h"
#include "core/json.h"
#include "num/ctx.h"
#include "prep/prepare_sql.h"

const char *const prep_step_names[STEPS + 1] = {"drop", "keep", "dropna", "impute", "clip", "log1p", "bin", "scale",
"date_parts", "one_hot", "ordinal", "target_encode", NULL};

const char *const prep_date_parts[PREP_DATE_PARTS + 1] = {"year", "quarter", "month", "week", "day", "dow", "hour",
"is_weekend", NULL};

static const char *const impute_names[] = {"mean", "median", "most_frequent", NULL};
static const char *const scale_names[] = {"standard", "minmax", "robust", NULL};
static const char *const strategy_names[] = {"quantile", "uniform", NULL};

bool
prep_has(const PrepColumn *column, PrepStep step)
{
	return (column->steps & (1u << step)) != 0;
}

/* ------------------------------------------------------------------------------------------------ JSON */

/* words: what may have been meant, ended by NULL; or NULL */
static void ECML_NORETURN
reject_word(const char *option, JsonbValue *value, const char *const *words, const char *right)
{
	const char *nearest = NULL;
	int			n = 0;

	while (words && words[n])
		n++;
	if (value->type == jbvString)
		nearest = ecml_error_nearest(pnstrdup(value->val.string.val, value->val.string.len), words, n);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid value for option \"%s\" of ecml_prepare", option),
			 errdetail("The value is %s.", ecml_json_value_text(value)),
			 errhint("%sIt must be %s.", ecml_error_perhaps(nearest), right)));
	pg_unreachable();
}

static void ECML_NORETURN
reject(const char *option, JsonbValue *value, const char *right)
{
	reject_word(option, value, NULL, right);
}

static bool
is_array(const JsonbValue *value)
{
	return value->type == jbvBinary && JsonContainerIsArray(value->val.binary.data) &&
		!JsonContainerIsScalar(value->val.binary.data);
}

static bool
is_object(const JsonbValue *value)
{
	return value->type == jbvBinary && JsonContainerIsObject(value->val.binary.data);
}

static char *
string_of(const JsonbValue *value)
{
	return pnstrdup(value->val.string.val, value->val.string.len);
}

static bool
number_of(const JsonbValue *value, double *result)
{
	if (value->type != jbvNumeric)
		return false;
	*result = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, NumericGetDatum(value->val.numeric)));
	return isfinite(*result);
}

static double
number_in(const char *option, JsonbValue *value, double low, double high, bool integer)
{
	double		x;

	if (!number_of(value, &x) || x < low || x > high || (integer && x != rint(x)))
		reject(option, value, psprintf("%s from %g to %g", integer ? "an integer" : "a number", low, high));
	return x;
}

static bool
bool_of(const char *option, JsonbValue *value)
{
	if (value->type != jbvBool)
		reject(option, value, "true or false");
	return value->val.boolean;
}

/* The number of the word among choices; -1: it is none of them. */
static int
word_of(const JsonbValue *value, const char *const *choices)
{
	if (value->type == jbvString)
		for (int i = 0; choices[i]; i++)
			if ((int) strlen(choices[i]) == value->val.string.len &&
				memcmp(choices[i], value->val.string.val, value->val.string.len) == 0)
				return i;
	return -1;
}

static int
choice_of(const char *option, JsonbValue *value, const char *const *choices)
{
	int			n = 0;
	int			i = word_of(value, choices);

	while (choices[n])
		n++;
	if (i < 0)
		reject_word(option, value, choices, psprintf("one of: %s", ecml_error_list(choices, n)));
	return i;
}

typedef void (*Element) (Prep *prep, const char *option, const char *key, JsonbValue *value);

/* Each element of an array (key NULL) or object. */
static void
each(Prep *prep, const char *option, JsonbContainer *container, Element element)
{
	JsonbIterator *iterator = JsonbIteratorInit(container);
	JsonbIteratorToken token;
	JsonbValue	value;
	char	   *key = NULL;

	token = JsonbIteratorNext(&iterator, &value, false);	/* the beginning */
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			key = string_of(&value);
		else if (token == WJB_VALUE || token == WJB_ELEM)
			element(prep, option, token == WJB_VALUE ? key : NULL, &value);
	}
}

static void
unknown_key(const char *what, const char *key, JsonbValue *value, const char *const *known)
{
	int			n = 0;

	while (known[n])
		n++;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown option \"%s\" for %s", key, what),
			 errdetail("Its value is %s.", ecml_json_value_text(value)),
			 errhint("%sKnown options: %s.", ecml_error_perhaps(ecml_error_nearest(key, known, n)), ecml_error_list(known, n))));
}

/* ------------------------------------------------------------------------------------------------ columns */

static PrepColumn *
column_named(Prep *prep, const char *option, const char *name)
{
	return &prep->columns[ecml_source_column(prep->source, name, option)];
}

/* A column that an option names takes part in a step. */
static PrepColumn *
give(Prep *prep, PrepStep step, const char *name)
{
	PrepColumn *column = column_named(prep, prep_step_names[step], name);

	if (column->given & (1u << step))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("column \"%s\" stands twice in option \"%s\"", name, prep_step_names[step]),
				 errdetail("A step is done once to a column."),
				 errhint("Name it once.")));
	column->steps |= 1u << step;
	column->given |= 1u << step;
	return column;
}

static void
wrong_type(const PrepColumn *column, PrepStep step, const char *wanted)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("column \"%s\" cannot be used for \"%s\"", column->name, prep_step_names[step]),
			 errdetail("Its type is %s; the step needs %s.", format_type_be(column->type), wanted),
			 errhint("Leave it out, or cast it in the source.")));
}

static void
needs_number(const PrepColumn *column, PrepStep step)
{
	if (column->class != PREP_NUMBER)
		wrong_type(column, step, "a number");
}

/* A step for all columns of a kind that nothing else is said of. */
static bool
free_number(const PrepColumn *column)
{
	const uint32 others = 1u << STEP_DROP | 1u << STEP_KEEP | 1u << STEP_BIN | 1u << STEP_ONE_HOT | 1u << STEP_ORDINAL |
		1u << STEP_TARGET_ENCODE;

	return column->class == PREP_NUMBER && !(column->steps & others);
}

static PrepStep
step_named(const char *option)
{
	int			step = 0;

	while (strcmp(prep_step_names[step], option) != 0)
		step++;
	return step;
}

/* An element of a list of columns. */
static void
listed(Prep *prep, const char *option, const char *key, JsonbValue *value)
{
	PrepStep	step = step_named(option);
	PrepColumn *column;

	if (value->type != jbvString)
		reject(option, value, "a list of names of columns");
	column = give(prep, step, string_of(value));
	if (step == STEP_LOG1P)
		needs_number(column, step);
	if (step == STEP_ONE_HOT)
		prep->one_hot[prep->none_hot++] = column - prep->columns;
	if (step == STEP_DATE_PARTS)
		column->parts = 0;		/* those that its type has */
}

static void
list_of(Prep *prep, const char *option, JsonbValue *value)
{
	if (!is_array(value))
		reject(option, value, "a list of names of columns");
	each(prep, option, value->val.binary.data, listed);
}

/* ------------------------------------------------------------------------------------------------ one option each */

static void
impute_column(Prep *prep, const char *option, const char *key, JsonbValue *value)
{
	PrepColumn *column = give(prep, STEP_IMPUTE, key);
	int			word = word_of(value, impute_names);

	if (is_object(value))
	{
		JsonbValue	buffer;
		JsonbValue *constant = getKeyJsonValueFromContainer(value->val.binary.data, "constant", 8, &buffer);

		if (constant == NULL || JsonContainerSize(value->val.binary.data) != 1 || constant->type == jbvNull ||
			constant->type == jbvBinary)
			reject(option, value, "mean, median, most_frequent, or {\"constant\": value}");
		column->impute = IMPUTE_CONSTANT;
		column->constant = constant->type == jbvString ? string_of(constant) : ecml_json_value_text(constant);
		return;
	}
	if (word < 0)
		reject_word(option, value, impute_names, "mean, median, most_frequent, or {\"constant\": value}");
	column->impute = word;
	if (column->impute != IMPUTE_MOST_FREQUENT)
		needs_number(column, STEP_IMPUTE);
}

static void
impute_all(Prep *prep, JsonbValue *value)
{
	int			word = word_of(value, impute_names);

	if (word < 0)
		reject_word("impute", value, impute_names, "mean, median, most_frequent, or an object of these by column");
	for (int i = 0; i < prep->n; i++)
	{
		PrepColumn *column = &prep->columns[i];

		if ((column->steps & (1u << STEP_DROP | 1u << STEP_KEEP)) || (column->given & 1u << STEP_DROPNA))
			continue;
		if (word == IMPUTE_MOST_FREQUENT ? column->class == PREP_OTHER : column->class != PREP_NUMBER)
			continue;
		column->steps |= 1u << STEP_IMPUTE;
		column->impute = word;
	}
}

static void
was_missing_column(Prep *prep, const char *option, const char *key, JsonbValue *value)
{
	PrepColumn *column;

	if (value->type != jbvString)
		reject(option, value, "true, false, or a list of names of columns");
	column = column_named(prep, option, string_of(value));
	column->was_missing = column->was_missing_given = true;
	if (!prep_has(column, STEP_IMPUTE))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("column \"%s\" of option \"was_missing\" is not imputed", column->name),
				 errdetail("Its missing values stay NULL."),
				 errhint("Name it in the option \"impute\", too.")));
}

static bool
is_bounds(JsonbValue *value)
{
	JsonbValue	buffer;
	double		x;
	JsonbValue *low = getKeyJsonValueFromContainer(value->val.binary.data, "lower", 5, &buffer);
	JsonbValue	buffer2;
	JsonbValue *high;

	if (low && !number_of(low, &x))
		return false;
	high = getKeyJsonValueFromContainer(value->val.binary.data, "upper", 5, &buffer2);
	if (high && !number_of(high, &x))
		return false;
	return low || high;
}

static void
set_clip(PrepColumn *column, JsonbValue *value)
{
	static const char *const right = "\"iqr\", or {\"lower\": quantile, \"upper\": quantile}, of 0 to 1";
	int			keys = 0;
	JsonbValue	buffer;
	JsonbValue *bound;

	column->clip_low = column->clip_high = NAN;
	if (word_of(value, (const char *const[]) {"iqr", NULL}) == 0)
	{
		column->clip_iqr = true;
		return;
	}
	if (!is_object(value))
		reject("clip", value, right);
	bound = getKeyJsonValueFromContainer(value->val.binary.data, "lower", 5, &buffer);
	if (bound)
	{
		column->clip_low = number_in("lower", bound, 0, 1, false);
		keys++;
	}
	bound = getKeyJsonValueFromContainer(value->val.binary.data, "upper", 5, &buffer);
	if (bound)
	{
		column->clip_high = number_in("upper", bound, 0, 1, false);
		keys++;
	}
	if (keys == 0 || keys != (int) JsonContainerSize(value->val.binary.data) || column->clip_low > column->clip_high)
		reject("clip", value, right);
}

static void
clip_column(Prep *prep, const char *option, const char *key, JsonbValue *value)
{
	PrepColumn *column = give(prep, STEP_CLIP, key);

	needs_number(column, STEP_CLIP);
	set_clip(column, value);
}

static void
bin_column(Prep *prep, const char *option, const char *key, JsonbValue *value)
{
	PrepColumn *column = give(prep, STEP_BIN, key);
	JsonbValue	buffer;
	JsonbValue *part;
	int			keys = 0;

	needs_number(column, STEP_BIN);
	column->bins = 5;
	if (!is_object(value))
	{
		column->bins = (int) number_in("bin", value, 2, 1000, true);
		return;
	}
	if ((part = getKeyJsonValueFromContainer(value->val.binary.data, "bins", 4, &buffer)) != NULL)
	{
		column->bins = (int) number_in("bins", part, 2, 1000, true);
		keys++;
	}
	if ((part = getKeyJsonValueFromContainer(value->val.binary.data, "strategy", 8, &buffer)) != NULL)
	{
		column->uniform = choice_of("strategy", part, strategy_names) == 1;
		keys++;
	}
	if (keys != (int) JsonContainerSize(value->val.binary.data))
		reject("bin", value, "a number of bins, or {\"bins\": number, \"strategy\": \"quantile\" or \"uniform\"}");
}

static void
scale_column(Prep *prep, const char *option, const char *key, JsonbValue *value)
{
	PrepColumn *column = give(prep, STEP_SCALE, key);

	needs_number(column, STEP_SCALE);
	column->scale = choice_of(option, value, scale_names);
}

static void
date_part(Prep *prep, const char *option, const char *key, JsonbValue *value)
{
	prep->current->parts |= 1u << choice_of("date_parts", value, prep_date_parts);
}

static void
date_parts_column(Prep *prep, const char *option, const char *key, JsonbValue *value)
{
	prep->current = give(prep, STEP_DATE_PARTS, key);
	if (!is_array(value) || JsonContainerSize(value->val.binary.data) == 0)
		reject(option, value, psprintf("a list of: %s", ecml_error_list(prep_date_parts, PREP_DATE_PARTS)));
	each(prep, option, value->val.binary.data, date_part);
}

static void
ordinal_column(Prep *prep, const char *option, const char *key, JsonbValue *value)
{
	PrepColumn *column = give(prep, STEP_ORDINAL, key);
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	element;

	if (!is_array(value) || JsonContainerSize(value->val.binary.data) == 0)
		reject(option, value, "a list of names of columns, or an object of lists of values by column");
	column->categories = palloc(JsonContainerSize(value->val.binary.data) * sizeof(char *));
	column->categories_given = true;
	iterator = JsonbIteratorInit(value->val.binary.data);
	while ((token = JsonbIteratorNext(&iterator, &element, true)) != WJB_DONE)
	{
		if (token != WJB_ELEM)
			continue;
		if (element.type == jbvNull || element.type == jbvBinary)
			reject(option, value, "a list of values, none of them null");
		column->categories[column->ncategories++] = element.type == jbvString ? string_of(&element) :
			ecml_json_value_text(&element);
	}
}

static void
target_encode_key(Prep *prep, const char *option, const char *key, JsonbValue *value)
{
	static const char *const known[] = {"columns", "target", "key", "folds", "smoothing", "seed", NULL};

	if (strcmp(key, "columns") == 0)
		list_of(prep, "target_encode", value);
	else if (strcmp(key, "target") == 0 || strcmp(key, "key") == 0)
	{
		int			number;

		if (value->type != jbvString)
			reject(key, value, "the name of a column");
		number = ecml_source_column(prep->source, string_of(value), key);
		if (key[0] == 't')
			prep->target = number;
		else
			prep->key = number;
	}
	else if (strcmp(key, "folds") == 0)
		prep->folds = (int) number_in(key, value, 2, 100, true);
	else if (strcmp(key, "smoothing") == 0)
		prep->smoothing = number_in(key, value, 0, 1e9, false);
	else if (strcmp(key, "seed") == 0)
		prep->fold_seed = (int) number_in(key, value, 0, PG_INT32_MAX, true);
	else
		unknown_key("target_encode", key, value, known);
}

static void
target_encode(Prep *prep, JsonbValue *value)
{
	PrepColumn *target;

	prep->folds = 5;
	prep->smoothing = 10;
	if (!is_object(value))
		reject("target_encode", value, "an object with columns, target and key");
	each(prep, "target_encode", value->val.binary.data, target_encode_key);
	if (prep->target < 0 || prep->key < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"target_encode\" needs a %s", prep->target < 0 ? "target" : "key"),
				 errdetail("The target is what is averaged; the key tells which fold a row is in."),
				 errhint("Give, for example, {\"columns\": [\"city\"], \"target\": \"bought\", \"key\": \"customer_id\"}.")));
	target = &prep->columns[prep->target];
	if (target->class != PREP_NUMBER && target->class != PREP_BOOLEAN)
		wrong_type(target, STEP_TARGET_ENCODE, "a number or boolean as target");
	prep->columns[prep->key].steps |= 1u << STEP_KEEP;
	target->steps |= 1u << STEP_KEEP;
}

/* ------------------------------------------------------------------------------------------------ all together */

/* With which other steps a step goes together. */
static uint32
goes_with(PrepStep step)
{
	const uint32 numbers = 1u << STEP_IMPUTE | 1u << STEP_CLIP | 1u << STEP_LOG1P;

	switch (step)
	{
		case STEP_DROP:
		case STEP_KEEP:
			return 1u << STEP_DROPNA;
		case STEP_DROPNA:
			return ~(1u << STEP_IMPUTE);
		case STEP_IMPUTE:
			return ~(1u << STEP_DROP | 1u << STEP_KEEP | 1u << STEP_DROPNA);
		case STEP_CLIP:
		case STEP_LOG1P:
			return numbers | 1u << STEP_DROPNA | 1u << STEP_BIN | 1u << STEP_SCALE | 1u << STEP_ONE_HOT;
		case STEP_BIN:
			return numbers | 1u << STEP_DROPNA | 1u << STEP_ONE_HOT;
		case STEP_SCALE:
			return numbers | 1u << STEP_DROPNA;
		case STEP_ONE_HOT:
			return numbers | 1u << STEP_DROPNA | 1u << STEP_BIN;
		default:
			return 1u << STEP_DROPNA | 1u << STEP_IMPUTE;
	}
}

static void
check_conflicts(const Prep *prep)
{
	const PrepColumn *target = prep->target < 0 ? NULL : &prep->columns[prep->target];

	if (target && (target->given & ~(1u << STEP_DROP | 1u << STEP_KEEP | 1u << STEP_DROPNA)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the target \"%s\" must stay as it is", target->name),
				 errdetail("Another option names it."),
				 errhint("Take it out of the other options.")));
	for (int i = 0; i < prep->n; i++)
	{
		const PrepColumn *column = &prep->columns[i];

		for (int a = 0; a < STEPS; a++)
			for (int b = a + 1; b < STEPS; b++)
				if ((column->given >> a & 1) && (column->given >> b & 1) && !(goes_with(a) >> b & 1))
					ereport(ERROR,
							(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							 errmsg("column \"%s\" stands in both \"%s\" and \"%s\"", column->name, prep_step_names[a],
									prep_step_names[b]),
							 errdetail("These steps exclude each other."),
							 errhint("Name the column in one of them; a source that is a query can give it twice under two names.")));
	}
}

/* What the types of columns decide. */
static void
settle_columns(Prep *prep)
{
	for (int i = 0; i < prep->n; i++)
	{
		PrepColumn *column = &prep->columns[i];

		if (column->steps & (1u << STEP_ONE_HOT | 1u << STEP_ORDINAL | 1u << STEP_TARGET_ENCODE))
			prep_equal(column->type);
		if (prep_has(column, STEP_DATE_PARTS))
		{
			if (column->class != PREP_TIME)
				wrong_type(column, STEP_DATE_PARTS, "a date or timestamp");
			if (column->parts == 0)
				column->parts = (1u << PREP_DATE_PARTS) - 1;
			if (getBaseType(column->type) == DATEOID)
				column->parts &= ~(1u << 6);	/* a date has no hour */
		}
	}
}

typedef struct OptionKey
{
	const char *name;
	JsonbValue	value;
	bool		given;
} OptionKey;

enum
{
	/* in the order in which they are read: what "all" means depends on those before */
	O_DROP, O_KEEP, O_TARGET_ENCODE, O_ONE_HOT, O_ORDINAL, O_DATE_PARTS, O_BIN, O_DROPNA, O_IMPUTE, O_WAS_MISSING, O_CLIP,
	O_LOG1P, O_SCALE, O_DROP_FIRST, O_TOP_K, O_TIME_ZONE, O_MATERIALIZE, O_REPLACE, O_COUNT
};

static const char *const option_names[O_COUNT + 1] = {"drop", "keep", "target_encode", "one_hot", "ordinal", "date_parts", "bin",
	"dropna", "impute", "was_missing", "clip", "log1p", "scale", "drop_first", "top_k", "time_zone", "materialize",
"replace", NULL};

static void
read_option(Prep *prep, int option, JsonbValue *value)
{
	const char *name = option_names[option];
	JsonbContainer *inside = value->type == jbvBinary ? value->val.binary.data : NULL;

	switch (option)
	{
		case O_DROP:
		case O_KEEP:
		case O_LOG1P:
			list_of(prep, name, value);
			break;
		case O_TARGET_ENCODE:
			target_encode(prep, value);
			break;
		case O_ONE_HOT:
			if (value->type != jbvBool)
				list_of(prep, name, value);
			else if (value->val.boolean)
				for (int i = 0; i < prep->n; i++)
				{
					PrepColumn *column = &prep->columns[i];

					if (column->class == PREP_TEXT && !(column->steps & ~(1u << STEP_DROPNA)))
					{
						column->steps |= 1u << STEP_ONE_HOT;
						prep->one_hot[prep->none_hot++] = i;
					}
				}
			break;
		case O_ORDINAL:
			if (is_object(value))
				each(prep, name, inside, ordinal_column);
			else
				list_of(prep, name, value);
			break;
		case O_DATE_PARTS:
			if (is_object(value))
				each(prep, name, inside, date_parts_column);
			else
				list_of(prep, name, value);
			break;
		case O_BIN:
			if (!is_object(value))
				reject(name, value, "an object by column: a number of bins, or {\"bins\": number, \"strategy\": word}");
			each(prep, name, inside, bin_column);
			break;
		case O_DROPNA:
			if (value->type != jbvBool)
				list_of(prep, name, value);
			else if (value->val.boolean)
				for (int i = 0; i < prep->n; i++)
					if (!prep_has(&prep->columns[i], STEP_DROP))
						prep->columns[i].steps |= 1u << STEP_DROPNA;
			break;
		case O_IMPUTE:
			if (is_object(value))
				each(prep, name, inside, impute_column);
			else
				impute_all(prep, value);
			break;
		case O_WAS_MISSING:
			if (value->type != jbvBool)
			{
				if (!is_array(value))
					reject(name, value, "true, false, or a list of names of columns");
				each(prep, name, inside, was_missing_column);
			}
			else
				for (int i = 0; i < prep->n; i++)
					prep->columns[i].was_missing = value->val.boolean && prep_has(&prep->columns[i], STEP_IMPUTE);
			break;
		case O_CLIP:
			if (is_object(value) && !is_bounds(value))
				each(prep, name, inside, clip_column);
			else
				for (int i = 0; i < prep->n; i++)
					if (free_number(&prep->columns[i]))
					{
						set_clip(&prep->columns[i], value);
						prep->columns[i].steps |= 1u << STEP_CLIP;
					}
			break;
		case O_SCALE:
			if (is_object(value))
				each(prep, name, inside, scale_column);
			else
			{
				int			scale = word_of(value, scale_names);

				if (scale < 0)
					reject_word(name, value, scale_names, "standard, minmax, robust, or an object of these by column");
				for (int i = 0; i < prep->n; i++)
					if (free_number(&prep->columns[i]))
					{
						prep->columns[i].scale = scale;
						prep->columns[i].steps |= 1u << STEP_SCALE;
					}
			}
			break;
		case O_DROP_FIRST:
			prep->drop_first = bool_of(name, value);
			break;
		case O_TOP_K:
			prep->top_k = (int) number_in(name, value, 1, 1600, true);
			break;
		case O_TIME_ZONE:
			if (value->type != jbvString)
				reject(name, value, "the name of a time zone");
			prep->time_zone = string_of(value);
			if (pg_tzset(prep->time_zone) == NULL)
				reject(name, value, "the name of a time zone, such as \"Europe/Paris\"");
			break;
		case O_MATERIALIZE:
			prep->materialize = bool_of(name, value);
			break;
		case O_REPLACE:
			prep->replace = bool_of(name, value);
			break;
	}
}

void
prep_parse_options(Prep *prep, Jsonb *options)
{
	OptionKey	keys[O_COUNT] = {0};
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	value;

	prep->target = prep->key = -1;
	prep->one_hot = palloc((prep->n + 1) * sizeof(int));
	if (options == NULL)
		return;
	if (!JB_ROOT_IS_OBJECT(options))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("options for ecml_prepare must be a JSON object"),
				 errdetail("The value is %s.", ecml_json_text(options)),
				 errhint("Give them as in '{\"impute\": \"median\", \"one_hot\": true}'.")));
	iterator = JsonbIteratorInit(&options->root);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		char	   *name;
		int			option = 0;

		if (token != WJB_KEY)
			continue;
		name = string_of(&value);
		while (option_names[option] && strcmp(option_names[option], name) != 0)
			option++;
		(void) JsonbIteratorNext(&iterator, &value, true);
		if (option_names[option] == NULL)
			unknown_key("ecml_prepare", name, &value, option_names);
		keys[option].value = value;
		keys[option].given = true;
	}
	/* named columns first, so that "all" leaves them alone */
	for (int pass = 0; pass < 2; pass++)
		for (int option = 0; option < O_COUNT; option++)
		{
			bool		all = option == O_ONE_HOT && keys[option].given && keys[option].value.type == jbvBool;

			if (option < O_DROPNA ? all == (pass == 0) : pass == 0)
				continue;
			if (keys[option].given)
				read_option(prep, option, &keys[option].value);
		}
	if (!prep->time_zone)
		prep->time_zone = pstrdup(pg_get_timezone_name(session_timezone));
	check_conflicts(prep);
	/* a column that is filled has nothing to drop rows for, and neither has one that goes */
	for (int i = 0; i < prep->n; i++)
		if (prep_has(&prep->columns[i], STEP_IMPUTE) && !(prep->columns[i].given & 1u << STEP_DROPNA))
			prep->columns[i].steps &= ~(1u << STEP_DROPNA);
	settle_columns(prep);
}
