/*
 * linreg_fit.c - the fit from the Gram matrix, and the statistics of a fit
 *
 * Normal equations in double-double: the matrix, its centring (the Schur complement of the constant), the Cholesky factor
 * and the inverse all carry 32 digits, so squaring the condition number leaves more than double-precision QR would.
 * Columns and target are scaled by powers of two, exactly, so that products of large values do not overflow.
 *
 * Cost: about 5 terms^3 / 6 products of 10 ns: 2 ms for 64 terms.
 */
#include <math.h>

#include "linreg_internal.h"
#include "num/chol.h"
#include "num/dist.h"
#include "num/gram.h"

/* The reduced problem: scaled, centred when there is an intercept. */
typedef struct Reduced
{
	int			k;				/* terms */
	double		weight;			/* sum of the weights */
	EcmlDd	   *s;				/* [k][k] cross products of the terms */
	EcmlDd	   *q;				/* [k] products of the terms and the target */
	EcmlDd		yy;				/* the target's sum of squares */
	double	   *norm;			/* [k] the terms' sums of squares, not centred */
	double		target_norm;	/* the target's, not centred */
	EcmlDd	   *mean;			/* [k]; 0 without an intercept */
	EcmlDd		target_mean;
	double	   *scale;			/* [k] powers of two that the terms were multiplied by */
	double		target_scale;
} Reduced;

const char *
linreg_check(const LinregParams *params)
{
	if (!(params->alpha >= 0) || isinf(params->alpha))
		return "Alpha must be 0 or greater.";
	if (!(params->l1_ratio >= 0 && params->l1_ratio <= 1))
		return "The l1_ratio must be between 0 and 1.";
	if (!(params->level > 0 && params->level < 1))
		return "The level must be greater than 0 and less than 1.";
	if (params->max_iter < 1)
		return "The number of iterations, max_iter, must be at least 1.";
	if (!(params->tolerance > 0 && params->tolerance < 1))
		return "The tolerance must be greater than 0 and less than 1.";
	return NULL;
}

/* The power of two that brings the root of a sum of squares near 1. */
static double
scale_for(double squares)
{
	int			exponent;

	if (!(squares > 0))
		return 1;
	frexp(sqrt(squares), &exponent);
	return ldexp(1, -exponent);
}

static EcmlDd
gram_at(const LinregState *state, int i, int j)
{
	return state->gram[i < j ? ECML_GRAM(i, j) : ECML_GRAM(j, i)];
}

static EcmlDd
scaled(EcmlDd a, double scale, double other)
{
	return dd_scale(dd_scale(a, scale), other);
}

/* A deviation that is no more than rounding of the values themselves is none: a constant, with products of 0. */
static void
clear_constants(Reduced *p)
{
	int			k = p->k;

	for (int j = 0; j < k; j++)
	{
		if (p->s[(size_t) j * k + j].hi > LINREG_GRAM_WHOLE * p->norm[j])
			continue;
		for (int i = 0; i < k; i++)
			p->s[(size_t) i * k + j] = p->s[(size_t) j * k + i] = dd_from(0);
		p->q[j] = dd_from(0);
	}
	if (p->yy.hi > LINREG_GRAM_WHOLE * p->target_norm)
		return;
	p->yy = dd_from(0);
	for (int j = 0; j < k; j++)
		p->q[j] = dd_from(0);
}

