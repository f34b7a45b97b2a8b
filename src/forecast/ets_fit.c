/*
 * ets_fit.c - parameters of exponential smoothing: maximum likelihood, and the choice among forms
 *
 * Levenberg and Marquardt's method within bounds (0.0001 to 0.9999 for alpha, beta / alpha and gamma / (1 - alpha), without
 * season for beta itself; 0.8 to 0.98 for phi; states at the start are free): variables that a bound holds against the gradient rest, the others take a step
 * of the damped normal equations, cut at the bounds.  The likelihood has several summits, some of them at bounds: for each
 * point of a grid of smoothing parameters the states at the start are fitted first (which is nearly linear), and the best
 * four go on with all variables; the best end wins.
 *
 * Forms are compared by AICc, as Hyndman, Koehler, Snyder and Grose (2002) propose: all but those with multiplicative trend
 * (unless allowed) and those with additive errors beside multiplicative components, whose variance is infinite.
 *
 * Cost of a form: 50 to 200 passes with derivatives, see ets_pass.c.
 */
#include "forecast/ets_internal.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define MAX_ITER 80
#define STARTS 4
#define USUAL_PERIOD 24
#define LOW 1e-4
#define HIGH 0.9999
#define PHI_LOW 0.8
#define PHI_HIGH 0.98
#define MAX_VARS (6 + ETS_MAX_PERIOD)

int
ets_count(const EtsForm *form, int m)
{
	return 2 + (form->trend != ETS_NONE ? 2 : 0) + (form->damped ? 1 : 0) + (form->season != ETS_NONE ? m : 0) + 1;
}

int
ets_params(const EtsForm *form, int m)
{
	return ets_count(form, m) + (form->season != ETS_NONE ? 1 : 0);
}

int
ets_form_number(const EtsForm *form)
{
	return (form->error == ETS_MULTIPLICATIVE) + 2 * (form->trend - ETS_NONE) + 6 * form->damped + 12 * (form->season - ETS_NONE);
}

bool
ets_form_of(int number, EtsForm *form)
{
	if (number < 0 || number >= 36)
		return false;
	form->error = number % 2 ? ETS_MULTIPLICATIVE : ETS_ADDITIVE;
	form->trend = ETS_NONE + number / 2 % 3;
	form->damped = number / 6 % 2;
	form->season = ETS_NONE + number / 12;
	return !(form->damped && form->trend == ETS_NONE);
}

/* ---- the problem */

static void
lay_out(EtsProblem *p, const EtsForm *form, int m)
{
	int			n = 1;

	p->form = *form;
	p->m = form->season == ETS_NONE ? 1 : m;
	p->beta = form->trend != ETS_NONE ? n++ : -1;
	p->gamma = form->season != ETS_NONE ? n++ : -1;
	p->phi = form->damped ? n++ : -1;
	p->level = n++;
	p->slope = form->trend != ETS_NONE ? n++ : -1;
	p->seasons = n;
	if (form->season != ETS_NONE)
		n += m - 1;
	p->nvars = n;
	p->width = (n + ETS_LANES - 1) & ~(ETS_LANES - 1);
}

static int
max_width(int m)
{
	return (6 + m + ETS_LANES - 1) & ~(ETS_LANES - 1);
}

size_t
ets_fit_memory(int n, int m)
{
	size_t		width = max_width(m);

	return FORECAST_BYTES(double, n) + FORECAST_BYTES(double, m) + FORECAST_BYTES(double, m * width) +
		2 * FORECAST_BYTES(double, width * width) + (13 + STARTS) * FORECAST_BYTES(double, width) + 4 * FORECAST_BYTES(double, m);
}

/* Scratch memory of a fit, for forms of any kind. */
typedef struct EtsWork
{
	EtsProblem	problem;
	double	   *values;			/* [n] scaled */
	double		scale;
	double		least;			/* scaled */
	double	   *chol;			/* [nvars][nvars] */
	double	   *step;			/* [nvars] */
	double	   *vars;
	double	   *trial;
	double	   *best;
	double	   *first;
	double	   *starts[STARTS];
	double	   *low;
	double	   *high;
	double	   *seasons[2];		/* [m] of a decomposition: additive, multiplicative */
	double	   *counts;			/* [m] */
	double	   *sums;			/* [m] */
	bool		decomposed;
	bool		quick;
	bool		wide;			/* beta above alpha is allowed */
} EtsWork;

