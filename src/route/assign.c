/*
 * assign.c - the linear assignment problem: shortest augmenting paths with a quick start
 *
 * Jonker and Volgenant (1987), "A shortest augmenting path algorithm for dense and sparse linear assignment problems".  Prices v
 * of columns are kept such that each assigned row has its column at the least of cost - v.  Column reduction (square matrices),
 * reduction transfer and two rounds of augmenting row reduction assign most rows; each that is left costs a shortest path over reduced
 * costs (Dijkstra).  Rectangular: columns without a row keep the price 0, so column reduction is left out.
 *
 * Square costs in which rows and columns have an order, as products have, begin with the prices of that order.
 *
 * All scans go over whole rows in vectors: columns that are done are masked by their price instead of being taken out of a list.
 * Costs are whole numbers in doubles, so all comparisons are exact and row reduction ends.
 *
 * Cost: n m to fill; worst case n^2 m, in practice a few dozen row scans a row.
 */
#include <math.h>
#include <string.h>

#include "num/sort.h"
#include "route/assign.h"
#include "route/flow.h"

#define POLL_CELLS 4000000		/* cells scanned between polls, about */
#define ORDER_TRIALS 512		/* pairs of rows and columns that tell whether costs are ordered */
#define ORDERED_ROWS 0.25		/* share of the rows that such a start must serve */

typedef struct Solver
{
	EcmlCtx    *ctx;
	int			n;
	int			m;
	size_t		stride;
	const double *cost;
	double	   *v;				/* [stride] */
	int		   *column_of;		/* [n] or -1 */
	int		   *row_of;			/* [m] or -1 */
	int		   *free_rows;		/* [n] */
	int			nfree;
	double		work;
} Solver;

static void
count_work(Solver *s, size_t cells)
{
	s->work += cells;
	if (s->work < POLL_CELLS)
		return;
	ecml_poll(s->ctx, s->n - s->nfree, s->n);
	s->work = 0;
}

/* ---- scans */

ECML_CLONES
static double
least_of(const double *c, const double *v, size_t from, size_t to)
{
	double		least = INFINITY;

#pragma omp simd reduction(min:least)
	for (size_t j = from; j < to; j++)
	{
		double		x = c[j] - v[j];

		least = x < least ? x : least;
	}
	return least;
}

/* The first place with that value; there is one. */
ECML_CLONES
static size_t
place_of(const double *c, const double *v, size_t from, double value)
{
	size_t		j = from;

	for (;; j += 8)
	{
		int			hits = 0;

		for (int k = 0; k < 8; k++)
			hits += c[j + k] - v[j + k] == value;
		if (hits)
			break;
	}
	while (c[j] - v[j] != value)
		j++;
	return j;
}

/* The least and the second least of cost - price in a row, and their columns. */
static void
two_least(const Solver *s, const double *c, double *u1, size_t *j1, double *u2)
{
	double		before;
	double		after;

	*u1 = least_of(c, s->v, 0, s->stride);
	*j1 = place_of(c, s->v, 0, *u1);
	before = least_of(c, s->v, 0, *j1);
	after = least_of(c, s->v, *j1 + 1, s->stride);
	*u2 = before < after ? before : after;
}

/* Another column than j1 with that value. */
static size_t
other_place(const Solver *s, const double *c, size_t j1, double value)
{
	for (size_t j = 0; j < s->stride; j++)
		if (j != j1 && c[j] - s->v[j] == value)
			return j;
	return j1;
}

/* Column minima so far with their rows. */
ECML_CLONES
static void
lower_columns(const double *c, size_t m, int64_t row, double *v, int64_t *where)
{
#pragma omp simd
	for (size_t j = 0; j < m; j++)
	{
		bool		better = c[j] < v[j];

		v[j] = better ? c[j] : v[j];
		where[j] = better ? row : where[j];
	}
}

/* Paths by way of a row: distances to columns whose price is not masked; the least of all that are open. */
ECML_CLONES
static double
relax(const double *c, const double *masked, double base, int64_t row, double *distance, int64_t *before, size_t m)
{
	double		least = INFINITY;

#pragma omp simd reduction(min:least)
	for (size_t j = 0; j < m; j++)
	{
		double		x = base + (c[j] - masked[j]);
		bool		better = x < distance[j];

		distance[j] = better ? x : distance[j];
		before[j] = better ? row : before[j];
		least = distance[j] < least ? distance[j] : least;
	}
	return least;
}

/* ---- the quick start */

static void
assign(Solver *s, int row, size_t column)
{
	s->column_of[row] = (int) column;
	s->row_of[column] = row;
}

