/*
 * flat.h - a loaded model as one block of memory without addresses, which processes can share
 *
 * A family writes one walk over what its model consists of: structs, and arrays whose lengths follow from what came before.  The same
 * walk measures the block, writes it, and opens it elsewhere: structs are copied to the ctx, and their pointers then lead into the
 * block.  Nothing is stored beside what the walk meets, for it meets the same in the same order each time.
 *
 *     Model *m = ecml_flat_struct(flat, given, sizeof(Model));
 *     ECML_FLAT(flat, m->values, m->n);
 *     if (m->names)                    a struct just opened still has the writer's pointers: NULL says that there is none
 *         ECML_FLAT(flat, m->names, m->n);
 *
 * A block is trusted as memory is, for only this library writes it, but no damage to its structs or its length leads outside of it:
 * then arrays are NULL, structs zeros, and ecml_flat_end says so.
 */
#ifndef ECML_FLAT_H
#define ECML_FLAT_H

#include "ctx.h"

typedef enum EcmlFlatJob
{
	ECML_FLAT_MEASURE,
	ECML_FLAT_WRITE,
	ECML_FLAT_OPEN
} EcmlFlatJob;

/* Takes the next bytes of a block that is written; false: it cannot. */
typedef bool (*EcmlFlatSink) (void *arg, const void *bytes, size_t size);

typedef struct EcmlFlat
{
	EcmlCtx    *ctx;			/* polled while writing; has the structs of what is opened */
	EcmlFlatJob job;
	const char *base;			/* of an opened one: [size], ECML_ALIGN aligned */
	size_t		size;
	EcmlFlatSink sink;			/* of one that is written */
	void	   *arg;
	size_t		at;				/* what the walk has come to */
	uint64_t	check;			/* of the structs so far */
	bool		odd;			/* it does not fit */
} EcmlFlat;

extern void ecml_flat_measure(EcmlFlat *flat, EcmlCtx *ctx);
extern void ecml_flat_write(EcmlFlat *flat, EcmlCtx *ctx, EcmlFlatSink sink, void *arg);
extern void ecml_flat_open(EcmlFlat *flat, EcmlCtx *ctx, const void *base, size_t size);

/* A struct: as it is given, or the copy of an opened one; never NULL. */
extern void *ecml_flat_struct(EcmlFlat *flat, void *given, size_t size);

/* An array: as it is given, or where it stands in the block. */
extern void *ecml_flat_array(EcmlFlat *flat, void *given, size_t count, size_t size);

#define ECML_FLAT(flat, array, count) ((array) = ecml_flat_array((flat), (array), (count), sizeof(*(array))))

/* A string, or NULL. */
extern char *ecml_flat_string(EcmlFlat *flat, char *given);

/* Did all fit, and does an opened block end where the walk did?  Then check is the writer's, unless a struct was damaged. */
extern bool ecml_flat_end(const EcmlFlat *flat);

#endif							/* ECML_FLAT_H */
