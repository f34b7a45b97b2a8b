/*
 * test_network.c - networks of pictures: shapes, bytes, every layer forward and backward against loops in double precision,
 * and trainings that give the same bits whatever the threads are
 */
#include "host.h"

#include <stdio.h>

#include "image/cnn.h"
#include "image/fit.h"
#include "image/gemm.h"
#include "network_reference.h"

static float
uniform(EcmlRng *rng)
{
	return (float) (2 * ecml_rng_double(rng) - 1);
}

/* ---- building */

static NetNode
conv(int input, int units, int kernel, int stride, NetPadding padding, NetActivation activation)
{
	NetNode		node;

	net_node_init(&node, NET_CONV2D, input);
	node.units = units;
	node.kernel[0] = node.kernel[1] = kernel;
	node.stride[0] = node.stride[1] = stride;
	node.padding = padding;
	node.activation = activation;
	net_activation_defaults(activation, &node.a, &node.b);
	return node;
}

static NetNode
plain(NetKind kind, int input, NetActivation activation)
{
	NetNode		node;

	net_node_init(&node, kind, input);
	node.activation = activation;
	net_activation_defaults(activation, &node.a, &node.b);
	return node;
}

static NetNode
pair(NetKind kind, int first, int second, NetActivation activation)
{
	NetNode		node = plain(kind, first, activation);

	node.ninputs = 2;
	node.inputs[1] = second;
	return node;
}

static int
add(EcmlCtx *ctx, Network *net, NetNode node)
{
	return net_add(ctx, net, &node);
}

static NetNode
dense(int input, int units, NetActivation activation)
{
	NetNode		node = plain(NET_DENSE, input, activation);

	node.units = units;
	return node;
}

static NetNode
pool(NetKind kind, int input, int size, int stride, NetPadding padding)
{
	NetNode		node = plain(kind, input, NET_LINEAR);

	node.kernel[0] = node.kernel[1] = size;
	node.stride[0] = node.stride[1] = stride;
	node.padding = padding;
	return node;
}

typedef Network *(*Make) (EcmlCtx *ctx);

/* the usual one */
static Network *
make_plain(EcmlCtx *ctx)
{
	Network    *net = net_create(ctx, 12, 10, 3);
	int			i = add(ctx, net, conv(0, 9, 3, 1, NET_SAME, NET_RELU));

	i = add(ctx, net, pool(NET_MAX_POOLING2D, i, 2, 0, NET_VALID));
	i = add(ctx, net, conv(i, 33, 3, 1, NET_VALID, NET_RELU));
	i = add(ctx, net, plain(NET_FLATTEN, i, NET_LINEAR));
	i = add(ctx, net, dense(i, 17, NET_TANH));
	add(ctx, net, dense(i, 5, NET_SOFTMAX));
	return net;
}

/* strides, groups, dilation, explicit padding, pools of all kinds */
static Network *
make_windows(EcmlCtx *ctx)
{
	Network    *net = net_create(ctx, 13, 11, 4);
	NetNode		node = conv(0, 8, 3, 2, NET_SAME, NET_LEAKY_RELU);
	int			i = add(ctx, net, node);
	int			k;

	node = conv(i, 12, 3, 1, NET_EXPLICIT, NET_ELU);
	node.groups = 4;
	node.pad[0] = 2;
	node.pad[3] = 1;
	node.bias = false;
	i = add(ctx, net, node);
	node = conv(i, 6, 3, 1, NET_SAME, NET_GELU);
	node.dilation[0] = 2;
	node.dilation[1] = 1;
	i = add(ctx, net, node);
	k = add(ctx, net, pool(NET_AVERAGE_POOLING2D, i, 3, 2, NET_SAME));
	node = pool(NET_MAX_POOLING2D, i, 3, 2, NET_EXPLICIT);
	node.pad[0] = node.pad[1] = 1;
	node.ceil_mode = true;
	i = add(ctx, net, node);
	node = pool(NET_AVERAGE_POOLING2D, i, 2, 1, NET_EXPLICIT);
	node.pad[0] = node.pad[1] = node.pad[2] = node.pad[3] = 1;
	node.count_padding = true;
	i = add(ctx, net, node);
	i = add(ctx, net, plain(NET_GLOBAL_MAX_POOLING2D, i, NET_LINEAR));
	k = add(ctx, net, plain(NET_GLOBAL_AVERAGE_POOLING2D, k, NET_LINEAR));
	i = add(ctx, net, pair(NET_CONCATENATE, i, k, NET_LINEAR));
	add(ctx, net, dense(i, 3, NET_SOFTMAX));
	return net;
}

