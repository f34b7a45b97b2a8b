/*
 * words.c - the words of a text
 *
 * Letters below 128 by a table of bytes, all others by a search in the ranges of letters.inc.
 */
#include "words.h"

#include <string.h>

#include "letters.inc"

#define COUNT(a) ((int) (sizeof(a) / sizeof((a)[0])))

bool
words_is_letter(uint32_t c)
{
	int			low = 0;
	int			high = COUNT(word_ranges) - 1;

	while (low <= high)
	{
		int			mid = (low + high) / 2;

		if (c < word_ranges[mid][0])
			high = mid - 1;
		else if (c > word_ranges[mid][1])
			low = mid + 1;
		else
			return true;
	}
	return false;
}

uint32_t
words_small(uint32_t c)
{
	int			low = 0;
	int			high = COUNT(small_runs) - 1;

	if (c < 128)
		return c >= 'A' && c <= 'Z' ? c + 32 : c;
	while (low <= high)
	{
		int			mid = (low + high) / 2;
		const int32_t *run = small_runs[mid];

		if (c < (uint32_t) run[0])
			high = mid - 1;
		else if (c > (uint32_t) run[1])
			low = mid + 1;
		else
			return (c - run[0]) % run[2] == 0 ? c + run[3] : c;
	}
	return c;
}

uint32_t
words_decode(const uint8_t *at, const uint8_t *end, int *n)
{
	uint32_t	c = at[0];
	int			more = c >= 0xF0 ? 3 : c >= 0xE0 ? 2 : 1;
	static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};

	*n = 1;
	if (c < 0x80)
		return c;
	if (c < 0xC2 || c > 0xF4 || end - at <= more)
		return UINT32_MAX;
	c &= 0x3F >> more;
	for (int i = 1; i <= more; i++)
	{
		if ((at[i] & 0xC0) != 0x80)
			return UINT32_MAX;
		c = c << 6 | (at[i] & 0x3F);
	}
	if (c < least[more] || c > 0x10FFFF)
		return UINT32_MAX;
	*n = more + 1;
	return c;
}

int
words_encode(uint32_t c, char *out)
{
	if (c < 0x80)
	{
		out[0] = (char) c;
		return 1;
	}
	if (c < 0x800)
	{
		out[0] = (char) (0xC0 | c >> 6);
		out[1] = (char) (0x80 | (c & 0x3F));
		return 2;
	}
	if (c < 0x10000)
	{
		out[0] = (char) (0xE0 | c >> 12);
		out[1] = (char) (0x80 | (c >> 6 & 0x3F));
		out[2] = (char) (0x80 | (c & 0x3F));
		return 3;
	}
	out[0] = (char) (0xF0 | c >> 18);
	out[1] = (char) (0x80 | (c >> 12 & 0x3F));
	out[2] = (char) (0x80 | (c >> 6 & 0x3F));
	out[3] = (char) (0x80 | (c & 0x3F));
	return 4;
}

void
words_begin(Words *words, const char *text, size_t length, int least)
{
	words->start = words->at = (const uint8_t *) text;
	words->end = words->at + length;
	words->least = least;
}

/* The small form of each byte of a word, 0 for other ones; from 128 on 1. */
static const uint8_t small_byte[256] = {
	['0'] = '0', '1', '2', '3', '4', '5', '6', '7', '8', '9',
	['A'] = 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o', 'p', 'q', 'r', 's', 't', 'u', 'v', 'w',
	'x', 'y', 'z',
	['_'] = '_',
	['a'] = 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o', 'p', 'q', 'r', 's', 't', 'u', 'v', 'w',
	'x', 'y', 'z',
};

bool
words_next(Words *words)
{
	const uint8_t *at = words->at;
	const uint8_t *end = words->end;

	for (;;)
	{
		int			length = 0;
		int			chars = 0;
		const uint8_t *from = at;

		while (at < end)
		{
			uint8_t		small = small_byte[*at];

			if (small)
			{
				if (length < WORD_LIMIT)
					words->word[length] = (char) small;
				length++;
				at++;
			}
			else if (*at < 0x80)
				break;
			else
			{
				int			n;
				uint32_t	c = words_decode(at, end, &n);

				if (c == UINT32_MAX || !words_is_letter(c))
					break;
				if (length < WORD_LIMIT)
					length += words_encode(words_small(c), words->word + length);
				else
					length++;
				at += n;
			}
			chars++;
		}
		if (chars >= words->least && length <= WORD_LIMIT && chars > 0)
		{
			words->from = from - words->start;
			words->to = at - words->start;
			words->length = length;
			words->chars = chars;
			words->word[length] = '\0';
			words->at = at;
			return true;
		}
		if (at == end)
		{
			words->at = at;
			return false;
		}
		/* what stopped the run, unless it was the run's own length */
		if (chars == 0)
		{
			int			n;

			(void) words_decode(at, end, &n);
			at += n;
		}
	}
}
