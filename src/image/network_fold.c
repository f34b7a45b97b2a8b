/*
 * network_fold.c - the same network with fewer nodes
 *
 * For serving (net_fold): a batch normalisation behind a convolution or dense layer is an affine change of its output, which its
 * weights can do; a dropout does nothing.  Activations go to the node whose output they change.
 * For training (net_join): activations alone, and those only whose slope their output tells; the others become nodes of their
 * own, if they were not.  The order of the nodes with weights, and so the places of the weights, stay as they are.
 */
#include "network.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "ops.h"

typedef struct Plan
{
	int		   *into;			/* [n] the node that absorbs it, or -1 */
	int		   *normal;			/* [n] the batch normalisation that it absorbs, or -1 */
	int		   *active;			/* [n] the activation that it absorbs, or -1 */
	bool	   *gone;			/* [n] it does nothing */
} Plan;

static Plan
make_plan(EcmlCtx *ctx, const Network *net, bool training)
{
	Plan		plan = {ECML_NEW(ctx, int, net->n), ECML_NEW(ctx, int, net->n), ECML_NEW(ctx, int, net->n),
	ECML_NEW0(ctx, bool, net->n)};
	int		   *readers = ECML_NEW0(ctx, int, net->n);

	for (int i = 0; i < net->n; i++)
	{
		plan.into[i] = plan.normal[i] = plan.active[i] = -1;
		for (int k = 0; k < net->nodes[i].ninputs; k++)
			readers[net->nodes[i].inputs[k]]++;
	}
	for (int i = 1; i < net->n; i++)
	{
		const NetNode *node = &net->nodes[i];
		int			before = node->inputs[0];
		int			root;

		if (!training && node->kind == NET_DROPOUT && node->activation == NET_LINEAR && i != net->n - 1)
		{
			plan.gone[i] = true;
			continue;
		}
		/* what does nothing stands between; it must have no other reader either */
		while (plan.gone[before] && readers[before] == 1 && before != net->embedding)
			before = net->nodes[before].inputs[0];
		root = plan.into[before] >= 0 ? plan.into[before] : before;
		if (readers[before] != 1 || before == net->embedding || root == 0 || plan.gone[before])
			continue;
		if (!training && node->kind == NET_BATCH_NORMALIZATION && plan.normal[root] < 0 && plan.active[root] < 0 &&
			net->nodes[root].activation == NET_LINEAR &&
			(net->nodes[root].kind == NET_CONV2D || net->nodes[root].kind == NET_DENSE))
		{
			plan.normal[root] = i;
			plan.into[i] = root;
		}
		else if (node->kind == NET_ACTIVATION && plan.active[root] < 0 && net->nodes[root].activation == NET_LINEAR &&
				 (plan.normal[root] < 0 || net->nodes[plan.normal[root]].activation == NET_LINEAR) &&
				 (!training || (op_slope_by_output(node->activation) && net->nodes[root].kind != NET_ACTIVATION)))
		{
			plan.active[root] = i;
			plan.into[i] = root;
		}
	}
	ecml_free(ctx, readers);
	return plan;
}

/* Weights of a convolution or dense layer with a batch normalisation behind it. */
static void
fold_weights(const Network *net, const NetNode *from, const NetNode *normal, const NetNode *to, float *weights)
{
	const float *w = net->weights + from->weights;
	const float *gamma = net->weights + normal->weights;
	const size_t units = from->units;
	const size_t n = from->bias_at - from->weights;

	for (size_t u = 0; u < units; u++)
	{
		double		scale = gamma[u] / sqrt((double) gamma[3 * units + u] + normal->epsilon);
		double		bias = from->bias ? net->weights[from->bias_at + u] : 0;

		for (size_t k = u; k < n; k += units)
			weights[to->weights + k] = (float) (w[k] * scale);
		weights[to->bias_at + u] = (float) ((bias - gamma[2 * units + u]) * scale + gamma[units + u]);
	}
}

static Network *
rebuild(EcmlCtx *ctx, const Network *net, bool training)
{
	Plan		plan = make_plan(ctx, net, training);
	Network    *out = net_create(ctx, net->nodes[0].height, net->nodes[0].width, net->nodes[0].channels);
	int		   *number = ECML_NEW0(ctx, int, net->n);	/* in out; of what is absorbed: of what absorbs it */
	int		   *made = ECML_NEW0(ctx, int, net->n);	/* the node itself, without an activation split off */

	for (int i = 1; i < net->n; i++)
	{
		NetNode		node = net->nodes[i];
		const NetNode *active = &node;

		if (plan.into[i] >= 0)
		{
			number[i] = number[plan.into[i]];
			continue;
		}
		if (plan.gone[i])
		{
			number[i] = number[node.inputs[0]];
			continue;
		}
		/* names that no other node gets; nobody sees them */
		snprintf(node.name, sizeof(node.name), "%d", i);
		for (int k = 0; k < node.ninputs; k++)
			node.inputs[k] = number[node.inputs[k]];
		if (plan.normal[i] >= 0)
		{
			node.bias = true;
			active = &net->nodes[plan.normal[i]];
		}
		if (plan.active[i] >= 0)
			active = &net->nodes[plan.active[i]];
		node.activation = active->activation;
		node.a = active->a;
		node.b = active->b;
		if (training && node.kind != NET_ACTIVATION && !op_slope_by_output(node.activation))
		{
			NetNode		own;

			net_node_init(&own, NET_ACTIVATION, 0);
			snprintf(own.name, sizeof(own.name), "%d of", i);
			own.activation = node.activation;
			own.a = node.a;
			own.b = node.b;
			node.activation = NET_LINEAR;
			made[i] = own.inputs[0] = net_add(ctx, out, &node);
			number[i] = net_add(ctx, out, &own);
		}
		else
			made[i] = number[i] = net_add(ctx, out, &node);
	}
	net_finish(ctx, out);
	for (int i = 1; i < net->n; i++)
	{
		const NetNode *from = &net->nodes[i];

		if (plan.into[i] >= 0 || plan.gone[i] || from->nweights == 0)
			continue;
		if (plan.normal[i] >= 0)
			fold_weights(net, from, &net->nodes[plan.normal[i]], &out->nodes[made[i]], out->weights);
		else
			memcpy(out->weights + out->nodes[made[i]].weights, net->weights + from->weights, from->nweights * sizeof(float));
		ecml_poll(ctx, 0, 0);
	}
	out->embedding = number[net->embedding];
	ecml_free(ctx, made);
	ecml_free(ctx, number);
	ecml_free(ctx, plan.gone);
	ecml_free(ctx, plan.active);
	ecml_free(ctx, plan.normal);
	ecml_free(ctx, plan.into);
	return out;
}

Network *
net_fold(EcmlCtx *ctx, const Network *net)
{
	return rebuild(ctx, net, false);
}

Network *
net_join(EcmlCtx *ctx, const Network *net)
{
	return rebuild(ctx, net, true);
}
