/*
 * onnx_operators.c - the operators of image classifiers as nodes of a network
 */
#include "image/onnx_internal.h"

#include <math.h>
#include <string.h>

/* The channels of a value: what a convolution or normalisation counts by. */
static int
channels_of(const OnnxImporter *im, const OnnxValue *value)
{
	return onnx_net_node(im, value)->channels;
}

static OnnxValue *
planes_input(OnnxImporter *im, OnnxStep *step, bool may_be_padded)
{
	OnnxValue  *in;

	if (may_be_padded && step->node->ninputs > 0 && step->inputs[0] >= 0 &&
		im->values[step->inputs[0]].kind == ONNX_ACTIVATION)
		in = &im->values[step->inputs[0]];
	else
		in = onnx_activation(im, step, 0);
	if (in->layout != ONNX_PLANES)
		onnx_unsupported(im, step, "its input is not in planes [channels][height][width]");
	return in;
}

/* Two or four numbers of an attribute within low .. high; otherwise where it is not given. */
static void
numbers(OnnxImporter *im, const OnnxStep *step, const char *name, int n, int low, int high, int otherwise, int *v)
{
	const OnnxAttribute *attribute = onnx_attribute(step->node, name);

	if (attribute && attribute->nints != n)
		onnx_unsupported(im, step, "%s has %d numbers, not %d: it is not of two dimensions", name, attribute->nints, n);
	for (int i = 0; i < n; i++)
	{
		int64_t		given = attribute ? attribute->ints[i] : otherwise;

		if (given < low || given > high)
			onnx_unsupported(im, step, "%s is out of range", name);
		v[i] = (int) given;
	}
}

/* Strides and padding of a convolution or pooling, padding of the Pad before it included. */
static void
window(OnnxImporter *im, OnnxStep *step, const OnnxValue *in, NetNode *node)
{
	const OnnxAttribute *automatic = onnx_attribute(step->node, "auto_pad");
	const NetNode *from = onnx_net_node(im, in);
	int			size[2] = {from->height, from->width};

	numbers(im, step, "strides", 2, 1, NET_MAX_SIDE, 1, node->stride);
	numbers(im, step, "dilations", 2, 1, NET_MAX_SIDE, 1, node->dilation);
	node->padding = NET_EXPLICIT;
	if (automatic == NULL || automatic->s.n == 0 || onnx_is(automatic->s, "NOTSET"))
		numbers(im, step, "pads", 4, 0, NET_MAX_SIDE, 0, node->pad);
	else if (onnx_is(automatic->s, "SAME_UPPER") || onnx_is(automatic->s, "SAME_LOWER"))
		for (int d = 0; d < 2; d++)
		{
			int			covered = (node->kernel[d] - 1) * node->dilation[d] + 1;
			int			whole = size[d] + in->pad[d] + in->pad[d + 2];
			int			out = (whole + node->stride[d] - 1) / node->stride[d];
			int			pad = (out - 1) * node->stride[d] + covered - whole;

			pad = pad < 0 ? 0 : pad;
			node->pad[d] = onnx_is(automatic->s, "SAME_UPPER") ? pad / 2 : pad - pad / 2;
			node->pad[d + 2] = pad - node->pad[d];
		}
	else if (!onnx_is(automatic->s, "VALID"))
		onnx_unsupported(im, step, "auto_pad is of a kind that is not known");
	for (int d = 0; d < 4; d++)
		node->pad[d] += in->pad[d];
}

/* The constant that the only reader of a step adds, when that is all that it does: a bias. */
static OnnxTensor *
bias_after(OnnxImporter *im, OnnxStep *step, int channels, bool planes, OnnxStep **sum)
{
	const OnnxValue *out = &im->values[step->outputs[0]];
	OnnxStep   *reader;
	OnnxTensor *bias;
	int			other;

	if (out->uses != 1 || out->user < 0)
		return NULL;
	reader = &im->steps[out->user];
	if (!onnx_is(reader->node->op, "Add") || reader->node->ninputs != 2 || reader->node->noutputs < 1 || reader->outputs[0] < 0)
		return NULL;
	other = reader->inputs[0] == step->outputs[0] ? reader->inputs[1] : reader->inputs[0];
	if (other < 0 || im->values[other].kind != ONNX_CONSTANT)
		return NULL;
	bias = im->values[other].constant;
	if (bias->count != (size_t) channels || bias->ndims > 4)
		return NULL;
	/* along channels: the last dimension but two of planes, the last of vectors and pixels */
	for (int i = 0; i < bias->ndims; i++)
		if (bias->dims[i] != 1 && i != bias->ndims - (planes ? 3 : 1))
			return NULL;
	*sum = reader;
	return bias;
}

