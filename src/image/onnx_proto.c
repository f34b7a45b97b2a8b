/*
 * onnx_proto.c - the wire format of protocol buffers, and the messages of ONNX in it
 *
 * A message is a row of fields: a key (number and wire type) and a value, which is a varint, 4 or 8 bytes, or a length and as
 * many bytes.  Each message is passed over twice: to count its repeated fields, and to fill arrays of that size.
 */
#include "image/onnx_proto.h"

#include <math.h>
#include <string.h>

typedef struct Wire
{
	EcmlCtx    *ctx;
	const uint8_t *at;
	const uint8_t *end;
} Wire;

typedef struct Field
{
	uint64_t	number;
	int			type;			/* 0 varint, 1 eight bytes, 2 bytes, 5 four bytes */
	uint64_t	value;			/* of varint and fixed ones */
	const uint8_t *bytes;		/* type 2: [size] */
	size_t		size;
} Field;

static void ECML_NORETURN
damaged(EcmlCtx *ctx, const char *what)
{
	ecml_detail(ctx, "%s", what);
	ecml_hint(ctx, "Give the bytes of a whole .onnx file, with its weights in it.");
	ecml_fail(ctx, ECML_DATA_EXCEPTION, "the ONNX file is damaged");
}

static void ECML_NORETURN
too_large(EcmlCtx *ctx, const char *what, size_t n, size_t limit)
{
	ecml_detail(ctx, "It has %zu %s; the limit is %zu.", n, what, limit);
	ecml_hint(ctx, "Simplify the network before its export.");
	ecml_fail(ctx, ECML_LIMIT_EXCEEDED, "the ONNX file is too large");
}

