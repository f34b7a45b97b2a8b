/*
 * tokenize.c - words and punctuation by the conventions of the Penn Treebank
 *
 * The result is that of NLTK's word_tokenize: sentences first (sentences.c), then R. MacIntyre's rules as NLTK extends them.
 * Those are substitutions over the whole sentence, one after the other, that put spaces around what is to be split off.  Here
 * they become marks between bytes, piece by piece: a piece is what stands between spaces, and no rule looks further than the
 * spaces beside it, but for the one about the period that ends a sentence, whose place is found once a sentence.  Rules come in
 * NLTK's order, and see the spaces that earlier ones made.  They leave out what they cannot meet any more.
 *
 * Most pieces are plain words, and are known as such by one look at their bytes.  Time is linear.
 */
#include "text/tokenize.h"

#include <string.h>

#include "text/utf8.h"

/* flags of a byte: what stands before it */
#define BREAK      1			/* a space */
#define BREAK_EARLY 2			/* a space, made by the rules for opening quotes */
#define OPEN       4			/* a double quote that opens begins here */
#define CLOSE      8			/* one that closes */

#define LONG (1024 * 1024)		/* bytes of a piece between whose rules is polled */

/* classes of bytes, for what a piece needs */
enum
{
	PLAIN = 0,					/* letters, digits, and what no rule splits */
	QUOTE = 1,					/* " ' ` */
	COLON = 2,					/* : , */
	PERIOD = 4,
	PAD = 8,					/* always split off */
	DASH = 16,
	WIDE = 32					/* not ASCII */
};

static const uint8_t byte_classes[128] = {
	['"'] = QUOTE, ['\''] = QUOTE, ['`'] = QUOTE,
	[':'] = COLON, [','] = COLON,
	['.'] = PERIOD,
	[';'] = PAD, ['@'] = PAD, ['#'] = PAD, ['$'] = PAD, ['%'] = PAD, ['&'] = PAD, ['?'] = PAD, ['!'] = PAD, ['*'] = PAD,
	['('] = PAD, [')'] = PAD, ['['] = PAD, [']'] = PAD, ['{'] = PAD, ['}'] = PAD, ['<'] = PAD, ['>'] = PAD,
	['-'] = DASH
};

/* ------------------------------------------------------------------------------------------------ a piece under work */

/* What stands beside a piece. */
typedef enum Beside
{
	NOTHING,					/* the sentence's end */
	BLANK,						/* a space character */
	OTHER_SPACE					/* another kind of space */
} Beside;

typedef struct Piece
{
	const char *s;				/* [n] */
	size_t		n;
	uint8_t    *f;				/* [n + 1] flags */
	Beside		left;
	Beside		right;
} Piece;

#define BROKEN(p, i) (((p)->f[i] & BREAK) != 0)

static inline void
pad(Piece *p, size_t from, size_t to)
{
	p->f[from] |= BREAK;
	p->f[to] |= BREAK;
}

static inline bool
word_before(const Piece *p, size_t i)
{
	unsigned	length;

	return i > 0 && !BROKEN(p, i) && utf8_is_word(utf8_decode_before(p->s, i, &length));
}

static inline bool
word_at(const Piece *p, size_t i)
{
	unsigned	length;

	return i < p->n && !BROKEN(p, i) && utf8_is_word(utf8_decode(p->s + i, p->n - i, &length));
}

static inline char
lower_at(const Piece *p, size_t i)
{
	char		c = i < p->n ? p->s[i] : '\0';

	return c >= 'A' && c <= 'Z' ? (char) (c + 32) : c;
}

/* Is a space there, made by a rule or beside the piece? */
static inline bool
space_after(const Piece *p, size_t i)
{
	return i == p->n || BROKEN(p, i);
}

/* Three-byte characters U+20xx: their last two bytes tell; 0: another one. */
static inline unsigned
general_punctuation(const Piece *p, size_t i)
{
	if ((unsigned char) p->s[i] != 0xE2 || i + 2 >= p->n || (unsigned char) p->s[i + 1] != 0x80)
		return 0;
	return (unsigned char) p->s[i + 2];
}

static inline bool
chevron(const Piece *p, size_t i, unsigned char which)
{
	return (unsigned char) p->s[i] == 0xC2 && i + 1 < p->n && (unsigned char) p->s[i + 1] == which;
}

