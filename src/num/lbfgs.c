/*
 * lbfgs.c - limited-memory BFGS (Nocedal 1980; Liu and Nocedal 1989), strong Wolfe line search
 *
 * The two-loop recursion, its middle matrix the preconditioner's inverse where there is one, else s'y / y'y.  The line search
 * brackets and then narrows by safeguarded cubic interpolation (Nocedal and Wright, Numerical Optimization, algorithms 3.5
 * and 3.6).  Near the minimum differences of values are rounding; a rise of a few units in the last place is therefore
 * no rise, and the derivatives decide (after Hager and Zhang, 2005).
 *
 * Cost beside the function: 4 memory n products an iteration, 2 memory n doubles of memory.
 */
#include "lbfgs.h"

#include <float.h>
#include <math.h>
#include <string.h>

#define DEFAULT_MEMORY 10
#define SUFFICIENT 1e-4			/* of the decrease that the slope promises */
#define CURVATURE 0.9			/* of the slope may be left */
#define MAX_TRIALS 40
#define SLACK (16 * DBL_EPSILON)	/* of the value: rounding */

typedef struct Search
{
	EcmlCtx    *ctx;
	const EcmlLbfgs *problem;
	const double *x;			/* from where */
	const double *direction;
	double	   *trial;			/* x + t direction */
	double	   *gradient;		/* there */
	int			evaluations;
} Search;

typedef struct Point
{
	double		t;
	double		value;
	double		slope;
} Point;

