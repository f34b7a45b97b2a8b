/*
 * cnn_train_sql.c - convolutional networks as an algorithm: options, training, evaluation, bytes
 */
#include "image/cnn_sql.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "core/catalog.h"
#include "core/class_weight.h"
#include "core/error.h"
#include "core/guc.h"
#include "core/metrics.h"
#include "core/result.h"
#include "core/serve.h"
#include "core/trainer.h"
#include "image/cnn_serve_sql.h"
#include "image/image_sql.h"

#define STORE_PART 2			/* of ecml.work_mem for pictures, 1 / so much; the rest is the training's */
#define DEFAULT_SIDE 96			/* of larger pictures, when no size is given */

/* ---- options */

static const char *const task_names[] = {"auto", "classification", "regression", NULL};
static const char *const optimizer_names[] = {"adam", "adamw", "sgd", NULL};	/* as CnnOptimizer */
static const char *const schedule_names[] = {"constant", "cosine", "step", "one_cycle", NULL};	/* as CnnSchedule */
static const char *const weight_names[] = {"none", "balanced", NULL};
static const char *const augment_names[] = {"none", "light", "strong", NULL};
static const char *const fit_names[] = {"stretch", "crop", "letterbox", NULL};	/* as PixelsFit */
static const char *const damaged_names[] = {"error", "skip", NULL};	/* as CnnDamaged */
static const char *const freeze_names[] = {"auto", "none", "base", NULL};

enum
{
	TASK_AUTO, TASK_CLASSES, TASK_NUMBER
};

enum
{
	FREEZE_AUTO, FREEZE_NONE, FREEZE_BASE
};

typedef struct Options
{
	CnnParams	fit;
	Jsonb	   *layers;
	int			preset;
	int			task;
	int			width;
	int			height;
	int			channels;
	EcmlNumberList shape;
	int			resize;			/* PixelsFit */
	int			filter;
	EcmlNumberList scale;
	EcmlNumberList mean;
	EcmlNumberList std;
	char	   *background;
	EcmlChoice	class_weight;
	EcmlChoice	augment;
	int			damaged;
	char	   *warm_start;
	char	   *transfer;
	EcmlMixed	freeze;
} Options;

static const Options defaults = {
	.fit = CNN_PARAMS_DEFAULTS,.resize = PIXELS_CROP,.filter = PIXELS_BILINEAR,.shape = {-1},.scale = {-1},.mean = {-1},
	.std = {-1},.freeze = {FREEZE_AUTO}
};

static const EcmlOption options_list[] = {
	ECML_OPT_JSON(Options, layers, "layers"),
	ECML_OPT_ENUM(Options, preset, "preset", cnn_preset_names),
	ECML_OPT_ENUM(Options, task, "task", task_names),
	ECML_OPT_INT(Options, fit.epochs, "epochs", 1, 100000),
	ECML_OPT_INT(Options, fit.batch_size, "batch_size", 1, 65536),
	ECML_OPT_ENUM(Options, fit.optimizer, "optimizer", optimizer_names),
	ECML_OPT_FLOAT(Options, fit.learning_rate, "learning_rate", 0, 100),
	ECML_OPT_FLOAT(Options, fit.beta1, "beta1", 0, 0.999999),
	ECML_OPT_FLOAT(Options, fit.beta2, "beta2", 0, 0.999999),
	ECML_OPT_FLOAT(Options, fit.epsilon, "epsilon", 1e-12, 1),
	ECML_OPT_FLOAT(Options, fit.momentum, "momentum", 0, 0.9999),
	ECML_OPT_BOOL(Options, fit.nesterov, "nesterov"),
	ECML_OPT_FLOAT(Options, fit.weight_decay, "weight_decay", 0, 1),
	ECML_OPT_ENUM(Options, fit.schedule, "schedule", schedule_names),
	ECML_OPT_FLOAT(Options, fit.warmup, "warmup", 0, 1000),
	ECML_OPT_INT(Options, fit.step_epochs, "step_epochs", 1, 100000),
	ECML_OPT_FLOAT(Options, fit.step_factor, "step_factor", 1e-6, 1),
	ECML_OPT_FLOAT(Options, fit.validation, "validation", 0, 0.9),
	ECML_OPT_INT(Options, fit.patience, "patience", 0, 100000),
	ECML_OPT_FLOAT(Options, fit.min_delta, "min_delta", 0, 1000),
	ECML_OPT_FLOAT(Options, fit.label_smoothing, "label_smoothing", 0, 0.9),
	ECML_OPT_FLOAT(Options, fit.mixup, "mixup", 0, 10),
	ECML_OPT_FLOAT(Options, fit.clip_norm, "clip_norm", 0, 1e9),
	ECML_OPT_CHOICE(Options, class_weight, "class_weight", weight_names),
	ECML_OPT_CHOICE(Options, augment, "augment", augment_names),
	ECML_OPT_INT(Options, width, "width", 0, NET_MAX_SIDE),
	ECML_OPT_INT(Options, height, "height", 0, NET_MAX_SIDE),
	ECML_OPT_INT(Options, channels, "channels", 0, NET_MAX_INPUT_CHANNELS),
	ECML_OPT_NUMBERS(Options, shape, "shape", 1, NET_MAX_SIDE),
	ECML_OPT_ENUM(Options, resize, "fit", fit_names),
	ECML_OPT_ENUM(Options, filter, "filter", image_filter_names),
	ECML_OPT_NUMBERS(Options, scale, "scale", 1e-9, 1e9),
	ECML_OPT_NUMBERS(Options, mean, "mean", -1e9, 1e9),
	ECML_OPT_NUMBERS(Options, std, "std", 1e-9, 1e9),
	ECML_OPT_TEXT(Options, background, "background"),
	ECML_OPT_ENUM(Options, damaged, "damaged", damaged_names),
	ECML_OPT_TEXT(Options, warm_start, "warm_start"),
	ECML_OPT_TEXT(Options, transfer, "transfer"),
	ECML_OPT_MIXED(Options, freeze, "freeze", 0, NET_MAX_NODES, freeze_names),
	ECML_OPT_END
};

