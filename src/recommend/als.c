/*
 * als.c - factors of users and items by alternating least squares
 *
 * Implicit feedback (Hu, Koren and Volinsky 2008): minimise, over all users u and items i, c_ui (p_ui - x_u'y_i)^2
 * + lambda (|x_u|^2 + |y_i|^2), where p is 1 for what a user took and 0 for all else, and the confidence c is alpha v there
 * and 1 elsewhere.  With all y fixed, x_u solves (Y'Y + sum (c - 1) y y' + lambda I) x = sum c y over the user's items alone.
 * Either by Cholesky, or by a few steps of conjugate gradients from where x stood (Takacs, Pilaszy and Tikk 2011), which never
 * makes the matrix: f^2 + 2 n f products a step of f factors and n items, against n f^2 / 2 + f^3 / 6.
 *
 * Ratings: minimise (r_ui - mean - b_u - b_i - x_u'y_i)^2 over what was rated, with lambda times the number of ratings (Zhou et
 * al. 2008); a bias is one factor more, whose counterpart is 1.  By Cholesky.
 *
 * Users are solved for in parallel, each from its own items alone, so that the bits do not depend on threads.  In single
 * precision, Gram matrices by parts.
 */
#include "dense.h"

#define CHUNK_ROWS 256
#define CHUNK_ENTRIES 16384
#define GRAM_PARTS 64
#define COPIED 64				/* rows that are gathered before they are multiplied */

typedef struct Gram
{
	const float *rows;
	size_t		n;
	size_t		part;			/* rows of a part */
	int			dimension;
	int			stride;
	float	   *sums;			/* [parts][stride][stride] */
	const float *ones;			/* [COPIED] */
} Gram;

static ECML_CLONES void
gram_rows(const Gram *gram, size_t first, size_t end, float *sum)
{
	for (size_t i = first; i < end; i += COPIED)
		dense_outer(sum, gram->dimension, gram->stride, gram->rows + i * gram->stride, gram->ones,
					end - i < COPIED ? (int) (end - i) : COPIED);
}

static void
gram_task(void *arg, size_t part, int worker)
{
	const Gram *gram = arg;
	size_t		first = part * gram->part;
	size_t		end = first + gram->part < gram->n ? first + gram->part : gram->n;

	gram_rows(gram, first, end, gram->sums + part * gram->stride * gram->stride);
}

void
rec_gram(EcmlCtx *ctx, const float *rows, size_t n, int dimension, int stride, float *gram)
{
	Gram		job = {rows, n, 0, dimension, stride, NULL, NULL};
	size_t		parts = n / 256 + 1 < GRAM_PARTS ? n / 256 + 1 : GRAM_PARTS;
	size_t		size = (size_t) stride * stride;
	float	   *ones = ECML_NEW(ctx, float, COPIED);

	for (int i = 0; i < COPIED; i++)
		ones[i] = 1;
	job.ones = ones;
	job.part = (n + parts - 1) / parts;
	parts = job.part > 0 ? (n + job.part - 1) / job.part : 0;
	job.sums = ECML_NEW0(ctx, float, size * (parts + 1));
	ecml_parallel_for(ctx, parts, gram_task, &job);
	memset(gram, 0, size * sizeof(float));
	for (size_t part = 0; part < parts; part++)
		for (size_t i = 0; i < size; i++)
			gram[i] += job.sums[part * size + i];
	/* the lower triangle too */
	for (int i = 0; i < dimension; i++)
		for (int j = 0; j < i; j++)
			gram[(size_t) i * stride + j] = gram[(size_t) j * stride + i];
	for (int i = 0; i < stride; i++)
		for (int j = 0; j < stride; j++)
			if (i >= dimension || j >= dimension)
				gram[(size_t) i * stride + j] = 0;
	ecml_free(ctx, job.sums);
	ecml_free(ctx, ones);
}

/* What solving for one side needs. */
typedef struct Side
{
	const RecMatrix *m;			/* rows are solved for */
	const size_t *chunks;		/* first row of each task, and the end */
	const float *other;			/* [m->columns][stride] fixed */
	float	   *mine;			/* [m->rows][stride] */
	const float *gram;			/* of other; ratings: NULL */
	const RecFactors *f;
	int			cg_steps;		/* 0: Cholesky */
	float	   *scratch;		/* [workers][scratch_size] */
	size_t		scratch_size;
} Side;

