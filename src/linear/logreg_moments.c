/*
 * logreg_moments.c - weights of the classes, and moments of the columns by weight
 *
 * A pass over the target, and one over all columns, unless the data come with their moments and all rows weigh 1.
 */
#include "logreg_internal.h"

#include <math.h>
#include <string.h>

typedef struct Moments
{
	double		weight;
	double		mean;
	double		square;			/* sum of squared deviations */
	double		low;
	double		high;
} Moments;

typedef struct MomentsPass
{
	const LogregProblem *p;
	EcmlBlock  *blocks;
	double	  **w;				/* [workers][ECML_BLOCK_ROWS] */
	Moments    *moments;		/* [blocks][terms] */
	double	   *classes;		/* [blocks][classes] weight */
	double		n[ECML_FETCH];	/* rows of weight above 0 */
	double		bad[ECML_FETCH];	/* a weight that is negative or not a number; else 0 */
} MomentsPass;

ECML_CLONES static Moments
moments_of(const double *x, const double *w, int rows)
{
	Moments		m = {.low = INFINITY,.high = -INFINITY};
	double		origin = x[0];
	double		weight = 0;
	double		sum = 0;
	double		square = 0;
	double		low = INFINITY;
	double		high = -INFINITY;

#pragma omp simd reduction(+:weight, sum) reduction(min:low) reduction(max:high)
	for (int r = 0; r < rows; r++)
	{
		weight += w[r];
		sum += w[r] * (x[r] - origin);
		low = w[r] > 0 && x[r] < low ? x[r] : low;
		high = w[r] > 0 && x[r] > high ? x[r] : high;
	}
	if (!(weight > 0))
		return m;
	m.mean = origin + sum / weight;
#pragma omp simd reduction(+:square)
	for (int r = 0; r < rows; r++)
		square += w[r] * (x[r] - m.mean) * (x[r] - m.mean);
	m.weight = weight;
	m.square = square;
	m.low = low;
	m.high = high;
	return m;
}

static void
moments_task(void *arg, size_t i, int worker)
{
	MomentsPass *pass = arg;
	const LogregProblem *p = pass->p;
	const EcmlBlock *block = &pass->blocks[i];
	double	   *w = pass->w[worker];

	for (int r = 0; r < block->rows; r++)
		w[r] = (block->w ? block->w[r] : 1) * p->class_weight[(int) block->y[r]];
	for (int j = 0; j < p->terms; j++)
		pass->moments[i * p->terms + j] = moments_of(ECML_BLOCK_F8(block, j), w, block->rows);
}

static void
classes_task(void *arg, size_t i, int worker)
{
	MomentsPass *pass = arg;
	const EcmlBlock *block = &pass->blocks[i];
	int			n = pass->p->task->classes;
	double	   *total = pass->classes + i * n;

	memset(total, 0, n * sizeof(double));
	pass->n[i] = pass->bad[i] = 0;
	if (block->w == NULL && n == 2)
	{
		double		second = 0;

#pragma omp simd reduction(+:second)
		for (int r = 0; r < block->rows; r++)
			second += block->y[r] != 0 ? 1.0 : 0.0;
		total[0] = block->rows - second;
		total[1] = second;
		pass->n[i] = block->rows;
		return;
	}
	for (int r = 0; r < block->rows; r++)
	{
		double		w = block->w ? block->w[r] : 1;

		if (!(w >= 0 && w <= 1e300))
		{
			pass->bad[i] = w;
			return;
		}
		total[(int) block->y[r]] += w;
		pass->n[i] += w > 0;
	}
}

