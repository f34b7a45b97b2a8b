/*
 * auto.c - the automatic choice: candidates by features of the series, weights by validation from rolling origins
 *
 * Which methods come into question follows from the series: with regressors ARIMA and prophet; for intermittent demand (a third or more of the values are zero,
 * none is negative) Croston's family beside the mean and exponential smoothing; else exponential smoothing, Theta, ARIMA, and
 * decomposition where there are several seasons or one too long for the others.  Each is fitted to the first part of the
 * series and forecasts the rest from up to three origins; what it weighs in the combination falls with its mean absolute error
 * there (Bates and Granger 1969; Pawlikowski and Chorowska 2020 for such combinations in the M4 competition), and those far
 * behind the best are left out.  Errors of few values say little about who is better: weights are near to equal for twenty
 * values, and fall with the fourth power of errors for several hundred.  The M competitions keep showing that a combination of few
 * good methods is rarely beaten by any of them, and never loses much (Makridakis, Spiliotis, Assimakopoulos 2020).
 *
 * Intervals are the weighted means of the methods', widened (or narrowed, a little) by what the errors from the origins were
 * against what they should have been, and more the farther ahead and the fewer the values: what no method's own formula
 * counts is that its parameters, and its form, may be wrong.  POWER and GROWTH were chosen on the training parts of the M3 and
 * M4 samples alone, the last horizon of each held out.
 *
 * Zeros before the first sale are no demand: where enough comes after them, the series begins there.
 *
 * Parameters: number of components, scale of the intervals, zeros left out; for each component method, form, weight, number of parameters,
 * parameters.  Cost: two fits of each candidate, the second of the form that the first has chosen.
 */
#include "forecast/auto.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "forecast/arima.h"
#include "forecast/decompose.h"
#include "forecast/ets.h"
#include "forecast/theta.h"

#define HEAD 3					/* numbers before the components */
#define EACH 4					/* before a component's parameters */
#define ORIGINS 3
#define POWER_VALUES 80			/* weights fall with the power of errors that is the number of values over this, */
#define MOST_POWER 4			/* but no more than this */
#define FAR_BEHIND 4			/* over the power, and 1: how many times the least error */
#define PRIOR 3					/* errors as they should be, beside those seen */
#define INTERMITTENT (1.0 / 3)	/* share of zeros */
#define LEAST_SOLD 10			/* values from the first sale on, for zeros before it to be left out */
#define GROWTH 6				/* intervals are wider by so much, times the root of the step, over the number of values */
#define NARROWEST 0.9			/* of the scale of intervals */
#define MOST_LAGS 2				/* of ARIMA */
#define LONG_SEASON 24			/* beyond it, exponential smoothing has too many states to start with */

enum
{
	NAIVE = 1, SEASONAL_NAIVE = 2, DRIFT = 3, MEAN = 4, ETS = 5, THETA = 6, CROSTON = 7, SBA = 8, TSB = 9, ADIDA = 10,
	PROPHET = 13, ARIMA = 14, MSTL = 15
};

static const AutoOptions defaults = AUTO_DEFAULTS;

typedef struct Candidate
{
	const ForecastMethod *method;
	ForecastFit fit;			/* to the whole series; params point into the room below */
	double	   *part_params;	/* of a fit to the first part */
	double		error;			/* mean absolute error from the origins; NaN: not validated */
	double		weight;
	double	   *mean;			/* [ORIGINS][horizon] forecasts from the origins */
	double	   *sd;
} Candidate;

typedef struct Features
{
	int			values;
	double		zeros;			/* share */
	double		least;
	bool		constant;
	bool		several;		/* there is a long season, seen three times at least, or clear to see */
} Features;

/* filled: scratch [n] */
static Features
look(const ForecastInput *in, double *filled)
{
	Features	f = {.least = INFINITY,.constant = true};
	double		first = NAN;

	for (int t = 0; t < in->n; t++)
		if (!isnan(in->y[t]))
		{
			if (f.values++ == 0)
				first = in->y[t];
			f.zeros += in->y[t] == 0;
			f.least = fmin(f.least, in->y[t]);
			f.constant &= in->y[t] == first;
		}
	f.zeros = f.values > 0 ? f.zeros / f.values : 0;
	(void) forecast_interpolate(in->y, in->n, filled);
	for (int i = 0; i < in->nperiods; i++)
		f.several |= in->periods[i] > LONG_SEASON && (f.values >= 3 * in->periods[i] || forecast_is_seasonal(filled, in->n, in->periods[i]));
	return f;
}

