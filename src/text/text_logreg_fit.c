/*
 * text_logreg_fit.c - logistic regression on sparse rows by dual coordinate ascent
 *
 * The problem is scikit-learn's: least of 1/2 |W|^2 + C sum_i weight_i loss(W x_i, y_i), multinomial, or of two classes with one
 * vector of coefficients; the intercept is the coefficient of a term that every row has, and shrinks with the others.
 *
 * Stochastic dual coordinate ascent (Shalev-Shwartz and Zhang, 2013): each row has dual variables a_i, a distribution over the
 * classes, and W = C sum_i weight_i (e_y - a_i) x_i throughout.  A step moves a_i towards the row's present probabilities u, in
 * the direction d = u - a_i.  Along it the dual's derivative is A = d (log u - log a_i) > 0 where it begins and
 * -C weight_i |x_i|^2 |d|^2 = -B < 0 at its end, and the step is s = A / (A + B), where a line between the two crosses 0.  One
 * pass costs a read and a write of the coefficients of each row's terms, K numbers side by side.
 *
 * The passes end when the rows' probabilities are as near to their dual variables as the tolerance says, on average: at the
 * optimum the two are the same.  Rows come in an order drawn anew for each pass.  All of it is one thread's work, and so the same
 * whatever the number of threads.
 */
#include "text_logreg.h"

#include <math.h>
#include <string.h>

#include "num/vmath.h"
#include "text_logreg_internal.h"

#define LANES 8
#define LEAST 1e-12				/* of a dual variable in a logarithm */
#define POLL_ROWS 1024

typedef struct Problem
{
	const TextLogregParams *params;
	const Bags *rows;			/* by columns of the model */
	const int  *class;			/* [rows] */
	const float *cost;			/* [rows] C times the weight */
	uint32_t	bias;			/* the intercept's column */
	int			k;
	int			stride;			/* of w and a row of a: k rounded up */
	float	   *w;				/* [columns + 1][stride] */
	float	   *a;				/* [rows][stride] */
	double		change;			/* sums over a pass */
	double		loss;
} Problem;

/* ---- two classes */

static inline double
sigmoid(double z)
{
	return 1 / (1 + exp(-z));
}

static void
step_two(Problem *p, size_t i)
{
	const uint32_t *column = p->rows->column + p->rows->start[i];
	const float *value = p->rows->value + p->rows->start[i];
	size_t		n = p->rows->start[i + 1] - p->rows->start[i];
	double		z = p->params->intercept ? p->w[p->bias] : 0;
	double		square = (n > 0) + p->params->intercept;
	double		a = p->a[i];
	double		u;
	double		d;
	double		gain;
	float		step;

	for (size_t j = 0; j < n; j++)
		z += value[j] * p->w[column[j]];
	u = sigmoid(z);
	d = u - a;
	p->change += 2 * fabs(d);
	p->loss += p->class[i] ? log1p(exp(-z)) : log1p(exp(z));
	gain = d * (z - log(fmax(a, LEAST) / fmax(1 - a, LEAST)));
	if (!(gain > 0))
		return;
	d *= gain / (gain + p->cost[i] * square * d * d);
	p->a[i] = (float) (a + d);
	step = (float) (p->cost[i] * d);
	for (size_t j = 0; j < n; j++)
		p->w[column[j]] -= step * value[j];
	if (p->params->intercept)
		p->w[p->bias] -= step;
}

ECML_CLONES static void
pass_two(Problem *p, const uint32_t *order, size_t n)
{
	for (size_t i = 0; i < n; i++)
		step_two(p, order[i]);
}

/* ---- more of them */

typedef float Lanes __attribute__((vector_size(LANES * sizeof(float)), aligned(4), may_alias));

/* z += v w, or w += v d: over the classes of one column */
#define EACH_LANE(k, stride) for (int k = 0; k < (stride); k += LANES)

ECML_CLONES static void
pass_many(Problem *p, const uint32_t *order, size_t nrows, float *z, double *u)
{
	int			stride = p->stride;
	int			k = p->k;

	for (size_t r = 0; r < nrows; r++)
	{
		size_t		i = order[r];
		const uint32_t *column = p->rows->column + p->rows->start[i];
		const float *value = p->rows->value + p->rows->start[i];
		size_t		n = p->rows->start[i + 1] - p->rows->start[i];
		float	   *a = p->a + i * stride;
		float	   *bias = p->w + (size_t) p->bias * stride;
		double		square = (n > 0) + p->params->intercept;
		double		most = -INFINITY;
		double		sum = 0;
		double		log_sum;
		double		gain = 0;
		double		length = 0;
		double		moved = 0;
		double		s;

		EACH_LANE(b, stride)
		{
			Lanes		t = {0};

			if (p->params->intercept)
				t = *(const Lanes *) (bias + b);
			for (size_t j = 0; j < n; j++)
				t += value[j] * *(const Lanes *) (p->w + (size_t) column[j] * stride + b);
			*(Lanes *) (z + b) = t;
		}
		for (int c = 0; c < k; c++)
			most = z[c] > most ? z[c] : most;
		for (int c = 0; c < k; c++)
			sum += u[c] = ecml_vexp(z[c] - most);
		log_sum = ecml_vlog(sum) + most;
		for (int c = 0; c < k; c++)
		{
			double		before = a[c];
			double		d = u[c] / sum - before;

			gain += d * (z[c] - log_sum - ecml_vlog(before > LEAST ? before : LEAST));
			length += d * d;
			moved += d < 0 ? -d : d;
			u[c] = d;
		}
		p->change += moved;
		p->loss += log_sum - z[p->class[i]];
		if (!(gain > 0))
			continue;
		s = gain / (gain + p->cost[i] * square * length);
		for (int c = 0; c < k; c++)
		{
			a[c] += (float) (s * u[c]);
			z[c] = (float) (-s * u[c] * p->cost[i]);
		}
		EACH_LANE(b, stride)
		{
			Lanes		t = *(const Lanes *) (z + b);

			for (size_t j = 0; j < n; j++)
				*(Lanes *) (p->w + (size_t) column[j] * stride + b) += value[j] * t;
			if (p->params->intercept)
				*(Lanes *) (bias + b) += t;
		}
	}
}