static void
op_conv(OnnxImporter *im, OnnxStep *step)
{
	OnnxValue  *in = planes_input(im, step, true);
	OnnxTensor *kernel = onnx_constant(im, step, 1, true);
	OnnxTensor *bias = onnx_constant(im, step, 2, false);
	OnnxStep   *sum = NULL;
	OnnxValue  *out;
	NetNode		node;
	int64_t		groups = onnx_int(step->node, "group", 1);
	int			at;

	net_node_init(&node, NET_CONV2D, in->node);
	if (kernel->ndims != 4)
		onnx_unsupported(im, step, "its kernel has %d dimensions, not 4", kernel->ndims);
	for (int d = 0; d < 4; d++)
		if (kernel->dims[d] < 1 || kernel->dims[d] > (d < 2 ? NET_MAX_CHANNELS : NET_MAX_SIDE))
			onnx_unsupported(im, step, "its kernel is of an impossible size");
	node.units = (int) kernel->dims[0];
	node.kernel[0] = (int) kernel->dims[2];
	node.kernel[1] = (int) kernel->dims[3];
	if (groups < 1 || groups > channels_of(im, in) || kernel->dims[1] * groups != channels_of(im, in))
		onnx_unsupported(im, step, "its kernel takes %lld channels, its input has %d", (long long) (kernel->dims[1] * groups),
						 channels_of(im, in));
	node.groups = (int) groups;
	window(im, step, in, &node);
	if (bias == NULL)
		bias = bias_after(im, step, node.units, true, &sum);
	if (bias && bias->count != (size_t) node.units)
		onnx_unsupported(im, step, "its bias has not as many numbers as it has filters");
	node.bias = bias != NULL;
	node.activation = NET_LINEAR;
	at = net_add(im->ctx, im->net, &node);
	(void) onnx_fill(im, ONNX_FILL_CONV, at, 0, onnx_floats(im->ctx, kernel));
	if (bias)
		onnx_fill(im, ONNX_FILL_VECTORS, at, kernel->count, onnx_floats(im->ctx, bias))->n = bias->count;
	out = onnx_set(im, step, at, ONNX_PLANES);
	if (sum)
	{
		(void) onnx_same(im, sum, out, at);
		sum->joined = true;
	}
}

static void
op_pool(OnnxImporter *im, OnnxStep *step, bool average)
{
	OnnxValue  *in = planes_input(im, step, true);
	bool		padded = in->pad[0] || in->pad[1] || in->pad[2] || in->pad[3];
	NetNode		node;

	net_node_init(&node, average ? NET_AVERAGE_POOLING2D : NET_MAX_POOLING2D, in->node);
	if (onnx_attribute(step->node, "kernel_shape") == NULL)
		onnx_unsupported(im, step, "it has no kernel_shape");
	numbers(im, step, "kernel_shape", 2, 1, NET_MAX_SIDE, 1, node.kernel);
	window(im, step, in, &node);
	if (node.dilation[0] != 1 || node.dilation[1] != 1)
		onnx_unsupported(im, step, "its windows are dilated");
	node.dilation[0] = node.dilation[1] = 0;
	node.count_padding = onnx_int(step->node, "count_include_pad", 0) != 0;
	node.ceil_mode = onnx_int(step->node, "ceil_mode", 0) != 0;
	/* zeros before a maximum are the same as nothing when nothing is below 0 */
	if (padded && average ? !node.count_padding : padded && !in->positive)
		onnx_unsupported(im, step, "zeros around its input are a node of their own");
	onnx_set(im, step, net_add(im->ctx, im->net, &node), ONNX_PLANES)->positive = in->positive;
}

static void
op_global_pool(OnnxImporter *im, OnnxStep *step, bool average)
{
	OnnxValue  *in = planes_input(im, step, false);
	NetNode		node;

	net_node_init(&node, average ? NET_GLOBAL_AVERAGE_POOLING2D : NET_GLOBAL_MAX_POOLING2D, in->node);
	onnx_set(im, step, net_add(im->ctx, im->net, &node), ONNX_PLANES)->positive = in->positive;
}

