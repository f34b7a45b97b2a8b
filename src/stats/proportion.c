/*
 * proportion.c - tests of proportions and of sizes of groups: see proportion.h
 *
 * Fisher's test: the probability of a table is a product of three binomial ones (Loader's saddle-point form: all digits, at
 * any size), its neighbours follow by their ratio, and sums go from the mode outwards until they do not change: some ten
 * deviations of the margin, whatever the counts.  The two-sided p is the sum of all tables that are not more probable.
 */
#include "stats/proportion.h"

#include <math.h>

#include "num/dist.h"

#define TIE (1 + 1e-7)			/* tables whose probabilities differ by less are as probable */
#define ROUNDS 200

static double
p_of_z(double z, int alternative)
{
	switch (alternative)
	{
		case PROPORTION_LESS:
			return ecml_normal_cdf(z);
		case PROPORTION_GREATER:
			return ecml_normal_sf(z);
		default:
			return fmin(1, 2 * ecml_normal_sf(fabs(z)));
	}
}

/* The share of level that lies outside one end of an interval. */
static double
outside(const ProportionParams *params)
{
	return params->alternative == PROPORTION_TWO_SIDED ? (1 - params->level) / 2 : 1 - params->level;
}

/* Wilson's interval. */
static void
wilson(double x, double n, double z, double *low, double *high)
{
	double		p = x / n;
	double		middle = (p + z * z / (2 * n)) / (1 + z * z / n);
	double		half = z / (1 + z * z / n) * sqrt(p * (1 - p) / n + z * z / (4 * n * n));

	*low = x == 0 ? 0 : middle - half;
	*high = x == n ? 1 : middle + half;
}

/* Ends that an alternative leaves open. */
static void
open_ends(int alternative, double least, double most, double *low, double *high)
{
	if (alternative == PROPORTION_LESS)
		*low = least;
	if (alternative == PROPORTION_GREATER)
		*high = most;
}

ProportionResult
proportion_two(double xa, double na, double xb, double nb, const ProportionParams *params)
{
	ProportionResult r = {.statistic = NAN, .p_value = NAN, .ci_low = NAN, .ci_high = NAN};
	double		z = ecml_normal_isf(outside(params));
	double		pooled = (xa + xb) / (na + nb);
	double		error;

	r.rate_a = xa / na;
	r.rate_b = xb / nb;
	r.difference = r.rate_a - r.rate_b;
	r.lift = r.rate_b / r.rate_a - 1;
	r.lift_low = r.lift_high = r.std_error = NAN;
	if (!(na > 0 && nb > 0))
		return r;
	r.std_error = params->pooled ? sqrt(pooled * (1 - pooled) * (1 / na + 1 / nb)) :
		sqrt(r.rate_a * (1 - r.rate_a) / na + r.rate_b * (1 - r.rate_b) / nb);
	r.statistic = r.difference / r.std_error;
	if (!isnan(r.statistic))
		r.p_value = p_of_z(r.statistic, params->alternative);
	if (params->interval == PROPORTION_NEWCOMBE)
	{
		double		la, ua, lb, ub;

		wilson(xa, na, z, &la, &ua);
		wilson(xb, nb, z, &lb, &ub);
		r.ci_low = r.difference - hypot(r.rate_a - la, ub - r.rate_b);
		r.ci_high = r.difference + hypot(ua - r.rate_a, r.rate_b - lb);
	}
	else
	{
		double		add = params->interval == PROPORTION_AGRESTI_CAFFO ? 1 : 0;
		double		pa = (xa + add) / (na + 2 * add);
		double		pb = (xb + add) / (nb + 2 * add);
		double		half = z * sqrt(pa * (1 - pa) / (na + 2 * add) + pb * (1 - pb) / (nb + 2 * add));

		r.ci_low = pa - pb - half;
		r.ci_high = pa - pb + half;
	}
	r.ci_low = fmax(-1, r.ci_low);
	r.ci_high = fmin(1, r.ci_high);
	error = sqrt(1 / xa - 1 / na + 1 / xb - 1 / nb);
	if (isfinite(error))
	{
		r.lift_low = exp(log(r.rate_b / r.rate_a) - z * error) - 1;
		r.lift_high = exp(log(r.rate_b / r.rate_a) + z * error) - 1;
	}
	open_ends(params->alternative, -1, 1, &r.ci_low, &r.ci_high);
	/* the lift goes the other way: less means that b is above a */
	if (params->alternative == PROPORTION_LESS)
		r.lift_high = INFINITY;
	if (params->alternative == PROPORTION_GREATER)
		r.lift_low = -1;
	return r;
}

