/*
 * rules_sql.c - ecml_tree_rules: the leaves of a tree model as conditions of SQL
 *
 * A condition is one that a WHERE takes: columns are quoted where they must be, bounds are literals in the column's own terms.  A
 * literal of a date or timestamp has no type and says its zone, so that it fits date, timestamp (which ignores the zone) and
 * timestamp with time zone; one of an address is an address.  Where a NULL comes to the leaf, the condition says so.
 */
#include "core/compat.h"

#include <float.h>
#include <math.h>

#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

#include "core/error.h"
#include "core/host.h"
#include "core/result.h"
#include "core/serve.h"
#include "tree/tree_forest.h"

extern const EcmlAlgorithm ecml_algorithm_decision_tree;
extern const EcmlAlgorithm ecml_algorithm_random_forest;

/* ---------------------------------------------------------------- literals */

/* Seconds since 2000-01-01: the last microsecond up to them. */
static char *
time_literal(double seconds)
{
	double		microseconds = floor(seconds * 1e6);
	struct pg_tm tm;
	fsec_t		fsec;
	char		buffer[MAXDATELEN + 1];

	if (microseconds < (double) MIN_TIMESTAMP)
		return pstrdup("'-infinity'");
	if (microseconds >= (double) END_TIMESTAMP || timestamp2tm((Timestamp) microseconds, NULL, &tm, &fsec, NULL, NULL) != 0)
		return pstrdup("'infinity'");
	tm.tm_isdst = 0;			/* else no zone is written */
	EncodeDateTime(&tm, fsec, true, 0, NULL, USE_ISO_DATES, buffer);
	return psprintf("'%s'", buffer);
}

static char *
interval_literal(double seconds)
{
	char	   *text = psprintf("%.6f", floor(seconds * 1e6) / 1e6);
	size_t		length = strlen(text);

	while (text[length - 1] == '0')
		text[--length] = '\0';
	if (text[length - 1] == '.')
		text[--length] = '\0';
	return psprintf("INTERVAL '%s seconds'", text);
}

/* An address as a number: IPv4 in 32 bits, of IPv6 the first 64 bits. */
static char *
address_literal(double number)
{
	uint64		v = number <= 0 ? 0 : number >= 18446744073709551615.0 ? PG_UINT64_MAX : (uint64) floor(number);

	if (v <= PG_UINT32_MAX)
		return psprintf("'%u.%u.%u.%u'", (unsigned) (v >> 24), (unsigned) (v >> 16 & 255), (unsigned) (v >> 8 & 255),
						(unsigned) (v & 255));
	return psprintf("'%x:%x:%x:%x:ffff:ffff:ffff:ffff'", (unsigned) (v >> 48), (unsigned) (v >> 32 & 65535),
					(unsigned) (v >> 16 & 65535), (unsigned) (v & 65535));
}

static char *
literal(EcmlKind kind, double bound)
{
	switch (kind)
	{
		case ECML_TIME:
			return time_literal(bound);
		case ECML_INTERVAL:
			return interval_literal(bound);
		case ECML_INET:
			return address_literal(bound);
		default:
			return DatumGetCString(DirectFunctionCall1(float8out, Float8GetDatum(bound)));
	}
}

/* ---------------------------------------------------------------- conditions */

/* The column, or the element of an array. */
static char *
expression(const EcmlFeature *feature)
{
	char	   *column = ecml_feature_column(feature);

	if (feature->element > 0)
		return psprintf("%s[%d]", quote_identifier(column), feature->element);
	return pstrdup(quote_identifier(column));
}

/* Does a NULL come here?  That depends on what the model does with it. */
static bool
takes_null(const EcmlSchema *schema, const EcmlFeature *feature, const TreeCondition *condition)
{
	switch (schema->missing)
	{
		case ECML_MISSING_NATIVE:
			return condition->missing;
		case ECML_MISSING_IMPUTE:
			if (isnan(feature->fill))
				return condition->missing;
			if (condition->allowed)
				return feature->fill >= 0 && feature->fill < feature->ncategories &&
					condition->allowed[(int) feature->fill / 32] >> ((int) feature->fill % 32) & 1;
			return feature->fill > condition->low && feature->fill <= condition->high;
		default:
			return false;
	}
}

