/*
 * tests_sql.c - tests as aggregates: by group (ecml_mannwhitney, ecml_ks, ecml_anova, ecml_levene, ecml_cuped, ecml_ratio_test), of
 * pairs (ecml_wilcoxon, ecml_pearson, ecml_spearman, ecml_kendall), of two categories (ecml_chi2)
 *
 * One state serves all of them.  It keeps, by the test: values (8 bytes a row, or 16, counted against ecml.work_mem), sums in
 * double-double, or a table of counts.  States merge, and the result does not depend on the order of the rows.
 */
#include "core/compat.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/lsyscache.h"

#include "core/bind.h"
#include "core/guc.h"
#include "core/options.h"
#include "core/result.h"
#include "core/state.h"
#include "num/sort.h"
#include "stats/experiment_sql.h"
#include "stats/groups.h"
#include "stats/rank.h"

#define MAX_GROUPS 1000			/* of a factor, or categories of a table's side */
#define KNOWN 8					/* groups of by-value types that are told by their datum */

typedef enum TestKind			/* in the state's bytes: append only */
{
	MANN_WHITNEY,
	KOLMOGOROV_SMIRNOV,
	ANOVA,
	LEVENE,
	CUPED,
	RATIO,
	WILCOXON,
	PEARSON,
	SPEARMAN,
	KENDALL,
	CHI2,
	TEST_KINDS
} TestKind;

typedef enum Keeps
{
	VALUES,						/* of each group, one by one */
	PAIRS,						/* of values, one by one */
	SUMS,						/* of each group: pairs (covariate or denominator, value); x is 0 where there is none */
	COUNTS						/* of pairs of categories */
} Keeps;

typedef struct TestParams
{
	RankParams	rank;
	double		level;
	bool		welch;			/* ANOVA */
	bool		correction;		/* CHI2 */
	int			statistic;		/* CHI2: 1: likelihood ratio */
	int			center;			/* LEVENE */
} TestParams;

static const TestParams defaults = {.rank = {.continuity = true}, .level = 0.95, .correction = true};

static const char *const methods[] = {"auto", "exact", "asymptotic", NULL};
static const char *const statistics[] = {"pearson", "log-likelihood", NULL};
static const char *const centers[] = {"median", "mean", NULL};

#define ALTERNATIVE ECML_OPT_ENUM(TestParams, rank.alternative, "alternative", experiment_alternatives)
#define METHOD ECML_OPT_ENUM(TestParams, rank.method, "method", methods)
#define CONTINUITY ECML_OPT_BOOL(TestParams, rank.continuity, "continuity")
#define LEVEL ECML_OPT_FLOAT(TestParams, level, "level", 0, 1)

static const EcmlOption shift_options[] = {ALTERNATIVE, METHOD, CONTINUITY, ECML_OPT_END};
static const EcmlOption exact_options[] = {ALTERNATIVE, METHOD, ECML_OPT_END};
static const EcmlOption side_options[] = {ALTERNATIVE, ECML_OPT_END};
static const EcmlOption interval_options[] = {ALTERNATIVE, LEVEL, ECML_OPT_END};
static const EcmlOption anova_options[] = {ECML_OPT_BOOL(TestParams, welch, "welch"), ECML_OPT_END};
static const EcmlOption levene_options[] = {ECML_OPT_ENUM(TestParams, center, "center", centers), ECML_OPT_END};
static const EcmlOption chi2_options[] = {
	ECML_OPT_BOOL(TestParams, correction, "correction"),
	ECML_OPT_ENUM(TestParams, statistic, "statistic", statistics),
	ECML_OPT_END
};

typedef struct TestInfo
{
	const char *name;
	Keeps		keeps;
	int			groups;			/* the most */
	const EcmlOption *options;
} TestInfo;

static const TestInfo infos[TEST_KINDS] = {
	[MANN_WHITNEY] = {"ecml_mannwhitney", VALUES, 2, shift_options},
	[KOLMOGOROV_SMIRNOV] = {"ecml_ks", VALUES, 2, exact_options},
	[ANOVA] = {"ecml_anova", SUMS, MAX_GROUPS, anova_options},
	[LEVENE] = {"ecml_levene", VALUES, MAX_GROUPS, levene_options},
	[CUPED] = {"ecml_cuped", SUMS, 2, interval_options},
	[RATIO] = {"ecml_ratio_test", SUMS, 2, interval_options},
	[WILCOXON] = {"ecml_wilcoxon", PAIRS, 0, shift_options},
	[PEARSON] = {"ecml_pearson", SUMS, 0, interval_options},
	[SPEARMAN] = {"ecml_spearman", PAIRS, 0, side_options},
	[KENDALL] = {"ecml_kendall", PAIRS, 0, exact_options},
	[CHI2] = {"ecml_chi2", COUNTS, MAX_GROUPS, chi2_options}
};

/* What a group's rows leave behind. */
typedef struct TestGroup
{
	Bivariate	sums;
	double	   *values;			/* [n]; of PAIRS [2 n]: x and y in turn */
	size_t		n;
	size_t		capacity;
} TestGroup;

/* The groups' labels, and how their values look in this call (not kept). */
typedef struct Labels
{
	EcmlDict   *dict;
	EcmlInput	input;
	bool		by_value;
	int			nknown;
	Datum		known[KNOWN];
	int			codes[KNOWN];
} Labels;

