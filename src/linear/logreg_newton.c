/*
 * logreg_newton.c - smooth objectives: Newton's method from a start learnt on samples, L-BFGS for many parameters
 *
 * 1. Newton on evenly spread samples of the rows, each four times the one before, each until what a step gains is less than
 *    the sample's own error.
 * 2. With many columns a Hessian costs many gradients.  Then L-BFGS over all rows, with the last sample's Hessian as its
 *    metric, until the parameters stand.
 * 3. Newton over all rows.  After 1 it takes three steps, after 2 one: its Hessian is the one that standard errors rest on.
 * With more than LOGREG_DENSE parameters there is L-BFGS alone.
 *
 * Separation (Albert and Anderson, 1984): the gain of a step, its squared decrement, goes to 0 while the step does not: the
 * likelihood is flat along it.  In a problem with a minimum both go to 0, the gain as the square.
 */
#include "logreg_internal.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "num/lbfgs.h"
#include "num/spd.h"

#define SAMPLE 4096				/* rows of the least sample */
#define SAMPLE_BY 10			/* and at least so many for each parameter */
#define LADDER 4				/* narrow: the last sample is one in so many rows; from there on three steps over all rows do */
#define NARROW 64				/* up to so many parameters a Hessian is hardly dearer than a gradient */
#define FLAT 1e-8				/* gain of a step, in rows of mean weight, */
#define GROWTH 0.1				/* and what it does to some margin: from there on the classes are separated */
#define PIVOT 1e-14				/* of the diagonal: less is a direction without curvature */
#define PLAIN 0.02				/* of the diagonal: with no pivot below, floats give the Hessian to 1e-8 of its inverse or better */

typedef struct Newton
{
	const LogregProblem *p;
	LogregSums *sums;
	double	   *floor;			/* [total] */
	bool	   *dropped;		/* [total] */
	double	   *start;			/* [total] */
	double	   *step;			/* [total] */
	int			ndropped;
	double		least;			/* of the pivots, in the diagonal */
	double		gain;			/* squared decrement */
	double		loss;			/* of the last point that was kept, without penalty */
	double		correct;
	int			iterations;
	int			floats;			/* LOGREG_FLOATS: Hessians from floats, until terms nearly explain each other; or 0 */
} Newton;

void
logreg_add_penalty(const LogregProblem *p, const double *theta, double scale, LogregSums *sums)
{
	double		sum = 0;

	for (int i = 0; i < p->total; i++)
	{
		sums->value += 0.5 * scale * p->l2[i] * theta[i] * theta[i];
		sums->gradient[i] += scale * p->l2[i] * theta[i];
		if (sums->matrix)
			sums->matrix[(size_t) i * p->total + i] += scale * p->l2[i];
	}
	if (!(p->anchor > 0))
		return;
	for (int v = 0; v < p->vectors; v++)
		sum += theta[(size_t) v * p->size];
	sums->value += 0.5 * scale * p->anchor * sum * sum;
	for (int v = 0; v < p->vectors; v++)
	{
		size_t		i = (size_t) v * p->size;

		sums->gradient[i] += scale * p->anchor * sum;
		for (int u = 0; sums->matrix && u <= v; u++)
			sums->matrix[i * p->total + (size_t) u * p->size] += scale * p->anchor;
	}
}

/* The step from the sums' gradient and matrix, which becomes its factor. */
static void
newton_step(Newton *newton)
{
	const LogregProblem *p = newton->p;
	LogregSums *sums = newton->sums;
	int			n = p->total;

	for (int i = 0; i < n; i++)
	{
		newton->floor[i] = PIVOT * sums->matrix[(size_t) i * n + i];
		newton->step[i] = -sums->gradient[i];
	}
	newton->ndropped = n - ecml_spd_factor(p->ctx, sums->matrix, n, n, newton->floor, newton->dropped);
	newton->least = newton->ndropped > 0 ? 0 : 1;
	for (int i = 0; i < n; i++)
	{
		double		pivot = sums->matrix[(size_t) i * n + i];

		newton->least = fmin(newton->least, pivot * pivot * PIVOT / newton->floor[i]);
	}
	ecml_spd_solve(sums->matrix, n, n, newton->dropped, newton->step);
	newton->gain = 0;
	for (int i = 0; i < n; i++)
		newton->gain -= sums->gradient[i] * newton->step[i];
}

