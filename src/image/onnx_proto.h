/*
 * onnx_proto.h - an ONNX file read as what it is: nodes, tensors, inputs and outputs
 *
 * A reader of the parts of protocol buffers that ONNX needs (onnx.proto, IR version 3 to 10).  Everything refers to the bytes of the
 * file, which stay the caller's; lengths are checked before they are used, nesting is of fixed depth, and what is allocated is
 * bounded by the number of fields that the file has.
 */
#ifndef ECML_IMAGE_ONNX_PROTO_H
#define ECML_IMAGE_ONNX_PROTO_H

#include "num/ctx.h"

#define ONNX_MAX_DIMS 8
#define ONNX_MAX_NODES 65536
#define ONNX_MAX_TENSORS 65536
#define ONNX_UNKNOWN (-1)			/* a dimension that the file leaves open */

typedef struct OnnxText
{
	const char *s;				/* not zero-terminated */
	int			n;
} OnnxText;

typedef enum OnnxType			/* TensorProto.DataType */
{
	ONNX_FLOAT = 1,
	ONNX_UINT8 = 2,
	ONNX_INT8 = 3,
	ONNX_INT32 = 6,
	ONNX_INT64 = 7,
	ONNX_BOOL = 9,
	ONNX_FLOAT16 = 10,
	ONNX_DOUBLE = 11,
	ONNX_BFLOAT16 = 16
} OnnxType;

/* A constant.  Of raw bytes, or of numbers made here (floats, ints). */
typedef struct OnnxTensor
{
	OnnxText	name;
	int			type;
	int			ndims;
	int64_t		dims[ONNX_MAX_DIMS];
	size_t		count;			/* product of dims; 1 for a scalar */
	const uint8_t *raw;			/* [count] of type, little-endian, or NULL */
	float	   *floats;			/* [count], once onnx_floats was called */
	int64_t    *ints;			/* [count], once onnx_ints was called */
} OnnxTensor;

typedef struct OnnxAttribute
{
	OnnxText	name;
	float		f;
	int64_t		i;
	OnnxText	s;
	int			nints;
	int64_t    *ints;
	OnnxText	tensor;			/* a TensorProto's bytes */
	bool		graph;			/* it holds a graph: no operator here has one */
} OnnxAttribute;

typedef struct OnnxNode
{
	OnnxText	name;
	OnnxText	op;
	OnnxText	domain;
	int			ninputs;
	int			noutputs;
	int			nattributes;
	OnnxText   *inputs;			/* [ninputs]; an empty name: left out */
	OnnxText   *outputs;
	OnnxAttribute *attributes;
} OnnxNode;

typedef struct OnnxPort			/* an input or output of the graph */
{
	OnnxText	name;
	int			type;
	int			ndims;			/* ONNX_UNKNOWN: the file does not tell */
	int64_t		dims[ONNX_MAX_DIMS];
} OnnxPort;

typedef struct OnnxFile
{
	int64_t		opset;
	OnnxText	producer;
	int			nnodes;
	int			ntensors;
	int			ninputs;
	int			noutputs;
	OnnxNode   *nodes;
	OnnxTensor *tensors;
	OnnxPort   *inputs;
	OnnxPort   *outputs;
} OnnxFile;

extern OnnxFile *onnx_read(EcmlCtx *ctx, const void *bytes, size_t n);

/* A tensor of an attribute. */
extern void onnx_read_tensor(EcmlCtx *ctx, OnnxText bytes, OnnxTensor *tensor);

/* Its numbers as floats or as integers: owned by ctx, and kept with it. */
extern const float *onnx_floats(EcmlCtx *ctx, OnnxTensor *tensor);
extern const int64_t *onnx_ints(EcmlCtx *ctx, OnnxTensor *tensor);

extern const OnnxAttribute *onnx_attribute(const OnnxNode *node, const char *name);	/* NULL: not given */
extern int64_t onnx_int(const OnnxNode *node, const char *name, int64_t otherwise);
extern float onnx_float(const OnnxNode *node, const char *name, float otherwise);

extern bool onnx_is(OnnxText text, const char *s);

#endif							/* ECML_IMAGE_ONNX_PROTO_H */
