/*
 * search_build.c - the inverted index: building, bytes
 *
 * Postings are kept as (term, document, signature), 12 bytes each, until all documents are there; then they are sorted by term
 * (counting, stable) and packed: blocks of 128, in each the differences of the documents and the codes of the signatures with as
 * many bits as the greatest needs.  Before them stands, block by block, the last document, where the block ends, and the greatest
 * x in it, by which queries skip.  Codes are numbered by use, so that the common ones are small.
 */
#include "search.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "search_internal.h"

/* Counts of the document's terms, by field. */
typedef struct DocumentTerm
{
	uint32_t	term;
	uint32_t	tf[SEARCH_MAX_FIELDS];
} DocumentTerm;

struct SearchBuilder
{
	SearchParams params;
	SearchStem	stem;
	void	   *stem_arg;
	Vocab		words;
	uint32_t   *word_df;
	uint32_t   *word_last;		/* 1 + the last document that has it */
	uint32_t   *word_term;		/* BAG_NONE: not searched for */
	size_t		word_capacity;
	Vocab		terms;
	uint32_t   *place;			/* [place_capacity] of a term in the document at hand, 1 + number; checked */
	size_t		place_capacity;
	DocumentTerm *document;		/* [n] */
	size_t		ndocument;
	size_t		document_capacity;
	Vocab		signatures;
	uint64_t   *signature_uses;
	size_t		signature_capacity;
	uint32_t	documents;
	uint64_t	length[SEARCH_MAX_FIELDS];	/* sums */
	uint32_t   *term;			/* [npostings] */
	uint32_t   *posting;		/* document */
	uint32_t   *code;
	size_t		npostings;
	size_t		posting_capacity;
	Vocab		categories;
	uint32_t   *category;
	size_t		category_capacity;
	bool		has_category;
	Vocab		synonym_words;
	Pairs		synonyms;
};

SearchBuilder *
search_begin(EcmlCtx *ctx, const SearchParams *params, SearchStem stem, void *arg)
{
	SearchBuilder *builder = ECML_NEW0(ctx, SearchBuilder, 1);

	builder->params = *params;
	builder->stem = stem;
	builder->stem_arg = arg;
	vocab_init(ctx, &builder->words);
	vocab_init(ctx, &builder->terms);
	vocab_init(ctx, &builder->signatures);
	vocab_init(ctx, &builder->categories);
	vocab_init(ctx, &builder->synonym_words);
	pairs_init(ctx, &builder->synonyms);
	builder->document_capacity = 256;
	builder->document = ECML_NEW(ctx, DocumentTerm, builder->document_capacity);
	builder->posting_capacity = 4096;
	builder->term = ECML_NEW(ctx, uint32_t, builder->posting_capacity);
	builder->posting = ECML_NEW(ctx, uint32_t, builder->posting_capacity);
	builder->code = ECML_NEW(ctx, uint32_t, builder->posting_capacity);
	return builder;
}

/* The number of a word, its term known. */
static uint32_t
add_word(EcmlCtx *ctx, SearchBuilder *builder, const Words *words)
{
	uint32_t	known = builder->words.n;
	uint32_t	word = vocab_add(ctx, &builder->words, words->word, words->length);

	if (word < known)
		return word;
	if (word >= builder->word_capacity)
	{
		size_t		more = builder->word_capacity * 2 > 1024 ? builder->word_capacity * 2 : 1024;

		builder->word_df = ecml_resize_array(ctx, builder->word_df, more, sizeof(uint32_t));
		builder->word_last = ecml_resize_array(ctx, builder->word_last, more, sizeof(uint32_t));
		builder->word_term = ecml_resize_array(ctx, builder->word_term, more, sizeof(uint32_t));
		builder->word_capacity = more;
	}
	builder->word_df[word] = builder->word_last[word] = 0;
	if (builder->stem == NULL)
		builder->word_term[word] = word;
	else
	{
		char		term[WORD_LIMIT + 1];
		int			length = builder->stem(builder->stem_arg, words->word, words->length, term);

		builder->word_term[word] = length > 0 ? vocab_add(ctx, &builder->terms, term, length) : BAG_NONE;
	}
	return word;
}

