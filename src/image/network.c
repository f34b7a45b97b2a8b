/*
 * network.c - nodes, their shapes, their weights
 *
 * net_add infers the shape of a node from those of its inputs and refuses what does not fit, with the layer's name and the
 * shapes in the message.  Products of sizes are checked before they are made: no network, from jsonb, ONNX or bytes, has a
 * tensor of more than NET_MAX_VALUES numbers or more than NET_MAX_WEIGHTS weights.
 */
#include "network.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *const kind_names[NET_KINDS] = {
	"input", "conv2d", "dense", "batch_normalization", "max_pooling2d", "average_pooling2d", "global_max_pooling2d",
	"global_average_pooling2d", "add", "multiply", "concatenate", "flatten", "reshape", "dropout", "activation"
};

static const char *const activation_names[NET_ACTIVATIONS] = {
	"linear", "relu", "clip", "leaky_relu", "elu", "sigmoid", "tanh", "softmax", "hard_sigmoid", "hard_swish", "swish", "gelu",
	"gelu_tanh"
};

const char *
net_kind_name(NetKind kind)
{
	return kind_names[kind];
}

const char *
net_activation_name(NetActivation activation)
{
	return activation_names[activation];
}

void
net_activation_defaults(NetActivation activation, float *a, float *b)
{
	*a = *b = 0;
	switch (activation)
	{
		case NET_CLIP:
			*b = 6;
			break;
		case NET_LEAKY_RELU:
			*a = 0.2f;
			break;
		case NET_ELU:
			*a = 1;
			break;
		case NET_HARD_SIGMOID:
		case NET_HARD_SWISH:
			*a = 1.0f / 6;
			*b = 0.5f;
			break;
		default:
			break;
	}
}

bool
net_activation_by_name(const char *name, NetActivation *activation, float *a, float *b)
{
	static const struct
	{
		const char *name;
		NetActivation activation;
	}			others[] = {{"relu6", NET_CLIP}, {"silu", NET_SWISH}, {"hard_silu", NET_HARD_SWISH}};

	for (int i = 0; i < NET_ACTIVATIONS; i++)
		if (strcmp(name, activation_names[i]) == 0)
		{
			*activation = i;
			net_activation_defaults(i, a, b);
			return true;
		}
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (strcmp(name, others[i].name) == 0)
		{
			*activation = others[i].activation;
			net_activation_defaults(*activation, a, b);
			return true;
		}
	return false;
}

void
net_node_init(NetNode *node, NetKind kind, int input)
{
	memset(node, 0, sizeof(*node));
	node->kind = kind;
	node->ninputs = 1;
	node->inputs[0] = input;
	node->stride[0] = node->stride[1] = kind == NET_CONV2D ? 1 : 0;
	node->dilation[0] = node->dilation[1] = 1;
	node->groups = 1;
	node->bias = kind == NET_CONV2D || kind == NET_DENSE;
	node->epsilon = 1e-3f;
	node->momentum = 0.99f;
}

/* ---- shapes */

static const char *
label(const NetNode *node)
{
	return node->name[0] ? node->name : kind_names[node->kind];
}

/* The failure of a node whose detail and hint were given. */
static void ECML_NORETURN
misfit(EcmlCtx *ctx, int number, const NetNode *node, const char *what)
{
	ecml_fail(ctx, node->stored ? ECML_CORRUPTED : ECML_INVALID_PARAMETER, "layer %d (%s): %s", number, label(node), what);
}

static void ECML_NORETURN
out_of_range(EcmlCtx *ctx, int number, const NetNode *node, const char *what, double value, double low, double high)
{
	ecml_detail(ctx, "The value is %g.", value);
	ecml_hint(ctx, "It must be from %g to %g.", low, high);
	misfit(ctx, number, node, what);
}

/* a name that no other node has */
static void
find_name(const Network *net, NetNode *node)
{
	for (int k = 0;; k++)
	{
		char		name[NET_NAME];
		bool		taken = false;

		if (k == 0)
			snprintf(name, sizeof(name), "%s", kind_names[node->kind]);
		else
			snprintf(name, sizeof(name), "%s_%d", kind_names[node->kind], k);
		for (int i = 0; i < net->n; i++)
			taken |= strcmp(net->nodes[i].name, name) == 0;
		if (!taken)
		{
			memcpy(node->name, name, sizeof(name));
			return;
		}
	}
}

