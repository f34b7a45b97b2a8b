/*
 * logreg_penalty.c - objectives with an L1 part: proximal Newton, its quadratic models by coordinate descent
 *
 * Each iteration takes value, gradient and Hessian over all rows, minimises the quadratic model plus the penalty, and goes
 * there, or less far when that does not lower the objective (Lee, Sun, Saunders 2014; Friedman, Hastie, Tibshirani 2010; Yuan,
 * Ho, Lin 2012 for liblinear).  Coordinate descent works on the Hessian: a step costs one of its columns, and only when a
 * coefficient changes.  It learns quickly which coefficients are 0; once their signs stand, the rest is a linear system.
 *
 * With more than LOGREG_DENSE parameters there is no Hessian: accelerated proximal gradient steps with restarts (Beck and
 * Teboulle 2009; O'Donoghue and Candes 2015).
 */
#include "logreg_internal.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "num/spd.h"

#define SWEEPS 1000				/* over the coefficients, at most, for a model */
#define HALVINGS 40

static double
shrink(double v, double by)
{
	return v > by ? v - by : v < -by ? v + by : 0;
}

/* The part of the penalty that is not smooth. */
static double
l1_norm(const LogregProblem *p, const double *theta)
{
	double		sum = 0;

	for (int i = 0; i < p->total; i++)
		sum += p->l1[i] * fabs(theta[i]);
	return sum;
}

typedef struct Model
{
	const LogregProblem *p;
	const double *h;			/* [n][n], both triangles; the smooth penalty counted */
	const double *theta;
	double	   *next;			/* [n] */
	double	   *slope;			/* [n] of the smooth part at next */
	int		   *active;			/* [n] coefficients that are not 0, or not penalised */
	double	   *system;			/* [n][n] */
	double	   *rhs;
	double	   *floor;
	bool	   *dropped;
} Model;

ECML_CLONES static void
add(double *y, double factor, const double *x, int n)
{
	for (int i = 0; i < n; i++)
		y[i] += factor * x[i];
}

/* The minimum over coordinate i; what it gains in the model's metric. */
static double
coordinate(Model *m, int i)
{
	int			n = m->p->total;
	double		curvature = m->h[(size_t) i * n + i];
	double		value;
	double		change;

	if (!(curvature > 0))
		return 0;
	value = shrink(m->next[i] - m->slope[i] / curvature, m->p->l1[i] / curvature);
	change = value - m->next[i];
	if (change == 0)
		return 0;
	m->next[i] = value;
	add(m->slope, change, m->h + (size_t) i * n, n);
	return curvature * change * change;
}

/* With the signs as they are, the minimum is where the slopes are those of the penalty; false: signs would change. */
static bool
solve_signs(Model *m, int nactive)
{
	int			n = m->p->total;
	int			k = nactive;

	for (int a = 0; a < k; a++)
	{
		int			i = m->active[a];

		for (int b = 0; b <= a; b++)
			m->system[(size_t) a * k + b] = m->h[(size_t) i * n + m->active[b]];
		m->floor[a] = 1e-13 * m->h[(size_t) i * n + i];
		m->rhs[a] = -m->slope[i] - (m->next[i] > 0 ? m->p->l1[i] : m->next[i] < 0 ? -m->p->l1[i] : 0);
	}
	if (ecml_spd_factor(m->p->ctx, m->system, k, k, m->floor, m->dropped) < k)
		return false;
	ecml_spd_solve(m->system, k, k, m->dropped, m->rhs);
	for (int a = 0; a < k; a++)
	{
		int			i = m->active[a];

		if (m->p->l1[i] > 0 && (m->next[i] + m->rhs[a]) * m->next[i] <= 0)
			return false;
	}
	for (int a = 0; a < k; a++)
	{
		int			i = m->active[a];

		m->next[i] += m->rhs[a];
		add(m->slope, m->rhs[a], m->h + (size_t) i * n, n);
		ecml_poll(m->p->ctx, 0, 0);
	}
	return true;
}

