/*
 * tests_state_sql.c - the state of tests as aggregates: its options, its bytes, adding rows, merging
 */
#include "core/compat.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "core/decimal.h"
#include "core/guc.h"
#include "core/hashkey.h"
#include "stats/experiment_sql.h"
#include "stats/tests_sql.h"

#define MAX_GROUPS 1000			/* of a factor, or categories of a table's side */
#define MAX_PAIRED 100			/* groups that are compared pair by pair */

static const TestParams defaults = {.rank = {.continuity = true}, .level = 0.95, .correction = true, .quantile = 0.5,
.bootstrap = BOOTSTRAP_DEFAULTS};

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
static const EcmlOption no_options[] = {ECML_OPT_END};
static const EcmlOption level_options[] = {LEVEL, ECML_OPT_END};
static const EcmlOption quantile_options[] = {
	ECML_OPT_FLOAT(TestParams, quantile, "quantile", 0, 1),
	ALTERNATIVE, LEVEL, ECML_OPT_END
};
static const char *const intervals[] = {"percentile", "basic", "normal", NULL};
static const EcmlOption bootstrap_options[] = {
	ECML_OPT_INT(TestParams, bootstrap.replicates, "replicates", 10, BOOTSTRAP_MAX),
	ECML_OPT_INT64(TestParams, bootstrap.seed, "seed", -9.0e18, 9.0e18),
	ECML_OPT_ENUM(TestParams, bootstrap.interval, "interval", intervals),
	LEVEL, ECML_OPT_END
};
static const EcmlOption chi2_options[] = {
	ECML_OPT_BOOL(TestParams, correction, "correction"),
	ECML_OPT_ENUM(TestParams, statistic, "statistic", statistics),
	ECML_OPT_END
};

