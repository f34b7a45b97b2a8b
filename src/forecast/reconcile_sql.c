/*
 * reconcile_sql.c - forecasts of series whose names form paths, made to add up
 *
 * Names are paths such as north/store 7/sku 12 (several columns of series make them so).  Each prefix is a series too, the sum
 * of what lies under it, and the whole is called total.  All are forecast, and then reconciled: bottom_up sums the lowest;
 * ols, wls and mint find the nearest forecasts that add up (reconcile.c).  Intervals move with their forecasts.
 *
 * All nodes are in memory at once: values, forecasts, and for wls and mint one-step errors.
 */
#include "core/compat.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/memutils.h"

#include "core/dict.h"
#include "core/guc.h"
#include "forecast/forecast_sql.h"
#include "forecast/reconcile.h"

#define MINT_LIMIT 4000			/* nodes with children */

typedef struct TreeNode
{
	int			parent;
	bool		leaf;
	EcmlSeries	series;
	ForecastTask task;
} TreeNode;

typedef struct Tree
{
	EcmlCtx    *ctx;
	int			n;
	int			capacity;
	TreeNode	   *nodes;
	EcmlDict   *names;
} Tree;

static int
add_node(Tree *tree, const char *name, int length, int parent)
{
	int			code = ecml_dict_add(tree->names, name, length);
	TreeNode	   *node;

	if (code < tree->n)
		return code;
	if (tree->n == tree->capacity)
	{
		tree->capacity *= 2;
		tree->nodes = ecml_resize_array(tree->ctx, tree->nodes, tree->capacity, sizeof(TreeNode));
	}
	node = &tree->nodes[tree->n++];
	memset(node, 0, sizeof(*node));
	node->parent = parent;
	node->series.name = pnstrdup(name, length);
	return code;
}

/* Add the values of a series to those of a node above it, on the periods of both. */
static void
add_values(EcmlCtx *ctx, TreeNode *up, const EcmlSeries *series)
{
	EcmlSeries *sum = &up->series;
	int64		first;
	int64		last;
	double	   *y;

	if (sum->n == 0)
	{
		char	   *name = sum->name;

		*sum = *series;
		sum->name = name;
		sum->nx = 0;
		sum->x = NULL;
		sum->y = ECML_NEW(ctx, double, series->n);
		memcpy(sum->y, series->y, series->n * sizeof(double));
		return;
	}
	first = Min(sum->first, series->first);
	last = Max(sum->first + sum->n, series->first + series->n);
	y = sum->y;
	if (first != sum->first || last != sum->first + sum->n)
	{
		y = ECML_NEW(ctx, double, last - first);
		for (int64 t = first; t < last; t++)
			y[t - first] = t >= sum->first && t < sum->first + sum->n ? sum->y[t - sum->first] : NAN;
		ecml_free(ctx, sum->y);
	}
	/* what is missing in one is no 0, unless the other has something to tell */
	for (int t = 0; t < series->n; t++)
	{
		double	   *place = &y[series->first + t - first];

		if (!isnan(series->y[t]))
			*place = isnan(*place) ? series->y[t] : *place + series->y[t];
	}
	sum->y = y;
	sum->first = first;
	sum->n = (int) (last - first);
	if (series->nseasons > sum->nseasons)
	{
		sum->nseasons = series->nseasons;
		memcpy(sum->season, series->season, sizeof(sum->season));
	}
	sum->rows += series->rows;
}

static bool
same_period(const EcmlPeriod *a, const EcmlPeriod *b)
{
	return a->unit == b->unit && a->count == b->count && a->origin == b->origin;
}