static const char *
check(const void *params)
{
	const Options *o = params;
	const char *wrong = cnn_params_check(&o->fit);

	if (wrong)
		return wrong;
	if (o->warm_start && o->transfer)
		return "\"warm_start\" goes on with a model, \"transfer\" gives it another head: only one of them can be given.";
	if ((o->warm_start || o->transfer) && o->layers)
		return "\"warm_start\" and \"transfer\" take the layers of the model that they name: leave \"layers\" out.";
	if (o->shape.n >= 0 && o->shape.n != 2 && o->shape.n != 3)
		return "\"shape\" is [height, width], or [height, width, channels].";
	if (o->shape.n >= 0 && (o->width > 0 || o->height > 0 || o->channels > 0))
		return "\"shape\" says all that \"height\", \"width\" and \"channels\" say: give the one or the others.";
	if (o->scale.n > 1)
		return "\"scale\" is one number.";
	if ((o->mean.n > 0 && o->mean.n != 1 && o->mean.n != 3) || (o->std.n > 0 && o->std.n != 1 && o->std.n != 3))
		return "\"mean\" and \"std\" are one number, or one for each of three channels.";
	return NULL;
}

/* the columns' type decides, unless the option "task" does */
static EcmlTargetUse
target_for(const void *params)
{
	const Options *o = params;

	return o->task == TASK_CLASSES ? ECML_TARGET_CLASS : o->task == TASK_NUMBER ? ECML_TARGET_NUMBER : ECML_TARGET_AUTO;
}

static void
read_augment(const Options *o, PixelsAugment *augment)
{
	EcmlOptionSet set = {image_augment_options, augment};

	memset(augment, 0, sizeof(*augment));
	if (o->augment.object)
		ecml_options_parse("augment", o->augment.object, &set, 1);
	else if (o->augment.number > 0)
	{
		bool		strong = o->augment.number == 2;

		augment->flip = true;
		augment->shift = strong ? 0.12 : 0.06;
		augment->rotate = strong ? 15 : 0;
		augment->zoom = strong ? 0.15 : 0.05;
		augment->brightness = strong ? 0.25 : 0.1;
		augment->contrast = strong ? 0.25 : 0.1;
		augment->saturation = strong ? 0.25 : 0;
		augment->erase = strong ? 0.25 : 0;
	}
	if (pixels_augment_check(augment))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid options for augment"),
				 errdetail("%s", pixels_augment_check(augment)),
				 errhint("See the table of options in the documentation of cnn.")));
}

/* ---- a source's columns */

typedef struct Reading
{
	const EcmlTraining *training;
	const Options *options;
	EcmlCtx    *ctx;
	EcmlSource	source;
	int			column;
	Oid			type;
	CnnSource	kind;
	EcmlTarget *target;
	CnnStore   *store;
	const CnnModel *base;		/* of a warm start or transfer; NULL: none */
	bool		begun;
	PixelsInput input;
	int			height;			/* of the network's input */
	int			width;
	int			channels;
	int64		skipped;
	int64		rows;
	MemoryContext context;		/* of keys */
} Reading;

/* The column that holds the pictures: the one named, or the only one that can. */
static int
picture_column(const EcmlSource *source, const char *name, const char *target)
{
	CnnSource	kind;
	int			found = -1;
	int			n = 0;

	if (name)
		return ecml_source_column(source, name, "feature");
	for (int i = 0; i < source->desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(source->desc, i);

		if ((target && strcmp(NameStr(attribute->attname), target) == 0) || !cnn_source_of(attribute->atttypid, false, &kind))
			continue;
		if (found < 0)
			found = i;
		n++;
	}
	if (n != 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 n == 0 ? errmsg("no column holds pictures") : errmsg("several columns could hold pictures"),
				 n == 0 ? errdetail("Pictures are of type bytea, or arrays of numbers.") :
				 errdetail("There are %d of type bytea, or arrays of numbers.", n),
				 errhint("Name the column, as in features => '{photo}'.")));
	return found;
}

static void
open_column(Reading *reading, const char *column, const char *target, bool shaped)
{
	Form_pg_attribute attribute;

	reading->column = picture_column(&reading->source, column, target);
	attribute = TupleDescAttr(reading->source.desc, reading->column);
	reading->type = attribute->atttypid;
	if (!cnn_source_of(reading->type, shaped, &reading->kind))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("column \"%s\" holds no pictures", NameStr(attribute->attname)),
				 errdetail("Its type is %s.", format_type_be(reading->type)),
				 errhint("Pictures are encoded files (JPEG, PNG, WebP, GIF) of type bytea, or arrays of numbers.")));
}

static void
numbers3(const EcmlNumberList *list, float *out)
{
	for (int c = 0; list->n > 0 && c < 3; c++)
		out[c] = (float) list->v[list->n == 1 ? 0 : c];
}

