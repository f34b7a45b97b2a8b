/*
 * tree_walk.c - scoring a row with what tree_scorer.h describes
 *
 * Cost: some 5 ns a feature for its rank; a load of 64 bytes for each feature and 16 trees; a nanosecond a tree for its leaf; for
 * trees that do not end in their top about as much again for each further split.  All of it is exact.
 */
#include "tree/tree_scorer.h"

#include <string.h>

typedef uint32_t Ways __attribute__((vector_size(4 * TREE_STRIDE)));
typedef double Numbers __attribute__((vector_size(64), aligned(8), may_alias));
typedef int64_t Counts __attribute__((vector_size(64), may_alias));
typedef int64_t Counts4 __attribute__((vector_size(32), may_alias));
typedef int64_t Counts2 __attribute__((vector_size(16), may_alias));

/* ---------------------------------------------------------------- ranks */

TREE_INLINE uint32_t
count_below_16(const double *cuts, double x)
{
	const Numbers *v = (const Numbers *) cuts;
	Counts		below = (v[0] < x) + (v[1] < x);	/* lanes are 0, -1 or -2 */
	Counts4		by4;
	Counts2		by2;

	by4 = ((const Counts4 *) &below)[0] + ((const Counts4 *) &below)[1];
	by2 = ((const Counts2 *) &by4)[0] + ((const Counts2 *) &by4)[1];
	return (uint32_t) -(by2[0] + by2[1]);
}

/* How many cuts are below x; 0 for NaN. */
TREE_INLINE uint32_t
rank_of(const TreeColumn *column, double x)
{
	const double *pivots = column->pivots;
	uint32_t	block = 0;
	uint32_t	n = column->npivots;

	while (n > 16)
	{
		uint32_t	half = n / 2;

		block += pivots[block + half - 1] < x ? half : 0;
		n -= half;
	}
	if (n > 0)
		block += count_below_16(pivots + block, x);
	return 16 * block + count_below_16(column->cuts + 16 * (size_t) block, x);
}

/* The ranks of a row, and the rows of the table that they open. */
TREE_INLINE void
rank_row(const TreeScorer *scorer, TreeScratch *scratch, const double *x)
{
	const uint32_t **open = scratch->open;

	for (int u = 0; u < scorer->ncolumns; u++)
	{
		const TreeColumn *column = &scorer->columns[u];
		double		value = x[column->feature];
		uint32_t	row;

		if (column->categories > 0)
		{
			row = tree_code(value, column->categories);
			scratch->ranks[2 * u] = row;
			scratch->ranks[2 * u + 1] = row;
		}
		else if (isnan(value))
		{
			row = column->rows - 1;
			scratch->ranks[2 * u] = TREE_RANK_MISSING;
			scratch->ranks[2 * u + 1] = 0;
		}
		else
		{
			row = rank_of(column, value);
			scratch->ranks[2 * u] = row;
			scratch->ranks[2 * u + 1] = row;
			if (column->row_of)
				row = column->row_of[row];
		}
		if (column->rows > 0)
			*open++ = scorer->table + (column->first_row + row) * scorer->stride;
	}
}

/* ---------------------------------------------------------------- tops */

/* ways = the AND of the open rows, for n vectors of trees from number first on */
TREE_INLINE void
close_ways(const TreeScorer *scorer, TreeScratch *scratch, int first, const int n)
{
	Ways		open[4];

	for (int v = 0; v < n; v++)
		open[v] = (Ways) {} - 1;
	for (int u = 0; u < scorer->ntops; u++)
	{
		const Ways *row = (const Ways *) scratch->open[u] + first;

		for (int v = 0; v < n; v++)
			open[v] &= row[v];
	}
	for (int v = 0; v < n; v++)
		((Ways *) scratch->ways)[first + v] = open[v];
}

