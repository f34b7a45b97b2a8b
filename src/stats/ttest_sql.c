/*
 * ttest_sql.c - t-tests as aggregates: ecml_ttest, ecml_ttest_paired, ecml_ttest_1samp
 *
 * One state serves all three.  The two groups of ecml_ttest are told apart by their text, and stand in its order (as bytes)
 * in the result, so that it does not depend on the order of the rows.
 */
#include "core/compat.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "utils/lsyscache.h"

#include "core/bind.h"
#include "core/decimal.h"
#include "core/json.h"
#include "core/options.h"
#include "core/result.h"
#include "core/state.h"
#include "stats/ttest.h"

typedef enum TestKind			/* in the state's bytes */
{
	TWO_SAMPLES,
	PAIRED,
	ONE_SAMPLE
} TestKind;

typedef struct Test
{
	TestKind	kind;
	TtestParams params;
	MemoryContext context;
	EcmlMoments moments[3];		/* two samples: groups; paired: a, b, a - b; one sample: x */
	int			groups;
	char	   *labels[2];
	int			lengths[2];
	/* how the groups' values look in this call; not kept */
	EcmlInput	input;
	bool		by_value;
	Datum		datums[2];
	bool		known[2];		/* datums hold the label's value */
} Test;

static const char *const alternatives[] = {"two-sided", "less", "greater", NULL};

static const char *const functions[] = {"ecml_ttest", "ecml_ttest_paired", "ecml_ttest_1samp"};	/* by TestKind */

static const EcmlOption options[] = {
	/* the first is of two samples alone */
	ECML_OPT_BOOL(TtestParams, equal_var, "equal_var"),
	ECML_OPT_ENUM(TtestParams, alternative, "alternative", alternatives),
	ECML_OPT_FLOAT(TtestParams, level, "level", 0, 1),
	ECML_OPT_END
};

static void
write_test(EcmlWriter *w, void *content)
{
	const Test *test = content;

	ecml_write_u8(w, test->kind);
	ecml_write_u8(w, test->params.equal_var);
	ecml_write_u8(w, test->params.alternative);
	ecml_write_f8(w, test->params.level);
	ecml_write_f8(w, test->params.mu);
	for (int i = 0; i < 3; i++)
	{
		const EcmlMoments *m = &test->moments[i];

		ecml_write_u64(w, m->n);
		ecml_write_f8(w, m->sum_hi);
		ecml_write_f8(w, m->sum_lo);
		ecml_write_f8(w, m->square_hi);
		ecml_write_f8(w, m->square_lo);
	}
	ecml_write_u8(w, test->groups);
	for (int g = 0; g < test->groups; g++)
		ecml_write_string(w, test->labels[g]);
}

static void *
read_test(EcmlReader *r, MemoryContext context, const void *arg)
{
	Test	   *test = MemoryContextAllocZero(context, sizeof(Test));

	test->context = context;
	test->kind = ecml_read_u8(r);
	test->params.equal_var = ecml_read_bool(r);
	test->params.alternative = ecml_read_u8(r);
	test->params.level = ecml_read_finite(r);
	test->params.mu = ecml_read_finite(r);
	if (test->kind > ONE_SAMPLE || test->params.alternative > TTEST_GREATER || ttest_check(&test->params) != NULL)
		ecml_read_corrupted(r, "its test is not known");
	for (int i = 0; i < 3; i++)
	{
		EcmlMoments *m = &test->moments[i];

		m->n = ecml_read_u64(r);
		m->sum_hi = ecml_read_f8(r);
		m->sum_lo = ecml_read_f8(r);
		m->square_hi = ecml_read_f8(r);
		m->square_lo = ecml_read_f8(r);
		if (m->n < 0)
			ecml_read_corrupted(r, "a count is negative");
	}
	test->groups = ecml_read_u8(r);
	if (test->groups > 2)
		ecml_read_corrupted(r, "there are more than two groups");
	for (int g = 0; g < test->groups; g++)
	{
		test->labels[g] = ecml_host_read_text(r);
		test->lengths[g] = strlen(test->labels[g]);
	}
	return test;
}

static const EcmlStateType state_type = {.name = "ttest",.write = write_test,.read = read_test};

ECML_STATE_FUNCTIONS(ecml_ttest_state, &state_type)

