/*
 * describe_sql.c - ecml_describe: what stands in the columns of a source
 *
 * One query over the source with the aggregate ecml.describe_rows, which PostgreSQL runs in all its parallel workers.
 * The aggregate stages numbers column by column, and hands them to the kernel (describe.h) by blocks; a table of more
 * columns than a call can have arguments has several aggregates in the same query.
 */
#include "core/compat.h"

#include <math.h>

#include "access/detoast.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/date.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#include "core/decimal.h"
#include "core/guc.h"
#include "core/options.h"
#include "core/result.h"
#include "core/source.h"
#include "core/state.h"
#include "num/hash.h"
#include "prep/describe_sql.h"

#define STAGED 512
#define MAX_COLUMNS (FUNC_MAX_ARGS - 5) /* of one call */
#define EPOCH ((POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * (double) SECS_PER_DAY)

/* ------------------------------------------------------------------------------------------------ types */

typedef enum Kind
{
	K_FLOAT8,
	K_FLOAT4,
	K_INT2,
	K_INT4,
	K_INT8,
	K_BOOL,
	K_DATE,
	K_TIMESTAMP,
	K_TIME,
	K_INTERVAL,
	K_NUMERIC,
	K_TEXT,
	K_BPCHAR,
	K_NAME,
	K_HASHED,					/* known by the hash of its type, or of its text form */
	K_COUNTED					/* of a type without equality: only counted */
} Kind;

static Kind
kind_of(Oid type)
{
	static const struct
	{
		Oid			type;
		Kind		kind;
	}			known[] = {
		{FLOAT8OID, K_FLOAT8}, {FLOAT4OID, K_FLOAT4}, {INT2OID, K_INT2}, {INT4OID, K_INT4}, {INT8OID, K_INT8},
		{BOOLOID, K_BOOL}, {DATEOID, K_DATE}, {TIMESTAMPOID, K_TIMESTAMP}, {TIMESTAMPTZOID, K_TIMESTAMP},
		{TIMEOID, K_TIME}, {INTERVALOID, K_INTERVAL}, {NUMERICOID, K_NUMERIC}, {TEXTOID, K_TEXT}, {VARCHAROID, K_TEXT},
		{BPCHAROID, K_BPCHAR}, {NAMEOID, K_NAME}
	};
	char		category;
	bool		preferred;

	type = getBaseType(type);
	for (int i = 0; i < (int) lengthof(known); i++)
		if (known[i].type == type)
			return known[i].kind;
	get_type_category_preferred(type, &category, &preferred);
	if (category == TYPCATEGORY_STRING && get_typtype(type) == TYPTYPE_BASE && get_typlen(type) == -1)
		return K_TEXT;			/* citext and its like */
	return OidIsValid(lookup_type_cache(type, TYPECACHE_EQ_OPR)->eq_opr) ? K_HASHED : K_COUNTED;
}

static bool
is_number(Kind kind)
{
	return kind <= K_NUMERIC;
}

static bool
is_time(Kind kind)
{
	return kind >= K_DATE && kind <= K_INTERVAL;
}

/* ------------------------------------------------------------------------------------------------ the state */

typedef struct Staging
{
	int			n;
	double		x[STAGED];
	uint64		keys[STAGED];
} Staging;

typedef struct DescribeState
{
	EcmlCtx    *ctx;
	int			n;
	DescribeColumn *columns;	/* [n] */
	Staging   **staging;		/* [n]; NULL: nothing staged */
	int64		rows;
} DescribeState;

static DescribeState *
state_create(EcmlCtx *ctx, int n)
{
	DescribeState *state = ECML_NEW0(ctx, DescribeState, 1);

	state->ctx = ctx;
	state->n = n;
	state->columns = ECML_NEW(ctx, DescribeColumn, n);
	state->staging = ECML_NEW0(ctx, Staging *, n);
	return state;
}

static void
flush_column(DescribeState *state, int i)
{
	Staging    *staging = state->staging[i];

	if (staging && staging->n > 0)
		describe_numbers(state->ctx, &state->columns[i], staging->x, staging->keys, staging->n);
	if (staging)
		staging->n = 0;
}

