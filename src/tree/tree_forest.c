/*
 * tree_forest.c - the common forest: taking trees over, importance, and the walk that all faster ones must agree with
 *
 * A tree is kept breadth-first: the children of its splits stand in the order of the splits.  So the i-th split (from 0) has
 * its left child at 1 + 2 i, which is what the bytes of a forest rest on: they need not say it, and cannot say it wrongly.
 */
#include "tree/tree_internal.h"

#include <string.h>

#include "num/sort.h"

TreeForest *
tree_forest_create(EcmlCtx *ctx, int features, const int *categories, int outputs, int leaf_outputs)
{
	TreeForest *forest = ECML_NEW0(ctx, TreeForest, 1);

	forest->features = features;
	forest->categories = ECML_NEW0(ctx, int, features + 1);
	for (int j = 0; j < features; j++)
		forest->categories[j] = categories ? categories[j] : 0;
	forest->outputs = outputs;
	forest->leaf_outputs = leaf_outputs;
	forest->scale = 1;
	forest->base = ECML_NEW0(ctx, double, outputs);
	forest->first = ECML_NEW0(ctx, size_t, 17);
	forest->room[0] = 17;
	return forest;
}

void *
tree_room(EcmlCtx *ctx, void *memory, size_t *room, size_t used, size_t need, size_t size)
{
	if (need <= *room)
		return memory;
	/* by a half more than there is, unless the budget is short of that */
	*room = need > used + used / 2 || !ecml_fits(ctx, (used + used / 2) * size + ECML_OVERHEAD) ? need : used + used / 2;
	return ecml_resize_array(ctx, memory, *room, size);
}

/*
 * The nodes of a tree in breadth-first order: order [nnodes] gets their numbers in the tree given.  Counts leaves and words.
 */
static void
walk_breadth_first(EcmlCtx *ctx, const TreeForest *forest, const Tree *tree, int *order, int *leaves, size_t *words)
{
	int			count = 1;
	int			level_end = 1;
	int			depth = 0;

	order[0] = 0;
	*leaves = 0;
	*words = 0;
	for (int i = 0; i < count; i++)
	{
		const TreeNode *node = &tree->nodes[order[i]];

		if (i == level_end)
		{
			level_end = count;
			depth++;
		}
		if (node->feature == TREE_LEAF)
		{
			++*leaves;
			continue;
		}
		if (node->feature < 0 || node->feature >= forest->features || node->left <= order[i] ||
			node->left > tree->nnodes - 2 || count > tree->nnodes - 2 || depth >= TREE_MAX_DEPTH)
			ecml_fail(ctx, ECML_INTERNAL, "a tree that is none was grown (node %d of %d)", order[i], tree->nnodes);
		order[count] = node->left;
		order[count + 1] = node->left + 1;
		count += 2;
		if (node->words >= 0)
			*words += TREE_WORDS(forest->categories[node->feature]);
	}
	if (count != tree->nnodes)
		ecml_fail(ctx, ECML_INTERNAL, "a tree that is none was grown (%d of %d nodes)", count, tree->nnodes);
}

void
tree_forest_append(EcmlCtx *ctx, TreeForest *forest, const Tree *tree)
{
	int		   *order = ECML_NEW(ctx, int, tree->nnodes);
	size_t		base = forest->first[forest->ntrees];
	size_t		next_words = forest->nwords;
	size_t		next_vector = forest->nvectors;
	int			next = 1;
	int			leaves;
	size_t		words;
	TreeNode   *to;

	walk_breadth_first(ctx, forest, tree, order, &leaves, &words);
	if (base + tree->nnodes > TREE_MAX_NODES || forest->nwords + words > INT32_MAX)
	{
		ecml_detail(ctx, "There are more than %d nodes after %d trees.", TREE_MAX_NODES, forest->ntrees + 1);
		ecml_hint(ctx, "Grow fewer or smaller trees.");
		ecml_fail(ctx, ECML_LIMIT_EXCEEDED, "too many nodes for a forest");
	}
	forest->first = tree_room(ctx, forest->first, &forest->room[0], forest->ntrees + 1, forest->ntrees + 2, sizeof(size_t));
	forest->nodes = tree_room(ctx, forest->nodes, &forest->room[1], base, base + tree->nnodes, sizeof(TreeNode));
	forest->words = tree_room(ctx, forest->words, &forest->room[2], forest->nwords, forest->nwords + words, sizeof(uint32_t));
	if (forest->leaf_outputs > 1)
		forest->vectors = tree_room(ctx, forest->vectors, &forest->room[3], forest->nvectors, forest->nvectors + leaves,
									sizeof(float) * forest->outputs);
	to = forest->nodes + base;
	for (int i = 0; i < tree->nnodes; i++)
	{
		const TreeNode *from = &tree->nodes[order[i]];

		to[i] = *from;
		if (from->feature == TREE_LEAF)
		{
			to[i].words = -1;
			to[i].missing_left = 0;
			to[i].gain = 0;
			to[i].left = 0;
			if (forest->leaf_outputs > 1)
			{
				memcpy(forest->vectors + next_vector * forest->outputs, tree->vectors + (size_t) from->left * forest->outputs,
					   sizeof(float) * forest->outputs);
				to[i].threshold = 0;
				to[i].left = (int32_t) next_vector++;
			}
			continue;
		}
		to[i].left = next;
		to[i].missing_left = from->missing_left != 0;
		next += 2;
		if (from->words >= 0)
		{
			int			categories = forest->categories[from->feature];
			int			n = TREE_WORDS(categories);

			memcpy(forest->words + next_words, tree->words + from->words, n * sizeof(uint32_t));
			if (categories % 32 != 0)
				forest->words[next_words + n - 1] &= (UINT32_C(1) << (categories % 32)) - 1;
			to[i].threshold = 0;
			to[i].words = (int32_t) next_words;
			next_words += n;
		}
	}
	forest->ntrees++;
	forest->first[forest->ntrees] = base + tree->nnodes;
	forest->nwords = next_words;
	forest->nvectors = next_vector;
	ecml_free(ctx, order);
}

