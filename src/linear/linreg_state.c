/*
 * linreg_state.c - what linear regression keeps of the rows: their cross products, or a triangle
 *
 * Few terms: the Gram matrix of (1, y, x) in double-double (num/gram.c), (terms + 2)(terms + 3) / 2 pairs of doubles.
 * Many terms: R of the QR factorisation of (1, x, y) (num/qr.c), a quarter of the memory an element and dgemm's speed.  A
 * state begins as what its number of terms asks for when the first rows come; a Gram matrix that outgrows its limit becomes
 * a triangle through its Cholesky factor (which keeps what the rows held: it is taken in double-double); a triangle stays one.
 *
 * Cost a row: (terms + 2)^2 / 2 products at half a nanosecond, or 2 (terms + 2)^2 operations at dgemm's speed.
 * Limits: |x|, |y| from 1e-140 to 1e150; LINREG_MAX_TERMS terms.
 */
#include <math.h>
#include <string.h>

#include "linreg_internal.h"
#include "num/chol.h"
#include "num/gram.h"
#include "num/qr.h"

#define QR_ROWS 1024			/* rows that go under the triangle at once */
#define MAX_ROWS 9007199254740992.0

static void
check_terms(EcmlCtx *ctx, int terms)
{
	if (terms >= 0 && terms <= LINREG_MAX_TERMS)
		return;
	ecml_detail(ctx, "There are %d terms; the limit is %d.", terms, LINREG_MAX_TERMS);
	ecml_hint(ctx, "Leave out features, or bin those with many categories.");
	ecml_fail(ctx, ECML_LIMIT_EXCEEDED, "too many terms for a linear regression");
}

LinregState *
linreg_new(EcmlCtx *ctx, int terms)
{
	LinregState *state;

	check_terms(ctx, terms);
	state = ECML_NEW0(ctx, LinregState, 1);
	state->terms = terms;
	return state;
}

int
linreg_terms(const LinregState *state)
{
	return state->terms;
}

double
linreg_rows(const LinregState *state)
{
	return state->rows;
}

/* Polled: it may take 128 MB, whose pages are touched here for the first time. */
static double *
new_triangle(EcmlCtx *ctx, int terms)
{
	size_t		m = (size_t) terms + 2;
	double	   *r = ECML_NEW(ctx, double, m * m);

	for (size_t c = 0; c < m; c++)
	{
		memset(r + c * m, 0, m * sizeof(double));
		if (c % 256 == 255)
			ecml_poll(ctx, 0, 0);
	}
	return r;
}

static void
begin(EcmlCtx *ctx, LinregState *state, LinregKind kind)
{
	if (kind == LINREG_TRIANGLE)
		state->r = new_triangle(ctx, state->terms);
	else
		state->gram = ECML_NEW0(ctx, EcmlDd, ECML_GRAM_SIZE(state->terms + 1));
	state->kind = kind;
}

/* The Gram matrix's number of the triangle's column c. */
static int
gram_column(int terms, int c)
{
	return c == 0 ? 0 : c == terms + 1 ? 1 : c + 1;
}

/* The triangle of a Gram matrix: its Cholesky factor; a dependent column has no diagonal element. */
static double *
triangle_of(EcmlCtx *ctx, const LinregState *state)
{
	int			m = state->terms + 2;
	EcmlDd	   *a = ECML_NEW0(ctx, EcmlDd, (size_t) m * m);
	double	   *floor = ECML_NEW(ctx, double, m);
	bool	   *drop = ECML_NEW(ctx, bool, m);
	double	   *r = new_triangle(ctx, state->terms);

	for (int i = 0; i < m; i++)
	{
		int			gi = gram_column(state->terms, i);

		for (int j = 0; j <= i; j++)
		{
			int			gj = gram_column(state->terms, j);

			a[(size_t) i * m + j] = state->gram[gj < gi ? ECML_GRAM(gj, gi) : ECML_GRAM(gi, gj)];
		}
		floor[i] = LINREG_GRAM_WHOLE * state->gram[ECML_GRAM(gi, gi)].hi;
	}
	ecml_chol_factor(a, m, floor, drop);
	for (int i = 0; i < m; i++)
		for (int j = 0; j <= i; j++)
			r[(size_t) i * m + j] = a[(size_t) i * m + j].hi;
	ecml_free(ctx, drop);
	ecml_free(ctx, floor);
	ecml_free(ctx, a);
	return r;
}

static void
to_triangle(EcmlCtx *ctx, LinregState *state)
{
	double	   *r = triangle_of(ctx, state);

	ecml_free(ctx, state->gram);
	state->gram = NULL;
	state->r = r;
	state->kind = LINREG_TRIANGLE;
}

