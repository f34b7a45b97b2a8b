/*
 * entities.c - what is kept whole by option: addresses, emoji, prices, sizes, hashtags
 *
 * Each is tried where it may begin and nowhere else (a number not within a number, a mail address not within its own name), so
 * that failing costs no more than a second look at the bytes: time stays linear.
 */
#include "text/tokenize.h"

#include <string.h>

#include "text/utf8.h"

static inline bool
is_ascii_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static inline bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
begins_with(const char *text, size_t at, size_t end, const char *what)
{
	for (; *what; what++, at++)
	{
		char		c = at < end ? text[at] : '\0';

		if ((c >= 'A' && c <= 'Z' ? c + 32 : c) != *what)
			return false;
	}
	return true;
}

static inline bool
word_at(const char *text, size_t at, size_t end)
{
	unsigned	length;

	return at < end && utf8_is_word(utf8_decode(text + at, end - at, &length));
}

/* ------------------------------------------------------------------------------------------------ addresses */

static size_t
url_length(const char *text, size_t at, size_t end)
{
	size_t		to = end;
	size_t		least;
	int			open = 0;

	if (begins_with(text, at, end, "http://") || begins_with(text, at, end, "ftp://"))
		least = 7;
	else if (begins_with(text, at, end, "https://"))
		least = 8;
	else if (begins_with(text, at, end, "www."))
		least = 4;
	else
		return 0;
	for (size_t i = at; i < end; i++)
	{
		open += (text[i] == '(') - (text[i] == ')');
		if (text[i] == '<' || text[i] == '>' || text[i] == '"')
		{
			to = i;
			break;
		}
	}
	/* punctuation at its end is the sentence's */
	while (to > at + least)
	{
		char		c = text[to - 1];

		if (c == ')' && open < 0)
			open++;
		else if (strchr(".,;:!?'*]}", c) == NULL)
			break;
		to--;
	}
	return to > at + least ? to - at : 0;
}

static inline bool
mail_char(char c)
{
	return is_ascii_alnum(c) || c == '.' || c == '_' || c == '%' || c == '+' || c == '-';
}

static size_t
mail_length(const char *text, size_t at, size_t end)
{
	size_t		to = at;
	size_t		good = 0;

	while (to < end && mail_char(text[to]))
		to++;
	if (to == at || to == end || text[to] != '@')
		return 0;
	to++;
	for (bool dotted = false;; dotted = true)
	{
		size_t		label = to;

		while (to < end && (is_ascii_alnum(text[to]) || text[to] == '-'))
			to++;
		if (to == label)
			break;
		if (dotted)
			good = to;
		if (to == end || text[to] != '.')
			break;
		to++;
	}
	return good > 0 ? good - at : 0;
}

/* ------------------------------------------------------------------------------------------------ emoji */

static size_t
emoji_length(const char *text, size_t at, size_t end)
{
	size_t		to = at;
	unsigned	length;
	uint32_t	c = utf8_decode(text + at, end - at, &length);

	/* 1 with a key around it */
	if (c < 0x80)
	{
		if (!is_digit((char) c) && c != '#' && c != '*')
			return 0;
		to++;
		if (to + 3 <= end && memcmp(text + to, "\xEF\xB8\x8F", 3) == 0)
			to += 3;
		return to + 3 <= end && memcmp(text + to, "\xE2\x83\xA3", 3) == 0 ? to + 3 - at : 0;
	}
	if (c == UTF8_INVALID || c < 0x2000 || !(utf8_class(c) & UTF8_EMOJI))
		return 0;
	to += length;
	/* a flag is a pair of letters */
	if (c >= 0x1F1E6 && c <= 0x1F1FF)
	{
		if (to < end && (c = utf8_decode(text + to, end - to, &length)) >= 0x1F1E6 && c <= 0x1F1FF)
			to += length;
		return to - at;
	}
	while (to < end)
	{
		c = utf8_decode(text + to, end - to, &length);
		if (c == 0x200D)
		{
			unsigned	next;

			/* a joiner takes what it joins with it */
			to += length;
			if (to == end)
				break;
			c = utf8_decode(text + to, end - to, &next);
			if (c == UTF8_INVALID || !(utf8_class(c) & UTF8_EMOJI))
				break;
			to += next;
		}
		else if (c == 0xFE0F || c == 0xFE0E || c == 0x20E3 || (c >= 0x1F3FB && c <= 0x1F3FF) || (c >= 0xE0020 && c <= 0xE007F))
			to += length;
		else
			break;
	}
	return to - at;
}

/* ------------------------------------------------------------------------------------------------ prices and sizes */

