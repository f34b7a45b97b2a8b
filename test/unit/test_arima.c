/*
 * test_arima.c - ARIMA: likelihoods and forecasts against statsmodels and a naive Kalman filter, gaps and regressors among them;
 * orders found; stored and damaged parameters; what cannot be fitted; MSTL beside it
 */
#include "host.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "forecast/arima.h"
#include "num/rng.h"

#define MOST 1000

static double y[MOST];
static double x[3 * MOST];
static double params[200];

typedef struct Bench
{
	ForecastInput in;
	ForecastShape shape;
	ForecastArena arena;
	ArimaOptions options;
	const void *all[FORECAST_MAX_METHODS];
	double		mean[MOST], lower[MOST], upper[MOST], sd[MOST], fitted[MOST];
	ForecastFit fit;
	ForecastResult result;
} Bench;

static void
begin(Bench *b, int n, int horizon, int period, int nx)
{
	memset(b, 0, sizeof(*b));
	b->options = (ArimaOptions) ARIMA_DEFAULTS;
	b->all[14] = &b->options;
	b->in = (ForecastInput) {
		.y = y,.n = n,.horizon = horizon,.nperiods = period > 1,.periods = {period},.season = {period},.nx = nx,.x = nx ? x : NULL,
		.nlevels = 1,.levels = {0.95},.cap = NAN,.floor = NAN,.seed = 1,.options = b->all
	};
	b->shape = (ForecastShape) {.n = n,.horizon = horizon,.nperiods = period > 1,.period = period,.nx = nx,.nlevels = 1,.options = b->all};
	b->fit.params = params;
	b->result = (ForecastResult) {b->mean, b->lower, b->upper, b->fitted, b->sd, NULL};
}

static ForecastStatus
fit(Bench *b, const ForecastMethod *m)
{
	b->arena.size = m->memory(&b->shape);
	b->arena.base = aligned_alloc(64, (b->arena.size + 63) / 64 * 64);
	b->arena.used = 0;
	ok(m->max_params(&b->shape) <= 200, "room for the parameters");
	return m->fit(&b->in, &b->arena, &b->fit);
}

static ForecastStatus
forecast(Bench *b, const ForecastMethod *m)
{
	b->arena.used = 0;
	return m->forecast(&b->in, &b->fit, &b->arena, &b->result);
}

/* ---- statsmodels */

typedef struct Reference
{
	char		name[32];
	ArimaOrder	order;
	int			nx;
	int			n;
	int			nparams;
	double		params[32];
	double		likelihood;
	double		forecast[6];
	double		sd[6];
	bool		ahead;
} Reference;

static int
numbers(const char *at, double *to, int most)
{
	int			n = 0;
	char	   *end;

	for (; n < most; at = end, n++)
	{
		to[n] = strtod(at, &end);
		if (end == at)
			break;
	}
	return n;
}

/* The log likelihood at these coefficients and this variance, through arima_profile. */
static double
likelihood(const Reference *r, const double *values)
{
	ArimaWork	w;
	Work		work = {NULL, 0, 0};
	ArimaData	data = {.w = &w,.n = r->n};
	ForecastInput in = {.n = r->n};
	double		sigma2 = r->params[r->nparams - 1];
	double		best;
	double		value;
	int			effective;

	arima_layout(&w, &work, r->n, r->order.s, 0);
	work = (Work) {aligned_alloc(64, work.used), 0, work.used};
	arima_layout(&w, &work, r->n, r->order.s, 0);
	data.in = &in;
	arima_prepare(&data, values, &r->order);
	arima_expand(&r->order, r->params, &w.poly);
	value = arima_profile(&data, &best);
	effective = data.rows - data.gaps;
	free(work.base);
	/* from the best variance to the one asked for */
	return value + 0.5 * effective * (log(best) + 1 - log(sigma2) - best / sigma2);
}

