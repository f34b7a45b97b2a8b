/*
 * onnx_shapes.c - what an ONNX graph computes of shapes, and tensors that take another shape
 *
 * Exporters compute shapes in the graph (Shape, Gather, Concat, Reshape).  Here they are known: integers, with one word for the
 * number of pictures.  A change of shape costs nothing in the network, as long as the order of the numbers is the same; planes
 * that are laid flat are remembered as such, and the dense layer behind them gets its rows permuted.
 */
#include "image/onnx_internal.h"

#include <string.h>

/* ---- constants and integers */

static void
set_ints(OnnxImporter *im, OnnxStep *step, int64_t *ints, int n)
{
	OnnxValue  *value = &im->values[step->outputs[0]];

	value->kind = ONNX_SHAPE;
	value->ints = ints;
	value->nints = n;
}

static OnnxTensor *
set_constant(OnnxImporter *im, OnnxStep *step)
{
	OnnxValue  *value = &im->values[step->outputs[0]];

	value->kind = ONNX_CONSTANT;
	value->constant = ECML_NEW0(im->ctx, OnnxTensor, 1);
	return value->constant;
}

static bool
is_integer(const OnnxTensor *tensor)
{
	return tensor->type == ONNX_INT64 || tensor->type == ONNX_INT32;
}

const int64_t *
onnx_value_ints(OnnxImporter *im, OnnxStep *step, int input, int *n)
{
	OnnxValue  *value;

	if (input >= step->node->ninputs || step->inputs[input] < 0)
		return NULL;
	value = &im->values[step->inputs[input]];
	if (value->kind == ONNX_SHAPE)
	{
		*n = value->nints;
		return value->ints;
	}
	if (value->kind == ONNX_CONSTANT && is_integer(value->constant) && value->constant->count <= 4096)
	{
		*n = (int) value->constant->count;
		return onnx_ints(im->ctx, value->constant);
	}
	return NULL;
}

int
onnx_dims(const OnnxImporter *im, const OnnxValue *value, int64_t *dims)
{
	const NetNode *node = onnx_net_node(im, value);

	dims[0] = ONNX_BATCH;
	switch (value->layout)
	{
		case ONNX_PLANES:
			dims[1] = node->channels;
			dims[2] = node->height;
			dims[3] = node->width;
			return 4;
		case ONNX_PIXELS:
			dims[1] = node->height;
			dims[2] = node->width;
			dims[3] = node->channels;
			return 4;
		case ONNX_VECTOR:
		case ONNX_FLAT_PLANES:
			break;
	}
	dims[1] = (int64_t) node->values;
	return 2;
}

static void
op_constant(OnnxImporter *im, OnnxStep *step)
{
	const OnnxAttribute *attribute = onnx_attribute(step->node, "value");
	OnnxTensor *tensor = set_constant(im, step);

	if (attribute && attribute->tensor.n > 0)
	{
		onnx_read_tensor(im->ctx, attribute->tensor, tensor);
		return;
	}
	attribute = onnx_attribute(step->node, "value_ints");
	if (attribute)
	{
		tensor->type = ONNX_INT64;
		tensor->ndims = 1;
		tensor->count = tensor->dims[0] = attribute->nints;
		tensor->ints = attribute->ints;
		return;
	}
	tensor->count = 1;
	if (onnx_attribute(step->node, "value_int"))
	{
		tensor->type = ONNX_INT64;
		tensor->ints = ECML_NEW(im->ctx, int64_t, 1);
		tensor->ints[0] = onnx_int(step->node, "value_int", 0);
	}
	else if (onnx_attribute(step->node, "value_float"))
	{
		tensor->type = ONNX_FLOAT;
		tensor->floats = ECML_NEW(im->ctx, float, 1);
		tensor->floats[0] = onnx_float(step->node, "value_float", 0);
	}
	else
		onnx_unsupported(im, step, "its value is of a kind that is not read");
}

