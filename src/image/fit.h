/*
 * fit.h - training a network on pictures
 *
 * Rows come as bytes of the input's size (fetched by the leader, some at a time, so that they may lie in a file), or as floats.
 * The same seed and rows give the same weights at any number of threads: batches are cut into groups by their size and the
 * network's alone, whose gradients are added in order.
 */
#ifndef ECML_IMAGE_FIT_H
#define ECML_IMAGE_FIT_H

#include "image/network.h"
#include "image/pixels.h"

typedef enum CnnOptimizer
{
	CNN_ADAM,
	CNN_ADAMW,
	CNN_SGD
} CnnOptimizer;

typedef enum CnnSchedule
{
	CNN_CONSTANT,
	CNN_COSINE,					/* down to 0 along half a cosine */
	CNN_STEP,					/* times step_factor each step_epochs epochs */
	CNN_ONE_CYCLE				/* from 1 / 25 up in the first 30 %, then along half a cosine to almost 0 */
} CnnSchedule;

typedef struct CnnParams
{
	int			epochs;
	int			batch_size;
	CnnOptimizer optimizer;
	double		learning_rate;	/* 0: 0.001, of sgd 0.01 */
	double		beta1;
	double		beta2;
	double		epsilon;
	double		momentum;		/* SGD */
	bool		nesterov;
	double		weight_decay;	/* of kernels, as AdamW has it: not through the gradient */
	CnnSchedule schedule;
	double		warmup;			/* epochs in which the rate grows from 0 */
	int			step_epochs;
	double		step_factor;
	double		validation;		/* part of the rows */
	int			patience;		/* epochs without a better validation loss until it stops; 0: never */
	double		min_delta;
	double		label_smoothing;
	double		mixup;			/* alpha of the beta distribution; 0: none */
	double		clip_norm;		/* of the whole gradient; 0: none */
	PixelsAugment augment;
} CnnParams;

#define CNN_PARAMS_DEFAULTS {.epochs = 10, .batch_size = 32, .optimizer = CNN_ADAM, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-7, \
	.momentum = 0.9, .schedule = CNN_COSINE, .step_epochs = 10, .step_factor = 0.1}

typedef struct CnnRows
{
	size_t		n;
	bool		floats;			/* a row is floats, not bytes */
	void		(*fetch) (void *arg, const uint32_t *rows, size_t n, uint8_t *out);	/* [n][values or 4 values] */
	void	   *arg;
	int			nclasses;		/* 0: regression */
	const int32_t *label;		/* [n], or NULL */
	const float *y;				/* [n] REGRESSION, standardised */
	const float *class_weight;	/* [nclasses], or NULL */
} CnnRows;

typedef struct CnnEpoch
{
	int			epoch;			/* 1 .. */
	int			epochs;
	size_t		rows;			/* of the training in an epoch */
	double		loss;
	double		accuracy;		/* NaN: regression */
	double		val_loss;		/* NaN: no validation */
	double		val_accuracy;
	double		rate;			/* the learning rate at its end */
	bool		best;
} CnnEpoch;

typedef void (*CnnReport) (void *arg, const CnnEpoch *epoch);

typedef struct CnnResult
{
	CnnEpoch	last;			/* what is kept: of the best epoch with patience, else of the last */
	int			epochs;			/* done */
	size_t		train;
	size_t		valid;
	double	   *history;		/* [epochs][4] loss, accuracy, val_loss, val_accuracy */
} CnnResult;

/* NULL, or what is wrong beyond single options. */
extern const char *cnn_params_check(const CnnParams *params);

/*
 * net->weights are where it begins and where it ends.  net must end with softmax over nclasses, sigmoid of one number (two
 * classes), or one number (regression).  report is called after each epoch; it may not return.
 */
extern CnnResult *cnn_fit(EcmlCtx *ctx, Network *net, const PixelsInput *input, const CnnRows *rows, const CnnParams *params,
						  CnnReport report, void *arg);

/* Is the network's end one for so many classes?  NULL, or what is wrong. */
extern const char *cnn_head_problem(const Network *net, int nclasses);

/* The gradient of the mean loss of one batch, for tests: gradient [nweights]; dropout and augmentation as given. */
extern double cnn_gradient(EcmlCtx *ctx, Network *net, const PixelsInput *input, const CnnRows *rows, const CnnParams *params,
						   float *gradient);

#endif							/* ECML_IMAGE_FIT_H */
