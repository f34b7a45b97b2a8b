/*
 * roles.c - columns of a source by the part that they play
 */
#include "core/compat.h"

#include "utils/builtins.h"

#include "core/bind.h"
#include "core/roles.h"

int
ecml_role_find(const EcmlSource *source, const char *given, const char *what, const char *const *usual)
{
	if (given)
		return ecml_source_column(source, given, what);
	for (int u = 0; usual[u]; u++)
		for (int i = 0; i < source->desc->natts; i++)
			if (pg_strcasecmp(NameStr(TupleDescAttr(source->desc, i)->attname), usual[u]) == 0)
				return i;
	return -1;
}

int
ecml_role_need(const EcmlSource *source, const char *given, const char *what, const char *const *usual)
{
	int			column = ecml_role_find(source, given, what, usual);

	if (column < 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("the source has no column that is known as the %s", what),
				 errdetail("None of its columns is called %s, or like it.", usual[0]),
				 errhint("Name the column with the option \"%s\".", what)));
	return column;
}

EcmlKind
ecml_role_kind(const EcmlSource *source, int number)
{
	EcmlConvert convert;
	EcmlConvert element_convert;
	EcmlKind	kind;
	Oid			element;

	if (ecml_bind_plan(TupleDescAttr(source->desc, number)->atttypid, &convert, &kind, &element, &element_convert) &&
		convert != ECML_FROM_ARRAY)
		return kind;
	return ECML_CATEGORY;
}

void
ecml_role_check(const EcmlSource *source, int number, const char *what, EcmlKind kind)
{
	Form_pg_attribute attribute = TupleDescAttr(source->desc, number);

	if (ecml_role_kind(source, number) == kind)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("column \"%s\" cannot be the %s", NameStr(attribute->attname), what),
			 errdetail("Its type is %s.", format_type_be(attribute->atttypid)),
			 kind == ECML_TIME ? errhint("It must be a date or a timestamp.") : errhint("It must be a number.")));
}

const char *
ecml_role_sql(const EcmlSource *source, int number)
{
	return psprintf("s.%s", quote_identifier(NameStr(TupleDescAttr(source->desc, number)->attname)));
}