static Reduced
reduce(EcmlCtx *ctx, const LinregState *state, bool intercept, const int *select, int k)
{
	Reduced		p = {.k = k};
	EcmlDd		weight = gram_at(state, 0, 0);
	EcmlDd		target_sum;
	EcmlDd	   *sum = ECML_NEW(ctx, EcmlDd, k);

	p.weight = weight.hi;
	p.s = ECML_NEW(ctx, EcmlDd, (size_t) k * k);
	p.q = ECML_NEW(ctx, EcmlDd, k);
	p.norm = ECML_NEW(ctx, double, k);
	p.mean = ECML_NEW0(ctx, EcmlDd, k);
	p.scale = ECML_NEW(ctx, double, k);
	p.yy = gram_at(state, 1, 1);
	p.target_scale = scale_for(p.yy.hi);
	p.yy = scaled(p.yy, p.target_scale, p.target_scale);
	p.target_norm = p.yy.hi;
	target_sum = dd_scale(gram_at(state, 0, 1), p.target_scale);
	p.target_mean = dd_from(0);
	if (intercept)
	{
		p.target_mean = dd_div(target_sum, weight);
		p.yy = dd_sub(p.yy, dd_mul(p.target_mean, target_sum));
	}
	for (int j = 0; j < k; j++)
	{
		int			gj = 2 + select[j];

		p.norm[j] = gram_at(state, gj, gj).hi;
		p.scale[j] = scale_for(p.norm[j]);
		p.norm[j] = p.norm[j] * p.scale[j] * p.scale[j];
		sum[j] = dd_scale(gram_at(state, 0, gj), p.scale[j]);
		if (intercept)
			p.mean[j] = dd_div(sum[j], weight);
		p.q[j] = scaled(gram_at(state, 1, gj), p.scale[j], p.target_scale);
		if (intercept)
			p.q[j] = dd_sub(p.q[j], dd_mul(p.mean[j], target_sum));
		for (int i = 0; i <= j; i++)
		{
			EcmlDd		v = scaled(gram_at(state, 2 + select[i], gj), p.scale[i], p.scale[j]);

			if (intercept)
				v = dd_sub(v, dd_mul(p.mean[i], sum[j]));
			p.s[(size_t) i * k + j] = p.s[(size_t) j * k + i] = v;
		}
	}
	clear_constants(&p);
	ecml_free(ctx, sum);
	return p;
}

/* yy - 2 b'q + b'Sb: the residual sum of squares of any coefficients, in scaled units */
static double
residual(EcmlCtx *ctx, const Reduced *p, const EcmlDd *b)
{
	EcmlDd	   *sb = ECML_NEW(ctx, EcmlDd, p->k);
	EcmlDd		rss;

	for (int j = 0; j < p->k; j++)
		sb[j] = dd_sub(ecml_dd_dot(p->s + (size_t) j * p->k, b, p->k), dd_scale(p->q[j], 2));
	rss = dd_add(p->yy, ecml_dd_dot(sb, b, p->k));
	ecml_free(ctx, sb);
	return rss.hi;
}

/* Coefficients in the data's own units, and the intercept. */
static void
unscale(const Reduced *p, const EcmlDd *b, bool intercept, LinregModel *model)
{
	for (int j = 0; j < p->k; j++)
		model->coefficients[1 + j] = b[j].hi * p->scale[j] / p->target_scale;
	model->coefficients[0] = 0;
	if (intercept)
		model->coefficients[0] = dd_sub(p->target_mean, ecml_dd_dot(p->mean, b, p->k)).hi / p->target_scale;
}

/* covariance and std_errors (without sigma) from c [k][k], the covariance of the scaled coefficients; destroys nothing */
static void
fill_covariance(EcmlCtx *ctx, const Reduced *p, const EcmlDd *c, bool intercept, LinregModel *model)
{
	int			k = p->k;
	EcmlDd	   *cross = ECML_NEW(ctx, EcmlDd, k);	/* C times the means */
	EcmlDd		constant = dd_from(0);

	for (int i = 0; i < k; i++)
		cross[i] = ecml_dd_dot(c + (size_t) i * k, p->mean, k);
	if (intercept)
		constant = dd_add(dd_div(dd_from(1), dd_from(p->weight)), ecml_dd_dot(cross, p->mean, k));
	model->covariance[0] = constant.hi;
	model->std_errors[0] = intercept ? sqrt(constant.hi) : 0;
	for (int i = 0; i < k; i++)
	{
		/* - not + 0: a plain 0 for aliased terms */
		model->covariance[linreg_packed(1 + k, 0, 1 + i)] = cross[i].hi == 0 ? 0 : -cross[i].hi * p->scale[i];
		for (int j = i; j < k; j++)
			model->covariance[linreg_packed(1 + k, 1 + i, 1 + j)] = c[(size_t) i * k + j].hi * p->scale[i] * p->scale[j];
		model->std_errors[1 + i] = sqrt(fmax(c[(size_t) i * k + i].hi, 0)) * p->scale[i];
	}
	ecml_free(ctx, cross);
}

