/*
 * cox_order.c - rows by stratum and falling time; concordance
 *
 * Harrell, Lee, Mark: Multivariable prognostic models (1996): of the pairs of rows of a stratum of which one had its event
 * while the other was known to go on, the share in which the first has the higher hazard; equal hazards count half.  Rows
 * whose events came at the same time make no pair; one that is censored at that time went on.  Weights multiply.
 *
 * Cost: n log n (a tree of sums over the ranks of the hazards), 64 bytes a row.
 */
#include "cox_internal.h"

#include <math.h>
#include <string.h>

#include "num/sort.h"

#define POLL_ROWS 8192

void
cox_order(EcmlCtx *ctx, CoxRows *rows, EcmlData *data, int first_stratum, int nstratum_terms, size_t *place)
{
	size_t		n = data->rows;
	double	   *y = ECML_NEW(ctx, double, n);
	double	   *w = ECML_NEW(ctx, double, n);
	double	   *keys = nstratum_terms > 0 ? ECML_NEW(ctx, double, n) : NULL;
	double	   *x = ECML_NEW(ctx, double, data->columns + 1);
	double	   *order = ECML_NEW(ctx, double, 2 * n);
	EcmlBlock	blocks[ECML_FETCH];
	size_t		got;

	for (size_t b = 0; b < data->nblocks; b += got)
	{
		got = ecml_data_fetch(ctx, data, b, blocks, ECML_FETCH);
		for (size_t k = 0; k < got; k++)
			for (int i = 0; i < blocks[k].rows; i++)
			{
				size_t		row = blocks[k].first + i;

				y[row] = blocks[k].y[i];
				w[row] = blocks[k].w ? blocks[k].w[i] : 1;
				order[2 * row] = -fabs(y[row]);
				order[2 * row + 1] = row;
				for (int j = 0; j < nstratum_terms; j++)
					x[first_stratum + j] = ECML_BLOCK_F8(&blocks[k], first_stratum + j)[i];
				if (keys)
					keys[row] = cox_stratum_key(x, first_stratum, nstratum_terms);
			}
	}
	ecml_sort_f8_pairs(ctx, order, n);
	if (keys)
	{
		for (size_t i = 0; i < n; i++)
			order[2 * i] = keys[(size_t) order[2 * i + 1]];
		ecml_sort_f8_pairs(ctx, order, n);
	}

	rows->n = n;
	rows->w = ECML_NEW(ctx, double, n);
	rows->event = ECML_NEW(ctx, uint8_t, n);
	rows->group = ECML_NEW(ctx, uint32_t, n);
	rows->keys = keys ? ECML_NEW(ctx, double, n) : NULL;
	rows->groups = ECML_NEW(ctx, CoxGroup, n);
	for (size_t i = 0; i < n; i++)
	{
		size_t		row = order[2 * i + 1];
		CoxGroup   *g = &rows->groups[rows->ngroups - (rows->ngroups > 0)];
		bool		new_stratum = i == 0 || (keys && keys[row] != rows->keys[i - 1]);

		if (new_stratum || g->time != fabs(y[row]))
		{
			g = &rows->groups[rows->ngroups++];
			memset(g, 0, sizeof(*g));
			g->first = i;
			g->time = fabs(y[row]);
			g->new_stratum = new_stratum;
		}
		g->end = i + 1;
		place[row] = i;
		rows->w[i] = w[row];
		rows->event[i] = !signbit(y[row]);
		rows->group[i] = rows->ngroups - 1;
		if (keys)
			rows->keys[i] = keys[row];
		if (rows->event[i])
		{
			g->events++;
			g->weight += w[row];
			rows->events++;
		}
		if (i % POLL_ROWS == 0)
			ecml_poll(ctx, 0, 0);
	}
	rows->groups = ecml_resize_array(ctx, rows->groups, rows->ngroups, sizeof(CoxGroup));
	ecml_free(ctx, order);
	ecml_free(ctx, x);
	ecml_free(ctx, keys);
	ecml_free(ctx, w);
	ecml_free(ctx, y);
}

