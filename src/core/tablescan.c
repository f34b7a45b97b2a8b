/*
 * tablescan.c - a plain table read by several processes at once, into a trainer
 *
 * PostgreSQL does not read a table in parallel for a query that gives all of its rows: passing them on would cost more than
 * reading them.  Here the workers bind the rows, too, so that what is passed on is small: packed blocks of columns, or the
 * state of a one-pass algorithm.
 *
 * The source is planned as any query.  Only when its plan is nothing but a scan of a whole table, without a condition (so
 * that there is no view, row security, partition or foreign table behind it that would have to be heeded), the table is
 * read here, with the rights that the plan asks for and the snapshot of the statement.
 *
 * The table is cut into ranges of pages.  The leader and its workers take one after the other.  A worker sends its rows
 * through a queue in shared memory, tagged with the range; the leader empties the queues between rows of its own.  At the
 * end it puts the pieces in the table's order: rows, blocks and everything derived from them are the same as after a scan by
 * one process.  Categories get codes in each process; the leader gives them its own.
 *
 * Where a sample is enough for the algorithm, the leader draws it while rows come: those of a range as soon as all ranges before
 * it are complete, so that rows have the numbers that a single process would give them.  Nothing but the sample stays.
 *
 * Memory: the rows stand twice when the pieces are put together.  Where that may exceed the budget the table is read by one
 * process, which can spill.  Shared memory: 2 MB a worker.
 */
#include "core/compat.h"

#include <math.h>

#include "access/heapam.h"
#include "access/parallel.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_am.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "optimizer/cost.h"
#include "optimizer/paths.h"
#include "pgstat.h"
#include "port/atomics.h"
#include "storage/bufmgr.h"
#include "storage/latch.h"
#include "storage/shm_mq.h"
#include "storage/shm_toc.h"
#include "utils/array.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "core/algorithm.h"
#include "core/guc.h"
#include "core/onepass.h"
#include "core/pagescan.h"
#include "core/profile.h"
#include "core/tablescan.h"

#define KEY_SHARED UINT64CONST(0xEC31000000000001)
#define KEY_TEXTS UINT64CONST(0xEC31000000000002)
#define KEY_ORIGIN UINT64CONST(0xEC31000000000003)
#define KEY_QUEUES UINT64CONST(0xEC31000000000004)

#define QUEUE_SIZE ((Size) 2 * 1024 * 1024)
#define RANGES 24				/* a process, or so: the last ones are waited for */
#define MIN_RANGE 16			/* pages */
#define ORIGIN_PAGES 64			/* that are looked at for the first rows */
#define ROWS_A_LOOK 2048		/* rows between two looks at the queues, and at interrupts */
#define ROWS_A_RESET 64			/* rows between two resets of the memory that conversions leave behind */

typedef struct Shared
{
	Oid			relation;
	uint32		pages;
	uint32		range_pages;
	pg_atomic_uint32 next;		/* range that nobody has taken yet */
} Shared;

typedef enum MessageKind
{
	ROWS,						/* columns [nvalues][rows], y, w */
	END							/* what the worker has learnt, or its state */
} MessageKind;

typedef struct Header
{
	uint32		kind;
	uint32		range;
	uint32		rows;
	uint32		unused;
} Header;

/* A process that reads ranges: the leader, or a worker. */
typedef struct Reader
{
	Shared	   *shared;
	Relation	relation;
	TableScanDesc scan;
	TupleTableSlot *slot;
	EcmlColumns *columns;
	EcmlTrainer *trainer;
	MemoryContext per_row;
	uint32		range;			/* that is being read */
	void		(*look) (struct Reader *reader);	/* now and then; NULL: nothing to do */
} Reader;

/* ---- reading */

static void
open_reader(Reader *reader, Shared *shared, Relation relation, EcmlColumns *columns, EcmlTrainer *trainer)
{
	reader->shared = shared;
	reader->relation = relation;
	reader->columns = columns;
	reader->trainer = trainer;
	reader->slot = table_slot_create(relation, NULL);
	/* no synchronised scan: it might begin anywhere */
	reader->scan = table_beginscan_strat(relation, GetActiveSnapshot(), 0, NULL, true, false);
	reader->per_row = AllocSetContextCreate(CurrentMemoryContext, "ecml table row", ALLOCSET_DEFAULT_SIZES);
}