static void
op_reduce(OnnxImporter *im, OnnxStep *step, bool average)
{
	OnnxValue  *in = onnx_activation(im, step, 0);
	const OnnxAttribute *attribute = onnx_attribute(step->node, "axes");
	int			n = 0;
	const int64_t *axes = attribute ? attribute->ints : onnx_value_ints(im, step, 1, &n);
	bool		keep = onnx_int(step->node, "keepdims", 1) != 0;
	int			first = in->layout == ONNX_PLANES ? 2 : 1;
	unsigned	set = 0;
	NetNode		node;

	if (attribute)
		n = attribute->nints;
	for (int i = 0; axes && i < n; i++)
	{
		int64_t		axis = axes[i] < 0 ? axes[i] + 4 : axes[i];

		if (axis >= 0 && axis < 4)
			set |= 1u << axis;
	}
	if ((in->layout != ONNX_PLANES && in->layout != ONNX_PIXELS) || n != 2 || set != 3u << first)
		onnx_unsupported(im, step, "it reduces other dimensions than height and width");
	net_node_init(&node, average ? NET_GLOBAL_AVERAGE_POOLING2D : NET_GLOBAL_MAX_POOLING2D, in->node);
	onnx_set(im, step, net_add(im->ctx, im->net, &node), keep ? in->layout : ONNX_VECTOR)->positive = in->positive;
}

/* ---- dense layers */

static void
dense(OnnxImporter *im, OnnxStep *step, const OnnxValue *in, OnnxTensor *kernel, bool transposed, OnnxTensor *bias, float alpha,
	  float beta)
{
	OnnxStep   *sum = NULL;
	OnnxValue  *out;
	OnnxFill   *fill;
	NetNode		node;
	int			at;
	int64_t		rows = kernel->ndims == 2 ? kernel->dims[transposed ? 1 : 0] : 0;
	int64_t		units = kernel->ndims == 2 ? kernel->dims[transposed ? 0 : 1] : 0;

	if (in->layout == ONNX_PLANES)
		onnx_unsupported(im, step, "its input is a picture in planes, not a vector");
	if (kernel->ndims != 2 || units < 1 || units > NET_MAX_VALUES || rows != channels_of(im, in))
		onnx_unsupported(im, step, "its matrix does not go with its input of %d numbers", channels_of(im, in));
	net_node_init(&node, NET_DENSE, in->node);
	node.units = (int) units;
	node.activation = NET_LINEAR;
	if (bias == NULL)
		bias = bias_after(im, step, node.units, false, &sum);
	if (bias && bias->count != 1 && (bias->count != (size_t) units || bias->ndims < 1 || bias->dims[bias->ndims - 1] != units))
		onnx_unsupported(im, step, "its bias has not as many numbers as it has outputs");
	node.bias = bias != NULL;
	at = net_add(im->ctx, im->net, &node);
	fill = onnx_fill(im, ONNX_FILL_DENSE, at, 0, onnx_floats(im->ctx, kernel));
	fill->transposed = transposed;
	fill->factor = alpha;
	if (in->layout == ONNX_FLAT_PLANES)
		memcpy(fill->planes, in->planes, sizeof(fill->planes));
	if (bias)
	{
		fill = onnx_fill(im, ONNX_FILL_VECTORS, at, kernel->count, onnx_floats(im->ctx, bias));
		fill->n = (size_t) units;
		fill->spread = bias->count == 1;
		fill->factor = beta;
	}
	out = onnx_set(im, step, at, in->layout == ONNX_PIXELS ? ONNX_PIXELS : ONNX_VECTOR);
	if (sum)
	{
		(void) onnx_same(im, sum, out, at);
		sum->joined = true;
	}
}

static void
op_gemm(OnnxImporter *im, OnnxStep *step)
{
	if (onnx_int(step->node, "transA", 0) != 0)
		onnx_unsupported(im, step, "its first input is transposed");
	dense(im, step, onnx_activation(im, step, 0), onnx_constant(im, step, 1, true), onnx_int(step->node, "transB", 0) != 0,
		  onnx_constant(im, step, 2, false), onnx_float(step->node, "alpha", 1), onnx_float(step->node, "beta", 1));
}

/* ---- normalisation, and sums and products with constants */

