/*
 * load_csv_columns_sql.c - names and types of the columns that ecml_load_csv makes or appends to
 */
#include "core/compat.h"

#include <ctype.h>

#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "parser/parse_type.h"
#include "parser/scansup.h"
#include "utils/formatting.h"
#include "utils/lsyscache.h"

#include "core/error.h"
#include "core/json.h"
#include "prep/load_csv_sql.h"

void ECML_NORETURN
csv_bad_option(const char *name, const char *value, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid value for option \"%s\" of ecml_load_csv", name),
			 errdetail("The value is \"%s\".", value),
			 errhint("%s", hint)));
	pg_unreachable();
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
		case CSV_TYPE_TIME:
			return TIMEOID;
		case CSV_TYPE_UUID:
			return UUIDOID;
	}
	return TEXTOID;
}

bool
csv_has_names_of(const CsvLoad *load, Relation relation)
{
	TupleDesc	desc = RelationGetDescr(relation);

	for (int i = 0; i < load->ncolumns; i++)
	{
		bool		found = false;
		const char *text = load->first[i].text;
		size_t		length = load->first[i].length;

		csv_trim(&text, &length);
		for (int j = 0; j < desc->natts && !found; j++)
			found = !TupleDescAttr(desc, j)->attisdropped && strlen(NameStr(TupleDescAttr(desc, j)->attname)) == length &&
				pg_strncasecmp(NameStr(TupleDescAttr(desc, j)->attname), text, length) == 0;
		if (!found)
			return false;
	}
	return true;
}

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
name_is_taken(const CsvLoad *load, int before, const char *name)
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
name_columns(CsvLoad *load)
{
	char	  **given = NULL;

	if (load->given.columns)
	{
		int			n;

		given = ecml_json_list(load->given.columns, &n);
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
find_column(const CsvLoad *load, const char *name)
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
tell_type(void *arg)
{
	errdetail("It is the type of column \"%s\" in the option \"types\" of ecml_load_csv.", ((const CsvTargetColumn *) arg)->name);
	errhint("Give a type as CREATE TABLE has it, as in {\"price\": \"numeric(10,2)\"}.");
}

static void
declare_types(CsvLoad *load)
{
	JsonbIterator *iterator = JsonbIteratorInit(&load->given.types->root);
	JsonbIteratorToken token;
	JsonbValue	value;

	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		ErrorContextCallback callback = {.previous = error_context_stack,.callback = tell_type};
		CsvTargetColumn *column;
		char	   *type;

		if (token != WJB_KEY)
			continue;
		column = &load->columns[find_column(load, pnstrdup(value.val.string.val, value.val.string.len))];
		token = JsonbIteratorNext(&iterator, &value, true);
		if (value.type != jbvString)
			csv_bad_option("types", ecml_json_value_text(&value), "It is an object of types, as in {\"price\": \"numeric\"}.");
		type = pnstrdup(value.val.string.val, value.val.string.len);
		callback.arg = column;
		error_context_stack = &callback;
		parseTypeString(type, &column->type, &column->typmod, 0);
		error_context_stack = callback.previous;
		if (get_typtype(column->type) == TYPTYPE_PSEUDO)
			csv_bad_option("types", type, "It is a pseudo-type; give a type that a table's column can have.");
	}
}

/* The columns of a table to be appended to, by name, or by place when the file has no names. */
static void
match_columns(CsvLoad *load, Relation relation)
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

void
csv_plan_columns(CsvLoad *load, Relation append_to)
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