static void
flush(DescribeState *state)
{
	for (int i = 0; i < state->n; i++)
		flush_column(state, i);
}

static void
state_write(EcmlWriter *w, void *content)
{
	DescribeState *state = content;

	flush(state);
	ecml_write_u32(w, state->n);
	for (int i = 0; i < state->n; i++)
		describe_write(w, &state->columns[i]);
}

static void *
state_read(EcmlReader *r, MemoryContext context, const void *arg)
{
	int			n = ecml_read_u32_in(r, 1, MAX_COLUMNS);
	DescribeState *state = state_create(r->ctx, n);

	for (int i = 0; i < n; i++)
	{
		const EcmlTally *tally = &state->columns[i].tally;

		describe_read(r, &state->columns[i]);
		for (int e = 0; e < tally->slots; e++)
			if (tally->entries[e].count > 0 && tally->entries[e].labelled)
			{
				int			length;
				const char *label = ecml_tally_label_of(tally, &tally->entries[e], &length);

				if (!pg_verifymbstr(label, length, true))
					ecml_read_corrupted(r, "a text is not valid in the encoding of the database");
			}
	}
	return state;
}

static const EcmlStateType state_type = {.name = "ecml_describe",.write = state_write,.read = state_read};

ECML_STATE_FUNCTIONS(ecml_describe_state, &state_type)

static void
check_columns(const DescribeState *state, int n)
{
	if (state->n != n)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("a state of ecml_describe is of other columns"),
				 errdetail("It has %d columns where there are %d.", state->n, n),
				 errhint("Merge states of the same columns.")));
}

static void
merge(EcmlState *to, EcmlState *from)
{
	DescribeState *state = to->content;
	DescribeState *other = from->content;

	check_columns(state, other->n);
	flush(state);
	flush(other);
	for (int i = 0; i < state->n; i++)
		describe_merge(state->ctx, &state->columns[i], &other->columns[i]);
}

/* ------------------------------------------------------------------------------------------------ transition */

typedef struct Argument
{
	Kind		kind;
	FmgrInfo	hash;			/* HASHED, NUMERIC; none: the text form is hashed */
	FmgrInfo	output;			/* HASHED, NUMERIC */
	Oid			collation;
} Argument;

static Argument *
plan_arguments(FunctionCallInfo fcinfo, int first)
{
	MemoryContext context = fcinfo->flinfo->fn_mcxt;
	Argument   *arguments = MemoryContextAllocZero(context, (PG_NARGS() - first + 1) * sizeof(Argument));

	for (int i = first; i < PG_NARGS(); i++)
	{
		Argument   *argument = &arguments[i - first];
		Oid			type = get_fn_expr_argtype(fcinfo->flinfo, i);
		Oid			hash;
		Oid			output;
		bool		varlena;

		if (!OidIsValid(type))
			elog(ERROR, "could not determine the type of argument %d", i + 1);
		argument->kind = kind_of(type);
		if (argument->kind != K_HASHED && argument->kind != K_NUMERIC)
			continue;
		hash = lookup_type_cache(type, TYPECACHE_HASH_EXTENDED_PROC)->hash_extended_proc;
		if (OidIsValid(hash))
			fmgr_info_cxt(hash, &argument->hash, context);
		getTypeOutputInfo(type, &output, &varlena);
		fmgr_info_cxt(output, &argument->output, context);
		/* arrays of a type with collation take any: what they need is that one is given */
		argument->collation = OidIsValid(get_typcollation(type)) ? get_typcollation(type) : DEFAULT_COLLATION_OID;
	}
	return arguments;
}

static EcmlState *
begin_state(FunctionCallInfo fcinfo, int n)
{
	EcmlState  *state = ecml_state_create(&state_type, ecml_aggregate_context(fcinfo));
	DescribeState *content = state_create(&state->ctx, n);
	uint64		seed = (uint64) PG_GETARG_INT64(1);

	/* its part of what all the aggregates of the query may take */
	state->ctx.budget = (size_t) ((double) ecml_guc_work_mem * 1024 * n / Max(n, PG_GETARG_INT32(2)));
	for (int i = 0; i < n; i++)
		describe_init(&content->columns[i], seed * MAX_COLUMNS + i);
	state->content = content;
	return state;
}

