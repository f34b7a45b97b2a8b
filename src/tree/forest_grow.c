/*
 * forest_grow.c - a tree, grown bit by bit
 *
 * A task may not allocate, and should last a few milliseconds, so that a cancel is heard; a tree may take seconds.  So a tree under
 * way is a struct that knows where it is: each call works off a budget of values read and returns.  What comes out does not depend
 * on where the calls end.
 *
 * Rows of a node lie side by side, in the order of the table; a split parts them in place.  Nodes are taken from a stack, the left
 * child first; with max_leaves, from a heap, the one whose split gains most first.
 */
#include "tree/forest_internal.h"

#include <float.h>
#include <string.h>

#define BUDGET 1500000			/* values read by a call: a few milliseconds */
#define COST_COLUMN 60			/* of a column beside its rows, in values */
#define COST_MEDIAN 10			/* of a row where medians are sought */
#define FIRST_ROOM 1024

/* ---------------------------------------------------------------- memory */

ForestGrower *
forest_grower_create(EcmlCtx *ctx, const ForestData *data)
{
	ForestGrower *grower = ECML_NEW0(ctx, ForestGrower, 1);
	const ForestParams *params = data->params;
	size_t		size = data->counts ? sizeof(ForestCount) : sizeof(ForestRow);

	grower->data = data;
	if (params->bootstrap)
		grower->times = ECML_NEW0(ctx, uint16_t, data->rows);
	grower->rows = ecml_alloc_array(ctx, data->drawn, size);
	grower->spare = ecml_alloc_array(ctx, data->drawn, size);
	grower->waiting = ECML_NEW(ctx, ForestNode, TREE_MAX_DEPTH + 2);
	if (params->max_leaves > 0)
		grower->open = ECML_NEW(ctx, ForestNode, (size_t) params->max_leaves + 1);
	grower->all_vectors = params->max_leaves > 0 || params->ccp_alpha > 0;
	grower->features = ECML_NEW(ctx, int, data->columns + 1);
	grower->total = ECML_NEW0(ctx, double, data->width);
	grower->before = ECML_NEW0(ctx, double, data->width);
	grower->after = ECML_NEW0(ctx, double, data->width);
	grower->with = ECML_NEW0(ctx, double, data->width);
	if (data->counts && data->classes == 2)
		grower->packed = ECML_NEW0(ctx, uint64_t, FOREST_BINS);
	else if (data->counts)
		grower->count = ECML_NEW0(ctx, uint32_t, (size_t) FOREST_BINS * data->classes);
	else
		grower->sums = ECML_NEW0(ctx, double, (size_t) FOREST_BINS * (1 + data->width));
	grower->cells.sum = ECML_NEW0(ctx, double, (size_t) FOREST_BINS * data->width);
	if (data->criterion == FOREST_ABSOLUTE_ERROR)
		grower->medians = forest_medians_create(ctx, data);
	if (params->oob)
	{
		grower->unseen = ECML_NEW(ctx, uint32_t, data->rows);
		grower->unseen_spare = ECML_NEW(ctx, uint32_t, data->rows);
	}
	forest_grower_enlarge(ctx, grower);
	return grower;
}

void
forest_grower_enlarge(EcmlCtx *ctx, ForestGrower *grower)
{
	const ForestData *data = grower->data;
	int			room = grower->room > 0 ? grower->room + grower->room / 2 : FIRST_ROOM;

	if (grower->nnodes + 2 > grower->room)
	{
		grower->nodes = ecml_resize_array(ctx, grower->nodes, room, sizeof(TreeNode));
		grower->cut = ecml_resize_array(ctx, grower->cut, room, sizeof(int32_t));
		grower->value = ecml_resize_array(ctx, grower->value, room, sizeof(double));
		if (grower->unseen)
		{
			grower->unseen_from = ecml_resize_array(ctx, grower->unseen_from, room, sizeof(uint32_t));
			grower->unseen_to = ecml_resize_array(ctx, grower->unseen_to, room, sizeof(uint32_t));
		}
		if (data->params->ccp_alpha > 0)
			grower->risk = ecml_resize_array(ctx, grower->risk, room, sizeof(double));
		if (data->classes > 2)
			grower->vectors = ecml_resize_array(ctx, grower->vectors, grower->all_vectors ? room : room / 2 + 2,
												sizeof(float) * data->classes);
		grower->room = room;
	}
	if (grower->nsets + 1 > grower->room_sets)
	{
		grower->room_sets = grower->room_sets > 0 ? grower->room_sets + grower->room_sets / 2 : 64;
		grower->sets = ecml_resize_array(ctx, grower->sets, grower->room_sets, sizeof(uint64_t) * (FOREST_BINS / 64));
	}
	if (grower->phase == FOREST_ROOM)
		grower->phase = FOREST_GROW;
}