/* gamma and beta over channels, frozen: it is no normalisation that training should learn */
static void
affine(OnnxImporter *im, OnnxStep *step, const OnnxValue *in, OnnxTensor *factor, float factor_sign, bool divide, OnnxTensor *shift,
	   float shift_sign)
{
	int			channels = channels_of(im, in);
	OnnxTensor *given = factor ? factor : shift;
	float	   *v;
	OnnxFill   *fill;
	NetNode		node;
	int			at;
	bool		along = given->count == 1;

	if (given->count == (size_t) channels && given->ndims <= 4 && in->layout != ONNX_FLAT_PLANES)
	{
		int			axis = given->ndims - (in->layout == ONNX_PLANES ? 3 : 1);

		along = true;
		for (int i = 0; i < given->ndims; i++)
			if (given->dims[i] != 1 && i != axis)
				along = false;
	}
	if (!along)
		onnx_unsupported(im, step, "its constant is neither one number nor one for each channel");
	v = ECML_NEW(im->ctx, float, given->count);
	for (size_t i = 0; i < given->count; i++)
		v[i] = divide ? 1 / onnx_floats(im->ctx, given)[i] : onnx_floats(im->ctx, given)[i];
	net_node_init(&node, NET_BATCH_NORMALIZATION, in->node);
	node.frozen = true;
	node.epsilon = 1e-3f;
	at = net_add(im->ctx, im->net, &node);
	for (int part = 0; part < 4; part++)
	{
		bool		is_given = factor ? part == 0 : part == 1;

		fill = onnx_fill(im, ONNX_FILL_VECTORS, at, (size_t) part * channels, is_given ? v : NULL);
		fill->n = (size_t) channels;
		fill->spread = given->count == 1;
		fill->factor = is_given && part == 1 ? shift_sign : 1;
		fill->otherwise = part == 0 ? factor_sign : part == 3 ? 1 - node.epsilon : 0;
	}
	(void) onnx_same(im, step, in, at)->positive;
	im->values[step->outputs[0]].positive = false;
}

static void
op_batch_normalization(OnnxImporter *im, OnnxStep *step)
{
	OnnxValue  *in = onnx_activation(im, step, 0);
	int			channels = channels_of(im, in);
	NetNode		node;
	int			at;
	OnnxTensor *parts[4];

	if (in->layout == ONNX_PIXELS && onnx_net_node(im, in)->height * onnx_net_node(im, in)->width > 1)
		onnx_unsupported(im, step, "its input is not in planes [channels][height][width]");
	if (onnx_int(step->node, "training_mode", 0) != 0)
		onnx_unsupported(im, step, "it is in training mode: export the network for inference");
	for (int i = 0; i < 4; i++)
	{
		parts[i] = onnx_constant(im, step, i + 1, true);
		if (parts[i]->count != (size_t) channels)
			onnx_unsupported(im, step, "its input has %d channels, its weights are for %zu", channels, parts[i]->count);
	}
	net_node_init(&node, NET_BATCH_NORMALIZATION, in->node);
	node.epsilon = onnx_float(step->node, "epsilon", 1e-5f);
	node.momentum = onnx_float(step->node, "momentum", 0.9f);
	if (!(node.momentum >= 0 && node.momentum < 1))
		node.momentum = 0.9f;
	at = net_add(im->ctx, im->net, &node);
	for (int i = 0; i < 4; i++)
	{
		OnnxFill   *fill = onnx_fill(im, ONNX_FILL_VECTORS, at, (size_t) i * channels, onnx_floats(im->ctx, parts[i]));

		fill->n = (size_t) channels;
		if (in->layout == ONNX_FLAT_PLANES)
			memcpy(fill->planes, in->planes, sizeof(fill->planes));
	}
	(void) onnx_same(im, step, in, at);
	im->values[step->outputs[0]].positive = false;
}

