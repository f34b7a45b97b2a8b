/*
 * iforest.c - isolation forest: fit, score, explanation, bytes
 *
 * Trees are grown by tasks, some at a time, each from random numbers of its own, and put into the forest in their order: the same
 * bits at any number of threads.  Memory: the rows that trees are drawn from (a sample that the caller has drawn), 12 bytes of
 * them a thread, and the trees.
 */
#include "iforest_internal.h"

#include "num/sort.h"

#define BATCH 64				/* trees grown at a time, at most */
#define BATCH_BYTES ((size_t) 64 << 20)	/* of their nodes and planes, or so */
#define LEAST_ROWS 16384		/* that the threshold is found among, if there are as many */
#define MOST_ROWS 1000000
#define SCORED_ROWS 4096		/* at a time */
#define EULER 0.57721566490153286061

const char *
iforest_check(const IforestParams *params)
{
	if (params->max_features > 1 && params->max_features != floor(params->max_features))
		return "\"max_features\" is neither a share up to 1 nor a whole number of columns.";
	if (!(params->max_features > 0))
		return "\"max_features\" must be above 0.";
	return NULL;
}

int64_t
iforest_sample_rows(const IforestParams *params)
{
	int64_t		rows = (int64_t) params->n_trees * params->sample_size;

	if (rows > MOST_ROWS)
		rows = MOST_ROWS;
	if (rows < LEAST_ROWS)
		rows = LEAST_ROWS;
	return rows > params->sample_size ? rows : params->sample_size;
}

/* H(n - 1) by its expansion, as the paper has it; 1 of two rows. */
double
iforest_average_path(double n)
{
	if (n <= 1)
		return 0;
	if (n == 2)
		return 1;
	return 2 * (log(n - 1) + EULER) - 2 * (n - 1) / n;
}

/* ---- fit */

typedef struct Growth
{
	const IforestRows *rows;
	const IforestShape *shape;
	const EcmlRng *rng;
	uint64_t	seed;
	bool		oblique;
	int			first;			/* tree of the batch */
	IforestScratch *scratch;	/* [workers] */
	TreeNode   *nodes;			/* [batch][most_nodes] */
	uint64_t   *seeds;			/* likewise */
	ObliqueNode *oblique_nodes; /* likewise */
	ObliqueTerm *terms;			/* [batch][splits][active] */
	size_t		most_terms;
	int		   *nnodes;			/* [batch] */
	size_t	   *nterms;
} Growth;

static void
grow_tree(void *arg, size_t i, int worker)
{
	Growth	   *growth = arg;
	int			tree = growth->first + (int) i;
	EcmlRng		rng = ecml_rng_stream(growth->rng, (uint64_t) tree + 1);
	size_t		at = i * growth->shape->most_nodes;

	if (growth->oblique)
		growth->nnodes[i] = iforest_oblique_grow(growth->rows, growth->shape, &rng, &growth->scratch[worker], growth->seed, tree,
												 growth->oblique_nodes + at, growth->terms + i * growth->most_terms,
												 &growth->nterms[i]);
	else
		growth->nnodes[i] = iforest_grow(growth->rows, growth->shape, &rng, &growth->scratch[worker], growth->nodes + at,
										 growth->seeds + at);
}

/* The words of splits on categories, then the tree is the forest's. */
static void
append_tree(EcmlCtx *ctx, const IforestRows *rows, TreeForest *forest, TreeNode *nodes, int nnodes, const uint64_t *seeds)
{
	Tree		tree = {.nnodes = nnodes,.nodes = nodes};
	uint32_t   *words;

	for (int i = 0; i < nnodes; i++)
		if (nodes[i].words >= 0)
		{
			nodes[i].words = (int32_t) tree.nwords;
			tree.nwords += TREE_WORDS(rows->categories[nodes[i].feature]);
			if (tree.nwords > INT32_MAX)
				ecml_fail(ctx, ECML_LIMIT_EXCEEDED, "too many categories for an isolation forest");
		}
	words = ECML_NEW0(ctx, uint32_t, tree.nwords + 1);
	for (int i = 0; i < nnodes; i++)
		if (nodes[i].words >= 0)
			for (int c = 0; c < rows->categories[nodes[i].feature]; c++)
				if (iforest_category_left(seeds[i], c))
					words[nodes[i].words + c / 32] |= UINT32_C(1) << c % 32;
	tree.words = tree.nwords > 0 ? words : NULL;
	tree_forest_append(ctx, forest, &tree);
	ecml_free(ctx, words);
}

