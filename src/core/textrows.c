/*
 * textrows.c - the texts of a source, row by row
 */
#include "core/compat.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "core/guc.h"
#include "core/host.h"
#include "core/result.h"
#include "core/state.h"
#include "core/textrows.h"
#include "core/trainer.h"

bool
ecml_text_is_text(Oid type)
{
	return type == TEXTOID || type == VARCHAROID || type == BPCHAROID;
}

void
ecml_text_input_plan(EcmlTextInput *input, MemoryContext context, int number, Oid type)
{
	Oid			function;
	bool		varlena;

	input->number = number;
	input->type = type;
	input->text = ecml_text_is_text(getBaseType(type));
	input->cstring = type == UNKNOWNOID || type == CSTRINGOID;
	if (input->text || input->cstring)
		return;
	getTypeOutputInfo(type, &function, &varlena);
	fmgr_info_cxt(function, &input->output, context);
}

EcmlText
ecml_text_input_read(EcmlTextInput *input, Datum value, bool isnull)
{
	EcmlText	result = {NULL, -1};

	if (isnull)
		return result;
	if (input->text)
	{
		struct varlena *bytes = PG_DETOAST_DATUM_PACKED(value);

		result.bytes = VARDATA_ANY(bytes);
		result.length = VARSIZE_ANY_EXHDR(bytes);
	}
	else
	{
		result.bytes = input->cstring ? DatumGetCString(value) : OutputFunctionCall(&input->output, value);
		result.length = strlen(result.bytes);
	}
	return result;
}

void
ecml_text_inputs_init(EcmlTextInputs *inputs, MemoryContext context, int n)
{
	inputs->n = 0;
	inputs->inputs = MemoryContextAllocZero(context, (n + 1) * sizeof(EcmlTextInput));
	inputs->texts = MemoryContextAlloc(context, (n + 1) * sizeof(EcmlText));
	inputs->row = AllocSetContextCreate(context, "ecml texts", ALLOCSET_DEFAULT_SIZES);
}

void
ecml_text_inputs_add(EcmlTextInputs *inputs, MemoryContext context, const EcmlSource *source, int number, const char *what, const char *why)
{
	Form_pg_attribute column = TupleDescAttr(source->desc, number);
	EcmlTextInput *input = &inputs->inputs[inputs->n];

	for (int i = 0; i < inputs->n; i++)
		if (strcmp(inputs->inputs[i].name, NameStr(column->attname)) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("%s \"%s\" is there twice", what, NameStr(column->attname)),
					 errdetail("%s", why),
					 errhint("Name each column once; give columns of a query different names with AS.")));
	input->name = MemoryContextStrdup(context, NameStr(column->attname));
	ecml_text_input_plan(input, context, number, column->atttypid);
	inputs->n++;
}

void
ecml_text_inputs_arguments(EcmlTextInputs *inputs, MemoryContext context, FunctionCallInfo fcinfo, int first)
{
	MemoryContext old = MemoryContextSwitchTo(context);
	int			n = PG_NARGS() - first;

	ecml_text_inputs_init(inputs, context, n);
	inputs->n = n;
	for (int i = 0; i < n; i++)
	{
		Oid			type = get_fn_expr_argtype(fcinfo->flinfo, first + i);

		inputs->inputs[i].name = psprintf("x%d", i + 1);
		ecml_text_input_plan(&inputs->inputs[i], context, i, OidIsValid(type) ? type : TEXTOID);
	}
	MemoryContextSwitchTo(old);
}

bool
ecml_text_inputs_read(EcmlTextInputs *inputs, const Datum *values, const bool *nulls)
{
	MemoryContext old;
	bool		any = false;

	MemoryContextReset(inputs->row);
	old = MemoryContextSwitchTo(inputs->row);
	for (int i = 0; i < inputs->n; i++)
	{
		EcmlTextInput *input = &inputs->inputs[i];

		inputs->texts[i] = ecml_text_input_read(input, values[input->number], nulls[input->number]);
		any |= inputs->texts[i].length >= 0;
	}
	MemoryContextSwitchTo(old);
	return any;
}

bool
ecml_text_inputs_read_arguments(EcmlTextInputs *inputs, FunctionCallInfo fcinfo, int first)
{
	MemoryContext old;
	bool		any = false;

	MemoryContextReset(inputs->row);
	old = MemoryContextSwitchTo(inputs->row);
	for (int i = 0; i < inputs->n; i++)
	{
		inputs->texts[i] = ecml_text_input_read(&inputs->inputs[i], PG_GETARG_DATUM(first + i), PG_ARGISNULL(first + i));
		any |= inputs->texts[i].length >= 0;
	}
	MemoryContextSwitchTo(old);
	return any;
}

