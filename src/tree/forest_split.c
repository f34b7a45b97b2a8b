/*
 * forest_split.c - the best split of a node on one column
 *
 * The rows of the node are summed by bin; of few rows only the bins that they meet are looked at, so that the many small nodes
 * of a deep tree cost by their rows, not by the bins.  Then the sums are gone through from left to right, each place between two
 * bins being tried with the missing values on either side.
 *
 * Categories are put in the order of their mean, after which the best of all subsets is among the places between two of them,
 * for two classes and for numbers (Fisher 1958, Breiman et al. 1984).  For more classes they are put in the order of each class's
 * share in turn.  What is missing is one more category.  A category that was not seen goes where missing ones go.
 */
#include "tree/forest_internal.h"

#include <string.h>

#define FEW 200					/* rows, below which the bins that are met are noted */
#define CLASS_ORDERS 8			/* orders of categories that are tried, of more classes than two */

/* ---------------------------------------------------------------- sums by bin */

/* Note the bins that are met in seen [4]. */
#define MEET(bin) seen[(bin) / 64] |= UINT64_C(1) << ((bin) % 64)

TREE_INLINE void
count_two(const ForestCount *rows, size_t n, const uint8_t *column, uint64_t *packed, uint64_t *seen, const bool few)
{
	for (size_t i = 0; i < n; i++)
	{
		uint8_t		bin = column[rows[i].row];

		packed[bin] += rows[i].times + ((uint64_t) (rows[i].class ? rows[i].times : 0) << 32);
		if (few)
			MEET(bin);
	}
}

TREE_INLINE void
count_many(const ForestCount *rows, size_t n, const uint8_t *column, int classes, uint32_t *count, uint64_t *seen, const bool few)
{
	for (size_t i = 0; i < n; i++)
	{
		uint8_t		bin = column[rows[i].row];

		count[(size_t) bin * classes + rows[i].class] += rows[i].times;
		if (few)
			MEET(bin);
	}
}

/* [bin][1 + width]: rows, then of numbers weight and weight times target, of classes the weight of each */
TREE_INLINE void
sum_rows(const ForestRow *rows, size_t n, const uint8_t *column, const double *w, int classes, int stride, double *sums,
		 uint64_t *seen, const bool few)
{
	for (size_t i = 0; i < n; i++)
	{
		uint8_t		bin = column[rows[i].row];
		double	   *sum = sums + (size_t) bin * stride;
		double		weight = rows[i].times * (w ? w[rows[i].row] : 1);

		sum[0] += rows[i].times;
		if (classes > 0)
			sum[1 + (int) rows[i].y] += weight;
		else
		{
			sum[1] += weight;
			sum[2] += weight * rows[i].y;
		}
		if (few)
			MEET(bin);
	}
}

/* Move the sums of a bin to the next cell, and make them zero. */
TREE_INLINE void
take_bin(ForestGrower *grower, int bin)
{
	const ForestData *data = grower->data;
	ForestCells *cells = &grower->cells;
	double	   *sum = cells->sum + (size_t) cells->n * data->width;

	if (data->counts && data->classes == 2)
	{
		uint64_t	packed = grower->packed[bin];
		double		rows = (double) (uint32_t) packed;
		double		second = (double) (packed >> 32);

		if (packed == 0)
			return;
		cells->rows[cells->n] = rows;
		sum[0] = (rows - second) * data->class_weight[0];
		sum[1] = second * data->class_weight[1];
		grower->packed[bin] = 0;
	}
	else if (data->counts)
	{
		uint32_t   *count = grower->count + (size_t) bin * data->classes;
		double		rows = 0;

		for (int k = 0; k < data->classes; k++)
		{
			rows += count[k];
			sum[k] = count[k] * data->class_weight[k];
		}
		if (rows == 0)
			return;
		cells->rows[cells->n] = rows;
		memset(count, 0, sizeof(uint32_t) * data->classes);
	}
	else
	{
		double	   *from = grower->sums + (size_t) bin * (1 + data->width);

		if (from[0] == 0)
			return;
		cells->rows[cells->n] = from[0];
		for (int k = 0; k < data->width; k++)
			sum[k] = from[1 + k] * (data->classes > 0 ? data->class_weight[k] : 1);
		memset(from, 0, sizeof(double) * (1 + data->width));
	}
	cells->bin[cells->n++] = (uint8_t) bin;
}

