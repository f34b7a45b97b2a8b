/*
 * clv_bgnbd.c - BG/NBD: a customer buys at a constant rate and may leave after each purchase
 *
 * Fader, Hardie, Lee: "Counting your customers" the easy way (2005).  The sums of logarithms by frequency come from tables,
 * so a row costs two logarithms and an exponential.
 */
#include "clv.h"

#include <math.h>

#define MAX_TERMS 1000000
#define LARGE_A 30.0			/* from there on the series' terms grow out of hand */
#define POINTS 256
#define TAIL 40.0

double
clv_bgnbd_row(const double *parameters, const ClvTables *tables, const ClvCustomer *row, double *gradient)
{
	double		r = parameters[0];
	double		alpha = parameters[1];
	double		a = parameters[2];
	double		b = parameters[3];
	double		x = row->frequency;
	size_t		k = x;
	double		end = alpha + row->age;
	double		last = alpha + row->recency;
	double		log_alpha = log(alpha);
	double		log_end = log(end);
	double		log_last = log(last);
	double		stay = -(r + x) * log_end;
	double		leave = k > 0 ? log(a / (b + x - 1)) - (r + x) * log_last : -INFINITY;
	double		most = fmax(stay, leave);
	double		p = exp(stay - most);
	double		q = k > 0 ? exp(leave - most) : 0;
	double		sum = p + q;

	p /= sum;
	q /= sum;
	gradient[0] = tables->r_slope[k] + log_alpha - p * log_end - q * log_last;
	gradient[1] = r / alpha - (r + x) * (p / end + q / last);
	gradient[2] = -tables->ab_slope[k] + q / a;
	gradient[3] = tables->b_slope[k] - tables->ab_slope[k] - (k > 0 ? q / (b + x - 1) : 0);
	return tables->r_log[k] + r * log_alpha + tables->b_log[k] + most + log(sum);
}

/* ln of the odds that the customer left at the last purchase */
static double
log_odds_gone(const ClvModel *model, const ClvCustomer *c)
{
	if (c->frequency == 0)
		return -INFINITY;		/* nobody leaves before a second purchase: the model's own view */
	return log(model->third / (model->fourth + c->frequency - 1)) +
		(model->r + c->frequency) * log((model->alpha + c->age) / (model->alpha + c->recency));
}

double
clv_bgnbd_alive(const ClvModel *model, const ClvCustomer *customer)
{
	return 1 / (1 + exp(log_odds_gone(model, customer)));
}

/* ln of the density of w = ln(p / (1 - p)), p ~ beta(a, b), less a constant */
static double
log_density(double a, double b, double w)
{
	return w > 0 ? -b * w - (a + b) * log1p(exp(-w)) : a * w - (a + b) * log1p(exp(w));
}

/*
 * The mean over the chance p to leave of [1 - (1 + p t / (alpha + T))^-(r + x)] / p: by the trapezium rule in ln(p / (1 - p)),
 * which is as exact as the series for a large a, where the density has no long tail to the left.
 */
static double
expected_by_quadrature(const ClvModel *model, double rate, double b, double time)
{
	double		a = model->third;
	double		mode = log(a / b);
	double		peak = log_density(a, b, mode);
	double		width = sqrt(1 / a + 1 / b);
	double		low = mode;
	double		high = mode;
	double		sum = 0;
	double		total = 0;

	while (log_density(a, b, low) > peak - TAIL)
		low -= width;
	while (log_density(a, b, high) > peak - TAIL)
		high += width;
	for (int i = 0; i < POINTS; i++)
	{
		double		w = low + (high - low) * i / (POINTS - 1);
		double		weight = exp(log_density(a, b, w) - peak);
		double		p = 1 / (1 + exp(-w));

		total += weight;
		sum += weight * -expm1(-rate * log1p(p * time)) / p;
	}
	return sum / total;
}

/*
 * The paper's (10) less P(alive): C / (a - 1) [1 - (1 - z)^A F(A, B; C; z)] with A = r + x, B = b + x, C = a + b + x - 1 and
 * z = t / (alpha + T + t).  By Euler's transformation (1 - z)^A F(A, B; C; z) = (1 - z)^(a - 1) F(C - A, a - 1; C; z), whose
 * series is 1 + (a - 1) S; with that the factor a - 1 goes out, also where a = 1:
 *     - C [(e^((a - 1) ln(1 - z)) - 1) / (a - 1) + (1 - z)^(a - 1) S]
 */
double
clv_bgnbd_expected(const ClvModel *model, const ClvCustomer *customer, double horizon)
{
	double		x = customer->frequency;
	double		a = model->third;
	double		rate = model->r + x;
	double		c = a + model->fourth + x - 1;
	double		end = model->alpha + customer->age;
	double		z = horizon / (end + horizon);
	double		log_rest = log(end / (end + horizon));	/* ln(1 - z) */
	double		term;
	double		sum = 0;
	double		power;

	if (!(horizon > 0))
		return 0;
	if (a > LARGE_A)
		return expected_by_quadrature(model, rate, model->fourth + x, horizon / end);
	/* C S, because C itself may be 0 or less (a + b - 1 without a further purchase): C (C - A)_n (a)_(n - 1) / ((C)_n n!) z^n */
	term = (c - rate) * z;
	for (int n = 1; n < MAX_TERMS; n++)
	{
		sum += term;
		if (fabs(term) * z <= 1e-16 * (1 - z) * fabs(sum) || term == 0)
			break;
		term *= (c - rate + n) * (a + n - 1) / ((c + n) * (n + 1)) * z;
	}
	power = (a - 1) * log_rest;
	return fmax(0, -(c * (fabs(a - 1) > 1e-12 ? expm1(power) / (a - 1) : log_rest) + exp(power) * sum));
}
