/*
 * keys.h - numbers of keys: values of any type get 0, 1, 2, ... in the order in which they come
 *
 * A key is the same in all tables that tell of it, whatever its type there: 7 in an integer column and '7' in a text column are one.
 */
#ifndef ECML_KEYS_H
#define ECML_KEYS_H

#include "postgres.h"
#include "fmgr.h"

#include "core/dict.h"

typedef struct EcmlKeys
{
	MemoryContext context;
	int			n;				/* keys */
	int64	   *integers;		/* [capacity] by number: the key, or the number of its text in the dictionary */
	bool	   *is_text;		/* [capacity] */
	int			capacity;
	int		   *slots;			/* [nslots] number + 1, or 0: open addressing, of integers */
	int			nslots;
	int		   *direct;			/* [ndirect] number + 1 by the integer, of small ones: found without hashing */
	int64		ndirect;
	EcmlDict   *texts;			/* keys that are no integers; its value is the key's number */
	int			last;			/* found last: rows of a matrix repeat it, or have the next one */
} EcmlKeys;

/* How values of one column become keys. */
typedef struct EcmlKeyColumn
{
	Oid			type;			/* base type */
	FmgrInfo	output;
} EcmlKeyColumn;

extern EcmlKeys *ecml_keys_create(MemoryContext context);
extern void ecml_key_column(EcmlKeyColumn *column, Oid type, MemoryContext context);

/* The number of a value; a new one when it is new and add is true, else -1. */
extern int	ecml_keys_number(EcmlKeys *keys, EcmlKeyColumn *column, Datum value, bool add);
extern int	ecml_keys_integer(EcmlKeys *keys, int64 value, bool add);

extern int	ecml_keys_text(EcmlKeys *keys, const char *text, int length, bool add);

/*
 * The numbers of many integers [n], -1 for those that have none; false: there are such.  The other: of a text.  They change nothing:
 * threads may ask while nobody adds.
 */
extern bool ecml_keys_find_all(const EcmlKeys *keys, const int64 *values, size_t n, int32 *numbers);
extern int	ecml_keys_find_text(const EcmlKeys *keys, const char *text, int length);

/* Their numbers in order [n], palloc'd: integers by value, then the others by their bytes. */
extern int *ecml_keys_order(const EcmlKeys *keys, MemoryContext context);

/* The keys as texts; [n] */
extern char **ecml_keys_names(const EcmlKeys *keys, MemoryContext context);

/* The key as text; palloc'd, or the dictionary's own. */
extern const char *ecml_keys_name(const EcmlKeys *keys, int number);

/* The same without memory: in room, or the dictionary's own. */
#define ECML_KEY_ROOM 24
extern const char *ecml_keys_spell(const EcmlKeys *keys, int number, char room[ECML_KEY_ROOM]);

/* The number here of a key that has a number in others; a new one when it is new. */
extern int	ecml_keys_take(EcmlKeys *keys, const EcmlKeys *others, int number);

#endif							/* ECML_KEYS_H */
