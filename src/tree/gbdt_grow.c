/*
 * gbdt_grow.c - a tree, leaf by leaf: always the leaf whose split gains most (Shi 2007)
 *
 * The rows of a block lie in an order of their own, those of a leaf side by side: a split is a partition of a part of each block,
 * and the tasks are the blocks.  The task that has parted a block's rows adds those of the lesser child to the histogram right
 * away, as long as they are in the cache; the other child's histogram is the parent's less that one.
 *
 * Sums are integers, so that neither the number of workers nor the order of the blocks shows in them.
 */
#include "gbdt_internal.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* (row, column)s below which threads do not pay, and bins of a histogram likewise */
#define SERIAL_WORK 150000
#define SERIAL_BINS 16384

/* columns searched by one task */
#define GROUP 16

/* blocks that are done between two polls, where the leader works alone */
#define POLL_BLOCKS 16

typedef struct GbdtJob
{
	GbdtGrower *grower;

	/* partition */
	GbdtLeaf   *leaf;			/* becomes the left child */
	GbdtLeaf   *right;
	const GbdtSplit *split;
	uint8_t		goes[256];

	/* histogram */
	GbdtLeaf   *build;			/* of this leaf; NULL: none */
	bool		counts;			/* of rows, not of gradients */

	/* search */
	GbdtSum    *sums;			/* where the histogram goes */
	GbdtSum    *rest;			/* the parent's, which becomes the other child's; or NULL */
	int			nviews;
	GbdtLeafView views[2];
	bool	   *use[2];			/* columns of each, or NULL */
	GbdtSearch	search;
	GbdtSplit  *found;			/* [groups][2] */
} GbdtJob;

GbdtGrower *
gbdt_grower_create(EcmlCtx *ctx, const TreeBins *bins, const GbdtParams *params, const int8_t *monotone)
{
	GbdtGrower *grower = ECML_NEW0(ctx, GbdtGrower, 1);
	int			columns = bins->columns;

	grower->ctx = ctx;
	grower->bins = bins;
	grower->params = params;
	grower->monotone = monotone;
	grower->workers = ecml_workers(ctx, bins->nblocks > (size_t) columns ? bins->nblocks : columns);
	grower->partial = ECML_NEW0(ctx, GbdtPartial, grower->workers);
	grower->spare = ECML_NEW0(ctx, uint16_t *, grower->workers);
	for (int t = 0; t < grower->workers; t++)
	{
		grower->partial[t].packed = ecml_zalloc_array(ctx, (size_t) columns * 256 + 1, sizeof(int64_t));
		grower->partial[t].wide = ECML_NEW0(ctx, GbdtSum, bins->total + 1);
		grower->spare[t] = ECML_NEW(ctx, uint16_t, TREE_BLOCK);
	}
	grower->order = ECML_NEW0(ctx, uint16_t, bins->rows + GBDT_AHEAD);
	grower->grown = ECML_NEW0(ctx, int, bins->nblocks);
	grower->leaves = ECML_NEW0(ctx, GbdtLeaf, params->max_leaves);
	grower->nodes = ECML_NEW0(ctx, TreeNode, 2 * (size_t) params->max_leaves - 1);
	grower->split_of = ECML_NEW0(ctx, int, 2 * (size_t) params->max_leaves - 1);
	grower->splits = ECML_NEW0(ctx, GbdtSplit, params->max_leaves);
	grower->job = ECML_NEW0(ctx, GbdtJob, 1);
	grower->job->grower = grower;
	grower->job->found = ECML_NEW0(ctx, GbdtSplit, 2 * (columns / GROUP + 1));
	grower->job->use[0] = ECML_NEW0(ctx, bool, columns + 1);
	grower->job->use[1] = ECML_NEW0(ctx, bool, columns + 1);
	return grower;
}

