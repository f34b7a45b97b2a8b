/*
 * lda.c - topics: the corpus, bytes, the topics of a text, coherence; the fit is in lda_fit.c
 */
#include "lda.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lda_internal.h"

#define MIX_STEPS 200
#define MIX_TOLERANCE 1e-4		/* change of the mix, summed over the topics, a word */
#define SMALLEST 1e-12

LdaCorpus *
lda_begin(EcmlCtx *ctx, const LdaParams *params)
{
	LdaCorpus  *corpus = ECML_NEW0(ctx, LdaCorpus, 1);

	corpus->least = params->least;
	vocab_init(ctx, &corpus->vocab);
	vocab_init(ctx, &corpus->stop);
	corpus->document_capacity = 256;
	corpus->capacity = 4096;
	corpus->start = ECML_NEW(ctx, size_t, corpus->document_capacity + 1);
	corpus->start[0] = 0;
	corpus->word = ECML_NEW(ctx, uint32_t, corpus->capacity);
	return corpus;
}

void
lda_stop_word(EcmlCtx *ctx, LdaCorpus *corpus, const char *word, int length)
{
	(void) vocab_add(ctx, &corpus->stop, word, length);
}

static void
add_word(EcmlCtx *ctx, LdaCorpus *corpus, const Words *words, size_t *at)
{
	uint32_t	number;

	if (corpus->stop.n > 0 && vocab_find(&corpus->stop, words->word, words->length) != BAG_NONE)
		return;
	number = vocab_add(ctx, &corpus->vocab, words->word, words->length);
	if (number >= corpus->ndf)
	{
		size_t		more = corpus->ndf * 2 > 1024 ? corpus->ndf * 2 : 1024;

		corpus->df = ecml_resize_array(ctx, corpus->df, more, sizeof(uint32_t));
		corpus->last = ecml_resize_array(ctx, corpus->last, more, sizeof(uint32_t));
		memset(corpus->df + corpus->ndf, 0, (more - corpus->ndf) * sizeof(uint32_t));
		memset(corpus->last + corpus->ndf, 0, (more - corpus->ndf) * sizeof(uint32_t));
		corpus->ndf = more;
	}
	if (corpus->last[number] != corpus->documents + 1)
	{
		corpus->last[number] = (uint32_t) corpus->documents + 1;
		corpus->df[number]++;
	}
	if (*at == corpus->capacity)
	{
		corpus->word = ecml_resize_array(ctx, corpus->word, corpus->capacity * 2, sizeof(uint32_t));
		corpus->capacity *= 2;
	}
	corpus->word[(*at)++] = number;
}

void
lda_document(EcmlCtx *ctx, LdaCorpus *corpus, const EcmlText *texts, int n)
{
	size_t		at = corpus->start[corpus->documents];
	Words		words;

	for (int i = 0; i < n; i++)
	{
		if (texts[i].length <= 0)
			continue;
		words_begin(&words, texts[i].bytes, texts[i].length, corpus->least);
		while (words_next(&words))
			add_word(ctx, corpus, &words, &at);
	}
	if (corpus->documents + 1 == corpus->document_capacity)
	{
		corpus->start = ecml_resize_array(ctx, corpus->start, corpus->document_capacity * 2 + 1, sizeof(size_t));
		corpus->document_capacity *= 2;
	}
	corpus->start[++corpus->documents] = at;
}

void
lda_derive(EcmlCtx *ctx, Lda *model)
{
	double	   *total = ECML_NEW0(ctx, double, model->topics);

	model->stride = (model->topics + LDA_LANES - 1) / LDA_LANES * LDA_LANES;
	model->phi = ECML_NEW0(ctx, float, (size_t) model->vocab.n * model->stride);
	for (size_t i = 0; i < model->first[model->vocab.n]; i++)
		total[model->topic[i]] += model->count[i];
	for (int k = 0; k < model->topics; k++)
		total[k] += model->vocab.n * model->eta;
	for (uint32_t w = 0; w < model->vocab.n; w++)
	{
		float	   *phi = model->phi + (size_t) w * model->stride;

		for (int k = 0; k < model->topics; k++)
			phi[k] = (float) (model->eta / total[k]);
		for (size_t i = model->first[w]; i < model->first[w + 1]; i++)
			phi[model->topic[i]] = (float) ((model->eta + model->count[i]) / total[model->topic[i]]);
	}
	ecml_free(ctx, total);
}

