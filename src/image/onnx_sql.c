/*
 * onnx_sql.c - ecml_import_onnx: a network that was trained elsewhere becomes a model of algorithm cnn
 *
 * From then on it is a model like one trained here: served, evaluated, granted, dumped, and trained further (ecml_train with the
 * options warm_start or transfer).
 */
#include "core/compat.h"

#include <math.h>

#include "miscadmin.h"
#include "portability/instr_time.h"
#include "utils/memutils.h"

#include "core/catalog.h"
#include "core/guc.h"
#include "core/json.h"
#include "core/result.h"
#include "core/trainer.h"
#include "image/cnn.h"
#include "image/fit.h"
#include "image/image_sql.h"
#include "image/onnx.h"

static const char *const fit_names[] = {"stretch", "crop", "letterbox", NULL};	/* as PixelsFit */
static const char *const preprocess_names[] = {"auto", "unit", "imagenet", "tensorflow", "caffe", "none", NULL};
static const char *const order_names[] = {"rgb", "bgr", NULL};
static const char *const finish_names[] = {"auto", "softmax", "sigmoid", "none", NULL};	/* as OnnxFinish */
static const char *const task_names[] = {"classification", "regression", NULL};

enum
{
	PREPROCESS_AUTO,			/* none for a network of bytes, else unit */
	PREPROCESS_UNIT,			/* to 0 .. 1 */
	PREPROCESS_IMAGENET,		/* to 0 .. 1, less the mean and over the deviation of ImageNet's colours; as torchvision */
	PREPROCESS_TENSORFLOW,		/* to -1 .. 1 */
	PREPROCESS_CAFFE,			/* blue first, less ImageNet's mean, 0 .. 255 */
	PREPROCESS_NONE				/* 0 .. 255 */
};

typedef struct ImportOptions
{
	int			width;
	int			height;
	int			preprocess;
	int			fit;
	int			filter;
	double		crop;
	int			order;
	EcmlNumberList scale;
	EcmlNumberList mean;
	EcmlNumberList std;
	char	   *background;
	Jsonb	   *labels;
	char	   *target;
	char	   *output;
	int			finish;
	int			task;
} ImportOptions;

static const ImportOptions defaults = {
	.fit = PIXELS_CROP,.filter = PIXELS_BILINEAR,.crop = 1,.order = -1,.scale = {-1},.mean = {-1},.std = {-1}
};

static const EcmlOption options_list[] = {
	ECML_OPT_INT(ImportOptions, width, "width", 0, NET_MAX_SIDE),
	ECML_OPT_INT(ImportOptions, height, "height", 0, NET_MAX_SIDE),
	ECML_OPT_LIST(ImportOptions, labels, "labels"),
	ECML_OPT_TEXT(ImportOptions, target, "target"),
	ECML_OPT_ENUM(ImportOptions, task, "task", task_names),
	ECML_OPT_ENUM(ImportOptions, preprocess, "preprocess", preprocess_names),
	ECML_OPT_NUMBERS(ImportOptions, scale, "scale", 1e-9, 1e9),
	ECML_OPT_NUMBERS(ImportOptions, mean, "mean", -1e9, 1e9),
	ECML_OPT_NUMBERS(ImportOptions, std, "std", 1e-9, 1e9),
	ECML_OPT_ENUM(ImportOptions, order, "channel_order", order_names),
	ECML_OPT_ENUM(ImportOptions, fit, "fit", fit_names),
	ECML_OPT_ENUM(ImportOptions, filter, "filter", image_filter_names),
	ECML_OPT_FLOAT(ImportOptions, crop, "crop", 0.02, 1),
	ECML_OPT_TEXT(ImportOptions, background, "background"),
	ECML_OPT_TEXT(ImportOptions, output, "output"),
	ECML_OPT_ENUM(ImportOptions, finish, "activation", finish_names),
	ECML_OPT_END
};

/* One number for all channels, or one for each. */
static void
set_channels(const EcmlNumberList *list, const char *name, int channels, float *v)
{
	if (list->n < 0)
		return;
	if (list->n != 1 && list->n != channels)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid value for option \"%s\" of ecml_import_onnx", name),
				 errdetail("It has %d numbers; the network's input has %d channels.", list->n, channels),
				 errhint("Give one number, or one for each channel.")));
	for (int c = 0; c < 3; c++)
		v[c] = (float) list->v[list->n == 1 ? 0 : Min(c, list->n - 1)];
}

