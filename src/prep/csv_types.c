/*
 * csv_types.c - typing fields of a CSV by looking at them
 *
 * A value has a set of types, and a column the intersection of its values' sets: the order of rows does not matter, and one
 * pass is enough.  What would lose something stays text: digits with a leading zero or plus sign (codes, telephone numbers),
 * integers beyond 64 bits, years of two digits, more than six decimals of a second, dates of which the day cannot be told
 * from the month.  T and F, or Y and N, alone are too often something else; a column of them is boolean when it has both.
 *
 * Calendar: proleptic Gregorian, years 1 to 9999 (days from civil dates as in Howard Hinnant, chrono-compatible low-level
 * date algorithms, 2013).
 *
 * Cost: O(bytes) a value.
 */
#include "csv_types.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DAY INT64_C(86400000000)

static inline bool
is_digit(char c)
{
	return (unsigned char) (c - '0') < 10;
}

/* Leave blanks at both ends out. */
static inline void
trim(const char **text, size_t *length)
{
	const char *p = *text;
	const char *end = p + *length;

	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	while (end > p && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	*text = p;
	*length = end - p;
}

/* Is it that word (given in lower case), in any case? */
static bool
is_word(const char *text, size_t length, const char *word)
{
	size_t		i;

	for (i = 0; i < length && word[i]; i++)
	{
		char		c = text[i];

		if (c >= 'A' && c <= 'Z')
			c += 'a' - 'A';
		if (c != word[i])
			return false;
	}
	return i == length && word[i] == '\0';
}

/* ------------------------------------------------------------------------------------------------ numbers */

typedef struct Number
{
	uint64_t	digits;			/* of all digits without the point, when exact */
	int			scale;			/* digits after the point */
	int			exponent;
	bool		negative;
	bool		point;
	bool		has_exponent;
	bool		exact;			/* digits did not overflow */
	bool		leading_zero;	/* before another digit */
	bool		plus;
} Number;

/* A number in plain writing: sign, digits, point, digits, exponent. */
static bool
scan_number(const char *p, const char *end, Number *number)
{
	const char *first;
	int			before;
	int			after = 0;

	*number = (Number) {.exact = true};
	if (p < end && (*p == '-' || *p == '+'))
	{
		number->negative = *p == '-';
		number->plus = *p == '+';
		p++;
	}
	first = p;
	for (; p < end && is_digit(*p); p++)
	{
		number->exact &= number->digits <= UINT64_C(999999999999999999);
		number->digits = number->digits * 10 + (*p - '0');
	}
	before = p - first;
	number->leading_zero = before > 1 && *first == '0';
	if (p < end && *p == '.')
	{
		number->point = true;
		first = ++p;
		for (; p < end && is_digit(*p); p++)
		{
			number->exact &= number->digits <= UINT64_C(999999999999999999);
			number->digits = number->digits * 10 + (*p - '0');
		}
		after = p - first;
	}
	if (before + after == 0)
		return false;
	number->scale = after;
	if (p < end && (*p == 'e' || *p == 'E'))
	{
		bool		minus = false;

		number->has_exponent = true;
		p++;
		if (p < end && (*p == '-' || *p == '+'))
			minus = *p++ == '-';
		first = p;
		for (; p < end && is_digit(*p); p++)
			if (number->exponent < 100000)
				number->exponent = number->exponent * 10 + (*p - '0');
		if (p == first)
			return false;
		if (minus)
			number->exponent = -number->exponent;
	}
	return p == end;
}

/*
 * Make plain writing of a number: no blanks, no currency, no thousands, a decimal point.  Gives its beginning and *length, in
 * the text itself where nothing is to be done, else in buffer [CSV_NUMBER_LIMIT + 1]; NULL when it is no number.
 */
static const char *
plain_number(const char *text, size_t *length, const CsvNumbers *numbers, char *buffer)
{
	const char *p = text;
	size_t		n = *length;
	size_t		thousands = numbers->thousands ? strlen(numbers->thousands) : 0;
	const char *end;
	char	   *to = buffer;
	int			group = 0;		/* digits since the last separator */
	bool		grouped = false;
	bool		fraction = false;

	trim(&p, &n);
	if (n == 0 || n > CSV_NUMBER_LIMIT)
		return NULL;
	*length = n;
	if (thousands == 0 && numbers->currency == NULL && numbers->decimal == '.')
		return p;
	if (numbers->currency)
	{
		size_t		sign = *p == '-' || *p == '+';
		size_t		c = strlen(numbers->currency);

		if (sign)
			*to++ = *p++, n--;
		if (n >= c && memcmp(p, numbers->currency, c) == 0)
			p += c, n -= c;
		else if (n >= c && memcmp(p + n - c, numbers->currency, c) == 0)
			n -= c;
		trim(&p, &n);
	}
	for (end = p + n; p < end;)
	{
		if (thousands && !fraction && (size_t) (end - p) > thousands && memcmp(p, numbers->thousands, thousands) == 0)
		{
			/* one to three digits before the first, three between and after */
			if (grouped ? group != 3 : group < 1 || group > 3)
				return NULL;
			grouped = true;
			group = 0;
			p += thousands;
			continue;
		}
		if (is_digit(*p))
			group++;
		else if (*p == numbers->decimal || *p == 'e' || *p == 'E')
		{
			if (grouped && !fraction && group != 3)
				return NULL;
			fraction = true;
		}
		else if (*p == '.')
			return NULL;
		*to++ = *p == numbers->decimal ? '.' : *p;
		p++;
	}
	if (grouped && !fraction && group != 3)
		return NULL;
	*length = to - buffer;
	return *length > 0 ? buffer : NULL;
}

static const double powers[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

/* The double nearest to a number in plain writing; false when it is out of range. */
static bool
nearest_double(const char *p, size_t length, const Number *number, double *value)
{
	int			power = number->exponent - number->scale;
	char		buffer[CSV_NUMBER_LIMIT + 1];

	/* one operation on exact operands rounds once (Clinger 1990) */
	if (number->exact && number->digits <= (UINT64_C(1) << 53) && power >= -22 && power <= 22)
	{
		double		v = number->digits;

		v = power < 0 ? v / powers[-power] : v * powers[power];
		*value = number->negative ? -v : v;
		return true;
	}
	memcpy(buffer, p, length);
	buffer[length] = '\0';
	*value = strtod(buffer, NULL);
	/* what rounds to zero without being zero lost all its digits */
	return isfinite(*value) && (*value != 0 || (number->exact && number->digits == 0));
}

/* NaN and infinity as they are written: 0 none, 1 NaN, 2 infinity, 3 -infinity */
static int
special_number(const char *p, size_t length)
{
	bool		negative = length > 0 && *p == '-';

	if (is_word(p, length, "nan"))
		return 1;
	if (negative)
		p++, length--;
	return is_word(p, length, "infinity") || is_word(p, length, "inf") ? negative ? 3 : 2 : 0;
}

static uint32_t
classify_number(const char *text, size_t length, const CsvNumbers *numbers)
{
	char		buffer[CSV_NUMBER_LIMIT + 1];
	const char *p = plain_number(text, &length, numbers, buffer);
	Number		number;
	double		value;

	if (p == NULL || !scan_number(p, p + length, &number) || number.plus || number.leading_zero)
		return 0;
	if (number.has_exponent)
		return nearest_double(p, length, &number, &value) ? CSV_DOUBLE : 0;
	if (number.point)
		return nearest_double(p, length, &number, &value) ? CSV_NUMERIC | CSV_DOUBLE : CSV_NUMERIC;
	if (!number.exact || number.digits > (uint64_t) INT64_MAX + number.negative)
		return 0;
	if (number.digits <= (uint64_t) INT32_MAX + number.negative)
		return CSV_INT4 | CSV_INT8 | CSV_NUMERIC | CSV_DOUBLE;
	return CSV_INT8 | CSV_NUMERIC | CSV_DOUBLE;
}

bool
csv_to_int(const char *text, size_t length, const CsvNumbers *numbers, int64_t *value)
{
	char		buffer[CSV_NUMBER_LIMIT + 1];
	const char *p = plain_number(text, &length, numbers, buffer);
	Number		number;

	if (p == NULL || !scan_number(p, p + length, &number) || number.point || number.has_exponent || !number.exact ||
		number.digits > (uint64_t) INT64_MAX + number.negative)
		return false;
	*value = (int64_t) (number.negative ? -number.digits : number.digits);
	return true;
}

bool
csv_to_double(const char *text, size_t length, const CsvNumbers *numbers, double *value)
{
	char		buffer[CSV_NUMBER_LIMIT + 1];
	const char *p = plain_number(text, &length, numbers, buffer);
	Number		number;

	if (p == NULL)
		return false;
	if (scan_number(p, p + length, &number))
		return nearest_double(p, length, &number, value);
	switch (special_number(p, length))
	{
		case 1:
			*value = NAN;
			return true;
		case 2:
			*value = INFINITY;
			return true;
		case 3:
			*value = -INFINITY;
			return true;
	}
	return false;
}

bool
csv_to_decimal(const char *text, size_t length, const CsvNumbers *numbers, int64_t *value, int *scale, char *buffer,
			   const char **canonical)
{
	const char *p = plain_number(text, &length, numbers, buffer);
	Number		number;

	*canonical = NULL;
	if (p == NULL || !scan_number(p, p + length, &number))
		return false;
	if (number.exact && !number.has_exponent && number.digits < UINT64_C(1000000000000000000))
	{
		*value = number.negative ? -(int64_t) number.digits : (int64_t) number.digits;
		*scale = number.scale;
		return true;
	}
	memmove(buffer, p, length);
	buffer[length] = '\0';
	*canonical = buffer;
	return false;
}

/* ------------------------------------------------------------------------------------------------ booleans */

static uint32_t
classify_bool(const char *p, size_t length)
{
	if (length == 1)
		switch (*p)
		{
			case 't':
				return CSV_BOOL_T | CSV_SEEN_TRUE;
			case 'f':
				return CSV_BOOL_T | CSV_SEEN_FALSE;
			case 'T':
				return CSV_BOOL_LETTER_T | CSV_SEEN_TRUE;
			case 'F':
				return CSV_BOOL_LETTER_T | CSV_SEEN_FALSE;
			case 'y':
			case 'Y':
				return CSV_BOOL_LETTER_Y | CSV_SEEN_TRUE;
			case 'n':
			case 'N':
				return CSV_BOOL_LETTER_Y | CSV_SEEN_FALSE;
			default:
				return 0;
		}
	if (is_word(p, length, "true"))
		return CSV_BOOL_WORD | CSV_SEEN_TRUE;
	if (is_word(p, length, "false"))
		return CSV_BOOL_WORD | CSV_SEEN_FALSE;
	if (is_word(p, length, "yes"))
		return CSV_BOOL_YES | CSV_SEEN_TRUE;
	if (is_word(p, length, "no"))
		return CSV_BOOL_YES | CSV_SEEN_FALSE;
	return 0;
}

bool
csv_to_bool(const char *text, size_t length, bool *value)
{
	uint32_t	found;

	trim(&text, &length);
	found = classify_bool(text, length);
	*value = (found & CSV_SEEN_TRUE) != 0;
	return found != 0;
}

/* ------------------------------------------------------------------------------------------------ dates, times */

typedef struct Moment
{
	int			part[3];		/* of the date, as written */
	int			orders;			/* that are possible */
	bool		time;
	bool		zone;
	int64_t		microseconds;	/* since midnight, less the zone's offset */
} Moment;

static bool
is_date(int year, int month, int day)
{
	static const signed char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	if (year < 1 || year > 9999 || month < 1 || month > 12 || day < 1)
		return false;
	if (month == 2 && day == 29)
		return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	return day <= days[month - 1];
}

/* Days since 2000-01-01. */
static int32_t
days_of(int year, int month, int day)
{
	int			y = month <= 2 ? year - 1 : year;
	int			era = y / 400;
	int			of_era = y - era * 400;
	int			of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 730425;
}

/* One or more digits, at most max; their number, 0: none. */
static int
digits(const char **p, const char *end, int max, int *value)
{
	int			n = 0;

	*value = 0;
	while (*p < end && n < max && is_digit(**p))
	{
		*value = *value * 10 + (**p - '0');
		(*p)++;
		n++;
	}
	return n;
}

static bool
scan_date(const char **text, const char *end, Moment *moment)
{
	const char *p = *text;
	int		   *part = moment->part;
	int			n = digits(&p, end, 4, &part[0]);
	int			last;
	char		separator;

	if (n == 0 || p == end)
		return false;
	separator = *p++;
	if (separator != '-' && separator != '/' && separator != '.')
		return false;
	if (digits(&p, end, 2, &part[1]) == 0 || p == end || *p++ != separator)
		return false;
	last = digits(&p, end, 4, &part[2]);
	*text = p;
	if (p < end && is_digit(*p))
		return false;
	if (n == 4)
		moment->orders = last <= 2 && is_date(part[0], part[1], part[2]) ? CSV_YMD : 0;
	else if (n <= 2 && last == 4)
		/* with full stops the day is always first */
		moment->orders = (is_date(part[2], part[1], part[0]) ? CSV_DMY : 0) |
			(separator != '.' && is_date(part[2], part[0], part[1]) ? CSV_MDY : 0);
	return moment->orders != 0;
}

static bool
scan_time(const char **text, const char *end, Moment *moment)
{
	const char *p = *text;
	int			hour;
	int			minute;
	int			second = 0;
	int64_t		fraction = 0;

	if (digits(&p, end, 2, &hour) == 0 || p == end || *p++ != ':' || digits(&p, end, 2, &minute) != 2)
		return false;
	if (p < end && *p == ':')
	{
		p++;
		if (digits(&p, end, 2, &second) != 2)
			return false;
		if (p < end && (*p == '.' || *p == ','))
		{
			int			n = 0;

			for (p++; p < end && is_digit(*p); p++, n++)
			{
				if (n < 6)
					fraction = fraction * 10 + (*p - '0');
				else if (*p != '0')
					return false;
			}
			if (n == 0)
				return false;
			for (; n < 6; n++)
				fraction *= 10;
		}
	}
	if (end - p >= 2)
	{
		const char *q = *p == ' ' ? p + 1 : p;
		bool		am = end - q == 2 && is_word(q, 2, "am");
		bool		pm = end - q == 2 && is_word(q, 2, "pm");

		if (am || pm)
		{
			if (hour < 1 || hour > 12)
				return false;
			hour = hour % 12 + (pm ? 12 : 0);
			p = end;
		}
	}
	if (hour > 23 || minute > 59 || second > 59)
		return false;
	moment->time = true;
	moment->microseconds = (hour * 3600 + minute * 60 + second) * INT64_C(1000000) + fraction;
	*text = p;
	return true;
}

/* Z, +h, +hh, +hhmm, +hh:mm, +hh:mm:ss, perhaps after a blank; or UTC */
static bool
scan_zone(const char *p, const char *end, Moment *moment)
{
	int			hour;
	int			minute = 0;
	int			second = 0;
	int			n;
	int64_t		offset;
	bool		minus;

	if (p < end && *p == ' ')
		p++;
	moment->zone = true;
	if (is_word(p, end - p, "z") || is_word(p, end - p, "utc"))
		return true;
	if (p == end || (*p != '+' && *p != '-'))
		return false;
	minus = *p++ == '-';
	n = digits(&p, end, 2, &hour);
	if (n == 0)
		return false;
	if (n == 2 && p < end)
	{
		if (*p == ':')
		{
			p++;
			if (digits(&p, end, 2, &minute) != 2)
				return false;
			if (p < end)
			{
				if (*p++ != ':' || digits(&p, end, 2, &second) != 2)
					return false;
			}
		}
		else if (digits(&p, end, 2, &minute) != 2)
			return false;
	}
	if (p != end || hour > 15 || minute > 59 || second > 59)
		return false;
	offset = (hour * 3600 + minute * 60 + second) * INT64_C(1000000);
	moment->microseconds -= minus ? -offset : offset;
	return true;
}

static bool
scan_moment(const char *p, size_t length, Moment *moment)
{
	const char *end = p + length;

	*moment = (Moment) {0};
	if (!scan_date(&p, end, moment))
		return false;
	if (p == end)
		return true;
	if (*p != ' ' && *p != 'T' && *p != 't')
		return false;
	p++;
	if (!scan_time(&p, end, moment))
		return false;
	return p == end || scan_zone(p, end, moment);
}

/* Its day, in that order of parts unless the year comes first; false: it has another order. */
static bool
days_of_moment(const Moment *m, int order, int32_t *days)
{
	if (m->orders & CSV_YMD)
		*days = days_of(m->part[0], m->part[1], m->part[2]);
	else if (m->orders & order & CSV_DMY)
		*days = days_of(m->part[2], m->part[1], m->part[0]);
	else if (m->orders & order & CSV_MDY)
		*days = days_of(m->part[2], m->part[0], m->part[1]);
	else
		return false;
	return true;
}

static uint32_t
classify_moment(const char *p, size_t length)
{
	Moment		moment;

	if (length < 6 || !scan_moment(p, length, &moment))
		return 0;
	if (moment.zone)
		return moment.orders * CSV_TIMESTAMPTZ;
	if (moment.time)
		return moment.orders * CSV_TIMESTAMP;
	return moment.orders * (CSV_DATE | CSV_TIMESTAMP);
}

bool
csv_to_date(const char *text, size_t length, int order, int32_t *days)
{
	Moment		moment;
	int			special;

	trim(&text, &length);
	special = special_number(text, length);
	if (special >= 2)
	{
		*days = special == 2 ? INT32_MAX : INT32_MIN;
		return true;
	}
	return scan_moment(text, length, &moment) && !moment.time && days_of_moment(&moment, order, days);
}

bool
csv_to_timestamp(const char *text, size_t length, int order, bool zone, int64_t *microseconds)
{
	Moment		moment;
	int32_t		days;
	int			special;

	trim(&text, &length);
	special = special_number(text, length);
	if (special >= 2)
	{
		*microseconds = special == 2 ? INT64_MAX : INT64_MIN;
		return true;
	}
	if (!scan_moment(text, length, &moment) || moment.zone != zone || !days_of_moment(&moment, order, &days))
		return false;
	*microseconds = days * DAY + moment.microseconds;
	return true;
}

bool
csv_to_time(const char *text, size_t length, int64_t *microseconds)
{
	const char *end;
	Moment		moment = {0};

	trim(&text, &length);
	end = text + length;
	if (!scan_time(&text, end, &moment) || text != end)
		return false;
	*microseconds = moment.microseconds;
	return true;
}

/* ------------------------------------------------------------------------------------------------ UUIDs */

static int
hexadecimal(char c)
{
	return is_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool
csv_to_uuid(const char *text, size_t length, uint8_t *bytes)
{
	int			n = 0;

	trim(&text, &length);
	if (length != 36)
		return false;
	for (int i = 0; i < 36; i++)
	{
		bool		hyphen = i == 8 || i == 13 || i == 18 || i == 23;

		if (hyphen ? text[i] != '-' : hexadecimal(text[i]) < 0)
			return false;
		if (hyphen)
			continue;
		bytes[n / 2] = (uint8_t) (n % 2 ? bytes[n / 2] | hexadecimal(text[i]) : hexadecimal(text[i]) << 4);
		n++;
	}
	return true;
}

/* ------------------------------------------------------------------------------------------------ columns */

uint32_t
csv_classify(const char *text, size_t length, const CsvNumbers *numbers)
{
	uint32_t	types = CSV_TEXT;
	uint8_t		uuid[CSV_UUID_BYTES];
	int64_t		time;
	int			special;

	trim(&text, &length);
	if (length == 0)
		return CSV_ANY;
	if (length > CSV_NUMBER_LIMIT)
		return CSV_TEXT;
	if (length == 36 && csv_to_uuid(text, length, uuid))
		return CSV_TEXT | CSV_UUID;
	if (is_digit(*text))
	{
		types |= classify_number(text, length, numbers);
		if (types == CSV_TEXT)
			types |= classify_moment(text, length);
		/* an hour of one digit alone: 1:30 may be a score or a minute and a half */
		if (types == CSV_TEXT && length >= 5 && csv_to_time(text, length, &time))
			types |= CSV_TIME;
		return types;
	}
	switch (*text)
	{
		case 't':
		case 'T':
		case 'f':
		case 'F':
		case 'y':
		case 'Y':
			types |= classify_bool(text, length);
			break;
		case 'n':
		case 'N':
		case 'i':
		case 'I':
		case '-':
			types |= classify_bool(text, length);
			special = special_number(text, length);
			if (special == 1)
				types |= CSV_DOUBLE;
			else if (special > 1)
				types |= CSV_DOUBLE | 7 * CSV_DATE | 7 * CSV_TIMESTAMP | 7 * CSV_TIMESTAMPTZ;
			break;
	}
	if (*text == '-' || *text == '.' || *text == numbers->decimal || numbers->currency)
		types |= classify_number(text, length, numbers);
	return types;
}

/* The order that a set of them leaves, or 0. */
static int
choose_order(uint32_t orders, int dayfirst)
{
	if (orders & CSV_YMD)
		return CSV_YMD;
	if (orders == (CSV_DMY | CSV_MDY) && dayfirst >= 0)
		return dayfirst ? CSV_DMY : CSV_MDY;
	return orders == CSV_DMY || orders == CSV_MDY ? orders : 0;
}

int
csv_order(const CsvColumn *column, int dayfirst)
{
	return choose_order(column->orders, dayfirst);
}

CsvType
csv_choose(const CsvColumn *column, int dayfirst, bool use_double)
{
	uint32_t	types = column->types;

	if (!column->valued)
		return CSV_TYPE_TEXT;
	if (types & (CSV_BOOL_WORD | CSV_BOOL_YES | CSV_BOOL_T))
		return CSV_TYPE_BOOLEAN;
	if ((types & CSV_BOOL) && (column->seen & CSV_SEEN_TRUE) && (column->seen & CSV_SEEN_FALSE))
		return CSV_TYPE_BOOLEAN;
	if (types & CSV_INT4)
		return CSV_TYPE_INTEGER;
	if (types & CSV_INT8)
		return CSV_TYPE_BIGINT;
	if ((types & CSV_NUMERIC) && !(use_double && (types & CSV_DOUBLE)))
		return CSV_TYPE_NUMERIC;
	if (types & CSV_DOUBLE)
		return CSV_TYPE_DOUBLE;
	if (choose_order((types / CSV_DATE) & 7, dayfirst) != 0)
		return CSV_TYPE_DATE;
	if (choose_order((types / CSV_TIMESTAMP) & 7, dayfirst) != 0)
		return CSV_TYPE_TIMESTAMP;
	if (choose_order((types / CSV_TIMESTAMPTZ) & 7, dayfirst) != 0)
		return CSV_TYPE_TIMESTAMPTZ;
	if (types & CSV_TIME)
		return CSV_TYPE_TIME;
	if (types & CSV_UUID)
		return CSV_TYPE_UUID;
	return CSV_TYPE_TEXT;
}
