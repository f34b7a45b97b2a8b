/*
 * load_csv_sql.c - ecml_load_csv: from a CSV to a typed table, with the lines that do not fit beside it
 *
 * Two readings of the same bytes: one looks at every value for the types of the columns (csv_types.h), one fills the table.
 * A line that cannot be loaded (quotes, number of fields, encoding, a value that is not of its column's declared type) goes
 * to the rejects with its number, its text and the reason; every line of the file is accounted for:
 *
 *     lines = rows_loaded + rows_rejected + header_lines + blank_lines + continuation_lines
 *
 * All happens in the caller's transaction and with the caller's rights; an error leaves nothing.
 *
 * Cost: O(bytes) of reading twice, and the writing of the rows.  Memory: one record, one batch of rows.  Limits: 1,600 columns,
 * max_record bytes (16 MB by default, at most 128 MB) a record.
 */
#include "core/compat.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "parser/parse_type.h"
#include "parser/scansup.h"
#include "utils/date.h"
#include "utils/formatting.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "core/error.h"
#include "core/guc.h"
#include "core/host.h"
#include "core/json.h"
#include "core/options.h"
#include "core/result.h"
#include "prep/load_csv_sql.h"

#define SHOWN_REJECTS 1000		/* in the result */
#define SHOWN_BYTES 1000		/* of each */
#define HEADER_ROWS 1000		/* looked at for whether the first line is one */

typedef struct Options
{
	char	   *delimiter;
	char	   *quote;
	char	   *escape;
	char	   *encoding;
	bool		header;
	bool		header_given;
	bool		trim;
	bool		fill;
	int			skip;
	Jsonb	   *columns;
	bool		clean_names;
	Jsonb	   *nulls;
	Jsonb	   *types;
	int			decimals;
	char	   *decimal;
	char	   *thousands;
	char	   *currency;
	bool		dayfirst;
	int			dayfirst_given; /* -1: not, else its value */
	int64		sample_rows;
	bool		append;
	bool		temporary;
	bool		unlogged;
	char	   *rejects;
	int			max_record;
} Options;

static const char *const decimal_types[] = {"numeric", "double precision", NULL};

static const EcmlOption options[] = {
	ECML_OPT_TEXT(Options, delimiter, "delimiter"),
	ECML_OPT_TEXT(Options, quote, "quote"),
	ECML_OPT_TEXT(Options, escape, "escape"),
	ECML_OPT_TEXT(Options, encoding, "encoding"),
	ECML_OPT_BOOL(Options, header, "header"),
	ECML_OPT_BOOL(Options, trim, "trim"),
	ECML_OPT_BOOL(Options, fill, "fill"),
	ECML_OPT_INT(Options, skip, "skip", 0, 1000000000),
	ECML_OPT_LIST(Options, columns, "columns"),
	ECML_OPT_BOOL(Options, clean_names, "clean_names"),
	ECML_OPT_LIST(Options, nulls, "nulls"),
	ECML_OPT_OBJECT(Options, types, "types"),
	ECML_OPT_ENUM(Options, decimals, "decimals", decimal_types),
	ECML_OPT_TEXT(Options, decimal, "decimal"),
	ECML_OPT_TEXT(Options, thousands, "thousands"),
	ECML_OPT_TEXT(Options, currency, "currency"),
	ECML_OPT_BOOL(Options, dayfirst, "dayfirst"),
	ECML_OPT_INT64(Options, sample_rows, "sample_rows", 1, 1e15),
	ECML_OPT_BOOL(Options, append, "append"),
	ECML_OPT_BOOL(Options, temporary, "temporary"),
	ECML_OPT_BOOL(Options, unlogged, "unlogged"),
	ECML_OPT_TEXT(Options, rejects, "rejects"),
	ECML_OPT_INT(Options, max_record, "max_record", 1024, 128 * 1024 * 1024),
	ECML_OPT_END
};

typedef struct Load
{
	Options		given;
	CsvInput   *input;
	CsvEncoding encoding;
	CsvDialect	dialect;
	CsvNumbers	numbers;
	bool		plain_numbers;	/* as PostgreSQL reads them */
	char	  **nulls;			/* what stands for NULL */
	int			nnulls;
	bool		only_empty;		/* that is nothing but the empty text */

	bool		header;
	CsvField   *first;			/* fields of the first record, copied */
	CsvTargetColumn *columns;
	int			ncolumns;

	CsvName		destination;
	CsvName		rejects_name;
	CsvGuard	guard;
	CsvTarget  *target;
	CsvTarget  *rejects;		/* NULL: no table of them */
	StringInfoData shown;		/* the first of them, as JSON */

	int64		rows;
	int64		rejected;
	int64		lines;
	int64		header_lines;
	int64		blank_lines;
	int64		continuation_lines;
} Load;

static void ECML_NORETURN
bad_option(const char *name, const char *value, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid value for option \"%s\" of ecml_load_csv", name),
			 errdetail("The value is \"%s\".", value),
			 errhint("%s", hint)));
	pg_unreachable();
}

/* ------------------------------------------------------------------------------------------------ options */