/* Add, Sub, Mul, Div */
static void
op_arithmetic(OnnxImporter *im, OnnxStep *step, char op)
{
	OnnxValue  *v[2];
	const OnnxValue *tensor;
	OnnxTensor *constant;
	NetNode		node;
	bool		first;

	if (step->node->ninputs != 2 || step->inputs[0] < 0 || step->inputs[1] < 0)
		onnx_unsupported(im, step, "it has not two inputs");
	for (int i = 0; i < 2; i++)
		v[i] = &im->values[step->inputs[i]];
	if (v[0]->kind != ONNX_CONSTANT && v[1]->kind != ONNX_CONSTANT)
	{
		int64_t		dims[2][ONNX_MAX_DIMS];
		int			which = 0;

		for (int i = 0; i < 2; i++)
		{
			v[i] = onnx_activation(im, step, i);
			(void) onnx_dims(im, v[i], dims[i]);
		}
		if (op == '-' || op == '/')
			onnx_unsupported(im, step, "it takes two tensors");
		/* one number a channel is the same in planes and in pixels */
		if (onnx_net_node(im, v[0])->height * onnx_net_node(im, v[0])->width == 1)
			which = 1;
		if (v[0]->layout != v[1]->layout)
			onnx_unsupported(im, step, "its inputs lie in memory in different ways");
		if (v[0]->layout == ONNX_FLAT_PLANES && memcmp(v[0]->planes, v[1]->planes, sizeof(v[0]->planes)) != 0)
			onnx_unsupported(im, step, "its inputs lie in memory in different ways");
		net_node_init(&node, op == '+' ? NET_ADD : NET_MULTIPLY, v[0]->node);
		node.ninputs = 2;
		node.inputs[1] = v[1]->node;
		onnx_same(im, step, v[which], net_add(im->ctx, im->net, &node))->positive = v[0]->positive && v[1]->positive;
		return;
	}
	first = v[0]->kind == ONNX_CONSTANT;
	tensor = onnx_activation(im, step, first ? 1 : 0);
	constant = onnx_constant(im, step, first ? 0 : 1, true);
	switch (op)
	{
		case '+':
			affine(im, step, tensor, NULL, 1, false, constant, 1);
			return;
		case '-':
			affine(im, step, tensor, NULL, first ? -1 : 1, false, constant, first ? 1 : -1);
			return;
		case '/':
			if (first)
				onnx_unsupported(im, step, "it divides by a tensor");
	}
	affine(im, step, tensor, constant, 1, op == '/', NULL, 0);
}

/* A node over all inputs of the step, which must lie alike. */
static void
join_inputs(OnnxImporter *im, OnnxStep *step, NetKind kind)
{
	NetNode		node;
	const OnnxValue *first = onnx_activation(im, step, 0);
	bool		positive = true;

	if (step->node->ninputs > NET_MAX_INPUTS)
		onnx_unsupported(im, step, "it has more than %d inputs", NET_MAX_INPUTS);
	net_node_init(&node, kind, first->node);
	node.ninputs = step->node->ninputs;
	for (int i = 0; i < node.ninputs; i++)
	{
		const OnnxValue *v = onnx_activation(im, step, i);

		if (v->layout != first->layout)
			onnx_unsupported(im, step, "its inputs lie in memory in different ways");
		node.inputs[i] = v->node;
		positive &= v->positive;
	}
	onnx_same(im, step, first, node.ninputs == 1 ? first->node : net_add(im->ctx, im->net, &node))->positive = positive;
}

static void
op_sum(OnnxImporter *im, OnnxStep *step)
{
	join_inputs(im, step, NET_ADD);
}

static void
op_concat(OnnxImporter *im, OnnxStep *step)
{
	const OnnxValue *first = onnx_activation(im, step, 0);
	int64_t		dims[ONNX_MAX_DIMS];
	int			rank = onnx_dims(im, first, dims);
	int64_t		axis = onnx_int(step->node, "axis", 1);

	axis += axis < 0 ? rank : 0;
	if (first->layout == ONNX_FLAT_PLANES || axis != (first->layout == ONNX_PIXELS ? 3 : 1))
		onnx_unsupported(im, step, "it joins along another dimension than the channels");
	join_inputs(im, step, NET_CONCATENATE);
}

