/*
 * test_linreg_state.c - the state of linear regression: merged, grown, written, read, damaged; without memory, and cancelled
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"
#include "linreg_tables.h"

static void
test_merge(void)
{
	static const int shapes[] = {5, 20, 70};

	for (int s = 0; s < 3; s++)
		for (int weighted = 0; weighted < 2; weighted++)
		{
			Table		t = random_table(400, shapes[s], weighted, 7 + s);
			LinregModel *whole = fit_all(state_of(&t), &defaults);
			double		worst = 0;

			for (int split = 0; split <= 400; split += 57)
			{
				LinregState *a = linreg_new(ctx, shapes[s]);
				LinregState *b = linreg_new(ctx, shapes[s]);

				absorb_rows(ctx, a, &t, 0, split);
				for (int i = split; i < 400; i += 100)
					absorb_rows(ctx, b, &t, i, 400 - i < 100 ? 400 - i : 100);
				linreg_merge(ctx, a, b, NULL);
				worst = fmax(worst, distance(fit_all(a, &defaults), whole));
				if (linreg_rows(a) != 400)
					worst = INFINITY;
			}
			ok(worst <= (s < 2 ? 1e-14 : 1e-11), "merge: %d terms%s, any split is the whole (%.2g)", shapes[s],
			   weighted ? ", weighted" : "", worst);
		}
}

/* Terms that come later, in another order: what a one-hot dictionary that grows does. */
static void
test_grow(void)
{
	static const int sizes[][2] = {{4, 9}, {40, 80}, {70, 100}};

	for (int s = 0; s < 3; s++)
	{
		int			few = sizes[s][0];
		int			many = sizes[s][1];
		Table		t = random_table(600, many, true, 31 + s);
		Table		early = new_table(300, few, true);
		Table		late = new_table(300, many, true);
		LinregState *a = linreg_new(ctx, few);
		LinregState *b = linreg_new(ctx, many);
		LinregState *merged = linreg_new(ctx, 0);
		LinregState *grown = linreg_new(ctx, few);
		LinregModel *whole;
		int			map[MOST];
		int			back[MOST];

		/* the first half has only the first terms; the second half's terms are in reverse order */
		for (int i = 0; i < 300; i++)
			for (int j = few; j < many; j++)
				t.x[(size_t) i * many + j] = 0;
		whole = fit_all(state_of(&t), &defaults);
		for (int i = 0; i < 300; i++)
		{
			early.y[i] = t.y[i];
			late.y[i] = t.y[300 + i];
			early.w[i] = t.w[i];
			late.w[i] = t.w[300 + i];
			for (int j = 0; j < few; j++)
				early.x[i * few + j] = t.x[i * many + j];
			for (int j = 0; j < many; j++)
				late.x[i * many + many - 1 - j] = t.x[(size_t) (300 + i) * many + j];
		}
		for (int j = 0; j < many; j++)
			map[j] = many - 1 - j;
		absorb_rows(ctx, a, &early, 0, 300);
		absorb_rows(ctx, b, &late, 0, 300);
		linreg_grow(ctx, merged, few);
		linreg_merge(ctx, merged, a, NULL);
		linreg_grow(ctx, merged, many);
		linreg_merge(ctx, merged, b, map);
		ok(agree(fit_all(merged, &defaults), whole, 1e-11), "grow: %d terms, merged into %d by a map", few, many);

		absorb_rows(ctx, grown, &early, 0, 300);
		linreg_grow(ctx, grown, many);
		absorb_rows(ctx, grown, &t, 300, 300);
		ok(agree(fit_all(grown, &defaults), whole, 1e-11), "grow: from %d terms to %d, then more rows", few, many);

		/* the other way about: the rows of few terms into the state of many */
		for (int j = 0; j < few; j++)
			back[j] = many - 1 - j;
		linreg_merge(ctx, b, a, back);
		for (int j = 0; j < many; j++)
			back[j] = many - 1 - j;
		ok(agree(linreg_fit(ctx, b, &defaults, back, many), whole, 1e-11), "grow: %d terms into a state of %d, selected backwards",
		   few, many);
	}
}