static void
add_term(EcmlCtx *ctx, SearchBuilder *builder, uint32_t term, int field)
{
	size_t		at;

	if (term >= builder->place_capacity)
	{
		size_t		more = builder->place_capacity * 2 > (size_t) term + 1024 ? builder->place_capacity * 2 : (size_t) term + 1024;

		builder->place = ecml_resize_array(ctx, builder->place, more, sizeof(uint32_t));
		memset(builder->place + builder->place_capacity, 0, (more - builder->place_capacity) * sizeof(uint32_t));
		builder->place_capacity = more;
	}
	at = builder->place[term];
	if (at == 0 || at > builder->ndocument || builder->document[at - 1].term != term)
	{
		if (builder->ndocument == builder->document_capacity)
		{
			builder->document = ecml_resize_array(ctx, builder->document, builder->document_capacity * 2, sizeof(DocumentTerm));
			builder->document_capacity *= 2;
		}
		memset(&builder->document[builder->ndocument], 0, sizeof(DocumentTerm));
		builder->document[builder->ndocument].term = term;
		builder->place[term] = (uint32_t) ++builder->ndocument;
		at = builder->ndocument;
	}
	builder->document[at - 1].tf[field]++;
}

/* The code of a term's signature in the document. */
static uint32_t
signature(EcmlCtx *ctx, SearchBuilder *builder, const DocumentTerm *term, const uint32_t *length)
{
	uint32_t	key[3 * SEARCH_MAX_FIELDS];
	int			n = 0;
	uint32_t	code;

	for (int f = 0; f < builder->params.fields; f++)
		if (term->tf[f] > 0)
		{
			key[n++] = f;
			key[n++] = term->tf[f];
			key[n++] = length[f];
		}
	code = vocab_add(ctx, &builder->signatures, (const char *) key, n * sizeof(uint32_t));
	if (code >= builder->signature_capacity)
	{
		size_t		more = builder->signature_capacity * 2 > 256 ? builder->signature_capacity * 2 : 256;

		builder->signature_uses = ecml_resize_array(ctx, builder->signature_uses, more, sizeof(uint64_t));
		memset(builder->signature_uses + builder->signature_capacity, 0,
			   (more - builder->signature_capacity) * sizeof(uint64_t));
		builder->signature_capacity = more;
	}
	builder->signature_uses[code]++;
	return code;
}

void
search_document(EcmlCtx *ctx, SearchBuilder *builder, const EcmlText *fields, const EcmlText *category)
{
	uint32_t	length[SEARCH_MAX_FIELDS] = {0};
	Words		words;

	if (builder->documents == INT32_MAX)
	{
		ecml_detail(ctx, "There are more than %u.", builder->documents);
		ecml_hint(ctx, "Divide them between several indexes.");
		ecml_fail(ctx, ECML_LIMIT_EXCEEDED, "too many documents");
	}
	builder->ndocument = 0;
	for (int f = 0; f < builder->params.fields; f++)
	{
		if (fields[f].length <= 0)
			continue;
		words_begin(&words, fields[f].bytes, fields[f].length, 1);
		while (words_next(&words))
		{
			uint32_t	word = add_word(ctx, builder, &words);

			if (builder->word_last[word] != builder->documents + 1)
			{
				builder->word_last[word] = builder->documents + 1;
				builder->word_df[word]++;
			}
			if (builder->word_term[word] == BAG_NONE)
				continue;
			add_term(ctx, builder, builder->word_term[word], f);
			length[f]++;
		}
		builder->length[f] += length[f];
	}
	if (builder->npostings + builder->ndocument > builder->posting_capacity)
	{
		size_t		more = builder->posting_capacity * 2 > builder->npostings + builder->ndocument ? builder->posting_capacity * 2 :
			builder->npostings + builder->ndocument;

		builder->term = ecml_resize_array(ctx, builder->term, more, sizeof(uint32_t));
		builder->posting = ecml_resize_array(ctx, builder->posting, more, sizeof(uint32_t));
		builder->code = ecml_resize_array(ctx, builder->code, more, sizeof(uint32_t));
		builder->posting_capacity = more;
	}
	for (size_t i = 0; i < builder->ndocument; i++)
	{
		builder->term[builder->npostings] = builder->document[i].term;
		builder->posting[builder->npostings] = builder->documents;
		builder->code[builder->npostings++] = signature(ctx, builder, &builder->document[i], length);
	}
	if (category)
	{
		if (builder->documents >= builder->category_capacity)
		{
			size_t		more = builder->category_capacity * 2 > 1024 ? builder->category_capacity * 2 : 1024;

			builder->category = ecml_resize_array(ctx, builder->category, more, sizeof(uint32_t));
			builder->category_capacity = more;
		}
		builder->has_category = true;
		builder->category[builder->documents] = category->length < 0 ? 0 :
			vocab_add(ctx, &builder->categories, category->bytes, category->length) + 1;
	}
	builder->documents++;
}

