/*
 * lda_fit.c - topics by collapsed Gibbs sampling
 *
 * Griffiths and Steyvers (2004): each token's topic is drawn anew, given those of all others.  The conditional of K topics is
 * computed densely, eight at a time, of which one is drawn by lanes: first the lane, then the topic in it.  For K up to some
 * hundreds that takes less than structures that skip topics without counts.
 *
 * Documents are dealt to P parts, P chosen by the number of tokens and not of threads.  Each part draws from counts of its own,
 * which are brought together after each iteration (Newman, Asuncion, Smyth and Welling, 2009), so that the result is the same with
 * any number of threads.
 *
 * The hyperparameters move by Minka's fixed point (2000) on histograms of counts (Wallach, 2008): alpha for each topic, eta for
 * all words.  What is kept is the mean of the counts over samples of the last iterations, which predicts better than one sample.
 *
 * Cost: tokens times K / 8 an iteration; memory 6 bytes a token, and (P + 1) times words times K times 4.
 */
#include "lda.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lda_internal.h"
#include "num/special.h"

#define PART_TOKENS 150000
#define MAX_PARTS 8
#define SEGMENT_TOKENS 50000	/* of a part between two polls */
#define HYPER_EVERY 10
#define SAMPLE_EVERY 5
#define HYPER_STEPS 3
#define AHEAD 8

typedef float Floats __attribute__((vector_size(LDA_LANES * sizeof(float)), aligned(4), may_alias));
typedef int32_t Ints __attribute__((vector_size(LDA_LANES * sizeof(int32_t)), aligned(4), may_alias));

/* A part's documents and counts. */
typedef struct Part
{
	size_t		from;			/* documents */
	size_t		to;
	size_t		at;				/* the next one */
	int32_t    *words;			/* [words][stride] counts; of a single part the common ones */
	int64_t    *topics;			/* [topics] tokens */
	float	   *inverse;		/* [stride] 1 / (tokens of the topic + words eta) */
	float	   *document;		/* [stride] alpha + the document's counts */
	float	   *p;				/* [stride] */
	EcmlRng		rng;
} Part;

typedef struct Sampler
{
	int			topics;
	int			stride;
	uint32_t	words;
	size_t		documents;
	const size_t *start;		/* [documents + 1] */
	const uint32_t *word;
	uint16_t   *z;
	float	   *alpha;			/* [stride], 0 behind the topics */
	double		eta;
	int32_t    *counts;			/* [words][stride] */
	int64_t    *tokens;			/* [topics] */
	bool		first;			/* tokens have no topic yet */
	int			nparts;
	Part		parts[MAX_PARTS];
} Sampler;

