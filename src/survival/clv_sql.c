/*
 * clv_sql.c - ecml_clv, ecml_clv_model: customer value from a table of transactions
 *
 * A query of our own around the source, run with the caller's rights, makes a row a customer: days with purchases are what
 * counts, so several orders of a day are one.  Rows with a NULL, and days on which a customer's amounts sum up to less than 0
 * (returns), are left out.  The rows wait in a tuplestore (it spills at work_mem) while the models are fitted on their
 * numbers.
 */
#include "core/compat.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/date.h"
#include "utils/memutils.h"

#include "core/bind.h"
#include "core/guc.h"
#include "core/host.h"
#include "core/json.h"
#include "core/options.h"
#include "core/result.h"
#include "core/roles.h"
#include "core/source.h"
#include "survival/clv.h"

typedef enum Unit
{
	DAY,
	WEEK,
	MONTH
} Unit;

static const double unit_days[] = {1, 7, 365.25 / 12};
static const char *const units[] = {"day", "week", "month", NULL};
static const char *const models[] = {"bg_nbd", "pareto_nbd", NULL};

typedef struct Options
{
	char	   *customer;
	char	   *time;
	char	   *amount;
	char	   *as_of;
	int			unit;
	int			model;
	double		horizon;		/* units; negative: a year */
	double		discount_rate;	/* a year */
	double		penalizer;
	double		value_penalizer;
} Options;

static const EcmlOption options[] = {
	ECML_OPT_TEXT(Options, customer, "customer"),
	ECML_OPT_TEXT(Options, time, "time"),
	ECML_OPT_ALIAS_TEXT(Options, time, "at"),
	ECML_OPT_TEXT(Options, amount, "amount"),
	ECML_OPT_TEXT(Options, as_of, "as_of"),
	ECML_OPT_ENUM(Options, unit, "unit", units),
	ECML_OPT_ENUM(Options, model, "model", models),
	ECML_OPT_FLOAT(Options, horizon, "horizon", 0, 100000),
	ECML_OPT_FLOAT(Options, discount_rate, "discount_rate", 0, 10),
	ECML_OPT_FLOAT(Options, penalizer, "penalizer", 0, 1e6),
	ECML_OPT_FLOAT(Options, value_penalizer, "value_penalizer", 0, 1e6),
	ECML_OPT_END
};

static const char *const customer_names[] = {"customer", "customer_id", "customerid", "user_id", "client_id", NULL};
static const char *const time_names[] = {"time", "at", "ordered_at", "order_date", "invoice_date", "invoicedate", "created_at",
"date", "ds", NULL};
static const char *const amount_names[] = {"amount", "total", "revenue", "monetary", "spend", "total_price", "order_total",
"price", NULL};

/*
 * Rows: customer text, days with purchases, days from the first to the last of them, days from the first to the end, sum of
 * the amounts but those of the first day; by customer.  The end is as_of, or the last day of all.
 */
