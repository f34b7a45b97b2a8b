/*
 * cnn_serve_sql.c - a network at work: classes, probabilities, embeddings, heat maps
 *
 * What a call needs is made once per query: working memory of the runner, and bytes of the input.  Decoding has a memory context
 * that is emptied after each picture.
 */
#include "image/cnn_sql.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "core/guc.h"
#include "core/result.h"
#include "image/cnn_serve_sql.h"

typedef struct Served
{
	MemoryContext work;			/* emptied after each picture */
	EcmlCtx		ctx;			/* on it */
	EcmlServerHost host;
	float	   *memory;			/* the runner's */
	float	   *x;				/* [values] */
	uint8_t    *bytes;			/* [row_bytes] */
} Served;

static void *
aligned(MemoryContext context, size_t size)
{
	return (void *) TYPEALIGN(ECML_ALIGN, MemoryContextAllocHuge(context, size + ECML_ALIGN));
}

const CnnModel *
cnn_serve_network(const EcmlServing *serving, const char *function)
{
	const EcmlModel *model = serving->model;

	if (model->algorithm->own == NULL || model->algorithm->own->predict != cnn_serve_predict)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s needs a network of pictures", function),
				 errdetail("The model's algorithm is %s.", model->algorithm->name),
				 errhint("Train one with ecml_train(model, 'cnn', source, target), or import one with ecml_import_onnx.")));
	return model->fitted;
}

static Served *
served_of(EcmlServing *serving, const CnnModel *fitted)
{
	Served	   *served = serving->extra;
	size_t		floats;
	size_t		row = cnn_row_bytes(fitted);

	if (served == NULL)
	{
		floats = runner_floats(fitted->runner, 1) + fitted->net->nodes[0].values + 2 * NET_SLACK;
		if (floats * sizeof(float) + row > (size_t) ecml_guc_work_mem * 1024)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("the network does not fit into memory"),
					 errdetail("For one picture it needs %.0f MB; the limit is %.0f MB.", (floats * sizeof(float) + row) / 1e6,
							   ecml_guc_work_mem / 1e3),
					 errhint("Raise the setting ecml.work_mem.")));
		served = MemoryContextAllocZero(serving->model_context, sizeof(Served));
		served->work = AllocSetContextCreate(serving->model_context, "ecml picture", ALLOCSET_DEFAULT_SIZES);
		served->x = aligned(serving->model_context, (fitted->net->nodes[0].values + NET_SLACK) * sizeof(float));
		memset(served->x, 0, (fitted->net->nodes[0].values + NET_SLACK) * sizeof(float));
		served->memory = aligned(serving->model_context, (runner_floats(fitted->runner, 1) + NET_SLACK) * sizeof(float));
		memset(served->memory, 0, (runner_floats(fitted->runner, 1) + NET_SLACK) * sizeof(float));
		served->bytes = aligned(serving->model_context, row + NET_SLACK);
		serving->extra = served;
	}
	ecml_host_init(&served->ctx, &served->host, served->work, (size_t) ecml_guc_work_mem * 1024, 0);
	return served;
}

static void
wrong_picture(const CnnModel *fitted, Oid type, int narguments)
{
	static const char *const wanted[] = {"bytea: an encoded picture (JPEG, PNG, WebP, GIF)", "bytea: raw bytes", "an array of numbers"};

	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("the model wants one picture"),
			 narguments != 1 ? errdetail("There are %d arguments after the model.", narguments) :
			 errdetail("The argument's type is %s.", format_type_be(type)),
			 errhint("Give %s.", wanted[fitted->source])));
}

/* The picture of an argument to the network's input, served->x; false: NULL. */
static bool
read_picture(EcmlServing *serving, Served *served, const CnnModel *fitted, FunctionCallInfo fcinfo, int argument, Oid type)
{
	const NetNode *in = &fitted->net->nodes[0];
	CnnSource	kind;

	if (PG_ARGISNULL(argument))
		return false;
	if (!cnn_source_of(type, fitted->source == CNN_BYTES, &kind) || kind != fitted->source)
		wrong_picture(fitted, type, 1);
	if (kind == CNN_NUMBERS)
		cnn_array_floats(PG_GETARG_DATUM(argument), type, in->values, (float *) served->bytes);
	else
	{
		bytea	   *bytes = PG_GETARG_BYTEA_PP(argument);
		size_t		n = VARSIZE_ANY_EXHDR(bytes);

		if (kind == CNN_PICTURE)
		{
			pixels_input_decode(&served->ctx, &fitted->input, VARDATA_ANY(bytes), n, served->bytes);
			MemoryContextReset(served->work);
			ecml_host_init(&served->ctx, &served->host, served->work, (size_t) ecml_guc_work_mem * 1024, 0);
		}
		else if (n != in->values)
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("a picture has another number of bytes"),
					 errdetail("It has %zu, the model's %d x %d x %d.", n, in->height, in->width, in->channels),
					 errhint("Give the bytes row by row, channels innermost.")));
		else
			memcpy(served->bytes, VARDATA_ANY(bytes), n);
		if ((Pointer) bytes != DatumGetPointer(PG_GETARG_DATUM(argument)))
			pfree(bytes);
	}
	cnn_floats(fitted, served->bytes, served->x);
	return true;
}

