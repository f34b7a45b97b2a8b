/*
 * search_internal.h - the bytes of postings, for those that write and read them
 *
 * A list: for each block 12 bytes, the last document, where the block's data end (from the first block's data on), the greatest x
 * (float); then the data of the blocks: bits of a difference, bits of a code, the differences, the codes.
 */
#ifndef TEXT_SEARCH_INTERNAL_H
#define TEXT_SEARCH_INTERNAL_H

#include <string.h>

#include "num/sort.h"
#include "text/search.h"

#define SEARCH_HEADER 12		/* bytes of a block before the data */

static inline void
search_put_u32(uint8_t *at, uint32_t v)
{
	at[0] = (uint8_t) v;
	at[1] = (uint8_t) (v >> 8);
	at[2] = (uint8_t) (v >> 16);
	at[3] = (uint8_t) (v >> 24);
}

static inline uint32_t
search_get_u32(const uint8_t *at)
{
	return at[0] | (uint32_t) at[1] << 8 | (uint32_t) at[2] << 16 | (uint32_t) at[3] << 24;
}

extern void search_derive(EcmlCtx *ctx, SearchIndex *index);

#endif							/* TEXT_SEARCH_INTERNAL_H */
