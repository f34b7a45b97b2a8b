/*
 * exec.h - a network ready to be run: packed weights, one node at a time, forward and backward; and whole networks, for serving
 */
#ifndef ECML_IMAGE_EXEC_H
#define ECML_IMAGE_EXEC_H

#include "image/conv.h"

typedef struct ExecNode
{
	bool		conv;			/* by conv.h: conv2d, and dense on [h][w][c] */
	ConvShape	shape;
	float	   *forward;		/* packed weights; NULL: none needed */
	float	   *backward;
} ExecNode;

typedef struct Exec
{
	const Network *net;			/* whose weights are read as they are, and packed by exec_pack */
	const GemmKernel *g;
	ExecNode   *nodes;			/* [net->n] */
	size_t		scratch;		/* floats of a task's scratch memory */
	size_t		bytes;			/* of packed weights */
} Exec;

/* What exec_create would allocate. */
extern size_t exec_bytes(const Network *net, bool backward);

/* Packs too. */
extern Exec *exec_create(EcmlCtx *ctx, const Network *net, bool backward);

/* After weights of a node have changed; for tasks. */
extern void exec_pack(const Exec *exec, int node);

/*
 * As in prediction (statistics of training, no dropout).  in [ninputs]; y [images][values].  linear: without the activation.
 */
extern void exec_forward(const Exec *exec, int node, const float *const *in, float *y, size_t images, bool linear, float *scratch);

/* The activation alone: y in place. */
extern void exec_activate(const Exec *exec, int node, float *y, size_t images);

/*
 * dy, which becomes the gradient before the activation (linear: it is that already); dx[k] (NULL: not wanted) is set or added to;
 * dweights, with places as net->weights (NULL: not wanted), is added to.
 */
extern void exec_backward(const Exec *exec, int node, const float *const *in, const float *y, float *dy, bool linear,
						  float *const *dx, const bool *add, float *dweights, size_t images, float *scratch);

/* ---- a whole network, for prediction */

typedef struct Runner
{
	Exec	   *exec;
	size_t	   *at;				/* [n] where the output of a node begins, in numbers of one picture */
	size_t		room;			/* numbers of one picture */
	int			keep;			/* a node whose output is there at the end, or -1 */
	int			cut;			/* a dense layer with many weights, which are read once for all pictures; 0: none */
	bool	   *early;			/* [n] before the cut: the output is there for few pictures at a time */
	size_t		early_room;		/* numbers of one picture */
	size_t		few;
} Runner;

/* keep: a node whose output is wanted beside that of the last, or -1. */
extern Runner *runner_create(EcmlCtx *ctx, const Network *net, int keep);

/* How many pictures at once are quickest, and one task's work is not long. */
extern size_t runner_batch(const Runner *runner);

/* Floats of working memory for so many pictures at once. */
extern size_t runner_floats(const Runner *runner, size_t images);

/* x [images][values]; for tasks.  The result stays in memory. */
extern const float *runner_run(const Runner *runner, const float *x, size_t images, float *memory);

/* The same for one picture, by the leader: polls, and lets threads share layers with much work. */
extern const float *runner_run_one(const Runner *runner, EcmlCtx *ctx, const float *x, float *memory);

/* Where the output of the node that is kept is then. */
extern const float *runner_kept(const Runner *runner, size_t images, const float *memory, const float *x);

#endif							/* ECML_IMAGE_EXEC_H */
