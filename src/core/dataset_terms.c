/*
 * dataset_terms.c - what kernels read of a dataset: values as they are kept, or terms made of them
 *
 * Blocks in memory become blocks of terms once, in place where no column is added.  Those in a file, and those whose terms would
 * not fit the budget, are made each time they are asked for, a window of them at once.
 */
#include "core/compat.h"

#include <math.h>

#include "core/dataset_internal.h"

/* Buffers for made blocks: enough for the threads, within a quarter of the budget. */
static void
make_window(EcmlDataset *dataset)
{
	size_t		size = ecml_dataset_bytes(dataset, dataset->data.columns, PADDED_ROWS);
	size_t		n = dataset->ctx->budget && size > 0 ? dataset->ctx->budget / 8 / size : ECML_FETCH;

	n = Min(Max(n, 2), ECML_FETCH);
	n = Min(n, dataset->data.nblocks);
	dataset->window = ECML_NEW0(dataset->ctx, EcmlBlock, n);
	for (size_t b = 0; b < n; b++)
		ecml_dataset_place(dataset, &dataset->window[b], ecml_alloc(dataset->ctx, size), dataset->data.columns, PADDED_ROWS);
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
		double		value = ecml_dataset_value(dataset, source, column, i);
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

			ecml_dataset_place(dataset, &baking.blocks[b], ecml_alloc(dataset->ctx, ecml_dataset_bytes(dataset, columns, stride)), columns, stride);
		}
		ecml_parallel_for(dataset->ctx, n, bake_block, &baking);
		for (size_t b = 0; b < n && !in_place; b++)
			ecml_dataset_give(dataset, baking.sources[b].x);
	}
	dataset->baked = true;
}

/* The terms are the values: their moments are known, unless some are NULL. */
static void
tell_moments(EcmlDataset *dataset)
{
	EcmlColumnMoments *moments = ECML_NEW(dataset->ctx, EcmlColumnMoments, dataset->nvalues);

	for (int j = 0; j < dataset->nvalues; j++)
	{
		const EcmlColumnStats *stats = &dataset->stats[j];

		if (stats->n != dataset->data.rows)
			return;
		moments[j] = (EcmlColumnMoments) {stats->mean, stats->m2, stats->min, stats->max};
	}
	dataset->data.moments = moments;
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
	if (columns_pass_through(dataset) && !dataset->data.has_w && dataset->origin == NULL &&
		dataset->data.columns == dataset->nvalues)
		tell_moments(dataset);
	if (passes_through(dataset) || dataset->file != NULL)
		return;
	if (in_place ||
		ecml_fits(dataset->ctx, dataset->nblocks * ecml_dataset_bytes(dataset, dataset->data.columns, PADDED_ROWS)))
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
	ecml_dataset_place(dataset, block, memory, dataset->nvalues, PADDED_ROWS);
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

size_t
ecml_dataset_fetch(EcmlCtx *ctx, EcmlData *data, size_t first_block, EcmlBlock *blocks, size_t max)
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
	ecml_dataset_give(dataset, dataset->blocks[block].x);
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
