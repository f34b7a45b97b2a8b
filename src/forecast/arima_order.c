/*
 * arima_order.c - which ARIMA model: differences, then orders step by step (Hyndman and Khandakar, J. Stat. Software 27, 2008)
 *
 * Differences of the season when it is strong: above 0.64 of the variance that the trend leaves, by STL (Wang, Smith and
 * Hyndman 2006).  Then plain ones as long as the KPSS test of level (Kwiatkowski, Phillips, Schmidt and Shin 1992) rejects at
 * 5 %.  Then from four models to neighbours as long as AICc falls; models with a root within 1.01 are left out.  Each is fitted by exact
 * likelihood, or by least squares (arima_css.c), starting from its neighbour's coefficients, which makes a fit a few steps long.
 */
#include "arima.h"

#include <math.h>
#include <string.h>

#define KPSS_5_PERCENT 0.463
#define RADIUS 1.01
#define MAX_MODELS 94
#define TRIED (6 * 6 * 3 * 3 * 2)

static double
kpss(const double *x, int n)
{
	int			lags = (int) (3 * sqrt(n) / 13);
	double		mean = 0;
	double		sum = 0;
	double		squares = 0;
	double		variance = 0;

	for (int t = 0; t < n; t++)
		mean += x[t] / n;
	for (int t = 0; t < n; t++)
	{
		sum += x[t] - mean;
		squares += sum * sum;
	}
	for (int l = 0; l <= lags; l++)
	{
		double		product = 0;

		for (int t = l; t < n; t++)
			product += (x[t] - mean) * (x[t - l] - mean);
		variance += product * (l == 0 ? 1 : 2 * (1 - l / (lags + 1.0)));
	}
	return variance > 0 ? squares / ((double) n * variance) : 0;
}

static bool
is_constant(const double *x, int n)
{
	for (int t = 1; t < n; t++)
		if (x[t] != x[0])
			return false;
	return true;
}

/* How often to difference y [n] (no missing values), at most max; space [n]. */
int
arima_differences(const double *y, int n, int max, double *space)
{
	int			d = 0;

	memcpy(space, y, n * sizeof(double));
	while (d < max && n > 3 && !is_constant(space, n) && kpss(space, n) > KPSS_5_PERCENT)
	{
		for (int t = 0; t + 1 < n; t++)
			space[t] = space[t + 1] - space[t];
		n--;
		d++;
	}
	return d;
}

/* ---- step by step */

typedef struct Search
{
	ArimaData  *data;
	const ArimaOptions *options;
	ArimaFit   *best;
	int			models;
	bool		approximate;
	bool		cancelled;
	unsigned char tried[TRIED];
} Search;

/* Free numbers of order to from those of another: what both have, and 0. */
static void
carry(const ArimaFit *from, const ArimaOrder *to, double *u)
{
	const double *source = from->u;
	int			had[4] = {from->order.p, from->order.q, from->order.P, from->order.Q};
	int			has[4] = {to->p, to->q, to->P, to->Q};

	for (int part = 0; part < 4; part++)
	{
		for (int i = 0; i < has[part]; i++)
			/* away from where nothing moves */
			*u++ = i < had[part] ? fmin(fmax(source[i], -2.5), 2.5) : 0.02;
		source += had[part];
	}
}

/* Fit a model; is it the best so far? */
static bool
try(Search *s, int p, int q, int P, int Q, bool constant, bool carried)
{
	const ArimaOptions *o = s->options;
	ArimaOrder	order = s->data->order;
	ArimaFit	fit;
	double		u[ARIMA_MAX_COEFFICIENTS];
	int			key;

	if (p < 0 || q < 0 || P < 0 || Q < 0 || p > o->max_p || q > o->max_q || P > o->max_P || Q > o->max_Q || s->cancelled)
		return false;
	key = (((p * 6 + q) * 3 + P) * 3 + Q) * 2 + constant;
	if (s->tried[key] || s->models >= MAX_MODELS)
		return false;
	s->tried[key] = 1;
	s->models++;
	order.p = p;
	order.q = q;
	order.P = P;
	order.Q = Q;
	order.constant = constant;
	s->data->order = order;
	if (carried)
		carry(s->best, &order, u);
	if (!(s->approximate ? arima_approximate : arima_estimate) (s->data, &fit, carried ? u : NULL))
	{
		s->cancelled = forecast_cancelled(s->data->in);
		return false;
	}
	if (!arima_roots_clear(&s->data->w->poly, RADIUS, s->data->w->space))
		return false;
	if (!(fit.aicc < s->best->aicc))
		return false;
	*s->best = fit;
	return true;
}

