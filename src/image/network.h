/*
 * network.h - a convolutional network: nodes in order, their shapes, their weights in one array
 *
 * A network is a directed graph without cycles.  Node 0 is the input; every other node reads earlier nodes; the last node is
 * the output.  net_create, net_add for each node (which infers its shape and checks it), net_finish (which makes the weights).
 * The jsonb of layers (layers.h), the presets and imports all build networks so.
 *
 * Shapes: a tensor is [height][width][channels] for each picture, channels innermost (NHWC, as Keras has it); a vector is
 * [1][1][n].  Flatten keeps that order: an import from planes (NCHW) has to permute the rows of a dense layer behind it.
 *
 * Weights, in the order of the nodes, floats:
 *   conv2d               kernel [height][width][channels in / groups][filters], then bias [filters] if there is one
 *   dense                kernel [in][units], then bias [units] if there is one
 *   batch_normalization  gamma [c], beta [c], mean [c], variance [c]
 * all others             none
 *
 * Bytes are hostile until net_read has checked them: it builds the network by the same net_add.
 */
#ifndef ECML_IMAGE_NETWORK_H
#define ECML_IMAGE_NETWORK_H

#include "num/bytes.h"
#include "num/ctx.h"

#define NET_MAX_NODES 4096
#define NET_MAX_INPUTS 64			/* of one node */
#define NET_MAX_SIDE 8192			/* height and width of any tensor */
#define NET_MAX_INPUT_CHANNELS 1024
#define NET_MAX_CHANNELS (1 << 20)	/* channels; numbers of a vector up to NET_MAX_VALUES */
#define NET_MAX_VALUES (1 << 28)	/* numbers of a tensor of one picture */
#define NET_MAX_WEIGHTS ((size_t) 1 << 28)
#define NET_SLACK 64			/* floats behind every array that kernels read: vectors may go over the end */
#define NET_NAME 64					/* bytes of a name, the final zero included */

typedef enum NetKind			/* on disk: append only */
{
	NET_INPUT,
	NET_CONV2D,
	NET_DENSE,					/* on [h][w][c]: of the last axis, as Keras does; a vector is the usual case */
	NET_BATCH_NORMALIZATION,
	NET_MAX_POOLING2D,
	NET_AVERAGE_POOLING2D,
	NET_GLOBAL_MAX_POOLING2D,	/* to a vector [1][1][c] */
	NET_GLOBAL_AVERAGE_POOLING2D,
	NET_ADD,					/* two or more of the same shape, or [1][1][c] and [1][1][1] spread over the others' */
	NET_MULTIPLY,				/* the same: squeeze-excite is [h][w][c] * [1][1][c] */
	NET_CONCATENATE,			/* along channels */
	NET_FLATTEN,
	NET_RESHAPE,				/* to shape; as many numbers */
	NET_DROPOUT,				/* nothing in prediction */
	NET_ACTIVATION,				/* nothing but the activation */
	NET_KINDS
} NetKind;

typedef enum NetActivation		/* on disk: append only */
{
	NET_LINEAR,
	NET_RELU,
	NET_CLIP,					/* to a .. b; relu6: 0 .. 6 */
	NET_LEAKY_RELU,				/* slope a below 0 */
	NET_ELU,					/* a * (exp(x) - 1) below 0 */
	NET_SIGMOID,
	NET_TANH,
	NET_SOFTMAX,				/* over channels */
	NET_HARD_SIGMOID,			/* a * x + b, to 0 .. 1 (Keras 3: a = 1/6, b = 1/2) */
	NET_HARD_SWISH,				/* x * hard_sigmoid(x), a = 1/6, b = 1/2 */
	NET_SWISH,					/* x * sigmoid(x), also called silu */
	NET_GELU,					/* by the normal distribution */
	NET_GELU_TANH,				/* its usual approximation */
	NET_ACTIVATIONS
} NetActivation;

typedef enum NetPadding			/* on disk: append only */
{
	NET_VALID,
	NET_SAME,					/* output = ceil(input / stride); what is odd goes to bottom and right, as Keras does */
	NET_EXPLICIT				/* as pad says */
} NetPadding;

enum							/* of pad */
{
	NET_TOP, NET_LEFT, NET_BOTTOM, NET_RIGHT
};

