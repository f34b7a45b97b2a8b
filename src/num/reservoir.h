/*
 * reservoir.h - a random sample of a stream of rows, of bounded size, drawn in one pass; rows may have weights
 *
 * Priority sampling (Duffield, Lund and Thorup 2007): a row of weight w gets the priority w / u, u uniform in (0, 1), and the
 * rows of the greatest priorities stay.  With z the greatest priority that did not stay, a row that did counts max(w, z): sums
 * over the sample estimate sums over the stream without bias.  Equal weights: every set of rows is as likely as another.
 *
 * Where all rows weigh the same (plain), each that is taken takes the place of any that is held, and how many are passed over until
 * the next one is drawn at once (Li 1994, algorithm L).
 *
 * The sample depends on the seed and on the order of the rows.  Cost: a random number and a comparison a row, plain: counting; and
 * k log(n / k) rows of n are copied for a sample of k.
 */
#ifndef ECML_RESERVOIR_H
#define ECML_RESERVOIR_H

#include "ctx.h"

typedef struct EcmlReservoirPlace
{
	double		key;			/* u / w */
	size_t		slot;
} EcmlReservoirPlace;

typedef struct EcmlReservoir
{
	int			width;			/* doubles a row */
	size_t		limit;			/* rows that stay at most */
	size_t		n;				/* rows held */
	size_t		capacity;
	double	   *rows;			/* [n][width] */
	double	   *weights;		/* [n] as they were offered */
	uint64_t   *numbers;		/* [n] of the row in the stream */
	int		   *tags;			/* [n] what tag was when the row came */
	EcmlReservoirPlace *heap;	/* [n] by key, the greatest first; plain: none */
	bool		plain;			/* to be set before the first row: all weights are 1 */
	uint64_t	skip;			/* plain: rows that are passed over from here on */
	double		log_most;		/* plain: logarithm of the greatest key held */
	uint64_t	seen;
	double		next;			/* the least key that did not stay; infinity: all did */
	int			tag;			/* the caller's, kept with the rows that come now */
	EcmlRng		rng;
} EcmlReservoir;

extern EcmlReservoir *ecml_reservoir_create(EcmlCtx *ctx, int width, size_t limit, const EcmlRng *rng);

/* Bytes that a row of a sample takes. */
static inline size_t
ecml_reservoir_row_bytes(int width)
{
	return (width + 2) * sizeof(double) + sizeof(uint64_t) + sizeof(int) + sizeof(EcmlReservoirPlace);
}

extern double *ecml_reservoir_take(EcmlCtx *ctx, EcmlReservoir *reservoir);
extern double *ecml_reservoir_place(EcmlCtx *ctx, EcmlReservoir *reservoir, double key, double weight);

/* Between 0 and 1, and neither. */
static inline double
ecml_reservoir_uniform(EcmlReservoir *reservoir)
{
	return ((double) (ecml_rng_next(&reservoir->rng) >> 11) + 0.5) * 0x1.0p-53;
}

/* The next row of the stream, of a weight above 0: where its values are to be put, or NULL: it does not stay. */
static inline double *
ecml_reservoir_offer(EcmlCtx *ctx, EcmlReservoir *reservoir, double weight)
{
	double		key;

	reservoir->seen++;
	if (reservoir->plain)
	{
		if (reservoir->skip == 0)
			return ecml_reservoir_take(ctx, reservoir);
		reservoir->skip--;
		return NULL;
	}
	key = ecml_reservoir_uniform(reservoir) / weight;
	if (reservoir->n == reservoir->limit && key >= reservoir->heap[0].key)
	{
		if (key < reservoir->next)
			reservoir->next = key;
		return NULL;
	}
	return ecml_reservoir_place(ctx, reservoir, key, weight);
}

/* Plain: how many of the next n rows are passed over for certain; they are not offered. */
static inline uint64_t
ecml_reservoir_pass(EcmlReservoir *reservoir, uint64_t n)
{
	n = n < reservoir->skip ? n : reservoir->skip;
	reservoir->skip -= n;
	reservoir->seen += n;
	return n;
}

/* The slots in the order of the stream: [n]. */
extern size_t *ecml_reservoir_order(EcmlCtx *ctx, const EcmlReservoir *reservoir);

/* What the row of a slot counts. */
static inline double
ecml_reservoir_weight(const EcmlReservoir *reservoir, size_t slot)
{
	double		least = 1 / reservoir->next;

	return reservoir->weights[slot] > least ? reservoir->weights[slot] : least;
}

#endif							/* ECML_RESERVOIR_H */
