/*
 * columns_sql.c - the columns of a source by the part they play
 *
 * A column is the one that an option names, else the first of the usual names that the source has, else, where the part allows it, the
 * first column that is left and fit.  They are read by core/parts.h: a matrix of a million costs by threads.
 */
#include "core/compat.h"

#include <limits.h>
#include <math.h>

#include "utils/builtins.h"

#include "core/error.h"
#include "core/roles.h"
#include "route/columns_sql.h"

typedef struct Reading
{
	const char *argument;
	RouteColumn *columns;
	EcmlPart   *parts;			/* [ncolumns] */
	int			ncolumns;
} Reading;

char *
route_argument(FunctionCallInfo fcinfo, int number, const char *what)
{
	if (PG_ARGISNULL(number))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the argument \"%s\" must not be NULL", what),
				 errdetail("It is NULL."),
				 errhint("Give the name of a table or view, or a query.")));
	return text_to_cstring(PG_GETARG_TEXT_PP(number));
}

/* ---- which columns */

static bool
is_fit(const EcmlSource *source, int number, RouteKind kind)
{
	return kind != ROUTE_NUMBER || ecml_role_kind(source, number) == ECML_NUMBER;
}

static int
find_placed(const EcmlSource *source, const RouteColumn *columns, int ncolumns, const RouteColumn *column)
{
	for (int i = 0; i < source->desc->natts; i++)
	{
		bool		taken = false;

		for (int c = 0; c < ncolumns; c++)
			taken |= columns[c].number == i;
		if (!taken && is_fit(source, i, column->kind))
			return i;
	}
	return -1;
}

static void
missing_column(const EcmlSource *source, const char *argument, const RouteColumn *column)
{
	const char **names = palloc((source->desc->natts + 1) * sizeof(char *));

	for (int i = 0; i < source->desc->natts; i++)
		names[i] = NameStr(TupleDescAttr(source->desc, i)->attname);
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("the %s source has no column that is known as the %s", argument, column->what),
			 errdetail("Its columns are: %s.", ecml_error_list(names, source->desc->natts)),
			 errhint("Call the column \"%s\", or name it with the option \"%s\".", column->usual[0], column->what)));
}

static void
find_columns(Reading *reading, const EcmlSource *source)
{
	for (int c = 0; c < reading->ncolumns; c++)
		reading->columns[c].number = -1;
	for (int c = 0; c < reading->ncolumns; c++)
	{
		RouteColumn *column = &reading->columns[c];
		bool		taken = false;

		column->number = ecml_role_find(source, column->given, column->what, column->usual);
		/* one column plays one part, unless options say so */
		for (int d = 0; d < c && column->given == NULL; d++)
			taken |= reading->columns[d].number == column->number;
		if (taken)
			column->number = -1;
	}
	for (int c = 0; c < reading->ncolumns; c++)
	{
		RouteColumn *column = &reading->columns[c];
		EcmlKind	kind;

		if (column->number < 0 && column->placed)
			column->number = find_placed(source, reading->columns, reading->ncolumns, column);
		if (column->number < 0 && column->needed)
			missing_column(source, reading->argument, column);
		if (column->number < 0)
			continue;
		column->name = pstrdup(NameStr(TupleDescAttr(source->desc, column->number)->attname));
		kind = ecml_role_kind(source, column->number);
		if (column->kind == ROUTE_NUMBER && kind != ECML_NUMBER && kind != ECML_BOOLEAN)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("column \"%s\" of the %s source must be a number", column->name, reading->argument),
					 errdetail("Its type is %s.", format_type_be(TupleDescAttr(source->desc, column->number)->atttypid)),
					 errhint("Cast it to a number in the source, or name another column with the option \"%s\".", column->what)));
	}
}

/* ---- rows */

