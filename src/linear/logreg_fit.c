/*
 * logreg_fit.c - logistic regression: which terms are used, the fit, and what is told of it
 *
 * Method in src/linear/README.md.  Cost: two passes that read the rows, then those of logreg_newton.c or logreg_penalty.c.
 */
#include "logreg_internal.h"

#include <math.h>
#include <string.h>

#include "num/spd.h"

#define ALIASED 1e-12			/* of a column's square: less than that, over the columns before it, is rounding */
#define CLOSE 1e-6				/* in a sample: all rows are asked */
#define CLOSE_FLOATS 1e-3		/* in a sample of floats */
#define SAMPLE_BY 4				/* rows of a sample that is asked for its rank, for each column */

const char *
logreg_check(const LogregParams *params)
{
	bool		sparse = params->penalty == LOGREG_L1 || params->penalty == LOGREG_ELASTICNET;

	if (!(params->c > 0))
		return "\"C\" must be above 0: it is the inverse of the penalty's strength";
	if (!(params->level > 0 && params->level < 1))
		return "\"level\" must be above 0 and below 1";
	if (!(params->tolerance > 0 && params->tolerance < 1))
		return "\"tolerance\" must be above 0 and below 1";
	if (sparse && (params->solver == LOGREG_NEWTON || params->solver == LOGREG_LBFGS))
		return "\"solver\" must be \"auto\" or \"cd\" where \"penalty\" is \"l1\" or \"elasticnet\"";
	if (sparse && params->robust != LOGREG_CLASSIC)
		return "\"robust\" needs \"penalty\" to be \"none\" or \"l2\": others have no standard errors";
	return NULL;
}

/* Columns in use, and what follows from their number. */
static void
lay_out(LogregProblem *p, const bool *left_out)
{
	p->used = 0;
	for (int j = 0; j < p->terms; j++)
		if (!left_out[j])
			p->column[p->used++] = j;
	p->size = p->used + (p->params->intercept ? 1 : 0);
	p->total = p->vectors * p->size;
}

/*
 * Leave out columns that those before them (and the constant) explain.  A sample that has full rank answers for all rows, read
 * as floats where the fit begins so; otherwise all are asked.
 */
static void
find_aliased(LogregProblem *p, bool *left_out, bool *aliased)
{
	EcmlCtx    *ctx = p->ctx;
	int			n = p->size;
	int			base = n - p->used;
	double	   *theta = ECML_NEW0(ctx, double, p->total);
	double	   *floor_of = ECML_NEW(ctx, double, n);
	bool	   *drop = ECML_NEW(ctx, bool, n);
	LogregSums	sums = {.gradient = ECML_NEW(ctx, double, p->total),.matrix = ECML_NEW(ctx, double, (size_t) n * n)};
	double		every = fmin(floor(p->data->rows / fmax(4096, SAMPLE_BY * (double) n)), 1e6);
	bool		sample = every >= 4;
	bool		floats = sample && n <= LOGREG_FUSED && p->params->solver == LOGREG_AUTO && logreg_begin_floats(p);

	for (;;)
	{
		double		least = floats ? CLOSE_FLOATS : sample ? CLOSE : ALIASED;

		logreg_pass(p, theta, LOGREG_GRAM | (floats ? LOGREG_FLOATS : 0), sample ? (int) every : 1, &sums);
		for (int i = 0; i < n; i++)
			floor_of[i] = least * sums.matrix[(size_t) i * n + i];
		if (ecml_spd_factor(ctx, sums.matrix, n, n, floor_of, drop) == n)
			break;
		if (!sample)
		{
			for (int j = 0; j < p->used; j++)
				if (drop[base + j])
					aliased[p->column[j]] = left_out[p->column[j]] = true;
			logreg_end_floats(p);	/* there are fewer terms */
			break;
		}
		sample = floats;
		floats = false;
	}
	ecml_free(ctx, sums.matrix);
	ecml_free(ctx, sums.gradient);
	ecml_free(ctx, drop);
	ecml_free(ctx, floor_of);
	ecml_free(ctx, theta);
	lay_out(p, left_out);
}

/* Whether a term is 0 or 1: then the variance is as large as the mean allows. */
static bool
is_indicator(const LogregProblem *p, int c)
{
	double		bound = p->mean[c] * (1 - p->mean[c]);

	return p->low[c] == 0 && p->high[c] == 1 && p->deviation[c] * p->deviation[c] >= 0.9999 * bound;
}

