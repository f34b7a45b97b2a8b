/*
 * tree_scorer.c - deriving the fast scorer from a forest: ranks, tops, steps (tree_scorer.h says what they are)
 *
 * It is made when a model is read into a session, so it must not be dear: thresholds are sorted once, 40 ns each; a row of the
 * table costs a copy; a node a search.  Beside the forest it takes at most TABLE_BYTES and 16 bytes a node.  Where a forest is so
 * small that walking it costs less than ranking the features of a row, or so large that the numbers of a step do not hold it,
 * nothing is derived.
 */
#include "tree/tree_scorer.h"

#include <stdlib.h>
#include <string.h>

#define TABLE_BYTES ((size_t) 3 << 20)	/* more would not stay in a core's cache */
#define TABLE_CATEGORIES 512	/* a row for each */
#define RANKED_NODES (8 << 20)	/* beyond, memory is what walking waits for, in steps or in nodes */

/* about what they take, in nanoseconds; only for the choice between ways that give the same bits */
#define COST_SPLIT 2.5			/* walking a node */
#define COST_STEP 1.0			/* walking a step, several trees at a time */
#define COST_RANK 5.0			/* a feature */
#define COST_VECTOR 1.0			/* a feature's ways of TREE_STRIDE trees */
#define COST_WAY 1.5			/* from ways to the node behind */

/* ---------------------------------------------------------------- ranks */

/* The features that split, with their cuts and pivots.  False: too many for a step. */
static bool
make_columns(EcmlCtx *ctx, const TreeForest *forest, TreeScorer *scorer, int *column_of)
{
	TreeCuts   *cuts = tree_cuts_create(ctx, forest);
	bool	   *splits = ECML_NEW0(ctx, bool, forest->features + 1);
	double	   *ranked;
	size_t		total = 0;
	bool		fits = true;

	for (size_t i = 0; i < forest->first[forest->ntrees]; i++)
		if (forest->nodes[i].feature >= 0)
			splits[forest->nodes[i].feature] = true;
	for (int j = 0; j < forest->features; j++)
	{
		column_of[j] = splits[j] ? scorer->ncolumns++ : -1;
		fits = fits && cuts->count[j] < TREE_RANK_MISSING;
		/* with room for the blocks past the last one: a search may count there */
		total += 16 * (cuts->count[j] / 16 + 1) + 16 * (cuts->count[j] / 256 + 2);
	}
	fits = fits && 2 * scorer->ncolumns <= 1 << TREE_SLOT_BITS;
	if (fits)
	{
		scorer->columns = ECML_NEW0(ctx, TreeColumn, scorer->ncolumns + 1);
		ranked = ECML_NEW(ctx, double, total + 1);
	}
	for (int j = 0; fits && j < forest->features; j++)
	{
		TreeColumn *column = &scorer->columns[column_of[j]];
		int			padded = 16 * (cuts->count[j] / 16 + 1);
		int			padded_pivots = 16 * (cuts->count[j] / 256 + 2);

		if (!splits[j])
			continue;
		column->feature = j;
		column->categories = forest->categories[j];
		if (column->categories > 0)
			continue;
		column->ncuts = cuts->count[j];
		column->npivots = column->ncuts / 16;
		column->cuts = ranked;
		memcpy(ranked, cuts->cuts + cuts->first[j], sizeof(double) * column->ncuts);
		for (int i = column->ncuts; i < padded; i++)
			ranked[i] = INFINITY;
		ranked += padded;
		column->pivots = ranked;
		for (int i = 0; i < padded_pivots; i++)
			ranked[i] = i < column->npivots ? column->cuts[16 * i + 15] : INFINITY;
		ranked += padded_pivots;
	}
	tree_cuts_free(ctx, cuts);
	ecml_free(ctx, splits);
	return fits;
}

TREE_INLINE int
cut_of(const TreeColumn *column, double threshold)
{
	return tree_cut_number(column->cuts, column->ncuts, threshold);
}