/* ---------------------------------------------------------------- which rows */

void
forest_grower_start(EcmlCtx *ctx, ForestGrower *grower, int tree)
{
	const ForestData *data = grower->data;

	grower->rng = ecml_rng_stream(&ctx->rng, 1000 + (uint64_t) tree);
	grower->at = 0;
	grower->left = data->drawn;
	grower->n = 0;
	grower->nunseen = 0;
	grower->nnodes = 0;
	grower->nsets = 0;
	grower->nvectors = 0;
	grower->nwaiting = 0;
	grower->nopen = 0;
	grower->leaves = 0;
	grower->busy = false;
	for (int c = 0; c < data->columns; c++)
		grower->features[c] = c;
	if (grower->times)
		memset(grower->times, 0, sizeof(uint16_t) * data->rows);
	grower->phase = data->params->bootstrap ? FOREST_DRAW : FOREST_GATHER;
}

static long
draw(ForestGrower *grower)
{
	size_t		n = grower->left < BUDGET / 4 ? grower->left : BUDGET / 4;

	for (size_t i = 0; i < n; i++)
		grower->times[ecml_rng_below(&grower->rng, grower->data->rows)]++;
	grower->left -= n;
	if (grower->left == 0)
		grower->phase = FOREST_GATHER;
	return (long) n * 4;
}

static long
gather(ForestGrower *grower)
{
	const ForestData *data = grower->data;
	bool		drawn = data->params->bootstrap;
	size_t		end = grower->at + BUDGET / 4 < data->rows ? grower->at + BUDGET / 4 : data->rows;
	long		done = (long) (end - grower->at) * 4;

	for (size_t r = grower->at; r < end; r++)
	{
		uint32_t	times;

		if (drawn)
			times = grower->times[r];
		else
		{
			/* without replacement: as many of the rows that are left as are still wanted */
			times = data->drawn == data->rows || ecml_rng_below(&grower->rng, data->rows - r) < grower->left;
			grower->left -= times;
		}
		if (times == 0)
		{
			if (grower->unseen)
				grower->unseen[grower->nunseen++] = (uint32_t) r;
			continue;
		}
		if (data->counts)
			((ForestCount *) grower->rows)[grower->n++] =
				(ForestCount) {.row = (uint32_t) r,.times = (uint16_t) times,.class = (uint16_t) data->y[r]};
		else
			((ForestRow *) grower->rows)[grower->n++] = (ForestRow) {.row = (uint32_t) r,.times = times,.y = data->y[r]};
	}
	grower->at = end;
	if (end == data->rows)
	{
		grower->nnodes = 1;
		grower->leaves = 1;
		grower->waiting[0] = (ForestNode) {.node = 0,.to = (uint32_t) grower->n};
		grower->nwaiting = 1;
		if (grower->unseen)
		{
			grower->unseen_from[0] = 0;
			grower->unseen_to[0] = (uint32_t) grower->nunseen;
		}
		grower->phase = FOREST_GROW;
	}
	return done;
}

/* ---------------------------------------------------------------- a node */

/* Sum up the rows of grower->node: total, cover, value.  False: they are all alike. */
static bool
sum_up(ForestGrower *grower)
{
	const ForestData *data = grower->data;
	const ForestNode *at = &grower->node;
	TreeNode   *node = &grower->nodes[at->node];
	double	   *total = grower->total;
	double		rows = 0;
	double		cover = 0;
	bool		varies = false;

	memset(total, 0, sizeof(double) * data->width);
	if (data->counts)
	{
		const ForestCount *row = grower->rows;

		for (uint32_t i = at->from; i < at->to; i++)
		{
			total[row[i].class] += row[i].times;
			varies |= row[i].class != row[at->from].class;
		}
		for (int k = 0; k < data->classes; k++)
		{
			rows += total[k];
			total[k] *= data->class_weight[k];
		}
		cover = rows;
	}
	else
	{
		const ForestRow *row = grower->rows;

		for (uint32_t i = at->from; i < at->to; i++)
		{
			double		weight = row[i].times * (data->w ? data->w[row[i].row] : 1);

			rows += row[i].times;
			cover += weight;
			varies |= row[i].y != row[at->from].y;
			if (data->classes > 0)
				total[(int) row[i].y] += weight * data->class_weight[(int) row[i].y];
			else
			{
				total[0] += weight;
				total[1] += weight * row[i].y;
			}
		}
	}
	grower->total_rows = rows;
	*node = (TreeNode) {.feature = TREE_LEAF,.words = -1,.cover = (float) cover};
	if (!(node->cover > 0))
		node->cover = FLT_MIN;
	if (grower->medians)
		forest_absolute_node(grower, varies);
	if (grower->risk)
		grower->risk[at->node] = grower->medians ? forest_absolute_deviation(grower) : forest_impurity(data, total);
	if (at->node == 0)
	{
		grower->drawn_weight = 0;
		for (int k = 0; k < (data->classes > 0 ? data->width : 1); k++)
			grower->drawn_weight += total[k];
	}
	if (data->classes == 2)
		grower->value[at->node] = total[1] / (total[0] + total[1]);
	else if (data->classes == 0 && !grower->medians)
		grower->value[at->node] = total[1] / total[0];
	return varies;
}

