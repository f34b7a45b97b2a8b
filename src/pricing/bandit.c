/*
 * bandit.c - the policies: Thompson sampling, UCB1, epsilon-greedy, LinUCB, linear Thompson sampling
 *
 * Thompson (1933; Chapelle and Li 2011): draw the mean of each arm from its posterior, take the greatest.  Rewards in 0 .. 1: a beta
 * posterior, to which a fraction adds a fraction of a success.  Other rewards: normal with unknown variance; the prior is worth one
 * observation of the mean and variance of all arms together, so that no scale need be given.
 * UCB1 (Auer, Cesa-Bianchi and Fischer 2002): mean + scale * exploration * sqrt(2 ln N / n); with decay it is discounted UCB
 * (Garivier and Moulines 2008).
 * LinUCB, a ridge regression for each arm (Li et al. 2010): x'theta + exploration * sqrt(x' A^-1 x); linear Thompson sampling
 * (Agrawal and Goyal 2013): theta drawn from normal(A^-1 b, s^2 A^-1).
 *
 * Cost: arms, or arms * features^3 / 6.
 */
#include "pricing/bandit.h"

#include <math.h>
#include <string.h>

#include "num/dist.h"

/* ---- draws */

/* Marsaglia and Tsang 2000; below 1 by a power of a uniform number */
double
bandit_draw_gamma(EcmlRng *rng, double shape)
{
	double		boost = 1;
	double		d;
	double		c;

	if (shape < 1)
	{
		boost = pow(1 - ecml_rng_double(rng), 1 / shape);
		shape += 1;
	}
	d = shape - 1.0 / 3;
	c = 1 / sqrt(9 * d);
	for (;;)
	{
		double		x = ecml_rng_normal(rng);
		double		v = 1 + c * x;
		double		u;

		if (v <= 0)
			continue;
		v = v * v * v;
		u = 1 - ecml_rng_double(rng);
		if (log(u) < 0.5 * x * x + d - d * v + d * log(v))
			return boost * d * v;
	}
}

double
bandit_draw_beta(EcmlRng *rng, double a, double b)
{
	double		x = bandit_draw_gamma(rng, a);
	double		y = bandit_draw_gamma(rng, b);

	/* both may vanish when both shapes are tiny: then it is 0 or 1 */
	return x + y > 0 ? x / (x + y) : ecml_rng_double(rng) * (a + b) < a;
}

/* ---- what is known */

void
bandit_age(const BanditParams *params, BanditArm *arm, double clock)
{
	double		factor;

	if (params->decay > 0 && clock > arm->clock)
	{
		factor = exp(-params->decay * (clock - arm->clock));
		arm->tries *= factor;
		arm->n *= factor;
		arm->sum *= factor;
		arm->squares *= factor;
		for (int i = 0; i < arm->d * arm->d; i++)
			arm->gram[i] *= factor;
		for (int i = 0; i < arm->d; i++)
			arm->moment[i] *= factor;
	}
	arm->clock = fmax(arm->clock, clock);
}

void
bandit_chosen(const BanditParams *params, BanditArm *arm, double clock)
{
	bandit_age(params, arm, clock);
	arm->choices++;
	arm->tries++;
}

void
bandit_rewarded(const BanditParams *params, BanditArm *arm, double clock, double reward, const double *x)
{
	bandit_age(params, arm, clock);
	arm->rewards++;
	arm->total += reward;
	arm->n++;
	arm->sum += reward;
	arm->squares += reward * reward;
	if (x == NULL)
		return;
	for (int i = 0; i < arm->d; i++)
	{
		arm->moment[i] += x[i] * reward;
		for (int j = 0; j < arm->d; j++)
			arm->gram[i * arm->d + j] += x[i] * x[j];
	}
}

/* How many rewards a mean rests on. */
static double
counted(const BanditParams *params, const BanditArm *arm)
{
	return params->unrewarded_zero ? fmax(arm->tries, arm->n) : arm->n;
}

/* ---- posteriors */

typedef struct Common
{
	double		n;
	double		mean;
	double		variance;		/* within arms; of all rewards where that is 0 */
} Common;

