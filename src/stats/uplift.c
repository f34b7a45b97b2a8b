/*
 * uplift.c - bins and Qini curve of predicted uplift: see uplift.h
 */
#include "stats/uplift.h"

#include <math.h>

#include "num/moments.h"
#include "num/sort.h"

#define POLL_ROWS 65536

/* The greatest score first; rows of one score as they came, so that the bins do not depend on how one sorts. */
static UpliftRow *
sort_rows(EcmlCtx *ctx, const UpliftRow *rows, size_t n)
{
	double	   *keys = ECML_NEW(ctx, double, 2 * n);
	UpliftRow  *sorted = ECML_NEW(ctx, UpliftRow, n);

	for (size_t i = 0; i < n; i++)
	{
		keys[2 * i] = -rows[i].score;
		keys[2 * i + 1] = (double) i;
	}
	ecml_poll(ctx, 0, 0);
	ecml_sort_f8_pairs(ctx, keys, n);
	for (size_t i = 0; i < n; i++)
	{
		if (i % POLL_ROWS == 0)
			ecml_poll(ctx, i, n);
		sorted[i] = rows[(size_t) keys[2 * i + 1]];
	}
	ecml_free(ctx, keys);
	return sorted;
}

/* Gain of the rows so far, for each treated row of all. */
static double
gain(double treated, double control, double n_treated, double n_control, double all_treated)
{
	return (treated - (n_control > 0 ? control * n_treated / n_control : 0)) / all_treated;
}

static void
fill_bin(const UpliftRow *rows, size_t first, size_t end, UpliftBin *bin)
{
	EcmlMoments treated = {0};
	EcmlMoments control = {0};
	double		score = 0;

	for (size_t i = first; i < end; i++)
	{
		ecml_moments_add(rows[i].treated ? &treated : &control, rows[i].outcome);
		score += rows[i].score;
	}
	bin->n_treated = (double) treated.n;
	bin->n_control = (double) control.n;
	bin->predicted = end > first ? score / (double) (end - first) : NAN;
	bin->treated = ecml_moments_mean(&treated);
	bin->control = ecml_moments_mean(&control);
	bin->uplift = bin->treated - bin->control;
	bin->std_error = sqrt(ecml_moments_variance(&treated) / (double) treated.n + ecml_moments_variance(&control) / (double) control.n);
}

double
uplift_curve(EcmlCtx *ctx, const UpliftRow *given, size_t n, UpliftBin *bins, int nbins)
{
	UpliftRow  *rows;
	double		sums[2] = {0, 0};	/* outcome of controls, of treated rows */
	double		counts[2] = {0, 0};
	double		all_treated = 0;
	double		area = 0;
	double		before = 0;
	double		share = 0;
	size_t		start = 0;
	int			bin = 0;

	for (size_t i = 0; i < n; i++)
		all_treated += given[i].treated;
	if (n == 0 || all_treated == 0 || all_treated == (double) n)
		return NAN;
	rows = sort_rows(ctx, given, n);
	for (size_t i = 0; i < n; i++)
	{
		if (i % POLL_ROWS == 0)
			ecml_poll(ctx, i, n);
		sums[rows[i].treated] += rows[i].outcome;
		counts[rows[i].treated]++;
		if (i + 1 == n || rows[i + 1].score < rows[i].score)
		{
			double		now = gain(sums[1], sums[0], counts[1], counts[0], all_treated);
			double		upto = (double) (i + 1) / (double) n;

			area += 0.5 * (now + before) * (upto - share);
			before = now;
			share = upto;
		}
		while (bin < nbins && i + 1 >= (size_t) ((double) n * (bin + 1) / nbins + 0.5))
		{
			fill_bin(rows, start, i + 1, &bins[bin]);
			bins[bin].share = (double) (i + 1) / (double) n;
			bins[bin].gain = gain(sums[1], sums[0], counts[1], counts[0], all_treated);
			start = i + 1;
			bin++;
		}
	}
	ecml_free(ctx, rows);
	return area - 0.5 * before;
}
