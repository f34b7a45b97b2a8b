/*
 * ab_metrics_sql.c - the metrics of an experiment: see ab_metrics_sql.h
 */
#include "core/compat.h"

#include "stats/ab_metrics_sql.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "core/json.h"
#include "core/options.h"
#include "core/roles.h"

static const char *const unit_names[] = {"unit", "user", "customer", "visitor", "session", "id", NULL};	/* and all that end in _id */

static const char *const metric_types[] = {"mean", "sum", "ratio", NULL};

/* A metric as an object describes it. */
typedef struct MetricOptions
{
	int			type;
	char	   *column;
	char	   *denominator;
	char	   *covariate;
} MetricOptions;

static const EcmlOption metric_options[] = {
	ECML_OPT_ENUM(MetricOptions, type, "type", metric_types),
	ECML_OPT_TEXT(MetricOptions, column, "column"),
	ECML_OPT_TEXT(MetricOptions, denominator, "denominator"),
	ECML_OPT_TEXT(MetricOptions, covariate, "covariate"),
	ECML_OPT_END
};

void
ab_open(AbSource *ab, FunctionCallInfo fcinfo, const char *source, const char *unit)
{
	ab->schema = quote_identifier(get_namespace_name(get_func_namespace(fcinfo->flinfo->fn_oid)));
	ecml_source_open(&ab->source, source);
	ab->from = ecml_source_from(source);
	ab->unit = unit ? ecml_source_column(&ab->source, unit, "unit") : -1;
}

const char *
ab_column_name(const AbSource *ab, int column)
{
	return NameStr(TupleDescAttr(ab->source.desc, column)->attname);
}

static bool
is_number(const AbSource *ab, int column)
{
	Oid			type = getBaseType(TupleDescAttr(ab->source.desc, column)->atttypid);

	return type == BOOLOID || type == INT2OID || type == INT4OID || type == INT8OID || type == NUMERICOID || type == FLOAT4OID ||
		type == FLOAT8OID;
}

static void
check_number(const AbSource *ab, int column, const char *what)
{
	if (!is_number(ab, column))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("column \"%s\" cannot be a %s", ab_column_name(ab, column), what),
				 errdetail("Its type is %s.", format_type_be(TupleDescAttr(ab->source.desc, column)->atttypid)),
				 errhint("It must be a number or a boolean.")));
}

bool
ab_is_ratio(const AbSource *ab, const Metric *metric)
{
	return metric->type == METRIC_RATIO || (metric->type == METRIC_MEAN && ab->unit >= 0);
}

/* Does its name say that it tells units apart, and is no metric? */
static bool
is_key(const AbSource *ab, int column)
{
	const char *name = ab_column_name(ab, column);
	size_t		length = strlen(name);

	if (length > 3 && strcmp(name + length - 3, "_id") == 0)
		return true;
	for (int u = 0; unit_names[u]; u++)
		if (strcmp(name, unit_names[u]) == 0)
			return true;
	return false;
}

/* A metric of that name, of the given description (NULL: a mean). */
static Metric
make_metric(const AbSource *ab, const char *name, JsonbValue *given)
{
	MetricOptions options = {0};
	Metric		metric = {.name = name,.denominator = -1,.covariate = -1};
	EcmlOptionSet set = {metric_options, &options};
	const char *what = psprintf("metric \"%s\"", name);

	if (given && given->type == jbvString)
	{
		/* "revenue": "sum" is short for "revenue": {"type": "sum"} */
		EcmlJson   *json = ecml_json_object();

		ecml_json_string(json, "type", pnstrdup(given->val.string.val, given->val.string.len));
		ecml_options_parse(what, ecml_json_finish(json), &set, 1);
	}
	else if (given && given->type == jbvBinary && JsonContainerIsObject(given->val.binary.data))
		ecml_options_parse(what, JsonbValueToJsonb(given), &set, 1);
	else if (given && given->type != jbvNull)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("metric \"%s\" is not described by a type or an object", name),
				 errdetail("It is %s.", ecml_json_value_text(given)),
				 errhint("Give, for example, {\"metrics\": {\"%s\": {\"covariate\": \"%s_before\"}}}.", name, name)));
	metric.column = ecml_source_column(&ab->source, options.column ? options.column : name, "metric");
	check_number(ab, metric.column, "metric");
	if (options.denominator)
	{
		options.type = METRIC_RATIO;
		metric.denominator = ecml_source_column(&ab->source, options.denominator, "denominator");
		check_number(ab, metric.denominator, "denominator");
	}
	if (options.covariate)
	{
		metric.covariate = ecml_source_column(&ab->source, options.covariate, "covariate");
		check_number(ab, metric.covariate, "covariate");
	}
	metric.type = options.type;
	if (metric.type == METRIC_RATIO && metric.denominator < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("metric \"%s\" is a ratio without a denominator", name),
				 errdetail("Its type is ratio."),
				 errhint("Name the column with \"denominator\".")));
	if (metric.type == METRIC_SUM && ab->unit < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("metric \"%s\" is a sum, and there is nothing to sum over", name),
				 errdetail("Its type is sum, and the option \"unit\" is not given."),
				 errhint("Name the column of the unit, such as the customer, with the option \"unit\".")));
	return metric;
}

