/*
 * pagescan.c - a plain table of columns of fixed width, read by threads
 *
 * Where all columns stand at known places of a tuple, taking it apart needs nothing of PostgreSQL.  The leader pins some
 * pages and lists their visible tuples; then threads copy the values to where the rows belong in the dataset, and the pages
 * are let go.  Meanwhile the leader pins the next ones.  No rows are passed from process to process, and none stands twice.
 *
 * What a thread may not judge is odd: a tuple with a NULL, a value that is not finite, or very large, a weight of 0, a class
 * that has not been met.  A batch with an odd row is read again by the leader, row by row, so that rows come in the table's
 * order, and errors are those of any other way.  Where many batches have odd rows the table is left to tablescan.c.
 */
#include "core/compat.h"

#include <math.h>

#include "access/htup_details.h"
#include "access/tableam.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/memutils.h"

#include "core/guc.h"
#include "core/pages.h"
#include "core/pagescan.h"

#define FIRST_PAGES 4			/* read by the leader, who meets classes there, and learns where columns lie */
#define BATCH_PAGES 1024		/* in a batch, at most: making threads takes as long as moving some dozens */
#define TASK_BYTES 65536		/* of values that a task takes apart, about */
#define TILE_BYTES 32768		/* of rows whose columns are written together, about */
#define LEAST_TILE 16			/* rows: a cache line of floats */
#define MAX_TILE 64				/* rows */
#define FEW 8					/* columns, for which a call takes longer than the look */
#define PATIENCE 4				/* batches with odd rows: more than so many, and a quarter of all, are too many */

/* A class that threads know. */
typedef struct Class
{
	double		value;
	double		code;
} Class;

typedef struct PageScan
{
	EcmlPages	pages;			/* the batch */
	EcmlPages	ahead;			/* the next one */
	bool		pinned;			/* that one is ready; false: ahead has the pages of the one before */
	BlockNumber next;			/* page that comes after it, */
	BlockNumber npages;			/* of so many */
	ErrorData  *failure;		/* of pinning while threads were at work */
	EcmlColumns *columns;
	EcmlTrainer *trainer;
	TupleTableSlot *slot;
	MemoryContext per_row;

	/* for the tasks */
	double		plain;			/* a greater sum of squares is odd */
	int			in_place;		/* where the values of a tuple lie, from its data on, as doubles; -1: they do not */
	Class	   *classes;		/* [nclasses] of a target of classes */
	int			nclasses;
	size_t		task_rows;		/* a multiple of MAX_TILE, a part of ECML_BLOCK_ROWS */
	size_t		skip;			/* rows that the first task has fewer, so that tasks end with lines of the block */
	int			tile_rows;
	int			row_bytes;		/* of a tuple that are read, about */
	double	  **tiles;			/* [workers][tile_rows][nfeatures] */
	bool		odd;			/* some row is; written by tasks, without a lock: it only becomes true */
} PageScan;

/* ---- row by row */