/* NULL numbers and labels stay; row: the number of those before. */
static bool
judge_row(void *arg, size_t row)
{
	const Reading *reading = arg;

	for (int c = 0; c < reading->ncolumns; c++)
	{
		const RouteColumn *column = &reading->columns[c];
		const EcmlPart *part = &reading->parts[c];

		if (column->number < 0)
			continue;
		if (part->isnull && column->kind == ROUTE_KEY)
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("column \"%s\" of the %s source is NULL", column->name, reading->argument),
					 errdetail("It is so in row %zu.", row + 1),
					 errhint("Each row must tell its %s; leave out other rows.", column->what)));
		if (!part->isnull && column->kind == ROUTE_NUMBER && isnan(part->value))
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("column \"%s\" of the %s source is NaN", column->name, reading->argument),
					 errdetail("It is so in row %zu.", row + 1),
					 errhint("Give a number, or NULL where none is known.")));
	}
	return true;
}

int
route_read(EcmlCtx *ctx, const char *text, const char *argument, RouteColumn *columns, int ncolumns)
{
	Reading		reading = {.argument = argument,.columns = columns,.parts = palloc0((ncolumns + 1) * sizeof(EcmlPart)),
	.ncolumns = ncolumns};
	EcmlSource	source;
	size_t		n;
	size_t		skipped;

	ecml_source_open(&source, text);
	find_columns(&reading, &source);
	for (int c = 0; c < ncolumns; c++)
		reading.parts[c] = (EcmlPart) {.number = columns[c].number,.kind = columns[c].kind == ROUTE_NUMBER ? ECML_PART_NUMBER : ECML_PART_KEY,
			.keys = columns[c].keys,.known = columns[c].known,.most = INFINITY};
	n = ecml_parts_read(ctx, &source, reading.parts, ncolumns, judge_row, &reading, &skipped);
	if (n > INT_MAX / 4)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the %s source has too many rows", argument),
				 errdetail("There are %zu, more than %d.", n, INT_MAX / 4),
				 errhint("Leave out pairs that will not be used.")));
	for (int c = 0; c < ncolumns; c++)
	{
		columns[c].codes = reading.parts[c].codes;
		columns[c].numbers = reading.parts[c].numbers;
	}
	return (int) n;
}

/* ---- checks */

void
route_bad_number(const char *argument, const char *what, const char *key, double value, const char *wanted)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_EXCEPTION),
			 errmsg("%s of \"%s\" in the %s source cannot be used", what, key, argument),
			 isnan(value) ? errdetail("It is NULL.") : errdetail("It is %g.", value),
			 errhint("It must be %s.", wanted)));
	pg_unreachable();
}

void
route_check_numbers(const char *argument, RouteColumn *column, int n, double low, bool finite, double usual,
					const RouteColumn *key)
{
	if (column->numbers == NULL)
		return;
	for (int i = 0; i < n; i++)
	{
		double		value = column->numbers[i];

		if (isnan(value) && !isnan(usual))
			column->numbers[i] = usual;
		else if (!(value >= low) || (finite && isinf(value)))
			route_bad_number(argument, column->what, ecml_keys_name(key->keys, key->codes[i]), value,
							 low == -INFINITY ? (finite ? "finite" : "a number") :
							 psprintf(finite ? "at least %g and finite" : "at least %g", low));
	}
}

void
route_check_unique(EcmlCtx *ctx, const char *argument, const RouteColumn *key, int n)
{
	int		   *row_of = ECML_NEW0(ctx, int, key->keys->n + 1);

	for (int i = 0; i < n; i++)
	{
		int			code = key->codes[i];

		if (code < 0)
			continue;
		if (row_of[code])
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("%s \"%s\" stands twice in the %s source", key->what, ecml_keys_name(key->keys, code), argument),
					 errdetail("It does so in rows %d and %d.", row_of[code], i + 1),
					 errhint("Give each %s one row.", key->what)));
		row_of[code] = i + 1;
	}
	ecml_free(ctx, row_of);
}