static void
make_scratch(EcmlCtx *ctx, Growth *growth, int workers)
{
	const IforestShape *shape = growth->shape;
	size_t		n = growth->rows->n;

	growth->scratch = ECML_NEW0(ctx, IforestScratch, workers);
	for (int w = 0; w < workers; w++)
	{
		IforestScratch *scratch = &growth->scratch[w];

		scratch->rows = ECML_NEW(ctx, uint32_t, shape->sample_size);
		scratch->columns = ECML_NEW(ctx, int, growth->rows->columns + 1);
		scratch->open = ECML_NEW(ctx, IforestOpen, shape->depth + 2);
		if (growth->rows->upto)
			scratch->used = ECML_NEW0(ctx, double, n);
		else
		{
			scratch->all = ECML_NEW(ctx, uint32_t, n);
			for (size_t i = 0; i < n; i++)
				scratch->all[i] = (uint32_t) i;
		}
		if (growth->oblique)
			scratch->sums = ECML_NEW(ctx, double, shape->sample_size + 2 * (size_t) shape->active);
	}
}

static void
grow_forest(EcmlCtx *ctx, IforestModel *model, const IforestRows *rows, const IforestShape *shape)
{
	Growth		growth = {.rows = rows,.shape = shape,.rng = &ctx->rng,.oblique = model->oblique != NULL};
	size_t		bytes = shape->most_nodes * (sizeof(TreeNode) + sizeof(uint64_t));
	int			batch;

	growth.most_terms = (size_t) (shape->most_nodes / 2) * shape->active;
	if (growth.oblique)
	{
		growth.seed = model->oblique->seed;
		bytes = shape->most_nodes * sizeof(ObliqueNode) + growth.most_terms * sizeof(ObliqueTerm);
	}
	batch = (int) (BATCH_BYTES / bytes);
	batch = batch > BATCH ? BATCH : batch < 2 ? 2 : batch;
	batch = batch > model->n_trees ? model->n_trees : batch;
	growth.nnodes = ECML_NEW(ctx, int, batch);
	growth.nterms = ECML_NEW0(ctx, size_t, batch);
	if (growth.oblique)
	{
		growth.oblique_nodes = ECML_NEW(ctx, ObliqueNode, (size_t) batch * shape->most_nodes);
		growth.terms = ECML_NEW(ctx, ObliqueTerm, batch * growth.most_terms + 1);
	}
	else
	{
		growth.nodes = ECML_NEW(ctx, TreeNode, (size_t) batch * shape->most_nodes);
		growth.seeds = ECML_NEW0(ctx, uint64_t, (size_t) batch * shape->most_nodes);
	}
	make_scratch(ctx, &growth, ecml_workers(ctx, batch));
	for (growth.first = 0; growth.first < model->n_trees; growth.first += batch)
	{
		int			n = model->n_trees - growth.first < batch ? model->n_trees - growth.first : batch;

		ecml_poll(ctx, growth.first, model->n_trees);
		ecml_parallel_for(ctx, n, grow_tree, &growth);
		for (int i = 0; i < n; i++)
		{
			size_t		at = (size_t) i * shape->most_nodes;

			if (growth.oblique)
				iforest_oblique_append(ctx, model->oblique, growth.oblique_nodes + at, growth.nnodes[i],
									   growth.terms + i * growth.most_terms, growth.nterms[i]);
			else
				append_tree(ctx, rows, model->forest, growth.nodes + at, growth.nnodes[i], growth.seeds + at);
		}
	}
	ecml_free(ctx, growth.nodes);
	ecml_free(ctx, growth.seeds);
	ecml_free(ctx, growth.oblique_nodes);
	ecml_free(ctx, growth.terms);
}

/* All blocks, in memory; those of a file are copied. */
static const EcmlBlock *
hold_blocks(EcmlCtx *ctx, EcmlData *data)
{
	EcmlBlock  *blocks = ECML_NEW(ctx, EcmlBlock, data->nblocks + 1);
	size_t		got;

	for (size_t b = 0; b < data->nblocks; b += got)
	{
		got = ecml_data_fetch(ctx, data, b, blocks + b, data->nblocks - b < ECML_FETCH ? data->nblocks - b : ECML_FETCH);
		for (size_t i = b; !data->resident && i < b + got; i++)
		{
			size_t		cells = (size_t) data->columns * blocks[i].stride;
			double	   *x = ECML_NEW(ctx, double, cells + 1);
			double	   *w = NULL;

			memcpy(x, blocks[i].x, cells * sizeof(double));
			if (blocks[i].w)
			{
				w = ECML_NEW(ctx, double, blocks[i].rows);
				memcpy(w, blocks[i].w, blocks[i].rows * sizeof(double));
			}
			blocks[i].x = x;
			blocks[i].w = w;
		}
	}
	return blocks;
}

