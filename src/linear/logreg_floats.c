/*
 * logreg_floats.c - terms as floats: made, kept and read
 *
 * With many columns a pass costs what reading the rows costs, so most passes read z rounded to float, half of the bytes.  What
 * is left of z is a float, too: the sum of both has 48 bits, and stands for z once floats are kept.  A column of a chunk of
 * doubles has the room of just such pairs, so that rows which nobody needs afterwards are written over: memory that is touched
 * first is dear.  Where others need them, high parts are kept beside, and pairs are made each time.  Where memory is short,
 * nothing is kept.  The bits are the same.
 */
#include "logreg_internal.h"

#include <string.h>

#define MANY_TERMS 64			/* with fewer, reading the rows is no great part of a pass */
#define ROWS ECML_CHUNK_ROWS
#define PART LOGREG_PART

bool
logreg_begin_floats(const LogregProblem *p)
{
	LogregScratch *scratch = p->scratch;
	size_t		size = (size_t) p->used * ROWS;
	size_t		chunks = p->data->nblocks * (ECML_BLOCK_ROWS / ROWS);

	if (p->used < MANY_TERMS || p->vectors > 1)
		return false;
	if (scratch->own)
		return true;
	scratch->own = ECML_NEW(p->ctx, float, ecml_workers(p->ctx, ECML_FETCH) * 2 * size);
	/* an offset stays what it is, among the columns */
	scratch->in_place = ecml_data_yielded(p->data) && p->task->offset < 0;
	/* as much again is left to others */
	if (!scratch->in_place && p->data->resident && ecml_fits(p->ctx, 2 * chunks * size * sizeof(float)))
		scratch->all = ECML_NEW(p->ctx, float, chunks * size);
	return true;
}

void
logreg_end_floats(const LogregProblem *p)
{
	ecml_free(p->ctx, p->scratch->all);
	ecml_free(p->ctx, p->scratch->own);
	p->scratch->all = p->scratch->own = NULL;
}

/*
 * Pairs of floats of z = (x - shift) * factor, and 0 past the last row; low: NULL or [ROWS].  They may lie where x does.
 * next: the column after it, whose rows are asked for meanwhile: columns lie on pages of their own, and what fetches ahead by
 * itself begins anew on each.
 */
ECML_CLONES static void
make_pairs(const double *x, const double *next, int rows, double shift, double factor, float *high, float *low)
{
	float		h[ROWS];
	float		l[ROWS];
	int			r = 0;

	for (; r + 64 <= rows; r += 64)
	{
		for (int line = 0; line < 64; line += 8)
			__builtin_prefetch(next + r + line);
#pragma omp simd
		for (int i = r; i < r + 64; i++)
		{
			double		z = (x[i] - shift) * factor;

			h[i] = (float) z;
			l[i] = (float) (z - h[i]);
		}
	}
	for (; r < rows; r++)
	{
		double		z = (x[r] - shift) * factor;

		h[r] = (float) z;
		l[r] = (float) (z - h[r]);
	}
	for (; r < ROWS; r++)
		h[r] = l[r] = 0;
	memcpy(high, h, sizeof(h));
	if (low)
		memcpy(low, l, sizeof(l));
}

/* For all columns of a chunk: column j's at high + j * stride, and low likewise or NULL. */
static void
make_floats(const LogregProblem *p, const EcmlBlock *block, int from, int rows, float *high, float *low, size_t stride)
{
	for (int j = 0; j < p->used; j++)
	{
		int			c = p->column[j];
		int			next = p->column[j + 1 < p->used ? j + 1 : j];

		make_pairs(ECML_BLOCK_F8(block, c) + from, ECML_BLOCK_F8(block, next) + from, rows, p->params->intercept ? p->mean[c] : 0,
				   1 / p->deviation[c], high + j * stride, low ? low + j * stride : NULL);
	}
}

LogregFloats
logreg_floats_of(const LogregProblem *p, int what, const EcmlBlock *block, int from, int worker)
{
	const LogregScratch *scratch = p->scratch;
	int			rows = block->rows - from < ROWS ? block->rows - from : ROWS;
	size_t		size = (size_t) p->used * ROWS;
	bool		kept = scratch->kept || (what & LOGREG_KEEP);
	float	   *high = scratch->own + worker * 2 * size;
	float	   *low = high + size;

	/* column number j of those in use is not before the j-th: what is written over has been read; a chunk in part has no room */
	if (kept && scratch->in_place && rows == ROWS)
	{
		LogregFloats z = {.stride = 2 * (size_t) block->stride,.next = 2 * ROWS};

		high = (float *) ((double *) block->x + from);
		low = high + ROWS;
		if (!scratch->kept)
			make_floats(p, block, from, rows, high, low, z.stride);
		z.high = high;
		z.low = low;
		return z;
	}
	if (kept && scratch->all && !(what & LOGREG_PAIRS))
	{
		high = scratch->all + (block->first + from) / ROWS * size;
		if (!scratch->kept)
			make_floats(p, block, from, rows, high, NULL, ROWS);
		return (LogregFloats) {.high = high,.stride = ROWS,.next = size};
	}
	make_floats(p, block, from, rows, high, low, ROWS);
	return (LogregFloats) {.high = high,.low = low,.stride = ROWS};
}