/* residual, depthwise, squeeze-excite, batch normalisation, a frozen one, the smooth activations */
static Network *
make_modern(EcmlCtx *ctx)
{
	Network    *net = net_create(ctx, 8, 8, 3);
	NetNode		node = conv(0, 16, 3, 1, NET_SAME, NET_LINEAR);
	int			stem;
	int			i;
	int			k;

	node.bias = false;
	i = add(ctx, net, node);
	stem = add(ctx, net, plain(NET_BATCH_NORMALIZATION, i, NET_HARD_SWISH));
	node = conv(stem, 16, 3, 1, NET_SAME, NET_LINEAR);
	node.groups = 16;
	i = add(ctx, net, node);
	i = add(ctx, net, plain(NET_BATCH_NORMALIZATION, i, NET_LINEAR));
	i = add(ctx, net, plain(NET_ACTIVATION, i, NET_SWISH));
	k = add(ctx, net, plain(NET_GLOBAL_AVERAGE_POOLING2D, i, NET_LINEAR));
	k = add(ctx, net, dense(k, 4, NET_RELU));
	k = add(ctx, net, dense(k, 16, NET_HARD_SIGMOID));
	i = add(ctx, net, pair(NET_MULTIPLY, i, k, NET_LINEAR));
	i = add(ctx, net, conv(i, 16, 1, 1, NET_SAME, NET_LINEAR));
	node = plain(NET_BATCH_NORMALIZATION, i, NET_LINEAR);
	node.frozen = true;
	i = add(ctx, net, node);
	i = add(ctx, net, pair(NET_ADD, i, stem, NET_RELU));
	node = conv(i, 10, 3, 2, NET_SAME, NET_CLIP);
	node.groups = 2;
	i = add(ctx, net, node);
	i = add(ctx, net, dense(i, 6, NET_GELU_TANH));
	k = add(ctx, net, plain(NET_GLOBAL_AVERAGE_POOLING2D, i, NET_LINEAR));
	i = add(ctx, net, pair(NET_ADD, i, k, NET_LINEAR));
	node = plain(NET_RESHAPE, i, NET_LINEAR);
	node.shape[0] = node.shape[1] = 1;
	node.shape[2] = -1;
	i = add(ctx, net, node);
	i = add(ctx, net, dense(i, 4, NET_LINEAR));
	add(ctx, net, plain(NET_ACTIVATION, i, NET_SOFTMAX));
	return net;
}

/* a dense layer of the whole batch, between others; one output */
static Network *
make_wide(EcmlCtx *ctx)
{
	Network    *net = net_create(ctx, 16, 16, 1);
	int			i = add(ctx, net, conv(0, 4, 3, 1, NET_VALID, NET_SIGMOID));

	i = add(ctx, net, plain(NET_FLATTEN, i, NET_LINEAR));
	i = add(ctx, net, dense(i, 43, NET_RELU));
	i = add(ctx, net, plain(NET_BATCH_NORMALIZATION, i, NET_LINEAR));
	add(ctx, net, dense(i, 1, NET_SIGMOID));
	return net;
}

/* as depthwise convolutions of imports are, with strides; regression */
static Network *
make_depthwise(EcmlCtx *ctx)
{
	Network    *net = net_create(ctx, 9, 9, 20);
	NetNode		node = conv(0, 20, 3, 2, NET_SAME, NET_RELU);
	int			i;

	node.groups = 20;
	i = add(ctx, net, node);
	i = add(ctx, net, conv(i, 40, 1, 1, NET_VALID, NET_TANH));
	i = add(ctx, net, pool(NET_AVERAGE_POOLING2D, i, 0, 0, NET_VALID));
	i = add(ctx, net, plain(NET_FLATTEN, i, NET_LINEAR));
	add(ctx, net, dense(i, 1, NET_LINEAR));
	return net;
}

