/*
 * forest_fit.c - decision trees and random forests (Breiman 2001): bins, trees side by side, what unseen rows say of them
 *
 * Rows are binned once for all trees (tree_bins.h), a byte a value.  Trees grow some at a time, one a thread, each from a generator
 * of its own number; they are taken into the forest in their order.  Rows that a tree has not drawn are
 * parted by its splits beside those that it has, so that the out-of-bag error costs no walk.
 *
 * How far to grow depends on the noise of the target: one row a leaf and all columns tried where it has little, five rows and a third
 * of the columns where it has much; the wrong choice costs tens of percent of the error.  Unless told, a forest of few rows tries each
 * choice with some trees, by the out-of-bag error that a whole forest of its kind would have.
 *
 * Cost: rows x depth x features tried x trees, about 2 ns each.  Memory: a byte a value, and for each tree that is under way some 30 bytes
 * a row; out-of-bag predictions 4 bytes a row and class.
 */
#include "tree/forest_internal.h"

#include <string.h>

#include "num/metrics.h"

/* ---------------------------------------------------------------- rows */

typedef struct Turn
{
	ForestData *data;
	const TreeBins *bins;
	size_t		first;
} Turn;

static void
turn_block(void *arg, size_t i, int worker)
{
	const Turn *turn = arg;
	size_t		b = turn->first + i;
	int			rows = tree_block_rows(turn->bins, b);
	int			width = turn->data->columns;
	const uint8_t *from = turn->bins->row[b];

	for (int c = 0; c < width; c++)
	{
		uint8_t    *to = turn->data->column[c] + b * TREE_BLOCK;

		for (int r = 0; r < rows; r++)
			to[r] = from[(size_t) r * width + c];
	}
}

/* From blocks of rows to columns; blocks go as they are done with. */
static void
turn_to_columns(EcmlCtx *ctx, ForestData *data, TreeBins *bins)
{
	Turn		turn = {.data = data,.bins = bins};
	size_t		step = 16;

	data->column = ECML_NEW(ctx, uint8_t *, data->columns + 1);
	for (int c = 0; c < data->columns; c++)
		data->column[c] = ECML_NEW(ctx, uint8_t, data->rows);
	for (size_t b = 0; b < bins->nblocks; b += step)
	{
		size_t		n = bins->nblocks - b < step ? bins->nblocks - b : step;

		turn.first = b;
		ecml_parallel_for(ctx, n, turn_block, &turn);
		for (size_t i = 0; i < n; i++)
		{
			ecml_free(ctx, bins->row[b + i]);
			bins->row[b + i] = NULL;
		}
	}
}

/* ---------------------------------------------------------------- what is asked for */

static int
features_to_try(const ForestParams *params, int features, int columns, int classes)
{
	double		n = features;

	switch (params->max_features)
	{
		case FOREST_FEATURES_SQRT:
			n = sqrt(features);
			break;
		case FOREST_FEATURES_LOG2:
			n = log2(features);
			break;
		case FOREST_FEATURES_THIRD:
			n = features / 3.0;
			break;
		case FOREST_FEATURES_AUTO:
			if (params->bootstrap || params->n_trees > 1)
				n = classes > 0 ? sqrt(features) : features / 3.0;
			break;
		case FOREST_FEATURES_ALL:
			break;
		default:
			n = params->features_number < 1 ? params->features_number * features : params->features_number;
	}
	n = floor(n);
	if (n < 1)
		n = 1;
	return n < columns ? (int) n : columns;
}

/* A number of rows, or a share of them. */
static double
number_of_rows(double given, double rows)
{
	return given < 1 ? ceil(given * rows) : given;
}

