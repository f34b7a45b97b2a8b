/*
 * ngram_lm.c - n-grams: counting, smoothing, bytes, probabilities
 *
 * Kneser and Ney (1995), with the three discounts of Chen and Goodman (1999), interpolated:
 *     P(w | h) = max(c(h w) - D(c), 0) / c(h) + back(h) P(w | h without its first word),
 * where c are occurrences for the longest n-grams and those that begin a sentence, and for all shorter ones the number of different
 * words that they follow.  Below the single words every word of the vocabulary is as likely.
 */
#include "ngram_lm.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "text/utf8.h"

#define CONTEXT (NGRAM_MAX_ORDER - 1)

/* ---- words and signs */

void
ngram_scan_begin(NgramScan *scan, const char *text, size_t length)
{
	scan->start = scan->at = (const uint8_t *) text;
	scan->end = scan->at + length;
	scan->ends = false;
}

static bool
is_joint(uint32_t c)
{
	return c == '\'' || c == '-' || c == '.' || c == ',' || c == '/' || c == '&' || c == 0x2019;
}

bool
ngram_scan_next(NgramScan *scan)
{
	const uint8_t *at = scan->at;
	const uint8_t *end = scan->end;
	uint32_t	c;
	unsigned	n;
	int			lines = 0;

	while (at < end && (*at <= ' ' || *at == 0x7F))
		at++;
	if (at == end)
	{
		scan->at = at;
		return false;
	}
	scan->from = at - scan->start;
	c = utf8_decode((const char *) at, end - at, &n);
	at += n;
	if (c != UTF8_INVALID && utf8_is_word(c))
		while (at < end)
		{
			uint32_t	next = utf8_decode((const char *) at, end - at, &n);

			if (next == UTF8_INVALID)
				break;
			if (!utf8_is_word(next))
			{
				unsigned	m;

				/* "don't", "3.5", "t-shirt": a sign between two letters */
				if (!is_joint(next) || at + n >= end)
					break;
				c = utf8_decode((const char *) at + n, end - at - n, &m);
				if (c == UTF8_INVALID || !utf8_is_word(c))
					break;
			}
			at += n;
		}
	scan->to = at - scan->start;
	scan->ends = c == '.' || c == '!' || c == '?' || c == 0x2026;
	/* an empty line ends a sentence, too; and a sign that ends one ends it only before a space, and once */
	for (const uint8_t *next = at; next < end && *next <= ' '; next++)
		lines += *next == '\n';
	if (scan->to - scan->from == 1 && scan->ends && at < end && *at > ' ')
		scan->ends = false;
	else if (scan->to - scan->from > 1 && c != 0x2026)
		scan->ends = false;
	scan->ends |= lines > 1;
	scan->at = at;
	return true;
}

/* ---- counting */

struct NgramBuilder
{
	NgramParams params;
	Vocab		vocab;
	uint32_t   *uses;			/* [nuses] by word */
	size_t		nuses;
	uint32_t   *text;			/* all sentences, each ended by NGRAM_END */
	size_t		n;
	size_t		capacity;
};

static void *
grow(EcmlCtx *ctx, void *array, size_t *capacity, size_t needed, size_t size)
{
	size_t		more = *capacity * 2 > needed + 256 ? *capacity * 2 : needed + 256;

	if (needed < *capacity)
		return array;
	array = ecml_resize_array(ctx, array, more, size);
	memset((char *) array + *capacity * size, 0, (more - *capacity) * size);
	*capacity = more;
	return array;
}

NgramBuilder *
ngram_begin(EcmlCtx *ctx, const NgramParams *params)
{
	NgramBuilder *builder = ECML_NEW0(ctx, NgramBuilder, 1);

	builder->params = *params;
	vocab_init(ctx, &builder->vocab);
	(void) vocab_add(ctx, &builder->vocab, "", 0);
	(void) vocab_add(ctx, &builder->vocab, "<s>", 3);
	(void) vocab_add(ctx, &builder->vocab, "<unk>", 5);
	return builder;
}

static void
push(EcmlCtx *ctx, NgramBuilder *builder, uint32_t word)
{
	builder->text = grow(ctx, builder->text, &builder->capacity, builder->n, sizeof(uint32_t));
	builder->text[builder->n++] = word;
	builder->uses = grow(ctx, builder->uses, &builder->nuses, word, sizeof(uint32_t));
	builder->uses[word]++;
}

