/*
 * test_onnx.c - networks imported from ONNX files against onnxruntime; hostile bytes, failing memory, cancels
 */
#include "host.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image/exec.h"
#include "image/onnx.h"

#define MAX_LINE (1 << 20)

typedef struct Case
{
	char		name[40];
	int			height;
	int			width;
	int			channels;
	uint8_t    *file;
	size_t		n;
	int			noutputs;		/* 0: an error */
	double		outputs[64];
} Case;

static Case cases[32];
static int	ncases;

static void
load(void)
{
	FILE	   *file = fopen("test/data/image/networks.tsv", "r");
	char	   *line = malloc(MAX_LINE);

	while (file && fgets(line, MAX_LINE, file))
	{
		Case	   *c = &cases[ncases];
		char	   *hex;
		char	   *numbers;
		char	   *end;

		if (ncases == 32 || sscanf(line, "%39[^\t]\t%d\t%d\t%d", c->name, &c->height, &c->width, &c->channels) != 4)
			continue;
		hex = line;
		for (int tab = 0; tab < 4; tab++)
			hex = strchr(hex, '\t') + 1;
		numbers = strchr(hex, '\t');
		*numbers++ = '\0';
		numbers[strcspn(numbers, "\t")] = '\0';
		c->n = strlen(hex) / 2;
		c->file = malloc(c->n);
		for (size_t i = 0; i < c->n; i++)
		{
			unsigned	v;

			sscanf(hex + 2 * i, "%2x", &v);
			c->file[i] = (uint8_t) v;
		}
		for (c->noutputs = 0; c->noutputs < 64; c->noutputs++, numbers = end)
		{
			c->outputs[c->noutputs] = strtod(numbers, &end);
			if (end == numbers)
				break;
		}
		ncases++;
	}
	if (file)
		fclose(file);
	free(line);
	ok(ncases == 10, "test/data/image/networks.tsv is there");
}

static void
check(const Case *c, bool fold)
{
	EcmlCtx    *ctx = test_ctx(1, 1);
	OnnxOptions options = {.finish = ONNX_FINISH_NONE};
	OnnxAbout	about;

	if (TRY(ctx))
	{
		Network    *net = onnx_import(ctx, c->file, c->n, &options, &about);
		Runner	   *runner;
		float	   *x = ECML_NEW(ctx, float, (size_t) c->height * c->width * c->channels + NET_SLACK);
		const float *y;
		double		worst = 0;

		ok(about.height == c->height && about.width == c->width && about.channels == c->channels &&
		   (int) net_outputs(net) == c->noutputs, "%s: input and output", c->name);
		if (fold)
			net = net_fold(ctx, net);
		runner = runner_create(ctx, net, -1);
		for (int i = 0; i < c->height * c->width * c->channels; i++)
			x[i] = (float) (7919 * i % 1000) / 500.0f - 1;
		y = runner_run(runner, x, 1, ECML_NEW(ctx, float, runner_floats(runner, 1)));
		for (int i = 0; i < c->noutputs; i++)
			worst = fmax(worst, fabs(y[i] - c->outputs[i]) / fmax(1, fabs(c->outputs[i])));
		ok(worst < 1e-5, "%s: numbers of onnxruntime%s: different by %.2g", c->name, fold ? ", folded" : "", worst);
	}
	else
		ok(c->noutputs == 0 && test_host(ctx)->status == ECML_NOT_SUPPORTED && strstr(ctx->hint, "Conv"), "%s: %s (%s)", c->name,
		   test_host(ctx)->message, ctx->detail);
	test_ctx_free(ctx);
}

static void
test_finish(void)
{
	EcmlCtx    *ctx = test_ctx(1, 1);
	OnnxOptions options = {.finish = ONNX_FINISH_AUTO};
	OnnxAbout	about;

	if (TRY(ctx))
	{
		Network    *net = onnx_import(ctx, cases[0].file, cases[0].n, &options, &about);

		ok(net->nodes[net->n - 1].activation == NET_SOFTMAX, "a softmax is added where there is none");
		net = onnx_import(ctx, cases[1].file, cases[1].n, &options, &about);
		ok(net->nodes[net->n - 1].activation == NET_SOFTMAX && net->nodes[net->n - 2].kind == NET_DENSE, "but not a second one");
		ok(net->embedding > 0 && net->nodes[net->embedding].values == 16, "what the last dense layer reads describes a picture");
	}
	else
		ok(false, "%s", test_host(ctx)->message);
	options.output = "nothing";
	if (TRY(ctx))
	{
		(void) onnx_import(ctx, cases[0].file, cases[0].n, &options, &about);
		ok(false, "an output that is not there: an error");
	}
	else
		ok(test_host(ctx)->status == ECML_INVALID_PARAMETER, "an output that is not there: %s", test_host(ctx)->message);
	options = (OnnxOptions) {.width = 99};
	if (TRY(ctx))
	{
		(void) onnx_import(ctx, cases[0].file, cases[0].n, &options, &about);
		ok(false, "another width: an error");
	}
	else
		ok(test_host(ctx)->status == ECML_INVALID_PARAMETER, "another width: %s", test_host(ctx)->message);
	test_ctx_free(ctx);
}

