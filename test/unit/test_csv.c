/*
 * test_csv.c - the CSV reader against Python's csv module and a naive reader; typing of fields; hostile bytes
 */
#include "host.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "prep/csv.h"
#include "prep/csv_types.h"

/* ------------------------------------------------------------------------------------------------ input */

typedef struct Input
{
	const char *text;
	size_t		length;
	size_t		done;
	size_t		piece;			/* bytes at most that a reading gives */
} Input;

static size_t
read_input(void *arg, char *buffer, size_t size)
{
	Input	   *input = arg;
	size_t		n = input->length - input->done;

	n = n < size ? n : size;
	n = n < input->piece ? n : input->piece;
	memcpy(buffer, input->text + input->done, n);
	input->done += n;
	return n;
}

/* All that a reader hands out, as one text: fields in <>, faults as !, records on lines. */
typedef struct Text
{
	char	   *bytes;
	size_t		length;
	size_t		size;
} Text;

static void
append(Text *text, const char *bytes, size_t n)
{
	if (text->length + n + 1 > text->size)
	{
		text->size = 2 * (text->length + n + 1);
		text->bytes = realloc(text->bytes, text->size);
	}
	memcpy(text->bytes + text->length, bytes, n);
	text->length += n;
	text->bytes[text->length] = '\0';
}

static void
append_field(Text *text, const char *bytes, size_t n)
{
	append(text, "<", 1);
	append(text, bytes, n);
	append(text, ">", 1);
}

static bool
same(const Text *a, const Text *b)
{
	return a->length == b->length && memcmp(a->bytes, b->bytes, a->length) == 0;
}

static Text
read_all(EcmlCtx *ctx, const char *bytes, size_t length, const CsvDialect *dialect, size_t piece, size_t max_record)
{
	Input		input = {bytes, length, 0, piece};
	CsvReader  *reader = csv_open(ctx, read_input, &input, 50, max_record);
	Text		text = {0};
	uint64_t	lines = 1;

	append(&text, "", 0);
	csv_set_dialect(reader, dialect);
	while (csv_next(reader))
	{
		if (reader->line != lines)
			append(&text, "LINE", 4);
		lines += reader->nlines;
		if (reader->fault != CSV_SOUND)
			append_field(&text, reader->text, reader->length);
		append(&text, "!", reader->fault != CSV_SOUND);
		for (int i = 0; i < reader->nfields && i < 50; i++)
			append_field(&text, reader->fields[i].text, reader->fields[i].length);
		append(&text, "\n", 1);
	}
	if (reader->bytes != length)
		append(&text, "BYTES", 5);
	return text;
}

/* ------------------------------------------------------------------------------------------------ a naive reader */

static size_t
line_end(const char *p, size_t i, size_t n, char newline)
{
	while (i < n && p[i] != newline)
		i++;
	return i;
}

/* byte by byte, over all of the text at once; without trimming */
static Text
read_naively(const char *p, size_t n, const CsvDialect *d)
{
	Text		all = {0};
	size_t		i = 0;

	append(&all, "", 0);
	while (i < n)
	{
		size_t		begin = i;
		Text		record = {0};
		bool		fault = false;

		append(&record, "", 0);
		for (;;)
		{
			Text		field = {0};

			append(&field, "", 0);
			if (i < n && d->quote && p[i] == d->quote)
			{
				bool		closed = false;

				for (i++; i < n && !closed;)
				{
					if (d->escape && p[i] == d->escape && i + 1 < n && (p[i + 1] == d->quote || p[i + 1] == d->escape))
					{
						append(&field, p + i + 1, 1);
						i += 2;
					}
					else if (p[i] == d->quote)
					{
						closed = true;
						i++;
					}
					else
						append(&field, p + i++, 1);
				}
				while (closed && i < n && (p[i] == ' ' || p[i] == '\t') && p[i] != d->delimiter)
					i++;
				if (closed && d->newline == '\n' && i < n && p[i] == '\r' && (i + 1 == n || p[i + 1] == '\n'))
					i++;
				fault = !closed || (i < n && p[i] != d->delimiter && p[i] != d->newline);
			}
			else
			{
				while (i < n && p[i] != d->delimiter && p[i] != d->newline)
					append(&field, p + i++, 1);
				if ((i == n || p[i] == d->newline) && d->newline == '\n' && field.length > 0 &&
					field.bytes[field.length - 1] == '\r')
					field.length--;
			}
			append_field(&record, field.bytes, field.length);
			free(field.bytes);
			if (fault || i == n || p[i] == d->newline)
				break;
			i++;
		}
		if (fault)
		{
			size_t		end = line_end(p, begin, n, d->newline);

			i = end;
			if (end > begin && d->newline == '\n' && p[end - 1] == '\r')
				end--;
			append_field(&all, p + begin, end - begin);
			append(&all, "!\n", 2);
		}
		else
		{
			append(&all, record.bytes, record.length);
			append(&all, "\n", 1);
		}
		free(record.bytes);
		i++;
	}
	return all;
}

