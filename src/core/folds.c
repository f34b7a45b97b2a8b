/*
 * folds.c - which rows a fold trains on, and which it tests
 *
 * Random and stratified: rows are dealt in runs of k, one to each fold, in an order drawn anew for each run; classes
 * are dealt apart.  What is left over after a class's full runs is dealt on from where the class before it stopped, so
 * that folds differ by at most one row, in each class and in all.
 * Groups: the largest first, each to the fold that has the fewest rows (Graham 1969: no fold exceeds the mean by more
 * than a group); equal sizes in an order drawn from the seed.
 * Time: the rows are cut into k + 1 stretches of about the same number of rows, never between equal times; fold f
 * trains on the first f, and tests on the next one.
 *
 * Cost: some 10 ns a row and reading; memory for the classes, the groups, and the bounds of the stretches (the times are
 * sorted by PostgreSQL's tuplesort, which spills at work_mem).
 */
#include "core/compat.h"

#include <math.h>

#include "catalog/pg_operator_d.h"
#include "catalog/pg_type_d.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/tuplesort.h"

#include "core/collect.h"
#include "core/folds.h"

static const char *const split_choices[] = {"random", "stratified", "group", "time", NULL};

const EcmlOption ecml_fold_options[] = {
	ECML_OPT_INT(EcmlFoldOptions, folds, "folds", 2, ECML_MAX_FOLDS),
	ECML_OPT_INT(EcmlFoldOptions, repeats, "repeats", 1, 1000),
	ECML_OPT_ENUM(EcmlFoldOptions, split, "split", split_choices),
	ECML_OPT_TEXT(EcmlFoldOptions, group, "group"),
	ECML_OPT_TEXT(EcmlFoldOptions, time, "time"),
	ECML_OPT_SPAN(EcmlFoldOptions, gap, "gap"),
	ECML_OPT_END
};

static void
contradiction(const char *detail, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("options of the split contradict each other"),
			 errdetail("%s", detail),
			 errhint("%s", hint)));
}

static void
no_strata(const EcmlAlgorithm *algorithm)
{
	contradiction(psprintf("\"split\" is \"stratified\", but %s learns no classes.", algorithm->name),
				  "Set \"split\" to \"random\".");
}

/* The split that the options ask for. */
static EcmlSplit
decide(const EcmlFoldOptions *options, const EcmlAlgorithm *algorithm, EcmlTargetUse use)
{
	int			split = options->split;

	if (options->group && options->time)
		contradiction("Both \"group\" and \"time\" are given.", "Give one of them.");
	if (split < 0)
		split = options->group ? ECML_SPLIT_GROUP : options->time ? ECML_SPLIT_TIME :
			use == ECML_TARGET_CLASS || use == ECML_TARGET_AUTO ? ECML_SPLIT_STRATIFIED : ECML_SPLIT_RANDOM;
	if ((options->group != NULL) != (split == ECML_SPLIT_GROUP))
		contradiction(psprintf("\"split\" is \"%s\", and \"group\" is %s.", split_choices[split],
							   options->group ? "given" : "not given"),
					  "Name the column of the groups, as in '{\"split\": \"group\", \"group\": \"customer_id\"}'.");
	if ((options->time != NULL) != (split == ECML_SPLIT_TIME))
		contradiction(psprintf("\"split\" is \"%s\", and \"time\" is %s.", split_choices[split],
							   options->time ? "given" : "not given"),
					  "Name the column of the times, as in '{\"split\": \"time\", \"time\": \"ordered_at\"}'.");
	if (split == ECML_SPLIT_STRATIFIED && use != ECML_TARGET_CLASS && use != ECML_TARGET_AUTO)
		no_strata(algorithm);
	if (options->gap > 0 && split != ECML_SPLIT_TIME)
		contradiction("\"gap\" is given without \"time\".", "A gap lies between the times of training and test.");
	if (options->repeats > 1 && split == ECML_SPLIT_TIME)
		contradiction("\"repeats\" is above 1, but a split by time is always the same.", "Leave out \"repeats\".");
	return split;
}