void
search_synonym(EcmlCtx *ctx, SearchBuilder *builder, const char *from, int from_length, const char *to, int to_length)
{
	uint32_t	a = vocab_add(ctx, &builder->synonym_words, from, from_length);
	uint32_t	b = vocab_add(ctx, &builder->synonym_words, to, to_length);

	if (a != b)
		(void) pairs_add(ctx, &builder->synonyms, a, b);
}

/* ---- packing */

static int
bits_of(uint32_t v)
{
	return v == 0 ? 0 : 32 - __builtin_clz(v);
}

/* Append n numbers of so many bits. */
static uint8_t *
pack(uint8_t *out, const uint32_t *v, int n, int bits)
{
	uint64_t	word = 0;
	int			filled = 0;

	for (int i = 0; i < n; i++)
	{
		word |= (uint64_t) v[i] << filled;
		filled += bits;
		while (filled >= 8)
		{
			*out++ = (uint8_t) word;
			word >>= 8;
			filled -= 8;
		}
	}
	if (filled > 0)
		*out++ = (uint8_t) word;
	return out;
}

/* The postings of a term; out has room for search_list_room(n) bytes.  Gives the size. */
static size_t
pack_list(const uint32_t *documents, const uint32_t *codes, size_t n, const double *x, uint8_t *out)
{
	size_t		blocks = (n + SEARCH_BLOCK - 1) / SEARCH_BLOCK;
	uint8_t    *data = out + blocks * SEARCH_HEADER;
	uint8_t    *start = data;
	uint32_t	last = UINT32_MAX;	/* so that the first document's difference is itself */

	for (size_t b = 0; b < blocks; b++)
	{
		size_t		from = b * SEARCH_BLOCK;
		int			m = (int) (n - from < SEARCH_BLOCK ? n - from : SEARCH_BLOCK);
		uint32_t	delta[SEARCH_BLOCK];
		uint32_t	most = 0;
		uint32_t	most_code = 0;
		double		most_x = 0;
		float		bound;

		for (int i = 0; i < m; i++)
		{
			delta[i] = documents[from + i] - last - 1;
			last = documents[from + i];
			most |= delta[i];
			most_code |= codes[from + i];
			most_x = fmax(most_x, x[codes[from + i]]);
		}
		*data++ = (uint8_t) bits_of(most);
		*data++ = (uint8_t) bits_of(most_code);
		data = pack(data, delta, m, bits_of(most));
		data = pack(data, codes + from, m, bits_of(most_code));
		bound = (float) most_x;
		if (bound < most_x)
			bound = nextafterf(bound, INFINITY);
		search_put_u32(out + b * SEARCH_HEADER, last);
		search_put_u32(out + b * SEARCH_HEADER + 4, (uint32_t) (data - start));
		memcpy(out + b * SEARCH_HEADER + 8, &bound, 4);
	}
	return data - out;
}

