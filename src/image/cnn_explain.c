/*
 * cnn_explain.c - where a network looked: Grad-CAM (Selvaraju et al., 2017)
 *
 * The last layer that still has places, as a map of features; the gradient of the class's score with respect to it, averaged over
 * places, weighs the features; what their sum has above 0 speaks for the class.
 */
#include "cnn.h"

#include <string.h>

/* The last node with places that the output depends on. */
static int
last_map(const Network *net)
{
	bool		used[NET_MAX_NODES] = {false};
	int			found = 0;

	used[net->n - 1] = true;
	for (int i = net->n - 1; i > 0; i--)
	{
		if (!used[i])
			continue;
		if (found == 0 && net->nodes[i].height * net->nodes[i].width > 1)
			found = i;
		for (int k = 0; k < net->nodes[i].ninputs; k++)
			used[net->nodes[i].inputs[k]] = true;
	}
	return found;
}

float *
cnn_heat(EcmlCtx *ctx, const CnnModel *model, const float *x, int class, int *height, int *width)
{
	Network    *net = net_join(ctx, model->net);
	Exec	   *exec = exec_create(ctx, net, true);
	float	   *scratch = ECML_NEW0(ctx, float, exec->scratch + NET_SLACK);
	const float **y = ECML_NEW0(ctx, const float *, net->n);
	float	  **g = ECML_NEW0(ctx, float *, net->n);
	int			map = last_map(net);
	const NetNode *at = &net->nodes[map];
	size_t		places = (size_t) at->height * at->width;
	float	   *heat = ECML_NEW0(ctx, float, places);
	float		most = 0;

	y[0] = x;
	for (int i = 1; i < net->n; i++)
	{
		const NetNode *node = &net->nodes[i];
		const float *in[NET_MAX_INPUTS];
		float	   *out = ECML_NEW0(ctx, float, node->values + NET_SLACK);

		for (int k = 0; k < node->ninputs; k++)
			in[k] = y[node->inputs[k]];
		exec_forward(exec, i, in, out, 1, false, scratch);
		y[i] = out;
		if (i >= map)
			g[i] = ECML_NEW0(ctx, float, node->values + NET_SLACK);
		ecml_poll(ctx, 0, 0);
	}
	/* the score before softmax or sigmoid; of one number for the first class its negative */
	g[net->n - 1][net_outputs(net) > 1 ? class : 0] = net_outputs(net) > 1 || class == 1 || model->regression ? 1.0f : -1.0f;
	for (int i = net->n - 1; i > map; i--)
	{
		const NetNode *node = &net->nodes[i];
		const float *in[NET_MAX_INPUTS];
		float	   *dx[NET_MAX_INPUTS];
		bool		add[NET_MAX_INPUTS];

		for (int k = 0; k < node->ninputs; k++)
		{
			in[k] = y[node->inputs[k]];
			dx[k] = node->inputs[k] >= map ? g[node->inputs[k]] : NULL;
			add[k] = true;
		}
		exec_backward(exec, i, in, y[i], g[i], i == net->n - 1, dx, add, NULL, 1, scratch);
		ecml_poll(ctx, 0, 0);
	}
	for (int c = 0; map > 0 && c < at->channels; c++)
	{
		double		weight = 0;

		for (size_t p = 0; p < places; p++)
			weight += g[map][p * at->channels + c];
		for (size_t p = 0; p < places; p++)
			heat[p] += (float) (weight / places) * y[map][p * at->channels + c];
	}
	for (size_t p = 0; p < places; p++)
	{
		if (!(heat[p] > 0))
			heat[p] = 0;
		most = heat[p] > most ? heat[p] : most;
	}
	for (size_t p = 0; most > 0 && p < places; p++)
		heat[p] /= most;
	*height = at->height;
	*width = at->width;
	return heat;
}
