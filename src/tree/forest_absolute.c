/*
 * forest_absolute.c - splits by the absolute error: the sum of distances from the median, instead of squares from the mean
 *
 * A side of a split is worth what its rows' targets lie about their median.  Rows of a node are put into groups by their target, in
 * ascending order, each with the sum of its weights and of its targets; so are those that go left, and those whose value is missing.
 * A place to split at is judged by these sums: the median's group, then what lies below and above it.  With up to GROUPS rows in a
 * node a group is a value, and what comes out is exact.  Of more rows groups are cut at GROUPS values of them, and only the rows of the
 * median's own group, one in some thousands, are taken to lie at their mean.  The median of a leaf is exact.
 *
 * Cost beside that of squares: of a node 12 comparisons a row; of a column some 4 ns a row, and up to 4 * (GROUPS / BLOCK + BLOCK)
 * sums for each place that is tried.  Memory: 22 bytes a row of a tree that is under way.
 */
#include "tree/forest_internal.h"

#include <string.h>

#define GROUPS 4096
#define BLOCK 64				/* groups whose sums are kept together */

typedef struct Sums
{
	double		w;
	double		wy;
} Sums;

/* Of a set of rows: by group, and by block of groups. */
typedef struct Grouped
{
	Sums		group[GROUPS + BLOCK];
	Sums		block[GROUPS / BLOCK + 1];
} Grouped;

struct ForestMedians
{
	double		deviation;		/* of the node's rows: the sum of distances from their median */
	double		center;			/* targets are counted from here: sums are small then */
	int			ngroups;
	double		cut[GROUPS];	/* [ngroups - 1, or ngroups] a row's group is how many of them are below it */
	Grouped		all;			/* the node's rows */
	Grouped		left;			/* those that go left; zero between two searches */
	Grouped		missing;
	uint16_t   *group;			/* [drawn] of the node's rows, as they lie in grower->rows */
	double	   *pairs;			/* [drawn][2] target, weight */
	uint32_t   *by_bin;			/* [drawn] places of the node's rows in grower->rows, bin by bin */
	uint32_t	first[FOREST_BINS + 1]; /* where a bin's begin */
};

ForestMedians *
forest_medians_create(EcmlCtx *ctx, const ForestData *data)
{
	ForestMedians *medians = ECML_NEW0(ctx, ForestMedians, 1);

	medians->group = ECML_NEW(ctx, uint16_t, data->drawn);
	medians->pairs = ecml_alloc_array(ctx, data->drawn, 2 * sizeof(double));
	medians->by_bin = ECML_NEW(ctx, uint32_t, data->drawn);
	return medians;
}

static inline double
weight_of(const ForestData *data, const ForestRow *row)
{
	return row->times * (data->w ? data->w[row->row] : 1);
}

/* ---------------------------------------------------------------- the median of all */

/*
 * The weighted median of pairs [n], which change their order: the value up to which half of the weight lies; where exactly half of it
 * does, the middle to the next one.  By parting in three about a value in the middle.
 */
static double
find_median(double *pairs, size_t n, double total)
{
	double		half = total / 2;
	double		below = 0;		/* weight before lo */
	size_t		lo = 0;
	size_t		hi = n;
	double		next = INFINITY;	/* least value from hi on */

	while (hi - lo > 1)
	{
		double		a = pairs[2 * lo];
		double		b = pairs[2 * (lo + (hi - lo) / 2)];
		double		c = pairs[2 * (hi - 1)];
		double		pivot = fmax(fmin(a, b), fmin(fmax(a, b), c));
		double		less = 0;
		double		equal = 0;
		size_t		i = lo;
		size_t		lt = lo;
		size_t		gt = hi;

		while (i < gt)
		{
			double		y = pairs[2 * i];
			double		w = pairs[2 * i + 1];
			size_t		to = y < pivot ? lt++ : y > pivot ? --gt : i;

			less += y < pivot ? w : 0;
			equal += y == pivot ? w : 0;
			pairs[2 * i] = pairs[2 * to];
			pairs[2 * i + 1] = pairs[2 * to + 1];
			pairs[2 * to] = y;
			pairs[2 * to + 1] = w;
			i += y <= pivot;
		}
		if (below + less >= half && lt > lo)
		{
			next = pivot;
			hi = lt;
		}
		else if (below + less + equal >= half || gt == hi)
		{
			for (size_t k = gt; k < hi; k++)
				next = fmin(next, pairs[2 * k]);
			return below + less + equal == half && isfinite(next) ? pivot + (next - pivot) / 2 : pivot;
		}
		else
		{
			below += less + equal;
			lo = gt;
		}
	}
	return below + pairs[2 * lo + 1] == half && isfinite(next) ? pairs[2 * lo] + (next - pairs[2 * lo]) / 2 : pairs[2 * lo];
}