void
gbdt_grower_free(GbdtGrower *grower)
{
	EcmlCtx    *ctx = grower->ctx;

	for (int t = 0; t < grower->workers; t++)
	{
		ecml_free(ctx, grower->partial[t].packed);
		ecml_free(ctx, grower->partial[t].wide);
		ecml_free(ctx, grower->spare[t]);
	}
	for (int i = 0; i < grower->params->max_leaves; i++)
	{
		ecml_free(ctx, grower->leaves[i].begin);
		ecml_free(ctx, grower->leaves[i].count);
	}
	ecml_free(ctx, grower->partial);
	ecml_free(ctx, grower->spare);
	ecml_free(ctx, grower->order);
	ecml_free(ctx, grower->grown);
	ecml_free(ctx, grower->leaves);
	ecml_free(ctx, grower->nodes);
	ecml_free(ctx, grower->split_of);
	ecml_free(ctx, grower->splits);
	ecml_free(ctx, grower->words);
	ecml_free(ctx, grower->tree_columns);
	ecml_free(ctx, grower->job->found);
	ecml_free(ctx, grower->job->use[0]);
	ecml_free(ctx, grower->job->use[1]);
	ecml_free(ctx, grower->job);
	ecml_free(ctx, grower);
}

static uint16_t *
leaf_rows(const GbdtGrower *grower, const GbdtLeaf *leaf, size_t b)
{
	return grower->order + b * TREE_BLOCK + leaf->begin[b];
}

/* Tiles of equal width. */
static int
tile_width(int columns)
{
	int			tiles = (columns + GBDT_TILE - 1) / GBDT_TILE;

	return (columns + tiles - 1) / tiles;
}

/* ---------------------------------------------------------------- tasks */

/* Add a leaf's rows of a block to the worker's histogram. */
static void
add_block(GbdtJob *job, size_t b, int worker)
{
	GbdtGrower *grower = job->grower;
	const TreeBins *bins = grower->bins;
	GbdtPartial *partial = &grower->partial[worker];
	const GbdtLeaf *leaf = job->build;
	int			n = leaf->count[b];
	int			width = tile_width(bins->columns);
	const uint16_t *rows = leaf_rows(grower, leaf, b);
	const uint32_t *gh = job->counts ? NULL : grower->gh + b * TREE_BLOCK;

	if (n == 0)
		return;
	if (partial->filled + n > GBDT_FLUSH)
	{
		gbdt_hist_widen(bins, 0, bins->columns, grower->quantum.low, false, partial->packed, partial->wide);
		partial->filled = 0;
		partial->flushed = true;
	}
	partial->filled += n;
	for (int from = 0; from < bins->columns; from += width)
		gbdt_hist_rows(bins, b, rows, n, gh, &grower->quantum, from, bins->columns - from < width ? bins->columns - from : width,
					   partial->packed);
}

static void
part_block(GbdtJob *job, size_t b, int worker)
{
	GbdtGrower *grower = job->grower;
	GbdtLeaf   *left = job->leaf;
	GbdtLeaf   *right = job->right;
	int			n = left->count[b];
	int			nleft = n == 0 ? 0 : gbdt_partition(grower->bins, b, job->split->column, job->goes, leaf_rows(grower, left, b), n,
												   grower->spare[worker]);

	left->count[b] = (uint16_t) nleft;
	right->begin[b] = (uint16_t) (left->begin[b] + nleft);
	right->count[b] = (uint16_t) (n - nleft);
}

static void
add_task(void *arg, size_t b, int worker)
{
	add_block(arg, b, worker);
}

static void
part_task(void *arg, size_t b, int worker)
{
	GbdtJob    *job = arg;

	part_block(job, b, worker);
	if (job->build)
		add_block(job, b, worker);
}