static void
set_penalties(LogregProblem *p)
{
	const LogregParams *params = p->params;
	double		ratio = params->penalty == LOGREG_L1 ? 1 : params->penalty == LOGREG_ELASTICNET ? params->l1_ratio : 0;
	int			base = p->size - p->used;

	p->l1 = ECML_NEW0(p->ctx, double, p->total);
	p->l2 = ECML_NEW0(p->ctx, double, p->total);
	if (params->penalty == LOGREG_NONE)
		return;
	for (int v = 0; v < p->vectors; v++)
		for (int j = 0; j < p->used; j++)
		{
			int			i = v * p->size + base + j;
			double		factor = params->standardize ? 1 : 1 / p->deviation[p->column[j]];

			p->l1[i] = ratio / params->c * factor;
			p->l2[i] = (1 - ratio) / params->c * factor * factor;
		}
	if (p->symmetric && base)
		p->anchor = p->weight / ((double) p->vectors * p->vectors);
}

/* Intercepts that alone give each class its share. */
static void
start_at(const LogregProblem *p, double *theta)
{
	double		mean = 0;

	if (!p->params->intercept)
		return;
	for (int k = 0; k < p->task->classes; k++)
		mean += log(p->class_total[k]) / p->task->classes;
	for (int v = 0; v < p->vectors; v++)
		theta[(size_t) v * p->size] = p->symmetric ? log(p->class_total[v]) - mean :
			log(p->class_total[v + 1] / p->class_total[0]);
}

/* The likelihood of intercepts alone. */
static double
null_likelihood(const LogregProblem *p)
{
	double		sum = 0;

	if (p->task->offset >= 0)
	{
		/* with the offset the best intercept has no formula */
		LogregParams params = {.penalty = LOGREG_NONE,.intercept = true,.max_iter = 100,.tolerance = p->params->tolerance};
		LogregProblem alone = *p;
		LogregOutcome outcome = {0};
		double		theta = log(p->class_total[1] / p->class_total[0]);

		alone.params = &params;
		alone.used = 0;
		alone.size = alone.total = 1;
		alone.l1 = alone.l2 = ECML_NEW0(p->ctx, double, 1);
		logreg_smooth(&alone, &theta, &outcome);
		return -outcome.loss;
	}
	for (int k = 0; k < p->task->classes; k++)
		sum += p->class_total[k] * log(p->class_total[k] / p->weight);
	return sum;
}

/* Coefficients of the terms as they came. */
static void
untransform(const LogregProblem *p, const double *theta, LogregModel *model)
{
	int			base = p->size - p->used;
	double		mean = 0;

	for (int v = 0; v < p->vectors; v++)
	{
		double	   *b = model->coefficients + (size_t) v * (1 + p->terms);
		const double *t = theta + (size_t) v * p->size;

		if (base)
			b[0] = t[0];
		for (int j = 0; j < p->used; j++)
		{
			int			c = p->column[j];

			b[1 + c] = t[base + j] / p->deviation[c];
			if (base)
				b[0] -= p->mean[c] * b[1 + c];
		}
		mean += b[0] / p->vectors;
	}
	/* probabilities do not show a shift of all intercepts */
	for (int v = 0; p->symmetric && v < p->vectors; v++)
		model->coefficients[(size_t) v * (1 + p->terms)] -= mean;
}

/* The terms along which the likelihood rises for ever. */
static void
name_separated(const LogregProblem *p, const double *step, bool *separated)
{
	int			base = p->size - p->used;
	double		most = 0;

	for (int round = 0; round < 2; round++)
		for (int v = 0; v < p->vectors; v++)
			for (int j = 0; j < p->used; j++)
			{
				int			c = p->column[j];
				double		grows = fabs(step[(size_t) v * p->size + base + j]) / p->deviation[c] * (p->high[c] - p->low[c]);

				if (round == 0)
					most = isfinite(grows) ? fmax(most, grows) : most;
				else if (grows >= 0.3 * most)
					separated[c] = true;
			}
}

static void
count_parameters(const LogregProblem *p, const double *theta, LogregModel *model)
{
	/* of the classes' vectors one is redundant */
	model->parameters = (double) (p->task->classes - 1) * p->size;
	if (p->params->penalty != LOGREG_L1 && p->params->penalty != LOGREG_ELASTICNET)
		return;
	model->parameters = 0;
	for (int i = 0; i < p->total; i++)
		model->parameters += theta[i] != 0;
}

/* ---------------------------------------------------------------- separated classes */

#define WEAKEST 1e8				/* C of the ridge */
#define STRONGEST 1e-4
#define PLENTY 50				/* rows for each coefficient: how strong the ridge is, does not matter unless nothing else holds */
#define ENDLESS 100				/* steps of Newton's method that lead nowhere: there is no maximum */