/* ---------------------------------------------------------------- groups */

/* Shell's sort: n is at most GROUPS. */
static void
sort_cuts(double *v, int n)
{
	static const int gaps[] = {1750, 701, 301, 132, 57, 23, 10, 4, 1};

	for (size_t g = 0; g < sizeof(gaps) / sizeof(gaps[0]); g++)
		for (int i = gaps[g]; i < n; i++)
		{
			double		value = v[i];
			int			j = i;

			for (; j >= gaps[g] && v[j - gaps[g]] > value; j -= gaps[g])
				v[j] = v[j - gaps[g]];
			v[j] = value;
		}
}

static void
add(Grouped *to, int group, double w, double wy)
{
	to->group[group].w += w;
	to->group[group].wy += wy;
	to->block[group / BLOCK].w += w;
	to->block[group / BLOCK].wy += wy;
}

static void
clear(Grouped *sums, int ngroups)
{
	memset(sums->group, 0, sizeof(Sums) * ngroups);
	memset(sums->block, 0, sizeof(Sums) * (ngroups / BLOCK + 1));
}

/* The sums of a side: all * the node's + part * (those that go left + missing * those that are missing). */
typedef struct Side
{
	double		all;
	double		part;
	double		missing;
} Side;

static inline Sums
sum_of(Side side, const Sums *all, const Sums *left, const Sums *missing)
{
	return (Sums) {
		side.all * all->w + side.part * (left->w + side.missing * missing->w),
		side.all * all->wy + side.part * (left->wy + side.missing * missing->wy)
	};
}

/* The sum of distances of a side's rows from their median. */
static double
deviation_of(const ForestMedians *medians, Side side)
{
	const Grouped *all = &medians->all;
	const Grouped *left = &medians->left;
	const Grouped *missing = &medians->missing;
	int			nblocks = (medians->ngroups + BLOCK - 1) / BLOCK;
	Sums		total = {0, 0};
	Sums		below = {0, 0};
	Sums		at = {0, 0};
	double		median;
	int			b = 0;
	int			g;

	for (int i = 0; i < nblocks; i++)
	{
		Sums		sums = sum_of(side, &all->block[i], &left->block[i], &missing->block[i]);

		total.w += sums.w;
		total.wy += sums.wy;
	}
	for (;; b++)
	{
		Sums		sums = sum_of(side, &all->block[b], &left->block[b], &missing->block[b]);

		if (b == nblocks - 1 || below.w + sums.w >= total.w / 2)
			break;
		below.w += sums.w;
		below.wy += sums.wy;
	}
	for (g = b * BLOCK;; g++)
	{
		at = sum_of(side, &all->group[g], &left->group[g], &missing->group[g]);
		if (g == medians->ngroups - 1 || g == b * BLOCK + BLOCK - 1 || below.w + at.w >= total.w / 2)
			break;
		below.w += at.w;
		below.wy += at.wy;
	}
	if (!(at.w > 0))
		return 0;
	median = at.wy / at.w;
	return fmax(0, (median * below.w - below.wy) + (total.wy - below.wy - at.wy) - median * (total.w - below.w - at.w));
}