/* One value, in the shape that its input says: weights of networks that were published without them. */
static void
op_constant_of_shape(OnnxImporter *im, OnnxStep *step)
{
	const OnnxAttribute *attribute = onnx_attribute(step->node, "value");
	OnnxTensor	one = {.type = ONNX_FLOAT,.count = 1};
	OnnxTensor *tensor;
	const int64_t *dims;
	int			n;

	dims = onnx_value_ints(im, step, 0, &n);
	if (dims == NULL || n > ONNX_MAX_DIMS)
		onnx_unsupported(im, step, "its shape is not known");
	if (attribute && attribute->tensor.n > 0)
		onnx_read_tensor(im->ctx, attribute->tensor, &one);
	if (one.count != 1)
		onnx_unsupported(im, step, "its value is not one number");
	tensor = set_constant(im, step);
	tensor->type = one.type;
	tensor->ndims = n;
	tensor->count = 1;
	for (int i = 0; i < n; i++)
	{
		if (dims[i] < 0 || dims[i] > INT32_MAX || __builtin_mul_overflow(tensor->count, (size_t) dims[i], &tensor->count) ||
			tensor->count > NET_MAX_WEIGHTS)
			onnx_unsupported(im, step, "its shape is impossible");
		tensor->dims[i] = dims[i];
	}
	if (is_integer(&one))
	{
		int64_t		v = one.raw || one.ints ? onnx_ints(im->ctx, &one)[0] : 0;

		tensor->ints = ECML_NEW(im->ctx, int64_t, tensor->count);
		for (size_t i = 0; i < tensor->count; i++)
			tensor->ints[i] = v;
	}
	else
	{
		float		v = one.raw || one.floats ? onnx_floats(im->ctx, &one)[0] : 0;

		tensor->type = ONNX_FLOAT;
		tensor->floats = ECML_NEW(im->ctx, float, tensor->count);
		for (size_t i = 0; i < tensor->count; i++)
			tensor->floats[i] = v;
	}
}

/* A constant of which only the shape changes; its numbers stay where they are. */
static void
reshape_constant(OnnxImporter *im, OnnxStep *step, const OnnxTensor *in, const int64_t *dims, int n)
{
	OnnxTensor *out = set_constant(im, step);
	size_t		known = 1;
	int			open = -1;

	*out = *in;
	if (n > ONNX_MAX_DIMS)
		onnx_unsupported(im, step, "its shape has too many dimensions");
	out->ndims = n;
	for (int i = 0; i < n; i++)
	{
		int64_t		dim = dims[i] == 0 && i < in->ndims ? in->dims[i] : dims[i];

		if (dim == -1 && open < 0)
		{
			open = i;
			continue;
		}
		if (dim < 0 || __builtin_mul_overflow(known, (size_t) dim, &known))
			onnx_unsupported(im, step, "its shape is not known");
		out->dims[i] = dim;
	}
	if (open >= 0)
	{
		if (known == 0 || in->count % known != 0)
			onnx_unsupported(im, step, "its shape does not go with its input");
		out->dims[open] = (int64_t) (in->count / known);
		known *= (size_t) out->dims[open];
	}
	if (known != in->count)
		onnx_unsupported(im, step, "its shape does not go with its input");
}

static void
transpose_constant(OnnxImporter *im, OnnxStep *step, OnnxTensor *in)
{
	const OnnxAttribute *attribute = onnx_attribute(step->node, "perm");
	OnnxTensor *out = set_constant(im, step);
	const float *from = onnx_floats(im->ctx, in);
	size_t		strides[ONNX_MAX_DIMS];
	size_t		index[ONNX_MAX_DIMS] = {0};
	int			perm[ONNX_MAX_DIMS];
	bool		seen[ONNX_MAX_DIMS] = {false};
	size_t		at = 0;

	if (attribute && attribute->nints != in->ndims)
		onnx_unsupported(im, step, "its order of dimensions does not go with its input");
	*out = *in;
	out->raw = NULL;
	out->ints = NULL;
	out->type = ONNX_FLOAT;
	out->floats = ECML_NEW(im->ctx, float, in->count);
	for (int i = 0; i < in->ndims; i++)
	{
		int64_t		p = attribute ? attribute->ints[i] : in->ndims - 1 - i;

		if (p < 0 || p >= in->ndims || seen[p])
			onnx_unsupported(im, step, "its order of dimensions is none");
		seen[p] = true;
		perm[i] = (int) p;
		out->dims[i] = in->dims[p];
	}
	for (int i = 0; i < in->ndims; i++)
	{
		strides[i] = 1;
		for (int k = perm[i] + 1; k < in->ndims; k++)
			strides[i] *= (size_t) in->dims[k];
	}
	for (size_t i = 0; i < in->count; i++)
	{
		if (i % 65536 == 0)
			ecml_poll(im->ctx, 0, 0);
		out->floats[i] = from[at];
		for (int d = in->ndims - 1; d >= 0; d--)
		{
			at += strides[d];
			if (++index[d] < (size_t) out->dims[d])
				break;
			at -= strides[d] * (size_t) out->dims[d];
			index[d] = 0;
		}
	}
}

