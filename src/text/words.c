/*
 * words.c - the words of a text
 *
 * Letters below 128 by a table of bytes, all others by the classes of utf8.c.
 */
#include "words.h"

#include <string.h>

#include "text/utf8.h"

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
				unsigned	n;
				uint32_t	c = utf8_decode((const char *) at, end - at, &n);

				if (c == UTF8_INVALID || !utf8_is_word(c))
					break;
				if (length < WORD_LIMIT)
					length += (int) utf8_encode(utf8_to_lower(c), words->word + length);
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
			unsigned	n;

			(void) utf8_decode((const char *) at, end - at, &n);
			at += n;
		}
	}
}
