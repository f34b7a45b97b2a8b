/*
 * gbdt_loss.c - objectives: gradients and hessians in the scores, losses, links, first scores
 *
 *     objective        score s       loss                                gradient              hessian
 *     squared_error    value         (s - y)^2 / 2                       s - y                 1
 *     absolute_error   value         |s - y|                             sign(s - y)           1 (leaves: median of y - s)
 *     huber            value         squared within delta, else linear   clipped s - y         1
 *     quantile         value         pinball at alpha                    1 - alpha or -alpha   1 (leaves: quantile of y - s)
 *     poisson          log of mean   e^s - y s                           e^s - y               e^(s + 0.7)
 *     gamma            log of mean   s + y e^-s                          1 - y e^-s            y e^-s
 *     tweedie          log of mean   -y e^((1-p)s)/(1-p) + e^((2-p)s)/(2-p)
 *     logistic         log odds      log loss                            p - y                 p (1 - p)
 *     softmax          one a class   log loss                            p_k - [y = k]         K/(K-1) p_k (1 - p_k)
 *     lambdarank       order         gbdt_rank.c
 *
 * The hessian of poisson is that of a greatest step of 0.7, without which first trees overshoot.  Friedman (2001) for the first
 * four, Koenker and Bassett (1978) for quantiles, Jorgensen (1987) for tweedie.
 */
#include "gbdt_internal.h"

#include <math.h>
#include <string.h>

#include "num/metrics.h"
#include "num/vmath.h"

#define POISSON_STEP 0.7

/* rows that medians of a target are taken from, at most */
#define BASE_SAMPLE ((size_t) 1 << 20)

const char *
gbdt_objective_name(int objective)
{
	static const char *const names[] = {"auto", "squared_error", "absolute_error", "huber", "quantile", "poisson", "gamma", "tweedie",
	"logistic", "softmax", "lambdarank"};

	return names[objective];
}

/* ---------------------------------------------------------------- gradients */

typedef struct Chunk
{
	double		s[GBDT_CHUNK];
	double		y[GBDT_CHUNK];
	double		z[GBDT_CHUNK];	/* softmax: the norm */
} Chunk;

static inline __attribute__((always_inline)) void
take(const double *restrict from, const uint16_t *restrict rows, int n, double *restrict to)
{
	if (rows == NULL)
		memcpy(to, from, n * sizeof(double));
	else
#pragma omp simd
		for (int i = 0; i < n; i++)
			to[i] = from[rows[i]];
}

ECML_CLONES static void
compute(int objective, const GbdtParams *params, double delta, double class, double factor, int n, const Chunk *restrict c,
		double *restrict g, double *restrict h)
{
	const double *restrict s = c->s;
	const double *restrict y = c->y;
	double		alpha = params->alpha;
	double		power = params->variance_power;

	switch (objective)
	{
		case GBDT_SQUARED_ERROR:
			for (int i = 0; i < n; i++)
			{
				g[i] = s[i] - y[i];
				h[i] = 1;
			}
			break;
		case GBDT_ABSOLUTE_ERROR:
			for (int i = 0; i < n; i++)
			{
				g[i] = (s[i] > y[i] ? 1.0 : 0.0) - (s[i] < y[i] ? 1.0 : 0.0);
				h[i] = 1;
			}
			break;
		case GBDT_HUBER:
			for (int i = 0; i < n; i++)
			{
				double		r = s[i] - y[i];

				r = r > delta ? delta : r;
				g[i] = r < -delta ? -delta : r;
				h[i] = 1;
			}
			break;
		case GBDT_QUANTILE:
			for (int i = 0; i < n; i++)
			{
				g[i] = s[i] >= y[i] ? 1 - alpha : -alpha;
				h[i] = 1;
			}
			break;
		case GBDT_POISSON:
#pragma omp simd
			for (int i = 0; i < n; i++)
			{
				double		mean = ecml_vexp(s[i]);

				g[i] = mean - y[i];
				h[i] = mean * 0x1.01c2a61c88fa9p+1;	/* e^0.7 */
			}
			break;
		case GBDT_GAMMA:
#pragma omp simd
			for (int i = 0; i < n; i++)
			{
				double		ratio = y[i] * ecml_vexp(-s[i]);

				g[i] = 1 - ratio;
				h[i] = ratio;
			}
			break;
		case GBDT_TWEEDIE:
#pragma omp simd
			for (int i = 0; i < n; i++)
			{
				double		a = y[i] * ecml_vexp((1 - power) * s[i]);
				double		b = ecml_vexp((2 - power) * s[i]);

				g[i] = b - a;
				h[i] = (2 - power) * b - (1 - power) * a;
			}
			break;
		case GBDT_LOGISTIC:
#pragma omp simd
			for (int i = 0; i < n; i++)
			{
				double		p = 1 / (1 + ecml_vexp(-s[i]));

				g[i] = p - y[i];
				h[i] = p * (1 - p);
			}
			break;
		case GBDT_SOFTMAX:
#pragma omp simd
			for (int i = 0; i < n; i++)
			{
				double		p = ecml_vexp(s[i] - c->z[i]);

				g[i] = p - (y[i] == class ? 1 : 0);
				h[i] = factor * p * (1 - p);
			}
			break;
	}
}