bool
cnn_serve_predict(EcmlServing *serving, FunctionCallInfo fcinfo, int first, double *out)
{
	const CnnModel *fitted = serving->model->fitted;
	Served	   *served = served_of(serving, fitted);
	Oid			type = get_fn_expr_argtype(fcinfo->flinfo, first);

	if (PG_NARGS() != first + 1)
		wrong_picture(fitted, type, PG_NARGS() - first);
	if (!read_picture(serving, served, fitted, fcinfo, first, type))
		return false;
	cnn_answer(fitted, serving->model->schema->nclasses, runner_run_one(fitted->runner, &served->ctx, served->x, served->memory),
			   out);
	return true;
}

/* ecml_image_classify(model, picture, n int): rows label, probability */
ECML_MODEL_FUNCTION(ecml_image_classify)
{
	EcmlRows   *rows = ecml_rows_begin(fcinfo);
	EcmlServing *serving = ecml_serving(fcinfo, by_name);
	const CnnModel *fitted;
	const EcmlSchema *schema;
	Served	   *served;
	double	   *p;
	bool	   *told;
	int			n = PG_ARGISNULL(2) ? 5 : PG_GETARG_INT32(2);

	if (serving == NULL)
		return (Datum) 0;
	fitted = cnn_serve_network(serving, "ecml_image_classify");
	schema = serving->model->schema;
	if (schema->nclasses == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the model does not classify"),
				 errdetail("Its task is regression."),
				 errhint("Use ecml_predict.")));
	if (n < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("n must be at least 1"),
				 errdetail("It is %d.", n),
				 errhint("n is the number of labels to tell, the most probable first.")));
	served = served_of(serving, fitted);
	if (!read_picture(serving, served, fitted, fcinfo, 1, get_fn_expr_argtype(fcinfo->flinfo, 1)))
		return (Datum) 0;
	p = palloc(schema->nclasses * sizeof(double));
	told = palloc0(schema->nclasses * sizeof(bool));
	cnn_answer(fitted, schema->nclasses, runner_run_one(fitted->runner, &served->ctx, served->x, served->memory), p);
	for (int i = 0; i < Min(n, schema->nclasses); i++)
	{
		Datum		values[2];
		bool		nulls[2] = {false};
		int			best = -1;

		for (int c = 0; c < schema->nclasses; c++)
			if (!told[c] && (best < 0 || p[c] > p[best]))
				best = c;
		told[best] = true;
		values[0] = CStringGetTextDatum(schema->classes[best]);
		values[1] = Float8GetDatum(p[best]);
		ecml_rows_add(rows, values, nulls);
	}
	return (Datum) 0;
}

bool
cnn_serve_embedding(EcmlServing *serving, FunctionCallInfo fcinfo, int argument, float *out)
{
	const CnnModel *fitted = serving->model->fitted;
	Served	   *served = served_of(serving, fitted);

	if (!read_picture(serving, served, fitted, fcinfo, argument, get_fn_expr_argtype(fcinfo->flinfo, argument)))
		return false;
	(void) runner_run_one(fitted->runner, &served->ctx, served->x, served->memory);
	cnn_embedding(fitted, runner_kept(fitted->runner, 1, served->memory, served->x), out);
	return true;
}

/* ecml_image_embedding(model, picture): float4[], of length 1 */
ECML_MODEL_FUNCTION(ecml_image_embedding)
{
	EcmlServing *serving = ecml_serving(fcinfo, by_name);
	ArrayType  *result;
	int			n;

	if (serving == NULL)
		PG_RETURN_NULL();
	n = (int) cnn_embedding_size(cnn_serve_network(serving, "ecml_image_embedding"));
	result = palloc0(ARR_OVERHEAD_NONULLS(1) + n * sizeof(float));
	SET_VARSIZE(result, ARR_OVERHEAD_NONULLS(1) + n * sizeof(float));
	result->ndim = 1;
	result->elemtype = FLOAT4OID;
	ARR_DIMS(result)[0] = n;
	ARR_LBOUND(result)[0] = 1;
	if (!cnn_serve_embedding(serving, fcinfo, 1, (float *) ARR_DATA_PTR(result)))
		PG_RETURN_NULL();
	PG_RETURN_ARRAYTYPE_P(result);
}

/* ---- heat map */

#define SHOWN_SIDE 224			/* smaller pictures are shown larger */

