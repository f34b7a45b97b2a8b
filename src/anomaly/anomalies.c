/*
 * anomalies.c - anomalies of a time series by robust seasonal decomposition
 *
 * 1. Values that scatter with their level are transformed (square root or logarithm: of the three, the one under which the
 *    scatter of stretches depends least on their level).
 * 2. Values very far from the running median of their neighbours are set aside, for side by side they would hide each other.
 * 3. Trend and seasons by MSTL with robustness weights (num/stl.h).
 * 4. Level shifts: where the medians of the values before and behind (less the seasons) differ by more than SHIFT times the
 *    scatter, and most, a step is put; trend and seasons are found again without it.  For `shift` values the old level is
 *    still expected, so that a shift is told, but not for ever.
 * 5. What remains is measured in robust standard deviations: the median absolute deviation of the phase of the season, smoothed,
 *    and no less than the 0.95 quantile would be of normal remainders, for those of real series have heavy tails
 *    (Hampel 1974; Leys et al. 2013).
 *
 * Cost: that of MSTL, twice when there are shifts, and n * (shift + 7) for medians.  Memory: about (17 + seasons) n doubles.
 */
#include "anomaly/anomalies.h"

#include <math.h>
#include <string.h>

#include "num/select.h"

#define MAD 1.4826				/* standard deviation of a normal variable, in median absolute deviations */
#define NEIGHBOURS 7			/* of the running median */
#define FAR 12					/* deviations from it at which a value is set aside */
#define SHIFT 4					/* deviations that make a level shift */
#define MAX_SHIFTS 64
#define HELPS 0.9				/* a season makes the remainder at least so much smaller */
#define OUTER 8					/* robustness iterations, */
#define TOLERANCE 1e-3			/* fewer when trend and seasons change by less */
#define NORMAL_95 1.959963984540054	/* 0.95 quantile of |z| */

typedef struct Work
{
	EcmlMstl	mstl;
	bool		(*stop) (const void *arg);
	const void *stop_arg;
	int			shift;
	double	   *t;				/* [n] transformed */
	double	   *clean;			/* [n] without what is set aside, and without steps */
	double	   *step;			/* [n] sum of the steps so far */
	double	   *late;			/* [n] what of it is not yet expected */
	double	   *seasons;		/* [nperiods][n] */
	double	   *trend;			/* [n] */
	double	   *spare;			/* [n] */
	double	   *spare2;			/* [n] */
	double	   *sorted;			/* [n] */
	double	   *rest;			/* of mstl */
} Work;

/* How trend and the seasons chosen are sought. */
static EcmlMstl
decomposition(const AnomaliesParams *params, const int *seasons, int nseasons, int n)
{
	EcmlMstl	mstl = {.nperiods = nseasons,.stl = ECML_STL_ROBUST};

	for (int i = 0; i < nseasons; i++)
	{
		/* of few cycles a season that may change would take every anomaly for its own */
		mstl.windows[i] = n / seasons[i] < 8 ? -1 : 15 + 4 * i;
		mstl.periods[i] = seasons[i];
	}
	mstl.stl.outer = OUTER;
	mstl.stl.inner = 1;
	mstl.stl.tolerance = TOLERANCE;
	mstl.stl.seasonal_jump = mstl.stl.trend_jump = mstl.stl.low_pass_jump = 0;
	if (params->trend > 0 && (nseasons == 0 || params->trend > seasons[nseasons - 1]))
		mstl.stl.trend = params->trend;
	return mstl;
}

static int
shift_of(const AnomaliesParams *params, const EcmlMstl *mstl, int n)
{
	int			shift = params->shift;

	if (shift == 0)
	{
		/* a day of hours; half a year of months */
		shift = mstl->nperiods == 0 ? 0 : mstl->periods[0] >= 24 ? mstl->periods[0] : mstl->periods[0] / 2;
		shift = shift < 6 ? 6 : shift;
	}
	return shift > 0 && shift <= n / 4 ? shift : 0;
}

size_t
anomalies_scratch(const AnomaliesParams *params, int n)
{
	EcmlMstl	mstl = decomposition(params, NULL, 0, n);
	size_t		most = ecml_mstl_scratch(&mstl, n > 0 ? n : 1);

	/* which seasons will be used is not known yet: the hungriest, with the widest window */
	for (int i = 0; i < params->nseasons; i++)
		if (params->seasons[i] >= 2 && params->seasons[i] <= n / 2)
		{
			size_t		need;

			mstl = decomposition(params, &params->seasons[i], 1, n);
			mstl.windows[0] = -1;
			need = ecml_mstl_scratch(&mstl, n);
			most = need > most ? need : most;
			mstl.windows[0] = 15;
			need = ecml_mstl_scratch(&mstl, n);
			most = need > most ? need : most;
		}
	return (size_t) n * (8 + (size_t) params->nseasons) + most;
}

