/*
 * clv_sql.h - what the bindings of customer value share
 */
#ifndef CLV_SQL_H
#define CLV_SQL_H

#include "postgres.h"

#include "core/keys.h"
#include "core/source.h"
#include "survival/clv.h"

/* Columns of the source. */
typedef struct ClvColumns
{
	int			customer;
	int			moment;
	int			amount;			/* -1: none */
} ClvColumns;

/*
 * All purchases of a source, read by several processes, in no order; memory from context, counted against ctx's budget.  false: that
 * would not be worth it, and nothing has been read.  text: the source's own.
 */
extern bool clv_gather(EcmlCtx *ctx, MemoryContext context, EcmlSource *source, const char *text, const ClvColumns *columns,
					   EcmlKeys **keys, ClvPurchases *purchases);

#endif							/* CLV_SQL_H */