TREE_INLINE void
close_all_ways(const TreeScorer *scorer, TreeScratch *scratch)
{
	int			n = scorer->stride / TREE_STRIDE;
	int			first = 0;

	for (; n - first >= 4; first += 4)
		close_ways(scorer, scratch, first, 4);
	switch (n - first)
	{
		case 3:
			close_ways(scorer, scratch, first, 3);
			break;
		case 2:
			close_ways(scorer, scratch, first, 2);
			break;
		case 1:
			close_ways(scorer, scratch, first, 1);
			break;
	}
}

/* The sum of the leaves behind the ways, where all trees are all top and speak for one output. */
TREE_INLINE double
sum_of_ways(const TreeScorer *scorer, const TreeScratch *scratch, int ntrees)
{
	double		lane[TREE_LANES] = {0};
	const double *value = scorer->way_value;
	int			t = 0;

	for (; t + TREE_LANES <= ntrees; t += TREE_LANES, value += TREE_LANES * TREE_WAYS)
	{
#pragma GCC unroll 8
		for (int l = 0; l < TREE_LANES; l++)
			lane[l] += value[l * TREE_WAYS + __builtin_ctz(scratch->ways[t + l])];
	}
	for (int l = 0; t < ntrees; t++, l++)
		lane[l] += value[l * TREE_WAYS + __builtin_ctz(scratch->ways[t])];
	return tree_sum_lanes(lane);
}

/* ---------------------------------------------------------------- walk */

/* One split further down, for one tree; a leaf stays. */
TREE_INLINE uint32_t
step_down(const TreeScorer *scorer, const TreeScratch *scratch, uint32_t at, const bool by_category)
{
	TreeStep	step = scorer->steps[at];
	uint32_t	rank = scratch->ranks[TREE_STEP_SLOT(step)];
	uint32_t	cut = TREE_STEP_CUT(step);
	uint32_t	right = rank > cut;

	if (by_category)
	{
		/* of a number, the first bits of the first word, which are set */
		uint32_t	mask = -(cut / TREE_BY_CATEGORY);
		uint32_t	word = scorer->words[(((cut & (TREE_BY_CATEGORY - 1)) + rank / 32)) & mask];

		right |= ~(word >> (rank % 32)) & 1;
	}
	return at + TREE_STEP_NODE(step) + right;
}

TREE_INLINE void
walk_down(const TreeScorer *scorer, TreeScratch *scratch, const bool by_category)
{
	for (int g = 0; g < scorer->nwalked; g += TREE_TOGETHER)
	{
		const int  *tree = scorer->walked + g;
		uint32_t	at[TREE_TOGETHER];
		uint32_t	moved;

		for (int l = 0; l < TREE_TOGETHER; l++)
			at[l] = scratch->at[tree[l]];
		do
		{
			moved = 0;
#pragma GCC unroll 8
			for (int l = 0; l < TREE_TOGETHER; l++)
				at[l] = step_down(scorer, scratch, at[l], by_category);
#pragma GCC unroll 8
			for (int l = 0; l < TREE_TOGETHER; l++)
			{
				uint32_t	next = step_down(scorer, scratch, at[l], by_category);

				moved |= next ^ at[l];
				at[l] = next;
			}
		} while (moved != 0);
		for (int l = 0; l < TREE_TOGETHER; l++)
			scratch->at[tree[l]] = at[l];
	}
}

/* Without ranks: nodes as they are, some trees at a time so that their memory is waited for together. */
TREE_INLINE void
walk_nodes(const TreeForest *forest, TreeScratch *scratch, const double *x)
{
	for (int first = 0; first < forest->ntrees; first += TREE_TOGETHER)
	{
		int			n = forest->ntrees - first < TREE_TOGETHER ? forest->ntrees - first : TREE_TOGETHER;
		const TreeNode *node[TREE_TOGETHER];
		bool		moved;

		for (int l = 0; l < n; l++)
			node[l] = tree_root(forest, first + l);
		do
		{
			moved = false;
			for (int l = 0; l < n; l++)
				if (node[l]->feature != TREE_LEAF)
				{
					node[l] = tree_root(forest, first + l) + node[l]->left + !tree_goes_left(forest, node[l], x);
					moved = true;
				}
		} while (moved);
		for (int l = 0; l < n; l++)
			scratch->at[first + l] = (uint32_t) (node[l] - forest->nodes);
	}
}