static void
plan_column(EcmlFolds *folds, const EcmlSource *source, const char *name, bool time)
{
	EcmlInput  *column = &folds->column;
	int			number = ecml_source_column(source, name, time ? "time" : "group");
	bool		known;

	column->name = MemoryContextStrdup(folds->context, name);
	column->number = number;
	column->type = TupleDescAttr(source->desc, number)->atttypid;
	known = ecml_bind_plan(column->type, &column->convert, &column->kind, &column->element_type,
						   &column->element_convert) && column->convert != ECML_FROM_ARRAY;
	if (!time)
	{
		if (!known)
		{
			/* whatever has a text form can tell groups apart */
			Oid			function;
			bool		varlena;

			getTypeOutputInfo(column->type, &function, &varlena);
			fmgr_info_cxt(function, &folds->output, folds->context);
		}
		return;
	}
	if (!known || column->kind == ECML_CATEGORY || column->kind == ECML_INET || column->kind == ECML_BOOLEAN)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("time column \"%s\" must be a time or a number", name),
				 errdetail("Its type is %s.", format_type_be(column->type)),
				 errhint("Cast it in the source, or name another column.")));
}

EcmlFolds *
ecml_folds_create(EcmlCtx *ctx, MemoryContext context, const EcmlFoldOptions *options, const EcmlAlgorithm *algorithm,
				  EcmlTargetUse use, const EcmlSource *source, uint64 seed)
{
	EcmlFolds  *folds = MemoryContextAllocZero(context, sizeof(EcmlFolds));

	folds->options = *options;
	folds->options.split = decide(options, algorithm, use);
	folds->undecided = use == ECML_TARGET_AUTO && options->split < 0 && folds->options.split == ECML_SPLIT_STRATIFIED;
	folds->ctx = ctx;
	folds->context = context;
	folds->seed = seed;
	if (folds->options.split == ECML_SPLIT_GROUP)
	{
		plan_column(folds, source, options->group, false);
		folds->groups = ecml_dict_create(context);
	}
	if (folds->options.split == ECML_SPLIT_TIME)
		plan_column(folds, source, options->time, true);
	return folds;
}

void
ecml_folds_classes(EcmlFolds *folds, const EcmlAlgorithm *algorithm, const int64 *class_rows, int n)
{
	if (n == 0 && folds->options.split == ECML_SPLIT_STRATIFIED)
	{
		if (!folds->undecided)
			no_strata(algorithm);
		folds->options.split = ECML_SPLIT_RANDOM;
	}
	if (n == 0)
		return;
	folds->nclasses = folds->classes = n;
	folds->class_rows = MemoryContextAlloc(folds->context, n * sizeof(int64));
	memcpy(folds->class_rows, class_rows, n * sizeof(int64));
}

/* The code of a row's group. */
static int
group_code(EcmlFolds *folds, Datum value)
{
	const EcmlInput *column = &folds->column;
	const char *key;
	double		number;
	int			length;

	if (OidIsValid(folds->output.fn_oid))
	{
		key = OutputFunctionCall(&folds->output, value);
		length = strlen(key);
	}
	else if (column->kind == ECML_CATEGORY)
		key = ecml_bind_label(column, value, &length);
	else if (column->convert == ECML_FROM_INT8 || column->convert == ECML_FROM_TIMESTAMP)
	{
		/* exact where a double is not */
		key = (const char *) &value;
		length = sizeof(value);
	}
	else
	{
		number = ecml_bind_number(column, value) + 0.0;
		key = (const char *) &number;
		length = sizeof(number);
	}
	return ecml_dict_add(folds->groups, key, length);
}

