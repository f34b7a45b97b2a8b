/*
 * groups.c - tests from sums that merge: see groups.h
 */
#include "stats/groups.h"

#include <math.h>

#include "num/dist.h"

/* The mean of a group less another number (hi + lo), with the digits of both. */
static double
mean_less(const EcmlMoments *m, EcmlDd other)
{
	double		hi;
	double		lo;

	ecml_moments_mean_pair(m, &hi, &lo);
	return dd_sub(dd_two_sum(hi, lo), other).hi;
}

AnovaResult
anova_one_way(const EcmlMoments *groups, int k, bool welch)
{
	AnovaResult r = {NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN};
	EcmlDd		first = {0, 0};
	double		n = 0;
	double		within = 0;
	double		between = 0;
	double		shift = 0;
	int			used = 0;

	for (int g = 0; g < k; g++)
		if (groups[g].n > 0)
		{
			if (used++ == 0)
				ecml_moments_mean_pair(&groups[g], &first.hi, &first.lo);
			n += (double) groups[g].n;
		}
	if (used < 2 || n <= used)
		return r;
	/* means as differences from the first: small where they are alike */
	for (int g = 0; g < k; g++)
		if (groups[g].n > 0)
			shift += (double) groups[g].n / n * mean_less(&groups[g], first);
	for (int g = 0; g < k; g++)
		if (groups[g].n > 0)
		{
			double		d = mean_less(&groups[g], first) - shift;

			between += (double) groups[g].n * d * d;
			if (groups[g].n > 1)
				within += ((double) groups[g].n - 1) * ecml_moments_variance(&groups[g]);
		}
	r.ss_between = between;
	r.ss_within = within;
	r.df_between = used - 1;
	r.df_within = n - used;
	r.eta_squared = between / (between + within);
	r.omega_squared = (between - r.df_between * within / r.df_within) / (between + within + within / r.df_within);
	if (!welch)
		r.statistic = (between / r.df_between) / (within / r.df_within);
	else
	{
		double		weights = 0;
		double		mean = 0;
		double		spread = 0;
		double		lambda = 0;

		for (int g = 0; g < k; g++)
		{
			if (groups[g].n == 0)
				continue;
			if (groups[g].n < 2)
			{
				r.df_within = NAN;
				return r;
			}
			weights += (double) groups[g].n / ecml_moments_variance(&groups[g]);
		}
		for (int g = 0; g < k; g++)
			if (groups[g].n > 0)
				mean += (double) groups[g].n / ecml_moments_variance(&groups[g]) / weights * mean_less(&groups[g], first);
		for (int g = 0; g < k; g++)
			if (groups[g].n > 0)
			{
				double		w = (double) groups[g].n / ecml_moments_variance(&groups[g]);
				double		d = mean_less(&groups[g], first) - mean;

				spread += w * d * d;
				lambda += (1 - w / weights) * (1 - w / weights) / ((double) groups[g].n - 1);
			}
		lambda *= 3 / ((double) used * used - 1);
		r.statistic = spread / (used - 1) / (1 + 2.0 / 3 * (used - 2) * lambda);
		r.df_within = 1 / lambda;
	}
	if (!isnan(r.statistic))
		r.p_value = isinf(r.statistic) ? 0 : ecml_f_sf(r.statistic, r.df_between, r.df_within);
	return r;
}

/* ---- pairs */

PairResult
pair_difference(const EcmlMoments *groups, int k, int a, int b, bool unequal, double level, PairReach *reach)
{
	PairResult	r = {NAN, NAN, NAN, NAN, NAN, NAN, NAN};
	EcmlDd		mean;
	double		va = ecml_moments_variance(&groups[a]) / (double) groups[a].n;
	double		vb = ecml_moments_variance(&groups[b]) / (double) groups[b].n;
	double		within = 0;
	double		n = 0;
	int			used = 0;
	double		half;

	for (int g = 0; g < k; g++)
		if (groups[g].n > 0)
		{
			used++;
			n += (double) groups[g].n;
			if (groups[g].n > 1)
				within += ((double) groups[g].n - 1) * ecml_moments_variance(&groups[g]);
		}
	if (groups[a].n < 1 || groups[b].n < 1)
		return r;
	ecml_moments_mean_pair(&groups[b], &mean.hi, &mean.lo);
	r.difference = mean_less(&groups[a], mean);
	if (unequal)
	{
		double		share = va / (va + vb);

		r.std_error = sqrt(0.5 * (va + vb));
		r.df = va + vb == 0 ? NAN :
			1 / (share * share / ((double) groups[a].n - 1) + (1 - share) * (1 - share) / ((double) groups[b].n - 1));
	}
	else
	{
		r.df = n - used;
		r.std_error = r.df > 0 ? sqrt(0.5 * within / r.df * (1 / (double) groups[a].n + 1 / (double) groups[b].n)) : NAN;
	}
	r.statistic = fabs(r.difference) / r.std_error;
	if (isnan(r.statistic) || !(r.df > 0))
		return r;
	r.p_value = ecml_range_sf(r.statistic, used, r.df);
	if (reach->df != r.df)
		*reach = (PairReach) {r.df, ecml_range_isf(1 - level, used, r.df)};
	half = reach->quantile * r.std_error;
	r.ci_low = r.difference - half;
	r.ci_high = r.difference + half;
	return r;
}

