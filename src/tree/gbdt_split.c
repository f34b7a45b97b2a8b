/*
 * gbdt_split.c - the best split of a leaf on a column, from its histogram
 *
 * A split gains T(Gl)^2 / (Hl + l2) + T(Gr)^2 / (Hr + l2) - T(G)^2 / (H + l2), T the soft threshold by l1 (Chen and Guestrin
 * 2016).  Numbers: all places between bins, missing values on either side.  Categories (Fisher 1958, as in LightGBM): few are
 * tried one against the rest; many are sorted by gradient over smoothed hessian, and then split as numbers are.  Monotone
 * constraints are bounds of the values of leaves, which halve at each constrained split.
 *
 * How many rows a bin has is told by its share of the hessians where hessians differ (the grower counts, and searches again with
 * exact counts where the difference matters).
 */
#include "gbdt_internal.h"

#include <float.h>
#include <math.h>
#include <string.h>

typedef struct Side
{
	double		g;
	double		h;
	double		rows;
} Side;

static inline __attribute__((always_inline)) double
soft(double g, double l1)
{
	double		magnitude = fabs(g) - l1;

	return copysign(magnitude > 0 ? magnitude : 0, g);
}

double
gbdt_leaf_value(const GbdtParams *params, double l2, double g, double h, double low, double high)
{
	double		weight = h + l2;
	double		value = weight > 0 ? -soft(g, params->l1) / weight : 0;

	if (params->max_delta_step > 0)
		value = fmin(fmax(value, -params->max_delta_step), params->max_delta_step);
	return fmin(fmax(value, low), high);
}

/* What a leaf of such a value gains; twice the fall of the loss. */
static double
gain_of(const GbdtParams *params, double l2, double g, double h, double value)
{
	return -(2 * soft(g, params->l1) * value + (h + l2) * value * value);
}

/* How the leaf is judged: a clipped value changes what a split gains. */
static bool
is_clipped(const GbdtSearch *search, const GbdtLeafView *leaf)
{
	return search->params->max_delta_step > 0 || leaf->low > -INFINITY || leaf->high < INFINITY;
}

static double
clipped_gain(const GbdtSearch *search, const GbdtLeafView *leaf, double l2, const Side *left, const Side *right, int direction)
{
	const GbdtParams *params = search->params;
	double		a = gbdt_leaf_value(params, l2, left->g, left->h, leaf->low, leaf->high);
	double		b = gbdt_leaf_value(params, l2, right->g, right->h, leaf->low, leaf->high);

	if ((direction > 0 && a > b) || (direction < 0 && a < b))
		return -INFINITY;
	return gain_of(params, l2, left->g, left->h, a) + gain_of(params, l2, right->g, right->h, b);
}

/* What the leaf gains as it is. */
static double
leaf_gain(const GbdtSearch *search, const GbdtLeafView *leaf)
{
	double		g = leaf->sum.g * search->quantum.g;
	double		h = leaf->sum.h * search->quantum.h;

	return gain_of(search->params, leaf->l2, g, h, gbdt_leaf_value(search->params, leaf->l2, g, h, leaf->low, leaf->high));
}

typedef struct Scan
{
	double		g[256];			/* sums of the left side, by place */
	double		h[256];
	double		rows[256];
	double		gain[256];
} Scan;

/* Gains of n places; -infinity where a side is too small. */
ECML_CLONES static void
scan_gains(Scan *scan, int n, const Side *all, double l1, double l2, double min_rows, double min_h)
{
#pragma omp simd
	for (int k = 0; k < n; k++)
	{
		double		gl = soft(scan->g[k], l1);
		double		gr = soft(all->g - scan->g[k], l1);
		double		hl = scan->h[k];
		double		hr = all->h - hl;
		double		gain = gl * gl / (hl + l2) + gr * gr / (hr + l2);
		bool		fits = (scan->rows[k] >= min_rows) & (all->rows - scan->rows[k] >= min_rows) & (hl >= min_h) & (hr >= min_h);

		scan->gain[k] = fits ? gain : -INFINITY;
	}
}

/* Rounded: counts that are told by hessians are not whole numbers. */
static double
least_rows(const GbdtParams *params)
{
	return params->min_child_samples - 0.5;
}

