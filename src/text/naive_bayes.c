/*
 * naive_bayes.c - naive Bayes of terms
 *
 * Multinomial: McCallum and Nigam (1998).  Complement: Rennie, Shih, Teevan and Karger (2003); scores and options are those of
 * scikit-learn's MultinomialNB and ComplementNB on the counts of CountVectorizer.
 *
 * Counts are kept for the pairs of term and class that were met, so that memory grows with these and not with terms times
 * classes; a class without a count of a term has the weight that all such classes have.
 */
#include "naive_bayes.h"

#include <math.h>
#include <string.h>

struct NaiveBayesFit
{
	NaiveBayesParams params;
	Vocab		vocab;
	uint32_t   *df;				/* [ndf] rows that have the term */
	size_t		ndf;
	Pairs		pairs;			/* term, class */
	double	   *count;			/* [ncount] by pair */
	size_t		ncount;
	double	   *class_weight;	/* [nclasses] */
	size_t		nclasses;
	Bags		row;
	EcmlCtx    *ctx;			/* of the scan under way */
};

NaiveBayesFit *
naive_bayes_begin(EcmlCtx *ctx, const NaiveBayesParams *params)
{
	NaiveBayesFit *fit = ECML_NEW0(ctx, NaiveBayesFit, 1);

	fit->params = *params;
	vocab_init(ctx, &fit->vocab);
	pairs_init(ctx, &fit->pairs);
	bags_init(ctx, &fit->row, 1024);
	return fit;
}

/* Room for number i in an array of numbers that are 0 at first. */
static void *
grow(EcmlCtx *ctx, void *array, size_t *n, size_t i, size_t size)
{
	size_t		more = *n * 2 > i + 64 ? *n * 2 : i + 64;

	if (i < *n)
		return array;
	array = ecml_resize_array(ctx, array, more, size);
	memset((char *) array + *n * size, 0, (more - *n) * size);
	*n = more;
	return array;
}

static void
learn_term(void *arg, const Term *term)
{
	NaiveBayesFit *fit = arg;

	bags_add(fit->ctx, &fit->row, vocab_add(fit->ctx, &fit->vocab, term->bytes, term->length));
}

void
naive_bayes_row(EcmlCtx *ctx, NaiveBayesFit *fit, const EcmlText *texts, int n, int class, double weight)
{
	fit->ctx = ctx;
	bags_reset(&fit->row);
	for (int i = 0; i < n; i++)
		if (texts[i].length > 0)
			terms_scan(&fit->params.terms, texts[i].bytes, texts[i].length, true, learn_term, fit);
	fit->class_weight = grow(ctx, fit->class_weight, &fit->nclasses, class, sizeof(double));
	fit->class_weight[class] += weight;
	if (fit->vocab.n > 0)
		fit->df = grow(ctx, fit->df, &fit->ndf, fit->vocab.n - 1, sizeof(uint32_t));
	for (size_t i = 0; i < fit->row.nnz; i++)
	{
		uint32_t	pair = pairs_add(ctx, &fit->pairs, fit->row.column[i], class);

		fit->df[fit->row.column[i]]++;
		fit->count = grow(ctx, fit->count, &fit->ncount, pair, sizeof(double));
		fit->count[pair] += weight * (fit->params.binary ? 1 : fit->row.value[i]);
	}
}

