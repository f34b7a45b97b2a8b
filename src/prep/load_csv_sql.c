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
 * Cost: O(bytes) of reading twice, and the writing of the rows.  Memory: one record, one batch of rows.
 * Limits: 1,600 columns, max_record bytes (16 MB by default, at most 128 MB) a record.
 */
#include "core/compat.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "utils/date.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/rel.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "core/guc.h"
#include "core/host.h"
#include "core/json.h"
#include "core/options.h"
#include "core/result.h"
#include "prep/load_csv_sql.h"

#define SHOWN_REJECTS 1000		/* in the result */
#define SHOWN_BYTES 1000		/* of each */
#define HEADER_ROWS 1000		/* looked at for whether the first line is one */

static const char *const decimal_types[] = {"numeric", "double precision", NULL};

static const EcmlOption options[] = {
	ECML_OPT_TEXT(CsvOptions, delimiter, "delimiter"),
	ECML_OPT_TEXT(CsvOptions, quote, "quote"),
	ECML_OPT_TEXT(CsvOptions, escape, "escape"),
	ECML_OPT_TEXT(CsvOptions, encoding, "encoding"),
	ECML_OPT_BOOL(CsvOptions, header, "header"),
	ECML_OPT_BOOL(CsvOptions, trim, "trim"),
	ECML_OPT_BOOL(CsvOptions, fill, "fill"),
	ECML_OPT_INT(CsvOptions, skip, "skip", 0, 1000000000),
	ECML_OPT_LIST(CsvOptions, columns, "columns"),
	ECML_OPT_BOOL(CsvOptions, clean_names, "clean_names"),
	ECML_OPT_LIST(CsvOptions, nulls, "nulls"),
	ECML_OPT_OBJECT(CsvOptions, types, "types"),
	ECML_OPT_ENUM(CsvOptions, decimals, "decimals", decimal_types),
	ECML_OPT_TEXT(CsvOptions, decimal, "decimal"),
	ECML_OPT_TEXT(CsvOptions, thousands, "thousands"),
	ECML_OPT_TEXT(CsvOptions, currency, "currency"),
	ECML_OPT_BOOL(CsvOptions, dayfirst, "dayfirst"),
	ECML_OPT_INT64(CsvOptions, sample_rows, "sample_rows", 1, 1e15),
	ECML_OPT_BOOL(CsvOptions, append, "append"),
	ECML_OPT_BOOL(CsvOptions, temporary, "temporary"),
	ECML_OPT_BOOL(CsvOptions, unlogged, "unlogged"),
	ECML_OPT_TEXT(CsvOptions, rejects, "rejects"),
	ECML_OPT_INT(CsvOptions, max_record, "max_record", 1024, 128 * 1024 * 1024),
	ECML_OPT_END
};

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
		csv_bad_option(name, value, "It must be one ASCII character, not the end of a line.");
	return value[0];
}

static bool
is_given(Jsonb *jsonb, const char *name)
{
	return jsonb && getKeyJsonValueFromContainer(&jsonb->root, name, strlen(name), NULL) != NULL;
}

static void
read_options(CsvLoad *load, Jsonb *jsonb)
{
	CsvOptions *given = &load->given;
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
		csv_bad_option("delimiter", given->delimiter, "It must be another one than the quote and the escape.");

	load->numbers = (CsvNumbers) CSV_NUMBERS;
	if (given->decimal)
	{
		if (strcmp(given->decimal, ".") != 0 && strcmp(given->decimal, ",") != 0)
			csv_bad_option("decimal", given->decimal, "It must be \".\" or \",\".");
		load->numbers.decimal = given->decimal[0];
	}
	if (given->thousands && given->thousands[0])
	{
		if (given->thousands[0] == load->numbers.decimal || strpbrk(given->thousands, "0123456789+-"))
			csv_bad_option("thousands", given->thousands, "It must differ from the decimal point, and be no digit or sign.");
		load->numbers.thousands = given->thousands;
	}
	if (given->currency && given->currency[0])
	{
		if (strpbrk(given->currency, "0123456789+-.,"))
			csv_bad_option("currency", given->currency, "It must hold no digit, sign or point, as in \"$\" or \"EUR\".");
		load->numbers.currency = given->currency;
	}
	load->plain_numbers = load->numbers.decimal == '.' && !load->numbers.thousands && !load->numbers.currency;
	if (given->nulls)
		load->nulls = ecml_json_list(given->nulls, &load->nnulls);
	else
	{
		load->nulls = palloc(sizeof(char *));
		load->nulls[0] = "";
		load->nnulls = 1;
	}
	load->only_empty = load->nnulls == 1 && load->nulls[0][0] == '\0';
	if (given->append && (given->temporary || given->unlogged))
		csv_bad_option(given->temporary ? "temporary" : "unlogged", "true", "With \"append\" the table is there already.");
	if (given->temporary && given->unlogged)
		csv_bad_option("unlogged", "true", "Temporary tables are never logged: leave it out.");
}

/* ------------------------------------------------------------------------------------------------ reading */

/* After a byte order mark, "sep=;" and the lines to be skipped; the dialect is found the first time. */
static CsvReader *
open_reader(CsvLoad *load, EcmlCtx *ctx, bool sniff)
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
is_blank_line(const CsvLoad *load, const CsvReader *reader)
{
	return reader->blank && (reader->length == 0 || load->ncolumns != 1);
}

