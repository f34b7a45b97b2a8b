/*
 * experiment_sql.c - planning and trusting experiments: ecml_power, ecml_sample_size, ecml_mde, ecml_srm, ecml_adjust_p,
 * ecml_msprt, ecml_group_sequential, ecml_bayes_ab
 */
#include "core/compat.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "core/error.h"
#include "core/host.h"
#include "core/options.h"
#include "core/result.h"
#include "num/dist.h"
#include "stats/bayes.h"
#include "stats/experiment_sql.h"
#include "stats/planning.h"
#include "stats/proportion.h"
#include "stats/sequential.h"

const char *const experiment_alternatives[] = {"two-sided", "less", "greater", NULL};

void
experiment_check_share(const char *option, double share)
{
	if (!(share > 0 && share < 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"%s\" must be above 0 and below 1", option),
				 errdetail("It is %g.", share),
				 errhint("Give, for example, {\"%s\": 0.95}.", option)));
}

double *
experiment_numbers(FunctionCallInfo fcinfo, int argument, const char *what, bool nulls_allowed, int *n)
{
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(argument);
	Datum	   *elements;
	bool	   *nulls;
	double	   *numbers;

	deconstruct_array(array, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &elements, &nulls, n);
	numbers = palloc((*n + 1) * sizeof(double));
	for (int i = 0; i < *n; i++)
	{
		numbers[i] = nulls[i] ? NAN : DatumGetFloat8(elements[i]);
		if (nulls[i] ? !nulls_allowed : !isfinite(numbers[i]))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("%s must be finite numbers", what),
					 errdetail("Number %d is %s.", i + 1, nulls[i] ? "NULL" : psprintf("%g", numbers[i])),
					 errhint("Leave it out.")));
	}
	return numbers;
}

/* ---------------------------------------------------------------- planning */

typedef struct Planning
{
	PlanParams	kernel;
	int			metric;			/* of plan_metrics */
	bool		relative;		/* effects are shares of the baseline */
	double		traffic;		/* units a day, all groups together; 0: not given */
	/* of a unit's numerator and denominator, for ratios; NaN: not given */
	double		numerator_sd;
	double		denominator_mean;
	double		denominator_sd;
	double		correlation;
} Planning;

static const char *const plan_metrics[] = {"mean", "proportion", "ratio", NULL};

#define METRIC_PROPORTION 1
#define METRIC_RATIO 2

static const EcmlOption plan_options[] = {
	ECML_OPT_ENUM(Planning, metric, "metric", plan_metrics),
	ECML_OPT_ENUM(Planning, kernel.alternative, "alternative", experiment_alternatives),
	ECML_OPT_FLOAT(Planning, kernel.alpha, "alpha", 0, 1),
	ECML_OPT_FLOAT(Planning, kernel.power, "power", 0, 1),
	ECML_OPT_FLOAT(Planning, kernel.sd, "sd", 0, INFINITY),
	ECML_OPT_FLOAT(Planning, kernel.baseline, "baseline", -1e300, 1e300),
	ECML_OPT_FLOAT(Planning, kernel.ratio, "ratio", 1e-6, 1e6),
	ECML_OPT_BOOL(Planning, relative, "relative"),
	ECML_OPT_FLOAT(Planning, traffic, "traffic", 0, INFINITY),
	ECML_OPT_FLOAT(Planning, numerator_sd, "numerator_sd", 0, 1e300),
	ECML_OPT_FLOAT(Planning, denominator_mean, "denominator_mean", -1e300, 1e300),
	ECML_OPT_FLOAT(Planning, denominator_sd, "denominator_sd", 0, 1e300),
	ECML_OPT_FLOAT(Planning, correlation, "correlation", -1, 1),
	ECML_OPT_END
};

static void
refuse_plan(const char *message, const char *detail, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%s", message), errdetail("%s", detail), errhint("%s", hint)));
}

/*
 * A ratio of sums varies as the mean of (numerator - ratio * denominator) / mean of the denominator over units does: the delta
 * method, as ecml_ratio_test has it.
 */
