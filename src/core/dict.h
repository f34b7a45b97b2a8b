/*
 * dict.h - a dictionary of byte strings: each gets the next code, 0, 1, 2, ...
 */
#ifndef ECML_DICT_H
#define ECML_DICT_H

#include "postgres.h"

#include "num/ctx.h"

typedef struct EcmlDictEntry
{
	uint32		hash;
	uint32		length;
	char	   *key;			/* [length + 1], a zero after it */
	int			value;			/* the user's own; the code by default */
} EcmlDictEntry;

typedef struct EcmlDict
{
	MemoryContext context;
	int			n;				/* entries */
	EcmlDictEntry *entries;		/* [capacity], by code */
	int			capacity;
	int		   *slots;			/* [nslots] code + 1, or 0: open addressing */
	int			nslots;			/* a power of two */
	EcmlCtx    *ctx;			/* whose budget its memory is counted against; NULL: none */
} EcmlDict;

extern EcmlDict *ecml_dict_create(MemoryContext context);

/* From now on its memory, with what it has already, counts against the budget: past it adding fails. */
extern void ecml_dict_count(EcmlDict *dict, EcmlCtx *ctx);

/* The code of key, or -1. */
extern int	ecml_dict_find(const EcmlDict *dict, const char *key, int length);

/* The code of key, added when it is new. */
extern int	ecml_dict_add(EcmlDict *dict, const char *key, int length);

/* Codes in the order of their keys' bytes: order[0 .. n-1], palloc'd. */
extern int *ecml_dict_order(const EcmlDict *dict);

#endif							/* ECML_DICT_H */
