/*
 * text_logreg.c - logistic regression on hashed terms: rows, bytes, prediction; the fit is in text_logreg_fit.c
 *
 * Terms are numbered by some bits of their hash (Weinberger et al., 2009); terms that share them are one column.  Values are
 * count (or 1 + log count) times idf = log((1 + rows) / (1 + rows with the term)) + 1, and each row has length 1, as in
 * scikit-learn's TfidfVectorizer.
 */
#include "text_logreg.h"

#include <math.h>
#include <string.h>

#include "text_logreg_internal.h"

TextLogregFit *
text_logreg_begin(EcmlCtx *ctx, const TextLogregParams *params)
{
	TextLogregFit *fit = ECML_NEW0(ctx, TextLogregFit, 1);

	fit->params = *params;
	fit->mask = ((uint64_t) 1 << params->bits) - 1;
	bags_init(ctx, &fit->rows, (size_t) 1 << params->bits);
	vocab_init(ctx, &fit->names);
	fit->name = ECML_NEW0(ctx, uint32_t, (size_t) 1 << params->bits);
	fit->capacity = 256;
	fit->class = ECML_NEW(ctx, int, fit->capacity);
	fit->weight = ECML_NEW(ctx, float, fit->capacity);
	return fit;
}

/* The spelling of a term that is met for the first time: its words in small letters. */
static void
keep_name(TextLogregFit *fit, uint32_t slot, const Term *term)
{
	char		spelt[TERM_MAX_NGRAM * (WORD_LIMIT + 6)];
	int			length = 0;
	Words		words;

	if (term->bytes)
	{
		fit->name[slot] = vocab_add(fit->ctx, &fit->names, term->bytes, term->length) + 1;
		return;
	}
	words_begin(&words, fit->text + term->from, term->to - term->from, fit->params.terms.least);
	while (words_next(&words) && length + words.length + 1 < (int) sizeof(spelt))
	{
		if (length > 0)
			spelt[length++] = ' ';
		memcpy(spelt + length, words.word, words.length);
		length += words.length;
	}
	fit->name[slot] = vocab_add(fit->ctx, &fit->names, spelt, length) + 1;
}

static void
learn_term(void *arg, const Term *term)
{
	TextLogregFit *fit = arg;
	uint32_t	slot = (uint32_t) (term->hash & fit->mask);

	bags_add(fit->ctx, &fit->rows, slot);
	if (fit->name[slot] == 0)
		keep_name(fit, slot, term);
}

void
text_logreg_row(EcmlCtx *ctx, TextLogregFit *fit, const EcmlText *texts, int n, int class, double weight)
{
	fit->ctx = ctx;
	for (int i = 0; i < n; i++)
		if (texts[i].length > 0)
		{
			fit->text = texts[i].bytes;
			terms_scan(&fit->params.terms, texts[i].bytes, texts[i].length, fit->params.terms.char_high > 0, learn_term, fit);
		}
	if (fit->rows.n == fit->capacity)
	{
		fit->class = ecml_resize_array(ctx, fit->class, fit->capacity * 2, sizeof(int));
		fit->weight = ecml_resize_array(ctx, fit->weight, fit->capacity * 2, sizeof(float));
		fit->capacity *= 2;
	}
	fit->class[fit->rows.n] = class;
	fit->weight[fit->rows.n] = (float) weight;
	bags_end(ctx, &fit->rows);
}

void
text_logreg_scale(const TextLogregParams *params, const float *idf, const uint32_t *column, float *value, size_t n)
{
	double		square = 0;

	for (size_t i = 0; i < n; i++)
	{
		float		v = params->sublinear ? 1 + logf(value[i]) : value[i];

		v *= idf[column[i]];
		square += (double) v * v;
		value[i] = v;
	}
	if (square > 0)
	{
		float		scale = (float) (1 / sqrt(square));

		for (size_t i = 0; i < n; i++)
			value[i] *= scale;
	}
}

/* ---- bytes */

void
text_logreg_write(EcmlWriter *w, const TextLogreg *model)
{
	const TextLogregParams *p = &model->params;

	terms_write(w, &p->terms);
	ecml_write_u8(w, p->bits);
	ecml_write_u8(w, p->sublinear);
	ecml_write_u8(w, p->idf);
	ecml_write_u8(w, p->intercept);
	ecml_write_u32(w, model->columns);
	for (uint32_t i = 0; i < model->columns; i++)
		ecml_write_u32(w, model->slot[i]);
	ecml_write_f4s(w, model->idf, model->columns);
	ecml_write_f4s(w, model->w, ((size_t) model->columns + 1) * model->outputs);
	vocab_write(w, &model->names);
	for (uint32_t i = 0; i < model->names.n; i++)
		ecml_write_u32(w, model->named[i]);
}

void
text_logreg_index(EcmlCtx *ctx, TextLogreg *model)
{
	model->column = ECML_NEW0(ctx, uint32_t, (size_t) 1 << model->params.bits);
	for (uint32_t i = 0; i < model->columns; i++)
		model->column[model->slot[i]] = i + 1;
}

