/*
 * theta.c - the Theta method, standard, optimised and dynamic
 *
 * Fiorucci, Pellegrini, Louzada, Petropoulos, Koehler: Models for optimising the theta method and their relationship to state
 * space models (International Journal of Forecasting 32, 2016).  One step ahead
 *     f_t = l + (1 - 1/theta) ((1 - alpha)^(t-1) A + (1 - (1 - alpha)^t) / alpha B),   l' = l + alpha (y_t - l)
 * where A + B t is the straight line through all values (standard, optimised) or through those before t (dynamic).  theta = 2
 * is the standard method of Assimakopoulos and Nikolopoulos (2000), simple exponential smoothing with half the slope as drift.
 *
 * For a given alpha the forecasts are linear in the level at the start and in w = 1 - 1/theta: both come from a regression on
 * two columns, and what is left is a search over alpha in [0.1, 0.99], by a grid and golden sections.  Seasonal values (by the
 * 90 % test) are adjusted by a classical decomposition first.
 *
 * Intervals: the step an error makes in later forecasts is followed through the recursions (they are linear), and squares add.
 * Cost: some 35 passes of n * 12 operations a model.
 */
#include "forecast/theta.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "forecast/decompose.h"

#define ALPHA_LOW 0.1
#define ALPHA_HIGH 0.99
#define FIRST 2					/* errors count from the third value on: the line needs two */
#define W_HIGH 0.9999999999		/* theta up to 1e10 */

/* What is known of a series beside y: the line before each value. */
typedef struct Lines
{
	int			n;
	const double *y;			/* [n] adjusted, no missing values */
	const bool *seen;			/* [n] */
	double	   *a;				/* [n] of the values before t; dynamic models */
	double	   *b;
	double		all_a;			/* of all values */
	double		all_b;
} Lines;

typedef struct Fitted
{
	double		squares;
	double		level;
	double		w;
	double		alpha;
} Fitted;

static void
lines_init(Lines *lines)
{
	double		mean = 0;
	double		b = 0;

	for (int t = 0; t < lines->n; t++)
	{
		double		k = t + 1;

		lines->a[t] = t == 0 ? lines->y[0] : mean - b * k / 2;
		lines->b[t] = t == 0 ? 0 : b;
		/* of t + 1 values, by the recursion of the paper */
		if (t > 0)
			b = ((k - 2) * b + 6 * (lines->y[t] - mean) / k) / (k + 1);
		mean += (lines->y[t] - mean) / k;
	}
	lines->all_b = b;
	lines->all_a = mean - b * (lines->n + 1) / 2;
}

/*
 * Sum of squared errors for alpha, with the best level and w (w given: that one).  Errors are y - a - c0 level - c1 w.
 */
static Fitted
regress(const Lines *lines, bool dynamic, double alpha, double given)
{
	const int	n = lines->n;
	double		level = 0;		/* the part of l that comes from values */
	double		decay = 1;		/* (1 - alpha)^t */
	double		s00 = 0;
	double		s01 = 0;
	double		s11 = 0;
	double		s0y = 0;
	double		s1y = 0;
	double		syy = 0;
	Fitted		f = {.alpha = alpha};
	double		det;

	for (int t = 0; t < n; t++)
	{
		double		next = decay * (1 - alpha);

		if (t >= FIRST && lines->seen[t])
		{
			double		a = dynamic ? lines->a[t] : lines->all_a;
			double		b = dynamic ? lines->b[t] : lines->all_b;
			double		g = decay * a + (1 - next) / alpha * b;
			double		e = lines->y[t] - level;

			s00 += decay * decay;
			s01 += decay * g;
			s11 += g * g;
			s0y += decay * e;
			s1y += g * e;
			syy += e * e;
		}
		level += alpha * (lines->y[t] - level);
		decay = next;
	}
	f.w = given;
	det = s00 * s11 - s01 * s01;
	if (isnan(given))
	{
		f.w = det > 1e-12 * s00 * s11 ? (s00 * s1y - s01 * s0y) / det : 0;
		f.w = fmin(fmax(f.w, 0), W_HIGH);
	}
	f.level = s00 > 0 ? (s0y - s01 * f.w) / s00 : lines->y[0];
	f.squares = syy - 2 * f.level * s0y - 2 * f.w * s1y + f.level * f.level * s00 + 2 * f.level * f.w * s01 +
		f.w * f.w * s11;
	if (!(f.squares > 0))
		f.squares = 0;
	return f;
}

