/*
 * purchases_sql.c - ecml.purchases: an aggregate that gathers purchases, so that several processes may run a source
 *
 * The state is rows of customers by number, days and amounts; before it leaves its process they are added up by customer and day
 * (clv_add_up), which does not depend on their order.  So partial states are put one behind the other, their customers numbered anew.
 * Flat bytes end at 1 GB: sources that might have more are left to one process, which needs none.
 */
#include "core/compat.h"

#include <limits.h>
#include <math.h>

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/date.h"
#include "utils/memutils.h"

#include "core/bind.h"
#include "core/guc.h"
#include "core/parts.h"
#include "core/roles.h"
#include "core/state.h"
#include "num/dd.h"
#include "survival/clv_sql.h"

#define MOST_ROWS 20000000		/* that are read so, as far as the planner knows */
#define ROW_BYTES 32
#define POLL_ROWS 65536
#define MOST_DAYS 30000000		/* of customers, in a state's bytes */

typedef struct Purchases
{
	EcmlCtx    *ctx;
	EcmlKeys   *keys;
	ClvPurchases rows;			/* rests and sizes: NULL as long as they are single amounts */
	size_t		room;
} Purchases;

static void
make_room(Purchases *p, size_t n)
{
	ClvPurchases *rows = &p->rows;

	if (n <= p->room)
		return;
	p->room = Max(n, Max(2 * p->room, 1024));
	rows->customers = ecml_resize_array(p->ctx, rows->customers, p->room, sizeof(int));
	rows->days = ecml_resize_array(p->ctx, rows->days, p->room, sizeof(int));
	rows->amounts = ecml_resize_array(p->ctx, rows->amounts, p->room, sizeof(double));
	if (rows->rests == NULL)
		return;
	rows->rests = ecml_resize_array(p->ctx, rows->rests, p->room, sizeof(double));
	rows->sizes = ecml_resize_array(p->ctx, rows->sizes, p->room, sizeof(double));
}

/* One row a customer and day. */
static void
settle(Purchases *p)
{
	ClvPurchases sums;

	p->rows.ncustomers = p->keys->n;
	sums = clv_add_up(p->ctx, &p->rows);
	clv_purchases_free(p->ctx, &p->rows);
	p->rows = sums;
	p->room = sums.n;
}

static void
write_purchases(EcmlWriter *w, void *content)
{
	Purchases  *p = content;
	char		room[ECML_KEY_ROOM];

	p->ctx = w->ctx;
	settle(p);
	if (p->rows.n > MOST_DAYS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many purchases to be gathered by several processes"),
				 errdetail("There are more than %d days of customers.", MOST_DAYS),
				 errhint("Set max_parallel_workers_per_gather to 0.")));
	ecml_write_u32(w, p->keys->n);
	for (int k = 0; k < p->keys->n; k++)
	{
		if (k % POLL_ROWS == 0)
			CHECK_FOR_INTERRUPTS();
		ecml_write_string(w, ecml_keys_spell(p->keys, k, room));
	}
	ecml_write_u32(w, p->rows.n);
	ecml_write_bytes(w, p->rows.customers, p->rows.n * sizeof(int));
	ecml_write_bytes(w, p->rows.days, p->rows.n * sizeof(int));
	ecml_write_f8s(w, p->rows.amounts, p->rows.n);
	ecml_write_f8s(w, p->rows.rests, p->rows.n);
	ecml_write_f8s(w, p->rows.sizes, p->rows.n);
}

static int *
read_ints(EcmlReader *r, size_t n)
{
	int		   *values = ECML_NEW(r->ctx, int, n + 1);

	if (n > 0)
		memcpy(values, ecml_read_bytes(r, n * sizeof(int)), n * sizeof(int));
	return values;
}

