/*
 * test_text_models.c - words, naive Bayes and logistic regression of texts (test/data/text, made by make_text.py there), topics,
 * n-gram models, summaries
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"
#include "text/lda.h"
#include "text/naive_bayes.h"
#include "text/ngram_lm.h"
#include "text/summary.h"
#include "text/text_logreg.h"

#define MOST 200

static char *texts[MOST];
static int	classes[MOST];		/* in the order of their names */
static int	ntexts;

typedef struct Expected
{
	char		name[40];
	int			row;
	int			n;
	double		p[3];
} Expected;

static Expected expected[4000];
static int	nexpected;

static bool
attempt(EcmlCtx *ctx, void (*function) (EcmlCtx *ctx, void *arg), void *arg)
{
	if (!TRY(ctx))
		return false;
	function(ctx, arg);
	return true;
}

static bool
read_reference(void)
{
	const char *folder = getenv("ECML_TEST_DATA");
	char		path[1000];
	char		line[4096];
	FILE	   *file;

	snprintf(path, sizeof(path), "%s/text/classes.tsv", folder ? folder : "test/data");
	file = fopen(path, "r");
	if (file == NULL)
		return false;
	while (fgets(line, sizeof(line), file))
	{
		char	   *kind = strtok(line, "\t\n");
		char	   *second = strtok(NULL, "\t\n");
		char	   *third = strtok(NULL, "\n");

		if (strcmp(kind, "text") == 0)
		{
			classes[ntexts] = strcmp(second, "books") == 0 ? 0 : strcmp(second, "phones") == 0 ? 1 : 2;
			texts[ntexts++] = strdup(third);
		}
		else
		{
			Expected   *e = &expected[nexpected++];

			snprintf(e->name, sizeof(e->name), "%s", second);
			for (char *field = strtok(third, "\t"); field; field = strtok(NULL, "\t"))
				if (e->n++ == 0)
					e->row = atoi(field);
				else
					e->p[e->n - 2] = atof(field);
			e->n--;
		}
	}
	fclose(file);
	return true;
}

static EcmlText
text_of(int i)
{
	return (EcmlText) {texts[i], (int) strlen(texts[i])};
}

/* ---- words */

static void
words_are(const char *text, int least, const char *want)
{
	Words		words;
	char		got[1000] = "";

	words_begin(&words, text, strlen(text), least);
	while (words_next(&words))
	{
		strcat(got, got[0] ? "|" : "");
		strncat(got, words.word, words.length);
	}
	ok(strcmp(got, want) == 0, "words of \"%.40s\": %s", text, got);
}

static void
test_words(void)
{
	char	   *long_text = malloc(2000);
	Words		words;

	words_are("Red SHOES, size_42; 10x20cm!", 2, "red|shoes|size_42|10x20cm");
	words_are("a I b2 é ÉTÉ", 2, "b2|été");
	words_are("ÀÉÎ Ёлка ΑΒΓ 日本語", 1, "àéî|ёлка|αβγ|日本語");
	words_are("don't e-book", 1, "don|t|e|book");
	words_are("bad\xff\xfe" "bytes \xc3", 1, "bad|bytes");
	words_are("", 1, "");
	memset(long_text, 'x', 1000);
	strcpy(long_text + 1000, " y2");
	words_are(long_text, 1, "y2");
	words_begin(&words, "\xf0\x9f\x98\x80\xf0\x9f\x98\x80 ok", 11, 1);
	ok(words_next(&words) && words.from == 9 && words.to == 11 && !words_next(&words), "emoji are no words");
	free(long_text);
}

/* ---- classes */

static const int same[] = {0, 1, 2};

static double
worst_of(const char *name, int row, const double *p)
{
	for (int i = 0; i < nexpected; i++)
		if (expected[i].row == row && strcmp(expected[i].name, name) == 0)
		{
			double		worst = 0;

			for (int c = 0; c < expected[i].n; c++)
				worst = fmax(worst, fabs(p[c] - expected[i].p[c]));
			return worst;
		}
	return INFINITY;
}

