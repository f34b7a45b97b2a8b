/*
 * dataset_room.c - rows that come in batches, and are filled in by several threads at once; memory for many blocks
 *
 * The open block and empty ones after it are the room.  What has been filled in closes blocks as rows do that are appended one
 * by one: the dataset is the same, bit by bit.
 */
#include "core/compat.h"

#include "core/dataset_internal.h"

#define SLAB_BYTES ((size_t) 32 << 20)

/*
 * Memory for several blocks at once, large enough for huge pages: a block of few columns is smaller than one, and filling small
 * pages would fault at each of them.
 */
typedef struct EcmlSlab
{
	char	   *memory;
	size_t		taken;			/* blocks given out so far, of n */
	size_t		n;
	size_t		live;			/* of them not given back */
	size_t		touched;		/* bytes */
} Slab;

#define PIECE ((size_t) 2 << 20)	/* a huge page */
#define PAGE 4096

typedef struct Touching
{
	char	   *from;
	char	   *to;
} Touching;

/* From one huge page's end to the next. */
static void
touch_piece(void *arg, size_t i, int worker)
{
	const Touching *touching = arg;
	char	   *first = (char *) TYPEALIGN_DOWN(PIECE, touching->from) + i * PIECE;
	char	   *end = Min(first + PIECE, touching->to);

	for (char *at = Max(first, touching->from); at < end; at += PAGE)
		*at = 0;
}

/*
 * The system clears a page when it is touched first.  Two threads that meet at a huge page both clear one, and one of them is
 * thrown away; so each is touched by one thread, before rows come.  As much again as was touched before, or more: a table of
 * few rows touches little.
 */
static void
touch(EcmlDataset *dataset, Slab *slab, size_t needed)
{
	size_t		size = slab->n * dataset->block_size;
	size_t		bytes = Min(Max(needed - slab->touched, dataset->touched), size - slab->touched);
	Touching	touching = {slab->memory + slab->touched, slab->memory + slab->touched + bytes};
	uintptr_t	skip = (uintptr_t) touching.from % PIECE;

	slab->touched += bytes;
	dataset->touched += bytes;
	ecml_parallel_for(dataset->ctx, (skip + bytes + PIECE - 1) / PIECE, touch_piece, &touching);
}

char *
ecml_dataset_take(EcmlDataset *dataset)
{
	size_t		size = dataset->block_size;
	Slab	   *slab = dataset->nslabs > 0 ? &dataset->slabs[dataset->nslabs - 1] : NULL;

	if (slab == NULL || slab->taken == slab->n)
	{
		size_t		bytes = Min(SLAB_BYTES, dataset->ctx->budget > 0 ? dataset->ctx->budget / 16 : SLAB_BYTES);
		size_t		n = Max(bytes / size, 1);

		if (dataset->nslabs == dataset->slab_capacity)
		{
			dataset->slab_capacity = Max(8, dataset->slab_capacity * 2);
			dataset->slabs = ecml_resize_array(dataset->ctx, dataset->slabs, dataset->slab_capacity, sizeof(Slab));
		}
		slab = &dataset->slabs[dataset->nslabs];
		*slab = (Slab) {ecml_alloc(dataset->ctx, n * size), 0, n, 0, 0};
		dataset->nslabs++;
	}
	slab->live++;
	if ((slab->taken + 1) * size > slab->touched)
		touch(dataset, slab, (slab->taken + 1) * size);
	return slab->memory + slab->taken++ * size;
}

void
ecml_dataset_give(EcmlDataset *dataset, const void *block)
{
	for (size_t i = 0; i < dataset->nslabs; i++)
	{
		Slab	   *slab = &dataset->slabs[i];

		if ((const char *) block < slab->memory || (const char *) block >= slab->memory + slab->n * dataset->block_size)
			continue;
		if (--slab->live == 0)
		{
			ecml_free(dataset->ctx, slab->memory);
			memmove(slab, slab + 1, (dataset->nslabs - i - 1) * sizeof(Slab));
			dataset->nslabs--;
		}
		return;
	}
	ecml_free(dataset->ctx, (void *) block);
}

void
ecml_dataset_free_room(EcmlDataset *dataset)
{
	for (size_t i = 0; i < dataset->nroom; i++)
		ecml_dataset_give(dataset, dataset->room[i].x);
	ecml_free(dataset->ctx, dataset->room);
	dataset->room = NULL;
	dataset->nroom = dataset->room_capacity = 0;
}

bool
ecml_dataset_make_room(EcmlDataset *dataset, size_t rows)
{
	EcmlCtx    *ctx = dataset->ctx;
	size_t		more;

	Assert(dataset->divert == NULL && !dataset->finished);
	if (dataset->shifted && dataset->origin == NULL)
		return false;			/* the first rows tell it */
	ecml_dataset_empty_tile(dataset);
	more = (dataset->open.rows + rows) / ECML_BLOCK_ROWS;
	if (dataset->file == NULL && dataset->nblocks > 0 && (dataset->nblocks + more + 2) * dataset->block_size > dataset->budget)
		ecml_dataset_spill(dataset);
	if (dataset->open_capacity < ECML_BLOCK_ROWS)
		ecml_dataset_enlarge(dataset, ECML_BLOCK_ROWS);
	if (dataset->room_capacity < more)
	{
		dataset->room_capacity = more + 1;
		dataset->room = ecml_resize_array(ctx, dataset->room, dataset->room_capacity, sizeof(EcmlBlock));
	}
	while (dataset->nroom < more)
	{
		EcmlBlock  *block = &dataset->room[dataset->nroom];

		memset(block, 0, sizeof(EcmlBlock));
		ecml_dataset_place(dataset, block, ecml_dataset_take(dataset), dataset->nvalues, PADDED_ROWS);
		dataset->nroom++;
	}
	return true;
}

EcmlBlock *
ecml_dataset_room(EcmlDataset *dataset, size_t row, int *at)
{
	size_t		number = dataset->open.rows + row;

	*at = number % ECML_BLOCK_ROWS;
	number /= ECML_BLOCK_ROWS;
	return number == 0 ? &dataset->open : &dataset->room[number - 1];
}

void
ecml_dataset_fill(EcmlDataset *dataset, size_t rows)
{
	size_t		total = dataset->open.rows + rows;
	size_t		complete = total / ECML_BLOCK_ROWS;
	size_t		used = 0;		/* of the room */
	bool		spills = dataset->file != NULL;

	dataset->data.rows += rows;
	if (complete > 0)
	{
		dataset->open.rows = ECML_BLOCK_ROWS;
		for (size_t b = 1; b < complete; b++)
			dataset->room[b - 1].rows = ECML_BLOCK_ROWS;
		if (spills)
		{
			ecml_dataset_measure(dataset, &dataset->open, 1);
			ecml_dataset_measure(dataset, dataset->room, complete - 1);
		}
		for (size_t b = 0; b < complete; b++)
		{
			EcmlBlock	spare;

			ecml_dataset_keep(dataset, spills);
			/* of a spilled block the memory serves again */
			spare = dataset->open;
			dataset->open = dataset->room[used];
			dataset->open_capacity = ECML_BLOCK_ROWS;
			dataset->room[used++] = spare;
		}
		/* what is left of the room, in order */
		used = 0;
		for (size_t i = 0; i < dataset->nroom; i++)
			if (dataset->room[i].x)
				dataset->room[used++] = dataset->room[i];
		dataset->nroom = used;
	}
	dataset->open.rows = total % ECML_BLOCK_ROWS;
}