/* ---- medians ---- */

/* Number of sorted values below x. */
static int
place(const double *sorted, int n, double x)
{
	int			low = 0;

	while (n > 0)
	{
		int			half = n / 2;

		if (sorted[low + half] < x)
		{
			low += half + 1;
			n -= half + 1;
		}
		else
			n = half;
	}
	return low;
}

static double
middle(const double *sorted, int n)
{
	return n == 0 ? NAN : n % 2 == 1 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}

/*
 * out[i] = the median of v[i + from .. i + to], as far as there are any; NaN: missing.  out and v are not the same; sorted
 * [to - from + 1] scratch.  When it is told to stop, what is left is not set.
 */
static void
running_median(const Work *work, const double *v, int n, int from, int to, double *out, double *sorted)
{
	int			k = 0;

	for (int i = 0; i < n; i++)
	{
		int			gone = i + from - 1;
		int			first = i == 0 ? (from > 0 ? from : 0) : i + to;

		if (i % 4096 == 4095 && work->stop && work->stop(work->stop_arg))
			return;
		if (i > 0 && gone >= 0 && gone < n && !isnan(v[gone]))
		{
			int			at = place(sorted, k, v[gone]);

			memmove(sorted + at, sorted + at + 1, (k - at - 1) * sizeof(double));
			k--;
		}
		for (int j = first; j <= i + to; j++)
			if (j >= 0 && j < n && !isnan(v[j]))
			{
				int			at = place(sorted, k, v[j]);

				memmove(sorted + at + 1, sorted + at, (k - at) * sizeof(double));
				sorted[at] = v[j];
				k++;
			}
		out[i] = middle(sorted, k);
	}
}

/* The share quantile of |v| over what is not missing, in spare; 0 without any. */
static double
quantile_of(const double *v, int n, double share, double *spare)
{
	size_t		k = 0;

	for (int i = 0; i < n; i++)
		if (!isnan(v[i]))
			spare[k++] = fabs(v[i]);
	return k == 0 ? 0 : share == 0.5 ? ecml_median_f8(spare, k) : ecml_select_f8(spare, k, (size_t) (share * (k - 1)));
}

/* Standard deviation of remainders as their median tells it, or their mean where more than half are 0. */
static double
deviation_of(const double *v, int n, double *spare)
{
	double		deviation = MAD * quantile_of(v, n, 0.5, spare);
	double		sum = 0;
	int			k = 0;

	if (deviation > 0)
		return deviation;
	for (int i = 0; i < n; i++)
		if (!isnan(v[i]))
		{
			sum += fabs(v[i]);
			k++;
		}
	return k == 0 ? 0 : 1.2533 * sum / k;
}

/* ---- transformation ---- */

static double
transform(int how, double y)
{
	return how == ANOMALIES_SQRT ? sqrt(y) : how == ANOMALIES_LOG ? log(y) : y;
}

static double
back(int how, double t)
{
	return how == ANOMALIES_SQRT ? (t > 0 ? t * t : 0) : how == ANOMALIES_LOG ? exp(t) : t;
}

/*
 * Stretches of the series have a level (median) and a scatter (median absolute change from value to value); the transformation
 * under which the logarithm of the scatter goes least with that of the level.
 */
