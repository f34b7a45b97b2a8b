/*
 * test_metrics.c - metrics of scores, labels and numbers against scikit-learn's, sorting against qsort
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "metrics_cases.h"
#include "num/metrics.h"
#include "num/sort.h"

#define EXACT 1e-13				/* scikit-learn's own sums have 1e-16 sqrt(n) of rounding */

/* ---------------------------------------------------------------- sorting */

static int
compare_doubles(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return x < y ? -1 : x > y ? 1 : 0;
}

static double
draw_key(EcmlRng *rng, int kind)
{
	double		u = ecml_rng_double(rng);

	switch (kind)
	{
		case 0:
			return u;
		case 1:
			return floor(u * 10) / 10;
		case 2:
			return (u - 0.5) * 1e300;
		case 3:
			return (ecml_rng_double(rng) < 0.5 ? -1 : 1) * ldexp(u, (int) ecml_rng_below(rng, 2100) - 1074);
		case 4:
			return 7;
		default:
			return u < 0.1 ? -INFINITY : u > 0.9 ? INFINITY : u * 3 - 1.5;
	}
}

static void
sorting(void)
{
	static const size_t sizes[] = {0, 1, 2, 3, 63, 64, 65, 1000, 70000};
	EcmlCtx    *ctx = test_ctx(1, 5);
	int			wrong = 0;
	int			unstable = 0;

	for (int kind = 0; kind < 6; kind++)
		for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++)
		{
			size_t		n = sizes[k];
			double	   *want = ECML_NEW(ctx, double, n + 1);
			double	   *v = ECML_NEW(ctx, double, n + 1);
			double	   *pairs = ECML_NEW(ctx, double, 2 * n + 1);

			for (size_t i = 0; i < n; i++)
			{
				want[i] = v[i] = pairs[2 * i] = draw_key(&ctx->rng, kind) + 0.0;
				pairs[2 * i + 1] = (double) i;
			}
			qsort(want, n, sizeof(double), compare_doubles);
			ecml_sort_f8(ctx, v, n);
			ecml_sort_f8_pairs(ctx, pairs, n);
			wrong += memcmp(v, want, n * sizeof(double)) != 0;
			for (size_t i = 0; i < n; i++)
			{
				wrong += pairs[2 * i] != want[i];
				unstable += i > 0 && pairs[2 * i] == pairs[2 * i - 2] && pairs[2 * i + 1] <= pairs[2 * i - 1];
			}
		}
	ok(wrong == 0, "sorting agrees with qsort (%d differ)", wrong);
	ok(unstable == 0, "pairs with equal keys keep their order (%d do not)", unstable);
	test_ctx_free(ctx);
}

static bool
key_is_no_more(const void *arg, int a, int b)
{
	const double *key = arg;

	return key[a] <= key[b];
}

static void
sorting_numbers(void)
{
	EcmlCtx    *ctx = test_ctx(1, 6);
	int			wrong = 0;

	for (int n = 0; n < 200; n++)
	{
		double	   *key = ECML_NEW(ctx, double, n + 1);
		int		   *v = ECML_NEW(ctx, int, n + 1);
		int		   *scratch = ECML_NEW(ctx, int, n + 1);
		int		   *seen = ECML_NEW0(ctx, int, n + 1);

		for (int i = 0; i < n; i++)
		{
			key[i] = (double) ecml_rng_below(&ctx->rng, n / 3 + 1);
			v[i] = i;
		}
		ecml_sort_numbers(v, n, scratch, key_is_no_more, key);
		for (int i = 0; i < n; i++)
		{
			wrong += seen[v[i]]++ > 0;
			wrong += i > 0 && (key[v[i - 1]] > key[v[i]] || (key[v[i - 1]] == key[v[i]] && v[i - 1] > v[i]));
		}
	}
	ok(wrong == 0, "numbers are sorted by their keys, equal ones as they stood (%d are not)", wrong);
	test_ctx_free(ctx);
}

/* ---------------------------------------------------------------- scores */

