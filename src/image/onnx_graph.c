/*
 * onnx_graph.c - an ONNX graph before it is imported: values by name, what the output needs, and nodes that are one activation
 *
 * Exporters write some activations out: swish as x * Sigmoid(x), hard swish as x * HardSigmoid(x), gelu as
 * x * (1 + Erf(x / sqrt 2)) / 2.  They are recognised where nothing else reads what lies between.
 */
#include "image/onnx_internal.h"

#include <math.h>
#include <string.h>

#include "num/hash.h"

/* ---- names */

static int *
place_of(const OnnxImporter *im, OnnxText name)
{
	uint32_t	at = (uint32_t) ecml_hash_bytes(name.n ? name.s : "", (size_t) name.n, 0) & im->mask;

	for (;; at = (at + 1) & im->mask)
	{
		const OnnxValue *value;

		if (im->table[at] == 0)
			return &im->table[at];
		value = &im->values[im->table[at] - 1];
		if (value->name.n == name.n && (name.n == 0 || memcmp(value->name.s, name.s, (size_t) name.n) == 0))
			return &im->table[at];
	}
}

int
onnx_value(const OnnxImporter *im, OnnxText name)
{
	return *place_of(im, name) - 1;
}

/* The number of the value of that name, made when it is new. */
static int
intern(OnnxImporter *im, OnnxText name)
{
	int		   *place = place_of(im, name);

	if (*place == 0)
	{
		OnnxValue  *value = &im->values[im->nvalues];

		memset(value, 0, sizeof(*value));
		value->name = name;
		value->producer = -1;
		value->user = -1;
		*place = ++im->nvalues;
	}
	return *place - 1;
}

static void ECML_NORETURN
bad_graph(OnnxImporter *im, const char *what, OnnxText name)
{
	ecml_detail(im->ctx, "%s \"%.*s\".", what, name.n > 100 ? 100 : name.n, name.s ? name.s : "");
	ecml_hint(im->ctx, "onnx.checker.check_model tells what is wrong with the file.");
	ecml_fail(im->ctx, ECML_DATA_EXCEPTION, "the graph of the ONNX file is not whole");
}

static void
name_all(OnnxImporter *im)
{
	OnnxFile   *file = im->file;
	size_t		names = (size_t) file->ntensors + file->ninputs + file->noutputs + 1;
	size_t		capacity = 16;

	for (int i = 0; i < file->nnodes; i++)
		names += (size_t) file->nodes[i].ninputs + file->nodes[i].noutputs;
	while (capacity < 2 * names)
		capacity *= 2;
	im->mask = (uint32_t) (capacity - 1);
	im->table = ECML_NEW0(im->ctx, int, capacity);
	im->values = ECML_NEW(im->ctx, OnnxValue, names);
	im->steps = ECML_NEW0(im->ctx, OnnxStep, file->nnodes);
	for (int i = 0; i < file->ntensors; i++)
	{
		OnnxValue  *value = &im->values[intern(im, file->tensors[i].name)];

		value->kind = ONNX_CONSTANT;
		value->constant = &file->tensors[i];
	}
	for (int i = 0; i < file->ninputs; i++)
		(void) intern(im, file->inputs[i].name);
	for (int i = 0; i < file->nnodes; i++)
	{
		const OnnxNode *node = &file->nodes[i];
		OnnxStep   *step = &im->steps[i];

		ecml_poll(im->ctx, 0, 0);
		step->node = node;
		step->activation = -1;
		step->inputs = ECML_NEW(im->ctx, int, node->ninputs);
		step->outputs = ECML_NEW(im->ctx, int, node->noutputs);
		for (int k = 0; k < node->ninputs; k++)
			step->inputs[k] = node->inputs[k].n == 0 ? -1 : intern(im, node->inputs[k]);
		for (int k = 0; k < node->noutputs; k++)
		{
			OnnxValue  *value;

			step->outputs[k] = node->outputs[k].n == 0 ? -1 : intern(im, node->outputs[k]);
			if (step->outputs[k] < 0)
				continue;
			value = &im->values[step->outputs[k]];
			if (value->producer >= 0 || value->kind == ONNX_CONSTANT)
				bad_graph(im, "Two nodes make", value->name);
			value->producer = i;
		}
	}
}

/* ---- what is needed.  Nodes come after those that they read: one pass from the end does. */

static void
find_output(OnnxImporter *im)
{
	const OnnxFile *file = im->file;

	if (file->noutputs == 0)
		bad_graph(im, "It has no output", (OnnxText) {"", 0});
	if (im->options->output == NULL)
		im->output = onnx_value(im, file->outputs[0].name);
	else
		im->output = onnx_value(im, (OnnxText) {im->options->output, (int) strlen(im->options->output)});
	if (im->output < 0 || im->values[im->output].producer < 0)
	{
		if (im->options->output)
		{
			ecml_detail(im->ctx, "\"%.100s\" is no node's.", im->options->output);
			ecml_hint(im->ctx, "Its first output is called \"%.*s\".", file->outputs[0].name.n > 100 ? 100 : file->outputs[0].name.n,
					  file->outputs[0].name.s);
			ecml_fail(im->ctx, ECML_INVALID_PARAMETER, "the ONNX file has no such output");
		}
		bad_graph(im, "No node makes the output", file->outputs[0].name);
	}
}

static void
find_needed(OnnxImporter *im)
{
	im->values[im->output].uses = 1;
	im->steps[im->values[im->output].producer].needed = true;
	for (int i = im->file->nnodes - 1; i >= 0; i--)
	{
		OnnxStep   *step = &im->steps[i];

		if (!step->needed)
			continue;
		for (int k = 0; k < step->node->ninputs; k++)
		{
			OnnxValue  *value;

			if (step->inputs[k] < 0)
				continue;
			value = &im->values[step->inputs[k]];
			if (value->producer >= i)
				bad_graph(im, "A node reads, before it is made,", value->name);
			if (value->producer >= 0)
				im->steps[value->producer].needed = true;
			value->uses++;
			value->user = i;
		}
	}
}

