/*
 * host.h - the world of a kernel outside the server: malloc, setjmp, TAP on standard output
 *
 * A unit test is a program test/unit/test_<subject>.c:
 *
 *     int main(void) { ...; ok(cond, "what holds"); close_to(got, want, 1e-12, "what"); return done(); }
 *
 * TRY(ctx) { body } yields in ctx.host_data's TestHost what a failing body said.
 */
#ifndef ECML_TEST_HOST_H
#define ECML_TEST_HOST_H

#include <setjmp.h>

#include "num/ctx.h"

typedef struct TestHost
{
	jmp_buf		jump;
	EcmlStatus	status;			/* of the last failure */
	char		message[512];
	long		polls;
	long		fail_after;		/* allocations until one yields NULL; < 0: never */
	long		cancel_after;	/* polls until one is a cancel; < 0: never */
	bool		cancelled;		/* the last failure was such a cancel */
	struct TestChunk *chunks;	/* all that is allocated */
} TestHost;

/* A ctx over malloc: free with test_ctx_free, which checks nothing and frees everything. */
extern EcmlCtx *test_ctx(int threads, uint64_t seed);
extern void test_ctx_free(EcmlCtx *ctx);
extern TestHost *test_host(EcmlCtx *ctx);

/* if (TRY(ctx)) { may fail } else { it failed: test_host(ctx)->status, ->message, ctx->detail, ctx->hint } */
#define TRY(ctx) (setjmp(test_host(ctx)->jump) == 0)

extern void ok(bool cond, const char *fmt,...) ECML_PRINTF(2, 3);
extern void close_to(double got, double want, double relative, const char *fmt,...) ECML_PRINTF(4, 5);
extern void skip(const char *why);
extern int	done(void);			/* prints the plan; the exit status */

/* log relative error: the number of correct digits, 15.65 at most (an exact hit counts as 16) */
extern double lre(double got, double want);

#endif							/* ECML_TEST_HOST_H */
