/*
 * series_sort.c - rows of a source sorted by series and time, in memory
 *
 * A sort of tuples compares names again and again, although most sources are in order, or nearly so, within each series.  Here
 * rows are packed as they come, each with the number of its name (dict.c); a counting sort brings those of a series together, and
 * only series whose rows are out of order are sorted.  It is given up when the rows would take more than a quarter of ecml.work_mem: then
 * the query is run again with an ORDER BY, whose sort may spill.
 *
 * Cost: a look-up of a name and 8 bytes a column for each row; a comparison a row where they are in order.
 */
#include "core/compat.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/memutils.h"

#include "core/dict.h"
#include "core/guc.h"
#include "core/series_internal.h"

typedef struct Rows
{
	EcmlSeriesReader *reader;
	EcmlDict   *names;
	double	   *values;			/* [capacity][stride] */
	int		   *series;			/* [capacity] its name's number; -1: NULL */
	size_t		n;
	size_t		capacity;
	size_t		most;
	int64		skipped;
	uint64		compared;
	bool		over;			/* there are more than that */
} Rows;

static void
take(void *arg, TupleTableSlot *slot)
{
	Rows	   *rows = arg;
	size_t		stride = rows->reader->stride;
	const char *name;
	int			length;

	if (rows->over)
		return;
	if (rows->n == rows->capacity)
	{
		size_t		capacity = Min(Max(1024, 2 * rows->capacity), rows->most);

		if (rows->n >= rows->most)
		{
			rows->over = true;
			return;
		}
		rows->values = rows->values ? repalloc_huge(rows->values, capacity * stride * sizeof(double)) :
			MemoryContextAllocHuge(rows->names->context, capacity * stride * sizeof(double));
		rows->series = rows->series ? repalloc_huge(rows->series, capacity * sizeof(int)) :
			MemoryContextAllocHuge(rows->names->context, capacity * sizeof(int));
		rows->capacity = capacity;
	}
	if (!ecml_series_decode(rows->reader, slot, rows->values + rows->n * stride, &name, &length))
	{
		rows->skipped++;
		return;
	}
	/* the name NULL is a series, too */
	rows->series[rows->n++] = name ? ecml_dict_add(rows->names, name, length) : -1;
}

/* By time, value (NaN last), and the rest: rows that are equal by all of it are the same. */
static int
compare(const double *a, const double *b, int stride)
{
	int64		at[2];

	memcpy(&at[0], a, sizeof(int64));
	memcpy(&at[1], b, sizeof(int64));
	if (at[0] != at[1])
		return at[0] < at[1] ? -1 : 1;
	for (int i = 1; i < stride; i++)
	{
		if (a[i] < b[i] || (isnan(b[i]) && !isnan(a[i])))
			return -1;
		if (a[i] > b[i] || (isnan(a[i]) && !isnan(b[i])))
			return 1;
	}
	return 0;
}

static int
compare_rows(const void *a, const void *b, void *arg)
{
	Rows	   *rows = arg;
	size_t		stride = rows->reader->stride;

	/* a sort leaves nothing behind that a cancel would lose */
	if (++rows->compared % 65536 == 0)
		CHECK_FOR_INTERRUPTS();
	return compare(rows->values + *(const uint32 *) a * stride, rows->values + *(const uint32 *) b * stride, (int) stride);
}

/* The rows of a series, by number, in order. */
static void
add_series(Rows *rows, const char *name, int length, uint32 *order, size_t n)
{
	size_t		stride = rows->reader->stride;
	bool		sorted = true;

	for (size_t i = 1; i < n && sorted; i++)
		sorted = compare_rows(&order[i - 1], &order[i], rows) <= 0;
	if (!sorted)
		qsort_arg(order, n, sizeof(uint32), compare_rows, rows);
	for (size_t i = 0; i < n; i++)
	{
		if (i % 8192 == 0)
			CHECK_FOR_INTERRUPTS();
		ecml_series_add(rows->reader, name, length, rows->values + order[i] * stride);
	}
}

bool
ecml_series_sort(EcmlSeriesReader *reader, EcmlSource *query)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "ecml series rows", ALLOCSET_DEFAULT_SIZES);
	Rows		rows = {.reader = reader,.names = ecml_dict_create(context)};
	size_t		each = reader->stride * sizeof(double) + sizeof(int) + sizeof(uint32);
	int		   *codes;
	size_t	   *starts;
	uint32	   *order;
	bool		done;

	rows.most = Min((size_t) ecml_guc_work_mem * 1024 / 4 / each, PG_UINT32_MAX);
	ecml_source_run(query, take, &rows);
	done = !rows.over;
	if (done)
	{
		int			nseries = rows.names->n;
		MemoryContext caller = MemoryContextSwitchTo(context);

		/* places: series 0 .. nseries - 1, then the one without a name */
		starts = MemoryContextAllocExtended(context, ((Size) nseries + 2) * sizeof(size_t), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
		order = MemoryContextAllocHuge(context, Max(rows.n, 1) * sizeof(uint32));
		for (size_t i = 0; i < rows.n; i++)
			starts[(rows.series[i] < 0 ? nseries : rows.series[i]) + 1]++;
		for (int k = 0; k <= nseries; k++)
			starts[k + 1] += starts[k];
		for (size_t i = 0; i < rows.n; i++)
			order[starts[rows.series[i] < 0 ? nseries : rows.series[i]]++] = (uint32) i;
		codes = ecml_dict_order(rows.names);
		MemoryContextSwitchTo(caller);
		/* starts are ends now */
		for (int k = 0; k < nseries; k++)
		{
			const EcmlDictEntry *entry = &rows.names->entries[codes[k]];
			size_t		from = codes[k] > 0 ? starts[codes[k] - 1] : 0;

			add_series(&rows, entry->key, (int) entry->length, order + from, starts[codes[k]] - from);
		}
		if (rows.n > 0 && starts[nseries] > (nseries > 0 ? starts[nseries - 1] : 0))
		{
			size_t		from = nseries > 0 ? starts[nseries - 1] : 0;

			add_series(&rows, NULL, 0, order + from, starts[nseries] - from);
		}
		reader->skipped += rows.skipped;
	}
	MemoryContextDelete(context);
	return done;
}