void
gbdt_loss_gradients(const GbdtLoss *loss, int output, size_t first, const uint16_t *rows, int n, double *g, double *h)
{
	Chunk		c;

	if (loss->objective == GBDT_LAMBDARANK)
	{
		take(loss->g + first, rows, n, g);
		take(loss->h + first, rows, n, h);
		return;
	}
	take(loss->score + output * loss->rows + first, rows, n, c.s);
	take(loss->y + first, rows, n, c.y);
	if (loss->norm)
		take(loss->norm + first, rows, n, c.z);
	compute(loss->objective, loss->params, loss->delta, output, loss->outputs > 1 ? loss->outputs / (loss->outputs - 1.0) : 1, n, &c,
			g, h);
	if (loss->w)
	{
		take(loss->w + first, rows, n, c.s);
		for (int i = 0; i < n; i++)
		{
			g[i] *= c.s[i];
			h[i] *= c.s[i];
		}
	}
}

void
gbdt_loss_bounds(const GbdtLoss *loss, double *g, double *h)
{
	double		alpha = loss->params->alpha;

	*g = 0;
	*h = loss->max_w;
	switch (loss->objective)
	{
		case GBDT_ABSOLUTE_ERROR:
			*g = loss->max_w;
			break;
		case GBDT_HUBER:
			*g = loss->max_w * loss->delta;
			break;
		case GBDT_QUANTILE:
			*g = loss->max_w * fmax(alpha, 1 - alpha);
			break;
		case GBDT_LOGISTIC:
			*g = loss->max_w;
			*h = loss->max_w * 0.25;
			break;
		case GBDT_SOFTMAX:
			*g = loss->max_w;
			*h = loss->max_w * 0.25 * loss->outputs / (loss->outputs - 1.0);
			break;
	}
}

ECML_CLONES static void
add_exp(int n, const double *restrict s, const double *restrict high, double *restrict sum)
{
#pragma omp simd
	for (int i = 0; i < n; i++)
		sum[i] += ecml_vexp(s[i] - high[i]);
}

void
gbdt_loss_norms(const GbdtLoss *loss, size_t first, int n)
{
	double		high[GBDT_CHUNK];
	double		sum[GBDT_CHUNK];

	for (int from = 0; from < n; from += GBDT_CHUNK)
	{
		int			m = n - from < GBDT_CHUNK ? n - from : GBDT_CHUNK;
		size_t		at = first + from;

		memcpy(high, loss->score + at, m * sizeof(double));
		memset(sum, 0, m * sizeof(double));
		for (int k = 1; k < loss->outputs; k++)
			for (int i = 0; i < m; i++)
				high[i] = fmax(high[i], loss->score[k * loss->rows + at + i]);
		for (int k = 0; k < loss->outputs; k++)
			add_exp(m, loss->score + k * loss->rows + at, high, sum);
		for (int i = 0; i < m; i++)
			loss->norm[at + i] = high[i] + log(sum[i]);
	}
}

double
gbdt_loss_renewal(const GbdtLoss *loss)
{
	return loss->objective == GBDT_ABSOLUTE_ERROR ? 0.5 : loss->objective == GBDT_QUANTILE ? loss->params->alpha : NAN;
}

