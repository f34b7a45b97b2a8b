/*
 * arima.c - the forecasting method: seasonal ARIMA, its order given or found, with regressors, missing values and Box-Cox
 *
 * Forecasts of the differenced process from the filter's last state, then summed up again; variances by the psi weights of the
 * whole process.  Parameters kept: orders, coefficients, the constant's and the regressors' coefficients, sigma^2, lambda; the
 * values run through the filter again at each forecast.
 */
#include "arima.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "num/stl.h"

#define SEASONAL_STRENGTH 0.64
#define HEAD 12					/* numbers before the coefficients */
#define MAX_REGRESSORS 64
#define LONG 150				/* values, and periods of a season, beyond which orders are looked for by least squares */
#define LONG_SEASON 12

static const ArimaOptions defaults = ARIMA_DEFAULTS;

static const ArimaOptions *
options_of(const void *const *options)
{
	return options && options[forecast_method_arima.id] ? options[forecast_method_arima.id] : &defaults;
}

static EcmlStl
strength_stl(int period, int n)
{
	EcmlStl		stl = ECML_STL_DEFAULTS;

	/* as R's mstl has it for one season */
	stl.period = period;
	stl.seasonal = 11;
	stl.seasonal_jump = stl.trend_jump = stl.low_pass_jump = 0;
	stl.inner = 2;
	return stl;
}

static size_t
arima_memory(const ForecastShape *shape)
{
	ArimaWork	w;
	Work		count = {0};
	size_t		n = shape->n;
	size_t		stl = 0;

	arima_layout(&w, &count, shape->n, shape->period, shape->nx);
	if (shape->period > 1 && 2 * shape->period <= shape->n)
	{
		EcmlStl		s = strength_stl(shape->period, shape->n);

		/* another, shorter period may be the one: all of them need less */
		stl = ecml_stl_scratch(&s, n);
	}
	return count.used + ECML_ALIGN + FORECAST_BYTES(double, 3 * n + stl) +
		3 * FORECAST_BYTES(double, n + shape->horizon + w.max_r + 200);
}

static int
arima_max_params(const ForecastShape *shape)
{
	return HEAD + ARIMA_MAX_COEFFICIENTS + 1 + shape->nx;
}

/* ---- Box-Cox */

static double
transform(double y, double lambda)
{
	if (lambda == 1)
		return y;
	return lambda == 0 ? log(y) : (copysign(pow(fabs(y), lambda), y) - 1) / lambda;
}

static double
back(double z, double lambda)
{
	if (lambda == 1)
		return z;
	if (lambda == 0)
		return exp(z);
	z = lambda * z + 1;
	return copysign(pow(fabs(z), 1 / lambda), z);
}

/* Coefficient of variation over blocks of sd / mean^(1 - lambda) (Guerrero 1993). */
static double
variation(const double *y, int n, int block, double lambda)
{
	double		sum = 0;
	double		square = 0;
	int			blocks = n / block;
	int			from = n - blocks * block;

	for (int b = 0; b < blocks; b++)
	{
		double		mean = 0;
		double		sd = 0;
		double		ratio;

		for (int i = 0; i < block; i++)
			mean += y[from + b * block + i] / block;
		for (int i = 0; i < block; i++)
			sd += (y[from + b * block + i] - mean) * (y[from + b * block + i] - mean) / (block - 1);
		ratio = sqrt(sd) / pow(mean, 1 - lambda);
		sum += ratio;
		square += ratio * ratio;
	}
	sum /= blocks;
	square = square / blocks - sum * sum;
	return sum > 0 ? sqrt(fmax(square, 0)) / sum : INFINITY;
}

static double
choose_lambda(const double *y, int n, int period)
{
	int			block = period > 2 ? period : 2;
	double		low = 0;
	double		high = 1;
	const double golden = 0.6180339887498949;

	if (n < 2 * block)
		return 1;
	for (int t = 0; t < n; t++)
		if (!(y[t] > 0))
			return 1;
	for (int i = 0; i < 40; i++)
	{
		double		a = high - golden * (high - low);
		double		b = low + golden * (high - low);

		if (variation(y, n, block, a) < variation(y, n, block, b))
			high = b;
		else
			low = a;
	}
	return 0.5 * (low + high);
}

/* ---- fit */

static int
own_period(const ForecastInput *in, const ArimaOptions *options)
{
	if (options->fixed && options->order.s > 0)
		return options->order.s;
	for (int i = 0; i < in->nperiods; i++)
		if (in->periods[i] <= ARIMA_MAX_PERIOD)
			return in->periods[i];
	return 1;
}