static int
choose_transform(const double *y, int n, int length, double *spare)
{
	double		count = 0;
	double		sx = 0;
	double		sy = 0;
	double		sxx = 0;
	double		sxy = 0;
	double		slope;
	bool		zero = false;

	for (int i = 0; i < n; i++)
	{
		if (y[i] < 0)
			return ANOMALIES_NONE;
		zero = zero || y[i] == 0;
	}
	for (int from = 0; from + length <= n; from += length)
	{
		int			k = 0;
		int			changes = 0;
		double		level;
		double		scatter;

		for (int i = from; i < from + length; i++)
			if (!isnan(y[i]))
				spare[k++] = y[i];
		if (k < 4)
			continue;
		level = ecml_median_f8(spare, k);
		for (int i = from + 1; i < from + length; i++)
			if (!isnan(y[i]) && !isnan(y[i - 1]))
				spare[changes++] = fabs(y[i] - y[i - 1]);
		scatter = changes < 3 ? 0 : ecml_median_f8(spare, changes);
		if (level <= 0 || scatter <= 0)
			continue;
		count++;
		sx += log(level);
		sy += log(scatter);
		sxx += log(level) * log(level);
		sxy += log(level) * log(scatter);
	}
	/* levels must differ by a third or so to tell anything */
	if (count < 6 || sxx / count - sx / count * sx / count < 0.02)
		return ANOMALIES_NONE;
	slope = (sxy - sx * sy / count) / (sxx - sx * sx / count);
	return slope > 0.75 && !zero ? ANOMALIES_LOG : slope > 0.25 ? ANOMALIES_SQRT : ANOMALIES_NONE;
}

/* ---- seasons ---- */

/* out[i] = v[i] less the mean of the period values about it, as far as there are any. */
static void
less_moving_average(const double *v, int n, int period, double *out)
{
	double		sum = 0;
	int			k = 0;
	int			low = 0;
	int			high = 0;		/* sum is of v[low .. high - 1] */

	for (int i = 0; i < n; i++)
	{
		for (; high < n && high <= i + period / 2; high++)
			if (!isnan(v[high]))
			{
				sum += v[high];
				k++;
			}
		for (; low < i - (period - 1) / 2; low++)
			if (!isnan(v[low]))
			{
				sum -= v[low];
				k--;
			}
		out[i] = k > 0 ? v[i] - sum / k : NAN;
	}
}

/*
 * Do the other cycles tell a value better than the trend alone does?  x [n] detrended; where they do, it becomes what is left
 * without the season's means.
 */
static bool
season_helps(double *x, int n, int period, double *spare)
{
	double		plain = quantile_of(x, n, 0.5, spare);
	int			known = 0;

	for (int j = 0; j < period; j++)
	{
		double		sum = 0;
		int			k = 0;

		for (int i = j; i < n; i += period)
			if (!isnan(x[i]))
			{
				sum += x[i];
				k++;
			}
		for (int i = j; i < n && k > 1; i += period)
			if (!isnan(x[i]))
				spare[known++] = fabs(x[i] - (sum - x[i]) / (k - 1));
	}
	if (known < period || !(ecml_median_f8(spare, known) < HELPS * plain))
		return false;
	for (int j = 0; j < period; j++)
	{
		double		sum = 0;
		int			k = 0;

		for (int i = j; i < n; i += period)
			if (!isnan(x[i]))
			{
				sum += x[i];
				k++;
			}
		for (int i = j; i < n && k > 0; i += period)
			x[i] -= sum / k;
	}
	return true;
}

/* The seasons to be used, into chosen [ECML_MSTL_PERIODS]; v [n] cleaned values; x, y, spare [n]. */
static int
choose_seasons(const AnomaliesParams *params, const double *v, int n, int *chosen, double *x, double *y, double *spare)
{
	int			k = 0;
	int			scale = 0;

	memcpy(y, v, n * sizeof(double));
	for (int i = 0; i < params->nseasons; i++)
	{
		int			period = params->seasons[i];

		/* two cycles are the least that can be told from each other, three beside another season */
		if (period < 2 || period > n / (k == 0 || params->given ? 2 : 3) || (k > 0 && period <= chosen[k - 1]))
			continue;
		if (!params->given)
		{
			less_moving_average(y, n, period, x);
			if (n / period >= (scale == 0 ? 8 : 20))
				scale = period;
			if (!season_helps(x, n, period, spare))
				continue;
			/* longer ones must tell more than this one does */
			less_moving_average(y, n, period, spare);
			for (int j = 0; j < n; j++)
				y[j] -= spare[j] - x[j];
		}
		chosen[k++] = period;
	}
	/* none: one still gives the scale of trend and shifts, and costs little where there are many cycles */
	if (k == 0 && scale > 0)
		chosen[k++] = scale;
	return k;
}

/* ---- level shifts ---- */

/*
 * Steps of work->step from the values less their seasons; whether there are any.  The remainder's deviation is sd.
 */
