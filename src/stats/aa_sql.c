/*
 * aa_sql.c - ecml_aa_check: would the report find differences where nothing is done? (aa.c)
 *
 * Cost: one pass over the source, 8 to 24 bytes a unit and metric twice, and splits * units * metrics * 2 ns.
 */
#include "core/compat.h"

#include <math.h>

#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "core/guc.h"
#include "core/hashkey.h"
#include "core/host.h"
#include "core/options.h"
#include "core/result.h"
#include "core/roles.h"
#include "num/hash.h"
#include "stats/aa.h"
#include "stats/ab_metrics_sql.h"
#include "stats/experiment_sql.h"

typedef struct Options
{
	char	   *unit;
	Jsonb	   *metrics;
	int			splits;
	double		alpha;
	int64		seed;
} Options;

static const EcmlOption option_list[] = {
	ECML_OPT_TEXT(Options, unit, "unit"),
	ECML_OPT_JSON(Options, metrics, "metrics"),
	ECML_OPT_INT(Options, splits, "splits", 100, 100000),
	ECML_OPT_FLOAT(Options, alpha, "alpha", 0, 1),
	ECML_OPT_INT64(Options, seed, "seed", 0, 9007199254740992.0),
	ECML_OPT_END
};

typedef struct Check
{
	Options		options;
	AbSource	ab;
	EcmlCtx		ctx;
	EcmlServerHost host;
	Oid			unit_type;
	int			width;			/* numbers of a unit */
	double	   *cells;			/* [units][width] NaN: NULL */
	uint64	   *hash;			/* [units] */
	size_t		units;
	size_t		capacity;
} Check;

/* What the query gives of a metric, in this order: y, then x, then the sum of squares. */
static bool
has_x(const Check *check, const Metric *metric)
{
	return ab_is_ratio(&check->ab, metric);
}

static bool
has_squares(const Check *check, const Metric *metric)
{
	return metric->type == METRIC_MEAN && check->ab.unit >= 0;
}

/* A row a unit. */
static char *
make_query(Check *check)
{
	const AbSource *ab = &check->ab;
	bool		units = ab->unit >= 0;
	const char *unit = units ? ecml_role_sql(&ab->source, ab->unit) : NULL;
	StringInfoData sql;
	StringInfoData inner;

	initStringInfo(&sql);
	initStringInfo(&inner);
	appendStringInfoString(&sql, units ? "SELECT s.u" : "SELECT ");
	for (int m = 0; m < ab->nmetrics; m++)
	{
		const Metric *metric = &ab->metrics[m];
		const char *y = ab_number_sql(ab, metric->column);

		check->width += 1 + has_x(check, metric) + has_squares(check, metric);
		if (!units)
		{
			appendStringInfo(&sql, "%s%s", m ? ", " : "", y);
			if (has_x(check, metric))
				appendStringInfo(&sql, ", %s", ab_number_sql(ab, metric->denominator));
			continue;
		}
		ab_add_unit_columns(ab, metric, m, &inner);
		appendStringInfo(&sql, ", s.y%d", m);
		if (has_x(check, metric))
			appendStringInfo(&sql, ", s.x%d", m);
		if (has_squares(check, metric))
		{
			appendStringInfo(&inner, ", pg_catalog.sum(%s OPERATOR(pg_catalog.*) %s) AS q%d", y, y, m);
			appendStringInfo(&sql, ", s.q%d", m);
		}
	}
	if (units)
		appendStringInfo(&sql, " FROM (SELECT %s AS u%s FROM %s AS s WHERE %s IS NOT NULL GROUP BY %s) AS s", unit, inner.data, ab->from,
						 unit, unit);
	else
		appendStringInfo(&sql, " FROM %s AS s", ab->from);
	return sql.data;
}

static void
add_unit(void *arg, TupleTableSlot *slot)
{
	Check	   *check = arg;
	bool		units = check->ab.unit >= 0;
	double	   *to;

	if (check->units == check->capacity)
	{
		check->capacity = check->capacity ? check->capacity + check->capacity / 2 : 4096;
		check->cells = ecml_resize_array(&check->ctx, check->cells, check->capacity * check->width, sizeof(double));
		check->hash = ecml_resize_array(&check->ctx, check->hash, check->capacity, sizeof(uint64));
	}
	check->hash[check->units] = units ? ecml_hash_key(check->unit_type, slot->tts_values[0], 0) : ecml_hash_u64(check->units, 0);
	to = check->cells + check->units++ * check->width;
	for (int c = 0; c < check->width; c++)
	{
		to[c] = slot->tts_isnull[c + units] ? NAN : DatumGetFloat8(slot->tts_values[c + units]);
		if (!slot->tts_isnull[c + units] && !isfinite(to[c]))
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("a value of a metric is not finite"),
					 errdetail("A row, or the sum of a unit's rows, has %g.", to[c]),
					 errhint("Filter such rows out, or turn the values into NULL.")));
	}
}