static inline void
stage(DescribeState *state, int i, double x, uint64 key)
{
	Staging    *staging = state->staging[i];

	if (unlikely(staging == NULL))
	{
		staging = state->staging[i] = ecml_alloc(state->ctx, sizeof(Staging));
		staging->n = 0;
	}
	staging->x[staging->n] = x;
	staging->keys[staging->n] = key;
	if (++staging->n == STAGED)
		flush_column(state, i);
}

/* Equal doubles have equal bits: one zero, one NaN. */
static inline uint64
bits_of(double x)
{
	uint64		bits;

	if (x == 0)
		x = 0;
	else if (isnan(x))
		x = NAN;
	memcpy(&bits, &x, sizeof(bits));
	return bits;
}

static inline void
stage_double(DescribeState *state, int i, double x)
{
	stage(state, i, x, bits_of(x));
}

static inline void
stage_int(DescribeState *state, int i, int64 x)
{
	stage(state, i, (double) x, (uint64) x);
}

static int64
character_count(const char *bytes, int length)
{
	int64		n = 0;

	if (pg_database_encoding_max_length() == 1)
		return length;
	if (GetDatabaseEncoding() != PG_UTF8)
		return pg_mbstrlen_with_len(bytes, length);
	for (int i = 0; i < length; i++)
		n += (bytes[i] & 0xC0) != 0x80;
	return n;
}

static void
add_text(DescribeState *state, int i, const char *bytes, int length)
{
	/* a label is cut by bytes, but not within a character */
	describe_text(state->ctx, &state->columns[i], bytes, length, character_count(bytes, length),
				  length <= ECML_TALLY_LABEL ? length : pg_mbcliplen(bytes, length, ECML_TALLY_LABEL));
}

static void
add_hashed(DescribeState *state, int i, Argument *argument, Datum value)
{
	char	   *label = NULL;
	uint64		hash;
	EcmlTallyEntry *entry;

	if (OidIsValid(argument->hash.fn_oid))
		/* hash functions of types need not mix as sketches want it */
		hash = ecml_hash_mix(1 + DatumGetUInt64(FunctionCall2Coll(&argument->hash, argument->collation, value,
																  Int64GetDatum(0))));
	else
	{
		label = OutputFunctionCall(&argument->output, value);
		hash = ecml_hash_bytes(label, strlen(label), 0);
	}
	if (describe_hash(state->ctx, &state->columns[i], hash, &entry))
	{
		if (label == NULL)
			label = OutputFunctionCall(&argument->output, value);
		ecml_tally_label(state->ctx, &state->columns[i].tally, entry, label, pg_mbcliplen(label, strlen(label),
						 ECML_TALLY_LABEL));
	}
	if (label)
		pfree(label);
}

/* Numerics of few digits are known by their double, longer ones and those beyond doubles by the hash of their type. */
static void
add_numeric(DescribeState *state, int i, Argument *argument, Datum value)
{
	double		x = ecml_decimal_float8(value);

	if (toast_raw_datum_size(value) - VARHDRSZ <= 8 && !isinf(x))
		stage_double(state, i, x);
	else
	{
		describe_numbers(state->ctx, &state->columns[i], &x, NULL, 1);
		add_hashed(state, i, argument, value);
	}
}