static Fitted
search(const Lines *lines, bool dynamic, double w)
{
	Fitted		best = regress(lines, dynamic, ALPHA_LOW, w);
	double		step = (ALPHA_HIGH - ALPHA_LOW) / 12;
	double		low;
	double		high;
	Fitted		left;
	Fitted		right;

	for (int i = 1; i <= 12; i++)
	{
		Fitted		f = regress(lines, dynamic, ALPHA_LOW + i * step, w);

		if (f.squares < best.squares)
			best = f;
	}
	low = fmax(best.alpha - step, ALPHA_LOW);
	high = fmin(best.alpha + step, ALPHA_HIGH);
	left = regress(lines, dynamic, high - 0.6180339887498949 * (high - low), w);
	right = regress(lines, dynamic, low + 0.6180339887498949 * (high - low), w);
	while (high - low > 1e-5)
	{
		if (left.squares <= right.squares)
		{
			high = right.alpha;
			right = left;
			left = regress(lines, dynamic, high - 0.6180339887498949 * (high - low), w);
		}
		else
		{
			low = left.alpha;
			left = right;
			right = regress(lines, dynamic, low + 0.6180339887498949 * (high - low), w);
		}
	}
	if (left.squares < best.squares)
		best = left;
	if (right.squares < best.squares)
		best = right;
	return best;
}

/* ---- the series: gaps, season */

typedef struct Adjusted
{
	double	   *y;				/* [n] */
	bool	   *seen;			/* [n] */
	double	   *indices;		/* [m] */
	int			season;			/* ThetaSeason */
	int			m;
	int			values;
	Lines		lines;
} Adjusted;

static bool
take(Adjusted *s, const ForecastInput *in, int m, ForecastArena *arena)
{
	memset(s, 0, sizeof(*s));
	s->y = FORECAST_TAKE(arena, double, in->n);
	s->seen = FORECAST_TAKE(arena, bool, in->n);
	s->indices = FORECAST_TAKE(arena, double, m);
	s->lines.a = FORECAST_TAKE(arena, double, in->n);
	s->lines.b = FORECAST_TAKE(arena, double, in->n);
	if (s->lines.b == NULL)
		return false;
	s->m = m;
	s->season = THETA_SEASON_NONE;
	s->values = forecast_interpolate(in->y, in->n, s->y);
	for (int t = 0; t < in->n; t++)
		s->seen[t] = !isnan(in->y[t]);
	return true;
}

static void
adjust(Adjusted *s, int n)
{
	for (int t = 0; t < n && s->season != THETA_SEASON_NONE; t++)
		s->y[t] = s->season == THETA_SEASON_MULTIPLICATIVE ? s->y[t] / s->indices[t % s->m] : s->y[t] - s->indices[t % s->m];
	s->lines.n = n;
	s->lines.y = s->y;
	s->lines.seen = s->seen;
	lines_init(&s->lines);
}

static void
find_season(Adjusted *s, int n, int wanted)
{
	double		least = INFINITY;

	if (wanted == THETA_SEASON_NONE || s->m < 2 || n < 2 * s->m || (wanted == THETA_SEASON_AUTO && !forecast_is_seasonal(s->y, n, s->m)))
		return;
	for (int t = 0; t < n; t++)
		least = fmin(least, s->y[t]);
	if (wanted != THETA_SEASON_ADDITIVE && least > 0 && forecast_seasonal_indices(s->y, n, s->m, true, s->indices))
		s->season = THETA_SEASON_MULTIPLICATIVE;
	else if (wanted != THETA_SEASON_MULTIPLICATIVE && forecast_seasonal_indices(s->y, n, s->m, false, s->indices))
		s->season = THETA_SEASON_ADDITIVE;
}

/* ---- the method */

