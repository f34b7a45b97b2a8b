/*
 * ab_report_sql.c - ecml_ab_report: what an experiment did to every metric, in all and by segment
 *
 * One query for the whole and one for each segment column gathers mergeable sums by variant (ecml_pair_sums), in parallel where
 * PostgreSQL will; the tests work on the sums (compare.c).  With a unit, rows are added up by unit first, so that the units are
 * what varies: the errors are clustered by them.
 *
 * Cost: 1 + segments scans and aggregations, 88 bytes a group and metric.
 */
#include "core/compat.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "parser/parse_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "core/error.h"
#include "core/json.h"
#include "core/options.h"
#include "core/result.h"
#include "core/roles.h"
#include "core/source.h"
#include "num/dist.h"
#include "stats/compare.h"
#include "stats/experiment_sql.h"

#define MAX_GROUPS 100000		/* variants times segments times strata, over the report */
#define MAX_VARIANTS 100
#define NFIXED 4				/* columns of the query before the metrics' */

typedef struct Options
{
	char	   *variant;
	char	   *control;
	char	   *unit;
	Jsonb	   *metrics;
	Jsonb	   *segments;
	Jsonb	   *strata;
	Jsonb	   *weights;
	int			alternative;
	int			adjust;
	double		level;
	double		tau;
	double		srm_alpha;
} Options;

static const EcmlOption option_list[] = {
	ECML_OPT_TEXT(Options, variant, "variant"),
	ECML_OPT_TEXT(Options, control, "control"),
	ECML_OPT_TEXT(Options, unit, "unit"),
	ECML_OPT_JSON(Options, metrics, "metrics"),
	ECML_OPT_LIST(Options, segments, "segments"),
	ECML_OPT_LIST(Options, strata, "strata"),
	ECML_OPT_OBJECT(Options, weights, "weights"),
	ECML_OPT_ENUM(Options, alternative, "alternative", experiment_alternatives),
	ECML_OPT_ENUM(Options, adjust, "adjust", experiment_adjustments),
	ECML_OPT_FLOAT(Options, level, "level", 0, 1),
	ECML_OPT_FLOAT(Options, tau, "tau", 0, INFINITY),
	ECML_OPT_FLOAT(Options, srm_alpha, "srm_alpha", 0, 1),
	ECML_OPT_END
};

#define ADJUST_HOLM 2			/* of experiment_adjustments */

static const char *const variant_names[] = {"variant", "variation", "experiment_variant", "test_group", "arm", "grp", "group",
"treatment", NULL};
static const char *const unit_names[] = {"unit", "unit_id", "user_id", "customer_id", "visitor_id", "session_id", "id", NULL};
static const char *const control_names[] = {"control", "a", "baseline", "0", "f", "false", "off", NULL};

typedef enum MetricType
{
	METRIC_MEAN,				/* of rows */
	METRIC_SUM,					/* of a unit: its mean over the units */
	METRIC_RATIO
} MetricType;

static const char *const metric_types[] = {"mean", "sum", "ratio", NULL};

typedef struct Metric
{
	const char *name;
	int			type;			/* MetricType */
	int			column;
	int			denominator;	/* RATIO; else -1 */
	int			covariate;		/* -1: none */
} Metric;

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

/* Sums of a variant in a stratum of a segment: a cell of the report. */
typedef struct Cell
{
	int			view;			/* 0: the whole; i: the i-th segment column */
	char	   *segment;
	char	   *variant;
	char	   *stratum;
	int64		n;				/* rows, or units */
	CompareSums *sums;			/* [metrics] */
} Cell;

typedef struct Report
{
	Options		options;
	EcmlSource	source;
	const char *from;
	const char *schema;			/* of the extension, quoted */
	int			variant;
	int			unit;			/* -1: rows */
	Metric	   *metrics;
	int			nmetrics;
	int		   *segments;
	int			nsegments;
	int		   *strata;
	int			nstrata;
	int			view;			/* that is being gathered */
	Cell	   *groups;
	int			ngroups;
	int			capacity;
	MemoryContext context;
} Report;

/* ---------------------------------------------------------------- columns */

