/*
 * dist.c - the continuous distributions of dist.h
 *
 * Normal: the C library's erfc in long double.  Chi-square and gamma: the incomplete gamma function.  Beta, F and t: the
 * incomplete beta function; for t with x = df / (df + t^2) and y = 1 - x each formed on its own, so that neither is
 * a difference.  Intermediate values are long doubles: they neither overflow nor underflow before the result does.
 */
#include "dist.h"

#include <math.h>

#include "dist_tail.h"

#define SQRT_HALF 0.707106781186547524400844L
#define INV_SQRT_2PI 0.398942280401432677939946L

static bool
positive(double v)
{
	return v > 0 && isfinite(v);
}

static bool
probability(double p)
{
	return p >= 0 && p <= 1;
}

/* ------------------------------------------------------------------------------------------------ normal */

double
ecml_normal_pdf(double x)
{
	return (double) (INV_SQRT_2PI * expl(-0.5L * x * x));
}

double
ecml_normal_cdf(double x)
{
	return (double) (erfcl(-x * SQRT_HALF) / 2);
}

double
ecml_normal_sf(double x)
{
	return (double) (erfcl(x * SQRT_HALF) / 2);
}

double
ecml_normal_quantile(double p)
{
	return -ecml_normal_isf(p);
}

double
ecml_normal_isf(double q)
{
	if (!probability(q))
		return NAN;
	if (q == 0 || q == 1)
		return q == 0 ? INFINITY : -INFINITY;
	return (double) dist_normal_inverse(1 - (long double) q, q);
}

/* ------------------------------------------------------------------------------------------------ Student's t */

double
ecml_t_pdf(double t, double df)
{
	long double half = df / 2.0L;
	long double log_constant;

	if (isnan(t) || !(df > 0))
		return NAN;
	if (isinf(df))
		return ecml_normal_pdf(t);
	if (isinf(t))
		return 0;
	/* ln(Gamma(half + 1/2) / Gamma(half) / sqrt(half)) */
	log_constant = dist_stirling(half + 0.5L) - dist_stirling(half) + half * log1pl(0.5L / half) - 0.5L;
	return (double) (INV_SQRT_2PI * expl(log_constant - (half + 0.5L) * log1pl((long double) t * t / df)));
}

double
ecml_t_sf(double t, double df)
{
	long double square = (long double) t * t;
	long double outside;

	if (isnan(t) || !(df > 0))
		return NAN;
	if (isinf(df))
		return ecml_normal_sf(t);
	if (isinf(t))
		return t > 0 ? 0 : 1;
	if (t == 0)
		return 0.5;
	outside = dist_tail_value(dist_beta_tail(df / 2.0L, 0.5L, df / (df + square), square / (df + square)), true);
	return (double) (t > 0 ? outside / 2 : 1 - outside / 2);
}

double
ecml_t_cdf(double t, double df)
{
	return ecml_t_sf(-t, df);
}

double
ecml_t_isf(double q, double df)
{
	long double tail = fminl(q, 1 - (long double) q);
	long double z;
	long double k;
	long double start;
	long double t;

	if (!probability(q) || !(df > 0))
		return NAN;
	if (isinf(df))
		return ecml_normal_isf(q);
	if (q == 0 || q == 1)
		return q == 0 ? INFINITY : -INFINITY;
	if (q == 0.5)
		return 0;
	/* Wallace's normal deviate (1959), turned round: ln(1 + t^2 / df) = (z k)^2 / df */
	z = dist_normal_inverse(1 - tail, tail);
	k = (8.0L * df + 3) / (8.0L * df + 1);
	k = z * k * z * k / df;
	start = k > 40 ? -k : -logl(expm1l(k));
	/* df / t^2 = e^w */
	t = sqrtl(df) * expl(-dist_beta_inverse_from(df / 2.0L, 0.5L, 2 * tail, 1 - 2 * tail, start) / 2);
	return (double) (q < 0.5 ? t : -t);
}

double
ecml_t_quantile(double p, double df)
{
	return -ecml_t_isf(p, df);
}

/* ------------------------------------------------------------------------------------------------ gamma, chi-square */

/* density of x / scale at u, by scale; shape and scale are right */
static double
gamma_pdf(long double u, long double shape, long double scale)
{
	if (isnan(u))
		return NAN;
	if (u < 0 || isinf(u))
		return 0;
	if (u == 0)
		return shape > 1 ? 0 : shape == 1 ? (double) (1 / scale) : INFINITY;
	return (double) (expl(dist_log_gamma_density(shape, u)) / u / scale);
}

static double
gamma_tail(long double u, long double shape, bool lower)
{
	if (isnan(u))
		return NAN;
	if (u <= 0)
		return lower ? 0 : 1;
	if (isinf(u))
		return lower ? 1 : 0;
	return (double) dist_tail_value(dist_gamma_tail(shape, u), lower);
}

static double
gamma_inverse(long double p, long double q, long double shape, long double scale)
{
	if (p <= 0 || q <= 0)
		return p <= 0 ? 0 : INFINITY;
	return (double) (scale * expl(dist_gamma_inverse(shape, p, q)));
}

double
ecml_gamma_pdf(double x, double shape, double scale)
{
	return positive(shape) && positive(scale) ? gamma_pdf((long double) x / scale, shape, scale) : NAN;
}

double
ecml_gamma_cdf(double x, double shape, double scale)
{
	return positive(shape) && positive(scale) ? gamma_tail((long double) x / scale, shape, true) : NAN;
}