static void
opening_quotes(Piece *p)
{
	/* runs of backticks, and pairs in them; the opening quotes of typography */
	for (size_t i = 0; i < p->n; i++)
	{
		unsigned	g = general_punctuation(p, i);

		if (p->s[i] == '`')
		{
			size_t		to = i;

			while (to < p->n && p->s[to] == '`')
				to++;
			pad(p, i, to);
			for (; i + 1 < to; i += 2)
				pad(p, i, i + 2);
			i = to - 1;
		}
		else if (g == 0x9C || g == 0x98 || g == 0x9E)	/* “ ‘ „ */
			pad(p, i, i + 3);
		else if (chevron(p, i, 0xAB))	/* « */
			pad(p, i, i + 2);
	}
	if (p->left == NOTHING && p->s[0] == '"')
	{
		p->f[0] |= OPEN;
		pad(p, 0, 1);
	}
	for (size_t i = 0; i <= p->n; i++)
		if (BROKEN(p, i))
			p->f[i] |= BREAK_EARLY;

	/* double quotes behind a space or an opening bracket */
	for (size_t i = 0; i < p->n; i++)
	{
		size_t		length = p->s[i] == '"' ? 1 : p->s[i] == '\'' && i + 1 < p->n && p->s[i + 1] == '\'' ? 2 : 0;

		if (length == 0 || (p->f[i] & OPEN))
			continue;
		if (i == 0 ? p->left == BLANK || (p->f[0] & BREAK_EARLY) :
			(p->f[i] & BREAK_EARLY) || memchr("([{<", p->s[i - 1], 4) != NULL)
		{
			p->f[i] |= OPEN;
			pad(p, i, i + length);
			i += length - 1;
		}
	}

	/* an apostrophe that begins a word, unless that is a clitic */
	for (size_t i = 0; i + 1 < p->n; i++)
	{
		char		a;
		char		b;
		size_t		clitic = 0;

		if (p->s[i] != '\'' || (p->f[i] & OPEN) || (i > 0 && (p->f[i - 1] & OPEN) && p->s[i - 1] == '\''))
			continue;
		if (word_before(p, i) || !word_at(p, i + 1))
			continue;
		a = lower_at(p, i + 1);
		b = lower_at(p, i + 2);
		if ((b == 'e' && (a == 'r' || a == 'v')) || (a == 'l' && b == 'l'))
			clitic = 2;
		if (clitic == 0 || word_at(p, i + 3))
			clitic = memchr("mtsdn", a, 5) != NULL ? 1 : 0;
		if (clitic == 0 || word_at(p, i + 1 + clitic))
			p->f[i + 1] |= BREAK;
	}
}

/* stop: where in the piece the period stands that ends the sentence, n or more: not here; after_stop: the piece is behind it. */
static void
punctuation(Piece *p, size_t stop, bool after_stop)
{
	bool		blank_ends = p->right == BLANK || after_stop || stop < p->n;

	if (stop < p->n)
		pad(p, stop, stop + 1);
	for (size_t i = 0; i < p->n; i++)
	{
		unsigned	length;

		if (p->s[i] != ':' && p->s[i] != ',')
			continue;
		if (space_after(p, i + 1))
		{
			p->f[i] |= BREAK;
			continue;
		}
		if (utf8_class(utf8_decode(p->s + i + 1, p->n - i - 1, &length)) & UTF8_DIGIT)
			continue;
		pad(p, i, i + 1);
		/* the character that follows is used up: another comma stays with what comes behind it, unless it is the last */
		i += length;
		if (i == p->n - 1 && (p->s[i] == ':' || p->s[i] == ',') && p->right == NOTHING && !after_stop)
			p->f[i] |= BREAK;
	}
	for (size_t i = 0; i < p->n; i++)
	{
		unsigned	g;
		char		c = p->s[i];

		if (c == '.')
		{
			size_t		to = i + 1;

			while (to < p->n && p->s[to] == '.')
				to++;
			if (to - i >= 2)
				pad(p, i, to);
			i = to - 1;
		}
		else if (c == ';' || c == '@' || c == '#' || c == '$' || c == '%' || c == '&' || c == '?' || c == '!')
			pad(p, i, i + 1);
		else if ((g = general_punctuation(p, i)) >= 0x92 && g <= 0x95)	/* dashes */
			pad(p, i, i + 3);
	}
	/* an apostrophe before a blank */
	for (size_t i = 0; i < p->n; i++)
	{
		if (p->s[i] != '\'' || (p->f[i] & OPEN) || (i > 0 && (p->f[i - 1] & OPEN) && p->s[i - 1] == '\''))
			continue;
		if (!(BROKEN(p, i + 1) || (i + 1 == p->n && blank_ends)))
			continue;
		if (i > 0 && !BROKEN(p, i) && p->s[i - 1] == '\'')
			continue;
		p->f[i] |= BREAK;
	}
	for (size_t i = 0; i < p->n; i++)
	{
		char		c = p->s[i];

		if (c == '*' || (c != '\0' && strchr("()[]{}<>", c) != NULL))
			pad(p, i, i + 1);
		else if (c == '-' && i + 1 < p->n && p->s[i + 1] == '-' && !BROKEN(p, i + 1))
		{
			pad(p, i, i + 2);
			i++;
		}
	}
}

