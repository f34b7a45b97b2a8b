/*
 * content_sql.c - ngram_lm as an algorithm; ecml_generate, ecml_summarize, ecml_keywords
 */
#include "core/compat.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/memutils.h"

#include "core/guc.h"
#include "core/result.h"
#include "core/serve.h"
#include "core/textrows.h"
#include "core/trainer.h"
#include "text/classify_sql.h"
#include "text/content_sql.h"
#include "text/stop_sql.h"
#include "text/summary.h"

/* ---- the language model */

static const EcmlOption options[] = {
	ECML_OPT_INT(NgramParams, order, "order", 1, NGRAM_MAX_ORDER),
	ECML_OPT_INT(NgramParams, min_count, "min_count", 1, 1000000000),
	ECML_OPT_END
};

static const NgramParams defaults = NGRAM_DEFAULTS;

typedef struct Learning
{
	EcmlCtx    *ctx;
	NgramBuilder *builder;
} Learning;

static void
learn_row(void *arg, const EcmlText *texts, int n, const char *key)
{
	Learning   *learning = arg;

	for (int i = 0; i < n; i++)
		if (texts[i].length > 0)
			ngram_text(learning->ctx, learning->builder, texts[i].bytes, texts[i].length);
}

static void *
begin(EcmlCtx *ctx, const EcmlTraining *given)
{
	Learning   *learning = ECML_NEW(ctx, Learning, 1);

	learning->ctx = ctx;
	learning->builder = ngram_begin(ctx, given->params);
	return learning;
}

static void *
finish(EcmlCtx *ctx, void *arg, const EcmlTraining *given, int64 rows, int64 skipped, EcmlJson *metrics)
{
	Learning   *learning = arg;
	NgramModel *fitted;

	if (rows == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("there are no texts to learn from"),
				 errdetail("Rows left out, because their texts are NULL: " INT64_FORMAT ".", skipped),
				 errhint("Look at what the source gives.")));
	fitted = ngram_finish(ctx, learning->builder);
	ecml_json_int(metrics, "order", fitted->order);
	ecml_json_int(metrics, "words", fitted->vocab.n - 3);
	ecml_json_int(metrics, "ngrams", fitted->n - 1);
	return fitted;
}

static const EcmlTextLearner learner = {
	.begin = begin,
	.row = learn_row,
	.finish = finish,
};

static EcmlModel *
train(MemoryContext context, const EcmlTraining *given, const EcmlRequest *request, void **parts)
{
	return ecml_text_rows_train(context, given, request, &learner);
}

/* ---- evaluation: how much other texts surprise it */

static void
score_row(void *arg, const EcmlText *texts, int n, const char *key)
{
	EcmlTextScore *score = arg;

	score->rows++;
	for (int i = 0; i < n; i++)
	{
		size_t		words;

		if (texts[i].length <= 0)
			continue;
		score->sum += ngram_score(score->fitted, texts[i].bytes, texts[i].length, &words);
		score->words += words;
	}
}

static void
evaluate(const EcmlModel *model, int64 model_id, const char *source, Jsonb *given, EcmlJson *json)
{
	ecml_text_perplexity(model, source, given, "a language model", NULL, score_row, json);
}

static const EcmlOwnTraining own = {
	.train = train,
	.evaluate = evaluate,
	.use = "ecml_generate",
};

static void
write_model(EcmlWriter *w, const void *fitted)
{
	ngram_write(w, fitted);
}

static void *
read_model(EcmlReader *r, const EcmlSchema *schema)
{
	NgramModel *model = ngram_read(r);

	text_check_vocab(r, &model->vocab);
	return model;
}

const EcmlAlgorithm ecml_algorithm_ngram_lm = {
	.id = 19,
	.name = "ngram_lm",
	.task = ECML_GENERATION,
	.target = ECML_TARGET_NONE,
	.options = options,
	.params_size = sizeof(NgramParams),
	.defaults = &defaults,
	.own = &own,
	.write = write_model,
	.read = read_model,
};