bool
ecml_folds_read(EcmlFolds *folds, TupleTableSlot *slot, double *extra)
{
	int			number = folds->column.number;

	*extra = 0;
	if (!ecml_folds_extra(folds))
		return true;
	if (slot->tts_isnull[number])
		return false;
	if (folds->options.split == ECML_SPLIT_GROUP)
		*extra = group_code(folds, slot->tts_values[number]);
	else
	{
		*extra = ecml_bind_number(&folds->column, slot->tts_values[number]);
		if (!isfinite(*extra))
			ecml_target_not_finite("time", folds->column.name, *extra);
	}
	return true;
}

/* Room in an array of counts for number n. */
static int64 *
enlarge(MemoryContext context, int64 *counts, int *capacity, int n)
{
	int			before = *capacity;

	if (n < before)
		return counts;
	*capacity = Max(16, n + n / 2 + 1);
	if (counts == NULL)
		counts = MemoryContextAllocHuge(context, *capacity * sizeof(int64));
	else
		counts = repalloc_huge(counts, *capacity * sizeof(int64));
	memset(counts + before, 0, (*capacity - before) * sizeof(int64));
	return counts;
}

/* What a group takes in the dictionary and beside it. */
#define GROUP_BYTES (2 * sizeof(EcmlDictEntry) + 2 * sizeof(int64) + 4 * sizeof(int) + 32)

void
ecml_folds_count(EcmlFolds *folds, int label, double extra)
{
	folds->rows++;
	/* nclasses is the capacity, until all rows are there: a class without rows does no harm */
	folds->class_rows = enlarge(folds->context, folds->class_rows, &folds->nclasses, label);
	folds->classes += folds->class_rows[label]++ == 0;
	if (folds->options.split == ECML_SPLIT_GROUP)
	{
		int			code = (int) extra;

		if (code >= folds->group_capacity)
		{
			if (folds->ctx->budget && (size_t) code * GROUP_BYTES > folds->ctx->budget / 2)
			{
				ecml_detail(folds->ctx, "Column \"%s\" has more than %d groups.", folds->column.name, code);
				ecml_fail(folds->ctx, ECML_LIMIT_EXCEEDED, "not enough working memory");
			}
			folds->group_rows = enlarge(folds->context, folds->group_rows, &folds->group_capacity, code);
		}
		folds->group_rows[code]++;
	}
}

static void
too_few(const char *what, const char *found, int64 n, int folds)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_EXCEPTION),
			 errmsg("there are fewer %s than folds", what),
			 errdetail("%s: " INT64_FORMAT "; folds: %d.", found, n, folds),
			 errhint("Give more %s, or fewer \"folds\".", what)));
}

/* Where the stretches that are tested begin, from the times in order. */
static void
find_bounds(EcmlFolds *folds, EcmlData *data, int extra)
{
	int			k = folds->options.folds;
	Tuplesortstate *sort = tuplesort_begin_datum(FLOAT8OID, Float8LessOperator, InvalidOid, false, work_mem, NULL, 0);
	EcmlBlock	blocks[ECML_FETCH];
	size_t		got;
	double		before = NAN;
	int			found = 0;
	Datum		value;
	bool		isnull;

	for (size_t b = 0; b < data->nblocks; b += got)
	{
		got = ecml_data_fetch(folds->ctx, data, b, blocks, ECML_FETCH);
		for (size_t i = 0; i < got; i++)
			for (int row = 0; row < blocks[i].rows; row++)
				tuplesort_putdatum(sort, Float8GetDatum(ECML_BLOCK_F8(&blocks[i], extra)[row]), false);
	}
	tuplesort_performsort(sort);
	folds->bounds = MemoryContextAlloc(folds->context, k * sizeof(double));
	for (int64 row = 0; found < k && ecml_tuplesort_getdatum(sort, &value, &isnull); row++)
	{
		double		time = DatumGetFloat8(value);

		/* the first of its time, with its share of the rows before it; nothing is trained before the first */
		if (row > 0 && time > before && row >= (found + 1) * folds->rows / (k + 1))
			folds->bounds[found++] = time;
		before = time;
		if ((row & 4095) == 0)
			CHECK_FOR_INTERRUPTS();
	}
	tuplesort_end(sort);
	if (found < k)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("column \"%s\" has too few different times for %d folds", folds->column.name, k),
				 errdetail("Rows of the same time stay together; of the stretches that are tested, %d could be cut off.",
						   found),
				 errhint("Give fewer \"folds\", or a column that tells times more finely.")));
}

