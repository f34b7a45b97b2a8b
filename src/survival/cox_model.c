/*
 * cox_model.c - a fitted model of proportional hazards: checks, prediction, bytes
 */
#include "cox_internal.h"

#include <math.h>
#include <string.h>

const char *
cox_check(const CoxParams *params)
{
	if (!(params->alpha >= 0) || isinf(params->alpha))
		return "alpha must be a number of at least 0";
	if (!(params->l1_ratio >= 0 && params->l1_ratio <= 1))
		return "l1_ratio must be between 0 and 1";
	if (!(params->level > 0 && params->level < 1))
		return "level must be between 0 and 1, both excluded";
	if (!(params->tolerance > 0 && params->tolerance < 1))
		return "tolerance must be between 0 and 1, both excluded";
	if (params->max_iter < 1)
		return "max_iter must be at least 1";
	return NULL;
}

double
cox_log_hazard(const CoxModel *model, const double *x)
{
	double		sum = 0;

	for (int j = 0; j < model->terms; j++)
		sum += model->coefficients[j] * (x[j] - model->means[j]);
	return sum;
}

/* Number of the row's stratum; -1: not known. */
static int64_t
find_stratum(const CoxModel *model, const double *x)
{
	double		key;
	size_t		low = 0;
	size_t		high = model->nstrata;

	if (model->nstratum_terms == 0)
		return 0;
	key = cox_stratum_key(x, model->first_stratum, model->nstratum_terms);
	while (low < high)
	{
		size_t		middle = (low + high) / 2;

		if (model->keys[middle] < key)
			low = middle + 1;
		else
			high = middle;
	}
	return low < model->nstrata && model->keys[low] == key ? (int64_t) low : -1;
}

double
cox_survival(const CoxModel *model, const double *x, double time)
{
	int64_t		stratum = find_stratum(model, x);
	size_t		low;
	size_t		high;

	if (stratum < 0 || isnan(time))
		return NAN;
	low = model->starts[stratum];
	high = model->starts[stratum + 1];
	while (low < high)
	{
		size_t		middle = (low + high) / 2;

		if (model->times[middle] <= time)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == model->starts[stratum])
		return 1;				/* before the first event */
	return exp(-exp(cox_log_hazard(model, x) + log(model->hazards[low - 1])));
}

void
cox_write(EcmlWriter *w, const CoxModel *model)
{
	ecml_write_f8s(w, model->coefficients, model->terms);
	ecml_write_f8s(w, model->std_errors, model->terms);
	ecml_write_f8s(w, model->means, model->terms);
	ecml_write_bytes(w, model->states, model->terms);
	ecml_write_f8(w, model->rows);
	ecml_write_f8(w, model->events);
	ecml_write_u32(w, model->df);
	ecml_write_f8(w, model->log_likelihood);
	ecml_write_f8(w, model->null_log_likelihood);
	ecml_write_f8(w, model->score);
	ecml_write_f8(w, model->wald);
	ecml_write_f8(w, model->concordance);
	ecml_write_u32(w, model->iterations);
	ecml_write_u8(w, model->converged);
	ecml_write_u8(w, model->penalised);
	ecml_write_u32(w, model->first_stratum);
	ecml_write_u32(w, model->nstratum_terms);
	ecml_write_u32(w, model->nstrata);
	ecml_write_f8s(w, model->keys, model->nstrata);
	for (size_t s = 0; s < model->nstrata; s++)
	{
		uint32_t	n = model->starts[s + 1] - model->starts[s];

		ecml_write_u32(w, n);
		ecml_write_f8s(w, model->times + model->starts[s], n);
		ecml_write_f8s(w, model->hazards + model->starts[s], n);
	}
}

/* The baselines: times and hazards in order. */
static void
read_baselines(EcmlReader *r, CoxModel *model)
{
	size_t		room = ecml_read_left(r) / 16;	/* no more points than that can follow */
	uint32_t	n = 0;

	model->starts = ECML_NEW0(r->ctx, uint32_t, (size_t) model->nstrata + 1);
	model->times = ECML_NEW(r->ctx, double, room + 1);
	model->hazards = ECML_NEW(r->ctx, double, room + 1);
	for (size_t s = 0; s < model->nstrata; s++)
	{
		uint32_t	points = ecml_read_count(r, 16);
		double	   *times = model->times + n;
		double	   *hazards = model->hazards + n;

		for (uint32_t i = 0; i < points; i++)
		{
			times[i] = ecml_read_finite(r);
			if (signbit(times[i]) || (i > 0 && times[i] <= times[i - 1]))
				ecml_read_corrupted(r, "the times of a baseline are not in order");
		}
		for (uint32_t i = 0; i < points; i++)
		{
			hazards[i] = ecml_read_f8(r);
			if (!(hazards[i] >= 0) || (i > 0 && hazards[i] < hazards[i - 1]))
				ecml_read_corrupted(r, "the hazards of a baseline do not grow");
		}
		n += points;
		model->starts[s + 1] = n;
	}
}

CoxModel *
cox_read(EcmlReader *r, int terms)
{
	CoxModel   *model = ECML_NEW0(r->ctx, CoxModel, 1);

	model->terms = terms;
	model->coefficients = ecml_read_finite_f8s(r, terms);
	model->std_errors = ecml_read_f8s(r, terms);
	model->means = ecml_read_finite_f8s(r, terms);
	model->states = ECML_NEW(r->ctx, uint8_t, (size_t) terms + 1);
	memcpy(model->states, ecml_read_bytes(r, terms), terms);
	for (int j = 0; j < terms; j++)
		if (model->states[j] > COX_STRATUM)
			ecml_read_corrupted(r, "the state of a term is not known");
	model->rows = ecml_read_finite(r);
	model->events = ecml_read_finite(r);
	model->df = ecml_read_u32_in(r, 0, terms);
	model->log_likelihood = ecml_read_f8(r);
	model->null_log_likelihood = ecml_read_f8(r);
	model->score = ecml_read_f8(r);
	model->wald = ecml_read_f8(r);
	model->concordance = ecml_read_f8(r);
	model->iterations = ecml_read_u32_in(r, 0, INT32_MAX);
	model->converged = ecml_read_bool(r);
	model->penalised = ecml_read_bool(r);
	model->first_stratum = ecml_read_u32_in(r, 0, terms);
	model->nstratum_terms = ecml_read_u32_in(r, 0, terms - model->first_stratum);
	model->nstrata = ecml_read_count(r, sizeof(double));
	if (model->nstrata == 0)
		ecml_read_corrupted(r, "it has no baseline");
	model->keys = ecml_read_finite_f8s(r, model->nstrata);
	for (uint32_t s = 1; s < model->nstrata; s++)
		if (model->keys[s] <= model->keys[s - 1])
			ecml_read_corrupted(r, "its strata are not in order");
	read_baselines(r, model);
	return model;
}