/* Ids of the methods to be tried. */
static int
choose(const ForecastInput *in, const AutoOptions *options, const Features *f, int *ids)
{
	static const int smooth[] = {ETS, THETA, ARIMA};
	static const int rare[] = {SBA, TSB, ADIDA, MEAN, ETS};
	static const int regress[] = {ARIMA, PROPHET};
	int			n = 0;

	if (options->ncandidates > 0)
	{
		for (int i = 0; i < options->ncandidates; i++)
			if (forecast_method_by_id(options->candidates[i]))
				ids[n++] = options->candidates[i];
		return n;
	}
	if (f->constant || f->values < 5)
	{
		ids[n++] = ETS;
		return n;
	}
	/* those that know of regressors */
	if (in->nx > 0)
	{
		for (int i = 0; i < (int) (sizeof(regress) / sizeof(regress[0])); i++)
			if (forecast_method_by_id(regress[i]))
				ids[n++] = regress[i];
		return n;
	}
	if (f->least >= 0 && f->zeros >= INTERMITTENT)
	{
		for (int i = 0; i < (int) (sizeof(rare) / sizeof(rare[0])); i++)
			ids[n++] = rare[i];
		return n;
	}
	for (int i = 0; i < (int) (sizeof(smooth) / sizeof(smooth[0])); i++)
		if (forecast_method_by_id(smooth[i]))
			ids[n++] = smooth[i];
	if (f->several && forecast_method_by_id(MSTL))
		ids[n++] = MSTL;
	return n;
}

/* ---- memory */

/* Could this method be a candidate? */
static bool
possible(int id, const ForecastShape *shape)
{
	static const int usual[] = {MEAN, ETS, THETA, SBA, TSB, ADIDA, ARIMA, MSTL};
	const AutoOptions *options = shape->options && shape->options[12] ? shape->options[12] : &defaults;

	if (options->ncandidates > 0)
	{
		for (int i = 0; i < options->ncandidates; i++)
			if (options->candidates[i] == id)
				return true;
		return false;
	}
	for (int i = 0; i < (int) (sizeof(usual) / sizeof(usual[0])); i++)
		if (usual[i] == id)
			return true;
	return id == PROPHET && shape->nx > 0;
}

/* The most that any of them needs: bytes, parameters. */
static void
most_of(const ForecastShape *shape, size_t *bytes, int *params)
{
	*bytes = 0;
	*params = 0;
	for (int id = 1; id < FORECAST_MAX_METHODS; id++)
	{
		const ForecastMethod *method = possible(id, shape) ? forecast_method_by_id(id) : NULL;
		size_t		memory;
		int			n;

		if (method == NULL || method == &forecast_method_auto)
			continue;
		memory = method->memory(shape);
		*bytes = memory > *bytes ? memory : *bytes;
		n = method->max_params(shape);
		*params = n > *params ? n : *params;
	}
}

static size_t
auto_memory(const ForecastShape *shape)
{
	size_t		bytes;
	int			params;

	most_of(shape, &bytes, &params);
	return bytes +
		AUTO_MAX * (2 * FORECAST_BYTES(double, params) +
					2 * FORECAST_BYTES(double, (size_t) ORIGINS * shape->horizon)) +
		FORECAST_BYTES(double, (size_t) shape->nx * (shape->n + shape->horizon)) +
		5 * FORECAST_BYTES(double, (size_t) shape->horizon * (1 + 2 * (shape->nlevels > 0 ? shape->nlevels : 1))) +
		2 * FORECAST_BYTES(double, shape->n) + FORECAST_BYTES(Candidate, AUTO_MAX);
}

static int
auto_max_params(const ForecastShape *shape)
{
	size_t		bytes;
	int			params;

	most_of(shape, &bytes, &params);
	return HEAD + AUTO_MAX * (EACH + params);
}

