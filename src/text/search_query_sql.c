/*
 * search_query_sql.c - ecml_search, ecml_suggest, ecml_search_category
 *
 * A query's words become terms: the word's own, or that of the word that was probably meant, and with less weight those of its
 * synonyms.  The index finds the best documents; those that have changed since it was built are left out there, scored from their
 * texts with the index's statistics, and merged with the rest.
 */
#include "core/compat.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "core/dict.h"
#include "core/error.h"
#include "core/result.h"
#include "core/serve.h"
#include "text/search_sql.h"

#define MOST_WORDS 64			/* of a query; what stands behind them is left out */
#define MOST_TERMS 256			/* with synonyms */
#define MOST_HITS 100000
#define CATEGORY_HITS 100

/* ---- the query */

typedef struct QueryTerm
{
	char		spelling[WORD_LIMIT + 5];
	int			length;
	uint32_t	term;			/* in the index; BAG_NONE: only changed documents may have it */
	int			group;
	double		weight;			/* with its idf */
} QueryTerm;

typedef struct Asked
{
	const SearchModel *model;
	const SearchIndex *index;
	int64		model_id;
	SearchLanguage *language;
	EcmlCtx    *ctx;
	int			n;
	QueryTerm  *terms;			/* [MOST_TERMS] */
	int			groups;
	StringInfoData corrected;	/* the query with the words that were meant */
	bool		changed;		/* some word was corrected */
	SearchChange *changes;
	int			nchanges;
	uint32_t   *deleted;		/* [nchanges] documents of the index that have changed, growing */
	int			ndeleted;
} Asked;

/* What stays between the calls of a query's row. */
typedef struct Session
{
	EcmlCtx		ctx;
	EcmlServerHost host;
	SearchLanguage language;
} Session;

static Session *
session_of(EcmlServing *serving, const char *function)
{
	Session    *session = serving->extra;

	if (serving->model->algorithm != &ecml_algorithm_search)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s needs a search index", function),
				 errdetail("\"%s\" is a model by %s.", serving->name, serving->model->algorithm->name),
				 errhint("Build one: ecml_search_index(name, source).")));
	if (session == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(serving->model_context);

		session = palloc0(sizeof(Session));
		ecml_host_init(&session->ctx, &session->host, CurrentMemoryContext, 0, 0);
		search_language(&session->language, ((const SearchModel *) serving->model->fitted)->language);
		MemoryContextSwitchTo(old);
		serving->extra = session;
	}
	search_pages_trim();
	return session;
}

static int
compare_numbers(const void *a, const void *b)
{
	uint32_t	x = *(const uint32_t *) a;
	uint32_t	y = *(const uint32_t *) b;

	return x < y ? -1 : x > y;
}

static void
begin_query(Asked *query, EcmlServing *serving, const char *function)
{
	Session    *session = session_of(serving, function);

	memset(query, 0, sizeof(*query));
	query->model = serving->model->fitted;
	query->index = query->model->index;
	query->model_id = serving->model_id;
	query->language = &session->language;
	query->ctx = &session->ctx;
	query->terms = palloc(MOST_TERMS * sizeof(QueryTerm));
	initStringInfo(&query->corrected);
	query->nchanges = search_changes(query->model_id, query->index->params.fields, &query->changes);
	query->deleted = palloc((query->nchanges + 1) * sizeof(uint32_t));
	for (int i = 0; i < query->nchanges; i++)
		if (query->changes[i].known && query->changes[i].number < query->index->documents)
			query->deleted[query->ndeleted++] = query->changes[i].number;
	qsort(query->deleted, query->ndeleted, sizeof(uint32_t), compare_numbers);
}

/* The spelling of a word's term, into spelling; gives the length. */
static int
spell(const Asked *query, const char *word, int length, char *spelling)
{
	if (query->language->dictionary)
		return search_stem(query->language, word, length, spelling);
	memcpy(spelling, word, length);
	return length;
}

static uint32_t
find_term(const Asked *query, const char *spelling, int length)
{
	return vocab_find(query->index->stemmed ? &query->index->terms : &query->index->words, spelling, length);
}