static bool
prepare(EtsWork *w, const ForecastInput *in, int m, ForecastArena *arena)
{
	EtsProblem *p = &w->problem;
	size_t		width = max_width(m);
	double		sum = 0;

	memset(w, 0, sizeof(*w));
	w->values = FORECAST_TAKE(arena, double, in->n);
	p->season = FORECAST_TAKE(arena, double, m);
	p->dseason = FORECAST_TAKE(arena, double, m * width);
	p->hessian = FORECAST_TAKE(arena, double, width * width);
	w->chol = FORECAST_TAKE(arena, double, width * width);
	p->dlevel = FORECAST_TAKE(arena, double, width);
	p->dslope = FORECAST_TAKE(arena, double, width);
	p->dq = FORECAST_TAKE(arena, double, width);
	p->df = FORECAST_TAKE(arena, double, width);
	p->gradient = FORECAST_TAKE(arena, double, width);
	p->dlog = FORECAST_TAKE(arena, double, width);
	w->step = FORECAST_TAKE(arena, double, width);
	w->vars = FORECAST_TAKE(arena, double, width);
	w->trial = FORECAST_TAKE(arena, double, width);
	w->best = FORECAST_TAKE(arena, double, width);
	w->first = FORECAST_TAKE(arena, double, width);
	for (int i = 0; i < STARTS; i++)
		w->starts[i] = FORECAST_TAKE(arena, double, width);
	w->low = FORECAST_TAKE(arena, double, width);
	w->high = FORECAST_TAKE(arena, double, width);
	w->seasons[0] = FORECAST_TAKE(arena, double, m);
	w->seasons[1] = FORECAST_TAKE(arena, double, m);
	w->counts = FORECAST_TAKE(arena, double, m);
	w->sums = FORECAST_TAKE(arena, double, m);
	if (w->sums == NULL)
		return false;
	p->n = in->n;
	p->y = w->values;
	for (int t = 0; t < in->n; t++)
		if (!isnan(in->y[t]))
		{
			sum += fabs(in->y[t]);
			p->nvalues++;
		}
	w->scale = sum > 0 ? sum / p->nvalues : 1;
	w->least = INFINITY;
	for (int t = 0; t < in->n; t++)
	{
		w->values[t] = in->y[t] / w->scale;
		if (!isnan(w->values[t]))
			w->least = fmin(w->least, w->values[t]);
	}
	return true;
}

/* ---- states at the start */

/* A straight line through the values at 1, 2, ... n, less or over seasons (NULL: none); false with fewer than two. */
static bool
line(const double *y, int n, const double *seasons, bool ratio, int m, double *intercept, double *slope, double *mean)
{
	double		k = 0;
	double		st = 0;
	double		sy = 0;
	double		tt = 0;
	double		ty = 0;

	for (int t = 0; t < n; t++)
		if (!isnan(y[t]))
		{
			double		v = seasons == NULL ? y[t] : ratio ? y[t] / seasons[t % m] : y[t] - seasons[t % m];

			k++;
			st += t + 1;
			sy += v;
			tt += (t + 1.0) * (t + 1.0);
			ty += (t + 1.0) * v;
		}
	*mean = k > 0 ? sy / k : 0;
	*intercept = *mean;
	*slope = 0;
	if (k < 2)
		return false;
	*slope = (ty - st * sy / k) / (tt - st * st / k);
	*intercept = (sy - *slope * st) / k;
	return true;
}

