/*
 * gbdt_sql.c - gradient boosting in SQL: options, constraints and columns by name, metrics, aggregate
 */
#include "core/compat.h"

#include <math.h>

#include "utils/builtins.h"
#include "utils/numeric.h"

#include "core/aggregate.h"
#include "core/class_weight.h"
#include "core/error.h"
#include "tree/gbdt.h"
#include "tree/tree_bins.h"

typedef struct Params
{
	GbdtParams	kernel;
	EcmlChoice	class_weight;
	Jsonb	   *monotone;
	char	   *validation;
	char	   *group;
} Params;

static const Params defaults = {.kernel = GBDT_DEFAULTS};

/* as GbdtObjective and GbdtMetric */
static const char *const objectives[] = {"auto", "squared_error", "absolute_error", "huber", "quantile", "poisson", "gamma", "tweedie",
"logistic", "softmax", "lambdarank", NULL};
static const char *const metrics_known[] = {"auto", "roc_auc", "pr_auc", "error_rate", "rmse", "mae", "ndcg", NULL};

static const EcmlOption options[] = {
	ECML_OPT_ENUM(Params, kernel.objective, "objective", objectives),
	ECML_OPT_INT(Params, kernel.n_trees, "n_trees", 1, GBDT_MAX_TREES),
	ECML_OPT_ALIAS_INT(Params, kernel.n_trees, "n_estimators", 1, GBDT_MAX_TREES),
	ECML_OPT_ALIAS_INT(Params, kernel.n_trees, "num_iterations", 1, GBDT_MAX_TREES),
	ECML_OPT_ALIAS_INT(Params, kernel.n_trees, "max_iter", 1, GBDT_MAX_TREES),
	ECML_OPT_FLOAT(Params, kernel.learning_rate, "learning_rate", 0, 100),
	ECML_OPT_ALIAS_FLOAT(Params, kernel.learning_rate, "eta", 0, 100),
	ECML_OPT_INT(Params, kernel.max_leaves, "max_leaves", 2, GBDT_MAX_LEAVES),
	ECML_OPT_ALIAS_INT(Params, kernel.max_leaves, "num_leaves", 2, GBDT_MAX_LEAVES),
	ECML_OPT_ALIAS_INT(Params, kernel.max_leaves, "max_leaf_nodes", 2, GBDT_MAX_LEAVES),
	ECML_OPT_INT(Params, kernel.max_depth, "max_depth", -1, TREE_MAX_DEPTH),
	ECML_OPT_INT(Params, kernel.min_child_samples, "min_child_samples", 1, 1e9),
	ECML_OPT_ALIAS_INT(Params, kernel.min_child_samples, "min_data_in_leaf", 1, 1e9),
	ECML_OPT_ALIAS_INT(Params, kernel.min_child_samples, "min_samples_leaf", 1, 1e9),
	ECML_OPT_FLOAT(Params, kernel.min_child_weight, "min_child_weight", 0, INFINITY),
	ECML_OPT_ALIAS_FLOAT(Params, kernel.min_child_weight, "min_sum_hessian_in_leaf", 0, INFINITY),
	ECML_OPT_FLOAT(Params, kernel.l1, "l1", 0, INFINITY),
	ECML_OPT_ALIAS_FLOAT(Params, kernel.l1, "reg_alpha", 0, INFINITY),
	ECML_OPT_ALIAS_FLOAT(Params, kernel.l1, "lambda_l1", 0, INFINITY),
	ECML_OPT_FLOAT(Params, kernel.l2, "l2", 0, INFINITY),
	ECML_OPT_ALIAS_FLOAT(Params, kernel.l2, "reg_lambda", 0, INFINITY),
	ECML_OPT_ALIAS_FLOAT(Params, kernel.l2, "lambda_l2", 0, INFINITY),
	ECML_OPT_ALIAS_FLOAT(Params, kernel.l2, "l2_regularization", 0, INFINITY),
	ECML_OPT_FLOAT(Params, kernel.min_gain, "min_gain", 0, INFINITY),
	ECML_OPT_ALIAS_FLOAT(Params, kernel.min_gain, "min_split_gain", 0, INFINITY),
	ECML_OPT_ALIAS_FLOAT(Params, kernel.min_gain, "min_gain_to_split", 0, INFINITY),
	ECML_OPT_FLOAT(Params, kernel.max_delta_step, "max_delta_step", 0, INFINITY),
	ECML_OPT_INT(Params, kernel.max_bins, "max_bins", 2, TREE_MAX_BINS),
	ECML_OPT_ALIAS_INT(Params, kernel.max_bins, "max_bin", 2, TREE_MAX_BINS),
	ECML_OPT_FLOAT(Params, kernel.subsample, "subsample", 0, 1),
	ECML_OPT_ALIAS_FLOAT(Params, kernel.subsample, "bagging_fraction", 0, 1),
	ECML_OPT_INT(Params, kernel.subsample_freq, "subsample_freq", 0, GBDT_MAX_TREES),
	ECML_OPT_ALIAS_INT(Params, kernel.subsample_freq, "bagging_freq", 0, GBDT_MAX_TREES),
	ECML_OPT_FLOAT(Params, kernel.colsample_tree, "colsample_bytree", 0, 1),
	ECML_OPT_ALIAS_FLOAT(Params, kernel.colsample_tree, "feature_fraction", 0, 1),
	ECML_OPT_FLOAT(Params, kernel.colsample_node, "colsample_bynode", 0, 1),
	ECML_OPT_ALIAS_FLOAT(Params, kernel.colsample_node, "feature_fraction_bynode", 0, 1),
	ECML_OPT_FLOAT(Params, kernel.cat_smooth, "cat_smooth", 0, INFINITY),
	ECML_OPT_FLOAT(Params, kernel.cat_l2, "cat_l2", 0, INFINITY),
	ECML_OPT_INT(Params, kernel.max_cat_threshold, "max_cat_threshold", 1, 256),
	ECML_OPT_INT(Params, kernel.max_cat_to_onehot, "max_cat_to_onehot", 1, 256),
	ECML_OPT_INT(Params, kernel.min_data_per_group, "min_data_per_group", 1, 1e9),
	ECML_OPT_JSON(Params, monotone, "monotone"),
	ECML_OPT_ALIAS_JSON(Params, monotone, "monotone_constraints"),
	ECML_OPT_FLOAT(Params, kernel.alpha, "alpha", 0, 1),
	ECML_OPT_FLOAT(Params, kernel.huber_delta, "huber_delta", 0, INFINITY),
	ECML_OPT_FLOAT(Params, kernel.variance_power, "variance_power", 1, 2),
	ECML_OPT_ALIAS_FLOAT(Params, kernel.variance_power, "tweedie_variance_power", 1, 2),
	ECML_OPT_FLOAT(Params, kernel.scale_pos_weight, "scale_pos_weight", 0, INFINITY),
	ECML_OPT_CHOICE(Params, class_weight, "class_weight", ecml_class_weight_words),
	ECML_OPT_TEXT(Params, validation, "validation"),
	ECML_OPT_FLOAT(Params, kernel.validation_fraction, "validation_fraction", 0, 1),
	ECML_OPT_INT(Params, kernel.early_stopping_rounds, "early_stopping_rounds", 0, GBDT_MAX_TREES),
	ECML_OPT_ALIAS_INT(Params, kernel.early_stopping_rounds, "n_iter_no_change", 0, GBDT_MAX_TREES),
	ECML_OPT_ENUM(Params, kernel.metric, "metric", metrics_known),
	ECML_OPT_ALIAS_ENUM(Params, kernel.metric, "eval_metric", metrics_known),
	ECML_OPT_TEXT(Params, group, "group"),
	ECML_OPT_INT(Params, kernel.ndcg_at, "ndcg_at", 1, 1e6),
	ECML_OPT_INT(Params, kernel.truncation, "truncation", 1, 1e6),
	ECML_OPT_ALIAS_INT(Params, kernel.truncation, "lambdarank_truncation_level", 1, 1e6),
	ECML_OPT_END
};