/* Minimise the model until a sweep gains at most enough. */
static void
minimise(Model *m, double enough)
{
	int			n = m->p->total;

	for (int sweep = 0; sweep < SWEEPS; sweep++)
	{
		double		gain = 0;
		int			nactive = 0;
		bool		joined = false;

		for (int i = 0; i < n; i++)
		{
			bool		zero = m->next[i] == 0;

			gain += coordinate(m, i);
			if (m->next[i] != 0 || m->p->l1[i] == 0)
				m->active[nactive++] = i;
			joined |= zero != (m->next[i] == 0);
			if (i % 64 == 0)
				ecml_poll(m->p->ctx, 0, 0);
		}
		if (gain <= enough)
			return;
		/* a quick solution among those that are not 0; the next sweep shows whether it is the minimum */
		if (!joined || sweep % 8 == 7)
		{
			if (solve_signs(m, nactive))
				continue;
			for (int inner = 0; inner < 20; inner++)
			{
				gain = 0;
				for (int a = 0; a < nactive; a++)
					gain += coordinate(m, m->active[a]);
				ecml_poll(m->p->ctx, 0, 0);
				if (gain <= enough)
					break;
			}
		}
	}
}

static void
proximal_newton(const LogregProblem *p, double *theta, LogregOutcome *outcome)
{
	EcmlCtx    *ctx = p->ctx;
	int			n = p->total;
	double		exact = p->params->tolerance * p->params->tolerance * p->weight;
	LogregSums *sums = logreg_sums(p, true);
	LogregSums *trial_sums = logreg_sums(p, false);
	double	   *trial = ECML_NEW(ctx, double, n);
	Model		m = {.p = p,.h = sums->matrix,.theta = theta};
	double		before = 1;

	m.next = ECML_NEW(ctx, double, n);
	m.slope = ECML_NEW(ctx, double, n);
	m.active = ECML_NEW(ctx, int, n);
	m.system = ECML_NEW(ctx, double, (size_t) n * n);
	m.rhs = ECML_NEW(ctx, double, n);
	m.floor = ECML_NEW(ctx, double, n);
	m.dropped = ECML_NEW(ctx, bool, n);
	outcome->sums = sums;
	outcome->step = ECML_NEW0(ctx, double, n);
	while (outcome->iterations < p->params->max_iter)
	{
		double		value;
		double		norm;
		double		promised = 0;
		double		length = 0;
		double		t = 1;

		outcome->iterations++;
		logreg_pass(p, theta, LOGREG_GRADIENT | LOGREG_HESSIAN, 1, sums);
		outcome->loss = sums->value;
		outcome->correct = sums->correct;
		logreg_add_penalty(p, theta, 1, sums);
		for (int i = 0; i < n; i++)
		{
			for (int j = 0; j < i; j++)
				sums->matrix[(size_t) j * n + i] = sums->matrix[(size_t) i * n + j];
			ecml_poll(ctx, 0, 0);
		}
		memcpy(m.next, theta, n * sizeof(double));
		memcpy(m.slope, sums->gradient, n * sizeof(double));
		minimise(&m, fmax(fmin(1e-3 * before, 1) * 1e-3 * before, 1e-6 * exact));
		value = sums->value;
		norm = l1_norm(p, theta);
		for (int i = 0; i < n; i++)
		{
			double		d = outcome->step[i] = m.next[i] - theta[i];

			promised += sums->gradient[i] * d;
			length += d * (m.slope[i] - sums->gradient[i]);	/* d' H d */
		}
		promised += l1_norm(p, m.next) - norm;
		before = length;
		if (length <= exact || promised >= 0)
		{
			memcpy(theta, m.next, n * sizeof(double));
			outcome->converged = true;
			break;
		}
		for (int halving = 0; halving < HALVINGS; halving++, t /= 2)
		{
			double		total;

			for (int i = 0; i < n; i++)
				trial[i] = t == 1 ? m.next[i] : theta[i] + t * outcome->step[i];
			/* close to the minimum a whole step is right */
			if (length <= 1e-3 * p->weight / p->n)
				break;
			logreg_pass(p, trial, 0, 1, trial_sums);
			logreg_add_penalty(p, trial, 1, trial_sums);
			total = trial_sums->value + l1_norm(p, trial);
			if (total <= value + norm + 1e-4 * t * promised + 1e-14 * fabs(value))
				break;
		}
		memcpy(theta, trial, n * sizeof(double));
	}
	/* where there is no L1 part, standard errors follow */
	for (int i = 0; i < n; i++)
		m.floor[i] = 0;
	ecml_spd_factor(ctx, sums->matrix, n, n, m.floor, m.dropped);
	for (int i = 0; i < n; i++)
		outcome->step[i] = m.dropped[i] ? INFINITY : outcome->step[i];
}