static void
close_reader(Reader *reader)
{
	table_endscan(reader->scan);
	ExecDropSingleTupleTableSlot(reader->slot);
	MemoryContextDelete(reader->per_row);
}

/* Read pages; while more says so, if it is given. */
static void
read_pages(Reader *reader, BlockNumber from, BlockNumber pages, bool (*more) (const EcmlTrainer *trainer))
{
	EcmlTrainer *trainer = reader->trainer;
	int			n = 0;

	table_rescan(reader->scan, NULL);
	heap_setscanlimits(reader->scan, from, pages);
	while ((more == NULL || more(trainer)) &&
		   table_scan_getnextslot(reader->scan, ForwardScanDirection, reader->slot))
	{
		MemoryContext old = MemoryContextSwitchTo(reader->per_row);
		EcmlRow		row = ecml_columns_read(reader->columns, reader->slot);

		ecml_trainer_row(trainer, row.usable, row.has_y, row.y, row.has_w, row.w);
		MemoryContextSwitchTo(old);
		if (++n % ROWS_A_RESET != 0)
			continue;
		MemoryContextReset(reader->per_row);
		if (n % ROWS_A_LOOK == 0)
		{
			CHECK_FOR_INTERRUPTS();
			if (reader->look)
				reader->look(reader);
		}
	}
	MemoryContextReset(reader->per_row);
	ExecClearTuple(reader->slot);
	if (trainer->dataset)
		ecml_dataset_flush(trainer->dataset);
}

/* Take the next range and read it; false: there is none. */
static bool
read_range(Reader *reader)
{
	Shared	   *shared = reader->shared;
	uint64		from;

	reader->range = pg_atomic_fetch_add_u32(&shared->next, 1);
	from = (uint64) reader->range * shared->range_pages;
	if (from >= shared->pages)
		return false;
	read_pages(reader, from, Min(shared->range_pages, shared->pages - from), NULL);
	return true;
}

/* ---- a worker */

typedef struct Worker
{
	Reader		reader;			/* must be first */
	shm_mq_handle *queue;
	shm_mq_iovec *parts;		/* [nvalues + 3] */
	bool		deserted;		/* the leader has gone */
} Worker;

/* Send a block of rows. */
static void
send_rows(void *arg, EcmlBlock *block)
{
	Worker	   *worker = arg;
	const EcmlDataset *dataset = worker->reader.trainer->dataset;
	Size		element = dataset->data.element == ECML_F4 ? sizeof(float) : sizeof(double);
	Header		header = {.kind = ROWS,.range = worker->reader.range,.rows = block->rows};
	shm_mq_iovec *part = worker->parts;

	*part++ = (shm_mq_iovec) {(char *) &header, sizeof(header)};
	for (int j = 0; j < dataset->nvalues; j++)
		*part++ = (shm_mq_iovec) {(char *) block->x + (size_t) j * block->stride * element, block->rows * element};
	if (block->y)
		*part++ = (shm_mq_iovec) {(char *) block->y, block->rows * sizeof(double)};
	if (block->w)
		*part++ = (shm_mq_iovec) {(char *) block->w, block->rows * sizeof(double)};
	if (ecml_mq_sendv(worker->queue, worker->parts, part - worker->parts) == SHM_MQ_DETACHED)
		worker->deserted = true;
}

/* What the leader must know of collected rows: counts, categories, classes. */
static void
write_learnt(EcmlWriter *w, const EcmlTrainer *trainer)
{
	const EcmlBinder *binder = trainer->binder;
	const EcmlTarget *target = trainer->target;

	ecml_write_u64(w, trainer->rows);
	ecml_write_u64(w, trainer->skipped);
	ecml_profile_write_nulls(w, trainer);
	for (int i = 0; i < binder->ninputs; i++)
		if (binder->inputs[i].kind == ECML_CATEGORY)
		{
			const EcmlDict *dict = binder->inputs[i].categories;

			ecml_write_u32(w, dict->n);
			for (int code = 0; code < dict->n; code++)
				ecml_write_string(w, dict->entries[code].key);
		}
	if (ecml_trainer_target(trainer) != ECML_TARGET_CLASS)
		return;
	ecml_write_u32(w, target->labels->n);
	for (int code = 0; code < target->labels->n; code++)
	{
		ecml_write_string(w, target->labels->entries[code].key);
		ecml_write_f8(w, target->input.kind == ECML_NUMBER ? target->numbers[code] : 0);
	}
}