static void
add_term(Asked *query, const char *word, int length, double weight)
{
	QueryTerm  *term = &query->terms[query->n];
	double		documents = query->index->documents;

	if (query->n == MOST_TERMS || weight == 0)
		return;
	term->length = spell(query, word, length, term->spelling);
	term->term = find_term(query, term->spelling, term->length);
	/* of a word that only changed documents have, one is counted */
	term->weight = weight * search_idf(documents, term->term == BAG_NONE ? 1 : query->index->df[term->term]);
	term->group = query->groups;
	/* a synonym that is the word itself adds nothing */
	for (int i = query->n - 1; i >= 0 && query->terms[i].group == term->group; i--)
		if (query->terms[i].length == term->length && memcmp(query->terms[i].spelling, term->spelling, term->length) == 0)
			return;
	query->n++;
}

/* The words of documents that have changed, one after another; begins as zeros but for the query. */
typedef struct ChangedWords
{
	const Asked *query;
	int			change;
	int			field;			/* the next one */
	bool		open;
	Words		words;
} ChangedWords;

static bool
next_changed(ChangedWords *at)
{
	const Asked *query = at->query;

	for (;;)
	{
		text	   *field;

		if (at->open && words_next(&at->words))
			return true;
		while (at->change < query->nchanges &&
			   (!query->changes[at->change].present || at->field == query->index->params.fields))
		{
			CHECK_FOR_INTERRUPTS();
			at->change++;
			at->field = 0;
		}
		if (at->change == query->nchanges)
			return false;
		field = query->changes[at->change].fields[at->field++];
		at->open = field != NULL;
		if (at->open)
			words_begin(&at->words, VARDATA_ANY(field), VARSIZE_ANY_EXHDR(field), 1);
	}
}

/* Is the word in a document that has changed? */
static bool
in_changes(const Asked *query, const char *spelling, int length)
{
	char		other[WORD_LIMIT + 5];
	ChangedWords at = {.query = query};

	while (next_changed(&at))
		if (spell(query, at.words.word, at.words.length, other) == length && memcmp(other, spelling, length) == 0)
			return true;
	return false;
}

/* A word, and what stands for it. */
static void
add_group(Asked *query, const char *word, int length, bool synonyms)
{
	const SearchIndex *index = query->index;
	uint32_t	from = synonyms ? vocab_find(&index->synonym_words, word, length) : BAG_NONE;
	uint32_t	low = 0;
	uint32_t	high = index->nsynonyms;

	add_term(query, word, length, 1);
	while (from != BAG_NONE && low < high)
	{
		uint32_t	mid = low + (high - low) / 2;

		if (index->synonym_from[mid] < from)
			low = mid + 1;
		else
			high = mid;
	}
	for (; from != BAG_NONE && low < index->nsynonyms && index->synonym_from[low] == from; low++)
	{
		int			n;
		const char *other = vocab_word(&index->synonym_words, index->synonym_to[low], &n);

		add_term(query, other, n, query->model->synonym_weight);
	}
	query->groups++;
}

static void
append_word(Asked *query, const char *word, int length)
{
	if (query->corrected.len > 0)
		appendStringInfoChar(&query->corrected, ' ');
	appendBinaryStringInfo(&query->corrected, word, length);
}

static void
parse(Asked *query, const text *asked, bool correct, bool synonyms)
{
	const SearchIndex *index = query->index;
	Words		words;
	int			seen = 0;

	words_begin(&words, VARDATA_ANY(asked), VARSIZE_ANY_EXHDR(asked), 1);
	while (seen++ < MOST_WORDS && words_next(&words))
	{
		char		spelling[WORD_LIMIT + 5];
		int			length = spell(query, words.word, words.length, spelling);
		uint32_t	meant;
		uint32_t	second;
		const char *word;
		int			n;
		bool		split = false;

		if (!correct || find_term(query, spelling, length) != BAG_NONE || in_changes(query, spelling, length) ||
			vocab_find(&index->synonym_words, words.word, words.length) != BAG_NONE)
			meant = BAG_NONE;
		else
		{
			meant = search_correct(query->ctx, index, words.word, words.length);
			if (meant == BAG_NONE)
				split = search_split(index, words.word, words.length, &meant, &second);
		}
		if (meant == BAG_NONE)
		{
			append_word(query, words.word, words.length);
			add_group(query, words.word, words.length, synonyms);
			continue;
		}
		query->changed = true;
		word = vocab_word(&index->words, meant, &n);
		append_word(query, word, n);
		add_group(query, word, n, synonyms);
		if (split)
		{
			word = vocab_word(&index->words, second, &n);
			append_word(query, word, n);
			add_group(query, word, n, synonyms);
		}
	}
}