/* windows that are read where they lie, with strides and padding; columns at the sides that are gathered */
static Network *
make_rows_of_windows(EcmlCtx *ctx)
{
	Network    *net = net_create(ctx, 11, 27, 2);
	NetNode		node = conv(0, 10, 3, 2, NET_SAME, NET_RELU);
	int			i = add(ctx, net, node);

	node = conv(i, 7, 3, 1, NET_EXPLICIT, NET_LINEAR);
	node.kernel[1] = 4;
	node.pad[NET_TOP] = 2;
	node.pad[NET_LEFT] = 2;
	node.pad[NET_RIGHT] = 3;
	i = add(ctx, net, node);
	node = conv(i, 5, 3, 1, NET_SAME, NET_TANH);
	node.dilation[0] = 2;
	node.stride[1] = 1;
	i = add(ctx, net, node);
	i = add(ctx, net, pool(NET_MAX_POOLING2D, i, 2, 0, NET_VALID));
	i = add(ctx, net, plain(NET_FLATTEN, i, NET_LINEAR));
	add(ctx, net, dense(i, 3, NET_SOFTMAX));
	return net;
}

/* 3 x 3 by fewer products, forward and backward, on odd sides; then a dense layer before which pictures wait for each other */
static Network *
make_squares(EcmlCtx *ctx)
{
	Network    *net = net_create(ctx, 7, 6, 3);
	int			i = add(ctx, net, conv(0, 16, 3, 1, NET_SAME, NET_RELU));
	int			k = add(ctx, net, conv(i, 32, 3, 1, NET_SAME, NET_RELU));

	i = add(ctx, net, conv(k, 32, 3, 1, NET_SAME, NET_LINEAR));
	i = add(ctx, net, pair(NET_ADD, i, k, NET_RELU));
	i = add(ctx, net, conv(i, 32, 3, 1, NET_VALID, NET_LEAKY_RELU));
	i = add(ctx, net, plain(NET_FLATTEN, i, NET_LINEAR));
	i = add(ctx, net, dense(i, 420, NET_RELU));
	add(ctx, net, dense(i, 4, NET_SOFTMAX));
	return net;
}

static const struct
{
	const char *name;
	Make		make;
	int			nclasses;
}			nets[] = {
	{"plain", make_plain, 5}, {"windows", make_windows, 3}, {"modern", make_modern, 4}, {"wide", make_wide, 2},
	{"depthwise", make_depthwise, 0}, {"rows", make_rows_of_windows, 3}, {"squares", make_squares, 4}
};
#define NETS ((int) (sizeof(nets) / sizeof(nets[0])))

static Network *
build(EcmlCtx *ctx, int which)
{
	Network    *net = nets[which].make(ctx);
	EcmlRng		rng;

	ecml_rng_seed(&rng, 7 + which);
	net_finish(ctx, net);
	net_initialize(net, 1, true, &rng);
	/* biases, scales and statistics that do something */
	for (int i = 1; i < net->n; i++)
	{
		const NetNode *node = &net->nodes[i];

		for (size_t k = node->bias_at; k < node->weights + node->nweights; k++)
			net->weights[k] = 0.3f * uniform(&rng);
		if (node->kind == NET_BATCH_NORMALIZATION)
			for (int c = 0; c < 4 * node->channels; c++)
				net->weights[node->weights + c] = c / node->channels == 0 || c / node->channels == 3 ? 1 + 0.3f * uniform(&rng) :
					0.3f * uniform(&rng);
	}
	return net;
}

/* ---- rows */

typedef struct Rows
{
	CnnRows		rows;
	float	   *x;
	size_t		values;
} Rows;

static void
fetch(void *arg, const uint32_t *rows, size_t n, uint8_t *out)
{
	const Rows *r = arg;

	for (size_t i = 0; i < n; i++)
		memcpy(out + i * r->values * sizeof(float), r->x + rows[i] * r->values, r->values * sizeof(float));
}