static bool
side_fits(const GbdtParams *params, const Side *side)
{
	return side->rows >= least_rows(params) && side->h >= params->min_child_weight && side->h > 0;
}

/* With bounds, an order, or a greatest step; the same, place by place. */
static void
scan_clipped(const GbdtSearch *search, const GbdtLeafView *leaf, Scan *scan, int n, const Side *all, int direction)
{
	for (int k = 0; k < n; k++)
	{
		Side		left = {scan->g[k], scan->h[k], scan->rows[k]};
		Side		right = {all->g - left.g, all->h - left.h, all->rows - left.rows};

		scan->gain[k] = side_fits(search->params, &left) && side_fits(search->params, &right) ?
			clipped_gain(search, leaf, leaf->l2, &left, &right, direction) : -INFINITY;
	}
}

static Side
whole(const GbdtSearch *search, const GbdtLeafView *leaf)
{
	return (Side) {leaf->sum.g * search->quantum.g, leaf->sum.h * search->quantum.h, leaf->rows};
}

/* rows for a hessian of 1, of the sum as it is */
static double
rows_of_hessian(const GbdtLeafView *leaf)
{
	return leaf->sum.h > 0 ? leaf->rows / leaf->sum.h : 0;
}

static void
split_number(const GbdtSearch *search, const GbdtLeafView *leaf, int column, GbdtSplit *best, double shift)
{
	const GbdtParams *params = search->params;
	const TreeBins *bins = search->bins;
	const TreeBinColumn *c = &bins->column[column];
	const GbdtSum *hist = leaf->hist + bins->first[column];
	const GbdtSum *count = leaf->count ? leaf->count + bins->first[column] : NULL;
	int			direction = search->monotone ? search->monotone[column] : 0;
	bool		clipped = direction != 0 || is_clipped(search, leaf);
	double		factor = rows_of_hessian(leaf);
	Side		all = whole(search, leaf);
	Scan		scan;

	for (int way = 0; way < (c->missing >= 0 ? 2 : 1); way++)
	{
		/* missing values right, and the last place parts them from all others; then left */
		int			places = c->missing >= 0 && way == 0 ? c->values : c->values - 1;
		GbdtSum		sum = {0, 0};
		int64_t		rows = 0;
		int			at = -1;
		double		gain = best->gain + shift;

		if (way == 1)
		{
			sum = hist[c->missing];
			rows = count ? count[c->missing].h : 0;
			if (sum.h == 0 && rows == 0)
				continue;		/* the leaf has none that is missing */
		}
		for (int k = 0; k < places; k++)
		{
			sum.g += hist[k].g;
			sum.h += hist[k].h;
			scan.g[k] = sum.g * search->quantum.g;
			scan.h[k] = sum.h * search->quantum.h;
			scan.rows[k] = sum.h * factor;
		}
		if (count)
			for (int k = 0; k < places; k++)
				scan.rows[k] = rows += count[k].h;
		if (clipped)
			scan_clipped(search, leaf, &scan, places, &all, direction);
		else
			scan_gains(&scan, places, &all, params->l1, leaf->l2, least_rows(params), fmax(params->min_child_weight, DBL_MIN));
		for (int k = 0; k < places; k++)
			if (scan.gain[k] > gain)
			{
				gain = scan.gain[k];
				at = k;
			}
		if (at < 0)
			continue;
		/* the sums at the place, in the integers */
		sum = way == 1 ? hist[c->missing] : (GbdtSum) {0, 0};
		for (int k = 0; k <= at; k++)
		{
			sum.g += hist[k].g;
			sum.h += hist[k].h;
		}
		*best = (GbdtSplit) {.gain = gain - shift,.column = column,.bin = at,.missing_left = way == 1,.sum = sum,.rows = scan.rows[at]};
	}
}

/* ---------------------------------------------------------------- categories */

typedef struct Category
{
	int			bin;
	double		order;
	Side		side;
} Category;