/* The sum of the probabilities of all outcomes that are not more probable than x. */
static double
binomial_two_sided(double x, double n, double p)
{
	double		d = ecml_binomial_pdf(x, n, p) * TIE;
	double		low;
	double		high;

	if (x == p * n)
		return 1;
	/* on the other side of the mean, the least probable side of the first that is not more probable: by bisection */
	if (x < p * n)
	{
		low = ceil(p * n);
		high = n + 1;
		while (low < high)
		{
			double		middle = floor((low + high) / 2);

			if (ecml_binomial_pdf(middle, n, p) <= d)
				high = middle;
			else
				low = middle + 1;
		}
		return fmin(1, ecml_binomial_cdf(x, n, p) + (low > n ? 0 : ecml_binomial_sf(low - 1, n, p)));
	}
	low = -1;
	high = floor(p * n);
	while (low < high)
	{
		double		middle = ceil((low + high) / 2);

		if (ecml_binomial_pdf(middle, n, p) <= d)
			low = middle;
		else
			high = middle - 1;
	}
	return fmin(1, ecml_binomial_sf(x - 1, n, p) + (low < 0 ? 0 : ecml_binomial_cdf(low, n, p)));
}

ProportionResult
proportion_one(double x, double n, double rate, const ProportionParams *params)
{
	ProportionResult r = {.statistic = NAN, .p_value = NAN, .ci_low = NAN, .ci_high = NAN};
	double		tail = outside(params);
	double		z = ecml_normal_isf(tail);

	r.rate_a = x / n;
	r.rate_b = r.lift = r.lift_low = r.lift_high = NAN;
	r.difference = r.rate_a - rate;
	r.std_error = NAN;
	if (!(n > 0))
		return r;
	if (params->exact)
		r.p_value = params->alternative == PROPORTION_LESS ? ecml_binomial_cdf(x, n, rate) :
			params->alternative == PROPORTION_GREATER ? (x > 0 ? ecml_binomial_sf(x - 1, n, rate) : 1) :
			binomial_two_sided(x, n, rate);
	else
	{
		r.std_error = sqrt(rate * (1 - rate) / n);
		r.statistic = r.difference / r.std_error;
		if (!isnan(r.statistic))
			r.p_value = p_of_z(r.statistic, params->alternative);
	}
	if (params->interval == PROPORTION_EXACT)
	{
		r.ci_low = x > 0 ? ecml_beta_quantile(tail, x, n - x + 1) : 0;
		r.ci_high = x < n ? ecml_beta_isf(tail, x + 1, n - x) : 1;
	}
	else if (params->interval == PROPORTION_NEWCOMBE)
		wilson(x, n, z, &r.ci_low, &r.ci_high);
	else
	{
		double		add = params->interval == PROPORTION_AGRESTI_CAFFO ? z * z : 0;
		double		p = (x + add / 2) / (n + add);
		double		half = z * sqrt(p * (1 - p) / (n + add));

		r.ci_low = fmax(0, p - half);
		r.ci_high = fmin(1, p + half);
	}
	open_ends(params->alternative, 0, 1, &r.ci_low, &r.ci_high);
	return r;
}

/* ---- Fisher */

/* What the margins of a table allow its first cell to be. */
typedef struct Margins
{
	double		row;			/* a + b */
	double		column;			/* a + c */
	double		rest;			/* c + d */
	double		low;			/* least and greatest a */
	double		high;
} Margins;

/* The probability of x in the first cell, all odds being equal. */
static double
hypergeometric(const Margins *m, double x)
{
	double		n = m->row + m->rest;
	double		p = m->column / n;

	return ecml_binomial_pdf(x, m->row, p) * ecml_binomial_pdf(m->column - x, m->rest, p) / ecml_binomial_pdf(m->column, n, p);
}

/* Probability of x + 1 over that of x, the odds ratio being odds. */
static double
step(const Margins *m, double x, double odds)
{
	return odds * (m->row - x) * (m->column - x) / ((x + 1) * (m->rest - m->column + x + 1));
}

/*
 * With the odds ratio odds: the shares of the outcomes up to x and from x on, and their mean.  Relative to the mode, whose
 * weight is 1.
 */
static void
tails(const Margins *m, double odds, double x, double *lower, double *upper, double *mean)
{
	double		mode = m->low;
	double		high = m->high;
	double		total = 0;
	double		below = 0;
	double		above = 0;
	double		moment = 0;

	/* the steps fall as x grows: the mode is where they go below 1 */
	while (mode < high)
	{
		double		middle = floor((mode + high) / 2);

		if (step(m, middle, odds) >= 1)
			mode = middle + 1;
		else
			high = middle;
	}
	for (int direction = 0; direction < 2; direction++)
	{
		double		weight = 1;

		for (double k = mode; k >= m->low && k <= m->high; k += direction ? -1 : 1)
		{
			if (k != mode || direction == 0)
			{
				total += weight;
				moment += weight * (k - mode);
				below += k <= x ? weight : 0;
				above += k >= x ? weight : 0;
			}
			/* when x lies far out, its tail is all that counts there */
			if (weight < 1e-25 && (direction ? k < x && weight < 1e-25 * below : k > x && weight < 1e-25 * above))
				break;
			if (weight < 1e-300)
				break;
			weight = direction ? (k > m->low ? weight / step(m, k - 1, odds) : 0) : weight * step(m, k, odds);
		}
	}
	*lower = below / total;
	*upper = above / total;
	*mean = mode + moment / total;
}

typedef enum Solve
{
	SOLVE_LOWER,
	SOLVE_UPPER,
	SOLVE_MEAN
} Solve;