static const double *
take_column(Check *check, int column)
{
	double	   *values = ECML_NEW(&check->ctx, double, check->units + 1);

	for (size_t i = 0; i < check->units; i++)
		values[i] = check->cells[i * check->width + column];
	return values;
}

static AaMetric *
take_metrics(Check *check)
{
	AaMetric   *metrics = palloc0(check->ab.nmetrics * sizeof(AaMetric));
	int			column = 0;

	for (int m = 0; m < check->ab.nmetrics; m++)
	{
		const Metric *metric = &check->ab.metrics[m];

		metrics[m].y = take_column(check, column++);
		if (has_x(check, metric))
			metrics[m].x = take_column(check, column++);
		if (has_squares(check, metric))
			metrics[m].squares = take_column(check, column++);
		CHECK_FOR_INTERRUPTS();
	}
	ecml_free(&check->ctx, check->cells);
	return metrics;
}

static char *
conclusion(const Check *check, const char *name, const AaResult *r)
{
	if (isnan(r->rate))
		return psprintf("%s: there are too few different values to test.", name);
	if (r->holds && r->row_rate > r->high)
		return psprintf("%s: the report is right to find %.3g %% of splits different at alpha %g; a test that took rows for independent "
						"would find %.3g %%.", name, 100 * r->rate, check->options.alpha, 100 * r->row_rate);
	if (r->holds)
		return psprintf("%s: the report is right to find %.3g %% of splits different at alpha %g.", name, 100 * r->rate,
						check->options.alpha);
	if (r->rate < r->low)
		return psprintf("%s: the test finds too little, %.3g %% of splits at alpha %g: its p-values are too large on such data.", name,
						100 * r->rate, check->options.alpha);
	if (r->rate > r->high)
		return psprintf("%s: do not trust p-values: %.3g %% of splits differ at alpha %g where nothing was done; are rows of one unit "
						"apart, or do a few values make up the sum?", name, 100 * r->rate, check->options.alpha);
	return psprintf("%s: do not trust p-values: they are not uniform where nothing was done (p = %.2g).", name, r->ks_p);
}

static void
put_row(const Check *check, const Metric *metric, const AaResult *r, EcmlRows *out)
{
	Datum		values[10];
	bool		nulls[10] = {false};

	values[0] = CStringGetTextDatum(metric->name);
	values[1] = Int64GetDatum((int64) r->units);
	values[2] = Int32GetDatum((int32) r->splits);
	ecml_set_number(values, nulls, 3, r->rate);
	ecml_set_number(values, nulls, 4, r->low);
	ecml_set_number(values, nulls, 5, r->high);
	ecml_set_number(values, nulls, 6, r->ks_p);
	ecml_set_number(values, nulls, 7, r->row_rate);
	values[8] = BoolGetDatum(r->holds);
	nulls[8] = isnan(r->rate);
	values[9] = CStringGetTextDatum(conclusion(check, metric->name, r));
	ecml_rows_add(out, values, nulls);
}

PG_FUNCTION_INFO_V1(ecml_aa_check);

/* ecml_aa_check(source text, options jsonb): a row a metric */
Datum
ecml_aa_check(PG_FUNCTION_ARGS)
{
	EcmlRows   *out = ecml_rows_begin(fcinfo);
	Check		check = {.options = {.splits = 1000,.alpha = 0.05}};
	EcmlOptionSet set = {option_list, &check.options};
	char	   *source = ecml_source_argument(fcinfo, 0);
	EcmlSource	query;
	AaMetric   *metrics;
	AaResult   *results;

	ecml_options_parse("ecml_aa_check", PG_ARGISNULL(1) ? NULL : PG_GETARG_JSONB_P(1), &set, 1);
	experiment_check_share("alpha", check.options.alpha);
	ecml_host_init(&check.ctx, &check.host, CurrentMemoryContext, (size_t) ecml_guc_work_mem * 1024, 0);
	SPI_connect();
	ab_open(&check.ab, fcinfo, source, check.options.unit);
	ab_find_metrics(&check.ab, check.options.metrics, NULL, 0);
	for (int m = 0; m < check.ab.nmetrics; m++)
		check.ab.metrics[m].covariate = -1;	/* what is checked is the test without */
	if (check.ab.unit >= 0)
		check.unit_type = TupleDescAttr(check.ab.source.desc, check.ab.unit)->atttypid;
	ecml_source_open(&query, make_query(&check));
	ecml_source_run(&query, add_unit, &check);
	metrics = take_metrics(&check);
	results = palloc0(check.ab.nmetrics * sizeof(AaResult));
	aa_check(&check.ctx, check.hash, check.units, metrics, check.ab.nmetrics, check.options.splits, check.options.alpha,
			 (uint64) check.options.seed, results);
	for (int m = 0; m < check.ab.nmetrics; m++)
		put_row(&check, &check.ab.metrics[m], &results[m], out);
	SPI_finish();
	return (Datum) 0;
}
