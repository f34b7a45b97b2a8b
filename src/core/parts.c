/*
 * parts.c - the columns of a source that play a part, read into arrays
 *
 * Of a plain table the leader pins some pages and lists their visible tuples (pages.c).  Threads find the columns in them, by their
 * known places, or by walking along the tuple where a column before has a varying width or is NULL; they copy numbers and days to
 * where the rows belong, and look keys up.  Then the leader goes over the rows in their order, if it must: keys that are met for the
 * first time get numbers, and odd rows are judged.  Odd for a thread is also what only PostgreSQL can read: values out of line or
 * compressed, numerics of many digits, columns that were added after the row.
 */
#include "core/compat.h"

#include <limits.h>
#include <math.h>

#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/tupmacs.h"
#include "catalog/pg_am.h"
#include "catalog/pg_type.h"
#include "storage/bufmgr.h"
#include "utils/date.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "core/decimal.h"
#include "core/guc.h"
#include "core/pages.h"
#include "core/parts.h"

#define FIRST_PAGES 4			/* of the first batch: most keys may be new there */
#define BATCH_PAGES 256			/* in a batch, at most: its numbers stay in the cache */
#define TASK_ROWS 4096
#define TILE_ROWS 128			/* that are read column by column */
#define POLL_ROWS 16384

/* A column of the table, to walk along its tuples. */
typedef struct Attribute
{
	int16		length;
	char		align;
	bool		wanted;			/* some part is read from it */
	bool		needed;			/* so is one that is needed */
} Attribute;

/* What threads make of a row. */
typedef enum Finding
{
	FOUND,						/* it is read */
	ODD,						/* the leader must read it */
	LEFT_OUT
} Finding;

typedef struct Reading
{
	EcmlCtx    *ctx;
	EcmlPart  **parts;			/* [nparts] those that have a column */
	int			nparts;
	EcmlOddFunction odd;
	void	   *arg;
	size_t		n;				/* rows kept */
	size_t		room;
	size_t		seen;
	int			last;			/* the last column that is read, and 1 */

	/* a plain table: the batch */
	EcmlPages	pages;
	Attribute  *attributes;		/* [last] */
	bool		placed;			/* all parts have an offset */
	int		   *offsets;		/* [nparts] */
	int64	  **raw;			/* [nparts][rows] of keys: the integer, or the address of the text */
	uint8	   *findings;		/* [rows] Finding */
	const char ***at;			/* [workers][nparts * TILE_ROWS] where values lie */
	bool		some_odd;		/* or left out; both are written by tasks, without a lock: they only become true */
	bool		some_new;
} Reading;

static void
make_room(Reading *r, size_t rows)
{
	if (rows <= r->room)
		return;
	r->room = rows;
	for (int p = 0; p < r->nparts; p++)
	{
		EcmlPart   *part = r->parts[p];

		if (part->kind != ECML_PART_NUMBER)
			part->codes = ecml_resize_array(r->ctx, part->codes, rows, sizeof(int));
		else if (part->single)
			part->singles = ecml_resize_array(r->ctx, part->singles, rows, sizeof(float));
		else
			part->numbers = ecml_resize_array(r->ctx, part->numbers, rows, sizeof(double));
	}
}

/* ---- row by row */

static inline int
day_of(Timestamp moment)
{
	return (int) (moment >= 0 ? moment / USECS_PER_DAY : -((-moment + USECS_PER_DAY - 1) / USECS_PER_DAY));
}

double
ecml_part_day(const EcmlInput *input, Datum value)
{
	if (input->convert == ECML_FROM_DATE)
	{
		DateADT		day = DatumGetDateADT(value);

		return DATE_NOT_FINITE(day) ? (day < 0 ? -INFINITY : INFINITY) : day;
	}
	else
	{
		Timestamp	moment = DatumGetTimestamp(value);

		return TIMESTAMP_NOT_FINITE(moment) ? (moment < 0 ? -INFINITY : INFINITY) : day_of(moment);
	}
}

