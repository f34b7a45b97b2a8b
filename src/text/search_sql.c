/*
 * search_sql.c - search as an algorithm: what ecml_search_index builds
 */
#include "core/compat.h"

#include <math.h>

#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "tsearch/ts_public.h"
#include "utils/array.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/tuplestore.h"

#include "core/error.h"
#include "core/guc.h"
#include "core/json.h"
#include "core/source.h"
#include "core/textrows.h"
#include "core/trainer.h"
#include "text/search_sql.h"
#include "text/stop_sql.h"

typedef struct SearchOptions
{
	Jsonb	   *weights;		/* by field */
	Jsonb	   *lengths;		/* b by field */
	double		k1;
	double		b;
	char	   *language;
	char	   *synonyms;
	double		synonym_weight;
	char	   *category;
	Jsonb	   *fields;
	bool		live;
	char	   *live_table;
} SearchOptions;

static const EcmlOption options[] = {
	ECML_OPT_OBJECT(SearchOptions, weights, "weights"),
	ECML_OPT_OBJECT(SearchOptions, lengths, "field_b"),
	ECML_OPT_FLOAT(SearchOptions, k1, "k1", 0, 1000),
	ECML_OPT_FLOAT(SearchOptions, b, "b", 0, 1),
	ECML_OPT_TEXT(SearchOptions, language, "language"),
	ECML_OPT_TEXT(SearchOptions, synonyms, "synonyms"),
	ECML_OPT_FLOAT(SearchOptions, synonym_weight, "synonym_weight", 0, 1),
	ECML_OPT_TEXT(SearchOptions, category, "category"),
	ECML_OPT_LIST(SearchOptions, fields, "fields"),
	ECML_OPT_BOOL(SearchOptions, live, "live"),
	ECML_OPT_TEXT(SearchOptions, live_table, "live_table"),
	ECML_OPT_END
};

static const SearchOptions defaults = {.k1 = 1.2,.b = 0.75,.language = "simple",.synonym_weight = 0.5};

/* ---- words as terms */

void
search_language(SearchLanguage *language, const char *name)
{
	char	   *dictionary;
	Oid			oid;

	language->name = pstrdup(name);
	language->dictionary = NULL;
	if (strcmp(name, "simple") == 0 || strcmp(name, "none") == 0)
		return;
	dictionary = psprintf("%s_stem", name);
	oid = get_ts_dict_oid(list_make2(makeString("pg_catalog"), makeString(dictionary)), true);
	if (!OidIsValid(oid))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the language \"%s\" is not known", name),
				 errdetail("There is no dictionary pg_catalog.%s.", dictionary),
				 errhint("Give a language such as \"english\" or \"german\" (\\dFd *_stem lists them), or \"simple\": words as they are.")));
	language->dictionary = lookup_ts_dictionary_cache(oid);
}

int
search_stem(void *arg, const char *word, int length, char *term)
{
	const SearchLanguage *language = arg;
	TSLexeme   *lexemes;
	int			n;

	lexemes = (TSLexeme *) DatumGetPointer(FunctionCall4(&language->dictionary->lexize,
														 PointerGetDatum(language->dictionary->dictData),
														 PointerGetDatum(word), Int32GetDatum(length), PointerGetDatum(NULL)));
	/* NULL: it does not know the word; empty: a stop word, which is searched for like others */
	if (lexemes == NULL || lexemes->lexeme == NULL || (n = strlen(lexemes->lexeme)) > WORD_LIMIT || n == 0)
	{
		memcpy(term, word, length);
		return length;
	}
	memcpy(term, lexemes->lexeme, n);
	return n;
}

/* ---- building */

typedef struct Building
{
	EcmlCtx    *ctx;
	SearchBuilder *builder;
	SearchParts *parts;
	EcmlTextInput key;
	int			nfields;
	EcmlTextInput *fields;
	EcmlText   *texts;			/* [nfields] */
	bool		has_category;
	EcmlTextInput category;
	MemoryContext row_context;
	int64		rows;
	int64		skipped;
	char	   *from_lower;		/* of synonyms */
} Building;

