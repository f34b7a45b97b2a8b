/*
 * tests_sql.c - tests as aggregates, their results: by group (ecml_mannwhitney, ecml_ks, ecml_anova, ecml_levene, ecml_tukey,
 * ecml_games_howell, ecml_cuped, ecml_ratio_test, ecml_quantile_test, ecml_bootstrap), of pairs (ecml_wilcoxon, ecml_pearson,
 * ecml_spearman, ecml_kendall), of two categories (ecml_chi2), of one column (ecml_shapiro), of predicted uplift (ecml_qini)
 */
#include "core/compat.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "core/guc.h"
#include "core/result.h"
#include "num/sort.h"
#include "stats/experiment_sql.h"
#include "stats/order.h"
#include "stats/tests_sql.h"
#include "stats/uplift.h"

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
	EcmlState  *state = ecml_state_argument(fcinfo, 0, &test_state_type, CurrentMemoryContext);

	if (state == NULL)
		return false;
	final->test = state->content;
	test_check_kind(final->test, final->test->kind >= first && final->test->kind <= last);
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

PG_FUNCTION_INFO_V1(ecml_bootstrap_final);
PG_FUNCTION_INFO_V1(ecml_pairs_final);
PG_FUNCTION_INFO_V1(ecml_shapiro_final);
PG_FUNCTION_INFO_V1(ecml_quantile_test_final);

/* ecml_pairs_final(state): ecml_pair_result[]; of ecml_tukey and ecml_games_howell */
Datum
ecml_pairs_final(PG_FUNCTION_ARGS)
{
	Final		final;
	Oid			type = get_element_type(get_fn_expr_rettype(fcinfo->flinfo));
	TupleDesc	desc;
	EcmlMoments *moments;
	Datum	   *pairs;
	PairReach	reach = {0};
	int			npairs = 0;

	if (!final_begin(fcinfo, &final, TUKEY, GAMES_HOWELL))
		PG_RETURN_NULL();
	desc = lookup_rowtype_tupdesc_copy(type, -1);
	moments = palloc0((final.n + 1) * sizeof(EcmlMoments));
	for (int g = 0; g < final.n; g++)
		moments[g] = group_at(&final, g)->sums.y;
	pairs = palloc((final.n * (final.n - 1) / 2 + 1) * sizeof(Datum));
	for (int a = 0; a < final.n; a++)
		for (int b = a + 1; b < final.n; b++)
		{
			PairResult	r = pair_difference(moments, final.n, a, b, final.test->kind == GAMES_HOWELL, final.test->params.level,
												   &reach);
			Datum		values[9];
			bool		nulls[9] = {false};

			CHECK_FOR_INTERRUPTS();
			set_label(&final, values, nulls, 0, a);
			set_label(&final, values, nulls, 1, b);
			ecml_set_number(values, nulls, 2, r.difference);
			ecml_set_number(values, nulls, 3, r.std_error);
			ecml_set_number(values, nulls, 4, r.statistic);
			ecml_set_number(values, nulls, 5, r.df);
			ecml_set_number(values, nulls, 6, r.p_value);
			ecml_set_number(values, nulls, 7, r.ci_low);
			ecml_set_number(values, nulls, 8, r.ci_high);
			pairs[npairs++] = ecml_composite(desc, values, nulls);
		}
	PG_RETURN_ARRAYTYPE_P(construct_array(pairs, npairs, type, -1, false, TYPALIGN_DOUBLE));
}

/* ecml_shapiro_final(state): ecml_shapiro_result */
Datum
ecml_shapiro_final(PG_FUNCTION_ARGS)
{
	Final		final;
	const TestGroup *group;
	ShapiroResult r;
	Datum		values[3];
	bool		nulls[3] = {false};

	if (!final_begin(fcinfo, &final, SHAPIRO, SHAPIRO))
		PG_RETURN_NULL();
	group = &final.test->groups[0];
	r = order_shapiro(&final.ctx, copy_values(&final, group, 1), group->n);
	ecml_set_number(values, nulls, 0, r.statistic);
	ecml_set_number(values, nulls, 1, r.p_value);
	values[2] = Int64GetDatum((int64) group->n);
	RETURN_RESULT();
}

