/*
 * sentences.c - sentence boundaries
 *
 * Method: T. Kiss, J. Strunk, "Unsupervised multilingual sentence boundary detection", Computational Linguistics 32 (2006),
 * with the decisions as NLTK's PunktSentenceTokenizer takes them, so that tokens come out alike.  A mark (. ? !) that space or
 * punctuation follows may end a sentence.  Of several marks in one word the last decides, for the word and what follows it.
 * That context is cut into Punkt's own tokens; one that ends in a period is a sentence's end unless it is a known
 * abbreviation, an initial or a number, where the next word's habits decide: whether it is known in lower case, in upper case
 * within sentences, as a frequent start.  What is known of words stands in sentences_words.h.
 * Quotes and brackets that close behind the mark go to the sentence that they close.
 *
 * Time is linear: every byte is looked at in at most two contexts.  No memory.
 */
#include "text/sentences.h"

#include <string.h>

#include "text/utf8.h"

/* what is known of a word; see Kiss and Strunk, section 4.1 */
#define ABBREVIATION 1			/* ends in a period that belongs to it */
#define STARTER      2			/* often begins sentences */
#define LOWER_SEEN   4			/* occurs in lower case */
#define LOWER_BEGINS 8			/* begins sentences in lower case */
#define UPPER_SEEN   16			/* occurs in upper case */
#define UPPER_INSIDE 32			/* ... within a sentence */

typedef struct KnownWord
{
	const char *word;
	unsigned char known;
} KnownWord;

typedef struct Collocation
{
	const char *first;			/* without its period */
	const char *second;
} Collocation;

#include "text/sentences_words.h"

#define POLL_EVERY (1024 * 1024)	/* bytes: a millisecond or two */
#define LONGEST 32				/* bytes of a known word, more than any has */

#define IS_MARK(c) ((c) == '.' || (c) == '?' || (c) == '!')

/* a quote of typography: its bytes, else 0 */
static inline unsigned
quote_at(const char *text, size_t at, size_t end)
{
	unsigned char c = (unsigned char) text[at];

	if (c == 0xC2)
		return at + 1 < end && ((unsigned char) text[at + 1] == 0xAB || (unsigned char) text[at + 1] == 0xBB) ? 2 : 0;
	if (c == 0xE2 && at + 2 < end && (unsigned char) text[at + 1] == 0x80)
	{
		c = (unsigned char) text[at + 2];
		return c == 0x98 || c == 0x99 || c == 0x9C || c == 0x9D ? 3 : 0;
	}
	return 0;
}

/* punctuation that ends a word and may follow a mark without space: its bytes, else 0 */
static inline unsigned
non_word(const char *text, size_t at, size_t end)
{
	switch (text[at])
	{
		case ')': case '"': case ';': case '}': case ']': case '*': case ':': case '@': case '\'': case '(': case '{':
		case '[': case '!': case '?':
			return 1;
		default:
			return quote_at(text, at, end);
	}
}

static const KnownWord *
find_word(const char *word, size_t n)
{
	size_t		low = 0;
	size_t		high = sizeof(known_words) / sizeof(known_words[0]);

	while (low < high)
	{
		size_t		middle = (low + high) / 2;
		int			order = strncmp(word, known_words[middle].word, n);

		if (order == 0 && known_words[middle].word[n] == '\0')
			return &known_words[middle];
		if (order > 0)
			low = middle + 1;
		else
			high = middle;		/* a known word that this one begins stands behind it */
	}
	return NULL;
}

/* ------------------------------------------------------------------------------------------------ tokens of a context */

typedef struct PunktToken
{
	size_t		begin;
	size_t		end;
	bool		period_final;
	bool		breaks;
	bool		abbreviation;
	bool		ellipsis;
	bool		initial;
	bool		number;
} PunktToken;

static inline bool
line_ends(const char *text, size_t at, size_t end)
{
	return at >= end || text[at] == '\n';
}