ECML_CLONES static void
draw_documents(const Sampler *s, Part *part, size_t from, size_t to)
{
	int			stride = s->stride;
	float		eta = (float) s->eta;
	double		smooth = s->words * s->eta;
	float	   *document = part->document;
	float	   *inverse = part->inverse;
	float	   *p = part->p;
	size_t		end = s->start[to];

	for (size_t d = from; d < to; d++)
	{
		memcpy(document, s->alpha, stride * sizeof(float));
		for (size_t i = s->start[d]; !s->first && i < s->start[d + 1]; i++)
			document[s->z[i]]++;
		for (size_t i = s->start[d]; i < s->start[d + 1]; i++)
		{
			int32_t    *row = part->words + (size_t) s->word[i] * stride;
			Floats		sum = {0};
			float		lanes[LDA_LANES];
			float		total = 0;
			float		before = 0;
			float		u;
			int			old = s->first ? -1 : s->z[i];
			int			lane = 0;
			int			k;

			/* words come in no order: their counts are fetched ahead, across documents, which stand side by side */
			if (i + AHEAD < end)
				for (int b = 0; b < stride && b < 64; b += 16)
					__builtin_prefetch(part->words + (size_t) s->word[i + AHEAD] * stride + b, 1);
			for (int b = 0; b < stride; b += LDA_LANES)
			{
				Floats		n = __builtin_convertvector(*(const Ints *) (row + b), Floats);
				Floats		q = *(const Floats *) (document + b) * (n + eta) * *(const Floats *) (inverse + b);

				*(Floats *) (p + b) = q;
				sum += q;
			}
			memcpy(lanes, &sum, sizeof(lanes));
			/*
			 * The token's own topic without the token.  Put right afterwards: counts that were lowered one by one just before they are
			 * read as vectors would wait for each other.
			 */
			if (old >= 0)
			{
				float		without = (document[old] - 1) * ((float) (row[old] - 1) + eta) / (float) (part->topics[old] - 1 + smooth);
				float		rest = lanes[old % LDA_LANES] - p[old] + without;

				lanes[old % LDA_LANES] = rest > 0 ? rest : 0;
				p[old] = without;
			}
			for (int l = 0; l < LDA_LANES; l++)
				total += lanes[l];
			u = (float) (ecml_rng_next(&part->rng) >> 40) * 0x1p-24f * total;
			/* without branches that nobody could foresee */
			for (int l = 0; l < LDA_LANES - 1; l++)
			{
				float		next = total = (l == 0 ? 0 : total) + lanes[l];
				bool		behind = u >= next;

				lane += behind;
				before = behind ? next : before;
			}
			u -= before;
			for (k = lane; k + LDA_LANES < stride && u >= p[k]; k += LDA_LANES)
				u -= p[k];
			/* rounding may have led behind the last topic */
			while (k >= s->topics)
				k -= LDA_LANES;
			if (k < 0)
				k = 0;
			if (k == old)
				continue;
			if (old >= 0)
			{
				document[old]--;
				row[old]--;
				inverse[old] = (float) (1 / (--part->topics[old] + smooth));
			}
			s->z[i] = (uint16_t) k;
			document[k]++;
			row[k]++;
			inverse[k] = (float) (1 / (++part->topics[k] + smooth));
		}
	}
}

static void
draw_segment(void *arg, size_t i, int worker)
{
	Sampler    *s = arg;
	Part	   *part = &s->parts[i];
	size_t		to = part->at;

	while (to < part->to && (to == part->at || s->start[to + 1] - s->start[part->at] <= SEGMENT_TOKENS))
		to++;
	draw_documents(s, part, part->at, to);
	part->at = to;
}

/* One iteration over all documents. */
static void
iterate(EcmlCtx *ctx, Sampler *s, uint64_t number)
{
	size_t		cells = (size_t) s->words * s->stride;
	bool		left = true;

	for (int q = 0; q < s->nparts; q++)
	{
		Part	   *part = &s->parts[q];

		part->at = part->from;
		part->rng = ecml_rng_stream(&ctx->rng, number * MAX_PARTS + q);
		if (s->nparts > 1)
			memcpy(part->words, s->counts, cells * sizeof(int32_t));
		memcpy(part->topics, s->tokens, s->topics * sizeof(int64_t));
		memset(part->inverse, 0, s->stride * sizeof(float));
		for (int k = 0; k < s->topics; k++)
			part->inverse[k] = (float) (1 / (part->topics[k] + s->words * s->eta));
	}
	while (left)
	{
		ecml_parallel_for(ctx, s->nparts, draw_segment, s);
		left = false;
		for (int q = 0; q < s->nparts; q++)
			left |= s->parts[q].at < s->parts[q].to;
	}
	if (s->nparts > 1)
		for (size_t c = 0; c < cells; c++)
		{
			int32_t		n = s->counts[c];
			int32_t		sum = n;

			for (int q = 0; q < s->nparts; q++)
				sum += s->parts[q].words[c] - n;
			s->counts[c] = sum;
		}
	for (int k = 0; k < s->topics; k++)
	{
		int64_t		sum = s->tokens[k];

		for (int q = 0; q < s->nparts; q++)
			sum += s->parts[q].topics[k] - s->tokens[k];
		s->tokens[k] = sum;
	}
	s->first = false;
}

/* ---- hyperparameters */

/* sum over counts n of how often[n] times (digamma(n + a) - digamma(a)) */
static double
digammas(const uint32_t *how_often, size_t n, double a)
{
	double		sum = 0;
	double		step = 0;

	for (size_t i = 1; i < n; i++)
	{
		step += 1 / (a + i - 1);
		sum += how_often[i] * step;
	}
	return sum;
}

