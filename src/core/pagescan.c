/*
 * pagescan.c - a plain table of columns of fixed width, read by threads
 *
 * Where all columns stand at known places of a tuple, taking it apart needs nothing of PostgreSQL.  The leader pins some
 * pages and lists their visible tuples; then threads copy the values to where the rows belong in the dataset, and the pages
 * are let go.  No rows are passed from process to process, and none stands twice.
 *
 * What a thread may not judge is odd: a tuple with a NULL, a value that is not finite, or very large, a weight of 0, a class
 * that has not been met.  A batch with an odd row is read again by the leader, row by row, so that rows come in the table's
 * order, and errors are those of any other way.  Where many batches have odd rows the table is left to tablescan.c.
 *
 * Tuples may be read without a lock as long as the page is pinned and the tuple visible to our snapshot: what moves or removes
 * tuples waits for all pins, and hint bits are not looked at.
 */
#include "core/compat.h"

#include <math.h>

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/relscan.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/bufmgr.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "core/guc.h"
#include "core/pagescan.h"

#define FIRST_PAGES 4			/* read by the leader, who meets classes there, and learns where columns lie */
#define BATCH_PAGES 256			/* pinned at once, at most */
#define PINS 64					/* and at most one buffer in so many */
#define TASK_BYTES 262144		/* of values that a task takes apart, about */
#define TILE_BYTES 32768		/* of rows whose columns are written together, about */
#define MAX_TILE 64				/* rows */
#define PATIENCE 4				/* batches with odd rows: more than so many, and a quarter of all, are too many */

typedef struct HeldPage
{
	Buffer		buffer;
	int			rows;			/* visible tuples */
} HeldPage;

/* A class that threads know. */
typedef struct Class
{
	double		value;
	double		code;
} Class;

typedef struct PageScan
{
	Relation	relation;
	Snapshot	snapshot;
	EcmlColumns *columns;
	EcmlTrainer *trainer;
	TupleTableSlot *slot;
	MemoryContext per_row;

	/* the batch */
	HeldPage   *pages;			/* [npages] */
	int			npages;
	OffsetNumber *items;		/* [nrows] line pointers of the visible tuples, page by page */
	HeapTupleHeader *tuples;	/* [nrows] the same */
	size_t		nrows;

	/* for the tasks */
	Class	   *classes;		/* [nclasses] of a target of classes */
	int			nclasses;
	size_t		task_rows;
	int			tile_rows;
	double	  **tiles;			/* [workers][tile_rows][nfeatures] */
	bool		odd;			/* some row is; written by tasks, without a lock: it only becomes true */
} PageScan;

/* ---- the leader lists tuples */

/* Pin a page and add its visible tuples to the batch. */
static void
read_page(PageScan *scan, BlockNumber number)
{
	Buffer		buffer = ReadBufferExtended(scan->relation, MAIN_FORKNUM, number, RBM_NORMAL, NULL);
	HeapTupleData tuple = {.t_tableOid = RelationGetRelid(scan->relation)};
	size_t		before = scan->nrows;
	OffsetNumber last;
	bool		all_visible;
	char	   *page;

	/* what every reader of a heap does: chances to clean up are taken, and the page may not change while it is looked at */
	heap_page_prune_opt(scan->relation, buffer);
	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	page = BufferGetPage(buffer);
	ecml_test_old_snapshot(scan->snapshot, scan->relation, page);
	last = PageGetMaxOffsetNumber(page);
	/* on a standby the flag may be ahead of the snapshot */
	all_visible = PageIsAllVisible(page) && !scan->snapshot->takenDuringRecovery;
	for (OffsetNumber item = FirstOffsetNumber; item <= last; item = OffsetNumberNext(item))
	{
		ItemId		id = PageGetItemId(page, item);

		if (!ItemIdIsNormal(id))
			continue;
		tuple.t_data = (HeapTupleHeader) PageGetItem(page, id);
		if (!all_visible)
		{
			tuple.t_len = ItemIdGetLength(id);
			ItemPointerSet(&tuple.t_self, number, item);
			if (!HeapTupleSatisfiesVisibility(&tuple, scan->snapshot, buffer))
				continue;
		}
		scan->items[scan->nrows] = item;
		scan->tuples[scan->nrows++] = tuple.t_data;
	}
	LockBuffer(buffer, BUFFER_LOCK_UNLOCK);
	scan->pages[scan->npages++] = (HeldPage) {buffer, (int) (scan->nrows - before)};
}

static void
release_pages(PageScan *scan)
{
	for (int i = 0; i < scan->npages; i++)
		ReleaseBuffer(scan->pages[i].buffer);
	scan->npages = 0;
	scan->nrows = 0;
}

/* ---- row by row */