PG_FUNCTION_INFO_V1(ecml_ngram_lm_transition);
PG_FUNCTION_INFO_V1(ecml_ngram_lm_final);

Datum
ecml_ngram_lm_transition(PG_FUNCTION_ARGS)
{
	return ecml_text_rows_transition(fcinfo, &ecml_algorithm_ngram_lm, &learner);
}

Datum
ecml_ngram_lm_final(PG_FUNCTION_ARGS)
{
	return ecml_text_rows_final(fcinfo);
}

void
content_check_model(const EcmlModel *model, const char *function)
{
	if (model->algorithm != &ecml_algorithm_ngram_lm)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s needs a language model", function),
				 errdetail("The model's algorithm is %s.", model->algorithm->name),
				 errhint("Train one: ecml_train(model, 'ngram_lm', source).")));
}

/* ---- generation */

typedef struct GenerateOptions
{
	double		temperature;
	int			top;
	bool		sentences;
	int64		seed;
} GenerateOptions;

static const EcmlOption generate_options[] = {
	ECML_OPT_FLOAT(GenerateOptions, temperature, "temperature", 0.01, 100),
	ECML_OPT_INT(GenerateOptions, top, "top_k", 0, 1000000),
	ECML_OPT_BOOL(GenerateOptions, sentences, "sentences"),
	ECML_OPT_INT64(GenerateOptions, seed, "seed", 0, 9007199254740992.0),
	ECML_OPT_END
};

/* ecml_generate(model, prompt text, n int, options jsonb): text */
ECML_MODEL_FUNCTION(ecml_generate)
{
	EcmlServing *serving = ecml_serving(fcinfo, by_name);
	GenerateOptions given = {.temperature = 0.8,.top = 40,.sentences = true,.seed = -1};
	EcmlOptionSet set = {generate_options, &given};
	NgramGenerate kernel;
	EcmlServerHost host;
	EcmlCtx		ctx;
	text	   *prompt;
	char	   *result;
	size_t		length;
	int			n;

	if (serving == NULL || PG_ARGISNULL(2))
		PG_RETURN_NULL();
	content_check_model(serving->model, "ecml_generate");
	n = PG_GETARG_INT32(2);
	if (n < 1 || n > 100000)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("n must be between 1 and 100000"),
				 errdetail("It is %d.", n),
				 errhint("It is the number of words, at most.")));
	ecml_options_parse("ecml_generate", PG_ARGISNULL(3) ? NULL : PG_GETARG_JSONB_P(3), &set, 1);
	kernel = (NgramGenerate) {n, given.temperature, given.top, given.sentences, given.seed < 0 ? (uint64) ecml_guc_seed : (uint64) given.seed};
	prompt = PG_ARGISNULL(1) ? cstring_to_text("") : PG_GETARG_TEXT_PP(1);
	ecml_host_init(&ctx, &host, CurrentMemoryContext, 0, 0);
	result = ngram_generate(&ctx, serving->model->fitted, &kernel, VARDATA_ANY(prompt), VARSIZE_ANY_EXHDR(prompt), &length);
	PG_RETURN_TEXT_P(cstring_to_text_with_len(result, length));
}

/* ---- summaries and keywords of one text */

typedef struct StopVocab
{
	EcmlCtx    *ctx;
	Vocab		vocab;
} StopVocab;

static void
add_stop_word(void *arg, const char *word, int length)
{
	StopVocab  *stop = arg;

	(void) vocab_add(stop->ctx, &stop->vocab, word, length);
}

/* Stop words of a language, kept with the call. */
typedef struct StopSession
{
	EcmlCtx		ctx;
	EcmlServerHost host;
	char	   *language;
	StopVocab	stop;
} StopSession;