/* from blue by green and yellow to red */
static void
heat_color(float v, float rgb[3])
{
	static const float stops[5][3] = {{30, 60, 180}, {30, 170, 200}, {90, 200, 80}, {250, 210, 40}, {220, 40, 30}};
	float		at = v * 4;
	int			k = at >= 4 ? 3 : (int) at;

	for (int c = 0; c < 3; c++)
		rgb[c] = stops[k][c] + (at - k) * (stops[k + 1][c] - stops[k][c]);
}

/* between the middles of cells */
static float
heat_at(const float *heat, int height, int width, double y, double x)
{
	int			y0 = (int) floor(y);
	int			x0 = (int) floor(x);
	double		fy = y - y0;
	double		fx = x - x0;
	double		sum = 0;

	for (int k = 0; k < 4; k++)
	{
		int			yy = Min(Max(y0 + k / 2, 0), height - 1);
		int			xx = Min(Max(x0 + k % 2, 0), width - 1);

		sum += (k / 2 ? fy : 1 - fy) * (k % 2 ? fx : 1 - fx) * heat[yy * width + xx];
	}
	return (float) sum;
}

/* ecml_image_explain(model, picture, class text): bytea, a PNG */
ECML_MODEL_FUNCTION(ecml_image_explain)
{
	EcmlServing *serving = ecml_serving(fcinfo, by_name);
	const CnnModel *fitted;
	const EcmlSchema *schema;
	const NetNode *in;
	Served	   *served;
	int			class = 0;
	int			height;
	int			width;
	int			times;
	float	   *heat;
	EcmlPixels	picture;
	bytea	   *result;
	uint8_t    *png;
	size_t		size;

	if (serving == NULL)
		PG_RETURN_NULL();
	fitted = cnn_serve_network(serving, "ecml_image_explain");
	schema = serving->model->schema;
	in = &fitted->net->nodes[0];
	served = served_of(serving, fitted);
	if (!read_picture(serving, served, fitted, fcinfo, 1, get_fn_expr_argtype(fcinfo->flinfo, 1)))
		PG_RETURN_NULL();
	if (schema->nclasses > 0 && !PG_ARGISNULL(2))
	{
		char	   *label = text_to_cstring(PG_GETARG_TEXT_PP(2));

		while (class < schema->nclasses && strcmp(schema->classes[class], label) != 0)
			class++;
		if (class == schema->nclasses)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("the model does not know the class \"%s\"", label),
					 errdetail("It has %d classes.", schema->nclasses),
					 errhint("Leave it NULL for the most probable one.")));
	}
	else if (schema->nclasses > 0)
	{
		double	   *p = palloc(schema->nclasses * sizeof(double));

		cnn_answer(fitted, schema->nclasses, runner_run_one(fitted->runner, &served->ctx, served->x, served->memory), p);
		class = ecml_model_class(serving->model, p);
	}
	heat = cnn_heat(&served->ctx, fitted, served->x, class, &height, &width);
	times = Max(1, SHOWN_SIDE / Max(in->height, in->width));
	picture.height = in->height * times;
	picture.width = in->width * times;
	picture.channels = 3;
	picture.data = ecml_alloc_array(&served->ctx, (size_t) picture.height * picture.width, 3);
	for (int y = 0; y < picture.height; y++)
	{
		CHECK_FOR_INTERRUPTS();
		for (int x = 0; x < picture.width; x++)
		{
			float		v = heat_at(heat, height, width, (y + 0.5) * height / picture.height - 0.5,
									(x + 0.5) * width / picture.width - 0.5);
			size_t		place = ((size_t) (y / times) * in->width + x / times) * in->channels;
			float		rgb[3];

			heat_color(v, rgb);
			for (int c = 0; c < 3; c++)
			{
				size_t		at = place + (in->channels >= 3 ? (fitted->input.bgr ? 2 - c : c) : 0);
				float		shown;

				if (fitted->source == CNN_NUMBERS)
					shown = 128 + 64 * served->x[at];
				else
					shown = served->bytes[at];
				shown = (1 - 0.55f * v) * shown + 0.55f * v * rgb[c];
				picture.data[((size_t) y * picture.width + x) * 3 + c] = (uint8_t) Min(Max(shown, 0.0f), 255.0f);
			}
		}
	}
	png = pixels_encode(&served->ctx, &picture, PIXELS_PNG, 0, &size);
	result = palloc(VARHDRSZ + size);
	SET_VARSIZE(result, VARHDRSZ + size);
	memcpy(VARDATA(result), png, size);
	MemoryContextReset(served->work);
	PG_RETURN_BYTEA_P(result);
}

/* ---- what it costs */

#define WORK_OF_COST 1000		/* additions and multiplications in what COST counts, about 25 nanoseconds */
#define DECODING 10000			/* of an encoded picture: some 100 microseconds and more */