static size_t
list_room(size_t n)
{
	size_t		blocks = (n + SEARCH_BLOCK - 1) / SEARCH_BLOCK;

	return blocks * (SEARCH_HEADER + 4) + n * 8 + 16;
}

double
search_x(const SearchIndex *index, const uint32_t *tf, const uint32_t *length)
{
	const SearchParams *p = &index->params;
	double		x = 0;

	for (int f = 0; f < p->fields; f++)
		if (tf[f] > 0)
			x += p->weight[f] * tf[f] / (1 - p->b[f] + p->b[f] * (length[f] / index->mean_length[f]));
	return x;
}

/* x of each signature, which are renumbered by use: recode [signatures]. */
static uint32_t *
finish_signatures(EcmlCtx *ctx, SearchBuilder *builder, SearchIndex *index)
{
	uint32_t	n = builder->signatures.n;
	uint32_t   *recode = ECML_NEW(ctx, uint32_t, n);
	double	   *order = ECML_NEW(ctx, double, 2 * (size_t) n);

	for (uint32_t i = 0; i < n; i++)
	{
		order[2 * i] = -(double) builder->signature_uses[i];
		order[2 * i + 1] = i;
	}
	ecml_sort_f8_pairs(ctx, order, n);
	index->signatures = n;
	index->x = ECML_NEW(ctx, double, n);
	for (uint32_t i = 0; i < n; i++)
	{
		uint32_t	old = (uint32_t) order[2 * i + 1];
		uint32_t	key[3 * SEARCH_MAX_FIELDS];
		uint32_t	tf[SEARCH_MAX_FIELDS] = {0};
		uint32_t	length[SEARCH_MAX_FIELDS] = {0};
		int			size;
		const char *bytes = vocab_word(&builder->signatures, old, &size);

		memcpy(key, bytes, size);
		for (int j = 0; j < size / 12; j++)
		{
			tf[key[3 * j]] = key[3 * j + 1];
			length[key[3 * j]] = key[3 * j + 2];
		}
		index->x[i] = search_x(index, tf, length);
		recode[old] = i;
	}
	ecml_free(ctx, order);
	return recode;
}

/* Words and terms in the order of their bytes; term_of [terms of the builder]: numbers in the index. */
static uint32_t *
finish_words(EcmlCtx *ctx, SearchBuilder *builder, SearchIndex *index)
{
	uint32_t   *order = vocab_order(ctx, &builder->words);
	uint32_t   *term_of;

	vocab_init(ctx, &index->words);
	vocab_init(ctx, &index->terms);
	index->word_df = ECML_NEW(ctx, uint32_t, builder->words.n);
	index->word_term = ECML_NEW(ctx, uint32_t, builder->words.n);
	index->stemmed = builder->stem != NULL;
	index->nterms = index->stemmed ? builder->terms.n : builder->words.n;
	term_of = ECML_NEW(ctx, uint32_t, index->nterms);
	if (index->stemmed)
	{
		uint32_t   *terms = vocab_order(ctx, &builder->terms);

		for (uint32_t i = 0; i < index->nterms; i++)
		{
			int			length;
			const char *bytes = vocab_word(&builder->terms, terms[i], &length);

			term_of[terms[i]] = vocab_add(ctx, &index->terms, bytes, length);
		}
		ecml_free(ctx, terms);
	}
	for (uint32_t i = 0; i < builder->words.n; i++)
	{
		int			length;
		const char *bytes = vocab_word(&builder->words, order[i], &length);
		uint32_t	term = builder->word_term[order[i]];

		(void) vocab_add(ctx, &index->words, bytes, length);
		index->word_df[i] = builder->word_df[order[i]];
		if (!index->stemmed)
			term_of[order[i]] = i;
		index->word_term[i] = term == BAG_NONE ? BAG_NONE : term_of[term];
	}
	ecml_free(ctx, order);
	return term_of;
}

