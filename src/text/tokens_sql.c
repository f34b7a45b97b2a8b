/*
 * tokens_sql.c - ecml_tokenize, ecml_sentences, ecml_ngrams, ecml_stem, ecml_stopwords
 *
 * Stems and stop words are those of PostgreSQL's own snowball dictionaries and its files of stop words.
 */
#include "core/compat.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_ts_dict.h"
#include "commands/defrem.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "tsearch/ts_cache.h"
#include "tsearch/ts_public.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "core/error.h"
#include "text/text_sql.h"
#include "text/tokenize.h"
#include "text/utf8.h"

typedef struct TokenizeOptions
{
	bool		lowercase;
	TokenOptions tokens;
	char	   *separator;		/* of n-grams */
} TokenizeOptions;

#define TOKENIZE_OPTIONS \
	ECML_OPT_BOOL(TokenizeOptions, lowercase, "lowercase"), \
	ECML_OPT_BOOL(TokenizeOptions, tokens.sentences, "sentences"), \
	ECML_OPT_BOOL(TokenizeOptions, tokens.urls, "urls"), \
	ECML_OPT_BOOL(TokenizeOptions, tokens.emoji, "emoji"), \
	ECML_OPT_BOOL(TokenizeOptions, tokens.prices, "prices"), \
	ECML_OPT_BOOL(TokenizeOptions, tokens.sizes, "sizes"), \
	ECML_OPT_BOOL(TokenizeOptions, tokens.hashtags, "hashtags")

static const EcmlOption tokenize_options[] = {
	TOKENIZE_OPTIONS,
	ECML_OPT_END
};

static const EcmlOption ngram_options[] = {
	TOKENIZE_OPTIONS,
	ECML_OPT_TEXT(TokenizeOptions, separator, "separator"),
	ECML_OPT_END
};

static const TokenizeOptions tokenize_defaults = {false, TOKEN_DEFAULTS, NULL};

/* A token's spelling into the array. */
static void
add_token(TextArray *array, const char *s, const Token *token, bool lowercase)
{
	size_t		n;
	const char *spelling = token_spelling(s, token, &n);

	if (!lowercase)
		text_array_add(array, spelling, n);
	else if (array->converted)
	{
		char	   *lower = palloc(UTF8_LOWER_ROOM(n));

		text_array_add(array, lower, utf8_lower(spelling, n, lower));
		pfree(lower);
	}
	else
		text_array_done(array, utf8_lower(spelling, n, text_array_room(array, UTF8_LOWER_ROOM(n))));
}

PG_FUNCTION_INFO_V1(ecml_tokenize);

/* ecml_tokenize(text, options jsonb): text[] */
Datum
ecml_tokenize(PG_FUNCTION_ARGS)
{
	TokenizeOptions *options = text_options(fcinfo, 1, "ecml_tokenize", tokenize_options, &tokenize_defaults,
											sizeof(TokenizeOptions), 0);
	TextInput	input = text_input(PG_GETARG_DATUM(0));
	EcmlCtx		ctx;
	EcmlServerHost host;
	TextArray	array;
	TokenScan	scan;
	Token		token;

	text_ctx(&ctx, &host);
	text_array_begin(&array, 3 * input.n, input.converted);
	tokens_begin(&scan, &ctx, input.s, input.n, &options->tokens);
	while (tokens_next(&scan, &token))
		add_token(&array, input.s, &token, options->lowercase);
	PG_RETURN_ARRAYTYPE_P(text_array_end(&array));
}

PG_FUNCTION_INFO_V1(ecml_sentences);

/* ecml_sentences(text): text[] */
Datum
ecml_sentences(PG_FUNCTION_ARGS)
{
	TextInput	input = text_input(PG_GETARG_DATUM(0));
	EcmlCtx		ctx;
	EcmlServerHost host;
	TextArray	array;
	SentenceScan scan;
	size_t		begin;
	size_t		end;

	text_ctx(&ctx, &host);
	text_array_begin(&array, input.n + input.n / 8, input.converted);
	sentences_begin(&scan, &ctx, input.s, input.n);
	while (sentences_next(&scan, &begin, &end))
		text_array_add(&array, input.s + begin, end - begin);
	PG_RETURN_ARRAYTYPE_P(text_array_end(&array));
}

PG_FUNCTION_INFO_V1(ecml_ngrams);

