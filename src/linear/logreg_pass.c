/*
 * logreg_pass.c - passes over the rows: deviance, gradient, Hessian at given parameters
 *
 * Rows are worked on in chunks of ECML_CHUNK_ROWS, which are centred and scaled into the second cache; there they give their
 * margins, probabilities, residuals, gradient, and products.  A task is a block of rows; what it sums up is added in the order
 * of the blocks.  With more than LOGREG_FUSED parameters a matrix for each task would be too much: then the chunks of one
 * block are prepared by tasks, and after that tasks own squares of the matrix.
 *
 * Cost of a pass, in rows n, parameters p: 6 n p flops, n p^2 more with a Hessian (by vectors / 2 for several).
 */
#include "logreg_internal.h"

#include <math.h>
#include <string.h>

#include "num/vmath.h"

#define CHUNKS (ECML_BLOCK_ROWS / ECML_CHUNK_ROWS)	/* of a block */
#define STRIDE ECML_CHUNK_STRIDE
#define PART LOGREG_PART
#define SLOTS_BYTES ((size_t) 16 << 20)	/* for the sums of tasks, about */
#define FEW_TERMS 64			/* with fewer, four columns are read at once */
#define SQUARE 96				/* rows and columns of the matrix that a task owns */

/* A chunk under way; all arrays are columns of STRIDE. */
typedef struct LogregChunk
{
	double	   *z;				/* [size] */
	double	   *margin;			/* [vectors]; then the residuals */
	double	   *p;				/* [vectors] probabilities */
	double	   *w;				/* weights, with those of the classes; 0 past the last row */
	double	   *repeats;		/* 1 / the weights without them */
	double	   *y;
	double	   *d;				/* scratch */
	double	   *scratch;		/* of cross, of doubles or floats */
	float	   *rounded;		/* d */
} Chunk;

typedef struct Pass
{
	const LogregProblem *p;
	const double *theta;
	int			what;
	int			step;
	int			pairs;			/* of vectors: matrices of [size][size] */
	EcmlBlock  *blocks;
	size_t		first;			/* number of blocks[0] */
	size_t		slot;			/* doubles */
	double	   *slots;
	Chunk	   *chunks;			/* of the workers; or of one block */
	double	   *matrix;			/* [pairs][size][size] */
	int			squares;		/* wide: tasks of a pair */
} Pass;

/* ---------------------------------------------------------------- a chunk */

static void
make_chunk(const LogregProblem *p, Chunk *chunk)
{
	EcmlCtx    *ctx = p->ctx;

	chunk->z = ECML_NEW0(ctx, double, (size_t) p->size * STRIDE);
	chunk->margin = ECML_NEW0(ctx, double, (size_t) p->vectors * STRIDE);
	chunk->p = ECML_NEW0(ctx, double, (size_t) p->vectors * STRIDE);
	chunk->w = ECML_NEW0(ctx, double, STRIDE);
	chunk->repeats = ECML_NEW0(ctx, double, STRIDE);
	chunk->y = ECML_NEW0(ctx, double, STRIDE);
	chunk->d = ECML_NEW0(ctx, double, STRIDE);
	chunk->scratch = ECML_NEW(ctx, double, ECML_CROSS_SCRATCH);
	chunk->rounded = ECML_NEW(ctx, float, STRIDE);
	if (p->params->intercept)
		for (int r = 0; r < ECML_CHUNK_ROWS; r++)
			chunk->z[r] = 1;
}

static void
free_chunk(const LogregProblem *p, Chunk *chunk)
{
	ecml_free(p->ctx, chunk->z);
	ecml_free(p->ctx, chunk->margin);
	ecml_free(p->ctx, chunk->p);
	ecml_free(p->ctx, chunk->w);
	ecml_free(p->ctx, chunk->repeats);
	ecml_free(p->ctx, chunk->y);
	ecml_free(p->ctx, chunk->d);
	ecml_free(p->ctx, chunk->scratch);
	ecml_free(p->ctx, chunk->rounded);
}