/* ---------------------------------------------------------------- tops */

/* A split of a top. */
typedef struct Event
{
	const TreeNode *node;
	int			tree;
	int			column;
	int			cut;			/* of a number */
	uint32_t	closes;			/* the ways out to its left */
} Event;

typedef struct Tops
{
	int			nevents;
	Event	   *events;			/* [ntrees][TREE_TOP_SPLITS] at most */
	uint32_t   *way_node;		/* [ntrees][TREE_WAYS] */
	bool		complete;		/* no tree has more splits */
	double		passed;			/* splits that a row passes below the tops, all trees together; by cover */
} Tops;

/* A node of a top under way: a split that is in, or a way out. */
typedef struct TopNode
{
	const TreeNode *node;
	int			left;			/* its children among the top's nodes; 0: a way out */
} TopNode;

/* Number the ways out under a node from left to right, and note what each split closes. */
static void
number_ways(const TreeForest *forest, const TopNode *top, int i, int tree, const int *column_of, Tops *tops, int *ways)
{
	int			first = *ways;
	Event	   *event;

	if (top[i].left == 0)
	{
		tops->way_node[(size_t) tree * TREE_WAYS + (*ways)++] = (uint32_t) (top[i].node - forest->nodes);
		return;
	}
	number_ways(forest, top, top[i].left, tree, column_of, tops, ways);
	event = &tops->events[tops->nevents++];
	event->node = top[i].node;
	event->tree = tree;
	event->column = column_of[top[i].node->feature];
	event->closes = (uint32_t) ((UINT64_C(1) << *ways) - (UINT64_C(1) << first));
	number_ways(forest, top, top[i].left + 1, tree, column_of, tops, ways);
}

/* Take at most limit splits of a tree into its top, always the one next that most rows come by. */
static void
choose_top(const TreeForest *forest, int tree, const int *column_of, int limit, Tops *tops)
{
	const TreeNode *root = tree_root(forest, tree);
	TopNode		top[2 * TREE_TOP_SPLITS + 1];
	int			n = 1;
	int			ways = 0;

	top[0].node = root;
	top[0].left = 0;
	for (int taken = 0; taken < limit; taken++)
	{
		int			best = -1;

		for (int i = 0; i < n; i++)
			if (top[i].left == 0 && top[i].node->feature != TREE_LEAF &&
				forest->categories[top[i].node->feature] <= TABLE_CATEGORIES &&
				(best < 0 || top[i].node->cover > top[best].node->cover))
				best = i;
		if (best < 0)
			break;
		top[best].left = n;
		top[n].node = root + top[best].node->left;
		top[n].left = 0;
		top[n + 1].node = top[n].node + 1;
		top[n + 1].left = 0;
		n += 2;
	}
	number_ways(forest, top, 0, tree, column_of, tops, &ways);
	for (int i = 0; i < n; i++)
		if (top[i].left == 0 && top[i].node->feature != TREE_LEAF)
			tops->complete = false;
		else if (top[i].left != 0)
			tops->passed -= top[i].node->cover / root->cover;
	/* ways that no tree's row ever leaves open as the first */
	while (ways < TREE_WAYS)
	{
		tops->way_node[(size_t) tree * TREE_WAYS + ways] = tops->way_node[(size_t) tree * TREE_WAYS + ways - 1];
		ways++;
	}
}

/* By column, then by cut. */
static int
by_column_and_cut(const void *a, const void *b)
{
	const Event *x = a;
	const Event *y = b;

	if (x->column != y->column)
		return x->column < y->column ? -1 : 1;
	if (x->cut != y->cut)
		return x->cut < y->cut ? -1 : 1;
	return 0;
}

