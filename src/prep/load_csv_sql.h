/*
 * load_csv_sql.h - what the parts of ecml_load_csv share: the input, the encoding, the columns, the table that is filled
 */
#ifndef ECML_LOAD_CSV_SQL_H
#define ECML_LOAD_CSV_SQL_H

#include "postgres.h"
#include "access/tupdesc.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "utils/jsonb.h"
#include "utils/rel.h"
#include "utils/resowner.h"

#include "prep/csv.h"
#include "prep/csv_types.h"

/* ---- load_csv_input_sql.c: bytes of a file, plain or gzip, or of a text; their encoding */

typedef struct CsvInput CsvInput;

/* A file of the server by its absolute path, or a text that has a line's end.  Checks the right to read files. */
extern CsvInput *csv_input_open(text *path_or_text);
extern bool csv_input_is_file(const CsvInput *input);

/* From the beginning (again); then csv_input_read is a CsvRead. */
extern void csv_input_rewind(CsvInput *input);
extern size_t csv_input_read(void *arg, char *buffer, size_t size);

/* After the last reading: an error when the file changed meanwhile. */
extern void csv_input_close(CsvInput *input);

/* How bytes become text of the database. */
typedef struct CsvEncoding
{
	int			encoding;
	Oid			conversion;		/* function to the database's; InvalidOid: none is needed */
	char	   *buffer;			/* for checks; palloc'd */
	size_t		buffer_size;
} CsvEncoding;

/* name NULL: the database's. */
extern void csv_encoding_init(CsvEncoding *encoding, const char *name);

/* Are they text?  If not, *bad is the first byte that is not. */
extern bool csv_encoding_check(CsvEncoding *encoding, const char *bytes, size_t length, const char **bad);

/* As text of the database, palloc'd, ended by a zero byte; *result_length may be NULL.  The bytes are checked. */
extern char *csv_encoding_convert(CsvEncoding *encoding, const char *bytes, size_t length, size_t *result_length);

/* As something to show, whatever they are: what is no text becomes \xHH. */
extern char *csv_encoding_show(CsvEncoding *encoding, const char *bytes, size_t length);

/* ---- load_csv_table_sql.c: values, and the table that takes them */

typedef struct CsvTarget CsvTarget;

/* The subtransaction in which input functions run; begin with zeros. */
typedef struct CsvGuard
{
	bool		open;
	int			values;			/* read in it */
	ResourceOwner owner;		/* outside it */
} CsvGuard;

/* A column of the file, and of the table. */
typedef struct CsvTargetColumn
{
	char	   *name;
	Oid			type;
	int32		typmod;
	CsvType		reading;		/* how csv_types.h reads it */
	bool		string;			/* quoted, nothing is NULL, and blanks count */
	bool		by_input;		/* its type's input function reads what csv_types.h does not; so it may fail */
	int			order;			/* of dates */
	CsvColumn	looked;
	FmgrInfo	input;
	Oid			input_param;
} CsvTargetColumn;

/* Name of a table as a text has it, resolved: where it would be created, and what is there (InvalidOid: nothing). */
typedef struct CsvName
{
	char	   *schema;			/* NULL: of temporary tables */
	char	   *name;
	char	   *quoted;
	Oid			oid;
} CsvName;

extern void csv_name_resolve(CsvName *name, const char *given, bool temporary, const char *what);

/* Make a table (kind: "TEMPORARY ", "UNLOGGED " or "") to be filled; or take one that is there.  The guard is closed before
 * rows are written. */
extern CsvTarget *csv_target_create(const CsvName *name, const char *kind, const CsvTargetColumn *columns, int ncolumns,
									CsvGuard *guard);
extern CsvTarget *csv_target_append(const CsvName *name, const CsvTargetColumn *columns, int ncolumns, CsvGuard *guard);

/* Values of the next row, to be filled in; made in the memory of csv_target_memory. */
extern void csv_target_row(CsvTarget *target, Datum **values, bool **nulls);
extern MemoryContext csv_target_memory(CsvTarget *target);
extern void csv_target_add(CsvTarget *target);	/* that row */
extern void csv_target_finish(CsvTarget *target);

/* Fill in reading, by_input and so on from the type of a column; declared: it was given, not found by looking. */
extern void csv_column_plan(CsvTargetColumn *column, bool declared, int dayfirst);

/* Read by the input function; false: it says no, and *reason why.  Errors of it are caught in a subtransaction, which stays
 * open over several values. */
extern bool csv_input_function(CsvGuard *guard, CsvTargetColumn *column, char *value, Datum *result, char **reason);
extern void csv_guard_close(CsvGuard *guard);

/* ---- load_csv_sql.c, load_csv_columns_sql.c: the load as a whole */

typedef struct CsvOptions
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
} CsvOptions;

typedef struct CsvLoad
{
	CsvOptions	given;
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
} CsvLoad;

/* Leave blanks at both ends out. */
static inline void
csv_trim(const char **text, size_t *length)
{
	while (*length > 0 && (**text == ' ' || **text == '\t'))
		(*text)++, (*length)--;
	while (*length > 0 && ((*text)[*length - 1] == ' ' || (*text)[*length - 1] == '\t'))
		(*length)--;
}

extern void csv_bad_option(const char *name, const char *value, const char *hint) ECML_NORETURN;

/* Are the fields of the first record names of a table's columns? */
extern bool csv_has_names_of(const CsvLoad *load, Relation relation);

/* Names and types of the columns: as given, as in the table to be appended to (or NULL), as found by looking. */
extern void csv_plan_columns(CsvLoad *load, Relation append_to);

#endif							/* ECML_LOAD_CSV_SQL_H */