static void
closing_quotes(Piece *p)
{
	for (size_t i = 0; i < p->n; i++)
	{
		if (general_punctuation(p, i) == 0x9D || general_punctuation(p, i) == 0x99)	/* ” ’ */
			pad(p, i, i + 3);
		else if (chevron(p, i, 0xBB))	/* » */
			pad(p, i, i + 2);
	}
	for (size_t i = 0; i < p->n; i++)
	{
		if (p->f[i] & OPEN)
		{
			i += p->s[i] == '\'';
			continue;
		}
		if (p->s[i] == '"')
		{
			p->f[i] |= CLOSE;
			pad(p, i, i + 1);
		}
		else if (p->s[i] == '\'' && i + 1 < p->n && p->s[i + 1] == '\'' && !BROKEN(p, i + 1))
		{
			pad(p, i, i + 2);
			i++;
		}
	}
	/* 's 'm 'd and a lone apostrophe, before space and behind what is none */
	for (size_t i = 1; i < p->n; i++)
	{
		if (p->s[i] != '\'' || BROKEN(p, i) || p->s[i - 1] == '\'')
			continue;
		if (space_after(p, i + 1) ||
			(memchr("sSmMdD", p->s[i + 1], 6) != NULL && space_after(p, i + 2)))
			p->f[i] |= BREAK;
	}
	/* 'll 're 've n't */
	for (size_t i = 1; i + 2 < p->n; i++)
	{
		const char *s = p->s + i;

		if (BROKEN(p, i) || s[-1] == '\'' || BROKEN(p, i + 1) || BROKEN(p, i + 2) || !space_after(p, i + 3))
			continue;
		if ((s[0] == '\'' && (memcmp(s + 1, "ll", 2) == 0 || memcmp(s + 1, "LL", 2) == 0 || memcmp(s + 1, "re", 2) == 0 ||
							  memcmp(s + 1, "RE", 2) == 0 || memcmp(s + 1, "ve", 2) == 0 || memcmp(s + 1, "VE", 2) == 0)) ||
			memcmp(s, "n't", 3) == 0 || memcmp(s, "N'T", 3) == 0)
			p->f[i] |= BREAK;
	}
}

typedef struct Contraction
{
	const char *word;
	unsigned	length;
	unsigned	first;			/* bytes of its first part */
	bool		space;			/* only before space */
} Contraction;

static const Contraction contractions[] = {
	{"cannot", 6, 3, false},
	{"d'ye", 4, 1, false},
	{"gimme", 5, 3, false},
	{"gonna", 5, 3, false},
	{"gotta", 5, 3, false},
	{"lemme", 5, 3, false},
	{"more'n", 6, 4, false},
	{"wanna", 5, 3, true},
};