static uint64_t
varint(Wire *w)
{
	uint64_t	v = 0;

	for (int shift = 0; shift < 64; shift += 7)
	{
		uint8_t		byte;

		if (w->at == w->end)
			damaged(w->ctx, "A number is cut off.");
		byte = *w->at++;
		v |= (uint64_t) (byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return v;
	}
	damaged(w->ctx, "A number has more than 64 bits.");
}

static bool
next_field(Wire *w, Field *field)
{
	uint64_t	key;
	size_t		left;

	if (w->at == w->end)
		return false;
	key = varint(w);
	field->number = key >> 3;
	field->type = (int) (key & 7);
	field->value = 0;
	field->bytes = NULL;
	field->size = 0;
	left = (size_t) (w->end - w->at);
	switch (field->type)
	{
		case 0:
			field->value = varint(w);
			return true;
		case 1:
		case 5:
			field->size = field->type == 1 ? 8 : 4;
			if (left < field->size)
				damaged(w->ctx, "A number is cut off.");
			for (size_t i = 0; i < field->size; i++)
				field->value |= (uint64_t) w->at[i] << (8 * i);
			w->at += field->size;
			return true;
		case 2:
			field->value = varint(w);
			left = (size_t) (w->end - w->at);
			if (field->value > left)
				damaged(w->ctx, "A field is longer than what is left of the file.");
			field->size = (size_t) field->value;
			field->bytes = w->at;
			w->at += field->size;
			return true;
	}
	damaged(w->ctx, "A field is of a kind that ONNX does not have.");
}

static Wire
inside(EcmlCtx *ctx, const uint8_t *bytes, size_t n)
{
	return (Wire) {ctx, bytes, bytes + n};
}

static OnnxText
text_of(EcmlCtx *ctx, const Field *field)
{
	if (field->type != 2 || field->size > INT32_MAX)
		damaged(ctx, "A text is none.");
	return (OnnxText) {(const char *) field->bytes, (int) field->size};
}

/* The numbers of fields: counts[number] for numbers below limit. */
static void
count_fields(EcmlCtx *ctx, const uint8_t *bytes, size_t n, size_t *counts, uint64_t limit)
{
	Wire		w = inside(ctx, bytes, n);
	Field		field;

	memset(counts, 0, limit * sizeof(*counts));
	while (next_field(&w, &field))
		if (field.number < limit)
			counts[field.number]++;
}

static float
float_of(uint64_t bits)
{
	uint32_t	low = (uint32_t) bits;
	float		f;

	memcpy(&f, &low, sizeof(f));
	return f;
}

/* ---- repeated numbers, one a field or packed */

/* Of a field: how many numbers of size bytes each (0: varints). */
static size_t
numbers_in(EcmlCtx *ctx, const Field *field, size_t size)
{
	Wire		w;
	size_t		n = 0;

	if (field->type != 2)
		return 1;
	if (size > 0)
		return field->size / size;
	w = inside(ctx, field->bytes, field->size);
	for (; w.at < w.end; n++)
		(void) varint(&w);
	return n;
}

/* All int64 numbers of fields of that number in a message; owned by ctx. */
static int64_t *
repeated_ints(EcmlCtx *ctx, const uint8_t *bytes, size_t n, uint64_t number, size_t *count)
{
	Wire		w = inside(ctx, bytes, n);
	Field		field;
	int64_t    *v;

	*count = 0;
	while (next_field(&w, &field))
		if (field.number == number)
			*count += numbers_in(ctx, &field, 0);
	v = ECML_NEW(ctx, int64_t, *count);
	w = inside(ctx, bytes, n);
	*count = 0;
	while (next_field(&w, &field))
		if (field.number == number && field.type == 2)
		{
			Wire		packed = inside(ctx, field.bytes, field.size);

			while (packed.at < packed.end)
				v[(*count)++] = (int64_t) varint(&packed);
		}
		else if (field.number == number)
			v[(*count)++] = (int64_t) field.value;
	return v;
}

/* ---- tensors */

static size_t
size_of_type(int type)
{
	switch (type)
	{
		case ONNX_UINT8:
		case ONNX_INT8:
		case ONNX_BOOL:
			return 1;
		case ONNX_FLOAT16:
		case ONNX_BFLOAT16:
			return 2;
		case ONNX_FLOAT:
		case ONNX_INT32:
			return 4;
		case ONNX_INT64:
		case ONNX_DOUBLE:
			return 8;
	}
	return 0;
}

static void
add_dim(EcmlCtx *ctx, OnnxTensor *tensor, int64_t dim)
{
	if (tensor->ndims == ONNX_MAX_DIMS)
		too_large(ctx, "dimensions of a tensor", ONNX_MAX_DIMS + 1, ONNX_MAX_DIMS);
	if (dim < 0 || dim > INT32_MAX || __builtin_mul_overflow(tensor->count, (size_t) dim, &tensor->count))
		damaged(ctx, "A tensor has an impossible dimension.");
	tensor->dims[tensor->ndims++] = dim;
}

/* Data given as repeated fields, not as raw bytes. */
static void
read_typed(EcmlCtx *ctx, OnnxText bytes, OnnxTensor *tensor)
{
	uint64_t	number;
	size_t		have = 0;
	size_t		size = 0;
	Wire		w = inside(ctx, (const uint8_t *) bytes.s, bytes.n);
	Field		field;

	if (tensor->type == ONNX_INT64)
	{
		tensor->ints = repeated_ints(ctx, (const uint8_t *) bytes.s, bytes.n, 7, &have);
		if (have != tensor->count)
			damaged(ctx, "A tensor has not as many numbers as its dimensions say.");
		return;
	}
	if (tensor->type == ONNX_FLOAT || tensor->type == ONNX_DOUBLE)
	{
		number = tensor->type == ONNX_FLOAT ? 4 : 10;
		size = tensor->type == ONNX_FLOAT ? 4 : 8;
	}
	else
	{
		/* int32_data holds the small ones; of 16-bit floats the bits */
		int64_t    *v = repeated_ints(ctx, (const uint8_t *) bytes.s, bytes.n, 5, &have);

		if (have != tensor->count)
			damaged(ctx, "A tensor has not as many numbers as its dimensions say.");
		if (tensor->type == ONNX_FLOAT16 || tensor->type == ONNX_BFLOAT16)
		{
			uint8_t    *raw = ECML_NEW(ctx, uint8_t, 2 * tensor->count);

			for (size_t i = 0; i < tensor->count; i++)
			{
				raw[2 * i] = (uint8_t) v[i];
				raw[2 * i + 1] = (uint8_t) (v[i] >> 8);
			}
			tensor->raw = raw;
		}
		else
			tensor->ints = v;
		return;
	}
	while (next_field(&w, &field))
		if (field.number == number)
			have += numbers_in(ctx, &field, size);
	if (have != tensor->count)
		damaged(ctx, "A tensor has not as many numbers as its dimensions say.");
	tensor->floats = ECML_NEW(ctx, float, have);
	have = 0;
	w = inside(ctx, (const uint8_t *) bytes.s, bytes.n);
	while (next_field(&w, &field))
		if (field.number == number)
			for (size_t i = 0, n = numbers_in(ctx, &field, size); i < n; i++)
			{
				uint64_t	bits = field.value;
				double		d;

				if (field.type == 2)
				{
					bits = 0;
					for (size_t b = 0; b < size; b++)
						bits |= (uint64_t) field.bytes[i * size + b] << (8 * b);
				}
				memcpy(&d, &bits, sizeof(d));
				tensor->floats[have++] = size == 4 ? float_of(bits) : (float) d;
			}
}

void
onnx_read_tensor(EcmlCtx *ctx, OnnxText bytes, OnnxTensor *tensor)
{
	Wire		w = inside(ctx, (const uint8_t *) bytes.s, bytes.n);
	Field		field;
	size_t		size = 0;
	bool		raw = false;

	memset(tensor, 0, sizeof(*tensor));
	tensor->count = 1;
	while (next_field(&w, &field))
		switch (field.number)
		{
			case 1:
				if (field.type == 2)
				{
					Wire		packed = inside(ctx, field.bytes, field.size);

					while (packed.at < packed.end)
						add_dim(ctx, tensor, (int64_t) varint(&packed));
				}
				else
					add_dim(ctx, tensor, (int64_t) field.value);
				break;
			case 2:
				tensor->type = field.value <= 64 ? (int) field.value : 0;
				break;
			case 8:
				tensor->name = text_of(ctx, &field);
				break;
			case 9:
				if (field.type != 2)
					damaged(ctx, "A tensor's bytes are none.");
				tensor->raw = field.bytes;
				size = field.size;
				raw = true;
				break;
			case 14:
				if (field.value == 1)
				{
					ecml_detail(ctx, "Tensor \"%.*s\" lies in another file.", tensor->name.n > 100 ? 100 : tensor->name.n,
								tensor->name.s ? tensor->name.s : "");
					ecml_hint(ctx, "Save the network as one file (onnx.save_model(..., save_as_external_data=False)).");
					ecml_fail(ctx, ECML_NOT_SUPPORTED, "the ONNX file has its weights elsewhere");
				}
				break;
		}
	if (size_of_type(tensor->type) == 0)
	{
		/* it may be one that nothing here reads: its use is the error */
		tensor->raw = NULL;
		return;
	}
	if (raw)
	{
		if (size / size_of_type(tensor->type) != tensor->count || size % size_of_type(tensor->type) != 0)
			damaged(ctx, "A tensor has not as many bytes as its dimensions say.");
	}
	else if (tensor->count > 0)
		read_typed(ctx, bytes, tensor);
}

static float
half_to_float(unsigned bits)
{
	int			exponent = (int) (bits >> 10 & 31);
	int			mantissa = (int) (bits & 1023);
	float		v = exponent == 0 ? ldexpf((float) mantissa, -24)
		: exponent == 31 ? (mantissa ? NAN : INFINITY) : ldexpf((float) (mantissa + 1024), exponent - 25);

	return bits & 0x8000 ? -v : v;
}

static uint64_t
raw_bits(const OnnxTensor *tensor, size_t i, size_t size)
{
	uint64_t	bits = 0;

	for (size_t b = 0; b < size; b++)
		bits |= (uint64_t) tensor->raw[i * size + b] << (8 * b);
	return bits;
}

static void ECML_NORETURN
wrong_type(EcmlCtx *ctx, const OnnxTensor *tensor)
{
	ecml_detail(ctx, "Tensor \"%.*s\" is of type %d (TensorProto.DataType).", tensor->name.n > 100 ? 100 : tensor->name.n,
				tensor->name.s ? tensor->name.s : "", tensor->type);
	ecml_hint(ctx, "Export the network in float32, not quantised.");
	ecml_fail(ctx, ECML_NOT_SUPPORTED, "the ONNX file has numbers of a type that is not read");
}

const float *
onnx_floats(EcmlCtx *ctx, OnnxTensor *tensor)
{
	size_t		size = size_of_type(tensor->type);

	if (tensor->floats)
		return tensor->floats;
	if (size == 0)
		wrong_type(ctx, tensor);
	tensor->floats = ECML_NEW(ctx, float, tensor->count);
	for (size_t i = 0; i < tensor->count; i++)
	{
		uint64_t	bits = tensor->raw ? raw_bits(tensor, i, size) : 0;
		double		d;

		switch (tensor->raw ? tensor->type : ONNX_INT64)
		{
			case ONNX_FLOAT:
				tensor->floats[i] = float_of(bits);
				break;
			case ONNX_FLOAT16:
				tensor->floats[i] = half_to_float((unsigned) bits);
				break;
			case ONNX_BFLOAT16:
				tensor->floats[i] = float_of(bits << 16);
				break;
			case ONNX_DOUBLE:
				memcpy(&d, &bits, sizeof(d));
				tensor->floats[i] = (float) d;
				break;
			default:
				tensor->floats[i] = (float) onnx_ints(ctx, tensor)[i];
		}
	}
	return tensor->floats;
}

const int64_t *
onnx_ints(EcmlCtx *ctx, OnnxTensor *tensor)
{
	size_t		size = size_of_type(tensor->type);

	if (tensor->ints)
		return tensor->ints;
	if (tensor->raw == NULL || (tensor->type != ONNX_INT64 && tensor->type != ONNX_INT32 && tensor->type != ONNX_INT8 &&
								tensor->type != ONNX_UINT8 && tensor->type != ONNX_BOOL))
		wrong_type(ctx, tensor);
	tensor->ints = ECML_NEW(ctx, int64_t, tensor->count);
	for (size_t i = 0; i < tensor->count; i++)
	{
		uint64_t	bits = raw_bits(tensor, i, size);

		tensor->ints[i] = tensor->type == ONNX_INT32 ? (int32_t) bits : tensor->type == ONNX_INT8 ? (int8_t) bits : (int64_t) bits;
	}
	return tensor->ints;
}

/* ---- nodes */

static void
read_attribute(EcmlCtx *ctx, const Field *message, OnnxAttribute *attribute)
{
	Wire		w = inside(ctx, message->bytes, message->size);
	Field		field;
	size_t		n;

	if (message->type != 2)
		damaged(ctx, "An attribute is none.");
	memset(attribute, 0, sizeof(*attribute));
	while (next_field(&w, &field))
		switch (field.number)
		{
			case 1:
				attribute->name = text_of(ctx, &field);
				break;
			case 2:
				attribute->f = float_of(field.value);
				break;
			case 3:
				attribute->i = (int64_t) field.value;
				break;
			case 4:
				attribute->s = text_of(ctx, &field);
				break;
			case 5:
				attribute->tensor = text_of(ctx, &field);
				break;
			case 6:
			case 11:
				attribute->graph = true;
				break;
		}
	attribute->ints = repeated_ints(ctx, message->bytes, message->size, 8, &n);
	attribute->nints = n > INT32_MAX ? INT32_MAX : (int) n;
}

static void
read_node(EcmlCtx *ctx, const Field *message, OnnxNode *node)
{
	Wire		w = inside(ctx, message->bytes, message->size);
	Field		field;
	size_t		counts[6];

	if (message->type != 2)
		damaged(ctx, "A node is none.");
	memset(node, 0, sizeof(*node));
	count_fields(ctx, message->bytes, message->size, counts, 6);
	node->inputs = ECML_NEW(ctx, OnnxText, counts[1]);
	node->outputs = ECML_NEW(ctx, OnnxText, counts[2]);
	node->attributes = ECML_NEW(ctx, OnnxAttribute, counts[5]);
	while (next_field(&w, &field))
		switch (field.number)
		{
			case 1:
				node->inputs[node->ninputs++] = text_of(ctx, &field);
				break;
			case 2:
				node->outputs[node->noutputs++] = text_of(ctx, &field);
				break;
			case 3:
				node->name = text_of(ctx, &field);
				break;
			case 4:
				node->op = text_of(ctx, &field);
				break;
			case 5:
				read_attribute(ctx, &field, &node->attributes[node->nattributes++]);
				break;
			case 7:
				node->domain = text_of(ctx, &field);
				break;
		}
}

const OnnxAttribute *
onnx_attribute(const OnnxNode *node, const char *name)
{
	for (int i = 0; i < node->nattributes; i++)
		if (onnx_is(node->attributes[i].name, name))
			return &node->attributes[i];
	return NULL;
}

int64_t
onnx_int(const OnnxNode *node, const char *name, int64_t otherwise)
{
	const OnnxAttribute *attribute = onnx_attribute(node, name);

	return attribute ? attribute->i : otherwise;
}

float
onnx_float(const OnnxNode *node, const char *name, float otherwise)
{
	const OnnxAttribute *attribute = onnx_attribute(node, name);

	return attribute ? attribute->f : otherwise;
}

bool
onnx_is(OnnxText text, const char *s)
{
	return (size_t) text.n == strlen(s) && (text.n == 0 || memcmp(text.s, s, text.n) == 0);
}

/* ---- ports, graph, file */

static void
read_dim(EcmlCtx *ctx, const Field *message, OnnxPort *port)
{
	Wire		w = inside(ctx, message->bytes, message->size);
	Field		field;
	int64_t		dim = ONNX_UNKNOWN;

	if (port->ndims == ONNX_MAX_DIMS)
		too_large(ctx, "dimensions of an input", ONNX_MAX_DIMS + 1, ONNX_MAX_DIMS);
	while (next_field(&w, &field))
		if (field.number == 1 && field.type == 0 && field.value >= 1 && field.value <= INT32_MAX)
			dim = (int64_t) field.value;
	port->dims[port->ndims++] = dim;
}

/* ValueInfoProto: type (2) of a tensor (1): element (1), shape (2) of dimensions (1) */
static void
read_port(EcmlCtx *ctx, const Field *message, int depth, OnnxPort *port)
{
	Wire		w = inside(ctx, message->bytes, message->size);
	Field		field;

	if (message->type != 2)
		damaged(ctx, "An input or output is none.");
	while (next_field(&w, &field))
	{
		if (depth == 0 && field.number == 1)
			port->name = text_of(ctx, &field);
		else if ((depth == 0 && field.number == 2) || (depth == 1 && field.number == 1))
			read_port(ctx, &field, depth + 1, port);
		else if (depth == 2 && field.number == 1 && field.type == 0)
			port->type = field.value <= 64 ? (int) field.value : 0;
		else if (depth == 2 && field.number == 2 && field.type == 2)
		{
			port->ndims = 0;
			read_port(ctx, &field, 3, port);
		}
		else if (depth == 3 && field.number == 1 && field.type == 2)
			read_dim(ctx, &field, port);
	}
}

static void
read_ports(EcmlCtx *ctx, const Field *message, OnnxPort *port)
{
	memset(port, 0, sizeof(*port));
	port->ndims = ONNX_UNKNOWN;
	read_port(ctx, message, 0, port);
}

static void
read_graph(EcmlCtx *ctx, const Field *message, OnnxFile *file)
{
	Wire		w = inside(ctx, message->bytes, message->size);
	Field		field;
	size_t		counts[16];

	if (message->type != 2)
		damaged(ctx, "Its graph is none.");
	if (file->nodes)
		damaged(ctx, "It has several graphs.");
	count_fields(ctx, message->bytes, message->size, counts, 16);
	if (counts[1] > ONNX_MAX_NODES)
		too_large(ctx, "nodes", counts[1], ONNX_MAX_NODES);
	if (counts[5] > ONNX_MAX_TENSORS)
		too_large(ctx, "tensors", counts[5], ONNX_MAX_TENSORS);
	if (counts[11] > ONNX_MAX_TENSORS || counts[12] > ONNX_MAX_TENSORS)
		too_large(ctx, "inputs and outputs", counts[11] + counts[12], ONNX_MAX_TENSORS);
	file->nodes = ECML_NEW(ctx, OnnxNode, counts[1]);
	file->tensors = ECML_NEW(ctx, OnnxTensor, counts[5]);
	file->inputs = ECML_NEW(ctx, OnnxPort, counts[11]);
	file->outputs = ECML_NEW(ctx, OnnxPort, counts[12]);
	while (next_field(&w, &field))
	{
		ecml_poll(ctx, 0, 0);
		switch (field.number)
		{
			case 1:
				read_node(ctx, &field, &file->nodes[file->nnodes++]);
				break;
			case 5:
				onnx_read_tensor(ctx, text_of(ctx, &field), &file->tensors[file->ntensors++]);
				break;
			case 11:
				read_ports(ctx, &field, &file->inputs[file->ninputs++]);
				break;
			case 12:
				read_ports(ctx, &field, &file->outputs[file->noutputs++]);
				break;
			case 15:
				damaged(ctx, "It has sparse tensors, which are not read.");
		}
	}
}

static void
read_opset(EcmlCtx *ctx, const Field *message, OnnxFile *file)
{
	Wire		w = inside(ctx, message->bytes, message->size);
	Field		field;
	OnnxText	domain = {"", 0};
	int64_t		version = 0;

	if (message->type != 2)
		damaged(ctx, "Its version of operators is none.");
	while (next_field(&w, &field))
		if (field.number == 1)
			domain = text_of(ctx, &field);
		else if (field.number == 2)
			version = (int64_t) field.value;
	if (domain.n == 0 || onnx_is(domain, "ai.onnx"))
		file->opset = version;
}

OnnxFile *
onnx_read(EcmlCtx *ctx, const void *bytes, size_t n)
{
	OnnxFile   *file = ECML_NEW0(ctx, OnnxFile, 1);
	Wire		w = inside(ctx, bytes, n);
	Field		field;

	if (n == 0)
		damaged(ctx, "It has 0 bytes.");
	while (next_field(&w, &field))
		switch (field.number)
		{
			case 2:
				file->producer = text_of(ctx, &field);
				break;
			case 7:
				read_graph(ctx, &field, file);
				break;
			case 8:
				read_opset(ctx, &field, file);
				break;
		}
	if (file->nodes == NULL || file->nnodes == 0)
		damaged(ctx, "It has no graph of nodes.");
	return file;
}