/* ---- hits */

typedef struct Hit
{
	SearchHit	hit;			/* document: of the index */
	const SearchChange *change; /* or this one */
} Hit;

/* The score of a changed document; complete: it has a term of each group. */
static double
score_change(const Asked *query, const SearchChange *change, bool *complete)
{
	const SearchParams *params = &query->index->params;
	uint32_t  (*tf)[SEARCH_MAX_FIELDS] = palloc0((query->n + 1) * sizeof(*tf));
	uint32_t	length[SEARCH_MAX_FIELDS] = {0};
	double		score = 0;
	int			groups = 0;
	int			group = -1;
	Words		words;

	for (int f = 0; f < params->fields; f++)
	{
		text	   *field = change->fields[f];

		if (field == NULL)
			continue;
		words_begin(&words, VARDATA_ANY(field), VARSIZE_ANY_EXHDR(field), 1);
		while (words_next(&words))
		{
			char		spelling[WORD_LIMIT + 5];
			int			n = spell(query, words.word, words.length, spelling);

			length[f]++;
			for (int i = 0; i < query->n; i++)
				if (query->terms[i].length == n && memcmp(query->terms[i].spelling, spelling, n) == 0)
					tf[i][f]++;
		}
	}
	for (int i = 0; i < query->n; i++)
	{
		double		x = search_x(query->index, tf[i], length);

		if (x == 0)
			continue;
		score += query->terms[i].weight * search_part(params, x);
		groups += query->terms[i].group != group;
		group = query->terms[i].group;
	}
	*complete = groups == query->groups;
	pfree(tf);
	return score;
}

static int
compare_hits(const void *a, const void *b)
{
	const Hit  *x = a;
	const Hit  *y = b;

	if (x->hit.score != y->hit.score)
		return x->hit.score > y->hit.score ? -1 : 1;
	/* documents of the index before those that changed, each in its order */
	if ((x->change != NULL) != (y->change != NULL))
		return x->change ? 1 : -1;
	if (x->change)
		return x->change < y->change ? -1 : x->change > y->change;
	return x->hit.document < y->hit.document ? -1 : x->hit.document > y->hit.document;
}

/* The n best, into *hits; category NULL: of any. */
static int
find(Asked *query, int n, bool all, const char *category, Hit **hits)
{
	SearchTerm *terms = palloc((query->n + 1) * sizeof(SearchTerm));
	SearchQuery kernel = {.index = query->index,.terms = terms,.groups = query->groups,.all = all};
	SearchHit  *found;
	int			nfound = 0;
	int			m = 0;
	bool		possible = true;

	for (int i = 0; i < query->n; i++)
	{
		const QueryTerm *term = &query->terms[i];

		if (term->term == BAG_NONE)
			continue;
		terms[kernel.n].term = term->term;
		terms[kernel.n].group = term->group;
		terms[kernel.n].weight = term->weight;
		terms[kernel.n++].postings = search_page(query->index, query->model_id, query->index->page[term->term]) +
			query->index->offset[term->term];
	}
	kernel.deleted = query->deleted;
	kernel.ndeleted = query->ndeleted;
	if (category)
	{
		uint32_t	number = vocab_find(&query->index->categories, category, strlen(category));

		possible = number != BAG_NONE && query->index->category;
		kernel.category = number + 1;
	}
	n = Min(n, (int) Min(query->index->documents + (uint64) query->nchanges, INT_MAX));
	found = palloc_extended((n + 1) * sizeof(SearchHit), MCXT_ALLOC_HUGE);
	if (possible)
		nfound = search_run(query->ctx, &kernel, n, found);
	*hits = palloc_extended((nfound + query->nchanges + 1) * sizeof(Hit), MCXT_ALLOC_HUGE);
	for (int i = 0; i < nfound; i++)
		(*hits)[m++] = (Hit) {found[i], NULL};
	for (int i = 0; i < query->nchanges; i++)
	{
		const SearchChange *change = &query->changes[i];
		bool		complete;
		double		score;

		if (!change->present || (category && (change->category == NULL || strcmp(change->category, category) != 0)))
			continue;
		score = score_change(query, change, &complete);
		if (score > 0 && (complete || !all))
			(*hits)[m++] = (Hit) {{0, score}, change};
	}
	if (m > nfound)
		qsort(*hits, m, sizeof(Hit), compare_hits);
	return Min(m, n);
}