typedef struct Test
{
	TestKind	kind;
	TestParams	params;
	Labels		labels[2];		/* groups; of COUNTS rows and columns */
	TestGroup	   *groups;			/* [ngroups] by code; of PAIRS and PEARSON one */
	int			ngroups;
	double	   *counts;			/* COUNTS: [rows capacity][columns capacity] */
	int			capacity[2];
} Test;

/* ---------------------------------------------------------------- bytes */

static void
write_moments(EcmlWriter *w, const EcmlMoments *m)
{
	ecml_write_u64(w, m->n);
	ecml_write_f8(w, m->sum_hi);
	ecml_write_f8(w, m->sum_lo);
	ecml_write_f8(w, m->square_hi);
	ecml_write_f8(w, m->square_lo);
}

static void
read_moments(EcmlReader *r, EcmlMoments *m)
{
	m->n = ecml_read_u64(r);
	m->sum_hi = ecml_read_f8(r);
	m->sum_lo = ecml_read_f8(r);
	m->square_hi = ecml_read_f8(r);
	m->square_lo = ecml_read_f8(r);
	if (m->n < 0)
		ecml_read_corrupted(r, "a count is negative");
}

static void
write_test(EcmlWriter *w, void *content)
{
	const Test *test = content;
	Keeps		keeps = infos[test->kind].keeps;

	ecml_write_u8(w, test->kind);
	ecml_write_u8(w, test->params.rank.alternative);
	ecml_write_u8(w, test->params.rank.method);
	ecml_write_u8(w, test->params.rank.continuity);
	ecml_write_f8(w, test->params.level);
	ecml_write_u8(w, test->params.welch);
	ecml_write_u8(w, test->params.correction);
	ecml_write_u8(w, test->params.statistic);
	ecml_write_u8(w, test->params.center);
	for (int side = 0; side < 2; side++)
	{
		ecml_write_u32(w, test->labels[side].dict->n);
		for (int i = 0; i < test->labels[side].dict->n; i++)
			ecml_write_string(w, test->labels[side].dict->entries[i].key);
	}
	if (keeps == COUNTS)
	{
		for (int i = 0; i < test->labels[0].dict->n; i++)
			ecml_write_f8s(w, test->counts + (size_t) i * test->capacity[1], test->labels[1].dict->n);
		return;
	}
	ecml_write_u32(w, test->ngroups);
	for (int g = 0; g < test->ngroups; g++)
	{
		const TestGroup *group = &test->groups[g];

		if (keeps == SUMS)
		{
			write_moments(w, &group->sums.x);
			write_moments(w, &group->sums.y);
			ecml_write_f8(w, group->sums.xy.hi);
			ecml_write_f8(w, group->sums.xy.lo);
		}
		else
		{
			ecml_write_u64(w, group->n);
			ecml_write_f8s(w, group->values, keeps == PAIRS ? 2 * group->n : group->n);
		}
	}
}

static void
read_labels(EcmlReader *r, Labels *labels, int most, MemoryContext context)
{
	uint32		n = ecml_read_u32_in(r, 0, most);

	labels->dict = ecml_dict_create(context);
	for (uint32 i = 0; i < n; i++)
	{
		char	   *label = ecml_host_read_text(r);

		if (ecml_dict_add(labels->dict, label, strlen(label)) != (int) i)
			ecml_read_corrupted(r, "a group stands twice");
	}
}

static void
read_group(EcmlReader *r, TestGroup *group, Keeps keeps)
{
	uint64		n;

	if (keeps == SUMS)
	{
		read_moments(r, &group->sums.x);
		read_moments(r, &group->sums.y);
		group->sums.xy.hi = ecml_read_f8(r);
		group->sums.xy.lo = ecml_read_f8(r);
		if (group->sums.x.n != group->sums.y.n)
			ecml_read_corrupted(r, "its sums are of other rows");
		return;
	}
	n = ecml_read_u64(r);
	if (n > ecml_read_left(r) / sizeof(double) / (keeps == PAIRS ? 2 : 1))
		ecml_read_corrupted(r, "there are fewer values than it counts");
	group->n = group->capacity = n;
	group->values = ecml_read_finite_f8s(r, keeps == PAIRS ? 2 * n : n);
}

static void *
read_test(EcmlReader *r, MemoryContext context, const void *arg)
{
	Test	   *test = MemoryContextAllocZero(context, sizeof(Test));
	const TestInfo *info;
	uint8		kind = ecml_read_u8(r);

	if (kind >= TEST_KINDS)
		ecml_read_corrupted(r, "its test is not known");
	test->kind = kind;
	info = &infos[kind];
	test->params.rank.alternative = ecml_read_u8(r);
	test->params.rank.method = ecml_read_u8(r);
	test->params.rank.continuity = ecml_read_bool(r);
	test->params.level = ecml_read_finite(r);
	test->params.welch = ecml_read_bool(r);
	test->params.correction = ecml_read_bool(r);
	test->params.statistic = ecml_read_u8(r);
	test->params.center = ecml_read_u8(r);
	if (test->params.rank.alternative > RANK_GREATER || test->params.rank.method > RANK_ASYMPTOTIC ||
		!(test->params.level > 0 && test->params.level < 1) || test->params.statistic > 1 || test->params.center > 1)
		ecml_read_corrupted(r, "its options are not known");
	for (int side = 0; side < 2; side++)
		read_labels(r, &test->labels[side], info->keeps == COUNTS ? MAX_GROUPS : side == 0 ? info->groups : 0, context);
	if (info->keeps == COUNTS)
	{
		size_t		n;

		test->capacity[0] = test->labels[0].dict->n;
		test->capacity[1] = test->labels[1].dict->n;
		n = (size_t) test->capacity[0] * test->capacity[1];
		if (n > ecml_read_left(r) / sizeof(double))
			ecml_read_corrupted(r, "there are fewer counts than its categories need");
		test->counts = ecml_read_finite_f8s(r, n);
		for (size_t i = 0; i < n; i++)
			if (test->counts[i] < 0)
				ecml_read_corrupted(r, "a count is negative");
		return test;
	}
	test->ngroups = ecml_read_u32_in(r, 0, info->groups > 0 ? info->groups : 1);
	if (test->ngroups != (info->groups > 0 ? test->labels[0].dict->n : 1))
		ecml_read_corrupted(r, "there are other groups than labels");
	test->groups = ECML_NEW0(r->ctx, TestGroup, test->ngroups + 1);
	test->capacity[0] = test->ngroups;
	for (int g = 0; g < test->ngroups; g++)
		read_group(r, &test->groups[g], info->keeps);
	return test;
}

