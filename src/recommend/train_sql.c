/*
 * train_sql.c - the recommenders as algorithms: options, training, bytes
 */
#include "core/compat.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/memutils.h"

#include "core/guc.h"
#include "core/host.h"
#include "recommend/recommend_sql.h"

static const char *const weightings[] = {"raw", "binary", "log", "bm25", "tfidf", NULL};	/* as RecWeighting */
static const char *const similarities[] = {"cosine", "jaccard", "bm25", "tfidf", "adjusted_cosine", NULL};	/* as RecSimilarity */
static const char *const solvers[] = {"cg", "cholesky", NULL};	/* as RecSolver */

/* feedback is a flag of the kernel, and two words in SQL */
typedef struct Options
{
	RecommendOptions recommend;
	int			feedback;
} Options;

static const char *const feedbacks[] = {"implicit", "explicit", NULL};

#define KERNEL(f) recommend.kernel.f

#define COLUMN_OPTIONS \
	ECML_OPT_TEXT(Options, recommend.user, "user"), \
	ECML_OPT_TEXT(Options, recommend.item, "item"), \
	ECML_OPT_TEXT(Options, recommend.value, "value"), \
	ECML_OPT_TEXT(Options, recommend.time, "time"), \
	ECML_OPT_TEXT(Options, recommend.group, "group"), \
	ECML_OPT_TEXT(Options, recommend.items, "items"), \
	ECML_OPT_TEXT(Options, recommend.item_key, "item_key"), \
	ECML_OPT_LIST(Options, recommend.item_columns, "item_columns"), \
	ECML_OPT_SPAN(Options, KERNEL(half_life), "half_life")

#define FEEDBACK_OPTIONS \
	ECML_OPT_ENUM(Options, feedback, "feedback", feedbacks), \
	ECML_OPT_ENUM(Options, KERNEL(weighting), "weighting", weightings), \
	ECML_OPT_FLOAT(Options, KERNEL(k1), "k1", 0, 1000), \
	ECML_OPT_FLOAT(Options, KERNEL(b), "b", 0, 1)

#define FACTOR_OPTIONS \
	ECML_OPT_INT(Options, KERNEL(factors), "factors", 1, REC_MAX_FACTORS), \
	ECML_OPT_FLOAT(Options, KERNEL(regularization), "regularization", -1, 1e6), \
	ECML_OPT_FLOAT(Options, KERNEL(alpha), "alpha", 0, 1e6), \
	ECML_OPT_INT(Options, KERNEL(iterations), "iterations", 1, 1000), \
	ECML_OPT_ENUM(Options, KERNEL(solver), "solver", solvers), \
	ECML_OPT_INT(Options, KERNEL(cg_steps), "cg_steps", 1, 100)

#define NEIGHBOR_OPTIONS \
	ECML_OPT_INT(Options, KERNEL(neighbors), "neighbors", 1, 10000), \
	ECML_OPT_ENUM(Options, KERNEL(similarity), "similarity", similarities), \
	ECML_OPT_FLOAT(Options, KERNEL(shrinkage), "shrinkage", 0, 1e6)

static const EcmlOption als_options[] = {COLUMN_OPTIONS, FEEDBACK_OPTIONS, FACTOR_OPTIONS, ECML_OPT_END};
static const EcmlOption knn_options[] = {COLUMN_OPTIONS, FEEDBACK_OPTIONS, NEIGHBOR_OPTIONS, ECML_OPT_END};
static const EcmlOption content_options[] = {COLUMN_OPTIONS, FEEDBACK_OPTIONS,
	ECML_OPT_INT(Options, KERNEL(neighbors), "neighbors", 1, 10000), ECML_OPT_END};
static const EcmlOption popular_options[] = {COLUMN_OPTIONS, ECML_OPT_END};
static const EcmlOption repeat_options[] = {COLUMN_OPTIONS, ECML_OPT_END};
static const EcmlOption hybrid_options[] = {COLUMN_OPTIONS, FEEDBACK_OPTIONS, FACTOR_OPTIONS, NEIGHBOR_OPTIONS,
	ECML_OPT_LIST(Options, recommend.parts, "parts"), ECML_OPT_END};

static const Options defaults = {.recommend = {.kernel = REC_DEFAULTS}};

static const char *const part_names[] = {"als", "item_knn", "content", "user_knn", "popular", "repeat", NULL};	/* as RecPart */

static RecParams
params_of(const Options *options)
{
	RecParams	params = options->recommend.kernel;

	params.feedback_explicit = options->feedback == 1;
	if (params.feedback_explicit)
	{
		/* ratings are predicted as they are */
		params.weighting = REC_RAW;
	}
	return params;
}