static void
move_alpha(EcmlCtx *ctx, Sampler *s)
{
	size_t		longest = 1;
	uint32_t   *lengths;
	uint32_t   *topics;
	uint32_t   *count = ECML_NEW0(ctx, uint32_t, s->topics);

	for (size_t d = 0; d < s->documents; d++)
		if (s->start[d + 1] - s->start[d] >= longest)
			longest = s->start[d + 1] - s->start[d] + 1;
	if (!ecml_fits(ctx, (longest + 1) * (s->topics + 1) * sizeof(uint32_t)))
		return;
	lengths = ECML_NEW0(ctx, uint32_t, longest);
	topics = ECML_NEW0(ctx, uint32_t, longest * s->topics);
	for (size_t d = 0; d < s->documents; d++)
	{
		for (size_t i = s->start[d]; i < s->start[d + 1]; i++)
			count[s->z[i]]++;
		lengths[s->start[d + 1] - s->start[d]]++;
		/* by token again: each topic once */
		for (size_t i = s->start[d]; i < s->start[d + 1]; i++)
			if (count[s->z[i]])
			{
				topics[(size_t) s->z[i] * longest + count[s->z[i]]]++;
				count[s->z[i]] = 0;
			}
	}
	for (int step = 0; step < HYPER_STEPS; step++)
	{
		double		sum = 0;
		double		below;

		for (int k = 0; k < s->topics; k++)
			sum += s->alpha[k];
		below = digammas(lengths, longest, sum);
		for (int k = 0; below > 0 && k < s->topics; k++)
		{
			double		above = digammas(topics + (size_t) k * longest, longest, s->alpha[k]);
			double		alpha = s->alpha[k] * above / below;

			s->alpha[k] = (float) fmin(fmax(alpha, 1e-4), 100);
		}
	}
	ecml_poll(ctx, 0, 0);
	ecml_free(ctx, count);
	ecml_free(ctx, lengths);
	ecml_free(ctx, topics);
}

static void
move_eta(EcmlCtx *ctx, Sampler *s)
{
	double		above = 0;
	double		below = 0;

	for (uint32_t w = 0; w < s->words; w++)
		for (int k = 0; k < s->topics; k++)
		{
			int32_t		n = s->counts[(size_t) w * s->stride + k];

			if (n == 1)
				above += 1 / s->eta;
			else if (n > 1)
				above += ecml_digamma(n + s->eta) - ecml_digamma(s->eta);
		}
	for (int k = 0; k < s->topics; k++)
		below += s->words * (ecml_digamma(s->tokens[k] + s->words * s->eta) - ecml_digamma(s->words * s->eta));
	if (below > 0 && above > 0)
		s->eta = fmin(fmax(s->eta * above / below, 1e-5), 10);
	ecml_poll(ctx, 0, 0);
}

/* ---- the corpus */

static int
compare_df(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *) a;
	const uint64_t y = *(const uint64_t *) b;

	return x < y ? 1 : x > y ? -1 : 0;
}

