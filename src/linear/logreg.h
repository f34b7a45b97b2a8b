/*
 * logreg.h - logistic regression: binary and multinomial; least deviance, L2, L1, elastic net
 *
 * Rows are ECML_F8 blocks of terms with y = class 0 .. classes-1.  One "vector" is an intercept and a coefficient for each
 * term: two classes have one vector (log odds of class 1), more have one for each class but the first, their reference,
 * or, with a penalty, one for each class.
 */
#ifndef ECML_LOGREG_H
#define ECML_LOGREG_H

#include "num/blocks.h"
#include "num/bytes.h"

#define LOGREG_MAX_TERMS 4000
#define LOGREG_MAX_CLASSES 1000
#define LOGREG_DENSE 4000		/* with more parameters there is no Hessian: no standard errors */

typedef enum LogregPenalty
{
	LOGREG_NONE,
	LOGREG_L2,
	LOGREG_L1,
	LOGREG_ELASTICNET,
	LOGREG_IF_SEPARATED			/* none; where classes are separated, a ridge of the strength that the data say; never of a model */
} LogregPenalty;

typedef enum LogregSolver
{
	LOGREG_AUTO,
	LOGREG_NEWTON,
	LOGREG_LBFGS,
	LOGREG_CD					/* proximal Newton, its quadratic models by coordinate descent */
} LogregSolver;

typedef enum LogregRobust
{
	LOGREG_CLASSIC,				/* the inverse of the information */
	LOGREG_HC0,					/* sandwich */
	LOGREG_HC1					/* times n / (n - coefficients) */
} LogregRobust;

/*
 * Minimised over the coefficients b (intercepts are not penalised; the loss of a row is minus the log of the probability of
 * its class, times its weight and that of its class):
 *     none        sum of losses
 *     l2          C sum of losses + ||b||^2 / 2
 *     l1          C sum of losses + ||b||_1
 *     elasticnet  C sum of losses + l1_ratio ||b||_1 + (1 - l1_ratio) ||b||^2 / 2
 */
typedef struct LogregParams
{
	int			penalty;		/* LogregPenalty; default none */
	double		c;				/* scikit-learn's C, > 0; default 1 */
	double		l1_ratio;		/* of the elastic net, 0 to 1; default 0.5 */
	bool		standardize;	/* penalise the coefficients of terms scaled to deviation 1; default false */
	bool		intercept;		/* default true */
	int			solver;			/* LogregSolver */
	int			max_iter;		/* default 100 */
	double		tolerance;		/* root mean square of the last change of the margins, in their own deviations; default 3e-8 */
	int			robust;			/* LogregRobust */
	bool		balanced;		/* the weight of a class is rows / (classes * its rows); default false */
	double		level;			/* of confidence intervals; default 0.95 */
} LogregParams;

#define LOGREG_DEFAULTS LOGREG_DEFAULTS_OF(LOGREG_NONE)
#define LOGREG_DEFAULTS_OF(kind) {.penalty = kind, .c = 1, .l1_ratio = 0.5, .intercept = true, .max_iter = 100, \
	.tolerance = 3e-8, .level = 0.95}

/* What beside the options a fit is told. */
typedef struct LogregTask
{
	const LogregParams *params;
	int			classes;		/* 2 .. LOGREG_MAX_CLASSES */
	int			offset;			/* a term whose coefficient is 1 (two classes only), or -1 */
	const double *class_weight; /* [classes] > 0, or NULL; instead of balanced */
} LogregTask;

