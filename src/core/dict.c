/*
 * dict.c - a dictionary of byte strings
 */
#include "core/compat.h"

#include "common/hashfn.h"
#include "utils/memutils.h"

#include "core/dict.h"

#define TEXT_OVERHEAD 32		/* of a text in a memory context, about */

EcmlDict *
ecml_dict_create(MemoryContext context)
{
	EcmlDict   *dict = MemoryContextAllocZero(context, sizeof(EcmlDict));

	dict->context = context;
	dict->capacity = 8;
	dict->entries = MemoryContextAlloc(context, dict->capacity * sizeof(EcmlDictEntry));
	dict->nslots = 16;
	dict->slots = MemoryContextAllocZero(context, dict->nslots * sizeof(int));
	return dict;
}

/* The slot where key stands or would stand. */
static int
locate(const EcmlDict *dict, const char *key, uint32 length, uint32 hash)
{
	int			slot = hash & (dict->nslots - 1);

	while (dict->slots[slot] != 0)
	{
		const EcmlDictEntry *entry = &dict->entries[dict->slots[slot] - 1];

		if (entry->hash == hash && entry->length == length && memcmp(entry->key, key, length) == 0)
			break;
		slot = (slot + 1) & (dict->nslots - 1);
	}
	return slot;
}

int
ecml_dict_find(const EcmlDict *dict, const char *key, int length)
{
	uint32		hash = hash_bytes((const unsigned char *) key, length);

	return dict->slots[locate(dict, key, length, hash)] - 1;
}

/* Count more bytes; an error when they are too many. */
static void
count(EcmlDict *dict, size_t bytes)
{
	EcmlCtx    *ctx = dict->ctx;

	if (ctx == NULL)
		return;
	if (!ecml_fits(ctx, bytes))
	{
		ecml_detail(ctx, "There are %d different texts, and more would exceed the %zu kB of ecml.work_mem.", dict->n,
					ctx->budget / 1024);
		ecml_hint(ctx, "Raise ecml.work_mem, or leave out a column of texts that are nearly all different.");
		ecml_fail(ctx, ECML_LIMIT_EXCEEDED, "not enough memory for the categories of a text column");
	}
	ctx->used += bytes;
	if (ctx->used > ctx->peak)
		ctx->peak = ctx->used;
}

void
ecml_dict_count(EcmlDict *dict, EcmlCtx *ctx)
{
	size_t		bytes = dict->capacity * sizeof(EcmlDictEntry) + dict->nslots * sizeof(int);

	for (int code = 0; code < dict->n; code++)
		bytes += dict->entries[code].length + TEXT_OVERHEAD;
	dict->ctx = ctx;
	count(dict, bytes);
}

static void
grow(EcmlDict *dict)
{
	count(dict, (dict->n == dict->capacity ? dict->capacity * sizeof(EcmlDictEntry) : 0) +
		  (dict->n * 2 >= dict->nslots ? dict->nslots * sizeof(int) : 0));
	if (dict->n == dict->capacity)
	{
		dict->capacity *= 2;
		dict->entries = repalloc_huge(dict->entries, dict->capacity * sizeof(EcmlDictEntry));
	}
	if (dict->n * 2 >= dict->nslots)
	{
		pfree(dict->slots);
		dict->nslots *= 2;
		dict->slots = MemoryContextAllocExtended(dict->context, (Size) dict->nslots * sizeof(int),
												 MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
		for (int code = 0; code < dict->n; code++)
		{
			int			slot = dict->entries[code].hash & (dict->nslots - 1);

			while (dict->slots[slot] != 0)
				slot = (slot + 1) & (dict->nslots - 1);
			dict->slots[slot] = code + 1;
		}
	}
}

int
ecml_dict_add(EcmlDict *dict, const char *key, int length)
{
	uint32		hash = hash_bytes((const unsigned char *) key, length);
	int			slot = locate(dict, key, length, hash);
	EcmlDictEntry *entry;

	if (dict->slots[slot] != 0)
		return dict->slots[slot] - 1;
	grow(dict);
	count(dict, length + TEXT_OVERHEAD);
	slot = locate(dict, key, length, hash);
	entry = &dict->entries[dict->n];
	entry->hash = hash;
	entry->length = length;
	entry->key = MemoryContextAlloc(dict->context, length + 1);
	memcpy(entry->key, key, length);
	entry->key[length] = '\0';
	entry->value = dict->n;
	dict->slots[slot] = dict->n + 1;
	return dict->n++;
}

static int
compare(const void *a, const void *b, void *arg)
{
	const EcmlDict *dict = arg;
	const EcmlDictEntry *x = &dict->entries[*(const int *) a];
	const EcmlDictEntry *y = &dict->entries[*(const int *) b];
	int			order = memcmp(x->key, y->key, Min(x->length, y->length));

	if (order != 0)
		return order;
	return x->length < y->length ? -1 : x->length > y->length;
}

int *
ecml_dict_order(const EcmlDict *dict)
{
	int		   *order = palloc((dict->n + 1) * sizeof(int));

	for (int i = 0; i < dict->n; i++)
		order[i] = i;
	qsort_arg(order, dict->n, sizeof(int), compare, (void *) dict);
	return order;
}
