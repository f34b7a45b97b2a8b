/*
 * logreg_internal.h - what the files of logistic regression share
 *
 * Inside, terms are z = (x - shift) * factor, so that columns have mean 0 (with an intercept) and deviation 1, and parameters
 * theta [vectors][size] belong to (1, z), or to z without an intercept.  Terms that are aliased, constant or the offset have no
 * place in z.
 */
#ifndef ECML_LOGREG_INTERNAL_H
#define ECML_LOGREG_INTERNAL_H

#include "logreg.h"
#include "num/cross.h"

#define LOGREG_FUSED 256		/* up to so many parameters each task sums a Hessian of its own */

/* What a pass over the rows computes beside the value. */
#define LOGREG_GRADIENT 1
#define LOGREG_HESSIAN 2
#define LOGREG_MEAT 4			/* sum of the outer products of the rows' gradients, in place of the Hessian */
#define LOGREG_GRAM 8			/* sum of w z z', [size][size], in place of the Hessian */
#define LOGREG_PACK 16			/* make floats of z, and work with them; matrices of LOGREG_FUSED parameters at most */
#define LOGREG_PACKED 32		/* work with those that were made: half the memory to read; all rows have them */
#define LOGREG_ROWS 64			/* with either: floats for the Hessian alone, value and gradient of the rows themselves */

/* What passes leave for the next one. */
typedef struct LogregScratch
{
	struct LogregChunk *chunks; /* [nchunks] of workers */
	int			nchunks;
	int			size;			/* that they are made for */
	int			vectors;
	double	   *slots;
	size_t		nslots;			/* doubles */
	float	   *packed;			/* chunks of the data, in parts: see num/cross.h; or NULL */
	float	   *rounded;		/* without it: a chunk of each worker */
} LogregScratch;

typedef struct LogregProblem
{
	EcmlCtx    *ctx;
	EcmlData   *data;
	const LogregTask *task;
	const LogregParams *params;
	const EcmlCross *cross;
	LogregScratch *scratch;
	int			terms;			/* columns of the data */
	int			used;			/* of them in z */
	int		   *column;			/* [used] */
	int			size;			/* used, and 1 for the intercept */
	int			vectors;
	int			total;			/* vectors * size: parameters */
	bool		symmetric;		/* a vector for each of more than two classes */
	double	   *mean;			/* [terms] by weight */
	double	   *deviation;		/* [terms]; without an intercept root mean square */
	double	   *low;			/* [terms] */
	double	   *high;
	double	   *class_weight;	/* [classes] */
	double	   *class_total;	/* [classes] weight of its rows */
	double		n;				/* rows of weight above 0 */
	double		weight;			/* of all rows */
	double	   *l1;				/* [total] penalties of theta */
	double	   *l2;
	double		anchor;			/* symmetric: the square of the sum of the intercepts times half of this is added */
} LogregProblem;

/* Sums over the rows at some theta. */
typedef struct LogregSums
{
	double		value;			/* minus log likelihood */
	double		weight;			/* of the rows that took part */
	double		correct;		/* of those whose class is the likeliest */
	double	   *gradient;		/* [total] */
	double	   *matrix;			/* [total][total] column-major, upper triangle; NULL unless wanted ([size][size] for a Gram) */
} LogregSums;

/* logreg_pass.c: step > 1: one chunk of rows in so many. */
extern void logreg_pass(const LogregProblem *p, const double *theta, int what, int step, LogregSums *sums);
extern LogregSums *logreg_sums(const LogregProblem *p, bool matrix);

/* logreg_moments.c: weights of classes, moments of columns, what is constant */
extern void logreg_statistics(LogregProblem *p);

/*
 * Get ready for LOGREG_PACK; false: it is not worth it.  Without the memory for it rows are read and rounded each time: the
 * same bits.
 */
extern bool logreg_begin_packing(const LogregProblem *p);
extern void logreg_unpack(const LogregProblem *p);

/* logreg_newton.c: smooth objectives; logreg_penalty.c: those with an L1 part */
typedef struct LogregOutcome
{
	int			iterations;
	bool		converged;
	bool		diverges;		/* separation: step tells along what */
	double	   *step;			/* [total] the last one; infinite where there was no curvature */
	LogregSums *sums;			/* its matrix: the factor R of the last Hessian, penalty counted (of a smooth objective) */
	double		loss;			/* of all rows */
	double		correct;		/* weight of the rows whose class is the likeliest */
} LogregOutcome;

extern void logreg_smooth(const LogregProblem *p, double *theta, LogregOutcome *outcome);
extern void logreg_sparse(const LogregProblem *p, double *theta, LogregOutcome *outcome);

/* Add the smooth part of the penalty; scale: of the whole that the sums are of. */
extern void logreg_add_penalty(const LogregProblem *p, const double *theta, double scale, LogregSums *sums);

/* logreg_errors.c: variances of theta; errors [vectors][1 + terms], of the untransformed coefficients. */
extern void logreg_errors(const LogregProblem *p, const double *theta, LogregSums *sums, const bool *dropped, double *errors);

#endif							/* ECML_LOGREG_INTERNAL_H */