/* The size of the network's input, by the options, the model to begin with, or the first picture. */
static void
choose_input(Reading *reading, Datum first)
{
	const Options *o = reading->options;
	CnnShape	given = {o->height, o->width, o->channels};
	PixelsInput *input = &reading->input;

	if (o->shape.n >= 2)
		given = (CnnShape) {(int) o->shape.v[0], (int) o->shape.v[1], o->shape.n == 3 ? (int) o->shape.v[2] : 1};
	if (reading->base)
	{
		const NetNode *in = &reading->base->net->nodes[0];

		if (reading->base->source != reading->kind)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("the model to begin with has pictures of another kind"),
					 errdetail("One has encoded pictures, the other raw ones, or one bytes, the other numbers."),
					 errhint("Give pictures as that model had them.")));
		*input = reading->base->input;
		given = (CnnShape) {in->height, in->width, in->channels};
	}
	else
		*input = (PixelsInput) PIXELS_INPUT_DEFAULTS;
	if (reading->kind == CNN_PICTURE && !(given.width > 0 && given.height > 0 && given.channels > 0))
	{
		bytea	   *bytes = DatumGetByteaPP(first);
		PixelsInfo	info = {0};
		PixelsError error;

		if (!pixels_probe(VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes), &info, &error))
		{
			if (o->damaged == CNN_DAMAGED_ERROR)
				pixels_fail(reading->ctx, &error);
			info.width = info.height = DEFAULT_SIDE;
			info.channels = 3;
		}
		if (info.orientation > 4)
		{
			int			t = info.width;

			info.width = info.height;
			info.height = t;
		}
		if (given.width == 0 && given.height == 0)
		{
			bool		fits = Max(info.width, info.height) <= DEFAULT_SIDE;

			given.width = fits ? info.width : DEFAULT_SIDE;
			given.height = fits ? info.height : DEFAULT_SIDE;
		}
		else if (given.width == 0 || given.height == 0)
			given.width = given.height = Max(given.width, given.height);
		if (given.channels == 0)
			given.channels = info.channels <= 2 ? 1 : 3;
	}
	if (reading->kind == CNN_BYTES && given.channels == 0)
		given.channels = 1;
	if (reading->kind == CNN_NUMBERS && !reading->base)
		given = cnn_array_shape(first, &given);
	if (given.height < 1 || given.width < 1 || given.channels < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the shape of the pictures is not known"),
				 errdetail("The first array is neither of two or three dimensions nor a square."),
				 errhint("Give it, as in '{\"shape\": [28, 28, 1]}': height, width, channels.")));
	if (reading->kind != CNN_NUMBERS && given.channels != 1 && given.channels != 3)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("pictures have 1 or 3 channels"),
				 errdetail("There are to be %d.", given.channels),
				 errhint("1 is grey, 3 colour; other numbers of channels come as arrays of numbers.")));
	reading->height = given.height;
	reading->width = given.width;
	reading->channels = given.channels;
	if (!reading->base)
	{
		input->width = given.width;
		input->height = given.height;
		input->channels = given.channels == 3 ? 3 : 1;
		input->fit = o->resize;
		input->filter = o->filter;
		if (reading->kind == CNN_NUMBERS)
			input->scale = 1;
		if (o->background)
			image_color(o->background, input->background);
		if (o->scale.n == 1)
			input->scale = (float) o->scale.v[0];
		numbers3(&o->mean, input->mean);
		numbers3(&o->std, input->std);
	}
	cnn_store_input(reading->store, input, (size_t) given.height * given.width * given.channels *
					(reading->kind == CNN_NUMBERS ? sizeof(float) : 1));
	reading->begun = true;
}

static void
read_row(void *arg, TupleTableSlot *slot)
{
	Reading    *reading = arg;
	double		y;

	if ((reading->rows++ & 63) == 0)
		ecml_poll(reading->ctx, 0, 0);
	if (slot->tts_isnull[reading->column] || !ecml_target_read(reading->target, slot->tts_values, slot->tts_isnull, &y))
	{
		reading->skipped++;
		return;
	}
	if (!reading->begun)
		choose_input(reading, slot->tts_values[reading->column]);
	cnn_store_add(reading->store, slot->tts_values[reading->column], reading->type, y);
}

/* ---- arrays of numbers: mean 0, deviation 1 over all of them, unless options say something */

static void
standardize(Reading *reading, EcmlCtx *ctx)
{
	size_t		n = cnn_store_rows(reading->store);
	size_t		values = (size_t) reading->height * reading->width * reading->channels;
	float	   *row = ECML_NEW(ctx, float, values + NET_SLACK);
	double		sum = 0;
	double		square = 0;
	double		total = (double) n * values;
	double		mean;
	double		deviation;

	for (uint32_t i = 0; i < n; i++)
	{
		cnn_store_fetch(reading->store, &i, 1, (uint8_t *) row);
		for (size_t k = 0; k < values; k++)
		{
			sum += row[k];
			square += (double) row[k] * row[k];
		}
		if (i % 64 == 0)
			ecml_poll(ctx, 0, 0);
	}
	ecml_free(ctx, row);
	mean = sum / total;
	deviation = sqrt(Max(square / total - mean * mean, 0));
	for (int c = 0; c < 3; c++)
	{
		reading->input.mean[c] = (float) mean;
		reading->input.std[c] = deviation > 1e-12 ? (float) deviation : 1;
	}
}

/* ---- models to begin with */

static EcmlModel *
load_base(MemoryContext context, const char *name)
{
	EcmlCatalogEntry entry;
	EcmlModel  *model;

	ecml_catalog_get(name, 0, &entry);
	model = ecml_model_read(ecml_catalog_body(&entry), context);
	if (strcmp(model->algorithm->name, "cnn") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("model \"%s\" is no network of pictures", name),
				 errdetail("Its algorithm is %s.", model->algorithm->name),
				 errhint("Name a model of the algorithm cnn, trained or imported.")));
	return model;
}

