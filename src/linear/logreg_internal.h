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
#define LOGREG_FLOATS 16		/* work with floats of z; two classes, matrices of LOGREG_FUSED parameters at most */
#define LOGREG_PAIRS 32			/* with it: value and gradient of pairs of floats, which is as exact as z */
#define LOGREG_KEEP 64			/* with it, over all rows: the passes that follow find them made; again it does nothing */

/* What passes leave for the next one. */
typedef struct LogregScratch
{
	struct LogregChunk *chunks; /* [nchunks] of workers */
	int			nchunks;
	int			size;			/* that they are made for */
	int			vectors;
	double	   *slots;
	size_t		nslots;			/* doubles */
	/* floats: logreg_floats.c */
	float	  **of;				/* [blocks] where a block's are kept; NULL: nowhere */
	float	  **spare;			/* [workers] memory for a block's pairs; NULL: high parts alone are kept, or nothing */
	float	   *all;			/* memory for the high parts of all blocks, or NULL */
	bool		kept;			/* all that can be is kept */
	float	   *own;			/* [workers][2][used][ECML_CHUNK_ROWS] pairs of a chunk, where they are not */
} LogregScratch;

/* z of a chunk as pairs of floats: their sum is z to 48 bits; columns past the last row are 0. */
typedef struct LogregFloats
{
	const float *high;			/* [used][ECML_CHUNK_ROWS] z rounded */
	const float *low;			/* what is left of it; perhaps NULL where LOGREG_PAIRS is not asked for */
	size_t		next;			/* from one chunk's to the next one's, or 0 */
} LogregFloats;

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

/* logreg_floats.c: get ready for LOGREG_FLOATS; false: it is not worth it. */
extern bool logreg_begin_floats(const LogregProblem *p);

/* Other columns will be used: begin again.  Not after LOGREG_KEEP. */
extern void logreg_end_floats(const LogregProblem *p);

/* The floats of the chunk of a block that begins at row from.  In a task. */
extern LogregFloats logreg_floats_of(const LogregProblem *p, int what, const EcmlBlock *block, int from, int worker);

/* Of LOGREG_PART rows of them, from row at on: margin += coefficient * z; gradient [used] += sums of residual * z. */
#define LOGREG_PART 128
extern void logreg_float_margins(const LogregFloats *z, bool pairs, int at, int used, const double *coefficient, double *margin);
extern void logreg_float_gradient(const LogregFloats *z, bool pairs, int at, int used, const double *residual, double *gradient);

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