/* ---- snippets */

typedef struct Match
{
	size_t		from;
	size_t		to;
	int			group;
} Match;

#define MOST_MATCHES 256

static int
matches_of(const Asked *query, const text *field, Match *matches, uint64 *groups)
{
	Words		words;
	int			n = 0;

	*groups = 0;
	words_begin(&words, VARDATA_ANY(field), VARSIZE_ANY_EXHDR(field), 1);
	while (n < MOST_MATCHES && words_next(&words))
	{
		char		spelling[WORD_LIMIT + 5];
		int			length = spell(query, words.word, words.length, spelling);

		for (int i = 0; i < query->n; i++)
			if (query->terms[i].length == length && memcmp(query->terms[i].spelling, spelling, length) == 0)
			{
				matches[n++] = (Match) {words.from, words.to, query->terms[i].group};
				*groups |= UINT64CONST(1) << (query->terms[i].group & 63);
				break;
			}
	}
	return n;
}

static void
append_escaped(StringInfo out, const char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		switch (bytes[i])
		{
			case '&':
				appendStringInfoString(out, "&amp;");
				break;
			case '<':
				appendStringInfoString(out, "&lt;");
				break;
			case '>':
				appendStringInfoString(out, "&gt;");
				break;
			default:
				appendStringInfoCharMacro(out, bytes[i]);
		}
}

/* Where a character of a word or its blank begins, from at on backwards (or forwards): not inside a word, if one ends near. */
static size_t
word_edge(const char *bytes, size_t length, size_t at, int step)
{
	for (int i = 0; i < 40 && at > 0 && at < length; i++, at += step)
		if (bytes[at] == ' ')
			return step < 0 ? at + 1 : at;
	while (at > 0 && at < length && ((uint8) bytes[at] & 0xC0) == 0x80)
		at--;
	return at;
}

/* The best stretch of the best field, its matches in <b>. */
static text *
make_snippet(const Asked *query, text *const *fields, int limit)
{
	Match	   *matches = palloc(MOST_MATCHES * sizeof(Match));
	int			best = -1;
	int			best_groups = -1;
	uint64		groups;
	const char *bytes;
	size_t		length;
	size_t		from = 0;
	size_t		to;
	size_t		at;
	int			n;
	StringInfoData out;

	for (int f = 0; f < query->index->params.fields; f++)
	{
		int			found;

		if (fields[f] == NULL || VARSIZE_ANY_EXHDR(fields[f]) == 0)
			continue;
		(void) matches_of(query, fields[f], matches, &groups);
		found = __builtin_popcountll(groups);
		if (found > best_groups)
		{
			best = f;
			best_groups = found;
		}
	}
	if (best < 0)
		return cstring_to_text("");
	n = matches_of(query, fields[best], matches, &groups);
	bytes = VARDATA_ANY(fields[best]);
	length = to = VARSIZE_ANY_EXHDR(fields[best]);
	if (length > (size_t) limit)
	{
		int			most = -1;
		size_t		start = 0;

		/* the stretch that holds most of the query's words */
		for (int i = 0; i < n; i++)
		{
			uint64		inside = 0;

			for (int j = i; j < n && matches[j].to - matches[i].from <= (size_t) limit * 3 / 4; j++)
				inside |= UINT64CONST(1) << (matches[j].group & 63);
			if (__builtin_popcountll(inside) > most)
			{
				most = __builtin_popcountll(inside);
				start = matches[i].from;
			}
		}
		from = start > (size_t) limit / 4 ? word_edge(bytes, length, start - limit / 4, -1) : 0;
		to = from + limit < length ? word_edge(bytes, length, from + limit, -1) : length;
		if (to <= from)
			to = Min(from + limit, length);
		while (to < length && ((uint8) bytes[to] & 0xC0) == 0x80)
			to++;
	}
	initStringInfo(&out);
	if (from > 0)
		appendStringInfoString(&out, "... ");
	at = from;
	for (int i = 0; i < n && matches[i].to <= to; i++)
	{
		if (matches[i].from < at)
			continue;
		append_escaped(&out, bytes + at, matches[i].from - at);
		appendStringInfoString(&out, "<b>");
		append_escaped(&out, bytes + matches[i].from, matches[i].to - matches[i].from);
		appendStringInfoString(&out, "</b>");
		at = matches[i].to;
	}
	append_escaped(&out, bytes + at, to - at);
	if (to < length)
	{
		while (out.len > 0 && out.data[out.len - 1] == ' ')
			out.data[--out.len] = '\0';
		appendStringInfoString(&out, " ...");
	}
	return cstring_to_text_with_len(out.data, out.len);
}