/* The length of one side behind a window that slides over it; 0: the window does not fit. */
static int
slide(NetNode *node, int side, int length)
{
	int			kernel = node->kernel[side];
	int			stride = node->stride[side];
	int64_t		reach = (int64_t) (kernel - 1) * node->dilation[side] + 1;
	int64_t		out;

	switch (node->padding)
	{
		case NET_VALID:
			node->pad[side] = node->pad[side + 2] = 0;
			return length < reach ? 0 : (int) ((length - reach) / stride + 1);
		case NET_SAME:
			{
				int64_t		total;

				out = (length + stride - 1) / stride;
				total = (out - 1) * stride + reach - length;
				if (total < 0)
					total = 0;
				node->pad[side] = (int) (total / 2);
				node->pad[side + 2] = (int) (total - total / 2);
				return (int) out;
			}
		case NET_EXPLICIT:
			break;
	}
	out = (int64_t) length + node->pad[side] + node->pad[side + 2] - reach;
	if (out < 0)
		return 0;
	if (node->ceil_mode && node->kind != NET_CONV2D)
	{
		int64_t		n = (out + stride - 1) / stride + 1;

		/* the last window has to begin within the picture or the padding before it */
		if ((n - 1) * stride >= (int64_t) length + node->pad[side])
			n--;
		return (int) n;
	}
	return (int) (out / stride + 1);
}

static void
infer_window(EcmlCtx *ctx, int number, NetNode *node, const NetNode *in)
{
	int			lengths[2] = {in->height, in->width};
	int			out[2];

	for (int side = 0; side < 2; side++)
	{
		if (node->kernel[side] == 0 && node->kind != NET_CONV2D)
			node->kernel[side] = lengths[side];
		if (node->kernel[side] < 1 || node->kernel[side] > NET_MAX_SIDE)
			out_of_range(ctx, number, node, "kernel out of range", node->kernel[side], 1, NET_MAX_SIDE);
		if (node->stride[side] == 0)
			node->stride[side] = node->kind == NET_CONV2D ? 1 : node->kernel[side];
		if (node->stride[side] < 1 || node->stride[side] > NET_MAX_SIDE)
			out_of_range(ctx, number, node, "stride out of range", node->stride[side], 1, NET_MAX_SIDE);
		if (node->dilation[side] == 0 || node->kind != NET_CONV2D)
			node->dilation[side] = 1;
		if (node->dilation[side] < 1 || node->dilation[side] > NET_MAX_SIDE)
			out_of_range(ctx, number, node, "dilation out of range", node->dilation[side], 1, NET_MAX_SIDE);
		for (int end = side; end < 4 && node->padding == NET_EXPLICIT; end += 2)
			if (node->pad[end] < 0 || node->pad[end] > NET_MAX_SIDE)
				out_of_range(ctx, number, node, "padding out of range", node->pad[end], 0, NET_MAX_SIDE);
		out[side] = slide(node, side, lengths[side]);
	}
	if (out[0] < 1 || out[1] < 1)
	{
		ecml_detail(ctx, "The kernel is %d x %d, the layer's input %d x %d x %d.", node->kernel[0], node->kernel[1], in->height,
					in->width, in->channels);
		ecml_hint(ctx, "Use a smaller kernel, padding \"same\", fewer poolings before it, or larger pictures.");
		misfit(ctx, number, node, "the kernel is larger than the layer's input");
	}
	if (node->kind != NET_CONV2D && node->padding == NET_EXPLICIT)
		for (int side = 0; side < 2; side++)
			if (node->pad[side] >= node->kernel[side] || node->pad[side + 2] >= node->kernel[side])
			{
				ecml_detail(ctx, "The padding is %d and %d, the window %d.", node->pad[side], node->pad[side + 2],
							node->kernel[side]);
				ecml_hint(ctx, "Each window must hold some of the picture.");
				misfit(ctx, number, node, "the padding is not smaller than the window");
			}
	node->height = out[0];
	node->width = out[1];
	node->channels = in->channels;
}

