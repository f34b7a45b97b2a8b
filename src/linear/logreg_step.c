/*
 * logreg_step.c - logistic regression a step at a time: sums at given coefficients, which merge, and Newton's step from them
 *
 * For rows that cannot come to one place: each place sums up its own, the sums are added, and the new coefficients go out again.
 * Cost: p^2 / 2 products a row.  Terms are taken as they come: where they lie a million deviations from 0, shift them.
 */
#include "logreg.h"

#include <math.h>
#include <string.h>

#include "num/qr.h"
#include "num/spd.h"

#define DEPENDENT 1e-12			/* of the diagonal: less is rounding */

LogregStep *
logreg_step_new(EcmlCtx *ctx, const double *coefficients, int size)
{
	LogregStep *step = ECML_NEW0(ctx, LogregStep, 1);

	step->size = size;
	step->coefficients = ECML_NEW0(ctx, double, size);
	if (coefficients)
		memcpy(step->coefficients, coefficients, size * sizeof(double));
	step->gradient = ECML_NEW0(ctx, double, size);
	step->information = ECML_NEW0(ctx, double, (size_t) size * size);
	return step;
}

ECML_CLONES static void
add(double *y, double factor, const double *x, int n)
{
	for (int i = 0; i < n; i++)
		y[i] += factor * x[i];
}

void
logreg_step_add(LogregStep *step, bool second, const double *x)
{
	double		margin = step->coefficients[0];
	double		e;
	double		p;
	double		q;

	for (int j = 1; j < step->size; j++)
		margin += step->coefficients[j] * x[j - 1];
	e = exp(-fabs(margin));
	p = (margin >= 0 ? 1 : e) / (1 + e);
	q = (margin >= 0 ? e : 1) / (1 + e);
	step->rows++;
	step->correct += (margin >= 0) == second;
	step->log_likelihood -= log1p(e) + fmax(second ? -margin : margin, 0);
	for (int i = 0; i < step->size; i++)
	{
		double		xi = i == 0 ? 1 : x[i - 1];
		double	   *row = step->information + (size_t) i * step->size;

		step->gradient[i] += (second ? q : -p) * xi;
		row[0] += p * q * xi;
		if (i > 0)
			add(row + 1, p * q * xi, x, i);
	}
}

void
logreg_step_merge(LogregStep *step, const LogregStep *other)
{
	step->rows += other->rows;
	step->log_likelihood += other->log_likelihood;
	step->correct += other->correct;
	add(step->gradient, 1, other->gradient, step->size);
	for (int i = 0; i < step->size; i++)
		add(step->information + (size_t) i * step->size, 1, other->information + (size_t) i * step->size, i + 1);
}

void
logreg_step_write(EcmlWriter *w, const LogregStep *step)
{
	ecml_write_u32(w, (uint32_t) step->size);
	ecml_write_f8(w, step->rows);
	ecml_write_f8(w, step->log_likelihood);
	ecml_write_f8(w, step->correct);
	ecml_write_f8s(w, step->coefficients, step->size);
	ecml_write_f8s(w, step->gradient, step->size);
	for (int i = 0; i < step->size; i++)
		ecml_write_f8s(w, step->information + (size_t) i * step->size, i + 1);
}

LogregStep *
logreg_step_read(EcmlReader *r)
{
	int			size = (int) ecml_read_u32_in(r, 1, LOGREG_MAX_TERMS + 1);
	LogregStep *step;

	/* before anything of that size is made */
	if (ecml_read_left(r) != (3 + 2 * (size_t) size + (size_t) size * (size + 1) / 2) * sizeof(double))
		ecml_read_corrupted(r, "its length is not that of its coefficients");
	step = logreg_step_new(r->ctx, NULL, size);
	step->rows = ecml_read_finite(r);
	step->log_likelihood = ecml_read_f8(r);
	step->correct = ecml_read_finite(r);
	memcpy(step->coefficients, ecml_read_finite_f8s(r, size), size * sizeof(double));
	memcpy(step->gradient, ecml_read_f8s(r, size), size * sizeof(double));
	for (int i = 0; i < size; i++)
	{
		double	   *row = ecml_read_f8s(r, i + 1);

		memcpy(step->information + (size_t) i * size, row, (i + 1) * sizeof(double));
		ecml_free(r->ctx, row);
	}
	return step;
}

double
logreg_step_solve(EcmlCtx *ctx, const LogregStep *step, double *next, double *errors)
{
	int			n = step->size;
	double	   *r = ECML_NEW(ctx, double, (size_t) n * n);
	double	   *inverse = ECML_NEW(ctx, double, (size_t) n * n);
	double	   *floor = ECML_NEW(ctx, double, n);
	bool	   *drop = ECML_NEW(ctx, bool, n);
	double		gain = 0;

	/* rows of the lower triangle are columns of the upper one */
	memcpy(r, step->information, (size_t) n * n * sizeof(double));
	for (int i = 0; i < n; i++)
	{
		floor[i] = DEPENDENT * r[(size_t) i * n + i];
		next[i] = step->gradient[i];
	}
	ecml_spd_factor(ctx, r, n, n, floor, drop);
	ecml_spd_solve(r, n, n, drop, next);
	ecml_qr_invert(ctx, r, n, n, inverse);
	for (int i = 0; i < n; i++)
	{
		double		variance = 0;

		for (int j = i; j < n; j++)
			variance += inverse[(size_t) j * n + i] * inverse[(size_t) j * n + i];
		errors[i] = drop[i] ? NAN : sqrt(variance);
		gain += 0.5 * next[i] * step->gradient[i];
		next[i] += step->coefficients[i];
	}
	ecml_free(ctx, r);
	ecml_free(ctx, inverse);
	ecml_free(ctx, floor);
	ecml_free(ctx, drop);
	return gain;
}