/* ---------------------------------------------------------------- reading them */

/* high, low: [used] of a part; four columns at once. */
ECML_CLONES static void
high_margins(const float *high, size_t stride, size_t ahead, int used, const double *coefficient, double *margin)
{
	int			j = 0;

	for (; j + 4 <= used; j += 4)
	{
		const float *f0 = high + j * stride;
		const float *f1 = f0 + stride;
		const float *f2 = f1 + stride;
		const float *f3 = f2 + stride;
		double		c0 = coefficient[j];
		double		c1 = coefficient[j + 1];
		double		c2 = coefficient[j + 2];
		double		c3 = coefficient[j + 3];

		for (int r = 0; r < PART / 2; r += 16)
		{
			__builtin_prefetch(f0 + ahead + r, 0, 2);
			__builtin_prefetch(f1 + ahead + r, 0, 2);
			__builtin_prefetch(f2 + ahead + r, 0, 2);
			__builtin_prefetch(f3 + ahead + r, 0, 2);
		}
#pragma omp simd
		for (int r = 0; r < PART; r++)
			margin[r] += (c0 * f0[r] + c1 * f1[r]) + (c2 * f2[r] + c3 * f3[r]);
	}
	for (; j < used; j++)
	{
		const float *f = high + j * stride;

#pragma omp simd
		for (int r = 0; r < PART; r++)
			margin[r] += coefficient[j] * f[r];
	}
}

ECML_CLONES static void
pair_margins(const float *high, const float *low, size_t stride, int used, const double *coefficient, double *margin)
{
	for (int j = 0; j < used; j++)
	{
		const float *h = high + j * stride;
		const float *l = low + j * stride;

#pragma omp simd
		for (int r = 0; r < PART; r++)
			margin[r] += coefficient[j] * ((double) h[r] + l[r]);
	}
}

/* The floats `ahead` are asked for meanwhile: margins wait for memory, this does not. */
ECML_CLONES static void
high_gradient(const float *high, size_t stride, size_t ahead, int used, const double *residual, double *gradient)
{
	int			j = 0;

	for (; j + 4 <= used; j += 4)
	{
		const float *f0 = high + j * stride;
		const float *f1 = f0 + stride;
		const float *f2 = f1 + stride;
		const float *f3 = f2 + stride;
		double		s0 = 0;
		double		s1 = 0;
		double		s2 = 0;
		double		s3 = 0;

		for (int r = PART / 2; r < PART; r += 16)
		{
			__builtin_prefetch(f0 + ahead + r, 0, 2);
			__builtin_prefetch(f1 + ahead + r, 0, 2);
			__builtin_prefetch(f2 + ahead + r, 0, 2);
			__builtin_prefetch(f3 + ahead + r, 0, 2);
		}
#pragma omp simd reduction(+:s0, s1, s2, s3)
		for (int r = 0; r < PART; r++)
		{
			s0 += residual[r] * f0[r];
			s1 += residual[r] * f1[r];
			s2 += residual[r] * f2[r];
			s3 += residual[r] * f3[r];
		}
		gradient[j] += s0;
		gradient[j + 1] += s1;
		gradient[j + 2] += s2;
		gradient[j + 3] += s3;
	}
	for (; j < used; j++)
	{
		const float *f = high + j * stride;
		double		sum = 0;

#pragma omp simd reduction(+:sum)
		for (int r = 0; r < PART; r++)
			sum += residual[r] * f[r];
		gradient[j] += sum;
	}
}

ECML_CLONES static void
pair_gradient(const float *high, const float *low, size_t stride, size_t ahead, int used, const double *residual,
			  double *gradient)
{
	for (int j = 0; j < used; j++)
	{
		const float *h = high + j * stride;
		const float *l = low + j * stride;
		double		sum = 0;

		for (int r = 0; r < PART; r += 16)
		{
			__builtin_prefetch(h + ahead + r, 0, 2);
			__builtin_prefetch(l + ahead + r, 0, 2);
		}
#pragma omp simd reduction(+:sum)
		for (int r = 0; r < PART; r++)
			sum += residual[r] * ((double) h[r] + l[r]);
		gradient[j] += sum;
	}
}

void
logreg_float_margins(const LogregFloats *z, bool pairs, int at, int used, const double *coefficient, double *margin)
{
	size_t		ahead = at + PART < ROWS ? PART : z->next > 0 ? z->next - at : 0;

	if (pairs)
		pair_margins(z->high + at, z->low + at, z->stride, used, coefficient, margin);
	else
		high_margins(z->high + at, z->stride, ahead, used, coefficient, margin);
}

void
logreg_float_gradient(const LogregFloats *z, bool pairs, int at, int used, const double *residual, double *gradient)
{
	size_t		ahead = at + PART < ROWS ? PART : z->next > 0 ? z->next - at : 0;

	if (pairs)
		pair_gradient(z->high + at, z->low + at, z->stride, ahead, used, residual, gradient);
	else
		high_gradient(z->high + at, z->stride, ahead, used, residual, gradient);
}