/* How many rows each column needs; the number of them all. */
static size_t
count_rows(TreeScorer *scorer, const Tops *tops)
{
	size_t		total = 0;

	scorer->ntops = 0;
	for (int u = 0; u < scorer->ncolumns; u++)
		scorer->columns[u].rows = 0;
	for (int e = 0; e < tops->nevents; e++)
	{
		const Event *event = &tops->events[e];
		TreeColumn *column = &scorer->columns[event->column];

		if (column->categories > 0)
			column->rows = column->categories + 1;
		else if (column->rows == 0)
			column->rows = 3;	/* below the first cut, above it, missing */
		else if (event->cut != event[-1].cut)
			column->rows++;
	}
	for (int u = 0; u < scorer->ncolumns; u++)
	{
		scorer->columns[u].first_row = total;
		total += scorer->columns[u].rows;
		scorer->ntops += scorer->columns[u].rows > 0;
	}
	return total;
}

/* Fill the table's rows of one column from its events [n], which are sorted. */
static void
fill_rows(EcmlCtx *ctx, const TreeForest *forest, TreeScorer *scorer, TreeColumn *column, const Event *events, int n)
{
	size_t		stride = scorer->stride;
	uint32_t   *row = scorer->table + column->first_row * stride;
	uint32_t   *missing = row + (column->rows - 1) * stride;

	memset(missing, 0xff, stride * sizeof(uint32_t));
	for (int e = 0; e < n; e++)
		if (!events[e].node->missing_left)
			missing[events[e].tree] &= ~events[e].closes;
	memset(row, 0xff, (column->categories > 0 ? column->categories : 1) * stride * sizeof(uint32_t));
	if (column->categories > 0)
	{
		for (int e = 0; e < n; e++)
		{
			const uint32_t *words = forest->words + events[e].node->words;

			for (int c = 0; c < column->categories; c++)
				if (!(words[c / 32] >> (c % 32) & 1))
					row[(size_t) c * stride + events[e].tree] &= ~events[e].closes;
		}
		return;
	}
	for (int e = 0; e < n; e++)
	{
		if (e == 0 || events[e].cut != events[e - 1].cut)
		{
			memcpy(row + stride, row, stride * sizeof(uint32_t));
			row += stride;
		}
		row[events[e].tree] &= ~events[e].closes;
	}
	if (column->rows != (uint32_t) column->ncuts + 2)
	{
		uint16_t   *row_of = ECML_NEW(ctx, uint16_t, column->ncuts + 1);
		int			at = 0;
		int			e = 0;

		for (int rank = 0; rank <= column->ncuts; rank++)
		{
			/* rank - 1 is the last cut that is below */
			if (rank > 0 && e < n && events[e].cut == rank - 1)
			{
				at++;
				while (e < n && events[e].cut == rank - 1)
					e++;
			}
			row_of[rank] = (uint16_t) at;
		}
		column->row_of = row_of;
	}
}

