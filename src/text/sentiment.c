/*
 * sentiment.c - reading a text for its sentiment
 *
 * A linear model: the score of a text is the sum of the weights of its words, of pairs of neighbours, with or without a word between,
 * and of runs of three, learnt by logistic regression (tools/sentiment/train.py), where a word counts
 *     - turned and weaker by NEGATED within three words of a negation, up to punctuation or a contrast; negated words that are
 *       frequent have a weight of their own beside ("!good");
 *     - more behind a word like "very", less behind one like "slightly";
 *     - less before a "but" in its sentence.
 * The sum of a sentence of n words is divided by sqrt(1 + n / 15), that of a text's sentences by the root of their number.
 * To that comes, for texts of more than 20 words, a prior: reviews of some length are mostly good ones.
 * Emoticons are words of their own (:) and :( after their noses are off), and so is each emoji.  Letters that repeat more than
 * twice are taken as two.
 *
 * Words are hashed in small letters, eight bytes at a time; pairs, words with one between ("worth * money"), runs of three and negated
 * words are looked up by hashes that are joined from theirs.  A table has one place for each hash (tables.pl), and phrases that may be
 * known are looked up together at the sentence's end: what cannot be foretold, a word's length or whether it is known, is no branch.
 * Tables: src/text/sentiment_tables.h, made at build time from sentiment_kinds.tsv and sentiment_words.tsv by
 * tools/text/tables.pl.  A word that is in none of them is taken for one with a probability of about 1 in 40,000.
 * About 40 ns a word; linear time; no memory.
 */
#include "text/sentiment.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "text/utf8.h"

/* kinds of words */
enum
{
	NEGATOR = 1,
	STRONGER,
	WEAKER,
	CONTRAST,
	MARKER
};

#define BEGINS_PAIR 8			/* flags: some pair begins with this word */
#define HAS_NEGATED 16			/* its negation has a weight of its own */
#define BEGINS_WIDE 32			/* some pair with a word between begins with it */
#define BEGINS_RUN 64			/* some run of three */
#define KIND 7

typedef struct SentimentEntry
{
	uint32_t	hash;
	int16_t		weight;			/* in steps of SENTIMENT_STEP */
	uint16_t	flags;
} SentimentEntry;

#include "text/sentiment_tables.h"

#define ALWAYS __attribute__((always_inline))
#define HASH_BASE UINT64_C(0x8F14E45FCEEA167A)
#define HASH_STEP UINT64_C(0x9E3779B97F4A7C15)
#define HASH_LAST UINT64_C(0xD6E8FEB86659FD93)
#define JOIN 0x85EBCA6Bu
/* how much a word counts, in hundredths */
#define PLAIN 100
#define NEGATED (-60)
#define NEGATION_REACH 3
#define STRONGER_BY 200
#define WEAKER_BY 70
#define NOT_WORD hash_end(hash_step(HASH_BASE, '!'))	/* stands before a negated word in the list */
#define ANY_WORD hash_end(hash_step(HASH_BASE, '*'))	/* and between two that have a word between them */
/* longer reviews are mostly good ones: log odds, and the words from which on they grow; see tools/sentiment/train.py */
#define PRIOR 1.0
#define SHORT 20
#define POLL_EVERY (1024 * 1024)	/* bytes: a few milliseconds */

/* The hash of a word goes over its bytes eight at a time, the first of them lowest; tables.pl and train.py do the same. */
static inline uint64_t
hash_step(uint64_t h, uint64_t eight)
{
	h = (h ^ eight) * HASH_STEP;
	return h ^ h >> 29;
}

static inline uint32_t
hash_end(uint64_t h)
{
	return (uint32_t) (h * HASH_LAST >> 32);
}

static inline uint32_t
hash_short(const char *s, unsigned n)
{
	uint64_t	eight = 0;

	for (unsigned i = 0; i < n; i++)
		eight |= (uint64_t) (unsigned char) s[i] << 8 * i;
	return hash_end(hash_step(HASH_BASE, eight));
}

/* The hash of a phrase that goes on by a word; tables.pl and train.py join the same way. */
static inline uint32_t
join(uint32_t phrase, uint32_t word)
{
	return phrase * JOIN + word;
}

/* Where the entry of a hash would be: the tables have one place for each, found by a shift that those of a group share. */
static inline uint32_t
place(uint32_t hash, uint32_t shift, int bits)
{
	return (hash ^ shift * 0xC2B2AE35u) * 0x9E3779B1u >> (32 - bits);
}

