/*
 * network_reference.h - networks in the plainest way: loops over all indices, in the type REAL (double unless said otherwise)
 *
 * What the kernels of src/image are compared with.  Gradients are differences of losses.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "image/network.h"

#ifndef REAL
#define REAL double
#endif

typedef struct Reference
{
	const Network *net;
	REAL	   *weights;
	size_t		images;
	REAL	  **y;				/* [n] outputs [images][values] */
	bool		batch;			/* batch normalisation by the batch's statistics */
} Reference;

static Reference
reference_create(const Network *net, size_t images)
{
	Reference	r = {net, malloc((net->nweights + 1) * sizeof(REAL)), images, malloc(net->n * sizeof(REAL *)), false};

	for (size_t i = 0; i < net->nweights; i++)
		r.weights[i] = net->weights[i];
	for (int i = 0; i < net->n; i++)
		r.y[i] = calloc(images * net->nodes[i].values, sizeof(REAL));
	return r;
}

static void
reference_free(Reference *r)
{
	for (int i = 0; i < r->net->n; i++)
		free(r->y[i]);
	free(r->y);
	free(r->weights);
}

static REAL
reference_clip(REAL x, REAL low, REAL high)
{
	return x < low ? low : x > high ? high : x;
}

static REAL
reference_activation(const NetNode *node, REAL x)
{
	switch (node->activation)
	{
		case NET_RELU:
			return x > 0 ? x : 0;
		case NET_CLIP:
			return reference_clip(x, node->a, node->b);
		case NET_LEAKY_RELU:
			return x > 0 ? x : node->a * x;
		case NET_ELU:
			return x > 0 ? x : node->a * (exp(x) - 1);
		case NET_SIGMOID:
			return 1 / (1 + exp(-x));
		case NET_TANH:
			return tanh(x);
		case NET_HARD_SIGMOID:
			return reference_clip(node->a * x + node->b, 0, 1);
		case NET_HARD_SWISH:
			return x * reference_clip(node->a * x + node->b, 0, 1);
		case NET_SWISH:
			return x / (1 + exp(-x));
		case NET_GELU:
			return x * 0.5 * (1 + erf(x / sqrt(2)));
		case NET_GELU_TANH:
			return 0.5 * x * (1 + tanh(sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
		default:
			return x;
	}
}

/* number of input k of the node at a place of the output; spread where it has one place, or one channel */
static REAL
reference_spread(const Reference *r, const NetNode *node, int k, size_t image, int h, int w, int c)
{
	const NetNode *in = &r->net->nodes[node->inputs[k]];

	h = in->height == 1 ? 0 : h;
	w = in->width == 1 ? 0 : w;
	c = in->channels == 1 ? 0 : c;
	return r->y[node->inputs[k]][image * in->values + ((size_t) h * in->width + w) * in->channels + c];
}

static void
reference_window(const Reference *r, const NetNode *node, size_t image, int oh, int ow, int oc, REAL *out)
{
	const NetNode *in = &r->net->nodes[node->inputs[0]];
	const REAL *x = r->y[node->inputs[0]] + image * in->values;
	const REAL *w = r->weights + node->weights;
	int			part = in->channels / (node->groups ? node->groups : 1);
	int			group = node->kind == NET_CONV2D ? oc / (node->units / node->groups) : 0;
	REAL		sum = 0;
	REAL		most = -INFINITY;
	int			n = 0;
	int			padded = 0;

	for (int a = 0; a < node->kernel[0]; a++)
		for (int b = 0; b < node->kernel[1]; b++)
		{
			int			ih = oh * node->stride[0] - node->pad[0] + a * node->dilation[0];
			int			iw = ow * node->stride[1] - node->pad[1] + b * node->dilation[1];

			if (ih < in->height + node->pad[2] && iw < in->width + node->pad[3])
				padded++;
			if (ih < 0 || ih >= in->height || iw < 0 || iw >= in->width)
				continue;
			n++;
			if (node->kind == NET_CONV2D)
				for (int c = 0; c < part; c++)
					sum += x[((size_t) ih * in->width + iw) * in->channels + group * part + c] *
						w[(((size_t) a * node->kernel[1] + b) * part + c) * node->units + oc];
			else
			{
				REAL		v = x[((size_t) ih * in->width + iw) * in->channels + oc];

				sum += v;
				most = v > most ? v : most;
			}
		}
	if (node->kind == NET_CONV2D)
		*out = sum + (node->bias ? r->weights[node->bias_at + oc] : 0);
	else if (node->kind == NET_MAX_POOLING2D)
		*out = most;
	else
		*out = sum / (node->count_padding ? padded : n);
}

static void
reference_node(Reference *r, int i)
{
	const Network *net = r->net;
	const NetNode *node = &net->nodes[i];
	const NetNode *in = &net->nodes[node->inputs[0]];
	const REAL *w = r->weights + node->weights;
	REAL		mean[1024];
	REAL		variance[1024];

	if (node->kind == NET_BATCH_NORMALIZATION)
		for (int c = 0; c < node->channels; c++)
		{
			size_t		n = r->images * in->height * in->width;

			mean[c] = w[2 * node->channels + c];
			variance[c] = w[3 * node->channels + c];
			if (!r->batch || node->frozen)
				continue;
			mean[c] = variance[c] = 0;
			for (size_t p = 0; p < n; p++)
				mean[c] += r->y[node->inputs[0]][p * node->channels + c] / n;
			for (size_t p = 0; p < n; p++)
				variance[c] += pow(r->y[node->inputs[0]][p * node->channels + c] - mean[c], 2) / n;
		}
	for (size_t image = 0; image < r->images; image++)
		for (int h = 0; h < node->height; h++)
			for (int v = 0; v < node->width; v++)
			{
				REAL	   *y = r->y[i] + image * node->values + ((size_t) h * node->width + v) * node->channels;
				const REAL *same = r->y[node->inputs[0]] + image * in->values +
					((size_t) h * node->width + v) * (node->kind == NET_DENSE ? in->channels : node->channels);

				for (int c = 0; c < node->channels; c++)
					switch (node->kind)
					{
						case NET_CONV2D:
						case NET_MAX_POOLING2D:
						case NET_AVERAGE_POOLING2D:
							reference_window(r, node, image, h, v, c, &y[c]);
							break;
						case NET_DENSE:
							y[c] = node->bias ? r->weights[node->bias_at + c] : 0;
							for (int k = 0; k < in->channels; k++)
								y[c] += same[k] * w[(size_t) k * node->units + c];
							break;
						case NET_BATCH_NORMALIZATION:
							y[c] = w[c] * (same[c] - mean[c]) / sqrt(variance[c] + node->epsilon) + w[node->channels + c];
							break;
						case NET_GLOBAL_MAX_POOLING2D:
						case NET_GLOBAL_AVERAGE_POOLING2D:
							{
								size_t		n = (size_t) in->height * in->width;
								REAL		sum = 0;
								REAL		most = -INFINITY;

								for (size_t p = 0; p < n; p++)
								{
									REAL		x = r->y[node->inputs[0]][image * in->values + p * in->channels + c];

									sum += x;
									most = x > most ? x : most;
								}
								y[c] = node->kind == NET_GLOBAL_MAX_POOLING2D ? most : sum / n;
								break;
							}
						case NET_ADD:
						case NET_MULTIPLY:
							y[c] = reference_spread(r, node, 0, image, h, v, c);
							for (int k = 1; k < node->ninputs; k++)
							{
								REAL		x = reference_spread(r, node, k, image, h, v, c);

								y[c] = node->kind == NET_ADD ? y[c] + x : y[c] * x;
							}
							break;
						case NET_CONCATENATE:
							{
								int			at = c;
								int			k = 0;

								while (at >= net->nodes[node->inputs[k]].channels)
									at -= net->nodes[node->inputs[k++]].channels;
								y[c] = r->y[node->inputs[k]][(image * node->height * node->width + h * node->width + v) *
															 net->nodes[node->inputs[k]].channels + at];
								break;
							}
						default:
							y[c] = same[c];
							break;
					}
				if (node->activation == NET_SOFTMAX)
				{
					REAL		sum = 0;

					for (int c = 0; c < node->channels; c++)
						sum += exp(y[c]);
					for (int c = 0; c < node->channels; c++)
						y[c] = exp(y[c]) / sum;
				}
				else
					for (int c = 0; c < node->channels; c++)
						y[c] = reference_activation(node, y[c]);
			}
}

/* x [images][values] */
static const REAL *
reference_run(Reference *r, const float *x)
{
	for (size_t k = 0; k < r->images * r->net->nodes[0].values; k++)
		r->y[0][k] = x[k];
	for (int i = 1; i < r->net->n; i++)
		reference_node(r, i);
	return r->y[r->net->n - 1];
}

/* mean loss: cross entropy; label NULL: squares of the distance from t */
static REAL
reference_loss(Reference *r, const float *x, const int32_t *label, const float *t)
{
	const NetNode *last = &r->net->nodes[r->net->n - 1];
	const REAL *y = reference_run(r, x);
	REAL		loss = 0;

	for (size_t i = 0; i < r->images; i++, y += last->values)
		if (label == NULL)
			loss += (y[0] - t[i]) * (y[0] - t[i]);
		else if (last->values == 1)
			loss -= label[i] ? log(y[0]) : log(1 - y[0]);
		else
			loss -= log(y[label[i]]);
	return loss / r->images;
}
