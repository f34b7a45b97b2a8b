/*
 * dataset.c - rows kept for training
 *
 * One allocation per block of 4,096 rows: [columns][stride] elements, then y, then w.  The stride is 16 elements longer
 * than the block, so that the columns of a row do not fall on the same cache lines.  A dataset of few rows (there may be
 * one per group of an aggregate) starts with a small block that grows.
 *
 * Rows come one by one, columns are wanted: some rows are gathered in a tile that stays in the cache, and go to the block
 * column by column.  The first tile also tells what the columns are kept relative to.
 */
#include "core/compat.h"

#include <math.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "commands/tablespace.h"

#include "core/dataset_internal.h"

#define FIRST_ROWS 64
#define TILE_ROWS 64
#define ADOPTED_BYTES 16777216	/* made at once from pieces, or so */
#define DIVERTED_BYTES 262144	/* of a block that is passed on */
#define MEASURED 8				/* columns of a block whose moments a task finds */
#define SPARE_BYTES 524288
#define FLOAT_LIMIT 1e37
#define LARGE 1e150			/* its square is finite */

size_t
ecml_dataset_element(const EcmlDataset *dataset)
{
	return dataset->data.element == ECML_F4 ? sizeof(float) : sizeof(double);
}

size_t
ecml_dataset_bytes(const EcmlDataset *dataset, int columns, int stride)
{
	size_t		size = (size_t) columns * stride * ecml_dataset_element(dataset);

	size = (size + ECML_ALIGN - 1) / ECML_ALIGN * ECML_ALIGN;
	if (dataset->data.has_y)
		size += (size_t) stride * sizeof(double);
	if (dataset->data.has_w)
		size += (size_t) stride * sizeof(double);
	return size;
}

void
ecml_dataset_place(const EcmlDataset *dataset, EcmlBlock *block, char *memory, int columns, int stride)
{
	size_t		size = (size_t) columns * stride * ecml_dataset_element(dataset);

	size = (size + ECML_ALIGN - 1) / ECML_ALIGN * ECML_ALIGN;
	block->stride = stride;
	block->x = memory;
	memory += size;
	block->y = NULL;
	block->w = NULL;
	if (dataset->data.has_y)
	{
		block->y = (double *) memory;
		memory += (size_t) stride * sizeof(double);
	}
	if (dataset->data.has_w)
		block->w = (double *) memory;
}

EcmlDataset *
ecml_dataset_create(EcmlCtx *ctx, MemoryContext context, EcmlElement element, int nvalues,
					bool has_y, bool has_w, bool shifted)
{
	EcmlDataset *dataset = MemoryContextAllocZero(context, sizeof(EcmlDataset));

	dataset->data.element = element;
	dataset->data.columns = nvalues;
	dataset->data.has_y = has_y;
	dataset->data.has_w = has_w;
	dataset->data.resident = true;
	dataset->data.fetch = ecml_dataset_fetch;
	dataset->ctx = ctx;
	dataset->context = context;
	dataset->nvalues = nvalues;
	dataset->shifted = shifted && element == ECML_F4;
	/* an odd number of cache lines, so that the rows' values of a column fall on different ones */
	dataset->width = ((nvalues + 2 + 7) / 8 | 1) * 8;
	dataset->full = ECML_BLOCK_ROWS;
	/* of the smallest budgets half: what kernels need beside rows does not get less */
	dataset->budget = ctx->budget - Max(ctx->budget / 4, Min(ctx->budget / 2, SPARE_BYTES));
	dataset->stats = ECML_NEW0(ctx, EcmlColumnStats, nvalues);
	for (int j = 0; j < nvalues; j++)
	{
		dataset->stats[j].min = INFINITY;
		dataset->stats[j].max = -INFINITY;
	}
	dataset->block_size = ecml_dataset_bytes(dataset, nvalues, PADDED_ROWS);
	return dataset;
}