const TestInfo test_infos[TEST_KINDS] = {
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
	[CHI2] = {"ecml_chi2", COUNTS, MAX_GROUPS, chi2_options},
	[PAIR_SUMS] = {"ecml_pair_sums", SUMS, 0, no_options},
	[TUKEY] = {"ecml_tukey", SUMS, MAX_PAIRED, level_options},
	[GAMES_HOWELL] = {"ecml_games_howell", SUMS, MAX_PAIRED, level_options},
	[SHAPIRO] = {"ecml_shapiro", VALUES, 0, no_options},
	[QUANTILE] = {"ecml_quantile_test", VALUES, 2, quantile_options},
	[BOOTSTRAP] = {"ecml_bootstrap", REPLICATES, 2, bootstrap_options},
	[QINI] = {"ecml_qini", PAIRS, 2, no_options}
};

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
	Keeps		keeps = test_infos[test->kind].keeps;

	ecml_write_u8(w, test->kind);
	ecml_write_u8(w, test->params.rank.alternative);
	ecml_write_u8(w, test->params.rank.method);
	ecml_write_u8(w, test->params.rank.continuity);
	ecml_write_f8(w, test->params.level);
	ecml_write_u8(w, test->params.welch);
	ecml_write_u8(w, test->params.correction);
	ecml_write_u8(w, test->params.statistic);
	ecml_write_u8(w, test->params.center);
	ecml_write_f8(w, test->params.quantile);
	ecml_write_u32(w, test->params.bootstrap.replicates);
	ecml_write_u64(w, (uint64) test->params.bootstrap.seed);
	ecml_write_u8(w, test->params.bootstrap.interval);
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
		else if (keeps == REPLICATES)
		{
			ecml_write_u64(w, group->replicates.n);
			ecml_write_f8s(w, group->replicates.sums, 4 * ((size_t) test->params.bootstrap.replicates + 1));
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
read_group(EcmlReader *r, const Test *test, TestGroup *group)
{
	Keeps		keeps = test_infos[test->kind].keeps;
	uint64		n;

	if (keeps == REPLICATES)
	{
		n = ecml_read_u64(r);
		if (n > PG_INT64_MAX)
			ecml_read_corrupted(r, "a count is negative");
		group->replicates.n = n;
		group->replicates.sums = ecml_read_finite_f8s(r, 4 * ((size_t) test->params.bootstrap.replicates + 1));
		return;
	}
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
	info = &test_infos[kind];
	test->params.rank.alternative = ecml_read_u8(r);
	test->params.rank.method = ecml_read_u8(r);
	test->params.rank.continuity = ecml_read_bool(r);
	test->params.level = ecml_read_finite(r);
	test->params.welch = ecml_read_bool(r);
	test->params.correction = ecml_read_bool(r);
	test->params.statistic = ecml_read_u8(r);
	test->params.center = ecml_read_u8(r);
	test->params.quantile = ecml_read_finite(r);
	test->params.bootstrap.replicates = ecml_read_u32_in(r, 10, BOOTSTRAP_MAX);
	test->params.bootstrap.seed = (int64) ecml_read_u64(r);
	test->params.bootstrap.interval = ecml_read_u8(r);
	if (test->params.rank.alternative > RANK_GREATER || test->params.rank.method > RANK_ASYMPTOTIC ||
		!(test->params.level > 0 && test->params.level < 1) || !(test->params.quantile > 0 && test->params.quantile < 1) ||
		 test->params.statistic > 1 || test->params.center > 1 ||
		test->params.bootstrap.interval > BOOTSTRAP_NORMAL)
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
		read_group(r, test, &test->groups[g]);
	return test;
}

const EcmlStateType test_state_type = {.name = "a test",.write = write_test,.read = read_test};

ECML_STATE_FUNCTIONS(ecml_test_state, &test_state_type)

/* ---------------------------------------------------------------- rows */

/* A state for the first row; options: number of the jsonb argument, or 0. */
static EcmlState *
begin(FunctionCallInfo fcinfo, TestKind kind, int options)
{
	EcmlState  *state = ecml_state_create(&test_state_type, ecml_aggregate_context(fcinfo));
	MemoryContext old = MemoryContextSwitchTo(state->header.eoh_context);
	Test	   *test = palloc0(sizeof(Test));
	EcmlOptionSet set = {test_infos[kind].options, &test->params};

	test->kind = kind;
	test->params = defaults;
	if (options > 0 && !PG_ARGISNULL(options))
		ecml_options_parse(test_infos[kind].name, PG_GETARG_JSONB_P(options), &set, 1);
	experiment_check_level(test->params.level);
	experiment_check_share("quantile", test->params.quantile);
	/* SciPy corrects Mann-Whitney's approximation by default, and not Wilcoxon's */
	if (kind == WILCOXON && (options == 0 || PG_ARGISNULL(options) ||
							 getKeyJsonValueFromContainer(&PG_GETARG_JSONB_P(options)->root, "continuity", 10, NULL) == NULL))
		test->params.rank.continuity = false;
	for (int side = 0; side < 2; side++)
		test->labels[side].dict = ecml_dict_create(state->header.eoh_context);
	if (kind == QINI)
	{
		/* controls and treated rows, whichever comes first */
		(void) ecml_dict_add(test->labels[0].dict, "false", 5);
		(void) ecml_dict_add(test->labels[0].dict, "true", 4);
		test->groups = ECML_NEW0(&state->ctx, TestGroup, 2);
		test->ngroups = test->capacity[0] = 2;
	}
	if (test_infos[kind].groups == 0)
	{
		test->groups = ECML_NEW0(&state->ctx, TestGroup, 1);
		test->ngroups = test->capacity[0] = 1;
	}
	state->content = test;
	MemoryContextSwitchTo(old);
	return state;
}

void
test_check_kind(const Test *test, bool right)
{
	if (!right)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("the state is of another test"),
				 errdetail("It is of %s.", test_infos[test->kind].name),
				 errhint("Call the aggregate itself.")));
}

static EcmlState *
get_state(FunctionCallInfo fcinfo, TestKind kind, int options)
{
	EcmlState  *state = ecml_state_in_place(fcinfo, 0);

	if (state == NULL)
	{
		state = ecml_state_argument(fcinfo, 0, &test_state_type, ecml_aggregate_context(fcinfo));
		if (state == NULL)
			state = begin(fcinfo, kind, options);
		test_check_kind(state->content, ((Test *) state->content)->kind == kind);
	}
	state->ctx.budget = (size_t) ecml_guc_work_mem * 1024;
	return state;
}