static NaiveBayes *
fit_bayes(EcmlCtx *ctx, const NaiveBayesParams *params)
{
	NaiveBayesFit *fit = naive_bayes_begin(ctx, params);

	for (int i = 0; i < ntexts; i++)
	{
		EcmlText	text = text_of(i);

		naive_bayes_row(ctx, fit, &text, 1, classes[i], 1);
	}
	return naive_bayes_finish(ctx, fit, 3, same, 3);
}

static void
test_bayes(const char *name, NaiveBayesParams params)
{
	EcmlCtx    *ctx = test_ctx(1, 1);
	NaiveBayes *model = fit_bayes(ctx, &params);
	BayesRow   *row;
	EcmlWriter	w;
	EcmlReader	r;
	double		worst = 0;

	ecml_writer_init(&w, ctx);
	naive_bayes_write(&w, model);
	ecml_reader_init(&r, ctx, w.data, w.size);
	model = naive_bayes_read(&r, 3);
	ecml_read_end(&r);
	row = naive_bayes_open(ctx, model);
	for (int i = 0; i < ntexts; i++)
	{
		EcmlText	text = text_of(i);
		double		score[3];
		double		p[3];

		naive_bayes_predict(row, &text, 1, score, p);
		worst = fmax(worst, worst_of(name, i, p));
	}
	ok(worst < 1e-10, "naive Bayes, %s: within %g of scikit-learn", name, worst);
	test_ctx_free(ctx);
}

static void
sum_parts(void *arg, const char *bytes, int length, double sum)
{
	*(double *) arg += sum;
}

static TextLogreg *
fit_logreg(EcmlCtx *ctx, const TextLogregParams *params, bool two)
{
	TextLogregFit *fit = text_logreg_begin(ctx, params);
	static const int without_books[] = {-1, 0, 1};

	for (int i = 0; i < ntexts; i++)
	{
		EcmlText	text = text_of(i);

		text_logreg_row(ctx, fit, &text, 1, classes[i], 1);
	}
	return two ? text_logreg_finish(ctx, fit, 2, without_books, 3) : text_logreg_finish(ctx, fit, 3, same, 3);
}

static void
test_logreg(const char *name, TextLogregParams params, bool two)
{
	EcmlCtx    *ctx = test_ctx(1, 1);
	TextLogreg *model;
	LogregRow  *row;
	EcmlWriter	w;
	EcmlReader	r;
	double		worst = 0;
	double		gap = 0;
	int			number = 0;

	params.bits = 24;			/* no two terms have the same */
	params.tolerance = 1e-7;
	params.max_iter = 100000;
	model = fit_logreg(ctx, &params, two);
	ecml_writer_init(&w, ctx);
	text_logreg_write(&w, model);
	ecml_reader_init(&r, ctx, w.data, w.size);
	model = text_logreg_read(&r, two ? 2 : 3);
	ecml_read_end(&r);
	row = text_logreg_open(ctx, model);
	for (int i = 0; i < ntexts; i++)
	{
		EcmlText	text = text_of(i);
		double		z[3];
		double		p[3];
		double		sum = 0;

		if (two && classes[i] == 0)
			continue;
		text_logreg_predict(row, &text, 1, z, p);
		worst = fmax(worst, worst_of(name, number++, p));
		text_logreg_explain(row, &text, 1, 0, 1, sum_parts, &sum);
		gap = fmax(gap, fabs(sum + text_logreg_base(model, 1) - z[two ? 0 : 1]));
	}
	ok(worst < 1e-4, "%s: within %g of scikit-learn", name, worst);
	ok(gap < 1e-5, "the terms' parts add up to the score: within %g", gap);
	test_ctx_free(ctx);
}

/* ---- topics */