/* How pictures become the network's input. */
static void
make_input(const ImportOptions *o, const OnnxAbout *about, PixelsInput *input)
{
	static const float imagenet_mean[3] = {0.485f, 0.456f, 0.406f};
	static const float imagenet_std[3] = {0.229f, 0.224f, 0.225f};
	static const float caffe_mean[3] = {103.939f, 116.779f, 123.68f};
	int			preprocess = o->preprocess;
	const char *wrong;

	*input = (PixelsInput) PIXELS_INPUT_DEFAULTS;
	input->width = about->width;
	input->height = about->height;
	input->channels = about->channels;
	input->fit = (PixelsFit) o->fit;
	input->filter = (PixelsFilter) o->filter;
	input->crop = (float) o->crop;
	if (preprocess == PREPROCESS_AUTO)
		preprocess = about->bytes ? PREPROCESS_NONE : PREPROCESS_UNIT;
	switch (preprocess)
	{
		case PREPROCESS_IMAGENET:
			memcpy(input->mean, imagenet_mean, sizeof(imagenet_mean));
			memcpy(input->std, imagenet_std, sizeof(imagenet_std));
			break;
		case PREPROCESS_TENSORFLOW:
			for (int c = 0; c < 3; c++)
				input->mean[c] = input->std[c] = 0.5f;
			break;
		case PREPROCESS_CAFFE:
			input->scale = 1;
			input->bgr = true;
			memcpy(input->mean, caffe_mean, sizeof(caffe_mean));
			break;
		case PREPROCESS_NONE:
			input->scale = 1;
			break;
	}
	if (o->scale.n >= 0)
		input->scale = (float) o->scale.v[0];
	set_channels(&o->mean, "mean", about->channels, input->mean);
	set_channels(&o->std, "std", about->channels, input->std);
	if (o->order >= 0)
		input->bgr = o->order == 1;
	if (o->background)
		image_color(o->background, input->background);
	wrong = pixels_input_check(input);
	if (wrong)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the network's input is impossible"),
				 errdetail("It is of %d x %d pixels.", input->width, input->height),
				 errhint("Rule: %s.", wrong)));
}

static int
compare_labels(const void *a, const void *b)
{
	return strcmp(*(char *const *) a, *(char *const *) b);
}

/* The classes in the order of the network's outputs: as given, or numbers from 0. */
static char **
make_labels(const ImportOptions *o, int nclasses)
{
	char	  **labels = palloc(nclasses * sizeof(char *));
	char	  **sorted;
	int			given = o->labels ? (int) JB_ROOT_COUNT(o->labels) : nclasses;

	if (given != nclasses)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid value for option \"labels\" of ecml_import_onnx"),
				 errdetail("There are %d labels; the network has %d classes.", given, nclasses),
				 errhint("Give one for each class, in the order of the network's outputs.")));
	for (int i = 0; i < nclasses; i++)
	{
		JsonbValue *label = o->labels ? getIthJsonbValueFromContainer(&o->labels->root, i) : NULL;

		labels[i] = label ? pnstrdup(label->val.string.val, label->val.string.len) : psprintf("%d", i);
	}
	sorted = palloc(nclasses * sizeof(char *));
	memcpy(sorted, labels, nclasses * sizeof(char *));
	qsort(sorted, nclasses, sizeof(char *), compare_labels);
	for (int i = 1; i < nclasses; i++)
		if (strcmp(sorted[i], sorted[i - 1]) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("invalid value for option \"labels\" of ecml_import_onnx"),
					 errdetail("\"%s\" stands there twice.", sorted[i]),
					 errhint("Each class needs a name of its own.")));
	return labels;
}