static void
check_target(EcmlCtx *ctx, const ForestData *data)
{
	double		sum = 0;

	if (data->criterion != FOREST_POISSON)
		return;
	for (size_t i = 0; i < data->rows; i++)
	{
		if (data->y[i] < 0)
		{
			ecml_detail(ctx, "Row %zu has %g.", i + 1, data->y[i]);
			ecml_hint(ctx, "The criterion \"poisson\" is for counts; take \"squared_error\".");
			ecml_fail(ctx, ECML_DATA_EXCEPTION, "the target is negative");
		}
		sum += data->y[i];
	}
	if (sum == 0)
	{
		ecml_detail(ctx, "All %zu rows have 0.", data->rows);
		ecml_hint(ctx, "The criterion \"poisson\" needs a count above 0.");
		ecml_fail(ctx, ECML_DATA_EXCEPTION, "the target is constant");
	}
}

static double *
weigh_classes(EcmlCtx *ctx, const ForestTask *task, const TreeBins *bins)
{
	double	   *weight = ECML_NEW(ctx, double, task->classes + 1);
	double	   *rows = ECML_NEW0(ctx, double, task->classes + 1);
	double		total = 0;

	for (size_t i = 0; task->classes > 0 && i < bins->rows; i++)
	{
		double		w = bins->w ? bins->w[i] : 1;

		rows[(int) bins->y[i]] += w;
		total += w;
	}
	for (int k = 0; k < task->classes; k++)
	{
		weight[k] = task->class_weight ? task->class_weight[k] : 1;
		if (!task->class_weight && task->params->balanced && rows[k] > 0)
			weight[k] = total / (task->classes * rows[k]);
	}
	ecml_free(ctx, rows);
	return weight;
}

static ForestData *
prepare(EcmlCtx *ctx, EcmlData *data, const ForestTask *task)
{
	const ForestParams *params = task->params;
	TreeBinsParams wanted = TREE_BINS_DEFAULTS;
	ForestData *made = ECML_NEW0(ctx, ForestData, 1);
	TreeBins   *bins;
	double		drawn;

	wanted.features = task->features;
	wanted.categories = task->categories;
	wanted.max_bins = params->max_bins;
	wanted.columns = false;
	bins = tree_bins_make(ctx, data, &wanted);
	made->bins = bins;
	made->rows = bins->rows;
	made->columns = bins->columns;
	made->y = bins->y;
	made->w = bins->w;
	made->classes = task->classes;
	made->width = task->classes > 0 ? task->classes : 2;
	made->counts = task->classes > 0 && !bins->w;
	made->class_weight = weigh_classes(ctx, task, bins);
	made->criterion = params->criterion != FOREST_AUTO ? params->criterion : task->classes > 0 ? FOREST_GINI : FOREST_SQUARED_ERROR;
	made->features_tried = features_to_try(params, task->features, bins->columns, task->classes);
	drawn = params->max_samples > 0 ? number_of_rows(params->max_samples, (double) bins->rows) : (double) bins->rows;
	made->drawn = drawn < 1 ? 1 : drawn < (double) bins->rows ? (size_t) drawn : bins->rows;
	made->min_leaf = params->min_samples_leaf > 0 ? number_of_rows(params->min_samples_leaf, (double) made->drawn) : FOREST_LEAF;
	made->min_split = fmax(number_of_rows(params->min_samples_split, (double) made->drawn), 2);
	made->params = params;
	check_target(ctx, made);
	turn_to_columns(ctx, made, bins);
	return made;
}

/* ---------------------------------------------------------------- rows that trees have not seen */

typedef struct Unseen
{
	float	   *sum;			/* [rows][outputs] */
	uint32_t   *trees;			/* [rows] */
	float	   *squares;		/* [rows] of a trial: squared errors of the single trees, over the outputs; else NULL */
} Unseen;