/* Seasons of the first five years: differences from (ratios to) a centred mean over a year, or a line where that is too long. */
static void
decompose(EtsWork *w, int m)
{
	const EtsProblem *p = &w->problem;
	int			n = p->n < 5 * m ? p->n : 5 * m;
	double		intercept;
	double		slope;
	double		mean;
	bool		by_mean = n >= 2 * m;

	(void) line(p->y, n, NULL, false, 1, &intercept, &slope, &mean);
	for (int k = 0; k < 2; k++)
	{
		double	   *s = w->seasons[k];
		double		total = 0;

		memset(w->sums, 0, m * sizeof(double));
		memset(w->counts, 0, m * sizeof(double));
		for (int t = 0; t < n; t++)
		{
			double		trend = intercept + slope * (t + 1);

			if (by_mean)
			{
				double		sum = 0;
				double		weight = 0;
				int			half = m / 2;

				if (t < half || t + half >= n)
					continue;
				for (int i = t - half; i <= t + half; i++)
				{
					double		v = m % 2 == 0 && (i == t - half || i == t + half) ? 0.5 : 1;

					if (isnan(p->y[i]))
						continue;
					sum += v * p->y[i];
					weight += v;
				}
				trend = weight > 0 ? sum / weight : trend;
			}
			if (isnan(p->y[t]) || (k == 1 && !(trend > 1e-6)))
				continue;
			w->sums[t % m] += k == 0 ? p->y[t] - trend : p->y[t] / trend;
			w->counts[t % m]++;
		}
		for (int i = 0; i < m; i++)
		{
			s[i] = w->counts[i] > 0 ? w->sums[i] / w->counts[i] : k;
			/* one year tells little */
			if (!by_mean)
				s[i] = 0.5 * (s[i] + k);
			total += s[i];
		}
		for (int i = 0; i < m; i++)
		{
			s[i] = k == 0 ? s[i] - total / m : total > 0 ? s[i] * m / total : 1;
			if (k == 1)
				s[i] = fmax(s[i], 0.05);
		}
	}
	w->decomposed = true;
}

static void
start_states(EtsWork *w, int m, double *vars)
{
	const EtsProblem *p = &w->problem;
	bool		ratio = p->form.season == ETS_MULTIPLICATIVE;
	const double *seasons = NULL;
	int			first = m > 5 ? 2 * m : 10;
	double		intercept;
	double		slope;
	double		mean;

	if (first > p->n)
		first = p->n;
	if (p->form.season != ETS_NONE)
	{
		double		total = 0;
		double	   *s;

		if (!w->decomposed)
			decompose(w, m);
		seasons = s = w->seasons[ratio];
		for (int i = 0; i < m; i++)
			total += s[i];
		for (int i = 0; i < m - 1; i++)
			vars[p->seasons + i] = ratio ? s[i] * m / total : s[i];
	}
	(void) line(p->y, first, seasons, ratio, m, &intercept, &slope, &mean);
	if (p->form.trend == ETS_NONE)
		vars[p->level] = mean;
	else
	{
		vars[p->level] = intercept;
		vars[p->slope] = slope;
	}
	if (p->form.error == ETS_MULTIPLICATIVE || ratio || p->form.trend == ETS_MULTIPLICATIVE)
		if (!(vars[p->level] > 0.01))
		{
			vars[p->level] = fmax(mean, 0.01);
			if (p->form.trend == ETS_ADDITIVE)
				vars[p->slope] = 0;
		}
	if (p->form.trend == ETS_MULTIPLICATIVE)
		vars[p->slope] = fmin(fmax(1 + slope / vars[p->level], 0.8), 1.25);
}

/* ---- least squares */

/* Solve (h + lambda diag) step = -g for the variables that are free; false: it has no positive definite matrix. */
static bool
solve(EtsWork *w, const bool *rests, double lambda)
{
	const EtsProblem *p = &w->problem;
	int			n = 0;
	int			map[MAX_VARS];
	double	   *c = w->chol;

	for (int i = 0; i < p->nvars; i++)
		if (!rests[i])
			map[n++] = i;
	for (int i = 0; i < n; i++)
	{
		for (int j = 0; j <= i; j++)
		{
			double		sum = p->hessian[(size_t) map[j] * p->width + map[i]];

			if (i == j)
				sum += lambda * sum + 1e-14 * (1 + sum);
			for (int k = 0; k < j; k++)
				sum -= c[i * n + k] * c[j * n + k];
			if (i == j)
			{
				if (!(sum > 0))
					return false;
				c[i * n + i] = sqrt(sum);
			}
			else
				c[i * n + j] = sum / c[j * n + j];
		}
	}
	memset(w->step, 0, p->nvars * sizeof(double));
	for (int i = 0; i < n; i++)
	{
		double		sum = -p->gradient[map[i]];

		for (int k = 0; k < i; k++)
			sum -= c[i * n + k] * w->step[map[k]];
		w->step[map[i]] = sum / c[i * n + i];
	}
	for (int i = n - 1; i >= 0; i--)
	{
		double		sum = w->step[map[i]];

		for (int k = i + 1; k < n; k++)
			sum -= c[k * n + i] * w->step[map[k]];
		w->step[map[i]] = sum / c[i * n + i];
	}
	return true;
}