/* Weights summed up. */
static double *
sum_weights(EcmlCtx *ctx, const EcmlData *data, const EcmlBlock *blocks)
{
	double	   *upto = ECML_NEW(ctx, double, data->rows);
	double		sum = 0;

	for (size_t i = 0; i < data->rows; i++)
		upto[i] = sum += blocks[i / ECML_BLOCK_ROWS].w[i % ECML_BLOCK_ROWS];
	return upto;
}

/* 1 / deviation of each column. */
static double *
find_scales(EcmlCtx *ctx, const IforestRows *rows)
{
	double	   *scale = ECML_NEW0(ctx, double, rows->columns + 1);

	for (int j = 0; j < rows->columns; j++)
	{
		double		mean = 0;
		double		m2 = 0;
		size_t		n = 0;

		ecml_poll(ctx, 0, 0);
		for (size_t i = 0; i < rows->n; i++)
		{
			double		value = iforest_value(rows, i, j);
			double		delta = value - mean;

			if (isnan(value))
				continue;
			n++;
			mean += delta / (double) n;
			m2 += delta * (value - mean);
		}
		scale[j] = m2 > 0 ? 1 / sqrt(m2 / (double) n) : 0;
	}
	return scale;
}

static IforestShape
find_shape(EcmlCtx *ctx, const IforestParams *params, const IforestRows *rows)
{
	IforestShape shape = {.sample_size = params->sample_size,.tree_columns = rows->columns,.active = params->extension_level + 1};
	double		nodes;

	if ((size_t) shape.sample_size > rows->n)
		shape.sample_size = (int) rows->n;
	if (params->max_features > 1 && params->max_features < rows->columns)
		shape.tree_columns = (int) params->max_features;
	if (params->max_features <= 1)
		shape.tree_columns = (int) fmax(1, floor(params->max_features * rows->columns));
	if (params->extension_level >= shape.tree_columns)
	{
		ecml_detail(ctx, "It is %d; a tree splits on %d columns.", params->extension_level, shape.tree_columns);
		ecml_hint(ctx, "Give a number from 0 (one column a split) to %d (a plane through all columns).", shape.tree_columns - 1);
		ecml_fail(ctx, ECML_INVALID_PARAMETER, "\"extension_level\" must be below the number of columns");
	}
	shape.depth = params->max_depth > 0 ? params->max_depth : (int) fmax(1, ceil(log2(shape.sample_size)));
	nodes = fmin(2.0 * shape.sample_size - 1, ldexp(1, shape.depth + 1) - 1);
	shape.most_nodes = (int) fmax(nodes, 1);
	return shape;
}

typedef struct Scored
{
	double		score;
	double		weight;
} Scored;

/* The threshold that leaves no more than the share above it; and the share that is: without a share given, of some of the rows. */
static void
find_threshold(EcmlCtx *ctx, IforestModel *model, const IforestRows *rows, double contamination)
{
	double	   *x = ECML_NEW(ctx, double, (size_t) SCORED_ROWS * model->columns + 1);
	double	   *scores = ECML_NEW(ctx, double, SCORED_ROWS);
	double	   *pairs = ECML_NEW(ctx, double, 2 * rows->n);
	size_t		step = contamination > 0 ? 1 : (rows->n + SCORED_ROWS - 1) / SCORED_ROWS;
	size_t		all = (rows->n + step - 1) / step;
	double		total = 0;
	double		above = 0;

	for (size_t first = 0; first < all; first += SCORED_ROWS)
	{
		size_t		n = all - first < SCORED_ROWS ? all - first : SCORED_ROWS;

		ecml_poll(ctx, 0, 0);
		for (size_t i = 0; i < n; i++)
			for (int j = 0; j < model->columns; j++)
				x[i * model->columns + j] = iforest_value(rows, (first + i) * step, j);
		iforest_scores(ctx, model, n, x, scores);
		for (size_t i = 0; i < n; i++)
		{
			size_t		row = (first + i) * step;
			double		weight = rows->upto == NULL ? 1 : rows->upto[row] - (row > 0 ? rows->upto[row - 1] : 0);

			pairs[2 * (first + i)] = scores[i];
			pairs[2 * (first + i) + 1] = weight;
			total += weight;
		}
	}
	model->threshold = 0.5;
	if (contamination > 0)
	{
		size_t		i = all;

		ecml_sort_f8_pairs(ctx, pairs, all);
		/* from the greatest score on, as long as all rows of one score have room */
		while (i > 0)
		{
			size_t		same = i;
			double		weight = 0;

			while (same > 0 && pairs[2 * (same - 1)] == pairs[2 * (i - 1)])
				weight += pairs[2 * --same + 1];
			model->threshold = pairs[2 * (i - 1)];
			if (above + weight > contamination * total * (1 + 1e-12))
				break;
			above += weight;
			i = same;
		}
	}
	above = 0;
	for (size_t i = 0; i < all; i++)
		above += pairs[2 * i] > model->threshold ? pairs[2 * i + 1] : 0;
	model->share = above / total;
	ecml_free(ctx, x);
	ecml_free(ctx, scores);
	ecml_free(ctx, pairs);
}

