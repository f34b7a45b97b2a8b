/*
 * words.c - the words of a text
 *
 * Classes and small forms are those of utf8.h.  A run of letters beyond the longest word is none, and costs a look at its bytes.
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
			if (*at < 0x80)
			{
				uint8_t		small = utf8_ascii_word[*at];

				if (small == 0)
					break;
				if (length < WORD_LIMIT)
					words->word[length] = (char) small;
				length++;
				at++;
			}
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
