/*
 * metrics_curves.c - two classes, a score a row: ROC and precision-recall curves, lift, calibration
 *
 * Each is a walk over the distinct scores, of about 5 ns a row; curves take 24 bytes for a point that is kept.
 */
#include "metrics_internal.h"

/* ---------------------------------------------------------------- curves */

/* While a curve is made, x and y are counts: false and true positives. */
typedef struct Curve
{
	EcmlCurvePoint *point;
	size_t		n;
	size_t		capacity;
} Curve;

static void
add_point(EcmlCtx *ctx, Curve *curve, double threshold, double x, double y)
{
	if (curve->n == curve->capacity)
	{
		curve->capacity = curve->capacity ? curve->capacity * 2 : 64;
		curve->point = ecml_resize_array(ctx, curve->point, curve->capacity, sizeof(EcmlCurvePoint));
	}
	curve->point[curve->n++] = (EcmlCurvePoint) {threshold, x, y};
}

/*
 * Points of the walk: the first and the last one, and of the others, when drop says so, those that needed() wants to keep
 * between their neighbours.
 */
typedef bool (*Needed) (const EcmlCurvePoint *before, const EcmlCurvePoint *here, const EcmlCurvePoint *after);

static void
add_points(EcmlCtx *ctx, const EcmlScores *s, bool drop, Needed needed, Curve *curve)
{
	MetricsWalk walk = metrics_walk(s);
	EcmlCurvePoint before = {0};
	EcmlCurvePoint here = {0};

	while (metrics_step(ctx, &walk))
	{
		EcmlCurvePoint after = {walk.score, walk.upto[0], walk.upto[1]};

		if (walk.steps == 2 || (walk.steps > 2 && (!drop || needed(&before, &here, &after))))
			add_point(ctx, curve, here.threshold, here.x, here.y);
		before = here;
		here = after;
	}
	if (walk.steps > 0)
		add_point(ctx, curve, here.threshold, here.x, here.y);
}

static bool
is_corner(const EcmlCurvePoint *before, const EcmlCurvePoint *here, const EcmlCurvePoint *after)
{
	return after->x - here->x != here->x - before->x || after->y - here->y != here->y - before->y;
}

EcmlCurvePoint *
ecml_scores_roc(EcmlCtx *ctx, const EcmlScores *s, bool drop, size_t *n)
{
	Curve		curve = {0};
	double		total[2] = {metrics_weight(ctx, s, 0), metrics_weight(ctx, s, 1)};

	add_point(ctx, &curve, INFINITY, 0, 0);
	add_points(ctx, s, drop, is_corner, &curve);
	for (size_t i = 0; i < curve.n; i++)
	{
		curve.point[i].x /= total[0];
		curve.point[i].y /= total[1];
	}
	*n = curve.n;
	return curve.point;
}

static bool
changes_recall(const EcmlCurvePoint *before, const EcmlCurvePoint *here, const EcmlCurvePoint *after)
{
	return here->y != before->y || after->y != here->y;
}

EcmlCurvePoint *
ecml_scores_pr(EcmlCtx *ctx, const EcmlScores *s, bool drop, size_t *n)
{
	Curve		curve = {0};
	double		positives = metrics_weight(ctx, s, 1);

	add_point(ctx, &curve, INFINITY, 0, 0);
	add_points(ctx, s, drop, changes_recall, &curve);
	for (size_t i = 0; i < curve.n; i++)
	{
		double		fp = curve.point[i].x;
		double		tp = curve.point[i].y;

		curve.point[i].x = tp / positives;
		curve.point[i].y = i == 0 ? 1 : tp / (tp + fp);
	}
	*n = curve.n;
	return curve.point;
}

/* ---------------------------------------------------------------- lift */

EcmlLiftBin *
ecml_scores_lift(EcmlCtx *ctx, const EcmlScores *s, int bins, int *n)
{
	double		positives = metrics_weight(ctx, s, 1);
	double		total = metrics_weight(ctx, s, 0) + positives;
	size_t		rows = s->of[0].n + s->of[1].n;
	size_t		count = rows < (size_t) bins ? rows : (size_t) bins;
	EcmlLiftBin *bin = ECML_NEW0(ctx, EcmlLiftBin, count);
	MetricsWalk walk = metrics_walk(s);
	size_t		at = 0;
	double		end = 0;		/* of bin at, in rows from the first one */
	double		done = 0;
	double		sum_rows = 0;
	double		sum_positives = 0;

	*n = (int) count;
	if (count == 0)
		return bin;
	end = s->weighted ? total / count : (double) (rows / count + (rows % count > 0));
	while (metrics_step(ctx, &walk))
	{
		double		left = walk.here[0] + walk.here[1];
		double		share = walk.here[1] / left;

		/* this score's rows: fill bins up to their ends, the last one with all that is left */
		while (left > 0)
		{
			bool		fits = at + 1 == count || left <= end - done;
			double		part = fits ? left : end - done;

			if (part > 0)
			{
				if (bin[at].rows == 0)
					bin[at].max_score = walk.score;
				bin[at].min_score = walk.score;
				bin[at].rows += part;
				bin[at].positives += fits && part == walk.here[0] + walk.here[1] ? walk.here[1] : part * share;
				done += part;
				left -= part;
			}
			if (fits || left <= 0)
				break;
			at++;
			end = s->weighted ? total * (at + 1) / count : end + (double) (rows / count + (rows % count > at));
		}
	}
	for (size_t i = 0; i < count; i++)
	{
		sum_rows += bin[i].rows;
		sum_positives += bin[i].positives;
		bin[i].rate = bin[i].positives / bin[i].rows;
		bin[i].lift = bin[i].rate / (positives / total);
		bin[i].gain = sum_positives / positives;
		bin[i].cumulative_lift = sum_positives / sum_rows / (positives / total);
	}
	return bin;
}

