/*
 * keys.c - numbers of keys
 *
 * Integers have a table of hashes of their own, and small ones one by their value; other types go by their text form, char(n) by that
 * of its text.  A text that an integer's output would be counts as the integer.  Cost matrices come row by row: the key found last, and
 * the one after it, are tried first.
 */
#include "core/compat.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "core/keys.h"
#include "num/hash.h"

#define DIRECT_KEYS 65536		/* integers below are found directly */
#define DIRECT_SPARSE 16		/* and those below so many times the number of keys */

EcmlKeys *
ecml_keys_create(MemoryContext context)
{
	EcmlKeys   *keys = MemoryContextAllocZero(context, sizeof(EcmlKeys));

	keys->context = context;
	keys->capacity = 64;
	keys->nslots = 256;
	keys->integers = MemoryContextAlloc(context, keys->capacity * sizeof(int64));
	keys->is_text = MemoryContextAlloc(context, keys->capacity * sizeof(bool));
	keys->slots = MemoryContextAllocZero(context, keys->nslots * sizeof(int));
	keys->texts = ecml_dict_create(context);
	return keys;
}

void
ecml_key_column(EcmlKeyColumn *column, Oid type, MemoryContext context)
{
	Oid			output;
	bool		varlena;

	column->type = getBaseType(type);
	getTypeOutputInfo(column->type, &output, &varlena);
	fmgr_info_cxt(output, &column->output, context);
}

static inline uint32
home(const EcmlKeys *keys, int64 value)
{
	return (uint32) ecml_hash_u64((uint64) value, 5) & (keys->nslots - 1);
}

/* Room for an integer in the direct table, as long as that stays small beside the keys themselves. */
static bool
has_direct(EcmlKeys *keys, int64 value)
{
	int64		most = Max(DIRECT_KEYS, (int64) keys->n * DIRECT_SPARSE);
	int64		n;

	if (value < 0 || value >= most)
		return false;
	if (value < keys->ndirect)
		return true;
	n = Min(most, Max(value + 1, Max(2 * keys->ndirect, 1024)));
	keys->direct = keys->direct ? repalloc_huge(keys->direct, n * sizeof(int)) :
		MemoryContextAllocExtended(keys->context, n * sizeof(int), MCXT_ALLOC_HUGE);
	memset(keys->direct + keys->ndirect, 0, (n - keys->ndirect) * sizeof(int));
	keys->ndirect = n;
	return true;
}

static int
add_key(EcmlKeys *keys, int64 value, bool is_text)
{
	if (keys->n == keys->capacity)
	{
		keys->capacity *= 2;
		keys->integers = repalloc_huge(keys->integers, (Size) keys->capacity * sizeof(int64));
		keys->is_text = repalloc_huge(keys->is_text, (Size) keys->capacity * sizeof(bool));
	}
	keys->integers[keys->n] = value;
	keys->is_text[keys->n] = is_text;
	return keys->n++;
}

static void
enter(EcmlKeys *keys, int number)
{
	uint32		at = home(keys, keys->integers[number]);

	while (keys->slots[at])
		at = (at + 1) & (keys->nslots - 1);
	keys->slots[at] = number + 1;
}

static inline bool
is_integer(const EcmlKeys *keys, int number, int64 value)
{
	return keys->integers[number] == value && !keys->is_text[number];
}

static inline int
find(const EcmlKeys *keys, int64 value)
{
	if (value >= 0 && value < keys->ndirect && keys->direct[value])
		return keys->direct[value] - 1;
	for (uint32 at = home(keys, value); keys->slots[at]; at = (at + 1) & (keys->nslots - 1))
		if (keys->integers[keys->slots[at] - 1] == value)
			return keys->slots[at] - 1;
	return -1;
}

bool
ecml_keys_find_all(const EcmlKeys *keys, const int64 *values, size_t n, int32 *numbers)
{
	int			all = 0;

	for (size_t i = 0; i < n; i++)
	{
		/* runs of one value are common */
		numbers[i] = i > 0 && values[i] == values[i - 1] ? numbers[i - 1] : find(keys, values[i]);
		all |= numbers[i];
	}
	return all >= 0;
}

