/*
 * similar.h - the vectors nearest to one, by cosine
 *
 * Vectors have length 1 (or 0: nothing is like them), so that the cosine is the sum of products.  Blocks of vectors are looked at
 * one after the other, in any order; what is found does not depend on it.
 */
#ifndef ECML_IMAGE_SIMILAR_H
#define ECML_IMAGE_SIMILAR_H

#include <stddef.h>
#include <stdint.h>

#include "num/ctx.h"

typedef struct SimilarHit
{
	uint64_t	number;			/* of the vector */
	float		similarity;		/* -1 to 1 */
} SimilarHit;

typedef struct Similar
{
	SimilarHit *hits;			/* [found], a heap with the worst on top until similar_finish */
	size_t		n;				/* how many are wanted */
	size_t		found;
} Similar;

/* The best n of at most so many vectors. */
extern void similar_begin(EcmlCtx *ctx, Similar *similar, size_t n, size_t vectors);

/* rows vectors [rows][dims], whose numbers begin at first; those with a sum that is not finite are left out. */
extern void similar_block(Similar *similar, const float *query, const float *vectors, size_t rows, size_t dims, uint64_t first);

/* hits [found], the most similar first, of equal ones the lower number. */
extern void similar_finish(Similar *similar);

#endif							/* ECML_IMAGE_SIMILAR_H */