/* All trees are there.  With a scorer of its own the forest need not be quick. */
static void
make_ready(EcmlCtx *ctx, IforestModel *model)
{
	model->scorer = iforest_scorer_create(ctx, model->forest);
	model->forest->slow = model->scorer != NULL;
	tree_forest_ready(ctx, model->forest);
}

IforestModel *
iforest_fit(EcmlCtx *ctx, EcmlData *data, const IforestTask *task)
{
	const IforestParams *params = task->params;
	IforestModel *model = ECML_NEW0(ctx, IforestModel, 1);
	IforestRows rows = {.n = data->rows,.columns = data->columns,.categories = task->categories};
	IforestShape shape;

	if (data->rows == 0 || data->rows > UINT32_MAX)
		ecml_fail(ctx, ECML_DATA_EXCEPTION, "an isolation forest needs rows");
	rows.blocks = hold_blocks(ctx, data);
	if (data->has_w)
		rows.upto = sum_weights(ctx, data, rows.blocks);
	shape = find_shape(ctx, params, &rows);
	model->columns = data->columns;
	model->n_trees = params->n_trees;
	model->sample_size = shape.sample_size;
	model->normalizer = iforest_average_path(shape.sample_size);
	model->rows = data->rows;
	if (params->extension_level > 0)
	{
		rows.scale = find_scales(ctx, &rows);
		model->oblique = iforest_oblique_create(ctx, &rows, params->n_trees, ecml_rng_next(&ctx->rng));
	}
	else
	{
		const int  *categories = task->categories ? task->categories : ECML_NEW0(ctx, int, data->columns + 1);

		model->forest = tree_forest_create(ctx, data->columns, categories, 1, 1);
		model->forest->scale = 1.0 / params->n_trees;
	}
	grow_forest(ctx, model, &rows, &shape);
	if (model->oblique)
		iforest_oblique_ready(model->oblique);
	else
		make_ready(ctx, model);
	find_threshold(ctx, model, &rows, params->contamination);
	return model;
}

/* ---- use */

double
iforest_path(const IforestModel *model, const double *x)
{
	double		path;

	if (model->oblique)
		return iforest_oblique_path(model->oblique, x);
	if (model->scorer)
		return model->forest->base[0] + model->forest->scale * iforest_scorer_sum(model->scorer, x, NULL);
	tree_forest_predict(model->forest, x, &path);
	return path;
}

static inline double
score_of(const IforestModel *model, double path)
{
	/* one row tells nothing */
	return model->normalizer > 0 ? exp2(-path / model->normalizer) : 0.5;
}

double
iforest_score(const IforestModel *model, const double *x)
{
	return score_of(model, iforest_path(model, x));
}

typedef struct Scoring
{
	const IforestModel *model;
	size_t		rows;
	const double *x;
	double	   *paths;
	uint32_t   *scratch;		/* [workers][room] of the scorer */
	size_t		room;
} Scoring;

#define TASK_ROWS 256

static void
score_rows(void *arg, size_t i, int worker)
{
	Scoring    *scoring = arg;
	size_t		end = (i + 1) * TASK_ROWS < scoring->rows ? (i + 1) * TASK_ROWS : scoring->rows;

	for (size_t row = i * TASK_ROWS; row < end; row++)
	{
		const IforestModel *model = scoring->model;
		const double *x = scoring->x + row * model->columns;

		if (model->oblique)
			scoring->paths[row] = iforest_oblique_path(model->oblique, x);
		else
			scoring->paths[row] = model->forest->base[0] +
				model->forest->scale * iforest_scorer_sum(model->scorer, x, scoring->scratch + worker * scoring->room);
	}
}