static EcmlScores
scores_of(EcmlCtx *ctx, const Case *c)
{
	const List *label = find_list(c, "label");
	const List *score = find_list(c, "score");
	const List *weight = find_list(c, "weight");
	EcmlScores	s;

	ecml_scores_init(&s, weight != NULL);
	for (int i = 0; i < label->n; i++)
		ecml_scores_add(ctx, &s, label->v[i] > 0, score->v[i], weight ? weight->v[i] : 1);
	ecml_scores_sort(ctx, &s);
	return s;
}

static void
check_curve(EcmlCtx *ctx, const Case *c, const EcmlScores *s, bool roc, bool drop)
{
	char		key[32];
	size_t		n;
	EcmlCurvePoint *point = roc ? ecml_scores_roc(ctx, s, drop, &n) : ecml_scores_pr(ctx, s, drop, &n);
	const List *weight = find_list(c, "weight");

	/* weighted sums differ in their last bits, and with them what scikit-learn takes for straight */
	if (drop && weight)
		return;
	snprintf(key, sizeof(key), "%s%d.threshold", roc ? "roc" : "pr", drop);
	check_list(c, key, &point->threshold, 3, n, 0);
	snprintf(key, sizeof(key), "%s%d.x", roc ? "roc" : "pr", drop);
	check_list(c, key, &point->x, 3, n, EXACT);
	snprintf(key, sizeof(key), "%s%d.y", roc ? "roc" : "pr", drop);
	check_list(c, key, &point->y, 3, n, EXACT);
}

static void
check_calibration(EcmlCtx *ctx, const Case *c, const EcmlScores *s, const char *name, int bins, EcmlBinning binning)
{
	char		key[32];
	int			n;
	EcmlCalibrationBin *bin;
	double		rows = 0;

	snprintf(key, sizeof(key), "%s%d.rate", name, bins);
	if (find_list(c, key) == NULL)
		return;
	bin = ecml_scores_calibration(ctx, s, bins, binning, &n);
	check_list(c, key, &bin->rate, 5, n, EXACT);
	snprintf(key, sizeof(key), "%s%d.mean", name, bins);
	check_list(c, key, &bin->mean_score, 5, n, EXACT);
	for (int i = 0; i < n; i++)
	{
		rows += bin[i].rows;
		if (bin[i].mean_score < bin[i].low - 1e-12 || bin[i].mean_score > bin[i].high + 1e-12)
			ok(false, "%s: bin %d of %s has its mean outside", c->name, i, name);
	}
	ok(rows == s->of[0].n + s->of[1].n, "%s: bins of %s have all rows", c->name, key);
}

/* By its definition: pairs of rows. */
static double
naive_auc(const Case *c)
{
	const List *label = find_list(c, "label");
	const List *score = find_list(c, "score");
	const List *weight = find_list(c, "weight");
	double		wins = 0;
	double		pairs = 0;

	for (int i = 0; i < label->n; i++)
		for (int j = 0; j < label->n; j++)
		{
			double		w = weight ? weight->v[i] * weight->v[j] : 1;

			if (label->v[i] < label->v[j])
			{
				pairs += w;
				wins += w * (score->v[i] < score->v[j] ? 1 : score->v[i] == score->v[j] ? 0.5 : 0);
			}
		}
	return wins / pairs;
}

