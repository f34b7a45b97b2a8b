/*
 * onnx_internal.h - what the parts of the import share: values by name, the graph's use of them, and operators
 */
#ifndef ECML_IMAGE_ONNX_INTERNAL_H
#define ECML_IMAGE_ONNX_INTERNAL_H

#include "image/onnx.h"
#include "image/onnx_proto.h"

#define ONNX_BATCH INT64_MIN	/* in a shape: the number of pictures */

typedef enum OnnxKind
{
	ONNX_NOTHING,				/* not made yet */
	ONNX_CONSTANT,
	ONNX_SHAPE,					/* integers that come from shapes; ONNX_BATCH may be among them */
	ONNX_ACTIVATION				/* the output of a node of the network */
} OnnxKind;

/* How the file's dimensions (without the first, the batch) lie in the network's [height][width][channels]. */
typedef enum OnnxLayout
{
	ONNX_PLANES,				/* [c][h][w] */
	ONNX_PIXELS,				/* [h][w][c] */
	ONNX_VECTOR,				/* [n] */
	ONNX_FLAT_PLANES			/* [n], the file's order is that of [c][h][w], the network's that of [h][w][c] */
} OnnxLayout;

typedef struct OnnxValue
{
	OnnxText	name;
	OnnxKind	kind;
	int			producer;		/* number of the node in the file; -1: none */
	int			uses;			/* by nodes that are needed, and as the output */
	int			user;			/* one of them */
	OnnxTensor *constant;
	int64_t    *ints;			/* SHAPE: [nints] */
	int			nints;
	int			node;			/* ACTIVATION: in the network */
	OnnxLayout	layout;
	int			planes[3];		/* FLAT_PLANES: c, h, w */
	bool		positive;		/* nowhere below 0 */
	int			pad[4];			/* zeros around it that the next node has to add: top, left, bottom, right */
} OnnxValue;

/* A node of the file. */
typedef struct OnnxStep
{
	const OnnxNode *node;
	int		   *inputs;			/* [node->ninputs] numbers of values; -1: left out */
	int		   *outputs;
	bool		needed;
	bool		joined;			/* a part of what a later node was recognised as */
	int			activation;		/* recognised as this activation of value from; -1: as it says */
	int			from;
} OnnxStep;

/* Weights that are filled in when the network is finished. */
typedef enum OnnxFillKind
{
	ONNX_FILL_CONV,				/* kernel [m][c][h][w] */
	ONNX_FILL_DENSE,			/* kernel [k][m], or transposed [m][k] */
	ONNX_FILL_VECTORS			/* parts of n numbers one after another; NULL: a constant */
} OnnxFillKind;

typedef struct OnnxFill
{
	OnnxFillKind kind;
	int			node;			/* in the network */
	size_t		offset;			/* from the node's first weight */
	bool		transposed;
	float		factor;			/* times the weights */
	int			planes[3];		/* rows of a dense kernel are in the order of planes c, h, w; c = 0: as they are */
	size_t		n;				/* VECTORS: in each part */
	const float *from;			/* [...] */
	bool		spread;			/* VECTORS: one number for all */
	float		otherwise;		/* where from is NULL */
} OnnxFill;

typedef struct OnnxImporter
{
	EcmlCtx    *ctx;
	const OnnxOptions *options;
	OnnxFile   *file;
	Network    *net;
	OnnxValue  *values;
	int			nvalues;
	int		   *table;			/* [mask + 1] of names: number of value + 1; 0: free */
	uint32_t	mask;
	OnnxStep   *steps;			/* [file->nnodes] */
	int			output;			/* number of the value that is the output */
	OnnxFill   *fills;
	int			nfills;
	int			capacity;
} OnnxImporter;

/* onnx_graph.c */
extern void onnx_resolve(OnnxImporter *im);	/* names, what is needed, what is joined */
extern int	onnx_value(const OnnxImporter *im, OnnxText name);	/* its number; -1: there is none */

/* onnx_shapes.c */
extern bool onnx_shape_operator(OnnxImporter *im, OnnxStep *step);	/* true: done */
extern const int64_t *onnx_value_ints(OnnxImporter *im, OnnxStep *step, int input, int *n);	/* NULL: not known */
extern int	onnx_dims(const OnnxImporter *im, const OnnxValue *value, int64_t *dims);	/* with the batch */
extern void onnx_reshape(OnnxImporter *im, OnnxStep *step, const OnnxValue *in, const int64_t *dims, int ndims);

/* onnx_operators.c */
extern bool onnx_operator(OnnxImporter *im, OnnxStep *step);	/* true: done */

/* onnx_import.c */
extern void onnx_unsupported(OnnxImporter *im, const OnnxStep *step, const char *what,...) ECML_PRINTF(3, 4) ECML_NORETURN;
extern OnnxValue *onnx_activation(OnnxImporter *im, OnnxStep *step, int input);	/* an error when it is none, or padded */
extern OnnxTensor *onnx_constant(OnnxImporter *im, OnnxStep *step, int input, bool needed);	/* NULL: left out */
extern OnnxValue *onnx_set(OnnxImporter *im, OnnxStep *step, int node, OnnxLayout layout);
extern OnnxValue *onnx_same(OnnxImporter *im, OnnxStep *step, const OnnxValue *in, int node);	/* as in, but of that node */
extern OnnxFill *onnx_fill(OnnxImporter *im, OnnxFillKind kind, int node, size_t offset, const float *from);
extern const NetNode *onnx_net_node(const OnnxImporter *im, const OnnxValue *value);

#endif							/* ECML_IMAGE_ONNX_INTERNAL_H */
