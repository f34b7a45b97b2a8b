/*
 * layers_sql.c - networks from jsonb, in Keras's terms, and the presets
 *
 *     [{"conv2d": {"filters": 32, "kernel": 3, "activation": "relu"}}, {"max_pooling2d": 2}, "flatten", {"dense": 10}]
 *
 * A layer is the name of its kind, or an object with that one key; its value is an object of arguments, or the argument that
 * matters most (filters, units, a window, a rate, an activation).  Names are taken in lower case or as Keras's classes
 * ("Conv2D", "MaxPooling2D"), arguments in both of their spellings.  Each layer reads the one before it unless "from" names others;
 * "residual" is a list of layers whose output is added to their input.
 */
#include "image/cnn_sql.h"

#include <math.h>

#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"

#include "core/error.h"
#include "core/json.h"

#define MAX_DEPTH 8				/* of residuals in residuals */

const char *const cnn_preset_names[] = {"small", "resnet8", "mobilenet_small", NULL};

typedef struct Builder
{
	EcmlCtx    *ctx;
	Network    *net;
	int			nclasses;
	int			last;			/* the node that the next layer reads */
	int			layer;			/* number of the layer at hand, for messages */
	int			depth;
} Builder;

/* ---- names */

/* "MaxPooling2D", "max_pooling2d" and "max_pooling_2d" are one */
static char *
plain_name(const char *name, int length)
{
	char	   *plain = palloc(length + 1);
	int			n = 0;

	for (int i = 0; i < length; i++)
		if (name[i] != '_')
			plain[n++] = pg_ascii_tolower((unsigned char) name[i]);
	plain[n] = '\0';
	return plain;
}

/* An activation by its name, spelt either way. */
static bool
activation_named(const char *name, int length, NetActivation *activation, float *a, float *b)
{
	static const char *const others[] = {"relu6", "silu", "hard_silu"};
	char	   *plain = plain_name(name, length);

	for (int i = 0; i < NET_ACTIVATIONS + (int) lengthof(others); i++)
	{
		const char *known = i < NET_ACTIVATIONS ? net_activation_name(i) : others[i - NET_ACTIVATIONS];

		if (strcmp(plain, plain_name(known, strlen(known))) == 0)
			return net_activation_by_name(known, activation, a, b);
	}
	return false;
}

typedef enum LayerKind
{
	LAYER_NODE,
	LAYER_DEPTHWISE,
	LAYER_SEPARABLE,
	LAYER_RESIDUAL,
	LAYER_ZERO_PADDING
} LayerKind;

typedef struct LayerName
{
	const char *name;			/* as shown */
	LayerKind	layer;
	NetKind		kind;
} LayerName;

static const LayerName layer_names[] = {
	{"conv2d", LAYER_NODE, NET_CONV2D},
	{"depthwise_conv2d", LAYER_DEPTHWISE, NET_CONV2D},
	{"separable_conv2d", LAYER_SEPARABLE, NET_CONV2D},
	{"dense", LAYER_NODE, NET_DENSE},
	{"batch_normalization", LAYER_NODE, NET_BATCH_NORMALIZATION},
	{"max_pooling2d", LAYER_NODE, NET_MAX_POOLING2D},
	{"average_pooling2d", LAYER_NODE, NET_AVERAGE_POOLING2D},
	{"global_max_pooling2d", LAYER_NODE, NET_GLOBAL_MAX_POOLING2D},
	{"global_average_pooling2d", LAYER_NODE, NET_GLOBAL_AVERAGE_POOLING2D},
	{"add", LAYER_NODE, NET_ADD},
	{"multiply", LAYER_NODE, NET_MULTIPLY},
	{"concatenate", LAYER_NODE, NET_CONCATENATE},
	{"flatten", LAYER_NODE, NET_FLATTEN},
	{"reshape", LAYER_NODE, NET_RESHAPE},
	{"dropout", LAYER_NODE, NET_DROPOUT},
	{"activation", LAYER_NODE, NET_ACTIVATION},
	{"residual", LAYER_RESIDUAL, NET_ADD},
};

