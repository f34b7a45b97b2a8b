/*
 * pages.c - the visible tuples of a plain table
 *
 * Tuples may be read without a lock as long as the page is pinned and the tuple visible to our snapshot: what moves or removes
 * tuples waits for all pins, and hint bits are not looked at.  So threads may take them apart.
 */
#include "core/compat.h"

#include "access/heapam.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/bufmgr.h"
#include "utils/snapmgr.h"

#include "core/pages.h"

#define PINS 64					/* pinned at once: at most one buffer in so many */
#define RING_PAGES 16			/* half of what a ring holds */
#define FEWEST_PAGES 8			/* not worth it below */

bool
ecml_pages_suit(Relation relation, BlockNumber pages)
{
	/* serialisable transactions keep account of each row */
	return pages >= FEWEST_PAGES && NBuffers / PINS >= FEWEST_PAGES && !IsolationIsSerializable() &&
		!RelationUsesLocalBuffers(relation) && IsMVCCSnapshot(GetActiveSnapshot());
}

static void
make_batch(EcmlPages *pages)
{
	pages->pages = palloc(pages->most * sizeof(EcmlHeldPage));
	pages->items = palloc(pages->most * MaxHeapTuplesPerPage * sizeof(OffsetNumber));
	pages->tuples = palloc(pages->most * MaxHeapTuplesPerPage * sizeof(HeapTupleHeader));
	pages->npages = 0;
	pages->nrows = 0;
}

void
ecml_pages_begin(EcmlPages *pages, Relation relation, int most)
{
	pages->relation = relation;
	pages->snapshot = GetActiveSnapshot();
	pages->most = Min(most, NBuffers / PINS);
	pages->strategy = NULL;
	/* a large table should not push all else out of the buffers: it goes through a ring of them, as any scan of it does */
	if (RelationGetNumberOfBlocks(relation) > NBuffers / 4)
	{
		pages->strategy = GetAccessStrategy(BAS_BULKREAD);
		pages->most = Min(RING_PAGES, pages->most);
	}
	/* counted, and locked against phantoms, as any scan */
	pages->heap = table_beginscan_strat(relation, pages->snapshot, 0, NULL, true, false);
	make_batch(pages);
}

void
ecml_pages_again(EcmlPages *pages, const EcmlPages *first)
{
	*pages = *first;
	pages->heap = NULL;
	make_batch(pages);
}

void
ecml_pages_end(EcmlPages *pages)
{
	ecml_pages_release(pages);
	if (pages->heap)
	{
		table_endscan(pages->heap);
		if (pages->strategy)
			FreeAccessStrategy(pages->strategy);
	}
	pfree(pages->pages);
	pfree(pages->items);
	pfree(pages->tuples);
}

/* Committed before anything that our snapshot does not see, and not deleted: most rows are, and can be told without a call. */
static inline bool
is_plainly_visible(HeapTupleHeader tuple, TransactionId oldest)
{
	TransactionId inserted = HeapTupleHeaderGetRawXmin(tuple);

	if ((tuple->t_infomask & (HEAP_XMIN_COMMITTED | HEAP_XMAX_INVALID)) != (HEAP_XMIN_COMMITTED | HEAP_XMAX_INVALID))
		return false;
	return HeapTupleHeaderXminFrozen(tuple) ||
		(TransactionIdIsNormal(inserted) && (int32) (inserted - oldest) < 0);
}

void
ecml_pages_read(EcmlPages *pages, BlockNumber number)
{
	Buffer		buffer = ReadBufferExtended(pages->relation, MAIN_FORKNUM, number, RBM_NORMAL, pages->strategy);
	HeapTupleData tuple = {.t_tableOid = RelationGetRelid(pages->relation)};
	size_t		before = pages->nrows;
	OffsetNumber last;
	bool		all_visible;
	char	   *page;

	/* what every reader of a heap does: chances to clean up are taken, and the page may not change while it is looked at */
	heap_page_prune_opt(pages->relation, buffer);
	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	page = BufferGetPage(buffer);
	ecml_test_old_snapshot(pages->snapshot, pages->relation, page);
	last = PageGetMaxOffsetNumber(page);
	/* on a standby the flag may be ahead of the snapshot */
	all_visible = PageIsAllVisible(page) && !pages->snapshot->takenDuringRecovery;
	for (OffsetNumber item = FirstOffsetNumber; item <= last; item = OffsetNumberNext(item))
	{
		ItemId		id = PageGetItemId(page, item);

		if (!ItemIdIsNormal(id))
			continue;
		tuple.t_data = (HeapTupleHeader) PageGetItem(page, id);
		if (!all_visible && !is_plainly_visible(tuple.t_data, pages->snapshot->xmin))
		{
			tuple.t_len = ItemIdGetLength(id);
			ItemPointerSet(&tuple.t_self, number, item);
			if (!HeapTupleSatisfiesVisibility(&tuple, pages->snapshot, buffer))
				continue;
		}
		pages->items[pages->nrows] = item;
		pages->tuples[pages->nrows++] = tuple.t_data;
	}
	LockBuffer(buffer, BUFFER_LOCK_UNLOCK);
	pages->pages[pages->npages++] = (EcmlHeldPage) {buffer, (int) (pages->nrows - before)};
}

void
ecml_pages_release(EcmlPages *pages)
{
	ecml_count_returned(pages->relation, pages->nrows);
	for (int i = 0; i < pages->npages; i++)
		ReleaseBuffer(pages->pages[i].buffer);
	pages->npages = 0;
	pages->nrows = 0;
}