void
ngram_text(EcmlCtx *ctx, NgramBuilder *builder, const char *text, size_t length)
{
	NgramScan	scan;
	bool		open = false;

	ngram_scan_begin(&scan, text, length);
	while (ngram_scan_next(&scan))
	{
		size_t		n = scan.to - scan.from;

		/* longer ones are no words */
		push(ctx, builder, n > WORD_LIMIT ? NGRAM_UNKNOWN : vocab_add(ctx, &builder->vocab, text + scan.from, n));
		open = !scan.ends;
		if (scan.ends)
			push(ctx, builder, NGRAM_END);
	}
	if (open)
		push(ctx, builder, NGRAM_END);
}

/* The tree while it grows: nodes numbered as they come, node 0 the empty n-gram, pair i node i + 1. */
typedef struct Growing
{
	Pairs		pairs;			/* parent, word */
	uint32_t   *count;			/* [capacity] by node */
	size_t		count_capacity;
	uint32_t   *suffix;
	size_t		suffix_capacity;
	uint8_t    *length;
	size_t		length_capacity;
	uint8_t    *begins;			/* it begins with NGRAM_BEGIN */
	size_t		begins_capacity;
} Growing;

static uint32_t
child_of(EcmlCtx *ctx, Growing *g, uint32_t parent, uint32_t word, uint32_t suffix)
{
	uint32_t	known = g->pairs.n;
	uint32_t	node = pairs_add(ctx, &g->pairs, parent, word) + 1;

	if (node <= known)
		return node;
	g->count = grow(ctx, g->count, &g->count_capacity, node, sizeof(uint32_t));
	g->suffix = grow(ctx, g->suffix, &g->suffix_capacity, node, sizeof(uint32_t));
	g->length = grow(ctx, g->length, &g->length_capacity, node, sizeof(uint8_t));
	g->begins = grow(ctx, g->begins, &g->begins_capacity, node, sizeof(uint8_t));
	g->suffix[node] = suffix;
	g->length[node] = parent == 0 ? 1 : g->length[parent] + 1;
	g->begins[node] = parent == 0 ? word == NGRAM_BEGIN : g->begins[parent];
	return node;
}

/* What is counted of n-grams that are not the longest: how many different words they follow. */
static void
count_followed(Growing *g, int order)
{
	uint32_t	n = g->pairs.n + 1;

	for (uint32_t i = 1; i < n; i++)
		if (g->length[i] < order && !g->begins[i])
			g->count[i] = 0;
	for (uint32_t i = 1; i < n; i++)
		if (g->length[i] > 1 && !g->begins[g->suffix[i]])
			g->count[g->suffix[i]] += g->length[g->suffix[i]] < order;
}

typedef struct Order
{
	uint64_t	key;			/* parent in the model, word */
	uint32_t	node;
} Order;

static int
compare_order(const void *a, const void *b)
{
	uint64_t	x = ((const Order *) a)->key;
	uint64_t	y = ((const Order *) b)->key;

	return x < y ? -1 : x > y;
}

/* Discounts, totals, what is left for suffixes. */
static void
derive(EcmlCtx *ctx, NgramModel *model)
{
	uint64_t	often[NGRAM_MAX_ORDER + 1][5];

	memset(often, 0, sizeof(often));
	memset(model->discount, 0, sizeof(model->discount));
	model->total = ECML_NEW0(ctx, double, model->n);
	model->back = ECML_NEW0(ctx, float, model->n);
	for (uint32_t i = 1; i < model->n; i++)
		if (model->count[i] <= 4 && model->word[i] != NGRAM_BEGIN)
			often[model->length[i]][model->count[i]]++;
	for (int k = 1; k <= model->order; k++)
	{
		double		n1 = (double) often[k][1];
		double		n2 = (double) often[k][2];
		double		y = n1 + 2 * n2 > 0 ? n1 / (n1 + 2 * n2) : 0;

		for (int c = 1; c <= 3; c++)
		{
			double		n = (double) often[k][c];
			double		d = n > 0 ? c - (c + 1) * y * often[k][c + 1] / n : 0.5 * c;

			/* too few n-grams to tell */
			model->discount[k][c - 1] = d > 0 && d < c ? d : 0.5 * c;
		}
	}
	for (uint32_t i = 0; i < model->n; i++)
	{
		double		left = 0;
		const double *discount = model->length[i] < model->order ? model->discount[model->length[i] + 1] : NULL;

		for (uint32_t j = model->first[i]; discount && j < model->first[i + 1]; j++)
			if (model->word[j] != NGRAM_BEGIN && model->count[j] > 0)
			{
				model->total[i] += model->count[j];
				left += discount[model->count[j] > 2 ? 2 : model->count[j] - 1];
			}
		model->back[i] = model->total[i] > 0 ? (float) (left / model->total[i]) : 1;
		if ((i & 0xFFFF) == 0)
			ecml_poll(ctx, 0, 0);
	}
}