static void *
read_purchases(EcmlReader *r, MemoryContext context, const void *arg)
{
	Purchases  *p = MemoryContextAllocZero(context, sizeof(Purchases));
	uint32		nkeys = ecml_read_count(r, sizeof(uint32));

	p->ctx = r->ctx;
	p->keys = ecml_keys_create(context);
	for (uint32 k = 0; k < nkeys; k++)
	{
		uint32		length = ecml_read_count(r, 1);
		const char *text = (const char *) ecml_read_bytes(r, length);

		if (k % POLL_ROWS == 0)
			CHECK_FOR_INTERRUPTS();
		if (memchr(text, '\0', length) || ecml_keys_text(p->keys, text, length, true) != (int) k)
			ecml_read_corrupted(r, "a customer cannot be, or stands there twice");
	}
	p->rows.n = p->room = ecml_read_count(r, ROW_BYTES);
	p->rows.customers = read_ints(r, p->rows.n);
	p->rows.days = read_ints(r, p->rows.n);
	p->rows.amounts = ecml_read_f8s(r, p->rows.n);
	p->rows.rests = ecml_read_f8s(r, p->rows.n);
	p->rows.sizes = ecml_read_f8s(r, p->rows.n);
	for (size_t i = 0; i < p->rows.n; i++)
		if (p->rows.customers[i] < 0 || p->rows.customers[i] >= p->keys->n)
			ecml_read_corrupted(r, "a customer is not known");
	return p;
}

static const EcmlStateType state_type = {.name = "ecml.purchases",.write = write_purchases,.read = read_purchases};

ECML_STATE_FUNCTIONS(ecml_purchases_state, &state_type)

/* The content of a state, its memory counted. */
static Purchases *
content(EcmlState *state)
{
	Purchases  *p = state->content;

	p->ctx = &state->ctx;
	state->ctx.budget = (size_t) ecml_guc_work_mem * 1024;
	return p;
}

static EcmlState *
get_state(FunctionCallInfo fcinfo)
{
	EcmlState  *state = ecml_state_in_place(fcinfo, 0);
	Purchases  *p;

	if (state == NULL)
		state = ecml_state_argument(fcinfo, 0, &state_type, ecml_aggregate_context(fcinfo));
	if (state)
		return state;
	state = ecml_state_create(&state_type, ecml_aggregate_context(fcinfo));
	p = MemoryContextAllocZero(state->header.eoh_context, sizeof(Purchases));
	p->keys = ecml_keys_create(state->header.eoh_context);
	state->content = p;
	return state;
}

static inline void
add_row(Purchases *p, int customer, int day, EcmlDd amount, double size)
{
	size_t		i = p->rows.n;

	make_room(p, i + 1);
	p->rows.customers[i] = customer;
	p->rows.days[i] = day;
	p->rows.amounts[i] = amount.hi;
	if (p->rows.rests)
	{
		p->rows.rests[i] = amount.lo;
		p->rows.sizes[i] = size;
	}
	p->rows.n++;
}

/* How the arguments of a call become values. */
typedef struct Call
{
	EcmlKeyColumn customer;
	EcmlInput	moment;
	EcmlInput	amount;
} Call;

static void
plan_argument(FunctionCallInfo fcinfo, int number, EcmlInput *input, EcmlKind kind, const char *what)
{
	input->type = get_fn_expr_argtype(fcinfo->flinfo, number);
	if (OidIsValid(input->type) &&
		ecml_bind_plan(input->type, &input->convert, &input->kind, &input->element_type, &input->element_convert) &&
		input->kind == kind && input->convert != ECML_FROM_ARRAY)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("argument %d of ecml.purchases cannot be the %s", number, what),
			 errdetail("Its type is %s.", OidIsValid(input->type) ? format_type_be(input->type) : "not known"),
			 kind == ECML_TIME ? errhint("It must be a date or a timestamp.") : errhint("It must be a number.")));
}

static Call *
plan_call(FunctionCallInfo fcinfo)
{
	Call	   *call = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(Call));
	Oid			type = get_fn_expr_argtype(fcinfo->flinfo, 1);

	ecml_key_column(&call->customer, OidIsValid(type) && type != UNKNOWNOID ? type : TEXTOID, fcinfo->flinfo->fn_mcxt);
	plan_argument(fcinfo, 2, &call->moment, ECML_TIME, "moment");
	plan_argument(fcinfo, 3, &call->amount, ECML_NUMBER, "amount");
	return call;
}