void
ecml_text_inputs_features(const EcmlTextInputs *inputs, EcmlSchema *schema)
{
	schema->nfeatures = inputs->n;
	schema->features = palloc0((inputs->n + 1) * sizeof(EcmlFeature));
	for (int i = 0; i < inputs->n; i++)
	{
		schema->features[i].name = pstrdup(inputs->inputs[i].name);
		schema->features[i].kind = ECML_CATEGORY;
		schema->features[i].fill = NAN;
	}
}

void
ecml_text_check_encoding(const char *what)
{
	if (GetDatabaseEncoding() != PG_UTF8 && GetDatabaseEncoding() != PG_SQL_ASCII)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("%s needs a database in the encoding UTF8", what),
				 errdetail("This one's is %s.", GetDatabaseEncodingName()),
				 errhint("Create the database with ENCODING 'UTF8'.")));
}

/* ---- rows */

struct EcmlTextSource
{
	EcmlSource	source;
	EcmlTextInputs texts;
	bool		has_key;
	EcmlTextInput key;
	EcmlTextRow row;
	void	   *arg;
	int64		skipped;
	int64		rows;
};

static void
add_column(EcmlTextSource *source, MemoryContext context, int number)
{
	ecml_text_inputs_add(&source->texts, context, &source->source, number, "column", "Columns are known by their names.");
}

EcmlTextSource *
ecml_text_source_open(MemoryContext context, const char *what, const char *text, const char *const *names, int n, bool key)
{
	EcmlTextSource *source = MemoryContextAllocZero(context, sizeof(EcmlTextSource));
	TupleDesc	desc;

	ecml_text_check_encoding(what);
	ecml_source_open(&source->source, text);
	desc = source->source.desc;
	ecml_text_inputs_init(&source->texts, context, Max(n, desc->natts));
	source->has_key = key;
	if (key)
	{
		source->key.name = MemoryContextStrdup(context, NameStr(ecml_source_key(&source->source)->attname));
		ecml_text_input_plan(&source->key, context, 0, TupleDescAttr(desc, 0)->atttypid);
	}
	for (int i = 0; i < n; i++)
		add_column(source, context, ecml_source_column(&source->source, names[i], "text"));
	for (int i = key ? 1 : 0; n < 0 && i < desc->natts; i++)
		if (!TupleDescAttr(desc, i)->attisdropped && ecml_text_is_text(getBaseType(TupleDescAttr(desc, i)->atttypid)))
			add_column(source, context, i);
	if (source->texts.n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("there are no texts"),
				 errdetail(key ? "The source has no column of type text after the first, which is the key." :
						   "The source has no column of type text."),
				 errhint("%s works on texts: give a source that has some.", what)));
	return source;
}

int
ecml_text_source_columns(const EcmlTextSource *source)
{
	return source->texts.n;
}

const char *
ecml_text_source_column(const EcmlTextSource *source, int i)
{
	return source->texts.inputs[i].name;
}

const char *
ecml_text_source_key(const EcmlTextSource *source)
{
	return source->has_key ? source->key.name : NULL;
}

static void
take_row(void *arg, TupleTableSlot *slot)
{
	EcmlTextSource *source = arg;
	bool		any = ecml_text_inputs_read(&source->texts, slot->tts_values, slot->tts_isnull);
	const char *key = NULL;

	if (any && source->has_key && !slot->tts_isnull[0])
	{
		MemoryContext old = MemoryContextSwitchTo(source->texts.row);
		EcmlText	text = ecml_text_input_read(&source->key, slot->tts_values[0], false);

		key = pnstrdup(text.bytes, text.length);
		MemoryContextSwitchTo(old);
	}
	if (any)
		source->row(source->arg, source->texts.texts, source->texts.n, key);
	else
		source->skipped++;
	if ((++source->rows & 255) == 0)
		CHECK_FOR_INTERRUPTS();
}

int64
ecml_text_source_run(EcmlTextSource *source, EcmlTextRow row, void *arg)
{
	source->row = row;
	source->arg = arg;
	source->skipped = 0;
	ecml_source_run(&source->source, take_row, source);
	return source->skipped;
}

/* ---- trainings */

/* A training under way. */
typedef struct TextTraining
{
	const EcmlTextLearner *learner;
	const EcmlTraining *given;
	MemoryContext context;
	EcmlCtx		ctx;
	EcmlServerHost host;
	void	   *learning;		/* of the learner */
	int64		rows;
	int64		skipped;

	EcmlTextInputs arguments;	/* of an aggregate */
} TextTraining;

static void
begin_training(TextTraining *training, MemoryContext context, const EcmlTraining *given, const EcmlTextLearner *learner)
{
	ecml_text_check_encoding(given->algorithm->name);
	training->learner = learner;
	training->given = given;
	training->context = context;
	ecml_host_init(&training->ctx, &training->host, context, (size_t) ecml_guc_work_mem * 1024, given->common.seed);
	if (given->common.progress)
		training->host.progress = given->algorithm->name;
	training->learning = learner->begin(&training->ctx, given);
}