static const char *
check(const void *given)
{
	const Options *options = given;

	if (options->feedback == 1 && options->recommend.kernel.half_life > 0)
		return "Ratings (\"feedback\": \"explicit\") do not decay: leave \"half_life\" out.";
	if (options->recommend.items == NULL && (options->recommend.item_key || options->recommend.item_columns))
		return "\"item_key\" and \"item_columns\" belong to the item table: name it with \"items\".";
	return NULL;
}

/* The parts of a hybrid: those named, or als, item_knn, popular, and content where there is an item table. */
static void
hybrid_parts(const RecommendOptions *options, float *mix)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	value;
	int			n = 0;

	if (options->parts == NULL)
	{
		mix[REC_PART_FACTORS] = mix[REC_PART_ITEMS] = mix[REC_PART_POPULAR] = 1;
		mix[REC_PART_CONTENT] = options->items != NULL;
		return;
	}
	iterator = JsonbIteratorInit(&options->parts->root);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		int			part = -1;

		if (token != WJB_ELEM)
			continue;
		for (int p = 0; part_names[p]; p++)
			if ((int) strlen(part_names[p]) == value.val.string.len &&
				memcmp(part_names[p], value.val.string.val, value.val.string.len) == 0)
				part = p;
		if (part < 0 || (part == REC_PART_CONTENT && options->items == NULL))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("invalid part \"%s\" of a hybrid", pnstrdup(value.val.string.val, value.val.string.len)),
					 part < 0 ? errdetail("It is none of those that can be mixed.") :
					 errdetail("There is no item table to learn content from."),
					 errhint("Parts are als, item_knn, user_knn, popular, repeat, and with the option \"items\" content.")));
		mix[part] = 1;
		n++;
	}
	if (n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a hybrid has no parts"),
				 errdetail("The option \"parts\" is empty."),
				 errhint("Parts are als, item_knn, user_knn, popular, repeat, and with the option \"items\" content.")));
}

RecFit *
rec_train(EcmlCtx *ctx, MemoryContext context, const EcmlAlgorithm *algorithm, const RecommendOptions *given, RecInput *input,
		  const RecRows *rows)
{
	const Options *options = (const Options *) given;
	RecParams	params = params_of(options);
	float		mix[REC_PARTS] = {0};
	bool		hybrid = strcmp(algorithm->name, "hybrid") == 0;
	char	   *key;
	RecMatrix  *content = rec_input_content(ctx, context, input, given, &key);
	RecFit	   *fit;

	if (hybrid)
		hybrid_parts(given, mix);
	else
		for (int p = 0; part_names[p]; p++)
			mix[p] = strcmp(part_names[p], algorithm->name) == 0;
	/* of what was bought as often, the more popular first */
	if (!hybrid && mix[REC_PART_REPEAT] > 0)
		mix[REC_PART_POPULAR] = 0.05f;
	if (mix[REC_PART_CONTENT] > 0 && content == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("content needs an item table"),
				 errdetail("The option \"items\" is not given."),
				 errhint("Name the table, as in '{\"items\": \"products\"}'; its key is the column called as the source's item, or the option \"item_key\".")));
	fit = rec_fit(ctx, rows, input->users->n, input->items->n, ecml_keys_names(input->items, context), &params, mix, hybrid,
				  content, input->has_group ? input->groups->n : 0,
				  input->has_group ? ecml_keys_names(input->groups, context) : NULL);
	fit->model->user_column = input->user_column;
	fit->model->item_column = input->item_column;
	fit->model->value_column = input->value_column;
	fit->model->time_column = input->time_column;
	fit->model->item_table = given->items;
	fit->model->item_key = key;
	return fit;
}

typedef struct Parts
{
	RecFit	   *fit;
	char	  **users;			/* ids */
} Parts;