/* Length of "--", "..", ". . ." and their like at a place, or 0. */
static size_t
multi_char(const char *text, size_t at, size_t end)
{
	size_t		to = at;
	size_t		dots = 0;
	size_t		last = at;

	if (text[at] != '-' && text[at] != '.')
		return 0;
	while (to < end && text[to] == text[at])
		to++;
	if (to - at >= 2)
		return to - at;
	if (text[at] == '-')
		return 0;
	for (to = at; to < end && text[to] == '.';)
	{
		unsigned	space;

		dots++;
		last = to++;
		if (line_ends(text, to, end) || (space = utf8_space_at(text, to, end)) == 0)
			break;
		to += space;
	}
	return dots >= 3 ? last + 1 - at : 0;
}

static bool
word_ends(const char *text, size_t at, size_t end)
{
	if (line_ends(text, at, end) || non_word(text, at, end) || utf8_space_at(text, at, end) > 0 || multi_char(text, at, end) > 0)
		return true;
	if (text[at] != ',')
		return false;
	at++;
	return line_ends(text, at, end) || non_word(text, at, end) || utf8_space_at(text, at, end) > 0 || multi_char(text, at, end) > 0;
}

static bool
next_token(const char *text, size_t *at, size_t end, PunktToken *token)
{
	size_t		to = *at;
	unsigned	length;

	while (to < end && (length = utf8_space_at(text, to, end)) > 0)
		to += length;
	if (to >= end)
		return false;
	memset(token, 0, sizeof(*token));
	token->begin = to;
	length = (unsigned) multi_char(text, to, end);
	if (length > 0)
		to += multi_char(text, to, end);
	else
	{
		bool		word = strchr("(\"`{[:;&#*@)}]-,", text[to]) == NULL || text[to] == '\0';

		(void) utf8_decode(text + to, end - to, &length);
		to += length;
		while (word && !word_ends(text, to, end))
		{
			(void) utf8_decode(text + to, end - to, &length);
			to += length;
		}
	}
	token->end = to;
	*at = to;
	return true;
}

static bool
is_digit(const char *text, size_t at, size_t end, unsigned *length)
{
	return (utf8_class(utf8_decode(text + at, end - at, length)) & UTF8_DIGIT) != 0;
}

/* -?[.,]?digit[digit , . -]* to the end */
static bool
is_number(const char *text, size_t at, size_t end)
{
	unsigned	length;

	if (at < end && text[at] == '-')
		at++;
	if (at < end && (text[at] == '.' || text[at] == ','))
		at++;
	if (at >= end || !is_digit(text, at, end, &length))
		return false;
	for (at += length; at < end; at += length)
	{
		length = 1;
		if (text[at] != ',' && text[at] != '.' && text[at] != '-' && !is_digit(text, at, end, &length))
			return false;
	}
	return true;
}

/* The first pass: what the token by itself tells. */
static void
look_at(const char *text, PunktToken *token)
{
	size_t		n = token->end - token->begin;
	const char *s = text + token->begin;
	size_t		dots = 0;
	unsigned	length;
	char		lower[UTF8_LOWER_ROOM(LONGEST)];
	uint32_t	c;

	token->period_final = s[n - 1] == '.';
	token->number = is_number(text, token->begin, token->end);
	c = utf8_decode(s, n, &length);
	token->initial = n == length + 1 && token->period_final && utf8_is_word(c) && !(utf8_class(c) & UTF8_DIGIT);
	while (dots < n && s[dots] == '.')
		dots++;
	if (n == 1 && IS_MARK(s[0]))
		token->breaks = true;
	else if (dots == n && n >= 2)
		token->ellipsis = true;
	else if (token->period_final && s[n - 2] != '.')
	{
		const KnownWord *word = NULL;

		/* the whole, or what stands behind its last hyphen */
		if (n - 1 < LONGEST)
		{
			size_t		room = utf8_lower(s, n - 1, lower);

			word = find_word(lower, room);
		}
		if (word == NULL || !(word->known & ABBREVIATION))
		{
			size_t		from = n - 1;

			while (from > 0 && s[from - 1] != '-')
				from--;
			if (from > 0 && n - 1 - from < LONGEST)
				word = find_word(lower, utf8_lower(s + from, n - 1 - from, lower));
		}
		if (word != NULL && (word->known & ABBREVIATION))
			token->abbreviation = true;
		else
			token->breaks = true;
	}
}