static void
finish_synonyms(EcmlCtx *ctx, SearchBuilder *builder, SearchIndex *index)
{
	uint32_t	n = builder->synonyms.n;
	double	   *order = ECML_NEW(ctx, double, 2 * (size_t) n);

	index->synonym_words = builder->synonym_words;
	index->nsynonyms = n;
	index->synonym_from = ECML_NEW(ctx, uint32_t, n);
	index->synonym_to = ECML_NEW(ctx, uint32_t, n);
	for (uint32_t i = 0; i < n; i++)
	{
		order[2 * i] = builder->synonyms.a[i];
		order[2 * i + 1] = i;
	}
	ecml_sort_f8_pairs(ctx, order, n);
	for (uint32_t i = 0; i < n; i++)
	{
		index->synonym_from[i] = builder->synonyms.a[(uint32_t) order[2 * i + 1]];
		index->synonym_to[i] = builder->synonyms.b[(uint32_t) order[2 * i + 1]];
	}
	ecml_free(ctx, order);
}

/* Where each list is, and the parts of the scores. */
void
search_derive(EcmlCtx *ctx, SearchIndex *index)
{
	size_t		filled = 0;

	index->page = ECML_NEW(ctx, uint32_t, index->nterms);
	index->offset = ECML_NEW(ctx, uint32_t, index->nterms);
	index->pages = 0;
	for (uint32_t t = 0; t < index->nterms; t++)
	{
		if (filled > 0 && filled + index->size[t] > SEARCH_PAGE)
		{
			index->pages++;
			filled = 0;
		}
		index->page[t] = index->pages;
		index->offset[t] = (uint32_t) filled;
		filled += index->size[t];
	}
	if (filled > 0)
		index->pages++;
	index->part = ECML_NEW(ctx, double, index->signatures);
	for (uint32_t i = 0; i < index->signatures; i++)
		index->part[i] = search_part(&index->params, index->x[i]);
}

SearchIndex *
search_finish(EcmlCtx *ctx, SearchBuilder *builder, SearchPage page, void *arg)
{
	SearchIndex *index = ECML_NEW0(ctx, SearchIndex, 1);
	uint32_t   *recode;
	uint32_t   *term_of;
	size_t	   *first;			/* of each term's postings */
	uint32_t   *documents;
	uint32_t   *codes;
	size_t		longest = 0;
	uint8_t    *list;
	uint8_t    *open;			/* the page being filled */
	size_t		filled = 0;
	uint32_t	number = 0;

	index->params = builder->params;
	index->documents = builder->documents;
	index->postings = builder->npostings;
	for (int f = 0; f < index->params.fields; f++)
		index->mean_length[f] = builder->length[f] > 0 ? (double) builder->length[f] / builder->documents : 1;
	recode = finish_signatures(ctx, builder, index);
	vocab_free(ctx, &builder->signatures);
	term_of = finish_words(ctx, builder, index);
	vocab_free(ctx, &builder->words);
	finish_synonyms(ctx, builder, index);
	index->categories = builder->categories;
	index->category = builder->has_category ? builder->category : NULL;
	index->df = ECML_NEW0(ctx, uint32_t, index->nterms);
	index->size = ECML_NEW0(ctx, uint32_t, index->nterms);
	ecml_poll(ctx, 0, 0);

	/* by term; documents stay in order */
	for (size_t i = 0; i < builder->npostings; i++)
		index->df[builder->term[i] = term_of[builder->term[i]]]++;
	ecml_free(ctx, term_of);
	first = ECML_NEW(ctx, size_t, (size_t) index->nterms + 1);
	first[0] = 0;
	for (uint32_t t = 0; t < index->nterms; t++)
	{
		first[t + 1] = first[t] + index->df[t];
		longest = index->df[t] > longest ? index->df[t] : longest;
	}
	documents = ECML_NEW(ctx, uint32_t, builder->npostings);
	codes = ECML_NEW(ctx, uint32_t, builder->npostings);
	for (size_t i = 0; i < builder->npostings; i++)
	{
		size_t		at = first[builder->term[i]]++;

		documents[at] = builder->posting[i];
		codes[at] = recode[builder->code[i]];
		if ((i & 0xFFFFF) == 0)
			ecml_poll(ctx, 0, 0);
	}
	ecml_free(ctx, builder->term);
	ecml_free(ctx, builder->posting);
	ecml_free(ctx, builder->code);
	ecml_free(ctx, recode);

	list = ECML_NEW(ctx, uint8_t, list_room(longest));
	open = ECML_NEW(ctx, uint8_t, SEARCH_PAGE);
	for (uint32_t t = 0; t < index->nterms; t++)
	{
		size_t		from = first[t] - index->df[t];
		size_t		size = index->df[t] > 0 ? pack_list(documents + from, codes + from, index->df[t], index->x, list) : 0;

		if (size > UINT32_MAX / 4)
		{
			ecml_detail(ctx, "A word is in %u documents.", index->df[t]);
			ecml_hint(ctx, "Divide them between several indexes.");
			ecml_fail(ctx, ECML_LIMIT_EXCEEDED, "too many documents");
		}
		index->size[t] = (uint32_t) size;
		if (filled > 0 && filled + size > SEARCH_PAGE)
		{
			page(arg, number++, open, filled);
			filled = 0;
		}
		if (size > SEARCH_PAGE)
		{
			page(arg, number++, list, size);
			/* what search_derive does: the next list begins a page, as this one is full */
			continue;
		}
		memcpy(open + filled, list, size);
		filled += size;
		if ((t & 1023) == 0)
			ecml_poll(ctx, t, index->nterms);
	}
	if (filled > 0)
		page(arg, number++, open, filled);
	ecml_free(ctx, list);
	ecml_free(ctx, open);
	ecml_free(ctx, documents);
	ecml_free(ctx, codes);
	ecml_free(ctx, first);
	search_derive(ctx, index);
	return index;
}