NgramModel *
ngram_finish(EcmlCtx *ctx, NgramBuilder *builder)
{
	NgramModel *model = ECML_NEW0(ctx, NgramModel, 1);
	int			order = builder->params.order;
	uint32_t   *number = ECML_NEW(ctx, uint32_t, builder->vocab.n);
	Growing		g = {0};
	uint32_t	at[NGRAM_MAX_ORDER + 1];	/* the nodes of the last 0, 1, ... words */
	int			depth;
	uint32_t   *to;				/* from nodes to those of the model */
	Order	   *level;
	uint32_t	done = 1;

	/* rare words become one unknown word */
	vocab_init(ctx, &model->vocab);
	for (uint32_t i = 0; i < builder->vocab.n; i++)
	{
		int			length;
		const char *word = vocab_word(&builder->vocab, i, &length);

		number[i] = i <= NGRAM_UNKNOWN || builder->uses[i] >= (uint32_t) builder->params.min_count ?
			vocab_add(ctx, &model->vocab, word, length) : NGRAM_UNKNOWN;
	}
	if (builder->n == 0)
	{
		ecml_detail(ctx, "All of them are empty, or hold no letters and digits.");
		ecml_hint(ctx, "Look at what the source gives.");
		ecml_fail(ctx, ECML_DATA_EXCEPTION, "the texts have no words to learn from");
	}
	pairs_init(ctx, &g.pairs);
	at[0] = 0;
	at[1] = child_of(ctx, &g, 0, NGRAM_BEGIN, 0);
	depth = order > 1 ? 1 : 0;
	for (size_t i = 0; i < builder->n; i++)
	{
		uint32_t	word = number[builder->text[i]];
		uint32_t	next[NGRAM_MAX_ORDER + 1];
		int			longest = depth + 1 < order ? depth + 1 : order;

		next[0] = 0;
		for (int k = 1; k <= longest; k++)
		{
			next[k] = child_of(ctx, &g, at[k - 1], word, next[k - 1]);
			g.count[next[k]]++;
		}
		depth = longest < order ? longest : order - 1;
		memcpy(at, next, sizeof(at));
		if (word == NGRAM_END)
		{
			at[1] = 1;			/* the first child that was made: NGRAM_BEGIN */
			depth = order > 1 ? 1 : 0;
		}
		if ((i & 0xFFFF) == 0)
			ecml_poll(ctx, (double) i, (double) builder->n * 2);
	}
	ecml_free(ctx, builder->text);
	count_followed(&g, order);

	/* level by level, children of a node together, by word */
	model->order = order;
	model->n = g.pairs.n + 1;
	model->word = ECML_NEW0(ctx, uint32_t, model->n);
	model->count = ECML_NEW0(ctx, uint32_t, model->n);
	model->first = ECML_NEW0(ctx, uint32_t, (size_t) model->n + 1);
	model->suffix = ECML_NEW0(ctx, uint32_t, model->n);
	model->length = ECML_NEW0(ctx, uint8_t, model->n);
	to = ECML_NEW0(ctx, uint32_t, model->n);
	level = ECML_NEW(ctx, Order, model->n);
	for (int k = 1; k <= order; k++)
	{
		uint32_t	m = 0;

		for (uint32_t i = 1; i < model->n; i++)
			if (g.length[i] == k)
			{
				level[m].key = (uint64_t) to[g.pairs.a[i - 1]] << 32 | g.pairs.b[i - 1];
				level[m++].node = i;
			}
		qsort(level, m, sizeof(Order), compare_order);
		for (uint32_t j = 0; j < m; j++)
		{
			uint32_t	node = level[j].node;

			to[node] = done;
			model->word[done] = g.pairs.b[node - 1];
			model->count[done] = g.count[node];
			model->length[done] = (uint8_t) k;
			model->suffix[done] = to[g.suffix[node]];
			/* a count of children, until they are summed up */
			model->first[to[g.pairs.a[node - 1]] + 1]++;
			done++;
		}
		ecml_poll(ctx, order + k, order * 2);
	}
	/* the root's children begin at 1 */
	model->first[0] = 1;
	for (uint32_t i = 0; i < model->n; i++)
		model->first[i + 1] += model->first[i];
	ecml_free(ctx, to);
	ecml_free(ctx, level);
	pairs_free(ctx, &g.pairs);
	ecml_free(ctx, g.count);
	ecml_free(ctx, g.suffix);
	ecml_free(ctx, g.length);
	ecml_free(ctx, g.begins);
	ecml_free(ctx, number);
	derive(ctx, model);
	return model;
}

