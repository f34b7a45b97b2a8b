/*
 * fit_internal.h - what the files of the training share
 *
 * A step is a list of stages.  A chain is a run of operations that a task does for the pictures of its group, one after the
 * other, as long as they are in cache.  Where pictures must be seen together, chains end: for the statistics of a batch normalisation, and
 * for dense layers with many weights, which are read once for all pictures.
 */
#ifndef ECML_IMAGE_FIT_INTERNAL_H
#define ECML_IMAGE_FIT_INTERNAL_H

#include "image/exec.h"
#include "image/fit.h"

#define WIDE_WEIGHTS 32768		/* of a dense layer, from which on it is done for the whole batch at once */
#define DENSE_ROWS 224			/* of its weights in a task: a multiple of every tile's rows that matters */
#define UPDATE_BLOCK 16384		/* weights of a task of the update */
#define MAX_GROUPS 16

typedef enum OpKind
{
	OP_INPUT,
	OP_FORWARD,
	OP_MOMENTS,
	OP_NORMALIZE,
	OP_ACTIVATE,
	OP_LOSS,
	OP_ACTIVATE_BACK,
	OP_BACKWARD,
	OP_SLOPES,
	OP_SPREAD
} OpKind;

typedef struct Op
{
	OpKind		kind;
	int			node;
} Op;

typedef enum StageKind
{
	STAGE_CHAIN,
	STAGE_MEAN,					/* the leader, for a batch normalisation */
	STAGE_SLOPE,
	STAGE_DENSE,
	STAGE_DENSE_BACK
} StageKind;

typedef struct Stage
{
	StageKind	kind;
	int			node;
	int			first;			/* CHAIN: operations */
	int			nops;
	double		work;			/* CHAIN: for one picture */
	int			chunk;			/* CHAIN: pictures at once */
} Stage;

typedef struct StageList
{
	int			n;
	Stage	   *stages;
	int			nops;
	Op		   *ops;
} StageList;

typedef struct Batch
{
	float	   *normal;			/* batch normalisation: [7][c] mean, 1 / deviation, scale, shift, p, q, r */
	double	   *sums;			/* [groups][4][c] sum, square; slope, product */
} Batch;

typedef struct Fit
{
	EcmlCtx    *ctx;
	Network    *net;			/* joined; its weights are those that are trained */
	const PixelsInput *input;
	const CnnRows *rows;
	const CnnParams *params;
	Exec	   *exec;
	StageList	train;
	StageList	test;			/* as in prediction, and the loss */
	size_t		batch;			/* pictures at most */
	int			groups;
	bool		local;			/* one chain: outputs are a worker's, of a chunk, not of the whole batch */
	int			workers;
	bool	   *up;				/* [n] does a gradient have to come to this node's output? */
	bool	   *trained;		/* [n] its weights */
	bool	   *adds;			/* [n][inputs from slot[n]] is the gradient added to what another reader gave? */
	size_t	   *slot;			/* [n] */
	float	  **y;				/* [n] outputs [batch or workers * chunk][values] */
	float	  **g;				/* [n] their gradients, or NULL */
	int			chunk;			/* the largest */
	Batch	   *normals;		/* [n] */
	float	   *grouped;		/* [groups][ngrouped] gradients of groups */
	size_t		ngrouped;
	size_t	   *grouped_at;		/* [n] a node's place in them; SIZE_MAX: direct, or none */
	float	  **direct;			/* [n] gradients that are whole at once, or NULL */
	float	   *shared;			/* [nweights] the sum, when the norm is wanted */
	float	   *first;			/* optimizer: [nweights] moments */
	float	   *second;
	float	   *scratch;		/* [workers][per_worker] */
	size_t		per_worker;
	size_t		at_mixed;		/* within it: the other picture of a mixup, and bytes of an augmented one */
	float	   *packed;			/* dy of a dense layer, packed */
	uint8_t    *staged;			/* [batch][bytes] */
	size_t		row_bytes;
	uint32_t   *order;			/* numbers of the rows in the batch at hand, [batch] */
	double	   *loss;			/* [batch] */
	uint8_t    *right;			/* [batch] */

	/* the step at hand */
	size_t		images;
	bool		training;		/* else: as in prediction */
	bool		gradient_only;	/* tests: statistics stay */
	int64_t		step;
	double		rate;
	double		lambda;			/* mixup: the part of the picture itself; 1: none */
	size_t		partner;		/* and the distance of the other one */
	EcmlRng		changes;		/* augmentation, by step and picture */
	EcmlRng		drops;
	float		clip;			/* factor of the gradient */
	size_t		from;			/* chain at hand: pictures of the group from .. in this round */
	size_t		span;
	const Stage *stage;
	const StageList *list;
	int			stage_workers;
} Fit;

/* fit_plan.c */
extern Fit *fit_create(EcmlCtx *ctx, Network *net, const PixelsInput *input, const CnnRows *rows, const CnnParams *params);

/* fit_step.c: the rows of fit->order; the losses are in fit->loss */
extern void fit_run(Fit *fit, size_t images, bool training);

/* fit_update.c: gradients to weights */
extern void fit_update(Fit *fit);
extern void fit_sum_gradients(Fit *fit, float *into);	/* [nweights] */

#endif							/* ECML_IMAGE_FIT_INTERNAL_H */