/* A tile of columns over all blocks: for few blocks of many columns. */
static void
tile_task(void *arg, size_t tile, int worker)
{
	GbdtJob    *job = arg;
	GbdtGrower *grower = job->grower;
	const TreeBins *bins = grower->bins;
	GbdtPartial *partial = &grower->partial[0];
	int			width = tile_width(bins->columns);
	int			from = (int) tile * width;
	int			n = bins->columns - from < width ? bins->columns - from : width;
	int			filled = 0;

	(void) worker;
	for (size_t b = 0; b < bins->nblocks; b++)
	{
		int			rows = job->build->count[b];

		if (filled + rows > GBDT_FLUSH)
		{
			gbdt_hist_widen(bins, from, n, grower->quantum.low, false, partial->packed, partial->wide);
			filled = 0;
		}
		filled += rows;
		gbdt_hist_rows(bins, b, leaf_rows(grower, job->build, b), rows, job->counts ? NULL : grower->gh + b * TREE_BLOCK,
					   &grower->quantum, from, n, partial->packed);
	}
}

/* ---------------------------------------------------------------- histograms */

/* Run over all blocks: on threads where that pays. */
static void
run_blocks(GbdtGrower *grower, EcmlTask task, double work)
{
	size_t		nblocks = grower->bins->nblocks;

	if (work > SERIAL_WORK && grower->workers > 1 && nblocks > 1)
		ecml_parallel_for(grower->ctx, nblocks, task, grower->job);
	else
		for (size_t b = 0; b < nblocks; b++)
		{
			task(grower->job, b, 0);
			if (work > SERIAL_WORK || b % (POLL_BLOCKS * 16) == POLL_BLOCKS * 16 - 1)
				ecml_poll(grower->ctx, 0, 0);
		}
}

/* Are tiles of columns better tasks than blocks? */
static bool
by_columns(const GbdtGrower *grower, double work)
{
	return work > SERIAL_WORK && grower->workers > 1 && grower->bins->nblocks < 2 * (size_t) grower->workers &&
		grower->bins->columns >= 2 * GBDT_TILE;
}

/* Sum a leaf's rows into the workers' histograms, beside a partition if there is a job->split. */
static void
sum_rows(GbdtGrower *grower, size_t part_rows, size_t build_rows)
{
	GbdtJob    *job = grower->job;
	double		work = (double) build_rows * grower->bins->columns + part_rows;
	int			columns = grower->bins->columns;

	if (!by_columns(grower, work))
	{
		run_blocks(grower, job->split ? part_task : add_task, work);
		return;
	}
	if (job->split)
	{
		GbdtLeaf   *build = job->build;

		job->build = NULL;
		run_blocks(grower, part_task, part_rows);
		job->build = build;
	}
	if (job->build)
	{
		int			width = tile_width(columns);

		ecml_parallel_for(grower->ctx, (columns + width - 1) / width, tile_task, job);
		grower->partial[0].filled = 1;
		grower->partial[0].flushed = true;
	}
}

/* The workers' histograms of some columns, together: to sums; they are zero again. */
static void
gather(GbdtGrower *grower, int from, int n, GbdtSum *sums)
{
	const TreeBins *bins = grower->bins;
	int			first = bins->first[from];
	size_t		size = bins->first[from + n] - first;
	bool		set = true;

	for (int t = 0; t < grower->workers; t++)
	{
		GbdtPartial *partial = &grower->partial[t];

		if (partial->filled > 0)
		{
			gbdt_hist_widen(bins, from, n, grower->quantum.low, set, partial->packed, sums);
			set = false;
		}
		if (partial->flushed)
		{
			if (set)
				memcpy(sums + first, partial->wide + first, size * sizeof(GbdtSum));
			else
				for (size_t k = first; k < first + size; k++)
				{
					sums[k].g += partial->wide[k].g;
					sums[k].h += partial->wide[k].h;
				}
			memset(partial->wide + first, 0, size * sizeof(GbdtSum));
			set = false;
		}
	}
	if (set)
		memset(sums + first, 0, size * sizeof(GbdtSum));
}