/* What the rows' classes and weights are; class weights follow. */
static void
count_classes(LogregProblem *p)
{
	EcmlCtx    *ctx = p->ctx;
	const LogregTask *task = p->task;
	EcmlBlock	blocks[ECML_FETCH];
	MomentsPass pass = {.p = p,.blocks = blocks};
	size_t		group = p->data->nblocks < ECML_FETCH ? p->data->nblocks : ECML_FETCH;
	size_t		got;
	double		total = 0;

	pass.classes = ECML_NEW(ctx, double, group * task->classes);
	for (size_t b = 0; b < p->data->nblocks; b += got)
	{
		got = ecml_data_fetch(ctx, p->data, b, blocks, ECML_FETCH);
		ecml_parallel_for(ctx, got, classes_task, &pass);
		for (size_t i = 0; i < got; i++)
		{
			if (pass.bad[i] != 0)
			{
				ecml_detail(ctx, "A row's weight is %g.", pass.bad[i]);
				ecml_fail(ctx, ECML_DATA_EXCEPTION, "a weight is negative or not finite");
			}
			for (int k = 0; k < task->classes; k++)
				p->class_total[k] += pass.classes[i * task->classes + k];
			p->n += pass.n[i];
		}
	}
	ecml_free(ctx, pass.classes);
	for (int k = 0; k < task->classes; k++)
		total += p->class_total[k];
	for (int k = 0; k < task->classes; k++)
	{
		if (!(p->class_total[k] > 0))
		{
			ecml_detail(ctx, "Class number %d has no row of weight above 0.", k + 1);
			ecml_fail(ctx, ECML_DATA_EXCEPTION, "a class has no weight");
		}
		if (task->class_weight)
			p->class_weight[k] = task->class_weight[k];
		else
			p->class_weight[k] = task->params->balanced ? total / (task->classes * p->class_total[k]) : 1;
		p->class_total[k] *= p->class_weight[k];
		p->weight += p->class_total[k];
	}
}

/* By a pass over the rows: total [terms]. */
static void
sum_moments(const LogregProblem *p, Moments *total)
{
	EcmlCtx    *ctx = p->ctx;
	EcmlBlock	blocks[ECML_FETCH];
	MomentsPass pass = {.p = p,.blocks = blocks};
	size_t		group = p->data->nblocks < ECML_FETCH ? p->data->nblocks : ECML_FETCH;
	int			workers = ecml_workers(ctx, group);
	size_t		got;

	pass.w = ECML_NEW(ctx, double *, workers);
	for (int i = 0; i < workers; i++)
		pass.w[i] = ECML_NEW(ctx, double, ECML_BLOCK_ROWS);
	pass.moments = ECML_NEW(ctx, Moments, group * p->terms);
	for (size_t b = 0; b < p->data->nblocks; b += got)
	{
		got = ecml_data_fetch(ctx, p->data, b, blocks, ECML_FETCH);
		ecml_parallel_for(ctx, got, moments_task, &pass);
		for (size_t i = 0; i < got; i++)
			for (int j = 0; j < p->terms; j++)
			{
				const Moments *m = &pass.moments[i * p->terms + j];
				Moments    *t = &total[j];
				double		both = t->weight + m->weight;
				double		apart = m->mean - t->mean;

				if (!(m->weight > 0))
					continue;
				if (!(t->weight > 0))
				{
					*t = *m;
					continue;
				}
				t->mean += apart * (m->weight / both);
				t->square += m->square + apart * apart * (t->weight * (m->weight / both));
				t->weight = both;
				t->low = fmin(t->low, m->low);
				t->high = fmax(t->high, m->high);
			}
	}
	for (int i = 0; i < workers; i++)
		ecml_free(ctx, pass.w[i]);
	ecml_free(ctx, pass.w);
	ecml_free(ctx, pass.moments);
}

void
logreg_statistics(LogregProblem *p)
{
	EcmlCtx    *ctx = p->ctx;
	Moments    *total = ECML_NEW0(ctx, Moments, p->terms);
	bool		known = p->data->moments != NULL && !p->data->has_w;

	count_classes(p);
	for (int k = 0; k < p->task->classes; k++)
		known &= p->class_weight[k] == 1;
	if (known)
		for (int j = 0; j < p->terms; j++)
		{
			const EcmlColumnMoments *m = &p->data->moments[j];

			total[j] = (Moments) {p->weight, m->mean, m->square, m->low, m->high};
		}
	else
		sum_moments(p, total);
	for (int j = 0; j < p->terms; j++)
	{
		const Moments *t = &total[j];
		double		origin = p->params->intercept ? 0 : t->mean;

		p->mean[j] = t->mean;
		p->deviation[j] = sqrt(t->square / t->weight + origin * origin);
		p->low[j] = t->low;
		p->high[j] = t->high;
		if (!isfinite(p->deviation[j]))
		{
			ecml_detail(ctx, "The values of term number %d reach from %g to %g.", j + 1, t->low, t->high);
			ecml_hint(ctx, "Take other units in the source.");
			ecml_fail(ctx, ECML_DATA_EXCEPTION, "values are too large: their squares overflow");
		}
		/* a constant, or what rounding leaves of one */
		if (t->low == t->high || sqrt(t->square / t->weight) <= 1e-13 * fabs(t->mean))
			p->deviation[j] = p->params->intercept ? 0 : p->deviation[j];
	}
	ecml_free(ctx, total);
}