static Rows *
make_rows(EcmlCtx *ctx, const Network *net, size_t n, int nclasses)
{
	Rows	   *r = ECML_NEW0(ctx, Rows, 1);
	int32_t    *label = ECML_NEW(ctx, int32_t, n);
	float	   *y = ECML_NEW(ctx, float, n);
	EcmlRng		rng;

	ecml_rng_seed(&rng, 99);
	r->values = net->nodes[0].values;
	r->x = ECML_NEW(ctx, float, n * r->values + NET_SLACK);
	for (size_t i = 0; i < n; i++)
	{
		label[i] = nclasses > 0 ? (int32_t) ecml_rng_below(&rng, nclasses) : 0;
		y[i] = uniform(&rng);
		for (size_t k = 0; k < r->values; k++)
			r->x[i * r->values + k] = uniform(&rng) + 0.5f * (k % 7 == (size_t) label[i]) + 0.5f * (nclasses == 0) * y[i];
	}
	r->rows = (CnnRows)
	{
		.n = n,.floats = true,.fetch = fetch,.arg = r,.nclasses = nclasses,.label = nclasses > 0 ? label : NULL,.y = y
	};
	return r;
}

static const PixelsInput input = {.scale = 1,.std = {1, 1, 1}};

static CnnParams
params_of(int batch)
{
	CnnParams	p = CNN_PARAMS_DEFAULTS;

	p.batch_size = batch;
	p.epochs = 2;
	return p;
}

/* ---- tests */

static void
test_gemm(void)
{
	for (int q = 0; gemm_kernel_number(q); q++)
	{
		const GemmKernel *g = gemm_kernel_number(q);
		EcmlRng		rng;
		double		worst = 0;

		ecml_rng_seed(&rng, 3);
		for (int trial = 0; trial < 60; trial++)
		{
			size_t		m = 1 + ecml_rng_below(&rng, 40);
			size_t		n = 1 + ecml_rng_below(&rng, 70);
			size_t		k = 1 + ecml_rng_below(&rng, trial % 10 == 0 ? 900 : 50);
			float	   *a = malloc((m * k + GEMM_SLACK) * 4);
			float	   *b = malloc((k * n + GEMM_SLACK) * 4);
			float	   *bias = malloc((n + GEMM_SLACK) * 4);
			float	   *c[3];
			float	   *packed = malloc(gemm_packed_size(g, k, n) * 4);
			float	   *turned = malloc((m * k + GEMM_SLACK) * 4);

			for (size_t i = 0; i < m * k; i++)
				a[i] = uniform(&rng);
			for (size_t i = 0; i < k * n; i++)
				b[i] = uniform(&rng);
			for (size_t i = 0; i < n; i++)
				bias[i] = uniform(&rng);
			for (size_t i = 0; i < m; i++)
				for (size_t p = 0; p < k; p++)
					turned[p * m + i] = a[i * k + p];
			for (int v = 0; v < 3; v++)
			{
				c[v] = malloc(m * n * 4);
				for (size_t i = 0; i < m * n; i++)
					c[v][i] = 1;
			}
			gemm_pack(g, k, n, b, n, 1, packed);
			gemm_packed(g, m, n, k, a, k, packed, c[0], n, bias, false);
			gemm_plain(g, m, k, a, k, b, n, c[1], n, 0, n, bias, false);
			gemm_transposed(g, m, n, k, turned, m, b, n, c[2], n, true);
			for (size_t i = 0; i < m; i++)
				for (size_t j = 0; j < n; j++)
				{
					double		sum = 0;

					for (size_t p = 0; p < k; p++)
						sum += (double) a[i * k + p] * b[p * n + j];
					worst = fmax(worst, fabs(c[0][i * n + j] - sum - bias[j]));
					worst = fmax(worst, fabs(c[1][i * n + j] - sum - bias[j]));
					worst = fmax(worst, fabs(c[2][i * n + j] - sum - 1));
				}
			for (int v = 0; v < 3; v++)
				free(c[v]);
			free(turned);
			free(packed);
			free(bias);
			free(b);
			free(a);
		}
		ok(worst < 2e-4, "products of matrices for %s (largest error %.1e)", g->name, worst);
	}
}