static void
read_tree(Tree *tree, EcmlSeriesReader *reader)
{
	EcmlSeries	series;

	(void) add_node(tree, "total", 5, -1);
	while (ecml_series_next(reader, tree->ctx, &series))
	{
		int			up = 0;
		const char *name = series.name;
		const char *slash;
		int			code;

		CHECK_FOR_INTERRUPTS();
		if (series.problem || name == NULL)
		{
			/* told as it is, in no sum */
			code = add_node(tree, psprintf("\001%lld", (long long) series.number), 2 + (int) log10(series.number + 1) + 1, -2);
			tree->nodes[code].series = series;
			if (series.problem == NULL)
				tree->nodes[code].series.problem = "its name is NULL: it has no place among the others";
			continue;
		}
		if (tree->nodes[0].series.n > 0 && !same_period(&tree->nodes[0].series.period, &series.period))
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("series of different frequencies cannot be made to add up"),
					 errdetail("Series \"%s\" has other periods than those before it.", name),
					 errhint("Name one with the option \"frequency\".")));
		add_values(tree->ctx, &tree->nodes[0], &series);
		for (slash = strchr(name, '/'); slash; slash = strchr(slash + 1, '/'))
		{
			up = add_node(tree, name, (int) (slash - name), up);
			add_values(tree->ctx, &tree->nodes[up], &series);
		}
		code = add_node(tree, name, (int) strlen(name), up);
		if (tree->nodes[code].series.n > 0 || strcmp(name, "total") == 0)
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("a series is also a part of other names"),
					 errdetail("It is \"%s\".", name),
					 errhint("Give the lowest series only: their sums are made here, and the whole is called total.")));
		name = tree->nodes[code].series.name;
		tree->nodes[code].series = series;
		tree->nodes[code].leaf = true;
	}
}

/* Variances that weigh the nodes, as the way of reconciling has it. */
static void
variances(const TreeNode *const *nodes, const ReconcileTree *tree, int way, double *variance)
{
	double		least = INFINITY;

	for (int i = 0; i < tree->n; i++)
		variance[i] = way == FORECAST_RECONCILE_OLS || nodes[i]->leaf ? 1 : 0;
	if (way == FORECAST_RECONCILE_OLS)
		return;
	/* leaves under each node */
	for (int i = tree->n - 1; i > 0; i--)
		variance[tree->parent[i]] += variance[i];
	if (way == FORECAST_RECONCILE_WLS)
		return;
	/* mean squares of one-step errors */
	for (int i = 0; i < tree->n; i++)
	{
		const ForecastTask *task = &nodes[i]->task;
		double		sum = 0;
		int			count = 0;

		for (int t = 0; t < task->in.n; t++)
			if (!isnan(task->in.y[t]) && isfinite(task->result.fitted[t]))
			{
				sum += (task->in.y[t] - task->result.fitted[t]) * (task->in.y[t] - task->result.fitted[t]);
				count++;
			}
		variance[i] = count > 0 && sum > 0 ? sum / count : NAN;
		if (variance[i] < least)
			least = variance[i];
	}
	for (int i = 0; i < tree->n; i++)
		if (isnan(variance[i]))
			variance[i] = isfinite(least) ? 1e-3 * least : 1;
}

static double *
collect_errors(EcmlCtx *ctx, const TreeNode *const *nodes, int n, int *t)
{
	int64		first = PG_INT64_MIN;
	int64		last = PG_INT64_MAX;
	double	   *errors;

	/* the periods that all have */
	for (int i = 0; i < n; i++)
	{
		first = Max(first, nodes[i]->series.first);
		last = Min(last, nodes[i]->series.first + nodes[i]->series.n);
	}
	*t = last > first ? (int) (last - first) : 0;
	errors = ECML_NEW(ctx, double, (size_t) n * Max(*t, 1));
	for (int i = 0; i < n; i++)
		for (int k = 0; k < *t; k++)
		{
			int64		at = first + k - nodes[i]->series.first;

			errors[(size_t) i * *t + k] = nodes[i]->task.in.y[at] - nodes[i]->task.result.fitted[at];
		}
	return errors;
}

/* Move a node's intervals with its forecasts. */
static void
move(ForecastTask *task, const double *mean, int horizon)
{
	for (int h = 0; h < horizon; h++)
	{
		double		by = mean[h] - task->result.mean[h];

		task->result.mean[h] = mean[h];
		for (int l = 0; l < task->in.nlevels; l++)
		{
			task->result.lower[(size_t) l * horizon + h] += by;
			task->result.upper[(size_t) l * horizon + h] += by;
		}
	}
}