/* ---------------------------------------------------------------- links and losses */

static double
logistic(double s)
{
	double		e = exp(-fabs(s));

	return s >= 0 ? 1 / (1 + e) : e / (1 + e);
}

void
gbdt_objective_link(int objective, int outputs, const double *scores, double *out)
{
	double		high = -INFINITY;
	double		sum = 0;

	switch (objective)
	{
		case GBDT_POISSON:
		case GBDT_GAMMA:
		case GBDT_TWEEDIE:
			out[0] = exp(scores[0]);
			break;
		case GBDT_LOGISTIC:
			out[1] = logistic(scores[0]);
			out[0] = logistic(-scores[0]);
			break;
		case GBDT_SOFTMAX:
			for (int k = 0; k < outputs; k++)
				high = fmax(high, scores[k]);
			for (int k = 0; k < outputs; k++)
				sum += out[k] = exp(scores[k] - high);
			for (int k = 0; k < outputs; k++)
				out[k] /= sum;
			break;
		default:
			out[0] = scores[0];
	}
}

bool
gbdt_metric_rises(int metric)
{
	return metric == GBDT_METRIC_ROC_AUC || metric == GBDT_METRIC_PR_AUC || metric == GBDT_METRIC_NDCG;
}

const char *
gbdt_metric_name(int objective, int metric)
{
	static const char *const losses[] = {"", "rmse", "mae", "huber_loss", "quantile_loss", "poisson_deviance", "gamma_deviance",
	"tweedie_deviance", "log_loss", "log_loss", "ndcg"};
	static const char *const names[] = {"", "roc_auc", "pr_auc", "error_rate", "rmse", "mae", "ndcg"};

	return metric == GBDT_METRIC_LOSS ? losses[objective] : names[metric];
}

/* a log b, 0 where a is 0 */
static double
xlogy(double a, double b)
{
	return a == 0 ? 0 : a * log(b);
}

static double
loss_of(const GbdtLoss *loss, double y, double s)
{
	const GbdtParams *params = loss->params;
	double		power = params->variance_power;
	double		r = s - y;

	switch (loss->objective)
	{
		case GBDT_ABSOLUTE_ERROR:
			return fabs(r);
		case GBDT_HUBER:
			return fabs(r) <= loss->delta ? r * r / 2 : loss->delta * (fabs(r) - loss->delta / 2);
		case GBDT_QUANTILE:
			return r < 0 ? -params->alpha * r : (1 - params->alpha) * r;
		case GBDT_POISSON:
			return 2 * (xlogy(y, y) - y * s - y + exp(s));
		case GBDT_GAMMA:
			return 2 * (s - log(y) + y * exp(-s) - 1);
		case GBDT_TWEEDIE:
			return 2 * ((y > 0 ? pow(y, 2 - power) / ((1 - power) * (2 - power)) : 0) - y * exp((1 - power) * s) / (1 - power) +
						exp((2 - power) * s) / (2 - power));
		default:
			return r * r;
	}
}

/* Log losses of two classes: log(1 + e^-z), z the score, or what it is not of the second class. */
ECML_CLONES static void
log_losses(int n, const double *restrict s, const double *restrict y, double *restrict values)
{
#pragma omp simd
	for (int i = 0; i < n; i++)
	{
		double		z = y[i] > 0 ? s[i] : -s[i];

		values[i] = ecml_vlog1p(ecml_vexp(-fabs(z))) + (z < 0 ? -z : 0);
	}
}

