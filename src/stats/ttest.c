/*
 * ttest.c - Student's and Welch's t-tests from moments
 *
 * Student (1908) pools the variances, Welch (1947) does not and takes Satterthwaite's degrees of freedom; README.md has
 * the formulas.  Results are those of SciPy's ttest_ind, ttest_rel and ttest_1samp, also where they are degenerate: without any
 * variance the statistic is infinite, or NaN when the means agree too; a single value counts as a group in the
 * pooled test alone.  Unlike SciPy's, a one-sided interval keeps its infinite end when there is no variance.
 *
 * Means are kept and subtracted in pairs of doubles, so that their difference has its digits however close they are.
 * Cost: a few microseconds, whatever the number of rows.
 */
#include "ttest.h"

#include <math.h>

#include "num/dist.h"

const char *
ttest_check(const TtestParams *params)
{
	if (!(params->level > 0 && params->level < 1))
		return "The level must be greater than 0 and less than 1.";
	if (!isfinite(params->mu))
		return "The mean must be finite.";
	if (params->alternative != TTEST_TWO_SIDED && params->alternative != TTEST_LESS
		&& params->alternative != TTEST_GREATER)
		return "The alternative must be two-sided, less or greater.";
	return NULL;
}

/* hi + lo - other, to full accuracy */
static double
pair_minus(double hi, double lo, double other)
{
	double		s = hi - other;
	double		t = s - hi;
	double		e = (hi - (s - t)) - (other + t);

	return isfinite(s) ? s + (e + lo) : s;
}

/* Statistic, p-value and interval from an estimate, what it is compared with, its standard error and df. */
static void
conclude(TtestResult *r, double estimate, double excess, double error, const TtestParams *params)
{
	double		reach;

	/* a variance beyond the range of doubles tells nothing */
	if (!isfinite(error) || isnan(r->df))
		return;
	r->statistic = excess / error;
	switch (params->alternative)
	{
		case TTEST_LESS:
			r->p_value = ecml_t_cdf(r->statistic, r->df);
			break;
		case TTEST_GREATER:
			r->p_value = ecml_t_sf(r->statistic, r->df);
			break;
		default:
			r->p_value = 2 * ecml_t_sf(fabs(r->statistic), r->df);
	}
	reach = (1 - params->level) / (params->alternative == TTEST_TWO_SIDED ? 2 : 1);
	reach = ecml_t_isf(reach, r->df) * error;
	r->ci_low = params->alternative == TTEST_LESS ? -INFINITY : estimate - reach;
	r->ci_high = params->alternative == TTEST_GREATER ? INFINITY : estimate + reach;
}

static TtestResult
undefined(void)
{
	return (TtestResult) {NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN};
}

TtestResult
ttest_two_samples(const EcmlMoments *a, const EcmlMoments *b, const TtestParams *params)
{
	TtestResult r = undefined();
	double		na = (double) a->n;
	double		nb = (double) b->n;
	/* a single value has no variance of its own, and adds none to a pooled one */
	double		var_a = a->n == 1 ? 0 : ecml_moments_variance(a);
	double		var_b = b->n == 1 ? 0 : ecml_moments_variance(b);
	double		pooled;
	double		a_hi;
	double		a_lo;
	double		b_hi;
	double		b_lo;
	double		error;

	r.mean_a = ecml_moments_mean(a);
	r.mean_b = ecml_moments_mean(b);
	if (a->n == 0 || b->n == 0)
		return r;
	ecml_moments_mean_pair(a, &a_hi, &a_lo);
	ecml_moments_mean_pair(b, &b_hi, &b_lo);
	/* constant columns: their means are those constants, and the low parts dust */
	if (var_a == 0 && var_b == 0)
		a_lo = b_lo = 0;
	r.difference = pair_minus(a_hi, a_lo - b_lo, b_hi);
	if (a->n + b->n < 3)
		return r;
	pooled = var_a * ((na - 1) / (na + nb - 2)) + var_b * ((nb - 1) / (na + nb - 2));
	r.effect_size = r.difference / sqrt(pooled);
	if (params->equal_var)
	{
		r.df = na + nb - 2;
		error = sqrt(pooled * (1 / na + 1 / nb));
	}
	else
	{
		double		part_a = var_a / na;
		double		part_b = var_b / nb;
		double		share_a = part_a / (part_a + part_b);
		double		share_b = part_b / (part_a + part_b);

		if (a->n < 2 || b->n < 2)
			return r;
		/* as shares of the sum: their squares neither overflow nor underflow */
		r.df = 1 / (share_a * share_a / (na - 1) + share_b * share_b / (nb - 1));
		if (part_a + part_b == 0)
			r.df = 1;
		error = sqrt(part_a + part_b);
	}
	conclude(&r, r.difference, params->mu == 0 ? r.difference : r.difference - params->mu, error, params);
	return r;
}

TtestResult
ttest_one_sample(const EcmlMoments *x, const TtestParams *params)
{
	TtestResult r = undefined();
	double		hi;
	double		lo;
	double		sd;

	r.mean_a = ecml_moments_mean(x);
	if (x->n == 0)
		return r;
	ecml_moments_mean_pair(x, &hi, &lo);
	sd = x->n < 2 ? 0 : ecml_moments_sd(x);
	/* a constant column: its mean is that constant, and the low part dust */
	r.difference = pair_minus(hi, sd == 0 ? 0 : lo, params->mu);
	if (x->n < 2)
		return r;
	r.df = (double) x->n - 1;
	r.effect_size = r.difference / sd;
	conclude(&r, r.mean_a, r.difference, sd / sqrt((double) x->n), params);
	return r;
}