static void
add_value(DescribeState *state, int i, Argument *argument, Datum value)
{
	switch (argument->kind)
	{
		case K_FLOAT8:
			stage_double(state, i, DatumGetFloat8(value));
			break;
		case K_FLOAT4:
			stage_double(state, i, DatumGetFloat4(value));
			break;
		case K_INT2:
			stage_int(state, i, DatumGetInt16(value));
			break;
		case K_INT4:
			stage_int(state, i, DatumGetInt32(value));
			break;
		case K_INT8:
			stage_int(state, i, DatumGetInt64(value));
			break;
		case K_BOOL:
			stage_int(state, i, DatumGetBool(value));
			break;
		case K_DATE:
			{
				DateADT		date = DatumGetDateADT(value);

				stage(state, i, DATE_NOT_FINITE(date) ? INFINITY : date * (double) SECS_PER_DAY + EPOCH,
					  (uint64) (int64) date);
				break;
			}
		case K_TIMESTAMP:
			{
				Timestamp	timestamp = DatumGetTimestamp(value);

				stage(state, i, TIMESTAMP_NOT_FINITE(timestamp) ? INFINITY : timestamp / 1e6 + EPOCH,
					  (uint64) timestamp);
				break;
			}
		case K_TIME:
			stage(state, i, DatumGetTimeADT(value) / 1e6, (uint64) DatumGetTimeADT(value));
			break;
		case K_INTERVAL:
			{
				Interval   *interval = DatumGetIntervalP(value);

				stage_double(state, i, ecml_interval_infinite(interval) ? INFINITY :
							 (interval->month * 30.0 + interval->day) * SECS_PER_DAY + interval->time / 1e6);
				break;
			}
		case K_NUMERIC:
			add_numeric(state, i, argument, value);
			break;
		case K_TEXT:
		case K_BPCHAR:
			{
				struct varlena *text = PG_DETOAST_DATUM_PACKED(value);
				const char *bytes = VARDATA_ANY(text);
				int			length = VARSIZE_ANY_EXHDR(text);

				if (argument->kind == K_BPCHAR)
					length = bpchartruelen((char *) bytes, length);
				add_text(state, i, bytes, length);
				if ((Pointer) text != DatumGetPointer(value))
					pfree(text);
				break;
			}
		case K_NAME:
			add_text(state, i, NameStr(*DatumGetName(value)), strlen(NameStr(*DatumGetName(value))));
			break;
		case K_HASHED:
			state->columns[i].count++;
			add_hashed(state, i, argument, value);
			break;
		case K_COUNTED:
			state->columns[i].count++;
			break;
	}
}

PG_FUNCTION_INFO_V1(ecml_describe_transition);
PG_FUNCTION_INFO_V1(ecml_describe_combine);

/* ecml.describe_transition(state, seed bigint, total int, VARIADIC "any") */
Datum
ecml_describe_transition(PG_FUNCTION_ARGS)
{
	EcmlState  *holder = ecml_state_in_place(fcinfo, 0);
	Argument   *arguments = fcinfo->flinfo->fn_extra;
	int			n = PG_NARGS() - 3;
	DescribeState *state;

	if (n > MAX_COLUMNS || PG_ARGISNULL(1) || PG_ARGISNULL(2))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid arguments of ecml.describe_rows"),
				 errdetail("It takes a seed, the number of columns of the query, and at most %d columns.", MAX_COLUMNS),
				 errhint("Call ecml_describe.")));
	if (arguments == NULL)
		fcinfo->flinfo->fn_extra = arguments = plan_arguments(fcinfo, 3);
	if (holder == NULL)
	{
		holder = ecml_state_argument(fcinfo, 0, &state_type, ecml_aggregate_context(fcinfo));
		if (holder == NULL)
			holder = begin_state(fcinfo, n);
	}
	state = holder->content;
	check_columns(state, n);
	for (int i = 0; i < n; i++)
		if (PG_ARGISNULL(i + 3))
			state->columns[i].nulls++;
		else
			add_value(state, i, &arguments[i], PG_GETARG_DATUM(i + 3));
	if ((++state->rows & 1023) == 0)
		CHECK_FOR_INTERRUPTS();
	PG_RETURN_DATUM(EOHPGetRWDatum(&holder->header));
}

/* ecml.describe_combine(state, state) */
Datum
ecml_describe_combine(PG_FUNCTION_ARGS)
{
	return ecml_state_combine(fcinfo, &state_type, merge);
}

/* ------------------------------------------------------------------------------------------------ the query */

typedef struct Reading
{
	MemoryContext context;
	DescribeColumn *columns;
	int			n;
} Reading;