/* A byte of ASCII, or "\t" spelt out. */
static char
one_byte(const char *name, const char *value, bool optional)
{
	if (strcmp(value, "\\t") == 0 || pg_strcasecmp(value, "tab") == 0)
		return '\t';
	if (value[0] == '\0' && optional)
		return '\0';
	if (strlen(value) != 1 || IS_HIGHBIT_SET(value[0]) || value[0] == '\n' || value[0] == '\r')
		bad_option(name, value, "It must be one ASCII character, not the end of a line.");
	return value[0];
}

/* The strings of a list. */
static int
list_of(Jsonb *list, char ***strings)
{
	JsonbIterator *iterator = JsonbIteratorInit(&list->root);
	JsonbIteratorToken token;
	JsonbValue	value;
	int			n = 0;

	*strings = palloc((JB_ROOT_COUNT(list) + 1) * sizeof(char *));
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
		if (token == WJB_ELEM)
			(*strings)[n++] = pnstrdup(value.val.string.val, value.val.string.len);
	return n;
}

static bool
is_given(Jsonb *jsonb, const char *name)
{
	return jsonb && getKeyJsonValueFromContainer(&jsonb->root, name, strlen(name), NULL) != NULL;
}

static void
read_options(Load *load, Jsonb *jsonb)
{
	Options    *given = &load->given;
	EcmlOptionSet set = {options, given};

	given->max_record = CSV_MAX_RECORD_DEFAULT;
	ecml_options_parse("ecml_load_csv", jsonb, &set, 1);
	given->header_given = is_given(jsonb, "header");
	given->dayfirst_given = is_given(jsonb, "dayfirst") ? given->dayfirst : -1;

	load->dialect = (CsvDialect) CSV_DIALECT;
	load->dialect.trim = given->trim;
	load->dialect.delimiter = given->delimiter ? one_byte("delimiter", given->delimiter, false) : '\0';
	if (given->quote)
		load->dialect.quote = load->dialect.escape = one_byte("quote", given->quote, true);
	if (given->escape)
		load->dialect.escape = one_byte("escape", given->escape, true);
	if (given->delimiter && (load->dialect.delimiter == load->dialect.quote ||
							 load->dialect.delimiter == load->dialect.escape))
		bad_option("delimiter", given->delimiter, "It must be another one than the quote and the escape.");

	load->numbers = (CsvNumbers) CSV_NUMBERS;
	if (given->decimal)
	{
		if (strcmp(given->decimal, ".") != 0 && strcmp(given->decimal, ",") != 0)
			bad_option("decimal", given->decimal, "It must be \".\" or \",\".");
		load->numbers.decimal = given->decimal[0];
	}
	if (given->thousands && given->thousands[0])
	{
		if (given->thousands[0] == load->numbers.decimal || strpbrk(given->thousands, "0123456789+-"))
			bad_option("thousands", given->thousands, "It must differ from the decimal point, and be no digit or sign.");
		load->numbers.thousands = given->thousands;
	}
	if (given->currency && given->currency[0])
	{
		if (strpbrk(given->currency, "0123456789+-.,"))
			bad_option("currency", given->currency, "It must hold no digit, sign or point, as in \"$\" or \"EUR\".");
		load->numbers.currency = given->currency;
	}
	load->plain_numbers = load->numbers.decimal == '.' && !load->numbers.thousands && !load->numbers.currency;
	if (given->nulls)
		load->nnulls = list_of(given->nulls, &load->nulls);
	else
	{
		load->nulls = palloc(sizeof(char *));
		load->nulls[0] = "";
		load->nnulls = 1;
	}
	load->only_empty = load->nnulls == 1 && load->nulls[0][0] == '\0';
	if (given->append && (given->temporary || given->unlogged))
		bad_option(given->temporary ? "temporary" : "unlogged", "true", "With \"append\" the table is there already.");
	if (given->temporary && given->unlogged)
		bad_option("unlogged", "true", "Temporary tables are never logged: leave it out.");
}

/* ------------------------------------------------------------------------------------------------ reading */

/* After a byte order mark, "sep=;" and the lines to be skipped; the dialect is found the first time. */
static CsvReader *
open_reader(Load *load, EcmlCtx *ctx, bool sniff)
{
	CsvReader  *reader;
	const char *sample;
	size_t		length;
	bool		complete;

	csv_input_rewind(load->input);
	reader = csv_open(ctx, csv_input_read, load->input, MaxHeapAttributeNumber, load->given.max_record);
	sample = csv_peek(reader, &length, &complete);
	if (length >= 3 && memcmp(sample, "\xef\xbb\xbf", 3) == 0)
	{
		if (sniff && load->given.encoding == NULL)
			csv_encoding_init(&load->encoding, "UTF8");
		if (load->encoding.encoding == PG_UTF8)
		{
			csv_skip(reader, 3);
			sample = csv_peek(reader, &length, &complete);
		}
	}
	if (sniff)
		load->dialect.newline = csv_sniff_newline(sample, length);
	csv_set_dialect(reader, &load->dialect);
	load->header_lines = 0;
	while (load->header_lines < load->given.skip && csv_next_line(reader))
		load->header_lines++;
	sample = csv_peek(reader, &length, &complete);
	if (length >= 6 && memcmp(sample, "sep=", 4) == 0 && (sample[5] == '\n' || sample[5] == '\r'))
	{
		/* as Excel writes and reads it */
		if (sniff && load->dialect.delimiter == '\0')
			load->dialect.delimiter = sample[4];
		csv_next_line(reader);
		load->header_lines++;
		sample = csv_peek(reader, &length, &complete);
	}
	if (sniff && load->dialect.delimiter == '\0')
	{
		/* in some encodings a byte of a character may look like a bar, or a semicolon */
		const char *candidates = !PG_ENCODING_IS_CLIENT_ONLY(load->encoding.encoding) ? ",;\t|" :
		load->encoding.encoding == PG_JOHAB ? ",\t" : ",;\t";
		char		newline = load->dialect.newline;

		csv_sniff(ctx, sample, length, complete, candidates, &load->dialect);
		load->dialect.newline = newline;
	}
	csv_set_dialect(reader, &load->dialect);
	return reader;
}