static void
gathered(GbdtGrower *grower)
{
	for (int t = 0; t < grower->workers; t++)
	{
		grower->partial[t].filled = 0;
		grower->partial[t].flushed = false;
	}
}

ECML_CLONES static void
subtract(GbdtSum *restrict from, const GbdtSum *restrict sums, size_t n)
{
	for (size_t k = 0; k < n; k++)
	{
		from[k].g -= sums[k].g;
		from[k].h -= sums[k].h;
	}
}

/* Gather, subtract and search a group of columns. */
static void
search_task(void *arg, size_t group, int worker)
{
	GbdtJob    *job = arg;
	GbdtGrower *grower = job->grower;
	const TreeBins *bins = grower->bins;
	int			from = (int) group * GROUP;
	int			to = from + GROUP < bins->columns ? from + GROUP : bins->columns;
	int			first = bins->first[from];
	size_t		size = bins->first[to] - first;

	(void) worker;
	if (job->sums)
		gather(grower, from, to - from, job->sums);
	if (job->rest)
		subtract(job->rest + first, job->sums + first, size);
	for (int v = 0; v < job->nviews; v++)
	{
		GbdtSplit  *best = &job->found[2 * group + v];
		GbdtSearch	search = job->search;

		search.use = job->use[v];
		best->gain = grower->params->min_gain;
		best->column = -1;
		for (int j = from; j < to; j++)
			if (search.use[j])
				gbdt_split_column(&search, &job->views[v], j, best);
	}
}

/* Finish the job's histogram and search its views; best [nviews]. */
static void
search_leaves(GbdtGrower *grower, GbdtSplit **best)
{
	GbdtJob    *job = grower->job;
	size_t		groups = ((size_t) grower->bins->columns + GROUP - 1) / GROUP;

	job->search = (GbdtSearch) {.bins = grower->bins,.params = grower->params,.monotone = grower->monotone,.quantum = grower->quantum};
	if (grower->bins->total > SERIAL_BINS && grower->workers > 1)
		ecml_parallel_for(grower->ctx, groups, search_task, job);
	else
		for (size_t group = 0; group < groups; group++)
		{
			search_task(job, group, 0);
			if (group % 16 == 15)
				ecml_poll(grower->ctx, 0, 0);
		}
	if (job->sums)
		gathered(grower);
	for (int v = 0; v < job->nviews; v++)
	{
		best[v]->column = -1;
		best[v]->gain = grower->params->min_gain;
		for (size_t group = 0; group < groups; group++)
			if (job->found[2 * group + v].column >= 0 && job->found[2 * group + v].gain > best[v]->gain)
				*best[v] = job->found[2 * group + v];
	}
}

/* ---------------------------------------------------------------- leaves */

static void
new_histogram(GbdtGrower *grower, GbdtLeaf *leaf)
{
	size_t		bytes = ((size_t) grower->bins->total + 1) * sizeof(GbdtSum);

	/* where memory is short, the least promising leaf gives its own: both its children will be summed up */
	while (!ecml_fits(grower->ctx, 2 * bytes + 4 * ECML_OVERHEAD))
	{
		GbdtLeaf   *least = NULL;

		for (int i = 0; i < grower->nleaves; i++)
			if (&grower->leaves[i] != leaf && grower->leaves[i].hist && &grower->leaves[i] != grower->job->leaf &&
				(least == NULL || grower->leaves[i].best.gain < least->best.gain))
				least = &grower->leaves[i];
		if (least == NULL)
			break;
		ecml_free(grower->ctx, least->hist);
		least->hist = NULL;
	}
	leaf->hist = ecml_alloc(grower->ctx, bytes);
}

static void
drop_histogram(GbdtGrower *grower, GbdtLeaf *leaf)
{
	ecml_free(grower->ctx, leaf->hist);
	leaf->hist = NULL;
}

