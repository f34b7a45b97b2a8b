/*
 * gbdt_model.c - a fitted model: predictions, bytes
 */
#include "gbdt_internal.h"

#include <limits.h>
#include <math.h>

#define VERSION 1

void
gbdt_link(const GbdtModel *model, const double *scores, double *out)
{
	gbdt_objective_link(model->objective, model->forest->outputs, scores, out);
}

double
gbdt_predict(const GbdtModel *model, const double *x)
{
	double		score;
	double		out[2];

	/* two classes may have a score each */
	if (model->forest->outputs > 1)
	{
		double		p[GBDT_MAX_CLASSES];

		gbdt_probabilities(model, x, p);
		return p[1];
	}
	tree_forest_predict(model->forest, x, &score);
	gbdt_objective_link(model->objective, 1, &score, out);
	return out[model->objective == GBDT_LOGISTIC];
}

void
gbdt_probabilities(const GbdtModel *model, const double *x, double *p)
{
	double		scores[GBDT_MAX_CLASSES];

	tree_forest_predict(model->forest, x, scores);
	gbdt_objective_link(model->objective, model->forest->outputs, scores, p);
}

void
gbdt_predict_rows(EcmlCtx *ctx, const GbdtModel *model, const double *x, size_t stride, size_t n, double *out)
{
	const TreeForest *forest = model->forest;
	int			outputs = forest->outputs;
	double	   *scores;

	/* where a row has as many outputs as results, they take the place of its scores */
	if (model->objective != GBDT_LOGISTIC && stride == (size_t) forest->features)
	{
		tree_forest_predict_rows(ctx, forest, n, x, out);
		for (size_t i = 0; i < n; i++)
			gbdt_objective_link(model->objective, outputs, out + i * outputs, out + i * outputs);
		return;
	}
	scores = ecml_alloc_array(ctx, n, outputs * sizeof(double));
	if (stride == (size_t) forest->features)
		tree_forest_predict_rows(ctx, forest, n, x, scores);
	else
		for (size_t i = 0; i < n; i++)
			tree_forest_predict(forest, x + i * stride, scores + i * outputs);
	for (size_t i = 0; i < n; i++)
		gbdt_objective_link(model->objective, outputs, scores + i * outputs, out + i * (model->classes > 0 ? model->classes : 1));
	ecml_free(ctx, scores);
}

void
gbdt_write(EcmlWriter *w, const GbdtModel *model)
{
	ecml_write_u8(w, VERSION);
	ecml_write_u8(w, (uint8_t) model->objective);
	ecml_write_u8(w, (uint8_t) model->metric);
	ecml_write_u32(w, (uint32_t) model->classes);
	ecml_write_u32(w, (uint32_t) model->rounds);
	ecml_write_u32(w, (uint32_t) model->grown);
	ecml_write_u32(w, (uint32_t) model->constant_columns);
	ecml_write_f8(w, model->rows);
	ecml_write_f8(w, model->validation_rows);
	ecml_write_f8(w, model->train_metric);
	ecml_write_f8(w, model->validation_metric);
	ecml_write_u32(w, (uint32_t) model->ncurve);
	for (int i = 0; i < model->ncurve; i++)
		ecml_write_u32(w, (uint32_t) model->curve_round[i]);
	ecml_write_f8s(w, model->curve_train, model->ncurve);
	ecml_write_f8s(w, model->curve_validation, model->ncurve);
	tree_forest_write(w, model->forest);
}

GbdtModel *
gbdt_read(EcmlReader *r, int features, const int *categories, int classes)
{
	GbdtModel  *model = ECML_NEW0(r->ctx, GbdtModel, 1);

	if (ecml_read_u8(r) != VERSION)
		ecml_read_corrupted(r, "the model is of an unknown version");
	model->objective = ecml_read_u8(r);
	if (model->objective <= GBDT_AUTO || model->objective > GBDT_LAMBDARANK)
		ecml_read_corrupted(r, "the objective is unknown");
	model->metric = ecml_read_u8(r);
	if (model->metric > GBDT_METRIC_NDCG)
		ecml_read_corrupted(r, "the metric is unknown");
	model->classes = (int) ecml_read_u32_in(r, 0, GBDT_MAX_CLASSES);
	if (model->classes != classes ||
		(model->objective == GBDT_LOGISTIC) != (classes == 2 && model->objective != GBDT_SOFTMAX) ||
		(model->objective == GBDT_SOFTMAX && classes < 2) ||
		(classes > 0 && model->objective != GBDT_LOGISTIC && model->objective != GBDT_SOFTMAX))
		ecml_read_corrupted(r, "the objective does not fit the classes");
	model->rounds = (int) ecml_read_u32_in(r, 0, GBDT_MAX_TREES);
	model->grown = (int) ecml_read_u32_in(r, 0, GBDT_MAX_TREES);
	model->constant_columns = (int) ecml_read_u32_in(r, 0, INT_MAX);
	model->rows = ecml_read_finite(r);
	model->validation_rows = ecml_read_finite(r);
	model->train_metric = ecml_read_f8(r);
	model->validation_metric = ecml_read_f8(r);
	model->ncurve = (int) ecml_read_count(r, sizeof(uint32_t) + 2 * sizeof(double));
	model->curve_round = ECML_NEW(r->ctx, int, model->ncurve);
	for (int i = 0; i < model->ncurve; i++)
		model->curve_round[i] = (int) ecml_read_u32_in(r, 0, GBDT_MAX_TREES);
	model->curve_train = ecml_read_f8s(r, model->ncurve);
	model->curve_validation = ecml_read_f8s(r, model->ncurve);
	model->forest = tree_forest_read(r, features, categories);
	if (model->forest->outputs != (model->objective == GBDT_SOFTMAX ? classes : 1) || model->forest->leaf_outputs != 1)
		ecml_read_corrupted(r, "the forest has another number of outputs");
	return model;
}
