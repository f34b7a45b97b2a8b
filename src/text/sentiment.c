/*
 * sentiment.c - reading a text for its sentiment
 *
 * A linear model: the score of a text is the sum of the weights of its words, of pairs of neighbours, with or without a word between,
 * and of runs of three, learnt by logistic regression (tools/sentiment/train.py), where a word counts
 *     - turned and weaker by NEGATED within three words of a negation, up to punctuation or a contrast; negated words that are
 *       frequent have a weight of their own beside ("!good");
 *     - more behind a word like "very", less behind one like "slightly";
 *     - less before a "but" in its sentence.
 * To that comes, for texts of more than 20 words, a prior: reviews of some length are mostly good ones.
 * Emoticons are words of their own (:) and :( after their noses are off), and so is each emoji.  Letters that repeat more than
 * twice are taken as two.
 *
 * Words are hashed (FNV-1a, 32 bits, in small letters) while they are read; pairs, words with one between ("worth * money"), runs of
 * three and negated words are looked up by hashes that are joined from theirs.
 * Tables: src/text/sentiment_tables.h, made at build time from sentiment_kinds.tsv and sentiment_words.tsv by
 * tools/text/tables.pl.  A word that is in none of them is taken for one with a probability of about 1 in 40,000.
 * About 20 ns a word; linear time; no memory.
 */
#include "text/sentiment.h"

#include <math.h>
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
#define FNV_BASE 2166136261u
#define FNV_PRIME 16777619u
#define NEGATED (-0.6)
#define NEGATION_REACH 3
#define STRONGER_BY 2.0
#define WEAKER_BY 0.7
#define NOT_WORD hash_byte(FNV_BASE, '!')	/* stands before a negated word in the list */
#define ANY_WORD hash_byte(FNV_BASE, '*')	/* and between two that have a word between them */
/* longer reviews are mostly good ones: log odds, and the words from which on they grow; see tools/sentiment/train.py */
#define PRIOR 1.0
#define SHORT 20
#define POLL_EVERY (1024 * 1024)	/* bytes: a few milliseconds */

static inline uint32_t
hash_byte(uint32_t h, unsigned char c)
{
	return (h ^ c) * FNV_PRIME;
}