/* More than two classes: the vector of the node at hand. */
static void
put_vector(ForestGrower *grower)
{
	const ForestData *data = grower->data;
	int			number = grower->all_vectors ? grower->node.node : grower->nvectors++;
	float	   *vector = grower->vectors + (size_t) number * data->classes;
	double		weight = 0;

	for (int k = 0; k < data->classes; k++)
		weight += grower->total[k];
	for (int k = 0; k < data->classes; k++)
		vector[k] = (float) (grower->total[k] / weight);
	grower->nodes[grower->node.node].left = number;
}

/* Begin with the next node of the stack.  What it cost. */
static long
begin_node(ForestGrower *grower)
{
	const ForestData *data = grower->data;
	const ForestParams *params = data->params;
	bool		varies;

	grower->node = grower->waiting[--grower->nwaiting];
	varies = sum_up(grower);
	if (data->classes > 2 && grower->all_vectors)
		put_vector(grower);
	grower->visited = 0;
	grower->varies = false;
	grower->best.gain = -1;
	grower->best.column = -1;
	grower->busy = true;
	if (!varies || grower->total_rows < data->min_split || grower->total_rows < 2 * data->min_leaf ||
		grower->node.depth >= (params->max_depth > 0 ? params->max_depth : TREE_MAX_DEPTH))
		grower->visited = data->columns;	/* nothing to look for */
	return (long) (grower->node.to - grower->node.from) * (grower->medians ? COST_MEDIAN : 1) + COST_COLUMN;
}

/* Part the rows of a node: those that go left come first.  Where the right ones begin. */
static uint32_t
part_rows(ForestGrower *grower, const ForestNode *at, const uint8_t *goes)
{
	const uint8_t *column = grower->data->column[at->split.column];
	uint32_t	left = at->from;
	uint32_t	right = 0;

	if (grower->data->counts)
	{
		ForestCount *rows = grower->rows;
		ForestCount *spare = grower->spare;

		for (uint32_t i = at->from; i < at->to; i++)
		{
			ForestCount row = rows[i];
			uint8_t		goes_left = goes[column[row.row]];

			rows[left] = row;
			spare[right] = row;
			left += goes_left;
			right += 1 - goes_left;
		}
		memcpy(rows + left, spare, sizeof(ForestCount) * right);
	}
	else
	{
		ForestRow  *rows = grower->rows;
		ForestRow  *spare = grower->spare;

		for (uint32_t i = at->from; i < at->to; i++)
		{
			ForestRow	row = rows[i];
			uint8_t		goes_left = goes[column[row.row]];

			rows[left] = row;
			spare[right] = row;
			left += goes_left;
			right += 1 - goes_left;
		}
		memcpy(rows + left, spare, sizeof(ForestRow) * right);
	}
	return left;
}

/* The same for the rows of node number i that the tree has not seen; its children are left and left + 1.  How many there are. */
static uint32_t
part_unseen(ForestGrower *grower, int i, int left, const uint8_t *column, const uint8_t *goes)
{
	uint32_t   *rows = grower->unseen;
	uint32_t   *spare = grower->unseen_spare;
	uint32_t	from = grower->unseen_from[i];
	uint32_t	to = grower->unseen_to[i];
	uint32_t	middle = from;
	uint32_t	right = 0;

	for (uint32_t r = from; r < to; r++)
	{
		uint32_t	row = rows[r];
		uint8_t		goes_left = goes[column[row]];

		rows[middle] = row;
		spare[right] = row;
		middle += goes_left;
		right += 1 - goes_left;
	}
	memcpy(rows + middle, spare, sizeof(uint32_t) * right);
	grower->unseen_from[left] = from;
	grower->unseen_to[left] = middle;
	grower->unseen_from[left + 1] = middle;
	grower->unseen_to[left + 1] = to;
	return to - from;
}

