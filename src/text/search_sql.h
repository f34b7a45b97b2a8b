/*
 * search_sql.h - what the bindings of search share
 */
#ifndef TEXT_SEARCH_SQL_H
#define TEXT_SEARCH_SQL_H

#include "postgres.h"
#include "tsearch/ts_cache.h"

#include "core/algorithm.h"
#include "core/catalog.h"
#include "core/host.h"
#include "core/model.h"
#include "core/serve.h"
#include "text/search.h"

/* The words of one language as terms: PostgreSQL's dictionary, or the words themselves. */
typedef struct SearchLanguage
{
	char	   *name;			/* "simple", "english" */
	TSDictionaryCacheEntry *dictionary;	/* NULL: words as they are */
} SearchLanguage;

extern void search_language(SearchLanguage *language, const char *name);

/* A SearchStem: arg is a SearchLanguage. */
extern int	search_stem(void *arg, const char *word, int length, char *term);

/* The fitted part of a model. */
typedef struct SearchModel
{
	char	   *language;
	char	   *key;			/* the source's first column */
	double		synonym_weight;
	SearchIndex *index;
} SearchModel;

extern const EcmlAlgorithm ecml_algorithm_search;

/* ---- search_store_sql.c: the tables */

enum
{
	SEARCH_DOCUMENT_MODEL = 1,
	SEARCH_DOCUMENT_NUMBER,
	SEARCH_DOCUMENT_ID,
	SEARCH_DOCUMENT_FIELDS
};

/* What is in memory until the model's id is known. */
typedef struct SearchParts
{
	struct Tuplestorestate *documents;	/* id, fields */
	TupleDesc	desc;
	int			npages;
	void	  **pages;
	size_t	   *sizes;
	size_t		capacity;
	const char *model;			/* its name */
	bool		live;
	Oid			table;			/* that live follows */
	char	   *key;
	ArrayType  *fields;			/* names */
	char	   *category;		/* name of a column, or NULL */
	int64		followed;		/* live: the version whose trigger has written down what changes; 0: there was none */
	Datum		seen;			/* bigint[] of its changes that were there before the source was read */
} SearchParts;

extern void search_store(const EcmlModel *model, void *parts, int64 model_id);

/* The postings of a page, kept in this session: valid until the next call of search_pages_trim. */
extern const uint8_t *search_page(const SearchIndex *index, int64 model_id, uint32_t page);
extern void search_pages_trim(void);

/* A document's id and fields [fields], NULL where they are; false: it is not there. */
extern bool search_fetch(int64 model_id, uint32_t document, int fields, char **id, text **texts);

/* The number of the document of that id; false: there is none. */
extern bool search_find(int64 model_id, const char *id, uint32_t *document);

/* ---- search_live_sql.c: what has changed since the index was built */

/*
 * Around the reading of the source of a live index, so that no change is lost that others make meanwhile: begin, before the snapshot
 * under which it is read, locks the table unless the version before follows it already in the same way; finish, when the new version is
 * stored, makes the triggers and hands on what the version before has written down since.
 */
extern void search_live_begin(SearchParts *parts, const char *source);
extern void search_live_finish(const SearchParts *parts, int64 model_id);

typedef struct SearchChange
{
	char	   *id;
	bool		present;		/* it is a document now; else it was deleted */
	bool		known;			/* a document of the index has this id: number */
	uint32_t	number;
	text	  **fields;			/* [fields], NULL where they are */
	char	   *category;		/* NULL: none */
} SearchChange;

/* The last state of each changed document, in the order of their ids' first changes; their number. */
extern int	search_changes(int64 model_id, int fields, SearchChange **changes);

#endif							/* TEXT_SEARCH_SQL_H */