/* ---- the whole */

/* Which columns stay, and their idf; rows become rows of those columns, of length 1. */
static void
make_columns(EcmlCtx *ctx, TextLogregFit *fit, TextLogreg *model, const int *recode, size_t used)
{
	Bags	   *rows = &fit->rows;
	size_t		slots = (size_t) fit->mask + 1;
	uint32_t   *df = ECML_NEW0(ctx, uint32_t, slots);
	size_t		least = fit->params.min_df > 1 ? fit->params.min_df : 1;
	double		greatest = fit->params.max_df * used;
	size_t		to = 0;

	for (size_t i = 0; i < rows->n; i++)
		for (size_t j = rows->start[i]; recode[fit->class[i]] >= 0 && j < rows->start[i + 1]; j++)
			df[rows->column[j]]++;
	for (size_t s = 0; s < slots; s++)
		model->columns += df[s] >= least && df[s] <= greatest;
	if (model->columns == 0)
	{
		ecml_detail(ctx, "No term is in at least %zu of the %zu rows.", least, used);
		ecml_hint(ctx, "Look at the texts, or change \"min_df\" and \"max_df\".");
		ecml_fail(ctx, ECML_DATA_EXCEPTION, "the texts have no terms to learn from");
	}
	model->slot = ECML_NEW(ctx, uint32_t, model->columns);
	model->idf = ECML_NEW(ctx, float, model->columns);
	model->columns = 0;
	for (size_t s = 0; s < slots; s++)
		if (df[s] >= least && df[s] <= greatest)
		{
			model->slot[model->columns] = (uint32_t) s;
			model->idf[model->columns++] = fit->params.idf ? (float) (log((1.0 + used) / (1.0 + df[s])) + 1) : 1;
		}
	ecml_free(ctx, df);
	text_logreg_index(ctx, model);
	for (size_t i = 0; i < rows->n; i++)
	{
		size_t		from = rows->start[i];
		size_t		end = rows->start[i + 1];

		rows->start[i] = to;
		for (size_t j = from; j < end; j++)
			if (model->column[rows->column[j]])
			{
				rows->column[to] = model->column[rows->column[j]] - 1;
				rows->value[to++] = rows->value[j];
			}
		text_logreg_scale(&fit->params, model->idf, rows->column + rows->start[i], rows->value + rows->start[i], to - rows->start[i]);
		if ((i & 4095) == 0)
			ecml_poll(ctx, 0, 0);
	}
	rows->start[rows->n] = to;
	rows->nnz = to;
}

static void
shuffle(EcmlRng *rng, uint32_t *order, size_t n)
{
	for (size_t i = n; i > 1; i--)
	{
		size_t		j = ecml_rng_below(rng, i);
		uint32_t	t = order[i - 1];

		order[i - 1] = order[j];
		order[j] = t;
	}
}

/* Coefficients that go with the dual variables. */
static void
start_coefficients(EcmlCtx *ctx, Problem *p, const uint32_t *order, size_t n)
{
	for (size_t r = 0; r < n; r++)
	{
		size_t		i = order[r];

		if (p->k == 2 && p->stride == 1)
			p->a[i] = 0.5;
		for (int c = 0; p->stride > 1 && c < p->k; c++)
			p->a[i * p->stride + c] = (float) (1.0 / p->k);
		for (int c = 0; c < (p->stride == 1 ? 1 : p->k); c++)
		{
			float		by = p->cost[i] * ((p->stride == 1 ? p->class[i] == 1 : p->class[i] == c) - p->a[i * p->stride + c]);

			for (size_t j = p->rows->start[i]; j < p->rows->start[i + 1]; j++)
				p->w[(size_t) p->rows->column[j] * p->stride + c] += by * p->rows->value[j];
			if (p->params->intercept)
				p->w[(size_t) p->bias * p->stride + c] += by;
		}
		if ((r & (POLL_ROWS - 1)) == 0)
			ecml_poll(ctx, 0, 0);
	}
}