/* ---- shapes as values */

static void
op_shape(OnnxImporter *im, OnnxStep *step, const OnnxValue *in)
{
	int64_t		dims[ONNX_MAX_DIMS];
	int			n = onnx_dims(im, in, dims);
	int64_t		start = onnx_int(step->node, "start", 0);
	int64_t		end = onnx_int(step->node, "end", n);
	int64_t    *ints;

	start += start < 0 ? n : 0;
	end += end < 0 ? n : 0;
	start = start < 0 ? 0 : start > n ? n : start;
	end = end < start ? start : end > n ? n : end;
	ints = ECML_NEW(im->ctx, int64_t, n);
	memcpy(ints, dims + start, (size_t) (end - start) * sizeof(int64_t));
	set_ints(im, step, ints, (int) (end - start));
}

/* Gather, Slice, Concat, Cast, Unsqueeze, ... of shapes; true: it was one */
static bool
op_on_ints(OnnxImporter *im, OnnxStep *step)
{
	const OnnxNode *node = step->node;
	int			n = 0;
	const int64_t *in = onnx_value_ints(im, step, 0, &n);
	int64_t    *out;

	if (in == NULL)
		return false;
	if (onnx_is(node->op, "Gather"))
	{
		int			count = 0;
		const int64_t *indices = onnx_value_ints(im, step, 1, &count);

		if (indices == NULL)
			return false;
		out = ECML_NEW(im->ctx, int64_t, count);
		for (int i = 0; i < count; i++)
		{
			int64_t		at = indices[i] < 0 ? indices[i] + n : indices[i];

			if (at < 0 || at >= n)
				onnx_unsupported(im, step, "it reads beyond a shape");
			out[i] = in[at];
		}
		set_ints(im, step, out, count);
		return true;
	}
	if (onnx_is(node->op, "Slice"))
	{
		int			counts[4] = {0};
		const int64_t *parts[4];
		int64_t		start;
		int64_t		end;

		if (node->ninputs < 3)
			return false;
		for (int i = 1; i < 4; i++)
			parts[i] = onnx_value_ints(im, step, i, &counts[i]);
		if (parts[1] == NULL || parts[2] == NULL || counts[1] != 1 || counts[2] != 1)
			return false;
		if (node->ninputs >= 5)
		{
			int			count = 0;
			const int64_t *steps = onnx_value_ints(im, step, 4, &count);

			if (steps == NULL || count != 1 || steps[0] != 1)
				return false;
		}
		start = parts[1][0] < 0 ? parts[1][0] + n : parts[1][0];
		end = parts[2][0] < 0 ? parts[2][0] + n : parts[2][0];
		start = start < 0 ? 0 : start > n ? n : start;
		end = end < start ? start : end > n ? n : end;
		out = ECML_NEW(im->ctx, int64_t, n);
		memcpy(out, in + start, (size_t) (end - start) * sizeof(int64_t));
		set_ints(im, step, out, (int) (end - start));
		return true;
	}
	if (onnx_is(node->op, "Concat"))
	{
		int			total = 0;

		for (int i = 0; i < node->ninputs; i++)
		{
			if (onnx_value_ints(im, step, i, &n) == NULL)
				return false;
			total += n;
			if (total > 4096)
				return false;
		}
		out = ECML_NEW(im->ctx, int64_t, total);
		total = 0;
		for (int i = 0; i < node->ninputs; i++)
		{
			in = onnx_value_ints(im, step, i, &n);
			memcpy(out + total, in, (size_t) n * sizeof(int64_t));
			total += n;
		}
		set_ints(im, step, out, total);
		return true;
	}
	if (onnx_is(node->op, "Unsqueeze") || onnx_is(node->op, "Squeeze") || onnx_is(node->op, "Cast") ||
		onnx_is(node->op, "Identity") || onnx_is(node->op, "Reshape"))
	{
		out = ECML_NEW(im->ctx, int64_t, n);
		memcpy(out, in, (size_t) n * sizeof(int64_t));
		set_ints(im, step, out, n);
		return true;
	}
	return false;
}

