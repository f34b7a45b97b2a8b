/*
 * forest_sql.c - decision_tree and random_forest in SQL: options, metrics, aggregates
 */
#include "core/compat.h"

#include <math.h>

#include "core/aggregate.h"
#include "core/class_weight.h"
#include "core/error.h"
#include "tree/forest.h"
#include "tree/tree_bins.h"
#include "tree/tree_internal.h"

typedef struct Params
{
	ForestParams kernel;
	EcmlMixed	max_features;
	EcmlChoice	class_weight;
} Params;

static const Params tree_defaults = {.kernel = FOREST_TREE_DEFAULTS};
static const Params forest_defaults = {.kernel = FOREST_DEFAULTS};

/* as ForestCriterion and ForestFeatures */
static const char *const criteria[] = {"auto", "gini", "entropy", "squared_error", "poisson", "absolute_error", NULL};
static const char *const features_tried[] = {"auto", "sqrt", "log2", "third", "all", NULL};

/* what both have */
#define TREE_OPTIONS \
	ECML_OPT_ENUM(Params, kernel.criterion, "criterion", criteria), \
	ECML_OPT_INT(Params, kernel.max_depth, "max_depth", 0, TREE_MAX_DEPTH), \
	ECML_OPT_FLOAT(Params, kernel.min_samples_leaf, "min_samples_leaf", 0, 1e9), \
	ECML_OPT_FLOAT(Params, kernel.min_samples_split, "min_samples_split", 0, 1e9), \
	ECML_OPT_INT(Params, kernel.max_leaves, "max_leaves", 0, FOREST_MAX_LEAVES), \
	ECML_OPT_ALIAS_INT(Params, kernel.max_leaves, "max_leaf_nodes", 0, FOREST_MAX_LEAVES), \
	ECML_OPT_FLOAT(Params, kernel.min_impurity_decrease, "min_impurity_decrease", 0, INFINITY), \
	ECML_OPT_MIXED(Params, max_features, "max_features", 0, 1e9, features_tried), \
	ECML_OPT_CHOICE(Params, class_weight, "class_weight", ecml_class_weight_words), \
	ECML_OPT_FLOAT(Params, kernel.ccp_alpha, "ccp_alpha", 0, INFINITY), \
	ECML_OPT_INT(Params, kernel.max_bins, "max_bins", 2, TREE_MAX_BINS)

static const EcmlOption tree_options[] = {
	TREE_OPTIONS,
	ECML_OPT_END
};

static const EcmlOption forest_options[] = {
	ECML_OPT_INT(Params, kernel.n_trees, "n_trees", 1, FOREST_MAX_TREES),
	ECML_OPT_ALIAS_INT(Params, kernel.n_trees, "n_estimators", 1, FOREST_MAX_TREES),
	TREE_OPTIONS,
	ECML_OPT_BOOL(Params, kernel.bootstrap, "bootstrap"),
	ECML_OPT_FLOAT(Params, kernel.max_samples, "max_samples", 0, 1e9),
	ECML_OPT_BOOL(Params, kernel.oob, "oob"),
	ECML_OPT_END
};

/* The kernel's parameters, with what SQL gives in another form. */
static ForestParams
kernel_of(const Params *params)
{
	ForestParams kernel = params->kernel;

	kernel.max_features = params->max_features.choice;
	kernel.features_number = params->max_features.number;
	kernel.balanced = ecml_class_weight_balanced(&params->class_weight);
	return kernel;
}

static const char *
check(const void *params)
{
	ForestParams kernel = kernel_of(params);

	return forest_check(&kernel);
}

/* The criterion says what the target is. */
static EcmlTargetUse
target_for(const void *params)
{
	switch (((const Params *) params)->kernel.criterion)
	{
		case FOREST_AUTO:
			return ECML_TARGET_AUTO;
		case FOREST_GINI:
		case FOREST_ENTROPY:
			return ECML_TARGET_CLASS;
		default:
			return ECML_TARGET_NUMBER;
	}
}

static void *
fit(EcmlCtx *ctx, EcmlData *data, const EcmlSchema *schema, const void *params)
{
	const Params *given = params;
	ForestParams kernel = kernel_of(given);
	ForestTask	task = {
		.params = &kernel,
		.features = schema->nterms,
		.categories = ecml_schema_categories(schema),
		.classes = schema->nclasses,
		.class_weight = ecml_class_weights(&given->class_weight, schema)
	};

	return forest_fit(ctx, data, &task);
}

static void
write_model(EcmlWriter *w, const void *fitted)
{
	forest_write(w, fitted);
}

static void *
read_model(EcmlReader *r, const EcmlSchema *schema)
{
	ForestModel *model = forest_read(r, schema->nterms, ecml_schema_categories(schema), schema->nclasses);

	ecml_read_end(r);
	return model;
}

