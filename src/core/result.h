/*
 * result.h - arguments of type text, and functions that return rows
 */
#ifndef ECML_RESULT_H
#define ECML_RESULT_H

#include "postgres.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/tuplestore.h"

/* An argument of type text; NULL when it is NULL. */
extern char *ecml_text_argument(FunctionCallInfo fcinfo, int argument);

/* Rows of a set-returning function, kept in a tuplestore that spills at work_mem. */
typedef struct EcmlRows
{
	Tuplestorestate *store;
	TupleDesc	desc;
	MemoryContext context;		/* lives as long as the result */
} EcmlRows;

extern EcmlRows *ecml_rows_begin(FunctionCallInfo fcinfo);
extern void ecml_rows_add(EcmlRows *rows, Datum *values, bool *nulls);

/* The descriptor of a function's composite result. */
extern TupleDesc ecml_composite_desc(FunctionCallInfo fcinfo);
extern Datum ecml_composite(TupleDesc desc, Datum *values, bool *nulls);

/* Set a column from a double: NaN is NULL. */
extern void ecml_set_number(Datum *values, bool *nulls, int column, double value);

#endif							/* ECML_RESULT_H */
