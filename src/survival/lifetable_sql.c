/*
 * lifetable_sql.c - ecml_kaplan_meier, ecml_median_survival, ecml_logrank: aggregates over one mergeable state
 *
 * The state is a table of counts by time for each group (the first two have one), so partial states merge on any way that
 * PostgreSQL takes.  Groups are told apart by their text and stand in its order, as bytes.
 */
#include "core/compat.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "core/bind.h"
#include "core/guc.h"
#include "core/result.h"
#include "core/state.h"
#include "num/dist.h"
#include "survival/lifetable.h"

typedef enum Kind				/* in the state's bytes */
{
	CURVE,
	LOGRANK
} Kind;

typedef struct Arm
{
	char	   *label;
	int			length;
	Lifetable	table;
} Arm;

typedef struct Survival
{
	Kind		kind;
	double		level;			/* of the intervals; 0: not given yet */
	int			ngroups;
	int			capacity;
	Arm		   *groups;			/* [ngroups] */
	EcmlState  *state;			/* its ctx has the memory */
	/* how the groups' values look in this call; not kept */
	EcmlInput	input;
} Survival;

static const char *const functions[] = {"ecml_kaplan_meier", "ecml_logrank"};	/* by Kind */

static void
write_survival(EcmlWriter *w, void *content)
{
	Survival   *survival = content;

	ecml_write_u8(w, survival->kind);
	ecml_write_f8(w, survival->level);
	ecml_write_u32(w, survival->ngroups);
	for (int g = 0; g < survival->ngroups; g++)
	{
		ecml_write_string(w, survival->groups[g].label);
		lifetable_settle(w->ctx, &survival->groups[g].table);
		lifetable_write(w, &survival->groups[g].table);
	}
}

static void *
read_survival(EcmlReader *r, MemoryContext context, const void *arg)
{
	Survival   *survival = MemoryContextAllocZero(context, sizeof(Survival));

	survival->kind = ecml_read_u8(r);
	survival->level = ecml_read_finite(r);
	survival->ngroups = ecml_read_u32_in(r, 0, survival->kind == CURVE ? 1 : LIFETABLE_MAX_GROUPS);
	if (survival->kind > LOGRANK || !(survival->level >= 0 && survival->level < 1))
		ecml_read_corrupted(r, "its statistic is not known");
	survival->capacity = survival->ngroups;
	survival->groups = ECML_NEW0(r->ctx, Arm, survival->ngroups + 1);
	for (int g = 0; g < survival->ngroups; g++)
	{
		Arm	   *group = &survival->groups[g];

		group->label = ecml_host_read_text(r);
		group->length = strlen(group->label);
		lifetable_read(r, &group->table);
		for (int other = 0; other < g; other++)
			if (strcmp(survival->groups[other].label, group->label) == 0)
				ecml_read_corrupted(r, "a group stands there twice");
	}
	return survival;
}

static const EcmlStateType state_type = {.name = "survival",.write = write_survival,.read = read_survival};

ECML_STATE_FUNCTIONS(ecml_survival_state, &state_type)

static Survival *
content(EcmlState *state)
{
	Survival   *survival = state->content;

	survival->state = state;
	state->ctx.budget = (size_t) ecml_guc_work_mem * 1024;
	return survival;
}

/* The state to change, made from a flat one or anew. */
static EcmlState *
get_state(FunctionCallInfo fcinfo, Kind kind)
{
	EcmlState  *state = ecml_state_in_place(fcinfo, 0);

	if (state == NULL)
		state = ecml_state_argument(fcinfo, 0, &state_type, ecml_aggregate_context(fcinfo));
	if (state == NULL)
	{
		Survival   *survival;

		state = ecml_state_create(&state_type, ecml_aggregate_context(fcinfo));
		survival = MemoryContextAllocZero(state->header.eoh_context, sizeof(Survival));
		survival->kind = kind;
		state->content = survival;
	}
	return state;
}

