/*
 * flat_block.h - a block of memory that a walk of num/flat.h is written into, for tests
 */
#ifndef ECML_TEST_FLAT_BLOCK_H
#define ECML_TEST_FLAT_BLOCK_H

#include <stdlib.h>
#include <string.h>

#include "num/flat.h"

typedef struct FlatBlock
{
	char	   *start;			/* [size] of malloc: exactly as long as it is, so that the sanitizer sees what is beyond */
	size_t		size;
	size_t		filled;
	size_t		most;			/* bytes that came at once */
} FlatBlock;

/* An empty block, aligned as mapped memory is: size is a multiple of ECML_ALIGN.  free(block.start) when done. */
static inline FlatBlock
flat_block(size_t size)
{
	return (FlatBlock) {aligned_alloc(ECML_ALIGN, size), size, 0, 0};
}

/* An EcmlFlatSink: arg is a FlatBlock. */
static inline bool
into_block(void *arg, const void *bytes, size_t size)
{
	FlatBlock  *block = arg;

	if (size > block->size - block->filled)
		return false;
	memcpy(block->start + block->filled, bytes, size);
	block->filled += size;
	block->most = size > block->most ? size : block->most;
	return true;
}

#endif							/* ECML_TEST_FLAT_BLOCK_H */