static void
plan_ratio(Planning *plan)
{
	double		r = plan->kernel.baseline;
	double		y = plan->numerator_sd;
	double		x = plan->denominator_sd;

	if (isnan(r) || isnan(y) || isnan(x) || isnan(plan->denominator_mean) || isnan(plan->correlation))
		refuse_plan("a ratio needs its parts", "Among baseline, numerator_sd, denominator_mean, denominator_sd and correlation one is not given.",
					"Give them as past units have them: sum(y) / sum(x), stddev(y), avg(x), stddev(x) and corr(y, x).");
	if (plan->denominator_mean == 0)
		refuse_plan("option \"denominator_mean\" must not be 0", "It is 0.", "Give the mean of the denominator over the units.");
	plan->kernel.sd = sqrt(fmax(y * y - 2 * r * plan->correlation * y * x + r * r * x * x, 0)) / fabs(plan->denominator_mean);
	if (plan->kernel.sd == 0)
		refuse_plan("the ratio does not vary between units", "By the deviations and the correlation given its deviation is 0.",
					"Look at numerator_sd, denominator_sd and correlation.");
}

/* The options of a plan, checked. */
static Planning
read_plan(const char *what, Jsonb *jsonb)
{
	Planning	plan = {
		.kernel = PLAN_DEFAULTS,.numerator_sd = NAN,.denominator_mean = NAN,.denominator_sd = NAN,.correlation = NAN
	};
	EcmlOptionSet set = {plan_options, &plan};
	double		not_given = NAN;

	plan.kernel.baseline = not_given;
	ecml_options_parse(what, jsonb, &set, 1);
	plan.kernel.metric = plan.metric == METRIC_PROPORTION ? PLAN_PROPORTION : PLAN_MEAN;
	experiment_check_share("alpha", plan.kernel.alpha);
	experiment_check_share("power", plan.kernel.power);
	if (plan.kernel.metric == PLAN_PROPORTION && !(plan.kernel.baseline > 0 && plan.kernel.baseline < 1))
		refuse_plan("a proportion needs its baseline",
					isnan(plan.kernel.baseline) ? "The option \"baseline\" is not given." :
					psprintf("It is %g.", plan.kernel.baseline),
					"Give the rate of the control, for example {\"metric\": \"proportion\", \"baseline\": 0.05}.");
	if (plan.relative && (isnan(plan.kernel.baseline) || plan.kernel.baseline == 0))
		refuse_plan("a relative effect needs its baseline", "The option \"baseline\" is not given, or 0.",
					"Give the mean of the control, for example {\"relative\": true, \"baseline\": 35.2, \"sd\": 60}.");
	if (plan.metric == METRIC_RATIO)
		plan_ratio(&plan);
	if (plan.kernel.sd <= 0)
		refuse_plan("option \"sd\" must be above 0", "It is 0.", "Give the standard deviation of a unit's value.");
	return plan;
}

static double
absolute_effect(const Planning *plan, double effect)
{
	if (!isfinite(effect) || effect == 0)
		refuse_plan("the effect must be a number other than 0", psprintf("It is %g.", effect),
					"Give the difference of treatment and control that matters.");
	if (plan->relative)
		effect *= plan->kernel.baseline;
	if (plan->kernel.metric == PLAN_PROPORTION &&
		!(plan->kernel.baseline + effect >= 0 && plan->kernel.baseline + effect <= 1))
		refuse_plan("the effect leads to a rate outside 0 to 1",
					psprintf("The rate of the treatment would be %g.", plan->kernel.baseline + effect),
					"Effects are absolute differences; for shares of the baseline set \"relative\" to true.");
	return effect;
}

static double
plan_units(double n)
{
	if (!(n >= 2 && isfinite(n)))
		refuse_plan("there must be at least two units in the control", psprintf("There are %g.", n),
					"Give the number of units, such as visitors, in the control.");
	return n;
}

PG_FUNCTION_INFO_V1(ecml_power);
PG_FUNCTION_INFO_V1(ecml_sample_size);
PG_FUNCTION_INFO_V1(ecml_mde);