/* Zeros around a picture: the next convolution or pooling adds them. */
static void
op_pad(OnnxImporter *im, OnnxStep *step)
{
	OnnxValue  *in = onnx_activation(im, step, 0);
	const OnnxAttribute *mode = onnx_attribute(step->node, "mode");
	const OnnxAttribute *attribute = onnx_attribute(step->node, "pads");
	int			n = 0;
	const int64_t *pads = attribute ? attribute->ints : onnx_value_ints(im, step, 1, &n);
	OnnxTensor *value = onnx_constant(im, step, 2, false);
	int			first = in->layout == ONNX_PIXELS ? 1 : 2;
	OnnxValue  *out;

	if (attribute)
		n = attribute->nints;
	if (mode && !onnx_is(mode->s, "constant"))
		onnx_unsupported(im, step, "it pads with other than zeros");
	if ((value && (value->count != 1 || onnx_floats(im->ctx, value)[0] != 0)) || onnx_float(step->node, "value", 0) != 0)
		onnx_unsupported(im, step, "it pads with other than zeros");
	if (pads == NULL || n != 8 || (in->layout != ONNX_PLANES && in->layout != ONNX_PIXELS))
		onnx_unsupported(im, step, "its padding is not known");
	for (int i = 0; i < 8; i++)
		if (pads[i] < 0 || pads[i] > NET_MAX_SIDE || (pads[i] > 0 && i % 4 != first && i % 4 != first + 1))
			onnx_unsupported(im, step, "it pads other dimensions than height and width, or cuts");
	out = onnx_same(im, step, in, in->node);
	for (int d = 0; d < 2; d++)
	{
		out->pad[d] = (int) pads[first + d];
		out->pad[d + 2] = (int) pads[4 + first + d];
	}
}

/* ---- activations */

static void
activation(OnnxImporter *im, OnnxStep *step, const OnnxValue *in, NetActivation kind, float a, float b, bool positive)
{
	NetNode		node;

	net_node_init(&node, NET_ACTIVATION, in->node);
	node.activation = kind;
	node.a = a;
	node.b = b;
	onnx_same(im, step, in, net_add(im->ctx, im->net, &node))->positive = positive;
}

static void
op_clip(OnnxImporter *im, OnnxStep *step)
{
	OnnxValue  *in = onnx_activation(im, step, 0);
	OnnxTensor *low = onnx_constant(im, step, 1, false);
	OnnxTensor *high = onnx_constant(im, step, 2, false);
	float		a = low && low->count == 1 ? onnx_floats(im->ctx, low)[0] : onnx_float(step->node, "min", -3.4e38f);
	float		b = high && high->count == 1 ? onnx_floats(im->ctx, high)[0] : onnx_float(step->node, "max", 3.4e38f);

	if (!isfinite(a) || a < -3.4e38f)
		a = -3.4e38f;
	if (!isfinite(b) || b > 3.4e38f)
		b = 3.4e38f;
	if (!(a < b))
		onnx_unsupported(im, step, "its bounds are no range");
	if (a == 0 && b >= 3.4e38f)
		activation(im, step, in, NET_RELU, 0, 0, true);
	else
		activation(im, step, in, NET_CLIP, a, b, a >= 0);
}

static void
op_prelu(OnnxImporter *im, OnnxStep *step)
{
	OnnxTensor *slope = onnx_constant(im, step, 1, true);
	const float *v = onnx_floats(im->ctx, slope);

	for (size_t i = 1; i < slope->count; i++)
		if (v[i] != v[0])
			onnx_unsupported(im, step, "its slopes differ between channels");
	if (slope->count == 0)
		onnx_unsupported(im, step, "it has no slope");
	activation(im, step, onnx_activation(im, step, 0), NET_LEAKY_RELU, v[0], 0, false);
}

static void
op_softmax(OnnxImporter *im, OnnxStep *step)
{
	OnnxValue  *in = onnx_activation(im, step, 0);
	int64_t		dims[ONNX_MAX_DIMS];
	int			rank = onnx_dims(im, in, dims);
	int64_t		axis = onnx_int(step->node, "axis", im->file->opset < 13 ? 1 : -1);

	axis += axis < 0 ? rank : 0;
	if (axis != (in->layout == ONNX_PIXELS ? 3 : 1) ||
		(im->file->opset < 13 && onnx_net_node(im, in)->height * onnx_net_node(im, in)->width > 1))
		onnx_unsupported(im, step, "it goes along another dimension than the channels");
	if (in->layout == ONNX_FLAT_PLANES)
		onnx_unsupported(im, step, "it goes over a picture laid flat");
	activation(im, step, in, NET_SOFTMAX, 0, 0, true);
}

