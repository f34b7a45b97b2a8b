/*
 * proportion_sql.c - ecml_prop_test, ecml_prop_test_1samp, ecml_fisher: tests of counts
 */
#include "core/compat.h"

#include <math.h>

#include "utils/builtins.h"

#include "core/options.h"
#include "core/result.h"
#include "stats/experiment_sql.h"
#include "stats/proportion.h"

static const char *const two_intervals[] = {"newcombe", "wald", "agresti-caffo", NULL};	/* as ProportionInterval */
static const char *const one_intervals[] = {"wilson", "wald", "agresti-coull", "exact", NULL};

static const EcmlOption two_options[] = {
	ECML_OPT_ENUM(ProportionParams, alternative, "alternative", experiment_alternatives),
	ECML_OPT_FLOAT(ProportionParams, level, "level", 0, 1),
	ECML_OPT_BOOL(ProportionParams, pooled, "pooled"),
	ECML_OPT_ENUM(ProportionParams, interval, "interval", two_intervals),
	ECML_OPT_END
};

static const EcmlOption one_options[] = {
	ECML_OPT_ENUM(ProportionParams, alternative, "alternative", experiment_alternatives),
	ECML_OPT_FLOAT(ProportionParams, level, "level", 0, 1),
	ECML_OPT_BOOL(ProportionParams, exact, "exact"),
	ECML_OPT_ENUM(ProportionParams, interval, "interval", one_intervals),
	ECML_OPT_END
};

static const EcmlOption fisher_options[] = {
	ECML_OPT_ENUM(ProportionParams, alternative, "alternative", experiment_alternatives),
	ECML_OPT_FLOAT(ProportionParams, level, "level", 0, 1),
	ECML_OPT_END
};

/* successes among trials, arguments i and i + 1 */
static void
read_counts(FunctionCallInfo fcinfo, int i, double *x, double *n)
{
	int64		successes = PG_GETARG_INT64(i);
	int64		trials = PG_GETARG_INT64(i + 1);

	if (trials < 1 || successes < 0 || successes > trials)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("successes must be from 0 to the number of trials, and trials at least 1"),
				 errdetail("There are " INT64_FORMAT " successes among " INT64_FORMAT " trials.", successes, trials),
				 errhint("Give the successes first, then the trials: ecml_prop_test(120, 1000, 150, 1000).")));
	*x = successes;
	*n = trials;
}

static Datum
result(FunctionCallInfo fcinfo, const ProportionResult *r, double na, double nb, const char *method)
{
	Datum		values[14];
	bool		nulls[14] = {false};

	ecml_set_number(values, nulls, 0, r->statistic);
	ecml_set_number(values, nulls, 1, r->p_value);
	ecml_set_number(values, nulls, 2, r->rate_a);
	ecml_set_number(values, nulls, 3, r->rate_b);
	ecml_set_number(values, nulls, 4, r->difference);
	ecml_set_number(values, nulls, 5, r->ci_low);
	ecml_set_number(values, nulls, 6, r->ci_high);
	ecml_set_number(values, nulls, 7, r->std_error);
	ecml_set_number(values, nulls, 8, r->lift);
	ecml_set_number(values, nulls, 9, r->lift_low);
	ecml_set_number(values, nulls, 10, r->lift_high);
	values[11] = Int64GetDatum((int64) na);
	values[12] = Int64GetDatum((int64) nb);
	nulls[12] = isnan(nb);
	values[13] = CStringGetTextDatum(method);
	PG_RETURN_DATUM(ecml_composite(ecml_composite_desc(fcinfo), values, nulls));
}

PG_FUNCTION_INFO_V1(ecml_prop_test);
PG_FUNCTION_INFO_V1(ecml_prop_test_1samp);
PG_FUNCTION_INFO_V1(ecml_fisher);

/* ecml_prop_test(successes_a, trials_a, successes_b, trials_b bigint, options jsonb): ecml_prop_result */
Datum
ecml_prop_test(PG_FUNCTION_ARGS)
{
	ProportionParams params = PROPORTION_DEFAULTS;
	EcmlOptionSet set = {two_options, &params};
	ProportionResult r;
	double		xa, na, xb, nb;

	read_counts(fcinfo, 0, &xa, &na);
	read_counts(fcinfo, 2, &xb, &nb);
	ecml_options_parse("ecml_prop_test", PG_GETARG_JSONB_P(4), &set, 1);
	experiment_check_level(params.level);
	r = proportion_two(xa, na, xb, nb, &params);
	return result(fcinfo, &r, na, nb, params.pooled ? "z-test of two proportions, pooled" : "z-test of two proportions");
}

/* ecml_prop_test_1samp(successes, trials bigint, rate float8, options jsonb): ecml_prop_result */
Datum
ecml_prop_test_1samp(PG_FUNCTION_ARGS)
{
	ProportionParams params = PROPORTION_DEFAULTS;
	EcmlOptionSet set = {one_options, &params};
	double		rate = PG_GETARG_FLOAT8(2);
	ProportionResult r;
	double		x, n;

	read_counts(fcinfo, 0, &x, &n);
	if (!(rate >= 0 && rate <= 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the rate to test against must be from 0 to 1"),
				 errdetail("It is %g.", rate),
				 errhint("Give, for example, 0.05 for five in a hundred.")));
	ecml_options_parse("ecml_prop_test_1samp", PG_GETARG_JSONB_P(3), &set, 1);
	experiment_check_level(params.level);
	r = proportion_one(x, n, rate, &params);
	return result(fcinfo, &r, n, NAN, params.exact ? "exact binomial test" : "score test of a proportion");
}

/* ecml_fisher(a, b, c, d bigint, options jsonb): ecml_fisher_result */
Datum
ecml_fisher(PG_FUNCTION_ARGS)
{
	ProportionParams params = PROPORTION_DEFAULTS;
	EcmlOptionSet set = {fisher_options, &params};
	FisherResult r;
	Datum		values[5];
	bool		nulls[5] = {false};

	for (int i = 0; i < 4; i++)
		if (PG_GETARG_INT64(i) < 0 || PG_GETARG_INT64(i) > INT64CONST(1000000000000))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("the counts of a table must be from 0 to 1e12"),
					 errdetail("One is " INT64_FORMAT ".", PG_GETARG_INT64(i)),
					 errhint("Give the four cells row by row: ecml_fisher(8, 2, 1, 5).")));
	ecml_options_parse("ecml_fisher", PG_GETARG_JSONB_P(4), &set, 1);
	experiment_check_level(params.level);
	r = fisher_exact(PG_GETARG_INT64(0), PG_GETARG_INT64(1), PG_GETARG_INT64(2), PG_GETARG_INT64(3), params.alternative,
					 params.level);
	ecml_set_number(values, nulls, 0, r.odds_ratio);
	ecml_set_number(values, nulls, 1, r.p_value);
	ecml_set_number(values, nulls, 2, r.estimate);
	ecml_set_number(values, nulls, 3, r.ci_low);
	ecml_set_number(values, nulls, 4, r.ci_high);
	PG_RETURN_DATUM(ecml_composite(ecml_composite_desc(fcinfo), values, nulls));
}