/* The greatest that a variable may be beside the others: beta itself may be HIGH where it need not stay below alpha. */
static double
highest(const EtsWork *w, const double *vars, int i)
{
	return i == w->problem.beta && w->wide ? HIGH / vars[0] : w->high[i];
}

/* From vars on, in so many steps; gives the objective there.  states: smoothing parameters stay as they are. */
static double
minimise(EtsWork *w, double *vars, bool states, int max_iter)
{
	EtsProblem *p = &w->problem;
	double		value = ets_pass(p, vars, true);
	double		lambda = 1e-3;
	int			slow = 0;
	bool		rests[MAX_VARS];

	for (int iter = 0; iter < max_iter && isfinite(value); iter++)
	{
		bool		better = false;
		double		before = value;

		for (int i = 0; i < p->nvars; i++)
			rests[i] = (states && i < p->level) ||
				(vars[i] <= w->low[i] && p->gradient[i] > 0) || (vars[i] >= highest(w, vars, i) && p->gradient[i] < 0);
		while (!better && lambda < 1e10)
		{
			double		next = INFINITY;

			if (solve(w, rests, lambda))
			{
				for (int i = 0; i < p->nvars; i++)
					w->trial[i] = fmin(fmax(vars[i] + w->step[i], w->low[i]), highest(w, w->trial, i));
				next = ets_pass(p, w->trial, false);
			}
			better = next < value;
			lambda = better ? fmax(lambda * 0.2, 1e-9) : lambda * 8;
			if (better)
				value = next;
		}
		if (!better)
			break;
		memcpy(vars, w->trial, p->nvars * sizeof(double));
		/* of the likelihood, that is */
		slow = (before - value) * p->nvalues < (states ? 1e-2 : 2e-5) ? slow + 1 : 0;
		if (slow == (states ? 1 : 2) || iter + 1 == max_iter)
			break;
		(void) ets_pass(p, vars, true);
	}
	return value;
}