/* From the root down: what is cut off below a leaf is not met, and its rows stand in the leaf's range. */
static void
add_unseen(EcmlCtx *ctx, const ForestData *data, const ForestGrower *grower, Unseen *unseen)
{
	int			classes = data->classes;
	int		   *next = ECML_NEW(ctx, int, grower->nnodes);
	int			n = 1;

	next[0] = 0;
	for (int i = 0; i < n; i++)
	{
		const TreeNode *node = &grower->nodes[next[i]];
		const uint32_t *row = grower->unseen + grower->unseen_from[next[i]];
		const uint32_t *end = grower->unseen + grower->unseen_to[next[i]];

		if (node->feature != TREE_LEAF)
		{
			next[n++] = node->left;
			next[n++] = node->left + 1;
			continue;
		}
		for (; row < end; row++)
		{
			unseen->trees[*row]++;
			if (classes > 2)
			{
				const float *vector = grower->vectors + (size_t) node->left * classes;

				for (int k = 0; k < classes; k++)
					unseen->sum[(size_t) *row * classes + k] += vector[k];
				for (int k = 0; unseen->squares && k < classes; k++)
					unseen->squares[*row] += (vector[k] - (data->y[*row] == k)) * (vector[k] - (data->y[*row] == k));
			}
			else
			{
				float		value = (float) grower->value[next[i]];

				unseen->sum[*row] += value;
				if (unseen->squares)
					unseen->squares[*row] += (value - data->y[*row]) * (value - data->y[*row]);
			}
		}
	}
	ecml_free(ctx, next);
}

static void
judge_classes(EcmlCtx *ctx, const ForestData *data, const Unseen *unseen, ForestModel *model)
{
	EcmlScores	scores;
	double		right = 0;
	double		loss = 0;
	double		weight = 0;
	int			outputs = data->classes > 2 ? data->classes : 1;

	ecml_scores_init(&scores, data->w != NULL);
	for (size_t r = 0; r < data->rows; r++)
	{
		const float *sum = unseen->sum + r * outputs;
		int			class = (int) data->y[r];
		double		w = data->w ? data->w[r] : 1;
		double		p;
		int			best = 0;

		if (r % 65536 == 0)
			ecml_poll(ctx, 0, 0);
		if (unseen->trees[r] == 0)
			continue;
		if (outputs == 1)
		{
			p = (double) sum[0] / unseen->trees[r];
			ecml_scores_add(ctx, &scores, class == 1, p, w);
			best = p > 0.5;
			p = class == 1 ? p : 1 - p;
		}
		else
		{
			p = (double) sum[class] / unseen->trees[r];
			for (int k = 1; k < outputs; k++)
				if (sum[k] > sum[best])
					best = k;
		}
		right += best == class ? w : 0;
		loss += w * ecml_log_loss(p);
		weight += w;
		model->oob_rows++;
	}
	if (weight > 0)
	{
		model->oob_accuracy = right / weight;
		model->oob_log_loss = loss / weight;
	}
	if (outputs == 1 && scores.of[0].n > 0 && scores.of[1].n > 0)
	{
		EcmlBinaryMetrics m;

		ecml_scores_sort(ctx, &scores);
		ecml_scores_metrics(ctx, &scores, 0.5, &m);
		model->oob_roc_auc = m.roc_auc;
	}
	ecml_scores_free(ctx, &scores);
}

static void
judge_numbers(const ForestData *data, const Unseen *unseen, ForestModel *model)
{
	double		weight = 0;
	double		mean = 0;
	double		error = 0;
	double		spread = 0;

	for (size_t r = 0; r < data->rows; r++)
		if (unseen->trees[r] > 0)
		{
			double		w = data->w ? data->w[r] : 1;
			double		e = (double) unseen->sum[r] / unseen->trees[r] - data->y[r];

			weight += w;
			mean += w * data->y[r];
			error += w * e * e;
			model->oob_rows++;
		}
	mean /= weight;
	for (size_t r = 0; r < data->rows; r++)
		if (unseen->trees[r] > 0)
			spread += (data->w ? data->w[r] : 1) * (data->y[r] - mean) * (data->y[r] - mean);
	if (weight > 0)
		model->oob_rmse = sqrt(error / weight);
	if (spread > 0)
		model->oob_r2 = 1 - error / spread;
}

/* ---------------------------------------------------------------- trees */

static void
work(void *arg, size_t i, int worker)
{
	forest_grower_work(((ForestGrower **) arg)[i]);
}