/* Documents of two kinds of words, and some common ones. */
static LdaCorpus *
make_corpus(EcmlCtx *ctx, const LdaParams *params, int n)
{
	LdaCorpus  *corpus = lda_begin(ctx, params);
	EcmlRng		rng;

	ecml_rng_seed(&rng, 2);
	lda_stop_word(ctx, corpus, "stop", 4);
	for (int d = 0; d < n; d++)
	{
		char		text[2000] = "stop";
		EcmlText	given;

		for (int i = 0; i < 40; i++)
			sprintf(text + strlen(text), " %s%c%c", ecml_rng_double(&rng) < 0.1 ? "any" : d % 2 ? "odd" : "even",
					'a' + (int) ecml_rng_below(&rng, 5), 'a' + (int) ecml_rng_below(&rng, 5));
		given = (EcmlText) {text, (int) strlen(text)};
		lda_document(ctx, corpus, &given, 1);
	}
	return corpus;
}

static Lda *
fit_lda(EcmlCtx *ctx, int n, int iterations)
{
	LdaParams	params = LDA_DEFAULTS;

	params.topics = 3;
	params.iterations = iterations;
	params.burn_in = iterations / 2;
	params.max_df = 1;
	return lda_fit(ctx, make_corpus(ctx, &params, n), &params);
}

static void
test_lda(void)
{
	EcmlCtx    *ctx = test_ctx(1, 1);
	EcmlCtx    *other = test_ctx(4, 1);
	Lda		   *model = fit_lda(ctx, 300, 100);
	Lda		   *again = fit_lda(other, 300, 100);
	EcmlText	odd = {"oddaa oddbc odddd oddaa oddea", 29};
	EcmlText	even = {"evenaa evenbc evendd evenaa", 27};
	EcmlText	none = {"zzz", 3};
	double		a[3];
	double		b[3];
	double		sum = 0;
	LdaCall    *call = lda_open(ctx, model);
	size_t		words;
	EcmlWriter	w;
	EcmlReader	r;
	Lda		   *read;
	int			main_odd;
	uint32_t	top[5];
	int			clean = 0;

	lda_mix(call, &odd, 1, a);
	lda_mix(call, &even, 1, b);
	main_odd = a[0] > a[1] ? (a[0] > a[2] ? 0 : 2) : a[1] > a[2] ? 1 : 2;
	for (int k = 0; k < 3; k++)
		sum += a[k];
	ok(a[main_odd] > 0.8 && b[main_odd] < 0.3, "words of one kind are a topic: %.3f, %.3f", a[main_odd], b[main_odd]);
	close_to(sum, 1, 1e-6, "the shares add up to 1");
	ok(lda_mix(call, &none, 1, b) == 0 && b[0] > 0, "a text without known words has the expected shares");
	lda_words(ctx, model, main_odd, 5, top);
	for (int i = 0; i < 5; i++)
	{
		int			length;

		clean += memcmp(vocab_word(&model->vocab, top[i], &length), "odd", 3) == 0;
	}
	ok(clean == 5, "its first words are of that kind");
	ok(memcmp(model->phi, again->phi, sizeof(float) * model->vocab.n * model->stride) == 0, "the same with 1 and 4 threads");
	ok(model->perplexity > 20 && model->perplexity < 60, "perplexity %.1f is that of some 28 words", model->perplexity);
	ok(isfinite(model->umass) && model->npmi > -1 && model->npmi < 1, "coherence: %.3f, %.3f", model->umass, model->npmi);
	(void) lda_complete(call, &odd, 1, &words);
	ok(words == 3, "the second half of 5 words are 3");
	ecml_writer_init(&w, ctx);
	lda_write(&w, model);
	ecml_reader_init(&r, ctx, w.data, w.size);
	read = lda_read(&r);
	ecml_read_end(&r);
	ok(memcmp(model->phi, read->phi, sizeof(float) * model->vocab.n * model->stride) == 0, "a model comes back from its bytes");
	test_ctx_free(ctx);
	test_ctx_free(other);
}