static void
test_round_trip(void)
{
	static const int shapes[] = {0, 1, 6, 66};

	for (int s = 0; s < 4; s++)
	{
		Table		t = random_table(200, shapes[s], true, 50 + s);
		LinregState *state = state_of(&t);
		LinregState *again;
		LinregState *copy = linreg_state_copy(ctx, state);
		EcmlWriter	w;
		EcmlWriter	w2;
		EcmlReader	r;
		LinregModel *model = fit_all(state, &defaults);
		LinregModel *read;

		ecml_writer_init(&w, ctx);
		linreg_state_write(&w, state);
		ok(w.size == linreg_state_size(state), "state of %d terms: its size is as foretold", shapes[s]);
		ecml_reader_init(&r, ctx, w.data, w.size);
		again = linreg_state_read(&r);
		ecml_read_end(&r);
		ok(distance(fit_all(again, &defaults), model) == 0 && distance(fit_all(copy, &defaults), model) == 0
		   && linreg_rows(again) == 200, "state of %d terms: written, read, copied, the same fit", shapes[s]);
		linreg_merge(ctx, again, copy, NULL);
		ok(linreg_rows(again) == 400 && linreg_rows(copy) == 200, "state of %d terms: a merge leaves its source alone", shapes[s]);

		ecml_writer_init(&w, ctx);
		linreg_write(&w, model);
		ecml_reader_init(&r, ctx, w.data, w.size);
		read = linreg_read(&r, shapes[s]);
		ecml_read_end(&r);
		ecml_writer_init(&w2, ctx);
		linreg_write(&w2, read);
		ok(w.size == w2.size && memcmp(w.data, w2.data, w.size) == 0, "model of %d terms: written, read, the same bytes", shapes[s]);
	}
	{
		LinregState *empty = linreg_new(ctx, 3);
		EcmlWriter	w;
		EcmlReader	r;

		ecml_writer_init(&w, ctx);
		linreg_state_write(&w, empty);
		ecml_reader_init(&r, ctx, w.data, w.size);
		empty = linreg_state_read(&r);
		ok(linreg_terms(empty) == 3 && linreg_rows(empty) == 0 && w.size == linreg_state_size(empty), "an empty state makes the trip");
		if (TRY(ctx))
		{
			fit_all(empty, &defaults);
			ok(false, "no rows are an error");
		}
		else
			ok(test_host(ctx)->status == ECML_DATA_EXCEPTION, "no rows are an error: %s", test_host(ctx)->message);
	}
}

/* Use what was read from damaged bytes; whatever fails must fail by ctx. */
static void
use_state(EcmlCtx *c, const uint8_t *data, size_t size, const Table *t, const LinregParams *params)
{
	EcmlReader	r;
	LinregState *state;
	LinregState *other = linreg_new(c, t->terms);
	int			select[MOST];

	ecml_reader_init(&r, c, data, size);
	state = linreg_state_read(&r);
	ecml_read_end(&r);
	if (linreg_terms(state) != t->terms)
		return;
	for (int j = 0; j < t->terms; j++)
		select[j] = j;
	linreg_fit(c, state, params, select, t->terms);
	absorb_rows(c, other, t, 0, 8);
	linreg_merge(c, other, state, NULL);
	absorb_rows(c, state, t, 0, 8);
	linreg_merge(c, state, other, NULL);
	linreg_fit(c, state, params, select, t->terms);
}

static void
use_model(EcmlCtx *c, const uint8_t *data, size_t size, const Table *t)
{
	EcmlReader	r;
	LinregModel *m;
	EcmlWriter	w;
	double		mean;
	double		observation;

	ecml_reader_init(&r, c, data, size);
	m = linreg_read(&r, t->terms);
	ecml_read_end(&r);
	linreg_predict(m, t->x);
	linreg_interval(m, t->x, 0.95, &mean, &observation);
	ecml_writer_init(&w, c);
	linreg_write(&w, m);
}

/* what: 0, 1, 2: a state and a fit by least squares, ridge, elastic net; 3: a model */
static bool
survives(const uint8_t *data, size_t size, const Table *t, int what, bool must_fail)
{
	EcmlCtx    *c = test_ctx(1, 1);
	volatile bool fine = !must_fail;
	LinregParams params = defaults;

	params.max_iter = 50;
	params.alpha = what == 0 ? 0 : 0.1;
	params.l1_ratio = what == 2 ? 0.5 : 0;
	if (TRY(c))
	{
		if (what == 3)
			use_model(c, data, size, t);
		else
			use_state(c, data, size, t, &params);
	}
	else if (must_fail)
		fine = test_host(c)->status == ECML_CORRUPTED;
	else
		fine = test_host(c)->status == ECML_CORRUPTED || test_host(c)->status == ECML_DATA_EXCEPTION;
	test_ctx_free(c);
	return fine;
}