static void
send_end(Worker *worker)
{
	EcmlTrainer *trainer = worker->reader.trainer;
	Header		header = {.kind = END};
	shm_mq_iovec parts[2];
	EcmlWriter	w;

	ecml_writer_init(&w, &trainer->ctx);
	if (trainer->dataset)
		write_learnt(&w, trainer);
	else
		ecml_onepass_write(&w, trainer);
	parts[0] = (shm_mq_iovec) {(char *) &header, sizeof(header)};
	parts[1] = (shm_mq_iovec) {(char *) w.data, w.size};
	(void) ecml_mq_sendv(worker->queue, parts, 2);
}

/* algorithm, options, target, and the features: strings, each with its zero */
static char *
pack_texts(const EcmlTraining *training, const EcmlColumns *columns, const char *target, Size *size)
{
	StringInfoData texts;

	initStringInfo(&texts);
	appendBinaryStringInfo(&texts, (char *) &columns->nfeatures, sizeof(int));
	appendBinaryStringInfo(&texts, training->algorithm->name, strlen(training->algorithm->name) + 1);
	appendStringInfo(&texts, "%s%c", training->given ? ecml_json_text(training->given) : "{}", '\0');
	appendStringInfo(&texts, "%s%c", target ? target : "", '\0');
	for (int i = 0; i < columns->nfeatures; i++)
		appendStringInfo(&texts, "%s%c", columns->features[i], '\0');
	*size = texts.len;
	return texts.data;
}

static const char *
next_text(const char **at)
{
	const char *text = *at;

	*at += strlen(text) + 1;
	return text;
}

/* The same training and columns as the leader's, for a relation. */
static EcmlTrainer *
unpack_trainer(const char *texts, const double *origin, Relation relation, EcmlColumns *columns)
{
	EcmlSource	source = {.desc = RelationGetDescr(relation)};
	const EcmlAlgorithm *algorithm;
	EcmlTraining *training;
	EcmlTrainer *trainer;
	const char *target;
	Datum	   *names;
	int			n;

	memcpy(&n, texts, sizeof(int));
	texts += sizeof(int);
	algorithm = ecml_algorithm_get(next_text(&texts));
	training = ecml_training_parse(algorithm, ecml_json_parse(next_text(&texts)), NULL);
	target = next_text(&texts);
	names = palloc((n + 1) * sizeof(Datum));
	for (int i = 0; i < n; i++)
		names[i] = CStringGetTextDatum(next_text(&texts));
	ecml_columns_choose(columns, CurrentMemoryContext, &source, training,
						target[0] ? target : NULL,
						construct_array(names, n, TEXTOID, -1, false, TYPALIGN_INT));
	trainer = ecml_trainer_create(CurrentMemoryContext, training, columns->binder, columns->target, columns->weight != NULL);
	trainer->host.progress = NULL;
	trainer->profiled = true;
	ecml_trainer_begin(trainer);
	if (trainer->dataset && trainer->dataset->shifted)
		ecml_dataset_set_origin(trainer->dataset, origin);
	return trainer;
}

extern PGDLLEXPORT void ecml_tablescan_worker(dsm_segment *segment, shm_toc *toc);

/* What a worker runs; PostgreSQL has given it the leader's transaction, user and settings. */
void
ecml_tablescan_worker(dsm_segment *segment, shm_toc *toc)
{
	Worker		worker = {0};
	Shared	   *shared = shm_toc_lookup(toc, KEY_SHARED, false);
	Relation	relation = table_open(shared->relation, AccessShareLock);
	shm_mq	   *queue = (shm_mq *) ((char *) shm_toc_lookup(toc, KEY_QUEUES, false) + ParallelWorkerNumber * QUEUE_SIZE);
	EcmlColumns columns;
	EcmlTrainer *trainer;

	shm_mq_set_sender(queue, MyProc);
	worker.queue = shm_mq_attach(queue, segment, NULL);
	trainer = unpack_trainer(shm_toc_lookup(toc, KEY_TEXTS, false), shm_toc_lookup(toc, KEY_ORIGIN, false), relation, &columns);
	open_reader(&worker.reader, shared, relation, &columns, trainer);
	if (trainer->dataset)
	{
		worker.parts = palloc((trainer->dataset->nvalues + 3) * sizeof(shm_mq_iovec));
		ecml_dataset_divert(trainer->dataset, send_rows, &worker);
	}
	while (!worker.deserted && read_range(&worker.reader))
		;
	if (!worker.deserted)
		send_end(&worker);
	close_reader(&worker.reader);
	shm_mq_detach(worker.queue);
	table_close(relation, AccessShareLock);
}