static char *
make_query(const EcmlSource *source, const char *from, const Options *given)
{
	int			customer = ecml_role_need(source, given->customer, "customer", customer_names);
	int			time = ecml_role_need(source, given->time, "time", time_names);
	int			amount = ecml_role_find(source, given->amount, "amount", amount_names);
	const char *moment = ecml_role_sql(source, time);
	const char *day;
	StringInfoData query;

	ecml_role_check(source, time, "time", ECML_TIME);
	if (amount >= 0)
		ecml_role_check(source, amount, "amount", ECML_NUMBER);
	/* a day must not depend on the session's time zone */
	day = TupleDescAttr(source->desc, time)->atttypid == TIMESTAMPTZOID ?
		psprintf("pg_catalog.timezone('UTC'::pg_catalog.text, %s)::pg_catalog.date", moment) :
		psprintf("%s::pg_catalog.date", moment);
	initStringInfo(&query);
	appendStringInfo(&query,
					 "WITH d AS (SELECT %s AS c, (%s OPERATOR(pg_catalog.-) '2000-01-01'::pg_catalog.date)::pg_catalog.float8 AS d, "
					 "%s AS m FROM %s AS s WHERE %s IS NOT NULL AND %s IS NOT NULL%s%s GROUP BY 1, 2%s), "
					 "e AS (SELECT c, pg_catalog.count(*) AS n, pg_catalog.min(d) AS first, pg_catalog.max(d) AS last, "
					 "pg_catalog.sum(m) OPERATOR(pg_catalog.-) (pg_catalog.min(ARRAY[d, m]))[2] AS m FROM d GROUP BY c) "
					 "SELECT c::pg_catalog.text, n, last OPERATOR(pg_catalog.-) first, "
					 "%s OPERATOR(pg_catalog.-) first, m FROM e ORDER BY c",
					 ecml_role_sql(source, customer), day,
					 amount >= 0 ? psprintf("pg_catalog.sum(%s)::pg_catalog.float8", ecml_role_sql(source, amount)) :
					 "0::pg_catalog.float8",
					 from, ecml_role_sql(source, customer), moment,
					 amount >= 0 ? psprintf(" AND %s IS NOT NULL", ecml_role_sql(source, amount)) : "",
					 given->as_of ? psprintf(" AND %s OPERATOR(pg_catalog.<=) %s::pg_catalog.date", day,
											 quote_literal_cstr(given->as_of)) : "",
					 amount >= 0 ? psprintf(" HAVING pg_catalog.sum(%s)::pg_catalog.float8 OPERATOR(pg_catalog.>=) 0",
											ecml_role_sql(source, amount)) : "",
					 given->as_of ? psprintf("(%s::pg_catalog.date OPERATOR(pg_catalog.-) '2000-01-01'::pg_catalog.date)"
											 "::pg_catalog.float8", quote_literal_cstr(given->as_of)) :
					 "pg_catalog.max(last) OVER ()");
	return query.data;
}

typedef struct Customers
{
	EcmlCtx		ctx;
	EcmlServerHost host;
	MemoryContext context;
	Options		given;
	const char *function;
	bool		has_amount;
	Tuplestorestate *names;		/* NULL: not kept */
	TupleDesc	desc;			/* of a name */
	size_t		n;
	size_t		capacity;
	ClvCustomer *customers;		/* [n] */
	ClvModel	model;
	ClvValue	value;
	double	   *results;		/* [n][3] alive, expected purchases, expected value */
} Customers;

static void
take_customer(void *arg, TupleTableSlot *slot)
{
	Customers  *c = arg;
	double		unit = unit_days[c->given.unit];
	ClvCustomer *customer;
	double		sum = DatumGetFloat8(slot->tts_values[4]);

	if (c->n == c->capacity)
	{
		c->capacity = c->capacity * 2 + 1024;
		c->customers = ecml_resize_array(&c->ctx, c->customers, c->capacity, sizeof(ClvCustomer));
	}
	customer = &c->customers[c->n++];
	customer->frequency = DatumGetInt64(slot->tts_values[1]) - 1;
	customer->recency = DatumGetFloat8(slot->tts_values[2]) / unit;
	customer->age = DatumGetFloat8(slot->tts_values[3]) / unit;
	customer->value = c->has_amount && customer->frequency > 0 ? sum / customer->frequency : NAN;
	if (!isfinite(customer->age) || !isfinite(sum))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("a customer has a moment or an amount that is not finite"),
				 errdetail("It is customer \"%s\".", TextDatumGetCString(slot->tts_values[0])),
				 errhint("Filter such rows out.")));
	if (c->names)
		tuplestore_putvalues(c->names, c->desc, slot->tts_values, slot->tts_isnull);
}