/* Digits, in groups or with a fraction: 5  5.5  1,299.00; 0: none. */
static size_t
number_length(const char *text, size_t at, size_t end)
{
	size_t		to = at;

	if (at == end || !is_digit(text[at]))
		return 0;
	for (;;)
	{
		while (to < end && is_digit(text[to]))
			to++;
		if (to + 1 < end && (text[to] == '.' || text[to] == ',') && is_digit(text[to + 1]))
			to++;
		else
			return to - at;
	}
}

static unsigned
currency_length(const char *text, size_t at, size_t end)
{
	unsigned	length;
	uint32_t	c;

	if (at >= end)
		return 0;
	c = utf8_decode(text + at, end - at, &length);
	return c == '$' || (c >= 0xA2 && c <= 0xA5) || (c >= 0x20A0 && c <= 0x20C0) ? length : 0;
}

static size_t
price_length(const char *text, size_t at, size_t end)
{
	size_t		number;
	unsigned	currency = currency_length(text, at, end);

	if (currency > 0)
	{
		number = number_length(text, at + currency, end);
		return number > 0 ? currency + number : 0;
	}
	number = number_length(text, at, end);
	currency = number > 0 ? currency_length(text, at + number, end) : 0;
	return currency > 0 ? number + currency : 0;
}

static const char *const units[] = {
	"mm", "cm", "dm", "m", "km", "in", "inch", "inches", "ft", "feet", "yd", "mg", "g", "kg", "lb", "lbs", "oz", "ml", "cl", "dl", "l",
	"kb", "mb", "gb", "tb", "w", "kw", "kwh", "wh", "v", "a", "mah", "hz", "khz", "mhz", "ghz", "px", "mp", "dpi", "k", "p", "nm",
	"bar", "psi", "lm", "db", "rpm", "gsm", "cc", "pcs", "pc", "pk", "ct"
};

static size_t
unit_length(const char *text, size_t at, size_t end)
{
	size_t		n = 0;

	if (at < end && text[at] == '"')
		return 1;
	while (at + n < end && is_ascii_alnum(text[at + n]) && !is_digit(text[at + n]) && n < 8)
		n++;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strlen(units[i]) == n && begins_with(text, at, end, units[i]))
			return word_at(text, at + n, end) ? 0 : n;
	return 0;
}

/* number [unit] (x number [unit])*, of more than one part or with a unit at its end */
static size_t
size_length(const char *text, size_t at, size_t end)
{
	size_t		to = at;

	for (int part = 0;; part++)
	{
		size_t		number = number_length(text, to, end);
		size_t		unit;
		size_t		times;

		if (number == 0)
			return 0;
		to += number;
		unit = unit_length(text, to, end);
		to += unit;
		times = to < end && (text[to] == 'x' || text[to] == 'X') ? 1 :
			to + 1 < end && memcmp(text + to, "\xC3\x97", 2) == 0 ? 2 : 0;
		if (times > 0 && to + times < end && is_digit(text[to + times]))
		{
			to += times;
			continue;
		}
		return (part > 0 || unit > 0) && !word_at(text, to, end) ? to - at : 0;
	}
}

static size_t
tag_length(const char *text, size_t at, size_t end)
{
	size_t		to = at + 1;
	bool		letter = false;
	unsigned	length;

	while (to < end)
	{
		uint32_t	c = utf8_decode(text + to, end - to, &length);

		if (!utf8_is_word(c))
			break;
		letter |= (utf8_class(c) & UTF8_LETTER) != 0;
		to += length;
	}
	return letter ? to - at : 0;
}

size_t
token_entity(const char *text, size_t at, size_t end, uint32_t before, const TokenOptions *options, TokenKind *kind)
{
	char		c = text[at];
	size_t		n = 0;
	bool		in_word = before != 0 && before != UTF8_INVALID && utf8_is_word(before);

	if (options->urls && !in_word)
	{
		*kind = TOKEN_URL;
		if (c == 'h' || c == 'H' || c == 'f' || c == 'F' || c == 'w' || c == 'W')
			n = url_length(text, at, end);
		if (n == 0 && is_ascii_alnum(c) && before != '.' && before != '%' && before != '+' && before != '-' && before != '@')
			n = mail_length(text, at, end);
		if (n > 0)
			return n;
	}
	if (options->emoji)
	{
		*kind = TOKEN_EMOJI;
		if ((n = emoji_length(text, at, end)) > 0)
			return n;
	}
	if (options->prices && !in_word && before != '.' && before != ',')
	{
		*kind = TOKEN_PRICE;
		if ((n = price_length(text, at, end)) > 0)
			return n;
	}
	if (options->sizes && !in_word && before != '.' && before != ',' && is_digit(c))
	{
		*kind = TOKEN_SIZE;
		if ((n = size_length(text, at, end)) > 0)
			return n;
	}
	if (options->hashtags && !in_word && (c == '#' || c == '@'))
	{
		*kind = TOKEN_HASHTAG;
		if ((n = tag_length(text, at, end)) > 0)
			return n;
	}
	return 0;
}