/*
 * What a method sees of a series: exponential smoothing and ARIMA no long seasons, which would take them more numbers to start
 * with, and more time, than it gains.
 */
static ForecastInput
seen_by(int id, const ForecastInput *in)
{
	ForecastInput seen = *in;

	while ((id == ETS || id == ARIMA) && seen.nperiods > 0 && seen.periods[seen.nperiods - 1] > LONG_SEASON)
		seen.nperiods--;
	return seen;
}

/* ---- validation */

typedef struct Origins
{
	int			n;
	int			at[ORIGINS];	/* values before, descending */
	int			horizon[ORIGINS];	/* steps that can be compared */
} Origins;

/*
 * Up to three origins, a horizon apart where the series is long enough; none where less than two thirds, or less than two
 * seasons and eight values, would be left to fit to.
 */
static Origins
plan(const ForecastInput *in, int values, int folds)
{
	Origins		o = {0};
	int			longest = in->nperiods > 0 ? in->periods[0] : 1;
	int			least = in->n * 2 / 3;
	int			steps = in->horizon;

	if (least < 2 * longest + 2)
		least = 2 * longest + 2;
	if (least < 8)
		least = 8;
	if (folds <= 0 || folds > ORIGINS)
		folds = ORIGINS;
	if (in->n - least < 1 || values < least)
		return o;
	if (steps > in->n - least)
		steps = in->n - least;
	for (int end = in->n - steps; end >= least && o.n < folds; end -= steps > 1 ? (steps + 1) / 2 : 1)
	{
		int			origin = end;

		/* a series ends with a value */
		while (origin > least && isnan(in->y[origin - 1]))
			origin--;
		if (isnan(in->y[origin - 1]) || (o.n > 0 && origin >= o.at[o.n - 1]))
			break;
		o.at[o.n] = origin;
		o.horizon[o.n++] = steps < in->n - origin ? steps : in->n - origin;
	}
	return o;
}

/* The input cut at an origin; regressors are copied to x, whose rows then are shorter. */
static ForecastInput
part_of(const ForecastInput *in, int n, int horizon, double *x)
{
	ForecastInput part = *in;

	part.n = n;
	part.horizon = horizon;
	part.nlevels = 0;
	if (in->nx > 0)
	{
		for (int k = 0; k < in->nx; k++)
			memcpy(x + (size_t) k * (n + horizon), in->x + (size_t) k * (in->n + in->horizon), (n + horizon) * sizeof(double));
		part.x = x;
	}
	return part;
}

/* Fit to the first part in the form that the whole series got. */
static ForecastStatus
fit_part(const Candidate *c, ForecastInput *part, ForecastArena *arena, ForecastFit *fit)
{
	EtsOptions	ets = ETS_DEFAULTS;
	ThetaOptions theta = THETA_DEFAULTS;
	ArimaOptions arima = ARIMA_DEFAULTS;
	const void *options[FORECAST_MAX_METHODS] = {NULL};
	EtsForm		form;

	if (part->options)
		memcpy(options, part->options, sizeof(options));
	if (c->method->id == ETS && ets_form_of(c->fit.form, &form))
	{
		ets.error = form.error;
		ets.trend = form.trend;
		ets.season = form.season;
		ets.damped = form.damped ? ETS_DAMPED_YES : ETS_DAMPED_NO;
		ets.multiplicative_trend = ets.unrestricted = ets.quick = true;
		options[ETS] = &ets;
	}
	if (c->method->id == THETA)
	{
		theta.model = c->fit.form % 8;
		options[THETA] = &theta;
	}
	if (c->method->id == ARIMA)
	{
		if (options[ARIMA])
			arima = *(const ArimaOptions *) options[ARIMA];
		arima.fixed = arima_order_of(&c->fit, &arima.order);
		arima.approximate = ARIMA_ALL;
		options[ARIMA] = &arima;
	}
	part->options = options;
	/* a decomposition is made anew for each forecast; what is left keeps its parameters */
	if (c->method->id == MSTL || (c->method->id == ARIMA && !arima.fixed))
	{
		double	   *params = fit->params;

		*fit = c->fit;
		fit->params = params;
		memcpy(params, c->fit.params, c->fit.nparams * sizeof(double));
		return FORECAST_OK;
	}
	return c->method->fit(part, arena, fit);
}