void
ecml_folds_complete(EcmlFolds *folds, EcmlData *data, int extra)
{
	int			k = folds->options.folds;
	int			offset = 0;

	if (folds->rows < k || (folds->options.split == ECML_SPLIT_TIME && folds->rows < k + 1))
		too_few("rows", "Rows", folds->rows, k);
	if (folds->options.split == ECML_SPLIT_TIME)
		find_bounds(folds, data, extra);
	else if (folds->options.split == ECML_SPLIT_GROUP)
	{
		if (folds->groups->n < k)
			too_few("groups", psprintf("Groups in column \"%s\"", folds->column.name), folds->groups->n, k);
		folds->group_fold = MemoryContextAllocHuge(folds->context, folds->groups->n * sizeof(uint16));
	}
	else
	{
		if (folds->options.split == ECML_SPLIT_RANDOM)
		{
			folds->nclasses = 1;
			folds->class_rows[0] = folds->rows;
		}
		folds->class_offset = MemoryContextAlloc(folds->context, folds->nclasses * sizeof(int));
		for (int c = 0; c < folds->nclasses; c++)
		{
			folds->class_offset[c] = offset;
			offset = (offset + folds->class_rows[c]) % k;
		}
	}
}

/* A generator for what a repeat decides. */
static EcmlRng
repeat_rng(const EcmlFolds *folds, int repeat)
{
	EcmlRng		rng;

	ecml_rng_seed(&rng, folds->seed);
	return ecml_rng_stream(&rng, repeat);
}

typedef struct RankedGroup
{
	int64		rows;
	uint64		lot;			/* decides between groups of the same size */
	int			code;
} RankedGroup;

static inline int
compare_groups(const RankedGroup *a, const RankedGroup *b)
{
	if (a->rows != b->rows)
		return a->rows > b->rows ? -1 : 1;
	if (a->lot != b->lot)
		return a->lot < b->lot ? -1 : 1;
	return a->code < b->code ? -1 : 1;
}

#define ST_SORT sort_groups
#define ST_ELEMENT_TYPE RankedGroup
#define ST_COMPARE(a, b) compare_groups(a, b)
#define ST_CHECK_FOR_INTERRUPTS
#define ST_SCOPE static
#define ST_DECLARE
#define ST_DEFINE
#include "lib/sort_template.h"

/* Let the fold at the top of a heap by rows, then number, sink to its place. */
static void
sink(int *heap, int n, const int64 *rows)
{
	int			i = 0;
	int			top = heap[0];

	for (;;)
	{
		int			child = 2 * i + 1;

		if (child >= n)
			break;
		if (child + 1 < n && (rows[heap[child + 1]] < rows[heap[child]] ||
							  (rows[heap[child + 1]] == rows[heap[child]] && heap[child + 1] < heap[child])))
			child++;
		if (rows[top] < rows[heap[child]] || (rows[top] == rows[heap[child]] && top < heap[child]))
			break;
		heap[i] = heap[child];
		i = child;
	}
	heap[i] = top;
}