/* ---------------------------------------------------------------- a fit */

#define FLAT 1e-8				/* squared decrement of a step that gains nothing, in rows, */
#define GROWTH 0.1				/* and what it does to some margin: from there on the classes are separated */
#define MAX_HALVINGS 30

/* How much a step changes margins by one term, at most. */
static double
growth(const LogregSteps *steps, const double *step, int j)
{
	return steps->deviation[j] > 0 ? fabs(step[1 + j]) * (steps->high[j] - steps->low[j]) / steps->deviation[j] : 0;
}

/* The variance of u'coefficients, u [size], by the information; NaN: it has no inverse. */
static double
variance_of(EcmlCtx *ctx, const LogregStep *step, double *u)
{
	int			n = step->size;
	double	   *r = ECML_NEW(ctx, double, (size_t) n * n);
	double	   *floor = ECML_NEW(ctx, double, n);
	bool	   *drop = ECML_NEW(ctx, bool, n);
	double		sum = 0;

	memcpy(r, step->information, (size_t) n * n * sizeof(double));
	for (int i = 0; i < n; i++)
		floor[i] = DEPENDENT * r[(size_t) i * n + i];
	ecml_spd_factor(ctx, r, n, n, floor, drop);
	ecml_spd_forward(r, n, n, drop, u);
	for (int i = 0; i < n; i++)
		sum += drop[i] ? 0 : u[i] * u[i];
	ecml_free(ctx, r);
	ecml_free(ctx, floor);
	ecml_free(ctx, drop);
	return sum;
}

/* Coefficients and errors of the terms as they were. */
static void
untransform(EcmlCtx *ctx, const LogregSteps *steps, const LogregStep *step, const double *theta, const double *errors,
			LogregModel *model)
{
	double	   *u = ECML_NEW0(ctx, double, step->size);

	model->coefficients[0] = theta[0];
	u[0] = 1;
	for (int j = 0; j < steps->terms; j++)
	{
		if (isnan(errors[1 + j]))
		{
			model->aliased[j] = true;
			continue;
		}
		model->coefficients[1 + j] = theta[1 + j] / steps->deviation[j];
		model->std_errors[1 + j] = errors[1 + j] / steps->deviation[j];
		model->coefficients[0] -= steps->mean[j] * model->coefficients[1 + j];
		u[1 + j] = -steps->mean[j] / steps->deviation[j];
	}
	model->std_errors[0] = sqrt(variance_of(ctx, step, u));
	ecml_free(ctx, u);
}

LogregModel *
logreg_step_fit(EcmlCtx *ctx, const LogregSteps *steps)
{
	int			size = steps->terms + 1;
	LogregModel *model = ECML_NEW0(ctx, LogregModel, 1);
	double	   *theta = ECML_NEW0(ctx, double, size);
	double	   *next = ECML_NEW(ctx, double, size);
	double	   *change = ECML_NEW0(ctx, double, size);
	double	   *errors = ECML_NEW(ctx, double, size);
	LogregStep *step = NULL;
	double		before = -INFINITY;
	bool		diverges = false;
	int			halvings = 0;

	model->terms = steps->terms;
	model->classes = 2;
	model->vectors = 1;
	model->offset = -1;
	model->intercept = true;
	model->penalty = LOGREG_NONE;
	model->aliased = ECML_NEW0(ctx, bool, steps->terms);
	model->separated = ECML_NEW0(ctx, bool, steps->terms);
	model->coefficients = ECML_NEW0(ctx, double, size);
	model->std_errors = ECML_NEW(ctx, double, size);
	for (int i = 0; i < size; i++)
		model->std_errors[i] = NAN;
	model->means = ECML_NEW(ctx, double, steps->terms);
	memcpy(model->means, steps->mean, steps->terms * sizeof(double));
	theta[0] = log(steps->ones / (steps->rows - steps->ones));
	while (model->iterations < steps->max_iter && !model->converged && !diverges)
	{
		double		gain;
		double		most = 0;

		step = logreg_step_new(ctx, theta, size);
		steps->sums(steps->arg, step);
		model->iterations++;
		if (!(step->log_likelihood >= before - 1e-13 * fabs(before)) && halvings++ < MAX_HALVINGS)
		{
			/* too far: half the way */
			for (int i = 0; i < size; i++)
			{
				change[i] /= 2;
				theta[i] -= change[i];
			}
			continue;
		}
		halvings = 0;
		before = step->log_likelihood;
		gain = 2 * logreg_step_solve(ctx, step, next, errors);
		for (int i = 0; i < size; i++)
			change[i] = next[i] - theta[i];
		for (int j = 0; j < steps->terms; j++)
			most = fmax(most, growth(steps, change, j));
		model->converged = gain <= steps->tolerance * steps->tolerance * steps->rows;
		diverges = gain <= FLAT && most > GROWTH;
		for (int j = 0; diverges && j < steps->terms; j++)
			model->separated[j] = growth(steps, change, j) >= 0.3 * most;
		memcpy(theta, next, size * sizeof(double));
	}
	model->converged &= !diverges;
	untransform(ctx, steps, step, theta, errors, model);
	for (int j = 0; j < steps->terms; j++)
		if (model->separated[j])
			model->std_errors[1 + j] = NAN;
	model->n = model->weight = steps->rows;
	model->log_likelihood = step->log_likelihood;
	model->accuracy = step->correct / step->rows;
	model->null_log_likelihood = steps->ones * log(steps->ones / steps->rows) +
		(steps->rows - steps->ones) * log(1 - steps->ones / steps->rows);
	model->parameters = 1;
	for (int j = 0; j < steps->terms; j++)
		model->parameters += !model->aliased[j];
	return model;
}
