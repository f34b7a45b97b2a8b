/*
 * topics_sql.c - lda as an algorithm; ecml_topics, ecml_topic_mix
 */
#include "core/compat.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/memutils.h"

#include "core/guc.h"
#include "core/result.h"
#include "core/serve.h"
#include "core/textrows.h"
#include "core/trainer.h"
#include "text/lda.h"
#include "text/stop_sql.h"

typedef struct LdaOptions
{
	LdaParams	kernel;
	char	   *stopwords;
} LdaOptions;

static const EcmlOption options[] = {
	ECML_OPT_INT(LdaOptions, kernel.topics, "topics", 2, LDA_MAX_TOPICS),
	ECML_OPT_INT(LdaOptions, kernel.iterations, "iterations", 1, 100000),
	ECML_OPT_INT(LdaOptions, kernel.burn_in, "burn_in", 0, 100000),
	ECML_OPT_FLOAT(LdaOptions, kernel.alpha, "alpha", 0, 100),
	ECML_OPT_FLOAT(LdaOptions, kernel.eta, "eta", 1e-6, 100),
	ECML_OPT_BOOL(LdaOptions, kernel.optimize, "optimize"),
	ECML_OPT_INT(LdaOptions, kernel.min_df, "min_df", 0, 1000000000),
	ECML_OPT_FLOAT(LdaOptions, kernel.max_df, "max_df", 0, 1),
	ECML_OPT_INT(LdaOptions, kernel.max_words, "max_words", 0, 1000000000),
	ECML_OPT_INT(LdaOptions, kernel.least, "min_length", 1, 100),
	ECML_OPT_FLOAT(LdaOptions, kernel.holdout, "holdout", 0, 0.9),
	ECML_OPT_INT(LdaOptions, kernel.coherence_words, "coherence_words", 2, 100),
	ECML_OPT_TEXT(LdaOptions, stopwords, "stopwords"),
	ECML_OPT_END
};

static const LdaOptions defaults = {.kernel = LDA_DEFAULTS,.stopwords = "english"};

/* ---- training */

/* A document that is held out. */
typedef struct Held
{
	struct Held *next;
	EcmlText	text;			/* all its texts, a blank between them */
} Held;

typedef struct LdaTraining
{
	EcmlCtx    *ctx;
	LdaCorpus  *corpus;
	double		holdout;
	int64		rows;
	Held	   *held;
} LdaTraining;

static void
hold(LdaTraining *training, const EcmlText *texts, int n)
{
	Held	   *held;
	size_t		size = 0;
	char	   *at;

	for (int i = 0; i < n; i++)
		size += Max(texts[i].length, 0) + 1;
	held = ecml_alloc(training->ctx, sizeof(Held) + size);
	at = (char *) (held + 1);
	held->text.bytes = at;
	for (int i = 0; i < n; i++)
	{
		if (texts[i].length < 0)
			continue;
		memcpy(at, texts[i].bytes, texts[i].length);
		at += texts[i].length;
		*at++ = ' ';
	}
	held->text.length = at - held->text.bytes;
	held->next = training->held;
	training->held = held;
}

static void
training_row(void *arg, const EcmlText *texts, int n, const char *key)
{
	LdaTraining *training = arg;

	training->rows++;
	/* spread evenly: document i goes when i holdout passes a whole number */
	if (floor(training->rows * training->holdout) > floor((training->rows - 1) * training->holdout))
		hold(training, texts, n);
	else
		lda_document(training->ctx, training->corpus, texts, n);
}

static void
add_stop_word(void *arg, const char *word, int length)
{
	LdaTraining *training = arg;

	lda_stop_word(training->ctx, training->corpus, word, length);
}

static void *
begin(EcmlCtx *ctx, const EcmlTraining *given)
{
	const LdaOptions *params = given->params;
	LdaTraining *training = ECML_NEW0(ctx, LdaTraining, 1);

	training->ctx = ctx;
	training->holdout = params->kernel.holdout;
	training->corpus = lda_begin(ctx, &params->kernel);
	text_stop_words(params->stopwords, add_stop_word, training);
	return training;
}

