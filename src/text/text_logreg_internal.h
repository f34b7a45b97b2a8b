/*
 * text_logreg_internal.h - what the files of text_logreg share
 */
#ifndef TEXT_LOGREG_INTERNAL_H
#define TEXT_LOGREG_INTERNAL_H

#include "text/text_logreg.h"

struct TextLogregFit
{
	TextLogregParams params;
	uint64_t	mask;
	Bags		rows;			/* columns are the hash's bits */
	Vocab		names;			/* terms as they were first spelt, by name */
	uint32_t   *name;			/* [mask + 1] of the hash's bits: name + 1; 0: not met */
	const char *text;			/* of the scan under way */
	int		   *class;			/* [rows.n] */
	float	   *weight;			/* [rows.n] */
	size_t		capacity;
	EcmlCtx    *ctx;			/* of the scan under way */
};

/* From counts to values of a row of length 1. */
extern void text_logreg_scale(const TextLogregParams *params, const float *idf, const uint32_t *column, float *value, size_t n);

/* Where the hashes' columns are. */
extern void text_logreg_index(EcmlCtx *ctx, TextLogreg *model);

#endif							/* TEXT_LOGREG_INTERNAL_H */