static const Vocab *
stop_words(FunctionCallInfo fcinfo, const char *language)
{
	StopSession *session = fcinfo->flinfo->fn_extra;

	if (session == NULL || strcmp(session->language, language) != 0)
	{
		MemoryContext old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);

		session = palloc0(sizeof(StopSession));
		ecml_host_init(&session->ctx, &session->host, CurrentMemoryContext, 0, 0);
		session->language = pstrdup(language);
		session->stop.ctx = &session->ctx;
		vocab_init(&session->ctx, &session->stop.vocab);
		text_stop_words(language, add_stop_word, &session->stop);
		fcinfo->flinfo->fn_extra = session;
		MemoryContextSwitchTo(old);
	}
	return &session->stop.vocab;
}

static int
check_n(int n, const char *what)
{
	if (n < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("n must be at least 1"),
				 errdetail("It is %d.", n),
				 errhint("It is the number of %s.", what)));
	return n;
}

PG_FUNCTION_INFO_V1(ecml_summarize);
PG_FUNCTION_INFO_V1(ecml_text_keywords);
PG_FUNCTION_INFO_V1(ecml_keywords);

/* ecml_summarize(content text, n int, language text): text */
Datum
ecml_summarize(PG_FUNCTION_ARGS)
{
	text	   *content = PG_GETARG_TEXT_PP(0);
	int			n = check_n(PG_GETARG_INT32(1), "sentences");
	const Vocab *stop = stop_words(fcinfo, text_to_cstring(PG_GETARG_TEXT_PP(2)));
	EcmlServerHost host;
	EcmlCtx		ctx;
	Span	   *spans;
	StringInfoData out;

	ecml_text_check_encoding("ecml_summarize");
	ecml_host_init(&ctx, &host, CurrentMemoryContext, 0, 0);
	n = summary_sentences(&ctx, VARDATA_ANY(content), VARSIZE_ANY_EXHDR(content), n, stop, &spans);
	initStringInfo(&out);
	for (int i = 0; i < n; i++)
	{
		const char *bytes = VARDATA_ANY(content);

		if (i > 0)
			appendStringInfoChar(&out, ' ');
		/* lines and runs of blanks become one blank */
		for (size_t at = spans[i].from; at < spans[i].to; at++)
			if ((unsigned char) bytes[at] > ' ')
				appendStringInfoCharMacro(&out, bytes[at]);
			else if (out.len > 0 && out.data[out.len - 1] != ' ')
				appendStringInfoCharMacro(&out, ' ');
	}
	PG_RETURN_TEXT_P(cstring_to_text_with_len(out.data, out.len));
}

/* ecml_text_keywords(content text, n int, language text): rows keyword, score */
Datum
ecml_text_keywords(PG_FUNCTION_ARGS)
{
	EcmlRows   *rows = ecml_rows_begin(fcinfo);
	text	   *content = PG_GETARG_TEXT_PP(0);
	int			n = check_n(PG_GETARG_INT32(1), "keywords");
	const Vocab *stop = stop_words(fcinfo, text_to_cstring(PG_GETARG_TEXT_PP(2)));
	EcmlServerHost host;
	EcmlCtx		ctx;
	Span	   *spans;

	ecml_text_check_encoding("ecml_text_keywords");
	ecml_host_init(&ctx, &host, CurrentMemoryContext, 0, 0);
	n = summary_phrases(&ctx, VARDATA_ANY(content), VARSIZE_ANY_EXHDR(content), n, stop, &spans);
	for (int i = 0; i < n; i++)
	{
		Datum		values[2];
		bool		nulls[2] = {false};

		values[0] = PointerGetDatum(cstring_to_text_with_len(VARDATA_ANY(content) + spans[i].from, spans[i].to - spans[i].from));
		values[1] = Float8GetDatum(spans[i].score);
		ecml_rows_add(rows, values, nulls);
	}
	return (Datum) 0;
}

/* ---- keywords of a source */

typedef struct KeywordOptions
{
	int			method;
	int			n;
	char	   *stopwords;
	int			min_df;
	double		max_df;
	TextTermOptions terms;
} KeywordOptions;

