/*
 * utf8.h - characters of UTF-8 text: decoding, classes, lower case
 *
 * A byte that begins no well-formed character (overlong, surrogate, beyond U+10FFFF, cut off) is a character by itself,
 * UTF8_INVALID, of class 0: no input makes a scan read past its end or stand still.
 * Classes are those of Unicode 14: what Python's str methods and re module call space, digit, word.
 */
#ifndef ECML_TEXT_UTF8_H
#define ECML_TEXT_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UTF8_INVALID 0xFFFFFFFFu

/* classes: a character may be of several */
#define UTF8_SPACE  1			/* str.isspace() */
#define UTF8_DIGIT  2			/* Nd */
#define UTF8_NUMBER 4			/* any other number: Nl, No */
#define UTF8_LETTER 8			/* L */
#define UTF8_UPPER  16
#define UTF8_LOWER  32
#define UTF8_EMOJI  64			/* shown as a picture by itself */
#define UTF8_MARK   128			/* M, and the joiners: belongs to the character before it */
#define UTF8_ALNUM  (UTF8_DIGIT | UTF8_NUMBER | UTF8_LETTER)

extern const uint8_t utf8_ascii_classes[128];
extern const uint8_t utf8_ascii_word[128];	/* the small form of what utf8_is_word; 0: it is none */

/* beyond ASCII */
extern uint8_t utf8_wide_class(uint32_t c);
extern uint32_t utf8_wide_lower(uint32_t c);

/* The character at s, of left > 0 bytes; *length: its bytes. */
static inline uint32_t
utf8_decode(const char *s, size_t left, unsigned *length)
{
	const unsigned char *u = (const unsigned char *) s;
	uint32_t	c = u[0];

	*length = 1;
	if (c < 0x80)
		return c;
	if (c < 0xC2)
		return UTF8_INVALID;
	if (c < 0xE0)
	{
		if (left < 2 || (u[1] & 0xC0) != 0x80)
			return UTF8_INVALID;
		*length = 2;
		return (c & 0x1F) << 6 | (u[1] & 0x3F);
	}
	if (c < 0xF0)
	{
		if (left < 3 || (u[1] & 0xC0) != 0x80 || (u[2] & 0xC0) != 0x80)
			return UTF8_INVALID;
		c = (c & 0x0F) << 12 | (uint32_t) (u[1] & 0x3F) << 6 | (u[2] & 0x3F);
		if (c < 0x800 || (c >= 0xD800 && c < 0xE000))
			return UTF8_INVALID;
		*length = 3;
		return c;
	}
	if (c < 0xF5)
	{
		if (left < 4 || (u[1] & 0xC0) != 0x80 || (u[2] & 0xC0) != 0x80 || (u[3] & 0xC0) != 0x80)
			return UTF8_INVALID;
		c = (c & 0x07) << 18 | (uint32_t) (u[1] & 0x3F) << 12 | (uint32_t) (u[2] & 0x3F) << 6 | (u[3] & 0x3F);
		if (c < 0x10000 || c > 0x10FFFF)
			return UTF8_INVALID;
		*length = 4;
		return c;
	}
	return UTF8_INVALID;
}

/* The character that ends before s + at, at > 0. */
static inline uint32_t
utf8_decode_before(const char *s, size_t at, unsigned *length)
{
	for (unsigned n = 1; n <= 4 && n <= at; n++)
	{
		unsigned char u = (unsigned char) s[at - n];

		if ((u & 0xC0) != 0x80)
		{
			uint32_t	c = utf8_decode(s + at - n, n, length);

			if (*length == n)
				return c;
			break;
		}
	}
	*length = 1;
	return UTF8_INVALID;
}

/* Write c, at most 4 bytes; gives their number. */
static inline unsigned
utf8_encode(uint32_t c, char *out)
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

static inline uint8_t
utf8_class(uint32_t c)
{
	return c < 0x80 ? utf8_ascii_classes[c] : utf8_wide_class(c);
}

static inline bool
utf8_is_space(uint32_t c)
{
	return (utf8_class(c) & UTF8_SPACE) != 0;
}

/* A character's bytes when it is space, else 0. */
static inline unsigned
utf8_space_at(const char *text, size_t at, size_t end)
{
	unsigned	length;
	unsigned char c = (unsigned char) text[at];

	if (c < 0x80)
		return (utf8_ascii_classes[c] & UTF8_SPACE) ? 1 : 0;
	if (c < 0xC2 || c > 0xE3)
		return 0;				/* no space lies beyond U+3000 */
	return utf8_is_space(utf8_decode(text + at, end - at, &length)) ? length : 0;
}

/* \w of Python's re */
static inline bool
utf8_is_word(uint32_t c)
{
	return c == '_' || (utf8_class(c) & UTF8_ALNUM) != 0;
}

static inline uint32_t
utf8_to_lower(uint32_t c)
{
	if (c < 0x80)
		return c - 'A' < 26u ? c + 32 : c;
	return utf8_wide_lower(c);
}

/* Lower case of s [n] into out, which has room for UTF8_LOWER_ROOM(n) bytes; gives the length. */
#define UTF8_LOWER_ROOM(n) ((n) + (n) / 2 + 4)
extern size_t utf8_lower(const char *s, size_t n, char *out);

/* Do the n bytes hold nothing but well-formed characters? */
extern bool utf8_valid(const char *s, size_t n);

#endif							/* ECML_TEXT_UTF8_H */
