/*
 * loess.h - local regression of equally spaced values, of one series or of several side by side
 *
 * Cleveland (1979) with tricube weights, constant or straight, as STL needs it.  Nothing is allocated, polled or failed:
 * tasks of ecml_parallel_for may call it.
 */
#ifndef ECML_LOESS_H
#define ECML_LOESS_H

#include <stdbool.h>
#include <stddef.h>

typedef struct EcmlLoess
{
	int			window;			/* values that count for a point, odd, >= 3; may exceed those there are, and is then smoother */
	int			degree;			/* 0: a constant, 1: a straight line */
	int			jump;			/* >= 1: each jump-th point is fitted, those between lie on straight lines */
} EcmlLoess;

/* Doubles of scratch memory for series of n values. */
extern size_t ecml_loess_scratch(const EcmlLoess *loess, int n);

/*
 * y [n][stride]: lanes series side by side, value i of series l at y[i * stride + l]; w alike, weights >= 0, NULL: all 1.
 * out [n][stride], no overlap with y.  Where all weights of a window are 0 the value itself stays.  beyond: also for the
 * points -1 and n, so that out has a row before and a row behind; where all weights are 0 there, its neighbour.
 */
extern void ecml_loess(const EcmlLoess *loess, const double *y, const double *w, int n, int lanes, int stride, bool beyond,
					   double *out, double *scratch);

#endif							/* ECML_LOESS_H */
