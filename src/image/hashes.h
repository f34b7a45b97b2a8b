/*
 * hashes.h - pairs of 64-bit hashes that differ in few bits
 */
#ifndef ECML_IMAGE_HASHES_H
#define ECML_IMAGE_HASHES_H

#include "num/ctx.h"

#define HASHES_MAX_DISTANCE 16

/* found(arg, a, b, distance) for each pair a < b that differs in at most so many bits; by a, then by b. */
extern void hashes_pairs(EcmlCtx *ctx, const uint64_t *hashes, size_t n, int distance,
						 void (*found) (void *arg, size_t a, size_t b, int distance), void *arg);

#endif							/* ECML_IMAGE_HASHES_H */