/* ---------------------------------------------------------------- sums */

TREE_INLINE double
value_at(const TreeForest *forest, const TreeScorer *scorer, const TreeScratch *scratch, int tree)
{
	if (scorer->way_value)
		return scorer->way_value[(size_t) tree * TREE_WAYS + __builtin_ctz(scratch->ways[tree])];
	if (scorer->leaf_value)
		return scorer->leaf_value[scratch->at[tree]];
	return forest->nodes[scratch->at[tree]].threshold;
}

TREE_INLINE const float *
vector_at(const TreeForest *forest, const TreeScorer *scorer, const TreeScratch *scratch, int tree)
{
	uint32_t	at = scratch->at[tree];
	size_t		number = scorer->leaf_vector ? scorer->leaf_vector[at] : (uint32_t) forest->nodes[at].left;

	return forest->vectors + number * forest->outputs;
}

TREE_INLINE void
sum_numbers(const TreeForest *forest, const TreeScorer *scorer, TreeScratch *scratch, double *out)
{
	int			outputs = forest->outputs;

	for (int k = 0; k < outputs; k++)
	{
		double		lane[TREE_LANES] = {0};

		for (int t = k, l = 0; t < forest->ntrees; t += outputs, l = (l + 1) % TREE_LANES)
			lane[l] += value_at(forest, scorer, scratch, t);
		out[k] = forest->base[k] + forest->scale * tree_sum_lanes(lane);
	}
}

TREE_INLINE void
sum_vectors(const TreeForest *forest, const TreeScorer *scorer, TreeScratch *scratch, double *out)
{
	int			outputs = forest->outputs;
	double	   *lanes = scratch->lanes;

	memset(lanes, 0, sizeof(double) * TREE_LANES * outputs);
	for (int t = 0; t < forest->ntrees; t++)
	{
		const float *vector = vector_at(forest, scorer, scratch, t);
		double	   *lane = lanes + (size_t) (t % TREE_LANES) * outputs;

		for (int k = 0; k < outputs; k++)
			lane[k] += vector[k];
	}
	for (int k = 0; k < outputs; k++)
	{
		double		lane[TREE_LANES];

		for (int l = 0; l < TREE_LANES; l++)
			lane[l] = lanes[(size_t) l * outputs + k];
		out[k] = forest->base[k] + forest->scale * tree_sum_lanes(lane);
	}
}

ECML_CLONES void
tree_scorer_predict(const TreeForest *forest, TreeScratch *scratch, const double *x, double *out)
{
	const TreeScorer *scorer = forest->scorer;

	if (!scorer->ranked)
		walk_nodes(forest, scratch, x);
	else
	{
		rank_row(scorer, scratch, x);
		if (scorer->table)
		{
			close_all_ways(scorer, scratch);
			if (scorer->way_value && forest->outputs == 1)
			{
				out[0] = forest->base[0] + forest->scale * sum_of_ways(scorer, scratch, forest->ntrees);
				return;
			}
			if (scorer->way_node)
				for (int t = 0; t < forest->ntrees; t++)
					scratch->at[t] = scorer->way_node[(size_t) t * TREE_WAYS + __builtin_ctz(scratch->ways[t])];
		}
		else
			for (int t = 0; t < forest->ntrees; t++)
				scratch->at[t] = (uint32_t) forest->first[t];
		if (scorer->nwalked > 0)
		{
			if (scorer->by_category)
				walk_down(scorer, scratch, true);
			else
				walk_down(scorer, scratch, false);
		}
	}
	if (forest->leaf_outputs == 1)
		sum_numbers(forest, scorer, scratch, out);
	else
		sum_vectors(forest, scorer, scratch, out);
}