static void
make_room(GbdtGrower *grower, GbdtLeaf *leaf)
{
	if (leaf->begin)
		return;
	leaf->begin = ECML_NEW(grower->ctx, uint16_t, grower->bins->nblocks);
	leaf->count = ECML_NEW(grower->ctx, uint16_t, grower->bins->nblocks);
}

/* May the leaf be split? */
static bool
may_split(const GbdtGrower *grower, const GbdtLeaf *leaf)
{
	const GbdtParams *params = grower->params;
	int			max_depth = params->max_depth > 0 && params->max_depth < TREE_MAX_DEPTH ? params->max_depth : TREE_MAX_DEPTH;

	return leaf->depth < max_depth && leaf->rows >= 2 * (size_t) params->min_child_samples;
}

static void
count_rows(const GbdtGrower *grower, GbdtLeaf *leaf)
{
	leaf->rows = 0;
	for (size_t b = 0; b < grower->bins->nblocks; b++)
		leaf->rows += leaf->count[b];
}

/* Some of the n columns that allowed (NULL: all) lets; at least one. */
static void
draw_columns(EcmlRng *rng, double share, int n, const bool *allowed, bool *use)
{
	int			left = 0;
	int			wanted;

	for (int j = 0; j < n; j++)
		left += allowed == NULL || allowed[j];
	wanted = (int) (share * left + 0.5);
	if (wanted < 1)
		wanted = 1;
	for (int j = 0; j < n; j++)
	{
		use[j] = false;
		if (allowed && !allowed[j])
			continue;
		if (wanted == left || ecml_rng_below(rng, left) < (uint64_t) wanted)
		{
			use[j] = true;
			wanted--;
		}
		if (--left == 0 || wanted == 0)
		{
			for (j++; j < n; j++)
				use[j] = false;
			return;
		}
	}
}

static void
view_leaf(GbdtGrower *grower, int v, const GbdtLeaf *leaf)
{
	GbdtJob    *job = grower->job;

	job->views[v] = (GbdtLeafView) {
		.sum = leaf->sum,.rows = leaf->rows,.low = leaf->low,.high = leaf->high,.l2 = grower->params->l2,.hist = leaf->hist
	};
	draw_columns(&grower->rng, grower->params->colsample_node, grower->bins->columns, grower->tree_columns, job->use[v]);
}

/* Sum up a leaf's rows anew. */
static void
build_histogram(GbdtGrower *grower, GbdtLeaf *leaf)
{
	GbdtJob    *job = grower->job;

	if (leaf->hist == NULL)
		new_histogram(grower, leaf);
	job->build = leaf;
	job->split = NULL;
	job->counts = false;
	sum_rows(grower, 0, leaf->rows);
	gather(grower, 0, grower->bins->columns, leaf->hist);
	gathered(grower);
}

/* The histogram said that both sides have rows enough, and one has not: search again, with rows counted. */
static void
search_exactly(GbdtGrower *grower, GbdtLeaf *leaf)
{
	GbdtJob    *job = grower->job;
	GbdtSum    *count;
	GbdtSplit  *best = &leaf->best;

	if (leaf->hist == NULL)
		build_histogram(grower, leaf);
	count = ECML_NEW(grower->ctx, GbdtSum, grower->bins->total + 1);
	job->build = leaf;
	job->split = NULL;
	job->counts = true;
	sum_rows(grower, 0, leaf->rows);
	job->counts = false;
	gather(grower, 0, grower->bins->columns, count);
	gathered(grower);
	job->sums = NULL;
	job->rest = NULL;
	job->nviews = 1;
	view_leaf(grower, 0, leaf);
	job->views[0].count = count;
	search_leaves(grower, &best);
	ecml_free(grower->ctx, count);
}