static size_t
theta_memory(const ForecastShape *shape)
{
	return 3 * FORECAST_BYTES(double, shape->n) + FORECAST_BYTES(bool, shape->n) + FORECAST_BYTES(double, shape->period) +
		FORECAST_BYTES(double, shape->horizon);
}

static int
theta_max_params(const ForecastShape *shape)
{
	return 4 + shape->period;
}

/* The longest season that the series has twice. */
static int
season_of(const ForecastInput *in)
{
	int			m = 1;

	for (int i = 0; i < in->nperiods; i++)
		if (in->n >= 2 * in->periods[i])
			m = in->periods[i];
	return m;
}

static const ThetaOptions defaults = THETA_DEFAULTS;

static ForecastStatus
theta_fit(const ForecastInput *in, ForecastArena *arena, ForecastFit *fit)
{
	static const char *const names[] = {"", "standard", "optimised", "dynamic standard", "dynamic optimised"};
	static const char *const seasons[] = {"", "", ", additive season", ", multiplicative season"};
	const ThetaOptions *options = in->options && in->options[6] ? in->options[6] : &defaults;
	Adjusted	s;
	Fitted		best = {.squares = INFINITY};
	int			model = THETA_STANDARD;
	int			m = season_of(in);
	int			df;

	if (!take(&s, in, m, arena))
		return FORECAST_NO_MEMORY;
	if (s.values < 4)
		return FORECAST_TOO_SHORT;
	find_season(&s, in->n, options->season);
	adjust(&s, in->n);
	for (int k = THETA_STANDARD; k <= THETA_DYNAMIC_OPTIMISED; k++)
	{
		bool		dynamic = k >= THETA_DYNAMIC_STANDARD;
		Fitted		f;

		if (options->model != THETA_AUTO && options->model != k)
			continue;
		if (forecast_cancelled(in))
			return FORECAST_CANCELLED;
		f = search(&s.lines, dynamic, k == THETA_STANDARD || k == THETA_DYNAMIC_STANDARD ? 0.5 : NAN);
		/* the optimised forms hold the standard ones: they must be clearly better */
		if (f.squares < best.squares * (1 - 1e-9))
		{
			best = f;
			model = k;
		}
	}
	fit->form = model + 8 * s.season;
	fit->params[0] = best.alpha;
	fit->params[1] = best.w;
	fit->params[2] = best.level;
	df = s.values - FIRST - 2 - (model == THETA_OPTIMISED || model == THETA_DYNAMIC_OPTIMISED);
	fit->params[3] = sqrt(best.squares / (df > 0 ? df : 1));
	fit->nparams = 4;
	if (s.season != THETA_SEASON_NONE)
	{
		memcpy(fit->params + 4, s.indices, m * sizeof(double));
		fit->nparams += m;
	}
	for (int i = 0; i < fit->nparams; i++)
		if (!isfinite(fit->params[i]))
			return FORECAST_NOT_FINITE;
	fit->log_likelihood = NAN;
	fit->aicc = NAN;
	fit->note = NULL;
	snprintf(fit->label, sizeof(fit->label), "Theta(%s, theta %.4g%s)", names[model], fmin(1 / (1 - best.w), 9999),
			 seasons[s.season]);
	return FORECAST_OK;
}

/* State after the values: level, mean, slope of the line; a step of the recursion with value y. */
typedef struct State
{
	double		level;
	double		mean;
	double		b;
	double		a;
	double		decay;			/* (1 - alpha)^t */
	double		t;				/* values so far */
} State;

static double
predict(const State *s, double alpha, double w)
{
	return s->level + w * (s->decay * s->a + (1 - s->decay * (1 - alpha)) / alpha * s->b);
}

static void
follow(State *s, double alpha, bool dynamic, double y)
{
	s->level += alpha * (y - s->level);
	s->decay *= 1 - alpha;
	s->t++;
	if (!dynamic)
		return;
	s->b = ((s->t - 2) * s->b + 6 * (y - s->mean) / s->t) / (s->t + 1);
	s->mean += (y - s->mean) / s->t;
	s->a = s->mean - s->b * (s->t + 1) / 2;
}