static Arm *
group_of_label(Survival *survival, const char *label, int length)
{
	EcmlCtx    *ctx = &survival->state->ctx;
	Arm	   *group;

	for (int g = survival->ngroups - 1; g >= 0; g--)
		if (survival->groups[g].length == length && memcmp(survival->groups[g].label, label, length) == 0)
			return &survival->groups[g];
	if (survival->ngroups == LIFETABLE_MAX_GROUPS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("ecml_logrank compares at most %d groups", LIFETABLE_MAX_GROUPS),
				 errdetail("Another one is \"%s\".", pnstrdup(label, length)),
				 errhint("Give a column with fewer distinct values.")));
	if (survival->ngroups == survival->capacity)
	{
		survival->capacity = survival->capacity * 2 + 2;
		survival->groups = ecml_resize_array(ctx, survival->groups, survival->capacity, sizeof(Arm));
	}
	group = &survival->groups[survival->ngroups++];
	memset(group, 0, sizeof(*group));
	group->label = ecml_alloc(ctx, length + 1);
	memcpy(group->label, label, length);
	group->label[length] = '\0';
	group->length = length;
	return group;
}

/* The group of a value of argument 3. */
static Arm *
group_of(FunctionCallInfo fcinfo, Survival *survival, Datum value)
{
	EcmlInput  *input = &survival->input;
	const char *label;
	int			length;

	if (!OidIsValid(input->type))
	{
		Oid			element;
		EcmlConvert convert;

		input->type = get_fn_expr_argtype(fcinfo->flinfo, 3);
		if (!OidIsValid(input->type))
			input->type = TEXTOID;
		if (!ecml_bind_plan(input->type, &input->convert, &input->kind, &element, &convert))
			input->convert = ECML_FROM_ENUM;	/* by its text */
	}
	label = ecml_bind_label(input, value, &length);
	return group_of_label(survival, label, length);
}

static void
check_duration(double duration)
{
	if (isfinite(duration) && duration >= 0)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_DATA_EXCEPTION),
			 errmsg("a duration is %s", isfinite(duration) ? "negative" : "not finite"),
			 isfinite(duration) ? errdetail("A row has %g.", duration) :
			 errdetail("A row has %s.", isnan(duration) ? "NaN" : duration > 0 ? "Infinity" : "-Infinity"),
			 errhint("A duration is the time from a row's beginning to its event, or to the last day it was watched.")));
}

/* Add the row (state, duration, event, ...). */
static Datum
transition(FunctionCallInfo fcinfo, Kind kind, bool event)
{
	EcmlState  *state = get_state(fcinfo, kind);
	Survival   *survival = content(state);
	double		duration = PG_GETARG_FLOAT8(1);
	Arm	   *group;

	if (kind == CURVE && PG_NARGS() > 3 && !PG_ARGISNULL(3))
	{
		double		level = PG_GETARG_FLOAT8(3);

		if (!(level > 0 && level < 1))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("invalid level of confidence"),
					 errdetail("It is %g.", level),
					 errhint("Give a number between 0 and 1, such as 0.95.")));
		survival->level = level;
	}
	check_duration(duration);
	group = kind == CURVE ? group_of_label(survival, "", 0) : group_of(fcinfo, survival, PG_GETARG_DATUM(3));
	lifetable_add(&state->ctx, &group->table, duration, event);
	PG_RETURN_DATUM(EOHPGetRWDatum(&state->header));
}

/* Without a duration, an event or a group the row is left out. */
static bool
skipped(FunctionCallInfo fcinfo, Kind kind)
{
	return PG_ARGISNULL(1) || PG_ARGISNULL(2) || (kind == LOGRANK && PG_ARGISNULL(3));
}

static Datum
transition_boolean(FunctionCallInfo fcinfo, Kind kind)
{
	if (skipped(fcinfo, kind))
		PG_RETURN_DATUM(EOHPGetRWDatum(&get_state(fcinfo, kind)->header));
	return transition(fcinfo, kind, PG_GETARG_BOOL(2));
}

static Datum
transition_integer(FunctionCallInfo fcinfo, Kind kind)
{
	int64		event;

	if (skipped(fcinfo, kind))
		PG_RETURN_DATUM(EOHPGetRWDatum(&get_state(fcinfo, kind)->header));
	event = PG_GETARG_INT64(2);
	if (event != 0 && event != 1)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("an event is neither 0 nor 1"),
				 errdetail("A row has " INT64_FORMAT ".", event),
				 errhint("1, or true: the event was seen; 0, or false: it was not, as long as the row was watched.")));
	return transition(fcinfo, kind, event == 1);
}