/* A state for the first row; options: number of the jsonb argument, or 0. */
static EcmlState *
begin(FunctionCallInfo fcinfo, TestKind kind, int options_argument)
{
	EcmlState  *state = ecml_state_create(&state_type, ecml_aggregate_context(fcinfo));
	MemoryContext context = state->header.eoh_context;
	MemoryContext old = MemoryContextSwitchTo(context);
	Test	   *test = palloc0(sizeof(Test));
	EcmlOptionSet set = {kind == TWO_SAMPLES ? options : options + 1, &test->params};
	const char *wrong;

	test->kind = kind;
	test->context = context;
	test->params = (TtestParams) TTEST_DEFAULTS;
	if (options_argument > 0 && !PG_ARGISNULL(options_argument))
		ecml_options_parse(functions[kind], PG_GETARG_JSONB_P(options_argument), &set, 1);
	wrong = ttest_check(&test->params);
	if (wrong)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid options for %s", functions[kind]),
				 errdetail("%s", wrong),
				 errhint("Give, for example, '{\"level\": 0.95}'.")));
	state->content = test;
	MemoryContextSwitchTo(old);
	return state;
}

/* The state to change, made from a flat one or anew. */
static EcmlState *
get_state(FunctionCallInfo fcinfo, TestKind kind, int options_argument)
{
	EcmlState  *state = ecml_state_in_place(fcinfo, 0);

	if (state)
		return state;
	state = ecml_state_argument(fcinfo, 0, &state_type, ecml_aggregate_context(fcinfo));
	return state ? state : begin(fcinfo, kind, options_argument);
}

static void
not_finite(double value)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_EXCEPTION),
			 errmsg("a value of the t-test is not finite"),
			 errdetail("A row has %s.", isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity"),
			 errhint("Filter such rows out, or turn the values into NULL.")));
}

/* The group of a label, made when it is new. */
static int
group_of_label(Test *test, const char *label, int length)
{
	for (int g = 0; g < test->groups; g++)
		if (test->lengths[g] == length && memcmp(test->labels[g], label, length) == 0)
			return g;
	if (test->groups == 2)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("a t-test compares two groups, and there are more"),
				 errdetail("Groups are \"%s\", \"%s\" and \"%s\".", test->labels[0], test->labels[1],
						   pnstrdup(label, length)),
				 errhint("Choose two of them: ecml_ttest(...) FILTER (WHERE ... IN (...)).")));
	test->labels[test->groups] = MemoryContextAlloc(test->context, length + 1);
	memcpy(test->labels[test->groups], label, length);
	test->labels[test->groups][length] = '\0';
	test->lengths[test->groups] = length;
	return test->groups++;
}

/* The group of a value of argument 2. */
static int
group_of(FunctionCallInfo fcinfo, Test *test, Datum value)
{
	const char *label;
	int			length;
	int			group;

	if (!OidIsValid(test->input.type))
	{
		Oid			element;
		EcmlConvert convert;

		test->input.type = get_fn_expr_argtype(fcinfo->flinfo, 2);
		if (!OidIsValid(test->input.type))
			test->input.type = TEXTOID; /* the form for callers that give no types */
		if (!ecml_bind_plan(test->input.type, &test->input.convert, &test->input.kind, &element, &convert))
			test->input.convert = ECML_FROM_ENUM;	/* by its text */
		test->by_value = get_typbyval(test->input.type);
	}
	if (test->by_value)
		for (int g = 0; g < 2; g++)
			if (test->known[g] && test->datums[g] == value)
				return g;
	label = ecml_bind_label(&test->input, value, &length);
	group = group_of_label(test, label, length);
	test->known[group] = test->by_value;
	test->datums[group] = value;
	return group;
}

PG_FUNCTION_INFO_V1(ecml_ttest_transition);
PG_FUNCTION_INFO_V1(ecml_ttest_transition_numeric);
PG_FUNCTION_INFO_V1(ecml_ttest_paired_transition);
PG_FUNCTION_INFO_V1(ecml_ttest_paired_transition_numeric);
PG_FUNCTION_INFO_V1(ecml_ttest_1samp_transition);
PG_FUNCTION_INFO_V1(ecml_ttest_1samp_transition_numeric);
PG_FUNCTION_INFO_V1(ecml_ttest_combine);
PG_FUNCTION_INFO_V1(ecml_ttest_final);