int
ecml_keys_integer(EcmlKeys *keys, int64 value, bool add)
{
	int			number;

	if (keys->last < keys->n && is_integer(keys, keys->last, value))
		return keys->last;
	if (keys->last + 1 < keys->n && is_integer(keys, keys->last + 1, value))
		return ++keys->last;
	number = find(keys, value);
	if (number >= 0)
		return keys->last = number;
	if (!add)
		return -1;
	if ((keys->n + 1) * 2 > keys->nslots)
	{
		pfree(keys->slots);
		keys->nslots *= 2;
		keys->slots = MemoryContextAllocExtended(keys->context, (Size) keys->nslots * sizeof(int),
												 MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
		for (int i = 0; i < keys->n; i++)
			if (!keys->is_text[i])
				enter(keys, i);
	}
	keys->last = add_key(keys, value, false);
	enter(keys, keys->last);
	if (has_direct(keys, value))
		keys->direct[value] = keys->last + 1;
	return keys->last;
}

/* Is it what an integer's output would be?  Then which. */
static bool
reads_as_integer(const char *text, int length, int64 *value)
{
	bool		negative = length > 0 && text[0] == '-';
	int			i = negative;
	int64		sum = 0;

	/* 18 digits are none too many for 64 bits; longer ones go by their text */
	if (length <= i || length - i > 18 || (text[i] == '0' && length > 1))
		return false;
	for (; i < length; i++)
	{
		if (text[i] < '0' || text[i] > '9')
			return false;
		sum = sum * 10 + (text[i] - '0');
	}
	*value = negative ? -sum : sum;
	return true;
}

int
ecml_keys_find_text(const EcmlKeys *keys, const char *text, int length)
{
	int64		value;
	int			code;

	if (reads_as_integer(text, length, &value))
		return find(keys, value);
	code = ecml_dict_find(keys->texts, text, length);
	return code >= 0 ? keys->texts->entries[code].value : -1;
}

int
ecml_keys_text(EcmlKeys *keys, const char *text, int length, bool add)
{
	int64		value;
	int			code;

	for (int guess = keys->last; guess < keys->n && guess <= keys->last + 1; guess++)
		if (keys->is_text[guess])
		{
			const EcmlDictEntry *entry = &keys->texts->entries[keys->integers[guess]];

			if (entry->length == (uint32) length && memcmp(entry->key, text, length) == 0)
				return keys->last = guess;
		}
	if (reads_as_integer(text, length, &value))
		return ecml_keys_integer(keys, value, add);
	code = ecml_dict_find(keys->texts, text, length);
	if (code >= 0)
		return keys->last = keys->texts->entries[code].value;
	if (!add)
		return -1;
	code = ecml_dict_add(keys->texts, text, length);
	keys->last = add_key(keys, code, true);
	keys->texts->entries[code].value = keys->last;
	return keys->last;
}

int
ecml_keys_number(EcmlKeys *keys, EcmlKeyColumn *column, Datum value, bool add)
{
	switch (column->type)
	{
		case INT2OID:
			return ecml_keys_integer(keys, DatumGetInt16(value), add);
		case INT4OID:
			return ecml_keys_integer(keys, DatumGetInt32(value), add);
		case INT8OID:
			{
				int64		integer = DatumGetInt64(value);
				char		text[32];

				if (integer > -INT64CONST(1000000000000000000) && integer < INT64CONST(1000000000000000000))
					return ecml_keys_integer(keys, integer, add);
				/* too long to be told from its text */
				pg_lltoa(integer, text);
				return ecml_keys_text(keys, text, strlen(text), add);
			}
		case TEXTOID:
		case VARCHAROID:
			{
				struct varlena *bytes = PG_DETOAST_DATUM_PACKED(value);

				return ecml_keys_text(keys, VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes), add);
			}
		case BPCHAROID:
			{
				struct varlena *bytes = PG_DETOAST_DATUM_PACKED(value);

				/* as its cast to text: without the blanks that fill it up */
				return ecml_keys_text(keys, VARDATA_ANY(bytes), bpchartruelen(VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes)), add);
			}
		default:
			{
				char	   *text = OutputFunctionCall(&column->output, value);

				return ecml_keys_text(keys, text, strlen(text), add);
			}
	}
}

const char *
ecml_keys_spell(const EcmlKeys *keys, int number, char room[ECML_KEY_ROOM])
{
	if (keys->is_text[number])
		return keys->texts->entries[keys->integers[number]].key;
	pg_lltoa(keys->integers[number], room);
	return room;
}

const char *
ecml_keys_name(const EcmlKeys *keys, int number)
{
	char		room[ECML_KEY_ROOM];
	const char *name = ecml_keys_spell(keys, number, room);

	return name == room ? pstrdup(room) : name;
}

int
ecml_keys_take(EcmlKeys *keys, const EcmlKeys *others, int number)
{
	const EcmlDictEntry *text;

	if (!others->is_text[number])
		return ecml_keys_integer(keys, others->integers[number], true);
	text = &others->texts->entries[others->integers[number]];
	return ecml_keys_text(keys, text->key, text->length, true);
}

char **
ecml_keys_names(const EcmlKeys *keys, MemoryContext context)
{
	char	  **names = MemoryContextAllocHuge(context, ((Size) keys->n + 1) * sizeof(char *));
	char	   *room = MemoryContextAllocHuge(context, (Size) keys->n * ECML_KEY_ROOM + 1);

	for (int i = 0; i < keys->n; i++)
	{
		names[i] = keys->is_text[i] ? keys->texts->entries[keys->integers[i]].key : room;
		if (!keys->is_text[i])
			room += pg_lltoa(keys->integers[i], room) + 1;
	}
	return names;
}

static int
compare(const void *a, const void *b, void *arg)
{
	const EcmlKeys *keys = arg;
	int			x = *(const int *) a;
	int			y = *(const int *) b;
	const EcmlDictEntry *s;
	const EcmlDictEntry *t;
	int			order;

	if (keys->is_text[x] != keys->is_text[y])
		return keys->is_text[x] ? 1 : -1;
	if (!keys->is_text[x])
		return keys->integers[x] < keys->integers[y] ? -1 : keys->integers[x] > keys->integers[y];
	s = &keys->texts->entries[keys->integers[x]];
	t = &keys->texts->entries[keys->integers[y]];
	order = memcmp(s->key, t->key, Min(s->length, t->length));
	return order != 0 ? order : s->length < t->length ? -1 : s->length > t->length;
}

int *
ecml_keys_order(const EcmlKeys *keys, MemoryContext context)
{
	int		   *order = MemoryContextAllocHuge(context, ((Size) keys->n + 1) * sizeof(int));

	for (int i = 0; i < keys->n; i++)
		order[i] = i;
	qsort_arg(order, keys->n, sizeof(int), compare, (void *) keys);
	return order;
}