static void
check(Reference *r)
{
	static double clean[MOST];
	Bench		b;
	double		head[12] = {r->order.p, r->order.d, r->order.q, r->order.P, r->order.D, r->order.Q, r->order.s, 0, r->nx, 1, r->params[r->nparams - 1], 0};

	for (int t = 0; t < r->n; t++)
	{
		clean[t] = y[t];
		for (int j = 0; j < r->nx; j++)
			clean[t] -= r->params[r->nparams - 1 - r->nx + j] * x[(size_t) j * (r->n + 6) + t];
	}
	close_to(likelihood(r, clean), r->likelihood, 1e-9, "%s: likelihood of statsmodels", r->name);
	if (!r->ahead)
		return;
	begin(&b, r->n, 6, r->order.s, r->nx);
	memcpy(params, head, sizeof(head));
	memcpy(params + 12, r->params, (r->nparams - 1) * sizeof(double));
	b.fit.nparams = 12 + r->nparams - 1;
	b.arena.size = forecast_method_arima.memory(&b.shape);
	b.arena.base = aligned_alloc(64, (b.arena.size + 63) / 64 * 64);
	ok(forecast(&b, &forecast_method_arima) == FORECAST_OK, "%s: forecast", r->name);
	for (int h = 0; h < 6; h++)
	{
		ok(fabs(b.mean[h] - r->forecast[h]) < 1e-8, "%s: forecast of %d", r->name, h + 1);
		close_to(b.sd[h], r->sd[h], 1e-7, "%s: its standard deviation", r->name);
	}
	free(b.arena.base);
}

static void
against_statsmodels(void)
{
	const char *folder = getenv("ECML_TEST_DATA");
	static char line[65536];
	char		path[1024];
	FILE	   *file;
	Reference	r = {.n = 0};
	int			nx = 0;
	int			cases = 0;

	snprintf(path, sizeof(path), "%s/forecast/arima.tsv", folder ? folder : "test/data");
	file = fopen(path, "r");
	ok(file != NULL, "%s is there", path);
	if (file == NULL)
		return;
	for (;;)
	{
		bool		end = fgets(line, sizeof(line), file) == NULL;

		if (r.n > 0 && (end || strncmp(line, "case", 4) == 0))
		{
			check(&r);
			cases++;
		}
		if (end)
			break;
		if (strncmp(line, "case", 4) == 0)
		{
			int			constant;

			memset(&r, 0, sizeof(r));
			nx = 0;
			sscanf(line, "case\t%31s %d %d %d %d %d %d %d %d %d %d", r.name, &r.order.p, &r.order.d, &r.order.q, &r.order.P, &r.order.D, &r.order.Q,
				   &r.order.s, &constant, &r.nx, &r.n);
		}
		else if (strncmp(line, "params", 6) == 0)
			r.nparams = numbers(line + 6, r.params, 32);
		else if (line[0] == 'y')
			numbers(line + 1, y, MOST);
		else if (line[0] == 'x')
			numbers(line + 1, x + (size_t) nx++ * (r.n + 6), MOST);
		else if (strncmp(line, "likelihood", 10) == 0)
			numbers(line + 10, &r.likelihood, 1);
		else if (strncmp(line, "forecast", 8) == 0)
			r.ahead = numbers(line + 8, r.forecast, 6) == 6;
		else if (strncmp(line, "sd", 2) == 0)
			numbers(line + 2, r.sd, 6);
	}
	fclose(file);
	ok(cases == 7, "seven cases (%d)", cases);
}

/* ---- a naive Kalman filter, its start by doubling sums of powers */