/* A row of a slot; it is kept as row n, or not at all. */
static void
read_slot(Reading *r, TupleTableSlot *slot)
{
	bool		odd = false;

	slot_getsomeattrs(slot, r->last);
	for (int p = 0; p < r->nparts; p++)
	{
		EcmlPart   *part = r->parts[p];

		part->isnull = slot->tts_isnull[part->place];
		if (part->isnull && part->needed)
			return;
	}
	for (int p = 0; p < r->nparts; p++)
	{
		EcmlPart   *part = r->parts[p];
		Datum		value = slot->tts_values[part->place];

		part->value = NAN;
		if (part->kind == ECML_PART_KEY)
			odd |= part->isnull;
		else
		{
			if (!part->isnull)
				part->value = part->kind == ECML_PART_DAY ? ecml_part_day(&part->input, value) : ecml_bind_number(&part->input, value);
			odd |= part->kind == ECML_PART_DAY ? !isfinite(part->value) : !(fabs(part->value) <= part->most);
		}
	}
	if (odd && !r->odd(r->arg, r->n))
		return;
	for (int p = 0; p < r->nparts; p++)
	{
		EcmlPart   *part = r->parts[p];

		if (part->kind == ECML_PART_KEY)
			part->codes[r->n] = part->isnull ? -1 :
				ecml_keys_number(part->keys, &part->key, slot->tts_values[part->place], !part->known);
		else if (part->kind == ECML_PART_DAY)
			part->codes[r->n] = isfinite(part->value) ? (int) part->value : part->value > 0 ? INT_MAX : INT_MIN;
		else if (part->single)
			part->singles[r->n] = (float) part->value;
		else
			part->numbers[r->n] = part->value;
	}
	r->n++;
}

static void
read_row(void *arg, TupleTableSlot *slot)
{
	Reading    *r = arg;

	if (r->n == r->room)
		make_room(r, 2 * r->room);
	read_slot(r, slot);
	if (++r->seen % POLL_ROWS == 0)
		ecml_poll(r->ctx, r->seen, 0);
}

/* ---- tasks: what they call is nothing of PostgreSQL's but what reads bytes */

static inline bool
is_text(Oid type)
{
	return type == TEXTOID || type == VARCHAROID || type == BPCHAROID;
}

static inline bool
is_integer(Oid type)
{
	return type == INT2OID || type == INT4OID || type == INT8OID;
}

/* Where the values of a row's parts lie, if they are there: at[p * TILE_ROWS]. */
static Finding
find_places(const Reading *r, HeapTupleHeader tuple, const char **at)
{
	const char *data = (const char *) tuple + tuple->t_hoff;
	const bits8 *nulls = tuple->t_infomask & HEAP_HASNULL ? tuple->t_bits : NULL;
	int			offset = 0;
	bool		odd = false;

	if (HeapTupleHeaderGetNatts(tuple) < r->last)
		return ODD;
	for (int a = 0; a < r->last; a++)
	{
		const Attribute *attribute = &r->attributes[a];

		if (nulls && att_isnull(a, nulls))
		{
			if (attribute->needed)
				return LEFT_OUT;
			odd |= attribute->wanted;
			continue;
		}
		offset = att_align_pointer(offset, attribute->align, attribute->length, data + offset);
		if (attribute->wanted)
			for (int p = 0; p < r->nparts; p++)
				if (r->parts[p]->place == a)
					at[p * TILE_ROWS] = data + offset;
		offset = att_addlength_pointer(offset, attribute->length, data + offset);
	}
	return odd ? ODD : FOUND;
}

