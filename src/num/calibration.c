/*
 * calibration.c - Platt scaling and isotonic regression
 *
 * Platt: Newton's method with halved steps on two parameters, for scores shifted and scaled to mean 0 and deviation 1 (large
 * scores would make the Hessian singular); an iteration is an exponential a row, and eight are usual.  Isotonic: one walk
 * over the distinct scores, each pushed on a stack of blocks once and merged at most once.
 */
#include "calibration.h"

#include "metrics_internal.h"

#define MAX_ITERATIONS 100
#define MIN_STEP 1e-10

/* ---------------------------------------------------------------- sigmoid */

typedef struct Platt
{
	const EcmlScores *s;
	double		shift;			/* of the scores */
	double		scale;
	double		target[2];		/* of the negative, of the positive rows */
} Platt;

typedef struct Slope
{
	double		loss;
	double		ga;				/* gradient */
	double		gb;
	double		haa;			/* Hessian */
	double		hab;
	double		hbb;
} Slope;

/* Loss at (a, b), with its derivatives when wanted. */
static Slope
platt_slope(EcmlCtx *ctx, const Platt *platt, double a, double b, bool derivatives)
{
	MetricsSum	sum[6] = {{0, 0}};
	size_t		width = platt->s->weighted ? 2 : 1;

	for (int c = 0; c < 2; c++)
	{
		const EcmlScoreList *list = &platt->s->of[c];
		double		t = platt->target[c];

		for (size_t i = 0; i < list->n; i++)
		{
			double		x = (list->v[i * width] - platt->shift) * platt->scale;
			double		w = width == 2 ? list->v[i * 2 + 1] : 1;
			double		z = a * x + b;
			double		e = exp(-fabs(z));
			double		p = z >= 0 ? e / (1 + e) : 1 / (1 + e);
			double		q = z >= 0 ? 1 / (1 + e) : e / (1 + e);
			double		d = w * (t - p);
			double		h = w * p * q;

			if (i % METRICS_POLL == 0)
				ecml_poll(ctx, 0, 0);
			metrics_sum_add(&sum[0], w * (z >= 0 ? t * z + log1p(e) : (t - 1) * z + log1p(e)));
			if (!derivatives)
				continue;
			metrics_sum_add(&sum[1], d * x);
			metrics_sum_add(&sum[2], d);
			metrics_sum_add(&sum[3], h * x * x);
			metrics_sum_add(&sum[4], h * x);
			metrics_sum_add(&sum[5], h);
		}
	}
	return (Slope) {metrics_sum(&sum[0]), metrics_sum(&sum[1]), metrics_sum(&sum[2]),
		metrics_sum(&sum[3]), metrics_sum(&sum[4]), metrics_sum(&sum[5])};
}

/* Mean and deviation of the scores, first scaled to at most 1 so that squares do not overflow. */
static void
standardize(EcmlCtx *ctx, Platt *platt)
{
	size_t		width = platt->s->weighted ? 2 : 1;
	MetricsSum	sum[3] = {{0, 0}};
	double		most = 0;

	for (int c = 0; c < 2; c++)
		if (platt->s->of[c].n > 0)
			most = fmax(most, fmax(fabs(platt->s->of[c].v[0]), fabs(platt->s->of[c].v[(platt->s->of[c].n - 1) * width])));
	platt->scale = 1;
	if (most == 0)
		return;
	for (int pass = 0; pass < 2; pass++)
	{
		double		mean = pass ? metrics_sum(&sum[1]) / metrics_sum(&sum[0]) : 0;

		for (int c = 0; c < 2; c++)
			for (size_t i = 0; i < platt->s->of[c].n; i++)
			{
				double		x = platt->s->of[c].v[i * width] / most - mean;
				double		w = width == 2 ? platt->s->of[c].v[i * 2 + 1] : 1;

				if (i % METRICS_POLL == 0)
					ecml_poll(ctx, 0, 0);
				if (pass)
					metrics_sum_add(&sum[2], w * x * x);
				else
				{
					metrics_sum_add(&sum[0], w);
					metrics_sum_add(&sum[1], w * x);
				}
			}
		platt->shift = mean * most;
	}
	/* a constant score has no deviation but rounding */
	if (metrics_sum(&sum[2]) > metrics_sum(&sum[0]) * 1e-28)
		platt->scale = 1 / sqrt(metrics_sum(&sum[2]) / metrics_sum(&sum[0])) / most;
}