/* The nodes that are to add up, from the root down. */
typedef struct Nodes
{
	int			n;
	TreeNode  **node;			/* [n] */
	int		   *parent;			/* [n] */
} Nodes;

/* All series end where the root's does: what they lack is 0 where gaps are, else not known. */
static void
even_ends(EcmlCtx *ctx, Tree *tree)
{
	int64		last = tree->nodes[0].series.first + tree->nodes[0].series.n;

	for (int i = 0; i < tree->n; i++)
	{
		TreeNode   *node = &tree->nodes[i];
		int			length = (int) (last - node->series.first);
		double	   *y;

		if (node->parent < -1 || node->series.n <= 0 || node->series.first + node->series.n == last)
			continue;
		y = ECML_NEW(ctx, double, length);
		for (int t = 0; t < length; t++)
			y[t] = t < node->series.n ? node->series.y[t] : node->series.filled == ECML_FILL_ZERO ? 0 : NAN;
		node->series.y = y;
		node->series.n = length;
		node->series.nx = 0;
	}
}

/* Fewer than two values are no series to fit, but part of sums: the value goes on. */
static void
go_on(EcmlCtx *ctx, const ForecastSetup *setup, TreeNode *node)
{
	ForecastTask *task = &node->task;

	task->note = node->series.problem;
	node->series.problem = NULL;
	task->method = &forecast_method_naive;
	task->in = (ForecastInput) {.y = node->series.y,.n = node->series.n,.horizon = setup->horizon,
		.nlevels = setup->nlevels,.cap = NAN,.floor = NAN};
	memcpy(task->in.levels, setup->levels, sizeof(setup->levels));
	task->result.mean = ECML_NEW(ctx, double, setup->horizon);
	task->result.lower = ECML_NEW(ctx, double, (size_t) setup->horizon * setup->nlevels);
	task->result.upper = ECML_NEW(ctx, double, (size_t) setup->horizon * setup->nlevels);
}

static void
choose_nodes(EcmlCtx *ctx, Tree *tree, const ForecastSetup *setup, Nodes *nodes)
{
	int		   *place = ECML_NEW(ctx, int, tree->n);	/* of a node of the tree among them */

	nodes->n = 0;
	nodes->node = ECML_NEW(ctx, TreeNode *, tree->n);
	nodes->parent = ECML_NEW(ctx, int, tree->n);
	for (int i = 0; i < tree->n; i++)
	{
		TreeNode   *node = &tree->nodes[i];

		place[i] = -1;
		if (node->parent == -2 || (i == 0 && node->series.n == 0))
			continue;
		if (!forecast_task_init(ctx, setup, &node->series, &node->task))
			go_on(ctx, setup, node);
		node->task.result.fitted = ECML_NEW(ctx, double, node->series.n);
		place[i] = nodes->n;
		nodes->parent[nodes->n] = node->parent < 0 ? -1 : place[node->parent];
		nodes->node[nodes->n++] = node;
	}
}

/* Each node's own forecast. */
static void
forecast_nodes(EcmlCtx *ctx, Nodes *nodes)
{
	ForecastTask *tasks = ECML_NEW0(ctx, ForecastTask, nodes->n);

	for (int i = 0; i < nodes->n; i++)
		tasks[i] = nodes->node[i]->task;
	forecast_run(ctx, tasks, nodes->n);
	for (int i = 0; i < nodes->n; i++)
	{
		/* a method that does not suit: what always works */
		if (tasks[i].status != FORECAST_OK)
		{
			tasks[i].method = &forecast_method_naive;
			forecast_run(ctx, &tasks[i], 1);
		}
		nodes->node[i]->task = tasks[i];
	}
}

