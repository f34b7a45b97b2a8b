/*
 * recommend_cases.h - what the tests of recommenders share: attempts that may fail, baskets
 */
#ifndef ECML_TEST_RECOMMEND_CASES_H
#define ECML_TEST_RECOMMEND_CASES_H

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"
#include "recommend/recommend.h"

/* Run it; false: it failed. */
static inline bool
attempt(EcmlCtx *ctx, void (*function) (EcmlCtx *ctx, const void *arg), const void *arg)
{
	if (!TRY(ctx))
		return false;
	function(ctx, arg);
	return true;
}

#define BASKETS 300
#define GOODS 12

static inline RecBaskets *
make_baskets(EcmlCtx *ctx, bool sequences)
{
	RecBaskets *b = ECML_NEW0(ctx, RecBaskets, 1);
	EcmlRng		rng;
	size_t		n = 0;

	ecml_rng_seed(&rng, 21);
	b->n = BASKETS;
	b->items = GOODS;
	b->start = ECML_NEW0(ctx, size_t, BASKETS + 1);
	b->item = ECML_NEW(ctx, int32_t, BASKETS * GOODS * 3);
	b->step = sequences ? ECML_NEW(ctx, int32_t, BASKETS * GOODS * 3) : NULL;
	for (int i = 0; i < BASKETS; i++)
	{
		b->start[i] = n;
		for (int step = 0; step < (sequences ? 3 : 1); step++)
			for (int g = 0; g < GOODS; g++)
				if (ecml_rng_double(&rng) < (sequences ? 0.6 : 2.0) / (2 + g) || (g == 7 && n > 0 && b->item[n - 1] == 3))
				{
					if (sequences)
						b->step[n] = step;
					b->item[n++] = g;
				}
	}
	b->start[BASKETS] = n;
	return b;
}

#endif							/* ECML_TEST_RECOMMEND_CASES_H */
