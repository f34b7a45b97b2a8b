/*
 * ctx.h - what a kernel may ask of the world
 *
 * A kernel knows neither PostgreSQL nor malloc: memory, cancellation, errors, threads and random numbers come from
 * the EcmlCtx that it is given.  In the server the host stands on a memory context, CHECK_FOR_INTERRUPTS and ereport
 * (src/core/host.c); in unit tests and fuzzers on malloc and setjmp (test/unit/host.c).
 *
 * ecml_poll and ecml_fail may leave by a long jump.  A kernel therefore holds nothing but memory of its ctx, which the
 * host frees as a whole.
 */
#ifndef ECML_CTX_H
#define ECML_CTX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rng.h"

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(ECML_NO_CLONES)
/* compiled for SSE2, AVX2+FMA and AVX-512, chosen when the library is loaded ("avx2" alone would have no FMA) */
#define ECML_CLONES __attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4")))
#else
#define ECML_CLONES
#endif

#if defined(__GNUC__)
#define ECML_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define ECML_NORETURN __attribute__((noreturn))
#else
#define ECML_PRINTF(f, a)
#define ECML_NORETURN
#endif

/* every block of memory is aligned for the widest vectors */
#define ECML_ALIGN 64

/* what each allocation takes beside what was asked for, counted against the budget */
#define ECML_OVERHEAD (2 * ECML_ALIGN)

typedef struct EcmlCtx EcmlCtx;

/* Classes of failure; the server host gives each its SQLSTATE. */
typedef enum EcmlStatus
{
	ECML_INVALID_PARAMETER,		/* an option or argument is wrong */
	ECML_DATA_EXCEPTION,		/* the rows cannot be used: NaN, one class, too few */
	ECML_LIMIT_EXCEEDED,		/* over a budget or a fixed limit; the hint names it */
	ECML_CORRUPTED,				/* the bytes of a model are damaged */
	ECML_NOT_SUPPORTED,
	ECML_OUT_OF_MEMORY,
	ECML_INTERNAL				/* cannot happen */
} EcmlStatus;

typedef struct EcmlHost
{
	void	   *(*alloc) (EcmlCtx *ctx, size_t size);	/* NULL when the system has no more */
	void		(*release) (EcmlCtx *ctx, void *memory);
	bool		(*interrupted) (EcmlCtx *ctx);	/* would poll do something? cheap */
	void		(*poll) (EcmlCtx *ctx, double done, double total);	/* may not return */
	void		(*fail) (EcmlCtx *ctx, EcmlStatus status, const char *message) ECML_NORETURN;
} EcmlHost;

struct EcmlCtx
{
	const EcmlHost *host;
	void	   *host_data;		/* the host's own */
	size_t		budget;			/* bytes that may be in use at once; 0: no bound */
	size_t		used;			/* bytes in use */
	size_t		peak;			/* the most that ever was in use */
	int			threads;		/* the most threads a parallel_for may use, the leader among them; at least 1 */
	EcmlRng		rng;			/* the leader's generator; see ecml_rng_stream for tasks */
	double		progress_low;	/* the part of the whole work that polls now tell of: 0 .. 1 */
	double		progress_high;
	char		detail[512];	/* of the failure under way */
	char		hint[512];
};

extern void ecml_ctx_init(EcmlCtx *ctx, const EcmlHost *host, void *host_data, size_t budget, int threads, uint64_t seed);

/*
 * Memory: never NULL (the ctx fails instead), ECML_ALIGN aligned, any size, counted against the budget.
 * The array forms check count * size for overflow.  Freeing early is optional.
 */
extern void *ecml_alloc(EcmlCtx *ctx, size_t size);
extern void *ecml_alloc_array(EcmlCtx *ctx, size_t count, size_t size);
extern void *ecml_zalloc_array(EcmlCtx *ctx, size_t count, size_t size);
extern void *ecml_resize_array(EcmlCtx *ctx, void *memory, size_t count, size_t size);	/* NULL memory: a new one */
extern void ecml_free(EcmlCtx *ctx, void *memory);	/* NULL is allowed */

#define ECML_NEW(ctx, type, count) ((type *) ecml_alloc_array((ctx), (count), sizeof(type)))
#define ECML_NEW0(ctx, type, count) ((type *) ecml_zalloc_array((ctx), (count), sizeof(type)))

/* Would this many more bytes fit the budget?  For choosing between a quick way and a frugal one. */
extern bool ecml_fits(const EcmlCtx *ctx, size_t bytes);

/*
 * Cancel and progress.  The leader calls it at least every few milliseconds of work.  total <= 0: not known.
 * Inside ecml_parallel_for this is done for the caller.
 */
static inline void
ecml_poll(EcmlCtx *ctx, double done, double total)
{
	if (total > 0)
		ctx->host->poll(ctx, ctx->progress_low + (ctx->progress_high - ctx->progress_low) * (done / total), 1);
	else
		ctx->host->poll(ctx, done, total);
}

/* What polls tell from now on is this part of the whole, as in start i of n: i / n to (i + 1) / n.  0 to 1: the whole. */
static inline void
ecml_progress(EcmlCtx *ctx, double low, double high)
{
	ctx->progress_low = low;
	ctx->progress_high = high;
}

/*
 * Failure: message as PostgreSQL's style has it (lower case, no full stop).  Detail (a sentence with the value met) and
 * hint (a sentence with the right form) are given before:
 *     ecml_detail(ctx, "There are %zu rows.", n); ecml_hint(ctx, "..."); ecml_fail(ctx, ECML_DATA_EXCEPTION, "...");
 */
extern void ecml_detail(EcmlCtx *ctx, const char *fmt,...) ECML_PRINTF(2, 3);
extern void ecml_hint(EcmlCtx *ctx, const char *fmt,...) ECML_PRINTF(2, 3);
extern void ecml_fail(EcmlCtx *ctx, EcmlStatus status, const char *fmt,...) ECML_PRINTF(3, 4) ECML_NORETURN;

/*
 * Run task(arg, i, worker) for i in 0 .. n-1, on at most ctx->threads threads.  0 <= worker < ecml_workers(ctx, n) tells
 * which scratch memory the task may use; what a task computes must depend on i alone, so that results are the same at any
 * thread count.  A task lasts about a millisecond, and calls none of alloc, poll, fail.
 * The threads are made for the call and joined before control leaves it, also when a poll in it does not return.
 */
typedef void (*EcmlTask) (void *arg, size_t i, int worker);

extern int	ecml_workers(const EcmlCtx *ctx, size_t n);
extern void ecml_parallel_for(EcmlCtx *ctx, size_t n, EcmlTask task, void *arg);

/* The same; the leader begins with meanwhile(own), which returns whatever happens, and then takes tasks as the others do. */
extern void ecml_parallel_while(EcmlCtx *ctx, size_t n, EcmlTask task, void *arg, void (*meanwhile) (void *own), void *own);

#endif							/* ECML_CTX_H */