static const LayerName *
find_layer(const char *name, int length)
{
	static const LayerName activation = {"activation", LAYER_NODE, NET_ACTIVATION};
	char	   *plain = plain_name(name, length);
	NetActivation which;
	float		a;
	float		b;

	for (size_t i = 0; i < lengthof(layer_names); i++)
		if (strcmp(plain, plain_name(layer_names[i].name, strlen(layer_names[i].name))) == 0)
			return &layer_names[i];
	if (strcmp(plain, "globalaveragepool2d") == 0 || strcmp(plain, "globalavgpool2d") == 0)
		return find_layer("global_average_pooling2d", 24);
	if (strcmp(plain, "maxpool2d") == 0)
		return find_layer("max_pooling2d", 13);
	if (strcmp(plain, "avgpool2d") == 0 || strcmp(plain, "averagepool2d") == 0)
		return find_layer("average_pooling2d", 17);
	if (strcmp(plain, "globalmaxpool2d") == 0)
		return find_layer("global_max_pooling2d", 20);
	if (activation_named(name, length, &which, &a, &b))
		return &activation;
	return NULL;
}

static void
unknown_layer(const Builder *b, const char *name)
{
	const char *names[lengthof(layer_names) + NET_ACTIVATIONS];
	int			n = 0;

	for (size_t i = 0; i < lengthof(layer_names); i++)
		names[n++] = layer_names[i].name;
	for (int i = NET_RELU; i < NET_ACTIVATIONS; i++)
		names[n++] = net_activation_name(i);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("layer %d is of an unknown kind \"%s\"", b->layer, name),
			 errdetail("No layer has this name."),
			 errhint("%sKnown layers: %s.", ecml_error_perhaps(ecml_error_nearest(name, names, n)), ecml_error_list(names, n))));
}

/* ---- arguments */

typedef struct Arguments
{
	Builder    *b;
	const char *layer;			/* the name of its kind */
	JsonbContainer *object;		/* NULL: none */
	JsonbValue *single;			/* given instead; NULL: none */
	const char *known[24];
	int			nknown;
} Arguments;

static void
wrong_argument(const Arguments *args, const char *name, JsonbValue *value, const char *must)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("layer %d (%s): invalid \"%s\"", args->b->layer, args->layer, name),
			 errdetail("The value is %s.", ecml_json_value_text(value)),
			 errhint("It must be %s.", must)));
}

/* The argument of either name; NULL: not given, or null. */
static JsonbValue *
argument(Arguments *args, const char *name, const char *other)
{
	JsonbValue *value = NULL;

	args->known[args->nknown++] = name;
	if (other)
		args->known[args->nknown++] = other;
	if (args->object == NULL)
		return NULL;
	value = getKeyJsonValueFromContainer(args->object, name, strlen(name), NULL);
	if (value == NULL && other)
		value = getKeyJsonValueFromContainer(args->object, other, strlen(other), NULL);
	return value && value->type != jbvNull ? value : NULL;
}

/* After all have been asked for. */
static void
check_known(const Arguments *args)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	value;

	if (args->object == NULL)
		return;
	iterator = JsonbIteratorInit(args->object);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		bool		known = false;

		if (token != WJB_KEY)
			continue;
		for (int i = 0; i < args->nknown; i++)
			known |= (int) strlen(args->known[i]) == value.val.string.len &&
				memcmp(args->known[i], value.val.string.val, value.val.string.len) == 0;
		if (!known)
		{
			char	   *name = pnstrdup(value.val.string.val, value.val.string.len);

			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("layer %d (%s): unknown argument \"%s\"", args->b->layer, args->layer, name),
					 errdetail("The layer has no such argument."),
					 errhint("%sIts arguments: %s.", ecml_error_perhaps(ecml_error_nearest(name, (const char *const *) args->known, args->nknown)),
							 ecml_error_list((const char *const *) args->known, args->nknown))));
		}
	}
}

static double
number_of(const Arguments *args, const char *name, JsonbValue *value)
{
	if (value->type != jbvNumeric)
		wrong_argument(args, name, value, "a number");
	return DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, NumericGetDatum(value->val.numeric)));
}

static int
integer_of(const Arguments *args, const char *name, JsonbValue *value, int low)
{
	double		v = number_of(args, name, value);

	if (v != rint(v) || v < low || v > 1e6)
		wrong_argument(args, name, value, psprintf("a whole number from %d to 1000000", low));
	return (int) v;
}

