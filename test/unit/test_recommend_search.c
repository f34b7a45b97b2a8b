/*
 * test_recommend_search.c - the best items by factors, of many, against all scores put in order
 *
 * Rows of very different lengths, some without factors, some alike: what the search leaves out must not be missed.
 */
#include <stdio.h>

#include "recommend_cases.h"

#define MANY_ITEMS 3000
#define FACTORS 20

typedef struct Case
{
	const char *what;
	bool		ratings;
	double		spread;			/* of the logarithms of lengths */
	double		scale;			/* of all factors */
} Case;

static RecModel *
make_model(EcmlCtx *ctx, const Case *of)
{
	RecModel   *model = ECML_NEW0(ctx, RecModel, 1);
	char	  **ids;
	RecFactors *f = ECML_NEW0(ctx, RecFactors, 1);
	EcmlRng		rng;

	ecml_rng_seed(&rng, 3);
	f->items = MANY_ITEMS;
	f->factors = FACTORS;
	f->ratings = of->ratings;
	f->dimension = FACTORS + of->ratings;
	f->stride = rec_stride(f->dimension);
	f->mean = of->ratings ? 3.5 : 0;
	f->item = ECML_NEW0(ctx, float, (size_t) f->stride * MANY_ITEMS + REC_LANES);
	for (int i = 0; i < MANY_ITEMS; i++)
	{
		double		length = of->scale * exp(of->spread * ecml_rng_normal(&rng));

		for (int k = 0; k < f->dimension && i % 50 != 7; k++)
			f->item[(size_t) i * f->stride + k] = (float) (length * ecml_rng_normal(&rng));
		/* the same twice: the lower number comes first */
		if (i % 100 == 99)
			memcpy(f->item + (size_t) i * f->stride, f->item + (size_t) (i - 30) * f->stride, f->stride * sizeof(float));
	}
	model->items = MANY_ITEMS;
	model->ratings = of->ratings;
	model->mix[REC_PART_FACTORS] = 1;
	model->factors = f;
	model->popularity = ECML_NEW0(ctx, float, MANY_ITEMS);
	model->counts = ECML_NEW0(ctx, uint32_t, MANY_ITEMS);
	ids = ECML_NEW(ctx, char *, MANY_ITEMS);
	for (int i = 0; i < MANY_ITEMS; i++)
	{
		ids[i] = ecml_alloc(ctx, 12);
		snprintf(ids[i], 12, "%d", i);
	}
	model->ids = rec_texts(ctx, ids, MANY_ITEMS);
	rec_model_index(ctx, model);
	return model;
}

static int
compare(const void *a, const void *b)
{
	const RecBest *x = a;
	const RecBest *y = b;

	if (x->score != y->score)
		return x->score < y->score ? 1 : -1;
	return (x->item > y->item) - (x->item < y->item);
}

static void
test_search(const Case *of)
{
	const int	lengths[] = {1, 10, 130, 1400, 1600, MANY_ITEMS};
	EcmlCtx    *ctx = test_ctx(1, 1);
	RecModel   *model = make_model(ctx, of);
	RecScorer	scorer;
	RecBest    *best = ECML_NEW(ctx, RecBest, MANY_ITEMS);
	RecBest    *all = ECML_NEW(ctx, RecBest, MANY_ITEMS);
	float	   *scores = ECML_NEW(ctx, float, MANY_ITEMS);
	float	   *factors = ecml_alloc(ctx, model->factors->stride * sizeof(float));
	uint8_t    *allowed = ECML_NEW(ctx, uint8_t, MANY_ITEMS);
	int32_t		seen[300];
	float		ones[300];
	EcmlRng		rng;
	int			wrong = 0;
	int			lists = 0;

	ecml_rng_seed(&rng, 11);
	rec_scorer_init(ctx, &scorer, model);
	for (int i = 0; i < 300; i++)
	{
		seen[i] = 10 * i + 3;
		ones[i] = 1;
	}
	for (int user = 0; user < 12; user++)
	{
		RecUser		who = {.n = 300,.items = seen,.values = ones,.factors = factors,.group = -1};

		memset(factors, 0, model->factors->stride * sizeof(float));
		for (int k = 0; k < model->factors->dimension; k++)
			factors[k] = (float) (of->scale * ecml_rng_normal(&rng) * (user % 3 == 0 && k > 2 ? 0.01 : 1));
		for (int i = 0; i < MANY_ITEMS; i++)
			allowed[i] = user < 4 || ecml_rng_double(&rng) < 0.1;
		(void) rec_part_scores(model, &who, REC_PART_FACTORS, scores);
		for (int l = 0; l < 6; l++)
		{
			int			n = 0;
			int			found = rec_best(&scorer, &who, lengths[l], user < 4 ? NULL : allowed, seen, user % 2 ? 300 : 0, best);

			for (int i = 0; i < MANY_ITEMS; i++)
				if (allowed[i] && !model->blank[i] && !(user % 2 && i % 10 == 3))
					all[n++] = (RecBest) {i, scores[i]};
			qsort(all, n, sizeof(RecBest), compare);
			lists++;
			wrong += found != (n < lengths[l] ? n : lengths[l]);
			for (int i = 0; i < found && i < n; i++)
				if (best[i].item != all[i].item || best[i].score != all[i].score)
				{
					wrong++;
					break;
				}
		}
	}
	ok(lists == 72 && wrong == 0, "the best of %d items are those of all scores in order, %s: %d lists of %d differ", MANY_ITEMS,
	   of->what, wrong, lists);
	test_ctx_free(ctx);
}

int
main(void)
{
	const Case	cases[] = {
		{"lengths spread over orders of magnitude", false, 2, 1},
		{"lengths alike", false, 0.01, 1},
		{"ratings", true, 1, 0.3},
		{"ratings that hardly differ", true, 1, 1e-4},
		{"so small that squares vanish", false, 1, 1e-16},
		{"so small that products vanish", false, 1, 1e-24},
	};

	for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++)
		test_search(&cases[c]);
	return done();
}
