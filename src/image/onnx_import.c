/*
 * onnx_import.c - from an ONNX file to a network: the input, one node after another, the end, and the weights
 *
 * Time and memory are linear in the file: names are hashed, constants that are used are converted once.
 */
#include "image/onnx_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define KNOWN "Add, AveragePool, BatchNormalization, Cast, Clip, Concat, Constant, Conv, Div, Dropout, Elu, Flatten, Gelu, Gemm, " \
	"GlobalAveragePool, GlobalMaxPool, HardSigmoid, HardSwish, Identity, LeakyRelu, MatMul, MaxPool, Mul, Pad, PRelu, ReduceMax, " \
	"ReduceMean, Relu, Reshape, Shape, Sigmoid, Softmax, Squeeze, Sub, Sum, Tanh, Transpose, Unsqueeze"

/* At most 100 bytes of a name, of letters that every encoding has. */
static void
plain_name(OnnxText text, char name[101])
{
	int			n = text.n > 100 ? 100 : text.n;

	for (int i = 0; i < n; i++)
		name[i] = text.s[i] >= 32 && text.s[i] < 127 ? text.s[i] : '?';
	name[n] = '\0';
}

void
onnx_unsupported(OnnxImporter *im, const OnnxStep *step, const char *what,...)
{
	char		why[256];
	char		op[101];
	char		name[101];
	va_list		args;

	va_start(args, what);
	vsnprintf(why, sizeof(why), what, args);
	va_end(args);
	plain_name(step->node->op, op);
	plain_name(step->node->name.n ? step->node->name : step->node->noutputs ? step->node->outputs[0] : (OnnxText) {"", 0}, name);
	ecml_detail(im->ctx, "Node \"%s\": %s.", name, why);
	ecml_hint(im->ctx, "Known operators: " KNOWN ".");
	ecml_fail(im->ctx, ECML_NOT_SUPPORTED, "operator %s of the ONNX file cannot be imported", op);
}

const NetNode *
onnx_net_node(const OnnxImporter *im, const OnnxValue *value)
{
	return &im->net->nodes[value->node];
}

OnnxValue *
onnx_activation(OnnxImporter *im, OnnxStep *step, int input)
{
	OnnxValue  *value;

	if (input >= step->node->ninputs || step->inputs[input] < 0)
		onnx_unsupported(im, step, "input %d is missing", input + 1);
	value = &im->values[step->inputs[input]];
	if (value->kind != ONNX_ACTIVATION)
		onnx_unsupported(im, step, value->kind == ONNX_NOTHING ? "input %d is made by nothing that is known"
						 : "input %d is no tensor of the network", input + 1);
	for (int i = 0; i < 4; i++)
		if (value->pad[i] != 0)
			onnx_unsupported(im, step, "input %d comes with zeros around it", input + 1);
	return value;
}

OnnxTensor *
onnx_constant(OnnxImporter *im, OnnxStep *step, int input, bool needed)
{
	OnnxValue  *value;

	if (input >= step->node->ninputs || step->inputs[input] < 0)
	{
		if (needed)
			onnx_unsupported(im, step, "input %d is missing", input + 1);
		return NULL;
	}
	value = &im->values[step->inputs[input]];
	if (value->kind != ONNX_CONSTANT)
		onnx_unsupported(im, step, "input %d is not constant", input + 1);
	return value->constant;
}

OnnxValue *
onnx_set(OnnxImporter *im, OnnxStep *step, int node, OnnxLayout layout)
{
	OnnxValue  *value = &im->values[step->outputs[0]];

	value->kind = ONNX_ACTIVATION;
	value->node = node;
	value->layout = layout;
	return value;
}

OnnxValue *
onnx_same(OnnxImporter *im, OnnxStep *step, const OnnxValue *in, int node)
{
	OnnxValue  *value = onnx_set(im, step, node, in->layout);

	value->positive = in->positive;
	memcpy(value->planes, in->planes, sizeof(value->planes));
	return value;
}

OnnxFill *
onnx_fill(OnnxImporter *im, OnnxFillKind kind, int node, size_t offset, const float *from)
{
	OnnxFill   *fill;

	if (im->nfills == im->capacity)
	{
		im->capacity = im->capacity ? 2 * im->capacity : 64;
		im->fills = ecml_resize_array(im->ctx, im->fills, im->capacity, sizeof(OnnxFill));
	}
	fill = &im->fills[im->nfills++];
	*fill = (OnnxFill) {.kind = kind,.node = node,.offset = offset,.from = from,.factor = 1};
	return fill;
}

/* ---- the input */