/* a number for both sides, or [height, width] */
static void
pair_of(const Arguments *args, const char *name, JsonbValue *value, int pair[2])
{
	if (value->type == jbvNumeric)
		pair[0] = pair[1] = integer_of(args, name, value, 1);
	else if (value->type == jbvBinary && JsonContainerIsArray(value->val.binary.data) &&
			 JsonContainerSize(value->val.binary.data) == 2)
		for (int i = 0; i < 2; i++)
			pair[i] = integer_of(args, name, getIthJsonbValueFromContainer(value->val.binary.data, i), 1);
	else
		wrong_argument(args, name, value, "a whole number, or [height, width]");
}

static char *
text_of(const Arguments *args, const char *name, JsonbValue *value)
{
	if (value->type != jbvString)
		wrong_argument(args, name, value, "a string");
	return pnstrdup(value->val.string.val, value->val.string.len);
}

static bool
truth_of(const Arguments *args, const char *name, JsonbValue *value)
{
	if (value->type != jbvBool)
		wrong_argument(args, name, value, "true or false");
	return value->val.boolean;
}

static void
activation_of(Arguments *args, JsonbValue *value, NetNode *node)
{
	const char *names[NET_ACTIVATIONS];
	char	   *name;

	if (value == NULL)
		return;
	name = text_of(args, "activation", value);
	if (activation_named(name, strlen(name), &node->activation, &node->a, &node->b))
		return;
	for (int i = 0; i < NET_ACTIVATIONS; i++)
		names[i] = net_activation_name(i);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("layer %d (%s): unknown activation \"%s\"", args->b->layer, args->layer, name),
			 errdetail("No activation has this name."),
			 errhint("%sKnown activations: relu6, silu, %s.", ecml_error_perhaps(ecml_error_nearest(name, names, NET_ACTIVATIONS)),
					 ecml_error_list(names, NET_ACTIVATIONS))));
}

/* The number of an earlier node by its name. */
static int
node_of(const Arguments *args, const char *name)
{
	const Network *net = args->b->net;
	const char **names = palloc(net->n * sizeof(char *));

	for (int i = 0; i < net->n; i++)
	{
		names[i] = net->nodes[i].name;
		if (strcmp(name, names[i]) == 0)
			return i;
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("layer %d (%s): no layer before it is called \"%s\"", args->b->layer, args->layer, name),
			 errdetail("It reads the layers that \"from\" names."),
			 errhint("%sLayers so far: %s.", ecml_error_perhaps(ecml_error_nearest(name, names, net->n)),
					 ecml_error_list(names, net->n))));
	return 0;
}

/* "from": a name or a list of names.  Of a sum, a product, a concatenation one name means: with the layer before. */
static void
inputs_of(Arguments *args, JsonbValue *from, NetNode *node)
{
	bool		several = node->kind == NET_ADD || node->kind == NET_MULTIPLY || node->kind == NET_CONCATENATE;

	node->ninputs = 1;
	node->inputs[0] = args->b->last;
	if (from && from->type == jbvString)
	{
		int			other = node_of(args, text_of(args, "from", from));

		if (several)
			node->inputs[node->ninputs++] = other;
		else
			node->inputs[0] = other;
	}
	else if (from && from->type == jbvBinary && JsonContainerIsArray(from->val.binary.data))
	{
		node->ninputs = 0;
		for (uint32 i = 0; i < JsonContainerSize(from->val.binary.data); i++)
		{
			if (node->ninputs == NET_MAX_INPUTS)
				wrong_argument(args, "from", from, psprintf("at most %d names", NET_MAX_INPUTS));
			node->inputs[node->ninputs++] = node_of(args, text_of(args, "from", getIthJsonbValueFromContainer(from->val.binary.data, i)));
		}
		if (node->ninputs == 0 || (node->ninputs > 1 && !several))
			wrong_argument(args, "from", from, several ? "names of layers" : "the name of one layer");
	}
	else if (from)
		wrong_argument(args, "from", from, "the name of a layer, or an array of names");
	if (several && node->ninputs < 2)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("layer %d (%s) has one input only", args->b->layer, args->layer),
				 errdetail("It reads the layer before it, and those that \"from\" names."),
				 errhint("Name a layer, as in {\"%s\": {\"from\": \"stem\"}}, where an earlier one has \"name\": \"stem\".", args->layer)));
}