/* Fit the form of the problem; the best variables in w->best. */
static double
fit_form(EtsWork *w, const EtsForm *form, int m)
{
	static const double alphas[] = {LOW, 0.02, 0.15, 0.5, 0.9, 0.05, 0.3, 0.8};
	static const double betas[] = {LOW, 0.1, HIGH, 0.02, 0.2, 0.1};	/* the fourth and fifth are beta itself */
	static const double gammas[] = {LOW, 0.2, 0.1};
	static const double phis[] = {PHI_HIGH, PHI_LOW, 0.95};
	EtsProblem *p = &w->problem;
	double		best = INFINITY;
	double		values[STARTS];
	int			nstarts = 0;

	lay_out(p, form, m);
	/* without season any beta below 1 is admissible: the model can be inverted (Hyndman and others 2008, 10.2) */
	w->wide = form->trend != ETS_NONE && form->season == ETS_NONE && !w->quick;
	memset(w->first, 0, p->width * sizeof(double));
	for (int i = 0; i < p->nvars; i++)
	{
		w->low[i] = i == p->phi ? PHI_LOW : i < p->level ? LOW : -INFINITY;
		w->high[i] = i == p->phi ? PHI_HIGH : i < p->level ? HIGH : INFINITY;
	}
	start_states(w, m, w->first);
	/* the first ones of each list, or the last ones */
	for (int a = w->quick ? 5 : 0; a < (w->quick ? 8 : 5); a++)
		for (int b = w->quick ? 5 : 0; b < (w->quick ? 6 : form->trend == ETS_NONE ? 1 : w->wide ? 5 : 3); b++)
			for (int g = w->quick ? 2 : 0; g < (w->quick ? 3 : form->season != ETS_NONE ? 2 : 1); g++)
				for (int d = w->quick ? 2 : 0; d < (w->quick ? 3 : form->damped ? 2 : 1); d++)
				{
					double		value;
					int			place;

					memcpy(w->vars, w->first, p->nvars * sizeof(double));
					w->vars[0] = alphas[a];
					if (p->beta >= 0)
						w->vars[p->beta] = b == 3 || b == 4 ? betas[b] / alphas[a] : betas[b];
					/* those within the usual region are there already */
					if (p->beta >= 0 && (b == 3 || b == 4) && betas[b] < alphas[a])
						continue;
					if (p->gamma >= 0)
						w->vars[p->gamma] = gammas[g];
					if (p->phi >= 0)
						w->vars[p->phi] = phis[d];
					value = minimise(w, w->vars, true, form->error == ETS_ADDITIVE && form->season != ETS_MULTIPLICATIVE ? 1 : w->quick ? 2 : 5);
					/* the best STARTS of them, ascending */
					for (place = nstarts; place > 0 && value < values[place - 1]; place--)
						;
					if (place == (w->quick ? 1 : STARTS) || !isfinite(value))
						continue;
					if (nstarts < (w->quick ? 1 : STARTS))
						nstarts++;
					for (int i = nstarts - 1; i > place; i--)
					{
						values[i] = values[i - 1];
						memcpy(w->starts[i], w->starts[i - 1], p->nvars * sizeof(double));
					}
					values[place] = value;
					memcpy(w->starts[place], w->vars, p->nvars * sizeof(double));
				}
	for (int i = 0; i < nstarts; i++)
	{
		double		value = minimise(w, w->starts[i], false, MAX_ITER);

		if (value < best)
		{
			best = value;
			memcpy(w->best, w->starts[i], p->nvars * sizeof(double));
		}
	}
	return best;
}

/* The parameters of variables that a fit ended with. */
static void
write_params(EtsWork *w, const double *vars, int m, double *params)
{
	EtsProblem *p = &w->problem;
	int			k = 0;
	int			df;
	double		objective = ets_pass(p, vars, false);

	(void) objective;
	params[k++] = vars[0];
	if (p->beta >= 0)
		params[k++] = vars[0] * vars[p->beta];
	if (p->gamma >= 0)
		params[k++] = (1 - vars[0]) * vars[p->gamma];
	if (p->phi >= 0)
		params[k++] = vars[p->phi];
	params[k++] = vars[p->level] * w->scale;
	if (p->slope >= 0)
		params[k++] = p->form.trend == ETS_ADDITIVE ? vars[p->slope] * w->scale : vars[p->slope];
	if (p->form.season != ETS_NONE)
	{
		double		unit = p->form.season == ETS_ADDITIVE ? w->scale : 1;
		double		sum = 0;

		for (int i = 0; i < m - 1; i++)
		{
			params[k++] = vars[p->seasons + i] * unit;
			sum += vars[p->seasons + i];
		}
		params[k++] = (p->form.season == ETS_ADDITIVE ? -sum : m - sum) * unit;
	}
	df = p->nvalues - p->nvars;
	params[k] = sqrt(p->squares / (df > 0 ? df : 1)) * (p->form.error == ETS_ADDITIVE ? w->scale : 1);
}