/* Convolutions in parts, of whole rows, and as a whole: the same bits. */
static void
test_parts(void)
{
	static const struct
	{
		int			side;
		int			channels;
		int			filters;
		int			stride;
		NetPadding	padding;
	}			cases[] = {{17, 3, 20, 1, NET_SAME}, {21, 5, 32, 2, NET_SAME}, {9, 32, 40, 1, NET_SAME}, {8, 16, 33, 1, NET_VALID}, {6, 20, 8, 1, NET_SAME}};

	for (size_t q = 0; q < sizeof(cases) / sizeof(cases[0]); q++)
	{
		EcmlCtx    *ctx = test_ctx(1, q);
		Network    *net = net_create(ctx, cases[q].side, cases[q].side + 1, cases[q].channels);
		int			at = add(ctx, net, conv(0, cases[q].filters, 3, cases[q].stride, cases[q].padding, NET_LINEAR));
		const NetNode *node = &net->nodes[at];
		const size_t images = 3;
		const size_t rows = images * node->height;
		const GemmKernel *g = gemm_kernel();
		ConvShape	s;
		float	   *x = ECML_NEW0(ctx, float, images * net->nodes[0].values + NET_SLACK);
		float	   *whole = ECML_NEW0(ctx, float, images * node->values + NET_SLACK);
		float	   *parts = ECML_NEW0(ctx, float, images * node->values + NET_SLACK);
		float	   *packed;
		float	   *scratch;
		EcmlRng		rng;

		net_finish(ctx, net);
		s = conv_shape(node, &net->nodes[0]);
		ecml_rng_seed(&rng, q);
		net_initialize(net, 1, true, &rng);
		for (size_t i = 0; i < images * net->nodes[0].values; i++)
			x[i] = uniform(&rng);
		packed = ECML_NEW0(ctx, float, conv_forward_packed(&s, g));
		scratch = ECML_NEW0(ctx, float, conv_scratch(&s, g));
		conv_pack_forward(&s, g, net->weights, packed);
		conv_forward(&s, g, x, net->weights, packed, net->weights + node->bias_at, whole, 0, rows * node->width, scratch, NULL, NULL);
		for (size_t from = 0; from < rows;)
		{
			size_t		to = from + 1 + ecml_rng_below(&rng, 5);

			to = to < rows ? to : rows;
			conv_forward(&s, g, x, net->weights, packed, net->weights + node->bias_at, parts, from * node->width, to * node->width, scratch, NULL,
						 NULL);
			from = to;
		}
		ok(memcmp(whole, parts, images * node->values * sizeof(float)) == 0, "%d x %d channels to %d filters: in parts the same bits", node->height,
		   cases[q].channels, cases[q].filters);
		test_ctx_free(ctx);
	}
}

static void
test_forward(int which)
{
	EcmlCtx    *ctx = test_ctx(3, 1);
	Network    *net = build(ctx, which);
	size_t		images = 5;
	Rows	   *r = make_rows(ctx, net, images, nets[which].nclasses);
	Reference	reference = reference_create(net, images);
	const double *want = reference_run(&reference, r->x);
	Network    *forms[3] = {net, net_fold(ctx, net), net_join(ctx, net)};

	for (int f = 0; f < 3; f++)
	{
		Runner	   *runner = runner_create(ctx, forms[f], -1);
		float	   *memory = ECML_NEW0(ctx, float, runner_floats(runner, images));
		const float *got = runner_run(runner, r->x, images, memory);
		double		worst = 0;
		double		alone = 0;
		size_t		outputs = net_outputs(net);

		for (size_t i = 0; i < images * outputs; i++)
			worst = fmax(worst, fabs(got[i] - want[i]));
		ok(worst < 1e-5, "%s, %s: outputs as in double precision (largest error %.1e)", nets[which].name,
		   f == 0 ? "as it is" : f == 1 ? "folded" : "joined", worst);
		for (size_t i = 0; i < images; i++)
		{
			const float *one = runner_run_one(runner, ctx, r->x + i * r->values, memory);

			for (size_t c = 0; c < outputs; c++)
				alone = fmax(alone, fabs(one[c] - want[i * outputs + c]));
		}
		ok(alone < 1e-5, "one picture at a time");
	}
	ok(forms[1]->n <= net->n && forms[2]->nweights == net->nweights, "folding leaves no more nodes, joining as many weights");
	reference_free(&reference);
	test_ctx_free(ctx);
}