/*
 * z = (x - shift) * factor for one column, and 0 past the last row; margin += coefficient * z.  next: the column after it, whose
 * rows are asked for meanwhile: columns lie on pages of their own, and what fetches ahead by itself begins anew on each.
 */
ECML_CLONES static void
load_column(const double *x, const double *next, int rows, double shift, double factor, double coefficient, double *z,
			double *margin)
{
	int			r = 0;

	for (; r + 64 <= rows; r += 64)
	{
		for (int line = 0; line < 64; line += 8)
			__builtin_prefetch(next + r + line);
#pragma omp simd
		for (int i = r; i < r + 64; i++)
		{
			z[i] = (x[i] - shift) * factor;
			margin[i] += coefficient * z[i];
		}
	}
	for (; r < rows; r++)
	{
		z[r] = (x[r] - shift) * factor;
		margin[r] += coefficient * z[r];
	}
	for (; r < ECML_CHUNK_ROWS; r++)
		z[r] = 0;
}

/* The same from pairs of floats. */
ECML_CLONES static void
load_pairs(const float *high, const float *low, double coefficient, double *z, double *margin)
{
#pragma omp simd
	for (int r = 0; r < ECML_CHUNK_ROWS; r++)
	{
		z[r] = (double) high[r] + low[r];
		margin[r] += coefficient * z[r];
	}
}

ECML_CLONES static void
add_column(const double *z, double coefficient, double *margin)
{
#pragma omp simd
	for (int r = 0; r < ECML_CHUNK_ROWS; r++)
		margin[r] += coefficient * z[r];
}

/* Four columns at once: the margins are loaded and stored once for all of them. */
ECML_CLONES static void
load_columns(const double *const *x, int rows, const double *shift, const double *factor, const double *coefficient, double *z,
			 double *margin)
{
	const double *x0 = x[0];
	const double *x1 = x[1];
	const double *x2 = x[2];
	const double *x3 = x[3];
	double	   *z1 = z + STRIDE;
	double	   *z2 = z + 2 * STRIDE;
	double	   *z3 = z + 3 * STRIDE;

#pragma omp simd
	for (int r = 0; r < rows; r++)
	{
		z[r] = (x0[r] - shift[0]) * factor[0];
		z1[r] = (x1[r] - shift[1]) * factor[1];
		z2[r] = (x2[r] - shift[2]) * factor[2];
		z3[r] = (x3[r] - shift[3]) * factor[3];
		margin[r] += (coefficient[0] * z[r] + coefficient[1] * z1[r]) + (coefficient[2] * z2[r] + coefficient[3] * z3[r]);
	}
	for (int column = 0; column < 4 && rows < ECML_CHUNK_ROWS; column++)
		memset(z + (size_t) column * STRIDE + rows, 0, (ECML_CHUNK_ROWS - rows) * sizeof(double));
}

ECML_CLONES static double
sum_column(const double *v, int rows)
{
	double		sum = 0;

#pragma omp simd reduction(+:sum)
	for (int r = 0; r < rows; r++)
		sum += v[r];
	return sum;
}

/* Weights of rows of two classes. */
ECML_CLONES static void
weigh_two(const double *y, const double *weight, int rows, double first, double second, double *w)
{
	if (weight == NULL)
#pragma omp simd
		for (int r = 0; r < rows; r++)
			w[r] = y[r] != 0 ? second : first;
	else
#pragma omp simd
		for (int r = 0; r < rows; r++)
			w[r] = weight[r] * (y[r] != 0 ? second : first);
}