void
ecml_dataset_enlarge(EcmlDataset *dataset, int rows)
{
	EcmlBlock	old = dataset->open;
	int			stride = rows + 16;
	size_t		size = ecml_dataset_element(dataset);
	char	   *memory;

	memory = ecml_alloc(dataset->ctx, ecml_dataset_bytes(dataset, dataset->nvalues, stride));
	ecml_dataset_place(dataset, &dataset->open, memory, dataset->nvalues, stride);
	for (int j = 0; j < dataset->nvalues && old.rows > 0; j++)
		memcpy((char *) dataset->open.x + j * stride * size, (const char *) old.x + j * old.stride * size,
			   old.rows * size);
	if (old.rows > 0 && old.y)
		memcpy((double *) dataset->open.y, old.y, old.rows * sizeof(double));
	if (old.rows > 0 && old.w)
		memcpy((double *) dataset->open.w, old.w, old.rows * sizeof(double));
	ecml_dataset_give(dataset, old.x);
	dataset->open.rows = old.rows;
	dataset->open_capacity = rows;
}

static inline double
original(const EcmlDataset *dataset, const EcmlBlock *block, int column, int row)
{
	if (dataset->data.element == ECML_F8)
		return ECML_BLOCK_F8(block, column)[row];
	return ECML_BLOCK_F4(block, column)[row] + (dataset->origin ? dataset->origin[column] : 0);
}

double
ecml_dataset_value(const EcmlDataset *dataset, const EcmlBlock *block, int column, int row)
{
	return original(dataset, block, column, row);
}

void
ecml_dataset_row(const EcmlDataset *dataset, const EcmlBlock *block, int column, int n, int row, double *values)
{
	if (dataset->data.element == ECML_F8)
		for (int j = 0; j < n; j++)
			values[j] = ECML_BLOCK_F8(block, column + j)[row];
	else
		for (int j = 0; j < n; j++)
			values[j] = original(dataset, block, column + j, row);
}

/*
 * Count, sum, least and greatest of the values that are not NaN; then the squared deviations from a mean.  Most columns have
 * no NaN: their sum tells.
 */
#define COLUMN_SUMS(type) \
static ECML_CLONES void \
sums_##type(const type *v, int rows, double *n_out, double *sum_out, double *min_out, double *max_out) \
{ \
	double		n = rows; \
	double		sum = 0; \
	type		least = INFINITY; \
	type		greatest = -INFINITY; \
	_Pragma("omp simd reduction(+:sum) reduction(min:least) reduction(max:greatest)") \
	for (int i = 0; i < rows; i++) \
	{ \
		sum += (double) v[i]; \
		least = v[i] < least ? v[i] : least; \
		greatest = v[i] > greatest ? v[i] : greatest; \
	} \
	if (isnan(sum)) \
	{ \
		n = sum = 0; \
		_Pragma("omp simd reduction(+:n, sum)") \
		for (int i = 0; i < rows; i++) \
		{ \
			n += v[i] == v[i] ? 1.0 : 0.0; \
			sum += v[i] == v[i] ? (double) v[i] : 0.0; \
		} \
	} \
	*n_out = n; \
	*sum_out = sum; \
	*min_out = least; \
	*max_out = greatest; \
} \
static ECML_CLONES double \
deviations_##type(const type *v, int rows, double mean) \
{ \
	double		m2 = 0; \
	_Pragma("omp simd reduction(+:m2)") \
	for (int i = 0; i < rows; i++) \
	{ \
		double		deviation = (double) v[i] - mean; \
		m2 += deviation == deviation ? deviation * deviation : 0.0; \
	} \
	return m2; \
}

COLUMN_SUMS(float)
COLUMN_SUMS(double)

/* The same with weights: they count as repetitions. */
static double
weighted_deviations(const EcmlDataset *dataset, const EcmlBlock *block, int column, double *n, double *sum)
{
	bool		single = dataset->data.element == ECML_F4;
	double		mean;
	double		m2 = 0;

	*n = *sum = 0;
	for (int pass = 0; pass < 2; pass++)
	{
		mean = *sum / *n;
		for (int i = 0; i < block->rows; i++)
		{
			double		value = single ? ECML_BLOCK_F4(block, column)[i] : ECML_BLOCK_F8(block, column)[i];

			if (isnan(value))
				continue;
			if (pass == 0)
			{
				*n += block->w[i];
				*sum += block->w[i] * value;
			}
			else
				m2 += block->w[i] * (value - mean) * (value - mean);
		}
	}
	return m2;
}

