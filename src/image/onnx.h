/*
 * onnx.h - import of image classifiers from ONNX files
 *
 * The operators of classifiers become nodes of a Network (network.h): convolutions, pooling, dense layers, batch
 * normalisation, activations, sums, products, concatenations, and what shapes tensors between them.  An operator that is not
 * known is an error that names it.  ONNX holds pictures as planes (NCHW), a Network by pixels (NHWC): kernels are permuted
 * once, here.
 */
#ifndef ECML_IMAGE_ONNX_H
#define ECML_IMAGE_ONNX_H

#include "image/network.h"

typedef enum OnnxFinish
{
	ONNX_FINISH_AUTO,			/* softmax (of one output: sigmoid), unless the file ends with one */
	ONNX_FINISH_SOFTMAX,
	ONNX_FINISH_SIGMOID,
	ONNX_FINISH_NONE
} OnnxFinish;

typedef struct OnnxOptions
{
	int			width;			/* of the input, where the file leaves it open; 0: not given */
	int			height;
	const char *output;			/* which output of the file; NULL: the first */
	OnnxFinish	finish;
} OnnxOptions;

typedef struct OnnxAbout
{
	int64_t		opset;
	int			nodes;			/* of the file's graph that the output needs */
	bool		bytes;			/* the input takes bytes as they are: it does its own scaling */
	int			width;			/* of the input */
	int			height;
	int			channels;
} OnnxAbout;

extern Network *onnx_import(EcmlCtx *ctx, const void *bytes, size_t n, const OnnxOptions *options, OnnxAbout *about);

#endif							/* ECML_IMAGE_ONNX_H */