static bool
find_shifts(Work *work, int n, double sd)
{
	int			w = work->shift;
	double	   *x = work->spare;
	double	   *behind = work->spare2;
	double	   *difference = work->rest;
	double	   *sparse = work->rest + n;
	double	   *usual = work->rest + 2 * (size_t) n;
	int			step = w > 16 ? w / 16 : 1;
	int			found = 0;

	memset(work->step, 0, n * sizeof(double));
	memset(work->late, 0, n * sizeof(double));
	if (w == 0 || !(sd > 0))
		return false;
	for (int i = 0; i < n; i++)
	{
		x[i] = work->clean[i];
		for (int p = 0; p < work->mstl.nperiods; p++)
			x[i] -= work->seasons[(size_t) p * n + i];
	}
	/* behind[i]: the median of w values from i on; that of the w before i is behind[i - w] */
	running_median(work, x, n, 0, w - 1, behind, work->sorted);
	for (int i = 0; i < n; i++)
		difference[i] = i >= w && i <= n - w ? behind[i] - behind[i - w] : NAN;
	/* a trend makes differences of its own, but not suddenly: each step-th of them tells what is usual */
	for (int i = 0; i < n; i += step)
		sparse[i / step] = difference[i];
	running_median(work, sparse, (n + step - 1) / step, -3 * w / step, 3 * w / step, usual, work->sorted);
	if (work->stop && work->stop(work->stop_arg))
		return false;
	for (int i = 0; i < n; i++)
		difference[i] -= usual[i / step];
	for (int i = w; i <= n - w && found < MAX_SHIFTS; i++)
	{
		double		most = difference[i];
		int			at = i;

		if (!(fabs(most) > SHIFT * sd))
			continue;
		/* the greatest difference within a window's length */
		for (int j = i + 1; j <= n - w && j < i + w; j++)
			if (fabs(difference[j]) > fabs(most))
			{
				most = difference[j];
				at = j;
			}
		i = at + w / 2;
		/* what lasts no longer than a window is no level, neither the new one nor the old one */
		if ((at + 2 * w <= n && (behind[at + w] - behind[at - w]) / most < 0.5) ||
			(at >= 2 * w && (behind[at] - behind[at - 2 * w]) / most < 0.5))
			continue;
		/* it begins with the first value, about there, from which on two lie beyond half of the way */
		for (int j = at - w / 2 > 1 ? at - w / 2 : 1, end = at + w / 2; j <= end && j < n; j++)
		{
			double		low = behind[at - w];

			if ((x[j] - low) / most > 0.5 && (j + 1 >= n || isnan(x[j + 1]) || (x[j + 1] - low) / most > 0.5))
			{
				at = j;
				break;
			}
		}
		for (int j = at; j < n; j++)
			work->step[j] += most;
		for (int j = at; j < n && j < at + w; j++)
			work->late[j] += most;
		found++;
	}
	return found > 0;
}

/* ---- the whole ---- */

static void
decompose(Work *work, int n)
{
	ecml_mstl(&work->mstl, work->clean, n, work->seasons, work->trend, NULL, work->rest);
}

/* Remainders of t (less steps) into out. */
static void
remainders(const Work *work, const double *t, int n, double *out)
{
	for (int i = 0; i < n; i++)
	{
		out[i] = t[i] - work->trend[i];
		for (int p = 0; p < work->mstl.nperiods; p++)
			out[i] -= work->seasons[(size_t) p * n + i];
	}
}

/* Deviation of each phase of the shortest season, from it and its neighbours: at least 20 values; into scale [n]. */
static void
phase_scales(const Work *work, int n, const double *remainder, double overall, double *scale, double *spare)
{
	int			period = work->mstl.nperiods > 0 ? work->mstl.periods[0] : 0;
	int			cycles = period > 0 ? n / period : 0;
	int			wing;

	for (int i = 0; i < n; i++)
		scale[i] = overall;
	if (cycles < 5)
		return;
	wing = (20 / cycles + 1) / 2;
	if (2 * wing + 1 >= period)
		return;
	for (int j = 0; j < period; j++)
	{
		int			k = 0;
		double		own;

		for (int from = j - wing; from <= j + wing; from++)
			for (int i = (from + period) % period; i < n; i += period)
				if (!isnan(remainder[i]))
					spare[k++] = fabs(remainder[i]);
		own = k < 10 ? overall : MAD * ecml_median_f8(spare, k);
		own = fmax(own, overall / 3);
		for (int i = j; i < n; i += period)
			scale[i] = own;
	}
}

