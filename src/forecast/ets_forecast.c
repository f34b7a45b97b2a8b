/*
 * ets_forecast.c - from parameters of exponential smoothing to forecasts with intervals
 *
 * The states are run through the values with the parameters as they are.  Variances of the forecasts' errors (Hyndman, Koehler,
 * Ord, Snyder 2008, chapter 6), with c_j what an error of one step adds to the forecast j steps later:
 *     additive errors, trend, season:      sigma^2 (1 + sum c_j^2)
 *     multiplicative errors, else additive: (1 + sigma^2) theta_h - mu_h^2, theta_h = mu_h^2 + sigma^2 sum c_j^2 theta_(h-j)
 *     multiplicative errors and season:     s^2 (theta_h (1 + sigma^2) (1 + gamma^2 sigma^2)^k - mu_h^2), theta and mu without
 *                                           season, k whole seasons before h
 * Other forms (multiplicative trend, or additive errors beside a multiplicative season) have no formula: 1,000 simulated paths.
 *
 * Cost: n + h for the point forecasts, h^2 / 2 for the variances of multiplicative errors (up to h = 4,000; beyond it theta is
 * taken to grow as with additive errors).
 */
#include "forecast/ets_internal.h"

#include <math.h>
#include <string.h>

#define LONGEST 4000

typedef struct Params
{
	EtsForm		form;
	int			m;
	double		alpha;
	double		beta;
	double		gamma;
	double		phi;
	double		level;
	double		slope;
	const double *season;		/* [m] */
	double		sigma;
} Params;

static bool
read_params(const ForecastFit *fit, Params *p)
{
	int			k = 0;
	int			others;

	memset(p, 0, sizeof(*p));
	if (!ets_form_of(fit->form, &p->form))
		return false;
	others = ets_params(&p->form, 0);
	p->m = p->form.season == ETS_NONE ? 1 : fit->nparams - others;
	if (fit->nparams != others + (p->form.season == ETS_NONE ? 0 : p->m) || p->m < 1 || p->m > ETS_MAX_PERIOD ||
		(p->form.season != ETS_NONE && p->m < 2))
		return false;
	for (int i = 0; i < fit->nparams; i++)
		if (!isfinite(fit->params[i]))
			return false;
	p->alpha = fit->params[k++];
	p->beta = p->form.trend != ETS_NONE ? fit->params[k++] : 0;
	p->gamma = p->form.season != ETS_NONE ? fit->params[k++] : 0;
	p->phi = p->form.damped ? fit->params[k++] : 1;
	p->level = fit->params[k++];
	p->slope = p->form.trend != ETS_NONE ? fit->params[k++] : 0;
	p->season = fit->params + k;
	if (p->form.season != ETS_NONE)
		k += p->m;
	p->sigma = fit->params[k];
	return p->alpha >= 0 && p->alpha <= 1 && p->beta >= 0 && p->beta <= 1 && p->gamma >= 0 &&
		p->gamma <= 1 - p->alpha + 1e-9 && p->phi >= 0 && p->phi <= 1 && p->sigma >= 0;
}

static double
trended(const Params *p, double slope)
{
	if (p->form.trend == ETS_NONE)
		return 0;
	if (p->form.trend == ETS_ADDITIVE)
		return p->phi * slope;
	return p->form.damped ? pow(slope, p->phi) : slope;
}

