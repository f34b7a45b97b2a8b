/*
 * classify_sql.c - naive_bayes and text_logreg as algorithms, and the words that speak for a class
 */
#include "core/compat.h"

#include <math.h>

#include "miscadmin.h"

#include "core/algorithm.h"
#include "core/host.h"
#include "core/result.h"
#include "core/serve.h"
#include "core/texts.h"
#include "text/classify_sql.h"
#include "text/naive_bayes.h"
#include "text/stop_sql.h"
#include "text/text_logreg.h"

/* ---- terms: options that both have */

bool
text_range(const EcmlNumberList *given, int *low, int *high)
{
	if (given->n < 0)
		return true;
	if (given->n == 1)
		*low = *high = (int) given->v[0];
	else if (given->n == 2)
	{
		*low = (int) given->v[0];
		*high = (int) given->v[1];
	}
	else
		return false;
	if (*high == 0)
		*low = 0;
	return *low <= *high && (*high == 0 || *low > 0) && given->v[0] == rint(given->v[0]) &&
		(given->n == 1 || given->v[1] == rint(given->v[1]));
}

static const char *
check_terms(const TextTermOptions *given)
{
	TermOptions terms = {.ngram_low = 1,.ngram_high = 1};

	if (!text_range(&given->ngrams, &terms.ngram_low, &terms.ngram_high))
		return "\"ngrams\" is a number of words, or the least and the greatest: [1, 2].";
	if (!text_range(&given->chars, &terms.char_low, &terms.char_high))
		return "\"chars\" is a number of characters, or the least and the greatest: [2, 5].";
	if (terms.ngram_high + terms.char_high == 0)
		return "With \"ngrams\" and \"chars\" both 0 there are no terms.";
	return NULL;
}

static void
finish_terms(const TextTermOptions *given, TermOptions *terms)
{
	terms->least = given->least;
	(void) text_range(&given->ngrams, &terms->ngram_low, &terms->ngram_high);
	(void) text_range(&given->chars, &terms->char_low, &terms->char_high);
}

/* What a kernel tells of a term goes to the core's function. */
typedef struct Telling
{
	EcmlPartFunction part;
	void	   *arg;
	int			feature;
} Telling;

static void
tell(void *arg, const char *bytes, int length, double sum)
{
	Telling    *telling = arg;

	telling->part(telling->arg, telling->feature, bytes, length, sum);
}

/* ---- naive Bayes */

typedef struct BayesOptions
{
	NaiveBayesParams kernel;
	TextTermOptions terms;
} BayesOptions;

static const char *const variants[] = {"multinomial", "complement", NULL};	/* as NaiveBayesVariant */

static const EcmlOption bayes_options[] = {
	ECML_OPT_ENUM(BayesOptions, kernel.variant, "variant", variants),
	ECML_OPT_FLOAT(BayesOptions, kernel.alpha, "alpha", 0, 1e6),
	ECML_OPT_BOOL(BayesOptions, kernel.fit_prior, "fit_prior"),
	ECML_OPT_BOOL(BayesOptions, kernel.norm, "norm"),
	ECML_OPT_BOOL(BayesOptions, kernel.binary, "binary"),
	ECML_OPT_INT(BayesOptions, kernel.min_df, "min_df", 1, 1000000000),
	TEXT_TERM_OPTIONS(BayesOptions, terms),
	ECML_OPT_END
};

static const BayesOptions bayes_defaults = {.kernel = NAIVE_BAYES_DEFAULTS,.terms = TEXT_TERM_DEFAULTS};

static const char *
bayes_check(const void *params)
{
	const BayesOptions *options = params;

	if (options->kernel.norm && options->kernel.variant != NAIVE_BAYES_COMPLEMENT)
		return "\"norm\" is for the variant complement.";
	return check_terms(&options->terms);
}

static void *
bayes_begin(EcmlCtx *ctx, const void *params)
{
	NaiveBayesParams kernel = ((const BayesOptions *) params)->kernel;

	finish_terms(&((const BayesOptions *) params)->terms, &kernel.terms);
	return naive_bayes_begin(ctx, &kernel);
}

static void
bayes_row(EcmlCtx *ctx, void *fit, const EcmlText *texts, int n, int class, double weight)
{
	naive_bayes_row(ctx, fit, texts, n, class, weight);
}