static void
reduce_columns(Solver *s)
{
	int64_t    *where = ECML_NEW(s->ctx, int64_t, s->stride);
	int		   *times = ECML_NEW0(s->ctx, int, s->n);

	for (size_t j = 0; j < s->stride; j++)
	{
		s->v[j] = INFINITY;
		where[j] = -1;
	}
	for (int i = 0; i < s->n; i++)
	{
		lower_columns(s->cost + i * s->stride, s->stride, i, s->v, where);
		count_work(s, s->stride);
	}
	for (int j = s->m - 1; j >= 0; j--)
	{
		if (where[j] < 0)
		{
			s->v[j] = 0;		/* no row may have it */
			continue;
		}
		if (times[where[j]]++ == 0)
			assign(s, (int) where[j], j);
	}
	for (size_t j = s->m; j < s->stride; j++)
		s->v[j] = 0;
	/* rows with one column: its price can fall until the row would as soon have its second best */
	for (int i = 0; i < s->n; i++)
	{
		const double *c = s->cost + i * s->stride;
		int			j = s->column_of[i];
		double		left;
		double		right;

		if (times[i] != 1)
			continue;
		left = least_of(c, s->v, 0, j);
		right = least_of(c, s->v, j + 1, s->stride);
		left = left < right ? left : right;
		if (left != INFINITY)
			s->v[j] -= left - (c[j] - s->v[j]);
		count_work(s, s->stride);
	}
	ecml_free(s->ctx, where);
	ecml_free(s->ctx, times);
}

/* ---- a start for costs in which rows and columns have an order */

/* Do the columns of some rows have the same order, or the opposite?  Of costs without structure half of the pairs agree. */
static bool
is_ordered(const Solver *s)
{
	int			agree = 0;
	int			tried = 0;

	for (int k = 0; k < ORDER_TRIALS; k++)
	{
		const double *a = s->cost + (size_t) (k * 7919L % s->n) * s->stride;
		const double *b = s->cost + (size_t) ((k * 104729L + s->n / 2) % s->n) * s->stride;
		int			i = (int) (k * 15485863L % s->m);
		int			j = (int) ((k * 32452843L + 1) % s->m);
		double		x = a[i] - a[j];
		double		y = b[i] - b[j];

		if (a == b || i == j || !(fabs(x) < INFINITY) || !(fabs(y) < INFINITY) || x == 0 || y == 0)
			continue;
		tried++;
		agree += (x > 0) == (y > 0);
	}
	return tried > ORDER_TRIALS / 8 && fabs((double) agree / tried - 0.5) > 0.3;
}

/* Numbers 0 .. n - 1 by the mean of their finite cells, ascending. */
static int *
order_of(Solver *s, const double *sum, const double *count, int n)
{
	double	   *pairs = ECML_NEW(s->ctx, double, 2 * (size_t) n);
	int		   *order = ECML_NEW(s->ctx, int, n);

	for (int i = 0; i < n; i++)
	{
		pairs[2 * i] = count[i] > 0 ? sum[i] / count[i] : 0;
		pairs[2 * i + 1] = i;
	}
	ecml_sort_f8_pairs(s->ctx, pairs, n);
	for (int i = 0; i < n; i++)
		order[i] = (int) pairs[2 * i + 1];
	ecml_free(s->ctx, pairs);
	return order;
}

/*
 * Where rows and columns can be ordered so that c[i][j] + c[k][l] <= c[i][l] + c[k][j] for i < k and j < l (Monge; costs that are
 * products are so, and are the worst case of shortest paths: Machol and Wien 1964), the diagonal is the optimum, and prices that differ
 * from one column to the next by something between what the two rows there would pay prove it.  Costs that are nearly so begin with
 * those prices: rows whose best column is that of the diagonal get it.  False: too few do.
 */
