/*
 * clv.c - customer value: maximum likelihood of BG/NBD, Pareto/NBD and gamma-gamma; what follows for a customer
 *
 * Customers with the same frequency, recency and age count once, with their number (purchases fall on whole days, so there are
 * few distinct ones).  All parameters are positive: the search is over their logarithms, from 1 on, with time in tenths of the
 * greatest age and money in units of its mean.
 *
 * Fader, Hardie, Lee: RFM and CLV: using iso-value curves for customer base analysis (2005), for gamma-gamma; lifetimes'
 * definitions of frequency, recency, age and value.
 *
 * Cost: 30 to 80 evaluations; BG/NBD 50 ns, Pareto/NBD 2 us for a distinct customer, on ctx's threads.  56 bytes a customer.
 */
#include "clv.h"

#include <math.h>
#include <string.h>

#include "num/bfgs.h"
#include "num/sort.h"
#include "num/special.h"

#define CHUNK 2048
#define TOLERANCE 1e-10
#define MAX_ITER 500
#define FAR 20.0				/* of a logarithm: no further */
#define RUNAWAY 8.0				/* of a logarithm: hardly determined */
#define MAX_FREQUENCY 1000000	/* a purchase a day for 2,700 years */

typedef struct Distinct
{
	ClvCustomer customer;
	double		weight;
} Distinct;

typedef struct Fit
{
	EcmlCtx    *ctx;
	ClvKind		kind;
	double		penalizer;
	size_t		n;
	Distinct   *rows;			/* [n] */
	double		total;			/* customers */
	double		parameters[4];
	ClvTables	tables;
	double	   *sums;			/* [chunks][5] value and gradient */
} Fit;

/* Order by one field: a stable pass of a sort by several. */
static void
order_by(EcmlCtx *ctx, const ClvCustomer *customers, double *order, size_t n, size_t offset)
{
	for (size_t i = 0; i < n; i++)
		order[2 * i] = *(const double *) ((const char *) &customers[(size_t) order[2 * i + 1]] + offset);
	ecml_sort_f8_pairs(ctx, order, n);
}

static void
make_distinct(Fit *fit, const ClvCustomer *customers, size_t n, double unit)
{
	double	   *order = ECML_NEW(fit->ctx, double, 2 * n);

	for (size_t i = 0; i < n; i++)
		order[2 * i + 1] = i;
	order_by(fit->ctx, customers, order, n, offsetof(ClvCustomer, age));
	order_by(fit->ctx, customers, order, n, offsetof(ClvCustomer, recency));
	order_by(fit->ctx, customers, order, n, offsetof(ClvCustomer, frequency));
	fit->rows = ECML_NEW(fit->ctx, Distinct, n);
	for (size_t i = 0; i < n; i++)
	{
		const ClvCustomer *c = &customers[(size_t) order[2 * i + 1]];
		Distinct   *last = &fit->rows[fit->n - (fit->n > 0)];

		if (fit->n > 0 && last->customer.frequency == c->frequency && last->customer.recency == c->recency / unit &&
			last->customer.age == c->age / unit)
			last->weight++;
		else
			fit->rows[fit->n++] = (Distinct) {{c->frequency, c->recency / unit, c->age / unit}, 1};
	}
	fit->total = n;
	ecml_free(fit->ctx, order);
}

static void
fill_tables(Fit *fit)
{
	ClvTables  *t = &fit->tables;
	double		r = fit->parameters[0];
	double		a = fit->parameters[2];
	double		b = fit->parameters[3];

	for (size_t k = 0; k < t->most; k++)
	{
		t->r_log[k + 1] = t->r_log[k] + log(r + k);
		t->r_slope[k + 1] = t->r_slope[k] + 1 / (r + k);
		if (fit->kind != CLV_BG_NBD)
			continue;
		t->b_log[k + 1] = t->b_log[k] + log((b + k) / (a + b + k));
		t->b_slope[k + 1] = t->b_slope[k] + 1 / (b + k);
		t->ab_slope[k + 1] = t->ab_slope[k] + 1 / (a + b + k);
	}
}