static void *
bayes_finish(EcmlCtx *ctx, void *fit, int classes, const int *recode, int given)
{
	return naive_bayes_finish(ctx, fit, classes, recode, given);
}

typedef struct BayesCall
{
	BayesRow   *row;
	double	   *score;			/* [classes] */
	double	   *p;
} BayesCall;

static void *
bayes_open(EcmlCtx *ctx, const void *fitted)
{
	BayesCall  *call = ECML_NEW(ctx, BayesCall, 1);
	const NaiveBayes *model = fitted;

	call->row = naive_bayes_open(ctx, model);
	call->score = ECML_NEW(ctx, double, model->classes);
	call->p = ECML_NEW(ctx, double, model->classes);
	return call;
}

static void
bayes_probabilities(void *call, const EcmlText *texts, int n, double *p)
{
	naive_bayes_predict(((BayesCall *) call)->row, texts, n, ((BayesCall *) call)->score, p);
}

static double
bayes_explain(void *given, const EcmlText *texts, int n, int class, EcmlPartFunction part, void *arg)
{
	BayesCall  *call = given;
	Telling		telling = {part, arg, 0};

	naive_bayes_predict(call->row, texts, n, call->score, call->p);
	for (; telling.feature < n; telling.feature++)
		naive_bayes_explain(call->row, &texts[telling.feature], class, tell, &telling);
	return naive_bayes_base(call->row->model, class);
}

static const EcmlTextClassifier bayes_texts = {
	.begin = bayes_begin,
	.row = bayes_row,
	.finish = bayes_finish,
	.open = bayes_open,
	.probabilities = bayes_probabilities,
	.explain = bayes_explain,
};

static const EcmlOwnTraining bayes_training = {
	.train = ecml_texts_train,
	.evaluate = ecml_texts_evaluate,
	.predict = ecml_texts_predict,
	.use = "ecml_classify",
	.texts = &bayes_texts,
};

static void
bayes_write(EcmlWriter *w, const void *fitted)
{
	naive_bayes_write(w, fitted);
}

static void *
bayes_read(EcmlReader *r, const EcmlSchema *schema)
{
	NaiveBayes *model = naive_bayes_read(r, schema->nclasses);

	text_check_vocab(r, &model->vocab);
	return model;
}

static void
bayes_metrics(const void *fitted, const EcmlSchema *schema, EcmlJson *json)
{
	ecml_json_int(json, "terms", ((const NaiveBayes *) fitted)->vocab.n);
}

extern const EcmlAlgorithm ecml_algorithm_naive_bayes;

const EcmlAlgorithm ecml_algorithm_naive_bayes = {
	.id = 16,
	.name = "naive_bayes",
	.task = ECML_CLASSIFICATION,
	.target = ECML_TARGET_CLASS,
	.options = bayes_options,
	.params_size = sizeof(BayesOptions),
	.defaults = &bayes_defaults,
	.check = bayes_check,
	.own = &bayes_training,
	.write = bayes_write,
	.read = bayes_read,
	.metrics = bayes_metrics,
};

/* ---- logistic regression */

typedef struct LogregOptions
{
	TextLogregParams kernel;
	TextTermOptions terms;
	int			class_weight;
} LogregOptions;

static const char *const class_weights[] = {"none", "balanced", NULL};

static const EcmlOption logreg_options[] = {
	ECML_OPT_FLOAT(LogregOptions, kernel.c, "c", 1e-6, 1e6),
	ECML_OPT_INT(LogregOptions, kernel.bits, "bits", TEXT_LOGREG_MIN_BITS, TEXT_LOGREG_MAX_BITS),
	ECML_OPT_BOOL(LogregOptions, kernel.sublinear, "sublinear"),
	ECML_OPT_BOOL(LogregOptions, kernel.idf, "idf"),
	ECML_OPT_BOOL(LogregOptions, kernel.intercept, "intercept"),
	ECML_OPT_ENUM(LogregOptions, class_weight, "class_weight", class_weights),
	ECML_OPT_INT(LogregOptions, kernel.min_df, "min_df", 1, 1000000000),
	ECML_OPT_FLOAT(LogregOptions, kernel.max_df, "max_df", 0, 1),
	ECML_OPT_INT(LogregOptions, kernel.names, "vocabulary", 0, 1000000),
	ECML_OPT_INT(LogregOptions, kernel.max_iter, "max_iter", 1, 100000),
	ECML_OPT_FLOAT(LogregOptions, kernel.tolerance, "tolerance", 0, 1),
	TEXT_TERM_OPTIONS(LogregOptions, terms),
	ECML_OPT_END
};