static void
contract(Piece *p)
{
	for (size_t i = 0; i + 4 <= p->n; i++)
	{
		char		c = lower_at(p, i);

		if ((c != 'c' && c != 'd' && c != 'g' && c != 'l' && c != 'm' && c != 'w') || word_before(p, i))
			continue;
		for (size_t k = 0; k < sizeof(contractions) / sizeof(contractions[0]); k++)
		{
			const Contraction *contraction = &contractions[k];
			unsigned	j = 0;

			if (contraction->length > p->n - i)
				continue;
			while (j < contraction->length && lower_at(p, i + j) == contraction->word[j] && (j == 0 || !BROKEN(p, i + j)))
				j++;
			if (j < contraction->length)
				continue;
			if (contraction->space ? space_after(p, i + j) : !word_at(p, i + j))
			{
				pad(p, i, i + j);
				p->f[i + contraction->first] |= BREAK;
			}
		}
	}
	/* 'tis and 'twas behind a space that came since: the others were split as words in an apostrophe */
	for (size_t i = 1; i + 4 <= p->n; i++)
	{
		size_t		n = lower_at(p, i + 2) == 'i' && lower_at(p, i + 3) == 's' ? 4 :
			lower_at(p, i + 2) == 'w' && lower_at(p, i + 3) == 'a' && lower_at(p, i + 4) == 's' ? 5 : 0;

		if (n > 0 && p->s[i] == '\'' && lower_at(p, i + 1) == 't' && BROKEN(p, i) && !BROKEN(p, i + 1) && !BROKEN(p, i + 2) &&
			!word_at(p, i + n))
		{
			pad(p, i, i + n);
			p->f[i + 2] |= BREAK;
		}
	}
}

/* ------------------------------------------------------------------------------------------------ the scan */

void
tokens_begin(TokenScan *scan, EcmlCtx *ctx, const char *text, size_t n, const TokenOptions *options)
{
	memset(scan, 0, offsetof(TokenScan, local));
	scan->ctx = ctx;
	scan->text = text;
	scan->options = *options;
	scan->entities = options->urls || options->emoji || options->prices || options->sizes || options->hashtags;
	scan->flags = scan->local;
	scan->room = TOKENS_LOCAL;
	sentences_begin(&scan->sentences, ctx, text, n);
}

/* The period that ends text [begin .. end): behind it stand only quotes and brackets that close, and space. */
static size_t
final_period(const char *text, size_t begin, size_t end)
{
	size_t		at = end;
	unsigned	length;

	while (at > begin && utf8_is_space(utf8_decode_before(text + begin, at - begin, &length)))
		at -= length;
	/* spaces among them are allowed, but no other kind of space */
	while (at > begin)
	{
		char		c = text[at - 1];
		uint32_t	wide;

		if (c == ']' || c == ')' || c == '}' || c == '>' || c == ' ')
			at--;
		else if (c == '"' || c == '\'')
		{
			/* none that opens */
			bool		pair = c == '\'' && at - 1 > begin && text[at - 2] == '\'';
			size_t		before = at - 1 - pair;

			if ((c == '"' || pair) && before > begin && text[before - 1] == ' ')
				return SIZE_MAX;
			at--;
		}
		else if ((unsigned char) c >= 0x80 &&
				 ((wide = utf8_decode_before(text + begin, at - begin, &length)) == 0xBB || wide == 0x201D || wide == 0x2019))
			at -= length;
		else
			break;
	}
	if (at > begin + 1 && text[at - 1] == '.' && text[at - 2] != '.')
		return at - 1;
	return SIZE_MAX;
}

/* The flags of text [begin .. end), a piece, into scan->flags. */
static void
split_piece(TokenScan *scan, size_t begin, size_t end, Beside left, Beside right, unsigned classes)
{
	size_t		n = end - begin;
	Piece		piece = {scan->text + begin, n, NULL, left, right};
	bool		in_piece = scan->stop >= begin && scan->stop < end;

	if (n + 1 > scan->room)
	{
		if (scan->flags != scan->local)
			ecml_free(scan->ctx, scan->flags);
		scan->room = n + 1 + n / 2;
		scan->flags = ECML_NEW(scan->ctx, uint8_t, scan->room);
	}
	memset(scan->flags, 0, n + 1);
	piece.f = scan->flags;
	if (classes & (QUOTE | WIDE))
		opening_quotes(&piece);
	if (n > LONG)
		ecml_poll(scan->ctx, (double) begin, (double) scan->sentences.n);
	if (classes & (COLON | PERIOD | PAD | DASH | QUOTE | WIDE))
		punctuation(&piece, in_piece ? scan->stop - begin : n, scan->stop < begin);
	if (n > LONG)
		ecml_poll(scan->ctx, (double) begin, (double) scan->sentences.n);
	if (classes & (QUOTE | WIDE))
		closing_quotes(&piece);
	contract(&piece);
}