/* -1: imported; -2: cancelled */
static int
status_of(const uint8_t *file, size_t n, long fail_after, long cancel_after, size_t *peak)
{
	EcmlCtx    *ctx = test_ctx(1, 1);
	OnnxOptions options = {0};
	OnnxAbout	about;
	volatile int status = -1;

	ctx->budget = 64 << 20;
	test_host(ctx)->fail_after = fail_after;
	test_host(ctx)->cancel_after = cancel_after;
	if (TRY(ctx))
		(void) onnx_import(ctx, file, n, &options, &about);
	else
		status = test_host(ctx)->cancelled ? -2 : test_host(ctx)->status;
	*peak = ctx->peak;
	test_ctx_free(ctx);
	return status;
}

static void
test_damage(const Case *c, int rounds)
{
	uint8_t    *copy = malloc(c->n);
	EcmlRng		rng;
	bool		good = true;
	size_t		most = 0;
	size_t		peak;
	int			imported = 0;

	for (size_t cut = 0; cut < c->n; cut += 1 + cut / 40)
	{
		uint8_t    *part = malloc(cut ? cut : 1);
		int			status;

		memcpy(part, c->file, cut);
		status = status_of(part, cut, -1, -1, &peak);
		good &= status == ECML_DATA_EXCEPTION || status == ECML_NOT_SUPPORTED;
		free(part);
	}
	ok(good, "%s: cut off anywhere, an error", c->name);
	good = true;
	ecml_rng_seed(&rng, c->n);
	for (int round = 0; round < rounds; round++)
	{
		int			changes = 1 + (int) ecml_rng_below(&rng, 6);
		int			status;

		memcpy(copy, c->file, c->n);
		for (int i = 0; i < changes; i++)
		{
			/* most of a file is weights: the structure is at its beginning and its end */
			size_t		at = ecml_rng_below(&rng, 2) ? ecml_rng_below(&rng, c->n)
				: ecml_rng_below(&rng, c->n < 1200 ? c->n : 1200);

			if (ecml_rng_below(&rng, 3) == 0)
				copy[at] = (uint8_t) ecml_rng_next(&rng);
			else
				copy[at] ^= (uint8_t) (1 << ecml_rng_below(&rng, 8));
		}
		status = status_of(copy, c->n, -1, -1, &peak);
		imported += status == -1;
		most = peak > most ? peak : most;
		good &= status != ECML_INTERNAL && status != -2;
	}
	ok(good && most <= 64 << 20, "%s: damaged bytes, %d of %d imported all the same, at most %zu kB taken", c->name, imported, rounds,
	   most >> 10);
	free(copy);
}

static void
test_failures(const Case *c)
{
	bool		good = true;
	long		rounds = 0;
	size_t		peak;

	for (int kind = 0; kind < 2; kind++)
		for (long k = 0; k < 100000; k += 1 + k / 8)
		{
			int			status = status_of(c->file, c->n, kind == 0 ? k : -1, kind == 1 ? k : -1, &peak);

			rounds++;
			if (status == -1)
				break;
			good &= status == (kind == 0 ? ECML_OUT_OF_MEMORY : -2);
		}
	ok(good && rounds > 20, "%s: failing memory and cancels, %ld of them", c->name, rounds);
}

int
main(void)
{
	load();
	for (int i = 0; i < ncases; i++)
	{
		check(&cases[i], false);
		if (cases[i].noutputs > 0)
			check(&cases[i], true);
		test_damage(&cases[i], 150);
	}
	if (ncases > 1)
	{
		test_finish();
		test_failures(&cases[1]);
		test_failures(&cases[4]);
	}
	for (int i = 0; i < ncases; i++)
		free(cases[i].file);
	return done();
}