static void
padding_of(Arguments *args, JsonbValue *value, NetNode *node)
{
	if (value == NULL)
		return;
	if (value->type == jbvNumeric)
	{
		node->padding = NET_EXPLICIT;
		for (int k = 0; k < 4; k++)
			node->pad[k] = integer_of(args, "padding", value, 0);
	}
	else if (value->type == jbvBinary && JsonContainerIsArray(value->val.binary.data) &&
			 JsonContainerSize(value->val.binary.data) == 4)
	{
		node->padding = NET_EXPLICIT;
		for (int k = 0; k < 4; k++)
			node->pad[k] = integer_of(args, "padding", getIthJsonbValueFromContainer(value->val.binary.data, k), 0);
	}
	else
	{
		char	   *text = value->type == jbvString ? plain_name(value->val.string.val, value->val.string.len) : "";

		if (strcmp(text, "same") == 0)
			node->padding = NET_SAME;
		else if (strcmp(text, "valid") == 0)
			node->padding = NET_VALID;
		else
			wrong_argument(args, "padding", value, "\"valid\", \"same\", a number, or [top, left, bottom, right]");
	}
}

/* ---- layers */

static void add_layers(Builder *b, JsonbContainer *list);

static int
add_node(Builder *b, const NetNode *node)
{
	return b->last = net_add(b->ctx, b->net, node);
}

/* The window and what belongs to it. */
static void
window_of(Arguments *args, NetNode *node, const char *name, const char *other, int usual)
{
	JsonbValue *value = argument(args, name, other);

	if (value == NULL && args->single && args->single->type != jbvString && node->kind != NET_CONV2D)
		value = args->single;
	if (value)
		pair_of(args, name, value, node->kernel);
	else
		node->kernel[0] = node->kernel[1] = usual;
	if ((value = argument(args, "strides", "stride")) != NULL)
		pair_of(args, "strides", value, node->stride);
	padding_of(args, argument(args, "padding", NULL), node);
}

static void
common_of(Arguments *args, NetNode *node)
{
	JsonbValue *value;

	activation_of(args, argument(args, "activation", NULL), node);
	if ((value = argument(args, "name", NULL)) != NULL)
	{
		char	   *name = text_of(args, "name", value);

		if (strlen(name) == 0 || strlen(name) >= NET_NAME)
			wrong_argument(args, "name", value, psprintf("a string of 1 to %d bytes", NET_NAME - 1));
		strcpy(node->name, name);
	}
	inputs_of(args, argument(args, "from", "inputs"), node);
}

static int
usual_units(const Builder *b)
{
	return b->nclasses > 0 ? b->nclasses : 1;
}

static void
add_conv(Builder *b, Arguments *args, LayerKind layer)
{
	NetNode		node;
	JsonbValue *value;
	int			filters = 0;
	int			multiplier = 1;
	char		name[NET_NAME] = "";
	NetActivation activation;
	float		a;
	float		c;

	net_node_init(&node, NET_CONV2D, b->last);
	if (layer != LAYER_DEPTHWISE)
	{
		value = argument(args, "filters", NULL);
		if (value == NULL)
			value = args->single;
		if (value == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("layer %d (%s) has no \"filters\"", b->layer, args->layer),
					 errdetail("Their number is not given."),
					 errhint("Give it, as in {\"%s\": {\"filters\": 32, \"kernel\": 3}}.", args->layer)));
		filters = integer_of(args, "filters", value, 1);
	}
	window_of(args, &node, "kernel", "kernel_size", 3);
	if (layer == LAYER_DEPTHWISE && args->object == NULL && args->single)
		pair_of(args, "kernel", args->single, node.kernel);
	if ((value = argument(args, "dilation_rate", "dilation")) != NULL)
		pair_of(args, "dilation_rate", value, node.dilation);
	if (layer == LAYER_NODE && (value = argument(args, "groups", NULL)) != NULL)
		node.groups = integer_of(args, "groups", value, 1);
	if (layer != LAYER_NODE && (value = argument(args, "depth_multiplier", NULL)) != NULL)
		multiplier = integer_of(args, "depth_multiplier", value, 1);
	if ((value = argument(args, "use_bias", "bias")) != NULL)
		node.bias = truth_of(args, "use_bias", value);
	common_of(args, &node);
	check_known(args);
	if (layer == LAYER_NODE)
	{
		node.units = filters;
		add_node(b, &node);
		return;
	}
	node.groups = b->net->nodes[node.inputs[0]].channels;
	node.units = node.groups * multiplier;
	if (layer == LAYER_DEPTHWISE)
	{
		add_node(b, &node);
		return;
	}
	/* separable: depthwise without bias and activation, then a kernel of 1 */
	activation = node.activation;
	a = node.a;
	c = node.b;
	memcpy(name, node.name, sizeof(name));
	node.activation = NET_LINEAR;
	node.name[0] = '\0';
	node.bias = false;
	add_node(b, &node);
	net_node_init(&node, NET_CONV2D, b->last);
	node.units = filters;
	node.kernel[0] = node.kernel[1] = 1;
	node.activation = activation;
	node.a = a;
	node.b = c;
	memcpy(node.name, name, sizeof(name));
	add_node(b, &node);
}