/* Missing values between others, by a line: for tests that need all. */
static void
interpolate(double *y, int n)
{
	int			last = -1;

	for (int t = 0; t < n; t++)
	{
		if (isnan(y[t]))
			continue;
		for (int i = last + 1; i < t; i++)
			y[i] = last < 0 ? y[t] : y[last] + (y[t] - y[last]) * (i - last) / (t - last);
		last = t;
	}
	for (int i = last + 1; i < n && last >= 0; i++)
		y[i] = y[last];
}

/* Share of the season in what the trend leaves; y [n] without missing values. */
static double
seasonal_strength(const double *y, int n, int period, ForecastArena *arena)
{
	EcmlStl		stl = strength_stl(period, n);
	double	   *season;
	double	   *trend;
	double	   *scratch;
	double		rest = 0;
	double		both = 0;
	double		mean[2] = {0};

	if (n <= 2 * period || ecml_stl_check(&stl, n))
		return 0;
	season = FORECAST_TAKE(arena, double, n);
	trend = FORECAST_TAKE(arena, double, n);
	scratch = FORECAST_TAKE(arena, double, ecml_stl_scratch(&stl, n));
	if (!season || !trend || !scratch)
		return 0;
	ecml_stl(&stl, y, n, season, trend, NULL, scratch);
	for (int t = 0; t < n; t++)
	{
		mean[0] += (y[t] - trend[t] - season[t]) / n;
		mean[1] += (y[t] - trend[t]) / n;
	}
	for (int t = 0; t < n; t++)
	{
		double		a = y[t] - trend[t] - season[t] - mean[0];
		double		b = y[t] - trend[t] - mean[1];

		rest += a * a;
		both += b * b;
	}
	return both > 0 ? fmax(0, 1 - rest / both) : 0;
}

/* y less what a regression on the regressors explains: what differences are tested on */
static void
without_regressors(ArimaData *data, double *y)
{
	ArimaOrder	order = {.s = 1,.constant = true};
	double		sigma2;
	ArimaWork  *w = data->w;

	arima_prepare(data, y, &order);
	arima_expand(&order, NULL, &w->poly);
	if (isnan(arima_profile(data, &sigma2)))
		return;
	for (int x = 0; x < data->nx; x++)
	{
		int			c = 1 + data->gaps + x;

		for (int t = 0; t < data->n; t++)
			y[t] -= w->beta[c - 1] * w->raw[(size_t) c * w->n + t];
	}
}

static ForecastStatus
check_values(const ForecastInput *in, int *values, const char **note)
{
	*values = 0;
	for (int t = 0; t < in->n; t++)
	{
		if (isinf(in->y[t]))
			return FORECAST_NOT_FINITE;
		*values += !isnan(in->y[t]);
	}
	if (in->nx > MAX_REGRESSORS)
	{
		*note = "arima takes at most 64 regressors";
		return FORECAST_NOT_SUITED;
	}
	for (int x = 0; x < in->nx; x++)
		for (int t = 0; t < in->n; t++)
			if (!isfinite(in->x[(size_t) x * (in->n + in->horizon) + t]))
			{
				*note = "a regressor is missing within the series";
				return FORECAST_NOT_SUITED;
			}
	return FORECAST_OK;
}

static void
write_label(const ArimaOrder *o, char *label)
{
	int			used = snprintf(label, FORECAST_LABEL, "ARIMA(%d,%d,%d)", o->p, o->d, o->q);

	if (o->P + o->D + o->Q > 0)
		used += snprintf(label + used, FORECAST_LABEL - used, "(%d,%d,%d)[%d]", o->P, o->D, o->Q, o->s);
	if (o->constant)
		snprintf(label + used, FORECAST_LABEL - used, " with %s", o->d + o->D > 0 ? "drift" : "mean");
}

