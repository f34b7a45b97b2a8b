/*
 * recommend_cases.h - what the tests of recommenders share: attempts that may fail, rows of tastes and a fit of them, baskets
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

#define USERS 60
#define ITEMS 40

/* Rows that repeat pairs, with some returns; taste by groups, so that there is something to learn. */
static inline void
make_rows(EcmlCtx *ctx, RecRows *rows, int users, int items, int n, bool timed)
{
	EcmlRng		rng;

	ecml_rng_seed(&rng, 7);
	rec_rows_init(ctx, rows, timed, false);
	for (int i = 0; i < n; i++)
	{
		int			u = (int) ecml_rng_below(&rng, users);
		int			taste = u % 4;
		int			item = ecml_rng_double(&rng) < 0.8 ? (int) (ecml_rng_below(&rng, (items + 3) / 4) * 4 + taste) :
			(int) ecml_rng_below(&rng, items);
		double		value = ecml_rng_double(&rng) < 0.05 ? -1 : 1 + (double) ecml_rng_below(&rng, 4);

		rec_rows_add(ctx, rows, u, item < items ? item : items - 1, value, i * 3600.0, 0);
	}
}

static inline RecParams
params_of(void)
{
	return (RecParams) REC_DEFAULTS;
}

/* A fit of all parts. */
static inline RecFit *
fit_all(EcmlCtx *ctx, const float *mix, bool tune)
{
	RecRows		rows;
	RecParams	params = params_of();
	char	  **ids = ECML_NEW(ctx, char *, ITEMS + 2);
	RecTerms   *terms = rec_terms_create(ctx);
	RecMatrix  *content;
	RecFit	   *fit;

	make_rows(ctx, &rows, USERS, ITEMS, 900, true);
	for (int i = 0; i < ITEMS + 2; i++)
	{
		ids[i] = ecml_alloc(ctx, 16);
		ids[i][0] = 'A' + i / 10;
		ids[i][1] = '0' + i % 10;
		ids[i][2] = '\0';
		rec_terms_begin(ctx, terms, i);
		rec_terms_text(ctx, terms, 0, i % 4 == 0 ? "red shoe" : i % 4 == 1 ? "blue hat" : i % 4 == 2 ? "green sock" : "old lamp", i % 4 == 2 ? 10 : 8);
		rec_terms_number(ctx, terms, 1, i % 4 * 10 + i * 0.01);
	}
	content = rec_terms_finish(ctx, terms, ITEMS + 2);
	params.factors = 8;
	params.neighbors = 10;
	fit = rec_fit(ctx, &rows, USERS, ITEMS + 2, ids, &params, mix, tune, content, 0, NULL);
	rec_model_index(ctx, fit->model);
	return fit;
}

static inline RecUser
user_of(const RecFit *fit, int u)
{
	RecUser		user = {.group = -1};
	const RecMatrix *h = fit->history;

	user.n = (int) (h->start[u + 1] - h->start[u]);
	user.items = h->column + h->start[u];
	user.values = h->value + h->start[u];
	user.factors = fit->user ? fit->user + (size_t) u * fit->model->factors->stride : NULL;
	return user;
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
