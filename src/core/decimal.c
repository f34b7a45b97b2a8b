/*
 * decimal.c - numeric to double, quickly
 *
 * PostgreSQL's own cast prints the number and reads it back, some 150 ns; a shop's prices are numeric in every row.  Most
 * have few digits: an integer below 2^53 times or by a power of ten up to 10^22, both exact doubles, so that one
 * multiplication or division gives the nearest double (Clinger 1990).  All others go the long way.
 *
 * The format is that of the disk, the same since PostgreSQL 9.1: a header word, for large weights a second one, then digits of
 * base 10000.
 */
#include "core/compat.h"

#include "utils/numeric.h"

#include "core/decimal.h"

#define SIGN_MASK 0xC000
#define IS_SHORT 0x8000
#define IS_NEGATIVE 0x4000		/* long form */
#define IS_SPECIAL 0xC000		/* NaN, infinity */
#define SHORT_NEGATIVE 0x2000
#define SHORT_WEIGHT_SIGN 0x0040
#define SHORT_WEIGHT_MASK 0x003F
#define BASE 10000
#define MAX_DIGITS 4			/* of base 10000: less than 10^16 */
#define MAX_PAIR_DIGITS 7

static double
long_way(Datum numeric)
{
	return DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, numeric));
}

static const double powers[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14,
1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

#define MAX_POWER 22			/* of ten that is a double */

/* A numeric taken apart: digits of base 10000, of which the first counts BASE^weight. */
typedef struct Decimal
{
	struct varlena *value;		/* not compressed, not out of line */
	const char *digits;
	int			ndigits;
	int			weight;
	bool		negative;
	bool		special;		/* NaN or infinity */
} Decimal;

static inline Decimal
take_apart(struct varlena *numeric)
{
	Decimal		d = {.value = numeric};
	int			size = VARSIZE_ANY_EXHDR(d.value);
	uint16		header;
	int16		weight;

	d.digits = VARDATA_ANY(d.value);
	memcpy(&header, d.digits, sizeof(header));
	d.digits += sizeof(header);
	size -= sizeof(header);
	d.special = (header & SIGN_MASK) == IS_SPECIAL;
	if ((header & SIGN_MASK) == IS_SHORT)
	{
		d.negative = (header & SHORT_NEGATIVE) != 0;
		weight = header & SHORT_WEIGHT_MASK;
		if (header & SHORT_WEIGHT_SIGN)
			weight |= ~SHORT_WEIGHT_MASK;
	}
	else if (!d.special)
	{
		d.negative = (header & SIGN_MASK) == IS_NEGATIVE;
		memcpy(&weight, d.digits, sizeof(weight));
		d.digits += sizeof(weight);
		size -= sizeof(weight);
	}
	else
		weight = 0;
	d.weight = weight;
	d.ndigits = size / (int) sizeof(int16);
	return d;
}

static inline int
digit(const Decimal *d, int i)
{
	int16		digit;

	memcpy(&digit, d->digits + i * sizeof(digit), sizeof(digit));
	return digit;
}

/* Few digits?  Then the value. */
static inline bool
is_quick(const Decimal *d, double *value)
{
	int			exponent = 4 * (d->weight - d->ndigits + 1);
	uint64		mantissa = 0;

	if (d->special || d->ndigits > MAX_DIGITS)
		return false;
	*value = 0;
	if (d->ndigits == 0)
		return true;
	for (int i = 0; i < d->ndigits; i++)
		mantissa = mantissa * BASE + digit(d, i);
	if (mantissa >= UINT64CONST(1) << 53 || exponent > MAX_POWER || exponent < -MAX_POWER)
		return false;
	*value = exponent < 0 ? (double) mantissa / powers[-exponent] : (double) mantissa * powers[exponent];
	if (d->negative)
		*value = -*value;
	return true;
}

double
ecml_decimal_float8(Datum numeric)
{
	Decimal		d = take_apart(PG_DETOAST_DATUM_PACKED(numeric));
	double		value;

	return is_quick(&d, &value) ? value : long_way(PointerGetDatum(d.value));
}

bool
ecml_decimal_quick(const char *numeric, double *value)
{
	Decimal		d = take_apart((struct varlena *) numeric);

	return is_quick(&d, value);
}

EcmlDd
ecml_decimal_pair(Datum numeric)
{
	Decimal		d = take_apart(PG_DETOAST_DATUM_PACKED(numeric));
	int			exponent = 4 * (d.weight - d.ndigits + 1);
	EcmlDd		result = dd_from(0);

	/* up to 28 digits and a power that is a double: each step is exact, or rounds the 32nd digit */
	if (d.special || d.ndigits > MAX_PAIR_DIGITS || exponent > MAX_POWER || exponent < -MAX_POWER)
		return dd_from(long_way(PointerGetDatum(d.value)));
	for (int i = 0; i < d.ndigits; i++)
		result = dd_add(dd_mul_d(result, BASE), dd_from(digit(&d, i)));
	result = exponent < 0 ? dd_div(result, dd_from(powers[-exponent])) : dd_mul_d(result, powers[exponent]);
	return d.negative ? dd_neg(result) : result;
}
