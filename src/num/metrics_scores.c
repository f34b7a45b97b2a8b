/*
 * metrics_scores.c - two classes, a score a row: the lists of scores, and the metrics that are one number
 *
 * One walk over the distinct scores gives the areas, KS and the best F1; the areas are summed with their rounding errors.
 * The log loss of unweighted rows is the logarithm of a running product, brought back to [1/2, 1) every few factors: a
 * multiplication a row in place of a logarithm, as exact as the sum.  Cost: the sort, then about 10 ns a row.
 */
#include "metrics_internal.h"

#include <string.h>

#include "sort.h"

#define FIRST_CAPACITY 32
#define ECE_BINS 10

void
ecml_scores_init(EcmlScores *s, bool weighted)
{
	*s = (EcmlScores) {.weighted = weighted,.probabilities = true};
}

static void
grow(EcmlCtx *ctx, const EcmlScores *s, EcmlScoreList *list, size_t n)
{
	size_t		size = (s->weighted ? 2 : 1) * sizeof(double);
	size_t		doubled = list->capacity * 2 > FIRST_CAPACITY ? list->capacity * 2 : FIRST_CAPACITY;

	/* as much again, or what is needed where the budget has no more */
	list->capacity = doubled > n && ecml_fits(ctx, doubled * size + ECML_OVERHEAD) ? doubled : n + n / 16;
	list->v = ecml_resize_array(ctx, list->v, list->capacity, size);
}

static void
refuse(EcmlCtx *ctx, double score, double weight)
{
	if (!isfinite(score))
	{
		ecml_detail(ctx, "A row has %s.", isnan(score) ? "NaN" : score > 0 ? "Infinity" : "-Infinity");
		ecml_hint(ctx, "Filter such rows out, or turn the values into NULL.");
		ecml_fail(ctx, ECML_DATA_EXCEPTION, "a score is not finite");
	}
	ecml_detail(ctx, "A row has %g.", weight);
	ecml_hint(ctx, "Give weights of 0 or more.");
	ecml_fail(ctx, ECML_DATA_EXCEPTION, "a weight is negative or not finite");
}

void
ecml_scores_add(EcmlCtx *ctx, EcmlScores *s, bool positive, double score, double weight)
{
	EcmlScoreList *list = &s->of[positive];

	if (!isfinite(score) || (s->weighted && !(weight >= 0 && weight <= 1.7e308)))
		refuse(ctx, score, weight);
	if (s->weighted && weight == 0)
		return;
	if (list->n == list->capacity)
		grow(ctx, s, list, list->n + 1);
	score += 0.0;				/* -0 is 0 */
	if (s->weighted)
	{
		list->v[list->n * 2] = score;
		list->v[list->n * 2 + 1] = weight;
	}
	else
		list->v[list->n] = score;
	list->n++;
	s->probabilities &= score >= 0 && score <= 1;
	s->sorted = false;
}

void
ecml_scores_merge(EcmlCtx *ctx, EcmlScores *s, const EcmlScores *other)
{
	size_t		width = s->weighted ? 2 : 1;

	for (int c = 0; c < 2; c++)
	{
		const EcmlScoreList *from = &other->of[c];
		EcmlScoreList *to = &s->of[c];

		if (from->n == 0)
			continue;
		if (to->capacity - to->n < from->n)
			grow(ctx, s, to, to->n + from->n);
		memcpy(to->v + to->n * width, from->v, from->n * width * sizeof(double));
		to->n += from->n;
		s->sorted = false;
	}
	s->probabilities &= other->probabilities;
}

void
ecml_scores_swap(EcmlScores *s)
{
	EcmlScoreList negative = s->of[0];

	s->of[0] = s->of[1];
	s->of[1] = negative;
}

void
ecml_scores_sort(EcmlCtx *ctx, EcmlScores *s)
{
	if (s->sorted)
		return;
	for (int c = 0; c < 2; c++)
		if (s->weighted)
			ecml_sort_f8_pairs(ctx, s->of[c].v, s->of[c].n);
		else
			ecml_sort_f8(ctx, s->of[c].v, s->of[c].n);
	s->sorted = true;
}

void
ecml_scores_free(EcmlCtx *ctx, EcmlScores *s)
{
	ecml_free(ctx, s->of[0].v);
	ecml_free(ctx, s->of[1].v);
	ecml_scores_init(s, s->weighted);
}

