/*
 * source.h - the rows of a source: a relation's name, or a query
 *
 * The source is run with the rights of the caller, read-only, and its rows are pushed to a function one by one.
 */
#ifndef ECML_SOURCE_H
#define ECML_SOURCE_H

#include "postgres.h"
#include "fmgr.h"
#include "access/tupdesc.h"
#include "executor/spi.h"
#include "executor/tuptable.h"
#include "utils/jsonb.h"

typedef struct EcmlSource
{
	char	   *query;
	SPIPlanPtr	plan;
	TupleDesc	desc;			/* columns of its rows */
	bool		lazy;			/* the row function takes tuples apart by itself; else slots come with all values */
} EcmlSource;

typedef void (*EcmlRowFunction) (void *arg, TupleTableSlot *slot);

/*
 * Prepare; SPI must be connected.  The current memory context stays the caller's, and what the source holds is made in it.
 * Errors: no such relation, not a query that only reads.
 */
extern void ecml_source_open(EcmlSource *source, const char *text);

/*
 * Prepare a query of our own around a source, that may be run by parallel workers: one whose result does not depend on the
 * order of the rows.
 */
extern void ecml_source_open_parallel(EcmlSource *source, const char *query);

/* An error unless a plan of one query only reads. */
extern void ecml_source_check_reads_only(SPIPlanPtr plan);

/* Run it: row(arg, slot) for each row.  The current memory context is the caller's again afterwards. */
extern void ecml_source_run(EcmlSource *source, EcmlRowFunction row, void *arg);

/*
 * Is its plan nothing but a scan of a whole table, and its columns the table's, from the first on?  Then its oid and the
 * planner's estimate of its rows; the caller's rights have been checked.
 */
extern bool ecml_source_is_table(EcmlSource *source, Oid *relation, double *rows);

/* Or of some columns of all its rows, in any order?  numbers [columns of the source]: of the table's columns, from 0 on. */
extern bool ecml_source_is_scan(EcmlSource *source, Oid *relation, double *rows, int *numbers);

/* May its plan be run by parallel workers?  rows: how many it gives, as the planner thinks. */
extern bool ecml_source_is_parallel(EcmlSource *source, double *rows);

/* The source that an argument gives, or an error for NULL. */
extern char *ecml_source_argument(FunctionCallInfo fcinfo, int argument);

/* Is the text a query (it begins with SELECT, WITH, VALUES, TABLE or a parenthesis), not a name? */
extern bool ecml_source_is_query(const char *text);

/* The source as it can stand in FROM: a qualified name, or the query in parentheses.  Checks that it exists. */
extern char *ecml_source_from(const char *text);

/* Number of the column of that name, or an error that names the nearest; what: "target", "feature". */
extern int	ecml_source_column(const EcmlSource *source, const char *name, const char *what);

/* The first column, by which rows are known; an error where there is none. */
extern Form_pg_attribute ecml_source_key(const EcmlSource *source);

/* Numbers of the columns that a list of an option names (NULL: none), palloc'd; *n: how many. */
extern int *ecml_source_columns(const EcmlSource *source, Jsonb *list, const char *what, int *n);

#endif							/* ECML_SOURCE_H */