static double
naive_likelihood(const ArimaPoly *poly, const double *v, int n, double *sigma2)
{
	int			r = poly->r;
	static double P[64][64], T[64][64], A[64][64], B[64][64];
	double		a[64] = {0};
	double		R[64] = {0};
	double		sse = 0;
	double		logs = 0;

	memset(T, 0, sizeof(T));
	for (int i = 0; i < r; i++)
	{
		T[i][0] = poly->phi[i];
		if (i + 1 < r)
			T[i][i + 1] = 1;
		R[i] = i == 0 ? 1 : poly->theta[i - 1];
	}
	/* P = sum T^k R R' T'^k: P <- P + A P A', A <- A A */
	for (int i = 0; i < r; i++)
		for (int j = 0; j < r; j++)
		{
			P[i][j] = R[i] * R[j];
			A[i][j] = T[i][j];
		}
	for (int k = 0; k < 14; k++)
	{
		static double C[64][64];

		for (int i = 0; i < r; i++)
			for (int j = 0; j < r; j++)
			{
				B[i][j] = 0;
				C[i][j] = 0;
				for (int l = 0; l < r; l++)
				{
					B[i][j] += A[i][l] * P[l][j];
					C[i][j] += A[i][l] * A[l][j];
				}
			}
		for (int i = 0; i < r; i++)
			for (int j = 0; j < r; j++)
				for (int l = 0; l < r; l++)
					P[i][j] += B[i][l] * A[j][l];
		memcpy(A, C, sizeof(A));
	}
	for (int t = 0; t < n; t++)
	{
		double		F = P[0][0];
		double		e = v[t] - a[0];
		double		g[64];

		sse += e * e / F;
		logs += log(F);
		for (int i = 0; i < r; i++)
			g[i] = P[i][0] / F;
		for (int i = 0; i < r; i++)
			a[i] += g[i] * e;
		for (int i = r - 1; i >= 0; i--)
			for (int j = 0; j < r; j++)
				A[i][j] = P[i][j] - g[i] * F * g[j];
		for (int i = 0; i < r; i++)
			for (int j = 0; j < r; j++)
			{
				B[i][j] = 0;
				for (int l = 0; l < r; l++)
					B[i][j] += T[i][l] * A[l][j];
			}
		for (int i = 0; i < r; i++)
			for (int j = 0; j < r; j++)
			{
				P[i][j] = R[i] * R[j];
				for (int l = 0; l < r; l++)
					P[i][j] += B[i][l] * T[j][l];
			}
		{
			double		first = a[0];

			for (int i = 0; i < r; i++)
				a[i] = poly->phi[i] * first + (i + 1 < r ? a[i + 1] : 0);
		}
	}
	*sigma2 = sse / n;
	return -0.5 * (n * (log(2 * M_PI * *sigma2) + 1) + logs);
}

static void
against_naive(void)
{
	EcmlRng		rng;

	ecml_rng_seed(&rng, 11);
	for (int round = 0; round < 40; round++)
	{
		ArimaOrder	order = {ecml_rng_below(&rng, 4), 0, ecml_rng_below(&rng, 4), ecml_rng_below(&rng, 3), 0, ecml_rng_below(&rng, 3), 4, false};
		int			n = 30 + (int) ecml_rng_below(&rng, 100);
		int			k = order.p + order.q + order.P + order.Q;
		double		u[ARIMA_MAX_COEFFICIENTS], coefficients[ARIMA_MAX_COEFFICIENTS];
		ArimaWork	w;
		Work		work = {NULL, 0, 0};
		ForecastInput in = {.n = n};
		ArimaData	data = {.w = &w,.n = n,.in = &in};
		double		sigma2;
		double		naive_sigma2;
		double		got;

		for (int i = 0; i < k; i++)
			u[i] = 0.8 * ecml_rng_normal(&rng);
		for (int t = 0; t < n; t++)
			y[t] = ecml_rng_normal(&rng);
		arima_layout(&w, &work, n, 4, 0);
		work = (Work) {aligned_alloc(64, work.used), 0, work.used};
		arima_layout(&w, &work, n, 4, 0);
		arima_prepare(&data, y, &order);
		arima_to_coefficients(&order, u, coefficients);
		arima_expand(&order, coefficients, &w.poly);
		got = arima_profile(&data, &sigma2);
		close_to(got, naive_likelihood(&w.poly, y, n, &naive_sigma2), 1e-8, "(%d,0,%d)(%d,0,%d)[4]: naive likelihood", order.p, order.q, order.P, order.Q);
		close_to(sigma2, naive_sigma2, 1e-7, "and variance");
		free(work.base);
	}
}

/* ---- conditional least squares */

/* Squares of innovations, everything before the first value 0: the definition. */
static double
naive_squares(const ArimaPoly *poly, const double *v, int n)
{
	static double e[MOST];
	double		sum = 0;

	for (int t = 0; t < n; t++)
	{
		e[t] = v[t];
		for (int i = 0; i < poly->p && i < t; i++)
			e[t] -= poly->phi[i] * v[t - 1 - i];
		for (int i = 0; i < poly->q && i < t; i++)
			e[t] -= poly->theta[i] * e[t - 1 - i];
		sum += e[t] * e[t];
	}
	return sum;
}