void
forest_absolute_node(ForestGrower *grower, bool varies)
{
	const ForestData *data = grower->data;
	ForestMedians *medians = grower->medians;
	const ForestRow *rows = (const ForestRow *) grower->rows + grower->node.from;
	size_t		n = grower->node.to - grower->node.from;
	size_t		step = (n + GROUPS - 1) / GROUPS;
	int			ncuts = 0;
	int			k = 0;

	medians->deviation = 0;
	if (!varies)
	{
		grower->value[grower->node.node] = rows[0].y;
		return;
	}
	for (size_t i = 0; i < n; i++)
	{
		medians->pairs[2 * i] = rows[i].y;
		medians->pairs[2 * i + 1] = weight_of(data, &rows[i]);
	}
	grower->value[grower->node.node] = medians->center = find_median(medians->pairs, n, grower->total[0]);
	for (size_t i = 0; i < n; i += step)
		medians->cut[ncuts++] = rows[i].y;
	sort_cuts(medians->cut, ncuts);
	for (int i = 0; i < ncuts; i++)
		if (k == 0 || medians->cut[i] != medians->cut[k - 1])
			medians->cut[k++] = medians->cut[i];
	/* with all rows looked at, none is above the last cut */
	medians->ngroups = step == 1 ? k : k + 1;
	clear(&medians->all, medians->ngroups);
	for (size_t i = 0; i < n; i++)
	{
		double		w = weight_of(data, &rows[i]);
		int			low = 0;

		for (int left = k; left > 0;)
		{
			int			half = left / 2;
			bool		right = medians->cut[low + half] < rows[i].y;

			low += right ? half + 1 : 0;
			left = right ? left - half - 1 : half;
		}
		medians->group[grower->node.from + i] = (uint16_t) low;
		add(&medians->all, low, w, w * (rows[i].y - medians->center));
	}
	medians->deviation = deviation_of(medians, (Side) {1, 0, 0});
}

double
forest_absolute_deviation(const ForestGrower *grower)
{
	return grower->medians->deviation;
}

/* ---------------------------------------------------------------- a column */

/* Put the node's rows in the order of their bins. */
static void
order_by_bin(ForestGrower *grower, const uint8_t *column)
{
	ForestMedians *medians = grower->medians;
	const ForestRow *rows = grower->rows;
	uint32_t	next[FOREST_BINS];

	memset(medians->first, 0, sizeof(medians->first));
	for (uint32_t i = grower->node.from; i < grower->node.to; i++)
		medians->first[column[rows[i].row] + 1]++;
	for (int b = 0; b < FOREST_BINS; b++)
	{
		medians->first[b + 1] += medians->first[b];
		next[b] = medians->first[b];
	}
	for (uint32_t i = grower->node.from; i < grower->node.to; i++)
		medians->by_bin[next[column[rows[i].row]]++] = i;
}

static void
add_bin(ForestGrower *grower, int bin, Grouped *to)
{
	const ForestMedians *medians = grower->medians;
	const ForestRow *rows = grower->rows;

	for (uint32_t k = medians->first[bin]; k < medians->first[bin + 1]; k++)
	{
		uint32_t	i = medians->by_bin[k];
		double		w = weight_of(grower->data, &rows[i]);

		add(to, medians->group[i], w, w * (rows[i].y - medians->center));
	}
}

static void
try_place(ForestGrower *grower, double rows_left, bool missing_left, int cell, ForestPlace *best)
{
	const ForestData *data = grower->data;
	double		missing = missing_left ? 1 : 0;
	double		v;

	if (rows_left < data->min_leaf || grower->total_rows - rows_left < data->min_leaf)
		return;
	v = -deviation_of(grower->medians, (Side) {0, 1, missing}) - deviation_of(grower->medians, (Side) {1, -1, missing});
	if (!best->found || v > best->worth)
		*best = (ForestPlace) {.worth = v,.cell = cell,.missing_left = missing_left,.found = true};
}

void
forest_absolute_search(ForestGrower *grower, int column, const uint8_t *order, int n, int missing, ForestPlace *best)
{
	ForestMedians *medians = grower->medians;
	const ForestCells *cells = &grower->cells;
	double		rows = 0;

	order_by_bin(grower, grower->data->column[column]);
	clear(&medians->left, medians->ngroups);
	clear(&medians->missing, medians->ngroups);
	if (missing >= 0)
		add_bin(grower, cells->bin[missing], &medians->missing);
	for (int i = 0; i < n; i++)
	{
		add_bin(grower, cells->bin[order[i]], &medians->left);
		rows += cells->rows[order[i]];
		/* all that is not missing goes left: what is missing must go right */
		if (i < n - 1 || missing >= 0)
			try_place(grower, rows, false, i + 1, best);
		if (i < n - 1 && missing >= 0)
			try_place(grower, rows + cells->rows[missing], true, i + 1, best);
	}
}