static void
document_row(void *arg, TupleTableSlot *slot)
{
	Building   *b = arg;
	MemoryContext old;
	EcmlText	id;
	EcmlText	category = {NULL, -1};
	Datum	   *fields;
	bool	   *nulls;
	Datum		values[2];
	bool		no[2] = {false};
	int			dims = b->nfields;
	int			lower = 1;

	MemoryContextReset(b->row_context);
	old = MemoryContextSwitchTo(b->row_context);
	id = ecml_text_input_read(&b->key, slot->tts_values[b->key.number], slot->tts_isnull[b->key.number]);
	if (id.length < 0)
	{
		MemoryContextSwitchTo(old);
		b->skipped++;
		return;
	}
	fields = palloc(b->nfields * sizeof(Datum));
	nulls = palloc(b->nfields * sizeof(bool));
	for (int f = 0; f < b->nfields; f++)
	{
		EcmlTextInput *input = &b->fields[f];

		b->texts[f] = ecml_text_input_read(input, slot->tts_values[input->number], slot->tts_isnull[input->number]);
		nulls[f] = b->texts[f].length < 0;
		fields[f] = nulls[f] ? (Datum) 0 : PointerGetDatum(cstring_to_text_with_len(b->texts[f].bytes, b->texts[f].length));
	}
	if (b->has_category)
		category = ecml_text_input_read(&b->category, slot->tts_values[b->category.number], slot->tts_isnull[b->category.number]);
	values[0] = PointerGetDatum(cstring_to_text_with_len(id.bytes, id.length));
	values[1] = PointerGetDatum(construct_md_array(fields, nulls, 1, &dims, &lower, TEXTOID, -1, false, TYPALIGN_INT));
	tuplestore_putvalues(b->parts->documents, b->parts->desc, values, no);
	search_document(b->ctx, b->builder, b->texts, b->has_category ? &category : NULL);
	MemoryContextSwitchTo(old);
	if ((++b->rows & 255) == 0)
		ecml_poll(b->ctx, (double) b->rows, 0);
}

static void
add_page(void *arg, uint32_t number, const void *data, size_t size)
{
	Building   *b = arg;
	SearchParts *parts = b->parts;

	if ((size_t) parts->npages == parts->capacity)
	{
		parts->pages = ecml_resize_array(b->ctx, parts->pages, parts->capacity * 2 + 64, sizeof(void *));
		parts->sizes = ecml_resize_array(b->ctx, parts->sizes, parts->capacity * 2 + 64, sizeof(size_t));
		parts->capacity = parts->capacity * 2 + 64;
	}
	parts->pages[parts->npages] = memcpy(ecml_alloc(b->ctx, size), data, size);
	parts->sizes[parts->npages++] = size;
}

/* Numbers by field from {"title": 3}. */
static void
field_numbers(Jsonb *object, const Building *b, const char *option, double low, double high, double *values)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	value;
	int			field = -1;

	if (object == NULL)
		return;
	iterator = JsonbIteratorInit(&object->root);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
		{
			char	   *name = pnstrdup(value.val.string.val, value.val.string.len);
			const char *names[SEARCH_MAX_FIELDS];

			field = -1;
			for (int f = 0; f < b->nfields; f++)
			{
				names[f] = b->fields[f].name;
				if (strcmp(names[f], name) == 0)
					field = f;
			}
			if (field < 0)
				ereport(ERROR,
						(errcode(ERRCODE_UNDEFINED_COLUMN),
						 errmsg("\"%s\" names \"%s\", which is no field", option, name),
						 errdetail("The fields are: %s.", ecml_error_list(names, b->nfields)),
						 errhint("%sGive numbers by field.", ecml_error_perhaps(ecml_error_nearest(name, names, b->nfields)))));
		}
		else if (token == WJB_VALUE)
		{
			double		v = value.type == jbvNumeric ?
				DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, NumericGetDatum(value.val.numeric))) : NAN;

			if (!(v >= low && v <= high))
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("\"%s\" of field \"%s\" must be a number from %g to %g", option, b->fields[field].name, low, high),
						 errdetail("It is %s.", ecml_json_value_text(&value)),
						 errhint("For example '{\"%s\": {\"%s\": %g}}'.", option, b->fields[field].name, high < 2 ? 0.5 : 3)));
			values[field] = v;
		}
	}
}