ECML_CLONES static void
fill_cells(ForestGrower *grower, int column)
{
	const ForestData *data = grower->data;
	const uint8_t *bins = data->column[column];
	uint32_t	from = grower->node.from;
	size_t		n = grower->node.to - from;
	bool		few = n < FEW;
	uint64_t	seen[FOREST_BINS / 64] = {0};
	int			stride = 1 + data->width;

	if (data->counts && data->classes == 2)
	{
		const ForestCount *rows = (const ForestCount *) grower->rows + from;

		if (few)
			count_two(rows, n, bins, grower->packed, seen, true);
		else
			count_two(rows, n, bins, grower->packed, seen, false);
	}
	else if (data->counts)
	{
		const ForestCount *rows = (const ForestCount *) grower->rows + from;

		count_many(rows, n, bins, data->classes, grower->count, seen, few);
	}
	else
	{
		const ForestRow *rows = (const ForestRow *) grower->rows + from;

		if (data->classes == 0 && !data->w)
			sum_rows(rows, n, bins, NULL, 0, 3, grower->sums, seen, few);
		else
			sum_rows(rows, n, bins, data->w, data->classes, stride, grower->sums, seen, few);
	}
	grower->cells.n = 0;
	if (few)
	{
		for (int i = 0; i < FOREST_BINS / 64; i++)
			for (uint64_t left = seen[i]; left != 0; left &= left - 1)
				take_bin(grower, 64 * i + __builtin_ctzll(left));
	}
	else
		for (int bin = 0; bin < data->bins->column[column].bins; bin++)
			take_bin(grower, bin);
}

/* ---------------------------------------------------------------- how good a split is */

/* What a side is worth, from its sums: a node's is taken off the sum of its sides'; greater is better. */
TREE_INLINE double
worth(const double *sum, const int width, const int criterion)
{
	double		weight = 0;
	double		v = 0;

	switch (criterion)
	{
		case FOREST_GINI:
			for (int k = 0; k < width; k++)
			{
				weight += sum[k];
				v += sum[k] * sum[k];
			}
			return weight > 0 ? v / weight : 0;
		case FOREST_ENTROPY:
			for (int k = 0; k < width; k++)
			{
				weight += sum[k];
				v += sum[k] > 0 ? sum[k] * log2(sum[k]) : 0;
			}
			return weight > 0 ? v - weight * log2(weight) : 0;
		case FOREST_POISSON:
			return sum[1] > 0 ? sum[1] * log(sum[1] / sum[0]) : 0;
		default:
			return sum[0] > 0 ? sum[1] * sum[1] / sum[0] : 0;
	}
}

double
forest_impurity(const ForestData *data, const double *sums)
{
	double		weight = 0;

	/* of numbers up to what is the same for all ways to split */
	if (data->classes > 0)
		for (int k = 0; k < data->classes; k++)
			weight += sums[k];
	switch (data->criterion)
	{
		case FOREST_GINI:
			return weight - worth(sums, data->width, FOREST_GINI);
		default:
			return -worth(sums, data->width, data->criterion);
	}
}

/* Both sides, before and after: are they large enough, and how good? */
TREE_INLINE void
try_place(const ForestData *data, const double *before, const double *after, double rows_before, double rows_after, const int width,
		  const int criterion, int cell, bool missing_left, ForestPlace *best)
{
	double		v;

	if (rows_before < data->min_leaf || rows_after < data->min_leaf)
		return;
	/* a mean of 0 has no deviance to speak of */
	if (criterion == FOREST_POISSON && !(before[1] > 0 && after[1] > 0))
		return;
	v = worth(before, width, criterion) + worth(after, width, criterion);
	if (!best->found || v > best->worth)
	{
		best->found = true;
		best->worth = v;
		best->cell = cell;
		best->missing_left = missing_left;
	}
}

/*
 * Go through cells order [n] from left to right; missing: a cell beside them, tried on both sides, or -1.
 */