/* ecml_power(effect float8, n float8, options jsonb): float8 */
Datum
ecml_power(PG_FUNCTION_ARGS)
{
	Planning	plan = read_plan("ecml_power", PG_GETARG_JSONB_P(2));
	double		n = plan_units(PG_GETARG_FLOAT8(1));

	PG_RETURN_FLOAT8(plan_power(absolute_effect(&plan, PG_GETARG_FLOAT8(0)), n, &plan.kernel));
}

/* ecml_sample_size(effect float8, options jsonb): n_control, n_treatment, total, power, days */
Datum
ecml_sample_size(PG_FUNCTION_ARGS)
{
	Planning	plan = read_plan("ecml_sample_size", PG_GETARG_JSONB_P(1));
	double		effect = absolute_effect(&plan, PG_GETARG_FLOAT8(0));
	double		n;
	Datum		values[6];
	bool		nulls[6] = {false};

	if (plan.kernel.alternative != PLAN_TWO_SIDED && (effect > 0) != (plan.kernel.alternative == PLAN_GREATER))
		refuse_plan("the effect lies on the other side of the alternative",
					psprintf("It is %g, and the alternative \"%s\".", effect, experiment_alternatives[plan.kernel.alternative]),
					"With \"greater\" effects are above 0, with \"less\" below.");
	n = plan_sample_size(effect, &plan.kernel);
	ecml_set_number(values, nulls, 0, n);
	if (isnan(n))
		memset(nulls, true, sizeof(nulls));
	else
	{
		double		control = ceil(n * (1 - 1e-12));
		double		treatment = ceil(n * plan.kernel.ratio * (1 - 1e-12));

		values[1] = Int64GetDatum((int64) control);
		values[2] = Int64GetDatum((int64) treatment);
		values[3] = Int64GetDatum((int64) (control + treatment));
		ecml_set_number(values, nulls, 4, plan_power(effect, Max(2, control), &plan.kernel));
		ecml_set_number(values, nulls, 5, plan.traffic > 0 ? (control + treatment) / plan.traffic : NAN);
	}
	PG_RETURN_DATUM(ecml_composite(ecml_composite_desc(fcinfo), values, nulls));
}

/* ecml_mde(n float8, options jsonb): float8 */
Datum
ecml_mde(PG_FUNCTION_ARGS)
{
	Planning	plan = read_plan("ecml_mde", PG_GETARG_JSONB_P(1));
	double		effect = plan_effect(plan_units(PG_GETARG_FLOAT8(0)), &plan.kernel);

	if (isnan(effect))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(plan.relative ? effect / plan.kernel.baseline : effect);
}

/* ---------------------------------------------------------------- trust */

PG_FUNCTION_INFO_V1(ecml_srm);
PG_FUNCTION_INFO_V1(ecml_adjust_p);