/* ---- tensors in another shape */

static int
add_reshape(OnnxImporter *im, int input, int height, int width, int channels)
{
	NetNode		node;

	net_node_init(&node, NET_RESHAPE, input);
	node.shape[0] = height;
	node.shape[1] = width;
	node.shape[2] = channels;
	return net_add(im->ctx, im->net, &node);
}

static void
flatten(OnnxImporter *im, OnnxStep *step, const OnnxValue *in)
{
	const NetNode *from = onnx_net_node(im, in);
	bool		planes = in->layout == ONNX_PLANES && from->channels > 1 && from->height * from->width > 1;
	int			shape[3] = {from->channels, from->height, from->width};
	NetNode		node;
	OnnxValue  *out;

	if (in->layout == ONNX_VECTOR || in->layout == ONNX_FLAT_PLANES)
	{
		(void) onnx_same(im, step, in, in->node);
		return;
	}
	net_node_init(&node, NET_FLATTEN, in->node);
	out = onnx_set(im, step, net_add(im->ctx, im->net, &node), planes ? ONNX_FLAT_PLANES : ONNX_VECTOR);
	out->positive = in->positive;
	if (planes)
		memcpy(out->planes, shape, sizeof(shape));
}

/* To dims [ndims], the batch first; all known. */
void
onnx_reshape(OnnxImporter *im, OnnxStep *step, const OnnxValue *in, const int64_t *dims, int ndims)
{
	int64_t		old[ONNX_MAX_DIMS];
	int			nold = onnx_dims(im, in, old);
	const NetNode *from = onnx_net_node(im, in);
	OnnxValue  *out;

	if (ndims == nold && memcmp(dims, old, (size_t) ndims * sizeof(int64_t)) == 0)
	{
		(void) onnx_same(im, step, in, in->node);
		return;
	}
	if (ndims == 2)
	{
		flatten(im, step, in);
		return;
	}
	if (ndims == 4 && in->layout == ONNX_FLAT_PLANES && dims[1] == in->planes[0] && dims[2] == in->planes[1] &&
		dims[3] == in->planes[2])
	{
		out = onnx_set(im, step, add_reshape(im, in->node, in->planes[1], in->planes[2], in->planes[0]), ONNX_PLANES);
		out->positive = in->positive;
		return;
	}
	/* one number a channel: planes and pixels are the same */
	if (ndims == 4 && dims[2] == 1 && dims[3] == 1 && (size_t) dims[1] == from->values && in->layout != ONNX_FLAT_PLANES &&
		(in->layout == ONNX_VECTOR || from->height * from->width == 1))
	{
		int			node = in->layout == ONNX_VECTOR && from->height * from->width == 1 ? in->node
			: add_reshape(im, in->node, 1, 1, (int) dims[1]);

		out = onnx_set(im, step, node, ONNX_PLANES);
		out->positive = in->positive;
		return;
	}
	if (ndims == 4 && (in->layout == ONNX_VECTOR || in->layout == ONNX_PIXELS))
	{
		out = onnx_set(im, step, add_reshape(im, in->node, (int) dims[1], (int) dims[2], (int) dims[3]), ONNX_PIXELS);
		out->positive = in->positive;
		return;
	}
	onnx_unsupported(im, step, "it brings the numbers into another order than a picture's or a vector's");
}

