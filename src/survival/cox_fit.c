/*
 * cox_fit.c - proportional hazards by Newton's method
 *
 * Cox: Regression models and life-tables (1972), with Efron's likelihood for tied times (1977) or Breslow's (1974).  Terms are
 * centred and scaled inside.  Each step maximises the quadratic model of the likelihood, exactly or, with an L1 penalty, by
 * coordinate descent, and is halved until the likelihood grows.
 *
 * Terms that are constant, or a linear combination of those before them, have no coefficient.  When the steps stay long
 * while the likelihood hardly grows, some coefficient wants to be infinite (monotone likelihood: all events on one side of a
 * term); the terms that still move are marked.
 *
 * Cost: the rows in memory a second time, 8 (p + 9) bytes each; n p^2 an iteration, some 6 iterations, on ctx's threads.
 */
#include "cox_internal.h"

#include <math.h>
#include <string.h>

#include "num/chol.h"

#define ALIASED 1e-11			/* of a term's information: what is left of it after the terms before */
#define LONG_STEP 0.05			/* in deviations of the term: not yet at an end */
#define FLAT 1e-9				/* relative growth of the likelihood: at an end */
#define MAX_HALVINGS 40
#define MAX_SWEEPS 10000

typedef struct Newton
{
	EcmlCtx    *ctx;
	const CoxParams *params;
	CoxRows    *rows;
	CoxLikelihood likelihood;
	int			p;
	double	   *scale;			/* [p] deviations of the terms */
	double	   *l1;				/* [p] penalties of the scaled coefficients */
	double	   *l2;
	double	   *beta;			/* [p] of the scaled terms */
	double	   *next;
	double	   *step;
	double	   *factor;			/* [p][p] */
	bool	   *drop;			/* [p] aliased */
	bool	   *diverging;		/* [p] */
} Newton;

/* Means and deviations of all terms, by weight. */
static void
moments(EcmlCtx *ctx, EcmlData *data, double *means, double *deviations)
{
	EcmlBlock	blocks[ECML_FETCH];
	double	   *m2 = deviations;
	double		weight = 0;
	size_t		got;

	memset(means, 0, data->columns * sizeof(double));
	memset(m2, 0, data->columns * sizeof(double));
	for (size_t b = 0; b < data->nblocks; b += got)
	{
		got = ecml_data_fetch(ctx, data, b, blocks, ECML_FETCH);
		for (size_t k = 0; k < got; k++)
		{
			const EcmlBlock *block = &blocks[k];
			double		block_weight = 0;

			for (int i = 0; i < block->rows; i++)
				block_weight += block->w ? block->w[i] : 1;
			for (int j = 0; j < data->columns; j++)
			{
				const double *x = ECML_BLOCK_F8(block, j);
				double		sum = 0;
				double		square = 0;
				double		delta;

				for (int i = 0; i < block->rows; i++)
					sum += (block->w ? block->w[i] : 1) * (x[i] - means[j]);
				delta = sum / block_weight;		/* of the block's mean from that of the blocks before */
				for (int i = 0; i < block->rows; i++)
					square += (block->w ? block->w[i] : 1) * (x[i] - means[j] - delta) * (x[i] - means[j] - delta);
				m2[j] += square + delta * delta * (weight / (weight + block_weight)) * block_weight;
				means[j] += delta * (block_weight / (weight + block_weight));
			}
			weight += block_weight;
			ecml_poll(ctx, 0, 0);
		}
	}
	for (int j = 0; j < data->columns; j++)
		deviations[j] = sqrt(m2[j] / weight);
}

/* The rows' terms that have a coefficient, standardised, in their places. */
static void
fill_rows(EcmlCtx *ctx, EcmlData *data, CoxRows *rows, const size_t *place, const double *means, const double *deviations)
{
	EcmlBlock	blocks[ECML_FETCH];
	size_t		p = rows->p;
	size_t		got;

	rows->x = ecml_alloc_array(ctx, rows->n, (p + 1) * sizeof(double));
	for (size_t b = 0; b < data->nblocks; b += got)
	{
		got = ecml_data_fetch(ctx, data, b, blocks, ECML_FETCH);
		for (size_t k = 0; k < got; k++)
		{
			for (size_t j = 0; j < p; j++)
			{
				const double *x = ECML_BLOCK_F8(&blocks[k], rows->terms[j]);
				double		mean = means[rows->terms[j]];
				double		deviation = deviations[rows->terms[j]];

				for (int i = 0; i < blocks[k].rows; i++)
					rows->x[place[blocks[k].first + i] * p + j] = (x[i] - mean) / deviation;
			}
			ecml_poll(ctx, b + k, data->nblocks);
		}
	}
}

/*
 * factor [p][p] = L with L L' = the information with its penalty, where it has a pivot; drop [p] tells where not.  Terms
 * in skip are left out from the start.
 */