typedef struct LogregModel
{
	int			terms;
	int			classes;
	int			vectors;
	int			offset;			/* as in the task */
	bool		intercept;
	bool		converged;
	int			penalty;		/* LogregPenalty */
	int			iterations;		/* over all rows */
	bool	   *aliased;		/* [terms] left out: constant, or a linear combination of terms before it */
	bool	   *separated;		/* [terms] takes part in separating classes: no finite estimate exists */
	double	   *coefficients;	/* [vectors][1 + terms], intercepts first; 0 for an aliased term */
	double	   *std_errors;		/* the same; NaN where not defined */
	double	   *means;			/* [terms] by weight */
	double		n;				/* rows of weight above 0 */
	double		weight;			/* of all rows */
	double		log_likelihood; /* by weight, without the penalty */
	double		null_log_likelihood;	/* with intercepts (and the offset) alone */
	double		parameters;		/* estimated: of the reference parametrisation; with L1 those that are not 0 */
	double		accuracy;		/* on the rows of the training, by weight */
	double		ridge;			/* the C that holds separated classes; 0: none. Not stored */
} LogregModel;

extern const char *logreg_check(const LogregParams *params);

/*
 * Fails with ECML_DATA_EXCEPTION when a class has no weight, on negative weights, and on terms whose squares overflow.
 * Two passes and more over the rows; memory: about 8 terms^2 bytes three times, and 30 MB of scratch.
 */
extern LogregModel *logreg_fit(EcmlCtx *ctx, EcmlData *data, const LogregTask *task);

/* Log odds of class 1 (two classes) for x [terms]. */
extern double logreg_margin(const LogregModel *model, const double *x);

/* p [classes] for x [terms]. */
extern void logreg_probabilities(const LogregModel *model, const double *x, double *p);

/* The vector of a class: [1 + terms]; NULL for the reference class, whose coefficients are 0. */
extern const double *logreg_vector(const LogregModel *model, int class);

/* Log odds of a class (two classes: of class 1) at the means, and what each term adds to it: c [terms]. */
extern void logreg_contributions(const LogregModel *model, const double *x, int class, double *base, double *c);

extern void logreg_write(EcmlWriter *w, const LogregModel *model);
extern LogregModel *logreg_read(EcmlReader *r, int terms, int classes);

/* ---------------------------------------------------------------- step by step (logreg_step.c) */

/* Sums over rows at given coefficients, two classes; those of disjoint rows add up. */
typedef struct LogregStep
{
	int			size;			/* coefficients, the intercept first */
	double	   *coefficients;	/* [size] where the sums are taken */
	double		rows;
	double		log_likelihood;
	double		correct;		/* rows whose class is the likelier one */
	double	   *gradient;		/* [size] of the log likelihood */
	double	   *information;	/* [size][size] minus its Hessian; the lower triangle of rows */
} LogregStep;

extern LogregStep *logreg_step_new(EcmlCtx *ctx, const double *coefficients, int size);
extern void logreg_step_add(LogregStep *step, bool second, const double *x);	/* x [size - 1] */
extern void logreg_step_merge(LogregStep *step, const LogregStep *other);	/* of the same size and coefficients */
extern void logreg_step_write(EcmlWriter *w, const LogregStep *step);
extern LogregStep *logreg_step_read(EcmlReader *r);

/*
 * Newton's step: next [size]; errors [size], standard errors at the coefficients (NaN for a term that is left out: it depends
 * on those before it); returns what the step gains in log likelihood, about.
 */
extern double logreg_step_solve(EcmlCtx *ctx, const LogregStep *step, double *next, double *errors);

/*
 * A fit by such steps of x = (term - mean) / deviation, of two classes without a penalty.  sums(arg, coefficients, step): fill
 * step, made at these coefficients, from all rows.
 */
typedef struct LogregSteps
{
	int			terms;
	const double *mean;			/* [terms] */
	const double *deviation;	/* [terms]; 0: constant */
	const double *low;			/* [terms] */
	const double *high;
	double		rows;
	double		ones;			/* of them in class 1 */
	int			max_iter;
	double		tolerance;		/* as in LogregParams */
	void		(*sums) (void *arg, LogregStep *step);
	void	   *arg;
} LogregSteps;

extern LogregModel *logreg_step_fit(EcmlCtx *ctx, const LogregSteps *steps);

#endif							/* ECML_LOGREG_H */