static const EcmlStateType state_type = {.name = "a test",.write = write_test,.read = read_test};

ECML_STATE_FUNCTIONS(ecml_test_state, &state_type)

/* ---------------------------------------------------------------- rows */

/* A state for the first row; options: number of the jsonb argument, or 0. */
static EcmlState *
begin(FunctionCallInfo fcinfo, TestKind kind, int options)
{
	EcmlState  *state = ecml_state_create(&state_type, ecml_aggregate_context(fcinfo));
	MemoryContext old = MemoryContextSwitchTo(state->header.eoh_context);
	Test	   *test = palloc0(sizeof(Test));
	EcmlOptionSet set = {infos[kind].options, &test->params};

	test->kind = kind;
	test->params = defaults;
	if (options > 0 && !PG_ARGISNULL(options))
		ecml_options_parse(infos[kind].name, PG_GETARG_JSONB_P(options), &set, 1);
	experiment_check_level(test->params.level);
	/* SciPy corrects Mann-Whitney's approximation by default, and not Wilcoxon's */
	if (kind == WILCOXON && (options == 0 || PG_ARGISNULL(options) ||
							 getKeyJsonValueFromContainer(&PG_GETARG_JSONB_P(options)->root, "continuity", 10, NULL) == NULL))
		test->params.rank.continuity = false;
	for (int side = 0; side < 2; side++)
		test->labels[side].dict = ecml_dict_create(state->header.eoh_context);
	if (infos[kind].groups == 0)
	{
		test->groups = ECML_NEW0(&state->ctx, TestGroup, 1);
		test->ngroups = test->capacity[0] = 1;
	}
	state->content = test;
	MemoryContextSwitchTo(old);
	return state;
}

static void
check_kind(const Test *test, bool right)
{
	if (!right)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("the state is of another test"),
				 errdetail("It is of %s.", infos[test->kind].name),
				 errhint("Call the aggregate itself.")));
}

static EcmlState *
get_state(FunctionCallInfo fcinfo, TestKind kind, int options)
{
	EcmlState  *state = ecml_state_in_place(fcinfo, 0);

	if (state == NULL)
	{
		state = ecml_state_argument(fcinfo, 0, &state_type, ecml_aggregate_context(fcinfo));
		if (state == NULL)
			state = begin(fcinfo, kind, options);
		check_kind(state->content, ((Test *) state->content)->kind == kind);
	}
	state->ctx.budget = (size_t) ecml_guc_work_mem * 1024;
	return state;
}

static void
too_many_groups(const Test *test, const Labels *labels, const char *label, int length)
{
	const TestInfo *info = &infos[test->kind];

	if (info->groups == 2)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("%s compares two groups, and there are more", info->name),
				 errdetail("Groups are \"%s\", \"%s\" and \"%s\".", labels->dict->entries[0].key, labels->dict->entries[1].key,
						   pnstrdup(label, length)),
				 errhint("Choose two of them: %s(...) FILTER (WHERE ... IN (...)).", info->name)));
	ereport(ERROR,
			(errcode(ERRCODE_DATA_EXCEPTION),
			 errmsg("there are too many groups for %s", info->name),
			 errdetail("There are more than %d.", MAX_GROUPS),
			 errhint("Is the column a key? Give one with fewer different values.")));
}

/* The code of a label, added when it is new. */
static int
add_label(EcmlState *state, Labels *labels, const char *label, int length)
{
	Test	   *test = state->content;
	int			code = ecml_dict_find(labels->dict, label, length);
	int			most = infos[test->kind].groups;

	if (code >= 0)
		return code;
	if (labels->dict->n >= most)
		too_many_groups(test, labels, label, length);
	return ecml_dict_add(labels->dict, label, length);
}

/* The code of a value that stands for a group or category. */
static int
code_of(FunctionCallInfo fcinfo, EcmlState *state, Labels *labels, int argument)
{
	Datum		value = PG_GETARG_DATUM(argument);
	const char *label;
	int			length;
	int			code;

	if (!OidIsValid(labels->input.type))
	{
		Oid			element;
		EcmlConvert convert;

		labels->input.type = get_fn_expr_argtype(fcinfo->flinfo, argument);
		if (!OidIsValid(labels->input.type))
			labels->input.type = TEXTOID;
		if (!ecml_bind_plan(labels->input.type, &labels->input.convert, &labels->input.kind, &element, &convert))
			labels->input.convert = ECML_FROM_ENUM; /* by its text */
		labels->by_value = get_typbyval(labels->input.type);
	}
	if (labels->by_value)
		for (int i = 0; i < labels->nknown; i++)
			if (labels->known[i] == value)
				return labels->codes[i];
	label = ecml_bind_label(&labels->input, value, &length);
	code = add_label(state, labels, label, length);
	if (labels->by_value)
	{
		int			at = labels->nknown < KNOWN ? labels->nknown++ : code % KNOWN;

		labels->known[at] = value;
		labels->codes[at] = code;
	}
	return code;
}

