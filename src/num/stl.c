/*
 * stl.c - STL (Cleveland, Cleveland, McRae, and Terpenning 1990) and MSTL (Bandara, Hyndman, and Bergmeir 2021)
 *
 * One pass: the values less the trend are smoothed phase by phase (all Mondays, all Tuesdays ...), one season beyond both ends;
 * what moving averages of one season, one season and three, and then a local regression leave of that is no season, and is
 * taken off; the trend is the local regression of the values less the season.  After `inner` passes each value gets a weight by
 * the bisquare of its remainder over six times the median of all, and all passes are repeated with these weights.
 *
 * Phases lie side by side in the series as it is ([seasons][period]), so that vectors go across phases; those of an unfinished
 * last season have one value more than the others.
 *
 * Missing values: weight 0 in all regressions; where a regression has no other value, a stand-in is used: at first a straight
 * line between the neighbours, then trend + season, where in a long gap the trend is a line from one side to the other.
 *
 * Memory: about 6 n + 4 periods doubles.
 */
#include "stl.h"

#include <math.h>
#include <string.h>

#include "ctx.h"
#include "loess.h"
#include "select.h"

#define PERIODIC(n) (10 * (int) (n) + 1)	/* a window so long that all seasons count alike */

static int
odd_from(double x)
{
	int			i = (int) ceil(x);

	return i + (i % 2 == 0);
}

/* With everything that was left to choose. */
static EcmlStl
complete(const EcmlStl *stl, size_t n)
{
	EcmlStl		s = *stl;

	if (s.seasonal < 0)
	{
		s.seasonal = PERIODIC(n);
		s.seasonal_degree = 0;
	}
	if (s.trend == 0)
		s.trend = odd_from(1.5 * s.period / (1 - 1.5 / s.seasonal));
	if (s.low_pass == 0)
		s.low_pass = odd_from(s.period + 1);
	if (s.seasonal_jump == 0)
		s.seasonal_jump = (s.seasonal + 9) / 10;
	if (s.trend_jump == 0)
		s.trend_jump = (s.trend + 9) / 10;
	if (s.low_pass_jump == 0)
		s.low_pass_jump = (s.low_pass + 9) / 10;
	return s;
}

/* Of both: windows, degrees, jumps, passes. */
static const char *
check_common(const EcmlStl *stl)
{
	if (stl->trend < 0 || stl->low_pass < 0 || (stl->trend > 0 && (stl->trend < 3 || stl->trend % 2 == 0)) ||
		(stl->low_pass > 0 && (stl->low_pass < 3 || stl->low_pass % 2 == 0)))
		return "windows must be odd numbers from 3 on";
	if ((stl->seasonal_degree | stl->trend_degree | stl->low_pass_degree) & ~1)
		return "degrees must be 0 or 1";
	if (stl->seasonal_jump < 0 || stl->trend_jump < 0 || stl->low_pass_jump < 0)
		return "jumps must not be negative";
	if (stl->inner < 1 || stl->outer < 0)
		return "there must be at least one inner pass, and no negative number of outer ones";
	return NULL;
}

const char *
ecml_stl_check(const EcmlStl *stl, size_t n)
{
	if (stl->period < 2)
		return "the period must be at least 2";
	if (n > 100000000 || (size_t) stl->period > n / 2)
		return "the series must have two seasons, and at most 100,000,000 values";
	if (stl->seasonal != -1 && (stl->seasonal < 3 || stl->seasonal % 2 == 0))
		return "the seasonal window must be an odd number from 3 on, or -1";
	if ((stl->trend > 0 && stl->trend <= stl->period) || (stl->low_pass > 0 && stl->low_pass <= stl->period))
		return "windows of trend and low-pass filter must be longer than the period";
	return check_common(stl);
}

static size_t
loess_scratch(int window, size_t n)
{
	EcmlLoess	loess = {window, 1, 1};

	return ecml_loess_scratch(&loess, (int) n);
}