static void
check_scores(EcmlCtx *ctx, const Case *c)
{
	EcmlScores	s = scores_of(ctx, c);
	double		threshold = find_list(c, "threshold")->v[0];
	EcmlBinaryMetrics m;
	EcmlConfusion confusion;
	EcmlBestThreshold best;
	double		least = INFINITY;
	double		f1;

	ecml_scores_metrics(ctx, &s, threshold, &m);
	check_list(c, "confusion", &m.tp, 1, 4, EXACT);
	check_value(c, "roc_auc", m.roc_auc, EXACT);
	check_value(c, "pr_auc", m.pr_auc, EXACT);
	check_value(c, "accuracy", m.accuracy, EXACT);
	check_value(c, "balanced_accuracy", m.balanced_accuracy, EXACT);
	check_value(c, "precision", m.precision, EXACT);
	check_value(c, "recall", m.recall, EXACT);
	check_value(c, "specificity", m.specificity, EXACT);
	check_value(c, "f1", m.f1, EXACT);
	check_value(c, "mcc", m.mcc, EXACT);
	check_value(c, "log_loss", m.log_loss, EXACT);
	check_value(c, "brier", m.brier, EXACT);
	check_value(c, "ks", m.ks, EXACT);
	check_value(c, "best_f1", m.best_f1, EXACT);
	ok(near(m.roc_auc, naive_auc(c), 1e-12), "%s: AUC by pairs", c->name);
	confusion = ecml_scores_confusion(ctx, &s, m.best_f1_threshold);
	f1 = 2 * confusion.tp / (2 * confusion.tp + confusion.fp + confusion.fn);
	ok(near(f1, m.best_f1, EXACT) || isnan(m.best_f1), "%s: the threshold of the best F1 has it", c->name);
	confusion = ecml_scores_confusion(ctx, &s, threshold);
	ok(memcmp(&confusion, &m.tp, sizeof(confusion)) == 0, "%s: confusion", c->name);
	for (int drop = 0; drop < 2; drop++)
	{
		check_curve(ctx, c, &s, true, drop);
		check_curve(ctx, c, &s, false, drop);
	}
	for (int bins = 5; bins <= 10; bins += 5)
	{
		check_calibration(ctx, c, &s, "uniform", bins, ECML_BINS_UNIFORM);
		check_calibration(ctx, c, &s, "quantile", bins, ECML_BINS_QUANTILE);
	}

	best = ecml_scores_best_threshold(ctx, &s, 2, 5);
	for (int i = -1; i < find_list(c, "score")->n; i++)
	{
		confusion = ecml_scores_confusion(ctx, &s, i < 0 ? INFINITY : find_list(c, "score")->v[i]);
		least = fmin(least, 2 * confusion.fp + 5 * confusion.fn);
	}
	confusion = ecml_scores_confusion(ctx, &s, best.threshold);
	ok(near(best.cost, least, 1e-12) && memcmp(&confusion, &best.confusion, sizeof(confusion)) == 0,
	   "%s: threshold of the least cost", c->name);
}

static void
scores_against_sklearn(void)
{
	FILE	   *file = open_cases("scores.tsv");
	EcmlCtx    *ctx = test_ctx(1, 1);
	Case		c;
	int			cases = 0;

	for (; next_case(ctx, file, &c); cases++)
		check_scores(ctx, &c);
	ok(cases == 17, "%d cases of scores", cases);
	if (file)
		fclose(file);
	test_ctx_free(ctx);
}

static bool
readable(EcmlCtx *ctx, const uint8_t *data, size_t size)
{
	EcmlScores	s;
	EcmlReader	r;

	if (TRY(ctx))
	{
		ecml_reader_init(&r, ctx, data, size);
		ecml_scores_read(&r, &s);
		ecml_read_end(&r);
		return true;
	}
	if (test_host(ctx)->status != ECML_CORRUPTED)
		abort();
	return false;
}