static void
too_many_groups(const Test *test, const Labels *labels, const char *label, int length)
{
	const TestInfo *info = &test_infos[test->kind];

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
			 errdetail("There are more than %d.", info->groups),
			 errhint("Is the column a key? Give one with fewer different values.")));
}

/* The code of a label, added when it is new. */
static int
add_label(EcmlState *state, Labels *labels, const char *label, int length)
{
	Test	   *test = state->content;
	int			code = ecml_dict_find(labels->dict, label, length);
	int			most = test_infos[test->kind].groups;

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
	if (test_infos[test->kind].keeps == REPLICATES && test->groups[code].replicates.sums == NULL)
		bootstrap_init(&state->ctx, &test->groups[code].replicates, test->params.bootstrap.replicates);
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

/* The value of an argument, a numeric with all its digits. */
static inline EcmlDd
finite_value(FunctionCallInfo fcinfo, int argument, TestKind kind, bool numeric)
{
	EcmlDd		value = numeric ? ecml_decimal_pair(PG_GETARG_DATUM(argument)) : dd_from(PG_GETARG_FLOAT8(argument));

	if (unlikely(!isfinite(value.hi)))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("a value of %s is not finite", test_infos[kind].name),
				 errdetail("A row has %s.", isnan(value.hi) ? "NaN" : value.hi > 0 ? "Infinity" : "-Infinity"),
				 errhint("Filter such rows out, or turn the values into NULL.")));
	return value;
}

static inline void
add_to_sums(Bivariate *sums, EcmlDd x, EcmlDd y, bool numeric)
{
	if (numeric)
		bivariate_add_pairs(sums, x, y);
	else
		bivariate_add(sums, x.hi, y.hi);
}

static void
keep_pair(EcmlState *state, TestGroup *group, double x, double y)
{
	make_room(state, group, 1, 2);
	group->values[2 * group->n] = x;
	group->values[2 * group->n++ + 1] = y;
}

/* (state, value, grp [, options]) */
static inline Datum
add_grouped(FunctionCallInfo fcinfo, TestKind kind, bool numeric)
{
	EcmlState  *state = get_state(fcinfo, kind, PG_NARGS() > 3 ? 3 : 0);
	Test	   *test = state->content;

	if (!PG_ARGISNULL(1) && !PG_ARGISNULL(2))
	{
		EcmlDd		value = finite_value(fcinfo, 1, kind, numeric);
		TestGroup  *group = get_group(state, code_of(fcinfo, state, &test->labels[0], 2));

		if (test_infos[kind].keeps == VALUES)
		{
			make_room(state, group, 1, 1);
			group->values[group->n++] = value.hi;
		}
		else
		{
			if (numeric)
				ecml_moments_add_pair(&group->sums.y, value.hi, value.lo);
			else
				ecml_moments_add(&group->sums.y, value.hi);
			group->sums.x.n++;	/* no covariate: 0 */
		}
	}
	PG_RETURN_DATUM(EOHPGetRWDatum(&state->header));
}

/* (state, value, other, grp [, options]): the sums are of pairs (other, value) */
static inline Datum
add_grouped_pair(FunctionCallInfo fcinfo, TestKind kind, bool numeric)
{
	EcmlState  *state = get_state(fcinfo, kind, PG_NARGS() > 4 ? 4 : 0);
	Test	   *test = state->content;

	if (!PG_ARGISNULL(1) && !PG_ARGISNULL(2) && !PG_ARGISNULL(3))
	{
		EcmlDd		value = finite_value(fcinfo, 1, kind, numeric);
		EcmlDd		other = finite_value(fcinfo, 2, kind, numeric);

		add_to_sums(&get_group(state, code_of(fcinfo, state, &test->labels[0], 3))->sums, other, value, numeric);
	}
	PG_RETURN_DATUM(EOHPGetRWDatum(&state->header));
}