/* The states of all aggregates, in the order of the columns. */
static void
take_states(void *arg, TupleTableSlot *slot)
{
	Reading    *reading = arg;
	int			at = 0;

	for (int a = 0; a < slot->tts_tupleDescriptor->natts; a++)
	{
		DescribeState *state;

		if (slot->tts_isnull[a])
			return;				/* no row: all columns stay empty */
		state = ecml_state_from_datum(slot->tts_values[a], &state_type, reading->context)->content;
		for (int i = 0; i < state->n; i++)
			reading->columns[at++] = state->columns[i];
	}
}

DescribeColumn *
ecml_describe_query(const char *const *expressions, int n, const char *rest, int64 seed)
{
	Reading		reading = {.context = CurrentMemoryContext,.n = n};
	EcmlSource	query;
	StringInfoData text;

	reading.columns = palloc_extended((n + 1) * sizeof(DescribeColumn), MCXT_ALLOC_HUGE);
	for (int i = 0; i < n; i++)
		describe_init(&reading.columns[i], 0);
	initStringInfo(&text);
	for (int i = 0; i < n; i++)
	{
		if (i % MAX_COLUMNS == 0)
			appendStringInfo(&text, "%s ecml.describe_rows(" INT64_FORMAT ", %d", i == 0 ? "SELECT" : "),", seed, n);
		appendStringInfo(&text, ", %s", expressions[i]);
	}
	appendStringInfo(&text, ") %s", rest);
	ecml_source_open_parallel(&query, text.data);
	ecml_source_run(&query, take_states, &reading);
	return reading.columns;
}

/* ------------------------------------------------------------------------------------------------ results */

/* A point in time from the seconds since 1970 that it is described by, or an interval, as text. */
static char *
time_text(Oid type, Kind kind, double seconds)
{
	Datum		value;
	Oid			output;
	bool		varlena;
	Interval	interval = {0};

	switch (kind)
	{
		case K_DATE:
			value = DateADTGetDatum((DateADT) rint((seconds - EPOCH) / SECS_PER_DAY));
			break;
		case K_TIMESTAMP:
			value = TimestampGetDatum((Timestamp) rint((seconds - EPOCH) * 1e6));
			break;
		case K_TIME:
			value = TimeADTGetDatum((TimeADT) rint(seconds * 1e6));
			break;
		default:
			if (fabs(seconds) > 9e12)
				return psprintf("%.0f seconds", seconds);
			interval.time = (TimeOffset) rint(seconds * 1e6);
			value = DirectFunctionCall1(interval_justify_interval, IntervalPGetDatum(&interval));
			break;
	}
	getTypeOutputInfo(type, &output, &varlena);
	return OidOutputFunctionCall(output, value);
}

/* The value of an entry without a label: what its key stands for. */
static char *
key_text(Oid type, Kind kind, uint64 key)
{
	double		x;

	memcpy(&x, &key, sizeof(x));
	switch (kind)
	{
		case K_FLOAT8:
			return DatumGetCString(DirectFunctionCall1(float8out, Float8GetDatum(x)));
		case K_FLOAT4:
			return DatumGetCString(DirectFunctionCall1(float4out, Float4GetDatum((float4) x)));
		case K_NUMERIC:
			return DatumGetCString(DirectFunctionCall1(numeric_out, DirectFunctionCall1(float8_numeric,
								   Float8GetDatum(x))));
		case K_BOOL:
			return key ? "true" : "false";
		case K_INTERVAL:
			return isfinite(x) ? time_text(type, kind, x) : "infinity";
		case K_DATE:
		case K_TIMESTAMP:
		case K_TIME:
			{
				Oid			output;
				bool		varlena;

				getTypeOutputInfo(type, &output, &varlena);
				return OidOutputFunctionCall(output, kind == K_DATE ? DateADTGetDatum((DateADT) (int64) key) :
											 TimestampGetDatum((Timestamp) key));
			}
		default:
			return psprintf(INT64_FORMAT, (int64) key);
	}
}

static char *
top_text(Oid type, Kind kind, const EcmlTally *tally, const EcmlTallyEntry *top)
{
	int			length;
	const char *label = ecml_tally_label_of(tally, top, &length);

	return label ? pnstrdup(label, length) : key_text(type, kind, top->value);
}