/* The words that stay, in the model's vocabulary; the corpus gets their numbers, and loses all other words. */
static void
choose_words(EcmlCtx *ctx, LdaCorpus *corpus, const LdaParams *params, Lda *model)
{
	uint32_t   *number = ECML_NEW(ctx, uint32_t, corpus->vocab.n);
	bool		many = corpus->documents >= LDA_MANY;
	double		share = params->max_df > 0 ? params->max_df : many ? 0.9 : 1;
	double		most = share * corpus->documents;
	uint32_t	least = params->min_df > 0 ? params->min_df : many ? 2 : 1;
	size_t		to = 0;

	if (params->max_words > 0 && corpus->vocab.n > (uint32_t) params->max_words)
	{
		/* df in the upper half, so that of equal ones the word met first stays */
		uint64_t   *keys = ECML_NEW(ctx, uint64_t, corpus->vocab.n);
		uint32_t	n = 0;

		for (uint32_t i = 0; i < corpus->vocab.n; i++)
			if (corpus->df[i] >= least && corpus->df[i] <= most)
				keys[n++] = (uint64_t) corpus->df[i] << 32 | (UINT32_MAX - i);
		qsort(keys, n, sizeof(uint64_t), compare_df);
		for (uint32_t i = params->max_words; i < n; i++)
			corpus->df[UINT32_MAX - (uint32_t) keys[i]] = 0;
		ecml_free(ctx, keys);
	}
	vocab_init(ctx, &model->vocab);
	for (uint32_t i = 0; i < corpus->vocab.n; i++)
	{
		int			length;
		const char *word = vocab_word(&corpus->vocab, i, &length);

		number[i] = corpus->df[i] >= least && corpus->df[i] <= most ? vocab_add(ctx, &model->vocab, word, length) : BAG_NONE;
	}
	if (model->vocab.n < 2)
	{
		ecml_detail(ctx, "Of %u words %u are in at least %u of the %zu documents, and in at most %g of them.", corpus->vocab.n,
					model->vocab.n, least, corpus->documents, share);
		ecml_hint(ctx, "Look at the texts, or change \"min_df\" and \"max_df\".");
		ecml_fail(ctx, ECML_DATA_EXCEPTION, "too few words to find topics in");
	}
	for (size_t d = 0; d < corpus->documents; d++)
	{
		size_t		from = corpus->start[d];
		size_t		end = corpus->start[d + 1];

		corpus->start[d] = to;
		for (size_t i = from; i < end; i++)
			if (number[corpus->word[i]] != BAG_NONE)
				corpus->word[to++] = number[corpus->word[i]];
		if ((d & 4095) == 0)
			ecml_poll(ctx, 0, 0);
	}
	corpus->start[corpus->documents] = to;
	ecml_free(ctx, number);
}

/* ---- the fit */

static void
make_parts(EcmlCtx *ctx, Sampler *s)
{
	size_t		tokens = s->start[s->documents];
	size_t		cells = (size_t) s->words * s->stride;
	size_t		d = 0;

	s->nparts = tokens / PART_TOKENS < 1 ? 1 : tokens / PART_TOKENS > MAX_PARTS ? MAX_PARTS : (int) (tokens / PART_TOKENS);
	/* a corpus that just fits is still worked on; its result is that of fewer parts */
	while (s->nparts > 1 && !ecml_fits(ctx, (s->nparts + 1) * cells * sizeof(int32_t)))
		s->nparts--;
	for (int q = 0; q < s->nparts; q++)
	{
		Part	   *part = &s->parts[q];

		part->from = d;
		while (d < s->documents && (q == s->nparts - 1 || s->start[d] < tokens / s->nparts * (q + 1)))
			d++;
		part->to = d;
		part->words = s->nparts > 1 ? ECML_NEW(ctx, int32_t, cells) : s->counts;
		part->topics = ECML_NEW0(ctx, int64_t, s->topics);
		part->inverse = ECML_NEW0(ctx, float, s->stride);
		part->document = ECML_NEW0(ctx, float, s->stride);
		part->p = ECML_NEW0(ctx, float, s->stride);
	}
}

/* The mean of the samples, sparse. */
static void
keep_counts(EcmlCtx *ctx, const Sampler *s, const uint32_t *sum, int samples, Lda *model)
{
	size_t		n = 0;

	for (size_t c = 0; c < (size_t) s->words * s->stride; c++)
		n += sum[c] > 0;
	model->first = ECML_NEW(ctx, size_t, (size_t) s->words + 1);
	model->topic = ECML_NEW(ctx, uint16_t, n);
	model->count = ECML_NEW(ctx, float, n);
	n = 0;
	for (uint32_t w = 0; w < s->words; w++)
	{
		model->first[w] = n;
		for (int k = 0; k < s->topics; k++)
			if (sum[(size_t) w * s->stride + k] > 0)
			{
				model->topic[n] = (uint16_t) k;
				model->count[n++] = (float) sum[(size_t) w * s->stride + k] / samples;
			}
	}
	model->first[s->words] = n;
}