static void
start_root(GbdtGrower *grower)
{
	const TreeBins *bins = grower->bins;
	GbdtJob    *job = grower->job;
	GbdtLeaf   *root = &grower->leaves[0];
	GbdtSplit  *best = &root->best;

	make_room(grower, root);
	root->node = 0;
	root->depth = 0;
	root->low = -INFINITY;
	root->high = INFINITY;
	root->l2 = grower->params->l2;
	root->best.column = -1;
	root->sum = (GbdtSum) {0, 0};
	grower->nleaves = 1;
	grower->nnodes = 1;
	grower->nsplits = 0;
	grower->nwords = 0;
	for (size_t b = 0; b < bins->nblocks; b++)
	{
		root->begin[b] = 0;
		root->count[b] = (uint16_t) grower->grown[b];
	}
	count_rows(grower, root);
	if (bins->columns == 0 || !may_split(grower, root))
		return;
	new_histogram(grower, root);
	job->leaf = root;
	job->build = root;
	job->split = NULL;
	job->counts = false;
	sum_rows(grower, 0, root->rows);
	gather(grower, 0, bins->columns, root->hist);
	gathered(grower);
	for (int k = 0; k < bins->column[0].bins; k++)
	{
		root->sum.g += root->hist[k].g;
		root->sum.h += root->hist[k].h;
	}
	job->sums = NULL;
	job->rest = NULL;
	job->nviews = 1;
	view_leaf(grower, 0, root);
	search_leaves(grower, &best);
}

/* Bounds of the children's values, where their parent was split by a constrained column. */
static void
bound_children(const GbdtGrower *grower, const GbdtSplit *split, GbdtLeaf *left, GbdtLeaf *right)
{
	int			direction = grower->monotone ? grower->monotone[split->column] : 0;
	const GbdtQuantum *quantum = &grower->quantum;
	double		middle;

	if (direction == 0)
		return;
	middle = (gbdt_leaf_value(grower->params, left->l2, left->sum.g * quantum->g, left->sum.h * quantum->h, left->low, left->high) +
			  gbdt_leaf_value(grower->params, right->l2, right->sum.g * quantum->g, right->sum.h * quantum->h, right->low, right->high)) / 2;
	if (direction > 0)
	{
		left->high = fmin(left->high, middle);
		right->low = fmax(right->low, middle);
	}
	else
	{
		left->low = fmax(left->low, middle);
		right->high = fmin(right->high, middle);
	}
}

/* Which bins go left? */
static void
fill_goes(const TreeBinColumn *column, const GbdtSplit *split, uint8_t *goes)
{
	if (split->bin < 0)
		memcpy(goes, split->left, 256);
	else
	{
		for (int k = 0; k < 256; k++)
			goes[k] = k <= split->bin;
		if (column->missing >= 0)
			goes[column->missing] = split->missing_left;
	}
}

/*
 * Split a leaf: it becomes its left child, the right one is the last leaf.  False: a side has too few rows after all, and the leaf
 * has been searched again.
 */