static void
test_gradient(int which)
{
	EcmlCtx    *ctx = test_ctx(2, 1);
	Network    *net = build(ctx, which);
	size_t		images = 6;
	Rows	   *r = make_rows(ctx, net, images, nets[which].nclasses);
	CnnParams	params = params_of((int) images);
	float	   *gradient = ECML_NEW0(ctx, float, net->nweights + 1);
	double		loss = cnn_gradient(ctx, net, &input, &r->rows, &params, gradient);
	Reference	reference = reference_create(net, images);
	EcmlRng		rng;

	reference.batch = true;
	ecml_rng_seed(&rng, 5);
	close_to(loss, reference_loss(&reference, r->x, r->rows.label, r->rows.y), 1e-4, "%s: loss", nets[which].name);
	for (int i = 1; i < net->n; i++)
	{
		const NetNode *node = &net->nodes[i];
		size_t		trained = node->kind == NET_BATCH_NORMALIZATION ? 2 * (size_t) node->channels : node->nweights;
		double		worst = 0;
		double		size = 0;

		if (node->nweights == 0)
			continue;
		if (node->frozen)
		{
			double		sum = 0;

			for (size_t k = 0; k < node->nweights; k++)
				sum += fabs(gradient[node->weights + k]);
			ok(sum == 0, "%s, %s: frozen", nets[which].name, node->name);
			continue;
		}
		for (size_t k = 0; k < trained; k++)
			size = fmax(size, fabs(gradient[node->weights + k]));
		for (int trial = 0; trial < (net->nweights > 100000 ? 3 : 14); trial++)
		{
			size_t		k = node->weights + (trial < 4 ? trained - 1 - trial % trained : ecml_rng_below(&rng, trained));
			double		before = reference.weights[k];
			double		step = 1e-5;
			double		up;
			double		down;

			reference.weights[k] = before + step;
			up = reference_loss(&reference, r->x, r->rows.label, r->rows.y);
			reference.weights[k] = before - step;
			down = reference_loss(&reference, r->x, r->rows.label, r->rows.y);
			reference.weights[k] = before;
			worst = fmax(worst, fabs((up - down) / (2 * step) - gradient[k]));
		}
		ok(size > 0 && worst < 1e-3 * size + 1e-6, "%s, %s: gradient as differences (largest error %.1e of %.1e)", nets[which].name,
		   node->name, worst, size);
	}
	reference_free(&reference);
	test_ctx_free(ctx);
}

static void
test_training(int which)
{
	float	   *kept[3];
	size_t		n = 0;
	double		first = 0;
	double		last = 0;

	for (int run = 0; run < 3; run++)
	{
		EcmlCtx    *ctx = test_ctx(run == 0 ? 1 : run + 2, 11);
		Network    *net = build(ctx, which);
		Rows	   *r = make_rows(ctx, net, 40, nets[which].nclasses);
		CnnParams	params = params_of(16);
		CnnResult  *result;

		params.epochs = 3;
		params.learning_rate = 0.003;
		params.validation = 0.2;
		params.mixup = run == 2 ? 0 : 0.2;
		params.label_smoothing = 0.05;
		params.weight_decay = 0.01;
		params.clip_norm = run == 2 ? 0 : 5;
		params.optimizer = CNN_ADAMW;
		result = cnn_fit(ctx, net, &input, &r->rows, &params, NULL, NULL);
		n = net->nweights;
		kept[run] = malloc(n * sizeof(float));
		memcpy(kept[run], net->weights, n * sizeof(float));
		if (run == 2)
		{
			first = result->history[0];
			last = result->last.loss;
		}
		test_ctx_free(ctx);
	}
	ok(memcmp(kept[0], kept[1], n * sizeof(float)) == 0, "%s: the same bits with one thread and three", nets[which].name);
	ok(last < first, "%s: training lowers the loss (%.3f to %.3f)", nets[which].name, first, last);
	for (int run = 0; run < 3; run++)
		free(kept[run]);
}