static void
fit_sigmoid(EcmlCtx *ctx, const EcmlScores *s, EcmlCalibration *result)
{
	double		rows[2] = {metrics_weight(ctx, s, 0), metrics_weight(ctx, s, 1)};
	Platt		platt = {.s = s,.target = {1 / (rows[0] + 2), (rows[1] + 1) / (rows[1] + 2)}};
	double		a = 0;
	double		b = log((rows[0] + 1) / (rows[1] + 1));
	Slope		here;

	standardize(ctx, &platt);
	here = platt_slope(ctx, &platt, a, b, true);
	for (int i = 0; i < MAX_ITERATIONS; i++)
	{
		double		ridge = 1e-12 * (here.haa + here.hbb);	/* where all scores are one */
		double		haa = here.haa + ridge;
		double		hbb = here.hbb + ridge;
		double		det = haa * hbb - here.hab * here.hab;
		double		da = -(hbb * here.ga - here.hab * here.gb) / det;
		double		db = -(haa * here.gb - here.hab * here.ga) / det;
		double		slope = here.ga * da + here.gb * db;
		double		step = 1;
		Slope		there;

		if (!(det > 0) || !(slope < 0))
			break;
		/* where the quadratic term cannot be told from rounding, the full step is the better one */
		for (;;)
		{
			there = platt_slope(ctx, &platt, a + step * da, b + step * db, false);
			if (there.loss <= here.loss + 1e-4 * step * slope || -slope <= 1e-12 * fabs(here.loss) || step < MIN_STEP)
				break;
			step /= 2;
		}
		a += step * da;
		b += step * db;
		if (step < MIN_STEP || fabs(da) + fabs(db) <= 1e-14 * (fabs(a) + fabs(b)))
			break;
		here = platt_slope(ctx, &platt, a, b, true);
	}
	result->a = a * platt.scale;
	result->b = b - a * platt.scale * platt.shift;
}

/* ---------------------------------------------------------------- isotonic */

typedef struct Block
{
	double		high;			/* scores of the block */
	double		low;
	double		weight;
	double		positives;
} Block;

static void
fit_isotonic(EcmlCtx *ctx, const EcmlScores *s, EcmlCalibration *result)
{
	MetricsWalk walk = metrics_walk(s);
	Block	   *stack = NULL;
	size_t		n = 0;
	size_t		capacity = 0;
	size_t		knots = 0;

	/* by falling score, so means must fall from block to block */
	while (metrics_step(ctx, &walk))
	{
		Block		block = {walk.score, walk.score, walk.here[0] + walk.here[1], walk.here[1]};

		while (n > 0 && stack[n - 1].positives * block.weight <= block.positives * stack[n - 1].weight)
		{
			n--;
			block.high = stack[n].high;
			block.weight += stack[n].weight;
			block.positives += stack[n].positives;
		}
		if (n == capacity)
		{
			capacity = capacity ? capacity * 2 : 64;
			stack = ecml_resize_array(ctx, stack, capacity, sizeof(Block));
		}
		stack[n++] = block;
	}
	result->x = ECML_NEW(ctx, double, 2 * n);
	result->y = ECML_NEW(ctx, double, 2 * n);
	while (n-- > 0)
	{
		double		y = stack[n].positives / stack[n].weight;

		if (stack[n].low < stack[n].high)
		{
			result->x[knots] = stack[n].low;
			result->y[knots++] = y;
		}
		result->x[knots] = stack[n].high;
		result->y[knots++] = y;
	}
	if (knots > UINT32_MAX)
		ecml_fail(ctx, ECML_LIMIT_EXCEEDED, "an isotonic regression has too many steps");
	result->n = (uint32_t) knots;
	ecml_free(ctx, stack);
}

