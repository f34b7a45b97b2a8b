/*
 * cnn_train_sql.c - convolutional networks as an algorithm: training, models to begin with, bytes
 */
#include "image/cnn_sql.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "core/catalog.h"
#include "core/class_weight.h"
#include "core/error.h"
#include "core/guc.h"
#include "core/trainer.h"
#include "image/cnn_serve_sql.h"

/* ---- models to begin with */

static EcmlModel *
load_base(MemoryContext context, const char *name)
{
	EcmlCatalogEntry entry;
	EcmlModel  *model;

	ecml_catalog_get(name, &entry);
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
	else if (option->choice == CNN_FREEZE_BASE || (option->choice == CNN_FREEZE_AUTO && transfer))
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
make_network(EcmlCtx *ctx, const CnnReading *reading, const CnnOptions *o, int nclasses, EcmlModel *base)
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

/* Labels and weights of the rows; gives the number of classes. */
static int
class_target(const CnnReading *reading, const EcmlRequest *request, const EcmlModel *base, CnnRows *rows, char ***names)
{
	const CnnOptions *o = reading->options;
	const double *y = cnn_store_targets(reading->store);
	int			codes = reading->target->labels->n;
	int		   *recode = palloc((codes + 1) * sizeof(int));
	double	   *uses = palloc0((codes + 1) * sizeof(double));
	int32_t    *label = ECML_NEW(reading->ctx, int32_t, rows->n);
	float	   *weights = NULL;
	double	   *counts;
	char	  **classes;
	int			nclasses;

	for (size_t i = 0; i < rows->n; i++)
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
	for (size_t i = 0; i < rows->n; i++)
	{
		label[i] = recode[(int) y[i]];
		counts[label[i]]++;
	}
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
			weights[c] = counts[c] > 0 ? (float) (rows->n / (nclasses * counts[c])) : 1;
	}
	rows->label = label;
	rows->nclasses = nclasses;
	rows->class_weight = weights;
	*names = classes;
	return nclasses;
}

/* The target as the network sees it: mean 0, deviation 1, by shift and scale, which are a warm start's model's. */
static void
number_target(const CnnReading *reading, const EcmlRequest *request, CnnModel *fitted, CnnRows *rows)
{
	const double *y = cnn_store_targets(reading->store);
	float	   *standard = ECML_NEW(reading->ctx, float, rows->n);
	double		sum = 0;
	double		square = 0;

	for (size_t i = 0; i < rows->n; i++)
		sum += y[i];
	fitted->shift = sum / rows->n;
	for (size_t i = 0; i < rows->n; i++)
		square += (y[i] - fitted->shift) * (y[i] - fitted->shift);
	fitted->scale = sqrt(square / rows->n);
	if (reading->base && reading->options->warm_start && reading->base->regression)
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
	for (size_t i = 0; i < rows->n; i++)
		standard[i] = (float) ((y[i] - fitted->shift) / fitted->scale);
	rows->y = standard;
}

static EcmlModel *
train(MemoryContext context, const EcmlTraining *training, const EcmlRequest *request, void **parts)
{
	MemoryContext spi = MemoryContextSwitchTo(context);
	EcmlCtx    *ctx = palloc(sizeof(EcmlCtx));
	EcmlServerHost *host = palloc(sizeof(EcmlServerHost));
	CnnOptions *o = training->params;
	CnnReading *reading = palloc0(sizeof(CnnReading));
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

	if (request->nfeatures > 1 || request->nfeatures == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("cnn learns from one column of pictures"),
				 errdetail("%d features are given.", request->nfeatures),
				 errhint("Name the column, as in features => '{photo}', or leave features out.")));
	cnn_options_augment(o, &params.augment);
	if (params.patience > 0 && params.validation <= 0)
		params.validation = 0.1;
	ecml_host_init(ctx, host, context, (size_t) ecml_guc_work_mem * 1024, training->common.seed);
	reading->options = o;
	reading->ctx = ctx;
	reading->base = base ? base->fitted : NULL;
	ecml_source_open(&reading->source, request->source);
	cnn_reading_column(reading, request->nfeatures == 1 ? request->features[0] : NULL, request->target,
				base ? reading->base->source == CNN_BYTES : o->shape.n >= 0);
	*parts = cnn_index_before(request->model, reading->kind);
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
	reading->store = cnn_store_create(ctx, reading->kind, o->damaged, (size_t) ecml_guc_work_mem * 1024 / CNN_STORE_PART);
	ecml_source_run(&reading->source, cnn_reading_row, reading);
	/* SPI leaves its own context behind, which is gone before the metrics are told */
	MemoryContextSwitchTo(context);
	if (reading->begun)
		cnn_store_finish(reading->store);
	n = cnn_store_rows(reading->store);
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
		nclasses = class_target(reading, request, base, &rows, &classes);
	else
		number_target(reading, request, fitted, &rows);
	if (reading->kind == CNN_NUMBERS && !base && o->scale.n < 0 && o->mean.n < 0 && o->std.n < 0)
		cnn_reading_standardize(reading, ctx);
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
	.store = cnn_index_again,
	.evaluate = cnn_evaluate,
	.use = "ecml_classify(model, picture), or for a heat map ecml_image_explain(model, picture)",
	.predict = cnn_serve_predict,
	.describe = cnn_serve_describe,
	.cost = cnn_serve_cost,
};

extern const EcmlAlgorithm ecml_algorithm_cnn;
const EcmlAlgorithm ecml_algorithm_cnn = {
	.id = 20,
	.name = "cnn",
	.task = ECML_REGRESSION,
	.target = ECML_TARGET_AUTO,
	.target_for = cnn_options_target,
	.options = cnn_options_list,
	.params_size = sizeof(CnnOptions),
	.defaults = &cnn_options_defaults,
	.check = cnn_options_check,
	.own = &own,
	.write = write_model,
	.read = read_model,
};