static bool
split_leaf(GbdtGrower *grower, GbdtLeaf *leaf)
{
	const GbdtParams *params = grower->params;
	GbdtJob    *job = grower->job;
	GbdtLeaf   *right = &grower->leaves[grower->nleaves];
	GbdtSplit  *split = &grower->splits[grower->nsplits];
	GbdtLeaf	parent = *leaf;
	bool		last = grower->nleaves + 1 == params->max_leaves;
	bool		left_is_less;
	GbdtLeaf   *less;
	GbdtLeaf   *more;
	bool		search_less;
	bool		search_more;
	TreeNode   *node = &grower->nodes[leaf->node];
	GbdtSplit  *best[2];
	double		estimate;

	*split = leaf->best;
	make_room(grower, right);
	left_is_less = split->rows < parent.rows - split->rows;
	estimate = left_is_less ? split->rows : parent.rows - split->rows;
	job->leaf = leaf;
	job->right = right;
	job->split = split;
	job->counts = false;
	job->build = last || !(leaf->depth + 1 < (params->max_depth > 0 ? params->max_depth : TREE_MAX_DEPTH)) ? NULL :
		left_is_less ? leaf : right;
	fill_goes(&grower->bins->column[split->column], split, job->goes);
	sum_rows(grower, parent.rows, job->build ? (size_t) estimate : 0);
	count_rows(grower, leaf);
	right->rows = parent.rows - leaf->rows;
	if (leaf->rows < (size_t) params->min_child_samples || right->rows < (size_t) params->min_child_samples)
	{
		/* they lie side by side still */
		for (size_t b = 0; b < grower->bins->nblocks; b++)
			leaf->count[b] += right->count[b];
		leaf->rows = parent.rows;
		if (job->build)
		{
			GbdtSum    *waste = ECML_NEW(grower->ctx, GbdtSum, grower->bins->total + 1);

			gather(grower, 0, grower->bins->columns, waste);
			gathered(grower);
			ecml_free(grower->ctx, waste);
		}
		search_exactly(grower, leaf);
		return false;
	}

	node->feature = split->column;	/* of the bins, until the tree is finished */
	node->left = grower->nnodes;
	node->gain = (float) split->gain;
	grower->split_of[leaf->node] = grower->nsplits++;
	leaf->node = grower->nnodes++;
	right->node = grower->nnodes++;
	grower->nodes[leaf->node].feature = grower->nodes[right->node].feature = TREE_LEAF;
	right->depth = ++leaf->depth;
	right->low = leaf->low;
	right->high = leaf->high;
	leaf->l2 = right->l2 = params->l2 + (split->sorted ? params->cat_l2 : 0);
	leaf->sum = split->sum;
	right->sum = (GbdtSum) {parent.sum.g - split->sum.g, parent.sum.h - split->sum.h};
	right->hist = NULL;
	leaf->best.column = right->best.column = -1;
	bound_children(grower, split, leaf, right);
	grower->nleaves++;

	less = left_is_less ? leaf : right;
	more = left_is_less ? right : leaf;
	search_less = job->build && may_split(grower, less);
	search_more = job->build && may_split(grower, more);
	if (!search_less && !search_more)
	{
		if (job->build)
		{
			/* the workers' sums must be zero again: the parent's place takes them */
			if (leaf->hist == NULL)
				new_histogram(grower, leaf);
			gather(grower, 0, grower->bins->columns, leaf->hist);
			gathered(grower);
		}
		drop_histogram(grower, leaf);
		return true;
	}
	/* the parent's histogram becomes that of the child with more rows */
	leaf->hist = NULL;
	more->hist = parent.hist;
	job->leaf = more;			/* keeps its histogram */
	new_histogram(grower, less);
	job->sums = less->hist;
	job->rest = more->hist;
	if (more->hist == NULL && search_more)
	{
		gather(grower, 0, grower->bins->columns, less->hist);
		gathered(grower);
		job->leaf = less;
		build_histogram(grower, more);
		job->sums = NULL;
		job->rest = NULL;
	}
	job->nviews = 0;
	/* columns are drawn for the left one first */
	for (int side = 0; side < 2; side++)
	{
		GbdtLeaf   *child = side == 0 ? leaf : right;

		if (child == less ? search_less : search_more)
		{
			view_leaf(grower, job->nviews, child);
			best[job->nviews++] = &child->best;
		}
	}
	search_leaves(grower, best);
	if (less->best.column < 0)
		drop_histogram(grower, less);
	if (more->best.column < 0)
		drop_histogram(grower, more);
	return true;
}

