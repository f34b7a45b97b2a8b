/*
 * test_recommend_bytes.c - recommenders as bytes and as one block: what is read or opened is what was written, damage is told
 */
#include "num/bytes.h"
#include "flat_block.h"
#include "recommend_cases.h"

typedef struct Bytes
{
	const uint8_t *data;
	size_t		size;
} Bytes;

/* What can be read can be used. */
static void
read_and_use(EcmlCtx *ctx, const void *arg)
{
	const Bytes *bytes = arg;
	EcmlReader	r;
	RecModel   *model;
	RecScorer	scorer;
	RecBest		best[5];
	RecUser		user = {.n = 0,.group = -1};
	int			n;

	ecml_reader_init(&r, ctx, bytes->data, bytes->size);
	model = rec_model_read(&r);
	ecml_read_end(&r);
	n = model->items < 5 ? model->items : 5;
	rec_scorer_init(ctx, &scorer, model);
	(void) rec_best(&scorer, &user, n, NULL, NULL, 0, best);
	(void) rec_similar(&scorer, 0, n, best);
}

static void
test_bytes(void)
{
	EcmlCtx    *ctx = test_ctx(1, 5);
	float		mix[REC_PARTS] = {0.5f, 0.25f, 0.125f, 0, 0, 0.125f};
	RecFit	   *fit = fit_all(ctx, mix, false);
	EcmlWriter	w;
	EcmlWriter	again;
	EcmlReader	r;
	RecModel   *read;
	long		failed = 0;
	EcmlRng		rng;

	fit->model->user_column = "customer_id";
	ecml_writer_init(&w, ctx);
	rec_model_write(&w, fit->model);
	ecml_reader_init(&r, ctx, w.data, w.size);
	read = rec_model_read(&r);
	ecml_read_end(&r);
	ecml_writer_init(&again, ctx);
	rec_model_write(&again, read);
	ok(again.size == w.size && memcmp(again.data, w.data, w.size) == 0, "what was read is written as it was: %zu bytes", w.size);
	ok(rec_model_find(read, "A3", 2) == 3 && rec_model_find(read, "ZZ", 2) == -1, "items are found by their ids");
	ecml_rng_seed(&rng, 11);
	for (int round = 0; round < 3000; round++)
	{
		EcmlCtx    *own = test_ctx(1, 1);
		uint8_t    *copy = malloc(w.size);
		size_t		size = round % 3 == 0 ? ecml_rng_below(&rng, w.size) : w.size;

		memcpy(copy, w.data, w.size);
		if (round % 3 != 0)
			for (int i = 0; i < 1 + round % 4; i++)
			{
				/* most of the bytes are floats: aim at the beginning as often */
				size_t		at = ecml_rng_below(&rng, round % 2 ? w.size : 600);

				copy[at] = round % 5 ? (uint8_t) ecml_rng_next(&rng) : 0xff;
			}
		own->budget = w.size * 32 + 1048576;
		if (!attempt(own, read_and_use, &(Bytes) {copy, size}))
		{
			failed++;
			if (test_host(own)->status != ECML_CORRUPTED && test_host(own)->status != ECML_LIMIT_EXCEEDED)
				ok(false, "damaged bytes fail as corrupted: %s", test_host(own)->message);
		}
		free(copy);
		test_ctx_free(own);
	}
	ok(failed > 1000, "damaged bytes are told: %ld of 3000", failed);
	test_ctx_free(ctx);
}

/* ---- the flat form */

/* A model with all parts, groups among them, opened from a block, answers as the one that was read, and is written as it was. */
static void
test_flat(void)
{
	EcmlCtx    *ctx = test_ctx(1, 5);
	EcmlCtx    *other = test_ctx(1, 5);
	float		mix[REC_PARTS] = {0.5f, 0.25f, 0.125f, 0, 0.1f, 0.125f};
	RecFit	   *fit = fit_all(ctx, mix, false);
	RecModel   *model = fit->model;
	RecModel   *opened;
	size_t		start[3] = {0, 1, 3};
	int32_t		column[3] = {4, 0, 2};
	float		value[3] = {2, 1, 5};
	RecMatrix	by_group = {2, model->items, start, column, value};
	char	   *names[] = {"east", "west"};
	EcmlFlat	flat;
	uint64_t	check;
	size_t		size;
	FlatBlock	block;
	RecScorer	scorers[2];
	RecBest		best[2][ITEMS];
	EcmlWriter	w[2];
	bool		right = true;

	model->user_column = "customer_id";
	model->groups = 2;
	model->group_names = rec_texts(ctx, names, 2);
	model->group_popularity = &by_group;
	ecml_flat_measure(&flat, ctx);
	(void) rec_model_flat(&flat, model);
	size = flat.at;
	check = flat.check;
	block = flat_block(size);
	ecml_flat_write(&flat, ctx, into_block, &block);
	(void) rec_model_flat(&flat, model);
	ok(ecml_flat_end(&flat) && block.filled == size && flat.check == check, "a model in one block: %zu bytes", size);
	ecml_flat_open(&flat, other, block.start, size);
	opened = rec_model_flat(&flat, NULL);
	ok(ecml_flat_end(&flat) && flat.check == check, "it is opened");
	for (int i = 0; i < 2; i++)
	{
		ecml_writer_init(&w[i], other);
		rec_model_write(&w[i], i == 0 ? model : opened);
		rec_scorer_init(other, &scorers[i], i == 0 ? model : opened);
	}
	ok(w[0].size == w[1].size && memcmp(w[0].data, w[1].data, w[0].size) == 0, "it is written as the one that it was made of");
	for (int i = 0; i < model->items; i++)
		right &= rec_model_find(opened, rec_text(&model->ids, i), strlen(rec_text(&model->ids, i))) == i;
	ok(right && rec_model_find(opened, "ZZ", 2) == -1, "its items are found by their ids");
	right = true;
	for (int u = 0; u < USERS; u++)
		for (int alone = 0; alone < 2; alone++)
		{
			RecUser		user = user_of(fit, u);
			int			n[2];

			user.group = u % 3 - 1;
			for (int i = 0; i < 2; i++)
			{
				RecModel   *of = i == 0 ? model : opened;

				memcpy(of->mix, mix, sizeof(mix));
				for (int p = 1; alone && p < REC_PARTS; p++)
					of->mix[p] = 0;
				n[i] = rec_best(&scorers[i], &user, 20, NULL, user.items, user.n, best[i]);
			}
			right &= n[0] == n[1] && n[0] > 0 && memcmp(best[0], best[1], n[0] * sizeof(RecBest)) == 0;
		}
	ok(right, "its lists are the same to the last bit");
	for (size_t length = 0; length < size; length += 1 + length / 50)
	{
		EcmlCtx    *own = test_ctx(1, 1);
		char	   *piece = aligned_alloc(ECML_ALIGN, length / ECML_ALIGN * ECML_ALIGN + ECML_ALIGN);

		memcpy(piece, block.start, length);
		ecml_flat_open(&flat, own, piece, length);
		(void) rec_model_flat(&flat, NULL);
		right &= !ecml_flat_end(&flat);
		free(piece);
		test_ctx_free(own);
	}
	ok(right, "a shorter one is told");
	free(block.start);
	test_ctx_free(other);
	test_ctx_free(ctx);
}

int
main(void)
{
	test_bytes();
	test_flat();
	return done();
}