/* ---- bytes */

void
lda_write(EcmlWriter *w, const Lda *model)
{
	size_t		n = model->first[model->vocab.n];

	ecml_write_u32(w, model->topics);
	ecml_write_u8(w, model->least);
	ecml_write_f8s(w, model->alpha, model->topics);
	ecml_write_f8(w, model->eta);
	for (int k = 0; k < model->topics; k++)
		ecml_write_u64(w, model->topic_tokens[k]);
	vocab_write(w, &model->vocab);
	for (uint32_t i = 0; i < model->vocab.n; i++)
		ecml_write_u32(w, (uint32_t) (model->first[i + 1] - model->first[i]));
	ecml_write_u32(w, (uint32_t) n);
	for (size_t i = 0; i < n; i++)
	{
		ecml_write_u8(w, model->topic[i] & 0xFF);
		ecml_write_u8(w, model->topic[i] >> 8);
	}
	ecml_write_f4s(w, model->count, n);
}

Lda *
lda_read(EcmlReader *r)
{
	Lda		   *model = ECML_NEW0(r->ctx, Lda, 1);
	uint32_t	n;

	model->topics = ecml_read_u32_in(r, 2, LDA_MAX_TOPICS);
	model->least = ecml_read_u8(r);
	if (model->least < 1)
		ecml_read_corrupted(r, "a parameter is out of range");
	model->alpha = ecml_read_finite_f8s(r, model->topics);
	for (int k = 0; k < model->topics; k++)
		if (!(model->alpha[k] >= 1e-9 && model->alpha[k] <= 1e6))
			ecml_read_corrupted(r, "a parameter is out of range");
	model->eta = ecml_read_finite(r);
	if (!(model->eta >= 1e-9 && model->eta <= 1e6))
		ecml_read_corrupted(r, "a parameter is out of range");
	model->topic_tokens = ECML_NEW(r->ctx, uint64_t, model->topics);
	for (int k = 0; k < model->topics; k++)
		model->topic_tokens[k] = ecml_read_u64(r);
	vocab_read(r, &model->vocab);
	model->first = ECML_NEW0(r->ctx, size_t, (size_t) model->vocab.n + 1);
	for (uint32_t i = 0; i < model->vocab.n; i++)
		model->first[i + 1] = model->first[i] + ecml_read_u32_in(r, 0, model->topics);
	n = ecml_read_count(r, 6);
	if (model->vocab.n == 0 || n != model->first[model->vocab.n])
		ecml_read_corrupted(r, "its counts do not add up");
	model->topic = ECML_NEW(r->ctx, uint16_t, n);
	for (uint32_t i = 0; i < n; i++)
	{
		model->topic[i] = ecml_read_u8(r);
		model->topic[i] |= ecml_read_u8(r) << 8;
		if (model->topic[i] >= model->topics)
			ecml_read_corrupted(r, "a topic is out of range");
	}
	model->count = ecml_read_finite_f4s(r, n);
	for (uint32_t i = 0; i < n; i++)
		if (!(model->count[i] > 0))
			ecml_read_corrupted(r, "a count is not above 0");
	lda_derive(r->ctx, model);
	return model;
}

/* ---- the topics of a text */

LdaCall *
lda_open(EcmlCtx *ctx, const Lda *model)
{
	LdaCall    *call = ECML_NEW0(ctx, LdaCall, 1);

	call->model = model;
	call->ctx = ctx;
	bags_init(ctx, &call->bags, model->vocab.n);
	call->gamma = ECML_NEW0(ctx, float, model->stride);
	call->share = ECML_NEW0(ctx, float, model->stride);
	call->next = ECML_NEW0(ctx, float, model->stride);
	return call;
}