/* Rows from .. of a block: w, y, and margins without the terms. */
static void
begin_chunk(const Pass *pass, const EcmlBlock *block, int from, int rows, Chunk *chunk)
{
	const LogregProblem *p = pass->p;
	const double *weight = block->w ? block->w + from : NULL;

	memcpy(chunk->y, block->y + from, rows * sizeof(double));
	if (rows < ECML_CHUNK_ROWS)
	{
		memset(chunk->w, 0, ECML_CHUNK_ROWS * sizeof(double));
		memset(chunk->y + rows, 0, (ECML_CHUNK_ROWS - rows) * sizeof(double));
	}
	if (p->task->classes == 2)
		weigh_two(chunk->y, weight, rows, p->class_weight[0], p->class_weight[1], chunk->w);
	else
		for (int r = 0; r < rows; r++)
			chunk->w[r] = (weight ? weight[r] : 1) * p->class_weight[(int) chunk->y[r]];
	for (int r = 0; (pass->what & LOGREG_MEAT) && r < rows; r++)
		chunk->repeats[r] = weight == NULL ? 1 : weight[r] > 0 ? 1 / weight[r] : 0;
	for (int v = 0; v < p->vectors; v++)
	{
		double	   *margin = chunk->margin + (size_t) v * STRIDE;
		double		start = p->params->intercept ? pass->theta[(size_t) v * p->size] : 0;

		for (int r = 0; r < ECML_CHUNK_ROWS; r++)
			margin[r] = start;
	}
	if (p->task->offset >= 0)
		for (int r = 0; r < rows; r++)
			chunk->margin[r] += ECML_BLOCK_F8(block, p->task->offset)[from + r];
}

/* How many rows a chunk has that begins at row from. */
static int
chunk_rows(const EcmlBlock *block, int from)
{
	return block->rows - from < ECML_CHUNK_ROWS ? block->rows - from : ECML_CHUNK_ROWS;
}

/* Rows from .. of a block: z, w, y and margins. */
static void
load_chunk(const Pass *pass, const EcmlBlock *block, int from, Chunk *chunk, int worker)
{
	const LogregProblem *p = pass->p;
	const double *theta = pass->theta;
	int			rows = chunk_rows(block, from);
	int			base = p->params->intercept ? 1 : 0;
	int			j = 0;

	begin_chunk(pass, block, from, rows, chunk);
	if (p->scratch->kept)
	{
		LogregFloats floats = logreg_floats_of(p, LOGREG_PAIRS, block, from, worker);

		for (; j < p->used; j++)
			load_pairs(floats.high + (size_t) j * ECML_CHUNK_ROWS, floats.low + (size_t) j * ECML_CHUNK_ROWS, theta[base + j],
					   chunk->z + (size_t) (base + j) * STRIDE, chunk->margin);
	}
	for (; p->used < FEW_TERMS && j + 4 <= p->used; j += 4)
	{
		const double *x[4];
		double		shift[4];
		double		factor[4];

		for (int k = 0; k < 4; k++)
		{
			int			c = p->column[j + k];

			x[k] = ECML_BLOCK_F8(block, c) + from;
			shift[k] = base ? p->mean[c] : 0;
			factor[k] = 1 / p->deviation[c];
		}
		load_columns(x, rows, shift, factor, theta + base + j, chunk->z + (size_t) (base + j) * STRIDE, chunk->margin);
	}
	for (; j < p->used; j++)
	{
		int			c = p->column[j];
		int			next = p->column[j + 1 < p->used ? j + 1 : j];

		load_column(ECML_BLOCK_F8(block, c) + from, ECML_BLOCK_F8(block, next) + from, rows, base ? p->mean[c] : 0,
					1 / p->deviation[c], theta[base + j], chunk->z + (size_t) (base + j) * STRIDE, chunk->margin);
	}
	for (int v = 1; v < p->vectors; v++)
		for (int i = base; i < p->size; i++)
			add_column(chunk->z + (size_t) i * STRIDE, theta[(size_t) v * p->size + i], chunk->margin + (size_t) v * STRIDE);
}