static void
sum_chunk(void *arg, size_t chunk, int worker)
{
	Fit		   *fit = arg;
	double	   *sums = fit->sums + chunk * 5;
	size_t		end = (chunk + 1) * CHUNK < fit->n ? (chunk + 1) * CHUNK : fit->n;

	memset(sums, 0, 5 * sizeof(double));
	for (size_t i = chunk * CHUNK; i < end; i++)
	{
		const Distinct *row = &fit->rows[i];
		double		gradient[4];

		sums[0] += row->weight * (fit->kind == CLV_BG_NBD ? clv_bgnbd_row : clv_pareto_row)
			(fit->parameters, &fit->tables, &row->customer, gradient);
		for (int j = 0; j < 4; j++)
			sums[1 + j] += row->weight * gradient[j];
	}
}

/* The mean negative log-likelihood, penalised, by the logarithms of the parameters. */
static double
objective(void *arg, const double *x, double *gradient)
{
	Fit		   *fit = arg;
	size_t		chunks = (fit->n + CHUNK - 1) / CHUNK;
	double		value = 0;

	memset(gradient, 0, 4 * sizeof(double));
	for (int j = 0; j < 4; j++)
	{
		if (fabs(x[j]) > FAR)
			return INFINITY;
		fit->parameters[j] = exp(x[j]);
	}
	fill_tables(fit);
	ecml_parallel_for(fit->ctx, chunks, sum_chunk, fit);
	for (size_t c = 0; c < chunks; c++)
	{
		value += fit->sums[c * 5];
		for (int j = 0; j < 4; j++)
			gradient[j] += fit->sums[c * 5 + 1 + j];
	}
	value /= -fit->total;
	for (int j = 0; j < 4; j++)
	{
		double		p = fit->parameters[j];

		gradient[j] = gradient[j] * p / -fit->total + 2 * fit->penalizer * p * p;
		value += fit->penalizer * p * p;
	}
	return value;
}

ClvModel
clv_fit(EcmlCtx *ctx, const ClvCustomer *customers, size_t n, ClvKind kind, double penalizer)
{
	static const double starts[][4] = {{0, 0, 0, 0}, {-1, 1, -1, 1}, {-1, -1, 0, 2}};
	Fit			fit = {.ctx = ctx,.kind = kind,.penalizer = penalizer};
	ClvModel	model = {.kind = kind};
	double		best = INFINITY;
	double		longest = 0;
	double		most = 0;
	double		unit;

	for (size_t i = 0; i < n; i++)
	{
		longest = fmax(longest, customers[i].age);
		most = fmax(most, customers[i].frequency);
	}
	if (most > MAX_FREQUENCY)
	{
		ecml_detail(ctx, "A customer has %.0f further purchases; the limit is %d.", most, MAX_FREQUENCY);
		ecml_hint(ctx, "Look for a customer that stands for many.");
		ecml_fail(ctx, ECML_LIMIT_EXCEEDED, "a customer has too many purchases");
	}
	if (most == 0 || longest == 0)
	{
		ecml_detail(ctx, "None of the %zu customers has purchases on two days.", n);
		ecml_hint(ctx, "Give a longer time, or look whether the customer column tells customers from orders.");
		ecml_fail(ctx, ECML_DATA_EXCEPTION, "no customer came back, so there is nothing to learn from");
	}
	unit = longest / 10;
	make_distinct(&fit, customers, n, unit);
	fit.tables.most = most;
	fit.tables.r_log = ECML_NEW0(ctx, double, fit.tables.most + 1);
	fit.tables.r_slope = ECML_NEW0(ctx, double, fit.tables.most + 1);
	fit.tables.b_log = ECML_NEW0(ctx, double, fit.tables.most + 1);
	fit.tables.b_slope = ECML_NEW0(ctx, double, fit.tables.most + 1);
	fit.tables.ab_slope = ECML_NEW0(ctx, double, fit.tables.most + 1);
	ecml_gauss_legendre(CLV_NODES, fit.tables.quadrature.nodes, fit.tables.quadrature.weights);
	fit.sums = ECML_NEW(ctx, double, (fit.n / CHUNK + 1) * 5);
	for (int s = 0; s < 3 && !model.converged; s++)
	{
		double		x[4];
		EcmlBfgsResult result;

		memcpy(x, starts[s], sizeof(x));
		result = ecml_bfgs(ctx, 4, x, objective, &fit, TOLERANCE, MAX_ITER);
		model.iterations += result.iterations;
		if (!(result.value < best))
			continue;
		best = result.value;
		model.converged = result.converged;
		model.determined = true;
		for (int j = 0; j < 4; j++)
			if (fabs(x[j]) > RUNAWAY)
				model.determined = false;
		model.r = exp(x[0]);
		model.alpha = exp(x[1]) * unit;
		model.third = exp(x[2]);
		model.fourth = kind == CLV_PARETO_NBD ? exp(x[3]) * unit : exp(x[3]);
		/* of time in the caller's units: a density a purchase; the penalty is no part of it */
		model.log_likelihood = 0;
		for (int j = 0; j < 4; j++)
			model.log_likelihood += penalizer * exp(2 * x[j]);
		model.log_likelihood = fit.total * (model.log_likelihood - result.value);
	}
	for (size_t i = 0; i < n; i++)
		model.log_likelihood -= customers[i].frequency * log(unit);
	model.quadrature = fit.tables.quadrature;
	return model;
}

