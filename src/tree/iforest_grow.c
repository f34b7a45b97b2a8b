/*
 * iforest_grow.c - the rows of a tree, and an axis-parallel tree of them
 *
 * Rows are drawn without replacement.  With weights a row is drawn in proportion to what is left of its weight; each time the
 * mean weight is taken from it, so that equal weights come to the same, and heavy rows are drawn several times, as if they were
 * repeated.
 *
 * A split: a column at random among those that are not constant in the node; of a number a place at random between its least and
 * greatest value there; of a category each category to a side at random, with some of those present on both sides.  Rows whose
 * value is missing go, all of them, to the side that has more of the others: where they do not stand out by themselves, they say
 * nothing.  A column that has one value in a node and is missing in some rows is split between these.
 *
 * Cost of a tree: sample_size rows at each of its levels.
 */
#include "iforest_internal.h"

/* ---- drawing */

/* Rows by weight. */
static void
draw_weighted(const IforestRows *rows, int wanted, EcmlRng *rng, IforestScratch *scratch)
{
	double		total = rows->upto[rows->n - 1];
	double		unit = total / (double) rows->n;
	size_t		next = 0;

	for (int i = 0; i < wanted; i++)
	{
		size_t		row;
		int			tries = 0;

		for (;;)
		{
			double		at = ecml_rng_double(rng) * total;
			size_t		low = 0;
			size_t		high = rows->n - 1;
			double		weight;

			while (low < high)
			{
				size_t		middle = (low + high) / 2;

				if (rows->upto[middle] > at)
					high = middle;
				else
					low = middle + 1;
			}
			row = low;
			weight = rows->upto[row] - (row > 0 ? rows->upto[row - 1] : 0);
			/* what is left of it */
			if (at - (row > 0 ? rows->upto[row - 1] : 0) >= scratch->used[row] && scratch->used[row] < weight)
				break;
			if (++tries < 1000)
				continue;
			/* little is left at all: take the next row that was not drawn */
			while (next < rows->n && scratch->used[next] > 0)
				next++;
			if (next < rows->n)
				row = next;
			break;
		}
		scratch->rows[i] = (uint32_t) row;
		scratch->used[row] += unit;
	}
	for (int i = 0; i < wanted; i++)
		scratch->used[scratch->rows[i]] = 0;
}

void
iforest_draw(const IforestRows *rows, const IforestShape *shape, EcmlRng *rng, IforestScratch *scratch)
{
	if (rows->upto)
		draw_weighted(rows, shape->sample_size, rng, scratch);
	else
	{
		/* the first ones of a random order; which numbers stand where before that must not matter: they are put back */
		for (int i = 0; i < shape->sample_size; i++)
		{
			size_t		k = i + ecml_rng_below(rng, rows->n - i);
			uint32_t	row = scratch->all[k];

			scratch->all[k] = scratch->all[i];
			scratch->all[i] = row;
			scratch->rows[i] = row;
		}
		for (size_t i = 0; i < (size_t) shape->sample_size; i++)
		{
			scratch->all[scratch->rows[i]] = scratch->rows[i];
			scratch->all[i] = (uint32_t) i;
		}
	}
	for (int j = 0; j < rows->columns; j++)
		scratch->columns[j] = j;
	for (int i = 0; i < shape->tree_columns && shape->tree_columns < rows->columns; i++)
	{
		int			k = i + (int) ecml_rng_below(rng, rows->columns - i);
		int			column = scratch->columns[k];

		scratch->columns[k] = scratch->columns[i];
		scratch->columns[i] = column;
	}
}

/* ---- splitting */

/* What a node's rows have in a column. */
typedef struct Look
{
	double		low;
	double		high;
	int			missing;
} Look;

static Look
look_at(const IforestRows *rows, const uint32_t *of, int n, int column)
{
	Look		look = {INFINITY, -INFINITY, 0};

	for (int i = 0; i < n; i++)
	{
		double		value = iforest_value(rows, of[i], column);

		look.low = value < look.low ? value : look.low;
		look.high = value > look.high ? value : look.high;
		look.missing += isnan(value);
	}
	return look;
}