static void
add_field(Building *b, const EcmlSource *source, MemoryContext context, int number)
{
	if (b->nfields == SEARCH_MAX_FIELDS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a search index has at most %d fields", SEARCH_MAX_FIELDS),
				 errdetail("The source has more columns that are texts."),
				 errhint("Name those to search with the option \"fields\".")));
	b->fields[b->nfields].name = MemoryContextStrdup(context, NameStr(TupleDescAttr(source->desc, number)->attname));
	ecml_text_input_plan(&b->fields[b->nfields++], context, number, TupleDescAttr(source->desc, number)->atttypid);
}

static void
choose_fields(Building *b, const EcmlSource *source, MemoryContext context, const SearchOptions *given, const EcmlRequest *request)
{
	TupleDesc	desc = source->desc;

	b->fields = MemoryContextAllocZero(context, SEARCH_MAX_FIELDS * sizeof(EcmlTextInput));
	b->texts = MemoryContextAlloc(context, SEARCH_MAX_FIELDS * sizeof(EcmlText));
	ecml_text_input_plan(&b->key, context, 0, ecml_source_key(source)->atttypid);
	if (given->category)
	{
		int			number = ecml_source_column(source, given->category, "category");

		b->has_category = true;
		ecml_text_input_plan(&b->category, context, number, TupleDescAttr(desc, number)->atttypid);
		b->parts->category = MemoryContextStrdup(context, given->category);
	}
	if (given->fields)
	{
		JsonbIterator *iterator = JsonbIteratorInit(&given->fields->root);
		JsonbIteratorToken token;
		JsonbValue	value;

		while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
			if (token == WJB_ELEM)
				add_field(b, source, context,
						  ecml_source_column(source, pnstrdup(value.val.string.val, value.val.string.len), "field"));
	}
	else if (request->nfeatures > 0)
		for (int i = 0; i < request->nfeatures; i++)
			add_field(b, source, context, ecml_source_column(source, request->features[i], "field"));
	else
		for (int i = 1; i < desc->natts; i++)
		{
			Oid			type = getBaseType(TupleDescAttr(desc, i)->atttypid);

			if (!TupleDescAttr(desc, i)->attisdropped && (ecml_text_is_text(type) || type == TEXTARRAYOID) &&
				!(b->has_category && i == b->category.number))
				add_field(b, source, context, i);
		}
	if (b->nfields == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("there is nothing to search"),
				 errdetail("The source has no column of type text after the first, which is the key."),
				 errhint("Give a source such as 'SELECT id, title, description FROM products', or name columns with \"fields\".")));
}

/* Pairs of words from the first two columns of a table. */
static void
synonym_row(void *arg, TupleTableSlot *slot)
{
	Building   *b = arg;
	MemoryContext old;
	EcmlText	from;
	EcmlText	to;
	Words		a;
	Words		w;

	MemoryContextReset(b->row_context);
	old = MemoryContextSwitchTo(b->row_context);
	from = ecml_text_input_read(&b->fields[0], slot->tts_values[0], slot->tts_isnull[0]);
	to = ecml_text_input_read(&b->fields[1], slot->tts_values[1], slot->tts_isnull[1]);
	MemoryContextSwitchTo(old);
	if (from.length < 0 || to.length < 0)
		return;
	words_begin(&a, from.bytes, from.length, 1);
	if (!words_next(&a))
		return;
	/* each word of the second column stands for the first column's word */
	words_begin(&w, to.bytes, to.length, 1);
	while (words_next(&w))
		search_synonym(b->ctx, b->builder, a.word, a.length, w.word, w.length);
}

static void
read_synonyms(Building *b, MemoryContext context, const char *table)
{
	EcmlSource	source;
	EcmlTextInput inputs[2] = {0};
	EcmlTextInput *fields = b->fields;

	ecml_source_open(&source, table);
	if (source.desc->natts < 2)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("synonyms need two columns"),
				 errdetail("\"%s\" has %d.", table, source.desc->natts),
				 errhint("Give a table or query of a word and what it means, too.")));
	for (int i = 0; i < 2; i++)
		ecml_text_input_plan(&inputs[i], context, i, TupleDescAttr(source.desc, i)->atttypid);
	b->fields = inputs;
	ecml_source_run(&source, synonym_row, b);
	b->fields = fields;
}