/* ---- n-grams */

static NgramModel *
fit_ngrams(EcmlCtx *ctx, int order)
{
	NgramParams params = {order, 1};
	NgramBuilder *builder = ngram_begin(ctx, &params);
	static const char text[] = "The red shoe is light. The red boot is warm! The blue shoe is light, and it is warm. Is the red shoe warm? "
		"It costs $5.50.";

	ngram_text(ctx, builder, text, sizeof(text) - 1);
	ngram_text(ctx, builder, "A red hat", 9);
	return ngram_finish(ctx, builder);
}

static void
test_ngrams(void)
{
	EcmlCtx    *ctx = test_ctx(1, 1);
	NgramModel *model = fit_ngrams(ctx, 3);
	EcmlWriter	w;
	EcmlReader	r;
	double		worst = 0;
	NgramGenerate options = {30, 0.8, 5, true, 7};
	size_t		n;
	size_t		m;
	char	   *a;
	char	   *b;

	ecml_writer_init(&w, ctx);
	ngram_write(&w, model);
	ecml_reader_init(&r, ctx, w.data, w.size);
	model = ngram_read(&r);
	ecml_read_end(&r);
	/* after any two words the probabilities add up to 1 */
	for (uint32_t x = 1; x < model->vocab.n; x++)
		for (uint32_t y = 0; y < model->vocab.n; y++)
		{
			uint32_t	before[] = {x, y};
			double		sum = 0;

			for (uint32_t word = 0; word < model->vocab.n; word++)
				sum += ngram_probability(model, before, 2, word);
			worst = fmax(worst, fabs(sum - 1));
		}
	ok(worst < 1e-6, "probabilities add up to 1: within %g", worst);
	ok(ngram_score(model, "The red shoe is light.", 22, &n) > ngram_score(model, "light is shoe red The.", 22, &m) && n == m && n == 7,
	   "a sentence of the texts is likelier than its words turned round");
	a = ngram_generate(ctx, model, &options, "The red", 7, &n);
	b = ngram_generate(ctx, model, &options, "The red", 7, &m);
	ok(n == m && memcmp(a, b, n) == 0 && memcmp(a, "The red", 7) == 0, "the same seed, the same text: %s", a);
	options.seed = 8;
	b = ngram_generate(ctx, model, &options, "", 0, &m);
	ok(m > 0, "and another without a prompt: %s", b);
	test_ctx_free(ctx);
	/* all orders work */
	for (int order = 1; order <= NGRAM_MAX_ORDER; order++)
	{
		ctx = test_ctx(1, 1);
		model = fit_ngrams(ctx, order);
		options.words = 10;
		(void) ngram_generate(ctx, model, &options, "It", 2, &n);
		ok(isfinite(ngram_score(model, "It is a red hat.", 16, &m)) && n >= 2, "order %d", order);
		test_ctx_free(ctx);
	}
}

/* ---- summaries */