/* The type of a token: lower case, a number's own, without the period that may end it. */
static const char *
type_of(const char *text, const PunktToken *token, bool without_period, char *buffer, size_t *n)
{
	size_t		length = token->end - token->begin;

	if (token->number)
	{
		*n = strlen("##number##");
		return "##number##";
	}
	if (without_period && length > 1 && token->period_final)
		length--;
	*n = 0;
	if (length >= LONGEST)
		return NULL;
	*n = utf8_lower(text + token->begin, length, buffer);
	return buffer;
}

typedef enum Starts
{
	STARTS_NOT,
	STARTS_MAYBE,
	STARTS
} Starts;

/* The second pass: what the token that follows tells. */
static void
look_at_pair(const char *text, PunktToken *first, const PunktToken *second)
{
	char		first_buffer[UTF8_LOWER_ROOM(LONGEST)];
	char		second_buffer[UTF8_LOWER_ROOM(LONGEST)];
	size_t		first_n;
	size_t		second_n;
	const char *first_type;
	const char *second_type;
	const KnownWord *word;
	unsigned char known;
	unsigned	length;
	uint8_t		class;
	Starts		starts = STARTS_MAYBE;
	char		c = text[second->begin];

	if (!first->period_final)
		return;
	first_type = type_of(text, first, true, first_buffer, &first_n);
	second_type = type_of(text, second, second->breaks, second_buffer, &second_n);
	for (size_t i = 0; first_type && second_type && i < sizeof(collocations) / sizeof(collocations[0]); i++)
		if (strlen(collocations[i].first) == first_n && memcmp(collocations[i].first, first_type, first_n) == 0 &&
			strlen(collocations[i].second) == second_n && memcmp(collocations[i].second, second_type, second_n) == 0)
		{
			first->breaks = false;
			return;
		}

	word = second_type ? find_word(second_type, second_n) : NULL;
	known = word ? word->known : 0;
	class = utf8_class(utf8_decode(text + second->begin, second->end - second->begin, &length));
	if (second->end - second->begin == 1 && strchr(";:,.!?", c) != NULL && c != '\0')
		starts = STARTS_NOT;
	else if ((class & UTF8_UPPER) && (known & LOWER_SEEN) && !(known & UPPER_INSIDE))
		starts = STARTS;
	else if ((class & UTF8_LOWER) && ((known & UPPER_SEEN) || !(known & LOWER_BEGINS)))
		starts = STARTS_NOT;

	if ((first->abbreviation || first->ellipsis) && !first->initial &&
		(starts == STARTS || ((class & UTF8_UPPER) && (known & STARTER))))
	{
		first->breaks = true;
		return;
	}
	if ((first->initial || first->number) &&
		(starts == STARTS_NOT ||
		 (starts == STARTS_MAYBE && first->initial && (class & UTF8_UPPER) && !(known & LOWER_SEEN))))
		first->breaks = false;
}

/* Is there a sentence's end in text [at .. end) with something behind it? */
static bool
contains_break(const char *text, size_t at, size_t end)
{
	PunktToken	first;
	PunktToken	second;

	if (!next_token(text, &at, end, &first))
		return false;
	look_at(text, &first);
	while (next_token(text, &at, end, &second))
	{
		look_at(text, &second);
		look_at_pair(text, &first, &second);
		if (first.breaks)
			return true;
		first = second;
	}
	return false;
}

/* ------------------------------------------------------------------------------------------------ slices */

void
sentences_begin(SentenceScan *scan, EcmlCtx *ctx, const char *text, size_t n)
{
	memset(scan, 0, sizeof(*scan));
	scan->ctx = ctx;
	scan->text = text;
	scan->n = n;
}

