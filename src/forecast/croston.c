/*
 * croston.c - intermittent demand: Croston, SBA, TSB, ADIDA, IMAPA
 *
 * Croston (1972): sizes of demands and intervals between them, each by simple exponential smoothing; their ratio is the rate.
 * SBA (Syntetos and Boylan 2005): 0.95 of it, against the bias of a ratio.  TSB (Teunter, Syntetos, Babai 2011): smoothed
 * probability of demand, which sinks while there is none, times smoothed size.  ADIDA (Nikolopoulos and others 2011): sums
 * over buckets as long as the mean interval, smoothed, and shared out.  IMAPA (Petropoulos and Kourentzes 2015): the mean of
 * that over all bucket lengths up to the mean interval.  Smoothing starts with the first value; where alpha is optimised it is
 * by least squares in [0.1, 0.3], with Brent's method to 1e-5 (Forsythe, Malcolm, Moler 1977), as the libraries at hand do.
 *
 * All give the same forecast for each step.  Intervals are quantiles of the values themselves, later ones counting more
 * (halved in a hundred periods): demand is zero or not, and no normal error.  Cost: a pass; ADIDA some 25 over the buckets.
 */
#include "forecast/croston.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define LOW 0.1
#define HIGH 0.3
#define MAX_BUCKETS 1000		/* of IMAPA; beyond it the last ones stand for the rest */

typedef enum Kind
{
	CROSTON,
	SBA,
	TSB,
	ADIDA,
	IMAPA
} Kind;

static const CrostonOptions defaults = CROSTON_DEFAULTS;

/* Simple exponential smoothing from the first value on: the forecast after the last. */
static double
smooth(const double *x, int n, double alpha)
{
	double		f = x[0];

	for (int i = 0; i < n; i++)
		f = alpha * x[i] + (1 - alpha) * f;
	return f;
}

static double
squares(const double *x, int n, double alpha)
{
	double		f = x[0];
	double		sum = 0;

	for (int i = 1; i < n; i++)
	{
		f = alpha * x[i - 1] + (1 - alpha) * f;
		sum += (x[i] - f) * (x[i] - f);
	}
	return sum;
}

/* The alpha within [LOW, HIGH] that makes squares least: parabolas, and golden sections where these fail. */
static double
best_alpha(const double *x, int n)
{
	const double golden = 0.5 * (3 - sqrt(5.0));
	const double root_eps = sqrt(2.2e-16);
	const double tolerance = 1e-5;
	double		a = LOW;
	double		b = HIGH;
	double		v = a + golden * (b - a);
	double		w = v;
	double		best = v;
	double		step = 0;
	double		before = 0;		/* the step before last */
	double		fv = squares(x, n, v);
	double		fw = fv;
	double		fbest = fv;
	double		middle = 0.5 * (a + b);
	double		tol1 = root_eps * fabs(best) + tolerance / 3;
	double		tol2 = 2 * tol1;

	for (int i = 0; i < 500 && fabs(best - middle) > tol2 - 0.5 * (b - a); i++)
	{
		bool		section = true;
		double		next;
		double		f;

		if (fabs(before) > tol1)
		{
			double		r = (best - w) * (fbest - fv);
			double		q = (best - v) * (fbest - fw);
			double		p = (best - v) * q - (best - w) * r;

			q = 2 * (q - r);
			if (q > 0)
				p = -p;
			q = fabs(q);
			r = before;
			before = step;
			if (fabs(p) < fabs(0.5 * q * r) && p > q * (a - best) && p < q * (b - best))
			{
				section = false;
				step = p / q;
				next = best + step;
				if (next - a < tol2 || b - next < tol2)
					step = middle - best >= 0 ? tol1 : -tol1;
			}
		}
		if (section)
		{
			before = best >= middle ? a - best : b - best;
			step = golden * before;
		}
		next = best + (step >= 0 ? 1 : -1) * fmax(fabs(step), tol1);
		f = squares(x, n, next);
		if (f <= fbest)
		{
			if (next >= best)
				a = best;
			else
				b = best;
			v = w;
			fv = fw;
			w = best;
			fw = fbest;
			best = next;
			fbest = f;
		}
		else
		{
			if (next < best)
				a = next;
			else
				b = next;
			if (f <= fw || w == best)
			{
				v = w;
				fv = fw;
				w = next;
				fw = f;
			}
			else if (f <= fv || v == best || v == w)
			{
				v = next;
				fv = f;
			}
		}
		middle = 0.5 * (a + b);
		tol1 = root_eps * fabs(best) + tolerance / 3;
		tol2 = 2 * tol1;
	}
	return best;
}

