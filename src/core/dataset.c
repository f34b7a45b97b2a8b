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

#include "commands/tablespace.h"

#include "core/dataset.h"

#define PADDED_ROWS (ECML_BLOCK_ROWS + 16)
#define FIRST_ROWS 64
#define TILE_ROWS 64
#define ADOPTED_BYTES 16777216	/* made at once from pieces, or so */
#define DIVERTED_BYTES 262144	/* of a block that is passed on */
#define FLOAT_LIMIT 1e37

static size_t
element_size(const EcmlDataset *dataset)
{
	return dataset->data.element == ECML_F4 ? sizeof(float) : sizeof(double);
}

static size_t
block_bytes(const EcmlDataset *dataset, int columns, int stride)
{
	size_t		size = (size_t) columns * stride * element_size(dataset);

	size = (size + ECML_ALIGN - 1) / ECML_ALIGN * ECML_ALIGN;
	if (dataset->data.has_y)
		size += (size_t) stride * sizeof(double);
	if (dataset->data.has_w)
		size += (size_t) stride * sizeof(double);
	return size;
}

/* Set a block's pointers into memory. */
static void
place(const EcmlDataset *dataset, EcmlBlock *block, char *memory, int columns, int stride)
{
	size_t		size = (size_t) columns * stride * element_size(dataset);

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

static size_t fetch(EcmlCtx *ctx, EcmlData *data, size_t first_block, EcmlBlock *blocks, size_t max);

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
	dataset->data.fetch = fetch;
	dataset->ctx = ctx;
	dataset->context = context;
	dataset->nvalues = nvalues;
	dataset->shifted = shifted && element == ECML_F4;
	/* an odd number of cache lines, so that the rows' values of a column fall on different ones */
	dataset->width = ((nvalues + 2 + 7) / 8 | 1) * 8;
	dataset->full = ECML_BLOCK_ROWS;
	dataset->budget = ctx->budget / 4 * 3;
	dataset->stats = ECML_NEW0(ctx, EcmlColumnStats, nvalues);
	for (int j = 0; j < nvalues; j++)
	{
		dataset->stats[j].min = INFINITY;
		dataset->stats[j].max = -INFINITY;
	}
	dataset->block_size = block_bytes(dataset, nvalues, PADDED_ROWS);
	return dataset;
}