static inline const SentimentEntry *
find(uint32_t hash)
{
	for (uint32_t slot = (hash * 0x9E3779B1u) >> (32 - SENTIMENT_BITS);; slot = (slot + 1) & ((1u << SENTIMENT_BITS) - 1))
	{
		const SentimentEntry *entry = &sentiment_entries[slot];

		if (entry->hash == hash)
			return entry;
		if (entry->hash == 0)
			return NULL;
	}
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

typedef struct Reading
{
	const SentimentSink *sink;
	SentimentTotals *totals;
	double		factor;			/* of the next word */
	int			negated;		/* words still under a negation */
	Past		last;			/* the word before; no flags: something parts it from the next one */
	Past		second;			/* the one before that */
	size_t		negator;		/* where the negation begins */
} Reading;

/* The hash of a phrase that goes on by a word; tables.pl and train.py join the same way. */
static inline uint32_t
join(uint32_t phrase, uint32_t word)
{
	uint32_t	h = (phrase ^ phrase >> 15) * 0x85EBCA6Bu + word;

	return (h ^ h >> 13) * 0xC2B2AE35u;
}

static inline double
weight_of(const SentimentEntry *entry)
{
	return entry == NULL ? 0 : entry->weight * SENTIMENT_STEP;
}

/* A phrase that ends with the word that ends at end. */
static inline ALWAYS void
phrase_ends(Reading *r, uint32_t hash, size_t begin, size_t end)
{
	const SentimentEntry *entry = find(hash);

	if (entry != NULL || SENTIMENT_LEARNS)
		r->sink->feature(r->sink->arg, hash, 1, weight_of(entry), begin, end);
}

static inline ALWAYS void
word_ends(Reading *r, uint32_t alone, size_t begin, size_t end)
{
	const SentimentSink *sink = r->sink;
	const SentimentEntry *entry = find(alone);
	unsigned	flags = SENTIMENT_LEARNS ? ~(unsigned) KIND | (entry ? entry->flags : 0) : entry ? entry->flags : 0;
	uint32_t	pair = join(r->last.hash, alone);
	uint32_t	wide = join(join(r->second.hash, ANY_WORD), alone);
	uint32_t	three = join(r->last.pair, alone);
	unsigned	known = (seen(pair) & r->last.flags / BEGINS_PAIR) | (seen(wide) & r->second.flags / BEGINS_WIDE) << 1 |
		(seen(three) & r->second.flags / BEGINS_RUN) << 2;
	double		value = r->factor;

	r->totals->words++;
	r->factor = 1;
	if (r->negated > 0)
	{
		/* the phrase is told with what negates it; the training wants the word */
		size_t		from = SENTIMENT_LEARNS ? begin : r->negator;

		sink->feature(sink->arg, alone, NEGATED * value, weight_of(entry), from, end);
		if (flags & HAS_NEGATED)
		{
			uint32_t	hash = join(NOT_WORD, alone);

			sink->feature(sink->arg, hash, value, weight_of(find(hash)), from, end);
		}
		r->negated--;
	}
	else
		sink->feature(sink->arg, alone, value, weight_of(entry), begin, end);
	if (known & 1)
		phrase_ends(r, pair, r->last.begin, end);
	if (known & 2)
		phrase_ends(r, wide, r->second.begin, end);
	if (known & 4)
		phrase_ends(r, three, r->second.begin, end);
	if (flags & KIND)
		switch (flags & KIND)
		{
			case NEGATOR:			/* a second one ends the first */
				r->negated = r->negated > 0 ? 0 : NEGATION_REACH;
				r->negator = begin;
				break;
			case STRONGER:
				r->factor = STRONGER_BY;
				r->negated += r->negated > 0;
				break;
			case WEAKER:
				r->factor = WEAKER_BY;
				r->negated += r->negated > 0;
				break;
			case CONTRAST:
				sink->contrast(sink->arg);
				sink->clause(sink->arg, begin);
				r->negated = 0;
				break;
			case MARKER:
				r->totals->markers++;
				break;
			default:
				break;
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
	r->sink->feature(r->sink->arg, hash, 1, weight_of(find(hash)), begin, end);
	parted(r);
}

/* Inlined, so that what a sink does that is known here is inlined, too. */
static inline ALWAYS void
read_text(EcmlCtx *ctx, const char *text, size_t n, const SentimentSink *sink, SentimentTotals *totals)
{
	Reading		r = {.sink = sink, .totals = totals, .factor = 1};
	size_t		at = 0;
	size_t		poll_at = POLL_EVERY;

	memset(totals, 0, sizeof(*totals));
	while (at < n)
	{
		unsigned	length;
		uint32_t	c = utf8_decode(text + at, n - at, &length);
		uint8_t		class = utf8_class(c);

		if (at >= poll_at)
		{
			ecml_poll(ctx, (double) at, (double) n);
			poll_at = at + POLL_EVERY;
		}
		if (class & UTF8_ALNUM)
		{
			uint32_t	alone = FNV_BASE;
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
					if (small < 0x80)
						alone = hash_byte(alone, (unsigned char) small);
					else
					{
						char		bytes[4];
						unsigned	m = utf8_encode(small, bytes);

						for (unsigned i = 0; i < m; i++)
							alone = hash_byte(alone, (unsigned char) bytes[i]);
					}
				}
				second = last;
				last = small;
				at += length;
				/* most of it is plain letters */
				while (at < poll_at && at < n && (c = (unsigned char) text[at]) < 0x80 && (small = utf8_ascii_word[c]) > '9' && small != '_')
				{
					if (small != second || small != last)
						alone = hash_byte(alone, (unsigned char) small);
					second = last;
					last = small;
					at++;
				}
				if (at >= poll_at)
				{
					ecml_poll(ctx, (double) at, (double) n);
					poll_at = at + POLL_EVERY;
				}
				if (at >= n)
					break;
				c = (unsigned char) text[at];
				length = 1;
				if (c < 0x80)
					class = utf8_ascii_classes[c];
				else
				{
					c = utf8_decode(text + at, n - at, &length);
					class = utf8_class(c);
				}
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
			word_ends(&r, alone, begin, at);
			at += at < n && text[at] == ' ';
			continue;
		}
		if (class & UTF8_EMOJI)
		{
			uint32_t	h = FNV_BASE;

			for (unsigned i = 0; i < length; i++)
				h = hash_byte(h, (unsigned char) text[at + i]);
			sign(&r, h, at, at + length);
		}
		else if (c == ':' || c == ';' || c == '=' || c == '<')
		{
			bool		smiles;
			size_t		m = emoticon(text + at, n - at, &smiles);

			if (m > 0)
			{
				uint32_t	h = hash_byte(hash_byte(FNV_BASE, ':'), smiles ? ')' : '(');

				sign(&r, h, at, at + m);
				at += m;
				continue;
			}
			r.negated = 0;
			if (c == ';')
				sink->clause(sink->arg, at);
		}
		else if (c == ',')
		{
			r.negated = 0;
			parted(&r);
			sink->clause(sink->arg, at);
		}
		else if (c == '.' || c == '!' || c == '?' || c == '\n')
		{
			/* 5.5 is no end */
			if (c != '.' || at + 1 >= n || !(utf8_class((unsigned char) text[at + 1] & 0x7F) & UTF8_DIGIT))
			{
				if (c == '!' || c == '?')
					sign(&r, hash_byte(FNV_BASE, (unsigned char) c), at, at + 1);
				sink->sentence(sink->arg, at);
				r.negated = 0;
				r.factor = 1;
				parted(&r);
			}
		}
		else if (!(class & (UTF8_SPACE | UTF8_MARK)))
			parted(&r);
		at += length;
	}
	sink->sentence(sink->arg, n);
}

void
sentiment_read(EcmlCtx *ctx, const char *text, size_t n, const SentimentSink *sink, SentimentTotals *totals)
{
	read_text(ctx, text, n, sink, totals);
}

/* ------------------------------------------------------------------------------------------------ the score */

typedef struct Scoring
{
	double		total;			/* of the sentences before */
	double		sentence;
	double		strength;		/* of all, whatever their sign */
	bool		found;
} Scoring;

static void
score_feature(void *arg, uint32_t hash, double value, double weight, size_t begin, size_t end)
{
	Scoring    *s = arg;

	/* no branches: they could not be foretold */
	value *= weight;
	s->sentence += value;
	s->strength += fabs(value) > 0.15 ? fabs(value) - 0.15 : 0;
	s->found |= value != 0;
}

static void
score_contrast(void *arg)
{
	Scoring    *s = arg;

	s->sentence *= SENTIMENT_CONTRAST;
}

static void
score_clause(void *arg, size_t at)
{
}

static void
score_sentence(void *arg, size_t at)
{
	Scoring    *s = arg;

	s->total += s->sentence;
	s->sentence = 0;
}

static double
log_odds(double score, size_t words)
{
	return score / sqrt(1 + (double) words / 15);
}

double
sentiment_polarity(double score, size_t words)
{
	return tanh(0.5 * log_odds(score, words));
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
	Scoring		scoring = {0};
	SentimentSink sink = {score_feature, score_contrast, score_clause, score_sentence, &scoring};
	SentimentTotals totals;
	Sentiment	result = {0, 0};
	double		opinion;

	read_text(ctx, text, n, &sink, &totals);
	if (scoring.found)
		result.polarity = tanh(0.5 * (log_odds(scoring.total, totals.words) + prior(totals.words)));
	opinion = scoring.strength + 0.3 * (double) totals.markers;
	if (opinion > 0)
		result.subjectivity = opinion / (opinion + 0.5 + 0.08 * (double) totals.words);
	return result;
}