/* What the counts amount to. */
static void
derive(EcmlCtx *ctx, NaiveBayes *model)
{
	int			k = model->classes;
	size_t		terms = model->vocab.n;
	double		alpha = fmax(model->params.alpha, 1e-10);
	bool		complement = model->params.variant == NAIVE_BAYES_COMPLEMENT;
	double	   *sum = ECML_NEW0(ctx, double, k);	/* of a class's counts */
	double		all = 0;		/* of all counts */
	double		weight = 0;		/* of all rows */

	model->start = ECML_NEW0(ctx, double, k);
	model->factor = ECML_NEW(ctx, double, k);
	model->bias = ECML_NEW(ctx, double, k);
	model->common = ECML_NEW(ctx, double, terms);
	model->delta = ECML_NEW(ctx, double, model->first[terms]);
	for (size_t i = 0; i < model->first[terms]; i++)
	{
		sum[model->class[i]] += model->count[i];
		all += model->count[i];
	}
	for (int c = 0; c < k; c++)
	{
		weight += model->class_weight[c];
		model->factor[c] = 1;
		model->bias[c] = complement ? log(all - sum[c] + alpha * terms) : -log(sum[c] + alpha * terms);
	}
	for (int c = 0; !complement && c < k; c++)
		model->start[c] = model->params.fit_prior ? log(model->class_weight[c]) - log(weight) : -log(k);
	for (size_t t = 0; t < terms; t++)
	{
		double		total = alpha;

		for (size_t i = model->first[t]; i < model->first[t + 1]; i++)
			total += model->count[i];
		model->common[t] = complement ? -log(total) : log(alpha);
		for (size_t i = model->first[t]; i < model->first[t + 1]; i++)
			model->delta[i] = complement ? log(total) - log(fmax(total - model->count[i], alpha)) :
				log(model->count[i] + alpha) - log(alpha);
	}
	if (complement && model->params.norm)
	{
		double		common = 0;

		for (size_t t = 0; t < terms; t++)
			common += model->common[t];
		for (int c = 0; c < k; c++)
			sum[c] = common + model->bias[c] * terms;
		for (size_t i = 0; i < model->first[terms]; i++)
			sum[model->class[i]] += model->delta[i];
		for (int c = 0; c < k; c++)
			model->factor[c] = sum[c] > 0 ? 1 / sum[c] : 1;
	}
	ecml_free(ctx, sum);
}

NaiveBayes *
naive_bayes_finish(EcmlCtx *ctx, NaiveBayesFit *fit, int classes, const int *recode, int given)
{
	NaiveBayes *model = ECML_NEW0(ctx, NaiveBayes, 1);
	uint32_t   *order = vocab_order(ctx, &fit->vocab);
	uint32_t   *number = ECML_NEW(ctx, uint32_t, fit->vocab.n);	/* from the fit's terms to the model's */
	uint32_t   *by_class = ECML_NEW(ctx, uint32_t, fit->pairs.n);
	size_t	   *next;
	size_t		at = 0;

	model->params = fit->params;
	model->classes = classes;
	model->class_weight = ECML_NEW0(ctx, double, classes);
	for (int c = 0; c < given && (size_t) c < fit->nclasses; c++)
		if (recode[c] >= 0)
			model->class_weight[recode[c]] = fit->class_weight[c];
	vocab_init(ctx, &model->vocab);
	for (uint32_t i = 0; i < fit->vocab.n; i++)
	{
		int			length;
		const char *word = vocab_word(&fit->vocab, order[i], &length);

		number[order[i]] = fit->df[order[i]] >= (uint32_t) fit->params.min_df ? vocab_add(ctx, &model->vocab, word, length) : BAG_NONE;
	}
	if (model->vocab.n == 0)
	{
		ecml_detail(ctx, "Of %u terms none is in at least %d rows.", fit->vocab.n, fit->params.min_df);
		ecml_hint(ctx, "Look at the texts, or lower \"min_df\".");
		ecml_fail(ctx, ECML_DATA_EXCEPTION, "the texts have no terms to learn from");
	}
	/* pairs by class, then, in that order, by term */
	next = ECML_NEW0(ctx, size_t, (size_t) classes + 1);
	for (uint32_t i = 0; i < fit->pairs.n; i++)
		if (recode[fit->pairs.b[i]] >= 0)
			next[recode[fit->pairs.b[i]] + 1]++;
	for (int c = 0; c < classes; c++)
		next[c + 1] += next[c];
	at = next[classes];
	for (uint32_t i = 0; i < fit->pairs.n; i++)
		if (recode[fit->pairs.b[i]] >= 0)
			by_class[next[recode[fit->pairs.b[i]]]++] = i;
	model->first = ECML_NEW0(ctx, size_t, (size_t) model->vocab.n + 1);
	for (size_t i = 0; i < at; i++)
	{
		uint32_t	term = number[fit->pairs.a[by_class[i]]];

		if (term != BAG_NONE && fit->count[by_class[i]] > 0)
			model->first[term + 1]++;
	}
	for (uint32_t t = 0; t < model->vocab.n; t++)
		model->first[t + 1] += model->first[t];
	model->class = ECML_NEW(ctx, uint32_t, model->first[model->vocab.n]);
	model->count = ECML_NEW(ctx, double, model->first[model->vocab.n]);
	ecml_free(ctx, next);
	next = ECML_NEW(ctx, size_t, model->vocab.n);
	memcpy(next, model->first, model->vocab.n * sizeof(size_t));
	for (size_t i = 0; i < at; i++)
	{
		uint32_t	pair = by_class[i];
		uint32_t	term = number[fit->pairs.a[pair]];

		if (term == BAG_NONE || !(fit->count[pair] > 0))
			continue;
		model->class[next[term]] = recode[fit->pairs.b[pair]];
		model->count[next[term]++] = fit->count[pair];
	}
	ecml_free(ctx, next);
	ecml_free(ctx, order);
	ecml_free(ctx, number);
	ecml_free(ctx, by_class);
	derive(ctx, model);
	return model;
}