static const LogregOptions logreg_defaults = {.kernel = TEXT_LOGREG_DEFAULTS,.terms = TEXT_TERM_DEFAULTS};

static const char *
logreg_check(const void *params)
{
	return check_terms(&((const LogregOptions *) params)->terms);
}

static void *
logreg_begin(EcmlCtx *ctx, const void *params)
{
	TextLogregParams kernel = ((const LogregOptions *) params)->kernel;

	finish_terms(&((const LogregOptions *) params)->terms, &kernel.terms);
	kernel.balanced = ((const LogregOptions *) params)->class_weight == 1;
	return text_logreg_begin(ctx, &kernel);
}

static void
logreg_row(EcmlCtx *ctx, void *fit, const EcmlText *texts, int n, int class, double weight)
{
	text_logreg_row(ctx, fit, texts, n, class, weight);
}

static void *
logreg_finish(EcmlCtx *ctx, void *fit, int classes, const int *recode, int given)
{
	return text_logreg_finish(ctx, fit, classes, recode, given);
}

typedef struct LogregCall
{
	LogregRow  *row;
	double	   *z;				/* [outputs] */
	double	   *p;				/* [classes] */
} LogregCall;

static void *
logreg_open(EcmlCtx *ctx, const void *fitted)
{
	LogregCall *call = ECML_NEW(ctx, LogregCall, 1);
	const TextLogreg *model = fitted;

	call->row = text_logreg_open(ctx, model);
	call->z = ECML_NEW(ctx, double, model->outputs);
	call->p = ECML_NEW(ctx, double, model->classes);
	return call;
}

static void
logreg_probabilities(void *call, const EcmlText *texts, int n, double *p)
{
	text_logreg_predict(((LogregCall *) call)->row, texts, n, ((LogregCall *) call)->z, p);
}

static double
logreg_explain(void *given, const EcmlText *texts, int n, int class, EcmlPartFunction part, void *arg)
{
	LogregCall *call = given;
	Telling		telling = {part, arg, 0};

	text_logreg_predict(call->row, texts, n, call->z, call->p);
	for (; telling.feature < n; telling.feature++)
		text_logreg_explain(call->row, texts, n, telling.feature, class, tell, &telling);
	return text_logreg_base(call->row->model, class);
}

static const EcmlTextClassifier logreg_texts = {
	.begin = logreg_begin,
	.row = logreg_row,
	.finish = logreg_finish,
	.open = logreg_open,
	.probabilities = logreg_probabilities,
	.explain = logreg_explain,
};

static const EcmlOwnTraining logreg_training = {
	.train = ecml_texts_train,
	.evaluate = ecml_texts_evaluate,
	.predict = ecml_texts_predict,
	.use = "ecml_classify",
	.texts = &logreg_texts,
};

static void
logreg_write(EcmlWriter *w, const void *fitted)
{
	text_logreg_write(w, fitted);
}

static void *
logreg_read(EcmlReader *r, const EcmlSchema *schema)
{
	TextLogreg *model = text_logreg_read(r, schema->nclasses);

	text_check_vocab(r, &model->names);
	return model;
}

static void
logreg_metrics(const void *fitted, const EcmlSchema *schema, EcmlJson *json)
{
	const TextLogreg *model = fitted;

	ecml_json_int(json, "terms", model->columns);
	ecml_json_int(json, "iterations", model->iterations);
	ecml_json_bool(json, "converged", model->change <= model->params.tolerance);
	ecml_json_number(json, "log_loss", model->loss);
}

extern const EcmlAlgorithm ecml_algorithm_text_logreg;

const EcmlAlgorithm ecml_algorithm_text_logreg = {
	.id = 17,
	.name = "text_logreg",
	.task = ECML_CLASSIFICATION,
	.target = ECML_TARGET_CLASS,
	.options = logreg_options,
	.params_size = sizeof(LogregOptions),
	.defaults = &logreg_defaults,
	.check = logreg_check,
	.own = &logreg_training,
	.write = logreg_write,
	.read = logreg_read,
	.metrics = logreg_metrics,
};

/* ---- aggregates */