/* ------------------------------------------------------------------------------------------------ tests of the reader */

static size_t
from_hex(char *text)
{
	size_t		n = strlen(text) / 2;
	unsigned	byte;

	for (size_t i = 0; i < n; i++)
	{
		sscanf(text + 2 * i, "%2x", &byte);
		text[i] = (char) byte;
	}
	return n;
}

static void
against_python(void)
{
	FILE	   *file = fopen("test/data/csv/records.tsv", "r");
	static char line[1 << 20];
	int			cases = 0;
	int			agree = 0;
	int			sniffed = 0;

	while (file && fgets(line, sizeof(line), file))
	{
		char	   *delimiter = strtok(line, "\t");
		char	   *newline = strtok(NULL, "\t");
		char	   *text = strtok(NULL, "\t");
		char	   *records = strtok(NULL, "\n");
		Text		want = {0};
		CsvDialect	dialect = CSV_DIALECT;
		size_t		length;
		bool		fine = true;
		const size_t pieces[] = {1, 7, 64, 1000000};

		(void) newline;
		from_hex(delimiter);
		dialect.delimiter = delimiter[0];
		length = from_hex(text);
		if (records == NULL)
			records = "";
		for (char *p = records;; p++)
		{
			char		field[65536];
			size_t		n = strcspn(p, ",;\n");

			memcpy(field, p, n);
			field[n] = '\0';
			n = from_hex(field);
			append_field(&want, field, n);
			p += strcspn(p, ",;\n");
			if (*p != ',')
				append(&want, "\n", 1);
			if (*p == '\0' || *p == '\n')
				break;
		}
		for (int i = 0; i < 4; i++)
		{
			EcmlCtx    *ctx = test_ctx(1, 1);
			Text		got = read_all(ctx, text, length, &dialect, pieces[i], 1 << 20);

			fine &= same(&got, &want);
			free(got.bytes);
			test_ctx_free(ctx);
		}
		cases++;
		agree += fine;
		sniffed += csv_sniff_newline(text, length) == '\n';
		free(want.bytes);
	}
	if (file)
		fclose(file);
	ok(cases == 200 && agree == cases, "%d of %d texts are read as by Python's csv module", agree, cases);
	ok(sniffed == cases, "their newlines are found");
}