/* Read the customers and fit both models. */
static void
learn(Customers *c, FunctionCallInfo fcinfo, const char *function, bool keep_names)
{
	EcmlOptionSet set = {options, &c->given};
	EcmlSource	source;
	EcmlSource	query;
	char	   *source_text;

	c->function = function;
	c->given = (Options) {.unit = WEEK,.model = CLV_BG_NBD,.horizon = -1};
	source_text = ecml_source_argument(fcinfo, 0);
	ecml_options_parse(function, PG_ARGISNULL(1) ? NULL : PG_GETARG_JSONB_P(1), &set, 1);
	if (c->given.as_of)
		/* read it here, for an error that does not show the query */
		ecml_options_check_time(function, "as_of", c->given.as_of, DATEOID);
	if (c->given.horizon < 0)
		c->given.horizon = 365.25 / unit_days[c->given.unit];
	ecml_host_init(&c->ctx, &c->host, c->context, (size_t) ecml_guc_work_mem * 1024, 0);
	SPI_connect();
	ecml_source_open(&source, source_text);
	c->has_amount = ecml_role_find(&source, c->given.amount, "amount", amount_names) >= 0;
	ecml_source_open(&query, make_query(&source, ecml_source_from(source_text), &c->given));
	if (keep_names)
	{
		MemoryContext old = MemoryContextSwitchTo(c->context);

		c->desc = CreateTupleDescCopy(query.desc);
		c->names = tuplestore_begin_heap(false, false, work_mem);
		MemoryContextSwitchTo(old);
	}
	ecml_source_run(&query, take_customer, c);
	SPI_finish();
	if (c->n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("there are no purchases"),
				 errdetail("No row of the source has a customer, a moment and an amount of at least 0%s.",
						   c->given.as_of ? " until as_of" : ""),
				 errhint("Look at what the source gives.")));
	c->model = clv_fit(&c->ctx, c->customers, c->n, c->given.model, c->given.penalizer);
	if (!c->model.converged || !c->model.determined)
		ereport(WARNING,
				(errmsg("the parameters of %s are hardly determined by these customers", models[c->given.model]),
				 errdetail("They are %g, %g, %g, %g.", c->model.r, c->model.alpha, c->model.third, c->model.fourth),
				 errhint("Give more customers or a longer time, or set \"penalizer\", for example to 0.001.")));
	if (!c->has_amount)
		return;
	c->value = clv_fit_value(&c->ctx, c->customers, c->n, c->given.value_penalizer);
	if (c->value.customers < 2)
		ereport(WARNING,
				(errmsg("too few customers came back to learn what a purchase is worth"),
				 errdetail("Customers who did: " INT64_FORMAT ".", c->value.customers),
				 errhint("expected_value is NULL; give more customers.")));
	else if (!c->value.converged || !c->value.determined || c->value.q <= 1)
		ereport(WARNING,
				(errmsg("the value of a purchase is hardly determined by these customers"),
				 errdetail("The parameters p, q, gamma are %g, %g, %g.", c->value.p, c->value.q, c->value.gamma),
				 errhint("Set \"value_penalizer\", for example to 0.001; with q of at most 1 a mean is not defined.")));
}

#define CHUNK 256

static void
predict_chunk(void *arg, size_t chunk, int worker)
{
	Customers  *c = arg;
	double		rate = expm1(log1p(c->given.discount_rate) * unit_days[c->given.unit] / 365.25);
	size_t		end = Min((chunk + 1) * CHUNK, c->n);

	for (size_t i = chunk * CHUNK; i < end; i++)
	{
		const ClvCustomer *customer = &c->customers[i];
		double	   *result = c->results + 3 * i;

		result[0] = clv_alive(&c->model, customer);
		result[1] = clv_expected(&c->model, customer, c->given.horizon);
		result[2] = c->has_amount && c->value.customers >= 2 ?
			clv_expected_value(&c->value, customer) *
			(rate == 0 ? result[1] : clv_discounted(&c->model, customer, c->given.horizon, rate)) : NAN;
	}
}

PG_FUNCTION_INFO_V1(ecml_clv);
PG_FUNCTION_INFO_V1(ecml_clv_model);