static void
read_rows(PageScan *scan)
{
	size_t		row = 0;

	for (int i = 0; i < scan->pages.npages; i++)
	{
		Buffer		buffer = scan->pages.pages[i].buffer;
		HeapTupleData tuple = {.t_tableOid = RelationGetRelid(scan->pages.relation)};

		CHECK_FOR_INTERRUPTS();
		for (int n = 0; n < scan->pages.pages[i].rows; n++, row++)
		{
			MemoryContext old = MemoryContextSwitchTo(scan->per_row);
			EcmlRow		read;

			tuple.t_data = scan->pages.tuples[row];
			tuple.t_len = ItemIdGetLength(PageGetItemId(BufferGetPage(buffer), scan->pages.items[row]));
			ItemPointerSet(&tuple.t_self, BufferGetBlockNumber(buffer), scan->pages.items[row]);
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
	if (!isfinite(value) || (target->use != ECML_TARGET_SURVIVAL && fabs(value) > target->most))
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
	int			n = scan->columns->binder->nfeatures;
	double		sum = 0;

	if (n > FEW)
		return ecml_sum_squares(values, n) <= scan->plain;
	for (int j = 0; j < n; j++)
		sum += values[j] * values[j];
	return sum <= scan->plain;
}

/* The values of a row of the batch: where they lie, or in values [nfeatures]; NULL: it is odd. */
static inline const double *
read_values(const PageScan *scan, size_t row, double *values)
{
	const EcmlBinder *binder = scan->columns->binder;
	HeapTupleHeader tuple = scan->pages.tuples[row];
	const char *data = (const char *) tuple + tuple->t_hoff;

	if ((tuple->t_infomask & HEAP_HASNULL) || HeapTupleHeaderGetNatts(tuple) < scan->columns->last)
		return NULL;
	if (scan->in_place >= 0)
		return (const double *) (data + scan->in_place);
	return ecml_bind_runs(binder, data, values) ? values : NULL;
}

/* Have a row of the batch fetched: rows lie page by page, where what fetches ahead by itself begins anew. */
static inline void
prefetch_row(const PageScan *scan, size_t row)
{
	const char *tuple = (const char *) scan->pages.tuples[row];

	for (int at = 0; at < scan->row_bytes; at += 64)
		__builtin_prefetch(tuple + at, 0, 2);
}

/* Some rows of the batch, all of one block, to their places. */
static bool
move_rows(PageScan *scan, size_t first, int n, EcmlBlock *block, int at, double *tile, int *last_class)
{
	const EcmlColumns *columns = scan->columns;
	const double *rows[MAX_TILE];

	for (int i = 0; i < n; i++)
	{
		HeapTupleHeader tuple = scan->pages.tuples[first + i];
		const char *data = (const char *) tuple + tuple->t_hoff;

		if (first + n + i < scan->pages.nrows)
			prefetch_row(scan, first + n + i);
		rows[i] = read_values(scan, first + i, tile + (size_t) i * columns->binder->nfeatures);
		if (rows[i] == NULL || !are_plain(scan, rows[i]))
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

/* Rows *first .. of the batch: up to which. */
static inline size_t
rows_of_task(const PageScan *scan, size_t number, size_t *first)
{
	*first = number == 0 ? 0 : number * scan->task_rows - scan->skip;
	return Min((number + 1) * scan->task_rows - scan->skip, scan->pages.nrows);
}

static void
move_task(void *arg, size_t number, int worker)
{
	PageScan   *scan = arg;
	size_t		row;
	size_t		end = rows_of_task(scan, number, &row);
	int			last_class = 0;

	while (row < end && !scan->odd)
	{
		int			at;
		EcmlBlock  *block = ecml_dataset_room(scan->trainer->dataset, row, &at);
		int			n = Min(end - row, scan->tile_rows - at % scan->tile_rows);

		if (!move_rows(scan, row, n, block, at, scan->tiles[worker], &last_class))
			scan->odd = true;
		row += n;
	}
}

/* For a sample: are the rows of the batch what it takes without a look? */
static void
look_task(void *arg, size_t number, int worker)
{
	PageScan   *scan = arg;
	size_t		row;
	size_t		end = rows_of_task(scan, number, &row);

	for (; row < end && !scan->odd; row++)
	{
		const double *values = read_values(scan, row, scan->tiles[worker]);

		if (values == NULL || !are_plain(scan, values))
			scan->odd = true;
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

/* ---- pages */

/*
 * Pin the pages of the next batch, in place of those of the one before: as many as were read so far, so that threads soon have
 * something to do, and then for long.
 */
static void
pin(PageScan *scan)
{
	BlockNumber most = Min(Max(scan->next, FIRST_PAGES), scan->ahead.most);
	BlockNumber end = scan->next + Min(scan->npages - scan->next, most);

	scan->pinned = true;
	ecml_pages_release(&scan->ahead);
	while (scan->next < end)
		ecml_pages_read(&scan->ahead, scan->next++);
}

/* The same while threads are at work: they must have ended before an error or the end of the session leaves their stack. */
static void
pin_meanwhile(void *arg)
{
	PageScan   *scan = arg;
	MemoryContext context = CurrentMemoryContext;

	HOLD_INTERRUPTS();
	PG_TRY();
	{
		pin(scan);
		RESUME_INTERRUPTS();	/* an error does so by itself */
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		scan->failure = CopyErrorData();
		FlushErrorState();
	}
	PG_END_TRY();
}

/* Tasks over the rows of the batch; false: one of them is odd. */
static bool
run_tasks(PageScan *scan, EcmlTask task)
{
	size_t		ntasks = (scan->skip + scan->pages.nrows + scan->task_rows - 1) / scan->task_rows;

	scan->odd = false;
	ecml_parallel_while(&scan->trainer->ctx, ntasks, task, scan, pin_meanwhile, scan);
	if (scan->failure)
		ReThrowError(scan->failure);
	return !scan->odd;
}

/* By threads, all of the batch or nothing; false: nothing. */
static bool
move_batch(PageScan *scan)
{
	EcmlTrainer *trainer = scan->trainer;
	int			at;

	if (!ecml_dataset_make_room(trainer->dataset, scan->pages.nrows))
		return false;
	(void) ecml_dataset_room(trainer->dataset, 0, &at);
	scan->skip = at % scan->task_rows;
	if (ecml_trainer_target(trainer) == ECML_TARGET_CLASS)
	{
		list_classes(scan);
		if (scan->nclasses == 0)
			return false;
	}
	if (!run_tasks(scan, move_task))
		return false;
	ecml_trainer_count_room(trainer, scan->pages.nrows);
	ecml_dataset_fill(trainer->dataset, scan->pages.nrows);
	trainer->rows += scan->pages.nrows;
	return true;
}

/* The batch is offered to the sample, once threads have found that no row is odd; false: one is. */
static bool
draw_batch(PageScan *scan)
{
	EcmlTrainer *trainer = scan->trainer;
	EcmlReservoir *reservoir = trainer->reservoir;
	size_t		size = scan->columns->binder->nfeatures * sizeof(double);

	if (!run_tasks(scan, look_task))
		return false;
	/* no row has a weight: see suits */
	for (size_t row = ecml_reservoir_pass(reservoir, scan->pages.nrows); row < scan->pages.nrows;
		 row += 1 + ecml_reservoir_pass(reservoir, scan->pages.nrows - row - 1))
	{
		double	   *to = ecml_reservoir_offer(&trainer->ctx, reservoir, 1);

		memcpy(to, read_values(scan, row, scan->tiles[0]), size);
		to[reservoir->width - 1] = 0;
	}
	trainer->rows += scan->pages.nrows;
	return true;
}

/* ---- all of it */

/* Read all pages; false: it is not worth it. */
static bool
read_table(PageScan *scan)
{
	EcmlTrainer *trainer = scan->trainer;
	uint32		batches = 0;
	uint32		odd = 0;

	pin(scan);
	while (scan->ahead.npages > 0)
	{
		EcmlPages	batch = scan->ahead;

		scan->ahead = scan->pages;
		scan->pages = batch;
		scan->pinned = false;
		batches++;
		if (scan->pages.nrows > 0 && (batches == 1 || !(trainer->reservoir ? draw_batch(scan) : move_batch(scan))))
		{
			if (batches > 1 && ++odd > PATIENCE && odd > batches / 4)
				return false;
			read_rows(scan);
		}
		if (!scan->pinned)
			pin(scan);
		ecml_poll(&trainer->ctx, trainer->rows + trainer->skipped, 0);
	}
	return true;
}

static bool
suits(const EcmlTraining *training, EcmlColumns *columns, Relation relation, BlockNumber pages)
{
	bool		sample = training->algorithm->sample != NULL;

	/* a sample's weights are looked at row by row */
	return training->algorithm->one_pass == NULL && training->nextras == 0 &&
		!(sample && (columns->weight || training->algorithm->target != ECML_TARGET_NONE)) &&
		pages <= NBuffers / 4 && ecml_pages_suit(relation, pages) && ecml_guc_effective_threads() > 1 &&
		ecml_columns_place(columns, RelationGetDescr(relation));
}

EcmlTrainer *
ecml_pagescan(MemoryContext context, const EcmlTraining *training, EcmlColumns *columns, Relation relation, BlockNumber pages)
{
	PageScan	scan = {.columns = columns,.npages = pages};
	size_t		width;
	int			workers;
	bool		done;

	if (!suits(training, columns, relation, pages))
		return NULL;
	elog(DEBUG1, "reading \"%s\" with %d threads", RelationGetRelationName(relation), ecml_guc_effective_threads());
	scan.trainer = ecml_trainer_create(context, training, columns->binder, columns->target, columns->weight != NULL);
	scan.trainer->profiled = true;
	ecml_trainer_begin(scan.trainer);
	scan.plain = ecml_dataset_plain(scan.trainer->dataset);
	scan.in_place = ecml_bind_in_place(columns->binder);
	scan.slot = table_slot_create(relation, NULL);
	scan.per_row = AllocSetContextCreate(context, "ecml table row", ALLOCSET_DEFAULT_SIZES);
	scan.classes = palloc(ECML_MAX_CLASSES * sizeof(Class));
	width = columns->binder->nfeatures * sizeof(double);
	for (scan.task_rows = MAX_TILE; scan.task_rows < ECML_BLOCK_ROWS && scan.task_rows * 2 * width <= TASK_BYTES;)
		scan.task_rows *= 2;
	for (scan.tile_rows = LEAST_TILE; scan.tile_rows < MAX_TILE && scan.tile_rows * 2 * width <= TILE_BYTES;)
		scan.tile_rows *= 2;
	scan.row_bytes = SizeofHeapTupleHeader + width;
	workers = ecml_workers(&scan.trainer->ctx, SIZE_MAX);
	scan.tiles = palloc(workers * sizeof(double *));
	for (int i = 0; i < workers; i++)
		scan.tiles[i] = palloc(scan.tile_rows * width);
	ecml_pages_begin(&scan.pages, relation, BATCH_PAGES);
	ecml_pages_again(&scan.ahead, &scan.pages);
	done = read_table(&scan);
	ecml_pages_end(scan.pages.heap ? &scan.ahead : &scan.pages);
	ecml_pages_end(scan.pages.heap ? &scan.pages : &scan.ahead);
	ExecDropSingleTupleTableSlot(scan.slot);
	MemoryContextDelete(scan.per_row);
	if (!done)
		ecml_trainer_close(scan.trainer);
	return done ? scan.trainer : NULL;
}