double
ecml_gamma_sf(double x, double shape, double scale)
{
	return positive(shape) && positive(scale) ? gamma_tail((long double) x / scale, shape, false) : NAN;
}

double
ecml_gamma_quantile(double p, double shape, double scale)
{
	if (!probability(p) || !positive(shape) || !positive(scale))
		return NAN;
	return gamma_inverse(p, 1 - (long double) p, shape, scale);
}

double
ecml_gamma_isf(double q, double shape, double scale)
{
	if (!probability(q) || !positive(shape) || !positive(scale))
		return NAN;
	return gamma_inverse(1 - (long double) q, q, shape, scale);
}

double
ecml_chi2_pdf(double x, double df)
{
	return positive(df) ? gamma_pdf(x / 2.0L, df / 2.0L, 2) : NAN;
}

double
ecml_chi2_cdf(double x, double df)
{
	return positive(df) ? gamma_tail(x / 2.0L, df / 2.0L, true) : NAN;
}

double
ecml_chi2_sf(double x, double df)
{
	return positive(df) ? gamma_tail(x / 2.0L, df / 2.0L, false) : NAN;
}

double
ecml_chi2_quantile(double p, double df)
{
	if (!probability(p) || !positive(df))
		return NAN;
	return gamma_inverse(p, 1 - (long double) p, df / 2.0L, 2);
}

double
ecml_chi2_isf(double q, double df)
{
	if (!probability(q) || !positive(df))
		return NAN;
	return gamma_inverse(1 - (long double) q, q, df / 2.0L, 2);
}

/* ------------------------------------------------------------------------------------------------ beta */

double
ecml_beta_pdf(double x, double a, double b)
{
	long double y = 1 - (long double) x;

	if (isnan(x) || !positive(a) || !positive(b))
		return NAN;
	if (x < 0 || x > 1)
		return 0;
	if (x == 0)
		return a > 1 ? 0 : a == 1 ? b : INFINITY;
	if (x == 1)
		return b > 1 ? 0 : b == 1 ? a : INFINITY;
	return (double) (expl(dist_log_beta_density(a, b, x, y)) / x / y);
}

static double
beta_tail(double x, double a, double b, bool lower)
{
	if (isnan(x) || !positive(a) || !positive(b))
		return NAN;
	if (x <= 0 || x >= 1)
		return (x <= 0) == lower ? 0 : 1;
	return (double) dist_tail_value(dist_beta_tail(a, b, x, 1 - (long double) x), lower);
}

static double
beta_inverse(long double p, long double q, double a, double b)
{
	if (p <= 0 || q <= 0)
		return p <= 0 ? 0 : 1;
	return (double) (1 / (1 + expl(-dist_beta_inverse(a, b, p, q))));
}

double
ecml_beta_cdf(double x, double a, double b)
{
	return beta_tail(x, a, b, true);
}

double
ecml_beta_sf(double x, double a, double b)
{
	return beta_tail(x, a, b, false);
}

double
ecml_beta_quantile(double p, double a, double b)
{
	if (!probability(p) || !positive(a) || !positive(b))
		return NAN;
	return beta_inverse(p, 1 - (long double) p, a, b);
}

double
ecml_beta_isf(double q, double a, double b)
{
	if (!probability(q) || !positive(a) || !positive(b))
		return NAN;
	return beta_inverse(1 - (long double) q, q, a, b);
}

/* ------------------------------------------------------------------------------------------------ F */

double
ecml_f_pdf(double f, double df1, double df2)
{
	long double first = (long double) df1 * f;
	long double sum = first + df2;

	if (isnan(f) || !positive(df1) || !positive(df2))
		return NAN;
	if (f < 0 || isinf(f))
		return 0;
	if (f == 0)
		return df1 > 2 ? 0 : df1 == 2 ? 1 : INFINITY;
	return (double) (expl(dist_log_beta_density(df1 / 2.0L, df2 / 2.0L, first / sum, df2 / sum)) / f);
}

static double
f_tail(double f, double df1, double df2, bool lower)
{
	long double first = (long double) df1 * f;
	long double sum = first + df2;

	if (isnan(f) || !positive(df1) || !positive(df2))
		return NAN;
	if (f <= 0 || isinf(f))
		return (f <= 0) == lower ? 0 : 1;
	return (double) dist_tail_value(dist_beta_tail(df1 / 2.0L, df2 / 2.0L, first / sum, df2 / sum), lower);
}

static double
f_inverse(long double p, long double q, double df1, double df2)
{
	if (p <= 0 || q <= 0)
		return p <= 0 ? 0 : INFINITY;
	return (double) (df2 / (long double) df1 * expl(dist_beta_inverse(df1 / 2.0L, df2 / 2.0L, p, q)));
}

double
ecml_f_cdf(double f, double df1, double df2)
{
	return f_tail(f, df1, df2, true);
}

double
ecml_f_sf(double f, double df1, double df2)
{
	return f_tail(f, df1, df2, false);
}

double
ecml_f_quantile(double p, double df1, double df2)
{
	if (!probability(p) || !positive(df1) || !positive(df2))
		return NAN;
	return f_inverse(p, 1 - (long double) p, df1, df2);
}

double
ecml_f_isf(double q, double df1, double df2)
{
	if (!probability(q) || !positive(df1) || !positive(df2))
		return NAN;
	return f_inverse(1 - (long double) q, q, df1, df2);
}