/* ecml_srm(counts float8[], weights float8[], alpha float8): statistic, df, p_value, mismatch, expected */
Datum
ecml_srm(PG_FUNCTION_ARGS)
{
	int			n;
	int			nweights = 0;
	double	   *counts;
	double	   *weights = NULL;
	double		alpha = PG_GETARG_FLOAT8(2);
	double	   *expected;
	SrmResult	r;
	Datum	   *elements;
	Datum		values[5];
	bool		nulls[5] = {false};

	if (PG_ARGISNULL(0) || PG_ARGISNULL(2))
		PG_RETURN_NULL();
	counts = experiment_numbers(fcinfo, 0, "counts", false, &n);
	if (!PG_ARGISNULL(1))
		weights = experiment_numbers(fcinfo, 1, "weights", false, &nweights);
	experiment_check_share("alpha", alpha);
	if (n < 2 || (weights && nweights != n))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg(n < 2 ? "there must be at least two groups" : "there must be a weight for each group"),
				 errdetail("There are %d counts and %d weights.", n, nweights),
				 errhint("Give, for example, ecml_srm(ARRAY[5012, 4988], ARRAY[0.5, 0.5]).")));
	for (int i = 0; i < n; i++)
	{
		if (counts[i] < 0 || (weights && weights[i] <= 0))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("counts must be at least 0, and weights above 0"),
					 errdetail("Group %d has count %g and weight %g.", i + 1, counts[i], weights ? weights[i] : 1),
					 errhint("Leave out groups that get no units.")));
	}
	expected = palloc(n * sizeof(double));
	elements = palloc(n * sizeof(Datum));
	r = proportion_srm(counts, weights, n, expected);
	for (int i = 0; i < n; i++)
		elements[i] = Float8GetDatum(expected[i]);
	ecml_set_number(values, nulls, 0, r.statistic);
	values[1] = Int32GetDatum(n - 1);
	ecml_set_number(values, nulls, 2, r.p_value);
	values[3] = BoolGetDatum(r.p_value < alpha);
	values[4] = PointerGetDatum(construct_array(elements, n, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	PG_RETURN_DATUM(ecml_composite(ecml_composite_desc(fcinfo), values, nulls));
}

typedef enum Adjustment
{
	ADJUST_BONFERRONI,
	ADJUST_SIDAK,
	ADJUST_HOLM,
	ADJUST_HOCHBERG,
	ADJUST_BH,
	ADJUST_BY
} Adjustment;

const char *const experiment_adjustments[] = {"bonferroni", "sidak", "holm", "hochberg", "bh", "by", NULL};

static int
compare_p(const void *a, const void *b, void *p)
{
	double		x = ((const double *) p)[*(const int *) a];
	double		y = ((const double *) p)[*(const int *) b];

	return x < y ? -1 : x > y ? 1 : *(const int *) a - *(const int *) b;
}

/* p [m] in the order of their size, order [m] their places; adjusted in place. */
static void
adjust(double *p, const int *order, int m, Adjustment how)
{
	double		harmonic = 0;
	double		bound;

	for (int i = 1; i <= m && how == ADJUST_BY; i++)
		harmonic += 1.0 / i;
	switch (how)
	{
		case ADJUST_BONFERRONI:
		case ADJUST_SIDAK:
			for (int i = 0; i < m; i++)
			{
				double	   *v = &p[order[i]];

				*v = how == ADJUST_BONFERRONI ? Min(1, *v * m) : -expm1(m * log1p(-*v));
			}
			break;
		case ADJUST_HOLM:
			bound = 0;
			for (int i = 0; i < m; i++)
				p[order[i]] = bound = Max(bound, Min(1, p[order[i]] * (m - i)));
			break;
		default:
			bound = 1;
			for (int i = m - 1; i >= 0; i--)
			{
				double		factor = how == ADJUST_HOCHBERG ? m - i : (double) m / (i + 1) * (how == ADJUST_BY ? harmonic : 1);

				p[order[i]] = bound = Min(bound, p[order[i]] * factor);
			}
	}
}

void
experiment_adjust(double *p, int n, int how)
{
	int		   *order = palloc((n + 1) * sizeof(int));
	int			m = 0;

	for (int i = 0; i < n; i++)
		if (!isnan(p[i]))
			order[m++] = i;
	qsort_arg(order, m, sizeof(int), compare_p, p);
	adjust(p, order, m, how);
	pfree(order);
}

/* ecml_adjust_p(p float8[], method text): float8[] */
Datum
ecml_adjust_p(PG_FUNCTION_ARGS)
{
	int			n;
	double	   *p = experiment_numbers(fcinfo, 0, "p-values", true, &n);
	char	   *method = text_to_cstring(PG_GETARG_TEXT_PP(1));
	Datum	   *values = palloc((n + 1) * sizeof(Datum));
	bool	   *nulls = palloc((n + 1) * sizeof(bool));
	int			how = 0;
	int			low = 1;

	while (experiment_adjustments[how] && pg_strcasecmp(method, experiment_adjustments[how]) != 0)
		how++;
	if (experiment_adjustments[how] == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown method \"%s\"", method),
				 errdetail("There is no such adjustment of p-values."),
				 errhint("%sThere are: %s.",
						 ecml_error_perhaps(ecml_error_nearest(method, experiment_adjustments, how)),
						 ecml_error_list(experiment_adjustments, how))));
	for (int i = 0; i < n; i++)
	{
		nulls[i] = isnan(p[i]);
		if (!nulls[i] && !(p[i] >= 0 && p[i] <= 1))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("p-values must be from 0 to 1"),
					 errdetail("Number %d is %g.", i + 1, p[i]),
					 errhint("NULL stands for a test that has none.")));
	}
	experiment_adjust(p, n, how);
	for (int i = 0; i < n; i++)
		values[i] = Float8GetDatum(p[i]);
	if (n == 0)
		PG_RETURN_ARRAYTYPE_P(construct_empty_array(FLOAT8OID));
	PG_RETURN_ARRAYTYPE_P(construct_md_array(values, nulls, 1, &n, &low, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL,
											 TYPALIGN_DOUBLE));
}