static void
test_summary(void)
{
	EcmlCtx    *ctx = test_ctx(1, 1);
	const char *text = "The tent is light. The tent is light and dry, the poles of the tent are strong. Bananas were yellow. "
		"Strong poles keep the tent dry. My neighbour came.";
	Vocab		stop;
	Span	   *spans;
	int			n;
	char	   *many = malloc(200001);
	bool		emoji_ok;

	vocab_init(ctx, &stop);
	vocab_add(ctx, &stop, "the", 3);
	vocab_add(ctx, &stop, "of", 2);
	vocab_add(ctx, &stop, "is", 2);
	vocab_add(ctx, &stop, "and", 3);
	vocab_add(ctx, &stop, "are", 3);
	n = summary_sentences(ctx, text, strlen(text), 2, &stop, &spans);
	ok(n == 2 && strncmp(text + spans[0].from, "The tent is light and dry", 25) == 0 && spans[0].from < spans[1].from &&
	   strncmp(text + spans[1].from, "Strong poles", 12) == 0, "the sentences that the others are like, in their order");
	ok(summary_sentences(ctx, text, strlen(text), 50, &stop, &spans) == 5, "five sentences");
	ok(summary_sentences(ctx, "", 0, 3, &stop, &spans) == 0, "no sentence in nothing");
	n = summary_phrases(ctx, text, strlen(text), 3, &stop, &spans);
	ok(n == 3 && spans[0].score >= spans[1].score, "phrases");
	for (int i = 0; i < 50000; i++)
		memcpy(many + 4 * i, "\xf0\x9f\x98\x80", 4);
	emoji_ok = summary_sentences(ctx, many, 200000, 3, &stop, &spans) <= 3 &&
		summary_phrases(ctx, many, 200000, 3, &stop, &spans) == 0;
	for (int i = 0; i < 50000; i++)
		memcpy(many + 4 * i, "a b.", 4);
	emoji_ok &= summary_sentences(ctx, many, 200000, 3, &stop, &spans) <= 3;
	ok(emoji_ok, "long texts of nothing");
	free(many);
	test_ctx_free(ctx);
}

/* ---- failures and damaged bytes */

static EcmlWriter damaged;
static int	damaged_kind;

static void
read_damaged(EcmlCtx *ctx, void *arg)
{
	EcmlReader	r;
	EcmlText	text = {"red shoe screen", 15};
	double		p[3];
	double		z[3];

	ecml_reader_init(&r, ctx, damaged.data, damaged.size);
	if (damaged_kind == 0)
		naive_bayes_predict(naive_bayes_open(ctx, naive_bayes_read(&r, 3)), &text, 1, z, p);
	else if (damaged_kind == 1)
		text_logreg_predict(text_logreg_open(ctx, text_logreg_read(&r, 3)), &text, 1, z, p);
	else if (damaged_kind == 2)
		lda_mix(lda_open(ctx, lda_read(&r)), &text, 1, p);
	else
	{
		NgramModel *model = ngram_read(&r);
		NgramGenerate options = {5, 1, 0, false, 1};
		size_t		n;

		(void) ngram_generate(ctx, model, &options, "The", 3, &n);
	}
	ecml_read_end(&r);
}

static void
test_damage(void)
{
	static const char *const names[] = {"naive Bayes", "logistic regression", "topics", "n-grams"};
	NaiveBayesParams bayes = NAIVE_BAYES_DEFAULTS;
	TextLogregParams logreg = TEXT_LOGREG_DEFAULTS;
	EcmlRng		rng;

	logreg.bits = 10;
	ecml_rng_seed(&rng, 5);
	for (damaged_kind = 0; damaged_kind < 4; damaged_kind++)
	{
		EcmlCtx    *ctx = test_ctx(1, 1);
		int			refused = 0;

		ecml_writer_init(&damaged, ctx);
		if (damaged_kind == 0)
			naive_bayes_write(&damaged, fit_bayes(ctx, &bayes));
		else if (damaged_kind == 1)
			text_logreg_write(&damaged, fit_logreg(ctx, &logreg, false));
		else if (damaged_kind == 2)
			lda_write(&damaged, fit_lda(ctx, 20, 10));
		else
			ngram_write(&damaged, fit_ngrams(ctx, 3));
		for (int i = 0; i < 400; i++)
		{
			EcmlCtx    *other = test_ctx(1, 1);
			size_t		size = damaged.size;
			size_t		at = ecml_rng_below(&rng, i % 2 ? size : size < 400 ? size : 400);
			uint8_t		before = damaged.data[at];

			if (i % 5 == 4)
				damaged.size = at;
			else
				damaged.data[at] ^= (uint8_t) (1 + ecml_rng_below(&rng, 255));
			refused += !attempt(other, read_damaged, NULL);
			damaged.data[at] = before;
			damaged.size = size;
			test_ctx_free(other);
		}
		ok(refused > 80, "damaged bytes of %s are refused, or harmless: %d of 400", names[damaged_kind], refused);
		test_ctx_free(ctx);
	}
}