static void ECML_NORETURN
no_picture(OnnxImporter *im, const OnnxPort *port, const char *why)
{
	char		name[101];

	plain_name(port->name, name);
	ecml_detail(im->ctx, "Input \"%s\": %s.", name, why);
	ecml_hint(im->ctx, "Import a network of one input, [pictures][channels][height][width] or [pictures][height][width][channels], "
			  "of 1 or 3 channels; the options \"width\" and \"height\" give what the file leaves open.");
	ecml_fail(im->ctx, ECML_NOT_SUPPORTED, "the ONNX file has no input that is a picture");
}

static int
side(OnnxImporter *im, const OnnxPort *port, int64_t dim, int given, const char *name)
{
	char		why[100];

	if (dim == ONNX_UNKNOWN && given == 0)
	{
		snprintf(why, sizeof(why), "its %s is left open, and the option \"%s\" is not given", name, name);
		no_picture(im, port, why);
	}
	if (dim != ONNX_UNKNOWN && given != 0 && dim != given)
	{
		ecml_detail(im->ctx, "The file says %lld, the option %d.", (long long) dim, given);
		ecml_hint(im->ctx, "Leave the option away.");
		ecml_fail(im->ctx, ECML_INVALID_PARAMETER, "the input of the ONNX file has another %s", name);
	}
	dim = dim == ONNX_UNKNOWN ? given : dim;
	if (dim < 1 || dim > NET_MAX_SIDE)
		no_picture(im, port, "it is too large");
	return (int) dim;
}

static void
find_input(OnnxImporter *im, OnnxAbout *about)
{
	const OnnxPort *port = NULL;
	OnnxValue  *value;
	int			channels;

	/* files of old list the weights among the inputs */
	for (int i = 0; i < im->file->ninputs; i++)
	{
		int			v = onnx_value(im, im->file->inputs[i].name);

		if (im->values[v].kind == ONNX_CONSTANT || im->values[v].uses == 0)
			continue;
		if (port)
			no_picture(im, &im->file->inputs[i], "it is not the only one");
		port = &im->file->inputs[i];
	}
	if (port == NULL)
		no_picture(im, &(OnnxPort) {.name = {"", 0}}, "there is none that the output depends on");
	if (port->ndims != 4)
		no_picture(im, port, "it has not 4 dimensions");
	value = &im->values[onnx_value(im, port->name)];
	if (value->producer >= 0)
		no_picture(im, port, "a node makes it");
	value->kind = ONNX_ACTIVATION;
	value->node = 0;
	value->layout = port->dims[1] == 1 || port->dims[1] == 3 ? ONNX_PLANES : ONNX_PIXELS;
	channels = (int) (value->layout == ONNX_PLANES ? port->dims[1] : port->dims[3]);
	if (channels != 1 && channels != 3)
		no_picture(im, port, "it has neither 1 nor 3 channels");
	about->channels = channels;
	about->height = side(im, port, port->dims[value->layout == ONNX_PLANES ? 2 : 1], im->options->height, "height");
	about->width = side(im, port, port->dims[value->layout == ONNX_PLANES ? 3 : 2], im->options->width, "width");
	about->bytes = port->type == ONNX_UINT8;
	im->net = net_create(im->ctx, about->height, about->width, about->channels);
}

/* ---- the end */

static void
finish(OnnxImporter *im)
{
	const OnnxValue *output = &im->values[im->output];
	OnnxStep   *last = &im->steps[output->producer];
	const NetNode *node;
	OnnxFinish	how = im->options->finish;
	NetNode		more;

	if (output->kind != ONNX_ACTIVATION || output->pad[0] || output->pad[1] || output->pad[2] || output->pad[3])
		onnx_unsupported(im, last, "the output is no tensor of the network");
	node = onnx_net_node(im, output);
	if (output->layout == ONNX_FLAT_PLANES || (node->height * node->width > 1 && node->channels > 1))
		onnx_unsupported(im, last, "the output is a picture of %d x %d x %d, not a vector of classes", node->height, node->width,
						 node->channels);
	if (node->height * node->width > 1)
	{
		net_node_init(&more, NET_FLATTEN, output->node);
		(void) net_add(im->ctx, im->net, &more);
	}
	node = &im->net->nodes[im->net->n - 1];
	if (how == ONNX_FINISH_AUTO)
	{
		if (node->activation == NET_SOFTMAX || (node->activation == NET_SIGMOID && node->values == 1))
			how = ONNX_FINISH_NONE;
		else
			how = node->values == 1 ? ONNX_FINISH_SIGMOID : ONNX_FINISH_SOFTMAX;
	}
	if (how == ONNX_FINISH_NONE && im->net->n > 1 && im->net->n - 1 == output->node)
		return;
	net_node_init(&more, NET_ACTIVATION, im->net->n - 1 == output->node ? output->node : im->net->n - 1);
	more.activation = how == ONNX_FINISH_SOFTMAX ? NET_SOFTMAX : how == ONNX_FINISH_SIGMOID ? NET_SIGMOID : NET_LINEAR;
	(void) net_add(im->ctx, im->net, &more);
}

