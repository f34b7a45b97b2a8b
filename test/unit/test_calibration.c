/*
 * test_calibration.c - Platt scaling against its optimum by mpmath, isotonic regression against scikit-learn
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "metrics_cases.h"
#include "num/calibration.h"

static EcmlScores
scores_of(EcmlCtx *ctx, const Case *c)
{
	const List *label = find_list(c, "label");
	const List *score = find_list(c, "score");
	const List *weight = find_list(c, "weight");
	EcmlScores	s;

	ecml_scores_init(&s, weight != NULL);
	for (int i = 0; i < label->n; i++)
		ecml_scores_add(ctx, &s, label->v[i] > 0, score->v[i], weight ? weight->v[i] : 1);
	ecml_scores_sort(ctx, &s);
	return s;
}

/* What is written and read again gives the same probabilities. */
static const EcmlCalibration *
through_bytes(EcmlCtx *ctx, const EcmlCalibration *c)
{
	EcmlWriter	w;
	EcmlReader	r;
	EcmlCalibration *again;

	ecml_writer_init(&w, ctx);
	ecml_calibration_write(&w, c);
	ecml_reader_init(&r, ctx, w.data, w.size);
	again = ecml_calibration_read(&r);
	ecml_read_end(&r);
	return again;
}

static void
against_references(void)
{
	FILE	   *file = open_cases("calibration.tsv");
	EcmlCtx    *ctx = test_ctx(1, 1);
	Case		c;
	int			cases = 0;

	for (; next_case(ctx, file, &c); cases++)
	{
		EcmlScores	s = scores_of(ctx, &c);
		const List *platt = find_list(&c, "platt");
		const List *at = find_list(&c, "at");
		double	   *got = ECML_NEW(ctx, double, at->n);
		const EcmlCalibration *fitted = through_bytes(ctx, ecml_calibration_fit(ctx, &s, ECML_CALIBRATION_ISOTONIC));

		for (int i = 0; i < at->n; i++)
			got[i] = ecml_calibration_apply(fitted, at->v[i]);
		check_list(&c, "isotonic.x", fitted->x, 1, fitted->n, 0);
		check_list(&c, "isotonic.y", fitted->y, 1, fitted->n, 1e-12);
		check_list(&c, "isotonic.at", got, 1, at->n, 1e-12);
		if (platt)
		{
			const List *sklearn = find_list(&c, "sklearn");
			double		worst = 0;

			fitted = through_bytes(ctx, ecml_calibration_fit(ctx, &s, ECML_CALIBRATION_SIGMOID));
			check_list(&c, "platt", &fitted->a, 1, 2, 1e-9);
			if (fabs(fitted->a / platt->v[0] - 1) > 1e-9)
				ok(false, "%s: slope %.17g, not %.17g", c.name, fitted->a, platt->v[0]);
			for (int i = 0; i < at->n; i++)
				worst = fmax(worst, fabs(ecml_calibration_apply(fitted, at->v[i]) -
										 1 / (1 + exp(sklearn->v[0] * at->v[i] + sklearn->v[1]))));
			ok(worst < 1e-4, "%s: scikit-learn's sigmoid is within %.1g", c.name, worst);
		}
		ok(true, "%s", c.name);
	}
	ok(cases == 11, "%d cases", cases);
	if (file)
		fclose(file);
	test_ctx_free(ctx);
}