/* Four sums, in a fixed order, which the compiler may keep in one vector. */
ECML_CLONES static double
dot(const double *a, const double *b, int n)
{
	double		sum[4] = {0};
	int			i = 0;

	for (; i + 4 <= n; i += 4)
		for (int l = 0; l < 4; l++)
			sum[l] += a[i + l] * b[i + l];
	for (; i < n; i++)
		sum[0] += a[i] * b[i];
	return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

ECML_CLONES static void
add(double *y, double factor, const double *x, int n)
{
	for (int i = 0; i < n; i++)
		y[i] += factor * x[i];
}

static Point
evaluate(Search *s, double t)
{
	Point		p = {.t = t};
	int			n = s->problem->n;

	memcpy(s->trial, s->x, n * sizeof(double));
	add(s->trial, t, s->direction, n);
	p.value = s->problem->value(s->ctx, s->problem->arg, s->trial, s->gradient);
	p.slope = dot(s->gradient, s->direction, n);
	if (!isfinite(p.value) || !isfinite(p.slope))
		p.value = INFINITY;
	s->evaluations++;
	ecml_poll(s->ctx, 0, 0);
	return p;
}

/* Where the cubic through two points with slopes has its minimum, kept away from the ends; the middle when it has none. */
static double
between(const Point *a, const Point *b)
{
	double		width = b->t - a->t;
	double		d1 = a->slope + b->slope - 3 * (b->value - a->value) / width;
	double		square = d1 * d1 - a->slope * b->slope;
	double		d2 = square >= 0 ? copysign(sqrt(square), width) : NAN;
	double		t = b->t - width * (b->slope + d2 - d1) / (b->slope - a->slope + 2 * d2);
	double		low = fmin(a->t, b->t) + 0.1 * fabs(width);
	double		high = fmax(a->t, b->t) - 0.1 * fabs(width);

	if (!isfinite(t) || !isfinite(b->value))
		return a->t + 0.5 * width;
	return fmin(fmax(t, low), high);
}

/* A step from start (t = 0) that satisfies the strong Wolfe conditions; false: none that lowers the value was found. */
static bool
line_search(Search *s, const Point *start, double t, Point *found)
{
	double		slack = SLACK * fabs(start->value);
	Point		low = *start;	/* the best that decreases enough */
	Point		high;
	bool		bracketed = false;

	for (int trial = 0; trial < MAX_TRIALS; trial++)
	{
		Point		p = evaluate(s, t);

		if (p.value > start->value + SUFFICIENT * p.t * start->slope + slack || (low.t > 0 && p.value > low.value + slack))
		{
			high = p;
			bracketed = true;
		}
		else if (fabs(p.slope) <= -CURVATURE * start->slope)
		{
			*found = p;
			return true;
		}
		else
		{
			if (bracketed ? p.slope * (high.t - low.t) >= 0 : p.slope >= 0)
			{
				high = low;
				bracketed = true;
			}
			low = p;
		}
		if (bracketed && fabs(high.t - low.t) <= 1e-12 * fmax(high.t, low.t))
			break;
		t = bracketed ? between(&low, &high) : 4 * t;
	}
	if (low.t <= 0)
		return false;
	*found = evaluate(s, low.t);
	return true;
}

EcmlLbfgsResult
ecml_lbfgs(EcmlCtx *ctx, const EcmlLbfgs *problem, double *x)
{
	EcmlLbfgsResult result = {.status = ECML_LBFGS_MAX_ITER};
	int			n = problem->n;
	int			memory = problem->memory > 0 ? problem->memory : DEFAULT_MEMORY;
	double	   *steps = ECML_NEW(ctx, double, (size_t) memory * n);	/* s, pair i at i % memory */
	double	   *changes = ECML_NEW(ctx, double, (size_t) memory * n);	/* y, of the gradient */
	double	   *curvature = ECML_NEW(ctx, double, memory);	/* s'y */
	double	   *alpha = ECML_NEW(ctx, double, memory);
	double	   *gradient = ECML_NEW(ctx, double, n);
	double	   *direction = ECML_NEW(ctx, double, n);
	double	   *trial = ECML_NEW(ctx, double, n);
	double	   *next = ECML_NEW(ctx, double, n);
	int			pairs = 0;		/* made since the last reset */
	double		before = 0;		/* the decrement a step ago; 0: none that says something */
	double		value = problem->value(ctx, problem->arg, x, gradient);

	result.evaluations = 1;
	for (;;)
	{
		Search		search = {ctx, problem, x, direction, trial, next, 0};
		int			first = pairs > memory ? pairs - memory : 0;
		Point		start = {.value = value};
		Point		found;

		memcpy(direction, gradient, n * sizeof(double));
		for (int i = pairs - 1; i >= first; i--)
		{
			size_t		at = (size_t) (i % memory) * n;

			alpha[i % memory] = dot(steps + at, direction, n) / curvature[i % memory];
			add(direction, -alpha[i % memory], changes + at, n);
		}
		if (problem->precondition)
			problem->precondition(ctx, problem->arg, direction);
		else if (pairs > 0)
		{
			const double *y = changes + (size_t) ((pairs - 1) % memory) * n;
			double		scale = curvature[(pairs - 1) % memory] / dot(y, y, n);

			for (int i = 0; i < n; i++)
				direction[i] *= scale;
		}
		for (int i = first; i < pairs; i++)
		{
			size_t		at = (size_t) (i % memory) * n;
			double		beta = dot(changes + at, direction, n) / curvature[i % memory];

			add(direction, alpha[i % memory] - beta, steps + at, n);
		}
		for (int i = 0; i < n; i++)
			direction[i] = -direction[i];
		start.slope = dot(gradient, direction, n);
		result.value = value;
		result.decrement = start.slope < 0 ? sqrt(-start.slope) : 0;
		/* without a metric the first decrement says nothing, unless it is 0 */
		if (result.decrement <= (problem->precondition || pairs > 0 ? problem->tolerance : 0))
		{
			result.status = ECML_LBFGS_CONVERGED;
			return result;
		}
		if (result.iterations >= problem->max_iter)
			return result;
		result.iterations++;
		/* steps shrink by about the same factor, or faster */
		if (problem->ahead && result.decrement < before && result.decrement / before * result.decrement <= problem->tolerance)
		{
			add(x, 1, direction, n);
			result.status = ECML_LBFGS_CONVERGED;
			return result;
		}
		before = pairs > 0 ? result.decrement : 0;

		if (!line_search(&search, &start, pairs > 0 || problem->precondition ? 1 : fmin(1, 1 / result.decrement), &found))
		{
			result.evaluations += search.evaluations;
			if (pairs == 0)
			{
				result.status = ECML_LBFGS_STALLED;
				return result;
			}
			pairs = 0;			/* once more, down the gradient */
			continue;
		}
		result.evaluations += search.evaluations;
		{
			double	   *s = steps + (size_t) (pairs % memory) * n;
			double	   *y = changes + (size_t) (pairs % memory) * n;
			double		sy;

			for (int i = 0; i < n; i++)
			{
				s[i] = trial[i] - x[i];
				y[i] = next[i] - gradient[i];
			}
			sy = dot(s, y, n);
			if (sy > DBL_EPSILON * dot(y, y, n))
				curvature[pairs++ % memory] = sy;
		}
		memcpy(x, trial, n * sizeof(double));
		memcpy(gradient, next, n * sizeof(double));
		value = found.value;
	}
}