void
ecml_dataset_moments(const EcmlDataset *dataset, const EcmlBlock *block, int column, EcmlColumnStats *moments)
{
	double		origin = dataset->origin ? dataset->origin[column] : 0;
	bool		single = dataset->data.element == ECML_F4;
	double		sum;
	double		mean;

	if (single)
		sums_float(ECML_BLOCK_F4(block, column), block->rows, &moments->n, &sum, &moments->min, &moments->max);
	else
		sums_double(ECML_BLOCK_F8(block, column), block->rows, &moments->n, &sum, &moments->min, &moments->max);
	if (moments->n == 0)
		return;
	if (block->w)
		moments->m2 = weighted_deviations(dataset, block, column, &moments->n, &sum);
	mean = sum / moments->n;
	if (block->w == NULL)
		moments->m2 = single ? deviations_float(ECML_BLOCK_F4(block, column), block->rows, mean) :
			deviations_double(ECML_BLOCK_F8(block, column), block->rows, mean);
	moments->mean = mean + origin;
	moments->min += origin;
	moments->max += origin;
}

/* Merge a block's moments into the columns' (Chan, Golub and LeVeque 1979). */
static void
add_moments(EcmlColumnStats *stats, const EcmlColumnStats *block)
{
	double		delta = block->mean - stats->mean;

	if (block->n == 0)
		return;
	stats->min = Min(stats->min, block->min);
	stats->max = Max(stats->max, block->max);
	stats->m2 += block->m2 + delta * delta * stats->n * block->n / (stats->n + block->n);
	stats->mean += delta * block->n / (stats->n + block->n);
	stats->n += block->n;
}

/* Vector loops may look at rows beyond the last; and a block goes to a file as a whole. */
static void
clear_padding(const EcmlDataset *dataset, EcmlBlock *block)
{
	size_t		size = ecml_dataset_element(dataset);
	size_t		padding = block->stride - block->rows;
	size_t		all = (size_t) dataset->nvalues * block->stride * size;

	for (int j = 0; j < dataset->nvalues; j++)
		memset((char *) block->x + ((size_t) j * block->stride + block->rows) * size, 0, padding * size);
	memset((char *) block->x + all, 0, TYPEALIGN(ECML_ALIGN, all) - all);
	if (block->y)
		memset((double *) block->y + block->rows, 0, padding * sizeof(double));
	if (block->w)
		memset((double *) block->w + block->rows, 0, padding * sizeof(double));
}

/* The sum of the weights of all rows grows by a block. */
static void
add_weight(EcmlDataset *dataset, const EcmlBlock *block)
{
	if (block->w == NULL)
		dataset->weight += block->rows;
	for (int i = 0; block->w && i < block->rows; i++)
		dataset->weight += block->w[i];
}

static void
write_block(EcmlDataset *dataset, const EcmlBlock *block)
{
	/* x starts the block's memory */
	BufFileWrite(dataset->file, (void *) block->x, dataset->block_size);
	dataset->nspilled++;
}

typedef struct Measuring
{
	const EcmlDataset *dataset;
	const EcmlBlock *blocks;
	EcmlColumnStats *moments;	/* [blocks][nvalues] */
	size_t		parts;			/* tasks of a block */
} Measuring;

static void
measure_columns(void *arg, size_t i, int worker)
{
	const Measuring *measuring = arg;
	const EcmlDataset *dataset = measuring->dataset;
	size_t		b = i / measuring->parts;
	int			first = i % measuring->parts * MEASURED;

	for (int j = first; j < Min(first + MEASURED, dataset->nvalues); j++)
		ecml_dataset_moments(dataset, &measuring->blocks[b], j, &measuring->moments[b * dataset->nvalues + j]);
}