static void
take_categories(GbdtSplit *best, const GbdtSearch *search, const GbdtLeafView *leaf, int column, const Category *categories, int from,
				int n, double gain, bool sorted)
{
	const GbdtSum *hist = leaf->hist + search->bins->first[column];

	*best = (GbdtSplit) {.gain = gain,.column = column,.bin = -1,.sorted = sorted,.nleft = n};
	for (int k = from; k < from + n; k++)
	{
		int			bin = categories[k].bin;

		best->left[bin] = 1;
		best->sum.g += hist[bin].g;
		best->sum.h += hist[bin].h;
		best->rows += categories[k].side.rows;
	}
	if (search->bins->column[column].missing >= 0)
		best->missing_left = best->left[search->bins->column[column].missing];
}

static double
parted_gain(const GbdtSearch *search, const GbdtLeafView *leaf, double l2, const Side *left, const Side *all)
{
	Side		right = {all->g - left->g, all->h - left->h, all->rows - left->rows};

	if (!side_fits(search->params, left) || !side_fits(search->params, &right))
		return -INFINITY;
	return clipped_gain(search, leaf, l2, left, &right, 0);
}

/* By order, by insertion: stable, and there are at most 256. */
static void
sort_categories(Category *categories, int n)
{
	for (int i = 1; i < n; i++)
	{
		Category	c = categories[i];
		int			k = i;

		for (; k > 0 && categories[k - 1].order > c.order; k--)
			categories[k] = categories[k - 1];
		categories[k] = c;
	}
}

static void
split_category(const GbdtSearch *search, const GbdtLeafView *leaf, int column, GbdtSplit *best, double shift)
{
	const GbdtParams *params = search->params;
	const TreeBins *bins = search->bins;
	const TreeBinColumn *c = &bins->column[column];
	const GbdtSum *hist = leaf->hist + bins->first[column];
	const GbdtSum *count = leaf->count ? leaf->count + bins->first[column] : NULL;
	double		factor = rows_of_hessian(leaf);
	Side		all = whole(search, leaf);
	Category	categories[256];
	int			n = 0;
	bool		one = c->bins <= params->max_cat_to_onehot;
	double		l2 = leaf->l2;

	for (int k = 0; k < c->bins; k++)
	{
		Side		side = {hist[k].g * search->quantum.g, hist[k].h * search->quantum.h, count ? count[k].h : rint(hist[k].h * factor)};

		/* those with too few rows to be judged stay right */
		if (hist[k].h > 0 && (one || side.rows >= params->cat_smooth))
			categories[n++] = (Category) {k, side.g / (side.h + params->cat_smooth), side};
	}
	if (one)
	{
		for (int k = 0; k < n; k++)
		{
			double		gain = parted_gain(search, leaf, l2, &categories[k].side, &all) - shift;

			if (gain > best->gain)
				take_categories(best, search, leaf, column, categories, k, 1, gain, false);
		}
		return;
	}
	l2 = params->l2 + params->cat_l2;
	sort_categories(categories, n);
	for (int way = 0; way < 2; way++)
	{
		Side		left = {0, 0, 0};
		double		group = 0;
		int			most = (n + 1) / 2 < params->max_cat_threshold ? (n + 1) / 2 : params->max_cat_threshold;

		for (int k = 0; k < n && k < most; k++)
		{
			const Side *side = &categories[way == 0 ? k : n - 1 - k].side;
			double		gain;

			left.g += side->g;
			left.h += side->h;
			left.rows += side->rows;
			group += side->rows;
			if (all.rows - left.rows < params->min_data_per_group)
				break;
			if (group < params->min_data_per_group)
				continue;
			gain = parted_gain(search, leaf, l2, &left, &all) - shift;
			if (gain == -INFINITY)
				continue;
			group = 0;
			if (gain > best->gain)
				take_categories(best, search, leaf, column, categories, way == 0 ? 0 : n - 1 - k, k + 1, gain, true);
		}
	}
}

void
gbdt_split_column(const GbdtSearch *search, const GbdtLeafView *leaf, int column, GbdtSplit *best)
{
	double		shift = leaf_gain(search, leaf);

	if (search->bins->column[column].categories > 0)
		split_category(search, leaf, column, best, shift);
	else
		split_number(search, leaf, column, best, shift);
}