/* Local regressions of one call at a time need the memory of the widest window. */
static size_t
windows_scratch(const EcmlStl *s, size_t n)
{
	size_t		most = loess_scratch(s->trend, n);
	size_t		low_pass = loess_scratch(s->low_pass, n);
	size_t		seasonal = loess_scratch(s->seasonal, n / s->period + 1);

	most = most > low_pass ? most : low_pass;
	return most > seasonal ? most : seasonal;
}

size_t
ecml_stl_scratch(const EcmlStl *stl, size_t n)
{
	EcmlStl		s = complete(stl, n);

	/* filled, work, weights; smoothed phases; two of moving averages */
	return 3 * n + (n + 2 * s.period) + 2 * (n + s.period + 2) + windows_scratch(&s, n);
}

/* ave [n - window + 1] = means of window values of x [n]. */
static void
moving_average(const double *x, size_t n, size_t window, double *ave)
{
	double		sum = 0;

	for (size_t i = 0; i < window; i++)
		sum += x[i];
	ave[0] = sum / window;
	for (size_t i = window; i < n; i++)
	{
		sum += x[i] - x[i - window];
		ave[i - window + 1] = sum / window;
	}
}

/* Copies y; straight lines through gaps, the nearest value beyond the first and last.  Gives the number that are missing. */
static size_t
fill_gaps(const double *y, size_t n, double *filled)
{
	size_t		missing = 0;
	size_t		known = n;		/* the last one; n: none yet */

	for (size_t i = 0; i < n; i++)
	{
		filled[i] = y[i];
		if (isnan(y[i]))
		{
			missing++;
			continue;
		}
		for (size_t j = i; j > 0 && isnan(filled[j - 1]); j--)
			filled[j - 1] = known == n ? y[i] : y[i] + (y[known] - y[i]) * (double) (i - j + 1) / (double) (i - known);
		known = i;
	}
	for (size_t i = known == n ? 0 : known + 1; i < n; i++)
		filled[i] = known == n ? 0 : y[known];
	return missing;
}

/*
 * New stand-ins for missing values: trend + season.  In a gap that is long beside the trend's window, regression would go on
 * from the last few values before; the trend is a line from one side to the other instead.
 */
static void
stand_in(const double *y, size_t n, const double *season, double *trend, int window, double *filled)
{
	for (size_t i = 0; i < n; i++)
	{
		size_t		end = i;

		while (end < n && isnan(y[end]))
			end++;
		if (end - i > (size_t) window / 4 && i > 0 && end < n)
			for (size_t j = i; j < end; j++)
				trend[j] = trend[i - 1] + (trend[end] - trend[i - 1]) * (double) (j - i + 1) / (double) (end - i + 1);
		for (size_t j = i; j < end; j++)
			filled[j] = season[j] + trend[j];
		i = end;
	}
}

/*
 * Weights from remainders: bisquare of |y - fit| over six times its median; 0 where y is missing.  All 1 when the median is
 * rounding only, as with two seasons, whose line through two values meets both.  spare [n].
 */
static void
robustness(const double *y, size_t n, const double *fit, double *weights, double *spare)
{
	size_t		known = 0;
	double		six;
	double		low;
	double		high;
	double		size = 0;

	for (size_t i = 0; i < n; i++)
	{
		weights[i] = fabs(y[i] - fit[i]);
		if (isnan(weights[i]))
			continue;
		spare[known++] = weights[i];
		size = fmax(size, fabs(y[i]));
	}
	six = known > 0 ? 6 * ecml_median_f8(spare, known) : 0;
	if (six <= 1e-12 * size)
		six = 0;
	low = 0.001 * six;
	high = 0.999 * six;
	for (size_t i = 0; i < n; i++)
	{
		double		r = weights[i];
		double		u = r / six;

		if (isnan(r))
			weights[i] = 0;
		else
			weights[i] = six == 0 || r <= low ? 1 : r <= high ? (1 - u * u) * (1 - u * u) : 0;
	}
}