void
ecml_dataset_measure(EcmlDataset *dataset, const EcmlBlock *blocks, size_t n)
{
	Measuring	measuring = {.dataset = dataset,.parts = (dataset->nvalues + MEASURED - 1) / MEASURED};

	if (n == 0)
		return;
	measuring.moments = ECML_NEW(dataset->ctx, EcmlColumnStats, Min(n, ECML_FETCH) * dataset->nvalues);
	for (size_t from = 0; from < n; from += ECML_FETCH)
	{
		size_t		round = Min(n - from, ECML_FETCH);

		measuring.blocks = blocks + from;
		/* for one block threads are not worth their making */
		if (n == 1)
			for (size_t i = 0; i < measuring.parts; i++)
				measure_columns(&measuring, i, 0);
		else
			ecml_parallel_for(dataset->ctx, round * measuring.parts, measure_columns, &measuring);
		for (size_t i = 0; i < round * dataset->nvalues; i++)
			add_moments(&dataset->stats[i % dataset->nvalues], &measuring.moments[i]);
	}
	ecml_free(dataset->ctx, measuring.moments);
}

/* What the blocks in memory have not been asked for yet. */
static void
measure_kept(EcmlDataset *dataset)
{
	ecml_dataset_measure(dataset, dataset->blocks + dataset->nmeasured, dataset->nblocks - dataset->nmeasured);
	dataset->nmeasured = dataset->nblocks;
}

void
ecml_dataset_spill(EcmlDataset *dataset)
{
	MemoryContext old = MemoryContextSwitchTo(dataset->context);

	PrepareTempTablespaces();
	dataset->file = BufFileCreateTemp(false);
	MemoryContextSwitchTo(old);
	measure_kept(dataset);
	for (size_t b = 0; b < dataset->nblocks; b++)
	{
		ecml_poll(dataset->ctx, 0, 0);
		write_block(dataset, &dataset->blocks[b]);
		ecml_dataset_give(dataset, dataset->blocks[b].x);
	}
	dataset->nblocks = dataset->nmeasured = 0;
	dataset->data.resident = false;
}

void
ecml_dataset_keep(EcmlDataset *dataset, bool measured)
{
	EcmlBlock  *block = &dataset->open;

	block->first = dataset->data.nblocks * ECML_BLOCK_ROWS;
	add_weight(dataset, block);
	clear_padding(dataset, block);
	dataset->data.nblocks++;
	if (dataset->file == NULL && block->rows == ECML_BLOCK_ROWS &&
		(dataset->nblocks + 2) * dataset->block_size > dataset->budget)
		ecml_dataset_spill(dataset);
	if (dataset->file != NULL)
	{
		if (dataset->open_capacity < ECML_BLOCK_ROWS)
			elog(ERROR, "a small block cannot be spilled");
		if (!measured)
			ecml_dataset_measure(dataset, block, 1);
		write_block(dataset, block);
		block->rows = 0;		/* its memory serves the next block */
		return;
	}
	if (dataset->nblocks == dataset->capacity)
	{
		dataset->capacity = Max(4, dataset->capacity * 2);
		dataset->blocks = ecml_resize_array(dataset->ctx, dataset->blocks, dataset->capacity, sizeof(EcmlBlock));
	}
	dataset->blocks[dataset->nblocks++] = *block;
	memset(block, 0, sizeof(EcmlBlock));
	dataset->open_capacity = 0;
}

/* The open block is full (or the last). */
static void
close_block(EcmlDataset *dataset)
{
	EcmlBlock  *block = &dataset->open;

	if (dataset->divert)
	{
		dataset->divert(dataset->divert_arg, block);
		block->rows = 0;
		if (block->x == NULL)
			dataset->open_capacity = 0;
		return;
	}
	ecml_dataset_keep(dataset, false);
}

/* Four numbers of a row, and as they are kept. */
typedef double Four_double __attribute__((vector_size(32), aligned(8)));
typedef float Four_float __attribute__((vector_size(16), aligned(4)));

#ifdef __clang__
#define SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define SHUFFLE(a, b, ...) __builtin_shuffle(a, b, (Four_places) {__VA_ARGS__})
typedef int64 Four_places __attribute__((vector_size(32)));
#endif

/*
 * Four numbers past the cache: a line that is written whole need not be read before, nor does it displace others.  Where that
 * is not known an ordinary store.
 */
#ifdef __SSE2__
#define STREAM_double(to, v) \
	(_mm_stream_pd((to), (__m128d) {(v)[0], (v)[1]}), _mm_stream_pd((to) + 2, (__m128d) {(v)[2], (v)[3]}))