/* (state, a, b [, options]) */
static inline Datum
add_pair(FunctionCallInfo fcinfo, TestKind kind, bool numeric)
{
	EcmlState  *state = get_state(fcinfo, kind, PG_NARGS() > 3 ? 3 : 0);
	Test	   *test = state->content;

	if (!PG_ARGISNULL(1) && !PG_ARGISNULL(2))
	{
		EcmlDd		a = finite_value(fcinfo, 1, kind, numeric);
		EcmlDd		b = finite_value(fcinfo, 2, kind, numeric);
		TestGroup  *group = &test->groups[0];

		if (test_infos[kind].keeps == SUMS)
			add_to_sums(&group->sums, a, b, numeric);
		else if (numeric && kind == WILCOXON)
			/* it asks for differences alone: 0.3 - 0.1 and 0.2 are the same */
			keep_pair(state, group, dd_sub(a, b).hi, 0);
		else
			keep_pair(state, group, a.hi, b.hi);
	}
	PG_RETURN_DATUM(EOHPGetRWDatum(&state->header));
}

/* (state, value, grp, unit [, options]), or with a denominator behind the value: weighted sums by replicate */
static Datum
add_replicates(FunctionCallInfo fcinfo, bool ratio, bool numeric)
{
	int			grp = ratio ? 3 : 2;
	EcmlState  *state = get_state(fcinfo, BOOTSTRAP, PG_NARGS() > grp + 2 ? grp + 2 : 0);
	Test	   *test = state->content;

	if (!PG_ARGISNULL(1) && !PG_ARGISNULL(2) && !PG_ARGISNULL(grp) && !PG_ARGISNULL(grp + 1))
	{
		double		y = finite_value(fcinfo, 1, BOOTSTRAP, numeric).hi;
		double		x = ratio ? finite_value(fcinfo, 2, BOOTSTRAP, numeric).hi : 1;
		Oid			type = get_fn_expr_argtype(fcinfo->flinfo, grp + 1);
		uint64		unit = ecml_hash_key(OidIsValid(type) ? type : TEXTOID, PG_GETARG_DATUM(grp + 1),
										 (uint64) test->params.bootstrap.seed);
		TestGroup  *group = get_group(state, code_of(fcinfo, state, &test->labels[0], grp));

		bootstrap_add(&group->replicates, test->params.bootstrap.replicates, unit, y, x);
	}
	PG_RETURN_DATUM(EOHPGetRWDatum(&state->header));
}

static Datum
add_bootstrap(FunctionCallInfo fcinfo, TestKind kind, bool numeric)
{
	return add_replicates(fcinfo, false, numeric);
}

static Datum
add_bootstrap_ratio(FunctionCallInfo fcinfo, TestKind kind, bool numeric)
{
	return add_replicates(fcinfo, true, numeric);
}

/* (state, x) */
static Datum
add_value(FunctionCallInfo fcinfo, TestKind kind, bool numeric)
{
	EcmlState  *state = get_state(fcinfo, kind, 0);
	TestGroup  *group = &((Test *) state->content)->groups[0];

	if (!PG_ARGISNULL(1))
	{
		make_room(state, group, 1, 1);
		group->values[group->n++] = finite_value(fcinfo, 1, kind, numeric).hi;
	}
	PG_RETURN_DATUM(EOHPGetRWDatum(&state->header));
}

/* (state, score, outcome, treated boolean) */
static Datum
add_scored(FunctionCallInfo fcinfo, bool boolean)
{
	EcmlState  *state = get_state(fcinfo, QINI, 0);

	if (!PG_ARGISNULL(1) && !PG_ARGISNULL(2) && !PG_ARGISNULL(3))
	{
		double		score = finite_value(fcinfo, 1, QINI, false).hi;
		double		outcome = boolean ? PG_GETARG_BOOL(2) : finite_value(fcinfo, 2, QINI, false).hi;

		keep_pair(state, &((Test *) state->content)->groups[PG_GETARG_BOOL(3)], score, outcome);
	}
	PG_RETURN_DATUM(EOHPGetRWDatum(&state->header));
}

/* (state, a "any", b "any" [, options]) */
static Datum
add_categories(FunctionCallInfo fcinfo, TestKind kind, bool numeric)
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
	Datum ecml_##name##_transition(PG_FUNCTION_ARGS) { return add(fcinfo, kind, false); }