static void
least_squares(void)
{
	static const ArimaOrder orders[] = {
		{1, 0, 0, 0, 0, 0, 1, false}, {0, 0, 1, 0, 0, 0, 1, false}, {2, 0, 1, 0, 0, 0, 1, false}, {1, 0, 1, 1, 0, 0, 4, false},
		{0, 0, 1, 0, 0, 1, 4, false}, {2, 0, 2, 1, 0, 1, 4, false}, {3, 0, 0, 2, 0, 2, 4, false}
	};
	static const double truth[][8] = {{0.8}, {0.6}, {0.9, -0.4, 0.3}, {0.5, 0.4, 0.6}, {-0.5, -0.6}, {0.6, -0.3, 0.4, 0.2, 0.5, -0.4},
	{0.4, 0.1, -0.3, 0.3, 0.2, 0.4, 0.2}};
	EcmlRng		rng;

	ecml_rng_seed(&rng, 21);
	for (int k = 0; k < 7; k++)
	{
		const ArimaOrder *order = &orders[k];
		int			n = 400;
		int			count = order->p + order->q + order->P + order->Q;
		ArimaWork	w;
		Work		work = {NULL, 0, 0};
		ForecastInput in = {.n = n};
		ArimaData	data = {.w = &w,.n = n,.in = &in};
		ArimaFit	quick;
		ArimaFit	exact;
		double		coefficients[ARIMA_MAX_COEFFICIENTS];
		double		least;
		bool		lower = false;

		arima_layout(&w, &work, n, order->s, 0);
		work = (Work) {aligned_alloc(64, work.used), 0, work.used};
		arima_layout(&w, &work, n, order->s, 0);
		arima_expand(order, truth[k], &w.poly);
		for (int t = 0; t < n; t++)
		{
			static double e[MOST];

			y[t] = e[t] = ecml_rng_normal(&rng);
			for (int i = 0; i < w.poly.p && i < t; i++)
				y[t] += w.poly.phi[i] * y[t - 1 - i];
			for (int i = 0; i < w.poly.q && i < t; i++)
				y[t] += w.poly.theta[i] * e[t - 1 - i];
		}
		arima_prepare(&data, y, order);
		ok(arima_approximate(&data, &quick, NULL), "least squares of case %d", k);
		arima_expand(order, quick.coefficients, &w.poly);
		least = naive_squares(&w.poly, y, n);
		/* no step aside from there is better, by the definition */
		for (int i = 0; i < 2 * count; i++)
		{
			double		u[ARIMA_MAX_COEFFICIENTS];

			memcpy(u, quick.u, sizeof(u));
			u[i / 2] += i % 2 ? 0.03 : -0.03;
			arima_to_coefficients(order, u, coefficients);
			arima_expand(order, coefficients, &w.poly);
			lower |= naive_squares(&w.poly, y, n) < least * (1 - 1e-6);
		}
		ok(!lower, "it is a minimum");
		ok(arima_estimate(&data, &exact, quick.u), "exactly");
		ok(exact.log_likelihood > quick.log_likelihood - 1e-6 && exact.log_likelihood < quick.log_likelihood + 3,
		   "its likelihood %.3f is near the greatest, %.3f", quick.log_likelihood, exact.log_likelihood);
		free(work.base);
	}
	/* the constant, too */
	{
		Bench		b;
		double		kept;

		for (int t = 0; t < 300; t++)
			y[t] = 50 + (t > 0 ? 0.6 * (y[t - 1] - 50) : 0) + ecml_rng_normal(&rng);
		for (int way = ARIMA_EXACT; way <= ARIMA_ALL; way++)
		{
			begin(&b, 300, 30, 1, 0);
			b.options.approximate = way;
			ok(fit(&b, &forecast_method_arima) == FORECAST_OK && forecast(&b, &forecast_method_arima) == FORECAST_OK, "way %d: %s", way,
			   b.fit.label);
			if (way == ARIMA_EXACT)
				kept = b.mean[29];
			ok(fabs(b.mean[29] - kept) < 0.3, "the same end: %.3f, %.3f", b.mean[29], kept);
			free(b.arena.base);
		}
	}
}

/* ---- orders, the whole method */