static void
read_rows(PageScan *scan)
{
	size_t		row = 0;

	for (int i = 0; i < scan->npages; i++)
	{
		Buffer		buffer = scan->pages[i].buffer;
		HeapTupleData tuple = {.t_tableOid = RelationGetRelid(scan->relation)};

		CHECK_FOR_INTERRUPTS();
		for (int n = 0; n < scan->pages[i].rows; n++, row++)
		{
			MemoryContext old = MemoryContextSwitchTo(scan->per_row);
			EcmlRow		read;

			tuple.t_data = scan->tuples[row];
			tuple.t_len = ItemIdGetLength(PageGetItemId(BufferGetPage(buffer), scan->items[row]));
			ItemPointerSet(&tuple.t_self, BufferGetBlockNumber(buffer), scan->items[row]);
			ExecStoreBufferHeapTuple(&tuple, scan->slot, buffer);
			read = ecml_columns_read(scan->columns, scan->slot);
			ecml_trainer_row(scan->trainer, read.usable, read.has_y, read.y, read.has_w, read.w);
			ExecClearTuple(scan->slot);
			MemoryContextSwitchTo(old);
		}
		MemoryContextReset(scan->per_row);
	}
}

/* ---- tasks */

/* The code of a class that is known; false: it is not. */
static inline bool
find_class(const PageScan *scan, double value, int *last, double *code)
{
	if (value != scan->classes[*last].value)
	{
		int			i = 0;

		while (i < scan->nclasses && scan->classes[i].value != value)
			i++;
		if (i == scan->nclasses)
			return false;
		*last = i;
	}
	*code = scan->classes[*last].code;
	return true;
}

/* The target of a row; false: it is odd. */
static inline bool
read_target(const PageScan *scan, const char *data, int *last, double *y)
{
	const EcmlColumns *columns = scan->columns;
	const EcmlTarget *target = columns->target;
	double		value = ecml_bind_fixed(target->input.convert, data + columns->target_offset);

	if (target->use == ECML_TARGET_CLASS)
		return find_class(scan, value, last, y);
	if (!isfinite(value))
		return false;
	if (target->use == ECML_TARGET_SURVIVAL)
	{
		double		event = target->has_event ? ecml_bind_fixed(target->event.convert, data + columns->event_offset) : 1;

		if (value < 0 || (event != 0 && event != 1))
			return false;
		value = event == 1 ? fabs(value) : -fabs(value);
	}
	*y = value;
	return true;
}

/* Are all values such as an append of the dataset takes without a look? */
static inline bool
are_plain(const PageScan *scan, const double *values)
{
	return ecml_sum_squares(values, scan->columns->binder->nfeatures) <= ecml_dataset_plain(scan->trainer->dataset);
}

/* Some rows of the batch, all of one block, to their places. */
static bool
move_rows(PageScan *scan, size_t first, int n, EcmlBlock *block, int at, double *tile, int *last_class)
{
	const EcmlColumns *columns = scan->columns;
	const EcmlBinder *binder = columns->binder;
	const double *rows[MAX_TILE];

	for (int i = 0; i < n; i++)
	{
		HeapTupleHeader tuple = scan->tuples[first + i];
		const char *data = (const char *) tuple + tuple->t_hoff;

		if ((tuple->t_infomask & HEAP_HASNULL) || HeapTupleHeaderGetNatts(tuple) < columns->last)
			return false;
		rows[i] = ecml_bind_in_place(binder, data);
		if (rows[i] == NULL)
		{
			double	   *values = tile + (size_t) i * binder->nfeatures;

			if (!ecml_bind_runs(binder, data, values))
				return false;
			rows[i] = values;
		}
		if (!are_plain(scan, rows[i]))
			return false;
		if (block->y && !read_target(scan, data, last_class, (double *) block->y + at + i))
			return false;
		if (block->w)
		{
			double		w = ecml_bind_fixed(columns->weight->convert, data + columns->weight_offset);

			if (!(w > 0 && isfinite(w)))
				return false;
			((double *) block->w)[at + i] = w;
		}
	}
	ecml_dataset_put(scan->trainer->dataset, block, at, rows, n);
	return true;
}

static void
move_task(void *arg, size_t number, int worker)
{
	PageScan   *scan = arg;
	size_t		row = number * scan->task_rows;
	size_t		end = Min(row + scan->task_rows, scan->nrows);
	int			last_class = 0;

	while (row < end && !scan->odd)
	{
		int			at;
		EcmlBlock  *block = ecml_dataset_room(scan->trainer->dataset, row, &at);
		int			n = Min(Min(end - row, scan->tile_rows), ECML_BLOCK_ROWS - at);

		if (!move_rows(scan, row, n, block, at, scan->tiles[worker], &last_class))
			scan->odd = true;
		row += n;
	}
}

/* The classes that are known now. */
static void
list_classes(PageScan *scan)
{
	const EcmlTarget *target = scan->columns->target;
	int			n = target->labels->n;

	scan->nclasses = n;
	for (int i = 0; i < n; i++)
		scan->classes[i] = (Class) {target->input.kind == ECML_BOOLEAN ? i : target->numbers[i], i};
}