static bool
neighbours(Search *s, bool constant_allowed)
{
	static const signed char moves[][2] = {{-1, 0}, {0, -1}, {1, 0}, {0, 1}, {-1, -1}, {-1, 1}, {1, -1}, {1, 1}};
	ArimaOrder	b = s->best->order;

	for (int i = 0; i < 8; i++)
		if (try(s, b.p, b.q, b.P + moves[i][0], b.Q + moves[i][1], b.constant, true))
			return true;
	for (int i = 0; i < 8; i++)
		if (try(s, b.p + moves[i][0], b.q + moves[i][1], b.P, b.Q, b.constant, true))
			return true;
	return constant_allowed && try(s, b.p, b.q, b.P, b.Q, !b.constant, true);
}

/* false: cancelled, or nothing could be fitted */
bool
arima_search(ArimaData *data, const double *y, const ArimaOptions *options, int d, int D, int s, bool approximate,
			 ArimaFit *best)
{
	ArimaOptions o = *options;
	Search		search = {.data = data,.options = &o,.best = best,.approximate = approximate && data->nx == 0};
	int			n = data->n;
	bool		constant = d + D <= 1;

	o.max_p = (int) fmin(o.max_p, n / 3);
	o.max_q = (int) fmin(o.max_q, n / 3);
	o.max_P = s > 1 ? (int) fmin(o.max_P, n / 3 / s) : 0;
	o.max_Q = s > 1 ? (int) fmin(o.max_Q, n / 3 / s) : 0;
	arima_prepare(data, y, &(ArimaOrder) {.d = d,.D = D,.s = s});
	best->aicc = INFINITY;
	best->order = data->order;
	if (is_constant(data->w->columns, data->rows))
	{
		data->order.constant = constant;
		if (arima_estimate(data, best, NULL))
			return true;
		data->order.constant = false;
		return arima_estimate(data, best, NULL);
	}
	try(&search, fmin(2, o.max_p), fmin(2, o.max_q), fmin(1, o.max_P), fmin(1, o.max_Q), constant, false);
	try(&search, 0, 0, 0, 0, constant, false);
	try(&search, fmin(1, o.max_p), 0, fmin(1, o.max_P), 0, constant, false);
	try(&search, 0, fmin(1, o.max_q), 0, fmin(1, o.max_Q), constant, false);
	if (constant)
		try(&search, 0, 0, 0, 0, false, false);
	if (!isfinite(best->aicc))
	{
		/* so short that AICc is not defined for any: the smallest */
		data->order = (ArimaOrder) {.d = d,.D = D,.s = s,.constant = constant && data->rows - data->gaps > 2};
		return !search.cancelled && arima_estimate(data, best, NULL);
	}
	while (!search.cancelled && neighbours(&search, constant))
		;
	if (search.cancelled)
		return false;
	data->order = best->order;
	if (options->approximate == ARIMA_ALL && data->nx == 0)
		return true;
	/*
	 * The one that is left once more: exactly, where it is not yet; else from where nothing has led to it, for the likelihood may have
	 * two hills.
	 */
	{
		ArimaFit	again;

		if (arima_estimate(data, &again, search.approximate ? best->u : NULL) && again.log_likelihood > best->log_likelihood &&
			arima_roots_clear(&data->w->poly, RADIUS, data->w->space))
			*best = again;
	}
	return true;
}