static EcmlModel *
import(MemoryContext context, bytea *network, const ImportOptions *o, OnnxAbout *about)
{
	EcmlTraining *training = ecml_training_parse(ecml_algorithm_get("cnn"), NULL, NULL);
	EcmlModel  *model = ecml_model_begin(context, training);
	EcmlOptionSet set = {options_list, (void *) o};
	CnnModel   *fitted;
	OnnxOptions options = {.width = o->width,.height = o->height,.output = o->output,.finish = (OnnxFinish) o->finish};
	EcmlCtx    *ctx = &model->ctx;
	EcmlJson   *json;
	const char *wrong;
	int			nclasses;
	size_t		outputs;

	ctx->budget = (size_t) ecml_guc_work_mem * 1024;
	if (o->task == 1)
		options.finish = o->finish == ONNX_FINISH_AUTO ? ONNX_FINISH_NONE : (OnnxFinish) o->finish;
	fitted = ECML_NEW0(ctx, CnnModel, 1);
	fitted->net = onnx_import(ctx, VARDATA_ANY(network), VARSIZE_ANY_EXHDR(network), &options, about);
	outputs = net_outputs(fitted->net);
	nclasses = o->task == 1 ? 0 : outputs == 1 ? 2 : (int) outputs;
	wrong = cnn_head_problem(fitted->net, nclasses);
	if (wrong)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the network's output does not fit its task"),
				 errdetail("It puts out %zu numbers: %s.", outputs, wrong),
				 errhint("The option \"activation\" (softmax, sigmoid, none) ends it otherwise, \"output\" takes another of its "
						 "outputs, and \"task\" is classification or regression.")));
	make_input(o, about, &fitted->input);
	fitted->column = "";
	fitted->source = CNN_PICTURE;
	fitted->regression = nclasses == 0;
	fitted->scale = 1;
	model->fitted = fitted;
	model->task = nclasses > 0 ? ECML_CLASSIFICATION : ECML_REGRESSION;
	model->options = ecml_options_text(&set, 1);
	if (o->target)
		model->schema->target = o->target;
	model->schema->nclasses = nclasses;
	model->schema->classes = nclasses > 0 ? make_labels(o, nclasses) : NULL;
	json = ecml_json_object();
	ecml_json_int(json, "parameters", (int64) fitted->net->nweights);
	ecml_json_int(json, "layers", fitted->net->n);
	ecml_json_int(json, "opset", about->opset);
	model->metrics = ecml_json_finish_text(json);
	return model;
}

PG_FUNCTION_INFO_V1(ecml_import_onnx);

Datum
ecml_import_onnx(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	bytea	   *network = PG_GETARG_BYTEA_PP(1);
	Jsonb	   *jsonb = PG_GETARG_JSONB_P(2);
	ImportOptions o = defaults;
	EcmlOptionSet set = {options_list, &o};
	EcmlProvenance provenance = {.options = jsonb};
	MemoryContext context;
	MemoryContext old;
	EcmlModel  *model;
	OnnxAbout	about;
	instr_time	began;
	instr_time	took;
	Datum		values[7];
	bool		nulls[7] = {false};
	const CnnModel *fitted;

	PreventCommandIfReadOnly("ecml_import_onnx()");
	ecml_catalog_check_name(name);
	ecml_catalog_check_owner(name, true);
	ecml_options_parse("ecml_import_onnx", jsonb, &set, 1);
	INSTR_TIME_SET_CURRENT(began);
	context = AllocSetContextCreate(CurrentMemoryContext, "ecml import", ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(context);
	model = import(context, network, &o, &about);
	MemoryContextSwitchTo(old);
	INSTR_TIME_SET_CURRENT(took);
	INSTR_TIME_SUBTRACT(took, began);
	provenance.seconds = INSTR_TIME_GET_DOUBLE(took);
	provenance.target = o.target;
	fitted = model->fitted;
	values[0] = PG_GETARG_DATUM(0);
	values[1] = Int32GetDatum(ecml_catalog_insert(name, model, ecml_model_write(model), &provenance, NULL));
	values[2] = Int32GetDatum(about.width);
	values[3] = Int32GetDatum(about.height);
	values[4] = Int32GetDatum(about.channels);
	values[5] = Int32GetDatum(Max(model->schema->nclasses, 1));
	nulls[5] = model->schema->nclasses == 0;
	values[6] = Int64GetDatum((int64) fitted->net->nweights);
	MemoryContextDelete(context);
	PG_RETURN_DATUM(ecml_composite(ecml_composite_desc(fcinfo), values, nulls));
}
