/*
 * clv_sql.c - ecml_clv, ecml_clv_model: customer value from a table of transactions
 *
 * The source is read as customers' numbers, days and amounts (core/parts.h), of which clv_summarise makes customers.  Rows with a
 * NULL are left out, and so are those after as_of.  Customers are told apart by their text, and stand in order: those who are integers by
 * value, then the others by their bytes.
 */
#include "core/compat.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/date.h"
#include "utils/memutils.h"

#include "core/guc.h"
#include "core/host.h"
#include "core/json.h"
#include "core/options.h"
#include "core/parts.h"
#include "core/result.h"
#include "core/roles.h"
#include "survival/clv_sql.h"

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

typedef struct Customers
{
	EcmlCtx		ctx;
	EcmlServerHost host;
	MemoryContext context;
	Options		given;
	EcmlKeys   *keys;
	int			until;			/* the last day that counts; INT32_MAX: any */
	bool		has_amount;
	size_t		n;
	ClvCustomer *customers;		/* [n] */
	int		   *numbers;		/* [n] of their keys */
	ClvModel	model;
	ClvValue	value;
	double	   *results;		/* [n][3] alive, expected purchases, expected value */
} Customers;

typedef enum Role
{
	CUSTOMER,
	MOMENT,
	AMOUNT,
	PARTS
} Role;

/* Moments and amounts that are not finite may be out of the time that counts. */
static bool
judge_row(void *arg, size_t row)
{
	return true;
}

/* The customers of the source. */
static void
read_customers(Customers *c, const char *source_text)
{
	EcmlSource	source;
	EcmlPart	parts[PARTS];
	ClvColumns	columns;
	ClvPurchases purchases;
	size_t		skipped;
	int		   *order;

	ecml_source_open(&source, source_text);
	columns.customer = ecml_role_need(&source, c->given.customer, "customer", customer_names);
	columns.moment = ecml_role_need(&source, c->given.time, "time", time_names);
	columns.amount = ecml_role_find(&source, c->given.amount, "amount", amount_names);
	c->has_amount = columns.amount >= 0;
	ecml_role_check(&source, columns.moment, "time", ECML_TIME);
	if (c->has_amount)
		ecml_role_check(&source, columns.amount, "amount", ECML_NUMBER);
	c->keys = ecml_keys_create(c->context);
	parts[CUSTOMER] = (EcmlPart) {.kind = ECML_PART_KEY,.number = columns.customer,.needed = true,.keys = c->keys};
	parts[MOMENT] = (EcmlPart) {.kind = ECML_PART_DAY,.number = columns.moment,.needed = true};
	parts[AMOUNT] = (EcmlPart) {.kind = ECML_PART_NUMBER,.number = columns.amount,.needed = true,.most = INFINITY};
	if (ecml_parts_by_threads(&source, parts, PARTS) ||
		!clv_gather(&c->ctx, c->context, &source, source_text, &columns, &c->keys, &purchases))
	{
		purchases = (ClvPurchases) {.n = ecml_parts_read(&c->ctx, &source, parts, PARTS, judge_row, NULL, &skipped)};
		purchases.customers = parts[CUSTOMER].codes;
		purchases.days = parts[MOMENT].codes;
		purchases.amounts = parts[AMOUNT].numbers;
		purchases.ncustomers = c->keys->n;
	}
	if (!c->has_amount)
		purchases.amounts = NULL;
	c->customers = ECML_NEW(&c->ctx, ClvCustomer, c->keys->n + 1);
	c->numbers = ECML_NEW(&c->ctx, int, c->keys->n + 1);
	order = ecml_keys_order(c->keys, c->context);
	c->n = clv_summarise(&c->ctx, &purchases, order, c->until, unit_days[c->given.unit], c->customers, c->numbers);
	if (c->n == SIZE_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("a customer has a moment or an amount that is not finite"),
				 errdetail("It is customer \"%s\".", ecml_keys_name(c->keys, c->numbers[0])),
				 errhint("Filter such rows out.")));
	pfree(order);
}

/* Read the customers and fit both models. */
static void
learn(Customers *c, FunctionCallInfo fcinfo, const char *function)
{
	EcmlOptionSet set = {options, &c->given};
	char	   *source_text;

	c->given = (Options) {.unit = WEEK,.model = CLV_BG_NBD,.horizon = -1};
	source_text = ecml_source_argument(fcinfo, 0);
	ecml_options_parse(function, PG_ARGISNULL(1) ? NULL : PG_GETARG_JSONB_P(1), &set, 1);
	c->until = INT32_MAX;
	if (c->given.as_of)
	{
		ecml_options_check_time(function, "as_of", c->given.as_of, DATEOID);
		c->until = DatumGetDateADT(DirectFunctionCall1(date_in, CStringGetDatum(c->given.as_of)));
	}
	if (c->given.horizon < 0)
		c->given.horizon = 365.25 / unit_days[c->given.unit];
	ecml_host_init(&c->ctx, &c->host, c->context, (size_t) ecml_guc_work_mem * 1024, 0);
	SPI_connect();
	read_customers(c, source_text);
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
	MemoryContext per_row = AllocSetContextCreate(c.context, "ecml customer", ALLOCSET_DEFAULT_SIZES);

	learn(&c, fcinfo, "ecml_clv");
	c.results = ecml_alloc_array(&c.ctx, c.n, 3 * sizeof(double));
	ecml_parallel_for(&c.ctx, (c.n + CHUNK - 1) / CHUNK, predict_chunk, &c);
	MemoryContextSwitchTo(per_row);
	for (size_t i = 0; i < c.n; i++)
	{
		const ClvCustomer *customer = &c.customers[i];
		const double *result = c.results + 3 * i;
		Datum		values[8];
		bool		nulls[8] = {false};

		if (i % 1024 == 0)
		{
			CHECK_FOR_INTERRUPTS();
			MemoryContextReset(per_row);
		}
		values[0] = CStringGetTextDatum(ecml_keys_name(c.keys, c.numbers[i]));
		values[1] = Int64GetDatum((int64) customer->frequency);
		values[2] = Float8GetDatum(customer->recency);
		values[3] = Float8GetDatum(customer->age);
		ecml_set_number(values, nulls, 4, customer->value);
		for (int k = 0; k < 3; k++)
			ecml_set_number(values, nulls, 5 + k, result[k]);
		ecml_rows_add(rows, values, nulls);
	}
	MemoryContextSwitchTo(caller);
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

	learn(&c, fcinfo, "ecml_clv_model");
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