void
gbdt_loss_values(const GbdtLoss *loss, int metric, size_t first, int n, double *values)
{
	int			objective = loss->objective;

	if (objective == GBDT_LOGISTIC && metric == GBDT_METRIC_LOSS)
	{
		log_losses(n, loss->score + first, loss->y + first, values);
		return;
	}

	for (int i = 0; i < n; i++)
	{
		size_t		at = first + i;
		double		y = loss->y[at];
		double		s = loss->score[at];
		int			best = 0;
		double		sum = 0;
		double		out[2];

		if (objective == GBDT_SOFTMAX)
		{
			for (int k = 1; k < loss->outputs; k++)
				if (loss->score[k * loss->rows + at] > loss->score[best * loss->rows + at])
					best = k;
			if (metric == GBDT_METRIC_ERROR)
				values[i] = best != (int) y;
			else
			{
				double		high = loss->score[best * loss->rows + at];

				for (int k = 0; k < loss->outputs; k++)
					sum += exp(loss->score[k * loss->rows + at] - high);
				values[i] = log(sum) + high - loss->score[(int) y * loss->rows + at];
			}
			continue;
		}
		switch (metric)
		{
			case GBDT_METRIC_ERROR:
				values[i] = (s > 0) != (y > 0);
				break;
			case GBDT_METRIC_RMSE:
			case GBDT_METRIC_MAE:
				gbdt_objective_link(objective, 1, &s, out);
				values[i] = metric == GBDT_METRIC_MAE ? fabs(out[0] - y) : (out[0] - y) * (out[0] - y);
				break;
			default:
				values[i] = loss_of(loss, y, s);
		}
	}
}

/* ---------------------------------------------------------------- quantiles */

static void
swap_items(double *v, size_t a, size_t b, int width)
{
	for (int k = 0; k < width; k++)
	{
		double		keep = v[a * width + k];

		v[a * width + k] = v[b * width + k];
		v[b * width + k] = keep;
	}
}

/*
 * Narrow v [n][width] to where the target lies, by quickselect: the target is a number of items, or of weight, that are less.  The
 * item found; *least: the least item above it among the rest, or infinity.
 */
static double
select_item(double *v, size_t n, int width, double target, double *next)
{
	size_t		low = 0;
	size_t		high = n;		/* the item is among low .. high - 1 */
	double		before = 0;		/* items or weight before low */

	*next = INFINITY;
	while (high - low > 1)
	{
		double		a = v[low * width];
		double		b = v[(low + (high - low) / 2) * width];
		double		c = v[(high - 1) * width];
		double		pivot = fmax(fmin(a, b), fmin(fmax(a, b), c));
		size_t		i = low;
		size_t		less = low;
		size_t		more = high;
		double		sum_less = 0;
		double		sum_equal = 0;

		/* less than the pivot, equal, more */
		while (i < more)
		{
			double		x = v[i * width];
			double		weight = width == 2 ? v[i * width + 1] : 1;

			if (x < pivot)
			{
				sum_less += weight;
				swap_items(v, i++, less++, width);
			}
			else if (x > pivot)
				swap_items(v, i, --more, width);
			else
			{
				sum_equal += weight;
				i++;
			}
		}
		if (target < before + sum_less)
		{
			*next = pivot;
			high = less;
		}
		else if (target < before + sum_less + sum_equal || more == high)
		{
			for (size_t k = more; k < high; k++)
				*next = fmin(*next, v[k * width]);
			/* several are equal: so may the next one be */
			if (width == 1 && target + 1 < before + sum_less + sum_equal)
				*next = pivot;
			return pivot;
		}
		else
		{
			before += sum_less + sum_equal;
			low = more;
		}
	}
	return v[low * width];
}

double
gbdt_quantile(double *v, size_t n, bool weighted, double level)
{
	double		next;
	double		item;
	double		total = 0;

	if (n == 0)
		return 0;
	if (!weighted)
	{
		double		at = level * (n - 1);

		item = select_item(v, n, 1, floor(at), &next);
		return next < INFINITY && at > floor(at) ? item + (at - floor(at)) * (next - item) : item;
	}
	for (size_t i = 0; i < n; i++)
		total += v[2 * i + 1];
	return select_item(v, n, 2, level * total, &next);
}

/* ---------------------------------------------------------------- the target */

static bool
taken(const uint8_t *flags, size_t i)
{
	return flags == NULL || flags[i] == 0;
}

static double
base_quantile(EcmlCtx *ctx, const GbdtLoss *loss, const uint8_t *flags, double level)
{
	size_t		step = (loss->rows + BASE_SAMPLE - 1) / BASE_SAMPLE;
	int			width = loss->w ? 2 : 1;
	double	   *v = ECML_NEW(ctx, double, width * (loss->rows / step + 1));
	size_t		n = 0;
	double		result;

	for (size_t i = 0; i < loss->rows; i += step)
		if (taken(flags, i))
		{
			v[width * n] = loss->y[i];
			if (loss->w)
				v[width * n + 1] = loss->w[i];
			n++;
		}
	result = gbdt_quantile(v, n, loss->w != NULL, level);
	ecml_free(ctx, v);
	return result;
}

