/*
 * host.c - an EcmlCtx that stands on PostgreSQL
 */
#include "core/compat.h"

#include <sys/mman.h>

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "core/guc.h"
#include "core/host.h"

#define HUGE_PAGE ((size_t) 2 << 20)

/*
 * Blocks of wide rows on huge pages, where the system has them for the asking: a pass over the columns of a row would
 * otherwise miss the translation buffer at each of them, and filling a block would fault every 4 kB.
 */
static void
ask_for_huge_pages(void *memory, size_t size)
{
#ifdef MADV_HUGEPAGE
	uintptr_t	first = TYPEALIGN(HUGE_PAGE, (uintptr_t) memory);
	uintptr_t	last = TYPEALIGN_DOWN(HUGE_PAGE, (uintptr_t) memory + size);

	if (last > first)
		(void) madvise((void *) first, last - first, MADV_HUGEPAGE);
#endif
}

static void *
server_alloc(EcmlCtx *ctx, size_t size)
{
	EcmlServerHost *host = ctx->host_data;
	void	   *memory = MemoryContextAllocExtended(host->context, size, MCXT_ALLOC_HUGE | MCXT_ALLOC_NO_OOM);

	if (memory != NULL && size >= 2 * HUGE_PAGE)
		ask_for_huge_pages(memory, size);
	return memory;
}

static void
server_release(EcmlCtx *ctx, void *memory)
{
	pfree(memory);
}

static bool
server_interrupted(EcmlCtx *ctx)
{
	return InterruptPending != 0;
}

/* At most a notice a second. */
static void
notice_progress(EcmlServerHost *host)
{
	instr_time	now;
	instr_time	since;

	INSTR_TIME_SET_CURRENT(now);
	since = now;
	INSTR_TIME_SUBTRACT(since, host->noticed);
	if (INSTR_TIME_GET_DOUBLE(since) < 1.0)
		return;
	host->noticed = now;
	if (host->total > 0)
		ereport(NOTICE,
				(errmsg("%s: %.0f %% done", host->progress, 100.0 * host->done / host->total)));
	else
		ereport(NOTICE,
				(errmsg("%s: %.0f rows read", host->progress, host->done)));
}

static void
server_poll(EcmlCtx *ctx, double done, double total)
{
	EcmlServerHost *host = ctx->host_data;

	CHECK_FOR_INTERRUPTS();
	if (done > 0)
	{
		host->done = done;
		host->total = total;
	}
	if (host->progress && host->done > 0)
		notice_progress(host);
}

int
ecml_host_sqlstate(EcmlStatus status)
{
	switch (status)
	{
		case ECML_INVALID_PARAMETER:
			return ERRCODE_INVALID_PARAMETER_VALUE;
		case ECML_DATA_EXCEPTION:
			return ERRCODE_DATA_EXCEPTION;
		case ECML_LIMIT_EXCEEDED:
			return ERRCODE_PROGRAM_LIMIT_EXCEEDED;
		case ECML_CORRUPTED:
			return ERRCODE_DATA_CORRUPTED;
		case ECML_NOT_SUPPORTED:
			return ERRCODE_FEATURE_NOT_SUPPORTED;
		case ECML_OUT_OF_MEMORY:
			return ERRCODE_OUT_OF_MEMORY;
		case ECML_INTERNAL:
			break;
	}
	return ERRCODE_INTERNAL_ERROR;
}

static void ECML_NORETURN
server_fail(EcmlCtx *ctx, EcmlStatus status, const char *message)
{
	if (status == ECML_LIMIT_EXCEEDED && ctx->hint[0] == '\0')
		ecml_hint(ctx, "Raise the setting ecml.work_mem, or give fewer rows or columns.");
	ereport(ERROR,
			(errcode(ecml_host_sqlstate(status)),
			 errmsg("%s", message),
			 ctx->detail[0] ? errdetail("%s", ctx->detail) : 0,
			 ctx->hint[0] ? errhint("%s", ctx->hint) : 0));
	pg_unreachable();
}

static const EcmlHost server_operations = {
	.alloc = server_alloc,
	.release = server_release,
	.interrupted = server_interrupted,
	.poll = server_poll,
	.fail = server_fail
};

void
ecml_host_init(EcmlCtx *ctx, EcmlServerHost *host, MemoryContext context, size_t budget, uint64 seed)
{
	host->context = context;
	host->progress = NULL;
	host->done = 0;
	host->total = 0;
	INSTR_TIME_SET_CURRENT(host->noticed);
	ecml_ctx_init(ctx, &server_operations, host, budget, ecml_guc_effective_threads(), seed);
}

void
ecml_host_check_text(EcmlReader *r, const char *text)
{
	if (!pg_verifymbstr(text, strlen(text), true))
		ecml_read_corrupted(r, "a text is not valid in the encoding of the database");
}

char *
ecml_host_read_text(EcmlReader *r)
{
	char	   *text = ecml_read_string(r);

	ecml_host_check_text(r, text);
	return text;
}
