/*
 * test_iforest_bytes.c - isolation forest: the same bits on any number of threads; cancelled, out of memory; damaged bytes
 */
#include "iforest_cases.h"

#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- threads */

static EcmlWriter
fitted_bytes(EcmlCtx *ctx, int extension, bool weighted)
{
	int			categories[5] = {0, 0, 7, 0, 3};
	double	   *x = normal_rows(ctx, 11, 5000, 5);
	double	   *w = NULL;
	IforestParams params = IFOREST_DEFAULTS;
	EcmlWriter	writer;

	params.extension_level = extension;
	params.contamination = 0.05;
	params.n_trees = 70;
	for (int i = 0; i < 5000; i++)
	{
		x[5 * i + 2] = i % 7;
		x[5 * i + 4] = i % 3;
		if (i % 5 == 0)
			x[5 * i + i / 5 % 5] = NAN;
	}
	if (weighted)
	{
		w = ECML_NEW(ctx, double, 5000);
		for (int i = 0; i < 5000; i++)
			w[i] = 1 + i % 4;
	}
	ecml_writer_init(&writer, ctx);
	iforest_write(&writer, fit(ctx, 5000, 5, x, w, &params, categories));
	return writer;
}

static void
test_threads(int extension, bool weighted)
{
	EcmlCtx    *one = test_ctx(1, 9);
	EcmlCtx    *four = test_ctx(4, 9);
	EcmlWriter	a = fitted_bytes(one, extension, weighted);
	EcmlWriter	b = fitted_bytes(four, extension, weighted);

	ok(a.size == b.size && memcmp(a.data, b.data, a.size) == 0, "the same bits at 1 and 4 threads: level %d%s", extension,
	   weighted ? ", weights" : "");
	test_ctx_free(one);
	test_ctx_free(four);
}

/* ---------------------------------------------------------------- interruptions, bytes */

static bool
attempt(EcmlCtx *ctx, int extension)
{
	if (TRY(ctx))
	{
		(void) fitted_bytes(ctx, extension, true);
		return true;
	}
	return false;
}

static void
test_interruptions(int extension)
{
	EcmlCtx    *whole = test_ctx(3, 6);
	long		polls;
	int			stopped = 0;
	int			tries = 0;

	(void) attempt(whole, extension);
	polls = test_host(whole)->polls;
	for (long after = 0; after < polls; after += polls / 15 + 1, tries++)
	{
		EcmlCtx    *ctx = test_ctx(3, 6);

		test_host(ctx)->cancel_after = after;
		stopped += attempt(ctx, extension) || test_host(ctx)->cancelled;
		test_ctx_free(ctx);
	}
	ok(stopped == tries, "cancelled at %d of %ld polls: level %d", tries, polls, extension);
	stopped = tries = 0;
	for (long after = 0; after < 3000; after = after * 2 + 1, tries++)
	{
		EcmlCtx    *ctx = test_ctx(3, 6);

		test_host(ctx)->fail_after = after;
		stopped += attempt(ctx, extension) || test_host(ctx)->status == ECML_OUT_OF_MEMORY;
		test_ctx_free(ctx);
	}
	ok(stopped == tries, "out of memory at %d places: level %d", tries, extension);
	test_ctx_free(whole);
}

static const int five[5] = {0, 0, 7, 0, 3};

/* Refused as corrupted, or a model that works. */
static bool
read_safely(const uint8_t *bytes, size_t size, bool *accepted)
{
	EcmlCtx    *ctx = test_ctx(1, 1);
	bool		safe;

	*accepted = false;
	if (TRY(ctx))
	{
		EcmlReader	r;
		IforestModel *model;
		double		x[5] = {1, NAN, 3, 4, 2};
		double		base;
		double		c[5];

		ecml_reader_init(&r, ctx, bytes, size);
		model = iforest_read(&r, 5, five);
		safe = !isinf(iforest_score(model, x));
		iforest_contributions(model, x, &base, c);
		*accepted = true;
	}
	else
		safe = test_host(ctx)->status == ECML_CORRUPTED || test_host(ctx)->status == ECML_LIMIT_EXCEEDED;
	test_ctx_free(ctx);
	return safe;
}

static void
test_bytes(int extension)
{
	EcmlCtx    *ctx = test_ctx(1, 9);
	EcmlWriter	w = fitted_bytes(ctx, extension, false);
	EcmlWriter	again;
	EcmlReader	r;
	IforestModel *model;
	EcmlRng		rng;
	bool		accepted;
	int			bad = 0;
	int			taken = 0;

	ecml_reader_init(&r, ctx, w.data, w.size);
	model = iforest_read(&r, 5, five);
	ecml_writer_init(&again, ctx);
	iforest_write(&again, model);
	ok(again.size == w.size && memcmp(again.data, w.data, w.size) == 0, "a model is read as it was written: level %d", extension);
	for (size_t size = 0; size < w.size; size += size / 20 + 1)
	{
		uint8_t    *part = malloc(size + 1);

		memcpy(part, w.data, size);
		bad += !read_safely(part, size, &accepted) || accepted;
		free(part);
	}
	ok(bad == 0, "truncations are refused: level %d", extension);
	ecml_rng_seed(&rng, 3);
	for (int i = 0; i < 100; i++)
	{
		/* the head more often */
		size_t		bit = ecml_rng_below(&rng, i % 2 ? 800 : w.size * 8);

		w.data[bit / 8] ^= (uint8_t) (1 << bit % 8);
		bad += !read_safely(w.data, w.size, &accepted);
		taken += accepted;
		w.data[bit / 8] ^= (uint8_t) (1 << bit % 8);
	}
	ok(bad == 0 && taken < 100, "100 flipped bits: safe (%d still a model): level %d", taken, extension);
	test_ctx_free(ctx);
}

int
main(void)
{
	for (int extension = 0; extension < 3; extension++)
	{
		test_threads(extension, false);
		test_threads(extension, true);
		test_bytes(extension);
	}
	test_interruptions(0);
	test_interruptions(2);
	return done();
}
