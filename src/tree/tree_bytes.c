/*
 * tree_bytes.c - a forest as bytes, and back from bytes that may be anything
 *
 * Written are the distinct thresholds of each feature, once, then the trees, node by node, breadth-first.  A split says its
 * feature, where missing values go, and the number of its threshold (or its categories); where its children stand follows from
 * the order.  So a node takes some 10 bytes, and a forest that is read has no loops, no lost nodes and no bad pointers: what can
 * be wrong is that a tree ends too early or too late, is too deep, or has numbers out of their range.
 */
#include "tree/tree_internal.h"

#include <string.h>

#define VALUES_ARE_FLOATS 1		/* each leaf's value fits a float */
#define COVERS_ARE_COUNTS 2		/* each cover is an integer below 2^24 */
#define NODE_BYTES 6			/* the least that a node takes */

/* ---------------------------------------------------------------- numbers of 7 bits a byte */

static void
write_count(EcmlWriter *w, uint32_t v)
{
	uint8_t		bytes[5];
	int			n = 0;

	while (v >= 128)
	{
		bytes[n++] = (uint8_t) (v | 128);
		v >>= 7;
	}
	bytes[n++] = (uint8_t) v;
	ecml_write_bytes(w, bytes, n);
}

static uint32_t
read_count(EcmlReader *r)
{
	uint64_t	v = 0;

	for (int shift = 0; shift < 35; shift += 7)
	{
		uint8_t		byte = ecml_read_u8(r);

		v |= (uint64_t) (byte & 127) << shift;
		if (byte < 128)
		{
			if (v > UINT32_MAX)
				break;
			return (uint32_t) v;
		}
	}
	ecml_read_corrupted(r, "a count is too long");
}

static float
read_f4(EcmlReader *r)
{
	float		v;

	memcpy(&v, ecml_read_bytes(r, sizeof(v)), sizeof(v));
	if (!isfinite(v))
		ecml_read_corrupted(r, "a number is not finite");
	return v;
}

/* ---------------------------------------------------------------- write */

/* What all nodes have in common, so that they take less. */
static uint8_t
find_flags(const TreeForest *forest)
{
	uint8_t		flags = VALUES_ARE_FLOATS | COVERS_ARE_COUNTS;

	for (size_t i = 0; i < forest->first[forest->ntrees]; i++)
	{
		const TreeNode *node = &forest->nodes[i];

		if (node->feature == TREE_LEAF && (double) (float) node->threshold != node->threshold)
			flags &= ~VALUES_ARE_FLOATS;
		if (node->cover >= 0x1p24f || node->cover != (float) (uint32_t) node->cover)
			flags &= ~COVERS_ARE_COUNTS;
	}
	return flags;
}

void
tree_forest_write(EcmlWriter *w, const TreeForest *forest)
{
	uint8_t		flags = find_flags(forest);
	TreeCuts   *cuts = tree_cuts_create(w->ctx, forest);
	int			outputs = forest->outputs;

	ecml_write_u32(w, forest->features);
	ecml_write_u32(w, outputs);
	ecml_write_u32(w, forest->leaf_outputs);
	ecml_write_f8(w, forest->scale);
	ecml_write_f8s(w, forest->base, outputs);
	ecml_write_u8(w, flags);
	for (int j = 0; j < forest->features; j++)
	{
		write_count(w, cuts->count[j]);
		ecml_write_f8s(w, cuts->cuts + cuts->first[j], cuts->count[j]);
	}
	ecml_write_u32(w, forest->ntrees);
	for (int t = 0; t < forest->ntrees; t++)
	{
		ecml_write_u32(w, (uint32_t) (forest->first[t + 1] - forest->first[t]));
		for (size_t i = forest->first[t]; i < forest->first[t + 1]; i++)
		{
			const TreeNode *node = &forest->nodes[i];
			int			feature = node->feature;

			write_count(w, feature == TREE_LEAF ? 0 : 1 + 2 * (uint32_t) feature + node->missing_left);
			if (flags & COVERS_ARE_COUNTS)
				write_count(w, (uint32_t) node->cover);
			else
				ecml_write_f4s(w, &node->cover, 1);
			if (feature == TREE_LEAF)
			{
				float		value = (float) node->threshold;

				if (forest->leaf_outputs > 1)
					ecml_write_f4s(w, forest->vectors + (size_t) node->left * outputs, outputs);
				else if (flags & VALUES_ARE_FLOATS)
					ecml_write_f4s(w, &value, 1);
				else
					ecml_write_f8(w, node->threshold);
				continue;
			}
			ecml_write_f4s(w, &node->gain, 1);
			if (node->words >= 0)
				ecml_write_bytes(w, forest->words + node->words, TREE_WORDS(forest->categories[feature]) * sizeof(uint32_t));
			else
				write_count(w, tree_cut_number(cuts->cuts + cuts->first[feature], cuts->count[feature], node->threshold));
		}
	}
	tree_cuts_free(w->ctx, cuts);
}