PG_FUNCTION_INFO_V1(ecml_kaplan_meier_transition);
PG_FUNCTION_INFO_V1(ecml_kaplan_meier_transition_integer);
PG_FUNCTION_INFO_V1(ecml_logrank_transition);
PG_FUNCTION_INFO_V1(ecml_logrank_transition_integer);
PG_FUNCTION_INFO_V1(ecml_survival_combine);
PG_FUNCTION_INFO_V1(ecml_kaplan_meier_final);
PG_FUNCTION_INFO_V1(ecml_median_survival_final);
PG_FUNCTION_INFO_V1(ecml_logrank_final);

/* ecml_kaplan_meier_transition(state, duration float8, event boolean [, level float8]) */
Datum
ecml_kaplan_meier_transition(PG_FUNCTION_ARGS)
{
	return transition_boolean(fcinfo, CURVE);
}

/* ecml_kaplan_meier_transition(state, duration float8, event int8 [, level float8]) */
Datum
ecml_kaplan_meier_transition_integer(PG_FUNCTION_ARGS)
{
	return transition_integer(fcinfo, CURVE);
}

/* ecml_logrank_transition(state, duration float8, event boolean, grp "any") */
Datum
ecml_logrank_transition(PG_FUNCTION_ARGS)
{
	return transition_boolean(fcinfo, LOGRANK);
}

/* ecml_logrank_transition(state, duration float8, event int8, grp "any") */
Datum
ecml_logrank_transition_integer(PG_FUNCTION_ARGS)
{
	return transition_integer(fcinfo, LOGRANK);
}

static void
merge(EcmlState *state, EcmlState *other)
{
	Survival   *survival = content(state);
	Survival   *source = content(other);

	if (survival->kind != source->kind ||
		(survival->level > 0 && source->level > 0 && survival->level != source->level))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("states of different survival statistics cannot be merged"),
				 errdetail("One is of %s, level %g, the other of %s, level %g.", functions[survival->kind], survival->level,
						   functions[source->kind], source->level),
				 errhint("Make all states with the same arguments.")));
	survival->level = Max(survival->level, source->level);
	for (int g = 0; g < source->ngroups; g++)
	{
		Arm	   *group = &source->groups[g];

		lifetable_settle(&other->ctx, &group->table);
		lifetable_merge(&state->ctx, &group_of_label(survival, group->label, group->length)->table, &group->table);
	}
}

/* ecml_survival_combine(state, state) */
Datum
ecml_survival_combine(PG_FUNCTION_ARGS)
{
	return ecml_state_combine(fcinfo, &state_type, merge);
}

/* The state's content with all rows counted; NULL without rows. */
static Survival *
settled(FunctionCallInfo fcinfo, Kind kind)
{
	EcmlState  *state = ecml_state_argument(fcinfo, 0, &state_type, CurrentMemoryContext);
	Survival   *survival = state ? content(state) : NULL;

	if (survival == NULL || survival->ngroups == 0)
		return NULL;
	if (survival->kind != kind)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("the state is of another statistic"),
				 errdetail("It is of %s.", functions[survival->kind]),
				 errhint("Make it with %s.", functions[kind])));
	for (int g = 0; g < survival->ngroups; g++)
		lifetable_settle(&state->ctx, &survival->groups[g].table);
	return survival;
}