/* ---- bytes */

void
ngram_write(EcmlWriter *w, const NgramModel *model)
{
	ecml_write_u8(w, model->order);
	vocab_write(w, &model->vocab);
	ecml_write_u32(w, model->n);
	for (uint32_t i = 0; i < model->n; i++)
	{
		ecml_write_u32(w, model->word[i]);
		ecml_write_u32(w, model->count[i]);
		ecml_write_u32(w, model->first[i + 1] - model->first[i]);
	}
}

static uint32_t
find_child(const NgramModel *model, uint32_t node, uint32_t word)
{
	uint32_t	low = model->first[node];
	uint32_t	high = model->first[node + 1];

	while (low < high)
	{
		uint32_t	mid = low + (high - low) / 2;

		if (model->word[mid] < word)
			low = mid + 1;
		else
			high = mid;
	}
	return low < model->first[node + 1] && model->word[low] == word ? low : BAG_NONE;
}

NgramModel *
ngram_read(EcmlReader *r)
{
	NgramModel *model = ECML_NEW0(r->ctx, NgramModel, 1);
	uint64_t	next = 1;

	model->order = ecml_read_u8(r);
	if (model->order < 1 || model->order > NGRAM_MAX_ORDER)
		ecml_read_corrupted(r, "a parameter is out of range");
	vocab_read(r, &model->vocab);
	if (model->vocab.n <= NGRAM_UNKNOWN)
		ecml_read_corrupted(r, "it has no words");
	model->n = ecml_read_count(r, 12);
	if (model->n < 2)
		ecml_read_corrupted(r, "it has no n-grams");
	model->word = ECML_NEW(r->ctx, uint32_t, model->n);
	model->count = ECML_NEW(r->ctx, uint32_t, model->n);
	model->first = ECML_NEW(r->ctx, uint32_t, (size_t) model->n + 1);
	model->suffix = ECML_NEW0(r->ctx, uint32_t, model->n);
	model->length = ECML_NEW0(r->ctx, uint8_t, model->n);
	for (uint32_t i = 0; i < model->n; i++)
	{
		uint32_t	children;

		if ((i & 0xFFFF) == 0)
			ecml_poll(r->ctx, 0, 0);
		model->word[i] = ecml_read_u32_in(r, 0, model->vocab.n - 1);
		model->count[i] = ecml_read_u32(r);
		children = ecml_read_u32(r);
		/* children stand behind their parent, and before those of the next node */
		model->first[i] = (uint32_t) next;
		if (next <= i || next + children > model->n)
			ecml_read_corrupted(r, "its n-grams are no tree");
		next += children;
		for (uint32_t j = 0; j < children; j++)
			model->length[model->first[i] + j] = (uint8_t) (model->length[i] + 1);
		if (children > 0 && model->length[i] >= model->order)
			ecml_read_corrupted(r, "an n-gram is too long");
	}
	model->first[model->n] = (uint32_t) next;
	if (next != model->n)
		ecml_read_corrupted(r, "its n-grams are no tree");
	for (uint32_t i = 0; i < model->n; i++)
		for (uint32_t j = model->first[i]; j < model->first[i + 1]; j++)
		{
			uint32_t	suffix = i == 0 ? 0 : find_child(model, model->suffix[i], model->word[j]);

			if (suffix == BAG_NONE || (j > model->first[i] && model->word[j] <= model->word[j - 1]))
				ecml_read_corrupted(r, "an n-gram has no suffix, or is out of order");
			model->suffix[j] = suffix;
		}
	derive(r->ctx, model);
	if (!(model->total[0] > 0))
		ecml_read_corrupted(r, "it has no words that follow");
	return model;
}

/* ---- probabilities */