void
linreg_grow(EcmlCtx *ctx, LinregState *state, int terms)
{
	check_terms(ctx, terms);
	if (terms <= state->terms)
		return;
	if (state->kind == LINREG_GRAM && terms > LINREG_GRAM_TERMS)
		to_triangle(ctx, state);
	if (state->kind == LINREG_GRAM)
	{
		EcmlDd	   *gram = ECML_NEW0(ctx, EcmlDd, ECML_GRAM_SIZE(terms + 1));

		memcpy(gram, state->gram, ECML_GRAM_SIZE(state->terms + 1) * sizeof(EcmlDd));
		ecml_free(ctx, state->gram);
		state->gram = gram;
	}
	else if (state->kind == LINREG_TRIANGLE)
	{
		size_t		from = (size_t) state->terms + 2;
		size_t		to = (size_t) terms + 2;
		double	   *r = new_triangle(ctx, terms);

		/* columns of 0 come before the target's, which keeps its rows: still a triangle */
		for (size_t c = 0; c < from; c++)
		{
			memcpy(r + (c == from - 1 ? to - 1 : c) * to, state->r + c * from, (c + 1) * sizeof(double));
			if (c % 256 == 255)
				ecml_poll(ctx, 0, 0);
		}
		ecml_free(ctx, state->r);
		state->r = r;
	}
	state->terms = terms;
}

/* Values must not have overflowed, nor been NaN or infinite. */
static void
check_finite(EcmlCtx *ctx, const LinregState *state)
{
	int			m = state->terms + 2;
	bool		finite = true;

	if (state->kind == LINREG_GRAM)
		for (int j = 0; j < m; j++)
			finite &= isfinite(state->gram[ECML_GRAM(j, j)].hi) && isfinite(state->gram[ECML_GRAM(j, j)].lo);
	else if (state->kind == LINREG_TRIANGLE)
		for (int j = 0; j < m; j++)
			for (int i = 0; i <= j; i++)
				finite &= isfinite(state->r[(size_t) j * m + i]);
	if (finite)
		return;
	ecml_detail(ctx, "The square of a value, or a sum of them, is beyond the range of double precision.");
	ecml_hint(ctx, "Use units that keep values below 1e150.");
	ecml_fail(ctx, ECML_DATA_EXCEPTION, "values are too large for a linear regression");
}

static void
absorb_gram(EcmlCtx *ctx, LinregState *state, const EcmlBlock *block)
{
	const double *columns[LINREG_GRAM_TERMS + 1];

	columns[0] = block->y;
	for (int j = 0; j < state->terms; j++)
		columns[1 + j] = ECML_BLOCK_F8(block, j);
	ecml_gram_add(ctx, state->gram, state->terms + 1, columns, block->w, block->rows);
}

/* rows values of v (NULL: ones), times the roots of the weights */
static void
copy_weighted(double *to, const double *v, const double *root, int rows)
{
	for (int i = 0; i < rows; i++)
		to[i] = (v ? v[i] : 1) * (root ? root[i] : 1);
}

static void
absorb_triangle(EcmlCtx *ctx, LinregState *state, const EcmlBlock *block)
{
	int			m = state->terms + 2;
	int			most = block->rows < QR_ROWS ? block->rows : QR_ROWS;
	double	   *b = ECML_NEW(ctx, double, (size_t) m * most);
	double	   *root = block->w ? ECML_NEW(ctx, double, most) : NULL;

	for (int first = 0; first < block->rows; first += most)
	{
		int			rows = block->rows - first < most ? block->rows - first : most;

		for (int i = 0; root && i < rows; i++)
			root[i] = sqrt(block->w[first + i]);
		copy_weighted(b, NULL, root, rows);
		for (int j = 0; j < state->terms; j++)
			copy_weighted(b + (size_t) (1 + j) * most, ECML_BLOCK_F8(block, j) + first, root, rows);
		copy_weighted(b + (size_t) (m - 1) * most, block->y + first, root, rows);
		ecml_qr_stack(ctx, state->r, m, m, b, rows, most);
	}
	ecml_free(ctx, root);
	ecml_free(ctx, b);
}

/* Count the rows, and take in their weights. */
static void
count_rows(EcmlCtx *ctx, LinregState *state, const EcmlBlock *block)
{
	if (block->w == NULL)
	{
		state->rows += block->rows;
		return;
	}
	for (int i = 0; i < block->rows; i++)
	{
		double		w = block->w[i];

		if (!(w >= 0) || isinf(w))
		{
			ecml_detail(ctx, "A row has the weight %g.", w);
			ecml_fail(ctx, ECML_DATA_EXCEPTION, "a weight must be 0 or greater, and finite");
		}
		if (w > 0)
		{
			state->rows++;
			state->log_weights = dd_add(state->log_weights, dd_from(log(w)));
		}
	}
}