/* Append the condition, if it is one; null: NULL comes here. */
static void
put_condition(StringInfo out, const EcmlFeature *feature, const TreeCondition *condition, bool null, const char *column)
{
	StringInfoData text;
	bool		lower = condition->low > -DBL_MAX;
	bool		upper = condition->high < DBL_MAX;
	bool		many = false;	/* has an AND in it */

	initStringInfo(&text);
	if (condition->allowed)
	{
		/* what was not seen in training comes, or does not, with what is missing */
		bool		listed = !condition->missing;
		int			n = 0;

		for (int c = 0; c < feature->ncategories; c++)
			if ((condition->allowed[c / 32] >> (c % 32) & 1) == listed)
			{
				appendStringInfoString(&text, n++ == 0 ? "" : ", ");
				appendStringInfoString(&text, quote_literal_cstr(feature->categories[c]));
			}
		if (n == 0)
		{
			/* any category at all, or none */
			resetStringInfo(&text);
			if (listed)
				appendStringInfoString(&text, "false");
			else if (!null)
				appendStringInfo(&text, "%s IS NOT NULL", column);
		}
		else
		{
			char	   *list = pstrdup(text.data);

			resetStringInfo(&text);
			appendStringInfo(&text, "%s %s (%s)", column, listed ? "IN" : "NOT IN", list);
		}
	}
	else if (feature->kind == ECML_BOOLEAN)
	{
		bool		no = condition->low < 0 && condition->high >= 0;
		bool		yes = condition->low < 1 && condition->high >= 1;

		if (no != yes)
		{
			appendStringInfo(&text, null ? "%s IS NOT %s" : "%s IS %s", column, yes != null ? "TRUE" : "FALSE");
			null = false;
		}
		else if (!yes)
			appendStringInfoString(&text, "false");
		else if (!null)
			appendStringInfo(&text, "%s IS NOT NULL", column);
	}
	else if (condition->low >= DBL_MAX || condition->low >= condition->high)
		appendStringInfoString(&text, "false");
	else if (lower || upper)
	{
		if (lower)
			appendStringInfo(&text, "%s > %s", column, literal(feature->kind, condition->low));
		if (lower && upper)
			appendStringInfoString(&text, " AND ");
		if (upper)
			appendStringInfo(&text, "%s <= %s", column, literal(feature->kind, condition->high));
		many = lower && upper;
	}
	else if (!null)
		appendStringInfo(&text, "%s IS NOT NULL", column);
	if (text.len == 0)
		return;
	if (out->len > 0)
		appendStringInfoString(out, " AND ");
	if (null && strcmp(text.data, "false") == 0)
		appendStringInfo(out, "%s IS NULL", column);
	else if (null)
		appendStringInfo(out, many ? "((%s) OR %s IS NULL)" : "(%s OR %s IS NULL)", text.data, column);
	else
		appendStringInfoString(out, text.data);
}

/* ---------------------------------------------------------------- rows */

typedef struct Rules
{
	EcmlRows   *rows;
	const EcmlModel *model;
	const TreeForest *forest;
	MemoryContext scratch;		/* of a row */
	char	  **columns;		/* [nfeatures] expressions */
} Rules;