static bool
spreads(const NetNode *from, const NetNode *to)
{
	return from->height == 1 && from->width == 1 && (from->channels == 1 || from->channels == to->channels);
}

static void
infer_elementwise(EcmlCtx *ctx, int number, NetNode *node, const Network *net)
{
	const NetNode *widest = &net->nodes[node->inputs[0]];

	for (int i = 1; i < node->ninputs; i++)
		if (net->nodes[node->inputs[i]].values > widest->values)
			widest = &net->nodes[node->inputs[i]];
	for (int i = 0; i < node->ninputs; i++)
	{
		const NetNode *in = &net->nodes[node->inputs[i]];

		if ((in->height != widest->height || in->width != widest->width || in->channels != widest->channels) &&
			!spreads(in, widest))
		{
			ecml_detail(ctx, "Layer \"%s\" gives %d x %d x %d, layer \"%s\" %d x %d x %d.", widest->name, widest->height,
						widest->width, widest->channels, in->name, in->height, in->width, in->channels);
			ecml_hint(ctx, "Give both the same shape, for example by a conv2d of kernel 1 with as many filters and the same strides.");
			misfit(ctx, number, node, "its inputs are of different shapes");
		}
	}
	node->height = widest->height;
	node->width = widest->width;
	node->channels = widest->channels;
}

static void
infer_concatenate(EcmlCtx *ctx, int number, NetNode *node, const Network *net)
{
	const NetNode *first = &net->nodes[node->inputs[0]];
	int64_t		channels = 0;

	for (int i = 0; i < node->ninputs; i++)
	{
		const NetNode *in = &net->nodes[node->inputs[i]];

		if (in->height != first->height || in->width != first->width)
		{
			ecml_detail(ctx, "Layer \"%s\" gives %d x %d, layer \"%s\" %d x %d.", first->name, first->height, first->width,
						in->name, in->height, in->width);
			ecml_hint(ctx, "What is concatenated along channels must have the same height and width.");
			misfit(ctx, number, node, "its inputs are of different sizes");
		}
		channels += in->channels;
	}
	if (channels > NET_MAX_CHANNELS)
		out_of_range(ctx, number, node, "too many channels", (double) channels, 1, NET_MAX_CHANNELS);
	node->height = first->height;
	node->width = first->width;
	node->channels = (int) channels;
}

static void
infer_reshape(EcmlCtx *ctx, int number, NetNode *node, const NetNode *in)
{
	size_t		known = 1;
	int			open = -1;

	for (int i = 0; i < 3; i++)
	{
		if (node->shape[i] == -1 && open < 0)
			open = i;
		else if (node->shape[i] < 1 || (size_t) node->shape[i] > NET_MAX_VALUES / known)
			out_of_range(ctx, number, node, "shape out of range", node->shape[i], 1, NET_MAX_VALUES);
		else
			known *= node->shape[i];
	}
	if (open >= 0 && in->values % known == 0)
	{
		node->shape[open] = (int) (in->values / known);
		known = in->values;
	}
	if (known != in->values)
	{
		ecml_detail(ctx, "Its input has %zu numbers.", in->values);
		ecml_hint(ctx, "The sides of the shape must multiply to that.");
		misfit(ctx, number, node, "the shape has another number of values");
	}
	node->height = node->shape[0];
	node->width = node->shape[1];
	node->channels = node->shape[2];
}

static void
infer_conv2d(EcmlCtx *ctx, int number, NetNode *node, const NetNode *in)
{
	if (node->units < 1 || node->units > NET_MAX_CHANNELS)
		out_of_range(ctx, number, node, "filters out of range", node->units, 1, NET_MAX_CHANNELS);
	if (node->groups == 0)
		node->groups = 1;
	if (node->groups < 1 || in->channels % node->groups != 0 || node->units % node->groups != 0)
	{
		ecml_detail(ctx, "There are %d groups, %d channels and %d filters.", node->groups, in->channels, node->units);
		ecml_hint(ctx, "Both must be multiples of groups.");
		misfit(ctx, number, node, "the groups do not fit");
	}
	infer_window(ctx, number, node, in);
	node->channels = node->units;
}