/* The values without missing ones; false when one is negative. */
static bool
collect(const ForecastInput *in, double *y, int *n)
{
	*n = 0;
	for (int t = 0; t < in->n; t++)
	{
		if (isnan(in->y[t]))
			continue;
		if (in->y[t] < 0)
			return false;
		y[(*n)++] = in->y[t];
	}
	return true;
}

/* Sizes of demands, and intervals from one to the next (the first from the start); their number. */
static int
demands(const double *y, int n, double *sizes, double *intervals)
{
	int			k = 0;
	int			before = -1;

	for (int t = 0; t < n; t++)
		if (y[t] > 0)
		{
			sizes[k] = y[t];
			intervals[k++] = t - before;
			before = t;
		}
	return k;
}

/* The forecast from sums over buckets of a length, the last ones whole. */
static double
by_buckets(const double *y, int n, int length, double *sums)
{
	int			skip = n % length;
	int			k = n / length;

	for (int i = 0; i < k; i++)
	{
		sums[i] = 0;
		for (int j = 0; j < length; j++)
			sums[i] += y[skip + i * length + j];
	}
	return smooth(sums, k, best_alpha(sums, k)) / length;
}

static double
rate(Kind kind, const ForecastInput *in, const double *params, const double *y, int n, double *sizes, double *intervals)
{
	int			k = demands(y, n, sizes, intervals);
	double		mean = 0;

	if (k == 0)
		return 0;
	switch (kind)
	{
		case CROSTON:
		case SBA:
			return smooth(sizes, k, params[0]) / smooth(intervals, k, params[1]) * (kind == SBA ? 0.95 : 1);
		case TSB:
			{
				double		p = y[0] > 0;

				for (int t = 0; t < n; t++)
					p = params[1] * (y[t] > 0) + (1 - params[1]) * p;
				return p * smooth(sizes, k, params[0]);
			}
		case ADIDA:
		case IMAPA:
			break;
	}
	for (int i = 0; i < k; i++)
		mean += intervals[i];
	mean /= k;
	/* halves go to the even number, as numpy and Python round */
	mean = nearbyint(mean);
	if (kind == ADIDA)
		return by_buckets(y, n, (int) mean, sizes);
	else
	{
		int			buckets = mean < MAX_BUCKETS ? (int) mean : MAX_BUCKETS;
		double		sum = 0;

		for (int length = 1; length <= buckets; length++)
		{
			if (length % 16 == 0 && forecast_cancelled(in))
				return NAN;
			sum += by_buckets(y, n, length, sizes);
		}
		return sum / buckets;
	}
}

static size_t
croston_memory(const ForecastShape *shape)
{
	return 5 * FORECAST_BYTES(double, shape->n);
}

static int
croston_max_params(const ForecastShape *shape)
{
	return 2;
}

static ForecastStatus
fit_kind(Kind kind, const char *label, const ForecastInput *in, ForecastArena *arena, ForecastFit *fit)
{
	int			id = 7 + kind;
	const CrostonOptions *options = in->options && in->options[id] ? in->options[id] : &defaults;
	double	   *y = FORECAST_TAKE(arena, double, in->n);
	double	   *sizes = FORECAST_TAKE(arena, double, in->n);
	double	   *intervals = FORECAST_TAKE(arena, double, in->n);
	int			n;
	int			k;

	if (intervals == NULL)
		return FORECAST_NO_MEMORY;
	fit->note = NULL;
	if (!collect(in, y, &n))
	{
		fit->note = "demand cannot be negative";
		return FORECAST_NOT_SUITED;
	}
	if (n < 1)
		return FORECAST_TOO_SHORT;
	k = demands(y, n, sizes, intervals);
	fit->form = 0;
	fit->nparams = 2;
	fit->params[0] = options->alpha;
	fit->params[1] = kind == TSB ? options->alpha_probability : options->alpha;
	if (options->optimise && k > 0 && (kind == CROSTON || kind == SBA))
	{
		fit->params[0] = best_alpha(sizes, k);
		fit->params[1] = best_alpha(intervals, k);
	}
	if (kind == ADIDA || kind == IMAPA)
		fit->nparams = 0;
	fit->log_likelihood = NAN;
	fit->aicc = NAN;
	snprintf(fit->label, sizeof(fit->label), "%s", label);
	return FORECAST_OK;
}

typedef struct Weighted
{
	double		value;
	double		weight;
} Weighted;

/* By value; Shell's sort. */
static void
sort(Weighted *v, int n)
{
	int			gap = 1;

	while (gap < n / 2.25)
		gap = (int) (gap * 2.25) + 1;
	for (; gap >= 1; gap = gap == 1 ? 0 : (int) (gap / 2.25) < 1 ? 1 : (int) (gap / 2.25))
		for (int i = gap; i < n; i++)
		{
			Weighted	x = v[i];
			int			j = i;

			for (; j >= gap && v[j - gap].value > x.value; j -= gap)
				v[j] = v[j - gap];
			v[j] = x;
		}
}