/* ---------------------------------------------------------------- looking more than once */

typedef struct MixtureOptions
{
	double		tau;			/* 0: from the deviation of a unit */
	double		level;
} MixtureOptions;

static const EcmlOption mixture_options[] = {
	ECML_OPT_FLOAT(MixtureOptions, tau, "tau", 0, INFINITY),
	ECML_OPT_FLOAT(MixtureOptions, level, "level", 0, 1),
	ECML_OPT_END
};

static const char *const spendings[] = {"obrien_fleming", "pocock", "power", NULL};
static const char *const sides[] = {"one-sided", "two-sided", NULL};

static const EcmlOption spending_options[] = {
	ECML_OPT_ENUM(SequentialParams, spending, "spending", spendings),
	ECML_OPT_FLOAT(SequentialParams, alpha, "alpha", 0, 1),
	ECML_OPT_ENUM(SequentialParams, two_sided, "alternative", sides),
	ECML_OPT_FLOAT(SequentialParams, rho, "rho", 0.1, 10),
	ECML_OPT_END
};

PG_FUNCTION_INFO_V1(ecml_msprt);
PG_FUNCTION_INFO_V1(ecml_group_sequential);

/* ecml_msprt(n_a, mean_a, sd_a, n_b, mean_b, sd_b float8, options jsonb): ecml_msprt_result */
Datum
ecml_msprt(PG_FUNCTION_ARGS)
{
	MixtureOptions given = {.level = 0.95};
	EcmlOptionSet set = {mixture_options, &given};
	double		n[2] = {PG_GETARG_FLOAT8(0), PG_GETARG_FLOAT8(3)};
	double		mean[2] = {PG_GETARG_FLOAT8(1), PG_GETARG_FLOAT8(4)};
	double		sd[2] = {PG_GETARG_FLOAT8(2), PG_GETARG_FLOAT8(5)};
	AlwaysValid r;
	Datum		values[7];
	bool		nulls[7] = {false};

	for (int i = 0; i < 2; i++)
		if (!(n[i] >= 1 && isfinite(n[i]) && isfinite(mean[i]) && sd[i] >= 0 && isfinite(sd[i])))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("a group needs a count of at least 1, a finite mean, and a deviation of at least 0"),
					 errdetail("Group %s has count %g, mean %g, deviation %g.", i ? "b" : "a", n[i], mean[i], sd[i]),
					 errhint("Give n, mean and sd of the one group, then those of the other.")));
	ecml_options_parse("ecml_msprt", PG_GETARG_JSONB_P(6), &set, 1);
	experiment_check_level(given.level);
	if (given.tau == 0)
	{
		/* a tenth of a unit's deviation: the size of effects that experiments are made for */
		given.tau = 0.1 * sqrt((n[0] * sd[0] * sd[0] + n[1] * sd[1] * sd[1]) / (n[0] + n[1]));
		if (given.tau == 0)
			given.tau = 1;
	}
	r = sequential_always_valid(mean[0] - mean[1], sqrt(sd[0] * sd[0] / n[0] + sd[1] * sd[1] / n[1]), given.tau, given.level);
	ecml_set_number(values, nulls, 0, r.ratio);
	ecml_set_number(values, nulls, 1, r.p_value);
	ecml_set_number(values, nulls, 2, mean[0] - mean[1]);
	ecml_set_number(values, nulls, 3, r.ci_low);
	ecml_set_number(values, nulls, 4, r.ci_high);
	values[5] = BoolGetDatum(r.p_value <= 1 - given.level);
	values[6] = Float8GetDatum(given.tau);
	PG_RETURN_DATUM(ecml_composite(ecml_composite_desc(fcinfo), values, nulls));
}