/* The same layers but the last dense one, and what follows it; then a new head. */
static Network *
replace_head(EcmlCtx *ctx, const Network *from, int nclasses)
{
	Network    *net = net_create(ctx, from->nodes[0].height, from->nodes[0].width, from->nodes[0].channels);
	int			last = from->n - 1;
	NetNode		node;

	while (last > 0 && from->nodes[last].kind != NET_DENSE)
		last--;
	if (last == 0)
		last = from->n;
	for (int i = 1; i < last; i++)
		net_add(ctx, net, &from->nodes[i]);
	net_node_init(&node, NET_DENSE, last < from->n ? from->nodes[last].inputs[0] : net->n - 1);
	if (net->nodes[node.inputs[0]].height * net->nodes[node.inputs[0]].width > 1)
	{
		NetNode		mean;

		net_node_init(&mean, NET_GLOBAL_AVERAGE_POOLING2D, node.inputs[0]);
		node.inputs[0] = net_add(ctx, net, &mean);
	}
	node.units = nclasses > 0 ? nclasses : 1;
	node.activation = nclasses > 0 ? NET_SOFTMAX : NET_LINEAR;
	net_add(ctx, net, &node);
	net_finish(ctx, net);
	memcpy(net->weights, from->weights, net->nodes[net->n - 1].weights * sizeof(float));
	return net;
}

static void
freeze(Network *net, const EcmlMixed *option, bool transfer)
{
	int			n = 0;

	if (option->choice < 0)
		n = (int) option->number;
	else if (option->choice == FREEZE_BASE || (option->choice == FREEZE_AUTO && transfer))
	{
		n = net->n - 1;
		while (n > 0 && net->nodes[n].kind != NET_DENSE)
			n--;
		n--;
	}
	for (int i = 1; i < net->n; i++)
		net->nodes[i].frozen = i <= n;
}

/* ---- progress */

typedef struct Told
{
	bool		progress;
	const char *name;
	instr_time	began;
	double		rate;			/* pictures a second, of the last epoch */
	double		last;			/* seconds when it ended */
} Told;

static double
seconds_since(const instr_time *began)
{
	instr_time	now;

	INSTR_TIME_SET_CURRENT(now);
	INSTR_TIME_SUBTRACT(now, *began);
	return INSTR_TIME_GET_DOUBLE(now);
}

static void
report_epoch(void *arg, const CnnEpoch *epoch)
{
	Told	   *told = arg;
	double		now = seconds_since(&told->began);
	StringInfoData text;

	told->rate = epoch->rows / Max(now - told->last, 1e-9);
	told->last = now;
	if (!told->progress)
		return;
	initStringInfo(&text);
	appendStringInfo(&text, "epoch %d/%d: loss %.4f", epoch->epoch, epoch->epochs, epoch->loss);
	if (!isnan(epoch->accuracy))
		appendStringInfo(&text, ", accuracy %.4f", epoch->accuracy);
	if (!isnan(epoch->val_loss))
		appendStringInfo(&text, ", validation loss %.4f", epoch->val_loss);
	if (!isnan(epoch->val_accuracy))
		appendStringInfo(&text, ", accuracy %.4f", epoch->val_accuracy);
	appendStringInfo(&text, ", %.0f pictures/s, %.0f s left", told->rate, (epoch->epochs - epoch->epoch) * now / epoch->epoch);
	ereport(NOTICE, (errmsg_internal("%s", text.data)));
	pfree(text.data);
}

/* ---- training */

static Network *
make_network(EcmlCtx *ctx, const Reading *reading, const Options *o, int nclasses, EcmlModel *base)
{
	Network    *net;
	EcmlRng		start = ecml_rng_stream(&ctx->rng, 0x1417);
	int			from = 1;

	if (base && o->transfer)
	{
		net = replace_head(ctx, reading->base->net, nclasses);
		from = net->n - 1;
	}
	else if (base)
	{
		net = reading->base->net;
		from = net->n;
	}
	else if (o->layers)
		net = cnn_layers(ctx, o->layers, reading->height, reading->width, reading->channels, nclasses);
	else
		net = cnn_preset(ctx, o->preset, reading->height, reading->width, reading->channels, nclasses);
	cnn_check_head(net, nclasses);
	net_initialize(net, from, o->layers == NULL, &start);
	freeze(net, &o->freeze, o->transfer != NULL);
	return net;
}

/* Classes of a warm start are the model's: the rows' must be among them. */
static void
warm_classes(const EcmlModel *base, char **classes, int nclasses, int *place)
{
	for (int c = 0; c < nclasses; c++)
	{
		place[c] = -1;
		for (int k = 0; k < base->schema->nclasses; k++)
			if (strcmp(classes[c], base->schema->classes[k]) == 0)
				place[c] = k;
		if (place[c] < 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("the model to begin with does not know the class \"%s\"", classes[c]),
					 errdetail("It knows %s.", ecml_error_list((const char *const *) base->schema->classes, base->schema->nclasses)),
					 errhint("\"transfer\" gives it another head, for other classes.")));
	}
}

static void
write_metrics(EcmlJson *json, const CnnResult *result, const Network *net, bool classes, size_t memory, const Told *told)
{
	size_t		trainable = 0;

	for (int i = 1; i < net->n; i++)
		if (!net->nodes[i].frozen)
			trainable += net->nodes[i].kind == NET_BATCH_NORMALIZATION ? net->nodes[i].nweights / 2 : net->nodes[i].nweights;
	ecml_json_number(json, "loss", result->last.loss);
	if (classes)
		ecml_json_number(json, "accuracy", result->last.accuracy);
	if (result->valid > 0)
	{
		ecml_json_number(json, "val_loss", result->last.val_loss);
		if (classes)
			ecml_json_number(json, "val_accuracy", result->last.val_accuracy);
	}
	ecml_json_int(json, "epochs", result->epochs);
	ecml_json_int(json, "best_epoch", result->last.epoch);
	ecml_json_int(json, "parameters", net->nweights);
	ecml_json_int(json, "trainable", trainable);
	ecml_json_number(json, "images_per_second", rint(told->rate * 10) / 10);
	ecml_json_number(json, "memory_mb", rint(memory / 1e5) / 10);
	ecml_json_open_array(json, "history");
	for (int e = 0; e < result->epochs; e++)
	{
		const double *h = result->history + 4 * e;

		ecml_json_open_object(json, NULL);
		ecml_json_number(json, "loss", h[0]);
		if (classes)
			ecml_json_number(json, "accuracy", h[1]);
		if (result->valid > 0)
		{
			ecml_json_number(json, "val_loss", h[2]);
			if (classes)
				ecml_json_number(json, "val_accuracy", h[3]);
		}
		ecml_json_close_object(json);
	}
	ecml_json_close_array(json);
}