void
tree_forest_truncate(TreeForest *forest, int ntrees)
{
	if (ntrees >= forest->ntrees)
		return;
	/* the first node of those to go that has words, and the first leaf, know where theirs begin */
	for (size_t i = forest->first[forest->ntrees]; i-- > forest->first[ntrees];)
	{
		const TreeNode *node = &forest->nodes[i];

		if (node->words >= 0)
			forest->nwords = node->words;
		else if (node->feature == TREE_LEAF && forest->leaf_outputs > 1)
			forest->nvectors = node->left;
	}
	forest->ntrees = ntrees;
}

void
tree_forest_ready(EcmlCtx *ctx, TreeForest *forest)
{
	tree_scorer_create(ctx, forest);
	forest->shap = tree_shap_create(ctx, forest);
}

TreeCuts *
tree_cuts_create(EcmlCtx *ctx, const TreeForest *forest)
{
	TreeCuts   *cuts = ECML_NEW(ctx, TreeCuts, 1);
	size_t		nnodes = forest->first[forest->ntrees];
	size_t	   *next = ECML_NEW(ctx, size_t, forest->features + 1);

	cuts->first = ECML_NEW0(ctx, size_t, forest->features + 1);
	cuts->count = ECML_NEW0(ctx, int, forest->features + 1);
	for (size_t i = 0; i < nnodes; i++)
		if (forest->nodes[i].feature >= 0 && forest->nodes[i].words < 0)
			cuts->first[forest->nodes[i].feature + 1]++;
	for (int j = 0; j < forest->features; j++)
	{
		cuts->first[j + 1] += cuts->first[j];
		next[j] = cuts->first[j];
	}
	cuts->cuts = ECML_NEW(ctx, double, cuts->first[forest->features] + 1);
	for (size_t i = 0; i < nnodes; i++)
		if (forest->nodes[i].feature >= 0 && forest->nodes[i].words < 0)
			cuts->cuts[next[forest->nodes[i].feature]++] = forest->nodes[i].threshold;
	for (int j = 0; j < forest->features; j++)
	{
		double	   *own = cuts->cuts + cuts->first[j];
		size_t		n = cuts->first[j + 1] - cuts->first[j];
		int			count = 0;

		if (n > 0)
			ecml_sort_f8(ctx, own, n);
		for (size_t i = 0; i < n; i++)
			if (count == 0 || own[i] != own[count - 1])
				own[count++] = own[i];
		cuts->count[j] = count;
	}
	ecml_free(ctx, next);
	return cuts;
}

void
tree_cuts_free(EcmlCtx *ctx, TreeCuts *cuts)
{
	ecml_free(ctx, cuts->first);
	ecml_free(ctx, cuts->count);
	ecml_free(ctx, cuts->cuts);
	ecml_free(ctx, cuts);
}

int
tree_depth(const TreeForest *forest, int tree)
{
	const TreeNode *root = tree_root(forest, tree);
	size_t		nnodes = forest->first[tree + 1] - forest->first[tree];
	size_t		level_end = 1;
	size_t		count = 1;
	int			depth = 0;

	for (size_t i = 0; i < nnodes; i++)
	{
		if (i == level_end)
		{
			level_end = count;
			depth++;
		}
		if (root[i].feature != TREE_LEAF)
			count += 2;
	}
	return depth;
}

int
tree_forest_leaf(const TreeForest *forest, int tree, const double *x)
{
	const TreeNode *root = tree_root(forest, tree);
	const TreeNode *node = root;

	while (node->feature != TREE_LEAF)
		node = root + node->left + !tree_goes_left(forest, node, x);
	return (int) (node - root);
}

void
tree_forest_importance(const TreeForest *forest, double *gain, double *splits, double *cover)
{
	size_t		size = sizeof(double) * forest->features;

	if (gain)
		memset(gain, 0, size);
	if (splits)
		memset(splits, 0, size);
	if (cover)
		memset(cover, 0, size);
	for (size_t i = 0; i < forest->first[forest->ntrees]; i++)
	{
		const TreeNode *node = &forest->nodes[i];

		if (node->feature == TREE_LEAF)
			continue;
		if (gain)
			gain[node->feature] += node->gain;
		if (splits)
			splits[node->feature] += 1;
		if (cover)
			cover[node->feature] += node->cover;
	}
}