/* The spelling of the columns of greatest coefficient of each class (of two classes: greatest and least). */
static void
keep_names(EcmlCtx *ctx, const TextLogregFit *fit, TextLogreg *model)
{
	int			n = fit->params.names < (int) model->columns ? fit->params.names : (int) model->columns;
	uint32_t   *best = ECML_NEW(ctx, uint32_t, (size_t) n + 1);
	uint8_t    *chosen = ECML_NEW0(ctx, uint8_t, model->columns);

	vocab_init(ctx, &model->names);
	for (int c = 0; c < model->classes && n > 0; c++)
	{
		const float *w = model->w + (model->outputs == 1 ? 0 : c);
		float		sign = model->outputs == 1 && c == 0 ? -1 : 1;
		int			found = 0;

#define WEIGHT(j) (sign * w[(size_t) (j) * model->outputs])
		for (uint32_t j = 0; j < model->columns; j++)
		{
			float		weight = WEIGHT(j);
			int			at;

			if (!(weight > 0) || (found == n && !(weight > WEIGHT(best[n - 1]))))
				continue;
			at = found < n ? found++ : n - 1;
			for (; at > 0 && WEIGHT(best[at - 1]) < weight; at--)
				best[at] = best[at - 1];
			best[at] = j;
		}
#undef WEIGHT
		for (int i = 0; i < found; i++)
			chosen[best[i]] = 1;
		ecml_poll(ctx, 0, 0);
	}
	model->named = ECML_NEW(ctx, uint32_t, model->columns);
	for (uint32_t j = 0; j < model->columns; j++)
		if (chosen[j])
		{
			int			length;
			uint32_t	known = model->names.n;
			const char *name = vocab_word(&fit->names, fit->name[model->slot[j]] - 1, &length);

			/* two columns of one spelling: a term whose bits another one had before keeps none */
			if (vocab_add(ctx, &model->names, name, length) == known)
				model->named[known] = j;
		}
	ecml_free(ctx, best);
	ecml_free(ctx, chosen);
}

TextLogreg *
text_logreg_finish(EcmlCtx *ctx, TextLogregFit *fit, int classes, const int *recode, int given)
{
	TextLogreg *model = ECML_NEW0(ctx, TextLogreg, 1);
	size_t		n = fit->rows.n;
	uint32_t   *order = ECML_NEW(ctx, uint32_t, n);
	double	   *class_weight = ECML_NEW0(ctx, double, classes);
	double		total = 0;
	size_t		used = 0;
	Problem		p = {.params = &fit->params,.rows = &fit->rows,.class = fit->class,.cost = fit->weight,.k = classes};
	float	   *z;
	double	   *u;

	for (size_t i = 0; i < n; i++)
		if (recode[fit->class[i]] >= 0 && fit->weight[i] > 0)
		{
			order[used++] = (uint32_t) i;
			class_weight[recode[fit->class[i]]] += fit->weight[i];
			total += fit->weight[i];
		}
	model->params = fit->params;
	model->classes = classes;
	model->outputs = classes == 2 ? 1 : classes;
	make_columns(ctx, fit, model, recode, used);
	for (size_t i = 0; i < n; i++)
	{
		int			class = recode[fit->class[i]];

		fit->class[i] = class;
		if (class >= 0)
			fit->weight[i] *= (float) (fit->params.c * (fit->params.balanced ? total / (classes * class_weight[class]) : 1));
	}
	p.bias = model->columns;
	p.stride = classes == 2 ? 1 : (classes + LANES - 1) / LANES * LANES;
	p.w = ECML_NEW0(ctx, float, ((size_t) model->columns + 1) * p.stride);
	p.a = ECML_NEW0(ctx, float, n * p.stride);
	z = ECML_NEW0(ctx, float, p.stride);
	u = ECML_NEW0(ctx, double, p.stride);
	start_coefficients(ctx, &p, order, used);
	for (model->iterations = 1;; model->iterations++)
	{
		shuffle(&ctx->rng, order, used);
		p.change = p.loss = 0;
		for (size_t at = 0; at < used; at += POLL_ROWS)
		{
			size_t		rows = used - at < POLL_ROWS ? used - at : POLL_ROWS;

			if (p.stride == 1)
				pass_two(&p, order + at, rows);
			else
				pass_many(&p, order + at, rows, z, u);
			ecml_poll(ctx, model->iterations - 1 + (double) at / used, fit->params.max_iter);
		}
		model->change = p.change / used;
		model->loss = p.loss / used;
		if (model->change <= fit->params.tolerance || model->iterations >= fit->params.max_iter)
			break;
	}
	model->w = ECML_NEW(ctx, float, ((size_t) model->columns + 1) * model->outputs);
	for (size_t j = 0; j <= model->columns; j++)
		memcpy(model->w + j * model->outputs, p.w + j * p.stride, model->outputs * sizeof(float));
	keep_names(ctx, fit, model);
	ecml_free(ctx, p.w);
	ecml_free(ctx, p.a);
	ecml_free(ctx, z);
	ecml_free(ctx, u);
	ecml_free(ctx, order);
	ecml_free(ctx, class_weight);
	return model;
}