/* Split a node: its children wait.  What it cost. */
static long
apply(ForestGrower *grower, const ForestNode *at)
{
	const ForestData *data = grower->data;
	const ForestSplit *split = &at->split;
	const TreeBinColumn *column = &data->bins->column[split->column];
	TreeNode   *node = &grower->nodes[at->node];
	uint8_t		goes[FOREST_BINS];
	uint32_t	middle;
	int			left = grower->nnodes;
	uint32_t	unseen = 0;

	for (int b = 0; b < FOREST_BINS; b++)
		goes[b] = split->cut >= 0 ? b <= split->cut : split->left[b / 64] >> (b % 64) & 1;
	if (column->missing != TREE_NO_BIN)
		goes[column->missing] = split->missing_left;
	node->feature = column->feature;
	node->words = split->column;
	node->left = left;
	node->missing_left = split->missing_left;
	node->gain = (float) (split->gain > 0 ? split->gain / grower->drawn_weight : 0);
	if (split->cut >= 0)
	{
		node->threshold = split->cut < column->values - 1 ? column->upper[split->cut] : DBL_MAX;
		grower->cut[at->node] = split->cut;
	}
	else
	{
		memcpy(grower->sets + (size_t) grower->nsets * (FOREST_BINS / 64), split->left, sizeof(split->left));
		grower->cut[at->node] = -1 - grower->nsets++;
	}
	middle = part_rows(grower, at, goes);
	if (grower->unseen)
		unseen = part_unseen(grower, at->node, left, data->column[split->column], goes);
	grower->nnodes += 2;
	grower->leaves++;
	grower->waiting[grower->nwaiting++] = (ForestNode) {.node = left + 1,.depth = at->depth + 1,.from = middle,.to = at->to};
	grower->waiting[grower->nwaiting++] = (ForestNode) {.node = left,.depth = at->depth + 1,.from = at->from,.to = middle};
	return (long) (at->to - at->from) + unseen + COST_COLUMN;
}

/* ---------------------------------------------------------------- best first */

/* Does a come before b? */
static bool
before(const ForestNode *a, const ForestNode *b)
{
	return a->split.gain > b->split.gain || (a->split.gain == b->split.gain && a->node < b->node);
}