/* ---- activations that are written out */

static bool
is_op(const OnnxStep *step, const char *op, int ninputs)
{
	return step && step->needed && onnx_is(step->node->op, op) && step->node->ninputs >= ninputs && step->node->noutputs >= 1 &&
		step->outputs[0] >= 0;
}

/* The node that alone reads the output of step; NULL: none, or several. */
static OnnxStep *
only_reader(OnnxImporter *im, const OnnxStep *step)
{
	const OnnxValue *value = &im->values[step->outputs[0]];

	return value->uses == 1 && value->user >= 0 ? &im->steps[value->user] : NULL;
}

static OnnxStep *
maker(OnnxImporter *im, int value)
{
	return value >= 0 && im->values[value].producer >= 0 ? &im->steps[im->values[value].producer] : NULL;
}

/* Of a step of two inputs: the one that is not value; -1: both are, or none. */
static int
other(const OnnxStep *step, int value)
{
	if (step->node->ninputs < 2 || (step->inputs[0] == value) == (step->inputs[1] == value))
		return -1;
	return step->inputs[0] == value ? step->inputs[1] : step->inputs[0];
}

/* Is the value a constant of one number near v?  Constant nodes are not run yet: those are asked for their attribute. */
static bool
is_number(OnnxImporter *im, int value, float v)
{
	OnnxTensor	tensor;
	OnnxTensor *constant;
	OnnxStep   *step = maker(im, value);

	if (value < 0)
		return false;
	constant = im->values[value].constant;
	if (step && onnx_is(step->node->op, "Constant"))
	{
		const OnnxAttribute *attribute = onnx_attribute(step->node, "value");

		if (attribute == NULL || attribute->tensor.n == 0)
			return onnx_attribute(step->node, "value_float") && fabsf(onnx_float(step->node, "value_float", 0) - v) < 1e-3f * fabsf(v);
		onnx_read_tensor(im->ctx, attribute->tensor, &tensor);
		constant = &tensor;
	}
	return constant && constant->count == 1 && constant->type == ONNX_FLOAT &&
		fabsf(onnx_floats(im->ctx, constant)[0] - v) < 1e-3f * fabsf(v);
}

static void
join_swish(OnnxImporter *im, OnnxStep *step, NetActivation activation)
{
	OnnxStep   *product = only_reader(im, step);

	if (!is_op(product, "Mul", 2) || other(product, step->outputs[0]) != step->inputs[0] || step->inputs[0] < 0)
		return;
	step->joined = true;
	product->activation = activation;
	product->from = step->inputs[0];
}

static void
join_gelu(OnnxImporter *im, OnnxStep *erf)
{
	OnnxStep   *scaled = maker(im, erf->inputs[0]);
	OnnxStep   *sum = only_reader(im, erf);
	OnnxStep   *product;
	OnnxStep   *half;
	int			x;

	if (!is_op(scaled, "Div", 2) && !is_op(scaled, "Mul", 2))
		return;
	x = scaled->inputs[0];
	if (im->values[scaled->outputs[0]].uses != 1 ||
		!is_number(im, scaled->inputs[1], onnx_is(scaled->node->op, "Div") ? (float) M_SQRT2 : (float) M_SQRT1_2))
		return;
	if (!is_op(sum, "Add", 2) || !is_number(im, other(sum, erf->outputs[0]), 1))
		return;
	product = only_reader(im, sum);
	if (!is_op(product, "Mul", 2))
		return;
	if (other(product, sum->outputs[0]) == x)
	{
		/* (x * (1 + erf)) * 0.5 */
		half = only_reader(im, product);
		if (!is_op(half, "Mul", 2) || !is_number(im, other(half, product->outputs[0]), 0.5f))
			return;
		half->activation = NET_GELU;
		half->from = x;
		product->joined = true;
	}
	else
	{
		/* (x * 0.5) * (1 + erf), or (0.5 * (1 + erf)) * x */
		half = maker(im, other(product, sum->outputs[0]));
		if (is_op(half, "Mul", 2) && is_number(im, other(half, x), 0.5f) && im->values[half->outputs[0]].uses == 1)
		{
			half->joined = true;
			product->activation = NET_GELU;
			product->from = x;
		}
		else if (is_number(im, other(product, sum->outputs[0]), 0.5f))
		{
			half = product;
			product = only_reader(im, half);
			if (!is_op(product, "Mul", 2) || other(product, half->outputs[0]) != x)
				return;
			half->joined = true;
			product->activation = NET_GELU;
			product->from = x;
		}
		else
			return;
	}
	scaled->joined = erf->joined = sum->joined = true;
}

static void
join_activations(OnnxImporter *im)
{
	for (int i = 0; i < im->file->nnodes; i++)
	{
		OnnxStep   *step = &im->steps[i];

		if (is_op(step, "Sigmoid", 1))
			join_swish(im, step, NET_SWISH);
		else if (is_op(step, "HardSigmoid", 1) && fabsf(onnx_float(step->node, "alpha", 0.2f) - 1.0f / 6) < 1e-4f &&
				 onnx_float(step->node, "beta", 0.5f) == 0.5f)
			join_swish(im, step, NET_HARD_SWISH);
		else if (is_op(step, "Erf", 1))
			join_gelu(im, step);
	}
}

void
onnx_resolve(OnnxImporter *im)
{
	name_all(im);
	find_output(im);
	find_needed(im);
	join_activations(im);
}