/* The next mark that something follows.  Gives false at the end of the text. */
static bool
next_mark(SentenceScan *scan, size_t *mark, size_t *next)
{
	const char *text = scan->text;

	for (size_t at = scan->at; at + 1 < scan->n; at++)
	{
		size_t		to = at + 1;
		unsigned	length;

		if (at >= scan->poll_at)
		{
			ecml_poll(scan->ctx, (double) at, (double) scan->n);
			scan->poll_at = at + POLL_EVERY;
		}
		if (!IS_MARK(text[at]))
			continue;
		if (non_word(text, to, scan->n))
		{
			*mark = at;
			*next = 0;
			scan->at = at + 1;
			return true;
		}
		while (to < scan->n && (length = utf8_space_at(text, to, scan->n)) > 0)
			to += length;
		if (to == at + 1)
			continue;
		if (to == scan->n)
			break;
		*mark = at;
		*next = to;
		scan->at = at + 1;
		return true;
	}
	scan->at = scan->n;
	return false;
}

/* The next mark that decides for its word, with where the word begins. */
static bool
next_context(SentenceScan *scan, size_t *word, size_t *mark, size_t *next)
{
	while (!scan->searched)
	{
		size_t		new_mark;
		size_t		new_next;
		size_t		begin;
		bool		give;

		*word = scan->word;
		*mark = scan->mark;
		*next = scan->next;
		if (!next_mark(scan, &new_mark, &new_next))
		{
			scan->searched = true;
			return scan->held;
		}
		/* the word begins behind the last ASCII space since the mark before; without one it is that mark's word still */
		for (begin = new_mark; begin > scan->mark + 1; begin--)
		{
			char		c = scan->text[begin - 1];

			if (c == ' ' || (c >= '\t' && c <= '\r'))
				break;
		}
		if (begin == scan->mark + 1 || new_mark <= scan->mark + 1)
			begin = scan->word;
		/* a word that has its mark first counts twice */
		give = scan->held && scan->mark <= begin;
		scan->held = true;
		scan->word = begin;
		scan->mark = new_mark;
		scan->next = new_next;
		if (give)
			return true;
	}
	return false;
}

static bool
next_slice(SentenceScan *scan, size_t *begin, size_t *end)
{
	size_t		word;
	size_t		mark;
	size_t		next;
	unsigned	length;

	if (scan->sliced)
		return false;
	while (next_context(scan, &word, &mark, &next))
	{
		size_t		to = mark + 1;

		if (next > 0)
			for (to = next; to < scan->n && utf8_space_at(scan->text, to, scan->n) == 0; to += length)
				(void) utf8_decode(scan->text + to, scan->n - to, &length);
		else
			to += non_word(scan->text, to, scan->n);
		if (contains_break(scan->text, word, to))
		{
			*begin = scan->slice_begin;
			*end = mark + 1;
			scan->slice_begin = next > 0 ? next : mark + 1;
			return true;
		}
	}
	scan->sliced = true;
	*begin = scan->slice_begin;
	*end = scan->n;
	while (*end > *begin && utf8_is_space(utf8_decode_before(scan->text, *end, &length)))
		*end -= length;
	return true;
}

bool
sentences_next(SentenceScan *scan, size_t *begin, size_t *end)
{
	if (!scan->begun)
	{
		scan->begun = true;
		(void) next_slice(scan, &scan->begin, &scan->end);
	}
	while (!scan->ended)
	{
		size_t		from;
		size_t		to;
		size_t		closed;

		*begin = scan->begin;
		*end = scan->end;
		if (!next_slice(scan, &from, &to))
		{
			scan->ended = true;
			return *begin < *end;
		}
		/* what closes the sentence: quotes and brackets up to space, a dash, or the end */
		closed = from;
		while (closed < to)
		{
			unsigned	quote = quote_at(scan->text, closed, to);

			if (quote == 0 && memchr("\"')]}", scan->text[closed], 5) != NULL)
				quote = 1;
			if (quote == 0)
				break;
			closed += quote;
		}
		scan->begin = from;
		scan->end = to;
		if (closed > from)
		{
			size_t		at = closed;
			unsigned	length;

			while (at < to && (length = utf8_space_at(scan->text, at, to)) > 0)
				at += length;
			if (at > closed || at == to || (at + 1 < to && scan->text[at] == '-' && scan->text[at + 1] == '-'))
			{
				*end = closed;
				scan->begin = at;
				return true;
			}
		}
		if (*begin < *end)
			return true;
	}
	return false;
}