static bool
start_ordered(Solver *s)
{
	int			n = s->n;
	double	   *row = ECML_NEW0(s->ctx, double, n);
	double	   *column = ECML_NEW0(s->ctx, double, n);
	double	   *rows = ECML_NEW0(s->ctx, double, n);
	double	   *columns = ECML_NEW0(s->ctx, double, n);
	int		   *of_row;
	int		   *of_column;
	double		ways[2] = {0, 0};
	int			missing[2] = {0, 0};
	int			assigned = 0;
	bool		opposite;

	for (int i = 0; i < n; i++)
	{
		const double *c = s->cost + i * s->stride;

		for (int j = 0; j < n; j++)
			if (c[j] < INFINITY)
			{
				row[i] += c[j];
				rows[i]++;
				column[j] += c[j];
				columns[j]++;
			}
		count_work(s, s->stride);
	}
	of_row = order_of(s, row, rows, n);
	of_column = order_of(s, column, columns, n);
	for (int way = 0; way < 2; way++)
		for (int k = 0; k < n; k++)
		{
			double		c = s->cost[of_row[k] * s->stride + of_column[way ? n - 1 - k : k]];

			if (c < INFINITY)
				ways[way] += c;
			else
				missing[way]++;
		}
	opposite = missing[1] < missing[0] || (missing[1] == missing[0] && ways[1] < ways[0]);
	for (int k = 0; opposite && k < n / 2; k++)
	{
		int			t = of_column[k];

		of_column[k] = of_column[n - 1 - k];
		of_column[n - 1 - k] = t;
	}
	s->v[of_column[0]] = 0;
	for (int k = 0; k + 1 < n; k++)
	{
		const double *a = s->cost + of_row[k] * s->stride;
		const double *b = s->cost + of_row[k + 1] * s->stride;
		double		high = a[of_column[k + 1]] - a[of_column[k]];
		double		low = b[of_column[k + 1]] - b[of_column[k]];
		double		step = isfinite(high) && isfinite(low) ? floor((high + low) / 2) : isfinite(high) ? high : isfinite(low) ? low : 0;

		s->v[of_column[k + 1]] = s->v[of_column[k]] + step;
	}
	for (int k = 0; k < n; k++)
	{
		const double *c = s->cost + of_row[k] * s->stride;
		double		own = c[of_column[k]] - s->v[of_column[k]];

		if (own < INFINITY && own <= least_of(c, s->v, 0, s->stride))
		{
			assign(s, of_row[k], of_column[k]);
			assigned++;
		}
		count_work(s, s->stride);
	}
	if (assigned < n * ORDERED_ROWS)
		for (int i = 0; i < n; i++)
		{
			if (s->column_of[i] >= 0)
				s->row_of[s->column_of[i]] = -1;
			s->column_of[i] = -1;
		}
	ecml_free(s->ctx, row);
	ecml_free(s->ctx, column);
	ecml_free(s->ctx, rows);
	ecml_free(s->ctx, columns);
	ecml_free(s->ctx, of_row);
	ecml_free(s->ctx, of_column);
	return assigned >= n * ORDERED_ROWS;
}

/* Rows take their best column, and lower its price by what the second best is worse. */
static void
reduce_rows(Solver *s)
{
	int			n = s->nfree;
	int			left = 0;
	int64_t		patience = 4 * (int64_t) n + 16;

	for (int k = 0; k < n;)
	{
		int			row = s->free_rows[k++];
		const double *c = s->cost + row * s->stride;
		double		u1;
		double		u2;
		size_t		j;
		int			other;

		two_least(s, c, &u1, &j, &u2);
		count_work(s, 2 * s->stride);
		if (u1 == INFINITY || (u2 == INFINITY && s->row_of[j] >= 0))
		{
			s->free_rows[left++] = row;
			continue;
		}
		other = s->row_of[j];
		if (u1 < u2 && u2 != INFINITY)
			s->v[j] -= u2 - u1;
		else if (other >= 0)
		{
			j = other_place(s, c, j, u2);
			other = s->row_of[j];
		}
		assign(s, row, j);
		if (other >= 0)
		{
			s->column_of[other] = -1;
			if (u1 < u2 && patience-- > 0)
				s->free_rows[--k] = other;
			else
				s->free_rows[left++] = other;
		}
	}
	s->nfree = left;
}

/* ---- shortest augmenting paths */

typedef struct Path
{
	double	   *distance;		/* [stride] of open columns; INFINITY: none yet, or done */
	double	   *masked;			/* [stride] prices; -INFINITY: done */
	double	   *final;			/* [m] distance of those done */
	int64_t    *before;			/* [stride] the row that a column is reached from */
	int		   *done;			/* [m] */
	int			ndone;
} Path;

/* The next of eight columns, from a multiple of eight on, of which one has that distance; n: there is none. */
ECML_CLONES
static size_t
next_eight(const double *distance, size_t from, size_t n, double value)
{
	for (; from < n; from += 8)
	{
		int			hits = 0;

		for (int k = 0; k < 8; k++)
			hits += distance[from + k] == value;
		if (hits)
			break;
	}
	return from;
}