/* ecml_kaplan_meier_final(state): ecml_survival_point[]; NULL without rows */
Datum
ecml_kaplan_meier_final(PG_FUNCTION_ARGS)
{
	Survival   *survival = settled(fcinfo, CURVE);
	const Lifetable *table;
	EcmlCtx    *ctx;
	LifetablePoint *points;
	TupleDesc	desc;
	Oid			type;
	Datum	   *elements;
	int16		length;
	bool		by_value;
	char		alignment;

	if (survival == NULL)
		PG_RETURN_NULL();
	table = &survival->groups[0].table;
	ctx = &survival->state->ctx;
	/* a row of the result takes some 100 bytes, and the array is one value */
	if (table->n > MaxAllocSize / 128)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("there are too many distinct durations for one result"),
				 errdetail("There are %zu; the limit is %zu.", table->n, (size_t) MaxAllocSize / 128),
				 errhint("Round the durations, for example to whole days.")));
	points = ECML_NEW(ctx, LifetablePoint, table->n + 1);
	lifetable_curve(ctx, table, ecml_normal_isf((1 - (survival->level > 0 ? survival->level : 0.95)) / 2), points);
	type = get_element_type(get_func_rettype(fcinfo->flinfo->fn_oid));
	desc = lookup_rowtype_tupdesc(type, -1);
	elements = palloc((table->n + 1) * sizeof(Datum));
	for (size_t i = 0; i < table->n; i++)
	{
		const LifetablePoint *point = &points[i];
		Datum		values[8];
		bool		nulls[8] = {false};

		if (i % 1024 == 0)
			CHECK_FOR_INTERRUPTS();
		values[0] = Float8GetDatum(point->time);
		values[1] = Int64GetDatum(point->at_risk);
		values[2] = Int64GetDatum(point->events);
		values[3] = Int64GetDatum(point->censored);
		values[4] = Float8GetDatum(point->survival);
		ecml_set_number(values, nulls, 5, point->std_error);
		ecml_set_number(values, nulls, 6, point->conf_low);
		ecml_set_number(values, nulls, 7, point->conf_high);
		elements[i] = ecml_composite(desc, values, nulls);
	}
	ReleaseTupleDesc(desc);
	ecml_free(ctx, points);
	get_typlenbyvalalign(type, &length, &by_value, &alignment);
	PG_RETURN_POINTER(construct_array(elements, table->n, type, length, by_value, alignment));
}

/* ecml_median_survival_final(state): float8; NULL when it is not reached */
Datum
ecml_median_survival_final(PG_FUNCTION_ARGS)
{
	Survival   *survival = settled(fcinfo, CURVE);
	double		median = survival ? lifetable_quantile(&survival->groups[0].table, 0.5) : NAN;

	if (isnan(median))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(median);
}

static int
compare_groups(const void *a, const void *b)
{
	return strcmp(((const Arm *) a)->label, ((const Arm *) b)->label);
}

/* ecml_logrank_final(state): ecml_logrank_result; NULL without rows */
Datum
ecml_logrank_final(PG_FUNCTION_ARGS)
{
	Survival   *survival = settled(fcinfo, LOGRANK);
	const Lifetable **tables;
	EcmlServerHost host;
	EcmlCtx		ctx;
	LogrankResult result;
	Datum	   *lists[4];
	Datum		values[7];
	bool		nulls[7] = {false};
	int			n;

	if (survival == NULL)
		PG_RETURN_NULL();
	n = survival->ngroups;
	qsort(survival->groups, n, sizeof(Arm), compare_groups);
	tables = palloc(n * sizeof(Lifetable *));
	for (int g = 0; g < n; g++)
		tables[g] = &survival->groups[g].table;
	/* a window calls this for every row: what the test takes must not stay with the state */
	ecml_host_init(&ctx, &host, CurrentMemoryContext, (size_t) ecml_guc_work_mem * 1024, 0);
	result = lifetable_logrank(&ctx, tables, n);
	for (int i = 0; i < 4; i++)
		lists[i] = palloc(n * sizeof(Datum));
	for (int g = 0; g < n; g++)
	{
		lists[0][g] = CStringGetTextDatum(survival->groups[g].label);
		lists[1][g] = Int64GetDatum(lifetable_rows(tables[g]));
		lists[2][g] = Int64GetDatum((int64) result.observed[g]);
		lists[3][g] = Float8GetDatum(result.expected[g]);
	}
	ecml_set_number(values, nulls, 0, result.chi_square);
	values[1] = Int32GetDatum(result.df);
	ecml_set_number(values, nulls, 2, result.p_value);
	values[3] = PointerGetDatum(construct_array(lists[0], n, TEXTOID, -1, false, TYPALIGN_INT));
	values[4] = PointerGetDatum(construct_array(lists[1], n, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	values[5] = PointerGetDatum(construct_array(lists[2], n, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	values[6] = PointerGetDatum(construct_array(lists[3], n, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	PG_RETURN_DATUM(ecml_composite(ecml_composite_desc(fcinfo), values, nulls));
}