/* ---- in SQL */

typedef struct SearchCallOptions
{
	int			match;
	char	   *category;
	bool		correct;
	bool		synonyms;
	bool		snippet;
	int			snippet_length;
} SearchCallOptions;

static const char *const matches_choices[] = {"any", "all", NULL};

static const EcmlOption call_options[] = {
	ECML_OPT_ENUM(SearchCallOptions, match, "match", matches_choices),
	ECML_OPT_TEXT(SearchCallOptions, category, "category"),
	ECML_OPT_BOOL(SearchCallOptions, correct, "correct"),
	ECML_OPT_BOOL(SearchCallOptions, synonyms, "synonyms"),
	ECML_OPT_BOOL(SearchCallOptions, snippet, "snippet"),
	ECML_OPT_INT(SearchCallOptions, snippet_length, "snippet_length", 20, 100000),
	ECML_OPT_END
};

static int
number_argument(FunctionCallInfo fcinfo, int i, int most, const char *what)
{
	int			n = PG_GETARG_INT32(i);

	if (n < 1 || n > most)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("n must be between 1 and %d", most),
				 errdetail("It is %d.", n),
				 errhint("It is the number of %s.", what)));
	return n;
}

PG_FUNCTION_INFO_V1(ecml_search);
PG_FUNCTION_INFO_V1(ecml_suggest);
PG_FUNCTION_INFO_V1(ecml_search_category);

/* ecml_search(name text, query text, n int, options jsonb): rows id, score, snippet, corrected */
Datum
ecml_search(PG_FUNCTION_ARGS)
{
	EcmlRows   *rows = ecml_rows_begin(fcinfo);
	EcmlServing *serving = ecml_serving(fcinfo, true);
	SearchCallOptions given = {.correct = true,.synonyms = true,.snippet = true,.snippet_length = 200};
	EcmlOptionSet set = {call_options, &given};
	text	   *texts[SEARCH_MAX_FIELDS];
	Asked		query;
	Hit		   *hits;
	int			n;

	if (serving == NULL || PG_ARGISNULL(1) || PG_ARGISNULL(2))
		return (Datum) 0;
	ecml_options_parse("ecml_search", PG_ARGISNULL(3) ? NULL : PG_GETARG_JSONB_P(3), &set, 1);
	n = number_argument(fcinfo, 2, MOST_HITS, "results");
	begin_query(&query, serving, "ecml_search");
	parse(&query, PG_GETARG_TEXT_PP(1), given.correct, given.synonyms);
	n = find(&query, n, given.match == 1, given.category, &hits);
	for (int i = 0; i < n; i++)
	{
		Datum		values[4];
		bool		nulls[4] = {false};
		char	   *id;
		text	  **fields = texts;

		if ((i & 63) == 0)
			CHECK_FOR_INTERRUPTS();
		if (hits[i].change)
		{
			id = hits[i].change->id;
			fields = hits[i].change->fields;
		}
		else if (!search_fetch(query.model_id, hits[i].hit.document, query.index->params.fields, &id, texts))
			continue;
		values[0] = CStringGetTextDatum(id);
		values[1] = Float8GetDatum(hits[i].hit.score);
		nulls[2] = !given.snippet;
		values[2] = given.snippet ? PointerGetDatum(make_snippet(&query, fields, given.snippet_length)) : (Datum) 0;
		nulls[3] = !query.changed;
		values[3] = query.changed ? PointerGetDatum(cstring_to_text_with_len(query.corrected.data, query.corrected.len)) : (Datum) 0;
		ecml_rows_add(rows, values, nulls);
	}
	return (Datum) 0;
}

