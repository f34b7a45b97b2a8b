/*
 * quantile.h - quantiles of a column in one pass, mergeable: exact for few values, a sketch for many
 */
#ifndef ECML_QUANTILE_H
#define ECML_QUANTILE_H

#include "bytes.h"

#define ECML_QUANTILE_EXACT 4096	/* up to so many values all are kept */
#define ECML_QUANTILE_RUN (ECML_QUANTILE_EXACT / 2)
#define ECML_QUANTILE_LEVELS 48
#define ECML_QUANTILE_ERROR 0.003	/* of the rank, relative to the number of values; see quantile.c */

typedef struct EcmlQuantiles
{
	int64_t		n;
	uint64_t	state;			/* of the random choices */
	int			shift;			/* an item of the buffer stands for 2^shift values */
	int			count;			/* items in the buffer */
	int			capacity;		/* grows up to ECML_QUANTILE_EXACT */
	double	   *buffer;			/* [capacity], or NULL */
	double	   *runs[ECML_QUANTILE_LEVELS]; /* [ECML_QUANTILE_RUN] each, ascending, an item stands for 2^level values; or NULL */
	int64_t		seen;			/* of the group of 2^shift values that one is being chosen from */
	int64_t		chosen;			/* number of the chosen one in it */
	double		choice;			/* its value, once seen > chosen */
} EcmlQuantiles;

extern void ecml_quantiles_init(EcmlQuantiles *q, uint64_t seed);
extern void ecml_quantiles_add(EcmlCtx *ctx, EcmlQuantiles *q, const double *x, size_t n);	/* none is NaN */
extern void ecml_quantiles_merge(EcmlCtx *ctx, EcmlQuantiles *q, const EcmlQuantiles *other);

/*
 * results[i] = the quantile at levels[i], 0 to 1; NaN without values.  Exact ones are interpolated as numpy's
 * "linear" and SQL's percentile_cont do.
 */
extern void ecml_quantiles_get(EcmlCtx *ctx, const EcmlQuantiles *q, const double *levels, double *results, int n);

extern void ecml_quantiles_write(EcmlWriter *w, const EcmlQuantiles *q);
extern void ecml_quantiles_read(EcmlReader *r, EcmlQuantiles *q);

#endif							/* ECML_QUANTILE_H */