static const EcmlExtra extras[] = {
	{"validation", offsetof(Params, validation), ECML_EXTRA_FLAG},
	{"group", offsetof(Params, group), ECML_EXTRA_GROUP},
	{NULL}
};

static const char *
check(const void *params)
{
	const Params *given = params;

	if (given->group && given->kernel.objective != GBDT_LAMBDARANK)
		return "\"group\" is for the objective \"lambdarank\".";
	if (given->kernel.objective == GBDT_LAMBDARANK && !given->group)
		return "The objective \"lambdarank\" needs the option \"group\": the column of what is ranked together.";
	if (given->validation && given->kernel.validation_fraction > 0)
		return "Give \"validation\" (a column) or \"validation_fraction\", not both.";
	return gbdt_check(&given->kernel);
}

static EcmlTargetUse
target_for(const void *params)
{
	switch (((const Params *) params)->kernel.objective)
	{
		case GBDT_AUTO:
			return ECML_TARGET_AUTO;
		case GBDT_LOGISTIC:
		case GBDT_SOFTMAX:
			return ECML_TARGET_CLASS;
		default:
			return ECML_TARGET_NUMBER;
	}
}

/* ---------------------------------------------------------------- monotone constraints */

static void
set_direction(int8 *directions, const EcmlSchema *schema, int j, JsonbValue *value)
{
	const EcmlFeature *feature = &schema->features[j];
	double		direction = NAN;

	if (value->type == jbvNumeric)
		direction = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, NumericGetDatum(value->val.numeric)));
	if (direction != -1 && direction != 0 && direction != 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the constraint on \"%s\" must be 1, -1 or 0", feature->name),
				 errdetail("It is %s.", ecml_json_value_text(value)),
				 errhint("1: the prediction must not fall as the feature rises; -1: it must not rise; 0: it may do either.")));
	if (direction != 0 && feature->kind == ECML_CATEGORY)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the constraint on \"%s\" needs a number", feature->name),
				 errdetail("It is a category, which has no order."),
				 errhint("Leave it out of \"monotone\", or cast the column to a number in the source.")));
	directions[j] = (int8) direction;
}