/* Parts merged, in any order, and bytes written and read give the same bits. */
static void
scores_merged(void)
{
	EcmlCtx    *ctx = test_ctx(1, 3);
	EcmlScores	whole;
	EcmlScores	parts[3];
	EcmlScores	again;
	EcmlBinaryMetrics a;
	EcmlBinaryMetrics b;
	EcmlBinaryMetrics c;
	EcmlWriter	w;
	EcmlReader	r;

	ecml_scores_init(&whole, false);
	for (int p = 0; p < 3; p++)
		ecml_scores_init(&parts[p], false);
	for (int i = 0; i < 20000; i++)
	{
		bool		positive = ecml_rng_double(&ctx->rng) < 0.3;
		double		score = fmin(1, floor(ecml_rng_double(&ctx->rng) * 5000) / 5000 + 0.1 * positive);

		ecml_scores_add(ctx, &whole, positive, score, 1);
		ecml_scores_add(ctx, &parts[i % 3], positive, score, 1);
	}
	ecml_writer_init(&w, ctx);
	ecml_scores_write(&w, &parts[1]);
	ecml_reader_init(&r, ctx, w.data, w.size);
	ecml_scores_read(&r, &again);
	ecml_read_end(&r);
	ecml_scores_merge(ctx, &parts[2], &again);
	ecml_scores_merge(ctx, &parts[2], &parts[0]);
	ecml_scores_sort(ctx, &whole);
	ecml_scores_sort(ctx, &parts[2]);
	ecml_scores_metrics(ctx, &whole, 0.5, &a);
	ecml_scores_metrics(ctx, &parts[2], 0.5, &b);
	ok(memcmp(&a, &b, sizeof(a)) == 0, "merged from parts: the same bits");
	ecml_scores_swap(&whole);
	ecml_scores_metrics(ctx, &whole, 0.5, &c);
	ok(near(c.roc_auc, 1 - a.roc_auc, 1e-14) && c.positives == a.rows - a.positives, "classes exchanged: AUC is 1 less it");
	for (size_t size = 0; size < 20; size++)
		ok(!readable(ctx, w.data, size), "scores cut off after %zu bytes", size);
	ok(readable(ctx, w.data, w.size) && !readable(ctx, w.data, w.size - 1), "scores of all bytes, and of one less");
	memset(w.data + 1, 0xff, 8);
	ok(!readable(ctx, w.data, w.size), "2^64 scores are too many");
	test_ctx_free(ctx);
}

static void
refused(EcmlCtx *ctx, bool weighted, double score, double weight, const char *what)
{
	EcmlScores	s;

	ecml_scores_init(&s, weighted);
	if (TRY(ctx))
	{
		ecml_scores_add(ctx, &s, true, score, weight);
		ok(false, "%s is refused", what);
	}
	else
		ok(test_host(ctx)->status == ECML_DATA_EXCEPTION, "%s: %s (%s)", what, test_host(ctx)->message, ctx->detail);
}

static void
scores_edges(void)
{
	EcmlCtx    *ctx = test_ctx(1, 1);
	EcmlScores	s;
	EcmlBinaryMetrics m;
	EcmlBestThreshold best;
	EcmlLiftBin *lift;
	int			n;
	size_t		points;

	refused(ctx, false, NAN, 1, "a score of NaN");
	refused(ctx, false, INFINITY, 1, "an infinite score");
	refused(ctx, true, 0.5, -1, "a negative weight");
	refused(ctx, true, 0.5, NAN, "a weight of NaN");
	refused(ctx, true, 0.5, INFINITY, "an infinite weight");

	ecml_scores_init(&s, false);
	ecml_scores_sort(ctx, &s);
	ecml_scores_metrics(ctx, &s, 0.5, &m);
	ok(m.rows == 0 && isnan(m.roc_auc) && isnan(m.log_loss) && isnan(m.accuracy) && isnan(m.mcc) && isnan(m.best_f1),
	   "no rows: nothing is defined");
	lift = ecml_scores_lift(ctx, &s, 10, &n);
	ok(n == 0 && lift != NULL, "no rows: no bins of lift");
	(void) ecml_scores_calibration(ctx, &s, 10, ECML_BINS_QUANTILE, &n);
	ok(n == 0, "no rows: no bins of calibration");
	(void) ecml_scores_roc(ctx, &s, true, &points);
	ok(points == 1, "no rows: a curve of its first point");

	ecml_scores_add(ctx, &s, true, 0.2, 1);
	ecml_scores_add(ctx, &s, false, 0.9, 1);
	ecml_scores_sort(ctx, &s);
	best = ecml_scores_best_threshold(ctx, &s, 10, 1);
	ok(best.threshold == INFINITY && best.cost == 1 && best.confusion.fn == 1 && best.confusion.tn == 1,
	   "costly alarms: best is to predict nothing");
	ecml_scores_add(ctx, &s, true, -0.0, 1);
	ecml_scores_add(ctx, &s, false, 0.0, 1);
	ecml_scores_sort(ctx, &s);
	(void) ecml_scores_roc(ctx, &s, false, &points);
	ok(points == 4, "0 and -0 are one score");

	ecml_scores_add(ctx, &s, true, 1.5, 1);
	ecml_scores_sort(ctx, &s);
	if (TRY(ctx))
	{
		(void) ecml_scores_calibration(ctx, &s, 10, ECML_BINS_UNIFORM, &n);
		ok(false, "calibration of what is no probability is refused");
	}
	else
		ok(test_host(ctx)->status == ECML_DATA_EXCEPTION, "calibration of a score of 1.5: %s", test_host(ctx)->message);
	test_ctx_free(ctx);
}