static void
add_reshape(Builder *b, Arguments *args, NetNode *node)
{
	JsonbValue *value = argument(args, "shape", "target_shape");
	JsonbContainer *list;
	int			n;

	if (value == NULL)
		value = args->single;
	if (value == NULL || value->type != jbvBinary || !JsonContainerIsArray(value->val.binary.data) ||
		JsonContainerSize(value->val.binary.data) < 1 || JsonContainerSize(value->val.binary.data) > 3)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("layer %d (reshape) has no shape", b->layer),
				 errdetail("It is an array of one to three numbers."),
				 errhint("Give it as {\"reshape\": [height, width, channels]}; one of them may be -1.")));
	list = value->val.binary.data;
	n = JsonContainerSize(list);
	node->shape[0] = node->shape[1] = 1;
	for (int i = 0; i < n; i++)
		node->shape[3 - n + i] = integer_of(args, "shape", getIthJsonbValueFromContainer(list, i), -1);
}

/* The layers' output is added to their input; where the shapes differ, that goes through a convolution of kernel 1. */
static void
add_residual(Builder *b, Arguments *args)
{
	JsonbValue *layers = argument(args, "layers", NULL);
	int			before = b->last;
	NetNode		node;
	const NetNode *in;
	const NetNode *out;

	if (layers == NULL && args->single)
		layers = args->single;
	net_node_init(&node, NET_ADD, before);
	node.activation = NET_RELU;
	activation_of(args, argument(args, "activation", NULL), &node);
	check_known(args);
	if (layers == NULL || layers->type != jbvBinary || !JsonContainerIsArray(layers->val.binary.data))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("layer %d (residual) has no layers", b->layer),
				 errdetail("They are an array."),
				 errhint("Give them as {\"residual\": [{\"conv2d\": {...}}, \"batch_normalization\"]}.")));
	if (++b->depth > MAX_DEPTH)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("layer %d (residual) is nested too deeply", b->layer),
				 errdetail("At most %d may lie in each other.", MAX_DEPTH),
				 errhint("Write the layers one after the other, and \"add\" with \"from\".")));
	add_layers(b, layers->val.binary.data);
	b->depth--;
	in = &b->net->nodes[before];
	out = &b->net->nodes[b->last];
	if (in->height != out->height || in->width != out->width || in->channels != out->channels)
	{
		NetNode		side;
		int			after = b->last;

		net_node_init(&side, NET_CONV2D, before);
		side.units = out->channels;
		side.kernel[0] = side.kernel[1] = 1;
		side.padding = NET_SAME;
		side.stride[0] = Max(1, (in->height + out->height - 1) / out->height);
		side.stride[1] = Max(1, (in->width + out->width - 1) / out->width);
		side.bias = false;
		before = add_node(b, &side);
		b->last = after;
	}
	node.ninputs = 2;
	node.inputs[0] = b->last;
	node.inputs[1] = before;
	add_node(b, &node);
}