/* The node of the longest of the last n words that stands in the tree with children. */
static uint32_t
context_of(const NgramModel *model, const uint32_t *before, int n)
{
	if (n > model->order - 1)
	{
		before += n - (model->order - 1);
		n = model->order - 1;
	}
	for (; n > 0; n--, before++)
	{
		uint32_t	node = 0;

		for (int i = 0; i < n && node != BAG_NONE; i++)
			node = find_child(model, node, before[i]);
		if (node != BAG_NONE && model->total[node] > 0)
			return node;
	}
	return 0;
}

static double
probability_at(const NgramModel *model, uint32_t node, uint32_t word)
{
	double		p = 0;
	double		scale = 1;

	for (;;)
	{
		uint32_t	child = find_child(model, node, word);

		if (child != BAG_NONE && model->total[node] > 0 && model->count[child] > 0)
			p += scale * (model->count[child] - model->discount[model->length[node] + 1][model->count[child] > 2 ? 2 : model->count[child] - 1]) /
				model->total[node];
		scale *= model->back[node];
		if (node == 0)
			break;
		node = model->suffix[node];
	}
	/* all words but the one that never follows */
	return p + scale / (model->vocab.n - 1);
}

double
ngram_probability(const NgramModel *model, const uint32_t *before, int n, uint32_t word)
{
	return word == NGRAM_BEGIN ? 0 : probability_at(model, context_of(model, before, n), word);
}

static uint32_t
word_number(const NgramModel *model, const char *bytes, size_t length)
{
	uint32_t	word = length > WORD_LIMIT ? BAG_NONE : vocab_find(&model->vocab, bytes, length);

	return word == BAG_NONE || word <= NGRAM_UNKNOWN ? NGRAM_UNKNOWN : word;
}

/* The last words, the oldest first. */
typedef struct Context
{
	uint32_t	words[CONTEXT + 1];
	int			n;
} Context;

static void
push_word(Context *context, uint32_t word)
{
	if (word == NGRAM_END)
	{
		context->words[0] = NGRAM_BEGIN;
		context->n = 1;
		return;
	}
	if (context->n == CONTEXT)
	{
		memmove(context->words, context->words + 1, (CONTEXT - 1) * sizeof(uint32_t));
		context->n--;
	}
	context->words[context->n++] = word;
}

double
ngram_score(const NgramModel *model, const char *text, size_t length, size_t *words)
{
	Context		context = {{NGRAM_BEGIN}, 1};
	NgramScan	scan;
	double		sum = 0;
	bool		open = false;

	*words = 0;
	ngram_scan_begin(&scan, text, length);
	while (ngram_scan_next(&scan))
	{
		uint32_t	word = word_number(model, text + scan.from, scan.to - scan.from);

		sum += log(ngram_probability(model, context.words, context.n, word));
		push_word(&context, word);
		(*words)++;
		open = !scan.ends;
		if (scan.ends)
		{
			sum += log(ngram_probability(model, context.words, context.n, NGRAM_END));
			push_word(&context, NGRAM_END);
			(*words)++;
		}
	}
	if (open)
	{
		sum += log(ngram_probability(model, context.words, context.n, NGRAM_END));
		(*words)++;
	}
	return sum;
}

/* ---- generation */

typedef struct Candidate
{
	uint32_t	word;
	double		p;
} Candidate;

static int
compare_candidates(const void *a, const void *b)
{
	const Candidate *x = a;
	const Candidate *y = b;

	if (x->p != y->p)
		return x->p > y->p ? -1 : 1;
	return x->word < y->word ? -1 : x->word > y->word;
}

/* Text under way. */
typedef struct Output
{
	char	   *bytes;
	size_t		n;
	size_t		capacity;
	bool		quote;			/* a double quote is open */
	bool		glue;			/* nothing comes between what stands there and what follows */
} Output;

static void
append(EcmlCtx *ctx, Output *out, const char *bytes, size_t n)
{
	if (out->n + n >= out->capacity)
	{
		size_t		more = (out->n + n) * 2 + 64;

		out->bytes = ecml_resize_array(ctx, out->bytes, more, 1);
		out->capacity = more;
	}
	memcpy(out->bytes + out->n, bytes, n);
	out->n += n;
}