/* ---- bytes */

static void
write_u32s(EcmlWriter *w, const uint32_t *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		ecml_write_u32(w, v[i]);
}

static uint32_t *
read_u32s(EcmlReader *r, size_t n, uint32_t high)
{
	uint32_t   *v = ECML_NEW(r->ctx, uint32_t, n);

	for (size_t i = 0; i < n; i++)
		v[i] = ecml_read_u32_in(r, 0, high);
	return v;
}

void
search_write(EcmlWriter *w, const SearchIndex *index)
{
	const SearchParams *p = &index->params;

	ecml_write_u8(w, p->fields);
	ecml_write_f8s(w, p->weight, p->fields);
	ecml_write_f8s(w, p->b, p->fields);
	ecml_write_f8(w, p->k1);
	ecml_write_u32(w, index->documents);
	ecml_write_u64(w, index->postings);
	ecml_write_f8s(w, index->mean_length, p->fields);
	vocab_write(w, &index->words);
	write_u32s(w, index->word_df, index->words.n);
	write_u32s(w, index->word_term, index->words.n);
	ecml_write_u8(w, index->stemmed);
	vocab_write(w, &index->terms);
	ecml_write_u32(w, index->nterms);
	write_u32s(w, index->df, index->nterms);
	write_u32s(w, index->size, index->nterms);
	ecml_write_u32(w, index->signatures);
	ecml_write_f8s(w, index->x, index->signatures);
	vocab_write(w, &index->categories);
	ecml_write_u8(w, index->category != NULL);
	if (index->category)
		write_u32s(w, index->category, index->documents);
	vocab_write(w, &index->synonym_words);
	ecml_write_u32(w, index->nsynonyms);
	write_u32s(w, index->synonym_from, index->nsynonyms);
	write_u32s(w, index->synonym_to, index->nsynonyms);
}