void
bivariate_add(Bivariate *b, double x, double y)
{
	ecml_moments_add(&b->x, x);
	ecml_moments_add(&b->y, y);
	b->xy = dd_add(b->xy, dd_two_prod(x, y));
}

void
bivariate_add_pairs(Bivariate *b, EcmlDd x, EcmlDd y)
{
	ecml_moments_add_pair(&b->x, x.hi, x.lo);
	ecml_moments_add_pair(&b->y, y.hi, y.lo);
	b->xy = dd_add(b->xy, dd_mul(x, y));
}

void
bivariate_merge(Bivariate *b, const Bivariate *other)
{
	ecml_moments_merge(&b->x, &other->x);
	ecml_moments_merge(&b->y, &other->y);
	b->xy = dd_add(b->xy, other->xy);
}

double
bivariate_covariance(const Bivariate *b)
{
	double		n = (double) b->x.n;
	double		hi;
	double		lo;
	EcmlDd		product;

	if (b->x.n < 2)
		return NAN;
	ecml_moments_mean_pair(&b->x, &hi, &lo);
	product = dd_mul(dd_two_sum(hi, lo), dd_two_sum(b->y.sum_hi, b->y.sum_lo));
	return dd_sub(b->xy, product).hi / (n - 1);
}

PearsonResult
pearson_correlation(const Bivariate *b, int alternative, double level)
{
	PearsonResult r = {NAN, NAN, NAN, NAN};
	double		n = (double) b->x.n;
	double		sx = ecml_moments_sd(&b->x);
	double		sy = ecml_moments_sd(&b->y);
	double		half;

	if (!(sx > 0) || !(sy > 0))
		return r;
	r.statistic = fmin(1, fmax(-1, bivariate_covariance(b) / sx / sy));
	if (n > 2)
	{
		/* half of the two-sided p: a beta tail, with digits also where r is near 1 */
		double		tail = ecml_beta_cdf((1 - r.statistic) * (1 + r.statistic), (n - 2) / 2, 0.5) / 2;

		r.p_value = alternative == TTEST_TWO_SIDED ? 2 * tail :
			(alternative == TTEST_GREATER) == (r.statistic > 0) ? tail : 1 - tail;
	}
	if (n > 3)
	{
		half = ecml_normal_isf((1 - level) / (alternative == TTEST_TWO_SIDED ? 2 : 1)) / sqrt(n - 3);
		r.ci_low = alternative == TTEST_LESS ? -1 : tanh(atanh(r.statistic) - half);
		r.ci_high = alternative == TTEST_GREATER ? 1 : tanh(atanh(r.statistic) + half);
	}
	return r;
}

void
estimate_conclude(EstimateResult *r, double variance, double df, const TtestParams *params)
{
	double		reach;

	r->difference = r->estimate_a - r->estimate_b;
	if (!isfinite(variance) || isnan(r->difference))
		return;
	r->std_error = sqrt(variance);
	r->df = df;
	r->statistic = r->difference / r->std_error;
	if (isnan(r->statistic))
		return;
	r->p_value = params->alternative == TTEST_LESS ? ecml_t_cdf(r->statistic, r->df) :
		params->alternative == TTEST_GREATER ? ecml_t_sf(r->statistic, r->df) : 2 * ecml_t_sf(fabs(r->statistic), r->df);
	reach = ecml_t_isf((1 - params->level) / (params->alternative == TTEST_TWO_SIDED ? 2 : 1), r->df) * r->std_error;
	r->ci_low = params->alternative == TTEST_LESS ? -INFINITY : r->difference - reach;
	r->ci_high = params->alternative == TTEST_GREATER ? INFINITY : r->difference + reach;
}

/* Conclude from estimates and the variances of both (Welch, Satterthwaite). */
static EstimateResult
conclude(double a, double b, double var_a, double var_b, double na, double nb, const TtestParams *params)
{
	EstimateResult r = {a, b, a - b, NAN, NAN, NAN, NAN, NAN, NAN};
	double		share = var_a / (var_a + var_b);

	if (na >= 2 && nb >= 2)
		estimate_conclude(&r, var_a + var_b,
						  var_a + var_b == 0 ? 1 : 1 / (share * share / (na - 1) + (1 - share) * (1 - share) / (nb - 1)), params);
	return r;
}