void
linreg_absorb(EcmlCtx *ctx, LinregState *state, const EcmlBlock *block)
{
	if (block->rows <= 0)
		return;
	if (block->y == NULL)
		ecml_fail(ctx, ECML_INTERNAL, "linear regression without a target");
	count_rows(ctx, state, block);
	if (state->kind == LINREG_EMPTY)
		begin(ctx, state, state->terms > LINREG_GRAM_TERMS ? LINREG_TRIANGLE : LINREG_GRAM);
	if (state->kind == LINREG_GRAM)
		absorb_gram(ctx, state, block);
	else
		absorb_triangle(ctx, state, block);
	check_finite(ctx, state);
	if (block->rows >= QR_ROWS)
		ecml_poll(ctx, 0, 0);
}

static void
merge_gram(LinregState *state, const LinregState *source, const int *map)
{
	for (int j = 0; j <= source->terms + 1; j++)
	{
		int			tj = j >= 2 && map ? 2 + map[j - 2] : j;

		for (int i = 0; i <= j; i++)
		{
			int			ti = i >= 2 && map ? 2 + map[i - 2] : i;
			EcmlDd	   *sum = &state->gram[ti < tj ? ECML_GRAM(ti, tj) : ECML_GRAM(tj, ti)];

			*sum = dd_add(*sum, source->gram[ECML_GRAM(i, j)]);
		}
	}
}

/* The rows of the triangle r of `terms` terms go under ours. */
static void
merge_triangle(EcmlCtx *ctx, LinregState *state, const double *r, int terms, const int *map)
{
	int			m = state->terms + 2;
	int			n = terms + 2;
	int			most = n < QR_ROWS ? n : QR_ROWS;
	double	   *b = ECML_NEW(ctx, double, (size_t) m * most);

	for (int first = 0; first < n; first += most)
	{
		int			rows = n - first < most ? n - first : most;
		int			skip = map ? 0 : first;	/* these rows begin with as many zeros */

		memset(b, 0, (size_t) m * most * sizeof(double));
		for (int c = first; c < n; c++)
		{
			int			to = c == 0 ? 0 : c == n - 1 ? m - 1 : 1 + (map ? map[c - 1] : c - 1);
			int			filled = c + 1 - first < rows ? c + 1 - first : rows;

			memcpy(b + (size_t) to * most, r + (size_t) c * n + first, (size_t) filled * sizeof(double));
		}
		/* the target's column is the last of either, so none of what is skipped is its */
		ecml_qr_stack(ctx, state->r + (size_t) skip * (m + 1), m - skip, m, b + (size_t) skip * most, rows, most);
	}
	ecml_free(ctx, b);
}

/* map must send each term of the source to a term of ours, no two to the same. */
static void
check_map(EcmlCtx *ctx, const LinregState *state, const LinregState *source, const int *map)
{
	bool	   *taken = ECML_NEW0(ctx, bool, (size_t) state->terms + 1);

	for (int j = 0; j < source->terms; j++)
	{
		if (map[j] < 0 || map[j] >= state->terms || taken[map[j]])
			ecml_fail(ctx, ECML_INTERNAL, "terms of two regressions do not match");
		taken[map[j]] = true;
	}
	ecml_free(ctx, taken);
}

void
linreg_merge(EcmlCtx *ctx, LinregState *state, const LinregState *source, const int *map)
{
	if (map)
		check_map(ctx, state, source, map);
	else
		linreg_grow(ctx, state, source->terms > state->terms ? source->terms : state->terms);
	if (source->kind == LINREG_EMPTY)
		return;
	if (state->kind == LINREG_EMPTY)
		begin(ctx, state, state->terms > LINREG_GRAM_TERMS ? LINREG_TRIANGLE : source->kind);
	else if (state->kind == LINREG_GRAM && source->kind == LINREG_TRIANGLE)
		to_triangle(ctx, state);
	if (state->kind == LINREG_GRAM)
		merge_gram(state, source, map);
	else if (source->kind == LINREG_TRIANGLE)
		merge_triangle(ctx, state, source->r, source->terms, map);
	else
	{
		double	   *r = triangle_of(ctx, source);

		merge_triangle(ctx, state, r, source->terms, map);
		ecml_free(ctx, r);
	}
	state->rows += source->rows;
	state->log_weights = dd_add(state->log_weights, source->log_weights);
	check_finite(ctx, state);
}