/* The table that live follows: the one named, or the one that the source reads. */
static Oid
followed_table(const SearchOptions *given, const EcmlRequest *request)
{
	const char *name = given->live_table ? given->live_table : request->source;
	Oid			oid;

	if (given->live_table == NULL && ecml_source_is_query(request->source))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"live\" must know which table to follow"),
				 errdetail("The source is a query."),
				 errhint("Name it, as in '{\"live\": true, \"live_table\": \"products\"}'; its key must have the name of the source's first column.")));
	oid = RangeVarGetRelid(makeRangeVarFromNameList(ecml_qualified_name_list(name)), NoLock, false);
	if (get_rel_relkind(oid) != RELKIND_RELATION && get_rel_relkind(oid) != RELKIND_PARTITIONED_TABLE)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"live\" follows tables"),
				 errdetail("\"%s\" is none.", name),
				 errhint("Name the table behind it with \"live_table\".")));
	return oid;
}

static ArrayType *
field_names(const Building *b)
{
	Datum		names[SEARCH_MAX_FIELDS];

	for (int f = 0; f < b->nfields; f++)
		names[f] = CStringGetTextDatum(b->fields[f].name);
	return construct_array(names, b->nfields, TEXTOID, -1, false, TYPALIGN_INT);
}

static EcmlModel *
train(MemoryContext context, const EcmlTraining *given, const EcmlRequest *request, void **parts)
{
	const SearchOptions *params = given->params;
	EcmlCtx    *ctx = MemoryContextAlloc(context, sizeof(EcmlCtx));
	EcmlServerHost *host = MemoryContextAlloc(context, sizeof(EcmlServerHost));
	Building	b = {.ctx = ctx};
	SearchParams kernel = {.k1 = params->k1};
	SearchLanguage *language = MemoryContextAlloc(context, sizeof(SearchLanguage));
	SearchModel *fitted = MemoryContextAllocZero(context, sizeof(SearchModel));
	EcmlSource	source;
	EcmlModel  *model;
	EcmlJson   *json;
	MemoryContext old = MemoryContextSwitchTo(context);

	ecml_text_check_encoding("search");
	if (request->target)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("search takes no target"),
				 errdetail("The target \"%s\" is given.", request->target),
				 errhint("Call ecml_search_index(name, source, options).")));
	search_language(language, params->language);
	ecml_host_init(ctx, host, context, (size_t) ecml_guc_work_mem * 1024, given->common.seed);
	if (given->common.progress)
		host->progress = "ecml_search_index";
	b.parts = palloc0(sizeof(SearchParts));
	b.parts->model = pstrdup(request->model);
	b.parts->live = params->live;
	if (params->live)
		b.parts->table = followed_table(params, request);
	b.parts->desc = CreateTemplateTupleDesc(2);
	TupleDescInitEntry(b.parts->desc, 1, "id", TEXTOID, -1, 0);
	TupleDescInitEntry(b.parts->desc, 2, "fields", TEXTARRAYOID, -1, 0);
	b.parts->documents = tuplestore_begin_heap(false, false, work_mem);
	b.row_context = AllocSetContextCreate(context, "ecml documents", ALLOCSET_DEFAULT_SIZES);
	ecml_source_open(&source, request->source);
	MemoryContextSwitchTo(context);
	choose_fields(&b, &source, context, params, request);
	b.parts->key = pstrdup(NameStr(TupleDescAttr(source.desc, 0)->attname));
	b.parts->fields = field_names(&b);
	kernel.fields = b.nfields;
	for (int f = 0; f < b.nfields; f++)
	{
		kernel.weight[f] = 1;
		kernel.b[f] = params->b;
	}
	field_numbers(params->weights, &b, "weights", 0, 1e6, kernel.weight);
	field_numbers(params->lengths, &b, "field_b", 0, 1, kernel.b);
	b.builder = search_begin(ctx, &kernel, language->dictionary ? search_stem : NULL, language);
	if (params->live)
	{
		search_live_begin(b.parts, request->source);
		PushActiveSnapshot(GetLatestSnapshot());
	}
	ecml_source_run(&source, document_row, &b);
	if (params->live)
		PopActiveSnapshot();
	if (b.rows == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("there are no documents to search"),
				 errdetail("Rows left out, because their key is NULL: " INT64_FORMAT ".", b.skipped),
				 errhint("Look at what the source gives.")));
	if (params->synonyms)
		read_synonyms(&b, context, params->synonyms);
	fitted->language = pstrdup(params->language);
	fitted->key = b.parts->key;
	fitted->synonym_weight = params->synonym_weight;
	fitted->index = search_finish(ctx, b.builder, add_page, &b);

	model = ecml_model_begin(context, given);
	model->fitted = fitted;
	model->rows = b.rows;
	model->skipped = b.skipped;
	model->schema->nfeatures = b.nfields;
	model->schema->features = palloc0(b.nfields * sizeof(EcmlFeature));
	for (int f = 0; f < b.nfields; f++)
	{
		model->schema->features[f].name = b.fields[f].name;
		model->schema->features[f].kind = ECML_CATEGORY;
		model->schema->features[f].fill = NAN;
	}
	ecml_schema_layout(model->schema);
	json = ecml_json_object();
	ecml_json_int(json, "documents", fitted->index->documents);
	ecml_json_int(json, "words", fitted->index->words.n);
	ecml_json_int(json, "terms", fitted->index->nterms);
	ecml_json_int(json, "postings", fitted->index->postings);
	ecml_json_int(json, "pages", b.parts->npages);
	if (fitted->index->category)
		ecml_json_int(json, "categories", fitted->index->categories.n);
	ecml_json_int(json, "synonyms", fitted->index->nsynonyms);
	ecml_json_open_object(json, "mean_length");
	for (int f = 0; f < b.nfields; f++)
		ecml_json_number(json, b.fields[f].name, fitted->index->mean_length[f]);
	ecml_json_close_object(json);
	model->metrics = ecml_json_finish_text(json);
	*parts = b.parts;
	MemoryContextSwitchTo(old);
	return model;
}

