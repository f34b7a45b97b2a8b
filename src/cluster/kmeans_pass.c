/*
 * kmeans_pass.c - one pass over the data, with sums that do not depend on how the blocks come
 *
 * Memory: the slots, at most SLOT_MEMORY (one slot always), and 40 bytes a block of resident data.
 */
#include "kmeans_internal.h"

#include <string.h>

#define SLOT_MEMORY ((size_t) 32 << 20)
#define MAX_SLOTS 256

void
kmeans_pass_open(EcmlCtx *ctx, KmeansPass *pass, EcmlData *data, size_t per_group, size_t width)
{
	size_t		ngroups = (data->nblocks + per_group - 1) / per_group;
	size_t		bytes = width * sizeof(double) + per_group * ECML_BLOCK_ROWS * sizeof(int32_t);
	size_t		nslots = SLOT_MEMORY / bytes;

	memset(pass, 0, sizeof(*pass));
	if (nslots > MAX_SLOTS)
		nslots = MAX_SLOTS;
	if (nslots > ngroups)
		nslots = ngroups;
	/* twice as much: the labels of a batch, which the caller may keep, are in bytes, but other things are needed too */
	while (nslots > 1 && !ecml_fits(ctx, 2 * nslots * bytes))
		nslots /= 2;
	if (nslots < 1)
		nslots = 1;
	pass->data = data;
	pass->per_group = per_group;
	pass->width = width;
	pass->nslots = nslots;
	pass->slot = ECML_NEW(ctx, double *, nslots);
	for (size_t s = 0; s < nslots; s++)
		pass->slot[s] = ECML_NEW(ctx, double, width);
	pass->capacity = nslots * per_group;
	pass->all = data->resident && ecml_fits(ctx, 2 * data->nblocks * sizeof(EcmlBlock));
	if (pass->all)
	{
		pass->blocks = ECML_NEW(ctx, EcmlBlock, data->nblocks);
		for (size_t b = 0; b < data->nblocks;)
			b += ecml_data_fetch(ctx, data, b, pass->blocks + b, data->nblocks - b);
	}
	else
	{
		if (pass->capacity > ECML_FETCH)
			pass->capacity = ECML_FETCH;
		pass->blocks = ECML_NEW(ctx, EcmlBlock, pass->capacity);
	}
}

void
kmeans_pass_close(EcmlCtx *ctx, KmeansPass *pass)
{
	for (size_t s = 0; s < pass->nslots; s++)
		ecml_free(ctx, pass->slot[s]);
	ecml_free(ctx, pass->slot);
	ecml_free(ctx, pass->blocks);
}

size_t
kmeans_pass_slots(const KmeansPass *pass)
{
	return (pass->first + pass->got - 1) / pass->per_group - pass->first / pass->per_group + 1;
}

void
kmeans_pass_range(const KmeansPass *pass, size_t slot, size_t *from, size_t *to)
{
	size_t		group = pass->first / pass->per_group + slot;
	size_t		start = group * pass->per_group;
	size_t		end = start + pass->per_group;

	*from = start > pass->first ? start - pass->first : 0;
	*to = end < pass->first + pass->got ? end - pass->first : pass->got;
}

/* Add the slots whose groups are complete to the total; the one that is not becomes slot 0 of the next batch. */
static void
collect(EcmlCtx *ctx, KmeansPass *pass, double *total)
{
	size_t		nslots = kmeans_pass_slots(pass);
	size_t		after = pass->first + pass->got;

	for (size_t s = 0; s < nslots; s++)
	{
		double	   *slot = pass->slot[s];
		size_t		end = (pass->first / pass->per_group + s + 1) * pass->per_group;

		if (end <= after || after == pass->data->nblocks)
		{
			for (size_t i = 0; i < pass->width; i++)
				total[i] += slot[i];
			memset(slot, 0, pass->width * sizeof(double));
			if (pass->width > 65536)
				ecml_poll(ctx, 0, 0);
		}
		else if (s > 0)
		{
			pass->slot[s] = pass->slot[0];
			pass->slot[0] = slot;
		}
	}
}

void
kmeans_pass_run(EcmlCtx *ctx, KmeansPass *pass, KmeansBatch batch, void *arg, double *total)
{
	EcmlData   *data = pass->data;

	for (size_t s = 0; s < pass->nslots; s++)
		memset(pass->slot[s], 0, pass->width * sizeof(double));
	if (pass->width > 0)
		memset(total, 0, pass->width * sizeof(double));
	for (pass->first = 0; pass->first < data->nblocks; pass->first += pass->got)
	{
		/* no more groups than there are slots */
		size_t		most = pass->nslots * pass->per_group - pass->first % pass->per_group;
		size_t		left = data->nblocks - pass->first;

		if (most > pass->capacity)
			most = pass->capacity;
		if (pass->all)
		{
			pass->batch = pass->blocks + pass->first;
			pass->got = left < most ? left : most;
		}
		else
		{
			pass->batch = pass->blocks;
			pass->got = ecml_data_fetch(ctx, data, pass->first, pass->blocks, most);
		}
		batch(ctx, pass, arg);
		if (pass->width > 0)
			collect(ctx, pass, total);
	}
}

KmeansScratch *
kmeans_scratch(EcmlCtx *ctx, int workers, int columns, int pack, size_t sums)
{
	KmeansScratch *scratch = ECML_NEW(ctx, KmeansScratch, workers);

	for (int i = 0; i < workers; i++)
	{
		KmeansScratch *s = &scratch[i];

		s->tile = ecml_alloc_array(ctx, columns, KMEANS_TILE * sizeof(float));
		s->packed = pack > 0 ? ecml_alloc_array(ctx, columns, pack * sizeof(float)) : NULL;
		s->label = ECML_NEW(ctx, int32_t, ECML_BLOCK_ROWS);
		s->list = ECML_NEW(ctx, int32_t, ECML_BLOCK_ROWS + 16);
		s->best = ECML_NEW(ctx, float, ECML_BLOCK_ROWS);
		s->second = ECML_NEW(ctx, float, ECML_BLOCK_ROWS);
		s->sums = sums > 0 ? ECML_NEW(ctx, double, sums) : NULL;
	}
	return scratch;
}

void
kmeans_scratch_free(EcmlCtx *ctx, KmeansScratch *scratch, int workers)
{
	for (int i = 0; i < workers; i++)
	{
		ecml_free(ctx, scratch[i].tile);
		ecml_free(ctx, scratch[i].packed);
		ecml_free(ctx, scratch[i].label);
		ecml_free(ctx, scratch[i].list);
		ecml_free(ctx, scratch[i].best);
		ecml_free(ctx, scratch[i].second);
		ecml_free(ctx, scratch[i].sums);
	}
	ecml_free(ctx, scratch);
}

void
kmeans_to_float(const double *centroids, int k, int columns, float *result)
{
	size_t		pad = KMEANS_PAD(columns);

	for (size_t c = 0; c < (size_t) k; c++)
		for (size_t j = 0; j < (size_t) columns; j++)
			result[c * columns + j] = (float) centroids[c * pad + j];
}
