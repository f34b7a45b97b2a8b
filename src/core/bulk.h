/*
 * bulk.h - many rows for a table of the extension, without a plan and privileges on it
 */
#ifndef ECML_BULK_H
#define ECML_BULK_H

#include "postgres.h"
#include "access/heapam.h"
#include "nodes/execnodes.h"

#define ECML_BULK_ROWS 256		/* written at once */

typedef struct EcmlBulk
{
	Relation	table;
	EState	   *estate;
	ResultRelInfo *info;
	BulkInsertState state;
	TupleTableSlot *slots[ECML_BULK_ROWS];
	int			n;
	MemoryContext rows;			/* of the rows not yet written */
} EcmlBulk;

/* For a table of schema ecml, by its name. */
extern EcmlBulk *ecml_bulk_begin(const char *name);

/* A row; what its values point to is of bulk->rows, or stays until the end. */
extern void ecml_bulk_add(EcmlBulk *bulk, const Datum *values, const bool *nulls);
extern void ecml_bulk_end(EcmlBulk *bulk);

/* An array of 4-byte values: int4 or float4. */
extern Datum ecml_bulk_array(MemoryContext context, const void *values, int n, Oid type);

/* The same, to be filled in at *values. */
extern Datum ecml_bulk_array_room(MemoryContext context, int n, Oid type, void **values);
extern Datum ecml_bulk_text(MemoryContext context, const char *string);

#endif							/* ECML_BULK_H */