static void
against_naive(void)
{
	static const char alphabet[] = "a1,;\"\"\"\n\n\r\\ \t\0\xc3|";
	static const CsvDialect dialects[] = {
		{',', '"', '"', '\n', false}, {';', '"', '"', '\r', false}, {',', '"', '\\', '\n', false},
		{'\t', '\'', '\'', '\n', false}, {',', '\0', '\0', '\n', false}, {'|', '"', '\0', '\n', false}
	};
	EcmlRng		rng;
	int			agree = 0;
	int			cases = 9000;

	ecml_rng_seed(&rng, 1);
	for (int c = 0; c < cases; c++)
	{
		char		text[400];
		size_t		n = ecml_rng_next(&rng) % (c % 2 ? sizeof(text) : 24);
		const CsvDialect *d = &dialects[c % 6];
		EcmlCtx    *ctx = test_ctx(1, 1);
		Text		got;
		Text		want;
		/* at the very end, so that reading on is seen */
		char	   *copy = malloc(n ? n : 1);

		for (size_t i = 0; i < n; i++)
			text[i] = alphabet[ecml_rng_next(&rng) % (sizeof(alphabet) - 1)];
		memcpy(copy, text, n);
		got = read_all(ctx, copy, n, d, 1 + ecml_rng_next(&rng) % 100, 1 << 20);
		want = read_naively(copy, n, d);
		if (same(&got, &want))
			agree++;
		else if (agree == c)
			printf("# dialect %d\n#%.*s\n#got\n%s\n#want\n%s\n", c % 6, (int) n, text, got.bytes, want.bytes);
		free(got.bytes);
		free(want.bytes);
		free(copy);
		test_ctx_free(ctx);
	}
	ok(agree == cases, "%d of %d random texts are read as by a naive reader", agree, cases);
}

static void
long_records(void)
{
	EcmlCtx    *ctx = test_ctx(1, 1);
	size_t		n = 3000000;
	char	   *text = malloc(n);
	CsvDialect	dialect = CSV_DIALECT;
	Input		input = {text, n, 0, SIZE_MAX};
	CsvReader  *reader;
	size_t		lines = 0;

	/* one quoted field over many lines, beyond the buffer's first size */
	memset(text, 'x', n);
	for (size_t i = 999; i < n; i += 1000)
		text[i] = '\n';
	text[0] = '"';
	text[n - 2] = '"';
	text[n - 1] = '\n';
	reader = csv_open(ctx, read_input, &input, 4, 4 << 20);
	csv_set_dialect(reader, &dialect);
	ok(csv_next(reader) && reader->nfields == 1 && reader->fields[0].length == n - 3 && reader->nlines == 3000,
	   "a record of 3 MB on 3000 lines");
	ok(!csv_next(reader) && reader->line == 3001, "and nothing after it");

	/* a quote that is never closed costs its own line, whether the text ends or the limit is reached */
	text[n - 2] = 'x';
	for (int limited = 0; limited < 2; limited++)
	{
		input.done = 0;
		reader = csv_open(ctx, read_input, &input, 4, limited ? 500000 : 4 << 20);
		csv_set_dialect(reader, &dialect);
		ok(csv_next(reader) && reader->fault == CSV_OPEN_QUOTE && reader->line == 1 && reader->length == 999,
		   "an open quote: its line is handed out%s", limited ? ", after max_record bytes" : "");
		for (lines = 0; csv_next(reader) && reader->fault == CSV_SOUND && reader->length == 999;)
			lines++;
		ok(lines == 2999, "and the lines after it are sound");
	}

	memset(text, 'x', n);
	input.done = 0;
	reader = csv_open(ctx, read_input, &input, 4, 1000000);
	csv_set_dialect(reader, &dialect);
	if (TRY(ctx))
	{
		csv_next(reader);
		ok(false, "a line beyond max_record fails");
	}
	else
		ok(test_host(ctx)->status == ECML_LIMIT_EXCEEDED && strstr(ctx->hint, "max_record"), "a line beyond max_record fails");
	free(text);
	test_ctx_free(ctx);
}

static void
flags(void)
{
	EcmlCtx    *ctx = test_ctx(1, 1);
	static const char text[] = "  \t \nabcdefghijkl\0mnop,x\n\xc3\xa9,1\n\"\"\n a , \" b\" ,c\"d\n";
	Input		input = {text, sizeof(text) - 1, 0, SIZE_MAX};
	CsvDialect	dialect = CSV_DIALECT;
	CsvReader  *reader = csv_open(ctx, read_input, &input, 4, 1000);

	dialect.trim = true;
	csv_set_dialect(reader, &dialect);
	ok(csv_next(reader) && reader->blank && !reader->nul && reader->ascii, "a blank line");
	ok(csv_next(reader) && !reader->blank && reader->nul && reader->nfields == 2, "a zero byte is seen");
	ok(csv_next(reader) && !reader->ascii && !reader->nul, "bytes beyond ASCII are seen");
	ok(csv_next(reader) && !reader->blank && reader->fields[0].quoted && reader->fields[0].length == 0,
	   "a quoted empty field is no blank line");
	ok(csv_next(reader) && reader->nfields == 3 && reader->fields[0].length == 1 && reader->fields[1].length == 2 &&
	   reader->fields[1].quoted && memcmp(reader->fields[2].text, "c\"d", 3) == 0, "trimmed fields");
	ok(!csv_next(reader) && !csv_next(reader), "the end, and again");
	test_ctx_free(ctx);
}