/* Is the line empty?  In a file of one column, blanks are a value. */
static bool
is_blank_line(const Load *load, const CsvReader *reader)
{
	return reader->blank && (reader->length == 0 || load->ncolumns != 1);
}

/* Can the record be taken apart?  NULL, or why not. */
static char *
fault_of(Load *load, const CsvReader *reader)
{
	const char *bad;

	if (reader->fault == CSV_BAD_QUOTE)
		return pstrdup("text after a closing quote");
	if (reader->fault == CSV_OPEN_QUOTE)
		return pstrdup("a quote that is not closed");
	if (reader->nul)
		return pstrdup("a zero byte");
	if (!reader->ascii && !csv_encoding_check(&load->encoding, reader->text, reader->length, &bad))
		return psprintf("byte 0x%02x is not valid in encoding \"%s\"", (unsigned char) *bad,
						pg_encoding_to_char(load->encoding.encoding));
	if (load->ncolumns > 0 && reader->nfields != load->ncolumns)
	{
		bool		fits = reader->nfields < load->ncolumns ? load->given.fill : reader->nfields <= reader->max_fields;

		/* delimiters at the end that nothing stands between */
		for (int i = load->ncolumns; fits && i < reader->nfields; i++)
			fits = reader->fields[i].length == 0 && !reader->fields[i].quoted;
		if (!fits)
			return psprintf("%d field%s instead of %d", reader->nfields, reader->nfields == 1 ? "" : "s", load->ncolumns);
	}
	return NULL;
}

static inline bool
is_null(const Load *load, const char *text, size_t length)
{
	if (load->only_empty)
		return length == 0;
	for (int i = 0; i < load->nnulls; i++)
		if (strlen(load->nulls[i]) == length && memcmp(load->nulls[i], text, length) == 0)
			return true;
	return false;
}

static inline void
trim_field(const char **text, size_t *length)
{
	while (*length > 0 && (**text == ' ' || **text == '\t'))
		(*text)++, (*length)--;
	while (*length > 0 && ((*text)[*length - 1] == ' ' || (*text)[*length - 1] == '\t'))
		(*length)--;
}

/* ------------------------------------------------------------------------------------------------ first reading */

static void
look_at(Load *load, const CsvField *fields, int n)
{
	for (int i = 0; i < Min(n, load->ncolumns); i++)
	{
		const char *text = fields[i].text;
		size_t		length = fields[i].length;

		trim_field(&text, &length);
		/* an empty text is no number, but says nothing either */
		if (length > 0 && !is_null(load, text, length))
			csv_look(&load->columns[i].looked, text, length, &load->numbers);
	}
}

static Oid
type_of(CsvType type)
{
	switch (type)
	{
		case CSV_TYPE_TEXT:
			return TEXTOID;
		case CSV_TYPE_BOOLEAN:
			return BOOLOID;
		case CSV_TYPE_INTEGER:
			return INT4OID;
		case CSV_TYPE_BIGINT:
			return INT8OID;
		case CSV_TYPE_NUMERIC:
			return NUMERICOID;
		case CSV_TYPE_DOUBLE:
			return FLOAT8OID;
		case CSV_TYPE_DATE:
			return DATEOID;
		case CSV_TYPE_TIMESTAMP:
			return TIMESTAMPOID;
		case CSV_TYPE_TIMESTAMPTZ:
			return TIMESTAMPTZOID;
	}
	return TEXTOID;
}

/*
 * Is the first record a header?  It is none when one of its fields is a number, a boolean or a date.  It is one when a column
 * that has another type begins with a text.  Where all is text, it is one when its fields are short, all there, all different,
 * and not found again in their columns.
 */
static bool
looks_like_header(const Load *load, const bool *repeated, int64 others)
{
	bool		text_only = true;

	for (int i = 0; i < load->ncolumns; i++)
	{
		const CsvField *field = &load->first[i];
		CsvColumn	looked = CSV_COLUMN;

		if (field->length == 0 || is_null(load, field->text, field->length))
			continue;
		csv_look(&looked, field->text, field->length, &load->numbers);
		if (csv_choose(&looked, 1, false) != CSV_TYPE_TEXT)
			return false;
		if (load->columns[i].looked.valued && csv_choose(&load->columns[i].looked, 1, false) != CSV_TYPE_TEXT)
			text_only = false;
	}
	if (!text_only || others == 0)
		return true;
	for (int i = 0; i < load->ncolumns; i++)
	{
		if (load->first[i].length == 0 || load->first[i].length >= NAMEDATALEN || repeated[i])
			return false;
		for (int j = 0; j < i; j++)
			if (load->first[i].length == load->first[j].length &&
				memcmp(load->first[i].text, load->first[j].text, load->first[i].length) == 0)
				return false;
	}
	return true;
}