static void
found(void)
{
	Bench		b;
	EcmlRng		rng;
	static double again[MOST];
	uint64_t	seed = 3;
	double		kept[200];
	double		free_of_gaps;

	ecml_rng_seed(&rng, 2);
	for (int t = 0; t < 200; t++)
		y[t] = 100 + (t > 0 ? 0.8 * (y[t - 1] - 100) : 0) + ecml_rng_normal(&rng);
	begin(&b, 200, 12, 1, 0);
	ok(fit(&b, &forecast_method_arima) == FORECAST_OK, "a stationary series: %s", b.fit.label);
	ok(forecast(&b, &forecast_method_arima) == FORECAST_OK, "forecast");
	ok(fabs(b.mean[11] - 100) < 3 && b.lower[0] < b.mean[0] && b.mean[0] < b.upper[0], "the forecast stays near the mean");
	free_of_gaps = b.fit.log_likelihood;
	memcpy(again, b.mean, sizeof(again));
	memcpy(kept, params, sizeof(kept));
	ok(forecast(&b, &forecast_method_arima) == FORECAST_OK && memcmp(again, b.mean, 12 * sizeof(double)) == 0, "the same bits again");
	for (int i = 0; i < 3000; i++)
	{
		static const double values[] = {0, -1, 1e308, NAN, INFINITY, 3.5, 1, 2, 5, 12, 60, -3};

		memcpy(params, kept, sizeof(kept));
		params[ecml_splitmix64(&seed) % b.fit.nparams] = values[ecml_splitmix64(&seed) % 12];
		b.arena.used = 0;
		forecast_method_arima.forecast(&b.in, &b.fit, &b.arena, &b.result);
	}
	ok(true, "3,000 damaged parameters end");
	free(b.arena.base);

	y[20] = y[21] = y[22] = y[150] = NAN;
	begin(&b, 200, 12, 1, 0);
	ok(fit(&b, &forecast_method_arima) == FORECAST_OK && forecast(&b, &forecast_method_arima) == FORECAST_OK, "with gaps: %s", b.fit.label);
	ok(b.fit.log_likelihood > free_of_gaps, "fewer values, less to explain");
	free(b.arena.base);

	/* a seasonal random walk with drift: both differences or one of them */
	for (int t = 0; t < 144; t++)
		y[t] = 50 + 0.5 * t + 10 * sin(2 * M_PI * t / 12) + ecml_rng_normal(&rng);
	begin(&b, 144, 24, 12, 0);
	ok(fit(&b, &forecast_method_arima) == FORECAST_OK && strstr(b.fit.label, "[12]"), "a season: %s", b.fit.label);
	ok(forecast(&b, &forecast_method_arima) == FORECAST_OK, "forecast");
	ok(fabs(b.mean[23] - (50 + 0.5 * 167 + 10 * sin(2 * M_PI * 167 / 12))) < 3, "two years on it is where it should be");
	free(b.arena.base);

	/* fixed orders; Box-Cox */
	for (int t = 0; t < 144; t++)
		y[t] = exp(3 + 0.01 * t + 0.3 * sin(2 * M_PI * t / 12) + 0.05 * ecml_rng_normal(&rng));
	begin(&b, 144, 12, 12, 0);
	b.options.fixed = true;
	b.options.order = (ArimaOrder) {0, 1, 1, 0, 1, 1, 0, false};
	b.options.box_cox = true;
	b.options.lambda = NAN;
	ok(fit(&b, &forecast_method_arima) == FORECAST_OK && strcmp(b.fit.label, "ARIMA(0,1,1)(0,1,1)[12]") == 0, "orders as given: %s", b.fit.label);
	ok(fabs(params[9]) < 0.3, "the transform is near the logarithm (%.3f)", params[9]);
	ok(forecast(&b, &forecast_method_arima) == FORECAST_OK && b.upper[5] - b.mean[5] > b.mean[5] - b.lower[5], "its intervals lean upwards");
	free(b.arena.base);

	/* a regressor is found */
	for (int t = 0; t < 130; t++)
	{
		x[t] = ecml_rng_normal(&rng);
		if (t < 120)
			y[t] = 10 + 3 * x[t] + ecml_rng_normal(&rng);
	}
	begin(&b, 120, 10, 1, 1);
	ok(fit(&b, &forecast_method_arima) == FORECAST_OK, "with a regressor: %s", b.fit.label);
	ok(fabs(params[b.fit.nparams - 1] - 3) < 0.4, "its coefficient is near 3 (%.3f)", params[b.fit.nparams - 1]);
	ok(forecast(&b, &forecast_method_arima) == FORECAST_OK && fabs(b.mean[4] - 10 - 3 * x[124]) < 1.5, "and moves the forecast");
	x[124] = NAN;
	ok(forecast(&b, &forecast_method_arima) == FORECAST_NOT_SUITED && b.result.note, "a missing one in the future is told");
	free(b.arena.base);
}