void
anomalies_find(const AnomaliesParams *params, const double *y, int n, double *expected, double *lower, double *upper,
			   double *score, uint8_t *flag, double *scratch, bool (*stop) (const void *arg), const void *arg)
{
	Work		work;
	int			seasons[ECML_MSTL_PERIODS];
	int			how = params->transform;
	double		sd;
	double		tail;
	double		size = 0;
	int			known = 0;

	for (int i = 0; i < n; i++)
	{
		expected[i] = lower[i] = upper[i] = score[i] = NAN;
		flag[i] = 0;
		known += !isnan(y[i]);
		size = fmax(size, fabs(y[i]));
	}
	if (known == 0)
		return;
	work.stop = stop;
	work.stop_arg = arg;
	work.t = scratch;
	work.clean = work.t + n;
	work.step = work.clean + n;
	work.late = work.step + n;
	work.trend = work.late + n;
	work.spare = work.trend + n;
	work.spare2 = work.spare + n;
	work.sorted = work.spare2 + n;
	work.seasons = work.sorted + n;
	work.rest = work.seasons + (size_t) params->nseasons * n;

	if (how == ANOMALIES_AUTO)
		how = choose_transform(y, n, params->nseasons > 0 && params->seasons[0] >= 12 ? params->seasons[0] :
							   n / 12 > 12 ? n / 12 : 12, work.spare);
	for (int i = 0; i < n; i++)
	{
		if ((how == ANOMALIES_SQRT && y[i] < 0) || (how == ANOMALIES_LOG && y[i] <= 0))
			how = ANOMALIES_NONE;
	}
	for (int i = 0; i < n; i++)
		work.t[i] = transform(how, y[i]);

	/* set aside what is far from its neighbours */
	running_median(&work, work.t, n, -(NEIGHBOURS / 2), NEIGHBOURS / 2, work.spare2, work.sorted);
	for (int i = 0; i < n; i++)
		work.spare2[i] = work.t[i] - work.spare2[i];
	sd = deviation_of(work.spare2, n, work.spare);
	for (int i = 0; i < n; i++)
		work.clean[i] = sd > 0 && fabs(work.spare2[i]) > FAR * sd ? NAN : work.t[i];

	work.mstl = decomposition(params, seasons, choose_seasons(params, work.clean, n, seasons, work.step, work.late, work.spare), n);
	work.mstl.stl.stop = stop;
	work.mstl.stl.stop_arg = arg;
	work.shift = shift_of(params, &work.mstl, n);
	memset(work.step, 0, n * sizeof(double));
	memset(work.late, 0, n * sizeof(double));
	decompose(&work, n);
	if (stop && stop(arg))
		return;
	remainders(&work, work.clean, n, work.spare2);
	sd = deviation_of(work.spare2, n, work.spare);
	/* rounding is no shift, nor an anomaly */
	size = 1e-9 * fabs(transform(how, size));
	if (find_shifts(&work, n, fmax(sd, size)))
	{
		for (int i = 0; i < n; i++)
			work.clean[i] -= work.step[i];
		decompose(&work, n);
		if (stop && stop(arg))
			return;
	}

	/* remainders as the values stand to what is expected at their time */
	for (int i = 0; i < n; i++)
		work.spare2[i] = work.t[i] - work.step[i];
	remainders(&work, work.spare2, n, expected);
	sd = deviation_of(expected, n, work.spare);
	sd = fmax(sd, size);
	sd = sd > 0 ? sd : 1;
	phase_scales(&work, n, expected, sd, work.spare2, work.spare);
	for (int i = 0; i < n; i++)
		score[i] = expected[i] / work.spare2[i];
	tail = fmax(1, quantile_of(score, n, 0.95, work.spare) / NORMAL_95);
	for (int i = 0; i < n; i++)
	{
		double		scale = tail * work.spare2[i];
		double		fit = work.trend[i] + work.step[i] - work.late[i];
		double		off;

		for (int p = 0; p < work.mstl.nperiods; p++)
			fit += work.seasons[(size_t) p * n + i];
		off = (work.t[i] - fit) / scale;
		expected[i] = back(how, fit);
		lower[i] = params->direction == ANOMALIES_ABOVE ? -INFINITY : back(how, fit - params->threshold * scale);
		upper[i] = params->direction == ANOMALIES_BELOW ? INFINITY : back(how, fit + params->threshold * scale);
		score[i] = isnan(y[i]) ? NAN : params->direction == ANOMALIES_ABOVE ? fmax(off, 0) :
			params->direction == ANOMALIES_BELOW ? fmax(-off, 0) : fabs(off);
		flag[i] = score[i] > params->threshold;
	}
}