/* Room for a group of this code. */
static TestGroup *
get_group(EcmlState *state, int code)
{
	Test	   *test = state->content;

	if (code >= test->capacity[0])
	{
		int			capacity = Max(2, code * 2);

		test->groups = ecml_resize_array(&state->ctx, test->groups, capacity, sizeof(TestGroup));
		memset(test->groups + test->capacity[0], 0, (capacity - test->capacity[0]) * sizeof(TestGroup));
		test->capacity[0] = capacity;
	}
	test->ngroups = Max(test->ngroups, code + 1);
	return &test->groups[code];
}

static void
make_room(EcmlState *state, TestGroup *group, size_t more, int width)
{
	if (group->n + more > group->capacity)
	{
		size_t		capacity = Max(group->n + more, Max(16, group->capacity + group->capacity / 2));

		group->values = ecml_resize_array(&state->ctx, group->values, capacity, width * sizeof(double));
		group->capacity = capacity;
	}
}

/* Room for the counts of all categories. */
static void
enlarge_counts(EcmlState *state)
{
	Test	   *test = state->content;
	int			rows = Max(test->capacity[0], test->labels[0].dict->n);
	int			columns = Max(test->capacity[1], test->labels[1].dict->n);
	double	   *counts;

	if (rows == test->capacity[0] && columns == test->capacity[1])
		return;
	rows = rows > test->capacity[0] ? Max(4, rows + rows / 2) : rows;
	columns = columns > test->capacity[1] ? Max(4, columns + columns / 2) : columns;
	counts = ECML_NEW0(&state->ctx, double, (size_t) rows * columns);
	for (int i = 0; i < test->capacity[0]; i++)
		memcpy(counts + (size_t) i * columns, test->counts + (size_t) i * test->capacity[1], test->capacity[1] * sizeof(double));
	ecml_free(&state->ctx, test->counts);
	test->counts = counts;
	test->capacity[0] = rows;
	test->capacity[1] = columns;
}

static double
finite_value(FunctionCallInfo fcinfo, int argument, TestKind kind)
{
	double		value = PG_GETARG_FLOAT8(argument);

	if (unlikely(!isfinite(value)))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("a value of %s is not finite", infos[kind].name),
				 errdetail("A row has %s.", isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity"),
				 errhint("Filter such rows out, or turn the values into NULL.")));
	return value;
}

/* (state, value, grp [, options]) */
static Datum
add_grouped(FunctionCallInfo fcinfo, TestKind kind)
{
	EcmlState  *state = get_state(fcinfo, kind, PG_NARGS() > 3 ? 3 : 0);
	Test	   *test = state->content;

	if (!PG_ARGISNULL(1) && !PG_ARGISNULL(2))
	{
		double		value = finite_value(fcinfo, 1, kind);
		TestGroup	   *group = get_group(state, code_of(fcinfo, state, &test->labels[0], 2));

		if (infos[kind].keeps == VALUES)
		{
			make_room(state, group, 1, 1);
			group->values[group->n++] = value;
		}
		else
		{
			ecml_moments_add(&group->sums.y, value);
			group->sums.x.n++;	/* no covariate: 0 */
		}
	}
	PG_RETURN_DATUM(EOHPGetRWDatum(&state->header));
}

/* (state, value, other, grp [, options]): the sums are of pairs (other, value) */
static Datum
add_grouped_pair(FunctionCallInfo fcinfo, TestKind kind)
{
	EcmlState  *state = get_state(fcinfo, kind, PG_NARGS() > 4 ? 4 : 0);
	Test	   *test = state->content;

	if (!PG_ARGISNULL(1) && !PG_ARGISNULL(2) && !PG_ARGISNULL(3))
	{
		double		value = finite_value(fcinfo, 1, kind);
		double		other = finite_value(fcinfo, 2, kind);

		bivariate_add(&get_group(state, code_of(fcinfo, state, &test->labels[0], 3))->sums, other, value);
	}
	PG_RETURN_DATUM(EOHPGetRWDatum(&state->header));
}

/* (state, a, b [, options]) */
static Datum
add_pair(FunctionCallInfo fcinfo, TestKind kind)
{
	EcmlState  *state = get_state(fcinfo, kind, PG_NARGS() > 3 ? 3 : 0);
	Test	   *test = state->content;

	if (!PG_ARGISNULL(1) && !PG_ARGISNULL(2))
	{
		double		a = finite_value(fcinfo, 1, kind);
		double		b = finite_value(fcinfo, 2, kind);
		TestGroup	   *group = &test->groups[0];

		if (infos[kind].keeps == SUMS)
			bivariate_add(&group->sums, a, b);
		else
		{
			make_room(state, group, 1, 2);
			group->values[2 * group->n] = a;
			group->values[2 * group->n++ + 1] = b;
		}
	}
	PG_RETURN_DATUM(EOHPGetRWDatum(&state->header));
}

