/*
 * clv_pareto.c - Pareto/NBD: a customer buys at a constant rate and leaves at a moment that has a rate of its own
 *
 * Schmittlein, Morrison, Colombo: Counting your customers: who are they and what will they do next? (1987).  The usual
 * formulas are differences of two hypergeometric functions, which lose all digits for recent customers.  Here the likelihood
 * is what the model says, with the moment of leaving integrated out:
 *
 *     Gamma(r + x) / Gamma(r) alpha^r beta^s [(alpha + T)^-(r + x) (beta + T)^-s
 *                                             + s int_tx^T (alpha + u)^-(r + x) (beta + u)^-(s + 1) du]
 *
 * by Gauss-Legendre quadrature over ln(min(alpha, beta) + u), in which the integrand is smooth and falls ever faster, so that
 * its tail is cut off where it is below e^-45.  All terms are positive.
 */
#include "clv.h"

#include <math.h>

#define TAIL 45.0

/* The integrand's logarithm at the age u, less that at the start, with du = (least + u) d ln(least + u). */
static inline double
exponent(const double *parameters, double x, double u, double least)
{
	return -(parameters[0] + x) * log(parameters[1] + u) - (parameters[2] + 1) * log(parameters[3] + u) + log(least + u);
}

/* What both parts of the likelihood weigh, p and gone, and their weighted derivatives; times e^most. */
typedef struct Parts
{
	double		most;
	double		stay;
	double		gone;
	double		slopes[4];		/* by r, alpha, s, beta, with the sign turned; s without the factor before the integral */
} Parts;

static Parts
integrate(const double *parameters, const ClvQuadrature *quadrature, const ClvCustomer *row)
{
	double		rate = parameters[0] + row->frequency;
	double		alpha = parameters[1];
	double		s = parameters[2];
	double		beta = parameters[3];
	double		least = fmin(alpha, beta);
	double		start = least + row->recency;
	double		range = log((least + row->age) / start);
	double		log_end = log(alpha + row->age);
	double		beta_end = log(beta + row->age);
	double		stay = -rate * log_end - s * beta_end;
	double		first = exponent(parameters, row->frequency, row->recency, least);
	Parts		parts = {.most = fmax(stay, first)};

	parts.stay = exp(stay - parts.most);
	parts.slopes[0] = parts.stay * log_end;
	parts.slopes[1] = parts.stay * rate / (alpha + row->age);
	parts.slopes[2] = parts.stay * beta_end;
	parts.slopes[3] = parts.stay * s / (beta + row->age);
	for (int halving = 0; halving < 60; halving++)
	{
		if (exponent(parameters, row->frequency, start * exp(0.5 * range) - least, least) > first - TAIL)
			break;
		range *= 0.5;
	}
	for (int i = 0; i < CLV_NODES && range > 0; i++)
	{
		double		u = fmax(start * exp(range * quadrature->nodes[i]) - least, row->recency);
		double		log_u = log(alpha + u);
		double		beta_u = log(beta + u);
		double		q = s * range * quadrature->weights[i] *
			exp(-rate * log_u - (s + 1) * beta_u + log(least + u) - parts.most);

		parts.gone += q;
		parts.slopes[0] += q * log_u;
		parts.slopes[1] += q * rate / (alpha + u);
		parts.slopes[2] += q * beta_u;
		parts.slopes[3] += q * (s + 1) / (beta + u);
	}
	return parts;
}

double
clv_pareto_row(const double *parameters, const ClvTables *tables, const ClvCustomer *row, double *gradient)
{
	Parts		parts = integrate(parameters, &tables->quadrature, row);
	double		sum = parts.stay + parts.gone;
	double		r = parameters[0];
	double		alpha = parameters[1];
	double		s = parameters[2];
	double		beta = parameters[3];
	size_t		k = row->frequency;

	gradient[0] = tables->r_slope[k] + log(alpha) - parts.slopes[0] / sum;
	gradient[1] = r / alpha - parts.slopes[1] / sum;
	gradient[2] = log(beta) - parts.slopes[2] / sum + parts.gone / sum / s;
	gradient[3] = s / beta - parts.slopes[3] / sum;
	return tables->r_log[k] + r * log(alpha) + s * log(beta) + parts.most + log(sum);
}

double
clv_pareto_alive(const ClvModel *model, const ClvCustomer *customer)
{
	const double parameters[] = {model->r, model->alpha, model->third, model->fourth};
	Parts		parts = integrate(parameters, &model->quadrature, customer);

	return parts.stay / (parts.stay + parts.gone);
}

/* (r + x) (beta + T) / ((alpha + T) (s - 1)) [1 - ((beta + T) / (beta + T + t))^(s - 1)] */
double
clv_pareto_expected(const ClvModel *model, const ClvCustomer *customer, double horizon)
{
	double		s = model->third;
	double		end = model->fourth + customer->age;
	double		rest = log(end / (end + horizon));
	double		span = fabs(s - 1) > 1e-12 ? expm1((s - 1) * rest) / (s - 1) : rest;

	return (model->r + customer->frequency) / (model->alpha + customer->age) * end * -span;
}
