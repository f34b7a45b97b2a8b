/*
 * similarity.h - near-duplicates: shingles of characters, their Jaccard index, and MinHash signatures that estimate it
 */
#ifndef ECML_TEXT_SIMILARITY_H
#define ECML_TEXT_SIMILARITY_H

#include "num/ctx.h"

/*
 * The set of a text's shingles, sorted hashes: runs of width letters and digits in small letters, where whatever stands between
 * words counts as one space.  A text of fewer characters is one shingle.  Owned by ctx.
 */
extern uint64_t *shingles_of(EcmlCtx *ctx, const char *text, size_t n, int width, size_t *count);

/* |a and b| / |a or b|; 1 for two empty sets */
extern double shingles_jaccard(const uint64_t *a, size_t na, const uint64_t *b, size_t nb);

/* signature [size]: of each of size hash functions the least value over the set; all INT32_MAX for an empty one */
extern void shingles_minhash(EcmlCtx *ctx, const uint64_t *set, size_t count, int size, int32_t *signature);

#endif							/* ECML_TEXT_SIMILARITY_H */