/* ---------------------------------------------------------------- read */

typedef struct Cuts
{
	uint32_t	count;
	double	   *cuts;
} Cuts;

static void
read_leaf(EcmlReader *r, TreeForest *forest, TreeNode *node, uint8_t flags)
{
	node->feature = TREE_LEAF;
	node->words = -1;
	if (forest->leaf_outputs > 1)
	{
		float	   *vector;

		forest->vectors = tree_room(r->ctx, forest->vectors, &forest->room[3], forest->nvectors, forest->nvectors + 1,
									sizeof(float) * forest->outputs);
		vector = forest->vectors + forest->nvectors * forest->outputs;
		memcpy(vector, ecml_read_bytes(r, sizeof(float) * forest->outputs), sizeof(float) * forest->outputs);
		for (int k = 0; k < forest->outputs; k++)
			if (!isfinite(vector[k]))
				ecml_read_corrupted(r, "a leaf's value is not finite");
		node->left = (int32_t) forest->nvectors++;
	}
	else
		node->threshold = flags & VALUES_ARE_FLOATS ? read_f4(r) : ecml_read_finite(r);
}

static void
read_split(EcmlReader *r, TreeForest *forest, TreeNode *node, uint32_t head, const Cuts *cuts)
{
	uint32_t	feature = (head - 1) / 2;
	int			categories;

	if (feature >= (uint32_t) forest->features)
		ecml_read_corrupted(r, "a split is on a column that is not there");
	categories = forest->categories[feature];
	node->feature = (int32_t) feature;
	node->missing_left = (head - 1) % 2;
	node->words = -1;
	node->gain = read_f4(r);
	if (node->gain < 0)
		ecml_read_corrupted(r, "a gain is negative");
	if (categories > 0)
	{
		size_t		n = TREE_WORDS(categories);
		const uint8_t *bytes = ecml_read_bytes(r, n * sizeof(uint32_t));
		uint32_t   *words;

		if (forest->nwords + n > INT32_MAX)
			ecml_read_corrupted(r, "it has too many categories");
		forest->words = tree_room(r->ctx, forest->words, &forest->room[2], forest->nwords, forest->nwords + n, sizeof(uint32_t));
		words = forest->words + forest->nwords;
		memcpy(words, bytes, n * sizeof(uint32_t));
		if (categories % 32 != 0 && words[n - 1] >> (categories % 32) != 0)
			ecml_read_corrupted(r, "a category is out of range");
		node->words = (int32_t) forest->nwords;
		forest->nwords += n;
	}
	else
	{
		uint32_t	number = read_count(r);

		if (number >= cuts[feature].count)
			ecml_read_corrupted(r, "a threshold is out of range");
		node->threshold = cuts[feature].cuts[number];
	}
}