/* Read bytes that may be damaged: 1 refused as that, 0 read, -1 anything else. */
static int
read_damaged(const uint8_t *bytes, size_t size, size_t bound)
{
	EcmlCtx    *ctx = test_ctx(1, 1);
	int			result = 0;

	if (TRY(ctx))
	{
		EcmlReader	r;

		ecml_reader_init(&r, ctx, bytes, size);
		net_read(&r);
		ecml_read_end(&r);
	}
	else
		result = test_host(ctx)->status == ECML_CORRUPTED ? 1 : -1;
	if (ctx->peak > bound)
		result = -1;
	test_ctx_free(ctx);
	return result;
}

static void
test_bytes(int which)
{
	EcmlCtx    *ctx = test_ctx(1, 1);
	Network    *net = build(ctx, which);
	EcmlWriter	w;
	EcmlReader	r;
	Network    *back;
	int			refused = 0;
	EcmlRng		rng;
	bool		fine = true;
	uint8_t    *bytes;
	const int	trials = net->nweights > 100000 ? 60 : 200;

	ecml_writer_init(&w, ctx);
	net_write(&w, net);
	ecml_reader_init(&r, ctx, w.data, w.size);
	back = net_read(&r);
	ecml_read_end(&r);
	ok(back->n == net->n && back->nweights == net->nweights && back->embedding == net->embedding &&
	   memcmp(back->weights, net->weights, net->nweights * sizeof(float)) == 0, "%s: bytes there and back", nets[which].name);
	ecml_rng_seed(&rng, 1);
	bytes = malloc(w.size);
	for (int trial = 0; trial < trials; trial++)
	{
		size_t		size = trial % 4 == 0 ? ecml_rng_below(&rng, w.size) : w.size;
		size_t		head = w.size - net->nweights * sizeof(float);
		int			result;

		memcpy(bytes, w.data, w.size);
		for (int k = 0; k < 1 + trial % 3; k++)
			bytes[ecml_rng_below(&rng, head)] = (uint8_t) ecml_rng_next(&rng);
		/* nodes are larger in memory than in bytes, by some hundreds */
		result = read_damaged(bytes, size, 100 * w.size + 100000);
		fine &= result >= 0;
		refused += result == 1;
	}
	free(bytes);
	ok(refused > trials / 4 && fine, "%s: damaged bytes are refused as such (%d of %d), and take little memory", nets[which].name,
	   refused, trials);
	test_ctx_free(ctx);
}

static void
refuses(const char *what, Network *(*make) (EcmlCtx *ctx), const char *message)
{
	EcmlCtx    *ctx = test_ctx(1, 1);

	if (TRY(ctx))
	{
		make(ctx);
		ok(false, "%s: refused", what);
	}
	else
		ok(strstr(test_host(ctx)->message, message) != NULL && ctx->hint[0] != '\0', "%s: %s (%s)", what, test_host(ctx)->message,
		   ctx->hint);
	test_ctx_free(ctx);
}

static Network *
bad_kernel(EcmlCtx *ctx)
{
	Network    *net = net_create(ctx, 4, 4, 1);

	add(ctx, net, conv(0, 3, 5, 1, NET_VALID, NET_RELU));
	return net;
}

static Network *
bad_groups(EcmlCtx *ctx)
{
	Network    *net = net_create(ctx, 4, 4, 3);
	NetNode		node = conv(0, 4, 3, 1, NET_SAME, NET_RELU);

	node.groups = 2;
	add(ctx, net, node);
	return net;
}

static Network *
bad_add(EcmlCtx *ctx)
{
	Network    *net = net_create(ctx, 4, 4, 3);
	int			i = add(ctx, net, conv(0, 4, 3, 1, NET_SAME, NET_RELU));

	add(ctx, net, pair(NET_ADD, 0, i, NET_LINEAR));
	return net;
}

static Network *
bad_size(EcmlCtx *ctx)
{
	Network    *net = net_create(ctx, 1000, 1000, 3);
	int			i = add(ctx, net, plain(NET_FLATTEN, 0, NET_LINEAR));

	add(ctx, net, dense(i, 1000, NET_RELU));
	return net;
}