/* The first record that is not blank, which says how many columns there are. */
static void
take_first(Load *load, CsvReader *reader)
{
	char	   *fault;

	do
		if (!csv_next(reader))
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("there is nothing to load"),
					 errdetail("There is neither a header nor a row."),
					 load->given.skip > 0 ? errhint("The option \"skip\" leaves out %d lines.", load->given.skip) :
					 errhint("Give a file or a text with at least a header.")));
	while (reader->blank);
	fault = fault_of(load, reader);
	if (fault)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("the first line cannot be read"),
				 errdetail("Line %llu: %s.", (unsigned long long) reader->line, fault),
				 !reader->ascii ? errhint("The option \"encoding\" names the encoding of the file, as WIN1252 or LATIN1.") :
				 errhint("The option \"skip\" leaves lines out at the beginning; \"quote\" names another quote.")));
	if (reader->nfields > MaxHeapAttributeNumber)
		ereport(ERROR,
				(errcode(ERRCODE_TOO_MANY_COLUMNS),
				 errmsg("too many columns"),
				 errdetail("The first line has %d fields; a table has at most %d columns.", reader->nfields,
						   MaxHeapAttributeNumber),
				 errhint("Perhaps \"%c\" is not the delimiter: the option \"delimiter\" names it.", reader->dialect.delimiter)));
	load->ncolumns = reader->nfields;
	load->columns = palloc0(load->ncolumns * sizeof(CsvTargetColumn));
	load->first = palloc(load->ncolumns * sizeof(CsvField));
	for (int i = 0; i < load->ncolumns; i++)
	{
		load->columns[i].looked = (CsvColumn) CSV_COLUMN;
		load->columns[i].looked.declared = load->given.types || load->given.append;
		load->first[i] = reader->fields[i];
		load->first[i].text = memcpy(palloc(load->first[i].length + 1), load->first[i].text, load->first[i].length);
	}
}

/* Does a table to be appended to have the names of the first record? */
static bool
names_of_table(Load *load, Relation relation)
{
	TupleDesc	desc = RelationGetDescr(relation);

	for (int i = 0; i < load->ncolumns; i++)
	{
		bool		found = false;
		const char *text = load->first[i].text;
		size_t		length = load->first[i].length;

		trim_field(&text, &length);
		for (int j = 0; j < desc->natts && !found; j++)
			found = !TupleDescAttr(desc, j)->attisdropped && strlen(NameStr(TupleDescAttr(desc, j)->attname)) == length &&
				pg_strncasecmp(NameStr(TupleDescAttr(desc, j)->attname), text, length) == 0;
		if (!found)
			return false;
	}
	return true;
}

static void
look(Load *load, Relation append_to)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "ecml csv reader", ALLOCSET_DEFAULT_SIZES);
	MemoryContext record = AllocSetContextCreate(CurrentMemoryContext, "ecml csv record", ALLOCSET_DEFAULT_SIZES);
	EcmlServerHost host;
	EcmlCtx		ctx;
	CsvReader  *reader;
	bool	   *repeated;
	int64		others = 0;

	ecml_host_init(&ctx, &host, context, (size_t) ecml_guc_work_mem * 1024, 0);
	reader = open_reader(load, &ctx, true);
	take_first(load, reader);
	repeated = palloc0(load->ncolumns * sizeof(bool));
	while ((load->given.sample_rows == 0 || others < load->given.sample_rows) && csv_next(reader))
	{
		if (is_blank_line(load, reader))
			continue;
		/* what is rejected says nothing */
		if (reader->fault != CSV_SOUND || reader->nul || !reader->ascii || reader->nfields != load->ncolumns)
		{
			MemoryContext old = MemoryContextSwitchTo(record);
			bool		rejected = fault_of(load, reader) != NULL;

			MemoryContextSwitchTo(old);
			MemoryContextReset(record);
			if (rejected)
				continue;
		}
		look_at(load, reader->fields, reader->nfields);
		if (others++ < HEADER_ROWS)
			for (int i = 0; i < Min(load->ncolumns, reader->nfields); i++)
				repeated[i] |= reader->fields[i].length == load->first[i].length &&
					memcmp(reader->fields[i].text, load->first[i].text, load->first[i].length) == 0;
	}
	if (load->given.header_given)
		load->header = load->given.header;
	else if (append_to && names_of_table(load, append_to))
		load->header = true;
	else
		load->header = looks_like_header(load, repeated, others);
	if (!load->header)
		look_at(load, load->first, load->ncolumns);
	MemoryContextDelete(context);
	MemoryContextDelete(record);
}

/* ------------------------------------------------------------------------------------------------ columns */

/* lower case, letters, digits and underscores */
static char *
clean_name(const char *name)
{
	char	   *lower = str_tolower(name, strlen(name), DEFAULT_COLLATION_OID);
	char	   *clean = palloc(strlen(lower) + 2);
	char	   *to = clean;

	if (*lower >= '0' && *lower <= '9')
		*to++ = '_';
	for (; *lower; lower++)
	{
		if (IS_HIGHBIT_SET(*lower) || isalnum((unsigned char) *lower))
			*to++ = *lower;
		else if (to > clean && to[-1] != '_')
			*to++ = '_';
	}
	while (to > clean && to[-1] == '_')
		to--;
	*to = '\0';
	return clean;
}