static void
add_layer(Builder *b, const char *name, int length, JsonbValue *value)
{
	const LayerName *layer = find_layer(name, length);
	Arguments	args = {b};
	NetNode		node;

	if (layer == NULL)
		unknown_layer(b, pnstrdup(name, length));
	args.layer = layer->name;
	if (value && value->type == jbvBinary && JsonContainerIsObject(value->val.binary.data))
		args.object = value->val.binary.data;
	else if (value && value->type != jbvNull && !(value->type == jbvBool && value->val.boolean))
		args.single = value;
	if (layer->layer == LAYER_RESIDUAL)
	{
		add_residual(b, &args);
		return;
	}
	if (layer->kind == NET_CONV2D)
	{
		add_conv(b, &args, layer->layer);
		return;
	}
	net_node_init(&node, layer->kind, b->last);
	switch (layer->kind)
	{
		case NET_DENSE:
			value = argument(&args, "units", NULL);
			if (value == NULL)
				value = args.single;
			node.units = value ? integer_of(&args, "units", value, 1) : usual_units(b);
			if ((value = argument(&args, "use_bias", "bias")) != NULL)
				node.bias = truth_of(&args, "use_bias", value);
			break;
		case NET_BATCH_NORMALIZATION:
			if ((value = argument(&args, "momentum", NULL)) != NULL)
				node.momentum = (float) number_of(&args, "momentum", value);
			if ((value = argument(&args, "epsilon", NULL)) != NULL)
				node.epsilon = (float) number_of(&args, "epsilon", value);
			break;
		case NET_MAX_POOLING2D:
		case NET_AVERAGE_POOLING2D:
			window_of(&args, &node, "pool_size", "size", 2);
			break;
		case NET_DROPOUT:
			value = argument(&args, "rate", NULL);
			if (value == NULL)
				value = args.single;
			node.rate = value ? (float) number_of(&args, "rate", value) : 0.5f;
			break;
		case NET_RESHAPE:
			add_reshape(b, &args, &node);
			break;
		case NET_ACTIVATION:
			{
				/* "activation" has the function as its argument */
				if (!activation_named(name, length, &node.activation, &node.a, &node.b) && args.single)
					activation_of(&args, args.single, &node);
				if (node.activation == NET_LEAKY_RELU || node.activation == NET_ELU)
				{
					value = argument(&args, "alpha", "negative_slope");
					if (value == NULL && args.single && args.single->type == jbvNumeric)
						value = args.single;
					if (value)
						node.a = (float) number_of(&args, "alpha", value);
				}
				break;
			}
		default:
			break;
	}
	/* of a merging layer a name, or names, may be given at once */
	if (args.single && (layer->kind == NET_ADD || layer->kind == NET_MULTIPLY || layer->kind == NET_CONCATENATE))
	{
		inputs_of(&args, args.single, &node);
		add_node(b, &node);
		return;
	}
	common_of(&args, &node);
	check_known(&args);
	add_node(b, &node);
}

static void
add_layers(Builder *b, JsonbContainer *list)
{
	for (uint32 i = 0; i < JsonContainerSize(list); i++)
	{
		JsonbValue *value = getIthJsonbValueFromContainer(list, i);
		JsonbIterator *iterator;
		JsonbValue	key;
		JsonbValue	inner;

		if (b->depth == 0)
			b->layer = (int) i + 1;
		if (value->type == jbvString)
		{
			add_layer(b, value->val.string.val, value->val.string.len, NULL);
			continue;
		}
		if (value->type != jbvBinary || !JsonContainerIsObject(value->val.binary.data) ||
			JsonContainerSize(value->val.binary.data) != 1)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("layer %d is not a layer", b->layer),
					 errdetail("It is %s.", ecml_json_value_text(value)),
					 errhint("A layer is a name, such as \"flatten\", or an object with one key, such as {\"dense\": {\"units\": 10}}.")));
		iterator = JsonbIteratorInit(value->val.binary.data);
		(void) JsonbIteratorNext(&iterator, &key, true);	/* the object begins */
		(void) JsonbIteratorNext(&iterator, &key, true);
		(void) JsonbIteratorNext(&iterator, &inner, true);
		add_layer(b, key.val.string.val, key.val.string.len, &inner);
	}
}