static const char *const methods[] = {"tfidf", "rake", NULL};

static const EcmlOption keyword_options[] = {
	ECML_OPT_ENUM(KeywordOptions, method, "method", methods),
	ECML_OPT_INT(KeywordOptions, n, "n", 1, 1000000),
	ECML_OPT_TEXT(KeywordOptions, stopwords, "stopwords"),
	ECML_OPT_INT(KeywordOptions, min_df, "min_df", 1, 1000000000),
	ECML_OPT_FLOAT(KeywordOptions, max_df, "max_df", 0, 1),
	ECML_OPT_NUMBERS(KeywordOptions, terms.ngrams, "ngrams", 1, TERM_MAX_NGRAM),
	ECML_OPT_INT(KeywordOptions, terms.least, "min_length", 1, 100),
	ECML_OPT_END
};

typedef struct Keywords
{
	const KeywordOptions *options;
	EcmlCtx		ctx;
	EcmlServerHost host;
	EcmlRows   *rows;
	StopVocab	stop;
	TermOptions terms;
	Vocab		vocab;
	Bags		bags;
	char	  **keys;			/* [bags.n] */
	size_t		key_capacity;
} Keywords;

static void
tell_keyword(Keywords *keywords, const char *key, const char *bytes, int length, double score)
{
	Datum		values[3];
	bool		nulls[3] = {false};

	nulls[0] = key == NULL;
	values[0] = key ? CStringGetTextDatum(key) : (Datum) 0;
	values[1] = PointerGetDatum(cstring_to_text_with_len(bytes, length));
	values[2] = Float8GetDatum(score);
	ecml_rows_add(keywords->rows, values, nulls);
}

static void
keyword_term(void *arg, const Term *term)
{
	Keywords   *keywords = arg;
	int			from = 0;

	/* no word of it is a stop word */
	for (int i = 0; i <= term->length; i++)
		if (i == term->length || term->bytes[i] == ' ')
		{
			if (vocab_find(&keywords->stop.vocab, term->bytes + from, i - from) != BAG_NONE)
				return;
			from = i + 1;
		}
	bags_add(&keywords->ctx, &keywords->bags, vocab_add(&keywords->ctx, &keywords->vocab, term->bytes, term->length));
}

static void
keyword_row(void *arg, const EcmlText *texts, int n, const char *key)
{
	Keywords   *keywords = arg;

	if (keywords->options->method == 1)
	{
		StringInfoData all;
		Span	   *spans;
		int			found;

		initStringInfo(&all);
		for (int i = 0; i < n; i++)
			if (texts[i].length > 0)
			{
				appendBinaryStringInfo(&all, texts[i].bytes, texts[i].length);
				appendStringInfoChar(&all, '\n');
			}
		found = summary_phrases(&keywords->ctx, all.data, all.len, keywords->options->n, &keywords->stop.vocab, &spans);
		for (int i = 0; i < found; i++)
			tell_keyword(keywords, key, all.data + spans[i].from, spans[i].to - spans[i].from, spans[i].score);
		ecml_free(&keywords->ctx, spans);
		pfree(all.data);
		return;
	}
	for (int i = 0; i < n; i++)
		if (texts[i].length > 0)
			terms_scan(&keywords->terms, texts[i].bytes, texts[i].length, true, keyword_term, keywords);
	if (keywords->bags.n == keywords->key_capacity)
	{
		keywords->key_capacity = keywords->key_capacity * 2 + 256;
		keywords->keys = ecml_resize_array(&keywords->ctx, keywords->keys, keywords->key_capacity, sizeof(char *));
	}
	keywords->keys[keywords->bags.n] = NULL;
	if (key)
		keywords->keys[keywords->bags.n] = memcpy(ecml_alloc(&keywords->ctx, strlen(key) + 1), key, strlen(key) + 1);
	bags_end(&keywords->ctx, &keywords->bags);
}

typedef struct Weighted
{
	uint32_t	term;
	double		score;
} Weighted;