static void
count_row(void *arg, const EcmlText *texts, int n, const char *key)
{
	TextTraining *training = arg;

	training->rows++;
	training->learner->row(training->learning, texts, n, key);
}

/* The model, with the texts as features. */
static EcmlModel *
finish_training(TextTraining *training, const EcmlTextInputs *texts)
{
	EcmlModel  *model = ecml_model_begin(training->context, training->given);
	EcmlSchema *schema = model->schema;
	MemoryContext old = MemoryContextSwitchTo(training->context);
	EcmlJson   *metrics = ecml_json_object();

	model->fitted = training->learner->finish(&training->ctx, training->learning, training->given, training->rows,
											  training->skipped, metrics);
	model->metrics = ecml_json_finish_text(metrics);
	model->rows = training->rows;
	model->skipped = training->skipped;
	ecml_text_inputs_features(texts, schema);
	MemoryContextSwitchTo(old);
	return model;
}

EcmlModel *
ecml_text_rows_train(MemoryContext context, const EcmlTraining *given, const EcmlRequest *request, const EcmlTextLearner *learner)
{
	const char *name = given->algorithm->name;
	TextTraining *training = MemoryContextAllocZero(context, sizeof(TextTraining));
	EcmlTextSource *source;

	if (request->target)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s takes no target", name),
				 errdetail("The target \"%s\" is given.", request->target),
				 errhint("Give NULL as the target.")));
	source = ecml_text_source_open(context, name, request->source, request->features, request->nfeatures, false);
	begin_training(training, context, given, learner);
	training->skipped = ecml_text_source_run(source, count_row, training);
	return finish_training(training, &source->texts);
}

static TextTraining *
begin_aggregate(FunctionCallInfo fcinfo, const EcmlAlgorithm *algorithm, const EcmlTextLearner *learner, int first)
{
	MemoryContext context = AllocSetContextCreate(ecml_aggregate_context(fcinfo), "ecml aggregate", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	TextTraining *training = palloc0(sizeof(TextTraining));

	begin_training(training, context, ecml_training_parse(algorithm, PG_ARGISNULL(1) ? NULL : PG_GETARG_JSONB_P(1), NULL), learner);
	ecml_text_inputs_arguments(&training->arguments, context, fcinfo, first);
	MemoryContextSwitchTo(old);
	return training;
}

Datum
ecml_text_rows_transition(FunctionCallInfo fcinfo, const EcmlAlgorithm *algorithm, const EcmlTextLearner *learner)
{
	const int	first = 2;		/* state, options */
	TextTraining *training = PG_ARGISNULL(0) ? begin_aggregate(fcinfo, algorithm, learner, first) :
		(TextTraining *) PG_GETARG_POINTER(0);
	MemoryContext old;

	if (ecml_text_inputs_read_arguments(&training->arguments, fcinfo, first))
	{
		old = MemoryContextSwitchTo(training->arguments.row);
		count_row(training, training->arguments.texts, training->arguments.n, NULL);
		MemoryContextSwitchTo(old);
	}
	else
		training->skipped++;
	PG_RETURN_POINTER(training);
}

Datum
ecml_text_rows_final(FunctionCallInfo fcinfo)
{
	TextTraining *training = PG_ARGISNULL(0) ? NULL : (TextTraining *) PG_GETARG_POINTER(0);

	(void) ecml_aggregate_context(fcinfo);
	if (training == NULL || training->rows == 0)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(ecml_model_write(finish_training(training, &training->arguments)));
}

void
ecml_text_perplexity(const EcmlModel *model, const char *source, Jsonb *options, const char *what,
					 void *(*open) (EcmlCtx *ctx, const void *fitted), EcmlTextRow row, EcmlJson *json)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(caller, "ecml evaluation", ALLOCSET_DEFAULT_SIZES);
	const char **names = palloc((model->schema->nfeatures + 1) * sizeof(char *));
	EcmlTextScore score = {.fitted = model->fitted};
	EcmlServerHost host;
	EcmlCtx		ctx;
	int64		skipped;

	ecml_options_parse(psprintf("ecml_evaluate of %s", what), options, NULL, 0);
	for (int i = 0; i < model->schema->nfeatures; i++)
		names[i] = model->schema->features[i].name;
	ecml_host_init(&ctx, &host, context, (size_t) ecml_guc_work_mem * 1024, 0);
	if (open)
		score.call = open(&ctx, model->fitted);
	SPI_connect();
	skipped = ecml_text_source_run(ecml_text_source_open(context, model->algorithm->name, source, names, model->schema->nfeatures, false),
								   row, &score);
	SPI_finish();
	MemoryContextSwitchTo(caller);
	ecml_json_int(json, "rows", score.rows);
	ecml_json_int(json, "skipped", skipped);
	ecml_json_int(json, "words", score.words);
	ecml_json_number(json, "perplexity", score.words > 0 ? exp(-score.sum / score.words) : NAN);
	MemoryContextDelete(context);
}
