/*
 * logreg_floats.c - terms as floats: made, kept and read
 *
 * With many columns a pass costs what reading the rows costs, so most passes read z rounded to float, half of the bytes.  What
 * is left of z is a float, too: the sum of both has 48 bits, and stands for z once floats are kept.  Pairs take as much room as
 * the doubles, so where nobody needs the rows afterwards a block's are kept where another block's rows were: memory that is
 * touched first is dear.  Where others need the rows, high parts are kept beside them, and pairs are made each time.  Where
 * memory is short, nothing is kept.  The bits are the same.
 */
#include "logreg_internal.h"

#include <string.h>

#define MANY_TERMS 64			/* with fewer, reading the rows is no great part of a pass */
#define ROWS ECML_CHUNK_ROWS
#define CHUNKS (ECML_BLOCK_ROWS / ROWS)
#define PART LOGREG_PART

bool
logreg_begin_floats(const LogregProblem *p)
{
	EcmlCtx    *ctx = p->ctx;
	LogregScratch *scratch = p->scratch;
	size_t		size = (size_t) p->used * ROWS;
	size_t		block = size * CHUNKS;	/* of high parts */
	int			workers = ecml_workers(ctx, ECML_FETCH);

	if (p->used < MANY_TERMS || p->vectors > 1)
		return false;
	if (scratch->own)
		return true;
	scratch->own = ECML_NEW(ctx, float, workers * 2 * size);
	scratch->of = ECML_NEW0(ctx, float *, p->data->nblocks);
	/* as much again is left to others; an offset is needed as it is */
	if (ecml_data_yielded(p->data) && p->task->offset < 0 && ecml_fits(ctx, workers * 4 * block * sizeof(float)))
	{
		scratch->spare = ECML_NEW(ctx, float *, workers);
		for (int i = 0; i < workers; i++)
			scratch->spare[i] = ECML_NEW(ctx, float, 2 * block);
	}
	else if (p->data->resident && ecml_fits(ctx, 2 * p->data->nblocks * block * sizeof(float)))
		scratch->all = ECML_NEW(ctx, float, p->data->nblocks * block);
	return true;
}

void
logreg_end_floats(const LogregProblem *p)
{
	EcmlCtx    *ctx = p->ctx;
	LogregScratch *scratch = p->scratch;

	for (int i = 0; scratch->spare && i < ecml_workers(ctx, ECML_FETCH); i++)
		ecml_free(ctx, scratch->spare[i]);
	ecml_free(ctx, scratch->spare);
	ecml_free(ctx, scratch->all);
	ecml_free(ctx, scratch->of);
	ecml_free(ctx, scratch->own);
	scratch->spare = scratch->of = NULL;
	scratch->all = scratch->own = NULL;
}

/*
 * Pairs of floats of z = (x - shift) * factor, and 0 past the last row; low: NULL or [ROWS].  next: the column after it, whose
 * rows are asked for meanwhile: columns lie on pages of their own, and what fetches ahead by itself begins anew on each.
 */
ECML_CLONES static void
make_pairs(const double *x, const double *next, int rows, double shift, double factor, float *high, float *low)
{
	int			r = 0;

	for (; r + 64 <= rows; r += 64)
	{
		for (int line = 0; line < 64; line += 8)
			__builtin_prefetch(next + r + line);
#pragma omp simd
		for (int i = r; i < r + 64; i++)
			high[i] = (float) ((x[i] - shift) * factor);
#pragma omp simd
		for (int i = r; i < (low ? r + 64 : r); i++)
			low[i] = (float) ((x[i] - shift) * factor - high[i]);
	}
	for (; r < rows; r++)
	{
		high[r] = (float) ((x[r] - shift) * factor);
		if (low)
			low[r] = (float) ((x[r] - shift) * factor - high[r]);
	}
	memset(high + rows, 0, (ROWS - rows) * sizeof(float));
	if (low)
		memset(low + rows, 0, (ROWS - rows) * sizeof(float));
}

/* For all columns of the chunk that begins at row from; low: NULL or [used][ROWS]. */
static void
make_floats(const LogregProblem *p, const EcmlBlock *block, int from, float *high, float *low)
{
	int			rows = block->rows - from < ROWS ? block->rows - from : ROWS;

	for (int j = 0; j < p->used; j++)
	{
		int			c = p->column[j];
		int			next = p->column[j + 1 < p->used ? j + 1 : j];

		make_pairs(ECML_BLOCK_F8(block, c) + from, ECML_BLOCK_F8(block, next) + from, rows, p->params->intercept ? p->mean[c] : 0,
				   1 / p->deviation[c], high + (size_t) j * ROWS, low ? low + (size_t) j * ROWS : NULL);
	}
}