/* Tops, and their table, if they pay. */
static void
make_tops(EcmlCtx *ctx, const TreeForest *forest, TreeScorer *scorer, const int *column_of, double passed)
{
	Tops		tops;
	size_t		stride = ((size_t) forest->ntrees + TREE_STRIDE - 1) / TREE_STRIDE * TREE_STRIDE;

	/* the bytes of one row for each tree are more than all there may be */
	if (stride * sizeof(uint32_t) > TABLE_BYTES / 4)
		return;
	tops.events = ECML_NEW(ctx, Event, (size_t) forest->ntrees * TREE_TOP_SPLITS);
	tops.way_node = ECML_NEW(ctx, uint32_t, (size_t) forest->ntrees * TREE_WAYS);
	for (int limit = TREE_TOP_SPLITS; limit >= 7; limit /= 2)
	{
		size_t		rows;

		tops.nevents = 0;
		tops.complete = true;
		tops.passed = passed;
		for (int t = 0; t < forest->ntrees; t++)
			choose_top(forest, t, column_of, limit, &tops);
		for (int e = 0; e < tops.nevents; e++)
		{
			const TreeColumn *column = &scorer->columns[tops.events[e].column];

			tops.events[e].cut = column->categories > 0 ? 0 : cut_of(column, tops.events[e].node->threshold);
		}
		qsort(tops.events, tops.nevents, sizeof(Event), by_column_and_cut);
		rows = count_rows(scorer, &tops);
		if (rows <= TABLE_BYTES / sizeof(uint32_t) / stride && rows <= UINT16_MAX &&
			ecml_fits(ctx, 2 * rows * stride * sizeof(uint32_t)) &&
			COST_VECTOR * scorer->ntops * (stride / TREE_STRIDE) + COST_WAY * forest->ntrees + COST_STEP * tops.passed <
			COST_STEP * passed)
		{
			scorer->stride = (int) stride;
			scorer->table = ECML_NEW(ctx, uint32_t, rows * stride);
			break;
		}
	}
	if (scorer->table == NULL)
	{
		scorer->ntops = 0;
		for (int u = 0; u < scorer->ncolumns; u++)
			scorer->columns[u].rows = 0;
		ecml_free(ctx, tops.way_node);
	}
	else
	{
		for (int e = 0, n; e < tops.nevents; e += n)
		{
			for (n = 1; e + n < tops.nevents && tops.events[e + n].column == tops.events[e].column; n++)
				;
			fill_rows(ctx, forest, scorer, &scorer->columns[tops.events[e].column], tops.events + e, n);
		}
		if (tops.complete && forest->leaf_outputs == 1)
		{
			scorer->way_value = ECML_NEW(ctx, double, (size_t) forest->ntrees * TREE_WAYS);
			for (size_t i = 0; i < (size_t) forest->ntrees * TREE_WAYS; i++)
				scorer->way_value[i] = forest->nodes[tops.way_node[i]].threshold;
			ecml_free(ctx, tops.way_node);
		}
		else
			scorer->way_node = tops.way_node;
	}
	ecml_free(ctx, tops.events);
}

/* ---------------------------------------------------------------- walk */

/* For each split on a category its words with a bit more, of what is missing.  False: too many of them. */
static bool
make_words(EcmlCtx *ctx, const TreeForest *forest, TreeScorer *scorer, uint32_t *at)
{
	size_t		nnodes = forest->first[forest->ntrees];
	size_t		total = 1;
	uint32_t   *words;

	for (size_t i = 0; i < nnodes; i++)
		if (forest->nodes[i].words >= 0)
			total += forest->categories[forest->nodes[i].feature] / 32 + 1;
	if (total > TREE_BY_CATEGORY)
		return false;
	scorer->by_category = total > 1;
	words = ECML_NEW0(ctx, uint32_t, total);
	words[0] = UINT32_MAX;
	total = 1;
	for (size_t i = 0; i < nnodes; i++)
	{
		const TreeNode *node = &forest->nodes[i];

		if (node->words >= 0)
		{
			int			categories = forest->categories[node->feature];

			memcpy(words + total, forest->words + node->words, TREE_WORDS(categories) * sizeof(uint32_t));
			words[total + categories / 32] |= node->missing_left << (categories % 32);
			at[i] = (uint32_t) total;
			total += categories / 32 + 1;
		}
	}
	scorer->words = words;
	return true;
}

/* Splits from a node of a tree to its deepest leaf, for all nodes: depth [nnodes]. */
static void
measure_depths(const TreeNode *root, size_t nnodes, int *depth)
{
	for (size_t i = nnodes; i-- > 0;)
	{
		depth[i] = 0;
		if (root[i].feature != TREE_LEAF)
		{
			int			left = depth[root[i].left];
			int			right = depth[root[i].left + 1];

			depth[i] = 1 + (left > right ? left : right);
		}
	}
}

typedef struct Walked
{
	int			tree;
	int			depth;			/* of what is left to walk */
} Walked;

static int
deepest_first(const void *a, const void *b)
{
	const Walked *x = a;
	const Walked *y = b;

	if (x->depth != y->depth)
		return x->depth > y->depth ? -1 : 1;
	return x->tree < y->tree ? -1 : 1;
}