/* How much the step changes the margin of a row by one term, at most. */
static double
growth(const LogregProblem *p, const double *step)
{
	double		most = 0;

	for (int v = 0; v < p->vectors; v++)
		for (int j = 0; j < p->used; j++)
		{
			int			c = p->column[j];
			double		slope = step[(size_t) v * p->size + p->size - p->used + j] / p->deviation[c];

			most = fmax(most, fabs(slope) * (p->high[c] - p->low[c]));
		}
	return most;
}

/*
 * Newton's method on one chunk of every `every`, until a step gains at most enough.  A sample is held by a weak prior around
 * where it began: classes may be separated in it, columns constant.  Returns whether it got there.
 */
static bool
descend(Newton *newton, double *theta, int every, double enough, int max_iter, bool *diverges)
{
	const LogregProblem *p = newton->p;
	LogregSums *sums = newton->sums;
	int			n = p->total;
	double		unit = p->weight / p->n;
	double		prior = every > 1 ? unit : 0;
	double	   *origin = ECML_NEW(p->ctx, double, n);
	double		before = INFINITY;
	double		length = 1;
	double		loss;

	memcpy(origin, theta, n * sizeof(double));
	memcpy(newton->start, theta, n * sizeof(double));
	for (int i = 0; i < max_iter; i++)
	{
		/* a sample only leads to where Newton's method begins: there all may be rounded */
		logreg_pass(p, theta, LOGREG_GRADIENT | LOGREG_HESSIAN | newton->floats | (newton->floats && every == 1 ? LOGREG_PAIRS : 0),
					every, sums);
		newton->iterations++;
		if (every > 1 && !(sums->weight > 0))
			break;
		loss = sums->value;
		logreg_add_penalty(p, theta, sums->weight / p->weight, sums);
		for (int k = 0; prior > 0 && k < n; k++)
		{
			sums->value += 0.5 * prior * (theta[k] - origin[k]) * (theta[k] - origin[k]);
			sums->gradient[k] += prior * (theta[k] - origin[k]);
			sums->matrix[(size_t) k * n + k] += prior;
		}
		if (!(sums->value <= before + 1e-13 * fabs(before)))
		{
			length /= 2;
			for (int k = 0; k < n; k++)
				theta[k] = newton->start[k] + length * newton->step[k];
			if (i + 1 < max_iter)
				continue;
		}
		newton_step(newton);
		if (newton->floats && !(newton->least >= PLAIN))
		{
			/* once more, exactly */
			newton->floats = 0;
			newton->iterations--;
			i--;
			continue;
		}
		newton->loss = loss;
		newton->correct = sums->correct;
		memcpy(newton->start, theta, n * sizeof(double));
		before = sums->value;
		length = 1;
		for (int k = 0; k < n; k++)
			theta[k] += newton->step[k];
		if (diverges && p->params->penalty == LOGREG_NONE &&
			(newton->ndropped > 0 || (newton->gain <= FLAT * unit && growth(p, newton->step) > GROWTH)))
		{
			*diverges = true;
			break;
		}
		if (newton->gain <= enough)
		{
			ecml_free(p->ctx, origin);
			return true;
		}
	}
	ecml_free(p->ctx, origin);
	return false;
}

/* ---------------------------------------------------------------- L-BFGS */

typedef struct Metric
{
	const LogregProblem *p;
	LogregSums *sums;			/* without a matrix */
	const double *factor;		/* of a sample's Hessian */
	const bool *dropped;
	double		scale;			/* of the sample in the whole */
	int			floats;			/* LOGREG_FLOATS, for the first value LOGREG_KEEP, too; or 0 */
} Metric;

static double
value_at(EcmlCtx *ctx, void *arg, const double *theta, double *gradient)
{
	Metric	   *metric = arg;
	LogregSums *sums = metric->sums;

	logreg_pass(metric->p, theta, LOGREG_GRADIENT | metric->floats, 1, sums);
	metric->floats &= ~LOGREG_KEEP;
	logreg_add_penalty(metric->p, theta, 1, sums);
	memcpy(gradient, sums->gradient, metric->p->total * sizeof(double));
	return sums->value;
}

