/*
 * abc_sql.c - ecml_abc_xyz: items by their share of the value, and by how steady their demand is
 *
 * Sums are what SQL is made for, so this writes the query and runs it with the caller's rights.  ABC: items by falling value;
 * A up to the first share of the total, B up to the second, C the rest (an item that crosses a bound still belongs to the class before).
 * XYZ: coefficient of variation of demand a period, periods without demand counted as 0, between the first and the last period of all.
 *
 * Cost: two aggregations of the source, a sort of the items.
 */
#include "core/compat.h"

#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"

#include "core/options.h"
#include "core/result.h"
#include "core/roles.h"
#include "core/source.h"

typedef struct Options
{
	char	   *item;
	char	   *time;
	char	   *quantity;
	char	   *value;
	int			period;
	double		a;
	double		b;
	double		x;
	double		y;
} Options;

static const char *const periods[] = {"day", "week", "month", "quarter", "year", NULL};

static const EcmlOption options[] = {
	ECML_OPT_TEXT(Options, item, "item"),
	ECML_OPT_TEXT(Options, time, "time"),
	ECML_OPT_TEXT(Options, quantity, "quantity"),
	ECML_OPT_TEXT(Options, value, "value"),
	ECML_OPT_ENUM(Options, period, "period", periods),
	ECML_OPT_FLOAT(Options, a, "a", 0, 1),
	ECML_OPT_FLOAT(Options, b, "b", 0, 1),
	ECML_OPT_FLOAT(Options, x, "x", 0, INFINITY),
	ECML_OPT_FLOAT(Options, y, "y", 0, INFINITY),
	ECML_OPT_END
};

static const char *const item_names[] = {"item", "sku", "item_id", "product_id", "product", "stock_code", "series", NULL};
static const char *const time_names[] = {"time", "ds", "day", "week", "date", "ordered_at", "order_date", "invoice_date", "sold_at",
"created_at", "month", NULL};
static const char *const quantity_names[] = {"quantity", "qty", "units", "y", "demand", "sales", NULL};
static const char *const value_names[] = {"value", "revenue", "amount", "total", "turnover", NULL};

static void
add_row(void *arg, TupleTableSlot *slot)
{
	ecml_rows_add(arg, slot->tts_values, slot->tts_isnull);
}

PG_FUNCTION_INFO_V1(ecml_abc_xyz);

/* ecml_abc_xyz(source text, options jsonb): rows item, value, share, cumulative, abc, mean, cv, xyz */
Datum
ecml_abc_xyz(PG_FUNCTION_ARGS)
{
	EcmlRows   *rows = ecml_rows_begin(fcinfo);
	Options		given = {.period = 1,.a = 0.8,.b = 0.95,.x = 0.5,.y = 1};
	EcmlOptionSet set = {options, &given};
	EcmlSource	source;
	EcmlSource	query;
	char	   *source_text;
	char	   *from;
	int			item;
	int			time;
	int			quantity;
	int			value;
	const char *when;

	source_text = ecml_source_argument(fcinfo, 0);
	ecml_options_parse("ecml_abc_xyz", PG_ARGISNULL(1) ? NULL : PG_GETARG_JSONB_P(1), &set, 1);
	if (given.a > given.b || given.x > given.y)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the bounds of classes must rise"),
				 errdetail("a, b, x, y are %g, %g, %g, %g.", given.a, given.b, given.x, given.y),
				 errhint("As in {\"a\": 0.8, \"b\": 0.95, \"x\": 0.5, \"y\": 1}.")));
	SPI_connect();
	ecml_source_open(&source, source_text);
	from = ecml_source_from(source_text);
	item = ecml_role_need(&source, given.item, "item", item_names);
	time = ecml_role_need(&source, given.time, "time", time_names);
	quantity = ecml_role_need(&source, given.quantity, "quantity", quantity_names);
	value = ecml_role_find(&source, given.value, "value", value_names);
	if (value < 0)
		value = quantity;
	ecml_role_check(&source, time, "time", ECML_TIME);
	ecml_role_check(&source, quantity, "quantity", ECML_NUMBER);
	ecml_role_check(&source, value, "value", ECML_NUMBER);
	when = psprintf("pg_catalog.date_trunc('%s', %s::pg_catalog.timestamp)", periods[given.period], ecml_role_sql(&source, time));
	ecml_source_open(&query, psprintf(
		"WITH p AS (SELECT %s::pg_catalog.text AS item, %s AS at, pg_catalog.sum(%s)::pg_catalog.float8 AS q, "
		"pg_catalog.sum(%s)::pg_catalog.float8 AS v FROM %s AS s WHERE %s IS NOT NULL AND %s IS NOT NULL GROUP BY 1, 2), "
		"n AS (SELECT pg_catalog.count(*)::pg_catalog.float8 AS n FROM pg_catalog.generate_series((SELECT pg_catalog.min(at) FROM p), "
		"(SELECT pg_catalog.max(at) FROM p), '%s'::pg_catalog.interval) AS g(at)), "
		"i AS (SELECT item, coalesce(pg_catalog.sum(v), 0) AS v, coalesce(pg_catalog.sum(q), 0) AS q, "
		"coalesce(pg_catalog.sum(q OPERATOR(pg_catalog.*) q), 0) AS qq FROM p GROUP BY item), "
		"c AS (SELECT item, v, v OPERATOR(pg_catalog./) nullif(pg_catalog.sum(v) OVER (), 0) AS share, "
		"pg_catalog.sum(v) OVER (ORDER BY v DESC, item) OPERATOR(pg_catalog./) nullif(pg_catalog.sum(v) OVER (), 0) AS upto, "
		"q OPERATOR(pg_catalog./) n AS mean, pg_catalog.sqrt(greatest((qq OPERATOR(pg_catalog./) n) OPERATOR(pg_catalog.-) "
		"((q OPERATOR(pg_catalog./) n) OPERATOR(pg_catalog.*) (q OPERATOR(pg_catalog./) n)), 0)) OPERATOR(pg_catalog./) "
		"nullif(q OPERATOR(pg_catalog./) n, 0) AS cv FROM i, n) "
		"SELECT item, v, share, upto, CASE WHEN (upto OPERATOR(pg_catalog.-) share) OPERATOR(pg_catalog.<) %.17g THEN 'A' "
		"WHEN (upto OPERATOR(pg_catalog.-) share) OPERATOR(pg_catalog.<) %.17g THEN 'B' ELSE 'C' END, mean, cv, "
		"CASE WHEN cv OPERATOR(pg_catalog.<=) %.17g THEN 'X' WHEN cv OPERATOR(pg_catalog.<=) %.17g THEN 'Y' ELSE 'Z' END "
		"FROM c ORDER BY v DESC, item",
		ecml_role_sql(&source, item), when, ecml_role_sql(&source, quantity), ecml_role_sql(&source, value), from,
		ecml_role_sql(&source, item), ecml_role_sql(&source, time),
		given.period == 3 ? "3 months" : psprintf("1 %s", periods[given.period]), given.a, given.b, given.x, given.y));
	ecml_source_run(&query, add_row, rows);
	SPI_finish();
	return (Datum) 0;
}
