/*
 * tree_cases.h - made-up forests and rows for the tests of the common forest
 */
#ifndef ECML_TEST_TREE_CASES_H
#define ECML_TEST_TREE_CASES_H

#include "tree/tree_forest.h"

#include <math.h>
#include <string.h>

typedef struct Shape
{
	int			features;
	int			categorical;	/* of them, the last ones */
	int			categories;		/* each has */
	int			outputs;
	int			leaf_outputs;
	int			trees;
	int			leaves;			/* a tree, at most */
	int			depth;			/* at most; 0: no bound */
	int			bins;			/* distinct thresholds a feature; 0: any */
} Shape;

/* A random tree: the leaf that is split next is one that many rows come by. */
static inline void
grow_random(EcmlCtx *ctx, TreeForest *forest, const Shape *shape, EcmlRng *rng)
{
	int			most = 2 * shape->leaves - 1;
	TreeNode   *nodes = ECML_NEW0(ctx, TreeNode, most);
	int		   *depth = ECML_NEW0(ctx, int, most);
	uint32_t   *words = ECML_NEW0(ctx, uint32_t, (size_t) most * TREE_WORDS(shape->categories) + 1);
	float	   *vectors = ECML_NEW0(ctx, float, (size_t) most * shape->outputs);
	Tree		tree = {.nnodes = 1,.nodes = nodes,.words = words,.vectors = vectors};

	nodes[0].feature = TREE_LEAF;
	nodes[0].cover = 1000;
	for (int leaves = 1; leaves < shape->leaves; leaves++)
	{
		TreeNode   *node = NULL;
		double		best = -1;
		double		share = 0.1 + 0.8 * ecml_rng_double(rng);
		int			at = -1;

		for (int i = 0; i < tree.nnodes; i++)
			if (nodes[i].feature == TREE_LEAF && (shape->depth == 0 || depth[i] < shape->depth))
			{
				double		weight = nodes[i].cover * (0.2 + ecml_rng_double(rng));

				if (weight > best)
				{
					best = weight;
					at = i;
				}
			}
		if (at < 0)
			break;
		node = &nodes[at];
		node->feature = (int) ecml_rng_below(rng, shape->features);
		node->left = tree.nnodes;
		node->words = -1;
		node->missing_left = ecml_rng_below(rng, 2);
		node->gain = (float) ecml_rng_double(rng);
		if (node->feature >= shape->features - shape->categorical)
		{
			node->words = (int32_t) tree.nwords;
			for (int c = 0; c < shape->categories; c++)
				words[tree.nwords + c / 32] |= (uint32_t) ecml_rng_below(rng, 2) << (c % 32);
			tree.nwords += TREE_WORDS(shape->categories);
		}
		else if (shape->bins > 0)
			node->threshold = ((double) ecml_rng_below(rng, shape->bins) + 0.5) / shape->bins;
		else
			node->threshold = ecml_rng_double(rng);
		for (int side = 0; side < 2; side++)
		{
			TreeNode   *child = &nodes[tree.nnodes + side];

			child->feature = TREE_LEAF;
			child->words = -1;
			child->cover = (float) (node->cover * (side == 0 ? share : 1 - share));
			depth[tree.nnodes + side] = depth[at] + 1;
		}
		tree.nnodes += 2;
	}
	for (int i = 0; i < tree.nnodes; i++)
		if (nodes[i].feature == TREE_LEAF)
		{
			nodes[i].threshold = ecml_rng_normal(rng);
			nodes[i].left = tree.nvectors;
			for (int k = 0; k < shape->outputs; k++)
				vectors[(size_t) tree.nvectors * shape->outputs + k] = (float) ecml_rng_double(rng);
			tree.nvectors++;
		}
	tree_forest_append(ctx, forest, &tree);
	ecml_free(ctx, nodes);
	ecml_free(ctx, depth);
	ecml_free(ctx, words);
	ecml_free(ctx, vectors);
}

static inline TreeForest *
random_forest(EcmlCtx *ctx, const Shape *shape, uint64_t seed)
{
	EcmlRng		rng;
	int		   *categories = ECML_NEW0(ctx, int, shape->features);
	TreeForest *forest;

	ecml_rng_seed(&rng, seed);
	for (int j = shape->features - shape->categorical; j < shape->features; j++)
		categories[j] = shape->categories;
	forest = tree_forest_create(ctx, shape->features, categories, shape->outputs, shape->leaf_outputs);
	for (int k = 0; k < shape->outputs; k++)
		forest->base[k] = k + 0.25;
	forest->scale = shape->leaf_outputs > 1 ? 1.0 / shape->trees : 1;
	for (int t = 0; t < shape->trees; t++)
		grow_random(ctx, forest, shape, &rng);
	tree_forest_ready(ctx, forest);
	return forest;
}

/* A row: some values missing, some at a threshold, some categories not seen. */
static inline void
random_row(const TreeForest *forest, const Shape *shape, EcmlRng *rng, double missing, double *x)
{
	for (int j = 0; j < shape->features; j++)
	{
		if (ecml_rng_double(rng) < missing)
			x[j] = NAN;
		else if (forest->categories[j] > 0)
			x[j] = (double) ecml_rng_below(rng, forest->categories[j] + (missing > 0)) - (missing > 0);
		else if (shape->bins > 0)
			x[j] = (double) ecml_rng_below(rng, 2 * shape->bins + 1) / (2 * shape->bins);
		else
			x[j] = ecml_rng_double(rng);
	}
}

/* The prediction as tree_forest.h defines it, tree by tree. */
static inline void
naive_predict(const TreeForest *forest, const double *x, double *out)
{
	for (int k = 0; k < forest->outputs; k++)
	{
		double		lane[TREE_LANES] = {0};
		int			place = 0;

		for (int t = 0; t < forest->ntrees; t++)
		{
			const TreeNode *leaf;

			if (forest->leaf_outputs == 1 && t % forest->outputs != k)
				continue;
			leaf = forest->nodes + forest->first[t] + tree_forest_leaf(forest, t, x);
			lane[place++ % TREE_LANES] += forest->leaf_outputs == 1 ? leaf->threshold :
				forest->vectors[(size_t) leaf->left * forest->outputs + k];
		}
		out[k] = forest->base[k] +
			forest->scale * (((lane[0] + lane[4]) + (lane[2] + lane[6])) + ((lane[1] + lane[5]) + (lane[3] + lane[7])));
	}
}

#endif							/* ECML_TEST_TREE_CASES_H */
