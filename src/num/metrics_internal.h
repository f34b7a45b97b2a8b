/*
 * metrics_internal.h - what the files of metrics share: the walk over distinct scores
 */
#ifndef ECML_METRICS_INTERNAL_H
#define ECML_METRICS_INTERNAL_H

#include "metrics.h"

#define METRICS_POLL 65536

/* A sum of many terms with its rounding errors beside it (Neumaier 1974). */
typedef struct MetricsSum
{
	double		hi;
	double		lo;
} MetricsSum;

ECML_DD_INLINE void
metrics_sum_add(MetricsSum *sum, double x)
{
	EcmlDd		s = dd_two_sum(sum->hi, x);

	sum->hi = s.hi;
	sum->lo += s.lo;
}

ECML_DD_INLINE double
metrics_sum(const MetricsSum *sum)
{
	return sum->hi + sum->lo;
}

/* Through both sorted lists at once, by falling score. */
typedef struct MetricsWalk
{
	const EcmlScores *s;
	size_t		left[2];		/* of each list */
	size_t		steps;
	double		score;			/* of this step: rows with one score */
	double		here[2];		/* their weight, by class */
	MetricsSum	sum[2];
	double		upto[2];		/* weight of this step's rows and of all before, by class */
} MetricsWalk;

static inline MetricsWalk
metrics_walk(const EcmlScores *s)
{
	return (MetricsWalk) {.s = s,.left = {s->of[0].n, s->of[1].n}};
}

/* The rows of class c with the score of this step. */
ECML_DD_INLINE void
metrics_take(MetricsWalk *walk, int c, int width)
{
	const double *v = walk->s->of[c].v;
	size_t		left = walk->left[c];
	MetricsSum	here = {0, 0};

	if (width == 1)
	{
		while (left > 0 && v[left - 1] == walk->score)
			left--;
		walk->here[c] = (double) (walk->left[c] - left);
		walk->upto[c] += walk->here[c];
	}
	else
	{
		for (; left > 0 && v[(left - 1) * 2] == walk->score; left--)
			metrics_sum_add(&here, v[(left - 1) * 2 + 1]);
		walk->here[c] = metrics_sum(&here);
		metrics_sum_add(&walk->sum[c], here.hi);
		walk->sum[c].lo += here.lo;
		walk->upto[c] = metrics_sum(&walk->sum[c]);
	}
	walk->left[c] = left;
}

/* The next distinct score; false: there is none. */
ECML_DD_INLINE bool
metrics_step(EcmlCtx *ctx, MetricsWalk *walk)
{
	int			width = walk->s->weighted ? 2 : 1;
	double		negative = walk->left[0] ? walk->s->of[0].v[(walk->left[0] - 1) * width] : -INFINITY;
	double		positive = walk->left[1] ? walk->s->of[1].v[(walk->left[1] - 1) * width] : -INFINITY;

	if (walk->left[0] + walk->left[1] == 0)
		return false;
	if (walk->steps++ % METRICS_POLL == 0)
		ecml_poll(ctx, 0, 0);
	walk->score = negative > positive ? negative : positive;
	if (width == 1)
	{
		metrics_take(walk, 0, 1);
		metrics_take(walk, 1, 1);
	}
	else
	{
		metrics_take(walk, 0, 2);
		metrics_take(walk, 1, 2);
	}
	return true;
}

/* Weight of the rows of class c, as the walk sums it up. */
extern double metrics_weight(EcmlCtx *ctx, const EcmlScores *s, int c);

#endif							/* ECML_METRICS_INTERNAL_H */
