/*
 * reservoir.c - a random sample of a stream of rows: the rows of the least keys, in a heap
 */
#include <math.h>

#include "reservoir.h"
#include "sort.h"

#define FIRST_ROWS 256

EcmlReservoir *
ecml_reservoir_create(EcmlCtx *ctx, int width, size_t limit, const EcmlRng *rng)
{
	EcmlReservoir *reservoir = ECML_NEW0(ctx, EcmlReservoir, 1);

	reservoir->width = width;
	reservoir->limit = limit > 0 ? limit : 1;
	reservoir->next = INFINITY;
	reservoir->rng = *rng;
	return reservoir;
}

static void
enlarge(EcmlCtx *ctx, EcmlReservoir *reservoir)
{
	size_t		capacity = reservoir->capacity ? reservoir->capacity * 2 : FIRST_ROWS;

	if (capacity > reservoir->limit)
		capacity = reservoir->limit;
	reservoir->rows = ecml_resize_array(ctx, reservoir->rows, capacity * (reservoir->width > 0 ? reservoir->width : 1),
										sizeof(double));
	reservoir->weights = ecml_resize_array(ctx, reservoir->weights, capacity, sizeof(double));
	reservoir->numbers = ecml_resize_array(ctx, reservoir->numbers, capacity, sizeof(uint64_t));
	reservoir->tags = ecml_resize_array(ctx, reservoir->tags, capacity, sizeof(int));
	if (!reservoir->plain)
		reservoir->heap = ecml_resize_array(ctx, reservoir->heap, capacity, sizeof(EcmlReservoirPlace));
	reservoir->capacity = capacity;
}

/* Put a place at the heap's end, and let it rise. */
static void
rise(EcmlReservoirPlace *heap, size_t at, EcmlReservoirPlace place)
{
	while (at > 0 && heap[(at - 1) / 2].key < place.key)
	{
		heap[at] = heap[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	heap[at] = place;
}

/* Put a place in the stead of the greatest, and let it sink. */
static void
sink(EcmlReservoirPlace *heap, size_t n, EcmlReservoirPlace place)
{
	size_t		at = 0;

	for (size_t child; (child = 2 * at + 1) < n; at = child)
	{
		if (child + 1 < n && heap[child + 1].key > heap[child].key)
			child++;
		if (heap[child].key <= place.key)
			break;
		heap[at] = heap[child];
	}
	heap[at] = place;
}

static double *
fill_slot(EcmlReservoir *reservoir, size_t slot, double weight)
{
	reservoir->weights[slot] = weight;
	reservoir->numbers[slot] = reservoir->seen - 1;
	reservoir->tags[slot] = reservoir->tag;
	return reservoir->rows + slot * reservoir->width;
}

/* Plain: the row at hand, and how far the next one is.  The keys that are held are uniform below the greatest of them. */
double *
ecml_reservoir_take(EcmlCtx *ctx, EcmlReservoir *reservoir)
{
	size_t		slot = reservoir->n;

	if (reservoir->n == reservoir->capacity && reservoir->n < reservoir->limit)
		enlarge(ctx, reservoir);
	if (reservoir->n < reservoir->limit)
		reservoir->n++;
	else
		slot = ecml_rng_below(&reservoir->rng, reservoir->n);
	if (reservoir->n == reservoir->limit)
	{
		double		skip;

		reservoir->log_most += log(ecml_reservoir_uniform(reservoir)) / (double) reservoir->limit;
		skip = floor(log(ecml_reservoir_uniform(reservoir)) / log1p(-exp(reservoir->log_most)));
		reservoir->skip = skip < 1e18 ? (uint64_t) skip : (uint64_t) 1e18;
	}
	return fill_slot(reservoir, slot, 1);
}

double *
ecml_reservoir_place(EcmlCtx *ctx, EcmlReservoir *reservoir, double key, double weight)
{
	size_t		slot;

	if (reservoir->n < reservoir->limit)
	{
		if (reservoir->n == reservoir->capacity)
			enlarge(ctx, reservoir);
		slot = reservoir->n;
		rise(reservoir->heap, reservoir->n++, (EcmlReservoirPlace) {key, slot});
	}
	else
	{
		slot = reservoir->heap[0].slot;
		if (reservoir->heap[0].key < reservoir->next)
			reservoir->next = reservoir->heap[0].key;
		sink(reservoir->heap, reservoir->n, (EcmlReservoirPlace) {key, slot});
	}
	return fill_slot(reservoir, slot, weight);
}

size_t *
ecml_reservoir_order(EcmlCtx *ctx, const EcmlReservoir *reservoir)
{
	double	   *pairs = ecml_alloc_array(ctx, reservoir->n + 1, 2 * sizeof(double));
	size_t	   *order = ECML_NEW(ctx, size_t, reservoir->n + 1);

	/* numbers of rows, which a double holds */
	for (size_t i = 0; i < reservoir->n; i++)
	{
		pairs[2 * i] = (double) reservoir->numbers[i];
		pairs[2 * i + 1] = (double) i;
	}
	ecml_sort_f8_pairs(ctx, pairs, reservoir->n);
	for (size_t i = 0; i < reservoir->n; i++)
		order[i] = (size_t) pairs[2 * i + 1];
	ecml_free(ctx, pairs);
	return order;
}
