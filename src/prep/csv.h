/*
 * csv.h - reading CSV: records and fields of a stream of bytes, and what its dialect is
 *
 * RFC 4180, and what shops meet beside it: other delimiters, LF, CRLF or CR, quotes inside unquoted fields, blanks after a
 * closing quote, backslash escapes, lines whose quotes make no sense.  Such a line is handed out with its fault and its text,
 * and reading goes on at the line after it: one stray quote costs one line, not the rest of the file.
 *
 * Typing of fields is in csv_types.h.
 */
#ifndef ECML_CSV_H
#define ECML_CSV_H

#include "num/ctx.h"

typedef struct CsvDialect
{
	char		delimiter;
	char		quote;			/* '\0': fields are never quoted */
	char		escape;			/* inside quotes, before a quote or itself; as a rule the quote */
	char		newline;		/* '\n' (a '\r' before it belongs to it) or '\r' */
	bool		trim;			/* blanks around unquoted fields, and before an opening quote, go */
} CsvDialect;

#define CSV_DIALECT {',', '"', '"', '\n', false}

/* Bytes that follow, at most size; 0 at the end. */
typedef size_t (*CsvRead) (void *arg, char *buffer, size_t size);

typedef enum CsvFault
{
	CSV_SOUND,
	CSV_BAD_QUOTE,				/* text after a closing quote */
	CSV_OPEN_QUOTE				/* a quoted field that does not end, or not within max_record */
} CsvFault;

typedef struct CsvField
{
	const char *text;			/* not ended by a zero byte */
	size_t		length;
	bool		quoted;
	bool		escaped;		/* the text was freed of escapes */
} CsvField;

typedef struct CsvReader
{
	/* the record that csv_next found; valid until the next call */
	const CsvField *fields;
	int			nfields;		/* 0 with a fault; may be more than max_fields, of which the first max_fields are kept */
	CsvFault	fault;
	const char *text;			/* the record as it stands, without the end of its last line */
	size_t		length;
	uint64_t	line;			/* of its beginning, from 1 */
	uint64_t	nlines;			/* that it consists of */
	bool		blank;			/* nothing but blanks, and no quotes */
	bool		nul;			/* it holds zero bytes */
	bool		ascii;			/* it holds nothing but ASCII */

	uint64_t	bytes;			/* of all records so far */
	CsvDialect	dialect;
	int			max_fields;
	size_t		max_record;

	/* private */
	EcmlCtx    *ctx;
	CsvRead		read;
	void	   *arg;
	char	   *buffer;			/* [capacity + CSV_BLOCK] */
	size_t		capacity;
	size_t		begin;			/* of what is not yet handed out */
	size_t		end;			/* of what was read */
	bool		complete;		/* there is no more to read */
	const char *block;			/* the CSV_BLOCK bytes under way */
	uint64_t	specials;		/* of those, delimiters, quotes, escapes and newlines not yet passed */
	CsvField   *kept;			/* [max_fields] */
	char	   *scratch;		/* texts without escapes; [scratch_size] */
	size_t		scratch_size;
	uint64_t	records;
} CsvReader;

#define CSV_BLOCK 64
#define CSV_MAX_RECORD_DEFAULT (16 * 1024 * 1024)

/* A reader of what read gives; max_fields that are kept of a record; a line may have max_record bytes at most. */
extern CsvReader *csv_open(EcmlCtx *ctx, CsvRead read, void *arg, int max_fields, size_t max_record);

/* What was read so far without being handed out (at least a piece of 256 kB, unless there is less), for csv_sniff. */
extern const char *csv_peek(CsvReader *reader, size_t *length, bool *complete);

/* Leave out the next bytes, of those that csv_peek shows: a byte order mark. */
extern void csv_skip(CsvReader *reader, size_t bytes);

/* The dialect may be set until the first record is asked for. */
extern void csv_set_dialect(CsvReader *reader, const CsvDialect *dialect);

/* The next record; false at the end.  Fails when a single line has more than max_record bytes. */
extern bool csv_next(CsvReader *reader);

/* The next line as a record of one field, whatever it holds: a line to be left out; false at the end. */
extern bool csv_next_line(CsvReader *reader);

/*
 * Find newline and delimiter of a sample: of the candidates, the delimiter that divides most of its records into as many
 * fields as the first one.  What the dialect has besides is kept.  complete: the sample is all there is.
 */
extern void csv_sniff(EcmlCtx *ctx, const char *sample, size_t length, bool complete, const char *candidates,
					  CsvDialect *dialect);
extern char csv_sniff_newline(const char *sample, size_t length);

#endif							/* ECML_CSV_H */