static Common
common(const BanditParams *params, const BanditArm *arms, int n)
{
	Common		c = {0, 0, 0};
	double		sum = 0;
	double		within = 0;
	double		squares = 0;
	double		df = 0;

	for (int a = 0; a < n; a++)
	{
		double		count = counted(params, &arms[a]);

		c.n += count;
		sum += arms[a].sum;
		squares += arms[a].squares;
		if (count > 0)
		{
			within += fmax(arms[a].squares - arms[a].sum * arms[a].sum / count, 0);
			df += fmax(count - 1, 0);
		}
	}
	if (c.n > 0)
	{
		c.mean = sum / c.n;
		c.variance = df > 0 && within > 0 ? within / df : fmax(squares / c.n - c.mean * c.mean, 0);
	}
	return c;
}

/*
 * Normal, unknown variance: mean m, precision kappa / variance, variance inverse gamma(shape, rate).
 */
typedef struct Posterior
{
	double		mean;
	double		kappa;
	double		shape;
	double		rate;
} Posterior;

static Posterior
posterior(const BanditParams *params, const BanditArm *arm, const Common *c)
{
	double		n = counted(params, arm);
	double		mean = n > 0 ? arm->sum / n : 0;
	double		ss = n > 0 ? fmax(arm->squares - n * mean * mean, 0) : 0;
	Posterior	p;

	p.kappa = 1 + n;
	p.mean = (c->mean + n * mean) / p.kappa;
	p.shape = 1 + n / 2;
	p.rate = c->variance + ss / 2 + n * (mean - c->mean) * (mean - c->mean) / (2 * p.kappa);
	return p;
}

static double
draw_mean(const BanditParams *params, const BanditArm *arm, const Common *c, EcmlRng *rng)
{
	if (params->policy == BANDIT_THOMPSON)
	{
		double		n = counted(params, arm);

		return bandit_draw_beta(rng, params->prior_success + fmax(arm->sum, 0), params->prior_failure + fmax(n - arm->sum, 0));
	}
	else
	{
		Posterior	p = posterior(params, arm, c);
		double		variance = p.rate / bandit_draw_gamma(rng, p.shape);

		return p.mean + sqrt(variance / p.kappa) * ecml_rng_normal(rng);
	}
}

/* ---- linear models of a context */

size_t
bandit_scratch(int d)
{
	return (size_t) d * d + 3 * (size_t) d + 1;
}

/* a = ridge I + gram factorised: a = L L'; theta = a^-1 moment; w = L^-1 x. */
static void
solve(const BanditParams *params, const BanditArm *arm, const double *x, int d, double *l, double *theta, double *w)
{
	bool		known = arm->d == d;

	for (int i = 0; i < d; i++)
	{
		for (int j = 0; j <= i; j++)
		{
			double		sum = (known ? arm->gram[i * d + j] : 0) + (i == j ? params->ridge : 0);

			for (int t = 0; t < j; t++)
				sum -= l[i * d + t] * l[j * d + t];
			l[i * d + j] = i == j ? sqrt(fmax(sum, 1e-12 * params->ridge)) : sum / l[j * d + j];
		}
		theta[i] = known ? arm->moment[i] : 0;
		w[i] = x[i];
		for (int t = 0; t < i; t++)
		{
			theta[i] -= l[i * d + t] * theta[t];
			w[i] -= l[i * d + t] * w[t];
		}
		theta[i] /= l[i * d + i];
		w[i] /= l[i * d + i];
	}
	for (int i = d - 1; i >= 0; i--)
	{
		for (int t = i + 1; t < d; t++)
			theta[i] -= l[t * d + i] * theta[t];
		theta[i] /= l[i * d + i];
	}
}

/* Residual deviation of an arm's rewards; 1 until there are rewards enough. */
static double
deviation(const BanditParams *params, const BanditArm *arm, const double *theta, int d)
{
	double		fitted = 0;

	if (arm->d != d || arm->n < d + 2)
		return 1;
	/* y'y - 2 theta'b + theta'G theta */
	for (int i = 0; i < d; i++)
	{
		double		g = -2 * arm->moment[i];

		for (int j = 0; j < d; j++)
			g += arm->gram[i * d + j] * theta[j];
		fitted += theta[i] * g;
	}
	return sqrt(fmax((arm->squares + fitted) / (arm->n - d), 1e-12 * (arm->squares + 1e-290) / arm->n));
}

