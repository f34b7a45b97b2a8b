/*
 * bandit.h - bandits: which of several arms to try next, by what they brought so far
 */
#ifndef ECML_PRICING_BANDIT_H
#define ECML_PRICING_BANDIT_H

#include "num/ctx.h"

#define BANDIT_MAX_ARMS 1000
#define BANDIT_MAX_FEATURES 200

typedef enum BanditPolicy		/* the order of the choices in SQL */
{
	BANDIT_THOMPSON,			/* rewards in 0 .. 1, beta posterior */
	BANDIT_THOMPSON_GAUSSIAN,
	BANDIT_UCB1,
	BANDIT_EPSILON_GREEDY,
	BANDIT_LINUCB,
	BANDIT_LINEAR_THOMPSON
} BanditPolicy;

typedef struct BanditParams
{
	BanditPolicy policy;
	double		prior_success;	/* > 0, of the beta prior */
	double		prior_failure;
	double		exploration;	/* UCB1, LinUCB: width of the bound; linear Thompson: of the deviation */
	double		scale;			/* UCB1: range of the rewards */
	double		epsilon;
	double		epsilon_decay;	/* epsilon / (1 + epsilon_decay * rewards) */
	double		ridge;			/* > 0 */
	double		decay;			/* rate by which what was seen loses weight, per unit of the clock; 0: none */
	bool		unrewarded_zero;	/* a choice without reward counts as reward 0 */
} BanditParams;

#define BANDIT_DEFAULTS {.prior_success = 1, .prior_failure = 1, .exploration = 1, .scale = 1, .epsilon = 0.1, .ridge = 1}

/* What is known of an arm; an array of zeros to begin with. */
typedef struct BanditArm
{
	int64_t		choices;		/* exact counts, without decay */
	int64_t		rewards;
	double		total;			/* of rewards, without decay */
	double		tries;			/* choices, rewards, sums of rewards and of their squares, with decay */
	double		n;
	double		sum;
	double		squares;
	double		clock;			/* when the decay was last applied */
	int			d;				/* features, the constant among them; 0: none */
	double	   *gram;			/* [d][d] sums of x x' */
	double	   *moment;			/* [d] of x times reward */
} BanditArm;

static inline bool
bandit_is_contextual(BanditPolicy policy)
{
	return policy == BANDIT_LINUCB || policy == BANDIT_LINEAR_THOMPSON;
}

/* Let an arm lose weight up to a moment. */
extern void bandit_age(const BanditParams *params, BanditArm *arm, double clock);

/* An event at a moment; x [arm->d], the constant first, or NULL. */
extern void bandit_chosen(const BanditParams *params, BanditArm *arm, double clock);
extern void bandit_rewarded(const BanditParams *params, BanditArm *arm, double clock, double reward, const double *x);

/*
 * The arm to try, of n, all aged to the same moment.  x [d], the constant first (contextual policies).  scratch
 * [bandit_scratch(d)].  Arms of another d than the context's count as unknown.
 */
extern int	bandit_choose(const BanditParams *params, const BanditArm *arms, int n, const double *x, int d, EcmlRng *rng,
						  double *scratch);
extern size_t bandit_scratch(int d);

/* Probability to have the highest mean, by draws from the posterior: best [n]. */
extern void bandit_best(EcmlCtx *ctx, const BanditParams *params, const BanditArm *arms, int n, int draws, double *best);

/* The estimate of an arm's mean reward with an interval (of the posterior). */
extern void bandit_mean(const BanditParams *params, const BanditArm *arms, int n, int arm, double level, double *mean, double *low,
						double *high);

/* Draws, for tests too. */
extern double bandit_draw_gamma(EcmlRng *rng, double shape);
extern double bandit_draw_beta(EcmlRng *rng, double a, double b);

#endif							/* ECML_PRICING_BANDIT_H */