/* Where the block's floats are going to be kept; NULL: nowhere. */
static float *
place(const LogregProblem *p, const EcmlBlock *block, int worker)
{
	const LogregScratch *scratch = p->scratch;

	if (scratch->spare)
		return scratch->spare[worker];
	return scratch->all ? scratch->all + block->first * p->used : NULL;
}

LogregFloats
logreg_floats_of(const LogregProblem *p, int what, const EcmlBlock *block, int from, int worker)
{
	const LogregScratch *scratch = p->scratch;
	size_t		size = (size_t) p->used * ROWS;
	bool		pairs = scratch->spare != NULL;
	size_t		next = pairs ? 2 * size : size;
	float	  **of = &scratch->of[block->first / ECML_BLOCK_ROWS];
	float	   *high = scratch->own + worker * 2 * size;
	bool		keep = (what & LOGREG_KEEP) && !scratch->kept;
	bool		kept;

	if (keep && from == 0)
		*of = place(p, block, worker);
	kept = (keep || scratch->kept) && *of && (pairs || !(what & LOGREG_PAIRS));
	if (kept)
		high = *of + from / ROWS * next;
	if (!kept || keep)
		make_floats(p, block, from, high, kept && !pairs ? NULL : high + size);
	/* the next block's will be where this one's rows were; the last block has less room */
	if (keep && pairs && from + ROWS >= block->rows)
		scratch->spare[worker] = block->rows == ECML_BLOCK_ROWS ? (float *) block->x : NULL;
	return (LogregFloats) {high, kept && !pairs ? NULL : high + size, kept ? next : 0};
}

/* ---------------------------------------------------------------- reading them */

/* high, low: [used] of a part; four columns at once. */
ECML_CLONES static void
high_margins(const float *high, size_t ahead, int used, const double *coefficient, double *margin)
{
	int			j = 0;

	for (; j + 4 <= used; j += 4)
	{
		const float *f0 = high + j * (size_t) ROWS;
		const float *f1 = f0 + ROWS;
		const float *f2 = f1 + ROWS;
		const float *f3 = f2 + ROWS;
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
		const float *f = high + j * (size_t) ROWS;

#pragma omp simd
		for (int r = 0; r < PART; r++)
			margin[r] += coefficient[j] * f[r];
	}
}

ECML_CLONES static void
pair_margins(const float *high, const float *low, int used, const double *coefficient, double *margin)
{
	for (int j = 0; j < used; j++)
	{
		const float *h = high + j * (size_t) ROWS;
		const float *l = low + j * (size_t) ROWS;

#pragma omp simd
		for (int r = 0; r < PART; r++)
			margin[r] += coefficient[j] * ((double) h[r] + l[r]);
	}
}

/* The floats `ahead` are asked for meanwhile: margins wait for memory, this does not. */
ECML_CLONES static void
high_gradient(const float *high, size_t ahead, int used, const double *residual, double *gradient)
{
	int			j = 0;

	for (; j + 4 <= used; j += 4)
	{
		const float *f0 = high + j * (size_t) ROWS;
		const float *f1 = f0 + ROWS;
		const float *f2 = f1 + ROWS;
		const float *f3 = f2 + ROWS;
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
		const float *f = high + j * (size_t) ROWS;
		double		sum = 0;

#pragma omp simd reduction(+:sum)
		for (int r = 0; r < PART; r++)
			sum += residual[r] * f[r];
		gradient[j] += sum;
	}
}

ECML_CLONES static void
pair_gradient(const float *high, const float *low, size_t ahead, int used, const double *residual,
			  double *gradient)
{
	for (int j = 0; j < used; j++)
	{
		const float *h = high + j * (size_t) ROWS;
		const float *l = low + j * (size_t) ROWS;
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
		pair_margins(z->high + at, z->low + at, used, coefficient, margin);
	else
		high_margins(z->high + at, ahead, used, coefficient, margin);
}

void
logreg_float_gradient(const LogregFloats *z, bool pairs, int at, int used, const double *residual, double *gradient)
{
	size_t		ahead = at + PART < ROWS ? PART : z->next > 0 ? z->next - at : 0;

	if (pairs)
		pair_gradient(z->high + at, z->low + at, ahead, used, residual, gradient);
	else
		high_gradient(z->high + at, ahead, used, residual, gradient);
}