static void *
finish(EcmlCtx *ctx, void *learning, const EcmlTraining *given, int64 rows, int64 skipped, EcmlJson *metrics)
{
	const LdaOptions *params = given->params;
	LdaTraining *training = learning;
	Lda		   *fitted;

	if (rows < 2)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("there are too few texts to find topics in"),
				 errdetail("Rows with a text: " INT64_FORMAT ".", rows),
				 errhint("Look at what the source gives.")));
	fitted = lda_fit(ctx, training->corpus, &params->kernel);
	if (training->held)
	{
		LdaCall    *call = lda_open(ctx, fitted);
		double		sum = 0;
		size_t		words = 0;

		for (Held *held = training->held; held; held = held->next)
		{
			size_t		n;

			sum += lda_complete(call, &held->text, 1, &n);
			words += n;
			ecml_poll(ctx, 0, 0);
		}
		fitted->held_out = words > 0 ? exp(-sum / words) : NAN;
	}
	ecml_json_int(metrics, "topics", fitted->topics);
	ecml_json_int(metrics, "documents", fitted->documents);
	ecml_json_int(metrics, "words", fitted->vocab.n);
	ecml_json_int(metrics, "tokens", fitted->tokens);
	ecml_json_number(metrics, "perplexity", fitted->perplexity);
	if (training->held)
		ecml_json_number(metrics, "held_out_perplexity", fitted->held_out);
	ecml_json_number(metrics, "coherence_umass", fitted->umass);
	ecml_json_number(metrics, "coherence_npmi", fitted->npmi);
	ecml_json_number(metrics, "eta", fitted->eta);
	ecml_json_numbers(metrics, "alpha", fitted->alpha, fitted->topics);
	return fitted;
}

static const EcmlTextLearner learner = {
	.begin = begin,
	.row = training_row,
	.finish = finish,
};

static EcmlModel *
train(MemoryContext context, const EcmlTraining *given, const EcmlRequest *request, void **parts)
{
	return ecml_text_rows_train(context, given, request, &learner);
}

/* ---- evaluation: perplexity of other documents */

static void *
open_call(EcmlCtx *ctx, const void *fitted)
{
	return lda_open(ctx, fitted);
}

static void
evaluation_row(void *arg, const EcmlText *texts, int n, const char *key)
{
	EcmlTextScore *score = arg;
	size_t		words;

	score->rows++;
	score->sum += lda_complete(score->call, texts, n, &words);
	score->words += words;
}

static void
evaluate(const EcmlModel *model, int64 model_id, const char *source, Jsonb *given, EcmlJson *json)
{
	ecml_text_perplexity(model, source, given, "topics", open_call, evaluation_row, json);
}

static const EcmlOwnTraining own = {
	.train = train,
	.evaluate = evaluate,
	.use = "ecml_topics or ecml_topic_mix",
};

static void
write_model(EcmlWriter *w, const void *fitted)
{
	lda_write(w, fitted);
}

static void *
read_model(EcmlReader *r, const EcmlSchema *schema)
{
	Lda		   *model = lda_read(r);

	text_check_vocab(r, &model->vocab);
	return model;
}

extern const EcmlAlgorithm ecml_algorithm_lda;

const EcmlAlgorithm ecml_algorithm_lda = {
	.id = 18,
	.name = "lda",
	.task = ECML_TOPICS,
	.target = ECML_TARGET_NONE,
	.options = options,
	.params_size = sizeof(LdaOptions),
	.defaults = &defaults,
	.own = &own,
	.write = write_model,
	.read = read_model,
};

PG_FUNCTION_INFO_V1(ecml_lda_transition);
PG_FUNCTION_INFO_V1(ecml_lda_final);

Datum
ecml_lda_transition(PG_FUNCTION_ARGS)
{
	return ecml_text_rows_transition(fcinfo, &ecml_algorithm_lda, &learner);
}

