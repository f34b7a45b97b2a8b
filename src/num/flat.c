/*
 * flat.c - a loaded model as one block of memory without addresses
 *
 * Everything begins at a multiple of ECML_ALIGN, as memory of a ctx does: vectors can be read from it.
 */
#include "flat.h"

#include <string.h>

#include "hash.h"

#define WRITTEN_AT_ONCE ((size_t) 1 << 20)	/* bytes between polls */

void
ecml_flat_measure(EcmlFlat *flat, EcmlCtx *ctx)
{
	*flat = (EcmlFlat) {.ctx = ctx,.job = ECML_FLAT_MEASURE};
}

void
ecml_flat_write(EcmlFlat *flat, EcmlCtx *ctx, EcmlFlatSink sink, void *arg)
{
	*flat = (EcmlFlat) {.ctx = ctx,.job = ECML_FLAT_WRITE,.sink = sink,.arg = arg};
}

void
ecml_flat_open(EcmlFlat *flat, EcmlCtx *ctx, const void *base, size_t size)
{
	*flat = (EcmlFlat) {.ctx = ctx,.job = ECML_FLAT_OPEN,.base = base,.size = size};
}

static size_t
padded(size_t size)
{
	return (size + ECML_ALIGN - 1) / ECML_ALIGN * ECML_ALIGN;
}

static void
put(EcmlFlat *flat, const char *bytes, size_t size)
{
	static const char zeros[ECML_ALIGN];

	for (size_t done = 0; done < size && !flat->odd; done += WRITTEN_AT_ONCE)
	{
		ecml_poll(flat->ctx, 0, 0);
		if (!flat->sink(flat->arg, bytes + done, size - done < WRITTEN_AT_ONCE ? size - done : WRITTEN_AT_ONCE))
			flat->odd = true;
	}
	if (!flat->odd && padded(size) > size && !flat->sink(flat->arg, zeros, padded(size) - size))
		flat->odd = true;
}

/* Pass over the next piece: given, or NULL; of an opened block gives where it is, NULL: nowhere. */
static const void *
pass(EcmlFlat *flat, const void *given, size_t size)
{
	const void *place = NULL;

	if (flat->job == ECML_FLAT_OPEN)
	{
		if (flat->odd || padded(size) > flat->size - flat->at)
		{
			flat->odd = true;
			return NULL;
		}
		place = flat->base + flat->at;
	}
	else if (flat->job == ECML_FLAT_WRITE)
		put(flat, given, size);
	flat->at += padded(size);
	return place;
}

void *
ecml_flat_struct(EcmlFlat *flat, void *given, size_t size)
{
	const void *place = pass(flat, given, size);

	if (flat->job == ECML_FLAT_OPEN)
	{
		given = ecml_zalloc_array(flat->ctx, 1, size);
		if (place)
			memcpy(given, place, size);
	}
	flat->check = ecml_hash_bytes(given, size, flat->check);
	return given;
}

void *
ecml_flat_array(EcmlFlat *flat, void *given, size_t count, size_t size)
{
	const void *place;

	if (count > SIZE_MAX / 2 / size)
	{
		flat->odd = true;
		count = 0;
	}
	place = pass(flat, given, count * size);
	return flat->job == ECML_FLAT_OPEN ? (void *) place : given;
}

char *
ecml_flat_string(EcmlFlat *flat, char *given)
{
	size_t		room;
	size_t		length;

	if (given == NULL)
		return NULL;
	if (flat->job != ECML_FLAT_OPEN)
		return ecml_flat_array(flat, given, strlen(given) + 1, 1);
	room = flat->odd ? 0 : flat->size - flat->at;
	length = room > 0 ? strnlen(flat->base + flat->at, room) : 0;
	/* one that does not end does not fit */
	return ecml_flat_array(flat, NULL, length + 1, 1);
}

bool
ecml_flat_end(const EcmlFlat *flat)
{
	return !flat->odd && (flat->job != ECML_FLAT_OPEN || flat->at == flat->size);
}