/* Bytes that a tree under way takes. */
static size_t
grower_bytes(const ForestData *data)
{
	size_t		row = 2 * (data->counts ? sizeof(ForestCount) : sizeof(ForestRow)) + 2 + (data->params->oob ? 8 : 0) +
		(data->criterion == FOREST_ABSOLUTE_ERROR ? 22 : 0);

	/* nodes: as many as rows, where leaves are pure */
	return data->rows * row + (size_t) (data->drawn / fmax(data->min_leaf, 1)) * 48;
}

/* Trees first .. first + n - 1, each in its grower. */
static void
grow_some(EcmlCtx *ctx, const ForestData *data, ForestGrower **growers, int first, int n)
{
	bool		busy = true;

	for (int i = 0; i < n; i++)
		forest_grower_start(ctx, growers[i], first + i);
	while (busy)
	{
		busy = false;
		ecml_parallel_for(ctx, n, work, growers);
		for (int i = 0; i < n; i++)
		{
			if (growers[i]->phase == FOREST_ROOM)
				forest_grower_enlarge(ctx, growers[i]);
			busy = busy || growers[i]->phase != FOREST_DONE;
		}
		ecml_poll(ctx, first, data->params->n_trees);
	}
}

/* ---------------------------------------------------------------- how far to grow */

#define TRIAL_TREES 20

typedef struct Trial
{
	double		min_leaf;
	int			features_tried;
} Trial;

/* Whether the depth of the trees is left to us, and small enough to be tried. */
static bool
trial_wanted(const ForestData *data)
{
	const ForestParams *params = data->params;

	return params->min_samples_leaf == 0 && params->oob && params->n_trees > TRIAL_TREES && data->rows <= FOREST_TRIAL_ROWS &&
		data->rows * data->width <= FOREST_TRIAL_OUTPUTS && data->criterion != FOREST_ABSOLUTE_ERROR;
}

/*
 * The squared error that a forest of all n trees would have on new rows, from that of the m trees that have not seen a row: the mean
 * of m trees carries a share 1/m of their variance, that of n trees 1/n.
 */
static double
error_expected(const ForestData *data, const Unseen *unseen, int outputs)
{
	double		error = 0;
	double		weight = 0;

	for (size_t r = 0; r < data->rows; r++)
	{
		double		m = unseen->trees[r];
		double		w = data->w ? data->w[r] : 1;
		double		square = 0;

		if (m < 2)
			continue;
		for (int k = 0; k < outputs; k++)
		{
			double		e = unseen->sum[r * outputs + k] / m - (outputs > 1 ? data->y[r] == k : data->y[r]);

			square += e * e;
		}
		error += w * (square + fmax(unseen->squares[r] / m - square, 0) * m / (m - 1) * (1.0 / data->params->n_trees - 1 / m));
		weight += w;
	}
	return weight > 0 ? error / weight : INFINITY;
}

/* Five rows a leaf, unless another choice is better by more than three hundredths. */
static void
try_growing(EcmlCtx *ctx, ForestData *data, ForestGrower **growers, int workers, Unseen *unseen, int outputs)
{
	bool		features = data->classes == 0 && data->params->max_features == FOREST_FEATURES_AUTO && data->features_tried < data->columns;
	Trial		trials[4] = {
		{FOREST_LEAF, data->features_tried}, {1, data->features_tried}, {FOREST_LEAF, data->columns}, {1, data->columns}
	};
	int			best = 0;
	double		least = 0;

	unseen->squares = ECML_NEW(ctx, float, data->rows);
	for (int i = 0; i < (features ? 4 : 2); i++)
	{
		double		error;

		data->min_leaf = trials[i].min_leaf;
		data->features_tried = trials[i].features_tried;
		memset(unseen->sum, 0, sizeof(float) * data->rows * outputs);
		memset(unseen->trees, 0, sizeof(uint32_t) * data->rows);
		memset(unseen->squares, 0, sizeof(float) * data->rows);
		for (int first = 0; first < TRIAL_TREES; first += workers)
		{
			int			n = TRIAL_TREES - first < workers ? TRIAL_TREES - first : workers;

			grow_some(ctx, data, growers, first, n);
			for (int t = 0; t < n; t++)
				add_unseen(ctx, data, growers[t], unseen);
		}
		error = error_expected(data, unseen, outputs);
		if (i == 0 || error < least)
		{
			best = i;
			/* the first has to be beaten clearly: its model is the smallest */
			least = i == 0 ? 0.97 * error : error;
		}
	}
	data->min_leaf = trials[best].min_leaf;
	data->features_tried = trials[best].features_tried;
	memset(unseen->sum, 0, sizeof(float) * data->rows * outputs);
	memset(unseen->trees, 0, sizeof(uint32_t) * data->rows);
	ecml_free(ctx, unseen->squares);
	unseen->squares = NULL;
}

