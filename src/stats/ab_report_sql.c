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
#include "stats/ab_metrics_sql.h"
#include "stats/compare.h"
#include "stats/experiment_sql.h"
#include "stats/proportion.h"

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
static const char *const control_names[] = {"control", "a", "baseline", "0", "f", "false", "off", NULL};

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
	AbSource	ab;
	int			variant;
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

/* Those that are named, or all numbers that have no other part to play. */
static void
find_metrics(Report *report)
{
	int		   *taken = palloc((report->nsegments + report->nstrata + 1) * sizeof(int));
	int			n = 0;

	taken[n++] = report->variant;
	for (int i = 0; i < report->nsegments; i++)
		taken[n++] = report->segments[i];
	for (int i = 0; i < report->nstrata; i++)
		taken[n++] = report->strata[i];
	ab_find_metrics(&report->ab, report->options.metrics, taken, n);
}

/* ---------------------------------------------------------------- the query */

static const char *
stratum_sql(const Report *report)
{
	StringInfoData sql;

	if (report->nstrata == 0)
		return "''::pg_catalog.text";
	initStringInfo(&sql);
	for (int i = 0; i < report->nstrata; i++)
		appendStringInfo(&sql, "%s%s", i ? ", " : "ROW(", ecml_role_sql(&report->ab.source, report->strata[i]));
	appendStringInfoString(&sql, ")::pg_catalog.text");
	return sql.data;
}

static void
add_sums(const Report *report, const Metric *metric, int i, StringInfo sql)
{
	bool		units = report->ab.unit >= 0;
	const char *y = units ? psprintf("s.y%d", i) : ab_number_sql(&report->ab, metric->column);
	const char *x = units ? psprintf("s.x%d", i) : metric->denominator >= 0 ? ab_number_sql(&report->ab, metric->denominator) : "0";
	const char *c = units ? psprintf("s.c%d", i) : metric->covariate >= 0 ? ab_number_sql(&report->ab, metric->covariate) : NULL;

	if (units && metric->type == METRIC_SUM)
		x = "0";
	appendStringInfo(sql, ", %s.ecml_pair_sums(%s, %s)", report->ab.schema, x, y);
	if (metric->covariate < 0)
		return;
	if (!ab_is_ratio(&report->ab, metric))
		appendStringInfo(sql, ", %s.ecml_pair_sums(%s, %s)", report->ab.schema, c, y);
	else
		appendStringInfo(sql, ", %s.ecml_pair_sums(%s, %s) FILTER (WHERE %s IS NOT NULL), "
						 "%s.ecml_pair_sums(%s, %s) FILTER (WHERE %s IS NOT NULL)", report->ab.schema, c, y, x, report->ab.schema, c, x, y);
}

/* Sums by variant, stratum and segment (column -1: none). */
static char *
make_query(const Report *report, int segment)
{
	const char *variant = ecml_role_sql(&report->ab.source, report->variant);
	const char *unit;
	char	   *stratum = psprintf("(%s)", stratum_sql(report));
	char	   *part = psprintf("%s::pg_catalog.text", segment < 0 ? "''" : ecml_role_sql(&report->ab.source, segment));
	StringInfoData sql;

	initStringInfo(&sql);
	if (report->ab.unit < 0)
	{
		appendStringInfo(&sql, "SELECT %s::pg_catalog.text AS variant, %s AS stratum, %s AS segment, pg_catalog.count(*)", variant,
						 stratum, part);
		for (int i = 0; i < report->ab.nmetrics; i++)
			add_sums(report, &report->ab.metrics[i], i, &sql);
		appendStringInfo(&sql, " FROM %s AS s WHERE %s IS NOT NULL GROUP BY 1, 2, 3", report->ab.from, variant);
		return sql.data;
	}
	unit = ecml_role_sql(&report->ab.source, report->ab.unit);
	appendStringInfoString(&sql, "SELECT s.variant, s.stratum, s.segment, pg_catalog.count(*)");
	for (int i = 0; i < report->ab.nmetrics; i++)
		add_sums(report, &report->ab.metrics[i], i, &sql);
	/* a unit is of one stratum, whatever its rows say: else it would count several times */
	appendStringInfo(&sql, " FROM (SELECT %s::pg_catalog.text AS variant, pg_catalog.min(%s COLLATE pg_catalog.\"C\") AS stratum, "
					 "%s AS segment", variant, stratum, part);
	for (int i = 0; i < report->ab.nmetrics; i++)
		ab_add_unit_columns(&report->ab, &report->ab.metrics[i], i, &sql);
	appendStringInfo(&sql, " FROM %s AS s WHERE %s IS NOT NULL AND %s IS NOT NULL GROUP BY 1, 3, %s) AS s GROUP BY 1, 2, 3",
					 report->ab.from, variant, unit, unit);
	return sql.data;
}

