/*
 * search.h - an inverted index with BM25F, its queries, and the words that a query may have meant
 *
 * Documents have fields (title, description), numbered as they come from 0 on.  A term's postings are documents in growing order,
 * each with the code of its signature: how often the term stands in which fields, and how long these are.  All that the score of
 * a posting depends on is in the signature, of which there are few, so that a posting takes some bits.
 */
#ifndef TEXT_SEARCH_H
#define TEXT_SEARCH_H

#include "text/bags.h"

#define SEARCH_MAX_FIELDS 16
#define SEARCH_BLOCK 128		/* postings of a block */
#define SEARCH_PAGE 7800		/* bytes of a page of postings; a longer list has one of its own */
#define SEARCH_PADDING 8		/* bytes that a page must have behind it in memory */

typedef struct SearchParams
{
	int			fields;
	double		weight[SEARCH_MAX_FIELDS];
	double		b[SEARCH_MAX_FIELDS];	/* how much a field's length matters: 0 to 1 */
	double		k1;
} SearchParams;

typedef struct SearchIndex
{
	SearchParams params;
	uint32_t	documents;
	uint64_t	postings;
	double		mean_length[SEARCH_MAX_FIELDS];	/* words */

	Vocab		words;			/* as they stand in the documents, in the order of their bytes */
	uint32_t   *word_df;		/* [words.n] documents that have the word */
	uint32_t   *word_term;		/* [words.n] */

	bool		stemmed;		/* terms are not the words themselves */
	Vocab		terms;			/* stemmed: their spelling */
	uint32_t	nterms;
	uint32_t   *df;				/* [nterms] */
	uint32_t   *size;			/* [nterms] bytes of the postings */
	uint32_t   *page;			/* [nterms] where they are; derived */
	uint32_t   *offset;			/* [nterms] within the page; derived */
	uint32_t	pages;

	uint32_t	signatures;
	double	   *x;				/* [signatures] the sum over fields of weight tf / (1 - b + b length / mean length) */
	double	   *part;			/* [signatures] x (k1 + 1) / (k1 + x); derived */

	Vocab		categories;
	uint32_t   *category;		/* [documents] number + 1, 0: none; NULL: documents have no category */

	/* pairs of words and what stands for them, too, by word: of the vocabulary synonyms */
	Vocab		synonym_words;
	uint32_t	nsynonyms;
	uint32_t   *synonym_from;	/* [nsynonyms] growing */
	uint32_t   *synonym_to;
} SearchIndex;

/* ---- building */

/* The term that a word is: writes it to term [WORD_LIMIT + 1], gives its length, 0: the word is not searched for. */
typedef int (*SearchStem) (void *arg, const char *word, int length, char *term);

typedef struct SearchBuilder SearchBuilder;

extern SearchBuilder *search_begin(EcmlCtx *ctx, const SearchParams *params, SearchStem stem, void *arg);
extern void search_document(EcmlCtx *ctx, SearchBuilder *builder, const EcmlText *fields, const EcmlText *category);
extern void search_synonym(EcmlCtx *ctx, SearchBuilder *builder, const char *from, int from_length, const char *to, int to_length);

/* The index, and its postings page by page. */
typedef void (*SearchPage) (void *arg, uint32_t page, const void *data, size_t size);
extern SearchIndex *search_finish(EcmlCtx *ctx, SearchBuilder *builder, SearchPage page, void *arg);

extern void search_write(EcmlWriter *w, const SearchIndex *index);
extern SearchIndex *search_read(EcmlReader *r, int fields);

/* Are the size bytes of a page such that a query may read them?  They may come from anywhere. */
extern bool search_check_page(const SearchIndex *index, uint32_t page, const void *data, size_t size);

/* ---- queries */

/* log(1 + (N - df + 0.5) / (df + 0.5)) */
extern double search_idf(double documents, double df);

typedef struct SearchTerm
{
	uint32_t	term;
	int			group;			/* of the query's word that it stands for */
	double		weight;			/* its idf, times what the query says */
	const uint8_t *postings;	/* [index->size[term]], SEARCH_PADDING bytes behind them */
} SearchTerm;

typedef struct SearchQuery
{
	const SearchIndex *index;
	int			n;
	const SearchTerm *terms;	/* [n] */
	int			groups;
	bool		all;			/* a document needs a term of each group */
	uint32_t	category;		/* number + 1; 0: of any */
	const uint32_t *deleted;	/* [ndeleted] documents that are not there any more, growing */
	size_t		ndeleted;
} SearchQuery;

typedef struct SearchHit
{
	uint32_t	document;
	double		score;
} SearchHit;

/* The best documents, at most n, into hits, the best first, of equal ones the first; their number. */
extern int	search_run(EcmlCtx *ctx, const SearchQuery *query, int n, SearchHit *hits);

/* The same by looking at every posting: what search_run must agree with. */
extern int	search_run_plainly(EcmlCtx *ctx, const SearchQuery *query, int n, SearchHit *hits);

/* What a document that is not in the index would score: x of a term in it. */
extern double search_x(const SearchIndex *index, const uint32_t *tf, const uint32_t *length);

static inline double
search_part(const SearchParams *params, double x)
{
	return x * (params->k1 + 1) / (params->k1 + x);
}

/* ---- words */

/* The words that begin so, best first (by documents that have them), at most n; their number. */
extern int	search_complete(const SearchIndex *index, const char *prefix, int length, int n, uint32_t *words);

/*
 * The word that was meant by one that no document has: within one edit (insertion, deletion, replacement, swap of neighbours),
 * of six characters and more within two.  BAG_NONE: none is near.
 */
extern uint32_t search_correct(EcmlCtx *ctx, const SearchIndex *index, const char *word, int length);

/* Two words of the index that the word is run together from; false: there are none. */
extern bool search_split(const SearchIndex *index, const char *word, int length, uint32_t *first, uint32_t *second);

#endif							/* TEXT_SEARCH_H */