double
ratio_variance(const Bivariate *b, double ratio)
{
	double		mean = ecml_moments_mean(&b->x);
	double		unit = ecml_moments_variance(&b->y) - 2 * ratio * bivariate_covariance(b) +
		ratio * ratio * ecml_moments_variance(&b->x);

	return fmax(0, unit) / (mean * mean * (double) b->x.n);
}

EstimateResult
ratio_difference(const Bivariate *a, const Bivariate *b, const TtestParams *params)
{
	double		ratio_a = ecml_moments_mean(&a->y) / ecml_moments_mean(&a->x);
	double		ratio_b = ecml_moments_mean(&b->y) / ecml_moments_mean(&b->x);

	return conclude(ratio_a, ratio_b, ratio_variance(a, ratio_a), ratio_variance(b, ratio_b), (double) a->x.n,
					(double) b->x.n, params);
}

CupedResult
cuped_difference(const Bivariate *a, const Bivariate *b, const TtestParams *params)
{
	CupedResult r = {.theta = NAN, .reduction = NAN, .correlation = NAN};
	double		na = (double) a->x.n;
	double		nb = (double) b->x.n;
	double		xx = (na - 1) * ecml_moments_variance(&a->x) + (nb - 1) * ecml_moments_variance(&b->x);
	double		yy = (na - 1) * ecml_moments_variance(&a->y) + (nb - 1) * ecml_moments_variance(&b->y);
	double		xy = (na - 1) * bivariate_covariance(a) + (nb - 1) * bivariate_covariance(b);
	double		mean;
	double		raw;
	const Bivariate *groups[2] = {a, b};
	double		estimates[2];
	double		variances[2];

	r.raw = ttest_two_samples(&a->y, &b->y, params);
	r.adjusted = conclude(NAN, NAN, NAN, NAN, na, nb, params);
	if (a->x.n < 2 || b->x.n < 2)
		return r;
	/* a covariate that does not vary tells nothing, and changes nothing */
	r.theta = xx > 0 ? xy / xx : 0;
	r.correlation = xx > 0 && yy > 0 ? xy / sqrt(xx) / sqrt(yy) : NAN;
	mean = (na * ecml_moments_mean(&a->x) + nb * ecml_moments_mean(&b->x)) / (na + nb);
	raw = 0;
	for (int g = 0; g < 2; g++)
	{
		double		n = (double) groups[g]->x.n;
		double		variance = ecml_moments_variance(&groups[g]->y);

		estimates[g] = ecml_moments_mean(&groups[g]->y) - r.theta * (ecml_moments_mean(&groups[g]->x) - mean);
		variances[g] = fmax(0, variance - 2 * r.theta * bivariate_covariance(groups[g]) +
							r.theta * r.theta * ecml_moments_variance(&groups[g]->x)) / n;
		raw += variance / n;
	}
	r.adjusted = conclude(estimates[0], estimates[1], variances[0], variances[1], na, nb, params);
	r.reduction = raw > 0 ? 1 - (variances[0] + variances[1]) / raw : NAN;
	return r;
}

/* ---- tables */

TableResult
table_chi2(const double *counts, int rows, int columns, bool correction, bool likelihood_ratio, double *margins)
{
	TableResult r = {.statistic = NAN, .df = NAN, .p_value = NAN, .cramers_v = NAN, .least_expected = NAN};
	double	   *of_column = margins + rows;
	int			used_rows = 0;
	int			used_columns = 0;
	double		statistic = 0;
	double		least = INFINITY;

	for (int i = 0; i < rows + columns; i++)
		margins[i] = 0;
	for (int i = 0; i < rows; i++)
		for (int j = 0; j < columns; j++)
		{
			margins[i] += counts[(size_t) i * columns + j];
			of_column[j] += counts[(size_t) i * columns + j];
		}
	for (int i = 0; i < rows; i++)
	{
		used_rows += margins[i] > 0;
		r.n += margins[i];
	}
	for (int j = 0; j < columns; j++)
		used_columns += of_column[j] > 0;
	if (used_rows < 2 || used_columns < 2)
		return r;
	r.df = (double) (used_rows - 1) * (used_columns - 1);
	r.corrected = correction && r.df == 1;
	for (int i = 0; i < rows; i++)
		for (int j = 0; j < columns; j++)
		{
			double		expected = margins[i] * of_column[j] / r.n;
			double		off = counts[(size_t) i * columns + j] - expected;

			if (expected == 0)
				continue;
			least = fmin(least, expected);
			if (r.corrected)
				off = copysign(fmax(0, fabs(off) - 0.5), off);
			if (!likelihood_ratio)
				statistic += off * off / expected;
			else if (expected + off > 0)
				statistic += 2 * (expected + off) * log((expected + off) / expected);
		}
	r.least_expected = least;
	r.statistic = fmax(0, statistic);
	r.p_value = ecml_chi2_sf(r.statistic, r.df);
	r.cramers_v = sqrt(r.statistic / r.n / ((used_rows < used_columns ? used_rows : used_columns) - 1));
	return r;
}