static int
compare_weighted(const void *a, const void *b)
{
	const Weighted *x = a;
	const Weighted *y = b;

	if (x->score != y->score)
		return x->score > y->score ? -1 : 1;
	return x->term < y->term ? -1 : x->term > y->term;
}

/* The terms of greatest TF-IDF of each row, which has length 1. */
static void
tell_tfidf(Keywords *keywords)
{
	const Bags *bags = &keywords->bags;
	uint32_t   *df = ECML_NEW0(&keywords->ctx, uint32_t, keywords->vocab.n);
	double		most = keywords->options->max_df * bags->n;

	for (size_t i = 0; i < bags->nnz; i++)
		df[bags->column[i]]++;
	for (size_t d = 0; d < bags->n; d++)
	{
		size_t		n = bags->start[d + 1] - bags->start[d];
		Weighted   *terms = palloc_extended((n + 1) * sizeof(Weighted), MCXT_ALLOC_HUGE);
		double		square = 0;
		int			m = 0;

		CHECK_FOR_INTERRUPTS();
		for (size_t i = bags->start[d]; i < bags->start[d + 1]; i++)
		{
			uint32_t	t = bags->column[i];

			if (df[t] < (uint32_t) keywords->options->min_df || df[t] > most)
				continue;
			terms[m].term = t;
			terms[m].score = bags->value[i] * (log((1.0 + bags->n) / (1.0 + df[t])) + 1);
			square += terms[m].score * terms[m].score;
			m++;
		}
		qsort(terms, m, sizeof(Weighted), compare_weighted);
		for (int i = 0; i < m && i < keywords->options->n; i++)
		{
			int			length;
			const char *bytes = vocab_word(&keywords->vocab, terms[i].term, &length);

			tell_keyword(keywords, keywords->keys[d], bytes, length, terms[i].score / sqrt(square));
		}
		pfree(terms);
	}
}

/* ecml_keywords(source text, options jsonb): rows doc, keyword, score */
Datum
ecml_keywords(PG_FUNCTION_ARGS)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(caller, "ecml keywords", ALLOCSET_DEFAULT_SIZES);
	KeywordOptions given = {.n = 10,.stopwords = "english",.min_df = 1,.max_df = 1,.terms = {.ngrams = {-1},.least = 3}};
	EcmlOptionSet set = {keyword_options, &given};
	Keywords	keywords = {.options = &given};
	char	   *source;

	keywords.rows = ecml_rows_begin(fcinfo);
	source = ecml_source_argument(fcinfo, 0);
	MemoryContextSwitchTo(context);
	ecml_options_parse("ecml_keywords", PG_ARGISNULL(1) ? NULL : PG_GETARG_JSONB_P(1), &set, 1);
	keywords.terms = (TermOptions) {given.terms.least, 1, 1, 0, 0};
	if (!text_range(&given.terms.ngrams, &keywords.terms.ngram_low, &keywords.terms.ngram_high))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid \"ngrams\""),
				 errdetail("It is neither a number of words nor the least and the greatest."),
				 errhint("For example '{\"ngrams\": [1, 2]}'.")));
	ecml_host_init(&keywords.ctx, &keywords.host, context, (size_t) ecml_guc_work_mem * 1024, 0);
	keywords.stop.ctx = &keywords.ctx;
	vocab_init(&keywords.ctx, &keywords.stop.vocab);
	vocab_init(&keywords.ctx, &keywords.vocab);
	bags_init(&keywords.ctx, &keywords.bags, 1024);
	text_stop_words(given.stopwords, add_stop_word, &keywords.stop);
	SPI_connect();
	(void) ecml_text_source_run(ecml_text_source_open(context, "ecml_keywords", source, NULL, -1, true),
								keyword_row, &keywords);
	SPI_finish();
	MemoryContextSwitchTo(context);
	if (given.method == 0)
		tell_tfidf(&keywords);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
	return (Datum) 0;
}