double
cnn_serve_cost(const EcmlModel *model)
{
	const CnnModel *fitted = model->fitted;
	double		work = 0;

	for (int i = 1; i < fitted->served->n; i++)
		work += fitted->served->nodes[i].work;
	return 1 + work / WORK_OF_COST + (fitted->source == CNN_PICTURE ? DECODING : 0);
}

/* ---- the summary */

static char *
shape_text(const NetNode *node)
{
	if (node->height == 1 && node->width == 1)
		return psprintf("(%d)", node->channels);
	return psprintf("(%d, %d, %d)", node->height, node->width, node->channels);
}

static char *
kind_text(const NetNode *node)
{
	if (node->kind == NET_ACTIVATION)
		return pstrdup(net_activation_name(node->activation));
	if (node->kind == NET_CONV2D || node->kind == NET_MAX_POOLING2D || node->kind == NET_AVERAGE_POOLING2D)
		return psprintf("%s %dx%d%s%s%s", net_kind_name(node->kind), node->kernel[0], node->kernel[1],
						node->stride[0] > 1 || node->stride[1] > 1 ? psprintf("/%d", node->stride[0]) : "",
						node->groups > 1 ? psprintf(" in %d groups", node->groups) : "",
						node->activation != NET_LINEAR ? psprintf(", %s", net_activation_name(node->activation)) : "");
	return node->activation == NET_LINEAR ? pstrdup(net_kind_name(node->kind)) :
		psprintf("%s, %s", net_kind_name(node->kind), net_activation_name(node->activation));
}

void
cnn_serve_describe(const EcmlModel *model, EcmlJson *json)
{
	const CnnModel *fitted = model->fitted;
	const Network *net = fitted->net;
	static const char *const sources[] = {"picture", "bytes", "numbers"};
	StringInfoData text;
	size_t		trainable = 0;
	double		work = 0;

	for (int i = 1; i < net->n; i++)
	{
		work += net->nodes[i].work;
		if (!net->nodes[i].frozen)
			trainable += net->nodes[i].kind == NET_BATCH_NORMALIZATION ? net->nodes[i].nweights / 2 : net->nodes[i].nweights;
	}
	if (model->schema->nclasses > 0)
		ecml_json_strings(json, "classes", (const char *const *) model->schema->classes, model->schema->nclasses);
	ecml_json_open_object(json, "input");
	ecml_json_string(json, "kind", sources[fitted->source]);
	ecml_json_string(json, "column", fitted->column[0] ? fitted->column : NULL);
	ecml_json_int(json, "height", net->nodes[0].height);
	ecml_json_int(json, "width", net->nodes[0].width);
	ecml_json_int(json, "channels", net->nodes[0].channels);
	ecml_json_close_object(json);
	ecml_json_int(json, "parameters", net->nweights);
	ecml_json_int(json, "trainable_parameters", trainable);
	ecml_json_number(json, "mflop", rint(work / 1e4) / 100);
	ecml_json_open_array(json, "layers");
	initStringInfo(&text);
	appendStringInfo(&text, "%-30s %-34s %-18s %12s  %s\n", "Layer", "Kind", "Output", "Parameters", "From");
	for (int i = 0; i < net->n; i++)
	{
		const NetNode *node = &net->nodes[i];
		StringInfoData from;
		double		shape[3] = {node->height, node->width, node->channels};
		bool		vector = node->height == 1 && node->width == 1;

		initStringInfo(&from);
		ecml_json_open_object(json, NULL);
		ecml_json_string(json, "name", node->name);
		ecml_json_string(json, "kind", kind_text(node));
		ecml_json_numbers(json, "output", vector ? shape + 2 : shape, vector ? 1 : 3);
		ecml_json_int(json, "parameters", node->nweights);
		ecml_json_open_array(json, "from");
		for (int k = 0; k < node->ninputs; k++)
		{
			ecml_json_string(json, NULL, net->nodes[node->inputs[k]].name);
			if (node->ninputs > 1 || node->inputs[k] != i - 1)
				appendStringInfo(&from, "%s%s", from.len > 0 ? ", " : "", net->nodes[node->inputs[k]].name);
		}
		ecml_json_close_array(json);
		if (node->frozen)
			ecml_json_bool(json, "frozen", true);
		ecml_json_close_object(json);
		appendStringInfo(&text, "%-30s %-34s %-18s %12zu%s%s%s\n", node->name, kind_text(node), shape_text(node), node->nweights,
						 node->frozen ? "  frozen" : "", from.len > 0 ? "  " : "", from.data);
	}
	ecml_json_close_array(json);
	appendStringInfo(&text, "Parameters: %zu, trained: %zu\n", net->nweights, trainable);
	ecml_json_string(json, "summary", text.data);
}