/* Which trees are walked, and in which company. */
static void
choose_walked(EcmlCtx *ctx, const TreeForest *forest, TreeScorer *scorer)
{
	Walked	   *walked = ECML_NEW(ctx, Walked, forest->ntrees + 1);
	int		   *depth = ECML_NEW(ctx, int, forest->first[forest->ntrees] + 1);
	int			n = 0;

	for (int t = 0; t < forest->ntrees; t++)
	{
		measure_depths(tree_root(forest, t), forest->first[t + 1] - forest->first[t], depth + forest->first[t]);
		walked[n].tree = t;
		walked[n].depth = scorer->table ? 0 : depth[forest->first[t]];
		for (int i = 0; scorer->table && i < TREE_WAYS; i++)
		{
			int			left = depth[scorer->way_node[(size_t) t * TREE_WAYS + i]];

			walked[n].depth = left > walked[n].depth ? left : walked[n].depth;
		}
		n += walked[n].depth > 0;
	}
	qsort(walked, n, sizeof(Walked), deepest_first);
	scorer->nwalked = (n + TREE_TOGETHER - 1) / TREE_TOGETHER * TREE_TOGETHER;
	scorer->walked = ECML_NEW(ctx, int, scorer->nwalked + 1);
	for (int i = 0; i < scorer->nwalked; i++)
		scorer->walked[i] = walked[i < n ? i : n - 1].tree;
	ecml_free(ctx, depth);
	ecml_free(ctx, walked);
}

/* The steps of all trees. */
static bool
make_steps(EcmlCtx *ctx, const TreeForest *forest, TreeScorer *scorer, const int *column_of)
{
	size_t		nnodes = forest->first[forest->ntrees];
	uint32_t   *words_at = forest->nwords > 0 ? ECML_NEW(ctx, uint32_t, nnodes) : NULL;

	if (!make_words(ctx, forest, scorer, words_at))
		return false;
	scorer->steps = ECML_NEW(ctx, TreeStep, nnodes + 1);
	if (forest->leaf_outputs == 1)
		scorer->leaf_value = ECML_NEW(ctx, double, nnodes + 1);
	else
		scorer->leaf_vector = ECML_NEW(ctx, uint32_t, nnodes + 1);
	for (int t = 0; t < forest->ntrees; t++)
		for (size_t i = forest->first[t]; i < forest->first[t + 1]; i++)
		{
			const TreeNode *node = &forest->nodes[i];
			uint64_t	cut = TREE_CUT_LEAF;
			uint64_t	slot = 0;
			uint64_t	behind = 0;

			if (scorer->leaf_value)
				scorer->leaf_value[i] = node->threshold;
			else
				scorer->leaf_vector[i] = (uint32_t) node->left;
			if (node->feature != TREE_LEAF)
			{
				int			u = column_of[node->feature];

				behind = forest->first[t] + node->left - i;
				slot = 2 * u + (node->missing_left != 0);
				cut = node->words >= 0 ? words_at[i] | TREE_BY_CATEGORY : (uint32_t) cut_of(&scorer->columns[u], node->threshold);
			}
			scorer->steps[i] = behind | slot << TREE_STEP_BITS | cut << (TREE_STEP_BITS + TREE_SLOT_BITS);
		}
	ecml_free(ctx, words_at);
	choose_walked(ctx, forest, scorer);
	return true;
}

/* ---------------------------------------------------------------- the whole */