/* ---- weights */

/* Where number i of a vector in the order of planes [c][h][w] lies by pixels [h][w][c]. */
static inline size_t
by_pixels(const int planes[3], size_t i)
{
	size_t		area = (size_t) planes[1] * planes[2];

	return planes[0] == 0 ? i : i % area * planes[0] + i / area;
}

static void
fill_conv(OnnxImporter *im, const OnnxFill *fill, const NetNode *node, float *to)
{
	size_t		area = (size_t) node->kernel[0] * node->kernel[1];
	size_t		filters = (size_t) node->units;
	size_t		channels = (node->bias_at - node->weights) / area / filters;

	for (size_t m = 0; m < filters; m++)
	{
		ecml_poll(im->ctx, 0, 0);
		for (size_t c = 0; c < channels; c++)
			for (size_t k = 0; k < area; k++)
				to[(k * channels + c) * filters + m] = fill->from[(m * channels + c) * area + k];
	}
}

static void
fill_dense(OnnxImporter *im, const OnnxFill *fill, const NetNode *node, float *to)
{
	size_t		units = (size_t) node->units;
	size_t		rows = (node->bias_at - node->weights) / units;

	for (size_t k = 0; k < rows; k++)
	{
		size_t		row = by_pixels(fill->planes, k);

		if (k % 64 == 0)
			ecml_poll(im->ctx, 0, 0);
		for (size_t m = 0; m < units; m++)
			to[row * units + m] = fill->factor * fill->from[fill->transposed ? m * rows + k : k * units + m];
	}
}

static void
fill_weights(OnnxImporter *im)
{
	for (int f = 0; f < im->nfills; f++)
	{
		const OnnxFill *fill = &im->fills[f];
		const NetNode *node = &im->net->nodes[fill->node];
		float	   *to = im->net->weights + node->weights + fill->offset;

		switch (fill->kind)
		{
			case ONNX_FILL_CONV:
				fill_conv(im, fill, node, to);
				break;
			case ONNX_FILL_DENSE:
				fill_dense(im, fill, node, to);
				break;
			case ONNX_FILL_VECTORS:
				for (size_t i = 0; i < fill->n; i++)
					to[by_pixels(fill->planes, i)] = fill->from ? fill->factor * fill->from[fill->spread ? 0 : i] : fill->otherwise;
				break;
		}
	}
	for (size_t i = 0; i < im->net->nweights; i++)
		if (!(im->net->weights[i] - im->net->weights[i] == 0))
		{
			ecml_detail(im->ctx, "Weight %zu is NaN or infinite.", i);
			ecml_hint(im->ctx, "Look at how the network was trained and exported.");
			ecml_fail(im->ctx, ECML_DATA_EXCEPTION, "the ONNX file has weights that are not finite");
		}
}

Network *
onnx_import(EcmlCtx *ctx, const void *bytes, size_t n, const OnnxOptions *options, OnnxAbout *about)
{
	OnnxImporter im = {.ctx = ctx,.options = options};

	memset(about, 0, sizeof(*about));
	im.file = onnx_read(ctx, bytes, n);
	onnx_resolve(&im);
	find_input(&im, about);
	for (int i = 0; i < im.file->nnodes; i++)
	{
		OnnxStep   *step = &im.steps[i];

		ecml_poll(ctx, i, im.file->nnodes);
		if (!step->needed || step->joined)
			continue;
		about->nodes++;
		if (step->node->noutputs < 1 || step->outputs[0] < 0)
			onnx_unsupported(&im, step, "its first output is left out");
		if (step->node->domain.n > 0 && !onnx_is(step->node->domain, "ai.onnx"))
			onnx_unsupported(&im, step, "it is of another set of operators than ai.onnx");
		if (!onnx_shape_operator(&im, step) && !onnx_operator(&im, step))
			onnx_unsupported(&im, step, "its operator is not known, or not for such inputs");
	}
	finish(&im);
	net_finish(ctx, im.net);
	fill_weights(&im);
	about->opset = im.file->opset;
	return im.net;
}
