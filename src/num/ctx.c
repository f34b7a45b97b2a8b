/*
 * ctx.c - memory with a budget, and failure with detail and hint
 */
#include "ctx.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* What lies before each block handed out: ECML_ALIGN bytes, so that the block stays aligned. */
typedef struct Header
{
	void	   *base;			/* what the host gave */
	size_t		size;			/* what was asked for */
} Header;

_Static_assert(sizeof(Header) <= ECML_ALIGN, "the header must fit before an aligned block");

static Header *
header_of(void *memory)
{
	return (Header *) ((char *) memory - ECML_ALIGN);
}

void
ecml_ctx_init(EcmlCtx *ctx, const EcmlHost *host, void *host_data, size_t budget, int threads, uint64_t seed)
{
	memset(ctx, 0, sizeof(*ctx));
	ctx->host = host;
	ctx->host_data = host_data;
	ctx->budget = budget;
	ctx->threads = threads < 1 ? 1 : threads;
	ctx->progress_high = 1;
	ecml_rng_seed(&ctx->rng, seed);
}

bool
ecml_fits(const EcmlCtx *ctx, size_t bytes)
{
	return ctx->budget == 0 || (bytes <= ctx->budget && ctx->used <= ctx->budget - bytes);
}

void *
ecml_alloc(EcmlCtx *ctx, size_t size)
{
	char	   *base;
	char	   *memory;

	if (size > SIZE_MAX / 4)
		ecml_fail(ctx, ECML_OUT_OF_MEMORY, "out of memory");
	if (!ecml_fits(ctx, size + ECML_OVERHEAD))
	{
		ecml_detail(ctx, "%.1f MB are needed beside the %.1f MB in use; the limit is %.1f MB.",
					size / 1048576.0, ctx->used / 1048576.0, ctx->budget / 1048576.0);
		ecml_fail(ctx, ECML_LIMIT_EXCEEDED, "not enough working memory");
	}
	base = ctx->host->alloc(ctx, size + ECML_OVERHEAD);
	if (base == NULL)
	{
		ecml_detail(ctx, "Failed on a request of %zu bytes.", size);
		ecml_fail(ctx, ECML_OUT_OF_MEMORY, "out of memory");
	}
	memory = (char *) (((uintptr_t) base + 2 * ECML_ALIGN - 1) & ~(uintptr_t) (ECML_ALIGN - 1));
	header_of(memory)->base = base;
	header_of(memory)->size = size;
	ctx->used += size + ECML_OVERHEAD;
	if (ctx->used > ctx->peak)
		ctx->peak = ctx->used;
	return memory;
}

void *
ecml_alloc_array(EcmlCtx *ctx, size_t count, size_t size)
{
	size_t		bytes;

	if (__builtin_mul_overflow(count, size, &bytes))
		bytes = SIZE_MAX;
	return ecml_alloc(ctx, bytes);
}

void *
ecml_zalloc_array(EcmlCtx *ctx, size_t count, size_t size)
{
	void	   *memory = ecml_alloc_array(ctx, count, size);

	memset(memory, 0, count * size);
	return memory;
}

void *
ecml_resize_array(EcmlCtx *ctx, void *memory, size_t count, size_t size)
{
	void	   *larger = ecml_alloc_array(ctx, count, size);

	if (memory != NULL)
	{
		size_t		old = header_of(memory)->size;

		memcpy(larger, memory, old < count * size ? old : count * size);
		ecml_free(ctx, memory);
	}
	return larger;
}

void
ecml_free(EcmlCtx *ctx, void *memory)
{
	if (memory == NULL)
		return;
	ctx->used -= header_of(memory)->size + ECML_OVERHEAD;
	ctx->host->release(ctx, header_of(memory)->base);
}

void
ecml_detail(EcmlCtx *ctx, const char *fmt,...)
{
	va_list		args;

	va_start(args, fmt);
	vsnprintf(ctx->detail, sizeof(ctx->detail), fmt, args);
	va_end(args);
}

void
ecml_hint(EcmlCtx *ctx, const char *fmt,...)
{
	va_list		args;

	va_start(args, fmt);
	vsnprintf(ctx->hint, sizeof(ctx->hint), fmt, args);
	va_end(args);
}

void
ecml_fail(EcmlCtx *ctx, EcmlStatus status, const char *fmt,...)
{
	char		message[512];
	va_list		args;

	va_start(args, fmt);
	vsnprintf(message, sizeof(message), fmt, args);
	va_end(args);
	ctx->host->fail(ctx, status, message);
}