/* ecml_ngrams(text, n int, options jsonb): text[] */
Datum
ecml_ngrams(PG_FUNCTION_ARGS)
{
	TokenizeOptions *options = text_options(fcinfo, 2, "ecml_ngrams", ngram_options, &tokenize_defaults,
											sizeof(TokenizeOptions), 0);
	TextInput	input = text_input(PG_GETARG_DATUM(0));
	int			n = PG_GETARG_INT32(1);
	const char *separator = options->separator ? options->separator : " ";
	size_t		gap = strlen(separator);
	EcmlCtx		ctx;
	EcmlServerHost host;
	TextArray	array;
	TokenScan	scan;
	Token	   *window;
	int			filled = 0;
	StringInfoData gram;

	if (n < 1 || n > 100)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("n-grams have 1 to 100 tokens"),
				 errdetail("n is %d.", n),
				 errhint("Give, for example, 2 for pairs of neighbours.")));
	text_ctx(&ctx, &host);
	text_array_begin(&array, 3 * input.n, input.converted);
	tokens_begin(&scan, &ctx, input.s, input.n, &options->tokens);
	window = palloc(n * sizeof(Token));
	initStringInfo(&gram);
	while (tokens_next(&scan, &window[filled]))
	{
		/* none reaches over a sentence's end */
		if (filled > 0 && window[filled].sentence != window[0].sentence)
		{
			window[0] = window[filled];
			filled = 0;
		}
		if (++filled < n)
			continue;
		resetStringInfo(&gram);
		for (int i = 0; i < n; i++)
		{
			size_t		length;
			const char *spelling = token_spelling(input.s, &window[i], &length);

			if (i > 0)
				appendBinaryStringInfo(&gram, separator, (int) gap);
			enlargeStringInfo(&gram, (int) UTF8_LOWER_ROOM(length));
			if (options->lowercase)
				gram.len += (int) utf8_lower(spelling, length, gram.data + gram.len);
			else
				appendBinaryStringInfo(&gram, spelling, (int) length);
		}
		text_array_add(&array, gram.data, gram.len);
		memmove(window, window + 1, (n - 1) * sizeof(Token));
		filled = n - 1;
	}
	PG_RETURN_ARRAYTYPE_P(text_array_end(&array));
}

/* ------------------------------------------------------------------------------------------------ dictionaries */

#define MAX_LANGUAGES 200

/* The snowball dictionary of a language, or an error that lists what there is. */
static Oid
language_dictionary(const char *language)
{
	char		name[NAMEDATALEN];
	Oid			oid;
	Relation	relation;
	SysScanDesc scan;
	HeapTuple	tuple;
	const char *names[MAX_LANGUAGES];
	int			n = 0;

	snprintf(name, sizeof(name), "%s_stem", language);
	for (char *c = name; *c; c++)
		*c = pg_tolower((unsigned char) *c);
	oid = GetSysCacheOid2(TSDICTNAMENSP, Anum_pg_ts_dict_oid, CStringGetDatum(name), ObjectIdGetDatum(PG_CATALOG_NAMESPACE));
	if (OidIsValid(oid))
		return oid;
	relation = table_open(TSDictionaryRelationId, AccessShareLock);
	scan = systable_beginscan(relation, InvalidOid, false, NULL, 0, NULL);
	while (n < MAX_LANGUAGES && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_ts_dict dict = (Form_pg_ts_dict) GETSTRUCT(tuple);
		size_t		length = strlen(NameStr(dict->dictname));

		if (dict->dictnamespace == PG_CATALOG_NAMESPACE && length > 5 && strcmp(NameStr(dict->dictname) + length - 5, "_stem") == 0)
			names[n++] = pnstrdup(NameStr(dict->dictname), length - 5);
	}
	systable_endscan(scan);
	table_close(relation, AccessShareLock);
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("no dictionary for the language \"%s\"", language),
			 errdetail("PostgreSQL has none of the name \"%s\".", name),
			 errhint("%sIt has: %s.", ecml_error_perhaps(ecml_error_nearest(language, names, n)), ecml_error_list(names, n))));
}

/* What a call of ecml_stem keeps: its language's dictionary. */
typedef struct Stemmer
{
	char		language[NAMEDATALEN];
	Oid			dictionary;
} Stemmer;