/* What has changed, as a share of the range of what is. */
static double
change(const double *old, const double *new, size_t n)
{
	double		most = 0;
	double		low = INFINITY;
	double		high = -INFINITY;

	for (size_t i = 0; i < n; i++)
	{
		most = fmax(most, fabs(new[i] - old[i]));
		low = fmin(low, new[i]);
		high = fmax(high, new[i]);
	}
	return most == 0 ? 0 : most / (high - low);
}

/* All phases of v [n], smoothed, into phases [n + 2 period]: one season before and behind. */
static void
smooth_phases(const EcmlStl *s, const double *v, const double *w, size_t n, double *phases, double *scratch)
{
	EcmlLoess	loess = {s->seasonal, s->seasonal_degree, s->seasonal_jump};
	int			seasons = (int) (n / s->period);
	int			rest = (int) (n % s->period);

	if (rest > 0)
		ecml_loess(&loess, v, w, seasons + 1, rest, s->period, true, phases, scratch);
	ecml_loess(&loess, v + rest, w ? w + rest : NULL, seasons, s->period - rest, s->period, true, phases + rest, scratch);
}

void
ecml_stl(const EcmlStl *stl, const double *y, size_t n, double *season, double *trend, double *weights, double *scratch)
{
	EcmlStl		s = complete(stl, n);
	EcmlLoess	low_pass = {s.low_pass, s.low_pass_degree, s.low_pass_jump};
	EcmlLoess	smooth_trend = {s.trend, s.trend_degree, s.trend_jump};
	size_t		period = s.period;
	double	   *filled = scratch;
	double	   *work = filled + n;
	double	   *w = work + n;
	double	   *phases = w + n;
	double	   *average = phases + n + 2 * period;
	double	   *average2 = average + n + period + 2;
	double	   *tables = average2 + n + period + 2;
	size_t		missing = fill_gaps(y, n, filled);
	bool		weighted = missing > 0;

	for (size_t i = 0; i < n; i++)
	{
		trend[i] = season[i] = 0;
		w[i] = !isnan(y[i]);
	}
	for (int outer = 0;; outer++)
	{
		double		moved = 0;

		for (int inner = 0; inner < s.inner; inner++)
		{
			if (s.stop && s.stop(s.stop_arg))
				return;
			for (size_t i = 0; i < n; i++)
				work[i] = filled[i] - trend[i];
			smooth_phases(&s, work, weighted ? w : NULL, n, phases, tables);
			moving_average(phases, n + 2 * period, period, average);
			moving_average(average, n + period + 1, period, average2);
			moving_average(average2, n + 2, 3, average);
			ecml_loess(&low_pass, average, NULL, (int) n, 1, 1, false, work, tables);
			for (size_t i = 0; i < n; i++)
				average[i] = phases[period + i] - work[i];
			moved = s.tolerance > 0 ? fmax(moved, change(season, average, n)) : 0;
			for (size_t i = 0; i < n; i++)
			{
				season[i] = average[i];
				work[i] = filled[i] - season[i];
			}
			ecml_loess(&smooth_trend, work, weighted ? w : NULL, (int) n, 1, 1, false, average, tables);
			moved = s.tolerance > 0 ? fmax(moved, change(trend, average, n)) : 0;
			memcpy(trend, average, n * sizeof(double));
			if (missing > 0)
				stand_in(y, n, season, trend, s.trend, filled);
		}
		if (outer >= s.outer || (outer > 0 && s.tolerance > 0 && moved < s.tolerance))
			break;
		for (size_t i = 0; i < n; i++)
			work[i] = trend[i] + season[i];
		robustness(y, n, work, w, average);
		weighted = true;
	}
	if (weights)
		memcpy(weights, w, n * sizeof(double));
}

/* ---- several seasons ---- */

/* The parameters of one season's STL. */
static EcmlStl
one_season(const EcmlMstl *mstl, int i)
{
	EcmlStl		s = mstl->stl;

	s.period = mstl->periods[i];
	s.seasonal = mstl->windows[i] == 0 ? 11 + 4 * i : mstl->windows[i];
	return s;
}