static void
factorise(Newton *newton, const bool *skip, bool *drop)
{
	int			p = newton->p;
	double	   *l = newton->factor;

	memcpy(l, newton->likelihood.information, (size_t) p * p * sizeof(double));
	for (int i = 0; i < p; i++)
	{
		double	   *row = l + (size_t) i * p;
		double		pivot = row[i] += newton->l2[i];

		for (int j = 0; j <= i; j++)
		{
			const double *other = l + (size_t) j * p;
			double		sum = row[j];

			for (int k = 0; k < j; k++)
				sum -= row[k] * other[k];
			if (j < i)
				row[j] = drop[j] ? 0 : sum / other[j];
			else
				row[i] = sum;
		}
		drop[i] = skip[i] || !(row[i] > ALIASED * pivot);
		row[i] = drop[i] ? 0 : sqrt(row[i]);
		if (i % 16 == 0)
			ecml_poll(newton->ctx, 0, 0);
	}
}

/* b <- (L L')^-1 b, 0 where dropped */
static void
solve(const Newton *newton, const bool *drop, double *b)
{
	int			p = newton->p;
	const double *l = newton->factor;

	for (int i = 0; i < p; i++)
	{
		for (int k = 0; k < i; k++)
			b[i] -= l[(size_t) i * p + k] * b[k];
		b[i] = drop[i] ? 0 : b[i] / l[(size_t) i * p + i];
	}
	for (int i = p - 1; i >= 0; i--)
	{
		b[i] = drop[i] ? 0 : b[i] / l[(size_t) i * p + i];
		for (int k = 0; k < i; k++)
			b[k] -= l[(size_t) i * p + k] * b[i];
	}
}

static double
penalty(const Newton *newton, const double *beta)
{
	double		sum = 0;

	for (int j = 0; j < newton->p; j++)
		sum += newton->l1[j] * fabs(beta[j]) + 0.5 * newton->l2[j] * beta[j] * beta[j];
	return sum;
}

/*
 * The step that maximises the quadratic model with an L1 penalty; returns twice what it promises.  gradient is that of the
 * likelihood less the ridge's.
 */
static double
descend(Newton *newton, const double *gradient)
{
	int			p = newton->p;
	const double *h = newton->likelihood.information;
	double	   *rest = ECML_NEW(newton->ctx, double, p);	/* gradient of the model at the step */
	double		promise = 0;

	memcpy(rest, gradient, p * sizeof(double));
	memset(newton->step, 0, p * sizeof(double));
	for (int sweep = 0; sweep < MAX_SWEEPS; sweep++)
	{
		double		largest = 0;

		for (int j = 0; j < p; j++)
		{
			double		curvature = h[(size_t) j * p + j] + newton->l2[j];
			double		here = newton->beta[j] + newton->step[j];
			double		z = rest[j] + curvature * here;
			double		to;
			double		delta;

			if (!(curvature > 0))
				continue;
			to = fabs(z) <= newton->l1[j] ? 0 : (z - copysign(newton->l1[j], z)) / curvature;
			delta = to - here;
			if (delta == 0)
				continue;
			newton->step[j] += delta;
			for (int k = 0; k < p; k++)
				rest[k] -= delta * h[(size_t) j * p + k];
			rest[j] -= delta * newton->l2[j];
			largest = fmax(largest, fabs(delta) * sqrt(curvature));
		}
		ecml_poll(newton->ctx, 0, 0);
		if (largest <= 1e-12)
			break;
	}
	for (int j = 0; j < p; j++)
		promise += newton->step[j] * (gradient[j] + rest[j]) -
			2 * newton->l1[j] * (fabs(newton->beta[j] + newton->step[j]) - fabs(newton->beta[j]));
	ecml_free(newton->ctx, rest);
	return promise;
}

static double
product(const double *a, const double *b, int n)
{
	double		sum = 0;

	for (int i = 0; i < n; i++)
		sum += a[i] * b[i];
	return sum;
}

/* b' H b */
static double
square(const Newton *newton, const double *b)
{
	double		sum = 0;

	for (int i = 0; i < newton->p; i++)
		sum += b[i] * product(newton->likelihood.information + (size_t) i * newton->p, b, newton->p);
	return sum;
}

/* Go along the step as far as the penalised likelihood grows; the new beta is in next.  False: nowhere. */
static bool
search(Newton *newton, double value)
{
	double		t = 1;

	for (int halving = 0; halving < MAX_HALVINGS; halving++, t *= 0.5)
	{
		double		now;

		for (int j = 0; j < newton->p; j++)
			newton->next[j] = newton->beta[j] + t * newton->step[j];
		now = cox_likelihood_value(&newton->likelihood, newton->next) - penalty(newton, newton->next);
		if (now >= value - 1e-13 * fabs(value))
			return true;
	}
	return false;
}