/* Least squares, or ridge: alpha on the diagonal. */
static void
fit_squares(EcmlCtx *ctx, const LinregState *state, const LinregParams *params, const Reduced *p, LinregModel *model)
{
	int			k = p->k;
	bool		ridge = params->alpha > 0;
	EcmlDd	   *l = ECML_NEW(ctx, EcmlDd, (size_t) k * k);
	EcmlDd	   *inverse = ECML_NEW(ctx, EcmlDd, (size_t) k * k);
	EcmlDd	   *b = ECML_NEW(ctx, EcmlDd, k);
	double	   *penalty = ECML_NEW0(ctx, double, k);
	double	   *floor = ECML_NEW(ctx, double, k);
	double		parameters;
	double		rss;
	double		unit = 1 / p->target_scale;

	for (size_t i = 0; i < (size_t) k * k; i++)
		l[i] = p->s[i];
	for (int j = 0; j < k; j++)
	{
		EcmlDd	   *diagonal = &l[(size_t) j * k + j];

		floor[j] = LINREG_GRAM_WHOLE * p->norm[j];
		if (!ridge)
			floor[j] = fmax(floor[j], LINREG_GRAM_OWN * diagonal->hi);
		else if (diagonal->hi > 0)
		{
			penalty[j] = params->alpha * p->scale[j] * p->scale[j];
			*diagonal = dd_add(*diagonal, dd_from(penalty[j]));
		}
		b[j] = p->q[j];
	}
	model->rank = params->intercept + ecml_chol_factor(l, k, floor, model->aliased);
	ecml_chol_forward(l, k, model->aliased, b);
	rss = dd_sub(p->yy, ecml_dd_dot(b, b, k)).hi;
	ecml_chol_backward(l, k, model->aliased, b);
	ecml_poll(ctx, 1, 2);
	ecml_chol_invert(l, k, model->aliased, inverse);
	parameters = model->rank;
	if (ridge)
	{
		EcmlDd	   *half = l;	/* (S + D)^-1 D^1/2: A^-1 S A^-1 = A^-1 - A^-1 D A^-1, and the trace of S A^-1 */
		EcmlDd	   *sandwich = ECML_NEW(ctx, EcmlDd, (size_t) k * k);

		rss = residual(ctx, p, b);
		for (int i = 0; i < k; i++)
		{
			parameters -= penalty[i] * inverse[(size_t) i * k + i].hi;
			for (int j = 0; j < k; j++)
				half[(size_t) i * k + j] = dd_mul(inverse[(size_t) i * k + j], dd_sqrt(dd_from(penalty[j])));
		}
		for (int i = 0; i < k; i++)
			for (int j = 0; j < k; j++)
				sandwich[(size_t) i * k + j] = dd_sub(inverse[(size_t) i * k + j],
													  ecml_dd_dot(half + (size_t) i * k, half + (size_t) j * k, k));
		fill_covariance(ctx, p, sandwich, params->intercept, model);
	}
	else
		fill_covariance(ctx, p, inverse, params->intercept, model);
	if (rss <= LINREG_GRAM_WHOLE * p->target_norm)
		rss = 0;				/* no more than rounding of the target itself */
	unscale(p, b, params->intercept, model);
	linreg_finish(state, params, model, rss * unit * unit, p->yy.hi * unit * unit, parameters);
}

/* Lasso and elastic net, in scaled units: x' = s x, y' = t y, b' = b t / s. */
static void
fit_l1(EcmlCtx *ctx, const LinregState *state, const LinregParams *params, const Reduced *p, LinregModel *model)
{
	int			k = p->k;
	double	   *gram = ECML_NEW(ctx, double, (size_t) k * k);
	double	   *q = ECML_NEW(ctx, double, k);
	double	   *l1 = ECML_NEW(ctx, double, k);
	double	   *l2 = ECML_NEW(ctx, double, k);
	double	   *b = ECML_NEW0(ctx, double, k);
	EcmlDd	   *exact = ECML_NEW(ctx, EcmlDd, k);
	double		strength = params->alpha * p->weight;
	double		rss;
	double		unit = 1 / p->target_scale;
	LinregDescent problem = {.k = k,.gram = gram,.q = q,.yy = p->yy.hi,.l1 = l1,.l2 = l2,
		.max_iter = params->max_iter,.tolerance = params->tolerance};

	for (size_t i = 0; i < (size_t) k * k; i++)
		gram[i] = p->s[i].hi;
	for (int j = 0; j < k; j++)
	{
		q[j] = p->q[j].hi;
		l1[j] = strength * params->l1_ratio * p->scale[j] * p->target_scale;
		l2[j] = strength * (1 - params->l1_ratio) * p->scale[j] * p->scale[j];
		model->aliased[j] = !(gram[(size_t) j * k + j] > 0);
	}
	model->converged = linreg_descend(ctx, &problem, b, &model->iterations);
	model->rank = params->intercept;
	for (int j = 0; j < k; j++)
	{
		exact[j] = dd_from(b[j]);
		model->rank += b[j] != 0;
	}
	rss = residual(ctx, p, exact);
	if (rss <= LINREG_GRAM_WHOLE * p->target_norm)
		rss = 0;
	unscale(p, exact, params->intercept, model);
	linreg_finish(state, params, model, rss * unit * unit, p->yy.hi * unit * unit, model->rank);
}