/*
 * gamma = alpha + sum over words of their share in each topic, which is proportional to gamma phi: the fixed point of the
 * variational equations without the digamma's correction, deterministic.
 */
ECML_CLONES static void
mix(const Lda *model, const Bags *bags, float *gamma, float *share, float *next, double words)
{
	int			stride = model->stride;

	for (int k = 0; k < stride; k++)
		gamma[k] = k < model->topics ? (float) (model->alpha[k] + words / model->topics) : 0;
	for (int step = 0; step < MIX_STEPS; step++)
	{
		double		change = 0;

		for (int k = 0; k < stride; k++)
			next[k] = k < model->topics ? (float) model->alpha[k] : 0;
		for (size_t i = 0; i < bags->nnz; i++)
		{
			const float *phi = model->phi + (size_t) bags->column[i] * stride;
			float		sum = (float) SMALLEST;

#pragma omp simd reduction(+:sum)
			for (int k = 0; k < stride; k++)
				sum += share[k] = gamma[k] * phi[k];
			sum = bags->value[i] / sum;
			for (int k = 0; k < stride; k++)
				next[k] += share[k] * sum;
		}
		for (int k = 0; k < stride; k++)
		{
			change += fabsf(next[k] - gamma[k]);
			gamma[k] = next[k];
		}
		if (change <= MIX_TOLERANCE * words)
			break;
	}
}

static size_t
gather(LdaCall *call, const EcmlText *texts, int n, size_t from, size_t to)
{
	Words		words;
	size_t		found = 0;

	for (int i = 0; i < n; i++)
	{
		if (texts[i].length <= 0)
			continue;
		words_begin(&words, texts[i].bytes, texts[i].length, call->model->least);
		while (words_next(&words))
		{
			uint32_t	number = vocab_find(&call->model->vocab, words.word, words.length);

			if (number == BAG_NONE)
				continue;
			if (found >= from && found < to)
				bags_add(call->ctx, &call->bags, number);
			found++;
		}
	}
	return found;
}

size_t
lda_mix(LdaCall *call, const EcmlText *texts, int n, double *theta)
{
	const Lda  *model = call->model;
	size_t		words;
	double		sum = 0;

	bags_reset(&call->bags);
	words = gather(call, texts, n, 0, SIZE_MAX);
	mix(model, &call->bags, call->gamma, call->share, call->next, (double) words);
	for (int k = 0; k < model->topics; k++)
		sum += call->gamma[k];
	for (int k = 0; k < model->topics; k++)
		theta[k] = call->gamma[k] / sum;
	return words;
}

double
lda_complete(LdaCall *call, const EcmlText *texts, int n, size_t *words)
{
	const Lda  *model = call->model;
	size_t		all;
	double		total = 0;
	double		sum = 0;

	bags_reset(&call->bags);
	all = gather(call, texts, n, 0, 0);
	*words = all - all / 2;
	(void) gather(call, texts, n, 0, all / 2);
	mix(model, &call->bags, call->gamma, call->share, call->next, (double) (all / 2));
	for (int k = 0; k < model->topics; k++)
		total += call->gamma[k];
	bags_reset(&call->bags);
	(void) gather(call, texts, n, all / 2, SIZE_MAX);
	for (size_t i = 0; i < call->bags.nnz; i++)
	{
		const float *phi = model->phi + (size_t) call->bags.column[i] * model->stride;
		double		p = 0;

		for (int k = 0; k < model->topics; k++)
			p += call->gamma[k] * phi[k];
		sum += call->bags.value[i] * log(fmax(p / total, 1e-300));
	}
	return sum;
}

/* ---- topics */

