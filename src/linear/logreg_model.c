/*
 * logreg_model.c - the fitted model: probabilities, payload
 */
#include "logreg_internal.h"

#include <math.h>

static double
margin(const LogregModel *model, int vector, const double *x)
{
	const double *b = model->coefficients + (size_t) vector * (1 + model->terms);
	double		sum = b[0];

	for (int j = 0; j < model->terms; j++)
		sum += b[1 + j] * x[j];
	return model->offset >= 0 ? sum + x[model->offset] : sum;
}

double
logreg_margin(const LogregModel *model, const double *x)
{
	return margin(model, 0, x);
}

const double *
logreg_vector(const LogregModel *model, int class)
{
	int			vector = class - (model->classes - model->vectors);

	return vector < 0 ? NULL : model->coefficients + (size_t) vector * (1 + model->terms);
}

void
logreg_probabilities(const LogregModel *model, const double *x, double *p)
{
	int			first = model->classes - model->vectors;
	double		top = 0;
	double		sum = 0;

	if (model->classes == 2)
	{
		double		m = margin(model, 0, x);
		double		e = exp(-fabs(m));

		p[0] = (m >= 0 ? e : 1) / (1 + e);
		p[1] = (m >= 0 ? 1 : e) / (1 + e);
		return;
	}
	for (int k = 0; k < model->classes; k++)
	{
		p[k] = k < first ? 0 : margin(model, k - first, x);
		top = k == 0 || p[k] > top ? p[k] : top;
	}
	for (int k = 0; k < model->classes; k++)
		sum += p[k] = exp(p[k] - top);
	for (int k = 0; k < model->classes; k++)
		p[k] /= sum;
}

void
logreg_contributions(const LogregModel *model, const double *x, int class, double *base, double *c)
{
	const double *b = logreg_vector(model, class);

	*base = b ? b[0] : 0;
	for (int j = 0; j < model->terms; j++)
	{
		double		slope = b == NULL ? 0 : j == model->offset ? 1 : b[1 + j];

		*base += slope * model->means[j];
		c[j] = slope * (x[j] - model->means[j]);
	}
}

void
logreg_write(EcmlWriter *w, const LogregModel *model)
{
	size_t		size = (size_t) model->vectors * (1 + model->terms);

	ecml_write_u32(w, (uint32_t) model->terms);
	ecml_write_u32(w, (uint32_t) model->classes);
	ecml_write_u32(w, (uint32_t) model->vectors);
	ecml_write_u32(w, (uint32_t) (model->offset + 1));
	ecml_write_u8(w, model->intercept);
	ecml_write_u8(w, model->converged);
	ecml_write_u8(w, (uint8_t) model->penalty);
	ecml_write_u32(w, (uint32_t) model->iterations);
	ecml_write_f8(w, model->n);
	ecml_write_f8(w, model->weight);
	ecml_write_f8(w, model->log_likelihood);
	ecml_write_f8(w, model->null_log_likelihood);
	ecml_write_f8(w, model->parameters);
	ecml_write_f8(w, model->accuracy);
	for (int j = 0; j < model->terms; j++)
		ecml_write_u8(w, (uint8_t) (model->aliased[j] | model->separated[j] << 1));
	ecml_write_f8s(w, model->means, model->terms);
	ecml_write_f8s(w, model->coefficients, size);
	ecml_write_f8s(w, model->std_errors, size);
}

LogregModel *
logreg_read(EcmlReader *r, int terms, int classes)
{
	LogregModel *model = ECML_NEW0(r->ctx, LogregModel, 1);
	size_t		size;

	model->terms = (int) ecml_read_u32_in(r, 0, LOGREG_MAX_TERMS);
	if (model->terms != terms)
		ecml_read_corrupted(r, "the number of terms is not that of the features");
	model->classes = (int) ecml_read_u32_in(r, 2, LOGREG_MAX_CLASSES);
	if (model->classes != classes)
		ecml_read_corrupted(r, "the number of classes is not that of the target");
	model->vectors = (int) ecml_read_u32_in(r, (uint32_t) classes - 1, classes == 2 ? 1 : (uint32_t) classes);
	model->offset = (int) ecml_read_u32_in(r, 0, classes == 2 ? (uint32_t) terms : 0) - 1;
	model->intercept = ecml_read_bool(r);
	model->converged = ecml_read_bool(r);
	model->penalty = ecml_read_u8(r);
	if (model->penalty > LOGREG_ELASTICNET)
		ecml_read_corrupted(r, "the penalty is of no known kind");
	model->iterations = (int) ecml_read_u32_in(r, 0, INT32_MAX);
	model->n = ecml_read_finite(r);
	model->weight = ecml_read_finite(r);
	model->log_likelihood = ecml_read_f8(r);
	model->null_log_likelihood = ecml_read_f8(r);
	model->parameters = ecml_read_finite(r);
	model->accuracy = ecml_read_f8(r);
	if (ecml_read_left(r) < (size_t) terms)
		ecml_read_corrupted(r, "it ends too early");
	model->aliased = ECML_NEW(r->ctx, bool, terms);
	model->separated = ECML_NEW(r->ctx, bool, terms);
	for (int j = 0; j < terms; j++)
	{
		uint8_t		flags = ecml_read_u8(r);

		if (flags > 3)
			ecml_read_corrupted(r, "the state of a term is not known");
		model->aliased[j] = flags & 1;
		model->separated[j] = flags >> 1;
	}
	size = (size_t) model->vectors * (1 + (size_t) model->terms);
	model->means = ecml_read_finite_f8s(r, terms);
	model->coefficients = ecml_read_finite_f8s(r, size);
	model->std_errors = ecml_read_f8s(r, size);
	return model;
}
