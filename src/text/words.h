/*
 * words.h - the words of a text as classes, topics and search see them: runs of letters, digits and underscores, in small letters
 *
 * The same tokens as scikit-learn's (\w\w+ of the lowercased text), but for letters whose small form is more than one character.
 * No memory is taken; time is regular in the length of the text.  Bytes that are no UTF-8 part words.
 */
#ifndef TEXT_WORDS_H
#define TEXT_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "num/text.h"

#define WORD_LIMIT 255			/* bytes of a word, in small letters; longer runs are no words */

typedef struct Words
{
	const uint8_t *start;
	const uint8_t *at;
	const uint8_t *end;
	int			least;			/* characters of a word, at least */

	/* the word at hand */
	size_t		from;			/* where it stands in the text */
	size_t		to;
	int			length;			/* bytes */
	int			chars;
	char		word[WORD_LIMIT + 5];	/* [length], a zero behind it */
} Words;

extern void words_begin(Words *words, const char *text, size_t length, int least);

/* The next word; false: there is none. */
extern bool words_next(Words *words);

#endif							/* TEXT_WORDS_H */
