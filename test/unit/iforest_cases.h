/*
 * iforest_cases.h - rows and fits for the tests of the isolation forest
 */
#ifndef ECML_TEST_IFOREST_CASES_H
#define ECML_TEST_IFOREST_CASES_H

#include <math.h>

#include "host.h"
#include "tree/iforest_internal.h"

static inline double *
normal_rows(EcmlCtx *ctx, uint64_t seed, size_t n, int d)
{
	double	   *x = ECML_NEW(ctx, double, n * d + 1);
	EcmlRng		rng;

	ecml_rng_seed(&rng, seed);
	for (size_t i = 0; i < n * d; i++)
		x[i] = ecml_rng_normal(&rng);
	return x;
}

static inline IforestModel *
fit(EcmlCtx *ctx, size_t n, int d, const double *x, const double *w, const IforestParams *params, const int *categories)
{
	IforestTask task = {params, categories};

	return iforest_fit(ctx, ecml_data_from_rows(ctx, ECML_F8, n, d, x, NULL, w), &task);
}

#endif							/* ECML_TEST_IFOREST_CASES_H */