static void
op_reshape(OnnxImporter *im, OnnxStep *step, const OnnxValue *in)
{
	int			n = 0;
	const int64_t *given = onnx_value_ints(im, step, 1, &n);
	int64_t		old[ONNX_MAX_DIMS];
	int			nold = onnx_dims(im, in, old);
	int64_t		dims[ONNX_MAX_DIMS];
	int64_t		values = (int64_t) onnx_net_node(im, in)->values;
	int64_t		known = 1;
	int			open = -1;

	if (given == NULL && onnx_attribute(step->node, "shape"))
	{
		given = onnx_attribute(step->node, "shape")->ints;
		n = onnx_attribute(step->node, "shape")->nints;
	}
	if (given == NULL || n < 2 || n > 5)
		onnx_unsupported(im, step, "its shape is not known, or has no place for the number of pictures");
	for (int i = 0; i < n; i++)
	{
		dims[i] = given[i] == 0 && i < nold && onnx_int(step->node, "allowzero", 0) == 0 ? old[i] : given[i];
		if (i == 0)
			continue;
		if (dims[i] == -1 && open < 0)
			open = i;
		else if (dims[i] < 1 || dims[i] > values || (known *= dims[i]) > values)
			onnx_unsupported(im, step, "its shape does not go with its input");
	}
	/* the first is the number of pictures: 1 of files made for one, -1 when all others are known */
	if (dims[0] != ONNX_BATCH && dims[0] != -1 && dims[0] != 1)
		onnx_unsupported(im, step, "it mixes pictures: its shape begins with another number than theirs");
	if (open >= 0)
		dims[open] = values / known;
	if ((open >= 0 && dims[0] == -1) || (open >= 0 ? known * dims[open] : known) != values)
		onnx_unsupported(im, step, "its shape does not go with its input");
	dims[0] = ONNX_BATCH;
	onnx_reshape(im, step, in, dims, n);
}

/* Axes that an attribute or an input lists; a bit for each, counted from the front of rank dimensions. */
static bool
axes_of(OnnxImporter *im, OnnxStep *step, int rank, unsigned *axes)
{
	const OnnxAttribute *attribute = onnx_attribute(step->node, "axes");
	int			n = 0;
	const int64_t *list = attribute ? attribute->ints : onnx_value_ints(im, step, 1, &n);

	*axes = 0;
	if (attribute)
		n = attribute->nints;
	if (list == NULL)
		return false;
	for (int i = 0; i < n; i++)
	{
		int64_t		axis = list[i] < 0 ? list[i] + rank : list[i];

		if (axis < 0 || axis >= rank)
			onnx_unsupported(im, step, "it names a dimension that is not there");
		*axes |= 1u << axis;
	}
	return true;
}

static void
op_squeeze(OnnxImporter *im, OnnxStep *step, const OnnxValue *in, bool squeeze)
{
	int64_t		old[ONNX_MAX_DIMS];
	int			nold = onnx_dims(im, in, old);
	int64_t		dims[ONNX_MAX_DIMS];
	int			n = 0;
	unsigned	axes;
	int			count = 0;
	const OnnxAttribute *attribute = onnx_attribute(step->node, "axes");

	if (squeeze)
	{
		bool		given = axes_of(im, step, nold, &axes);

		for (int i = 0; i < nold; i++)
		{
			bool		drop = given ? (axes >> i & 1) != 0 : i > 0 && old[i] == 1;

			if (drop && old[i] != 1)
				onnx_unsupported(im, step, "a dimension that it drops is not 1");
			if (!drop)
				dims[n++] = old[i];
		}
	}
	else
	{
		int			from = 0;

		(void) onnx_value_ints(im, step, 1, &count);
		count = attribute ? attribute->nints : count;
		if (count < 1 || nold + count > ONNX_MAX_DIMS || !axes_of(im, step, nold + count, &axes))
			onnx_unsupported(im, step, "its dimensions are not known");
		for (int i = 0; i < nold + count; i++)
			if (axes >> i & 1)
				dims[n++] = 1;
			else if (from < nold)
				dims[n++] = old[from++];
	}
	if (n < 2 || dims[0] != ONNX_BATCH)
		onnx_unsupported(im, step, "it drops the number of pictures");
	onnx_reshape(im, step, in, dims, n);
}

static void
op_transpose(OnnxImporter *im, OnnxStep *step, const OnnxValue *in)
{
	static const int64_t to_pixels[4] = {0, 2, 3, 1};
	static const int64_t to_planes[4] = {0, 3, 1, 2};
	const OnnxAttribute *perm = onnx_attribute(step->node, "perm");
	int64_t		dims[ONNX_MAX_DIMS];
	int			n = onnx_dims(im, in, dims);
	bool		stays = perm && perm->nints == n;

	for (int i = 0; stays && i < n; i++)
		stays = perm->ints[i] == i;
	if (stays)
		(void) onnx_same(im, step, in, in->node);
	else if (perm && perm->nints == 4 && in->layout == ONNX_PLANES && memcmp(perm->ints, to_pixels, sizeof(to_pixels)) == 0)
		onnx_same(im, step, in, in->node)->layout = ONNX_PIXELS;
	else if (perm && perm->nints == 4 && in->layout == ONNX_PIXELS && memcmp(perm->ints, to_planes, sizeof(to_planes)) == 0)
		onnx_same(im, step, in, in->node)->layout = ONNX_PLANES;
	else
		onnx_unsupported(im, step, "it brings dimensions into another order than a picture's (planes or pixels)");
}

