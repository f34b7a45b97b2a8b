/*
 * host.c - the kernels' world in unit tests: malloc, setjmp, TAP
 */
#include "host.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct TestChunk
{
	struct TestChunk *next;
	struct TestChunk *previous;
} TestChunk;

static int	tests;
static int	failures;

static void *
host_alloc(EcmlCtx *ctx, size_t size)
{
	TestHost   *host = ctx->host_data;
	TestChunk  *chunk;

	if (host->fail_after >= 0 && host->fail_after-- == 0)
		return NULL;
	chunk = malloc(size + sizeof(TestChunk));
	if (chunk == NULL)
		return NULL;
	chunk->previous = NULL;
	chunk->next = host->chunks;
	if (host->chunks)
		host->chunks->previous = chunk;
	host->chunks = chunk;
	return chunk + 1;
}

static void
host_release(EcmlCtx *ctx, void *memory)
{
	TestHost   *host = ctx->host_data;
	TestChunk  *chunk = (TestChunk *) memory - 1;

	if (chunk->next)
		chunk->next->previous = chunk->previous;
	if (chunk->previous)
		chunk->previous->next = chunk->next;
	else
		host->chunks = chunk->next;
	free(chunk);
}

static bool
host_interrupted(EcmlCtx *ctx)
{
	TestHost   *host = ctx->host_data;

	return host->cancel_after == 0;
}

static void
host_poll(EcmlCtx *ctx, double done_so_far, double total)
{
	TestHost   *host = ctx->host_data;

	(void) done_so_far;
	(void) total;
	host->polls++;
	if (host->cancel_after >= 0 && host->cancel_after-- == 0)
	{
		host->cancelled = true;
		longjmp(host->jump, 1);
	}
}

static void ECML_NORETURN
host_fail(EcmlCtx *ctx, EcmlStatus status, const char *message)
{
	TestHost   *host = ctx->host_data;

	host->cancelled = false;
	host->status = status;
	snprintf(host->message, sizeof(host->message), "%s", message);
	longjmp(host->jump, 1);
}

static const EcmlHost host_operations = {
	.alloc = host_alloc,
	.release = host_release,
	.interrupted = host_interrupted,
	.poll = host_poll,
	.fail = host_fail
};

EcmlCtx *
test_ctx(int threads, uint64_t seed)
{
	EcmlCtx    *ctx = malloc(sizeof(EcmlCtx));
	TestHost   *host = calloc(1, sizeof(TestHost));

	if (ctx == NULL || host == NULL)
		abort();
	host->fail_after = -1;
	host->cancel_after = -1;
	ecml_ctx_init(ctx, &host_operations, host, 0, threads, seed);
	return ctx;
}

void
test_ctx_free(EcmlCtx *ctx)
{
	TestHost   *host = ctx->host_data;

	while (host->chunks)
	{
		TestChunk  *next = host->chunks->next;

		free(host->chunks);
		host->chunks = next;
	}
	free(host);
	free(ctx);
}

TestHost *
test_host(EcmlCtx *ctx)
{
	return ctx->host_data;
}

static void
report(bool passed, const char *name)
{
	tests++;
	if (!passed)
		failures++;
	printf("%sok %d - %s\n", passed ? "" : "not ", tests, name);
	fflush(stdout);
}

void
ok(bool cond, const char *fmt,...)
{
	char		name[512];
	va_list		args;

	va_start(args, fmt);
	vsnprintf(name, sizeof(name), fmt, args);
	va_end(args);
	report(cond, name);
}

void
close_to(double got, double want, double relative, const char *fmt,...)
{
	char		name[512];
	va_list		args;
	bool		passed = got == want || fabs(got - want) <= relative * fabs(want);

	va_start(args, fmt);
	vsnprintf(name, sizeof(name), fmt, args);
	va_end(args);
	report(passed, name);
	if (!passed)
		printf("#   got %.17g, want %.17g, relative error %.3g (allowed %.3g)\n",
			   got, want, fabs(got - want) / fabs(want), relative);
}

void
skip(const char *why)
{
	tests++;
	printf("ok %d # SKIP %s\n", tests, why);
}

int
done(void)
{
	printf("1..%d\n", tests);
	return failures > 0;
}

double
lre(double got, double want)
{
	double		error = want == 0 ? fabs(got) : fabs(got - want) / fabs(want);

	if (error == 0)
		return 16;
	if (!isfinite(error) || error >= 1)
		return 0;
	return fmin(-log10(error), 16);
}
