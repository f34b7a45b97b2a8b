/*
 * blocks.c - an EcmlData over arrays in memory
 */
#include "blocks.h"

#include <string.h>

typedef struct RowsData
{
	EcmlData	data;			/* must be first */
	EcmlBlock  *blocks;			/* [nblocks] */
} RowsData;

static size_t
fetch(EcmlCtx *ctx, EcmlData *data, size_t first_block, EcmlBlock *blocks, size_t max)
{
	RowsData   *rows = (RowsData *) data;
	size_t		left = data->nblocks - first_block;
	size_t		n = left < max ? left : max;

	ecml_poll(ctx, 0, 0);
	memcpy(blocks, rows->blocks + first_block, n * sizeof(EcmlBlock));
	return n;
}

/* Copy rows first .. first+n-1 of the row-major x into the columns of a block. */
static void *
transpose(EcmlCtx *ctx, EcmlElement element, const double *x, int columns, int n, int stride)
{
	size_t		size = element == ECML_F4 ? sizeof(float) : sizeof(double);
	void	   *block = ecml_zalloc_array(ctx, (size_t) stride * columns, size);

	for (int j = 0; j < columns; j++)
		for (int i = 0; i < n; i++)
		{
			if (element == ECML_F4)
				((float *) block)[(size_t) j * stride + i] = (float) x[(size_t) i * columns + j];
			else
				((double *) block)[(size_t) j * stride + i] = x[(size_t) i * columns + j];
		}
	return block;
}

static double *
copy(EcmlCtx *ctx, const double *v, int n)
{
	double	   *result = ECML_NEW(ctx, double, n);

	memcpy(result, v, n * sizeof(double));
	return result;
}

EcmlData *
ecml_data_from_rows(EcmlCtx *ctx, EcmlElement element, size_t rows, int columns,
					const double *x, const double *y, const double *w)
{
	RowsData   *result = ECML_NEW0(ctx, RowsData, 1);
	EcmlData   *data = &result->data;

	data->element = element;
	data->columns = columns;
	data->rows = rows;
	data->nblocks = (rows + ECML_BLOCK_ROWS - 1) / ECML_BLOCK_ROWS;
	data->resident = true;
	data->has_y = y != NULL;
	data->has_w = w != NULL;
	data->fetch = fetch;
	result->blocks = ECML_NEW0(ctx, EcmlBlock, data->nblocks);
	for (size_t b = 0; b < data->nblocks; b++)
	{
		EcmlBlock  *block = &result->blocks[b];
		size_t		left;

		block->first = b * ECML_BLOCK_ROWS;
		left = rows - block->first;
		block->rows = left < ECML_BLOCK_ROWS ? (int) left : ECML_BLOCK_ROWS;
		block->stride = (block->rows + 15) / 16 * 16;
		block->x = transpose(ctx, element, x + block->first * columns, columns, block->rows, block->stride);
		block->y = y ? copy(ctx, y + block->first, block->rows) : NULL;
		block->w = w ? copy(ctx, w + block->first, block->rows) : NULL;
	}
	return data;
}

/* Sums side by side, so that an addition need not wait for the one before. */
ECML_CLONES double
ecml_sum_squares(const double *v, int n)
{
	double		many[32] = {0};
	double		few[8] = {0};
	double		sum = 0;
	int			i = 0;

	for (; i + 32 <= n; i += 32)
#pragma omp simd
		for (int k = 0; k < 32; k++)
			many[k] += v[i + k] * v[i + k];
	for (int from = 0; from < 32 && i > 0; from += 8)
#pragma omp simd
		for (int k = 0; k < 8; k++)
			few[k] += many[from + k];
	for (; i + 8 <= n; i += 8)
#pragma omp simd
		for (int k = 0; k < 8; k++)
			few[k] += v[i + k] * v[i + k];
	for (int k = 0; k < 8; k++)
		sum += few[k];
	for (; i < n; i++)
		sum += v[i] * v[i];
	return sum;
}
