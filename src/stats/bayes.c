/*
 * bayes.c - Bayesian comparison of variants: see bayes.h
 *
 * Exact integrals instead of draws: P(i is best) = integral f_i(x) prod_{j != i} F_j(x) dx, and the expected loss of i is
 * E[max] - E[i] with E[max] = top - integral prod_j F_j(x) dx.  Gauss-Kronrod (7, 15) with halving where both disagree, over
 * the range that holds all but 1e-14 of the variants' posteriors.
 */
#include "stats/bayes.h"

#include <math.h>

#include "num/dist.h"

#define LEVELS 24				/* halvings, at most */
#define TOLERANCE 1e-11
#define TAIL 1e-15

typedef struct Integrand
{
	EcmlCtx    *ctx;
	const BayesArm *arms;
	int			n;
	bool		beta;
	int			arm;			/* the one whose density stands in it; -1: none */
} Integrand;

static double
cdf(const Integrand *f, int i, double x)
{
	const BayesArm *arm = &f->arms[i];

	return f->beta ? ecml_beta_cdf(x, arm->a, arm->b) : ecml_normal_cdf((x - arm->a) / arm->b);
}

static double
pdf(const Integrand *f, int i, double x)
{
	const BayesArm *arm = &f->arms[i];

	return f->beta ? ecml_beta_pdf(x, arm->a, arm->b) : ecml_normal_pdf((x - arm->a) / arm->b) / arm->b;
}

static double
quantile(const Integrand *f, int i, double p)
{
	const BayesArm *arm = &f->arms[i];

	return f->beta ? ecml_beta_quantile(p, arm->a, arm->b) : arm->a + arm->b * ecml_normal_quantile(p);
}

static double
isf(const Integrand *f, int i, double q)
{
	const BayesArm *arm = &f->arms[i];

	return f->beta ? ecml_beta_isf(q, arm->a, arm->b) : arm->a + arm->b * ecml_normal_isf(q);
}

static double
value(const Integrand *f, double x)
{
	double		product = f->arm >= 0 ? pdf(f, f->arm, x) : 1;

	for (int j = 0; j < f->n && product > 0; j++)
		if (j != f->arm)
			product *= cdf(f, j, x);
	return product;
}

/* Kronrod's points and weights on -1 .. 1, and Gauss's weights of every second of them; from the middle outwards. */
static const double points[8] = {
	0.000000000000000000000000000000000, 0.207784955007898467600689403773245, 0.405845151377397166906606412076961,
	0.586087235467691130294144691258729, 0.741531185599394439863864773280788, 0.864864423359769072789712788640926,
	0.949107912342758524526189684047851, 0.991455371120812639206854697526329
};
static const double kronrod[8] = {
	0.209482141084727828012999174891714, 0.204432940075298892414161999234649, 0.190350578064785409913256402421014,
	0.169004726639267902826583426598550, 0.140653259715525918745189590510238, 0.104790010322250183839876322541518,
	0.063092092629978553290700663189204, 0.022935322010529224963732008058970
};
static const double gauss[4] = {
	0.417959183673469387755102040816327, 0.381830050505118944950369775488975, 0.279705391489276667901467771423780,
	0.129484966168869693270611432679082
};

static double
integrate(const Integrand *f, double low, double high, double tolerance, int levels)
{
	double		middle = (low + high) / 2;
	double		half = (high - low) / 2;
	double		fine = 0;
	double		coarse = 0;

	ecml_poll(f->ctx, 0, 0);
	for (int i = 0; i < 8; i++)
	{
		double		v = value(f, middle + half * points[i]) + (i > 0 ? value(f, middle - half * points[i]) : 0);

		fine += kronrod[i] * v;
		if (i % 2 == 0)
			coarse += gauss[i / 2] * v;
	}
	fine *= half;
	coarse *= half;
	if (levels == 0 || fabs(fine - coarse) <= tolerance)
		return fine;
	return integrate(f, low, middle, tolerance / 2, levels - 1) + integrate(f, middle, high, tolerance / 2, levels - 1);
}

/* Over low .. high, in pieces that end at the middle of each variant: nothing narrow lies between the points. */
static double
integrate_pieces(const Integrand *f, double low, double high, double scale)
{
	double		ends[3 * BAYES_MAX_ARMS + 2];
	int			n = 0;
	double		sum = 0;

	ends[n++] = low;
	ends[n++] = high;
	for (int j = 0; j < f->n; j++)
	{
		double		at[3] = {quantile(f, j, 1e-4), quantile(f, j, 0.5), isf(f, j, 1e-4)};

		for (int k = 0; k < 3; k++)
			if (at[k] > low && at[k] < high)
				ends[n++] = at[k];
	}
	for (int i = 1; i < n; i++)
		for (int j = i; j > 0 && ends[j - 1] > ends[j]; j--)
		{
			double		other = ends[j];

			ends[j] = ends[j - 1];
			ends[j - 1] = other;
		}
	for (int i = 1; i < n; i++)
		if (ends[i] > ends[i - 1])
			sum += integrate(f, ends[i - 1], ends[i], TOLERANCE * scale / n, LEVELS);
	return sum;
}

void
bayes_compare(EcmlCtx *ctx, const BayesArm *arms, int n, bool beta, double level, BayesPosterior *posteriors)
{
	Integrand	f = {.ctx = ctx, .arms = arms, .n = n, .beta = beta};
	double		low = INFINITY;
	double		high = -INFINITY;
	double		best;

	for (int i = 0; i < n; i++)
	{
		low = fmin(low, quantile(&f, i, TAIL));
		high = fmax(high, isf(&f, i, TAIL));
	}
	f.arm = -1;
	best = high - integrate_pieces(&f, low, high, high - low);
	for (int i = 0; i < n; i++)
	{
		BayesPosterior *p = &posteriors[i];

		p->mean = beta ? arms[i].a / (arms[i].a + arms[i].b) : arms[i].a;
		p->ci_low = quantile(&f, i, (1 - level) / 2);
		p->ci_high = isf(&f, i, (1 - level) / 2);
		f.arm = i;
		p->best = n == 1 ? 1 : fmin(1, fmax(0, integrate_pieces(&f, quantile(&f, i, TAIL), isf(&f, i, TAIL), 1)));
		p->loss = fmax(0, best - p->mean);
	}
}