typedef struct NetNode
{
	/* given; what a kind does not need stays 0 */
	NetKind		kind;
	char		name[NET_NAME]; /* "": net_add makes one, such as conv2d_1; also in error messages */
	int			ninputs;
	int			inputs[NET_MAX_INPUTS]; /* numbers of earlier nodes */
	NetActivation activation;	/* on the output of any kind but the input; after the sum, the product, ... */
	float		a;				/* the activation's numbers; see net_activation_defaults */
	float		b;
	int			units;			/* CONV2D: filters; DENSE: units */
	int			kernel[2];		/* CONV2D, pooling: height, width; pooling 0: the whole picture */
	int			stride[2];		/* 0: 1, of pooling the kernel */
	int			dilation[2];	/* CONV2D; 0: 1 */
	int			groups;			/* CONV2D; 0: 1; as many as channels: depthwise */
	NetPadding	padding;
	int			pad[4];			/* EXPLICIT: rows and columns of padding; else filled in */
	bool		count_padding;	/* AVERAGE_POOLING2D: zeros of the padding count in the mean (Keras: no) */
	bool		ceil_mode;		/* pooling EXPLICIT: a window that begins within counts (torch, ONNX) */
	bool		bias;			/* CONV2D, DENSE */
	float		rate;			/* DROPOUT */
	float		epsilon;		/* BATCH_NORMALIZATION */
	float		momentum;		/* BATCH_NORMALIZATION: mean = momentum * mean + (1 - momentum) * the batch's */
	int			shape[3];		/* RESHAPE: height, width, channels; one may be -1 */
	bool		frozen;			/* training leaves its weights alone */
	bool		stored;			/* comes from bytes: what does not fit is damage, not a mistake */

	/* made by net_add */
	int			height;			/* of the output */
	int			width;
	int			channels;
	size_t		values;			/* height * width * channels */
	size_t		weights;		/* where its weights begin */
	size_t		nweights;		/* how many */
	size_t		bias_at;		/* where the bias begins; without one the end */
	double		work;			/* multiplications and additions for one picture */
} NetNode;

typedef struct Network
{
	int			n;
	int			capacity;
	NetNode    *nodes;			/* [n] */
	size_t		nweights;
	float	   *weights;		/* [nweights], and NET_SLACK behind it; NULL until net_finish */
	int			embedding;		/* the node whose output describes a picture: what the last dense reads */
} Network;

extern Network *net_create(EcmlCtx *ctx, int height, int width, int channels);

/* The defaults of a kind: stride 1, bias, epsilon 1e-3, momentum 0.99 (Keras's), ...; one input, number input. */
extern void net_node_init(NetNode *node, NetKind kind, int input);

/* What a and b of an activation are by default. */
extern void net_activation_defaults(NetActivation activation, float *a, float *b);

/* The number of the new node.  A node that does not fit is an error that names it: shapes, inputs, ranges. */
extern int	net_add(EcmlCtx *ctx, Network *net, const NetNode *node);

/* All nodes are there: find the embedding; weights of 0 (gamma and variance 1). */
extern void net_finish(EcmlCtx *ctx, Network *net);

/* Begin a training: weights at random (Glorot uniform as Keras; He normal where a rectifier follows: he). */
extern void net_initialize(Network *net, int from, bool he, EcmlRng *rng);

/* The numbers of its output. */
static inline size_t
net_outputs(const Network *net)
{
	return net->nodes[net->n - 1].values;
}

/*
 * A network that predicts the same with less work: batch normalisation is folded into the convolution or dense before it,
 * dropouts are gone, activations are joined to what they follow.  For serving; embedding goes along.
 */
extern Network *net_fold(EcmlCtx *ctx, const Network *net);

/* Only joins activations where training can still tell their slope from the output. */
extern Network *net_join(EcmlCtx *ctx, const Network *net);

/* Finite weights only. */
extern void net_write(EcmlWriter *w, const Network *net);
extern Network *net_read(EcmlReader *r);

extern const char *net_kind_name(NetKind kind);	/* "conv2d", as in the jsonb */
extern const char *net_activation_name(NetActivation activation);
extern bool net_activation_by_name(const char *name, NetActivation *activation, float *a, float *b);	/* "relu6": CLIP 0 .. 6 */

#endif							/* ECML_IMAGE_NETWORK_H */