static const char *
column_name(const Report *report, int column)
{
	return NameStr(TupleDescAttr(report->source.desc, column)->attname);
}

static bool
is_number(const Report *report, int column)
{
	Oid			type = getBaseType(TupleDescAttr(report->source.desc, column)->atttypid);

	return type == BOOLOID || type == INT2OID || type == INT4OID || type == INT8OID || type == NUMERICOID || type == FLOAT4OID ||
		type == FLOAT8OID;
}

static void
check_number(const Report *report, int column, const char *what)
{
	if (!is_number(report, column))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("column \"%s\" cannot be a %s", column_name(report, column), what),
				 errdetail("Its type is %s.", format_type_be(TupleDescAttr(report->source.desc, column)->atttypid)),
				 errhint("It must be a number or a boolean.")));
}

static int *
read_columns(const Report *report, Jsonb *list, const char *what, int *n)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	value;
	int		   *columns;

	*n = 0;
	if (list == NULL)
		return NULL;
	columns = palloc((JB_ROOT_COUNT(list) + 1) * sizeof(int));
	iterator = JsonbIteratorInit(&list->root);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
		if (token == WJB_ELEM)
			columns[(*n)++] = ecml_source_column(&report->source, pnstrdup(value.val.string.val, value.val.string.len), what);
	return columns;
}

static bool
among(int column, const int *columns, int n)
{
	for (int i = 0; i < n; i++)
		if (columns[i] == column)
			return true;
	return false;
}

/* A metric of that name, of the given description (NULL: a mean). */
static Metric
make_metric(const Report *report, const char *name, JsonbValue *given)
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
	metric.column = ecml_source_column(&report->source, options.column ? options.column : name, "metric");
	check_number(report, metric.column, "metric");
	if (options.denominator)
	{
		options.type = METRIC_RATIO;
		metric.denominator = ecml_source_column(&report->source, options.denominator, "denominator");
		check_number(report, metric.denominator, "denominator");
	}
	if (options.covariate)
	{
		metric.covariate = ecml_source_column(&report->source, options.covariate, "covariate");
		check_number(report, metric.covariate, "covariate");
	}
	metric.type = options.type;
	if (metric.type == METRIC_RATIO && metric.denominator < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("metric \"%s\" is a ratio without a denominator", name),
				 errdetail("Its type is ratio."),
				 errhint("Name the column with \"denominator\".")));
	if (metric.type == METRIC_SUM && report->unit < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("metric \"%s\" is a sum, and there is nothing to sum over", name),
				 errdetail("Its type is sum, and the option \"unit\" is not given."),
				 errhint("Name the column of the unit, such as the customer, with the option \"unit\".")));
	if (metric.covariate >= 0 && (metric.type == METRIC_RATIO || (metric.type == METRIC_MEAN && report->unit >= 0)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("metric \"%s\" cannot have a covariate", name),
				 errdetail("It is a ratio%s.", metric.type == METRIC_MEAN ? ": a mean over rows of units that have several" : ""),
				 errhint("A covariate goes with a mean of rows, or with the type sum of units.")));
	return metric;
}

/* The metrics that are named, or all numbers that have no other part to play. */
static void
find_metrics(Report *report)
{
	Jsonb	   *given = report->options.metrics;
	int			n = 0;

	report->metrics = palloc((report->source.desc->natts + (given ? JB_ROOT_COUNT(given) : 0) + 1) * sizeof(Metric));
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
			report->metrics[n++] = make_metric(report, name, token == WJB_KEY ? &value : NULL);
		}
	}
	else
	{
		int			key = ecml_role_find(&report->source, report->options.unit, "unit", unit_names);

		for (int i = 0; i < report->source.desc->natts; i++)
			if (!TupleDescAttr(report->source.desc, i)->attisdropped && is_number(report, i) && i != report->variant && i != key &&
				!among(i, report->segments, report->nsegments) && !among(i, report->strata, report->nstrata))
				report->metrics[n++] = make_metric(report, column_name(report, i), NULL);
	}
	if (n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("there is no metric to report on"),
				 errdetail(given ? "Option \"metrics\" is empty." : "The source has no numbers beside the columns named."),
				 errhint("Name columns that are numbers or booleans with the option \"metrics\".")));
	report->nmetrics = n;
}