/* Lift by its definition: every row of a score has that score's share of positives. */
static void
lift(bool weighted, int bins, size_t rows, double digits)
{
	EcmlCtx    *ctx = test_ctx(1, rows + bins);
	EcmlScores	s;
	double	   *v = ECML_NEW(ctx, double, rows * 2 + 2);
	double	   *y = ECML_NEW(ctx, double, rows + 1);
	double	   *w = ECML_NEW(ctx, double, rows + 1);
	EcmlLiftBin *bin;
	int			n;
	double		total = 0;
	double		positives = 0;
	double		upto = 0;
	double		gained = 0;
	int			wrong = 0;

	ecml_scores_init(&s, weighted);
	for (size_t i = 0; i < rows; i++)
	{
		double		u = ecml_rng_double(&ctx->rng);

		v[2 * i] = digits > 0 ? floor(u * digits) / digits : u;
		v[2 * i + 1] = (double) i;
		y[i] = ecml_rng_double(&ctx->rng) < u;
		w[i] = weighted ? 0.5 + ecml_rng_double(&ctx->rng) : 1;
		total += w[i];
		positives += w[i] * y[i];
		ecml_scores_add(ctx, &s, y[i] > 0, v[2 * i], w[i]);
	}
	ecml_scores_sort(ctx, &s);
	bin = ecml_scores_lift(ctx, &s, bins, &n);
	ecml_sort_f8_pairs(ctx, v, rows);
	for (int b = 0; b < n; b++)
	{
		/* between which weights, from the top, the bin lies */
		double		low = weighted ? total * b / n : (double) (rows / n * b + (b < (int) (rows % n) ? b : rows % n));
		double		high = weighted ? total * (b + 1) / n
			: (double) (rows / n * (b + 1) + (b + 1 < (int) (rows % n) ? b + 1 : rows % n));
		double		want = 0;
		double		above = 0;

		for (size_t i = rows; i > 0;)
		{
			size_t		k = i;
			double		weight = 0;
			double		hits = 0;
			double		part;

			for (; k > 0 && v[2 * k - 2] == v[2 * i - 2]; k--)
			{
				weight += w[(size_t) v[2 * k - 1]];
				hits += w[(size_t) v[2 * k - 1]] * y[(size_t) v[2 * k - 1]];
			}
			part = fmin(high, above + weight) - fmax(low, above);
			if (part > 0)
				want += hits * part / weight;
			above += weight;
			i = k;
		}
		upto += bin[b].rows;
		gained += bin[b].positives;
		wrong += !near(bin[b].rows, high - low, 1e-9) || !near(bin[b].positives, want, 1e-9) ||
			!near(bin[b].rate, want / (high - low), 1e-9) || !near(bin[b].gain, gained / positives, 1e-12) ||
			!near(bin[b].lift, want / (high - low) / (positives / total), 1e-8) ||
			!near(bin[b].cumulative_lift, gained / upto / (positives / total), 1e-9) ||
			bin[b].min_score > bin[b].max_score || (b > 0 && bin[b].max_score > bin[b - 1].min_score);
	}
	ok(wrong == 0 && n == (rows < (size_t) bins ? (int) rows : bins) && near(upto, total, 1e-12),
	   "lift of %zu rows in %d bins%s: %d wrong", rows, bins, weighted ? ", weighted" : "", wrong);
	test_ctx_free(ctx);
}

/* ---------------------------------------------------------------- labels */