/* NULL: no row of the group passed the filter. */
static void
take_sums(TupleTableSlot *slot, int column, Bivariate *sums)
{
	if (!slot->tts_isnull[column])
		experiment_pair_sums(slot->tts_values[column], sums);
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
				 errhint("Is one of the columns a key, or a number? Group its values first, for example with width_bucket().")));
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
		psprintf("%s=%s", ab_column_name(&report->ab, report->segments[report->view - 1]),
				 slot->tts_isnull[2] ? "NULL" : TextDatumGetCString(slot->tts_values[2]));
	group->n = DatumGetInt64(slot->tts_values[3]);
	group->sums = palloc0(report->ab.nmetrics * sizeof(CompareSums));
	MemoryContextSwitchTo(old);
	for (int i = 0; i < report->ab.nmetrics; i++)
	{
		const Metric *metric = &report->ab.metrics[i];

		take_sums(slot, column++, &group->sums[i].metric);
		if (metric->covariate >= 0)
			take_sums(slot, column++, &group->sums[i].covariate);
		if (metric->covariate >= 0 && ab_is_ratio(&report->ab, metric))
			take_sums(slot, column++, &group->sums[i].denominator);
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
						 errdetail("Column \"%s\" has more than %d values.", ab_column_name(&report->ab, report->variant), MAX_VARIANTS),
						 errhint("Name the column of the variants with the option \"variant\".")));
			variants[(*n)++] = report->groups[g].variant;
		}
	if (*n < 2)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("there are fewer than two variants to compare"),
				 *n == 0 ? errdetail("The source has no rows with a variant.") :
				 errdetail("Column \"%s\" is \"%s\" in all rows.", ab_column_name(&report->ab, report->variant), variants[0]),
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

/* An error for a weight of a variant that has no rows: a mistyped name, or the rows of a whole variant are lost. */
static void
check_planned(Jsonb *weights, const char *const *variants, int n)
{
	JsonbIterator *iterator = JsonbIteratorInit(&weights->root);
	JsonbIteratorToken token;
	JsonbValue	key;

	while ((token = JsonbIteratorNext(&iterator, &key, true)) != WJB_DONE)
	{
		char	   *name;
		int			i = 0;

		if (token != WJB_KEY)
			continue;
		name = pnstrdup(key.val.string.val, key.val.string.len);
		while (i < n && strcmp(name, variants[i]) != 0)
			i++;
		if (i == n)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("option \"weights\" names variant \"%s\", which has no rows", name),
					 errdetail("The source has %s.", ecml_error_list(variants, n)),
					 errhint("%sIf it was planned, its rows are missing; if not, leave it out.",
							 ecml_error_perhaps(ecml_error_nearest(name, variants, n)))));
	}
}

/* The planned share of each variant. */
static double *
find_weights(const Report *report, const char *const *variants, int n)
{
	double	   *weights = palloc(n * sizeof(double));
	Jsonb	   *given = report->options.weights;

	if (given)
		check_planned(given, variants, n);
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
	for (int m = 0; m < report->ab.nmetrics; m++)
	{
		const Metric *metric = &report->ab.metrics[m];
		CompareParams params = {
			.ratio = ab_is_ratio(&report->ab, metric),
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
	srm = proportion_srm(units, weights, n, NULL).p_value;
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

	source = ecml_source_argument(fcinfo, 0);
	ecml_options_parse("ecml_ab_report", PG_ARGISNULL(1) ? NULL : PG_GETARG_JSONB_P(1), &set, 1);
	experiment_check_level(report.options.level);
	SPI_connect();
	ab_open(&report.ab, fcinfo, source, report.options.unit);
	report.variant = ecml_role_need(&report.ab.source, report.options.variant, "variant", variant_names);
	report.segments = ecml_source_columns(&report.ab.source, report.options.segments, "segment", &report.nsegments);
	report.strata = ecml_source_columns(&report.ab.source, report.options.strata, "stratum", &report.nstrata);
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