/* ---------------------------------------------------------------- the query */

/* A column as float8 in a query around the source. */
static const char *
number_sql(const Report *report, int column)
{
	bool		boolean = getBaseType(TupleDescAttr(report->source.desc, column)->atttypid) == BOOLOID;

	return psprintf("%s%s::pg_catalog.float8", ecml_role_sql(&report->source, column), boolean ? "::pg_catalog.int4" : "");
}

static const char *
stratum_sql(const Report *report)
{
	StringInfoData sql;

	if (report->nstrata == 0)
		return "''::pg_catalog.text";
	initStringInfo(&sql);
	for (int i = 0; i < report->nstrata; i++)
		appendStringInfo(&sql, "%s%s", i ? ", " : "ROW(", ecml_role_sql(&report->source, report->strata[i]));
	appendStringInfoString(&sql, ")::pg_catalog.text");
	return sql.data;
}

/* Numbers of a metric (what is y, what is x) by unit. */
static void
add_unit_columns(const Report *report, const Metric *metric, int i, StringInfo sql)
{
	const char *y = number_sql(report, metric->column);

	if (metric->type == METRIC_RATIO)
	{
		const char *x = number_sql(report, metric->denominator);

		appendStringInfo(sql, ", pg_catalog.sum(%s) FILTER (WHERE %s IS NOT NULL) AS y%d, "
						 "pg_catalog.sum(%s) FILTER (WHERE %s IS NOT NULL) AS x%d", y, x, i, x, y, i);
	}
	else if (metric->type == METRIC_SUM)
		appendStringInfo(sql, ", coalesce(pg_catalog.sum(%s), 0) AS y%d", y, i);
	else
		appendStringInfo(sql, ", pg_catalog.sum(%s) AS y%d, nullif(pg_catalog.count(%s)::pg_catalog.float8, 0) AS x%d", y, i, y, i);
	if (metric->covariate >= 0)
		appendStringInfo(sql, ", pg_catalog.avg(%s) AS c%d", number_sql(report, metric->covariate), i);
}

static void
add_sums(const Report *report, const Metric *metric, int i, StringInfo sql)
{
	bool		units = report->unit >= 0;
	const char *y = units ? psprintf("s.y%d", i) : number_sql(report, metric->column);
	const char *x = units ? psprintf("s.x%d", i) : metric->denominator >= 0 ? number_sql(report, metric->denominator) : "0";
	const char *c = units ? psprintf("s.c%d", i) : metric->covariate >= 0 ? number_sql(report, metric->covariate) : NULL;

	if (units && metric->type == METRIC_SUM)
		x = "0";
	appendStringInfo(sql, ", %s.ecml_pair_sums(%s, %s)", report->schema, x, y);
	if (metric->covariate >= 0)
		appendStringInfo(sql, ", %s.ecml_pair_sums(%s, %s)", report->schema, c, y);
}

/* Sums by variant, stratum and segment (column -1: none). */
static char *
make_query(const Report *report, int segment)
{
	const char *variant = ecml_role_sql(&report->source, report->variant);
	const char *keys = psprintf("%s::pg_catalog.text AS variant, %s AS stratum, %s::pg_catalog.text AS segment", variant,
								stratum_sql(report), segment < 0 ? "''" : ecml_role_sql(&report->source, segment));
	StringInfoData sql;

	initStringInfo(&sql);
	if (report->unit < 0)
	{
		appendStringInfo(&sql, "SELECT %s, pg_catalog.count(*)", keys);
		for (int i = 0; i < report->nmetrics; i++)
			add_sums(report, &report->metrics[i], i, &sql);
		appendStringInfo(&sql, " FROM %s AS s WHERE %s IS NOT NULL GROUP BY 1, 2, 3", report->from, variant);
		return sql.data;
	}
	appendStringInfoString(&sql, "SELECT s.variant, s.stratum, s.segment, pg_catalog.count(*)");
	for (int i = 0; i < report->nmetrics; i++)
		add_sums(report, &report->metrics[i], i, &sql);
	appendStringInfo(&sql, " FROM (SELECT %s", keys);
	for (int i = 0; i < report->nmetrics; i++)
		add_unit_columns(report, &report->metrics[i], i, &sql);
	appendStringInfo(&sql, " FROM %s AS s WHERE %s IS NOT NULL AND %s IS NOT NULL GROUP BY 1, 2, 3, %s) AS s GROUP BY 1, 2, 3",
					 report->from, variant, ecml_role_sql(&report->source, report->unit),
					 ecml_role_sql(&report->source, report->unit));
	return sql.data;
}