static void
evaluate(const EcmlModel *model, int64 model_id, const char *source, Jsonb *given, EcmlJson *json)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("a search index cannot be evaluated"),
			 errdetail("What is relevant to a query is not known."),
			 errhint("Call ecml_search for queries whose results you know, and compare.")));
}

static const EcmlOwnTraining own = {
	.train = train,
	.store = search_store,
	.evaluate = evaluate,
	.use = "ecml_search",
};

static void
write_model(EcmlWriter *w, const void *fitted)
{
	const SearchModel *model = fitted;

	ecml_write_string(w, model->language);
	ecml_write_string(w, model->key);
	ecml_write_f8(w, model->synonym_weight);
	search_write(w, model->index);
}

static void *
read_model(EcmlReader *r, const EcmlSchema *schema)
{
	SearchModel *model = ECML_NEW0(r->ctx, SearchModel, 1);

	model->language = ecml_host_read_text(r);
	model->key = ecml_host_read_text(r);
	model->synonym_weight = ecml_read_finite(r);
	if (!(model->synonym_weight >= 0 && model->synonym_weight <= 1))
		ecml_read_corrupted(r, "a parameter is out of range");
	model->index = search_read(r, schema->nfeatures);
	text_check_vocab(r, &model->index->words);
	text_check_vocab(r, &model->index->terms);
	text_check_vocab(r, &model->index->categories);
	text_check_vocab(r, &model->index->synonym_words);
	return model;
}

const EcmlAlgorithm ecml_algorithm_search = {
	.id = 35,
	.name = "search",
	.task = ECML_SEARCH,
	.target = ECML_TARGET_NONE,
	.options = options,
	.params_size = sizeof(SearchOptions),
	.defaults = &defaults,
	.own = &own,
	.write = write_model,
	.read = read_model,
};