void
ecml_scores_write(EcmlWriter *w, const EcmlScores *s)
{
	ecml_write_u8(w, s->weighted);
	for (int c = 0; c < 2; c++)
		ecml_write_u64(w, s->of[c].n);
	for (int c = 0; c < 2; c++)
		ecml_write_f8s(w, s->of[c].v, s->of[c].n * (s->weighted ? 2 : 1));
}

void
ecml_scores_read(EcmlReader *r, EcmlScores *s)
{
	uint64_t	n[2];
	size_t		width;

	ecml_scores_init(s, ecml_read_bool(r));
	width = s->weighted ? 2 : 1;
	for (int c = 0; c < 2; c++)
		n[c] = ecml_read_u64(r);
	for (int c = 0; c < 2; c++)
	{
		if (n[c] > ecml_read_left(r) / (width * sizeof(double)))
			ecml_read_corrupted(r, "there are fewer scores than it says");
		s->of[c].v = ecml_read_finite_f8s(r, n[c] * width);
		s->of[c].n = s->of[c].capacity = n[c];
		for (size_t i = 0; i < n[c]; i++)
		{
			double		score = s->of[c].v[i * width];

			if (s->weighted && !(s->of[c].v[i * 2 + 1] > 0))
				ecml_read_corrupted(r, "a weight is not positive");
			s->probabilities &= score >= 0 && score <= 1;
		}
	}
}

double
metrics_weight(EcmlCtx *ctx, const EcmlScores *s, int c)
{
	MetricsSum	sum = {0, 0};

	if (!s->weighted)
		return (double) s->of[c].n;
	for (size_t i = s->of[c].n; i > 0; i--)
	{
		metrics_sum_add(&sum, s->of[c].v[i * 2 - 1]);
		if (i % METRICS_POLL == 0)
			ecml_poll(ctx, 0, 0);
	}
	return metrics_sum(&sum);
}

/* The sum of -log p(class) over the rows of class c. */
static double
log_loss_of(EcmlCtx *ctx, const EcmlScores *s, int c)
{
	const EcmlScoreList *list = &s->of[c];
	MetricsSum	sum = {0, 0};
	double		product = 1;
	int64_t		exponent = 0;

	for (size_t i = 0; i < list->n; i++)
	{
		double		score = list->v[s->weighted ? i * 2 : i];
		double		p = c ? score : 1 - score;

		if (i % METRICS_POLL == 0)
			ecml_poll(ctx, 0, 0);
		if (s->weighted)
		{
			metrics_sum_add(&sum, list->v[i * 2 + 1] * ecml_log_loss(p));
			continue;
		}
		p = p < 0x1p-52 ? 0x1p-52 : p > 1 - 0x1p-52 ? 1 - 0x1p-52 : p;
		product *= p;
		if (product < 0x1p-900)
		{
			int			e;

			product = frexp(product, &e);
			exponent += e;
		}
	}
	if (s->weighted)
		return metrics_sum(&sum);
	return -(log(product) + (double) exponent * 0.69314718055994530942);
}

static double
brier_of(EcmlCtx *ctx, const EcmlScores *s, int c)
{
	const EcmlScoreList *list = &s->of[c];
	MetricsSum	sum = {0, 0};

	for (size_t i = 0; i < list->n; i++)
	{
		double		error = list->v[s->weighted ? i * 2 : i] - c;

		metrics_sum_add(&sum, error * error * (s->weighted ? list->v[i * 2 + 1] : 1));
		if (i % METRICS_POLL == 0)
			ecml_poll(ctx, 0, 0);
	}
	return metrics_sum(&sum);
}

static void
confusion_metrics(EcmlBinaryMetrics *m)
{
	double		predicted = m->tp + m->fp;
	double		negatives = m->tn + m->fp;
	double		positives = m->tp + m->fn;

	m->accuracy = (m->tp + m->tn) / m->rows;
	m->precision = m->tp / predicted;
	m->recall = m->tp / positives;
	m->specificity = m->tn / negatives;
	m->balanced_accuracy = positives == 0 ? m->specificity : negatives == 0 ? m->recall : (m->recall + m->specificity) / 2;
	m->f1 = 2 * m->tp / (predicted + positives);
	m->mcc = m->rows > 0 ? ecml_matthews(m->tp * m->tn - m->fp * m->fn, positives * negatives, predicted * (m->tn + m->fn)) : NAN;
}