/* ---- the leader */

typedef struct Remote
{
	shm_mq_handle *queue;
	bool		done;			/* nothing more will come */
	uint32		range;			/* that its last rows were of */
	char	   *learnt;			/* [size] of its last message, NULL: it has sent none */
	Size		size;
	int		  **codes;			/* [nfeatures] categories: its code to the leader's */
	int		   *classes;
} Remote;

typedef struct Arrived
{
	uint32		range;
	uint32		number;			/* in the order of arrival */
	int			remote;			/* -1: the leader's own */
	EcmlBlock	block;
} Arrived;

typedef struct Leader
{
	Reader		reader;			/* must be first */
	MemoryContext context;
	int			nremotes;
	Remote	   *remotes;
	Arrived    *arrived;		/* [narrived] */
	uint32		narrived;
	uint32		pieces;			/* that have arrived, those that were drawn from among them */
	uint32		capacity;
	int64		received;		/* rows */
	Size		bytes;			/* of what has arrived */
	bool		overflow;		/* it does not fit the budget */
} Leader;

static void
arrive(Leader *leader, uint32 range, int remote, const EcmlBlock *block, Size bytes)
{
	EcmlCtx    *ctx = &leader->reader.trainer->ctx;

	if (leader->narrived == leader->capacity)
	{
		leader->capacity = Max(64, leader->capacity * 2);
		leader->arrived = ecml_resize_array(ctx, leader->arrived, leader->capacity, sizeof(Arrived));
	}
	leader->arrived[leader->narrived] = (Arrived) {range, leader->pieces++, remote, *block};
	leader->narrived++;
	leader->received += block->rows;
	leader->bytes += bytes;
	/* it will stand twice, and what fits by half is refused before it fails */
	if (leader->bytes > ctx->budget / 8 * 3)
		leader->overflow = true;
}

/* A block of the leader's own: its memory is kept. */
static void
keep_rows(void *arg, EcmlBlock *block)
{
	Leader	   *leader = arg;

	arrive(leader, leader->reader.range, -1, block, ecml_dataset_block_bytes(leader->reader.trainer->dataset, block->stride));
	memset(block, 0, sizeof(EcmlBlock));
}

static void
receive_rows(Leader *leader, int remote, const Header *header, const char *data, Size size)
{
	EcmlDataset *dataset = leader->reader.trainer->dataset;
	Size		element = dataset->data.element == ECML_F4 ? sizeof(float) : sizeof(double);
	Size		column = header->rows * element;
	EcmlBlock	block = {0};
	Size		bytes;

	if (header->rows > ECML_BLOCK_ROWS || header->rows == 0 ||
		size != column * dataset->nvalues + header->rows * sizeof(double) * (dataset->data.has_y + dataset->data.has_w))
		elog(ERROR, "a parallel worker sent rows of a wrong size");
	if (leader->overflow)
		return;
	bytes = ecml_dataset_new_block(dataset, &block, header->rows);
	for (int j = 0; j < dataset->nvalues; j++, data += column)
		memcpy((char *) block.x + (size_t) j * block.stride * element, data, column);
	if (block.y)
	{
		memcpy((double *) block.y, data, header->rows * sizeof(double));
		data += header->rows * sizeof(double);
	}
	if (block.w)
		memcpy((double *) block.w, data, header->rows * sizeof(double));
	leader->remotes[remote].range = header->range;
	arrive(leader, header->range, remote, &block, bytes);
}

/* Take what a worker has sent; false: there is nothing. */
static bool
receive(Leader *leader, int number)
{
	Remote	   *remote = &leader->remotes[number];
	shm_mq_result result;
	Header		header;
	Size		size;
	void	   *data;

	if (remote->done)
		return false;
	result = shm_mq_receive(remote->queue, &size, &data, true);
	if (result == SHM_MQ_WOULD_BLOCK)
		return false;
	remote->done = true;
	if (result == SHM_MQ_DETACHED)
		return true;			/* its error is known to PostgreSQL */
	if (size < sizeof(header))
		elog(ERROR, "a parallel worker sent too little");
	memcpy(&header, data, sizeof(header));
	data = (char *) data + sizeof(header);
	size -= sizeof(header);
	if (header.kind == END)
	{
		remote->learnt = MemoryContextAllocHuge(leader->context, size + 1);
		remote->size = size;
		memcpy(remote->learnt, data, size);
		return true;
	}
	remote->done = false;
	receive_rows(leader, number, &header, data, size);
	return true;
}