TREE_INLINE void
search_places(ForestGrower *grower, const uint8_t *order, int n, int missing, const int width, const int criterion, ForestPlace *best)
{
	const ForestData *data = grower->data;
	const ForestCells *cells = &grower->cells;
	double	   *before = grower->before;
	double	   *after = grower->after;
	double	   *with = grower->with;
	double		rows = 0;
	double		missing_rows = missing >= 0 ? cells->rows[missing] : 0;
	const double *absent = cells->sum + (size_t) (missing >= 0 ? missing : 0) * width;

	for (int k = 0; k < width; k++)
		before[k] = 0;
	for (int i = 0; i < n; i++)
	{
		const double *sum = cells->sum + (size_t) order[i] * width;

		rows += cells->rows[order[i]];
		for (int k = 0; k < width; k++)
		{
			before[k] += sum[k];
			after[k] = grower->total[k] - before[k];
		}
		/* all that is not missing goes left: what is missing must go right */
		if (i < n - 1 || missing >= 0)
			try_place(data, before, after, rows, grower->total_rows - rows, width, criterion, i + 1, false, best);
		if (i < n - 1 && missing >= 0)
		{
			for (int k = 0; k < width; k++)
			{
				with[k] = before[k] + absent[k];
				after[k] -= absent[k];
			}
			try_place(data, with, after, rows + missing_rows, grower->total_rows - rows - missing_rows, width, criterion, i + 1, true,
					  best);
		}
	}
}

ECML_CLONES static void
search(ForestGrower *grower, int column, const uint8_t *order, int n, int missing, ForestPlace *best)
{
	int			width = grower->data->width;

	switch (grower->data->criterion)
	{
		case FOREST_GINI:
			if (width == 2)
				search_places(grower, order, n, missing, 2, FOREST_GINI, best);
			else
				search_places(grower, order, n, missing, width, FOREST_GINI, best);
			break;
		case FOREST_ENTROPY:
			if (width == 2)
				search_places(grower, order, n, missing, 2, FOREST_ENTROPY, best);
			else
				search_places(grower, order, n, missing, width, FOREST_ENTROPY, best);
			break;
		case FOREST_POISSON:
			search_places(grower, order, n, missing, 2, FOREST_POISSON, best);
			break;
		case FOREST_ABSOLUTE_ERROR:
			forest_absolute_search(grower, column, order, n, missing, best);
			break;
		default:
			search_places(grower, order, n, missing, 2, FOREST_SQUARED_ERROR, best);
			break;
	}
}

/* ---------------------------------------------------------------- numbers, categories */

/* Is this better than what there is?  gain: of the place. */
static bool
better(const ForestGrower *grower, const ForestPlace *place, double *gain)
{
	const ForestData *data = grower->data;

	if (!place->found)
		return false;
	*gain = place->worth + (data->criterion == FOREST_ABSOLUTE_ERROR ? forest_absolute_deviation(grower) :
							-worth(grower->total, data->width, data->criterion));
	/* sums are rounded: no gain may look like a small loss */
	if (*gain < 0 && *gain > -1e-12 * fabs(place->worth))
		*gain = 0;
	return *gain > grower->best.gain;
}

static void
split_number(ForestGrower *grower, int column)
{
	const TreeBinColumn *info = &grower->data->bins->column[column];
	ForestCells *cells = &grower->cells;
	int			n = cells->n;
	int			missing = -1;
	uint8_t		order[FOREST_BINS];
	ForestPlace		place = {.found = false};
	double		gain;
	double		left = 0;

	if (info->missing != TREE_NO_BIN && cells->bin[n - 1] == info->missing)
		missing = --n;
	for (int i = 0; i < n; i++)
		order[i] = (uint8_t) i;
	search(grower, column, order, n, missing, &place);
	if (!better(grower, &place, &gain))
		return;
	grower->best.gain = gain;
	grower->best.column = column;
	/* in the middle of the bins that none of the rows is in */
	grower->best.cut = place.cell < n ? (cells->bin[place.cell - 1] + cells->bin[place.cell] - 1) / 2 : info->values - 1;
	grower->best.missing_left = place.missing_left;
	if (missing < 0)
	{
		/* none is missing here: where most rows go */
		for (int i = 0; i < place.cell; i++)
			left += cells->rows[i];
		grower->best.missing_left = 2 * left > grower->total_rows;
	}
}

