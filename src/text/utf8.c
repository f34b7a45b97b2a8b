/*
 * utf8.c - classes and lower case of characters beyond ASCII, by binary search in ranges
 *
 * The ranges of utf8_tables.h are made by tools/unicode.pl from the Unicode tables of Perl.  About 10 steps a character; ASCII
 * does not come here.  Lower case is the simple mapping of single characters.
 */
#include "text/utf8.h"

typedef struct ClassRange
{
	uint32_t	first;
	uint32_t	last;
	uint8_t		class;
} ClassRange;

/* From first to last by step, a letter's other case is so far away. */
typedef struct CaseRange
{
	uint32_t	first;
	uint32_t	last;
	uint32_t	step;
	int32_t		shift;
} CaseRange;

#include "text/utf8_tables.h"

#define S UTF8_SPACE
#define D UTF8_DIGIT
#define U (UTF8_LETTER | UTF8_UPPER)
#define L (UTF8_LETTER | UTF8_LOWER)

const uint8_t utf8_ascii_classes[128] = {
	0, 0, 0, 0, 0, 0, 0, 0, 0, S, S, S, S, S, 0, 0,
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, S, S, S, S,
	S, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	D, D, D, D, D, D, D, D, D, D, 0, 0, 0, 0, 0, 0,
	0, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U,
	U, U, U, U, U, U, U, U, U, U, U, 0, 0, 0, 0, 0,
	0, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L,
	L, L, L, L, L, L, L, L, L, L, L, 0, 0, 0, 0, 0
};

const uint8_t utf8_ascii_word[128] = {
	['0'] = '0', '1', '2', '3', '4', '5', '6', '7', '8', '9',
	['A'] = 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o', 'p', 'q', 'r', 's', 't', 'u', 'v', 'w',
	'x', 'y', 'z',
	['_'] = '_',
	['a'] = 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o', 'p', 'q', 'r', 's', 't', 'u', 'v', 'w',
	'x', 'y', 'z'
};

static const CaseRange *
find_case(const CaseRange *ranges, size_t n, uint32_t c)
{
	size_t		low = 0;
	size_t		high = n;

	while (low < high)
	{
		size_t		middle = (low + high) / 2;

		if (c > ranges[middle].last)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == n || c < ranges[low].first || (c - ranges[low].first) % ranges[low].step != 0)
		return NULL;
	return &ranges[low];
}

uint8_t
utf8_wide_class(uint32_t c)
{
	size_t		low = 0;
	size_t		high = sizeof(class_ranges) / sizeof(class_ranges[0]);
	uint8_t		class;

	while (low < high)
	{
		size_t		middle = (low + high) / 2;

		if (c > class_ranges[middle].last)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == sizeof(class_ranges) / sizeof(class_ranges[0]) || c < class_ranges[low].first)
		return 0;
	class = class_ranges[low].class;
	if (class & UTF8_LETTER)
	{
		if (find_case(upper_ranges, sizeof(upper_ranges) / sizeof(upper_ranges[0]), c) != NULL)
			class |= UTF8_UPPER;
		else if (find_case(lower_ranges, sizeof(lower_ranges) / sizeof(lower_ranges[0]), c) != NULL)
			class |= UTF8_LOWER;
	}
	return class;
}

uint32_t
utf8_wide_lower(uint32_t c)
{
	const CaseRange *range = find_case(upper_ranges, sizeof(upper_ranges) / sizeof(upper_ranges[0]), c);

	return range == NULL ? c : (uint32_t) ((int32_t) c + range->shift);
}

size_t
utf8_lower(const char *s, size_t n, char *out)
{
	size_t		at = 0;
	size_t		to = 0;

	while (at < n)
	{
		unsigned	length;
		uint32_t	c = utf8_decode(s + at, n - at, &length);

		if (c == UTF8_INVALID)
			out[to++] = s[at];
		else
			to += utf8_encode(utf8_to_lower(c), out + to);
		at += length;
	}
	return to;
}

bool
utf8_valid(const char *s, size_t n)
{
	size_t		at = 0;

	while (at < n)
	{
		unsigned	length;

		if (utf8_decode(s + at, n - at, &length) == UTF8_INVALID)
			return false;
		at += length;
	}
	return true;
}