static bool
name_is_taken(const Load *load, int before, const char *name)
{
	static const char *const system[] = {"ctid", "xmin", "xmax", "cmin", "cmax", "tableoid", "oid"};

	for (int i = 0; i < (int) lengthof(system); i++)
		if (strcmp(name, system[i]) == 0)
			return true;
	for (int i = 0; i < before; i++)
		if (strcmp(name, load->columns[i].name) == 0)
			return true;
	return false;
}

/* Names are trimmed, cut to what PostgreSQL keeps, never empty, and unique. */
static void
name_columns(Load *load)
{
	char	  **given = NULL;

	if (load->given.columns)
	{
		int			n = list_of(load->given.columns, &given);

		if (n != load->ncolumns)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("the option \"columns\" has %d names for %d columns", n, load->ncolumns),
					 errdetail("The first line has %d fields, divided by \"%c\".", load->ncolumns, load->dialect.delimiter),
					 errhint("Give a name for each column.")));
	}
	for (int i = 0; i < load->ncolumns; i++)
	{
		char	   *name = "";
		char	   *unique;

		if (given)
			name = given[i];
		else if (load->header)
			name = csv_encoding_convert(&load->encoding, load->first[i].text, load->first[i].length, NULL);
		while (isspace((unsigned char) *name))
			name++;
		name = pstrdup(name);
		for (int n = strlen(name); n > 0 && isspace((unsigned char) name[n - 1]); n--)
			name[n - 1] = '\0';
		if (load->given.clean_names)
			name = clean_name(name);
		if (*name == '\0')
			name = psprintf("column_%d", i + 1);
		truncate_identifier(name, strlen(name), false);
		unique = name;
		for (int n = 2; name_is_taken(load, i, unique); n++)
		{
			char	   *suffix = psprintf("_%d", n);
			int			length = pg_mbcliplen(name, strlen(name), NAMEDATALEN - 1 - (int) strlen(suffix));

			unique = psprintf("%.*s%s", length, name, suffix);
		}
		load->columns[i].name = unique;
	}
}

/* The column of a name given by the user; or an error that says which there are. */
static int
find_column(const Load *load, const char *name)
{
	const char **names = palloc(load->ncolumns * sizeof(char *));

	for (int i = 0; i < load->ncolumns; i++)
	{
		names[i] = load->columns[i].name;
		if (strcmp(names[i], name) == 0)
			return i;
	}
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("column \"%s\" of option \"types\" does not exist", name),
			 errdetail("The columns are: %s.", ecml_error_list(names, load->ncolumns)),
			 errhint("%sNames are case-sensitive.", ecml_error_perhaps(ecml_error_nearest(name, names, load->ncolumns)))));
	return -1;
}

static void
declare_types(Load *load)
{
	JsonbIterator *iterator = JsonbIteratorInit(&load->given.types->root);
	JsonbIteratorToken token;
	JsonbValue	value;

	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		CsvTargetColumn *column;
		char	   *type;

		if (token != WJB_KEY)
			continue;
		column = &load->columns[find_column(load, pnstrdup(value.val.string.val, value.val.string.len))];
		token = JsonbIteratorNext(&iterator, &value, true);
		if (value.type != jbvString)
			bad_option("types", ecml_json_value_text(&value), "It is an object of types, as in {\"price\": \"numeric\"}.");
		type = pnstrdup(value.val.string.val, value.val.string.len);
		parseTypeString(type, &column->type, &column->typmod, 0);
		if (get_typtype(column->type) == TYPTYPE_PSEUDO)
			bad_option("types", type, "It is a pseudo-type; give a type that a table's column can have.");
	}
}

/* The columns of a table to be appended to, by name, or by place when the file has no names. */
static void
match_columns(Load *load, Relation relation)
{
	TupleDesc	desc = RelationGetDescr(relation);
	bool		named = load->header || load->given.columns;
	const char **names = palloc((desc->natts + 1) * sizeof(char *));
	int		   *numbers = palloc((desc->natts + 1) * sizeof(int));
	int			n = 0;

	for (int j = 0; j < desc->natts; j++)
		if (!TupleDescAttr(desc, j)->attisdropped)
		{
			numbers[n] = j;
			names[n++] = NameStr(TupleDescAttr(desc, j)->attname);
		}
	if (!named && n != load->ncolumns)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("the file has %d columns without names, the table \"%s\" has %d", load->ncolumns,
						RelationGetRelationName(relation), n),
				 errdetail("Its columns are: %s.", ecml_error_list(names, n)),
				 errhint("The option \"columns\" names those of the file; \"header\": true says that it begins with names.")));
	for (int i = 0; i < load->ncolumns; i++)
	{
		CsvTargetColumn *column = &load->columns[i];
		int			found = named ? -1 : i;

		for (int j = 0; j < n && named; j++)
			if (strcmp(names[j], column->name) == 0)
				found = j;
		/* without regard to case when that is clear enough */
		for (int j = 0; j < n && found < 0; j++)
			if (pg_strcasecmp(names[j], column->name) == 0)
				found = j;
		if (found < 0)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_COLUMN),
					 errmsg("column \"%s\" of the file does not exist in table \"%s\"", column->name,
							RelationGetRelationName(relation)),
					 errdetail("Its columns are: %s.", ecml_error_list(names, n)),
					 errhint("%sThe option \"columns\" gives the file's columns other names.",
							 ecml_error_perhaps(ecml_error_nearest(column->name, names, n)))));
		column->name = pstrdup(names[found]);
		column->type = TupleDescAttr(desc, numbers[found])->atttypid;
		column->typmod = TupleDescAttr(desc, numbers[found])->atttypmod;
		for (int j = 0; j < i; j++)
			if (strcmp(load->columns[j].name, column->name) == 0)
				ereport(ERROR,
						(errcode(ERRCODE_DUPLICATE_COLUMN),
						 errmsg("two columns of the file are column \"%s\" of the table", column->name),
						 errdetail("They are the columns %d and %d.", j + 1, i + 1),
						 errhint("The option \"columns\" gives the file's columns other names.")));
	}
}