/* A word or sign, with a blank before it where one belongs. */
static void
append_word(EcmlCtx *ctx, Output *out, const char *word, int length)
{
	bool		closes = length == 1 && strchr(".,!?;:)]}%", word[0]) != NULL;

	if (length == 1 && word[0] == '"')
	{
		closes = out->quote;
		out->quote = !out->quote;
		if (out->n > 0 && !closes && !out->glue)
			append(ctx, out, " ", 1);
		append(ctx, out, word, 1);
		out->glue = out->quote;
		return;
	}
	if (out->n > 0 && !closes && !out->glue)
		append(ctx, out, " ", 1);
	append(ctx, out, word, length);
	out->glue = (length == 1 && strchr("([{$#@", word[0]) != NULL) ||
		(length == 2 && memcmp(word, "\xC2\xA3", 2) == 0) || (length == 3 && memcmp(word, "\xE2\x82\xAC", 3) == 0);
}

/* The next word: among those that followed the last ones, or the last but the first, in the texts. */
static uint32_t
draw(EcmlCtx *ctx, const NgramModel *model, const NgramGenerate *options, const Context *context, EcmlRng *rng,
	 Candidate **candidates, size_t *capacity)
{
	uint32_t	node = context_of(model, context->words, context->n);
	size_t		n = 0;
	double		total = 0;
	double		u;

	/* contexts are nested: what follows the long one follows the short ones, so that the shortest has all, each once */
	for (uint32_t at = node;; at = model->suffix[at])
		if (at == 0 || model->suffix[at] == 0)
		{
			for (uint32_t j = model->first[at]; j < model->first[at + 1]; j++)
			{
				if (model->word[j] == NGRAM_BEGIN || model->word[j] == NGRAM_UNKNOWN || model->count[j] == 0)
					continue;
				if (n == *capacity)
				{
					*candidates = ecml_resize_array(ctx, *candidates, *capacity * 2 + 256, sizeof(Candidate));
					*capacity = *capacity * 2 + 256;
				}
				(*candidates)[n].word = model->word[j];
				(*candidates)[n++].p = probability_at(model, node, model->word[j]);
			}
			break;
		}
	if (n == 0)
		return NGRAM_END;
	if (options->top > 0 && (size_t) options->top < n)
	{
		qsort(*candidates, n, sizeof(Candidate), compare_candidates);
		n = options->top;
	}
	for (size_t i = 0; i < n; i++)
	{
		if (options->temperature != 1)
			(*candidates)[i].p = pow((*candidates)[i].p, 1 / options->temperature);
		total += (*candidates)[i].p;
	}
	u = ecml_rng_double(rng) * total;
	for (size_t i = 0; i < n; i++)
	{
		u -= (*candidates)[i].p;
		if (u < 0)
			return (*candidates)[i].word;
	}
	return (*candidates)[n - 1].word;
}

char *
ngram_generate(EcmlCtx *ctx, const NgramModel *model, const NgramGenerate *options, const char *prompt, size_t length, size_t *result)
{
	Context		context = {{NGRAM_BEGIN}, 1};
	Output		out = {0};
	NgramScan	scan;
	EcmlRng		rng;
	Candidate  *candidates = NULL;
	size_t		capacity = 0;
	size_t		whole = 0;		/* where the last whole sentence ends */
	int			ends = 0;

	ecml_rng_seed(&rng, options->seed);
	ngram_scan_begin(&scan, prompt, length);
	while (ngram_scan_next(&scan))
	{
		push_word(&context, word_number(model, prompt + scan.from, scan.to - scan.from));
		if (scan.ends)
			push_word(&context, NGRAM_END);
	}
	while (length > 0 && ((uint8_t) prompt[length - 1] <= ' '))
		length--;
	append(ctx, &out, prompt, length);
	for (int i = 0; i < options->words;)
	{
		uint32_t	word = draw(ctx, model, options, &context, &rng, &candidates, &capacity);

		if ((i & 15) == 0)
			ecml_poll(ctx, i, options->words);
		push_word(&context, word);
		if (word == NGRAM_END)
		{
			whole = out.n;
			/* a model of nothing but empty sentences would go on for ever */
			if (++ends > options->words)
				break;
			continue;
		}
		{
			int			n;
			const char *bytes = vocab_word(&model->vocab, word, &n);

			append_word(ctx, &out, bytes, n);
			i++;
		}
	}
	ecml_free(ctx, candidates);
	*result = options->sentences && whole > length ? whole : out.n;
	append(ctx, &out, "", 1);
	return out.bytes;
}