static EcmlModel *
train(MemoryContext context, const EcmlTraining *training, const EcmlRequest *request, void **parts)
{
	MemoryContext spi = MemoryContextSwitchTo(context);
	EcmlCtx    *ctx = palloc(sizeof(EcmlCtx));
	EcmlServerHost *host = palloc(sizeof(EcmlServerHost));
	Options    *o = training->params;
	Reading    *reading = palloc0(sizeof(Reading));
	const char *name = o->warm_start ? o->warm_start : o->transfer;
	EcmlModel  *base = name ? load_base(context, name) : NULL;
	CnnParams	params = o->fit;
	CnnRows		rows = {0};
	CnnModel   *fitted = palloc0(sizeof(CnnModel));
	Told		told = {.progress = training->common.progress};
	EcmlModel  *model;
	CnnResult  *result;
	EcmlJson   *json;
	char	  **classes = NULL;
	int			nclasses = 0;
	size_t		n;
	const double *y;

	if (request->nfeatures > 1 || request->nfeatures == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("cnn learns from one column of pictures"),
				 errdetail("%d features are given.", request->nfeatures),
				 errhint("Name the column, as in features => '{photo}', or leave features out.")));
	read_augment(o, &params.augment);
	if (params.patience > 0 && params.validation <= 0)
		params.validation = 0.1;
	ecml_host_init(ctx, host, context, (size_t) ecml_guc_work_mem * 1024, training->common.seed);
	reading->training = training;
	reading->options = o;
	reading->ctx = ctx;
	reading->base = base ? base->fitted : NULL;
	ecml_source_open(&reading->source, request->source);
	open_column(reading, request->nfeatures == 1 ? request->features[0] : NULL, request->target,
				base ? reading->base->source == CNN_BYTES : o->shape.n >= 0);
	if (request->target == NULL)
		(void) ecml_target_column(context, training->algorithm, ECML_TARGET_CLASS, &reading->source, NULL, NULL);
	{
		int			number = ecml_source_column(&reading->source, request->target, "target");
		Oid			type = TupleDescAttr(reading->source.desc, number)->atttypid;
		EcmlTargetUse use = training->target;

		if (use == ECML_TARGET_AUTO)
			use = type == FLOAT4OID || type == FLOAT8OID || type == NUMERICOID ? ECML_TARGET_NUMBER : ECML_TARGET_CLASS;
		reading->target = ecml_target_column(context, training->algorithm, use, &reading->source, request->target, NULL);
	}
	reading->store = cnn_store_create(ctx, reading->kind, o->damaged, (size_t) ecml_guc_work_mem * 1024 / STORE_PART);
	ecml_source_run(&reading->source, read_row, reading);
	/* SPI leaves its own context behind, which is gone before the metrics are told */
	MemoryContextSwitchTo(context);
	if (reading->begun)
		cnn_store_finish(reading->store);
	n = cnn_store_rows(reading->store);
	y = cnn_store_targets(reading->store);
	if (n < 2)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("there are too few pictures"),
				 errdetail("There are %zu; rows left out because of NULLs: " INT64_FORMAT ", because of damage: " INT64_FORMAT ".",
						   n, reading->skipped, cnn_store_damaged(reading->store)),
				 errhint("Look at what the source gives.")));
	rows.n = n;
	rows.floats = reading->kind == CNN_NUMBERS;
	rows.fetch = cnn_store_fetch;
	rows.arg = reading->store;
	fitted->scale = 1;
	if (reading->target->use == ECML_TARGET_CLASS)
	{
		int			codes = reading->target->labels->n;
		int		   *recode = palloc((codes + 1) * sizeof(int));
		double	   *uses = palloc0((codes + 1) * sizeof(double));
		int32_t    *label = ECML_NEW(ctx, int32_t, n);
		float	   *weights = NULL;
		double	   *counts;

		for (size_t i = 0; i < n; i++)
			uses[(int) y[i]]++;
		classes = ecml_target_classes(reading->target, uses, codes, &nclasses, recode);
		if (nclasses < 2)
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("the target \"%s\" has one class only", request->target),
					 errdetail("All pictures are \"%s\".", classes[0]),
					 errhint("Give pictures of at least two classes.")));
		if (o->warm_start)
		{
			int		   *place = palloc(nclasses * sizeof(int));

			warm_classes(base, classes, nclasses, place);
			for (int code = 0; code < codes; code++)
				if (recode[code] >= 0)
					recode[code] = place[recode[code]];
			classes = base->schema->classes;
			nclasses = base->schema->nclasses;
		}
		counts = palloc0(nclasses * sizeof(double));
		for (size_t i = 0; i < n; i++)
		{
			label[i] = recode[(int) y[i]];
			counts[label[i]]++;
		}
		rows.label = label;
		rows.nclasses = nclasses;
		if (o->class_weight.object)
		{
			EcmlSchema	schema = {.nclasses = nclasses,.classes = classes};
			double	   *given = ecml_class_weights(&o->class_weight, &schema);

			weights = palloc(nclasses * sizeof(float));
			for (int c = 0; c < nclasses; c++)
				weights[c] = (float) given[c];
		}
		else if (o->class_weight.number == 1)
		{
			weights = palloc(nclasses * sizeof(float));
			for (int c = 0; c < nclasses; c++)
				weights[c] = counts[c] > 0 ? (float) (n / (nclasses * counts[c])) : 1;
		}
		rows.class_weight = weights;
	}
	else
	{
		float	   *standard = ECML_NEW(ctx, float, n);
		double		sum = 0;
		double		square = 0;

		for (size_t i = 0; i < n; i++)
			sum += y[i];
		fitted->shift = sum / n;
		for (size_t i = 0; i < n; i++)
			square += (y[i] - fitted->shift) * (y[i] - fitted->shift);
		fitted->scale = sqrt(square / n);
		if (reading->base && o->warm_start && reading->base->regression)
		{
			fitted->shift = reading->base->shift;
			fitted->scale = reading->base->scale;
		}
		if (!(fitted->scale > 0))
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("the target \"%s\" is constant", request->target),
					 errdetail("All rows have %g.", fitted->shift),
					 errhint("There is nothing to learn.")));
		for (size_t i = 0; i < n; i++)
			standard[i] = (float) ((y[i] - fitted->shift) / fitted->scale);
		rows.y = standard;
	}
	if (reading->kind == CNN_NUMBERS && !base && o->scale.n < 0 && o->mean.n < 0 && o->std.n < 0)
		standardize(reading, ctx);
	fitted->column = pstrdup(NameStr(TupleDescAttr(reading->source.desc, reading->column)->attname));
	fitted->source = reading->kind;
	fitted->input = reading->input;
	fitted->regression = nclasses == 0;
	fitted->net = make_network(ctx, reading, o, nclasses, base);
	if (o->warm_start && fitted->regression != reading->base->regression)
		cnn_check_head(fitted->net, nclasses);
	INSTR_TIME_SET_CURRENT(told.began);
	result = cnn_fit(ctx, fitted->net, &fitted->input, &rows, &params, report_epoch, &told);
	cnn_store_close(reading->store);

	model = ecml_model_begin(context, training);
	model->fitted = fitted;
	model->task = nclasses > 0 ? ECML_CLASSIFICATION : ECML_REGRESSION;
	model->schema->target = pstrdup(request->target);
	model->schema->nclasses = nclasses;
	model->schema->classes = classes;
	model->rows = n;
	model->skipped = reading->skipped + cnn_store_damaged(reading->store);
	json = ecml_json_object();
	write_metrics(json, result, fitted->net, nclasses > 0, ctx->peak, &told);
	model->metrics = ecml_json_finish_text(json);
	MemoryContextSwitchTo(spi);
	return model;
}