static void
add_group(void *arg, TupleTableSlot *slot)
{
	Report	   *report = arg;
	MemoryContext old = MemoryContextSwitchTo(report->context);
	Cell	   *group;
	int			column = NFIXED;

	if (report->ngroups >= MAX_GROUPS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("there are too many variants, segments and strata"),
				 errdetail("There are more than %d combinations.", MAX_GROUPS),
				 errhint("Is one of the columns a key, or a number? Cell its values first, for example with width_bucket().")));
	if (report->ngroups == report->capacity)
	{
		report->capacity = Max(16, 2 * report->capacity);
		report->groups = report->groups ? repalloc(report->groups, report->capacity * sizeof(Cell)) :
			palloc(report->capacity * sizeof(Cell));
	}
	group = &report->groups[report->ngroups++];
	group->view = report->view;
	group->variant = TextDatumGetCString(slot->tts_values[0]);
	group->stratum = slot->tts_isnull[1] ? "" : TextDatumGetCString(slot->tts_values[1]);
	group->segment = report->view == 0 ? "all" :
		psprintf("%s=%s", column_name(report, report->segments[report->view - 1]),
				 slot->tts_isnull[2] ? "NULL" : TextDatumGetCString(slot->tts_values[2]));
	group->n = DatumGetInt64(slot->tts_values[3]);
	group->sums = palloc0(report->nmetrics * sizeof(CompareSums));
	MemoryContextSwitchTo(old);
	for (int i = 0; i < report->nmetrics; i++)
	{
		experiment_pair_sums(slot->tts_values[column++], &group->sums[i].metric);
		if (report->metrics[i].covariate >= 0)
			experiment_pair_sums(slot->tts_values[column++], &group->sums[i].covariate);
	}
}

static int
compare_groups(const void *a, const void *b)
{
	const Cell *x = a;
	const Cell *y = b;
	int			order = x->view - y->view;

	if (order == 0)
		order = strcmp(x->segment, y->segment);
	if (order == 0)
		order = strcmp(x->variant, y->variant);
	return order ? order : strcmp(x->stratum, y->stratum);
}

/* ---------------------------------------------------------------- variants */

/* The different variants, in their order; groups are those of the whole. */
static const char **
list_variants(const Report *report, int *n)
{
	const char **variants = palloc((MAX_VARIANTS + 1) * sizeof(char *));

	*n = 0;
	for (int g = 0; g < report->ngroups && report->groups[g].view == 0; g++)
		if (*n == 0 || strcmp(variants[*n - 1], report->groups[g].variant) != 0)
		{
			if (*n == MAX_VARIANTS)
				ereport(ERROR,
						(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						 errmsg("there are too many variants"),
						 errdetail("Column \"%s\" has more than %d values.", column_name(report, report->variant), MAX_VARIANTS),
						 errhint("Name the column of the variants with the option \"variant\".")));
			variants[(*n)++] = report->groups[g].variant;
		}
	if (*n < 2)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("there are fewer than two variants to compare"),
				 *n == 0 ? errdetail("The source has no rows with a variant.") :
				 errdetail("Column \"%s\" is \"%s\" in all rows.", column_name(report, report->variant), variants[0]),
				 errhint("Give the rows of the control as well.")));
	return variants;
}