/* Can the record be taken apart?  NULL, or why not. */
static char *
fault_of(CsvLoad *load, const CsvReader *reader)
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
is_null(const CsvLoad *load, const char *text, size_t length)
{
	if (load->only_empty)
		return length == 0;
	for (int i = 0; i < load->nnulls; i++)
		if (strlen(load->nulls[i]) == length && memcmp(load->nulls[i], text, length) == 0)
			return true;
	return false;
}

/* ------------------------------------------------------------------------------------------------ first reading */

static void
look_at(CsvLoad *load, const CsvField *fields, int n)
{
	for (int i = 0; i < Min(n, load->ncolumns); i++)
	{
		const char *text = fields[i].text;
		size_t		length = fields[i].length;

		csv_trim(&text, &length);
		/* an empty text is no number, but says nothing either */
		if (length > 0 && !is_null(load, text, length))
			csv_look(&load->columns[i].looked, text, length, &load->numbers);
	}
}

/*
 * Is the first record a header?  It is none when one of its fields is a number or a date, or a boolean in a column of booleans.
 * It is one when a column that has another type begins with a text.  Where all is text, it is one when its fields are short,
 * all there, all different, and not found again in their columns.
 */
static bool
looks_like_header(const CsvLoad *load, const bool *repeated, int64 others)
{
	bool		text_only = true;

	for (int i = 0; i < load->ncolumns; i++)
	{
		const CsvField *field = &load->first[i];
		const CsvColumn *column = &load->columns[i].looked;
		CsvType		below = csv_choose(column, 1, false);
		CsvColumn	looked = CSV_COLUMN;
		CsvType		type;

		if (field->length == 0 || is_null(load, field->text, field->length))
			continue;
		csv_look(&looked, field->text, field->length, &load->numbers);
		type = csv_choose(&looked, 1, false);
		/* t, n and no may well be names */
		if (type == CSV_TYPE_BOOLEAN ? column->valued && below == type : type != CSV_TYPE_TEXT)
			return false;
		text_only &= below == CSV_TYPE_TEXT;
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
take_first(CsvLoad *load, CsvReader *reader)
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

static void
look(CsvLoad *load, Relation append_to)
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
	else if (append_to && csv_has_names_of(load, append_to))
		load->header = true;
	else
		load->header = looks_like_header(load, repeated, others);
	if (!load->header)
		look_at(load, load->first, load->ncolumns);
	MemoryContextDelete(context);
	MemoryContextDelete(record);
}

/* ------------------------------------------------------------------------------------------------ second reading */

/* A value without blanks as a C string of the database's encoding. */
static char *
text_of(CsvLoad *load, const CsvReader *reader, const char *text, size_t length)
{
	if (reader->ascii)
		return pnstrdup(text, length);
	return csv_encoding_convert(&load->encoding, text, length, NULL);
}

/* A number into Datum; false: it is none that the column's type holds. */
static bool
number_value(CsvLoad *load, CsvTargetColumn *column, const char *text, size_t length, Datum *value, char **plain)
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

/* May the column be NULL?  NULL, or the reason why not: that of a domain. */
static char *
null_fault(CsvLoad *load, CsvTargetColumn *column)
{
	Datum		value;
	char	   *reason;

	if (column->input.fn_strict || csv_input_function(&load->guard, column, NULL, &value, &reason))
		return NULL;
	return psprintf("column \"%s\": %s", column->name, reason);
}

/* One value; NULL, or the reason why it is none. */
static char *
field_value(CsvLoad *load, CsvTargetColumn *column, const CsvReader *reader, const CsvField *field, Datum *value, bool *null)
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
		csv_trim(&text, &length);
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
			case CSV_TYPE_TIME:
				fits = csv_to_time(text, length, &moment);
				*value = TimeADTGetDatum(moment);
				break;
			case CSV_TYPE_UUID:
				{
					pg_uuid_t  *uuid = palloc(sizeof(pg_uuid_t));

					StaticAssertStmt(sizeof(uuid->data) == CSV_UUID_BYTES, "bytes of a UUID");
					fits = csv_to_uuid(text, length, uuid->data);
					*value = UUIDPGetDatum(uuid);
					break;
				}
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
	return null_fault(load, column);
}

/* To the result, as long as there is room, and to the table of rejects. */
static void
reject(CsvLoad *load, const CsvReader *reader, const char *reason)
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
fill(CsvLoad *load)
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
		if (is_blank_line(load, reader) || (header && reader->blank))
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
			for (int i = n; i < load->ncolumns && reason == NULL; i++)
			{
				values[i] = (Datum) 0;
				nulls[i] = true;
				reason = null_fault(load, &load->columns[i]);
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
begin_rejects(CsvLoad *load)
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
columns_json(const CsvLoad *load)
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
format_json(const CsvLoad *load)
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
	CsvLoad    *load = palloc0(sizeof(CsvLoad));
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
		csv_bad_option("encoding", load->given.encoding, "A text has the encoding of the database: leave it out.");
	csv_encoding_init(&load->encoding, load->given.encoding);
	if (PG_ENCODING_IS_CLIENT_ONLY(load->encoding.encoding) && load->dialect.delimiter != '\0' &&
		strchr(load->encoding.encoding == PG_JOHAB ? ",\t" : ",;\t ", load->dialect.delimiter) == NULL)
		csv_bad_option("delimiter", load->given.delimiter, "In this encoding a byte of another character may look like it.");
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
			csv_bad_option("types", ecml_json_text(load->given.types), "With \"append\" the table has its types already.");
	}
	initStringInfo(&load->shown);
	appendStringInfoChar(&load->shown, '[');

	look(load, append_to);
	csv_plan_columns(load, append_to);
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