/* Two classes: margins become residuals w (p - y); sums: value, weight, correct. */
ECML_CLONES static void
binary(double *margin, double *p, const double *w, const double *y, int rows, double *sums)
{
	double		value = 0;
	double		weight = 0;
	double		correct = 0;

#pragma omp simd reduction(+:value, weight, correct)
	for (int r = 0; r < rows; r++)
	{
		double		eta = margin[r];
		double		e = ecml_vexp(-fabs(eta));
		double		t = 1 / (1 + e);
		double		one = eta >= 0 ? t : e * t;
		double		other = eta >= 0 ? e * t : t;

		value += w[r] * (ecml_vlog1p(e) + (eta > 0 ? eta * (1 - y[r]) : -eta * y[r]));
		weight += w[r];
		correct += (eta >= 0) == (y[r] != 0) ? w[r] : 0;
		margin[r] = w[r] * (y[r] != 0 ? -other : one);
		p[r] = one;
	}
	sums[0] += value;
	sums[1] += weight;
	sums[2] += correct;
}

/* More classes; first: the class of the first vector. */
ECML_CLONES static void
multinomial(double *margin, double *p, const double *w, const double *y, int vectors, int first, double *top, double *sums)
{
	double		winner[ECML_CHUNK_ROWS];
	double		own[ECML_CHUNK_ROWS];	/* margin of the row's class */
	double		sum[ECML_CHUNK_ROWS];
	double		value = 0;
	double		weight = 0;
	double		correct = 0;

	for (int r = 0; r < ECML_CHUNK_ROWS; r++)
	{
		top[r] = first > 0 ? 0 : -INFINITY;
		winner[r] = own[r] = 0;
	}
	for (int v = 0; v < vectors; v++)
	{
		const double *m = margin + (size_t) v * STRIDE;
		double		class = first + v;

#pragma omp simd
		for (int r = 0; r < ECML_CHUNK_ROWS; r++)
		{
			winner[r] = m[r] > top[r] ? class : winner[r];
			top[r] = m[r] > top[r] ? m[r] : top[r];
			own[r] = y[r] == class ? m[r] : own[r];
		}
	}
#pragma omp simd
	for (int r = 0; r < ECML_CHUNK_ROWS; r++)
		sum[r] = first > 0 ? ecml_vexp(-top[r]) : 0;
	for (int v = 0; v < vectors; v++)
	{
		const double *m = margin + (size_t) v * STRIDE;
		double	   *e = p + (size_t) v * STRIDE;

#pragma omp simd
		for (int r = 0; r < ECML_CHUNK_ROWS; r++)
		{
			e[r] = ecml_vexp(m[r] - top[r]);
			sum[r] += e[r];
		}
	}
#pragma omp simd reduction(+:value, weight, correct)
	for (int r = 0; r < ECML_CHUNK_ROWS; r++)
	{
		value += w[r] * (ecml_vlog(sum[r]) + top[r] - own[r]);
		weight += w[r];
		correct += winner[r] == y[r] ? w[r] : 0;
		sum[r] = 1 / sum[r];
	}
	for (int v = 0; v < vectors; v++)
	{
		double	   *m = margin + (size_t) v * STRIDE;
		double	   *e = p + (size_t) v * STRIDE;
		double		class = first + v;

#pragma omp simd
		for (int r = 0; r < ECML_CHUNK_ROWS; r++)
		{
			e[r] *= sum[r];
			m[r] = w[r] * (e[r] - (y[r] == class ? 1 : 0));
		}
	}
	sums[0] += value;
	sums[1] += weight;
	sums[2] += correct;
}

/* Margins become probabilities and residuals. */
static void
judge_chunk(const LogregProblem *p, Chunk *chunk, double *sums)
{
	if (p->task->classes == 2)
		binary(chunk->margin, chunk->p, chunk->w, chunk->y, ECML_CHUNK_ROWS, sums);
	else
		multinomial(chunk->margin, chunk->p, chunk->w, chunk->y, p->vectors, p->symmetric ? 0 : 1, chunk->d, sums);
}