int
lda_words(EcmlCtx *ctx, const Lda *model, int topic, int n, uint32_t *words)
{
	int			found = 0;
	float	   *best = ECML_NEW(ctx, float, (size_t) n + 1);

	for (uint32_t w = 0; w < model->vocab.n; w++)
	{
		float		p = model->phi[(size_t) w * model->stride + topic];
		int			at = found;

		if (found == n && (n == 0 || p <= best[n - 1]))
			continue;
		if (found < n)
			found++;
		else
			at = n - 1;
		while (at > 0 && best[at - 1] < p)
		{
			best[at] = best[at - 1];
			words[at] = words[at - 1];
			at--;
		}
		best[at] = p;
		words[at] = w;
	}
	ecml_free(ctx, best);
	return found;
}

void
lda_coherence(EcmlCtx *ctx, Lda *model, const LdaCorpus *corpus, int n)
{
	uint32_t   *words = ECML_NEW(ctx, uint32_t, (size_t) model->topics * n);
	int		   *found = ECML_NEW(ctx, int, model->topics);
	uint8_t    *is_first = ECML_NEW0(ctx, uint8_t, model->vocab.n);
	uint32_t   *documents = ECML_NEW0(ctx, uint32_t, model->vocab.n);
	uint32_t   *present = ECML_NEW(ctx, uint32_t, model->vocab.n);
	Pairs		pairs;
	uint32_t   *together = NULL;
	size_t		capacity = 0;
	double		umass = 0;
	double		npmi = 0;
	size_t		npairs = 0;

	pairs_init(ctx, &pairs);
	for (int k = 0; k < model->topics; k++)
	{
		found[k] = lda_words(ctx, model, k, n, words + (size_t) k * n);
		for (int i = 0; i < found[k]; i++)
		{
			is_first[words[(size_t) k * n + i]] = 1;
			for (int j = 0; j < i; j++)
			{
				uint32_t	a = words[(size_t) k * n + i];
				uint32_t	b = words[(size_t) k * n + j];

				(void) pairs_add(ctx, &pairs, a < b ? a : b, a < b ? b : a);
			}
		}
		ecml_poll(ctx, 0, 0);
	}
	capacity = pairs.n;
	together = ECML_NEW0(ctx, uint32_t, capacity);
	for (size_t d = 0; d < corpus->documents; d++)
	{
		int			m = 0;

		for (size_t i = corpus->start[d]; i < corpus->start[d + 1]; i++)
			if (is_first[corpus->word[i]] == 1)
			{
				present[m++] = corpus->word[i];
				is_first[corpus->word[i]] = 2;
			}
		for (int i = 0; i < m; i++)
		{
			is_first[present[i]] = 1;
			documents[present[i]]++;
			for (int j = 0; j < i; j++)
			{
				uint32_t	a = present[i] < present[j] ? present[i] : present[j];
				uint32_t	pair = pairs_find(&pairs, a, present[i] ^ present[j] ^ a);

				if (pair != BAG_NONE)
					together[pair]++;
			}
		}
		if ((d & 255) == 0)
			ecml_poll(ctx, 0, 0);
	}
	for (int k = 0; k < model->topics; k++)
		for (int i = 1; i < found[k]; i++)
			for (int j = 0; j < i; j++)
			{
				uint32_t	a = words[(size_t) k * n + i];
				uint32_t	b = words[(size_t) k * n + j];
				uint32_t	pair = pairs_find(&pairs, a < b ? a : b, a < b ? b : a);
				double		all = (double) corpus->documents;
				double		both = together[pair] / all + SMALLEST;

				if (documents[a] == 0 || documents[b] == 0)
					continue;
				umass += log((together[pair] + 1.0) / documents[b]);
				npmi += both >= 1 ? 1 : log(both / (documents[a] / all * (documents[b] / all))) / -log(both);
				npairs++;
			}
	model->umass = npairs ? umass / npairs : NAN;
	model->npmi = npairs ? npmi / npairs : NAN;
	pairs_free(ctx, &pairs);
	ecml_free(ctx, together);
	ecml_free(ctx, words);
	ecml_free(ctx, found);
	ecml_free(ctx, is_first);
	ecml_free(ctx, documents);
	ecml_free(ctx, present);
}