/* values [n][horizon] are made to add up; gives a note where it was done by a simpler way than asked for, else NULL. */
static const char *
reconcile(EcmlCtx *ctx, const Nodes *nodes, const ForecastSetup *setup, double *values)
{
	const TreeNode *const *node = (const TreeNode *const *) nodes->node;
	const int	n = nodes->n;
	const ReconcileTree shape = {n, nodes->parent};
	const int	way = setup->given.reconcile;
	const char *note = NULL;
	double	   *scratch;

	if (way == FORECAST_RECONCILE_BOTTOM_UP)
	{
		reconcile_bottom_up(&shape, values, setup->horizon);
		return NULL;
	}
	if (way == FORECAST_RECONCILE_MINT)
	{
		int			aggregates = 0;
		double		shrinkage;
		int			t;

		for (int i = 0; i < n; i++)
			aggregates += !node[i]->leaf;
		if (aggregates > MINT_LIMIT)
			note = "reconciled by variances: there are too many sums for full covariances";
		else
		{
			double	   *errors = collect_errors(ctx, node, n, &t);

			if (reconcile_mint(ctx, &shape, errors, t, values, setup->horizon, &shrinkage))
				return NULL;
			note = "reconciled by variances: too few errors in common for full covariances";
		}
	}
	scratch = ECML_NEW(ctx, double, 5 * (size_t) Max(n, 1));
	if (n > 0)
	{
		variances(node, &shape, way, scratch + 4 * (size_t) n);
		reconcile_weighted(&shape, scratch + 4 * (size_t) n, values, setup->horizon, scratch);
	}
	return note;
}

/* Floor and cap hold for the lowest nodes, and for the rest by their sums. */
static void
keep_bounds(const Nodes *nodes, const ForecastSetup *setup, double *values)
{
	const ReconcileTree shape = {nodes->n, nodes->parent};

	if (isnan(setup->given.floor) && isnan(setup->given.cap))
		return;
	for (int i = 0; i < nodes->n; i++)
		for (int h = 0; h < setup->horizon && nodes->node[i]->leaf; h++)
		{
			double	   *v = &values[(size_t) i * setup->horizon + h];

			if (*v < setup->given.floor)
				*v = setup->given.floor;
			if (*v > setup->given.cap)
				*v = setup->given.cap;
		}
	reconcile_bottom_up(&shape, values, setup->horizon);
}

void
forecast_reconciled(EcmlRows *rows, EcmlSeriesReader *reader, const ForecastSetup *setup)
{
	ForecastContext c;
	Tree		tree = {.capacity = 1024};
	Nodes		nodes;
	double	   *values;
	const char *note;
	MemoryContext old;

	forecast_context_init(&c);
	old = MemoryContextSwitchTo(c.context);
	tree.ctx = &c.ctx;
	tree.nodes = ECML_NEW(&c.ctx, TreeNode, tree.capacity);
	tree.names = ecml_dict_create(c.context);
	read_tree(&tree, reader);
	even_ends(&c.ctx, &tree);
	choose_nodes(&c.ctx, &tree, setup, &nodes);
	forecast_nodes(&c.ctx, &nodes);
	values = ECML_NEW(&c.ctx, double, (size_t) Max(nodes.n, 1) * setup->horizon);
	for (int i = 0; i < nodes.n; i++)
		memcpy(values + (size_t) i * setup->horizon, nodes.node[i]->task.result.mean, setup->horizon * sizeof(double));
	note = reconcile(&c.ctx, &nodes, setup, values);
	keep_bounds(&nodes, setup, values);
	for (int i = 0; i < nodes.n; i++)
	{
		ForecastTask *task = &nodes.node[i]->task;

		move(task, values + (size_t) i * setup->horizon, setup->horizon);
		for (size_t k = 0; k < (size_t) setup->horizon * setup->nlevels && !isnan(setup->given.floor); k++)
		{
			task->result.lower[k] = fmax(task->result.lower[k], setup->given.floor);
			task->result.upper[k] = fmax(task->result.upper[k], setup->given.floor);
		}
		if (note && task->note == NULL)
			task->note = note;
	}
	MemoryContextSwitchTo(old);
	for (int i = 0; i < tree.n; i++)
		if (tree.nodes[i].parent == -2 || tree.nodes[i].series.n > 0)
			forecast_emit(rows, ecml_series_has_clock(reader), setup, &tree.nodes[i].series, &tree.nodes[i].task);
	MemoryContextDelete(c.context);
}