/* By threads, all of the batch or nothing; false: nothing. */
static bool
move_batch(PageScan *scan)
{
	EcmlTrainer *trainer = scan->trainer;
	size_t		ntasks = (scan->nrows + scan->task_rows - 1) / scan->task_rows;

	if (!ecml_dataset_make_room(trainer->dataset, scan->nrows))
		return false;
	if (ecml_trainer_target(trainer) == ECML_TARGET_CLASS)
	{
		list_classes(scan);
		if (scan->nclasses == 0)
			return false;
	}
	scan->odd = false;
	ecml_parallel_for(&trainer->ctx, ntasks, move_task, scan);
	if (scan->odd)
		return false;
	ecml_trainer_count_room(trainer, scan->nrows);
	ecml_dataset_fill(trainer->dataset, scan->nrows);
	trainer->rows += scan->nrows;
	return true;
}

/* ---- all of it */

/* Read all pages; false: it is not worth it. */
static bool
read_table(PageScan *scan, BlockNumber pages, int batch_pages)
{
	EcmlTrainer *trainer = scan->trainer;
	uint32		batches = 0;
	uint32		odd = 0;

	for (BlockNumber next = 0; next < pages;)
	{
		BlockNumber end = next + Min(pages - next, next == 0 ? Min(FIRST_PAGES, batch_pages) : batch_pages);
		bool		first = next == 0;

		while (next < end)
			read_page(scan, next++);
		batches++;
		if (scan->nrows > 0 && (first || !move_batch(scan)))
		{
			if (!first && ++odd > PATIENCE && odd > batches / 4)
				return false;
			read_rows(scan);
		}
		for (size_t i = 0; i < scan->nrows; i++)
			pgstat_count_heap_getnext(scan->relation);
		release_pages(scan);
		ecml_poll(&trainer->ctx, trainer->rows + trainer->skipped, 0);
	}
	return true;
}

static bool
suits(const EcmlTraining *training, EcmlColumns *columns, Relation relation, BlockNumber pages)
{
	/* large tables should not push all else out of the buffers; serialisable transactions keep account of each row */
	return training->algorithm->one_pass == NULL && training->algorithm->sample == NULL && training->nextras == 0 && pages <= NBuffers / 4 && NBuffers / PINS >= 2 * FIRST_PAGES &&
		ecml_guc_effective_threads() > 1 && !IsolationIsSerializable() && !RelationUsesLocalBuffers(relation) &&
		IsMVCCSnapshot(GetActiveSnapshot()) && ecml_columns_place(columns, RelationGetDescr(relation));
}

EcmlTrainer *
ecml_pagescan(MemoryContext context, const EcmlTraining *training, EcmlColumns *columns, Relation relation, BlockNumber pages)
{
	PageScan	scan = {.relation = relation,.snapshot = GetActiveSnapshot(),.columns = columns};
	int			batch_pages = Min(BATCH_PAGES, NBuffers / PINS);
	TableScanDesc heap;
	size_t		width;
	int			workers;
	bool		done;

	if (!suits(training, columns, relation, pages))
		return NULL;
	elog(DEBUG1, "reading \"%s\" with %d threads", RelationGetRelationName(relation), ecml_guc_effective_threads());
	scan.trainer = ecml_trainer_create(context, training, columns->binder, columns->target, columns->weight != NULL);
	scan.trainer->profiled = true;
	ecml_trainer_begin(scan.trainer);
	scan.slot = table_slot_create(relation, NULL);
	scan.per_row = AllocSetContextCreate(context, "ecml table row", ALLOCSET_DEFAULT_SIZES);
	scan.pages = palloc(batch_pages * sizeof(HeldPage));
	scan.items = palloc(batch_pages * MaxHeapTuplesPerPage * sizeof(OffsetNumber));
	scan.tuples = palloc(batch_pages * MaxHeapTuplesPerPage * sizeof(HeapTupleHeader));
	scan.classes = palloc(ECML_MAX_CLASSES * sizeof(Class));
	width = columns->binder->nfeatures * sizeof(double);
	scan.task_rows = Max(TASK_BYTES / width, MAX_TILE);
	scan.tile_rows = Min(Max(TILE_BYTES / width / 8 * 8, 8), MAX_TILE);
	workers = ecml_workers(&scan.trainer->ctx, SIZE_MAX);
	scan.tiles = palloc(workers * sizeof(double *));
	for (int i = 0; i < workers; i++)
		scan.tiles[i] = palloc(scan.tile_rows * width);
	/* counted, and locked against phantoms, as any scan */
	heap = table_beginscan_strat(relation, scan.snapshot, 0, NULL, true, false);
	done = read_table(&scan, pages, batch_pages);
	release_pages(&scan);
	table_endscan(heap);
	ExecDropSingleTupleTableSlot(scan.slot);
	MemoryContextDelete(scan.per_row);
	if (!done)
		ecml_trainer_close(scan.trainer);
	return done ? scan.trainer : NULL;
}