/* Which terms move on while the likelihood stands still?  Then their coefficients have no end. */
static bool
find_diverging(Newton *newton, const bool *without)
{
	double		longest = 0;
	bool		found = false;

	for (int j = 0; j < newton->p; j++)
		longest = fmax(longest, fabs(newton->step[j]));
	for (int j = 0; j < newton->p; j++)
	{
		newton->diverging[j] = (longest > LONG_STEP && fabs(newton->step[j]) > 0.1 * longest) ||
			(without[j] && !newton->drop[j]);
		found |= newton->diverging[j];
	}
	return found;
}

static void
iterate(Newton *newton, CoxModel *model)
{
	const CoxParams *params = newton->params;
	CoxLikelihood *l = &newton->likelihood;
	int			p = newton->p;
	double	   *gradient = ECML_NEW0(newton->ctx, double, p + 1);
	bool	   *without = ECML_NEW0(newton->ctx, bool, p + 1);
	bool		l1 = params->alpha * params->l1_ratio > 0;

	model->null_log_likelihood = model->log_likelihood = cox_likelihood_value(l, newton->beta);
	cox_likelihood_slopes(l);
	model->converged = p == 0;
	for (int iteration = 0; p > 0 && iteration < params->max_iter; iteration++)
	{
		double		value = model->log_likelihood - penalty(newton, newton->beta);
		double		promise;
		bool		better;

		model->iterations = iteration + 1;
		for (int j = 0; j < p; j++)
			gradient[j] = l->gradient[j] - newton->l2[j] * newton->beta[j];
		if (l1)
			promise = descend(newton, gradient);
		else
		{
			factorise(newton, newton->drop, without);
			if (iteration == 0)
				memcpy(newton->drop, without, p * sizeof(bool));
			memcpy(newton->step, gradient, p * sizeof(double));
			solve(newton, without, newton->step);
			promise = product(newton->step, gradient, p);
			if (iteration == 0)
				model->score = promise;
			if (memcmp(newton->drop, without, p * sizeof(bool)) != 0 && find_diverging(newton, without))
				break;
		}
		better = search(newton, value);
		if (!better)
		{
			/* rounding lets nothing better through */
			model->converged = promise <= sqrt(params->tolerance) * (1 + fabs(value));
			cox_likelihood_value(l, newton->beta);
			break;
		}
		memcpy(newton->beta, newton->next, p * sizeof(double));
		model->log_likelihood = l->value;
		cox_likelihood_slopes(l);
		if (promise <= params->tolerance)
		{
			model->converged = true;
			break;
		}
		if (iteration >= 5 && promise <= FLAT * (1 + fabs(value)) && find_diverging(newton, without))
			break;
	}
	ecml_free(newton->ctx, gradient);
	ecml_free(newton->ctx, without);
}

/* Coefficients, standard errors and tests, in the terms' own units. */
static void
conclude(Newton *newton, CoxModel *model)
{
	CoxRows    *rows = newton->rows;
	int			p = newton->p;
	bool		l1 = newton->params->alpha * newton->params->l1_ratio > 0;
	bool	   *without = ECML_NEW0(newton->ctx, bool, p + 1);

	if (!l1 && p > 0)
		factorise(newton, newton->drop, without);
	for (int j = 0; j < p; j++)
	{
		int			term = rows->terms[j];

		model->states[term] = newton->drop[j] ? COX_ALIASED : newton->diverging[j] ? COX_DIVERGING : COX_FITTED;
		if (newton->drop[j])
			continue;
		model->coefficients[term] = newton->beta[j] / newton->scale[j];
		model->df += !l1 || newton->beta[j] != 0;
		if (l1 || without[j] || newton->diverging[j])
			continue;
		memset(newton->step, 0, p * sizeof(double));
		newton->step[j] = 1;
		solve(newton, without, newton->step);
		model->std_errors[term] = sqrt(newton->step[j]) / newton->scale[j];
		ecml_poll(newton->ctx, 0, 0);
	}
	model->wald = square(newton, newton->beta);
	if (model->penalised)
		model->wald = model->score = NAN;
	ecml_free(newton->ctx, without);
}