static void
plan_columns(Load *load, Relation append_to)
{
	name_columns(load);
	for (int i = 0; i < load->ncolumns; i++)
		load->columns[i].typmod = -1;
	if (append_to)
		match_columns(load, append_to);
	else if (load->given.types)
		declare_types(load);
	for (int i = 0; i < load->ncolumns; i++)
	{
		CsvTargetColumn *column = &load->columns[i];
		bool		declared = OidIsValid(column->type);

		if (!declared)
			column->type = type_of(csv_choose(&column->looked, load->given.dayfirst_given, load->given.decimals == 1));
		csv_column_plan(column, declared, load->given.dayfirst_given);
	}
}

/* ------------------------------------------------------------------------------------------------ second reading */

/* A value without blanks as a C string of the database's encoding. */
static char *
text_of(Load *load, const CsvReader *reader, const char *text, size_t length)
{
	if (reader->ascii)
		return pnstrdup(text, length);
	return csv_encoding_convert(&load->encoding, text, length, NULL);
}

/* A number into Datum; false: it is none that the column's type holds. */
static bool
number_value(Load *load, CsvTargetColumn *column, const char *text, size_t length, Datum *value, char **plain)
{
	char		buffer[CSV_NUMBER_LIMIT + 1];
	const char *canonical;
	int64		integer;
	double		real;
	int			scale;

	switch (column->type)
	{
		case INT2OID:
		case INT4OID:
			if (!csv_to_int(text, length, &load->numbers, &integer) ||
				integer != (column->type == INT2OID ? (int64) (int16) integer : (int64) (int32) integer))
				return false;
			*value = column->type == INT2OID ? Int16GetDatum(integer) : Int32GetDatum(integer);
			return true;
		case INT8OID:
			if (!csv_to_int(text, length, &load->numbers, &integer))
				return false;
			*value = Int64GetDatum(integer);
			return true;
		case FLOAT8OID:
			if (!csv_to_double(text, length, &load->numbers, &real))
				return false;
			*value = Float8GetDatum(real);
			return true;
		case FLOAT4OID:
			/* rounded once, by the input function, where that can read it */
			if (load->plain_numbers || !csv_to_double(text, length, &load->numbers, &real) ||
				(isinf((float) real) && !isinf(real)))
				return false;
			*value = Float4GetDatum((float) real);
			return true;
		default:
			if (csv_to_decimal(text, length, &load->numbers, &integer, &scale, buffer, &canonical))
			{
				Datum		numeric = NumericGetDatum(int64_div_fast_to_numeric(integer, scale));

				if (column->typmod < 0)
				{
					*value = numeric;
					return true;
				}
				*plain = DatumGetCString(DirectFunctionCall1(numeric_out, numeric));
			}
			else if (canonical)
				*plain = pstrdup(canonical);
			return false;
	}
}

/* One value; NULL, or the reason why it is none. */
static char *
field_value(Load *load, CsvTargetColumn *column, const CsvReader *reader, const CsvField *field, Datum *value, bool *null)
{
	const char *text = field->text;
	size_t		length = field->length;
	char	   *plain = NULL;
	char	   *reason = NULL;
	bool		fits = false;
	bool		boolean;
	int32		days;
	int64		moment;

	*null = false;
	if (column->string)
	{
		if (!field->quoted && is_null(load, text, length))
			goto nothing;
		if (column->type == TEXTOID)
		{
			struct varlena *result;

			if (!reader->ascii && OidIsValid(load->encoding.conversion))
				text = csv_encoding_convert(&load->encoding, text, length, &length);
			result = palloc(VARHDRSZ + length);
			SET_VARSIZE(result, VARHDRSZ + length);
			memcpy(VARDATA(result), text, length);
			*value = PointerGetDatum(result);
			return NULL;
		}
	}
	else
	{
		trim_field(&text, &length);
		if (length == 0 || is_null(load, text, length))
			goto nothing;
		switch (column->reading)
		{
			case CSV_TYPE_BOOLEAN:
				fits = csv_to_bool(text, length, &boolean);
				*value = BoolGetDatum(boolean);
				break;
			case CSV_TYPE_INTEGER:
			case CSV_TYPE_BIGINT:
			case CSV_TYPE_NUMERIC:
			case CSV_TYPE_DOUBLE:
				fits = number_value(load, column, text, length, value, &plain);
				break;
			case CSV_TYPE_DATE:
				fits = csv_to_date(text, length, column->order, &days);
				*value = DateADTGetDatum(days);
				break;
			case CSV_TYPE_TIMESTAMP:
			case CSV_TYPE_TIMESTAMPTZ:
				fits = csv_to_timestamp(text, length, column->order, column->reading == CSV_TYPE_TIMESTAMPTZ, &moment);
				*value = TimestampGetDatum(moment);
				break;
			case CSV_TYPE_TEXT:
				break;
		}
		if (fits)
			return NULL;
	}
	if (plain == NULL)
		plain = text_of(load, reader, text, length);
	if (column->by_input && csv_input_function(&load->guard, column, plain, value, &reason))
		return NULL;
	if (reason)
		return psprintf("column \"%s\": %s", column->name, reason);
	return psprintf("column \"%s\": \"%.*s\" is not %s", column->name, pg_mbcliplen(plain, strlen(plain), 60), plain,
					format_type_be(column->type));
nothing:
	*null = true;
	*value = (Datum) 0;
	return NULL;
}