/* Of the documents that were trained on: each with the mix that its own topics give. */
static double
training_perplexity(EcmlCtx *ctx, const Sampler *s, const Lda *model)
{
	double		sum = 0;
	double		all = 0;
	float	   *theta = ECML_NEW(ctx, float, s->stride);

	for (int k = 0; k < s->topics; k++)
		all += s->alpha[k];
	for (size_t d = 0; d < s->documents; d++)
	{
		size_t		n = s->start[d + 1] - s->start[d];

		memcpy(theta, s->alpha, s->stride * sizeof(float));
		for (size_t i = s->start[d]; i < s->start[d + 1]; i++)
			theta[s->z[i]]++;
		for (size_t i = s->start[d]; i < s->start[d + 1]; i++)
		{
			const float *phi = model->phi + (size_t) s->word[i] * s->stride;
			float		p = 0;

			for (int k = 0; k < s->stride; k++)
				p += theta[k] * phi[k];
			sum += log(p / (n + all));
		}
		if ((d & 255) == 0)
			ecml_poll(ctx, 0, 0);
	}
	ecml_free(ctx, theta);
	return exp(-sum / s->start[s->documents]);
}

Lda *
lda_fit(EcmlCtx *ctx, LdaCorpus *corpus, const LdaParams *params)
{
	Lda		   *model = ECML_NEW0(ctx, Lda, 1);
	Sampler		s = {.topics = params->topics};
	size_t		cells;
	uint32_t   *sum;
	int			samples = 0;
	int			burn_in = params->burn_in < params->iterations ? params->burn_in : params->iterations - 1;
	int			sampling = burn_in + (params->iterations - burn_in) / 2;	/* hyperparameters rest by then */

	choose_words(ctx, corpus, params, model);
	s.stride = (params->topics + LDA_LANES - 1) / LDA_LANES * LDA_LANES;
	s.words = model->vocab.n;
	s.documents = corpus->documents;
	s.start = corpus->start;
	s.word = corpus->word;
	cells = (size_t) s.words * s.stride;
	s.z = ECML_NEW0(ctx, uint16_t, s.start[s.documents]);
	s.alpha = ECML_NEW0(ctx, float, s.stride);
	for (int k = 0; k < s.topics; k++)
		s.alpha[k] = (float) (params->alpha > 0 ? params->alpha : fmin(5.0 / params->topics, 0.1));
	s.eta = params->eta;
	s.counts = ECML_NEW0(ctx, int32_t, cells);
	s.tokens = ECML_NEW0(ctx, int64_t, s.topics);
	sum = ECML_NEW0(ctx, uint32_t, cells);
	make_parts(ctx, &s);
	s.first = true;
	for (int i = 0; i <= params->iterations; i++)
	{
		iterate(ctx, &s, i);
		if (params->optimize && i >= HYPER_EVERY && i % HYPER_EVERY == 0 && i < sampling)
		{
			move_alpha(ctx, &s);
			move_eta(ctx, &s);
		}
		if (i == params->iterations || (i >= sampling && (params->iterations - i) % SAMPLE_EVERY == 0))
		{
			samples++;
			for (size_t c = 0; c < cells; c++)
				sum[c] += s.counts[c];
		}
		ecml_poll(ctx, i, params->iterations);
	}
	model->topics = s.topics;
	model->stride = s.stride;
	model->least = params->least;
	model->eta = s.eta;
	model->alpha = ECML_NEW(ctx, double, s.topics);
	model->topic_tokens = ECML_NEW(ctx, uint64_t, s.topics);
	for (int k = 0; k < s.topics; k++)
	{
		model->alpha[k] = s.alpha[k];
		model->topic_tokens[k] = s.tokens[k];
	}
	keep_counts(ctx, &s, sum, samples, model);
	ecml_free(ctx, sum);
	for (int q = 0; s.nparts > 1 && q < s.nparts; q++)
		ecml_free(ctx, s.parts[q].words);
	lda_derive(ctx, model);
	model->documents = s.documents;
	model->tokens = s.start[s.documents];
	model->held_out = NAN;
	model->perplexity = training_perplexity(ctx, &s, model);
	lda_coherence(ctx, model, corpus, params->coherence_words);
	ecml_free(ctx, s.z);
	ecml_free(ctx, s.counts);
	return model;
}