static Network *
bad_reshape(EcmlCtx *ctx)
{
	Network    *net = net_create(ctx, 4, 4, 3);
	NetNode		node = plain(NET_RESHAPE, 0, NET_LINEAR);

	node.shape[0] = 5;
	node.shape[1] = 1;
	node.shape[2] = -1;
	add(ctx, net, node);
	return net;
}

/* Train with memory that fails, or a cancel, at the k-th place: 1 as it should, 0 it was not reached, -1 anything else. */
static int
train_failing(int kind, long k)
{
	EcmlCtx    *ctx = test_ctx(2, 1);
	int			result = 0;

	if (kind == 0)
		test_host(ctx)->fail_after = k;
	else
		test_host(ctx)->cancel_after = k;
	if (TRY(ctx))
	{
		Network    *net = build(ctx, 3);
		Rows	   *r = make_rows(ctx, net, 20, 2);
		CnnParams	params = params_of(8);

		cnn_fit(ctx, net, &input, &r->rows, &params, NULL, NULL);
	}
	else
		result = kind == 0 ? (test_host(ctx)->status == ECML_OUT_OF_MEMORY ? 1 : -1) : test_host(ctx)->cancelled ? 1 : -1;
	test_ctx_free(ctx);
	return result;
}

static void
test_failures(void)
{
	EcmlCtx    *ctx;

	for (int kind = 0; kind < 2; kind++)
	{
		long		k = 0;
		int			result;

		while ((result = train_failing(kind, k)) == 1)
			k += kind == 0 ? 5 : 3;
		ok(result == 0 && k > 10, kind == 0 ? "memory that fails in any of %ld allocations" : "a cancel at any of %ld polls", k);
	}

	/* a budget that is too small is refused before the first step, with the amount */
	ctx = test_ctx(2, 1);
	ctx->budget = 400000;
	if (TRY(ctx))
	{
		Network    *net = build(ctx, 0);
		Rows	   *r = make_rows(ctx, net, 20, 5);
		CnnParams	params = params_of(20);

		ctx->budget = ctx->used + 150000;
		cnn_fit(ctx, net, &input, &r->rows, &params, NULL, NULL);
		ok(false, "a small budget is refused");
	}
	else
		ok(test_host(ctx)->status == ECML_LIMIT_EXCEEDED && strstr(test_host(ctx)->message, "does not fit into memory"), "a small budget is refused: %s", test_host(ctx)->message);
	test_ctx_free(ctx);
}

static void
test_early_stopping(void)
{
	EcmlCtx    *ctx = test_ctx(2, 3);
	Network    *net = build(ctx, 0);
	Rows	   *r = make_rows(ctx, net, 60, 5);
	CnnParams	params = params_of(16);
	CnnResult  *result;
	int			best = 0;

	params.epochs = 60;
	params.validation = 0.3;
	params.patience = 3;
	params.optimizer = CNN_SGD;
	params.nesterov = true;
	params.learning_rate = 0.05;
	params.schedule = CNN_CONSTANT;
	result = cnn_fit(ctx, net, &input, &r->rows, &params, NULL, NULL);
	for (int e = 1; e < result->epochs; e++)
		if (result->history[4 * e + 2] < result->history[4 * best + 2])
			best = e;
	ok(result->epochs < 60 && result->last.epoch == best + 1, "early stopping ends in epoch %d and keeps the best, %d",
	   result->epochs, best + 1);
	ok(result->valid == 18 && result->train == 42, "the validation's part");
	test_ctx_free(ctx);
}

int
main(void)
{
	test_gemm();
	test_parts();
	for (int i = 0; i < NETS; i++)
	{
		test_forward(i);
		test_gradient(i);
		test_training(i);
		test_bytes(i);
	}
	refuses("a kernel that is too large", bad_kernel, "layer 1 (conv2d): the kernel is larger");
	refuses("groups", bad_groups, "layer 1 (conv2d): the groups");
	refuses("sums of different shapes", bad_add, "layer 2 (add): its inputs");
	refuses("too many weights", bad_size, "layer 2 (dense) has too many weights");
	refuses("a shape", bad_reshape, "layer 1 (reshape): the shape");
	test_failures();
	test_early_stopping();
	return done();
}