static ForecastStatus
validate(const ForecastInput *in, const Origins *origins, Candidate *c, double *x, ForecastArena *arena)
{
	ForecastFit fit = {.params = c->part_params};
	size_t		mark = arena->used;
	ForecastInput part = part_of(in, origins->at[origins->n - 1], origins->horizon[origins->n - 1], x);
	ForecastStatus status = fit_part(c, &part, arena, &fit);
	double		sum = 0;
	double		count = 0;

	c->error = NAN;
	arena->used = mark;
	if (status != FORECAST_OK)
		return status;
	for (int o = 0; o < origins->n; o++)
	{
		ForecastResult result = {.mean = c->mean + (size_t) o * in->horizon,.sd = c->sd + (size_t) o * in->horizon};

		part = part_of(in, origins->at[o], origins->horizon[o], x);
		for (int h = 0; h < in->horizon; h++)
			result.sd[h] = NAN;
		status = c->method->forecast(&part, &fit, arena, &result);
		arena->used = mark;
		if (status != FORECAST_OK)
			return status;
		for (int h = 0; h < origins->horizon[o]; h++)
		{
			double		y = in->y[origins->at[o] + h];

			if (isnan(y))
				continue;
			sum += fabs(y - result.mean[h]);
			count++;
		}
	}
	if (count > 0)
		c->error = sum / count;
	return FORECAST_OK;
}

/*
 * How much larger errors from the origins were than the combination's standard deviations say: root mean square of their
 * ratio, drawn to 1 as if a few more errors had been as they should.
 */
static double
interval_scale(const ForecastInput *in, const Origins *origins, const Candidate *candidates, int n)
{
	double		squares = 0;
	double		count = 0;

	for (int o = 0; o < origins->n; o++)
		for (int h = 0; h < origins->horizon[o]; h++)
		{
			double		y = in->y[origins->at[o] + h];
			double		mean = 0;
			double		sd = 0;

			for (int i = 0; i < n; i++)
				if (candidates[i].weight > 0)
				{
					mean += candidates[i].weight * candidates[i].mean[(size_t) o * in->horizon + h];
					sd += candidates[i].weight * candidates[i].sd[(size_t) o * in->horizon + h];
				}
			if (isnan(y) || !(sd > 0))
				continue;
			/* one wild error is not a width */
			squares += fmin((y - mean) * (y - mean) / (sd * sd), 36);
			count++;
		}
	return fmin(fmax(sqrt((squares + PRIOR) / (count + PRIOR)), NARROWEST), 3);
}

static void
weigh(Candidate *candidates, int n, int values, bool single)
{
	double		power = fmin((double) values / POWER_VALUES, MOST_POWER);
	double		far = 1 + FAR_BEHIND / power;
	double		least = INFINITY;
	double		total = 0;
	int			best = -1;

	for (int i = 0; i < n; i++)
		if (candidates[i].error < least)
		{
			least = candidates[i].error;
			best = i;
		}
	for (int i = 0; i < n; i++)
	{
		double		ratio = best < 0 ? 1 : candidates[i].error / least;

		/* nothing was validated: all weigh the same.  A perfect one leaves nothing to the others. */
		if (best >= 0 && !(candidates[i].error <= far * least))
			candidates[i].weight = i == best;
		else if (single)
			candidates[i].weight = best < 0 ? i == 0 : i == best;
		else
			candidates[i].weight = ratio > 0 ? pow(ratio, -power) : 1;
		total += candidates[i].weight;
	}
	for (int i = 0; i < n; i++)
		candidates[i].weight /= total;
}