/* kernel * channels and so on, without overflow */
static size_t
product(EcmlCtx *ctx, int number, const NetNode *node, const size_t *factors, int n)
{
	size_t		result = 1;

	for (int i = 0; i < n; i++)
	{
		if (factors[i] > NET_MAX_WEIGHTS / result)
		{
			ecml_detail(ctx, "A network may have %zu weights.", NET_MAX_WEIGHTS);
			ecml_hint(ctx, "Use fewer filters or units, or a pooling before a dense layer.");
			ecml_fail(ctx, node->stored ? ECML_CORRUPTED : ECML_LIMIT_EXCEEDED, "layer %d (%s) has too many weights", number, label(node));
		}
		result *= factors[i];
	}
	return result;
}

static void
infer(EcmlCtx *ctx, int number, NetNode *node, const Network *net)
{
	const NetNode *in = &net->nodes[node->inputs[0]];

	node->height = in->height;
	node->width = in->width;
	node->channels = in->channels;
	switch (node->kind)
	{
		case NET_CONV2D:
			infer_conv2d(ctx, number, node, in);
			break;
		case NET_DENSE:
			if (node->units < 1 || node->units > NET_MAX_CHANNELS)
				out_of_range(ctx, number, node, "units out of range", node->units, 1, NET_MAX_CHANNELS);
			node->channels = node->units;
			break;
		case NET_BATCH_NORMALIZATION:
			if (!(node->epsilon > 0 && node->epsilon <= 1))
				out_of_range(ctx, number, node, "epsilon out of range", node->epsilon, 1e-12, 1);
			if (!(node->momentum >= 0 && node->momentum < 1))
				out_of_range(ctx, number, node, "momentum out of range", node->momentum, 0, 0.9999);
			break;
		case NET_MAX_POOLING2D:
		case NET_AVERAGE_POOLING2D:
			infer_window(ctx, number, node, in);
			break;
		case NET_GLOBAL_MAX_POOLING2D:
		case NET_GLOBAL_AVERAGE_POOLING2D:
			node->height = node->width = 1;
			break;
		case NET_ADD:
		case NET_MULTIPLY:
			infer_elementwise(ctx, number, node, net);
			break;
		case NET_CONCATENATE:
			infer_concatenate(ctx, number, node, net);
			break;
		case NET_FLATTEN:
			node->height = node->width = 1;
			node->channels = (int) in->values;
			break;
		case NET_RESHAPE:
			infer_reshape(ctx, number, node, in);
			break;
		case NET_DROPOUT:
			if (!(node->rate >= 0 && node->rate < 1))
				out_of_range(ctx, number, node, "rate out of range", node->rate, 0, 0.99);
			break;
		default:
			break;
	}
	if (node->height > NET_MAX_SIDE || node->width > NET_MAX_SIDE ||
		(size_t) node->channels > NET_MAX_VALUES / node->height / node->width)
	{
		ecml_detail(ctx, "The shape is %d x %d x %d.", node->height, node->width, node->channels);
		ecml_hint(ctx, "A layer may give %d numbers for a picture.", NET_MAX_VALUES);
		ecml_fail(ctx, node->stored ? ECML_CORRUPTED : ECML_LIMIT_EXCEEDED, "layer %d (%s) is too large", number, label(node));
	}
	node->values = (size_t) node->height * node->width * node->channels;
}