/* C for all: of numbers as if their deviation were 1, of what is 0 or 1 as it comes (a rare category is held, too). */
static void
set_ridge(const LogregProblem *p, double c)
{
	int			base = p->size - p->used;

	for (int v = 0; v < p->vectors; v++)
		for (int j = 0; j < p->used; j++)
		{
			double		deviation = is_indicator(p, p->column[j]) ? p->deviation[p->column[j]] : 1;

			p->l2[v * p->size + base + j] = 1 / (c * deviation * deviation);
		}
}

/* Logarithm of the evidence (MacKay 1992): the likelihood averaged over the ridge's prior, by Laplace's method. */
static double
evidence(const LogregProblem *p, const double *theta, const LogregOutcome *outcome)
{
	double		sum = -outcome->loss;

	for (int i = 0; i < p->total; i++)
	{
		sum -= log(outcome->sums->matrix[(size_t) i * p->total + i]);	/* the factor of the Hessian */
		if (p->l2[i] > 0)
			sum += 0.5 * log(p->l2[i]) - 0.5 * p->l2[i] * theta[i] * theta[i];
	}
	return sum;
}

/*
 * The likelihood has no maximum.  Stopped on its way it says 0 and 1 of rows that are nothing of the kind, the worse the more terms
 * there are: a ridge instead, whose strength has the largest evidence among powers of ten.  Where it holds hardly anything, Laplace's
 * method says too much of a weak ridge: so strengths have a prior, too, of 1 at C = 1 that falls by as much as C rises or falls.
 */
static double *
hold_separated(LogregProblem *p, LogregParams *ridge, LogregOutcome *outcome)
{
	EcmlCtx    *ctx = p->ctx;
	LogregOutcome tried = {0};
	double	   *theta;
	double	   *next;
	double		best = -INFINITY;
	double		c = 1;
	double		factor = 10;
	bool		complete = outcome->correct >= p->weight * (1 - 1e-9);
	bool		asked;
	bool		first = true;

	*ridge = *p->params;
	ridge->penalty = LOGREG_L2;
	ridge->c = 1;
	p->params = ridge;
	p->symmetric = p->task->classes > 2;
	p->vectors = p->symmetric ? p->task->classes : 1;
	p->total = p->vectors * p->size;
	set_penalties(p);
	theta = ECML_NEW0(ctx, double, p->total);
	next = ECML_NEW0(ctx, double, p->total);
	start_at(p, next);
	asked = p->total <= LOGREG_DENSE && (complete || p->n < PLENTY * (double) p->total);
	for (;;)
	{
		double		gained;

		set_ridge(p, c);
		if (tried.sums)
		{
			ecml_free(ctx, tried.sums->matrix);
			tried.sums->matrix = NULL;
		}
		tried = (LogregOutcome) {0};
		logreg_smooth(p, next, &tried);
		gained = asked ? evidence(p, next, &tried) - fabs(log(c)) : 0;
		/* the first in any case, evidence or not: what was before had other parameters */
		if (first || gained > best)
		{
			if (outcome->sums && outcome->sums->matrix)
				ecml_free(ctx, outcome->sums->matrix);
			*outcome = tried;
			tried.sums = NULL;
			memcpy(theta, next, p->total * sizeof(double));
			best = gained;
			first = false;
			ridge->c = c;
			if (!asked)
				break;
		}
		else if (factor < 1 || ridge->c > 1)
			break;
		else
		{
			factor = 0.1;
			c = 1;
			memcpy(next, theta, p->total * sizeof(double));
		}
		c *= factor;
		if (c > WEAKEST || c < STRONGEST)
			break;
	}
	set_ridge(p, ridge->c);
	return theta;
}

