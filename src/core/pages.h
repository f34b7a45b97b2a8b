/*
 * pages.h - the visible tuples of a plain table, some pages at a time, to be read where they lie
 */
#ifndef ECML_PAGES_H
#define ECML_PAGES_H

#include "postgres.h"
#include "access/htup_details.h"
#include "access/relscan.h"
#include "storage/buf.h"
#include "utils/rel.h"
#include "utils/snapshot.h"

typedef struct EcmlHeldPage
{
	Buffer		buffer;
	int			rows;			/* visible tuples */
} EcmlHeldPage;

typedef struct EcmlPages
{
	Relation	relation;
	Snapshot	snapshot;
	TableScanDesc heap;			/* NULL: that of the first batch */
	BufferAccessStrategy strategy;	/* NULL: none */
	int			most;			/* pages pinned at once, at most */

	/* the batch */
	EcmlHeldPage *pages;		/* [npages] */
	int			npages;
	OffsetNumber *items;		/* [nrows] line pointers of the visible tuples, page by page */
	HeapTupleHeader *tuples;	/* [nrows] the same */
	size_t		nrows;
} EcmlPages;

/* May a heap table be read so: not tiny, not temporary, and no account kept of each row? */
extern bool ecml_pages_suit(Relation relation, BlockNumber pages);

/* The active snapshot's tuples, of so many pages at once, or fewer where buffers are few; memory from the current context. */
extern void ecml_pages_begin(EcmlPages *pages, Relation relation, int most);
extern void ecml_pages_end(EcmlPages *pages);

/* A second batch of the same scan, so that one may be read while the other is worked on; to be ended before the first. */
extern void ecml_pages_again(EcmlPages *pages, const EcmlPages *first);

/* Add a page to the batch: it stays pinned. */
extern void ecml_pages_read(EcmlPages *pages, BlockNumber number);

/* Let the batch go, its rows counted as read. */
extern void ecml_pages_release(EcmlPages *pages);

#endif							/* ECML_PAGES_H */