static inline const SentimentEntry *
word_place(uint32_t hash)
{
	return &sentiment_entries[place(hash, sentiment_shifts[hash & (SENTIMENT_GROUPS - 1)], SENTIMENT_BITS)];
}

/* 0 if the entry is of another hash */
static inline int
weight_at(const SentimentEntry *entry, uint32_t hash)
{
	return entry->weight & -(entry->hash == hash);
}

/*
 * The weight of a phrase, 0 if it is not known.  An entry has the upper 24 bits of the hash and a weight of 8: of phrases that are not
 * known about 1 in 30 million is taken for the one at its place for that.
 */
static inline int
phrase_weight(uint32_t hash)
{
	uint32_t	entry = sentiment_phrase_entries[place(hash, sentiment_phrase_shifts[hash & (SENTIMENT_PHRASE_GROUPS - 1)],
													   SENTIMENT_PHRASE_BITS)];

	return (int8_t) entry & -((entry ^ hash) < 256);
}

/* May there be such a phrase? 1 or 0.  Most are not known, and these bits are in the cache. */
static inline unsigned
seen(uint32_t hash)
{
	return SENTIMENT_LEARNS ? 1 : sentiment_bits[hash >> 6 & (SENTIMENT_WORDS - 1)] >> (hash & 63) & 1;
}

/* An emoticon at a place: its length, and whether it smiles. */
static size_t
emoticon(const char *s, size_t n, bool *smiles)
{
	size_t		at = 0;

	if (n >= 2 && s[0] == '<' && s[1] == '3')
	{
		*smiles = true;
		return 2;
	}
	if (n < 2 || (s[0] != ':' && s[0] != ';' && s[0] != '=' && s[0] != '8'))
		return 0;
	at = 1;
	if (at < n && (s[at] == '-' || s[at] == '\'' || s[at] == '^' || s[at] == 'o'))
		at++;
	if (at >= n)
		return 0;
	switch (s[at])
	{
		case ')': case ']': case '}': case 'D': case 'P': case 'p': case '*': case '3':
			if (s[0] == '8' || ((s[at] == 'D' || s[at] == 'P' || s[at] == 'p' || s[at] == '3') && at + 1 < n &&
								(utf8_class((unsigned char) s[at + 1] & 0x7F) & UTF8_ALNUM)))
				return 0;
			*smiles = true;
			break;
		case '(': case '[': case '{': case '/': case '\\': case '|':
			if (s[0] == '8' || (s[at] == '/' && at + 1 < n && s[at + 1] == '/'))
				return 0;
			*smiles = false;
			break;
		default:
			return 0;
	}
	return at + 1;
}

/* A word that was read. */
typedef struct Past
{
	uint32_t	hash;
	uint32_t	pair;			/* with the word before it */
	unsigned	flags;
	size_t		begin;
} Past;

#define WAITING 64

/* The score of a text, in hundredths of SENTIMENT_STEP. */
typedef struct Scoring
{
	double		total;			/* of the sentences before, each by its scale */
	size_t		sentences;		/* that have words */
	double		before;			/* of the sentence, before its last contrast */
	int64_t		sentence;		/* after that */
	int64_t		strength;		/* of all, whatever their sign */
	int			found;			/* 0: nothing that counts */
	unsigned	waiting;
	uint32_t   *phrases;		/* [WAITING] that may be known, to be looked up together */
} Scoring;

typedef struct Reading
{
	const SentimentSink *sink;	/* NULL: for the score alone */
	Scoring		scoring;
	SentimentTotals totals;
	size_t		words_before;	/* the sentence */
	int			factor;			/* of the next word */
	int			negated;		/* words still under a negation */
	Past		last;			/* the word before; no flags: something parts it from the next one */
	Past		second;			/* the one before that */
	size_t		negator;		/* where the negation begins */
} Reading;

/* ------------------------------------------------------------------------------------------------ what is done with features */

static inline double
scale(size_t words)
{
	return 1 / sqrt(1 + (double) words / 15);
}

#define WEAK 1500				/* what adds less does not make a text subjective */

static inline ALWAYS void
add(Scoring *s, int value, int weight)
{
	int			strength;

	/* no branches: they could not be foretold */
	value *= weight;
	strength = abs(value) - WEAK;
	s->sentence += value;
	s->strength += strength & ~(strength >> 31);
	s->found |= weight;
}

static inline ALWAYS void
add_phrases(Scoring *s)
{
	for (unsigned i = 0; i < s->waiting; i++)
		add(s, PLAIN, phrase_weight(s->phrases[i]));
	s->waiting = 0;
}