/* The window of a trend without seasons. */
static int
trend_window(const EcmlMstl *mstl, size_t n)
{
	return mstl->stl.trend > 0 ? mstl->stl.trend : odd_from(n > 70 ? n / 10.0 : 7);
}

const char *
ecml_mstl_check(const EcmlMstl *mstl, size_t n)
{
	if (mstl->nperiods < 0 || mstl->nperiods > ECML_MSTL_PERIODS)
		return "there may be up to 8 seasons";
	if (mstl->iterate < 0)
		return "the number of rounds must not be negative";
	for (int i = 0; i < mstl->nperiods; i++)
	{
		EcmlStl		s = one_season(mstl, i);
		const char *wrong = ecml_stl_check(&s, n);

		if (wrong)
			return wrong;
		if (i > 0 && mstl->periods[i] <= mstl->periods[i - 1])
			return "periods must be ascending";
	}
	if (mstl->nperiods == 0 && (n < 1 || n > 100000000))
		return "the series must have at least one value, and at most 100,000,000";
	return check_common(&mstl->stl);
}

size_t
ecml_mstl_scratch(const EcmlMstl *mstl, size_t n)
{
	size_t		most = 0;

	if (mstl->nperiods == 0)
		return 4 * n + loess_scratch(trend_window(mstl, n), n);
	for (int i = 0; i < mstl->nperiods; i++)
	{
		EcmlStl		s = one_season(mstl, i);
		size_t		need = ecml_stl_scratch(&s, n);

		most = need > most ? need : most;
	}
	return n + most;
}

/* Trend and robustness without seasons. */
static void
trend_alone(const EcmlMstl *mstl, const double *y, size_t n, double *trend, double *weights, double *scratch)
{
	const EcmlStl *s = &mstl->stl;
	int			window = trend_window(mstl, n);
	EcmlLoess	loess = {window, s->trend_degree, s->trend_jump > 0 ? s->trend_jump : (window + 9) / 10};
	double	   *filled = scratch;
	double	   *w = filled + n;
	double	   *next = w + n;
	double	   *spare = next + n;
	double	   *tables = spare + n;
	bool		weighted = fill_gaps(y, n, filled) > 0;

	for (size_t i = 0; i < n; i++)
		w[i] = !isnan(y[i]);
	for (int outer = 0;; outer++)
	{
		bool		settled;

		if (s->stop && s->stop(s->stop_arg))
			return;
		ecml_loess(&loess, filled, weighted ? w : NULL, (int) n, 1, 1, false, next, tables);
		settled = outer > 0 && s->tolerance > 0 && change(trend, next, n) < s->tolerance;
		memcpy(trend, next, n * sizeof(double));
		if (outer >= s->outer || settled)
			break;
		robustness(y, n, trend, w, spare);
		weighted = true;
		/* where a window is all outliers, a line from one side to the other */
		for (size_t i = 0; i < n; i++)
			spare[i] = w[i] > 0 ? y[i] : NAN;
		fill_gaps(spare, n, filled);
	}
	if (weights)
		memcpy(weights, w, n * sizeof(double));
}

void
ecml_mstl(const EcmlMstl *mstl, const double *y, size_t n, double *seasons, double *trend, double *weights, double *scratch)
{
	int			rounds = mstl->nperiods == 1 ? 1 : mstl->iterate == 0 ? 2 : mstl->iterate;
	double	   *rest = scratch; /* the values less all seasons but the one at work */

	if (mstl->nperiods == 0)
	{
		trend_alone(mstl, y, n, trend, weights, scratch);
		return;
	}
	memcpy(rest, y, n * sizeof(double));
	memset(seasons, 0, mstl->nperiods * n * sizeof(double));
	for (int round = 0; round < rounds; round++)
		for (int p = 0; p < mstl->nperiods; p++)
		{
			EcmlStl		s = one_season(mstl, p);
			double	   *season = seasons + p * n;

			for (size_t i = 0; i < n; i++)
				rest[i] += season[i];
			ecml_stl(&s, rest, n, season, trend, weights, scratch + n);
			for (size_t i = 0; i < n; i++)
				rest[i] -= season[i];
		}
}