/* What multiplies z z' in the matrix of a pair of vectors. */
ECML_CLONES static void
factors(const Chunk *chunk, int what, int a, int b, double *d)
{
	const double *w = chunk->w;
	const double *pa = (what & LOGREG_MEAT ? chunk->margin : chunk->p) + (size_t) a * STRIDE;
	const double *pb = (what & LOGREG_MEAT ? chunk->margin : chunk->p) + (size_t) b * STRIDE;

	if (what & LOGREG_GRAM)
		memcpy(d, w, ECML_CHUNK_ROWS * sizeof(double));
	else if (what & LOGREG_MEAT)
#pragma omp simd
		for (int r = 0; r < ECML_CHUNK_ROWS; r++)
			d[r] = pa[r] * pb[r] * chunk->repeats[r];	/* a weight stands for so many rows */
	else if (a == b)
#pragma omp simd
		for (int r = 0; r < ECML_CHUNK_ROWS; r++)
			d[r] = w[r] * pa[r] * (1 - pa[r]);
	else
#pragma omp simd
		for (int r = 0; r < ECML_CHUNK_ROWS; r++)
			d[r] = -w[r] * pa[r] * pb[r];
}

/* ---------------------------------------------------------------- tasks */

/* Pairs a >= b of vectors are numbered 0: (0, 0), 1: (1, 0), 2: (1, 1), ... */
static void
pair_of(int number, int *a, int *b)
{
	*a = (int) ((sqrt(8.0 * number + 1) - 1) / 2);
	while ((*a + 1) * (*a + 2) / 2 <= number)
		(*a)++;
	while (*a * (*a + 1) / 2 > number)
		(*a)--;
	*b = number - *a * (*a + 1) / 2;
}

/* One chunk of every step takes part, each time another one of them. */
static bool
takes_part(const Pass *pass, size_t chunk)
{
	size_t		step = pass->step;

	return step <= 1 || chunk % step == (chunk / step * 3 + 1) % step;
}

/* The Hessian of the chunk's floats. */
static void
floats_hessian(const Pass *pass, const LogregFloats *z, Chunk *chunk, double *matrix)
{
	const LogregProblem *p = pass->p;
	int			base = p->params->intercept ? 1 : 0;
	double		first[LOGREG_FUSED] = {0};	/* column of the matrix: the constant has no floats */

	factors(chunk, pass->what, 0, 0, chunk->d);
	for (int r = 0; r < ECML_CHUNK_ROWS; r++)
		chunk->rounded[r] = (float) chunk->d[r];
	p->cross->rounded(z->high, p->used, chunk->rounded, (float *) chunk->scratch, matrix + (size_t) base * p->size + base, p->size,
					  first);
	if (base)
		matrix[0] += sum_column(chunk->d, ECML_CHUNK_ROWS);
	for (int j = 0; base && j < p->used; j++)
		matrix[(size_t) (1 + j) * p->size] += first[j];
}

/* A chunk by its floats, of two classes.  Parts are as small as stay in the second cache from the margins to the gradient. */
static void
work_floats(const Pass *pass, const EcmlBlock *block, int from, Chunk *chunk, int worker, double *slot)
{
	const LogregProblem *p = pass->p;
	LogregFloats z = logreg_floats_of(p, pass->what, block, from, worker);
	bool		pairs = pass->what & LOGREG_PAIRS;
	int			base = p->params->intercept ? 1 : 0;

	begin_chunk(pass, block, from, chunk_rows(block, from), chunk);
	for (int at = 0; at < ECML_CHUNK_ROWS && !(pass->what & LOGREG_GRAM); at += PART)
	{
		double	   *margin = chunk->margin + at;

		logreg_float_margins(&z, pairs, at, p->used, pass->theta + base, margin);
		binary(margin, chunk->p + at, chunk->w + at, chunk->y + at, PART, slot);
		if (base)
			slot[3] += sum_column(margin, PART);
		logreg_float_gradient(&z, pairs, at, p->used, margin, slot + 3 + base);
	}
	if (pass->what & (LOGREG_HESSIAN | LOGREG_GRAM))
		floats_hessian(pass, &z, chunk, slot + 3 + p->total);
}