LogregModel *
logreg_fit(EcmlCtx *ctx, EcmlData *data, const LogregTask *task)
{
	LogregParams own = *task->params;
	LogregParams ridge;
	const LogregParams *params = &own;
	bool		hold = own.penalty == LOGREG_IF_SEPARATED;
	bool		sparse = params->penalty == LOGREG_L1 || params->penalty == LOGREG_ELASTICNET;
	LogregModel *model = ECML_NEW0(ctx, LogregModel, 1);
	LogregProblem problem = {.ctx = ctx,.data = data,.task = task,.params = params};
	LogregProblem *p = &problem;
	LogregOutcome outcome = {0};
	bool	   *left_out;
	double	   *theta;
	size_t		size;

	if (hold)
		own.penalty = LOGREG_NONE;
	if (data->columns > LOGREG_MAX_TERMS)
	{
		ecml_detail(ctx, "There are %d terms.", data->columns);
		ecml_hint(ctx, "At most %d are possible; a category counts as one for each value.", LOGREG_MAX_TERMS);
		ecml_fail(ctx, ECML_LIMIT_EXCEEDED, "too many terms");
	}
	if (task->offset >= 0 && task->classes > 2)
		ecml_fail(ctx, ECML_INVALID_PARAMETER, "an offset needs a target of two classes");
	p->cross = ecml_cross();
	p->scratch = ECML_NEW0(ctx, LogregScratch, 1);
	p->terms = data->columns;
	p->symmetric = task->classes > 2 && params->penalty != LOGREG_NONE;
	p->vectors = p->symmetric ? task->classes : task->classes - 1;
	p->column = ECML_NEW(ctx, int, p->terms);
	p->mean = ECML_NEW0(ctx, double, p->terms);
	p->deviation = ECML_NEW0(ctx, double, p->terms);
	p->low = ECML_NEW(ctx, double, p->terms);
	p->high = ECML_NEW(ctx, double, p->terms);
	p->class_weight = ECML_NEW0(ctx, double, task->classes);
	p->class_total = ECML_NEW0(ctx, double, task->classes);

	size = (size_t) p->vectors * (1 + p->terms);
	model->terms = p->terms;
	model->classes = task->classes;
	model->vectors = p->vectors;
	model->offset = task->offset;
	model->intercept = params->intercept;
	model->penalty = params->penalty;
	model->aliased = ECML_NEW0(ctx, bool, p->terms);
	model->separated = ECML_NEW0(ctx, bool, p->terms);
	model->coefficients = ECML_NEW0(ctx, double, size);
	model->std_errors = ECML_NEW(ctx, double, size);
	for (size_t i = 0; i < size; i++)
		model->std_errors[i] = NAN;

	logreg_statistics(p);
	left_out = ECML_NEW0(ctx, bool, p->terms);
	for (int j = 0; j < p->terms; j++)
	{
		left_out[j] = j == task->offset || !(p->deviation[j] > 0);
		model->aliased[j] = left_out[j] && j != task->offset && params->penalty == LOGREG_NONE;
	}
	lay_out(p, left_out);
	if (params->penalty == LOGREG_NONE && p->used > 0)
		find_aliased(p, left_out, model->aliased);
	set_penalties(p);
	theta = ECML_NEW0(ctx, double, p->total);
	start_at(p, theta);
	if (sparse || params->solver == LOGREG_CD)
		logreg_sparse(p, theta, &outcome);
	else
		logreg_smooth(p, theta, &outcome);

	model->iterations = outcome.iterations;
	model->converged = outcome.converged;
	hold = hold && (outcome.diverges || (!outcome.converged && p->total <= LOGREG_DENSE && params->max_iter >= ENDLESS));
	if (outcome.diverges || hold)
		name_separated(p, outcome.step, model->separated);
	if (hold)
	{
		theta = hold_separated(p, &ridge, &outcome);
		model->ridge = ridge.c;
		model->penalty = LOGREG_L2;
		model->vectors = p->vectors;
		size = (size_t) p->vectors * (1 + p->terms);
		model->coefficients = ECML_NEW0(ctx, double, size);
		model->std_errors = ECML_NEW(ctx, double, size);
		for (size_t i = 0; i < size; i++)
			model->std_errors[i] = NAN;
		model->iterations += outcome.iterations;
		model->converged = outcome.converged;
	}
	untransform(p, theta, model);
	if (!sparse && p->total > 0 && p->total <= LOGREG_DENSE)
	{
		bool	   *dropped = ECML_NEW0(ctx, bool, p->total);

		for (int i = 0; i < p->total; i++)
			dropped[i] = isinf(outcome.step[i]);
		logreg_errors(p, theta, outcome.sums, dropped, model->std_errors);
		for (int v = 0; (outcome.diverges || model->ridge > 0) && v < p->vectors; v++)
			for (int j = 0; j <= p->terms; j++)
				if (j > 0 ? model->separated[j - 1] : dropped[(size_t) v * p->size])
					model->std_errors[(size_t) v * (1 + p->terms) + j] = NAN;
	}
	model->means = p->mean;
	model->n = p->n;
	model->weight = p->weight;
	model->log_likelihood = -outcome.loss;
	model->accuracy = outcome.correct / p->weight;
	model->null_log_likelihood = null_likelihood(p);
	count_parameters(p, theta, model);
	for (size_t i = 0; i < size; i++)
		if (!isfinite(model->coefficients[i]))
			ecml_fail(ctx, ECML_DATA_EXCEPTION, "the coefficients are not finite: values are too large or too small");
	return model;
}