/* One step: the forecast f, and with a value y (NaN: missing) the states after it. */
static double
advance(const Params *p, EtsState *state, int place, double y, bool simulated)
{
	double		phib = trended(p, state->slope);
	double		q = p->form.trend == ETS_MULTIPLICATIVE ? state->level * phib : state->level + phib;
	double		s = p->form.season == ETS_NONE ? 0 : state->season[place];
	double		f = p->form.season == ETS_NONE ? q : p->form.season == ETS_ADDITIVE ? q + s : q * s;
	double		d = 0;
	double		ds = 0;

	/* y is the error, and the value what it makes of the forecast */
	if (simulated)
		y = p->form.error == ETS_ADDITIVE ? f + y : f * (1 + y);
	if (!isnan(y))
	{
		d = (p->form.season == ETS_NONE ? y : p->form.season == ETS_ADDITIVE ? y - s : y / s) - q;
		ds = p->form.season == ETS_NONE ? 0 : (p->form.season == ETS_ADDITIVE ? y - q : y / q) - s;
		if (!isfinite(d) || !isfinite(ds))
			d = ds = 0;
	}
	if (p->form.trend == ETS_ADDITIVE)
		state->slope = phib + p->beta * d;
	else if (p->form.trend == ETS_MULTIPLICATIVE)
	{
		state->slope = phib + (state->level != 0 ? p->beta * d / state->level : 0);
		/* a slope of 0 or less has no powers */
		if (!(state->slope > 1e-8))
			state->slope = 1e-8;
	}
	state->level = q + p->alpha * d;
	if (p->form.season != ETS_NONE)
	{
		state->season[place] = s + p->gamma * ds;
		if (p->form.season == ETS_MULTIPLICATIVE && !(state->season[place] > 1e-8))
			state->season[place] = 1e-8;
	}
	return simulated ? y : f;
}

/* What an error of one step adds to the forecast j steps later: squared, without season. */
static double
impulse(const Params *p, int j)
{
	double		sum = p->phi == 1 ? j : p->phi * (1 - pow(p->phi, j)) / (1 - p->phi);

	return p->alpha + (p->form.trend == ETS_NONE ? 0 : p->beta * sum);
}

static void
additive_variance(const Params *p, int horizon, double *sd)
{
	double		sum = 1;

	for (int h = 1; h <= horizon; h++)
	{
		double		c = impulse(p, h) + (p->form.season == ETS_ADDITIVE && h % p->m == 0 ? p->gamma : 0);

		sd[h - 1] = p->sigma * sqrt(sum);
		sum += c * c;
	}
}

/* mu [horizon]: forecasts without a multiplicative season.  theta, c scratch [horizon]. */
static void
multiplicative_variance(const Params *p, const EtsState *end, int n, int horizon, const double *mu, double *theta, double *c,
						double *sd)
{
	double		s2 = p->sigma * p->sigma;
	double		sum = 0;

	for (int h = 1; h <= horizon; h++)
	{
		double		grown = 0;
		double		v;
		double		seasonal = 1;
		double		factor = 1;

		if (h <= LONGEST)
		{
			for (int j = 1; j < h; j++)
				grown += c[j - 1] * theta[h - j - 1];
			theta[h - 1] = mu[h - 1] * mu[h - 1] + s2 * grown;
		}
		else
			theta[h - 1] = mu[h - 1] * mu[h - 1] * (1 + s2 * sum);
		c[h - 1] = impulse(p, h) + (p->form.season == ETS_ADDITIVE && h % p->m == 0 ? p->gamma : 0);
		c[h - 1] *= c[h - 1];
		sum += c[h - 1];
		if (p->form.season == ETS_MULTIPLICATIVE)
		{
			seasonal = end->season[(n + h - 1) % p->m];
			factor = pow(1 + p->gamma * p->gamma * s2, (h - 1) / p->m);
		}
		v = theta[h - 1] * (1 + s2) * factor - mu[h - 1] * mu[h - 1];
		sd[h - 1] = fabs(seasonal) * sqrt(v > 0 ? v : 0);
	}
}