PG_FUNCTION_INFO_V1(ecml_stem);

/* ecml_stem(text, language text): text; each word's stem, joined by spaces */
Datum
ecml_stem(PG_FUNCTION_ARGS)
{
	TextInput	input = text_input(PG_GETARG_DATUM(0));
	text	   *language = PG_GETARG_TEXT_PP(1);
	Stemmer    *stemmer = fcinfo->flinfo->fn_extra;
	TSDictionaryCacheEntry *dictionary;
	static const TokenOptions options = {false};
	EcmlCtx		ctx;
	EcmlServerHost host;
	TokenScan	scan;
	Token		token;
	StringInfoData out;

	if (stemmer == NULL || strlen(stemmer->language) != VARSIZE_ANY_EXHDR(language) ||
		memcmp(stemmer->language, VARDATA_ANY(language), VARSIZE_ANY_EXHDR(language)) != 0)
	{
		char	   *name = text_to_cstring(language);
		Oid			found = language_dictionary(name);

		stemmer = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(Stemmer));
		strlcpy(stemmer->language, name, NAMEDATALEN);
		stemmer->dictionary = found;
		fcinfo->flinfo->fn_extra = stemmer;
	}
	dictionary = lookup_ts_dictionary_cache(stemmer->dictionary);
	initStringInfo(&out);
	text_ctx(&ctx, &host);
	tokens_begin(&scan, &ctx, input.s, input.n, &options);
	while (tokens_next(&scan, &token))
	{
		TSLexeme   *stems = NULL;
		text	   *word;
		size_t		n = token.length;

		CHECK_FOR_INTERRUPTS();
		if (token.kind != TOKEN_WORD && token.kind != TOKEN_NUMBER)
			continue;
		word = text_output(input.s + token.begin, n, input.converted);
		n = VARSIZE_ANY_EXHDR(word);
		/* the lexizer's interface has lengths of int; words without end are none */
		if (n < 1000)
			stems = (TSLexeme *) DatumGetPointer(FunctionCall4(&dictionary->lexize, PointerGetDatum(dictionary->dictData),
															   PointerGetDatum(VARDATA_ANY(word)), Int32GetDatum((int32) n),
															   PointerGetDatum(NULL)));
		if (out.len > 0)
			appendStringInfoChar(&out, ' ');
		if (stems != NULL && stems->lexeme != NULL)
			appendStringInfoString(&out, stems->lexeme);
		else
		{
			/* none, or an empty list for a stop word: its lower case */
			char	   *lower = palloc(UTF8_LOWER_ROOM(token.length));

			pfree(word);
			word = text_output(lower, utf8_lower(input.s + token.begin, token.length, lower), input.converted);
			appendBinaryStringInfo(&out, VARDATA_ANY(word), VARSIZE_ANY_EXHDR(word));
			pfree(lower);
		}
		pfree(word);
	}
	PG_RETURN_TEXT_P(cstring_to_text_with_len(out.data, out.len));
}

PG_FUNCTION_INFO_V1(ecml_stopwords);

/* ecml_stopwords(language text): text[] */
Datum
ecml_stopwords(PG_FUNCTION_ARGS)
{
	char	   *language = text_to_cstring(PG_GETARG_TEXT_PP(0));
	StopList	list;
	TextArray	array;
	HeapTuple	tuple;
	bool		has = false;
	bool		isnull;
	Datum		value;

	/* the file that the language's dictionary names */
	tuple = SearchSysCache1(TSDICTOID, ObjectIdGetDatum(language_dictionary(language)));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for the text search dictionary of \"%s\"", language);
	value = SysCacheGetAttr(TSDICTOID, tuple, Anum_pg_ts_dict_dictinitoption, &isnull);
	if (!isnull)
	{
		ListCell   *cell;

		foreach(cell, deserialize_deflist(value))
		{
			DefElem    *option = lfirst(cell);

			if (strcmp(option->defname, "stopwords") == 0)
			{
				readstoplist(defGetString(option), &list, NULL);
				has = true;
			}
		}
	}
	ReleaseSysCache(tuple);
	text_array_begin(&array, 4096, false);
	if (has)
		for (int i = 0; i < list.len; i++)
			text_array_add(&array, list.stop[i], strlen(list.stop[i]));
	PG_RETURN_ARRAYTYPE_P(text_array_end(&array));
}