/* Sort cells by key, ascending; equal keys by bin. */
static void
sort_cells(uint8_t *order, const double *key, int n)
{
	/* Shell's sort: n is at most 256 */
	for (int gap = n > 64 ? 57 : n > 16 ? 10 : n > 6 ? 4 : 1;; gap = gap == 57 ? 23 : gap == 23 ? 10 : gap == 10 ? 4 : 1)
	{
		for (int i = gap; i < n; i++)
		{
			uint8_t		cell = order[i];
			int			j = i;

			while (j >= gap && (key[order[j - gap]] > key[cell] || (key[order[j - gap]] == key[cell] && order[j - gap] > cell)))
			{
				order[j] = order[j - gap];
				j -= gap;
			}
			order[j] = cell;
		}
		if (gap == 1)
			break;
	}
}

static void
split_category(ForestGrower *grower, int column)
{
	const ForestData *data = grower->data;
	const TreeBinColumn *info = &data->bins->column[column];
	const ForestCells *cells = &grower->cells;
	int			n = cells->n;
	int			orders = data->classes > 2 ? (data->classes < CLASS_ORDERS ? data->classes : CLASS_ORDERS) : 1;
	bool		used[FOREST_MAX_CLASSES];

	if (data->classes > 2)
		memset(used, 0, sizeof(bool) * data->classes);
	for (int o = 0; o < orders; o++)
	{
		uint8_t		order[FOREST_BINS];
		double		key[FOREST_BINS];
		int			class = 1;
		ForestPlace		place = {.found = false};
		double		gain;
		double		left = 0;
		bool		seen_missing = false;

		/* of more classes, the most frequent ones of the node first */
		if (data->classes > 2)
		{
			class = -1;
			for (int k = 0; k < data->classes; k++)
				if (!used[k] && (class < 0 || grower->total[k] > grower->total[class]))
					class = k;
			if (grower->total[class] <= 0)
				break;
			used[class] = true;
		}
		for (int i = 0; i < n; i++)
		{
			const double *sum = cells->sum + (size_t) i * data->width;
			double		weight = 0;

			for (int k = 0; k < data->classes; k++)
				weight += sum[k];
			key[i] = data->classes > 0 ? sum[class] / weight : sum[1] / sum[0];
			order[i] = (uint8_t) i;
		}
		sort_cells(order, key, n);
		search(grower, column, order, n, -1, &place);
		if (!better(grower, &place, &gain))
			continue;
		grower->best.gain = gain;
		grower->best.column = column;
		grower->best.cut = -1;
		memset(grower->best.left, 0, sizeof(grower->best.left));
		for (int i = 0; i < place.cell; i++)
		{
			int			bin = cells->bin[order[i]];

			left += cells->rows[order[i]];
			grower->best.left[bin / 64] |= UINT64_C(1) << (bin % 64);
		}
		for (int i = 0; i < n; i++)
			seen_missing = seen_missing || cells->bin[i] == info->missing;
		if (seen_missing)
			grower->best.missing_left = grower->best.left[info->missing / 64] >> (info->missing % 64) & 1;
		else
			grower->best.missing_left = 2 * left > grower->total_rows;
		/* bins that none of the rows is in go with what is missing */
		if (grower->best.missing_left)
		{
			uint64_t	present[FOREST_BINS / 64] = {0};

			for (int i = 0; i < n; i++)
				present[cells->bin[i] / 64] |= UINT64_C(1) << (cells->bin[i] % 64);
			for (int i = 0; i < FOREST_BINS / 64; i++)
				grower->best.left[i] |= ~present[i];
		}
	}
}

bool
forest_split_column(ForestGrower *grower, int column)
{
	fill_cells(grower, column);
	if (grower->cells.n < 2)
		return false;
	if (grower->data->bins->column[column].categories > 0)
		split_category(grower, column);
	else
		split_number(grower, column);
	return true;
}