/* and the one for numeric values */
#define TRANSITIONS(name, add, kind) \
	TRANSITION(name, add, kind) \
	PG_FUNCTION_INFO_V1(ecml_##name##_transition_numeric); \
	Datum ecml_##name##_transition_numeric(PG_FUNCTION_ARGS) { return add(fcinfo, kind, true); }

TRANSITIONS(mannwhitney, add_grouped, MANN_WHITNEY)
TRANSITIONS(ks, add_grouped, KOLMOGOROV_SMIRNOV)
TRANSITIONS(anova, add_grouped, ANOVA)
TRANSITIONS(levene, add_grouped, LEVENE)
TRANSITIONS(cuped, add_grouped_pair, CUPED)
TRANSITIONS(ratio_test, add_grouped_pair, RATIO)
TRANSITIONS(wilcoxon, add_pair, WILCOXON)
TRANSITIONS(pearson, add_pair, PEARSON)
TRANSITIONS(spearman, add_pair, SPEARMAN)
TRANSITIONS(kendall, add_pair, KENDALL)
TRANSITION(chi2, add_categories, CHI2)
TRANSITION(pair_sums, add_pair, PAIR_SUMS)
TRANSITIONS(tukey, add_grouped, TUKEY)
TRANSITIONS(games_howell, add_grouped, GAMES_HOWELL)
TRANSITIONS(shapiro, add_value, SHAPIRO)
TRANSITIONS(quantile_test, add_grouped, QUANTILE)
TRANSITIONS(bootstrap, add_bootstrap, BOOTSTRAP)
TRANSITIONS(bootstrap_ratio, add_bootstrap_ratio, BOOTSTRAP)

PG_FUNCTION_INFO_V1(ecml_qini_transition);
PG_FUNCTION_INFO_V1(ecml_qini_transition_boolean);

/* ecml_qini_transition(state, score float8, outcome float8, treated boolean) */
Datum
ecml_qini_transition(PG_FUNCTION_ARGS)
{
	return add_scored(fcinfo, false);
}

/* ecml_qini_transition(state, score float8, outcome boolean, treated boolean) */
Datum
ecml_qini_transition_boolean(PG_FUNCTION_ARGS)
{
	return add_scored(fcinfo, true);
}

/* ---------------------------------------------------------------- merging */

static void
merge_labels(EcmlState *state, int side, const Labels *source, int *codes)
{
	Test	   *test = state->content;

	for (int i = 0; i < source->dict->n; i++)
		codes[i] = add_label(state, &test->labels[side], source->dict->entries[i].key, source->dict->entries[i].length);
}

static void
merge_group(EcmlState *state, TestGroup *group, const TestGroup *source)
{
	const Test *test = state->content;
	Keeps		keeps = test_infos[test->kind].keeps;
	int			width = keeps == PAIRS ? 2 : 1;

	if (keeps == REPLICATES)
	{
		bootstrap_merge(&group->replicates, &source->replicates, test->params.bootstrap.replicates);
		return;
	}
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
	Keeps		keeps = test_infos[test->kind].keeps;
	int		   *codes[2];

	if (test->kind != source->kind || a->rank.alternative != b->rank.alternative || a->rank.method != b->rank.method ||
		a->rank.continuity != b->rank.continuity || a->level != b->level || a->welch != b->welch ||
		a->correction != b->correction || a->statistic != b->statistic || a->center != b->center ||
		a->quantile != b->quantile || a->bootstrap.replicates != b->bootstrap.replicates ||
		a->bootstrap.seed != b->bootstrap.seed || a->bootstrap.interval != b->bootstrap.interval)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("states of different tests cannot be merged"),
				 errdetail("One is of %s, the other of %s, or their options differ.", test_infos[test->kind].name,
						   test_infos[source->kind].name),
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
		merge_group(state, get_group(state, test_infos[test->kind].groups > 0 ? codes[0][g] : 0), &source->groups[g]);
}

PG_FUNCTION_INFO_V1(ecml_test_combine);

/* ecml_test_combine(state, state) */
Datum
ecml_test_combine(PG_FUNCTION_ARGS)
{
	return ecml_state_combine(fcinfo, &test_state_type, merge);
}

void
experiment_pair_sums(Datum state, Bivariate *sums)
{
	EcmlState  *read = ecml_state_from_datum(state, &test_state_type, CurrentMemoryContext);
	const Test *test = read->content;

	test_check_kind(test, test->kind == PAIR_SUMS);
	*sums = test->groups[0].sums;
	MemoryContextDelete(read->header.eoh_context);
}