static size_t
scratch_size(int stride)
{
	return (size_t) stride * stride + (size_t) (COPIED + 4) * stride + 2 * COPIED;
}

static inline __attribute__((always_inline)) void
solve_by_gradients(const Side *side, int n, const int32_t *items, const float *values, float *x, float *scratch)
{
	int			stride = side->f->stride;
	int			dimension = side->f->dimension;
	float		lambda = (float) side->f->regularization;
	float		alpha = (float) side->f->alpha;
	float	   *r = scratch;
	float	   *p = scratch + stride;
	float	   *ap = scratch + 2 * stride;
	float		old;

	/* residual r = b - A x */
	dense_multiply(side->gram, x, r, dimension, stride);
	for (int j = 0; j < stride; j += REC_LANES)
		LANES_OUT(r + j) = -LANES(r + j) - LANES(x + j) * lambda;
	for (int i = 0; i < n; i++)
	{
		const float *y = side->other + (size_t) items[i] * stride;
		float		more = alpha * values[i] - 1;

		dense_add(r, y, 1 + more - more * dense_dot(y, x, stride), stride);
	}
	memcpy(p, r, stride * sizeof(float));
	old = dense_dot(r, r, stride);
	for (int step = 0; step < side->cg_steps && old > 1e-20f; step++)
	{
		float		size;
		float		now;

		dense_multiply(side->gram, p, ap, dimension, stride);
		dense_add(ap, p, lambda, stride);
		for (int i = 0; i < n; i++)
		{
			const float *y = side->other + (size_t) items[i] * stride;

			dense_add(ap, y, (alpha * values[i] - 1) * dense_dot(y, p, stride), stride);
		}
		size = old / dense_dot(p, ap, stride);
		dense_add(x, p, size, stride);
		dense_add(r, ap, -size, stride);
		now = dense_dot(r, r, stride);
		for (int j = 0; j < stride; j += REC_LANES)
			LANES_OUT(p + j) = LANES(r + j) + LANES(p + j) * (now / old);
		old = now;
	}
}

/* a and x become the system of a row: A = gram + sum w y y' + lambda I, x = sum of t y. */
static inline __attribute__((always_inline)) void
make_system(const RecFactors *f, const float *gram, const float *other, int n, const int32_t *items, const float *values,
			float *a, float *x, float *scratch)
{
	int			stride = f->stride;
	int			dimension = f->dimension;
	float	   *copy = scratch;
	float	   *weights = scratch + (size_t) COPIED * stride;
	float		lambda = (float) (f->ratings ? f->regularization * n : f->regularization);

	if (gram)
		memcpy(a, gram, (size_t) stride * stride * sizeof(float));
	else
		memset(a, 0, (size_t) stride * stride * sizeof(float));
	memset(x, 0, stride * sizeof(float));
	for (int first = 0; first < n; first += COPIED)
	{
		int			count = n - first < COPIED ? n - first : COPIED;

		for (int i = 0; i < count; i++)
		{
			const float *y = other + (size_t) items[first + i] * stride;
			float	   *to = copy + (size_t) i * stride;
			float		v = values[first + i];

			memcpy(to, y, stride * sizeof(float));
			if (f->ratings)
			{
				v -= (float) f->mean + y[dimension - 1];
				to[dimension - 1] = 1;
				weights[i] = 1;
				dense_add(x, to, v, stride);
			}
			else
			{
				weights[i] = (float) f->alpha * v - 1;
				dense_add(x, to, 1 + weights[i], stride);
			}
		}
		dense_outer(a, dimension, stride, copy, weights, count);
	}
	for (int k = 0; k < dimension; k++)
		a[(size_t) k * stride + k] += lambda > 1e-6f ? lambda : 1e-6f;
}

static ECML_CLONES void
solve_rows(const Side *side, size_t first, size_t end, float *scratch)
{
	const RecMatrix *m = side->m;
	int			stride = side->f->stride;
	float	   *a = scratch + (size_t) (COPIED + 4) * stride + 2 * COPIED;

	for (size_t row = first; row < end; row++)
	{
		size_t		at = m->start[row];
		int			n = (int) (m->start[row + 1] - at);
		float	   *x = side->mine + row * stride;

		if (n == 0)
			memset(x, 0, stride * sizeof(float));
		else if (side->cg_steps > 0)
			solve_by_gradients(side, n, m->column + at, m->value + at, x, scratch);
		else
		{
			make_system(side->f, side->gram, side->other, n, m->column + at, m->value + at, a, x, scratch);
			dense_cholesky(a, side->f->dimension, stride);
			dense_solve(a, side->f->dimension, stride, x);
		}
	}
}