/* The metrics that are named, or all numbers that have no other part to play. */
void
ab_find_metrics(AbSource *ab, Jsonb *given, const int *taken, int ntaken)
{
	int			n = 0;

	ab->metrics = palloc((ab->source.desc->natts + (given ? JB_ROOT_COUNT(given) : 0) + 1) * sizeof(Metric));
	if (given)
	{
		JsonbIterator *iterator = JsonbIteratorInit(&given->root);
		JsonbIteratorToken token;
		JsonbValue	value;

		while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
		{
			const char *name;

			if (token != WJB_KEY && token != WJB_ELEM)
				continue;
			if (value.type != jbvString)
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("option \"metrics\" must hold names of columns"),
						 errdetail("It holds %s.", ecml_json_value_text(&value)),
						 errhint("Give [\"revenue\", \"orders\"], or {\"revenue\": {\"covariate\": \"revenue_before\"}}.")));
			name = pnstrdup(value.val.string.val, value.val.string.len);
			if (token == WJB_KEY)
				(void) JsonbIteratorNext(&iterator, &value, true);
			ab->metrics[n++] = make_metric(ab, name, token == WJB_KEY ? &value : NULL);
		}
	}
	else
	{
		for (int i = 0; i < ab->source.desc->natts; i++)
		{
			bool		used = TupleDescAttr(ab->source.desc, i)->attisdropped || !is_number(ab, i) || i == ab->unit || is_key(ab, i);

			for (int t = 0; t < ntaken; t++)
				used |= taken[t] == i;
			if (!used)
				ab->metrics[n++] = make_metric(ab, ab_column_name(ab, i), NULL);
		}
	}
	if (n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("there is no metric to report on"),
				 errdetail(given ? "Option \"metrics\" is empty." : "The source has no numbers beside the columns named."),
				 errhint("Name columns that are numbers or booleans with the option \"metrics\".")));
	ab->nmetrics = n;
}

const char *
ab_number_sql(const AbSource *ab, int column)
{
	bool		boolean = getBaseType(TupleDescAttr(ab->source.desc, column)->atttypid) == BOOLOID;

	return psprintf("%s%s::pg_catalog.float8", ecml_role_sql(&ab->source, column), boolean ? "::pg_catalog.int4" : "");
}

void
ab_add_unit_columns(const AbSource *ab, const Metric *metric, int i, StringInfo sql)
{
	const char *y = ab_number_sql(ab, metric->column);

	if (metric->type == METRIC_RATIO)
	{
		const char *x = ab_number_sql(ab, metric->denominator);

		appendStringInfo(sql, ", pg_catalog.sum(%s) FILTER (WHERE %s IS NOT NULL) AS y%d, "
						 "pg_catalog.sum(%s) FILTER (WHERE %s IS NOT NULL) AS x%d", y, x, i, x, y, i);
	}
	else if (metric->type == METRIC_SUM)
		appendStringInfo(sql, ", coalesce(pg_catalog.sum(%s), 0) AS y%d", y, i);
	else
		appendStringInfo(sql, ", pg_catalog.sum(%s) AS y%d, nullif(pg_catalog.count(%s)::pg_catalog.float8, 0) AS x%d", y, i, y, i);
	if (metric->covariate >= 0)
		appendStringInfo(sql, ", pg_catalog.avg(%s) AS c%d", ab_number_sql(ab, metric->covariate), i);
}