/* How many weights, and the work of it. */
static void
measure(EcmlCtx *ctx, int number, NetNode *node, const Network *net)
{
	const NetNode *in = &net->nodes[node->inputs[0]];
	size_t		places = (size_t) node->height * node->width;
	size_t		kernel = 0;

	node->work = (double) node->values;
	switch (node->kind)
	{
		case NET_CONV2D:
			{
				size_t		factors[] = {node->kernel[0], node->kernel[1], in->channels / node->groups, node->units};

				kernel = product(ctx, number, node, factors, 4);
				node->work = 2.0 * places * kernel;
				break;
			}
		case NET_DENSE:
			{
				size_t		factors[] = {in->channels, node->units};

				kernel = product(ctx, number, node, factors, 2);
				node->work = 2.0 * places * kernel;
				break;
			}
		case NET_BATCH_NORMALIZATION:
			kernel = (size_t) 4 * node->channels;
			break;
		case NET_MAX_POOLING2D:
		case NET_AVERAGE_POOLING2D:
			node->work *= (double) node->kernel[0] * node->kernel[1];
			break;
		case NET_GLOBAL_MAX_POOLING2D:
		case NET_GLOBAL_AVERAGE_POOLING2D:
			node->work = (double) in->values;
			break;
		case NET_ADD:
		case NET_MULTIPLY:
			node->work *= node->ninputs;
			break;
		default:
			break;
	}
	node->weights = net->nweights;
	node->bias_at = node->weights + kernel;
	node->nweights = kernel;
	if (node->bias && (node->kind == NET_CONV2D || node->kind == NET_DENSE))
		node->nweights += node->units;
	else
		node->bias = false;
	if (node->nweights > NET_MAX_WEIGHTS - net->nweights)
	{
		size_t		factors[] = {NET_MAX_WEIGHTS, 2};

		product(ctx, number, node, factors, 2);
	}
}

/* ---- building */

Network *
net_create(EcmlCtx *ctx, int height, int width, int channels)
{
	Network    *net = ECML_NEW0(ctx, Network, 1);
	NetNode    *input;

	net->capacity = 16;
	net->nodes = ECML_NEW(ctx, NetNode, net->capacity);
	net->n = 1;
	input = &net->nodes[0];
	net_node_init(input, NET_INPUT, 0);
	input->ninputs = 0;
	strcpy(input->name, "input");
	if (height < 1 || height > NET_MAX_SIDE)
		out_of_range(ctx, 0, input, "height out of range", height, 1, NET_MAX_SIDE);
	if (width < 1 || width > NET_MAX_SIDE)
		out_of_range(ctx, 0, input, "width out of range", width, 1, NET_MAX_SIDE);
	if (channels < 1 || channels > NET_MAX_INPUT_CHANNELS)
		out_of_range(ctx, 0, input, "channels out of range", channels, 1, NET_MAX_INPUT_CHANNELS);
	input->height = height;
	input->width = width;
	input->channels = channels;
	input->values = (size_t) height * width * channels;
	if (input->values > NET_MAX_VALUES)
		out_of_range(ctx, 0, input, "input too large", (double) input->values, 1, NET_MAX_VALUES);
	return net;
}

int
net_add(EcmlCtx *ctx, Network *net, const NetNode *given)
{
	NetNode    *node;
	int			number = net->n;

	if (given->kind <= NET_INPUT || given->kind >= NET_KINDS || given->activation < 0 ||
		given->activation >= NET_ACTIVATIONS || given->padding < NET_VALID || given->padding > NET_EXPLICIT)
		ecml_fail(ctx, given->stored ? ECML_CORRUPTED : ECML_INVALID_PARAMETER, "layer %d is of no known kind", number);
	if (number >= NET_MAX_NODES)
	{
		ecml_detail(ctx, "There are %d.", number);
		ecml_hint(ctx, "A network may have %d layers.", NET_MAX_NODES);
		ecml_fail(ctx, ECML_LIMIT_EXCEEDED, "the network has too many layers");
	}
	if (number == net->capacity)
	{
		net->capacity *= 2;
		net->nodes = ecml_resize_array(ctx, net->nodes, net->capacity, sizeof(NetNode));
	}
	node = &net->nodes[number];
	*node = *given;
	node->name[NET_NAME - 1] = '\0';
	if (node->ninputs < 1 || node->ninputs > NET_MAX_INPUTS)
		out_of_range(ctx, number, node, "number of inputs out of range", node->ninputs, 1, NET_MAX_INPUTS);
	if (node->ninputs > 1 && node->kind != NET_ADD && node->kind != NET_MULTIPLY && node->kind != NET_CONCATENATE)
		out_of_range(ctx, number, node, "too many inputs", node->ninputs, 1, 1);
	for (int i = 0; i < node->ninputs; i++)
		if (node->inputs[i] < 0 || node->inputs[i] >= number)
			out_of_range(ctx, number, node, "an input is no earlier layer", node->inputs[i], 0, number - 1);
	if (!isfinite(node->a) || !isfinite(node->b))
		misfit(ctx, number, node, "the numbers of its activation are not finite");
	if (node->name[0] == '\0')
		find_name(net, node);
	else
		for (int i = 0; i < number; i++)
			if (strcmp(net->nodes[i].name, node->name) == 0)
			{
				ecml_detail(ctx, "Layers %d and %d are both called \"%s\".", i, number, node->name);
				ecml_hint(ctx, "Give each its own name, or none.");
				misfit(ctx, number, node, "the name is taken");
			}
	infer(ctx, number, node, net);
	measure(ctx, number, node, net);
	net->nweights += node->nweights;
	net->n++;
	return number;
}