/* By {"column": direction}, or an array in the order of the features; NULL: none is given. */
static int8 *
directions_by_column(const Params *params, const EcmlSchema *schema)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	value;
	int8	   *directions;
	bool		array;
	int			n = 0;

	if (params->monotone == NULL)
		return NULL;
	directions = palloc0((schema->nfeatures + 1) * sizeof(int8));
	array = JB_ROOT_IS_ARRAY(params->monotone);
	iterator = JsonbIteratorInit(&params->monotone->root);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token == WJB_ELEM)
		{
			if (n < schema->nfeatures)
				set_direction(directions, schema, n, &value);
			n++;
		}
		else if (token == WJB_KEY)
		{
			char	   *name = pnstrdup(value.val.string.val, value.val.string.len);
			int			j = ecml_schema_feature(schema, name);

			(void) JsonbIteratorNext(&iterator, &value, true);
			if (j < 0)
			{
				const char **names = palloc((schema->nfeatures + 1) * sizeof(char *));

				for (int k = 0; k < schema->nfeatures; k++)
					names[k] = schema->features[k].name;
				ereport(ERROR,
						(errcode(ERRCODE_UNDEFINED_COLUMN),
						 errmsg("\"monotone\" names \"%s\", which is none of the features", name),
						 errdetail("The features are %s.", ecml_error_list(names, schema->nfeatures)),
						 errhint("%sGive, for example, \"monotone\": {\"%s\": 1}.",
								 ecml_error_perhaps(ecml_error_nearest(name, names, schema->nfeatures)),
								 schema->nfeatures > 0 ? names[0] : "price")));
			}
			set_direction(directions, schema, j, &value);
		}
	}
	if (array && n != schema->nfeatures)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"monotone\" must have an entry for each feature"),
				 errdetail("It has %d, and there are %d features.", n, schema->nfeatures),
				 errhint("An object names only those that matter: {\"%s\": 1}.",
						 schema->nfeatures > 0 ? schema->features[0].name : "price")));
	return directions;
}

/* ---------------------------------------------------------------- fit, predict */

extern const EcmlAlgorithm ecml_algorithm_gbdt;

static void *
fit(EcmlCtx *ctx, EcmlData *data, const EcmlSchema *schema, const void *params)
{
	const Params *given = params;
	GbdtParams	kernel = given->kernel;
	GbdtTask	task = {
		.params = &kernel,
		.features = schema->nterms,
		.categories = ecml_schema_categories(schema),
		.classes = schema->nclasses,
		.class_weight = ecml_class_weights(&given->class_weight, schema),
		.monotone = directions_by_column(given, schema),
		.validation = ecml_extra_column(&ecml_algorithm_gbdt, schema, params, "validation"),
		.group = ecml_extra_column(&ecml_algorithm_gbdt, schema, params, "group")
	};

	kernel.balanced = ecml_class_weight_balanced(&given->class_weight);
	if (kernel.scale_pos_weight != 1 && schema->nclasses != 2)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"scale_pos_weight\" needs a target of two classes"),
				 schema->nclasses == 0 ? errdetail("The target is a number.") :
				 errdetail("The target has %d.", schema->nclasses),
				 errhint("Of more classes, \"class_weight\" weighs each: {\"label\": 2}.")));
	return gbdt_fit(ctx, data, &task);
}