LinregState *
linreg_state_copy(EcmlCtx *ctx, const LinregState *state)
{
	LinregState *copy = linreg_new(ctx, state->terms);
	size_t		m = (size_t) state->terms + 2;

	copy->rows = state->rows;
	copy->log_weights = state->log_weights;
	if (state->kind == LINREG_EMPTY)
		return copy;
	begin(ctx, copy, state->kind);
	if (state->kind == LINREG_GRAM)
		memcpy(copy->gram, state->gram, ECML_GRAM_SIZE(state->terms + 1) * sizeof(EcmlDd));
	else
		for (size_t c = 0; c < m; c++)
		{
			memcpy(copy->r + c * m, state->r + c * m, m * sizeof(double));
			if (c % 256 == 255)
				ecml_poll(ctx, 0, 0);
		}
	return copy;
}

size_t
linreg_state_size(const LinregState *state)
{
	size_t		elements = ECML_GRAM_SIZE(state->terms + 1);
	size_t		size = 1 + 4 + 3 * sizeof(double);

	if (state->kind == LINREG_GRAM)
		size += elements * 2 * sizeof(double);
	else if (state->kind == LINREG_TRIANGLE)
		size += elements * sizeof(double);
	return size;
}

void
linreg_state_write(EcmlWriter *w, const LinregState *state)
{
	size_t		m = (size_t) state->terms + 2;

	ecml_write_u8(w, (uint8_t) state->kind);
	ecml_write_u32(w, (uint32_t) state->terms);
	ecml_write_f8(w, state->rows);
	ecml_write_f8(w, state->log_weights.hi);
	ecml_write_f8(w, state->log_weights.lo);
	if (state->kind == LINREG_GRAM)
		ecml_write_f8s(w, &state->gram[0].hi, 2 * ECML_GRAM_SIZE(state->terms + 1));
	else if (state->kind == LINREG_TRIANGLE)
		for (size_t c = 0; c < m; c++)
			ecml_write_f8s(w, state->r + c * m, c + 1);
}

/* The elements must be pairs that double-double arithmetic could have made, the diagonal sums of squares. */
static void
read_gram(EcmlReader *r, LinregState *state)
{
	size_t		n = ECML_GRAM_SIZE(state->terms + 1);
	const uint8_t *bytes = ecml_read_bytes(r, n * sizeof(EcmlDd));

	begin(r->ctx, state, LINREG_GRAM);
	memcpy(state->gram, bytes, n * sizeof(EcmlDd));
	for (size_t i = 0; i < n; i++)
	{
		EcmlDd		v = state->gram[i];

		if (!isfinite(v.hi) || !isfinite(v.lo) || fabs(v.lo) > 0x1p-50 * fabs(v.hi))
			ecml_read_corrupted(r, "a sum of products is not a number");
	}
	for (int j = 0; j <= state->terms + 1; j++)
		if (state->gram[ECML_GRAM(j, j)].hi < 0)
			ecml_read_corrupted(r, "a sum of squares is negative");
}

static void
read_triangle(EcmlReader *r, LinregState *state)
{
	size_t		m = (size_t) state->terms + 2;

	if (ecml_read_left(r) < ECML_GRAM_SIZE(state->terms + 1) * sizeof(double))
		ecml_read_corrupted(r, "it ends too early");
	begin(r->ctx, state, LINREG_TRIANGLE);
	for (size_t c = 0; c < m; c++)
		for (size_t i = 0; i <= c; i++)
			state->r[c * m + i] = ecml_read_finite(r);
}

LinregState *
linreg_state_read(EcmlReader *r)
{
	LinregState *state = ECML_NEW0(r->ctx, LinregState, 1);
	LinregKind	kind = ecml_read_u8(r);

	state->terms = (int) ecml_read_u32_in(r, 0, LINREG_MAX_TERMS);
	state->rows = ecml_read_finite(r);
	state->log_weights.hi = ecml_read_finite(r);
	state->log_weights.lo = ecml_read_finite(r);
	if (state->rows < 0 || state->rows > MAX_ROWS || state->rows != floor(state->rows))
		ecml_read_corrupted(r, "the number of rows is impossible");
	if (kind == LINREG_EMPTY && state->rows == 0)
		return state;
	if (kind == LINREG_GRAM && state->terms <= LINREG_GRAM_TERMS)
		read_gram(r, state);
	else if (kind == LINREG_TRIANGLE)
		read_triangle(r, state);
	else
		ecml_read_corrupted(r, "the kind of state is unknown");
	return state;
}
