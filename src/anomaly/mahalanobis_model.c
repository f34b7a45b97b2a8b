/*
 * mahalanobis_model.c - distances and contributions of single rows; bytes
 */
#include "anomaly/mahalanobis.h"

#include <math.h>

/* z [terms]: x less the location, in deviations; 0 for a term that is left out. */
static void
standardize(const MahalanobisModel *model, const double *x, double *z)
{
	for (int j = 0; j < model->terms; j++)
		z[j] = model->scale[j] > 0 ? (x[j] - model->location[j]) / model->scale[j] : 0;
}

ECML_CLONES static double
component(const double *restrict row, const double *restrict z, int n)
{
	double		sum = 0;

#pragma omp simd reduction(+:sum)
	for (int j = 0; j < n; j++)
		sum += row[j] * z[j];
	return sum;
}

double
mahalanobis_distance(const MahalanobisModel *model, const double *x)
{
	double		z[MAHALANOBIS_TERMS];
	double		d = 0;

	standardize(model, x, z);
	for (int i = 0; i < model->terms; i++)
	{
		double		y = component(model->root + (size_t) i * model->terms, z, model->terms);

		d += y * y;
	}
	/* beyond all numbers: infinity less infinity is none */
	return isnan(d) ? INFINITY : d;
}

void
mahalanobis_contributions(const MahalanobisModel *model, const double *x, double *c)
{
	double		z[MAHALANOBIS_TERMS];

	standardize(model, x, z);
	for (int i = 0; i < model->terms; i++)
	{
		double		y = component(model->root + (size_t) i * model->terms, z, model->terms);

		c[i] = y * y;
	}
}

void
mahalanobis_write(EcmlWriter *w, const MahalanobisModel *model)
{
	int			p = model->terms;

	ecml_write_u32(w, p);
	ecml_write_f8s(w, model->location, p);
	ecml_write_f8s(w, model->scale, p);
	for (int i = 0; i < p; i++)
		ecml_write_f8s(w, model->root + (size_t) i * p, i + 1);
	ecml_write_bytes(w, model->states, p);
	ecml_write_f8(w, model->threshold);
	ecml_write_u32(w, model->df);
	ecml_write_f8(w, model->log_det);
	ecml_write_f8(w, model->ridge);
	ecml_write_u8(w, model->robust);
	ecml_write_f8(w, model->rows);
	ecml_write_f8(w, model->support);
	ecml_write_f8(w, model->determinant);
	ecml_write_f8(w, model->anomalies);
	ecml_write_f8s(w, model->blame, p);
}

MahalanobisModel *
mahalanobis_read(EcmlReader *r, int terms)
{
	MahalanobisModel *model = ECML_NEW0(r->ctx, MahalanobisModel, 1);
	const uint8_t *states;
	double	   *packed;

	if (ecml_read_u32_in(r, 0, MAHALANOBIS_TERMS) != (uint32_t) terms)
		ecml_read_corrupted(r, "number of terms");
	model->terms = terms;
	model->location = ecml_read_finite_f8s(r, terms);
	model->scale = ecml_read_finite_f8s(r, terms);
	packed = ecml_read_finite_f8s(r, (size_t) terms * (terms + 1) / 2);
	model->root = ECML_NEW(r->ctx, double, (size_t) terms * terms + 1);
	for (int i = 0; i < terms; i++)
		for (int j = 0; j <= i; j++)
			model->root[(size_t) i * terms + j] = model->root[(size_t) j * terms + i] = packed[(size_t) i * (i + 1) / 2 + j];
	ecml_free(r->ctx, packed);
	states = ecml_read_bytes(r, terms);
	model->states = ECML_NEW0(r->ctx, uint8_t, terms + 1);
	for (int j = 0; j < terms; j++)
	{
		if (states[j] >= MAHALANOBIS_STATES)
			ecml_read_corrupted(r, "state of a term");
		if (model->scale[j] < 0)
			ecml_read_corrupted(r, "deviation of a term");
		model->states[j] = states[j];
	}
	model->threshold = ecml_read_finite(r);
	model->df = (int) ecml_read_u32_in(r, 0, terms);
	model->log_det = ecml_read_finite(r);
	model->ridge = ecml_read_finite(r);
	model->robust = ecml_read_bool(r);
	model->rows = ecml_read_finite(r);
	model->support = ecml_read_finite(r);
	model->determinant = ecml_read_finite(r);
	model->anomalies = ecml_read_finite(r);
	model->blame = ecml_read_finite_f8s(r, terms);
	if (model->ridge < 0 || model->rows < 0 || model->support < 0 || model->determinant < 0 || model->anomalies < 0)
		ecml_read_corrupted(r, "counts");
	return model;
}