/* (state, a "any", b "any" [, options]) */
static Datum
add_categories(FunctionCallInfo fcinfo, TestKind kind)
{
	EcmlState  *state = get_state(fcinfo, kind, PG_NARGS() > 3 ? 3 : 0);
	Test	   *test = state->content;

	if (!PG_ARGISNULL(1) && !PG_ARGISNULL(2))
	{
		int			row = code_of(fcinfo, state, &test->labels[0], 1);
		int			column = code_of(fcinfo, state, &test->labels[1], 2);

		enlarge_counts(state);
		test->counts[(size_t) row * test->capacity[1] + column]++;
	}
	PG_RETURN_DATUM(EOHPGetRWDatum(&state->header));
}

#define TRANSITION(name, add, kind) \
	PG_FUNCTION_INFO_V1(ecml_##name##_transition); \
	Datum ecml_##name##_transition(PG_FUNCTION_ARGS) { return add(fcinfo, kind); }

TRANSITION(mannwhitney, add_grouped, MANN_WHITNEY)
TRANSITION(ks, add_grouped, KOLMOGOROV_SMIRNOV)
TRANSITION(anova, add_grouped, ANOVA)
TRANSITION(levene, add_grouped, LEVENE)
TRANSITION(cuped, add_grouped_pair, CUPED)
TRANSITION(ratio_test, add_grouped_pair, RATIO)
TRANSITION(wilcoxon, add_pair, WILCOXON)
TRANSITION(pearson, add_pair, PEARSON)
TRANSITION(spearman, add_pair, SPEARMAN)
TRANSITION(kendall, add_pair, KENDALL)
TRANSITION(chi2, add_categories, CHI2)

/* ---------------------------------------------------------------- merging */

static void
merge_labels(EcmlState *state, int side, const Labels *source, int *codes)
{
	Test	   *test = state->content;

	for (int i = 0; i < source->dict->n; i++)
		codes[i] = add_label(state, &test->labels[side], source->dict->entries[i].key, source->dict->entries[i].length);
}

static void
merge_group(EcmlState *state, TestGroup *group, const TestGroup *source, Keeps keeps)
{
	int			width = keeps == PAIRS ? 2 : 1;

	if (keeps == SUMS)
	{
		bivariate_merge(&group->sums, &source->sums);
		return;
	}
	make_room(state, group, source->n, width);
	memcpy(group->values + width * group->n, source->values, source->n * width * sizeof(double));
	group->n += source->n;
}

static void
merge(EcmlState *state, EcmlState *other)
{
	Test	   *test = state->content;
	const Test *source = other->content;
	const TestParams *a = &test->params;
	const TestParams *b = &source->params;
	Keeps		keeps = infos[test->kind].keeps;
	int		   *codes[2];

	if (test->kind != source->kind || a->rank.alternative != b->rank.alternative || a->rank.method != b->rank.method ||
		a->rank.continuity != b->rank.continuity || a->level != b->level || a->welch != b->welch ||
		a->correction != b->correction || a->statistic != b->statistic || a->center != b->center)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("states of different tests cannot be merged"),
				 errdetail("One is of %s, the other of %s, or their options differ.", infos[test->kind].name,
						   infos[source->kind].name),
				 errhint("Make all states with the same aggregate and options.")));
	for (int side = 0; side < 2; side++)
	{
		codes[side] = palloc((source->labels[side].dict->n + 1) * sizeof(int));
		merge_labels(state, side, &source->labels[side], codes[side]);
	}
	if (keeps == COUNTS)
	{
		enlarge_counts(state);
		for (int i = 0; i < source->labels[0].dict->n; i++)
			for (int j = 0; j < source->labels[1].dict->n; j++)
				test->counts[(size_t) codes[0][i] * test->capacity[1] + codes[1][j]] +=
					source->counts[(size_t) i * source->capacity[1] + j];
		return;
	}
	state->ctx.budget = (size_t) ecml_guc_work_mem * 1024;
	for (int g = 0; g < source->ngroups; g++)
		merge_group(state, get_group(state, infos[test->kind].groups > 0 ? codes[0][g] : 0), &source->groups[g], keeps);
}

PG_FUNCTION_INFO_V1(ecml_test_combine);

/* ecml_test_combine(state, state) */
Datum
ecml_test_combine(PG_FUNCTION_ARGS)
{
	return ecml_state_combine(fcinfo, &state_type, merge);
}

/* ---------------------------------------------------------------- results */

/* What a final function works with: the state's groups in the order of their labels, values copied, for they get sorted. */
typedef struct Final
{
	const Test *test;
	int		   *order;			/* [n] */
	int			n;
	EcmlCtx		ctx;
	EcmlServerHost host;
} Final;

static bool
final_begin(FunctionCallInfo fcinfo, Final *final, TestKind first, TestKind last)
{
	EcmlState  *state = ecml_state_argument(fcinfo, 0, &state_type, CurrentMemoryContext);

	if (state == NULL)
		return false;
	final->test = state->content;
	check_kind(final->test, final->test->kind >= first && final->test->kind <= last);
	final->order = ecml_dict_order(final->test->labels[0].dict);
	final->n = final->test->labels[0].dict->n;
	ecml_host_init(&final->ctx, &final->host, CurrentMemoryContext, (size_t) ecml_guc_work_mem * 1024, 0);
	return true;
}

static const TestGroup *
group_at(const Final *final, int i)
{
	static const TestGroup none;

	return i < final->n ? &final->test->groups[final->order[i]] : &none;
}

