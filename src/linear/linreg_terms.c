/*
 * linreg_terms.c - looking at, and adding up, terms of a state: what imputation after the fact needs
 */
#include <string.h>

#include "linreg_internal.h"
#include "num/gram.h"
#include "num/qr.h"

double
linreg_sum(const LinregState *state, int term)
{
	size_t		m = (size_t) state->terms + 2;

	if (state->kind == LINREG_GRAM)
		return state->gram[term < 0 ? ECML_GRAM(0, 0) : ECML_GRAM(0, 2 + term)].hi;
	if (state->kind == LINREG_TRIANGLE)
		/* the first column is the constant's: its row times another column is that column's sum */
		return state->r[0] * state->r[(size_t) (1 + term) * m];
	return 0;
}

double
linreg_variance(const LinregState *state, int term)
{
	size_t		m = (size_t) state->terms + 2;
	double		weight = linreg_sum(state, -1);
	double		variance = 0;

	if (!(weight > 0))
		return 0;
	if (state->kind == LINREG_GRAM)
	{
		EcmlDd		sum = state->gram[ECML_GRAM(0, 2 + term)];
		EcmlDd		square = state->gram[ECML_GRAM(2 + term, 2 + term)];

		variance = dd_sub(square, dd_div(dd_mul(sum, sum), state->gram[ECML_GRAM(0, 0)])).hi / weight;
	}
	else if (state->kind == LINREG_TRIANGLE)
		for (int i = 1; i <= 1 + term; i++)
		{
			double		v = state->r[(size_t) (1 + term) * m + i];

			variance += v * v / weight;
		}
	return variance > 0 ? variance : 0;
}

static EcmlDd *
element(LinregState *state, int i, int j)
{
	return &state->gram[i < j ? ECML_GRAM(i, j) : ECML_GRAM(j, i)];
}

/* to += factor * from, as a row and as a column of the Gram matrix */
static void
add_gram(LinregState *state, int to, int from, double factor)
{
	EcmlDd		f = dd_from(factor);

	for (int c = 0; c < state->terms + 2; c++)
		if (c != to)
			*element(state, to, c) = dd_add(*element(state, to, c), dd_mul(f, *element(state, from, c)));
	/* (to + f from)^2 = to^2 + f from to + f from (to + f from), and the last product stands there already */
	{
		EcmlDd		whole = *element(state, from, to);
		EcmlDd		half = dd_sub(whole, dd_mul(f, *element(state, from, from)));
		EcmlDd	   *square = element(state, to, to);

		*square = dd_add(*square, dd_mul(f, dd_add(half, whole)));
	}
}

/* The column changes, and what is then below the diagonal is rotated away. */
static void
add_triangle(EcmlCtx *ctx, LinregState *state, int to, int from, double factor)
{
	int			m = state->terms + 2;
	double	   *r = state->r;
	double	   *b = ECML_NEW(ctx, double, (size_t) m * m);

	for (int i = 0; i < m; i++)
		r[(size_t) to * m + i] += factor * r[(size_t) from * m + i];
	for (int c = 0; c < m; c++)
	{
		memcpy(b + (size_t) c * m, r + (size_t) c * m, m * sizeof(double));
		memset(r + (size_t) c * m, 0, m * sizeof(double));
		if (c % 256 == 255)
			ecml_poll(ctx, 0, 0);
	}
	ecml_qr_stack(ctx, r, m, m, b, m, m);
	ecml_free(ctx, b);
}

void
linreg_add_term(EcmlCtx *ctx, LinregState *state, int to, int from, double factor)
{
	if (state->kind == LINREG_GRAM)
		add_gram(state, 2 + to, 2 + from, factor);
	else if (state->kind == LINREG_TRIANGLE)
		add_triangle(ctx, state, 1 + to, 1 + from, factor);
}