void
gbdt_loss_base(EcmlCtx *ctx, const GbdtLoss *loss, const uint8_t *flags, double *base)
{
	double	   *sums;
	double		total = 0;
	double		sum = 0;

	switch (loss->objective)
	{
		case GBDT_ABSOLUTE_ERROR:
		case GBDT_HUBER:
			base[0] = base_quantile(ctx, loss, flags, 0.5);
			return;
		case GBDT_QUANTILE:
			base[0] = base_quantile(ctx, loss, flags, loss->params->alpha);
			return;
		case GBDT_LAMBDARANK:
			base[0] = 0;
			return;
	}
	sums = ECML_NEW0(ctx, double, loss->outputs);
	for (size_t i = 0; i < loss->rows; i++)
	{
		double		w = loss->w ? loss->w[i] : 1;

		if (i % 65536 == 65535)
			ecml_poll(ctx, 0, 0);
		if (!taken(flags, i))
			continue;
		total += w;
		sum += w * loss->y[i];
		if (loss->objective == GBDT_SOFTMAX)
			sums[(int) loss->y[i]] += w;
	}
	switch (loss->objective)
	{
		case GBDT_SQUARED_ERROR:
			base[0] = sum / total;
			break;
		case GBDT_LOGISTIC:
			/* a class may have no row left, beside those that validate */
			base[0] = log(fmax(sum, 1e-10 * total) / fmax(total - sum, 1e-10 * total));
			break;
		case GBDT_SOFTMAX:
			for (int k = 0; k < loss->outputs; k++)
				base[k] = log(fmax(sums[k], 1e-10 * total) / total);
			break;
		default:
			base[0] = log(fmax(sum / total, 1e-300));
	}
	ecml_free(ctx, sums);
}

void
gbdt_loss_check_target(EcmlCtx *ctx, const GbdtLoss *loss)
{
	const char *name = gbdt_objective_name(loss->objective);
	double		low = INFINITY;
	double		high = -INFINITY;
	bool		whole = true;

	for (size_t i = 0; i < loss->rows; i++)
	{
		low = fmin(low, loss->y[i]);
		high = fmax(high, loss->y[i]);
		whole &= loss->y[i] == floor(loss->y[i]);
		if (i % 65536 == 65535)
			ecml_poll(ctx, 0, 0);
	}
	switch (loss->objective)
	{
		case GBDT_LOGISTIC:
		case GBDT_SOFTMAX:
			if (low == high)
			{
				ecml_detail(ctx, "All %zu rows are of one class.", loss->rows);
				ecml_hint(ctx, "Training needs rows of at least two classes.");
				ecml_fail(ctx, ECML_DATA_EXCEPTION, "the target has one class only");
			}
			break;
		case GBDT_POISSON:
		case GBDT_TWEEDIE:
			if (low < 0 || high == 0)
			{
				ecml_detail(ctx, "Its values are between %g and %g.", low, high);
				ecml_hint(ctx, "Use another objective, such as \"squared_error\".");
				ecml_fail(ctx, ECML_DATA_EXCEPTION, "the target of \"%s\" must be 0 or more, and not always 0", name);
			}
			break;
		case GBDT_GAMMA:
			if (low <= 0)
			{
				ecml_detail(ctx, "Its least value is %g.", low);
				ecml_hint(ctx, "Use another objective, such as \"tweedie\", which takes 0.");
				ecml_fail(ctx, ECML_DATA_EXCEPTION, "the target of \"%s\" must be above 0", name);
			}
			break;
		case GBDT_LAMBDARANK:
			if (low < 0 || high > 30 || !whole)
			{
				ecml_detail(ctx, "Its values are between %g and %g%s.", low, high, whole ? "" : ", not all whole");
				ecml_hint(ctx, "Grade from 0 (of no use) up: 0, 1, 2, 3.");
				ecml_fail(ctx, ECML_DATA_EXCEPTION, "the target of \"%s\" must be grades: whole numbers from 0 to 30", name);
			}
			break;
	}
}
