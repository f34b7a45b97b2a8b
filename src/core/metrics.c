/*
 * metrics.c - metrics as jsonb
 *
 * Names are scikit-learn's, where it has one.  Counts are sums of weights, where rows have weights.
 */
#include "core/compat.h"

#include <math.h>

#include "core/metrics.h"

#define CALIBRATION_BINS 10
#define MATRIX_CLASSES 100		/* a confusion matrix of more is not written out */

static void
write_matrix(EcmlJson *json, const double *confusion, int k, const char *const *classes)
{
	ecml_json_strings(json, "classes", classes, k);
	if (k > MATRIX_CLASSES)
		return;
	ecml_json_open_array(json, "confusion_matrix");
	for (int i = 0; i < k; i++)
		ecml_json_numbers(json, NULL, confusion + (size_t) i * k, k);
	ecml_json_close_array(json);
}

static void
write_calibration(EcmlJson *json, EcmlCtx *ctx, const EcmlScores *scores)
{
	int			n;
	EcmlCalibrationBin *bins = ecml_scores_calibration(ctx, scores, CALIBRATION_BINS, ECML_BINS_UNIFORM, &n);

	ecml_json_open_array(json, "calibration");
	for (int i = 0; i < n; i++)
	{
		ecml_json_open_object(json, NULL);
		ecml_json_number(json, "low", bins[i].low);
		ecml_json_number(json, "high", bins[i].high);
		ecml_json_number(json, "rows", bins[i].rows);
		ecml_json_number(json, "mean_score", bins[i].mean_score);
		ecml_json_number(json, "rate", bins[i].rate);
		ecml_json_close_object(json);
	}
	ecml_json_close_array(json);
	ecml_free(ctx, bins);
}

void
ecml_metrics_scores(EcmlJson *json, EcmlCtx *ctx, EcmlScores *scores, double threshold, const char *const *classes,
					const double *other)
{
	const char *names[3] = {classes[0], classes[1], ECML_OTHER_CLASS};
	double		confusion[9] = {0};
	bool		others = other && other[0] + other[1] > 0;
	int			k = others ? 3 : 2;
	EcmlBinaryMetrics m;

	ecml_scores_sort(ctx, scores);
	ecml_scores_metrics(ctx, scores, threshold, &m);
	confusion[0] = m.tn;
	confusion[1] = m.fp;
	confusion[k] = m.fn;
	confusion[k + 1] = m.tp;
	if (others)
	{
		EcmlLabelMetrics labels;
		EcmlClassMetrics of[3];

		confusion[6] = other[0];
		confusion[7] = other[1];
		ecml_label_metrics(confusion, 3, &labels, of);
		m.accuracy = labels.accuracy;
		m.balanced_accuracy = labels.balanced_accuracy;
		m.precision = of[1].precision;
		m.f1 = of[1].f1;
		m.mcc = labels.mcc;
	}
	ecml_json_string(json, "positive_class", classes[1]);
	ecml_json_number(json, "prevalence", m.prevalence);
	ecml_json_number(json, "roc_auc", m.roc_auc);
	ecml_json_number(json, "pr_auc", m.pr_auc);
	ecml_json_number(json, "gini", m.gini);
	ecml_json_number(json, "ks", m.ks);
	ecml_json_number(json, "ks_threshold", m.ks_threshold);
	ecml_json_number(json, "best_f1", m.best_f1);
	ecml_json_number(json, "best_f1_threshold", m.best_f1_threshold);
	ecml_json_number(json, "log_loss", m.log_loss);
	ecml_json_number(json, "brier", m.brier);
	ecml_json_number(json, "ece", m.ece);
	ecml_json_number(json, "threshold", threshold);
	ecml_json_number(json, "accuracy", m.accuracy);
	ecml_json_number(json, "balanced_accuracy", m.balanced_accuracy);
	ecml_json_number(json, "precision", m.precision);
	ecml_json_number(json, "recall", m.recall);
	ecml_json_number(json, "specificity", m.specificity);
	ecml_json_number(json, "f1", m.f1);
	ecml_json_number(json, "mcc", m.mcc);
	write_matrix(json, confusion, k, names);
	if (scores->probabilities && m.rows > 0)
		write_calibration(json, ctx, scores);
}

void
ecml_metrics_labels(EcmlJson *json, const double *confusion, int k, const char *const *classes)
{
	EcmlClassMetrics *of = palloc(Max(k, 1) * sizeof(EcmlClassMetrics));
	EcmlLabelMetrics m;

	ecml_label_metrics(confusion, k, &m, of);
	ecml_json_number(json, "accuracy", m.accuracy);
	ecml_json_number(json, "balanced_accuracy", m.balanced_accuracy);
	ecml_json_number(json, "precision_macro", m.macro_precision);
	ecml_json_number(json, "recall_macro", m.macro_recall);
	ecml_json_number(json, "f1_macro", m.macro_f1);
	ecml_json_number(json, "precision_weighted", m.weighted_precision);
	ecml_json_number(json, "recall_weighted", m.weighted_recall);
	ecml_json_number(json, "f1_weighted", m.weighted_f1);
	ecml_json_number(json, "mcc", m.mcc);
	ecml_json_open_object(json, "per_class");
	for (int c = 0; c < k; c++)
	{
		ecml_json_open_object(json, classes[c]);
		ecml_json_number(json, "rows", of[c].rows);
		ecml_json_number(json, "predicted", of[c].predicted);
		ecml_json_number(json, "precision", of[c].precision);
		ecml_json_number(json, "recall", of[c].recall);
		ecml_json_number(json, "f1", of[c].f1);
		ecml_json_close_object(json);
	}
	ecml_json_close_object(json);
	write_matrix(json, confusion, k, classes);
	pfree(of);
}

void
ecml_metrics_numbers(EcmlJson *json, const EcmlNumbers *numbers)
{
	EcmlNumberMetrics m = ecml_numbers_metrics(numbers);

	ecml_json_number(json, "rmse", m.rmse);
	ecml_json_number(json, "mae", m.mae);
	ecml_json_number(json, "bias", m.bias);
	ecml_json_number(json, "mape", m.mape);
	ecml_json_number(json, "smape", m.smape);
	ecml_json_number(json, "r2", m.r2);
	ecml_json_number(json, "explained_variance", m.explained_variance);
	ecml_json_number(json, "max_error", m.max_error);
}
