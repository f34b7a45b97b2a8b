/*
 * aspects.c - the phrases behind a sentiment, and the aspects that they speak of
 *
 * Phrases: what sentiment.c finds in a text, each with what it adds to the score; of those that overlap the strongest stays and
 * takes over what others of its sign add.  Those that add little beside the strongest are left out.
 * Aspects: a sentence is cut into clauses at commas, semicolons, "and", and contrasts.  A clause speaks of its first noun (two
 * nouns in a row are one aspect) that says nothing itself; its polarity is that of its words.  A clause with a noun and no
 * opinion goes on in the next one; one with an opinion and no noun speaks of the aspect before it in the sentence.
 */
#include "text/aspects.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "text/lemma.h"
#include "text/utf8.h"

#define LEAST 0.15				/* what a phrase must add to be one */
#define LEAST_SHARE 0.2			/* and of the strongest one, to be told */

typedef struct Phrases
{
	EcmlCtx    *ctx;
	SentimentPhrase *all;
	size_t		n;
	size_t		room;
	size_t		sentence;		/* where the sentence's phrases begin */
	size_t		contrasts;		/* of the sentence */
} Phrases;

static void
add_phrase(void *arg, uint32_t hash, double value, double weight, size_t begin, size_t end)
{
	Phrases    *phrases = arg;

	if (weight == 0)
		return;
	if (phrases->n == phrases->room)
	{
		phrases->room = 2 * phrases->room + 64;
		phrases->all = ecml_resize_array(phrases->ctx, phrases->all, phrases->room, sizeof(SentimentPhrase));
		ecml_poll(phrases->ctx, 0, 0);
	}
	phrases->all[phrases->n++] = (SentimentPhrase) {begin, end, value * weight, phrases->contrasts};
}

static void
weaken(void *arg)
{
	Phrases    *phrases = arg;

	phrases->contrasts++;
}

static void
no_clause(void *arg, size_t at)
{
}

/* What stands before contrasts is weakened by each of them: at the sentence's end, so that time stays linear in their number. */
static void
next_sentence(void *arg, size_t at, size_t words)
{
	Phrases    *phrases = arg;
	size_t		behind = phrases->contrasts;
	double		factor = 1;

	for (size_t i = phrases->n; i > phrases->sentence && behind > 0; i--)
	{
		SentimentPhrase *phrase = &phrases->all[i - 1];

		for (; behind > phrase->contrasts; behind--)
			factor *= SENTIMENT_CONTRAST;
		phrase->weight *= factor;
	}
	phrases->sentence = phrases->n;
	phrases->contrasts = 0;
}

static int
by_weight(const void *a, const void *b)
{
	const SentimentPhrase *x = a;
	const SentimentPhrase *y = b;
	double		d = fabs(y->weight) - fabs(x->weight);

	return d > 0 ? 1 : d < 0 ? -1 : (x->begin > y->begin) - (x->begin < y->begin);
}

SentimentPhrase *
sentiment_phrases(EcmlCtx *ctx, const char *text, size_t n, size_t limit, size_t *count)
{
	Phrases		phrases = {.ctx = ctx};
	SentimentSink sink = {add_phrase, weaken, no_clause, next_sentence, &phrases};
	SentimentTotals totals;
	size_t		kept = 0;
	double		least = LEAST;

	sentiment_read(ctx, text, n, &sink, &totals);
	/* neighbours that overlap come one after the other: join those of one sign */
	for (size_t i = 0; i < phrases.n; i++)
	{
		SentimentPhrase *last = kept > 0 ? &phrases.all[kept - 1] : NULL;
		SentimentPhrase *this = &phrases.all[i];

		if (last != NULL && this->begin < last->end && (last->weight > 0) == (this->weight > 0))
		{
			if (fabs(this->weight) > fabs(last->weight) || this->begin <= last->begin)
			{
				last->begin = this->begin;
				last->end = this->end;
			}
			last->weight += this->weight;
		}
		else
			phrases.all[kept++] = *this;
	}
	phrases.n = kept;
	kept = 0;
	for (size_t i = 0; i < phrases.n; i++)
		least = fmax(least, LEAST_SHARE * fabs(phrases.all[i].weight));
	for (size_t i = 0; i < phrases.n; i++)
		if (fabs(phrases.all[i].weight) >= least)
			phrases.all[kept++] = phrases.all[i];
	if (kept > 1)
		qsort(phrases.all, kept, sizeof(SentimentPhrase), by_weight);
	*count = kept < limit ? kept : limit;
	return phrases.all;
}

/* ------------------------------------------------------------------------------------------------ aspects */

typedef struct Clauses
{
	EcmlCtx    *ctx;
	const char *text;
	SentimentAspect *all;
	size_t		n;
	size_t		room;
	size_t		in_sentence;	/* aspects of this sentence */
	size_t		begin;			/* of the clause */
	size_t		from;			/* of what goes on from the clause before */
	size_t		noun_begin;		/* noun_end 0: none yet */
	size_t		noun_end;
	size_t		words;
	double		score;
	double		strongest;
	/* the word at hand, whose features come one after the other */
	char		before[32];
	size_t		before_n;
	size_t		word_begin;
	size_t		word_end;
} Clauses;

