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

static double
long_way(Datum numeric)
{
	return DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, numeric));
}

double
ecml_decimal_float8(Datum numeric)
{
	static const double powers[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14,
	1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
	struct varlena *value = PG_DETOAST_DATUM_PACKED(numeric);
	const char *bytes = VARDATA_ANY(value);
	int			size = VARSIZE_ANY_EXHDR(value);
	uint16		header;
	int16		weight;
	bool		negative;
	int			ndigits;
	int			exponent;
	uint64		mantissa = 0;
	double		result;

	memcpy(&header, bytes, sizeof(header));
	bytes += sizeof(header);
	size -= sizeof(header);
	if ((header & SIGN_MASK) == IS_SPECIAL)
		return long_way(PointerGetDatum(value));
	if ((header & SIGN_MASK) == IS_SHORT)
	{
		negative = (header & SHORT_NEGATIVE) != 0;
		weight = header & SHORT_WEIGHT_MASK;
		if (header & SHORT_WEIGHT_SIGN)
			weight |= ~SHORT_WEIGHT_MASK;
	}
	else
	{
		negative = (header & SIGN_MASK) == IS_NEGATIVE;
		memcpy(&weight, bytes, sizeof(weight));
		bytes += sizeof(weight);
		size -= sizeof(weight);
	}
	ndigits = size / (int) sizeof(int16);
	if (ndigits == 0)
		return 0;
	if (ndigits > MAX_DIGITS)
		return long_way(PointerGetDatum(value));
	for (int i = 0; i < ndigits; i++)
	{
		int16		digit;

		memcpy(&digit, bytes + i * sizeof(digit), sizeof(digit));
		mantissa = mantissa * BASE + digit;
	}
	exponent = 4 * (weight - ndigits + 1);
	if (mantissa >= UINT64CONST(1) << 53 || exponent > 22 || exponent < -22)
		return long_way(PointerGetDatum(value));
	result = exponent < 0 ? (double) mantissa / powers[-exponent] : (double) mantissa * powers[exponent];
	return negative ? -result : result;
}