static void
everything(EcmlCtx *ctx, void *arg)
{
	NaiveBayesParams bayes = NAIVE_BAYES_DEFAULTS;
	TextLogregParams logreg = TEXT_LOGREG_DEFAULTS;
	Span	   *spans;

	logreg.bits = 10;
	(void) fit_bayes(ctx, &bayes);
	(void) fit_logreg(ctx, &logreg, false);
	(void) fit_lda(ctx, 20, 12);
	(void) fit_ngrams(ctx, 3);
	(void) summary_sentences(ctx, texts[0], strlen(texts[0]), 1, NULL, &spans);
}

static void
test_failures(void)
{
	EcmlCtx    *ctx = test_ctx(1, 1);
	long		failures = 0;
	long		cancels = 0;
	long		polls;

	ok(attempt(ctx, everything, NULL), "all of it, without failures");
	polls = test_host(ctx)->polls;
	test_ctx_free(ctx);
	for (long after = 0; after < 100000; after += 1 + after / 20)
	{
		bool		complete;

		ctx = test_ctx(1, 1);
		test_host(ctx)->fail_after = after;
		complete = attempt(ctx, everything, NULL);
		if (!complete)
			failures += test_host(ctx)->status == ECML_OUT_OF_MEMORY;
		test_ctx_free(ctx);
		if (complete)
			break;
	}
	for (long after = 0; after < polls; after += 1 + polls / 60)
	{
		ctx = test_ctx(2, 1);
		test_host(ctx)->cancel_after = after;
		if (!attempt(ctx, everything, NULL))
			cancels += test_host(ctx)->cancelled;
		test_ctx_free(ctx);
	}
	ok(failures > 40, "an allocation that fails is told: %ld times", failures);
	ok(cancels > 20, "a cancel is heeded: %ld times of %ld polls", cancels, polls);
}

int
main(void)
{
	NaiveBayesParams bayes = NAIVE_BAYES_DEFAULTS;
	TextLogregParams logreg = TEXT_LOGREG_DEFAULTS;

	test_words();
	test_lda();
	test_ngrams();
	test_summary();
	if (!read_reference())
	{
		skip("test/data/text/classes.tsv is not there");
		return done();
	}
	test_bayes("multinomial", bayes);
	bayes.alpha = 0.1;
	bayes.fit_prior = false;
	test_bayes("smooth", bayes);
	bayes = (NaiveBayesParams) NAIVE_BAYES_DEFAULTS;
	bayes.terms.ngram_high = 2;
	bayes.min_df = 2;
	test_bayes("bigrams", bayes);
	bayes = (NaiveBayesParams) NAIVE_BAYES_DEFAULTS;
	bayes.binary = true;
	test_bayes("binary", bayes);
	bayes.binary = false;
	bayes.variant = NAIVE_BAYES_COMPLEMENT;
	test_bayes("complement", bayes);
	bayes.norm = true;
	test_bayes("norm", bayes);
	logreg.terms.ngram_high = 1;
	logreg.c = 1;
	test_logreg("logistic", logreg, false);
	logreg.c = 5;
	test_logreg("logistic two", logreg, true);
	logreg.c = 10;
	logreg.terms.ngram_high = 2;
	logreg.sublinear = true;
	test_logreg("logistic bigrams", logreg, false);
	logreg = (TextLogregParams) TEXT_LOGREG_DEFAULTS;
	logreg.c = 3;
	logreg.terms = (TermOptions) {2, 0, 0, 2, 4};
	test_logreg("logistic characters", logreg, false);
	test_damage();
	test_failures();
	for (int i = 0; i < ntexts; i++)
		free(texts[i]);
	return done();
}