static void
describe(ForecastFit *fit, const Candidate *candidates, int n)
{
	int			used = 0;
	int			parts = 0;

	for (int i = 0; i < n; i++)
		parts += candidates[i].weight > 0;
	fit->label[0] = '\0';
	for (int i = 0; i < n; i++)
	{
		const char *label = candidates[i].fit.label;
		int			length = (int) strlen(label);

		if (candidates[i].weight <= 0)
			continue;
		if (parts == 1)
		{
			snprintf(fit->label, sizeof(fit->label), "%s", label);
			return;
		}
		/* of Theta's long name its first word tells enough beside others */
		if (candidates[i].method->id == THETA)
			length = 5;
		if (used < (int) sizeof(fit->label))
			used += snprintf(fit->label + used, sizeof(fit->label) - used, "%s%.2f %.*s", used > 0 ? " + " : "",
							 candidates[i].weight, length, label);
	}
}

/* Everything that is tried for a series. */
typedef struct Trial
{
	const AutoOptions *options;
	ForecastInput in;			/* with options of its own */
	const void *methods[FORECAST_MAX_METHODS];
	EtsOptions	ets;
	ArimaOptions arima;
	Features	f;
	Candidate  *candidates;		/* [AUTO_MAX] */
	int			n;				/* that could be fitted */
	Origins		origins;
} Trial;

/* Options of the methods as parts of a combination. */
static void
set_options(Trial *t)
{
	if (t->in.options)
		memcpy(t->methods, t->in.options, sizeof(t->methods));
	/* trends that die away: beside others, those that do not are the ones that go wrong (Gardner and McKenzie 1985) */
	t->ets = (EtsOptions) ETS_DEFAULTS;
	if (t->methods[ETS])
		t->ets = *(const EtsOptions *) t->methods[ETS];
	if (t->ets.damped == ETS_DAMPED_AUTO && t->ets.trend == ETS_AUTO)
		t->ets.damped = ETS_DAMPED_YES;
	t->ets.quick = true;
	t->methods[ETS] = &t->ets;
	t->arima = (ArimaOptions) ARIMA_DEFAULTS;
	if (t->methods[ARIMA])
		t->arima = *(const ArimaOptions *) t->methods[ARIMA];
	if (!t->arima.fixed)
	{
		/* what more lags gain, others in the combination have */
		t->arima.max_p = t->arima.max_p < MOST_LAGS ? t->arima.max_p : MOST_LAGS;
		t->arima.max_q = t->arima.max_q < MOST_LAGS ? t->arima.max_q : MOST_LAGS;
		t->arima.max_P = t->arima.max_P < 1 ? t->arima.max_P : 1;
		t->arima.max_Q = t->arima.max_Q < 1 ? t->arima.max_Q : 1;
		t->arima.approximate = ARIMA_SEARCH;
	}
	t->methods[ARIMA] = &t->arima;
	t->in.options = t->methods;
}

/* Fit all candidates to the series and to its first part; t->in, t->options are set. */
static ForecastStatus
try_all(Trial *t, ForecastArena *arena)
{
	const ForecastInput *in = &t->in;
	double	   *filled = FORECAST_TAKE(arena, double, in->n);
	double	   *x = FORECAST_TAKE(arena, double, (size_t) in->nx * (in->n + in->horizon));
	ForecastShape shape = {.n = in->n,.horizon = in->horizon,.nperiods = in->nperiods,.period = 1,.nx = in->nx,
	.nlevels = in->nlevels,.validates = true,.options = in->options};
	ForecastStatus status = FORECAST_TOO_SHORT;
	int			ids[AUTO_MAX];
	int			n;

	t->candidates = FORECAST_TAKE(arena, Candidate, AUTO_MAX);
	for (int i = 0; i < in->nperiods; i++)
		shape.period = in->periods[i] > shape.period ? in->periods[i] : shape.period;
	if (filled == NULL || t->candidates == NULL || x == NULL)
		return FORECAST_NO_MEMORY;
	t->f = look(in, filled);
	n = choose(in, t->options, &t->f, ids);
	if (t->f.values < 1)
		return FORECAST_TOO_SHORT;
	set_options(t);
	for (int i = 0; i < n; i++)
	{
		Candidate  *c = &t->candidates[t->n];
		int			max_params;
		size_t		mark;
		ForecastStatus now;
		ForecastInput seen;

		memset(c, 0, sizeof(*c));
		c->error = NAN;
		c->method = forecast_method_by_id(ids[i]);
		max_params = c->method->max_params(&shape);
		c->fit.params = FORECAST_TAKE(arena, double, max_params);
		c->part_params = FORECAST_TAKE(arena, double, max_params);
		c->mean = FORECAST_TAKE(arena, double, (size_t) ORIGINS * in->horizon);
		c->sd = FORECAST_TAKE(arena, double, (size_t) ORIGINS * in->horizon);
		if (c->sd == NULL)
			return FORECAST_NO_MEMORY;
		mark = arena->used;
		seen = seen_by(ids[i], in);
		now = c->method->fit(&seen, arena, &c->fit);
		arena->used = mark;
		if (now == FORECAST_CANCELLED || now == FORECAST_NO_MEMORY)
			return now;
		if (now == FORECAST_OK)
			t->n++;
		else
			status = now;
	}
	if (t->n == 0)
		return status;
	t->origins = plan(in, t->f.values, t->options->folds);
	for (int i = 0; i < t->n && t->origins.n > 0; i++)
	{
		ForecastInput seen = seen_by(t->candidates[i].method->id, in);

		status = validate(&seen, &t->origins, &t->candidates[i], x, arena);
		if (status == FORECAST_CANCELLED || status == FORECAST_NO_MEMORY)
			return status;
		if (status != FORECAST_OK)
			t->candidates[i].error = INFINITY;
	}
	return FORECAST_OK;
}