/* To the result, as long as there is room, and to the table of rejects. */
static void
reject(Load *load, const CsvReader *reader, const char *reason)
{
	char	   *content = csv_encoding_show(&load->encoding, reader->text, reader->length);

	if (load->rejected++ < SHOWN_REJECTS)
	{
		size_t		length = strlen(content);
		int			shown = length <= SHOWN_BYTES ? (int) length : pg_mbcliplen(content, length, SHOWN_BYTES);
		char	   *start = length > SHOWN_BYTES ? psprintf("%.*s...", shown, content) : content;

		appendStringInfo(&load->shown, "%s{\"line\": %llu, \"reason\": ", load->rejected > 1 ? "," : "",
						 (unsigned long long) reader->line);
		escape_json(&load->shown, reason);
		appendStringInfoString(&load->shown, ", \"text\": ");
		escape_json(&load->shown, start);
		appendStringInfoChar(&load->shown, '}');
	}
	if (load->rejects)
	{
		Datum	   *values;
		bool	   *nulls;
		MemoryContext old;

		csv_target_row(load->rejects, &values, &nulls);
		old = MemoryContextSwitchTo(csv_target_memory(load->rejects));
		memset(nulls, 0, 3 * sizeof(bool));
		values[0] = Int64GetDatum(reader->line);
		values[1] = CStringGetTextDatum(reason);
		values[2] = CStringGetTextDatum(content);
		MemoryContextSwitchTo(old);
		csv_target_add(load->rejects);
	}
}

static void
fill(Load *load)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "ecml csv reader", ALLOCSET_DEFAULT_SIZES);
	MemoryContext rejected = AllocSetContextCreate(CurrentMemoryContext, "ecml csv reject", ALLOCSET_DEFAULT_SIZES);
	MemoryContext memory = csv_target_memory(load->target);
	EcmlServerHost host;
	EcmlCtx		ctx;
	CsvReader  *reader;
	bool		header = load->header;

	ecml_host_init(&ctx, &host, context, (size_t) ecml_guc_work_mem * 1024, 0);
	reader = open_reader(load, &ctx, false);
	while (csv_next(reader))
	{
		char	   *reason;
		Datum	   *values;
		bool	   *nulls;
		MemoryContext old;

		load->continuation_lines += reader->nlines - 1;
		if (is_blank_line(load, reader))
		{
			load->blank_lines++;
			continue;
		}
		if (header)
		{
			header = false;
			load->header_lines++;
			continue;
		}
		old = MemoryContextSwitchTo(rejected);
		reason = fault_of(load, reader);
		MemoryContextSwitchTo(old);
		if (reason == NULL)
		{
			int			n = Min(reader->nfields, load->ncolumns);

			csv_target_row(load->target, &values, &nulls);
			old = MemoryContextSwitchTo(memory);
			for (int i = 0; i < n && reason == NULL; i++)
				reason = field_value(load, &load->columns[i], reader, &reader->fields[i], &values[i], &nulls[i]);
			for (int i = n; i < load->ncolumns; i++)
			{
				values[i] = (Datum) 0;
				nulls[i] = true;
			}
			MemoryContextSwitchTo(old);
			if (reason == NULL)
			{
				csv_target_add(load->target);
				load->rows++;
				continue;
			}
		}
		old = MemoryContextSwitchTo(rejected);
		reject(load, reader, reason);
		MemoryContextSwitchTo(old);
		MemoryContextReset(rejected);
	}
	load->lines = reader->line - 1;
	csv_guard_close(&load->guard);
	csv_input_close(load->input);
	csv_target_finish(load->target);
	if (load->rejects)
		csv_target_finish(load->rejects);
	MemoryContextDelete(context);
	MemoryContextDelete(rejected);
}

/* ------------------------------------------------------------------------------------------------ the function */

static void
begin_rejects(Load *load)
{
	static const char *const names[] = {"line", "reason", "content"};
	CsvTargetColumn columns[3];

	memset(columns, 0, sizeof(columns));
	for (int i = 0; i < 3; i++)
	{
		columns[i].name = pstrdup(names[i]);
		columns[i].type = i == 0 ? INT8OID : TEXTOID;
		columns[i].typmod = -1;
	}
	load->rejects = csv_target_create(&load->rejects_name, load->given.temporary ? "TEMPORARY " : "", columns, 3, &load->guard);
}

static void
check_new(const CsvName *name, const char *hint)
{
	if (OidIsValid(name->oid))
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_TABLE),
				 errmsg("relation \"%s\" already exists", name->name),
				 errdetail("It is %s.", name->quoted),
				 errhint("%s", hint)));
}

