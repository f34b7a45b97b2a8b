/*
 * facts_sql.c - rows of a source as names and numbers
 */
#include "pricing/facts_sql.h"

#include <math.h>

#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/numeric.h"

#include "core/roles.h"

const char *const facts_product_names[] = {"product_id", "product", "sku", "item", "item_id", "article", NULL};
const char *const facts_price_names[] = {"price", "unit_price", "sales_price", NULL};

typedef struct Reading
{
	MemoryContext context;
	Facts	   *facts;
	const char *const *whats;
	int			columns;		/* numbers */
	size_t		room;
	bool		named;
} Reading;

static void
read_row(void *arg, TupleTableSlot *slot)
{
	Reading    *reading = arg;
	Facts	   *facts = reading->facts;
	MemoryContext old = MemoryContextSwitchTo(reading->context);
	double	   *to;

	if (facts->n == reading->room)
	{
		reading->room = reading->room ? 2 * reading->room : 64;
		if (facts->names)
		{
			facts->names = repalloc_huge(facts->names, reading->room * sizeof(char *));
			facts->values = repalloc_huge(facts->values, reading->room * reading->columns * sizeof(double));
		}
		else
		{
			facts->names = palloc(reading->room * sizeof(char *));
			facts->values = palloc(reading->room * reading->columns * sizeof(double));
		}
	}
	facts->names[facts->n] = reading->named && !slot->tts_isnull[reading->columns] ?
		TextDatumGetCString(slot->tts_values[reading->columns]) : NULL;
	to = facts->values + facts->n++ * reading->columns;
	for (int c = 0; c < reading->columns; c++)
	{
		to[c] = slot->tts_isnull[c] ? NAN : DatumGetFloat8(slot->tts_values[c]);
		if (!slot->tts_isnull[c] && !isfinite(to[c]))
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("the %s holds a value that is not finite", reading->whats[c]),
					 errdetail("A row has %g there.", to[c]),
					 errhint("Filter such rows out, or make the value NULL.")));
	}
	MemoryContextSwitchTo(old);
}

bool
facts_has(const char *source, const char *given, const char *what, const char *const *usual)
{
	EcmlSource	open;
	bool		found;

	SPI_connect();
	ecml_source_open(&open, source);
	found = ecml_role_find(&open, given, what, usual) >= 0;
	SPI_finish();
	return found;
}

Facts
facts_read(const char *source, const char *product, Fact *facts, int nfacts)
{
	MemoryContext context = CurrentMemoryContext;
	Facts		result = {0};
	Reading		reading = {.context = context,.facts = &result,.columns = nfacts};
	const char **whats = palloc((nfacts + 1) * sizeof(char *));
	EcmlSource	given;
	EcmlSource	query;
	StringInfoData sql;
	char	   *from;
	int			name;

	SPI_connect();
	ecml_source_open(&given, source);
	from = ecml_source_from(source);
	initStringInfo(&sql);
	for (int f = 0; f < nfacts; f++)
	{
		int			number = facts[f].needed ? ecml_role_need(&given, facts[f].column, facts[f].what, facts[f].usual) :
			ecml_role_find(&given, facts[f].column, facts[f].what, facts[f].usual);

		whats[f] = facts[f].what;
		facts[f].number = number;
		if (number >= 0)
			ecml_role_check(&given, number, facts[f].what, ECML_NUMBER);
		appendStringInfo(&sql, "%s%s::pg_catalog.float8", f ? ", " : "SELECT ", number < 0 ? "NULL" : ecml_role_sql(&given, number));
	}
	name = ecml_role_find(&given, product, "product", facts_product_names);
	if (name >= 0)
		appendStringInfo(&sql, ", %s::pg_catalog.text", ecml_role_sql(&given, name));
	appendStringInfo(&sql, " FROM %s AS s", from);
	reading.named = name >= 0;
	reading.whats = whats;
	ecml_source_open(&query, sql.data);
	ecml_source_run(&query, read_row, &reading);
	SPI_finish();
	MemoryContextSwitchTo(context);
	return result;
}

double *
facts_numbers(Jsonb *list, const char *option, const char *function, double low, double high, int *n)
{
	JsonbIterator *it;
	JsonbIteratorToken token;
	JsonbValue	v;
	double	   *numbers;

	*n = 0;
	if (list == NULL)
		return NULL;
	numbers = palloc((JB_ROOT_COUNT(list) + 1) * sizeof(double));
	it = JsonbIteratorInit(&list->root);
	while ((token = JsonbIteratorNext(&it, &v, true)) != WJB_DONE)
		if (token == WJB_ELEM || token == WJB_VALUE)
		{
			double		value = token == WJB_ELEM && v.type == jbvNumeric ?
				DatumGetFloat8(DirectFunctionCall1(numeric_float8, NumericGetDatum(v.val.numeric))) : NAN;

			if (!(value >= low && value <= high))
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("invalid value for option \"%s\" of %s", option, function),
						 errdetail("An element is no number in its range."),
						 isinf(high) ? errhint("Give an array of numbers of at least %g.", low) :
						 errhint("Give an array of numbers from %g to %g.", low, high)));
			numbers[(*n)++] = value;
		}
	return numbers;
}

static int
compare(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return x < y ? -1 : x > y;
}

int
facts_distinct(double *values, int n, bool descending)
{
	int			kept = 0;

	if (n > 1)
		qsort(values, n, sizeof(double), compare);
	for (int i = 0; i < n; i++)
		if (kept == 0 || values[i] > values[kept - 1])
			values[kept++] = values[i];
	for (int i = 0; descending && i < kept / 2; i++)
	{
		double		other = values[i];

		values[i] = values[kept - 1 - i];
		values[kept - 1 - i] = other;
	}
	return kept;
}