double
clv_alive(const ClvModel *model, const ClvCustomer *customer)
{
	return (model->kind == CLV_BG_NBD ? clv_bgnbd_alive : clv_pareto_alive) (model, customer);
}

double
clv_expected(const ClvModel *model, const ClvCustomer *customer, double horizon)
{
	return clv_alive(model, customer) *
		(model->kind == CLV_BG_NBD ? clv_bgnbd_expected : clv_pareto_expected) (model, customer, horizon);
}

double
clv_discounted(const ClvModel *model, const ClvCustomer *customer, double horizon, double rate)
{
	double		(*expected) (const ClvModel *, const ClvCustomer *, double) =
		model->kind == CLV_BG_NBD ? clv_bgnbd_expected : clv_pareto_expected;
	double		before = 0;
	double		sum = 0;

	if (rate == 0)
		return clv_expected(model, customer, horizon);
	for (int i = 1; i - 1 < horizon; i++)
	{
		double		until = fmin(i, horizon);
		double		now = expected(model, customer, until);

		sum += (now - before) * exp(-until * log1p(rate));
		before = now;
	}
	return sum * clv_alive(model, customer);
}

/* ---- gamma-gamma */

typedef struct ValueFit
{
	EcmlCtx    *ctx;
	double		penalizer;
	size_t		n;
	const double *rows;			/* [n][2] frequency ascending, value in units of the mean */
	const double *logs;			/* [n] of the values */
} ValueFit;

/*
 * The mean of ln Gamma(px + q) - ln Gamma(px) - ln Gamma(q) + q ln g + (px - 1) ln m + px ln x - (px + q) ln(xm + g), by
 * the logarithms of p, q and g; the gamma functions once for each frequency.
 */