TextLogreg *
text_logreg_read(EcmlReader *r, int classes)
{
	TextLogreg *model = ECML_NEW0(r->ctx, TextLogreg, 1);

	model->classes = classes;
	model->outputs = classes == 2 ? 1 : classes;
	terms_read(r, &model->params.terms);
	model->params.bits = ecml_read_u8(r);
	if (model->params.bits < TEXT_LOGREG_MIN_BITS || model->params.bits > TEXT_LOGREG_MAX_BITS)
		ecml_read_corrupted(r, "a parameter is out of range");
	model->params.sublinear = ecml_read_bool(r);
	model->params.idf = ecml_read_bool(r);
	model->params.intercept = ecml_read_bool(r);
	model->columns = ecml_read_count(r, 8 + (size_t) 4 * model->outputs);
	if (model->columns > (uint32_t) 1 << model->params.bits)
		ecml_read_corrupted(r, "it has more columns than its hashes");
	model->slot = ECML_NEW(r->ctx, uint32_t, model->columns);
	for (uint32_t i = 0; i < model->columns; i++)
		model->slot[i] = ecml_read_u32_in(r, i > 0 ? model->slot[i - 1] + 1 : 0, ((uint32_t) 1 << model->params.bits) - 1);
	model->idf = ecml_read_finite_f4s(r, model->columns);
	model->w = ecml_read_finite_f4s(r, ((size_t) model->columns + 1) * model->outputs);
	for (uint32_t i = 0; i < model->columns; i++)
		if (!(model->idf[i] > 0 && model->idf[i] < 1e6))
			ecml_read_corrupted(r, "a parameter is out of range");
	vocab_read(r, &model->names);
	if (model->names.n > 0 && (model->columns == 0 || ecml_read_left(r) / 4 < model->names.n))
		ecml_read_corrupted(r, "it has more names than columns");
	model->named = ECML_NEW(r->ctx, uint32_t, model->names.n);
	for (uint32_t i = 0; i < model->names.n; i++)
		model->named[i] = ecml_read_u32_in(r, 0, model->columns - 1);
	text_logreg_index(r->ctx, model);
	return model;
}

/* ---- prediction */

LogregRow *
text_logreg_open(EcmlCtx *ctx, const TextLogreg *model)
{
	LogregRow  *row = ECML_NEW0(ctx, LogregRow, 1);

	row->model = model;
	row->ctx = ctx;
	bags_init(ctx, &row->bags, model->columns);
	return row;
}

static void
find_term(void *arg, const Term *term)
{
	LogregRow  *row = arg;
	uint32_t	column = text_logreg_column(row->model, term->hash);

	if (column != BAG_NONE)
		bags_add(row->ctx, &row->bags, column);
}

void
text_logreg_terms(LogregRow *row, const EcmlText *texts, int n)
{
	bags_reset(&row->bags);
	for (int i = 0; i < n; i++)
		if (texts[i].length > 0)
			terms_scan(&row->model->params.terms, texts[i].bytes, texts[i].length, false, find_term, row);
	text_logreg_scale(&row->model->params, row->model->idf, row->bags.column, row->bags.value, row->bags.nnz);
}

void
text_logreg_predict(LogregRow *row, const EcmlText *texts, int n, double *z, double *p)
{
	const TextLogreg *model = row->model;
	int			k = model->outputs;
	double		most;
	double		sum = 0;

	text_logreg_terms(row, texts, n);
	for (int c = 0; c < k; c++)
		z[c] = model->w[(size_t) model->columns * k + c];
	for (size_t i = 0; i < row->bags.nnz; i++)
	{
		const float *w = model->w + (size_t) row->bags.column[i] * k;
		double		v = row->bags.value[i];

		for (int c = 0; c < k; c++)
			z[c] += v * w[c];
	}
	if (k == 1)
	{
		p[1] = 1 / (1 + exp(-z[0]));
		p[0] = 1 - p[1];
		return;
	}
	most = z[0];
	for (int c = 1; c < k; c++)
		most = fmax(most, z[c]);
	for (int c = 0; c < k; c++)
		sum += p[c] = exp(z[c] - most);
	for (int c = 0; c < k; c++)
		p[c] /= sum;
}

/* ---- explanation */

typedef struct Explained
{
	LogregRow  *row;
	int			output;
	const float *count;			/* of the row's columns, beside their values */
} Explained;

static double
term_weight(void *arg, const Term *term)
{
	Explained  *e = arg;
	const TextLogreg *model = e->row->model;
	uint32_t	column = text_logreg_column(model, term->hash);
	size_t		at;

	if (column == BAG_NONE)
		return 0;
	/* a column's value is shared by all that stand for it, be they the same term or others of the same hash */
	at = e->row->bags.mark[column] - 1;
	return (double) e->row->bags.value[at] / e->count[at] * model->w[(size_t) column * model->outputs + e->output];
}

static void
count_term(void *arg, const Term *term)
{
	float	   *count = ((Explained *) arg)->row->counts;
	uint32_t	column = text_logreg_column(((Explained *) arg)->row->model, term->hash);

	if (column != BAG_NONE)
		count[((Explained *) arg)->row->bags.mark[column] - 1]++;
}

void
text_logreg_explain(LogregRow *row, const EcmlText *texts, int n, int feature, int class, TermTold told, void *arg)
{
	Explained	e = {.row = row,.output = row->model->outputs == 1 ? 0 : class};

	ecml_free(row->ctx, row->counts);
	row->counts = ECML_NEW0(row->ctx, float, row->bags.nnz);
	for (int i = 0; i < n; i++)
		if (texts[i].length > 0)
			terms_scan(&row->model->params.terms, texts[i].bytes, texts[i].length, false, count_term, &e);
	e.count = row->counts;
	terms_sum(row->ctx, &row->model->params.terms, &texts[feature], term_weight, &e, told, arg);
}

double
text_logreg_base(const TextLogreg *model, int class)
{
	return model->w[(size_t) model->columns * model->outputs + (model->outputs == 1 ? 0 : class)];
}