static double *
copy_values(Final *final, const TestGroup *group, int width)
{
	double	   *values = ECML_NEW(&final->ctx, double, width * group->n + 1);

	if (group->n > 0)
		memcpy(values, group->values, width * group->n * sizeof(double));
	return values;
}

static void
set_label(const Final *final, Datum *values, bool *nulls, int column, int i)
{
	nulls[column] = i >= final->n;
	values[column] = nulls[column] ? (Datum) 0 :
		CStringGetTextDatum(final->test->labels[0].dict->entries[final->order[i]].key);
}

#define RETURN_RESULT() PG_RETURN_DATUM(ecml_composite(ecml_composite_desc(fcinfo), values, nulls))

PG_FUNCTION_INFO_V1(ecml_mannwhitney_final);
PG_FUNCTION_INFO_V1(ecml_ks_final);
PG_FUNCTION_INFO_V1(ecml_anova_final);
PG_FUNCTION_INFO_V1(ecml_cuped_final);
PG_FUNCTION_INFO_V1(ecml_ratio_test_final);
PG_FUNCTION_INFO_V1(ecml_wilcoxon_final);
PG_FUNCTION_INFO_V1(ecml_correlation_final);
PG_FUNCTION_INFO_V1(ecml_chi2_final);

/* ecml_mannwhitney_final(state): ecml_mannwhitney_result */
Datum
ecml_mannwhitney_final(PG_FUNCTION_ARGS)
{
	Final		final;
	const TestGroup *groups[2];
	double	   *v[2];
	RankResult	r;
	Datum		values[10];
	bool		nulls[10] = {false};

	if (!final_begin(fcinfo, &final, MANN_WHITNEY, MANN_WHITNEY))
		PG_RETURN_NULL();
	for (int g = 0; g < 2; g++)
	{
		groups[g] = group_at(&final, g);
		v[g] = copy_values(&final, groups[g], 1);
		values[5 + g] = Int64GetDatum((int64) groups[g]->n);
		set_label(&final, values, nulls, 7 + g, g);
	}
	r = rank_mann_whitney(&final.ctx, v[0], groups[0]->n, v[1], groups[1]->n, &final.test->params.rank);
	ecml_set_number(values, nulls, 0, r.statistic);
	ecml_set_number(values, nulls, 1, r.p_value);
	ecml_set_number(values, nulls, 2, r.effect);
	ecml_set_number(values, nulls, 3, rank_median(v[0], groups[0]->n));
	ecml_set_number(values, nulls, 4, rank_median(v[1], groups[1]->n));
	values[9] = CStringGetTextDatum(r.exact ? "Mann-Whitney, exact" : "Mann-Whitney, normal approximation");
	RETURN_RESULT();
}

/* ecml_ks_final(state): ecml_ks_result */
Datum
ecml_ks_final(PG_FUNCTION_ARGS)
{
	Final		final;
	const TestGroup *groups[2];
	double	   *v[2];
	RankResult	r;
	Datum		values[9];
	bool		nulls[9] = {false};

	if (!final_begin(fcinfo, &final, KOLMOGOROV_SMIRNOV, KOLMOGOROV_SMIRNOV))
		PG_RETURN_NULL();
	for (int g = 0; g < 2; g++)
	{
		groups[g] = group_at(&final, g);
		v[g] = copy_values(&final, groups[g], 1);
		values[4 + g] = Int64GetDatum((int64) groups[g]->n);
		set_label(&final, values, nulls, 6 + g, g);
	}
	r = rank_ks(&final.ctx, v[0], groups[0]->n, v[1], groups[1]->n, &final.test->params.rank);
	ecml_set_number(values, nulls, 0, r.statistic);
	ecml_set_number(values, nulls, 1, r.p_value);
	ecml_set_number(values, nulls, 2, r.location);
	values[3] = Int32GetDatum(r.sign);
	values[8] = CStringGetTextDatum(r.exact ? "Kolmogorov-Smirnov, exact" : "Kolmogorov-Smirnov, asymptotic");
	RETURN_RESULT();
}