static void
add_note(StringInfo note, const char *format,...) pg_attribute_printf(2, 3);

static void
add_note(StringInfo note, const char *format,...)
{
	char		text[256];
	va_list		arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	appendStringInfo(note, "%s%s", note->len > 0 ? "; " : "", text);
}

/* What is wrong with the column, in plain words. */
static char *
make_note(const DescribeColumn *c, Kind kind)
{
	StringInfoData note;
	double		distinct = ecml_tally_distinct(&c->tally);
	int64		filled = c->count - c->blank;

	initStringInfo(&note);
	if (c->count == 0)
		return c->nulls > 0 ? "all NULL" : "no rows";
	if (c->nulls > c->count)
		add_note(&note, "%.0f %% NULL", 100.0 * c->nulls / (c->nulls + c->count));
	if (kind == K_COUNTED)
		add_note(&note, "values of this type cannot be compared");
	else if (c->tally.exact && distinct == 1)
		add_note(&note, "constant");
	else if (c->count >= 20 && kind != K_FLOAT8 && kind != K_FLOAT4 && kind != K_NUMERIC && !is_time(kind))
	{
		if (c->tally.exact ? distinct == c->count : distinct >= c->count * (1 - 3 * ECML_TALLY_ERROR))
			add_note(&note, c->tally.exact ? "every value is different: an identifier?" :
					 "nearly every value is different: an identifier?");
	}
	if (c->nan > 0)
		add_note(&note, INT64_FORMAT " NaN", c->nan);
	if (c->infinite > 0)
		add_note(&note, INT64_FORMAT " infinite", c->infinite);
	if (c->blank > 0)
		add_note(&note, INT64_FORMAT " blank", c->blank);
	if (filled > 0 && c->like_number >= 0.9 * filled)
		add_note(&note, "looks like numbers stored as text (" INT64_FORMAT " of " INT64_FORMAT ")", c->like_number, c->count);
	else if (filled > 0 && c->like_date >= 0.9 * filled)
		add_note(&note, "looks like dates stored as text (" INT64_FORMAT " of " INT64_FORMAT ")", c->like_date, c->count);
	return note.len > 0 ? note.data : NULL;
}

static void
set_text(Datum *values, bool *nulls, int column, const char *text)
{
	nulls[column] = text == NULL;
	if (text)
		values[column] = CStringGetTextDatum(text);
}

enum ResultColumn
{
	R_NAME, R_TYPE, R_COUNT, R_NULLS, R_DISTINCT, R_MEAN, R_SD, R_SKEWNESS, R_MIN, R_Q25, R_MEDIAN, R_Q75, R_MAX,
	R_MIN_TEXT, R_MAX_TEXT, R_MOST_FREQUENT, R_FREQUENCY, R_ZEROS, R_MEAN_LENGTH, R_NOTE, R_COLUMNS
};