ForestModel *
forest_fit(EcmlCtx *ctx, EcmlData *data, const ForestTask *task)
{
	ForestModel *model = ECML_NEW0(ctx, ForestModel, 1);
	ForestParams params = *task->params;
	ForestTask	own = *task;
	ForestData *rows;
	ForestGrower **growers;
	Unseen		unseen = {NULL};
	int			outputs = task->classes > 2 ? task->classes : 1;
	int			workers;
	bool		trial;

	if (data->rows == 0 || task->classes == 1)
	{
		ecml_detail(ctx, data->rows == 0 ? "There are no rows." : "All rows have the same class.");
		ecml_hint(ctx, "Train on rows of two classes at least, or on numbers.");
		ecml_fail(ctx, ECML_DATA_EXCEPTION, data->rows == 0 ? "no rows to train on" : "the target has one class only");
	}
	if (task->classes > FOREST_MAX_CLASSES || data->rows >= UINT32_MAX)
	{
		ecml_detail(ctx, "There are %d classes and %zu rows.", task->classes, data->rows);
		ecml_hint(ctx, "A forest takes %d classes and %u rows at most.", FOREST_MAX_CLASSES, UINT32_MAX - 1);
		ecml_fail(ctx, ECML_LIMIT_EXCEEDED, "too many classes or rows for a forest");
	}
	own.params = &params;
	params.oob = params.oob && (params.bootstrap || params.max_samples > 0);
	rows = prepare(ctx, data, &own);

	model->criterion = rows->criterion;
	model->classes = task->classes;
	model->rows = (double) rows->rows;
	model->oob_accuracy = model->oob_log_loss = model->oob_roc_auc = model->oob_r2 = model->oob_rmse = NAN;
	model->forest = tree_forest_create(ctx, task->features, task->categories, outputs, outputs);
	model->forest->scale = 1.0 / params.n_trees;

	if (params.oob)
	{
		unseen.sum = ecml_zalloc_array(ctx, rows->rows, sizeof(float) * outputs);
		unseen.trees = ECML_NEW0(ctx, uint32_t, rows->rows);
	}
	trial = trial_wanted(rows);
	if (trial)
		rows->min_leaf = 1;		/* for the room that trees take */
	workers = ecml_workers(ctx, params.n_trees);
	while (workers > 1 && !ecml_fits(ctx, workers * grower_bytes(rows)))
		workers--;
	growers = ECML_NEW(ctx, ForestGrower *, workers);
	for (int i = 0; i < workers; i++)
		growers[i] = forest_grower_create(ctx, rows);
	if (trial)
		try_growing(ctx, rows, growers, workers, &unseen, outputs);
	model->features_tried = rows->features_tried;
	model->min_leaf = rows->min_leaf;
	for (int first = 0; first < params.n_trees; first += workers)
	{
		int			n = params.n_trees - first < workers ? params.n_trees - first : workers;

		grow_some(ctx, rows, growers, first, n);
		for (int i = 0; i < n; i++)
		{
			forest_grower_append(ctx, growers[i], model->forest);
			if (params.oob)
				add_unseen(ctx, rows, growers[i], &unseen);
		}
	}
	if (params.oob && task->classes > 0)
		judge_classes(ctx, rows, &unseen, model);
	else if (params.oob)
		judge_numbers(rows, &unseen, model);
	tree_forest_ready(ctx, model->forest);
	return model;
}