/* ---------------------------------------------------------------- both */

EcmlCalibration *
ecml_calibration_fit(EcmlCtx *ctx, const EcmlScores *s, EcmlCalibrationMethod method)
{
	EcmlCalibration *result = ECML_NEW0(ctx, EcmlCalibration, 1);

	result->method = method;
	if (method == ECML_CALIBRATION_NONE)
		return result;
	if (s->of[0].n + s->of[1].n == 0)
	{
		ecml_detail(ctx, "Calibration needs scores with their outcomes.");
		ecml_hint(ctx, "Give more rows, or train without calibration.");
		ecml_fail(ctx, ECML_DATA_EXCEPTION, "there are no rows to calibrate on");
	}
	if (method == ECML_CALIBRATION_SIGMOID)
		fit_sigmoid(ctx, s, result);
	else
		fit_isotonic(ctx, s, result);
	return result;
}

static double
apply_isotonic(const EcmlCalibration *c, double score)
{
	uint32_t	low = 0;
	uint32_t	high = c->n - 1;
	double		y;

	if (isnan(score))
		return NAN;
	if (score <= c->x[0])
		return c->y[0];
	if (score >= c->x[high])
		return c->y[high];
	while (high - low > 1)
	{
		uint32_t	middle = low + (high - low) / 2;

		if (c->x[middle] <= score)
			low = middle;
		else
			high = middle;
	}
	y = c->y[low] + (c->y[high] - c->y[low]) * ((score - c->x[low]) / (c->x[high] - c->x[low]));
	return y > c->y[high] ? c->y[high] : y;
}

double
ecml_calibration_apply(const EcmlCalibration *c, double score)
{
	switch (c->method)
	{
		case ECML_CALIBRATION_SIGMOID:
			return 1 / (1 + exp(c->a * score + c->b));
		case ECML_CALIBRATION_ISOTONIC:
			return apply_isotonic(c, score);
		case ECML_CALIBRATION_NONE:
			break;
	}
	return score;
}

void
ecml_calibration_write(EcmlWriter *w, const EcmlCalibration *c)
{
	ecml_write_u8(w, c->method);
	if (c->method == ECML_CALIBRATION_SIGMOID)
	{
		ecml_write_f8(w, c->a);
		ecml_write_f8(w, c->b);
	}
	else if (c->method == ECML_CALIBRATION_ISOTONIC)
	{
		ecml_write_u32(w, c->n);
		ecml_write_f8s(w, c->x, c->n);
		ecml_write_f8s(w, c->y, c->n);
	}
}

EcmlCalibration *
ecml_calibration_read(EcmlReader *r)
{
	EcmlCalibration *c = ECML_NEW0(r->ctx, EcmlCalibration, 1);

	c->method = ecml_read_u8(r);
	if (c->method > ECML_CALIBRATION_ISOTONIC)
		ecml_read_corrupted(r, "its calibration is not known");
	if (c->method == ECML_CALIBRATION_SIGMOID)
	{
		c->a = ecml_read_finite(r);
		c->b = ecml_read_finite(r);
	}
	else if (c->method == ECML_CALIBRATION_ISOTONIC)
	{
		c->n = ecml_read_count(r, 2 * sizeof(double));
		if (c->n == 0)
			ecml_read_corrupted(r, "its calibration has no steps");
		c->x = ecml_read_finite_f8s(r, c->n);
		c->y = ecml_read_finite_f8s(r, c->n);
		for (uint32_t i = 0; i < c->n; i++)
			if (c->y[i] < 0 || c->y[i] > 1 || (i > 0 && (c->x[i] <= c->x[i - 1] || c->y[i] < c->y[i - 1])))
				ecml_read_corrupted(r, "its calibration does not rise");
	}
	return c;
}