static void
sniffing(void)
{
	static const struct
	{
		const char *text;
		char		delimiter;
		char		newline;
	}			cases[] = {
		{"a,b\n1,2\n", ',', '\n'}, {"a;b\n1,5;2,5\n", ';', '\n'}, {"a\tb\n\"x,y\"\tz\n", '\t', '\n'},
		{"a|b|c\r1|2|3\r", '|', '\r'}, {"name\nx, y\nz\n", ',', '\n'}, {"a;b\n\"x;y;z\";1\n\"p,q\";2\n", ';', '\n'},
		{"", ',', '\n'}, {"a,b;c,d;e\n1,2;3,4;5\n1,2;3;5\n", ';', '\n'}
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
	{
		EcmlCtx    *ctx = test_ctx(1, 1);
		CsvDialect	dialect = CSV_DIALECT;

		csv_sniff(ctx, cases[i].text, strlen(cases[i].text), true, ",;\t|", &dialect);
		ok(dialect.delimiter == cases[i].delimiter && dialect.newline == cases[i].newline, "dialect of text %zu", i);
		test_ctx_free(ctx);
	}
}

static void
hostile(void)
{
	EcmlRng		rng;
	uint64_t	records = 0;

	ecml_rng_seed(&rng, 2);
	for (int c = 0; c < 1500; c++)
	{
		size_t		n = ecml_rng_next(&rng) % 2000;
		char	   *bytes = malloc(n ? n : 1);
		EcmlCtx    *ctx = test_ctx(1, 1);
		Input		input = {bytes, n, 0, 1 + ecml_rng_next(&rng) % 300};
		CsvReader  *reader = csv_open(ctx, read_input, &input, 5, 3000);
		CsvDialect	dialect = CSV_DIALECT;
		CsvNumbers	numbers = {c % 3 ? '.' : ',', c % 2 ? "'" : NULL, c % 5 ? NULL : "$"};

		for (size_t i = 0; i < n; i++)
			bytes[i] = ecml_rng_next(&rng) % 3 ? "0123456789-/:.,eT+ \"\n"[ecml_rng_next(&rng) % 21] : ecml_rng_next(&rng);
		csv_sniff(ctx, bytes, n, c % 2, ",;\t|", &dialect);
		csv_set_dialect(reader, &dialect);
		while (csv_next(reader))
		{
			records++;
			for (int i = 0; i < reader->nfields && i < 5; i++)
			{
				const CsvField *f = &reader->fields[i];
				uint32_t	types = csv_classify(f->text, f->length, &numbers);
				int64_t		integer;
				double		real;
				bool		boolean;
				int			scale;
				char		buffer[CSV_NUMBER_LIMIT + 1];
				const char *canonical;
				int32_t		days;
				int64_t		moment;
				bool		blank = types == CSV_ANY;
				bool		fits = true;

				/* what is admitted can be read */
				if (!blank)
				{
					fits &= !(types & CSV_INT8) || csv_to_int(f->text, f->length, &numbers, &integer);
					fits &= !(types & CSV_DOUBLE) || csv_to_double(f->text, f->length, &numbers, &real);
					fits &= !(types & CSV_BOOL) || csv_to_bool(f->text, f->length, &boolean);
					fits &= !(types & CSV_NUMERIC) ||
						csv_to_decimal(f->text, f->length, &numbers, &integer, &scale, buffer, &canonical) || canonical;
					fits &= !((types / CSV_DATE) & 7) || csv_to_date(f->text, f->length, (types / CSV_DATE) & 7, &days);
					fits &= !((types / CSV_TIMESTAMPTZ) & 7) ||
						csv_to_timestamp(f->text, f->length, (types / CSV_TIMESTAMPTZ) & 7, true, &moment);
				}
				if (!fits)
					ok(false, "a value that is admitted cannot be read: %.*s", (int) f->length, f->text);
			}
		}
		if (reader->bytes != n)
			ok(false, "random bytes are all read");
		free(bytes);
		test_ctx_free(ctx);
	}
	ok(records > 5000, "random bytes are read without harm, %llu records", (unsigned long long) records);
}

/* Read all without keeping it: nothing is lost when that is cut short. */
static void
read_quietly(EcmlCtx *ctx, const char *bytes, size_t length)
{
	Input		input = {bytes, length, 0, 5};
	CsvReader  *reader = csv_open(ctx, read_input, &input, 50, 1000);

	while (csv_next(reader))
		;
}

static void
troubles(void)
{
	static const char text[] = "a,\"b\"\"c\",d\n1,\"x\"\"y\",3\n";
	volatile int failed = 0;

	for (volatile long i = 0; i < 100; i++)
	{
		EcmlCtx    *ctx = test_ctx(1, 1);

		test_host(ctx)->fail_after = i;
		if (TRY(ctx))
		{
			read_quietly(ctx, text, sizeof(text) - 1);
			test_ctx_free(ctx);
			break;
		}
		failed += test_host(ctx)->status == ECML_OUT_OF_MEMORY;
		test_ctx_free(ctx);
	}
	ok(failed >= 4, "each of %d allocations may fail", failed);
	{
		EcmlCtx    *ctx = test_ctx(1, 1);

		test_host(ctx)->cancel_after = 0;
		if (TRY(ctx))
		{
			read_quietly(ctx, text, sizeof(text) - 1);
			ok(false, "a cancel at the first poll");
		}
		else
			ok(test_host(ctx)->cancelled, "a cancel at the first poll");
		test_ctx_free(ctx);
	}
}

/* ------------------------------------------------------------------------------------------------ types */

static const char *const type_names[] = {"text", "boolean", "integer", "bigint", "numeric", "double", "date", "timestamp",
"timestamptz", "time", "uuid"};

/* The type of a column of values divided by bars. */
static void
type_is(const char *values, CsvType want, int dayfirst, const CsvNumbers *numbers)
{
	CsvColumn	column = CSV_COLUMN;
	CsvType		got;

	for (const char *p = values;; p++)
	{
		size_t		n = strcspn(p, "|");

		csv_look(&column, p, n, numbers);
		p += n;
		if (*p == '\0')
			break;
	}
	got = csv_choose(&column, dayfirst, false);
	ok(got == want, "type of %s: %s%s%s", values, type_names[want], got == want ? "" : ", not ",
	   got == want ? "" : type_names[got]);
}

static void
types(void)
{
	static const struct
	{
		const char *values;
		CsvType		want;
	}			table[] = {
		{"1|0|-5", CSV_TYPE_INTEGER}, {"0|1", CSV_TYPE_INTEGER}, {" 7 |8", CSV_TYPE_INTEGER}, {"-0", CSV_TYPE_INTEGER},
		{"2147483647|-2147483648", CSV_TYPE_INTEGER}, {"2147483648", CSV_TYPE_BIGINT}, {"-2147483649", CSV_TYPE_BIGINT},
		{"9223372036854775807|-9223372036854775808", CSV_TYPE_BIGINT}, {"9223372036854775808", CSV_TYPE_TEXT},
		{"00123|5", CSV_TYPE_TEXT}, {"0|00", CSV_TYPE_TEXT}, {"007.5", CSV_TYPE_TEXT}, {"+4915112345", CSV_TYPE_TEXT},
		{"12345678901234567890", CSV_TYPE_TEXT}, {"1|x", CSV_TYPE_TEXT},
		{"1.5|2", CSV_TYPE_NUMERIC}, {".5|5.|-.25", CSV_TYPE_NUMERIC},
		{"12345678901234567890.12", CSV_TYPE_NUMERIC}, {"0.10", CSV_TYPE_NUMERIC},
		{"1e5|2", CSV_TYPE_DOUBLE}, {"1.5E-300|2.5", CSV_TYPE_DOUBLE},
		{"1e400", CSV_TYPE_TEXT}, {"1e-400", CSV_TYPE_TEXT}, {"0e-400", CSV_TYPE_DOUBLE}, {"5e-324", CSV_TYPE_DOUBLE},
		{"NaN|1.5", CSV_TYPE_DOUBLE}, {"-Infinity|2", CSV_TYPE_DOUBLE},
		{"1e", CSV_TYPE_TEXT}, {"-", CSV_TYPE_TEXT}, {".", CSV_TYPE_TEXT},
		{"1.2.3", CSV_TYPE_TEXT}, {"1,234", CSV_TYPE_TEXT},
		{"$5", CSV_TYPE_TEXT}, {"0x1F", CSV_TYPE_TEXT}, {"1 2", CSV_TYPE_TEXT},
		{"true|FALSE|True", CSV_TYPE_BOOLEAN}, {"Yes|No", CSV_TYPE_BOOLEAN},
		{"yes", CSV_TYPE_BOOLEAN}, {"t|f", CSV_TYPE_BOOLEAN},
		{"f", CSV_TYPE_BOOLEAN}, {"T|F", CSV_TYPE_BOOLEAN},
		{"F", CSV_TYPE_TEXT}, {"N", CSV_TYPE_TEXT}, {"Y|N|Y", CSV_TYPE_BOOLEAN},
		{"F|M", CSV_TYPE_TEXT}, {"yes|true", CSV_TYPE_TEXT}, {"yes|maybe", CSV_TYPE_TEXT}, {"true|1", CSV_TYPE_TEXT},
		{"2024-02-29|2023-12-31", CSV_TYPE_DATE}, {"2023-02-29", CSV_TYPE_TEXT}, {"1900-02-29", CSV_TYPE_TEXT},
		{"2000-02-29", CSV_TYPE_DATE}, {"2024/1/5", CSV_TYPE_DATE},
		{"2024-13-01", CSV_TYPE_TEXT}, {"2024-01-00", CSV_TYPE_TEXT},
		{"0000-01-01", CSV_TYPE_TEXT}, {"20240105", CSV_TYPE_INTEGER}, {"2024-01-05|infinity", CSV_TYPE_DATE},
		{"13/01/2024", CSV_TYPE_DATE}, {"01/13/2024", CSV_TYPE_DATE},
		{"01/02/2024", CSV_TYPE_TEXT}, {"01/02/2024|13/01/2024", CSV_TYPE_DATE},
		{"01/13/2024|13/01/2024", CSV_TYPE_TEXT}, {"01.02.2024", CSV_TYPE_DATE},
		{"13.1.2024", CSV_TYPE_DATE}, {"1.13.2024", CSV_TYPE_TEXT},
		{"01/02/24", CSV_TYPE_TEXT}, {"2024-01/05", CSV_TYPE_TEXT}, {"2024-01-05|05.01.2024", CSV_TYPE_TEXT},
		{"2024-01-05 10:00|2024-01-06", CSV_TYPE_TIMESTAMP}, {"2024-01-05T10:00:00.123456", CSV_TYPE_TIMESTAMP},
		{"2024-01-05 10:00:00.1234567", CSV_TYPE_TEXT}, {"2024-01-05 10:00:00.1230000000", CSV_TYPE_TIMESTAMP},
		{"2024-01-05 24:00", CSV_TYPE_TEXT},
		{"2024-01-05 10:60", CSV_TYPE_TEXT}, {"2024-01-05 10:00:60", CSV_TYPE_TEXT},
		{"2024-01-05 10", CSV_TYPE_TEXT},
		{"12/31/2010 8:26 AM|1/1/2011 12:00 PM", CSV_TYPE_TIMESTAMP}, {"2024-01-05 13:00 PM", CSV_TYPE_TEXT},
		{"2024-01-05T10:00:00Z|2024-01-05 10:00+02", CSV_TYPE_TIMESTAMPTZ},
		{"2024-01-05 10:00-0330", CSV_TYPE_TIMESTAMPTZ},
		{"2024-01-05 10:00+02:00:30|2024-01-05 10:00 UTC", CSV_TYPE_TIMESTAMPTZ},
		{"2024-01-05 10:00Z|2024-01-05 10:00", CSV_TYPE_TEXT},
		{"2024-01-05 10:00 CEST", CSV_TYPE_TEXT}, {"10:00:00", CSV_TYPE_TIME}, {"é", CSV_TYPE_TEXT},
		{"10:15|23:59:59.999999| 08:30 ", CSV_TYPE_TIME}, {"8:26 AM|12:00 PM", CSV_TYPE_TIME}, {"24:00", CSV_TYPE_TEXT},
		{"10:15|25:15", CSV_TYPE_TEXT}, {"10:60", CSV_TYPE_TEXT}, {"1:30", CSV_TYPE_TEXT}, {"10:15|2024-01-05", CSV_TYPE_TEXT},
		{"10:15:00+02", CSV_TYPE_TEXT}, {"10:15:00 x", CSV_TYPE_TEXT}, {"10:15:00.1234567", CSV_TYPE_TEXT},
		{"9a3ab3a3-7b5e-4f3c-8b0a-111111111111|F0000000-0000-0000-0000-00000000000f", CSV_TYPE_UUID},
		{"00000000-0000-0000-0000-000000000000", CSV_TYPE_UUID}, {"9a3ab3a3-7b5e-4f3c-8b0a-11111111111g", CSV_TYPE_TEXT},
		{"9a3ab3a37b5e4f3c8b0a111111111111", CSV_TYPE_TEXT}, {"9a3ab3a3-7b5e-4f3c-8b0a-111111111111|x", CSV_TYPE_TEXT},
		{"9a3ab3a3x7b5e-4f3c-8b0a-111111111111", CSV_TYPE_TEXT}
	};
	static const CsvNumbers plain = CSV_NUMBERS;
	static const CsvNumbers german = {',', ".", "€"};
	static const CsvNumbers english = {'.', ",", "$"};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
		type_is(table[i].values, table[i].want, -1, &plain);
	type_is("01/02/2024", CSV_TYPE_DATE, 1, &plain);
	type_is("01/02/2024 10:00", CSV_TYPE_TIMESTAMP, 0, &plain);
	type_is("1.234,50|-3|€ 5|7,5 €", CSV_TYPE_NUMERIC, -1, &german);
	type_is("1.234|12.345.678", CSV_TYPE_INTEGER, -1, &german);
	type_is("1.23", CSV_TYPE_TEXT, -1, &german);
	type_is("1.2345", CSV_TYPE_TEXT, -1, &german);
	type_is("1234.567", CSV_TYPE_TEXT, -1, &german);
	type_is("$1,234.50|-$3|$-4", CSV_TYPE_NUMERIC, -1, &english);
	type_is("1,234,56", CSV_TYPE_TEXT, -1, &english);
	type_is(",234", CSV_TYPE_TEXT, -1, &english);
	type_is("1.5,000", CSV_TYPE_TEXT, -1, &english);
}

static void
values(void)
{
	static const CsvNumbers plain = CSV_NUMBERS;
	static const CsvNumbers german = {',', ".", NULL};
	EcmlRng		rng;
	char		text[64];
	int			agree = 0;
	int			n;
	double		real;
	int64_t		integer;
	int32_t		days;
	int32_t		previous = 0;
	int			scale;
	char		buffer[CSV_NUMBER_LIMIT + 1];
	const char *canonical;
	uint8_t		uuid[CSV_UUID_BYTES] = {0};
	bool		calendar = true;

	ecml_rng_seed(&rng, 3);
	for (int i = 0; i < 20000; i++)
	{
		uint64_t	bits = ecml_rng_next(&rng);
		double		want;

		memcpy(&want, &bits, 8);
		if (i % 2)
			want = (double) (bits % 1000000) / (i % 3 ? 100 : 7);
		n = snprintf(text, sizeof(text), i % 4 < 2 ? "%.17g" : "%.2f", isfinite(want) && fabs(want) < 1e30 ? want : 1.5);
		agree += csv_to_double(text, n, &plain, &real) && real == strtod(text, NULL);
	}
	ok(agree == 20000, "doubles are those of strtod");
	ok(csv_to_int("-9223372036854775808", 20, &plain, &integer) && integer == INT64_MIN, "the least bigint");
	ok(csv_to_int("+5", 2, &plain, &integer) && integer == 5, "a plus sign, where the type is given");
	ok(!csv_to_int("1.0", 3, &plain, &integer) && !csv_to_int("", 0, &plain, &integer), "what is no integer");
	ok(csv_to_decimal("-2.50", 5, &plain, &integer, &scale, buffer, &canonical) && integer == -250 && scale == 2, "-2.50");
	ok(csv_to_decimal("1.234,5", 7, &german, &integer, &scale, buffer, &canonical) && integer == 12345 && scale == 1, "1.234,5");
	ok(!csv_to_decimal("1234567890123456789012,5", 24, &german, &integer, &scale, buffer, &canonical) && canonical &&
	   strcmp(canonical, "1234567890123456789012.5") == 0, "a decimal of many digits");
	ok(!csv_to_decimal("x", 1, &plain, &integer, &scale, buffer, &canonical) && canonical == NULL, "no decimal");

	/* every day from the first to the last is one later than the one before */
	for (int y = 1; y <= 9999; y++)
		for (int m = 1; m <= 12; m++)
			for (int d = 1; d <= 31; d++)
			{
				n = snprintf(text, sizeof(text), "%04d-%02d-%02d", y, m, d);
				if (!csv_to_date(text, n, CSV_YMD, &days))
					continue;
				calendar &= (y == 1 && m == 1 && d == 1) ? days == -730119 : days == previous + 1;
				previous = days;
			}
	ok(calendar && previous == 2921939, "days from 0001-01-01 to 9999-12-31");
	ok(csv_to_date("03/04/2024", 10, CSV_DMY, &days) && days == 8859, "3 April");
	ok(csv_to_date("03/04/2024", 10, CSV_MDY, &days) && days == 8829, "4 March");
	ok(csv_to_date("-infinity", 9, CSV_YMD, &days) && days == INT_MIN, "-infinity");
	ok(csv_to_timestamp("1999-12-31 23:59:59.5", 21, CSV_YMD, false, &integer) && integer == -500000, "half a second to 2000");
	ok(csv_to_timestamp("2000-01-01 02:30+0230", 21, CSV_YMD, true, &integer) && integer == 0, "a zone");
	ok(csv_to_timestamp("1/1/2000 12:00 AM", 17, CSV_MDY, false, &integer) && integer == 0, "midnight in America");
	ok(!csv_to_timestamp("2000-01-01 00:00", 16, CSV_YMD, true, &integer), "a zone that is missing");
	ok(csv_to_time(" 11:59:59.25 PM ", 16, &integer) && integer == INT64_C(86399250000), "a quarter of a second after one to midnight");
	ok(!csv_to_time("10:15 2024", 10, &integer) && !csv_to_time("", 0, &integer), "no time of day");
	ok(csv_to_uuid(" 00ff10A0-7b5e-4f3c-8b0a-1111111111fe", 37, uuid) && uuid[0] == 0 && uuid[1] == 0xff && uuid[2] == 0x10 &&
	   uuid[3] == 0xa0 && uuid[4] == 0x7b && uuid[8] == 0x8b && uuid[15] == 0xfe, "a UUID");
	ok(!csv_to_uuid("00ff10a0-7b5e-4f3c-8b0a-1111111111f", 35, uuid), "a digit too few");
}

int
main(void)
{
	against_python();
	against_naive();
	long_records();
	flags();
	sniffing();
	hostile();
	troubles();
	types();
	values();
	return done();
}
