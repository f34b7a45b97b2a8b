/*
 * network_bytes.c - a network as bytes
 *
 * What was given of each node, and the weights.  Reading builds the network anew, so that its shapes are inferred and checked, as
 * those of any other, and compares the number of weights with what is left before it makes room for them.
 */
#include "network.h"

#include <string.h>

#define VERSION 1

static void
write_pair(EcmlWriter *w, const int v[2])
{
	ecml_write_i32(w, v[0]);
	ecml_write_i32(w, v[1]);
}

static void
read_pair(EcmlReader *r, int v[2])
{
	v[0] = ecml_read_i32(r);
	v[1] = ecml_read_i32(r);
}

void
net_write(EcmlWriter *w, const Network *net)
{
	ecml_write_u32(w, VERSION);
	ecml_write_u32(w, net->nodes[0].height);
	ecml_write_u32(w, net->nodes[0].width);
	ecml_write_u32(w, net->nodes[0].channels);
	ecml_write_u32(w, net->n - 1);
	for (int i = 1; i < net->n; i++)
	{
		const NetNode *node = &net->nodes[i];

		ecml_write_u8(w, node->kind);
		ecml_write_string(w, node->name);
		ecml_write_u8(w, node->ninputs);
		for (int k = 0; k < node->ninputs; k++)
			ecml_write_u32(w, node->inputs[k]);
		ecml_write_u8(w, node->activation);
		ecml_write_f4s(w, &node->a, 1);
		ecml_write_f4s(w, &node->b, 1);
		ecml_write_u8(w, node->frozen);
		switch (node->kind)
		{
			case NET_CONV2D:
				ecml_write_i32(w, node->units);
				ecml_write_i32(w, node->groups);
				write_pair(w, node->dilation);
				ecml_write_u8(w, node->bias);
				/* fall through */
			case NET_MAX_POOLING2D:
			case NET_AVERAGE_POOLING2D:
				write_pair(w, node->kernel);
				write_pair(w, node->stride);
				ecml_write_u8(w, node->padding);
				for (int k = 0; k < 4; k++)
					ecml_write_i32(w, node->pad[k]);
				ecml_write_u8(w, node->count_padding);
				ecml_write_u8(w, node->ceil_mode);
				break;
			case NET_DENSE:
				ecml_write_i32(w, node->units);
				ecml_write_u8(w, node->bias);
				break;
			case NET_BATCH_NORMALIZATION:
				ecml_write_f4s(w, &node->epsilon, 1);
				ecml_write_f4s(w, &node->momentum, 1);
				break;
			case NET_RESHAPE:
				for (int k = 0; k < 3; k++)
					ecml_write_i32(w, node->shape[k]);
				break;
			case NET_DROPOUT:
				ecml_write_f4s(w, &node->rate, 1);
				break;
			default:
				break;
		}
	}
	ecml_write_u32(w, net->embedding);
	ecml_write_u64(w, net->nweights);
	ecml_write_f4s(w, net->weights, net->nweights);
}

static float
read_f4(EcmlReader *r)
{
	float		v;

	memcpy(&v, ecml_read_bytes(r, sizeof(v)), sizeof(v));
	if (!(v - v == 0))
		ecml_read_corrupted(r, "a number of a layer is not finite");
	return v;
}

static void
read_node(EcmlReader *r, NetNode *node)
{
	const uint8_t *name;
	uint32_t	length;

	net_node_init(node, ecml_read_u8(r), 0);
	node->stored = true;
	length = ecml_read_count(r, 1);
	if (length == 0 || length >= NET_NAME)
		ecml_read_corrupted(r, "the name of a layer is out of range");
	name = ecml_read_bytes(r, length);
	if (memchr(name, 0, length))
		ecml_read_corrupted(r, "the name of a layer holds a zero");
	memcpy(node->name, name, length);
	node->ninputs = ecml_read_u8(r);
	if (node->ninputs < 1 || node->ninputs > NET_MAX_INPUTS)
		ecml_read_corrupted(r, "the inputs of a layer are out of range");
	for (int k = 0; k < node->ninputs; k++)
		node->inputs[k] = (int) ecml_read_u32_in(r, 0, NET_MAX_NODES);
	node->activation = ecml_read_u8(r);
	node->a = read_f4(r);
	node->b = read_f4(r);
	node->frozen = ecml_read_bool(r);
	switch (node->kind)
	{
		case NET_CONV2D:
			node->units = ecml_read_i32(r);
			node->groups = ecml_read_i32(r);
			read_pair(r, node->dilation);
			node->bias = ecml_read_bool(r);
			/* fall through */
		case NET_MAX_POOLING2D:
		case NET_AVERAGE_POOLING2D:
			read_pair(r, node->kernel);
			read_pair(r, node->stride);
			node->padding = ecml_read_u8(r);
			for (int k = 0; k < 4; k++)
				node->pad[k] = ecml_read_i32(r);
			node->count_padding = ecml_read_bool(r);
			node->ceil_mode = ecml_read_bool(r);
			break;
		case NET_DENSE:
			node->units = ecml_read_i32(r);
			node->bias = ecml_read_bool(r);
			break;
		case NET_BATCH_NORMALIZATION:
			node->epsilon = read_f4(r);
			node->momentum = read_f4(r);
			break;
		case NET_RESHAPE:
			for (int k = 0; k < 3; k++)
				node->shape[k] = ecml_read_i32(r);
			break;
		case NET_DROPOUT:
			node->rate = read_f4(r);
			break;
		default:
			break;
	}
}

Network *
net_read(EcmlReader *r)
{
	Network    *net;
	int			sides[3];
	int			n;
	int			embedding;

	if (ecml_read_u32(r) != VERSION)
		ecml_read_corrupted(r, "the network is of an unknown version");
	sides[0] = (int) ecml_read_u32_in(r, 1, NET_MAX_SIDE);
	sides[1] = (int) ecml_read_u32_in(r, 1, NET_MAX_SIDE);
	sides[2] = (int) ecml_read_u32_in(r, 1, NET_MAX_INPUT_CHANNELS);
	if ((uint64_t) sides[0] * sides[1] * sides[2] > NET_MAX_VALUES)
		ecml_read_corrupted(r, "the input is too large");
	net = net_create(r->ctx, sides[0], sides[1], sides[2]);
	n = (int) ecml_read_u32_in(r, 1, NET_MAX_NODES - 1);
	for (int i = 0; i < n; i++)
	{
		NetNode		node;

		read_node(r, &node);
		net_add(r->ctx, net, &node);
	}
	embedding = (int) ecml_read_u32_in(r, 0, n);
	if (ecml_read_u64(r) != net->nweights || net->nweights > ecml_read_left(r) / sizeof(float))
		ecml_read_corrupted(r, "the network has another number of weights");
	net_finish(r->ctx, net);
	net->embedding = embedding;
	memcpy(net->weights, ecml_read_bytes(r, net->nweights * sizeof(float)), net->nweights * sizeof(float));
	for (size_t i = 0; i < net->nweights; i++)
		if (!(net->weights[i] - net->weights[i] == 0))
			ecml_read_corrupted(r, "a weight is not finite");
	return net;
}