static void
check_labels(EcmlCtx *ctx, const Case *c)
{
	const List *label = find_list(c, "label");
	const List *p = find_list(c, "probability");
	const List *weight = find_list(c, "weight");
	int			k = (int) find_list(c, "classes")->v[0];
	double	   *confusion = ECML_NEW0(ctx, double, k * k);
	EcmlClassMetrics *classes = ECML_NEW(ctx, EcmlClassMetrics, k);
	EcmlLabelMetrics m;
	double		log_loss = 0;
	double		top2 = 0;
	double		rows = 0;

	for (int i = 0; i < label->n; i++)
	{
		const double *row = p->v + i * k;
		double		w = weight ? weight->v[i] : 1;
		int			class = (int) label->v[i];
		int			predicted = 0;

		for (int j = 1; j < k; j++)
			if (row[j] > row[predicted])
				predicted = j;
		confusion[class * k + predicted] += w;
		log_loss += w * ecml_log_loss(row[class]);
		top2 += ecml_in_top2(row, k, class) ? w : 0;
		rows += w;
	}
	ecml_label_metrics(confusion, k, &m, classes);
	check_list(c, "confusion", confusion, 1, k * k, EXACT);
	check_value(c, "accuracy", m.accuracy, EXACT);
	check_value(c, "balanced_accuracy", m.balanced_accuracy, EXACT);
	check_value(c, "macro_precision", m.macro_precision, EXACT);
	check_value(c, "macro_recall", m.macro_recall, EXACT);
	check_value(c, "macro_f1", m.macro_f1, EXACT);
	check_value(c, "weighted_precision", m.weighted_precision, EXACT);
	check_value(c, "weighted_recall", m.weighted_recall, EXACT);
	check_value(c, "weighted_f1", m.weighted_f1, EXACT);
	check_value(c, "mcc", m.mcc, EXACT);
	check_value(c, "log_loss", log_loss / rows, EXACT);
	if (k > 2)
		check_value(c, "top2_accuracy", top2 / rows, EXACT);
	if (!isnan(find_list(c, "roc_auc_ovr")->v[0]))
	{
		double		sum = 0;

		for (int j = 0; j < k; j++)
		{
			EcmlScores	s;
			EcmlBinaryMetrics one;

			ecml_scores_init(&s, false);
			for (int i = 0; i < label->n; i++)
				ecml_scores_add(ctx, &s, label->v[i] == j, p->v[i * k + j], 1);
			ecml_scores_sort(ctx, &s);
			ecml_scores_metrics(ctx, &s, 0.5, &one);
			sum += one.roc_auc;
		}
		check_value(c, "roc_auc_ovr", sum / k, EXACT);
	}
	ok(near(classes[0].rows, classes[0].recall > 0 ? confusion[0] / classes[0].recall : classes[0].rows, 1e-12),
	   "%s: the first class by itself", c->name);
}

static void
labels_against_sklearn(void)
{
	FILE	   *file = open_cases("labels.tsv");
	EcmlCtx    *ctx = test_ctx(1, 1);
	EcmlLabelMetrics m;
	Case		c;
	int			cases = 0;

	for (; next_case(ctx, file, &c); cases++)
		check_labels(ctx, &c);
	ok(cases == 8, "%d cases of labels", cases);
	if (file)
		fclose(file);
	ecml_label_metrics((double[]) {0, 0, 0, 0}, 2, &m, NULL);
	ok(m.rows == 0 && isnan(m.accuracy) && isnan(m.macro_f1) && isnan(m.mcc), "no rows: nothing is defined");
	test_ctx_free(ctx);
}

/* ---------------------------------------------------------------- numbers */

static int
compare_sizes(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return x < y ? -1 : x > y;
}

/* Against sorting all errors; with weights there is no median. */
static void
check_median(EcmlCtx *ctx, const List *actual, const List *predicted, bool weighted, double median, const char *name)
{
	double	   *sizes = ECML_NEW(ctx, double, actual->n);
	int			n = actual->n;

	for (int i = 0; i < n; i++)
		sizes[i] = fabs(predicted->v[i] - actual->v[i]);
	qsort(sizes, n, sizeof(double), compare_sizes);
	ok(weighted ? isnan(median) || n == 0 : fabs(median - (sizes[(n - 1) / 2] + sizes[n / 2]) / 2) <= 1e-15 * sizes[n - 1],
	   "%s: median absolute error %g", name, median);
}