static inline ALWAYS void
feature(Reading *r, uint32_t hash, int value, int weight, size_t begin, size_t end)
{
	if (r->sink == NULL)
		add(&r->scoring, value, weight);
	else
		r->sink->feature(r->sink->arg, hash, value / 100.0, weight * SENTIMENT_STEP, begin, end);
}

static inline ALWAYS void
contrast(Reading *r, size_t at)
{
	if (r->sink == NULL)
	{
		add_phrases(&r->scoring);
		r->scoring.before = (r->scoring.before + (double) r->scoring.sentence) * SENTIMENT_CONTRAST;
		r->scoring.sentence = 0;
		return;
	}
	r->sink->contrast(r->sink->arg);
	r->sink->clause(r->sink->arg, at);
}

static inline ALWAYS void
clause(Reading *r, size_t at)
{
	if (r->sink != NULL)
		r->sink->clause(r->sink->arg, at);
}

static inline ALWAYS void
sentence(Reading *r, size_t at)
{
	size_t		words = r->totals.words - r->words_before;

	r->words_before = r->totals.words;
	if (r->sink == NULL)
	{
		add_phrases(&r->scoring);
		r->scoring.total += (r->scoring.before + (double) r->scoring.sentence) * scale(words);
		r->scoring.sentences += words > 0;
		r->scoring.before = 0;
		r->scoring.sentence = 0;
		return;
	}
	r->sink->sentence(r->sink->arg, at, words);
}

/* A phrase that ends with the word that ends at end. */
static inline ALWAYS void
phrase_ends(Reading *r, uint32_t hash, size_t begin, size_t end)
{
	int			weight = phrase_weight(hash);

	if (weight != 0 || SENTIMENT_LEARNS)
		feature(r, hash, PLAIN, weight, begin, end);
}

/* ------------------------------------------------------------------------------------------------ reading */

static inline ALWAYS void
word_ends(Reading *r, uint32_t alone, size_t begin, size_t end)
{
	const SentimentEntry *entry = word_place(alone);
	int			known = -(entry->hash == alone);
	int			weight = entry->weight & known;
	unsigned	flags = (entry->flags & (unsigned) known) | (SENTIMENT_LEARNS ? ~(unsigned) KIND : 0);
	uint32_t	pair = join(r->last.hash, alone);
	uint32_t	wide = join(join(r->second.hash, ANY_WORD), alone);
	uint32_t	three = join(r->last.pair, alone);
	unsigned	is_pair = seen(pair) & r->last.flags / BEGINS_PAIR;
	unsigned	is_wide = seen(wide) & r->second.flags / BEGINS_WIDE;
	unsigned	is_three = seen(three) & r->second.flags / BEGINS_RUN;
	int			value = r->factor;

	r->totals.words++;
	r->factor = PLAIN;
	if (r->negated > 0)
	{
		/* the phrase is told with what negates it; the training wants the word */
		size_t		from = SENTIMENT_LEARNS ? begin : r->negator;

		feature(r, alone, NEGATED * value / PLAIN, weight, from, end);
		if (flags & HAS_NEGATED)
		{
			uint32_t	hash = join(NOT_WORD, alone);

			feature(r, hash, value, weight_at(word_place(hash), hash), from, end);
		}
		r->negated--;
	}
	else
		feature(r, alone, value, weight, begin, end);
	if (r->sink == NULL)
	{
		Scoring    *s = &r->scoring;

		s->phrases[s->waiting] = pair;
		s->waiting += is_pair;
		s->phrases[s->waiting] = wide;
		s->waiting += is_wide;
		s->phrases[s->waiting] = three;
		s->waiting += is_three;
		if (s->waiting > WAITING - 3)
			add_phrases(s);
	}
	else
	{
		if (is_pair)
			phrase_ends(r, pair, r->last.begin, end);
		if (is_wide)
			phrase_ends(r, wide, r->second.begin, end);
		if (is_three)
			phrase_ends(r, three, r->second.begin, end);
	}
	if (flags & KIND)
	{
		static const int factors[KIND + 1] = {PLAIN, PLAIN, STRONGER_BY, WEAKER_BY, PLAIN, PLAIN, PLAIN, PLAIN};
		unsigned	kind = flags & KIND;

		r->factor = factors[kind];
		r->totals.markers += kind == MARKER;
		r->negated += (r->negated > 0) & (kind == STRONGER || kind == WEAKER);
		if (kind == NEGATOR)
		{
			/* a second one ends the first */
			r->negated = r->negated > 0 ? 0 : NEGATION_REACH;
			r->negator = begin;
		}
		else if (kind == CONTRAST)
		{
			contrast(r, begin);
			r->negated = 0;
		}
	}
	r->second = r->last;
	r->last = (Past) {alone, pair, flags, begin};
}

