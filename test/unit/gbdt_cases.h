/*
 * gbdt_cases.h - made-up rows and tasks for the tests of boosting
 */
#ifndef ECML_TEST_GBDT_CASES_H
#define ECML_TEST_GBDT_CASES_H

#include "host.h"

#include <math.h>

#include "tree/gbdt_internal.h"

static const GbdtParams defaults = GBDT_DEFAULTS;

static inline GbdtTask
task_of(const GbdtParams *params, int features, int classes)
{
	return (GbdtTask) {.params = params,.features = features,.classes = classes,.validation = -1,.group = -1};
}

/* Does the fit come to its end? */
static inline bool
fits(EcmlCtx *ctx, EcmlData *data, const GbdtTask *task, GbdtModel **model)
{
	if (!TRY(ctx))
		return false;
	*model = gbdt_fit(ctx, data, task);
	return true;
}

/* Rows whose target depends on the first columns; some values missing; column 4 is a category of 9. */
#define WIDTH 6

static const int kinds[WIDTH] = {[4] = 9};

static inline double *
make_rows(EcmlCtx *ctx, size_t rows, double *y, int classes, uint64_t seed)
{
	double	   *x = ECML_NEW(ctx, double, rows * WIDTH);
	EcmlRng		rng;

	ecml_rng_seed(&rng, seed);
	for (size_t i = 0; i < rows; i++)
	{
		double	   *v = x + i * WIDTH;
		double		score;

		for (int j = 0; j < 4; j++)
			v[j] = (float) ecml_rng_normal(&rng);
		v[4] = (double) ecml_rng_below(&rng, 9);
		v[5] = (double) ecml_rng_below(&rng, 4);
		if (ecml_rng_double(&rng) < 0.2)
			v[2] = NAN;
		score = v[0] + fabs(v[1]) + (isnan(v[2]) ? 1 : -v[2]) + ((int) v[4] % 3 == 1 ? 1.5 : 0);
		if (classes == 0)
			y[i] = (float) (score + 0.5 * ecml_rng_normal(&rng));
		else
		{
			score += ecml_rng_normal(&rng);
			y[i] = score < 1 ? 0 : classes == 2 || score < 2.5 ? 1 : 2;
		}
	}
	return x;
}

static inline int
compare_numbers(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return (x > y) - (x < y);
}

#endif							/* ECML_TEST_GBDT_CASES_H */