/* The same for n rows of the batch. */
static void
find_tile(Reading *r, size_t first, int n, const char **at)
{
	static const int64 nothing = 0;
	const HeapTupleHeader *tuples = r->pages.tuples + first;
	const char *data[TILE_ROWS];
	bool		plain = r->placed;

	for (int i = 0; i < n; i++)
	{
		data[i] = (const char *) tuples[i] + tuples[i]->t_hoff;
		plain &= !(tuples[i]->t_infomask & HEAP_HASNULL) && HeapTupleHeaderGetNatts(tuples[i]) >= r->last;
	}
	if (plain)
	{
		memset(r->findings + first, FOUND, n);
		for (int p = 0; p < r->nparts; p++)
			for (int i = 0; i < n; i++)
				at[p * TILE_ROWS + i] = data[i] + r->offsets[p];
		return;
	}
	for (int i = 0; i < n; i++)
	{
		r->findings[first + i] = find_places(r, tuples[i], at + i);
		for (int p = 0; p < r->nparts && r->findings[first + i] != FOUND; p++)
			at[p * TILE_ROWS + i] = (const char *) &nothing;
	}
}

static inline bool
is_elsewhere(const char *value)
{
	return VARATT_IS_EXTERNAL(value) || VARATT_IS_COMPRESSED(value);
}

static void
read_keys(Reading *r, int p, size_t first, int n, const char *const *at)
{
	const EcmlPart *part = r->parts[p];
	Oid			type = part->key.type;
	int64	   *raw = r->raw[p] + first;
	int		   *codes = part->codes + r->n + first;

	if (type == INT4OID)
		for (int i = 0; i < n; i++)
			raw[i] = *(const int32 *) at[i];
	else if (type == INT8OID)
		for (int i = 0; i < n; i++)
			raw[i] = *(const int64 *) at[i];
	else if (type == INT2OID)
		for (int i = 0; i < n; i++)
			raw[i] = *(const int16 *) at[i];
	if (is_integer(type))
	{
		if (!ecml_keys_find_all(part->keys, raw, n, codes))
			r->some_new = true;
		return;
	}
	for (int i = 0; i < n; i++)
	{
		const char *value = at[i];
		int			length;

		if (r->findings[first + i] != FOUND)
			continue;
		if (is_elsewhere(value))
		{
			r->findings[first + i] = ODD;
			continue;
		}
		raw[i] = (int64) (uintptr_t) value;
		length = VARSIZE_ANY_EXHDR(value);
		value = VARDATA_ANY(value);
		/* as its cast to text: without the blanks that fill it up */
		while (type == BPCHAROID && length > 0 && value[length - 1] == ' ')
			length--;
		codes[i] = ecml_keys_find_text(part->keys, value, length);
		if (codes[i] < 0)
			r->some_new = true;
	}
}

static void
read_days(Reading *r, const EcmlPart *part, size_t first, int n, const char *const *at)
{
	int		   *codes = part->codes + r->n + first;

	for (int i = 0; i < n; i++)
		if (part->input.convert == ECML_FROM_DATE)
		{
			codes[i] = *(const DateADT *) at[i];
			if (DATE_NOT_FINITE(codes[i]))
				r->findings[first + i] = ODD;
		}
		else
		{
			Timestamp	moment = *(const Timestamp *) at[i];

			codes[i] = day_of(TIMESTAMP_NOT_FINITE(moment) ? 0 : moment);
			if (TIMESTAMP_NOT_FINITE(moment))
				r->findings[first + i] = ODD;
		}
}

static void
read_numbers(Reading *r, const EcmlPart *part, size_t first, int n, const char *const *at)
{
	EcmlConvert convert = part->input.convert;
	double		room[TILE_ROWS];
	double	   *values = part->single ? room : part->numbers + r->n + first;
	bool		good = true;

	if (convert == ECML_FROM_FLOAT8)
		for (int i = 0; i < n; i++)
			values[i] = *(const float8 *) at[i];
	else if (convert == ECML_FROM_INT4)
		for (int i = 0; i < n; i++)
			values[i] = *(const int32 *) at[i];
	else if (convert == ECML_FROM_NUMERIC)
		for (int i = 0; i < n; i++)
		{
			values[i] = 0;
			if (r->findings[first + i] == FOUND && (is_elsewhere(at[i]) || !ecml_decimal_quick(at[i], &values[i])))
				r->findings[first + i] = ODD;
		}
	else
		for (int i = 0; i < n; i++)
			values[i] = ecml_bind_fixed(convert, at[i]);
	for (int i = 0; i < n; i++)
		good &= fabs(values[i]) <= part->most;
	for (int i = 0; i < n && !good; i++)
		if (!(fabs(values[i]) <= part->most))
			r->findings[first + i] = ODD;
	for (int i = 0; i < n && part->single; i++)
		part->singles[r->n + first + i] = (float) values[i];
}