static void
check_numbers(EcmlCtx *ctx, const Case *c)
{
	const List *actual = find_list(c, "actual");
	const List *predicted = find_list(c, "predicted");
	const List *weight = find_list(c, "weight");
	EcmlNumbers parts[3] = {0};
	EcmlNumbers s = {0};
	EcmlNumbers again;
	EcmlNumberMetrics m;
	EcmlWriter	w;
	EcmlReader	r;

	for (int i = 0; i < actual->n; i++)
		ecml_numbers_add(ctx, &parts[i % 3], actual->v[i], predicted->v[i], weight ? weight->v[i] : 1);
	for (int i = 0; i < 3; i++)
		ecml_numbers_merge(ctx, &s, &parts[i]);
	ecml_writer_init(&w, ctx);
	ecml_numbers_write(&w, &s);
	ecml_reader_init(&r, ctx, w.data, w.size);
	ecml_numbers_read(&r, &again);
	ecml_read_end(&r);
	ok(memcmp(&s, &again, offsetof(EcmlNumbers, sizes)) == 0 && s.sizes.n == again.sizes.n && s.rows == actual->n, "%s: %d rows, bytes read as written", c->name, actual->n);
	m = ecml_numbers_metrics(ctx, &again);
	check_value(c, "rmse", m.rmse, EXACT);
	check_value(c, "mae", m.mae, EXACT);
	check_median(ctx, actual, predicted, weight != NULL, m.median_absolute_error, c->name);
	check_value(c, "bias", m.bias, EXACT);
	check_value(c, "mape", m.mape, EXACT);
	check_value(c, "smape", m.smape, EXACT);
	check_value(c, "r2", m.r2, 1e-12);
	check_value(c, "explained_variance", m.explained_variance, 1e-12);
	check_value(c, "max_error", m.max_error, 0);
}

static void
numbers_against_sklearn(void)
{
	FILE	   *file = open_cases("numbers.tsv");
	EcmlCtx    *ctx = test_ctx(1, 1);
	EcmlNumbers s = {0};
	EcmlNumberMetrics m;
	Case		c;
	int			cases = 0;

	for (; next_case(ctx, file, &c); cases++)
		check_numbers(ctx, &c);
	ok(cases == 9, "%d cases of numbers", cases);
	if (file)
		fclose(file);
	m = ecml_numbers_metrics(ctx, &s);
	ok(isnan(m.rmse) && isnan(m.mae) && isnan(m.r2) && isnan(m.max_error), "no rows: nothing is defined");
	ecml_numbers_add(ctx, &s, 1e200, -1e200, 1);
	ecml_numbers_add(ctx, &s, 1, 2, 1);
	m = ecml_numbers_metrics(ctx, &s);
	ok(!isfinite(m.rmse) && m.mae == 1e200 && m.max_error == 2e200, "errors of 1e200: squares overflow, sums do not");
	if (TRY(ctx))
	{
		ecml_numbers_add(ctx, &s, 1, NAN, 1);
		ok(false, "a prediction of NaN is refused");
	}
	else
		ok(test_host(ctx)->status == ECML_DATA_EXCEPTION, "a prediction of NaN: %s", test_host(ctx)->message);
	test_ctx_free(ctx);
}

/* ---------------------------------------------------------------- failing allocations, cancel */

static void
work(EcmlCtx *ctx, bool weighted)
{
	EcmlScores	s;
	EcmlBinaryMetrics m;
	EcmlRng		rng = {{0}};
	size_t		n;
	int			bins;

	ecml_rng_seed(&rng, 1);
	ecml_scores_init(&s, weighted);
	for (int i = 0; i < 5000; i++)
		ecml_scores_add(ctx, &s, i % 3 == 0, ecml_rng_double(&rng), 1 + i % 2);
	ecml_scores_sort(ctx, &s);
	ecml_scores_metrics(ctx, &s, 0.5, &m);
	ecml_free(ctx, ecml_scores_roc(ctx, &s, true, &n));
	ecml_free(ctx, ecml_scores_pr(ctx, &s, true, &n));
	ecml_free(ctx, ecml_scores_lift(ctx, &s, 10, &bins));
	ecml_free(ctx, ecml_scores_calibration(ctx, &s, 10, ECML_BINS_QUANTILE, &bins));
	(void) ecml_scores_best_threshold(ctx, &s, 1, 2);
	ecml_scores_free(ctx, &s);
}