static Jsonb *
columns_json(const Load *load)
{
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfoChar(&text, '[');
	for (int i = 0; i < load->ncolumns; i++)
	{
		appendStringInfo(&text, "%s{\"name\": ", i > 0 ? "," : "");
		escape_json(&text, load->columns[i].name);
		appendStringInfoString(&text, ", \"type\": ");
		escape_json(&text, format_type_with_typemod(load->columns[i].type, load->columns[i].typmod));
		appendStringInfoChar(&text, '}');
	}
	appendStringInfoChar(&text, ']');
	return ecml_json_parse(text.data);
}

static Jsonb *
format_json(const Load *load)
{
	EcmlJson   *json = ecml_json_object();

	ecml_json_string(json, "delimiter", (char[]) {load->dialect.delimiter, '\0'});
	ecml_json_string(json, "quote", (char[]) {load->dialect.quote, '\0'});
	ecml_json_string(json, "encoding", pg_encoding_to_char(load->encoding.encoding));
	ecml_json_bool(json, "header", load->header);
	ecml_json_int(json, "header_lines", load->header_lines);
	ecml_json_int(json, "blank_lines", load->blank_lines);
	ecml_json_int(json, "continuation_lines", load->continuation_lines);
	return ecml_json_finish(json);
}

PG_FUNCTION_INFO_V1(ecml_load_csv);

/* ecml_load_csv(path_or_text text, destination text, options jsonb): one row of what was loaded */
Datum
ecml_load_csv(PG_FUNCTION_ARGS)
{
	TupleDesc	desc = ecml_composite_desc(fcinfo);
	Load	   *load = palloc0(sizeof(Load));
	Relation	append_to = NULL;
	Datum		values[7];
	bool		nulls[7] = {false};

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the %s must not be NULL", PG_ARGISNULL(0) ? "path or text" : "destination"),
				 errdetail("It is NULL."),
				 errhint("As in ecml_load_csv('/srv/import/orders.csv', 'orders').")));
	read_options(load, PG_ARGISNULL(2) ? NULL : PG_GETARG_JSONB_P(2));
	csv_name_resolve(&load->destination, text_to_cstring(PG_GETARG_TEXT_PP(1)), load->given.temporary, "destination");
	if (!load->given.append)
		check_new(&load->destination, "Choose another name, drop it, or give the option \"append\": true.");
	if (load->given.rejects)
	{
		csv_name_resolve(&load->rejects_name, load->given.rejects, load->given.temporary, "option \"rejects\"");
		check_new(&load->rejects_name, "Choose another name for the table of rejected lines, or drop it.");
	}
	load->input = csv_input_open(PG_GETARG_TEXT_PP(0));
	if (load->given.encoding && !csv_input_is_file(load->input))
		bad_option("encoding", load->given.encoding, "A text has the encoding of the database: leave it out.");
	csv_encoding_init(&load->encoding, load->given.encoding);
	if (PG_ENCODING_IS_CLIENT_ONLY(load->encoding.encoding) && load->dialect.delimiter != '\0' &&
		strchr(load->encoding.encoding == PG_JOHAB ? ",\t" : ",;\t ", load->dialect.delimiter) == NULL)
		bad_option("delimiter", load->given.delimiter, "In this encoding a byte of another character may look like it.");
	if (load->given.append)
	{
		RangeVar   *range = makeRangeVarFromNameList(ecml_qualified_name_list(text_to_cstring(PG_GETARG_TEXT_PP(1))));
		Oid			oid = RangeVarGetRelid(range, RowExclusiveLock, true);

		if (!OidIsValid(oid))
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_TABLE),
					 errmsg("relation \"%s\" does not exist", load->destination.name),
					 errdetail("The option \"append\" is true."),
					 errhint("Leave the option \"append\" out to make the table.")));
		append_to = table_open(oid, NoLock);
		load->destination.quoted = quote_qualified_identifier(get_namespace_name(RelationGetNamespace(append_to)),
															  RelationGetRelationName(append_to));
		if (load->given.types)
			bad_option("types", ecml_json_text(load->given.types), "With \"append\" the table has its types already.");
	}
	initStringInfo(&load->shown);
	appendStringInfoChar(&load->shown, '[');

	look(load, append_to);
	plan_columns(load, append_to);
	if (append_to)
	{
		table_close(append_to, NoLock);
		load->target = csv_target_append(&load->destination, load->columns, load->ncolumns, &load->guard);
	}
	else
		load->target = csv_target_create(&load->destination, load->given.temporary ? "TEMPORARY " :
										 load->given.unlogged ? "UNLOGGED " : "", load->columns, load->ncolumns, &load->guard);
	if (load->given.rejects)
		begin_rejects(load);
	fill(load);

	appendStringInfoChar(&load->shown, ']');
	values[0] = CStringGetTextDatum(load->destination.quoted);
	values[1] = Int64GetDatum(load->rows);
	values[2] = Int64GetDatum(load->rejected);
	values[3] = Int64GetDatum(load->lines);
	values[4] = JsonbPGetDatum(columns_json(load));
	values[5] = JsonbPGetDatum(format_json(load));
	values[6] = JsonbPGetDatum(ecml_json_parse(load->shown.data));
	return ecml_composite(desc, values, nulls);
}