/* Find the next piece; false: the sentence is over. */
static bool
next_piece(TokenScan *scan)
{
	const char *text = scan->text;
	size_t		at = scan->at;
	size_t		end;
	unsigned	classes = 0;
	unsigned	length;
	Beside		left;
	Beside		right;

	while (at < scan->end && (length = utf8_space_at(text, at, scan->end)) > 0)
		at += length;
	if (at == scan->end)
		return false;
	/* what was kept whole ends like a space */
	left = at == scan->begin ? NOTHING : at == scan->at || text[at - 1] == ' ' ? BLANK : OTHER_SPACE;
	if (at >= scan->run_end)
	{
		for (end = at; end < scan->end; end++)
		{
			unsigned char c = (unsigned char) text[end];

			if (c < 0x80)
			{
				if (utf8_ascii_classes[c] & UTF8_SPACE)
					break;
				classes |= byte_classes[c];
			}
			else
			{
				if (c >= 0xC2 && c <= 0xE3 && utf8_space_at(text, end, scan->end) > 0)
					break;
				classes |= WIDE;
			}
		}
		scan->run_end = end;
		scan->run_classes = classes;
	}
	end = scan->run_end;
	classes = scan->run_classes;
	right = end == scan->end ? NOTHING : text[end] == ' ' ? BLANK : OTHER_SPACE;
	scan->entity_end = 0;
	if (scan->entities)
	{
		uint32_t	before = 0;

		for (size_t i = at; i < end; i += length)
		{
			size_t		whole = token_entity(text, i, end, before, &scan->options, &scan->entity);

			if (whole > 0)
			{
				scan->entity_end = i + whole;
				end = i;
				right = BLANK;
				break;
			}
			before = utf8_decode(text + i, end - i, &length);
		}
	}
	scan->piece = scan->piece_begin = at;
	scan->piece_end = end;
	scan->at = scan->entity_end > 0 ? scan->entity_end : end;
	scan->simple = false;
	if (at == end)
		return true;
	/* nothing to split: letters and digits, and no contraction */
	if (classes == PLAIN && (end - at < 5 || end - at > 6 || memchr("cCgGlLwW", text[at], 8) == NULL))
	{
		scan->simple = true;
		return true;
	}
	split_piece(scan, at, end, left, right, classes);
	return true;
}

static TokenKind
kind_of(const char *s, size_t n)
{
	bool		digit = false;
	size_t		at = 0;

	while (at < n)
	{
		unsigned	length;
		uint8_t		class = utf8_class(utf8_decode(s + at, n - at, &length));

		if (class & UTF8_LETTER)
			return TOKEN_WORD;
		digit |= (class & (UTF8_DIGIT | UTF8_NUMBER)) != 0;
		at += length;
	}
	return digit ? TOKEN_NUMBER : TOKEN_PUNCT;
}

bool
tokens_next(TokenScan *scan, Token *token)
{
	for (;;)
	{
		if (scan->piece < scan->piece_end)
		{
			size_t		to = scan->piece_end;
			uint8_t		flags = 0;

			if (!scan->simple)
			{
				const uint8_t *f = scan->flags;

				flags = f[scan->piece - scan->piece_begin];
				for (to = scan->piece + 1; to < scan->piece_end && !(f[to - scan->piece_begin] & BREAK); to++)
					;
			}
			token->begin = scan->piece;
			token->length = to - scan->piece;
			token->sentence = scan->sentence - 1;
			token->kind = (flags & OPEN) ? TOKEN_OPEN_QUOTE : (flags & CLOSE) ? TOKEN_CLOSE_QUOTE :
				kind_of(scan->text + token->begin, token->length);
			scan->piece = to;
			return true;
		}
		if (scan->entity_end > 0)
		{
			token->begin = scan->piece_end;
			token->length = scan->entity_end - scan->piece_end;
			token->sentence = scan->sentence - 1;
			token->kind = scan->entity;
			scan->entity_end = 0;
			return true;
		}
		if (next_piece(scan))
			continue;
		/* the next sentence */
		if (scan->options.sentences)
		{
			if (!sentences_next(&scan->sentences, &scan->begin, &scan->end))
				return false;
		}
		else
		{
			if (scan->sentence > 0)
				return false;
			scan->end = scan->sentences.n;
		}
		scan->sentence++;
		scan->at = scan->run_end = scan->begin;
		scan->stop = final_period(scan->text, scan->begin, scan->end);
	}
}