/* ---- bytes */

void
naive_bayes_write(EcmlWriter *w, const NaiveBayes *model)
{
	const NaiveBayesParams *p = &model->params;

	ecml_write_u8(w, p->variant);
	ecml_write_f8(w, p->alpha);
	ecml_write_u8(w, p->fit_prior);
	ecml_write_u8(w, p->norm);
	ecml_write_u8(w, p->binary);
	terms_write(w, &p->terms);
	ecml_write_f8s(w, model->class_weight, model->classes);
	vocab_write(w, &model->vocab);
	for (uint32_t t = 0; t < model->vocab.n; t++)
		ecml_write_u32(w, (uint32_t) (model->first[t + 1] - model->first[t]));
	ecml_write_u32(w, (uint32_t) model->first[model->vocab.n]);
	for (size_t i = 0; i < model->first[model->vocab.n]; i++)
		ecml_write_u32(w, model->class[i]);
	ecml_write_f8s(w, model->count, model->first[model->vocab.n]);
}

NaiveBayes *
naive_bayes_read(EcmlReader *r, int classes)
{
	NaiveBayes *model = ECML_NEW0(r->ctx, NaiveBayes, 1);
	uint32_t	n;

	model->classes = classes;
	model->params.variant = ecml_read_u8(r);
	model->params.alpha = ecml_read_finite(r);
	if (model->params.variant > NAIVE_BAYES_COMPLEMENT || !(model->params.alpha >= 0 && model->params.alpha <= 1e9))
		ecml_read_corrupted(r, "a parameter is out of range");
	model->params.fit_prior = ecml_read_bool(r);
	model->params.norm = ecml_read_bool(r);
	model->params.binary = ecml_read_bool(r);
	model->params.min_df = 1;
	terms_read(r, &model->params.terms);
	model->class_weight = ecml_read_finite_f8s(r, classes);
	for (int c = 0; c < classes; c++)
		if (!(model->class_weight[c] > 0 && model->class_weight[c] < 1e300))
			ecml_read_corrupted(r, "a class has no rows");
	vocab_read(r, &model->vocab);
	if (model->vocab.n == 0)
		ecml_read_corrupted(r, "it has no terms");
	model->first = ECML_NEW0(r->ctx, size_t, (size_t) model->vocab.n + 1);
	for (uint32_t t = 0; t < model->vocab.n; t++)
		model->first[t + 1] = model->first[t] + ecml_read_u32_in(r, 0, classes);
	n = ecml_read_count(r, 12);
	if (n != model->first[model->vocab.n])
		ecml_read_corrupted(r, "its counts do not add up");
	model->class = ECML_NEW(r->ctx, uint32_t, n);
	for (uint32_t t = 0; t < model->vocab.n; t++)
		for (size_t i = model->first[t]; i < model->first[t + 1]; i++)
			model->class[i] = ecml_read_u32_in(r, i > model->first[t] ? model->class[i - 1] + 1 : 0, classes - 1);
	model->count = ecml_read_finite_f8s(r, n);
	for (uint32_t i = 0; i < n; i++)
		if (!(model->count[i] > 0 && model->count[i] < 1e200))
			ecml_read_corrupted(r, "a count is not above 0");
	derive(r->ctx, model);
	return model;
}