PG_FUNCTION_INFO_V1(ecml_purchases_transition);
PG_FUNCTION_INFO_V1(ecml_purchases_combine);

/* ecml.purchases_transition(state, customer "any", moment "any", amount "any"): rows with a NULL are left out */
Datum
ecml_purchases_transition(PG_FUNCTION_ARGS)
{
	EcmlState  *state = get_state(fcinfo);
	Purchases  *p = content(state);
	Call	   *call = fcinfo->flinfo->fn_extra;
	double		day;
	double		amount;

	if (call == NULL)
		call = fcinfo->flinfo->fn_extra = plan_call(fcinfo);
	if (PG_ARGISNULL(1) || PG_ARGISNULL(2) || PG_ARGISNULL(3))
		PG_RETURN_DATUM(EOHPGetRWDatum(&state->header));
	day = ecml_part_day(&call->moment, PG_GETARG_DATUM(2));
	amount = ecml_bind_number(&call->amount, PG_GETARG_DATUM(3));
	add_row(p, ecml_keys_number(p->keys, &call->customer, PG_GETARG_DATUM(1), true),
			isfinite(day) ? (int) day : day > 0 ? INT_MAX : INT_MIN,
			dd_from(amount), fabs(amount));
	PG_RETURN_DATUM(EOHPGetRWDatum(&state->header));
}

static void
merge(EcmlState *state, EcmlState *other)
{
	Purchases  *to = content(state);
	Purchases  *from = content(other);
	int		   *numbers = MemoryContextAllocHuge(CurrentMemoryContext, ((Size) from->keys->n + 1) * sizeof(int));

	if (to->rows.rests == NULL)
		settle(to);
	if (from->rows.rests == NULL)
		settle(from);
	for (int k = 0; k < from->keys->n; k++)
	{
		if (k % POLL_ROWS == 0)
			CHECK_FOR_INTERRUPTS();
		numbers[k] = ecml_keys_take(to->keys, from->keys, k);
	}
	for (size_t i = 0; i < from->rows.n; i++)
	{
		if (i % POLL_ROWS == 0)
			CHECK_FOR_INTERRUPTS();
		add_row(to, numbers[from->rows.customers[i]], from->rows.days[i], (EcmlDd) {from->rows.amounts[i], from->rows.rests[i]},
				from->rows.sizes[i]);
	}
	pfree(numbers);
}

Datum
ecml_purchases_combine(PG_FUNCTION_ARGS)
{
	return ecml_state_combine(fcinfo, &state_type, merge);
}

/* ---- for ecml_clv */

typedef struct Gathered
{
	MemoryContext context;
	Purchases  *purchases;		/* NULL: none */
} Gathered;

static void
take_state(void *arg, TupleTableSlot *slot)
{
	Gathered   *gathered = arg;

	if (!slot->tts_isnull[0])
		gathered->purchases = content(ecml_state_from_datum(slot->tts_values[0], &state_type, gathered->context));
}

bool
clv_gather(EcmlCtx *ctx, MemoryContext context, EcmlSource *source, const char *text, const ClvColumns *columns, EcmlKeys **keys,
		   ClvPurchases *purchases)
{
	Gathered	gathered = {.context = context};
	EcmlSource	query;
	double		rows;

	(void) ecml_source_is_parallel(source, &rows);
	if (rows > MOST_ROWS)
		return false;
	ecml_source_open_parallel(&query, psprintf("SELECT ecml.purchases(%s, %s, %s) FROM %s AS s",
											   ecml_role_sql(source, columns->customer), ecml_role_sql(source, columns->moment),
											   columns->amount >= 0 ? ecml_role_sql(source, columns->amount) :
											   "0::pg_catalog.float8", ecml_source_from(text)));
	if (!ecml_source_is_parallel(&query, &rows))
		return false;
	ecml_source_run(&query, take_state, &gathered);
	*keys = gathered.purchases ? gathered.purchases->keys : ecml_keys_create(context);
	*purchases = gathered.purchases ? gathered.purchases->rows : (ClvPurchases) {0};
	purchases->ncustomers = (*keys)->n;
	return true;
}