/* Make the open block hold at least a row more. */
static void
enlarge(EcmlDataset *dataset)
{
	EcmlBlock	old = dataset->open;
	int			rows = Max(FIRST_ROWS, dataset->open_capacity * 4);
	int			stride;
	size_t		size = element_size(dataset);
	char	   *memory;

	rows = Min(rows, dataset->full);
	stride = rows + 16;
	memory = ecml_alloc(dataset->ctx, block_bytes(dataset, dataset->nvalues, stride));
	place(dataset, &dataset->open, memory, dataset->nvalues, stride);
	for (int j = 0; j < dataset->nvalues && old.rows > 0; j++)
		memcpy((char *) dataset->open.x + j * stride * size, (const char *) old.x + j * old.stride * size,
			   old.rows * size);
	if (old.rows > 0 && old.y)
		memcpy((double *) dataset->open.y, old.y, old.rows * sizeof(double));
	if (old.rows > 0 && old.w)
		memcpy((double *) dataset->open.w, old.w, old.rows * sizeof(double));
	ecml_free(dataset->ctx, (void *) old.x);
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

/* The moments of a column in a block, n 0 when all are NaN. */
static void
column_moments(const EcmlDataset *dataset, const EcmlBlock *block, int column, EcmlColumnStats *moments)
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

/* Vector loops may look at rows beyond the last. */
static void
clear_padding(const EcmlDataset *dataset, EcmlBlock *block)
{
	size_t		size = element_size(dataset);

	for (int j = 0; j < dataset->nvalues; j++)
		memset((char *) block->x + ((size_t) j * block->stride + block->rows) * size, 0,
			   (block->stride - block->rows) * size);
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

/* Move all complete blocks to a file. */
static void
spill(EcmlDataset *dataset)
{
	MemoryContext old = MemoryContextSwitchTo(dataset->context);

	PrepareTempTablespaces();
	dataset->file = BufFileCreateTemp(false);
	MemoryContextSwitchTo(old);
	for (size_t b = 0; b < dataset->nblocks; b++)
	{
		ecml_poll(dataset->ctx, 0, 0);
		write_block(dataset, &dataset->blocks[b]);
		ecml_free(dataset->ctx, (void *) dataset->blocks[b].x);
	}
	dataset->nblocks = 0;
	dataset->data.resident = false;
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
	block->first = dataset->data.nblocks * ECML_BLOCK_ROWS;
	for (int j = 0; j < dataset->nvalues; j++)
	{
		EcmlColumnStats moments;

		column_moments(dataset, block, j, &moments);
		add_moments(&dataset->stats[j], &moments);
	}
	add_weight(dataset, block);
	clear_padding(dataset, block);
	dataset->data.nblocks++;
	if (dataset->file == NULL && block->rows == ECML_BLOCK_ROWS &&
		(dataset->nblocks + 2) * dataset->block_size > dataset->budget)
		spill(dataset);
	if (dataset->file != NULL)
	{
		if (dataset->open_capacity < ECML_BLOCK_ROWS)
			elog(ERROR, "a small block cannot be spilled");
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

/* Four numbers of a row, and as they are kept. */
typedef double Four_double __attribute__((vector_size(32), aligned(8)));
typedef float Four_float __attribute__((vector_size(16), aligned(4)));

#ifdef __clang__
#define SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define SHUFFLE(a, b, ...) __builtin_shuffle(a, b, (Four_places) {__VA_ARGS__})
typedef int64 Four_places __attribute__((vector_size(32)));
#endif

/* Rows of a tile as columns of a block, less the origin (NULL: 0); to: the first row of the first column. */
#define TRANSPOSE(type) \
static void \
transpose_rest_##type(type *to, const double *from, int width, int rows, double offset) \
{ \
	for (int i = 0; i < rows; i++) \
		to[i] = (type) (from[(size_t) i * width] - offset); \
} \
static ECML_CLONES void \
transpose_##type(type *to, size_t stride, const double *tile, int width, int rows, int columns, const double *origin) \
{ \
	int			j = 0; \
	for (; j + 4 <= columns; j += 4) \
	{ \
		Four_double offset = {0}; \
		int			i = 0; \
		if (origin) \
			offset = *(const Four_double *) (origin + j); \
		for (; i + 4 <= rows; i += 4) \
		{ \
			const double *from = tile + (size_t) i * width + j; \
			type	   *at = to + j * stride + i; \
			Four_double a = *(const Four_double *) from - offset; \
			Four_double b = *(const Four_double *) (from + width) - offset; \
			Four_double c = *(const Four_double *) (from + 2 * width) - offset; \
			Four_double d = *(const Four_double *) (from + 3 * width) - offset; \
			Four_double ab0 = SHUFFLE(a, b, 0, 4, 2, 6); \
			Four_double ab1 = SHUFFLE(a, b, 1, 5, 3, 7); \
			Four_double cd0 = SHUFFLE(c, d, 0, 4, 2, 6); \
			Four_double cd1 = SHUFFLE(c, d, 1, 5, 3, 7); \
			*(Four_##type *) at = __builtin_convertvector(SHUFFLE(ab0, cd0, 0, 1, 4, 5), Four_##type); \
			*(Four_##type *) (at + stride) = \
				__builtin_convertvector(SHUFFLE(ab1, cd1, 0, 1, 4, 5), Four_##type); \
			*(Four_##type *) (at + 2 * stride) = \
				__builtin_convertvector(SHUFFLE(ab0, cd0, 2, 3, 6, 7), Four_##type); \
			*(Four_##type *) (at + 3 * stride) = \
				__builtin_convertvector(SHUFFLE(ab1, cd1, 2, 3, 6, 7), Four_##type); \
		} \
		for (int k = j; k < j + 4; k++) \
			transpose_rest_##type(to + k * stride + i, tile + (size_t) i * width + k, width, rows - i, origin ? origin[k] : 0); \
	} \
	for (; j < columns; j++) \
		transpose_rest_##type(to + j * stride, tile + j, width, rows, origin ? origin[j] : 0); \
}

TRANSPOSE(float)
TRANSPOSE(double)

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

/* The rows of the tile go to blocks. */
static void
empty_tile(EcmlDataset *dataset)
{
	EcmlBlock  *block = &dataset->open;
	int			done = 0;

	if (dataset->shifted && dataset->origin == NULL)
		find_origin(dataset);
	while (done < dataset->ntile)
	{
		const double *tile = dataset->tile + (size_t) done * dataset->width;
		int			n;

		if (block->rows == dataset->open_capacity)
		{
			if (dataset->open_capacity == 0 && (dataset->data.nblocks > 0 || dataset->divert))
				dataset->open_capacity = dataset->full / 4; /* the first was full: no more small ones */
			enlarge(dataset);
		}
		n = Min(dataset->ntile - done, dataset->open_capacity - block->rows);
		if (dataset->data.element == ECML_F8)
			transpose_double((double *) block->x + block->rows, block->stride, tile, dataset->width, n, dataset->nvalues,
							 dataset->origin);
		else
			transpose_float((float *) block->x + block->rows, block->stride, tile, dataset->width, n, dataset->nvalues,
							dataset->origin);
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

int
ecml_dataset_append(EcmlDataset *dataset, const double *values, double y, double w)
{
	double	   *row;

	/* NaN, a NULL, makes it look, too */
	if (dataset->data.element == ECML_F4 &&
		unlikely(!(ecml_sum_squares(values, dataset->nvalues) <= FLOAT_LIMIT * FLOAT_LIMIT)))
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
		empty_tile(dataset);
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
		dataset->full = Min(dataset->full, DIVERTED_BYTES / (dataset->nvalues * element_size(dataset)) / 16 * 16 + 16);
}

void
ecml_dataset_flush(EcmlDataset *dataset)
{
	if (dataset->divert == NULL)
		return;
	empty_tile(dataset);
	if (dataset->open.rows > 0)
		close_block(dataset);
}

size_t
ecml_dataset_block_bytes(const EcmlDataset *dataset, int stride)
{
	return block_bytes(dataset, dataset->nvalues, stride);
}

size_t
ecml_dataset_new_block(EcmlDataset *dataset, EcmlBlock *block, int rows)
{
	int			stride = (rows + 15) / 16 * 16 + 16;
	size_t		size = block_bytes(dataset, dataset->nvalues, stride);

	place(dataset, block, ecml_alloc(dataset->ctx, size), dataset->nvalues, stride);
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
	size_t		size = element_size(dataset);
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
		column_moments(dataset, block, j, &adoption->moments[b * dataset->nvalues + j]);
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
	dataset->nblocks = dataset->capacity = dataset->data.nblocks = nblocks;
	adoption.moments = ECML_NEW(ctx, EcmlColumnStats, round * dataset->nvalues);
	for (size_t from = 0; from < nblocks; from += round)
	{
		size_t		n = Min(nblocks - from, round);

		for (size_t b = from; b < from + n; b++)
		{
			EcmlBlock  *block = &dataset->blocks[b];

			place(dataset, block, ecml_alloc(ctx, dataset->block_size), dataset->nvalues, PADDED_ROWS);
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
		empty_tile(dataset);
	ecml_free(dataset->ctx, dataset->tile);
	dataset->tile = NULL;
	if (dataset->open.rows > 0)
		close_block(dataset);
	if (dataset->file)
	{
		ecml_free(dataset->ctx, (void *) dataset->open.x);
		memset(&dataset->open, 0, sizeof(EcmlBlock));
		dataset->raw = ecml_alloc(dataset->ctx, dataset->block_size);
	}
	dataset->finished = true;
}

/* Buffers for made blocks: enough for the threads, within a quarter of the budget. */
static void
make_window(EcmlDataset *dataset)
{
	size_t		size = block_bytes(dataset, dataset->data.columns, PADDED_ROWS);
	size_t		n = dataset->ctx->budget && size > 0 ? dataset->ctx->budget / 8 / size : ECML_FETCH;

	n = Min(Max(n, 2), ECML_FETCH);
	n = Min(n, dataset->data.nblocks);
	dataset->window = ECML_NEW0(dataset->ctx, EcmlBlock, n);
	for (size_t b = 0; b < n; b++)
		place(dataset, &dataset->window[b], ecml_alloc(dataset->ctx, size), dataset->data.columns, PADDED_ROWS);
	dataset->nwindow = n;
}

/* The buffers go: blocks will have other columns. */
static void
drop_window(EcmlDataset *dataset)
{
	for (size_t b = 0; b < dataset->nwindow; b++)
		ecml_free(dataset->ctx, (void *) dataset->window[b].x);
	if (dataset->window)
		ecml_free(dataset->ctx, dataset->window);
	dataset->window = NULL;
	dataset->nwindow = 0;
}

/* (value + offset) * scale, and for NaN what fills it. */
#define STANDARDIZE(type) \
static ECML_CLONES void \
standardize_##type(type *to, const type *from, int rows, double offset, double scale, double filled) \
{ \
	type		fill = (type) filled; \
	_Pragma("omp simd") \
	for (int i = 0; i < rows; i++) \
	{ \
		type		made = (type) (((double) from[i] + offset) * scale); \
		to[i] = from[i] == from[i] ? made : fill; \
	} \
}

STANDARDIZE(float)
STANDARDIZE(double)

/* Set column term of the block to values of a source column, standardised. */
static void
make_column(const EcmlDataset *dataset, EcmlBlock *block, const EcmlBlock *source, int term, int column, double fill)
{
	double		shift = 0;
	double		scale = 1;
	double		origin = dataset->origin ? dataset->origin[column] : 0;

	if (dataset->schema && dataset->schema->shift && term < dataset->schema->nterms)
	{
		shift = dataset->schema->shift[term];
		scale = dataset->schema->scale[term];
	}
	if (dataset->data.origin)
		shift = origin;			/* the kernel knows it */
	if (dataset->data.element == ECML_F4)
		standardize_float((float *) block->x + (size_t) term * block->stride, ECML_BLOCK_F4(source, column), source->rows,
						  origin - shift, scale, (fill - shift) * scale);
	else
		standardize_double((double *) block->x + (size_t) term * block->stride, ECML_BLOCK_F8(source, column),
						   source->rows, -shift, scale, (fill - shift) * scale);
}

/* Set the terms of a category. */
static void
make_dummies(const EcmlDataset *dataset, EcmlBlock *block, const EcmlBlock *source, int column)
{
	const EcmlFeature *feature = &dataset->schema->features[column];
	const int  *recode = dataset->recode ? dataset->recode[column] : NULL;
	size_t		stride = block->stride;

	for (int t = 0; t < feature->terms; t++)
	{
		int			term = feature->first_term + t;
		double		shift = dataset->schema->shift ? dataset->schema->shift[term] : 0;
		double		scale = dataset->schema->shift ? dataset->schema->scale[term] : 1;
		double		off = (0 - shift) * scale;

		for (int i = 0; i < source->rows; i++)
			if (dataset->data.element == ECML_F4)
				((float *) block->x)[term * stride + i] = (float) off;
			else
				((double *) block->x)[term * stride + i] = off;
	}
	for (int i = 0; i < source->rows; i++)
	{
		double		value = original(dataset, source, column, i);
		int			code = isnan(value) ? -1 : (int) value;
		int			t;

		if (code >= 0 && recode)
			code = recode[code];
		if (code < 0 && !isnan(feature->fill) && isnan(value))
			code = (int) feature->fill;
		t = code - (feature->drop_first ? 1 : 0);
		if (code < 0 || t < 0 || t >= feature->terms)
			continue;
		t += feature->first_term;
		{
			double		shift = dataset->schema->shift ? dataset->schema->shift[t] : 0;
			double		scale = dataset->schema->shift ? dataset->schema->scale[t] : 1;
			double		on = (1 - shift) * scale;

			if (dataset->data.element == ECML_F4)
				((float *) block->x)[t * stride + i] = (float) on;
			else
				((double *) block->x)[t * stride + i] = on;
		}
	}
}

/* Set the term of a category that is its number. */
#define RECODE(type) \
static void \
recode_##type(type *to, const type *from, int rows, const int *recode, double fill) \
{ \
	for (int i = 0; i < rows; i++) \
		to[i] = from[i] != from[i] ? (type) fill : (type) recode[(int) from[i]]; \
}

RECODE(float)
RECODE(double)

static void
make_codes(const EcmlDataset *dataset, EcmlBlock *block, const EcmlBlock *source, int column)
{
	const int  *recode = dataset->recode ? dataset->recode[column] : NULL;
	double		fill = dataset->schema->features[column].fill;

	if (recode == NULL)
		make_column(dataset, block, source, column, column, fill);
	else if (dataset->data.element == ECML_F4)
		recode_float((float *) block->x + (size_t) column * block->stride, ECML_BLOCK_F4(source, column), source->rows, recode,
					 fill);
	else
		recode_double((double *) block->x + (size_t) column * block->stride, ECML_BLOCK_F8(source, column), source->rows, recode,
					  fill);
}

/* y of the made block. */
static void
make_target(const EcmlDataset *dataset, EcmlBlock *block, const EcmlBlock *source)
{
	double	   *y = (double *) block->y;

	if (dataset->class_values)
		for (int i = 0; i < source->rows; i++)
			y[i] = source->y[i] == dataset->class_values[1];
	else if (dataset->recode_y)
		for (int i = 0; i < source->rows; i++)
			y[i] = dataset->recode_y[(int) source->y[i]];
	else if (source->y != y)
		memcpy(y, source->y, source->rows * sizeof(double));
}

/* A source block's terms. */
static void
make_block(const EcmlDataset *dataset, EcmlBlock *block, const EcmlBlock *source)
{
	block->first = source->first;
	block->rows = source->rows;
	for (int j = 0; j < dataset->nvalues; j++)
	{
		if (dataset->schema == NULL)
			make_column(dataset, block, source, j, j, NAN);
		else if (j >= dataset->schema->nfeatures)
			make_column(dataset, block, source, dataset->schema->nterms + j - dataset->schema->nfeatures, j, NAN);
		else if (dataset->schema->native && dataset->schema->features[j].kind == ECML_CATEGORY)
			make_codes(dataset, block, source, j);
		else if (dataset->schema->features[j].kind == ECML_CATEGORY)
			make_dummies(dataset, block, source, j);
		else
			make_column(dataset, block, source, dataset->schema->features[j].first_term, j,
						dataset->schema->features[j].fill);
	}
	if (source->y)
		make_target(dataset, block, source);
	if (source->w && source->w != block->w)
		memcpy((double *) block->w, source->w, source->rows * sizeof(double));
}

/* Can a block be given as it is? */
static bool
columns_pass_through(const EcmlDataset *dataset)
{
	const EcmlSchema *schema = dataset->schema;

	if (schema && schema->native)
	{
		/* values relative to an origin are what such a kernel wants */
		for (int j = 0; j < schema->nfeatures; j++)
			if (schema->features[j].kind == ECML_CATEGORY)
				return false;
		return schema->plain;
	}
	return (schema == NULL || (schema->plain && schema->nterms == schema->nfeatures)) && dataset->recode == NULL &&
		dataset->origin == NULL;
}

static bool
passes_through(const EcmlDataset *dataset)
{
	return dataset->baked ||
		(dataset->recode_y == NULL && dataset->class_values == NULL && columns_pass_through(dataset));
}

typedef struct Baking
{
	const EcmlDataset *dataset;
	EcmlBlock  *blocks;
	EcmlBlock	sources[ECML_FETCH];
} Baking;

static void
bake_block(void *arg, size_t b, int worker)
{
	Baking	   *baking = arg;

	if (columns_pass_through(baking->dataset))
		make_target(baking->dataset, &baking->blocks[b], &baking->sources[b]);
	else
		make_block(baking->dataset, &baking->blocks[b], &baking->sources[b]);
}

/* Make the terms of all resident blocks once: in place where no column is added, else in new memory. */
static void
bake(EcmlDataset *dataset, bool in_place)
{
	int			columns = dataset->data.columns;
	Baking		baking = {.dataset = dataset};

	in_place |= columns_pass_through(dataset);
	for (size_t first = 0; first < dataset->nblocks; first += ECML_FETCH)
	{
		size_t		n = Min(dataset->nblocks - first, ECML_FETCH);

		baking.blocks = dataset->blocks + first;
		memcpy(baking.sources, baking.blocks, n * sizeof(EcmlBlock));
		for (size_t b = 0; b < n && !in_place; b++)
		{
			int			stride = baking.sources[b].stride;

			place(dataset, &baking.blocks[b], ecml_alloc(dataset->ctx, block_bytes(dataset, columns, stride)), columns, stride);
		}
		ecml_parallel_for(dataset->ctx, n, bake_block, &baking);
		for (size_t b = 0; b < n && !in_place; b++)
			ecml_free(dataset->ctx, (void *) baking.sources[b].x);
	}
	dataset->baked = true;
}

void
ecml_dataset_transform(EcmlDataset *dataset, const EcmlSchema *schema, int **recode, const int *recode_y)
{
	bool		in_place = schema == NULL || schema->nterms == schema->nfeatures;

	Assert(dataset->finished && !dataset->baked);
	drop_window(dataset);
	if (schema)
		for (int j = 0; j < schema->nfeatures; j++)
			if (schema->features[j].kind == ECML_CATEGORY && !schema->native)
				in_place = false;
	dataset->schema = schema;
	dataset->recode = recode;
	dataset->recode_y = recode_y;
	if (schema && schema->native)
		dataset->data.origin = dataset->origin;
	dataset->data.columns = schema ? schema->nterms + dataset->nvalues - schema->nfeatures : dataset->nvalues;
	if (passes_through(dataset) || dataset->file != NULL)
		return;
	if (in_place ||
		ecml_fits(dataset->ctx, dataset->nblocks * block_bytes(dataset, dataset->data.columns, PADDED_ROWS)))
		bake(dataset, in_place);
	else
		dataset->data.resident = false;
}

/* Read block number b back; block's pointers lie in memory. */
static void
read_block(EcmlDataset *dataset, size_t b, EcmlBlock *block, void *memory)
{
	off_t		segment = (off_t) 1 << 30;
	uint64		at = (uint64) b * dataset->block_size;
	size_t		left = dataset->data.rows - b * ECML_BLOCK_ROWS;

	if (BufFileSeek(dataset->file, at / segment, at % segment, SEEK_SET) != 0)
		ereport(ERROR, (errcode_for_file_access(), errmsg("could not seek in temporary file")));
	ecml_buffile_read(dataset->file, memory, dataset->block_size);
	place(dataset, block, memory, dataset->nvalues, PADDED_ROWS);
	block->first = b * ECML_BLOCK_ROWS;
	block->rows = Min(left, ECML_BLOCK_ROWS);
}

EcmlBlock
ecml_dataset_kept(EcmlDataset *dataset, size_t b)
{
	EcmlBlock	block;

	Assert(dataset->finished && !dataset->baked && b < dataset->data.nblocks);
	if (dataset->file == NULL)
		return dataset->blocks[b];
	read_block(dataset, b, &block, dataset->raw);
	return block;
}

static size_t
fetch(EcmlCtx *ctx, EcmlData *data, size_t first_block, EcmlBlock *blocks, size_t max)
{
	EcmlDataset *dataset = (EcmlDataset *) data;
	size_t		n = Min(max, data->nblocks - first_block);
	bool		plain = passes_through(dataset);

	Assert(dataset->finished && first_block < data->nblocks);
	ecml_poll(ctx, 0, 0);
	if (plain && dataset->file == NULL)
	{
		memcpy(blocks, dataset->blocks + first_block, n * sizeof(EcmlBlock));
		return n;
	}
	if (dataset->window == NULL)
		make_window(dataset);
	n = Min(n, dataset->nwindow);
	for (size_t i = 0; i < n; i++)
	{
		EcmlBlock  *made = &dataset->window[i];

		ecml_poll(ctx, 0, 0);
		if (dataset->file == NULL)
			make_block(dataset, made, &dataset->blocks[first_block + i]);
		else if (plain)
			read_block(dataset, first_block + i, made, (void *) made->x);
		else
		{
			EcmlBlock	source;

			read_block(dataset, first_block + i, &source, dataset->raw);
			make_block(dataset, made, &source);
		}
		blocks[i] = *made;
	}
	return n;
}

static void
discard(EcmlCtx *ctx, EcmlData *data, size_t block)
{
	EcmlDataset *dataset = (EcmlDataset *) data;

	if (dataset->file || block >= dataset->nblocks)
		return;
	ecml_free(dataset->ctx, (void *) dataset->blocks[block].x);
	dataset->blocks[block].x = NULL;
}

void
ecml_dataset_allow_discard(EcmlDataset *dataset)
{
	dataset->data.discard = discard;
}

void
ecml_dataset_close(EcmlDataset *dataset)
{
	BufFile    *file = dataset->file;

	dataset->file = NULL;
	if (file)
		BufFileClose(file);
}