/* With allocation (or poll) number k failing: 0 it failed as it should, 1 it went through, 2 it failed in another way. */
static int
work_until(bool weighted, bool cancel, long k)
{
	EcmlCtx    *ctx = test_ctx(1, 1);
	volatile int result = 1;

	if (cancel)
		test_host(ctx)->cancel_after = k;
	else
		test_host(ctx)->fail_after = k;
	if (TRY(ctx))
		work(ctx, weighted);
	else
		result = (cancel ? test_host(ctx)->cancelled : test_host(ctx)->status == ECML_OUT_OF_MEMORY) ? 0 : 2;
	test_ctx_free(ctx);
	return result;
}

static void
fill_budget(EcmlCtx *ctx, EcmlScores *s)
{
	ecml_scores_init(s, false);
	if (TRY(ctx))
		for (int i = 0; i < 1000000; i++)
			ecml_scores_add(ctx, s, true, i, 1);
}

static void
failures(void)
{
	EcmlCtx    *ctx = test_ctx(1, 1);
	EcmlScores	s;

	for (int kind = 0; kind < 4; kind++)
	{
		long		k = 0;
		int			result;
		size_t		used = ctx->used;

		while ((result = work_until(kind & 1, kind & 2, k)) == 0)
			k++;
		ok(result == 1 && k > 5, "%ld %s fail, one at a time", k, kind & 2 ? "polls" : "allocations");
		work(ctx, kind & 1);
		ok(ctx->used == used, "all memory is given back");
	}
	ctx->budget = 100000;
	fill_budget(ctx, &s);
	ok(test_host(ctx)->status == ECML_LIMIT_EXCEEDED && s.of[1].n * 8 > 30000, "a budget of 100 kB ends after %zu scores",
	   s.of[1].n);
	test_ctx_free(ctx);
}

/* ---------------------------------------------------------------- time */

static void
timing(void)
{
	EcmlCtx    *ctx = test_ctx(1, 9);
	EcmlScores	s;
	EcmlBinaryMetrics m;
	clock_t		t0;
	clock_t		t1;
	clock_t		t2;
	clock_t		t3;
	int			n = 1000000;

	ecml_scores_init(&s, false);
	t0 = clock();
	for (int i = 0; i < n; i++)
	{
		double		u = ecml_rng_double(&ctx->rng);

		ecml_scores_add(ctx, &s, ecml_rng_double(&ctx->rng) < u, u, 1);
	}
	t1 = clock();
	ecml_scores_sort(ctx, &s);
	t2 = clock();
	ecml_scores_metrics(ctx, &s, 0.5, &m);
	t3 = clock();
	printf("# a million scores: add %.0f ms, sort %.0f ms, metrics %.0f ms\n", (t1 - t0) * 1e3 / CLOCKS_PER_SEC,
		   (t2 - t1) * 1e3 / CLOCKS_PER_SEC, (t3 - t2) * 1e3 / CLOCKS_PER_SEC);
	/* p is the true probability: AUC 5/6, Brier 1/6, log loss 1/2 in the limit */
	ok(fabs(m.roc_auc - 5.0 / 6) < 2e-3 && fabs(m.brier - 1.0 / 6) < 1e-3 && fabs(m.log_loss - 0.5) < 2e-3 && m.ece < 5e-3,
	   "a million scores that are the true probabilities: AUC 5/6, Brier 1/6, log loss 1/2");
	test_ctx_free(ctx);
}

int
main(void)
{
	sorting();
	sorting_numbers();
	scores_against_sklearn();
	scores_merged();
	scores_edges();
	lift(false, 10, 1000, 0);
	lift(false, 10, 1007, 20);
	lift(false, 7, 100, 3);
	lift(false, 10, 4, 0);
	lift(false, 3, 300, 1);
	lift(true, 10, 500, 0);
	lift(true, 10, 500, 8);
	labels_against_sklearn();
	numbers_against_sklearn();
	failures();
	timing();
	return done();
}