/* The odds ratio at which a tail (or the mean) is the target, by bisection of its logarithm. */
static double
solve_odds(const Margins *m, double x, Solve what, double target)
{
	double		low = -700;
	double		high = 700;

	for (int round = 0; round < ROUNDS && high - low > 1e-14 * fmax(1, fabs(low)); round++)
	{
		double		middle = (low + high) / 2;
		double		lower;
		double		upper;
		double		mean;
		bool		grow;

		tails(m, exp(middle), x, &lower, &upper, &mean);
		/* upper tail and mean rise with the odds, the lower tail falls */
		grow = what == SOLVE_UPPER ? upper < target : what == SOLVE_MEAN ? mean < target : lower > target;
		if (grow)
			low = middle;
		else
			high = middle;
	}
	return exp((low + high) / 2);
}

/* The tail sum of the hypergeometric distribution from x on, away from the mode. */
static double
tail_sum(const Margins *m, double x, bool upward)
{
	double		weight = hypergeometric(m, x);
	double		sum = 0;

	for (double k = x; k >= m->low && k <= m->high; k += upward ? 1 : -1)
	{
		sum += weight;
		if (weight < 1e-18 * sum || (upward ? k == m->high : k == m->low))
			break;
		weight = upward ? weight * step(m, k, 1) : weight / step(m, k - 1, 1);
	}
	return sum;
}

/* Probability of at most x; of at least x. */
static double
at_most(const Margins *m, double x, double mode)
{
	if (x < m->low)
		return 0;
	return x < mode ? tail_sum(m, x, false) : x >= m->high ? 1 : 1 - tail_sum(m, x + 1, true);
}

static double
at_least(const Margins *m, double x, double mode)
{
	if (x > m->high)
		return 0;
	return x > mode ? tail_sum(m, x, true) : x <= m->low ? 1 : 1 - tail_sum(m, x - 1, false);
}

static double
fisher_two_sided(const Margins *m, double x, double mode)
{
	double		limit = hypergeometric(m, x) * TIE;
	double		low;
	double		high;

	if (hypergeometric(m, mode) <= limit)
		return 1;
	if (x < mode)
	{
		/* the first above the mode that is not more probable */
		low = mode;
		high = m->high + 1;
		while (low < high)
		{
			double		middle = floor((low + high) / 2);

			if (hypergeometric(m, middle) <= limit)
				high = middle;
			else
				low = middle + 1;
		}
		return fmin(1, at_most(m, x, mode) + at_least(m, low, mode));
	}
	low = m->low - 1;
	high = mode;
	while (low < high)
	{
		double		middle = ceil((low + high) / 2);

		if (hypergeometric(m, middle) <= limit)
			low = middle;
		else
			high = middle - 1;
	}
	return fmin(1, at_least(m, x, mode) + at_most(m, low, mode));
}

FisherResult
fisher_exact(double a, double b, double c, double d, int alternative, double level)
{
	FisherResult r = {.odds_ratio = a * d / (b * c), .estimate = NAN, .ci_low = 0, .ci_high = INFINITY, .p_value = 1};
	Margins		m = {.row = a + b, .column = a + c, .rest = c + d};
	double		tail = alternative == PROPORTION_TWO_SIDED ? (1 - level) / 2 : 1 - level;
	double		mode;

	m.low = fmax(0, m.column - m.rest);
	m.high = fmin(m.row, m.column);
	if (m.low == m.high)
	{
		r.odds_ratio = NAN;
		r.ci_low = r.ci_high = NAN;
		return r;				/* the margins leave no other table */
	}
	mode = floor((m.row + 1) * (m.column + 1) / (m.row + m.rest + 2));
	mode = fmin(m.high, fmax(m.low, mode));
	r.estimate = a == m.low ? 0 : a == m.high ? INFINITY : solve_odds(&m, a, SOLVE_MEAN, a);
	if (alternative != PROPORTION_LESS && a > m.low)
		r.ci_low = solve_odds(&m, a, SOLVE_UPPER, tail);
	if (alternative != PROPORTION_GREATER && a < m.high)
		r.ci_high = solve_odds(&m, a, SOLVE_LOWER, tail);
	r.p_value = alternative == PROPORTION_LESS ? at_most(&m, a, mode) :
		alternative == PROPORTION_GREATER ? at_least(&m, a, mode) : fisher_two_sided(&m, a, mode);
	return r;
}

/* ---- sizes of groups */

SrmResult
proportion_srm(const double *counts, const double *weights, int n, double *expected)
{
	SrmResult	r = {0, 1};
	double		total = 0;
	double		all = 0;

	for (int i = 0; i < n; i++)
	{
		total += counts[i];
		all += weights ? weights[i] : 1;
	}
	for (int i = 0; i < n; i++)
	{
		double		e = total * (weights ? weights[i] : 1) / all;

		if (expected)
			expected[i] = e;
		r.statistic += e > 0 ? (counts[i] - e) * (counts[i] - e) / e : 0;
	}
	r.p_value = ecml_chi2_sf(r.statistic, n - 1);
	return r;
}
