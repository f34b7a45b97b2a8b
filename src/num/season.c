/*
 * season.c - the lengths of seasons that the values of a series show
 *
 * The values less a smooth trend (a centred moving average as long as the longest lag asked for, or a straight line where the
 * series is too short for that) have autocorrelations; a season is a lag where they have a peak that is beyond what chance
 * gives (two standard errors by Bartlett's formula) and above its neighbours; of those near the highest one the shortest.  Multiples of a season that is found peak as
 * well: one counts only when it peaks clearly higher than the season itself (a week of hours beside the day).
 */
#include "calendar.h"

#include <math.h>

#define NEAR 0.6				/* of the highest peak: the hours of a day are less alike than those of a week */

/* The values less a straight line; missing ones become 0 with weight 0.  z [n] values, w [n] weights; their variance. */
static double
detrend(const double *y, int n, double *z, double *w)
{
	double		count = 0;
	double		sum_t = 0;
	double		sum_y = 0;
	double		tt = 0;
	double		ty = 0;
	double		slope;
	double		variance = 0;

	for (int t = 0; t < n; t++)
		if (isfinite(y[t]))
		{
			count++;
			sum_t += t;
			sum_y += y[t];
		}
	if (count < 3)
		return 0;
	for (int t = 0; t < n; t++)
		if (isfinite(y[t]))
		{
			tt += (t - sum_t / count) * (t - sum_t / count);
			ty += (t - sum_t / count) * (y[t] - sum_y / count);
		}
	slope = ty / tt;
	for (int t = 0; t < n; t++)
	{
		w[t] = isfinite(y[t]);
		z[t] = w[t] > 0 ? y[t] - sum_y / count - slope * (t - sum_t / count) : 0;
		variance += z[t] * z[t];
	}
	return variance / count;
}

/* Less a centred moving average of 2 * half + 1 values, in place by means of running sums; at the ends it is shorter. */
static void
smooth_away(double *z, const double *w, int n, int half, double *scratch)
{
	double		sum = 0;
	double		count = 0;

	for (int t = 0; t < half && t < n; t++)
	{
		sum += z[t];
		count += w[t];
	}
	for (int t = 0; t < n; t++)
	{
		if (t + half < n)
		{
			sum += z[t + half];
			count += w[t + half];
		}
		if (t - half - 1 >= 0)
		{
			sum -= z[t - half - 1];
			count -= w[t - half - 1];
		}
		scratch[t] = count > 0 ? sum / count : 0;
	}
	for (int t = 0; t < n; t++)
		z[t] = w[t] > 0 ? z[t] - scratch[t] : 0;
}

static double
autocorrelation(const double *z, const double *w, int n, int lag)
{
	double		product = 0;
	double		count = 0;
	double		variance = 0;
	double		total = 0;

	for (int t = lag; t < n; t++)
	{
		product += z[t] * z[t - lag];
		count += w[t] * w[t - lag];
	}
	for (int t = 0; t < n; t++)
	{
		variance += z[t] * z[t];
		total += w[t];
	}
	return count > 0 && variance > 0 ? (product / count) / (variance / total) : NAN;
}

double
ecml_season_strength(const double *y, int n, int lag, double *scratch)
{
	if (lag < 1 || n < lag + 3 || detrend(y, n, scratch, scratch + n) <= 0)
		return NAN;
	smooth_away(scratch, scratch + n, n, lag, scratch + 2 * n);
	return autocorrelation(scratch, scratch + n, n, lag);
}

int
ecml_season_detect(const double *y, int n, int max_lag, int *periods, int max, double *scratch)
{
	double	   *z = scratch;
	double	   *w = scratch + n;
	double	   *r = scratch + 2 * n;	/* [n] the autocorrelations */
	double		squares = 0;
	int			found = 0;
	int			begin = 2;

	if (max_lag > n / 2 - 1)
		max_lag = n / 2 - 1;
	if (max_lag < 2 || detrend(y, n, z, w) <= 0)
		return 0;
	if (n > 2 * max_lag)
		smooth_away(z, w, n, max_lag, r);
	r[0] = 1;
	for (int lag = 1; lag <= max_lag + 1 && lag < n; lag++)
		r[lag] = autocorrelation(z, w, n, lag);
	while (found < max)
	{
		double		highest = 0;
		int			best = 0;

		/* first how high the highest peak is, then the shortest season that comes near it */
		for (int pass = 0; pass < 2 && best == 0; pass++)
		{
			squares = 0;
			for (int lag = 1; lag <= max_lag && best == 0; lag++)
			{
				double		error = sqrt((1 + 2 * squares) / n);
				bool		new = true;

				squares += lag < 2 * begin && isfinite(r[lag]) ? r[lag] * r[lag] : 0;
				if (lag < begin || !(r[lag] > 2 * error) || !(r[lag] > 0.1) || !(r[lag] >= r[lag - 1]) ||
					(lag + 1 < n && lag < max_lag && !(r[lag] >= r[lag + 1])))
					continue;
				/* what repeats an earlier season, no better, is that season's */
				for (int p = 0; p < found; p++)
				{
					int			rest = lag % periods[p];

					if (rest > periods[p] / 2)
						rest = periods[p] - rest;
					new &= r[lag] > r[periods[p]] + 0.05 && rest == 0;
				}
				if (new && pass == 0)
					highest = fmax(highest, r[lag]);
				else if (new && r[lag] >= NEAR * highest)
					best = lag;
			}
		}
		if (best == 0)
			break;
		periods[found++] = best;
		begin = best + 1;
		if (begin > max_lag)
			break;
	}
	return found;
}