static void
edges(void)
{
	EcmlCtx    *ctx = test_ctx(1, 1);
	EcmlScores	s;
	EcmlCalibration *c;

	ecml_scores_init(&s, false);
	for (int i = 0; i < 8; i++)
		ecml_scores_add(ctx, &s, true, i, 1);
	ecml_scores_sort(ctx, &s);
	c = ecml_calibration_fit(ctx, &s, ECML_CALIBRATION_SIGMOID);
	ok(fabs(c->a) < 1e-9 && near(ecml_calibration_apply(c, 3), 0.9, 1e-9), "positives only: 9 of 10, whatever the score");
	for (int i = 0; i < 2; i++)
		ecml_scores_add(ctx, &s, false, 3, 1);
	ecml_scores_free(ctx, &s);
	ecml_scores_init(&s, false);
	for (int i = 0; i < 30; i++)
		ecml_scores_add(ctx, &s, i % 3 == 0, 0.1, 1);
	ecml_scores_sort(ctx, &s);
	c = ecml_calibration_fit(ctx, &s, ECML_CALIBRATION_SIGMOID);
	/* the mean of the smoothed targets: (10 * 11 / 12 + 20 / 22) / 30 */
	ok(near(ecml_calibration_apply(c, 0.1), (10 * 11.0 / 12 + 20.0 / 22) / 30, 1e-9), "one score: its frequency");
	c = ecml_calibration_fit(ctx, &s, ECML_CALIBRATION_ISOTONIC);
	ok(c->n == 1 && near(ecml_calibration_apply(c, -5), 1.0 / 3, 1e-15) && near(ecml_calibration_apply(c, 5), 1.0 / 3, 1e-15),
	   "one score, isotonic: one step");
	ok(isnan(ecml_calibration_apply(c, NAN)), "NaN stays NaN");
	c = ecml_calibration_fit(ctx, &s, ECML_CALIBRATION_NONE);
	ok(ecml_calibration_apply(c, 0.3) == 0.3, "no calibration: the score itself");
	ecml_scores_free(ctx, &s);

	/* scores a million away from zero, and of 1e200 */
	for (int kind = 0; kind < 2; kind++)
	{
		ecml_scores_init(&s, false);
		for (int i = 0; i < 1000; i++)
		{
			double		z = ecml_rng_normal(&ctx->rng);

			ecml_scores_add(ctx, &s, ecml_rng_double(&ctx->rng) < 1 / (1 + exp(-z)), kind ? z * 1e200 : z + 1e6, 1);
		}
		ecml_scores_sort(ctx, &s);
		c = ecml_calibration_fit(ctx, &s, ECML_CALIBRATION_SIGMOID);
		ok(fabs(c->a * (kind ? 1e200 : 1) + 1) < 0.3, "scores %s: slope %.2f", kind ? "of 1e200" : "far from zero",
		   c->a * (kind ? 1e200 : 1));
		ecml_scores_free(ctx, &s);
	}
	test_ctx_free(ctx);
}

static bool
fits(EcmlCtx *ctx, const EcmlScores *s, EcmlCalibrationMethod method)
{
	if (!TRY(ctx))
		return false;
	(void) ecml_calibration_fit(ctx, s, method);
	return true;
}

static bool
readable(EcmlCtx *ctx, const uint8_t *data, size_t size)
{
	EcmlReader	r;

	if (TRY(ctx))
	{
		ecml_reader_init(&r, ctx, data, size);
		(void) ecml_calibration_read(&r);
		ecml_read_end(&r);
		return true;
	}
	if (test_host(ctx)->status != ECML_CORRUPTED)
		abort();
	return false;
}

static void
failures(void)
{
	EcmlCtx    *ctx = test_ctx(1, 2);
	EcmlScores	s;
	EcmlWriter	w;
	int			wrong = 0;

	ecml_scores_init(&s, true);
	ok(!fits(ctx, &s, ECML_CALIBRATION_ISOTONIC) && test_host(ctx)->status == ECML_DATA_EXCEPTION &&
	   !fits(ctx, &s, ECML_CALIBRATION_SIGMOID), "no rows: %s", test_host(ctx)->message);
	for (int i = 0; i < 500; i++)
	{
		double		score = ecml_rng_double(&ctx->rng);

		ecml_scores_add(ctx, &s, ecml_rng_double(&ctx->rng) < score, score, 1 + i % 3);
	}
	ecml_scores_sort(ctx, &s);
	for (int method = ECML_CALIBRATION_SIGMOID; method <= ECML_CALIBRATION_ISOTONIC; method++)
	{
		int			k = 0;

		test_host(ctx)->cancel_after = 0;
		while (!fits(ctx, &s, method))
			test_host(ctx)->cancel_after = ++k;
		ok(k > 0 && test_host(ctx)->cancelled, "cancelled at each of %d polls", k);
		test_host(ctx)->cancel_after = -1;
		k = 0;
		test_host(ctx)->fail_after = 0;
		while (!fits(ctx, &s, method))
			test_host(ctx)->fail_after = ++k;
		ok(k > 0 && test_host(ctx)->status == ECML_OUT_OF_MEMORY, "each of %d allocations fails", k);
		test_host(ctx)->fail_after = -1;

		ecml_writer_init(&w, ctx);
		ecml_calibration_write(&w, ecml_calibration_fit(ctx, &s, method));
		for (size_t size = 0; size < w.size; size++)
			wrong += readable(ctx, w.data, size);
		for (size_t at = 0; at < w.size; at++)
		{
			uint8_t		kept = w.data[at];

			for (int bit = 0; bit < 8; bit++)
			{
				w.data[at] = kept ^ (1 << bit);
				(void) readable(ctx, w.data, w.size);	/* right or refused, never a fault */
			}
			w.data[at] = kept;
		}
		wrong += !readable(ctx, w.data, w.size);
	}
	ok(wrong == 0, "bytes cut off are refused");
	test_ctx_free(ctx);
}

int
main(void)
{
	against_references();
	edges();
	failures();
	return done();
}