static void
edges(void)
{
	Bench		b;

	for (int n = 1; n <= 30; n++)
		for (int kind = 0; kind < 4; kind++)
		{
			ForecastStatus status;

			for (int t = 0; t < n; t++)
				y[t] = kind == 0 ? 5 : kind == 1 ? t : kind == 2 ? (t % 3) : (t * 37 % 11) * 1e12;
			begin(&b, n, 5, 4, 0);
			b.arena.size = forecast_method_arima.memory(&b.shape);
			b.arena.base = aligned_alloc(64, (b.arena.size + 63) / 64 * 64);
			status = forecast_method_arima.fit(&b.in, &b.arena, &b.fit);
			if (status == FORECAST_OK)
				status = forecast(&b, &forecast_method_arima);
			if (status != FORECAST_OK && status != FORECAST_TOO_SHORT && status != FORECAST_NOT_SUITED)
				ok(false, "%d values of kind %d: status %d", n, kind, status);
			if (status == FORECAST_OK && (!isfinite(b.mean[4]) || !(b.lower[4] <= b.upper[4])))
				ok(false, "%d values of kind %d: finite", n, kind);
			free(b.arena.base);
		}
	ok(true, "1 to 30 values of four kinds");
	for (int t = 0; t < 30; t++)
		y[t] = 5;
	begin(&b, 30, 5, 1, 0);
	ok(fit(&b, &forecast_method_arima) == FORECAST_OK && forecast(&b, &forecast_method_arima) == FORECAST_OK && fabs(b.mean[4] - 5) < 1e-9, "a constant goes on: %s", b.fit.label);
	y[3] = INFINITY;
	ok(forecast_method_arima.fit(&b.in, &b.arena, &b.fit) == FORECAST_NOT_FINITE, "infinity is refused");
	free(b.arena.base);
}

static void
mstl(void)
{
	Bench		b;
	EcmlRng		rng;
	double		error = 0;

	ecml_rng_seed(&rng, 8);
	for (int t = 0; t < 700; t++)
		y[t] = 100 + 10 * sin(2 * M_PI * t / 24) + 5 * sin(2 * M_PI * t / 168) + ecml_rng_normal(&rng);
	begin(&b, 700, 48, 24, 0);
	b.in.nperiods = b.shape.nperiods = 2;
	b.in.periods[1] = b.shape.period = 168;
	b.in.season[1] = 168;
	ok(fit(&b, &forecast_method_mstl) == FORECAST_OK, "two seasons: %s", b.fit.label);
	ok(forecast(&b, &forecast_method_mstl) == FORECAST_OK, "forecast");
	for (int h = 0; h < 48; h++)
		error += fabs(b.mean[h] - (100 + 10 * sin(2 * M_PI * (700 + h) / 24) + 5 * sin(2 * M_PI * (700 + h) / 168))) / 48;
	ok(error < 1.2, "both go on (mean error %.2f)", error);
	for (int i = 0; i < b.fit.nparams; i++)
	{
		double		kept = params[i];

		params[i] = NAN;
		if (forecast(&b, &forecast_method_mstl) != FORECAST_DAMAGED)
			ok(false, "NaN in parameter %d is seen", i);
		params[i] = kept;
	}
	free(b.arena.base);
	for (int n = 1; n < 30; n++)
	{
		begin(&b, n, 7, 12, 0);
		b.arena.size = forecast_method_mstl.memory(&b.shape);
		b.arena.base = aligned_alloc(64, (b.arena.size + 63) / 64 * 64);
		if (forecast_method_mstl.fit(&b.in, &b.arena, &b.fit) == FORECAST_OK)
			forecast(&b, &forecast_method_mstl);
		free(b.arena.base);
	}
	ok(true, "1 to 29 values");
}

int
main(void)
{
	against_statsmodels();
	against_naive();
	least_squares();
	found();
	edges();
	mstl();
	return done();
}
