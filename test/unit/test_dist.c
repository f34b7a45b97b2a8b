/*
 * test_dist.c - distributions against mpmath (test/data/dist, made by test/data/make_dist.py), and by their own laws
 */
#include "host.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "num/dist.h"

#define PROMISED 1e-12

typedef double (*Function) (double x, double a, double b);

/* Functions of fewer parameters, as ones of two. */
#define ADAPT(name, args) \
	static double call_##name(double x, double a, double b) { (void) a; (void) b; return ecml_##name args; }
#define ADAPT_ALL(name, args) \
	ADAPT(name##_pdf, args) ADAPT(name##_cdf, args) ADAPT(name##_sf, args) ADAPT(name##_quantile, args) \
	ADAPT(name##_isf, args)
ADAPT_ALL(normal, (x))
ADAPT_ALL(t, (x, a))
ADAPT_ALL(chi2, (x, a))
ADAPT_ALL(gamma, (x, a, 1))
ADAPT_ALL(beta, (x, a, b))
ADAPT_ALL(f, (x, a, b))

typedef struct Distribution
{
	const char *name;
	int			parameters;
	Function	function[5];	/* pdf, cdf, sf, quantile, isf */
} Distribution;

#define ENTRY(name, parameters) \
	{#name, parameters, {call_##name##_pdf, call_##name##_cdf, call_##name##_sf, call_##name##_quantile, call_##name##_isf}}

static const Distribution distributions[] = {
	ENTRY(normal, 0), ENTRY(t, 1), ENTRY(chi2, 1), ENTRY(gamma, 1), ENTRY(beta, 2), ENTRY(f, 2)
};
static const char *const function_names[5] = {"pdf", "cdf", "sf", "quantile", "isf"};

/* The worst relative error of each function over a table; columns as make_dist.py says. */
static void
against_reference(const char *data, const Distribution *d)
{
	char		path[1024];
	char		line[1024];
	FILE	   *file;
	double		worst[5] = {0};
	double		at[5][3] = {{0}};
	int			compared[5] = {0};

	snprintf(path, sizeof(path), "%s/dist/%s.tsv", data, d->name);
	file = fopen(path, "r");
	ok(file != NULL, "%s: reference values in %s", d->name, path);
	if (file == NULL)
		return;
	while (fgets(line, sizeof(line), file))
	{
		double		field[12];
		int			n = 0;
		double		x;

		if (line[0] == '#')
			continue;
		for (char *token = strtok(line, "\t\n"); token && n < 12; token = strtok(NULL, "\t\n"))
			field[n++] = strcmp(token, "-") == 0 ? NAN : strtod(token, NULL);
		if (n != d->parameters + 8)
			abort();
		field[d->parameters + 8] = 0;
		x = field[d->parameters];
		for (int f = 0; f < 5; f++)
		{
			const double *value = field + d->parameters;
			double		a = d->parameters > 0 ? field[0] : 0;
			double		b = d->parameters > 1 ? field[1] : 0;
			double		input = f < 3 ? x : value[f == 3 ? 4 : 6];
			double		want = value[f < 3 ? 1 + f : f == 3 ? 5 : 7];
			double		got;
			double		error;

			if (isnan(want))
				continue;
			got = d->function[f] (input, a, b);
			error = got == want ? 0 : fabs(got - want) / fabs(want);
			compared[f]++;
			if (!(error <= worst[f]))
			{
				worst[f] = error;
				at[f][0] = input;
				at[f][1] = a;
				at[f][2] = b;
			}
		}
	}
	fclose(file);
	for (int f = 0; f < 5; f++)
	{
		ok(compared[f] > 15 && worst[f] <= PROMISED, "%s_%s: %d values within 1e-12 of mpmath", d->name, function_names[f],
		   compared[f]);
		printf("#   worst relative error %.2g, at %.17g, parameters %g, %g\n", worst[f], at[f][0], at[f][1], at[f][2]);
	}
}

/* Tails add up to 1, inverses invert, tails are monotone: on parameters of all sizes, drawn at random. */
static void
own_laws(const Distribution *d, EcmlRng *rng)
{
	double		worst_sum = 0;
	double		worst_inverse = 0;
	int			disorder = 0;
	int			strange = 0;

	for (int i = 0; i < 1500; i++)
	{
		double		a = exp(log(0.1) + ecml_rng_double(rng) * log(1e7));
		double		b = exp(log(0.1) + ecml_rng_double(rng) * log(1e7));
		double		q = i % 2 ? exp(-0.7 - ecml_rng_double(rng) * 689) : ecml_rng_double(rng) * 0.5;
		double		x = d->function[4] (q, a, b);
		double		low = d->function[3] (q, a, b);
		double		back = d->function[2] (x, a, b);

		if (isnan(x) || isnan(low) || isnan(back) || isnan(d->function[0] (x, a, b)))
			strange++;
		worst_sum = fmax(worst_sum, fabs(d->function[1] (x, a, b) + back - 1));
		/* the relative change of the tail from half a unit in the last place of x, at most, is left out of account */
		if (back > 0 && x != 0)
		{
			double		blur = fabs(x) * 4e-16 * d->function[0] (x, a, b) / q;

			if (d->function[0] != call_beta_pdf || x < 0.999)
				worst_inverse = fmax(worst_inverse, fabs(back / q - 1) / (1e-13 + blur));
		}
		if (d->function[2] (x * (x > 0 ? 1.0001 : 0.9999), a, b) > back || low > x)
		{
			disorder++;
			printf("#   q %.17g, x %.17g, low %.17g, parameters %.17g, %.17g\n", q, x, low, a, b);
		}
	}
	ok(strange == 0, "%s: never NaN for parameters in range", d->name);
	ok(worst_sum < 1e-15, "%s: the tails add up to 1 (%.2g)", d->name, worst_sum);
	ok(worst_inverse < 1, "%s: sf(isf(q)) is q to 13 digits and the rounding of x (%.2g)", d->name, worst_inverse);
	ok(disorder == 0, "%s: tails and quantiles are monotone (%d)", d->name, disorder);
}

static void
edges(void)
{
	const double nan_value = NAN;

	ok(ecml_normal_isf(0) == INFINITY && ecml_normal_isf(1) == -INFINITY && ecml_normal_isf(0.5) == 0, "normal: ends of isf");
	ok(isnan(ecml_normal_quantile(-0.1)) && isnan(ecml_normal_quantile(1.1)) && isnan(ecml_normal_cdf(nan_value)),
	   "normal: NaN outside");
	ok(ecml_normal_sf(40) == 0 && ecml_normal_cdf(40) == 1 && ecml_normal_sf(-INFINITY) == 1, "normal: far out");
	ok(ecml_t_sf(0, 3) == 0.5 && ecml_t_sf(INFINITY, 3) == 0 && ecml_t_cdf(INFINITY, 3) == 1, "t: centre and ends");
	ok(isnan(ecml_t_sf(1, 0)) && isnan(ecml_t_sf(1, -1)) && isnan(ecml_t_pdf(nan_value, 1)) && isnan(ecml_t_isf(2, 3)),
	   "t: NaN outside");
	ok(ecml_t_sf(1.5, INFINITY) == ecml_normal_sf(1.5) && ecml_t_isf(0.01, INFINITY) == ecml_normal_isf(0.01),
	   "t: infinitely many degrees of freedom are the normal");
	ok(ecml_t_quantile(0.5, 2.5) == 0 && ecml_t_quantile(0, 2) == -INFINITY && ecml_t_isf(0, 2) == INFINITY, "t: ends of isf");
	close_to(ecml_t_quantile(0.975, 4), -ecml_t_quantile(0.025, 4), 1e-14, "t: symmetric");
	ok(ecml_chi2_pdf(0, 2) == 0.5 && ecml_chi2_pdf(0, 1) == INFINITY && ecml_chi2_pdf(0, 3) == 0, "chi2: density at 0");
	ok(ecml_chi2_cdf(-1, 2) == 0 && ecml_chi2_sf(-1, 2) == 1 && ecml_chi2_sf(INFINITY, 2) == 0, "chi2: outside the support");
	ok(ecml_gamma_quantile(0, 2, 3) == 0 && ecml_gamma_quantile(1, 2, 3) == INFINITY && ecml_gamma_isf(1, 2, 3) == 0,
	   "gamma: ends of the quantile");
	ok(isnan(ecml_gamma_cdf(1, 0, 1)) && isnan(ecml_gamma_cdf(1, 1, -1)) && isnan(ecml_gamma_cdf(1, INFINITY, 1)),
	   "gamma: NaN for parameters outside");
	close_to(ecml_gamma_sf(6, 1, 2), exp(-3), 1e-15, "gamma: of shape 1 is exponential, with its scale");
	close_to(ecml_gamma_isf(exp(-3), 1, 2), 6, 1e-15, "gamma: inverse with its scale");
	close_to(ecml_gamma_pdf(6, 1, 2), exp(-3) / 2, 1e-15, "gamma: density with its scale");
	ok(ecml_beta_cdf(0, 2, 3) == 0 && ecml_beta_cdf(1, 2, 3) == 1 && ecml_beta_sf(2, 2, 3) == 0 && ecml_beta_pdf(2, 2, 3) == 0,
	   "beta: ends");
	ok(ecml_beta_pdf(0, 1, 3) == 3 && ecml_beta_pdf(1, 2, 1) == 2 && ecml_beta_pdf(0, 0.5, 1) == INFINITY, "beta: density at its ends");
	ok(isnan(ecml_beta_quantile(0.5, -1, 1)) && isnan(ecml_beta_sf(nan_value, 1, 1)), "beta: NaN outside");
	ok(ecml_f_pdf(0, 2, 5) == 1 && ecml_f_sf(0, 2, 5) == 1 && ecml_f_cdf(INFINITY, 2, 5) == 1 && ecml_f_isf(0, 2, 5) == INFINITY,
	   "F: ends");
	ok(isnan(ecml_f_cdf(1, 0, 1)) && isnan(ecml_f_cdf(nan_value, 1, 1)), "F: NaN outside");
	close_to(ecml_f_sf(2.25, 1, 7), 2 * ecml_t_sf(1.5, 7), 1e-15, "F with 1 and n is t with n, squared");

	/* what overflows a double on the way does not spoil the result */
	close_to(ecml_t_sf(1e200, 1), 1e-200 / M_PI, 1e-14, "t: t * t would overflow");
	ok(ecml_gamma_quantile(1e-300, 0.01, 1) == 0, "gamma: a quantile below the least double is 0");
}

static void
discrete(void)
{
	double		sum = 0;
	int			wrong = 0;

	/* mpmath 1.3, 50 digits */
	close_to(ecml_binomial_pdf(30, 100, 0.3), 0.08678386475342729, 1e-13, "binomial_pdf(30, 100, 0.3)");
	close_to(ecml_poisson_pdf(3, 2.5), 2.5 * 2.5 * 2.5 / 6 * exp(-2.5), 1e-15, "poisson_pdf(3, 2.5)");
	close_to(ecml_binomial_pdf(0, 5, 1e-20), 1, 1e-15, "binomial_pdf: a rare event's absence");
	close_to(ecml_binomial_sf(0, 5, 1e-20), 5e-20, 1e-15, "binomial_sf: a rare event");
	for (int k = 0; k <= 40; k++)
	{
		sum += ecml_binomial_pdf(k, 40, 0.37);
		if (fabs(sum - ecml_binomial_cdf(k, 40, 0.37)) > 1e-14 * sum || ecml_binomial_sf(k, 40, 0.37) > 1 - sum + 1e-14)
			wrong++;
	}
	ok(wrong == 0, "binomial: the cdf is the sum of the probabilities");
	sum = 0;
	for (int k = 0; k <= 60; k++)
	{
		sum += ecml_poisson_pdf(k, 20.5);
		if (fabs(sum - ecml_poisson_cdf(k, 20.5)) > 1e-14 * sum)
			wrong++;
	}
	ok(wrong == 0, "Poisson: the cdf is the sum of the probabilities");
	for (int k = 0; k <= 60; k++)
	{
		if (ecml_poisson_quantile(ecml_poisson_cdf(k, 20.5), 20.5) != k
			|| ecml_poisson_isf(ecml_poisson_sf(k, 20.5), 20.5) != k)
			wrong++;
		if (k < 40 && ecml_binomial_isf(ecml_binomial_sf(k, 40, 0.37), 40, 0.37) != k)
			wrong++;
		if (k < 30 && ecml_binomial_quantile(ecml_binomial_cdf(k, 40, 0.37), 40, 0.37) != k)
			wrong++;
	}
	ok(wrong == 0, "binomial, Poisson: quantile and isf invert the tails");
	ok(ecml_binomial_quantile(0.5, 1e9, 0.5) == 5e8, "binomial: median of a billion trials");
	ok(ecml_poisson_isf(1e-300, 1e-3) == 67, "Poisson: 1e-3^68 / 68! is the first tail below 1e-300");
	ok(ecml_binomial_cdf(-1, 3, 0.5) == 0 && ecml_binomial_cdf(3, 3, 0.5) == 1 && ecml_binomial_pdf(1.5, 3, 0.5) == 0
	   && ecml_binomial_pdf(3, 3, 1) == 1 && ecml_binomial_quantile(1, 3, 0.5) == 3 && ecml_binomial_quantile(0, 3, 0.5) == 0,
	   "binomial: ends");
	ok(ecml_poisson_cdf(-1, 2) == 0 && ecml_poisson_quantile(1, 2) == INFINITY && ecml_poisson_pdf(0, 0) == 1
	   && ecml_poisson_quantile(0.9, 0) == 0, "Poisson: ends");
	ok(isnan(ecml_binomial_cdf(1, 2.5, 0.5)) && isnan(ecml_binomial_cdf(1, 2, 1.5)) && isnan(ecml_poisson_cdf(1, -1)),
	   "binomial, Poisson: NaN outside");
}

int
main(void)
{
	const char *data = getenv("ECML_TEST_DATA");
	EcmlRng		rng;

	ecml_rng_seed(&rng, 20260101);
	for (size_t i = 0; i < sizeof(distributions) / sizeof(distributions[0]); i++)
		against_reference(data ? data : "test/data", &distributions[i]);
	for (size_t i = 0; i < sizeof(distributions) / sizeof(distributions[0]); i++)
		own_laws(&distributions[i], &rng);
	edges();
	discrete();
	return done();
}