static void
write_model(EcmlWriter *w, const void *fitted)
{
	gbdt_write(w, fitted);
}

static void *
read_model(EcmlReader *r, const EcmlSchema *schema)
{
	GbdtModel  *model = gbdt_read(r, schema->nterms, ecml_schema_categories(schema), schema->nclasses);

	ecml_read_end(r);
	return model;
}

static double
predict(const void *fitted, const double *x)
{
	return gbdt_predict(fitted, x);
}

static void
probabilities(const void *fitted, const double *x, double *p)
{
	gbdt_probabilities(fitted, x, p);
}

static void
predict_block(EcmlCtx *ctx, const void *fitted, const double *x, size_t stride, int n, double *out)
{
	gbdt_predict_rows(ctx, fitted, x, stride, n, out);
}

static void
contributions(const void *fitted, const EcmlSchema *schema, const double *x, int class, double *base, double *c)
{
	const GbdtModel *model = fitted;

	tree_forest_shap(model->forest, x, model->objective == GBDT_SOFTMAX ? class : 0, base, c);
}

static void
importance(const void *fitted, const EcmlSchema *schema, double *gain)
{
	tree_forest_importance(((const GbdtModel *) fitted)->forest, gain, NULL, NULL);
}

static const TreeForest *
trees(const void *fitted)
{
	return ((const GbdtModel *) fitted)->forest;
}

/* ---------------------------------------------------------------- what training tells */

static void
metrics(const void *fitted, const EcmlSchema *schema, EcmlJson *json)
{
	const GbdtModel *model = fitted;
	const TreeForest *forest = model->forest;
	bool		validated = model->validation_rows > 0;
	double	   *splits = palloc0((schema->nterms + 1) * sizeof(double));

	ecml_json_string(json, "objective", gbdt_objective_name(model->objective));
	ecml_json_int(json, "trees", forest->ntrees);
	ecml_json_int(json, "leaves", forest->ntrees > 0 ? ((int64) forest->first[forest->ntrees] + forest->ntrees) / 2 : 0);
	ecml_json_int(json, "best_iteration", model->rounds);
	ecml_json_int(json, "iterations", model->grown);
	ecml_json_string(json, "metric", gbdt_metric_name(model->objective, model->metric));
	ecml_json_number(json, "train", model->train_metric);
	if (validated)
	{
		ecml_json_number(json, "validation", model->validation_metric);
		ecml_json_number(json, "validation_rows", model->validation_rows);
	}
	if (model->constant_columns > 0)
		ecml_json_int(json, "constant_columns", model->constant_columns);
	tree_forest_importance(forest, NULL, splits, NULL);
	ecml_json_open_object(json, "splits");
	for (int j = 0; j < schema->nterms; j++)
		ecml_json_number(json, schema->features[j].name, splits[j]);
	ecml_json_close_object(json);
	ecml_json_open_array(json, "curve");
	for (int i = 0; i < model->ncurve; i++)
	{
		ecml_json_open_object(json, NULL);
		ecml_json_int(json, "iteration", model->curve_round[i]);
		ecml_json_number(json, "train", model->curve_train[i]);
		if (validated)
			ecml_json_number(json, "validation", model->curve_validation[i]);
		ecml_json_close_object(json);
	}
	ecml_json_close_array(json);
}

static void
judge(const void *fitted, const EcmlSchema *schema)
{
	const GbdtModel *model = fitted;

	if (model->forest->ntrees == 0 || model->forest->first[model->forest->ntrees] == (size_t) model->forest->ntrees)
		ereport(WARNING,
				(errmsg("no split was found: the model predicts the same for all rows"),
				 errdetail("%.0f rows were there to train on.", model->rows),
				 errhint("With few rows, lower \"min_child_samples\".")));
}

const EcmlAlgorithm ecml_algorithm_gbdt = {
	.id = 6,
	.name = "gbdt",
	.task = ECML_REGRESSION,
	.target = ECML_TARGET_AUTO,
	.target_for = target_for,
	.extras = extras,
	.native = true,
	.options = options,
	.params_size = sizeof(Params),
	.defaults = &defaults,
	.check = check,
	.element = ECML_F4,
	.fit = fit,
	.write = write_model,
	.read = read_model,
	.predict = predict,
	.probabilities = probabilities,
	.predict_block = predict_block,
	.contributions = contributions,
	.importance = importance,
	.trees = trees,
	.metrics = metrics,
	.judge = judge
};

ECML_AGGREGATE_FUNCTIONS(gbdt)