/*
 * ecml_clv(source text, options jsonb): rows customer, frequency, recency, age, monetary, alive_probability,
 * expected_purchases, expected_value
 */
Datum
ecml_clv(PG_FUNCTION_ARGS)
{
	EcmlRows   *rows = ecml_rows_begin(fcinfo);
	MemoryContext caller = CurrentMemoryContext;
	Customers	c = {.context = AllocSetContextCreate(caller, "ecml customer value", ALLOCSET_DEFAULT_SIZES)};
	TupleTableSlot *slot;

	learn(&c, fcinfo, "ecml_clv", true);
	c.results = ecml_alloc_array(&c.ctx, c.n, 3 * sizeof(double));
	ecml_parallel_for(&c.ctx, (c.n + CHUNK - 1) / CHUNK, predict_chunk, &c);
	slot = MakeSingleTupleTableSlot(c.desc, &TTSOpsMinimalTuple);
	for (size_t i = 0; tuplestore_gettupleslot(c.names, true, false, slot); i++)
	{
		const ClvCustomer *customer = &c.customers[i];
		const double *result = c.results + 3 * i;
		Datum		values[8];
		bool		nulls[8] = {false};

		if (i % 1024 == 0)
			CHECK_FOR_INTERRUPTS();
		values[0] = slot_getattr(slot, 1, &nulls[0]);
		values[1] = Int64GetDatum((int64) customer->frequency);
		values[2] = Float8GetDatum(customer->recency);
		values[3] = Float8GetDatum(customer->age);
		ecml_set_number(values, nulls, 4, customer->value);
		for (int k = 0; k < 3; k++)
			ecml_set_number(values, nulls, 5 + k, result[k]);
		ecml_rows_add(rows, values, nulls);
	}
	ExecDropSingleTupleTableSlot(slot);
	tuplestore_end(c.names);
	MemoryContextDelete(c.context);
	return (Datum) 0;
}

/* ecml_clv_model(source text, options jsonb): jsonb of the parameters */
Datum
ecml_clv_model(PG_FUNCTION_ARGS)
{
	static const char *const thirds[] = {"a", "s"};
	static const char *const fourths[] = {"b", "beta"};
	Customers	c = {.context = AllocSetContextCreate(CurrentMemoryContext, "ecml customer value", ALLOCSET_DEFAULT_SIZES)};
	EcmlJson   *json = ecml_json_object();
	double		repeaters = 0;
	Jsonb	   *result;

	learn(&c, fcinfo, "ecml_clv_model", false);
	for (size_t i = 0; i < c.n; i++)
		repeaters += c.customers[i].frequency > 0;
	ecml_json_string(json, "model", models[c.given.model]);
	ecml_json_string(json, "unit", units[c.given.unit]);
	ecml_json_int(json, "customers", c.n);
	ecml_json_int(json, "returning", (int64) repeaters);
	ecml_json_number(json, "r", c.model.r);
	ecml_json_number(json, "alpha", c.model.alpha);
	ecml_json_number(json, thirds[c.model.kind], c.model.third);
	ecml_json_number(json, fourths[c.model.kind], c.model.fourth);
	ecml_json_number(json, "log_likelihood", c.model.log_likelihood);
	ecml_json_int(json, "iterations", c.model.iterations);
	ecml_json_bool(json, "converged", c.model.converged && c.model.determined);
	if (c.has_amount)
	{
		ecml_json_open_object(json, "gamma_gamma");
		ecml_json_number(json, "p", c.value.p);
		ecml_json_number(json, "q", c.value.q);
		ecml_json_number(json, "gamma", c.value.gamma);
		ecml_json_number(json, "log_likelihood", c.value.log_likelihood);
		ecml_json_number(json, "correlation", c.value.correlation);
		ecml_json_bool(json, "converged", c.value.converged && c.value.determined);
		ecml_json_close_object(json);
	}
	result = ecml_json_finish(json);
	MemoryContextDelete(c.context);
	PG_RETURN_JSONB_P(result);
}