static ForecastStatus
arima_fit(const ForecastInput *in, ForecastArena *arena, ForecastFit *fit)
{
	const ArimaOptions *options = options_of(in->options);
	int			period = own_period(in, options);
	ArimaWork	w;
	Work		work = {arena->base + arena->used, 0, arena->size - arena->used};
	ArimaData	data = {.w = &w,.n = in->n,.nx = in->nx,.in = in};
	ArimaFit	best;
	double	   *y;
	double	   *tested;
	double		lambda = options->box_cox ? options->lambda : 1;
	int			values;
	int			d = 0;
	int			D = 0;
	ForecastStatus status = check_values(in, &values, &fit->note);
	double	   *to = fit->params;

	if (status != FORECAST_OK)
		return status;
	if (values < 3)
		return FORECAST_TOO_SHORT;
	arima_layout(&w, &work, in->n, period, in->nx);
	if (!work_fits(&work))
		return FORECAST_NO_MEMORY;
	arena->used += work.used;
	y = FORECAST_TAKE(arena, double, in->n);
	tested = FORECAST_TAKE(arena, double, in->n);
	if (!y || !tested)
		return FORECAST_NO_MEMORY;
	memcpy(y, in->y, in->n * sizeof(double));
	if (options->box_cox)
	{
		memcpy(tested, y, in->n * sizeof(double));
		interpolate(tested, in->n);
		if (isnan(lambda))
			lambda = choose_lambda(tested, in->n, period);
		for (int t = 0; t < in->n; t++)
			if (lambda <= 0 && y[t] <= 0)
			{
				fit->note = "a Box-Cox transform with lambda 0 or below needs values above 0";
				return FORECAST_NOT_SUITED;
			}
		for (int t = 0; t < in->n; t++)
			y[t] = transform(y[t], lambda);
	}
	if (options->fixed)
	{
		ArimaOrder	order = options->order;

		order.s = period;
		if (order.P + order.D + order.Q > 0 && (period < 2 || period > ARIMA_MAX_PERIOD))
		{
			fit->note = "seasonal orders need a season of 2 to 60 periods";
			return FORECAST_NOT_SUITED;
		}
		if (order.s < 2)
			order.s = 1;
		if (values <= order.d + order.s * order.D + order.p + order.q + order.P + order.Q + order.constant + in->nx + 1)
			return FORECAST_TOO_SHORT;
		arima_prepare(&data, y, &order);
		if (!(options->approximate == ARIMA_ALL && in->nx == 0 ? arima_approximate : arima_estimate) (&data, &best, NULL))
			return forecast_cancelled(in) ? FORECAST_CANCELLED : FORECAST_NOT_SUITED;
	}
	else
	{
		if (!options->seasonal || in->n < 2 * period + 1)
			period = 1;
		memcpy(tested, y, in->n * sizeof(double));
		interpolate(tested, in->n);
		if (in->nx > 0)
			without_regressors(&data, tested);
		if (period > 1 && options->max_D > 0 &&
			seasonal_strength(tested, in->n, period, arena) > SEASONAL_STRENGTH && in->n > 2 * period + 2)
			D = 1;
		if (D > 0)
		{
			for (int t = 0; t + period < in->n; t++)
				tested[t] = tested[t + period] - tested[t];
		}
		d = arima_differences(tested, in->n - D * period, options->max_d, w.space);
		if (!arima_search(&data, y, options, d, D, period,
						  options->approximate >= ARIMA_SEARCH ||
						  (options->approximate == ARIMA_BY_LENGTH && (in->n > LONG || period > LONG_SEASON)), &best))
			return forecast_cancelled(in) ? FORECAST_CANCELLED : FORECAST_NOT_SUITED;
	}
	/* the regression at the end, for the coefficients */
	data.order = best.order;
	arima_expand(&best.order, best.coefficients, &w.poly);
	if (isnan(arima_profile(&data, &best.sigma2)))
		return FORECAST_NOT_SUITED;
	{
		const ArimaOrder *o = &best.order;
		int			n = o->p + o->q + o->P + o->Q;
		double		head[HEAD] = {o->p, o->d, o->q, o->P, o->D, o->Q, o->s, o->constant, in->nx, lambda, best.sigma2, 0};

		memcpy(to, head, sizeof(head));
		memcpy(to + HEAD, best.coefficients, n * sizeof(double));
		to[HEAD + n] = o->constant ? w.beta[data.columns - 2] : 0;
		for (int x = 0; x < in->nx; x++)
			to[HEAD + n + 1 + x] = w.beta[data.gaps + x];
		fit->form = 0;
		fit->nparams = HEAD + n + 1 + in->nx;
		fit->log_likelihood = best.log_likelihood;
		fit->aicc = isfinite(best.aicc) ? best.aicc : NAN;
		write_label(o, fit->label);
	}
	for (int i = 0; i < fit->nparams; i++)
		if (!isfinite(fit->params[i]))
			return FORECAST_NOT_FINITE;
	return FORECAST_OK;
}

/* ---- forecast */