/* Which variant is the control? */
static int
find_control(const Report *report, const char *const *variants, int n)
{
	const char *given = report->options.control;

	for (int i = 0; i < n && given; i++)
		if (strcmp(given, variants[i]) == 0)
			return i;
	if (given)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("there is no variant \"%s\" to be the control", given),
				 errdetail("The source has %s.", ecml_error_list(variants, n)),
				 errhint("%sGive one of them as \"control\".", ecml_error_perhaps(ecml_error_nearest(given, variants, n)))));
	for (int u = 0; control_names[u]; u++)
		for (int i = 0; i < n; i++)
			if (pg_strcasecmp(control_names[u], variants[i]) == 0)
				return i;
	if (n > 2)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("it is not known which variant is the control"),
				 errdetail("The source has %s.", ecml_error_list(variants, n)),
				 errhint("Name it with the option \"control\".")));
	return 0;
}

/* The planned share of each variant. */
static double *
find_weights(const Report *report, const char *const *variants, int n)
{
	double	   *weights = palloc(n * sizeof(double));
	Jsonb	   *given = report->options.weights;

	for (int i = 0; i < n; i++)
	{
		JsonbValue	buffer;
		JsonbValue *value = given ? getKeyJsonValueFromContainer(&given->root, variants[i], strlen(variants[i]), &buffer) : NULL;

		weights[i] = 1;
		if (given == NULL)
			continue;
		if (value && value->type == jbvNumeric)
			weights[i] = DatumGetFloat8(DirectFunctionCall1(numeric_float8, NumericGetDatum(value->val.numeric)));
		if (value == NULL || value->type != jbvNumeric || !(weights[i] > 0))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("option \"weights\" must hold a number above 0 for each variant"),
					 errdetail("Variant \"%s\" has %s.", variants[i], value ? ecml_json_value_text(value) : "none"),
					 errhint("Give, for example, {\"weights\": {\"control\": 0.5, \"treatment\": 0.5}}.")));
	}
	return weights;
}

/* ---------------------------------------------------------------- rows */

typedef struct Row
{
	const Metric *metric;
	const char *segment;
	const char *variant;
	CompareResult r;
	double		srm;			/* p-value */
	double		adjusted;
	int			number;			/* as it was made */
} Row;

typedef struct Rows
{
	Row		   *rows;
	int			n;
	int			capacity;
} Rows;

/* Chi-square of the units by variant against the plan. */
static double
mismatch(const double *units, const double *weights, int n)
{
	double		total = 0;
	double		all = 0;
	double		statistic = 0;

	for (int i = 0; i < n; i++)
	{
		total += units[i];
		all += weights[i];
	}
	for (int i = 0; i < n; i++)
	{
		double		expected = total * weights[i] / all;

		statistic += (units[i] - expected) * (units[i] - expected) / expected;
	}
	return ecml_chi2_sf(statistic, n - 1);
}

static int
compare_strata(const void *a, const void *b)
{
	return strcmp((*(const Cell *const *) a)->stratum, (*(const Cell *const *) b)->stratum);
}

/* One variant of a segment against the control: groups [first, end) are the segment's. */
static void
add_comparisons(const Report *report, int first, int end, const char *control, const char *variant, double srm, Rows *rows)
{
	int			most = end - first;
	const Cell **ordered = palloc((most + 1) * sizeof(Cell *));
	CompareSums *sums[2];
	int			n = 0;

	for (int g = first; g < end; g++)
		if (strcmp(report->groups[g].variant, control) == 0 || strcmp(report->groups[g].variant, variant) == 0)
			ordered[n++] = &report->groups[g];
	qsort(ordered, n, sizeof(Cell *), compare_strata);
	sums[0] = palloc((n + 1) * sizeof(CompareSums));
	sums[1] = palloc((n + 1) * sizeof(CompareSums));
	for (int m = 0; m < report->nmetrics; m++)
	{
		const Metric *metric = &report->metrics[m];
		CompareParams params = {
			.ratio = metric->type == METRIC_RATIO || (metric->type == METRIC_MEAN && report->unit >= 0),
			.covariate = metric->covariate >= 0,
			.alternative = report->options.alternative,
			.level = report->options.level,
			.tau = report->options.tau
		};
		int			strata = 0;
		Row		   *row;

		for (int i = 0; i < n; i++)
		{
			if (i == 0 || strcmp(ordered[i]->stratum, ordered[i - 1]->stratum) != 0)
			{
				memset(&sums[0][strata], 0, sizeof(CompareSums));
				memset(&sums[1][strata], 0, sizeof(CompareSums));
				strata++;
			}
			sums[strcmp(ordered[i]->variant, control) != 0][strata - 1] = ordered[i]->sums[m];
		}
		if (rows->n == rows->capacity)
		{
			rows->capacity = Max(64, 2 * rows->capacity);
			rows->rows = rows->rows ? repalloc(rows->rows, rows->capacity * sizeof(Row)) : palloc(rows->capacity * sizeof(Row));
		}
		row = &rows->rows[rows->n++];
		row->metric = metric;
		row->segment = report->groups[first].segment;
		row->variant = variant;
		row->srm = srm;
		row->number = rows->n;
		row->r = compare_variants(sums[0], sums[1], strata, &params);
	}
}