/* The chunk's value and gradient into a slot. */
static void
work_chunk(const Pass *pass, const EcmlBlock *block, int from, Chunk *chunk, int worker, double *slot)
{
	const LogregProblem *p = pass->p;

	load_chunk(pass, block, from, chunk, worker);
	if (!(pass->what & LOGREG_GRAM))
		judge_chunk(p, chunk, slot);
	if (pass->what & LOGREG_GRADIENT)
		p->cross->dense(chunk->margin, p->vectors, chunk->z, p->size, slot + 3, p->size);
}

static bool
block_takes_part(const Pass *pass, size_t i)
{
	for (int c = 0; c * ECML_CHUNK_ROWS < pass->blocks[i].rows; c++)
		if (takes_part(pass, (pass->first + i) * CHUNKS + c))
			return true;
	return false;
}

static void
block_task(void *arg, size_t i, int worker)
{
	const Pass *pass = arg;
	const LogregProblem *p = pass->p;
	const EcmlBlock *block = &pass->blocks[i];
	Chunk	   *chunk = &pass->chunks[worker];
	double	   *slot = pass->slots + i * pass->slot;

	if (!block_takes_part(pass, i))
		return;
	memset(slot, 0, pass->slot * sizeof(double));
	for (int c = 0; c * ECML_CHUNK_ROWS < block->rows; c++)
	{
		double	   *matrix = slot + 3 + p->total;

		if (!takes_part(pass, (pass->first + i) * CHUNKS + c))
			continue;
		if (pass->what & LOGREG_FLOATS)
		{
			work_floats(pass, block, c * ECML_CHUNK_ROWS, chunk, worker, slot);
			continue;
		}
		work_chunk(pass, block, c * ECML_CHUNK_ROWS, chunk, worker, slot);
		for (int pair = 0; pair < pass->pairs; pair++)
		{
			int			a;
			int			b;

			pair_of(pair, &a, &b);
			factors(chunk, pass->what, a, b, chunk->d);
			p->cross->weighted(chunk->z, chunk->d, chunk->scratch, 0, p->size, 0, p->size,
							   matrix + (size_t) pair * p->size * p->size, p->size);
		}
	}
}

/* Wide: a chunk of the one block. */
static void
chunk_task(void *arg, size_t i, int worker)
{
	const Pass *pass = arg;
	double	   *slot = pass->slots + i * pass->slot;

	memset(slot, 0, pass->slot * sizeof(double));
	if (takes_part(pass, pass->first * CHUNKS + i))
		work_chunk(pass, pass->blocks, (int) i * ECML_CHUNK_ROWS, &pass->chunks[i], worker, slot);
}

/* Wide: a square of the matrix, over the chunks of the block.  The scratch is that of chunk number worker's own. */
static void
square_task(void *arg, size_t i, int worker)
{
	const Pass *pass = arg;
	const LogregProblem *p = pass->p;
	Chunk	   *own = &pass->chunks[CHUNKS + worker];
	int			size = p->size;
	int			across = (size + SQUARE - 1) / SQUARE;
	int			pair = (int) (i / pass->squares);
	int			row;
	int			column;
	int			a;
	int			b;

	pair_of(pair, &a, &b);
	pair_of((int) (i % pass->squares), &row, &column);
	if (row >= across)
		return;
	for (int c = 0; c * ECML_CHUNK_ROWS < pass->blocks->rows; c++)
	{
		const Chunk *chunk = &pass->chunks[c];
		int			first = row * SQUARE;
		int			from = column * SQUARE;

		if (!takes_part(pass, pass->first * CHUNKS + c))
			continue;
		factors(chunk, pass->what, a, b, own->d);
		p->cross->weighted(chunk->z, own->d, own->scratch, first, size - first < SQUARE ? size - first : SQUARE,
						   from, size - from < SQUARE ? size : from + SQUARE,
						   pass->matrix + ((size_t) pair * size + first) * size + from, size);
	}
}

/* ---------------------------------------------------------------- passes */