static void
add_rule(void *arg, const TreeRule *rule)
{
	Rules	   *rules = arg;
	const EcmlSchema *schema = rules->model->schema;
	const TreeForest *forest = rules->forest;
	MemoryContext old = MemoryContextSwitchTo(rules->scratch);
	bool		shares = schema->nclasses > 0 && (rules->model->algorithm == &ecml_algorithm_decision_tree ||
												  rules->model->algorithm == &ecml_algorithm_random_forest);
	StringInfoData text;
	Datum		values[9];
	bool		nulls[9] = {false};
	int			class = -1;

	CHECK_FOR_INTERRUPTS();
	initStringInfo(&text);
	for (int i = 0; i < rule->nconditions; i++)
	{
		const TreeCondition *condition = &rule->conditions[i];
		const EcmlFeature *feature = &schema->features[condition->feature];

		put_condition(&text, feature, condition, takes_null(schema, feature, condition), rules->columns[condition->feature]);
	}
	values[0] = Int32GetDatum(rule->tree + 1);
	values[1] = Int32GetDatum(rule->node);
	values[2] = Int32GetDatum(rule->depth);
	values[3] = CStringGetTextDatum(text.len > 0 ? text.data : "true");
	ecml_set_number(values, nulls, 4, rule->value[0]);
	nulls[5] = true;
	nulls[6] = true;
	if (shares)
	{
		EcmlJson   *json = ecml_json_object();
		double		best = -1;

		for (int k = 0; k < schema->nclasses; k++)
		{
			double		p = forest->outputs > 1 ? rule->value[k] : k == 1 ? rule->value[0] : 1 - rule->value[0];

			ecml_json_number(json, schema->classes[k], p);
			if (p > best)
			{
				best = p;
				class = k;
			}
		}
		if (forest->outputs > 1)
			ecml_set_number(values, nulls, 4, best);
		values[6] = JsonbPGetDatum(ecml_json_finish(json));
		nulls[6] = false;
	}
	else if (schema->nclasses > 0)
		/* boosting: the class whose score the tree adds to */
		class = forest->outputs > 1 ? rule->tree % forest->outputs : 1;
	if (class >= 0)
	{
		values[5] = CStringGetTextDatum(schema->classes[class]);
		nulls[5] = false;
	}
	ecml_set_number(values, nulls, 7, rule->share);
	ecml_set_number(values, nulls, 8, rule->cover);
	ecml_rows_add(rules->rows, values, nulls);
	MemoryContextSwitchTo(old);
	MemoryContextReset(rules->scratch);
}

static bool
has_trees(const EcmlAlgorithm *algorithm)
{
	return algorithm->trees != NULL;
}

/* ecml_tree_rules(model, tree int4): rows tree, node, depth, condition, prediction, class, probabilities, share, cover */
ECML_MODEL_FUNCTION(ecml_tree_rules)
{
	EcmlRows   *rows = ecml_rows_begin(fcinfo);
	EcmlModel  *model = PG_ARGISNULL(0) ? NULL : ecml_serving_model(fcinfo, by_name);
	MemoryContext context;
	Rules		rules;
	EcmlCtx		ctx;
	EcmlServerHost host;
	int			from = 0;
	int			to;

	if (model == NULL)
		return (Datum) 0;
	rules.forest = model->algorithm->trees ? model->algorithm->trees(model->fitted) : NULL;
	if (rules.forest == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("ecml_tree_rules needs a model of trees"),
				 errdetail("The model's algorithm is %s%s.", model->algorithm->name,
						   model->algorithm->trees ? ", whose splits are not on single columns" : ""),
				 errhint("Algorithms with trees: %s.", ecml_algorithm_list(has_trees))));
	to = rules.forest->ntrees;
	if (!PG_ARGISNULL(1))
	{
		int			tree = PG_GETARG_INT32(1);

		if (tree < 1 || tree > rules.forest->ntrees)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("the model has no tree %d", tree),
					 errdetail("It has %d.", rules.forest->ntrees),
					 errhint("Give a number from 1 on, or leave it out to see all trees.")));
		from = tree - 1;
		to = tree;
	}
	context = AllocSetContextCreate(CurrentMemoryContext, "ecml tree rules", ALLOCSET_DEFAULT_SIZES);
	rules.rows = rows;
	rules.model = model;
	rules.scratch = AllocSetContextCreate(context, "ecml tree rule", ALLOCSET_DEFAULT_SIZES);
	rules.columns = MemoryContextAlloc(context, (model->schema->nfeatures + 1) * sizeof(char *));
	for (int j = 0; j < model->schema->nfeatures; j++)
		rules.columns[j] = expression(&model->schema->features[j]);
	ecml_host_init(&ctx, &host, context, 0, 0);
	for (int t = from; t < to; t++)
		tree_forest_rules(&ctx, rules.forest, t, true, add_rule, &rules);
	MemoryContextDelete(context);
	return (Datum) 0;
}