static EcmlModel *
train(MemoryContext context, const EcmlTraining *training, const EcmlRequest *request, void **parts)
{
	EcmlCtx    *ctx = palloc(sizeof(EcmlCtx));
	EcmlServerHost *host = palloc(sizeof(EcmlServerHost));
	const RecommendOptions *options = training->params;
	Parts	   *kept = MemoryContextAlloc(context, sizeof(Parts));
	EcmlModel  *model;
	EcmlJson   *json;
	MemoryContext old;
	RecInput   *input;
	const RecModel *fitted;

	if (request->target || request->nfeatures > 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s takes neither target nor features", training->algorithm->name),
				 errdetail(request->target ? "A target is given." : "Features are given."),
				 errhint("The source's columns are user, item, value and time; options of these names tell which they are.")));
	ecml_host_init(ctx, host, context, (size_t) ecml_guc_work_mem * 1024, training->common.seed);
	if (training->common.progress)
		host->progress = training->algorithm->name;
	input = rec_input_read(ctx, context, request->source, options);
	kept->fit = rec_train(ctx, context, training->algorithm, options, input, &input->rows);
	kept->users = ecml_keys_names(input->users, context);
	*parts = kept;

	fitted = kept->fit->model;
	model = ecml_model_begin(context, training);
	model->fitted = kept->fit->model;
	model->rows = input->rows.n;
	model->skipped = input->skipped;
	old = MemoryContextSwitchTo(context);
	json = ecml_json_object();
	ecml_json_int(json, "users", fitted->users);
	ecml_json_int(json, "items", fitted->items);
	ecml_json_int(json, "interactions", fitted->interactions);
	ecml_json_number(json, "density", (double) fitted->interactions / fitted->users / fitted->items);
	if (fitted->factors)
		ecml_json_number(json, fitted->ratings ? "rmse" : "loss",
						 fitted->ratings ? sqrt(fitted->factors->loss) : fitted->factors->loss);
	if (strcmp(training->algorithm->name, "hybrid") == 0)
	{
		ecml_json_open_object(json, "mix");
		for (int p = 0; part_names[p]; p++)
			if (fitted->mix[p] > 0)
				ecml_json_number(json, part_names[p], rint(fitted->mix[p] * 1000) / 1000);
		ecml_json_close_object(json);
	}
	model->metrics = ecml_json_finish_text(json);
	MemoryContextSwitchTo(old);
	return model;
}

static void
store(const EcmlModel *model, void *parts, int64 model_id)
{
	const Parts *kept = parts;
	EcmlCtx		ctx;
	EcmlServerHost host;

	ecml_host_init(&ctx, &host, CurrentMemoryContext, 0, 0);
	rec_users_store(&ctx, model->fitted, kept->fit, kept->users, model_id);
}

const EcmlOwnTraining rec_own_training = {
	.train = train,
	.store = store,
	.evaluate = rec_evaluate,
	.use = "ecml_recommend",
};

static void
write_model(EcmlWriter *w, const void *fitted)
{
	rec_model_write(w, fitted);
}

static void *
read_model(EcmlReader *r, const EcmlSchema *schema)
{
	RecModel   *model = rec_model_read(r);

	for (int i = 0; i < model->items; i++)
		ecml_host_check_text(r, rec_text(&model->ids, i));
	for (int g = 0; g < model->groups; g++)
		ecml_host_check_text(r, rec_text(&model->group_names, g));
	ecml_host_check_text(r, model->user_column);
	ecml_host_check_text(r, model->item_column);
	ecml_host_check_text(r, model->value_column);
	ecml_host_check_text(r, model->time_column);
	ecml_host_check_text(r, model->item_table);
	ecml_host_check_text(r, model->item_key);
	return model;
}

static void *
flat_model(EcmlFlat *flat, void *fitted)
{
	return rec_model_flat(flat, fitted);
}

#define RECOMMENDER(number, word, list) \
	const EcmlAlgorithm ecml_algorithm_##word = { \
		.id = number, \
		.name = #word, \
		.task = ECML_RECOMMENDATION, \
		.target = ECML_TARGET_NONE, \
		.options = list, \
		.params_size = sizeof(Options), \
		.defaults = &defaults, \
		.check = check, \
		.own = &rec_own_training, \
		.write = write_model, \
		.read = read_model, \
		.flat = flat_model, \
	}

extern const EcmlAlgorithm ecml_algorithm_als;
extern const EcmlAlgorithm ecml_algorithm_item_knn;
extern const EcmlAlgorithm ecml_algorithm_user_knn;
extern const EcmlAlgorithm ecml_algorithm_content;
extern const EcmlAlgorithm ecml_algorithm_popular;
extern const EcmlAlgorithm ecml_algorithm_hybrid;
extern const EcmlAlgorithm ecml_algorithm_repeat;

RECOMMENDER(10, als, als_options);
RECOMMENDER(11, item_knn, knn_options);
RECOMMENDER(12, user_knn, knn_options);
RECOMMENDER(13, content, content_options);
RECOMMENDER(14, popular, popular_options);
RECOMMENDER(15, hybrid, hybrid_options);
RECOMMENDER(55, repeat, repeat_options);
