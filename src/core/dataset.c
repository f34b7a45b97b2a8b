/*
 * dataset.c - rows kept for training
 *
 * One allocation per block of 4,096 rows: [columns][stride] elements, then y, then w.  The stride is 16 elements longer
 * than the block, so that the columns of a row do not fall on the same cache lines.  A dataset of few rows (there may be
 * one per group of an aggregate) starts with a small block that grows.
 */
#include "core/compat.h"

#include <math.h>

#include "commands/tablespace.h"

#include "core/dataset.h"

#define PADDED_ROWS (ECML_BLOCK_ROWS + 16)
#define FIRST_ROWS 64
#define STAGED_ROWS 64			/* rows that tell what the columns are kept relative to */
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

	rows = Min(rows, ECML_BLOCK_ROWS);
	stride = rows + 16;
	memory = ecml_zalloc_array(dataset->ctx, block_bytes(dataset, dataset->nvalues, stride), 1);
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

/* A value as it was appended. */
static inline double
original(const EcmlDataset *dataset, const EcmlBlock *block, int column, int row)
{
	if (dataset->data.element == ECML_F8)
		return ECML_BLOCK_F8(block, column)[row];
	return ECML_BLOCK_F4(block, column)[row] + (dataset->origin ? dataset->origin[column] : 0);
}