/* All comparisons within the groups [first, end) of one segment. */
static void
add_segment(const Report *report, int first, int end, const char *const *variants, const double *weights, int n, int control,
			Rows *rows)
{
	double	   *units = palloc0(n * sizeof(double));
	double		srm;

	for (int g = first; g < end; g++)
		for (int i = 0; i < n; i++)
			if (strcmp(report->groups[g].variant, variants[i]) == 0)
				units[i] += (double) report->groups[g].n;
	srm = mismatch(units, weights, n);
	for (int i = 0; i < n; i++)
		if (i != control)
			add_comparisons(report, first, end, variants[control], variants[i], srm, rows);
}

/* Metrics in their order; within a metric the whole, then segments, and variants as they came. */
static int
compare_rows(const void *a, const void *b)
{
	const Row  *x = a;
	const Row  *y = b;

	if (x->metric != y->metric)
		return x->metric < y->metric ? -1 : 1;
	return x->number - y->number;
}

/* ---------------------------------------------------------------- words */

static char *
percent(double share)
{
	return psprintf("%.3g %%", 100 * share);
}

static char *
conclusion(const Report *report, const Row *row, const char *control)
{
	const EstimateResult *e = &row->r.effect;
	const char *name = row->metric->name;
	double		lift = e->difference / fabs(row->r.control);
	char	   *size;

	if (row->srm < report->options.srm_alpha)
		return psprintf("%s: do not trust the effect before you know why the split is not as planned (p = %.2g).", name, row->srm);
	if (isnan(e->p_value))
		return psprintf("%s: there are too few different values to compare %s with %s.", name, row->variant, control);
	size = isfinite(lift) ? psprintf("%.4g (%s)", fabs(e->difference), percent(fabs(lift))) : psprintf("%.4g", fabs(e->difference));
	if (row->adjusted < 1 - report->options.level)
		return psprintf("%s: %s is %s than %s by %s; %g %% interval of the effect %.4g to %.4g, adjusted p = %.2g.", name,
						row->variant, e->difference > 0 ? "higher" : "lower", control, size, 100 * report->options.level,
						e->ci_low, e->ci_high, row->adjusted);
	return psprintf("%s: no difference shown between %s and %s; %g %% interval of the effect %.4g to %.4g, adjusted p = %.2g.", name,
					row->variant, control, 100 * report->options.level, e->ci_low, e->ci_high, row->adjusted);
}