void
linreg_fit_gram(EcmlCtx *ctx, const LinregState *state, const LinregParams *params, const int *select, LinregModel *model)
{
	Reduced		p = reduce(ctx, state, params->intercept, select, model->terms);

	if (model->covariance)
		fit_squares(ctx, state, params, &p, model);
	else
		fit_l1(ctx, state, params, &p, model);
}

void
linreg_finish(const LinregState *state, const LinregParams *params, LinregModel *model,
			  double rss, double tss, double parameters)
{
	int			constant = params->intercept ? 1 : 0;
	double		n = state->rows;

	model->n = n;
	model->df = n - parameters > 1e-9 ? n - parameters : 0;
	if (!(rss > 0) || (params->alpha == 0 && model->df == 0))
		rss = 0;				/* as many parameters as rows: what is left is rounding */
	model->rss = rss;
	model->sigma = model->df > 0 ? sqrt(rss / model->df) : NAN;
	model->r2 = tss > 0 ? 1 - rss / tss : NAN;
	model->adj_r2 = model->df > 0 ? 1 - (1 - model->r2) * ((n - constant) / model->df) : NAN;
	model->f_statistic = NAN;
	model->f_p_value = NAN;
	model->f_df1 = model->rank - constant;
	if (params->alpha == 0 && model->f_df1 > 0 && model->df > 0 && tss > 0)
	{
		model->f_statistic = fmax(tss - rss, 0) / model->f_df1 / (rss / model->df);
		model->f_p_value = rss > 0 ? ecml_f_sf(model->f_statistic, model->f_df1, model->df) : 0;
	}
	model->log_likelihood = 0.5 * (state->log_weights.hi - n * (log(2 * M_PI) + 1 - log(n) + log(rss)));
	model->aic = 2 * (parameters + 1) - 2 * model->log_likelihood;
	model->bic = log(n) * (parameters + 1) - 2 * model->log_likelihood;
	for (int j = 0; j <= model->terms; j++)
	{
		bool		absent = j == 0 ? !params->intercept : model->aliased[j - 1];

		if (absent || model->covariance == NULL)
			model->std_errors[j] = NAN;
		else
			model->std_errors[j] *= model->sigma;
	}
}

LinregModel *
linreg_fit(EcmlCtx *ctx, const LinregState *state, const LinregParams *params, const int *select, int n)
{
	LinregModel *model;
	size_t		size = 1 + (size_t) n;

	for (int j = 0; j < n; j++)
		if (select[j] < 0 || select[j] >= state->terms)
			ecml_fail(ctx, ECML_INTERNAL, "a term is not one of the regression's");
	if (!(state->rows > 0))
		ecml_fail(ctx, ECML_DATA_EXCEPTION, "there are no rows for a linear regression");
	ecml_poll(ctx, 0, 0);
	model = ECML_NEW0(ctx, LinregModel, 1);
	model->terms = n;
	model->intercept = params->intercept;
	model->converged = true;
	model->aliased = ECML_NEW0(ctx, bool, n);
	model->coefficients = ECML_NEW0(ctx, double, size);
	model->std_errors = ECML_NEW0(ctx, double, size);
	model->means = ECML_NEW0(ctx, double, n);
	for (int j = 0; j < n; j++)
		model->means[j] = linreg_sum(state, select[j]) / linreg_sum(state, -1);
	if (params->alpha == 0 || params->l1_ratio == 0)
		model->covariance = ECML_NEW0(ctx, double, size * (size + 1) / 2);
	if (state->kind == LINREG_GRAM)
		linreg_fit_gram(ctx, state, params, select, model);
	else
		linreg_fit_triangle(ctx, state, params, select, model);
	for (size_t j = 0; j < size; j++)
		if (!isfinite(model->coefficients[j]))
		{
			ecml_detail(ctx, "A coefficient is beyond the range of double precision.");
			ecml_hint(ctx, "Use units that keep values between 1e-140 and 1e150.");
			ecml_fail(ctx, ECML_DATA_EXCEPTION, "the linear regression has no finite solution");
		}
	return model;
}