static inline void
parted(Reading *r)
{
	r->last.flags = r->second.flags = 0;
}

static inline ALWAYS void
sign(Reading *r, uint32_t hash, size_t begin, size_t end)
{
	feature(r, hash, PLAIN, weight_at(word_place(hash), hash), begin, end);
	parted(r);
}

#define EACH UINT64_C(0x0101010101010101)

static inline uint64_t
eight_bytes(const char *s)
{
	uint64_t	v;

	memcpy(&v, s, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	v = __builtin_bswap64(v);
#endif
	return v;
}

/* How many bytes, from the lowest on, are letters of ASCII; small: the bytes with these in small letters. */
static inline unsigned
letters(uint64_t small, uint64_t bytes)
{
	uint64_t	low = small & EACH * 0x7F;
	uint64_t	others = (~(low + EACH * (0x80 - 'a')) | (low + EACH * (0x7F - 'z')) | bytes) & EACH * 0x80;

	return others == 0 ? 8 : (unsigned) __builtin_ctzll(others) / 8;
}

/* The lowest n bytes, n from 1 to 8. */
static inline uint64_t
lowest(uint64_t eight, unsigned n)
{
	return eight & UINT64_MAX >> (64 - 8 * n);
}

/* Not 0 where three bytes in a row are the same, of the first n of them, of which no other is 0. */
static inline uint64_t
repeats(uint64_t eight, unsigned n)
{
	uint64_t	differ = eight ^ eight >> 8;

	differ |= differ >> 8;
	return lowest(((differ - EACH) & ~differ & EACH * 0x80) << 16, n);
}

/*
 * A word of at most 15 small or capital letters of ASCII, which something ends that is no part of words, not in the last 16 bytes of the
 * text: most words.  Gives its length, 0: it is another.
 */
static inline ALWAYS unsigned
plain_word(const char *s, uint32_t *hash)
{
	uint64_t	bytes = eight_bytes(s);
	uint64_t	small = bytes | EACH * 0x20;
	unsigned	n = letters(small, bytes);
	uint64_t	word;
	uint64_t	again;
	uint64_t	h;
	unsigned	next;

	if (n == 0)
		return 0;
	word = lowest(small, n);
	again = repeats(word, n);
	h = hash_step(HASH_BASE, word);
	if (n < 8)
		next = (unsigned) (bytes >> 8 * n) & 0xFF;
	else
	{
		uint64_t	more = eight_bytes(s + 8);
		uint64_t	more_small = more | EACH * 0x20;
		unsigned	m = letters(more_small, more);

		if (m == 8)
			return 0;
		next = (unsigned) (more >> 8 * m) & 0xFF;
		if (m > 0)
		{
			more_small = lowest(more_small, m);
			h = hash_step(h, more_small);
			again |= repeats(more_small, m) | repeats(word >> 48 | more_small << 16, m + 2 < 8 ? m + 2 : 8);
		}
		n += m;
	}
	*hash = hash_end(h);
	/* a digit, an apostrophe, or what is not of ASCII may go on */
	return again != 0 || next >= 0x80 || next == '\'' || next - '0' < 10 ? 0 : n;
}

/* Inlined, once for the score and once for a sink. */
static inline ALWAYS void
read_text(EcmlCtx *ctx, const char *text, size_t n, const SentimentSink *sink, SentimentTotals *totals, Scoring *scoring)
{
	uint32_t	waiting[WAITING];
	Reading		r = {.sink = sink, .factor = PLAIN, .scoring.phrases = waiting};
	size_t		at = 0;
	size_t		poll_at = POLL_EVERY;

	while (at < n)
	{
		unsigned	length;
		uint32_t	c;
		uint8_t		class;

		if (at >= poll_at)
		{
			ecml_poll(ctx, (double) at, (double) n);
			poll_at = at + POLL_EVERY;
		}
		if (n - at >= 16)
		{
			uint32_t	alone;

			length = plain_word(text + at, &alone);
			if (length > 0)
			{
				word_ends(&r, alone, at, at + length);
				at += length;
				at += text[at] == ' ';
				continue;
			}
		}
		c = utf8_decode(text + at, n - at, &length);
		class = utf8_class(c);
		if (class & UTF8_ALNUM)
		{
			uint64_t	h = HASH_BASE;
			uint64_t	eight = 0;
			unsigned	filled = 0;	/* bits of it */
			size_t		begin = at;
			uint32_t	last = 0;
			uint32_t	second = 0;

			for (;;)
			{
				uint32_t	small = c < 0x80 ? c | (class & UTF8_UPPER) << 1 : utf8_wide_lower(c);

				if (c == 0x2019)
					small = '\'';
				if (small != second || small != last || (class & UTF8_DIGIT))
				{
					char		bytes[4];
					unsigned	m = utf8_encode(small, bytes);

					for (unsigned i = 0; i < m; i++)
					{
						eight |= (uint64_t) (unsigned char) bytes[i] << filled;
						filled += 8;
						if (filled == 64)
						{
							h = hash_step(h, eight);
							eight = filled = 0;
						}
					}
				}
				second = last;
				last = small;
				at += length;
				if (at >= poll_at)
				{
					ecml_poll(ctx, (double) at, (double) n);
					poll_at = at + POLL_EVERY;
				}
				if (at >= n)
					break;
				c = utf8_decode(text + at, n - at, &length);
				class = utf8_class(c);
				if (class & (UTF8_ALNUM | UTF8_MARK))
					continue;
				if ((c == '\'' || c == 0x2019) && at + length < n)
				{
					unsigned	next;

					if (utf8_class(utf8_decode(text + at + length, n - at - length, &next)) & UTF8_ALNUM)
						continue;
				}
				break;
			}
			if (filled > 0)
				h = hash_step(h, eight);
			word_ends(&r, hash_end(h), begin, at);
			at += at < n && text[at] == ' ';
			continue;
		}
		if (class & UTF8_EMOJI)
			sign(&r, hash_short(text + at, length), at, at + length);
		else if (c == ':' || c == ';' || c == '=' || c == '<')
		{
			bool		smiles;
			size_t		m = emoticon(text + at, n - at, &smiles);

			if (m > 0)
			{
				sign(&r, hash_short(smiles ? ":)" : ":(", 2), at, at + m);
				at += m;
				continue;
			}
			r.negated = 0;
			if (c == ';')
				clause(&r, at);
		}
		else if (c == ',')
		{
			r.negated = 0;
			parted(&r);
			clause(&r, at);
		}
		else if (c == '.' || c == '!' || c == '?' || c == '\n')
		{
			/* 5.5 is no end */
			if (c != '.' || at + 1 >= n || !(utf8_class((unsigned char) text[at + 1] & 0x7F) & UTF8_DIGIT))
			{
				if (c == '!' || c == '?')
					sign(&r, hash_short(text + at, 1), at, at + 1);
				sentence(&r, at);
				r.negated = 0;
				r.factor = PLAIN;
				parted(&r);
			}
		}
		else if (!(class & (UTF8_SPACE | UTF8_MARK)))
			parted(&r);
		at += length;
	}
	sentence(&r, n);
	*totals = r.totals;
	*scoring = r.scoring;
}

void
sentiment_read(EcmlCtx *ctx, const char *text, size_t n, const SentimentSink *sink, SentimentTotals *totals)
{
	Scoring		none;

	read_text(ctx, text, n, sink, totals, &none);
}

/* ------------------------------------------------------------------------------------------------ the score */

double
sentiment_scale(size_t words)
{
	return scale(words);
}

double
sentiment_polarity(double score, size_t words)
{
	return tanh(0.5 * score * scale(words));
}

/* Log odds that a text of so many words is positive, whatever they are. */
static double
prior(size_t words)
{
	return words > SHORT ? PRIOR * (1 - SHORT / (double) words) : 0;
}

Sentiment
sentiment_of(EcmlCtx *ctx, const char *text, size_t n)
{
	Scoring		scoring;
	SentimentTotals totals;
	Sentiment	result = {0, 0};
	double		opinion;

	read_text(ctx, text, n, NULL, &totals, &scoring);
	if (scoring.found)
		result.polarity = tanh(0.5 * (scoring.total * (SENTIMENT_STEP / PLAIN) / sqrt(scoring.sentences > 0 ? (double) scoring.sentences : 1) +
									  prior(totals.words)));
	opinion = (double) scoring.strength * (SENTIMENT_STEP / PLAIN) + 0.3 * (double) totals.markers;
	if (opinion > 0)
		result.subjectivity = opinion / (opinion + 0.5 + 0.08 * (double) totals.words);
	return result;
}