static void
read_task(void *arg, size_t task, int worker)
{
	Reading    *r = arg;
	const char **at = r->at[worker];
	size_t		end = Min((task + 1) * TASK_ROWS, r->pages.nrows);
	bool		odd = false;

	for (size_t first = task * TASK_ROWS; first < end; first += TILE_ROWS)
	{
		int			n = (int) Min(TILE_ROWS, end - first);

		/* rows lie backwards in a page, which nothing foresees */
		for (size_t row = first + n; row < Min(first + 2 * n, end); row++)
			__builtin_prefetch(r->pages.tuples[row]);
		find_tile(r, first, n, at);
		for (int p = 0; p < r->nparts; p++)
		{
			const EcmlPart *part = r->parts[p];

			if (part->kind == ECML_PART_KEY)
				read_keys(r, p, first, n, at + p * TILE_ROWS);
			else if (part->kind == ECML_PART_DAY)
				read_days(r, part, first, n, at + p * TILE_ROWS);
			else
				read_numbers(r, part, first, n, at + p * TILE_ROWS);
		}
		for (int i = 0; i < n; i++)
			odd |= r->findings[first + i] != FOUND;
	}
	if (odd)
		r->some_odd = true;
}

/* ---- a plain table, batch by batch */

/* The row of the batch in a slot of the table. */
static void
read_odd(Reading *r, int page, size_t row, TupleTableSlot *slot)
{
	Buffer		buffer = r->pages.pages[page].buffer;
	HeapTupleData tuple = {.t_tableOid = RelationGetRelid(r->pages.relation),.t_data = r->pages.tuples[row]};

	tuple.t_len = ItemIdGetLength(PageGetItemId(BufferGetPage(buffer), r->pages.items[row]));
	ItemPointerSet(&tuple.t_self, BufferGetBlockNumber(buffer), r->pages.items[row]);
	ExecStoreBufferHeapTuple(&tuple, slot, buffer);
	read_slot(r, slot);
	ExecClearTuple(slot);
}

/* Keys of a row of the batch that threads did not find. */
static inline void
number_keys(Reading *r, size_t row, size_t to)
{
	for (int p = 0; p < r->nparts; p++)
	{
		EcmlPart   *part = r->parts[p];
		int64		raw;

		if (part->kind != ECML_PART_KEY || part->codes[to] >= 0)
			continue;
		raw = r->raw[p][row];
		part->codes[to] = ecml_keys_number(part->keys, &part->key, is_text(part->key.type) ?
										   PointerGetDatum((void *) (uintptr_t) raw) : Int64GetDatum(raw), !part->known);
	}
}

/* A row that threads have read goes to its place, behind those that are kept. */
static void
keep_row(Reading *r, size_t row, size_t from)
{
	for (int p = 0; p < r->nparts; p++)
	{
		EcmlPart   *part = r->parts[p];

		if (part->kind == ECML_PART_NUMBER && part->single)
			part->singles[r->n] = part->singles[from];
		else if (part->kind == ECML_PART_NUMBER)
			part->numbers[r->n] = part->numbers[from];
		else
			part->codes[r->n] = part->codes[from];
	}
	number_keys(r, row, r->n);
	r->n++;
}

/* What the leader does with the rows of a batch, in their order. */
static void
settle_batch(Reading *r, TupleTableSlot *slot, MemoryContext per_row)
{
	size_t		before = r->n;
	size_t		row = 0;
	MemoryContext old = MemoryContextSwitchTo(per_row);

	for (int page = 0; page < r->pages.npages; page++)
	{
		for (int k = 0; k < r->pages.pages[page].rows; k++, row++)
			if (r->findings[row] == ODD)
				read_odd(r, page, row, slot);
			else if (r->findings[row] == FOUND)
				keep_row(r, row, before + row);
		MemoryContextReset(per_row);
	}
	MemoryContextSwitchTo(old);
}