static void
read_tree(EcmlReader *r, TreeForest *forest, uint8_t flags, const Cuts *cuts)
{
	size_t		base = forest->first[forest->ntrees];
	uint32_t	nnodes = ecml_read_u32(r);
	uint32_t	count = 1;
	uint32_t	level_end = 1;
	int			depth = 0;

	if (nnodes < 1 || nnodes > ecml_read_left(r) / NODE_BYTES || nnodes > TREE_MAX_NODES || base + nnodes > TREE_MAX_NODES)
		ecml_read_corrupted(r, "a tree's size is out of range");
	forest->nodes = tree_room(r->ctx, forest->nodes, &forest->room[1], base, base + nnodes, sizeof(TreeNode));
	memset(forest->nodes + base, 0, nnodes * sizeof(TreeNode));
	for (uint32_t i = 0; i < nnodes; i++)
	{
		TreeNode   *node = &forest->nodes[base + i];
		uint32_t	head = read_count(r);

		if (i >= count)
			ecml_read_corrupted(r, "a tree has nodes that no split leads to");
		if (i == level_end)
		{
			level_end = count;
			depth++;
		}
		node->cover = flags & COVERS_ARE_COUNTS ? (float) read_count(r) : read_f4(r);
		if (!(node->cover > 0))
			ecml_read_corrupted(r, "a node's cover is not positive");
		if (head == 0)
			read_leaf(r, forest, node, flags);
		else
		{
			if (depth >= TREE_MAX_DEPTH || count > nnodes - 2)
				ecml_read_corrupted(r, "a tree is too deep, or too small for its splits");
			read_split(r, forest, node, head, cuts);
			node->left = (int32_t) count;
			count += 2;
		}
	}
	if (count != nnodes)
		ecml_read_corrupted(r, "a tree has nodes that no split leads to");
	forest->ntrees++;
	forest->first[forest->ntrees] = base + nnodes;
}

TreeForest *
tree_forest_read(EcmlReader *r, int features, const int *categories)
{
	TreeForest *forest = tree_forest_read_nodes(r, features, categories);

	tree_forest_ready(r->ctx, forest);
	return forest;
}

TreeForest *
tree_forest_read_nodes(EcmlReader *r, int features, const int *categories)
{
	EcmlCtx    *ctx = r->ctx;
	TreeForest *forest;
	Cuts	   *cuts;
	uint32_t	outputs;
	uint32_t	leaf_outputs;
	uint32_t	ntrees;
	uint8_t		flags;

	if (ecml_read_u32(r) != (uint32_t) features)
		ecml_read_corrupted(r, "its columns are not those of the model");
	outputs = ecml_read_u32_in(r, 1, TREE_MAX_OUTPUTS);
	leaf_outputs = ecml_read_u32(r);
	if ((leaf_outputs != 1 && leaf_outputs != outputs) || outputs * sizeof(double) > ecml_read_left(r))
		ecml_read_corrupted(r, "the number of its outputs is out of range");
	forest = tree_forest_create(ctx, features, categories, (int) outputs, (int) leaf_outputs);
	forest->scale = ecml_read_finite(r);
	for (uint32_t k = 0; k < outputs; k++)
		forest->base[k] = ecml_read_finite(r);
	flags = ecml_read_u8(r);
	if (flags > (VALUES_ARE_FLOATS | COVERS_ARE_COUNTS))
		ecml_read_corrupted(r, "it has flags that are not known");
	cuts = ECML_NEW0(ctx, Cuts, features + 1);
	for (int j = 0; j < features; j++)
	{
		cuts[j].count = read_count(r);
		if (cuts[j].count > ecml_read_left(r) / sizeof(double))
			ecml_read_corrupted(r, "it ends too early");
		cuts[j].cuts = ecml_read_finite_f8s(r, cuts[j].count);
		for (uint32_t i = 1; i < cuts[j].count; i++)
			if (!(cuts[j].cuts[i] > cuts[j].cuts[i - 1]))
				ecml_read_corrupted(r, "thresholds are not sorted");
	}
	ntrees = ecml_read_u32(r);
	if (ntrees > ecml_read_left(r) / (sizeof(uint32_t) + NODE_BYTES))
		ecml_read_corrupted(r, "the number of trees is out of range");
	forest->first = tree_room(ctx, forest->first, &forest->room[0], 1, (size_t) ntrees + 1, sizeof(size_t));
	for (uint32_t t = 0; t < ntrees; t++)
		read_tree(r, forest, flags, cuts);
	for (int j = 0; j < features; j++)
		ecml_free(ctx, cuts[j].cuts);
	ecml_free(ctx, cuts);
	return forest;
}