static void
precondition(EcmlCtx *ctx, void *arg, double *v)
{
	Metric	   *metric = arg;
	int			n = metric->p->total;

	ecml_spd_solve(metric->factor, n, n, metric->dropped, v);
	for (int i = 0; i < n; i++)
		v[i] *= metric->scale;
}

static EcmlLbfgsResult
quasi_newton(const LogregProblem *p, Metric *metric, double *theta, double tolerance, int max_iter, bool newton_follows)
{
	EcmlLbfgs	problem = {
		.n = p->total,
		.max_iter = max_iter,
		.tolerance = tolerance,
		.value = value_at,
		.precondition = metric->factor ? precondition : NULL,
		.arg = metric,
		.ahead = newton_follows
	};

	metric->p = p;
	metric->sums = logreg_sums(p, false);
	return ecml_lbfgs(p->ctx, &problem, theta);
}

/* ---------------------------------------------------------------- all of it */

void
logreg_smooth(const LogregProblem *p, double *theta, LogregOutcome *outcome)
{
	EcmlCtx    *ctx = p->ctx;
	int			n = p->total;
	int			solver = p->params->solver;
	double		exact = p->params->tolerance * p->params->tolerance * p->weight;
	Newton		newton = {.p = p};
	Metric		metric = {0};
	double		least = SAMPLE > SAMPLE_BY * (double) n ? SAMPLE : SAMPLE_BY * (double) n;
	double		every = floor(p->data->rows / least);
	bool		wide;
	bool		floats;

	outcome->step = newton.step = ECML_NEW0(ctx, double, n);
	if (n > LOGREG_DENSE)
	{
		EcmlLbfgsResult result = quasi_newton(p, &metric, theta, sqrt(exact), p->params->max_iter, false);

		outcome->iterations = result.iterations;
		outcome->converged = result.status != ECML_LBFGS_MAX_ITER;
		logreg_pass(p, theta, 0, 1, metric.sums);
		outcome->loss = metric.sums->value;
		outcome->correct = metric.sums->correct;
		return;
	}
	outcome->sums = newton.sums = logreg_sums(p, true);
	newton.floor = ECML_NEW(ctx, double, n);
	newton.dropped = ECML_NEW0(ctx, bool, n);
	newton.start = ECML_NEW(ctx, double, n);
	if (n <= NARROW && every >= LADDER)
	{
		double		last = LADDER;

		while (last * 4 <= every)
			last *= 4;
		every = last;
	}
	wide = solver == LOGREG_LBFGS || (solver == LOGREG_AUTO && n > NARROW && every >= 4);
	floats = wide && logreg_begin_floats(p);
	if (!floats && !p->scratch->kept)
		logreg_end_floats(p);
	newton.floats = floats && n <= LOGREG_FUSED ? LOGREG_FLOATS : 0;
	if (solver == LOGREG_AUTO)
		for (; every >= 4; every = floor(every / 4))
		{
			/* the first sample comes from afar; what is left to the others is hardly more than their own error */
			double		enough = (metric.factor ? 50 : 0.5) * n * p->weight / p->n;

			(void) descend(&newton, theta, (int) fmin(every, 1e6), enough, 10, NULL);
			metric.factor = newton.sums->matrix;
			metric.dropped = newton.dropped;
			metric.scale = newton.sums->weight / p->weight;
		}
	newton.iterations = 0;
	wide = wide && (solver == LOGREG_LBFGS || metric.scale > 0);
	if (wide)
	{
		EcmlLbfgsResult result;

		/* terms rounded to float move the minimum by less than is asked for here, and Newton's step puts that right */
		metric.floats = floats ? LOGREG_FLOATS | LOGREG_KEEP : 0;
		result = quasi_newton(p, &metric, theta, 0.7 * sqrt(exact), metric.factor ? 30 : p->params->max_iter, true);
		outcome->iterations = result.iterations;
	}
	newton.floats = wide ? newton.floats : 0;
	outcome->converged = descend(&newton, theta, 1, exact, p->params->max_iter, &outcome->diverges);
	outcome->iterations += newton.iterations;
	outcome->loss = newton.loss;
	outcome->correct = newton.correct;
	/* directions without curvature count as parts of the step */
	for (int i = 0; outcome->diverges && i < n; i++)
		if (newton.dropped[i])
			outcome->step[i] = INFINITY;
}