static bool
activation_operator(OnnxImporter *im, OnnxStep *step)
{
	const OnnxNode *node = step->node;
	const OnnxAttribute *approximate;

	if (onnx_is(node->op, "Relu"))
		activation(im, step, onnx_activation(im, step, 0), NET_RELU, 0, 0, true);
	else if (onnx_is(node->op, "Clip"))
		op_clip(im, step);
	else if (onnx_is(node->op, "LeakyRelu"))
		activation(im, step, onnx_activation(im, step, 0), NET_LEAKY_RELU, onnx_float(node, "alpha", 0.01f), 0, false);
	else if (onnx_is(node->op, "PRelu"))
		op_prelu(im, step);
	else if (onnx_is(node->op, "Elu"))
		activation(im, step, onnx_activation(im, step, 0), NET_ELU, onnx_float(node, "alpha", 1), 0, false);
	else if (onnx_is(node->op, "Sigmoid"))
		activation(im, step, onnx_activation(im, step, 0), NET_SIGMOID, 0, 0, true);
	else if (onnx_is(node->op, "Tanh"))
		activation(im, step, onnx_activation(im, step, 0), NET_TANH, 0, 0, false);
	else if (onnx_is(node->op, "HardSigmoid"))
		activation(im, step, onnx_activation(im, step, 0), NET_HARD_SIGMOID, onnx_float(node, "alpha", 0.2f),
				   onnx_float(node, "beta", 0.5f), true);
	else if (onnx_is(node->op, "HardSwish"))
		activation(im, step, onnx_activation(im, step, 0), NET_HARD_SWISH, 1.0f / 6, 0.5f, false);
	else if (onnx_is(node->op, "Swish") && onnx_float(node, "alpha", 1) == 1)
		activation(im, step, onnx_activation(im, step, 0), NET_SWISH, 0, 0, false);
	else if (onnx_is(node->op, "Gelu"))
	{
		approximate = onnx_attribute(node, "approximate");
		activation(im, step, onnx_activation(im, step, 0),
				   approximate && onnx_is(approximate->s, "tanh") ? NET_GELU_TANH : NET_GELU, 0, 0, false);
	}
	else if (onnx_is(node->op, "Softmax"))
		op_softmax(im, step);
	else
		return false;
	return true;
}

bool
onnx_operator(OnnxImporter *im, OnnxStep *step)
{
	const OnnxNode *node = step->node;

	if (step->activation >= 0)
	{
		const OnnxValue *in = &im->values[step->from];
		float		a = 0;
		float		b = 0;

		if (in->kind != ONNX_ACTIVATION || in->pad[0] || in->pad[1] || in->pad[2] || in->pad[3])
			onnx_unsupported(im, step, "its input is no tensor of the network");
		net_activation_defaults((NetActivation) step->activation, &a, &b);
		activation(im, step, in, (NetActivation) step->activation, a, b, false);
	}
	else if (onnx_is(node->op, "Conv"))
		op_conv(im, step);
	else if (onnx_is(node->op, "Gemm"))
		op_gemm(im, step);
	else if (onnx_is(node->op, "MatMul"))
		dense(im, step, onnx_activation(im, step, 0), onnx_constant(im, step, 1, true), false, NULL, 1, 1);
	else if (onnx_is(node->op, "BatchNormalization"))
		op_batch_normalization(im, step);
	else if (onnx_is(node->op, "MaxPool"))
		op_pool(im, step, false);
	else if (onnx_is(node->op, "AveragePool"))
		op_pool(im, step, true);
	else if (onnx_is(node->op, "GlobalAveragePool"))
		op_global_pool(im, step, true);
	else if (onnx_is(node->op, "GlobalMaxPool"))
		op_global_pool(im, step, false);
	else if (onnx_is(node->op, "ReduceMean"))
		op_reduce(im, step, true);
	else if (onnx_is(node->op, "ReduceMax"))
		op_reduce(im, step, false);
	else if (onnx_is(node->op, "Add"))
		op_arithmetic(im, step, '+');
	else if (onnx_is(node->op, "Sub"))
		op_arithmetic(im, step, '-');
	else if (onnx_is(node->op, "Mul"))
		op_arithmetic(im, step, '*');
	else if (onnx_is(node->op, "Div"))
		op_arithmetic(im, step, '/');
	else if (onnx_is(node->op, "Sum"))
		op_sum(im, step);
	else if (onnx_is(node->op, "Concat"))
		op_concat(im, step);
	else if (onnx_is(node->op, "Pad"))
		op_pad(im, step);
	else
		return activation_operator(im, step);
	return true;
}