/* ecml_quantile_test_final(state): ecml_quantile_result */
Datum
ecml_quantile_test_final(PG_FUNCTION_ARGS)
{
	Final		final;
	EstimateResult r = {NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN};
	double		errors[2];
	Datum		values[13];
	bool		nulls[13] = {false};

	if (!final_begin(fcinfo, &final, QUANTILE, QUANTILE))
		PG_RETURN_NULL();
	for (int g = 0; g < 2; g++)
	{
		const TestGroup *group = group_at(&final, g);

		errors[g] = order_quantile(&final.ctx, copy_values(&final, group, 1), group->n, final.test->params.quantile,
								  g == 0 ? &r.estimate_a : &r.estimate_b);
		values[8 + g] = Int64GetDatum((int64) group->n);
		set_label(&final, values, nulls, 10 + g, g);
	}
	estimate_conclude(&r, errors[0] * errors[0] + errors[1] * errors[1], INFINITY,
					  &(TtestParams) {.alternative = final.test->params.rank.alternative,.level = final.test->params.level});
	ecml_set_number(values, nulls, 0, r.statistic);
	ecml_set_number(values, nulls, 1, r.p_value);
	ecml_set_number(values, nulls, 2, r.estimate_a);
	ecml_set_number(values, nulls, 3, r.estimate_b);
	ecml_set_number(values, nulls, 4, r.difference);
	ecml_set_number(values, nulls, 5, r.ci_low);
	ecml_set_number(values, nulls, 6, r.ci_high);
	ecml_set_number(values, nulls, 7, r.std_error);
	values[12] = CStringGetTextDatum("difference of quantiles, Maritz-Jarrett");
	RETURN_RESULT();
}

/* ecml_bootstrap_final(state): ecml_bootstrap_result */
Datum
ecml_bootstrap_final(PG_FUNCTION_ARGS)
{
	Final		final;
	BootstrapParams params;
	BootstrapResult r;
	Datum		values[12];
	bool		nulls[12] = {false};

	if (!final_begin(fcinfo, &final, BOOTSTRAP, BOOTSTRAP))
		PG_RETURN_NULL();
	params = final.test->params.bootstrap;
	params.level = final.test->params.level;
	if (final.n == 0)
		PG_RETURN_NULL();
	r = bootstrap_difference(&final.ctx, &group_at(&final, 0)->replicates, final.n > 1 ? &group_at(&final, 1)->replicates : NULL,
							 &params);
	ecml_set_number(values, nulls, 0, r.estimate_a);
	ecml_set_number(values, nulls, 1, r.estimate_b);
	ecml_set_number(values, nulls, 2, r.difference);
	ecml_set_number(values, nulls, 3, r.std_error);
	ecml_set_number(values, nulls, 4, r.ci_low);
	ecml_set_number(values, nulls, 5, r.ci_high);
	ecml_set_number(values, nulls, 6, r.p_value);
	for (int g = 0; g < 2; g++)
	{
		values[7 + g] = Int64GetDatum(group_at(&final, g)->replicates.n);
		set_label(&final, values, nulls, 9 + g, g);
	}
	values[11] = Int32GetDatum(params.replicates);
	RETURN_RESULT();
}

PG_FUNCTION_INFO_V1(ecml_qini_final);

/* ecml_qini_final(state): float8 */
Datum
ecml_qini_final(PG_FUNCTION_ARGS)
{
	Final		final;
	UpliftRow  *rows;
	size_t		n = 0;
	double		qini;

	if (!final_begin(fcinfo, &final, QINI, QINI))
		PG_RETURN_NULL();
	rows = ECML_NEW(&final.ctx, UpliftRow, group_at(&final, 0)->n + group_at(&final, 1)->n + 1);
	for (int treated = 0; treated < 2; treated++)
	{
		const TestGroup *group = group_at(&final, treated);

		for (size_t i = 0; i < group->n; i++)
			rows[n++] = (UpliftRow) {.score = group->values[2 * i],.outcome = group->values[2 * i + 1],.treated = treated};
	}
	qini = uplift_curve(&final.ctx, rows, n, NULL, 0);
	if (isnan(qini))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(qini);
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