/* Take all that has been sent so far; false: nothing was. */
static bool
receive_all(Leader *leader)
{
	bool		some = false;

	for (int i = 0; i < leader->nremotes; i++)
		while (!leader->overflow && receive(leader, i))
			some = true;
	return some;
}

static int
compare_arrived(const void *a, const void *b)
{
	const Arrived *x = a;
	const Arrived *y = b;

	if (x->range != y->range)
		return x->range < y->range ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

/* Offer the rows of a piece to the sample. */
static void
offer_rows(Leader *leader, const Arrived *arrived)
{
	EcmlTrainer *trainer = leader->reader.trainer;
	EcmlReservoir *reservoir = trainer->reservoir;
	const EcmlBlock *block = &arrived->block;
	int			n = reservoir->width - 1;

	reservoir->tag = arrived->remote;
	for (int i = 0; i < block->rows; i++)
	{
		double	   *row = ecml_reservoir_offer(&trainer->ctx, reservoir, block->w ? block->w[i] : 1);

		if (row)
		{
			for (int j = 0; j < n; j++)
				row[j] = ECML_BLOCK_F8(block, j)[i];
			row[n] = block->y ? block->y[i] : 0;
		}
		if (ecml_trainer_target(trainer) == ECML_TARGET_AUTO)
			ecml_two_values_add(&trainer->two, block->y[i], block->w ? block->w[i] : 1);
	}
}

/* Draw from the ranges before which nothing is missing; all: from what is left. */
static void
draw(Leader *leader, bool all)
{
	EcmlTrainer *trainer = leader->reader.trainer;
	uint32		end = leader->reader.range;
	uint32		nready = 0;
	uint32		nleft = 0;
	Arrived    *ready;

	for (int i = 0; i < leader->nremotes; i++)
		if (!leader->remotes[i].done)
			end = Min(end, leader->remotes[i].range);
	for (uint32 i = 0; i < leader->narrived; i++)
		nready += all || leader->arrived[i].range < end;
	if (nready == 0)
		return;
	ready = ECML_NEW(&trainer->ctx, Arrived, nready);
	nready = 0;
	for (uint32 i = 0; i < leader->narrived; i++)
		if (all || leader->arrived[i].range < end)
			ready[nready++] = leader->arrived[i];
		else
			leader->arrived[nleft++] = leader->arrived[i];
	leader->narrived = nleft;
	qsort(ready, nready, sizeof(Arrived), compare_arrived);
	for (uint32 i = 0; i < nready; i++)
	{
		offer_rows(leader, &ready[i]);
		leader->bytes -= ecml_dataset_block_bytes(trainer->dataset, ready[i].block.stride);
		ecml_free(&trainer->ctx, (void *) ready[i].block.x);
	}
	ecml_free(&trainer->ctx, ready);
}

/* The sample's rows get the leader's numbers of categories and classes. */
static void
recode_sample(Leader *leader)
{
	EcmlTrainer *trainer = leader->reader.trainer;
	EcmlReservoir *reservoir = trainer->reservoir;
	int			n = reservoir->width - 1;

	for (size_t i = 0; i < reservoir->n; i++)
	{
		double	   *row = reservoir->rows + i * reservoir->width;
		const Remote *remote = reservoir->tags[i] < 0 ? NULL : &leader->remotes[reservoir->tags[i]];

		for (int j = 0; remote && j < n; j++)
			if (remote->codes[j] && !isnan(row[j]))
				row[j] = remote->codes[j][(int) row[j]];
		if (remote && remote->classes)
			row[n] = remote->classes[(int) row[n]];
	}
}

static void
look(Reader *reader)
{
	Leader	   *leader = (Leader *) reader;
	EcmlTrainer *trainer = reader->trainer;

	receive_all(leader);
	if (trainer->reservoir)
		draw(leader, false);
	ecml_poll(&trainer->ctx, trainer->rows + trainer->skipped + leader->received, 0);
}

static bool
all_done(const Leader *leader)
{
	for (int i = 0; i < leader->nremotes; i++)
		if (!leader->remotes[i].done)
			return false;
	return true;
}

/* Read ranges until there are none, then wait for the workers' last. */
static void
read_all(Leader *leader)
{
	while (!leader->overflow && read_range(&leader->reader))
		look(&leader->reader);
	while (!leader->overflow && !all_done(leader))
	{
		CHECK_FOR_INTERRUPTS();
		if (receive_all(leader))
		{
			look(&leader->reader);
			continue;
		}
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_EXIT_ON_PM_DEATH, -1, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
	}
}

/* The queues, and what the workers must know, in a context of workers that have not been started yet. */
static ParallelContext *
prepare_workers(Leader *leader, int nworkers, const Shared *shared, const char *texts, Size texts_size,
				const double *origin, int norigin)
{
	ParallelContext *parallel = CreateParallelContext("ecml", "ecml_tablescan_worker", nworkers);
	char	   *place;

	shm_toc_estimate_chunk(&parallel->estimator, sizeof(Shared));
	shm_toc_estimate_chunk(&parallel->estimator, texts_size);
	shm_toc_estimate_chunk(&parallel->estimator, (norigin + 1) * sizeof(double));
	shm_toc_estimate_chunk(&parallel->estimator, nworkers * QUEUE_SIZE);
	shm_toc_estimate_keys(&parallel->estimator, 4);
	InitializeParallelDSM(parallel);

	place = shm_toc_allocate(parallel->toc, sizeof(Shared));
	memcpy(place, shared, sizeof(Shared));
	leader->reader.shared = (Shared *) place;
	pg_atomic_init_u32(&leader->reader.shared->next, 0);
	shm_toc_insert(parallel->toc, KEY_SHARED, place);
	place = shm_toc_allocate(parallel->toc, texts_size);
	memcpy(place, texts, texts_size);
	shm_toc_insert(parallel->toc, KEY_TEXTS, place);
	place = shm_toc_allocate(parallel->toc, (norigin + 1) * sizeof(double));
	if (norigin > 0)
		memcpy(place, origin, norigin * sizeof(double));
	shm_toc_insert(parallel->toc, KEY_ORIGIN, place);
	place = shm_toc_allocate(parallel->toc, nworkers * QUEUE_SIZE);
	shm_toc_insert(parallel->toc, KEY_QUEUES, place);

	leader->remotes = palloc0((nworkers + 1) * sizeof(Remote));
	for (int i = 0; i < parallel->nworkers; i++)
	{
		shm_mq	   *queue = shm_mq_create(place + i * QUEUE_SIZE, QUEUE_SIZE);

		shm_mq_set_receiver(queue, MyProc);
		leader->remotes[i].queue = shm_mq_attach(queue, parallel->seg, NULL);
	}
	return parallel;
}

/* The codes of a worker's categories and classes. */
static void
read_learnt(Leader *leader, Remote *remote)
{
	EcmlTrainer *trainer = leader->reader.trainer;
	EcmlBinder *binder = trainer->binder;
	EcmlTarget *target = trainer->target;
	EcmlReader	r;

	ecml_reader_init(&r, &trainer->ctx, remote->learnt, remote->size);
	trainer->rows += ecml_read_u64(&r);
	trainer->skipped += ecml_read_u64(&r);
	ecml_profile_add_nulls(&r, trainer);
	remote->codes = palloc0((binder->nfeatures + 1) * sizeof(int *));
	for (int i = 0; i < binder->ninputs; i++)
		if (binder->inputs[i].kind == ECML_CATEGORY)
		{
			uint32		n = ecml_read_count(&r, sizeof(uint32));
			int		   *codes = palloc((n + 1) * sizeof(int));

			for (uint32 code = 0; code < n; code++)
			{
				char	   *label = ecml_read_string(&r);

				codes[code] = ecml_bind_add_category(&binder->inputs[i], label, strlen(label));
				ecml_free(&trainer->ctx, label);
			}
			remote->codes[binder->inputs[i].first] = codes;
		}
	if (ecml_trainer_target(trainer) == ECML_TARGET_CLASS)
	{
		uint32		n = ecml_read_count(&r, sizeof(uint32));

		remote->classes = palloc((n + 1) * sizeof(int));
		for (uint32 code = 0; code < n; code++)
		{
			char	   *label = ecml_read_string(&r);

			remote->classes[code] = ecml_target_add_class(target, label, ecml_read_f8(&r));
			ecml_free(&trainer->ctx, label);
		}
	}
	ecml_read_end(&r);
}

/* The pieces, in the table's order, become the dataset. */
static void
put_together(Leader *leader)
{
	EcmlTrainer *trainer = leader->reader.trainer;
	EcmlPiece  *pieces;

	ecml_dataset_divert(trainer->dataset, NULL, NULL);
	if (trainer->reservoir)
	{
		draw(leader, true);
		recode_sample(leader);
		return;
	}
	pieces = ECML_NEW(&trainer->ctx, EcmlPiece, leader->narrived + 1);
	if (leader->narrived > 0)
		qsort(leader->arrived, leader->narrived, sizeof(Arrived), compare_arrived);
	for (uint32 i = 0; i < leader->narrived; i++)
	{
		const Arrived *arrived = &leader->arrived[i];
		const Remote *remote = arrived->remote < 0 ? NULL : &leader->remotes[arrived->remote];

		pieces[i] = (EcmlPiece) {arrived->block, remote ? remote->codes : NULL, remote ? remote->classes : NULL};
	}
	ecml_dataset_adopt(trainer->dataset, pieces, leader->narrived);
	ecml_trainer_count_uses(trainer);
	ecml_free(&trainer->ctx, pieces);
	ecml_free(&trainer->ctx, leader->arrived);
}

/* What the workers have made joins the leader's. */
static void
join(Leader *leader)
{
	EcmlTrainer *trainer = leader->reader.trainer;

	for (int i = 0; i < leader->nremotes; i++)
	{
		Remote	   *remote = &leader->remotes[i];

		if (remote->learnt == NULL)
			elog(ERROR, "a parallel worker ended too early");
		if (trainer->dataset)
			read_learnt(leader, remote);
		else
		{
			EcmlReader	r;
			EcmlTrainer *other;

			ecml_reader_init(&r, &trainer->ctx, remote->learnt, remote->size);
			other = ecml_onepass_read(&r, leader->context, trainer->algorithm);
			ecml_read_end(&r);
			other->has_w = trainer->has_w;
			ecml_trainer_merge(trainer, other);
		}
		pfree(remote->learnt);
	}
	if (trainer->dataset)
		put_together(leader);
}

/* ---- is it possible, and worth it? */

/* As many as PostgreSQL would take for a table of this size, and no more processes than a training may use. */
static int
workers_for(Relation relation, BlockNumber pages)
{
	int			wanted = RelationGetParallelWorkers(relation, -1);

	if (wanted < 0)
	{
		uint64		threshold = Max(min_parallel_table_scan_size, 1);

		wanted = 0;
		for (; pages >= threshold; threshold *= 3)
			wanted++;
	}
	wanted = Min(wanted, max_parallel_workers_per_gather);
	return Min(wanted, ecml_guc_effective_threads() - 1);
}

static bool
first_rows_wanted(const EcmlTrainer *trainer)
{
	return trainer->dataset->origin == NULL;
}

/* What values are kept relative to: by the first rows, as when they are collected one by one.  NULL: they are too far away. */
static const double *
find_origin(MemoryContext context, const EcmlTraining *training, EcmlColumns *columns, Relation relation)
{
	EcmlTrainer *trainer = ecml_trainer_create(context, training, columns->binder, columns->target, columns->weight != NULL);
	Reader		reader = {0};

	ecml_trainer_begin(trainer);
	open_reader(&reader, NULL, relation, columns, trainer);
	/* a page may end within them */
	read_pages(&reader, 0, ORIGIN_PAGES, first_rows_wanted);
	close_reader(&reader);
	return trainer->dataset->origin;
}

/* Can the rows be read in any order, and no row be unlike the others before it is known? */
static bool
suits(const EcmlTraining *training, const EcmlColumns *columns)
{
	const EcmlOnePass *one_pass = training->algorithm->one_pass;

	for (int i = 0; i < columns->binder->ninputs; i++)
		if (columns->binder->inputs[i].convert == ECML_FROM_ARRAY)
			return false;
	return one_pass == NULL || ecml_columns_any_order(columns, one_pass);
}

/* Read the table by the leader and workers; NULL: the rows do not fit the budget. */
static EcmlTrainer *
read_table(MemoryContext context, const EcmlTraining *training, EcmlColumns *columns, const char *target,
		   Relation relation, BlockNumber pages, int nworkers)
{
	Leader		leader = {.context = context};
	Shared		shared = {.relation = RelationGetRelid(relation),.pages = pages};
	EcmlTrainer *trainer = ecml_trainer_create(context, training, columns->binder, columns->target, columns->weight != NULL);
	ParallelContext *parallel;
	const double *origin = NULL;
	Size		texts_size;
	char	   *texts = pack_texts(training, columns, target, &texts_size);

	trainer->profiled = true;
	ecml_trainer_begin(trainer);
	if (trainer->dataset && trainer->dataset->shifted)
	{
		origin = find_origin(context, training, columns, relation);
		if (origin == NULL)
			return NULL;
		ecml_dataset_set_origin(trainer->dataset, origin);
	}
	shared.range_pages = Max(pages / ((nworkers + 1) * RANGES), MIN_RANGE);
	EnterParallelMode();
	parallel = prepare_workers(&leader, nworkers, &shared, texts, texts_size, origin, origin ? trainer->dataset->nvalues : 0);
	open_reader(&leader.reader, leader.reader.shared, relation, columns, trainer);
	leader.reader.look = look;
	if (trainer->dataset)
		ecml_dataset_divert(trainer->dataset, keep_rows, &leader);
	LaunchParallelWorkers(parallel);
	leader.nremotes = parallel->nworkers_launched;
	elog(DEBUG1, "reading \"%s\" with %d parallel workers", RelationGetRelationName(relation), leader.nremotes);
	for (int i = 0; i < leader.nremotes; i++)
		shm_mq_set_handle(leader.remotes[i].queue, parallel->worker[i].bgwhandle);
	read_all(&leader);
	close_reader(&leader.reader);
	if (!leader.overflow)
		WaitForParallelWorkersToFinish(parallel);
	DestroyParallelContext(parallel);
	ExitParallelMode();
	if (leader.overflow)
	{
		elog(DEBUG1, "the rows of \"%s\" may not fit ecml.work_mem: reading them again without workers",
			 RelationGetRelationName(relation));
		return NULL;
	}
	join(&leader);
	return trainer;
}

/* In a context that goes when it was in vain. */
static EcmlTrainer *
read_by_threads(MemoryContext context, const EcmlTraining *training, EcmlColumns *columns, Relation relation, BlockNumber pages)
{
	MemoryContext own = AllocSetContextCreate(context, "ecml table scan", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(own);
	EcmlTrainer *trainer = ecml_pagescan(own, training, columns, relation, pages);

	MemoryContextSwitchTo(old);
	if (trainer == NULL)
		MemoryContextDelete(own);
	return trainer;
}

EcmlTrainer *
ecml_tablescan(MemoryContext context, const EcmlTraining *training, EcmlSource *source, EcmlColumns *columns,
			   const char *target, bool *plain)
{
	EcmlTrainer *trainer = NULL;
	Relation	relation;
	double		rows;
	Oid			oid;

	*plain = ecml_source_is_table(source, &oid, &rows);
	if (!*plain || IsInParallelMode() || !suits(training, columns))
		return NULL;
	relation = table_open(oid, AccessShareLock);
	/* otherwise there are dropped columns */
	*plain = RelationGetNumberOfAttributes(relation) == source->desc->natts;
	if (*plain && relation->rd_rel->relam == HEAP_TABLE_AM_OID && !RelationUsesLocalBuffers(relation))
	{
		BlockNumber pages = RelationGetNumberOfBlocks(relation);
		int			nworkers = workers_for(relation, pages);
		double		size = rows * (columns->binder->nfeatures + 2) * sizeof(double);

		trainer = read_by_threads(context, training, columns, relation, pages);
		if (trainer != NULL)
			nworkers = 0;
		if (training->algorithm->element == ECML_F4)
			size /= 2;
		if (nworkers > 0 &&
			(training->algorithm->one_pass || training->algorithm->sample || size * 3 < ecml_guc_work_mem * 1024.0))
		{
			MemoryContext own = AllocSetContextCreate(context, "ecml table scan", ALLOCSET_DEFAULT_SIZES);
			MemoryContext old = MemoryContextSwitchTo(own);

			trainer = read_table(own, training, columns, target, relation, pages, nworkers);
			MemoryContextSwitchTo(old);
			if (trainer == NULL)
				MemoryContextDelete(own);
		}
	}
	table_close(relation, NoLock);
	return trainer;
}