/* The last layer's activation, where none is given: the one that makes it what it has to be. */
static void
finish_head(Network *net, int nclasses)
{
	NetNode    *last = &net->nodes[net->n - 1];

	if (last->activation != NET_LINEAR || last->kind == NET_INPUT || nclasses == 0)
		return;
	if (last->values == (size_t) nclasses && last->channels == nclasses)
		last->activation = NET_SOFTMAX;
	else if (nclasses == 2 && last->values == 1)
		last->activation = NET_SIGMOID;
}

void
cnn_check_head(const Network *net, int nclasses)
{
	const char *problem = cnn_head_problem(net, nclasses);
	const NetNode *last = &net->nodes[net->n - 1];

	if (problem == NULL)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("the last layer (%s) does not fit the target: %s", last->name, problem),
			 nclasses > 0 ? errdetail("It gives %d x %d x %d numbers with the activation %s; there are %d classes.", last->height,
									  last->width, last->channels, net_activation_name(last->activation), nclasses) :
			 errdetail("It gives %d x %d x %d numbers with the activation %s; the target is a number.", last->height, last->width,
					   last->channels, net_activation_name(last->activation)),
			 errhint(nclasses > 0 ? "End with {\"dense\": {\"units\": %d, \"activation\": \"softmax\"}}." :
					 "End with {\"dense\": 1}.", nclasses)));
}

Network *
cnn_layers(EcmlCtx *ctx, Jsonb *layers, int height, int width, int channels, int nclasses)
{
	Builder		b = {ctx, net_create(ctx, height, width, channels), nclasses};

	if (!JB_ROOT_IS_ARRAY(layers) || JB_ROOT_IS_SCALAR(layers))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"layers\" is not an array"),
				 errdetail("It is an object."),
				 errhint("Give the layers in order, as in [{\"conv2d\": 32}, {\"max_pooling2d\": 2}, \"flatten\", {\"dense\": 10}].")));
	add_layers(&b, &layers->root);
	finish_head(b.net, nclasses);
	net_finish(ctx, b.net);
	return b.net;
}

/* ---- presets */

static int
conv(Builder *b, int filters, int kernel, int stride, bool normal, NetActivation activation)
{
	NetNode		node;

	net_node_init(&node, NET_CONV2D, b->last);
	node.units = filters;
	node.kernel[0] = node.kernel[1] = kernel;
	node.stride[0] = node.stride[1] = stride;
	node.padding = NET_SAME;
	node.bias = !normal;
	if (!normal)
	{
		node.activation = activation;
		net_activation_defaults(activation, &node.a, &node.b);
	}
	add_node(b, &node);
	if (normal)
	{
		net_node_init(&node, NET_BATCH_NORMALIZATION, b->last);
		node.activation = activation;
		net_activation_defaults(activation, &node.a, &node.b);
		add_node(b, &node);
	}
	return b->last;
}

static int
depthwise(Builder *b, int stride, NetActivation activation)
{
	NetNode		node;

	net_node_init(&node, NET_CONV2D, b->last);
	node.groups = node.units = b->net->nodes[b->last].channels;
	node.kernel[0] = node.kernel[1] = 3;
	node.stride[0] = node.stride[1] = stride;
	node.padding = NET_SAME;
	node.bias = false;
	add_node(b, &node);
	net_node_init(&node, NET_BATCH_NORMALIZATION, b->last);
	node.activation = activation;
	net_activation_defaults(activation, &node.a, &node.b);
	return add_node(b, &node);
}

static int
simple(Builder *b, NetKind kind)
{
	NetNode		node;

	net_node_init(&node, kind, b->last);
	if (kind == NET_MAX_POOLING2D)
		node.kernel[0] = node.kernel[1] = 2;
	return add_node(b, &node);
}

static int
dropout(Builder *b, float rate)
{
	NetNode		node;

	net_node_init(&node, NET_DROPOUT, b->last);
	node.rate = rate;
	return add_node(b, &node);
}

static int
dense(Builder *b, int units, NetActivation activation)
{
	NetNode		node;

	net_node_init(&node, NET_DENSE, b->last);
	node.units = units;
	node.activation = activation;
	return add_node(b, &node);
}