/* The value of an argument; a numeric with all its digits. */
static inline EcmlDd
value_of(FunctionCallInfo fcinfo, int argument, bool numeric)
{
	EcmlDd		value = numeric ? ecml_decimal_pair(PG_GETARG_DATUM(argument)) : dd_from(PG_GETARG_FLOAT8(argument));

	if (unlikely(!isfinite(value.hi)))
		not_finite(value.hi);
	return value;
}

static inline void
add(EcmlMoments *moments, EcmlDd value, bool numeric)
{
	if (numeric)
		ecml_moments_add_pair(moments, value.hi, value.lo);
	else
		ecml_moments_add(moments, value.hi);
}

static inline Datum
two_samples(FunctionCallInfo fcinfo, bool numeric)
{
	EcmlState  *state = get_state(fcinfo, TWO_SAMPLES, PG_NARGS() > 3 ? 3 : 0);
	Test	   *test = state->content;

	if (!PG_ARGISNULL(1) && !PG_ARGISNULL(2))
	{
		EcmlDd		value = value_of(fcinfo, 1, numeric);

		add(&test->moments[group_of(fcinfo, test, PG_GETARG_DATUM(2))], value, numeric);
	}
	PG_RETURN_DATUM(EOHPGetRWDatum(&state->header));
}

static inline Datum
paired(FunctionCallInfo fcinfo, bool numeric)
{
	EcmlState  *state = get_state(fcinfo, PAIRED, PG_NARGS() > 3 ? 3 : 0);
	Test	   *test = state->content;

	if (!PG_ARGISNULL(1) && !PG_ARGISNULL(2))
	{
		EcmlDd		a = value_of(fcinfo, 1, numeric);
		EcmlDd		b = value_of(fcinfo, 2, numeric);

		add(&test->moments[0], a, numeric);
		add(&test->moments[1], b, numeric);
		/* the difference of two doubles is a double: what SciPy and R take */
		add(&test->moments[2], numeric ? dd_sub(a, b) : dd_from(a.hi - b.hi), numeric);
	}
	PG_RETURN_DATUM(EOHPGetRWDatum(&state->header));
}

static inline Datum
one_sample(FunctionCallInfo fcinfo, bool numeric)
{
	EcmlState  *state = get_state(fcinfo, ONE_SAMPLE, PG_NARGS() > 3 ? 3 : 0);
	Test	   *test = state->content;

	if (!PG_ARGISNULL(1) && !PG_ARGISNULL(2))
	{
		EcmlDd		x = value_of(fcinfo, 1, numeric);
		double		mu = PG_GETARG_FLOAT8(2);

		if (!isfinite(mu))
			not_finite(mu);
		if (test->moments[0].n == 0)
			test->params.mu = mu;
		else if (mu != test->params.mu)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("the hypothetical mean must be the same in all rows"),
					 errdetail("It is %g in one row and %g in another.", test->params.mu, mu),
					 errhint("Give a constant; to compare two columns use ecml_ttest_paired.")));
		add(&test->moments[0], x, numeric);
	}
	PG_RETURN_DATUM(EOHPGetRWDatum(&state->header));
}

/* ecml_ttest_transition(state, value float8, grp "any" [, options jsonb]) */
Datum
ecml_ttest_transition(PG_FUNCTION_ARGS)
{
	return two_samples(fcinfo, false);
}

/* ecml_ttest_transition(state, value numeric, grp "any" [, options jsonb]) */
Datum
ecml_ttest_transition_numeric(PG_FUNCTION_ARGS)
{
	return two_samples(fcinfo, true);
}

/* ecml_ttest_paired_transition(state, a float8, b float8 [, options jsonb]) */
Datum
ecml_ttest_paired_transition(PG_FUNCTION_ARGS)
{
	return paired(fcinfo, false);
}

/* ecml_ttest_paired_transition(state, a numeric, b numeric [, options jsonb]) */
Datum
ecml_ttest_paired_transition_numeric(PG_FUNCTION_ARGS)
{
	return paired(fcinfo, true);
}

/* ecml_ttest_1samp_transition(state, x float8, mu float8 [, options jsonb]) */
Datum
ecml_ttest_1samp_transition(PG_FUNCTION_ARGS)
{
	return one_sample(fcinfo, false);
}

