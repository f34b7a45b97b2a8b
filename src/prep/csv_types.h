/*
 * csv_types.h - typing fields of a CSV by looking at them, and reading them as what they are
 *
 * csv_classify says which types a value can have, as bits; a column has those that all its values have in common, and
 * csv_choose takes the narrowest of them.  What csv_classify admits, the csv_to_ functions read without loss.
 */
#ifndef ECML_CSV_TYPES_H
#define ECML_CSV_TYPES_H

#include "num/ctx.h"

enum
{
	CSV_TEXT = 1 << 0,			/* always */
	CSV_BOOL_WORD = 1 << 1,		/* true, false */
	CSV_BOOL_YES = 1 << 2,		/* yes, no */
	CSV_BOOL_T = 1 << 3,		/* t, f as PostgreSQL writes them */
	CSV_BOOL_LETTER_T = 1 << 4, /* T, F: only where both are there */
	CSV_BOOL_LETTER_Y = 1 << 5, /* y, n, Y, N: only where both are there */
	CSV_INT4 = 1 << 6,
	CSV_INT8 = 1 << 7,
	CSV_NUMERIC = 1 << 8,		/* digits, one decimal point */
	CSV_DOUBLE = 1 << 9,		/* also exponents, NaN, infinity */
	CSV_DATE = 1 << 10,			/* these three times: year first, day first, month first */
	CSV_TIMESTAMP = 1 << 13,
	CSV_TIMESTAMPTZ = 1 << 16,
	CSV_TIME = 1 << 19,			/* of a day */
	CSV_UUID = 1 << 20,			/* 32 digits with its four hyphens */
	CSV_ANY = (1 << 21) - 1,	/* a column before its first value */

	CSV_BOOL = CSV_BOOL_WORD | CSV_BOOL_YES | CSV_BOOL_T | CSV_BOOL_LETTER_T | CSV_BOOL_LETTER_Y,
	CSV_SEEN_TRUE = 1 << 30,	/* of values that are a boolean: which one */
	CSV_SEEN_FALSE = 1 << 29
};

/* orders of a date's parts, as bits */
enum
{
	CSV_YMD = 1,
	CSV_DMY = 2,
	CSV_MDY = 4
};

/* How numbers are written. */
typedef struct CsvNumbers
{
	char		decimal;		/* '.' or ',' */
	const char *thousands;		/* between groups of three digits; NULL: nothing */
	const char *currency;		/* a sign before or after the number; NULL: none */
} CsvNumbers;

#define CSV_NUMBERS {'.', NULL, NULL}

typedef enum CsvType
{
	CSV_TYPE_TEXT,
	CSV_TYPE_BOOLEAN,
	CSV_TYPE_INTEGER,
	CSV_TYPE_BIGINT,
	CSV_TYPE_NUMERIC,
	CSV_TYPE_DOUBLE,
	CSV_TYPE_DATE,
	CSV_TYPE_TIMESTAMP,
	CSV_TYPE_TIMESTAMPTZ,
	CSV_TYPE_TIME,
	CSV_TYPE_UUID
} CsvType;

/* What is known of a column; begin with CSV_COLUMN. */
typedef struct CsvColumn
{
	uint32_t	types;
	uint32_t	seen;			/* CSV_SEEN_TRUE, CSV_SEEN_FALSE */
	uint32_t	orders;			/* that all its dates can have, CSV_YMD and so on */
	bool		valued;			/* there was a value */
	bool		declared;		/* its type is given: look at all values, for the order of dates */
} CsvColumn;

#define CSV_COLUMN {CSV_ANY, 0, CSV_YMD | CSV_DMY | CSV_MDY, false, false}

/* The types that a value can have; blanks around it do not count. */
extern uint32_t csv_classify(const char *text, size_t length, const CsvNumbers *numbers);

static inline void
csv_look(CsvColumn *column, const char *text, size_t length, const CsvNumbers *numbers)
{
	uint32_t	found;

	column->valued = true;
	if (column->types == CSV_TEXT && !column->declared)
		return;
	found = csv_classify(text, length, numbers);
	column->types &= found;
	column->seen |= found & (CSV_SEEN_TRUE | CSV_SEEN_FALSE);
	found = (found / CSV_DATE | found / CSV_TIMESTAMP | found / CSV_TIMESTAMPTZ) & 7;
	if (found)
		column->orders &= found;
}

/*
 * The type of a column.  dayfirst: 1 yes, 0 no, -1: not said, and dates that could be read in both ways are text.
 * use_double: decimals are doubles, not numerics.
 */
extern CsvType csv_choose(const CsvColumn *column, int dayfirst, bool use_double);

/* The order of the dates of a column, or 0 when it cannot be told. */
extern int	csv_order(const CsvColumn *column, int dayfirst);

/* Reading; false: it is none. */
extern bool csv_to_bool(const char *text, size_t length, bool *value);
extern bool csv_to_int(const char *text, size_t length, const CsvNumbers *numbers, int64_t *value);
extern bool csv_to_double(const char *text, size_t length, const CsvNumbers *numbers, double *value);

/* A decimal as value * 10^-scale when that fits (*value at most 18 digits, true), else as a text for it, *canonical, in
 * a buffer of CSV_NUMBER_LIMIT + 1 bytes (false); NULL there: it is none. */
#define CSV_NUMBER_LIMIT 400
extern bool csv_to_decimal(const char *text, size_t length, const CsvNumbers *numbers, int64_t *value, int *scale,
						   char *buffer, const char **canonical);

/* Days and microseconds since 2000-01-01, of a date in that order (or with the year first); INT32_MAX and INT64_MAX (MIN):
 * infinity (-infinity). */
extern bool csv_to_date(const char *text, size_t length, int order, int32_t *days);
extern bool csv_to_timestamp(const char *text, size_t length, int order, bool zone, int64_t *microseconds);

/* Microseconds since midnight. */
extern bool csv_to_time(const char *text, size_t length, int64_t *microseconds);

#define CSV_UUID_BYTES 16
extern bool csv_to_uuid(const char *text, size_t length, uint8_t *bytes);

#endif							/* ECML_CSV_TYPES_H */