void
ecml_scores_metrics(EcmlCtx *ctx, const EcmlScores *s, double threshold, EcmlBinaryMetrics *out)
{
	EcmlBinaryMetrics m = {.threshold = threshold,.best_f1 = NAN,.best_f1_threshold = NAN,.ks = NAN,.ks_threshold = NAN,
	.log_loss = NAN,.brier = NAN,.ece = NAN};
	double		total[2] = {metrics_weight(ctx, s, 0), metrics_weight(ctx, s, 1)};
	MetricsWalk walk = metrics_walk(s);
	MetricsSum	area = {0, 0};
	MetricsSum	precision = {0, 0};
	double		ks = -1;
	double		f1 = -1;

	m.positives = total[1];
	m.rows = total[0] + total[1];
	m.prevalence = m.positives / m.rows;
	while (metrics_step(ctx, &walk))
	{
		double		fp = walk.upto[0];
		double		tp = walk.upto[1];
		double		distance = fabs(tp * total[0] - fp * total[1]);

		metrics_sum_add(&area, walk.here[0] * (tp - walk.here[1] / 2));
		if (walk.here[1] > 0)
			metrics_sum_add(&precision, walk.here[1] * (tp / (tp + fp)));
		if (distance > ks)
		{
			ks = distance;
			m.ks_threshold = walk.score;
		}
		/* 2 tp / (tp + fp + positives), compared without dividing */
		if (2 * tp > f1 * (tp + fp + total[1]))
		{
			f1 = 2 * tp / (tp + fp + total[1]);
			m.best_f1_threshold = walk.score;
		}
		if (walk.score >= threshold)
		{
			m.fp = fp;
			m.tp = tp;
		}
	}
	m.tn = total[0] - m.fp;
	m.fn = total[1] - m.tp;
	confusion_metrics(&m);
	m.roc_auc = metrics_sum(&area) / total[0] / total[1];
	m.pr_auc = metrics_sum(&precision) / total[1];
	m.gini = 2 * m.roc_auc - 1;
	if (total[0] > 0 && total[1] > 0)
		m.ks = ks / total[0] / total[1];
	else
		m.ks_threshold = NAN;
	if (total[1] > 0)
		m.best_f1 = f1;
	else
		m.best_f1_threshold = NAN;
	if (s->probabilities && m.rows > 0)
	{
		int			n;
		EcmlCalibrationBin *bins = ecml_scores_calibration(ctx, s, ECE_BINS, ECML_BINS_UNIFORM, &n);

		m.log_loss = (log_loss_of(ctx, s, 0) + log_loss_of(ctx, s, 1)) / m.rows;
		m.brier = (brier_of(ctx, s, 0) + brier_of(ctx, s, 1)) / m.rows;
		m.ece = ecml_calibration_error(bins, n);
		ecml_free(ctx, bins);
	}
	*out = m;
}

EcmlConfusion
ecml_scores_confusion(EcmlCtx *ctx, const EcmlScores *s, double threshold)
{
	MetricsWalk walk = metrics_walk(s);
	EcmlConfusion c = {0, 0, 0, 0};

	while (metrics_step(ctx, &walk) && walk.score >= threshold)
	{
		c.fp = walk.upto[0];
		c.tp = walk.upto[1];
	}
	c.tn = metrics_weight(ctx, s, 0) - c.fp;
	c.fn = metrics_weight(ctx, s, 1) - c.tp;
	return c;
}

EcmlBestThreshold
ecml_scores_best_threshold(EcmlCtx *ctx, const EcmlScores *s, double cost_fp, double cost_fn)
{
	double		total[2] = {metrics_weight(ctx, s, 0), metrics_weight(ctx, s, 1)};
	MetricsWalk walk = metrics_walk(s);
	EcmlBestThreshold best = {.threshold = INFINITY,.cost = total[1] * cost_fn};

	while (metrics_step(ctx, &walk))
	{
		double		cost = walk.upto[0] * cost_fp + (total[1] - walk.upto[1]) * cost_fn;

		if (cost < best.cost)
		{
			best.threshold = walk.score;
			best.cost = cost;
			best.confusion.fp = walk.upto[0];
			best.confusion.tp = walk.upto[1];
		}
	}
	best.confusion.tn = total[0] - best.confusion.fp;
	best.confusion.fn = total[1] - best.confusion.tp;
	return best;
}
