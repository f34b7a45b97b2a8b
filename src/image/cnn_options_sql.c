/*
 * cnn_options_sql.c - what a training of a network may be told
 */
#include "image/cnn_sql.h"

#include "image/image_sql.h"

static const char *const task_names[] = {"auto", "classification", "regression", NULL};
static const char *const optimizer_names[] = {"adam", "adamw", "sgd", NULL};	/* as CnnOptimizer */
static const char *const schedule_names[] = {"constant", "cosine", "step", "one_cycle", NULL};	/* as CnnSchedule */
static const char *const weight_names[] = {"none", "balanced", NULL};
static const char *const augment_names[] = {"none", "light", "strong", NULL};
static const char *const fit_names[] = {"stretch", "crop", "letterbox", NULL};	/* as PixelsFit */
static const char *const damaged_names[] = {"error", "skip", NULL};	/* as CnnDamaged */
static const char *const freeze_names[] = {"auto", "none", "base", NULL};

const CnnOptions cnn_options_defaults = {
	.fit = CNN_PARAMS_DEFAULTS,.resize = PIXELS_CROP,.filter = PIXELS_BILINEAR,.shape = {-1},.scale = {-1},.mean = {-1},
	.std = {-1},.freeze = {CNN_FREEZE_AUTO}
};

const EcmlOption cnn_options_list[] = {
	ECML_OPT_JSON(CnnOptions, layers, "layers"),
	ECML_OPT_ENUM(CnnOptions, preset, "preset", cnn_preset_names),
	ECML_OPT_ENUM(CnnOptions, task, "task", task_names),
	ECML_OPT_INT(CnnOptions, fit.epochs, "epochs", 1, 100000),
	ECML_OPT_INT(CnnOptions, fit.batch_size, "batch_size", 1, 65536),
	ECML_OPT_ENUM(CnnOptions, fit.optimizer, "optimizer", optimizer_names),
	ECML_OPT_FLOAT(CnnOptions, fit.learning_rate, "learning_rate", 0, 100),
	ECML_OPT_FLOAT(CnnOptions, fit.beta1, "beta1", 0, 0.999999),
	ECML_OPT_FLOAT(CnnOptions, fit.beta2, "beta2", 0, 0.999999),
	ECML_OPT_FLOAT(CnnOptions, fit.epsilon, "epsilon", 1e-12, 1),
	ECML_OPT_FLOAT(CnnOptions, fit.momentum, "momentum", 0, 0.9999),
	ECML_OPT_BOOL(CnnOptions, fit.nesterov, "nesterov"),
	ECML_OPT_FLOAT(CnnOptions, fit.weight_decay, "weight_decay", 0, 1),
	ECML_OPT_ENUM(CnnOptions, fit.schedule, "schedule", schedule_names),
	ECML_OPT_FLOAT(CnnOptions, fit.warmup, "warmup", 0, 1000),
	ECML_OPT_INT(CnnOptions, fit.step_epochs, "step_epochs", 1, 100000),
	ECML_OPT_FLOAT(CnnOptions, fit.step_factor, "step_factor", 1e-6, 1),
	ECML_OPT_FLOAT(CnnOptions, fit.validation, "validation", 0, 0.9),
	ECML_OPT_INT(CnnOptions, fit.patience, "patience", 0, 100000),
	ECML_OPT_FLOAT(CnnOptions, fit.min_delta, "min_delta", 0, 1000),
	ECML_OPT_FLOAT(CnnOptions, fit.label_smoothing, "label_smoothing", 0, 0.9),
	ECML_OPT_FLOAT(CnnOptions, fit.mixup, "mixup", 0, 10),
	ECML_OPT_FLOAT(CnnOptions, fit.clip_norm, "clip_norm", 0, 1e9),
	ECML_OPT_CHOICE(CnnOptions, class_weight, "class_weight", weight_names),
	ECML_OPT_CHOICE(CnnOptions, augment, "augment", augment_names),
	ECML_OPT_INT(CnnOptions, width, "width", 0, NET_MAX_SIDE),
	ECML_OPT_INT(CnnOptions, height, "height", 0, NET_MAX_SIDE),
	ECML_OPT_INT(CnnOptions, channels, "channels", 0, NET_MAX_INPUT_CHANNELS),
	ECML_OPT_NUMBERS(CnnOptions, shape, "shape", 1, NET_MAX_SIDE),
	ECML_OPT_ENUM(CnnOptions, resize, "fit", fit_names),
	ECML_OPT_ENUM(CnnOptions, filter, "filter", image_filter_names),
	ECML_OPT_NUMBERS(CnnOptions, scale, "scale", 1e-9, 1e9),
	ECML_OPT_NUMBERS(CnnOptions, mean, "mean", -1e9, 1e9),
	ECML_OPT_NUMBERS(CnnOptions, std, "std", 1e-9, 1e9),
	ECML_OPT_TEXT(CnnOptions, background, "background"),
	ECML_OPT_ENUM(CnnOptions, damaged, "damaged", damaged_names),
	ECML_OPT_TEXT(CnnOptions, warm_start, "warm_start"),
	ECML_OPT_TEXT(CnnOptions, transfer, "transfer"),
	ECML_OPT_MIXED(CnnOptions, freeze, "freeze", 0, NET_MAX_NODES, freeze_names),
	ECML_OPT_END
};

const char *
cnn_options_check(const void *params)
{
	const CnnOptions *o = params;
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

EcmlTargetUse
cnn_options_target(const void *params)
{
	const CnnOptions *o = params;

	return o->task == CNN_TASK_CLASSES ? ECML_TARGET_CLASS : o->task == CNN_TASK_NUMBER ? ECML_TARGET_NUMBER : ECML_TARGET_AUTO;
}

void
cnn_options_augment(const CnnOptions *o, PixelsAugment *augment)
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