#define AGGREGATE(word) \
	PG_FUNCTION_INFO_V1(ecml_##word##_transition); \
	PG_FUNCTION_INFO_V1(ecml_##word##_final); \
	Datum ecml_##word##_transition(PG_FUNCTION_ARGS) { return ecml_texts_transition(fcinfo, &ecml_algorithm_##word); } \
	Datum ecml_##word##_final(PG_FUNCTION_ARGS) { return ecml_texts_final(fcinfo); }

AGGREGATE(naive_bayes)
AGGREGATE(text_logreg)

/* ---- the terms that speak for a class */

typedef struct TopTerm
{
	uint32_t	term;
	double		rank;			/* by which they are ordered */
	double		weight;			/* what is told */
} TopTerm;

/* The best n, the first first; from then on to the next call. */
static void
offer(TopTerm *top, int *n, int most, TopTerm term)
{
	int			at = *n;

	if (*n == most && !(term.rank > top[most - 1].rank))
		return;
	if (*n < most)
		(*n)++;
	else
		at = most - 1;
	while (at > 0 && top[at - 1].rank < term.rank)
	{
		top[at] = top[at - 1];
		at--;
	}
	top[at] = term;
}

static void
tell_top(EcmlRows *rows, const char *class, const Vocab *vocab, const TopTerm *top, int n)
{
	for (int i = 0; i < n; i++)
	{
		Datum		values[4];
		bool		nulls[4] = {false};
		int			length;
		const char *word = vocab_word(vocab, top[i].term, &length);

		values[0] = CStringGetTextDatum(class);
		values[1] = Int32GetDatum(i + 1);
		values[2] = PointerGetDatum(cstring_to_text_with_len(word, length));
		values[3] = Float8GetDatum(top[i].weight);
		ecml_rows_add(rows, values, nulls);
	}
}

/* ecml_top_words(model, n int): rows class, rank, term, weight */
ECML_MODEL_FUNCTION(ecml_top_words)
{
	EcmlRows   *rows = ecml_rows_begin(fcinfo);
	EcmlServing *serving = ecml_serving(fcinfo, by_name);
	const EcmlModel *model = serving ? serving->model : NULL;
	TopTerm    *top;
	int			most;

	if (model == NULL || PG_ARGISNULL(1))
		return (Datum) 0;
	most = PG_GETARG_INT32(1);
	if (model->algorithm != &ecml_algorithm_text_logreg && model->algorithm != &ecml_algorithm_naive_bayes)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("ecml_top_words needs a classifier of texts"),
				 errdetail("The model's algorithm is %s.", model->algorithm->name),
				 errhint("Train one with text_logreg or naive_bayes.")));
	if (most < 1 || most > 100000)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("n must be between 1 and 100000"),
				 errdetail("It is %d.", most),
				 errhint("It is the number of terms of each class.")));
	top = palloc(most * sizeof(TopTerm));
	for (int c = 0; c < model->schema->nclasses; c++)
	{
		int			n = 0;

		CHECK_FOR_INTERRUPTS();
		if (model->algorithm == &ecml_algorithm_text_logreg)
		{
			const TextLogreg *fitted = model->fitted;

			for (uint32_t i = 0; i < fitted->names.n; i++)
			{
				double		w = fitted->outputs == 1 ? (c == 1 ? 1 : -1) * fitted->w[fitted->named[i]] :
					fitted->w[(size_t) fitted->named[i] * fitted->outputs + c];

				if (w > 0)
					offer(top, &n, most, (TopTerm) {i, w, w});
			}
			tell_top(rows, model->schema->classes[c], &fitted->names, top, n);
		}
		else
		{
			const NaiveBayes *fitted = model->fitted;

			for (uint32_t t = 0; t < fitted->vocab.n; t++)
				for (size_t i = fitted->first[t]; i < fitted->first[t + 1]; i++)
					if (fitted->class[i] == (uint32_t) c)
					{
						double		lead = naive_bayes_weight(fitted, t, c);
						double		mean = 0;

						for (int k = 0; k < fitted->classes; k++)
							mean += naive_bayes_weight(fitted, t, k);
						lead -= mean / fitted->classes;
						/* a term of few rows says little of the class, however sure it is */
						if (lead > 0)
							offer(top, &n, most, (TopTerm) {t, lead * fitted->count[i], lead});
					}
			tell_top(rows, model->schema->classes[c], &fitted->vocab, top, n);
		}
	}
	return (Datum) 0;
}