void
net_finish(EcmlCtx *ctx, Network *net)
{
	if (net->n < 2)
	{
		ecml_hint(ctx, "Give at least one layer.");
		ecml_fail(ctx, ECML_INVALID_PARAMETER, "the network has no layers");
	}
	net->weights = ECML_NEW0(ctx, float, net->nweights + NET_SLACK);
	net->embedding = net->n - 1;
	for (int i = net->n - 1; i > 0; i--)
		if (net->nodes[i].kind == NET_DENSE)
		{
			net->embedding = net->nodes[i].inputs[0];
			break;
		}
	for (int i = 0; i < net->n; i++)
		if (net->nodes[i].kind == NET_BATCH_NORMALIZATION)
			for (int c = 0; c < net->nodes[i].channels; c++)
			{
				net->weights[net->nodes[i].weights + c] = 1;
				net->weights[net->nodes[i].weights + 3 * (size_t) net->nodes[i].channels + c] = 1;
			}
}

/* does a rectifier of some kind come next? */
static bool
is_rectified(const Network *net, int number)
{
	for (int depth = 0; depth < 3; depth++)
	{
		NetActivation activation = net->nodes[number].activation;
		int			reader = -1;

		if (activation != NET_LINEAR)
			return activation != NET_SIGMOID && activation != NET_TANH && activation != NET_SOFTMAX &&
				activation != NET_HARD_SIGMOID;
		for (int i = number + 1; i < net->n && reader < 0; i++)
			for (int k = 0; k < net->nodes[i].ninputs; k++)
				if (net->nodes[i].inputs[k] == number)
					reader = i;
		if (reader < 0)
			return false;
		number = reader;
	}
	return false;
}

void
net_initialize(Network *net, int from, bool he, EcmlRng *rng)
{
	for (int i = from; i < net->n; i++)
	{
		const NetNode *node = &net->nodes[i];
		float	   *w = net->weights + node->weights;
		size_t		n = node->bias_at - node->weights;
		EcmlRng		own = ecml_rng_stream(rng, (uint64_t) i);
		double		in;
		double		out;

		if (node->kind == NET_BATCH_NORMALIZATION)
			for (int c = 0; c < node->channels; c++)
			{
				w[c] = w[3 * (size_t) node->channels + c] = 1;
				w[(size_t) node->channels + c] = w[2 * (size_t) node->channels + c] = 0;
			}
		if (node->kind != NET_CONV2D && node->kind != NET_DENSE)
			continue;
		if (node->kind == NET_CONV2D)
		{
			in = (double) n / node->units;
			out = (double) node->kernel[0] * node->kernel[1] * node->units;
			if (node->groups > 1)
				out /= node->groups;
		}
		else
		{
			in = (double) n / node->units;
			out = node->units;
		}
		if (he && is_rectified(net, i))
		{
			double		deviation = sqrt(2 / in);

			for (size_t k = 0; k < n; k++)
				w[k] = (float) (deviation * ecml_rng_normal(&own));
		}
		else
		{
			double		limit = sqrt(6 / (in + out));

			for (size_t k = 0; k < n; k++)
				w[k] = (float) (limit * (2 * ecml_rng_double(&own) - 1));
		}
		memset(w + n, 0, (node->nweights - n) * sizeof(float));
	}
}