void
iforest_scores(EcmlCtx *ctx, const IforestModel *model, size_t rows, const double *x, double *scores)
{
	Scoring		scoring = {model, rows, x, scores};
	size_t		ntasks = (rows + TASK_ROWS - 1) / TASK_ROWS;

	if (model->oblique)
		ecml_parallel_for(ctx, ntasks, score_rows, &scoring);
	else if (model->scorer)
	{
		scoring.room = iforest_scorer_scratch(model->scorer);
		scoring.scratch = ECML_NEW0(ctx, uint32_t, ecml_workers(ctx, ntasks) * scoring.room);
		ecml_parallel_for(ctx, ntasks, score_rows, &scoring);
		ecml_free(ctx, scoring.scratch);
	}
	else
		tree_forest_predict_rows(ctx, model->forest, rows, x, scores);
	for (size_t i = 0; i < rows; i++)
		scores[i] = score_of(model, scores[i]);
}

void
iforest_contributions(const IforestModel *model, const double *x, double *base, double *c)
{
	double		scale = model->normalizer > 0 ? -1 / model->normalizer : 0;

	if (model->oblique)
		iforest_oblique_contributions(model->oblique, x, base, c);
	else
		tree_forest_shap(model->forest, x, 0, base, c);
	*base = model->normalizer > 0 ? *base * scale : -1;
	for (int j = 0; j < model->columns; j++)
		c[j] *= scale;
}

void
iforest_importance(const IforestModel *model, double *importance)
{
	double		sum = 0;

	memset(importance, 0, model->columns * sizeof(double));
	if (model->oblique)
		iforest_oblique_importance(model->oblique, importance);
	else
		tree_forest_importance(model->forest, importance, NULL, NULL);
	for (int j = 0; j < model->columns; j++)
		sum += importance[j];
	for (int j = 0; j < model->columns && sum > 0; j++)
		importance[j] /= sum;
}

/* ---- bytes */

void
iforest_write(EcmlWriter *w, const IforestModel *model)
{
	ecml_write_u8(w, model->oblique != NULL);
	ecml_write_u32(w, (uint32_t) model->n_trees);
	ecml_write_u32(w, (uint32_t) model->sample_size);
	ecml_write_f8(w, model->threshold);
	ecml_write_u64(w, model->rows);
	ecml_write_f8(w, model->share);
	if (model->oblique)
		iforest_oblique_write(w, model->oblique);
	else
		tree_forest_write(w, model->forest);
}

IforestModel *
iforest_read(EcmlReader *r, int columns, const int *categories)
{
	IforestModel *model = ECML_NEW0(r->ctx, IforestModel, 1);
	bool		oblique = ecml_read_bool(r);

	model->columns = columns;
	model->n_trees = (int) ecml_read_u32_in(r, 1, IFOREST_MAX_TREES);
	model->sample_size = (int) ecml_read_u32_in(r, 1, IFOREST_MAX_SAMPLE);
	model->normalizer = iforest_average_path(model->sample_size);
	model->threshold = ecml_read_finite(r);
	model->rows = ecml_read_u64(r);
	model->share = ecml_read_finite(r);
	if (!(model->share >= 0 && model->share <= 1))
		ecml_read_corrupted(r, "a share is out of range");
	if (oblique)
		model->oblique = iforest_oblique_read(r, columns, categories);
	else
	{
		const TreeForest *forest = model->forest = tree_forest_read_nodes(r, columns, categories);

		if (forest->outputs != 1 || forest->base[0] != 0 || forest->scale != 1.0 / model->n_trees)
			ecml_read_corrupted(r, "the forest has another number of outputs, or another scale");
		for (size_t i = 0; i < forest->first[forest->ntrees]; i++)
			if (forest->nodes[i].feature == TREE_LEAF && !(forest->nodes[i].threshold >= 0))
				ecml_read_corrupted(r, "the length of a path is negative");
	}
	if ((oblique ? model->oblique->ntrees : model->forest->ntrees) != model->n_trees)
		ecml_read_corrupted(r, "the number of trees is another");
	if (!oblique)
		make_ready(r->ctx, model);
	return model;
}