/* The column without a row that is nearest to a row; -1: none can be reached. */
static int
search(Solver *s, Path *path, int start)
{
	int			row = start;
	double		base = 0;
	double		at = 0;
	int			scanned = 0;

	memcpy(path->masked, s->v, s->stride * sizeof(double));
	for (size_t j = 0; j < s->stride; j++)
		path->distance[j] = INFINITY;
	path->ndone = 0;
	for (;;)
	{
		double		least = relax(s->cost + row * s->stride, path->masked, base, row, path->distance, path->before, s->stride);

		count_work(s, 2 * s->stride);
		/* columns as near as the present one are waiting: they go first */
		if (scanned == path->ndone || least <= at)
		{
			if (least == INFINITY && scanned == path->ndone)
				return -1;
			at = least;
			/* all that are so near; one without a row ends the search */
			for (size_t eight = 0; (eight = next_eight(path->distance, eight, s->stride, least)) < s->stride; eight += 8)
				for (size_t j = eight; j < eight + 8; j++)
				{
					if (path->distance[j] != least)
						continue;
					path->final[j] = least;
					if (s->row_of[j] < 0)
						return (int) j;
					path->done[path->ndone++] = (int) j;
					path->distance[j] = INFINITY;
					path->masked[j] = -INFINITY;
				}
		}
		{
			int			column = path->done[scanned++];

			row = s->row_of[column];
			base = path->final[column] - (s->cost[row * s->stride + column] - s->v[column]);
		}
	}
}

static bool
augment(Solver *s, Path *path, int start)
{
	int			column = search(s, path, start);
	double		length;
	int			row;

	if (column < 0)
		return false;
	length = path->final[column];
	for (int k = 0; k < path->ndone; k++)
	{
		int			j = path->done[k];

		if (path->final[j] < length)
			s->v[j] += path->final[j] - length;
	}
	do
	{
		int			next;

		row = (int) path->before[column];
		next = s->column_of[row];
		assign(s, row, column);
		column = next;
	} while (row != start);
	return true;
}

/* ---- the whole */

/* Costs as whole numbers; the factor. */
static double
make_whole(Solver *s, double *cost)
{
	size_t		cells = s->n * s->stride;
	double		max = flow_greatest(cost, cells);
	double		scale = flow_scale(cost, cells, max, 0x1p50 / (s->n + 2.0));

	flow_round(cost, cells, scale);
	return scale;
}

void
assign_solve(EcmlCtx *ctx, int n, int m, double *cost, AssignResult *result)
{
	Solver		s = {.ctx = ctx,.n = n,.m = m,.stride = assign_stride(m),.cost = cost};
	double		scale;
	Path		path;

	s.v = ECML_NEW0(ctx, double, s.stride + 1);
	s.column_of = ECML_NEW(ctx, int, n + 1);
	s.row_of = ECML_NEW(ctx, int, s.stride + 1);
	s.free_rows = ECML_NEW(ctx, int, n + 1);
	path.distance = ECML_NEW(ctx, double, s.stride + 1);
	path.masked = ECML_NEW(ctx, double, s.stride + 1);
	path.final = ECML_NEW(ctx, double, s.stride + 1);
	path.before = ECML_NEW(ctx, int64_t, s.stride + 1);
	path.done = ECML_NEW(ctx, int, s.stride + 1);
	for (int i = 0; i < n; i++)
		s.column_of[i] = -1;
	for (size_t j = 0; j < s.stride; j++)
		s.row_of[j] = -1;
	result->row_price = ECML_NEW0(ctx, double, n + 1);
	result->row_cost = ECML_NEW0(ctx, double, n + 1);
	result->column_price = s.v;
	result->column_of = s.column_of;
	result->cost = 0;
	result->stuck = -1;
	scale = make_whole(&s, cost);
	if (n == m && n > 1 && is_ordered(&s) && start_ordered(&s))
		;
	else if (n == m && n > 0)
		reduce_columns(&s);
	for (int i = 0; i < n; i++)
		if (s.column_of[i] < 0)
			s.free_rows[s.nfree++] = i;
	for (int round = 0; round < 2; round++)
		reduce_rows(&s);
	while (s.nfree > 0)
	{
		int			row = s.free_rows[s.nfree - 1];

		if (!augment(&s, &path, row))
		{
			result->stuck = row;
			break;
		}
		s.nfree--;
	}
	result->feasible = s.nfree == 0;
	for (int i = 0; i < n; i++)
	{
		int			j = s.column_of[i];

		if (j < 0)
			continue;
		result->row_price[i] = (cost[i * s.stride + j] - s.v[j]) / scale;
		result->row_cost[i] = cost[i * s.stride + j] / scale;
		result->cost += result->row_cost[i];
	}
	for (int j = 0; j < m; j++)
		s.v[j] /= scale;
}