/* The groups' labels, counts, means and deviations as arrays. */
static void
describe_groups(const Final *final, const EcmlMoments *moments, Datum *values, int column)
{
	Datum	   *labels = palloc((final->n + 1) * sizeof(Datum));
	Datum	   *counts = palloc((final->n + 1) * sizeof(Datum));
	Datum	   *means = palloc((final->n + 1) * sizeof(Datum));
	Datum	   *sds = palloc((final->n + 1) * sizeof(Datum));
	bool	   *none = palloc0((final->n + 1) * sizeof(bool));
	int			n = final->n;
	int			low = 1;

	for (int g = 0; g < n; g++)
	{
		double		sd = ecml_moments_sd(&moments[g]);

		labels[g] = CStringGetTextDatum(final->test->labels[0].dict->entries[final->order[g]].key);
		counts[g] = Int64GetDatum(moments[g].n);
		means[g] = Float8GetDatum(ecml_moments_mean(&moments[g]));
		sds[g] = Float8GetDatum(sd);
		none[g] = isnan(sd);
	}
	values[column] = PointerGetDatum(construct_array(labels, n, TEXTOID, -1, false, TYPALIGN_INT));
	values[column + 1] = PointerGetDatum(construct_array(counts, n, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	values[column + 2] = PointerGetDatum(construct_array(means, n, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	values[column + 3] = PointerGetDatum(construct_md_array(sds, none, 1, &n, &low, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL,
															 TYPALIGN_DOUBLE));
}

/* LEVENE: moments of the distances of a group's values from their middle. */
static void
distances(Final *final, const TestGroup *group, EcmlMoments *moments)
{
	double	   *v = copy_values(final, group, 1);
	double		middle;

	ecml_sort_f8(&final->ctx, v, group->n);
	if (final->test->params.center == 0)
		middle = rank_median(v, group->n);
	else
	{
		EcmlMoments all = {0};

		for (size_t i = 0; i < group->n; i++)
			ecml_moments_add(&all, v[i]);
		middle = ecml_moments_mean(&all);
	}
	for (size_t i = 0; i < group->n; i++)
		ecml_moments_add(moments, fabs(v[i] - middle));
	ecml_free(&final->ctx, v);
}

/* ecml_anova_final(state): ecml_anova_result; of ecml_levene too */
Datum
ecml_anova_final(PG_FUNCTION_ARGS)
{
	Final		final;
	EcmlMoments *moments;
	AnovaResult r;
	Datum		values[13];
	bool		nulls[13] = {false};
	bool		levene;

	if (!final_begin(fcinfo, &final, ANOVA, LEVENE))
		PG_RETURN_NULL();
	levene = final.test->kind == LEVENE;
	moments = palloc0((final.n + 1) * sizeof(EcmlMoments));
	for (int g = 0; g < final.n; g++)
	{
		if (levene)
			distances(&final, group_at(&final, g), &moments[g]);
		else
			moments[g] = group_at(&final, g)->sums.y;
	}
	r = anova_one_way(moments, final.n, final.test->params.welch);
	ecml_set_number(values, nulls, 0, r.statistic);
	ecml_set_number(values, nulls, 1, r.df_between);
	ecml_set_number(values, nulls, 2, r.df_within);
	ecml_set_number(values, nulls, 3, r.p_value);
	ecml_set_number(values, nulls, 4, r.ss_between);
	ecml_set_number(values, nulls, 5, r.ss_within);
	ecml_set_number(values, nulls, 6, r.eta_squared);
	ecml_set_number(values, nulls, 7, r.omega_squared);
	describe_groups(&final, moments, values, 8);
	values[12] = CStringGetTextDatum(levene ? (final.test->params.center == 0 ? "Levene's test, median" : "Levene's test, mean") :
									 final.test->params.welch ? "Welch's analysis of variance" : "analysis of variance");
	RETURN_RESULT();
}

static TtestParams
ttest_params(const TestParams *params)
{
	return (TtestParams) {.alternative = params->rank.alternative, .level = params->level};
}

/* ecml_cuped_final(state): ecml_cuped_result */
Datum
ecml_cuped_final(PG_FUNCTION_ARGS)
{
	Final		final;
	TtestParams params;
	CupedResult r;
	Datum		values[19];
	bool		nulls[19] = {false};

	if (!final_begin(fcinfo, &final, CUPED, CUPED))
		PG_RETURN_NULL();
	params = ttest_params(&final.test->params);
	r = cuped_difference(&group_at(&final, 0)->sums, &group_at(&final, 1)->sums, &params);
	ecml_set_number(values, nulls, 0, r.adjusted.statistic);
	ecml_set_number(values, nulls, 1, r.adjusted.df);
	ecml_set_number(values, nulls, 2, r.adjusted.p_value);
	ecml_set_number(values, nulls, 3, r.adjusted.estimate_a);
	ecml_set_number(values, nulls, 4, r.adjusted.estimate_b);
	ecml_set_number(values, nulls, 5, r.adjusted.difference);
	ecml_set_number(values, nulls, 6, r.adjusted.ci_low);
	ecml_set_number(values, nulls, 7, r.adjusted.ci_high);
	ecml_set_number(values, nulls, 8, r.adjusted.std_error);
	ecml_set_number(values, nulls, 9, r.theta);
	ecml_set_number(values, nulls, 10, r.correlation);
	ecml_set_number(values, nulls, 11, r.reduction);
	ecml_set_number(values, nulls, 12, r.raw.difference);
	ecml_set_number(values, nulls, 13, r.raw.p_value);
	for (int g = 0; g < 2; g++)
	{
		values[14 + g] = Int64GetDatum(group_at(&final, g)->sums.x.n);
		set_label(&final, values, nulls, 16 + g, g);
	}
	values[18] = CStringGetTextDatum("CUPED, Welch's t-test");
	RETURN_RESULT();
}

/* ecml_ratio_test_final(state): ecml_ratio_result */
Datum
ecml_ratio_test_final(PG_FUNCTION_ARGS)
{
	Final		final;
	TtestParams params;
	EstimateResult r;
	Datum		values[14];
	bool		nulls[14] = {false};

	if (!final_begin(fcinfo, &final, RATIO, RATIO))
		PG_RETURN_NULL();
	params = ttest_params(&final.test->params);
	r = ratio_difference(&group_at(&final, 0)->sums, &group_at(&final, 1)->sums, &params);
	ecml_set_number(values, nulls, 0, r.statistic);
	ecml_set_number(values, nulls, 1, r.df);
	ecml_set_number(values, nulls, 2, r.p_value);
	ecml_set_number(values, nulls, 3, r.estimate_a);
	ecml_set_number(values, nulls, 4, r.estimate_b);
	ecml_set_number(values, nulls, 5, r.difference);
	ecml_set_number(values, nulls, 6, r.ci_low);
	ecml_set_number(values, nulls, 7, r.ci_high);
	ecml_set_number(values, nulls, 8, r.std_error);
	for (int g = 0; g < 2; g++)
	{
		values[9 + g] = Int64GetDatum(group_at(&final, g)->sums.x.n);
		set_label(&final, values, nulls, 11 + g, g);
	}
	values[13] = CStringGetTextDatum("ratio of sums, delta method");
	RETURN_RESULT();
}

/* ecml_wilcoxon_final(state): ecml_wilcoxon_result */
Datum
ecml_wilcoxon_final(PG_FUNCTION_ARGS)
{
	Final		final;
	const TestGroup *pairs;
	double	   *d;
	RankResult	r;
	Datum		values[7];
	bool		nulls[7] = {false};

	if (!final_begin(fcinfo, &final, WILCOXON, WILCOXON))
		PG_RETURN_NULL();
	pairs = &final.test->groups[0];
	d = ECML_NEW(&final.ctx, double, pairs->n + 1);
	for (size_t i = 0; i < pairs->n; i++)
		d[i] = pairs->values[2 * i] - pairs->values[2 * i + 1];
	r = rank_wilcoxon(&final.ctx, d, pairs->n, &final.test->params.rank);
	ecml_set_number(values, nulls, 0, r.statistic);
	ecml_set_number(values, nulls, 1, r.p_value);
	ecml_set_number(values, nulls, 2, r.effect);
	ecml_set_number(values, nulls, 3, r.location);
	values[4] = Int64GetDatum((int64) pairs->n);
	values[5] = Int64GetDatum((int64) pairs->n - (int64) r.n);
	values[6] = CStringGetTextDatum(r.exact ? "Wilcoxon signed rank, exact" : "Wilcoxon signed rank, normal approximation");
	RETURN_RESULT();
}

/* ecml_correlation_final(state): ecml_correlation_result */
Datum
ecml_correlation_final(PG_FUNCTION_ARGS)
{
	Final		final;
	const TestGroup *pairs;
	const TestParams *params;
	PearsonResult r = {NAN, NAN, NAN, NAN};
	RankResult	ranked;
	int64		n;
	const char *method = "Pearson";
	Datum		values[6];
	bool		nulls[6] = {false};

	if (!final_begin(fcinfo, &final, PEARSON, KENDALL))
		PG_RETURN_NULL();
	pairs = &final.test->groups[0];
	params = &final.test->params;
	n = (int64) pairs->n;
	if (final.test->kind == PEARSON)
	{
		r = pearson_correlation(&pairs->sums, params->rank.alternative, params->level);
		n = pairs->sums.x.n;
	}
	else
	{
		double	   *x = ECML_NEW(&final.ctx, double, pairs->n + 1);
		double	   *y = ECML_NEW(&final.ctx, double, pairs->n + 1);

		for (size_t i = 0; i < pairs->n; i++)
		{
			x[i] = pairs->values[2 * i];
			y[i] = pairs->values[2 * i + 1];
		}
		if (final.test->kind == SPEARMAN)
			ranked = rank_spearman(&final.ctx, x, y, pairs->n, &params->rank);
		else
			ranked = rank_kendall(&final.ctx, x, y, pairs->n, &params->rank);
		method = final.test->kind == SPEARMAN ? "Spearman" : ranked.exact ? "Kendall tau-b, exact" : "Kendall tau-b";
		r.statistic = ranked.statistic;
		r.p_value = ranked.p_value;
	}
	ecml_set_number(values, nulls, 0, r.statistic);
	ecml_set_number(values, nulls, 1, r.p_value);
	ecml_set_number(values, nulls, 2, r.ci_low);
	ecml_set_number(values, nulls, 3, r.ci_high);
	values[4] = Int64GetDatum(n);
	values[5] = CStringGetTextDatum(method);
	RETURN_RESULT();
}

/* ecml_chi2_final(state): ecml_chi2_result */
Datum
ecml_chi2_final(PG_FUNCTION_ARGS)
{
	Final		final;
	const Test *test;
	TableResult r;
	double	   *counts;
	int			rows;
	int			columns;
	const char *name;
	Datum		values[7];
	bool		nulls[7] = {false};

	if (!final_begin(fcinfo, &final, CHI2, CHI2))
		PG_RETURN_NULL();
	test = final.test;
	rows = test->labels[0].dict->n;
	columns = test->labels[1].dict->n;
	counts = ECML_NEW(&final.ctx, double, (size_t) rows * columns + 1);
	for (int i = 0; i < rows; i++)
		memcpy(counts + (size_t) i * columns, test->counts + (size_t) i * test->capacity[1], columns * sizeof(double));
	r = table_chi2(counts, rows, columns, test->params.correction, test->params.statistic == 1,
				   ECML_NEW(&final.ctx, double, rows + columns + 1));
	name = test->params.statistic == 1 ? "G-test" : "Pearson's chi-square test";
	ecml_set_number(values, nulls, 0, r.statistic);
	ecml_set_number(values, nulls, 1, r.df);
	ecml_set_number(values, nulls, 2, r.p_value);
	ecml_set_number(values, nulls, 3, r.cramers_v);
	values[4] = Int64GetDatum((int64) r.n);
	ecml_set_number(values, nulls, 5, r.least_expected);
	values[6] = CStringGetTextDatum(r.corrected ? psprintf("%s, Yates's correction", name) : name);
	RETURN_RESULT();
}