ForecastStatus
ets_fit_form(const ForecastInput *in, const EtsForm *form, int m, ForecastArena *arena, double *params,
			 double *minus_2_log_likelihood)
{
	size_t		mark = arena->used;
	EtsWork		w;
	double		value;

	*minus_2_log_likelihood = INFINITY;
	if (!prepare(&w, in, m, arena))
		return FORECAST_NO_MEMORY;
	arena->used = mark;
	if (form->season != ETS_NONE && (m < 2 || m > ETS_MAX_PERIOD))
		return FORECAST_NOT_SUITED;
	if (w.problem.nvalues < 2)
		return FORECAST_TOO_SHORT;
	if (w.least <= 0 && (form->error == ETS_MULTIPLICATIVE || form->trend == ETS_MULTIPLICATIVE ||
						 form->season == ETS_MULTIPLICATIVE))
		return FORECAST_NOT_SUITED;
	value = fit_form(&w, form, m);
	if (!isfinite(value))
		return FORECAST_NOT_FINITE;
	*minus_2_log_likelihood = w.problem.nvalues * (value + 2 * log(w.scale));
	write_params(&w, w.best, m, params);
	return FORECAST_OK;
}

/* ---- the choice */

static const EtsOptions defaults = ETS_DEFAULTS;

/*
 * The season that a value by value state can follow: the longest that is not too long and that the series has seen.  Of more than
 * USUAL_PERIOD values only when a season is asked for.
 */
static int
season_of(const ForecastInput *in, const EtsOptions *options, int nvalues)
{
	bool		asked = options->season == ETS_ADDITIVE || options->season == ETS_MULTIPLICATIVE;
	int			longest = asked ? ETS_MAX_PERIOD : USUAL_PERIOD;
	int			m = 1;

	for (int i = 0; i < in->nperiods; i++)
		if (in->periods[i] <= longest && in->periods[i] >= 2 && in->n > in->periods[i] &&
			nvalues >= in->periods[i] + 5)
			m = in->periods[i];
	return m;
}

static bool
wanted(int option, int value)
{
	return option == ETS_AUTO || option == value;
}

static bool
allowed(const EtsOptions *o, const EtsForm *form)
{
	if (!wanted(o->error, form->error) || !wanted(o->season, form->season))
		return false;
	if (o->trend == ETS_AUTO ? form->trend == ETS_MULTIPLICATIVE && !o->multiplicative_trend : o->trend != form->trend)
		return false;
	if ((o->damped == ETS_DAMPED_NO && form->damped) ||
		(o->damped == ETS_DAMPED_YES && !form->damped && (form->trend != ETS_NONE || o->trend != ETS_AUTO)))
		return false;
	if (o->unrestricted)
		return true;
	/* what was asked for by name is allowed */
	if (form->error == ETS_ADDITIVE && o->error == ETS_AUTO &&
		(form->trend == ETS_MULTIPLICATIVE || form->season == ETS_MULTIPLICATIVE))
		return false;
	return !(form->trend == ETS_MULTIPLICATIVE && form->season == ETS_ADDITIVE && (o->trend == ETS_AUTO || o->season == ETS_AUTO));
}

static double
criterion(int which, double minus_2, int k, int n)
{
	if (which == ETS_BIC)
		return minus_2 + log(n) * k;
	if (which == ETS_AIC)
		return minus_2 + 2 * k;
	return n - k - 1 > 0 ? minus_2 + 2.0 * k + 2.0 * k * (k + 1) / (n - k - 1) : INFINITY;
}

static void
label(const EtsForm *form, ForecastFit *fit)
{
	static const char letters[] = "ZNAM";

	snprintf(fit->label, sizeof(fit->label), "ETS(%c,%c%s,%c)", letters[form->error], letters[form->trend],
			 form->damped ? "d" : "", letters[form->season]);
}

/* Too few values for anything to be estimated: a level that follows half of each error. */
static ForecastStatus
fit_few(const EtsWork *w, const double *y, int n, ForecastFit *fit)
{
	EtsForm		form = {ETS_ADDITIVE, ETS_NONE, false, ETS_NONE};
	double		level = NAN;
	double		squares = 0;
	int			k = 0;

	for (int t = 0; t < n; t++)
	{
		double		error = y[t] - level;

		if (isnan(y[t]))
			continue;
		if (k++ == 0)
		{
			level = fit->params[1] = y[t];
			continue;
		}
		squares += error * error;
		level += 0.5 * error;
	}
	fit->form = ets_form_number(&form);
	fit->nparams = 3;
	fit->params[0] = 0.5;
	fit->params[2] = k > 1 ? sqrt(squares / (k - 1)) : 0;
	fit->log_likelihood = NAN;
	fit->aicc = NAN;
	label(&form, fit);
	fit->note = "too few values to estimate smoothing parameters";
	return FORECAST_OK;
}