static double
linear_score(const BanditParams *params, const BanditArm *arm, const double *x, int d, EcmlRng *rng, double *scratch)
{
	double	   *l = scratch;
	double	   *theta = l + (size_t) d * d;
	double	   *w = theta + d;
	double		mean = 0;
	double		spread = 0;

	solve(params, arm, x, d, l, theta, w);
	for (int i = 0; i < d; i++)
	{
		mean += theta[i] * x[i];
		spread += w[i] * w[i];
	}
	if (params->policy == BANDIT_LINUCB)
		return mean + params->exploration * sqrt(spread);
	/* x'theta of a draw of theta is normal itself */
	return mean + params->exploration * deviation(params, arm, theta, d) * sqrt(spread) * ecml_rng_normal(rng);
}

/* ---- choice */

int
bandit_choose(const BanditParams *params, const BanditArm *arms, int n, const double *x, int d, EcmlRng *rng, double *scratch)
{
	Common		c = common(params, arms, n);
	double		best = -INFINITY;
	int			chosen = 0;
	int			ties = 0;
	int			least = params->policy == BANDIT_THOMPSON_GAUSSIAN ? 2 : 1;

	if (params->policy == BANDIT_EPSILON_GREEDY &&
		ecml_rng_double(rng) < params->epsilon / (1 + params->epsilon_decay * c.n))
		return (int) ecml_rng_below(rng, n);
	for (int a = 0; a < n; a++)
	{
		double		count = counted(params, &arms[a]);
		double		score;

		if (bandit_is_contextual(params->policy))
			score = linear_score(params, &arms[a], x, d, rng, scratch);
		else if (params->policy == BANDIT_THOMPSON)
			score = draw_mean(params, &arms[a], &c, rng);
		else if (arms[a].rewards < least && arms[a].choices < 10 * least)
			/* tried first; one that was chosen often and never rewarded is not waited for */
			score = INFINITY;
		else if (params->policy == BANDIT_THOMPSON_GAUSSIAN)
			score = draw_mean(params, &arms[a], &c, rng);
		else if (!(count > 0))
			score = INFINITY;
		else if (params->policy == BANDIT_UCB1)
			score = arms[a].sum / count + params->scale * params->exploration * sqrt(2 * log(fmax(c.n, 1)) / count);
		else
			score = arms[a].sum / count;
		if (score > best || a == 0)
		{
			best = score;
			chosen = a;
			ties = 1;
		}
		else if (score == best && ecml_rng_below(rng, ++ties) == 0)
			chosen = a;
	}
	return chosen;
}

/* ---- report */

void
bandit_best(EcmlCtx *ctx, const BanditParams *params, const BanditArm *arms, int n, int draws, double *best)
{
	BanditParams draw = *params;
	Common		c = common(params, arms, n);

	/* of policies without a posterior: that of Thompson sampling for such rewards */
	if (draw.policy != BANDIT_THOMPSON)
		draw.policy = BANDIT_THOMPSON_GAUSSIAN;
	memset(best, 0, n * sizeof(double));
	for (int i = 0; i < draws; i++)
	{
		double		most = -INFINITY;
		int			which = 0;

		if (i % 1024 == 0)
			ecml_poll(ctx, i, draws);
		for (int a = 0; a < n; a++)
		{
			double		mean = draw_mean(&draw, &arms[a], &c, &ctx->rng);

			if (mean > most)
			{
				most = mean;
				which = a;
			}
		}
		best[which] += 1.0 / draws;
	}
}

void
bandit_mean(const BanditParams *params, const BanditArm *arms, int n, int arm, double level, double *mean, double *low, double *high)
{
	const BanditArm *of = &arms[arm];
	double		count = counted(params, of);
	double		tail = (1 - level) / 2;

	*mean = count > 0 ? of->sum / count : NAN;
	if (params->policy == BANDIT_THOMPSON)
	{
		double		a = params->prior_success + fmax(of->sum, 0);
		double		b = params->prior_failure + fmax(count - of->sum, 0);

		*low = ecml_beta_quantile(tail, a, b);
		*high = ecml_beta_isf(tail, a, b);
	}
	else
	{
		Common		c = common(params, arms, n);
		Posterior	p = posterior(params, of, &c);
		double		half = ecml_t_isf(tail, 2 * p.shape) * sqrt(p.rate / p.shape / p.kappa);

		*low = count > 0 ? p.mean - half : NAN;
		*high = count > 0 ? p.mean + half : NAN;
	}
}