bool
arima_order_of(const ForecastFit *fit, ArimaOrder *order)
{
	static const int most[8] = {ARIMA_MAX_ORDER, 2, ARIMA_MAX_ORDER, ARIMA_MAX_SEASONAL, 2, ARIMA_MAX_SEASONAL, ARIMA_MAX_PERIOD, 1};
	int			head[8];

	if (fit->form != 0 || fit->nparams < HEAD)
		return false;
	for (int i = 0; i < 8; i++)
	{
		double		v = fit->params[i];

		if (!(v >= 0 && v <= most[i]) || v != floor(v))
			return false;
		head[i] = (int) v;
	}
	*order = (ArimaOrder) {head[0], head[1], head[2], head[3], head[4], head[5], head[6], head[7] != 0};
	return true;
}

/* The parameters that a fit has written, or not. */
static bool
read_params(const ForecastInput *in, const ForecastFit *fit, ArimaOrder *order, double *coefficients, double *sigma2,
			double *lambda, double *constant, const double **beta)
{
	const double *p = fit->params;
	int			n;

	if (!arima_order_of(fit, order))
		return false;
	for (int i = 0; i < fit->nparams; i++)
		if (!isfinite(p[i]))
			return false;
	if (order->s < 1 || p[8] != in->nx || !(p[10] >= 0) || (order->s < 2 && order->P + order->D + order->Q > 0))
		return false;
	n = order->p + order->q + order->P + order->Q;
	if (fit->nparams != HEAD + n + 1 + in->nx)
		return false;
	*lambda = p[9];
	*sigma2 = p[10];
	memcpy(coefficients, p + HEAD, n * sizeof(double));
	*constant = p[HEAD + n];
	*beta = p + HEAD + n + 1;
	return fabs(*lambda) <= 5;
}

/* z [n + horizon] of which the first n are there: sums of the process whose differences are w [horizon] */
static void
sum_up(double *z, const double *w, int n, int horizon, const ArimaOrder *o)
{
	double		lags[5 + 2 * ARIMA_MAX_PERIOD + 1] = {1};
	int			degree = 0;

	/* (1 - B)^d (1 - B^s)^D */
	for (int k = 0; k < o->d + o->D; k++)
	{
		int			lag = k < o->d ? 1 : o->s;

		for (int i = degree; i >= 0; i--)
			lags[i + lag] -= lags[i];
		degree += lag;
	}
	for (int h = 0; h < horizon; h++)
	{
		double		sum = w[h];

		for (int i = 1; i <= degree; i++)
			if (lags[i] != 0 && n + h - i >= 0)
				sum -= lags[i] * z[n + h - i];
		z[n + h] = sum;
	}
}