bool
onnx_shape_operator(OnnxImporter *im, OnnxStep *step)
{
	const OnnxNode *node = step->node;
	OnnxValue  *in;

	if (onnx_is(node->op, "Constant"))
		op_constant(im, step);
	else if (onnx_is(node->op, "ConstantOfShape"))
		op_constant_of_shape(im, step);
	else if (op_on_ints(im, step))
		return true;
	else if (node->ninputs < 1 || step->inputs[0] < 0)
		return false;
	else if (im->values[step->inputs[0]].kind == ONNX_CONSTANT)
	{
		OnnxTensor *constant = im->values[step->inputs[0]].constant;
		int			n = 0;
		const int64_t *dims;

		if (onnx_is(node->op, "Identity") || onnx_is(node->op, "Cast"))
			*set_constant(im, step) = *constant;
		else if (onnx_is(node->op, "Transpose"))
			transpose_constant(im, step, constant);
		else if (onnx_is(node->op, "Reshape") && (dims = onnx_value_ints(im, step, 1, &n)) != NULL)
			reshape_constant(im, step, constant, dims, n);
		else if (onnx_is(node->op, "Squeeze") || onnx_is(node->op, "Unsqueeze"))
		{
			int64_t		all[ONNX_MAX_DIMS];
			unsigned	axes;
			int			from = 0;
			int			count = 0;
			const OnnxAttribute *attribute = onnx_attribute(node, "axes");

			(void) onnx_value_ints(im, step, 1, &count);
			count = attribute ? attribute->nints : count;
			if (onnx_is(node->op, "Unsqueeze"))
			{
				if (constant->ndims + count > ONNX_MAX_DIMS || !axes_of(im, step, constant->ndims + count, &axes))
					return false;
				for (int i = 0; i < constant->ndims + count; i++)
					all[n++] = axes >> i & 1 ? 1 : from < constant->ndims ? constant->dims[from++] : 1;
			}
			else
			{
				bool		given = axes_of(im, step, constant->ndims, &axes);

				for (int i = 0; i < constant->ndims; i++)
					if (!(given ? (axes >> i & 1) != 0 : constant->dims[i] == 1))
						all[n++] = constant->dims[i];
			}
			reshape_constant(im, step, constant, all, n);
		}
		else
			return false;
	}
	else if (onnx_is(node->op, "Shape"))
		op_shape(im, step, onnx_activation(im, step, 0));
	else if (onnx_is(node->op, "Flatten"))
	{
		in = onnx_activation(im, step, 0);
		if (onnx_int(node, "axis", 1) != 1)
			onnx_unsupported(im, step, "it flattens from another dimension than the first");
		flatten(im, step, in);
	}
	else if (onnx_is(node->op, "Reshape"))
		op_reshape(im, step, onnx_activation(im, step, 0));
	else if (onnx_is(node->op, "Squeeze") || onnx_is(node->op, "Unsqueeze"))
		op_squeeze(im, step, onnx_activation(im, step, 0), onnx_is(node->op, "Squeeze"));
	else if (onnx_is(node->op, "Transpose"))
		op_transpose(im, step, onnx_activation(im, step, 0));
	else if (onnx_is(node->op, "Identity") || onnx_is(node->op, "Dropout") || onnx_is(node->op, "Cast"))
	{
		in = onnx_activation(im, step, 0);
		if (onnx_is(node->op, "Dropout"))
		{
			NetNode		dropout;

			net_node_init(&dropout, NET_DROPOUT, in->node);
			dropout.rate = 0.5f;
			if (onnx_attribute(node, "ratio"))
				dropout.rate = onnx_float(node, "ratio", 0.5f);
			if (!(dropout.rate >= 0 && dropout.rate < 1))
				dropout.rate = 0.5f;
			(void) onnx_same(im, step, in, net_add(im->ctx, im->net, &dropout));
		}
		else
			(void) onnx_same(im, step, in, in->node);
	}
	else
		return false;
	return true;
}