static size_t
ets_memory(const ForecastShape *shape)
{
	int			m = shape->period < ETS_MAX_PERIOD ? shape->period : ETS_MAX_PERIOD;
	size_t		paths = shape->horizon < 1000 ? 1000 : 100;

	return ets_fit_memory(shape->n, m) + FORECAST_BYTES(double, 2 * m + 8) + 4 * FORECAST_BYTES(double, shape->horizon) +
		2 * FORECAST_BYTES(double, m) + FORECAST_BYTES(double, paths * shape->horizon) + FORECAST_BYTES(double, paths);
}

static int
ets_max_params(const ForecastShape *shape)
{
	int			m = shape->period < ETS_MAX_PERIOD ? shape->period : ETS_MAX_PERIOD;

	return 7 + m;
}

static ForecastStatus
ets_fit(const ForecastInput *in, ForecastArena *arena, ForecastFit *fit)
{
	const EtsOptions *options = in->options && in->options[5] ? in->options[5] : &defaults;
	EtsWork		w;
	EtsForm		best_form = {0};
	double		best = INFINITY;
	bool		constant = true;
	double	   *vars;
	int			m = 1;
	int			nvalues = 0;
	double		value = NAN;
	bool		any = false;

	for (int t = 0; t < in->n; t++)
		if (!isnan(in->y[t]))
		{
			if (nvalues++ == 0)
				value = in->y[t];
			constant &= in->y[t] == value;
		}
	if (nvalues < 1)
		return FORECAST_TOO_SHORT;
	m = season_of(in, options, nvalues);
	fit->note = NULL;
	if (!prepare(&w, in, m, arena) || (vars = FORECAST_TAKE(arena, double, 2 * m + 8)) == NULL)
		return FORECAST_NO_MEMORY;
	w.quick = options->quick;
	if (constant || nvalues < 5)
		return fit_few(&w, in->y, in->n, fit);
	for (int number = 0; number < 36; number++)
	{
		EtsForm		form;
		double		objective;
		int			k;

		if (!ets_form_of(number, &form) || !allowed(options, &form) || (form.season != ETS_NONE && m == 1))
			continue;
		if (w.least <= 0 && (form.error == ETS_MULTIPLICATIVE || form.trend == ETS_MULTIPLICATIVE ||
							 form.season == ETS_MULTIPLICATIVE))
			continue;
		any = true;
		k = ets_count(&form, m);
		if (k >= nvalues - 1)
			continue;
		if (forecast_cancelled(in))
			return FORECAST_CANCELLED;
		objective = fit_form(&w, &form, m);
		objective = w.problem.nvalues * (objective + 2 * log(w.scale));
		objective = criterion(options->criterion, objective, k, nvalues);
		if (objective < best)
		{
			best = objective;
			best_form = form;
			memcpy(vars, w.best, w.problem.nvars * sizeof(double));
		}
	}
	if (!any)
	{
		fit->note = "multiplicative forms need values above 0, and seasons a period of at most 60 that the values have seen";
		return FORECAST_NOT_SUITED;
	}
	if (!isfinite(best))
		return fit_few(&w, in->y, in->n, fit);
	lay_out(&w.problem, &best_form, m);
	fit->form = ets_form_number(&best_form);
	fit->nparams = ets_params(&best_form, m);
	value = w.problem.nvalues * (ets_pass(&w.problem, vars, false) + 2 * log(w.scale));
	write_params(&w, vars, m, fit->params);
	fit->log_likelihood = -0.5 * value;
	fit->aicc = criterion(ETS_AICC, value, ets_count(&best_form, m), nvalues);
	label(&best_form, fit);
	return FORECAST_OK;
}

const ForecastMethod forecast_method_ets = {
	.id = 5,.name = "ets",.memory = ets_memory,.max_params = ets_max_params,.fit = ets_fit,.forecast = ets_forecast
};