void
gbdt_grow(GbdtGrower *grower)
{
	const GbdtParams *params = grower->params;
	int			columns = grower->bins->columns;

	if (params->colsample_tree < 1 && grower->tree_columns == NULL)
		grower->tree_columns = ECML_NEW0(grower->ctx, bool, columns + 1);
	if (grower->tree_columns)
		draw_columns(&grower->rng, params->colsample_tree, columns, NULL, grower->tree_columns);
	grower->nodes[0].feature = TREE_LEAF;
	start_root(grower);
	while (grower->nleaves < params->max_leaves)
	{
		GbdtLeaf   *best = NULL;

		for (int i = 0; i < grower->nleaves; i++)
			if (grower->leaves[i].best.column >= 0 && (best == NULL || grower->leaves[i].best.gain > best->best.gain))
				best = &grower->leaves[i];
		if (best == NULL)
			break;
		split_leaf(grower, best);
		ecml_poll(grower->ctx, grower->done + (double) grower->nleaves / params->max_leaves, grower->total);
	}
	for (int i = 0; i < grower->nleaves; i++)
		drop_histogram(grower, &grower->leaves[i]);
}

/* ---------------------------------------------------------------- the finished tree */

int
gbdt_walk(const GbdtGrower *grower, size_t b, int i)
{
	const TreeBins *bins = grower->bins;
	const uint8_t *row = bins->row[b] + (size_t) i * bins->columns;
	int			at = 0;

	while (grower->nodes[at].feature != TREE_LEAF)
	{
		const GbdtSplit *split = &grower->splits[grower->split_of[at]];
		int			bin = row[split->column];
		bool		left = split->bin < 0 ? split->left[bin] != 0 :
			bin == bins->column[split->column].missing ? split->missing_left : bin <= split->bin;

		at = grower->nodes[at].left + (left ? 0 : 1);
	}
	return grower->split_of[at];	/* of a leaf: its number */
}

void
gbdt_finish_tree(GbdtGrower *grower, Tree *tree)
{
	const TreeBins *bins = grower->bins;
	size_t		words = 0;

	for (int i = 0; i < grower->nleaves; i++)
	{
		GbdtLeaf   *leaf = &grower->leaves[i];
		TreeNode   *node = &grower->nodes[leaf->node];

		*node = (TreeNode) {.threshold = leaf->value,.feature = TREE_LEAF,.words = -1,.cover = (float) leaf->w};
		grower->split_of[leaf->node] = i;
	}
	for (int s = 0; s < grower->nsplits; s++)
		words += TREE_WORDS(bins->column[grower->splits[s].column].categories);
	if (words > grower->words_room)
	{
		ecml_free(grower->ctx, grower->words);
		grower->words_room = 2 * words;
		grower->words = ECML_NEW(grower->ctx, uint32_t, grower->words_room);
	}
	if (words > 0)
		memset(grower->words, 0, words * sizeof(uint32_t));
	grower->nwords = 0;
	/* children have greater numbers: their covers are known */
	for (int at = grower->nnodes - 1; at >= 0; at--)
	{
		TreeNode   *node = &grower->nodes[at];
		const GbdtSplit *split;
		const TreeBinColumn *column;
		float		left;
		float		right;

		if (node->feature == TREE_LEAF)
			continue;
		split = &grower->splits[grower->split_of[at]];
		column = &bins->column[split->column];
		left = grower->nodes[node->left].cover;
		right = grower->nodes[node->left + 1].cover;
		node->cover = left + right;
		node->feature = column->feature;
		node->missing_left = column->missing >= 0 ? split->missing_left : left >= right;
		node->words = -1;
		if (split->bin < 0)
		{
			bool		goes[256];

			for (int k = 0; k < 256; k++)
				goes[k] = split->left[k] != 0;
			node->words = (int32_t) grower->nwords;
			node->threshold = 0;
			tree_bins_words(column, goes, grower->words + grower->nwords);
			grower->nwords += TREE_WORDS(column->categories);
		}
		else
			/* the last place parts what is missing from all numbers */
			node->threshold = split->bin < column->values - 1 ? column->upper[split->bin] : DBL_MAX;
	}
	*tree = (Tree) {.nnodes = grower->nnodes,.nodes = grower->nodes,.nwords = grower->nwords,.words = grower->words};
}