/* ---- what goes on with a prefix */

typedef struct Completion
{
	const char *word;
	int			length;
	int			order;			/* of those as frequent */
	int			change;			/* counted last; -1: none */
	int64		documents;
} Completion;

static int
compare_completions(const void *a, const void *b)
{
	const Completion *x = a;
	const Completion *y = b;

	if (x->documents != y->documents)
		return x->documents > y->documents ? -1 : 1;
	return x->order - y->order;
}

/*
 * The words that begin so, the most frequent first: of the index, most of them, and of all documents that have changed.  Those that the
 * index does not know count what they had when it was built, and what has come since; in those that it knows words count that it does
 * not.  Without any, the word that is probably meant.
 */
static int
complete(const Asked *query, const char *prefix, int length, int most, Completion **result)
{
	const SearchIndex *index = query->index;
	uint32_t   *found = palloc((most + 1) * sizeof(uint32_t));
	int			n = search_complete(index, prefix, length, most, found);
	int			room = n + 64;
	Completion *list = palloc(room * sizeof(Completion));
	EcmlDict   *known = ecml_dict_create(CurrentMemoryContext);
	ChangedWords at = {.query = query};

	for (int i = 0; i < n; i++)
	{
		list[i].word = vocab_word(&index->words, found[i], &list[i].length);
		list[i].documents = index->word_df[found[i]];
		list[i].order = i;
		list[i].change = -1;
		if (query->nchanges > 0)
			(void) ecml_dict_add(known, list[i].word, list[i].length);
	}
	while (next_changed(&at))
	{
		uint32_t	word;
		int64		before;
		int			i;

		if (at.words.length < length || memcmp(at.words.word, prefix, length) != 0)
			continue;
		word = vocab_find(&index->words, at.words.word, at.words.length);
		before = word == BAG_NONE ? 0 : index->word_df[word];
		if (before > 0 && query->changes[at.change].known)
			continue;
		i = ecml_dict_add(known, at.words.word, at.words.length);
		if (i == n)
		{
			if (n == room)
				list = repalloc_huge(list, (Size) (room *= 2) * sizeof(Completion));
			list[n] = (Completion) {known->entries[i].key, at.words.length, n, -1, before};
			n++;
		}
		if (list[i].change != at.change)
			list[i].documents++;
		list[i].change = at.change;
	}
	if (query->nchanges > 0)
		qsort(list, n, sizeof(Completion), compare_completions);
	if (n == 0 && length > 0)
	{
		uint32_t	meant = search_correct(query->ctx, index, prefix, length);

		if (meant != BAG_NONE)
		{
			list[0].word = vocab_word(&index->words, meant, &list[0].length);
			list[0].documents = index->word_df[meant];
			n = 1;
		}
	}
	*result = list;
	return n;
}

