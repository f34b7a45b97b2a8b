/*
 * rfm_sql.c - ecml_rfm: recency, frequency and monetary value by customer, scored and named
 *
 * The sums are what SQL is made for, so this writes the query and runs it with the caller's rights: one GROUP BY over the
 * source, and ranks over the customers.  Score of a customer: 1 + floor(bins * customers that are worse / customers), so that
 * equal customers have equal scores.  Segments are named after the usual grid of recency against frequency (Hughes 1994;
 * names as marketing tools use them), by the fifths that the scores fall in.
 *
 * Cost: one scan and aggregation, a sort of the customers for each of the three scores.
 */
#include "core/compat.h"

#include "catalog/pg_type.h"
#include "lib/stringinfo.h"

#include "core/bind.h"
#include "core/options.h"
#include "core/result.h"
#include "core/roles.h"
#include "core/source.h"

typedef struct Options
{
	char	   *customer;
	char	   *time;
	char	   *amount;
	char	   *order;
	char	   *as_of;
	int			bins;
} Options;

static const EcmlOption options[] = {
	ECML_OPT_TEXT(Options, customer, "customer"),
	ECML_OPT_TEXT(Options, time, "time"),
	ECML_OPT_TEXT(Options, amount, "amount"),
	ECML_OPT_TEXT(Options, order, "order"),
	ECML_OPT_TEXT(Options, as_of, "as_of"),
	ECML_OPT_INT(Options, bins, "bins", 2, 100),
	ECML_OPT_END
};

static const char *const customer_names[] = {"customer", "customer_id", "customerid", "user_id", "client_id", NULL};
static const char *const time_names[] = {"time", "ordered_at", "order_date", "invoice_date", "invoicedate", "created_at",
"date", "ds", NULL};
static const char *const amount_names[] = {"amount", "total", "revenue", "monetary", "total_price", "order_total", "price",
NULL};

/* The query over the source; moment: SQL of the moment that recency is counted from (NULL: the last purchase). */
static char *
make_query(const EcmlSource *source, const char *from, const char *moment, const Options *given)
{
	int			customer = ecml_role_need(source, given->customer, "customer", customer_names);
	int			time = ecml_role_need(source, given->time, "time", time_names);
	int			amount = ecml_role_need(source, given->amount, "amount", amount_names);
	StringInfoData query;
	static const char *const scores[] = {"recency", "frequency", "monetary"};

	ecml_role_check(source, time, "time", ECML_TIME);
	ecml_role_check(source, amount, "amount", ECML_NUMBER);
	initStringInfo(&query);
	appendStringInfo(&query,
					 "WITH c AS (SELECT %s::pg_catalog.text AS customer, pg_catalog.max(%s)::pg_catalog.timestamptz AS last, ",
					 ecml_role_sql(source, customer), ecml_role_sql(source, time));
	if (given->order)
		appendStringInfo(&query, "pg_catalog.count(DISTINCT %s) AS frequency, ",
						 ecml_role_sql(source, ecml_source_column(source, given->order, "order")));
	else
		appendStringInfo(&query, "pg_catalog.count(%s) AS frequency, ", ecml_role_sql(source, time));
	appendStringInfo(&query,
					 "coalesce(pg_catalog.sum(%s), 0)::pg_catalog.float8 AS monetary FROM %s AS s "
					 "WHERE %s IS NOT NULL AND %s IS NOT NULL%s GROUP BY %s), "
					 "d AS (SELECT customer, pg_catalog.date_part('epoch', "
					 "coalesce(%s, pg_catalog.max(last) OVER ()) OPERATOR(pg_catalog.-) last) "
					 "OPERATOR(pg_catalog./) 86400 AS recency, frequency, monetary, pg_catalog.count(*) OVER () AS n FROM c), "
					 "g AS (SELECT customer, recency, frequency, monetary",
					 ecml_role_sql(source, amount), from, ecml_role_sql(source, customer), ecml_role_sql(source, time),
					 /* what was bought later is not known at that moment */
					 given->as_of ? psprintf(" AND %s::pg_catalog.timestamptz OPERATOR(pg_catalog.<=) %s",
											 ecml_role_sql(source, time), moment) : "",
					 ecml_role_sql(source, customer), moment);
	/* OPERATOR() has one precedence for all operators: each needs its parentheses */
	for (int i = 0; i < 3; i++)
		appendStringInfo(&query,
						 ", (1 OPERATOR(pg_catalog.+) (%d::pg_catalog.int8 OPERATOR(pg_catalog.*) "
						 "(pg_catalog.rank() OVER (ORDER BY %s%s) OPERATOR(pg_catalog.-) 1) OPERATOR(pg_catalog./) n))"
						 "::pg_catalog.int4 AS %c", given->bins, scores[i], i == 0 ? " DESC" : "", scores[i][0]);
	appendStringInfo(&query, " FROM d) SELECT customer, recency, frequency, monetary, r, f, m FROM g ORDER BY customer");
	return query.data;
}

/* The segment of scores, by the fifths that they fall in. */
static const char *
segment(int r, int f, int bins)
{
	/* rows: recency 1 (long ago) to 5, columns: frequency 1 (seldom) to 5 */
	static const char *const names[5][5] = {
		{"hibernating", "hibernating", "at risk", "at risk", "cannot lose"},
		{"hibernating", "hibernating", "at risk", "at risk", "cannot lose"},
		{"about to sleep", "about to sleep", "need attention", "loyal", "loyal"},
		{"promising", "potential loyalist", "potential loyalist", "loyal", "loyal"},
		{"new", "potential loyalist", "potential loyalist", "champions", "champions"}
	};

	return names[(r - 1) * 5 / bins][(f - 1) * 5 / bins];
}

typedef struct Output
{
	EcmlRows   *rows;
	int			bins;
} Output;

static void
add_row(void *arg, TupleTableSlot *slot)
{
	Output	   *output = arg;
	Datum		values[8];
	bool		nulls[8] = {false};

	memcpy(values, slot->tts_values, 7 * sizeof(Datum));
	memcpy(nulls, slot->tts_isnull, 7 * sizeof(bool));
	values[7] = CStringGetTextDatum(segment(DatumGetInt32(values[4]), DatumGetInt32(values[5]), output->bins));
	ecml_rows_add(output->rows, values, nulls);
}

PG_FUNCTION_INFO_V1(ecml_rfm);

/* ecml_rfm(source text, options jsonb): rows customer, recency, frequency, monetary, r, f, m, segment */
Datum
ecml_rfm(PG_FUNCTION_ARGS)
{
	Output		output = {.rows = ecml_rows_begin(fcinfo)};
	Options		given = {.bins = 5};
	EcmlOptionSet set = {options, &given};
	EcmlSource	source;
	EcmlSource	query;
	char	   *source_text;
	char	   *moment = "NULL::pg_catalog.timestamptz";

	source_text = ecml_source_argument(fcinfo, 0);
	ecml_options_parse("ecml_rfm", PG_ARGISNULL(1) ? NULL : PG_GETARG_JSONB_P(1), &set, 1);
	output.bins = given.bins;
	if (given.as_of)
	{
		/* read it here, for an error that does not show the query */
		ecml_options_check_time("ecml_rfm", "as_of", given.as_of, TIMESTAMPTZOID);
		moment = psprintf("%s::pg_catalog.timestamptz", quote_literal_cstr(given.as_of));
	}
	SPI_connect();
	ecml_source_open(&source, source_text);
	ecml_source_open(&query, make_query(&source, ecml_source_from(source_text), moment, &given));
	ecml_source_run(&query, add_row, &output);
	SPI_finish();
	return (Datum) 0;
}