static double
quantile(const Weighted *sorted, int n, double total, double p)
{
	double		sum = 0;

	for (int i = 0; i < n; i++)
	{
		sum += sorted[i].weight;
		if (sum >= p * total)
			return sorted[i].value;
	}
	return sorted[n - 1].value;
}

static ForecastStatus
forecast_kind(Kind kind, const ForecastInput *in, const ForecastFit *fit, ForecastArena *arena, ForecastResult *result)
{
	double	   *y = FORECAST_TAKE(arena, double, in->n);
	double	   *sizes = FORECAST_TAKE(arena, double, in->n);
	double	   *intervals = FORECAST_TAKE(arena, double, in->n);
	Weighted   *sorted = FORECAST_TAKE(arena, Weighted, in->n);
	double		total = 0;
	double		mean = 0;
	double		variance = 0;
	double		value;
	int			n;

	if (sorted == NULL)
		return FORECAST_NO_MEMORY;
	if (fit->nparams != (kind == ADIDA || kind == IMAPA ? 0 : 2))
		return FORECAST_DAMAGED;
	for (int i = 0; i < fit->nparams; i++)
		if (!(fit->params[i] >= 0 && fit->params[i] <= 1))
			return FORECAST_DAMAGED;
	if (!collect(in, y, &n))
		return FORECAST_NOT_SUITED;
	if (n < 1)
		return FORECAST_TOO_SHORT;
	value = rate(kind, in, fit->params, y, n, sizes, intervals);
	if (isnan(value))
		return FORECAST_CANCELLED;
	if (!isfinite(value))
		return FORECAST_NOT_FINITE;
	for (int t = 0; t < n; t++)
	{
		sorted[t].value = y[t];
		sorted[t].weight = exp2((t + 1 - n) / 100.0);
		total += sorted[t].weight;
		mean += sorted[t].weight * y[t];
	}
	mean /= total;
	for (int t = 0; t < n; t++)
		variance += sorted[t].weight * (y[t] - mean) * (y[t] - mean) / total;
	sort(sorted, n);
	for (int h = 0; h < in->horizon; h++)
		result->mean[h] = value;
	if (result->sd)
		for (int h = 0; h < in->horizon; h++)
			result->sd[h] = sqrt(variance);
	for (int l = 0; l < in->nlevels; l++)
	{
		double		tail = 0.5 * (1 - in->levels[l]);
		double		low = fmin(quantile(sorted, n, total, tail), value);
		double		high = fmax(quantile(sorted, n, total, 1 - tail), value);

		for (int h = 0; h < in->horizon; h++)
		{
			if (result->lower)
				result->lower[(size_t) l * in->horizon + h] = low;
			if (result->upper)
				result->upper[(size_t) l * in->horizon + h] = high;
		}
	}
	if (result->fitted)
	{
		/* Croston, SBA and TSB are recursions; the others would be fitted anew for each value */
		double		size = NAN;
		double		interval = NAN;
		double		p = NAN;
		int			since = 1;

		for (int t = 0; t < in->n; t++)
		{
			double		v = in->y[t];

			result->fitted[t] = kind == CROSTON ? size / interval : kind == SBA ? 0.95 * size / interval :
				kind == TSB ? size * p : NAN;
			if (isnan(v) || fit->nparams < 2)
				continue;
			p = isnan(p) ? v > 0 : fit->params[1] * (v > 0) + (1 - fit->params[1]) * p;
			if (v > 0)
			{
				size = isnan(size) ? v : fit->params[0] * v + (1 - fit->params[0]) * size;
				interval = isnan(interval) ? since : fit->params[1] * since + (1 - fit->params[1]) * interval;
				since = 0;
			}
			since++;
		}
	}
	return FORECAST_OK;
}

#define METHOD(number, lower, upper, text) \
	static ForecastStatus \
	lower##_fit(const ForecastInput *in, ForecastArena *arena, ForecastFit *fit) \
	{ \
		return fit_kind(upper, text, in, arena, fit); \
	} \
	static ForecastStatus \
	lower##_forecast(const ForecastInput *in, const ForecastFit *fit, ForecastArena *arena, ForecastResult *result) \
	{ \
		return forecast_kind(upper, in, fit, arena, result); \
	} \
	const ForecastMethod forecast_method_##lower = { \
		.id = number,.name = #lower,.memory = croston_memory,.max_params = croston_max_params,.fit = lower##_fit, \
		.forecast = lower##_forecast \
	};

METHOD(7, croston, CROSTON, "Croston")
METHOD(8, sba, SBA, "Croston, SBA")
METHOD(9, tsb, TSB, "TSB")
METHOD(10, adida, ADIDA, "ADIDA")
METHOD(11, imapa, IMAPA, "IMAPA")