static ForecastStatus
arima_forecast(const ForecastInput *in, const ForecastFit *fit, ForecastArena *arena, ForecastResult *result)
{
	ArimaWork	w;
	Work		work = {arena->base + arena->used, 0, arena->size - arena->used};
	ArimaData	data = {.w = &w,.n = in->n,.nx = in->nx,.in = in};
	ArimaOrder	order;
	double		coefficients[ARIMA_MAX_COEFFICIENTS];
	double		sigma2;
	double		lambda;
	double		constant;
	const double *beta;
	double	   *z;
	double	   *ahead;
	double	   *psi;
	double		step;
	double		total = 0;
	int			lost;
	int			values;
	ForecastStatus status = check_values(in, &values, &result->note);

	if (status != FORECAST_OK)
		return status;
	if (!read_params(in, fit, &order, coefficients, &sigma2, &lambda, &constant, &beta))
		return FORECAST_DAMAGED;
	lost = order.d + order.s * order.D;
	if (in->n <= lost || values < 1)
		return FORECAST_TOO_SHORT;
	for (int x = 0; x < in->nx; x++)
		for (int t = in->n; t < in->n + in->horizon; t++)
			if (!isfinite(in->x[(size_t) x * (in->n + in->horizon) + t]))
			{
				result->note = "a regressor is missing in the future";
				return FORECAST_NOT_SUITED;
			}
	arima_layout(&w, &work, in->n, order.s, in->nx);
	if (!work_fits(&work))
		return FORECAST_NO_MEMORY;
	arena->used += work.used;
	z = FORECAST_TAKE(arena, double, in->n + in->horizon);
	ahead = FORECAST_TAKE(arena, double, w.max_r + in->horizon + 2);
	psi = FORECAST_TAKE(arena, double, in->horizon + 1);
	if (!z || !ahead || !psi)
		return FORECAST_NO_MEMORY;
	for (int t = 0; t < in->n; t++)
	{
		if (lambda <= 0 && in->y[t] <= 0)
		{
			result->note = "a Box-Cox transform with lambda 0 or below needs values above 0";
			return FORECAST_NOT_SUITED;
		}
		z[t] = transform(in->y[t], lambda);
	}
	arima_prepare(&data, z, &order);
	arima_expand(&order, coefficients, &w.poly);
	/* regressors and the constant as they were fitted; what is missing as it is likeliest */
	step = constant * (order.D > 0 ? pow(order.s, order.D) : 1);
	for (int t = 0; t < in->n; t++)
		for (int x = 0; x < in->nx; x++)
			w.raw[t] -= beta[x] * w.raw[(size_t) (1 + data.gaps + x) * w.n + t];
	for (int t = 0; t < data.rows; t++)
	{
		for (int x = 0; x < in->nx; x++)
			w.columns[t] -= beta[x] * w.columns[(size_t) (1 + data.gaps + x) * w.n + t];
		w.columns[t] -= step;
	}
	data.nx = 0;
	data.columns = data.gaps + 2;
	data.order.constant = false;
	if (data.gaps > 0)
	{
		double		ignored;

		if (isnan(arima_profile(&data, &ignored)))
			return FORECAST_DAMAGED;
		for (int g = 0; g < data.gaps; g++)
		{
			w.raw[w.gaps[g]] -= w.beta[g];
			for (int t = 0; t < data.rows; t++)
				w.columns[t] -= w.beta[g] * w.columns[(size_t) (1 + g) * w.n + t];
		}
	}
	if (isnan(arima_filter(&w, data.rows, (int[]) {0}, 1)))
		return FORECAST_DAMAGED;
	memcpy(z, w.raw, in->n * sizeof(double));

	/* the process ahead, and its psi weights */
	memset(ahead, 0, (w.max_r + in->horizon + 2) * sizeof(double));
	memcpy(ahead, w.state + data.rows, w.poly.r * sizeof(double));
	for (int h = 0; h < in->horizon; h++)
	{
		double		expected = ahead[h];

		if (expected != 0)
			for (int i = 0; i < w.poly.p; i++)
				ahead[h + 1 + i] += w.poly.phi[i] * expected;
		psi[h] = h == 0 ? 1 : h <= w.poly.q ? w.poly.theta[h - 1] : 0;
		for (int i = 0; i < w.poly.p && i < h; i++)
			psi[h] += w.poly.phi[i] * psi[h - 1 - i];
	}
	for (int h = 0; h < in->horizon; h++)
		ahead[h] += step;
	sum_up(z, ahead, in->n, in->horizon, &order);
	/* psi of the sums: they start from nothing */
	sum_up(psi, psi, 0, in->horizon, &order);
	for (int h = 0; h < in->horizon; h++)
	{
		double		mean = z[in->n + h];
		double		sd;

		for (int x = 0; x < in->nx; x++)
			mean += beta[x] * in->x[(size_t) x * (in->n + in->horizon) + in->n + h];
		total += psi[h] * psi[h];
		sd = sqrt(sigma2 * total);
		ahead[h] = sd;
		z[in->n + h] = mean;
		if (result->mean)
			result->mean[h] = back(mean, lambda);
		if (!isfinite(back(mean, lambda)) || !isfinite(sd))
			return FORECAST_NOT_FINITE;
		if (result->sd)
			result->sd[h] = lambda == 1 ? sd : 0.5 * fabs(back(mean + sd, lambda) - back(mean - sd, lambda));
	}
	forecast_normal_intervals(in, z + in->n, ahead, result);
	if (lambda != 1)
		for (int i = 0; i < in->nlevels * in->horizon; i++)
		{
			if (result->lower)
				result->lower[i] = back(result->lower[i], lambda);
			if (result->upper)
				result->upper[i] = back(result->upper[i], lambda);
		}
	if (result->fitted)
		for (int t = 0; t < in->n; t++)
		{
			/* an innovation is the error of one step, on the scale of the transform */
			double		y = transform(in->y[t], lambda);

			result->fitted[t] = t < lost ? NAN : back(y - w.innovation[t - lost] * w.scale[t - lost], lambda);
		}
	return FORECAST_OK;
}

const ForecastMethod forecast_method_arima = {
	.id = 14,
	.name = "arima",
	.memory = arima_memory,
	.max_params = arima_max_params,
	.fit = arima_fit,
	.forecast = arima_forecast
};