/* Zeros at the start that are left out: of what was not sold yet.  Regressors keep them, for their rows are as long as the series. */
static int
not_sold_yet(const ForecastInput *in)
{
	int			first = 0;
	int			after = 0;

	while (first < in->n && (in->y[first] == 0 || isnan(in->y[first])))
		first++;
	for (int t = first; t < in->n; t++)
	{
		if (in->y[t] < 0)
			return 0;
		after += !isnan(in->y[t]);
	}
	return after >= LEAST_SOLD && in->nx == 0 ? first : 0;
}

static ForecastInput
without(const ForecastInput *in, int first)
{
	ForecastInput rest = *in;

	rest.y += first;
	rest.n -= first;
	if (rest.at)
		rest.at += first;
	return rest;
}

static ForecastStatus
auto_fit(const ForecastInput *whole, ForecastArena *arena, ForecastFit *fit)
{
	int			left_out = not_sold_yet(whole);
	ForecastInput rest = without(whole, left_out);
	const ForecastInput *in = &rest;
	Trial		t = {.in = *in,.options = in->options && in->options[12] ? in->options[12] : &defaults};
	ForecastStatus status = try_all(&t, arena);
	Candidate  *candidates = t.candidates;
	int			good = t.n;
	int			n;
	double		scale = 1;
	double	   *place;

	if (status != FORECAST_OK)
		return status;
	weigh(candidates, good, t.f.values, t.options->single);
	if (t.origins.n > 0)
		scale = interval_scale(in, &t.origins, candidates, good);
	describe(fit, candidates, good);
	place = fit->params + HEAD;
	n = 0;
	for (int i = 0; i < good; i++)
	{
		const Candidate *c = &candidates[i];

		if (c->weight <= 0)
			continue;
		place[0] = c->method->id;
		place[1] = c->fit.form;
		place[2] = c->weight;
		place[3] = c->fit.nparams;
		memcpy(place + EACH, c->fit.params, c->fit.nparams * sizeof(double));
		place += EACH + c->fit.nparams;
		n++;
	}
	fit->params[0] = n;
	fit->params[1] = scale;
	fit->params[2] = left_out;
	fit->nparams = (int) (place - fit->params);
	fit->form = 0;
	fit->log_likelihood = NAN;
	fit->aicc = NAN;
	return FORECAST_OK;
}

/* ---- forecasts */