static void
read_batch(Reading *r)
{
	size_t		ntasks = (r->pages.nrows + TASK_ROWS - 1) / TASK_ROWS;

	r->some_odd = r->some_new = false;
	if (ntasks > 2)
		ecml_parallel_for(r->ctx, ntasks, read_task, r);
	else
		for (size_t task = 0; task < ntasks; task++)
			read_task(r, task, 0);
}

static void
read_relation(Reading *r, Relation relation, double expected)
{
	BlockNumber blocks = RelationGetNumberOfBlocks(relation);
	TupleTableSlot *slot = table_slot_create(relation, NULL);
	MemoryContext per_row = AllocSetContextCreate(CurrentMemoryContext, "ecml table row", ALLOCSET_DEFAULT_SIZES);
	int			workers = ecml_workers(r->ctx, SIZE_MAX);
	size_t		rows;

	elog(DEBUG1, "reading \"%s\" page by page, with %d threads", RelationGetRelationName(relation), workers);
	ecml_pages_begin(&r->pages, relation, BATCH_PAGES);
	rows = (size_t) r->pages.most * MaxHeapTuplesPerPage;
	r->findings = palloc(rows);
	r->raw = palloc0((r->nparts + 1) * sizeof(int64 *));
	for (int p = 0; p < r->nparts; p++)
		if (r->parts[p]->kind == ECML_PART_KEY)
			r->raw[p] = palloc(rows * sizeof(int64));
	r->at = palloc(workers * sizeof(char **));
	for (int w = 0; w < workers; w++)
		r->at[w] = palloc((r->nparts + 1) * TILE_ROWS * sizeof(char *));
	/* what the planner expects, and a little more, saves copying */
	make_room(r, (size_t) (Min(expected, 1e8) * 1.02) + 1024);
	for (BlockNumber next = 0; next < blocks;)
	{
		int			most = next == 0 ? Min(FIRST_PAGES, r->pages.most) : r->pages.most;

		while (next < blocks && r->pages.npages < most)
			ecml_pages_read(&r->pages, next++);
		if (r->n + r->pages.nrows > r->room)
			make_room(r, Max(r->n + r->pages.nrows, r->room + r->room / 2));
		read_batch(r);
		r->seen += r->pages.nrows;
		if (r->some_odd)
			settle_batch(r, slot, per_row);
		else
		{
			for (size_t row = 0; r->some_new && row < r->pages.nrows; row++)
				number_keys(r, row, r->n + row);
			r->n += r->pages.nrows;
		}
		ecml_pages_release(&r->pages);
		ecml_poll(r->ctx, r->n, 0);
	}
	ecml_pages_end(&r->pages);
	MemoryContextDelete(per_row);
	ExecDropSingleTupleTableSlot(slot);
}

/* Can threads read the part? */
static bool
is_plain(const EcmlPart *part)
{
	return part->kind == ECML_PART_KEY ? is_integer(part->key.type) || is_text(part->key.type) :
		part->input.convert == ECML_FROM_NUMERIC || ecml_bind_is_fixed(part->input.convert);
}

/* numbers: which of the table's columns the source's are. */
static void
place_parts(Reading *r, TupleDesc desc, const int *numbers)
{
	int		   *offsets = ecml_bind_offsets(desc);

	r->last = 0;
	r->placed = true;
	r->offsets = palloc((r->nparts + 1) * sizeof(int));
	for (int p = 0; p < r->nparts; p++)
	{
		EcmlPart   *part = r->parts[p];

		part->place = numbers[part->number];
		r->offsets[p] = offsets[part->place];
		r->placed &= r->offsets[p] >= 0;
		r->last = Max(r->last, part->place + 1);
	}
	pfree(offsets);
	r->attributes = palloc0((r->last + 1) * sizeof(Attribute));
	for (int a = 0; a < r->last; a++)
	{
		r->attributes[a].length = TupleDescAttr(desc, a)->attlen;
		r->attributes[a].align = TupleDescAttr(desc, a)->attalign;
	}
	for (int p = 0; p < r->nparts; p++)
	{
		r->attributes[r->parts[p]->place].wanted = true;
		r->attributes[r->parts[p]->place].needed |= r->parts[p]->needed;
	}
}

