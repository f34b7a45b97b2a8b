/*
 * forest_model.c - a fitted decision tree or random forest: parameters, predictions, importance, bytes
 */
#include "tree/forest_internal.h"

#include <string.h>

#define VERSION 1
#define MAX_TRIED 1000000000

const char *
forest_check(const ForestParams *params)
{
	if (params->min_samples_leaf > 1 && params->min_samples_leaf != floor(params->min_samples_leaf))
		return "\"min_samples_leaf\" is a number of rows, or a share below 1.";
	if (params->min_samples_split > 1 && params->min_samples_split != floor(params->min_samples_split))
		return "\"min_samples_split\" is a number of rows, or a share below 1.";
	if (params->max_samples > 1 && params->max_samples != floor(params->max_samples))
		return "\"max_samples\" is a number of rows, or a share below 1.";
	if (params->max_features < 0 && params->features_number > 1 && params->features_number != floor(params->features_number))
		return "\"max_features\" is a number of features, a share below 1, or \"sqrt\", \"log2\", \"third\", \"all\".";
	return NULL;
}

const char *
forest_criterion_name(int criterion)
{
	static const char *const names[] = {"auto", "gini", "entropy", "squared_error", "poisson", "absolute_error"};

	return names[criterion];
}

double
forest_predict(const ForestModel *model, const double *x)
{
	double		out;

	tree_forest_predict(model->forest, x, &out);
	return out;
}

void
forest_probabilities(const ForestModel *model, const double *x, double *p)
{
	if (model->classes == 2)
	{
		p[1] = forest_predict(model, x);
		p[0] = 1 - p[1];
	}
	else
		tree_forest_predict(model->forest, x, p);
}

void
forest_predict_rows(EcmlCtx *ctx, const ForestModel *model, size_t rows, const double *x, double *out)
{
	tree_forest_predict_rows(ctx, model->forest, rows, x, out);
	/* of two classes, the first one beside the second, from the last row on */
	if (model->classes == 2)
		for (size_t i = rows; i-- > 0;)
		{
			double		second = out[i];

			out[2 * i + 1] = second;
			out[2 * i] = 1 - second;
		}
}

void
forest_importance(const ForestModel *model, double *importance)
{
	double		sum = 0;

	tree_forest_importance(model->forest, importance, NULL, NULL);
	for (int j = 0; j < model->forest->features; j++)
		sum += importance[j];
	for (int j = 0; j < model->forest->features; j++)
		importance[j] = sum > 0 ? importance[j] / sum : 0;
}

void
forest_write(EcmlWriter *w, const ForestModel *model)
{
	ecml_write_u8(w, VERSION);
	ecml_write_u8(w, (uint8_t) model->criterion);
	ecml_write_u32(w, (uint32_t) model->classes);
	ecml_write_u32(w, (uint32_t) model->features_tried);
	ecml_write_f8(w, model->rows);
	ecml_write_f8(w, model->oob_rows);
	ecml_write_f8(w, model->oob_accuracy);
	ecml_write_f8(w, model->oob_log_loss);
	ecml_write_f8(w, model->oob_roc_auc);
	ecml_write_f8(w, model->oob_r2);
	ecml_write_f8(w, model->oob_rmse);
	tree_forest_write(w, model->forest);
}

/* Leaves of classes are shares, and their mean is taken. */
static bool
are_shares(const TreeForest *forest)
{
	for (size_t i = 0; i < forest->first[forest->ntrees]; i++)
	{
		const TreeNode *node = &forest->nodes[i];

		if (forest->leaf_outputs == 1 && node->feature == TREE_LEAF && !(node->threshold >= 0 && node->threshold <= 1))
			return false;
	}
	for (size_t i = 0; forest->leaf_outputs > 1 && i < forest->nvectors * forest->outputs; i++)
		if (!(forest->vectors[i] >= 0 && forest->vectors[i] <= 1))
			return false;
	return true;
}

ForestModel *
forest_read(EcmlReader *r, int features, const int *categories, int classes)
{
	ForestModel *model = ECML_NEW0(r->ctx, ForestModel, 1);
	TreeForest *forest;
	int			outputs = classes > 2 ? classes : 1;

	if (ecml_read_u8(r) != VERSION)
		ecml_read_corrupted(r, "the model is of an unknown version");
	model->criterion = ecml_read_u8(r);
	model->classes = (int) ecml_read_u32_in(r, 0, FOREST_MAX_CLASSES);
	if (model->criterion <= FOREST_AUTO || model->criterion > FOREST_ABSOLUTE_ERROR || model->classes != classes || classes == 1 ||
		(classes > 0) != (model->criterion == FOREST_GINI || model->criterion == FOREST_ENTROPY))
		ecml_read_corrupted(r, "the criterion does not fit the target");
	model->features_tried = (int) ecml_read_u32_in(r, 0, MAX_TRIED);
	model->rows = ecml_read_finite(r);
	model->oob_rows = ecml_read_finite(r);
	model->oob_accuracy = ecml_read_f8(r);
	model->oob_log_loss = ecml_read_f8(r);
	model->oob_roc_auc = ecml_read_f8(r);
	model->oob_r2 = ecml_read_f8(r);
	model->oob_rmse = ecml_read_f8(r);
	forest = model->forest = tree_forest_read(r, features, categories);
	if (forest->outputs != outputs || forest->leaf_outputs != outputs || forest->ntrees < 1 || forest->scale != 1.0 / forest->ntrees)
		ecml_read_corrupted(r, "the forest has another number of outputs, or another scale");
	for (int k = 0; k < outputs; k++)
		if (forest->base[k] != 0)
			ecml_read_corrupted(r, "the forest has a base");
	if (classes > 0 && !are_shares(forest))
		ecml_read_corrupted(r, "a leaf has a share of a class that is none");
	return model;
}