/* ---- prediction */

BayesRow *
naive_bayes_open(EcmlCtx *ctx, const NaiveBayes *model)
{
	BayesRow   *row = ECML_NEW0(ctx, BayesRow, 1);

	row->model = model;
	row->ctx = ctx;
	bags_init(ctx, &row->bags, model->vocab.n);
	return row;
}

static void
find_term(void *arg, const Term *term)
{
	BayesRow   *row = arg;
	uint32_t	number = vocab_find(&row->model->vocab, term->bytes, term->length);

	if (number != BAG_NONE)
		bags_add(row->ctx, &row->bags, number);
}

void
naive_bayes_predict(BayesRow *row, const EcmlText *texts, int n, double *score, double *p)
{
	const NaiveBayes *model = row->model;
	int			k = model->classes;
	double		common = 0;
	double		used = 0;
	double		most = -INFINITY;
	double		total = 0;

	bags_reset(&row->bags);
	for (int i = 0; i < n; i++)
		if (texts[i].length > 0)
			terms_scan(&model->params.terms, texts[i].bytes, texts[i].length, true, find_term, row);
	for (int c = 0; c < k; c++)
		score[c] = 0;
	for (size_t i = 0; i < row->bags.nnz; i++)
	{
		uint32_t	t = row->bags.column[i];
		double		f = model->params.binary ? 1 : row->bags.value[i];

		used += f;
		common += f * model->common[t];
		for (size_t j = model->first[t]; j < model->first[t + 1]; j++)
			score[model->class[j]] += f * model->delta[j];
	}
	for (int c = 0; c < k; c++)
	{
		score[c] = model->start[c] + model->factor[c] * (score[c] + common + used * model->bias[c]);
		most = fmax(most, score[c]);
	}
	for (int c = 0; c < k; c++)
		total += p[c] = exp(score[c] - most);
	for (int c = 0; c < k; c++)
		p[c] /= total;
}

double
naive_bayes_weight(const NaiveBayes *model, uint32_t term, int class)
{
	double		weight = model->common[term] + model->bias[class];

	for (size_t i = model->first[term]; i < model->first[term + 1]; i++)
		if (model->class[i] == (uint32_t) class)
			weight += model->delta[i];
	return model->factor[class] * weight;
}

/* ---- explanation */

typedef struct Explained
{
	BayesRow   *row;
	int			class;
} Explained;

static double
term_weight(void *arg, const Term *term)
{
	Explained  *e = arg;
	const NaiveBayes *model = e->row->model;
	uint32_t	number = vocab_find(&model->vocab, term->bytes, term->length);
	double		weight;

	if (number == BAG_NONE)
		return 0;
	weight = naive_bayes_weight(model, number, e->class);
	if (model->classes == 2)
		weight -= naive_bayes_weight(model, number, 1 - e->class);
	else
	{
		/* what all classes have in common says nothing */
		double		mean = 0;

		for (int c = 0; c < model->classes; c++)
			mean += naive_bayes_weight(model, number, c);
		weight -= mean / model->classes;
	}
	if (model->params.binary)
		weight /= e->row->bags.value[e->row->bags.mark[number] - 1];
	return weight;
}

void
naive_bayes_explain(BayesRow *row, const EcmlText *text, int class, TermTold told, void *arg)
{
	Explained	e = {row, class};

	terms_sum(row->ctx, &row->model->params.terms, text, term_weight, &e, told, arg);
}

double
naive_bayes_base(const NaiveBayes *model, int class)
{
	double		mean = 0;

	if (model->classes == 2)
		return model->start[class] - model->start[1 - class];
	for (int c = 0; c < model->classes; c++)
		mean += model->start[c];
	return model->start[class] - mean / model->classes;
}