void
ecml_folds_deal(EcmlFolds *folds, int repeat)
{
	int			k = folds->options.folds;
	int			n;
	EcmlRng		rng = repeat_rng(folds, repeat);
	RankedGroup	   *groups;
	int		   *heap;
	int64	   *rows;

	if (folds->options.split != ECML_SPLIT_GROUP)
		return;
	n = folds->groups->n;
	groups = ECML_NEW(folds->ctx, RankedGroup, n);
	heap = palloc(k * sizeof(int));
	rows = palloc0(k * sizeof(int64));
	for (int code = 0; code < n; code++)
	{
		groups[code].rows = code < folds->group_capacity ? folds->group_rows[code] : 0;
		groups[code].lot = ecml_rng_next(&rng);
		groups[code].code = code;
	}
	sort_groups(groups, n);
	for (int f = 0; f < k; f++)
		heap[f] = f;
	for (int i = 0; i < n; i++)
	{
		if ((i & 4095) == 0)
			ecml_poll(folds->ctx, 0, 0);
		folds->group_fold[groups[i].code] = heap[0];
		rows[heap[0]] += groups[i].rows;
		sink(heap, k, rows);
	}
	ecml_free(folds->ctx, groups);
	pfree(heap);
	pfree(rows);
}

void
ecml_fold_cursor_init(EcmlFoldCursor *cursor, const EcmlFolds *folds, int repeat, int fold, double share)
{
	memset(cursor, 0, sizeof(*cursor));
	cursor->folds = folds;
	cursor->fold = fold;
	cursor->sample = share < 1 ? (uint64) (share * 0x1.0p64) : 0;
	cursor->rng = repeat_rng(folds, repeat);
	if (!ecml_folds_extra(folds))
	{
		cursor->dealt = palloc0(folds->nclasses * sizeof(int64));
		cursor->order = palloc((Size) folds->nclasses * folds->options.folds * sizeof(int));
	}
}

/* The folds of the present run of a class. */
static void
shuffle(EcmlFoldCursor *cursor, int class, int *order)
{
	const EcmlFolds *folds = cursor->folds;
	int			k = folds->options.folds;
	int64		run = cursor->dealt[class] / k;
	bool		full = (run + 1) * k <= folds->class_rows[class];
	/* what is left over is dealt in one order for all classes */
	EcmlRng		rng = ecml_rng_stream(&cursor->rng, full ? (uint64) run * folds->nclasses + class + 1 : 0);

	for (int i = 0; i < k; i++)
		order[i] = i;
	for (int i = k - 1; i > 0; i--)
	{
		int			other = ecml_rng_below(&rng, i + 1);
		int			kept = order[i];

		order[i] = order[other];
		order[other] = kept;
	}
	if (!full)
	{
		int		   *turned = palloc(k * sizeof(int));

		for (int i = 0; i < k; i++)
			turned[i] = order[(i + folds->class_offset[class]) % k];
		memcpy(order, turned, k * sizeof(int));
		pfree(turned);
	}
}

static EcmlPart
part_by_time(const EcmlFolds *folds, int fold, double time)
{
	if (time < folds->bounds[fold])
		return time <= folds->bounds[fold] - folds->options.gap ? ECML_PART_TRAIN : ECML_PART_NONE;
	return fold + 1 == folds->options.folds || time < folds->bounds[fold + 1] ? ECML_PART_TEST : ECML_PART_NONE;
}

EcmlPart
ecml_fold_cursor_next(EcmlFoldCursor *cursor, int label, double extra)
{
	const EcmlFolds *folds = cursor->folds;
	int			k = folds->options.folds;
	uint64		hash = folds->seed + cursor->row++;
	EcmlPart	part;

	if (folds->options.split == ECML_SPLIT_TIME)
		part = part_by_time(folds, cursor->fold, extra);
	else
	{
		int			fold;

		if (folds->options.split == ECML_SPLIT_GROUP)
			fold = folds->group_fold[(int) extra];
		else
		{
			int			class = folds->options.split == ECML_SPLIT_STRATIFIED ? label : 0;
			int		   *order = cursor->order + (size_t) class * k;
			int			place = cursor->dealt[class] % k;

			if (place == 0)
				shuffle(cursor, class, order);
			cursor->dealt[class]++;
			fold = order[place];
		}
		part = fold == cursor->fold ? ECML_PART_TEST : ECML_PART_TRAIN;
	}
	return cursor->sample == 0 || ecml_splitmix64(&hash) < cursor->sample ? part : ECML_PART_NONE;
}
