/*
 * hashkey.c - the hash of an SQL value: by what it means, not how it is stored
 *
 * The hash is that of num/hash.h over a canonical form of the key, which depends on neither machine, version nor
 * encoding: integers, booleans, and numbers without a fraction: their value, whatever the type's width;
 * dates: days, and times: microseconds since 2000; other numbers: the digits of their shortest form; texts and enum
 * labels: their bytes in UTF-8; uuid and bytea: their bytes; arrays and rows: the hashes of their parts, folded in
 * order; all else: its text form (of ranges in UTC and ISO style).
 *
 * This form is part of the interface (ecml_split, ecml_fold, ecml_variant), and must never change: test/data/make_split.py is a
 * second implementation.
 */
#include "core/compat.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "common/shortest_dec.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/date.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"
#include "utils/uuid.h"

#include "core/hashkey.h"
#include "num/hash.h"

#define NULL_PART UINT64CONST(0x4E554C4C)	/* a NULL in an array or row */

static uint64
hash_text(const char *text, int length, uint64 seed)
{
	char	   *utf8;

	if (GetDatabaseEncoding() == PG_UTF8 || GetDatabaseEncoding() == PG_SQL_ASCII)
		return ecml_hash_bytes(text, length, seed);
	utf8 = (char *) pg_do_encoding_conversion((unsigned char *) text, length, GetDatabaseEncoding(), PG_UTF8);
	return ecml_hash_bytes(utf8, utf8 == text ? length : (int) strlen(utf8), seed);
}

static uint64
hash_double(double x, const char *digits, uint64 seed)
{
	if (x == rint(x) && fabs(x) < 0x1p63)
		return ecml_hash_u64((uint64) (int64) x, seed);
	return hash_text(digits, strlen(digits), seed);
}

static uint64
hash_decimal(Datum value, uint64 seed)
{
	Numeric		number = DatumGetNumeric(value);
	char	   *digits;

	if (!numeric_is_nan(number) && !numeric_is_inf(number))
	{
		/* without the zeros at its end, as a number that was read with fewer of them */
		digits = DatumGetCString(DirectFunctionCall1(numeric_out, DirectFunctionCall1(numeric_trim_scale, value)));
		if (strchr(digits, '.') == NULL && strlen(digits) < 19)
			return ecml_hash_u64((uint64) strtoll(digits, NULL, 10), seed);
		if (strchr(digits, '.') == NULL && strlen(digits) <= 20)
		{
			int64		integer;

			errno = 0;
			integer = strtoll(digits, NULL, 10);
			if (errno == 0)
				return ecml_hash_u64((uint64) integer, seed);
		}
	}
	else
		digits = DatumGetCString(DirectFunctionCall1(numeric_out, value));
	return hash_text(digits, strlen(digits), seed);
}

/* The parts in order; NULLs count. */
static uint64
hash_parts(const Oid *types, int step, const Datum *values, const bool *nulls, int n, uint64 seed)
{
	uint64		h = ecml_hash_u64((uint64) n, seed);

	for (int i = 0; i < n; i++)
		h = ecml_hash_mix(ecml_hash_fold(h, nulls[i] ? NULL_PART : ecml_hash_key(types[i * step], values[i], seed)));
	return h;
}

static uint64
hash_elements(Datum value, uint64 seed)
{
	ArrayType  *array = DatumGetArrayTypeP(value);
	Oid			type = ARR_ELEMTYPE(array);
	int16		length;
	bool		by_value;
	char		align;
	Datum	   *values;
	bool	   *nulls;
	int			n;

	get_typlenbyvalalign(type, &length, &by_value, &align);
	deconstruct_array(array, type, length, by_value, align, &values, &nulls, &n);
	return hash_parts(&type, 0, values, nulls, n, seed);
}

static uint64
hash_row(Datum value, uint64 seed)
{
	HeapTupleHeader header = DatumGetHeapTupleHeader(value);
	TupleDesc	desc = lookup_rowtype_tupdesc(HeapTupleHeaderGetTypeId(header), HeapTupleHeaderGetTypMod(header));
	HeapTupleData tuple = {.t_len = HeapTupleHeaderGetDatumLength(header),.t_data = header};
	Datum	   *values = palloc((desc->natts + 1) * sizeof(Datum));
	bool	   *nulls = palloc((desc->natts + 1) * sizeof(bool));
	Oid		   *types = palloc((desc->natts + 1) * sizeof(Oid));
	int			n = 0;
	uint64		h;

	heap_deform_tuple(&tuple, desc, values, nulls);
	for (int i = 0; i < desc->natts; i++)
		if (!TupleDescAttr(desc, i)->attisdropped)
		{
			values[n] = values[i];
			nulls[n] = nulls[i];
			types[n++] = TupleDescAttr(desc, i)->atttypid;
		}
	h = hash_parts(types, 1, values, nulls, n, seed);
	ReleaseTupleDesc(desc);
	return h;
}