/* The plain table that threads read, opened; NULL: there is none. */
static Relation
open_table(const Reading *r, EcmlSource *source, int *numbers, double *expected)
{
	Relation	relation;
	Oid			oid;

	for (int p = 0; p < r->nparts; p++)
		if (!is_plain(r->parts[p]))
			return NULL;
	if (!ecml_source_is_scan(source, &oid, expected, numbers))
		return NULL;
	relation = table_open(oid, AccessShareLock);
	if (relation->rd_rel->relam == HEAP_TABLE_AM_OID && ecml_pages_suit(relation, RelationGetNumberOfBlocks(relation)))
		return relation;
	table_close(relation, AccessShareLock);
	return NULL;
}

/* ---- any source */

static void
plan_part(const EcmlSource *source, EcmlPart *part)
{
	Form_pg_attribute column = TupleDescAttr(source->desc, part->number);

	part->codes = NULL;
	part->numbers = NULL;
	part->singles = NULL;
	part->input.name = pstrdup(NameStr(column->attname));
	part->input.number = part->place = part->number;
	part->input.type = column->atttypid;
	if (part->kind == ECML_PART_KEY)
		ecml_key_column(&part->key, column->atttypid, CurrentMemoryContext);
	else if (!ecml_bind_plan(column->atttypid, &part->input.convert, &part->input.kind, &part->input.element_type,
							 &part->input.element_convert) || part->input.convert == ECML_FROM_ARRAY ||
			 part->input.kind == ECML_CATEGORY || (part->kind == ECML_PART_DAY && part->input.kind != ECML_TIME))
		elog(ERROR, "column \"%s\" cannot be read as a number or a day", part->input.name);
}

/* What is read of a source; *relation: the plain table that threads read, or NULL. */
static Reading
plan_reading(EcmlSource *source, EcmlPart *parts, int nparts, Relation *relation, double *expected)
{
	Reading		r = {.parts = palloc((nparts + 1) * sizeof(EcmlPart *))};
	int		   *numbers = palloc((source->desc->natts + 1) * sizeof(int));

	for (int p = 0; p < nparts; p++)
		if (parts[p].number >= 0)
		{
			plan_part(source, &parts[p]);
			r.parts[r.nparts++] = &parts[p];
			r.last = Max(r.last, parts[p].number + 1);
		}
	*relation = open_table(&r, source, numbers, expected);
	if (*relation)
		place_parts(&r, RelationGetDescr(*relation), numbers);
	pfree(numbers);
	return r;
}

bool
ecml_parts_by_threads(EcmlSource *source, EcmlPart *parts, int nparts)
{
	Relation	relation;
	double		expected;

	(void) plan_reading(source, parts, nparts, &relation, &expected);
	if (relation)
		table_close(relation, AccessShareLock);
	return relation != NULL;
}

size_t
ecml_parts_read(EcmlCtx *ctx, EcmlSource *source, EcmlPart *parts, int nparts, EcmlOddFunction odd, void *arg,
				size_t *skipped)
{
	Relation	relation;
	double		expected;
	Reading		r = plan_reading(source, parts, nparts, &relation, &expected);

	r.ctx = ctx;
	r.odd = odd;
	r.arg = arg;
	make_room(&r, 1024);
	source->lazy = true;
	if (relation)
	{
		read_relation(&r, relation, expected);
		table_close(relation, AccessShareLock);
	}
	else
		ecml_source_run(source, read_row, &r);
	*skipped = r.seen - r.n;
	return r.n;
}