/* The cumulative hazard of each stratum at the means of the terms, where it grows. */
static void
baseline(EcmlCtx *ctx, const CoxRows *rows, double shift, CoxModel *model)
{
	size_t		points = 0;
	size_t		every;
	size_t		n = 0;
	size_t		begin;

	for (size_t i = 0; i < rows->ngroups; i++)
	{
		model->nstrata += rows->groups[i].new_stratum;
		points += rows->groups[i].events > 0;
	}
	every = (points + COX_MAX_POINTS - 1) / COX_MAX_POINTS;
	model->keys = ECML_NEW0(ctx, double, model->nstrata);
	model->starts = ECML_NEW0(ctx, uint32_t, model->nstrata + 1);
	model->times = ECML_NEW(ctx, double, points + 1);
	model->hazards = ECML_NEW(ctx, double, points + 1);
	model->nstrata = 0;
	for (size_t i = 0; i < rows->ngroups; i = begin)
	{
		size_t		seen = 0;
		size_t		last = i;	/* group with events of the latest time */

		for (begin = i + 1; begin < rows->ngroups && !rows->groups[begin].new_stratum;)
			begin++;
		if (rows->keys)
			model->keys[model->nstrata] = rows->keys[rows->groups[i].first];
		while (last < begin && rows->groups[last].events == 0)
			last++;
		for (size_t g = begin; g-- > i;)
		{
			const CoxGroup *group = &rows->groups[g];

			if (group->events == 0)
				continue;
			/* of very many times, every so many: the hazard in between is a fraction of a thousandth part */
			if (seen++ % every == 0 || g == last)
			{
				model->times[n] = group->time;
				model->hazards[n++] = group->cumulative * exp(-shift);
			}
		}
		model->starts[++model->nstrata] = n;
	}
}

static CoxModel *
create(EcmlCtx *ctx, int terms)
{
	CoxModel   *model = ECML_NEW0(ctx, CoxModel, 1);

	model->terms = terms;
	model->coefficients = ECML_NEW0(ctx, double, terms + 1);
	model->std_errors = ECML_NEW0(ctx, double, terms + 1);
	model->means = ECML_NEW0(ctx, double, terms + 1);
	model->states = ECML_NEW0(ctx, uint8_t, terms + 1);
	for (int j = 0; j < terms; j++)
		model->std_errors[j] = NAN;
	return model;
}

CoxModel *
cox_fit(EcmlCtx *ctx, EcmlData *data, const CoxParams *params, int first_stratum, int nstratum_terms)
{
	CoxModel   *model = create(ctx, data->columns);
	CoxRows		rows = {0};
	Newton		newton = {.ctx = ctx,.params = params,.rows = &rows};
	double	   *deviations = ECML_NEW(ctx, double, data->columns + 1);
	size_t	   *place = ECML_NEW(ctx, size_t, data->rows);

	model->first_stratum = first_stratum;
	model->nstratum_terms = nstratum_terms;
	model->rows = data->rows;
	model->penalised = params->alpha > 0;
	cox_order(ctx, &rows, data, first_stratum, nstratum_terms, place);
	model->events = rows.events;
	if (rows.events == 0)
	{
		ecml_detail(ctx, "All %zu rows are censored.", data->rows);
		ecml_hint(ctx, "Look at the event column: 1 or true says that the event came at the end of the duration.");
		ecml_fail(ctx, ECML_DATA_EXCEPTION, "there is no event to learn from");
	}
	moments(ctx, data, model->means, deviations);
	rows.terms = ECML_NEW(ctx, int, data->columns + 1);
	for (int j = 0; j < data->columns; j++)
	{
		if (j >= first_stratum && j < first_stratum + nstratum_terms)
			model->states[j] = COX_STRATUM;
		else if (!(deviations[j] > 1e-14 * fabs(model->means[j])))
			model->states[j] = COX_ALIASED;
		else
			rows.terms[rows.p++] = j;
	}
	fill_rows(ctx, data, &rows, place, model->means, deviations);
	ecml_free(ctx, place);

	newton.p = rows.p;
	newton.scale = ECML_NEW(ctx, double, rows.p + 1);
	newton.l1 = ECML_NEW(ctx, double, rows.p + 1);
	newton.l2 = ECML_NEW(ctx, double, rows.p + 1);
	newton.beta = ECML_NEW0(ctx, double, rows.p + 1);
	newton.next = ECML_NEW0(ctx, double, rows.p + 1);
	newton.step = ECML_NEW0(ctx, double, rows.p + 1);
	newton.drop = ECML_NEW0(ctx, bool, rows.p + 1);
	newton.diverging = ECML_NEW0(ctx, bool, rows.p + 1);
	newton.factor = ecml_alloc_array(ctx, rows.p + 1, (rows.p + 1) * sizeof(double));
	for (int j = 0; j < rows.p; j++)
	{
		double		s = deviations[rows.terms[j]];

		newton.scale[j] = s;
		newton.l1[j] = params->alpha * params->l1_ratio / s;
		newton.l2[j] = params->alpha * (1 - params->l1_ratio) / (s * s);
	}
	cox_likelihood_init(ctx, &newton.likelihood, &rows, params->ties);
	iterate(&newton, model);
	conclude(&newton, model);
	baseline(ctx, &rows, newton.likelihood.shift, model);
	model->concordance = cox_concordance(ctx, &rows, newton.likelihood.eta);
	return model;
}
