/*
 * rowsample.h - a bounded sample of rows of doubles, deterministic, that costs next to nothing
 *
 * By number: every step-th row; the step doubles when the sample is full.  For rows that come in one order.
 * By content: the different rows of the least hashes, each with how often it came (bottom-k, as in Cohen and Kaplan 2007).
 * The sample depends on which rows there are, not on their order, nor on how they were distributed over samples that were
 * merged.  NaN is allowed, and NULL's mark.
 */
#ifndef ECML_ROWSAMPLE_H
#define ECML_ROWSAMPLE_H

#include "bytes.h"
#include "ctx.h"

#define ECML_ROWSAMPLE_ROWS 4096	/* by number */
#define ECML_ROWSAMPLE_DIFFERENT 1024	/* by content */

typedef struct EcmlRowSample
{
	int			width;			/* doubles a row */
	int			limit;			/* rows of the finished sample, at most; even */
	int			n;				/* rows held: by content up to twice as many */
	int			capacity;
	double	   *rows;			/* [n][width] */
	double		seen;			/* rows offered */

	/* by number */
	uint64_t	step;
	uint64_t	wait;			/* rows to pass by before the next one is taken */

	/* by content */
	bool		by_content;
	uint64_t	bound;			/* the greatest hash that is still of interest */
	uint64_t   *hashes;			/* [n] */
	double	   *counts;			/* [n]; NULL by number: 1 each */
	int		   *slots;			/* [nslots] row + 1, or 0: open addressing by the low bits of the hash */
	int			nslots;
} EcmlRowSample;

extern EcmlRowSample *ecml_rowsample_create(EcmlCtx *ctx, int width, bool by_content);

extern void ecml_rowsample_take(EcmlCtx *ctx, EcmlRowSample *sample, const double *row);

/* By number, of an empty sample: room for n rows, no more than the limit, [n][width], which the caller fills. */
extern double *ecml_rowsample_room(EcmlCtx *ctx, EcmlRowSample *sample, int n);

/* By number: the next row. */
static inline void
ecml_rowsample_offer(EcmlCtx *ctx, EcmlRowSample *sample, const double *row)
{
	sample->seen++;
	if (sample->wait-- == 0)
		ecml_rowsample_take(ctx, sample, row);
}

/* By content: rows of columns[width]; marks[j][i] not 0: the value is NULL (marks NULL, or marks[j] NULL: none is). */
extern void ecml_rowsample_block(EcmlCtx *ctx, EcmlRowSample *sample, const double *const *columns,
								 const double *const *marks, int rows);

/* Add the sample of other rows (by content). */
extern void ecml_rowsample_merge(EcmlCtx *ctx, EcmlRowSample *sample, const EcmlRowSample *other);

/* Down to the limit, in an order that depends on the rows alone.  More rows may follow. */
extern void ecml_rowsample_finish(EcmlCtx *ctx, EcmlRowSample *sample);

/* Of a finished sample: how many independent rows tell as much (Kish 1965); all rows when none was left out. */
extern double ecml_rowsample_effective(const EcmlRowSample *sample);

/* By content. */
extern void ecml_rowsample_write(EcmlWriter *w, EcmlRowSample *sample);
extern EcmlRowSample *ecml_rowsample_read(EcmlReader *r, int width);

#endif							/* ECML_ROWSAMPLE_H */