Datum
ecml_lda_final(PG_FUNCTION_ARGS)
{
	return ecml_text_rows_final(fcinfo);
}

/* ---- in SQL */

static void
check_topics(const EcmlModel *model, const char *function)
{
	if (model->algorithm != &ecml_algorithm_lda)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s needs a model of topics", function),
				 errdetail("The model's algorithm is %s.", model->algorithm->name),
				 errhint("Train one: ecml_train(model, 'lda', source).")));
}

/* ecml_topics(model, n int): rows topic, rank, word, weight */
ECML_MODEL_FUNCTION(ecml_topics)
{
	EcmlRows   *rows = ecml_rows_begin(fcinfo);
	EcmlServing *serving = ecml_serving(fcinfo, by_name);
	EcmlServerHost host;
	EcmlCtx		ctx;
	const Lda  *lda;
	uint32_t   *words;
	int			n;

	if (serving == NULL || PG_ARGISNULL(1))
		return (Datum) 0;
	check_topics(serving->model, "ecml_topics");
	n = PG_GETARG_INT32(1);
	if (n < 1 || n > 100000)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("n must be between 1 and 100000"),
				 errdetail("It is %d.", n),
				 errhint("It is the number of words of each topic.")));
	lda = serving->model->fitted;
	n = Min(n, (int) lda->vocab.n);
	ecml_host_init(&ctx, &host, CurrentMemoryContext, 0, 0);
	words = palloc_extended(n * sizeof(uint32_t), MCXT_ALLOC_HUGE);
	for (int k = 0; k < lda->topics; k++)
	{
		int			found = lda_words(&ctx, lda, k, n, words);

		CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < found; i++)
		{
			Datum		values[4];
			bool		nulls[4] = {false};
			int			length;
			const char *word = vocab_word(&lda->vocab, words[i], &length);

			values[0] = Int32GetDatum(k + 1);
			values[1] = Int32GetDatum(i + 1);
			values[2] = PointerGetDatum(cstring_to_text_with_len(word, length));
			values[3] = Float8GetDatum(lda->phi[(size_t) words[i] * lda->stride + k]);
			ecml_rows_add(rows, values, nulls);
		}
	}
	return (Datum) 0;
}

/* ecml_topic_mix(model, text): float8[] */
ECML_MODEL_FUNCTION(ecml_topic_mix)
{
	EcmlServing *serving = ecml_serving(fcinfo, by_name);
	struct Mixing
	{
		EcmlCtx		ctx;
		EcmlServerHost host;
		LdaCall    *call;
		double	   *theta;
	}		   *mixing;
	const Lda  *lda;
	struct varlena *bytes;
	EcmlText	given;
	Datum	   *values;

	if (serving == NULL || PG_ARGISNULL(1))
		PG_RETURN_NULL();
	check_topics(serving->model, "ecml_topic_mix");
	lda = serving->model->fitted;
	if (serving->extra == NULL)
	{
		mixing = MemoryContextAlloc(serving->model_context, sizeof(*mixing));
		ecml_host_init(&mixing->ctx, &mixing->host, serving->model_context, 0, 0);
		mixing->call = lda_open(&mixing->ctx, lda);
		mixing->theta = MemoryContextAlloc(serving->model_context, lda->topics * sizeof(double));
		serving->extra = mixing;
	}
	mixing = serving->extra;
	bytes = PG_GETARG_TEXT_PP(1);
	given.bytes = VARDATA_ANY(bytes);
	given.length = VARSIZE_ANY_EXHDR(bytes);
	(void) lda_mix(mixing->call, &given, 1, mixing->theta);
	values = palloc(lda->topics * sizeof(Datum));
	for (int k = 0; k < lda->topics; k++)
		values[k] = Float8GetDatum(mixing->theta[k]);
	PG_RETURN_ARRAYTYPE_P(construct_array(values, lda->topics, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}