/* A tree of sums (Fenwick): the sum of the first i places. */
static double
tree_sum(const double *tree, size_t i)
{
	double		sum = 0;

	for (; i > 0; i &= i - 1)
		sum += tree[i];
	return sum;
}

static void
tree_add(double *tree, size_t n, size_t place, double v)
{
	for (size_t i = place + 1; i <= n; i += i & -i)
		tree[i] += v;
}

double
cox_concordance(EcmlCtx *ctx, const CoxRows *rows, const double *eta)
{
	size_t		n = rows->n;
	double	   *order = ECML_NEW(ctx, double, 2 * n);
	uint32_t   *rank = ECML_NEW(ctx, uint32_t, n);	/* of eta, equal ones the same */
	double	   *tree = ECML_NEW0(ctx, double, n + 1);
	size_t		ranks = 0;
	size_t		begin = 0;		/* row where the stratum begins */
	double		pairs = 0;
	double		right = 0;
	double		inserted = 0;

	for (size_t i = 0; i < n; i++)
	{
		order[2 * i] = eta[i] + 0.0;
		order[2 * i + 1] = i;
	}
	ecml_sort_f8_pairs(ctx, order, n);
	for (size_t i = 0; i < n; i++)
	{
		ranks += i == 0 || order[2 * i] != order[2 * i - 2];
		rank[(size_t) order[2 * i + 1]] = ranks - 1;
	}
	for (size_t k = 0; k < rows->ngroups; k++)
	{
		const CoxGroup *g = &rows->groups[k];

		if (g->new_stratum)
		{
			for (size_t i = begin; i < g->first; i++)
				tree_add(tree, ranks, rank[i], -rows->w[i]);
			begin = g->first;
			inserted = 0;
		}
		for (int event = 0; event <= 1; event++)
		{
			for (size_t i = g->first; i < g->end && event == 1; i++)
			{
				double		below;

				if (!rows->event[i])
					continue;
				below = tree_sum(tree, rank[i]);
				right += rows->w[i] * 0.5 * (below + tree_sum(tree, rank[i] + 1));
				pairs += rows->w[i] * inserted;
				if (i % POLL_ROWS == 0)
					ecml_poll(ctx, 0, 0);
			}
			for (size_t i = g->first; i < g->end; i++)
				if (rows->event[i] == event)
				{
					tree_add(tree, ranks, rank[i], rows->w[i]);
					inserted += rows->w[i];
					if (i % POLL_ROWS == 0)
						ecml_poll(ctx, 0, 0);
				}
		}
	}
	ecml_free(ctx, tree);
	ecml_free(ctx, rank);
	ecml_free(ctx, order);
	return pairs > 0 ? right / pairs : NAN;
}

double
cox_evaluate(EcmlCtx *ctx, EcmlData *data, const CoxModel *model, double *events)
{
	CoxRows		rows = {0};
	size_t	   *place = ECML_NEW(ctx, size_t, data->rows);
	double	   *eta = ECML_NEW(ctx, double, data->rows);
	double	   *x = ECML_NEW(ctx, double, data->columns + 1);
	EcmlBlock	blocks[ECML_FETCH];
	size_t		got;

	cox_order(ctx, &rows, data, model->first_stratum, model->nstratum_terms, place);
	for (size_t b = 0; b < data->nblocks; b += got)
	{
		got = ecml_data_fetch(ctx, data, b, blocks, ECML_FETCH);
		for (size_t k = 0; k < got; k++)
			for (int i = 0; i < blocks[k].rows; i++)
			{
				for (int j = 0; j < data->columns; j++)
					x[j] = ECML_BLOCK_F8(&blocks[k], j)[i];
				eta[place[blocks[k].first + i]] = cox_log_hazard(model, x);
			}
	}
	if (events)
		*events = rows.events;
	return cox_concordance(ctx, &rows, eta);
}