static bool
can_halve(const Builder *b)
{
	const NetNode *last = &b->net->nodes[b->last];

	return last->height >= 4 && last->width >= 4;
}

/* Five convolutions with batch normalisation; the picture is halved between them, and large ones once or twice before. */
static void
small(Builder *b)
{
	int			side = Min(b->net->nodes[0].height, b->net->nodes[0].width);

	conv(b, 32, 3, side > 48 ? 2 : 1, true, NET_RELU);
	if (side > 100 && can_halve(b))
		simple(b, NET_MAX_POOLING2D);
	if (can_halve(b))
		simple(b, NET_MAX_POOLING2D);
	for (int filters = 64; filters <= 128; filters *= 2)
	{
		conv(b, filters, 3, 1, true, NET_RELU);
		conv(b, filters, 3, 1, true, NET_RELU);
		if (filters == 64 && can_halve(b))
			simple(b, NET_MAX_POOLING2D);
		dropout(b, filters == 64 ? 0.1f : 0.3f);
	}
	simple(b, NET_GLOBAL_AVERAGE_POOLING2D);
}

/* He et al. (2016), as small as in the MLPerf Tiny benchmark: three residual blocks */
static void
resnet8(Builder *b)
{
	conv(b, 16, 3, 1, true, NET_RELU);
	for (int i = 0; i < 3; i++)
	{
		int			before = b->last;
		int			after;
		int			stride = i > 0 && can_halve(b) ? 2 : 1;
		NetNode		node;

		conv(b, 16 << i, 3, stride, true, NET_RELU);
		after = conv(b, 16 << i, 3, 1, true, NET_LINEAR);
		if (i > 0)
		{
			b->last = before;
			before = conv(b, 16 << i, 1, stride, true, NET_LINEAR);
		}
		net_node_init(&node, NET_ADD, after);
		node.ninputs = 2;
		node.inputs[1] = before;
		node.activation = NET_RELU;
		add_node(b, &node);
	}
	simple(b, NET_GLOBAL_AVERAGE_POOLING2D);
}

/* Sandler et al. (2018): inverted residuals with depthwise convolutions, few and narrow */
static void
mobilenet_small(Builder *b)
{
	static const struct
	{
		int			filters;
		int			widen;
		int			stride;
	}			blocks[] = {{16, 1, 1}, {24, 4, 2}, {24, 4, 1}, {40, 4, 2}, {40, 4, 1}, {64, 4, 2}, {64, 4, 1}};
	int			side = Min(b->net->nodes[0].height, b->net->nodes[0].width);

	conv(b, 16, 3, side > 48 ? 2 : 1, true, NET_CLIP);
	for (size_t i = 0; i < lengthof(blocks); i++)
	{
		int			before = b->last;
		int			in = b->net->nodes[before].channels;
		int			stride = can_halve(b) ? blocks[i].stride : 1;
		NetNode		node;

		if (blocks[i].widen > 1)
			conv(b, in * blocks[i].widen, 1, 1, true, NET_CLIP);
		depthwise(b, stride, NET_CLIP);
		conv(b, blocks[i].filters, 1, 1, true, NET_LINEAR);
		if (stride > 1 || in != blocks[i].filters)
			continue;
		net_node_init(&node, NET_ADD, before);
		node.ninputs = 2;
		node.inputs[1] = b->last;
		add_node(b, &node);
	}
	conv(b, 256, 1, 1, true, NET_CLIP);
	simple(b, NET_GLOBAL_AVERAGE_POOLING2D);
	dropout(b, 0.2f);
}

Network *
cnn_preset(EcmlCtx *ctx, CnnPreset preset, int height, int width, int channels, int nclasses)
{
	Builder		b = {ctx, net_create(ctx, height, width, channels), nclasses};

	switch (preset)
	{
		case CNN_PRESET_SMALL:
			small(&b);
			break;
		case CNN_PRESET_RESNET8:
			resnet8(&b);
			break;
		case CNN_PRESET_MOBILENET_SMALL:
			mobilenet_small(&b);
			break;
	}
	dense(&b, usual_units(&b), nclasses > 0 ? NET_SOFTMAX : NET_LINEAR);
	net_finish(ctx, b.net);
	return b.net;
}