static void
put_row(const Report *report, const Row *row, const char *control, EcmlRows *out)
{
	const CompareResult *r = &row->r;
	Datum		values[22];
	bool		nulls[22] = {false};
	double		lift = r->effect.difference / fabs(r->control);

	values[0] = CStringGetTextDatum(row->metric->name);
	values[1] = CStringGetTextDatum(row->segment);
	values[2] = CStringGetTextDatum(control);
	values[3] = CStringGetTextDatum(row->variant);
	values[4] = Int64GetDatum((int64) r->n_control);
	values[5] = Int64GetDatum((int64) r->n_variant);
	ecml_set_number(values, nulls, 6, r->control);
	ecml_set_number(values, nulls, 7, r->variant);
	ecml_set_number(values, nulls, 8, r->effect.difference);
	ecml_set_number(values, nulls, 9, isfinite(lift) ? lift : NAN);
	ecml_set_number(values, nulls, 10, r->effect.ci_low);
	ecml_set_number(values, nulls, 11, r->effect.ci_high);
	ecml_set_number(values, nulls, 12, r->effect.p_value);
	ecml_set_number(values, nulls, 13, row->adjusted);
	ecml_set_number(values, nulls, 14, r->always.p_value);
	ecml_set_number(values, nulls, 15, r->always.ci_low);
	ecml_set_number(values, nulls, 16, r->always.ci_high);
	values[17] = BoolGetDatum(row->adjusted < 1 - report->options.level);
	ecml_set_number(values, nulls, 18, r->reduction);
	ecml_set_number(values, nulls, 19, row->srm);
	values[20] = BoolGetDatum(row->srm < report->options.srm_alpha);
	values[21] = CStringGetTextDatum(conclusion(report, row, control));
	ecml_rows_add(out, values, nulls);
}

static void
make_report(Report *report, EcmlRows *out)
{
	int			n;
	const char **variants = list_variants(report, &n);
	int			control = find_control(report, variants, n);
	double	   *weights = find_weights(report, variants, n);
	Rows		rows = {0};
	double	   *p;

	for (int first = 0, end; first < report->ngroups; first = end)
	{
		end = first + 1;
		while (end < report->ngroups && report->groups[end].view == report->groups[first].view &&
			   strcmp(report->groups[end].segment, report->groups[first].segment) == 0)
			end++;
		add_segment(report, first, end, variants, weights, n, control, &rows);
		CHECK_FOR_INTERRUPTS();
	}
	p = palloc((rows.n + 1) * sizeof(double));
	for (int i = 0; i < rows.n; i++)
		p[i] = rows.rows[i].r.effect.p_value;
	experiment_adjust(p, rows.n, report->options.adjust);
	for (int i = 0; i < rows.n; i++)
		rows.rows[i].adjusted = p[i];
	qsort(rows.rows, rows.n, sizeof(Row), compare_rows);
	for (int i = 0; i < rows.n; i++)
		put_row(report, &rows.rows[i], variants[control], out);
}

PG_FUNCTION_INFO_V1(ecml_ab_report);

/* ecml_ab_report(source text, options jsonb): rows, one for each metric, segment and variant but the control */
Datum
ecml_ab_report(PG_FUNCTION_ARGS)
{
	EcmlRows   *out = ecml_rows_begin(fcinfo);
	Report		report = {.options = {.adjust = ADJUST_HOLM,.level = 0.95,.srm_alpha = 0.001},.context = CurrentMemoryContext};
	EcmlOptionSet set = {option_list, &report.options};
	char	   *source;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the source must not be NULL"),
				 errdetail("It is NULL."),
				 errhint("Give the name of a table or view, or a query.")));
	source = text_to_cstring(PG_GETARG_TEXT_PP(0));
	ecml_options_parse("ecml_ab_report", PG_ARGISNULL(1) ? NULL : PG_GETARG_JSONB_P(1), &set, 1);
	experiment_check_level(report.options.level);
	report.schema = quote_identifier(get_namespace_name(get_func_namespace(fcinfo->flinfo->fn_oid)));
	SPI_connect();
	ecml_source_open(&report.source, source);
	report.from = ecml_source_from(source);
	report.variant = ecml_role_need(&report.source, report.options.variant, "variant", variant_names);
	report.unit = report.options.unit ? ecml_source_column(&report.source, report.options.unit, "unit") : -1;
	report.segments = read_columns(&report, report.options.segments, "segment", &report.nsegments);
	report.strata = read_columns(&report, report.options.strata, "stratum", &report.nstrata);
	find_metrics(&report);
	for (report.view = 0; report.view <= report.nsegments; report.view++)
	{
		EcmlSource	query;

		ecml_source_open_parallel(&query, make_query(&report, report.view == 0 ? -1 : report.segments[report.view - 1]));
		ecml_source_run(&query, add_group, &report);
	}
	qsort(report.groups, report.ngroups, sizeof(Cell), compare_groups);
	make_report(&report, out);
	SPI_finish();
	return (Datum) 0;
}
