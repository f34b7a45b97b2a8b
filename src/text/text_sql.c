/*
 * text_sql.c - texts between PostgreSQL and the kernels (see text_sql.h)
 */
#include "core/compat.h"

#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "core/guc.h"
#include "text/text_sql.h"

#define HEADER ARR_OVERHEAD_NONULLS(1)

TextInput
text_input(Datum value)
{
	text	   *t = DatumGetTextPP(value);
	TextInput	input = {VARDATA_ANY(t), VARSIZE_ANY_EXHDR(t), false};
	int			encoding = GetDatabaseEncoding();

	if (encoding != PG_UTF8 && encoding != PG_SQL_ASCII)
	{
		char	   *utf8 = (char *) pg_do_encoding_conversion((unsigned char *) unconstify(char *, input.s), (int) input.n, encoding,
															  PG_UTF8);

		if (utf8 != input.s)
			input = (TextInput) {utf8, strlen(utf8), true};
	}
	return input;
}

text *
text_output(const char *s, size_t n, bool converted)
{
	if (converted)
	{
		char	   *out = (char *) pg_do_encoding_conversion((unsigned char *) unconstify(char *, s), (int) n, PG_UTF8,
															 GetDatabaseEncoding());

		if (out != s)
			return cstring_to_text(out);
	}
	return cstring_to_text_with_len(s, (int) n);
}

static void
make_room(TextArray *array, size_t n)
{
	size_t		need = array->size + VARHDRSZ + n + ALIGNOF_INT;

	if (need <= array->capacity)
		return;
	if (need > MaxAllocSize)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the result is too large for an array"),
				 errdetail("It would take more than %zu bytes.", (size_t) MaxAllocSize),
				 errhint("Call the function on parts of the text.")));
	array->capacity = Min(Max(2 * array->capacity, need), MaxAllocSize);
	array->data = repalloc(array->data, array->capacity);
}

void
text_array_begin(TextArray *array, size_t expected, bool converted)
{
	array->capacity = HEADER + Min(expected, 64 * 1024 * 1024) + 64;
	array->data = palloc(array->capacity);
	array->size = HEADER;
	array->n = 0;
	array->converted = converted;
}

char *
text_array_room(TextArray *array, size_t n)
{
	make_room(array, n);
	return array->data + array->size + VARHDRSZ;
}

void
text_array_done(TextArray *array, size_t n)
{
	size_t		end = array->size + VARHDRSZ + n;

	SET_VARSIZE(array->data + array->size, VARHDRSZ + n);
	array->size = INTALIGN(end);
	memset(array->data + end, 0, array->size - end);
	array->n++;
	if ((array->n & 0xFFFF) == 0)
		CHECK_FOR_INTERRUPTS();
}

void
text_array_add(TextArray *array, const char *s, size_t n)
{
	text	   *converted = NULL;

	if (array->converted)
	{
		converted = text_output(s, n, true);
		s = VARDATA_ANY(converted);
		n = VARSIZE_ANY_EXHDR(converted);
	}
	memcpy(text_array_room(array, n), s, n);
	text_array_done(array, n);
	if (converted)
		pfree(converted);
}

ArrayType *
text_array_end(TextArray *array)
{
	ArrayType  *result = (ArrayType *) array->data;

	if (array->n == 0)
		return construct_empty_array(TEXTOID);
	SET_VARSIZE(result, array->size);
	result->ndim = 1;
	result->dataoffset = 0;
	result->elemtype = TEXTOID;
	ARR_DIMS(result)[0] = array->n;
	ARR_LBOUND(result)[0] = 1;
	return result;
}

/* What a call keeps in fn_extra: the options as they were given, parsed. */
typedef struct KeptOptions
{
	Jsonb	   *given;
	char	   *params;			/* [size + extra], so aligned as palloc does */
} KeptOptions;

void *
text_options(FunctionCallInfo fcinfo, int argument, const char *what, const EcmlOption *options, const void *defaults, size_t size,
			 size_t extra)
{
	KeptOptions *kept = fcinfo->flinfo->fn_extra;
	Jsonb	   *given = PG_GETARG_JSONB_P(argument);
	MemoryContext old;

	if (kept != NULL && kept->given != NULL && VARSIZE(kept->given) == VARSIZE(given) &&
		memcmp(kept->given, given, VARSIZE(given)) == 0)
		return kept->params;
	old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	if (kept == NULL)
	{
		kept = palloc0(sizeof(KeptOptions));
		kept->params = palloc0(MAXALIGN(size) + extra);
		fcinfo->flinfo->fn_extra = kept;
	}
	else if (kept->given != NULL)
		pfree(kept->given);
	kept->given = NULL;
	memcpy(kept->params, defaults, size);
	ecml_options_parse(what, given, &(EcmlOptionSet) {options, kept->params}, 1);
	kept->given = palloc(VARSIZE(given));
	memcpy(kept->given, given, VARSIZE(given));
	MemoryContextSwitchTo(old);
	return kept->params;
}

void
text_ctx(EcmlCtx *ctx, EcmlServerHost *host)
{
	ecml_host_init(ctx, host, CurrentMemoryContext, (size_t) ecml_guc_work_mem * 1024, 0);
}