/* ecml_suggest(name text, prefix text, n int): rows suggestion, documents */
Datum
ecml_suggest(PG_FUNCTION_ARGS)
{
	EcmlRows   *rows = ecml_rows_begin(fcinfo);
	EcmlServing *serving = ecml_serving(fcinfo, true);
	text	   *typed;
	size_t		length;
	size_t		last;			/* where the word under way begins; length: none has begun */
	Asked		query;
	Words		words;
	char		prefix[WORD_LIMIT + 5] = "";
	int			prefix_length = 0;
	Completion *completions;
	int			ncompletions;
	int			n;
	int			told = 0;

	if (serving == NULL || PG_ARGISNULL(1) || PG_ARGISNULL(2))
		return (Datum) 0;
	n = number_argument(fcinfo, 2, 1000, "suggestions");
	begin_query(&query, serving, "ecml_suggest");
	typed = PG_GETARG_TEXT_PP(1);
	length = last = VARSIZE_ANY_EXHDR(typed);
	words_begin(&words, VARDATA_ANY(typed), length, 1);
	while (words_next(&words))
		if (words.to == length)
		{
			last = words.from;
			prefix_length = words.length;
			memcpy(prefix, words.word, words.length);
		}
	if (last > 0)
		parse(&query, cstring_to_text_with_len(VARDATA_ANY(typed), last), true, false);
	/* with words before it, some of the completions may never stand beside them */
	ncompletions = complete(&query, prefix, prefix_length, Min((query.groups > 0 ? n * 8 + 64 : n), 10000), &completions);
	for (int i = 0; i < ncompletions && told < n; i++)
	{
		const Completion *completion = &completions[i];
		Datum		values[2];
		bool		nulls[2] = {false};
		StringInfoData out;

		if ((i & 63) == 0)
			CHECK_FOR_INTERRUPTS();
		if (query.groups > 0)
		{
			Asked		with = query;
			Hit		   *hits;

			with.terms = palloc(MOST_TERMS * sizeof(QueryTerm));
			memcpy(with.terms, query.terms, query.n * sizeof(QueryTerm));
			add_group(&with, completion->word, completion->length, false);
			if (find(&with, 1, true, NULL, &hits) == 0)
				continue;
		}
		initStringInfo(&out);
		if (query.corrected.len > 0)
			appendStringInfo(&out, "%s ", query.corrected.data);
		appendBinaryStringInfo(&out, completion->word, completion->length);
		values[0] = PointerGetDatum(cstring_to_text_with_len(out.data, out.len));
		values[1] = Int64GetDatum(completion->documents);
		ecml_rows_add(rows, values, nulls);
		told++;
	}
	return (Datum) 0;
}

/* ecml_search_category(name text, query text): rows category, share, documents; the likeliest first */
Datum
ecml_search_category(PG_FUNCTION_ARGS)
{
	EcmlRows   *rows = ecml_rows_begin(fcinfo);
	EcmlServing *serving = ecml_serving(fcinfo, true);
	const SearchIndex *index;
	Asked		query;
	Hit		   *hits;
	double	   *sum;
	int64	   *count;
	double		total = 0;
	int			n;
	uint32_t	categories;

	if (serving == NULL || PG_ARGISNULL(1))
		return (Datum) 0;
	begin_query(&query, serving, "ecml_search_category");
	index = query.index;
	if (index->category == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the documents of \"%s\" have no category", serving->name),
				 errdetail("The index was built without the option \"category\"."),
				 errhint("Build it with the name of a column, as in '{\"category\": \"category\"}'.")));
	parse(&query, PG_GETARG_TEXT_PP(1), true, true);
	n = find(&query, CATEGORY_HITS, false, NULL, &hits);
	categories = index->categories.n;
	sum = palloc0((categories + 1) * sizeof(double));
	count = palloc0((categories + 1) * sizeof(int64));
	for (int i = 0; i < n; i++)
	{
		uint32_t	category = BAG_NONE;

		if (hits[i].change == NULL)
			category = index->category[hits[i].hit.document] - 1;
		else if (hits[i].change->category)
			category = vocab_find(&index->categories, hits[i].change->category, strlen(hits[i].change->category));
		if (category == BAG_NONE || category >= categories)
			continue;
		/* a document far below the best says little */
		sum[category] += pow(hits[i].hit.score / hits[0].hit.score, 4);
		count[category]++;
	}
	for (uint32_t c = 0; c < categories; c++)
		total += sum[c];
	for (;;)
	{
		Datum		values[3];
		bool		nulls[3] = {false};
		uint32_t	best = 0;
		int			length;
		const char *name;

		for (uint32_t c = 1; c < categories; c++)
			if (sum[c] > sum[best])
				best = c;
		if (categories == 0 || !(sum[best] > 0))
			break;
		name = vocab_word(&index->categories, best, &length);
		values[0] = PointerGetDatum(cstring_to_text_with_len(name, length));
		values[1] = Float8GetDatum(sum[best] / total);
		values[2] = Int64GetDatum(count[best]);
		ecml_rows_add(rows, values, nulls);
		sum[best] = 0;
	}
	return (Datum) 0;
}