/* ---------------------------------------------------------------- without a Hessian */

static double
smooth_at(const LogregProblem *p, const double *theta, LogregSums *sums)
{
	logreg_pass(p, theta, LOGREG_GRADIENT, 1, sums);
	logreg_add_penalty(p, theta, 1, sums);
	return sums->value;
}

static void
proximal_gradient(const LogregProblem *p, double *theta, LogregOutcome *outcome)
{
	EcmlCtx    *ctx = p->ctx;
	int			n = p->total;
	double		exact = p->params->tolerance * p->params->tolerance * p->weight;
	LogregSums *sums = logreg_sums(p, false);
	LogregSums *trial_sums = logreg_sums(p, false);
	double	   *at = ECML_NEW(ctx, double, n);	/* theta, and some of the last step beyond it */
	double	   *next = ECML_NEW(ctx, double, n);
	double		curvature = 0.25 * p->weight;	/* z has deviation 1 */
	double		momentum = 1;

	outcome->step = ECML_NEW0(ctx, double, n);
	memcpy(at, theta, n * sizeof(double));
	/* an iteration is much less than one of Newton's */
	for (int iteration = 0; iteration / 100 < p->params->max_iter; iteration++)
	{
		double		value = smooth_at(p, at, sums);
		double		follow;
		double		length;
		double		against;
		double		grown;

		outcome->iterations = iteration + 1;
		curvature *= 0.9;
		for (;;)
		{
			double		model = value;

			length = 0;
			for (int i = 0; i < n; i++)
			{
				double		d;

				next[i] = shrink(at[i] - sums->gradient[i] / curvature, p->l1[i] / curvature);
				d = next[i] - at[i];
				model += sums->gradient[i] * d;
				length += d * d;
			}
			if (smooth_at(p, next, trial_sums) <= model + 0.5 * curvature * length + 1e-14 * fabs(value))
				break;
			curvature *= 2;
		}
		/* a step that goes against the momentum ends it */
		against = 0;
		for (int i = 0; i < n; i++)
			against += (at[i] - next[i]) * (next[i] - theta[i]);
		if (against > 0)
			momentum = 1;
		grown = (1 + sqrt(1 + 4 * momentum * momentum)) / 2;
		follow = (momentum - 1) / grown;
		momentum = grown;
		for (int i = 0; i < n; i++)
		{
			outcome->step[i] = next[i] - theta[i];
			at[i] = next[i] + follow * outcome->step[i];
			theta[i] = next[i];
		}
		if (curvature * length <= exact)
		{
			outcome->converged = true;
			break;
		}
	}
	logreg_pass(p, theta, 0, 1, sums);
	outcome->loss = sums->value;
	outcome->correct = sums->correct;
}

void
logreg_sparse(const LogregProblem *p, double *theta, LogregOutcome *outcome)
{
	if (p->total > LOGREG_DENSE)
		proximal_gradient(p, theta, outcome);
	else
		proximal_newton(p, theta, outcome);
}
