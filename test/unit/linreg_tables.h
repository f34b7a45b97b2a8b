/*
 * linreg_tables.h - tables of rows for the tests of linear regression, and ways from them to a fit
 */
#ifndef ECML_TEST_LINREG_TABLES_H
#define ECML_TEST_LINREG_TABLES_H

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "host.h"
#include "linear/linreg.h"

#define MOST 100				/* terms in the tables here, where not said otherwise */

/* Rows as a file has them. */
typedef struct Table
{
	int			rows;
	int			terms;
	double	   *x;				/* [rows][terms] */
	double	   *y;				/* [rows] */
	double	   *w;				/* [rows], or NULL */
} Table;

static EcmlCtx *ctx;
static const LinregParams defaults = LINREG_DEFAULTS;

static __attribute__((unused)) Table
new_table(int rows, int terms, bool weights)
{
	Table		t = {rows, terms, NULL, NULL, NULL};

	t.x = ECML_NEW0(ctx, double, (size_t) rows * terms);
	t.y = ECML_NEW0(ctx, double, rows);
	t.w = weights ? ECML_NEW0(ctx, double, rows) : NULL;
	return t;
}

static __attribute__((unused)) void
absorb_rows(EcmlCtx *c, LinregState *state, const Table *t, int first, int rows)
{
	EcmlData   *data = ecml_data_from_rows(c, ECML_F8, rows, t->terms, t->x + (size_t) first * t->terms, t->y + first,
										   t->w ? t->w + first : NULL);
	EcmlBlock	block;

	for (size_t b = 0; b < data->nblocks; b++)
	{
		ecml_data_fetch(c, data, b, &block, 1);
		linreg_absorb(c, state, &block);
	}
}

static __attribute__((unused)) LinregState *
state_of(const Table *t)
{
	LinregState *state = linreg_new(ctx, t->terms);

	absorb_rows(ctx, state, t, 0, t->rows);
	return state;
}

static __attribute__((unused)) LinregModel *
fit_all(const LinregState *state, const LinregParams *params)
{
	int			terms = linreg_terms(state);
	int		   *select = ECML_NEW(ctx, int, terms);

	for (int j = 0; j < terms; j++)
		select[j] = j;
	return linreg_fit(ctx, state, params, select, terms);
}

/* The same table through the triangle: zero columns beyond the Gram matrix's limit, which are not selected. */
static __attribute__((unused)) LinregModel *
fit_through_qr(const Table *t, const LinregParams *params)
{
	LinregState *state = linreg_new(ctx, LINREG_GRAM_TERMS + 1);
	Table		wide = new_table(t->rows, LINREG_GRAM_TERMS + 1, t->w != NULL);
	int			select[MOST];

	for (int i = 0; i < t->rows; i++)
	{
		memcpy(wide.x + (size_t) i * wide.terms, t->x + (size_t) i * t->terms, (size_t) t->terms * sizeof(double));
		wide.y[i] = t->y[i];
		if (t->w)
			wide.w[i] = t->w[i];
	}
	absorb_rows(ctx, state, &wide, 0, wide.rows);
	for (int j = 0; j < t->terms; j++)
		select[j] = j;
	return linreg_fit(ctx, state, params, select, t->terms);
}

static __attribute__((unused)) Table
random_table(int rows, int terms, bool weights, uint64_t seed)
{
	Table		t = new_table(rows, terms, weights);
	EcmlRng		rng;

	ecml_rng_seed(&rng, seed);
	for (int i = 0; i < rows; i++)
	{
		t.y[i] = 1 + ecml_rng_normal(&rng);
		for (int j = 0; j < terms; j++)
		{
			double		v = ecml_rng_normal(&rng) + j;

			t.x[(size_t) i * terms + j] = v;
			t.y[i] += v / (j + 1);
		}
		if (weights)
			t.w[i] = ecml_rng_double(&rng) + 0.1;
	}
	return t;
}

/* The greatest difference between coefficients, relative to the greatest coefficient; -1 when what is aliased differs. */
static __attribute__((unused)) double
distance(const LinregModel *a, const LinregModel *b)
{
	double		most = 0;
	double		size = 0;

	for (int j = 0; j <= a->terms; j++)
	{
		if (j > 0 && a->aliased[j - 1] != b->aliased[j - 1])
			return -1;
		most = fmax(most, fabs(a->coefficients[j] - b->coefficients[j]));
		size = fmax(size, fabs(a->coefficients[j]));
		if (a->std_errors[j] == a->std_errors[j])
		{
			most = fmax(most, fabs(a->std_errors[j] - b->std_errors[j]));
			size = fmax(size, a->std_errors[j]);
		}
	}
	return most / size;
}

static __attribute__((unused)) bool
agree(const LinregModel *a, const LinregModel *b, double relative)
{
	double		d = distance(a, b);

	if (!(d >= 0 && d <= relative))
		printf("#   distance %.3g, allowed %.3g\n", d, relative);
	return d >= 0 && d <= relative;
}

#endif							/* ECML_TEST_LINREG_TABLES_H */