SearchIndex *
search_read(EcmlReader *r, int fields)
{
	SearchIndex *index = ECML_NEW0(r->ctx, SearchIndex, 1);
	SearchParams *p = &index->params;
	uint32_t	n;

	p->fields = ecml_read_u8(r);
	if (p->fields < 1 || p->fields > SEARCH_MAX_FIELDS || p->fields != fields)
		ecml_read_corrupted(r, "its fields are not those of its columns");
	for (int f = 0; f < p->fields; f++)
		p->weight[f] = ecml_read_finite(r);
	for (int f = 0; f < p->fields; f++)
		p->b[f] = ecml_read_finite(r);
	p->k1 = ecml_read_finite(r);
	index->documents = ecml_read_u32_in(r, 1, INT32_MAX);
	index->postings = ecml_read_u64(r);
	for (int f = 0; f < p->fields; f++)
	{
		index->mean_length[f] = ecml_read_finite(r);
		if (!(p->weight[f] >= 0 && p->weight[f] <= 1e6 && p->b[f] >= 0 && p->b[f] <= 1 && p->k1 >= 0 && p->k1 <= 1e6 &&
			  index->mean_length[f] > 0))
			ecml_read_corrupted(r, "a parameter is out of range");
	}
	vocab_read(r, &index->words);
	for (uint32_t i = 1; i < index->words.n; i++)
	{
		int			a;
		int			b;
		const char *before = vocab_word(&index->words, i - 1, &a);
		const char *word = vocab_word(&index->words, i, &b);
		int			order = memcmp(before, word, a < b ? a : b);

		if (order > 0 || (order == 0 && a >= b))
			ecml_read_corrupted(r, "its words are not in order");
	}
	if (ecml_read_left(r) / 8 < index->words.n)
		ecml_read_corrupted(r, "it ends too early");
	index->word_df = read_u32s(r, index->words.n, index->documents);
	index->word_term = read_u32s(r, index->words.n, UINT32_MAX);
	index->stemmed = ecml_read_bool(r);
	vocab_read(r, &index->terms);
	n = index->nterms = ecml_read_count(r, 8);
	if (n != (index->stemmed ? index->terms.n : index->words.n))
		ecml_read_corrupted(r, "it has more or fewer terms than words");
	for (uint32_t i = 0; i < index->words.n; i++)
		if (index->word_term[i] != BAG_NONE && index->word_term[i] >= n)
			ecml_read_corrupted(r, "a term is out of range");
	index->df = read_u32s(r, n, index->documents);
	index->size = read_u32s(r, n, UINT32_MAX / 4);
	for (uint32_t t = 0; t < n; t++)
	{
		size_t		blocks = (index->df[t] + SEARCH_BLOCK - 1) / SEARCH_BLOCK;

		if (index->size[t] < blocks * (SEARCH_HEADER + 2) || index->size[t] > list_room(index->df[t]))
			ecml_read_corrupted(r, "a list is too long or too short");
	}
	index->signatures = ecml_read_count(r, 8);
	index->x = ecml_read_finite_f8s(r, index->signatures);
	for (uint32_t i = 0; i < index->signatures; i++)
		if (!(index->x[i] >= 0))
			ecml_read_corrupted(r, "a parameter is out of range");
	if (index->signatures == 0 && index->postings > 0)
		ecml_read_corrupted(r, "it has no signatures");
	vocab_read(r, &index->categories);
	if (ecml_read_bool(r))
	{
		if (ecml_read_left(r) / 4 < index->documents)
			ecml_read_corrupted(r, "it ends too early");
		index->category = read_u32s(r, index->documents, index->categories.n);
	}
	vocab_read(r, &index->synonym_words);
	n = index->nsynonyms = ecml_read_count(r, 8);
	if (n > 0 && index->synonym_words.n == 0)
		ecml_read_corrupted(r, "a synonym is out of range");
	index->synonym_from = read_u32s(r, n, n > 0 ? index->synonym_words.n - 1 : 0);
	index->synonym_to = read_u32s(r, n, n > 0 ? index->synonym_words.n - 1 : 0);
	for (uint32_t i = 1; i < n; i++)
		if (index->synonym_from[i] < index->synonym_from[i - 1])
			ecml_read_corrupted(r, "its synonyms are not in order");
	search_derive(r->ctx, index);
	return index;
}