static void
close_clause(Clauses *c, size_t end)
{
	bool		opinion = c->strongest >= LEAST;

	if (opinion && c->noun_end == 0 && c->in_sentence > 0)
	{
		SentimentAspect *last = &c->all[c->n - 1];

		last->phrase_end = end;
		last->polarity = tanh(atanh(fmax(-0.999, fmin(0.999, last->polarity))) + 0.5 * c->score);
	}
	else if (opinion && c->noun_end > 0)
	{
		if (c->n == c->room)
		{
			c->room = 2 * c->room + 16;
			c->all = ecml_resize_array(c->ctx, c->all, c->room, sizeof(SentimentAspect));
			ecml_poll(c->ctx, 0, 0);
		}
		c->all[c->n++] = (SentimentAspect) {c->noun_begin, c->noun_end, c->from, end,
			sentiment_polarity(c->score, c->words)};
		c->in_sentence++;
	}
	if (opinion || c->noun_end == 0)
	{
		c->noun_end = 0;
		c->score = 0;
		c->strongest = 0;
		c->words = 0;
		c->from = SIZE_MAX;
	}
}

static bool
among(const char *word, size_t n, const char *const *list)
{
	for (; *list; list++)
		if (strlen(*list) == n && memcmp(*list, word, n) == 0)
			return true;
	return false;
}

static const char *const joints[] = {"and", "while", "whereas", NULL};
static const char *const no_aspects[] = {
	"i", "it", "a", "an", "the", "this", "that", "these", "those", "he", "she", "we", "you", "they", "my", "me", "am", "is", "are", "was", "were",
	"be", "been", "do", "did", "does", "have", "has", "had", "so", "as", "in", "at", "on", "no", "not", "or", "if", "all", "one", "thing",
	"things", "lot", "bit", "way", "time", "day", "week", "month", "year", "days", "weeks", "months", "years", "will", "can", "may",
	"might", "must", "there", "here", "its", "his", "her", "who", "what", "more", "most", "much", "many", "some", "any", "very",
	"too", "well", "like", "just", "out", "up", "down", "over", "off", "but", "for", "of", "to", "by", "with", "from", "get", "got",
	"go", "think", "look", "looks", "love", "hate", "works", "work", "use", "make", "made", "fit", "fits", "feel", "now", "then", "two",
	"three", "first", "second", "than", "them", "him", "us", "our", "your", "their", "don't", "didn't", "isn't", "wasn't", "good", "bad",
	"great", "people", "piece", "part", "reason", "problem", "issue", "problems", "issues", NULL
};

static void
read_feature(void *arg, uint32_t hash, double value, double weight, size_t begin, size_t end)
{
	Clauses    *c = arg;

	if (weight != 0)
	{
		c->score += value * weight;
		c->strongest = fmax(c->strongest, fabs(value * weight));
	}
	/* the first feature that ends here is the word */
	if (end != c->word_end)
	{
		char		small[64];
		size_t		from = end;
		size_t		n;
		unsigned	length;

		/* where the word begins: a phrase is told with its negation */
		while (from > begin)
		{
			uint32_t	ch = utf8_decode_before(c->text, from, &length);

			if (!(utf8_class(ch) & (UTF8_ALNUM | UTF8_MARK)) && ch != '\'' && ch != 0x2019)
				break;
			from -= length;
		}
		n = end - from;
		c->words++;
		if (n > 0 && n <= 30)
		{
			n = utf8_lower(c->text + from, n, small);
			if (among(small, n, joints))
			{
				close_clause(c, c->word_end > 0 ? c->word_end : from);
				c->words = 0;
			}
			else
			{
				if (c->from == SIZE_MAX)
					c->from = from;
				if (!among(small, n, no_aspects) && fabs(weight) < 1.5)
				{
					bool		follows = c->noun_end > 0 && c->noun_end + 1 == from;

					if ((c->noun_end == 0 || follows) &&
						lemma_guess(small, n, c->before_n > 0 ? c->before : NULL, c->before_n) == LEMMA_NOUN)
					{
						if (c->noun_end == 0)
							c->noun_begin = from;
						c->noun_end = end;
					}
				}
			}
			memcpy(c->before, small, n < sizeof(c->before) ? n : 0);
			c->before_n = n < sizeof(c->before) ? n : 0;
		}
		else
			c->before_n = 0;
		c->word_end = end;
	}
}

static void
read_contrast(void *arg)
{
}

static void
read_clause(void *arg, size_t at)
{
	Clauses    *c = arg;

	close_clause(c, c->word_end > 0 && c->word_end <= at ? c->word_end : at);
	c->before_n = 0;
}

static void
read_sentence(void *arg, size_t at, size_t words)
{
	Clauses    *c = arg;

	close_clause(c, at);
	c->noun_end = 0;
	c->score = c->strongest = 0;
	c->words = 0;
	c->from = SIZE_MAX;
	c->in_sentence = 0;
	c->before_n = 0;
}

SentimentAspect *
sentiment_aspects(EcmlCtx *ctx, const char *text, size_t n, size_t *count)
{
	Clauses		clauses = {.ctx = ctx, .text = text, .from = SIZE_MAX};
	SentimentSink sink = {read_feature, read_contrast, read_clause, read_sentence, &clauses};
	SentimentTotals totals;

	sentiment_read(ctx, text, n, &sink, &totals);
	*count = clauses.n;
	return clauses.all;
}