/* ecml_group_sequential(fractions float8[], options jsonb): rows look, fraction, boundary, nominal_p, spent */
Datum
ecml_group_sequential(PG_FUNCTION_ARGS)
{
	EcmlRows   *rows = ecml_rows_begin(fcinfo);
	SequentialParams params = SEQUENTIAL_DEFAULTS;
	EcmlOptionSet set = {spending_options, &params};
	SequentialLook looks[SEQUENTIAL_MAX_LOOKS];
	double	   *fractions;
	int			n;

	fractions = experiment_numbers(fcinfo, 0, "fractions", false, &n);
	ecml_options_parse("ecml_group_sequential", PG_GETARG_JSONB_P(1), &set, 1);
	experiment_check_share("alpha", params.alpha);
	if (n < 1 || n > SEQUENTIAL_MAX_LOOKS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("there must be 1 to %d looks", SEQUENTIAL_MAX_LOOKS),
				 errdetail("There are %d.", n),
				 errhint("Give the share of all units at each look, for example ARRAY[0.25, 0.5, 0.75, 1].")));
	for (int i = 0; i < n; i++)
		if (!(fractions[i] > (i ? fractions[i - 1] : 0) && fractions[i] <= 1))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("fractions must rise, be above 0, and at most 1"),
					 errdetail("Number %d is %g.", i + 1, fractions[i]),
					 errhint("Give the share of all units at each look, for example ARRAY[0.25, 0.5, 0.75, 1].")));
	sequential_boundaries(fractions, n, &params, looks, palloc(2 * SEQUENTIAL_GRID * sizeof(double)));
	for (int i = 0; i < n; i++)
	{
		Datum		values[5];
		bool		nulls[5] = {false};

		values[0] = Int32GetDatum(i + 1);
		values[1] = Float8GetDatum(fractions[i]);
		values[2] = Float8GetDatum(looks[i].boundary);
		values[3] = Float8GetDatum((params.two_sided ? 2 : 1) * ecml_normal_sf(looks[i].boundary));
		values[4] = Float8GetDatum(looks[i].spent);
		ecml_rows_add(rows, values, nulls);
	}
	return (Datum) 0;
}

/* ---------------------------------------------------------------- Bayes */

typedef struct BayesOptions
{
	double		prior_a;
	double		prior_b;
	double		level;
} BayesOptions;

static const EcmlOption beta_options[] = {
	ECML_OPT_FLOAT(BayesOptions, prior_a, "prior_a", 1e-6, 1e12),
	ECML_OPT_FLOAT(BayesOptions, prior_b, "prior_b", 1e-6, 1e12),
	ECML_OPT_FLOAT(BayesOptions, level, "level", 0, 1),
	ECML_OPT_END
};

/* Without a prior: the estimates themselves. */
static const EcmlOption normal_options[] = {
	ECML_OPT_FLOAT(BayesOptions, prior_a, "prior_mean", -1e300, 1e300),
	ECML_OPT_FLOAT(BayesOptions, prior_b, "prior_sd", 1e-300, 1e300),
	ECML_OPT_FLOAT(BayesOptions, level, "level", 0, 1),
	ECML_OPT_END
};

static void
check_arms(int n, int other)
{
	if (n < 1 || n > BAYES_MAX_ARMS || n != other)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("there must be 1 to %d variants, and as many elements in each array", BAYES_MAX_ARMS),
				 errdetail("The first array has %d elements, another %d.", n, other),
				 errhint("Give, for example, ecml_bayes_ab(ARRAY[120, 150], ARRAY[1000, 1000]).")));
}