/* The text of a range shows times as the session's settings say; a row must not change sides with them. */
static char *
text_of_range(Oid output, Datum value)
{
	int			nest = NewGUCNestLevel();
	char	   *text;

	(void) set_config_option("TimeZone", "UTC", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	(void) set_config_option("DateStyle", "ISO, YMD", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	(void) set_config_option("IntervalStyle", "postgres", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	(void) set_config_option("extra_float_digits", "1", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	text = OidOutputFunctionCall(output, value);
	AtEOXact_GUC(true, nest);
	return text;
}

static uint64
hash_any(Oid type, Datum value, uint64 seed)
{
	Oid			base = getBaseType(type);
	Oid			output;
	bool		varlena;
	char	   *text;

	check_stack_depth();
	if (base != type)
		return ecml_hash_key(base, value, seed);
	if (OidIsValid(get_element_type(type)))
		return hash_elements(value, seed);
	if (type == RECORDOID || type_is_rowtype(type))
		return hash_row(value, seed);
	getTypeOutputInfo(type, &output, &varlena);
	text = type_is_range(type) || type_is_multirange(type) ? text_of_range(output, value) : OidOutputFunctionCall(output, value);
	return hash_text(text, strlen(text), seed);
}

uint64
ecml_hash_key(Oid type, Datum value, uint64 seed)
{
	switch (type)
	{
		case INT2OID:
			return ecml_hash_u64((uint64) (int64) DatumGetInt16(value), seed);
		case INT4OID:
			return ecml_hash_u64((uint64) (int64) DatumGetInt32(value), seed);
		case INT8OID:
			return ecml_hash_u64((uint64) DatumGetInt64(value), seed);
		case OIDOID:
			return ecml_hash_u64(DatumGetObjectId(value), seed);
		case BOOLOID:
			return ecml_hash_u64(DatumGetBool(value), seed);
		case DATEOID:
			return ecml_hash_u64((uint64) (int64) DatumGetDateADT(value), seed);
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			return ecml_hash_u64((uint64) DatumGetTimestamp(value), seed);
		case TIMEOID:
			return ecml_hash_u64((uint64) DatumGetTimeADT(value), seed);
		case INTERVALOID:
			{
				const Interval *interval = DatumGetIntervalP(value);
				uint64		parts[3] = {(uint64) (int64) interval->month, (uint64) (int64) interval->day,
										 (uint64) interval->time};
				uint64		h = ecml_hash_u64(3, seed);

				for (int i = 0; i < 3; i++)
					h = ecml_hash_mix(ecml_hash_fold(h, ecml_hash_u64(parts[i], seed)));
				return h;
			}
		case FLOAT8OID:
			{
				char		digits[DOUBLE_SHORTEST_DECIMAL_LEN];

				double_to_shortest_decimal_buf(DatumGetFloat8(value), digits);
				return hash_double(DatumGetFloat8(value), digits, seed);
			}
		case FLOAT4OID:
			{
				char		digits[FLOAT_SHORTEST_DECIMAL_LEN];

				float_to_shortest_decimal_buf(DatumGetFloat4(value), digits);
				return hash_double(DatumGetFloat4(value), digits, seed);
			}
		case NUMERICOID:
			return hash_decimal(value, seed);
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
			{
				struct varlena *text = PG_DETOAST_DATUM_PACKED(value);
				const char *bytes = VARDATA_ANY(text);
				int			length = VARSIZE_ANY_EXHDR(text);

				return hash_text(bytes, type == BPCHAROID ? bpchartruelen((char *) bytes, length) : length, seed);
			}
		case BYTEAOID:
			{
				struct varlena *bytes = PG_DETOAST_DATUM_PACKED(value);

				return ecml_hash_bytes(VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes), seed);
			}
		case UNKNOWNOID:
			return hash_text(DatumGetCString(value), strlen(DatumGetCString(value)), seed);
		case UUIDOID:
			return ecml_hash_bytes(DatumGetUUIDP(value)->data, UUID_LEN, seed);
		default:
			return hash_any(type, value, seed);
	}
}

double
ecml_hash_argument(FunctionCallInfo fcinfo, int argument, uint64 seed)
{
	Oid		   *type = fcinfo->flinfo->fn_extra;

	if (type == NULL)
	{
		type = MemoryContextAlloc(fcinfo->flinfo->fn_mcxt, sizeof(Oid));
		*type = get_fn_expr_argtype(fcinfo->flinfo, argument);
		if (!OidIsValid(*type))
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("could not determine the type of the key"),
					 errdetail("The caller passes no argument types."),
					 errhint("Call it in a plain query.")));
		fcinfo->flinfo->fn_extra = type;
	}
	return ecml_hash_unit(ecml_hash_key(*type, PG_GETARG_DATUM(argument), seed));
}