#define STREAM_float(to, v) _mm_stream_ps((to), (__m128) (v))
#define STREAM_END() _mm_sfence()
#else
#define STREAM_double(to, v) (*(Four_double *) (to) = (v))
#define STREAM_float(to, v) (*(Four_float *) (to) = (v))
#define STREAM_END() ((void) 0)
#endif

/* Rows as columns of a block, less the origin (NULL: 0); to: the first row of the first column; past: the cache. */
#define TRANSPOSE(type) \
static void \
transpose_rest_##type(type *to, const double *const *from, int column, int rows, double offset) \
{ \
	for (int i = 0; i < rows; i++) \
		to[i] = (type) (from[i][column] - offset); \
} \
/* four rows of four columns */ \
static inline __attribute__((always_inline)) void \
transpose_four_##type(Four_##type *to, const double *const *from, int column, const double *origin) \
{ \
	Four_double offset = {0}; \
	Four_double a; \
	Four_double b; \
	Four_double c; \
	Four_double d; \
	if (origin) \
		offset = *(const Four_double *) (origin + column); \
	a = *(const Four_double *) (from[0] + column) - offset; \
	b = *(const Four_double *) (from[1] + column) - offset; \
	c = *(const Four_double *) (from[2] + column) - offset; \
	d = *(const Four_double *) (from[3] + column) - offset; \
	{ \
		Four_double ab0 = SHUFFLE(a, b, 0, 4, 2, 6); \
		Four_double ab1 = SHUFFLE(a, b, 1, 5, 3, 7); \
		Four_double cd0 = SHUFFLE(c, d, 0, 4, 2, 6); \
		Four_double cd1 = SHUFFLE(c, d, 1, 5, 3, 7); \
		to[0] = __builtin_convertvector(SHUFFLE(ab0, cd0, 0, 1, 4, 5), Four_##type); \
		to[1] = __builtin_convertvector(SHUFFLE(ab1, cd1, 0, 1, 4, 5), Four_##type); \
		to[2] = __builtin_convertvector(SHUFFLE(ab0, cd0, 2, 3, 6, 7), Four_##type); \
		to[3] = __builtin_convertvector(SHUFFLE(ab1, cd1, 2, 3, 6, 7), Four_##type); \
	} \
} \
static ECML_CLONES void \
transpose_##type(type *to, size_t stride, const double *const *from, int rows, int columns, const double *origin, bool past) \
{ \
	enum {LINE = ECML_ALIGN / sizeof(type)}; \
	int			first = 0;		/* rows before the first whole line, */ \
	int			last = 0;		/* and up to the last one's end */ \
	int			j = 0; \
	if (past && stride % LINE == 0) \
	{ \
		first = Min(rows, (int) (-((uintptr_t) to / sizeof(type)) % LINE)); \
		last = first + (rows - first) / LINE * LINE; \
	} \
	for (; j + 4 <= columns; j += 4) \
	{ \
		type	   *at = to + j * stride; \
		int			i = first; \
		for (int k = 0; k < 4 && first > 0; k++) \
			transpose_rest_##type(at + k * stride, from, j + k, first, origin ? origin[j + k] : 0); \
		for (; i < last; i += LINE) \
		{ \
			Four_##type made[LINE / 4][4]; \
			for (int q = 0; q < LINE / 4; q++) \
				transpose_four_##type(made[q], from + i + q * 4, j, origin); \
			for (int k = 0; k < 4; k++) \
				for (int q = 0; q < LINE / 4; q++) \
					STREAM_##type(at + k * stride + i + q * 4, made[q][k]); \
		} \
		for (; i + 4 <= rows; i += 4) \
		{ \
			Four_##type made[4]; \
			transpose_four_##type(made, from + i, j, origin); \
			for (int k = 0; k < 4; k++) \
				*(Four_##type *) (at + k * stride + i) = made[k]; \
		} \
		for (int k = 0; k < 4; k++) \
			transpose_rest_##type(at + k * stride + i, from + i, j + k, rows - i, origin ? origin[j + k] : 0); \
	} \
	for (; j < columns; j++) \
		transpose_rest_##type(to + j * stride, from, j, rows, origin ? origin[j] : 0); \
	if (past) \
		STREAM_END(); \
}

TRANSPOSE(float)
TRANSPOSE(double)

static void
put(const EcmlDataset *dataset, EcmlBlock *block, int at, const double *const *rows, int n, bool past)
{
	if (dataset->data.element == ECML_F8)
		transpose_double((double *) block->x + at, block->stride, rows, n, dataset->nvalues, dataset->origin, past);
	else
		transpose_float((float *) block->x + at, block->stride, rows, n, dataset->nvalues, dataset->origin, past);
}

void
ecml_dataset_put(const EcmlDataset *dataset, EcmlBlock *block, int at, const double *const *rows, int n)
{
	put(dataset, block, at, rows, n, true);
}

static int
compare_doubles(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return x < y ? -1 : x > y;
}

/* The medians of the first rows: values are kept relative to them from now on. */
static void
find_origin(EcmlDataset *dataset)
{
	dataset->origin = ECML_NEW0(dataset->ctx, double, dataset->nvalues);
	for (int j = 0; j < dataset->nvalues; j++)
	{
		double		present[TILE_ROWS];
		int			n = 0;

		if (dataset->exact && dataset->exact[j])
			continue;
		for (int i = 0; i < dataset->ntile; i++)
			if (!isnan(dataset->tile[(size_t) i * dataset->width + j]))
				present[n++] = dataset->tile[(size_t) i * dataset->width + j];
		qsort(present, n, sizeof(double), compare_doubles);
		if (n > 0)
			dataset->origin[j] = present[n / 2];
	}
}

void
ecml_dataset_empty_tile(EcmlDataset *dataset)
{
	EcmlBlock  *block = &dataset->open;
	const double *rows[TILE_ROWS];
	int			done = 0;

	if (dataset->shifted && dataset->origin == NULL)
		find_origin(dataset);
	for (int i = 0; i < dataset->ntile; i++)
		rows[i] = dataset->tile + (size_t) i * dataset->width;
	while (done < dataset->ntile)
	{
		const double *tile = dataset->tile + (size_t) done * dataset->width;
		int			n;

		if (block->rows == dataset->open_capacity)
		{
			if (dataset->open_capacity == 0 && (dataset->data.nblocks > 0 || dataset->divert))
				dataset->open_capacity = dataset->full / 4; /* the first was full: no more small ones */
			ecml_dataset_enlarge(dataset, Min(Max(FIRST_ROWS, dataset->open_capacity * 4), dataset->full));
		}
		n = Min(dataset->ntile - done, dataset->open_capacity - block->rows);
		put(dataset, block, block->rows, rows + done, n, false);
		for (int i = 0; i < n && block->y; i++)
			((double *) block->y)[block->rows + i] = tile[(size_t) i * dataset->width + dataset->nvalues];
		for (int i = 0; i < n && block->w; i++)
			((double *) block->w)[block->rows + i] = tile[(size_t) i * dataset->width + dataset->nvalues + 1];
		block->rows += n;
		done += n;
		if (block->rows == dataset->full)
			close_block(dataset);
	}
	dataset->ntile = 0;
}

double
ecml_dataset_plain(const EcmlDataset *dataset)
{
	return dataset->data.element == ECML_F4 ? FLOAT_LIMIT * FLOAT_LIMIT : LARGE * LARGE;
}

int
ecml_dataset_append(EcmlDataset *dataset, const double *values, double y, double w)
{
	double	   *row;

	/* NaN, a NULL, makes it look, too */
	if (dataset->data.element == ECML_F4 &&
		unlikely(!(ecml_sum_squares(values, dataset->nvalues) <= ecml_dataset_plain(dataset))))
		for (int j = 0; j < dataset->nvalues; j++)
			if (fabs(values[j]) > FLOAT_LIMIT)
				return j;
	if (dataset->tile == NULL)
		dataset->tile = ecml_alloc_array(dataset->ctx, TILE_ROWS, dataset->width * sizeof(double));
	row = dataset->tile + (size_t) dataset->ntile++ * dataset->width;
	memcpy(row, values, dataset->nvalues * sizeof(double));
	row[dataset->nvalues] = y;
	row[dataset->nvalues + 1] = w;
	dataset->data.rows++;
	if (dataset->ntile == TILE_ROWS)
		ecml_dataset_empty_tile(dataset);
	return -1;
}

void
ecml_dataset_overflow(const char *column, double value)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_EXCEPTION),
			 errmsg("column \"%s\" holds a value that is too large", column),
			 errdetail("A row has %g; values are kept in single precision, up to %g.", value, FLOAT_LIMIT),
			 errhint("Take logarithms, or other units, in the source.")));
}

void
ecml_dataset_set_origin(EcmlDataset *dataset, const double *origin)
{
	dataset->origin = ECML_NEW(dataset->ctx, double, dataset->nvalues);
	memcpy(dataset->origin, origin, dataset->nvalues * sizeof(double));
}

void
ecml_dataset_divert(EcmlDataset *dataset, EcmlDivert divert, void *arg)
{
	Assert(dataset->ntile == 0 && dataset->open.rows == 0);
	dataset->divert = divert;
	dataset->divert_arg = arg;
	/* as large as stays in the cache until it is passed on */
	dataset->full = ECML_BLOCK_ROWS;
	if (divert)
		dataset->full = Min(dataset->full, DIVERTED_BYTES / (dataset->nvalues * ecml_dataset_element(dataset)) / 16 * 16 + 16);
}

void
ecml_dataset_flush(EcmlDataset *dataset)
{
	if (dataset->divert == NULL)
		return;
	ecml_dataset_empty_tile(dataset);
	if (dataset->open.rows > 0)
		close_block(dataset);
}

size_t
ecml_dataset_block_bytes(const EcmlDataset *dataset, int stride)
{
	return ecml_dataset_bytes(dataset, dataset->nvalues, stride);
}

size_t
ecml_dataset_new_block(EcmlDataset *dataset, EcmlBlock *block, int rows)
{
	int			stride = (rows + 15) / 16 * 16 + 16;
	size_t		size = ecml_dataset_bytes(dataset, dataset->nvalues, stride);

	ecml_dataset_place(dataset, block, ecml_alloc(dataset->ctx, size), dataset->nvalues, stride);
	block->rows = rows;
	return size;
}

typedef struct Adoption
{
	const EcmlDataset *dataset;
	const EcmlPiece *pieces;	/* [npieces] */
	const size_t *first;		/* [npieces + 1] number of a piece's first row */
	size_t		npieces;
	EcmlBlock  *blocks;			/* to be made, of one round */
	EcmlColumnStats *moments;	/* [a round][nvalues] of them */
} Adoption;

/* The piece that a row is in. */
static size_t
piece_of(const Adoption *adoption, size_t row)
{
	size_t		low = 0;
	size_t		high = adoption->npieces - 1;

	while (low < high)
	{
		size_t		middle = (low + high + 1) / 2;

		if (adoption->first[middle] <= row)
			low = middle;
		else
			high = middle - 1;
	}
	return low;
}

/* Rows from .. from + n - 1 of a piece's column, in the block from row at on. */
static void
adopt_column(const EcmlDataset *dataset, EcmlBlock *block, int at, const EcmlPiece *piece, int from, int n, int column)
{
	size_t		size = ecml_dataset_element(dataset);
	char	   *to = (char *) block->x + ((size_t) column * block->stride + at) * size;
	const int  *codes = piece->codes ? piece->codes[column] : NULL;
	double		origin = dataset->origin ? dataset->origin[column] : 0;

	memcpy(to, (const char *) piece->block.x + ((size_t) column * piece->block.stride + from) * size, n * size);
	for (int i = 0; codes && i < n; i++)
	{
		double		code = original(dataset, block, column, at + i);

		if (isnan(code))
			continue;
		if (dataset->data.element == ECML_F4)
			((float *) to)[i] = (float) (codes[(int) code] - origin);
		else
			((double *) to)[i] = codes[(int) code];
	}
}

static void
adopt_block(void *arg, size_t b, int worker)
{
	const Adoption *adoption = arg;
	const EcmlDataset *dataset = adoption->dataset;
	EcmlBlock  *block = &adoption->blocks[b];
	size_t		p = piece_of(adoption, block->first);
	int			n;

	for (int at = 0; at < block->rows; at += n, p++)
	{
		const EcmlPiece *piece = &adoption->pieces[p];
		int			from = block->first + at - adoption->first[p];

		n = Min(block->rows - at, piece->block.rows - from);
		for (int j = 0; j < dataset->nvalues; j++)
			adopt_column(dataset, block, at, piece, from, n, j);
		if (block->y)
			memcpy((double *) block->y + at, piece->block.y + from, n * sizeof(double));
		for (int i = at; block->y && piece->classes && i < at + n; i++)
			((double *) block->y)[i] = piece->classes[(int) block->y[i]];
		if (block->w)
			memcpy((double *) block->w + at, piece->block.w + from, n * sizeof(double));
	}
	clear_padding(dataset, block);
	for (int j = 0; j < dataset->nvalues; j++)
		ecml_dataset_moments(dataset, block, j, &adoption->moments[b * dataset->nvalues + j]);
}

void
ecml_dataset_adopt(EcmlDataset *dataset, EcmlPiece *pieces, size_t npieces)
{
	EcmlCtx    *ctx = dataset->ctx;
	size_t	   *first = ECML_NEW(ctx, size_t, npieces + 1);
	Adoption	adoption = {.dataset = dataset,.pieces = pieces,.first = first,.npieces = npieces};
	size_t		round = Min(Max(ADOPTED_BYTES / dataset->block_size, 4), ECML_FETCH);
	size_t		freed = 0;
	size_t		nblocks;

	Assert(dataset->data.nblocks == 0);
	first[0] = 0;
	for (size_t p = 0; p < npieces; p++)
		first[p + 1] = first[p] + pieces[p].block.rows;
	dataset->data.rows = first[npieces];
	nblocks = (dataset->data.rows + ECML_BLOCK_ROWS - 1) / ECML_BLOCK_ROWS;
	dataset->blocks = ECML_NEW0(ctx, EcmlBlock, nblocks);
	dataset->nblocks = dataset->nmeasured = dataset->capacity = dataset->data.nblocks = nblocks;
	adoption.moments = ECML_NEW(ctx, EcmlColumnStats, round * dataset->nvalues);
	for (size_t from = 0; from < nblocks; from += round)
	{
		size_t		n = Min(nblocks - from, round);

		for (size_t b = from; b < from + n; b++)
		{
			EcmlBlock  *block = &dataset->blocks[b];

			ecml_dataset_place(dataset, block, ecml_dataset_take(dataset), dataset->nvalues, PADDED_ROWS);
			block->first = b * ECML_BLOCK_ROWS;
			block->rows = Min(ECML_BLOCK_ROWS, dataset->data.rows - block->first);
		}
		adoption.blocks = dataset->blocks + from;
		ecml_parallel_for(ctx, n, adopt_block, &adoption);
		for (size_t b = 0; b < n; b++)
		{
			for (int j = 0; j < dataset->nvalues; j++)
				add_moments(&dataset->stats[j], &adoption.moments[b * dataset->nvalues + j]);
			add_weight(dataset, &adoption.blocks[b]);
		}
		/* the next blocks take their memory */
		for (; freed < npieces && first[freed + 1] <= (from + n) * ECML_BLOCK_ROWS; freed++)
			ecml_free(ctx, (void *) pieces[freed].block.x);
	}
	for (; freed < npieces; freed++)
		ecml_free(ctx, (void *) pieces[freed].block.x);
	ecml_free(ctx, adoption.moments);
	ecml_free(ctx, first);
}

void
ecml_dataset_complete(EcmlDataset *dataset)
{
	if (dataset->ntile > 0)
		ecml_dataset_empty_tile(dataset);
	ecml_free(dataset->ctx, dataset->tile);
	dataset->tile = NULL;
	if (dataset->open.rows > 0)
		close_block(dataset);
	measure_kept(dataset);
	ecml_dataset_free_room(dataset);
	if (dataset->file)
	{
		ecml_dataset_give(dataset, dataset->open.x);
		memset(&dataset->open, 0, sizeof(EcmlBlock));
		dataset->raw = ecml_alloc(dataset->ctx, dataset->block_size);
	}
	dataset->finished = true;
}
