/*
 * dist_sql.c - probability distributions in SQL: ecml_<distribution>_pdf, _cdf, _sf, _quantile, _isf
 *
 * The functions of num/dist.h, with parameters checked: NaN for a NaN argument, an error for a parameter or a probability out
 * of range.
 */
#include "core/compat.h"

#include <math.h>

#include "num/dist.h"

typedef enum Which
{
	PDF,
	CDF,
	SF,
	QUANTILE,
	ISF
} Which;

typedef enum Range
{
	FINITE,
	POSITIVE,
	POSITIVE_OR_INFINITE,
	NOT_NEGATIVE,
	WHOLE,
	SEVERAL,
	PROBABILITY
} Range;

static const char *const range_hints[] = {
	"It must be a finite number.",
	"It must be a finite number above 0.",
	"It must be above 0.",
	"It must be a finite number, at least 0.",
	"It must be a whole number, at least 0.",
	"It must be from 2 to 1000000.",
	"It must be from 0 to 1."
};

typedef struct Parameter
{
	const char *name;
	Range		range;
} Parameter;

typedef struct Distribution
{
	const char *name;
	int			nparameters;
	Parameter	parameters[2];
	double		(*one[5]) (double x, double a);	/* by Which; of one parameter */
	double		(*two[5]) (double x, double a, double b);	/* of two */
} Distribution;

/* The normal of any mean and deviation. */
static double
normal_pdf(double x, double mean, double sd)
{
	return ecml_normal_pdf((x - mean) / sd) / sd;
}

static double
normal_cdf(double x, double mean, double sd)
{
	return ecml_normal_cdf((x - mean) / sd);
}

static double
normal_sf(double x, double mean, double sd)
{
	return ecml_normal_sf((x - mean) / sd);
}

static double
normal_quantile(double p, double mean, double sd)
{
	return mean + sd * ecml_normal_quantile(p);
}

static double
normal_isf(double q, double mean, double sd)
{
	return mean + sd * ecml_normal_isf(q);
}

#define ONE(name) {ecml_##name##_pdf, ecml_##name##_cdf, ecml_##name##_sf, ecml_##name##_quantile, ecml_##name##_isf}

static const Distribution dist_normal = {
	"normal", 2, {{"mean", FINITE}, {"sd", POSITIVE}},
	.two = {normal_pdf, normal_cdf, normal_sf, normal_quantile, normal_isf}
};
static const Distribution dist_t = {"t", 1, {{"df", POSITIVE_OR_INFINITE}}, .one = ONE(t)};
static const Distribution dist_chi2 = {"chi-square", 1, {{"df", POSITIVE}}, .one = ONE(chi2)};
static const Distribution dist_f = {"F", 2, {{"df1", POSITIVE}, {"df2", POSITIVE}}, .two = ONE(f)};
static const Distribution dist_beta = {"beta", 2, {{"a", POSITIVE}, {"b", POSITIVE}}, .two = ONE(beta)};
static const Distribution dist_gamma = {"gamma", 2, {{"shape", POSITIVE}, {"scale", POSITIVE}}, .two = ONE(gamma)};
static const Distribution dist_binomial = {"binomial", 2, {{"n", WHOLE}, {"p", PROBABILITY}}, .two = ONE(binomial)};
static const Distribution dist_poisson = {"Poisson", 1, {{"mean", NOT_NEGATIVE}}, .one = ONE(poisson)};

static const Distribution dist_range = {
	"studentized range", 2, {{"k", SEVERAL}, {"df", POSITIVE_OR_INFINITE}},
	.two = {NULL, ecml_range_cdf, ecml_range_sf, ecml_range_quantile, ecml_range_isf}
};

static bool
in_range(double value, Range range)
{
	switch (range)
	{
		case FINITE:
			return isfinite(value);
		case POSITIVE:
			return value > 0 && isfinite(value);
		case POSITIVE_OR_INFINITE:
			return value > 0;
		case NOT_NEGATIVE:
			return value >= 0 && isfinite(value);
		case WHOLE:
			return value >= 0 && isfinite(value) && value == floor(value);
		case SEVERAL:
			return value >= 2 && value <= 1e6;
		case PROBABILITY:
			return value >= 0 && value <= 1;
	}
	return false;
}

static Datum
evaluate(FunctionCallInfo fcinfo, const Distribution *distribution, Which which)
{
	double		x = PG_GETARG_FLOAT8(0);
	double		parameters[2] = {0};
	bool		nan = isnan(x);

	for (int i = 0; i < distribution->nparameters; i++)
	{
		const Parameter *parameter = &distribution->parameters[i];

		parameters[i] = PG_GETARG_FLOAT8(1 + i);
		if (isnan(parameters[i]))
			nan = true;
		else if (!in_range(parameters[i], parameter->range))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("parameter \"%s\" of the %s distribution is out of range", parameter->name, distribution->name),
					 errdetail("It is %g.", parameters[i]),
					 errhint("%s", range_hints[parameter->range])));
	}
	if (nan)
		PG_RETURN_FLOAT8(NAN);
	if (which >= QUANTILE && !in_range(x, PROBABILITY))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a quantile needs a probability"),
				 errdetail("It is %g.", x),
				 errhint("%s", range_hints[PROBABILITY])));
	if (distribution->nparameters == 1)
		PG_RETURN_FLOAT8(distribution->one[which] (x, parameters[0]));
	PG_RETURN_FLOAT8(distribution->two[which] (x, parameters[0], parameters[1]));
}

#define SQL_FUNCTION(distribution, suffix, which) \
	PG_FUNCTION_INFO_V1(ecml_sql_##distribution##_##suffix); \
	Datum ecml_sql_##distribution##_##suffix(PG_FUNCTION_ARGS) { return evaluate(fcinfo, &dist_##distribution, which); }

#define SQL_FUNCTIONS(distribution) \
	SQL_FUNCTION(distribution, pdf, PDF) \
	SQL_FUNCTION(distribution, cdf, CDF) \
	SQL_FUNCTION(distribution, sf, SF) \
	SQL_FUNCTION(distribution, quantile, QUANTILE) \
	SQL_FUNCTION(distribution, isf, ISF)

/* ecml_<distribution>_<function>(x float8, parameters float8): float8 */
SQL_FUNCTIONS(normal)
SQL_FUNCTIONS(t)
SQL_FUNCTIONS(chi2)
SQL_FUNCTIONS(f)
SQL_FUNCTIONS(beta)
SQL_FUNCTIONS(gamma)
SQL_FUNCTIONS(binomial)
SQL_FUNCTIONS(poisson)
SQL_FUNCTION(range, cdf, CDF)
SQL_FUNCTION(range, sf, SF)
SQL_FUNCTION(range, quantile, QUANTILE)
SQL_FUNCTION(range, isf, ISF)