TreeScratch *
tree_scratch_create(EcmlCtx *ctx, const TreeForest *forest)
{
	const TreeScorer *scorer = forest->scorer;
	TreeScratch *scratch = ECML_NEW0(ctx, TreeScratch, 1);

	scratch->ranks = ECML_NEW0(ctx, uint32_t, 2 * scorer->ncolumns + 1);
	scratch->open = ECML_NEW(ctx, const uint32_t *, scorer->ntops + 1);
	scratch->ways = ECML_NEW0(ctx, uint32_t, scorer->stride + 1);
	scratch->at = ECML_NEW0(ctx, uint32_t, forest->ntrees + 1);
	if (forest->leaf_outputs > 1)
		scratch->lanes = ECML_NEW(ctx, double, (size_t) TREE_LANES * forest->outputs);
	return scratch;
}

static void
free_scratch(EcmlCtx *ctx, TreeScratch *scratch)
{
	ecml_free(ctx, scratch->ranks);
	ecml_free(ctx, scratch->open);
	ecml_free(ctx, scratch->ways);
	ecml_free(ctx, scratch->at);
	ecml_free(ctx, scratch->lanes);
	ecml_free(ctx, scratch);
}

/* Splits that a row passes in all trees together, by cover. */
static double
count_passed(const TreeForest *forest)
{
	double		passed = 0;

	for (int t = 0; t < forest->ntrees; t++)
	{
		double		sum = 0;

		for (size_t i = forest->first[t]; i < forest->first[t + 1]; i++)
			if (forest->nodes[i].feature != TREE_LEAF)
				sum += forest->nodes[i].cover;
		passed += sum / tree_root(forest, t)->cover;
	}
	return passed;
}

void
tree_scorer_create(EcmlCtx *ctx, TreeForest *forest)
{
	TreeScorer *scorer = ECML_NEW0(ctx, TreeScorer, 1);
	int		   *column_of = ECML_NEW(ctx, int, forest->features + 1);
	double		passed = count_passed(forest);

	forest->scorer = scorer;
	if (!forest->slow && forest->first[forest->ntrees] <= RANKED_NODES && make_columns(ctx, forest, scorer, column_of) &&
		COST_RANK * scorer->ncolumns < (COST_SPLIT - COST_STEP) * passed)
	{
		make_tops(ctx, forest, scorer, column_of, passed);
		scorer->ranked = scorer->way_value || make_steps(ctx, forest, scorer, column_of);
	}
	if (!scorer->ranked)
		memset(scorer, 0, sizeof(*scorer));
	scorer->scratch = tree_scratch_create(ctx, forest);
	ecml_free(ctx, column_of);
}

void
tree_forest_predict(const TreeForest *forest, const double *x, double *out)
{
	tree_scorer_predict(forest, forest->scorer->scratch, x, out);
}

#define ROWS_A_TASK 256

typedef struct Rows
{
	const TreeForest *forest;
	TreeScratch **scratch;		/* by worker */
	size_t		rows;
	const double *x;
	double	   *out;
} Rows;

static void
predict_some(void *arg, size_t i, int worker)
{
	const Rows *rows = arg;
	size_t		end = (i + 1) * ROWS_A_TASK < rows->rows ? (i + 1) * ROWS_A_TASK : rows->rows;

	for (size_t r = i * ROWS_A_TASK; r < end; r++)
		tree_scorer_predict(rows->forest, rows->scratch[worker], rows->x + r * rows->forest->features,
							rows->out + r * rows->forest->outputs);
}

void
tree_forest_predict_rows(EcmlCtx *ctx, const TreeForest *forest, size_t rows, const double *x, double *out)
{
	size_t		tasks = (rows + ROWS_A_TASK - 1) / ROWS_A_TASK;
	int			workers = ecml_workers(ctx, tasks);
	Rows		all = {.forest = forest,.rows = rows,.x = x,.out = out};

	all.scratch = ECML_NEW(ctx, TreeScratch *, workers);
	for (int i = 0; i < workers; i++)
		all.scratch[i] = tree_scratch_create(ctx, forest);
	ecml_parallel_for(ctx, tasks, predict_some, &all);
	for (int i = 0; i < workers; i++)
		free_scratch(ctx, all.scratch[i]);
	ecml_free(ctx, all.scratch);
}