static Datum
compare_arms(FunctionCallInfo fcinfo, EcmlRows *rows, const BayesArm *arms, int n, bool beta, double level)
{
	BayesPosterior *posteriors = palloc(n * sizeof(BayesPosterior));
	EcmlServerHost host;
	EcmlCtx		ctx;

	ecml_host_init(&ctx, &host, CurrentMemoryContext, 0, 0);
	bayes_compare(&ctx, arms, n, beta, level, posteriors);
	for (int i = 0; i < n; i++)
	{
		Datum		values[6];
		bool		nulls[6] = {false};

		values[0] = Int32GetDatum(i + 1);
		values[1] = Float8GetDatum(posteriors[i].mean);
		values[2] = Float8GetDatum(posteriors[i].ci_low);
		values[3] = Float8GetDatum(posteriors[i].ci_high);
		values[4] = Float8GetDatum(posteriors[i].best);
		values[5] = Float8GetDatum(posteriors[i].loss);
		ecml_rows_add(rows, values, nulls);
	}
	return (Datum) 0;
}

PG_FUNCTION_INFO_V1(ecml_bayes_ab);
PG_FUNCTION_INFO_V1(ecml_bayes_ab_means);

/* ecml_bayes_ab(successes float8[], trials float8[], options jsonb): rows */
Datum
ecml_bayes_ab(PG_FUNCTION_ARGS)
{
	EcmlRows   *rows = ecml_rows_begin(fcinfo);
	BayesOptions given = {.prior_a = 1, .prior_b = 1, .level = 0.95};
	EcmlOptionSet set = {beta_options, &given};
	BayesArm   *arms;
	double	   *successes;
	double	   *trials;
	int			n;
	int			ntrials;

	successes = experiment_numbers(fcinfo, 0, "successes", false, &n);
	trials = experiment_numbers(fcinfo, 1, "trials", false, &ntrials);
	check_arms(n, ntrials);
	ecml_options_parse("ecml_bayes_ab", PG_GETARG_JSONB_P(2), &set, 1);
	experiment_check_level(given.level);
	arms = palloc(n * sizeof(BayesArm));
	for (int i = 0; i < n; i++)
	{
		if (!(successes[i] >= 0 && successes[i] <= trials[i]))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("successes must be from 0 to the number of trials"),
					 errdetail("Variant %d has %g successes among %g trials.", i + 1, successes[i], trials[i]),
					 errhint("Give the array of successes first, then that of trials.")));
		arms[i] = (BayesArm) {given.prior_a + successes[i], given.prior_b + trials[i] - successes[i]};
	}
	return compare_arms(fcinfo, rows, arms, n, true, given.level);
}

/* ecml_bayes_ab_means(means float8[], sds float8[], counts float8[], options jsonb): rows */
Datum
ecml_bayes_ab_means(PG_FUNCTION_ARGS)
{
	EcmlRows   *rows = ecml_rows_begin(fcinfo);
	BayesOptions given = {.prior_a = 0, .prior_b = INFINITY, .level = 0.95};
	EcmlOptionSet set = {normal_options, &given};
	BayesArm   *arms;
	double	   *means;
	double	   *sds;
	double	   *counts;
	int			n;
	int			other;

	means = experiment_numbers(fcinfo, 0, "means", false, &n);
	sds = experiment_numbers(fcinfo, 1, "deviations", false, &other);
	check_arms(n, other);
	counts = experiment_numbers(fcinfo, 2, "counts", false, &other);
	check_arms(n, other);
	ecml_options_parse("ecml_bayes_ab_means", PG_GETARG_JSONB_P(3), &set, 1);
	experiment_check_level(given.level);
	arms = palloc(n * sizeof(BayesArm));
	for (int i = 0; i < n; i++)
	{
		double		precision = counts[i] / (sds[i] * sds[i]);
		double		prior = 1 / (given.prior_b * given.prior_b);

		if (!(sds[i] > 0 && counts[i] >= 1))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("deviations must be above 0, and counts at least 1"),
					 errdetail("Variant %d has deviation %g and count %g.", i + 1, sds[i], counts[i]),
					 errhint("Leave out variants without units.")));
		arms[i] = (BayesArm) {(precision * means[i] + prior * given.prior_a) / (precision + prior), 1 / sqrt(precision + prior)};
	}
	return compare_arms(fcinfo, rows, arms, n, false, given.level);
}
