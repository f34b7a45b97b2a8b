/*
 * host.h - an EcmlCtx that stands on PostgreSQL: memory contexts, CHECK_FOR_INTERRUPTS, ereport
 */
#ifndef ECML_HOST_H
#define ECML_HOST_H

#include "postgres.h"
#include "portability/instr_time.h"

#include "num/bytes.h"
#include "num/ctx.h"

typedef struct EcmlServerHost
{
	MemoryContext context;		/* all memory of the ctx comes from here */
	const char *progress;		/* what to call the work in progress notices; NULL: no notices */
	instr_time	noticed;		/* when the last notice was sent */
	double		done;			/* the last known state of the work */
	double		total;
} EcmlServerHost;

/* Initialise ctx and host: memory from context, budget in bytes (0: none), threads from the settings. */
extern void ecml_host_init(EcmlCtx *ctx, EcmlServerHost *host, MemoryContext context, size_t budget, uint64 seed);

/* The SQLSTATE of a kernel's failure. */
extern int	ecml_host_sqlstate(EcmlStatus status);

/* Corrupted, when a text read from bytes that may come from anywhere is none of the database's encoding. */
extern void ecml_host_check_text(EcmlReader *r, const char *text);

/* ecml_read_string of bytes that may come from anywhere: corrupted as well when they are no text of the database's encoding. */
extern char *ecml_host_read_text(EcmlReader *r);

#endif							/* ECML_HOST_H */