static double
predict(const void *fitted, const double *x)
{
	return forest_predict(fitted, x);
}

static void
probabilities(const void *fitted, const double *x, double *p)
{
	forest_probabilities(fitted, x, p);
}

static void
predict_block(EcmlCtx *ctx, const void *fitted, const double *x, size_t stride, int n, double *out)
{
	const ForestModel *model = fitted;
	int			outputs = model->classes > 0 ? model->classes : 1;

	if (stride == (size_t) model->forest->features)
	{
		forest_predict_rows(ctx, model, n, x, out);
		return;
	}
	for (int i = 0; i < n; i++)
	{
		if (i % 64 == 0)
			ecml_poll(ctx, 0, 0);
		if (outputs > 1)
			forest_probabilities(model, x + i * stride, out + (size_t) i * outputs);
		else
			out[i] = forest_predict(model, x + i * stride);
	}
}

static void
contributions(const void *fitted, const EcmlSchema *schema, const double *x, int class, double *base, double *c)
{
	const ForestModel *model = fitted;

	tree_forest_shap(model->forest, x, model->classes > 2 ? class : 0, base, c);
}

static void
importance(const void *fitted, const EcmlSchema *schema, double *share)
{
	forest_importance(fitted, share);
}

static const TreeForest *
trees(const void *fitted)
{
	return ((const ForestModel *) fitted)->forest;
}

static void
metrics(const void *fitted, const EcmlSchema *schema, EcmlJson *json)
{
	const ForestModel *model = fitted;
	const TreeForest *forest = model->forest;
	int			depth = 0;

	for (int t = 0; t < forest->ntrees; t++)
	{
		int			d = tree_depth(forest, t);

		depth = d > depth ? d : depth;
	}
	ecml_json_string(json, "criterion", forest_criterion_name(model->criterion));
	ecml_json_int(json, "trees", forest->ntrees);
	ecml_json_int(json, "leaves", ((int64) forest->first[forest->ntrees] + forest->ntrees) / 2);
	ecml_json_int(json, "depth", depth);
	ecml_json_int(json, "max_features", model->features_tried);
	if (model->min_leaf > 0)	/* a model that was read does not have it */
		ecml_json_number(json, "min_samples_leaf", model->min_leaf);
	if (model->oob_rows > 0)
	{
		ecml_json_open_object(json, "oob");
		ecml_json_number(json, "rows", model->oob_rows);
		if (model->classes > 0)
		{
			ecml_json_number(json, "accuracy", model->oob_accuracy);
			ecml_json_number(json, "log_loss", model->oob_log_loss);
			if (model->classes == 2)
				ecml_json_number(json, "roc_auc", model->oob_roc_auc);
		}
		else
		{
			ecml_json_number(json, "r2", model->oob_r2);
			ecml_json_number(json, "rmse", model->oob_rmse);
		}
		ecml_json_close_object(json);
	}
}

static void
judge(const void *fitted, const EcmlSchema *schema)
{
	const ForestModel *model = fitted;

	if (model->forest->first[model->forest->ntrees] == (size_t) model->forest->ntrees)
		ereport(WARNING,
				(errmsg("no split was found: the model predicts the same for all rows"),
				 errdetail("%.0f rows were there to train on.", model->rows),
				 errhint("With few rows, lower \"min_samples_leaf\"; see also \"min_impurity_decrease\" and \"ccp_alpha\".")));
}

#define FOREST_ALGORITHM(number, called, of_options, of_defaults) \
	.id = number, \
	.name = called, \
	.task = ECML_REGRESSION, \
	.target = ECML_TARGET_AUTO, \
	.target_for = target_for, \
	.native = true, \
	.options = of_options, \
	.params_size = sizeof(Params), \
	.defaults = &of_defaults, \
	.check = check, \
	.element = ECML_F4, \
	.fit = fit, \
	.write = write_model, \
	.read = read_model, \
	.predict = predict, \
	.probabilities = probabilities, \
	.predict_block = predict_block, \
	.contributions = contributions, \
	.importance = importance, \
	.trees = trees, \
	.metrics = metrics, \
	.judge = judge

extern const EcmlAlgorithm ecml_algorithm_decision_tree;
extern const EcmlAlgorithm ecml_algorithm_random_forest;

const EcmlAlgorithm ecml_algorithm_decision_tree = {FOREST_ALGORITHM(7, "decision_tree", tree_options, tree_defaults)};
const EcmlAlgorithm ecml_algorithm_random_forest = {FOREST_ALGORITHM(8, "random_forest", forest_options, forest_defaults)};

ECML_AGGREGATE_FUNCTIONS(decision_tree)
ECML_AGGREGATE_FUNCTIONS(random_forest)