static void
test_damage(void)
{
	static const int shapes[] = {3, 65, 3};

	for (int s = 0; s < 3; s++)
	{
		Table		t = random_table(80, shapes[s], s == 0, 60 + s);
		LinregState *state = state_of(&t);
		EcmlWriter	w;
		EcmlRng		rng;
		bool		cut = true;
		bool		flipped = true;
		int			flips = s == 1 ? 300 : 20000;
		const char *what = s == 2 ? "model" : "state";

		ecml_rng_seed(&rng, 5 + s);
		ecml_writer_init(&w, ctx);
		if (s == 2)
			linreg_write(&w, fit_all(state, &defaults));
		else
			linreg_state_write(&w, state);
		for (size_t size = 0; size < w.size; size += s == 1 ? 97 : 1)
		{
			uint8_t    *exact = malloc(size > 0 ? size : 1);

			memcpy(exact, w.data, size);
			cut &= survives(exact, size, &t, s == 2 ? 3 : 0, true);
			free(exact);
		}
		ok(cut, "a %s of %d terms, cut short anywhere, is corrupted", what, shapes[s]);
		for (int i = 0; i < flips; i++)
		{
			uint8_t    *copy = malloc(w.size);
			int			times = 1 + (int) ecml_rng_below(&rng, 3);

			memcpy(copy, w.data, w.size);
			for (int k = 0; k < times; k++)
			{
				/* half of them where lengths and flags are */
				size_t		at = ecml_rng_below(&rng, ecml_rng_below(&rng, 2) && w.size > 40 ? 40 : w.size);

				copy[at] ^= (uint8_t) (1 << ecml_rng_below(&rng, 8));
			}
			flipped &= survives(copy, w.size, &t, s == 2 ? 3 : i % 3, false);
			free(copy);
		}
		ok(flipped, "a %s of %d terms with flipped bits (%d times) harms nobody", what, shapes[s], flips);
	}
}

static void
whole_life(EcmlCtx *c, const Table *t, const LinregParams *params)
{
	LinregState *a = linreg_new(c, t->terms);
	LinregState *b;
	EcmlWriter	w;
	EcmlReader	r;
	int			select[MOST];
	LinregModel *m;

	absorb_rows(c, a, t, 0, t->rows / 2);
	linreg_grow(c, a, t->terms);
	ecml_writer_init(&w, c);
	linreg_state_write(&w, a);
	ecml_reader_init(&r, c, w.data, w.size);
	b = linreg_state_read(&r);
	absorb_rows(c, b, t, t->rows / 2, t->rows - t->rows / 2);
	linreg_merge(c, a, b, NULL);
	for (int j = 0; j < t->terms; j++)
		select[j] = j;
	m = linreg_fit(c, a, params, select, t->terms);
	ecml_writer_init(&w, c);
	linreg_write(&w, m);
	ecml_reader_init(&r, c, w.data, w.size);
	linreg_read(&r, t->terms);
}

/* A whole life in a world of its own, in which an allocation fails or a poll cancels; returns what came of it. */
typedef enum Fate
{
	COMPLETE,
	NO_MEMORY,
	CANCELLED,
	OTHER
} Fate;

static Fate
live(const Table *t, const LinregParams *params, long fail_after, long cancel_after, long *polls)
{
	EcmlCtx    *c = test_ctx(1, 1);
	volatile Fate fate = COMPLETE;

	test_host(c)->fail_after = fail_after;
	test_host(c)->cancel_after = cancel_after;
	if (TRY(c))
		whole_life(c, t, params);
	else if (test_host(c)->cancelled)
		fate = CANCELLED;
	else
		fate = test_host(c)->status == ECML_OUT_OF_MEMORY ? NO_MEMORY : OTHER;
	*polls = test_host(c)->polls;
	test_ctx_free(c);
	return fate;
}

static void
test_failures(void)
{
	static const int shapes[] = {4, 66};

	for (int s = 0; s < 2; s++)
		for (int kind = 0; kind < 3; kind++)
		{
			Table		t = random_table(s ? 400 : 1400, shapes[s], true, 70 + s);
			LinregParams params = defaults;
			long		polls;
			long		ignored;
			long		failed = 0;
			long		cancelled = 0;
			Fate		fate;

			params.alpha = kind > 0;
			params.l1_ratio = kind == 2 ? 0.5 : 0;
			while ((fate = live(&t, &params, failed, -1, &polls)) == NO_MEMORY && failed < 2000)
				failed++;
			ok(fate == COMPLETE && failed > 10, "%d terms, penalty %d: out of memory at each of %ld allocations", shapes[s],
			   kind, failed);
			for (long after = 0; after < polls; after++)
				cancelled += live(&t, &params, -1, after, &ignored) == CANCELLED;
			ok(polls > 0 && cancelled == polls, "%d terms, penalty %d: a cancel at each of %ld polls", shapes[s], kind, polls);
		}
}

int
main(void)
{
	static void (*const tests[]) (void) = {
		test_merge, test_grow, test_round_trip, test_damage, test_failures
	};

	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
	{
		ctx = test_ctx(1, 1);
		tests[i] ();
		test_ctx_free(ctx);
	}
	return done();
}