static ForecastStatus
simulate(const ForecastInput *in, const Params *p, const EtsState *end, ForecastArena *arena, double *sd,
		 ForecastResult *result)
{
	int			npaths = in->horizon < 1000 ? 1000 : 100;
	double	   *paths = FORECAST_TAKE(arena, double, (size_t) npaths * in->horizon);
	double	   *column = FORECAST_TAKE(arena, double, npaths);
	EtsState	state = {.season = FORECAST_TAKE(arena, double, p->m)};
	EcmlRng		rng;

	if (paths == NULL || column == NULL || state.season == NULL)
		return FORECAST_NO_MEMORY;
	ecml_rng_seed(&rng, in->seed);
	for (int i = 0; i < npaths; i++)
	{
		if (forecast_cancelled(in))
			return FORECAST_CANCELLED;
		state.level = end->level;
		state.slope = end->slope;
		memcpy(state.season, end->season, p->m * sizeof(double));
		for (int h = 0; h < in->horizon; h++)
		{
			double		error = p->sigma * ecml_rng_normal(&rng);

			paths[(size_t) i * in->horizon + h] = advance(p, &state, (in->n + h) % p->m, error, true);
		}
	}
	for (int h = 0; h < in->horizon; h++)
	{
		double		squares = 0;

		for (int i = 0; i < npaths; i++)
		{
			double		d = paths[(size_t) i * in->horizon + h] - result->mean[h];

			squares += d * d;
		}
		sd[h] = sqrt(squares / npaths);
	}
	forecast_path_intervals(in, paths, npaths, column, result);
	return FORECAST_OK;
}

ForecastStatus
ets_forecast(const ForecastInput *in, const ForecastFit *fit, ForecastArena *arena, ForecastResult *result)
{
	Params		p;
	EtsState	state;
	double	   *sd = FORECAST_TAKE(arena, double, in->horizon);
	double	   *mu = FORECAST_TAKE(arena, double, in->horizon);
	double	   *theta = FORECAST_TAKE(arena, double, in->horizon);
	double	   *c = FORECAST_TAKE(arena, double, in->horizon);
	double		slope;
	double		level;

	if (!read_params(fit, &p))
		return FORECAST_DAMAGED;
	state.season = FORECAST_TAKE(arena, double, p.m);
	if (c == NULL || state.season == NULL)
		return FORECAST_NO_MEMORY;
	state.level = p.level;
	state.slope = p.slope;
	memset(state.season, 0, p.m * sizeof(double));
	if (p.form.season != ETS_NONE)
		memcpy(state.season, p.season, p.m * sizeof(double));
	for (int t = 0; t < in->n; t++)
	{
		double		f = advance(&p, &state, t % p.m, in->y[t], false);

		if (result->fitted)
			result->fitted[t] = f;
	}
	level = state.level;
	slope = state.slope;
	for (int h = 0; h < in->horizon; h++)
	{
		double		phib = trended(&p, slope);
		double		s = p.form.season == ETS_NONE ? 0 : state.season[(in->n + h) % p.m];

		level = p.form.trend == ETS_MULTIPLICATIVE ? level * phib : level + phib;
		slope = p.form.trend == ETS_NONE ? 0 : phib;
		mu[h] = p.form.season == ETS_ADDITIVE ? level + s : level;
		result->mean[h] = p.form.season == ETS_MULTIPLICATIVE ? level * s : mu[h];
		if (!isfinite(result->mean[h]))
			return FORECAST_NOT_FINITE;
	}
	if (result->sd == NULL && result->lower == NULL && result->upper == NULL)
		return FORECAST_OK;
	if (p.form.trend == ETS_MULTIPLICATIVE || (p.form.error == ETS_ADDITIVE && p.form.season == ETS_MULTIPLICATIVE))
	{
		ForecastStatus status = simulate(in, &p, &state, arena, sd, result);

		if (status != FORECAST_OK)
			return status;
	}
	else
	{
		if (p.form.error == ETS_ADDITIVE)
			additive_variance(&p, in->horizon, sd);
		else
			multiplicative_variance(&p, &state, in->n, in->horizon, mu, theta, c, sd);
		forecast_normal_intervals(in, result->mean, sd, result);
	}
	if (result->sd)
		memcpy(result->sd, sd, in->horizon * sizeof(double));
	return FORECAST_OK;
}