/* ---- many pictures: by the batch, in tasks */

#define AT_ONCE 256
#define WIDE (1 << 18)			/* weights of a dense layer that are to be read for many pictures at once */

typedef struct Many
{
	const CnnModel *fitted;
	int			nclasses;
	int			outputs;
	const uint8_t *bytes;		/* [n][row_bytes] */
	size_t		n;
	size_t		chunk;
	size_t		row_bytes;
	float	   *memory;			/* [workers][per_worker]: input, then the runner's */
	size_t		per_worker;
	double	   *out;			/* [n][outputs] */
} Many;

static void
many_task(void *arg, size_t i, int worker)
{
	const Many *m = arg;
	const CnnModel *fitted = m->fitted;
	size_t		from = i * m->chunk;
	size_t		n = m->n - from < m->chunk ? m->n - from : m->chunk;
	size_t		values = fitted->net->nodes[0].values;
	float	   *x = m->memory + worker * m->per_worker;
	const float *y;

	for (size_t k = 0; k < n; k++)
		cnn_floats(fitted, m->bytes + (from + k) * m->row_bytes, x + k * values);
	y = runner_run(fitted->runner, x, n, x + m->chunk * values + NET_SLACK);
	for (size_t k = 0; k < n; k++)
		cnn_answer(fitted, m->nclasses, y + k * net_outputs(fitted->net), m->out + (from + k) * m->outputs);
}

typedef void (*ManyRow) (void *arg, size_t i, const double *p);

/* The answers for all rows of a store, told one by one. */
static void
predict_store(EcmlCtx *ctx, const CnnModel *fitted, int nclasses, CnnStore *store, ManyRow row, void *arg)
{
	Many		m = {fitted, nclasses, cnn_outputs(fitted, nclasses)};
	size_t		total = cnn_store_rows(store);
	size_t		values = fitted->net->nodes[0].values;
	uint32_t   *order = ECML_NEW(ctx, uint32_t, AT_ONCE);
	uint8_t    *bytes;

	m.row_bytes = cnn_row_bytes(fitted);
	m.chunk = fitted->runner->room > 16384 ? 1 : fitted->runner->room > 4096 ? 4 : 16;
	for (int i = 1; i < fitted->served->n; i++)
		if (fitted->served->nodes[i].kind == NET_DENSE && fitted->served->nodes[i].nweights >= WIDE)
			m.chunk = 32;
	m.per_worker = (m.chunk * values + 2 * NET_SLACK + runner_floats(fitted->runner, m.chunk) + 15) / 16 * 16;
	m.memory = ECML_NEW0(ctx, float, m.per_worker * ecml_workers(ctx, AT_ONCE));
	m.out = ECML_NEW(ctx, double, (size_t) AT_ONCE * m.outputs);
	m.bytes = bytes = ecml_alloc_array(ctx, AT_ONCE, m.row_bytes);
	for (size_t at = 0; at < total; at += AT_ONCE)
	{
		m.n = Min(AT_ONCE, total - at);
		for (size_t i = 0; i < m.n; i++)
			order[i] = (uint32_t) (at + i);
		cnn_store_fetch(store, order, m.n, bytes);
		ecml_parallel_for(ctx, (m.n + m.chunk - 1) / m.chunk, many_task, &m);
		for (size_t i = 0; i < m.n; i++)
			row(arg, at + i, m.out + i * m.outputs);
	}
}

