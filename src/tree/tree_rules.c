/*
 * tree_rules.c - which rows come to a node, as a condition on each feature that its path asks
 *
 * What the splits of a path say about one feature is drawn together: bounds of a number to an interval, categories to a set, and
 * whether a missing value comes through, which it does only if every split on the feature lets it.
 */
#include "tree/tree_internal.h"

#include <string.h>

/* The means of the leaves below each node, by cover: value [nnodes][leaf_outputs]. */
static double *
mean_values(EcmlCtx *ctx, const TreeForest *forest, int tree)
{
	const TreeNode *root = tree_root(forest, tree);
	size_t		nnodes = forest->first[tree + 1] - forest->first[tree];
	int			n = forest->leaf_outputs;
	double	   *value = ecml_alloc_array(ctx, nnodes, n * sizeof(double));

	for (size_t i = nnodes; i-- > 0;)
		for (int k = 0; k < n; k++)
		{
			double	   *to = &value[i * n + k];

			if (root[i].feature != TREE_LEAF)
			{
				const TreeNode *left = root + root[i].left;
				double		share = left->cover / ((double) left[0].cover + left[1].cover);

				*to = share * value[(size_t) root[i].left * n + k] + (1 - share) * value[((size_t) root[i].left + 1) * n + k];
			}
			else
				*to = n > 1 ? forest->vectors[(size_t) root[i].left * forest->outputs + k] : root[i].threshold;
		}
	return value;
}

/* The parents of a tree's nodes; -1 of the root. */
static int *
find_parents(EcmlCtx *ctx, const TreeNode *root, size_t nnodes)
{
	int		   *parent = ECML_NEW(ctx, int, nnodes);

	parent[0] = -1;
	for (size_t i = 0; i < nnodes; i++)
		if (root[i].feature != TREE_LEAF)
		{
			parent[root[i].left] = (int) i;
			parent[root[i].left + 1] = (int) i;
		}
	return parent;
}

typedef struct Path
{
	const TreeForest *forest;
	int			n;
	TreeCondition *conditions;	/* [features that a path can ask] */
	uint32_t   *words;			/* [conditions][most words of a category] */
	size_t		stride;
} Path;

/* The condition on a feature: the one there is, or a new one that nothing restricts. */
static TreeCondition *
condition_on(Path *path, int feature)
{
	int			categories = path->forest->categories[feature];
	TreeCondition *condition;

	for (int i = 0; i < path->n; i++)
		if (path->conditions[i].feature == feature)
			return &path->conditions[i];
	condition = &path->conditions[path->n];
	condition->feature = feature;
	condition->low = -INFINITY;
	condition->high = INFINITY;
	condition->missing = true;
	condition->allowed = NULL;
	if (categories > 0)
	{
		uint32_t   *allowed = path->words + path->stride * path->n;

		for (int w = 0; w < TREE_WORDS(categories); w++)
			allowed[w] = UINT32_MAX;
		if (categories % 32 != 0)
			allowed[TREE_WORDS(categories) - 1] = (UINT32_C(1) << (categories % 32)) - 1;
		condition->allowed = allowed;
	}
	path->n++;
	return condition;
}

/* A row goes this way at a split. */
static void
restrict_to(Path *path, const TreeNode *split, bool left)
{
	TreeCondition *condition = condition_on(path, split->feature);

	condition->missing = condition->missing && (split->missing_left != 0) == left;
	if (split->words >= 0)
	{
		uint32_t   *allowed = path->words + path->stride * (condition - path->conditions);

		for (int w = 0; w < TREE_WORDS(path->forest->categories[split->feature]); w++)
			allowed[w] &= left ? path->forest->words[split->words + w] : ~path->forest->words[split->words + w];
	}
	else if (left && split->threshold < condition->high)
		condition->high = split->threshold;
	else if (!left && split->threshold > condition->low)
		condition->low = split->threshold;
}

void
tree_forest_rules(EcmlCtx *ctx, const TreeForest *forest, int tree, bool leaves_only, TreeVisit visit, void *arg)
{
	const TreeNode *root = tree_root(forest, tree);
	size_t		nnodes = forest->first[tree + 1] - forest->first[tree];
	int			depth = tree_depth(forest, tree);
	int			most = depth < forest->features ? depth : forest->features;
	double	   *value = mean_values(ctx, forest, tree);
	int		   *parent = find_parents(ctx, root, nnodes);
	int		   *steps = ECML_NEW(ctx, int, depth + 1);
	Path		path = {.forest = forest};
	int			at = 0;

	for (int j = 0; j < forest->features; j++)
		if (path.stride < (size_t) TREE_WORDS(forest->categories[j]))
			path.stride = TREE_WORDS(forest->categories[j]);
	path.conditions = ECML_NEW(ctx, TreeCondition, most + 1);
	path.words = ecml_alloc_array(ctx, (size_t) most + 1, path.stride * sizeof(uint32_t));

	/* from left to right, a split before what is below it */
	while (at >= 0)
	{
		const TreeNode *node = &root[at];
		bool		leaf = node->feature == TREE_LEAF;

		if (leaf || !leaves_only)
		{
			TreeRule	rule = {.tree = tree,.node = at,.leaf = leaf,.cover = node->cover,.share = node->cover / root->cover};
			int			n = 0;

			for (int i = at; parent[i] >= 0; i = parent[i])
				steps[n++] = i;
			rule.depth = n;
			path.n = 0;
			while (n-- > 0)
			{
				const TreeNode *split = &root[parent[steps[n]]];

				restrict_to(&path, split, steps[n] == split->left);
			}
			rule.value = value + (size_t) at * forest->leaf_outputs;
			rule.nconditions = path.n;
			rule.conditions = path.conditions;
			visit(arg, &rule);
		}
		if (!leaf)
			at = node->left;
		else
		{
			while (parent[at] >= 0 && at != root[parent[at]].left)
				at = parent[at];
			at = parent[at] >= 0 ? at + 1 : -1;
		}
	}
	ecml_free(ctx, path.words);
	ecml_free(ctx, path.conditions);
	ecml_free(ctx, steps);
	ecml_free(ctx, parent);
	ecml_free(ctx, value);
}