static void
solve_task(void *arg, size_t chunk, int worker)
{
	const Side *side = arg;

	solve_rows(side, side->chunks[chunk], side->chunks[chunk + 1], side->scratch + worker * side->scratch_size);
}

/* Cut the rows in tasks of about equal work. */
static size_t *
cut(EcmlCtx *ctx, const RecMatrix *m, size_t *n)
{
	size_t	   *chunks = ECML_NEW(ctx, size_t, (size_t) m->rows + 2);
	size_t		count = 0;
	int			first = 0;

	chunks[0] = 0;
	for (int row = 1; row <= m->rows; row++)
		if (row == m->rows || row - first >= CHUNK_ROWS || m->start[row + 1] - m->start[first] > CHUNK_ENTRIES)
		{
			chunks[++count] = row;
			first = row;
		}
	*n = count;
	return chunks;
}

static double
mean_value(const RecMatrix *m)
{
	size_t		n = m->start[m->rows];
	double		sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += m->value[i];
	return n > 0 ? sum / n : 0;
}

/* What was minimised, without the penalty, by entry; of ratings the mean square error. */
static double
loss(EcmlCtx *ctx, const RecFactors *f, const RecMatrix *m, const float *user)
{
	int			stride = f->stride;
	double		sum = 0;
	float	   *gx = ECML_NEW(ctx, float, stride);

	for (int u = 0; u < m->rows; u++)
	{
		const float *x = user + (size_t) u * stride;

		if (u % 1024 == 0)
			ecml_poll(ctx, 0, 0);
		if (!f->ratings)
		{
			dense_multiply(f->gram, x, gx, f->dimension, stride);
			sum += dense_dot(x, gx, stride);
		}
		for (size_t i = m->start[u]; i < m->start[u + 1]; i++)
		{
			const float *y = f->item + (size_t) m->column[i] * stride;
			double		s = dense_dot(x, y, stride);
			double		v = m->value[i];

			if (f->ratings)
			{
				int			b = f->dimension - 1;

				s += f->mean + (double) x[b] + y[b] - (double) x[b] * y[b];
				sum += (v - s) * (v - s);
			}
			else
				sum += f->alpha * v * (1 - s) * (1 - s) - s * s;
		}
	}
	ecml_free(ctx, gx);
	return m->start[m->rows] > 0 ? sum / m->start[m->rows] : 0;
}

/*
 * lambda shrinks what is learnt as a nuclear norm does: patterns whose singular value is below it vanish.  So it must grow with
 * the data: by default 0.03 times the root of the sum of the squared weights, which the greatest singular value never exceeds, and
 * at most 10.
 */
static double
default_regularization(const RecMatrix *m, double alpha)
{
	size_t		n = m->start[m->rows];
	double		square = 0;

	for (size_t i = 0; i < n; i++)
		square += (double) m->value[i] * m->value[i];
	square = 0.03 * alpha * sqrt(square);
	return square < 10 ? square : 10;
}

static void
start_factors(EcmlCtx *ctx, float *x, int rows, const RecFactors *f, uint64_t stream)
{
	double		scale = f->ratings ? 0.1 / sqrt(f->factors) : 0.01;

	memset(x, 0, (size_t) rows * f->stride * sizeof(float));
	for (int row = 0; row < rows; row++)
	{
		/* a row's numbers depend on its own number alone */
		EcmlRng		rng = ecml_rng_stream(&ctx->rng, stream + 2 * (uint64_t) row);

		for (int j = 0; j < f->factors; j++)
			x[(size_t) row * f->stride + j] = (float) (scale * (ecml_rng_double(&rng) - (f->ratings ? 0.5 : 0)));
		if (row % 4096 == 0)
			ecml_poll(ctx, 0, 0);
	}
}

/* Weights of very different size can be too much for single precision: that must not become a model. */
static void
check_finite(EcmlCtx *ctx, const float *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!isfinite(x[i]))
		{
			ecml_detail(ctx, "A factor became infinite or not a number.");
			ecml_hint(ctx, "Weigh by \"weighting\": \"log\", solve with \"solver\": \"cg\", or give a greater \"regularization\".");
			ecml_fail(ctx, ECML_DATA_EXCEPTION, "the factors cannot be found in single precision");
		}
}