static ForecastStatus
theta_forecast(const ForecastInput *in, const ForecastFit *fit, ForecastArena *arena, ForecastResult *result)
{
	int			model = fit->form % 8;
	int			season = fit->form / 8;
	bool		dynamic = model >= THETA_DYNAMIC_STANDARD;
	int			m = season == THETA_SEASON_NONE ? 1 : fit->nparams - 4;
	Adjusted	s;
	double	   *sd = FORECAST_TAKE(arena, double, in->horizon);
	State		end;
	State		effect;
	double		alpha = fit->params[0];
	double		w = fit->params[1];
	double		sum = 1;
	double		level = fit->params[2];
	double		decay = 1;

	if (fit->nparams < 4 || model < THETA_STANDARD || model > THETA_DYNAMIC_OPTIMISED || season < THETA_SEASON_NONE ||
		season > THETA_SEASON_MULTIPLICATIVE || m < 1 || m > 100000 || fit->nparams != 4 + (season == THETA_SEASON_NONE ? 0 : m))
		return FORECAST_DAMAGED;
	for (int i = 0; i < fit->nparams; i++)
		if (!isfinite(fit->params[i]))
			return FORECAST_DAMAGED;
	if (!(alpha > 0 && alpha <= 1 && w >= 0 && w <= 1 && fit->params[3] >= 0))
		return FORECAST_DAMAGED;
	for (int i = 0; i < m && season == THETA_SEASON_MULTIPLICATIVE; i++)
		if (!(fit->params[4 + i] > 0))
			return FORECAST_DAMAGED;
	if (sd == NULL || !take(&s, in, m, arena))
		return FORECAST_NO_MEMORY;
	if (s.values < 1)
		return FORECAST_TOO_SHORT;
	s.season = season;
	if (season != THETA_SEASON_NONE)
		memcpy(s.indices, fit->params + 4, m * sizeof(double));
	adjust(&s, in->n);
	for (int t = 0; t < in->n; t++)
	{
		if (result->fitted)
		{
			double		a = dynamic ? s.lines.a[t] : s.lines.all_a;
			double		b = dynamic ? s.lines.b[t] : s.lines.all_b;
			double		f = level + w * (decay * a + (1 - decay * (1 - alpha)) / alpha * b);

			f = season == THETA_SEASON_MULTIPLICATIVE ? f * s.indices[t % m] :
				season == THETA_SEASON_ADDITIVE ? f + s.indices[t % m] : f;
			result->fitted[t] = t < FIRST ? NAN : f;
		}
		level += alpha * (s.y[t] - level);
		decay *= 1 - alpha;
	}
	end = (State) {.level = level,.decay = decay,.t = in->n,.a = s.lines.all_a,.b = s.lines.all_b};
	end.mean = end.a + end.b * (in->n + 1) / 2;
	/* what an error of 1 now does to later forecasts, in the same recursions from 0 */
	effect = (State) {.decay = decay,.t = in->n};
	for (int h = 0; h < in->horizon; h++)
	{
		double		f = predict(&end, alpha, w);
		double		index = season == THETA_SEASON_NONE ? 0 : s.indices[(in->n + h) % m];
		double		c;

		result->mean[h] = season == THETA_SEASON_MULTIPLICATIVE ? f * index : f + index;
		if (!isfinite(result->mean[h]))
			return FORECAST_NOT_FINITE;
		sd[h] = fit->params[3] * sqrt(sum) * (season == THETA_SEASON_MULTIPLICATIVE ? index : 1);
		follow(&end, alpha, dynamic, f);
		/* the first step is the error itself, later ones follow their own forecast */
		follow(&effect, alpha, dynamic, h == 0 ? 1 : predict(&effect, alpha, w));
		c = predict(&effect, alpha, w);
		sum += c * c;
	}
	if (result->sd)
		memcpy(result->sd, sd, in->horizon * sizeof(double));
	forecast_normal_intervals(in, result->mean, sd, result);
	return FORECAST_OK;
}

const ForecastMethod forecast_method_theta = {
	.id = 6,.name = "theta",.memory = theta_memory,.max_params = theta_max_params,.fit = theta_fit,.forecast = theta_forecast
};