/* The source's column of pictures for a model that is there, and what will hold them. */
static Reading *
open_for_model(EcmlCtx *ctx, const EcmlModel *model, const char *source, const char *target)
{
	const CnnModel *fitted = model->fitted;
	Reading    *reading = palloc0(sizeof(Reading));
	bool		known = false;

	reading->ctx = ctx;
	reading->base = fitted;
	ecml_source_open(&reading->source, source);
	for (int i = 0; fitted->column[0] && i < reading->source.desc->natts; i++)
		known |= strcmp(NameStr(TupleDescAttr(reading->source.desc, i)->attname), fitted->column) == 0;
	open_column(reading, known ? fitted->column : NULL, target, fitted->source == CNN_BYTES);
	if (reading->kind != fitted->source)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the pictures are of another kind than the model's"),
				 errdetail("Their type is %s.", format_type_be(reading->type)),
				 errhint("Give pictures as the model was trained on.")));
	reading->store = cnn_store_create(ctx, fitted->source, CNN_DAMAGED_ERROR, (size_t) ecml_guc_work_mem * 1024 / STORE_PART);
	cnn_store_input(reading->store, &fitted->input, cnn_row_bytes(fitted));
	reading->begun = true;
	return reading;
}

/* ---- evaluation */

typedef struct EvaluateOptions
{
	char	   *target;
	double		threshold;
	int			top_k;
} EvaluateOptions;

static const EcmlOption evaluate_options[] = {
	ECML_OPT_TEXT(EvaluateOptions, target, "target"),
	ECML_OPT_FLOAT(EvaluateOptions, threshold, "threshold", 0, 1),
	ECML_OPT_INT(EvaluateOptions, top_k, "top_k", 1, 1000),
	ECML_OPT_END
};

typedef struct Evaluation
{
	const EcmlModel *model;
	EcmlCtx    *ctx;
	const EvaluateOptions *options;
	const double *actual;
	EcmlScores	scores;			/* of two classes */
	EcmlNumbers numbers;		/* REGRESSION */
	double	   *confusion;		/* [nclasses + 1][nclasses + 1] */
	double		log_loss;
	double		top;
	double		known;			/* rows of classes that the model knows */
	double		other[2];		/* of two classes: rows of neither, by what they are taken for */
} Evaluation;

static void
evaluate_row(void *arg, size_t i, const double *p)
{
	Evaluation *e = arg;
	int			nclasses = e->model->schema->nclasses;
	double		y = e->actual[i];
	int			best;
	int			above = 0;

	if (nclasses == 0)
	{
		ecml_numbers_add(e->ctx, &e->numbers, y, p[0], 1);
		return;
	}
	best = nclasses == 2 ? p[1] >= e->options->threshold : ecml_model_class(e->model, p);
	e->confusion[(y < 0 ? nclasses : (int) y) * (nclasses + 1) + best]++;
	if (y < 0)
	{
		if (nclasses == 2)
			e->other[best]++;
		return;
	}
	if (nclasses == 2)
		ecml_scores_add(e->ctx, &e->scores, y == 1, p[1], 1);
	for (int c = 0; c < nclasses; c++)
		above += c != (int) y && p[c] > p[(int) y];
	e->top += above < e->options->top_k;
	e->known++;
	e->log_loss -= log(Max(p[(int) y], 1e-15));
}

static void
evaluate(const EcmlModel *model, int64 model_id, const char *source, Jsonb *given, EcmlJson *json)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "ecml evaluation", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	EvaluateOptions o = {.threshold = 0.5,.top_k = 5};
	EcmlOptionSet set = {evaluate_options, &o};
	EcmlCtx    *ctx = palloc(sizeof(EcmlCtx));
	EcmlServerHost *host = palloc(sizeof(EcmlServerHost));
	int			nclasses = model->schema->nclasses;
	Evaluation *e = palloc0(sizeof(Evaluation));
	Reading    *reading;
	size_t		n;

	ecml_options_parse("ecml_evaluate", given, &set, 1);
	ecml_host_init(ctx, host, context, (size_t) ecml_guc_work_mem * 1024, model->seed);
	SPI_connect();
	MemoryContextSwitchTo(context);
	reading = open_for_model(ctx, model, source, o.target ? o.target : model->schema->target);
	reading->target = ecml_target_for_model(context, model->algorithm, model->schema, &reading->source, o.target);
	ecml_source_run(&reading->source, read_row, reading);
	cnn_store_finish(reading->store);
	SPI_finish();
	MemoryContextSwitchTo(context);
	n = cnn_store_rows(reading->store);
	if (n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("there are no rows to evaluate on"),
				 errdetail("Rows left out because of NULLs: " INT64_FORMAT ".", reading->skipped),
				 errhint("Look at what the source gives.")));
	e->model = model;
	e->ctx = ctx;
	e->options = &o;
	e->actual = cnn_store_targets(reading->store);
	ecml_scores_init(&e->scores, false);
	e->confusion = ECML_NEW0(ctx, double, (size_t) (nclasses + 1) * (nclasses + 1));
	predict_store(ctx, model->fitted, nclasses, reading->store, evaluate_row, e);
	MemoryContextSwitchTo(caller);
	ecml_json_int(json, "rows", n);
	ecml_json_int(json, "skipped", reading->skipped);
	if (nclasses == 0)
		ecml_metrics_numbers(json, ctx, &e->numbers);
	else if (nclasses == 2)
		ecml_metrics_scores(json, ctx, &e->scores, o.threshold, (const char *const *) model->schema->classes, e->other);
	else
	{
		bool		others = e->known < n;
		int			k = nclasses + others;
		double	   *matrix = palloc((size_t) k * k * sizeof(double));
		const char **names = palloc(k * sizeof(char *));

		for (int c = 0; c < nclasses; c++)
			names[c] = model->schema->classes[c];
		if (others)
			names[nclasses] = ECML_OTHER_CLASS;
		for (int r = 0; r < k; r++)
			memcpy(matrix + (size_t) r * k, e->confusion + (size_t) r * (nclasses + 1), k * sizeof(double));
		ecml_json_number(json, "log_loss", e->log_loss / e->known);
		ecml_json_int(json, "top_k", o.top_k);
		ecml_json_number(json, "top_k_accuracy", e->top / e->known);
		ecml_metrics_labels(json, matrix, k, names);
	}
	cnn_store_close(reading->store);
	MemoryContextDelete(context);
}

