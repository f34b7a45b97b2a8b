/*
 * describe.h - what ecml_describe knows of a column, gathered block by block, mergeable
 */
#ifndef ECML_DESCRIBE_H
#define ECML_DESCRIBE_H

#include "num/moments.h"
#include "num/quantile.h"
#include "num/tally.h"

typedef struct DescribeColumn
{
	int64_t		nulls;
	int64_t		count;			/* not NULL */
	EcmlTally	tally;

	/* of numbers; all but nan and infinite of the finite ones */
	int64_t		nan;
	int64_t		infinite;
	int64_t		zeros;			/* also: empty texts */
	double		min;
	double		max;
	EcmlMoments moments;
	double		centre;			/* mean, sums of squares and cubes of what differs from it: for the skewness */
	double		square;
	double		cube;
	EcmlQuantiles quantiles;

	/* of texts */
	int64_t		characters;
	int64_t		blank;			/* nothing but white space */
	int64_t		like_number;
	int64_t		like_date;
} DescribeColumn;

extern void describe_init(DescribeColumn *column, uint64_t seed);

/* Numbers with what to know each by: values that are equal have equal keys.  keys NULL: describe_hash counts them, too. */
extern void describe_numbers(EcmlCtx *ctx, DescribeColumn *column, const double *x, const uint64_t *keys, int n);

/* A text of so many characters, of which label bytes are kept at most. */
extern void describe_text(EcmlCtx *ctx, DescribeColumn *column, const char *bytes, size_t length, int64_t characters,
						  size_t label);

/* A value known by its hash; true: the entry is new, and wants a label.  The caller counts it. */
extern bool describe_hash(EcmlCtx *ctx, DescribeColumn *column, uint64_t hash, EcmlTallyEntry **entry);

extern void describe_merge(EcmlCtx *ctx, DescribeColumn *column, const DescribeColumn *other);

extern double describe_skewness(const DescribeColumn *column);	/* of the sample (G1); NaN where it is not defined */

extern void describe_write(EcmlWriter *w, const DescribeColumn *column);
extern void describe_read(EcmlReader *r, DescribeColumn *column);

#endif							/* ECML_DESCRIBE_H */