/* ecml_ttest_1samp_transition(state, x numeric, mu float8 [, options jsonb]) */
Datum
ecml_ttest_1samp_transition_numeric(PG_FUNCTION_ARGS)
{
	return one_sample(fcinfo, true);
}

static void
merge(EcmlState *state, EcmlState *other)
{
	Test	   *test = state->content;
	const Test *source = other->content;

	bool		same = test->kind == source->kind && test->params.equal_var == source->params.equal_var &&
		test->params.alternative == source->params.alternative && test->params.level == source->params.level;

	if (test->kind == ONE_SAMPLE && test->moments[0].n == 0)
		test->params.mu = source->params.mu;
	if (!same || (source->moments[0].n > 0 && test->params.mu != source->params.mu))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("states of different t-tests cannot be merged"),
				 errdetail("Their kind, options or hypothetical mean differ."),
				 errhint("Make all states with the same arguments.")));
	if (test->kind != TWO_SAMPLES)
	{
		for (int i = 0; i < 3; i++)
			ecml_moments_merge(&test->moments[i], &source->moments[i]);
		return;
	}
	for (int g = 0; g < source->groups; g++)
		ecml_moments_merge(&test->moments[group_of_label(test, source->labels[g], source->lengths[g])],
						   &source->moments[g]);
}

/* ecml_ttest_combine(state, state) */
Datum
ecml_ttest_combine(PG_FUNCTION_ARGS)
{
	return ecml_state_combine(fcinfo, &state_type, merge);
}

static const char *
method_name(const Test *test)
{
	switch (test->kind)
	{
		case TWO_SAMPLES:
			return test->params.equal_var ? "Student's t-test" : "Welch's t-test";
		case PAIRED:
			return "paired t-test";
		case ONE_SAMPLE:
			break;
	}
	return "one-sample t-test";
}

/* ecml_ttest_final(state): ecml_ttest_result */
Datum
ecml_ttest_final(PG_FUNCTION_ARGS)
{
	EcmlState  *state = ecml_state_argument(fcinfo, 0, &state_type, CurrentMemoryContext);
	const Test *test = state ? state->content : NULL;
	const EcmlMoments *a;
	const EcmlMoments *b;
	TtestResult result;
	Datum		values[14];
	bool		nulls[14] = {false};
	bool		swap;

	if (test == NULL)
		PG_RETURN_NULL();
	swap = test->groups == 2 && strcmp(test->labels[0], test->labels[1]) > 0;
	a = &test->moments[swap ? 1 : 0];
	b = &test->moments[swap ? 0 : 1];
	if (test->kind == TWO_SAMPLES)
		result = ttest_two_samples(a, b, &test->params);
	else if (test->kind == ONE_SAMPLE)
		result = ttest_one_sample(a, &test->params);
	else
	{
		result = ttest_one_sample(&test->moments[2], &test->params);
		result.mean_a = ecml_moments_mean(a);
		result.mean_b = ecml_moments_mean(b);
	}
	ecml_set_number(values, nulls, 0, result.statistic);
	ecml_set_number(values, nulls, 1, result.df);
	ecml_set_number(values, nulls, 2, result.p_value);
	ecml_set_number(values, nulls, 3, result.mean_a);
	ecml_set_number(values, nulls, 4, result.mean_b);
	ecml_set_number(values, nulls, 5, result.difference);
	ecml_set_number(values, nulls, 6, result.ci_low);
	ecml_set_number(values, nulls, 7, result.ci_high);
	ecml_set_number(values, nulls, 8, result.effect_size);
	values[9] = Int64GetDatum(a->n);
	values[10] = Int64GetDatum(b->n);
	nulls[10] = test->kind == ONE_SAMPLE;
	for (int g = 0; g < 2; g++)
	{
		int			label = swap ? 1 - g : g;

		nulls[11 + g] = label >= test->groups;
		values[11 + g] = nulls[11 + g] ? (Datum) 0 : CStringGetTextDatum(test->labels[label]);
	}
	values[13] = CStringGetTextDatum(method_name(test));
	PG_RETURN_DATUM(ecml_composite(ecml_composite_desc(fcinfo), values, nulls));
}