LogregSums *
logreg_sums(const LogregProblem *p, bool matrix)
{
	LogregSums *sums = ECML_NEW0(p->ctx, LogregSums, 1);

	sums->gradient = ECML_NEW0(p->ctx, double, p->total);
	if (matrix)
		sums->matrix = ECML_NEW(p->ctx, double, (size_t) p->total * p->total);
	return sums;
}

/* The matrices of the pairs (rows of lower triangles) as one, column-major, upper triangle. */
static void
assemble(const LogregProblem *p, const double *pairs, double *matrix)
{
	int			size = p->size;
	size_t		ld = p->total;

	for (int a = 0; a < p->vectors; a++)
		for (int b = 0; b <= a; b++)
		{
			const double *s = pairs + ((size_t) a * (a + 1) / 2 + b) * size * size;

			for (int i = 0; i < size; i++)
			{
				double	   *column = matrix + ((size_t) a * size + i) * ld + (size_t) b * size;

				for (int j = 0; j <= i; j++)
					column[j] = s[(size_t) i * size + j];
				for (int j = i + 1; a > b && j < size; j++)
					column[j] = s[(size_t) j * size + i];
			}
			ecml_poll(p->ctx, 0, 0);
		}
}

ECML_CLONES static void
add(double *to, const double *from, int n)
{
#pragma omp simd
	for (int i = 0; i < n; i++)
		to[i] += from[i];
}

/* A slot's sums. */
static void
add_slot(const LogregProblem *p, const double *slot, LogregSums *sums)
{
	sums->value += slot[0];
	sums->weight += slot[1];
	sums->correct += slot[2];
	add(sums->gradient, slot + 3, p->total);
}

/* And its matrices, of which what lies past the diagonal is not looked at. */
static void
add_matrices(const LogregProblem *p, const Pass *pass, const double *slot)
{
	const double *from = slot + 3 + p->total;

	for (size_t row = 0; row < (size_t) pass->pairs * p->size; row++)
		add(pass->matrix + row * p->size, from + row * p->size, (int) (row % p->size) + 1);
}

/* Chunks for workers, and slots, those of the pass before if they fit: fresh memory costs more than some passes. */
static void
reuse(const LogregProblem *p, int workers, size_t slots)
{
	EcmlCtx    *ctx = p->ctx;
	LogregScratch *scratch = p->scratch;

	if (scratch->nchunks < workers || scratch->size != p->size || scratch->vectors != p->vectors)
	{
		for (int i = 0; i < scratch->nchunks; i++)
			free_chunk(p, &scratch->chunks[i]);
		ecml_free(ctx, scratch->chunks);
		scratch->chunks = ECML_NEW(ctx, Chunk, workers);
		scratch->size = p->size;
		scratch->vectors = p->vectors;
		for (scratch->nchunks = 0; scratch->nchunks < workers; scratch->nchunks++)
			make_chunk(p, &scratch->chunks[scratch->nchunks]);
	}
	if (scratch->nslots < slots)
	{
		ecml_free(ctx, scratch->slots);
		scratch->slots = ECML_NEW(ctx, double, slots);
		scratch->nslots = slots;
	}
}

static void
narrow_pass(Pass *pass, LogregSums *sums)
{
	const LogregProblem *p = pass->p;
	EcmlCtx    *ctx = p->ctx;
	size_t		group = SLOTS_BYTES / (pass->slot * sizeof(double));
	int			workers;
	size_t		got;

	group = group < 4 ? 4 : group > ECML_FETCH ? ECML_FETCH : group;
	group = group < p->data->nblocks ? group : p->data->nblocks;
	workers = ecml_workers(ctx, group);
	reuse(p, workers, group * pass->slot);
	pass->slots = p->scratch->slots;
	pass->chunks = p->scratch->chunks;
	for (size_t b = 0; b < p->data->nblocks; b += got)
	{
		got = ecml_data_fetch(ctx, p->data, b, pass->blocks, group);
		pass->first = b;
		ecml_parallel_for(ctx, got, block_task, pass);
		for (size_t i = 0; i < got; i++)
			if (block_takes_part(pass, i))
			{
				add_slot(p, pass->slots + i * pass->slot, sums);
				add_matrices(p, pass, pass->slots + i * pass->slot);
			}
	}
}