/* ---- all pictures of a source */

typedef struct All
{
	Reading    *reading;
	int			key;			/* column */
	FmgrInfo	output;
	char	  **keys;
	size_t		capacity;
	const EcmlModel *model;
	EcmlRows   *rows;
} All;

static void
all_row(void *arg, TupleTableSlot *slot)
{
	All		   *all = arg;
	Reading    *reading = all->reading;
	size_t		n = reading->rows;
	MemoryContext old;

	if ((n & 63) == 0)
		ecml_poll(reading->ctx, 0, 0);
	if (slot->tts_isnull[reading->column])
		return;
	if (n == all->capacity)
	{
		all->capacity = all->capacity ? 2 * all->capacity : 1024;
		all->keys = ecml_resize_array(reading->ctx, all->keys, all->capacity, sizeof(char *));
	}
	old = MemoryContextSwitchTo(reading->context);
	all->keys[n] = slot->tts_isnull[all->key] ? NULL : OutputFunctionCall(&all->output, slot->tts_values[all->key]);
	MemoryContextSwitchTo(old);
	reading->rows++;
	cnn_store_add(reading->store, slot->tts_values[reading->column], reading->type, 0);
}

static void
tell_row(void *arg, size_t i, const double *p)
{
	All		   *all = arg;
	const EcmlSchema *schema = all->model->schema;
	Datum		values[3];
	bool		nulls[3] = {false};

	nulls[0] = all->keys[i] == NULL;
	values[0] = nulls[0] ? (Datum) 0 : CStringGetTextDatum(all->keys[i]);
	if (schema->nclasses > 0)
	{
		int			best = ecml_model_class(all->model, p);

		values[1] = CStringGetTextDatum(schema->classes[best]);
		values[2] = Float8GetDatum(p[best]);
	}
	else
	{
		nulls[1] = true;
		values[1] = (Datum) 0;
		values[2] = Float8GetDatum(p[0]);
	}
	ecml_rows_add(all->rows, values, nulls);
	for (int k = 0; k < 2; k++)
		if (!nulls[k])
			pfree(DatumGetPointer(values[k]));
}

/* ecml_image_classify_all(model, source text, key text): rows key, label, probability */
ECML_MODEL_FUNCTION(ecml_image_classify_all)
{
	EcmlRows   *rows = ecml_rows_begin(fcinfo);
	EcmlServing *serving = ecml_serving(fcinfo, by_name);
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "ecml pictures", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	EcmlCtx    *ctx = palloc(sizeof(EcmlCtx));
	EcmlServerHost *host = palloc(sizeof(EcmlServerHost));
	All		   *all = palloc0(sizeof(All));
	Oid			function;
	bool		varlena;

	if (serving == NULL || PG_ARGISNULL(1) || PG_ARGISNULL(2))
	{
		MemoryContextSwitchTo(caller);
		return (Datum) 0;
	}
	(void) cnn_serve_network(serving, "ecml_image_classify_all");
	ecml_host_init(ctx, host, context, (size_t) ecml_guc_work_mem * 1024, 0);
	SPI_connect();
	MemoryContextSwitchTo(context);
	all->reading = open_for_model(ctx, serving->model, text_to_cstring(PG_GETARG_TEXT_PP(1)), NULL);
	all->reading->context = context;
	all->key = ecml_source_column(&all->reading->source, text_to_cstring(PG_GETARG_TEXT_PP(2)), "key");
	all->model = serving->model;
	all->rows = rows;
	getTypeOutputInfo(TupleDescAttr(all->reading->source.desc, all->key)->atttypid, &function, &varlena);
	fmgr_info_cxt(function, &all->output, context);
	ecml_source_run(&all->reading->source, all_row, all);
	cnn_store_finish(all->reading->store);
	SPI_finish();
	MemoryContextSwitchTo(context);
	predict_store(ctx, serving->model->fitted, serving->model->schema->nclasses, all->reading->store, tell_row, all);
	cnn_store_close(all->reading->store);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
	return (Datum) 0;
}

/* ---- the algorithm */

static void
write_model(EcmlWriter *w, const void *fitted)
{
	cnn_write(w, fitted);
}

static void *
read_model(EcmlReader *r, const EcmlSchema *schema)
{
	CnnModel   *model = cnn_read(r, schema->nclasses);

	ecml_host_check_text(r, model->column);
	for (int i = 0; i < model->net->n; i++)
		ecml_host_check_text(r, model->net->nodes[i].name);
	return model;
}

static const EcmlOwnTraining own = {
	.train = train,
	.evaluate = evaluate,
	.use = "ecml_classify(model, picture)",
	.predict = cnn_serve_predict,
	.describe = cnn_serve_describe,
};

extern const EcmlAlgorithm ecml_algorithm_cnn;
const EcmlAlgorithm ecml_algorithm_cnn = {
	.id = 20,
	.name = "cnn",
	.task = ECML_REGRESSION,
	.target = ECML_TARGET_AUTO,
	.target_for = target_for,
	.options = options_list,
	.params_size = sizeof(Options),
	.defaults = &defaults,
	.check = check,
	.own = &own,
	.write = write_model,
	.read = read_model,
};