static void
add_result(EcmlRows *rows, EcmlCtx *ctx, Form_pg_attribute attribute, const DescribeColumn *c)
{
	static const double levels[] = {0.25, 0.5, 0.75};
	Kind		kind = kind_of(attribute->atttypid);
	Oid			type = getBaseType(attribute->atttypid);
	bool		finite = is_number(kind) && c->moments.n > 0;
	bool		text = kind == K_TEXT || kind == K_BPCHAR || kind == K_NAME;
	const EcmlTallyEntry *top = ecml_tally_top(&c->tally);
	double		quartiles[3];
	Datum		values[R_COLUMNS];
	bool		nulls[R_COLUMNS] = {false};

	/* where every value stands once, none is more frequent */
	if (top && top->count == 1 && c->count > 1)
		top = NULL;
	values[R_NAME] = CStringGetTextDatum(NameStr(attribute->attname));
	values[R_TYPE] = CStringGetTextDatum(format_type_with_typemod(attribute->atttypid, attribute->atttypmod));
	values[R_COUNT] = Int64GetDatum(c->count);
	values[R_NULLS] = Int64GetDatum(c->nulls);
	values[R_DISTINCT] = Int64GetDatum((int64) ecml_tally_distinct(&c->tally));
	nulls[R_DISTINCT] = kind == K_COUNTED;
	ecml_quantiles_get(ctx, &c->quantiles, levels, quartiles, 3);
	ecml_set_number(values, nulls, R_MEAN, finite ? ecml_moments_mean(&c->moments) : NAN);
	ecml_set_number(values, nulls, R_SD, finite ? ecml_moments_sd(&c->moments) : NAN);
	ecml_set_number(values, nulls, R_SKEWNESS, finite ? describe_skewness(c) : NAN);
	ecml_set_number(values, nulls, R_MIN, finite ? c->min : NAN);
	ecml_set_number(values, nulls, R_Q25, finite ? quartiles[0] : NAN);
	ecml_set_number(values, nulls, R_MEDIAN, finite ? quartiles[1] : NAN);
	ecml_set_number(values, nulls, R_Q75, finite ? quartiles[2] : NAN);
	ecml_set_number(values, nulls, R_MAX, finite ? c->max : NAN);
	set_text(values, nulls, R_MIN_TEXT, finite && is_time(kind) ? time_text(type, kind, c->min) : NULL);
	set_text(values, nulls, R_MAX_TEXT, finite && is_time(kind) ? time_text(type, kind, c->max) : NULL);
	set_text(values, nulls, R_MOST_FREQUENT, top ? top_text(type, kind, &c->tally, top) : NULL);
	values[R_FREQUENCY] = Int64GetDatum(top ? top->count : 0);
	nulls[R_FREQUENCY] = top == NULL;
	values[R_ZEROS] = Int64GetDatum(c->zeros);
	nulls[R_ZEROS] = !is_number(kind) && !text;
	ecml_set_number(values, nulls, R_MEAN_LENGTH, text && c->count > 0 ? c->characters / (double) c->count : NAN);
	set_text(values, nulls, R_NOTE, make_note(c, kind));
	ecml_rows_add(rows, values, nulls);
}

typedef struct Options
{
	int64		seed;
} Options;

static const EcmlOption options[] = {
	ECML_OPT_INT64(Options, seed, "seed", 0, 9007199254740992.0),
	ECML_OPT_END
};

PG_FUNCTION_INFO_V1(ecml_describe);

/* ecml_describe(source text, options jsonb): a row for each column */
Datum
ecml_describe(PG_FUNCTION_ARGS)
{
	EcmlRows   *rows = ecml_rows_begin(fcinfo);
	Options		given = {.seed = ecml_guc_seed};
	EcmlOptionSet set = {options, &given};
	EcmlSource	source;
	EcmlCtx		ctx;
	EcmlServerHost host;
	char	   *source_text;
	const char **expressions;
	StringInfoData rest;
	DescribeColumn *columns;
	int			n;

	source_text = ecml_source_argument(fcinfo, 0);
	ecml_options_parse("ecml_describe", PG_ARGISNULL(1) ? NULL : PG_GETARG_JSONB_P(1), &set, 1);
	SPI_connect();
	ecml_source_open(&source, source_text);
	n = source.desc->natts;
	/* columns by names of our own: those of a query need not differ */
	initStringInfo(&rest);
	appendStringInfo(&rest, "FROM %s AS s(", ecml_source_from(source_text));
	expressions = palloc((n + 1) * sizeof(char *));
	for (int i = 0; i < n; i++)
	{
		expressions[i] = psprintf("s.c%d", i + 1);
		appendStringInfo(&rest, "%sc%d", i > 0 ? ", " : "", i + 1);
	}
	appendStringInfoChar(&rest, ')');
	if (n > 0)
	{
		ecml_host_init(&ctx, &host, CurrentMemoryContext, 0, 0);
		columns = ecml_describe_query(expressions, n, rest.data, given.seed);
		for (int i = 0; i < n; i++)
			add_result(rows, &ctx, TupleDescAttr(source.desc, i), &columns[i]);
	}
	SPI_finish();
	return (Datum) 0;
}