static void
open_push(ForestGrower *grower, const ForestNode *node)
{
	ForestNode *heap = grower->open;
	int			i = grower->nopen++;

	while (i > 0 && before(node, &heap[(i - 1) / 2]))
	{
		heap[i] = heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	heap[i] = *node;
}

static ForestNode
open_pop(ForestGrower *grower)
{
	ForestNode *heap = grower->open;
	ForestNode	top = heap[0];
	ForestNode	last = heap[--grower->nopen];
	int			i = 0;

	for (;;)
	{
		int			child = 2 * i + 1;

		if (child >= grower->nopen)
			break;
		if (child + 1 < grower->nopen && before(&heap[child + 1], &heap[child]))
			child++;
		if (!before(&heap[child], &last))
			break;
		heap[i] = heap[child];
		i = child;
	}
	heap[i] = last;
	return top;
}

/* ---------------------------------------------------------------- growing */

/* One more column, or the end of the node.  What it cost. */
static long
look_further(ForestGrower *grower)
{
	const ForestData *data = grower->data;
	const ForestParams *params = data->params;

	/* as many columns as are wanted, and more until one has two bins at least */
	if (grower->visited < data->columns && (grower->visited < data->features_tried || !grower->varies))
	{
		int			i = grower->visited;
		int			pick = i;
		int			column;

		if (data->features_tried < data->columns)
			pick = i + (int) ecml_rng_below(&grower->rng, data->columns - i);
		column = grower->features[pick];
		grower->features[pick] = grower->features[i];
		grower->features[i] = column;
		grower->visited++;
		grower->varies = forest_split_column(grower, column) || grower->varies;
		return (long) (grower->node.to - grower->node.from) * (grower->medians ? COST_MEDIAN : data->width > 2 ? 2 : 1) +
			COST_COLUMN * data->width;
	}
	grower->busy = false;
	if (grower->best.column >= 0 && grower->best.gain >= params->min_impurity_decrease * grower->drawn_weight)
	{
		grower->node.split = grower->best;
		if (grower->open)
			open_push(grower, &grower->node);
		else
			return apply(grower, &grower->node);
	}
	else if (data->classes > 2 && !grower->all_vectors)
		put_vector(grower);
	return COST_COLUMN;
}

static long
grow(ForestGrower *grower)
{
	const ForestParams *params = grower->data->params;

	if (grower->busy)
		return look_further(grower);
	if (grower->nnodes + 2 > grower->room || grower->nsets + 1 > grower->room_sets)
	{
		grower->phase = FOREST_ROOM;
		return 0;
	}
	if (grower->nwaiting > 0)
	{
		long		cost = begin_node(grower);

		return cost;
	}
	if (grower->nopen > 0 && grower->leaves < params->max_leaves)
	{
		ForestNode	node = open_pop(grower);

		return apply(grower, &node);
	}
	grower->phase = params->ccp_alpha > 0 ? FOREST_PRUNE : FOREST_DONE;
	return 0;
}

/*
 * The smallest subtree that costs least, when a leaf costs ccp_alpha: from the leaves up, a split stays only if it takes off more
 * than its leaves cost (Breiman et al. 1984, chapter 3).
 */
static long
prune(ForestGrower *grower)
{
	const ForestParams *params = grower->data->params;
	double		alpha = params->ccp_alpha * grower->drawn_weight;

	for (int i = grower->nnodes - 1; i >= 0; i--)
	{
		TreeNode   *node = &grower->nodes[i];
		double		alone = grower->risk[i] + alpha;

		if (node->feature != TREE_LEAF)
		{
			double		below = grower->risk[node->left] + grower->risk[node->left + 1];

			if (alone > below + 1e-12 * fabs(below))
				alone = below;
			else
			{
				node->feature = TREE_LEAF;
				node->left = i;
			}
		}
		grower->risk[i] = alone;
	}
	grower->phase = FOREST_DONE;
	return grower->nnodes;
}

void
forest_grower_work(ForestGrower *grower)
{
	long		budget = BUDGET;

	while (budget > 0)
		switch (grower->phase)
		{
			case FOREST_DRAW:
				budget -= draw(grower);
				break;
			case FOREST_GATHER:
				budget -= gather(grower);
				break;
			case FOREST_GROW:
				budget -= grow(grower);
				break;
			case FOREST_PRUNE:
				budget -= prune(grower);
				break;
			default:
				return;
		}
}

/* ---------------------------------------------------------------- the finished tree */

void
forest_grower_append(EcmlCtx *ctx, const ForestGrower *grower, TreeForest *forest)
{
	const ForestData *data = grower->data;
	TreeNode   *nodes = ECML_NEW(ctx, TreeNode, grower->nnodes);
	int		   *from = ECML_NEW(ctx, int, grower->nnodes);
	size_t		nwords = 0;
	uint32_t   *words;
	Tree		tree = {.nodes = nodes,.nnodes = 1,.vectors = grower->vectors};

	/* what is pruned off is left behind */
	from[0] = 0;
	for (int i = 0; i < tree.nnodes; i++)
	{
		nodes[i] = grower->nodes[from[i]];
		if (nodes[i].feature == TREE_LEAF)
			continue;
		from[tree.nnodes] = nodes[i].left;
		from[tree.nnodes + 1] = nodes[i].left + 1;
		nodes[i].left = tree.nnodes;
		tree.nnodes += 2;
		if (grower->cut[from[i]] < 0)
			nwords += TREE_WORDS(forest->categories[nodes[i].feature]);
	}
	words = ECML_NEW0(ctx, uint32_t, nwords + 1);
	for (int i = 0; i < tree.nnodes; i++)
	{
		TreeNode   *node = &nodes[i];
		const TreeBinColumn *column;
		bool		goes[FOREST_BINS];
		int			cut = grower->cut[from[i]];

		if (node->feature == TREE_LEAF)
		{
			/* a float is enough for a leaf, and takes half the bytes of the model */
			node->threshold = data->classes > 2 ? 0 : (float) grower->value[from[i]];
			node->words = -1;
			continue;
		}
		column = &data->bins->column[node->words];
		node->words = -1;
		if (cut >= 0)
			continue;
		for (int b = 0; b < FOREST_BINS; b++)
			goes[b] = grower->sets[(size_t) (-1 - cut) * (FOREST_BINS / 64) + b / 64] >> (b % 64) & 1;
		node->words = (int32_t) tree.nwords;
		tree_bins_words(column, goes, words + tree.nwords);
		tree.nwords += TREE_WORDS(column->categories);
	}
	tree.words = words;
	tree_forest_append(ctx, forest, &tree);
	ecml_free(ctx, words);
	ecml_free(ctx, from);
	ecml_free(ctx, nodes);
}