static void
wide_pass(Pass *pass, LogregSums *sums)
{
	const LogregProblem *p = pass->p;
	EcmlCtx    *ctx = p->ctx;
	int			across = (p->size + SQUARE - 1) / SQUARE;
	size_t		tasks;
	int			workers;

	pass->squares = across * (across + 1) / 2;
	tasks = (size_t) pass->pairs * pass->squares;
	workers = ecml_workers(ctx, tasks);
	pass->slot = 3 + p->total;
	pass->slots = ECML_NEW(ctx, double, CHUNKS * pass->slot);
	/* chunks of the block, then one for each worker's scratch */
	pass->chunks = ECML_NEW(ctx, Chunk, CHUNKS + workers);
	for (int i = 0; i < CHUNKS; i++)
		make_chunk(p, &pass->chunks[i]);
	for (int i = 0; i < workers; i++)
	{
		Chunk	   *chunk = &pass->chunks[CHUNKS + i];

		memset(chunk, 0, sizeof(Chunk));
		chunk->d = ECML_NEW0(ctx, double, STRIDE);
		chunk->scratch = ECML_NEW(ctx, double, ECML_CROSS_SCRATCH);
	}
	for (size_t b = 0; b < p->data->nblocks; b++)
	{
		size_t		chunks;

		(void) ecml_data_fetch(ctx, p->data, b, pass->blocks, 1);
		pass->first = b;
		chunks = (pass->blocks->rows + ECML_CHUNK_ROWS - 1) / ECML_CHUNK_ROWS;
		ecml_parallel_for(ctx, chunks, chunk_task, pass);
		for (size_t i = 0; i < chunks; i++)
			add_slot(p, pass->slots + i * pass->slot, sums);
		ecml_parallel_for(ctx, tasks, square_task, pass);
	}
	for (int i = 0; i < CHUNKS; i++)
		free_chunk(p, &pass->chunks[i]);
	for (int i = 0; i < workers; i++)
	{
		ecml_free(ctx, pass->chunks[CHUNKS + i].d);
		ecml_free(ctx, pass->chunks[CHUNKS + i].scratch);
	}
	ecml_free(ctx, pass->slots);
	ecml_free(ctx, pass->chunks);
}

void
logreg_pass(const LogregProblem *p, const double *theta, int what, int step, LogregSums *sums)
{
	EcmlCtx    *ctx = p->ctx;
	EcmlBlock	blocks[ECML_FETCH];
	Pass		pass = {.p = p,.theta = theta,.what = what,.step = step,.blocks = blocks};
	size_t		square = (size_t) p->size * p->size;
	bool		matrix = what & (LOGREG_HESSIAN | LOGREG_MEAT | LOGREG_GRAM);
	bool		one = p->vectors == 1 || (what & LOGREG_GRAM);

	if (matrix)
		pass.pairs = one ? 1 : p->vectors * (p->vectors + 1) / 2;
	sums->value = sums->weight = sums->correct = 0;
	memset(sums->gradient, 0, p->total * sizeof(double));
	/* the rows of the lower triangle of one pair are the columns of the upper one */
	pass.matrix = !matrix ? NULL : one ? sums->matrix : ECML_NEW(ctx, double, pass.pairs * square);
	if (matrix)
		memset(pass.matrix, 0, pass.pairs * square * sizeof(double));
	pass.slot = 3 + p->total + pass.pairs * square;
	if (matrix && (p->total > LOGREG_FUSED || pass.pairs * square > LOGREG_FUSED * LOGREG_FUSED))
		wide_pass(&pass, sums);
	else
		narrow_pass(&pass, sums);
	p->scratch->kept |= (what & LOGREG_KEEP) != 0;
	if (matrix && !one)
	{
		assemble(p, pass.matrix, sums->matrix);
		ecml_free(ctx, pass.matrix);
	}
}