static ForecastStatus
auto_forecast(const ForecastInput *whole, const ForecastFit *fit, ForecastArena *arena, ForecastResult *result)
{
	bool		known = fit->nparams >= HEAD && fit->params[2] >= 0 && fit->params[2] < whole->n;
	int			left_out = known && whole->nx == 0 ? (int) fit->params[2] : 0;
	ForecastInput rest = without(whole, left_out);
	const ForecastInput *in = &rest;
	size_t		band = (size_t) in->nlevels * in->horizon;
	double	   *mean = FORECAST_TAKE(arena, double, in->horizon);
	double	   *sd = FORECAST_TAKE(arena, double, in->horizon);
	double	   *lower = FORECAST_TAKE(arena, double, band);
	double	   *upper = FORECAST_TAKE(arena, double, band);
	double	   *fitted = FORECAST_TAKE(arena, double, in->n);
	const double *place = fit->params + HEAD;
	const double *end = fit->params + fit->nparams;
	double	   *scale = FORECAST_TAKE(arena, double, in->horizon);
	size_t		mark = arena->used;
	int			values = 0;
	int			n;

	if (scale == NULL)
		return FORECAST_NO_MEMORY;
	if (!known || !(fit->params[0] >= 1 && fit->params[0] <= AUTO_MAX) ||
		!(fit->params[1] >= 0.1 && fit->params[1] <= 10))
		return FORECAST_DAMAGED;
	n = (int) fit->params[0];
	for (int t = 0; result->fitted && t < left_out; t++)
		result->fitted[t] = NAN;
	for (int t = 0; t < in->n; t++)
		values += !isnan(in->y[t]);
	for (int h = 0; h < in->horizon; h++)
		scale[h] = fit->params[1] * (1 + GROWTH * sqrt(h + 1) / (values > 0 ? values : 1));
	for (int i = 0; i < n; i++)
	{
		const ForecastMethod *method;
		ForecastFit part = {0};
		ForecastResult one = {.mean = mean,.lower = result->lower ? lower : NULL,.upper = result->upper ? upper : NULL,
			.fitted = result->fitted ? fitted : NULL,.sd = sd
		};
		ForecastStatus status;
		ForecastInput seen;
		double		weight;

		if (end - place < EACH || !(place[0] >= 1 && place[0] < FORECAST_MAX_METHODS) || !(fabs(place[1]) < 1e9) ||
			!(place[2] > 0 && place[2] <= 1) || !(place[3] >= 0 && place[3] <= (double) (end - place - EACH)))
			return FORECAST_DAMAGED;
		method = forecast_method_by_id((int) place[0]);
		if (method == NULL || method == &forecast_method_auto)
			return FORECAST_DAMAGED;
		part.form = (int) place[1];
		weight = place[2];
		part.nparams = (int) place[3];
		part.params = (double *) place + EACH;
		for (int h = 0; h < in->horizon; h++)
			sd[h] = NAN;
		seen = seen_by(method->id, in);
		status = method->forecast(&seen, &part, arena, &one);
		arena->used = mark;
		if (status != FORECAST_OK)
		{
			result->note = one.note;
			return status;
		}
		for (int h = 0; h < in->horizon; h++)
			result->mean[h] = (i == 0 ? 0 : result->mean[h]) + weight * mean[h];
		for (int h = 0; result->sd && h < in->horizon; h++)
			result->sd[h] = (i == 0 ? 0 : result->sd[h]) + weight * sd[h] * scale[h];
		for (size_t k = 0; k < band; k++)
		{
			int			h = (int) (k % in->horizon);

			if (result->lower)
				result->lower[k] = (i == 0 ? 0 : result->lower[k]) + weight * (mean[h] + scale[h] * (lower[k] - mean[h]));
			if (result->upper)
				result->upper[k] = (i == 0 ? 0 : result->upper[k]) + weight * (mean[h] + scale[h] * (upper[k] - mean[h]));
		}
		for (int t = 0; result->fitted && t < in->n; t++)
			result->fitted[left_out + t] = (i == 0 ? 0 : result->fitted[left_out + t]) + weight * fitted[t];
		place += EACH + part.nparams;
	}
	return place == end ? FORECAST_OK : FORECAST_DAMAGED;
}

const ForecastMethod forecast_method_auto = {
	.id = 12,.name = "auto",.memory = auto_memory,.max_params = auto_max_params,.fit = auto_fit,.forecast = auto_forecast
};