RecFactors *
rec_als(EcmlCtx *ctx, const RecMatrix *m, const RecParams *params, float **user, double low, double high)
{
	RecFactors *f = ECML_NEW0(ctx, RecFactors, 1);
	RecMatrix  *t = rec_transpose(ctx, m);
	Side		users = {m};
	Side		items = {t};
	size_t		nusers;
	size_t		nitems;
	float	   *gram;
	float	   *scratch;
	int			workers;

	f->ratings = params->feedback_explicit;
	f->factors = params->factors;
	f->dimension = params->factors + (f->ratings ? 1 : 0);
	f->stride = rec_stride(f->dimension);
	f->regularization = params->regularization >= 0 ? params->regularization :
		f->ratings ? 0.05 : default_regularization(m, params->alpha);
	f->alpha = params->alpha;
	f->items = m->columns;
	f->mean = f->ratings ? mean_value(m) : 0;
	f->item = ECML_NEW(ctx, float, (size_t) f->stride * (m->columns + 1));
	*user = ECML_NEW(ctx, float, (size_t) f->stride * (m->rows + 1));
	gram = ECML_NEW0(ctx, float, (size_t) f->stride * f->stride);
	f->gram = f->ratings ? NULL : gram;
	start_factors(ctx, *user, m->rows, f, 0);
	start_factors(ctx, f->item, m->columns, f, 1);
	users.chunks = cut(ctx, m, &nusers);
	items.chunks = cut(ctx, t, &nitems);
	workers = ecml_workers(ctx, nusers > nitems ? nusers : nitems);
	/* what one worker writes must not lie beside what another does */
	users.scratch_size = items.scratch_size = scratch_size(f->stride) + 64;
	scratch = ECML_NEW0(ctx, float, users.scratch_size * workers);
	users.scratch = items.scratch = scratch;
	users.f = items.f = f;
	users.gram = items.gram = f->gram;
	users.cg_steps = items.cg_steps = params->solver == REC_CG && !f->ratings ? params->cg_steps : 0;
	users.other = items.mine = f->item;
	items.other = users.mine = *user;
	for (int iteration = 0; iteration < params->iterations; iteration++)
	{
		ecml_poll(ctx, low + (high - low) * iteration / params->iterations, 1);
		if (f->gram)
			rec_gram(ctx, f->item, m->columns, f->dimension, f->stride, gram);
		ecml_parallel_for(ctx, nusers, solve_task, &users);
		if (f->gram)
			rec_gram(ctx, *user, m->rows, f->dimension, f->stride, gram);
		ecml_parallel_for(ctx, nitems, solve_task, &items);
	}
	/*
	 * The more numerous side is solved for last: of each of its rows less is known, and what is known should fit the other side as it is
	 * kept.  Where that are the users, they are what a fold-in would have.
	 */
	if (f->gram)
		rec_gram(ctx, f->item, m->columns, f->dimension, f->stride, gram);
	if (m->rows >= m->columns || f->ratings)
		ecml_parallel_for(ctx, nusers, solve_task, &users);
	check_finite(ctx, f->item, (size_t) f->stride * m->columns);
	check_finite(ctx, *user, (size_t) f->stride * m->rows);
	f->loss = loss(ctx, f, m, *user);
	rec_matrix_free(ctx, t);
	ecml_free(ctx, scratch);
	ecml_free(ctx, (void *) users.chunks);
	ecml_free(ctx, (void *) items.chunks);
	return f;
}

size_t
rec_fold_in_scratch(const RecFactors *f)
{
	return scratch_size(f->stride) * sizeof(float);
}

static ECML_CLONES void
fold_in(const RecFactors *f, int n, const int32_t *items, const float *values, float *x, float *scratch)
{
	float	   *a = scratch + (size_t) (COPIED + 4) * f->stride + 2 * COPIED;

	make_system(f, f->gram, f->item, n, items, values, a, x, scratch);
	dense_cholesky(a, f->dimension, f->stride);
	dense_solve(a, f->dimension, f->stride, x);
}

void
rec_fold_in(const RecFactors *f, int n, const int32_t *items, const float *values, float *x, float *scratch)
{
	fold_in(f, n, items, values, x, scratch);
}

void
rec_fold_in_solve(const RecFactors *f, float *z, const float *scratch)
{
	dense_solve(scratch + (size_t) (COPIED + 4) * f->stride + 2 * COPIED, f->dimension, f->stride, z);
}
