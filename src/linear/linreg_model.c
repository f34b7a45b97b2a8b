/*
 * linreg_model.c - the fitted model: prediction, intervals, payload
 *
 * An interval needs x'Cx for the unscaled covariance C: O(terms^2).
 */
#include <math.h>

#include "linreg_internal.h"
#include "num/dist.h"

double
linreg_predict(const LinregModel *model, const double *x)
{
	double		sum = model->coefficients[0];

	for (int j = 0; j < model->terms; j++)
		sum += model->coefficients[1 + j] * x[j];
	return sum;
}

void
linreg_contributions(const LinregModel *model, const double *x, double *base, double *c)
{
	*base = model->coefficients[0];
	for (int j = 0; j < model->terms; j++)
	{
		*base += model->coefficients[1 + j] * model->means[j];
		c[j] = model->coefficients[1 + j] * (x[j] - model->means[j]);
	}
}

void
linreg_interval(const LinregModel *model, const double *x, double level, double *mean, double *observation)
{
	int			size = 1 + model->terms;
	const double *c = model->covariance;
	double		variance = 0;
	double		t;

	*mean = *observation = NAN;
	if (c == NULL || !(model->df > 0) || !(level > 0 && level < 1))
		return;
	for (int i = 0; i < size; i++)
	{
		double		xi = i == 0 ? 1 : x[i - 1];
		double		sum = 0;

		for (int j = i; j < size; j++)
			sum += (j == i ? 1 : 2) * *c++ * (j == 0 ? 1 : x[j - 1]);
		variance += xi * sum;
	}
	if (variance < 0)
		variance = 0;
	t = ecml_t_isf((1 - level) / 2, model->df);
	*mean = t * model->sigma * sqrt(variance);
	*observation = t * model->sigma * sqrt(1 + variance);
}

void
linreg_write(EcmlWriter *w, const LinregModel *model)
{
	size_t		size = 1 + (size_t) model->terms;

	ecml_write_u32(w, (uint32_t) model->terms);
	ecml_write_u8(w, model->intercept);
	ecml_write_u8(w, model->covariance != NULL);
	ecml_write_u8(w, model->converged);
	ecml_write_u32(w, (uint32_t) model->rank);
	ecml_write_u32(w, (uint32_t) model->iterations);
	ecml_write_f8(w, model->n);
	ecml_write_f8(w, model->df);
	ecml_write_f8(w, model->sigma);
	ecml_write_f8(w, model->r2);
	ecml_write_f8(w, model->adj_r2);
	ecml_write_f8(w, model->f_statistic);
	ecml_write_f8(w, model->f_df1);
	ecml_write_f8(w, model->f_p_value);
	ecml_write_f8(w, model->log_likelihood);
	ecml_write_f8(w, model->aic);
	ecml_write_f8(w, model->bic);
	ecml_write_f8(w, model->rss);
	for (int j = 0; j < model->terms; j++)
		ecml_write_u8(w, model->aliased[j]);
	ecml_write_f8s(w, model->coefficients, size);
	ecml_write_f8s(w, model->means, model->terms);
	ecml_write_f8s(w, model->std_errors, size);
	if (model->covariance)
		ecml_write_f8s(w, model->covariance, size * (size + 1) / 2);
}

LinregModel *
linreg_read(EcmlReader *r, int terms)
{
	LinregModel *model = ECML_NEW0(r->ctx, LinregModel, 1);
	size_t		size;
	bool		covariance;

	model->terms = (int) ecml_read_u32_in(r, 0, LINREG_MAX_TERMS);
	if (model->terms != terms)
		ecml_read_corrupted(r, "the number of terms is not that of the features");
	size = 1 + (size_t) model->terms;
	model->intercept = ecml_read_bool(r);
	covariance = ecml_read_bool(r);
	model->converged = ecml_read_bool(r);
	model->rank = (int) ecml_read_u32_in(r, 0, (uint32_t) terms + 1);
	model->iterations = (int) ecml_read_u32_in(r, 0, INT32_MAX);
	model->n = ecml_read_finite(r);
	model->df = ecml_read_finite(r);
	if (model->n < 0 || model->df < 0 || model->df > model->n)
		ecml_read_corrupted(r, "the degrees of freedom are impossible");
	model->sigma = ecml_read_f8(r);
	model->r2 = ecml_read_f8(r);
	model->adj_r2 = ecml_read_f8(r);
	model->f_statistic = ecml_read_f8(r);
	model->f_df1 = ecml_read_finite(r);
	model->f_p_value = ecml_read_f8(r);
	model->log_likelihood = ecml_read_f8(r);
	model->aic = ecml_read_f8(r);
	model->bic = ecml_read_f8(r);
	model->rss = ecml_read_f8(r);
	if (ecml_read_left(r) < (size_t) terms)
		ecml_read_corrupted(r, "it ends too early");
	model->aliased = ECML_NEW(r->ctx, bool, terms);
	for (int j = 0; j < terms; j++)
		model->aliased[j] = ecml_read_bool(r);
	model->coefficients = ecml_read_finite_f8s(r, size);
	model->means = ecml_read_finite_f8s(r, terms);
	model->std_errors = ecml_read_f8s(r, size);
	if (covariance)
		model->covariance = ecml_read_f8s(r, size * (size + 1) / 2);
	return model;
}