typedef struct Split
{
	int			column;
	bool		category;
	double		threshold;
	uint64_t	seed;
	bool		missing_left;
} Split;

static inline bool
goes_left(const Split *split, double value)
{
	if (isnan(value))
		return split->missing_left;
	return split->category ? iforest_category_left(split->seed, (int) value) : value <= split->threshold;
}

/* Rows that are not missing and go left. */
static int
count_left(const IforestRows *rows, const uint32_t *of, int n, const Split *split)
{
	int			left = 0;

	for (int i = 0; i < n; i++)
	{
		double		value = iforest_value(rows, of[i], split->column);

		left += !isnan(value) && goes_left(split, value);
	}
	return left;
}

/* A random split on a column; false: it has one value here. */
static bool
make_split(const IforestRows *rows, const uint32_t *of, int n, int column, EcmlRng *rng, Split *split)
{
	Look		look = look_at(rows, of, n, column);
	int			present = n - look.missing;
	int			left;

	*split = (Split) {.column = column,.category = iforest_categories(rows, column) > 0};
	if (present == 0 || (look.low == look.high && look.missing == 0))
		return false;
	if (look.low == look.high)
	{
		/* the value, and NULL */
		split->threshold = look.low;
		split->seed = ecml_rng_next(rng);
		split->missing_left = !goes_left(split, look.low);
		return true;
	}
	do
	{
		split->seed = ecml_rng_next(rng);
		/* below the greatest value, whatever rounding does */
		split->threshold = fmin(look.low + ecml_rng_double(rng) * (look.high - look.low), nextafter(look.high, -INFINITY));
		left = count_left(rows, of, n, split);
	} while (left == 0 || left == present);
	split->missing_left = 2 * left > present || (2 * left == present && split->seed & 1);
	return true;
}

static void
make_leaf(TreeNode *node, int depth, int n)
{
	node->feature = TREE_LEAF;
	node->threshold = depth + iforest_average_path(n);
	node->left = 0;
	node->words = -1;
	node->missing_left = 0;
	node->gain = 0;
}

int
iforest_grow(const IforestRows *rows, const IforestShape *shape, EcmlRng *rng, IforestScratch *scratch, TreeNode *nodes,
			 uint64_t *seeds)
{
	IforestOpen *open = scratch->open;
	int			nopen = 0;
	int			nnodes = 1;

	iforest_draw(rows, shape, rng, scratch);
	open[nopen++] = (IforestOpen) {0, 0, shape->sample_size, 0, 0};
	while (nopen > 0)
	{
		IforestOpen this = open[--nopen];
		TreeNode   *node = &nodes[this.node];
		uint32_t   *of = scratch->rows + this.from;
		int			n = this.to - this.from;
		bool		found = false;
		Split		split = {0};
		int			left = 0;

		node->cover = (float) n;
		while (n > 1 && this.depth < shape->depth && !found && this.constant < shape->tree_columns)
		{
			int			k = this.constant + (int) ecml_rng_below(rng, shape->tree_columns - this.constant);
			int			column = scratch->columns[k];

			found = make_split(rows, of, n, column, rng, &split);
			if (!found)
			{
				scratch->columns[k] = scratch->columns[this.constant];
				scratch->columns[this.constant++] = column;
			}
		}
		if (!found)
		{
			make_leaf(node, this.depth, n);
			continue;
		}
		for (int i = 0; i < n; i++)
			if (goes_left(&split, iforest_value(rows, of[i], split.column)))
				left = iforest_swap(of, left, i);
		node->feature = split.column;
		node->threshold = split.category ? 0 : split.threshold;
		node->words = split.category ? 0 : -1;
		node->missing_left = split.missing_left;
		node->left = nnodes;
		node->gain = (float) iforest_unevenness(left, n - left);
		seeds[this.node] = split.seed;
		/* a constant column of a node is one of its children; those are done before any other node */
		open[nopen++] = (IforestOpen) {nnodes + 1, this.from + left, this.to, this.depth + 1, this.constant};
		open[nopen++] = (IforestOpen) {nnodes, this.from, this.from + left, this.depth + 1, this.constant};
		nnodes += 2;
	}
	return nnodes;
}