/* Count, sum, least and greatest of the values that are not NaN; then the squared deviations from a mean. */
#define COLUMN_SUMS(type) \
static ECML_CLONES void \
sums_##type(const type *v, int rows, double *n_out, double *sum_out, double *min_out, double *max_out) \
{ \
	double		n = 0; \
	double		sum = 0; \
	double		least = INFINITY; \
	double		greatest = -INFINITY; \
	_Pragma("omp simd reduction(+:n, sum) reduction(min:least) reduction(max:greatest)") \
	for (int i = 0; i < rows; i++) \
	{ \
		double		value = v[i]; \
		bool		present = value == value; \
		n += present ? 1.0 : 0.0; \
		sum += present ? value : 0.0; \
		least = present && value < least ? value : least; \
		greatest = present && value > greatest ? value : greatest; \
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

/* Merge a block's moments into the columns' (Chan, Golub and LeVeque 1979). */
static void
add_stats(EcmlDataset *dataset, const EcmlBlock *block)
{
	for (int j = 0; j < dataset->nvalues; j++)
	{
		EcmlColumnStats *stats = &dataset->stats[j];
		double		origin = dataset->origin ? dataset->origin[j] : 0;
		bool		single = dataset->data.element == ECML_F4;
		double		n;
		double		sum;
		double		least;
		double		greatest;
		double		mean;
		double		m2;
		double		delta;

		if (single)
			sums_float(ECML_BLOCK_F4(block, j), block->rows, &n, &sum, &least, &greatest);
		else
			sums_double(ECML_BLOCK_F8(block, j), block->rows, &n, &sum, &least, &greatest);
		if (n == 0)
			continue;
		if (block->w)
			m2 = weighted_deviations(dataset, block, j, &n, &sum);
		mean = sum / n;
		if (block->w == NULL)
			m2 = single ? deviations_float(ECML_BLOCK_F4(block, j), block->rows, mean) :
				deviations_double(ECML_BLOCK_F8(block, j), block->rows, mean);
		stats->min = Min(stats->min, least + origin);
		stats->max = Max(stats->max, greatest + origin);
		delta = mean + origin - stats->mean;
		stats->m2 += m2 + delta * delta * stats->n * n / (stats->n + n);
		stats->mean += delta * n / (stats->n + n);
		stats->n += n;
	}
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

	block->first = dataset->data.nblocks * ECML_BLOCK_ROWS;
	add_stats(dataset, block);
	for (int i = 0; i < block->rows; i++)
		dataset->weight += block->w ? block->w[i] : 1;
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

static void
append_row(EcmlDataset *dataset, const double *values, double y, double w)
{
	EcmlBlock  *block = &dataset->open;
	int			row;

	if (block->rows == dataset->open_capacity)
	{
		if (dataset->open_capacity == 0 && dataset->data.nblocks > 0)
			dataset->open_capacity = ECML_BLOCK_ROWS / 4;	/* the first was full: no more small ones */
		enlarge(dataset);
	}
	row = block->rows++;
	if (dataset->data.element == ECML_F8)
	{
		double	   *x = (double *) block->x + row;

		for (int j = 0; j < dataset->nvalues; j++)
			x[(size_t) j * block->stride] = values[j];
	}
	else
	{
		float	   *x = (float *) block->x + row;

		for (int j = 0; j < dataset->nvalues; j++)
			x[(size_t) j * block->stride] = (float) (values[j] - (dataset->origin ? dataset->origin[j] : 0));
	}
	if (block->y)
		((double *) block->y)[row] = y;
	if (block->w)
		((double *) block->w)[row] = w;
	dataset->data.rows++;
	if (block->rows == ECML_BLOCK_ROWS)
		close_block(dataset);
}

static int
compare_doubles(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return x < y ? -1 : x > y;
}

/* The first rows are there: values are kept relative to their medians from now on. */
static void
unstage(EcmlDataset *dataset)
{
	int			width = dataset->nvalues + 2;

	dataset->origin = ECML_NEW0(dataset->ctx, double, dataset->nvalues);
	for (int j = 0; j < dataset->nvalues; j++)
	{
		double		present[STAGED_ROWS];
		int			n = 0;

		for (int i = 0; i < dataset->nstaged; i++)
			if (!isnan(dataset->staged[(size_t) i * width + j]))
				present[n++] = dataset->staged[(size_t) i * width + j];
		qsort(present, n, sizeof(double), compare_doubles);
		if (n > 0)
			dataset->origin[j] = present[n / 2];
	}
	for (int i = 0; i < dataset->nstaged; i++)
	{
		const double *row = dataset->staged + (size_t) i * width;

		append_row(dataset, row, row[width - 2], row[width - 1]);
	}
	ecml_free(dataset->ctx, dataset->staged);
	dataset->staged = NULL;
}

int
ecml_dataset_append(EcmlDataset *dataset, const double *values, double y, double w)
{
	int			width = dataset->nvalues + 2;
	double	   *row;

	if (dataset->data.element == ECML_F4)
		for (int j = 0; j < dataset->nvalues; j++)
			if (unlikely(fabs(values[j]) > FLOAT_LIMIT))
				return j;
	if (!dataset->shifted || dataset->origin)
	{
		append_row(dataset, values, y, w);
		return -1;
	}
	if (dataset->staged == NULL)
		dataset->staged = ecml_alloc_array(dataset->ctx, STAGED_ROWS, width * sizeof(double));
	row = dataset->staged + (size_t) dataset->nstaged++ * width;
	memcpy(row, values, dataset->nvalues * sizeof(double));
	row[width - 2] = y;
	row[width - 1] = w;
	if (dataset->nstaged == STAGED_ROWS)
		unstage(dataset);
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
ecml_dataset_complete(EcmlDataset *dataset)
{
	if (dataset->staged)
		unstage(dataset);
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

/* Set column term of the block to values of a source column, standardised. */
static void
make_column(const EcmlDataset *dataset, EcmlBlock *block, const EcmlBlock *source, int term, int column, double fill)
{
	double		shift = 0;
	double		scale = 1;
	double		origin = dataset->origin ? dataset->origin[column] : 0;

	if (dataset->schema && dataset->schema->shift)
	{
		shift = dataset->schema->shift[term];
		scale = dataset->schema->scale[term];
	}
	if (dataset->data.element == ECML_F4)
	{
		const float *from = ECML_BLOCK_F4(source, column);
		float	   *to = (float *) block->x + (size_t) term * block->stride;
		double		offset = origin - shift;
		double		filled = (fill - shift) * scale;

		for (int i = 0; i < source->rows; i++)
			to[i] = isnan(from[i]) ? (float) filled : (float) ((from[i] + offset) * scale);
	}
	else
	{
		const double *from = ECML_BLOCK_F8(source, column);
		double	   *to = (double *) block->x + (size_t) term * block->stride;

		for (int i = 0; i < source->rows; i++)
			to[i] = ((isnan(from[i]) ? fill : from[i]) - shift) * scale;
	}
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

/* y of the made block. */
static void
make_target(const EcmlDataset *dataset, EcmlBlock *block, const EcmlBlock *source)
{
	double	   *y = (double *) block->y;

	if (dataset->recode_y)
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
	bool		plain = dataset->schema == NULL ||
		(dataset->schema->plain && dataset->schema->nterms == dataset->nvalues);

	return plain && dataset->recode == NULL && dataset->origin == NULL;
}

static bool
passes_through(const EcmlDataset *dataset)
{
	return dataset->baked || (dataset->recode_y == NULL && columns_pass_through(dataset));
}

/* Make the terms of all resident blocks once: in place where no column is added, else in new memory. */
static void
bake(EcmlDataset *dataset, bool in_place)
{
	int			columns = dataset->data.columns;

	for (size_t b = 0; b < dataset->nblocks; b++)
	{
		EcmlBlock	source = dataset->blocks[b];
		EcmlBlock  *block = &dataset->blocks[b];

		ecml_poll(dataset->ctx, 0, 0);
		if (columns_pass_through(dataset))
		{
			make_target(dataset, block, &source);
			continue;
		}
		if (!in_place)
			place(dataset, block,
				  ecml_alloc(dataset->ctx, block_bytes(dataset, columns, source.stride)), columns, source.stride);
		make_block(dataset, block, &source);
		if (!in_place)
			ecml_free(dataset->ctx, (void *) source.x);
	}
	dataset->baked = true;
}

void
ecml_dataset_transform(EcmlDataset *dataset, const EcmlSchema *schema, int **recode, const int *recode_y)
{
	bool		in_place = schema == NULL || schema->nterms == dataset->nvalues;

	Assert(dataset->finished && !dataset->baked);
	drop_window(dataset);
	if (schema)
		for (int j = 0; j < schema->nfeatures; j++)
			if (schema->features[j].kind == ECML_CATEGORY)
				in_place = false;
	dataset->schema = schema;
	dataset->recode = recode;
	dataset->recode_y = recode_y;
	dataset->data.columns = schema ? schema->nterms : dataset->nvalues;
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

void
ecml_dataset_close(EcmlDataset *dataset)
{
	BufFile    *file = dataset->file;

	dataset->file = NULL;
	if (file)
		BufFileClose(file);
}
