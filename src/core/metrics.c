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
ecml_metrics_numbers(EcmlJson *json, EcmlCtx *ctx, const EcmlNumbers *numbers)
{
	EcmlNumberMetrics m = ecml_numbers_metrics(ctx, numbers);

	ecml_json_number(json, "rmse", m.rmse);
	ecml_json_number(json, "mae", m.mae);
	ecml_json_number(json, "median_absolute_error", m.median_absolute_error);
	ecml_json_number(json, "bias", m.bias);
	ecml_json_number(json, "mape", m.mape);
	ecml_json_number(json, "smape", m.smape);
	ecml_json_number(json, "r2", m.r2);
	ecml_json_number(json, "explained_variance", m.explained_variance);
	ecml_json_number(json, "max_error", m.max_error);
}

/* A score, how many rows have it, and how many of them are known anomalies. */
typedef struct Rank
{
	double		score;
	double		rows;
	double		positives;
} Rank;

/* The greatest score before place [2] in both lists, all its rows; false: there is none left. */
static bool
next_rank(const EcmlScores *scores, size_t left[2], Rank *rank)
{
	size_t		step = scores->weighted ? 2 : 1;

	if (left[0] == 0 && left[1] == 0)
		return false;
	*rank = (Rank) {-INFINITY, 0, 0};
	for (int side = 0; side < 2; side++)
		if (left[side] > 0)
			rank->score = Max(rank->score, scores->of[side].v[(left[side] - 1) * step]);
	for (int side = 0; side < 2; side++)
		for (; left[side] > 0 && scores->of[side].v[(left[side] - 1) * step] == rank->score; left[side]--)
		{
			double		weight = scores->weighted ? scores->of[side].v[(left[side] - 1) * step + 1] : 1;

			rank->rows += weight;
			rank->positives += side == 1 ? weight : 0;
		}
	return true;
}

/* Quantiles of the scores, greatest first on the way: the least score that so large a share of the rows does not exceed. */
static void
write_quantiles(EcmlJson *json, EcmlCtx *ctx, const EcmlScores *scores, double total)
{
	static const struct
	{
		const char *name;
		double		share;
	}			quantiles[] = {{"max", 1}, {"p99", 0.99}, {"p95", 0.95}, {"p90", 0.9}, {"p75", 0.75}, {"p50", 0.5}, {"p25", 0.25},
	{"min", 0}};
	double		found[lengthof(quantiles)];
	size_t		left[2] = {scores->of[0].n, scores->of[1].n};
	double		above = 0;
	int			at = 0;
	int64		looked = 0;
	Rank		rank;

	while (next_rank(scores, left, &rank))
	{
		/* rows up to this score are all but those above it */
		above += rank.rows;
		while (at < (int) lengthof(quantiles) - 1 && total - above < quantiles[at].share * total)
			found[at++] = rank.score;
		found[lengthof(quantiles) - 1] = rank.score;
		if (++looked % 65536 == 0)
			ecml_poll(ctx, 0, 0);
	}
	ecml_json_open_object(json, "score_quantiles");
	for (int i = lengthof(quantiles) - 1; i >= 0; i--)
		ecml_json_number(json, quantiles[i].name, found[i]);
	ecml_json_close_object(json);
}

/* Known anomalies among the k greatest scores; of rows with equal scores that fall on both sides the same share. */
static double
found_among(EcmlCtx *ctx, const EcmlScores *scores, double k)
{
	size_t		left[2] = {scores->of[0].n, scores->of[1].n};
	double		found = 0;
	int64		looked = 0;
	Rank		rank;

	while (k > 0 && next_rank(scores, left, &rank))
	{
		double		part = Min(1, k / rank.rows);

		found += part * rank.positives;
		k -= part * rank.rows;
		if (++looked % 65536 == 0)
			ecml_poll(ctx, 0, 0);
	}
	return found;
}

void
ecml_metrics_anomalies(EcmlJson *json, EcmlCtx *ctx, EcmlScores *scores, double threshold, bool labelled, double k)
{
	static const char *const classes[] = {"normal", "anomaly"};
	EcmlBinaryMetrics m;
	double		confusion[4];
	double		found;

	ecml_scores_sort(ctx, scores);
	/* a score above the threshold is an anomaly's, and here one of at least what is given */
	ecml_scores_metrics(ctx, scores, nextafter(threshold, INFINITY), &m);
	ecml_json_number(json, "threshold", threshold);
	ecml_json_number(json, "anomalies", m.tp + m.fp);
	ecml_json_number(json, "anomaly_share", (m.tp + m.fp) / m.rows);
	write_quantiles(json, ctx, scores, m.rows);
	if (!labelled)
		return;
	if (k == 0)
		k = m.positives;
	k = Min(k, m.rows);
	found = found_among(ctx, scores, k);
	confusion[0] = m.tn;
	confusion[1] = m.fp;
	confusion[2] = m.fn;
	confusion[3] = m.tp;
	ecml_json_number(json, "prevalence", m.prevalence);
	ecml_json_number(json, "roc_auc", m.roc_auc);
	ecml_json_number(json, "pr_auc", m.pr_auc);
	ecml_json_number(json, "k", k);
	ecml_json_number(json, "precision_at_k", k > 0 ? found / k : NAN);
	ecml_json_number(json, "recall_at_k", m.positives > 0 ? found / m.positives : NAN);
	ecml_json_number(json, "best_f1", m.best_f1);
	ecml_json_number(json, "best_f1_threshold", m.best_f1_threshold);
	ecml_json_number(json, "precision", m.precision);
	ecml_json_number(json, "recall", m.recall);
	ecml_json_number(json, "specificity", m.specificity);
	ecml_json_number(json, "f1", m.f1);
	ecml_json_number(json, "mcc", m.mcc);
	write_matrix(json, confusion, 2, classes);
}