/* ---------------------------------------------------------------- calibration */

/* The number of scores in a sorted list that are at most edge. */
static size_t
rank(const EcmlScores *s, int c, double edge)
{
	size_t		width = s->weighted ? 2 : 1;
	size_t		low = 0;
	size_t		high = s->of[c].n;

	while (low < high)
	{
		size_t		middle = low + (high - low) / 2;

		if (s->of[c].v[middle * width] <= edge)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The score number i (0-based, ascending) of both lists together: how many of the positive ones stand before it? */
static double
order_statistic(const EcmlScores *s, size_t i)
{
	size_t		width = s->weighted ? 2 : 1;
	const EcmlScoreList *a = &s->of[0];
	const EcmlScoreList *b = &s->of[1];
	size_t		low = i + 1 > b->n ? i + 1 - b->n : 0;	/* of a, among the i + 1 least */
	size_t		high = i + 1 < a->n ? i + 1 : a->n;
	double		x;
	double		y;

	while (low < high)
	{
		size_t		middle = low + (high - low) / 2;

		if (a->v[middle * width] < b->v[(i - middle) * width])
			low = middle + 1;
		else
			high = middle;
	}
	x = low > 0 ? a->v[(low - 1) * width] : -INFINITY;
	y = i + 1 > low ? b->v[(i - low) * width] : -INFINITY;
	return x > y ? x : y;
}

/* As numpy.percentile: linear between the two rows beside the place q (n - 1). */
static double
quantile(const EcmlScores *s, double q)
{
	size_t		n = s->of[0].n + s->of[1].n;
	double		place = q * (double) (n - 1);
	size_t		i = place < (double) (n - 1) ? (size_t) place : n - 1;
	double		t = place - (double) i;
	double		a = order_statistic(s, i);
	double		b = i + 1 < n ? order_statistic(s, i + 1) : a;

	return t < 0.5 ? a + (b - a) * t : b - (b - a) * (1 - t);
}

EcmlCalibrationBin *
ecml_scores_calibration(EcmlCtx *ctx, const EcmlScores *s, int bins, EcmlBinning binning, int *n)
{
	EcmlCalibrationBin *bin = ECML_NEW0(ctx, EcmlCalibrationBin, bins);
	size_t		width = s->weighted ? 2 : 1;
	size_t		from[2] = {0, 0};
	int			kept = 0;
	double		low = 0;

	*n = 0;
	if (!s->probabilities)
	{
		ecml_detail(ctx, "Calibration compares probabilities with frequencies.");
		ecml_hint(ctx, "Give probabilities, or make them with 1 / (1 + exp(-score)).");
		ecml_fail(ctx, ECML_DATA_EXCEPTION, "a score is outside 0 to 1");
	}
	if (s->of[0].n + s->of[1].n == 0)
		return bin;
	if (binning == ECML_BINS_QUANTILE)
		low = quantile(s, 0);
	for (int i = 0; i < bins; i++)
	{
		double		q = (i + 1) * (1.0 / bins);
		double		high = i + 1 == bins ? 1 : q;
		MetricsSum	rows[2] = {{0, 0}, {0, 0}};
		MetricsSum	scores = {0, 0};

		if (binning == ECML_BINS_QUANTILE)
			high = quantile(s, i + 1 == bins ? 1 : q * 100 / 100);
		for (int c = 0; c < 2; c++)
		{
			size_t		to = i + 1 == bins ? s->of[c].n : rank(s, c, high);

			for (size_t k = from[c]; k < to; k++)
			{
				double		weight = s->weighted ? s->of[c].v[k * 2 + 1] : 1;

				metrics_sum_add(&rows[c], weight);
				metrics_sum_add(&scores, weight * s->of[c].v[k * width]);
				if (k % METRICS_POLL == 0)
					ecml_poll(ctx, 0, 0);
			}
			from[c] = to > from[c] ? to : from[c];
		}
		if (metrics_sum(&rows[0]) + metrics_sum(&rows[1]) > 0)
		{
			EcmlCalibrationBin *b = &bin[kept++];

			b->low = low;
			b->high = high;
			b->rows = metrics_sum(&rows[0]) + metrics_sum(&rows[1]);
			b->mean_score = metrics_sum(&scores) / b->rows;
			b->rate = metrics_sum(&rows[1]) / b->rows;
		}
		low = high;
	}
	*n = kept;
	return bin;
}

double
ecml_calibration_error(const EcmlCalibrationBin *bins, int n)
{
	double		sum = 0;
	double		rows = 0;

	for (int i = 0; i < n; i++)
	{
		sum += bins[i].rows * fabs(bins[i].mean_score - bins[i].rate);
		rows += bins[i].rows;
	}
	return sum / rows;
}