static double
value_objective(void *arg, const double *parameters, double *gradient)
{
	ValueFit   *fit = arg;
	double		p = exp(parameters[0]);
	double		q = exp(parameters[1]);
	double		g = exp(parameters[2]);
	double		sums[4] = {0};	/* value, by p, q, g */
	double		n = fit->n;
	double		of_q = ecml_log_gamma(q);
	double		slope_q = ecml_digamma(q);
	double		frequency = -1;
	double		log_x = 0;
	double		constant = 0;
	double		slope_px = 0;
	double		slope_sum = 0;

	for (int j = 0; j < 3; j++)
		if (fabs(parameters[j]) > FAR)
			return INFINITY;
	for (size_t i = 0; i < fit->n; i++)
	{
		double		x = fit->rows[2 * i];
		double		m = fit->rows[2 * i + 1];
		double		log_m = fit->logs[i];
		double		log_sum = log(x * m + g);

		if (x != frequency)
		{
			frequency = x;
			log_x = log(x);
			constant = ecml_log_gamma(p * x + q) - ecml_log_gamma(p * x) - of_q + q * parameters[2] + p * x * log_x;
			slope_sum = ecml_digamma(p * x + q);
			slope_px = ecml_digamma(p * x);
		}
		sums[0] += constant + (p * x - 1) * log_m - (p * x + q) * log_sum;
		sums[1] += x * (slope_sum - slope_px + log_m + log_x - log_sum);
		sums[2] += slope_sum - slope_q + parameters[2] - log_sum;
		sums[3] += q / g - (p * x + q) / (x * m + g);
		if (i % CHUNK == 0)
			ecml_poll(fit->ctx, 0, 0);
	}
	gradient[0] = -sums[1] / n * p + 2 * fit->penalizer * p * p;
	gradient[1] = -sums[2] / n * q + 2 * fit->penalizer * q * q;
	gradient[2] = -sums[3] / n * g + 2 * fit->penalizer * g * g;
	return -sums[0] / n + fit->penalizer * (p * p + q * q + g * g);
}

ClvValue
clv_fit_value(EcmlCtx *ctx, const ClvCustomer *customers, size_t n, double penalizer)
{
	ValueFit	fit = {.ctx = ctx,.penalizer = penalizer};
	ClvValue	value = {.p = NAN,.q = NAN,.gamma = NAN,.log_likelihood = NAN,.correlation = NAN};
	double	   *rows = ECML_NEW(ctx, double, 2 * n + 2);
	double	   *logs = ECML_NEW(ctx, double, n + 1);
	double		x[3] = {0, 0.7, 0};
	double		mean = 0;
	double		mean_x = 0;
	double		sxx = 0;
	double		smm = 0;
	double		sxm = 0;
	EcmlBfgsResult result;

	for (size_t i = 0; i < n; i++)
	{
		const ClvCustomer *c = &customers[i];
		double		dx;
		double		dm;

		if (!(c->frequency > 0 && c->value > 0))
			continue;
		rows[2 * fit.n] = c->frequency;
		rows[2 * fit.n++ + 1] = c->value;
		dx = c->frequency - mean_x;
		dm = c->value - mean;
		mean_x += dx / fit.n;
		mean += dm / fit.n;
		sxx += dx * (c->frequency - mean_x);
		smm += dm * (c->value - mean);
		sxm += dx * (c->value - mean);
	}
	value.customers = fit.n;
	if (fit.n < 2)
		return value;
	if (sxx > 0 && smm > 0)
		value.correlation = sxm / sqrt(sxx * smm);
	ecml_sort_f8_pairs(ctx, rows, fit.n);
	for (size_t i = 0; i < fit.n; i++)
	{
		rows[2 * i + 1] /= mean;
		logs[i] = log(rows[2 * i + 1]);
	}
	fit.rows = rows;
	fit.logs = logs;
	result = ecml_bfgs(ctx, 3, x, value_objective, &fit, TOLERANCE, MAX_ITER);
	value.iterations = result.iterations;
	value.converged = result.converged;
	value.determined = true;
	for (int j = 0; j < 3; j++)
		if (fabs(x[j]) > RUNAWAY)
			value.determined = false;
	value.p = exp(x[0]);
	value.q = exp(x[1]);
	value.gamma = exp(x[2]) * mean;
	value.log_likelihood = fit.n * (penalizer * (exp(2 * x[0]) + exp(2 * x[1]) + exp(2 * x[2])) - result.value - log(mean));
	return value;
}

/* p (gamma + x m) / (p x + q - 1): between the customer's own mean and that of all, by what is known of the customer */
double
clv_expected_value(const ClvValue *value, const ClvCustomer *customer)
{
	double		x = customer->value > 0 ? customer->frequency : 0;
	double		weight = value->p * x + value->q - 1;

	if (!(weight > 0))
		return NAN;
	return value->p * (value->gamma + (x > 0 ? x * customer->value : 0)) / weight;
}
